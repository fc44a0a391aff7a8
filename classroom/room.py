"""What a class has guessed, measured and solved: checked, kept in SQLite, summed up for the wall.

Nothing is stored but the question or exercise, which begins with its lesson, the guess, the
outcome and a pseudonym, which is random unless the student gave a name.
"""

import json
import re
import sqlite3
import statistics
import time
import unicodedata
from collections import Counter
from contextlib import closing
from pathlib import Path

STATES = ("not yet", "right")
SIGNS = " .,:%+-−–/()<>=~≈±°?!&*×"
MESSAGE = 20_000  # bytes
RECORDS = 100  # in a message
PEOPLE, PEOPLE_HERE, NAMES = 1000, 300, 200  # in all, at one address, and questions of one person
PER_PERSON, PER_ADDRESS, WINDOW = 60, 2000, 10.0  # messages within so many seconds
WORDS = 8  # different answers in words that are shown; the others are counted
TABLE = """CREATE TABLE IF NOT EXISTS said (person TEXT, alias TEXT, name TEXT, guess, measured,
outcome TEXT, PRIMARY KEY (person, name))"""
KEEP = """INSERT INTO said VALUES (:person, :alias, :name, :guess, :measured, :outcome)
ON CONFLICT DO UPDATE
SET alias = :alias, guess = :guess, measured = :measured, outcome = :outcome"""

NOT_A_MESSAGE = "This is no message of a lesson: set COURSE_CLASS and let check.guess send it."
TOO_LARGE = f"A message has at most {MESSAGE // 1000} kB: make it smaller."
NO_NAME = (
    "A question is named by its lesson's number and at most 80 letters, digits and simple signs: "
    'choose a name such as "04 accuracy".'
)
NO_VALUE = "A guess is a number or at most 60 letters, digits and simple signs: write it as such."
NO_ALIAS = "A name has at most 30 letters, digits and simple signs: set COURSE_NAME to such a one."
TOO_FAST = "That is more than a class can say: wait ten seconds, and send it again."
FULL = "This class takes in no more: ask your teacher to start `course.py class` with a new file."
NOT_SAVED = "The teacher's computer cannot save that: wait; it goes along with your next guess."


class Refused(Exception):
    """Its text is the sentence that the sender gets; `status` is HTTP's."""

    def __init__(self, sentence: str, status: int = 400):
        super().__init__(sentence)
        self.status = status


class Room:
    """A class. `changed` holds a set for each page that is open: the names that it must redraw."""

    def __init__(self, file: Path):
        file.parent.mkdir(parents=True, exist_ok=True)
        self.file, self.changed = file, []
        self.said: dict[str, dict[str, dict]] = {}  # {question: {person: row}}
        self.names: dict[str, set[str]] = {}  # of the questions of a person
        self.revealed: set[str] = set()
        self.here: dict[str, set[str]] = {}  # {address: people}
        self.counts, self.window = Counter(), 0
        self.database = sqlite3.connect(file, isolation_level=None)
        self.database.row_factory = sqlite3.Row
        self.database.execute("PRAGMA journal_mode = WAL")  # a killed process leaves it whole
        self.database.execute("PRAGMA synchronous = NORMAL")
        self.database.execute(TABLE)
        with closing(self.database.execute("SELECT * FROM said ORDER BY rowid")) as rows:
            for row in rows:
                self._remember(dict(row))

    def hear(self, body: bytes, address: str) -> None:
        """Keeps what a message says. Raises Refused; what is right in the message is kept then."""
        self._slow_down(address, PER_ADDRESS)
        person, alias, records = read(body)
        self._slow_down(f"{address} {person}", PER_PERSON)
        self._admit(person, address)
        refused = None
        for record in records:
            try:
                self._keep({"person": person, "alias": alias, **check(record)})
            except Refused as error:
                refused = error
        if refused:
            raise refused

    def reveal(self, name: object) -> None:
        """Shows what was measured on all pages, or hides it again."""
        if name not in self.said:
            raise Refused(NO_NAME)
        self.revealed ^= {name}
        self._change(name)

    def summary(self, name: str) -> dict:
        """Returns what a page shows of a question or an exercise, nobody's guess by their name."""
        rows = self.said[name].values()
        guesses = [number(row["guess"]) for row in rows if row["guess"] is not None]
        measured = [number(row["measured"]) for row in rows if row["measured"] is not None]
        texts = [guess for guess in guesses if isinstance(guess, str)]
        spelled = {text.casefold(): text for text in reversed(texts)}  # as the first one wrote it
        counts = Counter(map(str.casefold, texts)).most_common()
        words = [(spelled[folded], count) for folded, count in counts]
        others = sum(count for _, count in words[WORDS:])
        right = [row for row in rows if row["outcome"] == "right"]
        return {
            "name": name,
            "place": list(self.said).index(name),
            "guesses": len(guesses),
            "numbers": sorted(guess for guess in guesses if isinstance(guess, float)),
            "words": words[:WORDS] + ([("other", others)] if others else []),
            "known": len(measured),
            "shown": name in self.revealed,
            "measured": middle(measured) if name in self.revealed else None,
            "tried": sum(row["outcome"] is not None for row in rows),
            "right": len(right),
            "who": sorted({row["alias"] for row in right} - {""})[:60],
            "people": len(self.names),
        }

    def _slow_down(self, sender: str, most: int) -> None:
        window = time.monotonic() // WINDOW
        if window != self.window:
            self.counts, self.window = Counter(), window
        self.counts[sender] += 1
        if self.counts[sender] > most:
            raise Refused(TOO_FAST, 429)

    def _admit(self, person: str, address: str) -> None:
        here = self.here.setdefault(address, set())
        if person not in here and len(here) >= PEOPLE_HERE:
            raise Refused(FULL)
        if person not in self.names and len(self.names) >= PEOPLE:
            raise Refused(FULL)
        here.add(person)

    def _keep(self, new: dict) -> None:
        person, name = new["person"], new["name"]
        if name not in self.names.get(person, ()) and len(self.names.get(person, ())) >= NAMES:
            raise Refused(FULL)
        old = self.said.get(name, {}).get(person, {})
        row = new | {key: value for key, value in old.items() if new[key] is None}
        if old.get("outcome") == "right":  # who goes on trying has solved it all the same
            row["outcome"] = "right"
        if row != old:
            try:
                self.database.execute(KEEP, row)
            except sqlite3.Error as error:
                print(f"{self.file} cannot be written ({error}): free some space.", flush=True)
                raise Refused(NOT_SAVED, 503) from None
            self._remember(row)
            self._change(name)

    def _remember(self, row: dict) -> None:
        self.said.setdefault(row["name"], {})[row["person"]] = row
        self.names.setdefault(row["person"], set()).add(row["name"])

    def _change(self, name: str) -> None:
        for page in self.changed:
            page.add(name)


