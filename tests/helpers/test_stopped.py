"""Training stopped anywhere, killed at any moment, taken up again from its checkpoint."""

import ast
import inspect
import os
import pickle
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from torch import nn

from helpers import CourseError, train
from helpers.data import loader
from helpers.train import fit, predict
from tests.conftest import ROOT, SmallNet

STEPS = tuple(os.path.dirname(inspect.getfile(module)) for module in (torch.optim, nn.modules))


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


class StopAt:
    """Raises KeyboardInterrupt at the n-th moment within the `try` of fit.

    A moment: a line of helpers/train.py, or the beginning of a function of torch's optimisers
    and layers.
    """

    def __init__(self, n: int, lines: bool):
        self.left, self.lines, self.guarded = n, lines, guarded_lines()
        self.inside = False

    def __call__(self, frame, event, argument):
        file = frame.f_code.co_filename
        if frame.f_code is fit.__code__:
            return self.in_fit
        if self.inside and not self.lines and file.startswith(STEPS):
            self.count()
        return self.line if self.inside and self.lines and file == train.__file__ else None

    def in_fit(self, frame, event, argument):
        self.inside = frame.f_lineno in self.guarded
        return self.line(frame, event, argument) and self.in_fit

    def line(self, frame, event, argument):
        if event == "line" and self.inside and self.lines:
            self.count()
        return self.line

    def count(self):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt

    def __enter__(self):
        self.before = sys.gettrace()
        sys.settrace(self)
        return self

    def __exit__(self, *error):
        sys.settrace(self.before)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a generator's end
@pytest.mark.parametrize(
    "lines", [pytest.param(True, marks=pytest.mark.slow), False], ids=["lines of fit", "torch"]
)
def test_stopped_anywhere_the_history_so_far_comes_back_and_the_network_works(
    pictures, tmp_path, lines
):
    whole, history = run(pictures, tmp_path / "whole.pt")
    with StopAt(10**9, lines) as counter:
        run(pictures, tmp_path / "counted.pt")
    moments = 10**9 - counter.left
    assert moments > 200
    steps_seen = Counter()
    for n in range(1, moments + 1, 1 if lines else max(1, moments // 50)):
        file = tmp_path / str(n) / "a.pt"
        with StopAt(n, lines) as stop:
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
        steps_seen[len(stopped.steps)] += 1
    assert set(steps_seen) == set(range(5))
    again, resumed = run(pictures, file)  # the last one, taken up again
    assert resumed.epochs == history.epochs and same_weights(again, whole)


def test_a_run_taken_up_again_ends_as_if_it_had_never_stopped(pictures, tmp_path):
    file = tmp_path / "runs" / "a.pt"
    whole, history = run(pictures, epochs=4)
    run(pictures, file, epochs=2)
    again, resumed = run(pictures, file, epochs=4)
    assert same_weights(whole, again)
    assert resumed == history
    assert [p.name for p in file.parent.iterdir()] == ["a.pt"]


class Malice:
    def __reduce__(self):
        return Path.touch, (Path("was_run"),)


def write_malicious_checkpoint(file: Path) -> None:
    torch.save({"net": SmallNet().state_dict(), "history": Malice()}, file)


@pytest.mark.parametrize(
    "write",
    [
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(b"no checkpoint"),
        lambda file: file.write_bytes(pickle.dumps(Malice(), protocol=2)),
        write_malicious_checkpoint,
    ],
    ids=["empty", "text", "a pickle with code", "a file of torch with code"],
)
def test_a_checkpoint_of_something_else_is_refused_kept_and_never_run(
    pictures, tmp_path, monkeypatch, write
):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "run.pt"
    write(file)
    content = file.read_bytes()
    with pytest.raises(CourseError, match="run.pt does not match this run: delete it"):
        run(pictures, file)
    assert file.read_bytes() == content
    assert not Path("was_run").exists()
    if b"was_run" in content:
        with suppress(RuntimeError):  # a careless program would have run it
            torch.load(file, weights_only=False)
        assert Path("was_run").exists()


KILL = """
import os, random, signal, sys, time, torch
import torch._dynamo  # the first step of an optimiser would load it
from pathlib import Path
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from helpers.train import fit

BATCH = DataLoader(TensorDataset(torch.randn(4, 1000), torch.tensor([0, 1, 0, 1])), 4)

def run(file, epochs):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(1000, 1000), nn.BatchNorm1d(1000), nn.Linear(1000, 2))
    sgd = torch.optim.SGD(net.parameters(), 0.1)
    schedule = torch.optim.lr_scheduler.StepLR(sgd, 1)
    return fit(net, BATCH, None, sgd, epochs, scheduler=schedule, checkpoint=file, quiet=True)

def go_on(file):
    # what is read belongs together, each epoch being one batch, and can be gone on from
    saved = torch.load(file, weights_only=True)
    n = len(saved["history"]["epochs"])
    assert saved["net"]["1.num_batches_tracked"] == saved["scheduler"]["last_epoch"] == n > 0
    assert len(run(file, n + 1).epochs) == n + 1
    assert os.listdir(file.parent) == [file.name]

def child(act, *arguments):
    pid = os.fork()  # for each run, since autograd cannot be forked once it has run
    if not pid:
        try:
            act(*arguments)
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return pid

run(Path("first") / "a.pt", 0)  # what is loaded only now, each child would load again
moments, halves = random.Random(5), 0
for i in range(200):
    if i >= 10 and halves:
        break  # ten were killed, and one of them in the middle of a save
    file = Path(f"run{i}") / "a.pt"
    pid = child(run, file, 10**9)
    while not file.exists():
        time.sleep(0.001)
    time.sleep(moments.uniform(0, 0.1))
    os.kill(pid, signal.SIGKILL)
    assert os.waitpid(pid, 0)[1] == signal.SIGKILL
    halves += len(os.listdir(file.parent)) > 1
    assert os.waitpid(child(go_on, file), 0)[1] == 0
assert halves > 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_any_moment_the_last_whole_checkpoint_is_taken_up(tmp_path):
    variables = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", KILL]
    options = {"cwd": tmp_path, "capture_output": True, "text": True, "timeout": 100}
    result = subprocess.run(command, env=os.environ | variables, **options)
    assert result.returncode == 0, result.stderr
