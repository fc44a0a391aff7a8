"""`course.py grade`: a bad hand-in costs its own row and nothing else."""

import csv
import os
import time

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from classroom import grade

SETUP = "import os, time\nfrom classroom import check"


def hand_in(folder, name, *sources):
    cells = [new_code_cell(source) for source in (SETUP, *sources)]
    nbformat.write(new_notebook(cells=cells), folder / f"{name}.ipynb")


def answer(number, given):
    return f'check.answer("01.{number}", {given})'


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Seven hand-ins, one of them good: the rows by file, and the seconds that all took."""
    folder = tmp_path_factory.mktemp("a class")
    (folder / "group B").mkdir()
    good = [answer(4, 5.17), "1 / 0", answer(6, '"b"'), answer(6, '"a"'), answer(1, "...")]
    hand_in(folder, "group B/good", *good, answer(3, 7), "open('x', 'w').write('left behind')")
    hand_in(folder, "dies", answer(4, 5.17), "os._exit(3)", answer(6, '"a"'))
    hand_in(folder, "hangs", answer(4, 5.17), "time.sleep(1000)", answer(6, '"a"'))
    deaf = "while True:\n try:\n  time.sleep(1000)\n except KeyboardInterrupt:\n  pass"
    hand_in(folder, "deaf", answer(4, 5.17), deaf, answer(6, '"a"'))
    hand_in(folder, "other", "print('an essay')")
    (folder / "damaged.ipynb").write_text("<<<<<<< mine")
    (folder / "empty.ipynb").write_bytes(b"")
    before = {file: file.read_bytes() for file in folder.rglob("*.ipynb")}
    out = tmp_path_factory.mktemp("out") / "grades.csv"
    limit, grade.CELL_SECONDS = grade.CELL_SECONDS, 12  # imports take a third of it
    begin = time.perf_counter()
    try:
        assert grade.main([str(folder), "--minutes", "0.5", "--out", str(out)]) == 0
    finally:
        grade.CELL_SECONDS = limit
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before
    with out.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    found = {}
    for row in rows:
        found.setdefault(row["file"], {})[row["exercise"]] = row
    return found, time.perf_counter() - begin


def outcomes(graded, file):
    return {name: row["outcome"] for name, row in graded[0][file].items()}


def test_each_exercise_has_a_row_with_its_last_outcome_whatever_cells_fail(graded):
    found = outcomes(graded, "group B/good.ipynb")
    assert found[""] == "ran to its end"
    assert (found["01.4"], found["01.6"], found["01.1"]) == ("right", "right", "not attempted")
    assert (found["01.2"], found["01.3"]) == ("not checked", "not yet")
    assert float(graded[0]["group B/good.ipynb"][""]["seconds"]) > 0
    assert float(graded[0]["group B/good.ipynb"]["01.4"]["seconds"]) < 5


def test_a_kernel_that_dies_keeps_what_was_right_before(graded):
    found = outcomes(graded, "dies.ipynb")
    assert (found[""], found["01.4"], found["01.6"]) == ("its kernel died", "right", "not reached")


def test_a_cell_that_hangs_is_interrupted_and_the_next_one_counts(graded):
    found = outcomes(graded, "hangs.ipynb")
    assert (found[""], found["01.4"], found["01.6"]) == ("ran to its end", "right", "right")


def test_a_notebook_that_never_ends_is_stopped_at_the_limit(graded):
    found = outcomes(graded, "deaf.ipynb")
    assert found[""] == "did not end within 0.5 minutes"
    assert (found["01.4"], found["01.6"]) == ("right", "not reached")
    assert graded[1] < 120


def test_what_is_no_hand_in_is_told_in_its_row(graded):
    assert outcomes(graded, "damaged.ipynb") == {"": "cannot be read: NotJSONError"}
    assert outcomes(graded, "empty.ipynb") == {"": "cannot be read: NotJSONError"}
    assert outcomes(graded, "other.ipynb") == {"": "holds no exercise of the course"}


def test_no_notebooks_is_one_sentence(tmp_path, capsys):
    assert grade.main([str(tmp_path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_no_kernel_outlives_the_grading(graded):
    import psutil

    assert not [p for p in psutil.Process(os.getpid()).children() if "ipykernel" in p.cmdline()]
