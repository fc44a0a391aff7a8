"""Kaggle competitions: organised without loss, split fairly, handed in by id, scored."""

import os
import random
import re
import shutil
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.metrics import accuracy_score, log_loss

from helpers import CourseError, kaggle
from helpers.kaggle import choose_valid, find_answers, find_sample, read_layout
from helpers.preprocess import Preprocess

PREPROCESS = Preprocess(size=8, resize=8, interpolation="bicubic", mean=[0.5] * 3, std=[0.5] * 3)
NAMES = ["ant", "bee", "cat"]
FRESH = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def picture(file: Path, shade: int = 0) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (shade % 256, 0, 0)).save(file)


def competition(root: Path, train: int = 30, test: int = 12) -> Path:
    """In the layout of cifar-10: train/1.png ..., three classes in turn, test/1.png ..."""
    for i in range(1, train + 1):
        picture(root / f"train/{i}.png", i)
    for i in range(1, test + 1):
        picture(root / f"test/{i}.png", i)
    rows = [f"{i},{NAMES[i % 3]}\n" for i in range(1, train + 1)]
    (root / "trainLabels.csv").write_text("id,label\n" + "".join(rows))
    rows = [f"{i},cat\n" for i in range(1, test + 1)]
    (root / "sampleSubmission.csv").write_text("id,label\n" + "".join(rows))
    return root


def leaves(root: Path) -> Path:
    """In the layout of classify-leaves: one folder, ids that are paths."""
    for i in range(10):
        picture(root / f"images/{i}.jpg", i)
    rows = [f"images/{i}.jpg,{NAMES[i % 2]}\n" for i in range(6)]
    (root / "train.csv").write_text("image,label\n" + "".join(rows))
    rest = [f"images/{i}.jpg" for i in range(6, 10)]
    (root / "test.csv").write_text("image\n" + "\n".join(rest) + "\n")
    (root / "sample_submission.csv").write_text(
        "image,label\n" + "".join(f"{i},ant\n" for i in rest)
    )
    return root


@pytest.fixture
def root(tmp_path):
    return competition(tmp_path / "cifar-10")


def names_in(folder: Path) -> dict[str, set[str]]:
    found = {}
    for file in sorted(folder.glob("*/*/*")):
        found.setdefault(str(file.relative_to(folder).parent), set()).add(file.name)
    return found


def test_the_four_parts_hold_every_picture_where_it_belongs(root, tmp_path):
    found = names_in(kaggle.organize(root, 0.2, folder=tmp_path / "out"))
    assert {part.split("/")[0] for part in found} == {"train", "valid", "train_valid", "test"}
    assert found["test/unknown"] == {f"{i}.png" for i in range(1, 13)}
    for number, name in enumerate(NAMES):
        whole = {f"{i}.png" for i in range(1, 31) if i % 3 == number}
        assert found[f"train_valid/{name}"] == whole
        assert found[f"train/{name}"] | found[f"valid/{name}"] == whole
        assert not found[f"train/{name}"] & found[f"valid/{name}"]
        assert len(found[f"valid/{name}"]) == 2


def test_leaves_are_organised_from_paths_in_their_csv_files(tmp_path):
    root = leaves(tmp_path / "classify-leaves")
    found = names_in(kaggle.organize(root, 0.3, folder=tmp_path / "out"))
    assert found["test/unknown"] == {"6.jpg", "7.jpg", "8.jpg", "9.jpg"}
    assert found["train_valid/bee"] == {"1.jpg", "3.jpg", "5.jpg"}
    parts = kaggle.load(tmp_path / "out", PREPROCESS)
    assert kaggle.test_ids(parts.test, find_sample(root))[:2] == ["images/6.jpg", "images/7.jpg"]


def test_pictures_are_linked_so_that_they_cost_no_disk(root, tmp_path):
    folder = kaggle.organize(root, 0.2, folder=tmp_path / "out")
    assert all(file.samefile(root / "train" / file.name) for file in folder.glob("train_valid/*/*"))


