"""The lessons' exercises, one file per lesson; here is what several of them share.

An exercise is a statement in the lesson and, here, a function that diagnoses answers, two hints,
and one sentence on why it matters. `choice`, `number` and `order` register common kinds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

from classroom.judge import NotYet, exercise


def choice(
    name: str, right: str, wrong: Mapping[str, str], *, why: str, hints: tuple[str, str]
) -> None:
    """Registers a choice of one letter; wrong: {letter: what choosing it overlooks}."""
    letters = sorted([right, *wrong])
    wanted = f"one of the letters {', '.join(letters)}, as a string"

    @exercise(name, wanted=wanted, why=why, hints=hints)
    def diagnose(answer: object) -> str | None:
        letter = answer.strip().lower() if isinstance(answer, str) else ""
        if letter not in letters:
            return f"Answer with one of the letters {', '.join(letters)} in quotation marks."
        return wrong.get(letter)


def number(
    name: str,
    right: float,
    tolerance: float,
    slips: Mapping[float, str],
    *,
    why: str,
    hints: tuple[str, str],
) -> None:
    """Registers a number, right within the tolerance; slips: {wrong value: the slip behind it}."""

    @exercise(name, wanted="a number", why=why, hints=hints)
    def diagnose(answer: Any) -> str | None:
        if isinstance(answer, tuple):
            return "Python reads a comma as the end of a number: write it without one."
        if isinstance(answer, (str, bool)) or not math.isfinite(value := float(answer)):
            return "Answer with a number, without quotation marks."
        if abs(value - right) <= tolerance:
            return None
        slip = min(slips, key=lambda slip: abs(value - slip))
        near = abs(value - slip) <= max(tolerance, 0.01 * abs(slip))
        return slips[slip] if near else f"{value:g} is not it. Write down how you got there."


def order(
    name: str, right: Sequence[str], rules: Mapping[str, str], *, why: str, hints: tuple[str, str]
) -> None:
    """Registers letters to put in order; rules: {"ab": why a comes before b}, tried in turn."""
    wanted = f"a string of the letters {''.join(sorted(right))}"

    @exercise(name, wanted=wanted, why=why, hints=hints)
    def diagnose(answer: Any) -> str | None:
        letters = [letter for letter in "".join(answer).lower() if letter.isalpha()]
        if sorted(letters) != sorted(right):
            return f"Write each of the letters {', '.join(sorted(right))} once, such as 'badc...'."
        for (first, second), reason in rules.items():
            if letters.index(first) > letters.index(second):
                return reason
        return None


def compare(
    result: torch.Tensor,
    right: torch.Tensor,
    slips: Mapping[str, torch.Tensor],
    atol: float = 1e-4,
    otherwise: str = "The numbers are not right. Work one of them out by hand and compare.",
) -> str | None:
    """Returns None if the tensors agree, else the diagnosis; slips: {diagnosis: its result}."""
    if not result.is_floating_point():
        return f"The result has the dtype {result.dtype}, which holds only whole numbers."
    if result.isnan().any():
        return "There is a NaN in the result."
    for diagnosis, value in [(None, right), *slips.items()]:
        same_shape = result.shape == value.shape
        if same_shape and torch.allclose(result.double(), value.double(), rtol=1e-3, atol=atol):
            return diagnosis
    return otherwise


def all_close(values: Sequence[float], right: Sequence[float], rel_tol: float = 1e-3) -> bool:
    pairs = zip(values, right, strict=True)
    return all(math.isclose(value, wanted, rel_tol=rel_tol) for value, wanted in pairs)


def require_accuracies(values: Iterable[float]) -> None:
    """Raises NotYet unless these are fractions."""
    if not all(0 <= value <= 1 for value in values):
        raise NotYet("An accuracy is a fraction from 0 to 1, not a percentage and not a loss.")


def require_pairs(values: Iterable[object], diagnosis: str) -> None:
    """Raises NotYet with this diagnosis unless each value holds two items."""
    if any(not hasattr(pair, "__len__") or len(pair) != 2 for pair in values):
        raise NotYet(diagnosis)
