"""Lesson 02 says that pretrained weights are worth many pictures: so do its outputs."""

import copy

import torch

from benchmarks import record
from helpers.data import loader
from helpers.models import keep_statistics, param_groups, replace_head
from helpers.train import evaluate, fit
from tests.lessons.test_lessons import code_cells, read

FAIR, FEATURES = "from scratch, fair", "features + linear classifier"


def test_fine_tuning_beats_scratch_under_the_same_budget_and_under_a_fair_one(numbers):
    found = numbers("02")
    assert found["always the same answer"] == 0.5
    for scratch in ("from scratch, same budget", FAIR):
        assert found[f"{scratch}, seeds"] == found["fine-tuned, seeds"] == 3
        assert found["fine-tuned"] > found[scratch] + 0.1


def test_ten_pictures_with_a_pretrained_body_beat_all_pictures_from_scratch(numbers):
    found = numbers("02")
    assert found[f"{FEATURES}, 10 pictures of a class"] > found[FAIR] + 0.03
    assert found[FEATURES] > found["fine-tuned"] - 0.04


def test_a_new_output_layer_of_zeros_has_the_loss_of_an_even_guess(pictures, net):
    head = replace_head(net, ["a", "b"])[-1]
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    loss = evaluate(net, loader(pictures, 4))["loss"]
    assert abs(loss - torch.tensor(2.0).log().item()) < 1e-6


def test_the_two_recipes_differ_in_nothing_but_weights_and_statistics():
    recipes = {}
    for cell in code_cells(read("02")):
        if cell.id == "02-whole-recipes":
            exec(cell.source.split("\n\n")[0], recipes)
    tuned, same = recipes["FINE_TUNED"], recipes["SAME_BUDGET"]
    assert {key for key in tuned if tuned[key] != same[key]} == {"weights", "keep"}


def test_fused_adamw_makes_the_steps_of_the_plain_one(pictures, net):
    other = copy.deepcopy(keep_statistics(net))
    for trained, fused in ((net, True), (other, False)):
        optimizer = torch.optim.AdamW(param_groups(trained, 1e-3), fused=fused)
        fit(trained, loader(pictures, 4, shuffle=True), None, optimizer, 1, quiet=True)
    for a, b in zip(net.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_the_text_quotes_what_was_measured_on_photographs():
    measured = record.read()["accuracy"]["results"]["02_scratch_baseline"]
    ten, scratch = measured[f"{FEATURES}, 10 pictures of a class"], measured[FAIR]
    quoted = f"{ten:.3f} from ten of a class, {scratch:.3f} from scratch with four hundred"
    assert quoted in "\n".join(cell.source for cell in read("02").cells)
