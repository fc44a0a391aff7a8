"""`course.py collect FOLDER`: a page that brings pictures into FOLDER, with a folder per class.

A phone's camera or gallery, or this computer's webcam. Served on this machine alone, unless
--share is given.
"""

from argparse import Namespace
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from classroom import app
from helpers import upload


def main(arguments: Namespace) -> int:
    return app.serve(partial(make_server, arguments.folder), arguments)


def make_server(folder: Path, host: str, port: int) -> ThreadingHTTPServer:
    class Handler(Answers):
        into, shared = folder, host == "0.0.0.0"

    return ThreadingHTTPServer((host, port), Handler)


class Answers(app.Answers):
    """GET / is the page; POST /keep?class=CLASS&name=FILE takes the bytes of a picture or zip."""

    page, place, largest = Path(__file__).with_name("collect.html"), "/keep", upload.LARGEST

    def answer(self, contents: bytes) -> dict:
        asked = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
        refused = upload.add(self.into, asked.get("class", ""), asked.get("name", ""), contents)
        return {"said": [*refused[: upload.TOLD], upload.tell(self.into)]}
