"""The exercises of the lessons, a file a lesson, a small function an exercise.

Here are the kinds of judges that several of them share.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from classroom.judge import exercise


def choice(
    name: str, right: str, wrong: Mapping[str, str], *, why: str, hints: tuple[str, str]
) -> None:
    """A single choice among letters; wrong: {letter: what choosing it overlooks}."""
    letters = sorted([right, *wrong])

    @exercise(name, gives=f"one of the letters {', '.join(letters)}, as text", why=why, hints=hints)
    def judge(answer: object) -> str | None:
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
    """A number, right within the tolerance; slips: {value that a slip leads to: which slip}."""

    @exercise(name, gives="a number", why=why, hints=hints)
    def judge(answer: Any) -> str | None:
        if isinstance(answer, tuple):
            return "Python reads a comma as the end of a number: write it without."
        if isinstance(answer, (str, bool)) or not math.isfinite(value := float(answer)):
            return "Answer with a number, without quotation marks."
        if abs(value - right) <= tolerance:
            return None
        slip = min(slips, key=lambda slip: abs(value - slip))
        near = abs(value - slip) <= max(tolerance, 0.01 * abs(slip))
        return slips[slip] if near else f"{value:g} is not it. Write down how you came to it."


def order(
    name: str, right: Sequence[str], rules: Mapping[str, str], *, why: str, hints: tuple[str, str]
) -> None:
    """Letters in the right order; rules: {"ab": why a comes before b}, tried one by one."""

    @exercise(name, gives=f"a text with the letters {''.join(sorted(right))}", why=why, hints=hints)
    def judge(answer: Any) -> str | None:
        letters = [letter for letter in "".join(answer).lower() if letter.isalpha()]
        if sorted(letters) != sorted(right):
            return f"Each of the letters {', '.join(sorted(right))} once, such as 'badc...'."
        for (first, second), reason in rules.items():
            if letters.index(first) > letters.index(second):
                return reason
        return None


def looks_like(
    found: torch.Tensor,
    right: torch.Tensor,
    slips: Mapping[str, torch.Tensor],
    atol: float = 1e-4,
    otherwise: str = "The numbers are not right. Work one of them out by hand and compare.",
) -> str | None:
    """None if the tensors agree, else the slip whose value was found: {diagnosis: value}."""
    if not found.is_floating_point():
        return f"The result is of the type {found.dtype}, which holds whole numbers only."
    if found.isnan().any():
        return "There is a NaN in the result."
    for diagnosis, value in [(None, right), *slips.items()]:
        same_shape = found.shape == value.shape
        if same_shape and torch.allclose(found.double(), value.double(), rtol=1e-3, atol=atol):
            return diagnosis
    return otherwise
