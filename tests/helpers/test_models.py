"""Networks: the right weights, the right pictures, the right output layer."""

import copy
import io
import pickle
import re
from collections import OrderedDict
from pathlib import Path

import pytest
import timm
import torch
from PIL import Image
from sklearn.metrics import roc_auc_score
from torch import nn
from torchvision import models as zoo
from torchvision.transforms import v2

from helpers import CourseError
from helpers.data import few, load, loader, to_tensor
from helpers.models import (
    LITES,
    build,
    build_torchvision,
    keep_statistics,
    load_pretrained,
    load_weights,
    output_layer,
    param_groups,
    replace_head,
)
from helpers.train import evaluate, extract_features, predict
from tests.conftest import SmallNet, is_a_sentence


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


@pytest.mark.parametrize("name", LITES)
def test_every_installed_network_knows_hot_dogs(name):
    net = load_pretrained(name, size=160)
    test = few(load("hotdog", "drawn", net.preprocess).test, 30)
    hotdog = predict(net, loader(test))[:, net.class_names.index("hotdog")]
    assert roc_auc_score(test.labels == test.class_names.index("hotdog"), hotdog) > 0.85


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


def test_a_network_of_your_own_classes_is_loaded_with_them(tmp_path):
    net = replace_head(load_pretrained("resnet18", weights=None), ["cat", "dog", "fox"])
    plain, named = tmp_path / "plain.pt", tmp_path / "named.pt"
    torch.save(net.state_dict(), plain)
    torch.save({"net": net.state_dict(), "class_names": net.class_names}, named)
    for file, names in ((plain, None), (named, ["cat", "dog", "fox"])):
        again = load_pretrained("resnet18", weights=file)
        assert again.class_names == names
        for a, b in zip(again.state_dict().values(), net.state_dict().values(), strict=True):
            assert torch.equal(a, b)


@pytest.mark.parametrize("name", ["squeezenet1_1", "deit_tiny_distilled_patch16_224", "test_vit3"])
def test_networks_with_other_output_layers_are_loaded_with_your_classes_too(tmp_path, name):
    net = replace_head(load_pretrained(name, weights=None), ["a", "b", "c"])
    torch.save(net.state_dict(), tmp_path / "mine.pt")
    again = load_pretrained(name, weights=tmp_path / "mine.pt").state_dict()
    assert all(torch.equal(value, again[key]) for key, value in net.state_dict().items())


def test_as_many_names_as_outputs_are_needed_in_a_file(tmp_path):
    values = {"net": SmallNet(3).state_dict(), "class_names": ["a", "b"]}
    torch.save(values, tmp_path / "mine.pt")
    with pytest.raises(CourseError, match="2 class names for 3 outputs"):
        load_weights(SmallNet(2), tmp_path / "mine.pt")


@pytest.mark.trap("normalisation of another network")
@pytest.mark.parametrize(
    "name, side",
    [
        ("googlenet", 64),
        pytest.param("inception_v3", 96, marks=pytest.mark.slow),
        ("densenet121", 32),
        ("mnasnet0_5", 32),
        pytest.param("vit_b_32", 224, marks=pytest.mark.slow),
        pytest.param("swin_t", 32, marks=pytest.mark.slow),
    ],
)
def test_downloaded_weights_compute_what_they_compute_in_torchvision(torch_home, name, side):
    kinds = {"weights": None}
    if name in ("googlenet", "inception_v3"):
        kinds |= {"init_weights": False, "aux_logits": True}
    values = zoo.get_model(name, **kinds).state_dict()
    for key, value in values.items():
        if "running" in key:  # as after training
            value.uniform_(0.5, 1.5)
    url = zoo.get_model_weights(name).DEFAULT.url
    torch.save(values, torch_home / url.rpartition("/")[2])
    theirs = zoo.get_model(name, weights="DEFAULT").eval()
    x = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(load_pretrained(name)(x), theirs(x), rtol=1e-4, atol=1e-5)


def test_old_files_of_densenet_are_read(torch_home):
    values = zoo.densenet121(weights=None).state_dict()
    old = OrderedDict()  # dots before the numbers, and nothing counted: as torch 0.3 wrote them
    for key, value in values.items():
        if not key.endswith("num_batches_tracked"):
            old[re.sub(r"(denselayer\d+\.(?:norm|conv))([12])", r"\1.\2", key)] = value
    assert set(old) - set(values)
    torch.save(old, torch_home / "densenet121-a639ec97.pth")
    again = load_pretrained("densenet121").state_dict()
    assert all(torch.equal(again[k], v) for k, v in values.items())


