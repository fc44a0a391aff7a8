"""A trial of all that `fit` is given, before it trains."""

from __future__ import annotations

import copy

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from helpers import batches as checks
from helpers import losses, require, schedules
from helpers.evaluation import ADVICE, eval_mode
from helpers.onednn import make_safe
from helpers.require import CourseError


def check(net, train, valid, optimizer, scheduler, loss) -> None:
    """Raises CourseError if `fit` cannot train with these, as far as that shows without a batch."""
    require.network(net)
    make_safe(net)
    checks.check_loader(train)
    checks.check_classes(net, train)
    if valid is not None:
        checks.check_complete(valid)
        checks.check_classes(net, valid)
    advice = "make one, such as torch.optim.AdamW(groups)"
    require.instance(optimizer, Optimizer, "The optimiser", advice)
    schedules.check_kind(scheduler, optimizer)
    losses.check(loss)
    for loader, what in ((train, "train on"), (valid, "validate with")):
        if loader is not None and not len(loader.sampler):
            raise CourseError(
                f"There are no pictures to {what}: check what the loader was made from."
            )
    _check_parameters(net, {p for group in optimizer.param_groups for p in group["params"]})


def _check_parameters(net: nn.Module, given: set[nn.Parameter]) -> None:
    """Raises CourseError unless the optimiser was given just what is to learn."""
    if not any(p.requires_grad for p in given):
        raise CourseError(
            "Every parameter is frozen, even the output layer, so there is nothing to train: "
            "set requires_grad = True for the output layer."
        )
    if not set(net.parameters()).issuperset(given):
        raise CourseError(
            "The optimiser holds parameters that are not in this network: make the optimiser "
            "after replacing the output layer."
        )
    left = [name for name, p in net.named_parameters() if p.requires_grad and p not in given]
    if left:
        raise CourseError(
            f"The optimiser lacks {len(left)} parameters that are not frozen, such as {left[0]}, "
            "and they would never learn: make it after unfreezing, or set requires_grad = False "
            "for them."
        )


def try_batches(
    accelerator: Accelerator, net: nn.Module, train: DataLoader, valid: DataLoader | None
) -> None:
    """Raises CourseError if validation, or a batch of one picture, could not work later on."""
    with torch.random.fork_rng():
        if valid is not None:
            _try_validation(net, next(checks.each(valid)), accelerator.device)
        n, size = len(train.sampler), train.batch_size
        last = n % size if n % size and not train.drop_last else size
        if last <= accelerator.num_processes:
            picture = checks.pictures_of(next(checks.each(train)))[:1]
            _try_one_picture(net, picture.to(accelerator.device))


def _try_validation(net: nn.Module, batch: object, device: torch.device) -> None:
    pictures, labels = checks.pair(batch, soft=True)
    with eval_mode(net), checks.told("Validation", ADVICE):
        outputs = net(pictures[:2].to(device))
    checks.check_answers(outputs, labels[:2])
    checks.check_labels(labels, outputs.shape[1])


def _try_one_picture(net: nn.Module, picture: Tensor) -> None:
    """Raises CourseError if BatchNorm cannot learn from one picture."""
    try:
        with torch.no_grad():
            copy.deepcopy(net).train()(picture)  # a copy, since BatchNorm's buffers move
    except ValueError as error:
        raise CourseError(
            f"A batch would hold a single picture, and BatchNorm cannot learn from it ({error}): "
            "choose another batch_size, leave that picture out, or use models.keep_statistics."
        ) from None
