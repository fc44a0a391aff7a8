"""Batches made on the device are those of data.loader; augmentation cuts where it says."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F
from torchvision.transforms.v2 import functional as vision

from helpers import CourseError, data
from helpers.models import keep_statistics
from helpers.train import evaluate, fit, predict
from scale import on_device
from tests.conftest import SMALL, SmallNet, draw_classes

HERE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.fixture
def pictures(tmp_path):
    return data.read_folder(draw_classes(tmp_path, {"a": 9, "b": 8}), SMALL)


def test_batches_are_those_of_the_loader_in_values_order_and_layout(pictures):
    ours = list(on_device.loader(pictures, 4, device=HERE))
    theirs = list(data.loader(pictures, 4))
    assert len(ours) == len(theirs) == 5
    for (a, x), (b, y) in zip(ours, theirs, strict=True):
        assert torch.equal(a.cpu(), b) and torch.equal(x.cpu(), y)
        assert a.is_contiguous(memory_format=torch.channels_last)


def test_fit_ends_with_the_same_weights_as_with_the_loader(pictures):
    nets = []
    for batches in (
        data.loader(pictures, 4, shuffle=True),
        on_device.loader(pictures, 4, shuffle=True, device=HERE),
    ):
        torch.manual_seed(0)
        net = keep_statistics(SmallNet(dropout=0))
        fit(net, batches, None, torch.optim.SGD(net.parameters(), 0.1), 3, quiet=True)
        nets.append(net.cpu())
    for a, b in zip(*(net.state_dict().values() for net in nets), strict=True):
        torch.testing.assert_close(a, b)


def test_augmented_batches_can_be_learned_from_and_repeat_with_the_seed(pictures):
    scores = []
    for seed in (1, 1, 2):
        torch.manual_seed(0)
        net = SmallNet()
        batches = on_device.loader(
            pictures,
            4,
            shuffle=True,
            device=HERE,
            augment=lambda batch: on_device.cut_and_mirror(batch, SMALL.size, (0.5, 1)),
        )
        fit(net, batches, None, torch.optim.SGD(net.parameters(), 0.3), 8, seed=seed, quiet=True)
        scores.append(predict(net, on_device.loader(pictures, 4, device=HERE)))
    assert evaluate(net, on_device.loader(pictures, 4, device=HERE))["accuracy"] > 0.9
    assert torch.equal(scores[0], scores[1]) and not torch.equal(scores[0], scores[2])


def test_every_shifted_picture_is_one_of_the_crops_and_all_of_them_come():
    picture = torch.randint(256, (3, 6, 6), dtype=torch.uint8)
    padded = F.pad(picture, [2] * 4)
    crops = [vision.crop(padded, y, x, 6, 6) for y in range(5) for x in range(5)]
    crops = torch.stack([c for crop in crops for c in (crop, vision.horizontal_flip(crop))])
    torch.manual_seed(0)
    moved = on_device.shift_and_mirror(picture.expand(2000, 3, 6, 6), pad=2)
    assert moved.dtype == torch.uint8 and moved.shape == (2000, 3, 6, 6)
    which = (moved[:, None] == crops).all((2, 3, 4))
    assert which.any(1).all()
    counts = which.sum(0)
    assert counts.min() > 10 and counts.max() < 80  # 40 each are expected


RAMP = torch.arange(64).float().expand(3, 64, 64)  # a pixel's value is its column


@settings(deadline=None, max_examples=25)
@given(least=st.floats(0.05, 1), ratio=st.floats(1, 2), seed=st.integers(0, 1000), size=st.just(32))
def test_cuts_have_the_area_and_the_shape_that_were_asked_for(least, ratio, seed, size):
    torch.manual_seed(seed)
    across = on_device.cut_and_mirror(RAMP.expand(40, 3, 64, 64), size, (least, 1), ratio)
    torch.manual_seed(seed)
    down = on_device.cut_and_mirror(
        RAMP.transpose(1, 2).expand(40, 3, 64, 64), size, (least, 1), ratio
    )
    middle = slice(8, 24)  # away from the edges, where values are those of the border
    width = (across[:, 0, 0, middle].diff(dim=1).mean(1) * size / 64).abs()
    height = (down[:, 0, middle, 0].diff(dim=1).mean(1) * size / 64).abs()
    inside = (width < 0.999) & (height < 0.999)  # a side that did not fit was made shorter
    area, shape = (width * height)[inside], (width / height)[inside]
    assert ((area > least - 0.02) & (area < 1.001)).all()
    assert ((shape > 1 / ratio - 0.02) & (shape < ratio + 0.02)).all()
    assert across.min() >= 0 and across.max() <= 63


def test_a_cut_of_everything_is_the_picture_or_its_mirror_image():
    picture = torch.rand(3, 8, 8) * 255
    torch.manual_seed(0)
    cut = on_device.cut_and_mirror(picture.expand(50, 3, 8, 8), 8, scale=(1, 1), ratio=1)
    same = torch.isclose(cut, picture, atol=1e-3).all((1, 2, 3))
    mirrored = torch.isclose(cut, picture.flip(2), atol=1e-3).all((1, 2, 3))
    assert (same ^ mirrored).all() and 10 < same.sum() < 40


def test_a_cut_of_a_known_place_is_what_torchvision_crops_and_resizes(monkeypatch):
    picture = torch.rand(3, 40, 40) * 255
    drawn = iter([0.25, 0.0, 0.5])  # share of the area, logarithm of the shape, place
    monkeypatch.setattr(torch.Tensor, "uniform_", lambda self, *_: self.fill_(next(drawn)))
    monkeypatch.setattr(torch, "rand", lambda *shape, **_: torch.ones(shape))  # not mirrored
    cut = on_device.cut_and_mirror(picture[None], 30)[0]
    side, corner = 20, 15  # half of 40; half the way from the middle (10) to the edge (20)
    wanted = vision.resized_crop(picture, corner, corner, side, side, [30, 30], antialias=False)
    inner = (slice(None), slice(2, -2), slice(2, -2))  # beside the edge torchvision sees no more
    torch.testing.assert_close(cut[inner], wanted[inner], atol=0.05, rtol=0)


def test_what_is_no_set_of_pictures_or_no_function_is_refused(pictures):
    with pytest.raises(CourseError, match="give pictures from data.load"):
        on_device.loader([1, 2], device=HERE)
    with pytest.raises(CourseError, match="augment is 3"):
        on_device.loader(pictures, device=HERE, augment=3)


def test_pictures_that_do_not_fit_on_the_device_are_named_with_a_way_out(pictures, monkeypatch):
    def full(*_, **__):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(torch, "empty", full)
    with pytest.raises(CourseError, match="17 decoded pictures do not fit on .*: use data.loader"):
        on_device.loader(pictures, device=HERE)
