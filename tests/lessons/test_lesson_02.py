"""Lesson 02: what pretrained weights are worth, against controls that could have won."""

import ast
import math
import re

import pytest
from scipy import stats

from tests.lessons.committed import code_cells, printed, read, told

PICTURES = {"validation": 200, "test": 500}
LONG = "from scratch, 60 epochs"
CHEAP = ["mean colour", "raw pixels, 8 x 8", "random features + linear probe"]


@pytest.fixture
def measured(numbers):
    return numbers("02")


def error(measured, row, part="test"):
    """Returns the standard error of an accuracy, over its seeds and over the pictures."""
    mean, seeds = measured[row], measured.get(f"{row}, seeds", 1)
    deviation = measured.get(f"{row}, standard deviation", 0)
    return math.hypot(deviation / seeds**0.5, (mean * (1 - mean) / PICTURES[part]) ** 0.5)


def assert_above(measured, high, low, part="test"):
    chance = math.hypot(error(measured, high, part), error(measured, low, part))
    assert measured[high] - measured[low] > 2 * chance, (high, low)


def test_fine_tuning_after_one_epoch_beats_sixty_epochs_from_scratch(measured):
    for epoch in (1, 5, 60):
        scratch = f"from scratch, epoch {epoch}"
        assert_above(measured, "fine-tuned, epoch 5", scratch, "validation")
    assert_above(measured, "fine-tuned, epoch 1", "from scratch, epoch 60", "validation")


@pytest.mark.parametrize("few", [5, 20])
@pytest.mark.parametrize("scratch", ["from scratch, fair", LONG])
def test_a_linear_probe_on_few_pictures_beats_scratch_on_all(measured, scratch, few):
    assert_above(measured, f"linear probe, {few} pictures per class", scratch)
    assert_above(measured, "fine-tuned", scratch)


@pytest.mark.parametrize("cheap", CHEAP)
def test_no_cheap_baseline_explains_the_linear_probe(measured, cheap):
    assert_above(measured, "linear probe", cheap)
    assert_above(measured, "linear probe, all pictures", f"{cheap}, all pictures")


def test_from_scratch_the_training_pictures_are_learned_and_others_are_not(measured):
    scratch = "from scratch, epoch 60"
    assert (
        measured["from scratch, the long run, on its training pictures"] > measured[scratch] + 0.2
    )


def test_the_first_loss_is_above_an_even_guess_on_average():
    losses = re.search(r"mean ([\d.]+)\n.*guess: +([\d.]+)", printed(read("02"), "02-first-step"))
    assert float(losses[1]) > float(losses[2]) + 0.05


def difference(measured, larger, smaller):
    """Returns a difference of two losses and its standard error over the seeds."""
    rows = (larger, smaller)
    squares = [measured[f"{r}, standard deviation"] ** 2 / measured[f"{r}, seeds"] for r in rows]
    return measured[larger] - measured[smaller], sum(squares) ** 0.5


def test_while_learning_is_the_largest_cause_and_validation_is_behind_at_the_same_moment(measured):
    reported, augmented, plain, valid = (
        f"after one epoch, {row}"
        for row in (
            "training, as fit reports it",
            "training, augmented, afterwards",
            "training, plain, afterwards",
            "validation, afterwards",
        )
    )
    for larger, smaller in ((reported, augmented), (valid, plain)):
        gap, chance = difference(measured, larger, smaller)
        assert gap > 2 * chance
    gap, chance = difference(measured, augmented, plain)
    assert abs(gap) < 2 * chance + 0.05
    assert difference(measured, reported, augmented)[0] > gap


@pytest.mark.parametrize("other", ["1e-05", "1e-03", "1e-02"])
def test_ten_times_too_little_or_too_much_costs_far_more_than_a_twentieth(measured, other):
    assert_above(measured, "fine-tuned, rate 1e-04", f"fine-tuned, rate {other}", "validation")
    assert measured[f"fine-tuned, rate {other}"] < measured["fine-tuned, rate 1e-04"] - 0.1


def test_a_tenth_of_the_bodys_rate_costs_nothing_if_the_new_layer_keeps_its_own(measured):
    low, both = "fine-tuned, rate 1e-05, new layer 1e-03", "fine-tuned, rate 1e-05"
    assert abs(measured[low] - measured["fine-tuned, rate 1e-04"]) < 0.05
    assert_above(measured, low, both, "validation")


def test_the_body_breaks_at_ten_times_its_rate_whatever_the_new_layer_does(measured):
    same_answer, row = measured["always the same answer"], "fine-tuned, rate 1e-03"
    for each in (row, f"{row}, new layer 1e-03"):
        assert abs(measured[each] - same_answer) < 2 * error(measured, each, "validation")


