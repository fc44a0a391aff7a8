"""Pictures decoded to squares by several threads, in one array: in memory, or mapped from a file.

The name of the file follows from the pictures' paths, sizes and times and from how they are
decoded: pictures that have changed never come from an old file. It appears once it is whole.
"""

from __future__ import annotations

import hashlib
import math
import os
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from helpers.files.atomic import alone, atomic
from helpers.require import CourseError

LIMIT = 400e6  # bytes of decoded pictures that one call keeps in memory
GROUP = 8  # pictures that a thread decodes in one go: one by one costs more
BLOCK = 64e6  # bytes that are decoded before they are written to a file
DAY = 86_400  # seconds; a file that was opened within a day may still be in use


def decode_all(
    files: Sequence[Path], side: int, decode: Callable[[Path], object], how: str, folder: Path
) -> list[Tensor]:
    """Returns all pictures as uint8 (3, side, side), views of one array.

    decode: makes pixels (side, side, 3) of a file; threads call it. how: says how it does that.
    Above the limit, the array is kept in a file in `folder`, where the next call finds it. Changes
    of the pixels stay in memory. Raises CourseError with what to do.
    """
    shape = (len(files), side, side, 3)
    if math.prod(shape) <= memory_limit():
        squares = np.empty(shape, np.uint8)
        decode_into(squares, files, decode)
    else:
        squares = mapped(shape, files, decode, f"{side} {how}", folder)
    return list(torch.from_numpy(squares).permute(0, 3, 1, 2))


def memory_limit() -> float:
    """Returns the bytes that one call keeps in memory: COURSE_MEMORY_MB in megabytes, or LIMIT."""
    text = os.environ.get("COURSE_MEMORY_MB")
    if not text:
        return LIMIT
    with suppress(ValueError):
        if float(text) >= 0:
            return float(text) * 1e6
    raise CourseError(
        f'COURSE_MEMORY_MB is "{text}": give a number of megabytes such as 400, or unset it.'
    )


def decode_into(squares: np.ndarray, files: Sequence[Path], decode: Callable) -> None:
    """Fills uint8 (n, side, side, 3) by several threads; decoding runs outside Python's lock."""

    def decode_group(start: int) -> None:
        for i in range(start, min(start + GROUP, len(files))):
            squares[i] = decode(files[i])

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(decode_group, range(0, len(files), GROUP)):
            pass  # an error of a thread is raised here, and what still waits is cancelled


def mapped(
    shape: tuple[int, ...], files: Sequence[Path], decode: Callable, how: str, folder: Path
) -> np.memmap:
    """Returns the decoded pictures as a file in `folder` holds them; writes it if it is missing."""
    size = math.prod(shape)
    names, state = digests(files, how)
    file = folder / f"{names[:16]}-{state[:16]}.pictures"

    def is_whole() -> bool:
        return file.exists() and file.stat().st_size == size

    try:
        if not is_whole():
            with alone(file):
                if not is_whole():  # unless another process was quicker
                    announce(len(files), size, folder)
                    remove_old(folder, names)
                    with atomic(file) as part:
                        write(part, shape, files, decode)
                        if digests(files, how)[1] != state:
                            raise CourseError(
                                "Pictures changed while they were read: read them again."
                            )
        with suppress(OSError):  # a folder that is only read
            os.utime(file)
        return np.memmap(file, np.uint8, mode="c", shape=shape)  # changes stay in memory
    except OSError as error:
        raise CourseError(
            f"{folder} cannot be written ({error}): free some space, or set COURSE_MEMORY_MB to "
            f"{size / 1e6 + 1:.0f} to keep the pictures in memory."
        ) from None


def digests(files: Sequence[Path], how: str) -> tuple[str, str]:
    """Returns two SHA-256: of the pictures' paths and how they are decoded; of their state, too."""
    names, state = hashlib.sha256(how.encode()), hashlib.sha256(how.encode())
    for file in files:
        path = os.path.abspath(file)
        try:
            status = os.stat(path)
        except OSError:
            raise CourseError(f"There is no picture {file}: check the path.") from None
        names.update(f"\n{path}".encode(errors="surrogateescape"))
        line = f"\n{path} {status.st_size} {status.st_mtime_ns}"
        state.update(line.encode(errors="surrogateescape"))
    return names.hexdigest(), state.hexdigest()


def announce(n: int, size: int, folder: Path) -> None:
    """Prints where the pictures are kept; raises CourseError if the disk has no room for them."""
    free = shutil.disk_usage(folder).free
    place = f"{folder.parent.name}/{folder.name}/"
    pictures = f"{n:,} decoded pictures take {size / 1e6:,.0f} MB"
    if free < 1.1 * size:
        raise CourseError(
            f"{pictures}, but only {free / 1e6:,.0f} MB are free for {place}: free some space."
        )
    print(f"{pictures}: they are kept in {place} and used again next time.", flush=True)


def write(part: Path, shape: tuple[int, ...], files: Sequence[Path], decode: Callable) -> None:
    """Writes the decoded pictures block by block: memory does not grow with their number."""
    step = max(1, int(BLOCK // math.prod(shape[1:])))
    with open(part, "wb") as out:
        for start in range(0, len(files), step):
            block = files[start : start + step]
            squares = np.empty((len(block), *shape[1:]), np.uint8)
            decode_into(squares, block, decode)
            out.write(squares)
        out.flush()
        os.fsync(out.fileno())  # after a power cut, too, a file with its name is whole


def remove_old(folder: Path, names: str) -> None:
    """Removes what interrupted calls left, and these pictures in an older state, after a day."""
    for old in folder.iterdir():
        if old.suffix == ".part" or old.name.startswith(names[:16]):
            with suppress(OSError):  # Windows keeps what a process reads
                if time.time() - old.stat().st_mtime > DAY:
                    old.unlink()
