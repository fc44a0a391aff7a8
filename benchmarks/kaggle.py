"""What lessons 05 and 06 reach on photographs, and how long it takes beside the book's way.

`organize` arranges CIFAR-10's files, `dogs` goes from the dog breeds' files to a submission in both
ways, `cifar` fine-tunes on 10,000 pictures, `larger` asks lesson 10's networks at a larger size.
Needs the competitions and `answers` in the folder that
COURSE_DATA names. What is measured are the lessons' own cells.
"""

import contextlib
import io
import os
import tempfile
from pathlib import Path

import nbformat
import torch
from torchvision.transforms import v2

from benchmarks import others
from benchmarks.record import NOTEBOOKS, command, keep, lesson_file, show
from benchmarks.timing import call_apart, clock, median_range, seconds, take_turns
from helpers import data, kaggle, models, train
from helpers.kaggle import find_answers, read_table
from helpers.preprocess import Preprocess

BOOK = Preprocess(224, 256, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "bilinear")
EPOCHS, PICTURES = 10, 10_000
Rounds = list[dict[str, float]]


class Lesson:
    """The code cells of a lesson, which run one by one in one namespace, without their outputs."""

    def __init__(self, number: str):
        notebook = nbformat.read(lesson_file(number), as_version=4)
        self.cells = {c.id: c.source for c in notebook.cells if c.cell_type == "code"}
        self.names = {}

    def run(self, *ids: str) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            for name in ids:
                exec(self.cells[name], self.names)


def organize(rounds: int) -> Rounds:
    return [organize_once(data.find("cifar-10", data.chosen_size("full"))) for _ in range(rounds)]


def organize_once(root: Path) -> dict[str, float]:
    """Returns the seconds to organise a competition, and the disk that the new folder takes."""
    with tempfile.TemporaryDirectory(dir=data.FOLDER) as place:
        folder = Path(place) / "organized"
        duration = seconds(lambda: kaggle.organize(kaggle.split(root, 0.1), folder))
        paths = (folder, *folder.rglob("*"))
        own = [path.stat() for path in paths if path.is_dir() or path.lstat().st_nlink == 1]
        return {
            "organize 10,000 + 2,000 pictures, s": duration,
            "organize 10,000 + 2,000 pictures, MB of disk": sum(s.st_blocks for s in own) * 512e-6,
        }


def book(folder: Path) -> float:
    """Returns the seconds of the book's way: all pictures go through the network in each epoch.

    Trains once on all labelled pictures and predicts the test pictures; the book also trains a
    first time, to look at the validation loss, which is left out here.
    """
    start = clock()
    jitter = v2.ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4)
    labelled, test = others.batches(
        folder / "train_valid", folder / "test", BOOK, 128, jitter, drop_last=True
    )
    epochs = others.d2l_dogs(models.load_pretrained(), labelled)
    for _ in range(EPOCHS):
        net = next(epochs)
    with torch.no_grad():
        for pictures, _ in test:
            net(pictures).softmax(1)
    return clock() - start


def ours() -> dict[str, float]:
    """Returns the seconds of lesson 06's way to a validated submission, and its score."""
    lesson = Lesson("06")
    lesson.run("06-start", "06-setup", "06-whole-clock")
    start = clock()
    lesson.run(*(f"06-whole-{part}" for part in ("load", "extract", "train", "valid", "submit")))
    duration = clock() - start
    answers = find_answers("dog-breed-identification", data.chosen_size("full"))
    return {"seconds": duration, **kaggle.score(lesson.names["first"], answers)}


def dogs(rounds: int) -> Rounds:
    """Both ways; the book's with the same network, in a process where memory is not kept."""
    table = kaggle.split(data.find("dog-breed-identification", data.chosen_size("full")), 0.2)
    with tempfile.TemporaryDirectory(dir=data.FOLDER) as place:
        folder = kaggle.organize(table, f"{place}/organized")
        methods = {"ours": ours, "book": lambda: call_apart(book, folder)}
        measured = take_turns(methods, rounds)
    return [
        {
            "dog breeds, JPEG files to validated submission, s": row["ours"]["seconds"],
            "dog breeds, the book's loop with the same network, s": row["book"],
            "dog breeds, ours over the book's": row["ours"]["seconds"] / row["book"],
            "dog breeds, test accuracy": row["ours"]["accuracy"],
            "dog breeds, test log-loss, nats": row["ours"]["log_loss"],
        }
        for row in measured
    ]


CIFAR_CELLS = (  # after those that say how many pictures
    "whole-files-look",
    "whole-organise-code",
    "whole-load-code",
    "whole-recipe",
    "whole-normalise",
    "pretrained-build",
    "pretrained-seen",
    "pretrained-wide",
    "pretrained-linear",
    "pretrained-tune-code",
    "pretrained-tune-fit",
    "ladder-mean",
)
CIFAR = "CIFAR-10, 10,000 labelled pictures"


