"""Downloads from a server that misbehaves: afterwards all is there or nothing, and a try later is.

What the network does to a download of one file; test_interrupted.py kills whole fetches.
"""

import hashlib
import os
import shutil
import ssl
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from helpers import CourseError
from helpers.files import fetch
from helpers.files.fetch import download
from tests.files import bad_server
from tests.files.bad_server import CONTENT

SHA1 = hashlib.sha1(CONTENT).hexdigest()


@pytest.fixture
def server(monkeypatch):
    for name in ("COURSE_MIRROR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(fetch, "FIRST_WAIT", 0.001)
    with bad_server.running() as server:
        yield server


@pytest.fixture
def waits(monkeypatch):
    """The seconds that a download wanted to wait, in place of waiting."""
    waits = []
    monkeypatch.setattr(fetch.time, "sleep", waits.append)
    return waits


def fails(server, folder: Path, words: str, requests: int, left=()) -> None:
    """The download ends in one sentence, leaves no file, and succeeds once the server behaves."""
    target, before = folder / "set.zip", len(server.asked)
    with pytest.raises(CourseError, match=words) as caught:
        download(f"{server.url}/set.zip", target, sha1=SHA1)
    said = str(caught.value)
    assert said.endswith(".") and "\n" not in said and "Traceback" not in said
    assert len(server.asked) - before == requests
    assert os.listdir(folder) == list(left)
    server.behave = bad_server.Handler.good
    assert download(f"{server.url}/set.zip", target, sha1=SHA1).read_bytes() == CONTENT
    assert os.listdir(folder) == ["set.zip"]


@pytest.mark.parametrize("tenth", range(10))
def test_cut_off_at_a_tenth_it_goes_on_and_no_byte_comes_twice(server, tmp_path, tenth):
    def cut(handler, n):
        handler.head()
        handler.body(len(CONTENT) * tenth // 10 if n == 1 else None)

    server.behave = cut
    download(f"{server.url}/set.zip", tmp_path / "set.zip", sha1=SHA1)
    assert len(server.asked) == 2 and server.sent == len(CONTENT)
    assert os.listdir(tmp_path) == ["set.zip"]


def test_cut_off_at_every_tenth_it_arrives_though_that_is_more_often_than_it_tries(
    server, tmp_path
):
    def cut(handler, n):
        handler.head()
        handler.body(len(CONTENT) * n // 10)

    server.behave = cut
    download(f"{server.url}/set.zip", tmp_path / "set.zip", sha1=SHA1)
    assert len(server.asked) == 10 > fetch.TRIES and server.sent == len(CONTENT)


def test_a_server_without_ranges_that_always_cuts_off_is_given_up(server, tmp_path):
    def cut(handler, n):
        handler.status(200, Content_Length=len(CONTENT))
        handler.start = 0
        handler.body(len(CONTENT) // 2 - n % 2)  # not always at the same byte

    server.behave = cut
    fails(server, tmp_path, "was cut off, 5 times", 1 + fetch.TRIES, left=["set.zip.part"])


@pytest.mark.parametrize("code", [403, 404, 410])
def test_a_refusal_is_told_at_once(server, tmp_path, code):
    server.behave = lambda handler, n: handler.status(code)
    fails(server, tmp_path, f"the server answered {code}.*put it at .*set.zip", 1)


DATE = "Wed, 21 Oct 2015 07:28:{:02} GMT"


@pytest.mark.parametrize(
    "asked, seconds",
    [
        ("7", 7),
        (DATE.format(37), 9),  # by the server's clock, whatever ours says
        (DATE.format(20), 1),  # over already
        ("3600", 60),
        ("soon", 1),
        ("", 1),
        ("-5", 1),
        ("9" * 5000, 1),
        ("Wed, 99 Oct 2015", 1),
    ],
)
def test_a_busy_server_says_how_long_to_wait(server, tmp_path, waits, monkeypatch, asked, seconds):
    def busy(handler, n):
        handler.date_time_string = lambda: DATE.format(28)
        return handler.good() if n > 1 else handler.status(429, Retry_After=asked)

    server.behave = busy
    monkeypatch.setattr(fetch, "FIRST_WAIT", 1.0)
    download(f"{server.url}/set.zip", tmp_path / "set.zip", sha1=SHA1)
    assert waits == [seconds]


def test_500_twice_then_fine(server, tmp_path, waits):
    server.behave = lambda handler, n: handler.status(500) if n < 3 else handler.good()
    download(f"{server.url}/set.zip", tmp_path / "set.zip", sha1=SHA1)
    assert len(waits) == 2 and server.sent == len(CONTENT)


def test_500_for_ever(server, tmp_path):
    server.behave = lambda handler, n: handler.status(500)
    fails(server, tmp_path, "the server answered 500, 5 times", 5)


def test_a_slow_drip_arrives_in_one_go(server, tmp_path, monkeypatch):
    def drip(handler, n):
        handler.head()
        while handler.start < len(CONTENT):
            handler.body(handler.start + len(CONTENT) // 20)
            time.sleep(0.02)

    server.behave = drip
    monkeypatch.setattr(fetch, "TIMEOUT", (1, 0.2))  # less than the whole takes
    download(f"{server.url}/set.zip", tmp_path / "set.zip", sha1=SHA1)
    assert len(server.asked) == 1


def test_a_server_that_falls_silent_is_asked_for_the_rest(server, tmp_path, monkeypatch):
    def silent(handler, n):
        handler.head()
        handler.body(100_000 if n == 1 else None)
        time.sleep(0.5 if n == 1 else 0)

    server.behave = silent
    monkeypatch.setattr(fetch, "TIMEOUT", (1, 0.1))
    download(f"{server.url}/set.zip", tmp_path / "set.zip", sha1=SHA1)
    assert len(server.asked) == 2 and server.sent == len(CONTENT)


def test_a_length_that_is_too_small_ends_in_a_wrong_hash(server, tmp_path):
    def lie(handler, n):
        handler.head(Content_Length=1000)
        handler.body()

    server.behave = lie
    fails(server, tmp_path, "another file, and was deleted", 1)


def test_a_length_that_is_too_large_is_given_up(server, tmp_path):
    def lie(handler, n):
        if handler.start:
            return handler.status(416)
        handler.head(Content_Length=len(CONTENT) + 7)
        handler.body()

    server.behave = lie
    fails(server, tmp_path, "5 times", fetch.TRIES, left=["set.zip.part"])


@pytest.mark.parametrize("length", ["many", "-1", "9" * 5000, ""])
def test_a_length_that_is_none_does_not_matter(server, tmp_path, length):
    def lie(handler, n):
        handler.head(Content_Length=length)
        handler.body()

    server.behave = lie
    download(f"{server.url}/set.zip", tmp_path / "set.zip", sha1=SHA1)
    assert len(server.asked) == 1


def test_two_lengths_at_once_are_told(server, tmp_path):
    server.behave = lambda handler, n: handler.status(200, Content_Length="1, 2")
    fails(server, tmp_path, "what the server says, makes no sense", 1)


def test_killed_between_the_last_byte_and_the_renaming_nothing_is_fetched_again(server, tmp_path):
    (tmp_path / "set.zip.part").write_bytes(CONTENT)
    download(f"{server.url}/set.zip", tmp_path / "set.zip", sha1=SHA1)
    assert server.asked == [] and os.listdir(tmp_path) == ["set.zip"]


@pytest.mark.parametrize("span", ["bytes 0-9/10", "bytes 7-", "nonsense", ""])
def test_another_part_than_was_asked_for_is_not_appended(server, tmp_path, span):
    def odd(handler, n):
        handler.head(**({"Content_Range": span} if handler.start else {}))
        handler.body(len(CONTENT) // 3 if n == 1 else None)

    server.behave = odd
    target = download(f"{server.url}/set.zip", tmp_path / "set.zip", sha1=SHA1)
    assert target.read_bytes() == CONTENT


def test_a_part_of_the_rest_is_followed_by_the_rest_of_it(server, tmp_path):
    def little(handler, n):
        size, stop = len(CONTENT), len(CONTENT) * n // 4
        if n == 1:
            handler.head()
        else:
            span = f"bytes {handler.start}-{stop - 1}/{size}"
            handler.status(206, Content_Range=span, Content_Length=stop - handler.start)
        handler.body(stop)

    server.behave = little
    download(f"{server.url}/set.zip", tmp_path / "set.zip", sha1=SHA1)
    assert len(server.asked) == 4 and server.sent == len(CONTENT)


def test_another_file_under_the_same_name_is_deleted(server, tmp_path):
    def other(handler, n):
        handler.server.content = CONTENT[::-1]
        handler.good()
        handler.server.content = CONTENT

    server.behave = other
    fails(server, tmp_path, "another file, and was deleted", 1)


@pytest.mark.parametrize("kind", ["text/html", "application/zip"])
def test_a_log_in_page_in_place_of_the_archive(server, tmp_path, kind):
    def page(handler, n):
        handler.server.content = b"<html>Welcome to this network!"
        handler.head(Content_Type=kind)
        handler.body()
        handler.server.content = CONTENT

    server.behave = page
    words = "a web page came in its place" if kind == "text/html" else "another file"
    fails(server, tmp_path, words, 1)


def test_a_log_in_page_in_place_of_the_rest_harms_nothing(server, tmp_path):
    def page(handler, n):
        if n == 1:
            handler.head()
            return handler.body(1000)
        handler.status(200, Content_Type="text/html", Content_Length=0)

    server.behave = page
    fails(server, tmp_path, "a web page came in its place", 2, left=["set.zip.part"])
    assert server.sent == len(CONTENT)


def test_a_redirect_loop_is_left(server, tmp_path, waits):
    server.behave = lambda handler, n: handler.status(302, Location=handler.path)
    fails(server, tmp_path, "round in a circle", 31)
    assert waits == []


@pytest.mark.parametrize("place", ["http://.x/", "ftp://127.0.0.1/set.zip", "http://[::1/"])
def test_sent_to_no_address_at_all(server, tmp_path, waits, place):
    server.behave = lambda handler, n: handler.status(302, Location=place)
    fails(server, tmp_path, "its address, or what the server says, makes no sense", 1)
    assert waits == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Key and certificate of a server that nobody has vouched for."""
    if not shutil.which("openssl"):
        pytest.skip("needs openssl")
    file = tmp_path_factory.mktemp("tls") / "self.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    out = ["-keyout", f"{file}.key", "-out", str(file)]
    subprocess.run([*command.split(), *names, *out], check=True, capture_output=True)
    return file


def test_a_certificate_that_does_not_verify_is_refused(
    server, certificate, tmp_path, waits, monkeypatch
):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, f"{certificate}.key")
    with bad_server.running(tls) as secure:
        target, url = tmp_path / "set.zip", f"{secure.url}/set.zip"
        for _ in range(2):
            with pytest.raises(CourseError, match="its certificate cannot be checked"):
                download(url, target, sha1=SHA1)
        assert secure.asked == [] and waits == [] and os.listdir(tmp_path) == []
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))  # somebody vouches for it
        assert download(url, target, sha1=SHA1).read_bytes() == CONTENT


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_one_sentence_and_the_next_call_succeeds(server, tmp_path):
    part = tmp_path / "set.zip.part"
    part.symlink_to("/dev/full")
    with pytest.raises(CourseError, match="set.zip cannot be written .No space left on device"):
        download(f"{server.url}/set.zip", tmp_path / "set.zip", sha1=SHA1)
    assert os.listdir(tmp_path) == ["set.zip.part"]
    part.unlink()
    download(f"{server.url}/set.zip", tmp_path / "set.zip", sha1=SHA1)


@pytest.fixture
def locked_folder():
    """A folder that this process may read and not write; root becomes somebody else meanwhile."""
    if os.name == "nt":
        pytest.skip("permissions are others there")
    outer = Path(tempfile.mkdtemp())
    folder = outer / "locked"
    folder.mkdir()
    outer.chmod(0o755)
    folder.chmod(0o555)
    somebody = 65534 if os.geteuid() == 0 else os.geteuid()
    before = os.geteuid()
    os.seteuid(somebody)
    yield folder
    os.seteuid(before)
    folder.chmod(0o755)
    shutil.rmtree(outer)


def test_a_folder_without_permission_is_one_sentence(server, locked_folder):
    for place in (locked_folder, locked_folder / "new"):
        with pytest.raises(CourseError, match="Permission denied.*may write to, and try again"):
            download(f"{server.url}/set.zip", place / "set.zip", sha1=SHA1)
    assert os.listdir(locked_folder) == [] and server.asked == []


def test_a_file_in_place_of_the_folder_is_one_sentence(server, tmp_path):
    (tmp_path / "data").touch()
    with pytest.raises(CourseError, match="cannot be written"):
        download(f"{server.url}/set.zip", tmp_path / "data" / "set.zip", sha1=SHA1)
