"""Lesson 07: its answers to the questions from class are what its cells measured."""

import pytest
import torch

from helpers import data, models, train
from tests.lessons.committed import inline, standard_errors_between

HELD_OUT, SEA = 500, 400  # pictures


@pytest.fixture
def measured(numbers):
    return numbers("07")


def test_all_stages_in_one_pass_are_the_features_of_each_stage(pictures):
    net = models.load_pretrained("test_resnet", weights=None, size=16)
    net = models.replace_head(net, pictures.class_names)
    lesson = inline("07", models=models, train=train, data=data)
    by_stage = lesson["all_stages"](net, pictures)
    assert len(by_stage) == len(models.stages(net))
    for n, features in by_stage.items():
        expected, _ = train.extract_features(net, data.loader(pictures, 16), n)
        torch.testing.assert_close(torch.tensor(features), expected)


def test_the_normalising_layer_gives_the_bits_of_the_transform(pictures):
    preprocess = pictures.preprocess
    layer = inline("07")["Normalise"](preprocess.mean, preprocess.std)
    raw = torch.stack([picture for picture, _ in pictures])
    (batch,) = data.loader(pictures, len(pictures))
    assert layer(raw).equal(preprocess.normalize(raw))
    assert layer(raw).equal(batch[0])


def test_what_photographs_taught_sits_in_the_upper_half(measured):
    for task in ("hot dogs", "ten objects"):
        low, top = (
            measured[f"{task}, probe on {where}, trained weights"]
            - measured[f"{task}, probe on {where}, random weights"]
            for where in ("stage 2", "top stage")
        )
        assert abs(low) < 0.15 < 0.2 < top


def test_classes_that_imagenet_lacks_are_told_apart_as_well(measured):
    known, unknown = (measured[f"foods {kind}, probe"] for kind in ("known to ImageNet", "unknown"))
    assert unknown > known - 0.1 > 0.5


def test_imbalance_spoils_the_classifier_and_not_the_body(measured):
    cells = {
        (body, top): measured[f"imbalance: body {body}, classifier {top}"]
        for body in ("9 : 1", "1 : 1")
        for top in ("9 : 1", "1 : 1")
    }
    assert cells["9 : 1", "1 : 1"] > cells["1 : 1", "1 : 1"] - 0.1
    assert cells["1 : 1", "9 : 1"] < cells["1 : 1", "1 : 1"] - 0.1
    assert cells["9 : 1", "1 : 1"] > cells["9 : 1", "9 : 1"] + 0.15
    spoiled = "imbalance: body 9 : 1, classifier 9 : 1"
    for remedy in ("one number moved", "equal parts"):
        assert standard_errors_between(measured, f"{spoiled}, {remedy}", spoiled, HELD_OUT) > 2


def test_the_same_numbers_on_both_sides_are_better_on_average(measured):
    same = measured["normalisation: the same in training and prediction"]
    assert same > measured["normalisation: another in prediction"] + 0.005


def test_radar_pictures_beat_photographs_for_radar_and_scratch_catches_up(measured):
    few, many = (
        {
            name: measured[f"sea, {count} per kind: {name}"]
            for name in ("pixels", "ImageNet", "radar", "scratch", "radar, fine-tuned")
        }
        for count in (5, 80)
    )
    for count, better, worse in (
        (5, "radar", "ImageNet"),
        (5, "ImageNet", "pixels"),
        (5, "ImageNet", "scratch"),
        (80, "radar", "ImageNet"),
        (80, "scratch", "ImageNet"),
    ):
        rows = (f"sea, {count} per kind: {name}" for name in (better, worse))
        assert standard_errors_between(measured, *rows, SEA) > 2
    assert few["scratch"] < few["pixels"] + 0.05
    assert max(many, key=many.get) in ("radar", "radar, fine-tuned")


def test_far_from_its_source_a_network_gains_little(measured):
    near, far = (
        measured[f"gain by radar weights over random ones: {t}"] for t in ("sea", "digits")
    )
    spread = measured["gain by radar weights over random ones: digits, standard deviation"]
    assert near > far + 0.05 and abs(far) < 2 * spread / 3**0.5
    assert measured["freezing, digits: bottom 4"] < measured["freezing, digits: none"] - 0.08
    assert abs(measured["freezing, sea: bottom 4"] - measured["freezing, sea: none"]) < 0.08
    assert measured["freezing, digits: as probes choose"] < measured["freezing, digits: none"]


def test_fine_tuning_bears_some_learning_rates_and_breaks_at_the_highest(measured):
    assert 2 <= measured["learning rates: useful of four"] <= 3
    best, highest = (
        measured[f"learning rates: the {which} of four"] for which in ("best", "highest")
    )
    assert highest < best - 0.1


def test_a_large_first_step_spoils_a_good_start(measured):
    small, large, warm = (
        measured[f"first steps at {name}: lower of steps 1 and 2"]
        for name in ("2e-5", "3e-4", "3e-4, warm-up")
    )
    assert large < min(small, warm) - 0.05
    assert min(small, warm) > measured["first steps: before"] - 0.1


def test_one_kept_stage_brings_most_of_the_gain(measured):
    for way in ("frozen", "all learn"):
        assert measured[f"bottom 1 kept, {way}"] > measured["bottom 0 kept, all learn"] + 0.15
