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
    names = names_in(kaggle.organize(kaggle.split(root, 0.2), tmp_path / "out"))
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
    names = names_in(kaggle.organize(kaggle.split(root, 0.3), tmp_path / "out"))
    assert names["test/unknown"] == {"6.jpg", "7.jpg", "8.jpg", "9.jpg"}
    assert names["train_valid/bee"] == {"1.jpg", "3.jpg", "5.jpg"}
    parts = kaggle.load(kaggle.split(root, 0.3), SMALL)
    assert kaggle.test_ids(parts.test, find_sample(root))[:2] == ["images/6.jpg", "images/7.jpg"]


@pytest.mark.parametrize("forbidden", [[], ["link"], ["link", "symlink"]], ids=str)
def test_pictures_are_linked_or_copied_where_the_disk_refuses_links(
    root, tmp_path, monkeypatch, forbidden
):
    def refuse(*paths):
        raise OSError("not on this disk")

    for method in forbidden:
        monkeypatch.setattr(os, method, refuse)
    file = kaggle.organize(kaggle.split(root, 0.2), tmp_path / "out") / "test/unknown/3.png"
    assert file.read_bytes() == (root / "test/3.png").read_bytes()
    assert file.is_symlink() == (forbidden == ["link"])
    assert file.samefile(root / "test/3.png") == (len(forbidden) < 2)


@pytest.mark.trap("class order or split that differs between machines")
def test_the_split_is_the_same_whatever_order_the_file_system_lists(root, tmp_path, monkeypatch):
    first = names_in(kaggle.organize(kaggle.split(root, 0.2), tmp_path / "one"))
    scandir = os.scandir
    monkeypatch.setattr(
        os, "scandir", lambda path: sorted(scandir(path), key=lambda entry: random.random())
    )
    head, *rows = (root / "trainLabels.csv").read_text().splitlines()
    (root / "trainLabels.csv").write_text("\n".join([head, *reversed(rows)]))
    kaggle.organize(kaggle.split(root, 0.2), tmp_path / "two")
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


def test_a_new_picture_moves_at_most_one_of_the_others():
    labels = {str(i): "ant" for i in range(20)}
    before = choose_valid(labels, 0.5)
    for i in range(20, 120):
        assert len((before ^ choose_valid(labels | {str(i): "ant"}, 0.5)) - {str(i)}) <= 1


def test_a_second_call_does_nothing_and_another_split_or_picture_replaces_the_first(root, tmp_path):
    folder = kaggle.organize(kaggle.split(root, 0.2), tmp_path / "out")
    inode = folder.stat().st_ino
    kaggle.organize(kaggle.split(root, 0.2), folder)
    assert folder.stat().st_ino == inode
    kaggle.organize(kaggle.split(root, 0.5), folder)
    assert len(names_in(folder)["valid/ant"]) == 5
    (root / "test/5.png").unlink()
    Image.new("RGB", (9, 9), "blue").save(root / "test/5.png")
    kaggle.organize(kaggle.split(root, 0.5), folder)
    assert Image.open(folder / "test/unknown/5.png").size == (9, 9)


def rename_all(root: Path, change) -> None:
    for file in list(root.glob("*/*.png")):
        file.rename(change(file))


def with_ids(change):
    """Returns what writes other ids into the table of labels."""

    def write(root: Path) -> None:
        head, *rows = (root / "trainLabels.csv").read_text().splitlines()
        rows = [",".join((change(i), label)) for i, label in (row.split(",") for row in rows)]
        (root / "trainLabels.csv").write_text("\n".join([head, *rows]))

    return write


def nest(root: Path) -> None:
    (root / "train").rename(root / "inner")
    (root / "train").mkdir()
    (root / "inner").rename(root / "train" / "train")


WAYS_TO_NAME = {
    "ids with ending": with_ids(lambda i: f"{i}.png"),
    "ids that are paths": with_ids(lambda i: f"train/{i}.png"),
    "spaces around ids": with_ids(lambda i: f" {i} "),
    "no endings": lambda root: rename_all(root, lambda file: file.with_suffix("")),
    "capital endings": lambda root: rename_all(root, lambda file: file.with_suffix(".PNG")),
    "ids with ending, capital endings": lambda root: (
        with_ids(lambda i: f"{i}.png")(root),
        rename_all(root, lambda file: file.with_suffix(".PNG")),
    ),
    "dots": lambda root: (
        with_ids(lambda i: f"x.{i}")(root),
        rename_all(root, lambda file: file.with_name(f"x.{file.name}")),
    ),
    "a folder in the folder": nest,
}


@pytest.mark.trap("ids that are almost the names of files")
@pytest.mark.parametrize("way", WAYS_TO_NAME)
def test_ids_find_their_pictures_however_they_are_written(root, tmp_path, way):
    WAYS_TO_NAME[way](root)
    parts = kaggle.load(kaggle.split(root, 0.2), SMALL)
    assert [len(part) for part in parts] == [24, 6, 30, 12]
    for file, label in zip(parts.train_valid.files, parts.train_valid.labels, strict=True):
        number = int(file.name.removeprefix("x.").split(".")[0])
        assert NAMES[number % 3] == parts.train.class_names[label]
    sample = sample_file(tmp_path, [file.stem for file in reversed(parts.test.files)])
    assert kaggle.test_ids(parts.test, sample) == [file.stem for file in parts.test.files]


