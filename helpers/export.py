"""A kept network for people without PyTorch: an ONNX file, and a folder that runs by itself."""

from __future__ import annotations

import importlib.util
import json
import shutil
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from helpers import keep, require
from helpers.files.atomic import atomic, unwritable
from helpers.preprocess import Preprocess
from helpers.require import CourseError

ONNX, LABELS, PROGRAM = "network.onnx", "labels.json", "__main__.py"
MISSING = (
    "ONNX's packages are not installed: write `pip install onnx onnxruntime` in a terminal, or "
    "`%pip install onnx onnxruntime` in a cell, and try again."
)


class FromPixels(nn.Module):
    """uint8 pictures (N, 3, size, size) in, probabilities (N, K) out: nothing left to forget."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net, p = net, net.preprocess
        self.register_buffer("mean", 255 * torch.tensor(p.mean).view(3, 1, 1))
        self.register_buffer("std", 255 * torch.tensor(p.std).view(3, 1, 1))

    def forward(self, pictures: Tensor) -> Tensor:
        return self.net((pictures.float() - self.mean) / self.std).softmax(1)


def to_onnx(folder: str | Path) -> Path:
    """Adds to a kept network's folder what runs without PyTorch; returns the ONNX file.

    `python -m mine picture.jpg` then needs onnxruntime and Pillow, not this course. Scaling to the
    network's size stays outside the file, in Pillow, where the network's own training had it.
    """
    if any(importlib.util.find_spec(name) is None for name in ("onnx", "onnxruntime")):
        raise CourseError(MISSING)
    folder = require.path(folder, "The folder")
    net = keep.load(folder)
    file, p, about = folder / ONNX, net.preprocess, net.about
    pixels = torch.zeros(1, 3, p.size, p.size, dtype=torch.uint8)
    try:
        with atomic(file) as part, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _export(FromPixels(net).eval(), pixels, part)
    except OSError as error:
        raise unwritable(file, error) from None
    labels = {"names": about.class_names, "unsure": about.unsure, **_scaling(p)}
    (folder / LABELS).write_text(json.dumps(labels, ensure_ascii=False), encoding="utf-8")
    shutil.copyfile(Path(__file__).with_name("standalone.py"), folder / PROGRAM)
    return file


def _export(net: nn.Module, pixels: Tensor, file: Path) -> None:
    torch.onnx.export(
        net,
        (pixels,),
        str(file),
        input_names=["pixels"],
        output_names=["probabilities"],
        dynamic_axes={"pixels": {0: "n"}, "probabilities": {0: "n"}},
        opset_version=17,
        dynamo=False,
    )


def _scaling(p: Preprocess) -> dict:
    return {"size": p.size, "resize": p.resize, "interpolation": p.interpolation}
