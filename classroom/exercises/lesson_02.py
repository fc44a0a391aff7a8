"""Exercises of lesson 02: losses, measuring over pictures, first losses, fair comparisons."""

import math
import statistics

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from classroom.exercises import looks_like, number
from classroom.judge import exercise

number(
    "02.1",
    1.3886,
    0.004,
    {
        1.3816: "The right answers cost something too, about 0.01 each.",
        -1.3886: "A loss is not negative: the sign of the logarithm is missing.",
        2.308: "That is for as many right answers as wrong ones.",
        3.227: "Right and wrong are mixed up: 70 of the 100 answers are right.",
        4.605: "That is what one wrong answer costs; most of them are right.",
        0.010: "That is what one right answer costs; some are wrong.",
        0.357: "That is the logarithm of one number for all; each answer has a loss of its own.",
        0.603: "That is a logarithm to base 10; the loss uses the natural one.",
        2.003: "That is a logarithm to base 2; the loss uses the natural one.",
        138.9: "That is the sum over all pictures; the loss is a mean.",
    },
    why="It is right for most pictures, and its loss is twice that of an even guess: being sure "
    "of a wrong answer costs more than many right answers save.",
    hints=(
        "There are two kinds of answers. What does one of each kind cost?",
        "A wrong answer leaves 1 % to the true class; weigh both costs by how often they occur.",
    ),
)


@exercise(
    "02.2",
    takes="net batches",
    gives="one number, the mean loss of a picture",
    why="A last batch of eight pictures may not count like one of sixteen, and a network that is "
    "measured in train mode answers differently and learns while you look.",
    hints=(
        "Add up what every picture costs and count the pictures; divide once, at the end.",
        "cross_entropy gives the mean of a batch, or with reduction='sum' its sum. net.training "
        "tells in which mode the network came.",
    ),
)
def mean_loss(function):
    torch.manual_seed(2)
    net = nn.Sequential(nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 3))
    x, y = 3 * torch.randn(10, 3, 2, 2), torch.randint(0, 3, (10,))
    net(x + 1)  # statistics that differ from those of a batch
    gradients = []
    net[-1].register_forward_hook(lambda *_: gradients.append(torch.is_grad_enabled()))
    for mode, size in ((True, 4), (False, 5), (False, 4)):
        batches = DataLoader(TensorDataset(x, y), batch_size=size)
        net.train(mode)
        kept = net[0].running_mean.clone()
        found = function(net, batches)
        if found is None:
            return "It returns nothing: end it with `return`."
        found = torch.as_tensor(found)
        if not net[0].running_mean.equal(kept):
            return "The statistics of BatchNorm have moved: it was measured in train mode."
        if net.training != mode:
            came, left = ("train", "eval") if mode else ("eval", "train")
            return f"The network came in {came} mode and is left in {left} mode."
        if any(p.grad is not None for p in net.parameters()):
            return "It leaves gradients in the network; measuring needs none."
        if found.numel() != 1:
            return f"One number is asked for; this has the shape {tuple(found.shape)}."
        if any(gradients):
            return "It prepares for gradients at every batch: torch.no_grad() spares that."
        if diagnosis := _not_the_mean(net, x, y, size, found.reshape(())):
            return diagnosis
    return None


def _not_the_mean(net, x, y, size, found):
    with torch.no_grad():
        outputs = net.eval()(x)
    each = F.cross_entropy(outputs, y, reduction="none")
    parts = [part.mean() for part in each.split(size)]
    slips = {
        "Each batch counts the same here, also the short one at the end.": sum(parts) / len(parts),
        "The last batch is missing.": each[: size * (len(parts) - 1)].mean(),
        "That is the loss of the last batch alone.": parts[-1],
        "That is the sum over the pictures; a mean is asked for.": each.sum(),
        "The sums are added up, but divided by the number of batches.": each.sum() / len(parts),
        "The means of the batches are divided by the number of pictures.": sum(parts) / len(each),
        "cross_entropy takes the network's outputs, not probabilities.": F.cross_entropy(
            outputs.softmax(1), y
        ),
    }
    return looks_like(found, each.mean(), slips)


