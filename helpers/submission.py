"""Answers for Kaggle: written by id, checked before they are handed in, scored."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd

from helpers import CourseError, given
from helpers.data import Pictures
from helpers.layout import known_classes, read_table

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
    ids = [str(i) for i in given.many(ids, "ids")]
    if len(ids) != len(table):
        raise CourseError(f"There are {len(ids)} ids and {len(table)} answers: give one each.")
    table.insert(0, key, ids)
    order = {i: place for place, i in enumerate(wanted[key])}
    table = table.sort_values(key, key=lambda ids: ids.map(order), kind="stable")
    path = given.path(path)
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(part, index=False, lineterminator="\n")
        validate_submission(part, sample)
        os.replace(part, path)
    except OSError as error:
        from helpers.fetch import unwritable

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
        values = given.many(values, "The answers")
        odd = next((v for v in values if not isinstance(v, str)), None)
        if odd is not None:
            told = given.told(odd)
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
        class_names = given.names(class_names, "class_names")
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
