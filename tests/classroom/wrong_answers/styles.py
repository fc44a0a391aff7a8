"""The same right answers in other styles, so that a table holds many of them in few lines."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import torch


def right(*answers, words=""):
    """Right answers, with these words before why it matters."""
    return [(answer, words) for answer in answers]


def returning(function, *kinds):
    """The function once for each of these kinds of result."""
    return [lambda *a, kind=kind: kind(function(*a)) for kind in kinds]


def numbers(value):
    """A number in the styles of sixty students."""
    text = f"{value:g}" if value < 1000 else f"{value:.0f}"
    styles = [value, text, f" {text} ", [value], (value,), {value}, [[value]], f"≈ {text}"]
    styles += [np.float64(value), np.array(value), np.array([[value]]), torch.tensor(float(value))]
    styles += [Decimal(str(value)), Fraction(value), pd.Series([value]), [text]]
    return styles + [text.replace(".", ",")]


def letters(letter, line):
    """A choice in the styles of sixty students; line: that of the option."""
    styles = ["{}", "{})", "({})", "{}.", " {} ", "{}:", "**{}**", '"{}"', "[{}]", "{} because"]
    styles = [style.format(letter) for style in styles]
    more = [letter.upper(), [letter], (letter,), {letter}, np.array(letter), np.array([letter])]
    return styles + more + [f"{letter} {line}", f"- **{letter}** {line}", f"{letter}) {line}"]


def mappings(table):
    """A dictionary in the styles of sixty students."""
    texts = {str(key): value for key, value in table.items()}
    loud = {key.upper() if isinstance(key, str) else key: value for key, value in table.items()}
    arrays = {key: np.array(value) for key, value in table.items()}
    tensors = {key: torch.tensor(value) for key, value in table.items()}
    spoken = {key: _spoken(value) for key, value in table.items()}
    pairs, backwards = list(table.items()), dict(reversed(table.items()))
    styles = [table, loud, arrays, tensors, spoken, pairs, tuple(pairs), iter(pairs), backwards]
    return styles if any(isinstance(key, tuple) for key in table) else [*styles, texts]


def _spoken(value):
    return [str(v) for v in value] if isinstance(value, (list, tuple)) else str(value)
