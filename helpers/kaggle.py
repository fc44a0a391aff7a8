"""A Kaggle competition on pictures: organise and split its files, write and score answers."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from PIL import Image
from torch import Tensor

from helpers import require
from helpers.data import (
    FOLDER,
    SETS,
    SIZES,
    Pictures,
    natural,
    read_files,
    shared_folder,
    work_folder,
)
from helpers.files import kaggle_client
from helpers.files.atomic import STAMP, atomic, make_from, unwritable
from helpers.files.pictures import find_pictures, tell_left_out
from helpers.files.tables import LABELS, read_table
from helpers.preprocess import Preprocess
from helpers.require import CourseError

SAMPLES = ("sampleSubmission.csv", "sample_submission.csv")
COLUMNS = ["file", "label", "part"]  # of the table that split makes
SUM = 1e-3  # how far from 1 a picture's probabilities may sum
LEAST = 1e-15  # log-loss clips probabilities to at least this, as Kaggle does


# ---- the folder of a competition -------------------------------------------------------------


class Layout(NamedTuple):
    """What a competition's folder holds: the class of each id, and the files by id."""

    labels: dict[str, str]
    train: dict[str, Path]
    test: dict[str, Path]


def read_layout(root: str | Path) -> Layout:
    """Returns labels and files of a competition; each training picture has exactly one label.

    root: a folder with train/, test/ and trainLabels.csv or labels.csv, or with images/,
    train.csv and test.csv. Raises CourseError that names the first mismatch.
    """
    root = require.path(root, "The folder")
    file = _first(root, LABELS)
    labels = read_labels(file)
    if file.name == "train.csv":  # one folder for all
        training = _by_id(list_pictures(root / "images"))
        test = _choose(read_table(root / "test.csv", ["image"])["image"], training, root)
    else:
        training = _by_id(list_pictures(root / "train"))
        test = _by_id(list_pictures(root / "test"))
    train = _choose(labels, training, root)
    _check_parts(training, train, test, root)
    return Layout(labels, train, test)


def _check_parts(training: dict, train: dict, test: dict, root: Path) -> None:
    """Raises CourseError unless each training picture has a label and no test picture has one."""
    both = set(train.values()) & set(test.values())
    if both:
        raise CourseError(f"{min(both)} is to learn from and to test: remove it from one table.")
    unlabelled = set(training.values()) - set(train.values()) - set(test.values())
    if unlabelled:
        raise CourseError(f"{min(unlabelled)} has no label: remove it or add its label.")
    if not test:
        raise CourseError(f"{root} has no test pictures: unpack the data again, all of it.")


def plain_id(name: str) -> str:
    """Returns the id of a picture, which a table may write with folders or with the ending."""
    stem, ending = os.path.splitext(name.rpartition("/")[2])
    return stem if ending.lower() in Image.registered_extensions() else stem + ending


def _by_id(pictures: list[Path]) -> dict[str, Path]:
    """Returns {plain id: picture}."""
    named = {}
    for picture in pictures:
        other = named.setdefault(plain_id(picture.name), picture)
        if other != picture:
            raise CourseError(f"{other} and {picture} have the same id: remove one of them.")
    return named


def _choose(ids: Iterable[str], pictures: dict[str, Path], root: Path) -> dict[str, Path]:
    """Returns the picture of each id, as the table writes it."""
    for i in ids:
        if plain_id(i) not in pictures:
            raise CourseError(
                f'{root}: no picture has the id "{i}": unpack the data again, or the table, if '
                "another program has changed its ids."
            )
    return {i: pictures[plain_id(i)] for i in ids}


def read_labels(file: Path) -> dict[str, str]:
    """Returns the class of each id, from one of the files in LABELS; every id occurs once.

    Spaces around a cell are not part of it.
    """
    table = read_table(file, LABELS[file.name])
    ids, classes = (table[name].str.strip() for name in LABELS[file.name])
    for i, name in zip(ids, classes, strict=True):
        if not (i and name):
            raise CourseError(f'{file}: id "{i}" has the label "{name}": add what is missing.')
    repeated = ids[ids.map(plain_id).duplicated()]
    if len(repeated):
        raise CourseError(f"{file}: id {repeated.iloc[0]} occurs twice; keep one of its lines.")
    for name, n in Counter(require.distinct(classes.tolist(), str(file))).items():
        if n < 2:
            raise CourseError(
                f'{file}: class "{name}" has one picture: add another, a split needs two.'
            )
        if name[0] == "." or set(name) & set('/\\:*?"<>|\n'):
            raise CourseError(
                f"{file}: {require.quoted(name)} cannot be the name of a folder: rename the class."
            )
    return dict(zip(ids, classes, strict=True))


