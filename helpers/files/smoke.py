"""The size `smoke`: the first few drawn pictures of each class, in the same layout."""

import shutil
from pathlib import Path

import pandas as pd

from helpers.files.atomic import atomic, make_from
from helpers.files.tables import LABELS, read_table

EACH = {"train": 8, "test": 4}  # pictures per class


def sample(drawn: Path, target: Path) -> Path:
    """Returns `target`, a copy of the drawn set that holds the first pictures of each class.

    A competition's tables are shortened with it, and answers/NAME.csv beside the set too.
    """
    if any(drawn.glob("*.csv")):
        files, tables = _first_of_competition(drawn)
    else:
        files = [file for folder in sorted(drawn.glob("*/*")) for file in _first_of_class(folder)]
        tables = {}

    def make(part: Path) -> None:
        for file in files:
            copy = part / file.relative_to(drawn)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
        for name, table in tables.items():
            with atomic((part / name).resolve()) as file:
                table.to_csv(file, index=False)

    return make_from(files, "the first of each class", target, make)


def _first_of_class(folder: Path) -> list[Path]:
    files = sorted(folder.iterdir(), key=lambda file: (len(file.name), file.name))  # 2 before 10
    return files[: EACH[folder.parent.name]]


def _first_of_competition(drawn: Path) -> tuple[list[Path], dict[str, pd.DataFrame]]:
    """Returns the pictures, and {path from the folder of the set: a table of their rows}."""
    answers = f"../answers/{drawn.name}.csv"
    names = [answers, *(file.name for file in drawn.glob("*.csv"))]
    tables = {name: read_table(drawn / name) for name in names}
    labels = next(name for name in LABELS if name in tables)
    ids = {}
    for part, name in (("train", labels), ("test", answers)):
        id_column, class_column = tables[name].columns
        ids[part] = tables[name].groupby(class_column).head(EACH[part])[id_column]
    stems = {part: {Path(i).stem for i in of_part} for part, of_part in ids.items()}
    stems["images"] = stems["train"] | stems["test"]  # where all pictures lie in one folder
    files = [file for file in sorted(drawn.glob("*/*")) if file.stem in stems[file.parent.name]]
    for name, table in tables.items():
        tables[name] = table[table.iloc[:, 0].isin(ids["train" if name == labels else "test"])]
    return files, tables
