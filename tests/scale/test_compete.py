"""Lessons 05, 06 and 08 outside Jupyter: stopped and resumed, on a device, in two processes."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from classroom.leaves import plant
from helpers import CourseError, data
from scale import compete
from tests.conftest import ROOT, SMALL, draw_classes, is_a_sentence
from tests.helpers.test_processes import LAUNCH

FEW = ["--size", "drawn", "--pictures", "60", "--pixels", "32", "--batch", "16"]
CIFAR = ["cifar-10", *FEW, "--epochs", "2"]
DOGS = ["dog-breed-identification", *FEW]


def test_a_stopped_run_goes_on_to_the_same_bits_and_is_scored(tmp_path, capsys, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    stopped, whole = tmp_path / "stopped", tmp_path / "whole"
    with monkeypatch.context() as patch:
        patch.setattr(compete.train, "evaluate", stop)
        with pytest.raises(
            SystemExit, match="The same command resumes from the last complete epoch"
        ):
            compete.main([*CIFAR, "--out", str(stopped)])
    compete.main([*CIFAR, "--out", str(whole)])
    capsys.readouterr()
    compete.main([*CIFAR, "--out", str(stopped)])
    for name in ("train.pt", "train_valid.pt"):
        nets = [torch.load(out / name, weights_only=True)["net"] for out in (stopped, whole)]
        assert all(torch.equal(nets[0][key], nets[1][key]) for key in nets[1])
    file = stopped / "submission.csv"
    assert file.read_text() == (whole / "submission.csv").read_text()
    lines = capsys.readouterr().out.splitlines()
    assert any(
        line.startswith("valid: accuracy 0.") and line.endswith("n = 9") for line in lines
    ), lines
    assert f"{file}: 1000 answers, one for each id of the sample" in lines[-2]
    assert lines[-1].startswith("test: accuracy 0.")


def test_ten_steps_of_which_one_warms_up_are_trained():
    pictures = TensorDataset(torch.rand(40, 3, 8, 8), torch.arange(40) % 2)
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 2))
    before = net[1].weight.clone()
    compete.fit(net, DataLoader(pictures, 4), 1, 1e-3, quiet=True)
    assert not torch.equal(before, net[1].weight)


def test_dogs_with_batches_made_on_the_device_hand_in_probabilities(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(compete, "on_gpu", lambda: True)
    compete.main([*DOGS, "--epochs", "1", "--out", str(tmp_path)])
    assert "400 answers, one for each id of the sample" in capsys.readouterr().out
    assert len((tmp_path / "submission.csv").read_text().split()[0].split(",")) == 11


def test_leaves_of_176_species_in_the_layout_of_kaggle_are_named(tmp_path, capsys, monkeypatch):
    species = {f"genus{i // 8}_species{i}": 2 for i in range(176)}
    plant(tmp_path / "classify-leaves", species, unnamed=9)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    few = ["--pixels", "32", "--epochs", "1", "--batch", "64", "--out", str(tmp_path / "out")]
    compete.main(["classify-leaves", *few])
    assert "9 answers, one for each id of the sample" in capsys.readouterr().out
    table = pd.read_csv(tmp_path / "out" / "submission.csv")
    assert list(table) == ["image", "label"] and set(table["label"]) <= species.keys()


@pytest.mark.parametrize("competition", compete.COMPETITIONS)
def test_augmented_batches_have_one_shape_on_every_device(competition, tmp_path, monkeypatch):
    options = compete.read_options([competition, "--pixels", "32", "--batch", "4"])
    wants = replace(SMALL, size=32, resize=32)
    pictures = data.read_folder(draw_classes(tmp_path, {"a": 5, "b": 4}), wants)
    shapes = []
    for on_gpu in (True, False):
        monkeypatch.setattr(compete, "on_gpu", lambda on_gpu=on_gpu: on_gpu)
        augmented = compete.batches(pictures, options, augmented=True)
        shapes.append([(x.shape, x.dtype, y.shape) for x, y in augmented])
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


@pytest.mark.parametrize(
    "arguments, words",
    [
        ("--epochs -1", "--epochs is -1: give a whole number of 0 or more"),
        ("--rate -1", "--rate is -1.0: give a number above 0 and up to 1"),
        ("--rate nan", "--rate is nan"),
        ("--rate inf", "--rate is inf"),
        ("--batch 0", "--batch is 0"),
        ("--pixels 0", "--pixels is 0"),
        ("--pixels 99999", "99999"),
        ("--pictures 1", "--pictures is 1: give a whole number of 2 or more"),
        (
            "--pictures 2",
            "With --pictures 2, training or validation gets no picture: give more, such as 100",
        ),
        ("--seed 99999999999999999999", "--seed is 99999999999999999999"),
        ("--network resnet81", 'no network "resnet81"'),
        ("--out {file}", "cannot be written"),
        ("--out {file}/out", "cannot be written"),
    ],
)
def test_an_argument_out_of_its_range_is_one_sentence_and_starts_nothing(
    arguments, words, tmp_path
):
    file = tmp_path / "file"
    file.touch()
    line = [*DOGS, "--out", str(tmp_path / "out"), *arguments.format(file=file).split()]
    with pytest.raises(SystemExit) as refused:
        compete.main(line)
    assert words in refused.value.code and is_a_sentence(refused.value.code)
    assert not (tmp_path / "out").exists()  # the corrected command may use it


@pytest.mark.parametrize("arguments", [[], ["leaves"], ["cifar-10", "--epochs", "many"]])
def test_a_command_that_cannot_be_read_is_told_in_a_line(arguments, capsys):
    with pytest.raises(SystemExit, match="2"):
        compete.main(arguments)
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and told.startswith("scale.compete: ")


def launch(out: Path, *python: str) -> str:
    """Returns what a run of the dogs in processes of its own prints."""
    command = [sys.executable, *python, "-m", "scale.compete", *DOGS, "--out", str(out)]
    variables = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    run = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.slow
def test_two_processes_hand_in_one_submission_like_one_process(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    assert launch(two, *LAUNCH).replace(str(two), str(one)) == launch(one)
    table, other = (pd.read_csv(out / "submission.csv", index_col="id") for out in (one, two))
    assert table.shape == (400, 10)
    pd.testing.assert_frame_equal(table, other, rtol=0, atol=1e-4)
