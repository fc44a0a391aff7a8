"""On real photographs, when COURSE_DATA names a folder that holds them."""

import csv
import os
import time
from pathlib import Path

import pytest
import torch
from sklearn.linear_model import LogisticRegression

from helpers import data, kaggle, models, train

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


def test_forty_real_photographs_and_a_linear_classifier_get_most_of_the_others_right(
    net, photographs
):
    pool, _ = train.extract_features(net, data.loader(photographs.valid, 16))
    few = photographs.test.subset(range(0, len(photographs.test), 4))
    test, answers = train.extract_features(net, data.loader(few, 16))
    scores = []
    for draw in range(8):
        order = torch.randperm(len(pool), generator=torch.Generator().manual_seed(draw))
        labels = photographs.valid.labels[order]
        rows = torch.cat([order[labels == c][:20] for c in (0, 1)])
        forty = LogisticRegression(C=0.01, solver="newton-cg")
        forty.fit(pool[rows], photographs.valid.labels[rows])
        scores.append(forty.score(test, answers))
    assert sum(scores) / 8 > 0.83


def test_a_reused_row_with_a_raised_rival_recognises_real_hot_dogs_before_training(photographs):
    net = models.load_pretrained(size=SIZE)
    few = data.loader(photographs.test.subset(range(0, len(photographs.test), 4)), 16)
    features, labels = train.extract_features(net, few)
    logits = models.output_layer(net)[1](features)
    halfway = (logits.max(1).values.mean() + logits.mean()).item() / 2
    models.reuse_rows(net, net.class_names, photographs.test.class_names, new_bias=halfway)
    answers = models.output_layer(net)[1](features).argmax(1)
    assert (answers == labels).float().mean() >= 0.85


def test_ten_breeds_that_imagenet_knows_are_named_by_their_reused_rows(net):
    folder = FOLDER.parent / "dog-breed-identification"
    if not folder.is_dir():
        pytest.skip("COURSE_DATA holds no photographs of dogs")
    with open(folder / "labels.csv", encoding="utf-8") as file:
        table = list(csv.DictReader(file))[::8]
    breeds = sorted({line["breed"] for line in table})
    files = [folder / "train" / f"{line['id']}.jpg" for line in table]
    labels = [breeds.index(line["breed"]) for line in table]
    dogs = data.loader(data.read_files(files, labels, breeds, net.preprocess), 16)
    reused = models.load_pretrained(size=SIZE)
    matches = models.reuse_rows(reused, reused.class_names, breeds, "exact")
    assert all(match.source for match in matches)
    assert train.evaluate(reused, dogs)["accuracy"] > 0.8


def test_ten_thousand_real_pictures_are_organised_in_three_seconds_and_five_megabytes(tmp_path):
    root = FOLDER.parent / "cifar-10"
    start = time.perf_counter()
    folder = kaggle.organize(root, 0.1, folder=tmp_path / "organized")
    assert time.perf_counter() - start <= 3
    inside = [folder, *folder.rglob("*")]
    assert len([p for p in inside if p.is_file()]) >= 2 * 10_000 + 2_000
    if (tmp_path.stat().st_dev, False) == (root.stat().st_dev, os.path.ismount(root)):
        own = [p.stat() for p in inside if p.is_dir() or p.stat().st_nlink == 1]
        assert sum(512 * s.st_blocks for s in own) < 5_000_000  # hard links: one disk
