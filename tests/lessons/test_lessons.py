"""The lessons as committed: clean to read, and their texts say what their outputs show."""

import copy
import re
from pathlib import Path

import nbformat
import pytest
import torch

from benchmarks import record
from helpers.data import loader
from helpers.models import output_layer, param_groups
from helpers.train import fit

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
LESSONS = sorted(NOTEBOOKS.glob("*.ipynb")) + sorted(NOTEBOOKS.glob("solutions/*.ipynb"))
PATH_OF_A_MACHINE = r"[\"' (=](/(home|root|tmp|usr|work|opt|mnt|Users)/|[A-Z]:\\\\\w)"


def read(name: str):
    return nbformat.read(next(NOTEBOOKS.glob(f"{name}_*.ipynb")), as_version=4)


def code_cells(notebook) -> list:
    return [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]


def outputs(notebook) -> list:
    return [o for c in code_cells(notebook) for o in c.outputs]


@pytest.mark.trap("progress bars and warnings that fill the output")
@pytest.mark.parametrize("file", LESSONS, ids=lambda f: f"{f.parent.name}/{f.stem}")
def test_a_lesson_is_committed_clean(file):
    text, notebook = file.read_text(encoding="utf-8"), nbformat.read(file, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert file.stat().st_size <= 600_000
    cells = code_cells(notebook)
    assert [c.execution_count for c in cells] == list(range(1, len(cells) + 1))
    assert len({c.id for c in notebook.cells}) == len(notebook.cells)
    assert all(c.id.startswith(f"{file.name[:2]}-") for c in notebook.cells)  # given, not random
    assert not re.search(PATH_OF_A_MACHINE, text)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert {key for c in notebook.cells for key in c.metadata} <= {"tags"}
    for output in outputs(notebook):
        assert output.output_type != "error"
        assert output.get("name") != "stderr", output.get("text")
        assert not re.search(r"[a-z]Warning\b", str(output)), output
    for cell in notebook.cells:
        assert cell.cell_type == "markdown" or len(cell.source.splitlines()) <= 12, cell.id


@pytest.mark.parametrize(
    "path, found",
    [
        ("'/home/ada/x.png'", True),
        (r"C:\\Users", True),
        (" /Users/ada", True),
        ("1/2 a/b", False),
    ],
)
def test_a_path_of_a_machine_is_noticed(path, found):
    assert bool(re.search(PATH_OF_A_MACHINE, f"({path}")) == found


@pytest.mark.parametrize(
    "file", [f for f in LESSONS if f.parent == NOTEBOOKS], ids=lambda f: f.stem
)
def test_a_lesson_begins_and_ends_as_the_reader_expects(file):
    notebook = nbformat.read(file, as_version=4)
    first = next(c for c in notebook.cells if c.cell_type == "code").source
    assert first.startswith('SIZE = "drawn"') and '\nBACKBONE = "efficientnet_lite0"' in first
    prose = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    assert prose.startswith(f"# {file.name[:2]} · ")
    assert re.search(r"^\*\*.+\?\*\*$", prose, flags=re.M), "it begins with a question"
    assert re.search(r"\b(second|minute|hour)s?\b", prose), "it says how long it takes"
    summary = re.search(
        r"^## In this (?:lesson|task), you saw\n\n((?:\d\. .+\n?)+)", prose, flags=re.M
    )
    assert len(re.findall(r"^\d\. ", summary[1], flags=re.M)) == 5
    assert sum("plot.closing_table(" in c.source for c in code_cells(notebook)) >= 1
    assert file.name[:2] == "08" or "**Next**: [" in prose


@pytest.mark.parametrize("file", LESSONS, ids=lambda f: f"{f.parent.name}/{f.stem}")
def test_every_picture_in_a_lesson_is_described_in_its_own_words(file):
    told = []
    for output in outputs(nbformat.read(file, as_version=4)):
        data = output.get("data", {})
        assert not any(kind.startswith("image/") for kind in data)
        for tag in re.findall(r"<img[^>]*", data.get("text/html", "")):
            told.append(re.search(r'alt="([^"]*)"', tag)[1])
    assert all(len(words) > 15 for words in told) and len(set(told)) == len(told)


@pytest.mark.parametrize("file", LESSONS, ids=lambda f: f"{f.parent.name}/{f.stem}")
def test_headings_are_in_order_and_links_lead_somewhere(file):
    notebook = nbformat.read(file, as_version=4)
    prose = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    levels = [len(h) for h in re.findall(r"^(#+) ", prose, flags=re.M)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False))
    for target in re.findall(r"\]\(([^)#]+)\)", prose):
        assert target.startswith("https://") or (file.parent / target).exists(), target


def test_lesson_00_shows_that_a_name_is_better_than_always_saying_no(numbers):
    found = numbers("00")
    assert found["the name hotdog comes first, no training"] > found["always saying no"] + 0.2


def test_lesson_01_shows_that_fine_tuning_gains_over_three_seeds(numbers):
    found = numbers("01")
    assert found["fine-tuned, seeds"] == 3
    assert found["fine-tuned"] >= 0.93
    assert found["fine-tuned"] > found["the name hotdog comes first, no training"]
    assert found["always the same answer"] == 0.5


def inline(name: str, **given) -> dict:
    """The functions that a lesson defines in its cells tagged "inline", with what they need."""
    space = {"nn": torch.nn, "torch": torch, **given}
    for cell in code_cells(read(name)):
        if "inline" in cell.metadata.get("tags", []):
            exec(cell.source, space)
    return space


def test_the_training_loop_of_lesson_01_gives_the_same_weights_as_fit(pictures, net):
    lesson, theirs = inline("01"), copy.deepcopy(net)
    batches = loader(pictures, 4)
    for trained in (net, theirs):
        trained[5].p = 0.0
    groups = lesson["two_groups"](net, output_layer(net)[0], 0.01, 10)
    lesson["train_one_epoch"](net, batches, torch.optim.AdamW(groups))
    fit(theirs, batches, None, torch.optim.AdamW(param_groups(theirs, 0.01, 10)), 1, quiet=True)
    for a, b in zip(net.state_dict().values(), theirs.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("page", record.PAGES, ids=lambda p: p.parent.name)
def test_the_pages_quote_the_results_of_the_benchmarks(page):
    text = page.read_text(encoding="utf-8")
    assert record.with_tables(text, record.read()) == text
    names = ["headlines"] if page == record.PAGES[0] else record.read()
    for name in names:
        assert f"<!-- {name} -->" in text


def test_the_readme_quotes_headlines_from_every_part():
    text = record.PAGES[0].read_text(encoding="utf-8")
    fine_tuned = record.read()["accuracy"]["results"]["01_hotdog_fine_tuning"]["fine-tuned"]
    assert f"| {fine_tuned:.3f} ±" in text
