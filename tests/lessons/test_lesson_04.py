"""Lesson 04: what freezing saves and costs; its freeze is the helper's."""

import copy
import re

import pytest
import timm
import torch
from torch.utils.data import DataLoader, TensorDataset

from helpers import models
from helpers.train import fit
from tests.lessons.committed import code_cells, inline, printed, read, standard_errors_between

LINEAR, TUNED, HEAD_FIRST = "linear probe", "fine-tuned", "head first, then all"
TEST = {"hot dogs": 200, "digits": 400, "radar": 160}  # pictures


@pytest.fixture
def above(numbers):
    """above(row, other): by how many standard errors a row is above another one."""

    def errors(row, other, pictures=TEST["hot dogs"]):
        return standard_errors_between(numbers("04"), row, other, pictures)

    return errors


def test_from_five_pictures_fine_tuning_at_once_is_behind_the_linear_probe(above):
    assert above(f"{LINEAR}, 5 pictures per class", f"{TUNED}, 5 pictures per class") > 2


@pytest.mark.parametrize("n", [5, 20, 100])
def test_lp_ft_does_not_fall_far_behind_the_linear_probe(numbers, n):
    probe, lp_ft = (numbers("04")[f"{m}, {n} pictures per class"] for m in (LINEAR, HEAD_FIRST))
    assert lp_ft > probe - 0.03


@pytest.mark.parametrize("n", [20, 100])
def test_with_more_pictures_the_three_cannot_be_ranked(numbers, above, n):
    rows = [f"{method}, {n} pictures per class" for method in (LINEAR, TUNED, HEAD_FIRST)]
    accuracies = [numbers("04")[row] for row in rows]
    assert max(accuracies) - min(accuracies) < 0.06
    assert all(abs(above(a, b)) < 2 for a in rows for b in rows)


@pytest.mark.parametrize("frozen", ["bottom 5 stages", "all stages"])
def test_freezing_costs_no_more_than_the_seeds_differ(numbers, above, frozen):
    row, none = f"{frozen} frozen, 2 epochs", "no stage frozen, 2 epochs"
    assert abs(numbers("04")[row] - numbers("04")[none]) < 0.05
    assert abs(above(row, none)) < 2


def test_an_epoch_is_faster_the_more_stages_are_frozen():
    lines = printed(read("04"), "04-sweep-table").splitlines()[2:]
    times = [float(line.split()[3]) for line in lines]
    assert times == sorted(times) and times[-1] > 2


@pytest.mark.parametrize("way", ["a rate per stage", "unfrozen from the top"])
def test_how_the_rates_are_spread_makes_no_difference_after_the_probe(above, way):
    per_class = "40 pictures per class"
    assert abs(above(f"{way}, {per_class}", f"linear probe alone, {per_class}")) < 2


def test_neither_an_svm_nor_standardised_features_are_better_than_logistic_regression():
    (cell,) = (cell for cell in code_cells(read("04")) if cell.id == "04-few-svm-run")
    told = cell.outputs[0]["data"]["text/plain"]
    regression, svm, standardised = (float(a) for a in re.findall(r"  (0\.\d+) ±", told))
    assert max(svm, standardised) < regression + 0.01


@pytest.mark.parametrize("method", [LINEAR, TUNED, HEAD_FIRST])
def test_no_method_keeps_its_accuracy_without_colour(above, method):
    row = f"{method}, 100 pictures per class"
    assert above(row, f"{row}, tested without colour") > 2


def test_on_the_drawings_lp_ft_keeps_more_without_colour_than_the_probe(above):
    lp_ft, probe = (
        f"{method}, 100 pictures per class, tested without colour"
        for method in (HEAD_FIRST, LINEAR)
    )
    assert above(lp_ft, probe) > 2


@pytest.mark.parametrize("size", ["small", "large"])
def test_the_middle_of_the_network_is_better_for_digits_than_its_top(above, size):
    best, top = (f"digits, {size}: features of the {what}" for what in ("best stage", "top"))
    assert above(best, top, TEST["digits"]) > 2


@pytest.mark.parametrize("size", ["small", "large"])
@pytest.mark.parametrize("task", TEST)
def test_scratch_is_behind_the_features_in_every_cell_of_the_table(above, task, size):
    features = f"{task}, {size}: features of the best stage"
    assert above(features, f"{task}, {size}: scratch", TEST[task]) > 2


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
