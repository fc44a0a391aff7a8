"""What the drawn competitions share: an order that tells nothing of the class, and CSV files."""

import csv
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np


def mixed(data_set: str, split: str, classes: Iterable[str], count: int) -> list[tuple[str, int]]:
    """Every picture of a split as (class, number from 1), in a random order that never changes."""
    pictures = [(label, number) for label in classes for number in range(1, count + 1)]
    rng = np.random.default_rng(zlib.crc32(f"order/{data_set}/{split}".encode()))
    return [pictures[i] for i in rng.permutation(len(pictures))]


def table(path: Path, header: Iterable[str], rows: Iterable[Iterable]) -> None:
    """Write a CSV file, with the same bytes on every system."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
