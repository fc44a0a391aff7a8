"""Training and measuring where the network lives on another device than the data."""

import subprocess
import sys

from tests.conftest import ROOT

PLACES = """
import copy, os, sys, torch
from pathlib import Path
from helpers import data, train
from tests import pretend_device
from tests.conftest import SMALL, SmallNet, draw_classes

os.environ.pop("ACCELERATE_USE_CPU", None)  # other tests set it
pretend_device.install()
loader = data.loader(data.read_folder(draw_classes(Path(sys.argv[1]), {"a": 4, "b": 4}), SMALL), 4)
net = SmallNet()
where = lambda: next(net.parameters()).device.type
for measure in (train.predict, train.evaluate, train.extract_features):
    measure(net, loader)
    assert where() == "cpu", (measure, where())
train.fit(net, loader, loader, torch.optim.SGD(net.parameters(), 0.1), 1, quiet=True)
assert where() == "pretend"
train.predict(net, loader)
assert where() == "pretend"
moved = copy.deepcopy(net).cpu()
train.fit(moved, loader, loader, torch.optim.SGD(moved.parameters(), 0.1), 1, quiet=True)
assert next(moved.parameters()).device.type == "pretend"
try:
    net(torch.zeros(1, 3, 16, 16))
except RuntimeError as error:
    assert "same device" in str(error)
    print("refused")
"""


def test_measuring_leaves_a_network_where_it_was_and_training_leaves_it_on_the_device(tmp_path):
    command = [sys.executable, "-c", PLACES, str(tmp_path / "set")]
    child = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert child.stdout == "refused\n", child.stderr
