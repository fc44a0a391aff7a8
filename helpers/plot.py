"""Figures and tables of the lessons, each with a description for people who cannot see it.

Every function returns a Drawing; as the last line of a cell it shows itself. Nothing is kept open.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence
from textwrap import wrap

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2.functional import center_crop

from helpers import NUMBERS, require
from helpers.data import Pictures
from helpers.train import History

# Okabe and Ito (2008): eight colours that colour-blind people tell apart; the pale yellow left out
COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
STYLES = ["-", "--", "-.", ":"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]


class Drawing:
    """A finished figure: its bytes ("png" or "jpeg"), its width in pixels, its description."""

    def __init__(self, figure: Figure, description: str, kind: str = "png"):
        buffer = io.BytesIO()
        options = {"pil_kwargs": {"quality": 80}} if kind == "jpeg" else {}
        figure.savefig(buffer, format=kind, dpi=144, bbox_inches="tight", **options)
        self.data, self.kind, self.description = buffer.getvalue(), kind, description
        self.width = Image.open(buffer).width // 2  # drawn at twice its size, sharp on any screen

    def _repr_html_(self) -> str:
        code = base64.b64encode(self.data).decode()
        return (
            f'<img alt="{html.escape(self.description)}" width="{self.width}" '
            f'src="data:image/{self.kind};base64,{code}">'
        )

    def __repr__(self) -> str:
        return self.description


def image_grid(
    pictures: Sequence[Tensor | Image.Image],
    titles: Sequence[str] = (),
    *,
    columns: int = 6,
    description: str = "",
) -> Drawing:
    """Pictures in rows, each with its title; tensors are uint8 (3, H, W), 0 to 255."""
    pictures, titles = require.pictures(pictures), require.many(titles, "The titles")
    columns = min(require.whole(columns, "columns", 1), len(pictures))
    rows = -(-len(pictures) // columns)
    lines = max([0, *(str(title).count("\n") + 1 for title in titles)])
    figure = Figure(figsize=(1.35 * columns, (1.38 + 0.12 * lines) * rows), dpi=72)
    axes = figure.subplots(rows, columns, squeeze=False).flatten()
    for ax in axes:
        ax.axis("off")
    for i, (ax, picture) in enumerate(zip(axes, pictures, strict=False)):
        is_tensor = isinstance(picture, Tensor)
        ax.imshow(picture.permute(1, 2, 0).numpy() if is_tensor else picture)
        if i < len(titles):
            ax.set_title(titles[i], fontsize=8)
    figure.subplots_adjust(wspace=0.06, hspace=0.06 + 0.1 * lines)
    if not description:
        told = ", ".join(dict.fromkeys(str(t).replace("\n", " ") for t in titles))
        count = "1 picture" if len(pictures) == 1 else f"{len(pictures)} pictures"
        description = f"{count}: {told}" if told else count
    return Drawing(figure, description, "jpeg")


def learning_curves(runs: Mapping[str, History], description: str = "") -> Drawing:
    """Loss and accuracy against epochs of one run or several: training lines, validation points."""
    require.instance(runs, Mapping, "The runs", 'give a dictionary {"a name": history}')
    for history in runs.values():
        require.instance(history, History, "A run", "give what fit returned")
    figure = Figure(figsize=(7.6, 2.9))
    for ax, what in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for i, (name, history) in enumerate(runs.items()):
            steps, rows = history.steps, history.epochs
            color = COLORS[i % len(COLORS)]
            ax.plot(
                [s["epoch"] for s in steps],
                _smooth([s[what] for s in steps]),
                STYLES[i % len(STYLES)],
                color=color,
                alpha=0.75,
                label=f"{name}, training",
            )
            valid = [(r["epoch"], r[f"valid_{what}"]) for r in rows if f"valid_{what}" in r]
            if valid:
                x, y = zip(*valid, strict=True)
                ax.plot(
                    x, y, MARKERS[i % len(MARKERS)], color=color, ms=8, label=f"{name}, validation"
                )
        ax.set(xlabel="epoch", ylabel={"loss": "cross-entropy loss"}.get(what, what))
        ax.set_ylim(bottom=0, top=1.02 if what == "accuracy" else None)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.grid(alpha=0.3)
    figure.axes[-1].legend(fontsize=8, loc="lower right")
    figure.tight_layout()
    return Drawing(figure, description or _curves_in_words(runs))


def _smooth(values: list[float], span: int = 5) -> list[float]:
    """The mean over the last few batches: a single batch says little."""
    return [float(np.mean(values[max(0, i - span + 1) : i + 1])) for i in range(len(values))]


def _curves_in_words(runs: Mapping[str, History]) -> str:
    parts = []
    for name, history in runs.items():
        if not history.epochs:
            parts.append(f"{name}: no whole epoch")
            continue
        first, last = history.epochs[0], history.epochs[-1]
        part = f"{name}: training loss {first['train_loss']:.2f} to {last['train_loss']:.2f}"
        if "valid_accuracy" in last:
            part += (
                f", validation accuracy {first['valid_accuracy']:.2f} after epoch 1, "
                f"{last['valid_accuracy']:.2f} after epoch {last['epoch']}"
            )
        parts.append(part)
    return "Learning curves. " + "; ".join(parts) + "."


def confusion(labels: Tensor, predicted: Tensor, class_names: Sequence[str]) -> Drawing:
    """How many pictures of each class (row) were given each name (column).

    labels, predicted: class numbers, int64 (N,).
    """
    k = len(require.names(class_names, "class_names"))
    counts = np.zeros((k, k), int)
    np.add.at(counts, require.pairs(labels, predicted, k), 1)
    figure = Figure(figsize=(1.9 + 0.75 * k, 1.3 + 0.62 * k))
    ax = figure.subplots()
    ax.imshow(counts / counts.sum(1, keepdims=True).clip(1), cmap="Blues", vmin=0, vmax=1)
    for row in range(k):
        for column in range(k):
            dark = counts[row, column] > 0.6 * counts[row].sum()
            ax.text(
                column,
                row,
                counts[row, column],
                ha="center",
                va="center",
                color="white" if dark else "black",
            )
    ax.set_xticks(range(k), class_names, rotation=30 if k > 3 else 0)
    ax.set_yticks(range(k), class_names)
    ax.set(xlabel="what the network says", ylabel="what it is")
    cells = [
        f"{counts[r, c]} of {class_names[r]} called {class_names[c]}"
        for r in range(k)
        for c in range(k)
        if counts[r, c]
    ]
    return Drawing(figure, "Confusion matrix: " + ", ".join(cells) + ".")


def mistakes(pictures: Pictures, probabilities: Tensor, n: int = 6) -> Drawing | str:
    """The pictures that the network is most wrong about, with what it says and what they are.

    probabilities: float (N, classes), in the order of the pictures, as `predict` returns them.
    """
    labels, names = pictures.labels, pictures.class_names
    require.table(probabilities, len(pictures), len(names))
    sure, said = probabilities.max(1)
    wrong = torch.where(said != labels)[0]
    if not len(wrong):
        return f"No mistake among {len(pictures)} pictures."
    worst = wrong[sure[wrong].argsort(descending=True)][:n].tolist()
    side = pictures.preprocess.size
    told = [f'says "{names[said[i]]}" {sure[i]:.0%}, is "{names[labels[i]]}"' for i in worst]
    titles = [_short_lines(names[said[i]], f"{sure[i]:.0%}", "is", names[labels[i]]) for i in worst]
    shown = [center_crop(pictures.decoded[i], [side, side]) for i in worst]
    return image_grid(
        shown,
        titles,
        description=f"{len(worst)} of {len(wrong)} mistakes among {len(pictures)} pictures: "
        + "; ".join(told),
    )


def _short_lines(said: str, sure: str, verb: str, true: str) -> str:
    """A title that fits above a small picture, however long the names are."""
    lines = [f"{said} {sure}", f"{verb} {true}"]
    return "\n".join("\n".join(wrap(line.replace("_", " "), 18)) for line in lines)


def spread(
    results: Mapping[str, Sequence[float]], what: str, limits: tuple[float, float] | None = None
) -> Drawing:
    """A row of dots per method, one dot a seed, with their mean as a bar."""
    results = require.rows(results, "results")
    figure = Figure(figsize=(6, 0.75 + 0.42 * len(results)))
    ax = figure.subplots()
    names = list(results)
    for row, (name, values) in enumerate(results.items()):
        color = COLORS[row % len(COLORS)]
        ax.plot(values, [row] * len(values), "o", color=color, alpha=0.6, ms=7)
        ax.plot([np.mean(values)] * 2, [row - 0.28, row + 0.28], color=color, lw=3)
        names[row] = f"{name}  {spoken(values)}"
    ax.set_yticks(range(len(names)), names)
    ax.set(xlabel=what, ylim=(len(names) - 0.5, -0.5), xlim=limits)
    ax.grid(axis="x", alpha=0.3)
    return Drawing(figure, f"{what}, mean and standard deviation: " + "; ".join(names) + ".")


def spoken(values: Sequence[float]) -> str:
    """Mean, standard deviation and number of values as text, such as "0.94 ± 0.01, n = 3"."""
    deviation = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{deviation}, n = {len(values)}"


def closing_table(rows: Mapping[str, Sequence[float]], unit: str = "test accuracy") -> None:
    """The table at a lesson's end, one row per method: values over seeds, their mean and spread.

    The same numbers go along as JSON, for programs: `course.py run` gathers them.
    """
    from IPython.display import display

    rows = require.rows(rows, "rows")
    body = "".join(
        f"<tr><td style='text-align:left'>{html.escape(name)}</td><td>{np.mean(v):.3f}</td>"
        f"<td>{f'{np.std(v, ddof=1):.3f}' if len(v) > 1 else ''}</td><td>{len(v)}</td></tr>"
        for name, v in rows.items()
    )
    table = (
        "<table><thead><tr><th style='text-align:left'>method</th>"
        f"<th>{html.escape(unit)}, mean</th><th>standard deviation</th><th>seeds</th></tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )
    text = "\n".join(f"{name:40} {spoken(v)}" for name, v in rows.items())
    shown = {"text/html": table, "text/plain": text, NUMBERS: table_numbers(rows)}
    display(shown, raw=True)


def table_numbers(rows: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """{name: mean}, and, of several values, their standard deviation and how many there are."""
    numbers = {}
    for name, values in rows.items():
        numbers[name] = round(float(np.mean(values)), 4)
        if len(values) > 1:
            numbers[f"{name}, standard deviation"] = round(float(np.std(values, ddof=1)), 4)
            numbers[f"{name}, seeds"] = len(values)
    return numbers
