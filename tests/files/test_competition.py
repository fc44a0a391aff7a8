"""Kaggle's own client against a server on this computer that plays Kaggle."""

import io
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import py7zr
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classroom import fetch as tool
from helpers import CourseError
from helpers.files import archives, competition
from tests.files import kaggle_server
from tests.files.kaggle_server import SIGNATURE, TOKEN

LARGE = {"more": os.urandom(5 << 20)}  # the client keeps what it has by the mebibyte
PNG = b"\x89PNG" + bytes(range(256)) * 4


def packed(**members) -> bytes:
    """A zip in memory: {"train.csv": b"..."}, or 7z in it: {"a.7z": {"1.png": b""}}."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as box:
        for name, content in members.items():
            box.writestr(name, content if isinstance(content, bytes) else packed_7z(content))
    return memory.getvalue()


def packed_7z(members: dict[str, bytes]) -> bytes:
    memory = io.BytesIO()
    with py7zr.SevenZipFile(memory, "w") as box:
        for name, content in members.items():
            box.writestr(content, "it will be called differently")  # py7zr refuses some names
            box.header.files_info.files[-1]["filename"] = name
    return memory.getvalue()


def pictures(folder: str, ending: str = "png") -> dict[str, bytes]:
    return {f"{folder}/{i}.{ending}": PNG + bytes([i]) for i in range(1, 12)}


CIFAR = {
    "train.7z": pictures("train"),
    "test.7z": pictures("test"),
    "trainLabels.csv": b"id,label\n1,cat\n",
    "sampleSubmission.csv": b"id,label\n1,cat\n",
}
DOGS = {
    **pictures("train", "jpg"),
    **pictures("test", "jpg"),
    "labels.csv": b"id,breed\n1,pug\n",
    "sample_submission.csv": b"id,pug\n1,1.0\n",
}
LEAVES = {
    **pictures("images", "jpg"),
    "train.csv": b"image,label\nimages/1.jpg,oak\n",
    "test.csv": b"image\nimages/2.jpg\n",
    "sample_submission.csv": b"image,label\nimages/2.jpg,oak\n",
}
ARCHIVES = {
    "cifar-10": packed(**CIFAR),
    "dog-breed-identification": packed(**DOGS),
    "classify-leaves": packed(**LEAVES),
}


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
    running.archives, running.answers, running.asked = dict(ARCHIVES), {}, []
    running.cuts, running.on_download = 0, None
    for name in [name for name in os.environ if name.startswith("KAGGLE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # the client waits before it retries
    return running


def told(call, *arguments) -> str:
    """The one sentence of the CourseError that this call ends in."""
    with pytest.raises(CourseError) as caught:
        call(*arguments)
    text = str(caught.value)
    assert text.endswith(".") and "\n" not in text and len(text) < 600
    assert TOKEN not in text and SIGNATURE not in text
    return text


def files(folder: Path) -> dict[str, bytes]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.mark.trap("7z archives of Kaggle's cifar-10")
@pytest.mark.parametrize(
    "name, wanted",
    [
        ("cifar-10", pictures("train") | pictures("test") | dict(list(CIFAR.items())[2:])),
        ("dog-breed-identification", DOGS),
        ("classify-leaves", LEAVES),
    ],
)
def test_a_competition_lands_in_its_layout_and_stays(server, tmp_path, capsys, name, wanted):
    folder = tmp_path / "my data é" / name
    assert competition.download(name, folder) == folder
    assert files(folder) == wanted
    assert os.listdir(folder.parent) == [name]
    assert capsys.readouterr().out == ""
    asked = len(server.asked)
    assert competition.download(name, folder) == folder
    assert len(server.asked) == asked


def test_the_command_fetches_a_competition(server, tmp_path, monkeypatch, capsys):
    from helpers import data

    monkeypatch.setattr(data, "FOLDER", tmp_path)
    monkeypatch.delenv("COURSE_DATA", raising=False)
    monkeypatch.setenv("COURSE_SIZE", "drawn")
    assert tool.main(["classify-leaves"]) == 0
    assert files(tmp_path / "classify-leaves") == LEAVES
    assert "classify-leaves lies in" in capsys.readouterr().out
    assert tool.main(["classify-leaves", "--size", "tiny"]) == 1
    assert "classify-leaves has no small sample" in capsys.readouterr().err


def test_a_download_that_is_cut_off_goes_on(server, tmp_path):
    server.cuts, server.archives["cifar-10"] = 2, packed(**CIFAR | LARGE)
    folder = competition.download("cifar-10", tmp_path / "cifar-10")
    assert files(folder)["more"] == LARGE["more"]
    starts = [start for method, start in server.asked if method == "GET"]
    assert len(starts) == 3 and 0 == starts[0] < starts[1] < starts[2]


def test_a_server_that_always_cuts_off_leaves_no_folder_and_the_next_call_goes_on(server, tmp_path):
    server.archives["cifar-10"] = packed(**CIFAR | LARGE)
    server.cuts = 6  # the client tries six times
    text = told(competition.download, "cifar-10", tmp_path / "cifar-10")
    assert "cannot be reached" in text and "check the network" in text
    assert not (tmp_path / "cifar-10").exists()
    server.asked.clear()
    competition.download("cifar-10", tmp_path / "cifar-10")
    assert files(tmp_path / "cifar-10")["more"] == LARGE["more"]
    assert os.listdir(tmp_path) == ["cifar-10"]
    assert server.asked[-1][0] == "GET" and server.asked[-1][1] > len(LARGE["more"]) // 2


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_stopped_cell_leaves_no_folder(server, tmp_path, monkeypatch):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    server.cuts, server.on_download = 1, lambda: os.kill(os.getpid(), signal.SIGINT)
    try:
        with pytest.raises(KeyboardInterrupt):
            competition.download("cifar-10", tmp_path / "cifar-10")
    finally:
        signal.signal(signal.SIGINT, before)
    assert not (tmp_path / "cifar-10").exists()
    server.on_download = None
    assert len(files(competition.download("cifar-10", tmp_path / "cifar-10"))) == 24


def test_killed_unpacking_starts_clean(server, tmp_path):
    half = tmp_path / "cifar-10.kaggle" / "unpacked"
    for name in ("train", "train.unpacking", "test"):
        (half / name).mkdir(parents=True)
        (half / name / "half.png").touch()
    folder = competition.download("cifar-10", tmp_path / "cifar-10")
    assert len(files(folder)) == 24 and os.listdir(tmp_path) == ["cifar-10"]


JOIN = "You must accept this competition's rules before you'll be able to download files."
LIMIT = "Your team has used its daily Submission allowance (5) today, please try again tomorrow."


@pytest.mark.parametrize(
    "method, status, said, words",
    [
        ("IntrospectToken", 401, "Unauthenticated", "not know your token.*settings/api"),
        ("IntrospectToken", 404, "Not found", "not know your token.*variable KAGGLE_API_TOKEN"),
        ("DownloadDataFiles", 401, "Unauthenticated", "not know your token.*Generate New Token"),
        ("DownloadDataFiles", 403, JOIN, r"403: You must.*competitions/cifar-10/rules, accept"),
        ("DownloadDataFiles", 404, "Not found", "no competition 'cifar-10'"),
        ("DownloadDataFiles", 429, "Too many requests", "429: Too many requests.*later"),
        ("DownloadDataFiles", 503, "", r"out of order \(503\).*try again later"),
        ("DownloadDataFiles", 400, "Odd\nquestion.", r"refused cifar-10 of.*\(400: Odd question\)"),
    ],
)
def test_each_refusal_is_one_sentence_that_says_what_to_do(
    server, tmp_path, method, status, said, words
):
    server.answers[method] = status, {"code": status, "message": said}
    assert re.search(words, told(competition.download, "cifar-10", tmp_path / "cifar-10"))
    assert not list(tmp_path.glob("cifar-10*"))
    server.answers[method] = status, b"<html>not what the client expects"
    told(competition.download, "cifar-10", tmp_path / "cifar-10")
    server.answers.clear()
    competition.download("cifar-10", tmp_path / "cifar-10")


@pytest.mark.parametrize("name", ["cifar10", "https://www.kaggle.com/c/cifar-10", "../evil", ""])
def test_a_wrong_name_is_told(server, tmp_path, name):
    text = told(competition.download, name, tmp_path / "x")
    assert f"no competition {name!r}" in text and "cifar-10" in text


def test_a_log_in_page_in_place_of_kaggle(server, tmp_path):
    server.answers["IntrospectToken"] = 200, b"<html>Welcome to this network"
    assert "cannot be reached" in told(competition.download, "cifar-10", tmp_path / "x")


def test_no_network(server, tmp_path, monkeypatch):
    from kagglesdk import kaggle_env

    nowhere = "http://127.0.0.1:9"
    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, nowhere)
    text = told(competition.download, "cifar-10", tmp_path / "x")
    assert "cannot be reached (ConnectionError): check the network" in text


@pytest.mark.trap("token missing, rules not accepted")
def test_a_missing_token(server, tmp_path, monkeypatch, capfd):
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    stdin = io.StringIO()
    monkeypatch.setattr(sys, "stdin", stdin)  # the client's exit() closes it
    text = told(competition.download, "cifar-10", tmp_path / "x")
    assert "needs a token" in text and "https://www.kaggle.com/settings/api" in text
    assert str(tmp_path / "home" / ".kaggle" / "access_token") in text
    assert sys.stdin is stdin and not stdin.closed
    assert capfd.readouterr() == ("", "")


def test_a_token_in_a_file_serves(server, tmp_path, monkeypatch):
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    place = tmp_path / "home" / ".kaggle" / "access_token"
    place.parent.mkdir(parents=True)
    place.write_text("an old one")
    text = told(competition.download, "classify-leaves", tmp_path / "x")
    assert "does not know your token" in text and f"save it as {place}" in text
    place.write_text(TOKEN + "\n")
    competition.download("classify-leaves", tmp_path / "x")
    assert files(place.parent) == {"access_token": TOKEN.encode() + b"\n"}


IN_A_NOTEBOOK = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_cell("from helpers.files.competition import download; download('cifar-10', 'there')")
"""


