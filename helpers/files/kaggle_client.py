"""Kaggle's competitions: downloads and submissions by Kaggle's own client.

The client is the package `kaggle`, the extra "kaggle" of this course. It is imported when one of
the two functions is called, not before: on import it asks for a token and contacts Kaggle.
"""

from __future__ import annotations

import importlib.util
import io
import re
import shutil
import sys
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from helpers.files.archives import BadArchive, extract
from helpers.files.atomic import make_once, unwritable
from helpers.require import CourseError

LAYOUTS = {  # what a competition's folder holds when it is whole
    "cifar-10": ("train", "test", "trainLabels.csv", "sampleSubmission.csv"),
    "dog-breed-identification": ("train", "test", "labels.csv", "sample_submission.csv"),
    "classify-leaves": ("images", "train.csv", "test.csv", "sample_submission.csv"),
}
SITE = "https://www.kaggle.com"


def download(name: str, folder: str | Path) -> Path:
    """Returns `folder` with a competition of Kaggle, after downloading it if it is not there yet.

    name: as in the address of its page, for example "dog-breed-identification".
    Archives in the archive (train.7z and test.7z of cifar-10) are unpacked too. The download lies
    in FOLDER.kaggle until all is unpacked: interrupted at any point, `folder` is not there, and the
    next call goes on. Raises CourseError with what to do.
    """
    folder = Path(folder).absolute()
    work = folder.with_name(folder.name + ".kaggle")

    def bring(part: Path) -> None:
        with explained(name, folder):
            make_client(name).competition_download_files(name, path=str(work), quiet=False)
        try:
            unpack(name, work / f"{name}.zip", part)
        except BadArchive as error:
            shutil.rmtree(work, ignore_errors=True)
            raise CourseError(
                f"What came from Kaggle cannot be used ({error.reason}) and was deleted: try "
                f"again, or look at {SITE}/competitions/{name}/data."
            ) from None
        shutil.rmtree(work, ignore_errors=True)

    return make_once(folder, bring)


def unpack(name: str, archive: Path, folder: Path) -> None:
    """Unpacks a competition's archive, and the 7z files in it, to a new folder."""
    extract(archive, folder)
    for inner in list(folder.glob("*.7z")):
        extract(inner, inner.with_suffix(""))
        inner.unlink()
    missing = [part for part in LAYOUTS.get(name, ()) if not (folder / part).exists()]
    if missing:
        raise BadArchive(f"{archive} lacks {' and '.join(missing)}")


def submit(name: str, file: str | Path, message: str = "") -> str:
    """Returns what Kaggle said to a submission file: see kaggle.submit."""
    file = Path(file)
    if not file.is_file():
        raise CourseError(f"There is no file {file}: write the submission first.")
    with explained(name, file):
        client = make_client(name)
        answer = client.competition_submit(str(file), message, name, quiet=True)
    if answer.message == client.COMPETITION_SUBMIT_UPLOAD_FAILED_MESSAGE:
        raise CourseError(
            f"{file} did not arrive at Kaggle: check the network and submit again, or upload it at "
            f"{SITE}/competitions/{name}/submit."
        )
    said = as_clause(answer.message) or "the file has arrived"
    return f'Kaggle says "{said}"; the score appears at {SITE}/competitions/{name}/submissions.'


def make_client(name: str):
    """Returns Kaggle's client, logged in. Without a token it prints, closes stdin and exits."""
    if not re.fullmatch(r"[\w-]+", name):  # an address, perhaps
        raise unknown_name(name)
    if any(importlib.util.find_spec(package) is None for package in ("kaggle", "py7zr")):
        raise CourseError(
            "Kaggle's client is not installed: write `pip install kaggle py7zr` in a terminal, or "
            "`%pip install kaggle py7zr` in a cell, and try again."
        )
    stdin, sys.stdin = sys.stdin, io.StringIO()
    try:
        from kaggle import KaggleApi

        client = KaggleApi()
        client.authenticate()
        return client
    except (SystemExit, NameError):  # its exit(), a name that IPython hides
        raise bad_token() from None
    finally:
        sys.stdin = stdin


@contextmanager
def explained(name: str, path: Path):
    """Turns what goes wrong with the client into one sentence, and hides what it prints.

    The text of an error is not shown: it may hold an address with a key in it.
    """
    import requests

    try:
        with redirect_stdout(io.StringIO()):  # progress bars are on stderr
            yield
    except CourseError:
        raise
    except requests.HTTPError as error:
        raise refusal(name, path, error.response) from None
    except Exception as error:
        if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
            raise unwritable(path, error) from None
        raise CourseError(
            f"Kaggle's client failed ({type(error).__name__}): check the network (a log-in page, a "
            "proxy) and try again, bring it up to date with `pip install --upgrade kaggle`, or "
            f"use your browser at {SITE}/competitions/{name}."
        ) from None


def refusal(name: str, path: Path, response) -> CourseError:
    """Returns the sentence for an answer of Kaggle with a status of 400 or more."""
    code = response.status_code
    try:
        said = as_clause(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        said = ""
    because = f"{code}: {said}" if said else str(code)
    if code == 401:
        return bad_token()
    if code == 404:
        return unknown_name(name)
    if code == 403:
        return CourseError(
            f"Kaggle does not let you in ({because}): log in, open "
            f"{SITE}/competitions/{name}/rules, accept the rules there (the button may read Join "
            "Competition or Late Submission), and try again."
        )
    return CourseError(
        f"Kaggle refused {path.name} of {name} ({because}): correct what it names, or try again "
        f"later (a daily limit ends at midnight UTC); see {SITE}/competitions/{name}/rules."
    )


def as_clause(said: object) -> str:
    """Returns a message of Kaggle as a part of a sentence: one line, not long, no full stop."""
    return " ".join(str(said or "").split())[:300].rstrip(". ")


def unknown_name(name: str) -> CourseError:
    return CourseError(
        f"Kaggle has no competition {name!r}: give the last part of the address of its page, "
        f"for example cifar-10 of {SITE}/competitions/cifar-10."
    )


def bad_token() -> CourseError:
    return CourseError(
        f"Kaggle needs a token that says who you are: log in at {SITE}/settings/api, click "
        f"Generate New Token, save it as {Path.home() / '.kaggle' / 'access_token'} or in the "
        "variable KAGGLE_API_TOKEN, which counts first, and try again."
    )
