"""Kaggle competitions: organised without loss, split fairly, handed in by id, scored."""

import os
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.metrics import accuracy_score, log_loss

from helpers import CourseError, data, kaggle
from helpers.kaggle import choose_valid, find_answers, find_sample
from tests.conftest import SMALL

NAMES = ["ant", "bee", "cat"]


def picture(file: Path, shade: int = 0) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (shade % 256, 0, 0)).save(file)


def competition(root: Path, train: int = 30, test: int = 12) -> Path:
    """In the layout of cifar-10: train/1.png ..., three classes in turn, test/1.png ..."""
    for part, n in (("train", train), ("test", test)):
        for i in range(1, n + 1):
            picture(root / part / f"{i}.png", i)
    rows = [f"{i},{NAMES[i % 3]}\n" for i in range(1, train + 1)]
    (root / "trainLabels.csv").write_text("id,label\n" + "".join(rows))
    rows = [f"{i},cat\n" for i in range(1, test + 1)]
    (root / "sampleSubmission.csv").write_text("id,label\n" + "".join(rows))
    return root


def leaves(root: Path) -> Path:
    """In the layout of classify-leaves: one folder, ids that are paths."""
    ids = [f"images/{i}.jpg" for i in range(10)]
    for i, name in enumerate(ids):
        picture(root / name, i)
    rows = [f"{name},{NAMES[i % 2]}\n" for i, name in enumerate(ids[:6])]
    (root / "train.csv").write_text("image,label\n" + "".join(rows))
    (root / "test.csv").write_text("image\n" + "\n".join(ids[6:]) + "\n")
    rows = [f"{name},ant\n" for name in ids[6:]]
    (root / "sample_submission.csv").write_text("image,label\n" + "".join(rows))
    return root


@pytest.fixture
def root(tmp_path):
    return competition(tmp_path / "cifar-10")


def names_in(folder: Path) -> dict[str, set[str]]:
    """Returns {part/class: names of its pictures} of an organised folder."""
    names = {}
    for file in folder.glob("*/*/*"):
        names.setdefault(file.relative_to(folder).parent.as_posix(), set()).add(file.name)
    return names


def test_the_four_parts_hold_every_picture_where_it_belongs(root, tmp_path):
    names = names_in(kaggle.organize(root, 0.2, folder=tmp_path / "out"))
    assert {part.split("/")[0] for part in names} == {"train", "valid", "train_valid", "test"}
    assert names["test/unknown"] == {f"{i}.png" for i in range(1, 13)}
    for number, name in enumerate(NAMES):
        whole = {f"{i}.png" for i in range(1, 31) if i % 3 == number}
        assert names[f"train_valid/{name}"] == whole
        assert names[f"train/{name}"] | names[f"valid/{name}"] == whole
        assert not names[f"train/{name}"] & names[f"valid/{name}"]
        assert len(names[f"valid/{name}"]) == 2


def test_leaves_are_organised_from_paths_in_their_csv_files(tmp_path):
    root = leaves(tmp_path / "classify-leaves")
    names = names_in(kaggle.organize(root, 0.3, folder=tmp_path / "out"))
    assert names["test/unknown"] == {"6.jpg", "7.jpg", "8.jpg", "9.jpg"}
    assert names["train_valid/bee"] == {"1.jpg", "3.jpg", "5.jpg"}
    parts = kaggle.load(tmp_path / "out", SMALL)
    assert kaggle.test_ids(parts.test, find_sample(root))[:2] == ["images/6.jpg", "images/7.jpg"]


@pytest.mark.parametrize("forbidden", [[], ["link"], ["link", "symlink"]], ids=str)
def test_pictures_are_linked_or_copied_where_the_disk_refuses_links(
    root, tmp_path, monkeypatch, forbidden
):
    def refuse(*paths):
        raise OSError("not on this disk")

    for method in forbidden:
        monkeypatch.setattr(os, method, refuse)
    file = kaggle.organize(root, 0.2, folder=tmp_path / "out") / "test/unknown/3.png"
    assert file.read_bytes() == (root / "test/3.png").read_bytes()
    assert file.is_symlink() == (forbidden == ["link"])
    assert file.samefile(root / "test/3.png") == (len(forbidden) < 2)


@pytest.mark.trap("class order or split that differs between machines")
def test_the_split_is_the_same_whatever_order_the_file_system_lists(root, tmp_path, monkeypatch):
    first = names_in(kaggle.organize(root, 0.2, folder=tmp_path / "one"))
    scandir = os.scandir
    monkeypatch.setattr(
        os, "scandir", lambda path: sorted(scandir(path), key=lambda entry: random.random())
    )
    head, *rows = (root / "trainLabels.csv").read_text().splitlines()
    (root / "trainLabels.csv").write_text("\n".join([head, *reversed(rows)]))
    kaggle.organize(root, 0.2, folder=tmp_path / "two")
    monkeypatch.undo()
    assert names_in(tmp_path / "two") == first


