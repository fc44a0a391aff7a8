"""Runs cells of a handed-in notebook beside a copy of the course, within limits; keeps no output.

What is left of it are the answers that are data, and how it ended: no process, no file.
"""

import ctypes
import json
import math
import os
import shutil
import signal
import site
import subprocess
import sys
import sysconfig
import tempfile
import threading
import venv
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil
import zmq
from jupyter_client.asynchronous.client import AsyncKernelClient
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from classroom import notebooks
from classroom.commands import ROOT

CELL_SECONDS = 120  # after that a cell is interrupted and the next one gets its turn
MEMORY_GB = 4  # that one process of a notebook may take; lessons take less than half
FREE_GB = 0.5  # of disk that a notebook has to leave
MESSAGE = 16_000_000  # bytes; larger ones are refused before they take memory here
ANSWERS = 4_000_000  # bytes of all answers of a notebook
OUTPUT_MB = 10  # what a notebook prints and shows beyond this is mentioned; none of it is kept
SECRET = ("notebooks", "tests", "classroom/exercises")  # solutions, answers, and what judges them
COPIED = ("helpers", "classroom")  # what lessons import
ENDED, STOPPED = "ran to its end", "stopped after"  # how a notebook has ended, and its cells
GUARD = "import classroom.guard as _guard; _guard.install({}, {}, programs={}); del _guard"
PARENT_OF_ORPHANS = 36  # prctl's PR_SET_CHILD_SUBREAPER, from Linux's prctl.h


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
        self.seen: set[psutil.Process] = set()  # the kernel and what it has started
        self.characters, self.heard_end = 0.0, False

    async def async_start_new_kernel(self, **options: object) -> None:
        silent = subprocess.DEVNULL  # a terminal need not see what a kernel's processes print
        await super().async_start_new_kernel(stdout=silent, stderr=silent, **options)

    def end_cell(self, cell: NotebookNode, cell_index: int, execute_reply: dict) -> None:
        self.seen.update(notebooks.kernel_processes(self))
        if execute_reply["content"]["status"] == "error":
            if cell_index == 0:
                raise RuntimeError("The guard is not there.")
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
            remarks.append(f"{cells} {STOPPED} {self.timeout:g} seconds")
        if self.characters > OUTPUT_MB * 1e6:
            remarks.append(f"it printed more than {OUTPUT_MB} MB, which were not kept")
        return remarks


@dataclass
class Sandbox:
    """secret: files that no notebook may open. stopping: set when somebody interrupts it."""

    minutes: float
    secret: list[Path]
    threads: int
    stopping: threading.Event

    def run(self, cells: list[NotebookNode], programs: bool) -> tuple[str, dict[str, object]]:
        """Runs cells; returns how that ended and {exercise: answer} of those that are data.

        programs: lets them start other programs.
        """
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            home = Path(os.path.realpath(folder))
            return self.execute(cells, home, programs), read_answers(home / "answers")

    def execute(self, cells: list[NotebookNode], home: Path, programs: bool) -> str:
        """Runs cells, errors or not, within the limits; returns how that ended."""
        course = copy_course(home / "course")
        fixed = [str(place) for place in (ROOT, Path(sys.prefix), *(course / c for c in COPIED))]
        secret = [str(place) for place in (*self.secret, *(ROOT / place for place in SECRET))]
        first = new_code_cell(GUARD.format(fixed, secret, programs))
        client = notebooks.make_client(
            nbformat.v4.new_notebook(cells=[first, *cells]),
            course / "notebooks",
            kind=Client,
            kernel_manager_class=Kernels,
            timeout=min(CELL_SECONDS, 60 * self.minutes),
            interrupt_on_timeout=True,
            allow_errors=True,
            extra_arguments=["--log-level=CRITICAL"],
        )
        variables = {"COURSE_SIZE": "drawn", "COURSE_ANSWERS": str(home / "answers")}
        variables |= {"COURSE_WORK": str(home / "work"), "IPYTHONDIR": str(home / "ipython")}
        variables |= {"COURSE_PROGRESS": "", "COURSE_CLASS": ""}
        variables |= {"PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": str(self.threads)}
        groups: set[int] = set()

        def watch() -> None:
            client.seen.update(notebooks.kernel_processes(client))
            if os.name != "nt" and client.km is not None and client.km.has_kernel:
                groups.add(client.km.provisioner.pgid)
            if self.stopping.is_set():
                raise InterruptedError
            if psutil.disk_usage(str(home)).free < FREE_GB * 1e9:
                raise BlockingIOError

        ending = ENDED
        try:
            variables |= make_environment(home / "environment", course)
            notebooks.execute(client, 60 * self.minutes, MEMORY_GB * 1e9, watch, **variables)
        except Exception as error:
            ending = self.named(error)
        end_processes(str(home), client.seen, groups - {None})
        return ", ".join([ending, *client.remarks()])

    def named(self, error: Exception) -> str:
        """Returns how a notebook has ended."""
        endings = {
            TimeoutError: f"did not end within {self.minutes:g} minutes",
            MemoryError: f"was stopped at {MEMORY_GB} GB of memory",
            InterruptedError: "interrupted: grade it again",
            BlockingIOError: "was stopped, for the disk is almost full",
            DeadKernelError: "its kernel died",
        }
        return endings.get(type(error), f"stopped: {type(error).__name__}")


def adopt_orphans() -> None:
    """Makes this process the parent of what a notebook's processes leave behind, on Linux."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PARENT_OF_ORPHANS, 1, 0, 0, 0)


def copy_course(folder: Path) -> Path:
    """Returns a copy of what lessons use, without solutions and judges, in folders to work in."""
    leave_out = shutil.ignore_patterns("__pycache__", "exercises", "slideshow")
    for place in COPIED:
        shutil.copytree(ROOT / place, folder / place, ignore=leave_out)
        for file in (folder / place).rglob("*"):
            file.chmod(0o555 if file.is_dir() else 0o444)
        (folder / place).chmod(0o555)
    (folder / "data").symlink_to(ROOT / "data", target_is_directory=True)
    for name in ("notebooks", "build"):  # what lessons write to
        (folder / name).mkdir()
    return folder


def make_environment(folder: Path, course: Path) -> dict[str, str]:
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
    found = [str(course), os.environ.get("PYTHONPATH"), str(packages)]
    return {
        "PIP_PYTHON": str(scripts / ("python.exe" if os.name == "nt" else "python")),
        "PIP_REQUIRE_VIRTUALENV": "1",  # a pip too old for PIP_PYTHON, of the system, refuses
        "VIRTUAL_ENV": str(folder),
        "PYTHONPATH": os.pathsep.join(filter(None, found)),
    }


def end_processes(home: str, seen: set[psutil.Process], groups: set[int]) -> None:
    """Kills what a notebook has left behind: its group, its children, what has its variables."""
    for group in groups:
        with suppress(OSError):
            os.killpg(group, signal.SIGKILL)
    for process in seen:
        with suppress(psutil.Error):
            process.kill()
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get("COURSE_ANSWERS", "").startswith(home):
                process.kill()
    psutil.wait_procs(seen, timeout=2)  # those that were adopted have nobody else to wait for them


def read_answers(file: Path) -> dict[str, object]:
    """Returns {exercise: the last answer that the notebook has handed over}."""
    answers = {}
    with suppress(OSError), file.open("rb") as lines:
        for line in lines.read(ANSWERS).splitlines():
            with suppress(ValueError, TypeError, LookupError, RecursionError):
                answer = json.loads(line)
                answers[str(answer["exercise"])] = answer["answer"]
    return answers
