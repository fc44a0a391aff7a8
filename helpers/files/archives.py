"""Archives unpacked whole or not at all; what could do harm in them is refused by name."""

import errno
import stat
import zipfile
from collections.abc import Iterable
from pathlib import Path, PureWindowsPath

from tqdm import tqdm

from helpers.require import CourseError

LARGEST = 1 << 30  # bytes; an archive that unpacks to more, and to more than RATIO times its own
RATIO = 100  # size, is a bomb


class BadArchive(CourseError):
    """An archive that cannot be used; `reason` says why, without what to do about it."""

    def __init__(self, reason: str):
        super().__init__(f"{reason}: delete it and download it again.")
        self.reason = reason


def extract(archive: Path, folder: Path) -> None:
    """Unpacks a zip or 7z file to a new folder, which takes the place of a single one inside.

    Nothing is written outside it: an archive with a link, with a path that leads elsewhere, with a
    password or with far too many bytes is refused. Raises BadArchive, or OSError of the disk.
    """
    folder.mkdir(exist_ok=True)
    kind, unpack = ("7z", extract_7z) if archive.suffix == ".7z" else ("zip", extract_zip)
    try:
        unpack(archive, folder)
    except CourseError:
        raise
    except Exception as error:  # damage shows in many ways, as a jump to before the file, too
        damage = not isinstance(error, OSError) or error.errno in (None, errno.EINVAL)
        if damage or not archive.is_file():
            raise BadArchive(f"{archive} is not a complete {kind} file") from None
        raise
    members = list(folder.iterdir())
    if not members:
        raise BadArchive(f"{archive} is empty")
    if len(members) == 1 and members[0].is_dir():
        top = members[0].rename(folder / ".top")  # one of its members may have its name
        for member in list(top.iterdir()):
            member.rename(folder / member.name)
        top.rmdir()


def extract_zip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as box:
        members = [m for m in box.infolist() if not m.filename.startswith("__MACOSX/")]
        for member in members:
            if member.flag_bits & 1:
                raise refusal(archive, f"{member.filename!r} in it needs a password")
        refuse_traps(
            archive,
            ((m.filename, stat.S_ISLNK(m.external_attr >> 16), m.file_size) for m in members),
        )
        for member in tqdm(members, desc=f"unpacking {archive.name}", unit=" files"):
            box.extract(member, folder)


def extract_7z(archive: Path, folder: Path) -> None:
    import py7zr  # part of the extra "kaggle"

    class Files:
        """Opens a file for each member when its turn comes; py7zr streams into it."""

        def create(self, path: str):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            bar.update()
            return open(path, "wb")

    try:
        with py7zr.SevenZipFile(archive) as box:
            if box.needs_password():
                raise py7zr.PasswordRequired
            members = box.files
            refuse_traps(
                archive,
                ((m.filename, m.is_symlink or m.is_junction, m.uncompressed or 0) for m in members),
            )
            with tqdm(total=len(members), desc=f"unpacking {archive.name}", unit=" files") as bar:
                box.extractall(folder, factory=Files())
    except py7zr.PasswordRequired:  # perhaps to read the names, too
        raise refusal(archive, "it needs a password") from None


def refuse_traps(archive: Path, members: Iterable[tuple[str, bool, int]]) -> None:
    """Raises BadArchive for a member that could do harm; members: (name, is a link, bytes)."""
    size = 0
    for name, is_link, member_size in members:
        path = PureWindowsPath(name)  # it knows both kinds of slashes, and drives
        if path.anchor or ".." in path.parts:
            raise refusal(archive, f"{name!r} in it would be written outside the folder")
        if is_link:
            raise refusal(archive, f"{name!r} in it is a link")
        size += member_size
    if size > max(LARGEST, RATIO * archive.stat().st_size):
        much = f"it would fill {size / 1e9:.1f} GB, more than {RATIO} times its own size"
        raise refusal(archive, much)


def refusal(archive: Path, reason: str) -> BadArchive:
    return BadArchive(f"{archive} is refused, because {reason}")
