"""Stages, freezing and features: frozen is frozen, and a feature is what the next stage gets."""

import copy
import pickle

import pytest
import timm
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from helpers.models import (
    freeze,
    keep_statistics,
    load_pretrained,
    output_layer,
    param_groups,
    replace_head,
    stages,
)
from helpers.param_groups import head
from helpers.train import extract_features, fit, predict

PICTURES = torch.randn(6, 3, 32, 32, generator=torch.Generator().manual_seed(0))
BATCHES = DataLoader(TensorDataset(PICTURES, torch.tensor([0, 1, 0, 1, 1, 0])), 4)
NETWORKS = {  # how to make it, the side of its pictures
    "efficientnet_lite0": (lambda: load_pretrained(weights=None), 64),
    "torchvision's resnet18": (lambda: load_pretrained("resnet18", weights=None), 64),
    "timm's test_resnet": (lambda: small_resnet(), 64),
    "a vision transformer": (lambda: timm.create_model("test_vit", num_classes=3), 160),
    "a convnext": (lambda: timm.create_model("test_convnext", num_classes=3), 64),
}


def small_resnet() -> nn.Module:
    torch.manual_seed(0)
    return replace_head(timm.create_model("test_resnet", num_classes=7), ["a", "b"])


@pytest.fixture(params=NETWORKS)
def network(request):
    make, side = NETWORKS[request.param]
    return make(), side


def test_every_parameter_but_those_of_the_head_is_in_exactly_one_stage(network):
    net, _ = network
    held = [id(p) for stage in stages(net) for p in stage.parameters]
    top = {id(p) for part in head(net).values() for p in part.parameters()}
    assert len(held) == len(set(held))
    assert set(held) == {id(p) for p in net.parameters()} - top


def test_stages_come_in_the_order_in_which_a_picture_passes_them(network):
    net, side = network
    order, parts = [], stages(net)
    for i, stage in enumerate(parts):
        for layer in stage.layers:
            layer.register_forward_pre_hook(lambda *_, i=i: order.append(i))
    net.eval()(torch.zeros(1, 3, side, side))
    assert list(dict.fromkeys(order)) == list(range(len(parts)))


def test_the_stages_of_known_networks_have_readable_names():
    names = [stage.name for stage in stages(load_pretrained(weights=None))]
    assert names[0] == "conv_stem + bn1" and names[3] == "blocks.2" and len(names) == 8
    names = [stage.name for stage in stages(load_pretrained("resnet18", weights=None))]
    assert names == ["conv1 + bn1", "layer1", "layer2", "layer3", "layer4"]


@pytest.mark.trap("frozen layers whose BatchNorm still moves, eval() undone by the next train()")
@pytest.mark.parametrize(
    "twin",
    [lambda net: net, copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))],
    ids=["itself", "copied", "saved"],
)
def test_frozen_stages_are_the_same_bits_after_two_epochs_and_the_others_are_not(twin):
    net = twin(freeze(small_resnet(), 2))
    before = copy.deepcopy(net)
    groups = [{"params": list(net.parameters()), "lr": 0.1, "weight_decay": 0.1}]
    fit(net, BATCHES, None, torch.optim.SGD(groups, momentum=0.9), 2, quiet=True)
    for i, (old, new) in enumerate(zip(stages(before), stages(net), strict=True)):
        moved = [
            not torch.equal(a, b)
            for x, y in zip(old.layers, new.layers, strict=True)
            for a, b in zip(x.state_dict().values(), y.state_dict().values(), strict=True)
        ]
        assert all(moved) if i >= 2 else not any(moved)


@pytest.mark.trap("the new output layer frozen too")
def test_the_head_learns_however_much_is_frozen(network):
    net, _ = network
    freeze(net, len(stages(net)))
    learning = {id(p) for p in net.parameters() if p.requires_grad}
    assert learning == {id(p) for part in head(net).values() for p in part.parameters()}


@pytest.mark.parametrize("first, last", [(4, 2), (2, 4), (5, 0)])
def test_only_the_last_call_of_freeze_counts(first, last):
    net, fresh = freeze(freeze(small_resnet(), first), last), freeze(small_resnet(), last)
    for a, b in zip(net.parameters(), fresh.parameters(), strict=True):
        assert a.requires_grad == b.requires_grad
    for one in (net, fresh):
        one.train()(PICTURES)
    for a, b in zip(net.buffers(), fresh.buffers(), strict=True):
        assert torch.equal(a, b)


def test_a_gradient_from_before_freezing_moves_nothing():
    net = small_resnet()
    optimizer = torch.optim.SGD(net.parameters(), lr=1.0)
    net(PICTURES).sum().backward()
    frozen = [p for stage in stages(freeze(net, 3))[:3] for p in stage.parameters]
    before = [p.clone() for p in frozen]
    optimizer.step()
    assert all(torch.equal(a, b) for a, b in zip(before, frozen, strict=True))


