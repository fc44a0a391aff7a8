"""Training and measuring: `fit`, `linear_probe`, `evaluate`, `predict`, `extract_features`."""

from __future__ import annotations

import ctypes
import functools
import itertools
import math
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator, DataLoaderConfiguration
from accelerate.state import GradientState, is_initialized
from accelerate.utils import broadcast
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader
from torchvision.models import SwinTransformer
from tqdm import tqdm

from helpers import batches as checks
from helpers import checkpoints, losses, require, schedules
from helpers.onednn import make_safe
from helpers.param_groups import head, layers_with, output_layer, output_layers, stages
from helpers.require import CourseError

DIVERGED = (
    "stopped in epoch {epoch}: {what} is no longer a number, so the learning rate is too high; "
    "make the network and the optimiser again, with a tenth of it"
)
NEVER_A_NUMBER = (
    "stopped in epoch {epoch}: the loss was not a number before the first step, so the learning "
    "rate is not why; check the network's layers and the loss"
)
BAD_PICTURES = (
    "stopped in epoch {epoch}: pictures hold values that are not numbers (nan or infinite); check "
    "the files and what is done to them, and make the network and the optimiser again"
)
TRAINING = "check that network, optimiser and loss are made for such pictures and labels"


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
    ends with the same result, bit for bit. It must be of the same network, options and pictures;
    only `epochs` may be more.
    Interrupting the cell returns the history so far; the network stays usable, in eval mode. A loss
    or a weight that is no longer a number ends the run with a sentence.
    """
    epochs, seed = require.whole(epochs, "epochs"), require.whole(seed, "seed")
    _check_run(net, train, valid, optimizer, scheduler, loss)
    accelerator = accelerator_for(train)
    model, stepper, batches = accelerator.prepare(net, optimizer, train)
    _try_batches(accelerator, net, train, valid)
    parts = checkpoints.Parts(net, train, valid, optimizer, scheduler)
    kept = checkpoints.Checkpoint(checkpoint, parts, seed=seed, loss=loss)
    history = History(**kept.load(epochs))
    schedules.check_length(scheduler, epochs - len(history.epochs), len(batches))
    measure = losses.summed(loss, accelerator.device)
    report = Report(epochs, quiet or not accelerator.is_main_process)
    for row in history.epochs:
        report.row(row)
    sums, steps_before = [], 0  # of each batch in this epoch: loss, right answers, examples, weight
    try:
        with own_random_numbers():
            for epoch in range(len(history.epochs), epochs):
                start, steps_before = time.perf_counter(), len(history.steps)
                optimizer.epochs_begun, report.epoch = kept.first + epoch + 1, epoch + 1
                reseed = partial(seed_epoch, accelerator, train, seed, kept.first + epoch)
                reseed()
                _train_epoch(accelerator, model, batches, stepper, scheduler, measure, sums, report)
                row = _note(history, epoch, len(batches), accelerator.reduce(torch.stack(sums)))
                sums.clear()
                reason = _why_no_number(net, history, row, train, reseed)
                if reason:
                    report.warn(reason)
                    break
                row |= _valid_scores(net, valid, loss)
                row["seconds"] = time.perf_counter() - start
                history.epochs.append(row)
                report.row(row)
                if accelerator.is_main_process:
                    kept.save(asdict(history))
            else:
                report.line(schedules.unfinished(scheduler, len(batches)))
    except KeyboardInterrupt:
        report.line(f"stopped by you in epoch {len(history.epochs) + 1}")
        if len(history.steps) == steps_before:
            _note(history, len(history.epochs), len(batches), sums)
    net.eval()
    give_back_memory()
    return history


def _valid_scores(net: nn.Module, valid: DataLoader | None, loss: Callable | None) -> dict:
    if valid is None:
        return {}
    scores = evaluate(net, valid, loss=loss)
    return {"valid_loss": scores["loss"], "valid_accuracy": scores["accuracy"]}


def _check_run(net, train, valid, optimizer, scheduler, loss) -> None:
    """Raises CourseError if `fit` cannot train with these."""
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
    if not len(train.dataset) or (valid is not None and not len(valid.dataset)):
        what = "validate with" if len(train.dataset) else "train on"
        raise CourseError(f"There are no pictures to {what}: check what the loader was made from.")
    if _odd_weights(net):
        raise CourseError(
            f"The network's weights are not numbers before training ({_odd_weights(net)} holds nan "
            "or infinite ones): make the network and the optimiser again."
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


def _odd_weights(net: nn.Module) -> str:
    """Returns the name of the first parameter or buffer that is not all numbers, or "".

    A buffer may be infinite, as the mask of an attention is.
    """
    known = [(name, p) for name, p in net.named_parameters() if not is_lazy(p)]
    odd = (name for name, p in known if not p.isfinite().all())
    return next(odd, "") or next((name for name, b in net.named_buffers() if b.isnan().any()), "")


def _try_batches(accelerator, net, train, valid) -> None:
    """Raises CourseError if validation, or a batch of one picture, could not work later on."""
    with own_random_numbers(), checks.told("Validation", TRAINING):
        for batch in itertools.islice(checks.each(valid or ()), 1):
            pictures, labels = checks.pair(batch, soft=True)
            with eval_mode(net):
                outputs = net(pictures[:2].to(accelerator.device))
            checks.check_outputs(outputs, len(pictures[:2]))
            checks.check_labels(labels, outputs.shape[1])
        n, size = len(train.sampler), train.batch_size
        last = n % size if n % size and not train.drop_last else size
        if last <= accelerator.num_processes:
            picture = checks.pictures_of(next(checks.each(train)))[:1]
            _try_one_picture(net, picture.to(accelerator.device))


def _try_one_picture(net: nn.Module, picture: Tensor) -> None:
    """Raises CourseError if BatchNorm cannot learn from one picture; changes no buffer."""
    before = {name: buffer.clone() for name, buffer in net.named_buffers()}
    try:
        with torch.no_grad():
            net.train()(picture)
    except ValueError as error:
        raise CourseError(
            f"A batch would hold a single picture, and BatchNorm cannot learn from it ({error}): "
            "choose another batch_size, leave that picture out, or use models.keep_statistics."
        ) from None
    finally:
        for name, buffer in net.named_buffers():
            buffer.copy_(before[name])


def _train_epoch(accelerator, model, batches, optimizer, scheduler, measure, sums, report) -> None:
    """Makes one pass over the training pictures; adds each batch's sums to `sums`."""
    model.train()
    with checks.told("Training", TRAINING):
        for batch in bar(checks.each(batches), len(batches), accelerator, report.quiet):
            pictures, labels = checks.pair(batch, soft=True)
            mine, n = examples(accelerator, len(labels))
            optimizer.zero_grad()
            outputs = model(pictures)
            on_cpu = labels.device.type == "cpu"
            if not sums or on_cpu:  # a GPU must not wait for it at each batch
                checks.check_outputs(outputs, len(labels))
                checks.check_labels(labels, outputs.shape[1])
            if not sums:
                checks.check_logits(outputs)
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
            report.progress(len(sums), len(batches), sums[-1])
            if on_cpu and accelerator.num_processes == 1 and not sums[-1][0].isfinite():
                break
    for buffer in model.buffers():
        broadcast(buffer)  # BatchNorm's: the first process's, everywhere


