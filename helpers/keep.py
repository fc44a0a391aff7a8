"""A trained network kept in a folder: weights, what it is, what was measured; nothing else runs.

mine/
  weights.safetensors   its weights
  about.json            its architecture, class names, preprocessing, recipe, figures
  README.md             the model card, made from about.json
  mine.onnx, __main__.py, labels.json    only after `export`: for people without PyTorch
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from helpers import models, require
from helpers.files.atomic import atomic, unwritable
from helpers.preprocess import Preprocess
from helpers.require import CourseError

FORMAT = 1  # of the folder; a larger number is of a newer course
WEIGHTS, ABOUT, CARD = "weights.safetensors", "about.json", "README.md"
HUB_TAGS = "---\nlibrary_name: pytorch\npipeline_tag: image-classification\n---\n"
LONGEST = 10_000_000  # bytes of about.json


@dataclass(frozen=True)
class About:
    """What is known of a kept network.

    network: its name, as `models.load_pretrained` takes it; figures: {what: [value, n pictures]};
    unsure: below this probability it says "I do not know"; purpose, limits: what it is for, and
    what it has not been tried on, in your words.
    """

    network: str
    class_names: list[str]
    preprocess: dict
    recipe: str = ""
    figures: dict[str, list[float]] = field(default_factory=dict)
    unsure: float = 0.0
    purpose: str = ""
    limits: str = ""
    sha256: str = ""
    format: int = FORMAT


def save(
    net: nn.Module,
    folder: str | Path,
    network: str = models.LITE0,
    *,
    recipe: str = "",
    figures: Mapping[str, tuple[float, int]] | None = None,
    unsure: float = 0.0,
    purpose: str = "",
    limits: str = "",
) -> Path:
    """Writes a trained network into a folder, whole or not at all; returns the folder.

    The arguments are those of `About`. Raises CourseError if the network is not the one named, or
    if the folder holds other things.
    """
    folder = require.path(folder, "The folder")
    require.network(net)
    _check_replaceable(folder)
    names = require.names(getattr(net, "class_names", None), "net.class_names", 2)
    require.instance(
        getattr(net, "preprocess", None), Preprocess, "net.preprocess", "take load_pretrained's"
    )
    values = {name: value.detach().cpu().contiguous() for name, value in net.state_dict().items()}
    about = About(network, names, asdict(net.preprocess), recipe, figures or {}, unsure)
    about = replace(about, purpose=purpose, limits=limits)
    _check(about)
    _fill(_empty(about), values, f"The network is not a {network}: name the one that it is")
    try:
        with atomic(folder) as part:
            part.mkdir()
            save_file(values, part / WEIGHTS)
            about = replace(about, sha256=_digest(part / WEIGHTS))
            text = json.dumps(asdict(about), indent=1, ensure_ascii=False)
            (part / ABOUT).write_text(text + "\n", encoding="utf-8")
            (part / CARD).write_text(card(about, folder.name), encoding="utf-8")
    except OSError as error:
        raise unwritable(folder, error) from None
    return folder


def load(folder: str | Path) -> nn.Module:
    """Returns the network that a folder keeps, in eval mode; `net.about` says what is known of it.

    Its outputs are those before `save`, bit for bit on the same machine. Nothing in the folder is
    executed. Raises CourseError if it is damaged, of a newer course, or something else.
    """
    about = read(folder)
    file = require.path(folder) / WEIGHTS
    damaged = f"{file} is damaged: get the folder again"
    if not file.is_file() or _digest(file) != about.sha256:
        raise CourseError(f"{damaged}.")
    try:
        values = load_file(file)
    except Exception:  # safetensors has errors of its own
        raise CourseError(f"{damaged}.") from None
    net = _empty(about)
    _fill(net, values, damaged)
    net.about = about
    return net


def read(folder: str | Path) -> About:
    """Returns what a folder says of its network, checked."""
    folder = require.path(folder, "The folder")
    file = folder / ABOUT
    if not file.is_file():
        raise CourseError(f"{folder} keeps no network, since it has no {ABOUT}: check the path.")
    try:
        if file.stat().st_size > LONGEST:
            raise ValueError
        values = json.loads(file.read_text(encoding="utf-8"))
        if require.whole(values["format"], "format", 1) > FORMAT:
            raise CourseError(
                f"{folder} was written by a newer version of the course: bring yours up to date."
            )
        about = About(**values)
        _check(about)
        return about
    except CourseError as error:
        if "newer" in str(error):
            raise
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        pass
    raise CourseError(f"{file} does not describe a network of this course: get the folder again.")


def _check(about: About) -> None:
    """Raises CourseError, TypeError or ValueError unless every field is of its kind."""
    require.names(about.class_names, "class_names", 2)
    p = Preprocess(**about.preprocess)
    require.whole(p.size, "size", 1, 4096)
    require.whole(p.resize, "resize", p.size, 8192)
    for triple in (p.mean, p.std):
        if len([require.number(v, "mean or std", 0, 10) for v in triple]) != 3 or 0 in p.std:
            raise ValueError
    require.choice(p.interpolation, ("nearest", "bilinear", "bicubic", "lanczos"), "interpolation")
    require.number(about.unsure, "unsure", 0, 1)
    advice = "give {what was measured: (value, n pictures)}"
    require.instance(about.figures, Mapping, "figures", advice)
    for what, pair in about.figures.items():
        name = f"The figure {require.quoted(what)}"
        pair = require.many(pair, name)
        if len(pair) != 2:
            raise CourseError(f"{name} is not a pair: {advice}.")
        require.number(pair[0], name)
        require.whole(pair[1], f"n of {name}", 1)
    for name in ("network", "recipe", "purpose", "limits", "sha256"):
        require.instance(getattr(about, name), str, name, "give a string")


def _empty(about: About) -> nn.Module:
    """Returns the architecture with random weights, its class names and preprocessing."""
    p = about.preprocess
    p = Preprocess(**p | {"mean": tuple(p["mean"]), "std": tuple(p["std"])})
    with torch.random.fork_rng():
        net = models.load_pretrained(about.network, size=p.size, weights=None)
        if models.outputs(net) != len(about.class_names):
            models.replace_head(net, about.class_names)
    net.preprocess, net.class_names = p, list(about.class_names)
    return net.eval().to(memory_format=torch.channels_last)


def _fill(net: nn.Module, values: dict[str, Tensor], otherwise: str) -> None:
    own = net.state_dict()
    if own.keys() != values.keys() or any(own[k].shape != v.shape for k, v in values.items()):
        raise CourseError(f"{otherwise}.")
    net.load_state_dict(values)


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _check_replaceable(folder: Path) -> None:
    """Raises CourseError if the folder holds anything but a kept network."""
    if (
        folder.exists()
        and not (folder / ABOUT).is_file()
        and (not folder.is_dir() or any(folder.iterdir()))
    ):
        raise CourseError(f"{folder} holds other things: name a new folder.")


def card(about: About, name: str) -> str:
    """Returns a model card in Markdown: only what is known, and what is not said to be known."""
    p = about.preprocess
    rows = [f"| {what} | {value:.3g} | {n} |" for what, (value, n) in about.figures.items()]
    measured = ["| measured | value | n, pictures |", "|---|---|---|", *rows]
    unsure = f'Below a probability of {about.unsure:g} it says "I do not know".'
    parts = {
        "What it is for": about.purpose or "Its author has not said.",
        "Classes": ", ".join(about.class_names) + f". {unsure if about.unsure else ''}".rstrip(),
        "What was measured": "\n".join(measured) if rows else "Nothing was measured.",
        "What it was not tried on": about.limits or "Its author has not said.",
        "How it was made": f"{about.network}, {about.recipe or 'recipe not given'}; pictures of "
        f"{p['size']} x {p['size']} pixels.",
    }
    sections = "\n\n".join(f"## {title}\n\n{text}" for title, text in parts.items())
    return f"{HUB_TAGS}\n# {name}\n\n{sections}\n"
