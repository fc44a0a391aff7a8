"""Which folder a name and a size mean, and the book's small samples of competitions."""

import csv
import hashlib
import http.server
import io
import os
import threading
import zipfile
from functools import partial
from pathlib import Path

import d2l.torch
import pytest

from helpers import CourseError, data
from helpers.files import book, competition

BOOKS_NAMES = {
    "hotdog": "hotdog",
    "cifar-10-tiny": "cifar10_tiny",
    "dog-breed-identification-tiny": "dog_tiny",
}
SAMPLES = {  # what the book's archives hold, but for the number of pictures
    "cifar-10": ("kaggle_cifar10_tiny", "trainLabels.csv", "id,label\n1,cat\n2,frog\n10,cat\n"),
    "dog-breed-identification": ("kaggle_dog_tiny", "labels.csv", "id,breed\n1,pug\n2,boxer\n"),
}


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Empty folders in place of data/ and of the one that COURSE_DATA names."""
    for name in ("data", "shared"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(data, "FOLDER", tmp_path / "data")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "shared"))
    monkeypatch.delenv("COURSE_SIZE", raising=False)
    for source in (book, competition):  # nothing is downloaded: what would be, is told
        word = source.__name__.rsplit(".", 1)[-1]
        monkeypatch.setattr(
            source, "download", lambda name, folder, word=word: (word, name, folder)
        )
    return tmp_path


@pytest.mark.parametrize("name", ["cifar-10", "dog-breed-identification"])
def test_tiny_and_full_never_mix(folders, name):
    shared, own = folders / "shared", folders / "data"
    assert data.find(name, "full") == ("competition", name, own / name)
    assert data.find(name, "tiny") == ("book", f"{name}-tiny", own / f"{name}-tiny")
    (shared / name).mkdir()
    (own / name).mkdir()
    assert data.find(name, "full") == shared / name
    assert data.find(name, "tiny") == ("book", f"{name}-tiny", own / f"{name}-tiny")
    (own / f"{name}-tiny").mkdir()
    assert data.find(name, "tiny") == own / f"{name}-tiny"
    (shared / f"{name}-tiny").mkdir()
    assert data.find(name, "tiny") == shared / f"{name}-tiny"
    (shared / name).rmdir()
    assert data.find(name, "full") == own / name


def test_hot_dogs_are_the_same_folder_at_both_sizes(folders):
    for size in ("tiny", "full"):
        assert data.find("hotdog", size) == ("book", "hotdog", folders / "data" / "hotdog")
    (folders / "shared" / "hotdog-tiny").mkdir()
    (folders / "shared" / "hotdog").mkdir()
    assert data.find("hotdog", "tiny") == folders / "shared" / "hotdog"


def test_leaves_are_whole_or_drawn(folders):
    wanted = ("competition", "classify-leaves", folders / "data" / "classify-leaves")
    assert data.find("classify-leaves", "full") == wanted
    (folders / "shared" / "classify-leaves").mkdir()
    with pytest.raises(CourseError, match="classify-leaves has no small sample: choose"):
        data.find("classify-leaves", "tiny")


def test_drawn_is_a_path_for_every_set_and_the_variable_wins(folders, monkeypatch):
    monkeypatch.setenv("COURSE_SIZE", "drawn")
    for name in data.SETS:
        (folders / "shared" / name).mkdir()
        assert data.find(name, "full") == folders / "data" / "drawn" / name


@pytest.mark.parametrize("name", book.SETS)
def test_addresses_and_hashes_are_those_of_the_book(name):
    file, sha1 = book.SETS[name]
    url, books_sha1 = d2l.torch.DATA_HUB[BOOKS_NAMES[name]]
    assert (book.SITE + file, sha1) == (url.replace("http://", "https://"), books_sha1)


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A folder that is served as COURSE_MIRROR, and data/ beside it."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    (tmp_path / "mirror").mkdir()
    (tmp_path / "data").mkdir()
    handler = partial(Quiet, directory=tmp_path / "mirror")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("COURSE_MIRROR", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.delenv("COURSE_DATA", raising=False)
        monkeypatch.setattr(data, "FOLDER", tmp_path / "data")
        yield tmp_path / "mirror"
        server.shutdown()


def put(mirror: Path, name: str, monkeypatch, **more: str) -> None:
    """A small sample in the layout of the book's, with its own hash in the list."""
    stem, labels, content = SAMPLES[name]
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as box:
        for file, text in {labels: content, **more}.items():
            box.writestr(f"{stem}/{file}", text)
        for picture in ("train/1.png", "train/2.png", "train/10.png"):
            box.writestr(f"{stem}/{picture}", "train")
        for picture in ("test/100.png", "test/3.png", "test/20.png", "test/._3.png"):
            box.writestr(f"{stem}/{picture}", "test")
    (mirror / f"{stem}.zip").write_bytes(memory.getvalue())
    digest = hashlib.sha1(memory.getvalue()).hexdigest()
    monkeypatch.setitem(book.SETS, f"{name}-tiny", (f"{stem}.zip", digest))


