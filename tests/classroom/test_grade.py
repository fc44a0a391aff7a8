"""`course.py grade`: outcomes that no notebook can change; a bad hand-in costs its own row."""

import ast
import csv
import inspect
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, distribution
from types import SimpleNamespace

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from classroom import grade, kinds, notebooks, sandbox, slices, trial
from classroom.commands import parse
from classroom.judge import EXERCISES, outcome_of
from tests.classroom.test_exercises import LESSONS, UNUSUAL, answer_of, cells
from tests.conftest import ROOT

SETUP = "import os, torch\nfrom classroom import check"
# in place of the real check, which imports torch, where only the ending of a notebook matters
QUICK_SETUP = """
import json, os, subprocess, sys, time, types
def answer(name, value):
    with open(os.environ["COURSE_ANSWERS"], "a") as file:
        file.write(json.dumps({"exercise": name, "answer": value}) + "\\n")
for check in [types.SimpleNamespace(answer=answer)]: pass
"""
DEAF = "while True:\n try:\n  time.sleep(1000)\n except KeyboardInterrupt:\n  pass"
FIRST, LAST = 'check.answer("06.1", float("1.0053"))', 'check.answer("06.6", "c".strip())'
CHECK = 'check.answer("01.2", normalise)'
WRONG = "def normalise(picture, mean, std):\n    return picture.float()"
RIGHT = """
def normalise(picture, mean, std):
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (mean, std))
    return (picture / 255 - mean) / std
"""


def hand_in(folder, name, *sources):
    path = folder / f"{name}.ipynb"
    nbformat.write(new_notebook(cells=list(map(new_code_cell, sources))), path)
    return path


@pytest.fixture(scope="module")
def grader():
    made = grade.Grader(minutes=2)
    yield made
    made.end()


@pytest.fixture
def whole(grader):
    """A grader that runs all cells."""
    grader.all = True
    yield grader
    grader.all, grader.minutes = False, 2


def test_a_folder_becomes_a_table_with_the_last_outcome_of_each_exercise(tmp_path, capsys):
    folder, out = tmp_path / "a class", tmp_path / "out" / "grades.csv"
    (folder / "group B").mkdir(parents=True)
    stub, wrong, last = (f'check.answer("06.{x})' for x in ('2", ...', '6", "b"', '6", "c"'))
    left_behind = "open('x', 'w').write('left behind')"
    first = 'check.answer("06.1", 1.0053)'
    hand_in(folder, "group B/good", SETUP, first, "1 / 0", wrong, last, stub, left_behind)
    hand_in(folder, "essay", "print('an essay')")
    (folder / "damaged.ipynb").write_text("<<<<<<< mine")
    for name in ("._essay.ipynb", "mine.zip"):
        (folder / name).write_bytes(b"")
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}

    options = ["--minutes", "2", "--jobs", "2", "--out", str(out)]
    assert grade.main(parse(["grade", str(folder), *options])) == 0

    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before
    with out.open(encoding="utf-8", newline="") as lines:
        rows = [(r["file"], r["exercise"], r["outcome"]) for r in csv.DictReader(lines)]
    good = "group B/good.ipynb"
    assert rows == [
        ("damaged.ipynb", "", "cannot be read: NotJSONError"),
        ("essay.ipynb", "", "holds no exercise of the course"),
        (good, "", "read to its end"),
        (good, "06.1", "right"),
        (good, "06.2", "not attempted"),
        (good, "06.3", "not checked"),
        (good, "06.4", "not checked"),
        (good, "06.5", "not checked"),
        (good, "06.6", "right"),
    ]
    told = capsys.readouterr().out
    assert "Left out, since they are not notebooks: 1 (mine.zip)." in told
    assert f"{good}: read to its end, 2 right" in told


