"""What goes wrong in the exercises of lesson 04, and words of the diagnosis that it must get."""

import math
import types

import numpy as np
import torch
from torch import nn

from helpers import models
from tests.classroom.wrong_answers.styles import mappings, returning, right


def proper_count(net):
    learn = sum(p.numel() for p in net.parameters() if p.requires_grad)
    frozen = sum(p.numel() for p in net.parameters() if not p.requires_grad)
    return learn, frozen, sum(b.numel() for b in net.buffers())


def count_in_one_loop(net):
    counts = [0, 0, 0]
    for _, p in net.named_parameters():
        counts[0 if p.requires_grad else 1] += math.prod(p.shape)
    for _, b in net.named_buffers():
        counts[2] += b.nelement()
    return counts


def count_by_layers(net):
    """Each tensor once, though two layers share it."""
    seen, counts = set(), {"learn": 0, "frozen": 0, "buffers": 0}
    for layer in net.modules():
        for p in layer.parameters(recurse=False):
            if id(p) not in seen:
                seen.add(id(p))
                counts["learn" if p.requires_grad else "frozen"] += p.numel()
        counts["buffers"] += sum(b.numel() for b in layer.buffers(recurse=False))
    return counts


def count_by_difference(net):
    every = sum(p.numel() for p in net.parameters())
    learn = sum(p.numel() for p in filter(lambda p: p.requires_grad, net.parameters()))
    return torch.tensor([learn, every - learn, sum(map(torch.numel, net.buffers()))])


def counted_by(parameters, buffers):
    """Counts of what these give of a network, as lists of tensors."""

    def count(net):
        found = parameters(net)
        sums = [sum(p.numel() for p in found if p.requires_grad == on) for on in (True, False)]
        return *sums, sum(b.numel() for b in buffers(net))

    return count


def own_parameters(net):
    return [p for layer in net.modules() for p in layer.parameters(recurse=False)]


def state_without_parameters(net):
    names = dict(net.named_parameters())
    return [value for name, value in net.state_dict().items() if name not in names]


def of_two_dimensions(net):
    norms = [layer for layer in net.modules() if isinstance(layer, nn.BatchNorm2d)]
    return [b for layer in norms for b in layer.buffers()]


def means_and_variances(net):
    return [b for b in net.buffers() if b.ndim]


def thaws(net):
    result = proper_count(net)
    net.requires_grad_(True)
    return result


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


def parameters_only(net, n):
    for k, part in enumerate(net):
        part.requires_grad_(k >= n)


def eval_once(net, n):
    parameters_only(net, n)
    net[:n].eval()


def stay_asleep(self, mode=True):
    return nn.Module.train(self, mode and not self.__dict__.get("asleep", False))


def with_a_train_of_its_own(net, n):
    for k, part in enumerate(net):
        for layer in part.modules():
            layer.asleep = k < n
            layer.train = types.MethodType(stay_asleep, layer)
        part.requires_grad_(k >= n)
        part.train(k >= n)
    return net


def with_a_train_of_the_network(net, n):
    def train(self, mode=True):
        nn.Sequential.train(self, mode)
        for part in self[:n]:
            part.eval()
        return self

    net.train = types.MethodType(train, net)
    for i in range(len(net)):
        for p in net[i].parameters():
            p.requires_grad = i >= n
    net.train()


def with_one_hook(net, n):
    """One hook of the network, removed by the next call."""
    if hasattr(net, "keeps_frozen"):
        net.keeps_frozen.remove()

    def sleep(net, inputs):
        for part in net[:n]:
            part.eval()

    net.keeps_frozen = net.register_forward_pre_hook(sleep)
    net[:n].requires_grad_(False)
    net[n:].requires_grad_(True)
    return net


def with_kept_handles(net, n):
    for handle in net.__dict__.get("handles", []):
        handle.remove()
    net.handles = []
    for k, part in enumerate(net.children()):
        for p in part.parameters():
            p.requires_grad_(k >= n)
        if k < n:
            hook = part.register_forward_pre_hook(lambda part, inputs: part.eval() and None)
            net.handles.append(hook)
    return net


def without_momentum(net, n):
    parameters_only(net, n)
    for k, part in enumerate(net):
        for layer in part.modules():
            if isinstance(layer, nn.modules.batchnorm._BatchNorm):
                layer.momentum = 0.0 if k < n else 0.1


def norms_only(net, n):
    """Dropout goes on."""
    parameters_only(net, n)
    for k, part in enumerate(net):
        for layer in part.modules():
            if isinstance(layer, nn.modules.batchnorm._BatchNorm):
                layer.asleep = k < n
                layer.train = types.MethodType(stay_asleep, layer)
                layer.train()


def thaws_all_but_dropout(net, n):
    for k, part in enumerate(net):
        part.requires_grad_(k >= n)
        for layer in part.modules():
            if isinstance(layer, (nn.Dropout, nn.modules.batchnorm._BatchNorm)):
                stays = isinstance(layer, nn.Dropout) and layer.__dict__.get("asleep")
                layer.asleep = stays or k < n
                layer.train = types.MethodType(stay_asleep, layer)


def by_the_course(net, n):
    return models.freeze(net, n)


def in_a_copy(net, n):
    import copy

    return with_one_hook(copy.deepcopy(net), n)


def without_gradients(net, n):
    with_one_hook(net, n)
    torch.set_grad_enabled(False)


def no_bias(net, n):
    with_one_hook(net, n)
    for name, p in net.named_parameters():
        if name.endswith("bias"):
            p.requires_grad_(True)