def list_pictures(folder: Path) -> list[Path]:
    """Returns the pictures in a folder and its folders, sorted; prints what is left out."""
    pictures, others = find_pictures(folder)
    tell_left_out(folder, others)
    return pictures


def find_sample(root: str | Path) -> Path:
    """Returns the path of the sample submission in a competition's folder."""
    return _first(require.path(root, "The folder"), SAMPLES)


def _first(root: Path, names: Iterable[str]) -> Path:
    """Returns the first of these files that the folder holds."""
    for name in names:
        if (root / name).is_file():
            return root / name
    raise CourseError(
        f"{root} holds no {' or '.join(names)}: give the folder of an unpacked competition."
    )


def find_answers(name: str, size: str) -> Path | None:
    """Returns the file with the test pictures' labels (a table like the training one), or None.

    They are known for the drawn sets, and in a shared folder with `answers/NAME.csv`; for a real
    competition only Kaggle has them.
    """
    require.choice(size, SIZES, "size")
    if size == "tiny":
        return None
    places = {"smoke": work_folder() / "smoke", "drawn": FOLDER / "drawn"}
    folder = places.get(size) or shared_folder() or FOLDER
    file = folder / "answers" / f"{name}.csv"
    return file if file.exists() else None


# ---- split: train, valid, train_valid, test --------------------------------------------------


def split(root: str | Path, valid_fraction: float = 0.1, seed: int = 0) -> pd.DataFrame:
    """Returns where each picture of a competition belongs: a row with its file, label and part.

    Rows are in the order of the files' names, 2.png before 10.png. part: train, valid or test; the
    label of a test picture is "unknown". For the fraction, see `choose_valid`.
    """
    layout = read_layout(root)
    valid = choose_valid(layout.labels, valid_fraction, seed)
    rows = [
        (file, layout.labels[i], "valid" if i in valid else "train")
        for i, file in layout.train.items()
    ]
    rows += [(file, "unknown", "test") for file in layout.test.values()]
    return pd.DataFrame(sorted(rows, key=lambda row: natural(row[0])), columns=COLUMNS)


def organize(table: pd.DataFrame, folder: str | Path) -> Path:
    """Returns the folder, with the four of the lecture: train, valid, train_valid, test/unknown.

    table: from `split`. Each has a folder per class with hard links to the pictures where the disk
    allows it, else symbolic links, else copies. What was organised there before is replaced, unless
    it is the same; an interrupted call starts over.
    """
    plan = []
    for file, label, part in table[COLUMNS].itertuples(index=False):
        for name in (part,) if part == "test" else (part, "train_valid"):
            plan.append((f"{name}/{label}/{file.name}", file))
    folder = require.path(folder).absolute()
    if folder.is_file() or (any(folder.glob("*")) and not (folder / STAMP).is_file()):
        raise CourseError(f"{folder} holds other files: give a folder that does not exist yet.")

    def arrange(part: Path) -> None:
        for target in {target.rpartition("/")[0] for target, _ in plan}:
            (part / target).mkdir(parents=True)
        for target, source in plan:
            _link(str(source), f"{part}/{target}")

    targets, sources = zip(*plan, strict=True)
    return make_from(sources, "\n".join(targets), folder, arrange)


def choose_valid(labels: dict[str, str], fraction: float, seed: int = 0) -> set[str]:
    """Returns the ids of the validation pictures: this fraction of every class, never all of one.

    A hash of seed and id decides, so that neither the order of files nor the machine matters, and
    a new picture moves at most one of the others.
    """
    fraction = require.fraction(fraction, "valid_fraction")
    seed = require.whole(seed, "seed")
    members = defaultdict(list)
    for i, name in labels.items():
        members[name].append(i)
    chosen = set()
    for ids in members.values():
        n = min(max(1, round(len(ids) * fraction)), len(ids) - 1)
        ids.sort(key=lambda i: hashlib.sha256(f"{seed} {i}".encode()).digest())
        chosen.update(ids[:n])
    return chosen


def _link(source: str, target: str) -> None:
    for method in (os.link, os.symlink):
        with suppress(OSError):  # another disk, or a system where links need special rights
            return method(source, target)
    shutil.copyfile(source, target)


class Parts(NamedTuple):
    """train and valid: to choose with; train_valid: both, for the final run; test: unlabelled."""

    train: Pictures
    valid: Pictures
    train_valid: Pictures
    test: Pictures


