"""Learning-rate schedules, tried before training: `fit` steps them after every batch."""

from __future__ import annotations

import copy
import warnings
from types import SimpleNamespace

from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    LRScheduler,
    MultiStepLR,
    ReduceLROnPlateau,
)

from helpers import require
from helpers.require import CourseError

NOTHING = 1e-3  # of the highest rate: below it a network hardly learns
PERIODIC = (CosineAnnealingWarmRestarts, CyclicLR)  # their rates are meant to rise again


def check_kind(scheduler: LRScheduler | None, optimizer: Optimizer) -> None:
    """Raises CourseError unless this is None, or a scheduler of this optimiser."""
    if scheduler is None:
        return
    advice = "make one of torch.optim.lr_scheduler, such as CosineAnnealingLR(optimizer, steps)"
    require.instance(scheduler, LRScheduler, "The scheduler", advice)
    if isinstance(scheduler, ReduceLROnPlateau):
        raise CourseError(
            "ReduceLROnPlateau looks at a loss, and fit steps a scheduler after every batch, "
            f"without a loss: {advice}."
        )
    if scheduler.optimizer is not getattr(optimizer, "optimizer", optimizer):
        raise CourseError(
            "The scheduler belongs to another optimiser, so this one's learning rate would never "
            "change: make the scheduler from the optimiser that you give to fit."
        )


def check_length(scheduler: LRScheduler | None, epochs: int, batches: int) -> None:
    """Raises CourseError if the rates of so many more epochs are not what somebody can mean."""
    steps = epochs * batches
    if scheduler is None or not steps:
        return
    name, before = type(scheduler).__name__, getattr(scheduler, "last_epoch", 0)
    run = f"this run takes {steps} steps ({epochs} epochs of {batches} batches)"
    rates = _rates(scheduler, steps)
    low = [rate < NOTHING for rate in rates]
    peak = next(i for i, rate in enumerate(rates) if rate > 0.99 * max(rates))
    fallen = low[peak:]  # before it, a warm-up may begin at nothing
    beyond = isinstance(scheduler, CosineAnnealingLR) and before + steps > scheduler.T_max + 1
    rises = fallen != sorted(fallen) and not isinstance(scheduler, PERIODIC)
    if beyond or rises:
        raise CourseError(
            f"The {name} would rise again after its end, and {run}, one per batch: make optimiser "
            "and scheduler again with the steps of the whole run."
        )
    in_epochs = (
        isinstance(scheduler, MultiStepLR) and max(scheduler.milestones, default=0) <= epochs
    )
    if sum(low[:-1]) * 3 >= before + steps or (in_epochs and batches > 2):
        raise CourseError(
            f"The {name} is stepped after every batch, and {run}, so the learning rate would fall "
            f"to {rates[-1]:.0e} of its highest: make it again and count batches, of which an "
            f"epoch has {batches}."
        )


def _rates(scheduler: LRScheduler, steps: int) -> list[float]:
    """Returns each next step's learning rate, as a fraction of the highest; nothing is changed.

    Of several groups it is the one that has fallen least.
    """
    optimizer = scheduler.optimizer
    groups = [{k: v for k, v in group.items() if k != "params"} for group in optimizer.param_groups]
    stand_in = SimpleNamespace(
        param_groups=copy.deepcopy(groups), step=optimizer.step, _opt_called=True
    )
    rates = []
    try:
        trial = copy.deepcopy(scheduler, {id(optimizer): stand_in})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in range(steps):
                rates.append([float(group["lr"]) for group in stand_in.param_groups])
                trial.step()
    except Exception as error:
        raise CourseError(
            f"The {type(scheduler).__name__} stops at step {len(rates)} of {steps} with "
            f"{type(error).__name__} ({error}): it is stepped after every batch; make it for all "
            "of them."
        ) from error
    columns = zip(*rates, [group.get("initial_lr", 0) for group in groups], strict=True)
    fractions = [[rate / (max(column) or 1) for rate in column[:-1]] for column in columns]
    return [max(row) for row in zip(*fractions, strict=True)]
