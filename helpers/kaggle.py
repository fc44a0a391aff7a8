"""A Kaggle competition in pictures: organise its files, split them, hand answers in, score them."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.model_selection import StratifiedKFold

from helpers import CourseError, given
from helpers.data import FOLDER, Pictures, natural, read_files
from helpers.layout import Layout, choose_valid, read_layout
from helpers.lock import alone
from helpers.sources import Preprocess
from helpers.submission import score, test_ids, validate_submission, write_submission

__all__ = ["Parts", "folds", "load", "organize", "score", "test_ids"]
__all__ += ["validate_submission", "write_submission"]

STAMP = "organized.txt"  # written last: what was organised, as a digest


def organize(
    root: str | Path, valid_fraction: float = 0.1, seed: int = 0, folder: str | Path | None = None
) -> Path:
    """Arrange a competition's pictures as train, valid, train_valid and test/unknown.

    In the first three, each class has a folder. The pictures are hard links where the disk allows
    it, or symbolic links, or else copies. `folder`: where to; by default under
    data/train_valid_test, since the data may be a share that nobody writes to. A second call with
    the same pictures, fraction and seed does nothing; an interrupted one is made anew.
    """
    root = given.path(root, "The folder of the competition").resolve()
    layout = read_layout(root)
    folder = given.path(folder or FOLDER / "train_valid_test" / f"{root.parent.name}-{root.name}")
    plan = _plan(layout, choose_valid(layout.labels, valid_fraction, seed))
    stamp = _digest(plan)
    if _is_done(folder, stamp):
        return folder
    try:
        with alone(folder):
            if not _is_done(folder, stamp):  # unless another notebook was quicker
                _arrange(plan, folder, stamp)
    except OSError as error:
        raise CourseError(
            f"{folder} cannot be written ({error}): free some space, or give another folder."
        ) from None
    return folder


def _arrange(plan: list[tuple[str, Path]], folder: Path, stamp: str) -> None:
    """Link the pictures in a folder beside `folder`, which then takes its place."""
    if not _is_ours(folder):
        raise CourseError(f"{folder} holds other things: give a folder that is not there yet.")
    work, old = (folder.with_name(folder.name + ending) for ending in (".part", ".old"))
    for left in (work, old):  # by a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    try:
        for target in {target.rpartition("/")[0] for target, _ in plan}:
            (work / target).mkdir(parents=True)
        for target, source in plan:
            _link(str(source), f"{work}/{target}")
        (work / STAMP).write_text(stamp)
        if folder.exists():
            os.replace(folder, old)
        os.replace(work, folder)
    finally:
        for left in (work, old):
            shutil.rmtree(left, ignore_errors=True)


def _plan(layout: Layout, valid: set[str]) -> list[tuple[str, Path]]:
    """Where each picture goes (part/class/file), and its file."""
    plan = [(f"test/unknown/{file.name}", file) for file in layout.test.values()]
    for i, file in layout.train.items():
        for part in ("train_valid", "valid" if i in valid else "train"):
            plan.append((f"{part}/{layout.labels[i]}/{file.name}", file))
    return plan


def _digest(plan: list[tuple[str, Path]]) -> str:
    stats = ((target, source, os.stat(source)) for target, source in plan)
    lines = (f"{target} {source} {s.st_size} {s.st_mtime_ns}\n" for target, source, s in stats)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _is_done(folder: Path, stamp: str) -> bool:
    return (folder / STAMP).is_file() and (folder / STAMP).read_text() == stamp


def _is_ours(folder: Path) -> bool:
    """Whether a folder may be replaced: what organize made, an empty one, or nothing."""
    return (
        not os.path.lexists(folder)
        or (folder / STAMP).is_file()
        or (folder.is_dir() and not any(folder.iterdir()))
    )


def _link(source: str, target: str) -> None:
    for method in (os.link, os.symlink):
        with suppress(OSError):  # another disk, or a system that wants special rights for links
            return method(source, target)
    shutil.copyfile(source, target)


class Parts(NamedTuple):
    """train and valid: to choose with; train_valid: both, for the last training; test: unknown."""

    train: Pictures
    valid: Pictures
    train_valid: Pictures
    test: Pictures


def load(folder: str | Path, preprocess: Preprocess, first: int | None = None) -> Parts:
    """The four parts of an organised competition; every picture is decoded once.

    first: take only so many of the training and validation pictures, by the order of their names.
    """
    folder = given.path(folder, "The folder")
    first = None if first is None else given.whole(first, "first", 2)
    held_out = {(file.parent.name, file.name) for file in (folder / "valid").glob("*/*")}
    files = sorted((folder / "train_valid").glob("*/*"), key=natural)[:first]
    names = sorted({file.parent.name for file in (folder / "train_valid").glob("*/*")})
    if not held_out or len(names) < 2:
        raise CourseError(
            f"{folder} is not what organize makes, with two classes or more: give what it returned."
        )
    labels = [names.index(file.parent.name) for file in files]
    whole = read_files(files, labels, names, preprocess)
    valid = [i for i, file in enumerate(files) if (file.parent.name, file.name) in held_out]
    train = sorted(set(range(len(files))) - set(valid))
    files = sorted((folder / "test" / "unknown").glob("*"), key=natural)
    test = read_files(files, [0] * len(files), ["unknown"], preprocess)
    return Parts(whole.subset(train), whole.subset(valid), whole, test)


def folds(labels: Sequence[int], k: int, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """k pairs (indices to learn from, indices to check with): each picture is checked once.

    labels: a class number per picture. Every class is spread evenly over the folds.
    """
    labels = np.array(given.places(labels, given.LARGEST, "labels"))
    rarest = min(Counter(labels.tolist()).values(), default=0)
    if not 2 <= given.whole(k, "k", 2) <= rarest:
        raise CourseError(
            f"k is {k}: choose one from 2 to the size of the smallest class, {rarest}."
        )
    seed = given.whole(seed, "seed", 0, 2**32 - 1)  # NumPy's seeds end there
    return list(StratifiedKFold(k, shuffle=True, random_state=seed).split(labels, labels))
