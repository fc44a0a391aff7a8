"""A network handed on as ONNX says what PyTorch says, without PyTorch."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from helpers import CourseError, data, export, keep, train
from tests.conftest import is_a_sentence
from tests.helpers.test_keep import small

NETWORKS = [
    ("efficientnet_lite0", 128),
    ("resnet18", 96),
    ("mobilenet_v3_small", None),
    ("vit_tiny_patch16_224", 160),
    ("convnext_tiny", 64),
]


@pytest.mark.parametrize(("name", "size"), NETWORKS)
def test_onnx_gives_the_probabilities_of_pytorch(name, size, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    net = small(name, size).eval()
    file = export.to_onnx(keep.save(net, tmp_path / "mine", name))
    side = net.preprocess.size
    pixels = torch.randint(0, 256, (3, 3, side, side), dtype=torch.uint8)
    with torch.inference_mode():
        expected = net(net.preprocess.normalize(pixels)).softmax(1)
    (said,) = runtime.InferenceSession(str(file)).run(None, {"pixels": pixels.numpy()})
    np.testing.assert_allclose(said, expected, atol=1e-4)


def test_the_folder_runs_alone_and_refuses_what_is_no_picture(tmp_path):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    net = small().eval()
    export.to_onnx(keep.save(net, tmp_path / "mine", "mobilenet_v3_small"))
    noise = np.random.default_rng(0).integers(0, 256, (90, 70, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(noise).save(tmp_path / "turned.png", exif=exif)
    (tmp_path / "none.jpg").write_bytes(b"%PDF-1.4")
    command = [sys.executable, "-m", "mine", "turned.png", "none.jpg"]
    result = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": ""}
    )
    pictures = data.read_files([tmp_path / "turned.png"], [0], net.class_names, net.preprocess)
    said = train.predict(net, data.loader(pictures, 1))[0]
    first, second = result.stdout.splitlines()
    assert first == f"turned.png: {net.class_names[said.argmax()]}, {said.max():.0%}"
    assert result.returncode == 1 and second.startswith("none.jpg cannot be read as a picture")


def test_a_missing_package_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(export.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CourseError, match="pip install onnx onnxruntime") as caught:
        export.to_onnx(tmp_path)
    assert is_a_sentence(str(caught.value))


@pytest.fixture
def exported(tmp_path, pictures):
    """An ONNX file, the one of 8 bits beside it, and pictures of their size."""
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    net = small("resnet18", 32).eval()
    folder = keep.save(net, tmp_path / "mine", "resnet18")
    pictures = data.read_files(pictures.files, pictures.labels, ["a", "b"], net.preprocess)
    return export.to_onnx(folder), export.to_int8(folder, pictures), pictures


def test_int8_is_smaller_says_nearly_the_same_and_prints_nothing(exported, capfd):
    file, eight, pictures = exported
    assert file.parent == eight.parent and file != eight
    assert eight.stat().st_size < 0.3 * file.stat().st_size
    pixels = torch.stack([picture for picture, _ in pictures])
    said, exact = export.answers_of(eight)(pixels), export.answers_of(file)(pixels)
    assert said.shape == (22, 3) and (said - exact).abs().max() < 0.1
    assert export.milliseconds(export.answers_of(eight), pixels[:3]) >= 0
    assert "".join(capfd.readouterr()) == ""


@pytest.mark.trap("8-bit sums that overflow on processors without VNNI")
def test_the_weights_of_int8_keep_within_seven_bits(exported):
    import onnx

    tensors = onnx.load(exported[1]).graph.initializer
    weights = [onnx.numpy_helper.to_array(t) for t in tensors if len(t.dims) > 1]
    eights = [weight for weight in weights if weight.dtype == np.int8]
    assert len(eights) == 21 and max(abs(weight.astype(int)).max() for weight in eights) == 64


def test_int8_needs_the_other_file_first(tmp_path, pictures):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    keep.save(small(), tmp_path / "mine", "mobilenet_v3_small")
    with pytest.raises(CourseError, match="to_onnx") as caught:
        export.to_int8(tmp_path / "mine", pictures)
    assert is_a_sentence(str(caught.value))
    assert not (tmp_path / "mine" / export.INT8).exists()
