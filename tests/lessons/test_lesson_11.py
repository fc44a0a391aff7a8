"""Lesson 11: what a lecture says in passing, each claim beside its control."""

import re

import pytest

from tests.conftest import committed_numbers
from tests.lessons.committed import printed, prose, read, standard_errors_between

FOODS, WIDE, HELD_OUT = 360, 300, 200  # test pictures


@pytest.fixture
def measured(numbers):
    return numbers("11")


@pytest.mark.parametrize(
    ("better", "worse", "pictures"),
    [
        *(
            (f"nine foods, {share} wrong labels: C = 0.001", f"nine foods, {share} {loose}", FOODS)
            for share in ("20%", "40%")
            for loose in ("wrong labels: C = 10",)
        ),
        (
            "hot dogs, learned whole, tested whole",
            "hot dogs, learned whole, tested half, middle",
            WIDE,
        ),
        (
            "hot dogs, learned half, middle, tested half, middle",
            "hot dogs, learned whole, tested half, middle",
            WIDE,
        ),
        *(
            (
                f"hot dogs, one stage with {activation}, its weights kept",
                f"hot dogs, one stage with {activation}, its weights drawn anew",
                HELD_OUT,
            )
            for activation in ("ReLU6", "sigmoid")
        ),
    ],
)
def test_an_effect_is_larger_than_twice_its_standard_error(measured, better, worse, pictures):
    assert standard_errors_between(measured, better, worse, pictures) > 2


STAGE = "hot dogs, one stage with {}, its weights kept"


@pytest.mark.parametrize(
    ("row", "other", "pictures"),
    [
        (
            "hot dogs, learned half, middle, tested half, middle",
            "hot dogs, learned half, middle, tested half, corner",
            WIDE,
        ),
        (
            "hot dogs, learned whole, tested half, middle",
            "hot dogs, learned whole, tested half, corner",
            WIDE,
        ),
        (STAGE.format("ReLU6"), STAGE.format("sigmoid"), HELD_OUT),
    ],
)
def test_what_the_lesson_does_not_settle_is_below_two_standard_errors(
    measured, row, other, pictures
):
    assert abs(standard_errors_between(measured, row, other, pictures)) < 2


def test_a_stiff_probe_hardly_notices_20_percent_wrong_labels(measured):
    row = "nine foods, {} wrong labels: C = 0.001"
    assert measured[row.format("0%")] - measured[row.format("20%")] < 0.03


@pytest.mark.parametrize("step", [1, 6])
@pytest.mark.parametrize(
    "start", ["ImageNet, random output layer", "ImageNet, probed output layer", "random body"]
)
def test_the_top_stage_gets_less_gradient_than_the_bottom_compared_with_its_weights(
    measured, start, step
):
    row = f"log10 of the top stage's gradient over the bottom's: {start}, step {step}"
    assert measured[row] < -2 * measured[f"{row}, standard deviation"] / 3**0.5
    if start == "random body":
        assert measured[row] < -2


@pytest.mark.parametrize("step", [1, 6])
def test_with_the_statistics_of_batchnorm_fixed_the_top_stage_gets_more(measured, step):
    fixed = f"ImageNet, BatchNorm fixed, step {step}"
    row = f"log10 of the top stage's gradient over the bottom's: {fixed}"
    assert measured[row] > 2 * measured[f"{row}, standard deviation"] / 3**0.5


@pytest.mark.parametrize(
    ("start", "times"),
    [("ImageNet, random output layer", 200), ("ImageNet, probed output layer", 30)],
)
def test_the_output_layer_gets_many_times_the_gradient_of_a_stage(measured, start, times):
    ahead = (
        measured[f"log10 of the output layer's gradient: {start}, step 1"]
        - measured[f"log10 of all stages' gradients, mean: {start}, step 1"]
    )
    assert 10**ahead == pytest.approx(times, rel=0.15)
    assert f"about {times} times" in prose(read("11"))


@pytest.mark.parametrize("per_class", [10, 40])
@pytest.mark.parametrize("other", ["ImageNet", "shuffled foods"])
def test_a_stage_of_foods_gains_over_imagenet_and_over_shuffled_labels(measured, other, per_class):
    gain = f"{per_class} per class, gain of foods over {other}"
    foods = f"{per_class} hot dogs per class, probe after foods"
    over_seeds = sum(
        measured.get(f"{row}, standard deviation", 0) ** 2 / 3
        for row in (foods, foods.replace("after foods", f"after {other}"))
    )
    assert measured[gain] > 2 * (measured[f"{gain}: its standard error"] ** 2 + over_seeds) ** 0.5


def test_foods_with_shuffled_labels_gain_nothing(measured):
    for per_class in (10, 40):
        row = f"{per_class} hot dogs per class, probe after "
        assert abs(measured[f"{row}shuffled foods"] - measured[f"{row}ImageNet"]) < 0.01


def test_foods_help_more_with_few_pictures(measured):
    few, many = (measured[f"{n} per class, gain of foods over ImageNet"] for n in (10, 40))
    assert few > many + 0.01


def test_the_lesson_quotes_what_new_weights_and_the_near_set_change():
    numbers, text = committed_numbers("11"), prose(read("11"))
    stage = "hot dogs, one stage with {}, its weights {}".format
    for activation in ("ReLU6", "sigmoid"):
        cost = numbers[stage(activation, "kept")] - numbers[stage(activation, "drawn anew")]
        assert f"{cost:.2f}" in text
    gains = re.findall(r"gain of foods over ImageNet: (\S+)", printed(read("11"), "11-two-gain"))
    assert len(gains) == 2 and all(gain in text for gain in gains)


def standard_errors(measured, row):
    """By how many standard errors, over seeds and pictures, a difference is above 0."""
    return measured[row] / measured[f"{row}: its standard error"]


CORNER = "cost of the corner on leaves, {}"


@pytest.mark.parametrize("row", ["learned in the middle", "in the middle less at random places"])
def test_the_corner_costs_a_probe_that_learned_in_the_middle(measured, row):
    assert standard_errors(measured, CORNER.format(row)) > 2


def test_the_lesson_does_not_settle_what_the_corner_costs_after_random_places(measured):
    assert abs(standard_errors(measured, CORNER.format("learned at random places"))) < 2


@pytest.mark.parametrize("area", ["25%", "10%", "5%"])
def test_narrow_crops_cost_even_where_none_has_lost_the_object(measured, area):
    row = f"crops of {area}: whole pictures ahead of redrawn crops"
    assert standard_errors(measured, row) > 2


@pytest.mark.parametrize("area", ["25%", "10%", "5%"])
def test_redrawing_lost_crops_gains_nothing_that_shows(measured, area):
    assert abs(standard_errors(measured, f"crops of {area}: redrawn ahead of all")) < 2


def test_lost_crops_cost_less_than_random_labels_on_crops_that_show_the_object(measured):
    assert standard_errors(measured, "crops of all three areas: all ahead of coin") > 2


def test_most_of_the_narrowest_crops_lose_the_object_and_few_of_the_usual_ones():
    assert "5% of the area: 61% of the crops are lost" in printed(read("11"), "11-crop-run")
    assert "up: 6.0% are lost" in printed(read("11"), "11-crop-look")
