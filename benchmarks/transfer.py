"""Measurements on photographs that take longer than a lesson may.

Forty photographs, from their files to a classifier; all photographs at the network's own size;
photographs against drawings. Each function returns {method: [accuracy per draw or seed]}.
"""

import copy
from collections.abc import Iterator

import torch
from torch import nn

from benchmarks.training import crop_and_flip, features, linear
from helpers import data, models, train
from helpers.data import Pictures

BATCH = 16
Accuracies = dict[str, list[float]]


def measure() -> Iterator[Accuracies]:
    yield from (part() for part in (forty_photographs, all_photographs, another_look))


def pretrained(pictures: Pictures, seed: int) -> nn.Module:
    """Returns the pretrained network with a random output layer for these classes."""
    torch.manual_seed(seed)
    net = models.load_pretrained(size=pictures.preprocess.size)
    return models.keep_statistics(models.replace_head(net, pictures.class_names))


def with_linear_head(pictures: Pictures, seed: int) -> nn.Module:
    """Returns the pretrained body with a logistic regression on its features as output layer."""
    net = pretrained(pictures, seed)
    classifier = linear().fit(*features(net, pictures))
    layer = models.output_layer(net)[1]
    with torch.no_grad():  # two rows that give the same probabilities as scikit-learn's one
        for row, sign in ((0, -0.5), (1, 0.5)):
            layer.weight[row] = sign * torch.tensor(classifier.coef_[0])
            layer.bias[row] = sign * classifier.intercept_[0]
    return net


def tune(net, pictures: Pictures, epochs: int, rate: float, head_factor: float, seed: int):
    """Trains all layers on augmented pictures, the rates falling along a cosine."""
    augment = crop_and_flip(pictures.preprocess.size, scale=(0.5, 1))
    batches = data.loader(pictures, BATCH, shuffle=True, augment=augment)
    optimizer = torch.optim.AdamW(models.param_groups(net, rate, head_factor))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * len(batches))
    train.fit(net, batches, None, optimizer, epochs, scheduler=schedule, seed=seed, quiet=True)
    return net


def accuracy(net: nn.Module, pictures: Pictures) -> float:
    return train.evaluate(net, data.loader(pictures, BATCH))["accuracy"]


def forty_photographs(draws: int = 10) -> Accuracies:
    """20 photographs of each class at 224 px."""
    net = models.load_pretrained()
    folder = data.find("hotdog", "full")
    test = features(net, data.read_folder(folder / "test", net.preprocess))
    pool = data.read_folder(folder / "train", net.preprocess)
    draws_of_forty = (data.few(pool, 20, draw) for draw in range(draws))
    accuracies = [linear().fit(*features(net, forty)).score(*test) for forty in draws_of_forty]
    return {"forty photographs, 224 px: features + linear classifier": accuracies}


def all_photographs(seeds: int = 3) -> Accuracies:
    """The photographs of lesson 01 at 224 px: a linear classifier, then all layers gently."""
    hotdogs = data.load("hotdog", "full", models.load_pretrained().preprocess)
    start, tuned = with_linear_head(hotdogs.train, seed=0), []  # features depend on no seed
    for seed in range(seeds):
        net = tune(copy.deepcopy(start), hotdogs.train, 1, rate=3e-5, head_factor=1, seed=seed)
        tuned.append(accuracy(net, hotdogs.test))
    return {
        "all photographs, 224 px: features + linear classifier": [best_linear(hotdogs)],
        "all photographs, 224 px: head first, then all": tuned,
    }


def best_linear(hotdogs: data.Splits) -> float:
    """C is chosen on the validation photographs, which then join those to train on."""
    net = models.load_pretrained()
    (x, y), (valid_x, valid_y), test = (features(net, part) for part in hotdogs)
    strengths = {linear(c).fit(x, y).score(valid_x, valid_y): c for c in (0.001, 0.01, 0.1, 1)}
    best = strengths[max(strengths)]
    both = torch.cat([x, valid_x]), torch.cat([y, valid_y])
    return linear(best).fit(*both).score(*test)


def another_look(seeds: int = 3, per_class: int = 200) -> Accuracies:
    """Trained on photographs and tested on drawings, and the other way round, at 160 px."""
    wants = models.load_pretrained(size=160).preprocess
    photographs, drawings = (data.load("hotdog", size, wants) for size in ("full", "drawn"))
    accuracies = {}
    for seed in range(seeds):
        few = data.few(photographs.train, per_class, seed)
        tests = {"photographs": data.few(photographs.test, 200), "drawings": drawings.test}
        for source, pictures, epochs in (("photographs", few, 2), ("drawings", drawings.train, 3)):
            net = with_linear_head(pictures, seed)
            nets = {
                "features + linear classifier": net,
                "fine-tuned": tune(pretrained(pictures, seed), pictures, epochs, 1e-4, 10, seed),
                "head first, then all": tune(copy.deepcopy(net), pictures, epochs, 3e-5, 1, seed),
            }
            for method, each in nets.items():
                for target, test in tests.items():
                    name = f"{method}: trained on {source}, tested on {target}"
                    accuracies.setdefault(name, []).append(accuracy(each, test))
    return accuracies