@pytest.mark.parametrize("forbidden", [["link"], ["link", "symlink"]])
def test_where_the_disk_refuses_links_the_pictures_arrive_all_the_same(
    root, tmp_path, monkeypatch, forbidden
):
    def refuse(*_):
        raise OSError("not on this disk")

    for method in forbidden:
        monkeypatch.setattr(os, method, refuse)
    folder = kaggle.organize(root, 0.2, folder=tmp_path / "out")
    assert (folder / "test/unknown/3.png").read_bytes() == (root / "test/3.png").read_bytes()
    assert (folder / "test/unknown/3.png").is_symlink() == (forbidden == ["link"])


@pytest.mark.trap("class order or split that differs between machines")
def test_the_split_is_the_same_whatever_order_the_file_system_lists(root, tmp_path, monkeypatch):
    first = names_in(kaggle.organize(root, 0.2, folder=tmp_path / "one"))
    real = os.scandir
    monkeypatch.setattr(
        os, "scandir", lambda path: sorted(real(path), key=lambda _: random.random())
    )
    lines = (root / "trainLabels.csv").read_text().splitlines()
    (root / "trainLabels.csv").write_text("\n".join([lines[0], *reversed(lines[1:])]))
    kaggle.organize(root, 0.2, folder=tmp_path / "two")
    monkeypatch.undo()
    assert names_in(tmp_path / "two") == first


def test_the_split_of_this_seed_is_the_one_of_every_machine():
    labels = {str(i): NAMES[i % 3] for i in range(1, 31)}
    assert sorted(choose_valid(labels, 0.2, seed=0), key=int) == ["4", "6", "14", "17", "24", "25"]
    assert choose_valid(labels, 0.2, seed=1) != choose_valid(labels, 0.2, seed=0)


@FRESH
@given(
    counts=st.lists(st.integers(2, 30), min_size=1, max_size=6),
    fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 100),
)
def test_every_class_stands_on_both_sides_in_its_share(counts, fraction, seed):
    labels = {f"{c}-{i}": str(c) for c, n in enumerate(counts) for i in range(n)}
    held = Counter(labels[i] for i in choose_valid(labels, fraction, seed))
    for c, n in enumerate(counts):
        assert 1 <= held[str(c)] <= n - 1
        assert abs(held[str(c)] - n * fraction) <= 1


def test_a_new_picture_does_not_change_where_the_others_stand():
    labels = {str(i): "ant" for i in range(20)}
    before, after = choose_valid(labels, 0.5), choose_valid(labels | {"new": "ant"}, 0.5)
    assert len(before ^ after) <= 2


def test_a_second_call_does_nothing_and_another_split_replaces_the_first(root, tmp_path):
    folder = kaggle.organize(root, 0.2, folder=tmp_path / "out")
    stamp = (folder / kaggle.STAMP).stat().st_mtime_ns
    kaggle.organize(root, 0.2, folder=folder)
    assert (folder / kaggle.STAMP).stat().st_mtime_ns == stamp
    kaggle.organize(root, 0.5, folder=folder)
    assert len(names_in(folder)["valid/ant"]) == 5


def test_a_changed_picture_is_noticed(root, tmp_path):
    folder = kaggle.organize(root, 0.2, folder=tmp_path / "out")
    os.unlink(root / "test/5.png")
    Image.new("RGB", (9, 9), "blue").save(root / "test/5.png")
    kaggle.organize(root, 0.2, folder=folder)
    assert Image.open(folder / "test/unknown/5.png").size == (9, 9)


@pytest.mark.parametrize("at", [0, 1, 17, 71])
def test_interrupted_at_any_point_it_leaves_the_old_folder_or_none(root, tmp_path, monkeypatch, at):
    folder, real, done = tmp_path / "out", os.link, []

    def stop(source, target):
        if len(done) == at:
            raise KeyboardInterrupt
        done.append(target)
        real(source, target)

    monkeypatch.setattr(os, "link", stop)
    with pytest.raises(KeyboardInterrupt):
        kaggle.organize(root, 0.2, folder=folder)
    assert [p.name for p in tmp_path.iterdir()] == ["cifar-10"]
    monkeypatch.undo()
    assert len(list(kaggle.organize(root, 0.2, folder=folder).glob("*/*/*"))) == 30 * 2 + 12


