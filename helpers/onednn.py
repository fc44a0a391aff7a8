"""Keeps networks away from a fault of oneDNN, which computes torch's convolutions on a CPU."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.module import register_module_module_registration_hook

CHANNELS = 8  # oneDNN works with so many at once


class Subsampled(nn.Conv2d):
    """A 1 x 1 convolution with a stride that leaves out the other pixels before it convolves."""

    def _conv_forward(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        down, right = self.stride
        return F.conv2d(x[..., ::down, ::right].contiguous(), weight, bias)


def make_safe(net: nn.Module) -> None:
    """Makes a network's 1 x 1 convolutions with a stride on a few channels safe in channels-last.

    With AVX2, the backward pass of such a layer writes past its memory and ends the process
    (uxlfoundation/oneDNN#6035). The same numbers come out without the stride.
    """
    for layer in net.modules():
        _make_layer_safe(net, "", layer)


def _make_layer_safe(parent: nn.Module, name: str, layer: nn.Module) -> None:
    if (
        type(layer) is nn.Conv2d
        and layer.in_channels < CHANNELS
        and layer.kernel_size == (1, 1)
        and layer.stride != (1, 1)
        and layer.padding in ((0, 0), "valid")
        and layer.groups == 1
    ):
        layer.__class__ = Subsampled


# each such layer as soon as it becomes part of a network, whoever made that
register_module_module_registration_hook(_make_layer_safe)
