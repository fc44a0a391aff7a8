"""How fast a GPU is: `fit` beside the network alone, and all of CIFAR-10 from scratch.

`fit` trains both networks on noise at 224 pixels, with batches from the processor and with those
made on the GPU. `cifar-10` trains a network of nine layers with the helpers' own `fit`, and says
how accurate it is after so many epochs. The pictures lie decoded on the GPU; starting, reading and
measuring are not counted. For comparison: KellerJordan's cifar10-airbench, a loop and a network
made for this, reports 0.94 in 2.6 s on an A100.

Both in full and in half precision. CIFAR-10 needs cifar10_full_jpeg.npz in COURSE_DATA: `blob`,
the bytes of 60,000 JPEGs; `length`, `label` and `is_train` of each; `classes`. The dog breeds and
the hot dogs, from their files: `python -m benchmarks.time_to ours`.
"""

import io
import os
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader
from torchvision.transforms.v2.functional import pil_to_tensor

from benchmarks import training
from benchmarks.record import command, keep, show
from benchmarks.timing import call_apart, seconds, summary, take_turns
from benchmarks.training import NETWORKS, network
from helpers import data, train
from helpers.preprocess import Preprocess
from scale import on_device

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
CIFAR = Preprocess(32, 32, (0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616), "bilinear")
PRECISIONS = ("no", "bf16")  # what `accelerate launch --mixed_precision` tells `fit`


def noise(n: int, wants: Preprocess) -> data.Pictures:
    """Returns pictures of two classes, nothing but noise."""
    shape = (n, 3, wants.resize, wants.resize)
    decoded = list(torch.randint(256, shape, dtype=torch.uint8))
    labels = torch.arange(n) % 2
    return data.Pictures(
        [Path(str(i)) for i in range(n)], labels, ["hotdog", "not-hotdog"], wants, decoded
    )


def fit_rates(rounds: int, batch: int = 128, steps: int = 20, size: int = 224) -> dict[str, dict]:
    """Returns for each network the ceiling, in pictures/s, and what share of it `fit` reaches."""
    rates, n = {}, batch * steps
    for name in NETWORKS:
        pictures = noise(n, network(name, size).preprocess)
        here = data.loader(pictures, batch, shuffle=True, augment=training.crop_and_flip(size))
        cut = partial(on_device.cut_and_mirror, size=size)
        there = on_device.loader(pictures, batch, device=DEVICE, shuffle=True, augment=cut)
        methods = {
            "ceiling": partial(training.ceiling, name, size, batch, steps),
            "processor": partial(training.fit_epoch, name, size, here),
            "GPU": partial(training.fit_epoch, name, size, there),
        }
        rows = []
        for times in take_turns(methods, 1 + rounds)[1:]:  # the first round warms up
            ceiling = times["ceiling"]
            row = {
                "ceiling, pictures/s": n / ceiling,
                "fit over it, batches made by the processor": ceiling / times["processor"],
                "fit over it, batches made on the GPU": ceiling / times["GPU"],
            }
            rows.append(row)
        rates[name] = summary(rows)
    return rates


def read_cifar(file: Path) -> tuple[data.Pictures, data.Pictures]:
    """Returns the 50,000 training and the 10,000 test pictures of one file."""
    values = np.load(file)
    blob, ends = values["blob"].tobytes(), values["length"].cumsum()
    jpegs = (blob[end - n : end] for n, end in zip(values["length"], ends, strict=True))
    decoded = [pil_to_tensor(Image.open(io.BytesIO(jpeg))) for jpeg in jpegs]
    labels, names = torch.from_numpy(values["label"]).long(), values["classes"].tolist()
    files = [Path(str(i)) for i in range(len(decoded))]
    pictures = data.Pictures(files, labels, names, CIFAR, decoded)
    in_train = values["is_train"].astype(bool)
    return tuple(pictures.subset(np.flatnonzero(part)) for part in (in_train, ~in_train))


class Residual(nn.Module):
    """Adds what its layers make of their input to that input."""

    def __init__(self, *layers: nn.Module):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.layers(x)


def nine_layers(classes: int, width: int = 64) -> nn.Module:
    """Returns a residual network for 32 x 32 pixels: eight convolutions and a linear layer."""

    def conv(channels: int, filters: int, *more: nn.Module) -> nn.Sequential:
        convolution = nn.Conv2d(channels, filters, 3, padding=1, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm2d(filters), nn.ReLU(), *more)

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


def from_scratch(
    batches: DataLoader, test: DataLoader, epochs: int, seed: int, width: int = 64
) -> dict[str, float]:
    """Returns the seconds of training, and the accuracy on the test pictures."""
    torch.manual_seed(seed)
    net = nine_layers(len(batches.dataset.class_names), width).to(DEVICE)
    optimizer = torch.optim.SGD(
        net.parameters(), 0.1, momentum=0.9, weight_decay=5e-4, nesterov=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.4, epochs * len(batches), pct_start=0.2, cycle_momentum=False
    )
    fit = partial(train.fit, net, batches, None, optimizer, epochs, scheduler=schedule)
    duration = seconds(lambda: fit(seed=seed, quiet=True))
    return {"s": duration, "accuracy": train.evaluate(net, test)["accuracy"]}


def cifar(file: Path, epochs: list[int], rounds: int) -> dict[str, dict]:
    """Returns {epochs: medians and ranges over seeds}."""
    pictures, test = read_cifar(file)
    shift = on_device.shift_and_mirror
    batches = on_device.loader(pictures, 512, device=DEVICE, shuffle=True, augment=shift)
    test = on_device.loader(test, 1000, device=DEVICE)
    from_scratch(batches, test, 1, 0)  # warms up
    runs = {}
    for number in epochs:
        rows = [from_scratch(batches, test, number, seed) for seed in range(rounds)]
        runs[f"{number} epochs"] = summary(rows) | {"n": rounds}
    return runs


def main(argv: list[str] | None = None) -> None:
    parser = command("gpu", __doc__, ["fit", "cifar-10"], rounds=3)
    parser.add_argument("--epochs", type=int, nargs="+", default=[16, 24], help="of CIFAR-10")
    options = parser.parse_args(argv)
    if DEVICE.type == "cpu":
        parser.error("there is no GPU here: benchmarks.speed measures processors.")
    file = Path(os.environ.get("COURSE_DATA", data.FOLDER)) / "cifar10_full_jpeg.npz"
    measures = {"fit": fit_rates, "cifar-10": partial(cifar, file, options.epochs)}
    for part in options.parts:
        for precision in PRECISIONS:
            os.environ["ACCELERATE_MIXED_PRECISION"] = precision  # a new process reads it
            measured = call_apart(measures[part], options.rounds)
            print(part, precision, measured, flush=True)
            keep(options.out, "gpu", [part, precision], measured)
    show(options.out, "gpu")


if __name__ == "__main__":
    main()