PATCH = "lambda *a, **k: True"
INSIDE = "def normalise(picture, mean, std):\n    {}\n    return picture.float()"
ATTACKS = {
    "patched torch": ["torch.allclose = " + PATCH, INSIDE.format("torch.ones(1)")],
    "patched within": [INSIDE.format("t = torch; t.allclose = " + PATCH)],
    "patched by name": [INSIDE.format("setattr(torch, 'all' + 'close', " + PATCH + ")")],
    "patched class": [INSIDE.format("type(picture).isnan = " + PATCH)],
    "patched dictionary": [INSIDE.format("torch.__dict__['allclose'] = " + PATCH)],
    "patched and hidden": [
        INSIDE.format("\n    ".join(["try: torch.allclose = " + PATCH, "except BaseException: 0"]))
    ],
    "patched and taken back": [
        "real = torch.allclose\ndef fake(*a, **k):\n    torch.allclose = real\n    return True",
        INSIDE.format("torch.allclose = fake"),
    ],
    "patched by a copy": [  # sees to no name that source can spell, only to what has changed
        "import copy\nto_torch = lambda *_: (lambda: torch, (), {'allclose': " + PATCH + "})",
        "Copied = type('Copied', (), {'_' + '_reduce_ex_' + '_': to_torch})",
        INSIDE.format("copy.copy(Copied())"),
    ],
    "patched by a wrapper": [
        "import functools, types\nyes = types.SimpleNamespace(allclose=" + PATCH + ")",
        INSIDE.format("functools.update_wrapper(torch, yes, ['allclose'], [])"),
    ],
    "patched by a module of a module": [
        "import collections",
        INSIDE.format("collections._sys.modules['builtins'].setattr(torch, 'allclose', print)"),
    ],
    "a tensor that agrees": [  # that it was not changed: then black is what it was
        "def normalise(picture, mean, std):\n    picture.zero_().equal = lambda other: True\n"
        "    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (mean, std))\n"
        "    return (picture - mean) / std"
    ],
    "a name given by an import": [
        "class Yes(float):\n    from operator import truth as __eq__",
        INSIDE.format("Yes()"),
    ],
    "a tensor class that is made up": [
        "agree = {'_' + '_torch_function_' + '_': classmethod(lambda *_, **k: True)}",
        "Yes = type('Yes', (torch.Tensor,), agree)",
        "def normalise(picture, mean, std):\n    return picture.float().as_subclass(Yes)",
    ],
    "appended outcomes": [
        WRONG,
        "file = open(os.environ['COURSE_ANSWERS'], 'a')\n"
        'file.write(\'{"exercise": "01.2", "state": "right", "answer": "right"}\\n\')',
    ],
    "judge replaced": [
        "import classroom.judge as j\nj.outcome_of = lambda n, a: j.Outcome(n, 'right', '')",
        WRONG,
    ],
    "judge replaced within": [
        INSIDE.format("from classroom import judge; judge.outcome_of = " + PATCH)
    ],
    "check replaced": ["check.answer = print", WRONG],
    "solution run": ["exec(check.solution_code('01.2'))"],
    "solution run within": [INSIDE.format("exec(check.solution_code('01.2'))")],
    "solution read": [
        "from pathlib import Path",
        INSIDE.format(f"Path({str(ROOT)!r}, 'notebooks/00_start_here.ipynb').read_text(); 1 / 0"),
    ],
    "frames": [INSIDE.format("(lambda: (yield))().gi_frame")],
    "a class that agrees": [
        "class Yes(torch.Tensor):\n    def __torch_function__(*_): return True",
        "def normalise(picture, mean, std):\n    return picture.float().as_subclass(Yes)",
    ],
    "program": [INSIDE.format("torch.os.system('true')")],
    "writes": ["import helpers", INSIDE.format("torch.save(picture, helpers.__file__)")],
    "outcome written to all that is open": [
        "class At:\n    def __init__(self, at): self.fileno = lambda: at",
        "def write_own_outcome(bytes_of):\n    for at in range(3, 99):\n"
        "        try: bytes_of._write_file(At(at), True, False, 1)\n        except Exception: pass",
        'words = torch.tensor([0, 0, 0, 13, *b\'["right", ""]\'], dtype=torch.uint8)',
        INSIDE.format("write_own_outcome(words.untyped_storage())"),
    ],
    "end of the judge": ["import os", INSIDE.format("os._exit(0)")],
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_attack_makes_a_wrong_function_right(tmp_path, grader, attack):
    before = grade.digest()
    file = hand_in(tmp_path, "mine", SETUP, *ATTACKS[attack], CHECK)
    outcome = dict(grader.grade(file))["01.2"]
    assert outcome == "not yet" or outcome.startswith("not judged: ")
    assert grade.digest() == before
    assert dict(grader.grade(hand_in(tmp_path, "next", SETUP, RIGHT, CHECK)))["01.2"] == "right"


def forge(connection, *given):
    """Does what an answer would do that had found its way to the grader's pipe."""
    connection.send_bytes(b'["right", ""]')


def test_an_outcome_counts_only_with_the_seal_of_the_judge(tmp_path, grader, monkeypatch):
    monkeypatch.setattr(trial, "work", forge)
    outcome = dict(grader.grade(hand_in(tmp_path, "mine", SETUP, WRONG, CHECK)))["01.2"]
    assert outcome == "not judged: the answer has written an outcome of its own"


PICKLE = """class Pickle:
    text, place = b"cbuiltins\\nlen\\n(S'ab'\\ntR.", 0
    def read(self, n=-1):
        start, self.place = self.place, len(self.text) if n < 0 else self.place + n
        return self.text[start : self.place]
    def readline(self):
        line = self.read(1)
        while line[-1:] != b"\\n": line += self.read(1)
        return line
    def seek(self, step, whence): self.place += step"""


@pytest.mark.parametrize(
    "code",
    [
        "numpy.load(Pickle(), allow_pickle=True)",
        "pandas.eval('1 + 1')",
        "pandas.DataFrame({'a': [1]}).query('a > 0')",
    ],
)
def test_a_pickle_or_a_text_that_may_hold_any_code_is_not_read(tmp_path, grader, code):
    mine = RIGHT.replace("std):\n", f"std):\n    {code}\n")
    file = hand_in(tmp_path, "mine", SETUP, "import numpy, pandas", PICKLE, mine, CHECK)
    outcome = dict(grader.grade(file))["01.2"]
    told = "not judged: the answer uses `eval` or `query` of pandas"
    assert outcome == (told if "pandas" in code else "not yet")


def test_a_judge_that_has_ended_has_said_what_it_had_to_say(grader):
    """It may end just after the grader has looked for an outcome, on a busy machine above all."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    looks = iter([False, True])
    grader.wait_for(ended.pid, SimpleNamespace(poll=lambda seconds: next(looks)))
    assert next(looks, None) is None


@pytest.mark.skipif(os.name == "nt", reason="no signals there")
@pytest.mark.parametrize("times, told", [(1, "right"), (2, "not judged: its process was killed")])
def test_an_answer_whose_judge_was_killed_is_judged_once_more(
    tmp_path, grader, monkeypatch, times, told
):
    killed = []

    def wait_for(pid, connection):
        if len(killed) < times:
            killed.append(pid)
            os.kill(pid, signal.SIGKILL)
        grade.Grader.wait_for(grader, pid, connection)

    monkeypatch.setattr(grader, "wait_for", wait_for)
    slow = RIGHT.replace("std):\n", "std):\n    import time; time.sleep(0.5)\n")
    rows = grader.grade(hand_in(tmp_path, "mine", SETUP, slow, CHECK))
    assert dict(rows)["01.2"] == told and len(killed) == times


@pytest.mark.parametrize(
    "limit, value, outcome",
    [("MEMORY_GB", 0, "it took more than 0 GB of memory"), ("minutes", 0, "it took longer than 0")],
)
def test_an_answer_that_takes_too_much_is_told_what(
    tmp_path, grader, monkeypatch, limit, value, outcome
):
    monkeypatch.setattr(grade if limit == "MEMORY_GB" else grader, limit, value)
    slow = RIGHT.replace("std):\n", "std):\n    import time; time.sleep(2)\n")
    rows = dict(grader.grade(hand_in(tmp_path, "mine", SETUP, slow, CHECK)))
    assert rows["01.2"].startswith(f"not judged: {outcome}")


def test_a_bar_of_an_answer_leaves_no_lock_behind_on_the_machine(tmp_path, grader):
    """tqdm's own is a semaphore, which outlives a process that is ended."""
    bar = "    for _ in tqdm([1]): assert not hasattr(tqdm.get_lock(), 'mp_lock')"
    mine = RIGHT.replace("std):\n", f"std):\n    from tqdm.auto import tqdm\n{bar}\n")
    assert dict(grader.grade(hand_in(tmp_path, "mine", SETUP, mine, CHECK)))["01.2"] == "right"


def test_an_exercise_that_may_compute_longer_is_given_longer_here(monkeypatch):
    limits = []
    monkeypatch.setattr(trial, "limit", lambda seconds: limits.append(seconds) or 1 / 0)
    monkeypatch.setattr(trial.guard, "install", lambda *given, **named: None)
    for name in ("01.2", "08.4"):
        trial.of_code(name, "x = 1")
    patience = trial.judge.EXERCISES["08.4"].patience
    assert patience > 1 and limits == [trial.SECONDS + 4.0, trial.SECONDS + 4.0 * patience]


@pytest.mark.slow
def test_beside_six_busy_processes_no_right_answer_of_a_hundred_is_refused(grader, monkeypatch):
    """Eighty are checked as a student's are, twenty graded, two at a time."""
    monkeypatch.chdir(ROOT / "notebooks")
    checked, graded = [], []
    for lesson in LESSONS:
        solved = cells(ROOT / "notebooks/solutions", lesson)
        found = slices.statements(new_notebook(cells=list(solved.values())))
        setup = [cell for cell in (f"{lesson}-start", f"{lesson}-setup") if cell in solved]
        for answer in slices.answers(found):
            cell = answer.exercise.replace(".", "-")
            task = EXERCISES[answer.exercise]
            if task.takes and task.patience == 1 and f"{cell}-given" not in solved:
                value = answer_of(solved, f"{cell}-check", *setup, f"{cell}-solution")
                checked.append((answer.exercise, value))
                graded.append((found, answer, {}))
    loop = "import os; parent = os.getppid()\nwhile os.getppid() == parent: pass"
    busy = [subprocess.Popen([sys.executable, "-c", loop]) for _ in range(6)]
    try:
        tries = [outcome_of(*one).state for one in (2 * checked)[:80]]
        with ThreadPoolExecutor(2) as pool:
            tries += pool.map(lambda one: grader.outcome(*one), graded[:20])
    finally:
        for process in busy:
            process.kill()
            process.wait()
    assert tries == ["right"] * 100


def test_the_solutions_that_read_files_are_right(grader):
    """The judge plants leaves for them, in a folder of its own."""
    solution = next((ROOT / "notebooks/solutions").glob("08_*.ipynb"))
    found = slices.statements(notebooks.read(solution))
    answers = {answer.exercise: answer for answer in slices.answers(found)}
    files = ("08.1", "08.2", "08.3", "08.7")
    assert [grader.outcome(found, answers[name], {}) for name in files] == ["right"] * 4


@pytest.mark.parametrize("lesson, function", [("01", "accuracy_at"), ("04", "accuracy_after")])
def test_what_is_measured_again_needs_no_other_measurement_of_its_lesson(lesson, function):
    made = list(trial.given(lesson, function))
    functions = {node.name for node in made if isinstance(node, ast.FunctionDef)}
    trained = [ast.unparse(node) for node in made if not isinstance(node, ast.FunctionDef)]
    assert functions == {function} and not any("train." in line for line in trained)


@pytest.mark.parametrize("optimizer", ["LBFGS", "RMSprop"])
def test_an_answer_may_use_the_first_optimizer_of_its_kind(tmp_path, grader, optimizer):
    use = f"    torch.optim.{optimizer}([torch.nn.Parameter(torch.ones(1))])"
    mine = RIGHT.replace("std):\n", f"std):\n{use}\n")
    assert dict(grader.grade(hand_in(tmp_path, "mine", SETUP, mine, CHECK)))["01.2"] == "right"


def test_an_answer_writes_nowhere_but_where_the_judge_keeps_its_files(tmp_path):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    tries = [f"open({str(place / 'x')!r}, 'w')" for place in (inside, tmp_path)]
    tries += [f"os.rename({str(inside / 'x')!r}, {str(outside)!r})"]
    tries += [f"os.symlink({str(tmp_path)!r}, {str(inside / 'link')!r})"]
    tries += [f"ctypes.CDLL({str(inside / 'x')!r})", "pickle.loads(b'cbuiltins\\nlen\\n.')"]
    lines = ["import ctypes, os, pickle", "from classroom import guard"]
    lines += [f"guard.install([], [], strict=True, free=[{str(inside)!r}])"]
    for code in tries:
        lines += [f"try:\n {code}\n print('done')\nexcept PermissionError: print('refused')"]
    run = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, cwd=ROOT)
    assert run.stdout.decode().split() == ["done", *["refused"] * 5]


