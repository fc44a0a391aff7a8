"""Every exercise: its stub is not attempted, its solution right, wrong answers are diagnosed."""

import importlib
import json
import re
import time
from pathlib import Path

import nbformat
import pytest

from classroom import check
from classroom.judge import EXERCISES, LIMIT_S, NOT_ATTEMPTED, NOT_YET, RIGHT, find, judge
from helpers import CourseError

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
LESSONS = sorted(p.stem[-2:] for p in Path(check.__file__).parent.glob("exercises/lesson_*.py"))
for lesson in LESSONS:
    importlib.import_module(f"classroom.exercises.lesson_{lesson}")
NAMES = sorted(EXERCISES)
WRONG = {}
for lesson in LESSONS:
    WRONG |= importlib.import_module(f"tests.classroom.wrong_answers.lesson_{lesson}").WRONG
EACH = pytest.mark.parametrize("name", NAMES)


def cells(folder: Path, lesson: str) -> dict:
    notebook = nbformat.read(next(folder.glob(f"{lesson}_*.ipynb")), as_version=4)
    return {cell.id: cell for cell in notebook.cells}


def checked(source: str) -> str:
    """The answer in a cell such as `check.answer("01.2", normalise)`."""
    return re.fullmatch(r'check\.answer\("\d\d\.\d", (\w+)\)', source)[1]


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(check, "_log", {})
    monkeypatch.chdir(NOTEBOOKS)  # where the lessons' cells are at home


def lesson_space(found: dict, lesson: str) -> dict:
    space = {}
    exec(found[f"{lesson}-setup"].source, space)
    return space


@EACH
def test_the_stub_of_the_lesson_is_not_attempted(name):
    lesson, number = name.split(".")
    found = cells(NOTEBOOKS, lesson)
    space = lesson_space(found, lesson)
    stub = found[f"{lesson}-ex{number}-stub"]
    assert "..." in stub.source
    exec(stub.source, space)
    answer = space[checked(found[f"{lesson}-ex{number}-check"].source)]
    assert judge(name, answer).state == NOT_ATTEMPTED


@EACH
def test_the_solution_is_right_and_stands_in_the_committed_notebook_as_such(name):
    lesson, number = name.split(".")
    found = cells(NOTEBOOKS / "solutions", lesson)
    asked = cells(NOTEBOOKS, lesson)[f"{lesson}-ex{number}-check"].source
    assert found[f"{lesson}-{number}-check"].source == asked
    shown = found[f"{lesson}-{number}-check"].outputs[0].data["text/plain"]
    assert shown.startswith(f"✓ {name}, right")
    assert check.solution_code(name) == found[f"{lesson}-{number}-solution"].source


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_solutions_run_from_top_to_bottom_and_every_check_says_right(lesson):
    space = {"display": print}
    for cell in cells(NOTEBOOKS / "solutions", lesson).values():
        if cell.cell_type == "code":
            exec(cell.source, space)
    states = {name: known["outcome"] for name, known in check._log.items()}
    assert states == {name: RIGHT for name in NAMES if name.startswith(lesson)}


def test_wrong_answers_are_there_for_every_exercise():
    assert set(WRONG) == set(NAMES)
    assert all(len(answers) >= 2 for answers in WRONG.values())
    for lesson in LESSONS:
        assert 3 <= sum(name.startswith(lesson) for name in NAMES) <= 6


@pytest.mark.parametrize(
    "name, answer, words",
    [(name, *pair) for name in NAMES for pair in WRONG.get(name, [])],
    ids=[f"{n}-{i}" for n in NAMES for i in range(len(WRONG.get(n, [])))],
)
def test_a_wrong_answer_gets_its_diagnosis(name, answer, words):
    outcome = judge(name, answer)
    assert outcome.state == NOT_YET
    assert words in outcome.text
    assert outcome.seconds < 5


def crash(*arguments):
    raise RuntimeError("on purpose")


def leave(*arguments):
    raise SystemExit


class Strange:
    """Fails whatever is done with it."""

    def __getattr__(self, name):
        raise RuntimeError(name)

    def __repr__(self):
        raise RuntimeError("repr")

    __eq__ = __len__ = __iter__ = __float__ = __repr__
    __hash__ = None


JUNK = [None, True, -7, float("nan"), 10**400, "x", "", [], {}, (), b"x", {"a": None}, [[1], 2]]
JUNK += [print, crash, leave, Strange(), Strange, lambda: 1, lambda *a: None, lambda *a: a]
JUNK += [lambda *a: Strange(), lambda *a: [Strange()], object(), range(3), float]


@EACH
def test_no_answer_brings_a_check_down_and_nonsense_is_never_right(name):
    for answer in JUNK:
        outcome = judge(name, answer)
        assert outcome.state == NOT_YET, answer
        assert outcome.text.strip()


def endless(*arguments):
    while True:
        time.sleep(0.001)


def deaf(*arguments):
    while True:
        try:
            endless()
        except:  # noqa: E722
            return endless()


@pytest.mark.parametrize("answer", [endless, deaf])
def test_an_answer_without_end_is_cut_off(answer, capsys):
    outcome = judge("01.2", answer)
    assert outcome.state == NOT_YET and "did not end" in outcome.text
    assert LIMIT_S <= outcome.seconds < 5
    assert capsys.readouterr().err == ""


