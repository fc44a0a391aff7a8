"""Which parameters of a network learn, and how fast: groups for an optimiser, stages, freezing."""

from __future__ import annotations

import re
from typing import NamedTuple

from torch import nn

from helpers import require
from helpers.require import CourseError


def output_layers(net: nn.Module) -> dict[str, nn.Module]:
    """Returns {name: layer}: the layers with one output per class; most networks have one.

    timm's networks name theirs; elsewhere it is the last nn.Linear or, without any, the last 1 x 1
    convolution. An nn.Identity stands where a timm network has no classes yet.
    """
    require.network(net)
    if not hasattr(net, "pretrained_cfg"):
        return _last_layer(net, "")
    names = net.pretrained_cfg.get("classifier") or ()
    names = [names] if isinstance(names, str) else names
    modules = dict(net.named_modules())
    layers = [_last_layer(modules[name], name) for name in names if name in modules]
    return {name: layer for found in layers for name, layer in found.items()}


def _last_layer(module: nn.Module, prefix: str) -> dict[str, nn.Module]:
    named = list(module.named_modules(prefix=prefix))
    for kind in (nn.Linear, nn.Conv2d, nn.Identity if prefix else ()):
        for name, layer in reversed(named):
            if isinstance(layer, kind) and getattr(layer, "kernel_size", (1, 1)) == (1, 1):
                return {name: layer}
    return {}


def output_layer(net: nn.Module) -> tuple[str, nn.Module]:
    """Returns the name and module of the layer with one output per class.

    It is the first one where a network averages several (see `output_layers`).
    """
    layers = output_layers(net)
    if not layers:
        raise CourseError(
            f"{type(net).__name__} has no linear output layer to replace: choose another network."
        )
    return next(iter(layers.items()))


def head(net: nn.Module) -> dict[str, nn.Module]:
    """Returns {name: module}: the head, from its first layer on to the output layers.

    A head has several layers where a part of the network called head, classifier or fc does:
    torchvision's VGG, MobileNetV3 and ConvNeXt, for example.
    """
    parts = {}
    for name in output_layers(net) or [output_layer(net)[0]]:
        found = HEAD.match(name)
        name = found[0] if found else name
        parts[name] = net.get_submodule(name)
    return parts


def param_groups(net: nn.Module, lr: float, head_factor: float = 10) -> list[dict]:
    """Returns two groups for an optimiser: body at `lr`, head at `head_factor * lr`.

    Frozen parameters (`requires_grad` is False) are left out.
    """
    lr = require.number(lr, "lr", 0)
    head_factor = require.number(head_factor, "head_factor", 0)
    in_head = {p for part in head(net).values() for p in part.parameters()}
    trained = [p for p in net.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p not in in_head], "lr": lr},
        {"params": [p for p in trained if p in in_head], "lr": head_factor * lr},
    ]
    return [group for group in groups if group["params"]]


# a part of a name, up to one of these: timm and torchvision call their heads so
HEAD = re.compile(r"(?:.*?\.)??(?:head|classifier|fc)[^.]*(?=\.|$)")
NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)


class Stage(NamedTuple):
    """A part of a network's body: its name, its parameters, the layers that hold them."""

    name: str
    parameters: list[nn.Parameter]
    layers: list[nn.Module]


# parts of torchvision's networks that hold a part of the body each
CONTAINERS = {"features", "layers", "blocks", "trunk_output", "encoder"}


def stages(net: nn.Module) -> list[Stage]:
    """Returns the parts of the body, from the bottom (next to the pixels) up; no layer of the head.

    For timm's networks, which say how they are divided, and torchvision's.
    """
    require.network(net)
    if type(net).__module__.startswith("torchvision.models"):
        parts = _torchvision_stages(net)
    elif hasattr(net, "group_matcher"):
        parts = _timm_stages(net)
    else:
        raise CourseError(
            f"The stages of {type(net).__name__} are not known: choose another network of timm "
            "or torchvision."
        )
    above = tuple(f"{name}." for name in head(net))
    result = []
    for title, names in parts:
        names = [name for name in names if not name.startswith(above)]
        layers = dict.fromkeys(net.get_submodule(name.rpartition(".")[0]) for name in names)
        parameters = [net.get_parameter(name) for name in names]
        if names:
            title = title or _stage_name(names)
            result.append(Stage(title, parameters, [m for m in layers if m is not net]))
    return result


