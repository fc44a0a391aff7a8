"""Lesson 06: what features, stopping and temperature do, and that its functions are right."""

import copy

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss
from torch import nn

from helpers import data, models, train
from tests.conftest import committed
from tests.lessons.test_lessons import inline, read

ONE, TWO = "one layer on features", "two layers on features"
STIFF, LATE = "logistic regression, C = 0.01", "two layers, to the end"


def some_probabilities(n: int, classes: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Probabilities that are right more often than not, and the right classes."""
    generator = torch.Generator().manual_seed(seed)
    answers = torch.arange(n) % classes
    logits = torch.randn(n, classes, generator=generator)
    logits[range(n), answers] += 1.5
    return logits.softmax(1), answers


def test_the_log_loss_of_the_lesson_is_that_of_scikit_learn():
    probabilities, answers = some_probabilities(40, 4)
    ours = inline("06")["log_loss"](probabilities, answers)
    assert ours == pytest.approx(log_loss(answers, probabilities.double().numpy()), abs=1e-5)
    certain = torch.tensor([[1.0, 0.0]])
    assert inline("06")["log_loss"](certain, torch.tensor([1])) == pytest.approx(34.54, abs=0.01)


def test_the_temperature_undoes_what_made_the_answers_too_sure_or_too_modest():
    lesson = inline("06", F=nn.functional)
    probabilities, answers = some_probabilities(400, 5)
    own = lesson["find_temperature"](probabilities, answers)
    for factor in (0.5, 3.0):
        other = (probabilities.log() * factor).softmax(1)
        assert lesson["find_temperature"](other, answers) == pytest.approx(own * factor, rel=0.03)
        back = lesson["at_temperature"](other, own * factor)
        torch.testing.assert_close(back, lesson["at_temperature"](probabilities, own))
        assert torch.equal(other.argmax(1), back.argmax(1))


def test_an_output_layer_on_features_says_what_the_whole_network_says(pictures, net):
    batches = data.loader(pictures, 4)
    features, _ = train.extract_features(net, batches)
    torch.manual_seed(1)
    head = nn.Linear(features.shape[1], 2)
    whole = models.replace_head(copy.deepcopy(net), ["a", "b"])
    models.output_layer(whole)[1].load_state_dict(head.state_dict())
    apart = head(features).softmax(1)
    torch.testing.assert_close(train.predict(whole, batches), apart.detach())


def test_a_layer_trained_on_features_is_a_layer_trained_in_a_frozen_network(pictures, net):
    """Four epochs over whole batches: the order of the pictures plays no part."""
    net = models.replace_head(net, ["a", "b"])
    for parameter in net[0].parameters():
        parameter.requires_grad = False
    features, labels = train.extract_features(net, data.loader(pictures, len(pictures)))
    head, whole = copy.deepcopy(models.output_layer(net)[1]), models.keep_statistics(net)
    whole[5].p = 0.0
    optimizer = torch.optim.SGD(models.output_layer(whole)[1].parameters(), 0.1)
    train.fit(whole, data.loader(pictures, len(pictures)), None, optimizer, 4, quiet=True)
    optimizer = torch.optim.SGD(head.parameters(), 0.1)
    for _ in range(4):
        optimizer.zero_grad()
        nn.functional.cross_entropy(head(features), labels).backward()
        optimizer.step()
    torch.testing.assert_close(models.output_layer(whole)[1].weight, head.weight)


def test_the_submission_knows_breeds_and_the_whole_game_takes_seconds(numbers):
    found = numbers("06")
    nothing = found["equal probabilities, log-loss"]
    for name in ("the whole game: first submission", "chosen, retrained on all"):
        assert found[f"{name}, test accuracy"] > 0.85
        assert found[f"{name}, test log-loss"] < nothing / 4
    assert found["chosen, retrained on all, test log-loss, seeds"] == 5
    assert found["seconds from JPEG files to a valid submission"] < 90


def test_two_layers_become_over_confident(numbers):
    found = numbers("06")
    late = next(
        k for k in found if k.startswith(f"{TWO}, out of fold, after") and "epochs" in k[-6:]
    )
    assert found[late] - found[f"{TWO}, out of fold"] > 0.01


def test_features_are_the_better_input_and_a_second_layer_is_no_gain(numbers):
    found = numbers("06")
    best = {k.removesuffix(", out of fold"): v for k, v in found.items()}
    assert best[ONE] < best["one layer on 1,000 outputs"] - 0.01
    assert best[TWO] < best["two layers on 1,000 outputs, the book's"] - 0.01
    assert best[ONE] < best[TWO] + 0.01


def test_a_temperature_repairs_the_stiff_and_the_over_trained_network(numbers):
    found, end = numbers("06"), "out of fold (first seed)"
    gain = {n: found[f"{n}, {end}"] - found[f"{n}, with temperature, {end}"] for n in (STIFF, LATE)}
    assert gain[STIFF] > 0.1
    assert gain[LATE] > 0.01


def test_six_views_gain_on_drawings():
    found = committed("06")
    six = found["one layer, six views to train and to ask, out of fold"]
    assert six < found[f"{ONE}, out of fold"] - 0.03


def test_training_gains_on_drawings_that_no_network_has_seen():
    found = committed("06")
    untrained = found["the old rows, no training, all labelled pictures: accuracy"]
    assert found["trained on your pictures, out of fold: accuracy"] > untrained + 0.15


def test_the_table_of_costs_is_right_about_where_the_best_sureness_is():
    text = "\n".join(cell.source for cell in read("06").cells)
    sure = np.linspace(0.5, 0.999, 500)
    cost = -0.9 * np.log(sure) - 0.1 * np.log((1 - sure) / 9)
    assert sure[cost.argmin()] == pytest.approx(0.9, abs=0.002)
    assert f"-log 0.80 = {-np.log(0.8):.2f}" in text
    assert f"costs -log 0.022 = {-np.log(0.2 / 9):.1f}" in text
