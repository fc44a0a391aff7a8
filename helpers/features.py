"""Features, what the body of a network makes of pictures, and a linear probe on them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torchvision.models import SwinTransformer

from helpers import batches as checks
from helpers import require
from helpers.evaluation import outputs_of
from helpers.param_groups import head, layers_with, output_layer, output_layers, stages
from helpers.require import CourseError


def extract_features(
    net: nn.Module, loader: DataLoader, n: int | None = None
) -> tuple[Tensor, Tensor]:
    """Returns the body's output for each picture: features (N, D), and labels, int64 (N,).

    n: take the features, float32, after the bottom `n` stages (at least 1), averaged over all
    positions; None: the output layer's inputs, which come after the other layers of a head that has
    several. In eval mode, in the loader's order.
    """
    require.network(net)
    checks.check_loader(loader)
    below, above = _layers_at(net, n)

    def body(pictures: Tensor) -> Tensor:
        ran = []
        hooks = [m.register_forward_pre_hook(lambda *_: ran.append(True)) for m in below]
        hooks += [layer.register_forward_pre_hook(_stop_here) for layer in above]
        try:
            net(pictures)
            x = layer = None
        except _Reached as reached:
            layer, x = reached.args
        finally:
            for hook in hooks:
                hook.remove()
        if not isinstance(x, Tensor) or x.ndim not in (2, 3, 4) or (below and not ran):
            raise CourseError(
                f"{type(net).__name__} does not hand one tensor from that stage to the next: take "
                "the features after another number of stages."
            )
        positions = {2: (), 3: (1,), 4: (1, 2) if _channels_last(net, layer) else (2, 3)}[x.ndim]
        return x.mean(positions) if positions else x

    return outputs_of(net, loader, body)


def _layers_at(net: nn.Module, n: int | None) -> tuple[list[nn.Module], list[nn.Module]]:
    """Returns the layers below and above the place of the features of `extract_features`.

    The first of those above to run gets the features, if one of those below has run.
    """
    parts = [] if n is None else stages(net)
    if n is not None:
        n = require.whole(n, "n, a number of stages,", 1, len(parts))
    below = parts[n - 1].layers if n else []
    if n is not None and n < len(parts):
        return below, list(layers_with(net, set(parts[n].parameters)))
    if len(output_layers(net)) > 1:
        raise CourseError(
            f"{type(net).__name__} has several output layers, each with features of its own: take "
            "the features after fewer stages, such as extract_features(net, loader, 2)."
        )
    last = output_layer(net)[1]
    if n is None:
        return below, [last]
    (whole,) = head(net).values()
    return below, [m for m in whole.modules() if m is last or [*m.parameters(False)]]


def _channels_last(net: nn.Module, layer: nn.Module) -> bool:
    """Returns True if a layer takes (B, H, W, C), as Swin's do, rather than (B, C, H, W)."""
    if isinstance(layer, (nn.LayerNorm, nn.Linear)):
        return "2d" not in type(layer).__name__
    kind = "NHWC" if isinstance(net, SwinTransformer) else "NCHW"
    return not isinstance(layer, nn.Conv2d) and getattr(net, "output_fmt", kind) == "NHWC"


def linear_probe(net: nn.Module, loader: DataLoader, weight_decay: float = 0.1) -> nn.Module:
    """Trains the output layer alone, to the end, on features computed once; returns the network.

    The new rows minimise the mean cross-entropy plus `weight_decay / 2` times the sum of their
    squares: logistic regression. They depend on no seed and not on the rows that were there before.
    """
    checks.check_classes(net, loader)
    weight_decay = require.number(weight_decay, "weight_decay", 0)
    features, labels = extract_features(net, loader)
    layer = output_layer(net)[1]
    checks.check_labels(labels, len(layer.weight))
    rows = torch.zeros(layer.weight.flatten(1).shape, requires_grad=True)
    bias = torch.zeros(len(rows), requires_grad=layer.bias is not None)
    optimizer = torch.optim.LBFGS([rows, bias], max_iter=500, line_search_fn="strong_wolfe")

    def objective() -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(F.linear(features, rows, bias), labels)
        loss = loss + weight_decay / 2 * rows.square().sum()
        loss.backward()
        return loss

    optimizer.step(objective)
    with torch.no_grad():
        layer.weight.copy_(rows.view_as(layer.weight))  # a 1 x 1 convolution's has four dims
        if layer.bias is not None:
            layer.bias.copy_(bias)
    return net


class _Reached(Exception):
    """Carries a layer and its input out of the network, so that those above need not run."""


def _stop_here(layer: nn.Module, inputs: tuple) -> None:
    x = inputs[0] if inputs else None
    if isinstance(x, list) and len(x) == 1:
        (x,) = x  # a dense block hands on all its maps: at first, one
    learns = [*layer.parameters(recurse=False)]
    if learns or not isinstance(x, Tensor) or isinstance(layer, nn.Identity):
        raise _Reached(layer, x)  # else on to the next one: its kind tells the dimensions' order
