"""Archives that are whole, odd, damaged, or made to do harm."""

import io
import os
import stat
import zipfile
from contextlib import suppress
from pathlib import Path

import py7zr
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.files import archives
from helpers.files.archives import BadArchive, extract


def packed(*members: tuple) -> bytes:
    """A zip file of (name or ZipInfo, content)."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as box:
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
GOOD_7Z = packed_7z(("a.txt", b"a" * 500), ("b.txt", b"b" * 500))
MAC = packed(("hotdog/train/é.png", b"1"), ("hotdog/hotdog/2.png", b"2"), ("__MACOSX/x", b""))
ONE_7Z = packed_7z(("train/1.png", b"1"), ("train/2.png", b""))
USABLE = {
    "one folder": ("x.zip", MAC, {"train/é.png", "hotdog/2.png"}),
    "folder and file": ("x.zip", packed(("1.csv", b""), ("d/2.csv", b"")), {"1.csv", "d/2.csv"}),
    "7z": ("x.7z", GOOD_7Z, {"a.txt", "b.txt"}),
    "7z, one folder": ("x.7z", ONE_7Z, {"1.png", "2.png"}),
}


@pytest.mark.parametrize("kind", USABLE)
def test_files_land_in_the_folder_and_a_single_top_folder_becomes_it(tmp_path, kind):
    name, content, names = USABLE[kind]
    (tmp_path / name).write_bytes(content)
    extract(tmp_path / name, tmp_path / "hot dogs é")
    assert set(files(tmp_path / "hot dogs é")) == names


DAMAGED = {
    "missing": ("x.zip", None),
    "web page": ("x.zip", b"<!DOCTYPE html>"),
    "cut": ("x.zip", GOOD[: len(GOOD) // 2]),
    "nothing in it": ("x.zip", packed()),
    "7z, web page": ("x.7z", b"<!DOCTYPE html>"),
    "7z, cut": ("x.7z", GOOD_7Z[: len(GOOD_7Z) // 2]),
    "7z, nothing in it": ("x.7z", packed_7z()),
}


def refused(folder: Path, name: str, content: bytes | None) -> str:
    """The sentence that refuses this archive and names it."""
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(BadArchive) as caught:
        extract(folder / name, folder / "set")
    text = str(caught.value)
    assert str(folder / name) in text and text.endswith(": delete it and download it again.")
    assert "\n" not in text
    return text


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_archive_is_one_sentence(tmp_path, kind):
    name, content = DAMAGED[kind]
    words = "is empty" if "nothing" in kind else f"is not a complete {name[2:]} file"
    assert words in refused(tmp_path, name, content)


def with_password() -> bytes:
    """A zip file whose first member is marked as encrypted, in its header and in the directory."""
    data = bytearray(GOOD)
    data[data.index(b"PK\3\4") + 6] = data[data.index(b"PK\1\2") + 8] = 1
    return bytes(data)


LINK = zipfile.ZipInfo("link")
LINK.external_attr = (stat.S_IFLNK | 0o777) << 16
WAYS_OUT = ["a/../../evil", "/tmp/evil", "C:evil", "a\\..\\..\\evil"]
TRAPS = {
    **{f"zip, {name}": (packed(("a", b""), (name, b"")), name, "outside") for name in WAYS_OUT},
    "7z, path": (packed_7z(("a", b""), ("a/../../evil", b"")), "a/../../evil", "outside"),
    "zip, link": (packed(("a", b""), (LINK, b"/etc/passwd")), "link", "is a link"),
    "zip, password": (with_password(), "set/a.txt", "needs a password"),
}


@pytest.mark.parametrize("kind", TRAPS)
def test_what_could_do_harm_is_refused_by_name(tmp_path, kind):
    content, name, reason = TRAPS[kind]
    text = refused(tmp_path, f"x.{kind.split(',')[0]}", content)
    assert f"is refused, because {name!r} in it" in text and reason in text


@pytest.mark.skipif(os.name == "nt", reason="links need rights")
def test_a_link_in_a_7z_file_is_refused(tmp_path):
    (tmp_path / "link").symlink_to("/etc")
    stream = io.BytesIO()
    with py7zr.SevenZipFile(stream, "w") as box:
        box.write(tmp_path / "link", "link")
    assert "'link' in it is a link" in refused(tmp_path, "x.7z", stream.getvalue())


def test_a_7z_file_with_a_password_is_refused(tmp_path):
    content = packed_7z(("a.txt", b"a"), password="secret")
    assert "it needs a password" in refused(tmp_path, "x.7z", content)


@pytest.mark.parametrize("ending, pack", [("zip", packed), ("7z", packed_7z)])
def test_a_bomb_is_refused_and_its_size_told(tmp_path, monkeypatch, ending, pack):
    content = pack(*((str(i), bytes(100_000)) for i in range(30)))
    monkeypatch.setattr(archives, "LARGEST", 2_999_999)
    text = refused(tmp_path, f"x.{ending}", content)
    assert "it would fill 0.0 GB, more than 100 times its own size" in text
    monkeypatch.setattr(archives, "LARGEST", 3_000_000)
    extract(tmp_path / f"x.{ending}", tmp_path / "all")
    assert len(files(tmp_path / "all")) == 30


def test_what_cannot_be_written_is_not_blamed_on_the_archive(tmp_path):
    (tmp_path / "x.zip").write_bytes(packed(("n" * 5000, b"")))
    with pytest.raises(OSError, match="File name too long"):
        extract(tmp_path / "x.zip", tmp_path / "set")


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
    with suppress(BadArchive, OSError):
        extract(place / f"a.{ending}", place / "out")
    assert set(os.listdir(place)) <= {f"a.{ending}", "out"}
    assert os.listdir(place.parent) == ["in"]
