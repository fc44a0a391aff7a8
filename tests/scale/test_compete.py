"""Lessons 05 and 06 outside Jupyter: stopped and started again, on a device, in two processes."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from helpers import CourseError, data
from scale import compete
from tests.conftest import ROOT, SMALL, draw_classes
from tests.helpers.test_processes import LAUNCH

FEW = ["--size", "drawn", "--pictures", "60", "--pixels", "32", "--batch", "16"]
CIFAR = ["cifar-10", *FEW, "--epochs", "2"]
DOGS = ["dog-breed-identification", *FEW]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The folder of a run of CIFAR-10 that nobody stopped."""
    out = tmp_path_factory.mktemp("undisturbed")
    compete.main([*CIFAR, "--out", str(out)])
    return out


def assert_same_bits(out: Path, other: Path) -> None:
    for name in ("train.pt", "train_valid.pt"):
        weights, others = (torch.load(o / name, weights_only=True)["net"] for o in (out, other))
        assert all(torch.equal(weights[key], others[key]) for key in others)
    assert (out / "submission.csv").read_text() == (other / "submission.csv").read_text()


def test_a_stopped_run_goes_on_to_the_same_bits_and_is_scored(
    undisturbed, tmp_path, capsys, monkeypatch
):
    def stop(*_):
        raise KeyboardInterrupt

    command = [*CIFAR, "--out", str(tmp_path)]
    with monkeypatch.context() as patch:
        patch.setattr(compete.train, "evaluate", stop)
        with pytest.raises(SystemExit, match="command resumes from the last complete epoch"):
            compete.main(command)
    capsys.readouterr()
    compete.main(command)
    assert_same_bits(tmp_path, undisturbed)
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("valid: accuracy 0.") and line.endswith("n = 10") for line in lines)
    assert f"{tmp_path / 'submission.csv'}: 200 answers, one for each id of the sample" in lines[-2]
    assert lines[-1].startswith("test: accuracy 0.")


def test_dogs_with_batches_made_on_the_device_hand_in_probabilities(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(compete, "on_gpu", lambda: True)
    compete.main([*DOGS, "--epochs", "1", "--out", str(tmp_path)])
    assert "80 answers, one for each id of the sample" in capsys.readouterr().out
    assert len((tmp_path / "submission.csv").read_text().split()[0].split(",")) == 11


@pytest.mark.parametrize("competition", compete.COMPETITIONS)
def test_batches_made_on_the_device_are_like_those_of_the_loader(
    competition, tmp_path, monkeypatch
):
    options = compete.read_options([competition, "--pixels", "32", "--batch", "4"])
    wants = replace(SMALL, size=32, resize=32)
    pictures = data.read_folder(draw_classes(tmp_path, {"a": 5, "b": 4}), wants)
    centres, shapes = [], []
    for on_gpu in (True, False):
        monkeypatch.setattr(compete, "on_gpu", lambda on_gpu=on_gpu: on_gpu)
        centres.append(list(compete.batches(pictures, options)))
        augmented = compete.batches(pictures, options, augmented=True)
        shapes.append([(x.shape, x.dtype, y.shape) for x, y in augmented])
    for (x, y), (other_x, other_y) in zip(*centres, strict=True):
        assert torch.equal(x, other_x) and torch.equal(y, other_y)
    assert shapes[0] == shapes[1]


def test_other_options_or_pictures_in_the_same_folder_are_refused(tmp_path):
    options = compete.read_options(["cifar-10", "--out", str(tmp_path)])
    compete.start_or_go_on(options, "digest")
    compete.start_or_go_on(options, "digest")
    with pytest.raises(CourseError, match="holds a run with other options or pictures .* --out"):
        compete.start_or_go_on(options, "digest of changed pictures")
    options.rate = 1e-3
    with pytest.raises(CourseError, match="other options or pictures"):
        compete.start_or_go_on(options, "digest")


def start(out: Path, *options: str, launch: list[str] = ()) -> subprocess.Popen:
    command = [sys.executable, *launch, "-m", "scale.compete", *options, "--out", str(out)]
    settings = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, env=os.environ | settings, cwd=ROOT, stdout=-1, stderr=-1, text=True
    )


def finish(process: subprocess.Popen) -> str:
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return output


@pytest.fixture(scope="module")
def launched(tmp_path_factory):
    """The same run in a process of its own, whose bits depend on its number of threads."""
    out = tmp_path_factory.mktemp("launched")
    finish(start(out, *CIFAR))
    return out


@pytest.mark.slow
@pytest.mark.parametrize("file", ["features.pt", "train.pt"])
def test_killed_when_a_file_appears_and_started_again_it_ends_with_the_same_bits(
    file, launched, tmp_path
):
    process = start(tmp_path, *CIFAR)
    while not (tmp_path / file).exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "submission.csv").exists()
    finish(start(tmp_path, *CIFAR))
    assert_same_bits(tmp_path, launched)


@pytest.mark.slow
def test_two_processes_hand_in_one_submission_like_one_process(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    output = finish(start(one, *DOGS))
    assert finish(start(two, *DOGS, launch=LAUNCH)).replace(str(two), str(one)) == output
    table, other = (pd.read_csv(out / "submission.csv", index_col="id") for out in (one, two))
    assert table.shape == (80, 10)
    pd.testing.assert_frame_equal(table, other, rtol=0, atol=1e-4)
