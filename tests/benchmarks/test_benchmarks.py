"""Each benchmark on tiny data: what it measures is what results.json holds of it."""

import contextlib
import copy
import shutil
import sys
from functools import partial

import numpy as np
import pytest
import torch

from benchmarks import (
    accuracy,
    growth,
    kaggle,
    others,
    phone,
    recipe,
    record,
    speed,
    tables,
    time_to,
    transfer,
)
from classroom.run import Report
from helpers import data
from helpers.files.pictures import read_picture
from helpers.labels import imagenet_classes
from helpers.train import evaluate, extract_features, predict
from tests.conftest import SMALL, SmallNet, draw_classes

RECORDED = {name: result["results"] for name, result in record.read().items()}


@pytest.fixture
def folder(tmp_path):
    draw_classes(tmp_path / "train", {"hotdog": 9, "not-hotdog": 9})
    draw_classes(tmp_path / "test", {"hotdog": 5, "not-hotdog": 5}, seed=1)
    return tmp_path


@pytest.fixture
def small(monkeypatch):
    """A small network in place of large ones, and every measurement in this process."""
    monkeypatch.setattr(speed, "own_process", contextlib.nullcontext)
    monkeypatch.setattr(speed, "call", lambda process, function, *a: function(*a))
    for module in (growth, kaggle, time_to):
        monkeypatch.setattr(module, "call_apart", lambda function, *a: function(*a))

    def load_pretrained(*_, **__):
        return SmallNet(classes=1000)

    monkeypatch.setattr("helpers.models.load_pretrained", load_pretrained)


@pytest.fixture
def drawn(monkeypatch):
    """The drawn data sets, where the lessons' cells are at home."""
    monkeypatch.setenv("COURSE_SIZE", "drawn")
    monkeypatch.chdir(record.NOTEBOOKS)


def train_with(loop, net, folder, rate):
    torch.manual_seed(0)
    epochs = []
    optimizer = torch.optim.SGD(net.parameters(), rate)
    loop(net, folder, optimizer, 2, lambda *scores: epochs.append(scores), 6)
    return epochs


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
    net.class_names = ["hotdog", "not-hotdog"]
    loss, right = train_with(others.plain_loop, net, folder, 0.5)[-1]
    test = data.read_folder(folder / "test", SMALL)
    scores = evaluate(net, data.loader(test, 4))
    assert right == pytest.approx(scores["accuracy"]) and right > 0.8
    assert loss == pytest.approx(scores["loss"], rel=0.05)


def test_speed_is_measured_on_a_few_pictures(folder, small, tmp_path_factory):
    few = speed.copy_few(folder, 4, tmp_path_factory.mktemp("few"))
    copies = sorted(file.relative_to(few).as_posix() for file in few.rglob("*.png"))
    kinds = ("hotdog", "not-hotdog")
    assert copies == [
        *(f"test/{kind}/{i}.png" for kind in kinds for i in (1, 2)),
        *(f"train/{kind}/{i}.png" for kind in kinds for i in (1, 2, 3, 4)),
    ]
    measured = speed.measure("resnet18", 16, few, rounds=2)
    recorded = RECORDED["speed"]["resnet18, 224 px"]
    assert measured.keys() == {key for key in recorded if others.HAS_FASTAI or "fastai" not in key}
    assert all(low > 0 for _, low, _ in measured.values())


def test_transfer_measures_what_is_recorded(folder, small, monkeypatch):
    splits = data.Splits(
        *data.split(data.read_folder(folder / "train", SMALL), 0.3),
        data.read_folder(folder / "test", SMALL),
    )
    monkeypatch.setattr(data, "find", lambda *_: folder)
    monkeypatch.setattr(data, "load", lambda *_: splits)
    monkeypatch.setattr(transfer, "forty_photographs", partial(transfer.forty_photographs, 2))
    monkeypatch.setattr(transfer, "all_photographs", partial(transfer.all_photographs, 1))
    monkeypatch.setattr(transfer, "another_look", partial(transfer.another_look, 1))
    accuracies = {name: values for part in transfer.measure() for name, values in part.items()}
    assert all(0 <= value <= 1 for values in accuracies.values() for value in values)
    measured = accuracy.closing_numbers(accuracies).keys() | {"seconds"}
    recorded = RECORDED["accuracy"]["transfer"].keys()
    assert measured <= recorded and {name for name in recorded if "," not in name} <= measured


