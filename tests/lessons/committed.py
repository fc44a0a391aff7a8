"""The lessons as committed: their cells, outputs, and the functions that they define."""

import math
from pathlib import Path

import nbformat
import torch

from classroom.commands import find_lessons

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
LESSONS = find_lessons([])
SOLUTIONS = sorted(NOTEBOOKS.glob("solutions/*.ipynb"))


def read(lesson: str) -> nbformat.NotebookNode:
    """Returns a lesson ("03"), or the solution of one ("solutions/03")."""
    (file,) = NOTEBOOKS.glob(f"{lesson}_*.ipynb")
    return nbformat.read(file, as_version=4)


def code_cells(notebook: nbformat.NotebookNode) -> list:
    return [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]


def prose(notebook: nbformat.NotebookNode) -> str:
    return "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")


def outputs(notebook: nbformat.NotebookNode) -> list:
    return [output for cell in code_cells(notebook) for output in cell.outputs]


def printed(notebook: nbformat.NotebookNode, cell_id: str = "") -> str:
    """Returns what a notebook, or one of its cells, has printed."""
    cells = [c for c in code_cells(notebook) if cell_id in ("", c.id)]
    assert cells, f"there is no cell {cell_id}"
    return "".join(output.get("text", "") for cell in cells for output in cell.outputs)


def told(lesson: str, cell_id: str) -> str:
    """Returns all that one cell of a lesson has shown, as text: of a figure, its description."""
    (cell,) = (cell for cell in code_cells(read(lesson)) if cell.id == cell_id)
    return " ".join(o.get("text") or o.get("data", {})["text/plain"] for o in cell.outputs)


def inline(lesson: str, **names) -> dict:
    """Returns the functions of the cells tagged "inline", run where they know these names."""
    space = {"nn": torch.nn, "torch": torch, **names}
    for cell in code_cells(read(lesson)):
        if "inline" in cell.metadata.get("tags", []):
            exec(cell.source, space)
    return space


def standard_errors_between(numbers: dict, row: str, other: str, pictures: int) -> float:
    """Returns by how many standard errors a row of a closing table is above another one.

    The error is that of both means together, over seeds and over so many test pictures; the
    pictures are taken as independent, which overstates it where both rows share them.
    """
    variance = 0.0
    for name in (row, other):
        p, seeds = numbers[name], numbers.get(f"{name}, seeds", 1)
        deviation = numbers.get(f"{name}, standard deviation", 0)
        variance += p * (1 - p) / pictures + deviation**2 / seeds
    return (numbers[row] - numbers[other]) / math.sqrt(variance or 1e-12)
