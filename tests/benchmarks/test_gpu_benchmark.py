"""benchmarks/gpu.py, on what there is: a few small pictures, few steps, narrow networks."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import gpu, tables_of_time
from scale import on_device


@pytest.fixture
def file(tmp_path):
    """Six training pictures and two test pictures of two colours, in one file."""
    blobs, labels = [], [1, 1, 0, 0, 1, 0, 1, 0]
    for label in labels:
        said = io.BytesIO()
        colour = (200, 0, 0) if label else (0, 0, 200)
        Image.new("RGB", (32, 32), colour).save(said, "JPEG", quality=95)
        blobs.append(said.getvalue())
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
    assert (
        repr(training) == "6 pictures: 3 blue, 3 red" and repr(test) == "2 pictures: 1 blue, 1 red"
    )
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
    seconds, accuracy = gpu.from_scratch(batches, test, epochs=6, seed=0, width=4)
    assert seconds > 0 and accuracy == 1


def test_nine_layers_have_eight_convolutions_and_a_linear_layer():
    net = gpu.nine_layers(10)
    kinds = [type(layer).__name__ for layer in net.modules()]
    assert kinds.count("Conv2d") == 8 and kinds.count("Linear") == 1
    assert net(torch.rand(2, 3, 32, 32)).shape == (2, 10)


def test_the_tables_show_every_network_and_every_number_of_epochs(monkeypatch):
    monkeypatch.setattr(gpu, "NETWORKS", ("resnet18",))
    found = gpu.fit_rates(runs=1, batch=2, steps=2, size=32)
    times = {"s": [2.5, 2.0, 3.0], "accuracy": [0.941, 0.94, 0.942], "n": 3}
    result = {
        "results": {"fit": {"no": found}, "cifar-10": {"bf16": {"16 epochs": times}}},
        "date": "today",
        "machine": "a machine",
        "software": "software",
    }
    text = tables_of_time.gpu_table(result)
    assert "| resnet18 | full | " in text
    assert "| 16 epochs | half | 2.5 (2.0 to 3.0) | 0.9410 (0.9400 to 0.9420) | 3 |" in text
    assert all(value[0] > 0 for value in found["resnet18"].values())
