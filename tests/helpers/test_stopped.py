"""Training stopped anywhere, killed at any moment, taken up again from its checkpoint."""

import ast
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from helpers import CourseError, evaluation, processes, progress, train
from helpers.data import loader
from helpers.train import fit, predict
from tests.conftest import ROOT, SmallNet
from tests.helpers.test_models import Malice, bytes_of


def run(pictures, checkpoint=None, epochs=2):
    """Returns net and history, without the seconds that differ, of epochs of two batches."""
    torch.manual_seed(3)
    net = SmallNet()
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 3)
    batches, valid = loader(pictures, 11, shuffle=True), loader(pictures, 22)
    options = {"scheduler": scheduler, "checkpoint": checkpoint, "quiet": True}
    history = fit(net, batches, valid, optimizer, epochs, **options)
    for row in history.epochs:
        row.pop("seconds", None)
    return net, history


def same_weights(a: nn.Module, b: nn.Module) -> bool:
    pairs = zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    return all(torch.equal(x, y) for x, y in pairs)


def guarded_lines() -> range:
    """Returns the lines of the `try` in fit: before them nothing is learned, after them all is."""
    lines, first = inspect.getsourcelines(fit)
    (node,) = [n for n in ast.walk(ast.parse("".join(lines))) if isinstance(n, ast.Try)]
    return range(first + node.body[0].lineno - 1, first + node.body[-1].end_lineno)


FILES = {module.__file__ for module in (train, evaluation, processes, progress)}


class StopAt:
    """Raises KeyboardInterrupt at the n-th line of training's files within the `try` of fit."""

    def __init__(self, n: int):
        self.left, self.guarded, self.inside = n, guarded_lines(), False

    def __call__(self, frame, event, argument):
        if frame.f_code.co_filename not in FILES:
            return None
        if frame.f_code is fit.__code__:
            self.inside = frame.f_lineno in self.guarded
        if self.inside and event == "line":
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt
        return self

    def __enter__(self):
        self.before = sys.gettrace()
        sys.settrace(self)
        return self

    def __exit__(self, *error):
        sys.settrace(self.before)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a generator's end
@pytest.mark.parametrize("step", [13, pytest.param(1, marks=pytest.mark.slow)])
def test_stopped_at_any_line_the_history_so_far_comes_back_and_the_network_works(
    pictures, tmp_path, step
):
    _, history = run(pictures)
    with StopAt(10**9) as counter:
        run(pictures, tmp_path / "counted.pt")
    lines = 10**9 - counter.left
    assert lines > 200
    for n in range(1, lines + 1, step):
        file = tmp_path / str(n) / "a.pt"
        with StopAt(n) as stop:
            net, stopped = run(pictures, file)
        assert stop.left <= 0
        whole_epochs = len(stopped.epochs)
        assert stopped.epochs == history.epochs[:whole_epochs]
        assert stopped.steps == history.steps[: len(stopped.steps)]
        assert 2 * whole_epochs <= len(stopped.steps) <= 2 * whole_epochs + 2
        assert not any(layer.training for layer in net.modules())
        assert predict(net, loader(pictures, 22)).isfinite().all()
        assert not file.parent.exists() or set(os.listdir(file.parent)) <= {"a.pt"}
        if file.exists():
            saved = torch.load(file, weights_only=True)["history"]
            assert len(saved["epochs"]) in (whole_epochs - 1, whole_epochs)


def test_a_run_taken_up_again_ends_as_if_it_had_never_stopped(pictures, tmp_path):
    file = tmp_path / "runs" / "a.pt"
    whole, history = run(pictures, epochs=4)
    run(pictures, file, epochs=2)
    again, resumed = run(pictures, file, epochs=4)
    assert same_weights(whole, again)
    assert resumed == history
    assert [p.name for p in file.parent.iterdir()] == ["a.pt"]


def test_a_checkpoint_of_something_else_is_refused_kept_and_never_run(
    pictures, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    for content in (b"no checkpoint", bytes_of({"net": {}, "history": Malice()})):
        Path("run.pt").write_bytes(content)
        with pytest.raises(CourseError, match="run.pt does not match this run: delete it"):
            run(pictures, "run.pt")
        assert Path("run.pt").read_bytes() == content
        assert not Path("was_run").exists()


KILLED = """
import os, sys, torch
from helpers import data
from tests.conftest import SMALL
from tests.helpers.test_stopped import run

save = torch.save

def save_half(values, file):
    save(values, file)
    if len(values["history"]["epochs"]) == 2:
        os.truncate(file, os.path.getsize(file) // 2)
        os._exit(9)  # nothing is tidied up, as when a process is killed

torch.save = save_half
run(data.read_folder(sys.argv[1], SMALL), sys.argv[2], epochs=3)
"""


def test_killed_in_the_middle_of_a_save_the_last_whole_checkpoint_is_taken_up(pictures, tmp_path):
    file = tmp_path / "runs" / "a.pt"
    command = [sys.executable, "-c", KILLED, str(tmp_path / "set"), str(file)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    killed = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert killed.returncode == 9, killed.stderr
    assert len(os.listdir(file.parent)) == 2  # a whole one, and half of the next
    assert len(torch.load(file, weights_only=True)["history"]["epochs"]) == 1
    again, resumed = run(pictures, file, epochs=3)
    whole, history = run(pictures, epochs=3)
    assert resumed == history and same_weights(again, whole)
    assert os.listdir(file.parent) == ["a.pt"]
