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
        for name, value in ({"Content-Length": len(self.server.content)} | headers).items():
            self.send_header(name, str(value))
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
def running():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.url = f"http://127.0.0.1:{server.server_port}"
        server.content, server.behave, server.requests = CONTENT, Handler.good, 0
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()
