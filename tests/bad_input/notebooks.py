"""What is handed in to `course.py grade`: each costs its own row and nothing else."""

import json
import os
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from classroom import grade
from helpers import CourseError
from tests.bad_input import Case

SOURCE = 'import os\n# check.answer("01.1", steps)'
CELL = {"cell_type": "code", "source": SOURCE, "metadata": {}, "outputs": [], "id": "a",
        "execution_count": None}  # fmt: skip
WHOLE = {"cells": [CELL], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def as_text(**changes: object) -> bytes:
    return json.dumps(WHOLE | changes).encode()


def cell(**changes: object) -> bytes:
    return as_text(cells=[CELL | changes])


def without(key: str) -> bytes:
    return json.dumps({k: v for k, v in WHOLE.items() if k != key}).encode()


def cell_without(key: str) -> bytes:
    return as_text(cells=[{k: v for k, v in CELL.items() if k != key}])


REFUSED = {
    "no bytes": b"",
    "a web page": b"<!DOCTYPE html>",
    "cut in half": as_text()[:80],
    "marks of a merge": b"<<<<<<< mine\n" + as_text(),
    "binary": bytes(range(256)),
    "UTF-16": as_text().decode().encode("utf-16"),
    "Latin-1": as_text().replace(b"steps", b"\xe9"),
    "a number": b"3",
    "a list": b"[]",
    "nothing in JSON": b"null",
    "an empty dictionary": b"{}",
    "brackets without end": b"[" * 100_000,
    "no cells": without("cells"),
    "no metadata": without("metadata"),
    "cells that are a text": as_text(cells="print"),
    "cells that are numbers": as_text(cells=[1, 2]),
    "a cell without source": cell_without("source"),
    "a cell without metadata": cell_without("metadata"),
    "a cell without a kind": cell_without("cell_type"),
    "a source that is a number": cell(source=3),
    "format 99": as_text(nbformat=99),
    "format in words": as_text(nbformat="four"),
    "a program": b"print('hello')",
    "no exercise in it": cell(source="print('an essay')"),
    "format 1, in which no exercise is found": as_text(nbformat=1),
    "an exercise of another course": cell(source='check.answer("99.1", x)'),
}


def graded(folder: Path, data: bytes, name: str = "mine.ipynb") -> list[tuple]:
    """The rows of one notebook that was handed in."""
    (folder / name).write_bytes(data)
    rows = grade.grade(folder / name, minutes=0.5)
    assert (folder / name).read_bytes() == data
    return rows


def refused(data: bytes):
    """Grade it; one row that says why there is nothing to grade becomes a CourseError."""

    def act(folder: Path) -> None:
        ((exercise, outcome, seconds),) = graded(folder, data)
        assert (exercise, seconds) == ("", 0.0)
        raise CourseError(f"{outcome}.")

    return act


def runs_to_its_end(data: bytes):
    return lambda folder: graded(folder, data)[0][1] == "ran to its end"


OUTPUT = {"output_type": "stream", "name": "stdout", "text": "x" * 20_000_000}
LIAR = (
    f"{SOURCE}\n"
    "open(os.environ['COURSE_OUTCOMES'], 'ab').write("
    'b\'\\xff\\n[1]\\n{"exercise": []}\\n{"exercise": "01.1", "state": "right", "seconds": 0}\\n\')'
)


def lies_about_its_outcomes(folder: Path) -> bool:
    rows = graded(folder, cell(source=LIAR))
    return rows[0][1] == "ran to its end" and ("01.1", "right", 0) in rows


def folder_like_a_notebook(folder: Path) -> None:
    (folder / "x.ipynb").mkdir()
    ((_, outcome, _),) = grade.grade(folder / "x.ipynb", 1)
    raise CourseError(f"{outcome}.")


def graded_folder(folder: Path, *options: str) -> None:
    """What the command prints when it refuses, as a CourseError."""
    from contextlib import redirect_stderr
    from io import StringIO

    with redirect_stderr(StringIO()) as told:
        status = grade.main([str(folder), *options])
    assert status == 1
    raise CourseError(told.getvalue().strip())


def nowhere_to_write(folder: Path) -> None:
    nbformat.write(new_notebook(cells=[new_code_cell("1")]), folder / "a.ipynb")
    graded_folder(folder, "--out", str(folder))


def unspeakable_name(folder: Path) -> bool:
    """A file name that is no text, where the system has such names."""
    name = b"\xff.ipynb" if os.name == "posix" else b"x.ipynb"
    try:
        (folder / os.fsdecode(name)).write_bytes(b"")
    except OSError:  # macOS refuses it
        (folder / "x.ipynb").write_bytes(b"")
    return grade.main([str(folder), "--out", str(folder / "out" / "grades.csv")]) == 0


CASES = [
    Case(name, refused(data), "no exercise" if "exercise" in name else "cannot be read")
    for name, data in REFUSED.items()
]
CASES += [
    Case("a folder named x.ipynb", folder_like_a_notebook, "cannot be read"),
    Case("no notebooks", graded_folder, "no notebooks"),
    Case("nowhere to write", nowhere_to_write, "cannot be written"),
    Case("a name that is no text", unspeakable_name),
    Case("outputs of 20 MB", runs_to_its_end(cell(outputs=[OUTPUT]))),
    Case("lies about its outcomes", lies_about_its_outcomes),
]