def classes(labels: Tensor) -> Tensor:
    """Returns class numbers (B,), of probabilities (B, K) those of the largest."""
    return labels.argmax(1) if labels.ndim == 2 else labels


def _why_no_number(net, history, row, train, reseed) -> str:
    """Returns why the loss or a weight is not a number after an epoch, or "" if all are."""
    finite = math.isfinite(row["train_loss"])
    if finite and not _odd_weights(net):
        return ""
    reseed()
    what = {"epoch": row["epoch"], "what": "a weight" if finite else "the loss"}
    if any(not checks.pictures_of(batch).isfinite().all() for batch in train):
        return BAD_PICTURES.format(**what)
    first = history.steps[0]["loss"]
    return (DIVERGED if math.isfinite(first) else NEVER_A_NUMBER).format(**what)


def _note(history: History, epoch: int, batches: int, sums) -> dict:
    """Adds the batches of an epoch to history.steps; returns the means over its examples."""
    rows = [row.tolist() for row in sums]
    history.steps += [  # all of them, or none if the cell is interrupted first
        {"epoch": epoch + (i + 1) / batches, "loss": loss / (weight or 1), "accuracy": right / n}
        for i, (loss, right, n, weight) in enumerate(rows)
    ]
    loss, right, n, weight = (
        (sum(column) for column in zip(*rows, strict=True)) if rows else [1] * 4
    )
    return {"epoch": epoch + 1, "train_loss": loss / (weight or 1), "train_accuracy": right / n}


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
    outputs, labels = _outputs(net, loader)
    checks.check_labels(labels, outputs.shape[1])
    mean = F.cross_entropy(outputs, labels)
    if loss is not None:
        total, weight = losses.summed(loss, outputs.device)(outputs, labels)
        mean = total / (len(labels) if weight is None else weight)
    return {
        "loss": mean.item(),
        "accuracy": (outputs.argmax(1) == classes(labels)).float().mean().item(),
        "n": len(labels),
    }


