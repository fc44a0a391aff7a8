"""Exercises of lesson 01: the steps, normalisation, parameter groups, learning rates."""

import torch
from torch import nn

from classroom.exercises import choice, looks_like, number, order
from classroom.judge import exercise

order(
    "01.1",
    "bdaec",
    {
        "bd": "A new output layer needs a network to be put into: which letter comes first?",
        "da": "Trained before it has an output layer for your classes, it learns the old ones.",
        "ae": "Validation pictures compare networks that are trained already: train some first.",
        "ec": "Whatever is decided after a look at the test set is decided with its help.",
    },
    why="The test set comes last: a number that helped to decide is no longer a test.",
    hints=(
        "Ask of each step what it needs from another one.",
        "Which step would be spoiled if another one came after it? That one is the last.",
    ),
)


@exercise(
    "01.2",
    takes="picture mean std",
    gives="a float tensor of the picture's shape (3, H, W)",
    why="These six numbers are a layer of the network that lives outside of it: whoever feeds "
    "the network has to apply them.",
    hints=(
        "Three steps: from whole numbers to fractions of 1, then one subtraction, one division.",
        "A tensor of shape (3, 1, 1) meets each channel with a number of its own; `torch.tensor` "
        "and `.view` make one from three numbers.",
    ),
)
def normalise(function):
    torch.manual_seed(1)
    picture = torch.randint(0, 256, (3, 5, 3), dtype=torch.uint8)
    mean, std = (0.5, 0.4, 0.1), (0.2, 0.3, 0.4)
    kept = picture.clone()
    found = function(picture, mean, std)
    if found is None:
        return "It returns nothing: end it with `return`."
    if found.shape != picture.shape:
        return f"From a picture of shape (3, 5, 3) it makes {tuple(found.shape)}."
    if not picture.equal(kept):
        return "It changes the picture that it was given; make a new tensor instead."
    m, s = (torch.tensor(v).view(3, 1, 1) for v in (mean, std))
    x = picture / 255
    slips = {
        "Values run from 0 to 255 here; mean and std are meant for 0 to 1.": (picture - m) / s,
        "Brackets: the whole difference is divided by std, not the mean alone.": x - m / s,
        "The division by std is missing.": x - m,
        "The subtraction of the mean is missing.": x / s,
        "The largest value is 255, not 256.": (picture / 256 - m) / s,
        "Divide by 255 before the subtraction: mean is meant for values up to 1.": (
            (picture - m) / s / 255
        ),
        "First subtract the mean, then divide.": x / s - m,
        "Divide by std, not by its square.": (x - m) / s**2,
        "Divide by std; do not multiply.": (x - m) * s,
        "Subtract the mean; do not add it.": (x + m) / s,
        "The three numbers are spread over the columns; each belongs to a channel.": (
            (x - m.view(3)) / s.view(3)
        ),
        "It ignores the numbers that it is given and uses the picture's own.": (
            (x - x.mean((1, 2), keepdim=True)) / x.std((1, 2), keepdim=True)
        ),
    }
    return looks_like(found, (x - m) / s, slips)


@exercise(
    "01.3",
    takes="net decay",
    gives="a list of dictionaries with params and weight_decay, as an optimiser takes them",
    why="A BatchNorm scale or a bias that is pulled towards zero changes what the network "
    "computes and hardly keeps it from overfitting; so many recipes spare them.",
    hints=(
        "Go through net.parameters() once, and put each into one of two lists.",
        "`parameter.ndim` counts the dimensions, whatever kind of layer it belongs to.",
    ),
)
def decay_groups(function):
    net = nn.Sequential(nn.Conv1d(3, 4, 3), nn.BatchNorm1d(4), nn.LayerNorm(2), nn.Linear(2, 2))
    net.register_parameter("scale", nn.Parameter(torch.tensor(1.0)))
    for decay in (0.03, 0.5):
        groups = [dict(group, params=list(group["params"])) for group in function(net, decay)]
        lists = [[id(p) for p in group["params"]] for group in groups]
        if any(isinstance(p, tuple) for group in groups for p in group["params"]):
            return "The params are pairs of name and parameter: give the parameters alone."
        if any(len(ids) > len(set(ids)) for ids in lists):
            return "A parameter stands twice in a list: did you go through a part and its whole?"
        if sum(map(len, lists)) > len(set().union(*lists)):
            return "A parameter stands in two groups: an optimiser refuses that."
        found = {
            i: g.get("weight_decay") for g, ids in zip(groups, lists, strict=True) for i in ids
        }
        if diagnosis := _wrong_decay(net, found, decay):
            return diagnosis
        torch.optim.AdamW(groups)
    return None


