"""Exercises of lesson 07: a control, a lag, six numbers, other shares, a fold, positions."""

import copy

import torch
from torch import nn

from classroom import kinds
from classroom.exercises import choice, compare, number
from classroom.judge import NotYet, exercise

choice(
    "07.1",
    "b",
    {
        "a": "More seeds make the difference exact; they cannot say where it comes from.",
        "c": "A larger test set makes the difference exact; it cannot say where it comes from.",
        "d": "It would show that the labels matter. Whether X-rays matter, it cannot say.",
    },
    why="A control gets everything but the cause that is claimed. If photographs gave the same "
    "0.86, the hospital would have paid for X-rays in vain.",
    hints=(
        "Which run could come out in a way that makes the sentence false?",
        "Three of the four compare the same two sources as before. Which one changes the source?",
    ),
)

number(
    "07.2",
    44,
    0.4,
    {
        43: "Almost: after 43 batches it is still a little above 0.02.",
        45: "Almost: one batch earlier it is below 0.02 already.",
        34: "There the standard deviation is twice the true one; the variance was asked for.",
        2: "A batch replaces a tenth of what is stored, not nine tenths.",
        7: "There the stored variance has halved; it has to fall to 0.02.",
        25: "That is how many steps some of the lesson's runs had. What is stored by then?",
    },
    why="After the 25 steps of Q40 the stored variance of such a feature would be eight times too "
    "large, so the network gets numbers in eval mode that it has never met in training.",
    hints=(
        "What is left of the 1 after k batches? It shrinks by the same factor each time.",
        "The stored variance is 0.01 + 0.99 * 0.9 ** k. A loop finds the first k.",
    ),
)


@exercise(
    "07.3",
    takes="pictures",
    wanted="two tensors: the three means and the three standard deviations",
    why="Pictures of different sizes weigh by their pixels, and a mean of deviations is no "
    "deviation: whoever takes it normalises with numbers that are too small.",
    hints=(
        "Put the pixels of all pictures side by side first, and average only once.",
        "A picture (3, H, W) flattened from dimension 1 on is a row of pixels for each channel.",
    ),
)
def six_numbers(function):
    g = torch.Generator().manual_seed(7)
    pictures = [
        (torch.rand(3, *size, generator=g) * 60 + shift).byte()
        for size, shift in (((4, 5), 150), ((16, 16), torch.tensor([10, 60, 190])[:, None, None]))
    ] + [torch.full((3, 8, 2), 30, dtype=torch.uint8)]
    result = function([picture.clone() for picture in pictures])
    result = kinds.tensor(list(result) if isinstance(result, tuple) else result).double()
    if result.shape != (2, 3):
        return f"Three means and three deviations are asked for; this has {tuple(result.shape)}."
    if result.max() > 1.5:
        return "The pixels go from 0 to 255; divide by 255 first."
    rows = [picture.double().flatten(1) / 255 for picture in pictures]
    every = torch.cat(rows, 1)
    mean, std = every.mean(1), every.std(1, correction=0)
    means = torch.stack([row.mean(1) for row in rows])
    inside = torch.stack([row.std(1, correction=0) for row in rows]).mean(0)
    slips = {
        "The standard deviations come first; the means are asked for first.": torch.stack(
            [std, mean]
        ),
        "That is the variance; the deviation is its square root.": torch.stack([mean, std**2]),
        "The average of the pictures' deviations misses how much the pictures differ from each "
        "other.": torch.stack([mean, inside]),
        "Each picture counts alike, and deviations are averaged: a large picture has more pixels, "
        "and pictures differ from each other.": torch.stack([means.mean(0), inside]),
        "The deviation of the pictures' means misses how much the pixels of a picture differ.": (
            torch.stack([means.mean(0), means.std(0)])
        ),
        "One number for all channels, three times; each channel has its own.": torch.stack(
            [every.mean().expand(3), every.std().expand(3)]
        ),
    }
    near = "The means are right; the deviations are not."
    otherwise = near if torch.allclose(result[0], mean, atol=2e-3) else "The means are not right."
    return compare(result, torch.stack([mean, std]), slips, atol=1.5e-3, otherwise=otherwise)


