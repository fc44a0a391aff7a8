"""`course.py run`: executes lessons in fresh kernels and reports on them."""

import json
import os
import re
import time
from argparse import Namespace
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import nbformat
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from nbformat.reader import NotJSONError
from PIL import Image
from tqdm import tqdm

from classroom import notebooks, origin
from classroom.commands import ROOT
from helpers import NUMBERS
from helpers.files.atomic import atomic

CELL_MINUTES = {"smoke": 2, "drawn": 10, "tiny": 30, "full": 240}  # a cell that takes longer hangs
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LIVE = {"application/vnd.jupyter.widget-view+json", "application/javascript"}
DRAWING = re.compile(r"(?<=data:image/png;base64,)[\w+/=]+")


@dataclass
class Report:
    """What one lesson did: seconds of wall clock, "" or what went wrong."""

    name: str
    seconds: float = 0.0
    trouble: str = ""
    origin: dict = field(default_factory=dict)  # size of the data, digest of the code
    numbers: dict = field(default_factory=dict)  # of its tables


def main(arguments: Namespace) -> int:
    size = arguments.size or os.environ.get("COURSE_SIZE", "drawn")
    reports = run_lessons(arguments.lessons, ROOT / "build", size, arguments.save)
    return int(any(report.trouble for report in reports))


def run_lessons(
    lessons: list[Path], build: Path, size: str = "drawn", save: bool = False
) -> list[Report]:
    """Executes each lesson, writes its page and its numbers into `build`, prints a table.

    Numbers and saved outputs carry the size of the data and a digest of the code behind them.

    With `save` the outputs also go back into the notebook, unless one of its cells failed.
    """
    build.mkdir(parents=True, exist_ok=True)
    reports = []
    for path in lessons:
        report = Report(name_of(path))
        reports.append(report)
        try:
            notebook = notebooks.read(path)
        except NotJSONError:
            report.trouble = "the file is damaged: get it again"
            continue
        report.origin = {"size": size, "code": origin.digest(notebook)}
        execute(notebook, path, size, report)
        write_page(notebook, path, build / f"{report.name}.html")
        write_results(report, build / "results.json")
        if save and not report.trouble:
            notebook.metadata.course = report.origin
            write(path, nbformat.writes(tidy(notebook)).rstrip("\n") + "\n")
    print(table(reports))
    print(f"Pages and results.json are in {build}.")
    return reports


def name_of(path: Path) -> str:
    """Returns the lesson's name in build/, where its solution has another one."""
    return f"solutions/{path.stem}" if path.parent.name == "solutions" else path.stem


def execute(notebook: NotebookNode, path: Path, size: str, report: Report) -> None:
    """Runs the cells in place, in the notebook's folder, and fills the report."""
    begin = time.perf_counter()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    started: list[NotebookNode] = []

    def start(cell: NotebookNode, cell_index: int) -> None:
        started.append(cell)

    def end(cell: NotebookNode, cell_index: int, execute_reply: dict) -> None:
        bar.update()

    client = notebooks.make_client(
        notebook,
        path.parent,
        timeout=60 * CELL_MINUTES.get(size, 10),
        record_timing=False,
        coalesce_streams=True,
        store_widget_state=False,
        extra_arguments=["--log-level=ERROR"],  # the kernel's warnings are not about the lesson
        on_cell_execute=start,
        on_cell_executed=end,
    )
    with tqdm(total=len(cells), desc=report.name, unit=" cells") as bar:
        try:
            notebooks.execute(client, COURSE_SIZE=size, COURSE_PROGRESS="", COURSE_CLASS="")
            report.numbers = gather(notebook)
        except Exception as error:
            report.trouble = describe(error, started)
    report.seconds = time.perf_counter() - begin


def describe(error: Exception, started: list[NotebookNode]) -> str:
    """Returns the failing cell, its error in one line, and the line that the cell starts with."""
    if isinstance(error, CellExecutionError):
        reason = f"{error.ename}: {error.evalue}"
    elif isinstance(error, CellTimeoutError):
        reason = "the cell did not end in time"
    elif isinstance(error, DeadKernelError):
        reason = "the kernel died, perhaps because memory ran out"
    else:
        reason = f"{type(error).__name__}: {error}"
    source = started[-1].source.strip().splitlines()[0] if started else "before the first cell"
    return f"cell {len(started)}: {' '.join(reason.split())}  [{source}]"


def gather(notebook: NotebookNode) -> dict:
    """Returns the numbers that go along with a lesson's tables, by name."""
    values = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            numbers = output.get("data", {}).get(NUMBERS)
            if isinstance(numbers, dict):
                values.update(numbers)
    return values


def write_results(report: Report, path: Path) -> None:
    """Replaces this lesson's entry; a lesson that failed has none, for old numbers are not its."""
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        results = {}
    results.pop(report.name, None)
    if not report.trouble:
        results[report.name] = {**report.origin, "numbers": report.numbers}
    write(path, json.dumps(dict(sorted(results.items())), indent=2, ensure_ascii=False) + "\n")


def write_page(notebook: NotebookNode, path: Path, page: Path) -> None:
    """Writes the lesson as one HTML file, its pictures inside."""
    resources = {"metadata": {"name": path.stem, "path": str(path.parent)}}
    html, _ = HTMLExporter(embed_images=True).from_notebook_node(notebook, resources)
    write(page, html)


def write(path: Path, text: str) -> None:
    with atomic(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def tidy(notebook: NotebookNode) -> NotebookNode:
    """Drops what differs from run to run or from machine to machine; makes drawings smaller."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata.kernelspec = KERNEL
    notebook.metadata.language_info = {"name": "python"}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if "outputs" in cell:
            cell.outputs = [output for output in cell.outputs if not _is_over(output)]
        for output in cell.get("outputs", []):
            if "text/html" in output.get("data", {}):
                output.data["text/html"] = DRAWING.sub(in_256_colors, output.data["text/html"])
    return notebook


def _is_over(output: NotebookNode) -> bool:
    """Whether nothing is left to see: a widget without its kernel, a bar that wiped itself out."""
    wiped = output.get("name") == "stderr" and not output.text.strip()
    return wiped or bool(LIVE & output.get("data", {}).keys())


def in_256_colors(code: re.Match) -> str:
    """Returns a PNG, in base64, with a palette: lines and letters take a third of the bytes."""
    drawing = Image.open(BytesIO(b64decode(code[0])))
    if drawing.mode == "P":
        return code[0]
    smaller = BytesIO()
    palette = drawing.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    palette.save(smaller, "PNG", optimize=True)
    return b64encode(smaller.getvalue()).decode()


def table(reports: list[Report]) -> str:
    width = max(len("lesson"), *(len(report.name) for report in reports))
    lines = [f"\n{'lesson':{width}}  seconds"]
    for report in reports:
        lines.append(f"{report.name:{width}}  {report.seconds:7.1f}  {report.trouble or 'ok'}")
    return "\n".join(lines)