def test_with_the_statistics_of_each_batch_ten_times_the_rate_still_trains(measured):
    row = "fine-tuned, rate 1e-03"
    assert_above(measured, f"{row}, statistics of each batch", row, "validation")


def test_when_every_training_picture_is_right_the_validation_loss_follows_in_no_seed():
    at_eight = re.findall(r"(\S+) at 8 \((\S+) to ([\d.]+)\)", told("02", "02-over-show"))
    training, validation = ([float(value) for value in row] for row in at_eight)
    assert training[2] <= 0.01 and validation[1] > 10 * training[2]
    assert validation[0] > 2 * math.log(2) and validation[1] < math.log(2)


def times_as_scattered(measured, row, other):
    """The ratio of the variances of two rows over their seeds, and what chance exceeds in 1 of 20.

    By the F test: 5.05 for six seeds each.
    """
    ratio = (measured[f"{row}, standard deviation"] / measured[f"{other}, standard deviation"]) ** 2
    freedom = measured[f"{row}, seeds"] - 1, measured[f"{other}, seeds"] - 1
    return ratio, stats.f.ppf(0.95, *freedom)


def test_a_tenth_of_the_rate_makes_the_seeds_agree_and_fewer_or_fresh_pictures_do_not(measured):
    remedy = "10 per class, remedy: {}".format
    once = "80 per class, no picture twice"
    for row in (remedy("none"), remedy("epochs"), remedy("stopping"), once):
        ratio, chance = times_as_scattered(measured, row, remedy("rate"))
        assert ratio > 2 * chance
        assert times_as_scattered(measured, remedy("none"), row)[0] < chance


def test_no_remedy_is_two_errors_above_none_though_three_seeds_alone_say_so(measured):
    remedy = "10 per class, remedy: {}".format
    for other in ("rate", "epochs", "stopping", "decay", "augmentation"):
        with pytest.raises(AssertionError):
            assert_above(measured, remedy(other), remedy("none"), "validation")
    few = re.search(
        r"3 seeds alone: (\S+), standard error (\S+)", printed(read("02"), "02-over-measured")
    )
    assert float(few[1]) > 2 * float(few[2])


def test_pictures_that_never_come_twice_give_no_other_mean(measured):
    rows = "80 per class, no picture twice", "10 per class, remedy: none"
    chance = math.hypot(*(error(measured, row, "validation") for row in rows))
    assert abs(measured[rows[0]] - measured[rows[1]]) < chance


def test_no_remedy_is_clearly_ahead_of_all_the_others(measured):
    remedy = "10 per class, remedy: {}".format
    for other in ("epochs", "stopping", "decay", "augmentation"):
        with pytest.raises(AssertionError):
            assert_above(measured, remedy("rate"), remedy(other), "validation")


def test_the_lesson_names_no_remedy_as_the_best_one():
    (cell,) = [cell for cell in code_cells(read("02")) if cell.id == "02-over-measured"]
    assert "Measured: no clear winner" in str(cell.outputs)
    assert "clearly better" not in printed(read("02"), cell.id)


def test_two_pictures_per_class_are_clearly_ahead_of_the_long_run_and_one_is_not():
    leads = re.findall(
        r"^ +(\d) per class: .*; \+(.+), standard error (0\.\d+) ?(\(clearly)?",
        printed(read("02"), "02-test-answer"),
        flags=re.M,
    )
    assert [bool(clear) for _, _, _, clear in leads] == [False, True, True]
    assert all((float(gap) > 2 * float(chance)) == bool(clear) for _, gap, chance, clear in leads)


def test_no_best_C_lies_at_the_end_of_its_range_but_that_of_three_numbers():
    chosen = ast.literal_eval(printed(read("02"), "02-test-best"))
    inside = {name: 1e-5 < C < 10 for name, C in chosen.items()}
    assert [name for name in inside if not inside[name]] == ["mean colour"]


def test_fine_tuning_and_the_linear_probe_are_close_together(measured):
    assert abs(measured["fine-tuned"] - measured["linear probe"]) < 0.03


def test_the_two_recipes_differ_in_weights_statistics_and_rates_alone():
    (cell,) = [cell for cell in code_cells(read("02")) if cell.id == "02-whole-recipes"]
    recipes = {}
    exec("\n".join(cell.source.splitlines()[:2]), recipes)
    tuned, scratch = recipes["FINE_TUNED"], recipes["SCRATCH"]
    assert tuned.keys() == scratch.keys() == {"weights", "keep", "rate", "head_factor"}