def predict(net: nn.Module, loader: DataLoader) -> Tensor:
    """Returns probabilities, float32 (N, classes), in the order of the loader's pictures."""
    checks.check_in_order(loader)
    return _outputs(net, loader, labelled=False)[0].softmax(1)


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

    return _outputs(net, loader, body)


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


@contextmanager
def _at(net: nn.Module, device: torch.device) -> Iterator[None]:
    """The network is on this device inside, and where it was afterwards."""
    home = next(net.parameters(), torch.empty(0)).device
    net.to(device)
    try:
        yield
    finally:
        net.to(home)


def _outputs(
    net: nn.Module, loader: DataLoader, forward: Callable | None = None, labelled: bool = True
) -> tuple[Tensor, Tensor]:
    """Returns the outputs of the network, or of `forward`, float32 (N, K), and int64 labels."""
    require.network(net)
    checks.check_complete(loader)
    make_safe(net)
    if forward is None:
        checks.check_output_layer(net)
    accelerator, forward = accelerator_for(loader), forward or net
    parts = []
    with _at(net, accelerator.device), eval_mode(net), checks.told("The network", TRAINING):
        prepared = accelerator.prepare(loader)
        for batch in bar(checks.each(prepared), len(prepared), accelerator):
            if labelled:
                pictures, labels = checks.pair(batch, soft=forward is net)
            else:
                pictures = checks.pictures_of(batch)
                labels = torch.zeros(len(pictures), dtype=torch.int64, device=pictures.device)
            outputs = forward(pictures)
            checks.check_outputs(outputs, len(labels))
            gathered = accelerator.gather_for_metrics((outputs.float(), labels))
            parts.append([part.cpu() for part in gathered])
            _check_numbers(parts[-1][0], pictures)
            if forward is net and len(parts) == 1:
                checks.check_logits(parts[0][0])
    if not parts:
        raise CourseError("There are no pictures to look at: check what the loader was made from.")
    outputs, labels = zip(*parts, strict=True)
    return torch.cat(outputs), torch.cat(labels)


def _check_numbers(outputs: Tensor, pictures: Tensor) -> None:
    """Raises CourseError if outputs are nan; says whether the pictures or the network are why."""
    if not outputs.isnan().any():
        return
    if not pictures.isfinite().all():
        raise CourseError(
            "Pictures hold values that are not numbers (nan or infinite): check the files and what "
            "is done to them."
        )
    raise CourseError(
        "The network's outputs are not numbers (nan): make it again and train it with a lower "
        "learning rate."
    )


def bar(batches: Iterator, n: int, accelerator: Accelerator, quiet: bool = False) -> Iterator:
    """Yields the batches; shows a progress bar meanwhile if this runs in a terminal."""
    hidden = True if quiet or not accelerator.is_main_process else None  # None: unless a terminal
    return iter(tqdm(batches, total=n, leave=False, disable=hidden, unit=" batches", ncols=70))


class Report:
    """What `fit` shows: a table of epochs, a progress bar under it; redrawn in a notebook."""

    HEAD = "epoch   train loss  accuracy   valid loss  accuracy   seconds"

    def __init__(self, epochs: int, quiet: bool):
        self.epochs, self.quiet, self.lines, self.handle = epochs, quiet, [], None
        self.epoch = 1  # that is running
        self.start = self.shown = time.perf_counter()
        self.line(self.HEAD)

    def line(self, text: str) -> None:
        if not text:
            return
        self.lines.append(text)
        if not self.quiet and not self._draw():
            print(text)
        self.start = time.perf_counter()

    def warn(self, text: str) -> None:
        """Shows a line even if the report is quiet."""
        self.quiet = False
        self.line(text)

    def row(self, row: dict) -> None:
        train = f"{row['train_loss']:12.3f} {row['train_accuracy']:9.3f}"
        valid = " " * len(train)
        if "valid_loss" in row:
            valid = f"{row['valid_loss']:12.3f} {row['valid_accuracy']:9.3f}"
        self.line(f"{row['epoch']:5d} {train} {valid} {row['seconds']:9.1f}")

    def progress(self, batch: int, batches: int, sums: Tensor) -> None:
        """sums: the last batch's loss, ..., weight; read only when the bar is drawn, because a GPU
        must not wait for it."""
        now = time.perf_counter()
        if self.quiet or now - self.shown < 0.3:
            return
        loss = (sums[0] / sums[2]).item()
        meter = tqdm.format_meter(
            batch, batches, now - self.start, ncols=70, unit=" batches", postfix=f"loss {loss:.3f}"
        )
        self._draw(f"{self.epoch:5d}   {meter}")

    def _draw(self, bar: str = "") -> bool:
        """Shows the table in a notebook; returns False where there is none."""
        from IPython import get_ipython
        from IPython.display import display

        if not hasattr(get_ipython(), "kernel"):
            return False
        data = {"text/plain": "\n".join([*self.lines, bar]).rstrip()}
        if self.handle:
            self.handle.update(data, raw=True)
        else:
            self.handle = display(data, raw=True, display_id=True)
        self.shown = time.perf_counter()
        return True


