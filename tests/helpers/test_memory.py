"""Freed memory stays in the process while it trains, and goes back afterwards."""

import json
import subprocess
import sys

import pytest
import torch

from helpers import data, train
from helpers.train import fit
from tests.conftest import ROOT, SMALL, SmallNet, draw_classes

HERE = """
import json, resource, sys
import torch
from helpers import train

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def held():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6

def step():
    return sum((torch.ones(10_000_000) * i).sum().item() for i in range(5))  # 40 MB each

def learn():
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 32, 3), torch.nn.BatchNorm2d(32), torch.nn.ReLU(),
        torch.nn.Flatten(), torch.nn.Linear(32 * 94 * 94, 2),
    )
    optimizer = torch.optim.SGD(net.parameters(), 0.01)
    for _ in range(3):
        optimizer.zero_grad()
        net(torch.randn(8, 3, 96, 96)).square().mean().backward()
        optimizer.step()
    return torch.nn.utils.parameters_to_vector(net.parameters())

weights = learn()
step()
before = faults(); first = step(); as_it_comes = faults() - before
train.keep_memory(); step()
before = faults(); again = step(); kept = faults() - before
full = held(); train.give_back_memory(); empty = held()
same = first == again and torch.equal(learn(), weights)
print(json.dumps([as_it_comes, kept, full - empty, same]))
"""
needs_glibc = pytest.mark.skipif(
    not train.keep_memory(), reason="no glibc, whose settings these are"
)


@needs_glibc
def test_a_kept_tensor_s_memory_is_used_again_and_goes_back_when_asked():
    asked = [sys.executable, "-c", HERE]
    found = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)
    as_it_comes, kept, given_back, same = json.loads(found.stdout)
    assert as_it_comes > 10_000  # 4 kB each: five times 40 MB and more, fetched and cleared
    assert kept < as_it_comes / 5
    assert given_back > 30  # MB
    assert same


@needs_glibc
def test_a_fit_keeps_memory_while_it_runs_and_gives_it_back_at_its_end(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(train, "keep_memory", lambda: calls.append("keep"))
    monkeypatch.setattr(train, "give_back_memory", lambda: calls.append("give back"))
    pictures = data.read_folder(draw_classes(tmp_path, {"a": 2, "b": 2}), SMALL)
    net = SmallNet()
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    fit(net, data.loader(pictures, 2), None, optimizer, 1, quiet=True)
    assert calls[0] == "keep" and calls[-1] == "give back" and calls.count("give back") == 1


def test_where_the_c_library_is_another_nothing_is_set(monkeypatch):
    monkeypatch.setattr(train, "_glibc", lambda: None)
    train.keep_memory.cache_clear()
    try:
        assert train.keep_memory() is False
        train.give_back_memory()
    finally:
        train.keep_memory.cache_clear()
