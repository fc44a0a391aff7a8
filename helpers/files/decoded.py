"""Pictures decoded to squares by several threads, in one array: in memory, or mapped from a file.

The name of the file follows from the pictures' paths, sizes and times and from how they are
decoded: pictures that have changed never come from an old file. It appears once it is whole.
"""

from __future__ import annotations

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

from helpers.files.atomic import fingerprint, make_once
from helpers.require import CourseError

LIMIT = 400e6  # bytes of decoded pictures that one call keeps in memory
BLOCK = 64e6  # bytes that are decoded before they are written to a file
MONTH = 30 * 86_400  # seconds; a file that was not used for so long makes room for new ones


def decode_all(
    files: Sequence[Path], side: int, decode: Callable[[Path], object], how: str, folder: Path
) -> list[Tensor]:
    """Returns all pictures as uint8 (3, side, side), views of one array.

    decode: makes pixels (side, side, 3) of a file; threads call it. how: says how it does that.
    Above the limit, the array is kept in a file in `folder`, where the next call finds it. Changes
    of the pixels stay in memory. Raises CourseError with what to do.
    """
    if len(files) * side * side * 3 <= memory_limit():
        squares = decode_block(files, side, decode)
    else:
        squares = decode_to_file(files, side, decode, how, folder)
    return list(torch.from_numpy(squares).permute(0, 3, 1, 2))


def memory_limit() -> float:
    """Returns the bytes that one call keeps in memory: COURSE_MEMORY_MB in megabytes, or LIMIT."""
    text = os.environ.get("COURSE_MEMORY_MB")
    try:
        return float(text) * 1e6 if text else LIMIT
    except ValueError:
        raise CourseError(
            f'COURSE_MEMORY_MB is "{text}": give a number of megabytes such as 400, or unset it.'
        ) from None


def decode_block(files: Sequence[Path], side: int, decode: Callable) -> np.ndarray:
    """Returns uint8 (n, side, side, 3); its threads decode outside Python's lock."""
    squares = np.empty((len(files), side, side, 3), np.uint8)

    def fill(i: int) -> None:
        squares[i] = decode(files[i])

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(fill, range(len(files))):
            pass  # an error of a thread is raised here, and what still waits is cancelled
    return squares


def decode_to_file(
    files: Sequence[Path], side: int, decode: Callable, how: str, folder: Path
) -> np.memmap:
    """Returns the decoded pictures as a file in `folder` holds them; writes it if it is missing."""
    shape = (len(files), side, side, 3)
    size = math.prod(shape)
    file = folder / f"{fingerprint(files, f'{side} {how}')}.pictures"

    def write(part: Path) -> None:
        remove_unused(folder)
        announce(len(files), size, folder)
        step = max(1, int(BLOCK // math.prod(shape[1:])))
        with open(part, "wb") as out:  # block by block: memory does not grow with their number
            for start in range(0, len(files), step):
                out.write(decode_block(files[start : start + step], side, decode))
            out.flush()
            os.fsync(out.fileno())  # after a power cut, too, a file with its name is whole

    def is_whole(file: Path) -> bool:
        return file.exists() and file.stat().st_size == size

    in_memory = f"set COURSE_MEMORY_MB to {size / 1e6 + 1:.0f} to keep the pictures in memory"
    make_once(file, write, is_whole, alternative=in_memory)
    with suppress(OSError):  # a folder that is only read
        os.utime(file)
    return np.memmap(file, np.uint8, mode="c", shape=shape)  # changes stay in memory


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


def remove_unused(folder: Path) -> None:
    """Removes what was not used for a month: older states of pictures, remains of a killed call."""
    for old in folder.iterdir():
        with suppress(OSError):  # Windows keeps what a process reads
            if time.time() - old.stat().st_mtime > MONTH:
                old.unlink()
