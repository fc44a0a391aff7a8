"""Small things to test with: coloured pictures on disk, a network that learns them at once."""

import json
import os
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from xdist.scheduler import LoadScopeScheduling

from helpers import NUMBERS, data
from helpers.preprocess import Preprocess
from tests.browser import CHROMIUM, QUIET

os.environ.pop("COURSE_SIZE", None)  # tests choose their sizes themselves
ROOT = Path(__file__).parents[1]
SMALL = Preprocess(16, 20, (0.5, 0.4, 0.3), (0.2, 0.3, 0.4), "bilinear")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Processes share the work by file; the tests of a lesson go where its notebook went."""

    class ByLesson(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            lesson = re.search(r"(?:notebooks/|solutions/|test_lesson_)(\d\d)[_.]", nodeid)
            return lesson[1] if lesson else nodeid.split("::")[0]

    return ByLesson(config, log)


def draw_classes(folder: Path, counts: dict[str, int], side: int = 24, seed: int = 0) -> Path:
    """Noise pictures whose mean colour tells the class: {"red": 5, "blue": 4}."""
    noise = np.random.default_rng(seed)
    for label, (name, count) in enumerate(counts.items()):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            pixels = noise.integers(0, 120, (side, side + 4, 3))
            pixels[..., label % 3] += 130
            Image.fromarray(pixels.astype("uint8")).save(folder / name / f"{i + 1}.png")
    return folder


class SmallNet(nn.Sequential):
    """Convolution, BatchNorm, dropout, one linear output layer: the traps in 300 parameters."""

    def __init__(self, classes: int = 2, dropout: float = 0.2):
        super().__init__(
            nn.Conv2d(3, 8, 3, stride=2),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(8, classes),
        )
        self.preprocess, self.class_names = SMALL, [f"class {i}" for i in range(classes)]


@pytest.fixture
def pictures(tmp_path) -> data.Pictures:
    """11 red and 11 green pictures: with batches of 4 the last one is short."""
    return data.read_folder(draw_classes(tmp_path / "set", {"a": 11, "b": 11}), SMALL)


@pytest.fixture
def net() -> SmallNet:
    torch.manual_seed(0)
    return SmallNet()


@pytest.fixture(scope="module")
def browser():
    """Chromium without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture(params=["as committed", "as executed last"])
def numbers(request):
    """numbers("NN"): the closing table of a lesson, as committed and as last executed.

    numbers("solutions/NN"): that of its solution.

    `course.py test` executes the lessons before the tests, `course.py run` writes results.json.
    """
    if request.param == "as committed":
        return lambda lesson: committed(lesson)
    return lambda lesson: executed(lesson, request.session.items)


def committed(lesson: str) -> dict:
    file = next((ROOT / "notebooks").glob(f"{lesson}_*.ipynb"))
    cells = nbformat.read(file, as_version=4).cells
    found = shown_as_json(output for cell in cells for output in cell.get("outputs", []))
    assert found, f"lesson {lesson} has no closing table"
    return found


def executed(lesson: str, items: list) -> dict:
    start = str(ROOT / "notebooks" / f"{lesson}_")
    cells = [item for item in items if str(item.path).startswith(start)]
    if found := shown_as_json(o for c in cells for o in getattr(c, "test_outputs", None) or []):
        return found
    file = ROOT / "build" / "results.json"
    results = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    for name, values in results.items():
        if name.startswith(f"{lesson}_"):
            return values
    return pytest.skip(f"lesson {lesson} was not executed: `course.py test` and `run` do it")


def shown_as_json(outputs) -> dict:
    tables = [output.get("data", {}).get(NUMBERS, {}) for output in outputs]
    return {name: value for table in tables for name, value in table.items()}