@exercise(
    "02.3",
    takes="layer labels",
    gives="the layer that it was given, changed",
    why="Such a layer begins at the best loss that knows nothing of the pictures, below that of "
    "an even guess unless the classes are equally frequent. Training wins more only by looking.",
    hints=(
        "With what weights does the picture make no difference? Then only the biases speak.",
        "Softmax takes exp of the logits and divides by the sum: which logits become the shares?",
    ),
)
def start_at_shares(function):
    for seed, labels in ((3, [2, 0, 0, 1, 0, 2, 0, 0, 2, 0]), (4, [1, 0, 1, 1])):
        torch.manual_seed(seed)
        labels = torch.tensor(labels)
        counts = labels.bincount().float()
        layer, x = nn.Linear(5, len(counts)), 3 * torch.randn(6, 5)
        before = {name: p.detach().clone() for name, p in layer.named_parameters()}
        found = function(layer, labels)
        if found is None:
            return "It returns nothing: end it with `return`."
        if found is not layer:
            return "Return the layer that was given: another one would not be in the network."
        if not all(p.requires_grad and p.is_leaf for p in (layer.weight, layer.bias)):
            return "The layer can no longer be trained: its parameters take no gradient."
        for name, was in before.items():
            now = getattr(layer, name)
            if now.shape != was.shape:
                return f"layer.{name} has the shape {tuple(now.shape)}, not {tuple(was.shape)}."
            if now.dtype != was.dtype:
                return f"layer.{name} is of the type {now.dtype}, not {was.dtype}."
        with torch.no_grad():
            answers = layer(x).softmax(1)
        if not torch.allclose(answers, answers[:1].expand_as(answers), atol=1e-4):
            return "Two pictures still get different answers: the features should not count yet."
        if layer.bias.equal(before["bias"]):
            return "The weights are zero, the biases still random."
        shares = counts / counts.sum()
        slips = {
            "The biases are shares; softmax makes something else of them.": shares.softmax(0),
            "The biases are counts; softmax makes something else of them.": counts.softmax(0),
            "Each class gets the same share, whatever the labels are.": (0 * shares).softmax(0),
            "Shares of other classes: which one has position 0?": shares.sort(descending=True)[0],
            "A logarithm to base 10: softmax undoes the natural one.": shares.log10().softmax(0),
            "That undoes a sigmoid, and here is a softmax.": shares.logit().softmax(0),
        }
        if diagnosis := looks_like(answers[0], shares, slips):
            return diagnosis
    return None


@exercise(
    "02.4",
    takes="a b",
    gives="three values (difference, error, clear)",
    why="Two means always differ. Only beside its standard error does a difference say whether "
    "other seeds would probably show it too; with three seeds that is a rule of thumb.",
    hints=(
        "Begin with one recipe: its standard deviation over the seeds, then the error of its mean.",
        "std() of a torch tensor is that of a sample, std() of a numpy array is not, unless told. "
        "And a difference below zero can be as clear as one above.",
    ),
)
def difference(function):
    a, b, c = [0.9, 0.7, 0.8], [0.61, 0.73, 0.63, 0.67], [0.71, 0.64, 0.72]
    for one, two in ((a, b), (b, a), (a, c), (c, a), ([0.25, 0.5], [0.25, 0.25])):
        found = function(list(one), list(two))
        if found is None:
            return "It returns nothing: end it with `return`."
        if len(found) != 3:
            return f"It returns {len(found)} values; three are asked for."
        if diagnosis := _not_the_difference(one, two, *found):
            return diagnosis
    return None


HAND = "The {} is not right. Work it out by hand for [0.7, 0.8, 0.9] and [0.5, 0.6]."


