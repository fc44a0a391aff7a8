"""The course's recipe for fine-tuning: a linear probe, then all layers, then the mean of both."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader

from helpers import require
from helpers.data import Pictures, loader
from helpers.features import linear_probe
from helpers.param_groups import keep_statistics
from helpers.train import History, fit

BATCH = 16
STEPS, EPOCHS = 100, 10  # at least so many steps, but at most so many epochs
RATE, ENOUGH = 1e-4, 400  # with fewer pictures than enough, the weights may move less


def fine_tune(
    net: nn.Module,
    pictures: Pictures,
    valid: DataLoader | None = None,
    *,
    augment: Callable[[Tensor], Tensor] | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> History:
    """Trains a pretrained network that `replace_head` gave new outputs; returns the history.

    LP-FT (Kumar et al., 2022): first the linear probe, then all layers together, with BatchNorm's
    statistics kept, a warm-up and a cosine. Then every weight becomes the mean of what it was after
    the probe and what it is now (as in WiSE-FT, Wortsman et al., 2022). The numbers were chosen on
    validation photographs, 20 to 700 per class. The history is that of the second phase.
    """
    require.instance(pictures, Pictures, "The pictures", "take them from data.load or data.few")
    linear_probe(net, loader(pictures, BATCH))
    probe = [p.detach().clone() for p in net.parameters()]
    batches = loader(pictures, BATCH, shuffle=True, augment=augment)
    epochs = epochs_for(len(batches))
    rate = RATE * min(1, len(pictures) / ENOUGH)
    optimizer = torch.optim.AdamW(keep_statistics(net).parameters(), rate)
    schedule = warmup_cosine(optimizer, epochs * len(batches))
    history = fit(
        net, batches, valid, optimizer, epochs, scheduler=schedule, seed=seed, quiet=quiet
    )
    average(net, probe)
    return history


def epochs_for(batches: int) -> int:
    """Returns how many epochs of so many batches the recipe trains for."""
    return min(EPOCHS, math.ceil(STEPS / batches))


def warmup_cosine(optimizer: Optimizer, steps: int) -> LambdaLR:
    """Returns a schedule: the rate rises for a tenth of the steps and falls along half a cosine."""
    steps = require.whole(steps, "steps", 1)

    def share(step: int) -> float:
        return min(1, 10 * (step + 1) / steps) * (1 + math.cos(math.pi * step / steps)) / 2

    return LambdaLR(optimizer, share)


def average(net: nn.Module, weights: list[Tensor]) -> None:
    """Moves every parameter half way to that of the same number in `weights`."""
    with torch.no_grad():
        for mine, other in zip(net.parameters(), weights, strict=True):
            mine.lerp_(other.to(mine.device), 0.5)
