"""Draw the set of ten dog breeds: `python data/draw/dog_breeds.py [--out FOLDER]`.

It has the layout of the Kaggle competition dog-breed-identification; the breeds of the test
pictures, which Kaggle keeps to itself, go to `answers/` beside the folder. Each picture depends
only on its split, breed and number, so any one can be drawn alone.
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np
from anatomy import pose
from bodies import Camera, turn, unit, vector
from breeds import BREEDS
from competition import mixed, table
from photo import develop
from picture_set import FOLDER, SIZE, seed_of
from PIL import Image
from places import backdrop
from portrait import FINE, Daylight, render

NAME = "dog-breed-identification"
COUNTS = {"train": 60, "test": 40}
CLASSES = tuple(sorted(BREEDS))
SAVE = {"format": "JPEG", "quality": 83, "optimize": True}
BALANCE = (0.08, 0.03, 0.08)  # how far the camera's white balance is off, in red, green, blue
LAMPS = ((1.0, 0.96, 0.90), (1.0, 1.0, 1.0), (0.94, 0.97, 1.0))


def daylight(rng: np.random.Generator) -> Daylight:
    """Light from above, in front or at the side."""
    share = rng.uniform(0.35, 0.65)
    tone = np.array(LAMPS[rng.integers(len(LAMPS))])
    towards = unit(vector(rng.uniform(-1, 1), rng.uniform(0.4, 1.0), rng.uniform(0.5, 1.2)))
    return Daylight(towards, lamp=1.7 * (1 - share) * tone, sky=1.2 * share * (2 - tone))


def draw(split: str, label: str, number: int) -> Image.Image:
    """Picture `number` (from 1) of a breed of a split: RGB, 160 x 160."""
    name = seed_of(NAME, split, label)
    rng = np.random.default_rng([name, number])
    dog = pose(rng, BREEDS[label])
    half = rng.uniform(1.4, 2.8)
    world = turn(rng.normal(0, 0.25), rng.uniform(-0.05, 0.2), rng.normal(0, 0.04))
    aside, above = rng.normal(0, 0.17 * half), rng.normal(0, 0.09 * half)
    camera = Camera(aside, 1.2 - 0.92 * half + above, half, world)
    light = daylight(rng)
    picture, there = render(rng, dog, camera, light)
    behind = backdrop(rng, name + number, FINE) * rng.uniform(0.6, 1.3)
    picture = np.where(there[..., None], picture, behind)
    return develop(rng, picture * rng.normal(1, BALANCE), SIZE)


def ids(split: str) -> dict[tuple[str, int], str]:
    """The id of each picture (breed, number): 32 hexadecimal digits that tell nothing of it."""
    pictures = mixed(NAME, split, CLASSES, COUNTS[split])
    salted = (f"{NAME}/{split}/{place}/drawn" for place in range(len(pictures)))
    names = [hashlib.md5(text.encode()).hexdigest() for text in salted]
    return dict(zip(pictures, names, strict=True))


def write(out: Path) -> None:
    """Write the pictures and tables of the competition to the folder `out`."""
    for split in COUNTS:
        (out / split).mkdir(parents=True, exist_ok=True)
        for (label, number), name in ids(split).items():
            draw(split, label, number).save(out / split / f"{name}.jpg", **SAVE)
    rows = {split: [(name, label) for (label, _), name in ids(split).items()] for split in COUNTS}
    table(out / "labels.csv", ("id", "breed"), rows["train"])
    test = sorted(rows["test"])
    share = (1 / len(CLASSES),) * len(CLASSES)
    table(out / "sample_submission.csv", ("id", *CLASSES), [(name, *share) for name, _ in test])
    table(out.parent / "answers" / f"{out.name}.csv", ("id", "breed"), test)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=f"Draw the set {NAME}.")
    parser.add_argument("--out", type=Path, default=FOLDER / NAME, help="where to draw")
    write(parser.parse_args().out)
