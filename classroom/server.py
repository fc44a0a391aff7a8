"""`course.py class`: the page on the wall that shows what the students of a room guess and solve.

Tornado, which Jupyter brings, serves it to the room; classroom/room.py checks and keeps what
comes in; classroom/live.py is the student's side.
"""

import asyncio
import errno
import json
import logging
import socket
import sqlite3
import sys
import webbrowser
from argparse import Namespace
from contextlib import suppress
from pathlib import Path

import psutil
from tornado.iostream import StreamClosedError
from tornado.web import Application, HTTPError, RequestHandler, stream_request_body

from classroom.room import MESSAGE, NOT_A_MESSAGE, Refused, Room

PAGE = Path(__file__).with_name("class.html")
PAUSE = 0.2  # seconds in which changes are collected before the pages get them
HEARTBEAT = 10.0  # seconds after which a page without news is told that the class is still there
PAGES = 300  # open at once
SAFE = {
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline'; connect-src "
    "'self'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def main(arguments: Namespace) -> int:
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(arguments.file.absolute(), arguments.port, arguments.browser))
    print(f"\nWhat came in is in {arguments.file}: the same command goes on with it.")
    return 0


async def serve(file: Path, port: int, browser: bool = False) -> None:
    """Serves the class that is kept in a file until the process is interrupted."""
    try:
        room = Room(file)
    except (OSError, sqlite3.Error) as error:
        sys.exit(f"{file} cannot be opened as a class ({error}): name another file.")
    own = addresses()
    wall = f"http://{own[0]}:{port}"
    application = Application(
        [("/", Page), ("/events", Events), ("/said", Said), ("/reveal", Reveal)],
        default_handler_class=Handler,
        log_function=lambda handler: None,  # who asks for what is nobody's business
        room=room,
        own=own,
        wall=wall,
    )
    logging.getLogger("tornado.general").setLevel(logging.ERROR)  # not each malformed request
    try:
        application.listen(
            port, max_body_size=2**40, body_timeout=20, idle_connection_timeout=60
        )  # a large body is not kept, but read to its end, so that its sender hears why
    except OSError as error:
        reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be had ({error})"
        sys.exit(f"Port {port} {reason}: choose another one with --port.")
    print(f"The class is at {wall}; students set COURSE_CLASS={wall}")
    if own[1:-1]:
        print(
            f"This computer is also {', '.join(own[1:-1])}: one of them may be the room's network."
        )
    print(f"Yours, with the keys: http://127.0.0.1:{port}   (Ctrl+C ends it)", flush=True)
    if browser:
        webbrowser.open(f"http://127.0.0.1:{port}")
    await asyncio.Event().wait()


def addresses() -> list[str]:
    """Returns this computer's addresses, the one of the way out first; 127.0.0.1 is the last."""
    found = []
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way_out:
        way_out.connect(("10.255.255.255", 1))  # sends nothing
        found.append(way_out.getsockname()[0])
    for cards in psutil.net_if_addrs().values():
        found += [card.address for card in cards if card.family == socket.AF_INET]
    others = [address for address in found if not address.startswith("127.")]
    return [*dict.fromkeys(others), "127.0.0.1"]


class Handler(RequestHandler):
    """Answers with one sentence, "" if all is well."""

    def initialize(self) -> None:
        self.room: Room = self.settings["room"]

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        for name, value in SAFE.items():
            self.set_header(name, value)

    def prepare(self) -> None:
        if type(self) is Handler:
            raise HTTPError(404)

    def answer(self, sentence: str = "", status: int = 200) -> None:
        self.set_status(status)
        self.finish({"sentence": sentence})

    def write_error(self, status_code: int, **details: object) -> None:
        self.answer(f"{NOT_A_MESSAGE[:-1]} (HTTP {status_code}).", status_code)

    def is_teacher(self) -> bool:
        """Returns whether the page is open on the computer that serves it."""
        return self.request.remote_ip in {*self.settings["own"], "::1"}


class Page(Handler):
    def get(self) -> None:
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(PAGE.read_bytes())


@stream_request_body
class Message(Handler):
    """Reads a body, but keeps no more of it than a message may have."""

    def prepare(self) -> None:
        self.body = bytearray()

    def data_received(self, chunk: bytes) -> None:
        self.body += chunk[: MESSAGE + 1 - len(self.body)]

    def post(self) -> None:
        kind = self.request.headers.get("Content-Type", "")
        try:
            if kind.partition(";")[0] != "application/json":  # other sites cannot send that
                raise Refused(NOT_A_MESSAGE, 415)
            self.take(bytes(self.body))
            self.answer()
        except Refused as refused:
            self.answer(str(refused), refused.status)

    def take(self, body: bytes) -> None:
        raise NotImplementedError


class Said(Message):
    def take(self, body: bytes) -> None:
        self.room.hear(body, self.request.remote_ip)


class Reveal(Message):
    def take(self, body: bytes) -> None:
        if not self.is_teacher():
            raise Refused("Only the computer that serves the class can do that: ask there.", 403)
        with suppress(ValueError, RecursionError):
            name = json.loads(body)
            self.room.reveal(name if isinstance(name, str) else None)
            return
        raise Refused(NOT_A_MESSAGE)


class Events(Handler):
    """Server-sent events: at first all questions and exercises, then those that change."""

    async def get(self) -> None:
        if len(self.room.changed) >= PAGES:
            self.answer("Too many pages are open: close some.", 503)
            return
        self.set_header("Content-Type", "text/event-stream")
        self.left = False
        names, silent = set(self.room.said), HEARTBEAT
        self.room.changed.append(names)
        self.send("hello", {"wall": self.settings["wall"], "teacher": self.is_teacher()})
        try:
            while not self.left:
                silent += PAUSE
                for name in sorted(names, key=list(self.room.said).index):
                    self.send("message", self.room.summary(name))
                if names or silent >= HEARTBEAT:
                    silent = 0.0
                    self.send("beat", "")
                    names.clear()
                    await self.flush()
                await asyncio.sleep(PAUSE)
        except StreamClosedError:
            return
        finally:
            self.room.changed = [page for page in self.room.changed if page is not names]

    def send(self, event: str, data: object) -> None:
        self.write(f"event: {event}\ndata: {json.dumps(data)}\n\n")

    def on_connection_close(self) -> None:
        self.left = True
