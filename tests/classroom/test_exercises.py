"""Every exercise: its stub is not attempted, its solution right, wrong answers are diagnosed."""

import importlib
import itertools
import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch

from classroom import check, judge, progress
from classroom.judge import EXERCISES, NOT_ATTEMPTED, NOT_YET, RIGHT, find, outcome_of
from tests.conftest import ROOT

NOTEBOOKS = ROOT / "notebooks"
LESSONS = sorted(p.stem[-2:] for p in Path(check.__file__).parent.glob("exercises/lesson_*.py"))
WRONG, UNUSUAL = {}, {}
for lesson in LESSONS:
    importlib.import_module(f"classroom.exercises.lesson_{lesson}")
    answers = importlib.import_module(f"tests.classroom.wrong_answers.lesson_{lesson}")
    WRONG |= answers.WRONG
    UNUSUAL |= getattr(answers, "RIGHT", {})
NAMES = sorted(EXERCISES)
EACH = pytest.mark.parametrize("name", NAMES)


def cells(folder: Path, lesson: str) -> dict:
    notebook = nbformat.read(next(folder.glob(f"{lesson}_*.ipynb")), as_version=4)
    return {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}


def answer_of(lesson_cells: dict, check_cell: str, *cell_ids: str) -> object:
    """The answer that `check_cell` hands over once the setup and these cells have run."""
    namespace = {}
    for cell_id in cell_ids:
        exec(lesson_cells[cell_id].source, namespace)
    source = lesson_cells[check_cell].source
    variable = re.fullmatch(r'check\.answer\("\d\d\.\d", (\w+)\)', source)[1]
    return namespace[variable]


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(check, "_log", {})
    monkeypatch.setattr(check, "_solved", set())
    monkeypatch.chdir(NOTEBOOKS)  # where the lessons' cells run


@EACH
def test_the_stub_of_the_lesson_is_not_attempted(name):
    lesson, k = name.split(".")
    stub = f"{lesson}-ex{k}-stub"
    lesson_cells = cells(NOTEBOOKS, lesson)
    assert "..." in lesson_cells[stub].source
    beginning = [f"{lesson}-start", f"{lesson}-setup"]
    answer = answer_of(lesson_cells, f"{lesson}-ex{k}-check", *beginning, stub)
    assert outcome_of(name, answer).state == NOT_ATTEMPTED


@EACH
def test_the_statement_names_minutes_and_difficulty(name):
    notebook = nbformat.read(next(NOTEBOOKS.glob(f"{name[:2]}_*.ipynb")), as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert re.search(rf"\*\*{name} · .+?\*\* \(\d+ minutes.*?, difficulty [123] of 3\b.*?\)", text)


@EACH
def test_the_solution_is_right_and_is_the_one_that_a_student_is_shown(name):
    lesson, k = name.split(".")
    solved = cells(NOTEBOOKS / "solutions", lesson)
    cell = solved[f"{lesson}-{k}-check"]
    assert cell.source == cells(NOTEBOOKS, lesson)[f"{lesson}-ex{k}-check"].source
    told = cell.outputs[0].data["text/plain"]
    assert told.startswith(f"✓ {name}, right: ") and told.endswith(f" {find(name).why}")
    assert check.solution_code(name) == solved[f"{lesson}-{k}-solution"].source
    if f"{lesson}-{k}-given" not in solved:  # those train networks: the next test runs them
        beginning = [c for c in (f"{lesson}-start", f"{lesson}-setup") if c in solved]
        answer = answer_of(solved, cell.id, *beginning, f"{lesson}-{k}-solution")
        assert outcome_of(name, answer).state == RIGHT


@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS)
def test_the_solutions_run_from_top_to_bottom_and_every_check_says_right(lesson):
    namespace = {"display": print}
    for cell in cells(NOTEBOOKS / "solutions", lesson).values():
        exec(cell.source, namespace)
    states = {name: record["outcome"] for name, record in check._log.items()}
    assert states == {name: RIGHT for name in NAMES if name.startswith(lesson)}


