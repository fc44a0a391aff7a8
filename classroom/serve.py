"""`course.py serve`: one computer gives the archives in a folder to a whole class, read-only."""

import http.server
import os
import re
import socket
import sys
from pathlib import Path
from urllib.parse import unquote

import psutil

from course import make_parser
from helpers import CourseError
from helpers.files import book, fetch


def main(argv: list[str]) -> int:
    arguments = make_parser().parse_args(["serve", *argv])
    try:
        with make_server(arguments.folder, arguments.port) as server:
            print(report(server.folder, server.server_port), flush=True)
            server.serve_forever()
    except CourseError as error:
        print(error, file=sys.stderr)
    return 1


def offered(folder: Path) -> dict[str, Path]:
    """What is served: the files of this very folder, without links, hidden and unfinished ones.

    A request is looked up here by its name, so that nothing else can be reached.
    """
    return {
        entry.name: Path(entry.path)
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name)
        if entry.is_file(follow_symlinks=False)
        and entry.name[0] != "."
        and not entry.name.endswith((".part", ".lock"))
    }


class Handler(http.server.BaseHTTPRequestHandler):
    """Sends a file, or the range of it that is asked for, or at / the list of all."""

    timeout = 60  # seconds without a byte, then a client is given up

    def do_GET(self):
        name = unquote(self.path.partition("?")[0]).removeprefix("/")
        files = offered(self.server.folder)
        if name == "":
            return self.answer(200, "\n".join(files).encode(), "text/plain; charset=utf-8")
        if name not in files:
            return self.answer(404, b"There is no such file here.\n", "text/plain")
        with open(files[name], "rb") as file:
            size = os.fstat(file.fileno()).st_size
            span = re.fullmatch(r"bytes=(\d{1,15})-(\d{0,15})", self.headers["Range"] or "")
            start = int(span[1]) if span else 0
            stop = min(int(span[2]) + 1, size) if span and span[2] else size
            if span and start >= stop:
                return self.answer(416, b"", "text/plain", f"bytes */{size}")
            told = f"bytes {start}-{stop - 1}/{size}" if span else None
            self.begin(206 if span else 200, stop - start, "application/octet-stream", told)
            if self.command == "GET" and stop > start:
                self.connection.sendfile(file, start, stop - start)

    do_HEAD = do_GET

    def answer(self, code: int, body: bytes, kind: str, span: str | None = None) -> None:
        self.begin(code, len(body), kind, span)
        if self.command == "GET":
            self.wfile.write(body)

    def begin(self, code: int, length: int, kind: str, span: str | None) -> None:
        self.send_response(code)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        if span:
            self.send_header("Content-Range", span)
        self.end_headers()


class Server(http.server.ThreadingHTTPServer):
    allow_reuse_address = os.name != "nt"  # there it would let two servers have one port
    request_queue_size = 100  # a class that begins at the same moment

    def handle_error(self, request, client):
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):  # it went away
            super().handle_error(request, client)


def make_server(folder: str | Path, port: int) -> Server:
    """A server of the files in `folder`; port 0: any that is free. CourseError if it cannot be."""
    folder = Path(folder).resolve()
    if not folder.is_dir():
        raise CourseError(f"There is no folder {folder}: name the one that holds the archives.")
    try:
        server = Server(("", port), Handler)
    except (OSError, OverflowError) as error:
        raise CourseError(
            f"Port {port} cannot be had ({error}): choose another, as --port 8001."
        ) from None
    server.folder = folder
    return server


def report(folder: Path, port: int) -> str:
    """What is served, what of the book's archives is missing, and what the others type."""
    files = offered(folder)
    lines = [f"Serving the files of {folder}, read-only, until you press Ctrl-C:"]
    lines += [f"  {name} ({file.stat().st_size / 1e6:.1f} MB)" for name, file in files.items()]
    for name in book.SETS:
        url, sha1 = book.address(name)
        archive = url.rsplit("/", 1)[-1]
        command = f"python3 course.py fetch {name.removesuffix('-tiny')}"
        command += " --size tiny" if name.endswith("-tiny") else ""
        if archive not in files:
            lines.append(f"Missing: {archive}; `{command}` brings it to data/.")
        elif not fetch.matches(files[archive], sha1):
            lines.append(f"Not the right file: {archive}; delete it, and `{command}` brings it.")
    lines.append("On the other computers (one of these, in a cell %env in front of it):")
    return "\n".join([*lines, *(f"  COURSE_MIRROR=http://{a}:{port}" for a in addresses())])


def addresses() -> list[str]:
    """The IPv4 addresses of this computer in its networks."""
    up = psutil.net_if_stats()
    found = [
        address.address
        for card, known in psutil.net_if_addrs().items()
        for address in known
        if address.family == socket.AF_INET and up[card].isup
    ]
    return [a for a in found if not a.startswith("127.")] or ["127.0.0.1"]
