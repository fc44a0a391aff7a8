"""Freed memory stays in the process while it trains, and goes back afterwards."""

import json
import os
import subprocess
import sys

import pytest

from helpers import processes
from tests.conftest import ROOT

MEASURE = """
import json, resource
import torch
from helpers import processes

def megabytes():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for i in range(5):
        torch.ones(10_000_000) * i  # 40 MB each
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
by_default = faults()
processes.keep_memory()
faults()
kept, full = faults(), megabytes()
processes.give_back_memory()
print(json.dumps([by_default, kept, full - megabytes()]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not processes.keep_memory(), reason="no glibc, whose settings these are")
def test_a_kept_tensor_s_memory_is_used_again_and_goes_back_when_asked():
    command = [sys.executable, "-c", MEASURE]
    plain = os.environ | {"GLIBC_TUNABLES": ""}  # without course.py's large pages
    result = subprocess.run(command, cwd=ROOT, env=plain, capture_output=True, check=True)
    by_default, kept, given_back = json.loads(result.stdout)
    assert by_default > 10_000  # pages of 4 kB: five times 40 MB and more, fetched and cleared
    assert kept < by_default / 5
    assert given_back > 30  # MB