def test_every_exercise_has_two_wrong_answers_or_more():
    assert set(WRONG) == set(NAMES)
    assert all(len(answers) >= 2 for answers in WRONG.values())


@pytest.mark.parametrize(
    "name, answer, words",
    [(name, *pair) for name in NAMES for pair in WRONG[name]],
    ids=[f"{name}-{i}" for name in NAMES for i in range(len(WRONG[name]))],
)
def test_a_wrong_answer_gets_its_diagnosis(name, answer, words):
    outcome = outcome_of(name, answer)
    assert outcome.state == NOT_YET
    assert words in outcome.text


class Hostile:
    """Fails with this error whatever is done with it."""

    def __init__(self, error: type[BaseException]):
        self.__dict__["error"] = error

    def fail(self, *arguments, **options):
        raise self.__dict__["error"]("on purpose")

    __getattr__ = __repr__ = __str__ = __eq__ = __ne__ = __len__ = __iter__ = __float__ = fail
    __bool__ = __index__ = __call__ = __getitem__ = __lt__ = __array__ = __contains__ = fail
    __hash__ = None


def recursive(*arguments):
    return recursive(*arguments)


def endless_generator(*arguments):
    while True:
        yield 1


def raises_without_words(*arguments):
    class Wordless(Exception):
        def __str__(self):
            raise RuntimeError("no words")

    raise Wordless


INSIDE_ITSELF = []
INSIDE_ITSELF.append(INSIDE_ITSELF)
JUNK = [None, True, -7, float("nan"), float("inf"), 10**5000, 1j, object(), print, float, np]
JUNK += ["", "x", "ab" * 500_000, "\ud800", b"b", {1, 2}, {}, {"a": {"b": [None]}}, {None: 1}]
JUNK += [(), [[1], 2], INSIDE_ITSELF, range(10**9), itertools.count(), (itertools.count(), 1)]
JUNK += [np.full((3, 4), np.nan), np.array(["a"]), torch.empty(0), torch.empty(3, device="meta")]
JUNK += [torch.nn.Linear(2, 2), Hostile, recursive, endless_generator, raises_without_words]
JUNK += [lambda: 1, lambda *a: None, lambda *a: a, lambda *a: recursive, lambda *a: 1 / 0]
JUNK += [lambda *a: itertools.count(), lambda *a: [Hostile(RuntimeError)]]
for error in (RuntimeError, SystemExit, KeyboardInterrupt, MemoryError):
    JUNK += [Hostile(error), lambda *a, error=error: Hostile(error)]


@EACH
def test_no_answer_brings_a_check_down_and_nonsense_is_never_right(name):
    for i, answer in enumerate(JUNK):
        outcome = outcome_of(name, answer)
        assert outcome.state == NOT_YET, JUNK[i]
        assert 0 < len(outcome.text.strip()) < 500


@pytest.mark.parametrize(
    "name, answer, words",
    [(name, *pair) for name in sorted(UNUSUAL) for pair in UNUSUAL[name]],
)
def test_a_right_answer_is_right_in_any_style(name, answer, words):
    outcome = outcome_of(name, answer)
    assert outcome.state == RIGHT, outcome.text
    assert words in outcome.text and outcome.text.endswith(find(name).why)


def raises(error):
    def answer(*arguments):
        raise error

    return answer


class Sly:
    """Raises this error where it is used."""

    def __init__(self, error):
        self.error = error

    def __float__(self):
        raise self.error

    __len__ = __iter__ = __bool__ = __float__


OWN = [judge.NotYet(""), judge.NotYet("fine"), judge.NotAttempted(), judge.Stopped()]


@pytest.mark.parametrize("error", OWN, ids=repr)
@pytest.mark.parametrize("name", ["01.2", "01.6", "02.1", "05.5", "06.1"])
def test_an_answer_that_raises_the_judges_own_exceptions_is_not_yet(name, error, monkeypatch):
    monkeypatch.setattr(judge, "CLOCK_S", 1.0)
    for answer in (raises(error), lambda *a: Sly(error), Sly(error), [Sly(error)] * 2):
        outcome = outcome_of(name, answer)
        assert outcome.state == NOT_YET and outcome.text


