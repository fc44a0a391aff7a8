"""The course's address: badges where it is set, and what a notebook says that stands alone."""

import json
import subprocess
import sys

import pytest

from classroom import address
from classroom.commands import find_lessons
from tests.conftest import is_a_sentence

GITHUB = "https://github.com/ada/course"


@pytest.mark.parametrize("lesson", find_lessons([]), ids=lambda path: path.stem)
def test_a_lesson_has_the_badges_of_the_address_and_can_get_others(lesson):
    text = lesson.read_text(encoding="utf-8")
    line = address.badges(lesson, address.read_address())
    assert address.set_badges(text, line) == text, "run python -m classroom.address"
    badges = address.badges(lesson, GITHUB)
    changed = address.set_badges(text, badges)
    title = "".join(json.loads(changed)["cells"][0]["source"])
    assert title.splitlines()[2] == badges and badges.count(lesson.name) == 3
    assert address.set_badges(address.set_badges(changed, badges), line) == text


@pytest.mark.parametrize("place", ["", GITHUB])
def test_a_notebook_alone_says_what_to_do_and_one_in_the_course_runs_on(place, tmp_path):
    sentence = address.sentence_alone(place)
    assert is_a_sentence(sentence) and place in sentence
    code = address.ALONE.format(sentence=sentence) + "print('on')"
    alone = [sys.executable, "-S", "-I", "-c", code]
    run = subprocess.run(alone, cwd=tmp_path, capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("", f"{sentence}\n")
    (tmp_path / "helpers").mkdir()
    beside = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert beside.stdout == "on\n"


@pytest.mark.parametrize("lesson", find_lessons([]), ids=lambda path: path.stem)
def test_the_first_cell_of_a_lesson_says_it_and_follows_the_address(lesson):
    text = lesson.read_text(encoding="utf-8")
    for place in (address.read_address(), GITHUB):
        sentence = address.sentence_alone(place)
        changed = json.loads(address.set_sentence(text, sentence))
        first = next(cell for cell in changed["cells"] if cell["cell_type"] == "code")
        alone = address.ALONE.format(sentence=sentence).rstrip()
        assert "".join(first["source"]).endswith(alone), "run python -m classroom.address"
    assert address.set_sentence(text, address.sentence_alone(address.read_address())) == text
