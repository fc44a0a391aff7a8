"""Finds each data set, decodes its pictures once and keeps them, makes batches."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms.v2 import functional as F

from helpers import require
from helpers.files import d2l_sets, kaggle_client, kaggle_mount, smoke
from helpers.files.decoded import decode_all
from helpers.files.pictures import find_pictures, read_picture, tell_left_out, visible
from helpers.preprocess import Preprocess
from helpers.require import CourseError

SIZES = ("smoke", "drawn", "tiny", "full")
SETS = ("hotdog", "foods", "cifar-10", "dog-breed-identification", "classify-leaves")
DRAWN_ONLY = ("foods",)  # the same drawn pictures at every size: there are no photographs of it
TINY = {"train": 100, "test": 50}  # pictures per class, where the book has no small sample
FOLDER = Path(__file__).resolve().parents[1] / "data"


def chosen_size(size: str) -> str:
    """Returns the size a lesson works with: the variable COURSE_SIZE if it is set, else `size`."""
    size = os.environ.get("COURSE_SIZE") or size
    return require.choice(size, SIZES, "size")


def find(name: str, size: str) -> Path:
    """Returns the folder of a data set at exactly this size; it is downloaded on first use.

    `smoke` holds the first few drawn pictures of each class: enough to see that every line runs.
    `tiny` and `full` are looked for in the folder that COURSE_DATA names, in a Kaggle notebook
    among what is attached to it, then under data/. The book's small samples of competitions have
    their own folders there, such as cifar-10-tiny.
    """
    require.choice(name, SETS, "data set")
    require.choice(size, SIZES, "size")
    if size == "smoke":
        return smoke.sample(FOLDER / "drawn" / name, work_folder() / "smoke" / name)
    if size == "drawn" or name in DRAWN_ONLY:
        return FOLDER / "drawn" / name
    if size == "tiny" and name == "classify-leaves":
        raise CourseError(f"{name} has no small sample: choose the size drawn or full.")
    if size == "tiny" and f"{name}-tiny" in d2l_sets.SETS:
        name += "-tiny"
    for place in (shared_folder(), work_folder(), FOLDER):
        if place and (place / name).is_dir():
            return place / name
    if name in d2l_sets.SETS:
        return d2l_sets.download(name, work_folder() / name)
    if kaggle_mount.kaggle_root():
        return kaggle_mount.attached(name, work_folder())
    return kaggle_client.download(name, work_folder() / name)


def work_folder() -> Path:
    """Returns where the course writes: COURSE_WORK, on Kaggle /kaggle/temp, else data/."""
    kaggle = kaggle_mount.kaggle_root()
    usual = kaggle / "temp" if kaggle else FOLDER
    return Path(os.environ.get("COURSE_WORK") or usual).expanduser()


def shared_folder() -> Path | None:
    """Returns the folder that the variable COURSE_DATA names, or None if it is not set."""
    name = os.environ.get("COURSE_DATA")
    if name and not os.path.isdir(os.path.expanduser(name)):
        raise CourseError(f"COURSE_DATA names {name}, which is not a folder: correct or unset it.")
    return Path(name).expanduser() if name else None


def to_tensor(picture: Image.Image, preprocess: Preprocess) -> Tensor:
    """Returns the central square of an RGB picture, uint8 (3, resize, resize)."""
    w, h = picture.size
    short = min(w, h)
    square = ((w - short) / 2, (h - short) / 2, (w + short) / 2, (h + short) / 2)
    how = Image.Resampling[preprocess.interpolation.upper()]
    picture = picture.resize((preprocess.resize, preprocess.resize), how, box=square)
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


def natural(path: Path) -> list:
    """Returns a key that sorts 2.jpg before 10.jpg, on every file system."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", path.name)]


