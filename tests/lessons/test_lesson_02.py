"""Lesson 02: pretrained weights are worth many pictures, against a fair control."""

import pytest

from tests.lessons.committed import code_cells, read

FAIR, FEATURES = "from scratch, fair", "features + linear classifier"


@pytest.fixture
def measured(numbers):
    return numbers("02")


@pytest.mark.parametrize("scratch", ["from scratch, same budget", FAIR])
def test_fine_tuning_beats_training_from_scratch(measured, scratch):
    assert measured[f"{scratch}, seeds"] == measured["fine-tuned, seeds"] == 3
    assert measured["fine-tuned"] > measured[scratch] + 0.1


def test_ten_pictures_with_a_pretrained_body_beat_all_pictures_from_scratch(measured):
    assert measured[f"{FEATURES}, 10 pictures of a class"] > measured[FAIR] + 0.03
    assert measured[FEATURES] > measured["fine-tuned"] - 0.04


def test_the_two_recipes_differ_in_nothing_but_weights_and_statistics():
    (cell,) = [cell for cell in code_cells(read("02")) if cell.id == "02-whole-recipes"]
    recipes = {}
    exec(cell.source.split("\n\n")[0], recipes)
    tuned, control = recipes["FINE_TUNED"], recipes["SAME_BUDGET"]
    assert tuned.keys() == control.keys()
    assert {key for key in tuned if tuned[key] != control[key]} == {"weights", "keep"}