def test_statistics_that_were_kept_stay_kept_when_stages_are_unfrozen():
    net = freeze(freeze(keep_statistics(small_resnet()), 3), 0)
    before = [b.clone() for b in net.buffers()]
    net.train()(PICTURES)
    assert all(torch.equal(a, b) for a, b in zip(before, net.buffers(), strict=True))


def test_features_and_the_output_layer_give_what_the_network_predicts(network):
    net, side = network
    pictures = torch.randn(3, 3, side, side, generator=torch.Generator().manual_seed(1))
    batches = DataLoader(TensorDataset(pictures, torch.tensor([1, 0, 1])), 2)
    features, labels = extract_features(net, batches)
    answers = output_layer(net)[1](features).softmax(1)
    torch.testing.assert_close(answers, predict(net, batches), rtol=1e-4, atol=1e-5)
    assert labels.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    "name, stem, body",
    [
        ("resnet18", "conv1 bn1 relu maxpool", "layer1 layer2 layer3"),
        ("densenet121", "conv0 norm0 relu0 pool0", "denseblock1 transition1 denseblock2"),
    ],
)
def test_features_of_a_stage_are_the_means_of_the_maps_that_come_out_of_it(name, stem, body):
    net = load_pretrained(name, weights=None).eval()
    layers = dict(getattr(net, "features", net).named_children())
    x = nn.Sequential(*[layers[layer] for layer in stem.split()])(PICTURES)
    for n, layer in enumerate([nn.Identity(), *[layers[layer] for layer in body.split()]], 1):
        x = layer(x)
        torch.testing.assert_close(extract_features(net, BATCHES, n)[0], x.mean((2, 3)).detach())


def test_features_of_all_stages_are_those_of_the_output_layer():
    net = load_pretrained("resnet18", weights=None)
    top = extract_features(net, BATCHES, 5)[0]
    torch.testing.assert_close(top, extract_features(net, BATCHES)[0])


def dropping() -> nn.Module:
    """A network that drops values between its blocks, within them, and before its output layer."""
    rates = {"drop_rate": 0.5, "pos_drop_rate": 0.5, "proj_drop_rate": 0.5, "attn_drop_rate": 0.5}
    torch.manual_seed(0)
    return timm.create_model("test_vit", num_classes=2, img_size=32, drop_path_rate=0.5, **rates)


def outputs_of(net: nn.Module, n: int) -> torch.Tensor:
    """What the bottom n stages hand on in a pass in train mode."""
    seen = []
    above = stages(net)[n].layers if n < len(stages(net)) else [net.head_drop]
    hooks = [m.register_forward_pre_hook(lambda _, x: seen.append(x[0].clone())) for m in above]
    net.train()(PICTURES)
    for hook in hooks:
        hook.remove()
    return seen[0]


@pytest.mark.trap("frozen layers that still drop")
@pytest.mark.parametrize("n", [1, 3, 7])
def test_frozen_stages_drop_nothing_in_train_mode_and_the_others_do(n):
    net = freeze(dropping(), n)
    assert len(stages(net)) == 7
    if n > 1:  # at the first one, dropout acts on what it hands on
        assert torch.equal(outputs_of(net, n), outputs_of(net, n))
    assert not torch.equal(net(PICTURES), net(PICTURES))
    assert not torch.equal(outputs_of(freeze(net, 0), n), outputs_of(net, n))


@pytest.mark.parametrize("order", [(freeze, keep_statistics), (keep_statistics, freeze)])
def test_freezing_and_keeping_statistics_go_together_in_either_order(order):
    net = small_resnet()
    for step in order:
        step(net, 2) if step is freeze else step(net)
    before = [b.clone() for b in net.buffers()]
    net.train()(PICTURES)
    assert all(torch.equal(a, b) for a, b in zip(before, net.buffers(), strict=True))
    assert [s.parameters[0].requires_grad for s in stages(net)] == [False] * 2 + [True] * 3


def test_layers_that_are_unfrozen_are_in_the_mode_of_the_network_again():
    net = freeze(small_resnet(), 3)
    net.train()(PICTURES)
    assert not all(layer.training for layer in net.modules())
    freeze(net, 0)
    assert all(layer.training for layer in net.modules())


def test_a_head_of_several_layers_is_head_from_its_first_layer_on():
    net = load_pretrained("mobilenet_v3_small", size=64, weights=None)
    freeze(net, len(stages(net)))
    learning = {name for name, p in net.named_parameters() if p.requires_grad}
    assert learning == {f"classifier.{i}.{kind}" for i in (0, 3) for kind in ("weight", "bias")}
    (group,) = param_groups(net, 0.1, 10)
    assert group["lr"] == 1 and len(group["params"]) == 4
    pictures = torch.randn(2, 3, 64, 64)
    batches = DataLoader(TensorDataset(pictures, torch.tensor([0, 1])), 2)
    with torch.inference_mode():
        below, _ = extract_features(net, batches, len(stages(net)))
        torch.testing.assert_close(net.classifier(below), net.eval()(pictures))
        last, _ = extract_features(net, batches)
        torch.testing.assert_close(net.classifier[3](last), net(pictures))
