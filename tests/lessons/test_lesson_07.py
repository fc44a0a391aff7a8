"""Lesson 07: each verdict on an answer from class rests on what its cells measured."""

import pytest
import torch

from helpers import data, models, train
from tests.lessons.committed import inline, standard_errors_between

SEA, FOODS, DIGITS = 400, 360, 450  # test pictures
ANEW = ", statistics anew"


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
        if question in ("Q22", "Q43"):  # their texts say so
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
        *(
            (f"sea, 1 look, 80 per kind: radar, small{how}", f"{objects}{how}", SEA)
            for objects in ("sea, 1 look, 80 per kind: objects, small",)
            for how in ("", ANEW)
        ),
        *(
            (f"sea, 4 looks, {count} per kind: ImageNet, large{how}", f"{random}{how}", SEA)
            for count in (5, 80)
            for random in (f"sea, 4 looks, {count} per kind: random, large",)
            for how in ("", ANEW)
        ),
        (
            f"sea, probe on stage 1 from radar{ANEW}",
            f"sea, probe on stage 1 from random{ANEW}",
            SEA,
        ),
        *(
            (f"imbalance: body 9 : 1, classifier 9 : 1, {remedy}", spoiled, SEA)
            for spoiled in ("imbalance: body 9 : 1, classifier 9 : 1",)
            for remedy in ("logits adjusted", "weighted loss")
        ),
        *(
            (
                f"learning rates, from radar, head first: {better}",
                "learning rates, from radar, head first: the highest",
                SEA,
            )
            for better in ("3e-3", "before any step")
        ),
        (
            f"normalisation: frozen{ANEW}, both sides none",
            "normalisation: frozen, both sides none",
            SEA,
        ),
        (
            "bottom 0 kept, all learn, statistics anew",
            "bottom 0 kept, all learn",
            SEA,
        ),
        ("nine foods, before training: colours", "chance", FOODS),
    ],
)
def test_an_effect_is_larger_than_twice_its_standard_error(measured, better, worse, pictures):
    rows = measured | {"chance": 1 / 9}
    assert standard_errors_between(rows, better, worse, pictures) > 2


@pytest.mark.parametrize(
    ("row", "other", "most"),
    [
        ("foods known to ImageNet, ImageNet features", "foods unknown, ImageNet features", 0.05),
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
            f"normalisation: frozen{ANEW}, both sides none",
            f"normalisation: frozen{ANEW}, both sides the network's own",
            0.03,
        ),
        ("freezing, from radar (near): none", "freezing, from radar (near): all stages", 0.05),
        (
            "freezing, from radar (near): none",
            f"freezing, from radar (near): all stages{ANEW}",
            0.02,
        ),
        (
            "learning rates, from radar, head first: before any step",
            "learning rates, from radar, head first: the lowest",
            0.01,
        ),
    ],
)
def test_what_the_lesson_calls_no_difference_is_small(measured, row, other, most):
    assert abs(measured[row] - measured[other]) <= most


@pytest.mark.parametrize("how", ["", ANEW])
@pytest.mark.parametrize("count", [5, 80])
def test_on_one_look_photographs_never_lead_random_filters(measured, count, how):
    imagenet, random = (
        f"sea, 1 look, {count} per kind: {name}, large{how}" for name in ("ImageNet", "random")
    )
    assert standard_errors_between(measured, imagenet, random, SEA) < 2


def test_the_right_field_leads_at_every_size_and_the_wrong_one_is_no_better_than_scratch(measured):
    for count in (5, 20):
        radar, objects, scratch = (
            f"sea, {count} per kind: fine-tuned from {name}{ANEW}"
            for name in ("radar", "objects", "scratch")
        )
        assert standard_errors_between(measured, radar, objects, SEA) > 2
        assert standard_errors_between(measured, radar, scratch, SEA) > 2
        assert abs(standard_errors_between(measured, objects, scratch, SEA)) < 2


def test_photographs_help_the_large_network_and_radar_helps_the_small_one_more(measured):
    imagenet, random, radar = (
        f"sea, 5 per kind: fine-tuned from {name}{ANEW}"
        for name in ("ImageNet, large", "random, large", "radar")
    )
    assert standard_errors_between(measured, imagenet, random, SEA) > 2
    assert standard_errors_between(measured, radar, imagenet, SEA) > 2


def test_what_scratch_lacked_as_trained_was_the_lag_of_batchnorm(measured):
    scratch, objects = (
        f"sea, 5 per kind: fine-tuned from {name}" for name in ("scratch", "objects")
    )
    assert standard_errors_between(measured, objects, scratch, SEA) > 2
    assert standard_errors_between(measured, scratch + ANEW, scratch, SEA) > 2
    assert measured[objects + ANEW] < measured[objects] + 0.02


