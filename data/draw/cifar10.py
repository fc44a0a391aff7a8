"""Draw CIFAR-10's ten classes: `python data/draw/cifar10.py [--out FOLDER] [--answers FILE]`.

The files are those of Kaggle's competition: numbered pictures and `trainLabels.csv`; the test
pictures' labels, which Kaggle keeps, go to `data/drawn/answers/cifar-10.csv`. Each picture
depends only on its split, class and number, so any one can be drawn alone.
"""

import argparse
from pathlib import Path

import airplanes
import animals
import birds
import numpy as np
import ships
import vehicles
from competition import mixed, table
from picture_set import FOLDER, seed_of
from PIL import Image
from rays import View, photograph
from scenery import place
from solid import Solid

SET, SIZE = "cifar-10", 32
SAVE = {"format": "PNG", "optimize": True}
COUNTS = {"train": 200, "test": 100}
CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
LIKELY = {"ship": ("water", 0.9), "airplane": ("air", 0.6), "bird": ("air", 0.35)}
STANDING = {
    "automobile": vehicles.automobile,
    "cat": animals.cat,
    "deer": animals.deer,
    "dog": animals.dog,
    "frog": birds.frog,
    "horse": animals.horse,
    "ship": ships.ship,
    "truck": vehicles.truck,
}
FLYING = {"airplane": airplanes.airplane, "bird": birds.bird}


def view(rng: np.random.Generator, solid: Solid, kind: str) -> View:
    """A camera to the left or right of the thing, more often before than behind it."""
    around = rng.uniform(-1.3, 1.55) if solid.focus is None else rng.uniform(-0.1, 1.5)
    up = (
        rng.choice([-1, 1]) * rng.uniform(0.1, 0.8)
        if kind == "air"
        else abs(rng.normal(0.05, 0.35))
    )
    return View(
        around=around if rng.random() < 0.5 else np.pi - around,
        up=up,
        away=rng.uniform(3, 6),
        roll=rng.normal(0, 0.4 if kind == "air" else 0.1),
        share=rng.uniform(0.5, 1.35),
        shift=tuple(rng.uniform(-0.13, 0.13, 2)),
    )


def draw(split: str, label: str, number: int) -> Image.Image:
    """Picture `number` (from 1) of a class of a split: RGB, 32 x 32."""
    name = seed_of(SET, split, label)
    rng = np.random.default_rng([name, number])
    kind, share = LIKELY.get(label, ("land", 1.0))
    kind = kind if rng.random() < share else "land"
    solid = FLYING[label](rng, kind == "air") if label in FLYING else STANDING[label](rng)
    return photograph(rng, solid, place(rng, kind), view(rng, solid, kind), SIZE)


def ids(split: str) -> dict[tuple[str, int], int]:
    """The id, from 1, of each picture (class, number) of a split."""
    return {picture: k for k, picture in enumerate(mixed(SET, split, CLASSES, COUNTS[split]), 1)}


def main() -> None:
    """Write all pictures and tables."""
    parser = argparse.ArgumentParser(description=f"Draw the set {SET}.")
    parser.add_argument("--out", type=Path, default=FOLDER / SET, help="where to draw")
    answers = FOLDER / "answers" / f"{SET}.csv"
    parser.add_argument("--answers", type=Path, default=answers, help="labels of the test pictures")
    where = parser.parse_args()
    for split in COUNTS:
        folder = where.out / split
        folder.mkdir(parents=True, exist_ok=True)
        for (label, number), k in ids(split).items():
            draw(split, label, number).save(folder / f"{k}.png", **SAVE)
        print(f"{folder}: {len(ids(split))} pictures")
    rows = {split: [(k, label) for (label, _), k in ids(split).items()] for split in COUNTS}
    table(where.out / "trainLabels.csv", ("id", "label"), rows["train"])
    table(where.answers, ("id", "label"), rows["test"])
    sample = [(k, "cat") for k, _ in rows["test"]]
    table(where.out / "sampleSubmission.csv", ("id", "label"), sample)


if __name__ == "__main__":
    main()