def cifar(rounds: int) -> Rounds:
    """Lesson 05's ladder with 10,000 labelled pictures, a seed per round.

    Learns from four fifths of them. The rest decides which of the methods, or which mean of their
    probabilities, answers the test pictures: this is the top.
    """
    lesson, rows = Lesson("05"), []
    names = lesson.names
    lesson.run("05-start", "05-setup", "05-whole-numbers")
    names["PICTURES"], names["VALID"] = PICTURES, 0.2
    answers = read_table(find_answers("cifar-10", data.chosen_size("full")), ["id", "label"])
    label_of = dict(zip(answers["id"], answers["label"], strict=True))
    for seed in range(rounds):
        start = clock()
        lesson.run(*(f"05-{cell}" for cell in CIFAR_CELLS))
        wide, linear, features = (names[name] for name in ("wide", "linear", "features"))
        fitted = {
            source: linear(features(wide.train, source), wide.train.labels)
            for source in ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")
        }
        tuned = names["fine_tune"](wide.train, fitted["efficientnet_lite0"], seed)
        said = {}
        for part in ("valid", "test"):
            pictures = getattr(wide, part)
            said[part] = names["ensemble"](fitted, pictures)[0]
            said[part] = {f"linear, {source}": p for source, p in said[part].items()}
            said[part]["fine-tuned"] = train.predict(tuned, data.loader(pictures, 100))
            said[part]["mean of the linear ones"] = sum(list(said[part].values())[:3]) / 3
            said[part]["mean of all four"] = sum(list(said[part].values())[:4]) / 4
        minutes = (clock() - start) / 60
        classes = wide.train.class_names
        ids = kaggle.test_ids(wide.test, kaggle.find_sample(names["root"]))
        true = [classes.index(label_of[name]) for name in ids]
        right = {
            "valid": {m: (p.argmax(1) == wide.valid.labels) for m, p in said["valid"].items()},
            "test": {m: (p.argmax(1) == torch.tensor(true)) for m, p in said["test"].items()},
        }
        top = max(right["valid"], key=lambda method: right["valid"][method].float().mean())
        print("chosen on validation pictures:", top, flush=True)
        row = {method: of.float().mean().item() for method, of in right["test"].items()}
        row |= {"top of the ladder": row[top]}
        rows.append({f"{CIFAR}, {method}, test accuracy": share for method, share in row.items()})
        rows[-1][f"{CIFAR}, all of it, min"] = minutes
    return rows


SIDES, LARGER_NETS = (224, 288), ("efficientnet_lite1", "efficientnet_lite2")
LARGER_CELLS = ("start", "setup", "begin-measures", "calibration-find", "calibration-halves")
LARGER = "dog breeds, ImageNet's rows"


def larger(rounds: int) -> Rounds:
    """Lesson 10's rows of ImageNet at two sizes of the pictures; trains nothing, so once is enough.

    The geometric mean of two networks, at each size without and with a temperature. It is found on
    half of the labelled pictures for the other half, and on all of them for the test pictures.
    """
    lesson, root = Lesson("10"), data.find("dog-breed-identification", data.chosen_size("full"))
    lesson.run(*(f"10-{cell}" for cell in LARGER_CELLS), "10-weights-blend")
    costs, find_temperature, at_temperature, geometric = (
        lesson.names[name] for name in ("costs", "find_temperature", "at_temperature", "geometric")
    )
    breeds = find_answers("dog-breed-identification", data.chosen_size("full"))
    answers = read_table(breeds, ["id", "breed"])
    breed_of = dict(zip(answers["id"], answers["breed"], strict=True))
    table, row, cost = kaggle.split(root, 0.2), {}, {}
    for side in SIDES:
        said = []
        for name in LARGER_NETS:
            net = models.load_pretrained(name, size=side)
            parts = kaggle.load(table, net.preprocess)
            models.reuse_rows(net, net.class_names, parts.train.class_names)
            said.append([train.predict(net, data.loader(part, 16)) for part in parts[2:]])
        labelled, test = (geometric(torch.stack(part)) for part in zip(*said, strict=True))
        lesson.names["answers"] = known = parts.train_valid.labels
        ids = kaggle.test_ids(parts.test, kaggle.find_sample(root))
        true = torch.tensor([parts.train.class_names.index(breed_of[name]) for name in ids])
        t = find_temperature(labelled, known)
        cost[side] = {
            "no temperature, labelled": costs(labelled, known),
            "temperature, labelled": costs(lesson.names["tempered"](labelled), known),
            "temperature, test": costs(at_temperature(test, t), true),
        }
        row |= {f"{LARGER} at {side} px, {how}": c.mean().item() for how, c in cost[side].items()}
        row[f"{LARGER} at {side} px, the temperature"] = t
    for how, before in cost[SIDES[0]].items():
        gain = before - cost[SIDES[1]][how]
        row[f"{LARGER}, gain of {SIDES[1]} px, {how}"] = gain.mean().item()
        row[f"{LARGER}, gain of {SIDES[1]} px, {how}: standard error"] = (
            gain.std().item() / len(gain) ** 0.5
        )
    return [row]


MEASURES = {"organize": organize, "dogs": dogs, "cifar": cifar, "larger": larger}
TABLE_OF = {"organize": "kaggle", "dogs": "kaggle", "cifar": "cifar", "larger": "larger"}


def main(argv: list[str] | None = None) -> None:
    options = command("kaggle", __doc__, MEASURES, rounds=3).parse_args(argv)
    out = options.out.resolve()
    os.environ["COURSE_SIZE"] = "full"
    if "COURSE_DATA" in os.environ:
        os.environ["COURSE_DATA"] = os.path.abspath(os.environ["COURSE_DATA"])
    os.chdir(NOTEBOOKS)  # where the cells are at home
    for part in options.parts:
        rows = MEASURES[part](options.rounds)
        for name in rows[0]:
            values = [row[name] for row in rows]
            print(name, values, flush=True)
            keep(out, TABLE_OF[part], [name], [*median_range(values), len(values)])
        show(out, TABLE_OF[part])


if __name__ == "__main__":
    main()
