"""Arguments about competitions and figures."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image

from helpers import kaggle, plot, train
from helpers.files import competition as contest
from tests.bad_input import Case
from tests.bad_input.arguments import NAN, P, below_a_file, in_folder, pictures
from tests.conftest import SMALL
from tests.helpers.test_kaggle_tables import GOOD, SAMPLE, competition


def write(folder: Path, ids=("5", "6"), values=None, name: str = "mine.csv"):
    """A submission for two pictures."""
    sample = in_folder(folder, "sample.csv", SAMPLE.encode())
    values = pd.DataFrame({"ant": [1.0, 0.0], "bee": [0.0, 1.0]}) if values is None else values
    return kaggle.write_submission(ids, values, sample, folder / name)


def organized(place: Path, **arguments):
    (place / "in").mkdir()
    root = competition(place / "in", "id,label\n1,ant\n2,bee\n3,ant\n4,bee\n")
    return kaggle.organize(**{"root": root, "folder": place / "out", **arguments})


def organized_over(folder: Path) -> None:
    """The folder to write to holds somebody's work."""
    (folder / "out").mkdir()
    work = in_folder(folder / "out", "thesis.txt")
    try:
        organized(folder)
    finally:
        assert work.read_bytes() == b"x"


COMPETITIONS = {
    "organised: nothing": (lambda f: kaggle.organize(None), "None"),
    "organised: an empty folder": (lambda f: kaggle.organize(f), "labels.csv"),
    "organised with a fraction of 1": (lambda f: organized(f, valid_fraction=1), "is 1"),
    "organised with a fraction of NaN": (lambda f: organized(f, valid_fraction=NAN), "nan"),
    "organised with a seed in words": (lambda f: organized(f, seed="x"), '"x"'),
    "organised over somebody's work": (organized_over, "other things"),
    "organised over the data": (lambda f: organized(f, folder=f / "in"), "other things"),
    "organised below a file": (lambda f: organized(f, folder=below_a_file(f) / "x"), "below"),
    "loaded: not organised": (lambda f: kaggle.load(f, SMALL), "organize"),
    "loaded: a number": (lambda f: kaggle.load(3, SMALL), "3"),
    "loaded: the first 0": (lambda f: kaggle.load(f, SMALL, first=0), "first is 0"),
    "folds of 1": (lambda f: kaggle.folds([0, 1] * 4, 1), "k is 1"),
    "folds of more than there are": (lambda f: kaggle.folds([0, 1] * 4, 5), "k is 5"),
    "folds of 2.5": (lambda f: kaggle.folds([0, 1] * 4, 2.5), "2.5"),
    "folds of no labels": (lambda f: kaggle.folds([], 2), "k is 2"),
    "folds of names": (lambda f: kaggle.folds(["a", "b"] * 4, 2), '"a"'),
    "folds of a table": (lambda f: kaggle.folds(np.zeros((4, 2)), 2), "list"),
    "folds with a seed too large": (lambda f: kaggle.folds([0, 1] * 4, 2, 2**32), "seed"),
    "ids as a number": (lambda f: write(f, ids=5), "ids is 5"),
    "an id too few": (lambda f: write(f, ids=["5"]), "1 ids"),
    "answers that are nothing": (lambda f: write(f, values=[None, None]), "names"),
    "answers without names": (lambda f: write(f, values=np.eye(2)), "names"),
    "answers of another class": (
        lambda f: write(f, values={"ant": [1, 0], "cow": [0, 1]}), '"bee"'),
    "answers of unlike lengths": (
        lambda f: write(f, values={"ant": [1], "bee": [0, 1]}), "picture"),
    "answers in words": (lambda f: write(f, values={"ant": ["x", "y"], "bee": [0, 1]}), "numbers"),
    "answers that are NaN": (lambda f: write(f, values={"ant": [NAN, 0], "bee": [0, 1]}), "id 5"),
    "a submission into a folder": (lambda f: write(f, name="../" + f.name), "cannot"),
    "a submission below a file": (
        lambda f: write(f, name=str(below_a_file(f) / "x.csv")), "x.csv"),
    "a sample of one column": (
        lambda f: kaggle.write_submission(["5"], ["a"], in_folder(f, "s.csv", b"id\n5\n"), f / "m"),
        "s.csv"),
    "test pictures that the sample lacks": (
        lambda f: kaggle.test_ids(pictures(), in_folder(f, "s.csv", GOOD.encode())), "0.png"),
    "a competition without name": (lambda f: contest.download("", f / "new"), "competition ''"),
    "a competition by its address": (
        lambda f: contest.download("https://www.kaggle.com/c/x", f / "new"), "kaggle.com/c/x"),
    "a submission that is not there": (lambda f: contest.submit("cifar-10", f / "none"), "none"),
    "a competition's folder that is nothing": (lambda f: kaggle.read_layout(None), "None"),
    "no sample submission": (lambda f: kaggle.find_sample(f), "sampleSubmission.csv"),
}  # fmt: skip
FIGURES = {
    "a grid of nothing": (lambda f: plot.image_grid([]), "empty"),
    "a grid of a number": (lambda f: plot.image_grid(3), "3"),
    "a grid of numbers": (lambda f: plot.image_grid([1, 2]), "1"),
    "a grid of flat tensors": (lambda f: plot.image_grid([torch.zeros(5, 5)]), "(5, 5)"),
    "a grid of 0 columns": (
        lambda f: plot.image_grid([Image.new("RGB", (2, 2))], columns=0), "columns is 0"),
    "curves of a run without name": (lambda f: plot.learning_curves(train.History()), "History"),
    "curves of a number": (lambda f: plot.learning_curves({"a": 1}), "1"),
    "confusion of unlike lengths": (
        lambda f: plot.confusion(torch.tensor([0]), torch.tensor([0, 1]), ["a", "b"]), "1 labels"),
    "confusion of unknown classes": (
        lambda f: plot.confusion(torch.tensor([2]), torch.tensor([0]), ["a", "b"]), "labels is 2"),
    "confusion of probabilities": (
        lambda f: plot.confusion(pictures().labels, P, ["a", "b"]), "list"),
    "mistakes of too few": (lambda f: plot.mistakes(pictures(), P[:3]), "(3, 2)"),
    "a spread of nothing": (lambda f: plot.spread({}, "accuracy"), "results"),
    "a spread of a list": (lambda f: plot.spread([0.5], "accuracy"), "list"),
    "a spread of numbers": (lambda f: plot.spread({"a": 0.5}, "accuracy"), '"a"'),
    "a table of no values": (lambda f: plot.closing_table({"a": []}), '"a"'),
    "a table of words": (lambda f: plot.closing_table({"a": ["x"]}), '"x"'),
}  # fmt: skip
USABLE = {
    "labels of NumPy": lambda f: len(kaggle.folds(np.array([0, 1] * 4), 2)) == 2,
    "ids as numbers": lambda f: write(f, ids=[5, 6]).exists(),
    "ids in another order": lambda f: "\n5,0.0,1.0" in write(f, ids=["6", "5"]).read_text(),
}

GROUPS = (COMPETITIONS, FIGURES)
CASES = [Case(name, *what) for group in GROUPS for name, what in group.items()]
CASES += [Case(name, act) for name, act in USABLE.items()]
