"""From JPEG files to a goal: this course's quickest way beside the recipes of other projects.

The goals: test accuracy 0.94 on the hot dogs; log-loss 0.25 nats on the test pictures of the dog
breeds. Everybody starts from the files and the same pretrained EfficientNet-Lite0 (the ResNets
that the others' pages take would have to be downloaded) and measures on the test pictures after
each epoch; that counts, imports do not. The others' pictures have 224 pixels. Ours takes fewer and
smaller ones, and what the network's old rows say about them: the first of a few choices, cheapest
first, that reaches the goal on validation pictures, training pictures that it does not learn from.
If the test pictures disagree, the next choice follows, as the others go on with another epoch. The
choosing on validation pictures is not in its seconds. A method that has not reached its goal stops
before the epoch that would end later than `--minutes`. Results of single methods are put beside
those that are there.
"""

import contextlib
import importlib
import os
import shutil
import tempfile
from pathlib import Path

import torch
from sklearn.model_selection import GridSearchCV
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks import others, training
from benchmarks.record import command, keep, show
from benchmarks.timing import call_apart, clock
from helpers import data, models
from helpers.data import Pictures
from helpers.kaggle import find_answers, read_table
from helpers.labels import match_labels
from helpers.param_groups import output_layer

GOALS = {
    "hotdog": lambda loss, accuracy: accuracy >= 0.94,
    "dogs": lambda loss, accuracy: loss <= 0.25,
}
CHOICES = {  # of ours: side in pixels and pictures per class, cheapest first
    "hotdog": [(160, 100), (160, 200), (192, 100), (192, 200), (224, 200), (224, 400), (224, 750)],
    "dogs": [(160, 20), (160, 40), (192, 40), (224, 40), (224, 60)],
}
HELD_OUT = 4  # the last of so many parts of each class's training pictures validates
DOGS = "dog-breed-identification"


class Enough(Exception):
    """The goal is reached, or the next epoch would take too long."""


class Clock:
    """Notes [seconds, log-loss, accuracy] after each epoch, and stops when it is enough."""

    def __init__(self, task: str, minutes: float):
        self.is_goal, self.limit = GOALS[task], 60 * minutes
        self.epochs, self.reached = [], False
        self.start = clock()

    def after(self, loss: float | None, accuracy: float) -> None:
        seconds = clock() - self.start
        before = self.epochs[-1][0] if self.epochs else 0.0
        self.epochs.append([round(seconds, 1), loss and round(loss, 4), round(accuracy, 4)])
        print(f"   {seconds:6.0f} s  log-loss {loss}  accuracy {accuracy:.3f}", flush=True)
        self.reached = self.is_goal(loss, accuracy)
        if self.reached or 2 * seconds - before > self.limit:
            raise Enough("no further epoch")  # fastai wants words


def copy_dogs(target: Path) -> Path:
    """Copies the dog breeds as train/ and test/ with a folder per breed."""
    size = data.chosen_size("full")
    root = data.find(DOGS, size)
    for part, labels in (("train", root / "labels.csv"), ("test", find_answers(DOGS, size))):
        for name, breed in read_table(labels, ["id", "breed"]).itertuples(index=False):
            (target / part / breed).mkdir(parents=True, exist_ok=True)
            shutil.copy(root / part / f"{name}.jpg", target / part / breed)
    return target


def network(folder: Path) -> nn.Module:
    """Returns the pretrained network with a new output layer."""
    torch.manual_seed(0)
    net = models.load_pretrained()
    return models.replace_head(net, sorted(p.name for p in (folder / "train").iterdir()))


def ours(task: str, folder: Path, after: others.After, choice: tuple[int, int]) -> None:
    """A linear classifier on what the pretrained network says about some pictures, asked once.

    As the others go on with another epoch, it goes on with the next choice while the clock runs.
    """
    for side, number in CHOICES[task][CHOICES[task].index(choice) :]:
        net = models.load_pretrained(size=side)
        training_set = data.read_folder(folder / "train", net.preprocess, limit=number)
        test_set = data.read_folder(folder / "test", net.preprocess)
        after(*learn(net, training_set, test_set))


def learn(net: nn.Module, training_set: Pictures, other_set: Pictures) -> tuple[float, float]:
    """Returns log-loss and accuracy on the other pictures."""
    strengths = {"C": [0.01, 0.1, 1]}
    search = GridSearchCV(training.linear(), strengths, scoring="neg_log_loss", cv=3)
    search.fit(*described(net, training_set))
    described_others = described(net, other_set)
    return -search.score(*described_others), search.best_estimator_.score(*described_others)


