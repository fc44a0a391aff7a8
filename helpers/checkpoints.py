"""Checkpoints of `fit`: a run's state, and beside it what the run is made of."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader

from helpers import require
from helpers.files.atomic import atomic, unwritable
from helpers.param_groups import output_layers
from helpers.require import CourseError

# what a scheduler changes while it runs; the rest is how it was made
MOVING = {"last_epoch", "_step_count", "_last_lr", "_is_initial", "_get_lr_called_within_step"}
MOVING |= {"T_cur", "T_i"}
START = "weights at the start"
# where Pictures, TensorDataset, ImageFolder and Subset keep what they hold
HELD = ("labels", "decoded", "pixels", "tensors", "samples", "indices")


class Run(NamedTuple):
    """What `fit` trains with."""

    net: nn.Module
    train: DataLoader
    valid: DataLoader | None
    optimizer: Optimizer
    scheduler: LRScheduler | None
    loss: Callable | None
    seed: int


class Checkpoint:
    """The file of a run; with None in its place, nothing is saved or loaded."""

    def __init__(self, file: str | Path | None, run: Run):
        self.file = require.path(file, "checkpoint") if file else None
        self.run, self.options = run, options(run) if file else {}

    def save(self, history: dict) -> None:
        """Writes the run as it is now, whole or not at all."""
        if self.file is None:
            return
        scheduler = self.run.scheduler
        values = {
            "net": self.run.net.state_dict(),
            "optimizer": self.run.optimizer.state_dict(),
            "scheduler": scheduler.state_dict() if scheduler else None,
            "epochs_begun": self.run.optimizer.epochs_begun,
            "history": history,
            "options": self.options,
            "class_names": _class_names(self.run.net),
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
        net, optimizer, scheduler = self.run.net, self.run.optimizer, self.run.scheduler
        try:
            device = next(net.parameters()).device
            values = torch.load(self.file, weights_only=True, map_location=device)
            begun = values["options"][START]
            if _body(net, values["net"]) == self.options[START]:  # the same run goes on
                self.options[START] = begun
            what = differences(values["options"], self.options)
            reason, done = f"is of another run ({what})", len(values["history"]["epochs"])
            if not what and done > epochs:
                reason = f"is of a run of {done} epochs, and you ask for {epochs}"
            elif not what:
                net.load_state_dict(values["net"])
                optimizer.load_state_dict(values["optimizer"])
                optimizer.epochs_begun = values["epochs_begun"]
                if scheduler:
                    scheduler.load_state_dict(values["scheduler"])
                return values["history"]
        except Exception:
            reason = "does not match this run"
        advice = "delete it to start over, or name another file."
        raise CourseError(f"The checkpoint {self.file} {reason}: {advice}")


def _body(net: nn.Module, state: dict[str, Tensor]) -> str:
    """Returns a digest of the weights below the output layer, which may have begun at random."""
    above = tuple(f"{name}." for name in output_layers(net))
    return digest([value for name, value in state.items() if not name.startswith(above)])


def _class_names(net: nn.Module) -> list[str] | None:
    """Returns a name per output, or None: names that do not fit are of a layer now replaced."""
    names, layers = getattr(net, "class_names", None), output_layers(net)
    fits = names and layers and len(names) == len(next(iter(layers.values())).weight)
    return list(names) if fits else None


def differences(before: dict, now: dict) -> str:
    """Returns what differs between two runs' options, of those that both have, or ""."""
    found = []
    for name in [name for name in before if name in now and before[name] != now[name]]:
        values = f"{name} was {before[name]}, now {now[name]}"
        found.append(values if len(values) < 90 and "#" not in values else f"other {name}")
    return "; ".join(found[:3])


def options(run: Run) -> dict[str, str]:
    """Returns what a run is made of, as {name: text}."""
    net, loss, scheduler = run.net, run.loss, run.scheduler
    shapes = [(name, tuple(value.shape)) for name, value in net.state_dict().items()]
    learning = [name for name, p in net.named_parameters() if p.requires_grad]
    made = {
        "network": digest([repr(net), shapes, learning]),
        START: _body(net, net.state_dict()),
        "class_names": text(getattr(net, "class_names", None)),
        "optimiser": type(run.optimizer).__name__,
        "scheduler": type(scheduler).__name__,
        "loss": text(loss),
        "seed": str(run.seed),
    }
    for i, group in enumerate(run.optimizer.param_groups, 1):
        where = f" of group {i}" if len(run.optimizer.param_groups) > 1 else ""
        moved = {"params", "lr"} if scheduler else {"params"}
        moved |= {"momentum", "betas"} if "max_momentum" in group else set()
        made |= {f"{k}{where}": text(v) for k, v in group.items() if k not in moved}
    if scheduler:
        how = {k: v for k, v in scheduler.state_dict().items() if k not in MOVING}
        made |= {f"{made['scheduler']}'s {k}": text(v) for k, v in how.items()}
    if isinstance(loss, nn.Module):
        how = vars(loss) | loss.state_dict()  # class weights are in the latter
        made |= {f"loss's {k}": text(v) for k, v in how.items() if not k.startswith("_")}
    return made | _pictures(run.train, "training") | _pictures(run.valid, "validation")


def _pictures(loader: DataLoader | None, name: str) -> dict[str, str]:
    """Returns what decides which batches a loader gives."""
    if loader is None:
        return {f"number of {name} pictures": "0"}
    how = [type(loader.sampler).__name__, loader.drop_last, loader.collate_fn]
    return {
        f"number of {name} pictures": str(len(loader.dataset)),
        f"batch_size of the {name} pictures": str(loader.batch_size),
        f"shuffling or collate_fn of the {name} pictures": text(how),
        f"augment of the {name} pictures": text(getattr(loader.dataset, "augment", None)),
        f"{name} pictures": digest([type(loader.dataset).__name__, _held(loader.dataset)]),
    }


def _held(pictures: object) -> list:
    held = [getattr(pictures, name) for name in HELD if hasattr(pictures, name)]
    inside = getattr(pictures, "dataset", None)
    return held if inside is None else [*held, _held(inside)]


def text(value: object) -> str:
    """Returns a value as text, the same in each process; a tensor of more than 20 as a digest."""
    if isinstance(value, Tensor):
        return str(value.tolist()) if value.numel() <= 20 else digest([value])
    if isinstance(value, dict):
        return str([(k, text(v)) for k, v in value.items() if k not in MOVING])
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(text, value)) + "]"
    return re.sub(r" at 0x\w+", "", str(value))


def digest(values: list) -> str:
    """Returns a short text that changes with any of the values; tensors are read to the end."""
    made = hashlib.sha256()
    for value in values:
        if isinstance(value, Tensor):
            made.update(value.detach().cpu().reshape(-1).view(torch.uint8).numpy())
        elif isinstance(value, (list, tuple)):
            made.update(digest(value).encode())
        else:
            made.update(text(value).encode())
    return "#" + made.hexdigest()[:16]
