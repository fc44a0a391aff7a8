"""`course.py grade FOLDER`: lists the outcome of each exercise in handed-in notebooks.

A notebook is read, never written. Answers that are functions are taken from its source; answers
that took computing from the outputs of their checks, or, where these are missing or disputed, from
a kernel in a temporary folder with a copy of the course, which runs only the statements that they
depend on (with --all, every cell of every notebook). All are judged in other processes, whose code
was in memory before the first notebook ran (`classroom/trial.py`).
What a notebook may do: `classroom/guard.py`. It is the code of whoever handed it in all the same:
grade only where that code may run.
"""

import csv
import hashlib
import json
import multiprocessing
import os
import re
import secrets
import sys
import tempfile
import threading
import time
from argparse import Namespace
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import nbformat
import psutil
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from classroom import notebooks, slices, trial
from classroom.commands import ROOT
from classroom.judge import EXERCISES
from classroom.kinds import ANSWER, to_json
from classroom.sandbox import COPIED, ENDED, MEMORY_GB, STOPPED, Sandbox, adopt_orphans
from helpers.files.atomic import atomic

COLUMNS = ("file", "exercise", "outcome")


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
    try:
        write([], out)
    except (OSError, ValueError) as error:  # "/" has no name
        sys.exit(f"{out} cannot be written ({error}): name a file.")
    names = [printable(file.relative_to(folder).as_posix()) for file in files]
    grader = Grader(arguments.minutes, arguments.all, [*files, out], arguments.jobs or jobs())
    before = digest()
    try:
        graded = grade_all(grader, files, names, out)
    finally:
        grader.end()
    if digest() != before:
        sys.exit(
            f"A notebook has changed files of the course in {ROOT}: get the course again, and look "
            "at what was handed in."
        )
    print(f"{sum(map(len, graded.values()))} rows are in {out}.")
    return 0


def jobs() -> int:
    """Returns how many notebooks run at once: one a core, if the memory lasts for them."""
    fitting = psutil.virtual_memory().available / (MEMORY_GB * 1e9)
    return max(1, min(os.cpu_count() or 1, int(fitting)))


def grade_all(
    grader: "Grader", files: list[Path], names: list[str], out: Path
) -> dict[str, list[tuple[str, str]]]:
    """Returns {file: its rows}, which also go into the table, after each notebook."""
    graded: dict[str, list[tuple[str, str]]] = {}
    with ThreadPoolExecutor(grader.jobs) as pool:
        running: dict[Future, str] = {}
        for file, name in zip(files, names, strict=True):
            running[pool.submit(grader.grade, file)] = name
        try:
            while running:
                done, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
                for future in sorted(done, key=running.get):
                    name = running.pop(future)
                    try:
                        graded[name] = future.result()
                    except Exception as error:  # no hand-in costs more than its own row
                        graded[name] = [("", f"not graded: {type(error).__name__}")]
                    right = sum(outcome == "right" for _, outcome in graded[name])
                    place = f"{len(graded)} of {len(files)}  {name}"
                    print(f"{place}: {graded[name][0][1]}, {right} right", flush=True)
                    keep(graded, names, out)
        except KeyboardInterrupt:
            grader.stopping.set()
            pool.shutdown(cancel_futures=True)
            ended = {name: [("", "interrupted: grade it again")] for name in running.values()}
            keep(graded | ended, names, out)
            raise
    write(rows_of(graded, names), out)  # says so if that is still impossible
    return graded


def rows_of(graded: dict[str, list[tuple[str, str]]], names: list[str]) -> list[tuple]:
    return [(name, *row) for name in names for row in graded.get(name, [])]


def keep(graded: dict[str, list[tuple[str, str]]], names: list[str], out: Path) -> None:
    """Writes the table so far: an interruption costs the notebooks that run just then."""
    with suppress(OSError):  # a notebook may have filled the disk; its folder is removed later
        write(rows_of(graded, names), out)


def write(rows: list[tuple], out: Path) -> None:
    with atomic(out) as part, part.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS, *rows])