def _wrong_decay(net, found, decay):
    for name, p in net.named_parameters():
        layer, _, what = name.rpartition(".")
        kind = (
            f"{what} of a {type(net[int(layer)]).__name__}" if layer else "parameter without axes"
        )
        if id(p) not in found:
            return f"The {kind} is in no group, so it would never be trained."
        if found[id(p)] is None:
            return "A group has no weight_decay: the optimiser would take its own."
        if p.ndim > 1 and found[id(p)] != decay:
            return f"The {kind} got {found[id(p)]:g}, and `decay` was {decay}."
        if p.ndim <= 1 and found[id(p)] != 0:
            return f"The {kind} decays too; only tensors of two dimensions or more should."
    return None


number(
    "01.4",
    5.1705,
    0.01,
    {
        2.2455: "That is a logarithm to base 10; the loss uses the natural one.",
        7.4594: "That is a logarithm to base 2; the loss uses the natural one.",
        -5.1705: "A loss is not negative here: it is minus the logarithm of a probability.",
        0.0: "A loss of 0 means sure and right; this network is neither.",
        0.0057: "That is the probability of each class; the loss is minus its logarithm.",
        0.6931: "That is the loss of an even guess between two classes.",
    },
    why="If the first loss of a fresh network is far above this, it is sure without reason, or "
    "the losses of a batch are summed and not averaged.",
    hints=(
        "An even guess gives each class the same probability. Which one?",
        "The loss of a picture is minus the natural logarithm of what its own class was given.",
    ),
)


@exercise(
    "01.5",
    gives="a dictionary {learning rate: validation accuracy}",
    why="Above some rate training destroys what the network knew: know where this edge is, and "
    "stay a good factor below it.",
    hints=(
        "A loop over rates that grow: rate *= 3, or a list such as [1e-4, 1e-3, ...].",
        "Go on until the validation accuracy is at least 0.2 below the best one that you saw.",
    ),
)
def rates(answer):
    found = sorted(answer.items())
    if len(found) < 4:
        return f"Try four rates or more; there are {len(found)}."
    if not all(0 <= a <= 1 for _, a in found):
        return "An accuracy is a fraction from 0 to 1, not a percentage and not a loss."
    if found[0][0] <= 0:
        return "A learning rate is above zero."
    if any(b < 2.9 * a for (a, _), (b, _) in zip(found, found[1:], strict=False)):
        return "Each rate should be at least three times the one before: the edge is far away."
    best = max(a for _, a in found)
    works = [rate for rate, a in found if a > best - 0.2 + 1e-6]
    if best < 0.6:
        way = "larger ones: so small a rate hardly moves" if found[-1][0] < 1e-4 else "smaller ones"
        return f"None of these rates does better than a guess: try {way}."
    if not any(rate > min(works) and rate not in works for rate, _ in found):
        return "None of your rates breaks it: go on to larger ones."
    if works[0] > 0.1:
        return "No network of this lesson works at such a rate: did `accuracy_at` say so?"
    return None


choice(
    "01.6",
    "a",
    {
        "b": "Smaller pictures change the features a little; the new layer starts from nothing.",
        "c": "AdamW scales the step of each weight by itself, however many there are; and all of "
        "the new rows start from nothing.",
        "d": "With more pictures there are more steps, but at first the two parts stand where they "
        "stood.",
    },
    why="The factor is for a layer that starts from nothing beside layers that are nearly right; "
    "lesson 04 trains the new layer first and then all layers at one rate.",
    hints=(
        "Think of where body and head stand before the first step.",
        "In which of these has the output layer learned something already?",
    ),
)
