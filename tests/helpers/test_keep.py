"""A kept network: the same bits in a new process, one sentence for whatever is not one."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import torch

from helpers import CourseError, keep, models
from tests.conftest import ROOT, is_a_sentence

NAMES = ["a cup", "杯子", "neither/nor"]
ASKED = """
import sys, torch
from helpers import keep
net = keep.load(sys.argv[1])
torch.manual_seed(1)
size = net.preprocess.size
with torch.inference_mode():
    torch.save(net(torch.randn(2, 3, size, size)), sys.argv[2])
"""


def small(name: str = "mobilenet_v3_small", size: int | None = 64) -> torch.nn.Module:
    torch.manual_seed(0)
    net = models.load_pretrained(name, size=size, weights=None)
    return models.replace_head(net, NAMES)


@pytest.fixture
def kept(tmp_path):
    figures = {"accuracy": (0.9, 40)}
    return keep.save(small(), tmp_path / "mine", "mobilenet_v3_small", figures=figures, unsure=0.6)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("efficientnet_lite0", 128),
        ("resnet18", 96),
        ("mobilenet_v3_small", None),
        ("vit_tiny_patch16_224", 160),
        ("convnext_tiny", 64),
    ],
)
def test_a_new_process_gives_the_same_bits(name, size, tmp_path):
    net = small(name, size).eval()
    keep.save(net, tmp_path / "mine", name)
    side = net.preprocess.size
    torch.manual_seed(1)
    with torch.inference_mode():
        expected = net(torch.randn(2, 3, side, side))
    command = [sys.executable, "-c", ASKED, tmp_path / "mine", tmp_path / "said"]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert torch.equal(torch.load(tmp_path / "said", weights_only=True), expected)


def test_what_is_known_comes_back_and_stands_in_the_card(kept):
    net = keep.load(kept)
    assert net.class_names == NAMES and net.preprocess == small().preprocess
    assert net.about.figures == {"accuracy": [0.9, 40]} and net.about.unsure == 0.6
    card = (kept / "README.md").read_text(encoding="utf-8")
    assert "| accuracy | 0.9 | 40 |" in card and "杯子" in card and "has not said" in card


def change(**values):
    def spoil(folder):
        about = json.loads((folder / keep.ABOUT).read_text(encoding="utf-8"))
        (folder / keep.ABOUT).write_text(json.dumps(about | values), encoding="utf-8")

    return spoil


def one_bit(folder):
    data = bytearray((folder / keep.WEIGHTS).read_bytes())
    data[-100] ^= 1
    (folder / keep.WEIGHTS).write_bytes(data)


def half(folder):
    data = (folder / keep.WEIGHTS).read_bytes()
    (folder / keep.WEIGHTS).write_bytes(data[: len(data) // 2])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (one_bit, "damaged"),
        (half, "damaged"),
        (lambda folder: (folder / keep.WEIGHTS).unlink(), "damaged"),
        (lambda folder: (folder / keep.ABOUT).unlink(), "keeps no network"),
        (lambda folder: (folder / keep.ABOUT).write_text("{"), "does not describe"),
        (lambda folder: (folder / keep.ABOUT).write_text("[1]"), "does not describe"),
        (lambda folder: (folder / keep.ABOUT).write_bytes(b"\xff\0"), "does not describe"),
        (lambda folder: (folder / keep.ABOUT).write_text("[" * 100_000), "does not describe"),
        (shutil.rmtree, "keeps no network"),
        (change(format=2, more={}), "newer version"),
        (change(more={}), "does not describe"),
        (change(class_names=["a", "a"]), "does not describe"),
        (change(class_names=["a", "b"]), "damaged"),
        (change(network="resnet18"), "damaged"),
        (change(network="hf-hub:somebody/something"), "no network"),
        (change(network="../../etc/passwd"), "no network"),
        (change(preprocess={"size": 64}), "does not describe"),
        (change(unsure="often"), "does not describe"),
        (change(figures={"accuracy": 1}), "does not describe"),
        (change(sha256=None), "does not describe"),
    ],
)
def test_damaged_foreign_and_newer_folders_are_refused_in_one_sentence(kept, spoil, words):
    spoil(kept)
    with pytest.raises(CourseError, match=words) as caught:
        keep.load(kept)
    assert is_a_sentence(str(caught.value))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"network": "resnet18"}, "is not a resnet18"),
        ({"figures": {"accuracy": 0.9}}, "accuracy"),
        ({"figures": {"accuracy": (0.9,)}}, "accuracy"),
        ({"figures": {"accuracy": (0.9, 0)}}, "accuracy"),
        ({"figures": 3}, "figures"),
        ({"unsure": 2}, "unsure"),
        ({"purpose": 5}, "purpose"),
        ({"folder": "\0"}, "folder"),
    ],
)
def test_what_cannot_be_kept_is_refused_in_one_sentence_and_nothing_is_written(
    tmp_path, change, words
):
    arguments = {"network": "mobilenet_v3_small", "folder": tmp_path / "mine"} | change
    with pytest.raises(CourseError, match=words) as caught:
        keep.save(small(), **arguments)
    assert is_a_sentence(str(caught.value))
    assert not list(tmp_path.iterdir())


def test_a_folder_of_other_things_is_never_replaced(tmp_path):
    (tmp_path / "thesis.txt").write_text("three years")
    with pytest.raises(CourseError, match="other things") as caught:
        keep.save(small(), tmp_path, "mobilenet_v3_small")
    assert is_a_sentence(str(caught.value))
    assert (tmp_path / "thesis.txt").read_text() == "three years"
    keep.save(small(), tmp_path / "mine", "mobilenet_v3_small")
    keep.save(small(), tmp_path / "mine", "mobilenet_v3_small", unsure=0.5)
    assert keep.read(tmp_path / "mine").unsure == 0.5
