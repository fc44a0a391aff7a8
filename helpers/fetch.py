"""Downloads that arrive whole or not at all, and archives unpacked the same way."""

import hashlib
import os
import shutil
import stat
import time
import zipfile
import zlib
from pathlib import Path, PureWindowsPath
from urllib.parse import urlsplit

import requests
from tqdm import tqdm

from helpers import CourseError

TRIES = 5
FIRST_WAIT = 1.0  # seconds before the second try; each further one waits twice as long
LONGEST_WAIT = 60.0
TIMEOUT = (10, 60)  # seconds to connect, seconds without a byte


class _TryAgain(Exception):
    """A failure that may pass: the reason and the seconds that the server asks us to wait."""


def download(url: str, target: Path, *, sha1: str | None = None, sha256: str | None = None) -> Path:
    """Bring `url` to the file `target`; return at once if it is there already.

    sha1, sha256: hex digest of the file, checked before `target` appears; the beginning of one
    is enough (torchvision's file names hold 8 digits of it).
    A download that was cut off goes on where it stopped: at once, and, where a digest tells that
    the pieces fit, also in a later call. The variable COURSE_MIRROR, the address of a folder, is
    asked for the file in place of the original host.
    Raises CourseError with what to do when the file cannot be had.
    """
    target = Path(target)
    if target.exists():
        if not _matches(target, sha1, sha256):
            raise CourseError(f"{target} is not the file of {url}: delete it and try again.")
        return target
    source = _source(url)
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if not (sha1 or sha256):
            part.unlink(missing_ok=True)
        _receive(source, part, target)
        if not _matches(part, sha1, sha256):
            part.unlink()
            raise _failure(source, target, "what arrived is another file, and was deleted")
        os.replace(part, target)
    except OSError as error:
        raise unwritable(target, error) from None
    return target


def unwritable(target: Path, error: OSError) -> CourseError:
    """The sentence for a full disk or a folder that may not be written to."""
    return CourseError(
        f"{target} cannot be written ({error.strerror or error}): free some space or choose a "
        "folder that you may write to, and try again."
    )


def _source(url: str) -> str:
    """The address to ask, which must be https unless it is a mirror or this computer."""
    mirror = os.environ.get("COURSE_MIRROR")
    if mirror:
        if not mirror.startswith(("http://", "https://")):
            raise CourseError(
                f"COURSE_MIRROR is {mirror}: give it a whole address, as http://192.168.0.5:8000."
            )
        return mirror.rstrip("/") + "/" + urlsplit(url).path.rsplit("/", 1)[-1]
    if not _is_safe(url):
        raise CourseError(f"{url} is not an https address: anyone on the way could change it.")
    return url


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in ("127.0.0.1", "::1", "localhost")


def _receive(url: str, part: Path, target: Path) -> None:
    for attempt in range(TRIES):
        try:
            return _receive_once(url, part, target)
        except _TryAgain as error:
            reason, wait = error.args
        if attempt + 1 < TRIES:
            time.sleep(min(max(wait, FIRST_WAIT * 2**attempt), LONGEST_WAIT))
    raise _failure(url, target, f"{reason}, {TRIES} times")


