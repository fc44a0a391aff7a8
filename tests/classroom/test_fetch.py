"""course.py fetch: brings a data set or the weights of a network, and says where they lie."""

import os
import sys
from types import SimpleNamespace

import pytest

import helpers
from classroom import fetch
from helpers import CourseError


@pytest.fixture
def shelf(monkeypatch, tmp_path):
    """helpers.data and helpers.models with one data set and one network."""

    def load_pretrained(name):
        if name != "net":
            raise CourseError(f'There is no network "{name}".')

    data = SimpleNamespace(SETS=("hotdog",), find=lambda name, size: tmp_path / name / size)
    models = SimpleNamespace(load_pretrained=load_pretrained)
    for name, module in (("data", data), ("models", models)):
        monkeypatch.setitem(sys.modules, f"helpers.{name}", module)
        monkeypatch.setattr(helpers, name, module, raising=False)
    monkeypatch.setenv("COURSE_SIZE", "drawn")


@pytest.mark.parametrize(
    "arguments, status, told",
    [
        (["hotdog"], 0, os.path.join("hotdog", "full")),
        (["hotdog", "--size", "tiny"], 0, os.path.join("hotdog", "tiny")),
        (["net"], 0, "weights of net are ready"),
        (["walrus"], 1, 'no network "walrus". The data sets are: hotdog.'),
    ],
)
def test_what_was_brought_is_told_on_the_command_line(shelf, capsys, arguments, status, told):
    assert fetch.main(arguments) == status
    assert told in capsys.readouterr()[status]
