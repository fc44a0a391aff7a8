"""Pictures that do not fit in memory: the same pixels from a file, never a half or an old one."""

import hashlib
import os
import pickle
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
from helpers.preprocess import Preprocess
from tests.conftest import ROOT, SMALL, draw_classes

LITE0 = Preprocess(224, 256, (0.5,) * 3, (0.5,) * 3, "bicubic")


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A data folder, two classes of 11 pictures; nothing fits in memory unless a test says so."""
    monkeypatch.setattr(data, "FOLDER", tmp_path / "data")
    monkeypatch.setenv("COURSE_MEMORY_MB", "0")
    pictures = draw_classes(tmp_path / "set", {"a": 11, "b": 11})
    for i, file in enumerate(sorted(pictures.glob("*/*"))):  # heights and widths differ
        with Image.open(file) as picture:
            picture.crop((0, 0, 18 + i % 7, 24 - i % 5)).save(file)
    store = tmp_path / "data" / "decoded"
    return SimpleNamespace(pictures=pictures, store=store)


def in_memory(folder, wants=SMALL):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_MEMORY_MB", "1000")
        pictures = data.read_folder(folder, wants)
    assert isinstance(pictures.decoded, list)
    return pictures


def assert_same(pictures, expected):
    assert len(pictures.decoded) == len(expected.decoded) == len(pictures.files)
    for one, other in zip(pictures.decoded, expected.decoded, strict=True):
        assert one.dtype == torch.uint8 and one.stride() == other.stride()
        assert torch.equal(one, other)
    assert pictures.files == expected.files and torch.equal(pictures.labels, expected.labels)


def refuse_to_decode(monkeypatch):
    def refuse(file):
        raise AssertionError(f"{file} is decoded again")

    monkeypatch.setattr(data, "read_picture", refuse)


def only_file(course):
    (file,) = course.store.iterdir()
    assert file.suffix == ".pictures"
    return file


def test_pictures_in_a_file_are_those_in_memory_bit_for_bit(course):
    pictures = data.read_folder(course.pictures, SMALL)
    assert isinstance(pictures.decoded, decoded.Decoded) and only_file(course)
    assert_same(pictures, in_memory(course.pictures))
    assert len({picture.shape for picture in pictures.decoded}) > 3
    assert torch.equal(pictures.decoded[-1], pictures.decoded[21])
    with pytest.raises(IndexError):
        pictures.decoded[22]


def test_what_fits_in_memory_stays_there_and_nothing_is_written_or_said(course, capsys):
    in_memory(course.pictures)
    assert not course.store.exists() and capsys.readouterr().out == ""


@pytest.mark.parametrize("name", data.SETS)
def test_every_drawn_set_fits_in_memory(name):
    files = [f for f in (ROOT / "data" / "drawn" / name).rglob("*") if f.suffix in data.ENDINGS]
    assert files and decoded.estimate(files, LITE0) < decoded.LIMIT


def test_the_estimate_is_near_the_bytes_that_the_pictures_take(course):
    files = in_memory(course.pictures).files * 30
    pixels = sum(picture.numel() for picture in in_memory(course.pictures).decoded) * 30
    assert decoded.estimate(files, SMALL) == pytest.approx(pixels, rel=0.05)


def test_size_and_place_are_said_before_anything_is_written(course, monkeypatch, capsys):
    def stop(*arguments):
        raise OSError("stopped")

    monkeypatch.setattr(decoded, "write_file", stop)
    big = replace(SMALL, resize=200)
    with pytest.raises(CourseError, match="stopped"):
        data.read_folder(course.pictures, big)
    size = sum(picture.numel() for picture in in_memory(course.pictures, big).decoded)
    said = f"22 decoded pictures take {size / 1e6:.0f} MB: they are kept in data/decoded/"
    assert capsys.readouterr().out.startswith(said) and not list(course.store.iterdir())


def test_the_next_visit_decodes_nothing_and_says_nothing(course, monkeypatch, capsys):
    data.read_folder(course.pictures, SMALL)
    expected = in_memory(course.pictures)
    assert capsys.readouterr().out.count("used again next time") == 1
    refuse_to_decode(monkeypatch)
    other_numbers = replace(SMALL, size=12, mean=(0.1, 0.1, 0.1))  # they do not matter here
    assert_same(data.read_folder(course.pictures, other_numbers), expected)
    assert only_file(course) and capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "change", ["content", "one more", "one less", "two swapped", "resize", "interpolation"]
)
def test_what_has_changed_is_decoded_anew(course, change):
    data.read_folder(course.pictures, SMALL)
    wants, files = SMALL, sorted(course.pictures.glob("*/*"))
    if change == "content":  # as many bytes as before, under the same name
        after = files[3].stat().st_mtime_ns + 1000
        save_pixels(files[3], files[3].stat().st_size, 7)
        os.utime(files[3], ns=(after, after))
    elif change == "one more":
        shutil.copy(files[0], files[0].with_name("200.png"))
    elif change == "one less":
        files[5].unlink()
    elif change == "two swapped":
        shutil.copy2(files[0], files[0].with_name("swap"))
        shutil.copy2(files[1], files[0])
        shutil.copy2(files[0].with_name("swap"), files[1])
    else:
        new = {"resize": {"resize": 22}, "interpolation": {"interpolation": "box"}}
        wants = replace(SMALL, **new[change])
    assert_same(data.read_folder(course.pictures, wants), in_memory(course.pictures, wants))


def save_pixels(file, size, value):
    """A picture of one colour in exactly `size` bytes."""
    Image.fromarray(np.full((24, 24, 3), value, np.uint8)).save(file)
    file.write_bytes(file.read_bytes().ljust(size, b"\0"))


def test_a_changed_set_replaces_its_predecessor_once_that_is_unused_for_a_day(course):
    data.read_folder(course.pictures, SMALL)
    first = only_file(course)
    other = data.read_folder(course.pictures, replace(SMALL, resize=30)).decoded.file
    abandoned, busy = course.store / "x.pictures.1.part", course.store / "x.pictures.2.part"
    abandoned.touch(), busy.touch()
    file = next(course.pictures.glob("*/*"))
    for mtime in (1000, 2000):
        os.utime(file, ns=(mtime, mtime))
        newest = data.read_folder(course.pictures, SMALL).decoded.file
        if mtime == 1000:
            assert first.exists() and newest != first  # perhaps in use
            long_ago = time.time() - 2 * decoded.DAY
            for old in (first, other, abandoned):
                os.utime(old, (long_ago, long_ago))
    assert not first.exists() and not abandoned.exists()
    assert newest.exists() and other.exists() and busy.exists()


def test_to_read_a_file_again_marks_it_as_used(course):
    pictures = data.read_folder(course.pictures, SMALL)
    os.utime(pictures.decoded.file, (0, 0))
    sent = pickle.dumps(pictures.decoded)
    pickle.loads(sent)  # what a worker process does
    assert time.time() - pictures.decoded.file.stat().st_mtime < 60


DAMAGE = {
    "empty": lambda whole: b"",
    "short": lambda whole: whole[:10],
    "half": lambda whole: whole[: len(whole) // 2],
    "without its last byte": lambda whole: whole[:-1],
    "without its first byte": lambda whole: whole[1:],
    "too long": lambda whole: whole + b"\0",
    "another index": lambda whole: whole[:-40] + bytes([whole[-40] ^ 1]) + whole[-39:],
    "another end": lambda whole: whole[:-1] + bytes([whole[-1] ^ 1]),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_file_is_noticed_and_made_anew(course, kind):
    data.read_folder(course.pictures, SMALL)
    file = only_file(course)
    whole = file.read_bytes()
    file.write_bytes(DAMAGE[kind](whole))
    assert_same(data.read_folder(course.pictures, SMALL), in_memory(course.pictures))
    assert file.read_bytes() == whole


@pytest.mark.parametrize("text", ["much", "-1", "nan", "4 GB"])
def test_a_limit_that_is_no_number_of_megabytes_is_refused(course, monkeypatch, text):
    monkeypatch.setenv("COURSE_MEMORY_MB", text)
    with pytest.raises(CourseError, match=f'COURSE_MEMORY_MB is "{text}": give megabytes'):
        data.read_folder(course.pictures, SMALL)


def test_the_limit_is_compared_with_the_bytes_of_the_pictures(course, monkeypatch):
    size = sum(picture.numel() for picture in in_memory(course.pictures).decoded)
    for factor, kind in ((0.8, decoded.Decoded), (1.2, list)):
        monkeypatch.setenv("COURSE_MEMORY_MB", str(factor * size / 1e6))
        assert isinstance(data.read_folder(course.pictures, SMALL).decoded, kind)


def test_a_full_disk_is_told_before_anything_is_written(course, monkeypatch, capsys):
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
    with pytest.raises(CourseError, match="No space left.*free some space"):
        data.read_folder(course.pictures, SMALL)
    assert not list(course.store.iterdir())


def test_a_file_that_is_no_picture_is_named_and_nothing_is_left(course):
    (course.pictures / "b" / "5.png").write_text("not a picture")
    with pytest.raises(CourseError, match="5.png is not a picture"):
        data.read_folder(course.pictures, SMALL)
    assert not list(course.store.iterdir())


def test_pictures_that_change_while_they_are_read_are_not_kept(course, monkeypatch):
    file = course.pictures / "a" / "1.png"
    read_picture = data.read_picture

    def read_and_touch(path):
        if path.name == "11.png":
            os.utime(file, ns=(5, 5))
        return read_picture(path)

    monkeypatch.setattr(data, "read_picture", read_and_touch)
    with pytest.raises(CourseError, match="changed while they were read"):
        data.read_folder(course.pictures, SMALL)
    assert not list(course.store.iterdir())


def test_a_picture_may_be_changed_and_the_file_stays_as_it_was(course):
    pictures = data.read_folder(course.pictures, SMALL)
    before = pictures.decoded[0].clone()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pictures.decoded[0].fill_(255)
    assert torch.equal(pictures.decoded[0], before)
    assert_same(data.read_folder(course.pictures, SMALL), in_memory(course.pictures))


def test_parts_of_a_set_share_its_file_and_hold_no_pixels(course):
    pictures, expected = data.read_folder(course.pictures, SMALL), in_memory(course.pictures)
    for cut in (lambda p: p.subset([3, 20, 0]), lambda p: data.few(p, 4), split_again):
        part = cut(pictures)
        assert part.decoded.pixels is pictures.decoded.pixels
        assert_same(part, cut(expected))
    for a, b in zip(pictures.decoded[2:9:3], expected.decoded[2:9:3], strict=True):
        assert torch.equal(a, b)


def split_again(pictures):
    return data.split(data.split(pictures, 0.3)[0], 0.5)[1]


def test_worker_processes_get_the_name_of_the_file_not_its_pixels(course):
    pictures = data.read_folder(course.pictures, replace(SMALL, resize=100))
    sent = pickle.dumps(pictures.decoded)
    assert len(sent) < 1000 + 24 * 22 < pictures.decoded.pixels.size / 100
    assert all(map(torch.equal, pickle.loads(sent), pictures.decoded))


def test_a_worker_that_finds_the_file_gone_says_so(course):
    pictures = data.read_folder(course.pictures, SMALL)
    sent = pickle.dumps(pictures.decoded)
    only_file(course).rename(course.store / "elsewhere")
    with pytest.raises(CourseError, match="is gone: read the pictures again"):
        pickle.loads(sent)


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


def test_all_pictures_stack_as_those_of_a_list_do(course):
    same = replace(SMALL, resize=20)
    for file in course.pictures.glob("*/*"):
        save_pixels(file, 0, 90)
    pictures, expected = data.read_folder(course.pictures, same), in_memory(course.pictures, same)
    assert torch.equal(torch.stack(pictures.decoded), torch.stack(expected.decoded))
    assert torch.equal(torch.cat(tensors=pictures.decoded, dim=1), torch.cat(expected.decoded, 1))


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
        assert isinstance(part.decoded, decoded.Decoded)
        assert_same(part, other)


CHILD = """
import hashlib, os, signal, sys, time
from pathlib import Path
import numpy as np, torch
from PIL import Image
from helpers.files import decoded
from helpers.preprocess import Preprocess

