"""Archives: damaged, disguised, or with members that want to be somewhere else."""

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import py7zr

from helpers.files.archives import unpack
from helpers.files.fetch import download
from tests.bad_input import Case


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
            box.writestr(content, name)
    return stream.getvalue()


def tarred(name: str, kind: bytes = tarfile.REGTYPE) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as box:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, "/etc/passwd"
        box.addfile(member)
    return stream.getvalue()


def special(name: str, mode: int) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)
    member.external_attr = (mode | 0o644) << 16
    return member


def marked(data: bytes, offset: int, value: int) -> bytes:
    """One byte changed in the local header and in the directory of a zip file."""
    data = bytearray(data)
    for mark, more in ((b"PK\3\4", 0), (b"PK\1\2", 2)):
        data[data.index(mark) + offset + more] = value
    return bytes(data)


GOOD = packed(("set/a.txt", b"a" * 500), ("set/b.txt", b"b" * 500))
PLAIN = packed(("a.txt", b"a" * 500), ("b.txt", b"b" * 500), method=zipfile.ZIP_STORED)
GOOD_7Z = packed_7z(("a.txt", b"a" * 500), ("b.txt", b"b" * 500))

REFUSED = {
    "zip, no bytes": ("x.zip", b""),
    "zip, web page": ("x.zip", b"<!DOCTYPE html>"),
    "zip, magic alone": ("x.zip", b"PK\3\4"),
    "zip, cut in half": ("x.zip", GOOD[: len(GOOD) // 2]),
    "zip, without its directory": ("x.zip", GOOD[: GOOD.index(b"PK\1\2")]),
    "zip, a byte changed": ("x.zip", PLAIN.replace(b"aaaa", b"aaxa", 1)),
    "zip, directory damaged": ("x.zip", GOOD.replace(b"PK\1\2", b"PK\7\7")),
    "zip, nothing in it": ("x.zip", packed()),
    "zip, encrypted": ("x.zip", marked(GOOD, 6, 1)),
    "zip, unknown compression": ("x.zip", marked(GOOD, 8, 77)),
    "zip, one level up": ("x.zip", packed(("good", b""), ("../evil", b""))),
    "zip, hidden way up": ("x.zip", packed(("a/b/../../../evil", b""))),
    "zip, absolute path": ("x.zip", packed(("/evil", b""))),
    "zip, drive of Windows": ("x.zip", packed(("C:/evil", b""))),
    "zip, way up as in Windows": ("x.zip", packed(("a\\..\\..\\evil", b""))),
    "zip, share of Windows": ("x.zip", packed(("\\\\server\\share\\evil", b""))),
    "zip, link": ("x.zip", packed((special("evil", stat.S_IFLNK), b"/etc/passwd"))),
    "7z, no bytes": ("x.7z", b""),
    "7z, web page": ("x.7z", b"<!DOCTYPE html>"),
    "7z, magic alone": ("x.7z", GOOD_7Z[:6]),
    "7z, cut in half": ("x.7z", GOOD_7Z[: len(GOOD_7Z) // 2]),
    "7z, header damaged": ("x.7z", GOOD_7Z[:12] + bytes(20) + GOOD_7Z[32:]),
    "7z, encrypted": ("x.7z", packed_7z(("a.txt", b"a"), password="secret")),
    "7z, a zip in truth": ("x.7z", GOOD),
    "a 7z file called zip": ("x.zip", GOOD_7Z),
    "a tar file called zip": ("x.zip", tarred("a.txt")),
    "tar, one level up": ("x.tar.gz", tarred("../evil")),
    "tar, link": ("x.tar.gz", tarred("evil", tarfile.SYMTYPE)),
    "tar, device": ("x.tar.gz", tarred("evil", tarfile.CHRTYPE)),
    "zip, a device": ("x.zip", packed((special("a", stat.S_IFCHR), b""), ("b", b""))),
    "zip, a file that is a folder too": ("x.zip", packed(("a", b"x"), ("a/b", b"y"))),
    "rar": ("x.rar", b"Rar!\x1a\7\1\0" + bytes(90)),
}
NESTED = packed(("set/inner.zip", GOOD), ("set/c.txt", b"c"))
USABLE = {
    "zip, one folder in it": ("x.zip", GOOD, {"a.txt", "b.txt"}),
    "zip, files without folder": ("x.zip", PLAIN, {"a.txt", "b.txt"}),
    "zip, junk before it": ("x.zip", b"junk" * 50 + GOOD, {"a.txt", "b.txt"}),
    "zip, another one in it": ("x.zip", NESTED, {"inner.zip", "c.txt"}),
    "zip, names with accents": ("x.zip", packed(("é", b""), ("日", b"")), {"é", "日"}),
    "zip, marks of a Mac": ("x.zip", packed(("set/a", b""), ("__MACOSX/a", b"")), {"a"}),
    "7z, files without folder": ("x.7z", GOOD_7Z, {"a.txt", "b.txt"}),
}  # fmt: skip


def unpacked(name: str, data: bytes):
    """Unpack; whatever happens, nothing but the archive and whole results may be left."""

    def act(folder: Path) -> Path:
        home = folder / "home"
        home.mkdir()
        (home / name).write_bytes(data)
        try:
            return unpack(home / name, home / "set")
        finally:
            assert {path.name for path in home.iterdir()} <= {name, "set"}
            assert [path.name for path in folder.iterdir()] == ["home"]

    return act


def holds(name: str, data: bytes, files: set[str]):
    def act(folder: Path) -> bool:
        found = list(unpacked(name, data)(folder).iterdir())
        return {path.name for path in found} == files and all(path.is_file() for path in found)

    return act


def wrong_hash(folder: Path) -> None:
    (folder / "x.zip").write_bytes(GOOD)
    download("https://localhost/x.zip", folder / "x.zip", sha1="0" * 40)


def folder_named_like_an_archive(folder: Path) -> None:
    (folder / "x.zip").mkdir()
    unpack(folder / "x.zip", folder / "set")


UNWRITABLE = {  # what they say is that this cannot be written
    "zip, a name of 5,000 letters": ("x.zip", packed(("n" * 5000, b""))),
}

CASES = [Case(name, unpacked(*what), what[0]) for name, what in REFUSED.items()]
CASES += [Case(name, unpacked(*what), "cannot be written") for name, what in UNWRITABLE.items()]
CASES += [Case(name, holds(*what)) for name, what in USABLE.items()]
CASES += [
    Case("an archive with a wrong hash", wrong_hash, "x.zip"),
    Case("a folder named x.zip", folder_named_like_an_archive, "x.zip"),
    Case("no archive", lambda folder: unpack(folder / "x.zip", folder / "set"), "x.zip"),
]
