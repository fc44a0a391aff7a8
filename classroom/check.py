"""What a student calls beside an exercise: check, hint, solution, guess, summary.

    check.answer("04.1", freeze)   not attempted; not yet, with a diagnosis; or right, and why
    check.hint("04.1")             a hint, and after an attempt a stronger one
    check.solution("04.1")         how it can be done, once you have tried
    check.guess("04.a", 0.8)       writes a guess down; check.measured("04.a", 0.93) compares
    check.summary()                what was attempted and solved, saved in a file to hand in
    check.guesses("folder")        how the guesses of a class spread, from the files handed in

How answers are judged: classroom/judge.py; the exercises: classroom/exercises/lesson_NN.py.
"""

from __future__ import annotations

import html
import json
import math
import os
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from classroom.judge import EXERCISES, NOT_ATTEMPTED, NOT_YET, RIGHT, Outcome, find, judge
from helpers import CourseError, require
from helpers.kaggle import read_table
from helpers.plot import COLORS, Drawing

SOLUTIONS = Path(__file__).parents[1] / "notebooks/solutions"
SIGNS = {NOT_ATTEMPTED: ("–", COLORS[5]), NOT_YET: ("✗", COLORS[1]), RIGHT: ("✓", COLORS[2])}
MOST = 60  # rows in a figure of guesses
_log: dict[str, dict] = {}  # {exercise or guess: what is known of it}, of this kernel


class Note:
    """A few words with a coloured bar beside them; `code` is shown as code."""

    def __init__(self, head: str, text: str, color: str = COLORS[0], code: bool = False):
        self.head, self.text, self.color, self.code = head, text, color, code

    def __repr__(self) -> str:
        return f"{self.head}{chr(10) if self.code else ' '}{self.text}"

    def _repr_html_(self) -> str:
        text = html.escape(self.text)
        text = f"<pre>{text}</pre>" if self.code else text
        style = f"border-left: 4px solid {self.color}; padding-left: 10px"
        return f'<div style="{style}"><b>{html.escape(self.head)}</b> {text}</div>'


def answer(name: str, given: object) -> Note:
    """Judge an answer to an exercise; whatever was given, an outcome comes back."""
    outcome = judge(name, given)
    known = _note(name, outcome=outcome.state)
    if outcome.state != NOT_ATTEMPTED:
        known["attempts"] = known.get("attempts", 0) + 1
    _tell_grader(outcome)
    sign, color = SIGNS[outcome.state]
    more = f' check.hint("{name}") gives a hint.' if outcome.state == NOT_YET else ""
    return Note(f"{sign} {name}, {outcome.state}:", outcome.text + more, color)


def solved(name: str) -> bool:
    """Whether the last answer to an exercise was right."""
    return _log.get(name, {}).get("outcome") == RIGHT


def hint(name: str) -> Note:
    """The first hint; after an attempt, when asked once more, the stronger one."""
    hints, known = find(name).hints, _note(name)
    if known.get("hints"):
        _attempted(name, "the stronger hint")
    known["hints"] = min(known.get("hints", 0) + 1, len(hints))
    more = "Call this again" if known.get("attempts") else "After an attempt, call this again"
    more = f" ({more} for a stronger one.)" if known["hints"] < len(hints) else ""
    return Note(f"Hint {known['hints']} to {name}:", hints[known["hints"] - 1] + more)


def solution(name: str) -> Note:
    """One way to solve an exercise, from notebooks/solutions; only after an attempt."""
    find(name)
    _attempted(name, "the solution")
    return Note(f"One way to solve {name}:", solution_code(name), code=True)


def solution_code(name: str) -> str:
    """The source of the cell with the id NN-K-solution in lesson NN's file of solutions."""
    wanted = name.replace(".", "-") + "-solution"
    for file in sorted(SOLUTIONS.glob(f"{name[:2]}_*.ipynb")):
        for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]:
            if cell.get("id") == wanted:
                return "".join(cell["source"])
    raise CourseError(f"The solution of {name} is missing in {SOLUTIONS}: get the course again.")


def guess(name: str, value: float | str) -> Note:
    """Write a guess down before you measure; name: of your choice, such as "04.a"."""
    require.instance(name, str, "The name of a guess", 'give a text such as "04.a"')
    known = _log.setdefault(name, {})
    if value is ...:
        return Note("No guess yet:", "write one in place of the dots; no one will grade it.")
    if not isinstance(value, str):
        number = require.number(value, "A guess, a number or a text,")
        value = value if isinstance(value, int) else number
    if "measured" in known and value != known.get("guess"):
        return Note("Too late:", f"the outcome, {_short(known['measured'])}, is known already.")
    known["guess"] = value
    return Note("Your guess:", f"{_short(value)}. Now see what happens.")


