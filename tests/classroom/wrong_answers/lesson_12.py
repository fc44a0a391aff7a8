"""What goes wrong in the exercises of lesson 12, and words of the diagnosis that it must get."""

import copy
import math

import numpy as np
import torch
from torch import nn
from torch.nn.utils import parametrize

from helpers import models
from tests.classroom.wrong_answers.styles import returning, right


def level_by_quantile(p, share):
    return torch.quantile(p, 1 - share)


def level_by_numpy(p, share):
    return np.percentile(p.numpy(), 100 * (1 - share))


def level_by_sorting(p, share):
    return p.sort(descending=True).values[round(share * len(p))]


def level_in_the_middle(p, share):
    ranked = sorted(p.tolist())
    k = len(ranked) - round(share * len(ranked))
    return (ranked[k - 1] + ranked[k]) / 2


def level_by_trying(p, share):
    return next(level for level in sorted(p.tolist()) if (p > level).float().mean() <= share + 1e-6)


def what_learns(net):
    stages = [[p for p in s.parameters if p.requires_grad] for s in models.stages(net)]
    return [part for part in stages if part] + [list(models.output_layer(net)[1].parameters())]


def by_factors(parts, low, high):
    """The right rates for these parts, from the first one to the last."""
    steps = max(len(parts) - 1, 1)
    return [{"params": p, "lr": low * (high / low) ** (i / steps)} for i, p in enumerate(parts)]


def proper_rates(net, low, high):
    parts = what_learns(net)
    return by_factors(parts, low if len(parts) > 1 else high, high)


def by_logarithms(net, low, high):
    parts = what_learns(net)
    rates = np.geomspace(low, high, len(parts)) if len(parts) > 1 else [high]
    return [{"params": iter(p), "lr": rate} for p, rate in zip(parts, rates, strict=True)]


def by_repeated_division(net, low, high):
    parts, groups, rate = what_learns(net)[::-1], [], high
    factor = (high / low) ** (1 / (len(parts) - 1)) if len(parts) > 1 else 1
    for part in parts:
        groups.append({"params": part, "lr": rate})
        rate /= factor
    return groups


def by_logspace(net, low, high):
    parts = what_learns(net)
    ends = math.log10(high), math.log10(low)
    rates = torch.logspace(*ends, len(parts))
    return [{"params": p, "lr": r} for p, r in zip(parts[::-1], rates, strict=True)]


def one_group_a_parameter(net, low, high):
    for group in proper_rates(net, low, high):
        yield from ({"params": [p], "lr": group["lr"]} for p in group["params"])


def changed(change):
    """The right groups with other params."""
    return lambda *a: [g | {"params": [change(p) for p in g["params"]]} for g in proper_rates(*a)]


def names_of_parameters(net, low, high):
    names = {id(p): name for name, p in net.named_parameters()}
    return changed(lambda p: names[id(p)])(net, low, high)


def used_up(net, low, high):
    """A generator, gone through before it is handed over."""
    groups = [g | {"params": iter(g["params"])} for g in proper_rates(net, low, high)]
    print([sum(p.numel() for p in g["params"]) for g in groups])
    return groups


def by_differences(net, low, high):
    parts = what_learns(net)
    rates = torch.linspace(high, low, len(parts)).tolist()[::-1]
    return [{"params": p, "lr": rate} for p, rate in zip(parts, rates, strict=True)]


def one_step_for_two(net, low, high):
    """The top stage is as fast as the output layer."""
    parts = what_learns(net)
    if len(parts) == 1:
        return proper_rates(net, low, high)
    groups = by_factors(parts[:-1], low, high)
    return [*groups, {"params": parts[-1], "lr": high}]


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


def merged(leave=True, kinds=(nn.Conv2d, nn.Linear), after=lambda layer, weight: None):
    """A function that removes the parametrizations of these kinds of layers."""

    def merge(net):
        for layer in [*net.modules()]:
            if isinstance(layer, kinds) and parametrize.is_parametrized(layer):
                weight = layer.weight.detach().clone()
                parametrize.remove_parametrizations(layer, "weight", leave_parametrized=leave)
                after(layer, weight)
        return net

    return merge


def merge_by_hand(net):
    for layer in list(net.modules()):
        if hasattr(layer, "parametrizations"):
            old, low_rank = layer.parametrizations.weight.original, layer.parametrizations.weight[0]
            weight = old + (low_rank.up @ low_rank.down).reshape(old.shape)
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
            layer.weight = nn.Parameter(weight.detach())


def merge_into_new_layers(net):
    """Each parametrized layer gives way to a fresh one."""
    for name, layer in list(net.named_modules()):
        if type(layer).__name__.startswith("Parametrized"):
            weight, parent = layer.weight.detach(), net.get_submodule(name.rpartition(".")[0])
            if isinstance(layer, nn.Linear):
                fresh = nn.Linear(layer.in_features, layer.out_features)
            else:
                groups = layer.groups
                sides = (layer.in_channels, layer.out_channels, layer.kernel_size)
                fresh = nn.Conv2d(*sides, groups=groups)
            with torch.no_grad():
                fresh.weight.copy_(weight), fresh.bias.copy_(layer.bias)
            setattr(parent, name.rpartition(".")[2], fresh)
    return net


