"""Small things to test with: coloured pictures on disk, a network that learns them at once."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from helpers import data
from helpers.sources import Preprocess

os.environ.pop("COURSE_SIZE", None)  # tests choose their sizes themselves
SMALL = Preprocess(16, 20, (0.5, 0.4, 0.3), (0.2, 0.3, 0.4), "bilinear")


def draw_classes(folder: Path, counts: dict[str, int], side: int = 24, seed: int = 0) -> Path:
    """Noise pictures whose mean colour tells the class: {"red": 5, "blue": 4}."""
    noise = np.random.default_rng(seed)
    for label, (name, count) in enumerate(counts.items()):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            pixels = noise.integers(0, 120, (side, side + 4, 3))
            pixels[..., label % 3] += 130
            Image.fromarray(pixels.astype("uint8")).save(folder / name / f"{i + 1}.png")
    return folder


class SmallNet(nn.Sequential):
    """Convolution, BatchNorm, dropout, one linear output layer: the traps in 300 parameters."""

    def __init__(self, classes: int = 2, dropout: float = 0.2):
        super().__init__(
            nn.Conv2d(3, 8, 3, stride=2),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(8, classes),
        )
        self.preprocess, self.class_names = SMALL, [f"class {i}" for i in range(classes)]


@pytest.fixture
def pictures(tmp_path) -> data.Pictures:
    """11 red and 11 green pictures: with batches of 4 the last one is short."""
    return data.read_folder(draw_classes(tmp_path / "set", {"a": 11, "b": 11}), SMALL)


@pytest.fixture
def net() -> SmallNet:
    torch.manual_seed(0)
    return SmallNet()