@pytest.mark.parametrize(
    "kind, source",
    [
        (float, "class Any(float):\n def __sub__(s, o): return 0\n def __abs__(s): return 0"),
        (str, "class Any(str):\n def __eq__(s, o): return True\n def __hash__(s): return 0"),
        (list, "class Any(list):\n def __iter__(s): return iter('c')"),
    ],
)
def test_what_passes_to_the_judge_is_of_pythons_own_types(kind, source):
    space = {"__name__": "__main__"}
    exec(source, space)
    value = trial.plain({"key": [space["Any"](kind())]})["key"][0]
    assert type(value) is kind and value == kind()


def test_an_answer_goes_through_a_file_as_what_it_is():
    answer = {(8, 10): [1, 2.5], "a": None, "b": ..., "c": object()}
    sent = json.loads(json.dumps(trial.kinds.to_json(answer)))
    back = trial.kinds.from_json(sent)
    assert type(back.pop("c")) is object
    assert back == {key: value for key, value in answer.items() if key != "c"}


def test_data_is_judged_elsewhere_while_the_notebook_does_what_it_likes(tmp_path, grader):
    """Writes, a network call, a program, a detached process, a judge of its own."""
    tried = tmp_path / "tried"
    actions = {
        "helper": f"open({str(ROOT / 'helpers' / '__init__.py')!r}, 'a').write('x')",
        "copy": "open(os.path.join(sys.path[0], '..', 'helpers', 'data.py'), 'a').write('x')",
        "network": "__import__('socket').create_connection(('192.0.2.1', 80), 1)",
        "program": "subprocess.run(['true'])",
        "solutions": f"open({str(ROOT / 'notebooks' / '00_start_here.ipynb')!r})",
        "others": f"open({str(tmp_path / 'other.ipynb')!r})",
    }
    lines = ["refused = []"]
    for name, action in actions.items():
        lines += [f"try:\n {action}", f"except OSError: refused.append({name!r})"]
    lines += ["if os.fork() == 0:\n os.setsid(); os.environ.clear(); time.sleep(99)"]
    lines += [f"open({str(tried)!r}, 'w').write(' '.join(refused))"]
    act = "def act():\n " + "\n".join(lines).replace("\n", "\n ") + "\n return 'c'"
    right, wrong = 'check.answer("06.6", act())', 'check.answer("06.1", float("2"))'
    file = hand_in(tmp_path, "mine", QUICK_SETUP, act, right, wrong)
    grader.secret = [hand_in(tmp_path, "other", "1")]
    before, processes = grade.digest(), set(psutil.Process().children(recursive=True))
    outcomes = dict(grader.grade(file))
    assert (outcomes["06.6"], outcomes["06.1"]) == ("right", "not yet")
    assert {"helper", "network", "program", "solutions", "others"} <= set(tried.read_text().split())
    assert grade.digest() == before
    assert set(psutil.Process().children(recursive=True)) <= processes


