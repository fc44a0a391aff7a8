"""Kaggle's competitions: their files brought, submissions handed in, by Kaggle's own client.

The client is the package `kaggle`, the extra "kaggle" of this course. It is imported when one of
the two functions is called, not before: on import it asks for a token and speaks to Kaggle.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import re
import shutil
import sys
from pathlib import Path

from helpers.files.atomic import alone, unwritable
from helpers.require import CourseError

LAYOUTS = {  # what a competition's folder holds when it is whole
    "cifar-10": ("train", "test", "trainLabels.csv", "sampleSubmission.csv"),
    "dog-breed-identification": ("train", "test", "labels.csv", "sample_submission.csv"),
    "classify-leaves": ("images", "train.csv", "test.csv", "sample_submission.csv"),
}
SITE = "https://www.kaggle.com"
NOT_INSTALLED = (
    "Kaggle's client is not installed: write `pip install kaggle py7zr` in a terminal, or "
    "`%pip install kaggle py7zr` in a cell, and try again."
)


def download(name: str, folder: str | Path) -> Path:
    """Bring a competition of Kaggle to `folder`; return at once if it is there already.

    name: as in the address of its page, for example "dog-breed-identification".
    Archives in the archive (train.7z and test.7z of cifar-10) are unpacked too. All this happens
    in a folder beside, FOLDER.kaggle, which gets its name at the end: interrupted at any point,
    `folder` is not there, and the next call goes on. Raises CourseError with what to do.
    """

    folder = Path(folder).absolute()
    work = folder.with_name(folder.name + ".kaggle")
    if folder.exists() and not work.exists():
        return folder
    try:
        with alone(folder):
            if not folder.exists():  # unless another process was quicker
                _bring(name, folder, work)
            shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise unwritable(folder, error) from None
    return folder


def _bring(name: str, folder: Path, work: Path) -> None:
    """Download and unpack a competition in `work`, then give it its name."""
    from helpers.files.archives import BadArchive

    with _explained(name, folder):
        _client(name).competition_download_files(name, path=str(work), quiet=False)
    try:
        _unpack(name, work)
    except BadArchive as error:
        shutil.rmtree(work, ignore_errors=True)
        raise CourseError(
            f"What came from Kaggle cannot be used ({error.reason}) and was deleted: try "
            f"again, or look at {SITE}/competitions/{name}/data."
        ) from None
    os.replace(work / "unpacked", folder)


def _unpack(name: str, work: Path) -> None:
    """The downloaded archive in `work`, and those in it -> the folder unpacked in `work`."""
    from helpers.files.archives import BadArchive, unpack

    archive, unpacked = work / f"{name}.zip", work / "unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)
    unpack(archive, unpacked)
    for inner in list(unpacked.glob("*.7z")):
        unpack(inner, inner.with_suffix(""))
        inner.unlink()
    missing = [part for part in LAYOUTS.get(name, ()) if not (unpacked / part).exists()]
    if missing:
        raise BadArchive(f"{archive} lacks {' and '.join(missing)}", "try again.")


def submit(name: str, file: str | Path, message: str = "") -> str:
    """Hand a submission file in; return a sentence: what Kaggle said, where the score appears.

    message: a note to yourself, shown beside the score. Raises CourseError with what to do.
    """
    file = Path(file)
    if not file.is_file():
        raise CourseError(f"There is no file {file}: write the submission first.")
    with _explained(name, file):
        client = _client(name)
        answer = client.competition_submit(str(file), message, name, quiet=True)
    if answer.message == client.COMPETITION_SUBMIT_UPLOAD_FAILED_MESSAGE:
        raise CourseError(
            f"{file} did not arrive at Kaggle: check the network and submit again, or upload it at "
            f"{SITE}/competitions/{name}/submit."
        )
    said = _tidy(answer.message) or "the file has arrived"
    return f'Kaggle says "{said}"; the score appears at {SITE}/competitions/{name}/submissions.'


def _client(name: str):
    """Kaggle's client with its token tried. Without one it prints, closes stdin and exits."""
    if not re.fullmatch(r"[\w-]+", name):  # an address, perhaps
        raise _no_such(name)
    if any(importlib.util.find_spec(package) is None for package in ("kaggle", "py7zr")):
        raise CourseError(NOT_INSTALLED)
    stdin, sys.stdin = sys.stdin, io.StringIO()
    try:
        from kaggle import KaggleApi

        client = KaggleApi()
        client.authenticate()
        return client
    except (SystemExit, NameError):  # its exit(), a name that IPython hides
        from kagglesdk.kaggle_env import get_access_token_from_env

        raise _token_wanted(known=bool(get_access_token_from_env()[0])) from None
    finally:
        sys.stdin = stdin


@contextlib.contextmanager
def _explained(name: str, path: Path):
    """Turn what goes wrong with the client into one sentence; keep what it prints to itself.

    The text of an error is not shown: it may hold an address with a key in it.
    """
    import requests

    try:
        with contextlib.redirect_stdout(io.StringIO()):  # progress bars are on stderr
            yield
    except CourseError:
        raise
    except requests.HTTPError as error:
        raise _refusal(name, path, error.response) from None
    except (requests.RequestException, ValueError) as error:  # cut off, or not Kaggle's answer
        raise CourseError(
            f"Kaggle cannot be reached ({type(error).__name__}): check the network (a log-in page, "
            "a proxy) and try again."
        ) from None
    except OSError as error:
        raise unwritable(Path(error.filename or path), error) from None
    except Exception as error:
        raise CourseError(
            f"Kaggle's client failed ({type(error).__name__}): try again, bring it up to date with "
            f"`pip install --upgrade kaggle`, or use your browser at {SITE}/competitions/{name}."
        ) from None


def _refusal(name: str, path: Path, response) -> CourseError:
    """The sentence for an answer of Kaggle with the status 400 or more."""
    code = response.status_code
    try:
        said = _tidy(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        said = ""
    because = f"{code}: {said}" if said else str(code)
    if code == 401:
        return _token_wanted(known=True)
    if code == 404:
        return _no_such(name)
    if code == 403:
        return CourseError(
            f"Kaggle does not let you in ({because}): log in, open "
            f"{SITE}/competitions/{name}/rules, accept the rules there (the button may read Join "
            "Competition or Late Submission), and try again."
        )
    if code == 429 or code >= 500:
        return CourseError(f"Kaggle is busy or out of order ({because}): try again later.")
    return CourseError(
        f"Kaggle refused {path.name} of {name} ({because}): correct what it names, or, if today's "
        f"limit is reached, wait until tomorrow (UTC); {SITE}/competitions/{name} tells the rules."
    )


def _tidy(said: object) -> str:
    """A message of Kaggle as a part of a sentence: one line, not long, no full stop."""
    return " ".join(str(said or "").split())[:300].rstrip(". ")


def _no_such(name: str) -> CourseError:
    return CourseError(
        f"Kaggle has no competition {name!r}: write the name as the address of its page ends, "
        f"for example cifar-10 of {SITE}/competitions/cifar-10."
    )


def _token_wanted(known: bool) -> CourseError:
    """known: whether there is a token, but one that Kaggle does not know."""
    file = Path.home() / ".kaggle" / "access_token"
    place = f"save it as {file} or in the variable KAGGLE_API_TOKEN"
    if os.environ.get("KAGGLE_API_TOKEN"):
        place = "put it into the variable KAGGLE_API_TOKEN, which holds the old one"
    return CourseError(
        f"Kaggle {'does not know your token' if known else 'needs a token that tells who you are'}"
        f": log in at {SITE}/settings/api, click Generate New Token, and {place}, then try again."
    )
