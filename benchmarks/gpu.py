"""What a GPU makes of it: `fit` beside the network alone, and all of CIFAR-10 from scratch.

    python -m benchmarks.gpu [fit] [cifar-10] [--runs 3] [--epochs 16 24] [--seconds 60]

`fit` trains both networks on noise at 224 pixels, with batches from the processor and with those
made on the GPU. `cifar-10` trains a network of nine layers with the helpers' own `fit`, and says
how accurate it is after so many epochs and after those that fit into `--seconds`. The pictures lie
decoded on the GPU; starting, reading and measuring are not counted. For comparison: KellerJordan's
cifar10-airbench, a loop and a network made for this, tells 0.94 in 2.6 s on an A100.

Both in full and in half precision. CIFAR-10 needs cifar10_full_jpeg.npz in COURSE_DATA: `blob`,
the bytes of 60,000 JPEGs; `length`, `label` and `is_train` of each; `classes`. The dog breeds and
the hot dogs, from their files: `python -m benchmarks.time_to ours`.
"""

import argparse
import io
import os
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F
from torchvision.transforms import v2

from benchmarks.record import machine, median_range, own_process, read, write
from benchmarks.speed import NETWORKS, network, sgd
from benchmarks.tables_of_time import gpu_table
from helpers import data, train
from helpers.preprocess import Preprocess
from helpers.train import accelerator
from scale import on_device

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
CIFAR = Preprocess(32, 32, (0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616), "bilinear")
PRECISIONS = ("no", "bf16")  # what `accelerate launch --mixed_precision` tells `fit`


def finished() -> float:
    """The time when everything that was asked for is done: a GPU works on after the call."""
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def ceiling(name: str, size: int, batch: int, steps: int) -> float:
    """Seconds of training on one batch that is there."""
    net, prepare = network(name, size).train(), accelerator()
    optimizer = sgd(net)
    net, optimizer = prepare.prepare(net, optimizer)
    pictures = torch.randn(batch, 3, size, size, device=DEVICE)
    pictures = pictures.contiguous(memory_format=torch.channels_last)
    labels = torch.randint(2, (batch,), device=DEVICE)
    for step in range(steps + 3):
        if step == 3:
            start = finished()
        optimizer.zero_grad()
        prepare.backward(F.cross_entropy(net(pictures), labels))
        optimizer.step()
    return finished() - start


def noise(n: int, wants: Preprocess) -> data.Pictures:
    """Pictures of two classes, nothing but noise."""
    shape = (n, 3, wants.resize, wants.resize)
    decoded = list(torch.randint(256, shape, dtype=torch.uint8))
    labels = torch.arange(n) % 2
    return data.Pictures([Path(str(i)) for i in range(n)], labels, ["a", "b"], wants, decoded)


def fit_rates(runs: int, batch: int = 128, steps: int = 20, size: int = 224) -> dict:
    """{network: {what: [median, smallest, largest]}}: pictures/s, and shares of the ceiling."""
    cut = v2.Compose([v2.RandomResizedCrop(size), v2.RandomHorizontalFlip()])
    cut_there = partial(on_device.cut_and_mirror, size=size)
    n, found = batch * steps, {}
    for name in NETWORKS:
        pictures = noise(n, network(name, size).preprocess)
        here = data.loader(pictures, batch, shuffle=True, augment=cut)
        there = on_device.loader(pictures, batch, device=DEVICE, shuffle=True, augment=cut_there)
        ways = {"made by the processor": here, "made on the GPU": there}
        rows = {"ceiling, pictures/s": []} | {f"fit over it, batches {way}": [] for way in ways}
        for _ in range(runs):
            at_most = n / ceiling(name, size, batch, steps)
            rows["ceiling, pictures/s"].append(at_most)
            for way, batches in ways.items():
                net = network(name, size)
                fit = partial(train.fit, net, batches, None, sgd(net), 1, quiet=True)
                fit(seed=1)  # warms up
                start = finished()
                fit()
                share = n / (finished() - start) / at_most
                rows[f"fit over it, batches {way}"].append(share)
        found[name] = {what: median_range(values) for what, values in rows.items()}
        print(found, flush=True)
    return found


