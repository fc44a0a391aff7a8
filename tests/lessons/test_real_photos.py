"""On real photographs, when COURSE_DATA names a folder that holds them."""

import os
from pathlib import Path

import pytest
import torch

from helpers import data, kaggle, models, train

FOLDER = Path(os.environ.get("COURSE_DATA", "no folder"))
SIZE = 128  # pixels: small, so that these tests take seconds

needs_hotdogs = pytest.mark.skipif(
    not (FOLDER / "hotdog").is_dir(), reason="COURSE_DATA holds no photographs of hot dogs"
)
needs_dogs = pytest.mark.skipif(
    not (FOLDER / "dog-breed-identification").is_dir(), reason="COURSE_DATA holds no dog breeds"
)


@pytest.fixture(scope="module")
def hotdogs():
    return data.load("hotdog", "full", models.load_pretrained(size=SIZE).preprocess)


@needs_hotdogs
@pytest.mark.slow
def test_fine_tuning_learns_from_real_photographs(hotdogs):
    torch.manual_seed(0)
    net = models.replace_head(models.load_pretrained(size=SIZE), hotdogs.train.class_names)
    models.keep_statistics(net)
    few = hotdogs.train.subset(range(0, len(hotdogs.train), 10))
    valid = data.loader(hotdogs.valid.subset(range(0, len(hotdogs.valid), 4)), 16)
    before = train.evaluate(net, valid)
    optimizer = torch.optim.AdamW(models.param_groups(net, 1e-4))
    batches = data.loader(few, 16, shuffle=True)
    history = train.fit(net, batches, valid, optimizer, 2, quiet=True)
    assert history.epochs[-1]["valid_loss"] < before["loss"]
    assert history.epochs[-1]["valid_accuracy"] > 0.75


@needs_hotdogs
def test_a_reused_row_with_a_raised_rival_recognises_real_hot_dogs_before_training(hotdogs):
    net = models.load_pretrained(size=SIZE)
    some = hotdogs.test.subset(range(0, len(hotdogs.test), 4))
    features, labels = train.extract_features(net, data.loader(some, 16))
    logits = models.output_layer(net)[1](features)
    halfway = (logits.max(1).values.mean() + logits.mean()).item() / 2
    models.reuse_rows(net, net.class_names, hotdogs.test.class_names, new_bias=halfway)
    answers = models.output_layer(net)[1](features).argmax(1)
    assert (answers == labels).float().mean() >= 0.85


@needs_dogs
def test_ten_breeds_that_imagenet_knows_are_named_by_their_reused_rows():
    layout = kaggle.read_layout(FOLDER / "dog-breed-identification")
    breeds, ids = sorted(set(layout.labels.values())), list(layout.labels)[::8]
    files, labels = ([layout.train[i] for i in ids], [breeds.index(layout.labels[i]) for i in ids])
    net = models.load_pretrained(size=SIZE)
    matches = models.reuse_rows(net, net.class_names, breeds, "exact")
    assert all(match.source for match in matches)
    dogs = data.loader(data.read_files(files, labels, breeds, net.preprocess), 16)
    assert train.evaluate(net, dogs)["accuracy"] > 0.8
