"""`course.py grade`: a bad hand-in costs its own row and nothing else."""

import csv
import json
import os
import zipfile
from importlib.metadata import PackageNotFoundError, distribution

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from classroom import grade
from classroom.commands import parse

SETUP = "import os, time\nfrom classroom import check"
# in place of the real check, which imports torch, where only the ending of a notebook matters
QUICK_SETUP = """
import json, os, subprocess, sys, time, types
def answer(name, value):
    with open(os.environ["COURSE_OUTCOMES"], "a") as file:
        file.write(json.dumps({"exercise": name, "state": "right"}) + "\\n")
sys.modules["classroom"] = types.SimpleNamespace(check=types.SimpleNamespace(answer=answer))
from classroom import check
"""
DEAF = "while True:\n try:\n  time.sleep(1000)\n except KeyboardInterrupt:\n  pass"
FIRST, LAST = 'check.answer("06.1", 1.0053)', 'check.answer("06.6", "c")'


def hand_in(folder, name, *sources):
    path = folder / f"{name}.ipynb"
    nbformat.write(new_notebook(cells=list(map(new_code_cell, sources))), path)
    return path


def test_a_folder_becomes_a_table_with_the_last_outcome_of_each_exercise(tmp_path, capsys):
    folder, out = tmp_path / "a class", tmp_path / "out" / "grades.csv"
    (folder / "group B").mkdir(parents=True)
    stub, wrong = 'check.answer("06.2", ...)', 'check.answer("06.6", "b")'
    left_behind = "open('x', 'w').write('left behind')"
    hand_in(folder, "group B/good", SETUP, FIRST, "1 / 0", wrong, LAST, stub, left_behind)
    hand_in(folder, "essay", "print('an essay')")
    (folder / "damaged.ipynb").write_text("<<<<<<< mine")
    for name in ("._essay.ipynb", "mine.zip"):
        (folder / name).write_bytes(b"")
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}

    assert grade.main(parse(["grade", str(folder), "--minutes", "2", "--out", str(out)])) == 0

    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before
    with out.open(encoding="utf-8", newline="") as lines:
        rows = [(r["file"], r["exercise"], r["outcome"]) for r in csv.DictReader(lines)]
    good = "group B/good.ipynb"
    assert rows == [
        ("damaged.ipynb", "", "cannot be read: NotJSONError"),
        ("essay.ipynb", "", "holds no exercise of the course"),
        (good, "", "ran to its end, 1 cell failed with ZeroDivisionError"),
        (good, "06.1", "right"),
        (good, "06.2", "not attempted"),
        (good, "06.3", "not checked"),
        (good, "06.4", "not checked"),
        (good, "06.5", "not checked"),
        (good, "06.6", "right"),
    ]
    told = capsys.readouterr().out
    assert "Left out, since they are not notebooks: 1 (mine.zip)." in told
    assert f"3 of 3  {good}: ran to its end, 1 cell failed with ZeroDivisionError, 2 right" in told


