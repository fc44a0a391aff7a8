"""`course.py grade`: a bad hand-in costs its own row and nothing else."""

import csv
import json
import os

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from classroom import grade
from classroom.commands import parse

SETUP = "import os, time\nfrom classroom import check"
# in place of the real check, which imports torch, where only the ending of a notebook matters
QUICK_SETUP = """
import json, os, time
class check:
    def answer(name, value):
        with open(os.environ["COURSE_OUTCOMES"], "a") as file:
            file.write(json.dumps({"exercise": name, "state": "right", "seconds": 0}) + "\\n")
"""
DEAF = "while True:\n try:\n  time.sleep(1000)\n except KeyboardInterrupt:\n  pass"


def hand_in(folder, name, *sources):
    path = folder / f"{name}.ipynb"
    nbformat.write(new_notebook(cells=list(map(new_code_cell, sources))), path)
    return path


def answer(k, value):
    return f'check.answer("01.{k}", {value})'


def outcomes(file, minutes=2.0):
    return {exercise: outcome for exercise, outcome, _ in grade.grade(file, minutes)}


def test_a_folder_becomes_a_table_with_the_last_outcome_of_each_exercise(tmp_path, capsys):
    folder, out = tmp_path / "a class", tmp_path / "out" / "grades.csv"
    (folder / "group B").mkdir(parents=True)
    answers = [answer(4, 5.17), "1 / 0", answer(6, '"b"'), answer(6, '"a"'), answer(1, "...")]
    left_behind = "open('x', 'w').write('left behind')"
    hand_in(folder, "group B/good", SETUP, *answers, answer(3, 7), left_behind)
    hand_in(folder, "essay", "print('an essay')")
    (folder / "damaged.ipynb").write_text("<<<<<<< mine")
    before = {file: file.read_bytes() for file in folder.rglob("*.ipynb")}

    assert grade.main(parse(["grade", str(folder), "--minutes", "2", "--out", str(out)])) == 0

    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before
    with out.open(encoding="utf-8", newline="") as lines:
        rows = [(r["file"], r["exercise"], r["outcome"]) for r in csv.DictReader(lines)]
    good = "group B/good.ipynb"
    assert rows == [
        ("damaged.ipynb", "", "cannot be read: NotJSONError"),
        ("essay.ipynb", "", "holds no exercise of the course"),
        (good, "", "ran to its end"),
        (good, "01.1", "not attempted"),
        (good, "01.2", "not checked"),
        (good, "01.3", "not yet"),
        (good, "01.4", "right"),
        (good, "01.5", "not checked"),
        (good, "01.6", "right"),
    ]
    assert f"3 of 3  {good}: ran to its end, 2 right" in capsys.readouterr().out


def test_a_kernel_that_dies_keeps_what_was_right_before(tmp_path):
    file = hand_in(tmp_path, "dies", QUICK_SETUP, answer(4, 5.17), "os._exit(3)", answer(6, '"a"'))
    ending = outcomes(file)
    assert (ending[""], ending["01.4"], ending["01.6"]) == (
        "its kernel died",
        "right",
        "not reached",
    )


@pytest.mark.slow
def test_a_cell_that_hangs_is_interrupted_and_the_next_one_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(grade, "CELL_SECONDS", 12)
    sources = [QUICK_SETUP, answer(4, 5.17), "time.sleep(1000)", answer(6, '"a"')]
    ending = outcomes(hand_in(tmp_path, "hangs", *sources))
    assert (ending[""], ending["01.4"], ending["01.6"]) == ("ran to its end", "right", "right")


@pytest.mark.slow
def test_a_notebook_that_never_ends_is_stopped_at_the_limit_with_its_kernel(tmp_path):
    children = set(psutil.Process().children(recursive=True))
    sources = [QUICK_SETUP, answer(4, 5.17), DEAF, answer(6, '"a"')]
    ending = outcomes(hand_in(tmp_path, "deaf", *sources), minutes=0.25)
    assert ending[""] == "did not end within 0.25 minutes"
    assert (ending["01.4"], ending["01.6"]) == ("right", "not reached")
    assert set(psutil.Process().children(recursive=True)) <= children


CELL = {"cell_type": "code", "source": '# check.answer("01.1", steps)', "metadata": {}, "id": "a"}
CELL |= {"outputs": [], "execution_count": None}
WHOLE = {"cells": [CELL], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def notebook(**changes: object) -> bytes:
    return json.dumps(WHOLE | changes).encode()


def cell(**changes: object) -> bytes:
    return notebook(cells=[CELL | changes])


@pytest.mark.parametrize(
    "data, outcome",
    [
        (b"", "cannot be read"),
        (b"<!DOCTYPE html>", "cannot be read"),
        (bytes(range(256)), "cannot be read"),
        (notebook().decode().encode("utf-16"), "cannot be read"),
        (notebook()[:80], "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
        (b"null", "cannot be read"),
        (b"[]", "cannot be read"),
        (notebook(nbformat=99), "cannot be read"),
        (notebook(cells=[1, 2]), "cannot be read"),
        (notebook(cells="print"), "cannot be read"),
        (cell(source=3), "cannot be read"),
        (notebook(nbformat=1), "holds no exercise of the course"),
        (cell(source="print('an essay')"), "holds no exercise of the course"),
        (cell(source='check.answer("99.1", x)'), "holds no exercise of the course"),
    ],
)
def test_what_is_no_hand_in_is_told_in_one_row(tmp_path, data, outcome):
    file = tmp_path / "mine.ipynb"
    file.write_bytes(data)
    ((exercise, told, seconds),) = grade.grade(file, minutes=1)
    assert (exercise, seconds) == ("", 0.0) and told.startswith(outcome)
    assert file.read_bytes() == data


def test_a_folder_named_like_a_notebook_cannot_be_read(tmp_path):
    (tmp_path / "x.ipynb").mkdir()
    assert outcomes(tmp_path / "x.ipynb")[""].startswith("cannot be read")


def test_lines_of_a_notebook_that_are_no_outcomes_are_passed_over(tmp_path):
    file = tmp_path / "outcomes"
    right = b'{"exercise": "01.1", "state": "right", "seconds": 0}'
    file.write_bytes(b'\xff\n[1]\n{"exercise": []}\n' + right + b"\n")
    assert grade.read_outcomes(file) == {"01.1": ("right", 0)}
    assert grade.read_outcomes(tmp_path / "none") == {}


@pytest.mark.skipif(os.name == "nt", reason="names there are text")
def test_a_name_that_is_no_text_is_graded_all_the_same(tmp_path):
    try:
        (tmp_path / os.fsdecode(b"\xff.ipynb")).write_bytes(b"")
    except OSError:
        pytest.skip("this file system refuses such names")
    out = tmp_path / "grades.csv"
    assert grade.main(parse(["grade", str(tmp_path), "--out", str(out)])) == 0
    assert "cannot be read" in out.read_text(encoding="utf-8")


@pytest.mark.parametrize("options, words", [([], "no notebooks in"), (["--out", "."], "written")])
def test_nothing_to_grade_or_nowhere_to_write_is_one_sentence(tmp_path, capsys, options, words):
    if options:
        hand_in(tmp_path, "essay", "1")
    assert grade.main(parse(["grade", str(tmp_path), *options])) == 1
    message = capsys.readouterr().err
    assert words in message and message.count("\n") == 1
