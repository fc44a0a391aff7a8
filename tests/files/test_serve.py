"""course.py serve: that folder alone, read-only, for a class that fetches at the same moment."""

import hashlib
import http.client
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classroom import serve
from helpers import CourseError
from helpers.files import book, fetch
from tests.files import bad_server

ROOT = Path(__file__).parents[2]
CONTENT = random.Random(0).randbytes(3_000_001)
SHA1 = hashlib.sha1(CONTENT).hexdigest()
SECRET = b"nobody may see this"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A served folder with a file, and secrets above, below, beside, hidden and behind links."""
    outer = tmp_path_factory.mktemp("outer")
    folder = outer / "served"
    (folder / "below").mkdir(parents=True)
    for place in ("secret", "served/below/secret", "served/.secret", "served/a.part"):
        (outer / place).write_bytes(SECRET)
    if os.name != "nt":
        (folder / "link").symlink_to(outer / "secret")
        (folder / "way out").symlink_to(outer)
    (folder / "hotdog.zip").write_bytes(CONTENT)
    (folder / "é 1.pth").write_bytes(b"weights")
    (folder / "empty").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.setattr(serve.Handler, "log_message", lambda *args: None)
        with serve.make_server(folder, 0) as server:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            yield server
            server.shutdown()


def ask(server, path: str, method: str = "GET", **headers) -> tuple[int, bytes, dict]:
    """Status, body and headers; the path is sent as it is."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.putrequest(method, path)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    found = answer.status, answer.read(), dict(answer.headers)
    connection.close()
    return found


def test_files_come_whole_and_in_ranges(server):
    assert ask(server, "/hotdog.zip?v=1")[:2] == (200, CONTENT)
    assert ask(server, f"/{quote('é 1.pth')}")[:2] == (200, b"weights")
    assert ask(server, "/empty")[:2] == (200, b"")
    status, body, headers = ask(server, "/hotdog.zip", Range="bytes=2999990-")
    assert (status, body) == (206, CONTENT[2999990:])
    assert headers["Content-Range"] == "bytes 2999990-3000000/3000001"
    assert ask(server, "/hotdog.zip", Range="bytes=5-9")[:2] == (206, CONTENT[5:10])
    assert ask(server, "/hotdog.zip", Range="bytes=3000000-9999999")[:2] == (206, CONTENT[-1:])
    for span in ("bytes=3000001-", "bytes=9-5"):
        status, body, headers = ask(server, "/hotdog.zip", Range=span)
        assert (status, body, headers["Content-Range"]) == (416, b"", "bytes */3000001")
    for span in ("bytes=-5", "bytes=1-2,5-6", "lines=1-"):  # may be ignored
        assert ask(server, "/hotdog.zip", Range=span)[:2] == (200, CONTENT)
    status, body, headers = ask(server, "/hotdog.zip", "HEAD")
    assert (status, body, headers["Content-Length"]) == (200, b"", "3000001")


def test_its_list_names_what_it_gives(server):
    assert ask(server, "/")[1].decode().split("\n") == ["empty", "hotdog.zip", "é 1.pth"]


WAYS = """
    /../secret /%2e%2e/secret /%2E%2E%2Fsecret /..%2fsecret /..%5csecret /%2e%2e%5csecret
    /hotdog.zip/../../secret /below/secret /below/../../secret /below%2fsecret /.secret /%2esecret
    /link /way%20out/secret /way%20out%2fsecret //secret ///etc/passwd /etc/passwd /%2fetc/passwd
    /a.part /./.secret /hotdog.zip%00 /hotdog.zip/ /below /below/ /.. /%2e%2e /. /%252e%252e/secret
    /C:%5cWindows%5cwin.ini file:///etc/passwd http://127.0.0.1/../secret /\\..\\secret
"""


