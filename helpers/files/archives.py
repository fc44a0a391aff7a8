"""Archives unpacked whole or not at all; what could do harm in them is refused by name."""

import errno
import re
import shutil
import stat
import unicodedata
import zipfile
from os import replace
from pathlib import Path, PureWindowsPath
from typing import NamedTuple

from tqdm import tqdm

from helpers.files.atomic import alone, unwritable
from helpers.require import CourseError

LARGEST = (
    1 << 30
)  # bytes; what unpacks to more, and to more than RATIO times the archive, is a bomb
RATIO = 100
DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # names of Windows


class BadArchive(CourseError):
    """An archive that cannot be used; `reason` says why, without what to do about it."""

    def __init__(self, reason: str, advice: str):
        super().__init__(f"{reason}: {advice}")
        self.reason = reason


class Member(NamedTuple):
    """What an archive says about a file or folder in it. size: in bytes, unpacked."""

    name: str
    is_folder: bool
    mode: int  # its kind, as in os.stat; 0: unknown
    size: int
    locked: bool


def unpack(archive: Path, target: Path) -> Path:
    """Unpack a zip or 7z file to the folder `target`; return at once if that is there already.

    If all the archive holds is one folder, `target` becomes that folder. Nothing is written
    outside of it: refused is an archive with a password, with a link, a device, a member that
    leads elsewhere, two that are one file where small and capital letters are the same, or with
    more than LARGEST bytes that are more than RATIO times its own.
    Raises CourseError with what to do, BadArchive if the archive is at fault.
    """
    archive, target = Path(archive), Path(target)
    if target.exists():
        return target
    kind = "7z" if archive.suffix == ".7z" else "zip"
    try:
        with alone(target):
            if not target.exists():  # unless another process was quicker
                _unpack(archive, target, _extract_7z if kind == "7z" else _extract_zip)
    except CourseError:
        raise
    except Exception as error:  # damage shows in many ways, a jump to a place before the file too
        odd = getattr(error, "errno", None) in (None, errno.EINVAL) or not archive.is_file()
        if isinstance(error, OSError) and not odd:
            raise unwritable(target, error) from None
        advice = "delete it and try again."
        raise BadArchive(f"{archive} is no whole {kind} file", advice) from None
    return target


def _unpack(archive: Path, target: Path, extract) -> None:
    """Unpack to a folder beside `target`, which then gets its name."""
    work = target.with_name(target.name + ".unpacking").absolute()
    shutil.rmtree(work, ignore_errors=True)  # of a process that was killed
    try:
        extract(archive, work)
        inside = list(work.iterdir()) if work.exists() else []
        if not inside:
            raise BadArchive(f"{archive} is empty", "delete it and try again.")
        replace(inside[0] if len(inside) == 1 and inside[0].is_dir() else work, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _extract_zip(archive: Path, work: Path) -> None:
    with zipfile.ZipFile(archive) as box:
        members = [m for m in box.infolist() if not m.filename.startswith("__MACOSX/")]
        described = (
            Member(m.filename, m.is_dir(), m.external_attr >> 16, m.file_size, m.flag_bits % 2 == 1)
            for m in members
        )
        refuse_traps(archive, list(described))
        for member in tqdm(members, desc=f"unpacking {archive.name}", unit=" files"):
            box.extract(member, work)


def _extract_7z(archive: Path, work: Path) -> None:
    import py7zr  # part of the extra "kaggle"

    class Files:
        """Opens a file for each member when its turn comes; py7zr streams into it."""

        def create(self, path: str):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            bar.update()
            return open(path, "wb")

    def described(member) -> Member:
        link = member.is_symlink or member.is_junction
        known = link or member.is_file or member.is_directory
        mode = stat.S_IFLNK if link else 0 if known else stat.S_IFCHR
        return Member(member.filename, member.is_directory, mode, member.uncompressed or 0, locked)

    try:
        with py7zr.SevenZipFile(archive) as box:
            locked = box.needs_password()
            refuse_traps(archive, [described(member) for member in box.files])
            with tqdm(total=len(box.files), desc=f"unpacking {archive.name}", unit=" files") as bar:
                box.extractall(work, factory=Files())
    except py7zr.PasswordRequired:  # even the names are locked
        refuse_traps(archive, [Member(archive.name, False, 0, 0, True)])


def refuse_traps(archive: Path, members: list[Member]) -> None:
    """Raise BadArchive that names the first member which could do harm."""
    advice = "delete it and get it from where the course says."
    seen: dict[str, tuple[str, bool]] = {}
    for member in members:
        if trap := _trap(member) or _twin(member, seen):
            raise BadArchive(f"{archive} is refused, because {member.name!r} in it {trap}", advice)
    size = sum(member.size for member in members)
    if size > max(LARGEST, RATIO * archive.stat().st_size):
        much = f"it would fill {size / 1e9:.1f} GB, more than {RATIO} times its own size"
        raise BadArchive(f"{archive} is refused, because {much}", advice)


def _trap(member: Member) -> str:
    """Why this member is refused, or nothing."""
    path = PureWindowsPath(member.name)  # it knows both kinds of slashes, and drives
    if path.anchor or ".." in path.parts:
        return "would be written outside of the folder"
    if stat.S_ISLNK(member.mode):
        return "is a link"
    if stat.S_IFMT(member.mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a device"
    if any(DEVICE.fullmatch(part) for part in path.parts):
        return "is a device on Windows"
    return "needs a password" if member.locked else ""


def _twin(member: Member, seen: dict[str, tuple[str, bool]]) -> str:
    """Why this member clashes with an earlier one, or nothing; adds it to those `seen`.

    Windows and macOS take A.png and a.png for one file, macOS also the two ways to write é.
    """
    parts = [part for part in re.split(r"[/\\]", member.name) if part not in ("", ".")]
    for n in range(1, len(parts) + 1):
        path, is_folder = "/".join(parts[:n]), n < len(parts) or member.is_folder
        key = unicodedata.normalize("NFC", path).lower()
        earlier, was_folder = seen.get(key, (path, True))
        if earlier != path or (key in seen and not (is_folder and was_folder)):
            return f"is the same file as {earlier!r} on many computers"
        seen[key] = path, is_folder
    return ""
