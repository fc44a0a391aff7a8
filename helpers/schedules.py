"""Learning-rate schedules, checked before training: `fit` steps them after every batch."""

from __future__ import annotations

import copy
import warnings
from types import SimpleNamespace

from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    ChainedScheduler,
    CosineAnnealingLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
    ReduceLROnPlateau,
    SequentialLR,
)

from helpers import require
from helpers.require import CourseError

NOTHING = 1e-3  # of the highest rate: below it a network hardly learns


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


def end(scheduler: LRScheduler) -> int | None:
    """Returns how many steps a schedule is made for, or None if it goes on for ever."""
    if isinstance(scheduler, OneCycleLR):
        return scheduler.total_steps
    if isinstance(scheduler, CosineAnnealingLR):
        return scheduler.T_max + 1  # the rates of steps 0 to T_max fall, later ones rise again
    if isinstance(scheduler, SequentialLR):
        last = end(scheduler._schedulers[-1])
        return None if last is None else scheduler._milestones[-1] + last
    if isinstance(scheduler, ChainedScheduler):
        return min((n for n in map(end, scheduler._schedulers) if n is not None), default=None)
    return None


def made(scheduler: LRScheduler) -> int:
    """Returns how many steps a schedule has made."""
    first = scheduler._schedulers[0] if isinstance(scheduler, ChainedScheduler) else scheduler
    return first.last_epoch


def check_length(scheduler: LRScheduler | None, epochs: int, batches: int) -> None:
    """Raises CourseError if the rates of so many more epochs are not what somebody can mean."""
    steps = epochs * batches
    if scheduler is None or not steps:
        return
    name, last, before = type(scheduler).__name__, end(scheduler), made(scheduler)
    run = f"this run takes {steps} ({epochs} epochs of {batches} batches)"
    run += f" after {before} before" if before else ""
    if last is not None and before + steps > last:
        raise CourseError(
            f"The {name} ends or rises again after {last} steps, one per batch, and {run}: make "
            "optimiser and scheduler again with the steps of the whole run."
        )
    rates = _rates(scheduler, steps)
    highest = max(scheduler.optimizer.param_groups[0].get("initial_lr", 0), *rates)
    few = last is None and sum(rate < NOTHING * highest for rate in rates) * 3 >= steps
    if few or _counts_epochs(scheduler, epochs, batches):
        raise CourseError(
            f"The {name} is stepped after every batch, and {run}, so the learning rate would fall "
            f"to {rates[-1]:.0e}: make it again and count batches, of which an epoch has {batches}."
        )


def unfinished(scheduler: LRScheduler | None, batches: int) -> str:
    """Returns a line on a schedule that has an epoch or more to go, or ""."""
    last = None if scheduler is None else end(scheduler)
    if last is None or last - made(scheduler) <= batches:
        return ""
    name, left = type(scheduler).__name__, last - made(scheduler)
    return (
        f"the {name} has about {left} of its {last} steps left, so its lowest rates were not used"
    )


def _counts_epochs(scheduler: LRScheduler, epochs: int, batches: int) -> bool:
    """Returns whether all steps down lie so early that they can only be meant as epochs."""
    if batches < 3 or not isinstance(scheduler, MultiStepLR):
        return False
    return bool(scheduler.milestones) and max(scheduler.milestones) <= epochs


def _rates(scheduler: LRScheduler, steps: int) -> list[float]:
    """Returns the first group's learning rate at each of the next steps; nothing is changed."""
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
                rates.append(float(stand_in.param_groups[0]["lr"]))
                trial.step()
    except Exception as error:
        raise CourseError(
            f"The {type(scheduler).__name__} stops after {len(rates)} of {steps} steps with "
            f"{type(error).__name__} ({error}): it is stepped after every batch; make it for all "
            "of them."
        ) from error
    return rates
