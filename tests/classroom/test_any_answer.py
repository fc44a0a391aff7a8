"""Answers, guesses and notebooks that nobody chose: each gets a judgement or one sentence."""

import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from classroom import check
from classroom.grade import grade
from helpers import CourseError
from tests.conftest import is_a_sentence

FEW = settings(
    max_examples=50,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda part: (
        st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=3), part, max_size=3)
    ),
    max_leaves=6,
)


@pytest.fixture(autouse=True)
def new_log(monkeypatch):
    monkeypatch.setattr(check, "_log", {})


@FEW
@given(JSON | st.floats(5, 6))
@example(5.17)
def test_a_number_is_right_when_it_is_near_enough(answer):
    right = type(answer) in (int, float) and abs(answer - 5.1705) <= 0.01
    check.answer("01.4", answer)
    assert check.solved("01.4") == right


@FEW
@given(JSON | st.sampled_from("aAbBcC") | st.text("abc ", max_size=3))
@example(" A")
def test_a_choice_is_right_when_it_is_the_right_letter(answer):
    right = isinstance(answer, str) and answer.strip().lower() == "a"
    check.answer("01.6", answer)
    assert check.solved("01.6") == right


@FEW
@given(JSON | st.text("abcdef, ", max_size=7) | st.permutations("abcdef"))
@example("B, d, a, e, c")
@example(list("bdaec"))
def test_an_order_is_right_when_the_letters_are_whatever_is_between_them(answer):
    texts = answer if isinstance(answer, list) else [answer]
    text = "".join(texts) if all(isinstance(part, str) for part in texts) else ""
    letters = [letter for letter in text.lower() if letter.isalpha()]
    check.answer("01.1", answer)
    assert check.solved("01.1") == (letters == list("bdaec"))


@FEW
@given(st.text("ab01. ", max_size=5) | st.none() | st.lists(st.text()), JSON, JSON)
@example("x", 0.5, 0.7)
def test_a_guess_is_kept_or_refused_and_the_summary_always_works(tmp_path, name, guess, outcome):
    check._log.clear()
    for write_down, value in ((check.guess, guess), (check.measured, outcome)):
        try:
            assert repr(write_down(name, value))
        except CourseError as error:
            assert is_a_sentence(str(error)), error
    assert set(check.summary(tmp_path).columns) >= {"outcome", "guess", "measured"}


@FEW
@given(JSON)
def test_any_json_is_a_notebook_without_exercises_or_none_at_all(tmp_path, value):
    file = tmp_path / "x.ipynb"
    file.write_text(json.dumps(value))
    ((exercise, outcome, seconds),) = grade(file, minutes=1)
    assert (exercise, seconds) == ("", 0.0)
    assert outcome.startswith(("cannot be read", "holds no exercise"))
