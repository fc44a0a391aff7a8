"""Which parameters of a network learn, and how fast: groups for an optimiser, stages, freezing."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn

from helpers import require
from helpers.require import CourseError


def output_layer(net: nn.Module) -> tuple[str, nn.Linear]:
    """Returns the name and module of the layer with one output per class: the last nn.Linear."""
    require.network(net)
    layers = [(name, m) for name, m in net.named_modules() if isinstance(m, nn.Linear)]
    if hasattr(net, "get_classifier"):  # timm knows which layer it is
        layers = [(name, m) for name, m in layers if m is net.get_classifier()]
    if not layers:
        raise CourseError(
            f"{type(net).__name__} has no linear output layer to replace: choose another network."
        )
    return layers[-1]


def param_groups(net: nn.Module, lr: float, head_factor: float = 10) -> list[dict]:
    """Returns two groups for an optimiser: body at `lr`, output layer at `head_factor * lr`.

    Frozen parameters (`requires_grad` is False) are left out.
    """
    lr = require.number(lr, "lr", 0)
    head_factor = require.number(head_factor, "head_factor", 0)
    head = set(output_layer(net)[1].parameters())
    trained = [p for p in net.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p not in head], "lr": lr},
        {"params": [p for p in trained if p in head], "lr": head_factor * lr},
    ]
    return [group for group in groups if group["params"]]


class Stage(NamedTuple):
    """A part of a network's body: its name, its parameters, the layers that hold them."""

    name: str
    parameters: list[nn.Parameter]
    layers: list[nn.Module]


RESNET = {"stem": r"conv1|bn1", "blocks": r"layer(\d+)"}


def stages(net: nn.Module) -> list[Stage]:
    """Returns the parts of the body, from the bottom (next to the pixels) up; no output layer.

    For timm's networks, which say how they are divided, and torchvision's ResNets.
    """
    from timm.models import group_parameters
    from torchvision.models import ResNet

    if not (hasattr(net, "group_matcher") or isinstance(net, ResNet)):
        raise CourseError(
            f"The stages of {type(net).__name__} are not known: choose a timm network or one of "
            "torchvision's ResNets."
        )
    head = output_layer(net)[0] + "."
    plan = RESNET if isinstance(net, ResNet) else net.group_matcher(coarse=True)
    parts = []
    for _, names in sorted(group_parameters(net, plan).items()):
        names = [name for name in names if not name.startswith(head)]
        layers = dict.fromkeys(net.get_submodule(name.rpartition(".")[0]) for name in names)
        parameters = [net.get_parameter(name) for name in names]
        parts.append(Stage(_stage_name(names), parameters, [m for m in layers if m is not net]))
    return [stage for stage in parts if stage.parameters]


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

    Frozen is frozen: parameters get no gradient, and BatchNorm layers keep their means and
    variances even after `net.train()`. Make the optimiser afterwards, from what still learns.
    """
    parts = stages(net)
    n = require.whole(n, "n, the number of stages,", 0, len(parts))
    stage_of = {layer: i for i, stage in enumerate(parts) for layer in stage.layers}
    for i, stage in enumerate(parts):
        for parameter in stage.parameters:
            parameter.requires_grad = i >= n
            if i < n:
                parameter.grad = None
    for layer in net.modules():
        if isinstance(layer, nn.modules.batchnorm._NormBase):
            if not hasattr(layer, "frozen"):
                layer.register_forward_pre_hook(_eval_mode_while_frozen)
            layer.frozen = stage_of.get(layer, 0) < n
    return net


def _eval_mode_while_frozen(layer: nn.Module, inputs: tuple) -> None:
    if layer.frozen:
        layer.eval()  # before each forward pass, so that no later net.train() can undo it


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
