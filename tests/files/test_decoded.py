"""Pictures decoded to squares, in memory or in a file: the same pixels, never half or old ones."""

import os
import shutil
import time
import tracemalloc
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from helpers import CourseError, data
from helpers.files import decoded
from tests.conftest import ROOT, SMALL, draw_classes

SIZE = 22 * 20 * 20 * 3  # bytes of the decoded pictures below


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A data folder, two classes of 11 pictures; nothing fits in memory unless a test says so."""
    monkeypatch.setattr(data, "FOLDER", tmp_path / "data")
    monkeypatch.setenv("COURSE_MEMORY_MB", "0")
    pictures = draw_classes(tmp_path / "set", {"a": 11, "b": 11})
    for i, file in enumerate(sorted(pictures.glob("*/*"))):  # heights and widths differ
        with Image.open(file) as picture:
            picture.crop((0, 0, 18 + i % 7, 24 - i % 5)).save(file)
    return SimpleNamespace(pictures=pictures, store=tmp_path / "data" / "decoded")


def assert_right(pictures, folder, wants=SMALL):
    """All pictures of the folder, as they are when they are decoded in memory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_MEMORY_MB", "1000")
        expected = data.read_folder(folder, wants)
    assert pictures.files == expected.files
    assert torch.equal(torch.stack(pictures.decoded), torch.stack(expected.decoded))


def only_file(course):
    (file,) = course.store.iterdir()
    assert file.suffix == ".pictures"
    return file


@pytest.mark.parametrize("megabytes", ["0", "1000"])
def test_each_picture_is_its_central_square_resized(course, monkeypatch, megabytes):
    monkeypatch.setenv("COURSE_MEMORY_MB", megabytes)
    pictures = data.read_folder(course.pictures, SMALL)
    assert course.store.exists() == (megabytes == "0")
    for file, square in zip(pictures.files, pictures.decoded, strict=True):
        picture = Image.open(file)
        short = min(picture.size)
        left, top = ((side - short) / 2 for side in picture.size)
        box = (left, top, left + short, top + short)
        expected = np.asarray(picture.resize((20, 20), Image.Resampling.BILINEAR, box=box))
        assert type(square) is torch.Tensor and square.shape == (3, 20, 20)
        assert (square.permute(1, 2, 0).numpy() == expected).all()


def test_the_limit_is_compared_with_the_bytes_of_the_pictures(course, monkeypatch, capsys):
    monkeypatch.setenv("COURSE_MEMORY_MB", str(SIZE / 1e6))
    data.read_folder(course.pictures, SMALL)
    assert not course.store.exists() and capsys.readouterr().out == ""
    monkeypatch.setenv("COURSE_MEMORY_MB", str((SIZE - 1) / 1e6))
    data.read_folder(course.pictures, SMALL)
    assert only_file(course).stat().st_size == SIZE


def test_a_limit_that_is_no_number_of_megabytes_is_refused(course, monkeypatch):
    monkeypatch.setenv("COURSE_MEMORY_MB", "4 GB")
    with pytest.raises(CourseError, match='COURSE_MEMORY_MB is "4 GB": give a number of megab'):
        data.read_folder(course.pictures, SMALL)


@pytest.mark.parametrize("part", ["train", "test"])
@pytest.mark.parametrize("name", data.SETS)
def test_every_part_of_a_drawn_set_fits_in_memory(name, part):
    files = [*(ROOT / "data" / "drawn" / name).glob(f"{part}/**/*.*")] or [
        *(ROOT / "data" / "drawn" / name).glob("images/*.*")  # the leaves are not parted
    ]
    assert 0 < len(files) * 256 * 256 * 3 < decoded.LIMIT


def test_the_next_visit_decodes_nothing_and_says_nothing(course, monkeypatch, capsys):
    wants = replace(SMALL, resize=200)
    data.read_folder(course.pictures, wants)
    place = "22 decoded pictures take 3 MB: they are kept in data/decoded/ and used again next time"
    assert capsys.readouterr().out.startswith(place)
    os.utime(only_file(course), (0, 0))
    with monkeypatch.context() as patch:
        patch.setattr(data, "read_picture", lambda file: pytest.fail(f"{file} is decoded again"))
        pictures = data.read_folder(course.pictures, replace(wants, size=12, mean=(0.1,) * 3))
    assert_right(pictures, course.pictures, wants)
    assert capsys.readouterr().out == ""
    assert time.time() - only_file(course).stat().st_mtime < 60  # marked as used


