"""One reader for each kind of answer: however it is written, what is meant counts.

Each returns the answer in its plain form, or raises NotYet with what is wrong with it. An answer
that is nothing of the kind raises what Python raises: the judge says what was wanted instead.
"""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import torch

from classroom.judge import NotYet
from helpers.require import summary

# an answer in the output of its check, of a kind that JupyterLab does not show to readers
ANSWER = "application/vnd.course.answer+json"


def single(value: Any) -> Any:
    """Returns the only item of a list, an array or a tensor; anything else as it is."""
    for _ in range(4):
        if hasattr(value, "tolist"):  # of tensors, arrays, table columns
            value = value.tolist()
        if isinstance(value, (list, tuple, set, frozenset)) and len(value) == 1:
            (value,) = value
    return value


def letter(value: Any, letters: Sequence[str]) -> str:
    """Returns the letter of an option, also of "(a)", "a." and the option's whole line."""
    text = value if isinstance(value := single(value), str) else ""
    found = re.match(r"\W*([a-z])(?![a-z0-9])(?!\W*((or|and|not)\W+)?[a-z]\b)", text.lower())
    if not found or found[1] not in letters:
        raise NotYet(f"Answer with one of the letters {', '.join(letters)} in quotation marks.")
    return found[1]


def numbers_meant(value: Any) -> list[float]:
    """Returns what a number can mean: 4,617 in quotation marks may be one of two."""
    value = single(value)
    if isinstance(value, bool):
        raise NotYet(f"That is {value}, a truth value, where a number belongs.")
    if isinstance(value, (tuple, list)):
        raise NotYet(
            f"These are {len(value)} values, where one number belongs. Python takes a comma as the "
            "end of a number: write a decimal point, and nothing between thousands."
        )
    found = _readings(value) if isinstance(value, str) else [float(value)]
    if not found:
        raise NotYet(f"Answer with a number; {reprlib.repr(value)} is none.")
    if not all(map(math.isfinite, found)):
        raise NotYet(f"That is {found[0]}, which is no result: look for a division by 0 before it.")
    return found


def _readings(text: str) -> list[float]:
    found = []
    bare = re.sub(r"^[≈~=]|[\s_'’]", "", text).replace("−", "-")
    for point, comma in (".,", ",."):
        grouped = re.sub(rf"(?<=\d){re.escape(comma)}(?=\d{{3}}(?!\d))", "", bare)
        grouped = bare if bare.lstrip("+-").startswith("0") else grouped  # 0,617 is no thousand
        with suppress(ValueError):
            found.append(float(grouped.replace(point, ".")))
    return found


def number(value: Any) -> float:
    """Returns one finite number."""
    return numbers_meant(value)[0]


