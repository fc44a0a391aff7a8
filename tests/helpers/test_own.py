"""Lesson 01 on a folder of one's own: no group in two parts, the folder as it was."""

import pytest
import torch
from PIL import Image
from torchvision.datasets import ImageFolder

from helpers import CourseError, collection, data, own
from helpers.preprocess import Preprocess
from tests.conftest import draw_classes, is_a_sentence

SMALL = Preprocess(32, 36, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bilinear")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Ten noise pictures per class; the first of each is there three times, in three files."""
    monkeypatch.setenv("COURSE_WORK", str(tmp_path / "work"))
    folder = draw_classes(tmp_path / "my pictures", {"cup": 10, "keys": 10}, side=40)
    for name in ("cup", "keys"):
        picture = Image.open(folder / name / "1.png")
        picture.save(folder / name / "WA1.jpg", quality=95)
        picture.save(folder / name / "WA2.jpg", quality=90)
    return folder


@pytest.fixture
def _by_name(monkeypatch):
    """Noise is alike to a network: features that differ, but not between copies of a picture."""

    def features(net, batches):
        labels = batches.dataset.labels
        stems = [file.stem for file in batches.dataset.files]
        numbers = [int(stem.replace("WA1", "1").replace("WA2", "1")) for stem in stems]
        return torch.eye(64)[torch.tensor(numbers) + 20 * labels], labels

    monkeypatch.setattr(own, "extract_features", features)


def state(folder):
    return {file: file.stat().st_mtime_ns for file in folder.rglob("*")}


@pytest.mark.usefixtures("_by_name")
def test_three_parts_hold_every_picture_once_and_no_group_is_in_two(folder, capsys):
    before = state(folder)
    (folder / "cup" / "notes.txt").write_text("mine")
    parts = own.load(folder, SMALL)
    files = [file for part in parts for file in part.files]
    assert len(files) == len(set(files)) == 24
    for part in parts:
        assert part.class_names == ["cup", "keys"] and len(part.labels.unique()) == 2
    for name in ("cup", "keys"):
        copies = {folder / name / file for file in ("1.png", "WA1.jpg", "WA2.jpg")}
        assert [len(copies & set(part.files)) for part in parts].count(3) == 1
    assert "cup/notes.txt" in capsys.readouterr().out
    (folder / "cup" / "notes.txt").unlink()
    assert state(folder).keys() == before.keys()


@pytest.mark.usefixtures("_by_name")
def test_other_libraries_get_upright_squares_of_one_part_outside_the_folder(folder, tmp_path):
    train = own.load(folder, SMALL).train
    squares = own.as_folder(train)
    assert tmp_path / "work" in squares.parents
    read = ImageFolder(squares)
    assert read.classes == ["cup", "keys"] and len(read) == len(train)
    assert sorted(read.targets) == sorted(train.labels.tolist())
    assert read[0][0].size == (36, 36)


def taken(folder, time_of):
    """Writes the time at which picture n was taken into each file of noise."""
    for file in folder.rglob("*.png"):
        exif = Image.Exif()
        exif[collection.TAKEN] = time_of(int(file.stem))
        Image.open(file).save(file, exif=exif)


@pytest.mark.usefixtures("_by_name")
def test_pictures_taken_within_seconds_are_one_group(folder):
    taken(folder, lambda n: f"2026:03:0{n // 5 + 1} 12:00:0{n % 5}" if n < 10 else "")
    pictures, _ = collection.read(folder, SMALL)
    assert own._count(pictures.labels, own._groups(pictures)) == [3, 3]


def test_a_copy_saved_again_is_of_one_group_even_where_its_features_differ(folder, monkeypatch):
    def features(net, batches):
        return torch.eye(len(batches.dataset)), batches.dataset.labels

    monkeypatch.setattr(own, "extract_features", features)
    pictures, _ = collection.read(folder, SMALL)
    groups = own._groups(pictures)
    copies = [file.stem in ("1", "WA1", "WA2") for file in pictures.files]
    assert len(set(groups[copies])) == 2  # one of cups, one of keys
    assert own._count(pictures.labels, groups) == [10, 10]


@pytest.mark.usefixtures("_by_name")
def test_where_all_were_taken_at_once_only_what_looks_alike_makes_groups(folder):
    taken(folder, lambda n: "2026:03:02 12:00:00")
    pictures, _ = collection.read(folder, SMALL)
    assert own._count(pictures.labels, own._groups(pictures)) == [10, 10]


@pytest.mark.usefixtures("_by_name")
@pytest.mark.parametrize("classes", [{"a": 2, "b": 9}, {"a": 5, "b": 5, "c": 5}])
def test_a_folder_that_does_not_fit_is_one_sentence(tmp_path, classes):
    folder = draw_classes(tmp_path / "set", classes)
    with pytest.raises(CourseError) as caught:
        own.load(folder, SMALL)
    assert is_a_sentence(str(caught.value))


@pytest.mark.usefixtures("_by_name")
def test_hot_dogs_are_the_first_class_whatever_the_other_one_is_called(tmp_path):
    parts = own.load(draw_classes(tmp_path / "set", {"burger": 8, "hotdog": 8}), SMALL)
    for part in parts:
        assert part.class_names == ["hotdog", "burger"]
        folders = [part.class_names[label] for label in part.labels]
        assert folders == [file.parent.name for file in part.files]


def test_a_size_is_one_of_the_course_or_a_folder(tmp_path, monkeypatch):
    assert [own.chosen_size(size) for size in data.SIZES] == list(data.SIZES)
    assert own.chosen_size(str(tmp_path)) == str(tmp_path.resolve())
    monkeypatch.setattr(own, "FOLDER", tmp_path)
    (tmp_path / "own").mkdir()
    assert own.chosen_size("own") == str((tmp_path / "own").resolve())
    monkeypatch.setenv("COURSE_SIZE", "smoke")
    assert own.chosen_size(str(tmp_path)) == "smoke"
    monkeypatch.setenv("COURSE_SIZE", str(tmp_path))
    assert own.chosen_size("drawn") == str(tmp_path.resolve())


@pytest.mark.parametrize("size", ["drwan", "~/no/such/folder", "", None, 3])
def test_what_is_neither_is_one_sentence(size):
    with pytest.raises(CourseError) as caught:
        own.chosen_size(size)
    assert is_a_sentence(str(caught.value))
