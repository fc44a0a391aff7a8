"""A kept network for people without PyTorch: an ONNX file, and a folder that runs by itself."""

from __future__ import annotations

import copy
import importlib.util
import json
import shutil
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, nn

from helpers import keep, require
from helpers.data import Pictures
from helpers.files.atomic import atomic, unwritable
from helpers.preprocess import Preprocess
from helpers.require import CourseError

ONNX, INT8, LABELS, PROGRAM = "network.onnx", "network-int8.onnx", "labels.json", "__main__.py"
CALIBRATION = 32  # pictures that show between which values each layer's outputs lie
MISSING = (
    "ONNX's packages are not installed: write `pip install onnx onnxruntime` in a terminal, or "
    "`%pip install onnx onnxruntime` in a cell, and try again."
)


class FromPixels(nn.Module):
    """uint8 pictures (N, 3, size, size) in, probabilities (N, K) out: nothing left to forget.

    A copy of the network, on the processor, where an ONNX file's answers are computed too.
    """

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net, p = copy.deepcopy(net).cpu(), net.preprocess
        self.register_buffer("mean", 255 * torch.tensor(p.mean).view(3, 1, 1))
        self.register_buffer("std", 255 * torch.tensor(p.std).view(3, 1, 1))

    def forward(self, pictures: Tensor) -> Tensor:
        return self.net((pictures.float() - self.mean) / self.std).softmax(1)


def to_onnx(folder: str | Path) -> Path:
    """Adds to a kept network's folder what runs without PyTorch; returns the ONNX file.

    `python -m mine picture.jpg` then needs onnxruntime and Pillow, not this course. Scaling to the
    network's size stays outside the file, in Pillow, where the network's own training had it.
    """
    _check_installed()
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


def _check_installed() -> None:
    if any(importlib.util.find_spec(name) is None for name in ("onnx", "onnxruntime")):
        raise CourseError(MISSING)


def to_int8(folder: str | Path, pictures: Pictures) -> Path:
    """Adds an ONNX file that computes with whole numbers of 8 bits to a folder; returns it.

    It is made from that of `to_onnx`. pictures: some of the kind that it will meet; the first few
    of them, in a fixed random order, show how large the values in the network become.
    """
    _check_installed()
    from onnxruntime.quantization import CalibrationDataReader, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    file, small = (require.path(folder, "The folder") / name for name in (ONNX, INT8))
    if not file.is_file():
        raise CourseError(f"{folder} holds no {ONNX}: call export.to_onnx for it before.")
    order = torch.randperm(len(pictures), generator=torch.Generator().manual_seed(0))
    batches = ({"pixels": pictures[i][0][None].numpy()} for i in order[:CALIBRATION].tolist())

    class Reader(CalibrationDataReader):
        def get_next(self) -> dict | None:
            return next(batches, None)

    try:
        with atomic(small) as part, TemporaryDirectory() as aside:
            prepared = str(Path(aside, ONNX))
            quant_pre_process(str(file), prepared, skip_symbolic_shape=True)
            quantize_static(
                prepared,
                str(part),
                Reader(),
                op_types_to_quantize=["Conv", "Gemm"],  # they take all the time
                per_channel=True,
                reduce_range=True,  # weights of 7 bits: with 8, sums overflow on CPUs without VNNI
            )
    except OSError as error:
        raise unwritable(small, error) from None
    return small


def answers_of(file: str | Path) -> Callable[[Tensor], Tensor]:
    """Returns what an ONNX file computes: uint8 (N, 3, size, size) in, probabilities (N, K) out.

    On as many cores as PyTorch uses.
    """
    _check_installed()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(str(file), options)
    return lambda pixels: torch.from_numpy(session.run(None, {"pixels": pixels.numpy()})[0])


def milliseconds(answers: Callable[[Tensor], Tensor], pixels: Tensor) -> float:
    """Returns the processor's time for one picture, on all cores together: a median over `pixels`.

    What else the machine does meanwhile does not count.
    """
    times = []
    with torch.inference_mode():
        answers(pixels[:1])  # the first call prepares
        for i in range(len(pixels)):
            start = time.process_time()
            answers(pixels[i : i + 1])
            times.append(time.process_time() - start)
    return 1000 * statistics.median(times)


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
