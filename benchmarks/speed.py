"""How fast `fit` is: against the network alone, without data work, and against others' code.

    python -m benchmarks.speed [--network NAME] [--size PIXELS] [--rounds 5] [--pictures 192]

Without a name and a size it measures both networks at 160 and 224 pixels, 30 minutes on two
cores; results of single ones are put beside those that are there. Needs COURSE_DATA (or
data/hotdog). All methods take turns within one run, because a machine's speed drifts; medians and
ranges over the rounds are printed and written to results.json.

fastai is compared where it is installed. An environment of its own, which sees the packages of the
course's, keeps it apart (on Windows: Scripts for bin, Lib for lib/python3*):

    .venv/bin/python -m venv build/fastai
    ls -d $PWD/.venv/lib/python3*/site-packages \
        > $(ls -d build/fastai/lib/python3*/site-packages)/course.pth
    build/fastai/bin/python -m pip install fastai
    build/fastai/bin/python -m benchmarks.speed
"""

import argparse
import contextlib
import functools
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch.nn import functional as F
from torchvision.transforms import v2

from benchmarks import others
from benchmarks.record import machine, median_range, own_process, read, write
from benchmarks.tables_of_time import speed_table
from helpers import data, models, train

BATCH = 32
NETWORKS, SIZES = ("efficientnet_lite0", "resnet18"), (160, 224)
warnings.filterwarnings("ignore")  # the book's code and fastai use older calls


def sgd(net):
    return torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)


def network(name: str, size: int):
    net = models.load_pretrained(name, size=size, weights=None)
    net.name = name
    return models.replace_head(net, ["hotdog", "not-hotdog"])


@contextlib.contextmanager
def few(folder: Path, n: int) -> Iterator[Path]:
    """A folder with copies of the first n training pictures of each class, and n // 2 test ones."""
    with tempfile.TemporaryDirectory() as place:
        for part, count in (("train", n), ("test", n // 2)):
            for kind in (folder / part).iterdir():
                target = Path(place) / part / kind.name
                target.mkdir(parents=True)
                for file in sorted(kind.iterdir(), key=data.natural)[:count]:
                    shutil.copy(file, target)
        yield Path(place)


def seconds(work: Callable) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def ceiling(name: str, size: int, n: int) -> float:
    """Seconds for n pictures of training on one batch that is there; memory as `fit` finds it."""
    train.give_back_memory()
    net = network(name, size).train()
    optimizer = sgd(net)
    pictures = torch.randn(BATCH, 3, size, size).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, 2, (BATCH,))
    start = time.perf_counter()
    for i in range(0, n, BATCH):
        optimizer.zero_grad()
        F.cross_entropy(net(pictures[: n - i]), labels[: n - i]).backward()
        optimizer.step()
    return time.perf_counter() - start


@functools.cache
def pictures(folder: Path, name: str, size: int):
    """The training and the test pictures, decoded; once in a process."""
    wants = models.load_pretrained(name, size=size, weights=None).preprocess
    return tuple(data.read_folder(folder / part, wants) for part in ("train", "test"))


def ours(name: str, size: int, folder: Path) -> tuple[float, float]:
    """Seconds of one epoch of `fit`, and of it with `evaluate`."""
    training, test = pictures(folder, name, size)
    net = network(name, size)
    augment = v2.Compose([v2.RandomResizedCrop(size), v2.RandomHorizontalFlip()])
    batches = data.loader(training, BATCH, shuffle=True, augment=augment)
    fit = seconds(lambda: train.fit(net, batches, None, sgd(net), 1, quiet=True))
    return fit, fit + seconds(lambda: train.evaluate(net, data.loader(test, 16)))


def theirs(what: str, name: str, size: int, folder: Path) -> float:
    """Seconds of one epoch of another project's code, measuring included."""
    net = network(name, size)
    if what == "fastai":
        from fastai.vision.all import SGD

        learner = others.fastai_learner(net, folder, lambda *_: None, BATCH, opt_func=SGD)
        others.default_layout(learner.model)
        return seconds(lambda: learner.fit(1, 1e-3))
    loop = {"d2l": others.d2l_loop, "plain PyTorch": others.plain_loop}[what]
    return seconds(lambda: loop(net, folder, sgd(net), 1, lambda *_: None, BATCH))


def one_round(name: str, size: int, folder: Path, course, others_, turn: int) -> dict:
    """Seconds of each method, one after the other, in another order each round."""
    n = sum(1 for _ in (folder / "train").glob("*/*"))
    work = {"ceiling": (course, ceiling, name, size, n), "ours": (course, ours, name, size, folder)}
    for what in ("d2l", "plain PyTorch", *["fastai"] * others.HAS_FASTAI):
        work[what] = (others_, theirs, what, name, size, folder)
    order = list(work)
    turn %= len(order)
    took = {}
    for what in order[turn:] + order[:turn]:
        process, *task = work[what]
        took[what] = process.submit(*task).result()
    at_most, (fit, epoch) = took.pop("ceiling"), took.pop("ours")
    row = {
        "ceiling, pictures/s": n / at_most,
        "fit, pictures/s": n / fit,
        "fit over ceiling": at_most / fit,
        "epoch, s": epoch,
    }
    for what, their in took.items():
        row |= {f"{what}: epoch, s": their, f"epoch over {what}": epoch / their}
    return row


def measure(name: str, size: int, folder: Path, rounds: int) -> dict[str, list[float]]:
    """{what: [median, smallest, largest]} over the rounds, after one that warms up.

    The course and the others have a process each: how memory is kept holds for a whole process.
    """
    with own_process() as course, own_process() as others_:
        with few(folder, BATCH // 2) as smaller:
            one_round(name, size, smaller, course, others_, 0)
        rows = [one_round(name, size, folder, course, others_, turn) for turn in range(rounds)]
    found = {what: median_range([row[what] for row in rows]) for what in rows[0]}
    for what, (middle, low, high) in found.items():
        print(f"{name:20} {size} px  {what:26} {middle:7.2f}   ({low:.2f} to {high:.2f})")
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--network", choices=NETWORKS)
    options.add_argument("--size", type=int, choices=SIZES)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--pictures", type=int, default=192, help="to train on; half to test")
    asked = options.parse_args()
    if not others.HAS_FASTAI:
        print(others.NO_FASTAI)
    with few(data.find("hotdog", "full"), asked.pictures // 2) as folder:
        for name in [asked.network] if asked.network else NETWORKS:
            for size in [asked.size] if asked.size else SIZES:
                found = measure(name, size, folder, asked.rounds)
                result = read().get("speed", {"results": {}})
                result["results"] |= {f"{name}, {size} px": found}
                result |= machine() | {"n": asked.rounds, "pictures": asked.pictures}
                write("speed", result)
    print(speed_table(result))


if __name__ == "__main__":
    main()
