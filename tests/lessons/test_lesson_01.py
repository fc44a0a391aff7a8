"""Lesson 01: what it says of the four ways, of the recipe, and of its plain training loop."""

import copy
import re

import pytest
import torch

from helpers.data import loader
from helpers.evaluation import evaluate
from helpers.models import param_groups
from helpers.plot import on_photographs
from helpers.train import fit
from tests.lessons.committed import code_cells, inline, printed, prose, read, told

ONE_EPOCH, AS_MANY, PROBE, RECIPE = (
    "all layers at once, one epoch",
    "all layers at once, as many steps",
    "linear probe",
    "fine-tuned",
)
RANDOM = (ONE_EPOCH, AS_MANY)  # where they start
CROPS = f"{PROBE}, random crops"
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
def test_from_few_pictures_one_epoch_from_a_random_head_falls_behind(numbers, better):
    measured = numbers("01")
    assert clearly_better(measured, f"5 per class: {better}", f"5 per class: {ONE_EPOCH}", VALID)


def test_the_recipe_is_nowhere_below_the_linear_probe(numbers):
    measured = numbers("01")
    for count in ("5 per class", "all pictures"):
        assert measured[f"{count}: {RECIPE}"] >= measured[f"{count}: {PROBE}"] - 0.005


def test_from_five_per_class_both_random_heads_are_clearly_behind_and_no_way_wins():
    text = told("01", "01-ways-five-measured")
    for way in (ONE_EPOCH, AS_MANY, PROBE, RECIPE):
        (behind, error), (clear,) = (
            re.search(rf"^{way} +{rest}\b", text, re.M).groups()
            for rest in (r"\S+ +(\S+) +(\S+)", "(True|False)")
        )
        assert (float(behind) > 2 * float(error)) == (clear == "True") == (way in RANDOM)
    assert "Measured: no clear winner" in text


def test_with_all_pictures_as_many_steps_come_as_far_as_the_recipe(numbers):
    measured = numbers("01")
    many, one, recipe = (f"all pictures: {way}" for way in (AS_MANY, ONE_EPOCH, RECIPE))
    assert clearly_better(measured, many, one, VALID)
    assert abs(measured[many] - measured[recipe]) < 0.015


def test_picture_by_picture_the_recipe_leads_the_plain_probe_alone():
    leads = re.findall(
        r"^(.*) over (.*): (\S+), standard error (\S+)", told("01", "01-test-error"), re.M
    )
    in_errors = {tuple(pair): float(ahead) / float(error) for *pair, ahead, error in leads}
    assert in_errors[RECIPE, PROBE] > 2 > abs(in_errors[RECIPE, AS_MANY])
    assert abs(in_errors[RECIPE, CROPS]) < 1
    text = prose(read("01"))
    assert all(f"{abs(float(ahead)):.3f} ± {error}" in text for *_, ahead, error in leads)


def test_a_new_head_repairs_both_networks_and_the_probes_head_is_better_than_a_random_one():
    repaired, started = (
        re.findall(r"(\S+), standard error (\S+)$", told("01", f"01-head-or-body-{cell}"), re.M)
        for cell in ("rows", "started")
    )
    one, many, random, probe = (float(ahead) / float(error) for ahead, error in repaired + started)
    assert min(one, many, random) > 2 > abs(probe)
    text = prose(read("01"))
    assert all(ahead.removeprefix("+") in text for ahead, _ in repaired)
    assert "{} ± {}".format(*started[0]).removeprefix("+") in text


def test_on_two_hundred_photographs_per_class_one_epoch_lacks_mostly_steps():
    found = on_photographs("recipe")
    row = "200 per class: {}".format
    one, many, probe, recipe = (
        float(found[row(way)].split()[0])
        for way in (
            "all at once for one epoch",
            "all at once for as many steps",
            "linear probe",
            "LP-FT averaged with the probe",
        )
    )
    assert (one, many, recipe, probe) == (0.896, 0.936, 0.942, 0.943)  # as the lesson says
    assert many - one > 2 * (recipe - many)


def test_the_test_pictures_say_so_too_over_three_seeds(numbers):
    measured = numbers("01")
    assert measured[f"{RECIPE}, seeds"] == 3
    assert measured["always the same answer"] == 0.5
    named = "the name hotdog comes first, no training"
    assert clearly_better(measured, RECIPE, named, TEST)
    assert clearly_better(measured, RECIPE, ONE_EPOCH, TEST)
    assert measured[RECIPE] >= measured[PROBE] - 0.005


def test_without_normalisation_fine_tuning_loses_more_than_two_of_its_errors():
    (cost,), (error,) = (
        re.findall(rf"{words} (\d\.\d+)", told("01", "01-normalisation-tuned"))
        for words in ("costs", "error")
    )
    assert float(cost) > 2 * float(error)


def test_the_table_of_the_recipe_counts_steps_and_holds_no_seconds_of_a_machine():
    text = told("01", "01-recipe-run")
    assert "steps" in text and "seconds" not in text
    assert text.splitlines()[-1].split()[:3] == ["3", "4", "100"]


def described(cell_id: str) -> str:
    """Returns the words that describe the figure of a cell."""
    (cell,) = (cell for cell in code_cells(read("01")) if cell.id == cell_id)
    return cell.outputs[0].data["text/plain"]


def test_with_a_new_head_the_body_of_one_epoch_is_as_good_as_before():
    rows = described("01-head-or-body-figure").partition("deviation: ")[2].split("; ")
    measured = {}
    for row in rows:
        row, mean, deviation = re.match(r"(.+)  (.+) ± (.+), 3 seeds", row).groups()
        measured |= {row: float(mean), f"{row}, standard deviation": float(deviation)}
        measured[f"{row}, seeds"] = 3
    one, other = f"{ONE_EPOCH}: a new head", f"{ONE_EPOCH}: its own head"
    assert clearly_better(measured, one, other, VALID)
    assert measured[one] > measured["the body as it was"] - 0.03


def test_on_the_way_from_the_probe_to_the_last_step_no_network_is_worse():
    first, *others = map(float, re.findall(r"(0\.\d\d) at", described("01-line-figure")))
    assert len(others) == 4 and max(others) <= first


def test_untrained_every_wrong_normalisation_costs_and_a_probe_makes_up_for_most_of_it():
    text = printed(read("01"), "01-normalisation-run")
    row = r"^(\S.*?) +no training (\S+), behind (\S+) ± (\S+) +linear probe (\S+)$"
    rows = {name: tuple(map(float, found)) for name, *found in re.findall(row, text, re.M)}
    _, _, _, best = rows.pop("the network's own")
    assert len(rows) == 3
    for _, behind, error, probe in rows.values():
        assert behind > 2 * error
        assert best - probe < behind / 2


def test_twenty_pictures_per_class_are_learned_by_heart_and_all_of_them_are_not():
    recipe, few = described("01-curves-run").split("; ")
    (loss,), (valid,) = (re.findall(rf"{words} (\d\.\d\d)", few) for words in ("to", "1,"))
    assert float(loss) < 0.05 and float(valid) < 0.9
    assert float(re.findall(r"1, (\d\.\d\d)", recipe)[0]) > float(valid) + 0.08


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
