"""Where a network looks: Grad-CAM (Selvaraju et al., 2017)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from matplotlib import colormaps
from torch import Tensor, nn
from torch.nn import functional as F

from helpers import plot
from helpers.data import Pictures
from helpers.require import CourseError


def grad_cam(net: nn.Module, batch: Tensor, label: int | None = None) -> Tensor:
    """Returns a map (size, size), 0 to 1: which parts of a picture speak for a class.

    batch: one picture, normalised, (1, 3, size, size); label: the class, else the most likely one.
    The map is on the processor, wherever the network is.
    """
    convolutions = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    if len(convolutions) < 2:
        raise CourseError(
            f"{type(net).__name__} keeps no map of the picture: take a "
            "convolutional network, such as resnet18."
        )
    maps = []

    def note(layer: nn.Module, inputs: tuple, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and output.shape[-1] > 1:
            maps.append(output)

    hooks = [layer.register_forward_hook(note) for layer in net.modules()]
    modes = [(layer, layer.training) for layer in net.modules()]
    try:
        with torch.enable_grad():
            batch = batch.detach().to(next(net.parameters()).device)
            logits = net.eval()(batch.requires_grad_())
            label = int(logits.argmax()) if label is None else label
            slopes = torch.autograd.grad(logits[0, label], maps[-1])[0]
    finally:
        for hook in hooks:
            hook.remove()
        for layer, mode in modes:
            layer.training = mode
    weights = slopes.mean((2, 3), keepdim=True)
    heat = (weights * maps[-1]).sum(1, keepdim=True).relu().detach()
    heat = F.interpolate(heat, batch.shape[-2:], mode="bilinear")[0, 0]
    return (heat / heat.max().clamp(min=1e-12)).cpu()


def batch_of(pictures: Pictures, i: int) -> Tensor:
    """Returns picture i as the network gets it, (1, 3, size, size)."""
    return pictures.preprocess.normalize(pictures[i][0][None])


def overlay(picture: Tensor, heat: Tensor) -> Tensor:
    """Returns a picture, uint8 (3, H, W), in grey under the map's colour: blue 0, yellow 1."""
    color = torch.from_numpy(colormaps["cividis"](heat.clamp(0, 1).numpy())[..., :3])
    grey = picture.float().mean(0, keepdim=True)
    return (0.5 * grey + 0.5 * 255 * color.permute(2, 0, 1)).byte()


def beside(
    net: nn.Module,
    pictures: Pictures,
    rows: Sequence[int],
    titles: Sequence[str] = (),
    columns: int = 6,
) -> plot.Drawing:
    """Returns some of the pictures, each with where the network looks for its answer beside it.

    rows: their numbers; titles: one per picture, else its class; columns: an even number.
    """
    titles = titles or [pictures.class_names[pictures.labels[i]] for i in rows]
    shown, words, told = [], [], []
    for i, title in zip(rows, titles, strict=True):
        heat = grad_cam(net, batch_of(pictures, i))
        shown += [pictures[i][0], overlay(pictures[i][0], heat)]
        words += [title, "where it looks" + "\n" * title.count("\n")]
        middle = heat[tuple(slice(side // 4, side * 3 // 4) for side in heat.shape)].sum()
        share = middle / heat.sum().clamp(min=1e-12)
        told.append(f"{' '.join(title.split())}, {share:.0%} of the heat in the middle quarter")
    description = f"Pictures, each beside where the network looks: {'; '.join(told)}"
    return plot.image_grid(shown, words, columns=columns, description=description)
