"""A contact sheet to relabel or drop pictures with two keys; a table remembers what you chose."""

from __future__ import annotations

import base64
import csv
import html
import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from helpers import require
from helpers.collection import DROP, names_of, write_corrections
from helpers.data import Pictures
from helpers.plot import printable
from helpers.require import CourseError

SHOWN = 60  # pictures on one sheet
CLASS = "course-sheet"
OWN_KEYS = f"""window.addEventListener("keydown", event => {{
  if (event.target.matches(".{CLASS} select")) event.target.dataset.lmSuppressShortcuts = "true";
}}, true)"""  # before JupyterLab takes the arrow keys to go from cell to cell


def read_corrections(file: str | Path) -> dict[str, str]:
    """Returns {picture: class, or "drop"} as a table holds it; empty if there is none yet."""
    file = require.path(file)
    if not file.exists():
        return {}
    try:
        with open(file, newline="", encoding="utf-8-sig") as table:
            head, *rows = csv.reader(table)
        if head != ["picture", "class"] or any(len(row) != 2 for row in rows if row):
            raise ValueError
    except (OSError, ValueError, csv.Error):
        raise CourseError(
            f"{file} is no table with the columns picture and class: correct or delete it."
        ) from None
    return dict(row for row in rows if row)


def sheet(pictures: Pictures, rows: Sequence[int], file: str | Path) -> object:
    """Returns a contact sheet: some pictures, each above a list to choose its class from.

    rows: their numbers; file: the table. Tab goes to the next list, the arrow keys choose, and
    each choice is in the table at once; the pictures' files stay as they are. Needs ipywidgets.
    """
    import ipywidgets  # JupyterLab's; the table can do without it
    from IPython.display import Javascript, display

    rows = require.indices(rows, len(pictures), "rows")[:SHOWN]
    names, known, answers = names_of(pictures), read_corrections(file), pictures.class_names
    boxes = []
    for i in rows:
        answer = known.get(names[i])
        label = answers[pictures.labels[i]]
        choice = ipywidgets.Dropdown(
            options=[*answers, DROP],
            value=answer if answer in [*answers, DROP] else label,
            layout={"width": "140px"},
        )
        choice.observe(lambda change, name=names[i]: _note(file, name, change.new), "value")
        boxes.append(ipywidgets.VBox([ipywidgets.HTML(_picture(pictures, i, names[i])), choice]))
    whole = ipywidgets.Box(boxes, layout={"flex_flow": "row wrap"})
    display(Javascript(OWN_KEYS))
    return whole.add_class(CLASS)


def _note(file: str | Path, name: str, answer: str) -> None:
    """Puts one answer into the table, whose other rows may have changed meanwhile."""
    write_corrections(file, read_corrections(file) | {name: answer})


def _picture(pictures: Pictures, i: int, name: str) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pictures.decoded[i].permute(1, 2, 0).numpy()).save(buffer, "JPEG")
    code, alt = base64.b64encode(buffer.getvalue()).decode(), html.escape(printable(name))
    return f'<img alt="{alt}" width="140" src="data:image/jpeg;base64,{code}">'
