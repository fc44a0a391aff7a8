"""`course.py fetch`: brings a data set or the weights of a network, and says where they are."""

from pathlib import Path

import pytest

from classroom import fetch
from classroom.commands import parse
from helpers import CourseError


@pytest.mark.parametrize(
    "line, words",
    [
        ("hotdog", str(Path("hotdog", "full"))),
        ("hotdog --size tiny", str(Path("hotdog", "tiny"))),
        ("net", "The weights of net are ready"),
    ],
)
def test_what_is_here_now_is_told(monkeypatch, capsys, line, words):
    monkeypatch.setattr(fetch.data, "find", Path)
    monkeypatch.setattr(fetch.models, "load_pretrained", str)
    monkeypatch.setenv("COURSE_SIZE", "drawn")
    assert fetch.main(parse(["fetch", *line.split()])) == 0
    assert words in capsys.readouterr().out


def test_an_unknown_name_is_told_what_there_is_to_choose_from(monkeypatch):
    def load_pretrained(name):
        raise CourseError(f'There is no network "{name}".')

    monkeypatch.setattr(fetch.models, "load_pretrained", load_pretrained)
    with pytest.raises(SystemExit, match='no network "walrus". The data sets are: hotdog'):
        fetch.main(parse(["fetch", "walrus"]))
