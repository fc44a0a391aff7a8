"""A Kaggle competition in pictures: organise its files, split them, hand answers in, score them."""

from __future__ import annotations

import hashlib
import os
import shutil
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from helpers import require
from helpers.data import ENDINGS, FOLDER, Pictures, chosen_size, natural, read_files
from helpers.files.atomic import alone, unwritable
from helpers.files.competition import submit
from helpers.preprocess import Preprocess
from helpers.require import CourseError

__all__ = ["submit"]  # the rest of what lessons call is defined below
STAMP = "organized.txt"  # written last: what was organised, as a digest


def organize(
    root: str | Path, valid_fraction: float = 0.1, seed: int = 0, folder: str | Path | None = None
) -> Path:
    """Arrange a competition's pictures as train, valid, train_valid and test/unknown.

    In the first three, each class has a folder. The pictures are hard links where the disk allows
    it, or symbolic links, or else copies. `folder`: where to; by default under
    data/train_valid_test, since the data may be a share that nobody writes to. A second call with
    the same pictures, fraction and seed does nothing; an interrupted one is made anew.
    """
    root = require.path(root, "The folder of the competition").resolve()
    layout = read_layout(root)
    folder = require.path(folder or FOLDER / "train_valid_test" / f"{root.parent.name}-{root.name}")
    plan = _plan(layout, choose_valid(layout.labels, valid_fraction, seed))
    stamp = _digest(plan)
    if _is_done(folder, stamp):
        return folder
    try:
        with alone(folder):
            if not _is_done(folder, stamp):  # unless another notebook was quicker
                _arrange(plan, folder, stamp)
    except OSError as error:
        raise CourseError(
            f"{folder} cannot be written ({error}): free some space, or give another folder."
        ) from None
    return folder


def _arrange(plan: list[tuple[str, Path]], folder: Path, stamp: str) -> None:
    """Link the pictures in a folder beside `folder`, which then takes its place."""
    if not _is_ours(folder):
        raise CourseError(f"{folder} holds other things: give a folder that is not there yet.")
    work, old = (folder.with_name(folder.name + ending) for ending in (".part", ".old"))
    for left in (work, old):  # by a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    try:
        for target in {target.rpartition("/")[0] for target, _ in plan}:
            (work / target).mkdir(parents=True)
        for target, source in plan:
            _link(str(source), f"{work}/{target}")
        (work / STAMP).write_text(stamp)
        if folder.exists():
            os.replace(folder, old)
        os.replace(work, folder)
    finally:
        for left in (work, old):
            shutil.rmtree(left, ignore_errors=True)


def _plan(layout: Layout, valid: set[str]) -> list[tuple[str, Path]]:
    """Where each picture goes (part/class/file), and its file."""
    plan = [(f"test/unknown/{file.name}", file) for file in layout.test.values()]
    for i, file in layout.train.items():
        for part in ("train_valid", "valid" if i in valid else "train"):
            plan.append((f"{part}/{layout.labels[i]}/{file.name}", file))
    return plan


def _digest(plan: list[tuple[str, Path]]) -> str:
    stats = ((target, source, os.stat(source)) for target, source in plan)
    lines = (f"{target} {source} {s.st_size} {s.st_mtime_ns}\n" for target, source, s in stats)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _is_done(folder: Path, stamp: str) -> bool:
    return (folder / STAMP).is_file() and (folder / STAMP).read_text() == stamp


def _is_ours(folder: Path) -> bool:
    """Whether a folder may be replaced: what organize made, an empty one, or nothing."""
    return (
        not os.path.lexists(folder)
        or (folder / STAMP).is_file()
        or (folder.is_dir() and not any(folder.iterdir()))
    )


def _link(source: str, target: str) -> None:
    for method in (os.link, os.symlink):
        with suppress(OSError):  # another disk, or a system that wants special rights for links
            return method(source, target)
    shutil.copyfile(source, target)


class Parts(NamedTuple):
    """train and valid: to choose with; train_valid: both, for the last training; test: unknown."""

    train: Pictures
    valid: Pictures
    train_valid: Pictures
    test: Pictures


