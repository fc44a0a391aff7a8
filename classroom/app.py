"""`course.py app FOLDER`: a page where a kept network names a picture and shows where it looked.

Served on this machine alone, unless --share is given. Pictures stay in memory and are not kept.
"""

import base64
import io
import json
import sys
from argparse import Namespace
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock

import torch
from PIL import Image
from torchvision.transforms.v2.functional import center_crop

from classroom.server import addresses
from helpers import CourseError, cam, data, keep
from helpers.evaluation import eval_mode
from helpers.upload import decode

LARGEST = 25_000_000  # bytes of an upload
PAGE = Path(__file__).with_name("app.html")
HOSTS = {"127.0.0.1", "localhost", "[::1]"}
lock = Lock()  # one picture after the other


def main(arguments: Namespace) -> int:
    try:
        net = keep.load(arguments.folder)
    except CourseError as error:
        sys.exit(str(error))
    return serve(lambda host, port: make_server(net, host, port), arguments)


def serve(make: Callable[[str, int], ThreadingHTTPServer], arguments: Namespace) -> int:
    """Serves a page on this machine, or with --share in its network, until Ctrl+C."""
    host = "0.0.0.0" if arguments.share else "127.0.0.1"
    try:
        server = make(host, arguments.port)
    except OSError as error:
        sys.exit(f"Port {arguments.port} cannot be used ({error.strerror}): add --port 8899.")
    name = addresses()[0] if arguments.share else "127.0.0.1"
    print(f"Open http://{name}:{server.server_port} in a browser; Ctrl+C ends it.", flush=True)
    if arguments.share:
        print("Everybody in this network can reach it, and nothing is encrypted.", flush=True)
    server.serve_forever()
    return 0


def make_server(net: torch.nn.Module, host: str, port: int) -> ThreadingHTTPServer:
    class Handler(Answers):
        network, shared = net, host == "0.0.0.0"

    return ThreadingHTTPServer((host, port), Handler)


class Answers(BaseHTTPRequestHandler):
    """GET / is the page; POST /name takes the bytes of a picture and returns JSON."""

    page, place, largest = PAGE, "/name", LARGEST
    timeout = 30  # seconds of silence

    def answer(self, contents: bytes) -> dict:
        return name(self.network, contents)

    def do_GET(self) -> None:
        if not self.trusted():
            return
        if self.path != "/":
            return self.reply(404, {"error": "There is no such page."})
        self.send(200, "text/html; charset=utf-8", self.page.read_bytes())

    def do_POST(self) -> None:
        if not self.trusted():
            return
        length = self.headers.get("Content-Length", "")
        if self.path.partition("?")[0] != self.place or not length.isdecimal() or not int(length):
            return self.reply(400, {"error": "Choose a picture first."})
        if int(length) > self.largest:
            self.close_connection = True
            return self.reply(413, {"error": f"Choose a file below {self.largest // 10**6} MB."})
        try:
            with lock:
                self.reply(200, self.answer(self.rfile.read(int(length))))
        except CourseError as error:
            self.reply(415, {"error": str(error)})

    def trusted(self) -> bool:
        """Refuses pages of other sites: under this machine's address, or asking from their own."""
        host, origin = self.headers.get("Host", ""), self.headers.get("Origin")
        here = self.shared or (host.rpartition(":")[0] or host) in HOSTS
        if here and (origin is None or origin.partition("://")[2] == host):
            return True
        self.reply(403, {"error": "Open the address that the terminal shows."})
        return False

    def reply(self, status: int, value: dict) -> None:
        self.send(status, "application/json", json.dumps(value).encode())

    def send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


def name(net: torch.nn.Module, contents: bytes) -> dict:
    """Returns the answer, all names with their probabilities, and two pictures as data URLs."""
    picture = decode(contents)
    square = data.to_tensor(picture, net.preprocess)
    pixels = center_crop(square, [net.preprocess.size])
    batch = net.preprocess.normalize(pixels[None])
    with eval_mode(net):
        p = net(batch).softmax(1)[0]
    best, names = int(p.argmax()), net.class_names
    unsure = p[best] < net.about.unsure
    order = p.argsort(descending=True)[:10].tolist()
    try:
        heat = url(cam.overlay(pixels, cam.grad_cam(net, batch, best)))
    except CourseError:  # a network without maps
        heat = None
    return {
        "answer": "I do not know" if unsure else names[best],
        "names": [[names[i], round(p[i].item(), 4)] for i in order],
        "seen": url(pixels),
        "heat": heat,
    }


def url(pixels: torch.Tensor) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
