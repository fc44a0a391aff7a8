"""Exercises of lesson 02: losses, measuring over pictures, first losses, fair comparisons."""

import math
import statistics

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from classroom.exercises import compare, number, require_accuracies
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
        0.357: "That is one logarithm for all answers; each answer has a loss of its own.",
        0.603: "That is a logarithm to base 10; the loss uses the natural one.",
        2.003: "That is a logarithm to base 2; the loss uses the natural one.",
        138.9: "That is the sum over all pictures; the loss is a mean.",
    },
    why="It is right for most pictures, and its loss is twice that of an even guess: being sure "
    "of a wrong answer costs more than many right answers save.",
    hints=(
        "There are two kinds of answers. What does one of each kind cost?",
        "A wrong answer leaves 1 % for the true class; weight both costs by how often they occur.",
    ),
)


@exercise(
    "02.2",
    takes="net batches",
    wanted="one number, the mean loss per picture",
    why="A last batch of eight pictures must not count like one of sixteen, and a network that is "
    "measured in train mode answers differently and changes while you look.",
    hints=(
        "Add up what every picture costs and count the pictures; divide once, at the end.",
        "cross_entropy gives the mean of a batch, or with reduction='sum' its sum. net.training "
        "says which mode the network arrived in.",
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
        statistics_before = net[0].running_mean.clone()
        result = torch.as_tensor(function(net, batches))
        if not net[0].running_mean.equal(statistics_before):
            return "BatchNorm's statistics have moved: the network was measured in train mode."
        if net.training != mode:
            came, left = ("train", "eval") if mode else ("eval", "train")
            return f"The network arrived in {came} mode and is left in {left} mode."
        if any(p.grad is not None for p in net.parameters()):
            return "It leaves gradients in the network; measuring needs none."
        if result.numel() != 1:
            return f"Return one number; this has the shape {tuple(result.shape)}."
        if any(gradients):
            return "It tracks gradients for every batch: torch.no_grad() avoids that."
        if diagnosis := _not_the_mean(net, x, y, size, result.reshape(())):
            return diagnosis
    return None


def _not_the_mean(net, x, y, size, result):
    with torch.no_grad():
        outputs = net.eval()(x)
    each = F.cross_entropy(outputs, y, reduction="none")
    parts = [part.mean() for part in each.split(size)]
    slips = {
        "Each batch counts the same here, even the short one at the end.": sum(parts) / len(parts),
        "The last batch is missing.": each[: size * (len(parts) - 1)].mean(),
        "That is the loss of the last batch alone.": parts[-1],
        "That is the sum over the pictures; return their mean.": each.sum(),
        "The sums are added up, but divided by the number of batches.": each.sum() / len(parts),
        "The means of the batches are divided by the number of pictures.": sum(parts) / len(each),
        "cross_entropy takes the network's outputs, not probabilities.": F.cross_entropy(
            outputs.softmax(1), y
        ),
    }
    return compare(result, each.mean(), slips)


@exercise(
    "02.3",
    takes="layer labels",
    wanted="the layer it was given, changed",
    why="Such a layer begins at the best loss that is possible without looking at the pictures. "
    "Unless the classes are equally frequent, that is below the loss of an even guess.",
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
        if function(layer, labels) is not layer:
            return "Return the layer that was given: another one would not be in the network."
        if not all(p.requires_grad and p.is_leaf for p in (layer.weight, layer.bias)):
            return "The layer can no longer be trained: its parameters do not require gradients."
        for name, old in before.items():
            new = getattr(layer, name)
            if new.shape != old.shape:
                return f"layer.{name} has the shape {tuple(new.shape)}, not {tuple(old.shape)}."
            if new.dtype != old.dtype:
                return f"layer.{name} has the dtype {new.dtype}, not {old.dtype}."
        with torch.no_grad():
            answers = layer(x).softmax(1)
        if not torch.allclose(answers, answers[:1].expand_as(answers), atol=1e-4):
            return "Two pictures still get different answers: the features should not count yet."
        if layer.bias.equal(before["bias"]):
            return "The weights are zero, but the biases are still random."
        shares = counts / counts.sum()
        slips = {
            "The biases are shares; softmax turns them into something else.": shares.softmax(0),
            "The biases are counts; softmax turns them into something else.": counts.softmax(0),
            "Each class gets the same share, whatever the labels are.": (0 * shares).softmax(0),
            "Shares of other classes: which one is at position 0?": shares.sort(descending=True)[0],
            "A logarithm to base 10: softmax undoes the natural one.": shares.log10().softmax(0),
            "That undoes a sigmoid, but this is a softmax.": shares.logit().softmax(0),
        }
        if diagnosis := compare(answers[0], shares, slips):
            return diagnosis
    return None


@exercise(
    "02.4",
    takes="a b",
    wanted="three values (difference, error, clear)",
    why="Two means always differ. Only its standard error says whether other seeds would probably "
    "show the difference too; with three seeds that is a rule of thumb.",
    hints=(
        "Begin with one recipe: its standard deviation over the seeds, then the error of its mean.",
        "A torch tensor's std() is that of a sample; a NumPy array's is not, unless you ask for "
        "it. And a difference below zero can be as clear as one above.",
    ),
)
def difference(function):
    a, b, c = [0.9, 0.7, 0.8], [0.61, 0.73, 0.63, 0.67], [0.71, 0.64, 0.72]
    for one, two in ((a, b), (b, a), (a, c), (c, a), ([0.25, 0.5], [0.25, 0.25])):
        values = function(list(one), list(two))
        if len(values) != 3:
            return f"Return three values; these are {len(values)}."
        if diagnosis := _not_the_difference(one, two, *values):
            return diagnosis
    return None


HAND = "The {} is not right. Work it out by hand for [0.7, 0.8, 0.9] and [0.5, 0.6]."


def _not_the_difference(a, b, gap, error, clear):
    a, b = (torch.tensor(v, dtype=torch.float64) for v in (a, b))
    right, wrong_sign = a.mean() - b.mean(), "The difference has the wrong sign: a minus b."
    gap, error = torch.as_tensor(gap), torch.as_tensor(error)  # three decimals will do
    if diagnosis := compare(gap, right, {wrong_sign: -right}, 6e-4, HAND.format("difference")):
        return diagnosis
    own = torch.stack([a.var() / len(a), b.var() / len(b)])  # squared errors of the two means
    flat = a.var(correction=0) / len(a) + b.var(correction=0) / len(b)
    slips = {
        "Seeds are a sample, not the whole population: divide by n - 1.": flat.sqrt(),
        "That is the spread of single seeds; a mean varies less.": (a.var() + b.var()).sqrt(),
        "The two errors are added; chance rarely pushes both means apart.": own.sqrt().sum(),
        "That is the sum of the squared errors: a square root is missing.": own.sum(),
        "That is the error of a's mean alone.": own[0].sqrt(),
    }
    if diagnosis := compare(error, own.sum().sqrt(), slips, 6e-4, HAND.format("standard error")):
        return diagnosis
    if isinstance(clear, str) or clear not in (True, False):
        return "The third value should be True or False."
    if bool(clear) == bool(abs(right) > 2 * own.sum().sqrt()):
        return None
    case = f"A difference of {right:.2f} with an error of {own.sum().sqrt():.3f} is"
    if clear:
        return f"{case} not clear: it is less than two standard errors."
    if right < 0:
        return f"{case} clear, more than two standard errors: the better recipe may also be b."
    return f"{case} clear, more than two standard errors."


@exercise(
    "02.5",
    wanted='a dictionary {"fine-tuned": {settings: [accuracies]}, "from scratch": {...}, "clear": '
    "True or False}",
    why="Both had as many chances and as many seeds, so a clear difference does not come from "
    "trying more often. From scratch, settings that you did not try may still be better.",
    hints=(
        "Give both sides as many settings, and each setting three seeds or more.",
        "Take the settings with the best mean from each side, and ask 02.4 about these two lists.",
    ),
)
def fair_comparison(answer):
    for key in ("fine-tuned", "from scratch", "clear"):
        if key not in dict.keys(answer):  # of another type: its TypeError becomes a diagnosis
            return f'The dictionary has no key "{key}".'
        if key != "clear" and not hasattr(answer[key], "items"):
            return f'"{key}" should have a dictionary of its own, from settings to accuracies.'
    sides = {side: dict(answer[side]) for side in ("fine-tuned", "from scratch")}
    for side, settings in sides.items():
        for key, values in settings.items():
            if not hasattr(values, "__len__"):
                return f"{side}, {key}: give a list of accuracies, one per seed."
            settings[key] = [float(v) for v in values]
        if len(settings) < 2:
            return f"{side}: with fewer than two settings nothing was tuned."
    lists = [values for settings in sides.values() for values in settings.values()]
    if len({len(settings) for settings in sides.values()}) > 1:
        counts = " and ".join(f"{len(settings)} {side}" for side, settings in sides.items())
        return f"Not fair yet: {counts}. The side that tries more often has more luck."
    if min(map(len, lists)) < 3:
        return "Some settings have fewer than three seeds: their spread would be a guess."
    if len(set(map(len, lists))) > 1:
        return "The settings differ in their number of seeds."
    require_accuracies(accuracy for values in lists for accuracy in values)
    if all(len(set(values)) == 1 for values in lists):
        return "All seeds of a setting gave the same result: is `seed` passed on?"
    if isinstance(answer["clear"], str) or answer["clear"] not in (True, False):
        return '"clear" should be True or False.'
    one, two = (_best(settings.values()) for settings in sides.values())
    gap, low, high = abs(one[0] - two[0]), math.hypot(one[1], two[1]), math.hypot(one[2], two[2])
    is_clear, is_not = gap > 2 * high + 0.002, gap < 2 * low - 0.002
    if (answer["clear"] and is_not) or (not answer["clear"] and is_clear):
        return (
            '"clear" does not agree with the difference. Between the settings with the best means '
            f"it is {gap:.3f}, with an error of {high:.3f}."
        )
    return None


def _best(settings):
    """Returns the best mean, and the smallest and largest error of settings that have it."""
    means = [(statistics.mean(v), statistics.stdev(v) / len(v) ** 0.5) for v in settings]
    errors = [error for mean, error in means if mean > max(means)[0] - 1e-6]
    return max(means)[0], min(errors), max(errors)