def _timm_stages(net: nn.Module) -> list[tuple[str, list[str]]]:
    from timm.models import group_parameters

    groups = group_parameters(net, net.group_matcher(coarse=True))
    return [("", names) for _, names in sorted(groups.items())]


def _torchvision_stages(net: nn.Module) -> list[tuple[str, list[str]]]:
    """Returns names of stages and of their parameters: a stage is a child of the network or of one
    of its containers, with the normalisation after it; the first has what belongs to no child."""
    parts, queue = {}, [(name, child) for name, child in net.named_children()]
    while queue:
        name, child = queue.pop(0)
        if name.rpartition(".")[2] in CONTAINERS:
            queue = [(f"{name}.{inner}", m) for inner, m in child.named_children()] + queue
            continue
        names = [f"{name}.{parameter}" for parameter, _ in child.named_parameters()]
        if names and parts and isinstance(child, NORMS):
            below = next(reversed(parts))
            parts[f"{below} + {name}"] = parts.pop(below) + names
        elif names:
            parts[name] = names
    held = {name for names in parts.values() for name in names}
    parts[next(iter(parts))] += [name for name, _ in net.named_parameters() if name not in held]
    return list(parts.items())


def _stage_name(parameters: list[str]) -> str:
    """Returns what a stage consists of: "conv_stem + bn1", "blocks.3", "layer2"."""
    blocks, parents = {}, {}  # dictionaries keep the order
    for name in parameters:
        parent, _, rest = name.partition(".")
        child = rest.partition(".")[0]
        blocks[f"{parent}.{child}" if child.isdigit() else parent] = True
        parents[parent] = True
    return " + ".join(parents if len(parents) == 1 < len(blocks) else blocks)


def freeze(net: nn.Module, n: int) -> nn.Module:
    """Freezes the bottom `n` stages and lets everything above them learn.

    Frozen is frozen: parameters get no gradient, and the layers stay in eval mode even after
    `net.train()`, so that BatchNorm keeps its means and variances and dropout and drop-path drop
    nothing. Make the optimiser afterwards, from what still learns.
    """
    parts = stages(net)
    n = require.whole(n, "n, the number of stages,", 0, len(parts))
    frozen = {parameter for stage in parts[:n] for parameter in stage.parameters}
    for stage in parts:
        for parameter in stage.parameters:
            parameter.requires_grad = parameter not in frozen
            if parameter in frozen:
                parameter.grad = None
    below = layers_with(net, frozen)
    for layer in net.modules():
        was = getattr(layer, "frozen", None)
        if was is None and layer in below:
            layer.register_forward_pre_hook(_eval_mode_while_frozen)
        if was and layer not in below:
            layer.training = net.training
        if was is not None or layer in below:
            layer.frozen = layer in below
    return net


def layers_with(net: nn.Module, parameters: set[nn.Parameter]) -> set[nn.Module]:
    """Returns the modules all of whose parameters are among these, with all that is in them.

    A layer without any, such as dropout between two stages, belongs to the next one above it.
    """
    chosen, between, part, inside = set(), [], None, False
    for name, layer in net.named_modules():
        if part is None or not name.startswith(f"{part}."):
            kinds = {p in parameters for p in layer.parameters()}
            if len(kinds) != 1:
                between += [] if kinds else [layer]
                continue
            part, inside = name, kinds.pop()
            chosen.update(between if inside else [])
            between = []
        if inside:
            chosen.add(layer)
    return chosen


def _eval_mode_while_frozen(layer: nn.Module, inputs: tuple) -> None:
    if layer.frozen:
        layer.training = False  # before each forward pass: no later net.train() can undo it


def keep_statistics(net: nn.Module) -> nn.Module:
    """Makes every BatchNorm layer keep the running means and variances it already has.

    They are buffers, not parameters: in train mode each small batch would change them, whatever
    `requires_grad` says. The weights and biases of these layers are trained as before.
    """
    require.network(net)
    for layer in net.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            if not hasattr(layer, "keeps_statistics"):
                layer.register_forward_pre_hook(_stay_in_eval_mode)
            layer.keeps_statistics = True
    return net


def _stay_in_eval_mode(layer: nn.Module, inputs: tuple) -> None:
    layer.eval()  # before each forward pass, so that no later net.train() can undo it