def twice(root: Path) -> None:
    picture(root / "train/7.jpg")


BAD_FOLDERS = {
    "a picture is missing": (
        lambda root: (root / "train/7.png").unlink(), 'no picture has the id "7"'),
    "no test pictures": (lambda root: [p.unlink() for p in root.glob("test/*")], "no test"),
    "two pictures for an id": (twice, r"7\.jpg and .*7\.png have the same id: remove one"),
    "two test pictures for an id": (
        lambda root: picture(root / "test/5.jpg"), r"5\.jpg and .*5\.png have the same id"),
    "two ids for a picture": (
        with_ids(lambda i: "7.png" if i == "10" else i), "id 7.png occurs twice"),
    "zeros are lost": (
        lambda root: rename_all(root, lambda file: file.with_name(f"00{file.name}")),
        'no picture has the id "1": unpack the data again, or the table'),
    "ids as floats": (with_ids(lambda i: f"{i}.0"), 'no picture has the id "1.0"'),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD_FOLDERS)
def test_a_folder_that_does_not_fit_is_refused_in_one_sentence(root, what):
    spoil, words = BAD_FOLDERS[what]
    spoil(root)
    with pytest.raises(CourseError, match=words):
        kaggle.split(root, 0.2)


def test_a_picture_to_learn_from_that_is_also_to_test_is_refused(tmp_path):
    root = leaves(tmp_path / "classify-leaves")
    with open(root / "test.csv", "a") as table:
        table.write("images/5.jpg\n")
    with pytest.raises(CourseError, match=r"5\.jpg is to learn from and to test"):
        kaggle.split(root, 0.2)


def test_what_is_no_picture_in_a_competition_is_told(root, capsys):
    (root / "train" / "notes.txt").touch()
    kaggle.split(root, 0.2)
    assert "train: 1 .txt left out, since Pillow" in capsys.readouterr().out


def test_every_picture_is_decoded_once_with_the_same_classes_everywhere(
    root, tmp_path, monkeypatch
):
    decoded, read_picture = [], data.read_picture
    monkeypatch.setattr(data, "read_picture", lambda f: decoded.append(f) or read_picture(f))
    table = kaggle.split(root, 0.2)
    parts = kaggle.load(table, SMALL)
    assert [len(part) for part in parts] == [24, 6, 30, 12]
    assert parts.train.class_names == parts.valid.class_names == parts.train_valid.class_names
    assert {file.name for file in parts.valid.files} == {
        file.name for file in table["file"][table["part"] == "valid"]
    }
    assert len(decoded) == len(set(decoded)) == 30 + 12


def test_the_first_pictures_are_those_with_the_smallest_numbers(root):
    parts = kaggle.load(kaggle.split(root, 0.2), SMALL, first=11)
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


ROWS = {"ant": [0.5, 0.25], "bee": [0.5, 0.75]}
TENSORS = {name: torch.tensor(row) for name, row in ROWS.items()}
WAYS_TO_ANSWER = {
    "tensors with gradients": (
        ["6", "5"], {name: row.clone().requires_grad_() for name, row in TENSORS.items()}),
    "bfloat16": (["6", "5"], {name: row.bfloat16() for name, row in TENSORS.items()}),
    "arrays": (["6", "5"], {name: np.array(row) for name, row in ROWS.items()}),
    "a table with an index of its own": (["6", "5"], pd.DataFrame(ROWS, index=[7, 3])),
    "columns in another order": (["6", "5"], dict(reversed(ROWS.items()))),
    "ids in a tensor": (torch.tensor([6, 5]), ROWS),
    "ids in a column": (pd.Series([6, 5], index=[8, 9]), ROWS),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS_TO_ANSWER)
def test_answers_of_any_form_arrive_at_their_ids(tmp_path, way):
    ids, values = WAYS_TO_ANSWER[way]
    sample = sample_file(tmp_path, [5, 6], ["ant", "bee"])
    out = kaggle.write_submission(ids, values, sample, tmp_path / "s.csv")
    table = pd.read_csv(out, index_col="id")
    assert table.loc[5].tolist() == [0.25, 0.75]
    assert table.loc[6].tolist() == [0.5, 0.5]


def test_a_refused_submission_is_called_by_its_own_name(tmp_path):
    sample = sample_file(tmp_path, [5, 6], ["ant", "bee"])
    with pytest.raises(CourseError, match=r"s\.csv: id 6 is missing"):
        kaggle.write_submission(["5"], {"ant": [1.0], "bee": [0.0]}, sample, tmp_path / "s.csv")


def test_a_table_with_the_one_column_of_the_sample_is_taken(tmp_path):
    sample = sample_file(tmp_path, [1, 2])
    table = pd.DataFrame({"label": ["bee", "ant"]}, index=[5, 6])
    out = kaggle.write_submission(["2", "1"], table, sample, tmp_path / "s.csv")
    assert out.read_text() == "id,label\n1,ant\n2,bee\n"


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
    "a dictionary by id": (["1", "2"], {"1": "ant", "2": "bee"}, "has a column"),
    "a table of two columns": (["1", "2"], pd.DataFrame([["1", "ant"]] * 2), "has a column"),
    "a text": (["1", "2"], "ab", "give a list"),
    "ids in a text": ("12", ["ant", "bee"], "ids is"),
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
        kaggle.write_submission(["1", "2"], values, sample, tmp_path / "s.csv")


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