def test_a_missing_token_in_a_notebook_is_one_sentence(tmp_path):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("KAGGLE_")}
    homes = dict.fromkeys(("HOME", "USERPROFILE", "IPYTHONDIR"), str(tmp_path))
    environment = kept | homes | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", IN_A_NOTEBOOK]
    shown = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    (line,) = shown.stdout.splitlines()
    assert line.startswith("CourseError: Kaggle needs a token") and line.endswith(".")


@pytest.mark.parametrize("package", ["kaggle", "py7zr"])
def test_a_missing_client(server, tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    text = told(competition.download, "cifar-10", tmp_path / "x")
    assert "not installed" in text and "pip install kaggle py7zr" in text


def test_nothing_of_kaggle_is_imported_before_it_is_asked_for():
    root = Path(__file__).parents[2]
    names = ", ".join(f"helpers.{file.stem}" for file in root.glob("helpers/[a-z]*.py"))
    code = f"import sys, {names}; print(*{{m.split('.')[0] for m in sys.modules}})"
    environment = os.environ | {"PYTHONPATH": str(root)}
    shown = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert {"kaggle", "kagglesdk", "py7zr"}.isdisjoint(shown.stdout.split())
    assert "helpers" in shown.stdout.split()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk(server, tmp_path):
    (tmp_path / "x.kaggle").mkdir()
    (tmp_path / "x.kaggle" / "cifar-10.zip").symlink_to("/dev/full")
    text = told(competition.download, "cifar-10", tmp_path / "x")
    assert "No space left on device" in text and "free some space" in text


def test_a_folder_that_may_not_be_written_to(server, tmp_path):
    (tmp_path / "file").touch()
    assert "cannot be written" in told(competition.download, "cifar-10", tmp_path / "file" / "x")


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"test.7z": {"../../evil": b""}}, "'../../evil' in it would be written outside"),
        ({"test.7z": {"a/../../../evil": b""}}, "would be written outside"),
        ({"test.7z": {"/tmp/evil": b""}}, "'/tmp/evil' in it would be written outside"),
        ({"test.7z": {"C:\\evil": b""}}, "would be written outside"),
        ({"test.7z": b"7z\xbc\xaf\x27\x1c\0\4 and no more"}, "test.7z is no whole 7z file"),
        ({"test.7z": packed_7z(pictures("test"))[:-40]}, "test.7z is no whole 7z file"),
        ({"test.7z": {}}, "test.7z is"),
        ({"../evil": b""}, "'../evil' in it would be written outside"),
    ],
)
def test_an_archive_that_cannot_be_used_is_deleted_and_named(server, tmp_path, changes, reason):
    server.archives["cifar-10"] = packed(**CIFAR | changes)
    text = told(competition.download, "cifar-10", tmp_path / "data" / "cifar-10")
    assert reason in text and "was deleted: try again" in text
    assert files(tmp_path) == {}
    server.archives = ARCHIVES
    competition.download("cifar-10", tmp_path / "data" / "cifar-10")