def never_thawed(net, n):
    with_one_hook(net, n)
    net[:3].requires_grad_(False) if n == 3 else None
    for part in net[:3] if hasattr(net, "once") else []:
        part.requires_grad_(False)
    net.once = True


def ignores_n(net, n):
    return with_one_hook(net, 3)


def always_asleep(net, n):
    with_one_hook(net, n)
    net.train = types.MethodType(lambda self, mode=True: nn.Sequential.train(self, False), net)


def always_awake(net, n):
    with_one_hook(net, n)
    net.register_forward_pre_hook(lambda net, inputs: nn.Sequential.train(net[n:], True) and None)


ACCURACIES = {1: (0.7, 0.6), 3: (0.8, 0.75), 9: (0.9, 0.88)}


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
        (count_tensors, "counts tensors"),
        (count_by_state, "they are not parameters"),
        (count_all, "those of the other kind too"),
        (count_frozen_first, "wrong order"),
        (count_outer_layers, "fewer than there are"),
        (lambda net: sum(p.numel() for p in net.parameters()), "three whole numbers"),
        (counted_by(own_parameters, lambda net: [*net.buffers()]), "two names"),
        (counted_by(lambda net: [*net.parameters()], state_without_parameters), "two names"),
        (counted_by(lambda net: [*net.parameters()], of_two_dimensions), "fewer than there are"),
        (counted_by(lambda net: [*net.parameters()], means_and_variances), "counts its batches"),
        (counted_by(lambda net: [*net[0].parameters()], lambda net: [*net.buffers()]), "fewer"),
        (counted_by(lambda net: [*net.parameters()], lambda net: []), "fewer than there are"),
        (counted_by(lambda net: [*net.parameters(), *net.buffers()], nn.Module.buffers), "buffers"),
        (lambda net: proper_count(net)[::-1], "wrong order"),
        (lambda net: proper_count(net)[:2], "these are 2"),
        (lambda net: (2562, 3371008, 42065), "more than there are"),
        (lambda net: tuple(map(bool, proper_count(net))), "truth value"),
        (thaws, "must not change"),
    ],
    "04.2": [
        ({1: (0.7, 0.6), 8: (0.8, 0.8)}, "three numbers"),
        ({1: (0.7, 0.6), 2: (0.7, 0.6), 4: (0.8, 0.7)}, "8 epochs or more"),
        ({1: (70, 60), 3: (80, 80), 9: (90, 90)}, "fraction"),
        ({1: 0.7, 3: 0.8, 9: 0.9}, "two accuracies"),
        ({1: (0.7, 0.7), 3: (0.8, 0.8), 9: (0.9, 0.9)}, "was anything frozen"),
        ({1: (0.5, 0.7), 3: (0.6, 0.8), 9: (0.8, 0.9)}, "fine-tuned first, then frozen"),
        (ACCURACIES | {9: (0.9, float("nan"))}, "The entry 9: That is nan"),
        (ACCURACIES | {9: (0.9,)}, "The entry 9: it holds 1 numbers"),
        (ACCURACIES | {9: (0.9, None)}, "The entry 9 is"),
        (ACCURACIES | {9: (0.9, 0.8, 0.7)}, "it holds 3 numbers"),
        (ACCURACIES | {4.5: (0.8, 0.7)}, "epochs are whole"),
        (ACCURACIES | {4: (0.8, 0.7)}, "twice the one before"),
        ({2: (0.7, 0.6), 4: (0.8, 0.7), 8: (0.9, 0.8)}, "Begin with 1 epoch"),
        ({0: (0.5, 0.5)} | ACCURACIES, "Begin with 1 epoch"),
        ([(0.7, 0.6), (0.8, 0.75), (0.9, 0.88)], "should hold two accuracies"),
        (ACCURACIES | {9: (0.9, 1.1)}, "fraction"),
        (ACCURACIES | {9: (0.9, -0.1)}, "fraction"),
        ("0.7, 0.6", "should be a dictionary"),
    ],
    "04.3": [
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
        (without_momentum, "BatchNorm"),
        (norms_only, "Dropout changes the answers"),
        (thaws_all_but_dropout, "stays in eval mode, but it should learn"),
        (by_the_course, "CourseError"),
        (in_a_copy, "another network"),
        (without_gradients, "switched off"),
        (no_bias, "still learn"),
        (never_thawed, "Called again with another n"),
        (ignores_n, "Called again with another n"),
        (always_asleep, "stays in eval mode"),
        (always_awake, "into train mode again"),
        (lambda net, n: net[:n], "another network"),
        (lambda net, n: None, "still learn"),
    ],
}

RIGHT = {
    "04.1": right(
        count_in_one_loop,
        count_by_layers,
        count_by_difference,
        *returning(proper_count, list, np.array, torch.tensor, lambda v: [str(x) for x in v]),
        *returning(proper_count, lambda v: tuple(map(float, v)), iter),
    ),
    "04.2": right(
        {1: (0.7, 0.6), 2: (0.7, 0.6), 4: (0.8, 0.7), 8: (0.8, 0.8), 16: (0.9, 0.9)},
        {1: (0.6, 0.65), 8: (0.8, 0.8), 64: (0.9, 0.7)},
        *mappings(ACCURACIES),
    ),
    "04.3": right(
        with_a_train_of_its_own,
        with_a_train_of_the_network,
        with_one_hook,
        with_kept_handles,
    ),
}
