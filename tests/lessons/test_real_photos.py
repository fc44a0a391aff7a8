"""On real photographs, when COURSE_DATA names a folder that holds them."""

import os
from pathlib import Path

import pytest
import torch
from sklearn.linear_model import LogisticRegression

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
def source():
    """The source network, which no test changes."""
    return models.load_pretrained(size=SIZE)


@pytest.fixture(scope="module")
def hotdogs(source):
    return data.load("hotdog", "full", source.preprocess)


@pytest.fixture(scope="module")
def tested(hotdogs):
    """Every fourth of the test pictures."""
    return hotdogs.test.subset(range(0, len(hotdogs.test), 4))


@needs_hotdogs
def test_every_photograph_is_in_one_part_and_each_part_has_as_many_of_each_class(hotdogs):
    files = [file for part in hotdogs for file in part.files]
    assert len(files) == len(set(files)) == sum(1 for _ in (FOLDER / "hotdog").rglob("*.jpg"))
    learned = len(hotdogs.train) + len(hotdogs.valid)
    assert len(hotdogs.valid) == pytest.approx(0.2 * learned, abs=2)
    for part in hotdogs:
        counts = part.labels.bincount()
        assert counts.max() - counts.min() <= 2


@needs_hotdogs
def test_the_name_hotdog_recognises_real_hot_dogs_without_training(source, tested):
    first = train.predict(source, data.loader(tested, 16)).argmax(1)
    right = (first == source.class_names.index("hotdog")) == (tested.labels == 0)
    assert right.float().mean() > 0.75  # 0.85 at 160 pixels


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
def test_forty_real_photographs_and_a_linear_classifier_get_most_right(source, hotdogs, tested):
    pool, labels = train.extract_features(source, data.loader(hotdogs.valid, 16))
    features, answers = train.extract_features(source, data.loader(tested, 16))
    scores = []
    for seed in range(8):
        order = torch.randperm(len(pool), generator=torch.Generator().manual_seed(seed))
        rows = torch.cat([order[labels[order] == c][:20] for c in (0, 1)])
        model = LogisticRegression(C=0.01, solver="newton-cg").fit(pool[rows], labels[rows])
        scores.append(model.score(features, answers))
    assert sum(scores) / len(scores) > 0.83


@needs_hotdogs
def test_a_reused_row_with_a_raised_rival_recognises_real_hot_dogs_before_training(hotdogs, tested):
    net = models.load_pretrained(size=SIZE)
    features, labels = train.extract_features(net, data.loader(tested, 16))
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
