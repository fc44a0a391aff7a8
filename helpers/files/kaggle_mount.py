"""What a Kaggle notebook has attached: competitions and data sets under /kaggle/input, read-only.

Input lies in input/competitions/NAME or input/datasets/OWNER/NAME, in older sessions in
input/NAME. The variable COURSE_KAGGLE names another folder in place of /kaggle.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from helpers.files.archives import extract
from helpers.files.atomic import make_once
from helpers.require import CourseError

PLACES = ("competitions/{}", "datasets/*/{}", "{}")


def kaggle_root() -> Path | None:
    """Returns /kaggle in a Kaggle notebook, else None."""
    root = Path(os.environ.get("COURSE_KAGGLE") or "/kaggle")
    return root if (root / "input").is_dir() else None


def attached(name: str, work: Path) -> Path:
    """Returns the folder of an attached competition or data set.

    7z archives in it (train.7z and test.7z of cifar-10) are unpacked once, to work/NAME. Raises
    CourseError if nothing of that name is attached.
    """
    found = [f for place in PLACES for f in (kaggle_root() / "input").glob(place.format(name))]
    if not found:
        raise CourseError(
            f"{name} is not attached to this Kaggle notebook: choose Add Input on the right, "
            f"search for {name}, accept the rules of the competition, and run the cell again."
        )
    archives = [a for a in found[0].glob("*.7z") if not (found[0] / a.stem).is_dir()]
    if not archives:
        return found[0]

    def unpack(part: Path) -> None:
        part.mkdir()
        for file in found[0].iterdir():
            if file in archives:
                extract(file, part / file.stem)
            elif file.is_file():
                shutil.copyfile(file, part / file.name)

    return make_once(work / name, unpack)
