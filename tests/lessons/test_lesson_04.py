"""Lesson 04: what freezing, starts and sources are worth; its freeze is the helper's."""

import copy
import re

import pytest
import timm
import torch
from torch.utils.data import DataLoader, TensorDataset

from helpers import models
from helpers.train import fit
from tests.lessons.committed import inline, printed, read, standard_errors_between

PROBE = "linear probe, 100 pictures per class"
TEST = {"hot dogs": 200, "digits": 400, "radar": 160}  # pictures


@pytest.fixture
def above(numbers):
    """above(row, other): by how many standard errors a row is above another one."""

    def errors(row, other, pictures=TEST["hot dogs"]):
        return standard_errors_between(numbers("04"), row, other, pictures)

    return errors


def fractions(cell_id: str) -> list[float]:
    return [float(value) for value in re.findall(r"\b[01]\.\d+\b", printed(read("04"), cell_id))]


def test_when_batchnorm_moves_the_level_of_what_was_kept_is_lost_and_most_of_the_order_is_not():
    before, _, order, naive, at_median, order_now, refitted, _, _ = fractions("04-frozen-refit")
    (proved,) = fractions("04-frozen-proof-accuracy")
    assert proved == before == fractions("04-whole-run")[-1]
    error = (2 * 0.25 / 200) ** 0.5
    assert min(at_median, refitted, proved) - naive > 2 * error
    assert abs(at_median - refitted) < 2 * error and abs(refitted - proved) < 2 * error
    assert order >= order_now > 0.5 + 4 * 0.04  # the error of an AUC near 0.5 from 100 and 100


def test_a_frozen_body_looks_bad_only_under_an_unfinished_head(above):
    unfinished = "random head, 5 steps, 8 frozen"
    assert above("probed head, 5 steps, 8 frozen", unfinished) > 2
    assert above("random head, 25 steps, 0 frozen", "random head, 25 steps, 8 frozen") > 2


def test_an_epoch_is_faster_the_more_stages_are_frozen():
    *_, line = printed(read("04"), "04-sweep-table").splitlines()
    times = [float(value) for value in re.findall(r"(\d+\.\d) s", line)]
    assert times == sorted(times, reverse=True) and times[0] > 2 * times[-1]


@pytest.mark.parametrize("steps", ["5 steps", "25 steps"])
def test_under_a_probed_head_freezing_costs_nothing_that_shows(above, steps):
    rows = [f"probed head, {steps}, {n} frozen" for n in (8, 0)]
    assert above(*rows) > -2


def test_from_five_pictures_per_class_a_random_head_is_behind_and_its_body_is_not(above):
    rows = [f"{what}, 5 pictures per class" for what in ("linear probe", "random head")]
    assert above(*rows) > 2
    assert abs(above(rows[0], "random head, refitted, 5 pictures per class")) < 2


def test_with_a_hundred_pictures_per_class_only_the_random_start_is_behind(above):
    tuned = "probed head, 100 pictures per class"
    assert abs(above(tuned, PROBE)) < 2
    assert above(tuned, "random head, 100 pictures per class") > 2


@pytest.mark.parametrize("n", [20, 100])
def test_with_half_of_the_stages_frozen_it_is_level_with_none_frozen(above, n):
    rows = [f"probed head{half}, {n} pictures per class" for half in (", half frozen", "")]
    assert abs(above(*rows)) < 2


def test_the_bottom_half_of_the_stages_holds_two_percent_of_the_body():
    *stages, _ = printed(read("04"), "04-stages-list").replace(",", "").splitlines()
    counts = [int(re.search(r"(\d+) parameters", line)[1]) for line in stages]
    assert f"{sum(counts[:4]) / sum(counts):.0%}" == "2%"


def test_from_five_digits_per_class_the_stage_chosen_below_the_top_is_better_than_the_top(above):
    rows = (f"digits, 5 per class: features of the {what}" for what in ("best stage", "top"))
    assert above(*rows, TEST["digits"]) > 2
    assert "'digits': 6" in printed(read("04"), "04-when-probe-figure")


DIGITS = ("features of the top", "features of the best stage", "random weights, best features")
RAW = [f"raw pixels, {how}" for how in ("logistic regression", "two convolutions")]


@pytest.mark.parametrize("method", [*DIGITS, *RAW])
@pytest.mark.parametrize("n", [5, 20])
def test_for_digits_features_that_keep_their_places_are_ahead_of_everything(above, method, n):
    rows = (f"digits, {n} per class: {what}" for what in ("best features by place", method))
    assert above(*rows, TEST["digits"]) > 2


@pytest.mark.parametrize("method", [*DIGITS[1:], RAW[1]])
@pytest.mark.parametrize("n", [5, 20])
def test_for_digits_averaged_features_and_random_weights_are_level_with_raw_pixels(
    above, method, n
):
    rows = (f"digits, {n} per class: {what}" for what in (method, RAW[0]))
    assert abs(above(*rows, TEST["digits"])) < 2


@pytest.mark.parametrize("n", [5, 20])
def test_for_radar_random_weights_are_ahead_of_single_pixels_and_behind_photographs(above, n):
    best, random, pixels = (f"radar, {n} per class: {what}" for what in (*DIGITS[1:], RAW[0]))
    assert above(best, random, TEST["radar"]) > 2
    assert above(random, pixels, TEST["radar"]) > 2
    by_place = f"radar, {n} per class: best features by place"
    assert abs(above(by_place, best, TEST["radar"])) < 2


def test_more_pictures_gain_more_than_a_better_source(above):
    rows = [f"Lite{i}, linear probe, {{}} per class" for i in range(3)]
    assert all(above(row.format(100), row.format(5)) > 2 for row in rows)
    assert all(above(row.format(100), rows[0].format(100)) < 2 for row in rows[1:])


def test_a_network_frozen_as_in_the_lesson_trains_to_the_same_bits_as_with_freeze():
    pictures = torch.randn(6, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    batches = DataLoader(TensorDataset(pictures, torch.tensor([0, 1, 0, 1, 1, 0])), 3)
    torch.manual_seed(0)
    net = models.replace_head(timm.create_model("test_resnet", num_classes=7), ["a", "b"])
    other = copy.deepcopy(net)
    models.freeze(net, 3)
    inline("04", models=models)["freeze_bottom"](other, 3)
    for frozen in (net, other):
        optimizer = torch.optim.SGD(models.param_groups(frozen, 0.1))
        fit(frozen, batches, None, optimizer, 2, quiet=True)
    for a, b in zip(net.state_dict().values(), other.state_dict().values(), strict=True):
        assert torch.equal(a, b)
