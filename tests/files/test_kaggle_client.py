"""Kaggle's own client against a server on this computer that plays Kaggle."""

import io
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers import CourseError
from helpers.files import kaggle_client
from tests.conftest import ROOT
from tests.files import kaggle_server
from tests.files.kaggle_server import SIGNATURE, TOKEN
from tests.files.test_archives import files, packed, packed_7z

LARGE = {"more": os.urandom(5 << 20)}  # the client keeps what it has by the mebibyte
PNG = b"\x89PNG" + bytes(range(256)) * 4


def pictures(folder: str) -> dict[str, bytes]:
    return {f"{folder}/{i}.png": PNG + bytes([i]) for i in range(1, 12)}


CIFAR = {
    "train.7z": packed_7z(*pictures("train").items()),
    "test.7z": packed_7z(*pictures("test").items()),
    "trainLabels.csv": b"id,label\n1,cat\n",
    "sampleSubmission.csv": b"id,label\n1,cat\n",
}
CIFAR_FILES = pictures("train") | pictures("test") | dict(list(CIFAR.items())[2:])


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """The server, and the client told to take it for Kaggle; its settings in an empty folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path_factory.mktemp("settings")))
        patch.setenv("NO_PROXY", "127.0.0.1")
        from kagglesdk import kaggle_env

        server = kaggle_server.start()
        patch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, server.url)
        import kaggle  # noqa: F401  it reads KAGGLE_CONFIG_DIR on import

        yield server
        server.shutdown()
        server.server_close()


@pytest.fixture
def server(running, tmp_path, monkeypatch):
    running.archives = {"cifar-10": packed(*CIFAR.items())}
    running.answers, running.requests, running.cuts = {}, [], 0
    for name in [name for name in os.environ if name.startswith("KAGGLE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # the client waits before it retries
    return running


def sentence(call, *arguments) -> str:
    """The one sentence of the CourseError that this call ends in."""
    with pytest.raises(CourseError) as caught:
        call(*arguments)
    text = str(caught.value)
    assert text.endswith(".") and "\n" not in text and len(text) < 600
    assert TOKEN not in text and SIGNATURE not in text
    return text


@pytest.mark.trap("7z archives of Kaggle's cifar-10")
def test_a_competition_lands_in_its_layout_and_stays(server, tmp_path, capsys):
    folder = tmp_path / "my data é" / "cifar-10"
    assert kaggle_client.download("cifar-10", folder) == folder
    assert files(folder) == CIFAR_FILES and os.listdir(folder.parent) == ["cifar-10"]
    assert capsys.readouterr().out == ""
    n = len(server.requests)
    assert kaggle_client.download("cifar-10", folder) == folder
    assert len(server.requests) == n


@pytest.mark.parametrize("name", kaggle_client.LAYOUTS)
def test_the_layout_that_a_download_must_have_is_that_of_the_drawn_set(name):
    for part in kaggle_client.LAYOUTS[name]:
        assert (ROOT / "data" / "drawn" / name / part).exists()


def test_a_server_that_always_cuts_off_leaves_no_folder_and_the_next_call_goes_on(server, tmp_path):
    server.archives["cifar-10"] = packed(*CIFAR.items(), *LARGE.items())
    server.cuts = 6  # the client tries six times
    text = sentence(kaggle_client.download, "cifar-10", tmp_path / "cifar-10")
    assert "client failed" in text and "check the network" in text
    assert not (tmp_path / "cifar-10").exists()
    server.requests.clear()
    kaggle_client.download("cifar-10", tmp_path / "cifar-10")
    assert files(tmp_path / "cifar-10")["more"] == LARGE["more"]
    assert os.listdir(tmp_path) == ["cifar-10"]
    assert server.requests[-1][0] == "GET" and server.requests[-1][1] > len(LARGE["more"]) // 2


JOIN = "You must accept this competition's rules before you'll be able to download files."
LIMIT = "Your team has used its daily Submission allowance (5) today, please try again tomorrow."


@pytest.mark.trap("token missing, rules not accepted")
@pytest.mark.parametrize(
    "method, status, said, words",
    [
        ("IntrospectToken", 401, "Unauthenticated", "needs a token.*variable KAGGLE_API_TO"),
        ("DownloadDataFiles", 401, "Unauthenticated", "needs a token.*Generate New Token"),
        ("DownloadDataFiles", 403, JOIN, r"403: You must.*competitions/cifar-10/rules, accept"),
        ("DownloadDataFiles", 404, "Not found", "no competition 'cifar-10'"),
        ("DownloadDataFiles", 429, "Too many requests", "429: Too many requests.*later"),
        ("DownloadDataFiles", 503, None, r"refused.*\(503\).*try again later"),
        ("DownloadDataFiles", 400, "Odd\nquestion.", r"refused cifar-10 of.*\(400: Odd question\)"),
    ],
)
def test_each_refusal_is_one_sentence_that_says_what_to_do(
    server, tmp_path, method, status, said, words
):
    web_page = b"<html>not what the client expects"
    server.answers[method] = status, {"code": status, "message": said} if said else web_page
    assert re.search(words, sentence(kaggle_client.download, "cifar-10", tmp_path / "cifar-10"))
    assert not list(tmp_path.glob("cifar-10*"))


@pytest.mark.parametrize("name", ["https://www.kaggle.com/c/cifar-10", "../evil"])
def test_an_address_in_place_of_a_name(server, tmp_path, name):
    text = sentence(kaggle_client.download, name, tmp_path / "x")
    assert f"no competition {name!r}" in text and "cifar-10" in text


def test_a_log_in_page_in_place_of_kaggle(server, tmp_path):
    server.answers["IntrospectToken"] = 200, b"<html>Welcome to this network"
    assert "check the network" in sentence(kaggle_client.download, "cifar-10", tmp_path / "x")


@pytest.mark.trap("token missing, rules not accepted")
def test_a_missing_token(server, tmp_path, monkeypatch, capfd):
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    stdin = io.StringIO()
    monkeypatch.setattr(sys, "stdin", stdin)  # the client's exit() closes it
    text = sentence(kaggle_client.download, "cifar-10", tmp_path / "x")
    assert "needs a token" in text and "https://www.kaggle.com/settings/api" in text
    assert str(tmp_path / "home" / ".kaggle" / "access_token") in text
    assert sys.stdin is stdin and not stdin.closed
    assert capfd.readouterr() == ("", "")


def test_a_token_in_a_file_serves(server, tmp_path, monkeypatch):
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    place = tmp_path / "home" / ".kaggle" / "access_token"
    place.parent.mkdir(parents=True)
    place.write_text("an old one")
    text = sentence(kaggle_client.download, "cifar-10", tmp_path / "x")
    assert "needs a token" in text and f"save it as {place}" in text
    place.write_text(TOKEN + "\n")
    kaggle_client.download("cifar-10", tmp_path / "x")
    assert files(place.parent) == {"access_token": TOKEN.encode() + b"\n"}


IN_A_NOTEBOOK = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_cell("from helpers.files.kaggle_client import download; download('cifar-10', 'there')")
"""


