"""Downloads: afterwards the right file is there or nothing, and one sentence says what to do."""

import hashlib
import os
import re
import shutil
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from helpers import CourseError
from helpers.files import fetch
from helpers.files.fetch import download
from tests.files import bad_server
from tests.files.bad_server import CONTENT, Handler

SHA1 = hashlib.sha1(CONTENT).hexdigest()
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server(monkeypatch):
    for name in ("COURSE_MIRROR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(fetch, "FIRST_WAIT", 0.001)
    with bad_server.running() as server:
        yield server


def sentence(url: str, target: Path) -> str:
    """The error that this download ends in, after which no file is left."""
    with pytest.raises(CourseError) as caught:
        download(url, target, sha1=SHA1)
    text = str(caught.value)
    assert text.endswith(".") and "\n" not in text and url in text and str(target) in text
    assert os.listdir(target.parent) == []
    return text


@pytest.mark.parametrize("digest", [{"sha1": SHA1}, {"sha256": SHA256}, {"sha256": SHA256[:8]}, {}])
def test_a_file_arrives_once_and_stays(server, tmp_path, digest):
    target = tmp_path / "new folder" / "set.zip"
    for _ in range(2):
        assert download(f"{server.url}/set.zip", target, **digest) == target
        assert target.read_bytes() == CONTENT
    assert server.requests == 1 and os.listdir(target.parent) == ["set.zip"]


def test_the_wrong_file_in_its_place_is_told(server, tmp_path):
    (tmp_path / "set.zip").write_bytes(b"not it")
    for digest in ({"sha1": SHA1}, {"sha256": SHA256[:8]}):
        with pytest.raises(CourseError, match="set.zip is not the file of http.*: delete it"):
            download(f"{server.url}/set.zip", tmp_path / "set.zip", **digest)
    assert server.requests == 0


def answer(*status, **headers):
    return lambda handler, n: handler.begin(*status, **headers)


FAULTS = {
    "cut off": Handler.cut,
    "500": answer(500),
    "429": answer(429),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_that_passes_is_not_noticed_and_one_that_stays_is_told(server, tmp_path, kind):
    fault = FAULTS[kind]
    server.behave = lambda handler, n: fault(handler, n) if n < fetch.TRIES else handler.good()
    download(f"{server.url}/set.zip", tmp_path / "set.zip", sha1=SHA1)
    assert server.requests == fetch.TRIES and os.listdir(tmp_path) == ["set.zip"]
    server.behave = fault
    (tmp_path / "set.zip").unlink()
    text = sentence(f"{server.url}/set.zip", tmp_path / "set.zip")
    assert re.search(rf"{kind}, {fetch.TRIES} times\).*: check the network", text)
    assert server.requests == 2 * fetch.TRIES


def test_waits_grow(server, tmp_path, monkeypatch):
    waits = []
    monkeypatch.setattr(fetch, "FIRST_WAIT", 1.0)
    monkeypatch.setattr(fetch.time, "sleep", waits.append)
    server.behave = FAULTS["500"]
    sentence(f"{server.url}/set.zip", tmp_path / "set.zip")
    assert waits == [1, 2, 4]


def test_a_server_that_falls_silent_is_asked_again(server, tmp_path, monkeypatch):
    server.behave = lambda handler, n: handler.begin() if n == 1 else handler.good()
    server.RequestHandlerClass = type("Silent", (Handler,), {"protocol_version": "HTTP/1.1"})
    monkeypatch.setattr(fetch, "TIMEOUT", 0.2)
    download(f"{server.url}/set.zip", tmp_path / "set.zip", sha1=SHA1)
    assert server.requests == 2


def page(handler, n):
    content = b"<html>Welcome to this network!"
    handler.begin(Content_Type="text/html", Content_Length=len(content))
    handler.wfile.write(content)


def other_file(handler, n):
    handler.begin()
    handler.wfile.write(CONTENT[::-1])


ANSWERS = {
    "404": (answer(404), "the server answered 404"),
    "403": (answer(403), "the server answered 403"),
    "log-in page": (page, "another file, perhaps the log-in page of the network"),
    "other file": (other_file, "what arrived is another file"),
    "length in words": (answer(Content_Length="many"), "no sense"),
    "round in a circle": (answer(302, Location="/x"), "no sense"),
    "sent to no address": (answer(302, Location="http://.x/"), "no sense"),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_what_asking_again_would_not_change_is_told_at_once(server, tmp_path, kind, monkeypatch):
    monkeypatch.setattr(fetch.time, "sleep", lambda seconds: pytest.fail("it waits"))
    server.behave, words = ANSWERS[kind]
    assert words in sentence(f"{server.url}/set.zip", tmp_path / "set.zip")
    server.behave = Handler.good
    assert download(f"{server.url}/set.zip", tmp_path / "set.zip", sha1=SHA1).exists()


def test_no_connection(server, tmp_path):
    assert "there is no connection" in sentence("http://127.0.0.1:9/a.zip", tmp_path / "a.zip")


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/a.zip", "http://[::1/a.zip", "a.zip"])
def test_an_address_that_is_none(server, tmp_path, url):
    assert "makes no sense" in sentence(url, tmp_path / "here.zip")


@pytest.mark.skipif(not shutil.which("openssl"), reason="makes a certificate")
def test_a_certificate_that_nobody_vouches_for_is_refused(server, tmp_path, monkeypatch):
    file = tmp_path / "self.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    out = ["-keyout", f"{file}.key", "-out", str(file)]
    subprocess.run([*command.split(), *names, *out], check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file, f"{file}.key")
    (tmp_path / "here").mkdir()
    with bad_server.running(tls) as secure:
        target, url = tmp_path / "here" / "set.zip", f"{secure.url}/set.zip"
        assert "is the clock wrong, is a proxy in the way" in sentence(url, target)
        assert secure.requests == 0
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(file))  # somebody vouches for it
        assert download(url, target, sha1=SHA1).read_bytes() == CONTENT


def test_a_folder_that_cannot_be_made(server, tmp_path):
    (tmp_path / "data").touch()
    with pytest.raises(CourseError, match="cannot be written .*free some space or choose"):
        download(f"{server.url}/set.zip", tmp_path / "data" / "set.zip", sha1=SHA1)


def test_a_laptop_in_the_room_that_serves_its_data_is_a_mirror(server, tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "set.zip").write_bytes(CONTENT)
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]
    laptop = subprocess.Popen(
        [*command, "--directory", str(tmp_path / "data")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        port = re.search(r"port (\d+)", laptop.stdout.readline())[1]
        monkeypatch.setenv("COURSE_MIRROR", f"http://127.0.0.1:{port}/")
        for n, digest in enumerate(({"sha1": SHA1}, {"sha256": SHA256[:8]})):
            target = tmp_path / str(n) / "renamed.zip"
            download("https://example.org/x/set.zip?v=1", target, **digest)
            assert target.read_bytes() == CONTENT
        with pytest.raises(CourseError, match=f"127.0.0.1:{port}/other.zip .*answered 404"):
            download("https://example.org/other.zip", tmp_path / "other.zip", sha1=SHA1)
    finally:
        laptop.kill()
        laptop.communicate()


@pytest.mark.parametrize("mirror", ["laptop:8000", "/mnt/share", "ftp://laptop"])
def test_a_mirror_is_a_whole_address(server, tmp_path, monkeypatch, mirror):
    monkeypatch.setenv("COURSE_MIRROR", mirror)
    with pytest.raises(CourseError, match=f"COURSE_MIRROR is {mirror}: give a whole address"):
        download("https://example.org/x/set.zip", tmp_path / "other.zip")