def measured(name: str, value: float | str) -> Note:
    """Put what was measured beside the guess of that name."""
    if value is ...:
        return Note("Nothing measured yet:", "put the outcome in place of the dots.")
    require.instance(name, str, "The name of a guess", 'give a text such as "04.a"')
    if not isinstance(value, str):
        value = float(f"{require.number(value, 'What was measured'):.3g}")
    known = _note(name, measured=value)
    if "guess" not in known:
        return Note("Measured:", f"{_short(value)}. You had not written a guess down.")
    text = f"{_short(known['guess'])}, measured: {_short(value)}"
    return Note("Your guess:", text + _distance(known["guess"], value) + ".")


def _distance(guessed: float | str, value: float | str) -> str:
    """How far off in words: a difference, or a factor where that says more."""
    if isinstance(guessed, str) or isinstance(value, str):
        return ""
    if guessed == value:
        return ": exactly that"
    way = "high" if guessed > value else "low"
    low, high = sorted((guessed, value))
    if low > 0 and high > 3 * low:
        return f": too {way} by a factor of {_short(high / low)}"
    return f": {_short(high - low)} too {way}"


def summary(folder: str | Path = ".") -> pd.DataFrame:
    """A table of the lesson's exercises and your guesses; also saved as hand_in_NN.csv.

    Columns: exercise, outcome, attempts, hints, guess, measured.
    """
    folder = require.path(folder, "The folder")
    lessons = sorted({name[:2] for name in _log})
    rows = []
    for name in sorted({n for n in EXERCISES if n[:2] in lessons} | set(_log)):
        known = {"outcome": NOT_ATTEMPTED} if name in EXERCISES else {"outcome": "guess"}
        known |= {"attempts": 0, "hints": 0} if name in EXERCISES else {}
        rows.append({"exercise": name} | known | _log.get(name, {}))
    solved = sum(row["outcome"] == RIGHT for row in rows)
    print(f"{solved} of {sum(row['exercise'] in EXERCISES for row in rows)} exercises solved.")
    columns = ["exercise", "outcome", "attempts", "hints", "guess", "measured"]
    table = pd.DataFrame(rows, columns=columns).astype({"attempts": "Int64", "hints": "Int64"})
    done = table[(table.attempts.fillna(0) > 0) | table.guess.notna()]
    for lesson in sorted(set(done.exercise.str[:2])):
        file = folder / f"hand_in_{lesson}.csv"
        try:
            table[table.exercise.str.startswith(lesson)].to_csv(file, index=False)
        except OSError as error:
            raise CourseError(
                f"{file} cannot be written ({error.strerror}): give summary a folder of your own."
            ) from None
        print(f"Saved as {file.name}: hand it in if your teacher asks for it.")
    return table.astype(object).fillna("").set_index("exercise")


def guesses(folder: str | Path) -> Drawing:
    """How the guesses of a class spread: a row a guess, a dot a person, a bar at what came out."""
    tables = []
    for file in sorted(require.path(folder, "The folder").rglob("*.csv")):
        table = read_table(file)
        if {"exercise", "guess", "measured"} <= set(table):
            tables.append(table)
    if not tables:
        raise CourseError(f"No hand_in_NN.csv is in {folder}: put the files of your class there.")
    found = pd.concat(tables)
    found["guess"] = pd.to_numeric(found.guess, errors="coerce")
    found["measured"] = pd.to_numeric(found.measured, errors="coerce")
    found = found.replace([math.inf, -math.inf], math.nan)
    rows = list(found.dropna(subset=["guess"]).groupby("exercise"))
    if not rows:
        raise CourseError(f"No number stands as a guess in the files of {folder}: add others.")
    if len(rows) > MOST:
        raise CourseError(f"{folder} has {len(rows)} guesses of other names: give one lesson's.")
    figure = Figure(figsize=(6, 0.9 * len(rows) + 0.3))
    told = []
    for ax, (name, group) in zip(
        figure.subplots(len(rows), squeeze=False)[:, 0], rows, strict=True
    ):
        ax.plot(group.guess, [0] * len(group), "o", color=COLORS[0], alpha=0.5, ms=8)
        ax.axvline(group.measured.median(), color=COLORS[1], lw=3)
        ax.set_yticks([0], [f"{name}, n = {len(group)}"])
        told.append(
            f"{name}: median guess {group.guess.median():.3g} of {len(group)}, "
            f"measured {group.measured.median():.3g}"
        )
    ax.set_xlabel("dots: guesses; bar: what was measured")
    figure.tight_layout()
    return Drawing(figure, "Guesses of a class. " + "; ".join(told) + ".")


def _note(name: str, **what: object) -> dict:
    _log.setdefault(name, {}).update(what)
    return _log[name]


def _attempted(name: str, what: str) -> dict:
    known = _log.get(name, {})
    if not known.get("attempts"):
        raise CourseError(f"Try {name} first: check an answer of your own, then ask for {what}.")
    return known


def _short(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.3g}"


def _tell_grader(outcome: Outcome) -> None:
    """Where `course.py grade` runs the notebook, it names a file that wants every outcome."""
    if file := os.environ.get("COURSE_OUTCOMES"):
        with Path(file).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(outcome._asdict()) + "\n")