@dataclass(repr=False, eq=False)
class Pictures(Dataset):
    """Labelled pictures, decoded once: item i is (uint8 (3, size, size), label).

    files: their paths; labels: a number per picture, an index into class_names;
    decoded: the central square of each, uint8 (3, resize, resize), views of one array; augment: a
    torchvision transform for one of these, or None for a centre crop.
    """

    files: list[Path]
    labels: Tensor
    class_names: list[str]
    preprocess: Preprocess
    decoded: list[Tensor]
    augment: object = None

    def __len__(self) -> int:
        return len(self.files)

    def __repr__(self) -> str:
        counts = torch.bincount(self.labels, minlength=len(self.class_names)).tolist()
        each = ", ".join(f"{n} {name}" for n, name in zip(counts, self.class_names, strict=True))
        return f"{len(self)} pictures: {each}"

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        if self.augment:
            picture = self.augment(self.decoded[i].clone())  # it may change what it is given
        else:
            picture = F.center_crop(self.decoded[i], [self.preprocess.size])
        return picture, int(self.labels[i])

    def subset(self, indices: list[int]) -> Pictures:
        """Returns the pictures at these indices, in this order; no pixels are copied."""
        indices = require.indices(indices, len(self), "indices")
        return replace(
            self,
            files=[self.files[i] for i in indices],
            labels=self.labels[indices],
            decoded=[self.decoded[i] for i in indices],
        )


def read_folder(folder: str | Path, preprocess: Preprocess, limit: int | None = None) -> Pictures:
    """Returns pictures from a folder with a subfolder per class, at most `limit` per class.

    Folders inside a class belong to it. What Pillow cannot read is left out, and a line says so.
    """
    folder = require.path(folder, "The folder")
    limit = None if limit is None else require.whole(limit, "limit", 1)
    entries = visible(folder)
    names = require.distinct([entry.name for entry in entries if entry.is_dir()], str(folder))
    if len(names) < 2:
        raise CourseError(f"{folder} must hold at least two folders, one per class: add them.")
    files, labels, left_out = [], [], []
    for label, name in enumerate(names):
        pictures, others = find_pictures(folder / name)
        _check_class(folder / name, pictures)
        files += sorted(pictures, key=natural)[:limit]
        labels += [label] * (len(files) - len(labels))
        left_out += others
    tell_left_out(folder, left_out)
    stray = [folder / entry.name for entry in entries if entry.is_file()]
    tell_left_out(folder, stray, "since they are in no folder of a class")
    return read_files(files, labels, names, preprocess)


def _check_class(folder: Path, pictures: list[Path]) -> None:
    """Raises CourseError unless some pictures lie in the folder itself: it may hold classes."""
    if all(file.parent != folder for file in pictures):
        raise CourseError(
            f"{folder} itself holds no pictures that Pillow reads: add some, such as JPEG, remove "
            "the folder, or give it to read_folder if it holds your classes."
        )


def read_files(
    files: Iterable[str | Path],
    labels: Sequence[int],
    class_names: Sequence[str],
    preprocess: Preprocess,
) -> Pictures:
    """Returns pictures from files; labels: one per file, an index into class_names."""
    require.instance(preprocess, Preprocess, "preprocess", "give your network's net.preprocess")
    files = [require.path(file, "A file") for file in require.many(files, "files")]
    if not files:
        raise CourseError("files is empty: give the path of at least one picture.")
    class_names = require.names(class_names, "class_names")
    labels = require.indices(labels, len(class_names), "labels")
    if len(labels) != len(files):
        raise CourseError(f"There are {len(labels)} labels for {len(files)} files: give one each.")
    decoded = decode_all(
        files,
        preprocess.resize,
        lambda file: to_tensor(read_picture(file), preprocess).permute(1, 2, 0),
        f"central square, scaled by bits, {preprocess.interpolation}, Pillow {PIL.__version__}",
        work_folder() / "decoded",  # for those that do not fit in memory
    )
    return Pictures(files, torch.tensor(labels), class_names, preprocess, decoded)


