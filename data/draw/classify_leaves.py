"""Draw the set classify-leaves: `python data/draw/classify_leaves.py [--out FOLDER]`.

One leaf on each picture, of one of ten species. The files are laid out as in the competition
on Kaggle. Each picture depends only on its split, class and number.
"""

import argparse
from pathlib import Path

import floors
import grounds
import numpy as np
from competition import mixed, table
from leaf import Place, lay_leaf
from outline import grow
from photo import take
from picture_set import FOLDER, SIZE, seed_of
from PIL import Image
from scene import Canvas
from species import SPECIES

NAME = "classify-leaves"
CLASSES = tuple(SPECIES)
COUNTS = {"train": 60, "test": 40}
SAVE = {"format": "JPEG", "quality": 80, "optimize": True}
GROUNDS = (
    *[floors.paper, grounds.plain_cloth, floors.stone, floors.card, grounds.wood],
    *[floors.paper, floors.soil, grounds.dark_table],
)


def ids(split: str) -> dict[tuple[str, int], str]:
    """The name in column `image` of each (class, number): the training pictures come first."""
    first = 0 if split == "train" else len(CLASSES) * COUNTS["train"]
    pictures = mixed(NAME, split, CLASSES, COUNTS[split])
    return {picture: f"images/{first + place}.jpg" for place, picture in enumerate(pictures)}


def draw(split: str, label: str, number: int) -> Image.Image:
    """Picture `number` (from 1) of a class of a split: RGB, 160 x 160."""
    start = seed_of(NAME, split, label)
    rng = np.random.default_rng([start, number])
    canvas = Canvas(rng)
    GROUNDS[(start + number) % len(GROUNDS)](canvas)
    lines = grow(rng, SPECIES[label])
    across = rng.uniform(1.4, 2.05)
    centre = rng.normal(0, 0.12, 2)
    lay_leaf(canvas, lines, Place(lines.outline, rng.uniform(0, 2 * np.pi), across, centre))
    return take(canvas, SIZE, most_tilt=0.4)


def main() -> None:
    """Write all pictures and tables; `--out` on the command line says where."""
    parser = argparse.ArgumentParser(description=f"Draw the set {NAME}.")
    parser.add_argument("--out", type=Path, default=FOLDER / NAME, help="where to draw")
    out = parser.parse_args().out
    (out / "images").mkdir(parents=True, exist_ok=True)
    for split in COUNTS:
        for (label, number), image in ids(split).items():
            draw(split, label, number).save(out / image, **SAVE)
    known, asked = ([(i, label) for (label, _), i in ids(s).items()] for s in ("train", "test"))
    table(out / "train.csv", ("image", "label"), known)
    table(out / "test.csv", ("image",), [(image,) for image, _ in asked])
    table(
        out / "sample_submission.csv",
        ("image", "label"),
        [(image, CLASSES[0]) for image, _ in asked],
    )
    table(out.parent / "answers" / f"{NAME}.csv", ("image", "label"), asked)


if __name__ == "__main__":
    main()
