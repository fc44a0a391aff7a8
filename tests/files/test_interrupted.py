"""Fetches killed or started twice: a whole data set is there or nothing, and the next works."""

import hashlib
import os
import random
import re
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import pytest

from helpers import CourseError
from helpers.files import archives, competition
from helpers.files.atomic import alone
from tests.conftest import ROOT
from tests.files import bad_server
from tests.files.test_archives import files as held

FETCH = """
import sys
from pathlib import Path
from helpers.files import book
book.SETS[sys.argv[1]] = ("set.zip", sys.argv[2])
print("ready", flush=True)
book.download(sys.argv[1], Path("data") / sys.argv[1])
"""


@pytest.fixture(scope="module")
def packed(tmp_path_factory) -> tuple[bytes, dict]:
    """A zip of 400 small pictures and a table, and what it holds."""
    draw = random.Random(7)
    held = {f"train/{i}.png": draw.randbytes(2000) for i in range(400)}
    held |= {"trainLabels.csv": b"id,label\n1,cat\n", "test/1.png": b"1"}
    file = tmp_path_factory.mktemp("packed") / "set.zip"
    with zipfile.ZipFile(file, "w") as box:
        for name, content in held.items():
            box.writestr(f"set/{name}", content)
    return file.read_bytes(), held


@pytest.fixture
def server(packed):
    """Gives the archive in pieces, for a third of a second or so."""

    def slowly(handler, n):
        handler.begin()
        content = handler.server.content
        for start in range(0, len(content), step := len(content) // 50):
            handler.wfile.write(content[start : start + step])
            time.sleep(0.005)

    with bad_server.running() as server:
        server.content, server.behave = packed[0], slowly
        yield server


class Fetch:
    """A process that fetches a data set of the book from the server."""

    def __init__(self, server, folder: Path, name: str):
        digest = hashlib.sha1(server.content).hexdigest()
        variables = {"COURSE_MIRROR": server.url, "NO_PROXY": "127.0.0.1", "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, "-c", FETCH, name, digest],
            env=os.environ | variables,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout.readline() == "ready\n", self.process.stderr.read()

    def end(self) -> str:
        """What it printed after all went well."""
        out, err = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, err
        return out


def wanted(packed, name: str) -> dict[str, bytes]:
    sample = {"sampleSubmission.csv": b"id,label\n1,cat\n"} if name == "cifar-10-tiny" else {}
    return packed[1] | sample


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hotdog", "cifar-10-tiny"])
def test_killed_at_a_random_moment_all_is_there_or_nothing(server, packed, tmp_path, name):
    (tmp_path / "whole").mkdir()
    first, begin = Fetch(server, tmp_path / "whole", name), time.perf_counter()
    first.end()
    duration = time.perf_counter() - begin
    moments = random.Random(11)
    for i in range(3):
        place = tmp_path / str(i)
        place.mkdir()
        victim = Fetch(server, place, name)
        time.sleep(moments.uniform(0, duration))
        victim.process.kill()
        victim.process.communicate()
        was_there = (place / "data" / name).exists()
        if was_there:
            assert held(place / "data" / name) == wanted(packed, name)
        Fetch(server, place, name).end()
        assert held(place / "data" / name) == wanted(packed, name)
        left = {f"{name}.lock"} if was_there else set()  # killed before the lock's file was removed
        assert set(os.listdir(place / "data")) - left == {name, "set.zip"}


def test_two_processes_that_fetch_the_same_set_at_once_take_turns(server, packed, tmp_path):
    name = "cifar-10-tiny"
    both = [Fetch(server, tmp_path, name) for _ in range(2)]
    for process in both:
        process.end()
    assert server.requests == 1
    assert held(tmp_path / "data" / name) == wanted(packed, name)
    assert sorted(os.listdir(tmp_path / "data")) == sorted([name, "set.zip"])


def test_one_process_of_two_is_killed_and_the_other_goes_on(server, packed, tmp_path):
    victim = Fetch(server, tmp_path, "hotdog")
    while not (tmp_path / "data" / "set.zip.part").exists():
        time.sleep(0.01)
    other = Fetch(server, tmp_path, "hotdog")
    victim.process.kill()
    victim.process.communicate()
    other.end()
    assert held(tmp_path / "data" / "hotdog") == packed[1]


def test_a_competition_waits_for_another_that_fetches_it(tmp_path, monkeypatch, capsys):
    asked = threading.Event()

    def client(name):
        asked.set()
        raise CourseError("Now it asks Kaggle.")

    def download():
        with pytest.raises(CourseError, match="Now it asks"):
            competition.download("cifar-10", tmp_path / "cifar-10")

    monkeypatch.setattr(competition, "make_client", client)
    monkeypatch.setattr("helpers.files.atomic.PATIENCE", 0.1)
    thread = threading.Thread(target=download)
    with alone(tmp_path / "cifar-10"):
        thread.start()
        assert not asked.wait(0.4)
        assert re.search("at work on cifar-10: waiting for it", capsys.readouterr().out)
    thread.join(10)
    assert asked.is_set() and os.listdir(tmp_path) == []


def test_a_lock_whose_process_died_holds_nobody_up(tmp_path):
    (tmp_path / "set.lock").touch()
    with alone(tmp_path / "set"):
        assert os.listdir(tmp_path) == ["set.lock"]
    assert os.listdir(tmp_path) == []


LITTLE_SPACE = """
import resource, sys
from pathlib import Path
from helpers.files import archives
if sys.argv[1] == "full":
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    archives.unpack(Path("set.zip"), Path("set"))
except archives.CourseError as error:
    print(error)
"""


@pytest.mark.skipif(os.name == "nt", reason="limits of another system")
def test_a_disk_that_fills_while_unpacking_leaves_nothing(tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as box:
        for i in range(4):
            box.writestr(f"set/{i}", b"x" * 60_000 * i)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for state, words in (("full", "set cannot be written .File too large.: free"), ("free", "")):
        command = [sys.executable, "-c", LITTLE_SPACE, state]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert re.search(words, done.stdout) and bool(done.stdout) == (state == "full")
        assert "Traceback" not in done.stderr
        left = ["set.zip"] if state == "full" else ["set", "set.zip"]
        assert sorted(os.listdir(tmp_path)) == left


def test_a_cell_stopped_while_unpacking_leaves_nothing(tmp_path, packed, monkeypatch):
    (tmp_path / "set.zip").write_bytes(packed[0])

    def stops(members, **how):
        yield from members[:200]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(archives, "tqdm", stops)
        archives.unpack(tmp_path / "set.zip", tmp_path / "set")
    assert os.listdir(tmp_path) == ["set.zip"]
    assert held(archives.unpack(tmp_path / "set.zip", tmp_path / "set")) == packed[1]
