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


def in_order(cell_id: str) -> dict[str, list[float]]:
    """{row: accuracy at 0.5, accuracy at the median, AUC, its standard deviation}"""
    row = re.compile(r"(.+?) +(0\.\d{3}) +(0\.\d{3}) +(0\.\d{3}) ± (0\.\d{3})")
    lines = filter(None, map(row.fullmatch, printed(read("12"), cell_id).splitlines()))
    return {line[1]: [float(value) for value in line.groups()[1:]] for line in lines}


def worse_order(row: list[float], other: list[float]) -> float:
    """By how many standard errors over three seeds the AUC of a row is below another's."""
    (*_, auc, deviation), (*_, other_auc, other_deviation) = row, other
    return (other_auc - auc) / ((deviation**2 + other_deviation**2) / 3) ** 0.5


def test_without_colour_the_order_survives_better_than_the_level(above):
    grey = f"{PROBE}, grey"
    assert above(PROBE, grey) > 2
    assert above(f"{grey}, level at the median", grey) > 2
    in_colour, spread, without, other = fractions("12-shift-auc")
    assert worse_order([without, other], [in_colour, spread]) < 2 and in_colour > 0.9


def test_the_median_of_other_grey_pictures_does_as_well_and_in_colour_it_changes_nothing(above):
    row = f"{PROBE}, grey, level at the median"
    assert abs(above(f"{row} of others", row)) < 2
    assert above(f"{row} of others", f"{PROBE}, grey") > 2
    at_half, _, own, _, others, *_ = fractions("12-shift-median")[1:]
    error = (2 * at_half * (1 - at_half) / PICTURES) ** 0.5
    assert max(abs(own - at_half), abs(others - at_half)) < 2 * error


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
    networks = in_order("12-decay-order")
    assert worse_order(networks["large rate, decay 1"], networks["linear probe"]) > 2


def test_a_rate_that_falls_towards_the_bottom_repairs_most_of_it_and_gains_nothing(above):
    assert above(LARGE.format(0.65), LARGE.format(1)) > 2
    assert above(LARGE.format(0.65), "probed head, 100 pictures per class") < 0


@pytest.mark.parametrize("rate", ["a third of it", "0.7 of it"])
def test_the_mean_rate_of_the_decay_for_all_stages_is_level_with_it(above, rate):
    assert abs(above(LARGE.format(0.65), f"{rate}, decay 1, 100 pictures per class")) < 2


def test_upside_down_the_decay_repairs_as_much_so_it_is_not_the_bottom_that_it_protects(above):
    upside_down = LARGE.format("0.65 upside down")
    assert above(upside_down, LARGE.format(1)) > 2
    assert abs(above(upside_down, LARGE.format(0.65))) < 2
    assert all(abs(above(row, PROBE)) < 2 for row in (upside_down, LARGE.format(0.65)))


def test_stages_7_and_8_hold_most_of_the_weights_and_a_decay_leaves_them_0_7_of_the_rate():
    *stages, _ = printed(read("04"), "04-stages-list").replace(",", "").splitlines()
    counts = [int(re.search(r"(\d+) parameters", line)[1]) for line in stages]
    assert f"{sum(counts[-2:]) / sum(counts):.0%}" == "79%"
    rates = [0.65**i for i in range(len(counts))]
    by_weight = sum(c * r for c, r in zip(reversed(counts), rates, strict=True)) / sum(counts)
    assert round(by_weight, 1) == 0.7 and round(sum(rates) / len(rates), 2) == 0.35


def test_the_decays_lie_in_order(numbers):
    values = [numbers("12")[LARGE.format(decay)] for decay in (1, 0.9, 0.75, 0.65)]
    assert values == sorted(values)


def test_with_a_decay_one_end_moves_less_and_the_other_as_far():
    told = described("12-moved-show").split(": ", 1)[1].split("; ")
    rows = {
        part.partition(":")[0]: [float(v) for v in re.findall(r"(\d+\.\d+) at", part)]
        for part in told
    }
    one, decayed = rows["large rate, decay 1"], rows["large rate, decay 0.65"]
    assert decayed[0] < one[0] / 3
    assert abs(decayed[-1] / one[-1] - 1) < 0.1
    upside_down = rows["large rate, decay 0.65 upside down"]
    assert upside_down[-1] < one[-1] / 3 and abs(upside_down[0] / one[0] - 1) < 0.1


def test_between_probe_and_trained_network_none_can_be_ranked_in_colour(above):
    between = [f"colour, alpha {a}" for a in (0.25, 0.5, 0.75)]
    for end in (PROBE, "probed head, 100 pictures per class"):
        assert all(abs(above(row, end)) < 2 for row in between)


def test_what_grey_pictures_seem_to_gain_between_the_two_is_their_level():
    rows = [row for name, row in in_order("12-wise-order").items() if name.startswith("grey")]
    assert len(rows) == 5
    at_median = [row[1] for row in rows]
    assert max(at_median) - min(at_median) < 2 * (2 * 0.87 * 0.13 / PICTURES) ** 0.5
    assert all(abs(worse_order(row, rows[0])) < 2 for row in rows)


def test_on_the_line_to_the_spoiled_network_the_order_gets_worse_and_is_worst_at_its_end():
    rows = [row for name, row in in_order("12-wise-order").items() if "large rate" in name]
    order = [row[2] for row in rows]
    assert len(order) == 5 and order[0] > order[1] > max(order[2:]) > min(order[2:]) == order[-1]
    assert rows[1][1] - rows[1][0] > 2 * (2 * 0.87 * 0.13 / PICTURES) ** 0.5  # a quarter: the level


def test_half_way_to_the_spoiled_network_a_coins_accuracy_is_a_threshold_that_no_picture_passes():
    _, at_half, at_median, auc = fractions("12-wise-order")[-12:-8]
    assert at_half == 0.5 and "it calls 0% hot dogs" in printed(read("12"), "12-wise-order")
    assert min(at_median, auc) - at_half > 2 * (2 * 0.25 / PICTURES) ** 0.5


def test_no_surgery_puts_the_pictures_in_a_clearly_better_order():
    networks = in_order("12-surgery-order")
    untouched = networks.pop("untouched")
    assert len(networks) == 10
    assert all(worse_order(untouched, row) < 2 for row in networks.values())
    assert worse_order(networks["stage 5"], untouched) > 2


def test_a_threshold_fitted_to_the_same_labels_gets_as_far_as_a_small_part(above):
    row = f"{PROBE}, grey, level from 40 labels"
    assert above(row, f"{PROBE}, grey") > 2
    assert all(abs(above(row, f"surgery on {part}, grey")) < 2 for part in SMALL)


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
    threshold = f"{PROBE}, grey, level at the median of others"
    assert abs(above(f"surgery on {part}, grey", threshold)) < 2


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
