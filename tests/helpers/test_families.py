"""The helpers on a network of each family, with random weights: they agree on what its head is."""

import copy

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from helpers import CourseError
from helpers.models import (
    freeze,
    load_pretrained,
    output_layer,
    output_layers,
    param_groups,
    replace_head,
    reuse_rows,
    stages,
)
from helpers.param_groups import head
from helpers.train import extract_features, predict
from tests.conftest import is_a_sentence

FEW = {  # the side of the pictures
    "squeezenet1_1": 64,
    "mobilenet_v3_small": 32,
    "deit_tiny_distilled_patch16_224": 16,
    "test_convnext": 64,
    "test_vit": 32,
    "test_byobnet": 32,
}
MANY = {
    "efficientnet_b0": 64,
    "vit_small_patch14_dinov2.lvd142m": 28,
    "convnext_atto": 64,
    "alexnet": 64,
    "vgg11_bn": 32,
    "densenet121": 64,
    "googlenet": 64,
    "inception_v3": 96,
    "mobilenet_v2": 64,
    "mnasnet0_5": 64,
    "shufflenet_v2_x0_5": 64,
    "regnet_y_400mf": 64,
    "resnet18": 64,
    "efficientnet_v2_s": 64,
    "convnext_tiny": 64,
    "swin_t": 64,
    "swin_v2_t": 64,
    "maxvit_t": 224,
    "vit_b_32": 64,
    "efficientnet_lite0": 64,
    "resnet10t": 64,
    "mobilenetv2_035": 64,
    "mobilenetv3_small_050": 64,
    "mobilenetv4_conv_small_035": 64,
    "vgg11.tv_in1k": 32,
    "densenetblur121d": 64,
    "swin_tiny_patch4_window7_224": 64,
    "maxvit_rmlp_pico_rw_256": 64,
    "levit_128s": 224,
    "repvit_m0_9": 64,
    "crossvit_9_240": 240,
    "volo_d1_224": 64,
    "efficientvim_m1": 64,
    "vit_small_patch16_dinov3.lvd1689m": 32,
    "vit_base_patch32_siglip_256": 64,
    "convnext_tiny.dinov3_lvd1689m": 64,
    "repvgg_a0": 64,
    "mobileone_s0": 64,
    "fastvit_t8": 64,
    "efficientformer_l1": 224,
    "swiftformer_xs": 64,
    "sequencer2d_s": 224,
    "edgenext_xx_small": 64,
    "poolformer_s12": 64,
    "caformer_s18": 64,
    "mambaout_femto": 64,
    "mobilevit_xxs": 64,
    "ghostnet_050": 64,
    "dla46_c": 64,
    "cait_xxs24_224": 32,
    "xcit_nano_12_p16_224": 64,
    "pit_ti_224": 64,
    "mixer_s32_224": 64,
    "resmlp_12_224": 32,
    "coat_tiny": 64,
    "convit_tiny": 32,
    "eva02_tiny_patch14_224": 28,
    "tiny_vit_5m_224": 64,
    "mvitv2_tiny": 64,
    "twins_svt_small": 64,
    "inception_next_atto": 64,
    "hiera_tiny_224": 64,
    "pvt_v2_b0": 64,
    "davit_tiny": 64,
    "focalnet_tiny_srf": 64,
    "nf_resnet26": 64,
    "starnet_s1": 64,
    "hgnetv2_b0": 64,
    "rexnet_100": 64,
}
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in MANY]


@pytest.fixture(scope="module", params=[*FEW, *SLOW])
def case(request):
    """A network of a family, and four pictures of noise for it."""
    side = (FEW | MANY)[request.param]
    torch.manual_seed(0)
    net = load_pretrained(request.param, size=side, weights=None)
    net.pretrained_name = request.param
    return net, torch.randn(4, 3, side, side)


@pytest.fixture
def network(case):
    net, pictures = case
    torch.manual_seed(0)
    net = copy.deepcopy(net)
    if any(isinstance(layer, torch.nn.Identity) for layer in output_layers(net).values()):
        replace_head(net, [f"class {i}" for i in range(9)])
    return net, pictures


def batches(pictures):
    return DataLoader(TensorDataset(pictures, torch.arange(len(pictures)) % 2), 2)