def test_ten_thousand_pictures_take_at_most_three_seconds_and_five_megabytes(tmp_path):
    root = competition(tmp_path / "many", train=2, test=2)
    for i in range(3, 10_001):
        os.link(root / "train/1.png", root / f"train/{i}.png")
    for i in range(3, 2001):
        os.link(root / "test/1.png", root / f"test/{i}.png")
    rows = "".join(f"{i},{NAMES[i % 3]}\n" for i in range(1, 10_001))
    (root / "trainLabels.csv").write_text("id,label\n" + rows)
    start = time.perf_counter()
    folder = kaggle.organize(root, 0.1, folder=tmp_path / "out")
    assert time.perf_counter() - start <= 3
    inside = [folder, *folder.rglob("*")]
    own = [path.stat() for path in inside if path.is_dir() or path.stat().st_nlink == 1]
    assert sum(s.st_size for s in own) < 5_000_000
    assert len(inside) > 22_000


def refuse(call, *parts) -> None:
    """`call` must end in one CourseError sentence that holds these parts."""
    with pytest.raises(CourseError) as caught:
        call()
    message = str(caught.value)
    assert all(part in message for part in parts), message
    assert "\n" not in message and message.endswith(".")


def rewrite(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def drop_class(root: Path) -> None:
    for i in range(3, 31):
        if i % 3 == 1:
            (root / f"train/{i}.png").unlink()
    table = pd.read_csv(root / "trainLabels.csv")
    table[(table.label != "bee") | (table.id < 3)].to_csv(root / "trainLabels.csv", index=False)


BAD_FOLDERS = {
    "other columns": (lambda r: rewrite(r / "trainLabels.csv", "id,label", "id,animal"), "animal"),
    "no labels": (lambda r: (r / "trainLabels.csv").unlink(), "trainLabels.csv"),
    "empty labels": (lambda r: (r / "trainLabels.csv").write_text(""), "trainLabels.csv"),
    "ragged labels": (lambda r: rewrite(r / "trainLabels.csv", "7,bee", "7,bee,9,9"), "trainLab"),
    "label without picture": (lambda r: (r / "train/7.png").unlink(), "id 7 "),
    "picture without label": (lambda r: picture(r / "train/77.png"), "77.png"),
    "id twice": (lambda r: rewrite(r / "trainLabels.csv", "8,cat", "9,ant\n8,cat"), "id 9 "),
    "one picture": (drop_class, '"bee"'),
    "class that is a path": (lambda r: rewrite(r / "trainLabels.csv", "ant", "../x"), "../x"),
    "empty class": (lambda r: (r / "trainLabels.csv").write_text("id,label\n1,\n2,\n"), '""'),
    "no test folder": (lambda r: shutil.rmtree(r / "test"), "test"),
    "empty test folder": (lambda r: [p.unlink() for p in (r / "test").iterdir()], "no test"),
}


@pytest.mark.parametrize("what", BAD_FOLDERS)
def test_a_folder_that_does_not_fit_is_refused_in_one_sentence(root, tmp_path, what):
    spoil, part = BAD_FOLDERS[what]
    spoil(root)
    if what == "class that is a path":  # twice, so that it is not refused for its one picture
        rewrite(root / "trainLabels.csv", "ant", "../x")
    refuse(lambda: kaggle.organize(root, 0.2, folder=tmp_path / "out"), part)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, float("nan")])
def test_a_fraction_outside_of_0_to_1_is_refused(root, tmp_path, fraction):
    refuse(lambda: kaggle.organize(root, fraction, folder=tmp_path / "out"), "valid_fraction")


