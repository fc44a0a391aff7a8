"""What the helpers cannot use is refused in one sentence with advice."""

import functools
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from helpers import CourseError, data, kaggle, labels, models, plot, train
from tests.conftest import SMALL, SmallNet, is_a_sentence
from tests.helpers.test_kaggle_tables import LABELS, SAMPLE, competition

NAN = float("nan")
HALVES = torch.full((8, 2), 0.5)


@functools.cache
def pictures() -> data.Pictures:
    """Eight pictures of two classes, made without files."""
    decoded = [torch.full((3, 20, 20), 10 * i, dtype=torch.uint8) for i in range(8)]
    files = [Path(f"{i}.png") for i in range(8)]
    return data.Pictures(files, torch.tensor([0, 1] * 4), ["a", "b"], SMALL, decoded)


def net() -> SmallNet:
    torch.manual_seed(0)
    return SmallNet()


def resnet() -> torch.nn.Module:
    return models.load_pretrained("resnet18", weights=None)


def batches(**changes):
    return data.loader(replace(pictures(), **changes), 4)


def three_classes():
    return batches(labels=torch.tensor([0, 1, 2, 1] * 2), class_names=["a", "b", "c"])


def fit(**changes):
    """Trains for an epoch, with something else in place of one of the arguments."""
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


def written(folder: Path, name: str, text: str = "x") -> Path:
    (folder / name).write_text(text)
    return folder / name


def weights(folder: Path, value: object) -> Path:
    torch.save(value, folder / "w.pth")
    return folder / "w.pth"


def organize_over_work(folder: Path) -> None:
    work = written(folder, "thesis.txt")
    try:
        kaggle.organize(kaggle.split(competition(folder, LABELS)), folder)
    finally:
        assert work.read_text() == "x"


def submit(folder: Path, ids=("5", "6"), name: str = "mine.csv") -> Path:
    sample = written(folder, "sample.csv", SAMPLE)
    values = {"ant": [1.0, 0.0], "bee": [0.0, 1.0]}
    return kaggle.write_submission(ids, values, sample, folder / name)


