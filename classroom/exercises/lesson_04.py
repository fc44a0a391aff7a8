"""Exercises of lesson 04: counting, measuring a frozen body, a rate per stage, `freeze`."""

from itertools import pairwise

import timm
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.modules.batchnorm import _BatchNorm

from classroom.exercises import all_close, number, require_accuracies, require_pairs
from classroom.judge import exercise
from helpers import models

number(
    "04.1",
    512 * 120 + 120,
    0.5,
    {
        512 * 120: "These are the weights; what else does a linear layer add to each output?",
        512 * 120 + 512: "There is a bias for each output, not for each feature.",
        512 + 120: "Each output has a weight for each feature.",
        1280 * 120 + 120: "The lesson's network has 1,280 features; this one has fewer.",
        0: "The output layer is not frozen, so something does learn.",
    },
    why="What learns is small, a quarter of a megabyte: one frozen body can serve many tasks.",
    hints=(
        "Each of the outputs has a weight for each feature, plus one more number.",
        "The lesson's two outputs on 1,280 features have 2,562 parameters: find out why.",
    ),
)


@exercise(
    "04.2",
    takes="net",
    wanted="three whole numbers: parameters that learn, frozen parameters, numbers in buffers",
    why="Three kinds of numbers and three rules: gradients change the first, nothing the second, "
    "and batches in train mode the third, unless their layer is kept in eval mode.",
    hints=(
        "net.parameters() and net.buffers() go through the tensors; each knows requires_grad.",
        "A tensor's numel() says how many numbers it holds; add these up in three sums.",
    ),
)
def count(function):
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Sequential(nn.Linear(4, 5)))
    net[0].weight.requires_grad = net[1].weight.requires_grad = net[2][0].bias.requires_grad = False
    before = [p.requires_grad for p in net.parameters()]
    counts = [float(value) for value in function(net)]
    if [p.requires_grad for p in net.parameters()] != before:
        return "Counting must not change what is frozen, but yours does."
    tensors = [[p for p in net.parameters() if p.requires_grad == on] for on in (True, False)]
    tensors.append(list(net.buffers()))
    right = [sum(t.numel() for t in kind) for kind in tensors]
    if len(counts) != 3:
        return f"Return three numbers; these are {len(counts)}."
    if counts == right:
        return None
    names = ("parameters that learn", "frozen parameters", "numbers in buffers")
    if sorted(counts) == sorted(right):
        return f"All three are there, but in the wrong order; return {', '.join(names)}."
    for name, value, kind, expected in zip(names, counts, tensors, right, strict=True):
        if value == expected:
            continue
        if value == len(kind):
            return f"{name.capitalize()}: that counts tensors; each holds many numbers."
        if value == sum(right[:2]):
            return f"{name.capitalize()}: that counts all parameters, those of the other kind too."
        if value == expected + right[2]:
            return f"{name.capitalize()}: that counts the buffers too; they are not parameters."
        if kind is tensors[2] and value == sum(b.numel() for b in kind if b.ndim):
            return "Numbers in buffers: BatchNorm also counts its batches, one number per layer."
        than = "more than there are" if value > expected else "fewer than there are"
        return f"{name.capitalize()}: {value:g}, {than}. Does it visit every layer exactly once?"


@exercise(
    "04.3",
    wanted="a dictionary {epochs: (accuracy fine-tuned, accuracy with a frozen body)}",
    why="Both start from a random output layer. If the body is frozen, that layer has to learn the "
    "task alone, so it lags behind at first; with more epochs it catches up.",
    hints=(
        "A loop over numbers of epochs such as 1, 3, 9, with two calls for each.",
        "The second argument counts frozen stages: 0 is none, len(models.stages(net)) all.",
    ),
)
def frozen_or_not(answer):
    if len(answer) < 3:
        return f"Try at least three numbers of epochs; you have {len(answer)}."
    require_pairs(
        answer.values(), "Each number of epochs needs two accuracies: fine-tuned, then frozen."
    )
    runs = sorted((int(n), tuple(map(float, pair))) for n, pair in answer.items())
    require_accuracies(accuracy for _, pair in runs for accuracy in pair)
    if runs[0][0] != 1 or any(b < 2 * a for (a, _), (b, _) in pairwise(runs)):
        return "Begin with 1 epoch; each number should be at least twice the one before."
    if runs[-1][0] < 8:
        return "Go on until 8 epochs or more: the change comes late."
    if all(tuned == frozen for _, (tuned, frozen) in runs):
        return "Fine-tuned and frozen are the same everywhere: was anything frozen?"
    tuned, frozen = runs[0][1]
    if frozen > tuned + 0.1:
        return "After 1 epoch the frozen body is ahead: is each pair fine-tuned first, then frozen?"
    return None


