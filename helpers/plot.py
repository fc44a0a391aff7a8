"""Figures and tables for the lessons, each with alt text for people who cannot see it.

A figure is returned as a Drawing, which shows itself as a cell's last line; none is left open.
"""

from __future__ import annotations

import base64
import html
import io
import json
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import wrap

import matplotlib
import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.ticker import LogLocator, MaxNLocator
from matplotlib.transforms import ScaledTranslation
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2.functional import center_crop

from helpers import NUMBERS, require
from helpers.data import Pictures
from helpers.files.pictures import to_rgb
from helpers.require import CourseError

# Okabe and Ito (2008): colours that colour-blind people can tell apart; without the pale yellow
COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
STYLES = ["-", "--", "-.", ":"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
LONGEST = 60  # letters of a name in a figure
LARGEST = 8000  # pixels of a figure's longer side
SHOWN = 200  # pictures in a grid
BESIDE = 8  # pictures beside one another
CLASSES = 30  # in a confusion matrix; of more classes the largest confusions are drawn
CONFUSIONS = 20
SIDE = 448  # pixels of a picture in a grid, where it is drawn with about 200
# fonts of Linux, macOS and Windows with the letters that matplotlib's own lacks
CJK = re.compile("CJK|WenQuanYi|Droid Sans Fallback|PingFang|Arial Unicode|YaHei|SimHei|Malgun")
INSTALLED = {font.name for font in fontManager.ttflist}
matplotlib.rcParams["font.family"] += sorted(name for name in INSTALLED if CJK.search(name))
RESULTS = Path(__file__).parents[1] / "benchmarks" / "results.json"  # measured on photographs


class Drawing:
    """A finished figure: its bytes ("png" or "jpeg"), its width in pixels, its description."""

    def __init__(self, figure: Figure, description: str, kind: str = "png"):
        buffer = io.BytesIO()
        options = {"pil_kwargs": {"quality": 80}} if kind == "jpeg" else {}
        dpi = min(144, LARGEST / max(figure.get_size_inches()))
        with no_warnings():
            figure.savefig(buffer, format=kind, dpi=dpi, bbox_inches="tight", **options)
        self.data, self.kind, self.description = buffer.getvalue(), kind, printable(description)
        self.width = Image.open(buffer).width // 2  # drawn at twice its size: sharp on any screen

    def _repr_html_(self) -> str:
        code = base64.b64encode(self.data).decode()
        return (
            f'<img alt="{html.escape(self.description)}" width="{self.width}" '
            f'src="data:image/{self.kind};base64,{code}">'
        )

    def __repr__(self) -> str:
        return self.description


@contextmanager
def no_warnings() -> Iterator[None]:
    """Inside, matplotlib says nothing of letters that no font has: boxes are drawn for them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def printable(text: str) -> str:
    """Returns a text without the bytes that are no letters, which names of files may have."""
    return text.encode(errors="replace").decode()


def short(name: object) -> str:
    """Returns a name in one line, not too long."""
    text = re.sub(r"[\0-\x1f]", " ", printable(str(name)))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 18]}...{text[-15:]}"


def label(name: object) -> str:
    """Returns a short name that matplotlib draws as it stands: no formula, no hidden label."""
    text = short(name).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def image_grid(
    pictures: Sequence[Tensor | Image.Image],
    titles: Sequence[str] = (),
    *,
    columns: int = 6,
    description: str = "",
) -> Drawing:
    """Returns pictures in rows, each with its title; tensors are uint8 (3, H, W), 0 to 255."""
    pictures = [_pixels(picture) for picture in require.many(pictures, "pictures")]
    if not 1 <= len(pictures) <= SHOWN:
        raise CourseError(f"There are {len(pictures):,} pictures to show: give from 1 to {SHOWN}.")
    titles = [str(title) for title in require.many(titles, "titles")]
    columns = min(require.whole(columns, "columns", 1), len(pictures))
    rows = -(-len(pictures) // columns)
    lines = max([0, *(title.count("\n") + 1 for title in titles)])
    figure = Figure(figsize=(1.35 * columns, (1.38 + 0.12 * lines) * rows), dpi=72)
    axes = figure.subplots(rows, columns, squeeze=False).flatten()
    for ax in axes:
        ax.axis("off")
    for ax, picture in zip(axes, pictures, strict=False):
        ax.imshow(picture)
    for ax, title in zip(axes[: len(pictures)], titles, strict=False):
        ax.set_title("\n".join(map(label, title.split("\n"))), fontsize=8)
    figure.subplots_adjust(wspace=0.06, hspace=0.06 + 0.1 * lines)
    if not description:
        count = "1 picture" if len(pictures) == 1 else f"{len(pictures)} pictures"
        seen = Counter(" ".join(title.split()) for title in titles if title.strip())
        words = [title if n == 1 else f"{n} × {title}" for title, n in seen.items()]
        description = f"{count}: {'; '.join(words)}" if words else count
    return Drawing(figure, description, "jpeg")


def top_names(
    pictures: Sequence[Tensor | Image.Image],
    probabilities: Tensor,
    class_names: Sequence[str],
    k: int = 5,
) -> Drawing:
    """Returns pictures, each above its k most likely names and their probabilities, as bars.

    pictures: see `image_grid`; probabilities: float (N, K), as `predict` returns them;
    class_names: a name per column.
    """
    pictures = [_pixels(picture) for picture in require.many(pictures, "pictures")]
    if not 1 <= len(pictures) <= BESIDE:
        raise CourseError(f"There are {len(pictures):,} pictures: give from 1 to {BESIDE}.")
    class_names = require.names(class_names, "class_names")
    if probabilities.shape != (len(pictures), len(class_names)):
        raise CourseError(
            f"The probabilities are {require.summary(probabilities)}: give a row for each of the "
            f"{len(pictures)} pictures, with a number for each of the {len(class_names)} names."
        )
    k = require.whole(k, "k", 1, len(class_names))
    figure = Figure(figsize=(2.5 * len(pictures), 2.4 + 0.2 * k), layout="constrained")
    axes = figure.subplots(2, len(pictures), squeeze=False, height_ratios=(2.1, 0.2 * k))
    told = []
    for picture, (above, below), row in zip(pictures, axes.T, probabilities, strict=True):
        values, columns = row.topk(k)
        lines = [f"{p:.0%} {class_names[c]}" for p, c in zip(values, columns, strict=True)]
        above.imshow(picture)
        above.axis("off")
        below.barh(range(k), values.tolist(), color=COLORS[5], alpha=0.6)
        for y, line in enumerate(lines):
            below.text(0.02, y, label(line), va="center", fontsize=8)
        below.set(xlim=(0, 1), ylim=(k - 0.4, -0.6), yticks=[], xticks=(0, 0.5, 1))
        below.tick_params(labelsize=7)
        below.set_xlabel("probability", fontsize=8)
        told.append(f"picture {len(told) + 1}: {', '.join(lines)}")
    return Drawing(figure, f"The most likely names, {'; '.join(told)}", "jpeg")


def _pixels(picture: Tensor | Image.Image) -> np.ndarray:
    """Returns the picture as an array (H, W, 3)."""
    if isinstance(picture, Image.Image):
        picture = picture if picture.mode == "RGB" else to_rgb(picture)
        return np.asarray(picture.reduce(max(picture.size) // SIDE or 1))
    if not isinstance(picture, Tensor) or picture.ndim != 3 or picture.shape[0] != 3:
        what = require.summary(picture)
        raise CourseError(f"A picture is {what}: give a tensor (3, H, W) or a Pillow image.")
    step = max(picture.shape) // SIDE or 1
    picture = picture.detach().cpu()[:, ::step, ::step]
    picture = picture.float() if picture.is_floating_point() else picture.int()
    if not ((picture >= 0) & (picture <= (1 if picture.is_floating_point() else 255))).all():
        raise CourseError(
            "A picture has values as normalised for a network, and its colours would be clipped: "
            "give uint8 pictures, such as pictures.decoded."
        )
    return picture.permute(1, 2, 0).numpy()


def learning_curves(runs: Mapping, description: str = "") -> Drawing:
    """Returns loss and accuracy over epochs: lines for training, points for validation.

    runs: {name: the History that fit returned}.
    """
    are_runs = isinstance(runs, Mapping) and all(hasattr(run, "epochs") for run in runs.values())
    if not are_runs or not runs:
        raise CourseError('There are no runs to show: give {"a name": what fit returned}.')
    figure = Figure(figsize=(7.6, 2.9))
    for ax, what in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for i, (name, history) in enumerate(runs.items()):
            color = COLORS[i % len(COLORS)]
            style, marker = STYLES[i % len(STYLES)], MARKERS[i % len(MARKERS)]
            epochs = [step["epoch"] for step in history.steps]
            values = smooth([step[what] for step in history.steps])
            words = f"{label(name)}, training"
            ax.plot(epochs, values, style, color=color, alpha=0.75, label=words)
            rows = [row for row in history.epochs if f"valid_{what}" in row]
            if rows:
                epochs = [row["epoch"] for row in rows]
                values = [row[f"valid_{what}"] for row in rows]
                words = f"{label(name)}, validation"
                ax.plot(epochs, values, marker, color=color, ms=8, label=words)
        ax.set(xlabel="epoch", ylabel="cross-entropy loss" if what == "loss" else what)
        ax.set_ylim(bottom=0, top=1.02 if what == "accuracy" else None)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.grid(alpha=0.3)
    figure.axes[-1].legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    with no_warnings():
        figure.tight_layout()
    words = "; ".join(_run_in_words(short(name), history.epochs) for name, history in runs.items())
    return Drawing(figure, description or f"Learning curves. {words}.")


def smooth(values: Sequence[float]) -> list[float]:
    """Returns means over a twentieth of the values each: of a short run, the values themselves."""
    window = max(1, len(values) // 20)
    return [float(np.mean(values[max(0, i - window + 1) : i + 1])) for i in range(len(values))]


def _run_in_words(name: str, epochs: list[dict]) -> str:
    if not epochs:
        return f"{name}: no whole epoch"
    first, last = epochs[0], epochs[-1]
    words = f"{name}: training loss {first['train_loss']:.2f} to {last['train_loss']:.2f}"
    if "valid_accuracy" in last:
        words += (
            f", validation accuracy {first['valid_accuracy']:.2f} after epoch 1, "
            f"{last['valid_accuracy']:.2f} after epoch {last['epoch']}"
        )
    return words


def confusion(labels: Tensor, predicted: Tensor, class_names: Sequence[str]) -> Drawing:
    """Returns the confusion matrix: pictures of each class (row) by predicted class (column).

    labels, predicted: class numbers, int64 (N,). Of more than thirty classes, the most frequent
    confusions are shown instead.
    """
    class_names = require.names(class_names, "class_names")
    k = len(class_names)
    labels = require.indices(labels, k, "labels")
    predicted = require.indices(predicted, k, "predicted")
    if len(labels) != len(predicted):
        raise CourseError(
            f"There are {len(labels)} labels and {len(predicted)} predictions: give one of each "
            "per picture."
        )
    counts = Counter(zip(labels, predicted, strict=True))
    return (_matrix if k <= CLASSES else _largest_confusions)(counts, class_names)


def _in_words(counts: Iterable[tuple[tuple[int, int], int]], names: list[str]) -> str:
    return ", ".join(f"{n} of {short(names[i])} called {short(names[j])}" for (i, j), n in counts)


def _matrix(counts: Counter, class_names: list[str]) -> Drawing:
    k = len(class_names)
    matrix = np.array([[counts[i, j] for j in range(k)] for i in range(k)])
    shares = matrix / matrix.sum(1, keepdims=True).clip(1)
    figure = Figure(figsize=(1.9 + min(0.75 * k, 15), 1.3 + min(0.62 * k, 12.4)))
    ax = figure.subplots()
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (i, j), n in np.ndenumerate(matrix):
        color = "white" if shares[i, j] > 0.6 else "black" if n else "0.7"
        ax.text(j, i, n, ha="center", va="center", color=color)
    names = [label(name) for name in class_names]
    level = k <= 3 and max(map(len, names)) < 15
    slant = {} if level else {"rotation": 30, "ha": "right", "rotation_mode": "anchor"}
    ax.set_xticks(range(k), names, **slant)
    ax.set_yticks(range(k), names)
    ax.set(xlabel="what the network says", ylabel="what it is")
    worst_first = sorted(counts.items(), key=lambda c: (c[0][0] == c[0][1], -c[1], c[0]))
    words = f"{np.trace(matrix)} of {counts.total()} pictures are right"
    return Drawing(figure, f"Confusion matrix: {words}. {_in_words(worst_first, class_names)}.")


def _largest_confusions(counts: Counter, class_names: list[str]) -> Drawing:
    wrong = Counter({pair: n for pair, n in sorted(counts.items()) if pair[0] != pair[1]})
    largest = wrong.most_common(CONFUSIONS)
    names = [f"{label(class_names[i])} called {label(class_names[j])}" for (i, j), _ in largest]
    title = f"{counts.total() - wrong.total()} of {counts.total()} pictures are right"
    figure = Figure(figsize=(6, 1 + 0.3 * len(largest)))
    ax = figure.subplots()
    ax.barh(range(len(largest)), [n for _, n in largest], color=COLORS[0])
    ax.set_yticks(range(len(largest)), names)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.invert_yaxis()
    ax.set(xlabel="pictures", title=title)
    words = f"{title}; the largest of {len(wrong)} confusions: {_in_words(largest, class_names)}."
    return Drawing(figure, words)


def mistakes(pictures: Pictures, probabilities: Tensor, n: int = 6) -> Drawing | str:
    """Returns the most confident mistakes, each with its prediction and its true class.

    probabilities: float (N, classes), in the order of the pictures, as `predict` returns them.
    """
    labels, names = pictures.labels, pictures.class_names
    shape = (len(pictures), len(names))
    fits = isinstance(probabilities, Tensor) and probabilities.shape == shape
    if not fits or not ((probabilities >= 0) & (probabilities <= 1.001)).all():
        raise CourseError(
            f"The probabilities are {require.summary(probabilities)} and must have the shape "
            f"{shape} and lie between 0 and 1: give what predict returned for these pictures."
        )
    n, probabilities = require.whole(n, "n", 1, SHOWN), probabilities.detach().cpu()
    confidence, answers = probabilities.max(1)
    wrong = torch.where(answers != labels)[0]
    if not len(wrong):
        return f"No mistake among {len(pictures)} pictures."
    worst = wrong[confidence[wrong].argsort(descending=True)][:n].tolist()
    side, titles, words = pictures.preprocess.size, [], []
    for i in worst:
        answer, truth = short(names[answers[i]]), short(names[labels[i]])
        percent = f"{confidence[i]:.0%}"
        titles.append(f"{_wrapped(f'{percent} {answer}')}\n{_wrapped(f'is {truth}')}")
        words.append(f'says "{answer}" {percent}, is "{truth}"')
    return image_grid(
        [center_crop(pictures.decoded[i], [side, side]) for i in worst],
        titles,
        description=f"{len(worst)} of {len(wrong)} mistakes among {len(pictures)} pictures: "
        + "; ".join(words),
    )


def _wrapped(line: str) -> str:
    """Returns a title's line, wrapped to fit above a small picture."""
    return "\n".join(wrap(line.replace("_", " "), 18))


def spread(
    results: Mapping[str, Sequence[float]],
    what: str,
    limits: tuple[float, float] | None = None,
    log: bool = False,
) -> Drawing:
    """Returns a row of dots per method, one dot per seed, with a bar at their mean."""
    results = require.rows(results, "results")
    figure = Figure(figsize=(4.8, 0.75 + 0.38 * len(results)))
    ax = figure.subplots()
    beside = ax.get_yaxis_transform()  # x from 0 to 1 across the axes, y in rows
    for row, values in enumerate(results.values()):
        equal = [values[:seed].count(value) for seed, value in enumerate(values)]  # are stacked
        heights = [row - before * 0.5 / len(values) for before in equal]
        ax.plot(values, heights, "o", color=COLORS[0], alpha=0.5, ms=6)
        ax.plot([np.mean(values)] * 2, [row - 0.3, row + 0.3], color=COLORS[6], lw=2)
        ax.text(1.02, row, spoken(values), transform=beside, va="center", fontsize=9)
    ax.set_yticks(range(len(results)), [label(name) for name in results])
    ax.set(xlabel=label(what), ylim=(len(results) - 0.4, -0.6), xlim=limits)
    if log:
        ax.set_xscale("log")
        ax.xaxis.set(major_locator=LogLocator(subs=(1, 2, 5)), major_formatter="{x:g}")
        ax.minorticks_off()
    ax.grid(axis="x", alpha=0.3)
    words = "; ".join(f"{short(name)}  {spoken(values)}" for name, values in results.items())
    return Drawing(figure, f"{what}, mean and standard deviation: {words}.")


def against(
    curves: Mapping[str, Mapping[float, Sequence[float]]],
    x: str,
    y: str,
    *,
    log: bool = False,
    level: float | None = None,
    level_name: str = "chance",
    limits: tuple[float, float] | None = None,
) -> Drawing:
    """Returns a line per method through its means, with every single value as an open marker.

    curves: {method: {place on the x axis: values, one per seed}}; x, y: the axes in words;
    log: whether the x axis is logarithmic; level: a dotted line, and its name; limits: of y.
    """
    figure = Figure(figsize=(6.4, 3.4))
    ax = figure.subplots()
    told = []
    for i, (name, by_place) in enumerate(curves.items()):
        values = require.rows({str(place): by_place[place] for place in by_place}, label(name))
        places, means, words = sorted(by_place), [], []
        color, marker = COLORS[i % len(COLORS)], MARKERS[i % len(MARKERS)]
        inches = (i - (len(curves) - 1) / 2) / max(12, 4 * len(curves))  # or they hide one another
        beside = ax.transData + ScaledTranslation(inches, 0, figure.dpi_scale_trans)
        for place in places:
            single = values[str(place)]
            means.append(float(np.mean(single)))
            words.append(f"{means[-1]:.2f} at {place:g}")
            if len(single) > 1:
                words[-1] += f" ({min(single):.2f} to {max(single):.2f})"
                look = {"color": color, "mfc": "none", "ms": 4}
                ax.plot([place] * len(single), single, marker, **look)[0].set_transform(beside)
        style = STYLES[i % len(STYLES)]
        ax.plot(places, means, style, marker=marker, color=color, label=label(name))
        told.append(f"{short(name)}: {', '.join(words)}")
    ax.set(xlabel=label(x), ylabel=label(y))
    places = sorted({place for by_place in curves.values() for place in by_place})
    if log:
        ax.set_xscale("log")
        places = [p for p, before in zip(places, [0, *places], strict=False) if p >= 1.5 * before]
    if log or len(places) <= 10:  # ticks where something was measured
        ax.set_xticks(places, [f"{place:g}" for place in places])
        ax.minorticks_off()
    if level is not None:
        ax.axhline(level, color=COLORS[6], ls=":", lw=1, label=label(level_name))
        told.append(f"dotted line, {level_name}: {level:.2f}")
    if limits is not None:  # ylim=None would stop matplotlib from making room for the level
        ax.set_ylim(limits)
    ax.grid(alpha=0.3)
    ax.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    return Drawing(figure, f"{y} against {x}, means (lowest to highest). {'; '.join(told)}.")


def spoken(values: Sequence[float]) -> str:
    """Returns mean, standard deviation and number of seeds, such as "0.940 ± 0.010, 3 seeds"."""
    deviation = f" ± {np.std(values, ddof=1):.3f}, {len(values)} seeds" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{deviation}"


def on_photographs(lesson: str) -> dict[str, str]:
    """Returns what rows of a lesson's table were on photographs: {row: "mean ± deviation"}.

    They were measured once, for everybody, and stand in benchmarks/results.json.
    """
    if not RESULTS.exists():
        return {}
    measured = json.loads(RESULTS.read_text(encoding="utf-8"))["accuracy"]["results"][lesson]
    rows = {}
    for name, value in measured.items():
        deviation, seeds = (measured.get(f"{name}, {w}") for w in ("standard deviation", "seeds"))
        spread = f" ± {deviation:.3f}, {seeds} seeds" if seeds else ""
        rows[name] = f"{value:.3f}{spread}" if isinstance(value, float) else str(value)
    return rows


def closing_table(
    rows: Mapping[str, Sequence[float]], unit: str = "test accuracy", photographs: str = ""
) -> None:
    """Shows the table that closes a lesson, one row per method: mean and spread over seeds.

    photographs: the name of a lesson; what its rows were on photographs stands beside yours.
    The same numbers are attached as JSON, for programs: `course.py run` collects them.
    """
    from IPython.display import display

    rows = require.rows(rows, "rows")
    deviations = {name: float(np.std(v, ddof=1)) for name, v in rows.items() if len(v) > 1}
    table = pd.DataFrame(
        {
            f"{unit}, mean": [f"{np.mean(v):.3f}" for v in rows.values()],
            "standard deviation": [
                f"{deviations[name]:.3f}" if name in deviations else "" for name in rows
            ],
            "seeds": [len(v) for v in rows.values()],
        },
        index=list(rows),
    )
    if photographs:
        known = on_photographs(photographs)
        table["on photographs"] = [known.get(name, "") for name in rows]
    numbers = {}
    for name, values in rows.items():
        numbers[name] = round(float(np.mean(values)), 4)
        if name in deviations:
            numbers[f"{name}, standard deviation"] = round(deviations[name], 4)
            numbers[f"{name}, seeds"] = len(values)
    html_table, text = table.to_html(border=0), table.to_string()
    display({"text/html": html_table, "text/plain": text, NUMBERS: numbers}, raw=True)
