"""Copies found by their pixels, and groups of pictures that belong together."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from helpers.collection import groups_of
from helpers.data import Pictures
from helpers.grouped import taken_together


def thumbnails(pictures: Pictures, side: int = 16) -> Tensor:
    """Returns rows (N, side²): each picture in few grey pixels, less their mean.

    For `collection.near_pairs`: a copy that was made smaller or saved again keeps them; a cut one
    does not.
    """
    grey = (picture.float().mean(0, keepdim=True) for picture in pictures.decoded)
    rows = torch.stack([adaptive_avg_pool2d(picture, side).flatten() for picture in grey])
    return rows - rows.mean(1, keepdim=True)


def groups(pictures: Pictures, pairs: Iterable[tuple[int, int]], seconds: float = 30) -> np.ndarray:
    """Returns a group number per picture; pairs are together, and what was taken within seconds.

    Who hurries from thing to thing takes all of them within seconds: where that leaves a class
    fewer than three groups, the time does not count, and a line says so.
    """
    pairs, labels = list(pairs), pictures.labels
    by_time = groups_of(len(pictures), pairs + taken_together(pictures.files, seconds))
    if min(len(set(by_time[labels == label])) for label in labels.unique()) >= 3:
        return by_time
    print(f"Too few groups, if {seconds:g} seconds make one: only pictures that are alike do.")
    return groups_of(len(pictures), pairs)
