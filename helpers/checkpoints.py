"""Checkpoints of `fit`: what a run is made of, kept beside its state and compared before resuming.

What is large (pictures, a network's layers) is kept as a fingerprint.
"""

from __future__ import annotations

import hashlib
import inspect
import re
from collections.abc import Callable
from functools import partial, singledispatch
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader

from helpers import require, schedules
from helpers.files.atomic import atomic, unwritable
from helpers.require import CourseError

# what a scheduler changes while it runs; the rest is how it was made
MOVING = {"optimizer", "last_epoch", "_step_count", "_last_lr", "T_cur", "T_i"}


class Parts(NamedTuple):
    """What `fit` trains with."""

    net: nn.Module
    train: DataLoader
    valid: DataLoader | None
    optimizer: Optimizer
    scheduler: LRScheduler | None


class Checkpoint:
    """The file of a run, or None, the run's parts, and its other options."""

    def __init__(self, file: str | Path | None, parts: Parts, **more: object):
        self.file = require.path(file, "checkpoint") if file else None
        self.options = options(parts, **more) if file else {}
        self.parts, self.first = parts, getattr(parts.optimizer, "epochs_begun", 0)

    def save(self, history: dict) -> None:
        """Writes the run as it is now, whole or not at all."""
        if self.file is None:
            return
        net, _, _, optimizer, scheduler = self.parts
        values = {
            "net": net.state_dict(),
            "optimizer": optimizer.state_dict(),
            "scheduler": scheduler.state_dict() if scheduler else None,
            "history": history,
            "first": self.first,
            "options": self.options,
        }
        try:
            with atomic(self.file) as file:
                torch.save(values, file)
        except OSError as error:
            raise unwritable(self.file, error) from None

    def load(self, epochs: int) -> dict:
        """Puts the run back as it was saved and returns its history; {} if there is no file.

        Raises CourseError if the file is of another run, or of more than `epochs` epochs.
        """
        if self.file is None or not self.file.exists():
            return {}
        net, _, _, optimizer, scheduler = self.parts
        try:
            device = next(net.parameters()).device
            values = torch.load(self.file, weights_only=True, map_location=device)
            self._check(values, epochs)
            net.load_state_dict(values["net"])
            optimizer.load_state_dict(values["optimizer"])
            if scheduler:
                scheduler.load_state_dict(values["scheduler"])
            self.first, self.options = values["first"], values["options"] | self.options
            return values["history"]
        except CourseError:
            raise
        except Exception:
            raise self._refused("does not match this run") from None

    def _check(self, values: dict, epochs: int) -> None:
        done = len(values["history"]["epochs"])
        if "options" not in values:
            raise self._refused("was written by an earlier version and says little of its run")
        what = differences(values["options"], self.options)
        if what:
            raise self._refused(f"is of another run ({what})")
        if done > epochs:
            raise self._refused(f"is of a run of {done} epochs, and you ask for {epochs}")

    def _refused(self, what: str) -> CourseError:
        advice = "delete it to start over, or name another file."
        return CourseError(f"The checkpoint {self.file} {what}: {advice}")


def options(parts: Parts, **more: object) -> dict[str, str]:
    """Returns what a run is made of, as {name: text}; what a scheduler has moved is left out."""
    net, train, valid, optimizer, scheduler = parts
    made = {
        "network": fingerprint(_plan(net)),
        "class_names": _text(getattr(net, "class_names", None)),
        "optimiser": type(getattr(optimizer, "optimizer", optimizer)).__name__,
        "scheduler": type(scheduler).__name__,
    }
    moved = {"params"}
    if scheduler:
        moved |= {"lr", "momentum", "betas"} if schedules.made(scheduler) > 0 else set()
        made |= {f"{made['scheduler']}'s {k}": _text(v) for k, v in _made(scheduler).items()}
    for i, group in enumerate(optimizer.param_groups, 1):
        where = f" of group {i}" if len(optimizer.param_groups) > 1 else ""
        made |= {f"{k}{where}": _text(v) for k, v in group.items() if k not in moved}
        made[f"number of parameters{where}"] = str(len(group["params"]))
    made |= {name: _text(value) for name, value in more.items()}
    for name, loader in (("training", train), ("validation", valid)):
        made[f"number of {name} pictures"] = str(len(loader.dataset) if loader else 0)
        made[f"batch_size of the {name} pictures"] = str(loader.batch_size if loader else 0)
        made[f"{name} pictures or how they are loaded"] = fingerprint(_source(loader))
    return made


