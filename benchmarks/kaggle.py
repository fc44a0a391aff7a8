"""What lessons 05 and 06 reach on photographs, and how long it takes beside the book's way.

    python -m benchmarks.kaggle [organize] [dogs] [cifar] [ROUNDS]

Needs the competitions and `answers` in the folder that COURSE_DATA names. What is measured are the
lessons' own cells. The two ways to the dog breeds take turns within one run, because a machine's
speed changes from minute to minute. Prints a table and writes results.json.
"""

import contextlib
import io
import os
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from benchmarks.record import machine, median_range, own_process, read, write
from benchmarks.tables import kaggle_table
from course import NOTEBOOKS, find_lessons
from helpers import data, kaggle, models
from helpers.kaggle import find_answers

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]  # as the book's section has them
EPOCHS = 10


def organize_once(root: Path) -> dict:
    """Seconds to organise a competition, and the disk that the new folder takes, in MB."""
    with tempfile.TemporaryDirectory(dir=data.FOLDER) as place:
        start = time.perf_counter()
        folder = kaggle.organize(root, 0.1, folder=Path(place) / "organized")
        seconds = time.perf_counter() - start
        parts = [folder, *folder.rglob("*")]
        own = (p.stat() for p in parts if p.is_dir() or p.lstat().st_nlink == 1)
        return {"seconds": seconds, "MB": sum(512 * s.st_blocks for s in own) / 1e6}


def frozen(classes: int) -> nn.Module:
    """The book's network on the course's body: frozen with its output layer, two layers on top."""
    body = models.load_pretrained()
    for parameter in body.parameters():
        parameter.requires_grad = False
    new = nn.Sequential(nn.Linear(1000, 256), nn.ReLU(), nn.Linear(256, classes))
    return nn.Sequential(body, new)


def book(folder: Path) -> float:
    """Seconds of the book's way: read, augment and run every picture in each of ten epochs.

    Trains once on all labelled pictures and predicts the test pictures; the book also trains a
    first time, to look at the validation loss, which is left out here.
    """
    start = time.perf_counter()
    tail = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
    crop = v2.RandomResizedCrop(224, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3))
    jitter = v2.ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4)
    augment = v2.Compose([crop, v2.RandomHorizontalFlip(), jitter, *tail])
    centre = v2.Compose([v2.Resize(256), v2.CenterCrop(224), *tail])
    training = ImageFolder(folder / "train_valid", augment)
    batches = DataLoader(training, 128, shuffle=True, drop_last=True)
    net = frozen(len(training.classes))
    trained = [p for p in net.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=1e-4, momentum=0.9, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.9)
    loss = nn.CrossEntropyLoss(reduction="none")
    for _ in range(EPOCHS):
        for pictures, labels in batches:
            optimizer.zero_grad()
            loss(net(pictures), labels).sum().backward()
            optimizer.step()
        schedule.step()
    with torch.no_grad():
        for pictures, _ in DataLoader(ImageFolder(folder / "test", centre), 128):
            net(pictures).softmax(1)
    return time.perf_counter() - start


class Lesson:
    """The code cells of a lesson: to be run one by one, in one namespace, without their outputs."""

    def __init__(self, number: str):
        notebook = nbformat.read(find_lessons(number)[0], as_version=4)
        self.cells = {c.id: c.source for c in notebook.cells if c.cell_type == "code"}
        self.names = {}

    def run(self, *ids: str, old: str = "", new: str = "") -> None:
        """Run cells, with the text `old` in them replaced by `new`."""
        with contextlib.redirect_stdout(io.StringIO()):
            for name in ids:
                source = self.cells[name]
                exec(source.replace(old, new) if old else source, self.names)


def ours() -> dict:
    """Lesson 06's first sections: seconds from JPEG files to a validated submission, its score."""
    lesson = Lesson("06")
    lesson.run("06-setup", "06-whole-clock")
    start = time.perf_counter()
    lesson.run(*(f"06-whole-{part}" for part in ("load", "extract", "train", "valid", "submit")))
    seconds = time.perf_counter() - start
    answers = find_answers("dog-breed-identification", "full")
    return {"seconds": seconds, **kaggle.score(lesson.names["first"], answers)}