def test_the_recipe_is_measured_beside_its_parts_at_each_number_of_pictures(
    folder, small, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(data, "find", lambda *_: folder)
    monkeypatch.setattr(recipe.recipe, "STEPS", 3)
    monkeypatch.setitem(accuracy.LONGER, "recipe", partial(recipe.measure, "full", (3, 9), 2))
    assert accuracy.main(["recipe", "--out", str(tmp_path / "r.json")]) == 0
    kept = record.read(tmp_path / "r.json")["accuracy"]["results"]["recipe"]
    methods = [
        "linear probe",
        "all at once for one epoch",
        "all at once for as many steps",
        "LP-FT",
        "LP-FT averaged with the probe",
    ]
    rows = [f"{count} per class: {method}" for count in (3, 9) for method in methods]
    assert [name for name in kept if "," not in name] == ["seconds", *rows]
    assert all(kept[f"{row}, seeds"] == 2 and 0 <= kept[row] <= 1 for row in rows)
    assert "|  | 9 per class: LP-FT | " in capsys.readouterr().out


def test_accuracy_keeps_the_closing_tables_of_lessons_that_ran(tmp_path, monkeypatch, capsys):
    reports = [
        Report("01_a", seconds=61, numbers={"fine-tuned": 0.9}),
        Report("02_b", trouble="a cell failed"),
    ]
    monkeypatch.setattr(accuracy, "run_lessons", lambda *_, **__: reports)
    monkeypatch.setattr(data, "find", lambda *_: tmp_path)
    assert accuracy.main(["01", "02", "--out", str(tmp_path / "r.json")]) == 1
    kept = record.read(tmp_path / "r.json")["accuracy"]["results"]
    assert kept == {"01_a": {"seconds": 61, "fine-tuned": 0.9}}
    assert "| 01 | fine-tuned | 0.900 | 1 |" in capsys.readouterr().out


@pytest.mark.parametrize(
    "task, loss, right, reached",
    [
        ("hotdog", 9.0, 0.94, True),
        ("hotdog", None, 0.93, False),
        ("dogs", 0.25, 0.5, True),
        ("dogs", 0.26, 0.99, False),
    ],
)
def test_the_clock_stops_as_soon_as_the_goal_is_reached(task, loss, right, reached):
    clock = time_to.Clock(task, minutes=10)
    with pytest.raises(time_to.Enough) if reached else contextlib.nullcontext():
        clock.after(loss, right)
    assert clock.reached is reached and len(clock.epochs) == 1


def test_the_clock_stops_before_an_epoch_that_would_end_too_late(monkeypatch):
    times = iter([0.0, 25.0, 50.0])
    monkeypatch.setattr(time_to, "clock", lambda: next(times))
    clock = time_to.Clock("hotdog", minutes=1)
    clock.after(None, 0.5)  # the next would end after 50 s
    with pytest.raises(time_to.Enough):
        clock.after(None, 0.6)  # after 75 s
    assert not clock.reached and [row[0] for row in clock.epochs] == [25.0, 50.0]


@pytest.mark.parametrize("task", time_to.GOALS)
@pytest.mark.parametrize("method", ["ours", "d2l", "plain"])
def test_every_recipe_is_measured_after_an_epoch(task, method, folder, small):
    chosen = {"choice": time_to.CHOICES[task][0]} if method == "ours" else {}
    run = time_to.measure(task, method, folder, 0, chosen)
    assert run.keys() - chosen.keys() == RECORDED["time"][task][method].keys() - {"choice"}
    assert chosen.items() <= run.items()
    ((seconds, loss, right),) = run["epochs"]
    assert seconds >= 0 and 0 <= right <= 1
    assert loss is None if (task, method) == ("hotdog", "d2l") else loss > 0


def test_ours_goes_on_with_the_next_choice_until_the_test_pictures_agree(
    folder, small, monkeypatch
):
    scores = iter([(0.2, 0.93), (0.2, 0.94), (0.2, 0.99)])
    monkeypatch.setattr(time_to, "learn", lambda *_: next(scores))
    run = time_to.measure("hotdog", "ours", folder, 10, {"choice": time_to.CHOICES["hotdog"][1]})
    assert run["reached"] and [accuracy for *_, accuracy in run["epochs"]] == [0.93, 0.94]


def test_the_log_odds_of_a_known_name_stand_beside_the_features(folder):
    net, pictures = SmallNet(classes=1000), data.read_folder(folder / "train", SMALL)
    net.class_names = imagenet_classes()
    columns, labels = time_to.described(net, pictures)
    features, _ = extract_features(net, data.loader(pictures))
    probabilities = predict(net, data.loader(pictures))
    log_odds = torch.logit(probabilities[:, net.class_names.index("hotdog")])
    torch.testing.assert_close(columns, torch.cat([features, log_odds[:, None]], 1))
    assert labels.tolist() == pictures.labels.tolist()


def test_side_and_number_are_chosen_without_a_test_picture(folder, small):
    shutil.rmtree(folder / "test")
    assert time_to.choose("hotdog", folder) in time_to.CHOICES["hotdog"]


def test_the_dogs_are_copied_with_a_folder_per_breed(tmp_path, drawn):
    folder = time_to.copy_dogs(tmp_path)
    names = [sorted(p.name for p in (folder / part).iterdir()) for part in ("train", "test")]
    assert names[0] == names[1] and len(names[0]) == 10
    drawn_ones = list((data.find("dog-breed-identification", "drawn") / "test").glob("*.jpg"))
    assert len(list((folder / "test").glob("*/*.jpg"))) == len(drawn_ones)


def test_organizing_takes_little_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "FOLDER", tmp_path)
    row = kaggle.organize_once(record.ROOT / "data" / "drawn" / "cifar-10")
    assert row.keys() <= tables.KAGGLE.keys()
    assert 0 < row["organize 10,000 + 2,000 pictures, MB of disk"] < 1


