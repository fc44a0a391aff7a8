"""Finds each data set, decodes its pictures once and keeps them, makes batches."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms.v2 import functional as F

from helpers import require
from helpers.files import d2l_sets, kaggle_client, smoke
from helpers.files.decoded import decode_all
from helpers.files.pictures import (
    FOREIGN,
    find_pictures,
    is_picture,
    kinds,
    tell_left_out,
    tell_unread,
    visible,
)
from helpers.preprocess import Preprocess
from helpers.require import CourseError

SIZES = ("smoke", "drawn", "tiny", "full")
SETS = ("hotdog", "foods", "cifar-10", "dog-breed-identification", "classify-leaves")
DRAWN_ONLY = ("foods",)  # the same drawn pictures at every size: there are no photographs of it
TINY = {"train": 100, "test": 50}  # pictures per class, where the book has no small sample
FOLDER = Path(__file__).resolve().parents[1] / "data"
# phones take pictures of 108 million pixels; at twice Pillow's limit it raises instead of warning
warnings.simplefilter("ignore", Image.DecompressionBombWarning)


def chosen_size(size: str) -> str:
    """Returns the size a lesson works with: the variable COURSE_SIZE if it is set, else `size`."""
    size = os.environ.get("COURSE_SIZE") or size
    return require.choice(size, SIZES, "size")


def find(name: str, size: str) -> Path:
    """Returns the folder of a data set at exactly this size; it is downloaded on first use.

    `smoke` holds the first few drawn pictures of each class: enough to see that every line runs.
    `tiny` and `full` are looked for in the folder that COURSE_DATA names, then under data/. The
    book's small samples of competitions have their own folders there, such as cifar-10-tiny.
    """
    require.choice(name, SETS, "data set")
    require.choice(size, SIZES, "size")
    if size == "smoke":
        return smoke.sample(FOLDER / "drawn" / name, FOLDER / "smoke" / name)
    if size == "drawn" or name in DRAWN_ONLY:
        return FOLDER / "drawn" / name
    if size == "tiny" and name == "classify-leaves":
        raise CourseError(f"{name} has no small sample: choose the size drawn or full.")
    if size == "tiny" and f"{name}-tiny" in d2l_sets.SETS:
        name += "-tiny"
    shared = shared_folder()
    if shared and (shared / name).is_dir():
        return shared / name
    folder = FOLDER / name
    if folder.is_dir():
        return folder
    if name in d2l_sets.SETS:
        return d2l_sets.download(name, folder)
    return kaggle_client.download(name, folder)


def shared_folder() -> Path | None:
    """Returns the folder that the variable COURSE_DATA names, or None if it is not set."""
    name = os.environ.get("COURSE_DATA")
    if name and not os.path.isdir(os.path.expanduser(name)):
        raise CourseError(
            f"COURSE_DATA names {name[:99]}, which is not a folder: correct or unset it."
        )
    return Path(name).expanduser() if name else None


def read_picture(file: str | Path) -> Image.Image:
    """Returns any picture file as 8-bit RGB, upright; of several frames or pages the first.

    See `to_rgb` for how. Raises CourseError that names the file and says what to do.
    """
    file = require.path(file, "The picture")
    try:
        with Image.open(file) as picture:
            if picture.format in FOREIGN:
                raise UnidentifiedImageError
            ImageOps.exif_transpose(picture, in_place=True)
            return to_rgb(picture, str(file))
    except CourseError:
        raise
    except FileNotFoundError:
        advice = (
            "give what Path.glob finds for it" if set(file.name) & set("*?") else "check the path"
        )
        raise CourseError(f"There is no picture {file}: {advice}.") from None
    except IsADirectoryError:
        raise CourseError(f"{file} is a folder: give the path of a picture in it.") from None
    except UnidentifiedImageError:
        raise CourseError(f"{file} is not a picture: remove it or save it as JPEG.") from None
    except Image.DecompressionBombError:
        raise CourseError(
            f"{file} has more pixels than Pillow reads, {2 * Image.MAX_IMAGE_PIXELS:,}: save a "
            "smaller copy in its place, or remove it."
        ) from None
    except Exception as error:  # a damaged file makes Pillow raise many kinds
        raise CourseError(
            f"{file} cannot be read ({error}): replace it with an intact copy or remove it."
        ) from None


def to_rgb(picture: Image.Image, name: str = "A picture") -> Image.Image:
    """Returns a Pillow image as 8-bit RGB; transparent parts become white.

    Greys of 12 or 16 bits are scaled by their bits, whatever values occur. Numbers without a
    fixed scale (32 bits, floats) and LAB raise CourseError.
    """
    sixteen_bits = picture.mode == "I" and picture.format in ("PPM", "PNG")
    if picture.mode.startswith("I;16") or sixteen_bits:  # Pillow would clip, not scale
        bits = getattr(picture, "tag_v2", {}).get(258, (16,))[0]  # TIFF's BitsPerSample
        grey = np.asarray(picture, dtype=np.float64) / (2**bits - 1) * 255
        return Image.fromarray(grey.round().clip(0, 255).astype(np.uint8)).convert("RGB")
    if picture.mode in ("I", "F", "LAB"):
        raise CourseError(
            f"{name} has pixels of the kind {picture.mode}, without a fixed scale to 8-bit RGB: "
            "save it as PNG or JPEG, or remove it."
        )
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert("RGB")


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
        cut = self.augment or partial(F.center_crop, output_size=[self.preprocess.size])
        return cut(self.decoded[i]), int(self.labels[i])

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
    files, labels, left_out = [], [], []
    for label, name in enumerate(names):
        pictures, others = find_pictures(folder / name)
        _check_class(folder / name, pictures, others)
        files += sorted(pictures, key=natural)[:limit]
        labels += [label] * (len(files) - len(labels))
        left_out += others
    if len(names) < 2:
        raise CourseError(f"{folder} must hold at least two folders, one per class: add them.")
    tell_unread(folder, left_out)
    stray = [folder / entry.name for entry in entries if entry.is_file()]
    tell_left_out(folder, filter(is_picture, stray), "since they are in no folder of a class")
    return read_files(files, labels, names, preprocess)


def _check_class(folder: Path, pictures: list[Path], others: list[Path]) -> None:
    """Raises CourseError unless a class has pictures, some of them in its own folder."""
    if not pictures:
        found = f" that Pillow reads, but {kinds(others)}" if others else ""
        raise CourseError(f"{folder} holds no pictures{found}: add some or remove the folder.")
    if all(file.parent != folder for file in pictures):
        raise CourseError(
            f"{folder} holds pictures only in its folders, such as {pictures[0].parent.name}: give "
            f"{folder} if these are your classes, or put the pictures into it."
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
        FOLDER / "decoded",  # for those that do not fit in memory
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
    require.transform(augment)
    if augment is None or not len(pictures):
        return
    size = pictures.preprocess.size
    advice = f"give a transform that ends with uint8 pictures of {size} x {size} pixels"
    try:
        with torch.random.fork_rng(devices=[]):
            result = augment(pictures.decoded[0])
    except Exception as error:
        reason = f"augment stops at a picture with {type(error).__name__}"
        raise CourseError(f"{reason} ({error}): {advice}.") from None
    if not isinstance(result, Tensor) or result.shape != (3, size, size):
        raise CourseError(f"augment makes {require.summary(result)} of a picture: {advice}.")
    if result.dtype != torch.uint8:
        raise CourseError(
            f"augment makes {result.dtype} of a picture: remove ToDtype and Normalize, since the "
            "loader scales and normalises for the network."
        )


def _collate(items: list[tuple[Tensor, int]], preprocess: Preprocess) -> tuple[Tensor, Tensor]:
    pictures, labels = zip(*items, strict=True)
    batch = preprocess.normalize(torch.stack(pictures))
    return batch.contiguous(memory_format=torch.channels_last), torch.tensor(labels)