def test_a_missing_token_in_a_notebook_is_one_sentence(tmp_path):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("KAGGLE_")}
    homes = dict.fromkeys(("HOME", "USERPROFILE", "IPYTHONDIR"), str(tmp_path))
    environment = kept | homes | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", IN_A_NOTEBOOK]
    shown = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    (line,) = shown.stdout.splitlines()
    assert line.startswith("CourseError: Kaggle needs a token") and line.endswith(".")


@pytest.mark.parametrize("package", ["kaggle", "py7zr"])
def test_a_missing_client(server, tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    text = sentence(kaggle_client.download, "cifar-10", tmp_path / "x")
    assert "not installed" in text and "pip install kaggle py7zr" in text


def test_nothing_of_kaggle_is_imported_before_it_is_asked_for():
    names = ", ".join(f"helpers.{file.stem}" for file in ROOT.glob("helpers/[a-z]*.py"))
    code = f"import sys, {names}; print(*{{m.split('.')[0] for m in sys.modules}})"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    shown = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert {"kaggle", "kagglesdk", "py7zr"}.isdisjoint(shown.stdout.split())
    assert "helpers" in shown.stdout.split()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk(server, tmp_path):
    (tmp_path / "x.kaggle").mkdir()
    (tmp_path / "x.kaggle" / "cifar-10.zip").symlink_to("/dev/full")
    text = sentence(kaggle_client.download, "cifar-10", tmp_path / "x")
    assert "No space left on device" in text and "free some space" in text


@pytest.mark.parametrize(
    "name, content, reason",
    [
        ("../evil", b"", "'../evil' in it would be written outside"),
        ("test.7z", packed_7z(("../evil", b"")), "'../evil' in it would be written outside"),
        ("test.7z", CIFAR["test.7z"][:-40], "test.7z is not a complete 7z"),
    ],
)
def test_an_archive_that_cannot_be_used_is_deleted_and_named(
    server, tmp_path, name, content, reason
):
    server.archives["cifar-10"] = packed(*(CIFAR | {name: content}).items())
    text = sentence(kaggle_client.download, "cifar-10", tmp_path / "data" / "cifar-10")
    assert reason in text and "was deleted: try again" in text
    assert files(tmp_path) == {}


def test_what_is_not_the_competition_is_refused(server, tmp_path):
    server.archives["cifar-10"] = packed(("train.csv", b""), ("test", b""))
    text = sentence(kaggle_client.download, "cifar-10", tmp_path / "x")
    assert "lacks train and trainLabels.csv and sampleSubmission.csv" in text


@pytest.fixture
def answer(tmp_path):
    file = tmp_path / "submission.csv"
    file.write_bytes(b"id,label\n1,cat\n" + os.urandom(3000))
    return file


def test_a_submission_arrives_byte_for_byte(server, answer, capfd):
    said = kaggle_client.submit("cifar-10", answer, "my first")
    assert "Successfully submitted to it" in said and said.endswith("/cifar-10/submissions.")
    requests = dict(server.requests)
    assert requests["PUT"] == answer.read_bytes()
    assert requests["StartSubmissionUpload"]["contentLength"] == len(requests["PUT"])
    assert requests["StartSubmissionUpload"]["fileName"] == "submission.csv"
    assert requests["CreateSubmission"]["blobFileTokens"] == "blob"
    assert requests["CreateSubmission"]["submissionDescription"] == "my first"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "method, status, said, words",
    [
        ("CreateSubmission", 400, LIMIT, r"refused submission.csv.*daily Submission.*midnight U"),
        ("StartSubmissionUpload", 404, "Not found", "no competition"),
        ("PUT", 403, "Expired", "did not arrive.*cifar-10/submit"),
    ],
)
def test_a_refused_submission_is_one_sentence(server, answer, method, status, said, words):
    server.answers[method] = status, {"code": status, "message": said}
    assert re.search(words, sentence(kaggle_client.submit, "cifar-10", answer, ""))


def test_a_submission_that_was_not_written(server, tmp_path):
    text = sentence(kaggle_client.submit, "cifar-10", tmp_path / "submission.csv", "")
    assert "There is no file" in text and server.requests == []
