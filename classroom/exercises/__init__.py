"""The lessons' exercises, one file per lesson; here is what several of them share.

An exercise is a statement in the lesson and, here, a function that diagnoses answers, two hints,
and one sentence on why it matters. `choice` and `number` register common kinds; answers are read
by `classroom/kinds.py`, however they are written.
"""

from __future__ import annotations

import math
import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from itertools import product

import torch
from torch import nn

from classroom import kinds
from classroom.judge import NotYet, exercise

# A process's first optimiser takes a second, which should not count against an answer.
torch.optim.SGD([nn.Parameter(torch.ones(1))])


def choice(
    name: str, right: str, wrong: Mapping[str, str], *, why: str, hints: tuple[str, str]
) -> None:
    """Registers a choice of one letter; wrong: {letter: what choosing it overlooks}."""
    letters = sorted([right, *wrong])
    wanted = f"one of the letters {', '.join(letters)}, as a string"

    @exercise(name, wanted=wanted, why=why, hints=hints)
    def diagnose(answer: object) -> str | None:
        return wrong.get(kinds.letter(answer, letters))


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
    def diagnose(answer: object) -> str | None:
        meant = kinds.numbers_meant(answer)
        if any(abs(found - right) <= tolerance for found in meant):
            return None
        slip, found = min(product(slips, meant), key=lambda both: abs(both[0] - both[1]))
        if abs(slip - found) <= tolerance:
            return slips[slip]
        if abs(meant[0] - right) <= 4 * tolerance < 1:
            return f"{meant[0]:g} is near, but not near enough: round once, at the end."
        return f"{meant[0]:g} is not it. Write down how you got there."


def compare(
    result: object,
    right: torch.Tensor,
    slips: Mapping[str, torch.Tensor],
    atol: float = 1e-4,
    otherwise: str = "The numbers are not right. Work one of them out by hand and compare.",
) -> str | None:
    """Returns None if the tensors agree, else the diagnosis; slips: {diagnosis: its result}."""
    result = kinds.tensor(result)
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


def cannot_learn(layer: nn.Module, x: torch.Tensor) -> str | None:
    """Returns what keeps an optimiser's step from changing the layer, which it changes; or None."""
    before = [p.detach().clone() for p in layer.parameters()]
    try:
        layer(x).sum().backward()
        torch.optim.SGD(layer.parameters(), 0.1).step()
    except RuntimeError as error:  # of torch, such as an inference tensor or shared memory
        return f"An optimiser's step cannot change the layer: {str(error).split('.')[0]}."
    if any(new.equal(old) for new, old in zip(layer.parameters(), before, strict=True)):
        return "An optimiser's step does not change all of the layer any more."
    return None


def require_accuracies(values: Iterable[float]) -> None:
    """Raises NotYet unless these are fractions."""
    if not all(0 <= value <= 1 for value in values):
        raise NotYet("An accuracy is a fraction from 0 to 1, not a percentage and not a loss.")


def measured_again(function: str, arguments: tuple, told: float, tolerance: float) -> str | None:
    """Returns None if the lesson's function, called again, gives what an answer tells of it."""
    measure = getattr(sys.modules["__main__"], function, None)
    if not callable(measure):  # judged outside of the lesson
        return None
    call = f"{function}({', '.join(map(str, arguments))})"
    try:
        found = kinds.number(measure(*arguments))
        if abs(told - found) <= tolerance:
            return None
    except (Exception, NotYet) as error:
        return f"{call}, called again, stopped with {type(error).__name__}: {error}"
    return (
        f"{call} gives {found:.3g} here, and your entry says {told:.3g}: fill in what it measures."
    )


def lowest_loss(
    what: str, candidates: Sequence[float], rounds: Iterable[tuple[float, list[float], dict]]
) -> str | None:
    """Returns a diagnosis of a choice by log-loss, made once on each of several tables; or None.

    what: what the candidates are, "share" or "weight". A round is the number that the student's
    function chose, the losses of all candidates, and {diagnosis: the position that it leads to}.
    """
    picked, tables, slips = [], [], []
    for chosen, losses, of_table in rounds:
        near = [k for k, candidate in enumerate(candidates) if abs(candidate - chosen) < 1e-6]
        if not near:
            if min(abs(loss - chosen) for loss in losses) < 1e-4:
                return f"It returns the log-loss; return the {what} that leads to it."
            if chosen in range(len(candidates)):
                return f"It returns a position in the list; return the {what} at that position."
            return "It returns a number that is not among the candidates."
        picked.append(near[0])
        tables.append(losses)
        slips.append(of_table)
    missed = [k for k, losses in enumerate(tables) if losses[picked[k]] != min(losses)]
    if not missed:
        return None
    for diagnosis in slips[0]:
        if picked == [found[diagnosis] for found in slips]:
            return diagnosis
    k = picked[missed[0]]
    return (
        f"With {candidates[k]:g} the log-loss is {tables[missed[0]][k]:.3f}; another candidate is "
        "better."
    )


def helper_on_the_way() -> str | None:
    """Returns the name of the course's helper that an answer called to get here, if it did."""
    frames = [frame for frame, _ in traceback.walk_stack(None)]
    helpers = [f for f in frames if f.f_globals.get("__name__", "").startswith("helpers.")]
    return helpers[-1].f_code.co_name if helpers else None
