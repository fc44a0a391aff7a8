"""A folder in the layout of Kaggle's classify-leaves, small, for checks and tests."""

import csv
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

SIZES = ((40, 30), (36, 36), (50, 20))  # width, height
COLORS = ((220, 40, 40), (40, 200, 60), (50, 70, 230), (230, 220, 60))


def plant(folder: Path, counts: Mapping[str, int], unnamed: int = 6) -> Path:
    """Returns a folder in the layout of classify-leaves, with so many pictures per species."""
    (folder / "images").mkdir(parents=True)
    labels = [name for name, n in counts.items() for _ in range(n)]
    first = max(0, 100 - len(labels) - unnamed // 2)  # "100" comes before "99" as a text
    ids = [f"images/{first + i}.jpg" for i in range(len(labels) + unnamed)]
    species = sorted(counts)
    for i, file in enumerate(ids):
        label = species.index(labels[i]) if i < len(labels) else i % len(species)
        Image.new("RGB", SIZES[i % len(SIZES)], COLORS[label % 4]).save(folder / file)
    new = ids[len(labels) :]
    for name, rows in {
        "train.csv": [("image", "label"), *zip(ids, labels, strict=False)],
        "test.csv": [("image",), *((i,) for i in new)],
        "sample_submission.csv": [("image", "label"), *((i, species[0]) for i in new)],
    }.items():
        with open(folder / name, "w", newline="", encoding="utf-8") as table:
            csv.writer(table).writerows(rows)
    return folder
