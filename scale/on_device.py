"""Batches made on the network's own device: decoded pictures are kept and augmented there.

A GPU finishes a batch before a CPU has cropped the next one. Here a whole batch is cropped at once,
each picture in a different place.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms.v2.functional import center_crop

from helpers import CourseError, require
from helpers.data import Pictures

Augment = Callable[[Tensor], Tensor]


class OnDevice(Dataset):
    """Pictures on a device; a list of indices gives a batch, as `data.loader` makes it.

    They take N * 3 * side * side bytes there; side: of the decoded squares, in pixels.
    augment: see `shift_and_mirror`, `cut_and_mirror`; None: a centre crop.
    """

    def __init__(self, pictures: Pictures, device: torch.device, augment: Augment | None = None):
        self.preprocess, self.augment = pictures.preprocess, augment
        self.class_names, self.labels = pictures.class_names, pictures.labels.to(device)
        side = self.preprocess.resize
        shape = (len(pictures), 3, side, side)
        try:
            self.pixels = torch.empty(shape, dtype=torch.uint8, device=device)
        except torch.OutOfMemoryError:
            raise CourseError(
                f"{len(pictures):,} decoded pictures do not fit on {device}: use data.loader."
            ) from None
        for i, picture in enumerate(pictures.decoded):
            self.pixels[i] = picture

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        return self.pixels[i], self.labels[i]

    def __getitems__(self, indices: list[int]) -> tuple[Tensor, Tensor]:
        chosen = torch.tensor(indices, device=self.pixels.device)
        pictures = self.pixels[chosen]
        if self.augment:
            pictures = self.augment(pictures)
        else:
            pictures = center_crop(pictures, [self.preprocess.size] * 2)
        batch = self.preprocess.normalize(pictures)
        return batch.contiguous(memory_format=torch.channels_last), self.labels[chosen]


def loader(
    pictures: Pictures,
    batch_size: int = 32,
    *,
    device: torch.device | str,
    shuffle: bool = False,
    augment: Augment | None = None,
) -> DataLoader:
    """Returns batches like those of `data.loader`, but on `device`.

    augment: a function of a whole batch, uint8 (B, 3, side, side) -> 0 to 255, (B, 3, size, size).
    """
    require.instance(pictures, Pictures, "The first argument", "give pictures from data.load")
    require.instance(augment, Callable | None, "augment", "give a function of a whole batch")
    batch_size = require.whole(batch_size, "batch_size", 1)
    dataset = OnDevice(pictures, torch.device(device), augment)
    return DataLoader(dataset, batch_size, shuffle=shuffle, collate_fn=_keep)


def _keep(batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    return batch


def shift_and_mirror(pictures: Tensor, pad: int = 4) -> Tensor:
    """Returns pictures shifted by up to `pad` pixels, with black around; half are mirrored."""
    n, _, height, width = pictures.shape
    here = {"device": pictures.device}
    rows = torch.randint(2 * pad + 1, (n, 1), **here) + torch.arange(height, **here)
    columns = torch.randint(2 * pad + 1, (n, 1), **here) + torch.arange(width, **here)
    columns = torch.where(torch.rand(n, 1, **here) < 0.5, columns, columns.flip(1))
    each = torch.arange(n, **here).view(n, 1, 1)
    moved = F.pad(pictures, [pad] * 4)[each, :, rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2)  # from colours last to colours first


def cut_and_mirror(
    pictures: Tensor, size: int, scale: tuple[float, float] = (0.08, 1), ratio: float = 4 / 3
) -> Tensor:
    """Returns a random crop of each picture, resized to `size` pixels; half are mirrored.

    scale: the crop's least and greatest share of the area; ratio: its width over its height lies
    between 1 / ratio and ratio, as far as it fits. Returns float32 (B, 3, size, size).
    """
    n, here = len(pictures), {"device": pictures.device}
    area = torch.empty(n, **here).uniform_(*scale)
    shape = torch.empty(n, **here).uniform_(-math.log(ratio), math.log(ratio)).exp()
    width, height = (area * shape).sqrt().clamp(max=1), (area / shape).sqrt().clamp(max=1)
    x, y = torch.empty(2, n, **here).uniform_(-1, 1)
    direction = torch.where(torch.rand(n, **here) < 0.5, -1, 1)
    zero = torch.zeros(n, **here)
    across = torch.stack([direction * width, zero, x * (1 - width)], 1)
    down = torch.stack([zero, height, y * (1 - height)], 1)
    places = F.affine_grid(torch.stack([across, down], 1), (n, 3, size, size), align_corners=False)
    return F.grid_sample(pictures.float(), places, padding_mode="border", align_corners=False)
