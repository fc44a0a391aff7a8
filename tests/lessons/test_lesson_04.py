"""Lesson 04 says what freezing saves and costs; its freeze is the freeze of the helpers."""

import copy

import timm
import torch
from torch.utils.data import DataLoader, TensorDataset

from benchmarks import record
from helpers import models
from helpers.train import fit
from tests.lessons.test_lessons import inline, read

LINEAR, TUNED, HEAD_FIRST = (
    "features + linear classifier",
    "fine-tuned",
    "head first, then all",
)


def test_few_pictures_are_better_used_by_a_linear_classifier_than_by_fine_tuning(numbers):
    found = numbers("04")
    for n in (5, 20):
        assert found[f"{LINEAR}, {n} pictures a class"] > found[f"{TUNED}, {n} pictures a class"]
        assert (
            found[f"{HEAD_FIRST}, {n} pictures a class"] > found[f"{TUNED}, {n} pictures a class"]
        )


def test_the_bottom_half_can_be_frozen_and_the_whole_body_not_in_two_epochs(numbers):
    found = numbers("04")
    none = found["no stage frozen, 2 epochs"]
    assert found["bottom 5 stages frozen, 2 epochs"] > none - 0.04
    assert found["all stages frozen, 2 epochs"] < none - 0.02


def test_no_method_keeps_its_accuracy_without_colour(numbers):
    found = numbers("04")
    most = max(int(k.split(", ")[-1].split()[0]) for k in found if k.endswith("pictures a class"))
    for method in (LINEAR, TUNED, HEAD_FIRST):
        inside = found[f"{method}, {most} pictures a class"]
        assert found[f"{method}, tested without colour"] < inside - 0.04


def test_the_middle_of_the_network_is_better_for_digits_than_its_top(numbers):
    found = numbers("04")
    for size in ("small", "large"):
        best = found[f"digits, {size}: features of the best stage"]
        assert best > found[f"digits, {size}: features of the top"]


def test_scratch_is_behind_the_features_in_every_cell(numbers):
    found = numbers("04")
    for task in ("hot dogs", "digits", "radar"):
        for size in ("small", "large"):
            scratch = found[f"{task}, {size}: scratch"]
            assert scratch < found[f"{task}, {size}: features of the best stage"]


def test_freezing_as_the_lesson_writes_it_is_freezing_as_the_helper_does_it():
    pictures = torch.randn(6, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    batches = DataLoader(TensorDataset(pictures, torch.tensor([0, 1, 0, 1, 1, 0])), 3)
    torch.manual_seed(0)
    ours = models.replace_head(timm.create_model("test_resnet", num_classes=7), ["a", "b"])
    theirs = copy.deepcopy(ours)
    models.freeze(ours, 3)
    inline("04", models=models)["freeze_bottom"](theirs, 3)
    for net in (ours, theirs):
        fit(net, batches, None, torch.optim.SGD(models.param_groups(net, 0.1)), 2, quiet=True)
    for a, b in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_the_text_quotes_what_was_measured_on_photographs():
    found = record.read()["accuracy"]["results"]["04_layer_freezing"]
    text = "\n".join(cell.source for cell in read("04").cells)
    half, none = found["bottom 5 stages frozen, 2 epochs"], found["no stage frozen, 2 epochs"]
    assert f"half the time, {half:.3f} against {none:.3f}" in text
    most = [found[f"{method}, 400 pictures a class"] for method in (LINEAR, TUNED, HEAD_FIRST)]
    assert {f"{accuracy:.2f}" for accuracy in most} == {"0.94"}
    assert "with 400 photographs of a class all three are at 0.94" in text


def test_the_text_quotes_what_another_look_did():
    found = record.read()["accuracy"]["results"]["transfer"]
    text = "\n".join(cell.source for cell in read("04").cells)
    for source, target in (
        ("photographs", "photographs"),
        ("photographs", "**drawings**"),
        ("drawings", "drawings"),
        ("drawings", "**photographs**"),
    ):
        where = f": trained on {source}, tested on {target.strip('*')}"
        names = [method + where for method in (LINEAR, TUNED, HEAD_FIRST)]
        row = [f"{found[n]:.3f} ± {found[f'{n}, standard deviation']:.3f}" for n in names]
        assert f"| {source}, {target} | {' | '.join(row)} |" in text
