"""Pictures decoded to squares, in memory or in a file: the same pixels, never half or old ones."""

import os
import shutil
import subprocess
import sys
import time
import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision.transforms.v2 import Compose, RandomHorizontalFlip, RandomResizedCrop

from helpers import CourseError, data, kaggle
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


def in_memory(folder, wants=SMALL):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_MEMORY_MB", "1000")
        return data.read_folder(folder, wants)


def assert_same(pictures, expected):
    assert all(map(torch.equal, pictures.decoded, expected.decoded))
    assert len(pictures.decoded) == len(expected.decoded) == len(pictures.files)
    assert pictures.files == expected.files and torch.equal(pictures.labels, expected.labels)


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


@pytest.mark.parametrize("text", ["much", "-1", "nan", "4 GB"])
def test_a_limit_that_is_no_number_of_megabytes_is_refused(course, monkeypatch, text):
    monkeypatch.setenv("COURSE_MEMORY_MB", text)
    with pytest.raises(CourseError, match=f'COURSE_MEMORY_MB is "{text}": give a number of megab'):
        data.read_folder(course.pictures, SMALL)


@pytest.mark.parametrize("name", data.SETS)
def test_every_drawn_set_fits_in_memory(name):
    files = [f for f in (ROOT / "data" / "drawn" / name).rglob("*") if f.suffix in data.ENDINGS]
    assert 0 < len(files) * 256 * 256 * 3 < decoded.LIMIT


def test_the_next_visit_decodes_nothing_and_says_nothing(course, monkeypatch, capsys):
    data.read_folder(course.pictures, replace(SMALL, resize=200))
    place = "22 decoded pictures take 3 MB: they are kept in data/decoded/ and used again next time"
    assert capsys.readouterr().out.startswith(place)
    os.utime(only_file(course), (0, 0))
    expected = in_memory(course.pictures, replace(SMALL, resize=200))
    monkeypatch.setattr(data, "read_picture", lambda file: pytest.fail(f"{file} is decoded again"))
    other_numbers = replace(SMALL, resize=200, size=12, mean=(0.1,) * 3)  # they do not matter here
    assert_same(data.read_folder(course.pictures, other_numbers), expected)
    assert capsys.readouterr().out == ""
    assert time.time() - only_file(course).stat().st_mtime < 60  # marked as used


@pytest.mark.parametrize(
    "change", ["content", "one more", "one less", "two swapped", "resize", "interpolation"]
)
def test_what_has_changed_is_decoded_anew(course, change):
    data.read_folder(course.pictures, SMALL)
    wants, files = SMALL, sorted(course.pictures.glob("*/*"))
    if change == "content":  # as many bytes as before, under the same name
        before = files[3].stat()
        Image.new("RGB", (24, 24), (7, 7, 7)).save(files[3])
        files[3].write_bytes(files[3].read_bytes().ljust(before.st_size, b"\0"))
        os.utime(files[3], ns=(before.st_mtime_ns + 1000,) * 2)
    elif change == "one more":
        shutil.copy(files[0], files[0].with_name("200.png"))
    elif change == "one less":
        files[5].unlink()
    elif change == "two swapped":
        shutil.copy2(files[0], files[0].with_name("swap"))
        shutil.copy2(files[1], files[0])
        shutil.copy2(files[0].with_name("swap"), files[1])
    else:
        wants = replace(SMALL, **{change: 22 if change == "resize" else "box"})
    assert_same(data.read_folder(course.pictures, wants), in_memory(course.pictures, wants))


