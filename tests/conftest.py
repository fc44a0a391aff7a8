"""Small pictures and a small network to test with, a browser, and the numbers of the lessons."""

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from xdist.scheduler import LoadScopeScheduling

from classroom import origin
from helpers import NUMBERS, data
from helpers.preprocess import Preprocess
from tests.browser import CHROMIUM, QUIET
from tests.lessons.committed import outputs, read

os.environ["COURSE_PROGRESS"] = ""  # tests do not know what a student has solved
os.environ["COURSE_CLASS"] = ""  # nor tell a class
ROOT = Path(__file__).parents[1]
SMALL = Preprocess(16, 20, (0.5, 0.4, 0.3), (0.2, 0.3, 0.4), "bilinear")


@pytest.fixture(autouse=True)
def _no_size(monkeypatch):
    """Tests choose their sizes themselves; the lessons beside them (nbval) keep the variable."""
    monkeypatch.delenv("COURSE_SIZE", raising=False)


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


ADVICE = (
    r"\b(accept|add|answer|ask|bring|call|check|choose|copy|correct|delete|get|give|keep|look|make|"
    r"mean|name|pass|put|remove|rename|replace|save|separate|set|take|try|unpack|unset|wait|write)\b"
)


def is_a_sentence(text: str) -> bool:
    """Returns whether a refusal is a sentence or two on one line, one of them with advice."""
    bare = re.sub(r"\([^()]*\)|\"[^\"]*\"|'[^']*'", "", text)  # names and reasons
    sentences = [part for part in re.split(r"[.!?](?:\s+(?=[A-Z])|$)", bare) if part.strip()]
    whole = text.endswith((".", "?")) and "\n" not in text and "Traceback" not in text
    return whole and len(sentences) <= 2 and bool(re.search(ADVICE, text, re.I))


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
        self.preprocess, self.class_names = SMALL, list("abcdefghij"[:classes])


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


@pytest.fixture(params=["as committed", "as run here"])
def numbers(request):
    """numbers("03"): the closing table of a lesson.

    As committed, and from the last `course.py run`, if that ran this very code at class size.
    """
    return committed_numbers if request.param == "as committed" else numbers_run_here


def numbers_run_here(lesson: str) -> dict:
    notebook, file = read(lesson), ROOT / "build" / "results.json"
    runs = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    run = next((run for name, run in runs.items() if name.startswith(f"{lesson}_")), None)
    if run is None or (run.get("size"), run.get("code")) != ("drawn", origin.digest(notebook)):
        pytest.skip(f"lesson {lesson} was not run here since its code changed")
    return run["numbers"]


def committed_numbers(lesson: str) -> dict:
    return closing_table(outputs(read(lesson)))


def closing_table(cell_outputs: Iterable[dict]) -> dict:
    """Returns the numbers that plot.closing_table has shown, by the names of their rows."""
    tables = [output.get("data", {}).get(NUMBERS, {}) for output in cell_outputs]
    rows = {name: value for table in tables for name, value in table.items()}
    assert rows, "the notebook has shown no closing table"
    return rows
