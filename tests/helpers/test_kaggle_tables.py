"""CSV files as people hand them in: read as meant, or refused in words that name what is wrong."""

from pathlib import Path

import pytest
from PIL import Image

from helpers import CourseError, kaggle

LABELS = "id,label\n1,ant\n2,bee\n3,ant\n4,bee\n"
SAMPLE = "id,ant,bee\n5,0.5,0.5\n6,0.5,0.5\n"
GOOD = "id,ant,bee\n5,0.9,0.1\n6,0.2,0.8\n"


def competition(folder: Path, labels: str | bytes) -> Path:
    """Makes a competition of four labelled pictures and two to test; returns its folder."""
    for part, numbers in (("train", range(1, 5)), ("test", (5, 6))):
        (folder / part).mkdir()
        for i in numbers:
            Image.new("RGB", (4, 4)).save(folder / part / f"{i}.png")
    raw = labels if isinstance(labels, bytes) else labels.encode()
    (folder / "trainLabels.csv").write_bytes(raw)
    return folder


def validate(folder: Path, submission: str) -> str:
    (folder / "sample.csv").write_text(SAMPLE, encoding="utf-8")
    (folder / "mine.csv").write_bytes(submission.encode())
    return kaggle.validate_submission(folder / "mine.csv", folder / "sample.csv")


USABLE = {
    "byte order mark": lambda text: "\ufeff" + text,
    "line ends of Windows": lambda text: text.replace("\n", "\r\n"),
    "empty lines": lambda text: text.replace("\n", "\n\n"),
    "spaces around cells": lambda text: text.replace(",ant\n", ", ant \n"),
    "quotes": lambda text: text.replace("ant", '"ant"').replace("0.9", '"0.9"'),
}


@pytest.mark.parametrize("change", USABLE.values(), ids=USABLE)
def test_a_table_of_another_program_is_read_as_meant(change, tmp_path):
    labels = kaggle.read_layout(competition(tmp_path, change(LABELS))).labels
    assert labels == {"1": "ant", "2": "bee", "3": "ant", "4": "bee"}
    assert validate(tmp_path, change(GOOD)).startswith("2 answers")


@pytest.mark.parametrize("name", ["None", "abeille noire é", "bee, red"])
def test_class_names_stay_as_they_are_written(name, tmp_path):
    labels = LABELS.replace("bee", f'"{name}"')
    assert kaggle.read_layout(competition(tmp_path, labels)).labels["2"] == name


WRONG_LABELS = {
    "empty file": ("", "trainLabels.csv"),
    "no header": (LABELS.partition("\n")[2], "columns ['1', 'ant']"),
    "semicolons": (
        LABELS.replace(",", ";"),
        "columns ['id;label'] but should have ['id', 'label']: correct",
    ),
    "UTF-16": (LABELS.encode("utf-16"), "save it as CSV with UTF-8"),
    "a space in the header": (LABELS.replace(",label", ", label"), "columns ['id', ' label']"),
    "columns of another name": (LABELS.replace("label", "Label"), "columns ['id', 'Label']"),
    "labels that differ in capitals": (LABELS.replace("3,ant", "3,Ant"), '"ant" and "Ant" look al'),
    "a column twice": ("id,label,label\n1,ant,bee\n", "['id', 'label', 'label.1'] but"),
    "a column without name": (LABELS.replace(",", ",,"), "columns ['id', 'Unnamed: 1', 'label']"),
    "a class of two lines": (LABELS.replace("ant", '"a\nt"'), r'"a\nt" cannot be'),
    "a row without label": (LABELS.replace("3,ant", "3"), 'id "3" has the label ""'),
    "a row without id": (LABELS.replace("3,ant", ",ant"), 'id "" has the label "ant"'),
    "a row with three cells": (LABELS.replace("3,ant", "3,ant,5"), "not a complete CSV table"),
    "quote without end": (LABELS.replace("3,ant", '3,"ant'), "not a complete CSV table"),
    "empty label": (LABELS.replace("ant", ""), '""'),
    "duplicate id": (LABELS.replace("3,ant", "1,ant"), "id 1"),
    "picture without label": ("id,label\n1,ant\n2,ant\n3,ant\n", "4.png has no label"),
    "class name with a slash": (LABELS.replace("ant", "a/nt"), '"a/nt"'),
    "class of one picture": (LABELS.replace("3,ant", "3,bee"), '"ant" has one picture'),
    "Latin-1": (LABELS.replace("bee", "béé").encode("latin-1"), "not a complete CSV table"),
    "web page": ("<!DOCTYPE html>\n<html><body>Sign in, please</body></html>", "trainLabels.csv"),
}


