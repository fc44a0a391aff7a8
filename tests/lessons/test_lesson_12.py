"""Lesson 12: what colour, rates per stage, surgery and LoRA are worth, each beside its control."""

import re

import pytest
import timm
import torch
from torch.nn.utils import parametrize
from torch.utils.data import DataLoader, TensorDataset

from helpers import models, train
from tests.lessons.committed import code_cells, inline, printed, read, standard_errors_between

PICTURES = 200  # to test with
PROBE = "linear probe, 100 pictures per class"
LARGE = "large rate, decay {}, 100 pictures per class"
WHOLE = "surgery on whole network, grey"
SMALL = ("BatchNorm layers", "LoRA, rank 4")


@pytest.fixture
def above(numbers):
    """above(row, other): by how many standard errors a row is above another one."""

    def errors(row, other):
        return standard_errors_between(numbers("12"), row, other, PICTURES)

    return errors


def described(cell_id: str) -> str:
    (cell,) = (cell for cell in code_cells(read("12")) if cell.id == cell_id)
    return cell.outputs[-1]["data"]["text/plain"]


def fractions(cell_id: str) -> list[float]:
    return [float(value) for value in re.findall(r"\b[01]\.\d+\b", printed(read("12"), cell_id))]


def test_without_colour_the_order_survives_better_than_the_level(above):
    grey = f"{PROBE}, grey"
    assert above(PROBE, grey) > 2
    assert above(f"{grey}, level at the median", grey) > 2
    in_colour, _, without, _ = fractions("12-shift-auc")
    assert without > in_colour - 0.05 > 0.8


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_what_a_stage_is_seen_to_say_is_what_it_hands_on_after_the_sum_of_a_residual_block(stage):
    torch.manual_seed(0)
    eye = timm.create_model("test_resnet", num_classes=2).eval()
    space = {"models": models, "eye": eye, "SEEN": (stage,), "STAGES": len(models.stages(eye))}
    (cell,) = (cell for cell in code_cells(read("12")) if cell.id == "12-see-keep")
    exec(cell.source, space)
    hook = space["keep_map"](stage)
    batches = DataLoader(TensorDataset(torch.randn(2, 3, 32, 32), torch.tensor([0, 1])), 2)
    train.predict(eye, batches)
    hook.remove()
    expected, _ = train.extract_features(eye, batches, stage)
    assert torch.allclose(space["maps"][stage][0].mean((2, 3)), expected, atol=1e-5)


def test_channels_of_the_top_answer_to_one_food_more_than_those_below_and_all_more_than_chance():
    found = fractions("12-see-count")
    (bottom, middle, top), chance, spread = found[::3], found[1::3], found[2::3]
    for share, by_chance, error in zip((bottom, middle, top), chance, spread, strict=True):
        assert share - by_chance > 2 * error
    assert top - bottom > 2 * (spread[0] + spread[2]) and middle <= bottom


def test_a_large_rate_for_all_stages_spoils_the_probe_and_a_small_one_does_not(above):
    small = "probed head, 100 pictures per class"
    assert above(PROBE, LARGE.format(1)) > 2 and above(small, LARGE.format(1)) > 2
    assert abs(above(small, PROBE)) < 2


def test_a_rate_that_falls_towards_the_bottom_repairs_most_of_it_and_gains_nothing(above):
    assert above(LARGE.format(0.65), LARGE.format(1)) > 2
    assert above(LARGE.format(0.65), "probed head, 100 pictures per class") < 0


def test_the_mean_rate_of_the_decay_for_all_stages_is_level_with_it(above):
    third = "a third of it, decay 1, 100 pictures per class"
    assert abs(above(LARGE.format(0.65), third)) < 2


def test_the_decays_lie_in_order(numbers):
    values = [numbers("12")[LARGE.format(decay)] for decay in (1, 0.9, 0.75, 0.65)]
    assert values == sorted(values)


