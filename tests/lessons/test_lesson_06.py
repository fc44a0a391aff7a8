"""Lesson 06: what features, stopping and temperature do; its functions against oracles."""

import pytest
import torch
from sklearn.metrics import log_loss
from torch import nn

from tests.conftest import committed_numbers
from tests.lessons.committed import inline, standard_errors_between

PICTURES = 600
ONE, TWO = "one layer on features", "two layers on features"


@pytest.fixture
def measured(numbers):
    return numbers("06")


def over_seeds(measured: dict, row: str) -> float:
    """Returns how many standard errors over seeds a row of differences is above 0."""
    error = measured[f"{row}, standard deviation"] / measured[f"{row}, seeds"] ** 0.5
    return measured[row] / error


def some_probabilities(n: int, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns probabilities that are right more often than not, and the right classes."""
    answers = torch.arange(n) % classes
    noise = torch.randn(n, classes, generator=torch.Generator().manual_seed(0)).double()
    noise[range(n), answers] += 1.5
    return noise.softmax(1), answers


def test_the_log_loss_of_the_lesson_is_that_of_scikit_learn():
    probabilities, answers = some_probabilities(40, 4)
    ours = inline("06")["log_loss"]
    expected = log_loss(answers, probabilities.numpy())
    assert ours(probabilities, answers) == pytest.approx(expected, abs=1e-6)
    certain_and_wrong = ours(torch.tensor([[1.0, 0.0]]), torch.tensor([1]))
    assert certain_and_wrong == pytest.approx(34.54, abs=0.01)


@pytest.mark.parametrize("factor", [0.5, 3.0])
def test_the_temperature_undoes_what_made_the_answers_too_sure_or_too_modest(factor):
    lesson = inline("06", F=nn.functional)
    probabilities, answers = some_probabilities(400, 5)
    own = lesson["find_temperature"](probabilities, answers)
    changed = (probabilities.log() * factor).softmax(1)
    assert lesson["find_temperature"](changed, answers) == pytest.approx(own * factor, rel=0.03)
    back = lesson["at_temperature"](changed, own * factor)
    torch.testing.assert_close(back, lesson["at_temperature"](probabilities, own))
    assert torch.equal(changed.argmax(1), back.argmax(1))


@pytest.mark.parametrize("name", ["the whole game: first submission", "chosen, retrained on all"])
def test_a_submission_knows_breeds(measured, name):
    assert measured[f"{name}, test accuracy"] > 0.9
    assert measured[f"{name}, test log-loss"] < measured["equal probabilities, log-loss"] / 4


def test_two_layers_become_over_confident(measured):
    assert over_seeds(measured, f"{TWO}: rise from the best epoch to the last") > 2


def test_features_are_the_better_input_and_a_second_layer_is_no_gain(measured):
    one, two = measured[f"{ONE}, out of fold"], measured[f"{TWO}, out of fold"]
    assert one < measured["one layer on 1,000 outputs, out of fold"] - 0.01
    assert two < measured["two layers on 1,000 outputs, the book's, out of fold"] - 0.01
    assert one < two + 0.01


@pytest.mark.parametrize(
    ("network", "gain"), [("logistic regression, C = 0.01", 0.05), ("two layers, to the end", 0.01)]
)
def test_a_temperature_repairs_the_stiff_and_the_over_trained_network(measured, network, gain):
    without = measured[f"{network}, out of fold (first seed)"]
    assert measured[f"{network}, with temperature, out of fold (first seed)"] < without - gain


def test_six_views_gain_in_cross_validation_on_drawings():
    measured = committed_numbers("06")
    assert over_seeds(measured, "gain of six views over the centre, seed by seed") > 2


def test_the_test_pictures_do_not_show_a_gain_and_the_lesson_says_so():
    measured = committed_numbers("06")
    gain = measured["gain on the test, picture by picture: log-loss"]
    assert gain < 2 * measured["its standard error: log-loss"]


def test_training_gains_on_drawings_that_no_network_has_seen():
    measured = committed_numbers("06")
    untrained = "the old rows, no training, all labelled pictures: accuracy"
    trained = "trained on your pictures, out of fold: accuracy"
    assert standard_errors_between(measured, trained, untrained, PICTURES) > 5
