"""Training and measuring: `fit`, `evaluate`, `predict`, `extract_features`. Nothing here draws."""

from __future__ import annotations

import ctypes
import functools
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from accelerate import Accelerator, DataLoaderConfiguration
from accelerate.utils import broadcast
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader, Sampler
from torchvision.models import SwinTransformer
from tqdm import tqdm

from helpers import batches as checks
from helpers import require
from helpers.files.atomic import atomic, unwritable
from helpers.onednn import make_safe
from helpers.param_groups import head, layers_with, output_layer, output_layers, stages
from helpers.require import CourseError

DIVERGED = (
    "stopped in epoch {epoch}: the loss is no longer a number, so the learning rate is too high; "
    "make the network and the optimiser again, with a tenth of it"
)


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
    seed: int = 0,
    checkpoint: str | Path | None = None,
    quiet: bool = False,
) -> History:
    """Trains a network on the mean cross-entropy of each batch, on whatever device there is.

    Under `accelerate launch` each process trains on its share of each batch, so batches, steps and
    learning rates mean what they mean in one process. BatchNorm in train mode sees only that share.
    scheduler: stepped after every batch. seed: for shuffling, augmentation and dropout; each epoch
    has its own, so a run is reproducible on one machine. checkpoint: a file written after each
    epoch; if it already exists, the run resumes from it and ends with the same result, bit for bit.
    Interrupting the cell returns the history so far; the network stays usable, in eval mode. A loss
    that is no longer a number ends the run with a sentence.
    """
    epochs, seed = require.whole(epochs, "epochs"), require.whole(seed, "seed")
    _check_run(net, train, valid, optimizer)
    accelerator = accelerator_for(train)
    model, stepper, batches = accelerator.prepare(net, optimizer, train)
    history = History()
    if checkpoint:
        checkpoint = require.path(checkpoint, "checkpoint")
        if checkpoint.exists():
            history = _load(checkpoint, net, optimizer, scheduler, accelerator.device)
    report = Report(epochs, quiet or not accelerator.is_main_process)
    for row in history.epochs:
        report.row(row)
    sums, steps_before = [], 0  # sums of each batch in this epoch: loss, right answers, examples
    try:
        with torch.random.fork_rng():
            for epoch in range(len(history.epochs), epochs):
                start, steps_before = time.perf_counter(), len(history.steps)
                seed_epoch(accelerator, train.sampler, seed + 1_000_003 * epoch)
                _train_epoch(accelerator, model, batches, stepper, scheduler, epoch, sums, report)
                row = _note(history, epoch, len(batches), accelerator.reduce(torch.stack(sums)))
                sums.clear()
                for buffer in net.buffers():
                    broadcast(buffer)  # BatchNorm's: the first process's, everywhere
                if not math.isfinite(row["train_loss"]):
                    report.warn(DIVERGED.format(epoch=epoch + 1))
                    break
                row |= _valid_scores(net, valid)
                row["seconds"] = time.perf_counter() - start
                history.epochs.append(row)
                report.row(row)
                if checkpoint and accelerator.is_main_process:
                    _save(checkpoint, net, optimizer, scheduler, history)
    except KeyboardInterrupt:
        report.line(f"stopped by you in epoch {len(history.epochs) + 1}")
        if len(history.steps) == steps_before:
            _note(history, len(history.epochs), len(batches), sums)
    net.eval()
    give_back_memory()
    return history


def _valid_scores(net: nn.Module, valid: DataLoader | None) -> dict:
    if valid is None:
        return {}
    scores = evaluate(net, valid)
    return {"valid_loss": scores["loss"], "valid_accuracy": scores["accuracy"]}


def _check_run(net, train, valid, optimizer) -> None:
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
    if len(train.dataset) == 0:
        raise CourseError("There are no pictures to train on: check what the loader was made from.")
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    if not any(p.requires_grad for p in parameters):
        raise CourseError(
            "Every parameter is frozen, even the output layer, so there is nothing to train: "
            "set requires_grad = True for the output layer."
        )
    if not set(net.parameters()).issuperset(parameters):
        raise CourseError(
            "The optimiser holds parameters that are not in this network: make the optimiser "
            "after replacing the output layer."
        )


def _train_epoch(accelerator, model, batches, optimizer, scheduler, epoch, sums, report) -> None:
    """Makes one pass over the training pictures; adds each batch's sums to `sums`."""
    model.train()
    for batch in batches:
        pictures, labels = checks.pair(batch)
        mine, n = examples(accelerator, len(labels))
        optimizer.zero_grad()
        outputs = model(pictures)
        if not sums or labels.device.type == "cpu":  # a GPU must not wait for it at each batch
            checks.check_outputs(outputs, len(labels))
            checks.check_labels(labels, outputs.shape[1])
        outputs, labels = outputs[:mine], labels[:mine]
        loss = F.cross_entropy(outputs, labels, reduction="sum")
        accelerator.backward(loss * accelerator.num_processes / n)  # the mean over all processes
        optimizer.step()
        if scheduler:
            scheduler.step()
        right = (outputs.argmax(1) == labels).sum()
        sums.append(torch.stack([loss.detach(), right, torch.full_like(right, mine)]))
        report.progress(epoch, len(sums), len(batches), sums[-1])


def _note(history: History, epoch: int, batches: int, sums) -> dict:
    """Adds the batches of an epoch to history.steps; returns the means over its examples."""
    rows = [row.tolist() for row in sums]
    history.steps += [  # all of them, or none if the cell is interrupted first
        {"epoch": epoch + (i + 1) / batches, "loss": loss / n, "accuracy": right / n}
        for i, (loss, right, n) in enumerate(rows)
    ]
    loss, right, n = (sum(column) for column in zip(*rows, strict=True)) if rows else (0, 0, 1)
    return {"epoch": epoch + 1, "train_loss": loss / n, "train_accuracy": right / n}


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


