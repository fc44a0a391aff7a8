"""Exercises of lesson 04: counting, the frozen body measured, a rate per stage, `freeze`."""

import math

import timm
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.modules.batchnorm import _BatchNorm

from classroom.exercises import number
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
        "Each of the outputs has a weight for each feature, and one number more.",
        "The lesson's two outputs on 1,280 features have 2,562 parameters: find out how.",
    ),
)


@exercise(
    "04.2",
    takes="net",
    gives="three whole numbers: parameters that learn, frozen parameters, numbers in buffers",
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
    found = [float(value) for value in function(net)]
    if [p.requires_grad for p in net.parameters()] != before:
        return "Counting must not change what is frozen, and it does."
    tensors = [[p for p in net.parameters() if p.requires_grad == on] for on in (True, False)]
    tensors.append(list(net.buffers()))
    right = [sum(t.numel() for t in kind) for kind in tensors]
    if len(found) != 3:
        return f"Three numbers are asked for; it gives {len(found)}."
    if found == right:
        return None
    names = ("parameters that learn", "frozen parameters", "numbers in buffers")
    if sorted(found) == sorted(right):
        return f"The three are there in another order: {', '.join(names)}."
    for name, value, kind, expected in zip(names, found, tensors, right, strict=True):
        if value == expected:
            continue
        if value == len(kind):
            return f"{name.capitalize()}: that counts tensors; each holds many numbers."
        if value == sum(right[:2]):
            return f"{name.capitalize()}: all parameters are in it, those of the other kind too."
        if value == expected + right[2]:
            return f"{name.capitalize()}: the buffers are in it; they are no parameters."
        if kind is tensors[2] and value == sum(b.numel() for b in kind if b.ndim):
            return "Numbers in buffers: BatchNorm also counts its batches, one number a layer."
        than = "more than there are" if value > expected else "fewer than there are"
        return f"{name.capitalize()}: {value:g}, {than}. Does it meet every layer, and once?"


@exercise(
    "04.3",
    gives="a dictionary {epochs: (accuracy fine-tuned, accuracy with a frozen body)}",
    why="Both begin with a random output layer. On a frozen body nothing else helps it, and in few "
    "steps one layer does not get far; later the two may meet.",
    hints=(
        "A loop over numbers of epochs such as 1, 3, 9; two calls for each.",
        "The second argument counts frozen stages: 0 is none, len(models.stages(net)) all.",
    ),
)
def frozen_or_not(answer):
    if len(answer) < 3:
        return f"Take three numbers of epochs or more; there are {len(answer)}."
    if any(not hasattr(pair, "__len__") or len(pair) != 2 for pair in answer.values()):
        return "To each number of epochs belong two accuracies: fine-tuned, then frozen."
    found = sorted((int(n), tuple(map(float, pair))) for n, pair in answer.items())
    if not all(0 <= value <= 1 for _, pair in found for value in pair):
        return "An accuracy is a fraction from 0 to 1, not a percentage and not a loss."
    if found[0][0] != 1 or any(b < 2 * a for (a, _), (b, _) in zip(found, found[1:], strict=False)):
        return "Begin with 1 epoch; each number is at least twice the one before."
    if found[-1][0] < 8:
        return "Go on until 8 epochs or more: the change comes late."
    if all(tuned == frozen for _, (tuned, frozen) in found):
        return "Fine-tuned and frozen are the same at every number: was anything frozen?"
    tuned, frozen = found[0][1]
    if frozen > tuned + 0.1:
        return (
            "After 1 epoch the frozen body is ahead: is each pair in the order that is asked for?"
        )
    return None


@exercise(
    "04.4",
    takes="net low high",
    gives="a list of dictionaries with params and lr, as an optimiser takes them",
    why="Equal factors spread the rates evenly over their orders of magnitude; with equal "
    "differences only the lowest stages would be slow.",
    hints=(
        "First collect what learns, from the bottom to the output layer, then give rates.",
        "With k groups there are k - 1 steps up; the factor to the power of k - 1 is high / low.",
    ),
)
def rates_between(function):
    torch.manual_seed(0)
    net = timm.create_model("test_resnet", num_classes=3)
    last = len(models.stages(net))
    for n in (0, 2, last):
        models.freeze(net, n)
        groups = [dict(group, params=list(group["params"])) for group in function(net, 2e-5, 3e-2)]
        if diagnosis := _judge_rates(net, n, groups):
            return diagnosis
    return None


def _judge_rates(net, n, groups):
    parts = [stage.parameters for stage in models.stages(net)]
    case = f"With the bottom {n} of {len(parts)} stages frozen"
    rates = {}
    for group in groups:
        if "lr" not in group:
            return "A group has no lr: the optimiser would take its own."
        if not group["params"] or not all(p.requires_grad for p in group["params"]):
            return f"{case}, there is a group for what is frozen."
        for p in group["params"]:
            if id(p) in rates:
                return f"{case}, a parameter stands in two groups: an optimiser refuses that."
            rates[id(p)] = float(group["lr"])
    head = list(models.output_layer(net)[1].parameters())
    if any(id(p) not in rates for p in head):
        return f"{case}, the output layer, or a part of it, is in no group."
    if any(id(p) not in rates for part in parts[n:] for p in part):
        return f"{case}, a stage that learns, or a part of it, is in no group."
    if any(len({rates[id(p)] for p in part}) > 1 for part in [*parts[n:], head]):
        return f"{case}, one stage has several rates."
    found = [rates[id(part[0])] for part in [*parts[n:], head]]
    right = [3e-2 * (2 / 3e3) ** (i / max(len(found) - 1, 1)) for i in range(len(found))][::-1]
    if _close(found, right):
        return None
    if len(found) > 1 and _close(found, right[::-1]):
        return f"{case}, the bottom is the fastest: the other way round."
    if not _close(found[-1:], [3e-2]):
        return f"{case}, the output layer has the rate {found[-1]:g}, not `high`."
    if not _close(found[:1], [2e-5]):
        return f"{case}, the bottom stage that learns has the rate {found[0]:.2g}, not `low`."
    if found[-1] == found[-2]:
        return f"{case}, the top stage is as fast as the output layer: that is a step of its own."
    steps = [b - a for a, b in zip(found, found[1:], strict=False)]
    if _close(steps, [steps[0]] * len(steps)):
        return "The rates grow by equal differences; equal factors are asked for."
    return f"{case}, the ends are right, and the factor from group to group is not the same."


def _close(found, right):
    return all(math.isclose(a, b, rel_tol=1e-3) for a, b in zip(found, right, strict=True))


@exercise(
    "04.5",
    takes="net n",
    gives="nothing, or the net that it was given",
    why="Frozen means the same bits and the same answers, however often somebody calls train(): "
    "only then are features that you have kept still true.",
    hints=(
        "Two things move in a frozen part: parameters by gradients, buffers by train mode. A hook "
        "or a `train` of its own keeps a layer in eval mode.",
        "What keeps a layer in eval mode stays when `freeze` is called again: let it ask an "
        "attribute of the layer, and set that attribute for all layers in each call.",
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
        given = function(net, n)
        if isinstance(given, nn.Module) and given is not net:
            return "It returns another network; freeze the one that it is given."
        again = "" if n == 3 else "Called again with another n: "
        if diagnosis := _what_learns(net, n) or _what_moves(net, n):
            return again + diagnosis
    return None


def _what_learns(net, n):
    """Diagnosis of requires_grad, part by part."""
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
            return "To set requires_grad on a layer does nothing: set it on its parameters."
        if k < n and each != {False}:
            return f"With n = {n}, parameters of net[{k}] still learn."
        if k >= n and each != {True}:
            return f"With n = {n}, parameters of net[{k}] are frozen; they should learn."


def _what_moves(net, n):
    """Diagnosis by what two steps of training do to the bits of each part."""
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
            return f"With n = {n}, {kind} should learn, and it stands still."
    return _what_answers(net, n, pictures)


def _what_answers(net, n, pictures):
    """Diagnosis of the modes: frozen parts answer the same in both, and eval mode is for all."""
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
        return "The bits stay, but in train mode frozen BatchNorm or Dropout answers otherwise."