@pytest.mark.parametrize("change", ["content", "one less", "resize", "interpolation"])
def test_what_has_changed_is_decoded_anew(course, change):
    data.read_folder(course.pictures, SMALL)
    wants, file = SMALL, course.pictures / "a" / "3.png"
    if change == "content":  # as many bytes as before, under the same name
        before = file.stat()
        Image.new("RGB", (24, 24), (7, 7, 7)).save(file)
        file.write_bytes(file.read_bytes().ljust(before.st_size, b"\0"))
        os.utime(file, ns=(before.st_mtime_ns + 1000,) * 2)
    elif change == "one less":
        file.unlink()
    else:
        wants = replace(SMALL, **{change: 22 if change == "resize" else "box"})
    assert_right(data.read_folder(course.pictures, wants), course.pictures, wants)


def test_what_was_not_used_for_a_month_makes_room(course):
    course.store.mkdir(parents=True)
    old, recent = course.store / "old.pictures", course.store / "recent.pictures"
    for file, days in ((old, 31), (recent, 29)):
        file.touch()
        os.utime(file, (time.time() - days * 86_400,) * 2)
    data.read_folder(course.pictures, SMALL)
    assert not old.exists() and recent.exists()


def test_a_file_that_is_too_short_is_made_anew(course):
    data.read_folder(course.pictures, SMALL)
    whole = only_file(course).read_bytes()
    only_file(course).write_bytes(whole[:-1])
    assert_right(data.read_folder(course.pictures, SMALL), course.pictures)
    assert only_file(course).read_bytes() == whole


def test_too_little_space_is_told_before_anything_is_written(course, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=20_000))
    with pytest.raises(CourseError, match="22 decoded pictures take .*0 MB are free.*free some sp"):
        data.read_folder(course.pictures, SMALL)
    assert not list(course.store.iterdir()) and capsys.readouterr().out == ""


def test_a_disk_that_fills_while_writing_is_told_and_leaves_nothing(course, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CourseError, match="No space left.*free some space or set COURSE_MEMORY_MB"):
        data.read_folder(course.pictures, SMALL)
    assert not list(course.store.iterdir())


@pytest.mark.trap("truncated pictures")
@pytest.mark.parametrize("megabytes", ["0", "1000"])
def test_a_damaged_picture_among_many_ends_the_call_at_once(course, monkeypatch, megabytes):
    monkeypatch.setenv("COURSE_MEMORY_MB", megabytes)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    (course.pictures / "a" / "1.png").write_text("not a picture")
    files, decoded_files = sorted(course.pictures.glob("*/*"), key=data.natural) * 500, []
    read_picture = data.read_picture
    monkeypatch.setattr(
        data, "read_picture", lambda file: decoded_files.append(file) or read_picture(file)
    )
    with pytest.raises(CourseError, match="1.png cannot be read as a picture"):
        data.read_files(files, [0] * len(files), ["all"], SMALL)
    assert len(decoded_files) < len(files) / 2
    assert not course.store.exists() or not list(course.store.iterdir())


@pytest.mark.filterwarnings("error", "ignore::ResourceWarning")  # left by other tests
def test_a_picture_may_be_changed_and_the_file_stays_as_it_was(course):
    data.read_folder(course.pictures, SMALL).decoded[0].fill_(255)
    assert_right(data.read_folder(course.pictures, SMALL), course.pictures)


def test_pictures_and_parts_of_them_share_one_array(course):
    pictures = data.read_folder(course.pictures, SMALL)
    parts = (pictures, pictures.subset([3, 20, 0]), data.few(pictures, 4))
    places = {p.untyped_storage().data_ptr() for part in parts for p in part.decoded}
    assert len(places) == 1 and pictures.decoded[0].untyped_storage().nbytes() == SIZE


def test_memory_does_not_grow_with_the_number_of_pictures(course, monkeypatch):
    files = sorted(course.pictures.glob("*/*")) * 10
    grey = np.full((100, 100, 3), 90, np.uint8)
    monkeypatch.setattr(decoded, "BLOCK", 300_000)
    tracemalloc.start()
    squares = decoded.decode_all(files, 100, lambda file: grey, "grey", course.store)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(squares) == 220 and peak < 220 * 100 * 100 * 3 / 4