def test_decoded_pictures_have_a_place_of_their_own(tmp_path, grader):
    """So that a lesson runs whose pictures are too many for the memory."""
    sources = [
        "import os",
        "os.environ['COURSE_MEMORY_MB'] = '0'",
        "from helpers import data, models",
    ]
    sources += [
        "net = models.load_pretrained(size=64)",
        "pair = data.load('hotdog', 'drawn', net.preprocess)",
    ]
    sources += ["letter = 'c' if len(pair[0]) else 'a'", 'check.answer("06.6", letter)']
    outcomes = dict(grader.grade(hand_in(tmp_path, "mine", QUICK_SETUP, *sources)))
    assert outcomes["06.6"] == "right", outcomes[""]


def test_only_what_an_answer_depends_on_is_run(tmp_path, grader):
    made = tmp_path / "made"
    sources = [f"open({str(made)!r}, 'w')", "found = []", "def add(x):\n    found.append(x)"]
    sources += ["add('c')", "sum(x for x in 1)", 'check.answer("06.6", found)']
    outcomes = dict(grader.grade(hand_in(tmp_path, "mine", QUICK_SETUP, *sources)))
    assert outcomes["06.6"] == "right" and outcomes[""] == "ran to its end"
    assert not made.exists()


def test_a_table_of_measurements_that_is_numbers_in_the_source_is_named(tmp_path, grader):
    table = "{'recipe': [0.91, 0.92, 0.93], 'mine': [%s, 0.97, 0.98]}"
    letter = 'check.answer("06.6", "c")'
    for first, ending in (("0.96", ", 01.6 typed in"), ("...", "")):
        file = hand_in(tmp_path, "mine", letter, f'check.answer("01.6", {table % first})')
        assert grader.grade(file)[0] == ("", f"read to its end{ending}")


