"""Draw the set of lesson 09: `python data/draw/lunch.py [--out FOLDER]`.

Three kinds of rolls as a phone would bring them, with all that goes wrong in one's own pictures:
several shots of one roll, messengers' copies, pictures in the wrong folder, files that are none.
`faults.csv` names those that were planted.

phone/CLASS: to look through and to learn from; test/CLASS: other rolls, one shot each;
ground/CLASS: salad rolls on grass only, subs on cloth only; swapped/CLASS: the other way round.
"""

import argparse
import csv
from collections.abc import Iterator
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
from bakery import sandwich
from fillings import stuffed, sub
from grounds import GROUNDS, checked_cloth, grass, plain_cloth
from photo import snapshot, take
from picture_set import FOLDER, HARD, Lay, beside, placed, seed_of
from PIL import Image
from scene import Canvas

JPEG = {"format": "JPEG", "quality": 80, "optimize": True}
LAYS = {"salad": stuffed, "sandwich": sandwich, "sub": sub}
CLASSES = tuple(LAYS)
SHOTS = (6, 5, 4, 4, 3, 3, 3, 2, 2, 2, 2, 2, 1, 1)  # of each roll of a class in phone/
ROLLS, BIASED = 30, 20  # per class in test/; in ground/ and swapped/
COPIES = {"sandwich": (3, 18, 30), "salad": (8, 22, 35), "sub": (1, 12, 38)}  # shots sent again
ASTRAY = {  # shots that lie in the folder of another class
    "sandwich": {10: "sub", 27: "salad"},
    "salad": {4: "sub", 31: "sandwich"},
    "sub": {16: "salad", 33: "sandwich"},
}
SIDE, SHORT = 176, 132  # pixels: a phone's 4 to 3
ORIENTATION, TAKEN = 274, 36867  # EXIF's numbers of these fields
PDF = b"%PDF-1.4\n1 0 obj <</Type /Catalog>> endobj\ntrailer <</Root 1 0 R>>\n%%EOF\n"
VIDEO = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(200)


def roll(split: str, label: str, number: int, grounds: tuple[Lay, ...] = GROUNDS) -> Canvas:
    """A table with roll `number` of a class, alone or among other things."""
    rng = np.random.default_rng([seed_of("lunch", split, label), number])
    canvas = Canvas(rng, 256)
    grounds[rng.integers(len(grounds))](canvas)
    (x, y), angle, scale = placed(rng)
    frame = ((0.7 * x, 0.7 * y), angle, min(max(scale, 0.8), 1.3))
    if rng.random() < 0.5:
        beside(canvas, frame, int(rng.integers(1, 3)))
    LAYS[label](canvas, frame)
    return canvas


def shots(canvas: Canvas, count: int) -> Iterator[Image.Image]:
    """Photographs of one table, each from a side, at a time and in a light of its own."""
    for _ in range(count):
        picture = (snapshot if canvas.rng.random() < HARD else take)(canvas, SIDE)
        upright = canvas.rng.random() < 0.3
        short, long = (SIDE - SHORT) // 2, (SIDE + SHORT) // 2
        yield picture.crop((short, 0, long, SIDE) if upright else (0, short, SIDE, long))


def encode(picture: Image.Image, taken: datetime | None = None, **options: object) -> bytes:
    """The picture as JPEG; one taken upright is stored on its side with a note, as phones do."""
    exif, buffer = Image.Exif(), BytesIO()
    if taken:
        exif[TAKEN] = taken.strftime("%Y:%m:%d %H:%M:%S")
    if picture.height > picture.width:
        exif[ORIENTATION] = 6
        picture = picture.transpose(Image.Transpose.ROTATE_90)
    picture.save(buffer, exif=exif, **(JPEG | options))
    return buffer.getvalue()


def phone(split: str) -> Iterator[tuple[str, bytes, str]]:
    """(file, contents, fault or "") of all that lies in phone/."""
    for day, label in enumerate(CLASSES, 2):
        number, taken = 0, datetime(2026, 3, day, 11, 45)
        for which, count in enumerate(SHOTS):
            taken += timedelta(minutes=9)
            for picture in shots(roll(split, label, which), count):
                number, taken = number + 1, taken + timedelta(seconds=5)
                folder = ASTRAY[label].get(number, label)
                name = f"IMG_{taken:%Y%m%d_%H%M%S}"
                fault = "" if folder == label else f"shows {label}"
                yield f"{folder}/{name}.jpg", encode(picture, taken), fault
                if number in COPIES[label]:
                    small = picture.resize((picture.width * 3 // 4, picture.height * 3 // 4))
                    copy = f"{label}/{name.replace('IMG', 'WA')}.jpg"
                    yield copy, encode(small, quality=60), f"copy of {name}.jpg"
    last = encode(picture)
    yield "sandwich/IMG_menu.jpg", PDF, "no picture"
    yield "salad/VID_20260303_121500.mp4", VIDEO, "no picture"
    yield "salad/IMG_20260303_130000.jpg", b"", "no picture"
    yield "sub/IMG_20260304_140000.jpg", last[: len(last) // 2], "half a picture"


def files(split: str = "train", test: str = "test") -> Iterator[tuple[str, bytes, str]]:
    """(path within the set, contents, fault or "") of each picture of the set."""
    for name, contents, fault in phone(split):
        yield f"phone/{name}", contents, fault
    for label in CLASSES:
        for number in range(ROLLS):
            (picture,) = shots(roll(test, label, 500 + number), 1)
            yield f"test/{label}/{number + 1:03d}.jpg", encode(picture), ""
    cloth = (checked_cloth, plain_cloth)
    for part, source, first, grounds in (
        ("ground", split, 1000, {"salad": (grass,), "sub": cloth}),
        ("swapped", test, 2000, {"salad": cloth, "sub": (grass,)}),
    ):
        for label, where in grounds.items():
            for number in range(BIASED):
                (picture,) = shots(roll(source, label, first + number, where), 1)
                yield f"{part}/{label}/{number + 1:03d}.jpg", encode(picture), ""


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw the set lunch.")
    parser.add_argument("--out", type=Path, default=FOLDER / "lunch", help="where to draw")
    parser.add_argument("--calibration", action="store_true", help="pictures to tune the code with")
    arguments = parser.parse_args()
    splits = ("calibration", "calibration") if arguments.calibration else ()
    faults = []
    for name, contents, fault in files(*splits):
        file = arguments.out / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(contents)
        if fault:
            faults.append((name, fault))
    with (arguments.out / "faults.csv").open("w", newline="", encoding="utf-8") as table:
        csv.writer(table, lineterminator="\n").writerows([("file", "fault"), *faults])


if __name__ == "__main__":
    main()
