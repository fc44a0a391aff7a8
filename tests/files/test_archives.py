"""helpers/archives.py: archives that are whole, damaged, or made to do harm."""

import io
import os
import stat
import tarfile
import zipfile

import py7zr
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import CourseError
from helpers.files import archives
from helpers.files.archives import BadArchive, unpack


def pack(path, *members):
    with zipfile.ZipFile(path, "w") as box:
        for member, content in members:
            box.writestr(member, content)
    return path


def test_one_folder_in_the_archive_is_the_data_set(tmp_path):
    files = [("hotdog/train/1.png", b"1"), ("hotdog/test/2.png", b"2"), ("__MACOSX/x", b"")]
    folder = unpack(pack(tmp_path / "hotdog.zip", *files), tmp_path / "hot dogs é")
    assert (folder / "train" / "1.png").read_bytes() == b"1"
    assert (folder / "test" / "2.png").read_bytes() == b"2"
    assert sorted(os.listdir(tmp_path)) == ["hot dogs é", "hotdog.zip"]


def test_several_members_at_the_top(tmp_path):
    folder = unpack(pack(tmp_path / "a.zip", ("1.csv", b"1"), ("d/2.csv", b"2")), tmp_path / "a")
    assert sorted(os.listdir(folder)) == ["1.csv", "d"]


def test_what_is_there_stays(tmp_path):
    (tmp_path / "a").mkdir()
    assert unpack(tmp_path / "never asked for.zip", tmp_path / "a") == tmp_path / "a"


def test_killed_unpacking_starts_clean(tmp_path):
    (tmp_path / "a.unpacking" / "a").mkdir(parents=True)
    (tmp_path / "a.unpacking" / "a" / "half").touch()
    folder = unpack(pack(tmp_path / "a.zip", ("a/1", b"1")), tmp_path / "a")
    assert os.listdir(folder) == ["1"]


LINK = zipfile.ZipInfo("link")
LINK.external_attr = (stat.S_IFLNK | 0o777) << 16


@pytest.mark.parametrize(
    "member, reason",
    [
        ("../evil", "outside"),
        ("a/../../evil", "outside"),
        ("/tmp/evil", "outside"),
        ("a\\..\\..\\evil", "outside"),
        ("C:evil", "outside"),
        (LINK, "is a link"),
    ],
)
def test_traps_are_refused_by_name(tmp_path, member, reason):
    name = getattr(member, "filename", member)
    archive = pack(tmp_path / "a.zip", ("good", b""), (member, b"evil"))
    with pytest.raises(CourseError, match=reason) as caught:
        unpack(archive, tmp_path / "a")
    assert repr(name) in str(caught.value)
    assert os.listdir(tmp_path) == ["a.zip"]


def test_encrypted_member_is_refused(tmp_path):
    archive = pack(tmp_path / "a.zip", ("secret", b"x"))
    raw = bytearray(archive.read_bytes())
    for mark, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        raw[raw.index(mark) + offset] |= 1
    archive.write_bytes(raw)
    with pytest.raises(CourseError, match="'secret' in it needs a password"):
        unpack(archive, tmp_path / "a")


@pytest.mark.parametrize("content", ["html", "cut", "bits", "empty", "missing"])
def test_broken_archive_is_one_sentence(tmp_path, content):
    archive = pack(tmp_path / "a.zip", ("1", b"x" * 1000), ("2", b"y" * 1000))
    raw = bytearray(archive.read_bytes())
    raw[500] ^= 1
    broken = {"html": b"<html>", "cut": raw[:1500], "bits": raw}
    if content == "missing":
        archive.unlink()
    elif content == "empty":
        pack(archive)
    else:
        archive.write_bytes(broken[content])
    with pytest.raises(CourseError, match="a.zip"):
        unpack(archive, tmp_path / "a")
    assert not (tmp_path / "a").exists() and not (tmp_path / "a.unpacking").exists()


DEVICE = zipfile.ZipInfo("console")
DEVICE.external_attr = (stat.S_IFCHR | 0o666) << 16
PIPE = zipfile.ZipInfo("pipe")
PIPE.external_attr = (stat.S_IFIFO | 0o666) << 16


@pytest.mark.parametrize("member", [DEVICE, PIPE, "NUL", "train/com1.png", "Aux/1.png"])
def test_devices_are_refused_by_name(tmp_path, member):
    name = getattr(member, "filename", member)
    with pytest.raises(CourseError, match="is a device") as caught:
        unpack(pack(tmp_path / "a.zip", ("good", b""), (member, b"")), tmp_path / "a")
    assert repr(name) in str(caught.value) and os.listdir(tmp_path) == ["a.zip"]