def truth(value: Any, what: str = "it") -> bool:
    """Returns True or False, also of 1 and 0 and in quotation marks."""
    value = single(value)
    value = {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else value
    if value not in (True, False):
        raise NotYet(f"{what} should be True or False.")
    return bool(value)


def items(values: Any) -> list:
    """Returns the items of a list, a tuple, an array, a tensor; the values of a dictionary."""
    if isinstance(values, (str, bytes)):
        raise TypeError("letters are not meant")
    return list(values.values() if isinstance(values, Mapping) else values)


def numbers(values: Any) -> list[float]:
    """Returns finite numbers as a list."""
    values = values.tolist() if hasattr(values, "tolist") else values
    return [number(value) for value in items(values)]


def mapping(
    value: Any, key: Callable[[Any], Any], entry: Callable[[Any], Any], wanted: str = "a number"
) -> dict[Any, Any]:
    """Returns a dictionary, also of a list of pairs; key and entry read what is in it, `wanted`."""
    value = value.to_dict() if hasattr(value, "to_dict") else value  # a table column
    found = {}
    for name, content in dict(value).items():
        try:
            found[key(name)] = entry(content)
        except NotYet as error:
            raise NotYet(f"The entry {reprlib.repr(name)}: {error}") from None
        except (TypeError, ValueError):
            is_bad = f"The entry {reprlib.repr(name)} is {summary(content)}"
            raise NotYet(f"{is_bad}: it should hold {wanted}.") from None
    if len(found) < len(value):
        raise NotYet("Two entries have the same key.")
    return found


def named(value: Any, entries: Mapping[str, Callable[[Any], Any]], wanted: str) -> tuple:
    """Returns what a dictionary holds under these keys, whatever their case."""
    plain = {str(key).strip().lower(): content for key, content in dict(value).items()}
    for name in entries:
        if name not in plain:
            raise NotYet(f'The dictionary has no key "{name}".')
    return tuple(
        mapping({name: plain[name]}, str, entry, wanted)[name] for name, entry in entries.items()
    )


def pair(values: Any) -> tuple[float, float]:
    """Returns two numbers."""
    found = numbers(values)
    if len(found) != 2:
        raise NotYet(f"it holds {len(found)} numbers, not two.")
    return found[0], found[1]


def tensor(value: Any) -> torch.Tensor:
    """Returns a tensor, also of an array, of lists of numbers and of a list of tensors."""
    if isinstance(value, (list, tuple)):
        return torch.stack([tensor(part) for part in value])
    return torch.as_tensor(value).detach()


def groups(value: Any, net: torch.nn.Module, keys: Sequence[str]) -> list[dict]:
    """Returns groups of an optimiser, with the params of each as a list of the net's own."""
    if isinstance(value, torch.optim.Optimizer):
        raise NotYet("Return the list of groups, not the optimiser that takes it.")
    own = {id(p): name for name, p in net.named_parameters()}
    found = []
    for group in [value] if isinstance(value, Mapping) else value:
        if "params" not in group:
            raise NotYet("A group has no params.")
        params = group["params"]
        params = [params] if isinstance(params, torch.Tensor) else list(params)
        for p in params:
            _own_parameter(p, own)
        for key in keys:
            if key not in group and params:
                of = f"the group of {own[id(params[0])]}"
                raise NotYet(f"There is no {key} in {of}: the optimiser would use its default.")
        found.append({key: number(group[key]) for key in keys if key in group} | {"params": params})
    places = [id(p) for group in found for p in group["params"]]
    if any(len(g["params"]) > len({id(p) for p in g["params"]}) for g in found):
        raise NotYet("A parameter is in a list twice: did you visit both a layer and its parent?")
    if len(places) > len(set(places)):
        raise NotYet("A parameter is in two groups: an optimiser refuses that.")
    return found


def _own_parameter(p: Any, own: Mapping[int, str]) -> None:
    if isinstance(p, str):
        raise NotYet("The params are names: give the parameters themselves.")
    if isinstance(p, tuple):
        raise NotYet("The params are pairs of name and parameter: give the parameters alone.")
    if id(p) not in own:
        what = "a copy" if isinstance(p, torch.Tensor) else summary(p)
        raise NotYet(f"One of the params is {what}, not a parameter of net: it would not train it.")


def to_json(value: object, depth: int = 6) -> object:
    """Returns an answer that is data as what JSON can hold."""
    value = value.tolist() if hasattr(value, "tolist") else value
    value = value.to_dict() if hasattr(value, "to_dict") else value
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if value is ...:
        return {"dots": True}
    if depth and isinstance(value, Mapping):
        pairs = value.items()
        return {"pairs": [[to_json(k, depth - 1), to_json(v, depth - 1)] for k, v in pairs]}
    if depth and isinstance(value, (list, tuple, set, frozenset)):
        return [to_json(part, depth - 1) for part in value]
    return {"other": type(value).__name__}


def from_json(value: object, is_key: bool = False) -> object:
    """Returns the answer: of types of Python's own, and what it was not as an object of no use."""
    if isinstance(value, list):
        return (tuple if is_key else list)(from_json(part, is_key) for part in value)
    if isinstance(value, dict):
        if value.keys() == {"dots"}:
            return ...
        if value.keys() == {"pairs"}:
            return {from_json(key, True): from_json(part) for key, part in value["pairs"]}
        return object()
    return value
