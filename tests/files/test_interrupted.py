"""Fetches killed or started twice: a whole data set is there or nothing, and the next works."""

import hashlib
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.files import bad_server
from tests.files.test_archives import files, packed

pytestmark = pytest.mark.slow
NAME = "cifar-10-tiny"
FETCH = """
import sys
from pathlib import Path
from helpers.files import d2l_sets
d2l_sets.SETS["cifar-10-tiny"] = ("set.zip", sys.argv[1])
print("ready", flush=True)
d2l_sets.download("cifar-10-tiny", Path("cifar-10-tiny"))
"""
DRAW = random.Random(7)
SET = {f"train/{i}.png": DRAW.randbytes(2000) for i in range(400)}
SET |= {"trainLabels.csv": b"id,label\n1,cat\n", "test/1.png": b"1"}
WHOLE = SET | {"sampleSubmission.csv": b"id,label\n1,cat\n"}


@pytest.fixture
def server():
    """Gives the archive in pieces, for a third of a second or so."""

    def slowly(handler, n):
        handler.begin()
        content = handler.server.content
        for start in range(0, len(content), step := len(content) // 50):
            handler.wfile.write(content[start : start + step])
            time.sleep(0.005)

    with bad_server.running() as server:
        server.content, server.behave = packed(*SET.items()), slowly
        yield server


def fetch(server, folder: Path) -> subprocess.Popen:
    """A process that fetches the set from the server; it is ready to begin."""
    folder.mkdir(exist_ok=True)
    variables = {"COURSE_MIRROR": server.url, "NO_PROXY": "127.0.0.1", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", FETCH, hashlib.sha1(server.content).hexdigest()],
        env=os.environ | variables,
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


def end(process: subprocess.Popen) -> None:
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_killed_at_a_random_moment_all_is_there_or_nothing(server, tmp_path):
    first, begin = fetch(server, tmp_path / "whole"), time.perf_counter()
    end(first)
    duration = time.perf_counter() - begin
    for i in range(4):
        place = tmp_path / str(i)
        victim = fetch(server, place)
        time.sleep(DRAW.uniform(0, duration))
        victim.kill()
        victim.communicate()
        assert not (place / NAME).exists() or files(place / NAME) == WHOLE
        end(fetch(server, place))
        assert files(place / NAME) == WHOLE
        assert set(os.listdir(place)) - {f"{NAME}.lock"} == {NAME, "set.zip"}


def test_one_process_of_two_is_killed_and_the_other_goes_on(server, tmp_path):
    victim = fetch(server, tmp_path)
    while not (tmp_path / "set.zip.part").exists():
        time.sleep(0.01)
    other = fetch(server, tmp_path)
    victim.kill()
    victim.communicate()
    end(other)
    assert files(tmp_path / NAME) == WHOLE