@exercise(
    "07.4",
    takes="logits here there",
    wanted="a tensor with the number of a class for each picture",
    why="The classifier has learned how common each class was in training. Where the shares are "
    "others, one line repairs it, without a single new picture.",
    hints=(
        "Softmax turns logits into probabilities. If a class is ten times as common outside as in "
        "training, its probability grows tenfold, before all are made to sum to 1 again.",
        "A factor on a probability is a summand on its logit: the logarithm of the factor.",
    ),
)
def other_shares(function):
    g = torch.Generator().manual_seed(4)
    for here, there in (
        ([0.9, 0.09, 0.01], [0.2, 0.3, 0.5]),
        ([0.25, 0.25, 0.5], [0.6, 0.3, 0.1]),
        ([0.7, 0.2, 0.1], [1 / 3] * 3),
    ):
        logits = 2 * torch.randn(400, 3, generator=g)
        here, there = torch.tensor(here), torch.tensor(there)
        told = function(logits.clone(), here.clone(), there.clone())
        if diagnosis := _wrong_shares(kinds.tensor(told), logits, here, there):
            return diagnosis
    return None


def _wrong_shares(told, logits, here, there):
    if told.shape == logits.shape:
        return "Those are numbers for each class; name the class with the largest one."
    if told.shape != (len(logits),):
        return f"{len(logits)} pictures get {tuple(told.shape)}; one class number for each, (N,)."
    old, new = here.log(), there.log()
    ways = {
        None: logits - old + new,
        "Those are the network's own answers: it still believes in the shares `here`.": logits,
        "It goes the wrong way: what is more common outside must gain.": logits + old - new,
        "The shares of training are taken out, and those outside not put in.": logits - old,
        "The shares outside are put in, and those of training not taken out.": logits + new,
        "The training shares are added; they are in the logits already.": logits + old + new,
        "Shares are factors of probabilities; logits are logarithms.": logits - here + there,
        "Shares are factors of probabilities, not of logits.": logits * there / here,
        "Softmax first or not at all: a logarithm of shares belongs to logits.": (
            logits.softmax(1) - old + new
        ),
    }
    for diagnosis, moved in ways.items():
        if (told == moved.argmax(1)).all():
            return diagnosis
    right = (told == ways[None].argmax(1)).float().mean()
    return f"{right:.0%} of the answers are those that the new shares lead to."


@exercise(
    "07.5",
    takes="conv mean std",
    wanted="an nn.Conv2d",
    why="The six numbers travel inside the network now, and whoever puts it on a phone cannot "
    "forget them.",
    hints=(
        "Write the normalised pixel as x / std - mean / std. What multiplies the weights, and what "
        "is the same wherever the filter stands?",
        "The weights are (outputs, 3, h, w): the channel is dimension 1. The new bias loses, for "
        "each output, the sum of its new weights times the mean.",
    ),
)
def fold(function):
    torch.manual_seed(5)
    x = torch.rand(2, 3, 9, 9)
    mean, std = torch.tensor([0.5, 0.4, 0.3]), torch.tensor([0.2, 0.3, 0.4])
    for conv in (nn.Conv2d(3, 4, 3, stride=2, bias=False), nn.Conv2d(3, 5, (3, 2))):
        before = copy.deepcopy(conv)
        new = function(conv, mean.clone(), std.clone())
        weights = zip(conv.parameters(), before.parameters(), strict=False)
        if new is conv or not all(a.equal(b) for a, b in weights):
            return "It changes the convolution that it was given: make a new one."
        if not isinstance(new, nn.Conv2d):
            raise NotYet(f"One nn.Conv2d is asked for; this is {type(new).__name__}.")
        if diagnosis := _wrong_fold(new, before, mean, std, x):
            return diagnosis
    return None


