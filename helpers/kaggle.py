"""A Kaggle competition on pictures: organise and split its files, write and score answers."""

from __future__ import annotations

import hashlib
import os
import shutil
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from torch import Tensor

from helpers import require
from helpers.data import FOLDER, SIZES, Pictures, natural, read_files, shared_folder
from helpers.files.atomic import atomic, make_once, unwritable
from helpers.files.kaggle_client import submit
from helpers.files.pictures import find_pictures, tell_unread, visible
from helpers.preprocess import Preprocess
from helpers.require import CourseError

__all__ = ["submit"]  # from Kaggle's client; the rest is below

LABELS = {  # the file with the training labels, and its columns: id, class
    "trainLabels.csv": ("id", "label"),  # cifar-10
    "labels.csv": ("id", "breed"),  # dog-breed-identification
    "train.csv": ("image", "label"),  # classify-leaves
}
SAMPLES = ("sampleSubmission.csv", "sample_submission.csv")
STAMP = "organized.txt"  # in an organised folder: a digest of what was organised
SUM = 1e-3  # how far from 1 a picture's probabilities may sum
LEAST = 1e-15  # log-loss clips probabilities to at least this, as Kaggle does


# ---- the folder of a competition -------------------------------------------------------------


def read_table(file: str | Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Returns a CSV file with each cell as text, unchanged; `columns`: exactly those it must have.

    Raises CourseError if it is not a complete table or has other columns.
    """
    file = require.path(file, "The table")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # a line with too many cells
            as_it_stands = {"dtype": str, "keep_default_na": False, "index_col": False}
            utf8 = {"encoding": "utf-8-sig", "compression": None}
            table = pd.read_csv(file, header=None, **utf8, **as_it_stands)
    except FileNotFoundError:
        raise CourseError(f"There is no file {file}: check the path.") from None
    except (OSError, ValueError, pd.errors.ParserWarning) as error:  # pandas' own are ValueErrors
        reason = " ".join(str(error).split())
        raise CourseError(
            f"{file} is not a complete CSV table ({reason}): save it as CSV with UTF-8, or get it "
            "again."
        ) from None
    names = table.iloc[0].tolist()  # pandas would rename a column that is there twice
    table = table.iloc[1:].reset_index(drop=True).set_axis(names, axis=1)
    if len(set(names)) < len(names):
        raise CourseError(f"{file} has the columns {_listed(names)}, one of them twice: rename it.")
    if columns is not None and names != list(columns):
        uncut = len(table.columns) == 1 < len(columns)
        advice = "write commas between the cells" if uncut else "correct its first line"
        raise CourseError(
            f"{file} has the columns {_listed(table.columns)} but should have "
            f"{_listed(columns)}: {advice}."
        )
    return table


def _listed(names: Sequence[str]) -> str:
    names = [name if name and name == name.strip() else f'"{name}"' for name in names]
    return ", ".join(names[:9]) + (f" and {len(names) - 9} more" if len(names) > 9 else "")


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
        pictures = training = list_pictures(root / "images")
        test = _by_id(read_table(root / "test.csv", ["image"])["image"], pictures, root)
    else:
        training, pictures = list_pictures(root / "train"), list_pictures(root / "test")
        test = _by_id([picture.stem for picture in pictures], pictures, root)
    train = _by_id(labels, training, root)
    both = set(train.values()) & set(test.values())
    if both:
        raise CourseError(f"{min(both)} is to learn from and to test: remove it from one table.")
    unlabelled = set(training) - set(train.values()) - set(test.values())
    if unlabelled:
        raise CourseError(
            f"{min(unlabelled)} has no label in {file.name}: remove it or add its label."
        )
    if not test:
        raise CourseError(f"{root} has no test pictures: unpack the data again, all of it.")
    return Layout(labels, train, test)


def _by_id(ids: Iterable[str], pictures: list[Path], root: Path) -> dict[str, Path]:
    """Returns the picture of each id, which is a path or name with or without its ending."""
    named = defaultdict(list)
    for picture in pictures:
        stem, ending = os.path.splitext(picture.name)
        for name in {picture.name, stem, stem + ending.lower()}:
            named[name].append(picture)
    found, used = {}, {}
    for i in ids:
        candidates = named[_name(i)]
        if not candidates:
            raise _missing(i, pictures, root)
        if len(candidates) > 1:
            raise CourseError(
                f"{candidates[0]} and {candidates[1]} both fit the id {i}: remove one of them."
            )
        other = used.setdefault(candidates[0], i)
        if other != i:
            raise CourseError(f"{root}: the ids {other} and {i} name one picture: remove one.")
        found[i] = candidates[0]
    return found


def _name(i: str) -> str:
    return i.rpartition("/")[2]


def _missing(i: str, pictures: list[Path], root: Path) -> CourseError:
    def plain(name: str) -> str:  # what spreadsheets and pandas make of an id
        return _name(name).strip().casefold().removesuffix(".0").lstrip("0")

    for picture in pictures:
        if plain(i) in (plain(picture.name), plain(picture.stem)):
            return CourseError(
                f'{root}: no picture has the id "{i}", but {picture.name} almost has: get the '
                "table again and read it as text, so that ids keep their zeros."
            )
    return CourseError(f"{root}: the picture with id {i} is missing; unpack the data again.")


def read_labels(file: Path) -> dict[str, str]:
    """Returns the class of each id, from one of the files in LABELS; every id occurs once.

    Spaces around a cell are not part of it.
    """
    table = read_table(file, LABELS[file.name])
    ids, classes = (table[name].str.strip() for name in LABELS[file.name])
    for i, name in zip(ids, classes, strict=True):
        if not (i and name):
            raise CourseError(f'{file}: id "{i}" has the label "{name}": add what is missing.')
    repeated = ids[ids.duplicated()]
    if len(repeated):
        raise CourseError(f"{file}: id {repeated.iloc[0]} occurs twice; keep one of its lines.")
    counts = Counter(require.distinct(classes.tolist(), str(file)))
    for name, n in counts.items():
        if n < 2:
            raise CourseError(
                f'{file}: class "{name}" has one picture: add another, a split needs two.'
            )
        if name[0] == "." or set(name) & set('/\\:*?"<>|\n'):
            what = f"{require.quoted(name)} cannot be the name of a folder"
            raise CourseError(f"{file}: {what}; rename the class.")
    return dict(zip(ids, classes, strict=True))


def list_pictures(folder: Path) -> list[Path]:
    """Returns the pictures in a folder and its folders, sorted; prints what is left out."""
    if not folder.is_dir():
        raise CourseError(f"There is no folder {folder}: unpack the data again, all of it.")
    pictures, others = find_pictures(folder)
    tell_unread(folder, others)
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
    drawn = size in ("smoke", "drawn")
    folder = FOLDER / size if drawn else shared_folder() or FOLDER
    file = folder / "answers" / f"{name}.csv"
    return file if file.exists() else None


# ---- organised: train, valid, train_valid, test ----------------------------------------------


def organize(
    root: str | Path, valid_fraction: float = 0.1, seed: int = 0, folder: str | Path | None = None
) -> Path:
    """Arranges a competition's pictures as train, valid, train_valid and test/unknown.

    The first three have a folder per class. The pictures are hard links where the disk allows it,
    else symbolic links, else copies. `folder`: the destination, by default one for this root,
    fraction and seed under data/train_valid_test, since the data may be on a read-only share; what
    was organised in it before is replaced. A second call with the same pictures, fraction and seed
    does nothing; an interrupted one starts over.
    """
    root = require.path(root, "The folder of the competition").resolve()
    layout = read_layout(root)
    plan = _plan(layout, choose_valid(layout.labels, valid_fraction, seed))
    if not folder:
        code = hashlib.sha256(f"{root} {float(valid_fraction)} {int(seed)}".encode())
        folder = FOLDER / "train_valid_test" / f"{root.name}-{code.hexdigest()[:8]}"
    folder = require.path(folder).absolute()
    digest = _digest(plan)

    def is_done(folder: Path) -> bool:
        stamp = folder / STAMP
        return stamp.is_file() and stamp.read_text() == digest

    def arrange(part: Path) -> None:
        if os.path.lexists(folder) and not (folder / STAMP).is_file() and not _is_empty(folder):
            raise CourseError(f"{folder} holds other files: give a folder that does not exist yet.")
        for target in {target.rpartition("/")[0] for target, _ in plan}:
            (part / target).mkdir(parents=True)
        for target, source in plan:
            _link(str(source), f"{part}/{target}")
        (part / STAMP).write_text(digest)

    return make_once(folder, arrange, is_done)


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())


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


def _plan(layout: Layout, valid: set[str]) -> list[tuple[str, Path]]:
    """Returns where each picture goes (part/class/file), and its file."""
    plan = [(f"test/unknown/{file.name}", file) for file in layout.test.values()]
    for i, file in layout.train.items():
        for part in ("train_valid", "valid" if i in valid else "train"):
            plan.append((f"{part}/{layout.labels[i]}/{file.name}", file))
    return plan


def _digest(plan: list[tuple[str, Path]]) -> str:
    stats = ((target, source, os.stat(source)) for target, source in plan)
    lines = (f"{target} {source} {s.st_size} {s.st_mtime_ns}\n" for target, source, s in stats)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


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


def load(folder: str | Path, preprocess: Preprocess, first: int | None = None) -> Parts:
    """Returns the four parts of an organised competition; every picture is decoded once.

    first: take only this many of the training and validation pictures, in the order of names.
    """
    folder = require.path(folder, "The folder")
    first = None if first is None else require.whole(first, "first", 2)
    valid, train_valid, unknown = (folder / p for p in ("valid", "train_valid", "test/unknown"))
    if not (valid.is_dir() and train_valid.is_dir() and unknown.is_dir()):
        raise CourseError(f"{folder} was not made by organize: give what it returned.")
    held_out = {(name, file.name) for file, name in _classes(valid).items()}
    class_of = _classes(train_valid)
    files, names = sorted(class_of, key=natural), sorted(set(class_of.values()))
    if not held_out or len(names) < 2:
        raise CourseError(f"{folder} has too few classes or pictures: organize at least two.")
    files = files[:first]
    labels = [names.index(class_of[file]) for file in files]
    train_valid = read_files(files, labels, names, preprocess)
    is_valid = [(class_of[file], file.name) in held_out for file in files]
    train = train_valid.subset([i for i, valid in enumerate(is_valid) if not valid])
    valid = train_valid.subset([i for i, valid in enumerate(is_valid) if valid])
    files = sorted(list_pictures(unknown), key=natural)
    test = read_files(files, [0] * len(files), ["unknown"], preprocess)
    return Parts(train, valid, train_valid, test)


def _classes(part: Path) -> dict[Path, str]:
    """Returns the pictures of an organised part, each with the name of its folder."""
    folders = [part / entry.name for entry in visible(part) if entry.is_dir()]
    return {file: folder.name for folder in folders for file in list_pictures(folder)}


def folds(labels: Sequence[int], k: int, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Returns k pairs (training indices, validation indices); each picture is validated once.

    labels: a class number per picture. The folds are stratified by class.
    """
    labels = np.array(require.indices(labels, require.LARGEST, "labels"))
    rarest = min(Counter(labels.tolist()).values(), default=0)
    if not 2 <= require.whole(k, "k", 2) <= rarest:
        raise CourseError(
            f"k is {k}: choose a number from 2 to the size of the smallest class, {rarest}."
        )
    seed = require.whole(seed, "seed", 0, 2**32 - 1)  # NumPy's seeds end there
    from sklearn.model_selection import StratifiedKFold  # slow to import

    return list(StratifiedKFold(k, shuffle=True, random_state=seed).split(labels, labels))


# ---- answers: written by id, checked, scored -------------------------------------------------


def test_ids(test: Pictures, sample: str | Path) -> list[str]:
    """Returns the id of each test picture as written in the sample, by file name."""
    ids = {_name(i): i for i in read_table(sample).iloc[:, 0]}
    found = [ids.get(file.name, ids.get(file.stem)) for file in test.files]
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
    if len(table.columns) < 2:
        raise CourseError(f"{file} has only one column: separate ids and answers with commas.")
    if not len(table):
        raise CourseError(f"{file} has no rows below its first line: get it again.")
    return table


def _with_columns(values, columns: list[str]) -> pd.DataFrame:
    """Returns the answers as a table with these columns; probabilities come with class names."""
    if len(columns) == 1:
        if isinstance(values, Mapping | pd.DataFrame) and list(values) == columns:
            values = values[columns[0]]
        if isinstance(values, pd.DataFrame):
            raise CourseError(f"The answers are a table: give only its column {columns[0]}.")
        values = require.many(values, "values")
        for value in values:
            if not isinstance(value, str):
                what = require.summary(value)
                raise CourseError(f"An answer is {what}, not a class name: give class_names[i].")
        return pd.DataFrame({columns[0]: values})
    if not isinstance(values, Mapping | pd.DataFrame):
        raise CourseError(
            "The columns do not say which class is which: give a table with names, as "
            "pd.DataFrame(probabilities, columns=class_names)."
        )
    try:
        table = pd.DataFrame({name: _numbers(values[name]) for name in values})
    except (ValueError, TypeError, RuntimeError):
        raise CourseError(
            "The probabilities are not one number per picture and class: give a number for each."
        ) from None
    if set(table) != set(columns):
        odd = min(set(table) ^ set(columns), key=str)
        where = "your answers, not the sample" if odd in table else "the sample, not your answers"
        raise CourseError(f'Class "{odd}" is in {where}: give the same classes.')
    return table[columns]


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
        refuse(~np.isfinite(values).all(axis=1), "a probability is not a number")
        refuse(
            ((values < 0) | (values > 1 + SUM)).any(axis=1), "a probability is not between 0 and 1"
        )
        refuse((values.sum(axis=1) - 1).abs() > SUM, "the probabilities do not sum to 1")
    return f"{len(table)} answers, one for each id of the sample: ready to hand in."


def _known_classes(sample: str | Path) -> list[str]:
    """Returns the classes of the training labels beside a sample; [] if there are no labels."""
    files = [Path(sample).with_name(name) for name in LABELS]
    return next((sorted(set(read_labels(f).values())) for f in files if f.is_file()), [])


def score(path: str | Path, answers: str | Path) -> dict:
    """Returns {"accuracy", "n"} of a submission; for probabilities also "log_loss" (nats).

    answers: a CSV file with the id and the right class of every test picture.
    """
    table, right = _read_answers(path), _read_answers(answers)
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
