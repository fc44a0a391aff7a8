"""The course's recipe beside its parts and the naive one, from few to all photographs of hot dogs.

A linear probe; all layers at once from a random output layer, for one epoch and for as many steps
as the recipe takes; LP-FT, the linear probe first and then all layers together; the recipe, which
halves what LP-FT changed: the mean of its weights and the probe's.
"""

import copy
import math
from collections.abc import Iterator

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from benchmarks.training import crop_and_flip
from benchmarks.transfer import BATCH, Accuracies, accuracy, pretrained
from helpers import data, models, train
from helpers.data import Pictures

COUNTS = (20, 50, 200, 1000)  # training pictures per class
STEPS, EPOCHS = 100, 10  # at least so many steps, but at most so many epochs
RATE, ENOUGH = 1e-4, 400  # with fewer pictures than enough, the body may move less


def measure(
    size: str = "full", counts: tuple[int, ...] = COUNTS, seeds: int = 3
) -> Iterator[Accuracies]:
    """Yields {"N per class: method": [test accuracy per seed]} for each number of pictures.

    A seed draws the pictures, their order and cuts, and the random output layer.
    """
    preprocess = models.load_pretrained().preprocess
    folder = data.find("hotdog", size)
    pool, test = (data.read_folder(folder / part, preprocess) for part in ("train", "test"))
    for count in counts:
        accuracies: Accuracies = {}
        for seed in range(seeds):
            for method, net in networks(data.few(pool, count, seed), seed):
                name = f"{count} per class: {method}"
                accuracies.setdefault(name, []).append(accuracy(net, test))
                print(f"{name}, seed {seed}: {accuracies[name][-1]:.4f}", flush=True)
        yield accuracies


def networks(pictures: Pictures, seed: int) -> Iterator[tuple[str, nn.Module]]:
    """Yields each method's name and the network that it makes of these pictures."""
    probe = train.linear_probe(pretrained(pictures, seed), data.loader(pictures, BATCH))
    yield "linear probe", probe
    for budget, epochs in (("one epoch", 1), ("as many steps", epochs_for(pictures))):
        net = pretrained(pictures, seed)
        yield f"all at once for {budget}", tune(net, pictures, RATE, 10, epochs, seed)
    rate = RATE * min(1, len(pictures) / ENOUGH)
    net = tune(copy.deepcopy(probe), pictures, rate, 1, epochs_for(pictures), seed)
    yield "LP-FT", net
    yield "LP-FT averaged with the probe", middle(copy.deepcopy(net), probe)


def epochs_for(pictures: Pictures) -> int:
    return min(EPOCHS, math.ceil(STEPS / math.ceil(len(pictures) / BATCH)))


def tune(
    net: nn.Module, pictures: Pictures, rate: float, head_factor: float, epochs: int, seed: int
) -> nn.Module:
    """Trains all layers; the rate rises during a tenth of the steps and falls along a cosine."""
    augment = crop_and_flip(pictures.preprocess.size, scale=(0.5, 1))
    batches = data.loader(pictures, BATCH, shuffle=True, augment=augment)
    steps = epochs * len(batches)

    def share(step: int) -> float:
        return min(1, 10 * (step + 1) / steps) * (1 + math.cos(math.pi * step / steps)) / 2

    optimizer = torch.optim.AdamW(models.param_groups(net, rate, head_factor))
    schedule = LambdaLR(optimizer, share)
    train.fit(net, batches, None, optimizer, epochs, scheduler=schedule, seed=seed, quiet=True)
    return net


def middle(net: nn.Module, other: nn.Module) -> nn.Module:
    """Moves the weights half way to another network's; BatchNorm's statistics are the same."""
    with torch.no_grad():
        for mine, theirs in zip(net.parameters(), other.parameters(), strict=True):
            mine.lerp_(theirs, 0.5)
    return net
