"""The processes that train together, their shares and seeds, and the memory of each."""

from __future__ import annotations

import ctypes
import functools
import sys

import torch
from accelerate import Accelerator, DataLoaderConfiguration
from accelerate.state import GradientState, is_initialized
from torch.utils.data import DataLoader

from helpers.require import CourseError


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


def seed_epoch(accelerator: Accelerator, loader: DataLoader, seed: int, epoch: int) -> None:
    """Seeds the pictures' order as in one process, augmentation and dropout per process."""
    seed += 1_000_003 * epoch
    here = seed + 15_485_863 * accelerator.process_index
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
