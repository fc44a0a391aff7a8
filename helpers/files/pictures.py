"""The picture files in a folder: those that Pillow reads, whatever their ending says."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from helpers.require import CourseError

SYSTEM = {"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "@eadir"}
FOREIGN = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}  # Pillow leaves these to other programs


def is_hidden(name: str) -> bool:
    return name[0] == "." or name.lower() in SYSTEM


def visible(folder: Path) -> list[os.DirEntry]:
    """Returns what a folder holds, sorted by name, without the files that systems leave there."""
    try:
        entries = [entry for entry in os.scandir(folder) if not is_hidden(entry.name)]
    except FileNotFoundError:
        raise CourseError(f"There is no folder {folder}: check the path.") from None
    except OSError as error:
        raise CourseError(
            f"{folder} cannot be read as a folder ({error.strerror}): check the path."
        ) from None
    return sorted(entries, key=lambda entry: entry.name)


def find_pictures(folder: Path) -> tuple[list[Path], list[Path]]:
    """Returns the pictures in a folder and in its folders, and all other files there."""
    pictures, others = [], []
    for entry in visible(folder):
        if entry.is_dir(follow_symlinks=False):  # a link may lead back to where it stands
            below = find_pictures(folder / entry.name)
            pictures += below[0]
            others += below[1]
        else:
            file = folder / entry.name
            (pictures if is_picture(file) else others).append(file)
    return pictures, others


def is_picture(file: Path) -> bool:
    """Returns whether Pillow reads such files; where the ending does not tell, it looks inside."""
    known = Image.registered_extensions().get(file.suffix.lower())
    if known in Image.OPEN and known not in FOREIGN:
        return True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(file) as picture:
                return picture.format not in FOREIGN
    except Image.DecompressionBombError:
        return True
    except OSError:  # no picture, a folder, or nothing that may be read
        return False


def tell_unread(folder: Path, files: Iterable[Path]) -> None:
    advice = "save those that are pictures as JPEG"
    tell_left_out(folder, files, f"since Pillow reads no picture in them: {advice}")


def tell_left_out(folder: Path, files: Iterable[Path], why: str) -> None:
    """Prints how many files of which kinds are not used, and why; nothing if there are none."""
    if text := kinds(files):
        print(f"{folder}: {text} left out, {why}.", flush=True)


def kinds(files: Iterable[Path]) -> str:
    """Returns how many files of each ending there are, such as "12 .heic, 1 .txt"."""
    counts = Counter(file.suffix.lower() or "without ending" for file in files)
    most = counts.most_common(5)
    rest = counts.total() - sum(n for _, n in most)
    return ", ".join(f"{n} {ending}" for ending, n in [*most, ("of other kinds", rest)] if n)
