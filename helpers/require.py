"""CourseError, and checks of arguments: each returns the value, or raises one sentence."""

from __future__ import annotations

import math
import operator
import os
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from torch import Tensor, nn
from torch.utils.data import DataLoader

LARGEST = 2**63 - 1  # the largest whole number, and seed, that torch takes


class CourseError(Exception):
    """A mistake you can fix: one sentence that says what is wrong and what to do.

    A notebook shows only that sentence, without the traceback.
    """

    def _render_traceback_(self) -> list[str]:  # IPython calls this in place of a traceback
        return [f"CourseError: {self}"]


def summary(value: object) -> str:
    """Returns any value in a few words; never raises, even if the value's own methods do."""
    with suppress(Exception):
        if isinstance(value, Tensor):
            return f"a tensor of shape {tuple(value.shape)}"
        if value is None or isinstance(value, (bool, int, float)):
            text = str(value)
            return text if len(text) < 40 else f"a number of {len(text)} digits"
    with suppress(Exception):
        return f"of the type {type(value).__name__}"
    return "of a type without a name"


def quoted(value: object) -> str:
    """Returns a string or path in quotation marks, shortened; anything else as a summary."""
    if isinstance(value, Path):
        value = str(value)
    if type(value) is not str:
        return summary(value)
    text = repr(value if len(value) <= 90 else f"{value[:40]}...{value[-40:]}")
    return f'"{text[1:-1]}"'


def whole(value: object, name: str, least: int = 0, most: int | None = None) -> int:
    """Returns a whole number (Python, NumPy or a one-element tensor) as an int."""
    limits = f"of {least} or more" if most is None else f"from {least} to {most}"
    with suppress(Exception):
        number = operator.index(value)
        if type(value) is not bool and least <= number <= (LARGEST if most is None else most):
            return number
    raise CourseError(f"{name} is {quoted(value)}: give a whole number {limits}.")


def number(
    value: object, name: str, least: float | None = None, most: float | None = None
) -> float:
    """Returns a finite number as a float; `least` and `most` are inclusive."""
    with suppress(Exception):
        real = math.nan if isinstance(value, (str, bytes, bool)) else float(value)
        high_enough = least is None or real >= least
        low_enough = most is None or real <= most
        if math.isfinite(real) and high_enough and low_enough:
            return real
    limits = "" if least is None else f" from {least:g}"
    limits += "" if most is None else f" to {most:g}"
    raise CourseError(f"{name} is {quoted(value)}: give a number{limits}.")


def fraction(value: object, name: str) -> float:
    """Returns a number strictly between 0 and 1."""
    with suppress(CourseError):
        share = number(value, name)
        if 0 < share < 1:
            return share
    raise CourseError(f"{name} is {quoted(value)}: give a number between 0 and 1, such as 0.2.")


def indices(values: object, n: int, name: str) -> list[int]:
    """Returns whole numbers from 0 to n - 1 (a list, array or tensor) as a list."""
    numbers = values.tolist() if hasattr(values, "tolist") else values  # faster than one by one
    return [whole(value, f"A number in {name}", 0, n - 1) for value in many(numbers, name)]


def many(values: object, name: str) -> list:
    """Returns the items of a list, a table column or a tensor as a list."""
    if isinstance(values, (str, bytes, Mapping)):  # letters and keys are not meant
        raise CourseError(f"{name} is {quoted(values)}: give a list.")
    try:
        return list(values)
    except TypeError:
        raise CourseError(f"{name} is {quoted(values)}: give a list.") from None


def rows(values: object, name: str) -> dict[str, list[float]]:
    """Returns {method: numbers}, at least one method with at least one number each."""
    advice = "give a dictionary {method: list of numbers}"
    instance(values, Mapping, name, advice)
    table = {}
    for key, row in values.items():
        where = f"The row {quoted(key)} of {name}"
        table[str(key)] = [number(value, f"A value of {where}") for value in many(row, where)]
    if not table or not all(table.values()):
        raise CourseError(f"{name} is empty or has an empty row: {advice}.")
    return table


def names(values: object, name: str, least: int = 1) -> list[str]:
    """Returns class names, strings without duplicates, as a list."""
    class_names = [] if isinstance(values, (str, bytes)) else many(values, name)
    odd = next((entry for entry in class_names if not isinstance(entry, str)), None)
    if odd is not None or not class_names:
        what = f"is {quoted(values)}" if odd is None else f"holds {quoted(odd)}"
        raise CourseError(f"{name} {what}: give a list of strings, one name per class.")
    if len(class_names) < least:
        raise CourseError(f"A classifier needs at least two classes, not {class_names}: add some.")
    if len(set(class_names)) < len(class_names):
        repeated = next(entry for entry in class_names if class_names.count(entry) > 1)
        raise CourseError(f"{name} holds {quoted(repeated)} twice: rename one of them.")
    return class_names


def distinct(class_names: list[str], where: str) -> list[str]:
    """Returns class names, none of which differs from another only in spaces or capitals."""
    seen = {}
    for name in class_names:
        plain = "".join(unicodedata.normalize("NFC", name).casefold().split())
        other = seen.setdefault(plain, name)
        if other != name:
            raise CourseError(
                f"{where}: {quoted(other)} and {quoted(name)} look alike: give both one name if "
                "they are one class, or rename one."
            )
    return class_names


def choice(value: object, known: Sequence[str], what: str) -> str:
    """Returns the value, which must be one of the known ones."""
    if not isinstance(value, str) or value not in known:
        raise CourseError(f"There is no {what} {quoted(value)}: choose one of {', '.join(known)}.")
    return value


def path(value: object, name: str = "The path") -> Path:
    """Returns a path that the system accepts, whether or not it exists; ~ is the home folder."""
    try:
        place = Path(os.path.expanduser(value))
        with suppress(FileNotFoundError, NotADirectoryError):
            os.stat(place)
        return place
    except OSError as error:
        because = f"cannot be used ({error.strerror})"
        raise CourseError(f"{name} {quoted(value)} {because}: check the path.") from None
    except (TypeError, ValueError):
        raise CourseError(f"{name} is {quoted(value)}: give a path as a string.") from None


def instance(value: object, kind: type | tuple[type, ...], name: str, advice: str) -> None:
    """Raises CourseError unless the value has this type; advice: what to give instead."""
    if not isinstance(value, kind):
        raise CourseError(f"{name} is {quoted(value)}: {advice}.")


def network(value: object) -> None:
    instance(value, nn.Module, "The network", "give one made by load_pretrained")


def batches(value: object) -> None:
    instance(value, DataLoader, "The loader", "make one from your pictures with data.loader")
