"""The course's recipe, beside the same steps in plain torch."""

import copy
import math

import pytest
import torch
from torch import nn

from helpers import data, models, recipe, train
from tests.conftest import is_a_sentence


def test_the_recipe_is_the_mean_of_the_probe_and_of_all_layers_trained_from_it(pictures, net):
    pictures = pictures.subset(range(3, 19))  # one batch, so no order
    net[5].p = 0.0  # dropout would draw other numbers
    ours = copy.deepcopy(net)
    recipe.fine_tune(ours, pictures, quiet=True)
    probe = copy.deepcopy(train.linear_probe(net, data.loader(pictures, 16)).state_dict())
    ((x, labels),) = data.loader(pictures, 16)
    models.keep_statistics(net).train()
    optimizer = torch.optim.AdamW(net.parameters(), 0)
    for step in range(10):
        fall = (1 + math.cos(math.pi * step / 10)) / 2
        optimizer.param_groups[0]["lr"] = 1e-4 * 16 / 400 * fall
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), labels).backward()
        optimizer.step()
    for name, value in net.named_parameters():
        torch.testing.assert_close(ours.state_dict()[name], (value.detach() + probe[name]) / 2)
        assert not torch.equal(value, probe[name])


def test_the_rate_rises_for_a_tenth_of_the_steps_and_falls_to_nothing():
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=2.0)
    schedule = recipe.warmup_cosine(optimizer, 100)
    rates = []
    for _ in range(100):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    assert rates[:2] == pytest.approx([0.2, 0.4], rel=1e-2)
    assert rates.index(max(rates)) == 9
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert schedule.get_last_lr()[0] == pytest.approx(0)


@pytest.mark.parametrize("steps", range(1, 31))
def test_a_run_of_any_length_learns_at_every_step_and_never_above_the_rate(steps):
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=2.0)
    schedule = recipe.warmup_cosine(optimizer, steps)
    for _ in range(steps):
        assert 0 < schedule.get_last_lr()[0] <= 2
        optimizer.step()
        schedule.step()


@pytest.mark.parametrize(("batches", "epochs"), [(3, 10), (10, 10), (25, 4), (99, 2), (125, 1)])
def test_at_least_a_hundred_steps_but_at_most_ten_epochs(batches, epochs):
    assert recipe.epochs_for(batches) == epochs


def test_the_average_lies_half_way():
    net = nn.Linear(2, 1)
    before = [p.detach().clone() for p in net.parameters()]
    recipe.average(net, [p + 2 for p in before])
    for now, was in zip(net.parameters(), before, strict=True):
        torch.testing.assert_close(now.detach(), was + 1)


def test_pictures_must_be_pictures():
    with pytest.raises(recipe.require.CourseError) as error:
        recipe.fine_tune(nn.Linear(2, 2), [1, 2])
    assert is_a_sentence(str(error.value))