def test_a_leaf_of_the_test_list_without_picture_is_refused(tmp_path):
    root = leaves(tmp_path / "classify-leaves")
    (root / "images/8.jpg").unlink()
    refuse(lambda: read_layout(root), "images/8.jpg")


def test_every_picture_is_loaded_once_with_the_same_classes_everywhere(root, tmp_path):
    parts = kaggle.load(kaggle.organize(root, 0.2, folder=tmp_path / "out"), PREPROCESS)
    assert [len(part) for part in parts] == [24, 6, 30, 12]
    assert parts.train.class_names == parts.valid.class_names == parts.train_valid.class_names
    decoded = {id(picture) for picture in parts.train_valid.decoded}
    assert decoded == {id(p) for part in (parts.train, parts.valid) for p in part.decoded}
    folder = tmp_path / "out"
    assert {file.name for file in parts.valid.files} == {p.name for p in folder.glob("valid/*/*")}


def test_the_first_pictures_are_those_with_the_smallest_numbers(root, tmp_path):
    parts = kaggle.load(kaggle.organize(root, 0.2, folder=tmp_path / "out"), PREPROCESS, first=11)
    assert [file.stem for file in parts.train_valid.files] == [str(i) for i in range(1, 12)]
    assert len(parts.train) + len(parts.valid) == 11 and len(parts.test) == 12
    assert [file.stem for file in parts.test.files] == [str(i) for i in range(1, 13)]


def test_a_folder_that_was_not_organised_is_refused(root):
    refuse(lambda: kaggle.load(root, PREPROCESS), "organize")
    refuse(lambda: kaggle.load(root / "nowhere", PREPROCESS), "organize")


