"""`course.py grade FOLDER`: runs handed-in notebooks and writes what became of each exercise.

A notebook is read, never written; it runs in a fresh kernel, in a temporary folder. It is the
code of whoever handed it in: run it only where that code may run.
"""

import csv
import json
import os
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import nbformat
import psutil
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode

from classroom.run import ThisPython, without_outputs
from course import make_parser

COLUMNS = ("file", "exercise", "outcome", "seconds")
CELL_SECONDS = 120  # then a cell is interrupted and the next one gets its turn


def main(argv: list[str]) -> int:
    arguments = make_parser().parse_args(["grade", *argv])
    folder, out = Path(arguments.folder), Path(arguments.out)
    files = [p for p in sorted(folder.rglob("*.ipynb")) if ".ipynb_checkpoints" not in p.parts]
    if not files:
        print(f"There are no notebooks in {folder}: name the folder of hand-ins.", file=sys.stderr)
        return 1
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write([], out)
    except OSError as error:
        print(f"{out} cannot be written ({error.strerror}): name a file.", file=sys.stderr)
        return 1
    rows: list[tuple] = []
    for number, file in enumerate(files, 1):
        name = file.relative_to(folder).as_posix().encode(errors="replace").decode()
        found = [(name, *row) for row in grade(file, arguments.minutes)]
        right = sum(outcome == "right" for _, _, outcome, _ in found)
        print(f"{number} of {len(files)}  {name}: {found[0][2]}, {right} right", flush=True)
        rows += found
        write(rows, out)  # after each, so that an interruption costs one notebook
    print(f"{len(rows)} rows are in {out}.")
    return 0


def write(rows: list[tuple], out: Path) -> None:
    part = out.with_name(out.name + ".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    os.replace(part, out)


def grade(file: Path, minutes: float) -> list[tuple[str, str, float]]:
    """(exercise, outcome, seconds): first a row for the whole notebook, then one an exercise."""
    try:
        notebook = without_outputs(nbformat.read(file, as_version=4))
        lesson = lesson_of(notebook)
    except Exception as error:  # whatever was handed in
        return [("", f"cannot be read: {type(error).__name__}", 0.0)]
    exercises = exercises_of(lesson)
    if not exercises:
        return [("", "holds no exercise of the course", 0.0)]
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        ended = execute(notebook, Path(home), minutes)
        outcomes = read_outcomes(Path(home) / "outcomes")
    seconds = round(time.perf_counter() - begin, 1)
    missing = ("not checked" if ended == "ran to its end" else "not reached", "")
    rows = [(name, *outcomes.get(name, missing)) for name in exercises]
    return [("", ended, seconds), *rows]


def lesson_of(notebook: NotebookNode) -> str:
    """The number that most checks in it carry, such as "04"."""
    source = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    found = Counter(re.findall(r"check\.answer\(\s*[\"'](\d\d)\.", source))
    return found.most_common(1)[0][0] if found else ""


def exercises_of(lesson: str) -> list[str]:
    from classroom.judge import EXERCISES, find
    from helpers import CourseError

    try:
        find(f"{lesson}.1")
    except CourseError:
        return []
    return sorted(name for name in EXERCISES if name.startswith(f"{lesson}."))


def execute(notebook: NotebookNode, home: Path, minutes: float) -> str:
    """Run all cells, errors or not, until the limit; return how it ended."""
    (home / "notebooks").mkdir()
    (home / "build").mkdir()
    client = NotebookClient(
        notebook,
        kernel_manager_class=ThisPython,
        kernel_name="python3",
        timeout=min(CELL_SECONDS, 60 * minutes),
        interrupt_on_timeout=True,
        allow_errors=True,
        resources={"metadata": {"path": str(home / "notebooks")}},
        extra_arguments=["--log-level=CRITICAL"],
    )
    kernels = {process.pid for process in psutil.Process().children()}
    late = threading.Event()

    def stop() -> None:
        late.set()
        for process in psutil.Process().children():
            if process.pid not in kernels:
                for child in [*process.children(recursive=True), process]:
                    child.kill()

    timer = threading.Timer(60 * minutes, stop)
    timer.start()
    env = {**os.environ, "COURSE_SIZE": "drawn", "COURSE_OUTCOMES": str(home / "outcomes")}
    try:
        client.execute(env=env)
    except DeadKernelError:
        return f"did not end within {minutes:g} minutes" if late.is_set() else "its kernel died"
    except Exception as error:
        return f"stopped: {type(error).__name__}"
    finally:
        timer.cancel()
    return "ran to its end"


def read_outcomes(file: Path) -> dict[str, tuple[str, float]]:
    """{exercise: (last outcome, seconds of its check)}."""
    found = {}
    lines = file.read_bytes().splitlines() if file.is_file() else []
    for line in lines:
        with suppress(ValueError, TypeError, KeyError):  # the notebook may have written there too
            outcome = json.loads(line)
            found[outcome["exercise"]] = (outcome["state"], outcome["seconds"])
    return found