def test_what_is_not_the_competition_is_refused(server, tmp_path):
    server.archives["cifar-10"] = packed(**DOGS)
    text = told(competition.download, "cifar-10", tmp_path / "x")
    assert "lacks trainLabels.csv and sampleSubmission.csv" in text
    server.archives["cifar-10"] = b"no zip"
    assert "is no whole zip file" in told(competition.download, "cifar-10", tmp_path / "x")


@pytest.mark.skipif(os.name == "nt", reason="links need rights")
def test_links_and_locks_in_a_7z_file_are_refused(tmp_path):
    (tmp_path / "link").symlink_to("/etc")
    for name, password, reason in (("a", None, "'link' in it is a link"), ("b", "x", "a password")):
        archive = tmp_path / f"{name}.7z"
        with py7zr.SevenZipFile(archive, "w", password=password) as box:
            if not password:
                box.write(tmp_path / "link", "link")
            box.writestr(b"good", "good")
        assert reason in told(archives.unpack, archive, tmp_path / "out")
        assert not (tmp_path / "out").exists()


NAMES = st.text(st.sampled_from("ab./\\: é~") | st.characters(codec="utf-8"), min_size=1)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(NAMES, st.binary(max_size=20), min_size=1, max_size=4))
def test_whatever_its_members_are_called_a_7z_file_writes_into_its_folder_only(
    tmp_path_factory, members
):
    place = tmp_path_factory.mktemp("place")
    archive = place / "a.7z"
    archive.write_bytes(packed_7z(members))
    try:
        archives.unpack(archive, place / "out")
    except CourseError:
        assert os.listdir(place) == ["a.7z"]
    assert set(os.listdir(place)) <= {"a.7z", "out"}