def test_an_empty_diagnosis_is_not_yet(monkeypatch):
    monkeypatch.setattr(find("06.6"), "diagnose", lambda answer: "")
    assert outcome_of("06.6", "c").state == NOT_YET


def test_a_stub_that_is_run_again_asks_for_the_name_of_the_function():
    def normalise(picture, mean, std):
        return ...

    outcome = outcome_of("01.2", normalise)
    assert outcome.state == NOT_ATTEMPTED and "still called normalise" in outcome.text


def waits(*arguments):
    time.sleep(0.5)
    return 1


def test_an_answer_may_wait_longer_than_it_may_compute(monkeypatch):
    monkeypatch.setattr(judge, "LIMIT_S", 0.2)
    assert "tensor" in outcome_of("01.2", waits).text


def test_answers_are_tried_on_one_torch_thread_and_others_go_on_with_theirs():
    before, seen = torch.get_num_threads(), []
    torch.set_num_threads(2)
    outcome_of("01.2", lambda *a: seen.append(torch.get_num_threads()))
    after = torch.get_num_threads()
    torch.set_num_threads(before)
    assert (seen, after) == ([1], 2)


MEASURED = {  # exercise: the lesson's function, what it would give, a right answer
    "01.5": ("accuracy_at", lambda rate: 0.81, {1e-5: 0.8, 1e-4: 0.9, 1e-3: 0.85, 1e-2: 0.5}),
    "04.2": ("accuracy_after", lambda *a: 0.68, {1: (0.7, 0.6), 3: (0.8, 0.7), 9: (0.9, 0.8)}),
}


@pytest.mark.parametrize("name", MEASURED)
def test_one_measurement_is_taken_again_where_the_lesson_is_at_hand(name, monkeypatch):
    function, measure, answer = MEASURED[name]
    main = sys.modules["__main__"]
    monkeypatch.setattr(main, function, measure, raising=False)
    assert outcome_of(name, answer).state == RIGHT
    monkeypatch.setattr(main, function, lambda *arguments: 0.2)
    invented = outcome_of(name, answer)
    assert invented.state == NOT_YET and f"{function}(" in invented.text
    monkeypatch.setattr(main, function, raises(NameError("name 'hotdogs' is not defined")))
    assert "hotdogs" in outcome_of(name, answer).text


def test_02_5_compares_with_what_the_lesson_has_reached(monkeypatch):
    answer = {"mine": [0.7, 0.72, 0.74], "lesson": [0.51, 0.53, 0.51], "seconds": [30] * 3}
    answer["clear"] = True
    main = sys.modules["__main__"]
    monkeypatch.setattr(main, "theirs", [0.5123, 0.5301, 0.5088], raising=False)
    assert outcome_of("02.5", answer).state == RIGHT
    monkeypatch.setattr(main, "theirs", [0.61, 0.6, 0.63])
    invented = outcome_of("02.5", answer)
    assert invented.state == NOT_YET and "`theirs`" in invented.text


def endless(*arguments):
    while True:
        time.sleep(0.001)


def deaf(*arguments):
    while True:
        try:
            endless()
        except:  # noqa: E722
            return endless()


class EndlessNumber:
    def __float__(self):
        while True:
            pass


@pytest.mark.parametrize(
    "name, answer", [("01.2", endless), ("01.2", deaf), ("06.1", EndlessNumber())]
)
def test_an_answer_without_end_is_cut_off(name, answer, monkeypatch, capsys):
    monkeypatch.setattr(judge, "LIMIT_S", 0.3)
    monkeypatch.setattr(judge, "CLOCK_S", 1.0)
    outcome = outcome_of(name, answer)
    assert outcome.state == NOT_YET and "did not end" in outcome.text
    assert capsys.readouterr().err == ""


def test_the_line_of_a_crash_is_named():
    def normalise(picture, mean, std):
        return picture.no_such_thing

    text = outcome_of("01.2", normalise).text
    assert "AttributeError" in text and 'in the line "return picture.no_such_thing"' in text


def test_a_check_leaves_random_numbers_alone():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    outcome_of("01.2", lambda picture, mean, std: None)
    assert torch.equal(torch.rand(1), expected)


