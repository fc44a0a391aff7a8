"""The course in a Kaggle notebook: input that can only be read, a folder for what it writes."""

import shutil

import pytest

from helpers import CourseError, data, kaggle
from helpers.files import kaggle_client
from tests.conftest import SMALL, draw_classes, is_a_sentence
from tests.files.test_kaggle_client import CIFAR, CIFAR_FILES


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A folder in place of /kaggle; Kaggle's client must not be asked there."""
    monkeypatch.setenv("COURSE_KAGGLE", str(tmp_path))
    monkeypatch.delenv("COURSE_DATA", raising=False)
    monkeypatch.setattr(data, "FOLDER", tmp_path / "input/datasets/teacher/course/data")
    monkeypatch.setattr(kaggle_client, "make_client", None)
    (tmp_path / "input").mkdir()
    yield tmp_path
    for folder in (tmp_path / "input").rglob("*/"):
        folder.chmod(0o755)


def attach(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    folder.chmod(0o555)


@pytest.mark.parametrize("place", ["competitions/cifar-10", "cifar-10", "datasets/me/cifar-10"])
def test_a_competition_is_found_where_kaggle_has_mounted_it(root, place):
    attach(root / "input" / place, CIFAR_FILES)
    assert data.find("cifar-10", "full") == root / "input" / place


def test_archives_in_the_input_are_unpacked_once_beside_it(root, capfd):
    attach(root / "input/competitions/cifar-10", CIFAR)
    folder = data.find("cifar-10", "full")
    assert folder == root / "temp/cifar-10"
    assert {
        str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()
    } == CIFAR_FILES
    assert "unpacking train.7z" in capfd.readouterr().err  # progress
    shutil.rmtree(root / "input")
    (root / "input").mkdir()
    assert data.find("cifar-10", "full") == folder


def test_what_is_not_attached_is_told_and_no_token_is_asked_for(root):
    with pytest.raises(CourseError, match="cifar-10 is not attached .* Add Input") as refused:
        data.find("cifar-10", "full")
    assert is_a_sentence(str(refused.value))


def test_all_that_the_course_writes_lies_in_one_folder(root, monkeypatch):
    competition = root / "input/competitions/cifar-10"
    draw_classes(competition, {"train": 4, "test": 2})
    pairs = [
        f"{file.stem},{'ab'[i % 2]}" for i, file in enumerate((competition / "train").iterdir())
    ]
    (competition / "trainLabels.csv").write_text("\n".join(["id,label", *pairs]))
    monkeypatch.setenv("COURSE_MEMORY_MB", "0")  # decoded pictures go to a file
    table = kaggle.split(data.find("cifar-10", "full"), 0.5)
    kaggle.load(table, SMALL)
    assert {entry.name for entry in root.iterdir()} == {"input", "temp"}
    monkeypatch.setenv("COURSE_WORK", str(root / "working"))
    kaggle.load(table, SMALL)
    assert (root / "working/decoded").is_dir()


def test_answers_to_drawings_are_not_handed_in(root, tmp_path):
    drawn = data.FOLDER / "drawn/cifar-10"
    drawn.mkdir(parents=True)
    (drawn / "sampleSubmission.csv").write_text("id,label\n1,cat\n2,cat\n")
    file = tmp_path / "submission.csv"
    file.write_text("id,label\n2,dog\n")
    with pytest.raises(CourseError, match='drawn.*set SIZE = "full"') as refused:
        kaggle.submit("cifar-10", file)
    assert is_a_sentence(str(refused.value))
