"""helpers/archives.py: archives that are whole, damaged, or made to do harm."""

import os
import stat
import zipfile

import pytest

from helpers import CourseError
from helpers.archives import unpack


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
