"""Measuring a network: `evaluate` and `predict`, in eval mode and without gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from helpers import batches as checks
from helpers import losses, require
from helpers.onednn import make_safe
from helpers.processes import accelerator_for
from helpers.progress import bar
from helpers.require import CourseError

ADVICE = "check that the network is made for such pictures"


@contextmanager
def eval_mode(net: nn.Module) -> Iterator[nn.Module]:
    """Eval mode without gradients inside; afterwards every layer is back in its old mode."""
    modes = [(layer, layer.training) for layer in net.modules()]
    net.eval()
    try:
        with torch.inference_mode():
            yield net
    finally:
        for layer, mode in modes:
            layer.training = mode


def evaluate(
    net: nn.Module, loader: DataLoader, *, loss: Callable[[Tensor, Tensor], Tensor] | None = None
) -> dict:
    """Returns {"loss": mean cross-entropy in nats, "accuracy": a fraction, "n": pictures}.

    loss: takes the place of cross-entropy, as in `fit`.
    """
    losses.check(loss)
    require.network(net)
    checks.check_complete(loader)
    checks.check_classes(net, loader)
    outputs, labels = outputs_of(net, loader)
    mean = F.cross_entropy(outputs, labels)
    if loss is not None:
        with checks.told("The loss", "check that it is made for such outputs and labels"):
            total, weight = losses.summed(loss, outputs.device)(outputs, labels)
        mean = total / (len(labels) if weight is None else weight)
    return {
        "loss": mean.item(),
        "accuracy": (outputs.argmax(1) == classes(labels)).float().mean().item(),
        "n": len(labels),
    }


def classes(labels: Tensor) -> Tensor:
    """Returns class numbers (B,), of probabilities (B, K) those of the largest."""
    return labels.argmax(1) if labels.ndim == 2 else labels


def predict(net: nn.Module, loader: DataLoader) -> Tensor:
    """Returns probabilities, float32 (N, classes), in the order of the loader's pictures."""
    checks.check_in_order(loader)
    checks.check_order(net, loader)
    return outputs_of(net, loader, labelled=False)[0].softmax(1)


@contextmanager
def _at(net: nn.Module, device: torch.device) -> Iterator[None]:
    """The network is on this device inside, and where it was afterwards."""
    home = next(net.parameters(), torch.empty(0)).device
    net.to(device)
    try:
        yield
    finally:
        net.to(home)


def outputs_of(
    net: nn.Module, loader: DataLoader, forward: Callable | None = None, labelled: bool = True
) -> tuple[Tensor, Tensor]:
    """Returns the outputs of the network, or of `forward`, float32 (N, K), and int64 labels."""
    require.network(net)
    checks.check_complete(loader)
    make_safe(net)
    if forward is None:
        checks.check_output_layer(net)
    accelerator, forward = accelerator_for(loader), forward or net
    hidden = not accelerator.is_main_process
    parts = []
    with _at(net, accelerator.device), eval_mode(net), checks.told("The network", ADVICE):
        prepared = accelerator.prepare(loader)
        for batch in bar(checks.each(prepared), len(prepared), hidden=hidden):
            if labelled:
                pictures, labels = checks.pair(batch, soft=forward is net)
            else:
                pictures = checks.pictures_of(batch)
                labels = torch.zeros(len(pictures), dtype=torch.int64, device=pictures.device)
            outputs = forward(pictures)
            if forward is net:
                checks.check_answers(outputs, labels)
            else:
                checks.check_outputs(outputs, len(labels))
            gathered = accelerator.gather((outputs.float(), labels))
            parts.append([part.cpu() for part in gathered])
            _check_numbers(parts[-1][0], pictures)
    if not parts:
        raise CourseError("There are no pictures to look at: check what the loader was made from.")
    outputs, labels = zip(*parts, strict=True)
    n = len(loader.sampler)  # among processes, the last batch is filled up with pictures again
    return torch.cat(outputs)[:n], torch.cat(labels)[:n]


def _check_numbers(outputs: Tensor, pictures: Tensor) -> None:
    """Raises CourseError if outputs are nan; says whether the pictures or the network are why."""
    if not outputs.isnan().any():
        return
    if pictures.isfinite().all():
        what, advice = "The network's outputs are", "make it again with a lower learning rate"
    else:
        what, advice = "Pictures hold values that are", "check the files and what is done to them"
    raise CourseError(f"{what} not numbers (nan or infinite): {advice}.")
