"""Lesson 09: what groups, wrong labels, the ground and the threshold do."""

import math
import re

import pytest

from helpers import alike, collection, data, grouped
from helpers.preprocess import Preprocess
from tests.lessons.committed import printed, read, standard_errors_between


@pytest.fixture
def measured(numbers):
    return numbers("09")


def numbers_in(pattern, told):
    """Returns what a pattern's groups hold in what a cell has printed."""
    return [float(number) for number in re.search(pattern, told).groups()]


def test_ignoring_groups_makes_a_score_too_good_and_keeping_them_does_not(measured):
    ignoring, keeping = (f"cross-validation that {way} groups" for way in ("ignores", "keeps"))
    at_random = "cross-validation that keeps random groups"
    assert standard_errors_between(measured, ignoring, keeping, 129) > 2
    assert standard_errors_between(measured, at_random, keeping, 129) > 2
    assert standard_errors_between(measured, ignoring, "linear probe, test", 90) > 2
    assert abs(standard_errors_between(measured, keeping, "linear probe, test", 90)) < 2


def test_planted_copies_and_wrong_labels_are_shown(measured):
    assert measured["planted copies found, share"] == 1
    assert measured["planted wrong labels among the first twelve, share"] == 1


def test_of_copies_cropped_at_an_edge_features_find_nearly_all_and_pixels_ever_fewer(measured):
    pixels, features = (
        [measured[f"cropped by {share}%: found by {way}"] for share in (3, 5, 10)]
        for way in ("pixels", "features")
    )
    assert min(features) > 0.9
    assert pixels[0] > pixels[1] > pixels[2] and pixels[1] < 0.5


def test_wrong_labels_spoil_the_score_more_than_the_probe(measured):
    as_found, corrected, learned = (
        measured[f"learned as {way}"]
        for way in (
            "found, scored as found",
            "found, scored as corrected",
            "corrected, scored as corrected",
        )
    )
    assert corrected - as_found > 0.03  # the same answers: no error between them
    again = "learned as corrected, scored as corrected"
    first = "learned as found, scored as corrected"
    assert abs(standard_errors_between(measured, again, first, 120)) < 2
    assert learned - as_found > 0.03


def test_the_probe_is_kept_where_fine_tuning_gains_less_than_twice_its_error():
    told = printed(read("09"), "09-train-better")
    gain, error, groups = numbers_in(r"gains (\S+) ± (\S+) per group, n = (\d+);", told)
    assert gain <= 2 * error and "kept: linear probe" in told
    assert f"in {groups:.0f} groups" in printed(read("09"), "09-groups-make")


def test_pictures_alike_in_their_pixels_are_copies_or_taken_seconds_apart():
    side = Preprocess(128, 146, (0.5,) * 3, (0.5,) * 3, "bicubic")  # the lesson's
    pictures, _ = collection.read(data.FOLDER / "drawn" / "lunch" / "phone", side)
    pairs = collection.near_pairs(alike.thumbnails(pictures), 0.95)
    groups = collection.groups_of(len(pictures), grouped.taken_together(pictures.files))
    times = [file.stem[-15:] for file in pictures.files]  # a copy keeps its name's
    copy = [times[i] == times[j] for _, i, j in pairs]
    assert copy == [True] * 9 + [False] * (len(pairs) - 9)
    assert all(groups[i] == groups[j] for _, i, j in pairs[9:])
    assert f"{len(pairs)} pairs at 0.95 or more" in printed(read("09"), "09-near-inline")


def test_the_ground_deceives_and_pictures_on_both_grounds_repair_it(measured):
    on_own, on_other, as_before, swapped = (
        measured[row]
        for row in (
            "looks at the ground: cross-validation",
            "looks at the ground: ground swapped",
            "both grounds: as before",
            "both grounds: swapped",
        )
    )
    error = math.sqrt(0.25 / 40)  # of an accuracy on forty pictures, at most
    assert on_own > 0.9 and on_other < 0.1
    assert on_own - as_before > 2 * error and swapped - on_other > 2 * error
    assert abs(as_before - swapped) < 2 * math.sqrt(2) * error
    assert (as_before + swapped) / 2 - 0.5 > 2 * math.sqrt(0.25 / 80)  # it knows the rolls