def load(table: pd.DataFrame, preprocess: Preprocess, first: int | None = None) -> Parts:
    """Returns the four parts of a competition; every picture is decoded once.

    table: from `split`; first: take only so many of its training and validation pictures.
    """
    if not isinstance(table, pd.DataFrame) or set(COLUMNS) - set(table):
        raise CourseError(f"{require.summary(table)} is no table of pictures: give kaggle.split's.")
    first = None if first is None else require.whole(first, "first", 2)
    test, labelled = table[table["part"] == "test"], table[table["part"] != "test"]
    names = sorted(set(labelled["label"]))
    labelled = labelled[:first]
    labels = [names.index(label) for label in labelled["label"]]
    train_valid = read_files(labelled["file"], labels, names, preprocess)
    train, valid = (
        train_valid.subset(np.flatnonzero(labelled["part"] == part)) for part in ("train", "valid")
    )
    test = read_files(test["file"], [0] * len(test), ["unknown"], preprocess)
    return Parts(train, valid, train_valid, test)


def folds(labels: Sequence[int], k: int, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Returns k pairs (training indices, validation indices); each picture is validated once.

    labels: a class number per picture. The folds are stratified by class.
    """
    labels = np.array(require.indices(labels, require.LARGEST, "labels"))
    rarest = min(Counter(labels.tolist()).values(), default=0)
    k = require.whole(k, f"k, where the smallest class has {rarest} pictures,", 2, rarest)
    seed = require.whole(seed, "seed", 0, 2**32 - 1)  # NumPy's seeds end there
    from sklearn.model_selection import StratifiedKFold  # slow to import

    return list(StratifiedKFold(k, shuffle=True, random_state=seed).split(labels, labels))


# ---- answers: written by id, checked, scored -------------------------------------------------


def test_ids(test: Pictures, sample: str | Path) -> list[str]:
    """Returns the id of each test picture as written in the sample, by file name."""
    ids = {plain_id(i): i for i in read_table(sample).iloc[:, 0]}
    found = [ids.get(plain_id(file.name)) for file in test.files]
    if None in found:
        unknown = test.files[found.index(None)]
        raise CourseError(f"{unknown} has no id in {sample}: give this competition's own sample.")
    return found


def write_submission(
    ids: Iterable, values: Sequence[str] | Mapping, sample: str | Path, path: str | Path
) -> Path:
    """Writes a submission for Kaggle: rows and columns as in the sample, joined by id.

    ids: of the test pictures, in the order of `values`; values: a class name per picture, or,
    where probabilities are asked for, a DataFrame (or dict) with a column per class. The file
    appears only if it is valid. Raises CourseError that says what is wrong.
    """
    expected = _read_answers(sample)
    key, *columns = expected.columns
    table = _with_columns(values, columns)
    ids = ids.tolist() if hasattr(ids, "tolist") else ids
    ids = [str(i) for i in require.many(ids, "ids")]
    if len(ids) != len(table):
        raise CourseError(f"There are {len(ids)} ids and {len(table)} answers: give one per id.")
    table.insert(0, key, ids)
    row = {i: n for n, i in enumerate(expected[key])}
    table = table.sort_values(key, key=lambda ids: ids.map(row), kind="stable")
    path = require.path(path)
    try:
        with atomic(path) as part:
            table.to_csv(part, index=False, lineterminator="\n")
            _check_answers(read_table(part), expected, _known_classes(sample), path)
    except OSError as error:
        raise unwritable(path, error) from None
    return path


def _read_answers(file: str | Path) -> pd.DataFrame:
    table = read_table(file)
    if len(table.columns) < 2 or not len(table):
        raise CourseError(
            f"{file} holds no answers: give a table of ids and answers, separated by commas."
        )
    return table


def _with_columns(values, columns: list[str]) -> pd.DataFrame:
    """Returns the answers as a table with these columns; probabilities come with class names."""
    if not isinstance(values, Mapping | pd.DataFrame):
        if len(columns) > 1:
            raise CourseError(
                "The columns do not say which class is which: give a table with names, as "
                "pd.DataFrame(probabilities, columns=class_names)."
            )
        values = {columns[0]: require.many(values, "values")}
    odd = set(values) ^ set(columns)
    if odd:
        name = require.quoted(min(odd, key=str))
        raise CourseError(
            f"Only one of your answers and the sample has a column {name}: give the same ones."
        )
    if len(columns) == 1:
        names = list(values[columns[0]])
        if not all(isinstance(name, str) for name in names):
            raise CourseError("The answers are not all texts: give a class name for each picture.")
        return pd.DataFrame({columns[0]: names})
    try:
        return pd.DataFrame({name: _numbers(values[name]) for name in columns})
    except (ValueError, TypeError, RuntimeError):
        raise CourseError(
            "The probabilities are not one number per picture and class: give a number for each."
        ) from None


def _numbers(column: object) -> np.ndarray:
    """Returns a column of a table, a tensor (also one that wants gradients) or a list as floats."""
    if isinstance(column, Tensor):
        column = column.detach().cpu().double()
    return np.asarray(column, dtype=float)


def validate_submission(
    path: str | Path, sample: str | Path, class_names: Sequence[str] | None = None
) -> str:
    """Returns a sentence if Kaggle would accept the file, else raises CourseError with the row.

    class_names: the labels allowed; by default those of the training labels beside the sample.
    """
    expected = _read_answers(sample)
    table = read_table(path, list(expected.columns))
    known = _known_classes(sample) if class_names is None else class_names
    return _check_answers(table, expected, known, path)


def _check_answers(
    table: pd.DataFrame, expected: pd.DataFrame, known: list[str], path: Path
) -> str:
    """path: what the sentences call the table."""
    key, *columns = table.columns

    def refuse(wrong: pd.Series, what: str) -> None:
        if wrong.any():
            row = int(np.argmax(wrong))
            cells = ", ".join(table.iloc[row, 1:4])
            place = f"{path}, line {row + 2}, id {table[key][row]}"
            raise CourseError(f"{place}: {what} (found: {cells}); correct it.")

    refuse(~table[key].isin(expected[key]), "the sample has no such id")
    refuse(table[key].duplicated(), "this id occurs twice")
    missing = expected[key][~expected[key].isin(table[key])]
    if len(missing):
        raise CourseError(f"{path}: id {missing.iloc[0]} is missing; answer for every picture.")
    if len(columns) == 1:
        refuse(table[columns[0]].str.strip() == "", "the label is empty")
        if known:
            known = require.names(known, "class_names")
            refuse(~table[columns[0]].isin(known), "there is no such label")
    else:
        values = table[columns].apply(pd.to_numeric, errors="coerce")
        in_range = (values >= 0) & (values <= 1 + SUM)
        refuse(~in_range.all(axis=1), "a probability is not a number from 0 to 1")
        refuse((values.sum(axis=1) - 1).abs() > SUM, "the probabilities do not sum to 1")
    return f"{len(table)} answers, one for each id of the sample: ready to hand in."


def _known_classes(sample: str | Path) -> list[str]:
    """Returns the classes of the training labels beside a sample; [] if there are no labels."""
    files = [Path(sample).with_name(name) for name in LABELS]
    return next((sorted(set(read_labels(f).values())) for f in files if f.is_file()), [])


def submit(name: str, file: str | Path, message: str = "") -> str:
    """Hands in a submission file; returns what Kaggle said and where the score appears.

    message: a note to yourself, shown beside the score. Raises CourseError with what to do, also
    for answers to the course's drawings.
    """
    drawn = FOLDER / "drawn" / name
    if name in SETS and drawn.is_dir() and Path(file).is_file():
        known = read_table(find_sample(drawn)).iloc[:, 0]
        if read_table(file).iloc[:, 0].isin(known).all():
            raise CourseError(
                f"{file} answers only pictures that the course has drawn, which are not Kaggle's: "
                'set SIZE = "full" in the first cell, run the lesson again, and hand in that file.'
            )
    return kaggle_client.submit(name, file, message)


def score(path: str | Path, answers: str | Path) -> dict:
    """Returns {"accuracy", "n"} of a submission; for probabilities also "log_loss" (nats).

    answers: a CSV file with the id and the right class of every test picture.
    """
    table, right = _read_answers(path), _read_answers(answers)
    right = right.apply(lambda column: column.str.strip())  # as the training labels are read
    key, *columns = table.columns
    truth = dict(zip(right.iloc[:, 0], right.iloc[:, 1], strict=True))
    if sorted(table[key]) != sorted(right.iloc[:, 0]) or table[key].duplicated().any():
        raise CourseError(
            f"{path} and {answers} are not about the same pictures: choose the two that belong "
            "together."
        )
    truth = np.array([truth[i] for i in table[key]])
    if len(columns) == 1:
        return {"accuracy": float((table[columns[0]] == truth).mean()), "n": len(table)}
    unknown = next((name for name in truth if name not in columns), None)
    if unknown is not None:
        raise CourseError(f'{path} has no column for class "{unknown}": add it.')
    values = table[columns].apply(pd.to_numeric, errors="coerce").to_numpy(float)
    sums = values.sum(1, keepdims=True)
    if not (np.isfinite(values).all() and (values >= 0).all() and (sums > 0).all()):
        raise CourseError(
            f"{path} holds values that are not probabilities: check it with validate_submission."
        )
    values = values / sums
    column = [columns.index(name) for name in truth]
    return {
        "accuracy": float((values.argmax(1) == column).mean()),
        "log_loss": float(-np.log(values[range(len(column)), column].clip(LEAST)).mean()),
        "n": len(table),
    }
