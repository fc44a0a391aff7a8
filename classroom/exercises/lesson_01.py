"""Exercises of lesson 01: the steps, normalisation, parameter groups, learning rates."""

from itertools import pairwise

import torch
from torch import nn

from classroom.exercises import choice, compare, number, order, require_accuracies
from classroom.judge import exercise

order(
    "01.1",
    "bdaec",
    {
        "bd": "A new output layer needs a network to go into: which letter comes first?",
        "da": "Without an output layer for your classes, training teaches it the old ones.",
        "ae": "Validation pictures compare networks that are trained already: train some first.",
        "ec": "Whatever is decided after a look at the test set is decided with its help.",
    },
    why="The test set comes last: a number that helped to decide is no longer a test.",
    hints=(
        "Ask of each step what it needs from another one.",
        "Which step would be spoiled if another one came after it? That one comes last.",
    ),
)


@exercise(
    "01.2",
    takes="picture mean std",
    wanted="a float tensor of the picture's shape (3, H, W)",
    why="These six numbers are a layer of the network that lives outside it: whoever feeds the "
    "network has to apply them.",
    hints=(
        "Three steps: from whole numbers to fractions of 1, then one subtraction and one division.",
        "A tensor of shape (3, 1, 1) holds one number for each channel; `torch.tensor` and "
        "`.view` make one from three numbers.",
    ),
)
def normalise(function):
    torch.manual_seed(1)
    picture = torch.randint(0, 256, (3, 5, 3), dtype=torch.uint8)
    mean, std = (0.5, 0.4, 0.1), (0.2, 0.3, 0.4)
    original = picture.clone()
    result = function(picture, mean, std)
    if result.shape != picture.shape:
        return f"A picture of shape (3, 5, 3) becomes a tensor of shape {tuple(result.shape)}."
    if not picture.equal(original):
        return "It changes the picture it was given; make a new tensor instead."
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
        "It ignores the numbers it is given and uses the picture's own.": (
            (x - x.mean((1, 2), keepdim=True)) / x.std((1, 2), keepdim=True)
        ),
    }
    return compare(result, (x - m) / s, slips)


@exercise(
    "01.3",
    takes="net decay",
    wanted="a list of dictionaries with params and weight_decay, as an optimiser takes them",
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
            return "A parameter is in a list twice: did you visit both a layer and its parent?"
        if sum(map(len, lists)) > len(set().union(*lists)):
            return "A parameter is in two groups: an optimiser refuses that."
        decays = {id(p): group.get("weight_decay") for group in groups for p in group["params"]}
        if diagnosis := _wrong_decay(net, decays, decay):
            return diagnosis
        torch.optim.AdamW(groups)
    return None


def _wrong_decay(net, decays, decay):
    for name, p in net.named_parameters():
        layer, _, role = name.rpartition(".")
        kind = f"{role} of a {type(net[int(layer)]).__name__}" if layer else "scalar parameter"
        if id(p) not in decays:
            return f"The {kind} is in no group, so it would never be trained."
        if decays[id(p)] is None:
            return "A group has no weight_decay: the optimiser would use its default."
        if p.ndim > 1 and decays[id(p)] != decay:
            return f"The {kind} got {decays[id(p)]:g}, but `decay` was {decay}."
        if p.ndim <= 1 and decays[id(p)] != 0:
            return f"The {kind} decays too; only tensors of two or more dimensions should."
    return None


number(
    "01.4",
    5.1705,
    0.01,
    {
        2.2455: "That is a logarithm to base 10; the loss uses the natural one.",
        7.4594: "That is a logarithm to base 2; the loss uses the natural one.",
        -5.1705: "A loss is not negative here: it is minus the logarithm of a probability.",
        0.0: "A loss of 0 means confident and right; this network is neither.",
        0.0057: "That is the probability of each class; the loss is minus its logarithm.",
        0.6931: "That is the loss of an even guess between two classes.",
    },
    why="If the first loss of a fresh network is far above this, it is sure without reason, or "
    "the losses of a batch are summed and not averaged.",
    hints=(
        "An even guess gives each class the same probability. What is it?",
        "The loss of a picture is minus the natural logarithm of the probability of its own class.",
    ),
)


@exercise(
    "01.5",
    wanted="a dictionary {learning rate: validation accuracy}",
    why="Above some rate, training destroys what the network knew: know where this edge is, and "
    "stay a good factor below it.",
    hints=(
        "A loop over rates that grow: rate *= 3, or a list such as [1e-4, 1e-3, ...].",
        "Go on until the validation accuracy is at least 0.2 below the best one that you saw.",
    ),
)
def rates(answer):
    runs = sorted(answer.items())
    if len(runs) < 4:
        return f"Try at least four rates; you have {len(runs)}."
    require_accuracies(accuracy for _, accuracy in runs)
    if runs[0][0] <= 0:
        return "A learning rate must be above zero."
    if any(b < 2.9 * a for (a, _), (b, _) in pairwise(runs)):
        return "Each rate should be at least three times the one before: the edge is far away."
    best = max(accuracy for _, accuracy in runs)
    works = [rate for rate, accuracy in runs if accuracy > best - 0.2 + 1e-6]
    if best < 0.6:
        too_small = runs[-1][0] < 1e-4
        advice = "larger ones, as rates this small change little" if too_small else "smaller ones"
        return f"None of these rates does better than a guess: try {advice}."
    if not any(rate > min(works) and rate not in works for rate, _ in runs):
        return "None of your rates breaks training: go on to larger ones."
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
        "d": "With more pictures there are more steps, but both parts still begin where they did.",
    },
    why="The factor is for a layer that starts from nothing beside layers that are nearly right; "
    "lesson 04 trains the new layer first and then all layers at one rate.",
    hints=(
        "Think of what the body and the head know before the first step.",
        "In which of these has the output layer learned something already?",
    ),
)