@pytest.mark.parametrize(
    "source, ending, last",
    [
        ("os._exit(3)", "its kernel died", "not reached"),
        pytest.param(DEAF, "did not end within 0.6 minutes", "not reached", marks=pytest.mark.slow),
        pytest.param(
            "time.sleep(1000)",
            "ran to its end, 1 cell was stopped after 30 seconds",
            "right",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_what_was_right_before_a_bad_cell_counts(tmp_path, monkeypatch, source, ending, last):
    monkeypatch.setattr(grade, "CELL_SECONDS", 30)  # imports take a while on a busy machine
    children = set(psutil.Process().children(recursive=True))
    file = hand_in(tmp_path, "mine", QUICK_SETUP, FIRST, source, LAST)
    outcomes = dict(grade.grade(file, minutes=0.6 if source == DEAF else 3))
    assert (outcomes[""], outcomes["06.1"], outcomes["06.6"]) == (ending, "right", last)
    assert set(psutil.Process().children(recursive=True)) <= children


@pytest.mark.parametrize(
    "sources, remark",
    [
        (["import nowhere", "1 / 0"], ", 2 cells failed, the first with ModuleNotFoundError"),
        (["input()", "exit()"], ", 1 cell failed with StdinNotImplementedError"),
        (["class check:\n  pass"], "; the notebook defines its own `check`"),
        (["%matplotlib inline\ncheck.answer = print"], "; the notebook defines its own `check`"),
        (["def f():\n  check = 1"], ""),
        (["print('x' * 20_000_000)"], ", it printed more than 10 MB, which were not kept"),
    ],
)
def test_what_went_wrong_in_a_notebook_stands_behind_its_ending(tmp_path, sources, remark):
    file = hand_in(tmp_path, "mine", QUICK_SETUP, FIRST, *sources)
    assert grade.grade(file, minutes=1)[0] == ("", "ran to its end" + remark)


@pytest.mark.slow
@pytest.mark.parametrize("source", ["while True: print('x' * 1000)", "'x' * 40_000_000"])
def test_output_without_end_takes_no_memory_of_the_grader(tmp_path, monkeypatch, source):
    monkeypatch.setattr(grade, "CELL_SECONDS", 20)
    kept = []
    keep = grade.Client.process_message
    monkeypatch.setattr(
        grade.Client,
        "process_message",
        lambda *arguments: kept.append(arguments) or keep(*arguments),
    )
    outcomes = dict(grade.grade(hand_in(tmp_path, "mine", QUICK_SETUP, source, LAST), minutes=1))
    assert "it printed more than 10 MB" in outcomes[""] and outcomes["06.6"] == "right"
    cells = {id(cell): cell for _, _, cell, _ in kept}.values()
    assert not any(cell.outputs for cell in cells)
    assert max(len(str(message["content"])) for _, message, _, _ in kept) < 1.1 * grade.MESSAGE


def test_a_notebook_that_takes_too_much_memory_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(grade, "MEMORY_GB", 0.3)
    source = "x = bytearray(400_000_000)\nx[:] = b'x' * len(x)\ntime.sleep(60)"
    outcomes = dict(grade.grade(hand_in(tmp_path, "mine", QUICK_SETUP, FIRST, source), minutes=1))
    assert outcomes[""] == "was stopped at 0.3 GB of memory" and outcomes["06.1"] == "right"


PIP = ["%pip", "!pip", "!{sys.executable} -m pip"]
WHEEL = {
    "handed_in.py": "",
    "handed_in-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: handed-in\nVersion: 1\n",
    "handed_in-1.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "handed_in-1.dist-info/RECORD": "",
}


@pytest.mark.slow
def test_what_a_notebook_installs_or_removes_changes_nothing_here(tmp_path):
    wheel = tmp_path / "handed_in-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        for name, text in WHEEL.items():
            file.writestr(name, text)
    sources = [f"%pip install -q --no-index {wheel}", "import handed_in, importlib, torch"]
    sources += [f"{pip} uninstall -q -y handed-in tqdm" for pip in PIP]
    sources += ["import tqdm", "importlib.reload(handed_in)"]
    file = hand_in(tmp_path, "mine", QUICK_SETUP, FIRST, *sources)
    ending = "ran to its end, 1 cell failed with ModuleNotFoundError"  # the last one
    assert grade.grade(file, minutes=5)[0] == ("", ending)
    with pytest.raises(PackageNotFoundError):
        distribution("handed-in")
    assert distribution("tqdm")


def test_what_a_notebook_leaves_running_is_ended(tmp_path):
    pid = tmp_path / "pid"
    wait = "[sys.executable, '-c', 'import time; time.sleep(99)']"
    source = f"p = subprocess.Popen({wait}, start_new_session=True)\n"
    source += f"open({str(pid)!r}, 'w').write(str(p.pid))"
    grade.grade(hand_in(tmp_path, "mine", QUICK_SETUP, FIRST, source), minutes=1)
    process = int(pid.read_text())
    assert not psutil.pid_exists(process) or psutil.Process(process).status() == "zombie"


def test_exercises_of_two_lessons_in_one_notebook_are_all_listed(tmp_path):
    file = hand_in(tmp_path, "mine", QUICK_SETUP, FIRST, "check.answer('02.1', 1)")
    lessons = {name[:2] for name, _ in grade.grade(file, minutes=1) if name}
    assert lessons == {"02", "06"}


CELL = {"cell_type": "code", "source": "1", "metadata": {}, "outputs": [], "execution_count": None}
WHOLE = {"cells": [CELL], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}


@pytest.mark.parametrize(
    "data, outcome",
    [
        (b"", "cannot be read"),
        (bytes(range(256)), "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
        (b"null", "cannot be read"),
        (json.dumps(WHOLE | {"cells": [1, 2]}).encode(), "cannot be read"),
        (json.dumps(WHOLE | {"cells": [CELL | {"source": 3}]}).encode(), "cannot be read"),
        (json.dumps(WHOLE).replace("1", 'check.answer(\\"99.1\\", x)', 1).encode(), "holds no"),
    ],
)
def test_what_is_no_hand_in_is_told_in_one_row(tmp_path, data, outcome):
    file = tmp_path / "mine.ipynb"
    file.write_bytes(data)
    ((exercise, ending),) = grade.grade(file, minutes=1)
    assert exercise == "" and ending.startswith(outcome)


def test_lines_of_a_notebook_that_are_no_outcomes_are_passed_over(tmp_path):
    file = tmp_path / "outcomes"
    file.write_bytes(b'\xff\n[1]\n{"exercise": []}\n{"exercise": "01.1", "state": "right"}\n')
    assert grade.read_outcomes(file) == {"01.1": "right"}


@pytest.mark.skipif(os.name == "nt", reason="names there are text")
def test_a_name_that_is_no_text_is_graded_all_the_same(tmp_path):
    try:
        (tmp_path / os.fsdecode(b"\xff.ipynb")).write_bytes(b"")
    except OSError:
        pytest.skip("this file system refuses such names")
    out = tmp_path / "grades.csv"
    assert grade.main(parse(["grade", str(tmp_path), "--out", str(out)])) == 0
    assert "cannot be read" in out.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "folder, out, words", [("none", "a.csv", "no notebooks in"), (".", ".", "cannot be written")]
)
def test_nothing_to_grade_or_nowhere_to_write_is_one_sentence(tmp_path, folder, out, words):
    hand_in(tmp_path, "essay", "1")
    with pytest.raises(SystemExit, match=words):
        grade.main(parse(["grade", str(tmp_path / folder), "--out", str(tmp_path / out)]))