def test_lesson_06_and_the_book_are_measured_beside_each_other(small, drawn, monkeypatch):
    monkeypatch.setattr(kaggle, "EPOCHS", 1)
    (row,) = kaggle.dogs(rounds=1)
    assert row.keys() <= tables.KAGGLE.keys()
    assert all(value > 0 for value in row.values())


def test_lesson_05_is_measured_on_as_many_pictures_as_wanted(drawn, monkeypatch):
    monkeypatch.setattr(kaggle, "PICTURES", 60)
    (row,) = kaggle.cifar(rounds=1)
    assert row.keys() <= tables.KAGGLE.keys()
    shares = {name: share for name, share in row.items() if name.endswith("accuracy")}
    assert all(0 <= share <= 1 for share in shares.values())
    *others, (_, top) = shares.items()
    assert top in [share for _, share in others]


def test_the_gain_of_a_larger_size_is_the_difference_of_two_log_losses(drawn, monkeypatch):
    monkeypatch.setattr(kaggle, "SIDES", (48, 64))
    monkeypatch.setattr(kaggle, "LARGER_NETS", ("efficientnet_lite0",))
    (row,) = kaggle.larger(rounds=1)
    for how in ("no temperature, labelled", "temperature, labelled", "temperature, test"):
        before, after = (row[f"{kaggle.LARGER} at {side} px, {how}"] for side in (48, 64))
        gain = f"{kaggle.LARGER}, gain of 64 px, {how}"
        assert row[gain] == pytest.approx(before - after, abs=1e-6)
        assert row[f"{gain}: standard error"] > 0
    shown = tables.larger_table(
        {"results": {name: [value] for name, value in row.items()}}
        | dict.fromkeys(("date", "machine", "software"), "")
    )
    assert shown.count(" ± ") == 3 and "standard error" not in shown


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell the peak memory")
class TestGrowth:
    @pytest.fixture(autouse=True)
    def pictures(self, folder, small, monkeypatch):
        monkeypatch.setattr(data, "find", lambda *_: folder)
        monkeypatch.setattr(data, "FOLDER", folder)
        monkeypatch.setenv("COURSE_MEMORY_MB", "")

    @pytest.mark.parametrize("memory, on_disk", [("", False), ("0", True)])
    def test_pictures_are_read_into_memory_or_onto_the_disk(self, folder, memory, on_disk):
        visit = growth.read(folder / "train", 20, folder / "store", memory)
        assert visit["on disk"] is on_disk and visit["s"] > 0
        assert visit["MB"] == pytest.approx(0, abs=10)  # so small are 18 such pictures
        assert visit["decoded"] == pytest.approx(18 * 3 * 20 * 20 / 1e6)

    def test_growth_measures_what_is_recorded(self, folder, monkeypatch):
        monkeypatch.setattr(growth, "SETS", {"noise, 20 px": ("noise", "*/*/*.png", 20, (30,))})
        rows = growth.grow([30, 1000], 2, folder)
        (recorded, *_) = RECORDED["growth"]["pictures"].values()
        assert list(rows) == ["noise, 20 px, 30"]
        assert rows["noise, 20 px, 30"].keys() == recorded.keys()
        assert rows["noise, 20 px, 30"]["n"] == 30

    def test_ways_to_decode_are_those_that_are_recorded(self, folder):
        rows = growth.decode(1, folder)
        assert {name: row.keys() for name, row in rows.items()} == {
            name: row.keys() for name, row in RECORDED["growth"]["decode"].items()
        }


