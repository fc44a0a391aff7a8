"""What every drawn set shares: how a picture begins, and the command that draws them all."""

import argparse
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from grounds import GROUNDS
from PIL import Image
from scene import Canvas, Frame

SIZE = 160
FOLDER = Path(__file__).resolve().parents[1] / "drawn"


def begin(data_set: str, split: str, label: str, number: int) -> tuple[Canvas, Frame]:
    """A table with its ground and the place for the food, drawn at random.

    They depend only on the four arguments. The grounds take turns from one `number` to the next.
    """
    name = zlib.crc32(f"drawn/{data_set}/{split}/{label}".encode())
    rng = np.random.default_rng([name, number])
    canvas = Canvas(rng)
    GROUNDS[(name + number) % len(GROUNDS)](canvas)
    frame = (tuple(rng.uniform(-0.12, 0.12, 2)), rng.uniform(0, 2 * np.pi), rng.uniform(1.0, 1.3))
    return canvas, frame


def write(
    data_set: str,
    counts: dict[str, int],
    classes: Iterable[str],
    draw: Callable[[str, str, int], Image.Image],
    jpeg: dict,
) -> None:
    """Write every picture of a set as a JPEG file; `--out` on the command line says where.

    `counts` are the pictures of one class in each split, `jpeg` the options of `Image.save`.
    """
    parser = argparse.ArgumentParser(description=f"Draw the set {data_set}.")
    parser.add_argument("--out", type=Path, default=FOLDER / data_set, help="where to draw")
    out = parser.parse_args().out
    for split, count in counts.items():
        for label in classes:
            folder = out / split / label
            folder.mkdir(parents=True, exist_ok=True)
            for number in range(1, count + 1):
                draw(split, label, number).save(folder / f"{number:03d}.jpg", **jpeg)
            print(f"{folder}: {count} pictures")
