"""Groups of shots by time, and learning curves over the number of pictures."""

import numpy as np
import pytest
import torch
from PIL import Image

from helpers import CourseError, collection
from helpers.grouped import last_doubling, learning_curve, taken_together
from tests.conftest import is_a_sentence


def shot(folder, name, time):
    exif = Image.Exif()
    if time:
        exif[collection.TAKEN] = time
    Image.new("RGB", (8, 8)).save(folder / name, exif=exif)
    return folder / name


def test_shots_of_half_a_minute_are_together_also_over_midnight_and_in_any_order(tmp_path):
    times = ["2026:03:02 12:07:40", "2026:03:02 12:07:14", "2026:03:02 12:08:11", "", "0000:00:00"]
    times += ["2026:03:03 00:00:05", "2026:03:02 23:59:50", " "]
    files = [shot(tmp_path, f"{i}.jpg", time) for i, time in enumerate(times)]
    assert taken_together(files, 30) == [(1, 0), (6, 5)]
    assert taken_together(files, 31) == [(1, 0), (0, 2), (6, 5)]
    assert taken_together([], 30) == []


def noisy(n, classes=2, signal=1.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n * classes) % classes
    rows = signal * torch.nn.functional.one_hot(labels, 16)
    return rows + torch.randn(n * classes, 16, generator=generator), labels


def test_a_learning_curve_halves_from_all_and_rises_where_pictures_help():
    rows, labels = noisy(100)
    curve = learning_curve(rows, labels, np.arange(200), draws=5)
    assert list(curve) == [5, 10, 20, 40, 80] and all(len(v) == 5 for v in curve.values())
    assert np.mean(curve[80]) > np.mean(curve[5])


@pytest.mark.parametrize("seed", range(4))
def test_without_a_signal_it_stays_at_chance_and_the_last_doubling_is_no_evidence(seed):
    rows, labels = noisy(60, signal=0, seed=seed)
    curve = learning_curve(rows, labels, np.arange(120))
    gain, error = last_doubling(curve)
    assert abs(np.mean(curve[48]) - 0.5) < 0.15 and gain < 2 * error


def test_no_group_is_both_learned_from_and_asked_about():
    labels = (torch.arange(40) % 2).repeat_interleave(2)  # twins, and nothing else to go by
    rows = torch.randn(40, 600, generator=torch.Generator().manual_seed(0)).repeat_interleave(2, 0)
    together = learning_curve(rows, labels, np.arange(40).repeat(2))
    apart = learning_curve(rows, labels, np.arange(80))
    assert np.mean(together[max(together)]) < 0.7 < np.mean(apart[max(apart)])


def test_five_pictures_per_class_are_enough_and_fewer_are_one_sentence():
    rows, labels = noisy(5, classes=3, signal=9)
    assert list(learning_curve(rows, labels, np.arange(15))) == [2, 4]
    with pytest.raises(CourseError, match="five pictures") as caught:
        learning_curve(rows[:12], labels[:12], np.arange(12))
    assert is_a_sentence(str(caught.value))


def test_the_error_of_the_last_doubling_is_wider_than_the_spread_of_the_draws_alone():
    gain, error = last_doubling({2: [0.0] * 3, 4: [0.5] * 4, 8: [0.6, 0.7, 0.6, 0.7]})
    assert gain == pytest.approx(0.15)
    assert error == pytest.approx(np.std([0.1, 0.2, 0.1, 0.2], ddof=1) * (1 / 4 + 1 / 4) ** 0.5)