def test_rows_that_are_reused_give_the_outputs_of_the_old_classes(network):
    net, pictures = network
    with torch.inference_mode():
        old = net.eval()(pictures)
        names = [f"class {i}" for i in range(old.shape[1])]
        reuse_rows(net, names, ["class 7", "class 3", "another"], "exact")
        new = net(pictures)
    assert new.shape == (4, 3)
    torch.testing.assert_close(new[:, :2], old[:, [7, 3]], rtol=1e-4, atol=1e-4)


REFUSED = {"crossvit_9_240", "efficientvim_m1"}  # see docs/reference.md
UNDIVIDED = {"poolformer_s12", "caformer_s18", "pit_ti_224"}  # see docs/reference.md


def divided(net):
    """The stages of a network; skips the test where they are rightly unknown."""
    if net.pretrained_name in UNDIVIDED:
        with pytest.raises(CourseError, match="stages of .* are not known") as caught:
            stages(net)
        assert is_a_sentence(str(caught.value))
        pytest.skip("not divided into stages")
    return stages(net)


def in_head(net):
    return {id(p) for part in head(net).values() for p in part.parameters()}


def test_the_head_has_a_learning_rate_of_its_own(network):
    net, _ = network
    body, above = param_groups(net, 0.1)
    assert {id(p) for p in above["params"]} == in_head(net)
    assert {id(p) for p in [*body["params"], *above["params"]]} == {id(p) for p in net.parameters()}


def test_every_parameter_is_in_the_head_or_in_exactly_one_stage(network):
    net, _ = network
    parts = divided(net)
    held = [id(p) for stage in parts for p in stage.parameters]
    assert len(held) == len(set(held)) and len(parts) > 1
    assert set(held) == {id(p) for p in net.parameters()} - in_head(net)


def test_the_output_layer_on_the_features_gives_what_the_network_predicts(network):
    net, pictures = network
    if len(output_layers(net)) > 1:
        with pytest.raises(CourseError, match="several output layers") as caught:
            extract_features(net, batches(pictures))
        assert is_a_sentence(str(caught.value))
        return
    features, _ = extract_features(net, batches(pictures))
    layer = output_layer(net)[1]
    if isinstance(layer, torch.nn.Conv2d):  # one answer per position
        assert features.shape == (4, layer.in_channels)
        return
    with torch.inference_mode():
        answers = layer(features).softmax(1)
    torch.testing.assert_close(answers, predict(net, batches(pictures)), rtol=1e-4, atol=1e-4)


def test_frozen_stages_stay_the_same_bits_and_hand_on_the_same_in_train_mode(network):
    net, pictures = network
    parts = divided(net)
    n = max(1, len(parts) // 2)
    freeze(replace_head(net, ["a", "b"]), n)
    frozen = [layer for stage in parts[:n] for layer in stage.layers]
    before = [copy.deepcopy(layer.state_dict()) for layer in frozen]
    optimizer = torch.optim.SGD(net.parameters(), 0.1, weight_decay=0.1)
    handed_on = []
    for layer in parts[n].layers:
        layer.register_forward_pre_hook(lambda _, x: handed_on.append(x[0].detach().clone()))
    first = []
    for _ in range(2):
        handed_on.clear()
        net.train()(pictures).sum().backward()
        optimizer.step()
        first.append(handed_on[0])
    assert torch.equal(*first)
    for layer, old in zip(frozen, before, strict=True):
        for key, value in layer.state_dict().items():
            assert torch.equal(value, old[key])
    assert all(p.requires_grad for stage in parts[n:] for p in stage.parameters)


def test_features_of_a_stage_are_as_many_as_the_next_layer_takes(network):
    net, pictures = network
    parts = divided(net)
    for n in {1, len(parts) // 2, len(parts) - 1}:
        try:
            features, _ = extract_features(net, batches(pictures), n)
        except CourseError as error:
            assert is_a_sentence(str(error)) and net.pretrained_name in REFUSED
            continue
        takes = [
            getattr(layer, name)
            for layer in parts[n].layers
            for name in ("in_channels", "in_features", "num_features")
            if hasattr(layer, name)
        ]
        takes += [len(layer.weight) for layer in parts[n].layers if hasattr(layer, "weight")]
        assert features.shape[0] == 4 and features.shape[1] in takes
        assert features.isfinite().all()
