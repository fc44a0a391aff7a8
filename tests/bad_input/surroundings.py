"""Environment variables that name what is not there, or are misspelt."""

import os
from pathlib import Path
from unittest import mock

import torch

from helpers import data, models
from helpers.files import fetch
from tests.bad_input import Case
from tests.conftest import SMALL
from tests.helpers.test_data_pictures import red, saved


def with_variable(name: str, value: object, act):
    """act(folder) while the variable has this value, or what a function of the folder gives."""

    def changed(folder: Path):
        text = value(folder) if callable(value) else value
        with mock.patch.dict(os.environ, {name: str(text)}):
            return act(folder)

    return changed


def load(folder: Path) -> data.Splits:
    return data.load("hotdog", "full", SMALL)


def share(folder: Path, **counts: int) -> Path:
    """A folder for COURSE_DATA with pictures of hot dogs: {part_class: how many}."""
    for place, count in counts.items():
        part, _, name = place.partition("_")
        (folder / "hotdog" / part / name).mkdir(parents=True)
        for i in range(count):
            (folder / "hotdog" / part / name / f"{i}.png").write_bytes(saved(red(), "PNG"))
    return folder


def damaged_share(folder: Path) -> Path:
    share(folder, train_a=3, train_b=3, test_a=1, test_b=1)
    (folder / "hotdog/train/a/1.png").write_bytes(b"")
    return folder


def file_in(folder: Path) -> Path:
    (folder / "file").write_bytes(b"x")
    return folder / "file"


def damaged_cache(folder: Path) -> Path:
    """Where torch keeps weights, with a ResNet-18 that is no file of weights."""
    (folder / "hub/checkpoints").mkdir(parents=True)
    (folder / "hub/checkpoints/resnet18-f37072fd.pth").write_bytes(b"<html>")
    return folder


def mirrored(value: str):
    """Bring a file while COURSE_MIRROR has this value; nothing waits between tries."""

    def act(folder: Path) -> None:
        with mock.patch.object(fetch, "FIRST_WAIT", 0.0), mock.patch.object(fetch, "TRIES", 2):
            fetch.download("https://example.com/x.zip", folder / "x.zip", sha1="0")

    return with_variable("COURSE_MIRROR", value, act)


def cached(value):
    """Load ResNet-18 while TORCH_HOME has this value and nothing listens."""

    def act(folder: Path) -> None:
        with mock.patch.object(fetch, "FIRST_WAIT", 0.0), mock.patch.object(fetch, "TRIES", 2):
            models.load_pretrained("resnet18")

    nowhere = with_variable("COURSE_MIRROR", "http://127.0.0.1:9", act)
    return with_variable("TORCH_HOME", value, nowhere)


SIZES = (
    "huge",
    "DRAWN",
    " drawn",
    "drawn,full",
    "1",
    "full\n",
    "größe",
    "../full",
    "None",
    "x" * 9000,
)
MIRRORS = {
    "a mirror without http": "192.168.0.5:8000",
    "a mirror that is a folder": "/mnt/share",
    "a mirror by ftp": "ftp://192.168.0.5",
    "a mirror that is a file": "file:///etc",
    "a mirror without host": "http://",
    "a mirror with half a bracket": "http://[::1",
    "a mirror with a port of letters": "http://localhost:eight",
    "a mirror with a port too large": "http://127.0.0.1:99999",
    "a mirror with a space": "http://local host",
    "a mirror with a long name": "http://" + "a" * 300 + ".example",
    "a mirror that does not answer": "http://127.0.0.1:9",
}
DATA = {
    "data in no folder": (lambda f: f / "none", "none"),
    "data in a file": (file_in, "file"),
    "data in a folder with a tilde": ("~nobody/data", "~nobody"),
    "data in a path of 9,000 letters": ("a" * 9000, "COURSE_DATA"),
    "data without training pictures": (lambda f: share(f, test_a=2, test_b=2), "train"),
    "data without test pictures": (lambda f: share(f, train_a=2, train_b=2), "test"),
    "data of one class": (lambda f: share(f, train_a=2, test_a=2), "two folders"),
    "data with an empty class": (lambda f: share(f, train_a=2, train_b=0, test_a=2, test_b=2), "b"),
    "data with a class of one": (
        lambda f: share(f, train_a=2, train_b=1, test_a=1, test_b=1), '"b"'),
    "data with other classes in test": (
        lambda f: share(f, train_a=2, train_b=2, test_a=2, test_c=2), "b, c"),
    "data with a damaged picture": (damaged_share, "1.png"),
}  # fmt: skip
USABLE = {
    "an empty size": with_variable("COURSE_SIZE", "", lambda f: data.chosen_size("tiny") == "tiny"),
    "a size that wins": with_variable(
        "COURSE_SIZE", "full", lambda f: data.chosen_size("x") == "full"),
    "data where nothing is needed": with_variable(
        "COURSE_DATA", "/none", lambda f: data.find("hotdog", "drawn").is_dir()),
    "data with files beside the classes": with_variable(
        "COURSE_DATA", lambda f: share(file_in(f).parent, train_a=3, train_b=3, test_a=1, test_b=1),
        lambda f: len(load(f).train) == 4),
    "weights in no folder, those of the course": with_variable(
        "TORCH_HOME", "/none", lambda f: isinstance(models.load_pretrained(), torch.nn.Module)),
}  # fmt: skip

CASES = [
    Case(
        f"size {i}: {size[:10]!r}",
        with_variable("COURSE_SIZE", size, load),
        repr(size)[1:20].rstrip("'"),
    )
    for i, size in enumerate(SIZES)
]
CASES += [
    Case(name, with_variable("COURSE_DATA", value, load), says)
    for name, (value, says) in DATA.items()
]
CASES += [Case(name, mirrored(value), value[:40].rstrip("/")) for name, value in MIRRORS.items()]
CASES += [
    Case("a cache that is a file", cached(file_in), "resnet18"),
    Case("a cache with damaged weights", cached(damaged_cache), "resnet18"),
    Case("a cache that is empty", cached(lambda f: f), "resnet18"),
]
CASES += [Case(name, act) for name, act in USABLE.items()]