os.environ["COURSE_MEMORY_MB"] = "0"
wants = Preprocess(16, 20, (0.5,) * 3, (0.5,) * 3, "bilinear")
pictures, store = Path(sys.argv[1]), Path(sys.argv[2])
files = sorted(pictures.glob("*/*"))

def plain(file):
    with Image.open(file) as picture:
        return torch.from_numpy(np.array(picture)).permute(2, 0, 1)

def die(*arguments):
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))

def read(decode=plain):
    kept = decoded.decode_all(files, decode, wants, store)
    return hashlib.sha256(b"".join(p.numpy().tobytes() for p in kept)).hexdigest()
"""


def child(course, code: str) -> subprocess.Popen:
    command = [sys.executable, "-c", CHILD + code, str(course.pictures), str(course.store)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def digest_of(folder) -> str:
    """The oracle: pixels as numpy has them, without the course."""
    files = sorted(folder.glob("*/*"))
    pixels = (np.asarray(Image.open(file)).transpose(2, 0, 1).tobytes() for file in files)
    return hashlib.sha256(b"".join(pixels)).hexdigest()


MOMENTS = {
    "before the first picture": "read(die)",
    "at the last picture": "read(lambda f: die() if f == files[-1] else plain(f))",
    "before the index": "decoded.sealed = die; read()",
    "before it is on disk": "os.fsync = die; read()",
    "before it has its name": "os.replace = die; read()",
}


def test_killed_at_any_moment_nothing_is_left_that_is_believed(course):
    store = course.store
    for moment, code in MOMENTS.items():
        course.store = store / moment
        started = child(course, code)
        said = started.communicate(timeout=60)[0]
        assert started.returncode not in (0, 1) and said.startswith("22 decoded pictures"), moment
        left = list(course.store.iterdir())
        assert left and all(file.suffix == ".part" for file in left), moment
    again = "\nfor folder in sorted(store.iterdir()): store = folder; print(read())"
    course.store = store
    said = child(course, again).communicate(timeout=60)[0].splitlines()
    assert said[1::2] == [digest_of(course.pictures)] * len(MOMENTS)


def test_killed_after_the_file_has_its_name_it_is_whole(course):
    started = child(course, "rename = os.replace; os.replace = lambda *a: die(rename(*a)); read()")
    started.communicate(timeout=60)
    assert started.returncode not in (0, 1) and only_file(course)
    said = child(course, "print(read(die))").communicate(timeout=60)[0]
    assert said.split() == [digest_of(course.pictures)]


def test_two_processes_at_once_both_succeed_and_leave_one_file(course):
    meet = """
def slow(file):
    store.with_name(f"ready-{os.getpid()}").touch()
    while len(list(store.parent.glob("ready-*"))) < 2:
        time.sleep(0.01)
    return plain(file)

print(read(slow))
"""
    started = [child(course, meet) for _ in range(2)]
    said = [process.communicate(timeout=60)[0].splitlines() for process in started]
    assert [len(lines) for lines in said] == [2, 2]  # each of them decoded
    assert {lines[1] for lines in said} == {digest_of(course.pictures)}
    assert only_file(course)


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="only Linux tells the peak")
def test_memory_does_not_grow_with_the_number_of_pictures(course):
    measure = """
import re
grey = lambda file: torch.full((3, 500, 500), 90, dtype=torch.uint8)
for n in (10, 30):
    kept = decoded.decode_all(files * n, grey, wants, store)
    peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
    print(len(kept), peak / 1e3)
"""
    lines = child(course, measure).communicate(timeout=60)[0].splitlines()
    (n, few), (m, many) = (map(float, line.split()) for line in lines[1::2])
    assert (n, m) == (220, 660)
    assert many - few < 20, "440 pictures more, of 0.75 MB each"
