"""Lesson 03: rows of the old output layer as the start of the new one."""

import re

import pytest
import torch
from torch import nn

from benchmarks import record
from helpers.models import reuse_rows
from tests.lessons.committed import (
    code_cells,
    inline,
    printed,
    prose,
    read,
    standard_errors_between,
)


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
    assert f"right on {named:.0%} of the drawn pictures" in prose(read("03"))


def test_the_head_start_is_no_better_end(hotdog):
    end = hotdog("64 steps", "row copied, rival raised")
    assert end == pytest.approx(hotdog("64 steps", "two random rows"), abs=0.02)
    assert end > 0.9


def losses_between(numbers, row, other):
    """Returns by how many standard errors over seeds a validation loss is above another one."""
    measured = numbers("03")
    rows = [f"all layers, {name}" for name in (row, other)]
    squares = [measured[f"{r}, standard deviation"] ** 2 / measured[f"{r}, seeds"] for r in rows]
    return (measured[rows[0]] - measured[rows[1]]) / sum(squares) ** 0.5


@pytest.mark.parametrize("how", ["full rate at once", "0.55 of the rate"])
def test_the_first_step_spoils_a_good_start_and_a_warm_up_saves_it(numbers, how):
    warm = "warm-up over ten steps, step {}".format
    assert losses_between(numbers, f"{how}, step 1", f"{how}, step 0") > 2
    assert losses_between(numbers, f"{how}, step 1", warm(1)) > 2
    measured = numbers("03")
    assert measured[f"all layers, {warm(1)}"] < measured[f"all layers, {warm(0)}"] + 0.1
    assert losses_between(numbers, f"{how}, step 10", warm(10)) < 2  # they have met again


def test_random_rows_do_not_mind_the_full_rate(numbers):
    random = "random rows, full rate, step {}".format
    assert losses_between(numbers, random(1), random(0)) < 0
    assert abs(losses_between(numbers, random(10), "warm-up over ten steps, step 10")) < 2
    assert losses_between(numbers, "full rate at once, step 1", random(1)) > 2


@pytest.fixture
def first_step():
    """first_step(how): what it changes in the loss and in the accuracy: (mean, standard error)."""
    changes = {}
    for line in printed(read("03"), "03-first-change").splitlines()[1:]:
        found = re.findall(r"(-?[\d.]+) ± ([\d.]+), (\d+) seeds", line)
        changes[line[:29].strip()] = [(float(m), float(d) / int(n) ** 0.5) for m, d, n in found]
    return changes.__getitem__


@pytest.mark.parametrize(
    "how", ["full rate at once", "0.55 of the rate", "a quarter as long, full rate"]
)
def test_the_first_step_takes_right_answers_from_a_good_start(first_step, how):
    (loss, loss_error), (accuracy, accuracy_error) = first_step(how)
    assert loss > 2 * loss_error
    assert accuracy < -2 * accuracy_error


def test_random_rows_gain_right_answers_in_the_first_step_and_a_warm_up_loses_none(first_step):
    gain, error = first_step("random rows, full rate")[1]
    assert gain > 2 * error
    (loss, loss_error), (accuracy, accuracy_error) = first_step("warm-up over ten steps")
    assert loss < 2 * loss_error
    assert accuracy > -max(2 * accuracy_error, 0.01)


def test_the_length_of_the_rows_decides_the_jump_of_the_loss_and_not_that_of_the_accuracy(
    first_step,
):
    pairs = zip(
        first_step("full rate at once"), first_step("a quarter as long, full rate"), strict=True
    )
    (loss, loss_error), (accuracy, accuracy_error) = (
        (long - short, (long_error**2 + short_error**2) ** 0.5)
        for (long, long_error), (short, short_error) in pairs
    )
    assert loss > 2 * loss_error
    assert abs(accuracy) < 2 * accuracy_error


def test_the_lesson_quotes_the_first_step_as_measured(numbers, first_step):
    text = prose(read("03"))
    for how in ("full rate at once", "a quarter as long, full rate"):
        (loss, _), (accuracy, _) = first_step(how)
        assert f"{loss:.2f}" in text
        assert f"{-accuracy:.2f}" in text
    on_photographs = record.read()["accuracy"]["results"]["03_classifier_weight_reuse"]
    before, after = (on_photographs[f"all layers, full rate at once, step {i}"] for i in (0, 1))
    assert f"from {before:.2f} to {after:.2f}" in text
    spread = on_photographs["all layers, full rate at once, step 1, standard deviation"]
    assert after - before < spread


