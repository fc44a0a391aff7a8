"""`course.py run`: executes lessons in fresh kernels and reports on them."""

import json
import os
import re
import sys
import tempfile
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import psutil
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from nbformat.reader import NotJSONError

from classroom import profile
from course import ROOT, find_lessons, make_parser
from helpers import NUMBERS

CELL_MINUTES = {"drawn": 10, "tiny": 30, "full": 240}  # after that a cell hangs, it does not work
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
WIDGET = "application/vnd.jupyter.widget-view+json"


@dataclass
class Report:
    """What one lesson did: seconds of wall clock, peak memory in MB, "" or what went wrong."""

    name: str
    seconds: float = 0.0
    memory: float = 0.0
    trouble: str = ""
    values: dict = field(default_factory=dict)
    profile: dict = field(default_factory=dict)  # seconds of each kind of work


class ThisPython(AsyncKernelManager):
    """Starts kernels in the Python that runs this file, whatever "python3" is elsewhere."""

    def _kernel_spec_manager_default(self) -> KernelSpecManager:
        return KernelSpecManager(kernel_dirs=[])


def main(argv: list[str]) -> int:
    arguments = make_parser().parse_args(["run", *argv])
    size = arguments.size or os.environ.get("COURSE_SIZE", "drawn")
    lessons = find_lessons(arguments.lessons)
    asked = {"size": size, "save": arguments.save, "profiled": arguments.profile}
    reports = run_lessons(lessons, ROOT / "build", **asked)
    return int(any(report.trouble for report in reports))


def run_lessons(
    lessons: list[Path],
    build: Path,
    size: str = "drawn",
    save: bool = False,
    profiled: bool = False,
) -> list[Report]:
    """Execute each lesson, write its page and its figures into `build`, print a table.

    With `save` the outputs also go back into the notebook, unless one of its cells failed. With
    `profiled` a second table tells where the time went.
    """
    build.mkdir(parents=True, exist_ok=True)
    reports = []
    for path in lessons:
        try:
            notebook = without_outputs(nbformat.read(path, as_version=4))
        except NotJSONError:
            reports.append(Report(name_of(path), trouble="the file is damaged: get it again"))
            continue
        with tempfile.TemporaryDirectory() as place:
            seen = Path(place) / "profile.json"
            options = [profile.first_line(seen)] if profiled else []
            report = execute(notebook, path, size, *options)
            report.profile = profile.fetch(seen, report.seconds)
        write_page(notebook, path, build / f"{report.name}.html")
        write_results(report, build / "results.json")
        if save and not report.trouble:
            write_whole(path, nbformat.writes(tidy(notebook)).rstrip("\n") + "\n")
        reports.append(report)
    print(table(reports))
    if profiled:
        print(profile.table({report.name: report.profile for report in reports}))
    print(f"Pages and results.json are in {build}.")
    return reports


def execute(notebook: NotebookNode, path: Path, size: str, *options: str) -> Report:
    """Run the cells in place, in a fresh kernel that lives in the notebook's folder."""
    started: list[NotebookNode] = []
    client = NotebookClient(
        notebook,
        kernel_manager_class=ThisPython,
        kernel_name="python3",
        timeout=60 * CELL_MINUTES.get(size, 10),
        record_timing=False,
        coalesce_streams=True,
        store_widget_state=False,
        resources={"metadata": {"path": str(path.parent)}},
        extra_arguments=["--log-level=ERROR", *options],  # its warnings are not about the lesson
        on_cell_execute=lambda cell, cell_index: started.append(cell),
    )
    report = Report(name_of(path))
    others = set(psutil.Process().children(recursive=True))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(client.execute, env={**os.environ, "COURSE_SIZE": size})
        watch(running, report, started, sum(map(has_code, notebook.cells)), others)
    if error := running.exception():
        report.trouble = describe(error, started)
    else:
        report.values = gather(notebook)
    return report


def name_of(path: Path) -> str:
    """A solution has the file name of its lesson, and needs another name in build/."""
    return f"solutions/{path.stem}" if path.parent.name == "solutions" else path.stem


