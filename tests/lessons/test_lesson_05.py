"""Lesson 05: its network is a ResNet, its texts say what its cells printed, its test comes last."""

import math
import re

import pytest
import torch
from torch import nn
from torchvision.models import resnet18

from tests.lessons.test_lessons import code_cells, inline, read

PIXELS, FEATURES = "linear classifier on pixels", "linear classifier on features"
TRAIN, ALL = "from scratch, learned from train", "from scratch, learned from train_valid"

NAMES = {"bn1": "norm1", "bn2": "norm2", "downsample": "short"}  # torchvision's and ours


def printed(cell_id: str) -> str:
    (cell,) = [c for c in code_cells(read("05")) if c.id == cell_id]
    return "".join(output.get("text", "") for output in cell.outputs)


def prose() -> str:
    return "\n".join(c.source for c in read("05").cells if c.cell_type == "markdown")


def accuracies(cell_id: str) -> dict[str, float]:
    """{line without its numbers: the first fraction in it}"""
    lines = re.findall(r"^(.*?)\s+(?:validation )?(?:accuracy )?(\d\.\d\d)", printed(cell_id), re.M)
    return {name: float(value) for name, value in lines}


def test_pretrained_weights_beat_everything_from_scratch(numbers):
    found = numbers("05")
    best = max(found[TRAIN], found[ALL], found[PIXELS])
    assert found[FEATURES] > best + 0.15
    assert found["fine-tuned"] > best + 0.2
    assert found["fine-tuned"] > found[FEATURES] - 0.06  # on drawings a toss


def test_scratch_has_learned_and_retraining_costs_nothing(numbers):
    found = numbers("05")
    for name in (TRAIN, ALL, "fine-tuned"):
        assert found[f"{name}, seeds"] == 3
    assert found[TRAIN] > 0.25
    assert found[ALL] > found[TRAIN] - 0.06


def test_the_network_of_the_lesson_is_a_resnet():
    """Wide, with two blocks and four stages it is torchvision's ResNet-18 with a small stem."""
    torch.manual_seed(0)
    theirs = resnet18(num_classes=10)
    theirs.conv1, theirs.maxpool = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Identity()
    ours = inline("05", names=list(range(10)))["resnet"](64, 2, (1, 2, 2, 2))
    ours[0].load_state_dict(theirs.conv1.state_dict())
    ours[1].load_state_dict(theirs.bn1.state_dict())
    blocks = [block for n in range(1, 5) for block in getattr(theirs, f"layer{n}")]
    for mine, block in zip(ours[3:11], blocks, strict=True):
        values = {}
        for name, value in block.state_dict().items():
            part, rest = name.split(".", 1)
            values[f"{NAMES.get(part, part)}.{rest}"] = value
        mine.load_state_dict(values)
    ours[-1].load_state_dict(theirs.fc.state_dict())
    x = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x), rtol=1e-4, atol=1e-4)


def test_the_std_of_single_pictures_is_smaller_than_that_of_all_pixels():
    rows = [
        [float(v) for v in re.findall(r"\d\.\d+", line)]
        for line in printed("05-numbers-code").splitlines()
    ]
    assert all(a > b for a, b in zip(rows[1], rows[2], strict=True))
    cost = accuracies("05-numbers-cost")
    assert cost["none"] < cost["the same as in training"] - 0.1


def test_weight_decay_shrinks_by_rate_times_decay():
    text = printed("05-decay-one-run")
    assert "0.995" in text and "0.9995" in text
    assert round((1 - 0.1 * 0.05) ** 100, 3) == 0.606 and "0.606" in text


def test_weight_decay_shortens_weights_and_learning_rate_decay_the_steps():
    rows = re.findall(r"^([a-z -]+?) +length.* to (\S+), .* (\S+)$", printed("05-decay-run"), re.M)
    weights = {name: float(length) for name, length, _ in rows}
    steps = {name: float(length) for name, _, length in rows}
    assert max(weights["weight decay"], weights["both"]) < 0.95 * weights["neither"]
    assert weights["learning-rate decay"] > 0.95 * weights["neither"]
    assert weights["both"] > weights["weight decay"]
    assert max(steps["learning-rate decay"], steps["both"]) < 0.05 * steps["neither"]


def test_pictures_that_were_learned_measure_nothing():
    held_out, learned = (
        float(line.split(":")[1].split()[0]) for line in printed("05-retrain-valid").splitlines()
    )
    assert learned > held_out + 0.05


@pytest.mark.trap("predicting in train mode")
def test_in_train_mode_the_neighbours_decide():
    found = accuracies("05-eval-run")
    assert found["train mode, sorted by class"] < found["eval mode"] - 0.05
    assert found["train mode, batches of 1"] < found["eval mode"] - 0.05


@pytest.mark.trap("ids 1, 10, 100, 2")
def test_answers_by_position_are_a_guess():
    by_id, by_position = re.findall(r"\d\.\d\d", printed("05-ids-text"))
    assert float(by_position) < float(by_id) - 0.05


@pytest.mark.trap("leaks: the test set watched every epoch")
def test_the_answers_are_opened_after_the_last_decision():
    cells = code_cells(read("05"))
    users = [c.id for c in cells if "find_answers" in c.source or "kaggle.score" in c.source]
    assert users == ["05-test-hand-in"]
    ids = [c.id for c in cells]
    assert ids.index("05-choose-best") < ids.index("05-test-hand-in")


@pytest.mark.trap("summed loss: the learning rate changes with the batch size")
def test_the_book_is_quoted_with_the_right_numbers():
    text = prose()
    assert math.isclose(2e-4 * 32, 6.4e-3) and "6.4e-3" in text
    assert round(5e-4 / 32, 6) == 1.6e-5 and "1.6e-5" in text
    assert round(0.9**4, 2) == 0.66 and "0.66" in text
