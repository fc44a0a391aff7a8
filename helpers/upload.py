"""Uploaded pictures, or a zip file of them, into a folder per class; nothing is overwritten."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path, PureWindowsPath
from tempfile import TemporaryDirectory

from PIL import Image, ImageOps

from helpers import require
from helpers.files.archives import BadArchive, extract
from helpers.files.atomic import unwritable
from helpers.files.pictures import find_pictures, is_hidden, to_rgb, visible
from helpers.require import CourseError

LARGEST = 300_000_000  # bytes of one upload
MOST_PIXELS = 120_000_000  # of a picture, as the largest phones take
KINDS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "MPO")
HEIC = (b"ftypheic", b"ftypheix", b"ftypmif1")  # how an iPhone's files begin, at byte 4
TOLD = 5  # sentences about files that were not kept
NO_NAME = set('/\\:*?"<>|')  # what not every system takes in the name of a folder


def add(folder: str | Path, class_name: str, name: str, contents: bytes) -> list[str]:
    """Keeps an uploaded picture, or those of a zip file, in folder/class; see `keep`.

    Folders in a zip file name classes themselves. Returns a sentence for each file that was not
    kept.
    """
    refused = []
    try:
        if len(contents) > LARGEST:
            raise CourseError(f"More than {LARGEST // 10**6} MB at once: choose fewer pictures.")
        for label, file, picture in _files(class_name, name, contents):
            try:
                keep(folder, label, file, picture)
            except CourseError as error:
                refused.append(f"{file}: {error}")
    except CourseError as error:
        refused.append(f"{name}: {error}")
    return refused


def keep(folder: str | Path, class_name: str, name: str, contents: bytes) -> Path:
    """Writes the bytes of a picture into folder/class, and returns the file.

    A file of the same name stays: the new one gets a number, unless it is the same picture. Raises
    CourseError for what is no picture, and for a class that cannot be the name of a folder.
    """
    place = require.path(folder, "The folder") / checked(class_name)
    decode(contents)
    name = PureWindowsPath(name).name  # it knows both kinds of slashes
    name = Path(name if name.isprintable() and not is_hidden(name or ".") else "picture.jpg")
    try:
        place.mkdir(parents=True, exist_ok=True)
        for n in count(1):
            file = place / (f"{name.stem}-{n}{name.suffix}" if n > 1 else name)
            with suppress(FileExistsError), file.open("xb") as new:
                new.write(contents)
            if file.is_file() and file.read_bytes() == contents:
                return file
    except OSError as error:
        raise unwritable(place, error) from None


def decode(contents: bytes) -> Image.Image:
    """Returns an upload as an upright RGB picture; the bytes never become a file."""
    try:
        with Image.open(io.BytesIO(contents), formats=KINDS) as picture:
            w, h = picture.size
            if w * h <= MOST_PIXELS:
                return to_rgb(ImageOps.exif_transpose(picture), "This picture")
    except CourseError:
        raise
    except Exception:  # Pillow raises many kinds
        if contents[4:12] in HEIC:
            raise CourseError("This is HEIC, not JPEG: let the phone save JPEG.") from None
        raise CourseError(
            "This is not a picture that can be read: choose a JPEG or PNG file."
        ) from None
    raise CourseError(f"This picture has {w * h / 1e6:.0f} megapixels: choose a smaller one.")


def checked(class_name: str) -> str:
    """Returns the name of a class if every system takes it as the name of a folder."""
    name = class_name.strip()
    if not name.isprintable() or NO_NAME & set(name) or len(name) > 60 or is_hidden(name or "."):
        raise CourseError("Give the class a name of letters, digits and spaces, such as cup.")
    return name


def _files(class_name: str, name: str, contents: bytes) -> Iterator[tuple[str, str, bytes]]:
    """Yields (class, name, bytes): of the upload, or of each file in it if it is a zip file."""
    if not zipfile.is_zipfile(io.BytesIO(contents)):
        yield class_name, name, contents
        return
    with TemporaryDirectory() as aside:
        archive, whole = Path(aside, "upload.zip"), Path(aside, "whole")
        archive.write_bytes(contents)
        try:
            extract(archive, whole)
        except BadArchive as error:
            reason = error.reason.replace(str(archive), "The zip file")
            raise CourseError(f"{reason}: choose another.") from None
        for file in sum(find_pictures(whole), []):
            *folders, name = file.relative_to(whole).parts
            yield (folders or [class_name])[0], name, file.read_bytes()


def button(folder: str | Path) -> object:
    """Returns a field for the name of a class and a button to upload its pictures to folder/class.

    Needs ipywidgets.
    """
    import ipywidgets  # JupyterLab's; the page of `course.py collect` can do without it

    name = ipywidgets.Text(description="class:", placeholder="cup")
    chosen = ipywidgets.FileUpload(
        accept="image/*,.zip", multiple=True, description="pictures, or a zip file"
    )
    said = ipywidgets.Output()

    @said.capture(clear_output=True)
    def take(change) -> None:
        refused = [add(folder, name.value, new.name, bytes(new.content)) for new in change.new]
        for sentence in sum(refused, [])[:TOLD]:
            print(sentence)
        print(tell(folder))

    chosen.observe(take, "value")
    return ipywidgets.VBox([ipywidgets.HBox([name, chosen]), said])


def tell(folder: str | Path) -> str:
    """Returns a sentence on how many files each class has."""
    place = Path(folder)
    classes = [e for e in visible(place) if e.is_dir()] if place.is_dir() else []
    counts = ", ".join(f"{len(visible(Path(entry)))} {entry.name}" for entry in classes)
    return f"There are now {counts}." if counts else "There are no pictures yet."
