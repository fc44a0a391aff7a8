"""What `fit` and `evaluate` measure: a loss summed over examples, so that means are exact."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from helpers import require
from helpers.require import CourseError

Summed = Callable[[Tensor, Tensor], tuple[Tensor, Tensor | None]]


def check(loss: object) -> None:
    """Raises CourseError unless this is None or a loss that `summed` can take."""
    advice = "give an instance, such as nn.CrossEntropyLoss(label_smoothing=0.1)"
    if loss is not None and (isinstance(loss, type) or not callable(loss)):
        raise CourseError(f"The loss is {require.quoted(loss)}: {advice}.")
    if getattr(loss, "reduction", None) == "sum":
        raise CourseError(
            "The loss sums over a batch, so a learning rate would mean something else at each "
            'batch size: make it with reduction="mean".'
        )
    if isinstance(loss, nn.NLLLoss):
        raise CourseError(
            "nn.NLLLoss takes logarithms of probabilities, and these networks give the numbers "
            "before the softmax: take nn.CrossEntropyLoss."
        )


def summed(loss: object, device: torch.device) -> Summed:
    """Returns a function of outputs (B, K) and labels that gives a sum and what to divide it by.

    The latter is None for the number of examples. As in torch, the mean with class weights is
    divided by the sum of the weights of the examples' classes, unless labels are probabilities.
    """
    loss = nn.CrossEntropyLoss() if loss is None else loss
    if isinstance(loss, nn.Module):
        loss = copy.deepcopy(loss).to(device, torch.float32)
    if type(loss) is nn.CrossEntropyLoss:
        loss.reduction = "sum"
        return lambda outputs, labels: (loss(outputs, labels), _weight(loss, outputs, labels))
    return lambda outputs, labels: (_sum(loss, outputs, labels), None)


def _weight(loss: nn.CrossEntropyLoss, outputs: Tensor, labels: Tensor) -> Tensor | None:
    """Returns the sum of the weights of the labels' classes, or None if each weighs 1."""
    if labels.is_floating_point() or (loss.weight is None and loss.ignore_index < 0):
        return None
    ones = {"weight": loss.weight, "ignore_index": loss.ignore_index, "reduction": "sum"}
    return F.nll_loss(-torch.ones_like(outputs), labels, **ones)


def _sum(loss: Callable, outputs: Tensor, labels: Tensor) -> Tensor:
    """Returns the sum of a loss that gives the mean of a batch, or a number per example."""
    if not len(outputs):
        return outputs.sum()  # this process has no example in the last batch
    value = loss(outputs, labels)
    if not isinstance(value, Tensor) or value.shape not in {(), (len(outputs),)}:
        raise CourseError(
            f"The loss gives {require.summary(value)} for {len(outputs)} pictures: return their "
            "mean, or a number for each."
        )
    return value.sum() if value.ndim else value * len(outputs)