def test_the_split_of_this_seed_is_the_one_of_every_machine():
    labels = {str(i): NAMES[i % 3] for i in range(1, 31)}
    assert choose_valid(labels, 0.2, seed=0) == {"4", "6", "14", "17", "24", "25"}
    assert choose_valid(labels, 0.2, seed=1) != choose_valid(labels, 0.2, seed=0)


@settings(deadline=None)
@given(
    counts=st.lists(st.integers(2, 30), min_size=1, max_size=6),
    fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 100),
)
def test_every_class_is_on_both_sides_in_its_share(counts, fraction, seed):
    labels = {f"{c}-{i}": str(c) for c, n in enumerate(counts) for i in range(n)}
    held = Counter(labels[i] for i in choose_valid(labels, fraction, seed))
    for c, n in enumerate(counts):
        assert 1 <= held[str(c)] <= n - 1
        assert abs(held[str(c)] - n * fraction) <= 1


def test_a_new_picture_does_not_change_the_side_of_the_others():
    labels = {str(i): "ant" for i in range(20)}
    before, after = choose_valid(labels, 0.5), choose_valid(labels | {"new": "ant"}, 0.5)
    assert len(before ^ after) <= 2


def test_a_second_call_does_nothing_and_another_split_or_picture_replaces_the_first(root, tmp_path):
    folder = kaggle.organize(root, 0.2, folder=tmp_path / "out")
    inode = folder.stat().st_ino
    kaggle.organize(root, 0.2, folder=folder)
    assert folder.stat().st_ino == inode
    kaggle.organize(root, 0.5, folder=folder)
    assert len(names_in(folder)["valid/ant"]) == 5
    (root / "test/5.png").unlink()
    Image.new("RGB", (9, 9), "blue").save(root / "test/5.png")
    kaggle.organize(root, 0.5, folder=folder)
    assert Image.open(folder / "test/unknown/5.png").size == (9, 9)


BAD_FOLDERS = {
    "a picture is missing": (lambda root: (root / "train/7.png").unlink(), "id 7 "),
    "no test pictures": (lambda root: [p.unlink() for p in root.glob("test/*")], "no test"),
}


