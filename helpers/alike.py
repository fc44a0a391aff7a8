"""Copies found by their pixels, and groups of pictures that belong together."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from helpers.collection import groups_of, near_pairs
from helpers.data import Pictures
from helpers.grouped import taken_together

COPY = 0.95  # the cosine of two thumbnails from which one picture is a copy of the other
ONE_THING = (
    "A class shows hardly more than one thing, so only copies make a group. What is measured then "
    "is how well these very things are known from another side, not others of their kind."
)


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

    Who hurries from thing to thing takes all of them within seconds; who photographs one cup from
    all sides has pairs only. Where a class would have fewer than three groups, the time does not
    count, and if that is not enough, only copies make a group: a line says so.
    """
    pairs, labels = list(pairs), pictures.labels

    def enough(joined: list[tuple[int, int]]) -> bool:
        numbers = groups_of(len(pictures), joined)
        return min(len(set(numbers[labels == label])) for label in labels.unique()) >= 3

    in_time = pairs + taken_together(pictures.files, seconds)
    if enough(in_time):
        return groups_of(len(pictures), in_time)
    if enough(pairs):
        print(f"Too few groups, if {seconds:g} seconds make one: only pictures that are alike do.")
        return groups_of(len(pictures), pairs)
    print(ONE_THING)
    copies = near_pairs(thumbnails(pictures), COPY)
    return groups_of(len(pictures), [(i, j) for _, i, j in copies])
