"""`course.py grade FOLDER`: runs handed-in notebooks and lists the outcome of each exercise.

A notebook is read, never written; it runs in a fresh kernel, in a temporary folder, within limits
of time and memory, and what it installs goes into that folder. It is the code of whoever handed it
in: run it only where that code may run.
"""

import csv
import json
import math
import os
import re
import site
import subprocess
import sys
import sysconfig
import tempfile
import venv
from argparse import Namespace
from contextlib import suppress
from pathlib import Path

import psutil
import zmq
from jupyter_client.asynchronous.client import AsyncKernelClient
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode

from classroom import notebooks
from classroom.judge import EXERCISES, find
from helpers import CourseError
from helpers.files.atomic import atomic

COLUMNS = ("file", "exercise", "outcome")
CELL_SECONDS = 120  # after that a cell is interrupted and the next one gets its turn
MEMORY_GB = 4  # that one process of a notebook may take; lessons take less than half
MESSAGE = 16_000_000  # bytes; larger ones are refused before they take memory here
OUTPUT_MB = 10  # what a notebook prints and shows beyond this is mentioned; none of it is kept


class Kernels(notebooks.ThisPython):
    """Takes a few messages of a kernel at a time, and none that are large."""

    def client(self, **options: object) -> AsyncKernelClient:
        client = super().client(**options)
        client.context.setsockopt(zmq.MAXMSGSIZE, MESSAGE)  # of the sockets that it will open
        client.context.setsockopt(zmq.RCVHWM, 8)
        return client


class Client(NotebookClient):
    """Keeps no output, only how much there was and the names of the errors."""

    def __init__(self, notebook: NotebookNode, **options: object):
        super().__init__(notebook, on_cell_executed=self.end_cell, **options)
        self.errors: list[str] = []
        self.characters, self.heard_end = 0.0, False

    async def async_start_new_kernel(self, **options: object) -> None:
        silent = subprocess.DEVNULL  # a terminal need not see what a kernel's processes print
        await super().async_start_new_kernel(stdout=silent, stderr=silent, **options)

    def end_cell(self, cell: NotebookNode, cell_index: int, execute_reply: dict) -> None:
        if execute_reply["content"]["status"] == "error":
            self.errors.append(execute_reply["content"]["ename"][:80])
        if not self.heard_end:  # lost in the flood
            self.characters = math.inf
        self.heard_end = False

    def process_message(self, msg: dict, cell: NotebookNode, cell_index: int) -> None:
        if msg["msg_type"] == "status":
            self.heard_end = msg["content"]["execution_state"] == "idle"
            super().process_message(msg, cell, cell_index)
        content = msg["content"]
        for part in (content.get("text"), *content.get("data", {}).values()):
            self.characters += len(part) if isinstance(part, str) else 0

    def remarks(self) -> list[str]:
        """Returns what went wrong, in words."""
        stopped = self.errors.count("KeyboardInterrupt")
        failed = [name for name in self.errors if name != "KeyboardInterrupt"]
        remarks = []
        if len(failed) == 1:
            remarks.append(f"1 cell failed with {failed[0]}")
        elif failed:
            remarks.append(f"{len(failed)} cells failed, the first with {failed[0]}")
        if stopped:
            cells = "1 cell was" if stopped == 1 else f"{stopped} cells were"
            remarks.append(f"{cells} stopped after {self.timeout:g} seconds")
        if self.characters > OUTPUT_MB * 1e6:
            remarks.append(f"it printed more than {OUTPUT_MB} MB, which were not kept")
        return remarks


def main(arguments: Namespace) -> int:
    folder, out = arguments.folder, arguments.out.absolute()
    handed_in = [path for path in sorted(folder.rglob("*")) if not hidden(path.relative_to(folder))]
    files = [path for path in handed_in if path.suffix.lower() == ".ipynb"]
    others = [p.name for p in handed_in if p.suffix.lower() != ".ipynb" and p.is_file()]
    if not files:
        sys.exit(f"There are no notebooks in {folder}: name the folder of hand-ins.")
    if others:
        names = ", ".join(others[:3]) + (", …" if len(others) > 3 else "")
        print(f"Left out, since they are not notebooks: {len(others)} ({printable(names)}).")
    rows: list[tuple] = []
    try:
        write(rows, out)
    except (OSError, ValueError) as error:  # "/" has no name
        sys.exit(f"{out} cannot be written ({error}): name a file.")
    for number, file in enumerate(files, 1):
        name = printable(file.relative_to(folder).as_posix())
        graded = grade(file, arguments.minutes)
        ending = graded[0][1]
        right = sum(outcome == "right" for _, outcome in graded)
        print(f"{number} of {len(files)}  {name}: {ending}, {right} right", flush=True)
        rows += [(name, *row) for row in graded]
        write(rows, out)  # after each, so that an interruption costs one notebook
    print(f"{len(rows)} rows are in {out}.")
    return 0


