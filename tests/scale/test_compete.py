"""Lessons 05 and 06 outside Jupyter: killed and started again, alone and in two processes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from helpers import CourseError
from scale import compete
from tests.helpers.test_processes import LAUNCH

ROOT = Path(__file__).parents[2]
SMALL = ["--size", "drawn", "--pictures", "60", "--pixels", "32", "--batch", "16"]


def start(out: Path, *options: str, launch: list[str] = ()) -> subprocess.Popen:
    command = [sys.executable, *launch, "-m", "scale.compete", *options, "--out", str(out)]
    settings = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, env={**os.environ, **settings}, cwd=ROOT, stdout=-1, stderr=-1, text=True
    )


def finish(process: subprocess.Popen) -> str:
    said, trouble = process.communicate(timeout=120)
    assert process.returncode == 0, trouble
    return said


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of CIFAR-10 that nobody disturbed: its folder and what it said."""
    out = tmp_path_factory.mktemp("whole")
    return out, finish(start(out, "cifar-10", *SMALL, "--epochs", "3"))


def test_it_measures_hands_in_and_is_scored(whole):
    out, said = whole
    assert "valid: accuracy" in said
    assert f"{out / 'submission.csv'}: 200 answers, one for each id of the sample" in said
    assert said.splitlines()[-1].startswith("test: accuracy 0.")


@pytest.mark.parametrize("seen", ["features.pt", "train.pt"])
def test_killed_and_started_again_it_ends_with_the_same_bits(whole, tmp_path, seen):
    process = start(tmp_path, "cifar-10", *SMALL, "--epochs", "3")
    while not (tmp_path / seen).exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "submission.csv").exists()
    finish(start(tmp_path, "cifar-10", *SMALL, "--epochs", "3"))
    for name in ("train.pt", "train_valid.pt"):
        again, first = (torch.load(out / name)["net"] for out in (tmp_path, whole[0]))
        assert all(torch.equal(again[k], first[k]) for k in first)
    assert (tmp_path / "submission.csv").read_text() == (whole[0] / "submission.csv").read_text()


@pytest.mark.parametrize(
    "competition, epochs", [("cifar-10", "1"), ("dog-breed-identification", "1")]
)
def test_batches_made_on_the_device_hand_in_as_well(
    competition, epochs, tmp_path, capsys, monkeypatch
):
    said = []
    for name in ("device", "processor"):
        monkeypatch.setattr(compete, "on_gpu", lambda name=name: name == "device")
        options = [*SMALL, "--epochs", epochs, "--rate", "1e-9", "--out", str(tmp_path / name)]
        compete.main([competition, *options])
        lines = capsys.readouterr().out.replace(str(tmp_path / name), "").splitlines()
        said.append(
            [
                line
                for line in lines
                if "valid: " in line or "test: " in line or "submission" in line
            ]
        )
    assert said[0] == said[1]  # at such a small rate, what is learned from augmentation is nothing
    assert len(said[0]) == 3 and "one for each id of the sample" in said[0][1]


def test_two_processes_hand_in_one_submission_like_one_process(tmp_path):
    dogs = ["dog-breed-identification", *SMALL]
    one, two = tmp_path / "one", tmp_path / "two"
    said = finish(start(one, *dogs))
    both = finish(start(two, *dogs, launch=LAUNCH))
    assert both.replace(str(two), str(one)) == said
    tables = [out.joinpath("submission.csv").read_text().split() for out in (one, two)]
    assert len(tables[0]) == len(tables[1]) == 81
    for a, b in zip(*([row.split(",") for row in table] for table in tables), strict=True):
        assert a[0] == b[0] and (a[0] == "id" or torch.allclose(*map(numbers, (a, b)), atol=1e-4))


def numbers(row: list[str]) -> torch.Tensor:
    return torch.tensor([float(value) for value in row[1:]])


def test_other_options_in_the_same_folder_are_refused(tmp_path, whole):
    with pytest.raises(SystemExit, match="holds a run with other options or pictures .* --out"):
        compete.main(["cifar-10", *SMALL, "--epochs", "1", "--out", str(whole[0])])


def test_pictures_that_have_changed_are_noticed(tmp_path):
    asked = compete.make_parser().parse_args(["cifar-10"])
    compete.start_or_go_on(tmp_path, asked, "as they were")
    compete.start_or_go_on(tmp_path, asked, "as they were")
    with pytest.raises(CourseError, match="other options or pictures"):
        compete.start_or_go_on(tmp_path, asked, "another digest")