def test_an_old_state_and_remains_are_removed_once_they_are_unused_for_a_day(course):
    data.read_folder(course.pictures, SMALL)
    first = only_file(course)
    data.read_folder(course.pictures, replace(SMALL, resize=30))
    (other,) = set(course.store.iterdir()) - {first}
    abandoned, busy = course.store / "x.pictures.part", course.store / "y.pictures.part"
    abandoned.touch(), busy.touch()
    os.utime(next(course.pictures.glob("*/*")), (1000, 1000))
    data.read_folder(course.pictures, SMALL)
    (second,) = set(course.store.iterdir()) - {first, other, abandoned, busy}
    long_ago = time.time() - 2 * decoded.DAY
    for old in (first, other, abandoned):
        os.utime(old, (long_ago, long_ago))
    os.utime(next(course.pictures.glob("*/*")), (2000, 2000))
    data.read_folder(course.pictures, SMALL)
    assert not first.exists() and not abandoned.exists()
    assert second.exists() and other.exists() and busy.exists()


def test_a_file_of_another_size_is_made_anew(course):
    data.read_folder(course.pictures, SMALL)
    whole = only_file(course).read_bytes()
    for content in (b"", whole[:-1], whole + b"\0"):
        only_file(course).write_bytes(content)
        assert_same(data.read_folder(course.pictures, SMALL), in_memory(course.pictures))
        assert only_file(course).read_bytes() == whole


def test_too_little_space_is_told_before_anything_is_written(course, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=20_000))
    with pytest.raises(
        CourseError, match="22 decoded pictures take .*0 MB are free.*free some space"
    ):
        data.read_folder(course.pictures, SMALL)
    assert not list(course.store.iterdir()) and capsys.readouterr().out == ""


def test_a_disk_that_fills_while_writing_is_told_and_leaves_nothing(course, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CourseError, match="No space left.*free some space, or set COURSE_MEMORY"):
        data.read_folder(course.pictures, SMALL)
    assert not list(course.store.iterdir())


@pytest.mark.parametrize("megabytes", ["0", "1000"])
def test_a_damaged_picture_among_many_ends_the_call_at_once(course, monkeypatch, megabytes):
    monkeypatch.setenv("COURSE_MEMORY_MB", megabytes)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    (course.pictures / "a" / "1.png").write_text("not a picture")
    files, decoded_files = sorted(course.pictures.glob("*/*"), key=data.natural) * 500, []
    read_picture = data.read_picture

    def read(file):
        decoded_files.append(file)
        return read_picture(file)

    monkeypatch.setattr(data, "read_picture", read)
    with pytest.raises(CourseError, match="1.png is not a picture: remove it"):
        data.read_files(files, [0] * len(files), ["all"], SMALL)
    assert len(decoded_files) < len(files) / 2
    assert not course.store.exists() or not list(course.store.iterdir())


def test_pictures_that_change_while_they_are_read_are_not_kept(course, monkeypatch):
    read_picture = data.read_picture

    def read_and_touch(file):
        os.utime(course.pictures / "a" / "1.png", ns=(5, 5))
        return read_picture(file)

    monkeypatch.setattr(data, "read_picture", read_and_touch)
    with pytest.raises(CourseError, match="changed while they were read"):
        data.read_folder(course.pictures, SMALL)
    assert not list(course.store.iterdir())


def test_a_picture_may_be_changed_and_the_file_stays_as_it_was(course):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data.read_folder(course.pictures, SMALL).decoded[0].fill_(255)
    assert_same(data.read_folder(course.pictures, SMALL), in_memory(course.pictures))


def test_pictures_and_parts_of_them_share_one_array(course):
    for pictures in (data.read_folder(course.pictures, SMALL), in_memory(course.pictures)):
        parts = (pictures, pictures.subset([3, 20, 0]), data.few(pictures, 4))
        places = {p.untyped_storage().data_ptr() for part in parts for p in part.decoded}
        assert len(places) == 1
        assert pictures.decoded[0].untyped_storage().nbytes() == SIZE


