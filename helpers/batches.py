"""Batches checked before they are used: pictures, and class numbers that fit the network."""

from __future__ import annotations

import os
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, SequentialSampler

from helpers import require
from helpers.param_groups import output_layers
from helpers.require import CourseError

UNLABELLED = ["unknown"]  # the class names of a competition's test pictures
WORDNET = re.compile(r"n\d{8}")  # ImageNet's folders are named by numbers in WordNet
PACKAGES = {"site-packages", "dist-packages"}
PASSED_OVER = {Path(__file__).parent, Path(os.__file__).parent}


def check_loader(loader: DataLoader) -> None:
    """Raises CourseError if this is not a loader that knows how many pictures it gives."""
    require.batches(loader)
    if loader.batch_size is None:
        raise CourseError(
            "The loader has no batch_size of its own: make it with batch_size=... in place of "
            "batch_sampler or None."
        )
    if not hasattr(loader.dataset, "__len__"):
        raise CourseError(
            "The loader's data set has no length: put its pictures into a list first."
        )
    if len(loader.sampler) and not len(loader):
        raise CourseError(
            f"The loader drops all of its {len(loader.sampler)} pictures, fewer than a batch: make "
            "it with drop_last=False."
        )


def check_complete(loader: DataLoader) -> None:
    """Raises CourseError if the loader would leave out pictures at its end."""
    check_loader(loader)
    n = len(loader.sampler)
    if loader.drop_last and n % loader.batch_size:
        raise CourseError(
            f"The loader drops {n % loader.batch_size} of {n} pictures, its last batch: make it "
            "with drop_last=False."
        )


def check_in_order(loader: DataLoader) -> None:
    """Raises CourseError if the loader shuffles."""
    check_complete(loader)
    if not isinstance(loader.sampler, SequentialSampler):
        raise CourseError(
            "predict needs the pictures in order: make the loader with shuffle=False."
        )


def check_output_layer(net: nn.Module) -> None:
    """Raises CourseError if the network gives features, without classes (such as DINOv2)."""
    if any(isinstance(layer, nn.Identity) for layer in output_layers(net).values()):
        raise CourseError(
            f"{type(net).__name__} has no output layer yet: give it one with replace_head."
        )


def check_classes(net: nn.Module, loader: DataLoader) -> None:
    """Raises CourseError if the pictures have no labels, or other classes than the network.

    Names are compared where both know them. Names that do not fit the network's number of outputs
    are those of an output layer that was replaced by hand: they are not compared.
    """
    check_output_layer(net)
    names, known = class_names(loader.dataset), class_names(net)
    if names == UNLABELLED:
        raise CourseError(
            "These pictures have no labels (the test part of a competition): use predict on them, "
            "or take the valid part."
        )
    layers = output_layers(net)
    by_hand = layers and len(next(iter(layers.values())).weight) != len(known)
    if not names or not known or by_hand or all(map(WORDNET.fullmatch, names)):
        return
    if len(names) != len(known):
        raise CourseError(
            f"The network has {len(known)} outputs and the pictures have {len(names)} classes: "
            "give it a new output layer with replace_head."
        )
    if names != known:
        raise _other_classes(names, known)


def check_order(net: nn.Module, loader: DataLoader) -> None:
    """Raises CourseError if pictures and network name the same classes in another order."""
    names, known = class_names(loader.dataset), class_names(net)
    if names != known and sorted(names) == sorted(known):
        raise _other_classes(names, known)


def _other_classes(names: list[str], known: list[str]) -> CourseError:
    own, other = next((a, b) for a, b in zip(known, names, strict=True) if a != b)
    return CourseError(
        f"The network's classes are not those of the pictures: where one has "
        f"{require.quoted(own)}, the other has {require.quoted(other)}; rename the folders or "
        "sort the names alike."
    )


def class_names(source: object) -> list[str]:
    """Returns a network's or a data set's names of classes, [] if it has none.

    A data set may be torchvision's ImageFolder (`classes`), or hold others, as Subset does.
    """
    for attribute in ("class_names", "classes"):
        names = getattr(source, attribute, None)
        if isinstance(names, (list, tuple)) and all(isinstance(name, str) for name in names):
            return list(names)
    inside = getattr(source, "dataset", None) or next(iter(getattr(source, "datasets", [])), None)
    return class_names(inside) if isinstance(inside, Dataset) else []


def pictures_of(batch: object) -> Tensor:
    """Returns the pictures of a batch: (pictures, labels), pictures alone, or more beside them."""
    pictures = batch
    while isinstance(pictures, (tuple, list)) and pictures:
        pictures = pictures[0]
    if not isinstance(pictures, Tensor):
        raise CourseError(f"A batch is {require.summary(batch)}: give (pictures, labels).")
    if not pictures.is_floating_point():
        raise CourseError(
            f"The pictures are {pictures.dtype}, and a network takes float32: make the loader with "
            "data.loader, which normalises them."
        )
    return pictures.float()