def test_position_embeddings_are_resized_with_the_pictures(torch_home):
    net = zoo.vit_b_32(weights=None)
    torch.nn.init.ones_(net.encoder.pos_embedding)
    torch.save(net.state_dict(), torch_home / "vit_b_32-d86f8d99.pth")
    small = load_pretrained("vit_b_32", size=64)
    assert small.encoder.pos_embedding.shape == (1, 5, 768)
    torch.testing.assert_close(small.encoder.pos_embedding, torch.ones(1, 5, 768))
    torch.testing.assert_close(small.conv_proj.weight, net.conv_proj.weight)


def test_a_vision_transformer_is_built_for_the_pictures_of_its_weights():
    with torch.device("meta"):
        net, preprocess = build_torchvision("vit_h_14")
    assert net.image_size == preprocess.size == 518


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"])
def test_networks_that_are_built_for_one_size_are_built_for_yours(name):
    net = load_pretrained(name, size=64, weights=None)
    assert net(torch.zeros(1, 3, 64, 64)).shape == (1, 1000) and net.preprocess.size == 64


@pytest.mark.parametrize(
    "name, size, layers",
    [
        ("efficientnet_lite0", 96, 3),  # the kernels of 5 x 5 that see 3 x 3
        ("efficientnet_lite0", 64, 7),
        ("efficientnet_lite0", 160, 0),
        ("efficientnet_lite0", None, 0),
        ("resnet18", 32, 7),
        ("mobilenet_v3_small", 96, 2),
        ("vit_tiny_patch16_224", 64, 0),
    ],
)
def test_layers_with_kernels_larger_than_their_input_pad_first_and_compute_the_same(
    name, size, layers
):
    net = load_pretrained(name, size=size, weights=None)
    plain = build(name, size)[0].to(memory_format=torch.channels_last)
    plain.load_state_dict(net.state_dict())
    convolutions = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d)]
    assert sum(layer.padding_mode == "constant" for layer in convolutions) == layers
    assert not any(layer._forward_pre_hooks for layer in convolutions)
    x = torch.randn(2, 3, net.preprocess.size, net.preprocess.size)
    x = x.contiguous(memory_format=torch.channels_last)
    for each in (net, plain):
        torch.manual_seed(0)  # for dropout
        each.train()(x).sum().backward()
    torch.testing.assert_close(net.eval()(x), plain.eval()(x), rtol=0, atol=0)
    torch.testing.assert_close(net.state_dict(), plain.state_dict(), rtol=0, atol=0)
    ours, theirs = net.parameters(), plain.parameters()
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-3, atol=1e-3 * b.grad.abs().max())


@pytest.mark.parametrize(
    "name, size, own",
    [
        ("maxvit_t", 128, 224),
        ("vit_b_32", 100, 224),
        ("alexnet", 32, 224),
        ("vit_tiny_patch16_224", 100, 224),  # a patch of 16 pixels would leave 4 out
        ("swin_t", 66, 224),
        ("convnext_atto", 66, 224),
    ],
)
def test_a_size_that_a_network_cannot_take_is_refused(name, size, own):
    with pytest.raises(CourseError, match=f"{name} cannot take.*{size} x {size}") as caught:
        load_pretrained(name, size=size, weights=None)
    assert is_a_sentence(str(caught.value)) and str(own) in str(caught.value)


@pytest.mark.parametrize(
    "name, near",
    [
        ("resnet50.a1_in1kk", "resnet50.a1_in1k"),
        ("resnt18", "resnet18"),
        ("ResNet18", "resnet18"),
        ("convnext_ato", "convnext_atto"),
        ("vit_tiny_patch16_244", "vit_tiny_patch16_224"),
    ],
)
def test_a_misspelt_name_or_tag_gets_its_nearest(name, near):
    with pytest.raises(CourseError, match="did you mean") as caught:
        load_pretrained(name, weights=None)
    assert near in re.split(r"\W*\s", str(caught.value)) and is_a_sentence(str(caught.value))


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


def test_a_network_without_an_output_layer_is_refused():
    with pytest.raises(CourseError, match="no linear output layer"):
        replace_head(torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU()), ["a", "b"])


def test_a_network_without_classes_is_only_measured_after_it_has_a_head(pictures):
    net = timm.create_model("test_resnet", num_classes=0)
    net.preprocess = pictures.preprocess
    for measure in (evaluate, predict):
        with pytest.raises(CourseError, match="no output layer yet.*replace_head"):
            measure(net, loader(pictures))
    features, _ = extract_features(net, loader(pictures))
    replace_head(net, ["a", "b"])
    assert net.num_classes == 2 and predict(net, loader(pictures)).shape == (22, 2)
    again, _ = extract_features(net, loader(pictures))
    assert torch.equal(features, again)


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
