"""Grad-CAM finds the part that decides, in networks of several kinds."""

import pytest
import torch
from torch import nn

from helpers import CourseError, cam, models
from tests.conftest import is_a_sentence
from tests.lessons.committed import inline


class Corner(nn.Sequential):
    """Says class 1 where the picture is bright."""

    def __init__(self):
        super().__init__(
            nn.Conv2d(3, 1, 1, bias=False),
            nn.Conv2d(1, 2, 8, stride=8),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(2, 2),
        )
        with torch.no_grad():
            self[0].weight.fill_(1 / 3)
            self[1].weight.fill_(1 / 64)
            self[1].bias.zero_()
            self[5].weight.copy_(torch.tensor([[-20.0, -20], [20, 20]]))
            self[5].bias.zero_()


def test_the_bright_corner_is_hot():
    batch = torch.zeros(1, 3, 32, 32)
    batch[..., :8, 24:] = 1
    heat = cam.grad_cam(Corner(), batch, 1)
    assert heat.shape == (32, 32) and divmod(int(heat.argmax()), 32)[0] < 8
    assert heat[:8, 24:].min() > 0.3 and heat[16:, :16].max() < 0.01


@pytest.mark.parametrize("name", ["efficientnet_lite0", "resnet18", "mobilenet_v3_small"])
def test_maps_of_several_networks_and_the_network_stays_as_it_was(name):
    torch.manual_seed(0)
    net = models.load_pretrained(name, size=64, weights=None).train()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    heat = cam.grad_cam(net, torch.randn(1, 3, 64, 64))
    assert heat.shape == (64, 64) and heat.min() >= 0 and heat.max() <= 1.0001
    assert net.training and all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
    assert all(p.grad is None for p in net.parameters())


def test_the_lesson_s_ten_lines_give_the_same_map():
    torch.manual_seed(0)
    net = models.load_pretrained(size=96, weights=None)
    batch = torch.randn(1, 3, 96, 96)
    heat = inline("09")["grad_cam"](net, batch.clone(), 7)
    large = nn.functional.interpolate(heat[None, None], (96, 96), mode="bilinear")[0, 0]
    expected = cam.grad_cam(net, batch, 7)
    torch.testing.assert_close(large / large.max(), expected, atol=1e-4, rtol=1e-3)


def test_the_words_of_a_figure_say_how_much_of_the_heat_is_in_the_middle(pictures, monkeypatch):
    maps = iter([torch.eye(8), torch.zeros(8, 8)])
    monkeypatch.setattr(cam, "grad_cam", lambda *_: next(maps))
    monkeypatch.setattr(cam, "overlay", lambda picture, heat: picture)
    words = cam.beside(None, pictures, [0, 3], ["a bee\nat dusk", "an ant"]).description
    assert words.endswith(
        ": a bee at dusk, 50% of the heat in the middle quarter; "
        "an ant, 0% of the heat in the middle quarter"
    )


def test_a_network_without_maps_is_one_sentence():
    net = models.load_pretrained("vit_tiny_patch16_224", size=32, weights=None)
    with pytest.raises(CourseError, match="convolutional") as caught:
        cam.grad_cam(net, torch.zeros(1, 3, 32, 32))
    assert is_a_sentence(str(caught.value))