@given(st.lists(st.integers(5, 20), min_size=2, max_size=5), st.integers(2, 5), st.integers(0, 9))
def test_folds_check_every_picture_once_and_spread_the_classes(counts, k, seed):
    labels = np.repeat(range(len(counts)), counts)
    pairs = kaggle.folds(labels, k, seed)
    assert sorted(np.concatenate([check for _, check in pairs])) == list(range(len(labels)))
    for learn, check in pairs:
        assert not set(learn) & set(check) and len(learn) + len(check) == len(labels)
        here = np.bincount(labels[check], minlength=len(counts))
        assert all(n // k <= m <= -(-n // k) for n, m in zip(counts, here, strict=True))


@pytest.mark.parametrize("k", [1, 0, 4])
def test_folds_need_a_picture_of_every_class_in_each(k):
    refuse(lambda: kaggle.folds(torch.tensor([0, 0, 0, 1, 1, 1]), k), f"k is {k}")


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


@FRESH
@given(st.data())
def test_answers_are_joined_by_id_and_column_in_any_order(tmp_path, data):
    texts = st.text("abcdefgh0123456789-_", min_size=1, max_size=8)
    ids = data.draw(st.lists(texts, min_size=1, max_size=8, unique=True))
    columns = data.draw(
        st.lists(texts, min_size=2, max_size=5, unique=True).filter(lambda c: "id" not in c)
    )
    sample = sample_file(tmp_path, data.draw(st.permutations(ids)), columns)
    names = data.draw(st.permutations(columns))
    values = np.random.default_rng(len(ids)).dirichlet(np.ones(len(names)), len(ids))
    out = kaggle.write_submission(
        ids, pd.DataFrame(values, columns=names), sample, tmp_path / "out.csv"
    )
    table = pd.read_csv(out, dtype={"id": str}, keep_default_na=False).set_index("id")
    assert list(table.columns) == columns
    for i, row in zip(ids, values, strict=True):
        assert np.allclose(table.loc[i, names].astype(float), row, atol=1e-6)


def test_a_class_called_none_or_an_id_with_zeros_stays_as_it_is(tmp_path):
    sample = sample_file(tmp_path, ["001", "1", "1e5"])
    out = kaggle.write_submission(
        ["1e5", "001", "1"], ["NA", "None", "nan"], sample, tmp_path / "o"
    )
    assert out.read_text().splitlines()[1:] == ["001,None", "1,nan", "1e5,NA"]


def probabilities(**changes) -> pd.DataFrame:
    table = {"id": ["7", "8", "9"], "ant": [0.2, 0.3, 0.5], "bee": [0.8, 0.7, 0.5]}
    return pd.DataFrame(table | changes)


BAD_PROBABILITIES = {
    "columns in another order": (probabilities()[["id", "bee", "ant"]], "columns"),
    "a column missing": (probabilities()[["id", "ant"]], "columns"),
    "id missing": (probabilities()[:2], "id 9 is missing"),
    "id unknown": (probabilities(id=["7", "5", "9"]), "line 3, id 5: the sample has no such id"),
    "id twice": (probabilities(id=["7", "8", "8"]), "line 4, id 8: this id occurs twice"),
    "not a number": (probabilities(ant=[0.2, None, 0.5]), "line 3, id 8: a probability is not a"),
    "text": (probabilities(ant=[0.2, "much", 0.5]), "id 8: a probability is not a number"),
    "infinite": (probabilities(ant=[np.inf, 0.3, 0.5]), "line 2, id 7: a probability is not a"),
    "negative": (probabilities(ant=[-0.2, 0.3, 0.5], bee=[1.2, 0.7, 0.5]), "between 0 and 1"),
    "sum": (probabilities(ant=[0.2, 0.3, 0.4]), "line 4, id 9: the probabilities do not sum to 1"),
}


@pytest.mark.parametrize("what", BAD_PROBABILITIES)
def test_a_wrong_table_of_probabilities_is_refused_with_its_first_row(tmp_path, what):
    table, part = BAD_PROBABILITIES[what]
    sample = sample_file(tmp_path, [7, 8, 9], ["ant", "bee"])
    table.to_csv(tmp_path / "s.csv", index=False)
    refuse(lambda: kaggle.validate_submission(tmp_path / "s.csv", sample), part)
    probabilities().to_csv(tmp_path / "s.csv", index=False)
    assert "3 answers" in kaggle.validate_submission(tmp_path / "s.csv", sample)


BAD_LABELS = {
    "empty": ("id,label\n1,ant\n2,\n", "line 3, id 2: the label is empty"),
    "no such label": ("id,label\n1,ant\n2,wasp\n", "line 3, id 2: there is no such label"),
    "position": ("ant\nbee\n", "columns"),
    "a comma too many": ("id,label\n1,ant\n2,bee,bee\n", "not a whole table"),
    "nothing": ("", "not a whole table"),
}


@pytest.mark.parametrize("what", BAD_LABELS)
def test_a_wrong_table_of_labels_is_refused_with_its_first_row(tmp_path, what):
    text, part = BAD_LABELS[what]
    sample = sample_file(tmp_path, [1, 2])
    (tmp_path / "s.csv").write_text(text)
    refuse(lambda: kaggle.validate_submission(tmp_path / "s.csv", sample, NAMES), part)


def test_the_labels_that_exist_are_those_beside_the_sample(root, tmp_path):
    ids = [str(i) for i in range(1, 13)]
    out = tmp_path / "s.csv"
    refuse(
        lambda: kaggle.write_submission(ids, ["wasp"] * 12, find_sample(root), out), "no such label"
    )
    assert not list(tmp_path.glob("s.csv*"))  # nothing is left of an invalid one
    kaggle.write_submission(ids, ["bee"] * 12, find_sample(root), out)
    assert out.exists()


BAD_ANSWERS = {
    "numbers in place of names": (["1", "2"], [0, 1], "class name"),
    "too few": (["1", "2"], ["ant"], "2 ids and 1 answers"),
    "wrong id": (["1", "5"], ["ant", "bee"], "id 5"),
    "id twice": (["1", "1"], ["ant", "bee"], "id 1: this id occurs twice"),
}


@pytest.mark.parametrize("what", BAD_ANSWERS)
def test_answers_that_cannot_be_right_are_refused_before_a_file_appears(tmp_path, what):
    ids, values, part = BAD_ANSWERS[what]
    sample = sample_file(tmp_path, [1, 2])
    refuse(lambda: kaggle.write_submission(ids, values, sample, tmp_path / "s.csv"), part)
    assert not (tmp_path / "s.csv").exists()


@pytest.mark.trap("class order by position")
def test_probabilities_without_names_or_with_other_names_are_refused(tmp_path):
    sample = sample_file(tmp_path, [1, 2], ["ant", "bee"])
    for values, part in [
        (torch.full((2, 2), 0.5), "pd.DataFrame"),
        ({"ant": [0.5, 0.5], "wasp": [0.5, 0.5]}, '"bee"'),
    ]:
        refuse(lambda v=values: kaggle.write_submission("12", v, sample, tmp_path / "s.csv"), part)


def test_the_score_is_that_of_scikit_learn(tmp_path):
    rng = np.random.default_rng(0)
    ids = [str(i) for i in range(60)]
    truth = rng.choice(NAMES, 60)
    values = rng.dirichlet([0.3] * 3, 60)
    sample = sample_file(tmp_path, rng.permutation(ids), ["bee", "ant", "cat"])
    out = kaggle.write_submission(
        ids, pd.DataFrame(values, columns=NAMES), sample, tmp_path / "s.csv"
    )
    answers = tmp_path / "answers.csv"
    pd.DataFrame({"id": ids, "label": truth}).sample(frac=1).to_csv(answers, index=False)
    found = kaggle.score(out, answers)
    assert found["log_loss"] == pytest.approx(log_loss(truth, values, labels=NAMES), abs=1e-5)
    guess = np.array(NAMES)[values.argmax(1)]
    assert found["accuracy"] == pytest.approx(accuracy_score(truth, guess))
    (tmp_path / "labels").mkdir()
    sample = sample_file(tmp_path / "labels", ids)
    out = kaggle.write_submission(ids, guess.tolist(), sample, tmp_path / "t.csv")
    assert kaggle.score(out, answers) == {"accuracy": found["accuracy"], "n": 60}


def test_a_certain_and_wrong_answer_costs_a_finite_amount(tmp_path):
    sample = sample_file(tmp_path, [1], ["ant", "bee"])
    values = {"ant": [1.0], "bee": [0.0]}
    out = kaggle.write_submission(["1"], values, sample, tmp_path / "s.csv")
    (tmp_path / "answers.csv").write_text("id,label\n1,bee\n")
    assert kaggle.score(out, tmp_path / "answers.csv")["log_loss"] == pytest.approx(34.54, abs=0.01)


def test_answers_about_other_pictures_are_refused(tmp_path):
    sample = sample_file(tmp_path, [1, 2])
    out = kaggle.write_submission(["1", "2"], ["ant", "bee"], sample, tmp_path / "s.csv")
    for text in ("id,label\n1,ant\n", "id,label\n1,ant\n2,bee\n3,bee\n"):
        (tmp_path / "answers.csv").write_text(text)
        refuse(lambda: kaggle.score(out, tmp_path / "answers.csv"), "not about the same")


def test_answers_are_found_where_they_are_known(tmp_path, monkeypatch):
    monkeypatch.delenv("COURSE_SIZE", raising=False)
    (tmp_path / "answers").mkdir()
    (tmp_path / "answers/cifar-10.csv").write_text("id,label\n")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    assert find_answers("cifar-10", "full") == tmp_path / "answers/cifar-10.csv"
    assert find_answers("classify-leaves", "full") is None
    assert find_answers("cifar-10", "tiny") is None


def test_a_folder_without_a_competition_says_what_it_should_hold(tmp_path):
    refuse(lambda: read_layout(tmp_path), "trainLabels.csv")
    refuse(lambda: find_sample(tmp_path), "sample_submission.csv")
    assert re.search("unpacked", str(pytest.raises(CourseError, read_layout, tmp_path).value))
