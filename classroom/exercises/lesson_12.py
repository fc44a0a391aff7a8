"""Exercises of lesson 12: a level without labels, a rate per stage, LoRA merged, alpha chosen."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from itertools import pairwise

import timm
import torch
from torch import nn
from torch.nn.utils import parametrize

from classroom import kinds
from classroom.exercises import all_close
from classroom.judge import NotYet, exercise
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


@exercise(
    "12.3",
    takes="net",
    wanted="the net it was given, or nothing",
    in_place=True,
    why="Once merged, LoRA costs nothing: the network is as fast and as large as before, and its "
    "file loads wherever the plain network's does.",
    hints=(
        "A parametrized layer computes its weight each time you read it. What would you have to "
        "store in place of the computation?",
        "Look up torch.nn.utils.parametrize.remove_parametrizations, above all its last argument, "
        "and go through a list of net.modules(), since the network changes on the way.",
    ),
)
def merge(function):
    torch.manual_seed(0)
    pair = nn.Sequential(nn.Conv2d(6, 8, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, groups=4))
    net = nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), pair, nn.Flatten())
    net.append(nn.Linear(8 * 2 * 2, 5)).requires_grad_(False).eval()
    plain, x = deepcopy(net), torch.randn(4, 3, 6, 6)
    for layer, rank in ((pair[0], 2), (pair[2], 1), (net[-1], 3)):
        parametrize.register_parametrization(layer, "weight", _Product(layer.weight, rank))
    right = net(x)
    result = function(net)
    if isinstance(result, nn.Module) and result is not net:
        return "It returns another network; change the one that it is given."
    return _not_merged(net, plain) or _merged_wrongly(net, plain, x, right)


class _Product(nn.Module):
    """Like the lesson's LowRank, trained already."""

    def __init__(self, weight, rank):
        super().__init__()
        rows, columns = weight.flatten(1).shape
        self.down = nn.Parameter(torch.randn(rank, columns))
        self.up = nn.Parameter(torch.randn(rows, rank))

    def forward(self, weight):
        return weight + (self.up @ self.down).view_as(weight)


def _not_merged(net, plain):
    for name, layer in net.named_modules():
        if parametrize.is_parametrized(layer):
            kind = type(layer).__name__.removeprefix("Parametrized")
            return f"The {kind} at net.{name} is still parametrized."
    names, wanted = set(net.state_dict()), set(plain.state_dict())
    if missing := sorted(wanted - names):
        return f"{missing[0]} is not in net.state_dict(): a weight has to be an nn.Parameter."
    if more := sorted(names - wanted):
        return f"net.state_dict() has {more[0]}, which a plain network does not know."
    return None


def _merged_wrongly(net, plain, x, right):
    with torch.no_grad():
        found = net.eval()(x)
        if torch.allclose(found, right, rtol=1e-3, atol=1e-3):
            return None
        if torch.allclose(found, plain(x), rtol=1e-3, atol=1e-3):
            return "The weights are those from before LoRA: what it has learned is thrown away."
    return "The outputs have changed. A weight is to be the old one plus the product, once."


@exercise(
    "12.4",
    takes="one other alphas score",
    wanted="one of the alphas",
    why="The networks on the line cost no training, so you may try as many as you like, as long as "
    "validation pictures choose, and the test set is asked once.",
    hints=(
        "A copy of `one` for each alpha, moved that far towards `other`, and its score kept in a "
        "dictionary. Which tensors of the copy have to move?",
        "state_dict() has the parameters and the buffers of a network. Mix those for which "
        "is_floating_point() is True, then load_state_dict. With the alphas sorted, max(scores, "
        "key=scores.get) returns the smallest of equal ones.",
    ),
)
def choose_alpha(function):
    for of_alpha in (
        {0.25: 0.86, 0.5: 0.84, 0: 0.8, 1: 0.7, 0.75: 0.9},
        {0.9: 0.88, 0.3: 0.88, 0.6: 0.81},
        {0.2: 0.85, 0: 0.91, 0.4: 0.79},
    ):
        ends = _two_ends()
        before = [deepcopy(net.state_dict()) for net in ends]
        asked = []
        chosen = kinds.number(function(*ends, tuple(of_alpha), _score(*ends, of_alpha, asked)))
        for name, net, values in zip(("one", "other"), ends, before, strict=True):
            if any(not value.equal(values[k]) for k, value in net.state_dict().items()):
                return f"It changes `{name}`, which it was given: walk on a copy."
        if diagnosis := _badly_chosen(chosen, of_alpha, asked):
            return diagnosis
    return None


def _two_ends() -> list[nn.Module]:
    torch.manual_seed(0)
    one = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(64, 2))
    other = deepcopy(one)
    for value in other.state_dict().values():
        value.add_(torch.rand(value.shape) + 0.5 if value.is_floating_point() else 7)
    return [one, other]


def _fractions(tensors: Iterable[torch.Tensor]) -> torch.Tensor:
    return torch.cat([t.detach().flatten() for t in tensors if t.is_floating_point()])


def _score(one, other, of_alpha: dict[float, float], asked: list[float]) -> Callable:
    """Returns the validation accuracy of a network, told by where on the line it stands."""
    ends = [[_fractions(n.parameters()), _fractions(n.buffers())] for n in (one, other)]

    def score(net):
        if not isinstance(net, nn.Module):
            raise NotYet("score takes a network, and here it gets something else.")
        places = []
        parts = _fractions(net.parameters()), _fractions(net.buffers())
        for a, b, here in zip(*ends, parts, strict=True):
            place = ((here - a) @ (b - a) / (b - a).square().sum()).item()
            if not torch.allclose(here, a.lerp(b, place), atol=1e-3):
                raise NotYet("A network off the line was scored: all go the same fraction of it.")
            places.append(place)
        near = min(of_alpha, key=lambda alpha: abs(alpha - places[0]))
        if abs(near - places[0]) > 1e-3:
            raise NotYet(
                f"A network {places[0]:.2f} of the way was scored, which is none of the alphas: "
                "does every walk begin at `one`, and lead towards `other`?"
            )
        if abs(places[1] - places[0]) > 1e-3:
            raise NotYet(
                f"The parameters have gone {places[0]:.2f} of the way, and BatchNorm's means and "
                f"variances {places[1]:.2f}: buffers have to go along."
            )
        asked.append(near)
        return of_alpha[near]

    return score


def _badly_chosen(chosen, of_alpha, asked):
    best = max(of_alpha.values())
    right = min(alpha for alpha, value in of_alpha.items() if value == best)
    if left := set(of_alpha) - set(asked):
        return f"No network {min(left):g} of the way has been scored."
    near = [alpha for alpha in of_alpha if abs(alpha - chosen) < 1e-6]
    if near == [right]:
        return None
    if not near and any(abs(value - chosen) < 1e-6 for value in of_alpha.values()):
        return "That is the score; return the alpha that leads to it."
    if not near:
        return f"{chosen:g} is not among the alphas; it may be a position in their list."
    if abs(chosen - (1 - right)) < 1e-6:
        return "You walk the other way: an alpha of 0 is `one`, and an alpha of 1 is `other`."
    if of_alpha[near[0]] == best:
        return f"{right:g} and {chosen:g} score the same: choose the smaller one."
    return f"At {chosen:g} the score is {of_alpha[near[0]]:g}, and another alpha has {best:g}."
