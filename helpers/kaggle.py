"""A Kaggle competition in pictures: organise its files, split them, hand answers in, score them."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold

from helpers import CourseError
from helpers.data import FOLDER, Pictures, natural, read_files
from helpers.layout import (
    Layout,
    choose_valid,
    known_classes,
    read_layout,
    read_table,
)
from helpers.sources import Preprocess

STAMP = "organized.txt"  # written last: what was organised, as a digest
SUM = 1e-3  # how far the probabilities of a picture may be from 1 in sum
LEAST = 1e-15  # log-loss takes every probability for at least this, as Kaggle does


def organize(
    root: str | Path,
    valid_fraction: float = 0.1,
    seed: int = 0,
    folder: str | Path | None = None,
) -> Path:
    """Arrange a competition's pictures as train, valid, train_valid and test/unknown.

    In the first three, each class has a folder. The pictures are hard links where the disk allows
    it, or symbolic links, or else copies. `folder`: where to; by default under
    data/train_valid_test, since the data may be a share that nobody writes to. A second call with
    the same pictures, fraction and seed does nothing; an interrupted one leaves nothing.
    """
    root = Path(root).resolve()
    layout = read_layout(root)
    folder = Path(folder or FOLDER / "train_valid_test" / f"{root.parent.name}-{root.name}")
    plan = _plan(layout, choose_valid(layout.labels, valid_fraction, seed))
    stamp = _digest(plan)
    if _is_done(folder, stamp):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f"{folder.name}.part", dir=folder.parent))
    try:
        for target in {target.rpartition("/")[0] for target, _ in plan}:
            (work / target).mkdir(parents=True)
        for target, source in plan:
            _link(str(source), f"{work}/{target}")
        (work / STAMP).write_text(stamp)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(work, folder)
    except OSError as error:
        if not _is_done(folder, stamp):  # unless another notebook was quicker
            raise CourseError(
                f"{folder} cannot be written ({error}): free some space, or give another folder."
            ) from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return folder


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
    folder = Path(folder)
    held_out = {(file.parent.name, file.name) for file in (folder / "valid").glob("*/*")}
    files = sorted((folder / "train_valid").glob("*/*"), key=natural)[:first]
    names = sorted({file.parent.name for file in (folder / "train_valid").glob("*/*")})
    if not held_out or len(names) < 2:
        raise CourseError(f"{folder} is not what organize makes, with two classes or more.")
    labels = [names.index(file.parent.name) for file in files]
    whole = read_files(files, labels, names, preprocess)
    valid = [i for i, file in enumerate(files) if (file.parent.name, file.name) in held_out]
    train = sorted(set(range(len(files))) - set(valid))
    files = sorted((folder / "test" / "unknown").iterdir(), key=natural)
    test = read_files(files, [0] * len(files), ["unknown"], preprocess)
    return Parts(whole.subset(train), whole.subset(valid), whole, test)


def folds(labels: Sequence[int], k: int, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """k pairs (indices to learn from, indices to check with): each picture is checked once.

    labels: a class number per picture. Every class is spread evenly over the folds.
    """
    labels = np.asarray(labels)
    rarest = min(Counter(labels.tolist()).values(), default=0)
    if not 2 <= k <= rarest:
        raise CourseError(f"k is {k}: it must lie between 2 and the smallest class, {rarest}.")
    return list(StratifiedKFold(k, shuffle=True, random_state=seed).split(labels, labels))


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
    wanted = read_table(sample)
    key, *columns = wanted.columns
    table = _named(values, columns)
    ids = [str(i) for i in ids]
    if len(ids) != len(table):
        raise CourseError(f"There are {len(ids)} ids and {len(table)} answers: give one each.")
    table.insert(0, key, ids)
    order = {i: place for place, i in enumerate(wanted[key])}
    table = table.sort_values(key, key=lambda ids: ids.map(order), kind="stable")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    part = Path(f"{path}.part")
    try:
        table.to_csv(part, index=False, lineterminator="\n")
        validate_submission(part, sample)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return Path(path)


def _named(values, columns: list[str]) -> pd.DataFrame:
    """The answers as a table with these columns; without names nobody knows what is what."""
    if len(columns) == 1:
        values = list(values)
        odd = next((v for v in values if not isinstance(v, str)), None)
        if odd is not None:
            raise CourseError(f"{odd!r} is no class name: give names, class_names[number].")
        return pd.DataFrame({columns[0]: values})
    if not isinstance(values, Mapping | pd.DataFrame):
        raise CourseError(
            "Nobody knows which column is which class: give a table with names, as "
            "pd.DataFrame(probabilities, columns=class_names)."
        )
    table = pd.DataFrame({name: np.asarray(values[name], dtype=float) for name in values})
    if set(table) != set(columns):
        odd = sorted(set(table) ^ set(columns))[0]
        where = "your answers, not the sample" if odd in table else "the sample, not your answers"
        raise CourseError(f'Class "{odd}" stands in {where}: the classes must be the same.')
    return table[columns]


def validate_submission(
    path: str | Path, sample: str | Path, class_names: Sequence[str] | None = None
) -> str:
    """Check a submission as Kaggle would; returns a sentence, or raises one that names the row.

    class_names: the labels that exist; by default those in the training labels beside the sample.
    """
    wanted = read_table(sample)
    table = read_table(path, list(wanted.columns))
    key, *columns = table.columns

    def check(wrong: pd.Series, what: str) -> None:
        if wrong.any():
            row = int(np.argmax(wrong))
            found = ", ".join(table.iloc[row, 1:4])
            raise CourseError(
                f"{path}, line {row + 2}, id {table[key][row]}: {what} (found: {found})."
            )

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
    table, right = read_table(path), read_table(answers)
    key, *columns = table.columns
    right = dict(zip(right.iloc[:, 0], right.iloc[:, 1], strict=True))
    odd = next((i for i in table[key] if i not in right), None)
    if odd is not None or len(table) != len(right):
        raise CourseError(f"{path} and {answers} are not about the same pictures, as id {odd}.")
    truth = np.array([right[i] for i in table[key]])
    if len(columns) == 1:
        return {"accuracy": float((table[columns[0]] == truth).mean()), "n": len(table)}
    values = table[columns].to_numpy(float)
    values = values / values.sum(1, keepdims=True)
    place = [columns.index(name) for name in truth]
    return {
        "accuracy": float((values.argmax(1) == place).mean()),
        "log_loss": float(-np.log(values[range(len(place)), place].clip(LEAST)).mean()),
        "n": len(table),
    }