WHOLE = packed_7z(pictures("test"))


@settings(max_examples=80, deadline=None)
@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_a_damaged_7z_file_is_told_or_harmless(tmp_path_factory, where, change):
    place = tmp_path_factory.mktemp("place")
    damaged = bytearray(WHOLE)
    damaged[where] ^= change
    (place / "a.7z").write_bytes(damaged)
    try:
        unpacked = archives.unpack(place / "a.7z", place / "out")
    except archives.BadArchive:
        assert os.listdir(place) == ["a.7z"]
    else:
        assert set(files(unpacked).values()) == set(pictures("test").values())


@pytest.fixture
def answer(tmp_path):
    file = tmp_path / "submission.csv"
    file.write_bytes(b"id,label\n1,cat\n" + os.urandom(3000))
    return file


def test_a_submission_arrives_byte_for_byte(server, answer, capfd):
    said = competition.submit("cifar-10", answer, "my first")
    assert "Successfully submitted to it" in said and said.endswith("/cifar-10/submissions.")
    asked = dict(server.asked)
    assert asked["PUT"] == answer.read_bytes()
    assert asked["StartSubmissionUpload"]["contentLength"] == len(asked["PUT"])
    assert asked["StartSubmissionUpload"]["fileName"] == "submission.csv"
    assert asked["CreateSubmission"]["blobFileTokens"] == "blob"
    assert asked["CreateSubmission"]["submissionDescription"] == "my first"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "method, status, said, words",
    [
        ("CreateSubmission", 400, LIMIT, r"refused submission.csv.*daily Submission.*tomorrow \(U"),
        ("CreateSubmission", 403, JOIN, "cifar-10/rules"),
        ("StartSubmissionUpload", 404, "Not found", "no competition"),
        ("StartSubmissionUpload", 401, "No", "not know your token"),
        ("PUT", 403, "Expired", "did not arrive.*cifar-10/submit"),
    ],
)
def test_a_refused_submission_is_one_sentence(server, answer, method, status, said, words):
    server.answers[method] = status, {"code": status, "message": said}
    assert re.search(words, told(competition.submit, "cifar-10", answer, ""))


def test_a_submission_that_was_not_written(server, tmp_path):
    text = told(competition.submit, "cifar-10", tmp_path / "submission.csv", "")
    assert "There is no file" in text and server.asked == []
