"""From JPEG files to a goal: this course's quickest way beside the recipes of other projects.

    python -m benchmarks.time_to [hotdog] [dogs] [ours] [d2l] [fastai] [plain] [--minutes 10]

The goals: test accuracy 0.94 on the hot dogs; log-loss 0.25 nats on the test pictures of the dog
breeds. Everybody starts from the files and the same pretrained EfficientNet-Lite0 (the ResNets
that the others' pages take would have to be downloaded) and measures on the test pictures after
each epoch; that counts, imports do not. The others' pictures have 224 pixels. Ours takes fewer and
smaller ones, enough for the goal: so many that cross-validation of the dogs' training pictures is
below 0.25 or nearly, and for the hot dogs what the last table of `benchmarks.ceiling` shows, which
was measured on the same test pictures. A method that has not reached its goal
stops before the epoch that would end later than `--minutes`. Results of single methods are put
beside those that are there.
"""

import argparse
import contextlib
import importlib
import os
import shutil
import tempfile
import time
import warnings
from functools import partial
from pathlib import Path

import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_score
from torch.nn import functional as F

from benchmarks import others
from benchmarks.kaggle import frozen
from benchmarks.record import machine, own_process, read, write
from benchmarks.tables_of_time import time_table
from helpers import data, models, train
from helpers.kaggle import find_answers, read_table

GOALS = {"hotdog": ("accuracy", 0.94), "dogs": ("log-loss", 0.25)}
SIDE, NUMBER = 192, {"hotdog": 400, "dogs": 40}  # of ours: pixels, pictures a class
DOGS = "dog-breed-identification"
warnings.filterwarnings("ignore")  # the book's code and fastai use older calls


class Enough(Exception):
    """The goal is reached, or the next epoch would take too long."""


class Clock:
    """Notes [seconds, log-loss, accuracy] after each epoch, and says when it is enough."""

    def __init__(self, task: str, minutes: float):
        self.what, self.goal = GOALS[task]
        self.most, self.epochs, self.reached = 60 * minutes, [], False
        self.start = time.perf_counter()

    def after(self, loss: float | None, accuracy: float) -> None:
        seconds = time.perf_counter() - self.start
        last = self.epochs[-1][0] if self.epochs else 0.0
        self.epochs.append([round(seconds, 1), loss and round(loss, 4), round(accuracy, 4)])
        print(f"   {seconds:6.0f} s  log-loss {loss}  accuracy {accuracy:.3f}", flush=True)
        self.reached = accuracy >= self.goal if self.what == "accuracy" else loss <= self.goal
        if self.reached or 2 * seconds - last > self.most:
            raise Enough("as the goal or the time wants it")


def labelled_dogs(place: Path) -> Path:
    """The dog breeds as train/ and test/ with a folder per breed; copies of the files."""
    root = data.find(DOGS, "full")
    for part, labels in (("train", root / "labels.csv"), ("test", find_answers(DOGS, "full"))):
        for name, breed in read_table(labels, ["id", "breed"]).itertuples(index=False):
            (place / part / breed).mkdir(parents=True, exist_ok=True)
            shutil.copy(root / part / f"{name}.jpg", place / part / breed)
    return place


def network(folder: Path):
    """The pretrained network with a new output layer; every method starts with it."""
    torch.manual_seed(0)
    net = models.load_pretrained()
    return models.replace_head(net, sorted(p.name for p in (folder / "train").iterdir()))


def ours(folder: Path, after: others.After, number: int) -> None:
    """Features of `number` pictures a class, once, and a linear classifier on them."""
    net = models.load_pretrained(size=SIDE)
    training = data.read_folder(folder / "train", net.preprocess, limit=number)
    test = data.read_folder(folder / "test", net.preprocess)
    features, labels = train.extract_features(net, data.loader(training, 16))
    strengths = [LogisticRegression(C=c, solver="newton-cg", max_iter=1000) for c in (0.01, 0.1, 1)]

    def score(model) -> float:
        return cross_val_score(model, features, labels, cv=3, scoring="neg_log_loss").mean()

    found = max(strengths, key=score).fit(features, labels)
    features, labels = train.extract_features(net, data.loader(test, 16))
    after(log_loss(labels, found.predict_proba(features)), found.score(features, labels))