def test_the_two_grounds_cannot_be_told_apart_after_the_repair():
    told = printed(read("09"), "09-ground-repaired-show")
    apart, error = numbers_in(r"swapped: (\S+) ± (\S+),", told)
    assert abs(apart) < 2 * error


def test_answers_follow_the_edges_alone_before_the_repair_and_not_after_it(measured):
    other, own = (
        {
            when: measured[f"answers by the edges, middle of {which} class, {when}"]
            for when in ("before", "after")
        }
        for which in ("the other", "its own")
    )
    error = math.sqrt(0.25 / 40)  # of an accuracy on forty pictures, at most
    assert other["before"] == 1 and own["before"] == 1
    assert abs(other["after"] - 0.5) < 2 * error
    rows = [
        f"answers by the edges, middle of {which} class, after"
        for which in ("its own", "the other")
    ]
    assert standard_errors_between(measured, *rows, 40) > 2


def test_groups_are_the_rolls_and_no_pair_joins_two_of_them():
    told = printed(read("09"), "09-groups-make")
    (groups,) = numbers_in(r"in (\d+) groups", told)
    rolls, wrong, nearest = numbers_in(r"(\d+) rolls; .*: (\d+) of \d+; .*: (\S+)", told)
    assert groups == rolls and wrong == 0 and nearest < 0.85


def test_neither_out_of_fold_nor_on_test_pictures_is_overconfidence_larger_than_its_error():
    told = printed(read("09"), "09-decide-threshold"), printed(read("09"), "09-test-policies")
    for text in told:
        gap, error = numbers_in(r"(?:difference|lower by) (\S+) ± (\S+)", text)
        assert 0 < gap < 2 * error


def test_test_pictures_do_not_tell_the_price_of_the_formula_from_the_lowest_out_of_fold(measured):
    told = printed(read("09"), "09-test-policies")
    lines = re.findall(r"ask below \S+: (\S+) ± (\S+) per", told)
    _, (formula, f), (lowest, g) = ([float(n) for n in line] for line in lines)
    assert abs(lowest - formula) < 2 * math.hypot(f, g)
    assert measured["kept, test, of those it answers"] == 1 and "refused" in told


def test_it_is_better_on_what_it_answers_and_refuses_most_strangers(measured):
    answered, all_of_them = "kept, test, of those it answers", "linear probe, test"
    assert measured[answered] > measured[all_of_them]
    assert measured["strangers refused, share"] > 0.7


def test_the_kept_network_gives_the_same_bits_in_another_process():
    assert "process: True" in printed(read("09"), "09-keep-load")


def test_8_bits_take_a_third_of_the_size_at_most_and_change_accuracy_by_less_than_its_error(
    measured,
):
    if "ONNX, int8: test accuracy" not in measured:
        pytest.skip("without onnxruntime")
    eight, exact = (f"{name}: test accuracy" for name in ("ONNX, int8", "PyTorch"))
    assert measured["ONNX, int8: size in megabytes"] < measured["ONNX: size in megabytes"] / 3
    assert abs(standard_errors_between(measured, eight, exact, 90)) < 1
    assert measured["ONNX: test accuracy"] == measured[exact]


def test_on_the_page_8_bits_have_no_lower_accuracy_and_six_other_answers():
    exact, _, eight = printed(read("09"), "09-onnx-compare").splitlines()
    before, after = (
        float(re.search(r"accuracy (\S+), n = 90 test pictures", line)[1])
        for line in (exact, eight)
    )
    assert after >= before and "6 other answers" in eight


def test_the_learning_curve_starts_low_and_is_judged_by_its_last_doubling(measured):
    said = printed(read("09"), "09-more-curve")
    gain, error = map(float, re.findall(r"-?0\.\d+", said))
    assert ("more would help" in said) == (gain > 2 * error)
    assert gain == pytest.approx(measured["learning curve: what the last doubling added"], abs=1e-3)


def test_the_kept_network_has_nothing_on_its_card_that_was_not_measured(measured):
    card = printed(read("09"), "09-keep-save")
    assert f"| {measured['linear probe, test']:.3g} | 90 |" in card
