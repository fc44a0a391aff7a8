"""Lesson 10: folds, ensembles, temperature, wrong labels, copies, leaderboards: their effects."""

import re

import pytest
import torch
from torch import nn

from benchmarks.record import read as recorded
from tests.conftest import committed_numbers
from tests.lessons.committed import inline, printed, prose, read, standard_errors_between

PICTURES, TEST_PICTURES = 600, 400
ONE, TWO = "one layer on features", "two layers on features"


@pytest.fixture
def measured(numbers):
    return numbers("10")


def over_seeds(measured: dict, row: str) -> float:
    """Returns how many standard errors over seeds a row of differences is above 0."""
    error = measured[f"{row}, standard deviation"] / measured[f"{row}, seeds"] ** 0.5
    return measured[row] / error


def over_pictures(measured: dict, row: str) -> float:
    """Returns how many standard errors over pictures a gain is above 0."""
    return measured[row] / measured[f"{row}: its standard error"]


def some_probabilities(n: int, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns probabilities that are right more often than not, and the right classes."""
    answers = torch.arange(n) % classes
    noise = torch.randn(n, classes, generator=torch.Generator().manual_seed(0)).double()
    noise[range(n), answers] += 1.5
    return noise.softmax(1), answers


def functions() -> dict:
    return inline("10", F=nn.functional)


@pytest.mark.parametrize("factor", [0.5, 3.0])
def test_the_temperature_undoes_what_made_the_answers_too_sure_or_too_modest(factor):
    lesson = functions()
    probabilities, answers = some_probabilities(400, 5)
    own = lesson["find_temperature"](probabilities, answers)
    changed = (probabilities.log() * factor).softmax(1)
    assert lesson["find_temperature"](changed, answers) == pytest.approx(own * factor, rel=0.03)
    back = lesson["at_temperature"](changed, own * factor)
    torch.testing.assert_close(back, lesson["at_temperature"](probabilities, own))
    assert torch.equal(changed.argmax(1), back.argmax(1))


def test_a_geometric_mean_is_the_softmax_of_mean_logits():
    lesson = functions()
    logits = torch.randn(3, 40, 5, generator=torch.Generator().manual_seed(1))
    mean = lesson["geometric"](logits.softmax(2))
    torch.testing.assert_close(mean, logits.mean(0).softmax(1))
    first = lesson["geometric"](logits.softmax(2), torch.tensor([1.0, 0, 0]))
    torch.testing.assert_close(first, logits[0].softmax(1))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_member_that_guesses_gets_no_weight(share):
    probabilities, answers = some_probabilities(400, 5)
    guesses = torch.rand(400, 5, generator=torch.Generator().manual_seed(1)).softmax(1)
    lesson = functions()
    sharp = (2 * probabilities.log()).softmax(1).float()
    trained, old = (sharp, guesses) if share == 0 else (guesses, sharp)
    assert lesson["find_weight"](trained, old, answers) == pytest.approx(share, abs=0.5)


def test_two_layers_become_over_confident(measured):
    assert over_seeds(measured, f"{TWO}: rise from the best epoch to the last") > 2


def test_features_are_the_better_input_and_a_second_layer_is_no_gain(measured):
    one, two = measured[f"{ONE}, out of fold"], measured[f"{TWO}, out of fold"]
    assert one < measured["one layer on 1,000 outputs, out of fold"] - 0.01
    assert two < measured["two layers on 1,000 outputs, the book's, out of fold"] - 0.01
    assert one < two + 0.01


def test_a_temperature_repairs_the_stiff_network_and_gains_nothing_that_counts_elsewhere():
    measured = committed_numbers("10")
    gain = "gain of a temperature, {} (first seed)"
    assert over_pictures(measured, gain.format("logistic regression, C = 0.01")) > 2
    for network in ("two layers, stopped", "two layers, to the end", "your choice, six views"):
        assert abs(over_pictures(measured, gain.format(network))) < 2


def test_the_stopped_network_needs_less_of_a_temperature_than_the_one_trained_to_the_end():
    measured = committed_numbers("10")
    assert over_pictures(measured, "temperature, two layers, to the end over stopped") > 2
    for network, side in (("logistic regression, C = 0.01", -1), ("two layers, to the end", 1)):
        row = f"temperature of {network} (first seed)"
        assert side * (measured[row] - 1) > 2 * measured[f"{row}: its standard error"]


@pytest.mark.parametrize(
    "row",
    [
        "gain of six views",
        "gain of three seeds over one",
        "gain of the geometric mean of the sources",
        "gain of the last submission, out of fold",
        "what copies hide",
    ],
)
def test_a_gain_that_the_lesson_counts_is_above_twice_its_error(row):
    assert over_pictures(committed_numbers("10"), row) > 2


def test_training_gains_on_drawings_that_no_network_has_seen():
    measured = committed_numbers("10")
    untrained, trained = (
        "lite0, old rows, out of fold: accuracy",
        "lite0, trained, out of fold: accuracy",
    )
    assert standard_errors_between(measured, trained, untrained, PICTURES) > 5


def test_what_is_handed_in_was_the_best_out_of_fold():
    measured = committed_numbers("10")
    losses = {k: v for k, v in measured.items() if k.endswith(", out of fold: log-loss")}
    assert measured["handed in, out of fold: log-loss"] == min(losses.values())


def test_the_lesson_ends_with_the_file_of_the_best_and_what_to_expect_of_it():
    measured, text = committed_numbers("10"), printed(read("10"), "10-hand-in-code")
    best, loss = re.fullmatch(r"dog_breeds\.csv: (.*), out of fold (\S+)\n", text).groups()
    assert float(loss) == pytest.approx(measured[f"{best}, out of fold: log-loss"], abs=1e-3)
    assert float(loss) == pytest.approx(measured["handed in, out of fold: log-loss"], abs=1e-3)


def test_more_pictures_of_your_own_choose_better_than_few_public_ones():
    row = "places by which your own pictures choose better"
    assert over_pictures(committed_numbers("10"), row) > 2


def test_the_test_pictures_rank_the_two_submissions_as_the_folds_did():
    measured = committed_numbers("10")
    assert measured["last submission, test log-loss"] < measured["baseline, test log-loss"]


def test_the_geometric_mean_beats_the_plain_one():
    assert over_pictures(committed_numbers("10"), "gain of the geometric mean over the plain") > 2


def test_it_is_not_settled_that_the_geometric_mean_beats_the_plain_one_with_a_temperature():
    (line,) = re.findall("over plain with .*", printed(read("10"), "10-ensemble-means"))
    gain, error = re.search(r"gain \+(\S+) ± (\S+):", line).groups()
    assert abs(float(gain)) < 2 * float(error)
    assert f"the lead is {gain} ± {error} and does not count" in prose(read("10"))


def test_a_temperature_does_harm_where_there_is_little_to_repair():
    measured = committed_numbers("10")
    with_one = measured["all trained, temperature, out of fold: log-loss"]
    assert with_one > measured["all trained, out of fold: log-loss"]


def test_wrong_labels_at_random_are_easier_to_find_than_likely_ones():
    measured = committed_numbers("10")
    easy, hard = (
        f"wrong labels found, {kind}" for kind in ("any other breed", "the breed next likely")
    )
    variance = sum(measured[f"{row}, standard deviation"] ** 2 / 5 for row in (easy, hard))
    assert measured[easy] - measured[hard] > 2 * variance**0.5
    assert measured[hard] > 0.5  # by chance it would be 0.05


def test_nearly_all_of_the_nearest_pairs_are_copies(measured):
    assert measured["nearest pairs that are copies"] > 0.9


def test_a_public_winner_falls():
    measured = committed_numbers("10")
    place = "private place of the public winner"
    assert measured[place] - 2 > 2 * measured[f"{place}: its standard error"]
    assert measured["public winners that win"] < 0.5


def test_folds_that_keep_copies_together_come_nearer_to_the_cost_without_copies():
    text = printed(read("10"), "10-copies-run")
    torn, together = map(float, re.search(r"looking (\S+), copies together (\S+),", text).groups())
    without = float(re.search(r"planted: (\S+)", text)[1])
    assert without > 3 * torn
    assert abs(together - without) < abs(torn - without) / 2


def test_the_lesson_quotes_what_a_larger_size_gives_on_photographs():
    measured, text = recorded()["larger"]["results"], prose(read("10"))
    last = recorded()["accuracy"]["results"]["10_kaggle_last_points"]
    assert f"has a log-loss of {last['last submission, test log-loss']:.3f}" in text
    rows = "dog breeds, ImageNet's rows"
    for how in ("no temperature, labelled", "temperature, labelled", "temperature, test"):
        before, after = (measured[f"{rows} at {side} px, {how}"][0] for side in (224, 288))
        gain = f"{rows}, gain of 288 px, {how}"
        value, error = measured[gain][0], measured[f"{gain}: standard error"][0]
        sign = "+" if value > 0 else "−"
        quoted = f"{before:.3f} | {after + 1e-6:.3f} | {sign}{abs(value):.3f} ± {error:.3f}"
        assert quoted in text
        assert (value < -2 * error) == (how == "no temperature, labelled")
