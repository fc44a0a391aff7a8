"""Lesson 06: what its first submission scores, and what it says about files and log-loss."""

import pytest
import torch
from sklearn.metrics import log_loss

from tests.conftest import committed_numbers
from tests.lessons.committed import inline


@pytest.fixture
def measured(numbers):
    return numbers("06")


def test_the_log_loss_of_the_lesson_is_that_of_scikit_learn():
    answers = torch.arange(40) % 4
    noise = torch.randn(40, 4, generator=torch.Generator().manual_seed(0)).double()
    noise[range(40), answers] += 1.5
    probabilities, ours = noise.softmax(1), inline("06")["log_loss"]
    expected = log_loss(answers, probabilities.numpy())
    assert ours(probabilities, answers) == pytest.approx(expected, abs=1e-6)
    certain_and_wrong = ours(torch.tensor([[1.0, 0.0]]), torch.tensor([1]))
    assert certain_and_wrong == pytest.approx(34.54, abs=0.01)


def test_the_first_submission_knows_breeds(measured):
    name = "the whole game: first submission"
    assert measured[f"{name}, test accuracy"] > 0.9
    assert measured[f"{name}, test log-loss"] < measured["equal probabilities, log-loss"] / 4


def test_two_swapped_columns_cost_far_more_than_the_network_s_own_mistakes(measured):
    swapped = measured["two columns swapped, validation pictures: log-loss"]
    assert swapped > 4 * measured["validation pictures: log-loss"]


def test_a_few_pictures_make_most_of_the_log_loss():
    measured = committed_numbers("06")
    assert measured["share of the log-loss that a twentieth of the pictures makes"] > 0.5


def test_validation_said_what_the_test_pictures_score():
    measured = committed_numbers("06")
    names = "the whole game: first submission, test log-loss", "validation pictures: log-loss"
    error = sum(measured[f"{name}, its standard error over pictures"] ** 2 for name in names) ** 0.5
    assert abs(measured[names[0]] - measured[names[1]]) < 2 * error
