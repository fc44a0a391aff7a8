"""Checks of what comes from outside: the value as it is wanted, or one sentence that names it."""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from PIL import Image
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader


class CourseError(Exception):
    """Something you can put right: one sentence that says what is wrong and what to do.

    In a notebook only that sentence is shown, without the traceback around it.
    """

    def _render_traceback_(self) -> list[str]:  # IPython calls this in place of a traceback
        return [f"CourseError: {self}"]


LARGEST = 2**63 - 1  # the largest whole number, and seed, that torch takes


def told(value: object) -> str:
    """A value in a few words that cannot fail, whatever the value does when it is touched."""
    with suppress(Exception):
        if isinstance(value, Tensor):
            return f"a tensor of shape {tuple(value.shape)}"
        if value is None or isinstance(value, (bool, int, float)):
            text = str(value)
            return text if len(text) < 40 else f"a number of {len(text)} digits"
    with suppress(Exception):
        return f"of the type {type(value).__name__}"
    return "of a type without a name"


def shown(value: object) -> str:
    """The same, with texts as they stand, shortened."""
    if isinstance(value, Path):
        value = str(value)
    if type(value) is not str:
        return told(value)
    text = repr(value if len(value) <= 90 else f"{value[:40]}...{value[-40:]}")
    return f'"{text[1:-1]}"'


def whole(value: object, name: str, least: int = 0, most: int | None = None) -> int:
    """A whole number of any kind (Python, NumPy, a tensor of one element) within these limits."""
    try:
        number = operator.index(value)
    except Exception:
        number = least - 1
    top = LARGEST if most is None else most
    if type(value) is bool or not least <= number <= top:
        to = f"from {least} to {most}" if most is not None else f"of {least} or more"
        raise CourseError(f"{name} is {shown(value)}: give a whole number {to}.")
    return number


def seed(value: object) -> int:
    return whole(value, "seed")


def number(value: object, name: str, least: float = -math.inf, most: float = math.inf) -> float:
    """A finite number within these limits, which belong to them."""
    try:
        found = math.nan if isinstance(value, (str, bytes, bool)) else float(value)
    except Exception:
        found = math.nan
    if not (math.isfinite(found) and least <= found <= most):
        limits = [f"from {least:g}"] * (least > -math.inf) + [f"to {most:g}"] * (most < math.inf)
        raise CourseError(f"{name} is {shown(value)}: give {' '.join(['a number', *limits])}.")
    return found


def fraction(value: object, name: str) -> float:
    """A number between 0 and 1, neither of them."""
    try:
        if 0 < number(value, name) < 1:
            return float(value)
    except CourseError:
        pass
    raise CourseError(f"{name} is {shown(value)}: it must lie between 0 and 1, so give a fraction.")


def places(values: object, n: int, name: str) -> list[int]:
    """Whole numbers from 0 to n - 1, as a list."""
    found = values.tolist() if hasattr(values, "tolist") else values
    if isinstance(found, (str, bytes)) or not isinstance(found, Iterable):
        raise CourseError(f"{name} is {shown(values)}: give a list of whole numbers.")
    return [whole(value, f"A number in {name}", 0, n - 1) for value in found]


def labels(values: object, files: int, classes: int) -> list[int]:
    """A number of a class for each file."""
    found = places(values, classes, "labels")
    if len(found) != files:
        raise CourseError(f"There are {files} files and {len(found)} labels: give one each.")
    return found


def pairs(labels: object, predicted: object, n: int) -> tuple[list[int], list[int]]:
    """As many labels as predictions, numbers of n classes."""
    found = places(labels, n, "labels"), places(predicted, n, "predicted")
    if len(found[0]) != len(found[1]):
        sizes = f"{len(found[0])} labels and {len(found[1])} predictions"
        raise CourseError(f"There are {sizes}: give one of each for every picture.")
    return found


def many(values: object, name: str) -> list:
    """What a list, a table's column or a tensor holds, as a list."""
    try:
        return list(values)
    except TypeError:
        raise CourseError(f"{name} is {shown(values)}: give a list.") from None