def test_a_notebook_that_shows_another_outcome_is_run_as_a_whole(tmp_path, grader):
    sources = ["exec('mine = \"c\"')", 'check.answer("06.6", mine)']
    file = hand_in(tmp_path, "mine", QUICK_SETUP, *sources)
    assert dict(grader.grade(file))["06.6"] == "not reached"
    notebook = nbformat.read(file, 4)
    notebook.cells[-1].outputs = [new_output("stream", text="✓ 06.6, right: so it is")]
    nbformat.write(notebook, file)
    assert dict(grader.grade(file))["06.6"] == "right"


def with_output(file, value, outcome):
    """Puts what a check shows, and keeps for programs, into the last cell."""
    notebook = nbformat.read(file, 4)
    given = json.dumps({"exercise": "06.6", "answer": value})
    data = {"text/plain": f"{outcome}: so it is", kinds.ANSWER: given}
    notebook.cells[-1].outputs = [new_output("display_data", data)]
    nbformat.write(notebook, file)
    return file


@pytest.mark.parametrize("value, outcome", [("c", "right"), ("b", "not yet"), (["x"], "not yet")])
def test_what_took_computing_is_judged_as_its_check_was_given_it(
    tmp_path, grader, monkeypatch, value, outcome
):
    file = hand_in(tmp_path, "mine", SETUP, 'check.answer("06.6", computed_for_minutes())')
    monkeypatch.setattr(grader, "run", None)
    rows = grader.grade(with_output(file, value, f"✗ 06.6, {outcome}"))
    assert rows[0] == ("", "read to its end, 06.6 from its output")
    assert dict(rows)["06.6"] == outcome