def test_adam_moves_weights_alike_whose_gradients_differ_by_dozens():
    lines = printed(read("03"), "03-first-moves").replace(",", "").splitlines()
    gradients, moves = (float(line.rpartition(" ")[2]) for line in lines)
    assert gradients > 24
    assert moves < 1.5


@pytest.mark.parametrize("name", ["bagel", "baguette", "banana", "hot-dog", "pretzel"])
def test_halfway_is_better_than_a_random_rival_for_each_of_five_rows(numbers, name):
    measured = numbers("03")
    halfway, random = (measured[f"{name} or not, {rival}"] for rival in ("halfway", "random rival"))
    own = 20  # pictures of the class, of 180: their share carries the error
    error = sum(p * (1 - p) / own / 4 for p in (halfway, random)) ** 0.5
    assert halfway - random > 2 * error
    assert halfway > 0.85


def test_one_level_is_near_the_best_of_each_row_and_that_differs_from_row_to_row():
    (cell,) = [c for c in code_cells(read("03")) if c.id == "03-five-figure"]
    words = cell.outputs[0].data["text/plain"].partition(". ")[2]
    rows = {}
    for part in words.partition("; dotted line")[0].split("; "):
        name, _, values = part.partition(": ")
        rows[name] = {float(x): float(y) for y, x in re.findall(r"([\d.]+) at ([\d.]+\d)", values)}
    for values in rows.values():
        assert values[0.5] >= max(values.values()) - 0.1
    error = (2 * 0.2 * 0.8 / 20 / 4) ** 0.5
    assert rows["banana"][0.3] - rows["pretzel"][0.3] > 2 * error
    assert rows["pretzel"][0.8] - rows["banana"][0.8] > 2 * error


@pytest.fixture
def food_errors(numbers):
    """food_errors(row, other, pictures): how many standard errors a row is above another one."""
    return lambda row, other, pictures=360: standard_errors_between(
        numbers("03"), row, other, pictures
    )


def test_a_handful_of_pictures_fills_a_row_as_well_as_the_old_one(numbers):
    measured, old = numbers("03"), "five known foods: old rows"
    for n in (5, 10):
        assert measured[f"five known foods: class means, {n} per class"] > measured[old] - 0.02


def test_class_means_need_a_body_that_knows():
    means = r"class means: ([\d.]+) at 1\b.*untrained body: [\d.]+ at 1\b.* ([\d.]+) at 40"
    for cell in ("03-worth-known", "03-worth-new"):
        (output,) = [o for c in code_cells(read("03")) if c.id == cell for o in c.outputs]
        one_picture, forty = map(float, re.search(means, output.data["text/plain"]).groups())
        assert one_picture > forty + 0.3


def test_one_picture_of_its_own_beats_the_row_of_the_nearest_label(food_errors):
    means = "four new foods: class means, 1 per class"
    assert food_errors(means, "four new foods: nearest labels", 160) > 2


def test_known_rows_drown_random_ones_and_raising_the_new_ones_helps(foods, food_errors):
    row = "nine foods, no training: {}".format
    assert foods("no training", "all rows random") < 0.25
    copied = foods("no training", "5 copied, 4 random")
    assert copied < 5 / 9 + 0.03  # five foods of nine, and of the other four nearly none
    for better, worse in (
        ("new rows raised", "5 copied, 4 random"),
        ("new from nearest labels", "new rows raised"),
        ("new from class means", "new from nearest labels"),
        ("all from class means", "new from class means"),
    ):
        assert foods("no training", better) > foods("no training", worse)
    assert food_errors(row("new from nearest labels"), row("new rows raised")) > 2
    assert food_errors(row("new from class means"), row("new from nearest labels")) > 2
    assert food_errors(row("all from class means"), row("new from class means")) > 2


def test_with_labels_for_all_classes_means_without_an_old_row_beat_reuse(foods):
    lines = printed(read("03"), "03-mixed-pairs").splitlines()[1:]
    gaps = {line[:24].strip(): [*map(float, line[24:].split(" ± "))] for line in lines}
    gap, error = gaps.pop("all rows random")
    assert abs(gap) < 2 * error  # they have caught up
    assert len(gaps) == 4
    assert min(gap for gap, _ in gaps.values()) > 0
    assert sum(gap > 2 * error for gap, error in gaps.values()) == 3
    text = prose(read("03"))
    for when in ("no training", "64 steps"):
        assert f"{foods(when, 'all from class means'):.3f}" in text


def test_class_means_are_still_ahead_after_eight_steps():
    lines = printed(read("03"), "03-mixed-table").splitlines()[2:]
    after_eight = {line[:24].strip(): float(line[24:].split()[7]) for line in lines}
    assert len(after_eight) == 6
    means = [after_eight.pop(f"{rows} from class means") for rows in ("new", "all")]
    error = (0.25 / 80) ** 0.5  # of one share, of 80 pictures, at most
    assert min(means) - max(after_eight.values()) > 2 * error