@contextmanager
def told(what: str, advice: str) -> Iterator[None]:
    """Turns what a library raises inside the block into one sentence.

    What a student's own code (a data set, network or loss) raises goes on as it is, with its line.
    """
    try:
        yield
    except CourseError:
        raise
    except torch.OutOfMemoryError:
        raise CourseError(
            f"{what} needs more memory than there is: make batches smaller."
        ) from None
    except Exception as error:
        if not _in_a_library(error):
            raise
        text = (str(error).strip().splitlines() or ["no message"])[-1].rstrip(".")
        raise CourseError(
            f"{what} stops with {type(error).__name__} ({text}): {advice}."
        ) from error


def _in_a_library(error: Exception) -> bool:
    """Returns True if a package's line raised the error, not one of a student's own code.

    Lines of Python's own library and of this course are passed over, up to the one that led there.
    """
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    files += re.findall(r'File "(.+?)", line', str(error))  # in the process of a loader's worker
    for file in reversed(files):
        folders = set(Path(file).parents)
        if {folder.name for folder in folders} & PACKAGES:
            return True
        if not folders & PASSED_OVER:
            return False
    return False


def each(loader: DataLoader) -> Iterator[object]:
    """Yields a loader's batches; raises CourseError if the loader cannot make one."""
    batches = iter(loader)
    while True:
        with told("The loader", "check the files, and make all pictures tensors of one size"):
            batch = next(batches, batches)
        if batch is batches:
            return
        yield batch


def pair(batch: object, soft: bool = False) -> tuple[Tensor, Tensor]:
    """Returns pictures (float) and labels (int64, (B,)) of a batch; labels may be (B, 1).

    soft: labels may also be probabilities, float (B, K), as MixUp and CutMix make them.
    """
    pictures = pictures_of(batch)
    if not isinstance(batch, (tuple, list)) or len(batch) != 2 or not isinstance(batch[1], Tensor):
        raise CourseError(
            f"A batch is {require.summary(batch)}: give pairs (pictures, labels) of tensors."
        )
    labels = batch[1]
    if soft and labels.is_floating_point() and labels.ndim == 2 and labels.shape[1] > 1:
        return pictures, labels.float()
    numbers = not labels.is_floating_point() and not labels.is_complex()
    if not numbers or labels.shape not in {(len(pictures),), (len(pictures), 1)}:
        raise CourseError(
            f"The labels are {require.summary(labels)} and {labels.dtype}: give one whole number, "
            f"the number of a class, for each of the {len(pictures)} pictures."
        )
    return pictures, labels.flatten().long()


def check_answers(outputs: object, labels: Tensor) -> None:
    """Raises CourseError unless what the network gives for a batch fits the labels."""
    check_outputs(outputs, len(labels))
    check_logits(outputs)
    check_labels(labels, outputs.shape[1])


def check_outputs(outputs: object, n: int) -> None:
    """Raises CourseError unless the network gives one tensor with a row for each of n pictures."""
    if not isinstance(outputs, Tensor) or outputs.ndim != 2 or len(outputs) != n:
        raise CourseError(
            f"What the network gives for {n} pictures is {require.summary(outputs)}, not a row of "
            "numbers for each: take a network with one output layer (such as aux_logits=False)."
        )


def check_logits(outputs: Tensor) -> None:
    """Raises CourseError if the outputs are probabilities already."""
    if len(outputs) and bool((outputs > 0).all() and ((outputs.sum(1) - 1).abs() < 1e-5).all()):
        raise CourseError(
            "The network's outputs are probabilities already, and the loss and predict would take "
            "the softmax again: remove the softmax at its end."
        )


def check_labels(labels: Tensor, k: int) -> None:
    """Raises CourseError unless all labels lie between 0 and k - 1, or are k probabilities each."""
    if labels.is_floating_point():
        sums = (labels.sum(1) - 1).abs()
        if labels.shape[1] != k or not bool((labels >= 0).all() and (sums < 1e-3).all()):
            raise CourseError(
                f"The labels are {require.summary(labels)}, and the network has {k} outputs: give "
                f"{k} probabilities that sum to 1 for each picture, or the number of its class."
            )
        return
    numbers = labels.tolist()  # for a batch's few, faster than torch's own minimum and maximum
    low, high = min(numbers), max(numbers)
    if low < 0 or high >= k:
        raise CourseError(
            f"The labels go from {low} to {high}, and the network has {k} outputs: number the "
            f"classes from 0 to {k - 1}, or give it a new output layer with replace_head."
        )
