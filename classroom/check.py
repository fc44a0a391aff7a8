"""What a student calls beside an exercise: check, hint, solution, guess, summary.

    check.answer("04.1", freeze)   not attempted; not yet, with a diagnosis; or right, and why
    check.hint("04.1")             a hint, and after an attempt a stronger one
    check.solution("04.1")         how it can be done, once you have tried
    check.guess("04.a", 0.8)       writes a guess down; check.measured("04.a", 0.93) compares
    check.summary()                what was attempted and solved, saved in a file to hand in;
                                   a restarted kernel remembers it, in build/progress.json
    check.guesses("folder")        how the guesses of a class spread, from the files handed in

How answers are judged: classroom/judge.py; the exercises and the texts of their hints:
classroom/exercises/lesson_NN.py.
"""

from __future__ import annotations

import html
import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pandas as pd

from classroom import hand_in, live, progress
from classroom.hand_in import COLUMNS, spread, written
from classroom.judge import EXERCISES, NOT_ATTEMPTED, NOT_YET, RIGHT, find, outcome_of
from classroom.kinds import ANSWER, to_json
from helpers import CourseError, require
from helpers.plot import COLORS, Drawing

SOLUTIONS = Path(__file__).parents[1] / "notebooks/solutions"
SIGNS = {NOT_ATTEMPTED: ("–", COLORS[5]), NOT_YET: ("✗", COLORS[1]), RIGHT: ("✓", COLORS[2])}
GRADED = os.environ.get("COURSE_ANSWERS")  # set by `course.py grade`: a file for the answers
LONGEST = 20_000  # characters of an answer in the output of its check
_log: dict[str, dict] = {}  # {exercise or guess: its columns}, of what this kernel has met
_solved: set[str] = set()  # what it has solved itself, and can use in other cells


class Note:
    """A few words with a coloured bar beside them; `code` is shown as code."""

    def __init__(self, head: str, text: str, color: str = COLORS[0], code: bool = False):
        self.head, self.text, self.color, self.code = head, text, color, code
        self.given = ""  # the answer that it is about, for programs

    def __repr__(self) -> str:
        separator = "\n" if self.code else " "
        return f"{self.head}{separator}{self.text}"

    def _repr_html_(self) -> str:
        text = html.escape(self.text)
        text = f"<pre>{text}</pre>" if self.code else text
        style = f"border-left: 4px solid {self.color}; padding-left: 10px"
        return f'<div style="{style}"><b>{html.escape(self.head)}</b> {text}</div>'

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {ANSWER: self.given} if self.given else {}


def answer(name: str, value: object) -> Note:
    """Judges an answer to an exercise and returns the outcome, whatever the answer is."""
    if GRADED:
        return _hand_over(name, value)
    outcome = outcome_of(name, value)
    with _record(name) as record:
        if outcome.state != NOT_ATTEMPTED:
            record["outcome"], record["attempts"] = outcome.state, record.get("attempts", 0) + 1
    _solved.discard(name)
    if outcome.state == RIGHT:
        _solved.add(name)
    if outcome.printed:
        print(f"Your code printed:\n{outcome.printed.rstrip()}")
    sign, color = SIGNS[outcome.state]
    more = f' check.hint("{name}") gives a hint.' if outcome.state == NOT_YET else ""
    note = Note(f"{sign} {name}, {outcome.state}:", outcome.text + more, color)
    if outcome.state != NOT_ATTEMPTED and find(name).takes is None:
        note.given = shown_to_grade(name, value)
    return note


def shown_to_grade(name: str, value: object) -> str:
    """Returns an answer that is data as `course.py grade` reads it, "" if it is too long for one.

    It stands in the output of the check, where nobody sees it: what took minutes to measure need
    not be measured again.
    """
    with suppress(Exception):  # of an object that stands in place of an answer
        if math.prod(getattr(value, "shape", ())) <= LONGEST:
            text = json.dumps({"exercise": name, "answer": to_json(value)})
            return text if len(text) <= LONGEST else ""
    return ""


def solved(name: str) -> bool:
    """Returns whether the last answer to an exercise in this kernel was right."""
    return name in _solved


def hint(name: str) -> Note:
    """Returns the first hint, and if asked again after an attempt, the stronger one."""
    if GRADED:
        return Note(f"Hint to {name}:", "not shown while it is graded.")
    hints = find(name).hints
    with _record(name) as record:
        if record.get("hints"):
            _require_attempt(name, "the stronger hint")
        record["hints"] = min(record.get("hints", 0) + 1, len(hints))
    text = hints[record["hints"] - 1]
    if record["hints"] < len(hints):
        when = "Call this again" if record.get("attempts") else "After an attempt, call this again"
        text += f" ({when} for a stronger one.)"
    return Note(f"Hint {record['hints']} to {name}:", text)


def solution(name: str) -> Note:
    """Returns one way to solve an exercise, from notebooks/solutions; only after an attempt."""
    if GRADED:
        return Note(f"One way to solve {name}:", "not shown while it is graded.")
    find(name)
    _require_attempt(name, "the solution")
    with _record(name) as record:
        when = "after" if record.get("outcome") == RIGHT else "before"
        record.setdefault("solution", f"viewed {when} solving")
    return Note(f"One way to solve {name}:", solution_code(name), code=True)


