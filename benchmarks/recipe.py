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

from benchmarks.training import crop_and_flip
from benchmarks.transfer import Accuracies, accuracy, pretrained
from helpers import data, models, recipe, train
from helpers.data import Pictures

COUNTS = (20, 50, 200, 1000)  # training pictures per class


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
    probe = train.linear_probe(pretrained(pictures, seed), data.loader(pictures, recipe.BATCH))
    yield "linear probe", probe
    epochs = recipe.epochs_for(math.ceil(len(pictures) / recipe.BATCH))
    for budget, passes in (("one epoch", 1), ("as many steps", epochs)):
        net = pretrained(pictures, seed)
        yield f"all at once for {budget}", tune(net, pictures, recipe.RATE, 10, passes, seed)
    rate = recipe.RATE * min(1, len(pictures) / recipe.ENOUGH)
    net = tune(copy.deepcopy(probe), pictures, rate, 1, epochs, seed)
    yield "LP-FT", copy.deepcopy(net)
    recipe.average(net, list(probe.parameters()))
    yield "LP-FT averaged with the probe", net


def tune(
    net: nn.Module, pictures: Pictures, rate: float, head_factor: float, epochs: int, seed: int
) -> nn.Module:
    """Trains all layers as `recipe.fine_tune` does, at a rate of its own."""
    augment = crop_and_flip(pictures.preprocess.size, scale=(0.5, 1))
    batches = data.loader(pictures, recipe.BATCH, shuffle=True, augment=augment)
    optimizer = torch.optim.AdamW(models.param_groups(net, rate, head_factor))
    schedule = recipe.warmup_cosine(optimizer, epochs * len(batches))
    train.fit(net, batches, None, optimizer, epochs, scheduler=schedule, seed=seed, quiet=True)
    return net