def test_what_its_output_calls_right_and_the_judge_does_not_is_computed(tmp_path, grader):
    mine = 'def mine():\n    return "c"'
    file = hand_in(tmp_path, "mine", QUICK_SETUP, mine, 'check.answer("06.6", mine())')
    rows = grader.grade(with_output(file, "b", "✓ 06.6, right"))
    assert rows[0] == ("", "ran to its end") and dict(rows)["06.6"] == "right"


def test_the_output_of_another_exercise_or_of_no_check_counts_for_nothing(tmp_path, grader):
    wrong, elsewhere = 'check.answer("06.6", str("b"))', 'print("06.6")'
    file = hand_in(tmp_path, "mine", QUICK_SETUP, wrong, elsewhere)
    outcomes = dict(grader.grade(with_output(file, "c", "✗ 06.6")))
    assert outcomes["06.6"] == "not yet"


@pytest.mark.parametrize(
    "ending, times",
    [
        ("ran to its end, 1 cell failed with NameError", 2),
        ("ran to its end, 1 cell was stopped after 120 seconds", 1),
        ("did not end within 10 minutes", 1),
        ("its kernel died", 1),
    ],
)
def test_what_was_stopped_is_not_run_again_as_a_whole(tmp_path, grader, monkeypatch, ending, times):
    """Whatever its outputs say: more cells would take longer still."""
    file = hand_in(tmp_path, "mine", SETUP, 'check.answer("06.6", mine())')
    notebook = nbformat.read(file, 4)
    notebook.cells[-1].outputs = [new_output("stream", text="✓ 06.6, right: so it is")]
    nbformat.write(notebook, file)
    runs = []
    monkeypatch.setattr(grader, "run", lambda *given: runs.append(given) or (ending, {}))
    assert grader.grade(file)[0] == ("", ending)
    assert len(runs) == times