def digest() -> str:
    """Returns a hash of the course's code and lessons."""
    found = hashlib.sha256()
    for place in (*COPIED, "notebooks"):
        for file in sorted((ROOT / place).rglob("*")):
            if file.suffix in (".py", ".ipynb") and file.is_file():
                found.update(file.read_bytes())
    return found.hexdigest()


def printable(name: str) -> str:
    return name.encode(errors="replace").decode()


def hidden(path: Path) -> bool:
    """Returns whether a system or a program has put a file there for itself."""
    return any(part.startswith((".", "__MACOSX")) for part in path.parts)


@dataclass
class Grader:
    """What all notebooks are graded with. secret: files that no notebook may open."""

    minutes: float = 10.0
    all: bool = False
    secret: list[Path] = field(default_factory=list)
    jobs: int = 1

    def __post_init__(self):
        methods = multiprocessing.get_all_start_methods()
        self.context = multiprocessing.get_context(
            "forkserver" if "forkserver" in methods else "spawn"
        )
        if "forkserver" in methods:
            self.context.set_forkserver_preload(["classroom.trial"])
        self.stopping = threading.Event()
        adopt_orphans()
        self.judged("", "", None)  # from here on, the judge is in memory
        self.known = set(psutil.Process().children(recursive=True))

    def grade(self, file: Path) -> list[tuple[str, str]]:
        """Returns pairs of exercise and outcome; the first, without a name, is the notebook's."""
        try:
            whole = nbformat.read(file, as_version=4)
            notebook = notebooks.read(file)
            found = slices.statements(notebook)
            answers = {answer.exercise: answer for answer in slices.answers(found)}  # the last ones
        except Exception as error:  # anything may have been handed in
            return [("", f"cannot be read: {type(error).__name__}")]
        answers = {name: answer for name, answer in answers.items() if name in EXERCISES}
        if not answers:
            return [("", "holds no exercise of the course")]
        data_answers = [a for name, a in answers.items() if EXERCISES[name].takes is None]
        literals = {a.exercise: value for a in data_answers for value in slices.literal(found, a)}
        computed = [answer for answer in data_answers if answer.exercise not in literals]
        shown = {} if self.all else shown_answers(whole, found, computed)
        ending = ", ".join(["read to its end", *(f"{name} from its output" for name in shown)])
        outcomes = {name: self.outcome(found, answer, shown) for name, answer in answers.items()}
        wrong = [a for a in computed if outcomes[a.exercise] != "right"]
        claimed = [a for a in wrong if shows_right(whole, a.exercise)]
        missing = [a for a in wrong if a.exercise not in shown or a in claimed]
        if self.all or missing:
            cells = None if self.all else slices.cells_for(found, missing)
            ending, data = self.run(notebook, cells)
            outcomes |= {a.exercise: self.outcome(found, a, data) for a in missing}
            doubted = [a for a in missing if outcomes[a.exercise] != "right"]
            if cells and reached_end(ending) and any(a in claimed for a in doubted):
                ending, data = self.run(notebook, None)  # it may depend on more than its source
                outcomes |= {a.exercise: self.outcome(found, a, data) for a in doubted}
        tables = [name for name, value in literals.items() if isinstance(value, dict)]
        typed = [f"{name} typed in" for name in tables if outcomes[name] == "right"]
        ending = ", ".join([ending, *typed])
        lessons = {name[:2] for name in answers}
        names = [name for name in sorted(EXERCISES) if name[:2] in lessons]
        return [("", ending), *((name, outcomes.get(name, "not checked")) for name in names)]

    def outcome(self, found: list[slices.Statement], answer: slices.Answer, data: dict) -> str:
        """Returns what is judged of an answer: of its source, or of the data that came of it."""
        name = answer.exercise
        if EXERCISES[name].takes is not None:
            return self.judged(name, slices.source_of(found, answer), None)
        literal = slices.literal(found, answer)
        if not literal and name not in data:
            return "not reached"
        return self.judged(name, "", to_json(literal[0]) if literal else data[name])

    def judged(self, name: str, source: str, value: object) -> str:
        """Returns the state of an answer; judges it once more if a signal ended its process."""
        given = name, source, value
        return self.state(*given) or self.state(*given) or "not judged: its process was killed"

    def state(self, name: str, source: str, value: object) -> str:
        """Returns the state of an answer, from a process of its own; "" if that was killed."""
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            ours, theirs = self.context.Pipe()
            given = (theirs, name, source, value, self.threads(), folder)
            process = self.context.Process(target=trial.work, args=given, daemon=True)
            process.start()
            theirs.close()
            key = secrets.token_bytes(32)
            try:
                ours.send_bytes(key)
                self.wait_for(process.pid, ours)
                state, seal = json.loads(ours.recv_bytes(maxlength=100_000))
                if seal != trial.sealed(hashlib.blake2b(key=key), state):
                    return "not judged: the answer has written an outcome of its own"
            except TimeoutError:
                return f"not judged: it took longer than {self.minutes:g} minutes"
            except MemoryError:
                return f"not judged: it took more than {MEMORY_GB} GB of memory"
            except InterruptedError:
                return "not judged: interrupted"
            except (OSError, EOFError, ValueError, TypeError):
                process.join(10)  # it has closed its end, and is about to leave
                return "" if (process.exitcode or 0) < 0 else "not judged: its process ended"
            finally:
                process.kill()
                process.join()
                ours.close()
        return printable(str(state)[:200])

    def threads(self) -> int:
        return max(1, (os.cpu_count() or 1) // self.jobs)

    def wait_for(self, pid: int, connection: Connection) -> None:
        """Waits for an outcome, or the end of its process; raises what keeps it from coming."""
        end = time.monotonic() + 60 * self.minutes
        while not connection.poll(0.1):
            if time.monotonic() > end:
                raise TimeoutError
            if self.stopping.is_set():
                raise InterruptedError
            with suppress(psutil.Error):  # it has ended since: what it sent is there to be read
                if psutil.Process(pid).memory_info().rss > MEMORY_GB * 1e9:
                    raise MemoryError

    def run(self, notebook: NotebookNode, cells: list[NotebookNode] | None) -> tuple[str, dict]:
        """Runs these cells, or all; returns how that ended, and the answers that are data."""
        code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
        chosen = cells or [new_code_cell(source) for source in code]
        sandbox = Sandbox(self.minutes, self.secret, self.threads(), self.stopping)
        ending, data = sandbox.run(chosen, programs=cells is None)
        own = ["the notebook defines its own `check`"] if defines_check("\n".join(code)) else []
        return "; ".join([ending, *own]), data

    def end(self) -> None:
        """Ends what notebooks have left behind, whatever it calls itself by now."""
        for process in psutil.Process().children(recursive=True):
            if process not in self.known:
                with suppress(psutil.Error):
                    process.kill()


def shown_answers(
    notebook: NotebookNode, found: list[slices.Statement], computed: list[slices.Answer]
) -> dict[str, object]:
    """Returns {exercise: the answer} of those that stand in the output of their check."""
    answers = {}
    for answer in computed:
        for output in notebook.cells[found[answer.place].cell].outputs:
            with suppress(ValueError, TypeError, LookupError, AttributeError, RecursionError):
                given = json.loads(output.data[ANSWER])
                if given["exercise"] == answer.exercise:
                    answers[answer.exercise] = given["answer"]
    return answers


def shows_right(notebook: NotebookNode, exercise: str) -> bool:
    """Returns whether an output in the notebook says that an exercise was solved."""
    return f"✓ {exercise}, right" in json.dumps(
        [cell.get("outputs", []) for cell in notebook.cells], ensure_ascii=False
    )


def reached_end(ending: str) -> bool:
    """Returns whether all cells were given their time: if not, more of them would take longer."""
    return ending.startswith(ENDED) and STOPPED not in ending


def defines_check(source: str) -> bool:
    """Returns whether source gives the name `check`, or a part of it, another meaning."""
    definition = r"^((def|class)\s+check\b|check\s*=(?!=)|\s*check\.\w+\s*=(?!=))"
    return bool(re.search(definition, source, re.MULTILINE))
