"""Pictures decoded by several threads; those that do not fit in memory are kept in one file.

The file holds the pixels of one picture after the other, then where each begins, then a digest. Its
name and digest follow from the pictures' paths, sizes and times and from how they are decoded:
pictures that have changed never come from an old file. It gets its name only once it is whole.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import PIL
import torch
from PIL import Image
from torch import Tensor

from helpers.preprocess import Preprocess
from helpers.require import CourseError

LIMIT = 400e6  # bytes of decoded pictures that one call keeps in memory
VERSION = 1  # of how pictures are decoded: another number, and all are decoded again
GROUP = 8  # pictures that a thread decodes before it hands them over: one by one costs more
PLACE = 3 * 8  # bytes of the index for a picture
DIGEST = 32  # bytes of a SHA-256
SAMPLE = 200  # of so many pictures the size is looked up beforehand
DAY = 86_400  # seconds; a file that was opened within a day may still be in use


def decode_all(
    files: Sequence[Path],
    decode: Callable[[Path], Tensor],
    preprocess: Preprocess,
    folder: Path,
) -> Sequence[Tensor]:
    """Decode all files: uint8 (3, H, W) each, in a list, or in a file in `folder` above the limit.

    decode: makes such a tensor of a file, as `preprocess` wants it; threads call it.
    """
    size = estimate(files, preprocess)
    if size <= limit():
        return list(in_order(decode, files))
    names, state = digests(files, preprocess)
    file = folder / f"{names[:16]}-{state[:16]}.pictures"
    with suppress(OSError, ValueError):  # there is none yet, or it is damaged
        return open_file(file, state, len(files))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
        where = f"{folder.parent.name}/{folder.name}/"
        told = f"{len(files):,} decoded pictures take {size / 1e6:,.0f} MB"
        if free < 1.1 * size:
            raise CourseError(
                f"{told}, but only {free / 1e6:,.0f} MB are free for {where}: free some space."
            )
        print(f"{told}: they are kept in {where} and used again next time.", flush=True)
        remove_old(folder, names)
        write_file(file, state, watched(decode, files, preprocess, state), len(files))
        return open_file(file, state, len(files))
    except OSError as error:
        raise CourseError(
            f"{folder} cannot be written ({error}): free some space, or set COURSE_MEMORY_MB to "
            f"{size / 1e6 + 1:.0f} to keep the pictures in memory."
        ) from None


def limit() -> float:
    """Bytes that one call keeps in memory: LIMIT, or the variable COURSE_MEMORY_MB in megabytes."""
    text = os.environ.get("COURSE_MEMORY_MB")
    if not text:
        return LIMIT
    with suppress(ValueError):
        if float(text) >= 0:
            return float(text) * 1e6
    raise CourseError(f'COURSE_MEMORY_MB is "{text}": give megabytes, as 400, or unset it.')


def estimate(files: Sequence[Path], preprocess: Preprocess) -> float:
    """Bytes of all pictures decoded, by the headers of some of them."""
    sample, total = files[:: len(files) // SAMPLE + 1], 0.0
    for file in sample:
        ratio = 1.0
        with suppress(Exception), Image.open(file) as picture:  # decoding it will say what is wrong
            ratio = max(picture.size) / min(picture.size)
        total += 3 * preprocess.resize**2 * min(ratio, 2)
    return total / max(1, len(sample)) * len(files)


def digests(files: Sequence[Path], preprocess: Preprocess) -> tuple[str, str]:
    """Two SHA-256: of the pictures' names and of how they are decoded; and of their state too."""
    how = f"{VERSION} {PIL.__version__} {preprocess.resize} {preprocess.interpolation}\n"
    names, state = hashlib.sha256(how.encode()), hashlib.sha256(how.encode())
    for file in files:
        path = os.path.abspath(file)
        try:
            found = os.stat(path)
        except OSError:
            raise CourseError(f"There is no picture {file}: check the path.") from None
        names.update(f"{path}\n".encode(errors="surrogateescape"))
        line = f"{path} {found.st_size} {found.st_mtime_ns}\n"
        state.update(line.encode(errors="surrogateescape"))
    return names.hexdigest(), state.hexdigest()


def in_order(decode: Callable, files: Sequence[Path]) -> Iterator[Tensor]:
    """decode(file) of each file, by several threads, which work only a little ahead.

    Decoding runs outside Python's lock; memory does not grow with the number of files.
    """
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        ahead = deque()
        for start in range(0, len(files), GROUP):
            group = files[start : start + GROUP]
            ahead.append(pool.submit(lambda group: [decode(file) for file in group], group))
            if len(ahead) > 2 * workers:
                yield from ahead.popleft().result()
        while ahead:
            yield from ahead.popleft().result()