def test_for_digits_radar_leads_neither_objects_nor_random_weights(measured):
    radar, objects, scratch = (
        f"digits, 8 per digit: fine-tuned from {name}{ANEW}"
        for name in ("radar", "objects", "scratch")
    )
    for other in (objects, scratch):
        assert abs(standard_errors_between(measured, radar, other, DIGITS)) < 2


def test_what_freezing_all_costs_from_afar_is_hardly_more_than_its_error(measured):
    difference, error = measured["Q43: deciding difference"], measured["Q43: two standard errors"]
    assert 0.75 < difference / error < 1.25


def test_the_cost_of_imbalance_to_the_classifier_is_not_settled(measured):
    difference, error = measured["Q22: deciding difference"], measured["Q22: two standard errors"]
    assert 0 < difference < error


@pytest.mark.parametrize("top", ["9 : 1", "1 : 1"])
def test_a_body_from_few_equal_pictures_is_not_better_than_one_from_9_to_1(measured, top):
    few, uneven = (f"imbalance: body {body}, classifier {top}" for body in ("1 : 1, few", "9 : 1"))
    assert standard_errors_between(measured, few, uneven, SEA) < 2


def test_one_step_at_a_low_rate_leaves_a_good_start_as_it_was(measured):
    row = "all layers learn: "
    low, before = measured[f"{row}after one step at 2e-5"], measured[f"{row}before"]
    assert abs(low - before) < 0.02


def test_a_good_head_is_spoiled_by_the_highest_rate_alone_and_mostly_by_lag(measured):
    row = "learning rates, from radar, head first"
    best, highest, lowest = (f"{row}: {what}" for what in ("3e-3", "the highest", "the lowest"))
    lagging = f"{row}, as trained: the highest"
    assert standard_errors_between(measured, best, lowest, SEA) < 2
    assert standard_errors_between(measured, highest, lagging, SEA) > 2
    assert measured[highest] - measured[lagging] > measured[best] - measured[highest]


def test_from_random_weights_the_highest_rate_looks_best_within_its_error(measured):
    row = "learning rates, from random weights"
    gain = standard_errors_between(measured, f"{row}: the highest", f"{row}: 3e-3", SEA)
    assert 0 < gain < 2


def test_networks_from_objects_learned_less_of_their_source(measured):
    radar, objects = (f"the source itself, held out: {name}" for name in ("radar", "objects"))
    assert measured[radar] > 0.9 > 0.5 > measured[objects] > 0.2


def test_careless_fine_tuning_is_no_better_with_statistics_anew(measured):
    row = "hot dogs, 60 per class: fine-tuned at 3e-3"
    assert measured[row + ANEW] - measured[row] < 0.02


@pytest.mark.parametrize("how", ["", ANEW])
def test_the_lowest_stage_from_objects_is_no_better_than_random_filters(measured, how):
    objects, random = (f"sea, probe on stage 1 from {w}{how}" for w in ("objects", "random"))
    assert standard_errors_between(measured, objects, random, SEA) < 2


def test_part_of_the_lead_of_the_lowest_stage_was_statistics(measured):
    old, new = (
        measured[f"sea, probe on stage 1 from radar{how}"]
        - measured[f"sea, probe on stage 1 from objects{how}"]
        for how in ("", ANEW)
    )
    assert old - new > 0.02


def test_freezing_the_kept_stage_is_no_gain(measured):
    assert measured["bottom 1 kept, frozen"] < measured["bottom 1 kept, all learn"] + 0.02


@pytest.mark.parametrize("how", ["", ANEW])
def test_freezing_all_costs_more_from_far_than_from_near(measured, how):
    near, far = (
        measured[f"freezing, {name}: none"] - measured[f"freezing, {name}: all stages{how}"]
        for name in ("from radar (near)", "from objects (far)")
    )
    assert far > near + 0.05


def test_part_of_the_cost_of_freezing_the_far_network_was_statistics(measured):
    row = "freezing, from objects (far): all stages"
    assert measured[row + ANEW] > measured[row] + 0.05


def test_frozen_networks_from_objects_are_no_better_than_frozen_random_ones(measured):
    objects, random = (
        f"freezing, from {name}: all stages{ANEW}"
        for name in ("objects (far)", "scratch (no source)")
    )
    assert abs(standard_errors_between(measured, objects, random, SEA)) < 2


def test_the_bottom_stage_alone_comes_within_the_error_of_all_layers(measured):
    bottom = "surgical, from objects: the bottom stage alone"
    row = "freezing, from objects (far): none"
    assert abs(standard_errors_between(measured, row, bottom, SEA)) < 2


def test_at_the_best_rate_the_networks_gain_no_more_than_their_error(measured):
    row = "learning rates, from radar, head first"
    best, none = f"{row}: 3e-3", f"{row}: before any step"
    assert abs(standard_errors_between(measured, best, none, SEA)) < 2
