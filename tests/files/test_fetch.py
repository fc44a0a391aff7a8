"""helpers/fetch.py against a server on this computer that misbehaves."""

import hashlib
import http.server
import io
import os
import sys
import threading
from types import SimpleNamespace

import pytest
import requests

import helpers
from classroom import fetch as tool
from helpers import CourseError
from helpers.files import fetch
from helpers.files.fetch import download

CONTENT = bytes(range(256)) * 2000
SHA1 = hashlib.sha1(CONTENT).hexdigest()
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Each path is one way to misbehave; `server.asked` keeps (path, Range header)."""

    def do_GET(self):
        asked = self.server.asked
        asked.append((self.path, self.headers["Range"]))
        times = sum(path == self.path for path, _ in asked)
        start = int(self.headers["Range"][6:-1]) if self.headers["Range"] else 0
        if self.path == "/missing.zip":
            return self.answer(404)
        if self.path == "/busy.zip" and times < 3:
            return self.answer((500, 429)[times - 1], **{"Retry-After": "0"})
        if self.path == "/login.zip":
            return self.answer(200, b"<html>", **{"Content-Type": "text/html; charset=utf-8"})
        if self.path == "/rangeless.zip" or not start:
            return self.answer(200, CONTENT, cut=times == 1 and self.path != "/good.zip")
        if start >= len(CONTENT):
            return self.answer(416)
        span = f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"
        return self.answer(206, CONTENT[start:], **{"Content-Range": span})

    def answer(self, code, body=b"", cut=False, **headers):
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def running():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        server.url = f"http://127.0.0.1:{server.server_port}"
        yield server
        server.shutdown()


@pytest.fixture
def server(running, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("COURSE_MIRROR", raising=False)
    monkeypatch.setattr(fetch, "FIRST_WAIT", 0.001)
    running.asked = []
    return running


def test_a_whole_file_arrives_and_stays(server, tmp_path):
    target = tmp_path / "new folder" / "good.zip"
    assert download(f"{server.url}/good.zip", target, sha1=SHA1, sha256=SHA256[:8]) == target
    assert target.read_bytes() == CONTENT
    download(f"{server.url}/good.zip", target, sha1=SHA1)
    assert len(server.asked) == 1
    assert os.listdir(target.parent) == ["good.zip"]


@pytest.mark.parametrize("digest", [{}, {"sha1": SHA1}])
def test_cut_off_download_goes_on_where_it_stopped(server, tmp_path, digest):
    target = download(f"{server.url}/cut.zip", tmp_path / "cut.zip", **digest)
    assert target.read_bytes() == CONTENT
    (_, nothing), (_, span) = server.asked
    assert nothing is None
    assert len(CONTENT) // 4 < int(span.removeprefix("bytes=").rstrip("-")) <= len(CONTENT) // 2


def test_server_without_ranges_starts_anew(server, tmp_path):
    target = download(f"{server.url}/rangeless.zip", tmp_path / "a.zip")
    assert target.read_bytes() == CONTENT
    assert len(server.asked) == 2


def test_killed_download_is_taken_up_only_if_a_digest_can_tell(server, tmp_path):
    part = tmp_path / "good.zip.part"
    part.write_bytes(CONTENT[:1000])
    target = download(f"{server.url}/good.zip", tmp_path / "good.zip", sha256=SHA256)
    assert server.asked == [("/good.zip", "bytes=1000-")]
    assert target.read_bytes() == CONTENT
    target.unlink()
    part.write_bytes(b"of another day")
    assert download(f"{server.url}/good.zip", target).read_bytes() == CONTENT


def test_part_longer_than_the_file_starts_anew(server, tmp_path):
    (tmp_path / "good.zip.part").write_bytes(CONTENT + b"more")
    target = download(f"{server.url}/good.zip", tmp_path / "good.zip", sha1=SHA1)
    assert target.read_bytes() == CONTENT


def test_busy_server_is_asked_again(server, tmp_path):
    download(f"{server.url}/busy.zip", tmp_path / "busy.zip", sha1=SHA1)
    assert len(server.asked) == 3


def test_missing_file_is_asked_for_once(server, tmp_path):
    target = tmp_path / "missing.zip"
    with pytest.raises(CourseError, match="404.*put it at .*missing.zip"):
        download(f"{server.url}/missing.zip", target)
    assert len(server.asked) == 1


def test_wrong_digest_leaves_nothing(server, tmp_path):
    for digest in ({"sha1": "0" * 40}, {"sha256": "00000000"}):
        with pytest.raises(CourseError, match="another file, and was deleted"):
            download(f"{server.url}/good.zip", tmp_path / "good.zip", **digest)
        assert os.listdir(tmp_path) == []


def test_wrong_file_put_there_by_hand(server, tmp_path):
    (tmp_path / "good.zip").write_bytes(b"not it")
    with pytest.raises(CourseError, match="is not the file of .*delete it"):
        download(f"{server.url}/good.zip", tmp_path / "good.zip", sha1=SHA1)


def test_log_in_page_is_no_archive(server, tmp_path):
    with pytest.raises(CourseError, match="a web page came in its place"):
        download(f"{server.url}/login.zip", tmp_path / "login.zip")
    assert os.listdir(tmp_path) == []


def test_only_https_or_this_computer(server, tmp_path):
    with pytest.raises(CourseError, match="is not an https address"):
        download("http://example.org/a.zip", tmp_path / "a.zip")
    with pytest.raises(CourseError, match="is not an https address"):
        download("file:///etc/passwd", tmp_path / "a.zip")


@pytest.mark.parametrize("last, safe", [("http://example.org/a", False), ("https://b.org/", True)])
def test_being_sent_on_to_http_is_refused(tmp_path, monkeypatch, last, safe):
    answer = requests.Response()
    answer.url, answer.status_code, answer.raw = last, 200, io.BytesIO(CONTENT)
    monkeypatch.delenv("COURSE_MIRROR", raising=False)
    monkeypatch.setattr(requests, "get", lambda *args, **kwargs: answer)
    if safe:
        download("https://example.org/a.zip", tmp_path / "a.zip", sha1=SHA1)
    else:
        with pytest.raises(CourseError, match="an address without https"):
            download("https://example.org/a.zip", tmp_path / "a.zip", sha1=SHA1)


def test_closed_port_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "FIRST_WAIT", 0.001)
    with pytest.raises(CourseError, match="the connection failed, 5 times.*check the network"):
        download("http://127.0.0.1:9/a.zip", tmp_path / "a.zip")


def test_mirror_is_asked_in_place_of_the_host(server, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_MIRROR", f"{server.url}/")
    download("https://example.org/x/good.zip?v=1", tmp_path / "good.zip", sha1=SHA1)
    assert server.asked == [("/good.zip", None)]
    monkeypatch.setenv("COURSE_MIRROR", "laptop:8000")
    with pytest.raises(CourseError, match="whole address"):
        download("https://example.org/x/good.zip", tmp_path / "other.zip")


def test_waits_grow_and_the_server_is_heard_within_reason(tmp_path, monkeypatch):
    def busy(*args):
        raise fetch._TryAgain("the server answered 429", next(asked_for))

    asked_for, waits = iter([0, 0, 7, 1e6, 0]), []
    monkeypatch.setattr(fetch, "_receive_once", busy)
    monkeypatch.setattr(fetch.time, "sleep", waits.append)
    with pytest.raises(CourseError, match="429, 5 times"):
        download("https://example.org/a.zip", tmp_path / "a.zip")
    assert waits == [1, 2, 7, 60]


def test_full_disk_is_one_sentence(server, tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fetch, "_receive_once", full)
    with pytest.raises(CourseError, match="No space left on device.*free some space"):
        download(f"{server.url}/good.zip", tmp_path / "good.zip")


@pytest.fixture
def shelf(monkeypatch, tmp_path):
    """helpers.data and helpers.models with one data set and one network."""

    def load_pretrained(name):
        if name != "net":
            raise CourseError(f'There is no network "{name}".')

    data = SimpleNamespace(SETS=("hotdog",), find=lambda name, size: tmp_path / name / size)
    models = SimpleNamespace(load_pretrained=load_pretrained)
    for name, module in (("data", data), ("models", models)):
        monkeypatch.setitem(sys.modules, f"helpers.{name}", module)
        monkeypatch.setattr(helpers, name, module, raising=False)
    monkeypatch.setenv("COURSE_SIZE", "drawn")


@pytest.mark.parametrize(
    "arguments, status, told",
    [
        (["hotdog"], 0, os.path.join("hotdog", "full")),
        (["hotdog", "--size", "tiny"], 0, os.path.join("hotdog", "tiny")),
        (["net"], 0, "weights of net are ready"),
        (["walrus"], 1, 'no network "walrus". The data sets are: hotdog.'),
    ],
)
def test_fetch_command(shelf, capsys, arguments, status, told):
    assert tool.main(arguments) == status
    assert told in capsys.readouterr()[status]
