"""What goes wrong in the exercises of lesson 04, and words of the diagnosis that it must get."""

import torch
from torch import nn

from helpers import models


def count_tensors(net):
    learn = [p for p in net.parameters() if p.requires_grad]
    frozen = [p for p in net.parameters() if not p.requires_grad]
    return len(learn), len(frozen), len(list(net.buffers()))


def count_by_state(net):
    """The state holds the buffers too."""
    learn = sum(p.numel() for p in net.parameters() if p.requires_grad)
    buffers = sum(b.numel() for b in net.buffers())
    return learn, sum(v.numel() for v in net.state_dict().values()) - learn, buffers


def count_all(net):
    learn = sum(p.numel() for p in net.parameters() if p.requires_grad)
    return learn, sum(p.numel() for p in net.parameters()), sum(b.numel() for b in net.buffers())


def count_frozen_first(net):
    sums = [sum(p.numel() for p in net.parameters() if p.requires_grad == on) for on in (0, 1)]
    return *sums, sum(b.numel() for b in net.buffers())


def count_outer_layers(net):
    parts = [p for layer in net for p in layer.parameters(recurse=False)]
    sums = [sum(p.numel() for p in parts if p.requires_grad == on) for on in (1, 0)]
    return *sums, sum(b.numel() for b in net.buffers())


def what_learns(net):
    stages = [[p for p in s.parameters if p.requires_grad] for s in models.stages(net)]
    return [part for part in stages if part] + [list(models.output_layer(net)[1].parameters())]


def by_factors(parts, low, high):
    """The right rates for these parts, from the first one to the last."""
    steps = max(len(parts) - 1, 1)
    return [{"params": p, "lr": low * (high / low) ** (i / steps)} for i, p in enumerate(parts)]


def by_differences(net, low, high):
    parts = what_learns(net)
    rates = torch.linspace(high, low, len(parts)).tolist()[::-1]
    return [{"params": p, "lr": rate} for p, rate in zip(parts, rates, strict=True)]


def upside_down(net, low, high):
    return by_factors(what_learns(net), high, low)


def frozen_count_too(net, low, high):
    """The factor is worked out from all stages."""
    parts, steps = what_learns(net), len(models.stages(net))
    factor = (high / low) ** (1 / steps)
    return [{"params": p, "lr": high / factor**i} for i, p in enumerate(reversed(parts))]


def frozen_groups(net, low, high):
    body = [stage.parameters for stage in models.stages(net)]
    return by_factors([*body, what_learns(net)[-1]], low, high)


def body_only(net, low, high):
    return by_factors(what_learns(net)[:-1], low, high)


def typed_in(net, low, high):
    return by_factors(what_learns(net), 1e-5, 1e-2)


def nothing_below(net, low, high):
    """With the whole body frozen there is no step to divide by."""
    parts = what_learns(net)
    factor = (high / low) ** (1 / (len(parts) - 1))
    return [{"params": p, "lr": low * factor**i} for i, p in enumerate(parts)]


def parameters_only(net, n):
    for k, part in enumerate(net):
        part.requires_grad_(k >= n)


def eval_once(net, n):
    parameters_only(net, n)
    net[:n].eval()


def wrong_end(net, n):
    for k, part in enumerate(net):
        part.requires_grad_(k < len(net) - n)


def all_of_it(net, n):
    net.requires_grad_(False)


def one_less(net, n):
    parameters_only(net, n - 1)


def on_layers(net, n):
    for part in net[:n]:
        part.requires_grad = False


def to_sleep(layer, inputs):
    layer.eval()


def only_two_dimensions(net, n):
    parameters_only(net, n)
    for layer in net[:n].modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.register_forward_pre_hook(to_sleep)


def never_awake_again(net, n):
    parameters_only(net, n)
    for layer in net[:n].modules():
        layer.register_forward_pre_hook(to_sleep)


def no_tracking(net, n):
    parameters_only(net, n)
    for k, part in enumerate(net):
        for layer in part.modules():
            if hasattr(layer, "track_running_stats"):
                layer.track_running_stats = k >= n


def hook_that_replaces(net, n):
    parameters_only(net, n)
    for layer in net[:n].modules():
        layer._forward_pre_hooks.clear()
        layer.register_forward_pre_hook(lambda layer, inputs: layer.eval())


WRONG = {
    "04.1": [
        (512 * 120, "what else"),
        (512 * 121, "not for each feature"),
        (632, "a weight for each feature"),
        (0, "something does learn"),
    ],
    "04.2": [
        (count_tensors, "counts tensors"),
        (count_by_state, "they are not parameters"),
        (count_all, "those of the other kind too"),
        (count_frozen_first, "wrong order"),
        (count_outer_layers, "fewer than there are"),
        (lambda net: sum(p.numel() for p in net.parameters()), "three whole numbers"),
    ],
    "04.3": [
        ({1: (0.7, 0.6), 8: (0.8, 0.8)}, "three numbers"),
        ({1: (0.7, 0.6), 2: (0.7, 0.6), 4: (0.8, 0.7)}, "8 epochs or more"),
        ({1: (70, 60), 3: (80, 80), 9: (90, 90)}, "fraction"),
        ({1: 0.7, 3: 0.8, 9: 0.9}, "two accuracies"),
        ({1: (0.7, 0.7), 3: (0.8, 0.8), 9: (0.9, 0.9)}, "was anything frozen"),
        ({1: (0.5, 0.7), 3: (0.6, 0.8), 9: (0.8, 0.9)}, "fine-tuned first, then frozen"),
    ],
    "04.4": [
        (by_differences, "equal differences"),
        (typed_in, "not `high`"),
        (upside_down, "other way round"),
        (frozen_count_too, "not `low`"),
        (frozen_groups, "for what is frozen"),
        (body_only, "in no group"),
        (nothing_below, "ZeroDivisionError"),
    ],
    "04.5": [
        (parameters_only, "No parameter moves, but the BatchNorm2d"),
        (eval_once, "wakes it up again"),
        (wrong_end, "wrong end"),
        (hook_that_replaces, "ran, and using the result stopped with"),
        (all_of_it, "output layer, net[-1], is frozen too"),
        (one_less, "off by one"),
        (on_layers, "Setting requires_grad on a layer"),
        (only_two_dimensions, "the BatchNorm1d"),
        (never_awake_again, "Called again with another n: With n = 1, the BatchNorm2d in net[1]"),
        (no_tracking, "changes the answers"),
    ],
}
