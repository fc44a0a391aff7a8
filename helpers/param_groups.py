"""Which parameters of a network learn, and how fast: groups for an optimiser, stages, freezing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from torch import nn

from helpers import require
from helpers.require import CourseError

HEADS = ("head", "classifier", "fc")  # timm and torchvision begin the names of their heads so
# torchvision's networks, and what in them holds a part of the body each
CONTAINERS = {"", "features", "layers", "blocks", "trunk_output", "encoder"}
BATCH_NORM = nn.modules.batchnorm._BatchNorm


def output_layers(net: nn.Module) -> dict[str, nn.Module]:
    """Returns {name: layer}: the layers with one output per class; most networks have one.

    timm's networks name theirs; elsewhere it is the last nn.Linear or, without any, the last 1 x 1
    convolution. An nn.Identity stands where a timm network has no classes yet.
    """
    require.network(net)
    modules = dict(net.named_modules())
    if hasattr(net, "pretrained_cfg"):
        named = net.pretrained_cfg.get("classifier") or ()
        named = (named,) if isinstance(named, str) else named
    else:
        linear = [name for name, m in modules.items() if isinstance(m, nn.Linear)]
        convolutions = {name: m for name, m in modules.items() if isinstance(m, nn.Conv2d)}
        pointwise = [name for name, m in convolutions.items() if m.kernel_size == (1, 1)]
        named = (linear or pointwise)[-1:]
    return {name: modules[name] for name in named if name in modules}


def output_layer(net: nn.Module) -> tuple[str, nn.Module]:
    """Returns the name and module of the first of the `output_layers`."""
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
    output_layer(net)  # raises CourseError without one
    parts = {}
    for name in output_layers(net):
        path = name.split(".")
        depths = [i for i, part in enumerate(path, 1) if part.startswith(HEADS)]
        name = ".".join(path[: depths[0]]) if depths else name
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


class Stage(NamedTuple):
    """A part of a network's body: its name, its parameters, the layers that hold only these."""

    name: str
    parameters: list[nn.Parameter]
    layers: list[nn.Module]


def stages(net: nn.Module) -> list[Stage]:
    """Returns the parts of the body, from the bottom (next to the pixels) up; no layer of the head.

    For timm's networks, which say how they are divided, and torchvision's.
    """
    require.network(net)
    if type(net).__module__.startswith("torchvision.models"):
        parts = _torchvision_stages(net)
    elif hasattr(net, "group_matcher"):
        from timm.models import group_parameters  # not before it is needed

        groups = group_parameters(net, net.group_matcher(coarse=True))
        parts = [("", groups[key]) for key in sorted(groups)]
    else:
        raise CourseError(
            f"The stages of {type(net).__name__} are not known: choose one of timm or torchvision."
        )
    in_head = {p for part in head(net).values() for p in part.parameters()}
    body = {name: p for name, p in net.named_parameters() if p not in in_head}
    result = []
    for title, names in parts:
        held = {name: body[name] for name in names if name in body}
        holders = dict.fromkeys(net.get_submodule(name.rpartition(".")[0]) for name in held)
        layers = [layer for layer in holders if set(layer.parameters()) <= set(held.values())]
        if held:
            result.append(Stage(title or _stage_name(held), list(held.values()), layers))
    return result


def _torchvision_stages(net: nn.Module) -> list[tuple[str, list[str]]]:
    """Returns names of stages and of their parameters: a stage is a child of the network or of one
    of its containers, with the normalisation after it; the first has what belongs to no child."""
    parts = []
    for name, layer in net.named_modules():
        *above, own = name.split(".")
        if own in CONTAINERS or not CONTAINERS.issuperset(above):
            continue
        names = [f"{name}.{parameter}" for parameter, _ in layer.named_parameters()]
        if parts and isinstance(layer, (BATCH_NORM, nn.LayerNorm)):
            below, held = parts.pop()
            parts.append((f"{below} + {name}", held + names))
        elif names:
            parts.append((name, names))
    held = {name for _, names in parts for name in names}
    parts[0][1].extend(name for name, _ in net.named_parameters() if name not in held)
    return parts


def _stage_name(parameters: Iterable[str]) -> str:
    """Returns what a stage consists of: "conv_stem + bn1", "blocks.3", "layer2"."""
    blocks, parents = {}, {}  # dictionaries keep the order
    for name in parameters:
        parent, child, *_ = f"{name}.".split(".")
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
    for i, stage in enumerate(parts):
        for parameter in stage.parameters:
            parameter.requires_grad = i >= n
            if i < n:
                parameter.grad = None
    frozen = layers_with(net, {p for stage in parts[:n] for p in stage.parameters})
    net.train(net.training)  # layers that were frozen are in the network's mode again
    for layer in net.modules():
        if hasattr(layer, "frozen"):
            layer.frozen = layer in frozen
        elif layer in frozen:
            layer.frozen = True
            layer.register_forward_pre_hook(_eval_mode_while_frozen)
    return net


def layers_with(net: nn.Module, parameters: set[nn.Parameter]) -> set[nn.Module]:
    """Returns the modules all of whose parameters are among these, with all that is in them.

    A layer without any, such as dropout between two stages, belongs to the next one above it.
    """
    chosen, above = set(), False
    for layer in reversed(list(net.modules())):  # each after what is in it and what is above it
        kinds = {p in parameters for p in layer.parameters()} or {above}
        if len(kinds) == 1:
            above = kinds.pop()
            change = chosen.update if above else chosen.difference_update
            change(layer.modules())
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
        if isinstance(layer, BATCH_NORM) and not hasattr(layer, "keeps_statistics"):
            layer.keeps_statistics = True
            layer.register_forward_pre_hook(_stay_in_eval_mode)
    return net


def _stay_in_eval_mode(layer: nn.Module, inputs: tuple) -> None:
    layer.eval()  # before each forward pass, so that no later net.train() can undo it