@torch.no_grad()
def _wrong_fold(new, conv, mean, std, x):
    m, s = mean.view(3, 1, 1), std.view(3, 1, 1)
    raw, bias = conv.weight, 0 if conv.bias is None else conv.bias[:, None, None]
    scaled = raw / s

    def answers(weight, shift, own=bias):
        return nn.functional.conv2d(x, weight, stride=conv.stride) + own + shift

    right = (scaled * m).sum((1, 2, 3))[:, None, None]
    slips = {
        "Nothing is folded in: it answers like the old one.": answers(raw, 0),
        "The deviations are in the weights; what becomes of the means?": answers(scaled, 0),
        "The shift has the wrong sign.": answers(scaled, right),
        "The shift needs the new weights, those divided by std.": answers(
            scaled, -(raw * m).sum((1, 2, 3))[:, None, None]
        ),
        "The weights are multiplied by std; a pixel is divided by it.": answers(
            raw * s, -(raw * s * m).sum((1, 2, 3))[:, None, None]
        ),
        "The means are folded in, the deviations are not.": answers(
            raw, -(raw * m).sum((1, 2, 3))[:, None, None]
        ),
    }
    if conv.bias is not None:
        slips["The convolution had a bias of its own, and it is lost."] = answers(scaled, -right, 0)
    result = new(x)
    if result.shape != answers(raw, 0).shape:
        return "Its outputs have another shape: keep kernel_size and stride."
    return compare(result, answers(scaled, -right), slips, atol=1e-3)


@exercise(
    "07.6",
    takes="positions side",
    wanted="a tensor (1, 1 + side * side, D)",
    why="That is all that ties a ViT to 224 pixels. Resized, it takes pictures of any size that "
    "its patches divide, and fine-tuning does the rest.",
    hints=(
        "Take the class position off first. What is left is a square picture with D channels.",
        "F.interpolate wants (1, D, rows, columns): reshape to the square, then move D forward. "
        "Afterwards all the way back.",
    ),
)
def positions(function):
    for g, side in ((4, 7), (7, 4), (3, 3)):
        given = _ramps(g)
        result = kinds.tensor(function(given.clone(), side)).float()
        if diagnosis := _wrong_positions(result, given, g, side):
            return diagnosis
    return None


def _ramps(g):
    """Positions (1, 1 + g * g, 4): the row, the column, a constant, a bow; first of the class."""
    row, column = torch.meshgrid(torch.arange(float(g)), torch.arange(float(g)), indexing="ij")
    square = torch.stack([row, column, torch.full_like(row, -3), (row - column).abs()], 2)
    first = torch.tensor([[50.0, -50, 9, 70]])
    return torch.cat([first, square.flatten(0, 1)])[None]


def _wrong_positions(result, given, g, side):
    if result.shape == (1, side * side, 4):
        return "The position of the class is missing; it stays, in front of the others."
    if result.shape != (1, 1 + side * side, 4):
        return (
            f"{tuple(given.shape)} to side {side}: the result has the shape {tuple(result.shape)}, "
            f"not (1, {1 + side * side}, 4)."
        )
    if result[0, -1].equal(given[0, 0]):
        return "The position of the class belongs to the front."
    if not result[0, 0].equal(given[0, 0]):
        return "The position of the class is not a place in the picture: leave it as it is."
    squares = result[0, 1:].reshape(side, side, 4).permute(2, 0, 1).double()
    if side == g:
        same = torch.allclose(result, given, atol=1e-4)
        return None if same else "With the side that it has, every position should stay."
    row, column, constant, _ = squares
    if (constant[0] + 3).abs().max() > 0.05 > (constant[-1] + 3).abs().max():
        return "The class's position is blended into the first of the places: take it off first."
    if (constant + 3).abs().max() > 0.05:
        return "Positions and their D numbers are mixed up: move D forward before you interpolate."
    if (row - row.mean(0)).abs().max() < 0.05:
        return "Rows and columns have changed places."
    if (row - row.mean(1, keepdim=True)).abs().max() > 0.05:
        return "It runs over all positions as one line; they form a square."
    if (row.diff(dim=0) < 1e-3).any() or (column.diff(dim=1) < 1e-3).any():
        return "Some neighbours have become the same: interpolate, in place of copying the nearest."
    return None
