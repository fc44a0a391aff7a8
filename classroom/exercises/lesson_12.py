"""Exercises of lesson 12: a level without labels, a rate per stage."""

from itertools import pairwise

import timm
import torch

from classroom import kinds
from classroom.exercises import all_close
from classroom.judge import exercise
from helpers import models


@exercise(
    "12.1",
    takes="p share",
    wanted="one number",
    why="If the order of the pictures survives and the level does not, a share that you know is "
    "worth as much as labels. It has to be the share of these pictures, though: a wrong share is a "
    "wrong level.",
    hints=(
        "Which level has half of the numbers above it? A quarter is a median of another kind.",
        "Sort the probabilities, the largest first. Which position is the first that must not "
        "count any more? Or ask torch.quantile; it counts from below.",
    ),
)
def level_for(function):
    p = torch.rand(40, generator=torch.Generator().manual_seed(4)) ** 3
    levels = {}
    for share in (0.25, 0.1, 0.8):
        given = p.clone()
        levels[share] = kinds.number(function(given, share))
        if not given.equal(p):
            return "It changes the probabilities that it was given."
    above = {share: int((p.double() > level).sum()) for share, level in levels.items()}
    right = {share: round(share * len(p)) for share in levels}
    if above == right:
        return None
    return _why_not_the_level(p, levels, above, right)


def _why_not_the_level(p, levels, above, right):
    n, share = len(p), min(levels)
    off = {above[s] - right[s] for s in levels}
    if all(abs(level - right[s]) < 0.5 for s, level in levels.items()):
        return "That is how many pictures lie above; return the level itself, a probability."
    if all(abs(level - (1 - s)) < 1e-6 for s, level in levels.items()):
        return "That is 1 - share. The level depends on where the probabilities lie, too."
    if all(abs(level - s) < 1e-6 for s, level in levels.items()):
        return "That is the share itself. The level depends on where the probabilities lie, too."
    if all(abs(above[s] - (n - right[s])) <= 1 for s in levels):
        return "That is the wrong end: so many of the pictures lie below it, not above."
    if off <= {-1, 0} or off <= {1, 0}:
        return (
            f"Off by one: with a share of {share}, {above[share]} of {n} lie above, not "
            f"{right[share]}. The picture exactly at the level does not lie above it."
        )
    if len(set(levels.values())) == 1:
        what = "the median" if above[share] == n // 2 else "the same level"
        return f"That is {what} whatever the share; the median is right for a half alone."
    return f"With a share of {share}, {above[share]} of {n} lie above, not {right[share]}."


@exercise(
    "12.2",
    takes="net low high",
    wanted="a list of dictionaries with params and lr, as an optimiser takes them",
    why="Equal factors spread the rates evenly over their orders of magnitude; with equal "
    "differences only the lowest stages would be slow.",
    hints=(
        "First collect what learns, from the bottom to the output layer, then assign rates.",
        "With k groups there are k - 1 steps up: the factor to the power of k - 1 is high / low.",
    ),
)
def rates_between(function):
    torch.manual_seed(0)
    net = timm.create_model("test_resnet", num_classes=3)
    last = len(models.stages(net))
    for n, low, high in ((0, 2e-5, 3e-2), (2, 1e-4, 5e-3), (last, 3e-5, 0.2)):
        models.freeze(net, n)
        groups = kinds.groups(function(net, low, high), net, ("lr",))
        if diagnosis := _wrong_rates(net, n, groups, low, high):
            return diagnosis
    return None


def _wrong_rates(net, n, groups, low, high):
    parts = [stage.parameters for stage in models.stages(net)]
    case = f"With the bottom {n} of {len(parts)} stages frozen"
    if any(not all(p.requires_grad for p in group["params"]) for group in groups):
        return f"{case}, there is a group for what is frozen."
    if not all(group["params"] for group in groups):
        return f"{case}, a group is empty: was a generator used twice, or is it for what is frozen?"
    rates = {id(p): group["lr"] for group in groups for p in group["params"]}
    head = list(models.output_layer(net)[1].parameters())
    if any(id(p) not in rates for p in head):
        return f"{case}, the output layer, or a part of it, is in no group."
    if any(id(p) not in rates for part in parts[n:] for p in part):
        return f"{case}, a stage that learns, or a part of it, is in no group."
    if any(len({rates[id(p)] for p in part}) > 1 for part in [*parts[n:], head]):
        return f"{case}, one stage has several rates."
    return _wrong_steps([rates[id(part[0])] for part in [*parts[n:], head]], case, low, high)


def _wrong_steps(upwards, case, low, high):
    steps = max(len(upwards) - 1, 1)
    right = [high * (low / high) ** (i / steps) for i in range(len(upwards))][::-1]
    if all_close(upwards, right):
        return None
    if len(upwards) > 1 and all_close(upwards, right[::-1]):
        return f"{case}, the bottom is the fastest: do it the other way round."
    if not all_close(upwards[-1:], [high]):
        return f"{case}, the output layer has the rate {upwards[-1]:g}, not `high`."
    if not all_close(upwards[:1], [low]):
        return f"{case}, the bottom stage that learns has the rate {upwards[0]:.2g}, not `low`."
    if upwards[-1] == upwards[-2]:
        return f"{case}, the top stage is as fast as the output layer: that is a step of its own."
    differences = [b - a for a, b in pairwise(upwards)]
    if all_close(differences, [differences[0]] * len(differences)):
        return "The rates grow by equal differences; let them grow by equal factors."
    return f"{case}, the ends are right, but the factor from group to group is not the same."
