"""How pictures are prepared for a network."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Preprocess:
    """How pictures are prepared for a network, which carries this as `net.preprocess`.

    `resize`: the short side after resizing, in pixels; `size`: the side of the square that is then
    cut out; `mean`, `std`: for red, green and blue, on a scale from 0 to 1.
    """

    size: int
    resize: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str

    def normalize(self, pictures: Tensor) -> Tensor:
        """Returns uint8 (B, 3, H, W), 0 to 255, as float32 of the same shape, about -2.5 to 2.5."""
        mean = torch.tensor(self.mean, device=pictures.device).view(3, 1, 1)
        std = torch.tensor(self.std, device=pictures.device).view(3, 1, 1)
        return (pictures / 255 - mean) / std

    def at(self, size: int) -> Preprocess:
        """Returns the same for pictures of another side, in pixels."""
        return replace(self, size=size, resize=round(size * self.resize / self.size))
