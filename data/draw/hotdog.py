"""Draw the hot dog set: `python data/draw/hotdog.py [--out FOLDER]`.

Each picture depends only on its split, class and number, so any one can be drawn alone.
"""

import argparse
import zlib
from pathlib import Path

import food
import numpy as np
from grounds import GROUNDS
from photo import take
from PIL import Image
from scene import Canvas

COUNTS = {"train": 60, "test": 40}
CLASSES = ("hotdog", "not-hotdog")
SIZE = 160
JPEG = {"format": "JPEG", "quality": 86, "optimize": True}
FOLDER = Path(__file__).resolve().parents[1] / "drawn" / "hotdog"


def draw(split: str, label: str, number: int) -> Image.Image:
    """Picture `number` (from 1) of a class of a split: RGB, 160 x 160."""
    name = zlib.crc32(f"drawn/hotdog/{split}/{label}".encode())
    rng = np.random.default_rng([name, number])
    canvas = Canvas(rng)
    GROUNDS[(name + number) % len(GROUNDS)](canvas)
    frame = (tuple(rng.uniform(-0.12, 0.12, 2)), rng.uniform(0, 2 * np.pi), rng.uniform(1.0, 1.3))
    lay = food.hotdog if label == "hotdog" else food.OTHERS[number % len(food.OTHERS)]
    lay(canvas, frame)
    return take(canvas, SIZE)


def main() -> None:
    """Write every picture of the set as a JPEG file."""
    parser = argparse.ArgumentParser(description="Draw the hot dog set.")
    parser.add_argument("--out", type=Path, default=FOLDER, help="the folder to draw into")
    out = parser.parse_args().out
    for split, count in COUNTS.items():
        for label in CLASSES:
            folder = out / split / label
            folder.mkdir(parents=True, exist_ok=True)
            for number in range(1, count + 1):
                draw(split, label, number).save(folder / f"{number:03d}.jpg", **JPEG)
            print(f"{folder}: {count} pictures")


if __name__ == "__main__":
    main()
