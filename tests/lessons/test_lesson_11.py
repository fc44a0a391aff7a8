"""Lesson 11: what a lecture says in passing, each claim beside its control."""

import pytest

from tests.lessons.committed import standard_errors_between

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
TWO = "10 hot dogs per class, "


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
        (f"{TWO}directly", f"{TWO}after foods", HELD_OUT),
        (f"{TWO}directly", f"{TWO}after foods with shuffled labels", HELD_OUT),
        (f"{TWO}after foods", f"{TWO}after foods with shuffled labels", HELD_OUT),
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
