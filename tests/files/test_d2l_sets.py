"""Which folder a name and a size mean, and the book's small samples of competitions."""

import os

import d2l.torch
import pytest

from helpers import CourseError, data
from helpers.files import d2l_sets, kaggle_client
from tests.files.test_archives import packed

BOOKS_NAMES = {
    "hotdog": "hotdog",
    "cifar-10-tiny": "cifar10_tiny",
    "dog-breed-identification-tiny": "dog_tiny",
}


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Empty folders in place of data/ and of the one that COURSE_DATA names."""
    for name in ("data", "shared"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(data, "FOLDER", tmp_path / "data")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "shared"))
    monkeypatch.delenv("COURSE_SIZE", raising=False)
    monkeypatch.setattr(d2l_sets, "download", lambda name, folder: ("book", name, folder))
    monkeypatch.setattr(kaggle_client, "download", lambda name, folder: ("Kaggle", name, folder))
    return tmp_path


@pytest.mark.parametrize(
    "name, size, source, folder",
    [
        ("cifar-10", "full", "Kaggle", "cifar-10"),
        ("cifar-10", "tiny", "book", "cifar-10-tiny"),
        ("dog-breed-identification", "tiny", "book", "dog-breed-identification-tiny"),
        ("hotdog", "full", "book", "hotdog"),
        ("hotdog", "tiny", "book", "hotdog"),
        ("classify-leaves", "full", "Kaggle", "classify-leaves"),
    ],
)
def test_a_set_is_shared_or_in_data_or_downloaded_and_sizes_never_mix(
    folders, name, size, source, folder
):
    shared, own = folders / "shared", folders / "data"
    for other in {name, f"{name}-tiny"} - {folder}:
        (shared / other).mkdir()
        (own / other).mkdir()
    assert data.find(name, size) == (source, folder, own / folder)
    (own / folder).mkdir()
    assert data.find(name, size) == own / folder
    (shared / folder).mkdir()
    assert data.find(name, size) == shared / folder


def test_leaves_have_no_small_sample(folders):
    with pytest.raises(CourseError, match="classify-leaves has no small sample: choose"):
        data.find("classify-leaves", "tiny")


@pytest.mark.parametrize("name", d2l_sets.SETS)
def test_addresses_and_hashes_are_those_of_the_book(name):
    file, sha1 = d2l_sets.SETS[name]
    url, books_sha1 = d2l.torch.DATA_HUB[BOOKS_NAMES[name]]
    assert (d2l_sets.SITE + file, sha1) == (url.replace("http://", "https://"), books_sha1)


def bring(tmp_path, monkeypatch, name: str, **tables: str):
    """The folder of a set of the book, whose archive holds these tables and a few test pictures."""
    pictures = ("test/100.png", "test/3.png", "test/20.png", "test/._3.png")
    contents = tables | dict.fromkeys(pictures, "")
    archive = tmp_path / "set.zip"
    archive.write_bytes(packed(*((f"top/{file}", text) for file, text in contents.items())))
    monkeypatch.setattr(d2l_sets, "download_file", lambda url, target, sha1: archive)
    return d2l_sets.download(name, tmp_path / name)


CIFAR = {"trainLabels.csv": "id,label\n1,cat\n2,frog\n10,cat\n"}


def test_the_sample_submission_that_the_small_cifar_lacks_is_written(tmp_path, monkeypatch):
    folder = bring(tmp_path, monkeypatch, "cifar-10-tiny", **CIFAR)
    assert set(os.listdir(folder)) == {"sampleSubmission.csv", "test", "trainLabels.csv"}
    assert (folder / "sampleSubmission.csv").read_text() == "id,label\n3,cat\n20,cat\n100,cat\n"


def test_the_sample_submission_of_the_small_dogs_spreads_evenly(tmp_path, monkeypatch):
    tables = {"labels.csv": "id,breed\n1,pug\n2,boxer\n"}
    folder = bring(tmp_path, monkeypatch, "dog-breed-identification-tiny", **tables)
    expected = "id,boxer,pug\n3,0.5,0.5\n20,0.5,0.5\n100,0.5,0.5\n"
    assert (folder / "sample_submission.csv").read_text() == expected


def test_a_sample_submission_in_the_archive_stays(tmp_path, monkeypatch):
    tables = CIFAR | {"sampleSubmission.csv": "as it came"}
    folder = bring(tmp_path, monkeypatch, "cifar-10-tiny", **tables)
    assert (folder / "sampleSubmission.csv").read_text() == "as it came"