def test_the_line_of_a_crash_is_named():
    def normalise(picture, mean, std):
        return picture.no_such_thing

    text = judge("01.2", normalise).text
    assert "AttributeError" in text and 'in the line "return picture.no_such_thing"' in text


def test_a_check_leaves_random_numbers_and_output_alone(capsys):
    import torch

    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    judge("01.2", lambda picture, mean, std: print("noise"))
    assert torch.equal(torch.rand(1), expected)
    assert capsys.readouterr().out == ""


@EACH
def test_no_word_of_a_check_gives_the_answer_away(name):
    lesson, number = name.split(".")
    code = check.solution_code(name)
    told = [judge(name, answer).text for answer, _ in WRONG[name]] + list(find(name).hints)
    lines = [line.strip() for line in code.splitlines() if len(line.strip()) > 30]
    value = re.fullmatch(r'\w+ = "?([\w.-]+)"?(\s+#.*)?', code)
    given = re.escape(value[1]) if value else "no value"
    given = f"(is|choose|letter) {given}" if len(given) == 1 else given  # choices name all letters
    for text in told:
        assert not any(line in text for line in lines)
        assert not re.search(rf"\b{given}\b", text)


def test_hints_come_one_by_one_and_solutions_after_an_attempt():
    first, second = find("01.4").hints
    assert first in repr(check.hint("01.4"))
    check.answer("01.4", ...)
    for more in (check.hint, check.solution):
        with pytest.raises(CourseError, match="Try 01.4 first"):
            more("01.4")
    said = check.answer("01.4", 3.0)
    assert 'check.hint("01.4")' in repr(said)
    assert second in repr(check.hint("01.4")) and second in repr(check.hint("01.4"))
    assert check.solution_code("01.4") in repr(check.solution("01.4"))


@pytest.mark.parametrize("name", ["01.9", "77.1", "", "x", 3, None, "../1", "01"])
def test_an_unknown_exercise_is_one_sentence(name):
    with pytest.raises(CourseError, match="There is no exercise"):
        check.answer(name, 1)


def test_a_guess_and_what_came_out_stand_side_by_side():
    assert "No guess" in repr(check.guess("01 share", ...))
    assert "had not written" in repr(check.measured("01 share", 0.9))
    check.guess("01 other", 0.5)
    assert repr(check.measured("01 other", 0.75)).endswith("measured: 0.75: 0.25 too low.")
    assert "Nothing measured yet" in repr(check.measured("01 other", ...))
    check.guess("01 rate", 1e-5)
    assert repr(check.measured("01 rate", 1e-3)).endswith("too low by a factor of 100.")
    check.guess("01 right", 3)
    assert repr(check.measured("01 right", 3)).endswith("exactly that.")
    assert "Too late" in repr(check.guess("01 other", 0.75))
    assert "0.5, measured: 0.75" in repr(check.measured("01 other", 0.75))
    check.guess("01 name", "corn")
    assert repr(check.measured("01 name", "bun")) == "Your guess: corn, measured: bun."
    with pytest.raises(CourseError, match="number or a text"):
        check.guess("01 share", [1])


def test_the_summary_is_saved_for_handing_in_and_a_class_can_look_at_its_guesses(tmp_path, capsys):
    assert len(check.summary(tmp_path)) == 0 and not list(tmp_path.iterdir())
    for person, value in enumerate((0.2, 0.4, 0.9)):
        check._log.clear()
        (tmp_path / str(person)).mkdir()
        check.guess("01 share", value)
        check.measured("01 share", 0.6)
        check.answer("01.4", 1)
        check.hint("01.4")
        check.answer("01.6", "A")
        table = check.summary(tmp_path / str(person))
    assert table.loc["01.4", ["outcome", "attempts", "hints"]].tolist() == [NOT_YET, 1, 1]
    assert table.loc["01.6", ["outcome", "attempts", "hints"]].tolist() == [RIGHT, 1, 0]
    assert table.loc["01.1", "outcome"] == NOT_ATTEMPTED
    assert "1 of 6 exercises solved.\nSaved as hand_in_01.csv" in capsys.readouterr().out
    drawn = check.guesses(tmp_path)
    assert "median guess 0.4 of 3, measured 0.6" in repr(drawn)
    with pytest.raises(CourseError, match="No hand_in"):
        check.guesses(tmp_path / "0" / "nowhere")


def test_outcomes_go_to_the_file_that_grading_names(tmp_path, monkeypatch):
    file = tmp_path / "outcomes"
    monkeypatch.setenv("COURSE_OUTCOMES", str(file))
    check.answer("01.6", "b")
    check.answer("01.6", ...)
    first, second = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    assert (first["exercise"], first["state"]) == ("01.6", NOT_YET)
    assert (second["exercise"], second["state"]) == ("01.6", NOT_ATTEMPTED)


def test_a_note_is_shown_as_text_never_as_markup():
    page = check.answer("01.2", lambda a, b, c: 1 / 0)._repr_html_()
    assert "<script" not in check.Note("<script>", "<script>")._repr_html_()
    assert "ZeroDivisionError" in page