def load(folder: str | Path, preprocess: Preprocess, first: int | None = None) -> Parts:
    """The four parts of an organised competition; every picture is decoded once.

    first: take only so many of the training and validation pictures, by the order of their names.
    """
    folder = require.path(folder, "The folder")
    first = None if first is None else require.whole(first, "first", 2)
    held_out = {(file.parent.name, file.name) for file in (folder / "valid").glob("*/*")}
    files = sorted((folder / "train_valid").glob("*/*"), key=natural)[:first]
    names = sorted({file.parent.name for file in (folder / "train_valid").glob("*/*")})
    if not held_out or len(names) < 2:
        raise CourseError(
            f"{folder} is not what organize makes, with two classes or more: give what it returned."
        )
    labels = [names.index(file.parent.name) for file in files]
    whole = read_files(files, labels, names, preprocess)
    valid = [i for i, file in enumerate(files) if (file.parent.name, file.name) in held_out]
    train = sorted(set(range(len(files))) - set(valid))
    files = sorted((folder / "test" / "unknown").glob("*"), key=natural)
    test = read_files(files, [0] * len(files), ["unknown"], preprocess)
    return Parts(whole.subset(train), whole.subset(valid), whole, test)


def folds(labels: Sequence[int], k: int, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """k pairs (indices to learn from, indices to check with): each picture is checked once.

    labels: a class number per picture. Every class is spread evenly over the folds.
    """
    labels = np.array(require.places(labels, require.LARGEST, "labels"))
    rarest = min(Counter(labels.tolist()).values(), default=0)
    if not 2 <= require.whole(k, "k", 2) <= rarest:
        raise CourseError(
            f"k is {k}: choose one from 2 to the size of the smallest class, {rarest}."
        )
    seed = require.whole(seed, "seed", 0, 2**32 - 1)  # NumPy's seeds end there
    from sklearn.model_selection import StratifiedKFold  # slow to import

    return list(StratifiedKFold(k, shuffle=True, random_state=seed).split(labels, labels))


LABELS = {  # the file with the training labels, and its columns: id, class
    "trainLabels.csv": ("id", "label"),  # cifar-10
    "labels.csv": ("id", "breed"),  # dog-breed-identification
    "train.csv": ("image", "label"),  # classify-leaves
}


def read_table(file: str | Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """A CSV file as text, cell by cell as it stands, with exactly these columns if given."""
    file = require.path(file, "The table")
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
        require.path(root, "The folder"), ["sampleSubmission.csv", "sample_submission.csv"]
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
    root = require.path(root, "The folder")
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
    fraction, seed = require.fraction(fraction, "valid_fraction"), require.seed(seed)
    members: dict[str, list[str]] = {}
    for i, name in labels.items():
        members.setdefault(name, []).append(i)
    chosen = set()
    for ids in members.values():
        n = min(max(1, round(len(ids) * fraction)), len(ids) - 1)
        ids.sort(key=lambda i: hashlib.sha256(f"{seed} {i}".encode()).digest())
        chosen.update(ids[:n])
    return chosen


SUM = 1e-3  # how far the probabilities of a picture may be from 1 in sum
LEAST = 1e-15  # log-loss takes every probability for at least this, as Kaggle does


def test_ids(test: Pictures, sample: str | Path) -> list[str]:
    """The id of each test picture, as the sample submission writes it, by the file's name."""
    known = read_table(sample).iloc[:, 0]
    by_name = {Path(i).stem: i for i in known}
    odd = next((file for file in test.files if file.stem not in by_name), None)
    if odd is not None:
        raise CourseError(f"{odd} has no id in {sample}: unpack the data again, all of it.")
    return [by_name[file.stem] for file in test.files]


def write_submission(
    ids: Iterable, values: Sequence[str] | Mapping, sample: str | Path, path: str | Path
) -> Path:
    """Write the answers for Kaggle: rows and columns as in the sample, joined by id.

    ids: of the test pictures, in the order of `values`; values: a class name per picture, or,
    where probabilities are asked for, a DataFrame (or dict) with a column per class. The file
    appears only if it is valid. Raises CourseError with what is wrong.
    """
    wanted = _read(sample)
    key, *columns = wanted.columns
    table = _named(values, columns)
    ids = [str(i) for i in require.many(ids, "ids")]
    if len(ids) != len(table):
        raise CourseError(f"There are {len(ids)} ids and {len(table)} answers: give one each.")
    table.insert(0, key, ids)
    order = {i: place for place, i in enumerate(wanted[key])}
    table = table.sort_values(key, key=lambda ids: ids.map(order), kind="stable")
    path = require.path(path)
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(part, index=False, lineterminator="\n")
        validate_submission(part, sample)
        os.replace(part, path)
    except OSError as error:
        raise unwritable(path, error) from None
    finally:
        with suppress(NotADirectoryError):
            part.unlink(missing_ok=True)
    return path


def _read(file: str | Path) -> pd.DataFrame:
    """A table of ids and answers."""
    table = read_table(file)
    if len(table.columns) < 2:
        raise CourseError(f"{file} has one column only: separate ids and answers by commas.")
    return table


def _named(values, columns: list[str]) -> pd.DataFrame:
    """The answers as a table with these columns; without names nobody knows what is what."""
    if len(columns) == 1:
        values = require.many(values, "The answers")
        odd = next((v for v in values if not isinstance(v, str)), None)
        if odd is not None:
            told = require.told(odd)
            raise CourseError(f"An answer is {told}, no class name: give class_names[number].")
        return pd.DataFrame({columns[0]: values})
    if not isinstance(values, Mapping | pd.DataFrame):
        raise CourseError(
            "Nobody knows which column is which class: give a table with names, as "
            "pd.DataFrame(probabilities, columns=class_names)."
        )
    try:
        table = pd.DataFrame({name: np.asarray(values[name], dtype=float) for name in values})
    except (ValueError, TypeError):
        raise CourseError(
            "The probabilities are not numbers, as many for every class: give a number for each "
            "picture and class."
        ) from None
    if set(table) != set(columns):
        odd = min(set(table) ^ set(columns), key=str)
        where = "your answers, not the sample" if odd in table else "the sample, not your answers"
        raise CourseError(f'Class "{odd}" stands in {where}: give the same classes.')
    return table[columns]


def validate_submission(
    path: str | Path, sample: str | Path, class_names: Sequence[str] | None = None
) -> str:
    """Check a submission as Kaggle would; returns a sentence, or raises one that names the row.

    class_names: the labels that exist; by default those in the training labels beside the sample.
    """
    wanted = _read(sample)
    table = read_table(path, list(wanted.columns))
    if class_names is not None:
        class_names = require.names(class_names, "class_names")
    key, *columns = table.columns

    def check(wrong: pd.Series, what: str) -> None:
        if wrong.any():
            row = int(np.argmax(wrong))
            found = ", ".join(table.iloc[row, 1:4])
            place = f"{path}, line {row + 2}, id {table[key][row]}"
            raise CourseError(f"{place}: {what} (found: {found}); correct it.")

    check(~table[key].isin(wanted[key]), "the sample has no such id")
    check(table[key].duplicated(), "this id stands twice")
    missing = wanted[key][~wanted[key].isin(table[key])]
    if len(missing):
        raise CourseError(f"{path}: id {missing.iloc[0]} is missing; answer for every picture.")
    if len(columns) == 1:
        names = class_names or known_classes(Path(sample).parent)
        check(table[columns[0]].str.strip() == "", "the label is empty")
        if names:
            check(~table[columns[0]].isin(names), "there is no such label")
    else:
        values = table[columns].apply(pd.to_numeric, errors="coerce")
        check(~np.isfinite(values).all(axis=1), "a probability is not a number")
        check(((values < 0) | (values > 1)).any(axis=1), "a probability is not between 0 and 1")
        check((values.sum(axis=1) - 1).abs() > SUM, "the probabilities do not sum to 1")
    return f"{len(table)} answers, one for each id of the sample: ready to hand in."


def score(path: str | Path, answers: str | Path) -> dict:
    """{"accuracy", "n"} of a submission, with "log_loss" (nats) where it holds probabilities.

    answers: a CSV file with the id and the right class of every test picture.
    """
    table, right = _read(path), _read(answers)
    key, *columns = table.columns
    right = dict(zip(right.iloc[:, 0], right.iloc[:, 1], strict=True))
    odd = next((i for i in table[key] if i not in right), None)
    if odd is not None or len(table) != len(right) or table[key].duplicated().any():
        raise CourseError(
            f"{path} and {answers} are not about the same pictures: choose the two that belong "
            "together."
        )
    truth = np.array([right[i] for i in table[key]])
    if len(columns) == 1:
        return {"accuracy": float((table[columns[0]] == truth).mean()), "n": len(table)}
    unknown = next((name for name in truth if name not in columns), None)
    if unknown is not None:
        raise CourseError(f'{path} has no column for class "{unknown}": add it.')
    values = table[columns].apply(pd.to_numeric, errors="coerce").to_numpy(float)
    sums = values.sum(1, keepdims=True)
    if not (np.isfinite(values).all() and (values >= 0).all() and (sums > 0).all()):
        raise CourseError(
            f"{path} holds what is no probability: check it with validate_submission."
        )
    values = values / sums
    place = [columns.index(name) for name in truth]
    return {
        "accuracy": float((values.argmax(1) == place).mean()),
        "log_loss": float(-np.log(values[range(len(place)), place].clip(LEAST)).mean()),
        "n": len(table),
    }
