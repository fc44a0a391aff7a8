"""Several processes do what one does: on processors, over gloo."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator

from helpers import CourseError, data
from helpers.models import keep_statistics
from helpers.train import accelerator_for, evaluate, extract_features, fit, predict
from scale import on_device
from tests.conftest import SMALL, SmallNet, draw_classes

TOLERANCE = 1e-6  # of weights of size 0.1 to 1: sums are taken in another order
# what `accelerate launch` calls for several GPUs; for processors it wants MPI instead
LAUNCH = ["-m", "torch.distributed.run", "--nproc_per_node", "2"]
os.environ["ACCELERATE_USE_CPU"] = "true"
HERE = "cpu"  # where these processes compute


def work(folder: Path, learning: bool = False) -> dict:
    """A run with short last batches: 23 pictures in batches of 4, 9 to validate.

    learning: BatchNorm in train mode and dropout, whose numbers depend on who sees what.
    """
    train = data.read_folder(folder / "train", SMALL)
    valid = data.read_folder(folder / "valid", SMALL)
    torch.manual_seed(3)
    net = SmallNet(dropout=0.2 if learning else 0)
    net = net if learning else keep_statistics(net)
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 5)
    batches = data.loader(train, 4, shuffle=True)
    history = fit(net, batches, data.loader(valid, 4), optimizer, 3, scheduler=schedule)
    for row in history.epochs:
        row.pop("seconds")
    in_order = data.loader(valid, 8)
    torch.manual_seed(3)
    again = keep_statistics(SmallNet(dropout=0))
    optimizer = torch.optim.SGD(again.parameters(), 0.1, momentum=0.9)
    batches = on_device.loader(train, 4, shuffle=True, device=HERE)
    fit(again, batches, None, optimizer, 2, quiet=True)
    return {
        "learned on the device": again.state_dict(),
        "seen on the device": predict(net, on_device.loader(valid, 8, device=HERE)),
        "net": net.state_dict(),
        "epochs": history.epochs,
        "steps": history.steps,
        "scores": evaluate(net, in_order),
        "probabilities": predict(net, in_order),
        "features": extract_features(net, in_order),
    }


if __name__ == "__main__":  # in each of the launched processes
    asked = Path(sys.argv[1])
    found = [work(asked), work(asked, learning=True)]
    torch.save(found, asked / f"{os.environ['RANK']}.pt")
    Accelerator().end_training()  # without it, a process may abort when it ends


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """What one process found, what each of two found, and what these two printed."""
    folder = tmp_path_factory.mktemp("run")
    draw_classes(folder / "train", {"a": 12, "b": 11})
    draw_classes(folder / "valid", {"a": 5, "b": 4}, seed=1)
    paths = str(Path(__file__).parents[2])
    said = subprocess.run(
        [sys.executable, *LAUNCH, __file__, str(folder)],
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert said.returncode == 0, said.stderr
    both = [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in (0, 1)]
    return work(folder), both, said.stdout


@pytest.mark.parametrize("rank", [0, 1])
def test_two_processes_end_with_the_weights_of_one(runs, rank):
    one, both, _ = runs
    for name, value in one["net"].items():
        torch.testing.assert_close(both[rank][0]["net"][name], value, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("rank", [0, 1])
def test_two_processes_that_make_their_batches_on_the_device_end_like_one(runs, rank):
    one, both, _ = runs
    theirs = both[rank][0]["learned on the device"]
    for name, value in one["learned on the device"].items():
        torch.testing.assert_close(theirs[name], value, rtol=0, atol=TOLERANCE)
    seen = both[rank][0]["seen on the device"]
    torch.testing.assert_close(seen, one["probabilities"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("rank", [0, 1])
def test_losses_and_accuracies_are_over_all_examples_of_all_processes(runs, rank):
    one, both, _ = runs
    for what in ("epochs", "steps"):
        assert len(both[rank][0][what]) == len(one[what])
        for theirs, row in zip(both[rank][0][what], one[what], strict=True):
            assert theirs == pytest.approx(row, abs=1e-5)
    assert both[rank][0]["scores"] == pytest.approx(one["scores"], abs=1e-5)


@pytest.mark.parametrize("rank", [0, 1])
def test_answers_and_features_stand_in_the_order_of_the_pictures_and_none_twice(runs, rank):
    one, both, _ = runs
    theirs = both[rank][0]
    torch.testing.assert_close(theirs["probabilities"], one["probabilities"], rtol=0, atol=1e-5)
    torch.testing.assert_close(theirs["features"][0], one["features"][0], rtol=0, atol=1e-5)
    assert torch.equal(theirs["features"][1], one["features"][1])


def test_with_learning_statistics_both_processes_still_hold_the_same_network(runs):
    _, ((_, first), (_, second)), _ = runs
    for name, value in first["net"].items():
        assert torch.equal(second["net"][name], value), name
    assert first["epochs"] == second["epochs"]


def test_one_process_alone_prints(runs):
    assert runs[2].count("train loss") == 2  # one table for each of the two runs


def test_a_batch_that_cannot_be_shared_is_refused_with_a_sentence(monkeypatch, pictures):
    monkeypatch.setattr(Accelerator, "num_processes", 3)
    with pytest.raises(CourseError, match="A batch of 4 .* by 3 processes: make batch_size"):
        accelerator_for(data.loader(pictures, 4))


def test_without_a_gpu_half_precision_is_never_used(monkeypatch, pictures):
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert accelerator_for(data.loader(pictures, 4)).mixed_precision == "no"
