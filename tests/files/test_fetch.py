"""Downloads: afterwards the right file is there or nothing, and one sentence says what to do."""

import hashlib
import http.server
import os
import threading
from functools import partial
from pathlib import Path

import pooch
import pytest
from requests import exceptions

from helpers import CourseError
from helpers.files import fetch
from helpers.files.fetch import download
from tests.files import bad_server
from tests.files.bad_server import CONTENT, Handler

SHA1 = hashlib.sha1(CONTENT).hexdigest()
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def waits(monkeypatch) -> list[float]:
    """The seconds between tries, which the tests do not wait for."""
    waits = []
    monkeypatch.setattr(fetch.time, "sleep", waits.append)
    return waits


@pytest.fixture
def server(monkeypatch, waits):
    monkeypatch.delenv("COURSE_MIRROR", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with bad_server.running() as server:
        yield server


def sentence(url: str, target: Path) -> str:
    """The error that this download ends in, after which no file is left."""
    with pytest.raises(CourseError) as caught:
        download(url, target, sha1=SHA1)
    text = str(caught.value)
    assert text.endswith(f"put it at {target}.") and "\n" not in text and url in text
    assert os.listdir(target.parent) == []
    return text


@pytest.mark.parametrize("digest", [{"sha1": SHA1}, {"sha256": SHA256[:8]}])
def test_a_file_arrives_once_and_stays(server, tmp_path, digest):
    target = tmp_path / "new folder" / "set.zip"
    for _ in range(2):
        assert download(f"{server.url}/set.zip", target, **digest) == target
        assert target.read_bytes() == CONTENT
    assert server.requests == 1 and os.listdir(target.parent) == ["set.zip"]


@pytest.mark.trap("hash only checked on cached files")
def test_another_file_in_its_place_is_named(server, tmp_path):
    (tmp_path / "set.zip").write_bytes(b"not it")
    with pytest.raises(CourseError, match="set.zip is not the file of http.*: delete it"):
        download(f"{server.url}/set.zip", tmp_path / "set.zip", sha256=SHA256[:8])
    assert server.requests == 0


FAULTS = {
    "cut off": Handler.cut,
    "500": lambda handler, n: handler.begin(500),
    "429": lambda handler, n: handler.begin(429),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_that_passes_is_not_noticed_and_one_that_stays_is_told(
    server, tmp_path, waits, kind
):
    fault = FAULTS[kind]
    server.behave = lambda handler, n: fault(handler, n) if n < fetch.TRIES else handler.good()
    download(f"{server.url}/set.zip", tmp_path / "set.zip", sha1=SHA1)
    assert waits == [1, 2, 4] and os.listdir(tmp_path) == ["set.zip"]
    server.behave = fault
    (tmp_path / "set.zip").unlink()
    text = sentence(f"{server.url}/set.zip", tmp_path / "set.zip")
    assert f"{kind}, 4 times): check the network" in text and server.requests == 8


def log_in_page(handler, n):
    content = b"<html>Welcome to this network!"
    handler.begin(**{"Content-Length": len(content)})
    handler.wfile.write(content)


ANSWERS = {
    "not there": (lambda handler, n: handler.begin(404), "the server answered 404"),
    "log-in page": (log_in_page, "another file, perhaps the log-in page of the network"),
    "circle": (lambda handler, n: handler.begin(302, Location="/x"), "makes no sense"),
}


@pytest.mark.trap("failed download later passes as data")
@pytest.mark.parametrize("kind", ANSWERS)
def test_what_asking_again_would_not_change_is_told_at_once(server, tmp_path, waits, kind):
    server.behave, words = ANSWERS[kind]
    assert words in sentence(f"{server.url}/set.zip", tmp_path / "set.zip")
    assert waits == []


def test_no_connection(server, tmp_path):
    assert "there is no connection" in sentence("http://127.0.0.1:9/a.zip", tmp_path / "a.zip")


def test_a_certificate_that_cannot_be_checked(tmp_path, waits, monkeypatch):
    def refuse(*arguments):
        raise exceptions.SSLError

    monkeypatch.delenv("COURSE_MIRROR", raising=False)
    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", refuse)
    text = sentence("https://127.0.0.1/set.zip", tmp_path / "set.zip")
    assert "is the clock wrong, is a proxy in the way" in text and waits == []


def test_a_folder_that_python_serves_is_a_mirror(tmp_path, monkeypatch, waits):
    (tmp_path / "shared" / "course").mkdir(parents=True)
    (tmp_path / "shared" / "course" / "set.zip").write_bytes(CONTENT)
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path / "shared")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as laptop:
        threading.Thread(target=laptop.serve_forever, args=(0.05,), daemon=True).start()
        monkeypatch.setenv("COURSE_MIRROR", f"http://127.0.0.1:{laptop.server_port}/course/")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        file = download("https://example.org/x/set.zip?v=1", tmp_path / "renamed.zip", sha1=SHA1)
        laptop.shutdown()
    assert file.read_bytes() == CONTENT


@pytest.mark.parametrize("mirror", ["laptop:8000", "/mnt/share"])
def test_a_mirror_is_a_whole_address(tmp_path, monkeypatch, mirror):
    monkeypatch.setenv("COURSE_MIRROR", mirror)
    with pytest.raises(CourseError, match=f"COURSE_MIRROR is {mirror}: give a whole address"):
        download("https://example.org/x/set.zip", tmp_path / "other.zip")
