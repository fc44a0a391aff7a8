"""`course.py kaggle NN`: what it writes runs in a Kaggle notebook, without network."""

import json
import shutil

import nbformat
import py7zr
import pytest

from classroom import kaggle, notebooks
from classroom.commands import find_lessons, parse
from helpers import data

NO_NETWORK = {"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
LESSONS = ("05", "06", "08", "10")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """In place of /kaggle: the course and three competitions attached, read-only."""
    folder = tmp_path_factory.mktemp("kaggle")
    arguments = parse(["kaggle", *LESSONS, "--user", "me"])
    arguments.folder = folder / "uploads"
    kaggle.main(arguments)
    shutil.move(folder / "uploads" / kaggle.COURSE, folder / "input/datasets/me" / kaggle.COURSE)
    for name in set(kaggle.COMPETITIONS.values()):
        shutil.copytree(data.find(name, "smoke"), folder / "input/competitions" / name)
    cifar = folder / "input/competitions/cifar-10"
    for part in ("train", "test"):
        with py7zr.SevenZipFile(cifar / f"{part}.7z", "w") as archive:
            archive.writeall(cifar / part, part)
        shutil.rmtree(cifar / part)
    (folder / "working").mkdir()
    inside = [folder / "input", *(folder / "input").rglob("*/")]
    for place in inside:
        place.chmod(0o555)
    yield folder
    for place in inside:
        place.chmod(0o755)


def test_the_upload_names_the_competition_and_the_helpers(root):
    facts = json.loads((root / "uploads/05_kaggle_cifar10/kernel-metadata.json").read_text())
    assert facts["competition_sources"] == ["cifar-10"]
    assert facts["machine_shape"] == "NvidiaTeslaT4"  # Kaggle's torch has no code for a P100
    assert facts["dataset_sources"] == ["me/fine-tuning-course"]
    assert (root / "uploads/05_kaggle_cifar10" / facts["code_file"]).is_file()


def test_without_the_data_set_the_first_cell_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_KAGGLE", str(tmp_path))
    with pytest.raises(AssertionError, match="Add Input .* fine-tuning-course"):
        exec(kaggle.FIRST.replace("{course}", kaggle.COURSE), {})


def attached(root):
    """What stands under /kaggle/input, but for the bytecode that root may write there."""
    return {file for file in (root / "input").rglob("*") if "__pycache__" not in file.parts}


@pytest.mark.slow
@pytest.mark.parametrize("number", LESSONS)
def test_a_lesson_runs_in_a_kaggle_notebook_and_writes_submissions_only(root, number):
    name = find_lessons([number])[0].stem
    notebook = nbformat.read(root / "uploads" / name / f"{name}.ipynb", as_version=4)
    where = nbformat.v4.new_code_cell("import helpers; print(helpers.__file__)")
    notebook.cells.append(where)
    before = attached(root)
    variables = {"COURSE_KAGGLE": str(root), "COURSE_SIZE": "", "COURSE_DATA": ""} | NO_NETWORK
    notebooks.execute(notebooks.make_client(notebook, root / "working"), **variables)
    course = root / "input/datasets/me" / kaggle.COURSE
    assert notebook.cells[-1].outputs[0].text.strip() == str(course / "helpers/__init__.py")
    known = {course / "build", course / "build/progress.json"}  # root may write anywhere
    assert attached(root) - known == before - known
    assert all(file.suffix == ".csv" for file in (root / "working").iterdir())
