"""Networks: the right weights, the right pictures, the right output layer."""

import copy
import io
import pickle
from pathlib import Path

import pytest
import timm
import torch
from PIL import Image
from torchvision import models as zoo
from torchvision.transforms import v2

from helpers import CourseError
from helpers.data import to_tensor
from helpers.models import (
    keep_statistics,
    load_pretrained,
    output_layer,
    param_groups,
    replace_head,
)
from tests.conftest import SmallNet


@pytest.fixture(scope="module")
def lite0():
    return load_pretrained()


@pytest.fixture
def torch_home(tmp_path, monkeypatch):
    """An empty place for downloaded weights, with nobody to download from."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("COURSE_MIRROR", "http://127.0.0.1:9")
    monkeypatch.setattr("helpers.files.fetch.FIRST_WAIT", 0.001)
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    return tmp_path / "hub" / "checkpoints"


def test_the_installed_network_is_efficientnet_lite0_with_its_own_preprocessing(lite0):
    wants = lite0.preprocess
    assert (wants.size, wants.resize, wants.interpolation) == (224, 256, "bicubic")
    assert wants.mean == wants.std == (0.5, 0.5, 0.5)
    assert not lite0.training
    assert lite0.class_names[934] == "hotdog" and len(set(lite0.class_names)) > 990
    theirs = timm.create_model("tf_efficientnet_lite0").state_dict()
    assert {n: v.shape for n, v in lite0.state_dict().items()} == {
        n: v.shape for n, v in theirs.items()
    }


def test_without_weights_they_are_random_and_another_size_scales_the_resizing(lite0):
    net = load_pretrained(size=160, weights=None)
    assert not torch.equal(net.conv_stem.weight, lite0.conv_stem.weight)
    assert (net.preprocess.size, net.preprocess.resize) == (160, 183)


@pytest.mark.trap("normalisation of another network")
@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small"])
def test_pictures_are_prepared_as_torchvision_prepares_them(name):
    theirs = zoo.get_model_weights(name).DEFAULT.transforms()
    net = load_pretrained(name, weights=None)
    noise = torch.randint(0, 256, (8, 10, 3), dtype=torch.uint8).numpy()
    picture = Image.fromarray(noise).resize((400, 320), Image.Resampling.BICUBIC)
    ours = v2.functional.center_crop(to_tensor(picture, net.preprocess), [net.preprocess.size])
    difference = net.preprocess.normalize(ours[None])[0] - theirs(picture)
    assert difference.abs().max() < 0.02  # one step of 255 is 0.017


def test_without_network_the_sentence_names_the_file_and_what_always_works(torch_home):
    with pytest.raises(CourseError, match="resnet18-f37072fd.pth.*efficientnet_lite0"):
        load_pretrained("resnet18")


def test_weights_in_torch_home_are_used_without_network(torch_home):
    values = zoo.resnet18().state_dict()
    torch.save(values, torch_home / "resnet18-f37072fd.pth")
    net = load_pretrained("resnet18")
    assert torch.equal(net.fc.weight, values["fc.weight"])


def test_weights_from_a_file_of_your_own(tmp_path, lite0):
    torch.save(lite0.state_dict(), tmp_path / "mine.pt")
    net = load_pretrained(weights=tmp_path / "mine.pt")
    assert torch.equal(net.classifier.bias, lite0.classifier.bias)


class Malice:
    """Creates the file was_run in the current folder when it is unpickled."""

    def __reduce__(self):
        return Path.touch, (Path("was_run"),)


def bytes_of(value: object) -> bytes:
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"text",
        bytes_of(SmallNet().state_dict())[:-1000],
        bytes_of({"fc.weight": Malice()}),
        pickle.dumps(Malice(), protocol=2),
    ],
    ids=["text", "cut short", "code in a file of torch", "code in a pickle"],
)
def test_a_file_that_is_no_whole_file_of_weights_is_named_and_never_run(
    tmp_path, monkeypatch, content
):
    monkeypatch.chdir(tmp_path)
    Path("weights.pth").write_bytes(content)
    with pytest.raises(CourseError, match="weights.pth is not a complete weights file"):
        load_pretrained("resnet18", weights="weights.pth")
    assert not Path("was_run").exists()


def test_the_weights_of_another_network_are_refused(tmp_path, lite0):
    torch.save(lite0.state_dict(), tmp_path / "w.pth")
    with pytest.raises(CourseError, match="w.pth does not hold the weights of a ResNet"):
        load_pretrained("resnet18", weights=tmp_path / "w.pth")


@pytest.mark.parametrize(
    "name, layer",
    [
        ("efficientnet_lite0", "classifier"),
        ("resnet18", "fc"),
        ("mobilenet_v3_small", "classifier.3"),
        ("vit_tiny_patch16_224", "head"),
    ],
)
def test_only_the_output_layer_is_replaced(name, layer):
    net = load_pretrained(name, weights=None)
    assert output_layer(net)[0] == layer
    body = {n: p for n, p in net.named_parameters() if not n.startswith(layer + ".")}
    replace_head(net, ["a", "b", "c"])
    assert net(torch.zeros(1, 3, 224, 224)).shape == (1, 3)
    assert net.class_names == ["a", "b", "c"]
    kept = dict(net.named_parameters())
    assert all(kept[n] is p for n, p in body.items()) and len(kept) == len(body) + 2


@pytest.mark.parametrize(
    "network", [zoo.squeezenet1_1, lambda: timm.create_model("test_resnet", num_classes=0)]
)
def test_a_network_without_linear_output_layer_is_refused(network):
    with pytest.raises(CourseError, match="no linear output layer"):
        replace_head(network(), ["a", "b"])


def test_parameter_groups_hold_every_parameter_once_and_the_head_learns_faster(net):
    body, head = param_groups(net, 0.01, head_factor=10)
    assert (body["lr"], head["lr"]) == (0.01, pytest.approx(0.1))
    grouped = [id(p) for group in (body, head) for p in group["params"]]
    assert sorted(grouped) == sorted(id(p) for p in net.parameters())
    assert {id(p) for p in head["params"]} == {id(p) for p in net[6].parameters()}


def test_parameter_groups_leave_frozen_parameters_out(net):
    net.requires_grad_(False)
    net[6].requires_grad_(True)
    (head,) = param_groups(net, 0.01)
    assert len(head["params"]) == 2 and head["lr"] == pytest.approx(0.1)


@pytest.mark.trap("eval mode of BatchNorm undone by the next train()")
def test_batchnorm_statistics_move_in_train_mode_and_stay_after_keep_statistics(net):
    pictures = torch.rand(4, 3, 16, 16)
    before = {k: v.clone() for k, v in net.named_buffers()}
    net.train()(pictures)
    assert any(not torch.equal(v, before[k]) for k, v in net.named_buffers())
    net.load_state_dict(before, strict=False)
    keep_statistics(net)
    for twin in (net, copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        twin.train()(pictures).sum().backward()
        assert all(torch.equal(v, before[k]) for k, v in twin.named_buffers())
        assert all(p.grad is not None for p in twin.parameters())