def dogs(rounds: int) -> dict[str, list[float]]:
    """Both ways, in turns; the book's with the same network."""
    folder = kaggle.organize(data.find("dog-breed-identification", "full"), 0.2)
    rows = {}
    for _ in range(rounds):
        found = ours()
        with own_process() as process:  # the course's way of keeping memory is not theirs
            theirs = process.submit(book, folder).result()
        told = {
            "dog breeds, JPEG files to validated submission, s": found["seconds"],
            "dog breeds, the book's loop with the same network, s": theirs,
            "dog breeds, ours over the book's": found["seconds"] / theirs,
            "dog breeds, test accuracy": found["accuracy"],
            "dog breeds, test log-loss, nats": found["log_loss"],
        }
        for name, value in told.items():
            rows.setdefault(name, []).append(value)
        print(told, flush=True)
    return rows


def cifar(rounds: int, pictures: int = 10_000) -> dict[str, list[float]]:
    """Lesson 05's fine-tuned network on so many labelled pictures, a seed a round."""
    lesson = Lesson("05")
    first = (
        "setup",
        "whole-numbers",
        "whole-files-look",
        "whole-organise-code",
        "whole-load-code",
        "whole-recipe",
    )
    rest = ("whole-normalise", "pretrained-build", "pretrained-linear", "pretrained-tune-code")
    cells = [f"05-{part}" for part in (*first, *rest, "pretrained-tune-fit")]
    lesson.run(*cells, old="else 1000", new=f"else {pictures}")
    names, rows = lesson.names, {}
    wide, sample = names["wide"], names["layout"].find_sample(names["root"])
    assert len(wide.train_valid) == pictures
    ids = kaggle.test_ids(wide.test, sample)
    for seed in range(rounds):
        start = time.perf_counter()
        fitted = names["linear"](names["features"](wide.train_valid), wide.train_valid.labels)
        net = names["fine_tune"](wide.train_valid, fitted, seed)
        chosen = names["train"].predict(net, data.loader(wide.test, 100)).argmax(1)
        seconds = time.perf_counter() - start
        answers = [wide.train_valid.class_names[i] for i in chosen]
        file = kaggle.write_submission(ids, answers, sample, "../build/cifar10_benchmark.csv")
        score = kaggle.score(file, find_answers("cifar-10", "full"))
        told = {
            f"CIFAR-10, fine-tuned on {pictures:,} pictures, test accuracy": score["accuracy"],
            f"CIFAR-10, fine-tuned on {pictures:,} pictures, min": seconds / 60,
        }
        for name, value in told.items():
            rows.setdefault(name, []).append(value)
        print(told, flush=True)
    return rows


def organizing(rounds: int) -> dict[str, list[float]]:
    found = [organize_once(data.find("cifar-10", "full")) for _ in range(rounds)]
    return {
        "organize 10,000 + 2,000 pictures, s": [f["seconds"] for f in found],
        "organize 10,000 + 2,000 pictures, MB of disk": [f["MB"] for f in found],
    }


def main(arguments: list[str]) -> None:
    measures = {"organize": organizing, "dogs": dogs, "cifar": cifar}
    rounds = int(next((a for a in arguments if a.isdecimal()), "3"))
    os.environ["COURSE_SIZE"] = "full"
    if "COURSE_DATA" in os.environ:
        os.environ["COURSE_DATA"] = os.path.abspath(os.environ["COURSE_DATA"])
    os.chdir(NOTEBOOKS)  # where the cells are at home
    for name in [a for a in arguments if a in measures] or measures:
        found = measures[name](rounds)
        result = read().get("kaggle", {"results": {}}) | machine()
        result["results"] |= {what: [*median_range(v), len(v)] for what, v in found.items()}
        write("kaggle", result)
    print(kaggle_table(result))


if __name__ == "__main__":
    main(sys.argv[1:])
