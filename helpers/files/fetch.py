"""Downloads by pooch: checked against their hash, a file appears whole or not at all."""

import os
import time
from pathlib import Path
from urllib.parse import urlsplit

import pooch
from requests import exceptions
from tqdm import tqdm

from helpers.files.atomic import make_once
from helpers.require import CourseError

TRIES = 4  # of a download whose connection fails or whose server is busy
FIRST_WAIT = 1.0  # seconds before the second try; each further one waits twice as long
TIMEOUT = 60  # seconds without a byte
CHUNK = 1 << 16  # bytes between two looks at the progress bar


def download(url: str, target: Path, *, sha1: str | None = None, sha256: str | None = None) -> Path:
    """Returns `target`, the file of `url`, after downloading it if it is not there yet.

    sha1, sha256: hex digest of the file, or the beginning of one (the names of torchvision's files
    hold 8 digits). The variable COURSE_MIRROR, the address of a folder, is asked for the file in
    place of the original host. Raises CourseError with what to do.
    """
    target = Path(target)
    if target.exists():
        if not matches(target, sha1, sha256):
            raise CourseError(f"{target} is not the file of {url}: delete it and try again.")
        return target
    source = mirrored(url)

    def receive(part: Path) -> None:
        receive_file(source, part, target)
        if not matches(part, sha1, sha256):
            reason = "what arrived is another file, perhaps the log-in page of the network"
            raise failure(source, target, reason)

    return make_once(target, receive)


def mirrored(url: str) -> str:
    """Returns the address to ask: `url`, or a file of the same name in COURSE_MIRROR."""
    mirror = os.environ.get("COURSE_MIRROR")
    if not mirror:
        return url
    if not mirror.startswith(("http://", "https://")):
        raise CourseError(
            f"COURSE_MIRROR is {mirror}: give a whole address such as http://192.168.0.5:8000."
        )
    return mirror.rstrip("/") + "/" + urlsplit(url).path.rsplit("/", 1)[-1]


def receive_file(url: str, part: Path, target: Path) -> None:
    """Downloads to the file `part`; asks again where the fault may pass."""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(FIRST_WAIT * 2 ** (attempt - 1))
        try:
            with tqdm(desc=target.name, total=1, unit="B", unit_scale=True) as bar:  # pooch sets it
                fetch = pooch.HTTPDownloader(progressbar=bar, chunk_size=CHUNK, timeout=TIMEOUT)
                return fetch(url, str(part), None)
        except exceptions.HTTPError as error:
            code = error.response.status_code
            reason = f"the server answered {code}"
            if code < 500 and code != 429:
                raise failure(url, target, reason) from None
        except exceptions.SSLError:
            reason = "its certificate cannot be checked: is the clock wrong, is a proxy in the way?"
            raise failure(url, target, reason) from None
        except (exceptions.ConnectionError, exceptions.Timeout, exceptions.ChunkedEncodingError):
            reason = "there is no connection, or it was cut off"
        except (exceptions.RequestException, ValueError):
            reason = "its address, or the server's answer, makes no sense"
            raise failure(url, target, reason) from None
    raise failure(url, target, f"{reason}, {TRIES} times")


def failure(url: str, target: Path, reason: str) -> CourseError:
    return CourseError(
        f"{url} could not be downloaded ({reason}): check the network and try again, "
        f"or get the file some other way and put it at {target}."
    )


def matches(file: Path, sha1: str | None, sha256: str | None) -> bool:
    """Returns whether the digests of the file begin with these."""
    return all(
        pooch.file_hash(str(file), alg=algorithm).startswith(digest.lower())
        for algorithm, digest in (("sha1", sha1), ("sha256", sha256))
        if digest
    )
