"""Arguments of the helpers: the wrong type, out of range, of the wrong length, unknown names."""

import copy
import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from helpers import data, labels, models, train
from helpers.models import read_weights
from tests.bad_input import Case
from tests.conftest import SMALL, SmallNet

NAN = float("nan")


@functools.cache
def pictures() -> data.Pictures:
    """Eight pictures of two classes, made without files."""
    decoded = [torch.full((3, 20, 20), 10 * i, dtype=torch.uint8) for i in range(8)]
    files = [Path(f"{i}.png") for i in range(8)]
    return data.Pictures(files, torch.tensor([0, 1] * 4), ["a", "b"], SMALL, decoded)


def net() -> SmallNet:
    torch.manual_seed(0)
    return SmallNet()


def batches(**changes):
    return data.loader(replace(pictures(), **changes), 4)


def run(**changes):
    """`fit` for one epoch, with something else in place of one of its arguments."""
    own = net()
    arguments = {
        "net": own,
        "train": batches(),
        "valid": None,
        "optimizer": torch.optim.SGD(own.parameters(), 0.1),
        "epochs": 1,
        "quiet": True,
    }
    return train.fit(**{**arguments, **changes})


def three_classes() -> data.Pictures:
    return replace(pictures(), labels=torch.tensor([0, 1, 2, 1] * 2), class_names=["a", "b", "c"])


def in_folder(folder: Path, name: str, content: bytes = b"x") -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def weights(folder: Path, value: object) -> Path:
    torch.save(value, folder / "w.pth")
    return folder / "w.pth"


def below_a_file(folder: Path) -> Path:
    return in_folder(folder, "file") / "below"


