"""The CSV tables of a competition, read as they stand."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from textwrap import shorten

import pandas as pd

from helpers import require
from helpers.require import CourseError

LABELS = {  # the file with the training labels, and its columns: id, class
    "trainLabels.csv": ("id", "label"),  # cifar-10
    "labels.csv": ("id", "breed"),  # dog-breed-identification
    "train.csv": ("image", "label"),  # classify-leaves
}


def read_table(file: str | Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Returns a CSV file with each cell as text, unchanged; `columns`: exactly those it must have.

    Raises CourseError if it is not a complete table or has other columns.
    """
    file = require.path(file, "The table")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # a line with too many cells
            as_it_stands = {"dtype": str, "keep_default_na": False, "index_col": False}
            table = pd.read_csv(file, encoding="utf-8-sig", compression=None, **as_it_stands)
    except FileNotFoundError:
        raise CourseError(f"There is no file {file}: check the path.") from None
    except (OSError, ValueError, pd.errors.ParserWarning) as error:  # pandas' own are ValueErrors
        reason = " ".join(str(error).split())
        raise CourseError(
            f"{file} is not a complete CSV table ({reason}): save it as CSV with UTF-8, or get it "
            "again."
        ) from None
    if columns is not None and list(table) != list(columns):
        raise CourseError(
            f"{file} has the columns {_listed(table)} but should have {_listed(columns)}: correct "
            "its first line, with commas between the names."
        )
    return table


def _listed(names: Iterable[str]) -> str:
    return shorten(str(list(names)), 200, placeholder=" …]")