def prints_and_crashes(*arguments):
    print("shape:", arguments[0].shape)
    raise ValueError("no such row")


def prints_without_end(*arguments):
    while True:
        print("\ud800 noise" * 1000)


@pytest.mark.parametrize(
    "function, printed, diagnosis",
    [
        (prints_and_crashes, "Your code printed:\nshape: torch.Size(", "ValueError: no such row"),
        (prints_without_end, " … and more\n", "did not end within"),
        (
            lambda *a: print("seen", file=sys.stderr),
            "Your code printed:\nseen\n",
            "returns nothing",
        ),
    ],
)
def test_what_an_answer_prints_is_shown_and_its_diagnosis_stays(
    function, printed, diagnosis, monkeypatch, capsys
):
    monkeypatch.setattr(judge, "LIMIT_S", 0.3)
    monkeypatch.setattr(judge, "CLOCK_S", 1.0)
    assert diagnosis in repr(check.answer("01.2", function))
    shown = capsys.readouterr()
    assert printed in shown.out and len(shown.out) < 2100 and shown.err == ""


@EACH
def test_no_word_of_a_check_gives_the_answer_away(name):
    code = check.solution_code(name)
    texts = [outcome_of(name, answer).text for answer, _ in WRONG[name]] + list(find(name).hints)
    lines = [line.strip() for line in code.splitlines() if len(line.strip()) > 30]
    for text in texts:
        assert not any(line in text for line in lines)
    if value := re.fullmatch(r'\w+ = "?([\w.-]+)"?(\s+#.*)?', code):
        right = re.escape(value[1])
        if len(right) == 1:  # choices name all letters
            right = f"(is|choose|letter) {right}"
        assert not any(re.search(rf"\b{right}\b", text) for text in texts)


def test_an_answer_that_is_data_stands_in_the_output_of_its_check_for_the_grader():
    answer = np.array(["b"])
    note = check.answer("06.6", answer)
    (given,) = note._repr_mimebundle_().values()
    assert json.loads(given) == {"exercise": "06.6", "answer": ["b"]}
    for nothing in (..., np.zeros(10**6), "b" * 10**6, Hostile(RuntimeError)):
        assert check.answer("06.6", nothing)._repr_mimebundle_() == {}
    assert check.answer("01.2", lambda *given: 1)._repr_mimebundle_() == {}


def test_hints_come_one_by_one_and_solutions_after_an_attempt():
    first, second = find("06.1").hints
    assert first in repr(check.hint("06.1"))
    check.answer("06.1", ...)
    for more in (check.hint, check.solution):
        with pytest.raises(check.CourseError, match="Try 06.1 first"):
            more("06.1")
    assert 'check.hint("06.1")' in repr(check.answer("06.1", 3.0))
    assert second in repr(check.hint("06.1")) and second in repr(check.hint("06.1"))
    assert check.solution_code("06.1") in repr(check.solution("06.1"))


@pytest.mark.parametrize("name", ["01.9", "77.1", None, "../1"])
def test_an_unknown_exercise_is_one_sentence(name):
    with pytest.raises(check.CourseError, match="There is no exercise"):
        check.answer(name, 1)


@pytest.mark.parametrize(
    "guess, outcome, words",
    [
        (0.5, 0.75, "Your guess: 0.5, measured: 0.75: 0.25 too low."),
        (1e-3, 1e-5, "Your guess: 0.001, measured: 1e-05: too high by a factor of 100."),
        (3, 3, "Your guess: 3, measured: 3: exactly that."),
        (1e6, 1826, "Your guess: 1,000,000, measured: 1,826: too high by a factor of 548."),
        (999.6, 1100, "Your guess: 1,000, measured: 1,100: 100 too low."),
        ("corn", "bun", "Your guess: corn, measured: bun."),
        (..., 0.9, "Measured: 0.9. You had not written a guess down."),
    ],
)
def test_a_guess_and_what_came_out_stand_side_by_side(guess, outcome, words):
    check.guess("01 share", guess)
    assert "Nothing measured yet" in repr(check.measured("01 share", ...))
    assert repr(check.measured("01 share", outcome)) == words