def rows(file: Path) -> list[list[str]]:
    with open(file, newline="", encoding="utf-8") as stream:
        return list(csv.reader(stream))


def test_the_sample_submission_that_the_small_cifar_lacks_is_written(mirror, monkeypatch):
    put(mirror, "cifar-10", monkeypatch)
    folder = data.find("cifar-10", "tiny")
    assert folder == data.FOLDER / "cifar-10-tiny"
    assert sorted(os.listdir(folder)) == [
        "sampleSubmission.csv",
        "test",
        "train",
        "trainLabels.csv",
    ]
    ids = [["3", "cat"], ["20", "cat"], ["100", "cat"]]
    assert rows(folder / "sampleSubmission.csv") == [["id", "label"], *ids]
    assert sorted(os.listdir(data.FOLDER)) == ["cifar-10-tiny", "kaggle_cifar10_tiny.zip"]
    (mirror / "kaggle_cifar10_tiny.zip").unlink()
    assert data.find("cifar-10", "tiny") == folder


def test_the_sample_submission_of_the_small_dogs_spreads_evenly(mirror, monkeypatch):
    put(mirror, "dog-breed-identification", monkeypatch)
    table = rows(data.find("dog-breed-identification", "tiny") / "sample_submission.csv")
    assert table[0] == ["id", "boxer", "pug"]
    assert table[1:] == [[i, "0.5", "0.5"] for i in ("3", "20", "100")]


def test_a_sample_submission_in_the_archive_stays(mirror, monkeypatch):
    put(mirror, "cifar-10", monkeypatch, **{"sampleSubmission.csv": "as it came"})
    folder = data.find("cifar-10", "tiny")
    assert (folder / "sampleSubmission.csv").read_text() == "as it came"


def test_stopped_before_its_sample_submission_is_written_the_folder_is_not_there(
    mirror, monkeypatch
):
    put(mirror, "cifar-10", monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(book.csv, "writer", lambda *args, **how: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            data.find("cifar-10", "tiny")
    assert os.listdir(data.FOLDER) == ["kaggle_cifar10_tiny.zip"]
    assert (data.find("cifar-10", "tiny") / "sampleSubmission.csv").exists()


def test_without_network_tiny_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "FOLDER", tmp_path)
    monkeypatch.setenv("COURSE_MIRROR", "http://127.0.0.1:9")
    monkeypatch.setattr("helpers.files.fetch.FIRST_WAIT", 0.001)
    monkeypatch.delenv("COURSE_DATA", raising=False)
    with pytest.raises(CourseError, match=r"check the network.*kaggle_dog_tiny\.zip\.$"):
        data.find("dog-breed-identification", "tiny")
    assert os.listdir(tmp_path) == []
