"""Several processes do what one does: on processors, over gloo."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from torch import nn

from helpers import CourseError, data
from helpers.models import keep_statistics
from helpers.processes import accelerator_for
from helpers.train import evaluate, extract_features, fit, predict
from scale import on_device
from tests.conftest import ROOT, SMALL, SmallNet, draw_classes

# what `accelerate launch` calls for several GPUs; for processors it wants MPI instead
LAUNCH = ["-m", "torch.distributed.run", "--nproc_per_node", "2"]
os.environ["ACCELERATE_USE_CPU"] = "true"  # here, and in the processes that are launched
CLOSE = {"rtol": 0, "atol": 1e-6}  # weights of size 0.1 to 1: sums are taken in another order


def work(folder: Path, make_loader, net: SmallNet, loss: nn.Module | None = None) -> dict:
    """Returns what comes of a run with short last batches: 23 pictures by 4, 9 to validate."""
    train = data.read_folder(folder / "train", SMALL)
    valid = data.read_folder(folder / "valid", SMALL)
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 5)
    batches = make_loader(train, 4, shuffle=True)
    options = {"scheduler": schedule, "loss": loss}
    history = fit(net, batches, make_loader(valid, 4), optimizer, 3, **options)
    for row in history.epochs:
        row.pop("seconds")
    in_order = make_loader(valid, 8)
    return {
        "weights": net.state_dict(),
        "epochs": history.epochs,
        "steps": history.steps,
        "scores": evaluate(net, in_order),
        "probabilities": predict(net, in_order),
        "features": extract_features(net, in_order),
    }


def works(folder: Path) -> dict[str, dict]:
    """Returns a run with each kind of loader, and one whose statistics and dropout are random."""

    def on_processor(*arguments, **options):
        return on_device.loader(*arguments, **options, device="cpu")

    runs = {}
    for name, make_loader in (("loader", data.loader), ("on_device", on_processor)):
        torch.manual_seed(3)
        runs[name] = work(folder, make_loader, keep_statistics(SmallNet(dropout=0)))
    torch.manual_seed(3)
    weighted = nn.CrossEntropyLoss(torch.tensor([1.0, 4.0]), label_smoothing=0.1)
    net = keep_statistics(SmallNet(dropout=0))
    runs["weighted"] = work(folder, data.loader, net, weighted)
    torch.manual_seed(3)
    runs["random"] = work(folder, data.loader, SmallNet())
    return runs


if __name__ == "__main__":  # in each of the launched processes
    place = Path(sys.argv[1])
    torch.save(works(place), place / f"{os.environ['RANK']}.pt")
    Accelerator().end_training()  # without it, a process may abort when it ends


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """What comes of one process, of each of two, and what these two print."""
    folder = tmp_path_factory.mktemp("run")
    draw_classes(folder / "train", {"a": 12, "b": 11})
    draw_classes(folder / "valid", {"a": 5, "b": 4}, seed=1)
    variables = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    launched = subprocess.run(
        [sys.executable, *LAUNCH, __file__, str(folder)],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert launched.returncode == 0, launched.stderr
    both = [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in (0, 1)]
    return works(folder), both, launched.stdout


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("kind", ["loader", "on_device", "weighted"])
def test_two_processes_end_like_one(runs, kind, rank):
    one, two = runs[0][kind], runs[1][rank][kind]
    for name, value in one["weights"].items():
        torch.testing.assert_close(two["weights"][name], value, **CLOSE)
    for table in ("epochs", "steps"):  # losses and accuracies over the examples of both
        for theirs, row in zip(two[table], one[table], strict=True):
            assert theirs == pytest.approx(row, abs=1e-5)
    assert two["scores"] == pytest.approx(one["scores"], abs=1e-5)
    torch.testing.assert_close(two["probabilities"], one["probabilities"], rtol=0, atol=1e-5)
    torch.testing.assert_close(two["features"], one["features"], rtol=0, atol=1e-5)


@pytest.mark.slow
def test_with_learning_statistics_both_processes_still_hold_the_same_network(runs):
    first, second = (run["random"] for run in runs[1])
    for name, value in first["weights"].items():
        assert torch.equal(second["weights"][name], value), name
    assert first["epochs"] == second["epochs"]


@pytest.mark.slow
def test_one_process_alone_prints(runs):
    assert runs[2].count("train loss") == 4  # a table for each of the runs


def test_a_batch_that_cannot_be_shared_is_refused_with_a_sentence(monkeypatch, pictures):
    monkeypatch.setattr(Accelerator, "num_processes", 3)
    with pytest.raises(CourseError, match="A batch of 4 .* among 3 processes: make batch_size"):
        accelerator_for(data.loader(pictures, 4))


def test_without_a_gpu_half_precision_is_never_used(monkeypatch, pictures):
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert accelerator_for(data.loader(pictures, 4)).mixed_precision == "no"
