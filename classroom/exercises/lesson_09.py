"""Exercises of lesson 09: groups, prices, a map tested, a card, a folder with a fault."""

from copy import deepcopy

import torch
from torch import nn

from classroom import kinds
from classroom.exercises import choice, compare
from classroom.judge import NotYet, exercise


@exercise(
    "09.1",
    takes="groups valid",
    wanted="a list of numbers from valid",
    why="One shared group is enough to make a score too good, and only the groups can tell.",
    hints=(
        "Which groups are in training? First collect them, then look at the validation pictures.",
        "A picture is in training if its number is not in valid.",
    ),
)
def leaks(function):
    for groups, valid in (
        ([0, 0, 1, 2, 2, 2, 3, 4, 4], [8, 1, 2, 4]),
        ([5, 6, 5, 7, 7], [3, 4]),
        ([1, 2, 1, 2], [3, 0]),
    ):
        training = {g for i, g in enumerate(groups) if i not in valid}
        right = sorted(i for i in valid if groups[i] in training)
        result = [int(i) for i in function(list(groups), list(valid))]
        if result == right:
            continue
        if sorted(result) == right:
            return "These are the leaks, but not in rising order."
        if result == sorted(set(valid) - set(right)):
            return "These are the validation pictures that are no leaks."
        if set(result) == {groups[i] for i in right}:
            return "These are group numbers; return numbers of pictures."
        inside = sorted(i for i in valid if [groups[j] for j in valid].count(groups[i]) > 1)
        if inside and result == inside:
            return "Two shots of one group within validation are no leak; compare with training."
        if set(result) - set(valid):
            return "Some of these pictures are in training; return those of valid."
        return f"Of the groups {groups}, with {valid} to validate, the leaks are not {result}."
    return None


@exercise(
    "09.2",
    takes="sure right wrong_cost ask_cost candidates",
    wanted="one of the candidates, a number",
    why="The threshold belongs to the prices, not to the network: when they change, so does it.",
    hints=(
        "For each candidate, what do the pictures below it cost, and the wrong ones above it?",
        "`min(candidates, key=cost)` gives the first of the cheapest, once `cost(t)` is written.",
    ),
)
def best_threshold(function):
    torch.manual_seed(4)
    candidates = [0.0, 0.35, 0.5, 0.65, 0.8, 0.95, 1.0]
    for wrong_cost, ask_cost in ((2.5, 1.0), (5.0, 1.0), (40.0, 1.0), (3.0, 2.0)):
        sure = torch.rand(400) * 0.7 + 0.3
        right = torch.rand(400) < sure

        def cost(t, w=wrong_cost, a=ask_cost, sure=sure, right=right):
            asked = sure < t
            return (a * asked + w * (~asked & ~right)).sum().item()

        best = min(candidates, key=cost)
        result = float(function(sure.clone(), right.clone(), wrong_cost, ask_cost, candidates[:]))
        if result == best:
            continue
        if result == max(candidates, key=cost):
            return "That is the candidate with the highest cost."
        if result == max(candidates, key=lambda t: (right == (sure >= t)).sum().item()):
            return "That counts mistakes and questions alike; each has its own price."
        if result == min(candidates, key=lambda t, c=cost: c(t, ask_cost, wrong_cost)):
            return "The two prices are mixed up."
        if result not in candidates:
            return "It returns a number that is not among the candidates."
        return f"With {result:g} the cost is {cost(result):g}; another candidate has a lower one."
    return None


@exercise(
    "09.3",
    takes="net batch label heat k",
    wanted="two numbers: the fall for the hottest places, and the mean fall for random ones",
    why="A wrong map looks as convincing as a true one. Hiding tells them apart, but only beside "
    "random places: a hole anywhere can change the answer.",
    hints=(
        "First write a function that hides some places of the map and returns the probability. "
        "The network, the number that hides and the mode are the same for all of them.",
        "A mask (h, w) of ones, with zeros at `heat.flatten().topk(k).indices` or at some of "
        "`torch.randperm`, made as large as the picture by `F.interpolate` (its default repeats "
        "values). What does a picture times this mask hold where the mask is zero?",
    ),
)
def falls(function):
    for label, places, k in ((1, (3, 5), 4), (0, (6, 10), 9), (2, (3, 5), 3)):
        net, batch, heat = _network(), torch.randn(1, 3, 24, 40) + 0.4, torch.rand(places)
        given, seen = (batch.clone(), heat.clone()), []
        asked = deepcopy(net)
        asked.register_forward_pre_hook(lambda n, x, seen=seen: seen.append(_noted(n, *x)))
        told = function(asked, given[0], label, given[1], k)
        if not (given[0].equal(batch) and given[1].equal(heat)):
            return "It changes the picture, or the map, that it was given: hide in a copy."
        if any(training for training, _ in seen):
            return "The network is asked in training mode, where its answers depend on chance."
        hidden = [_places(x, batch[0], heat) for _, pictures in seen for x in pictures]
        if diagnosis := _hidden_wrongly(hidden, heat, k) or _told_wrongly(
            told, net.eval(), batch, label, heat, k, hidden
        ):
            return diagnosis
    return None


