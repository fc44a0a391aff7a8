"""Batches made on the device are those of data.loader; augmentation cuts where it says."""

import pytest
import torch
from torch.nn import functional as F
from torchvision.transforms.v2 import functional as vision

from helpers import CourseError, data
from helpers.models import keep_statistics
from helpers.train import fit
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


def test_a_cut_of_everything_is_the_picture_or_its_mirror_image():
    picture = torch.rand(3, 8, 8) * 255
    torch.manual_seed(0)
    cut = on_device.cut_and_mirror(picture.expand(50, 3, 8, 8), 8, scale=(1, 1), ratio=1)
    same = torch.isclose(cut, picture, atol=1e-3).all((1, 2, 3))
    mirrored = torch.isclose(cut, picture.flip(2), atol=1e-3).all((1, 2, 3))
    assert (same ^ mirrored).all() and 10 < same.sum() < 40


@pytest.mark.parametrize(
    ("shares", "top", "left", "height", "width"),  # shares: of area, shape, place in their ranges
    [((0.5, 0.5, 0.75), 15, 15, 20, 20), ((1, 1, 0.75), 15, 0, 20, 40)],
)
def test_a_cut_of_a_known_place_is_what_torchvision_crops_and_resizes(
    monkeypatch, shares, top, left, height, width
):
    picture = torch.rand(3, 40, 40) * 255
    drawn = iter(shares)
    monkeypatch.setattr(
        torch.Tensor,
        "uniform_",
        lambda self, least, most: self.fill_(least + next(drawn) * (most - least)),
    )
    monkeypatch.setattr(torch, "rand", lambda *shape, **_: torch.ones(shape))  # not mirrored
    cut = on_device.cut_and_mirror(picture[None], 30, scale=(0, 0.5), ratio=2)[0]
    wanted = vision.resized_crop(picture, top, left, height, width, [30, 30], antialias=False)
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