@pytest.mark.parametrize("path", WAYS.split())
def test_nothing_else_can_be_reached(server, path):
    status, body, _ = ask(server, path)
    assert status == 404 and SECRET not in body and len(body) < 50


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["..", "%2e", ".", "/", "%2f", "\\", "secret", "below", "link", "way%20out"]
        )
    )
)
def test_whatever_is_asked_for_no_secret_comes(server, parts):
    status, body, _ = ask(server, "/" + "".join(parts))
    assert status in (200, 404) and SECRET not in body


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH", "MKCOL"])
def test_nothing_can_be_changed(server, method):
    before = {path: path.stat().st_mtime_ns for path in server.folder.rglob("*")}
    assert ask(server, "/hotdog.zip", method, **{"Content-Length": "0"})[0] == 501
    assert {path: path.stat().st_mtime_ns for path in server.folder.rglob("*")} == before


def test_eight_clients_at_once_some_of_which_go_on_with_a_part(server, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_MIRROR", f"http://127.0.0.1:{server.server_port}")
    together = threading.Barrier(8)

    def client(i: int) -> bytes:
        folder = tmp_path / str(i)
        folder.mkdir()
        if i % 2:
            (folder / "hotdog.zip.part").write_bytes(CONTENT[: i * 300_000])
        together.wait()
        url = "https://example.org/data/hotdog.zip"
        return fetch.download(url, folder / "hotdog.zip", sha1=SHA1).read_bytes()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(client, range(8))) == [CONTENT] * 8


def test_a_client_that_goes_away_is_no_error(server, capfd):
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", server.server_port)) as client:
            client.setsockopt(
                socket.SOL_SOCKET,
                socket.SO_LINGER,
                struct.pack("hh" if os.name == "nt" else "ii", 1, 0),
            )
            client.sendall(b"GET /hotdog.zip HTTP/1.0\r\n\r\n")
            client.recv(100)
    assert ask(server, "/hotdog.zip")[1] == CONTENT
    assert "Traceback" not in capfd.readouterr().err


def test_what_it_says(tmp_path, monkeypatch):
    good, bad = (book.address(name)[0].rsplit("/", 1)[-1] for name in ("hotdog", "cifar-10-tiny"))
    (tmp_path / good).write_bytes(CONTENT)
    (tmp_path / bad).write_bytes(b"half")
    monkeypatch.setattr(book, "address", lambda name, old=book.address: (old(name)[0], SHA1))
    monkeypatch.setattr(serve, "addresses", lambda: ["192.168.1.5", "10.0.0.2"])
    text = serve.report(tmp_path, 8000)
    assert f"  {good} (3.0 MB)\n" in text and str(tmp_path) in text
    assert f"Not the right file: {bad}" in text and text.count("Not the right") == 1
    wanted = (
        "Missing: kaggle_dog_tiny.zip; `python3 course.py fetch dog-breed-identification --size"
    )
    assert wanted in text and text.count("Missing") == 1
    assert text.endswith(
        "\n  COURSE_MIRROR=http://192.168.1.5:8000\n  COURSE_MIRROR=http://10.0.0.2:8000"
    )


def test_this_computer_has_an_address():
    assert all(socket.inet_aton(address) for address in serve.addresses()) and serve.addresses()


def test_what_cannot_be_served_is_one_sentence(server, tmp_path, capsys):
    with pytest.raises(CourseError, match="There is no folder .*nowhere"):
        serve.make_server(tmp_path / "nowhere", 0)
    for port in (server.server_port, 70_000):
        with pytest.raises(CourseError, match=f"Port {port} cannot be had .*--port 8001"):
            serve.make_server(tmp_path, port)
    assert serve.main([str(tmp_path / "nowhere")]) == 1
    assert capsys.readouterr().err.startswith("There is no folder")


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_the_command_serves_until_it_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (tmp_path / "set.zip").write_bytes(bad_server.CONTENT)
    command = [sys.executable, "-m", "classroom", "serve", str(tmp_path), "--port", "0"]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    try:
        lines = iter(process.stdout.readline, "")
        address = next(line.strip() for line in lines if "COURSE_MIRROR" in line)
        port = address.rsplit(":", 1)[1]
        monkeypatch.setenv("COURSE_MIRROR", f"http://127.0.0.1:{port}")
        target = fetch.download("https://example.org/set.zip", tmp_path / "here" / "set.zip")
        assert target.read_bytes() == bad_server.CONTENT
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 130 and "Traceback" not in err
