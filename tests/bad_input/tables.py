"""CSV files: labels of a competition, submissions, answers, the files that a class hands in."""

import gzip
import io
import zipfile
from pathlib import Path

from PIL import Image

from classroom import check
from helpers import kaggle
from helpers.kaggle import read_layout, read_table
from tests.bad_input import Case

LABELS = "id,label\n1,ant\n2,bee\n3,ant\n4,bee\n"
RIGHT = {"1": "ant", "2": "bee", "3": "ant", "4": "bee"}
SAMPLE = "id,ant,bee\n5,0.5,0.5\n6,0.5,0.5\n"
GOOD = "id,ant,bee\n5,0.9,0.1\n6,0.2,0.8\n"


def zipped(text: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as box:
        box.writestr("trainLabels.csv", text)
    return stream.getvalue()


def competition(folder: Path, labels: str | bytes) -> Path:
    """Four pictures to learn from, two to test, and this table of labels."""
    for part, numbers in (("train", range(1, 5)), ("test", (5, 6))):
        (folder / part).mkdir()
        for i in numbers:
            Image.new("RGB", (4, 4)).save(folder / part / f"{i}.png")
    data = labels.encode() if isinstance(labels, str) else labels
    (folder / "trainLabels.csv").write_bytes(data)
    return folder


def labels_of(labels: str | bytes):
    return lambda folder: read_layout(competition(folder, labels)).labels


def reads(labels: str | bytes, wanted: dict):
    return lambda folder: labels_of(labels)(folder) == wanted


NAMED = {"1": "NaN", "2": "None", "3": "NaN", "4": "None"}
USABLE_LABELS = {
    "labels with a byte order mark": ("\ufeff" + LABELS, RIGHT),
    "labels with lines as in Windows": (LABELS.replace("\n", "\r\n"), RIGHT),
    "labels with lines as in old Macs": (LABELS.replace("\n", "\r"), RIGHT),
    "labels without a last line end": (LABELS.rstrip(), RIGHT),
    "labels with empty lines": (LABELS.replace("\n", "\n\n"), RIGHT),
    "labels in quotes": (LABELS.replace("ant", '"ant"'), RIGHT),
    "labels in another order": ("id,label\n4,bee\n1,ant\n3,ant\n2,bee\n", RIGHT),
    "a comma within quotes": (
        LABELS.replace("ant", '"ant, red"'),
        {i: name.replace("ant", "ant, red") for i, name in RIGHT.items()},
    ),
    "classes called NaN and None": (LABELS.replace("ant", "NaN").replace("bee", "None"), NAMED),
    "classes with accents": (
        LABELS.replace("bee", "abeille noire é"),
        {i: name.replace("bee", "abeille noire é") for i, name in RIGHT.items()},
    ),
}
FILE = "trainLabels.csv"
REFUSED_LABELS = {
    "labels, empty file": ("", FILE),
    "labels, only line ends": ("\n\n\n", FILE),
    "labels, header alone": ("id,label\n", "1.png"),
    "labels without header": (LABELS.partition("\n")[2], "1, ant"),
    "labels with semicolons": (LABELS.replace(",", ";"), "id;label"),
    "labels with tabs": (LABELS.replace(",", "\t"), FILE),
    "labels with spaces after commas": (LABELS.replace(",", ", "), FILE),
    "labels, columns in capitals": (LABELS.replace("id,label", "ID,Label"), "ID, Label"),
    "labels, column missing": ("id\n1\n2\n3\n4\n", FILE),
    "labels, a column too many": (LABELS.replace("\n", ",x\n"), "id, label, x"),
    "labels, columns swapped": (LABELS.replace("id,label", "label,id"), "label, id"),
    "labels, a column twice": (LABELS.replace("id,label", "id,id"), "id, id.1"),
    "labels, thousands of columns": (",".join(map(str, range(5000))) + "\n", FILE),
    "labels, a row too long": (LABELS.replace("3,ant", "3,ant,red"), FILE),
    "labels, all rows too long": (LABELS.replace("ant", "ant,x").replace("bee", "bee,x"), FILE),
    "labels, a row too short": (LABELS.replace("3,ant", "3"), FILE),
    "labels, two rows too short": (
        LABELS.replace("ant", "").replace("1,", "1").replace("3,", "3"),
        FILE,
    ),
    "labels, empty label": (LABELS.replace("ant", ""), FILE),
    "labels, an id twice": (LABELS.replace("3,ant", "1,ant"), "id 1"),
    "labels, an id without picture": (LABELS + "9,ant\n", "id 9"),
    "labels, an id missing": (LABELS.replace("4,bee\n", "").replace("3,ant", "3,bee"), FILE),
    "labels, ids as floats": (LABELS.replace(",", ".0,").replace("id.0", "id"), "id 1.0"),
    "labels, ids with zeros": (LABELS.replace("\n", "\n00").rstrip("0"), "id 001"),
    "labels, negative ids": ("id,label\n-1,ant\n-2,bee\n-3,ant\n-4,bee\n", "id -1"),
    "labels, class with a slash": (LABELS.replace("ant", "a/nt"), "a/nt"),
    "labels, class of two dots": (LABELS.replace("ant", ".."), '".."'),
    "labels, class with one picture": (LABELS.replace("3,ant", "3,bee"), '"ant"'),
    "labels, quote without end": (LABELS.replace("3,ant", '3,"ant'), FILE),
    "labels, binary": (bytes(range(256)) * 9, FILE),
    "labels, zero bytes": (bytes(400), FILE),
    "labels, UTF-16": (LABELS.encode("utf-16"), FILE),
    "labels, Latin-1": (LABELS.replace("bee", "béé").encode("latin-1"), FILE),
    "labels, web page": ("<!DOCTYPE html>\n<html><body>Sign in, please</body></html>", FILE),
    "labels, zip in place of CSV": (zipped(LABELS), FILE),
    "labels, gzip in place of CSV": (gzip.compress(LABELS.encode(), mtime=0), FILE),
}


def submission(text: str):
    """Validate a submission for two pictures, with probabilities for two classes."""

    def act(folder: Path) -> str:
        (folder / "sample.csv").write_text(SAMPLE, encoding="utf-8")
        (folder / "mine.csv").write_bytes(text.encode())
        return kaggle.validate_submission(folder / "mine.csv", folder / "sample.csv")

    return act


def accepted(text: str):
    return lambda folder: submission(text)(folder).startswith("2 answers")


USABLE_SUBMISSIONS = {
    "submission with a byte order mark": "\ufeff" + GOOD,
    "submission with lines as in Windows": GOOD.replace("\n", "\r\n"),
    "submission in another order": "id,ant,bee\n6,0.2,0.8\n5,0.9,0.1\n",
    "submission in quotes": GOOD.replace("0.9", '"0.9"'),
    "submission, exponents": GOOD.replace("0.9", "9e-1"),
    "submission, whole numbers": "id,ant,bee\n5,1,0\n6,0,1\n",
}
REFUSED_SUBMISSIONS = {
    "submission, empty file": ("", "mine.csv"),
    "submission, header alone": ("id,ant,bee\n", "id 5"),
    "submission, NaN": (GOOD.replace("0.9", "nan"), "id 5"),
    "submission, infinite": (GOOD.replace("0.9", "inf"), "id 5"),
    "submission, negative": (GOOD.replace("0.9", "-0.9"), "id 5"),
    "submission, above 1": (GOOD.replace("0.9", "1.9"), "id 5"),
    "submission, too large to hold": (GOOD.replace("0.9", "1e400"), "id 5"),
    "submission, sum not 1": (GOOD.replace("0.9", "0.7"), "id 5"),
    "submission, empty cell": (GOOD.replace("0.9", ""), "id 5"),
    "submission, words": (GOOD.replace("0.9", "high"), "id 5"),
    "submission, percent": (GOOD.replace("0.9", "90%"), "id 5"),
    "submission, commas in numbers": (GOOD.replace(".", ","), "mine.csv"),
    "submission, semicolons": (GOOD.replace(",", ";"), "mine.csv"),
    "submission, an id twice": (GOOD.replace("\n6", "\n5"), "id 5"),
    "submission, an id missing": (GOOD.replace("6,0.2,0.8\n", ""), "id 6"),
    "submission, an id of nothing": (GOOD.replace("\n6", "\n7"), "id 7"),
    "submission, ids as floats": (GOOD.replace("\n5", "\n5.0"), "id 5.0"),
    "submission, columns swapped": (GOOD.replace("ant,bee", "bee,ant"), "id, bee, ant"),
    "submission, column missing": ("id,ant\n5,1\n6,1\n", "id, ant"),
    "submission, index of pandas": (",id,ant,bee\n0,5,1,0\n1,6,0,1\n", "mine.csv"),
    "submission, two at once": (GOOD + GOOD, "id"),
    "submission, row too short": (GOOD.replace(",0.1", ""), "id 5"),
}


def scored(text: str, answers: str):
    def act(folder: Path) -> dict:
        (folder / "mine.csv").write_text(text, encoding="utf-8")
        (folder / "answers.csv").write_text(answers, encoding="utf-8")
        return kaggle.score(folder / "mine.csv", folder / "answers.csv")

    return act


ANSWERS = "id,label\n5,ant\n6,bee\n"
SCORES = {
    "answers without classes": (GOOD, "id\n5\n6\n", "answers.csv"),
    "answers about others": (GOOD, "id,label\n7,ant\n8,bee\n", "answers.csv"),
    "answers of unknown classes": (GOOD, ANSWERS.replace("bee", "cow"), '"cow"'),
    "scored, no probabilities": (GOOD.replace("0.9", "x"), ANSWERS, "mine.csv"),
    "scored, zeros alone": ("id,ant,bee\n5,0,0\n6,0,1\n", ANSWERS, "mine.csv"),
    "scored, an id twice": ("id,ant,bee\n5,1,0\n5,0,1\n", ANSWERS, "mine.csv"),
    "scored, empty file": ("", ANSWERS, "mine.csv"),
}
HEAD = "exercise,outcome,attempts,hints,guess,measured\n"


def class_of(*texts: str | bytes):
    """How a class guessed, from these files."""

    def act(folder: Path) -> str:
        for i, text in enumerate(texts):
            data = text.encode() if isinstance(text, str) else text
            (folder / f"hand_in_{i}.csv").write_bytes(data)
        return repr(check.guesses(folder))

    return act


def counted(*texts: str | bytes):
    return lambda folder: "median guess 0.5 of 1" in class_of(*texts)(folder)


ONE = HEAD + "04.a,guess,,,0.5,0.9\n"
CLASSES = [
    Case("a class, one guess infinite", counted(ONE, HEAD + "04.a,guess,,,inf,0.9\n")),
    Case("a class, one guess in words", counted(ONE, HEAD + "04.a,guess,,,high,0.9\n")),
    Case("a class, one guess too large", counted(ONE, HEAD + "04.a,guess,,,1e999,0.9\n")),
    Case("a class, another table beside it", counted(ONE, "a;b\n1;2\n")),
    Case("a class, nothing measured", counted(ONE.replace("0.9", ""))),
    Case("a class, an empty file", class_of(ONE, ""), "hand_in_1.csv"),
    Case("a class, a binary file", class_of(ONE, bytes(range(256))), "hand_in_1.csv"),
    Case("a class, a UTF-16 file", class_of(ONE, ONE.encode("utf-16")), "hand_in_1.csv"),
    Case("a class without guesses", class_of(HEAD + "01.1,right,1,0,,\n"), "No number"),
    Case(
        "a class with 200 kinds of guesses",
        class_of(HEAD + "".join(f"{i},guess,,,1,2\n" for i in range(200))),
        "200",
    ),
    Case("a class without files", class_of(), "hand_in"),
]


def folder_in_place_of_a_table(folder: Path) -> None:
    (folder / "labels.csv").mkdir()
    read_table(folder / "labels.csv")


CASES = [Case(name, reads(*what)) for name, what in USABLE_LABELS.items()]
CASES += [Case(name, labels_of(text), says) for name, (text, says) in REFUSED_LABELS.items()]
CASES += [Case(name, accepted(text)) for name, text in USABLE_SUBMISSIONS.items()]
CASES += [Case(name, submission(text), says) for name, (text, says) in REFUSED_SUBMISSIONS.items()]
CASES += [Case(name, scored(*texts), says) for name, (*texts, says) in SCORES.items()]
CASES += CLASSES
CASES += [
    Case("a folder in place of a table", folder_in_place_of_a_table, "labels.csv"),
    Case("no table", lambda folder: read_table(folder / "none.csv"), "none.csv"),
    Case("an address in place of a table", lambda folder: read_table("s3://a/b.csv"), "b.csv"),
]
