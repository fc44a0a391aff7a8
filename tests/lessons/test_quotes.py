"""Measured results that lessons quote are those of benchmarks/results.json."""

from statistics import mean

import pytest

from benchmarks import record
from tests.lessons.committed import printed, prose, read

ACCURACY = record.read()["accuracy"]["results"]
ON_PHOTOGRAPHS = [  # lesson, its name in results.json, a row of its table, how it is written
    ("03", "03_classifier_weight_reuse", "dog breeds, no training: rows reused", ".2f"),
    ("03", "03_classifier_weight_reuse", "dog breeds, no training: first of 1,000 names", ".2f"),
    ("05", "05_kaggle_cifar10", "linear classifier on features", ".3f"),
    ("05", "05_kaggle_cifar10", "fine-tuned", ".3f"),
    ("05", "05_kaggle_cifar10", "ensemble of three", ".3f"),
    ("12", "12_what_a_stage_is_worth", "surgery on BatchNorm layers, grey", ".3f"),
    ("12", "12_what_a_stage_is_worth", "surgery on LoRA, rank 4, grey", ".3f"),
    ("12", "12_what_a_stage_is_worth", "large rate, decay 1, 100 pictures per class", ".3f"),
    ("12", "12_what_a_stage_is_worth", "large rate, decay 0.65, 100 pictures per class", ".3f"),
]
CIFAR = record.read()["cifar"]["results"]
LADDER = "CIFAR-10, 10,000 labelled pictures, {}, test accuracy"
METHODS = ("features + linear classifier", "fine-tuned", "head first, then all")
LOOKS = ("photographs", "drawings")


@pytest.mark.parametrize(("lesson", "name", "row", "digits"), ON_PHOTOGRAPHS)
def test_a_lesson_quotes_the_result_on_photographs(lesson, name, row, digits):
    assert format(ACCURACY[name][row], digits) in prose(read(lesson))


@pytest.mark.parametrize("way", ["linear probe", "recipe"])
def test_lesson_09_quotes_what_a_phones_photographs_gave(way):
    draws = record.read()["phone"]["results"]["hot dogs, 100 per class"][way]
    assert f"{mean(draws):.3f}" in prose(read("09"))


@pytest.mark.parametrize("source", LOOKS)
@pytest.mark.parametrize("target", LOOKS)
def test_lesson_12_prints_what_another_look_does(source, target):
    for method in METHODS:
        row = f"{method}: trained on {source}, tested on {target}"
        measured = ACCURACY["transfer"]
        accuracy, deviation = measured[row], measured[f"{row}, standard deviation"]
        assert f"{accuracy:.3f} ± {deviation:.3f}" in printed(read("12"), "12-looks-transfer")


@pytest.mark.parametrize(
    "method",
    ["linear, efficientnet_lite0", "mean of the linear ones", "fine-tuned", "mean of all four"],
)
def test_lesson_05_quotes_the_ladder_on_ten_thousand_photographs(method):
    assert f"{CIFAR[LADDER.format(method)][0]:.3f}" in prose(read("05"))


def test_with_ten_thousand_photographs_the_fine_tuned_network_is_the_top_of_the_ladder():
    top = CIFAR[LADDER.format("top of the ladder")][0]
    assert top == CIFAR[LADDER.format("fine-tuned")][0] >= 0.86
    error = (2 * top * (1 - top) / 2000) ** 0.5  # of a difference, as if independent
    assert top - CIFAR[LADDER.format("mean of the linear ones")][0] > 2 * error
    assert CIFAR[LADDER.format("mean of all four")][0] < top