@pytest.mark.parametrize("what", BAD_FOLDERS)
def test_a_folder_that_does_not_fit_is_refused_in_one_sentence(root, tmp_path, what):
    spoil, words = BAD_FOLDERS[what]
    spoil(root)
    with pytest.raises(CourseError, match=words):
        kaggle.organize(root, 0.2, folder=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_every_picture_is_decoded_once_with_the_same_classes_everywhere(
    root, tmp_path, monkeypatch
):
    decoded, read_picture = [], data.read_picture
    monkeypatch.setattr(data, "read_picture", lambda f: decoded.append(f) or read_picture(f))
    folder = kaggle.organize(root, 0.2, folder=tmp_path / "out")
    parts = kaggle.load(folder, SMALL)
    assert [len(part) for part in parts] == [24, 6, 30, 12]
    assert parts.train.class_names == parts.valid.class_names == parts.train_valid.class_names
    assert {file.name for file in parts.valid.files} == {p.name for p in folder.glob("valid/*/*")}
    assert len(decoded) == len(set(decoded)) == 30 + 12


def test_the_first_pictures_are_those_with_the_smallest_numbers(root, tmp_path):
    parts = kaggle.load(kaggle.organize(root, 0.2, folder=tmp_path / "out"), SMALL, first=11)
    assert [file.stem for file in parts.train_valid.files] == [str(i) for i in range(1, 12)]
    assert len(parts.train) + len(parts.valid) == 11
    assert [file.stem for file in parts.test.files] == [str(i) for i in range(1, 13)]


@settings(deadline=None)
@given(st.lists(st.integers(5, 20), min_size=2, max_size=5), st.integers(2, 5), st.integers(0, 9))
def test_folds_check_every_picture_once_and_spread_the_classes(counts, k, seed):
    labels = np.repeat(range(len(counts)), counts)
    pairs = kaggle.folds(labels, k, seed)
    assert sorted(np.concatenate([check for _, check in pairs])) == list(range(len(labels)))
    for learn, check in pairs:
        assert not set(learn) & set(check) and len(learn) + len(check) == len(labels)
        here = np.bincount(labels[check], minlength=len(counts))
        assert all(n // k <= m <= -(-n // k) for n, m in zip(counts, here, strict=True))


def sample_file(folder: Path, ids, columns=("label",)) -> Path:
    table = pd.DataFrame({"id": ids} | dict.fromkeys(columns, "ant"))
    if len(columns) > 1:
        table[list(columns)] = 1 / len(columns)
    table.to_csv(folder / "sampleSubmission.csv", index=False)
    return folder / "sampleSubmission.csv"


@pytest.mark.trap("ids 1, 10, 100, 2")
def test_ids_in_text_order_meet_their_own_answers(tmp_path):
    sample = sample_file(tmp_path, [1, 2, 10, 100])
    out = kaggle.write_submission(["1", "10", "100", "2"], list("abcd"), sample, tmp_path / "s.csv")
    assert out.read_text() == "id,label\n1,a\n2,d\n10,b\n100,c\n"


def test_probabilities_are_joined_by_id_and_by_column(tmp_path):
    sample = sample_file(tmp_path, ["a", "7", "x-1"], ["cat", "ant", "bee"])
    values = pd.DataFrame(np.eye(3) * 0.7 + 0.1, columns=["ant", "bee", "cat"])
    out = kaggle.write_submission(["x-1", "a", "7"], values, sample, tmp_path / "s.csv")
    table = pd.read_csv(out, index_col="id")
    assert list(table.columns) == ["cat", "ant", "bee"] and list(table.index) == ["a", "7", "x-1"]
    assert table.idxmax(axis=1).to_dict() == {"x-1": "ant", "a": "bee", "7": "cat"}


def test_a_class_called_none_or_an_id_with_zeros_stays_as_it_is(tmp_path):
    sample = sample_file(tmp_path, ["001", "1", "1e5"])
    names = ["NA", "None", "nan"]
    out = kaggle.write_submission(["1e5", "001", "1"], names, sample, tmp_path / "o")
    assert out.read_text().splitlines()[1:] == ["001,None", "1,nan", "1e5,NA"]


BAD_ANSWERS = {
    "a label that is none of the classes": (["1", "2"], ["ant", "wasp"], "no such label"),
    "an empty label": (["1", "2"], ["ant", ""], "line 3, id 2: the label is empty"),
    "numbers in place of names": (["1", "2"], [0, 1], "class name"),
    "too few": (["1", "2"], ["ant"], "2 ids and 1 answers"),
}


@pytest.mark.parametrize("what", BAD_ANSWERS)
def test_answers_that_cannot_be_right_are_refused_before_a_file_appears(tmp_path, what):
    ids, values, words = BAD_ANSWERS[what]
    (tmp_path / "trainLabels.csv").write_text("id,label\n7,ant\n8,ant\n9,bee\n10,bee\n")
    sample = sample_file(tmp_path, [1, 2])
    with pytest.raises(CourseError, match=words):
        kaggle.write_submission(ids, values, sample, tmp_path / "s.csv")
    assert not list(tmp_path.glob("s.csv*"))


@pytest.mark.trap("class order by position")
@pytest.mark.parametrize(
    "values, words",
    [
        (torch.full((2, 2), 0.5), "pd.DataFrame"),
        ({"ant": [0.5, 0.5], "wasp": [0.5, 0.5]}, '"bee"'),
    ],
)
def test_probabilities_without_names_or_with_other_names_are_refused(tmp_path, values, words):
    sample = sample_file(tmp_path, [1, 2], ["ant", "bee"])
    with pytest.raises(CourseError, match=words):
        kaggle.write_submission("12", values, sample, tmp_path / "s.csv")


def test_the_score_is_that_of_scikit_learn(tmp_path):
    rng = np.random.default_rng(0)
    ids = [str(i) for i in range(60)]
    truth = rng.choice(NAMES, 60)
    values = rng.dirichlet([0.3] * 3, 60)
    sample = sample_file(tmp_path, rng.permutation(ids), ["bee", "ant", "cat"])
    probabilities = pd.DataFrame(values, columns=NAMES)
    out = kaggle.write_submission(ids, probabilities, sample, tmp_path / "s.csv")
    answers = tmp_path / "answers.csv"
    pd.DataFrame({"id": ids, "label": truth}).sample(frac=1).to_csv(answers, index=False)
    result = kaggle.score(out, answers)
    guess = np.array(NAMES)[values.argmax(1)]
    assert result["log_loss"] == pytest.approx(log_loss(truth, values, labels=NAMES), abs=1e-5)
    assert result["accuracy"] == pytest.approx(accuracy_score(truth, guess))
    sample = sample_file(tmp_path, ids)
    out = kaggle.write_submission(ids, guess.tolist(), sample, tmp_path / "t.csv")
    assert kaggle.score(out, answers) == {"accuracy": result["accuracy"], "n": 60}


def test_a_certain_and_wrong_answer_costs_a_finite_amount(tmp_path):
    sample = sample_file(tmp_path, [1], ["ant", "bee"])
    values = {"ant": [1.0], "bee": [0.0]}
    out = kaggle.write_submission(["1"], values, sample, tmp_path / "s.csv")
    (tmp_path / "answers.csv").write_text("id,label\n1,bee\n")
    assert kaggle.score(out, tmp_path / "answers.csv")["log_loss"] == pytest.approx(34.54, abs=0.01)


def test_answers_are_found_where_they_are_known(tmp_path, monkeypatch):
    (tmp_path / "answers").mkdir()
    (tmp_path / "answers/cifar-10.csv").write_text("id,label\n")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    assert find_answers("cifar-10", "full") == tmp_path / "answers/cifar-10.csv"
    assert find_answers("classify-leaves", "full") is None
    assert find_answers("cifar-10", "tiny") is None
