"""Exercises of lesson 01: the steps, normalisation, parameter groups, learning rates."""

import torch
from torch import nn

from helpers.judge import choice, exercise, looks_like, number, order

order(
    "01.1",
    "bdaec",
    {
        "bd": "A new output layer needs a network to be put into: which letter comes first?",
        "da": "Trained before it has an output layer for your classes, it learns the old ones.",
        "ae": "Validation pictures compare networks that are trained already.",
        "ec": "Whatever is decided after a look at the test set is decided with its help.",
    },
    why="The test set comes last: a number that helped to decide is no longer a test.",
    hints=(
        "Ask of each step what it needs from another one.",
        "Two steps come before any training, and two after it; only one of these decides.",
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
        "A tensor of shape (3, 1, 1) meets each channel of the picture with a number of its own.",
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
        "The picture is not divided by 255, or only in part.": picture / s - m,
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
    "computes and hardly keeps it from overfitting; so most recipes spare them.",
    hints=(
        "Go through net.parameters() once, and put each into one of two lists.",
        "parameter.ndim is 4 for a convolution, 2 for a linear layer, 1 for biases and BatchNorm.",
    ),
)
def decay_groups(function):
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))
    groups = [dict(group, params=list(group["params"])) for group in function(net, 0.05)]
    given = [id(p) for group in groups for p in group["params"]]
    if len(given) > len(set(given)):
        return "A parameter stands in two groups: an optimiser refuses that."
    decay = {id(p): group.get("weight_decay") for group in groups for p in group["params"]}
    for name, p in net.named_parameters():
        layer = type(net[int(name[0])]).__name__
        kind = f"{name[2:]} of a {layer}"
        if id(p) not in decay:
            return f"The {kind} is in no group, so it would never be trained."
        if decay[id(p)] is None:
            return "A group has no weight_decay: the optimiser would take its own."
        if p.ndim > 1 and decay[id(p)] != 0.05:
            return f"The {kind} has weight decay {decay[id(p)]:g}: it should have `decay`."
        if p.ndim == 1 and decay[id(p)] != 0:
            return f"The {kind} decays too; only tensors of two dimensions or more should."
    torch.optim.AdamW(groups)
    return None


number(
    "01.4",
    5.1705,
    0.01,
    {
        2.2455: "That is a logarithm to base 10; the loss uses the natural one.",
        7.4594: "That is a logarithm to base 2; the loss uses the natural one.",
        -5.1705: "A loss is not negative here: it is minus the logarithm of a probability.",
        0.0057: "That is the probability of each class; the loss is minus its logarithm.",
        0.6931: "That is the loss of an even guess between two classes.",
    },
    why="If the first loss of a fresh network is far above this, it is sure without reason, or "
    "the labels are not what you think.",
    hints=(
        "An even guess gives each class the same probability. Which one?",
        "The loss of a picture is minus the natural logarithm of what its own class was given.",
    ),
)


@exercise(
    "01.5",
    gives="a dictionary {learning rate: validation accuracy}",
    why="Between rates that hardly move the network and rates that ruin it lies a range, here a "
    "narrow one: know where its upper edge is, and stay a good factor below it.",
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
    if best < 0.6:
        return "None of these rates does better than a guess: begin with smaller ones."
    if found[-1][1] > best - 0.2:
        return "At your largest rate it still works: go on until it breaks."
    return None


choice(
    "01.6",
    "b",
    {
        "a": "It depends on the batch size only if the losses of a batch are summed.",
        "c": "Weights near a good place are carried away by steps that fresh ones need.",
    },
    why="Pretrained weights are nearly right and need small steps; the new layer starts from "
    "nothing.",
    hints=(
        "Think of where body and head stand before the first step.",
        "Which of the two has something to lose?",
    ),
)
