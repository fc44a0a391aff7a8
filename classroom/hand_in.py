"""hand_in_NN.csv: what `check.summary` saves, and how a class's guesses are read and drawn from it.

A spreadsheet program may have saved it anew: with semicolons, decimal commas, a byte order mark.
"""

import csv
import io
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from classroom.judge import NOT_ATTEMPTED, NOT_YET, RIGHT
from classroom.room import middle, number
from helpers import CourseError
from helpers.files.atomic import atomic
from helpers.plot import COLORS, Drawing

COLUMNS = ["exercise", "outcome", "attempts", "hints", "solution", "guess", "measured"]
STATES = [NOT_ATTEMPTED, NOT_YET, RIGHT]
WORDS = 6  # different answers in words that are shown
FAR = 3.0  # interquartile ranges; guesses beyond that are shown at the edge


def save(rows: list[dict], file: Path) -> None:
    """Writes rows, together with what the file holds already, of which nothing is lost.

    Raises OSError if the file cannot be written, CourseError if it holds something else.
    """
    kept = read(file) if file.exists() else []
    known = {row["exercise"]: _merged(row, {}) for row in kept}
    for row in rows:
        known[row["exercise"]] = _merged(known.get(row["exercise"], {}), row)
    table = pd.DataFrame([known[name] for name in sorted(known)], columns=COLUMNS)
    table = table.astype({"attempts": "Int64", "hints": "Int64"})
    with atomic(file) as part:
        table.to_csv(part, index=False)


def _merged(old: dict, new: dict) -> dict:
    row = old | new
    both = [each["outcome"] for each in (old, new) if each.get("outcome") in STATES]
    if both:
        row["outcome"] = max(both, key=STATES.index)
    for name in ("attempts", "hints"):
        counts = [number(each[name]) for each in (old, new) if name in each]
        counts = [int(count) for count in counts if isinstance(count, float | int)]
        if counts:
            row[name] = max(counts)
        else:
            row.pop(name, None)
    if "solution" in old:  # what was seen first counts
        row["solution"] = old["solution"]
    return row


def read(file: Path) -> list[dict[str, str]]:
    """Returns the rows of a hand-in, each without its empty columns.

    Raises CourseError if it is none.
    """
    data = file.read_bytes()
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    if text.lower().startswith("sep="):  # a spreadsheet's own first line
        text = text.partition("\n")[2]
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    rows = []
    try:
        for line in csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter):
            pairs = ((str(name).strip().lower(), value) for name, value in line.items())
            rows.append({k: v.strip() for k, v in pairs if isinstance(v, str) and v.strip()})
    except csv.Error:
        head = ""
    if "exercise" not in head.lower():
        raise CourseError(f"{file.name} is no hand-in: rename it, or put it elsewhere.")
    return [row for row in rows if "exercise" in row]


def read_guesses(folder: Path) -> dict[str, tuple[list, list]]:
    """Returns {question: guesses, measured}, numbers and words, of all hand-ins in a folder."""
    questions: dict[str, tuple[list, list]] = {}
    for file in sorted(folder.rglob("*.csv")):
        try:
            rows = read(file)
        except (CourseError, OSError) as error:
            print(f"Left out {file.name}: {getattr(error, 'strerror', None) or error}")
            continue
        for row in rows:
            guesses, measured = questions.setdefault(row["exercise"], ([], []))
            guesses += [number(row["guess"])] if "guess" in row else []
            measured += [number(row["measured"])] if "measured" in row else []
    return {name: both for name, both in sorted(questions.items()) if both[0]}


def as_fraction(guess: float, outcome: object) -> float:
    """Returns 0.85 for 85 where the outcome is a fraction and 85 is far from it."""
    if not isinstance(outcome, float) or not 0 < outcome <= 1 or not 1 < guess <= 100:
        return guess
    far, near = (abs(math.log(value / outcome)) for value in (guess, guess / 100))
    return guess / 100 if near < far else guess


def spread(folder: Path) -> Drawing:
    """Draws the guesses of a class: a row for each question, a dot for each person."""
    questions = read_guesses(folder)
    if not questions:
        raise CourseError(
            f"No hand_in_NN.csv in {folder} holds a guess: put the files of your class there."
        )
    figure = Figure(figsize=(6, 0.9 * len(questions) + 0.3))
    axes = figure.subplots(len(questions), squeeze=False)[:, 0]
    said = [draw(ax, name, *both) for ax, (name, both) in zip(axes, questions.items(), strict=True)]
    axes[-1].set_xlabel("dots: guesses; bar: what was measured")
    figure.tight_layout()
    return Drawing(figure, "Guesses of a class. " + "; ".join(said) + ".")


def draw(ax: Axes, name: str, guesses: list, measured: list) -> str:
    """Draws one question and returns the same in words."""
    outcome = middle(measured)
    told = [guess for guess in guesses if isinstance(guess, float)]
    numbers = np.array([as_fraction(guess, outcome) for guess in told])
    words = Counter(guess for guess in guesses if isinstance(guess, str)).most_common()
    notes = [f"{count} x {word[:30]}" for word, count in words[:WORDS]]
    notes += ["other words"] if len(words) > WORDS else []
    if percentages := sum(a != b for a, b in zip(told, numbers, strict=True)):
        notes.append(f"{percentages} read as a percentage")
    if len(numbers):
        low, high = limits(numbers, outcome)
        far = (numbers < low) | (numbers > high)
        ax.plot(numbers[~far], [0] * sum(~far), "o", color=COLORS[0], alpha=0.5, ms=8)
        for marker, beyond, edge in (("<", numbers < low, low), (">", numbers > high, high)):
            ax.plot([edge] * sum(beyond), [0] * sum(beyond), marker, color=COLORS[1], ms=8)
            notes += [f"beyond: {written(value)}" for value in sorted(numbers[beyond])[:3]]
        ax.set_xlim(low - 0.05 * (high - low), high + 0.05 * (high - low))
    else:
        ax.set_xticks([])
    if isinstance(outcome, float) and len(numbers):
        ax.axvline(outcome, color=COLORS[1], lw=3)
    ax.set_yticks([0], [f"{name}, n = {len(guesses)}"])
    ax.set_title("; ".join(notes), fontsize=8, loc="left")
    middle_guess = (
        f"median guess {written(np.median(numbers))}" if len(numbers) else "guesses in words"
    )
    came = written(outcome) if isinstance(outcome, float) else outcome or "nothing yet"
    sentence = f"{name}: {middle_guess} of {len(guesses)}, measured {came}"
    return ", ".join([sentence, *notes])


def written(value: float) -> str:
    """Returns a number as a person writes it, in three digits or more: 0.125, 12.3, 1,826."""
    return f"{value:,.0f}" if 999.5 <= abs(value) < 1e15 else f"{value:.3g}"


def limits(numbers: np.ndarray, outcome: object) -> tuple[float, float]:
    """Returns the ends of an axis that far guesses do not flatten; it shows the outcome."""
    first, last = np.quantile(numbers, [0.25, 0.75])
    reach = FAR * ((last - first) or 0.1 * abs(last) or 1.0)
    near = numbers[(numbers >= first - reach) & (numbers <= last + reach)]
    ends = [*near, outcome] if isinstance(outcome, float) else [*near]
    low, high = float(min(ends)), float(max(ends))
    return (low, high) if high > low else (low - 0.5, high + 0.5)