def split(pictures: Pictures, fraction: float, seed: int = 0) -> tuple[Pictures, Pictures]:
    """Returns two parts, the second with this fraction of every class, the same on any machine."""
    fraction = require.fraction(fraction, "The fraction")
    generator = torch.Generator().manual_seed(require.whole(seed, "seed"))
    first, second = [], []
    for label, name in enumerate(pictures.class_names):
        members = torch.where(pictures.labels == label)[0]
        members = members[torch.randperm(len(members), generator=generator)].tolist()
        n = min(max(1, round(len(members) * fraction)), len(members) - 1)
        if n < 1:
            raise CourseError(
                f'Class "{name}" has {len(members)} of the two pictures a split needs: add some.'
            )
        first += members[n:]
        second += members[:n]
    return pictures.subset(sorted(first)), pictures.subset(sorted(second))


def few(pictures: Pictures, n: int, seed: int = 0) -> Pictures:
    """Returns `n` random pictures per class, or all of a class that has fewer."""
    n = require.whole(n, "n", 1)
    generator = torch.Generator().manual_seed(require.whole(seed, "seed"))
    order = torch.randperm(len(pictures), generator=generator)
    labels = pictures.labels[order]
    drawn = [order[labels == label][:n] for label in range(len(pictures.class_names))]
    return pictures.subset(torch.cat(drawn))


class Splits(NamedTuple):
    """train: to learn from; valid: to make decisions with; test: to use once, at the end."""

    train: Pictures
    valid: Pictures
    test: Pictures


def load(name: str, size: str, preprocess: Preprocess, valid_fraction: float = 0.2) -> Splits:
    """Returns a data set prepared for a network; validation is split off the training pictures."""
    folder = find(name, size)
    limit = TINY if size == "tiny" else {}
    train, test = (read_folder(folder / p, preprocess, limit.get(p)) for p in ("train", "test"))
    if train.class_names != test.class_names:
        odd = sorted(set(train.class_names) ^ set(test.class_names))
        raise CourseError(
            f"{folder}: {', '.join(odd)} is in only one of train and test: give both the same ones."
        )
    return Splits(*split(train, valid_fraction), test)


def loader(
    pictures: Pictures,
    batch_size: int = 32,
    *,
    shuffle: bool = False,
    augment: object = None,
    workers: int = 0,
) -> DataLoader:
    """Returns batches: float32 (B, 3, size, size), normalised for the network, and int64 (B,).

    For training: shuffle=True and a torchvision transform as `augment`. The last batch may be
    shorter. `workers`: extra processes; pictures are decoded already, so 0 is fastest.
    """
    require.instance(pictures, Pictures, "The first argument", "give pictures from data.load")
    _check_augment(augment, pictures)
    return DataLoader(
        replace(pictures, augment=augment),
        require.whole(batch_size, "batch_size", 1),
        shuffle=shuffle,
        num_workers=require.whole(workers, "workers"),
        collate_fn=partial(_collate, preprocess=pictures.preprocess),
    )


def _check_augment(augment: object, pictures: Pictures) -> None:
    """Raises CourseError unless `augment` makes uint8 (3, size, size) of the first picture."""
    if augment is None or not len(pictures):
        return
    size = pictures.preprocess.size
    try:
        with torch.random.fork_rng(devices=[]):
            result = augment(pictures.decoded[0].clone())
    except Exception as error:
        problem = f"fails at a picture with {type(error).__name__} ({error})"
    else:
        is_square = isinstance(result, Tensor) and result.shape == (3, size, size)
        if is_square and result.dtype == torch.uint8:
            return
        problem = f"makes {require.summary(result)} of a picture"
    raise CourseError(
        f"augment {problem}: give a transform that ends with uint8 (3, {size}, {size}), without "
        "ToDtype and Normalize, since the loader scales and normalises."
    )


def _collate(items: list[tuple[Tensor, int]], preprocess: Preprocess) -> tuple[Tensor, Tensor]:
    pictures, labels = zip(*items, strict=True)
    batch = preprocess.normalize(torch.stack(pictures))
    return batch.contiguous(memory_format=torch.channels_last), torch.tensor(labels)
