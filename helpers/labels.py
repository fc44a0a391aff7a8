"""Matches your classes to those of a source network: by name, by synonym, or by asking it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from torch import Tensor

from helpers import require
from helpers.require import CourseError


class Match(NamedTuple):
    """One of your classes, its partner among the source's or None, and how it was found."""

    target: str
    source: str | None
    how: str


def imagenet_classes() -> list[str]:
    """Returns the 1,000 class names of ImageNet-1k in the order of a network's outputs."""
    from torchvision.models import ResNet18_Weights

    return list(ResNet18_Weights.IMAGENET1K_V1.meta["categories"])


def imagenet_synonyms() -> dict[str, list[str]]:
    """Returns {class name: all its names}, from WordNet's synsets, on which ImageNet is built."""
    from timm.data import ImageNetInfo

    info = ImageNetInfo("imagenet-1k")
    names = imagenet_classes()
    return {name: info.index_to_description(i).split(", ") for i, name in enumerate(names)}


def _plain(name: str) -> str:
    """Returns the same for `Hot-Dog`, `hot dog` and `hotdog`."""
    return re.sub(r"[\s_-]+", "", name).casefold()


def match_labels(
    source_names: Sequence[str],
    target_names: Sequence[str],
    match: str | Mapping[str, str | None] = "synonyms",
) -> list[Match]:
    """Returns a match for each target class, with or without a partner.

    match: "exact" (the same name, ignoring case, spaces and hyphens), "synonyms" (the same
    name or, for classes of ImageNet, one of WordNet's other names), or your own {target: source}.
    A name is not a meaning: ImageNet's "drumstick" plays drums. Where a name fits more than one
    class, `how` says so.
    """
    source_names = require.names(source_names, "source_names")
    target_names = require.names(target_names, "target_names")
    if isinstance(match, Mapping):
        return _as_chosen(source_names, target_names, match)
    if match not in ("exact", "synonyms"):
        raise CourseError(
            f'match is {require.quoted(match)}: give "exact", "synonyms" or {{target: source}}.'
        )
    by_name, by_synonym = defaultdict(list), defaultdict(list)
    synonyms = imagenet_synonyms() if match == "synonyms" else {}
    for name in source_names:
        by_name[_plain(name)].append(name)
        for other in dict.fromkeys(map(_plain, synonyms.get(name, []))):
            by_synonym[other].append(name)
    return [_by_name(name, by_name, by_synonym) for name in target_names]


def _as_chosen(source_names: list[str], target_names: list[str], match: Mapping) -> list[Match]:
    unknown = [name for name in match if name not in target_names]
    unknown += [name for name in match.values() if name not in [*source_names, None]]
    if unknown:
        raise CourseError(
            f"{require.quoted(unknown[0])} is not a class here: correct the names in match."
        )
    partners = {name: match.get(name) for name in target_names}
    return [
        Match(name, partner, "given" if partner else "no partner")
        for name, partner in partners.items()
    ]


def _by_name(target: str, by_name: Mapping, by_synonym: Mapping) -> Match:
    same = by_name.get(_plain(target), [])
    synonyms = by_synonym.get(_plain(target), [])
    candidates = [target] if target in same else same or synonyms
    if not candidates:
        return Match(target, None, "no partner")
    if len(candidates) > 1:
        return Match(target, None, f"ambiguous: {' or '.join(candidates)}")
    partner, how = candidates[0], "exact" if same else "synonym"
    others = [name for name in dict.fromkeys([*same, *synonyms]) if name != partner]
    if others:
        how += f", also a name of {' and '.join(others)}"
    return Match(target, partner, how)


def ask(
    probabilities: Tensor,
    labels: Tensor,
    source_names: Sequence[str],
    target_names: Sequence[str],
    at_least: float = 0.5,
) -> list[Match]:
    """Returns matches according to what the source network says about your pictures.

    probabilities: float (N, source classes), as `predict` returns them; labels: int64 (N,), an
    index into target_names. The partner of a class is its most frequent top-1 prediction, if that
    comes first for at least this share of the pictures.
    """
    for value, name in ((probabilities, "probabilities"), (labels, "labels")):
        require.instance(value, Tensor, name, "give a tensor")
    source_names = require.names(source_names, "source_names")
    target_names = require.names(target_names, "target_names")
    at_least = require.number(at_least, "at_least", 0, 1)
    if labels.ndim != 1 or probabilities.shape != (len(labels), len(source_names)):
        raise CourseError(
            f"probabilities must be {len(labels)} x {len(source_names)}, pictures x source "
            f"classes, not {' x '.join(map(str, probabilities.shape))}: give what predict returned."
        )
    return [
        _most_frequent(name, probabilities[labels == label].argmax(1), source_names, at_least)
        for label, name in enumerate(target_names)
    ]


def _most_frequent(target: str, answers: Tensor, names: list[str], at_least: float) -> Match:
    """answers: the top-1 class number for each picture of the class."""
    if not len(answers):
        raise CourseError(f'There are no pictures of "{target}" to ask about: add some.')
    counts = answers.bincount(minlength=len(names))
    name, share = names[int(counts.argmax())], counts.max().item() / len(answers)
    how = f"first for {share:.0%} of {len(answers)} pictures"
    if share < at_least:
        return Match(target, None, f"no partner: {name} {how}")
    return Match(target, name, how)