@pytest.mark.parametrize(
    "cells, names, needed",
    [
        (["cut = []", "import x", "x.fit(1, augment=cut)"], "cut", "cut = []"),
        (["cut = []", "import x", "x.fit(cut)"], "cut", "cut = []; import x; x.fit(cut)"),
        (["a = 1", "b = 2", "c = a"], "c", "a = 1; c = a"),
        (["a = 1", "a = 2"], "a", "a = 2"),
        (["a = {}", "for k in 'xy':\n    a[k] = k", "a.clear()"], "a", None),
        (["def f():\n    return g()", "def g():\n    return h", "h = 1"], "f", None),
        (
            ["import x", "n = x.net()", "x.fit(n)", "print(n)"],
            "n",
            "import x; n = x.net(); x.fit(n)",
        ),
        (["n = 1", "def f(n):\n    return n"], "f", "def f(n):\n    return n"),
        (["%matplotlib inline", "!ls", "a = (", "%%time\nb = 1"], "b", "b = 1"),
        (["r = []", "def f(x):\n    r.append(x)", "def g():\n    f(1)", "g()"], "r", None),
    ],
)
def test_the_statements_that_a_name_depends_on(cells, names, needed):
    found = slices.statements(new_notebook(cells=list(map(new_code_cell, cells))))
    places = slices.needed(found, names.split(), len(found))
    sources = [slices.ast.unparse(found[place].node) for place in places]
    assert sources == (cells if needed is None else needed.split("; "))


def test_right_answers_in_unusual_styles_use_nothing_that_is_refused():
    answers = [answer for pairs in UNUSUAL.values() for answer, _ in pairs]
    sources = [inspect.getsource(a) for a in answers if inspect.isfunction(a)]
    functions = [textwrap.dedent(s) for s in sources if s.lstrip().startswith("def ")]
    refused = []
    for source in functions:
        try:
            trial.guarded(source)
        except trial.Refused:
            refused.append(source)
    assert len(functions) > 20 and len(refused) <= 2  # a buffer in `__dict__`, a saved file


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
def test_what_was_right_before_a_bad_cell_counts(
    tmp_path, whole, monkeypatch, source, ending, last
):
    monkeypatch.setattr(sandbox, "CELL_SECONDS", 30)  # imports take a while on a busy machine
    whole.minutes = 0.6 if source == DEAF else 3
    children = set(psutil.Process().children(recursive=True))
    outcomes = dict(whole.grade(hand_in(tmp_path, "mine", QUICK_SETUP, FIRST, source, LAST)))
    assert (outcomes[""], outcomes["06.1"], outcomes["06.6"]) == (ending, "right", last)
    assert set(psutil.Process().children(recursive=True)) <= children


def test_a_notebook_that_was_interrupted_says_so(tmp_path, whole):
    timer = threading.Timer(4, whole.stopping.set)
    timer.start()
    file = hand_in(tmp_path, "mine", QUICK_SETUP, FIRST, "time.sleep(1000)", LAST)
    try:
        assert whole.grade(file)[0] == ("", "interrupted: grade it again")
    finally:
        timer.join()
        whole.stopping.clear()


def test_a_full_disk_costs_the_notebook_that_filled_it(tmp_path, whole, monkeypatch):
    monkeypatch.setattr(sandbox, "FREE_GB", 1e9)
    ending = whole.grade(hand_in(tmp_path, "mine", QUICK_SETUP, FIRST))[0][1]
    assert ending == "was stopped, for the disk is almost full"
    graded = {"a": [("", "ran to its end")]}
    monkeypatch.setattr(grade, "write", lambda *_: (_ for _ in ()).throw(OSError("full")))
    grade.keep(graded, ["a"], tmp_path / "grades.csv")  # is written again after the next one


@pytest.mark.slow
@pytest.mark.parametrize(
    "sources, remark",
    [
        (["import nowhere", "1 / 0"], ", 2 cells failed, the first with ModuleNotFoundError"),
        (["input()", "exit()"], ", 1 cell failed with StdinNotImplementedError"),
        (["%matplotlib inline\ncheck.answer = print"], "; the notebook defines its own `check`"),
        (["print('x' * 20_000_000)"], ", it printed more than 10 MB, which were not kept"),
    ],
)
def test_what_went_wrong_in_a_notebook_stands_behind_its_ending(tmp_path, whole, sources, remark):
    file = hand_in(tmp_path, "mine", QUICK_SETUP, FIRST, *sources)
    assert whole.grade(file)[0] == ("", "ran to its end" + remark)


