"""Lesson 03: rows of the old output layer as the start of the new one."""

import pytest
import torch
from torch import nn

from helpers.models import reuse_rows
from tests.lessons.committed import inline, printed, prose, read, standard_errors_between


@pytest.fixture
def hotdog(numbers):
    """hotdog("no training", "two random rows"): a row of the closing table."""
    measured = numbers("03")
    return lambda when, start: measured[f"hotdog, {when}: {start}"]


@pytest.fixture
def foods(numbers):
    """foods("no training", "all rows random"): a row of the closing table."""
    measured = numbers("03")
    return lambda when, start: measured[f"nine foods, {when}: {start}"]


@pytest.fixture
def above(numbers):
    """above(row, other): by how many standard errors a row of hot dogs is above another one."""
    return lambda row, other: standard_errors_between(
        numbers("03"), f"hotdog, {row}", f"hotdog, {other}", pictures=500
    )


def test_the_copied_row_knows_and_its_random_rival_is_too_weak(hotdog, above):
    raised, weak = "no training: row copied, rival raised", "no training: row copied, random rival"
    assert hotdog("no training", "row copied, rival raised") >= 0.85
    assert above(raised, weak) > 2
    assert above("no training: comes first of 1,000 names", weak) > 2
    assert 0.3 < hotdog("no training", "two random rows") < 0.7
    assert hotdog("no training", "row copied, rival raised, seeds") == 10


def test_two_rows_do_better_than_a_thousand_did(above):
    raised = "no training: row copied, rival raised"
    assert above(raised, "no training: comes first of 1,000 names") > 2


def test_the_lesson_quotes_what_a_thousand_rows_gave_in_lesson_00(numbers):
    named = numbers("00")["the name hotdog comes first, no training"]
    assert f"right about {named:.0%} of the drawn pictures" in prose(read("03"))


def test_the_head_start_is_no_better_end(hotdog):
    end = hotdog("64 steps", "row copied, rival raised")
    assert end == pytest.approx(hotdog("64 steps", "two random rows"), abs=0.02)
    assert end > 0.9


def test_with_all_layers_large_steps_spend_the_head_start_and_small_ones_keep_it():
    lines = printed(read("03"), "03-all-run").splitlines()[1:]
    runs = {tuple(line.split()[:4]): [*map(float, line.split()[4:])] for line in lines}
    fast, slower_head, slow = (
        runs["raised", r, "x", f] for r, f in (("1e-04", "10"), ("1e-04", "1"), ("2e-05", "10"))
    )
    for run in (fast, slower_head):
        assert run[6] > 1.4 * run[5]  # the loss after the first step
        assert run[1] < run[0]
    assert fast[4] == pytest.approx(runs["random", "1e-04", "x", "10"][4], abs=0.02)
    assert slow[4] > slow[0]
    assert slow[4] > runs["random", "2e-05", "x", "10"][4] + 0.1


def test_known_rows_drown_random_ones_and_raising_the_new_ones_helps(foods):
    copied = foods("no training", "5 copied, 4 random")
    assert foods("no training", "all rows random") < 0.25
    assert copied < 5 / 9 + 0.03  # five foods of nine, and of the other four nearly none
    assert foods("no training", "random rows as long as copied") < 5 / 9 + 0.06
    assert foods("no training", "new rows raised") > copied + 0.03
    assert foods("no training", "raised, copied rows shortened") > copied + 0.03


def test_the_nearest_label_is_the_best_start_and_shortening_changes_no_answer(foods):
    nearest = foods("no training", "new from nearest labels")
    shortened = "nearest labels, all shortened"
    assert nearest > foods("no training", "new rows raised") + 0.1
    assert nearest == pytest.approx(foods("no training", shortened), abs=0.01)
    assert foods("64 steps", shortened) > nearest + 0.1


def test_copy_rows_of_the_lesson_gives_the_same_layer_as_reuse_rows():
    source = nn.Linear(6, 4)
    net = nn.Sequential(source)
    torch.manual_seed(0)
    layer = nn.Linear(6, 3)
    inline("03")["copy_rows"](source, layer, {0: 3, 2: 1}, new_bias=1.5)
    torch.manual_seed(0)
    reuse_rows(net, ["a", "b", "c", "d"], ["d", "new", "b"], new_bias=1.5)
    assert torch.equal(net[0].weight, layer.weight)
    assert torch.equal(net[0].bias, layer.bias)


def test_asking_the_network_finds_a_partner_that_no_spelling_finds():
    lines = printed(read("03"), "03-three-ways-code").splitlines()[1:]
    matches = {line.split()[0]: line.split()[1:] for line in lines}
    without = {name for name, columns in matches.items() if columns[:3] == ["-"] * 3}
    assert without == {"carrot", "chilli", "croissant", "doughnut"}
    assert matches["baguette"][:4] == ["-", "-", "French", "loaf"]


@pytest.mark.trap("class order differs; ids by position")
def test_swapped_rows_are_wrong_wherever_the_others_are_right():
    words = printed(read("03"), "03-matching-swap-code").replace(",", "").split()
    assert float(words[2]) + float(words[4]) == pytest.approx(1)
