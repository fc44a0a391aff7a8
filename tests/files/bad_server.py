"""A server on this computer that misbehaves as the test says, and counts its requests."""

import contextlib
import http.server
import threading

CONTENT = bytes(range(256)) * 2000


class Handler(http.server.BaseHTTPRequestHandler):
    """server.behave(handler, n) answers the n-th request; server.requests: how many there were."""

    def do_GET(self):
        self.server.requests += 1
        with contextlib.suppress(ConnectionError):
            self.server.behave(self, self.server.requests)

    def begin(self, code: int = 200, **headers) -> None:
        """Sends all but the content."""
        self.send_response(code)
        for name, value in ({"Content_Length": len(self.server.content)} | headers).items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def good(self, n: int = 0) -> None:
        self.begin()
        self.wfile.write(self.server.content)

    def cut(self, n: int = 0) -> None:
        self.begin()
        self.wfile.write(self.server.content[: len(self.server.content) // 2])

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
        server.content, server.behave, server.requests = CONTENT, Handler.good, 0
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()
