"""benchmarks/gpu.py, on what there is: a few small pictures, few steps, narrow networks."""

import io

import numpy as np
import pytest
from PIL import Image

from benchmarks import gpu
from scale import on_device


@pytest.fixture
def file(tmp_path):
    """Six training pictures and two test pictures of two colours, in one file."""
    blobs, labels = [], [1, 1, 0, 0, 1, 0, 1, 0]
    for label in labels:
        jpeg = io.BytesIO()
        colour = (200, 0, 0) if label else (0, 0, 200)
        Image.new("RGB", (32, 32), colour).save(jpeg, "JPEG", quality=95)
        blobs.append(jpeg.getvalue())
    np.savez(
        tmp_path / "cifar.npz",
        blob=np.frombuffer(b"".join(blobs), np.uint8),
        length=np.array([len(b) for b in blobs], np.int32),
        label=np.array(labels, np.uint8),
        is_train=np.array([True, True, True, True, False, True, True, False]),
        classes=np.array(["blue", "red"]),
    )
    return tmp_path / "cifar.npz"


def test_all_of_cifar_is_read_from_one_file(file):
    training, test = gpu.read_cifar(file)
    assert repr(training) == "6 pictures: 3 blue, 3 red"
    assert repr(test) == "2 pictures: 1 blue, 1 red"
    for part in (training, test):
        for picture, label in part:
            red, _, blue = picture.float().mean((1, 2))
            assert picture.shape == (3, 32, 32) and (red > blue) == bool(label)


def test_nine_layers_learn_the_colours(file):
    training, test = gpu.read_cifar(file)
    batches = on_device.loader(
        training, 3, device=gpu.DEVICE, shuffle=True, augment=on_device.shift_and_mirror
    )
    test = on_device.loader(test, 2, device=gpu.DEVICE)
    run = gpu.from_scratch(batches, test, epochs=6, seed=0, width=4)
    assert run["s"] > 0 and run["accuracy"] == 1


def test_fit_is_measured_over_the_ceiling(monkeypatch):
    monkeypatch.setattr(gpu, "NETWORKS", ("resnet18",))
    rates = gpu.fit_rates(rounds=1, batch=2, steps=2, size=32)
    assert list(rates) == ["resnet18"] and len(rates["resnet18"]) == 3
    assert all(low > 0 for _, low, _ in rates["resnet18"].values())


def test_each_number_of_epochs_is_measured_over_seeds(file, monkeypatch):
    one_epoch = {"s": 2.0, "accuracy": 0.5}
    monkeypatch.setattr(gpu, "from_scratch", lambda *_: one_epoch)
    runs = gpu.cifar(file, epochs=[3, 5], rounds=2)
    assert list(runs) == ["3 epochs", "5 epochs"]
    assert runs["5 epochs"] == {"s": [2.0] * 3, "accuracy": [0.5] * 3, "n": 2}