def accelerator() -> Accelerator:
    """Returns an Accelerator that splits batches among the processes; batch_size stays the total.

    Without a GPU it uses full precision: half precision is slower there.
    """
    keep_memory()
    # None: as an Accelerator that was made before, or as `accelerate launch` says
    precision = None if torch.cuda.is_available() or is_initialized() else "no"
    processes = Accelerator(
        mixed_precision=precision,
        dataloader_config=DataLoaderConfiguration(split_batches=True),
        gradient_accumulation_steps=GradientState().num_steps,  # of one that was made before
    )
    processes.sync_gradients = True  # it may have been left in the middle of accumulating
    return processes


def accelerator_for(loader: DataLoader) -> Accelerator:
    """Returns the accelerator; raises CourseError if it cannot split the loader's batches."""
    processes = accelerator()
    if loader.batch_size % processes.num_processes:
        raise CourseError(
            f"A batch of {loader.batch_size} cannot be split among {processes.num_processes} "
            "processes: make batch_size a multiple of their number."
        )
    return processes


@contextmanager
def own_random_numbers() -> Iterator[None]:
    """Gives the caller its random numbers (torch's, NumPy's, Python's) back at the end."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def seed_epoch(accelerator: Accelerator, loader: DataLoader, seed: int, epoch: int) -> None:
    """Seeds the pictures' order as in one process, augmentation and dropout per process."""
    seed += 1_000_003 * epoch
    here = seed + 15_485_863 * accelerator.process_index
    random.seed(here)
    np.random.seed(here % 2**32)
    torch.manual_seed(seed)
    order = getattr(loader.sampler, "generator", None)  # accelerate's, or the loader's own
    if order is None:
        return
    if accelerator.num_processes > 1:
        torch.empty((), dtype=torch.int64).random_()  # a loader draws one number of its own first
        order.manual_seed(int(torch.empty((), dtype=torch.int64).random_()))
        torch.manual_seed(here)
    else:
        order.manual_seed(seed)


def examples(accelerator: Accelerator, here: int) -> tuple[int, int]:
    """Returns how many of the `here` examples count, and how many in all processes' batches.

    accelerate pads a short last batch with others, so that all processes get equally many.
    """
    state, everywhere = accelerator.gradient_state, here * accelerator.num_processes
    if accelerator.num_processes > 1 and state.end_of_dataloader and state.remainder > 0:
        everywhere = state.remainder
    return min(max(everywhere - here * accelerator.process_index, 0), here), everywhere


MMAP_MAX, TRIM_THRESHOLD = -4, -1  # mallopt's parameters, from glibc's malloc.h


@functools.cache
def _glibc() -> ctypes.CDLL | None:
    """Returns glibc, which these parameters belong to, or None without it."""
    try:
        return ctypes.CDLL("libc.so.6") if sys.platform == "linux" else None
    except OSError:
        return None


@functools.cache
def keep_memory() -> bool:
    """Makes the process keep the memory it frees from now on; returns True if that worked.

    By default, glibc gives each large tensor back to the system as soon as it is freed. The next
    step asks for it again, and the system clears it page by page: with EfficientNet-Lite0 that
    took up to half of a step's time on a CPU. Other systems are left as they are.
    """
    libc = _glibc()
    return bool(libc and libc.mallopt(MMAP_MAX, 0) and libc.mallopt(TRIM_THRESHOLD, -1))


def give_back_memory() -> None:
    """Gives free memory back to the system: for a process with little left to do."""
    if keep_memory():
        _glibc().malloc_trim(0)
