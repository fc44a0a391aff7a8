"""Draw the set of nine foods: `python data/draw/foods.py [--out FOLDER]`.

Five of them are among the 1000 classes of ImageNet, three by the same name; four are not.
Each picture depends only on its split, class and number, so any one can be drawn alone.
"""

import food
import larder
from picture_set import picture, write
from PIL import Image

JPEG = {"format": "JPEG", "quality": 83, "optimize": True}
COUNTS = {"train": 60, "test": 40}
FOODS = {
    "bagel": larder.bagel,
    "baguette": larder.baguettes,
    "banana": food.banana,
    "carrot": larder.carrots,
    "chilli": larder.chillies,
    "croissant": larder.crescent,
    "doughnut": food.doughnut,
    "hot-dog": food.hotdog,
    "pretzel": larder.split_pretzel,
}
CLASSES = tuple(FOODS)
IMAGENET_NAME = {  # what ImageNet calls the class; None if it has no such class
    "bagel": "bagel",
    "baguette": "French loaf",
    "banana": "banana",
    "carrot": None,
    "chilli": None,
    "croissant": None,
    "doughnut": None,
    "hot-dog": "hotdog",
    "pretzel": "pretzel",
}


def draw(split: str, label: str, number: int) -> Image.Image:
    """Picture `number` (from 1) of a class of a split: RGB, 160 x 160."""
    return picture("foods", split, label, number, FOODS[label])


if __name__ == "__main__":
    write("foods", COUNTS, CLASSES, draw, JPEG)
