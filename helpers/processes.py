"""One process, or several under `accelerate launch`: what each of them gets of the work."""

import torch
from accelerate import Accelerator, DataLoaderConfiguration
from torch.utils.data import DataLoader, Sampler

from helpers import CourseError, memory


def accelerator() -> Accelerator:
    """Shares each batch among all processes, so that batches mean the same as in one.

    In full precision where there is no GPU: half of it is slower there.
    """
    memory.keep()
    precision = None if torch.cuda.is_available() else "no"  # None: as `accelerate launch` says
    shared = DataLoaderConfiguration(split_batches=True)
    return Accelerator(mixed_precision=precision, dataloader_config=shared)


def accelerator_for(loader: DataLoader) -> Accelerator:
    """The accelerator, if it can share the loader's batches."""
    found = accelerator()
    if loader.batch_size % found.num_processes:
        raise CourseError(
            f"A batch of {loader.batch_size} cannot be shared by {found.num_processes} "
            "processes: make batch_size a multiple of their number."
        )
    return found


def seed_epoch(accelerator: Accelerator, sampler: Sampler, seed: int) -> None:
    """The order of the pictures as in one process; augmentation and dropout differ by process."""
    torch.manual_seed(seed)
    order = getattr(sampler, "generator", None)  # accelerate gave it one; in one process it is None
    if accelerator.num_processes > 1 and order is not None:
        torch.empty((), dtype=torch.int64).random_()  # a loader draws one number of its own first
        order.manual_seed(int(torch.empty((), dtype=torch.int64).random_()))
        torch.manual_seed(seed + 15_485_863 * accelerator.process_index)


def examples(accelerator: Accelerator, here: int) -> tuple[int, int]:
    """How many of the `here` examples count, and how many in the batches of all processes.

    accelerate fills a short last batch up with others, so that all processes get equally many.
    """
    state, both = accelerator.gradient_state, here * accelerator.num_processes
    if accelerator.num_processes > 1 and state.end_of_dataloader and state.remainder > 0:
        both = state.remainder
    return min(max(both - here * accelerator.process_index, 0), here), both
