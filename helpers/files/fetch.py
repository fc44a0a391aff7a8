"""Downloads that arrive whole or not at all."""

import hashlib
import os
import re
import time
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import requests
import urllib3
from tqdm import tqdm

from helpers.files.atomic import alone, unwritable
from helpers.require import CourseError

TRIES = 5  # without a new byte
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
    try:
        if not target.exists():
            source = _source(url)
            with alone(target):
                if not target.exists():  # unless another process was quicker
                    return _bring(source, target, sha1, sha256)
        if not matches(target, sha1, sha256):
            raise CourseError(f"{target} is not the file of {url}: delete it and try again.")
    except OSError as error:
        raise unwritable(target, error) from None
    return target


def _bring(url: str, target: Path, sha1: str | None, sha256: str | None) -> Path:
    """Download to a file beside `target`, which then gets its name."""
    part = target.with_name(target.name + ".part")
    if not (sha1 or sha256):
        part.unlink(missing_ok=True)
    if not (_size(part) and matches(part, sha1, sha256)):
        _receive(url, part, target)
        if not matches(part, sha1, sha256):
            part.unlink()
            raise _failure(url, target, "what arrived is another file, and was deleted")
    os.replace(part, target)
    return target


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
    """Ask until all is there: whatever brings new bytes is no failed try."""
    failed = most = 0
    while failed < TRIES:
        try:
            return _receive_once(url, part, target)
        except _TryAgain as error:
            reason, wait = error.args
        have = _size(part)
        failed, most = (1 if have > most else failed + 1), max(have, most)
        if failed < TRIES:
            time.sleep(min(max(wait, FIRST_WAIT * 2 ** (failed - 1)), LONGEST_WAIT))
    raise _failure(url, target, f"{reason}, {TRIES} times")


def _receive_once(url: str, part: Path, target: Path) -> None:
    """Ask for the bytes that `part` lacks and append them."""
    have = _size(part)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            _check(answer, url, part, target)
            begin = have if answer.status_code == 206 else 0  # a server may ignore the range
            span = answer.headers.get("Content-Range", "")
            length = span.rpartition("/")[2] if begin else answer.headers.get("Content-Length")
            total = _number(length) or None
            bar = tqdm(desc=target.name, total=total, initial=begin, unit="B", unit_scale=True)
            with bar, open(part, "ab" if begin else "wb") as file:
                while piece := answer.raw.read1(1 << 16):  # what has come: a cut loses nothing
                    file.write(piece)
                    bar.update(len(piece))
                size = file.tell()
    except requests.TooManyRedirects:
        raise _failure(url, target, "the server sends us round in a circle") from None
    except ValueError:  # of requests and of Python, which both read addresses
        raise _failure(
            url, target, "its address, or what the server says, makes no sense"
        ) from None
    except requests.RequestException as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            advice = "its certificate cannot be checked: is the clock right, is a proxy in the way"
            raise _failure(url, target, advice) from None
        raise _TryAgain("the connection failed", 0) from None
    except urllib3.exceptions.HTTPError:  # while reading
        raise _TryAgain("the connection was cut off", 0) from None
    if total and size != total:
        raise _TryAgain("the connection was cut off", 0)


def _check(answer: requests.Response, url: str, part: Path, target: Path) -> None:
    """Raise unless the body is the file, or the rest of it."""
    code, span = answer.status_code, answer.headers.get("Content-Range", "")
    if code == 416 or (code == 206 and not span.startswith(f"bytes {_size(part)}-")):
        part.unlink(missing_ok=True)
        raise _TryAgain("the server has no such part of the file", 0)
    if code == 429 or code >= 500:
        raise _TryAgain(f"the server answered {code}", _wait(answer))
    if code >= 400:
        raise _failure(url, target, f"the server answered {code}")
    if not os.environ.get("COURSE_MIRROR") and not _is_safe(answer.url):
        raise _failure(url, target, "the server sent us on to an address without https")
    if answer.headers.get("Content-Type", "").startswith("text/html") and target.suffix != ".html":
        raise _failure(url, target, "a web page came in its place, perhaps the network's log-in")


def _wait(answer: requests.Response) -> float:
    """Seconds that Retry-After asks for: a number, or a date, read by the server's own clock."""
    asked, now = (answer.headers.get(name, "") for name in ("Retry-After", "Date"))
    try:
        return (parsedate_to_datetime(asked) - parsedate_to_datetime(now)).total_seconds()
    except (ValueError, TypeError):
        return _number(asked)


def _number(text: str | None) -> int:
    """A number in a header; 0 if there is none."""
    return int(text) if re.fullmatch("[0-9]{1,15}", text or "") else 0


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _failure(url: str, target: Path, reason: str) -> CourseError:
    return CourseError(
        f"{url} could not be downloaded ({reason}): check the network and try again, "
        f"or bring the file by other means and put it at {target}."
    )


def matches(file: Path, sha1: str | None, sha256: str | None = None) -> bool:
    """Whether the digests of the file begin with these."""
    for name, wanted in (("sha1", sha1), ("sha256", sha256)):
        if wanted:
            with open(file, "rb") as stream:
                found = hashlib.file_digest(stream, name).hexdigest()
            if not found.startswith(wanted.lower()):
                return False
    return True