P = torch.full((8, 2), 0.5)
SIZES = {
    "a size that is a number": (lambda f: data.chosen_size(3), "3"),
    "a size that is nothing": (lambda f: data.chosen_size(None), "None"),
    "a size in capitals": (lambda f: data.chosen_size("FULL"), "FULL"),
    "an unknown data set": (lambda f: data.find("hotdogs", "drawn"), "hotdogs"),
    "a list for a data set": (lambda f: data.find(["hotdog"], "drawn"), "list"),
    "leaves in the size tiny": (lambda f: data.find("classify-leaves", "tiny"), "classify-leaves"),
}
PICTURES = {
    "a picture that is nothing": (lambda f: data.read_picture(None), "None"),
    "a picture that is a number": (lambda f: data.read_picture(3), "3"),
    "a path with a zero byte": (lambda f: data.read_picture("a\0.jpg"), "a\\x00.jpg"),
    "a path of 5,000 letters": (lambda f: data.read_picture("a" * 5000), "aaaa"),
    "a folder that is nothing": (lambda f: data.read_folder(None, SMALL), "None"),
    "a folder that is a file": (lambda f: data.read_folder(in_folder(f, "x"), SMALL), "x"),
    "no folder": (lambda f: data.read_folder(f / "none", SMALL), "none"),
    "an empty folder": (lambda f: data.read_folder(f, SMALL), "two folders"),
    "a limit of 0": (lambda f: data.read_folder(f, SMALL, limit=0), "limit is 0"),
    "a limit below 0": (lambda f: data.read_folder(f, SMALL, limit=-1), "limit is -1"),
    "a limit in words": (lambda f: data.read_folder(f, SMALL, limit="ten"), '"ten"'),
    "a network for a preprocess": (lambda f: data.read_files([], [], ["a"], net()), "SmallNet"),
    "no preprocess": (lambda f: data.read_files([], [], ["a"], None), "None"),
    "fewer labels than files": (
        lambda f: data.read_files(["a", "b"], [0], ["a"], SMALL),
        "2 files",
    ),
    "a label without class": (lambda f: data.read_files(["a"], [1], ["a"], SMALL), "labels is 1"),
    "a label that is a name": (lambda f: data.read_files(["a"], ["a"], ["a"], SMALL), '"a"'),
    "an index too large": (lambda f: pictures().subset([8]), "indices is 8"),
    "a mask for indices": (lambda f: pictures().subset(pictures().labels == 1), "indices is False"),
    "fractions for indices": (lambda f: pictures().subset([0.5]), "0.5"),
    "a number for indices": (lambda f: pictures().subset(3), "3"),
    "a split of 0": (lambda f: data.split(pictures(), 0), "is 0"),
    "a split of 1": (lambda f: data.split(pictures(), 1), "is 1"),
    "a split in per cent": (lambda f: data.split(pictures(), 20), "is 20"),
    "a split of NaN": (lambda f: data.split(pictures(), NAN), "nan"),
    "a split in words": (lambda f: data.split(pictures(), "half"), '"half"'),
    "a seed in words": (lambda f: data.split(pictures(), 0.5, "x"), 'seed is "x"'),
    "a seed of 1.5": (lambda f: data.split(pictures(), 0.5, 1.5), "seed is 1.5"),
    "a seed below 0": (lambda f: data.split(pictures(), 0.5, -1), "seed is -1"),
    "a seed of 30 digits": (lambda f: data.few(pictures(), 1, 10**29), "seed is 1000"),
    "few of 0": (lambda f: data.few(pictures(), 0), "n is 0"),
    "few of -1": (lambda f: data.few(pictures(), -1), "n is -1"),
    "few of 2.5": (lambda f: data.few(pictures(), 2.5), "n is 2.5"),
    "batches of 0": (lambda f: data.loader(pictures(), 0), "batch_size is 0"),
    "batches in words": (lambda f: data.loader(pictures(), "8"), '"8"'),
    "batches of 2.0": (lambda f: data.loader(pictures(), 2.0), "2.0"),
    "batches of a path": (lambda f: data.loader(f), "first argument"),
    "workers below 0": (lambda f: data.loader(pictures(), workers=-1), "workers is -1"),
    "augment that is a text": (lambda f: data.loader(pictures(), augment="flip"), '"flip"'),
}
NETWORKS = {
    "a network that nobody knows": (lambda f: models.load_pretrained("resnet-18"), "resnet-18"),
    "a network without name": (lambda f: models.load_pretrained(""), 'network ""'),
    "a network that is nothing": (lambda f: models.load_pretrained(None), "None"),
    "a size of 0 pixels": (lambda f: models.load_pretrained(size=0), "size is 0"),
    "a size below 0": (lambda f: models.load_pretrained(size=-5), "size is -5"),
    "a size of 1.5 pixels": (lambda f: models.load_pretrained(size=1.5), "1.5"),
    "a million pixels": (lambda f: models.load_pretrained(size=10**6), "1000000"),
    "weights that are not there": (
        lambda f: models.load_pretrained("resnet18", weights=f / "w.pth"), "w.pth"),
    "weights that are a number": (lambda f: models.load_pretrained("resnet18", weights=3), "3"),
    "weights that are a folder": (
        lambda f: models.load_pretrained("resnet18", weights=f), "weights"),
    "weights that are text": (lambda f: read_weights(in_folder(f, "w.pth"), net()), "w.pth"),
    "weights cut off": (lambda f: read_weights(
        in_folder(f, "w.pth", weights(f, net().state_dict()).read_bytes()[:900]), net()), "w.pth"),
    "weights of another network": (
        lambda f: read_weights(weights(f, SmallNet(5).state_dict()), net()), "w.pth"),
    "weights that are a list": (lambda f: read_weights(weights(f, [1, 2]), net()), "w.pth"),
    "weights that are texts": (
        lambda f: read_weights(weights(f, dict.fromkeys(net().state_dict(), "x")), net()), "w.pth"),
    "weights with code in them": (lambda f: read_weights(weights(f, net()), net()), "w.pth"),
    "class names as one text": (lambda f: models.replace_head(net(), "cats"), '"cats"'),
    "one class": (lambda f: models.replace_head(net(), ["a"]), "['a']"),
    "no class": (lambda f: models.replace_head(net(), []), "list"),
    "classes as a number": (lambda f: models.replace_head(net(), 10), "10"),
    "class names of numbers": (lambda f: models.replace_head(net(), [1, 2]), "1"),
    "a class twice": (lambda f: models.replace_head(net(), ["a", "b", "a"]), '"a"'),
    "a head for nothing": (lambda f: models.replace_head(None, ["a", "b"]), "None"),
    "too few source names": (lambda f: models.reuse_rows(net(), ["a"], ["a", "b"]), "2 outputs"),
    "source names twice": (lambda f: models.reuse_rows(net(), ["a", "a"], ["a", "b"]), '"a"'),
    "a bias of NaN": (
        lambda f: models.reuse_rows(net(), ["a", "b"], ["a", "c"], "exact", NAN), "nan"),
    "a way to match of nobody": (lambda f: labels.match_labels(["a"], ["a"], "fuzzy"), '"fuzzy"'),
    "a match with a name of nobody": (
        lambda f: labels.match_labels(["a"], ["b"], {"b": "x"}), '"x"'),
    "a match with lists": (lambda f: labels.match_labels(["a"], ["b"], {"b": ["a"]}), "list"),
    "target names as a text": (lambda f: labels.match_labels(["a"], "b"), '"b"'),
    "asked with too few columns": (
        lambda f: labels.ask(P, pictures().labels, ["a"], ["a", "b"]), "8 x 1"),
    "asked with lists": (lambda f: labels.ask([[1]], [0], ["a"], ["a"]), "list"),
    "asked for a share of NaN": (
        lambda f: labels.ask(P, pictures().labels, ["x", "y"], ["a", "b"], NAN), "nan"),
    "a learning rate below 0": (lambda f: models.param_groups(net(), -0.1), "lr is -0.1"),
    "a learning rate of NaN": (lambda f: models.param_groups(net(), NAN), "nan"),
    "a learning rate in words": (lambda f: models.param_groups(net(), "1e-3"), '"1e-3"'),
    "a factor below 0": (lambda f: models.param_groups(net(), 0.1, -1), "head_factor is -1"),
    "stages of what has none": (lambda f: models.freeze(net(), 1), "SmallNet"),
    "statistics of nothing": (lambda f: models.keep_statistics(None), "None"),
}  # fmt: skip
TRAINING = {
    "no network to train": (lambda f: run(net=None), "None"),
    "pictures for a loader": (lambda f: run(train=pictures()), "Pictures"),
    "pictures to validate with": (lambda f: run(valid=pictures()), "Pictures"),
    "an optimiser's class": (lambda f: run(optimizer=torch.optim.SGD), "optimiser"),
    "an optimiser of another network": (
        lambda f: run(optimizer=torch.optim.SGD(net().parameters(), 0.1)), "optimiser"),
    "epochs below 0": (lambda f: run(epochs=-1), "epochs is -1"),
    "epochs in words": (lambda f: run(epochs="3"), '"3"'),
    "half an epoch": (lambda f: run(epochs=0.5), "0.5"),
    "more classes than outputs": (
        lambda f: run(train=data.loader(three_classes(), 4)), "3 classes"),
    "no picture to train on": (
        lambda f: run(train=data.loader(pictures().subset([]), 4)), "picture"),
    "a checkpoint that is a picture": (
        lambda f: run(checkpoint=in_folder(f, "c.pt", b"\xff\xd8\xff")), "c.pt"),
    "a checkpoint that is a folder": (lambda f: run(checkpoint=f), "checkpoint"),
    "a checkpoint of another kind": (lambda f: run(checkpoint=weights(f, [1])), "w.pth"),
    "a checkpoint below a file": (lambda f: run(checkpoint=below_a_file(f) / "c.pt"), "c.pt"),
    "a checkpoint that is a number": (lambda f: run(checkpoint=3), "checkpoint is 3"),
    "evaluated: pictures": (lambda f: train.evaluate(net(), pictures()), "Pictures"),
    "evaluated: nothing": (lambda f: train.evaluate(None, batches()), "None"),
    "evaluated: too many classes": (
        lambda f: train.evaluate(net(), data.loader(three_classes(), 4)), "3 classes"),
    "predicted in random order": (
        lambda f: train.predict(net(), data.loader(pictures(), 4, shuffle=True)), "shuffle=False"),
    "predicted: a list": (lambda f: train.predict(net(), [1, 2]), "list"),
    "features of stages that are not there": (
        lambda f: train.extract_features(net(), batches(), 3), "SmallNet"),
}  # fmt: skip
USABLE = {
    "indices of NumPy": lambda f: len(pictures().subset(np.array([1, 2]))) == 2,
    "indices of a tensor": lambda f: len(pictures().subset(torch.tensor([1, 2]))) == 2,
    "no indices": lambda f: len(pictures().subset([])) == 0,
    "more than there are": lambda f: len(data.few(pictures(), 99)) == 8,
    "batches larger than the set": lambda f: len(list(data.loader(pictures(), 10**6))) == 1,
    "a size that is a number of NumPy": lambda f: len(data.loader(pictures(), np.int64(4))) == 2,
    "0 epochs": lambda f: run(epochs=0).epochs == [],
    "class names in a tuple": lambda f: (
        models.replace_head(net(), ("x", "y")).class_names == ["x", "y"]),
    "a network copied": lambda f: train.evaluate(copy.deepcopy(net()), batches())["n"] == 8,
}  # fmt: skip

GROUPS = (SIZES, PICTURES, NETWORKS, TRAINING)
CASES = [Case(name, *what) for group in GROUPS for name, what in group.items()]
CASES += [Case(name, act) for name, act in USABLE.items()]