def differences(before: dict, now: dict) -> str:
    """Returns what differs between two runs' options, of those that both have, or ""."""
    found = []
    for name in [name for name in before if name in now and before[name] != now[name]]:
        values = f"{name} was {before[name]}, now {now[name]}"
        shown = len(values) < 90 and " #" not in values
        found.append(values if shown else f"other {name}")
    return "; ".join(found[:3])


def _made(scheduler: LRScheduler) -> dict:
    return {k: v for k, v in vars(scheduler).items() if k not in MOVING}


def _plan(net: nn.Module) -> list:
    """Returns a network's layers, shapes and what is frozen, without its weights."""
    tensors = [*net.named_parameters(), *net.named_buffers()]
    shapes = [(name, tuple(t.shape), str(t.dtype), t.requires_grad) for name, t in tensors]
    switches = [
        (name, key)
        for name, layer in net.named_modules()
        for key, value in vars(layer).items()
        if value is True and key != "training"
    ]
    return [repr(net), shapes, switches]


def _source(loader: DataLoader | None) -> list:
    """Returns what decides which batches a loader gives."""
    if loader is None:
        return []
    return [loader.dataset, loader.sampler, loader.collate_fn, loader.drop_last]


def _text(value: object) -> str:
    """Returns a short value as text, anything else as a fingerprint."""
    if isinstance(value, Tensor) and value.numel() == 1:
        value = value.item()
    items = value if isinstance(value, (list, tuple)) else [value]
    if all(v is None or isinstance(v, (bool, int, float, str)) for v in items):
        return str(value)
    return fingerprint(value)


def fingerprint(value: object) -> str:
    """Returns a number for any value, the same in each process and other for another value.

    Of a function it sees the code and the numbers it takes from outside, of an object its type and
    attributes.
    """
    digest = hashlib.sha256()
    _feed(digest.update, value, {})
    return "#" + digest.hexdigest()[:16]


def _feed(update: Callable, value: object, seen: dict) -> None:
    if isinstance(value, Tensor):
        update(f"{value.dtype} {tuple(value.shape)}".encode())
        for part in value.detach().reshape(-1).split(2**24):
            update(part.cpu().view(torch.uint8).numpy())
        return
    update(f"{type(value).__module__}.{type(value).__qualname__}".encode())
    if type(value) in (str, bytes, int, float, bool, type(None)):
        update(repr(value).encode())
    elif id(value) not in seen:
        seen[id(value)] = value  # kept, so that no other value gets its id meanwhile
        for part in _parts(value):
            _feed(update, part, seen)


@singledispatch
def _parts(value: object) -> list:
    """Returns what a value is made of: any object's attributes, or its description."""
    if hasattr(value, "__dict__") and not isinstance(value, (type, ModuleType)):
        return [vars(value)]
    return [re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))]


@_parts.register(list)
@_parts.register(tuple)
def _(value) -> list:
    return list(value)


@_parts.register
def _(value: dict) -> list:
    return [part for item in value.items() for part in item]


@_parts.register
def _(value: np.ndarray) -> list:
    return [
        str(value.dtype),
        value.shape,
        value.tolist() if value.dtype == object else bytes(value),
    ]


@_parts.register
def _(value: LRScheduler) -> list:
    return [_made(value)]


@_parts.register
def _(value: Path) -> list:
    return [value.name]  # a folder may be moved


@_parts.register
def _(value: partial) -> list:
    return [value.func, value.args, value.keywords]


@_parts.register
def _(value: MethodType) -> list:
    return [value.__func__, value.__self__]


@_parts.register
def _(value: CodeType) -> list:
    return [value.co_code, value.co_names, value.co_consts]


@_parts.register
def _(value: FunctionType) -> list:
    outside = inspect.getclosurevars(value)
    known = {**outside.globals, **outside.nonlocals}
    simple = {k: v for k, v in known.items() if isinstance(v, (bool, int, float, str, tuple))}
    return [value.__qualname__, value.__code__, value.__defaults__, simple]
