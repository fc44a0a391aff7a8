"""What lies in the folder of a Kaggle competition: tables, labels, pictures, checked for gaps."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from helpers import CourseError, given
from helpers.data import ENDINGS, FOLDER, chosen_size

LABELS = {  # the file with the training labels, and its columns: id, class
    "trainLabels.csv": ("id", "label"),  # cifar-10
    "labels.csv": ("id", "breed"),  # dog-breed-identification
    "train.csv": ("image", "label"),  # classify-leaves
}


def read_table(file: str | Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """A CSV file as text, cell by cell as it stands, with exactly these columns if given."""
    file = given.path(file, "The table")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # of a line that is too long
            table = pd.read_csv(
                file,
                dtype=str,
                keep_default_na=False,
                encoding="utf-8-sig",
                index_col=False,
                compression=None,
            )
    except FileNotFoundError:
        raise CourseError(f"There is no file {file}: check the path.") from None
    except (OSError, ValueError, pd.errors.ParserWarning) as error:  # its errors: ValueErrors
        reason = " ".join(str(error).split())
        raise CourseError(f"{file} is not a whole table in CSV ({reason}): get it anew.") from None
    if columns is not None and list(table.columns) != list(columns):
        raise CourseError(
            f"{file} has the columns {_some(table.columns)}, and should have "
            f"{_some(columns)}: correct its first line."
        )
    return table


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:9]) + (f" and {len(names) - 9} more" if len(names) > 9 else "")


class Layout(NamedTuple):
    """What a competition's folder holds: the class and the file of each id."""

    labels: dict[str, str]
    train: dict[str, Path]
    test: dict[str, Path]


def find_sample(root: str | Path) -> Path:
    """The sample submission in a competition's folder."""
    return _one_of(
        given.path(root, "The folder"), ["sampleSubmission.csv", "sample_submission.csv"]
    )


def find_answers(name: str, size: str) -> Path | None:
    """The answers of the test pictures (same columns as the training labels), where they are known.

    They are for the drawn sets, and for a shared folder with `answers/NAME.csv` in it; of a real
    competition only Kaggle has them, and the result is None.
    """
    shared = os.environ.get("COURSE_DATA")
    known = {"drawn": FOLDER / "drawn", "full": Path(shared) if shared else FOLDER}
    file = known.get(chosen_size(size), FOLDER) / "answers" / f"{name}.csv"
    return file if file.exists() and chosen_size(size) != "tiny" else None


def _one_of(root: Path, names: Sequence[str]) -> Path:
    found = [root / name for name in names if (root / name).is_file()]
    if not found:
        raise CourseError(
            f"{root} holds no {' or '.join(names)}: give the folder of an unpacked competition."
        )
    return found[0]


def read_layout(root: str | Path) -> Layout:
    """Labels and files of a competition, checked: every picture has one label, every label one.

    root: a folder with train/, test/ and trainLabels.csv or labels.csv, or with images/,
    train.csv and test.csv. Raises CourseError that names the first thing that does not fit.
    """
    root = given.path(root, "The folder")
    file = _one_of(root, list(LABELS))
    labels = read_labels(file)
    if file.name == "train.csv":  # one folder for all; the ids are paths
        pictures = {f"images/{p.name}": p for p in list_pictures(root / "images")}
        tested = read_table(root / "test.csv", ["image"])["image"]
        test = {i: pictures.get(i) for i in tested}
        train = {i: p for i, p in pictures.items() if i not in test}
        lacking = next((i for i, p in test.items() if p is None), None)
    else:
        train, test = (
            {p.stem: p for p in list_pictures(root / part)} for part in ("train", "test")
        )
        lacking = None
    lacking = next((i for i in labels if i not in train), lacking)
    if lacking is not None:
        raise CourseError(f"{root}: the picture of id {lacking} is missing; unpack the data again.")
    odd = next((i for i in train if i not in labels), None)
    if odd is not None:
        raise CourseError(f"{train[odd]} has no label in {file.name}: remove it or add its label.")
    if not test:
        raise CourseError(f"{root} has no test pictures: unpack the data again, all of it.")
    return Layout(labels, train, test)


def read_labels(file: Path) -> dict[str, str]:
    """The class of each id, from one of the files in LABELS; refused where an id stands twice."""
    ids, classes = (read_table(file, LABELS[file.name])[name] for name in LABELS[file.name])
    twice = ids[ids.duplicated()]
    if len(twice):
        raise CourseError(f"{file}: id {twice.iloc[0]} stands twice; keep one of its lines.")
    for name, n in Counter(classes).items():
        if n < 2:
            raise CourseError(
                f'{file}: class "{name}" has one picture: add another, a split needs two.'
            )
        if not name or name[0] == "." or set(name) & set('/\\:*?"<>|'):
            raise CourseError(f'{file}: "{name}" cannot be the name of a folder; rename the class.')
    return dict(zip(ids, classes, strict=True))


def known_classes(root: Path) -> set[str]:
    """The classes of a competition's training labels; empty if its folder holds no labels."""
    found = [root / name for name in LABELS if (root / name).is_file()]
    return set(read_labels(found[0]).values()) if found else set()


def list_pictures(folder: Path) -> list[Path]:
    """The picture files in a folder, sorted by name."""
    if not folder.is_dir():
        raise CourseError(f"There is no folder {folder}: unpack the data again, all of it.")
    names = sorted(entry.name for entry in os.scandir(folder) if entry.name[0] != ".")
    return [folder / name for name in names if os.path.splitext(name)[1].lower() in ENDINGS]


def choose_valid(labels: dict[str, str], fraction: float, seed: int = 0) -> set[str]:
    """The ids of the validation pictures: this fraction of every class, at least one, never all.

    Which ones is decided by a hash of seed and id, so that neither the order of files nor the
    machine matters, and a new picture does not change where the others stand.
    """
    fraction, seed = given.fraction(fraction, "valid_fraction"), given.seed(seed)
    members: dict[str, list[str]] = {}
    for i, name in labels.items():
        members.setdefault(name, []).append(i)
    chosen = set()
    for ids in members.values():
        n = min(max(1, round(len(ids) * fraction)), len(ids) - 1)
        ids.sort(key=lambda i: hashlib.sha256(f"{seed} {i}".encode()).digest())
        chosen.update(ids[:n])
    return chosen
