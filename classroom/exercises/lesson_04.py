"""Exercises of lesson 04: counting, a frozen body, `freeze`."""

from functools import partial
from itertools import pairwise

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.modules.batchnorm import _BatchNorm

from classroom import kinds
from classroom.exercises import measured_again, require_accuracies
from classroom.judge import NotYet, exercise


@exercise(
    "04.1",
    takes="net",
    wanted="three whole numbers: parameters that learn, frozen parameters, numbers in buffers",
    why="Three kinds of numbers and three rules: gradients change the first, nothing the second, "
    "and batches in train mode the third, unless their layer is kept in eval mode.",
    hints=(
        "Tensors that are parameters and tensors that are buffers: a network lists each kind by "
        "itself. Which of the two can learn at all?",
        "A tensor's numel() says how many numbers it holds. Only parameters are frozen or not, "
        "as their requires_grad tells; add up net.buffers() by themselves.",
    ),
)
def count(function):
    for net in (_mixed(), _unusual()):
        before = [p.requires_grad for p in net.parameters()]
        counts = kinds.numbers(function(net))
        if [p.requires_grad for p in net.parameters()] != before:
            return "Counting must not change what is frozen, but yours does."
        if len(counts) != 3:
            return f"Return three numbers; these are {len(counts)}."
        if diagnosis := _miscounted(net, counts):
            return diagnosis
    return None


def _mixed():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Sequential(nn.Linear(4, 5)))
    for p in (net[0].weight, net[1].weight, net[2][0].bias):
        p.requires_grad = False
    return net


def _unusual():
    """A network whose state_dict has more and less than its parameters and buffers."""
    net = nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6), nn.Linear(6, 6), nn.Linear(6, 3))
    net[2].weight = net[0].weight  # tied: one parameter, two names
    net[3].requires_grad_(False)
    net.register_buffer("grid", torch.zeros(7), persistent=False)
    net.scale = nn.Parameter(torch.ones(11))  # of the network itself, not of a layer
    return net


def _miscounted(net, counts):
    tensors = [[p for p in net.parameters() if p.requires_grad == on] for on in (True, False)]
    tensors.append(list(net.buffers()))
    right = [sum(t.numel() for t in kind) for kind in tensors]
    if counts == right:
        return None
    names = ("parameters that learn", "frozen parameters", "numbers in buffers")
    if sorted(counts) == sorted(right):
        return f"All three are there, but in the wrong order; return {', '.join(names)}."
    for name, value, kind, expected in zip(names, counts, tensors, right, strict=True):
        if value != expected:
            return f"{name.capitalize()}: {_why_not(net, value, kind, right)}"


def _why_not(net, value, kind, right):
    expected = sum(t.numel() for t in kind)
    if value == len(kind):
        return "that counts tensors; each holds many numbers."
    if value == sum(right[:2]):
        return "that counts all parameters, those of the other kind too."
    if value == expected + right[2]:
        return "that counts the buffers too; they are not parameters."
    if value < expected == right[2] and value == sum(b.numel() for b in kind if b.ndim):
        return "BatchNorm also counts its batches, one number per layer."
    if hasattr(net, "grid") and value == right[2] - 7:
        return "a buffer that state_dict() does not save is missing."
    if hasattr(net, "grid") and value in (expected + 36, expected - 7 + 36):
        return "a weight that two layers share is one parameter with two names; it counts twice."
    than = "more than there are" if value > expected else "fewer than there are"
    return f"{value:g}, {than}. Does it visit every layer, and each tensor once?"


def _whole(epochs):
    if kinds.number(epochs) % 1:
        raise NotYet("epochs are whole.")
    return int(kinds.number(epochs))


@exercise(
    "04.2",
    wanted="a dictionary {epochs: (accuracy fine-tuned, accuracy with a frozen body)}",
    why="Both start from a random output layer. If the body is frozen, that layer has to learn the "
    "task alone, so it lags behind at first; with more epochs it catches up.",
    hints=(
        "A loop over numbers of epochs such as 1, 3, 9, with two calls for each.",
        "The second argument counts frozen stages: 0 is none, len(models.stages(net)) all.",
    ),
)
def frozen_or_not(answer):
    wanted = "two accuracies: fine-tuned, then frozen"
    runs = sorted(kinds.mapping(answer, _whole, kinds.pair, wanted).items())
    if len(runs) < 3:
        return f"Try at least three numbers of epochs; you have {len(runs)}."
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
    return partial(measured_again, "accuracy_after", (1, 0), tuned, 0.05)


@exercise(
    "04.3",
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
    asleep = [k for k, part in enumerate(net) if not all(m.training for m in part.modules())]
    if asleep and asleep[-1] >= n:
        return (
            f"With n = {n}, a layer in net[{asleep[-1]}] stays in eval mode, but it should learn."
        )
    hook.remove()
    if not torch.allclose(*answers, atol=1e-6):
        return "The bits stay, but in train mode frozen BatchNorm or Dropout changes the answers."