def _network() -> nn.Sequential:
    body = nn.Sequential(nn.Conv2d(3, 6, 4, 4), nn.BatchNorm2d(6), nn.ReLU(), nn.Flatten())
    body[1].running_mean.normal_(), body[1].running_var.uniform_(0.5, 2)
    net = body.extend([nn.Dropout(0.3), nn.Linear(6 * 6 * 10, 3)])
    net[-1].weight.data *= 4
    return net


def _noted(net: nn.Sequential, x: torch.Tensor) -> tuple[bool, torch.Tensor]:
    if x.shape[1:] != (3, 24, 40):
        raise NotYet(f"The network gets {tuple(x.shape)}; a picture here is (1, 3, 24, 40).")
    return net[1].training or net[4].training, x.detach().clone()


def _places(x: torch.Tensor, picture: torch.Tensor, heat: torch.Tensor) -> frozenset[int]:
    """Returns the numbers of the places of the map that are hidden in x."""
    changed, (h, w) = ((x - picture).abs() > 1e-4).any(0), heat.shape
    high, wide = picture.shape[1] // h, picture.shape[2] // w
    pixels = changed.view(h, high, w, wide).transpose(1, 2).flatten(2).float().mean(2)
    _neutral(x[:, changed], picture)
    if ((pixels > 0) & (pixels < 1)).any():
        raise NotYet(
            f"What it hides, {int(changed.sum())} pixels, is not whole places: a place of a map "
            f"({h}, {w}) is {high} x {wide} pixels here, and the first begins at pixel 0."
        )
    return frozenset(torch.where(pixels.flatten() == 1)[0].tolist())


def _neutral(filled: torch.Tensor, picture: torch.Tensor) -> None:
    """Raises NotYet if pixels (3, n) are hidden by another colour than the mean of training."""
    if not filled.numel() or filled.abs().max() < 1e-3:
        return
    own = picture.mean((1, 2))[:, None], picture.mean()
    if any(torch.allclose(filled, mean.expand_as(filled), atol=1e-4) for mean in own):
        raise NotYet(
            "It hides with the mean of this picture, which differs from picture to picture; the "
            "mean colour of training is asked for."
        )
    if filled.max() - filled.min() > 1e-3:
        raise NotYet("It hides with values that differ: noise and colours are a picture, too.")
    raise NotYet(
        f"It hides with {filled[0, 0].item():.3g}, which is not the mean colour: the picture is "
        "normalised, so its numbers no longer go from 0 (black) to 1 or 255 (white)."
    )


