"""Pictures from disk: every odd file gives the right picture or one sentence that names it."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from helpers import CourseError, data
from tests.conftest import SMALL, draw_classes

GREY = np.tile(np.linspace(0, 255, 30), (20, 1)).astype(np.uint8)
RAMP = np.stack([GREY, GREY[:, ::-1], np.full_like(GREY, 40)], -1)


def save(path, pixels, mode=None, **options):
    picture = Image.fromarray(pixels)
    (picture.convert(mode) if mode else picture).save(path, **options)
    return path


def pixels_of(path) -> np.ndarray:
    picture = data.read_picture(path)
    assert picture.mode == "RGB"
    return np.asarray(picture).astype(int)


@pytest.mark.trap("grey, transparent, CMYK, turned pictures")
def test_a_grey_picture_becomes_three_equal_channels(tmp_path):
    out = pixels_of(save(tmp_path / "g.png", GREY))
    assert (out == GREY[..., None]).all()


def test_a_16_bit_picture_is_scaled_not_clipped(tmp_path):
    deep = (GREY.astype(np.uint16) * 257).astype(np.uint16)
    out = pixels_of(save(tmp_path / "deep.png", deep))
    assert abs(out - GREY[..., None]).max() <= 1


@pytest.mark.trap("grey, transparent, CMYK, turned pictures")
def test_a_transparent_picture_stands_on_white(tmp_path):
    rgba = np.dstack([RAMP, np.where(np.arange(30) < 15, 255, 0) * np.ones((20, 1))])
    out = pixels_of(save(tmp_path / "t.png", rgba.astype(np.uint8)))
    assert (out[:, :15] == RAMP[:, :15]).all() and (out[:, 15:] == 255).all()


@pytest.mark.trap("grey, transparent, CMYK, turned pictures")
def test_a_palette_picture_and_a_cmyk_jpeg_keep_their_colours(tmp_path):
    flat = np.zeros((20, 30, 3), np.uint8) + np.array([204, 51, 51], np.uint8)
    for name, mode in (("p.gif", "P"), ("c.jpg", "CMYK")):
        out = pixels_of(save(tmp_path / name, flat, mode))
        assert abs(out - flat).max() < 30, name


@pytest.mark.trap("grey, transparent, CMYK, turned pictures")
def test_a_picture_turned_by_its_exif_data_stands_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side
    out = pixels_of(save(tmp_path / "e.jpg", RAMP, exif=exif, quality=100, subsampling=0))
    assert out.shape == (30, 20, 3)
    assert abs(out - np.rot90(RAMP, -1).astype(int)).max() < 12


@pytest.mark.parametrize("shape", [(4000, 1), (1, 4000), (1, 1), (3, 700)])
def test_very_long_and_very_small_pictures_give_a_small_tensor(tmp_path, shape):
    file = save(tmp_path / "long.png", np.full((*shape, 3), 90, np.uint8))
    out = data.to_tensor(data.read_picture(file), SMALL)
    assert min(out.shape[1:]) == SMALL.resize and max(out.shape[1:]) <= 2 * SMALL.resize
    assert (out == 90).all()


def test_the_middle_of_a_long_picture_is_what_resizing_all_of_it_would_show():
    noise = np.random.default_rng(0).integers(0, 255, (40, 200, 3)).astype(np.uint8)
    whole = Image.fromarray(noise).resize((100, 20), Image.Resampling.BILINEAR)
    ours = data.to_tensor(Image.fromarray(noise), SMALL)
    expected = np.asarray(whole)[:, 30:70].astype(int)
    assert abs(ours.permute(1, 2, 0).numpy().astype(int) - expected)[:, 2:-2].max() <= 1


@pytest.mark.trap("truncated pictures")
@pytest.mark.parametrize("kind", ["truncated", "text", "empty", "missing"])
def test_a_file_that_is_no_whole_picture_is_named(tmp_path, kind):
    draw_classes(tmp_path / "set", {"a": 3, "b": 3})
    bad = tmp_path / "set" / "a" / "bad.jpg"
    if kind == "truncated":
        save(bad, np.random.default_rng(0).integers(0, 255, (200, 200, 3)).astype(np.uint8))
        bad.write_bytes(bad.read_bytes()[:4000])
    elif kind == "text":
        bad.write_text("not a picture")
    elif kind == "empty":
        bad.touch()
    with pytest.raises(CourseError, match="bad.jpg"):
        data.read_folder(tmp_path / "set", SMALL) if kind != "missing" else data.read_picture(bad)


@pytest.mark.trap("1, 10, 100, 2")
def test_pictures_come_in_natural_order_whatever_the_file_system_lists(tmp_path, monkeypatch):
    draw_classes(tmp_path, {"a": 12, "b": 3})
    (tmp_path / "a" / "Thumbs.db").touch()
    (tmp_path / "a" / "._1.png").touch()
    (tmp_path / ".hidden").mkdir()
    pictures = data.read_folder(tmp_path, SMALL)
    assert [p.name for p in pictures.files[:12]] == [f"{i}.png" for i in range(1, 13)]
    assert pictures.class_names == ["a", "b"] and pictures.labels.tolist() == [0] * 12 + [1] * 3


@pytest.mark.parametrize(
    "counts, words",
    [({}, "two folders"), ({"a": 3}, "two folders"), ({"a": 3, "b": 0}, "b holds no pictures")],
)
def test_a_folder_without_pictures_or_with_an_empty_class_is_refused(tmp_path, counts, words):
    draw_classes(tmp_path / "set", counts) if counts else (tmp_path / "set").mkdir()
    with pytest.raises(CourseError, match=words):
        data.read_folder(tmp_path / "set", SMALL)
    with pytest.raises(CourseError, match="nowhere"):
        data.read_folder(tmp_path / "nowhere", SMALL)


def test_a_split_is_stratified_repeatable_and_loses_nothing(tmp_path):
    pictures = data.read_folder(draw_classes(tmp_path / "s", {"a": 20, "b": 5, "c": 2}), SMALL)
    train, valid = data.split(pictures, 0.2)
    assert valid.labels.bincount().tolist() == [4, 1, 1]
    assert train.labels.bincount().tolist() == [16, 4, 1]
    assert sorted(train.files + valid.files) == sorted(pictures.files)
    assert data.split(pictures, 0.2)[1].files == valid.files
    assert data.split(pictures, 0.2, seed=1)[1].files != valid.files
    assert train.decoded[0] is pictures.decoded[pictures.files.index(train.files[0])]


def test_a_class_with_one_picture_cannot_be_split(tmp_path):
    pictures = data.read_folder(draw_classes(tmp_path / "s", {"a": 4, "b": 1}), SMALL)
    with pytest.raises(CourseError, match='"b" has 1 picture'):
        data.split(pictures, 0.2)


@pytest.mark.trap("class order differs between parts")
def test_a_class_that_stands_in_only_one_part_is_named(tmp_path, monkeypatch):
    draw_classes(tmp_path / "hotdog" / "train", {"a": 3, "b": 3, "c": 3})
    draw_classes(tmp_path / "hotdog" / "test", {"a": 3, "c": 3})
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    with pytest.raises(CourseError, match="b stands in only one"):
        data.load("hotdog", "full", SMALL)


def test_batches_are_normalised_and_the_last_one_is_kept(pictures):
    pictures.decoded[0] = torch.randint(0, 256, (3, 16, 16), dtype=torch.uint8)
    batches = list(data.loader(pictures, 4))
    assert [len(y) for _, y in batches] == [4, 4, 4, 4, 4, 2]
    x, y = batches[0]
    assert x.shape == (4, 3, 16, 16) and x.dtype == torch.float32 and y.dtype == torch.int64
    assert x[0, 1, 5, 5] == pytest.approx(
        (pictures.decoded[0][1, 5, 5].item() / 255 - 0.4) / 0.3, abs=1e-5
    )


def test_a_set_of_pictures_tells_its_counts_not_its_paths(pictures):
    assert repr(pictures) == "22 pictures: 11 a, 11 b"


def test_a_batch_size_below_one_is_refused(pictures):
    with pytest.raises(CourseError, match="batch_size is 0"):
        data.loader(pictures, 0)


@pytest.mark.trap("workers on Windows and macOS")
def test_worker_processes_that_start_from_nothing_give_the_same_batches(pictures):
    batches = data.loader(pictures, 8)
    spawned = DataLoader(
        batches.dataset,
        8,
        num_workers=2,
        multiprocessing_context="spawn",  # what Windows and macOS do
        collate_fn=batches.collate_fn,
    )
    for (x, y), (u, v) in zip(batches, spawned, strict=True):
        assert torch.equal(x, u) and torch.equal(y, v)


def test_sizes_and_names_are_checked_and_the_variable_wins(monkeypatch):
    assert data.chosen_size("full") == "full"
    monkeypatch.setenv("COURSE_SIZE", "tiny")
    assert data.chosen_size("full") == "tiny"
    monkeypatch.setenv("COURSE_SIZE", "huge")
    with pytest.raises(CourseError, match='no size "huge".*drawn, tiny, full'):
        data.chosen_size("full")
    monkeypatch.delenv("COURSE_SIZE")
    with pytest.raises(CourseError, match='no data set "cats"'):
        data.find("cats", "drawn")


def test_a_shared_folder_is_used_and_a_wrong_one_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    (tmp_path / "hotdog").mkdir()
    assert data.find("hotdog", "full") == data.find("hotdog", "tiny") == tmp_path / "hotdog"
    assert data.find("hotdog", "drawn").parts[-3:] == ("data", "drawn", "hotdog")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "gone"))
    with pytest.raises(CourseError, match="COURSE_DATA names .*gone"):
        data.find("hotdog", "full")


def test_without_network_full_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "FOLDER", tmp_path)
    monkeypatch.setenv("COURSE_MIRROR", "http://127.0.0.1:9")
    monkeypatch.delenv("COURSE_DATA", raising=False)
    with pytest.raises(CourseError, match="hotdog.zip"):
        data.find("hotdog", "full")
    assert list(tmp_path.rglob("*.zip")) == []


def test_few_draws_as_many_of_each_class_and_others_with_another_seed(pictures):
    drawn = data.few(pictures, 4)
    assert drawn.labels.bincount().tolist() == [4, 4]
    assert drawn.files == data.few(pictures, 4).files != data.few(pictures, 4, seed=1).files
    assert sorted(data.few(pictures, 100).files) == sorted(pictures.files)
    assert len(set(drawn.files)) == 8
