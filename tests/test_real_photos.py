"""On real photographs, when COURSE_DATA names a folder that holds them."""

import os
from pathlib import Path

import pytest
import torch

from helpers import data, models, train

FOLDER = Path(os.environ.get("COURSE_DATA", "no folder")) / "hotdog"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="COURSE_DATA names no photographs")
SIZE = 128  # pixels: small, so that these tests take seconds


@pytest.fixture(scope="module")
def net():
    return models.load_pretrained(size=SIZE)


@pytest.fixture(scope="module")
def photographs(net):
    return data.load("hotdog", "full", net.preprocess)


def test_no_photograph_stands_in_two_parts_and_none_is_lost(photographs):
    files = [f for part in photographs for f in part.files]
    assert len(files) == len(set(files)) == sum(1 for _ in FOLDER.rglob("*.jpg"))
    train_and_valid = len(photographs.train) + len(photographs.valid)
    assert len(photographs.valid) == pytest.approx(0.2 * train_and_valid, abs=2)
    for part in photographs:
        assert part.labels.bincount().float().std() < 2


def test_the_name_hotdog_recognises_real_hot_dogs_without_training(net, photographs):
    few = photographs.test.subset(range(0, len(photographs.test), 4))
    first = train.predict(net, data.loader(few, 16)).argmax(1)
    right = (first == net.class_names.index("hotdog")) == (few.labels == 0)
    assert right.float().mean() > 0.75  # 0.85 at 160 pixels


def test_fine_tuning_learns_from_real_photographs(photographs):
    torch.manual_seed(0)
    net = models.replace_head(models.load_pretrained(size=SIZE), photographs.train.class_names)
    models.keep_statistics(net)
    few = photographs.train.subset(range(0, len(photographs.train), 10))
    valid = data.loader(photographs.valid.subset(range(0, len(photographs.valid), 4)), 16)
    before = train.evaluate(net, valid)
    optimizer = torch.optim.AdamW(models.param_groups(net, 1e-4))
    batches = data.loader(few, 16, shuffle=True)
    history = train.fit(net, batches, valid, optimizer, 2, quiet=True)
    assert history.epochs[-1]["valid_loss"] < before["loss"]
    assert history.epochs[-1]["valid_accuracy"] > 0.75