def files_in(folder):
    return {place.name: sorted(place.iterdir()) for place in sorted(folder.iterdir())}


def test_a_phones_folder_has_the_faults_that_it_tells_of_and_shows_upright_photographs(
    folder, tmp_path_factory
):
    place = tmp_path_factory.mktemp("phone")
    planted = phone.bring(files_in(folder / "train"), place, 2, np.random.default_rng(0))
    wrong = [name for name, answer in planted.items() if answer != "drop"]
    assert sorted(planted.values()).count("drop") == 2 and len(wrong) == 4
    assert all((place / name).is_file() and name.split("/")[0] != planted[name] for name in wrong)
    assert len(list(place.rglob("IMG_*.jpg"))) == 18 and len(list(place.rglob("WA_*.jpg"))) == 2
    assert {read_picture(file).size for file in place.rglob("IMG_*.jpg")} == {(28, 24)}


def test_a_phones_folder_is_measured_and_shown(folder, small, tmp_path, monkeypatch, capsys):
    parts = files_in(folder / "train"), files_in(folder / "test")
    monkeypatch.setattr(phone, "hot_dogs", lambda: parts)
    monkeypatch.setattr("helpers.collection.near_pairs", lambda *_: [])  # noise is all alike
    monkeypatch.setattr(phone.kept, "save", lambda *_: None)
    monkeypatch.setattr(phone.export, "to_onnx", lambda _: None)
    phone.main(["hot dogs", "--counts", "9", "--rounds", "2", "--out", str(tmp_path / "r.json")])
    (row,) = record.read(tmp_path / "r.json")["phone"]["results"].values()
    assert row["copies"] == [2, 2] and row["of them found"] == [0, 0]
    for kept, *ways in zip(row["kept"], row["linear probe"], row["recipe"], strict=True):
        assert kept in ways and 0 <= kept <= 1
    assert "| hot dogs, 9 per class | " in capsys.readouterr().out
