"""Archives that are whole, odd, damaged, or made to do harm."""

import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path

import py7zr
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import CourseError
from helpers.files import archives
from helpers.files.archives import BadArchive, unpack


def packed(*members: tuple, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip file of (name or ZipInfo, content)."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as box:
        for name, content in members:
            box.writestr(name, content)
    return stream.getvalue()


def packed_7z(*members: tuple[str, bytes], password: str | None = None) -> bytes:
    stream = io.BytesIO()
    with py7zr.SevenZipFile(stream, "w", password=password) as box:
        for name, content in members:
            box.writestr(content, "it will be called differently")  # py7zr refuses some names
            box.header.files_info.files[-1]["filename"] = name
    return stream.getvalue()


def files(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


GOOD = packed(("set/a.txt", b"a" * 500), ("set/b.txt", b"b" * 500))
PLAIN = packed(("a.txt", b"a" * 500), ("b.txt", b"b" * 500), method=zipfile.ZIP_STORED)
GOOD_7Z = packed_7z(("a.txt", b"a" * 500), ("b.txt", b"b" * 500))
MAC = packed(("hotdog/train/1.png", b"1"), ("hotdog/hotdog/2.png", b"2"), ("__MACOSX/x", b""))
USABLE = {
    "one folder": ("x.zip", MAC, {"train/1.png", "hotdog/2.png"}),
    "no folder": ("x.zip", PLAIN, {"a.txt", "b.txt"}),
    "folder and file": ("x.zip", packed(("1.csv", b""), ("d/2.csv", b"")), {"1.csv", "d/2.csv"}),
    "folders": ("x.zip", packed(("a/", b""), ("a/1", b""), ("b/1", b"")), {"a/1", "b/1"}),
    "junk before": ("x.zip", b"junk" * 50 + GOOD, {"a.txt", "b.txt"}),
    "archive inside": ("x.zip", packed(("s/in.zip", GOOD), ("s/c", b"")), {"in.zip", "c"}),
    "accents": ("x.zip", packed(("é", b""), ("日", b"")), {"é", "日"}),
    "7z": ("x.7z", GOOD_7Z, {"a.txt", "b.txt"}),
    "7z, one folder": ("x.7z", packed_7z(("train/1.png", b"1"), ("train/2.png", b"")),
                       {"1.png", "2.png"}),
}  # fmt: skip


@pytest.mark.parametrize("kind", USABLE)
def test_files_land_in_the_folder_and_a_single_top_folder_becomes_it(tmp_path, kind):
    name, content, names = USABLE[kind]
    (tmp_path / name).write_bytes(content)
    folder = unpack(tmp_path / name, tmp_path / "hot dogs é")
    assert set(files(folder)) == names
    assert sorted(os.listdir(tmp_path)) == ["hot dogs é", name]
    (tmp_path / name).unlink()
    assert unpack(tmp_path / name, folder) == folder


def marked(data: bytes, offset: int, value: int) -> bytes:
    """One byte changed in the first local header and in the directory of a zip file."""
    data = bytearray(data)
    for mark, more in ((b"PK\3\4", 0), (b"PK\1\2", 2)):
        data[data.index(mark) + offset + more] = value
    return bytes(data)


def tarred(name: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as box:
        box.addfile(tarfile.TarInfo(name))
    return stream.getvalue()


def understated() -> bytes:
    """A zip file whose member is larger than it says."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as box:
        box.writestr("zeros", bytes(1_000_000))
        box.filelist[0].file_size = 10
    return stream.getvalue()


DAMAGED = {
    "no bytes": ("x.zip", b""),
    "web page": ("x.zip", b"<!DOCTYPE html>"),
    "cut": ("x.zip", GOOD[: len(GOOD) // 2]),
    "without its directory": ("x.zip", GOOD[: GOOD.index(b"PK\1\2")]),
    "byte changed": ("x.zip", PLAIN.replace(b"aaaa", b"aaxa", 1)),
    "unknown compression": ("x.zip", marked(GOOD, 8, 77)),
    "larger than it says": ("x.zip", understated()),
    "nothing in it": ("x.zip", packed()),
    "7z called zip": ("x.zip", GOOD_7Z),
    "tar": ("x.tar.gz", tarred("../evil")),
    "7z, no bytes": ("x.7z", b""),
    "7z, web page": ("x.7z", b"<!DOCTYPE html>"),
    "7z, cut": ("x.7z", GOOD_7Z[: len(GOOD_7Z) // 2]),
    "7z, header damaged": ("x.7z", GOOD_7Z[:12] + bytes(20) + GOOD_7Z[32:]),
    "7z, nothing in it": ("x.7z", packed_7z()),
    "zip called 7z": ("x.7z", GOOD),
}


def refused(folder: Path, name: str, content: bytes | None) -> str:
    """The sentence that refuses this archive and names it; nothing is left but the archive."""
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(BadArchive) as caught:
        unpack(folder / name, folder / "set")
    text = str(caught.value)
    assert str(folder / name) in text and text.endswith(": delete it and download it again.")
    assert "\n" not in text and os.listdir(folder) == [name] * (content is not None)
    return text


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_archive_is_one_sentence(tmp_path, kind):
    text = refused(tmp_path, *DAMAGED[kind])
    kind = "7z" if DAMAGED[kind][0].endswith("7z") else "zip"
    assert f"is not a complete {kind} file" in text or "is empty" in text


def test_a_missing_archive_is_one_sentence(tmp_path):
    assert "is not a complete zip file" in refused(tmp_path, "x.zip", None)


LINK = zipfile.ZipInfo("link")
LINK.external_attr = (stat.S_IFLNK | 0o777) << 16
WAYS_OUT = ["../evil", "a/../../evil", "/tmp/evil", "C:evil"]
ON_WINDOWS = ["a\\..\\..\\evil", "\\\\pc\\x\\evil"]
TRAPS = {
    **{
        f"zip, {name}": (packed(("a", b""), (name, b"")), name, "outside")
        for name in WAYS_OUT + ON_WINDOWS
    },
    **{f"7z, {name}": (packed_7z(("a", b""), (name, b"")), name, "outside") for name in WAYS_OUT},
    "zip, link": (packed(("a", b""), (LINK, b"/etc/passwd")), "link", "is a link"),
    "zip, password": (marked(GOOD, 6, 1), "set/a.txt", "needs a password"),
}


@pytest.mark.parametrize("kind", TRAPS)
def test_traps_are_refused_by_name(tmp_path, kind):
    content, name, reason = TRAPS[kind]
    ending = kind.split(",")[0]
    text = refused(tmp_path, f"x.{ending}", content)
    assert f"is refused, because {name!r} in it" in text and reason in text


@pytest.mark.skipif(os.name == "nt", reason="links need rights")
def test_a_link_in_a_7z_file_is_refused(tmp_path):
    (tmp_path / "link").symlink_to("/etc")
    stream = io.BytesIO()
    with py7zr.SevenZipFile(stream, "w") as box:
        box.write(tmp_path / "link", "link")
    (tmp_path / "link").unlink()
    assert "'link' in it is a link" in refused(tmp_path, "x.7z", stream.getvalue())


def test_a_7z_file_with_a_password_is_refused(tmp_path):
    content = packed_7z(("a.txt", b"a"), password="secret")
    assert "it needs a password" in refused(tmp_path, "x.7z", content)


def zeros(ending: str, members: int, size: int) -> bytes:
    pack = packed_7z if ending == "7z" else packed
    return pack(*((str(i), bytes(size)) for i in range(members)))


@pytest.mark.parametrize("ending", ["zip", "7z"])
@pytest.mark.parametrize("members, size", [(1, 3_000_000), (30, 100_000)])
def test_a_bomb_is_refused_and_its_size_told(tmp_path, monkeypatch, ending, members, size):
    content = zeros(ending, members, size)
    monkeypatch.setattr(archives, "LARGEST", 3_000_000)
    (tmp_path / f"x.{ending}").write_bytes(content)
    assert len(files(unpack(tmp_path / f"x.{ending}", tmp_path / "all"))) == members
    monkeypatch.setattr(archives, "LARGEST", 2_999_999)
    (tmp_path / "other").mkdir()
    text = refused(tmp_path / "other", f"x.{ending}", content)
    assert "it would fill 0.0 GB, more than 100 times its own size" in text


def test_what_cannot_be_written_is_not_blamed_on_the_archive(tmp_path):
    (tmp_path / "x.zip").write_bytes(packed(("n" * 5000, b"")))
    with pytest.raises(CourseError, match="set cannot be written .File name too long"):
        unpack(tmp_path / "x.zip", tmp_path / "set")
    assert os.listdir(tmp_path) == ["x.zip"]


PIXELS = bytes(range(256))
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
MEMBERS = [(f"é{i}", PIXELS[i:]) for i in range(3)]
WHOLE = {f"{method}.zip": packed(*MEMBERS, method=method) for method in METHODS}
WHOLE["1.7z"] = packed_7z(*MEMBERS)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(WHOLE)), st.floats(0, 1, exclude_max=True), st.integers(1, 255))
def test_an_archive_with_one_wrong_byte_is_refused_or_harmless(
    tmp_path_factory, name, where, change
):
    place = tmp_path_factory.mktemp("place")
    damaged = bytearray(WHOLE[name])
    damaged[int(where * len(damaged))] ^= change
    (place / name).write_bytes(damaged)
    try:
        folder = unpack(place / name, place / "out")
    except CourseError:
        assert os.listdir(place) == [name]
    else:  # a name or a date was hit
        assert sorted(os.listdir(place)) == [name, "out"]
        assert set(files(folder).values()) <= {content for _, content in MEMBERS}


LETTERS = st.characters(codec="utf-8", min_codepoint=1)
NAMES = st.text(st.sampled_from("ab./\\: é~") | LETTERS, min_size=1)


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(["zip", "7z"]),
    st.dictionaries(NAMES, st.binary(max_size=20), min_size=1, max_size=4),
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_whatever_its_members_are_called_nothing_is_written_outside(
    tmp_path_factory, ending, members
):
    place = tmp_path_factory.mktemp("place") / "in"
    place.mkdir()
    pack = packed_7z if ending == "7z" else packed
    (place / f"a.{ending}").write_bytes(pack(*members.items()))
    try:
        unpack(place / f"a.{ending}", place / "out")
    except CourseError:
        assert os.listdir(place) == [f"a.{ending}"]
    assert set(os.listdir(place)) <= {f"a.{ending}", "out"}
    assert os.listdir(place.parent) == ["in"]
