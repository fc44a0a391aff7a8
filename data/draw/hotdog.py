"""Draw the hot dog set: `python data/draw/hotdog.py [--out FOLDER]`.

Each picture depends only on its split, class and number, so any one can be drawn alone.
"""

import food
from photo import take
from picture_set import SIZE, begin, write
from PIL import Image

JPEG = {"format": "JPEG", "quality": 86, "optimize": True}
COUNTS = {"train": 60, "test": 40}
CLASSES = ("hotdog", "not-hotdog")


def draw(split: str, label: str, number: int) -> Image.Image:
    """Picture `number` (from 1) of a class of a split: RGB, 160 x 160."""
    canvas, frame = begin("hotdog", split, label, number)
    lay = food.hotdog if label == "hotdog" else food.OTHERS[number % len(food.OTHERS)]
    lay(canvas, frame)
    return take(canvas, SIZE)


if __name__ == "__main__":
    write("hotdog", COUNTS, CLASSES, draw, JPEG)
