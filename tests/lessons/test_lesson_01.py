"""Lesson 01: what it says of the four ways, of the recipe, and of its plain training loop."""

import copy
import re

import pytest
import torch

from helpers.data import loader
from helpers.evaluation import evaluate
from helpers.models import param_groups
from helpers.train import fit
from tests.lessons.committed import inline, printed, read

ONE_EPOCH, AS_MANY, PROBE, RECIPE = (
    "all layers at once, one epoch",
    "all layers at once, as many steps",
    "linear probe",
    "fine-tuned",
)
VALID, TEST = 200, 500  # drawn pictures


def standard_error(measured: dict, row: str, n: int) -> float:
    """Returns the error of a row's mean over seeds, and over pictures, of which there are n."""
    deviation, seeds = (measured.get(f"{row}, {w}", 1) for w in ("standard deviation", "seeds"))
    over_seeds = deviation**2 / seeds if seeds > 1 else 0
    return (over_seeds + measured[row] * (1 - measured[row]) / n) ** 0.5


def clearly_better(measured: dict, one: str, two: str, n: int) -> bool:
    """Returns whether a difference is larger than twice its standard error."""
    errors = [standard_error(measured, row, n) for row in (one, two)]
    return measured[one] - measured[two] > 2 * sum(error**2 for error in errors) ** 0.5


@pytest.mark.parametrize("better", [PROBE, RECIPE])
@pytest.mark.parametrize("count", ["5 per class", "20 per class"])
def test_from_few_pictures_one_epoch_from_a_random_head_falls_behind(numbers, count, better):
    measured = numbers("01")
    assert clearly_better(measured, f"{count}: {better}", f"{count}: {ONE_EPOCH}", VALID)


def test_the_recipe_is_nowhere_below_the_linear_probe(numbers):
    measured = numbers("01")
    for count in ("5 per class", "20 per class", "all pictures"):
        assert measured[f"{count}: {RECIPE}"] >= measured[f"{count}: {PROBE}"] - 0.005


def test_the_test_pictures_say_so_too_over_three_seeds(numbers):
    measured = numbers("01")
    assert measured[f"{RECIPE}, seeds"] == 3
    assert measured["always the same answer"] == 0.5
    named = "the name hotdog comes first, no training"
    assert clearly_better(measured, RECIPE, named, TEST)
    assert clearly_better(measured, RECIPE, ONE_EPOCH, TEST)
    assert measured[RECIPE] >= measured[PROBE] - 0.005


def test_the_plain_code_gets_from_a_coin_toss_to_most_pictures_in_one_epoch():
    lesson = read("01")
    (before,), (after,) = (
        re.findall(r"accuracy (\d\.\d\d), n = 200", printed(lesson, cell))
        for cell in ("01-before-measure", "01-plain-run")
    )
    assert 0.3 < float(before) < 0.7 < float(after)


def test_the_plain_code_of_the_lesson_trains_and_measures_as_the_helpers_do(pictures, net):
    lesson, other = inline("01"), copy.deepcopy(net)
    batches = loader(pictures, 4)
    for trained in (net, other):
        trained[5].p = 0.0  # dropout draws from one generator, which the two would share
    lesson["train_one_epoch"](net, batches, torch.optim.AdamW(param_groups(net, 0.01, 10)))
    fit(other, batches, None, torch.optim.AdamW(param_groups(other, 0.01, 10)), 1, quiet=True)
    for a, b in zip(net.state_dict().values(), other.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b)
    right = evaluate(other, batches)["accuracy"]
    assert lesson["accuracy"](net, batches) == pytest.approx(right)
