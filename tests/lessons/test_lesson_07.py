"""Lesson 07: each verdict on an answer from class rests on what its cells measured."""

import pytest
import torch

from helpers import data, models, train
from tests.lessons.committed import inline, standard_errors_between

HELD_OUT, SEA, FOODS = 400, 400, 360  # test pictures


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


def test_every_difference_that_decides_a_verdict_is_above_two_standard_errors(measured):
    decided = [name for name in measured if name.endswith(": deciding difference")]
    assert len(decided) >= 14
    for name in decided:
        question = name.partition(":")[0]
        if question == "Q37":  # the lesson says that its seeds do not settle it
            continue
        assert measured[name] > measured[f"{question}: two standard errors"], question


@pytest.mark.parametrize(
    ("better", "worse", "pictures"),
    [
        # an effect, and the control that could have refuted it
        (
            "sea, 1 look, 5 per kind: ImageNet, large",
            "sea, 1 look, 5 per kind: pixels",
            SEA,
        ),
        ("sea, 1 look, 5 per kind: radar, small", "sea, 1 look, 5 per kind: ImageNet, large", SEA),
        ("sea, 1 look, 80 per kind: radar, small", "sea, 1 look, 80 per kind: objects, small", SEA),
        *(
            (f"imbalance: body 9 : 1, classifier 9 : 1, {remedy}", spoiled, SEA)
            for spoiled in ("imbalance: body 9 : 1, classifier 9 : 1",)
            for remedy in ("logits adjusted", "weighted loss", "equal parts")
        ),
        (
            "learning rates, from radar: 3e-3",
            "learning rates, from radar: the lowest",
            SEA,
        ),
        (
            "bottom 0 kept, all learn, statistics anew",
            "bottom 0 kept, all learn",
            SEA,
        ),
        (
            "freezing, from objects (far): none",
            "surgical, from objects: the bottom stage alone",
            SEA,
        ),
        ("nine foods, before training: colours", "chance", FOODS),
        (
            "nine foods, 20% wrong labels: regularised",
            "nine foods, 20% wrong labels: hardly regularised",
            FOODS,
        ),
        (
            "hot dogs at 0.5 of the side, corner",
            "hot dogs at 0.25 of the side, corner",
            HELD_OUT,
        ),
    ],
)
def test_an_effect_is_larger_than_twice_its_standard_error(measured, better, worse, pictures):
    rows = measured | {"chance": 1 / 9}
    assert standard_errors_between(rows, better, worse, pictures) > 2


@pytest.mark.parametrize(
    ("row", "other", "most"),
    [
        (
            "sea, 1 look, 5 per kind: ImageNet, large",
            "sea, 1 look, 5 per kind: random, large",
            0.05,
        ),
        (
            "sea, 1 look, 80 per kind: ImageNet, large",
            "sea, 1 look, 80 per kind: random, large",
            0.05,
        ),
        ("foods known to ImageNet, ImageNet features", "foods unknown, ImageNet features", 0.05),
        (
            "imbalance: body 1 : 1, classifier 1 : 1",
            "imbalance: body 9 : 1, classifier 1 : 1",
            0.06,
        ),
        (
            "normalisation: all layers learn, both sides my pictures'",
            "normalisation: all layers learn, both sides the network's own",
            0.03,
        ),
        (
            "normalisation: all layers learn, both sides none",
            "normalisation: all layers learn, both sides the network's own",
            0.05,
        ),
        (
            "nine foods, 0% wrong labels: regularised",
            "nine foods, 20% wrong labels: regularised",
            0.05,
        ),
        ("hot dogs at 0.5 of the side, middle", "hot dogs at 0.5 of the side, corner", 0.06),
    ],
)
def test_what_the_lesson_calls_no_difference_is_small(measured, row, other, most):
    assert abs(measured[row] - measured[other]) <= most


def test_distance_takes_the_gain_and_the_wrong_field_does_no_harm(measured):
    def gain(target, source):
        start = f"{target}: fine-tuned from"
        return measured[f"{start} {source}"] - measured[f"{start} scratch"]

    assert gain("sea, 20 per kind", "radar") > gain("digits, 8 per digit", "radar") + 0.05
    for count in (5, 20, 80):
        assert gain(f"sea, {count} per kind", "objects") > -0.03
    assert gain("sea, 5 per kind", "radar") > gain("sea, 80 per kind", "radar")


def test_the_lowest_stage_from_objects_is_no_better_than_random_filters(measured):
    objects, random = (measured[f"sea, probe on stage 1 from {w}"] for w in ("objects", "random"))
    assert objects < random + 0.02


def test_freezing_the_kept_stage_is_no_gain(measured):
    assert measured["bottom 1 kept, frozen"] < measured["bottom 1 kept, all learn"] + 0.02


def test_freezing_all_costs_more_from_far_than_from_near(measured):
    near, far = (
        measured[f"freezing, {name}: none"] - measured[f"freezing, {name}: all stages"]
        for name in ("from radar (near)", "from objects (far)")
    )
    assert far > near + 0.05