def read_cifar(file: Path) -> tuple[data.Pictures, data.Pictures]:
    """The 50,000 training and the 10,000 test pictures of one file."""
    values = np.load(file)
    ends = values["length"].cumsum()
    blob = values["blob"].tobytes()
    whole = [
        torch.from_numpy(np.array(Image.open(io.BytesIO(blob[end - n : end])))).permute(2, 0, 1)
        for n, end in zip(values["length"], ends, strict=True)
    ]
    labels, names = torch.from_numpy(values["label"]).long(), [str(c) for c in values["classes"]]
    files = [Path(str(i)) for i in range(len(whole))]
    every = data.Pictures(files, labels, names, CIFAR, whole)
    parts = (np.flatnonzero(values["is_train"] == kind).tolist() for kind in (1, 0))
    return tuple(every.subset(part) for part in parts)


class Residual(nn.Module):
    """Adds what its layers find to what they got."""

    def __init__(self, *layers: nn.Module):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.layers(x)


def nine_layers(classes: int, width: int = 64) -> nn.Module:
    """A residual network for 32 x 32 pixels: eight convolutions and a linear layer."""

    def conv(a: int, b: int, *more: nn.Module) -> nn.Sequential:
        convolution = nn.Conv2d(a, b, 3, padding=1, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm2d(b), nn.ReLU(), *more)

    w, halve = width, nn.MaxPool2d(2)
    return nn.Sequential(
        conv(3, w),
        conv(w, 2 * w, halve),
        Residual(conv(2 * w, 2 * w), conv(2 * w, 2 * w)),
        conv(2 * w, 4 * w, halve),
        conv(4 * w, 8 * w, halve),
        Residual(conv(8 * w, 8 * w), conv(8 * w, 8 * w)),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        nn.Linear(8 * w, classes),
    ).to(memory_format=torch.channels_last)


def from_scratch(batches, test, epochs: int, seed: int, width: int = 64) -> tuple[float, float]:
    """Seconds of training, and the accuracy on the test pictures."""
    torch.manual_seed(seed)
    net = nine_layers(len(batches.dataset.class_names), width).to(DEVICE)
    optimizer = torch.optim.SGD(
        net.parameters(), 0.1, momentum=0.9, weight_decay=5e-4, nesterov=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.4, epochs * len(batches), pct_start=0.2, cycle_momentum=False
    )
    start = finished()
    train.fit(net, batches, None, optimizer, epochs, scheduler=schedule, seed=seed, quiet=True)
    return finished() - start, train.evaluate(net, test)["accuracy"]


def cifar(file: Path, epochs: list[int], seconds: float, runs: int) -> dict:
    """{what: {"s": [...], "accuracy": [...], "n": runs}}; medians and ranges over seeds."""
    training, test = read_cifar(file)
    shift = on_device.shift_and_mirror
    batches = on_device.loader(training, 512, device=DEVICE, shuffle=True, augment=shift)
    test = on_device.loader(test, 1000, device=DEVICE)
    from_scratch(batches, test, 1, 0)  # warms up
    each, _ = from_scratch(batches, test, 1, 0)
    found = {}
    for number in [*epochs, max(1, int(seconds / each))]:
        took, right = zip(
            *(from_scratch(batches, test, number, s) for s in range(runs)), strict=True
        )
        row = {"s": median_range(took), "accuracy": median_range(right), "n": runs}
        found[f"{number} epochs"] = row
        print(number, row, flush=True)
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("what", nargs="*", help="fit or cifar-10; both, if there is none")
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--epochs", type=int, nargs="*", default=[16, 24])
    options.add_argument("--seconds", type=float, default=60)
    asked = options.parse_args()
    if DEVICE.type == "cpu":
        options.error("there is no GPU here: benchmarks.speed measures processors.")
    file = Path(os.environ.get("COURSE_DATA", data.FOLDER)) / "cifar10_full_jpeg.npz"
    parts = {
        "fit": (fit_rates, asked.runs),
        "cifar-10": (cifar, file, asked.epochs, asked.seconds, asked.runs),
    }
    for part in [p for p in parts if p in asked.what] or parts:
        for kind in PRECISIONS:
            os.environ["ACCELERATE_MIXED_PRECISION"] = kind  # read when a process first asks
            with own_process() as process:
                found = process.submit(*parts[part]).result()
            result = read().get("gpu", {"results": {}}) | machine()
            result["results"].setdefault(part, {})[kind] = found
            write("gpu", result)
    print(gpu_table(read()["gpu"]))


if __name__ == "__main__":
    main()
