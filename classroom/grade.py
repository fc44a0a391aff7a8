"""`course.py grade FOLDER`: runs handed-in notebooks and lists the outcome of each exercise.

A notebook is read, never written; it runs in a fresh kernel, in a temporary folder. It is the
code of whoever handed it in: run it only where that code may run.
"""

import csv
import json
import re
import sys
import tempfile
from argparse import Namespace
from collections import Counter
from contextlib import suppress
from pathlib import Path

from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode

from classroom import notebooks
from classroom.judge import EXERCISES, find
from helpers import CourseError
from helpers.files.atomic import atomic

COLUMNS = ("file", "exercise", "outcome")
CELL_SECONDS = 120  # after that a cell is interrupted and the next one gets its turn


def main(arguments: Namespace) -> int:
    folder, out = arguments.folder, arguments.out.absolute()
    files = [p for p in sorted(folder.rglob("*.ipynb")) if ".ipynb_checkpoints" not in p.parts]
    if not files:
        sys.exit(f"There are no notebooks in {folder}: name the folder of hand-ins.")
    rows: list[tuple] = []
    try:
        write(rows, out)
    except OSError as error:
        sys.exit(f"{out} cannot be written ({error.strerror}): name a file.")
    for number, file in enumerate(files, 1):
        name = file.relative_to(folder).as_posix().encode(errors="replace").decode()
        graded = grade(file, arguments.minutes)
        ending = graded[0][1]
        right = sum(outcome == "right" for _, outcome in graded)
        print(f"{number} of {len(files)}  {name}: {ending}, {right} right", flush=True)
        rows += [(name, *row) for row in graded]
        write(rows, out)  # after each, so that an interruption costs one notebook
    print(f"{len(rows)} rows are in {out}.")
    return 0


def write(rows: list[tuple], out: Path) -> None:
    with atomic(out) as part, part.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS, *rows])


def grade(file: Path, minutes: float) -> list[tuple[str, str]]:
    """Returns pairs of exercise and outcome; the first one, without a name, is the notebook's."""
    try:
        notebook = notebooks.read(file)
        exercises = exercises_in(notebook)
    except Exception as error:  # anything may have been handed in
        return [("", f"cannot be read: {type(error).__name__}")]
    if not exercises:
        return [("", "holds no exercise of the course")]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        ending = execute(notebook, Path(home), minutes)
        outcomes = read_outcomes(Path(home) / "outcomes")
    missing = "not checked" if ending == "ran to its end" else "not reached"
    return [("", ending), *((name, outcomes.get(name, missing)) for name in exercises)]


def exercises_in(notebook: NotebookNode) -> list[str]:
    """Returns all exercises of the lesson that most checks in the notebook belong to."""
    source = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    lessons = Counter(re.findall(r"check\.answer\(\s*[\"'](\d\d)\.", source))
    if not lessons:
        return []
    lesson = lessons.most_common(1)[0][0]
    with suppress(CourseError):  # a lesson that the course does not have
        find(f"{lesson}.1")
    return sorted(name for name in EXERCISES if name.startswith(f"{lesson}."))


def execute(notebook: NotebookNode, home: Path, minutes: float) -> str:
    """Runs all cells, errors or not, until the limit; returns how that ended."""
    for name in ("notebooks", "build"):  # what lessons write to
        (home / name).mkdir()
    client = notebooks.make_client(
        notebook,
        home / "notebooks",
        timeout=min(CELL_SECONDS, 60 * minutes),
        interrupt_on_timeout=True,
        allow_errors=True,
        extra_arguments=["--log-level=CRITICAL"],
    )
    variables = {"COURSE_SIZE": "drawn", "COURSE_OUTCOMES": str(home / "outcomes")}
    try:
        notebooks.execute(client, 60 * minutes, **variables)
    except TimeoutError:
        return f"did not end within {minutes:g} minutes"
    except DeadKernelError:
        return "its kernel died"
    except Exception as error:
        return f"stopped: {type(error).__name__}"
    return "ran to its end"


def read_outcomes(file: Path) -> dict[str, str]:
    """Returns {exercise: its last outcome}."""
    outcomes = {}
    for line in file.read_bytes().splitlines() if file.is_file() else []:
        with suppress(ValueError, TypeError, KeyError):  # the notebook may have written there too
            outcome = json.loads(line)
            outcomes[outcome["exercise"]] = outcome["state"]
    return outcomes