@pytest.mark.slow
@pytest.mark.parametrize("source", ["while True: print('x' * 1000)", "'x' * 40_000_000"])
def test_output_without_end_takes_no_memory_of_the_grader(tmp_path, whole, monkeypatch, source):
    monkeypatch.setattr(sandbox, "CELL_SECONDS", 20)
    kept = []
    keep = sandbox.Client.process_message
    monkeypatch.setattr(
        sandbox.Client,
        "process_message",
        lambda *arguments: kept.append(arguments) or keep(*arguments),
    )
    outcomes = dict(whole.grade(hand_in(tmp_path, "mine", QUICK_SETUP, source, LAST)))
    assert "it printed more than 10 MB" in outcomes[""] and outcomes["06.6"] == "right"
    cells = {id(cell): cell for _, _, cell, _ in kept}.values()
    assert not any(cell.outputs for cell in cells)
    assert max(len(str(message["content"])) for _, message, _, _ in kept) < 1.1 * sandbox.MESSAGE


def test_a_notebook_that_takes_too_much_memory_is_stopped(tmp_path, whole, monkeypatch):
    monkeypatch.setattr(sandbox, "MEMORY_GB", 0.3)
    source = "x = bytearray(400_000_000)\nx[:] = b'x' * len(x)\ntime.sleep(60)"
    monkeypatch.setattr(whole, "judged", lambda *given: given[-1])
    outcomes = dict(whole.grade(hand_in(tmp_path, "mine", QUICK_SETUP, FIRST, source)))
    assert outcomes[""].startswith("was stopped at 0.3 GB of memory") and outcomes["06.1"] == 1.0053


PIP = ["%pip", "!pip", "!{sys.executable} -m pip"]
WHEEL = {
    "handed_in.py": "",
    "handed_in-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: handed-in\nVersion: 1\n",
    "handed_in-1.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "handed_in-1.dist-info/RECORD": "",
}


@pytest.mark.slow
def test_what_a_notebook_installs_or_removes_changes_nothing_here(tmp_path, whole):
    wheel = tmp_path / "handed_in-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        for name, text in WHEEL.items():
            file.writestr(name, text)
    sources = [f"%pip install -q --no-index {wheel}", "import handed_in, importlib, torch"]
    sources += [f"{pip} uninstall -q -y handed-in tqdm" for pip in PIP]
    sources += ["import tqdm", "importlib.reload(handed_in)"]
    file = hand_in(tmp_path, "mine", QUICK_SETUP, FIRST, *sources)
    ending = "ran to its end, 1 cell failed with ModuleNotFoundError"  # the last one
    assert whole.grade(file)[0][1] == ending
    with pytest.raises(PackageNotFoundError):
        distribution("handed-in")
    assert distribution("tqdm")


def test_a_changed_course_is_reported(tmp_path, monkeypatch):
    hand_in(tmp_path, "essay", "1")
    states = iter("ab")
    monkeypatch.setattr(grade, "digest", lambda: next(states))
    with pytest.raises(SystemExit, match="has changed files of the course"):
        grade.main(parse(["grade", str(tmp_path), "--out", str(tmp_path / "out.csv")]))


def test_a_hand_in_that_cannot_be_graded_costs_its_own_row(tmp_path, monkeypatch):
    for name in "ab":
        hand_in(tmp_path, name, "1")
    broken = lambda self, file: [("", "fine")] if file.stem == "b" else 1 / 0  # noqa: E731
    monkeypatch.setattr(grade.Grader, "grade", broken)
    out = tmp_path / "out.csv"
    assert grade.main(parse(["grade", str(tmp_path), "--out", str(out)])) == 0
    lines = out.read_text().splitlines()[1:]
    assert lines == ["a.ipynb,,not graded: ZeroDivisionError", "b.ipynb,,fine"]


def test_exercises_of_two_lessons_in_one_notebook_are_all_listed(tmp_path, grader):
    file = hand_in(tmp_path, "mine", 'check.answer("06.6", "c")', "check.answer('02.1', 1)")
    assert {name[:2] for name, _ in grader.grade(file) if name} == {"02", "06"}


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
def test_what_is_no_hand_in_is_told_in_one_row(tmp_path, grader, data, outcome):
    file = tmp_path / "mine.ipynb"
    file.write_bytes(data)
    ((exercise, ending),) = grader.grade(file)
    assert exercise == "" and ending.startswith(outcome)


def test_lines_of_a_notebook_that_are_no_answers_are_passed_over(tmp_path):
    file = tmp_path / "answers"
    file.write_bytes(b'\xff\n[1]\n{"exercise": []}\n{"exercise": "01.5", "answer": 3}\n')
    assert sandbox.read_answers(file) == {"01.5": 3}


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
