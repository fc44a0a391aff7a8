"""What goes wrong in the exercises of lesson 12, and words of the diagnosis that it must get."""

import math

import numpy as np
import torch

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
}
