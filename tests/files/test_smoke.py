"""The size smoke: the first pictures of each class, in the layout of the drawn sets."""

import os
from collections import Counter

import pandas as pd
import pytest

from helpers import data, kaggle
from helpers.files import smoke

DRAWN = data.FOLDER / "drawn"


@pytest.fixture
def sample(tmp_path):
    return lambda name: smoke.sample(DRAWN / name, tmp_path / "smoke" / name)


@pytest.mark.parametrize("name", ["hotdog", "foods"])
@pytest.mark.parametrize("part", ["train", "test"])
def test_folders_hold_the_first_pictures_of_each_class(sample, name, part):
    for folder in (DRAWN / name / part).iterdir():
        first = sorted(folder.iterdir(), key=data.natural)[: smoke.EACH[part]]
        few = sample(name) / part / folder.name
        assert {f.name: f.read_bytes() for f in few.iterdir()} == {
            f.name: f.read_bytes() for f in first
        }


@pytest.mark.parametrize("name", ["cifar-10", "dog-breed-identification", "classify-leaves"])
def test_a_competition_has_tables_that_fit_its_pictures(sample, name):
    folder, whole = sample(name), kaggle.read_layout(DRAWN / name)
    layout = kaggle.read_layout(folder)
    counts = Counter(layout.labels.values())
    assert counts == dict.fromkeys(set(whole.labels.values()), smoke.EACH["train"])
    assert layout.labels.items() <= whole.labels.items()
    answers = pd.read_csv(folder.parent / "answers" / f"{name}.csv", dtype=str)
    assert set(answers.iloc[:, 1].value_counts()) == {smoke.EACH["test"]}
    sample_ids = pd.read_csv(kaggle.find_sample(folder), dtype=str).iloc[:, 0]
    assert set(sample_ids) == set(answers.iloc[:, 0]) == set(layout.test)
    for few, every in ((layout.train, whole.train), (layout.test, whole.test)):
        assert {i: f.read_bytes() for i, f in few.items()} == {
            i: every[i].read_bytes() for i in few
        }


def test_it_is_made_once_and_again_when_the_drawn_pictures_changed(tmp_path):
    drawn = tmp_path / "drawn" / "set"
    for name in ("train/a/1.png", "train/b/1.png", "test/a/1.png", "test/b/1.png"):
        (drawn / name).parent.mkdir(parents=True)
        (drawn / name).write_text(name)
    target = smoke.sample(drawn, tmp_path / "smoke" / "set")
    made = os.stat(target / "train/a/1.png")
    smoke.sample(drawn, target)
    assert os.stat(target / "train/a/1.png") == made
    (drawn / "train/a/1.png").write_text("drawn anew")
    smoke.sample(drawn, target)
    assert (target / "train/a/1.png").read_text() == "drawn anew"
