"""Lesson 01: fine-tuning gains over three seeds; its training loop is `fit`."""

import copy

import torch

from helpers.data import loader
from helpers.models import output_layer, param_groups
from helpers.train import fit
from tests.lessons.committed import inline


def test_fine_tuning_gains_over_three_seeds(numbers):
    measured = numbers("01")
    assert measured["fine-tuned, seeds"] == 3
    assert measured["fine-tuned"] >= 0.93
    assert measured["fine-tuned"] > measured["the name hotdog comes first, no training"]
    assert measured["always the same answer"] == 0.5


def test_the_training_loop_of_the_lesson_gives_the_same_weights_as_fit(pictures, net):
    lesson, other = inline("01"), copy.deepcopy(net)
    batches = loader(pictures, 4)
    for trained in (net, other):
        trained[5].p = 0.0  # dropout draws from one generator, which the two would share
    groups = lesson["two_groups"](net, output_layer(net)[0], 0.01, 10)
    lesson["train_one_epoch"](net, batches, torch.optim.AdamW(groups))
    fit(other, batches, None, torch.optim.AdamW(param_groups(other, 0.01, 10)), 1, quiet=True)
    for a, b in zip(net.state_dict().values(), other.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b)
