"""Folders of pictures: one order everywhere, splits without loss, batches."""

from collections import Counter

import pytest
import torch

from helpers import CourseError, data
from tests.conftest import SMALL, draw_classes


@pytest.mark.trap("1, 10, 100, 2")
def test_pictures_come_in_natural_order_without_the_files_of_systems(tmp_path):
    draw_classes(tmp_path, {"a": 12, "b": 3})
    (tmp_path / "a" / "Thumbs.db").touch()
    (tmp_path / "a" / "._1.png").touch()
    (tmp_path / ".hidden").mkdir()
    pictures = data.read_folder(tmp_path, SMALL)
    assert [p.name for p in pictures.files[:12]] == [f"{i}.png" for i in range(1, 13)]
    assert pictures.class_names == ["a", "b"] and pictures.labels.tolist() == [0] * 12 + [1] * 3
    assert repr(pictures) == "15 pictures: 12 a, 3 b"


@pytest.mark.parametrize(
    "counts, words",
    [({}, "two folders"), ({"a": 3}, "two folders"), ({"a": 3, "b": 0}, "b holds no pictures")],
)
def test_a_folder_without_two_classes_of_pictures_is_refused(tmp_path, counts, words):
    with pytest.raises(CourseError, match=words):
        data.read_folder(draw_classes(tmp_path, counts), SMALL)


def test_a_split_is_stratified_repeatable_and_loses_nothing(tmp_path):
    pictures = data.read_folder(draw_classes(tmp_path / "s", {"a": 20, "b": 5, "c": 2}), SMALL)
    train, valid = data.split(pictures, 0.2)
    assert valid.labels.bincount().tolist() == [4, 1, 1]
    assert train.labels.bincount().tolist() == [16, 4, 1]
    assert sorted(train.files + valid.files) == sorted(pictures.files)
    assert data.split(pictures, 0.2)[1].files == valid.files
    assert data.split(pictures, 0.2, seed=1)[1].files != valid.files
    for part in (train, valid):
        for i, file in enumerate(part.files):
            k = pictures.files.index(file)
            assert part.labels[i] == pictures.labels[k]
            assert part[i][0].equal(pictures[k][0])


def test_few_draws_as_many_of_each_class_and_others_with_another_seed(pictures):
    drawn = data.few(pictures, 4)
    assert Counter(file.parent.name for file in set(drawn.files)) == {"a": 4, "b": 4}
    assert drawn.files == data.few(pictures, 4).files != data.few(pictures, 4, seed=1).files
    assert sorted(data.few(pictures, 100).files) == sorted(pictures.files)


@pytest.mark.trap("class order differs between parts")
def test_a_class_that_only_one_part_has_is_named(tmp_path, monkeypatch):
    draw_classes(tmp_path / "hotdog" / "train", {"a": 3, "b": 3, "c": 3})
    draw_classes(tmp_path / "hotdog" / "test", {"a": 3, "c": 3})
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    with pytest.raises(CourseError, match=r"\bb\b.* only one of train and test"):
        data.load("hotdog", "full", SMALL)


def test_the_variable_course_size_wins_and_an_unknown_size_is_named(monkeypatch):
    monkeypatch.setenv("COURSE_SIZE", "full")
    assert data.chosen_size("drawn") == "full"
    monkeypatch.setenv("COURSE_SIZE", "")
    assert data.chosen_size("tiny") == "tiny"
    monkeypatch.setenv("COURSE_SIZE", "huge")
    with pytest.raises(CourseError, match='"huge"'):
        data.load("hotdog", "drawn", SMALL)


@pytest.mark.parametrize("place", ["none", "~nobody/data", "a file"])
def test_a_course_data_that_is_not_a_folder_is_named(monkeypatch, tmp_path, place):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a file").touch()
    monkeypatch.setenv("COURSE_DATA", place)
    with pytest.raises(CourseError, match=f"COURSE_DATA names {place}"):
        data.load("hotdog", "full", SMALL)


@pytest.mark.parametrize(
    "counts, words",
    [
        ({"test": {"a": 2, "b": 2}}, "train"),
        ({"train": {"a": 2, "b": 1}, "test": {"a": 1, "b": 1}}, '"b" has 1 of the two'),
    ],
)
def test_a_shared_data_set_that_cannot_be_split_is_refused(monkeypatch, tmp_path, counts, words):
    for part, classes in counts.items():
        draw_classes(tmp_path / "hotdog" / part, classes)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    with pytest.raises(CourseError, match=words):
        data.load("hotdog", "full", SMALL)


def test_batches_are_normalised_and_the_last_one_is_kept(pictures):
    batches = list(data.loader(pictures, 4))
    assert [len(y) for _, y in batches] == [4, 4, 4, 4, 4, 2]
    assert torch.cat([y for _, y in batches]).equal(pictures.labels)
    for row, (square, _) in zip(torch.cat([x for x, _ in batches]), pictures, strict=True):
        mean, std = (torch.tensor(v).view(3, 1, 1) for v in (SMALL.mean, SMALL.std))
        torch.testing.assert_close(row, (square / 255 - mean) / std)


@pytest.mark.slow
@pytest.mark.trap("workers on Windows and macOS")
def test_a_worker_that_starts_from_nothing_gives_the_same_batches(pictures):
    spawned = data.loader(pictures, 8, workers=1)
    spawned.multiprocessing_context = "spawn"  # what Windows and macOS do
    for (x, y), (u, v) in zip(data.loader(pictures, 8), spawned, strict=True):
        assert torch.equal(x, u) and torch.equal(y, v)