def test_a_guess_counts_only_before_the_outcome():
    check.guess("01 share", 0.5)
    check.measured("01 share", 0.75)
    assert "Too late" in repr(check.guess("01 share", 0.75))
    assert "Your guess: 0.5" in repr(check.measured("01 share", 0.75))


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: check.guess(4, 1), "guess is 4: give a text"),
        (lambda: check.guess("x", [1]), "number or a text"),
        (lambda: check.measured("x", torch.ones(8, 2)), r"\(8, 2\)"),
        (lambda: check.summary(None), "folder is None"),
        (lambda: check.guesses("nowhere"), "No hand_in"),
    ],
)
def test_what_cannot_be_a_guess_or_a_folder_is_refused_in_a_sentence(call, words):
    with pytest.raises(check.CourseError, match=words):
        call()


def test_the_summary_is_saved_for_handing_in_and_a_class_can_look_at_its_guesses(tmp_path, capsys):
    assert len(check.summary(tmp_path)) == 0 and not list(tmp_path.iterdir())
    for person, value in enumerate((0.2, 0.4, 0.9)):
        check._log.clear()
        (tmp_path / str(person)).mkdir()
        check.guess("06 share", value)
        check.measured("06 share", 0.6)
        check.answer("06.1", 2)
        check.hint("06.1")
        check.answer("06.6", "C")
        table = check.summary(tmp_path / str(person))
    assert table.loc["06.1", ["outcome", "attempts", "hints"]].tolist() == [NOT_YET, 1, 1]
    assert table.loc["06.6", ["outcome", "attempts", "hints"]].tolist() == [RIGHT, 1, 0]
    assert table.loc["06.2", "outcome"] == NOT_ATTEMPTED
    assert "1 of 6 exercises solved.\nSaved as hand_in_06.csv" in capsys.readouterr().out
    assert "median guess 0.4 of 3, measured 0.6" in repr(check.guesses(tmp_path))


RESTARTED = "from classroom import check; print(check.summary().loc['06.6', 'outcome'])"


def test_a_restarted_kernel_remembers_what_was_solved_and_guessed(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "build" / "progress.json"))
    check.answer("06.6", "C")
    check.guess("06 share", 0.5)
    command, course = [sys.executable, "-c", RESTARTED], os.environ | {"PYTHONPATH": str(ROOT)}
    run = subprocess.run(command, cwd=tmp_path, env=course, capture_output=True, text=True)
    assert run.stdout.splitlines()[0] == "1 of 6 exercises solved."
    assert run.stdout.splitlines()[-1] == "right"

    check._log.clear()
    check._solved.clear()
    check.answer("06.6", ...)  # the stub of a new copy of the lesson
    assert not check.solved("06.6") and check.summary(tmp_path).loc["06.6", "outcome"] == RIGHT
    assert repr(check.measured("06 share", 0.5)) == "Your guess: 0.5, measured: 0.5: exactly that."
    check.answer("02.1", ...)
    assert {name[:2] for name in check.summary(tmp_path).index} == {"02", "06"}


def test_notebooks_that_keep_their_progress_at_once_lose_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))
    records = {f"01 guess {i}": {"guess": i} for i in range(24)}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(progress.keep, *zip(*records.items(), strict=True)))
    assert progress.read() == records


@pytest.mark.parametrize("content", ["", "[1]", '{"06.6": 3}', None])
def test_a_damaged_file_or_a_folder_that_cannot_be_written_to_costs_only_the_memory(
    tmp_path, monkeypatch, content
):
    file = tmp_path / "progress.json"
    monkeypatch.setenv("COURSE_PROGRESS", str(file if content is not None else file / "inside"))
    file.write_text(content or "")
    check.answer("06.6", "C")
    assert check.summary(tmp_path).loc["06.6", "outcome"] == RIGHT


def test_a_note_is_shown_as_text_never_as_markup():
    page = check.guess("01 share", "<script>")._repr_html_()
    assert "&lt;script&gt;" in page and "<script" not in page
