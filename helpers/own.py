"""Lesson 01 on two classes of your own: `SIZE = "own"`, or the path of their folder."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from helpers import alike, collection, models, require
from helpers.data import FOLDER, SIZES, Pictures, Splits, loader, work_folder
from helpers.features import extract_features
from helpers.files.atomic import make_from
from helpers.preprocess import Preprocess
from helpers.require import CourseError

ALIKE = 0.9  # from this cosine of features, and
SECONDS = 10  # within this time, pictures are of one group, as copies are
PARTS = 4  # a quarter is for the test, a quarter of the rest for validation
TOO_FEW = (
    "The folder cannot be split into three parts, since the pictures of a class show fewer than "
    "three different things: add pictures of others."
)


def chosen_size(size: str) -> str:
    """Returns COURSE_SIZE if it is set, else `size`: one of data.SIZES, or the path of a folder.

    "own" stands for the folder `own` in data/; a zip file may take the place of a folder.
    """
    size = os.environ.get("COURSE_SIZE") or size
    if not isinstance(size, (str, Path)) or str(size) in ("", *SIZES):
        return require.choice(size, SIZES, "size")
    folder = FOLDER / "own" if size == "own" else require.path(size, "SIZE")
    if not folder.exists():
        raise CourseError(
            f"There is no size or folder {require.quoted(str(folder))}: choose one of "
            f"{', '.join(SIZES)}, or give the path of your folder."
        )
    return str(folder.resolve())


def load(folder: str | Path, preprocess: Preprocess) -> Splits:
    """Returns a folder of two classes in three parts; no group of pictures is in two of them.

    A group: nearly the same picture, or taken within seconds. The folder stays as it is.
    """
    pictures, odd = collection.read(folder, preprocess)
    for file, why in odd.items():
        print(f"left out: {file.parent.name}/{file.name} {why}")
    if len(pictures.class_names) != 2:
        raise CourseError(
            f"{folder} holds {len(pictures.class_names)} classes: keep two of them for lesson 01, "
            "or take lesson 09, where there may be more."
        )
    if pictures.class_names[1] == "hotdog":  # the lesson takes the first class for hot dogs
        pictures.class_names, pictures.labels = pictures.class_names[::-1], 1 - pictures.labels
    groups = _groups(pictures)
    print(f"{groups.max() + 1} groups of pictures; each is in one part only")
    for seed in range(20):
        rest, test = collection.folds(pictures.labels, groups, PARTS, seed)[0]
        if min(_count(pictures.labels[rest], groups[rest])) < 2:
            continue
        learn, valid = collection.folds(pictures.labels[rest], groups[rest], PARTS, seed)[0]
        parts = Splits(*(pictures.subset(part) for part in (rest[learn], rest[valid], test)))
        if all(len(part.labels.unique()) == 2 for part in parts):
            return parts
    raise CourseError(TOO_FEW)


def _groups(pictures: Pictures) -> np.ndarray:
    """Returns a group number per picture: of those alike in features or pixels, or in time."""
    net = models.load_pretrained(models.LITE0, size=pictures.preprocess.size)
    features, _ = extract_features(net, loader(replace(pictures, preprocess=net.preprocess), 16))
    near = collection.near_pairs(features, ALIKE)
    near += collection.near_pairs(alike.thumbnails(pictures), alike.COPY)
    groups = alike.groups(pictures, [(i, j) for _, i, j in near], SECONDS)
    if min(_count(pictures.labels, groups)) < 3:
        raise CourseError(TOO_FEW)
    return groups


def _count(labels: Tensor, groups: np.ndarray) -> list[int]:
    """Returns the number of groups that each of the two classes has."""
    return [len(set(groups[labels == label])) for label in (0, 1)]


def as_folder(pictures: Pictures) -> Path:
    """Returns a folder per class with these pictures, upright, as PNG, for other libraries."""

    def make(part: Path) -> None:
        for name in pictures.class_names:
            (part / name).mkdir(parents=True)
        for i, (picture, label) in enumerate(zip(pictures.decoded, pictures.labels, strict=True)):
            file = part / pictures.class_names[label] / f"{i}.png"
            F.to_pil_image(picture).save(file)

    how = f"upright squares of {pictures.preprocess.resize} pixels"
    return make_from(pictures.files, how, work_folder() / "own-squares", make)