def watched(
    decode: Callable, files: Sequence[Path], preprocess: Preprocess, state: str
) -> Iterator[Tensor]:
    """The decoded pictures, and an error at their end if files changed meanwhile."""
    yield from in_order(decode, files)
    if digests(files, preprocess)[1] != state:
        raise CourseError("Pictures changed while they were read: read them again.")


class Decoded(Sequence):
    """Decoded pictures in a file; item i is a uint8 tensor (3, H, W), a copy that you may change.

    places: int64 (N, 3), for each picture: its first byte in the file, its height, its width.
    pixels: the file's bytes, mapped into memory: the system reads what is asked for, and drops it
    again when memory gets scarce. Worker processes get the file's name, not its pixels.
    """

    def __init__(self, file: Path, places: np.ndarray, pixels: np.ndarray | None = None):
        self.file, self.places = file, places
        try:
            self.pixels = np.memmap(file, np.uint8, mode="r") if pixels is None else pixels
        except FileNotFoundError:  # for a worker process: somebody removed data/decoded meanwhile
            raise CourseError(f"{file} is gone: read the pictures again.") from None
        with suppress(OSError):  # a folder that is only read
            os.utime(file)

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, i: int | slice) -> Tensor | Decoded:
        if isinstance(i, slice):
            return self.take(range(*i.indices(len(self))))
        start, height, width = self.places[i].tolist()
        pixels = np.array(self.pixels[start : start + 3 * height * width])
        return torch.from_numpy(pixels).view(height, width, 3).permute(2, 0, 1)

    def take(self, indices: Sequence[int]) -> Decoded:
        """The pictures at these indices, in the same file."""
        places = self.places[np.asarray(indices, dtype=np.int64)]
        return Decoded(self.file, places, self.pixels)

    def __reduce__(self) -> tuple:
        return Decoded, (self.file, self.places)

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        """torch.stack(decoded) and the like: as of the list of all pictures."""

        def listed(value):
            return list(value) if isinstance(value, Decoded) else value

        named = {name: listed(value) for name, value in (kwargs or {}).items()}
        return function(*map(listed, args), **named)


def take(pictures: Sequence[Tensor], indices: Sequence[int]) -> Sequence[Tensor]:
    """The pictures at these indices, without decoding or copying."""
    if isinstance(pictures, Decoded):
        return pictures.take(indices)
    return [pictures[i] for i in indices]


def sealed(places: np.ndarray, state: str) -> bytes:
    """The digest at the end of a file: it fits only these pictures in this state."""
    return hashlib.sha256(places.tobytes() + state.encode()).digest()


def write_file(file: Path, state: str, pictures: Iterable[Tensor], n: int) -> None:
    """Write n decoded pictures under a name of this process's own, and rename it when whole."""
    part = file.with_name(f"{file.name}.{uuid.uuid4().hex}.part")
    places, start = np.zeros((n, 3), np.int64), 0
    try:
        with open(part, "xb") as out:
            for i, picture in enumerate(pictures):
                pixels = picture.permute(1, 2, 0).contiguous().numpy()
                places[i] = start, *pixels.shape[:2]
                start += out.write(pixels)
            out.write(places.tobytes() + sealed(places, state))
            out.flush()
            os.fsync(out.fileno())  # after a power cut, too, what has the name is whole
        with suppress(PermissionError):  # on Windows: another process has made it and reads it
            os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)


def open_file(file: Path, state: str, n: int) -> Decoded:
    """The n pictures in a file; OSError or ValueError if it is not there, or not whole."""
    with open(file, "rb") as whole:
        size = whole.seek(-PLACE * n - DIGEST, os.SEEK_END)
        places = np.frombuffer(whole.read(PLACE * n), np.int64).reshape(n, 3)
        digest = whole.read()
    start, height, width = places[-1].tolist()
    if digest != sealed(places, state) or start + 3 * height * width != size:
        raise ValueError(f"{file} is damaged")
    return Decoded(file, places)


def remove_old(folder: Path, names: str) -> None:
    """Remove what interrupted calls left, and these pictures in an older state, after a day."""
    for old in folder.iterdir():
        if old.suffix == ".part" or old.name.startswith(names[:16]):
            with suppress(OSError):  # Windows keeps what a process reads
                if time.time() - old.stat().st_mtime > DAY:
                    old.unlink()