REFUSED = {  # what is handed over: a call in an empty folder, words of the sentence
    # data
    "an unknown data set": (lambda f: data.find("hotdogs", "drawn"), "hotdogs"),
    "no picture's path": (lambda f: data.read_picture(None), "None"),
    "a path with a zero byte": (lambda f: data.read_picture("a\0.jpg"), "a\\x00.jpg"),
    "a path of 5,000 letters": (lambda f: data.read_picture("a" * 5000), "aaaa"),
    "a folder that is not there": (lambda f: data.read_folder(f / "none", SMALL), "none"),
    "a network for a preprocess": (lambda f: data.read_files([], [], ["a"], net()), "SmallNet"),
    "no files": (lambda f: data.read_files([], [], ["a"], SMALL), "files is empty"),
    "one path for a list": (lambda f: data.read_files(f, [0], ["a"], SMALL), "files is"),
    "one text for a list": (lambda f: data.read_files("a.jpg", [0], ["a"], SMALL), "a.jpg"),
    "a pattern for a path": (lambda f: data.read_files(["*.jpg"], [0], ["a"], SMALL), "no picture"),
    "a folder for a picture": (lambda f: data.read_files([f], [0], ["a"], SMALL), "no picture"),
    "a file for a folder": (
        lambda f: data.read_folder(written(f, "a.txt"), SMALL), "a.txt cannot be read as a folder"),
    "a label too few": (lambda f: data.read_files(["a", "b"], [0], ["a"], SMALL), "2 files"),
    "a mask for indices": (lambda f: pictures().subset(pictures().labels == 1), "False"),
    "a split in per cent": (lambda f: data.split(pictures(), 20), "is 20"),
    "a seed of 30 digits": (lambda f: data.few(pictures(), 1, 10**29), "seed is 1000"),
    "batches in words": (lambda f: data.loader(pictures(), "8"), '"8"'),
    "batches of a path": (lambda f: data.loader(f), "first argument"),
    "augment that is a text": (lambda f: data.loader(pictures(), augment="flip"), "augment fails"),
    # models, labels
    "a network with a slip of the pen": (lambda f: models.load_pretrained("resnet81"), "resnet18"),
    "weights that are not there": (
        lambda f: models.load_pretrained("resnet18", weights=f / "w.pth"), "w.pth"),
    "weights that are a list": (lambda f: models.read_weights(weights(f, [1])), "w.pth"),
    "class names as one text": (lambda f: models.replace_head(net(), "cats"), '"cats"'),
    "a class twice": (lambda f: models.replace_head(net(), ["a", "b", "a"]), '"a"'),
    "a bias of NaN": (
        lambda f: models.reuse_rows(net(), ["a", "b"], ["a", "c"], "exact", NAN), "nan"),
    "a learning rate in words": (lambda f: models.param_groups(net(), "1e-3"), '"1e-3"'),
    "a network without stages": (lambda f: models.stages(net()), "stages of SmallNet"),
    "more stages than there are": (lambda f: models.freeze(resnet(), 6), "from 0 to 5"),
    "features of no stage": (
        lambda f: train.extract_features(resnet(), batches(), 0), "from 1 to 5"),
    "an unknown way to match": (lambda f: labels.match_labels(["a"], ["a"], "fuzzy"), '"fuzzy"'),
    "a partner that is no class": (lambda f: labels.match_labels(["a"], ["b"], {"b": "x"}), '"x"'),
    "asked with lists": (lambda f: labels.ask([[1]], [0], ["a"], ["a"]), "list"),
    "asked with a name too few": (
        lambda f: labels.ask(HALVES, pictures().labels, ["x"], ["a", "b"]), "not 8 x 2"),
    "asked about a class without pictures": (
        lambda f: labels.ask(HALVES, pictures().labels, ["x", "y"], ["a", "b", "c"]), '"c"'),
    # train
    "pictures for a loader": (lambda f: fit(train=pictures()), "Pictures"),
    "an optimiser's class": (lambda f: fit(optimizer=torch.optim.SGD), "optimiser"),
    "half an epoch": (lambda f: fit(epochs=0.5), "0.5"),
    "no picture to train on": (lambda f: fit(train=data.loader(pictures().subset([]))), "picture"),
    "more classes than outputs": (lambda f: fit(train=three_classes()), "3 classes"),
    "more classes to evaluate": (lambda f: train.evaluate(net(), three_classes()), "3 classes"),
    "more classes to probe": (lambda f: train.linear_probe(net(), three_classes()), "3 classes"),
    "a penalty below zero": (lambda f: train.linear_probe(net(), batches(), -1), "-1"),
    "a checkpoint that is a folder": (lambda f: fit(checkpoint=f), "checkpoint"),
    "a checkpoint below a file": (lambda f: fit(checkpoint=written(f, "file") / "c.pt"), "c.pt"),
    # kaggle
    "a folder of nothing": (lambda f: kaggle.split(f), "labels.csv"),
    "a competition over somebody's work": (organize_over_work, "other files"),
    "a competition organised here": (
        lambda f: kaggle.organize(kaggle.split(competition(f, LABELS)), "."), "other files"),
    "a folder in place of a table": (lambda f: kaggle.load(f, SMALL), "give kaggle.split's"),
    "folds of more than there are": (lambda f: kaggle.folds([0, 1] * 4, 5), "number from 2 to 4"),
    "a table that is a folder": (lambda f: kaggle.read_table(f), "not a complete CSV table"),
    "ids as a number": (lambda f: submit(f, ids=5), "ids is 5"),
    "a submission into a folder": (lambda f: submit(f, name="../" + f.name), "cannot"),
    "test pictures that a sample lacks": (
        lambda f: kaggle.test_ids(pictures(), written(f, "s.csv", SAMPLE)), "0.png"),
    # plot
    "a grid of nothing": (lambda f: plot.image_grid([]), "0 pictures"),
    "a grid of thousands": (lambda f: plot.image_grid([pictures()[0][0]] * 999), "999 pictures"),
    "a grid of normalised pictures": (
        lambda f: plot.image_grid(next(iter(batches()))[0]), "normalised for a network"),
    "titles in one text": (lambda f: plot.image_grid([pictures()[0][0]], "a"), 'titles is "a"'),
    "curves of no run": (lambda f: plot.learning_curves({}), "no runs"),
    "mistakes by logits": (lambda f: plot.mistakes(pictures(), HALVES * 8), "between 0 and 1"),
    "mistakes of NaN": (lambda f: plot.mistakes(pictures(), HALVES * NAN), "between 0 and 1"),
    "no mistakes": (lambda f: plot.mistakes(pictures(), HALVES, 0), "n is 0"),
    "curves of a run without name": (lambda f: plot.learning_curves(train.History()), "no runs"),
    "a label for two": (lambda f: plot.confusion([0], [0, 1], ["a", "b"]), "1 labels"),
    "mistakes of too few": (lambda f: plot.mistakes(pictures(), HALVES[:3]), "(3, 2)"),
    "a table of words": (lambda f: plot.closing_table({"a": ["x"]}), '"x"'),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_used_is_refused_in_one_sentence_that_names_it(tmp_path, monkeypatch, what):
    monkeypatch.chdir(tmp_path)
    call, words = REFUSED[what]
    with pytest.raises(CourseError) as caught:
        call(tmp_path)
    message = str(caught.value)
    assert words in message
    assert is_a_sentence(message) and len(message) < 700, message
