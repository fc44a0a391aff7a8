"""A server on this computer that misbehaves as the test says, and counts what it sends."""

import contextlib
import http.server
import threading

CONTENT = bytes(range(256)) * 2000


class Handler(http.server.BaseHTTPRequestHandler):
    """server.behave(handler, n) answers the n-th request.

    server.asked: the first byte that each request wanted; server.sent: bytes of bodies.
    """

    def do_GET(self):
        span = self.headers["Range"]
        self.start = int(span.removeprefix("bytes=").rstrip("-")) if span else 0
        self.server.asked.append(self.start)
        with contextlib.suppress(ConnectionError):
            self.server.behave(self, len(self.server.asked))

    def status(self, code: int, **headers) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def head(self, **headers) -> None:
        """The beginning of an answer with the file, or with the part that was asked for."""
        size = len(self.server.content)
        if self.start:
            headers = {"Content_Range": f"bytes {self.start}-{size - 1}/{size}"} | headers
        headers = {"Content_Length": size - self.start} | headers
        self.status(206 if self.start else 200, **headers)

    def body(self, stop: int | None = None) -> None:
        """The file from where it was asked for up to `stop`."""
        piece = self.server.content[self.start : stop]
        self.start += len(piece)
        self.server.sent += len(piece)  # before the client has it and goes on
        self.wfile.write(piece)

    def good(self, n: int = 0) -> None:
        if self.start >= len(self.server.content):
            return self.status(416, Content_Length=0)
        self.head()
        self.body()

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def running(tls=None):
    """The server; tls: an ssl.SSLContext for https."""

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, request, client):
            pass  # a client that goes away is what the tests want

    with Server(("127.0.0.1", 0), Handler) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        server.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
        server.content, server.behave = CONTENT, Handler.good
        server.asked, server.sent = [], 0
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()