def solution_code(name: str) -> str:
    """Returns the source of the cell NN-K-solution in lesson NN's file of solutions."""
    cell_id = name.replace(".", "-") + "-solution"
    for file in sorted(SOLUTIONS.glob(f"{name[:2]}_*.ipynb")):
        for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]:
            if cell.get("id") == cell_id:
                return "".join(cell["source"])
    raise CourseError(f"The solution of {name} is missing in {SOLUTIONS}: get the course again.")


def guess(name: str, value: float | str) -> Note:
    """Writes a guess down before you measure; name: of your choice, such as "04.a"."""
    with _record(name) as record:
        if value is ...:
            return Note("No guess yet:", "write one in place of the dots; no one will grade it.")
        if not isinstance(value, str):
            value = require.number(value, "A guess, a number or a text,")
        if "measured" in record and value != record.get("guess"):
            outcome = _short(record["measured"])
            return Note("Too late:", f"the outcome, {outcome}, is known already.")
        record["guess"] = value
    return Note("Your guess:", f"{_short(value)}. Now see what happens.")


def measured(name: str, value: float | str) -> Note:
    """Puts what was measured beside the guess of that name."""
    if value is ...:
        return Note("Nothing measured yet:", "put the outcome in place of the dots.")
    if not isinstance(value, str):
        value = require.number(value, "What was measured")
        value = float(written(value).replace(",", ""))
    with _record(name) as record:
        record["measured"] = value
    if "guess" not in record:
        return Note("Measured:", f"{_short(value)}. You had not written a guess down.")
    text = f"{_short(record['guess'])}, measured: {_short(value)}"
    return Note("Your guess:", text + _distance(record["guess"], value) + ".")


def _distance(guessed: float | str, value: float | str) -> str:
    """Returns how far off a guess is: a difference, or a factor where that says more."""
    if isinstance(guessed, str) or isinstance(value, str):
        return ""
    if guessed == value:
        return ": exactly that"
    way = "high" if guessed > value else "low"
    low, high = sorted((guessed, value))
    if low > 0 and high > 3 * low:
        return f": too {way} by a factor of {_short(high / low)}"
    return f": {_short(high - low)} too {way}"


def _short(value: float | str) -> str:
    return value if isinstance(value, str) else written(value)


def summary(folder: str | Path = ".") -> pd.DataFrame:
    """Returns a table of the lesson's exercises and your guesses; also saved as hand_in_NN.csv.

    Columns: exercise, outcome, attempts, hints, solution (if one was viewed), guess, measured.
    What is in such a file already stays: whoever has solved an exercise has solved it.
    """
    folder = require.path(folder, "The folder")
    log = progress.read() | _log
    lessons = {name[:2] for name in _log or log}
    for lesson in lessons:
        with suppress(CourseError):  # one without exercises
            find(f"{lesson}.1")
    exercises = {name for name in EXERCISES if name[:2] in lessons}
    untouched = {"outcome": NOT_ATTEMPTED, "attempts": 0, "hints": 0}
    rows = []
    for name in sorted(exercises.union(name for name in log if name[:2] in lessons)):
        blank = untouched if name in exercises else {"outcome": "guess"}
        rows.append({"exercise": name, **blank, **log.get(name, {})})
    right = sum(row["outcome"] == RIGHT for row in rows)
    print(f"{right} of {len(exercises)} exercises solved.")
    shown = [name for name in COLUMNS if name != "solution" or any(name in row for row in rows)]
    table = pd.DataFrame(rows, columns=shown).astype({"attempts": "Int64", "hints": "Int64"})
    worked_on = table[(table.attempts.fillna(0) > 0) | table.guess.notna()]
    for lesson in sorted(set(worked_on.exercise.str[:2])):
        file = folder / f"hand_in_{lesson}.csv"
        try:
            hand_in.save([row for row in rows if row["exercise"].startswith(lesson)], file)
        except OSError as error:
            raise CourseError(
                f"{file} cannot be written ({error.strerror}): give summary a folder of your own."
            ) from None
        print(f"Saved as {file.name}: hand it in if your teacher asks for it.")
    return table.astype(object).fillna("").set_index("exercise")


def guesses(folder: str | Path) -> Drawing:
    """Draws how the guesses of a class spread: a row for each question, a dot for each person.

    folder: holds the class's hand_in_NN.csv, also in folders of their own. A bar in each row
    shows what was measured.
    """
    return spread(require.path(folder, "The folder"))


@contextmanager
def _record(name: str) -> Iterator[dict]:
    """What is known of an exercise or a guess; changes are kept."""
    require.instance(name, str, "The name of a guess", 'give a text such as "04.a"')
    record = _known(name)
    before = dict(record)
    yield record
    if record != before:
        progress.keep(name, record)
    live.tell(name, record)


def _known(name: str) -> dict:
    if name not in _log:
        _log[name] = progress.read().get(name, {})
    return _log[name]


def _require_attempt(name: str, wish: str) -> None:
    if not _known(name).get("attempts"):
        raise CourseError(f"Try {name} first: check an answer of your own, then ask for {wish}.")


def _hand_over(name: str, value: object) -> Note:
    """Writes an answer that is data down for `course.py grade`, which judges it elsewhere."""
    line = json.dumps({"exercise": str(name), "answer": to_json(value)})
    with Path(GRADED).open("a", encoding="utf-8") as lines:
        lines.write(line + "\n")
    return Note(f"{name}:", "handed over.")