def read(body: bytes) -> tuple[str, str, list]:
    """Returns the person, the name that they gave, and the records. Raises Refused."""
    if len(body) > MESSAGE:
        raise Refused(TOO_LARGE, 413)
    try:
        message = json.loads(body)
        person, alias, records = message["person"], message.get("alias", ""), message["said"]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise Refused(NOT_A_MESSAGE) from None
    if not isinstance(person, str) or not re.fullmatch("[0-9a-f]{16}", person):
        raise Refused(NOT_A_MESSAGE)
    if not isinstance(records, list) or not 0 < len(records) <= RECORDS:
        raise Refused(NOT_A_MESSAGE)
    if alias != "" and not plain(alias, 30):
        raise Refused(NO_ALIAS)
    return person, alias.strip(), records


def check(record: object) -> dict:
    """Returns a record's name, guess, measured and outcome, None where it has none.

    Raises Refused.
    """
    if not isinstance(record, dict):
        raise Refused(NOT_A_MESSAGE)
    name, outcome = record.get("name"), record.get("outcome")
    if not plain(name, 80) or not re.match(r"[0-9]{2}[ .]\S", name):
        raise Refused(NO_NAME)
    values = {key: record.get(key) for key in ("guess", "measured")}
    for key, value in values.items():
        if value is not None and not plain(value, 60):
            small = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not small or not abs(value) <= 1e15:  # nor is nan
                raise Refused(NO_VALUE)
            values[key] = float(value)
    if outcome is not None and outcome not in STATES:
        raise Refused(NOT_A_MESSAGE)
    return {"name": name, **values, "outcome": outcome}


def plain(text: object, most: int) -> bool:
    """Returns whether this is text of letters, digits and signs that no language of machines needs.

    An apostrophe stands between letters.
    """
    if not isinstance(text, str) or not 0 < len(text) <= most or not text.strip():
        return False
    if re.search(r"<\s*[^\W\d]|<\s*[/!?]|--", text):
        return False
    bare = re.sub(r"(?<=\w)['’](?=\w)", "", text)
    return all(sign in SIGNS or unicodedata.category(sign)[0] in "LMN" for sign in bare)


def number(value: float | str) -> float | str:
    """Returns what a text such as "0,9" or "90 %" means, and words as they are."""
    if not isinstance(value, str):
        return value
    text = " ".join(value.split())
    match = re.fullmatch(r"([+-]?\d*[.,]?\d+(?:[eE][+-]?\d+)?)\s*(%?)", text, re.ASCII)
    if not match:
        return text
    amount = float(match[1].replace(",", "."))
    if not abs(amount) <= 1e15:
        return text
    return amount / 100 if match[2] else amount


def middle(values: list[float | str]) -> float | str | None:
    """Returns the median of what was measured; if most of it is words, the most frequent."""
    numbers = [value for value in values if isinstance(value, float)]
    if 2 * len(numbers) > len(values):
        return statistics.median(numbers)
    return Counter(map(str, values)).most_common(1)[0][0] if values else None