def _receive_once(url: str, part: Path, target: Path) -> None:
    """Ask for the bytes that `part` lacks and append them."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            _check(answer, url, part, target)
            begin = have if answer.status_code == 206 else 0  # a server may ignore the range
            total = begin + int(answer.headers.get("Content-Length", 0)) or None
            bar = tqdm(desc=target.name, total=total, initial=begin, unit="B", unit_scale=True)
            with bar, open(part, "ab" if begin else "wb") as file:
                for piece in answer.iter_content(1 << 16):  # a cut loses one piece at most
                    file.write(piece)
                    bar.update(len(piece))
                size = file.tell()
    except requests.exceptions.SSLError:
        advice = "its certificate cannot be checked: is the clock right, is a proxy in the way"
        raise _failure(url, target, advice) from None
    except (requests.RequestException, ValueError):  # of an address that is none, too
        raise _TryAgain("the connection failed", 0) from None
    if total and size != total:
        raise _TryAgain("the connection was cut off", 0)


def _check(answer: requests.Response, url: str, part: Path, target: Path) -> None:
    """Raise unless the body is the file, or the rest of it."""
    code, have = answer.status_code, part.stat().st_size if part.exists() else 0
    span = answer.headers.get("Content-Range", "")
    if code == 416 or (code == 206 and not span.startswith(f"bytes {have}-")):
        part.unlink(missing_ok=True)
        raise _TryAgain("the server has no such part of the file", 0)
    if code == 429 or code >= 500:
        wait = answer.headers.get("Retry-After", "")
        raise _TryAgain(f"the server answered {code}", int(wait) if wait.isdecimal() else 0)
    if code >= 400:
        raise _failure(url, target, f"the server answered {code}")
    if not os.environ.get("COURSE_MIRROR") and not _is_safe(answer.url):
        raise _failure(url, target, "the server sent us on to an address without https")
    if answer.headers.get("Content-Type", "").startswith("text/html") and target.suffix != ".html":
        raise _failure(url, target, "a web page came in its place, perhaps the network's log-in")


def _failure(url: str, target: Path, reason: str) -> CourseError:
    return CourseError(
        f"{url} could not be downloaded ({reason}): check the network and try again, "
        f"or bring the file by other means and put it at {target}."
    )


def _matches(file: Path, sha1: str | None, sha256: str | None) -> bool:
    for name, wanted in (("sha1", sha1), ("sha256", sha256)):
        if wanted:
            with open(file, "rb") as stream:
                found = hashlib.file_digest(stream, name).hexdigest()
            if not found.startswith(wanted.lower()):
                return False
    return True


class BadArchive(CourseError):
    """An archive that cannot be used; `reason` says why, without what to do about it."""

    def __init__(self, reason: str, advice: str):
        super().__init__(f"{reason}: {advice}")
        self.reason = reason


def unpack(archive: Path, target: Path) -> Path:
    """Unpack a zip or 7z file to the folder `target`; return at once if that is there already.

    If all the archive holds is one folder, `target` becomes that folder. Nothing is written
    outside of it: an archive with a link, a member that leads elsewhere or a password is
    refused. Raises CourseError with what to do, BadArchive if the archive is at fault.
    """
    archive, target = Path(archive), Path(target)
    if target.exists():
        return target
    kind = "7z" if archive.suffix == ".7z" else "zip"
    extract = _extract_7z if kind == "7z" else _extract_zip
    work = target.with_name(target.name + ".unpacking").absolute()
    shutil.rmtree(work, ignore_errors=True)
    try:
        extract(archive, work)
        inside = list(work.iterdir()) if work.exists() else []
        if not inside:
            raise BadArchive(f"{archive} is empty", "delete it and try again.")
        os.replace(inside[0] if len(inside) == 1 and inside[0].is_dir() else work, target)
    except (FileNotFoundError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
        advice = "delete it and try again."
        raise BadArchive(f"{archive} is no whole {kind} file", advice) from None
    except OSError as error:
        raise unwritable(target, error) from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return target


def _extract_zip(archive: Path, work: Path) -> None:
    with zipfile.ZipFile(archive) as box:
        members = [m for m in box.infolist() if not m.filename.startswith("__MACOSX/")]
        for member in members:
            link, locked = stat.S_ISLNK(member.external_attr >> 16), member.flag_bits & 1
            _refuse_traps(archive, member.filename, link, bool(locked))
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

    try:
        with py7zr.SevenZipFile(archive) as box:
            for member in box.files:
                link = not (member.is_file or member.is_directory)
                _refuse_traps(archive, member.filename, link, box.needs_password())
            with tqdm(total=len(box.files), desc=f"unpacking {archive.name}", unit=" files") as bar:
                box.extractall(work, factory=Files())
    except py7zr.PasswordRequired:  # even the names are locked
        _refuse_traps(archive, archive.name, False, True)
    except (OSError, CourseError):
        raise
    except Exception as error:  # py7zr meets damage in many ways
        raise EOFError from error


def _refuse_traps(archive: Path, member: str, link: bool, locked: bool) -> None:
    path = PureWindowsPath(member)  # it knows both kinds of slashes, and drives
    if path.anchor or ".." in path.parts:
        trap = "would be written outside of the folder"
    elif link:
        trap = "is a link"
    elif locked:
        trap = "needs a password"
    else:
        return
    raise BadArchive(
        f"{archive} is refused, because {member!r} in it {trap}",
        "delete it and get it from where the course says.",
    )