def described(net: nn.Module, pictures: Pictures) -> tuple[Tensor, Tensor]:
    """Returns features, with the log-odds of the names that the network knows already, and labels.

    Each class that is one of its 1,000 names has such a column: the old row's answer.
    """
    features, labels = training.features(net, pictures)
    matches = match_labels(net.class_names, pictures.class_names)
    known = [net.class_names.index(match.source) for match in matches if match.source]
    with torch.no_grad():
        probabilities = output_layer(net)[1](features).softmax(1)[:, known]
    return torch.cat([features, torch.logit(probabilities, eps=1e-6)], 1), labels


def choose(task: str, folder: Path) -> tuple[int, int]:
    """Returns the first choice that reaches the goal on validation pictures, else the last."""
    for side, number in CHOICES[task]:
        net = models.load_pretrained(size=side)
        labelled = data.read_folder(folder / "train", net.preprocess)
        classes = range(len(labelled.class_names))
        train, valid = [], []
        for k in classes:
            members = torch.nonzero(labelled.labels == k)[:, 0].tolist()
            end = len(members) - len(members) // HELD_OUT
            train += members[: min(number, end)]
            valid += members[end:]
        loss, accuracy = learn(net, labelled.subset(train), labelled.subset(valid))
        print(f"   {side} pixels, {number} per class: valid {loss:.3f}, {accuracy:.3f}", flush=True)
        if GOALS[task](loss, accuracy):
            break
    return side, number


def d2l(task: str, folder: Path, after: others.After) -> None:
    """The recipe of the book's section on fine-tuning, or of the one on dog breeds."""
    if task == "dogs":
        return d2l_dogs(folder, after)
    net = network(folder)
    optimizer = torch.optim.SGD(models.param_groups(net, 5e-5, 10), weight_decay=1e-3)
    return others.d2l_loop(net, folder, optimizer, 1000, after, batch=128)


def d2l_dogs(folder: Path, after: others.After) -> None:
    body = others.default_layout(models.load_pretrained())
    train, test = others.batches(folder / "train", folder / "test", body.preprocess, 128)
    for net in others.d2l_dogs(body, train):
        with torch.no_grad():
            pairs = [(net(pictures), labels) for pictures, labels in test]
        outputs, labels = (torch.cat(parts) for parts in zip(*pairs, strict=True))
        right = (outputs.argmax(1) == labels).float().mean().item()
        after(F.cross_entropy(outputs, labels).item(), right)


def fastai(task: str, folder: Path, after: others.After) -> None:
    """`fine_tune` with its own learning rates: one epoch for the new layer, then four for all."""
    others.fastai_learner(network(folder), folder, after, batch=64).fine_tune(4)


def plain(task: str, folder: Path, after: others.After) -> None:
    """PyTorch's tutorial: every layer, batches of four; its schedule falls after seven epochs."""
    net = network(folder)
    others.plain_loop(net, folder, training.sgd(net), 7, after, batch=4)


RECIPES = {"ours": ours, "d2l": d2l, "fastai": fastai, "plain": plain}
SLOW_IMPORTS = {"d2l": "d2l.torch", "fastai": "fastai.vision.all"}


def measure(task: str, method: str, folder: Path, minutes: float, chosen: dict) -> dict:
    """Returns what a method reached: "epochs" holds [seconds, log-loss, accuracy] of each.

    chosen: what the recipe takes besides; it stands in the results too.
    """
    if method in SLOW_IMPORTS:
        importlib.import_module(SLOW_IMPORTS[method])
    print(task, method, flush=True)
    clock = Clock(task, minutes)
    with contextlib.suppress(Enough):
        RECIPES[method](task, folder, clock.after, **chosen)
    return chosen | {
        "reached": clock.reached,
        "epochs": clock.epochs,
        "threads": torch.get_num_threads(),
        "minutes": minutes,
    }


def main(argv: list[str] | None = None) -> None:
    parser = command("time_to", __doc__, [*GOALS, *RECIPES])
    parser.add_argument("--minutes", type=float, default=10.0, help="for each method (10)")
    options = parser.parse_args(argv)
    tasks = [task for task in GOALS if task in options.parts] or GOALS
    methods = [method for method in RECIPES if method in options.parts] or list(RECIPES)
    if "fastai" in methods and not others.HAS_FASTAI:
        print(others.NO_FASTAI)
        methods.remove("fastai")
    os.environ["COURSE_SIZE"] = "full"
    for task in tasks:
        with tempfile.TemporaryDirectory() as place:
            folder = data.find("hotdog", "full") if task == "hotdog" else copy_dogs(Path(place))
            for method in methods:
                # in another process: what is measured starts as cold as the others do
                is_ours = method == "ours"
                chosen = {"choice": call_apart(choose, task, folder)} if is_ours else {}
                run = call_apart(measure, task, method, folder, options.minutes, chosen)
                keep(options.out, "time", [task, method], run)
    show(options.out, "time")


if __name__ == "__main__":
    main()
