"""How a network wants its pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Preprocess:
    """How a network wants its pictures: this travels with the network as `net.preprocess`.

    `resize`: the short side after resizing, in pixels; `size`: the side of the square that is then
    cut out; `mean`, `std`: for red, green and blue, on a scale from 0 to 1.
    """

    size: int
    resize: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str

    def normalize(self, pictures: Tensor) -> Tensor:
        """uint8 (B, 3, H, W), 0 to 255 -> float32 of the same shape, about -2.5 to 2.5."""
        mean = torch.tensor(self.mean, device=pictures.device).view(3, 1, 1)
        std = torch.tensor(self.std, device=pictures.device).view(3, 1, 1)
        return (pictures / 255 - mean) / std

    def at(self, size: int) -> Preprocess:
        """The same for pictures of another side, in pixels."""
        return replace(self, size=size, resize=round(size * self.resize / self.size))
