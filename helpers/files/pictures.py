"""Picture files: those in a folder that Pillow reads, and their pixels as 8-bit RGB."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from helpers import require
from helpers.require import CourseError

SYSTEM = {"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "@eadir"}
UNREAD = "since Pillow reads no picture in them: save those that are pictures as JPEG"
FOREIGN = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}  # Pillow leaves these to other programs
# phones take pictures of 108 million pixels; at twice Pillow's limit it raises instead of warning
warnings.simplefilter("ignore", Image.DecompressionBombWarning)


def is_hidden(name: str) -> bool:
    return name[0] == "." or name.lower() in SYSTEM


def visible(folder: Path) -> list[os.DirEntry]:
    """Returns what a folder holds, sorted by name, without the files that systems leave there."""
    try:
        entries = [entry for entry in os.scandir(folder) if not is_hidden(entry.name)]
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


def tell_left_out(folder: Path, files: Iterable[Path], why: str = UNREAD) -> None:
    """Prints how many files of which kinds are not used, and why; nothing if there are none."""
    counts = Counter(file.suffix.lower() or "without ending" for file in files)
    if counts:
        kinds = ", ".join(f"{n} {ending}" for ending, n in counts.most_common())
        print(f"{folder}: {kinds} left out, {why}.", flush=True)


def read_picture(file: str | Path) -> Image.Image:
    """Returns any picture file as 8-bit RGB, upright; of several frames or pages the first.

    See `to_rgb` for how. Raises CourseError that names the file and says what to do.
    """
    file = require.path(file, "The picture")
    if not file.is_file():
        raise CourseError(f"There is no picture {file}: check the path.")
    try:
        with Image.open(file) as picture:
            if picture.format in FOREIGN:
                raise ValueError(f"Pillow reads no {picture.format}")
            ImageOps.exif_transpose(picture, in_place=True)
            return to_rgb(picture, str(file))
    except CourseError:
        raise
    except Exception as error:  # a damaged file makes Pillow raise many kinds
        raise CourseError(
            f"{file} cannot be read as a picture ({error}): save an intact or smaller copy as "
            "JPEG, or remove it."
        ) from None


def to_rgb(picture: Image.Image, name: str = "A picture") -> Image.Image:
    """Returns a Pillow image as 8-bit RGB; transparent parts become white.

    Greys of 12 or 16 bits are scaled by their bits, whatever values occur. Numbers without a
    fixed scale (32 bits, floats) and LAB raise CourseError.
    """
    sixteen_bits = picture.mode == "I" and picture.format in ("PPM", "PNG")
    if picture.mode.startswith("I;16") or sixteen_bits:  # Pillow would clip, not scale
        bits = getattr(picture, "tag_v2", {}).get(258, (16,))[0]  # TIFF's BitsPerSample
        grey = np.asarray(picture, dtype=np.float64) / (2**bits - 1) * 255
        return Image.fromarray(grey.round().clip(0, 255).astype(np.uint8)).convert("RGB")
    if picture.mode in ("I", "F", "LAB"):
        raise CourseError(
            f"{name} has pixels of the kind {picture.mode}, without a fixed scale to 8-bit RGB: "
            "save it as PNG or JPEG, or remove it."
        )
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert("RGB")
