"""Groups of pictures: shots taken together, and whether more groups would help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from helpers import require
from helpers.collection import folds, taken
from helpers.require import CourseError


def taken_together(files: Sequence[Path], seconds: float = 30) -> list[tuple[int, int]]:
    """Returns pairs (i, j) of pictures taken one after the other, at most so many seconds apart."""
    times = []
    for i, file in enumerate(files):
        with suppress(ValueError):  # EXIF holds no time, or none that a clock shows
            times.append((datetime.strptime(taken(file), "%Y:%m:%d %H:%M:%S"), i))
    return [
        (i, j) for (a, i), (b, j) in pairwise(sorted(times)) if (b - a).total_seconds() <= seconds
    ]


def learning_curve(
    features: Tensor, labels: Tensor, groups: Sequence[int], draws: int = 9, C: float = 0.01
) -> dict[int, list[float]]:
    """Returns {pictures per class: accuracies of a linear probe on other groups, one per draw}.

    Each draw holds a fifth of the groups out and takes the others one after the other, in a random
    order. The counts are all that there is, half of it, a quarter, down to two, five at most.
    """
    from sklearn.linear_model import LogisticRegression  # slow to import

    rng, groups = np.random.default_rng(0), np.asarray(groups)
    parts = [folds(labels, groups, 5, seed)[0] for seed in range(require.whole(draws, "draws", 2))]
    most = min(int(labels[learn].bincount()[labels.unique()].min()) for learn, _ in parts)
    if most < 4:
        raise CourseError("A learning curve needs five pictures per class or more: add some.")
    curve = {most >> n: [] for n in range(4, -1, -1) if most >> n >= 2}
    for learn, held in parts:
        place = rng.permutation(groups.max() + 1)[groups[learn]]
        learn = torch.from_numpy(learn[place.argsort(kind="stable")])  # groups stay in one piece
        for n in curve:
            few = torch.cat([learn[labels[learn] == label][:n] for label in labels.unique()])
            probe = LogisticRegression(C=C, max_iter=1000).fit(features[few], labels[few])
            curve[n].append(probe.score(features[held], labels[held]))
    return curve


def last_doubling(curve: Mapping[int, Sequence[float]]) -> tuple[float, float]:
    """Returns what twice as many pictures added at the end of a learning curve, and its error.

    Draws share most of their pictures, so their spread alone would be too small an error; a quarter
    as many pictures are held out as learned from (Nadeau and Bengio, 2003).
    """
    *_, half, most = sorted(curve)
    gains = np.subtract(curve[most], curve[half])
    return float(gains.mean()), float(gains.std(ddof=1) * (1 / len(gains) + 1 / 4) ** 0.5)