def d2l(folder: Path, after: others.After) -> None:
    """The recipe of the book's section on fine-tuning: small steps, ten times for the new layer."""
    net = network(folder)
    groups = models.param_groups(net, 5e-5, 10)
    optimizer = torch.optim.SGD(groups, weight_decay=1e-3)
    others.d2l_loop(net, folder, optimizer, 1000, after, batch=128)


def d2l_dogs(folder: Path, after: others.After) -> None:
    """The recipe of the book's section on dog breeds: two new layers on top of a frozen network."""
    net = others.default_layout(frozen(len(list((folder / "train").iterdir()))))
    trained = [p for p in net.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=1e-4, momentum=0.9, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.9)
    training, test = others.batches(folder, net[0].preprocess, 128)
    while True:
        for pictures, labels in training:
            optimizer.zero_grad()
            F.cross_entropy(net(pictures), labels, reduction="sum").backward()
            optimizer.step()
        schedule.step()
        with torch.no_grad():
            said, labels = zip(*((net(x), y) for x, y in test), strict=True)
        said, labels = torch.cat(said), torch.cat(labels)
        right = (said.argmax(1) == labels).float().mean().item()
        after(F.cross_entropy(said, labels).item(), right)


def fastai(folder: Path, after: others.After) -> None:
    """`fine_tune` with its own learning rates: one epoch for the new layer, then four for all."""
    others.fastai_learner(network(folder), folder, after, batch=64).fine_tune(4)


def plain(folder: Path, after: others.After) -> None:
    """PyTorch's tutorial: every layer, batches of four; its schedule falls after seven epochs."""
    net = network(folder)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)
    others.plain_loop(net, folder, optimizer, 7, after, batch=4)


def measure(task: str, method: str, folder: Path, minutes: float) -> dict:
    """{"reached": whether the goal was, "epochs": [[seconds, log-loss, accuracy], ...]}."""
    recipes = {
        "ours": partial(ours, number=NUMBER[task]),
        "d2l": d2l,
        "fastai": fastai,
        "plain": plain,
    }
    for module in {"d2l": ["d2l.torch"], "fastai": ["fastai.vision.all"]}.get(method, []):
        importlib.import_module(module)
    recipe = d2l_dogs if (task, method) == ("dogs", "d2l") else recipes[method]
    print(task, method, flush=True)
    clock = Clock(task, minutes)
    with contextlib.suppress(Enough):
        recipe(folder, clock.after)
    return {"reached": clock.reached, "epochs": clock.epochs, "threads": torch.get_num_threads()}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("what", nargs="*", help="tasks and methods; all, if there are none")
    options.add_argument("--minutes", type=float, default=10.0, help="for each method (10)")
    asked = options.parse_args()
    methods = [m for m in ("ours", "d2l", "fastai", "plain") if m in asked.what]
    methods = methods or ["ours", "d2l", "fastai", "plain"]
    if "fastai" in methods and not others.HAS_FASTAI:
        print(others.NO_FASTAI)
        methods.remove("fastai")
    os.environ["COURSE_SIZE"] = "full"
    for task in [t for t in GOALS if t in asked.what] or GOALS:
        with tempfile.TemporaryDirectory() as place:
            folder = data.find("hotdog", "full") if task == "hotdog" else labelled_dogs(Path(place))
            for method in methods:
                with own_process() as process:
                    found = process.submit(measure, task, method, folder, asked.minutes).result()
                result = read().get("time", {"results": {}}) | machine()
                result["results"].setdefault(task, {})[method] = found
                write("time", result)
    print(time_table(result))


if __name__ == "__main__":
    main()
