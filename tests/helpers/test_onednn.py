"""The fault of oneDNN that ends a process, on any processor with AVX2: tried in child processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import helpers  # noqa: F401  from now on, networks are safe

SETUP = """
import sys, timm, torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.shortcut = nn.Conv2d(3, 16, 3, 2, 1), nn.Conv2d(3, 16, 1, 2)
        self.fc = nn.Linear(16, 2)

    def forward(self, x):
        return self.fc((self.conv(x).relu() + self.shortcut(x)).mean((2, 3)))

pictures = torch.randn(32, 3, 32, 32).contiguous(memory_format=torch.channels_last)
batches = DataLoader(TensorDataset(pictures, torch.arange(32) % 2), 8)
"""
TRAIN = """
from helpers import models, train
optimizer = torch.optim.SGD(net.parameters(), 0.01)
train.fit(net, batches, None, optimizer, 2, quiet=True)
train.evaluate(net, batches), train.predict(net, batches)
"""
WAYS = {
    "fit": "import helpers; net = Residual()" + TRAIN,
    "a network made before": "net = Residual()" + TRAIN,
    "a channels-last network": "import helpers; net = Residual()\n"
    "net.to(memory_format=torch.channels_last)" + TRAIN,
    "your own loop": """
import helpers
net = Residual()
for _ in range(3):
    for x, y in batches:
        F.cross_entropy(net(x), y).backward()
""",
}
LOADED = """
from helpers import models
net = models.replace_head(models.load_pretrained("{}", size=32, weights=None), ["a", "b"])
"""
NETWORKS = ["repvgg_a0", "mobileone_s0", "fastvit_t8"]
WAYS |= {name: LOADED.format(name) + TRAIN for name in NETWORKS}
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in WAYS if name != "your own loop"]


@pytest.mark.trap("strided 1 x 1 convolutions on three channels in channels-last")
@pytest.mark.parametrize("way", ["your own loop", *SLOW])
def test_a_strided_1x1_convolution_on_pictures_does_not_end_the_process(way):
    env = os.environ | {"ONEDNN_MAX_CPU_ISA": "AVX2", "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, "-c", SETUP + WAYS[way]],
        env=env | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("stride", [2, 3, (1, 2)])
def test_it_computes_what_torch_computes(stride):
    layer = nn.Conv2d(3, 5, 1, stride)
    x = torch.randn(2, 3, 9, 9)
    expected = layer(x)
    net = nn.Sequential(layer)
    assert type(net[0]) is not nn.Conv2d
    torch.testing.assert_close(net(x), expected)


@pytest.mark.parametrize(
    "layer", [nn.Conv2d(8, 4, 1, 2), nn.Conv2d(3, 4, 3, 2), nn.Conv2d(3, 4, 1), nn.ReLU()]
)
def test_other_layers_stay_as_they_are(layer):
    kind = type(layer)
    assert type(nn.Sequential(layer)[0]) is kind
