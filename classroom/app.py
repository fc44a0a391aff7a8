"""`course.py app FOLDER`: a page where a kept network names a picture and shows where it looked.

Served on this machine alone, unless --share is given. Pictures stay in memory and are not kept.
"""

import base64
import io
import json
import socket
import sys
from argparse import Namespace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock

import torch
from PIL import Image, ImageOps
from torchvision.transforms.v2.functional import center_crop

from helpers import CourseError, cam, data, keep
from helpers.evaluation import eval_mode
from helpers.files.pictures import to_rgb

LARGEST = 25_000_000  # bytes of an upload
MOST_PIXELS = 120_000_000  # as the largest phones take
KINDS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "MPO")
PAGE = Path(__file__).with_name("app.html")
HOSTS = {"127.0.0.1", "localhost", "[::1]"}
lock = Lock()  # one picture after the other


def main(arguments: Namespace) -> int:
    try:
        net = keep.load(arguments.folder)
    except CourseError as error:
        sys.exit(str(error))
    host = "0.0.0.0" if arguments.share else "127.0.0.1"
    try:
        server = make_server(net, host, arguments.port)
    except OSError as error:
        sys.exit(f"Port {arguments.port} cannot be used ({error.strerror}): add --port 8899.")
    name = address() if arguments.share else "127.0.0.1"
    print(f"Open http://{name}:{server.server_port} in a browser; Ctrl+C ends it.", flush=True)
    if arguments.share:
        print("Everybody in this network can reach it, and nothing is encrypted.", flush=True)
    server.serve_forever()
    return 0


def address() -> str:
    """Returns this machine's address in its network; nothing is sent for that."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address that documentation uses
            return probe.getsockname()[0]
        except OSError:
            return socket.gethostname()


def make_server(net: torch.nn.Module, host: str, port: int) -> ThreadingHTTPServer:
    class Handler(Answers):
        network, shared = net, host == "0.0.0.0"

    return ThreadingHTTPServer((host, port), Handler)


class Answers(BaseHTTPRequestHandler):
    """GET / is the page; POST /name takes the bytes of a picture and returns JSON."""

    timeout = 30  # seconds of silence

    def do_GET(self) -> None:
        if not self.trusted():
            return
        if self.path != "/":
            return self.reply(404, {"error": "There is no such page."})
        self.send(200, "text/html; charset=utf-8", PAGE.read_bytes())

    def do_POST(self) -> None:
        if not self.trusted():
            return
        length = self.headers.get("Content-Length", "")
        if self.path != "/name" or not length.isdecimal() or not int(length):
            return self.reply(400, {"error": "Choose a picture first."})
        if int(length) > LARGEST:
            self.close_connection = True
            return self.reply(413, {"error": f"Choose a picture below {LARGEST // 10**6} MB."})
        try:
            with lock:
                self.reply(200, name(self.network, self.rfile.read(int(length))))
        except CourseError as error:
            self.reply(415, {"error": str(error)})

    def trusted(self) -> bool:
        """Refuses a page of another site that has this machine's address under its own name."""
        host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        if self.shared or host in HOSTS:
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


def decode(contents: bytes) -> Image.Image:
    """Returns an upload as an upright RGB picture; the bytes never become a file."""
    try:
        with Image.open(io.BytesIO(contents), formats=KINDS) as picture:
            w, h = picture.size
            if w * h <= MOST_PIXELS:
                return to_rgb(ImageOps.exif_transpose(picture), "This picture")
    except CourseError:
        raise
    except Exception:  # Pillow raises many kinds
        raise CourseError(
            "This is not a picture that can be read: choose a JPEG or PNG file."
        ) from None
    raise CourseError(f"This picture has {w * h / 1e6:.0f} megapixels: choose a smaller one.")


def url(pixels: torch.Tensor) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
