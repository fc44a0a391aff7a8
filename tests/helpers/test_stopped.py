"""Training stopped anywhere, killed while it saves; two notebooks that organise one competition."""

import ast
import inspect
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch
from torch import nn

from helpers import data
from helpers.data import loader
from helpers.train import fit, predict
from tests.conftest import SmallNet

ROOT = Path(__file__).parents[2]
OWN = {str(ROOT / "helpers" / name) for name in ("train.py",)}
STEPS = tuple(os.path.dirname(inspect.getfile(m)) for m in (torch.optim, nn.modules))


def run(pictures, checkpoint=None):
    """Two epochs of two batches; net and history, without the seconds that differ."""
    torch.manual_seed(3)
    net = SmallNet()
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 3)
    batches, valid = loader(pictures, 11, shuffle=True), loader(pictures, 22)
    how = {"scheduler": scheduler, "checkpoint": checkpoint, "quiet": True}
    history = fit(net, batches, valid, optimizer, 2, **how)
    for row in history.epochs:
        row.pop("seconds")
    return net, history


def guarded_lines() -> range:
    """The lines of the `try` in fit: outside of it nothing has been learnt, or all is done."""
    lines, first = inspect.getsourcelines(fit)
    (node,) = [n for n in ast.walk(ast.parse("".join(lines))) if isinstance(n, ast.Try)]
    return range(first + node.body[0].lineno - 1, first + node.body[-1].end_lineno)


class StopAt:
    """Raises KeyboardInterrupt at the n-th moment: a line of helpers/train.py or helpers/report.py
    that runs within the `try` of fit, or a function of torch's optimisers and layers that begins.
    """

    def __init__(self, n: int, lines: bool):
        self.left, self.lines, self.guarded = n, lines, guarded_lines()
        self.inside = False

    def __call__(self, frame, event, argument):
        name = frame.f_code.co_filename
        if frame.f_code is fit.__code__:
            return self.in_fit
        if self.inside and not self.lines and name.startswith(STEPS):
            self.count()
        return self.line if self.inside and self.lines and name in OWN else None

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
@pytest.mark.parametrize("lines", [True, False], ids=["lines of fit", "calls of torch"])
def test_stopped_anywhere_the_history_so_far_comes_back_and_the_network_works(
    pictures, tmp_path, lines
):
    whole, history = run(pictures, tmp_path / "whole.pt")
    with StopAt(10**9, lines) as counter:
        run(pictures, tmp_path / "counted.pt")
    moments = 10**9 - counter.left
    assert moments > 200
    seen = Counter()
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
        assert not Path(f"{file}.part").exists()
        if file.exists():
            saved = torch.load(file, weights_only=True)["history"]
            assert len(saved["epochs"]) in (whole_epochs - 1, whole_epochs)
        seen[len(stopped.steps)] += 1
    assert set(seen) == set(range(5))
    again, resumed = run(pictures, file)  # the last one, taken up again
    for row in resumed.epochs:
        row.pop("seconds", None)
    assert resumed.epochs == history.epochs
    assert all(torch.equal(a, b) for a, b in zip(*map(values, (again, whole)), strict=True))


def values(net) -> list:
    return list(net.state_dict().values())


KILL = """
import os, random, signal, sys, time, torch
from pathlib import Path
from torch import nn
from helpers.train import History, _load, _save

def parts(n):
    net = nn.Linear(1000, 1000)
    nn.init.constant_(net.weight, n)
    sgd = torch.optim.SGD(net.parameters(), 0.1)
    return net, sgd, torch.optim.lr_scheduler.StepLR(sgd, 1), History([{"epoch": n}])

def save_for_ever(file):
    net, sgd, scheduler, history = parts(0)
    for n in range(1, 10**9):
        net.weight.data.fill_(n)
        history.epochs[0]["epoch"] = n
        _save(file, net, sgd, scheduler, history)

moments, last, halves = random.Random(5), [], 0
for i in range(200):
    if i >= 10 and halves:
        break  # ten were killed, and one of them in the middle of a save
    file = Path(f"{i}.pt")
    _save(file, *parts(0))
    child = os.fork()
    if not child:
        save_for_ever(file)
    time.sleep(moments.uniform(0.02, 0.15))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    halves += Path(f"{i}.pt.part").exists()
    net, sgd, scheduler, _ = parts(-1)
    history = _load(file, net, sgd, scheduler, "cpu")
    (row,) = history.epochs
    assert (net.weight == row["epoch"]).all(), row
    last.append(row["epoch"])
    _save(file, *parts(7))  # whatever lies there does not stop the next one
    assert sorted(p.name for p in Path().glob(f"{i}.pt*")) == [file.name]
print(last, halves)
assert len(last) >= 10 and max(last) > 0 and halves > 0
"""


def child(code: str, folder: Path) -> str:
    """What a Python of its own prints that runs this code in the folder."""
    variables = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    how = {"cwd": folder, "capture_output": True, "text": True, "timeout": 100}
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | variables, **how)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_while_it_saves_the_last_whole_checkpoint_is_read(tmp_path):
    child(KILL, tmp_path)


TWICE = """
import os, sys
from pathlib import Path
from helpers import kaggle

for n in range(3):
    folder = Path(f"out{n}")
    children, (wait, go) = [], os.pipe()
    for notebook in range(3):
        pid = os.fork()
        if not pid:
            os.close(go)
            os.read(wait, 1)  # until every other process has closed its end
            try:
                found = kaggle.organize("cifar-10", folder=folder)
                for _ in range(3):  # and it stays as it is while others come
                    for file in [path for path in found.rglob("*") if path.is_file()]:
                        file.read_bytes()
                    assert len(list(found.glob("*/*/*"))) == 2 * 60 + 20
            except BaseException as error:
                print(repr(error), file=sys.stderr, flush=True)
                os._exit(1)
            os._exit(0)
        children.append(pid)
    os.close(go)
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0, 0, 0]
    assert sorted(p.name for p in Path().glob(f"out{n}*")) == [folder.name]
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_notebooks_that_organise_one_competition_at_once(tmp_path):
    root = tmp_path / "cifar-10"
    for part, first, n in (("train", 1, 60), ("test", 100, 20)):
        (root / part).mkdir(parents=True)
        for i in range(first, first + n):
            (root / part / f"{i}.png").write_bytes(b"picture")
    lines = ["id,label", *(f"{i},{('cat', 'dog')[i % 2]}" for i in range(1, 61))]
    (root / "trainLabels.csv").write_text("\n".join(lines) + "\n")
    child(TWICE, tmp_path)


def test_a_killed_organising_is_made_anew(tmp_path):
    from helpers import kaggle

    root = data.FOLDER / "drawn" / "cifar-10"
    half = tmp_path / "out.part" / "train"
    half.mkdir(parents=True)
    (half / "half").touch()
    found = kaggle.organize(root, folder=tmp_path / "out")
    assert os.listdir(tmp_path) == ["out"] and not (found / "train" / "half").exists()