def add_the_product_and_keep_it(net):
    """The product is added to the weight below, and added again in each forward pass."""
    for layer in net.modules():
        if parametrize.is_parametrized(layer):
            layer.parametrizations.weight.original.data.copy_(layer.weight)


def add_twice(layer, weight):
    layer.weight.data.add_(weight)


def as_a_plain_tensor(layer, weight):
    del layer.weight
    layer.weight = weight


def with_a_copy_beside(layer, weight):
    layer.register_buffer("merged", weight)


def by_state_dict(one, other, alpha):
    net, end = copy.deepcopy(one), other.state_dict()
    mixed = {k: (1 - alpha) * v + alpha * end[k] for k, v in net.state_dict().items()}
    net.load_state_dict(mixed)
    return net


def by_lerp(one, other, alpha):
    net = copy.deepcopy(one)
    with torch.no_grad():
        for to, end in ((net.parameters(), other.parameters()), (net.buffers(), other.buffers())):
            for mine, theirs in zip(to, end, strict=True):
                if mine.is_floating_point():
                    mine.lerp_(theirs, alpha)
    return net


def parameters_alone(one, other, alpha):
    """As in the lesson, where both networks have the same statistics."""
    net = copy.deepcopy(one)
    for weight, end in zip(net.parameters(), other.parameters(), strict=True):
        weight.data.lerp_(end.data, alpha)
    return net


def output_layer_alone(one, other, alpha):
    net = copy.deepcopy(one)
    net[-1] = by_lerp(one, other, alpha)[-1]
    return net


def in_place(one, other, alpha):
    one.load_state_dict(by_lerp(one, other, alpha).state_dict())
    return one


def choosing(between, pick=lambda scores: max(sorted(scores), key=scores.get)):
    """A function that scores what `between` makes for each alpha, and picks one."""
    return lambda a, b, alphas, score: pick({k: score(between(a, b, k)) for k in alphas})


def choose_in_a_loop(one, other, alphas, score):
    best = best_score = None
    for alpha in sorted(alphas):
        value = score(by_lerp(one, other, alpha))
        if best_score is None or value > best_score:
            best, best_score = alpha, value
    return best


def choose_on_one_and_restore(one, other, alphas, score):
    """It borrows `one` and gives it back as it was."""
    start, scores = copy.deepcopy(one.state_dict()), {}
    for alpha in alphas:
        one.load_state_dict(by_state_dict(one, other, alpha).state_dict())
        scores[alpha] = score(one)
        one.load_state_dict(start)
    return min(scores, key=lambda alpha: (-scores[alpha], alpha))


def choose_by_numpy(one, other, alphas, score):
    alphas = np.sort(alphas)
    return alphas[np.argmax([score(by_state_dict(one, other, alpha)) for alpha in alphas])]


def ends_as_they_are(one, other, alphas, score):
    nets = {0: one, 1: other}
    ranked = sorted(alphas)
    return max(ranked, key=lambda a: score(nets.get(a) or by_lerp(one, other, a)))


def walk_on(one, other, alphas, score):
    """Each walk begins where the last one has ended."""
    net, scores = copy.deepcopy(one), {}
    for alpha in alphas:
        net = by_lerp(net, other, alpha)
        scores[alpha] = score(net)
    return max(scores, key=scores.get)


def zero_is_nothing(one, other, alphas, score):
    """An alpha of 0 is as good as none in an `if`."""
    best, best_score = None, 0
    for alpha in sorted(alphas):
        value = score(by_lerp(one, other, alpha))
        if not best or value > best_score:
            best, best_score = alpha, value
    return best


