"""Lesson 03: what its texts claim holds in its closing table; its inline code is the helper's."""

import pytest
import torch
from torch import nn

from benchmarks import record
from helpers.models import reuse_rows
from tests.lessons.test_lessons import code_cells, inline, outputs, read


@pytest.fixture
def table(numbers):
    """table("no training", "two random rows"): a row of the closing table."""
    found = numbers("03")

    def row(when: str, name: str, task: str = "") -> float:
        task = task or ("hotdog" if f"hotdog, {when}: {name}" in found else "nine foods")
        return found[f"{task}, {when}: {name}"]

    row.all = found
    return row


def test_the_copied_row_knows_and_its_random_rival_is_too_weak(table):
    raised = table("no training", "row copied, rival raised")
    weak = table("no training", "row copied, random rival")
    assert raised >= 0.85
    assert raised > weak + 0.1
    assert weak < table("no training", "comes first of 1,000 names") - 0.05
    assert 0.3 < table("no training", "two random rows") < 0.7
    assert table.all["hotdog, no training: row copied, rival raised, seeds"] == 10


def test_two_rows_do_what_a_thousand_did(table):
    raised = table("no training", "row copied, rival raised")
    assert raised > table("no training", "comes first of 1,000 names") - 0.03


def test_the_head_start_is_no_better_end(table):
    end = table("64 steps", "row copied, rival raised")
    assert end == pytest.approx(table("64 steps", "two random rows"), abs=0.04)
    assert end > 0.9


def test_known_rows_drown_random_ones_and_raising_the_new_ones_helps(table):
    random, copied, longer, raised, shortened = (
        table("no training", name)
        for name in (
            "all rows random",
            "5 copied, 4 random",
            "random rows as long as copied",
            "new rows raised",
            "raised, copied rows shortened",
        )
    )
    assert random < 0.25
    assert copied < 5 / 9 + 0.03  # five foods of nine, and of the other four nearly none
    assert longer < 5 / 9 + 0.06
    assert raised > copied + 0.03 and shortened > copied + 0.03


def test_the_nearest_label_is_the_best_start_and_shortening_changes_no_answer(table):
    nearest = table("no training", "new from nearest labels")
    assert nearest > table("no training", "new rows raised") + 0.1
    assert nearest == pytest.approx(table("no training", "nearest labels, all shortened"), abs=0.01)
    assert table("64 steps", "nearest labels, all shortened") > nearest + 0.1


def test_copy_rows_of_lesson_03_gives_the_same_layer_as_reuse_rows():
    copy_rows = inline("03")["copy_rows"]
    source, names = nn.Linear(6, 4), ["a", "b", "c", "d"]
    net = nn.Sequential(source)
    torch.manual_seed(0)
    theirs = nn.Linear(6, 3)
    copy_rows(source, theirs, {0: 3, 2: 1}, new_bias=1.5)
    torch.manual_seed(0)
    reuse_rows(net, names, ["d", "new", "b"], new_bias=1.5)
    assert torch.equal(net[0].weight, theirs.weight)
    assert torch.equal(net[0].bias, theirs.bias)


def printed(cell_id: str) -> str:
    (cell,) = [c for c in code_cells(read("03")) if c.id == cell_id]
    return "".join(output.get("text", "") for output in cell.outputs)


def test_the_three_ways_find_what_the_text_says():
    lines = {line.split()[0]: line for line in printed("03-three-ways-code").splitlines()}
    assert [name for name, line in lines.items() if line.split()[1:4] == ["-"] * 3] == [
        "carrot",
        "chilli",
        "croissant",
        "doughnut",
    ]
    assert lines["baguette"].split()[1:3] == ["-", "-"] and "French loaf" in lines["baguette"]


@pytest.mark.trap("class order differs; ids by position")
def test_swapped_rows_are_wrong_wherever_the_others_are_right():
    text = printed("03-matching-swap-code").replace(",", "").split()
    assert float(text[2]) + float(text[4]) == pytest.approx(1)


@pytest.mark.trap("leaks: the test set watched every epoch; ImageNet pictures in the dog set")
def test_the_test_pictures_are_touched_in_the_last_section_only():
    cells = code_cells(read("03"))
    users = [c.id for c in cells if "hotdogs.test" in c.source or "foods.test" in c.source]
    assert users == ["03-test-features"]
    lesson = [c.id for c in cells if not c.id.startswith("03-ex")]
    assert lesson[-1] == "03-closing" and outputs(read("03"))
    text = " ".join(c.source for c in read("03").cells if c.cell_type == "markdown")
    assert "leak" in text


@pytest.mark.trap("ImageNet pictures in the dog set")
def test_the_leak_is_told_with_what_was_measured_on_photographs():
    measured = record.read()["accuracy"]["results"]["03_classifier_weight_reuse"]
    text = next(cell.source for cell in read("03").cells if cell.id == "03-dogs-meaning")
    reused = measured["dog breeds, no training: rows reused"]
    named = measured["dog breeds, no training: first of 1,000 names"]
    assert f"measured {reused:.2f} with ten copied rows, and {named:.2f} for" in text
    assert "many of the photographs that you would test on are photographs that it was" in text
