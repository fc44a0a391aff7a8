"""What has logic in benchmarks/: the other projects' loops, the clock, the tables."""

import copy

import pytest
import torch

from benchmarks import ceiling, others, speed, tables, tables_of_time, time_to
from helpers import data
from helpers.train import evaluate
from tests.conftest import SMALL, SmallNet, draw_classes


@pytest.fixture
def folder(tmp_path):
    draw_classes(tmp_path / "train", {"a": 9, "b": 9})
    draw_classes(tmp_path / "test", {"a": 5, "b": 5}, seed=1)
    return tmp_path


def train_with(loop, net, folder, rate):
    torch.manual_seed(0)
    told = []
    loop(net, folder, torch.optim.SGD(net.parameters(), rate), 2, lambda *x: told.append(x), 6)
    return told


def test_d2l_and_the_plain_loop_take_the_same_steps_if_the_rate_of_a_summed_loss_is_divided(folder):
    net = SmallNet()
    theirs = copy.deepcopy(net)
    plain = train_with(others.plain_loop, net, folder, 0.06)
    book = train_with(others.d2l_loop, theirs, folder, 0.01)
    for a, b in zip(net.state_dict().values(), theirs.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b)
    assert [accuracy for _, accuracy in plain] == pytest.approx([acc for _, acc in book])


def test_the_plain_loop_measures_what_evaluate_measures(folder):
    net = SmallNet()
    loss, accuracy = train_with(others.plain_loop, net, folder, 0.5)[-1]
    test = data.read_folder(folder / "test", SMALL)
    found = evaluate(net, data.loader(test, 4))
    assert accuracy == pytest.approx(found["accuracy"]) and accuracy > 0.8
    assert loss == pytest.approx(found["loss"], rel=0.05)


def test_few_copies_the_first_pictures_of_each_class_and_half_as_many_to_test(folder):
    with speed.few(folder, 4) as smaller:
        names = sorted(str(f.relative_to(smaller)) for f in smaller.rglob("*.png"))
    assert names == sorted(
        f"{part}/{kind}/{i}.png"
        for part, n in (("train", 4), ("test", 2))
        for kind in "ab"
        for i in range(1, n + 1)
    )


@pytest.mark.parametrize(
    "task, loss, accuracy, reached",
    [
        ("hotdog", 9.0, 0.94, True),
        ("hotdog", None, 0.93, False),
        ("dogs", 0.25, 0.5, True),
        ("dogs", 0.26, 0.99, False),
    ],
)
def test_the_clock_knows_when_the_goal_is_reached(task, loss, accuracy, reached):
    clock = time_to.Clock(task, minutes=10)
    if reached:
        with pytest.raises(time_to.Enough):
            clock.after(loss, accuracy)
    else:
        clock.after(loss, accuracy)
    assert clock.reached is reached and len(clock.epochs) == 1


def test_the_clock_stops_before_an_epoch_that_would_end_too_late(monkeypatch):
    now = iter([0.0, 25.0, 50.0])
    monkeypatch.setattr(time_to.time, "perf_counter", lambda: next(now))
    clock = time_to.Clock("hotdog", minutes=1)
    clock.after(None, 0.5)  # the next would end after 50 s
    with pytest.raises(time_to.Enough):
        clock.after(None, 0.6)  # after 75 s
    assert not clock.reached and [row[0] for row in clock.epochs] == [25.0, 50.0]


def test_the_table_of_times_says_what_was_not_reached():
    def run(reached, *rows):
        return {"reached": reached, "epochs": [list(row) for row in rows], "threads": 1}

    methods = {
        "ours": run(True, (10.0, 0.2, 0.95)),
        "d2l": run(False, (300.0, None, 0.7), (500.0, None, 0.8)),
        "plain": run(True, (100.0, 0.3, 0.94)),
    }
    result = {"results": {"hotdog": methods}, "date": "d", "machine": "m", "software": "s"}
    rows = [line.split(" | ") for line in tables.time_table(result).splitlines()[4:7]]
    assert rows[1][1:] == ["d2l", "not within 500 s", "2", "0.800", "under 0.020 |"]
    assert rows[2][1:] == ["plain", "100 s", "1", "0.30, 0.940", "0.100 |"]


def test_every_way_to_make_the_network_faster_can_be_taken(monkeypatch):
    monkeypatch.setattr(ceiling, "network", lambda name, size: SmallNet())
    for doing, ways in ceiling.TRIED.items():
        for way, how in ways.items():
            small = how | {"batch": 2}
            pictures, warm = ceiling.rate(doing, "resnet18", 32, **small)
            assert pictures > 0 and warm > 0, way
    torch.set_flush_denormal(False)


def test_the_course_s_own_way_stands_last_and_the_table_shows_all(tmp_path):
    ways = {way: [2.0, 1.0, 3.0] for way in ceiling.TRIED["features"]}
    result = {
        "results": {
            "features": {"resnet18, 224 px": ways},
            "sizes": {"96": {"s": 8.61, "50": [0.882, 0.0059], "400": [0.9022, 0.0061]}},
        },
        "n": 5,
        "date": "today",
        "machine": "a machine",
        "software": "software",
    }
    lines = tables_of_time.ceiling_table(result).splitlines()
    rows = [line for line in lines if "2.0 (1.0 to 3.0)" in line]
    assert len(rows) == len(ways) and rows[-1].startswith(
        "| channels last, batch of 16, memory kept |"
    )
    assert "| 96 | 8.6 | 0.882 ± 0.006 | 0.902 ± 0.006 |" in lines
