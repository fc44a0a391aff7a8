"""Measured results that lessons quote are those of benchmarks/results.json."""

import pytest

from benchmarks import record
from tests.lessons.committed import printed, prose, read

ACCURACY = record.read()["accuracy"]["results"]
ON_PHOTOGRAPHS = [  # lesson, its name in results.json, a row of its table, how it is written
    ("03", "03_classifier_weight_reuse", "dog breeds, no training: rows reused", ".2f"),
    ("03", "03_classifier_weight_reuse", "dog breeds, no training: first of 1,000 names", ".2f"),
]
METHODS = ("features + linear classifier", "fine-tuned", "head first, then all")
LOOKS = ("photographs", "drawings")


@pytest.mark.parametrize(("lesson", "name", "row", "digits"), ON_PHOTOGRAPHS)
def test_a_lesson_quotes_the_result_on_photographs(lesson, name, row, digits):
    assert format(ACCURACY[name][row], digits) in prose(read(lesson))


@pytest.mark.parametrize("source", LOOKS)
@pytest.mark.parametrize("target", LOOKS)
def test_lesson_12_prints_what_another_look_does(source, target):
    for method in METHODS:
        row = f"{method}: trained on {source}, tested on {target}"
        measured = ACCURACY["transfer"]
        accuracy, deviation = measured[row], measured[f"{row}, standard deviation"]
        assert f"{accuracy:.3f} ± {deviation:.3f}" in printed(read("12"), "12-looks-transfer")
