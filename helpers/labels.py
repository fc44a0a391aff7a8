"""Which class of a source network is which class of yours: by name, by synonym, by asking it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from torch import Tensor

from helpers import require
from helpers.require import CourseError


class Match(NamedTuple):
    """A class of yours, its partner among the source's classes or None, and how it was found."""

    target: str
    source: str | None
    how: str


def imagenet_classes() -> list[str]:
    """The 1,000 class names of ImageNet-1k in the order of a network's outputs."""
    from torchvision.models import ResNet18_Weights

    return list(ResNet18_Weights.IMAGENET1K_V1.meta["categories"])


def imagenet_synonyms() -> dict[str, list[str]]:
    """{class name: all its names}, from WordNet's synsets on which ImageNet is built."""
    from timm.data import ImageNetInfo

    info = ImageNetInfo("imagenet-1k")
    names = imagenet_classes()
    return {name: info.index_to_description(i).split(", ") for i, name in enumerate(names)}


def _plain(name: str) -> str:
    """`Hot-Dog`, `hot dog` and `hotdog` are one name."""
    return re.sub(r"[\s_-]+", "", name).casefold()


def match_labels(
    source_names: Sequence[str],
    target_names: Sequence[str],
    match: str | Mapping[str, str | None] = "synonyms",
) -> list[Match]:
    """A partner for each target class, or none.

    match: "exact" (the same name; case, spaces and hyphens do not count), "synonyms" (the same
    name or, for classes of ImageNet, one of WordNet's other names), or your own {target: source}.
    A name is not a meaning: "drumstick" is for drums there. Where a name fits more than one class,
    `how` says so.
    """
    source_names = require.names(source_names, "source_names")
    target_names = require.names(target_names, "target_names")
    if isinstance(match, Mapping):
        unknown = [name for name in match if name not in target_names]
        unknown += [mate for mate in match.values() if mate not in [*source_names, None]]
        if unknown:
            odd = require.shown(unknown[0])
            raise CourseError(f"{odd} is no class here: correct the names in match.")
        pairs = [(name, match.get(name)) for name in target_names]
        return [Match(name, mate, "given" if mate else "no partner") for name, mate in pairs]
    if match not in ("exact", "synonyms"):
        raise CourseError(
            f'match is {require.shown(match)}: give "exact", "synonyms" or {{target: source}}.'
        )
    by_name, by_synonym = defaultdict(list), defaultdict(list)
    synonyms = imagenet_synonyms() if match == "synonyms" else {}
    for name in source_names:
        by_name[_plain(name)].append(name)
        for other in dict.fromkeys(map(_plain, synonyms.get(name, []))):
            by_synonym[other].append(name)
    return [_partner(name, by_name, by_synonym) for name in target_names]


def _partner(target: str, by_name: Mapping, by_synonym: Mapping) -> Match:
    same, synonym = (table.get(_plain(target), []) for table in (by_name, by_synonym))
    found = [target] if target in same else same or synonym
    if len(found) > 1:
        return Match(target, None, f"ambiguous: {' or '.join(found)}")
    if not found:
        return Match(target, None, "no partner")
    others = [name for name in dict.fromkeys([*same, *synonym]) if name != found[0]]
    how = "exact" if same else "synonym"
    return Match(
        target, found[0], f"{how}, also a name of {' and '.join(others)}" if others else how
    )


def ask(
    probabilities: Tensor,
    labels: Tensor,
    source_names: Sequence[str],
    target_names: Sequence[str],
    at_least: float = 0.5,
) -> list[Match]:
    """Match by what the source network says of your pictures.

    probabilities: float (N, source classes), as `predict` returns them; labels: int64 (N,), an
    index into target_names. The partner of a class is the name that comes first most often, if it
    does so in this share of the pictures or more.
    """
    for value, name in ((probabilities, "probabilities"), (labels, "labels")):
        require.instance(value, Tensor, name, "give a tensor")
    source_names = require.names(source_names, "source_names")
    target_names = require.names(target_names, "target_names")
    at_least = require.number(at_least, "at_least", 0, 1)
    if labels.ndim != 1 or probabilities.shape != (len(labels), len(source_names)):
        raise CourseError(
            f"probabilities must be {len(labels)} x {len(source_names)}, pictures x source "
            f"classes, not {' x '.join(map(str, probabilities.shape))}: give those of predict."
        )
    first, matches = probabilities.argmax(1), []
    for label, name in enumerate(target_names):
        said = first[labels == label]
        if not len(said):
            raise CourseError(f'There is no picture of "{name}" to ask about: add some.')
        counts = said.bincount(minlength=len(source_names))
        best, share = int(counts.argmax()), counts.max().item() / len(said)
        told = f"first for {share:.0%} of {len(said)} pictures"
        if share >= at_least:
            matches.append(Match(name, source_names[best], told))
        else:
            matches.append(Match(name, None, f"no partner: {source_names[best]} {told}"))
    return matches