def printable(name: str) -> str:
    return name.encode(errors="replace").decode()


def hidden(path: Path) -> bool:
    """Returns whether a system or a program has put a file there for itself."""
    return any(part.startswith((".", "__MACOSX")) for part in path.parts)


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
    missing = "not checked" if ending.startswith("ran to its end") else "not reached"
    names = sorted({*exercises, *(outcomes.keys() & EXERCISES.keys())})
    return [("", ending), *((name, outcomes.get(name, missing)) for name in names)]


def exercises_in(notebook: NotebookNode) -> list[str]:
    """Returns all exercises of the lessons that the notebook's checks belong to."""
    source = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    lessons = set(re.findall(r"check\.answer\(\s*[\"'](\d\d)\.", source))
    for lesson in lessons:
        with suppress(CourseError):  # a lesson that the course does not have
            find(f"{lesson}.1")
    return [name for name in EXERCISES if name[:2] in lessons]


def execute(notebook: NotebookNode, home: Path, minutes: float) -> str:
    """Runs all cells, errors or not, within the limits; returns how that ended."""
    for name in ("notebooks", "build"):  # what lessons write to
        (home / name).mkdir()
    client = notebooks.make_client(
        notebook,
        home / "notebooks",
        kind=Client,
        kernel_manager_class=Kernels,
        timeout=min(CELL_SECONDS, 60 * minutes),
        interrupt_on_timeout=True,
        allow_errors=True,
        extra_arguments=["--log-level=CRITICAL"],
    )
    variables = {"COURSE_SIZE": "drawn", "COURSE_OUTCOMES": str(home / "outcomes")}
    variables |= {"COURSE_PROGRESS": "", "COURSE_CLASS": "", "IPYTHONDIR": str(home / "ipython")}
    ending = "ran to its end"
    try:
        variables |= make_environment(home / "environment")
        notebooks.execute(client, 60 * minutes, MEMORY_GB * 1e9, **variables)
    except TimeoutError:
        ending = f"did not end within {minutes:g} minutes"
    except MemoryError:
        ending = f"was stopped at {MEMORY_GB} GB of memory"
    except DeadKernelError:
        ending = "its kernel died"
    except Exception as error:
        ending = f"stopped: {type(error).__name__}"
    end_processes(str(home / "outcomes"))
    own = ["the notebook defines its own `check`"] if defines_check(notebook) else []
    return "; ".join([", ".join([ending, *client.remarks()]), *own])


def make_environment(folder: Path) -> dict[str, str]:
    """Returns variables with which pip and uv install into a new environment in `folder`.

    It has the packages of this one too, which pip then finds there and can neither change nor
    remove.
    """
    venv.create(folder, symlinks=os.name != "nt")
    places = {"base": str(folder), "platbase": str(folder)}
    packages = Path(sysconfig.get_path("purelib", "venv", places))
    lines = [f"import site; site.addsitedir({path!r})" for path in site.getsitepackages()]
    (packages / "course.pth").write_text("\n".join(lines), encoding="utf-8")
    scripts = Path(sysconfig.get_path("scripts", "venv", places))
    found = [os.environ.get("PYTHONPATH"), str(packages)]
    return {
        "PIP_PYTHON": str(scripts / ("python.exe" if os.name == "nt" else "python")),
        "PIP_REQUIRE_VIRTUALENV": "1",  # a pip too old for PIP_PYTHON, of the system, refuses
        "VIRTUAL_ENV": str(folder),
        "PYTHONPATH": os.pathsep.join(filter(None, found)),
    }


def defines_check(notebook: NotebookNode) -> bool:
    """Returns whether a cell gives the name `check`, or a part of it, another meaning."""
    source = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    definition = r"^((def|class)\s+check\b|check\s*=(?!=)|\s*check\.\w+\s*=(?!=))"
    return bool(re.search(definition, source, re.MULTILINE))


def end_processes(outcomes: str) -> None:
    """Kills what a notebook has started and left behind: it has inherited this variable."""
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get("COURSE_OUTCOMES") == outcomes:
                process.kill()


def read_outcomes(file: Path) -> dict[str, str]:
    """Returns {exercise: its last outcome}."""
    outcomes = {}
    for line in file.read_bytes().splitlines() if file.is_file() else []:
        with suppress(ValueError, TypeError, KeyError):  # the notebook may have written there too
            outcome = json.loads(line)
            outcomes[outcome["exercise"]] = outcome["state"]
    return outcomes