def _not_the_difference(a, b, gap, error, clear):
    a, b = (torch.tensor(v, dtype=torch.float64) for v in (a, b))
    right, wrong_way = a.mean() - b.mean(), "The difference has the wrong sign: a minus b."
    gap, error = torch.as_tensor(gap), torch.as_tensor(error)  # three decimals will do
    if diagnosis := looks_like(gap, right, {wrong_way: -right}, 6e-4, HAND.format("difference")):
        return diagnosis
    own = torch.stack([a.var() / len(a), b.var() / len(b)])  # squared errors of the two means
    flat = a.var(correction=0) / len(a) + b.var(correction=0) / len(b)
    slips = {
        "Seeds are a sample, not the whole population: n - 1.": flat.sqrt(),
        "That is the spread of single seeds; a mean is more exact.": (a.var() + b.var()).sqrt(),
        "The two errors are added; chance seldom pushes both the same way.": own.sqrt().sum(),
        "That is the sum of the squared errors: a root is missing.": own.sum(),
        "That is the error of a's mean alone.": own[0].sqrt(),
    }
    if diagnosis := looks_like(error, own.sum().sqrt(), slips, 6e-4, HAND.format("standard error")):
        return diagnosis
    if isinstance(clear, str) or clear not in (True, False):
        return "The third value should be True or False."
    if bool(clear) == bool(abs(right) > 2 * own.sum().sqrt()):
        return None
    told = f"A difference of {right:.2f} with an error of {own.sum().sqrt():.3f} is"
    if not clear:
        also = ": the better recipe may also be b." if right < 0 else "."
        return f"{told} clear, more than two standard errors{also}"
    return f"{told} not clear: it is less than two standard errors."


@exercise(
    "02.5",
    gives='a dictionary {"fine-tuned": {settings: [accuracies]}, "from scratch": {...}, "clear": '
    "True or False}",
    why="Both had as many chances and as many seeds, so a clear difference does not come from "
    "trying more often. Settings that you did not try may still be better for scratch.",
    hints=(
        "Give both sides as many settings, and each setting three seeds or more.",
        "Take the settings with the best mean from each side, and ask 02.4 about these two lists.",
    ),
)
def fair_comparison(answer):
    for key in ("fine-tuned", "from scratch", "clear"):
        if key not in dict.keys(answer):  # else the machinery names the type
            return f'The dictionary has no key "{key}".'
        if key != "clear" and not hasattr(answer[key], "items"):
            return f'"{key}" should have a dictionary of its own, from settings to accuracies.'
    sides = {side: dict(answer[side]) for side in ("fine-tuned", "from scratch")}
    for side, found in sides.items():
        for key, values in found.items():
            if not hasattr(values, "__len__"):
                return f"{side}, {key}: a list of accuracies is asked for, one per seed."
            found[key] = [float(v) for v in values]
        if len(found) < 2:
            return f"{side}: with fewer than two settings nothing was adjusted."
    lists = [values for found in sides.values() for values in found.values()]
    if len({len(found) for found in sides.values()}) > 1:
        counts = " and ".join(f"{len(found)} {side}" for side, found in sides.items())
        return f"Not fair yet: {counts}. Who may try more often has more luck."
    if min(map(len, lists)) < 3:
        return "Some settings have fewer than three seeds: their spread would be a guess."
    if len(set(map(len, lists))) > 1:
        return "The settings differ in their number of seeds."
    if not all(0 <= a <= 1 for values in lists for a in values):
        return "An accuracy is a fraction from 0 to 1, not a percentage and not a loss."
    if all(len(set(values)) == 1 for values in lists):
        return "All seeds of a setting gave the same: is `seed` handed on?"
    if isinstance(answer["clear"], str) or answer["clear"] not in (True, False):
        return '"clear" should be True or False.'
    one, two = (_best(found.values()) for found in sides.values())
    gap, low, high = abs(one[0] - two[0]), math.hypot(one[1], two[1]), math.hypot(one[2], two[2])
    is_clear, is_not = gap > 2 * high + 0.002, gap < 2 * low - 0.002
    if is_not if answer["clear"] else is_clear:
        told = f"Between the settings with the best means it is {gap:.3f}, its error {high:.3f}."
        return f'"clear" says something else about the difference. {told}'
    return None


def _best(settings):
    """The best mean, and the smallest and largest error of the settings that have it."""
    means = [(statistics.mean(v), statistics.stdev(v) / len(v) ** 0.5) for v in settings]
    errors = [error for mean, error in means if mean > max(means)[0] - 1e-6]
    return max(means)[0], min(errors), max(errors)
