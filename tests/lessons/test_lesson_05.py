"""Lesson 05: its network is a ResNet, and its experiments show what it says of them."""

import re
from dataclasses import replace
from statistics import mean, stdev
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torchvision.models import resnet18

from benchmarks.record import read as recorded
from helpers import data
from tests.conftest import committed_numbers
from tests.lessons.committed import inline, printed, prose, read, standard_errors_between

TEST = 1000  # pictures
PIXELS, FEATURES = "linear classifier on pixels", "linear classifier on features"
TOP, THREE = "ensemble of three", "lite0, lite1, lite2"
TRAIN, ALL = "from scratch, learned from train", "from scratch, learned from train_valid"
EQUAL, LONGER = "from scratch, train_valid, equal steps", "from scratch, train, more steps"
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
    for pretrained in (FEATURES, "fine-tuned", TOP):
        for other in (TRAIN, ALL, PIXELS):
            assert standard_errors_between(measured, pretrained, other, TEST) > 5


def gained(method: str, than: str) -> float:
    """Returns a gain on the test pictures in standard errors, as the paired test has found it."""
    numbers, row = committed_numbers("05"), f"{method} over {than}"
    return numbers[row] / numbers[f"{row}: its standard error"]


@pytest.mark.parametrize("than", [FEATURES, "fine-tuned"])
def test_the_ensemble_is_above_every_other_rung_picture_by_picture(than):
    assert gained(TOP, than) > 2


def test_training_again_on_everything_gains():
    assert gained(ALL, TRAIN) > 2


def test_the_controls_say_that_the_steps_gain_and_not_that_the_pictures_do():
    assert gained(LONGER, TRAIN) > 2
    assert gained(EQUAL, TRAIN) < 2
    assert gained(ALL, LONGER) < 2
    before, fewer, longer, all_of_them = map(
        int, re.findall(r"(\d+) steps", printed(read("05"), "05-retrain-control"))
    )
    assert abs(fewer / before - 1) < 0.05
    assert abs(longer / all_of_them - 1) < 0.05


def test_fine_tuning_is_not_shown_to_gain_over_the_linear_classifier():
    assert gained("fine-tuned", FEATURES) < 2


def test_averaged_weights_are_level_with_the_schedule():
    _, gain, error = ladder()["small ResNet, EMA", "none", 1]
    assert abs(gain) < 2 * error


def test_a_paired_error_is_smaller_than_that_of_two_independent_accuracies():
    numbers = committed_numbers("05")
    alone = standard_errors_between(numbers, TOP, "fine-tuned", TEST)
    assert gained(TOP, "fine-tuned") > 2 > alone


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


@pytest.mark.trap("normalisation of another network")
def test_each_source_of_the_ensemble_is_asked_about_pictures_with_its_own_numbers():
    numbers = {"dark": (0.2, 0.1), "light": (0.8, 0.4)}  # mean, standard deviation of a channel

    def pretrained(source):
        mean, std = ((value,) * 3 for value in numbers[source])
        return SimpleNamespace(preprocess=replace(wants, mean=mean, std=std))

    wants = data.Preprocess(2, 2, (0, 0, 0), (1, 1, 1), "bicubic")
    grey = [torch.full((3, 2, 2), 102, dtype=torch.uint8)]
    pictures = data.Pictures(["1.png"], torch.tensor([0]), ["cat"], wants, grey)
    lesson = inline(
        "05",
        names=["cat"],
        replace=replace,
        data=data,
        models=SimpleNamespace(load_pretrained=pretrained),
        train=SimpleNamespace(predict=lambda net, batches: next(iter(batches))[0].mean()),
        enlarged=lambda source: source,
        put_head=lambda source, classifier: classifier,
    )
    said, together = lesson["ensemble"](dict.fromkeys(numbers), pictures)
    means = [(0.4 - mean) / std for mean, std in numbers.values()]
    assert [value.item() for value in said.values()] == pytest.approx(means, abs=1e-3)
    assert together.item() == pytest.approx(sum(means) / 2, abs=1e-3)
    assert pictures.preprocess == wants


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


def ladder() -> dict[tuple[str, str, int], tuple[float, float, float]]:
    """Returns {(method, source, views): (accuracy, gain over the best run above, its error)}."""
    cell = next(cell for cell in read("05").cells if cell.id == "05-ladder-ensemble")
    (table,) = (
        output.data["text/html"]
        for output in cell.outputs
        if "<th>gain</th>" in output.get("data", {}).get("text/html", "")
    )
    rungs = {}
    for row in re.findall(r"<tr>(.*?)</tr>", table, re.S):
        if found := re.findall(r"<td>(.*?)</td>", row):
            method, source, _, views, *numbers = found
            rungs[method, source, int(views)] = tuple(map(float, numbers))
    return rungs


def test_the_pretrained_source_and_the_ensemble_are_the_steps_that_gain():
    rungs = ladder()
    assert len(rungs) == 11
    for step in (
        ("linear classifier", "efficientnet_lite0", 1),
        ("ensemble of three", THREE, 1),
    ):
        _, gain, error = rungs[step]
        assert gain > 2 * error


def test_the_mirror_image_adds_little():
    rungs = ladder()
    one, two = (rungs["linear classifier", "efficientnet_lite0", views][0] for views in (1, 2))
    assert abs(two - one) < 0.02


def test_mixup_makes_a_network_less_sure():
    text = printed(read("05"), "05-tricks-error")
    less, error = re.search(r"^mixup +less sure by (\S+) ± (\S+) ", text, re.M).groups()
    assert float(less) > 2 * float(error)


def test_the_surest_member_makes_the_ensemble_worse():
    _, gain, error = ladder()["the three and fine-tuned", THREE, 1]
    assert gain < -2 * error
    _, gain, error = ladder()["fine-tuned in place of lite0", THREE, 1]
    assert abs(gain) < 2 * error
    *others, tuned = map(
        float, re.findall(r"(\S+) sure$", printed(read("05"), "05-ladder-ensemble"), re.M)
    )
    assert len(others) == 3 and tuned > max(others) + 0.05


def test_averaged_weights_have_a_lower_loss_than_the_last_ones():
    text = printed(read("05"), "05-ema-epochs")
    last, ema = (
        [float(value) for value in re.search(rf"^{name} +(.*)$", text, re.M)[1].split()]
        for name in ("last weights", "EMA")
    )
    gains = [a - b for a, b in zip(last, ema, strict=True)]
    assert mean(gains) > 2 * stdev(gains) / len(gains) ** 0.5


@pytest.mark.trap("predicting in train mode")
def test_in_train_mode_a_pictures_name_depends_on_its_neighbours():
    text = printed(read("05"), "05-eval-shown")
    assert len(set(re.findall(r"^train mode, 31 other pictures: (\w+)", text, re.M))) > 1


def test_the_lesson_quotes_what_its_ladder_gave_on_photographs():
    thousand, text = recorded()["accuracy"]["results"]["05_kaggle_cifar10"], prose(read("05"))
    assert [f"{thousand[row]:.3f}" in text for row in (FEATURES, "fine-tuned", TOP)] == [True] * 3
    for row, sign in ((f"fine-tuned over {FEATURES}", 1), (f"{TOP} over fine-tuned", -1)):
        lead, error = sign * thousand[row], thousand[f"{row}: its standard error"]
        assert lead > 2 * error and f"{lead:.3f} ± {error:.3f}" in text
