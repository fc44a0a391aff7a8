"""`course.py slides [NN ...]`: lessons with their outputs as slides, in build/slides/.

They need no network: reveal.js (classroom/slideshow) and all pictures are in the page. Nothing is
executed. A heading starts a slide, a guess ends one, and the page itself divides what is too high;
the cells in which students answer are left out. A cell tagged "slide" starts one too, and one
tagged "no-slide" is left out.
"""

import re
from argparse import Namespace
from pathlib import Path

import nbformat
from nbconvert import SlidesExporter
from nbformat import NotebookNode

from classroom.commands import ROOT
from classroom.run import write

FOLDER = Path(__file__).with_name("slideshow")
HEADING = re.compile(r"^(?=##? )", re.MULTILINE)  # of the first or second level
ANSWERS = r"check\.(answer|summary|hint|solution)\("  # cells for a student's own machine


def main(arguments: Namespace) -> int:
    for path in arguments.lessons:
        target = ROOT / "build" / "slides" / f"{path.stem}.html"
        write(target, make_slides(path))
        print(f"{target}: open it in a browser, full screen with F, an overview with O.")
    return 0


def make_slides(path: Path) -> str:
    """Returns a lesson as one page of slides."""
    notebook = divide(nbformat.read(path, as_version=4))
    texts = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.iterdir()}
    slides = {
        "title": notebook.cells[0].source.splitlines()[0].lstrip("# "),
        "styles": texts["reveal.css"] + texts["slides.css"],
        "reveal": texts["reveal.js"],
        "script": texts["slides.js"],
    }
    exporter = SlidesExporter(
        template_name=FOLDER.name, extra_template_basedirs=[str(FOLDER.parent)], embed_images=True
    )
    page, _ = exporter.from_notebook_node(notebook, {"slides": slides})
    return page


def divide(notebook: NotebookNode) -> NotebookNode:
    """Returns the notebook with its cells divided at headings, each with its type of slide."""
    cells: list[NotebookNode] = []
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if "no-slide" in tags or is_for_students(cell):
            continue
        guess = cell.cell_type == "code" and "check.guess(" in cell.source
        if guess:
            cell.outputs, cell.metadata.tags = [], [*tags, "guess"]
            if cells and cells[-1].cell_type == "markdown" and not starts(cells[-1]):
                cells[-1].metadata.slideshow = {"slide_type": "subslide"}
        after_guess = bool(cells) and "guess" in cells[-1].metadata.get("tags", [])
        for number, source in enumerate(HEADING.split(cell.source) if is_text(cell) else [None]):
            if source == "":
                continue
            part = cell if source is None else nbformat.v4.new_markdown_cell(source)
            heads = source is not None and bool(HEADING.match(source))
            kind = "slide" if heads or (number == 0 and "slide" in tags) else "-"
            if kind == "-" and after_guess and number == 0:
                kind = "subslide"
            part.metadata.slideshow = {"slide_type": kind}
            cells.append(part)
    return nbformat.v4.new_notebook(cells=cells, metadata=notebook.metadata)


def is_text(cell: NotebookNode) -> bool:
    return cell.cell_type == "markdown"


def starts(cell: NotebookNode) -> bool:
    return cell.metadata.slideshow.slide_type == "slide"


def is_for_students(cell: NotebookNode) -> bool:
    """Returns whether a cell waits for an answer: an exercise's stub or check."""
    stub = "-stub" in cell.get("id", "")
    return cell.cell_type == "code" and (stub or bool(re.search(ANSWERS, cell.source)))
