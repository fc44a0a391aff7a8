"""Environment variables that name what is not there, or are misspelt: a sentence names them."""

import re
from pathlib import Path

import pytest
from PIL import Image

from helpers import CourseError, data
from tests.conftest import SMALL


def share(folder: Path, counts: dict[str, int]) -> Path:
    """A folder for COURSE_DATA with red pictures of hot dogs: {part_class: how many}."""
    for place, count in counts.items():
        part, _, name = place.partition("_")
        (folder / "hotdog" / part / name).mkdir(parents=True)
        for i in range(count):
            Image.new("RGB", (6, 4), "red").save(folder / "hotdog" / part / name / f"{i}.png")
    return folder


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for name in ("COURSE_SIZE", "COURSE_DATA"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("size", ["huge", "DRAWN", " drawn", "drawn,full", "größe", "../full"])
def test_a_size_that_does_not_exist_is_named(monkeypatch, size):
    monkeypatch.setenv("COURSE_SIZE", size)
    with pytest.raises(CourseError, match=re.escape(f'"{size}"')):
        data.load("hotdog", "drawn", SMALL)


def test_the_size_of_the_variable_wins_unless_it_is_empty(monkeypatch):
    monkeypatch.setenv("COURSE_SIZE", "full")
    assert data.chosen_size("drawn") == "full"
    monkeypatch.setenv("COURSE_SIZE", "")
    assert data.chosen_size("tiny") == "tiny"


@pytest.mark.parametrize(
    "place, words",
    [
        ("none", "none"),
        ("~nobody/data", "~nobody"),
        ("a" * 9000, "COURSE_DATA"),
        ("a file", "file"),
    ],
)
def test_a_data_folder_that_does_not_exist_is_named(monkeypatch, tmp_path, place, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a file").touch()
    monkeypatch.setenv("COURSE_DATA", place)
    with pytest.raises(CourseError, match=words):
        data.load("hotdog", "full", SMALL)


@pytest.mark.parametrize(
    "counts, words",
    [
        ({"test_a": 2, "test_b": 2}, "train"),
        ({"train_a": 2, "train_b": 2}, "test"),
        ({"train_a": 2, "test_a": 2}, "two folders"),
        ({"train_a": 2, "train_b": 0, "test_a": 2, "test_b": 2}, "b"),
        ({"train_a": 2, "train_b": 1, "test_a": 1, "test_b": 1}, '"b"'),
        ({"train_a": 2, "train_b": 2, "test_a": 2, "test_c": 2}, "b, c"),
    ],
)
def test_what_a_shared_data_set_lacks_is_named(monkeypatch, tmp_path, counts, words):
    monkeypatch.setenv("COURSE_DATA", str(share(tmp_path, counts)))
    with pytest.raises(CourseError, match=words):
        data.load("hotdog", "full", SMALL)


def test_a_shared_data_set_with_other_files_beside_it_is_used(monkeypatch, tmp_path):
    share(tmp_path, {"train_a": 3, "train_b": 3, "test_a": 1, "test_b": 1})
    (tmp_path / "a file").touch()
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    assert len(data.load("hotdog", "full", SMALL).train) == 4