def test_the_mean_of_the_nearest_labels_hides_two_foods_that_are_hardly_ever_right():
    head, *lines = printed(read("03"), "03-mixed-each").splitlines()
    truth = {line[:24].strip(): [*map(float, line[24:].split())] for line in lines}
    nearest = dict(zip(head.split(), truth["new from nearest labels"], strict=True))
    assert {name for name, share in nearest.items() if share < 0.3} == {"croissant", "doughnut"}
    assert nearest["doughnut"] == 0  # a tie with the bagel
    assert min(truth["new from class means"]) > 0.7


def test_short_rows_are_a_larger_learning_rate(foods, food_errors):
    row = "nine foods, 8 steps: {}".format
    short, long = foods("8 steps", "shortened, 1e-3"), foods("8 steps", "nearest labels, 4e-3")
    assert short == pytest.approx(long, abs=0.05)
    assert food_errors(row("random, 4e-3"), row("random, 1e-3")) > 2
    assert food_errors(row("nearest labels, 1e-3"), row("random, 1e-3")) > 2
    assert foods("8 steps", "random, 4e-3") > long - 0.03


@pytest.mark.parametrize("step", [16, 32])
def test_shortened_rows_end_up_with_the_larger_rate_and_not_with_their_own(step):
    gaps = re.findall(
        rf" {step} steps ([-+.\d]+) ± ([.\d]+)", printed(read("03"), "03-length-gaps")
    )
    (to_own, error), (to_larger, error_of_larger) = (map(float, gap) for gap in gaps)
    assert to_own > 2 * error
    assert abs(to_larger) < 2 * error_of_larger


@pytest.fixture
def grown(numbers):
    measured = numbers("03")
    return lambda foods, row: measured[f"1,004 classes, {foods} foods: {row}"]


def test_class_means_know_the_new_foods_at_once_and_the_old_ones_lose_little(grown):
    alone = grown("known", "1,000 old rows alone")
    for idle in ("random rows", "the mean of all old rows"):
        assert (grown("known", idle), grown("new", idle)) == (alone, 0)
    assert grown("new", "class means") > 0.7
    assert grown("known", "class means") > alone - 0.05


def test_where_old_logits_are_low_random_rows_shout_and_their_mean_keeps_quiet():
    loud, quiet = printed(read("03"), "03-grow-words").splitlines()
    before = printed(read("03"), "03-grow-before").splitlines()[0]
    assert float(loud.rpartition(" ")[2]) < 0.05
    assert quiet.rpartition(" ")[2] == before.rpartition(" ")[2]


@pytest.mark.parametrize("way", ["new pictures, all rows", "new pictures, old rows frozen"])
def test_without_old_pictures_they_are_forgotten_frozen_or_not(grown, food_errors, way):
    known = f"1,004 classes, known foods, 256 steps: {way}"
    assert food_errors("1,004 classes, known foods: 1,000 old rows alone", known, 200) > 2
    rehearsed = "1,004 classes, known foods, 256 steps: old and new pictures, all rows"
    assert food_errors(rehearsed, known, 200) > 2
    assert food_errors(rehearsed, "1,004 classes, known foods: 1,000 old rows alone", 200) > 2


def test_old_rows_are_drowned_out_and_still_tell_their_foods_apart(numbers):
    measured = numbers("03")
    lines = printed(read("03"), "03-grow-five").splitlines()
    before, all_rows, frozen, rehearsed = (float(line.rpartition(" ")[2]) for line in lines)
    known = "1,004 classes, known foods{}".format
    assert frozen == before
    assert all_rows > before - 0.05
    for way in ("new pictures, all rows", "new pictures, old rows frozen"):
        assert measured[known(f", 256 steps: {way}")] < all_rows - 0.5
    assert rehearsed - before < 0.015  # one picture of a hundred
    gain = measured[known(", 256 steps: old and new pictures, all rows")]
    assert gain - measured[known(": 1,000 old rows alone")] > 0.05


def test_rehearsal_keeps_what_it_rehearses_and_of_other_answers_less_than_class_means(
    numbers, food_errors
):
    row = "1,004 classes, other pictures, as before"
    way = f"{row}, 256 steps: {{}}".format
    rehearsed = way("old and new pictures, all rows")
    assert numbers("03")[rehearsed] < 0.5
    assert food_errors(f"{row}: class means", rehearsed, 250) > 2
    for alone in ("new pictures, all rows", "new pictures, old rows frozen"):
        assert food_errors(rehearsed, way(alone), 250) > 2


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
