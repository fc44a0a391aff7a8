"""What the drawn dog breeds promise: Kaggle's layout, likeness, a task that needs a second look."""

import csv
import re
import sys
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression
from torchvision.models import ResNet18_Weights

from tests.draw.test_drawn import source_network

DRAWN = Path(__file__).resolve().parents[2] / "data" / "drawn"
sys.path.insert(0, str(DRAWN.parent / "draw"))

import dog_breeds as dogs  # noqa: E402

FOLDER = DRAWN / dogs.NAME
ANSWERS = DRAWN / "answers" / f"{dogs.NAME}.csv"
TABLES = {"train": FOLDER / "labels.csv", "test": ANSWERS}
NAMES = ResNet18_Weights.IMAGENET1K_V1.meta["categories"]
DOGS = NAMES[NAMES.index("Chihuahua") : NAMES.index("Mexican hairless") + 1]
MOST_BYTES = 1_750_000
LEAST_RIGHT = 0.3


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def labels(split: str) -> dict[str, str]:
    """The breed of each id, in the order of the file"""
    return dict(rows(TABLES[split])[1:])


@cache
def pictures(split: str) -> np.ndarray:
    """The pictures (n, 160, 160, 3) in the order of `labels`"""
    paths = (FOLDER / split / f"{name}.jpg" for name in labels(split))
    return np.stack([np.asarray(Image.open(path).convert("RGB")) for path in paths])


@cache
def small(split: str, side: int) -> np.ndarray:
    """The pictures shrunk to `side` and laid flat (n, side * side * 3), 0 to 255"""
    images = [Image.fromarray(picture).resize((side, side)) for picture in pictures(split)]
    return np.stack(images).reshape(len(images), -1).astype(np.float32)


@cache
def without_training(split: str) -> tuple[np.ndarray, list[str]]:
    """What the source network makes of a split: features (n, 1280), and the names it gives"""
    images = (Image.fromarray(picture) for picture in pictures(split))
    large = (image.resize((256, 256), Image.Resampling.BICUBIC) for image in images)
    batch = np.stack([np.asarray(image.crop((16, 16, 240, 240)), np.float32) for image in large])
    features = []
    net = source_network()
    with torch.inference_mode():
        for part in torch.from_numpy(batch / 127.5 - 1).permute(0, 3, 1, 2).split(16):
            features.append(net.forward_head(net.forward_features(part), pre_logits=True))
        best = net.get_classifier()(torch.cat(features)).argmax(1)
    return torch.cat(features).numpy(), [NAMES[number] for number in best]


def imagenet_name(breed: str) -> str:
    """ImageNet's name of a breed, which differs in spaces and capitals"""
    (name,) = (name for name in DOGS if name.lower() == breed.replace("_", " "))
    return name


def names_given(breed: str) -> list[str]:
    """The source network's names for all pictures of a breed"""
    return [
        given
        for split in TABLES
        for given, label in zip(without_training(split)[1], labels(split).values(), strict=True)
        if label == breed
    ]


def test_the_set_has_the_layout_of_the_competition_and_nothing_else():
    names = {path.name for path in FOLDER.iterdir()}
    assert names == {"train", "test", "labels.csv", "sample_submission.csv"}
    for split, count in dogs.COUNTS.items():
        assert rows(TABLES[split])[0] == ["id", "breed"]
        files = sorted(path.name for path in (FOLDER / split).iterdir())
        assert files == sorted(f"{name}.jpg" for name in labels(split))
        assert sorted(labels(split).values()) == sorted(dogs.CLASSES * count)


def test_breeds_are_ten_of_imagenets_in_kaggles_spelling():
    assert len(dogs.CLASSES) == 10 and list(dogs.CLASSES) == sorted(dogs.CLASSES)
    assert all(re.fullmatch("[a-z_-]+", breed) for breed in dogs.CLASSES)
    assert len({imagenet_name(breed) for breed in dogs.CLASSES}) == 10


def test_the_sample_submission_gives_each_breed_the_same_share():
    header, *lines = rows(FOLDER / "sample_submission.csv")
    assert header == ["id", *dogs.CLASSES]
    assert [line[0] for line in lines] == sorted(labels("test"))
    assert all(line[1:] == ["0.1"] * 10 for line in lines)


@pytest.mark.parametrize("split", TABLES)
def test_ids_are_kaggles_kind_and_lead_to_the_drawing(split):
    ids = dogs.ids(split)
    assert {name: label for (label, _), name in ids.items()} == labels(split)
    assert all(re.fullmatch("[0-9a-f]{32}", name) for name in labels(split))
    every = {(label, n + 1) for label in dogs.CLASSES for n in range(dogs.COUNTS[split])}
    assert set(ids) == every


def test_no_id_is_in_both_splits():
    assert not set(labels("train")) & set(labels("test"))


@pytest.mark.parametrize("split", TABLES)
@pytest.mark.parametrize("order", [list, sorted])
def test_neither_rows_nor_ids_tell_the_breed(split, order):
    breeds = [labels(split)[name] for name in order(labels(split))]
    alike = np.mean([first == second for first, second in zip(breeds, breeds[1:], strict=False)])
    assert alike < 0.25  # 0.1 by chance
    first_half = breeds[: len(breeds) // 2]
    assert set(first_half) == set(dogs.CLASSES)


def test_pictures_are_small_colour_jpegs():
    for path in FOLDER.rglob("*.jpg"):
        with Image.open(path) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (160, 160)), path


def test_the_set_weighs_little():
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in [*files, ANSWERS]) <= MOST_BYTES


def test_no_picture_stands_twice():
    flat = np.concatenate([small(split, 16) for split in TABLES])
    for number, picture in enumerate(flat[:-1]):
        assert np.abs(flat[number + 1 :] - picture).mean(-1).min() > 3


@pytest.mark.parametrize(
    ("split", "label", "number"), [("train", "pug", 14), ("test", "samoyed", 3)]
)
def test_drawing_one_picture_again_gives_the_committed_one(split, label, number):
    file = BytesIO()
    dogs.draw(split, label, number).save(file, **dogs.SAVE)
    drawn = np.asarray(Image.open(file).convert("RGB")).astype(float)
    place = list(labels(split)).index(dogs.ids(split)[label, number])
    assert np.abs(pictures(split)[place] - drawn).mean() < 2  # two pictures: 20 and more


@pytest.mark.parametrize("breed", dogs.CLASSES)
def test_the_source_network_sees_a_dog(breed):
    given = names_given(breed)
    assert np.mean([name in DOGS for name in given]) >= 0.4


def test_the_source_network_sees_a_dog_in_most_pictures():
    given = [name for breed in dogs.CLASSES for name in names_given(breed)]
    assert np.mean([name in DOGS for name in given]) >= 0.8


def test_the_source_network_names_many_a_breed_rightly():
    right = [
        given == imagenet_name(breed) for breed in dogs.CLASSES for given in names_given(breed)
    ]
    assert np.mean(right) >= 0.3


def test_colours_in_their_places_do_not_solve_the_task():
    model = LogisticRegression(tol=1e-2, max_iter=2000)
    model.fit(small("train", 32) / 255, list(labels("train").values()))
    assert model.score(small("test", 32) / 255, list(labels("test").values())) < 0.5


def test_the_features_of_the_source_network_tell_most_breeds_apart_but_not_all():
    model = LogisticRegression(C=0.01, solver="newton-cg")
    model.fit(without_training("train")[0], list(labels("train").values()))
    score = model.score(without_training("test")[0], list(labels("test").values()))
    assert 0.80 <= score <= 0.97