@pytest.mark.trap("workers on Windows and macOS")
def test_batches_are_the_same_from_memory_a_file_and_workers_that_start_from_nothing(course):
    augment = Compose([RandomResizedCrop(16), RandomHorizontalFlip()])
    runs = []
    for pictures in (in_memory(course.pictures), data.read_folder(course.pictures, SMALL)):
        torch.manual_seed(0)
        runs.append(list(data.loader(pictures, 8, shuffle=True, augment=augment)))
    straight = data.loader(pictures, 8)
    spawned = DataLoader(
        straight.dataset,
        8,
        num_workers=1,
        multiprocessing_context="spawn",
        collate_fn=straight.collate_fn,
    )
    for one, other in (runs, (straight, spawned)):
        for (x, y), (u, v) in zip(one, other, strict=True):
            assert torch.equal(x, u) and torch.equal(y, v)


def test_a_competition_is_read_from_its_files_too(course, tmp_path):
    folder = draw_classes(tmp_path / "parts" / "train_valid", {"a": 8, "b": 8}).parent
    for name in "ab":
        (folder / "valid" / name).mkdir(parents=True)
        shutil.copy(folder / "train_valid" / name / "2.png", folder / "valid" / name)
    draw_classes(folder / "test", {"unknown": 5}, seed=1)
    parts = kaggle.load(folder, SMALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_MEMORY_MB", "1000")
        expected = kaggle.load(folder, SMALL)
    for part, other in zip(parts, expected, strict=True):
        assert_same(part, other)


CHILD = """
import os, signal, sys, time
from pathlib import Path
import numpy as np
from PIL import Image
from helpers.files import decoded

os.environ["COURSE_MEMORY_MB"] = "0"
pictures, store = Path(sys.argv[1]), Path(sys.argv[2])
files = sorted(pictures.glob("*/*"))

def plain(file):
    return np.asarray(Image.open(file).resize((20, 20)))

def die(*arguments):
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))

def read(decode=plain):
    kept = decoded.decode_all(files, 20, decode, "plain", store)
    print([int(picture.sum()) for picture in kept])
"""


def child(course, code: str) -> subprocess.Popen:
    command = [sys.executable, "-c", CHILD + code, str(course.pictures), str(course.store)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def sums(course) -> str:
    """The oracle: what a process prints, by Pillow and NumPy alone."""
    pictures = (Image.open(f).resize((20, 20)) for f in sorted(course.pictures.glob("*/*")))
    return str([int(np.asarray(picture).sum()) for picture in pictures])


MOMENTS = {
    "at the first picture": "read(die)",
    "at the last picture": "read(lambda f: die() if f == files[-1] else plain(f))",
    "before it is on disk": "os.fsync = die; read()",
    "before it has its name": "os.replace = die; read()",
}


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_any_moment_nothing_is_left_that_is_believed(course, moment):
    victim = child(course, MOMENTS[moment])
    output = victim.communicate(timeout=60)[0]
    assert victim.returncode not in (0, 1) and output.startswith("22 decoded pictures")
    assert all(file.suffix in (".part", ".lock") for file in course.store.iterdir())
    said = child(course, "read()").communicate(timeout=60)[0].splitlines()
    assert said[1:] == [sums(course)] and only_file(course)


def test_two_processes_at_once_take_turns(course):
    slow = "read(lambda file: time.sleep(0.02) or plain(file))"
    both = [child(course, slow) for _ in range(2)]
    lines = [line for p in both for line in p.communicate(timeout=60)[0].splitlines()]
    assert lines.count(sums(course)) == 2
    assert sum("are kept in" in line for line in lines) == 1 and only_file(course)


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="only Linux tells the peak")
def test_memory_does_not_grow_with_the_number_of_pictures(course):
    measure = """
import re
decoded.BLOCK = 10e6
grey = np.full((500, 500, 3), 90, np.uint8)
for n in (10, 30):
    kept = decoded.decode_all(files * n, 500, lambda file: grey, "grey", store)
    peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
    print(len(kept), peak / 1e3)
"""
    lines = child(course, measure).communicate(timeout=60)[0].splitlines()
    (n, few), (m, many) = (map(float, line.split()) for line in lines[1::2])
    assert (n, m) == (220, 660)
    assert many - few < 20, "440 pictures more, of 0.75 MB each"