def test_with_a_decay_the_bottom_moves_less_and_the_top_as_far():
    told = described("12-moved-show").split(": ", 1)[1].split("; ")
    rows = {
        part.partition(":")[0]: [float(v) for v in re.findall(r"(\d+\.\d+) at", part)]
        for part in told
    }
    one, decayed = rows["large rate, decay 1"], rows["large rate, decay 0.65"]
    assert decayed[0] < one[0] / 3
    assert abs(decayed[-1] / one[-1] - 1) < 0.1


@pytest.mark.parametrize("ending", ["", ", grey"])
def test_between_probe_and_trained_network_none_can_be_ranked(above, ending):
    look = "grey" if ending else "colour"
    between = [f"{look}, alpha {a}" for a in (0.25, 0.5, 0.75)]
    for end in (PROBE + ending, f"probed head, 100 pictures per class{ending}"):
        assert all(abs(above(row, end)) < 2 for row in between)


def test_on_the_line_to_the_spoiled_network_none_is_better_than_its_end(numbers):
    found = numbers("12")
    way = [found[f"colour, towards the large rate, alpha {a}"] for a in (0.25, 0.5, 0.75)]
    assert all(share <= found[LARGE.format(1)] for share in way)


def test_no_surgery_puts_the_pictures_in_a_clearly_better_order():
    lines = printed(read("12"), "12-surgery-order").splitlines()[1:]
    auc = {line[:36].strip(): tuple(map(float, re.findall(r"0\.\d+", line)[-2:])) for line in lines}
    untouched, spread = auc.pop("untouched")
    assert len(auc) == 10
    for mean, other in auc.values():
        assert mean - untouched < 2 * ((spread**2 + other**2) / 3) ** 0.5


@pytest.mark.parametrize("part", SMALL)
def test_a_small_part_brings_back_what_the_loss_of_colour_took(above, part):
    row = f"surgery on {part}, grey"
    assert above(row, f"{PROBE}, grey") > 2
    assert above(row, "surgery on stage 1, grey") > 2


@pytest.mark.parametrize("part", SMALL)
def test_at_its_rate_the_whole_network_breaks_and_at_a_tenth_it_is_level(above, part):
    row = f"surgery on {part}, grey"
    assert above(row, WHOLE) > 2
    tenth = "surgery on whole network, a tenth of the rate, grey"
    assert above(tenth, WHOLE) > 2
    assert abs(above(row, tenth)) < 2


@pytest.mark.parametrize("part", [*SMALL, "whole network, a tenth of the rate"])
def test_nothing_trained_on_labels_is_clearly_above_the_threshold_without_any(above, part):
    assert abs(above(f"surgery on {part}, grey", f"{PROBE}, grey, level at the median")) < 2


@pytest.mark.parametrize("part", ["stage 5", "stage 8", "whole network, a tenth of the rate"])
def test_more_numbers_than_those_of_lora_bring_nothing_more(above, part):
    assert above(f"surgery on {part}, grey", "surgery on LoRA, rank 4, grey") < 0


def test_at_ten_times_the_rate_stage_1_cannot_be_told_from_the_small_parts(above):
    faster = "surgery on stage 1, ten times the rate, grey"
    assert all(abs(above(faster, f"surgery on {part}, grey")) < 2 for part in SMALL)


def test_lora_starts_as_the_same_network_and_adds_a_matrix_of_its_rank():
    torch.manual_seed(0)
    layer = torch.nn.Conv2d(6, 8, 1).requires_grad_(False)
    before = layer.weight.clone()
    low_rank = inline("12")["LowRank"](layer.weight, 2)
    parametrize.register_parametrization(layer, "weight", low_rank)
    assert torch.equal(layer.weight, before)
    assert sum(p.numel() for p in layer.parameters() if p.requires_grad) == 2 * (6 + 8)
    torch.nn.init.normal_(low_rank.up)
    assert torch.linalg.matrix_rank((layer.weight - before).flatten(1)) == 2
