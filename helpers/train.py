"""Training and measuring: `fit`, `linear_probe`, `evaluate`, `predict`, `extract_features`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from accelerate.utils import broadcast
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader

from helpers import batches as checks
from helpers import losses, require, schedules, trial
from helpers.checkpoints import Checkpoint, Run
from helpers.evaluation import classes, eval_mode, evaluate, predict
from helpers.features import extract_features, linear_probe
from helpers.processes import accelerator_for, examples, give_back_memory, seed_epoch
from helpers.progress import Report

__all__ = ["History", "eval_mode", "evaluate", "extract_features", "fit", "linear_probe", "predict"]

TOO_HIGH = (
    "stopped in epoch {epoch}: the loss or a weight is no longer a number, so the learning rate is "
    "too high; make the network and the optimiser again, with a tenth of it"
)
NO_NUMBERS = (
    "stopped in epoch {epoch}: pictures or weights hold nan or infinite values; check the files "
    "and what is done to them, and make the network and the optimiser again"
)
ADVICE = "check that network, optimiser and loss are made for such pictures and labels"


@dataclass
class History:
    """What a run of `fit` measured.

    epochs: a row per epoch: epoch (from 1), train_loss, train_accuracy, valid_loss,
    valid_accuracy, seconds; losses and accuracies are means over examples, accuracies fractions.
    Training figures are measured on the augmented batches while the network learns.
    steps: a row per batch: epoch (a fraction), loss, accuracy.
    """

    epochs: list[dict] = field(default_factory=list)
    steps: list[dict] = field(default_factory=list)


def fit(
    net: nn.Module,
    train: DataLoader,
    valid: DataLoader | None,
    optimizer: Optimizer,
    epochs: int,
    *,
    scheduler: LRScheduler | None = None,
    loss: Callable[[Tensor, Tensor], Tensor] | None = None,
    seed: int = 0,
    checkpoint: str | Path | None = None,
    quiet: bool = False,
) -> History:
    """Trains a network on the mean loss of each batch, on whatever device there is.

    Under `accelerate launch` each process trains on its share of each batch, so batches, steps and
    learning rates mean what they mean in one process. BatchNorm in train mode sees only that share.
    scheduler: stepped after every batch, so count in batches, of which an epoch has len(train); it
    must last for the whole run.
    loss: takes outputs (B, K) and labels, and returns their mean, or a number per example; by
    default the cross-entropy. nn.CrossEntropyLoss may have class weights (its mean is divided by
    their sum, as in torch) and label smoothing. Labels may be probabilities, float (B, K), as
    MixUp and CutMix make them: accuracy then counts their largest. Validation uses the same loss.
    seed: for shuffling, augmentation and dropout; each epoch has its own, counted over all calls
    with one optimiser, so a run is reproducible on one machine.
    checkpoint: a file written after each epoch; if it already exists, the run resumes from it and
    ends with the same result, bit for bit. It must be of the same network, options and pictures
    (a body with random weights: from the same torch.manual_seed); only `epochs` may be more.
    Interrupting the cell returns the history so far; the network stays usable, in eval mode. A loss
    or a weight that is no longer a number ends the run with a sentence. Raises CourseError if
    something does not fit, before it trains where that can be known.
    """
    epochs, seed = require.whole(epochs, "epochs"), require.whole(seed, "seed")
    trial.check(net, train, valid, optimizer, scheduler, loss)
    accelerator = accelerator_for(train)
    # `prepare` leaves a network that it has seen before where it is: hence `to`
    model, stepper, batches = accelerator.prepare(net.to(accelerator.device), optimizer, train)
    trial.try_batches(accelerator, net, train, valid)
    kept = Checkpoint(checkpoint, Run(net, train, valid, optimizer, scheduler, loss, seed))
    history = History(**kept.load(epochs))
    schedules.check_length(scheduler, epochs - len(history.epochs), len(batches))
    measure = losses.summed(loss, accelerator.device)
    report = Report(quiet or not accelerator.is_main_process)
    for row in history.epochs:
        report.row(row)
    sums = []  # of each batch of the epoch that is running: loss, right answers, examples, weight
    try:
        with torch.random.fork_rng():
            for epoch in range(len(history.epochs), epochs):
                start, begun = time.perf_counter(), getattr(optimizer, "epochs_begun", 0)
                seed_epoch(accelerator, train, seed, begun)
                optimizer.epochs_begun = begun + 1
                bar = report.bar(checks.each(batches), len(batches), epoch + 1)
                pictures = _train_epoch(accelerator, model, bar, stepper, scheduler, measure, sums)
                row = _note(history, len(batches), accelerator.reduce(torch.stack(sums)))
                sums.clear()
                reason = _why_no_numbers(net, history, row, pictures)
                if reason:
                    accelerator.print(reason)
                    break
                if valid is not None:
                    scores = evaluate(net, valid, loss=loss)
                    row |= {f"valid_{name}": scores[name] for name in ("loss", "accuracy")}
                row["seconds"] = time.perf_counter() - start
                history.epochs.append(row)
                report.row(row)
                if accelerator.is_main_process:
                    kept.save(asdict(history))
    except KeyboardInterrupt:
        report.line(f"stopped by you in epoch {len(history.epochs) + 1}")
        if sums:
            _note(history, len(batches), sums)
    net.eval()
    give_back_memory()
    return history


def _train_epoch(accelerator, model, batches, optimizer, scheduler, measure, sums) -> Tensor:
    """Makes one pass over the batches; adds the sums of each to `sums`; returns the last pictures.

    On a processor it ends at the first loss that is not a number.
    """
    model.train()
    with checks.told("Training", ADVICE):
        for batch in batches:
            pictures, labels = checks.pair(batch, soft=True)
            mine, n = examples(accelerator, len(labels))
            optimizer.zero_grad()
            outputs = model(pictures)
            on_cpu = labels.device.type == "cpu"
            if on_cpu or not sums:  # a GPU would have to be waited for at each batch
                checks.check_answers(outputs, labels)
            outputs, labels = outputs[:mine], labels[:mine]
            loss, weight = measure(outputs, labels)
            if weight is not None:
                n = accelerator.reduce(weight.clone()).clamp(min=1e-20)
            share = accelerator.num_processes * accelerator.gradient_accumulation_steps / n
            accelerator.backward(loss * share)  # the mean over all processes
            optimizer.step()
            if scheduler:
                scheduler.step()
            right = (outputs.argmax(1) == classes(labels)).sum()
            here = torch.full_like(right, mine)
            weight = here if weight is None else weight
            sums.append(torch.stack([loss.detach(), right, here, weight]))
            if on_cpu and accelerator.num_processes == 1 and not loss.isfinite():
                break
    for buffer in model.buffers():
        broadcast(buffer)  # BatchNorm's: the first process's, everywhere
    return pictures


def _note(history: History, batches: int, sums) -> dict:
    """Sets the running epoch's rows of history.steps; returns the means over its examples."""
    epoch = len(history.epochs)
    rows = [row.tolist() for row in sums]
    history.steps[epoch * batches :] = [
        {"epoch": epoch + i / batches, "loss": loss / (weight or 1), "accuracy": right / (n or 1)}
        for i, (loss, right, n, weight) in enumerate(rows, 1)
    ]
    loss, right, n, weight = (sum(column) for column in zip(*rows, strict=True))
    return {"epoch": epoch + 1, "train_loss": loss / (weight or 1), "train_accuracy": right / n}


def _why_no_numbers(net: nn.Module, history: History, row: dict, pictures: Tensor) -> str:
    """Returns why the loss or a weight is not a number after an epoch, or "" if all are."""
    if math.isfinite(row["train_loss"]) and all(p.isfinite().all() for p in net.parameters()):
        return ""
    fine_before = math.isfinite(history.steps[0]["loss"]) and bool(pictures.isfinite().all())
    return (TOO_HIGH if fine_before else NO_NUMBERS).format(epoch=row["epoch"])
