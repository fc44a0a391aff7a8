"""Lesson 05: its network is a ResNet, and its experiments show what it says of them."""

import re

import pytest
import torch
from torch import nn
from torchvision.models import resnet18

from tests.lessons.committed import inline, printed, read, standard_errors_between

TEST = 1000  # pictures
PIXELS, FEATURES = "linear classifier on pixels", "linear classifier on features"
TRAIN, ALL = "from scratch, learned from train", "from scratch, learned from train_valid"
PARTS = {"bn1": "norm1", "bn2": "norm2", "downsample": "short"}  # torchvision's names and ours


@pytest.fixture
def measured(numbers):
    return numbers("05")


def accuracies(cell_id: str) -> dict[str, float]:
    """Returns the first fraction in each line that a cell has printed, by what stands before it."""
    text = printed(read("05"), cell_id)
    lines = re.findall(r"^(.*?)\s+(?:accuracy )?(\d\.\d\d)", text, flags=re.M)
    return {name: float(value) for name, value in lines}


def test_pretrained_weights_beat_everything_from_scratch(measured):
    assert {measured[f"{name}, seeds"] for name in (TRAIN, ALL, "fine-tuned")} == {3}
    for pretrained in (FEATURES, "fine-tuned"):
        for other in (TRAIN, ALL, PIXELS):
            assert standard_errors_between(measured, pretrained, other, TEST) > 5


def test_training_again_on_everything_gains(measured):
    assert standard_errors_between(measured, ALL, TRAIN, TEST) > 2


def test_the_network_of_the_lesson_is_torchvisions_resnet18_with_a_small_stem():
    torch.manual_seed(0)
    theirs = resnet18(num_classes=10)
    theirs.conv1, theirs.maxpool = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Identity()
    ours = inline("05", names=list(range(10)))["resnet"](64, 2, (1, 2, 2, 2))
    ours[0].load_state_dict(theirs.conv1.state_dict())
    ours[1].load_state_dict(theirs.bn1.state_dict())
    blocks = [block for n in range(1, 5) for block in getattr(theirs, f"layer{n}")]
    for our_block, block in zip(ours[3:11], blocks, strict=True):
        values = {}
        for name, value in block.state_dict().items():
            part, rest = name.split(".", 1)
            values[f"{PARTS.get(part, part)}.{rest}"] = value
        our_block.load_state_dict(values)
    ours[-1].load_state_dict(theirs.fc.state_dict())
    x = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x), rtol=1e-4, atol=1e-4)


def test_prediction_without_the_normalisation_of_training_costs_accuracy():
    cost = accuracies("05-numbers-cost")
    assert cost["none"] < cost["the same as in training"] - 0.1


def test_weight_decay_shortens_weights_and_learning_rate_decay_the_steps():
    text = printed(read("05"), "05-decay-run")
    rows = re.findall(r"^([a-z -]+?) +length.* to (\S+), .* (\S+)$", text, flags=re.M)
    weights = {name: float(length) for name, length, _ in rows}
    steps = {name: float(length) for name, _, length in rows}
    assert max(weights["weight decay"], weights["both"]) < 0.95 * weights["neither"]
    assert weights["learning-rate decay"] > 0.95 * weights["neither"]
    assert weights["both"] > weights["weight decay"]
    assert max(steps["learning-rate decay"], steps["both"]) < 0.05 * steps["neither"]


def test_pictures_that_were_learned_look_easier_than_held_out_ones():
    text = printed(read("05"), "05-retrain-valid")
    held_out, learned = (float(line.split(":")[1].split()[0]) for line in text.splitlines())
    assert learned > held_out + 0.05


@pytest.mark.trap("predicting in train mode")
@pytest.mark.parametrize("batches", ["sorted by class", "batches of 1"])
def test_in_train_mode_the_neighbours_decide(batches):
    accuracy = accuracies("05-eval-run")
    assert accuracy[f"train mode, {batches}"] < accuracy["eval mode"] - 0.05


@pytest.mark.trap("ids 1, 10, 100, 2")
def test_answers_joined_by_position_are_a_guess():
    by_id, by_position = re.findall(r"\d\.\d\d", printed(read("05"), "05-ids-text"))
    assert float(by_position) < float(by_id) - 0.05
