"""Lesson 04: what freezing saves and costs; its freeze is the helper's."""

import copy

import pytest
import timm
import torch
from torch.utils.data import DataLoader, TensorDataset

from helpers import models
from helpers.train import fit
from tests.lessons.committed import inline

LINEAR, TUNED, HEAD_FIRST = "features + linear classifier", "fine-tuned", "head first, then all"


@pytest.fixture
def measured(numbers):
    return numbers("04")


@pytest.mark.parametrize("n", [5, 20])
@pytest.mark.parametrize("method", [LINEAR, HEAD_FIRST])
def test_fine_tuning_at_once_is_the_worst_use_of_few_pictures(measured, method, n):
    tuned = measured[f"{TUNED}, {n} pictures a class"]
    assert measured[f"{method}, {n} pictures a class"] > tuned


def test_the_bottom_half_can_be_frozen_and_the_whole_body_not_in_two_epochs(measured):
    none = measured["no stage frozen, 2 epochs"]
    assert measured["bottom 5 stages frozen, 2 epochs"] > none - 0.04
    assert measured["all stages frozen, 2 epochs"] < none - 0.02


@pytest.mark.parametrize("method", [LINEAR, TUNED, HEAD_FIRST])
def test_no_method_keeps_its_accuracy_without_colour(measured, method):
    rows = [name.removeprefix(f"{method}, ") for name in measured if name.startswith(method)]
    most = max(int(row.split()[0]) for row in rows if row.endswith(" pictures a class"))
    in_colour = measured[f"{method}, {most} pictures a class"]
    assert measured[f"{method}, tested without colour"] < in_colour - 0.04


@pytest.mark.parametrize("size", ["small", "large"])
def test_the_middle_of_the_network_is_better_for_digits_than_its_top(measured, size):
    top = measured[f"digits, {size}: features of the top"]
    assert measured[f"digits, {size}: features of the best stage"] > top


@pytest.mark.parametrize("size", ["small", "large"])
@pytest.mark.parametrize("task", ["hot dogs", "digits", "radar"])
def test_scratch_is_behind_the_features_in_every_cell_of_the_table(measured, task, size):
    features = measured[f"{task}, {size}: features of the best stage"]
    assert measured[f"{task}, {size}: scratch"] < features


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
