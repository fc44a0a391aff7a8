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


def test_what_was_kept_breaks_when_batchnorm_moves_and_a_refitted_classifier_does_not():
    naive, refitted = fractions("04-frozen-refit")
    (proved,) = fractions("04-frozen-proof-accuracy")
    assert proved == fractions("04-whole-run")[-1]
    error = (2 * 0.25 / 200) ** 0.5
    assert min(refitted, proved) - naive > 2 * error
    assert abs(refitted - proved) < 2 * error


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


@pytest.mark.parametrize("n", [5, 20])
def test_the_middle_of_the_network_is_better_for_digits_than_its_top(above, n):
    best, top = (f"digits, {n} per class: features of the {what}" for what in ("best stage", "top"))
    assert above(best, top, TEST["digits"]) > 2


@pytest.mark.parametrize("how", ["logistic regression", "two convolutions"])
@pytest.mark.parametrize("n", [5, 20])
def test_raw_pixels_beat_the_top_for_digits_and_are_far_behind_it_for_radar(above, how, n):
    raw, top, best = (
        f"{{}}, {n} per class: {what}"
        for what in (f"raw pixels, {how}", "features of the top", "features of the best stage")
    )
    assert above(raw.format("digits"), top.format("digits"), TEST["digits"]) > 2
    assert abs(above(raw.format("digits"), best.format("digits"), TEST["digits"])) < 2
    assert above(top.format("radar"), raw.format("radar"), TEST["radar"]) > 2


def test_the_top_is_no_better_for_digits_of_twice_the_size(above):
    top = "digits, 20 per class: features of the top"
    assert abs(above(f"{top}, 96 pixels", top, TEST["digits"])) < 2


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