WRONG = {
    "12.1": [
        (lambda p, share: p.median(), "the median whatever the share"),
        (lambda p, share: 0.5, "the same level whatever the share"),
        (lambda p, share: p.mean(), "the same level whatever the share"),
        (lambda p, share: 1 - share, "That is 1 - share"),
        (lambda p, share: share, "That is the share itself"),
        (lambda p, share: p.quantile(share), "the wrong end"),
        (lambda p, share: p.sort().values[round(share * len(p))], "the wrong end"),
        (lambda p, share: p.sort().values[-round(share * len(p))], "Off by one"),
        (lambda p, share: p.topk(round(share * len(p))).values[-1], "Off by one"),
        (lambda p, share: p.quantile(1 - share, interpolation="higher"), "Off by one"),
        (lambda p, share: p.sort(descending=True).values[round(share * len(p)) + 1], "Off by one"),
        (lambda p, share: round(share * len(p)), "return the level itself"),
        (lambda p, share: p.max() * (1 - share), "lie above, not"),
        (lambda p, share: p > p.quantile(1 - share), "40 values"),
        (lambda p, share: p.topk(round(share * len(p))).values, "values, where one number"),
        (lambda p, share: float("nan"), "That is nan"),
        (lambda p, share: None, "returns nothing"),
        (lambda p, share: "high", "'high' is none"),
        (lambda p, share: p.mul_(2).median(), "changes the probabilities"),
    ],
    "12.2": [
        (by_differences, "equal differences"),
        (typed_in, "not `high`"),
        (upside_down, "other way round"),
        (frozen_count_too, "not `low`"),
        (frozen_groups, "for what is frozen"),
        (body_only, "in no group"),
        (nothing_below, "ZeroDivisionError"),
        (one_step_for_two, "a step of its own"),
        (used_up, "a group is empty"),
        (names_of_parameters, "are names"),
        (changed(lambda p: p.detach().clone()), "a copy"),
        (lambda *a: proper_rates(*a) * 2, "in two groups"),
        (lambda *a: [{"params": g["params"]} for g in proper_rates(*a)], "no lr"),
        (lambda *a: [g | {"lr": str} for g in proper_rates(*a)], "should return"),
        (lambda *a: proper_rates(*a)[-1:], "in no group"),
        (lambda *a: torch.optim.SGD(proper_rates(*a)), "not the optimiser"),
        (lambda net, low, high: models.rate_per_stage(net, high, 2.6), "not `low`"),
        (lambda net, low, high: models.param_groups(net, low), "not `high`"),
        (lambda net, low, high: [{"params": net.parameters(), "lr": high}], "not `low`"),
        (lambda *a: [g["lr"] for g in proper_rates(*a)], "should return"),
    ],
    "12.3": [
        (lambda net: net, "The Conv2d at net.2.0 is still parametrized"),
        (add_the_product_and_keep_it, "is still parametrized"),
        (merged(kinds=nn.Conv2d), "The Linear at net.4 is still parametrized"),
        (merged(leave=False), "what it has learned is thrown away"),
        (merged(after=add_twice), "plus the product, once"),
        (merged(after=lambda layer, weight: layer.weight.data.zero_()), "outputs have changed"),
        (merged(after=as_a_plain_tensor), "2.0.weight is not in net.state_dict()"),
        (merged(after=with_a_copy_beside), "2.0.merged, which a plain network does not know"),
        (lambda net: merged()(copy.deepcopy(net)), "returns another network"),
        (lambda net: parametrize.remove_parametrizations(net, "weight"), "does not have a"),
        (lambda net: net.load_state_dict({}), "RuntimeError"),
    ],
    "12.4": [
        (choosing(parameters_alone), "buffers have to go along"),
        (choosing(output_layer_alone), "off the line"),
        (choosing(in_place), "does every walk begin at `one`"),
        (choosing(lambda one, other, a: by_lerp(other, one, a)), "walk the other way"),
        (choosing(by_lerp, lambda s: max(s, key=s.get)), "choose the smaller one"),
        (choosing(by_lerp, lambda s: min(s, key=s.get)), "and another alpha has"),
        (choosing(by_lerp, lambda s: max(s.values())), "That is the score"),
        (choosing(by_lerp, lambda s: 1 + max(range(len(s)), key=[*s.values()].__getitem__)), "not"),
        (choosing(by_lerp, lambda s: 0.33), "not among the alphas"),
        (choosing(by_lerp, lambda s: None), "returns nothing"),
        (choosing(by_lerp, lambda s: max(s)), "another alpha has"),
        (choosing(lambda one, other, a: one.state_dict()), "takes a network"),
        (lambda one, other, alphas, score: 0.75, "has been scored"),
        (lambda one, other, alphas, score: score(0.5), "takes a network"),
        (lambda one, other, alphas, score: max(alphas, key=score), "takes a network"),
        (lambda one, other, alphas, score: score(other) and 1, "has been scored"),
        (walk_on, "does every walk begin at `one`"),
        (zero_is_nothing, "another alpha has"),
        (lambda *a: (a[0][0].weight.data.add_(1), choose_in_a_loop(*a))[1], "off the line"),
        (lambda *a: (choose_in_a_loop(*a), a[1][0].weight.data.add_(1))[0], "changes `other`"),
    ],
}

RIGHT = {
    "12.1": right(
        level_by_quantile,
        level_by_numpy,
        level_by_sorting,
        level_in_the_middle,
        level_by_trying,
        *returning(level_by_sorting, float, np.float64, lambda v: str(v.item()), lambda v: v[None]),
        *returning(level_by_sorting, lambda v: [v]),
    ),
    "12.2": right(
        proper_rates,
        by_logarithms,
        by_repeated_division,
        by_logspace,
        one_group_a_parameter,
        *returning(proper_rates, tuple, iter, lambda g: g[::-1]),
    ),
    "12.3": right(
        merged(),
        merge_by_hand,
        merge_into_new_layers,
        merged(after=lambda layer, weight: layer.requires_grad_(True)),
        merged(leave=False, after=lambda layer, weight: layer.weight.data.copy_(weight)),
        *returning(merged(), lambda net: None, lambda net: net.train(), lambda net: True),
    ),
    "12.4": right(
        choosing(by_lerp),
        choosing(by_state_dict),
        choose_in_a_loop,
        choose_on_one_and_restore,
        choose_by_numpy,
        ends_as_they_are,
        *returning(choose_in_a_loop, str, torch.tensor, lambda alpha: [alpha]),
    ),
}
