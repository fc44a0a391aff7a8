"""`course.py fetch`: brings a data set or the weights of a network, and says where they are."""

import os
from types import SimpleNamespace

import pytest

from classroom import fetch
from classroom.commands import parse
from helpers import CourseError


@pytest.fixture
def shelf(monkeypatch, tmp_path):
    """One data set and one network in place of the real ones."""

    def load_pretrained(name):
        if name != "net":
            raise CourseError(f'There is no network "{name}".')

    data = SimpleNamespace(SETS=("hotdog",), find=lambda name, size: tmp_path / name / size)
    monkeypatch.setattr(fetch, "data", data)
    monkeypatch.setattr(fetch, "models", SimpleNamespace(load_pretrained=load_pretrained))
    monkeypatch.setenv("COURSE_SIZE", "drawn")


@pytest.mark.parametrize(
    "line, status, words",
    [
        ("hotdog", 0, os.path.join("hotdog", "full")),
        ("hotdog --size tiny", 0, os.path.join("hotdog", "tiny")),
        ("net", 0, "The weights of net are ready"),
        ("walrus", 1, 'no network "walrus". The data sets are: hotdog.'),
    ],
)
def test_what_is_here_now_or_what_there_is_to_choose_from_is_told(
    shelf, capsys, line, status, words
):
    assert fetch.main(parse(["fetch", *line.split()])) == status
    assert words in capsys.readouterr()[status]