@pytest.mark.parametrize(("labels", "words"), WRONG_LABELS.values(), ids=WRONG_LABELS)
def test_wrong_labels_are_refused_and_the_fault_named(labels, words, tmp_path):
    with pytest.raises(CourseError) as refusal:
        kaggle.read_layout(competition(tmp_path, labels))
    assert words in str(refusal.value)


WRONG_SUBMISSIONS = {
    "empty file": ("", "mine.csv"),
    "semicolons": (GOOD.replace(",", ";"), "columns ['id;ant;bee']"),
    "columns swapped": (GOOD.replace("ant,bee", "bee,ant"), "columns ['id', 'bee', 'ant']"),
    "NaN": (GOOD.replace("0.9", "nan"), "id 5: a probability is not a number from 0 to 1"),
    "negative": (GOOD.replace("0.9", "-0.9"), "id 5: a probability is not a number from 0 to 1"),
    "sum not 1": (GOOD.replace("0.8", "0.6"), "id 6: the probabilities do not sum to 1"),
    "duplicate id": (GOOD.replace("\n6", "\n5"), "line 3, id 5"),
    "missing id": (GOOD.replace("6,0.2,0.8\n", ""), "id 6 is missing"),
    "a column twice": (GOOD.replace("bee", "ant"), "columns ['id', 'ant', 'ant.1']"),
    "no rows": ("id,ant,bee\n", "id 5 is missing"),
    "unknown id": (GOOD.replace("\n6", "\n7"), "line 3, id 7"),
}


@pytest.mark.parametrize(("submission", "words"), WRONG_SUBMISSIONS.values(), ids=WRONG_SUBMISSIONS)
def test_a_wrong_submission_is_refused_and_the_row_named(submission, words, tmp_path):
    with pytest.raises(CourseError) as refusal:
        validate(tmp_path, submission)
    assert words in str(refusal.value)


WRONG_SCORES = {
    "answers about other pictures": (GOOD, "id,label\n7,ant\n8,bee\n", "same pictures"),
    "answers of an unknown class": (GOOD, "id,label\n5,ant\n6,cow\n", '"cow"'),
    "no answers": (GOOD, "id,label\n", "holds no answers"),
    "words for probabilities": (GOOD.replace("0.9", "x"), "id,label\n5,ant\n6,bee\n", "mine.csv"),
}


@pytest.mark.parametrize(
    ("submission", "answers", "words"), WRONG_SCORES.values(), ids=WRONG_SCORES
)
def test_what_cannot_be_scored_is_refused(submission, answers, words, tmp_path):
    (tmp_path / "mine.csv").write_text(submission, encoding="utf-8")
    (tmp_path / "answers.csv").write_text(answers, encoding="utf-8")
    with pytest.raises(CourseError) as refusal:
        kaggle.score(tmp_path / "mine.csv", tmp_path / "answers.csv")
    assert words in str(refusal.value)


def test_spaces_around_answers_do_not_count(tmp_path):
    (tmp_path / "mine.csv").write_text("id,label\n5,ant\n6,bee\n", encoding="utf-8")
    (tmp_path / "answers.csv").write_text("id,label\n5, ant\n6 ,bee \n", encoding="utf-8")
    assert kaggle.score(tmp_path / "mine.csv", tmp_path / "answers.csv")["accuracy"] == 1