def _hidden_wrongly(hidden: list[frozenset[int]], heat: torch.Tensor, k: int) -> str | None:
    """Returns what is wrong with the sets of places that the network was asked about."""
    h, w = heat.shape
    masked = [places for places in hidden if places]
    ranked = heat.flatten().argsort(descending=True).tolist()
    top = frozenset(ranked[:k])
    if not masked:
        return "The network has never seen a picture with something hidden."
    if top not in masked:
        wrong_rows = frozenset(i // h * w + i % h for i in top if i // h < h and i % h < w)
        turned = frozenset(i % w * w + i // w for i in top if i % w < h)
        if wrong_rows in masked or turned in masked:
            return "Rows and columns are mixed up: place i of the flattened map is in row i // w."
        if frozenset(ranked[-k:]) in masked:
            return f"It hides the {k} coldest places, not the hottest."
        if all(len(places) == 1 for places in masked):
            return f"It hides one place at a time: hide all {k} at once."
        if all(top < places for places in masked[:1]):
            return f"It hides {len(masked[0])} places, not {k}: does a hole stay from before?"
        return f"The {k} hottest places, and no others, are never hidden together."
    masked.remove(top)
    if not masked:
        return "No random places are hidden: without them nobody knows whether a fall is large."
    if odd := [len(places) for places in masked if len(places) != k]:
        return (
            f"A draw hides {odd[0]} places, not {k}: can one be drawn twice, or does a hole stay "
            "from the draw before?"
        )
    if len(masked) < 20:
        return f"Random draws: {len(masked)}. Take twenty or more, since each is a matter of luck."
    if len(ever := frozenset.union(*masked)) <= max(k, len(ranked) // 2):
        return f"Only {len(ever)} of {len(ranked)} places are ever hidden: draw anew, from all."
    if frozenset() not in hidden:
        return "It never asks about the picture with nothing hidden: from where does it fall?"
    return None


def _told_wrongly(told, net, batch, label, heat, k, hidden) -> str | None:
    """Returns what is wrong with the two numbers, given the right places."""
    try:
        told = kinds.numbers(told)
    except TypeError:
        return "Return two numbers: the fall for random places says whether the other is large."
    if len(told) != 2:
        return f"{len(told)} numbers come back; two are asked for."
    ranked = heat.flatten().argsort(descending=True).tolist()
    top = frozenset(ranked[:k])
    masked = [places for places in hidden if places]
    others = [places for places in masked if places != top]
    masked.remove(top)  # a draw may hide the same places
    one = [_logits(net, batch, heat, places) for places in (frozenset(), top)]
    for draws in (masked, others):
        logits = torch.stack([*one, *(_logits(net, batch, heat, places) for places in draws)])
        if (diagnosis := _slip(torch.tensor(told), logits, label)) is None:
            return None
    return diagnosis


def _logits(net, batch, heat, places) -> torch.Tensor:
    kept = torch.ones(heat.numel())
    kept[list(places)] = 0
    mask = nn.functional.interpolate(kept.view(1, 1, *heat.shape), batch.shape[-2:])
    with torch.no_grad():
        return net(batch * mask)[0]


def _slip(told: torch.Tensor, logits: torch.Tensor, label: int) -> str | None:
    """Returns None, or what was done with logits: nothing hidden, the hottest, random ones."""

    def pair(values):
        return torch.stack([values[0] - values[1], values[0] - values[2:].mean()])

    p, first = logits.softmax(1), int(logits[0].argmax())
    of_label = p[:, label]
    right = pair(of_label)
    slips = {
        "The two are the wrong way round: the hottest places come first.": right.flip(0),
        "The sign is wrong: a fall is what the probability was, minus what is left.": -right,
        "That is what is left of the probability; by how much has it fallen?": torch.stack(
            [of_label[1], of_label[2:].mean()]
        ),
        "These are differences of logits; take the softmax first.": pair(logits[:, label]),
        "These are differences of logarithms; take the probabilities.": pair(of_label.log()),
        "These are differences of losses; take the probabilities.": -pair(of_label.log()),
        "These are probabilities of a sigmoid; the classes exclude each other.": pair(
            logits[:, label].sigmoid()
        ),
        "That is another class: the map speaks for `label`, whatever is named first.": pair(
            p[:, first]
        ),
        "Each picture is asked for its own most likely class; ask all for `label`.": pair(
            p.max(1).values
        ),
        "These are shares of the probability before; take differences.": right / of_label[0],
        "The falls for random places are added up; take their mean.": torch.stack(
            [right[0], right[1] * (len(logits) - 2)]
        ),
        "The second is one draw alone, or the largest; take the mean.": torch.stack(
            [right[0], of_label[0] - of_label[2:].min()]
        ),
    }
    return compare(
        told,
        right,
        slips,
        otherwise=(
            "The first number is right; the second is not the mean fall over the random draws."
            if abs(told[0] - right[0]) < 1e-4
            else "The places are right; the numbers are not the falls of the probability."
        ),
    )


choice(
    "09.4",
    "b",
    {
        "a": "Few pictures make a score uncertain, which n tells; something else is wrong.",
        "c": "A fraction is as good as a percentage, as long as one can tell which it is.",
        "d": "Cross-validation is evidence, if its folds are made of what the card speaks of.",
    },
    why="A figure belongs to a question: new pictures of known rolls, or new rolls. A card must "
    "say which, and random folds answer only the first.",
    hints=(
        "129 pictures, 42 rolls: what is on both sides of a random fold?",
        "Compare with *Groups stay on one side*: which of its scores is near 0.92?",
    ),
)


@exercise(
    "09.5",
    takes="contents",
    wanted="a sorted list of paths",
    why="Such a file teaches the network that one picture is two things, and lies on both sides "
    "of a split.",
    hints=(
        "Collect for each content the paths that have it.",
        "The class is what stands before the slash: how many different ones has a content?",
    ),
)
def in_two_classes(function):
    contents = {"b/1": b"x", "a/9": b"x", "a/2": b"y", "a/3": b"y", "c/4": b"z", "b/5": b"w"}
    contents |= {"c/6": b"w", "a/7": b"w"}
    right = ["a/7", "a/9", "b/1", "b/5", "c/6"]
    result = list(function(dict(contents)))
    if result == right:
        return None
    if sorted(result) == right:
        return "These are the files, but not sorted."
    if {"a/2", "a/3"} <= set(result):
        return "A file that lies twice in one class is no such fault."
    if result and set(result) < set(right):
        return "Some are missing: every path of such a file is to be named, the first one too."
    return "Not these: compare the contents, and the part of the path before the slash."