@pytest.mark.parametrize(
    "first, second",
    [
        ("a/1.png", "a/1.PNG"),
        ("train/1.png", "Train/2.png"),
        ("\u00e9.png", "e\u0301.png"),  # é in two ways
        ("1.png", "1.png"),
        ("a", "a/1.png"),
        ("a/1.png", "A"),
        ("a/1.png", "a\\1.png"),
        ("a/1.png", "./a//1.png"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_many_computers_take_for_one_are_refused(tmp_path, first, second):
    with pytest.raises(CourseError, match="is the same file as") as caught:
        unpack(pack(tmp_path / "a.zip", (first, b"1"), (second, b"2")), tmp_path / "a")
    assert repr(second) in str(caught.value) and os.listdir(tmp_path) == ["a.zip"]


def test_names_that_differ_are_no_twins(tmp_path):
    names = ("a/", "a/1.png", "a/10.png", "b/1.png", "a1.png")
    folder = unpack(pack(tmp_path / "a.zip", *((name, b"") for name in names)), tmp_path / "a")
    assert len([path for path in folder.rglob("*") if path.is_file()]) == 4


def test_a_zip_bomb_is_refused_and_the_limit_said(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as box:
        box.writestr("zeros", bytes(10_000_000))
        box.filelist[0].file_size = 281_000_000_000_000
    with pytest.raises(CourseError, match="281000.0 GB, more than 100 times its own size"):
        unpack(tmp_path / "a.zip", tmp_path / "a")
    assert os.listdir(tmp_path) == ["a.zip"]


def test_a_bomb_of_many_small_ones_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "LARGEST", 1_000_000)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as box:
        for i in range(20):
            box.writestr(str(i), bytes(100_000))
    with pytest.raises(CourseError, match="more than 100 times its own size"):
        unpack(tmp_path / "a.zip", tmp_path / "a")
    monkeypatch.setattr(archives, "LARGEST", 2_000_000)
    assert len(os.listdir(unpack(tmp_path / "a.zip", tmp_path / "b"))) == 20


def test_a_bomb_in_a_7z_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "LARGEST", 1_000_000)
    with py7zr.SevenZipFile(tmp_path / "a.7z", "w") as box:
        box.writestr(bytes(3_000_000), "zeros")
    with pytest.raises(CourseError, match="0.0 GB, more than 100 times its own size"):
        unpack(tmp_path / "a.7z", tmp_path / "a")
    assert os.listdir(tmp_path) == ["a.7z"]


def test_a_member_that_is_larger_than_it_says_is_damage(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as box:
        box.writestr("zeros", bytes(1_000_000))
        box.filelist[0].file_size = 10
    with pytest.raises(CourseError, match="no whole zip file"):
        unpack(tmp_path / "a.zip", tmp_path / "a")
    assert os.listdir(tmp_path) == ["a.zip"]


def test_a_tar_file_is_told(tmp_path):
    (tmp_path / "x").write_bytes(b"1")
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as box:
        box.add(tmp_path / "x", "../../evil")
    with pytest.raises(CourseError, match="a.tar.gz is no whole zip file"):
        unpack(tmp_path / "a.tar.gz", tmp_path / "a")
    assert not (tmp_path / "a").exists()


def whole_zip(method: int) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", method) as box:
        for i in range(3):
            box.writestr(f"é{i}", PIXELS[i:])
    return memory.getvalue()


PIXELS = bytes(range(256))
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
WHOLE = [whole_zip(method) for method in METHODS]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(WHOLE), st.floats(0, 1, exclude_max=True), st.integers(1, 255))
def test_a_damaged_zip_file_is_told_or_harmless(tmp_path_factory, whole, where, change):
    place = tmp_path_factory.mktemp("place")
    damaged = bytearray(whole)
    damaged[int(where * len(whole))] ^= change
    (place / "a.zip").write_bytes(damaged)
    try:
        unpacked = unpack(place / "a.zip", place / "out")
    except BadArchive:
        assert os.listdir(place) == ["a.zip"]
    else:  # a name or a date was hit
        assert sorted(os.listdir(place)) == ["a.zip", "out"]
        found = {path.read_bytes() for path in unpacked.rglob("*") if path.is_file()}
        assert found <= {PIXELS[i:] for i in range(3)}
