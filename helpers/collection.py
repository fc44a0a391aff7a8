"""Your own pictures: what a folder really holds, near-duplicates, groups, wrong labels."""

from __future__ import annotations

import csv
import os
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from helpers import require
from helpers.data import Pictures, natural, read_files, to_tensor
from helpers.files.archives import extract
from helpers.files.atomic import atomic, make_once, unwritable
from helpers.files.pictures import read_picture, visible
from helpers.preprocess import Preprocess
from helpers.require import CourseError

TAKEN = 36867  # EXIF's number of the time when a picture was taken
HEIC = (".heic", ".heif")  # what an iPhone saves unless it is told not to
DROP = "drop"  # in place of a class: leave the picture out


def read(
    folder: str | Path, preprocess: Preprocess, classes: Sequence[str] = ()
) -> tuple[Pictures, dict[Path, str]]:
    """Returns the pictures of a folder, or zip, with a folder per class, and {odd file: why}.

    A file that cannot be read is left out, whatever its ending says; so is all of a picture that
    lies in two classes. classes: their order, if not that of the alphabet.
    """
    folder = require.path(folder, "The folder")
    if zipfile.is_zipfile(folder):
        archive = folder
        folder = make_once(folder.with_suffix(""), lambda part: extract(archive, part))
    names = require.distinct([e.name for e in visible(folder) if _is(e.is_dir)], str(folder))
    if len(classes):
        names = require.names(classes, "classes", 2)
    if len(names) < 2:
        raise CourseError(f"{folder} must hold at least two folders, one per class: add them.")
    odd, found, labels = {}, [], []
    for label, name in enumerate(names):
        found += sorted(_files(folder / name, odd), key=natural)
        labels += [label] * (len(found) - len(labels))
    troubles = _troubles(found, preprocess)
    odd |= {file: why for file, why in zip(found, troubles, strict=True) if why}
    labels = [label for label, why in zip(labels, troubles, strict=True) if not why]
    files = [file for file in found if file not in odd]
    seen = {}
    for i, file in enumerate(files):
        seen.setdefault(sha256(file.read_bytes()).digest(), []).append(i)
    twice = [i for same in seen.values() if len({labels[i] for i in same}) > 1 for i in same]
    odd |= {files[i]: "the same file lies in another class: keep it in one" for i in twice}
    kept = [i for i in range(len(files)) if i not in set(twice)]
    for label, name in enumerate(names):
        if sum(labels[i] == label for i in kept) < 2:
            raise CourseError(
                f"{folder / name} has fewer than two pictures that can be used: add some, or "
                "remove the folder."
            )
    return read_files([files[i] for i in kept], [labels[i] for i in kept], names, preprocess), odd