@exercise(
    "04.4",
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
    for n in (0, 2, last):
        models.freeze(net, n)
        groups = [dict(group, params=list(group["params"])) for group in function(net, 2e-5, 3e-2)]
        if diagnosis := _wrong_rates(net, n, groups):
            return diagnosis
    return None


def _wrong_rates(net, n, groups):
    parts = [stage.parameters for stage in models.stages(net)]
    case = f"With the bottom {n} of {len(parts)} stages frozen"
    rates = {}
    for group in groups:
        if "lr" not in group:
            return "A group has no lr: the optimiser would use its default."
        if not group["params"] or not all(p.requires_grad for p in group["params"]):
            return f"{case}, there is a group for what is frozen."
        for p in group["params"]:
            if id(p) in rates:
                return f"{case}, a parameter is in two groups: an optimiser refuses that."
            rates[id(p)] = float(group["lr"])
    head = list(models.output_layer(net)[1].parameters())
    if any(id(p) not in rates for p in head):
        return f"{case}, the output layer, or a part of it, is in no group."
    if any(id(p) not in rates for part in parts[n:] for p in part):
        return f"{case}, a stage that learns, or a part of it, is in no group."
    if any(len({rates[id(p)] for p in part}) > 1 for part in [*parts[n:], head]):
        return f"{case}, one stage has several rates."
    upwards = [rates[id(part[0])] for part in [*parts[n:], head]]
    steps = max(len(upwards) - 1, 1)
    right = [3e-2 * (2 / 3e3) ** (i / steps) for i in range(len(upwards))][::-1]
    if all_close(upwards, right):
        return None
    if len(upwards) > 1 and all_close(upwards, right[::-1]):
        return f"{case}, the bottom is the fastest: do it the other way round."
    if not all_close(upwards[-1:], [3e-2]):
        return f"{case}, the output layer has the rate {upwards[-1]:g}, not `high`."
    if not all_close(upwards[:1], [2e-5]):
        return f"{case}, the bottom stage that learns has the rate {upwards[0]:.2g}, not `low`."
    if upwards[-1] == upwards[-2]:
        return f"{case}, the top stage is as fast as the output layer: that is a step of its own."
    differences = [b - a for a, b in pairwise(upwards)]
    if all_close(differences, [differences[0]] * len(differences)):
        return "The rates grow by equal differences; let them grow by equal factors."
    return f"{case}, the ends are right, but the factor from group to group is not the same."


@exercise(
    "04.5",
    takes="net n",
    wanted="the net it was given, or nothing",
    in_place=True,
    why="A frozen part must give the same answers whoever calls train(). Otherwise the features "
    "that you saved earlier are no longer those that the network computes.",
    hints=(
        "Two things can change in a frozen part: parameters by gradients, buffers by train mode. "
        "A hook, or a `train` of its own, keeps a layer in eval mode.",
        "What keeps a layer in eval mode is still there in the next call: have it check an "
        "attribute of the layer, and set that attribute on all layers in each call.",
    ),
)
def freeze(function):
    torch.manual_seed(0)
    wide = [nn.Sequential(nn.Conv2d(a, 4, 3), nn.BatchNorm2d(4), nn.ReLU()) for a in (3, 4)]
    rows = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 6))
    rows.extend([nn.BatchNorm1d(6), nn.Dropout(0.5)])
    net = nn.Sequential(*wide, rows, nn.Linear(6, 2))
    for n in (3, 1, 2):
        net.train()
        result = function(net, n)
        if isinstance(result, nn.Module) and result is not net:
            return "It returns another network; freeze the one that it is given."
        if diagnosis := _what_learns(net, n) or _what_moves(net, n):
            return diagnosis if n == 3 else f"Called again with another n: {diagnosis}"
    return None


def _what_learns(net, n):
    """Returns a diagnosis of requires_grad, part by part."""
    learns = [{p.requires_grad for p in part.parameters()} for part in net]
    frozen = "".join(str(k) for k, each in enumerate(learns) if each == {False})
    if frozen in ("0123"[-n:], "012"[-n:]) and frozen != "012"[:n]:
        return "The wrong end is frozen: the bottom, next to the pixels, is net[0]."
    if learns[-1] != {True}:
        return "The output layer, net[-1], is frozen too: it must learn."
    if len(frozen) in (n - 1, n + 1) and frozen == "012"[: len(frozen)]:
        return f"With n = {n} it freezes {len(frozen)} parts: off by one."
    for k, each in enumerate(learns):
        if k < n and each != {False} and "requires_grad" in vars(net[k]):
            return "Setting requires_grad on a layer does nothing: set it on its parameters."
        if k < n and each != {False}:
            return f"With n = {n}, parameters of net[{k}] still learn."
        if k >= n and each != {True}:
            return f"With n = {n}, parameters of net[{k}] are frozen; they should learn."


def _what_moves(net, n):
    """Returns a diagnosis from what two steps of training do to the bits of each part."""
    norms = {name: layer for name, layer in net.named_modules() if isinstance(layer, _BatchNorm)}
    asleep = [name for name, layer in norms.items() if not layer.training]
    before = {name: value.clone() for name, value in net.named_buffers()}
    pictures = torch.randn(6, 3, 8, 8) * 2 + 1
    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], 0.1)
    for _ in range(2):
        net.train()
        optimizer.zero_grad()
        cross_entropy(net(pictures), torch.arange(6) % 2).backward()
        optimizer.step()
    after = dict(net.named_buffers())
    moved = {k.rpartition(".")[0] for k in before if k in after and not after[k].equal(before[k])}
    for name, layer in norms.items():
        kind = f"the {type(layer).__name__} in net[{name[0]}]"
        if int(name[0]) < n and name in moved:
            if name in asleep:
                return f"eval() puts {kind} to sleep, and the next net.train() wakes it up again."
            return f"No parameter moves, but {kind} does: buffers know nothing of requires_grad."
        if int(name[0]) >= n and name not in moved:
            return f"With n = {n}, {kind} should learn, but it stands still."
    return _what_answers(net, n, pictures)


def _what_answers(net, n, pictures):
    """Returns a diagnosis of the modes: a frozen part answers alike in both, eval() reaches all."""
    answers = []
    hook = net[n - 1].register_forward_hook(lambda part, args, out: answers.append(out.detach()))
    for mode in (False, True):
        net.train(mode)
        net(pictures)
        awake = [k for k, part in enumerate(net) if any(m.training for m in part.modules())]
        if not mode and awake:
            return f"After net.eval(), a forward pass puts net[{awake[0]}] into train mode again."
    hook.remove()
    if not torch.allclose(*answers, atol=1e-6):
        return "The bits stay, but in train mode frozen BatchNorm or Dropout changes the answers."