def names(values: object, name: str, least: int = 1) -> list[str]:
    """Texts that differ, as a list: the names of classes."""
    try:
        found = [] if isinstance(values, (str, bytes)) else list(values)
    except TypeError:
        found = []
    odd = next((value for value in found if not isinstance(value, str)), None)
    if odd is not None or not found:
        what = f"holds {shown(odd)}" if odd is not None else f"is {shown(values)}"
        raise CourseError(f"{name} {what}: give a list of texts, one name for each class.")
    if len(found) < least:
        raise CourseError(f"A classifier needs two classes or more, not {found}: add some.")
    if len(set(found)) < len(found):
        twice = next(value for value in found if found.count(value) > 1)
        raise CourseError(f"{name} holds {shown(twice)} twice: rename one of them.")
    return found


def choice(value: object, known: Sequence[str], what: str) -> str:
    """One of the texts that are known."""
    if not isinstance(value, str) or value not in known:
        raise CourseError(f"There is no {what} {shown(value)}: choose one of {', '.join(known)}.")
    return value


def path(value: object, name: str = "The path") -> Path:
    """A path that the system can look for, whether something is there or not."""
    try:
        found = Path(value)
        with suppress(FileNotFoundError, NotADirectoryError):
            os.stat(found)
        return found
    except OSError as error:
        because = f"cannot be looked for ({error.strerror})"
        raise CourseError(f"{name} {shown(value)} {because}: check the path.") from None
    except (TypeError, ValueError):
        raise CourseError(f"{name} is {shown(value)}: give a path as text.") from None


def new_file(value: object, name: str) -> Path:
    """The path of a file that will be written; its folder is made."""
    found = path(value, name)
    try:
        found.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        because = f"cannot be written ({error.strerror})"
        raise CourseError(f"{name} {shown(found)} {because}: give another path.") from None
    return found


def transform(value: object) -> None:
    if value is not None and not callable(value):
        raise CourseError(f"augment is {shown(value)}: give a transform of torchvision.")


def instance(value: object, kind: type, name: str, advice: str) -> None:
    """Refuse what is of another type; advice: what to give."""
    if not isinstance(value, kind):
        raise CourseError(f"{name} is {shown(value)}: {advice}.")


def training(net: object, train: object, valid: object, optimizer: object) -> None:
    """Refuse what a run of `fit` cannot be made of."""
    network(net)
    for loader in (train, *([] if valid is None else [valid])):
        batches(loader)
    instance(optimizer, Optimizer, "The optimiser", "make one, as torch.optim.AdamW(groups)")


def rows(values: object, name: str) -> dict[str, list[float]]:
    """A dictionary of lists of numbers, one list or more."""
    instance(values, Mapping, name, "give a dictionary {name: list of numbers}")
    if not values:
        raise CourseError(f"{name} holds nothing to show: give a dictionary with a row or more.")
    found = {str(key): many(row, f"The row {shown(key)}") for key, row in values.items()}
    for key, row in found.items():
        if not row:
            raise CourseError(f"The row {shown(key)} is empty: give a number or more.")
        for value in row:
            number(value, f"A value of the row {shown(key)}")
    return found


def pictures(values: object) -> list[Tensor | Image.Image]:
    """Images of Pillow or tensors (3, H, W), one or more, as a list."""
    found = many(values, "The pictures")
    if not found:
        raise CourseError("There is no picture to show, the list is empty: give one or more.")
    for value in found:
        shape = tuple(value.shape) if isinstance(value, Tensor) else (3, 1, 1)
        instance(value, (Tensor, Image.Image), "A picture", "give a tensor (3, H, W)")
        if len(shape) != 3 or shape[0] != 3 or 0 in shape:
            raise CourseError(f"A picture is {told(value)}: give a tensor (3, H, W).")
    return found


def table(value: object, n: int, columns: int) -> None:
    """A tensor of probabilities, a row for each picture and a column for each class."""
    if not isinstance(value, Tensor) or value.shape != (n, columns):
        raise CourseError(
            f"The probabilities are {shown(value)} and must have the shape ({n}, {columns}): give "
            "those that predict returned for these pictures."
        )


def network(value: object) -> None:
    instance(value, nn.Module, "The network", "give one that load_pretrained has made")


def batches(value: object) -> None:
    instance(value, DataLoader, "The loader", "make one of your pictures with data.loader")