def evaluate(net: nn.Module, loader: DataLoader) -> dict:
    """Returns {"loss": mean cross-entropy in nats, "accuracy": a fraction, "n": pictures}."""
    require.network(net)
    checks.check_complete(loader)
    checks.check_classes(net, loader)
    outputs, labels = _outputs(net, loader)
    checks.check_labels(labels, outputs.shape[1])
    return {
        "loss": F.cross_entropy(outputs, labels).item(),
        "accuracy": (outputs.argmax(1) == labels).float().mean().item(),
        "n": len(labels),
    }


def predict(net: nn.Module, loader: DataLoader) -> Tensor:
    """Returns probabilities, float32 (N, classes), in the order of the loader's pictures."""
    checks.check_in_order(loader)
    outputs = _outputs(net, loader, labelled=False)[0]
    if outputs.isnan().any():
        raise CourseError(
            "The network's outputs are not numbers (nan): make it again and train it with a lower "
            "learning rate."
        )
    return outputs.softmax(1)


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


class _Reached(Exception):
    """Carries a layer and its input out of the network, so that those above need not run."""


def _stop_here(layer: nn.Module, inputs: tuple) -> None:
    holds_layers = [*layer.children()] and not [*layer.parameters(recurse=False)]
    drops = not [*layer.parameters()] and not isinstance(layer, nn.Identity)
    if inputs and isinstance(inputs[0], Tensor) and (holds_layers or drops):
        return  # on to the first layer in it: its kind tells the order of the dimensions
    raise _Reached(layer, inputs[0] if inputs else None)


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
    with _at(net, accelerator.device), eval_mode(net):
        for batch in accelerator.prepare(loader):
            if labelled:
                pictures, labels = checks.pair(batch)
            else:
                pictures = checks.pictures_of(batch)
                labels = torch.zeros(len(pictures), dtype=torch.int64, device=pictures.device)
            outputs = forward(pictures)
            checks.check_outputs(outputs, len(labels))
            gathered = accelerator.gather_for_metrics((outputs.float(), labels))
            parts.append([part.cpu() for part in gathered])
    if not parts:
        raise CourseError("There are no pictures to look at: check what the loader was made from.")
    outputs, labels = zip(*parts, strict=True)
    return torch.cat(outputs), torch.cat(labels)


def _save(checkpoint: Path, net, optimizer, scheduler, history: History) -> None:
    values = {
        "net": net.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict() if scheduler else None,
        "history": asdict(history),
    }
    try:
        with atomic(checkpoint) as file:
            torch.save(values, file)
    except OSError as error:
        raise unwritable(checkpoint, error) from None


def _load(checkpoint: Path, net, optimizer, scheduler, device) -> History:
    try:
        values = torch.load(checkpoint, weights_only=True, map_location=device)
        net.load_state_dict(values["net"])
        optimizer.load_state_dict(values["optimizer"])
        if scheduler:
            scheduler.load_state_dict(values["scheduler"])
        return History(**values["history"])
    except Exception:
        what = "does not match this run: delete it to start over, or name another file."
        raise CourseError(f"The checkpoint {checkpoint} {what}") from None


class Report:
    """What `fit` shows: a table of epochs, a progress bar under it; redrawn in a notebook."""

    HEAD = "epoch   train loss  accuracy   valid loss  accuracy   seconds"

    def __init__(self, epochs: int, quiet: bool):
        self.epochs, self.quiet, self.lines, self.handle = epochs, quiet, [], None
        self.start = self.shown = time.perf_counter()
        self.line(self.HEAD)

    def line(self, text: str) -> None:
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

    def progress(self, epoch: int, batch: int, batches: int, sums: Tensor) -> None:
        """sums: the last batch's loss, right answers, examples; read only when the bar is drawn,
        because a GPU must not wait for it."""
        now = time.perf_counter()
        if self.quiet or now - self.shown < 0.3:
            return
        loss = (sums[0] / sums[2]).item()
        bar = tqdm.format_meter(
            batch, batches, now - self.start, ncols=70, unit=" batches", postfix=f"loss {loss:.3f}"
        )
        self._draw(f"{epoch + 1:5d}   {bar}")

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
    precision = None if torch.cuda.is_available() else "no"  # None: as `accelerate launch` says
    shared = DataLoaderConfiguration(split_batches=True)
    return Accelerator(mixed_precision=precision, dataloader_config=shared)


def accelerator_for(loader: DataLoader) -> Accelerator:
    """Returns the accelerator; raises CourseError if it cannot split the loader's batches."""
    processes = accelerator()
    if loader.batch_size % processes.num_processes:
        raise CourseError(
            f"A batch of {loader.batch_size} cannot be split among {processes.num_processes} "
            "processes: make batch_size a multiple of their number."
        )
    return processes


def seed_epoch(accelerator: Accelerator, sampler: Sampler, seed: int) -> None:
    """Seeds the pictures' order as in one process, augmentation and dropout per process."""
    torch.manual_seed(seed)
    order = getattr(sampler, "generator", None)  # accelerate gave it one; in one process it is None
    if accelerator.num_processes > 1 and order is not None:
        torch.empty((), dtype=torch.int64).random_()  # a loader draws one number of its own first
        order.manual_seed(int(torch.empty((), dtype=torch.int64).random_()))
        torch.manual_seed(seed + 15_485_863 * accelerator.process_index)


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
