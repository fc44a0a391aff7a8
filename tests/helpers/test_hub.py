"""The lesson's lines for the Hugging Face Hub, against a stand-in for it on this machine."""

import base64
import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch

from helpers import keep, models
from tests.lessons.committed import read


class Hub(BaseHTTPRequestHandler):
    """Takes a new repository and one commit; `received` maps paths to contents."""

    received: dict[str, bytes] = {}

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        address = f"http://127.0.0.1:{self.server.server_port}/you/rolls"
        if self.path.endswith("/preupload/main"):
            files = json.loads(body)["files"]
            self.answer({"files": [self.by_commit(file["path"]) for file in files]})
        elif "/commit/" in self.path:
            entries = [json.loads(line) for line in body.splitlines()]
            for entry in (entry["value"] for entry in entries if entry["key"] == "file"):
                self.received[entry["path"]] = base64.b64decode(entry["content"])
            self.answer({"commitUrl": f"{address}/commit/{'0' * 40}", "commitOid": "0" * 40})
        else:
            self.answer({"url": address, "errors": [], "warnings": []})

    def by_commit(self, path: str) -> dict:
        return {"path": path, "uploadMode": "regular", "shouldIgnore": False}

    def answer(self, content: dict) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def hub():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_what_others_load_from_the_hub_gives_the_same_bits(hub, tmp_path):
    torch.manual_seed(0)
    net = models.load_pretrained("resnet18", size=64, weights=None)
    net = models.replace_head(net, ["roll", "sub"]).eval()
    keep.save(net, tmp_path / "build/mine", "resnet18")
    (cell,) = (cell for cell in read("09").cells if "HfApi" in cell.source)
    code = re.search(r"```\n(from huggingface_hub.*?)```", cell.source, re.DOTALL)[1]
    own = {"HF_ENDPOINT": hub, "HF_TOKEN": "hf_own", "HF_HOME": str(tmp_path)}
    own["HF_HUB_OFFLINE"] = "0"  # set to 1 on many machines; this hub is one's own
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=os.environ | own, check=True)
    there = tmp_path / "there"
    there.mkdir()
    for path, content in Hub.received.items():
        (there / path).write_bytes(content)
    pictures = torch.rand(2, 3, 64, 64)
    assert torch.equal(keep.load(there)(pictures), net(pictures))
