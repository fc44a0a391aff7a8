"""Draw the hot dog set: `python data/draw/hotdog.py [--out FOLDER]`.

It is about as hard as photographs are, for a pretrained network and for one from random weights:
tests/draw compares. A small network from scratch told the drawings apart by their few colours, so
these stray as those of photographs do. Each picture depends only on its
split, class and number, so any one can be drawn alone.
"""

from fillings import OTHERS, hot_dogs
from picture_set import picture, write
from PIL import Image

JPEG = {"format": "JPEG", "quality": 86, "optimize": True}
COUNTS = {"train": 300, "test": 250}
CLASSES = ("hotdog", "not-hotdog")


def draw(split: str, label: str, number: int) -> Image.Image:
    """Picture `number` (from 1) of a class of a split: RGB, 160 x 160."""
    lay = hot_dogs if label == "hotdog" else OTHERS[number % len(OTHERS)]
    return picture("hot dogs", split, label, number, lay, hard=0.03, tint=0.7, busy=0.1)


if __name__ == "__main__":
    write("hotdog", COUNTS, CLASSES, draw, JPEG)