def _files(folder: Path, odd: dict[Path, str]) -> Iterable[Path]:
    """Yields the files in a folder and in its folders; a link to a folder may lead in a circle."""
    for entry in visible(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from _files(folder / entry.name, odd)
        elif _is(entry.is_file):
            yield folder / entry.name
        else:
            odd[folder / entry.name] = "is a link to a folder, or to nothing"


def _is(kind: Callable[[], bool]) -> bool:
    """Returns what entry.is_dir or entry.is_file says; False for a link that leads to itself."""
    try:
        return kind()
    except OSError:
        return False


def _troubles(files: Sequence[Path], preprocess: Preprocess) -> list[str]:
    """Returns for each file why it cannot be used as a picture, or ""; threads read them."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        one_by_one = pool.map(lambda file: _trouble(file, preprocess), files)
        wait = tqdm(one_by_one, "reading", len(files), leave=False, delay=1, unit=" pictures")
        return list(wait)


def _trouble(file: Path, preprocess: Preprocess) -> str:
    """Returns why a file cannot be used as a picture, or ""."""
    try:
        if not file.stat().st_size:
            return "is empty"
        to_tensor(read_picture(file), preprocess)
        return ""
    except (CourseError, OSError, ValueError) as error:
        if file.suffix.lower() in HEIC:
            return "is HEIC, which Pillow does not read: let the phone save JPEG"
        if "decompression bomb" in str(error):
            return "has too many pixels: save a smaller copy"
        return "cannot be read as a picture"


def taken(file: Path) -> str:
    """Returns when a picture was taken, such as "2026:03:02 12:07:14"; "" if EXIF does not say."""
    with Image.open(file) as picture:
        exif = picture.getexif()
        return str(exif.get(TAKEN) or exif.get_ifd(0x8769).get(TAKEN) or "")


def near_pairs(features: Tensor, least: float) -> list[tuple[float, int, int]]:
    """Returns (similarity, i, j) for pictures whose features point the same way, nearest first.

    features: (N, D); least: the cosine from which two pictures count as near-duplicates.
    """
    unit = torch.nn.functional.normalize(features)
    cosines = (unit @ unit.T).triu(1)
    i, j = torch.where(cosines >= require.number(least, "least", 0, 1))
    return sorted(zip(cosines[i, j].tolist(), i.tolist(), j.tolist(), strict=True), reverse=True)


def groups_of(n: int, pairs: Iterable[tuple[int, int]]) -> np.ndarray:
    """Returns a group number per picture; pictures that pairs connect are in one group."""
    from scipy.sparse import coo_array  # slow to import, as is scikit-learn below
    from scipy.sparse.csgraph import connected_components

    i, j = np.array(list(pairs), int).reshape(-1, 2).T
    return connected_components(coo_array((np.ones(len(i)), (i, j)), shape=(n, n)))[1]


def folds(labels: Tensor, groups: Sequence[int], k: int = 5, seed: int = 0) -> list[tuple]:
    """Returns k pairs of row numbers, to learn from and held out; no group is in both."""
    k = min(k, *(len(set(np.asarray(groups)[labels == label])) for label in labels.unique()))
    if k < 2:
        raise CourseError("A class has a single group of pictures: take some of other things.")
    from sklearn.model_selection import StratifiedGroupKFold

    shuffled = StratifiedGroupKFold(k, shuffle=True, random_state=seed)
    return list(shuffled.split(labels, labels, groups))


def out_of_fold(
    features: Tensor, labels: Tensor, groups: Sequence[int], seed: int = 0, C: float = 0.01
) -> Tensor:
    """Returns probabilities (N, K): each picture's by a linear probe that saw none of its group."""
    from sklearn.linear_model import LogisticRegression

    said = torch.zeros(len(labels), int(labels.max()) + 1)
    for learn, held in folds(labels, groups, seed=seed):
        probe = LogisticRegression(C=C, max_iter=1000).fit(features[learn], labels[learn])
        columns = torch.from_numpy(probe.classes_)
        said[held[:, None], columns] = torch.from_numpy(probe.predict_proba(features[held])).float()
    return said


def write_corrections(file: str | Path, corrections: Mapping[str, str]) -> None:
    """Writes {picture: class, or "drop"} as a table; the pictures' files stay as they are."""
    try:
        with atomic(require.path(file)) as part, open(part, "w", newline="", encoding="utf-8") as f:
            csv.writer(f).writerows([("picture", "class"), *corrections.items()])
    except OSError as error:
        raise unwritable(Path(file), error) from None


def names_of(pictures: Pictures) -> list[str]:
    """Returns each picture's place in the folder that holds the classes, such as "cup/1.jpg"."""
    root = os.path.commonpath([file.parent.parent for file in pictures.files])
    return [file.relative_to(root).as_posix() for file in pictures.files]


def corrected(pictures: Pictures, corrections: Mapping[str, str]) -> Pictures:
    """Returns pictures with other labels, and without those to drop; {"class/file": class}."""
    names = {name: i for i, name in enumerate(names_of(pictures))}
    labels, dropped = pictures.labels.clone(), set()
    for name, answer in corrections.items():
        if name not in names or answer not in [*pictures.class_names, DROP]:
            raise CourseError(f"{name}, {answer} is no picture and class here: correct the table.")
        if answer == DROP:
            dropped.add(names[name])
        else:
            labels[names[name]] = pictures.class_names.index(answer)
    kept = [i for i in range(len(pictures)) if i not in dropped]
    return replace(pictures, labels=labels).subset(kept)