def has_code(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and bool(cell.source.strip())


def watch(running: Future, report: Report, started: list, cells: int, others: set) -> None:
    """Show the progress and measure until the lesson has ended; Ctrl-C ends its kernel."""
    begin = time.perf_counter()
    terminal = sys.stdout.isatty()
    if not terminal:
        print(f"{report.name}: {cells} cells", end=" ", flush=True)
    try:
        while not running.done():
            report.memory = max(report.memory, memory_of_kernels(others))
            report.seconds = time.perf_counter() - begin
            if terminal:
                done = f"cell {len(started)} of {cells}, {report.seconds:.0f} s"
                print(f"\r{report.name}: {done}", end=" ", flush=True)
            time.sleep(0.1)
    except KeyboardInterrupt:
        for process in psutil.Process().children(recursive=True):
            process.kill()
        raise
    print("" if terminal else f"in {report.seconds:.0f} s")


def memory_of_kernels(others: set[psutil.Process]) -> float:
    """MB held by the processes under this one but `others`: their peak where the system tells."""
    total = 0
    for process in set(psutil.Process().children(recursive=True)) - others:
        try:
            total += peak_bytes(process)
        except (psutil.Error, OSError):  # it has just ended
            continue
    return total / 1e6


def peak_bytes(process: psutil.Process) -> int:
    status = Path(f"/proc/{process.pid}/status")
    if status.exists() and (peak := re.search(r"VmHWM:\s+(\d+) kB", status.read_text())):
        return int(peak[1]) * 1024
    memory = process.memory_info()
    return getattr(memory, "peak_wset", memory.rss)


def describe(error: BaseException, started: list[NotebookNode]) -> str:
    """The failing cell, its error in one line, and the line that the cell starts with."""
    if isinstance(error, CellExecutionError):
        what = f"{error.ename}: {error.evalue}"
    elif isinstance(error, CellTimeoutError):
        what = "the cell did not end in time"
    elif isinstance(error, DeadKernelError):
        what = "the kernel died, perhaps for want of memory"
    else:
        what = f"{type(error).__name__}: {error}"
    source = started[-1].source.strip().splitlines()[0] if started else "before the first cell"
    return f"cell {len(started)}: {' '.join(what.split())}  [{source}]"


def gather(notebook: NotebookNode) -> dict:
    """The numbers that go along with a lesson's tables, by name."""
    values = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            shown = output.get("data", {}).get(NUMBERS)
            if isinstance(shown, dict):
                values.update(shown)
    return values


def write_results(report: Report, path: Path) -> None:
    """Replace this lesson's entry; a lesson that failed has none, old numbers are not its own."""
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        results = {}
    results.pop(report.name, None)
    if not report.trouble:
        results[report.name] = report.values
    text = json.dumps(dict(sorted(results.items())), indent=2, ensure_ascii=False)
    write_whole(path, text + "\n")


def write_page(notebook: NotebookNode, path: Path, file: Path) -> None:
    """The lesson as one HTML file, its pictures inside."""
    file.parent.mkdir(exist_ok=True)
    resources = {"metadata": {"name": path.stem, "path": str(path.parent)}}
    page, _ = HTMLExporter(embed_images=True).from_notebook_node(notebook, resources)
    write_whole(file, page)


def write_whole(path: Path, text: str) -> None:
    """Write all of a file or nothing of it."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8", newline="\n")
    os.replace(part, path)


def without_outputs(notebook: NotebookNode) -> NotebookNode:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def tidy(notebook: NotebookNode) -> NotebookNode:
    """Drop what differs from run to run or from machine to machine, for a readable history."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata.kernelspec = KERNEL
    notebook.metadata.language_info = {"name": "python"}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if "outputs" in cell:  # a widget is nothing without its kernel
            cell.outputs = [o for o in cell.outputs if WIDGET not in o.get("data", {})]
    return notebook


def table(reports: list[Report]) -> str:
    width = max(len("lesson"), *(len(report.name) for report in reports))
    lines = [f"\n{'lesson':{width}}  seconds  peak memory"]
    for report in reports:
        measured = f"{report.seconds:7.1f}  {report.memory:8.0f} MB"
        lines.append(f"{report.name:{width}}  {measured}  {report.trouble or 'ok'}")
    return "\n".join(lines)
