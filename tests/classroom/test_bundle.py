"""`course.py bundle` on a small course with small wheels."""

import os
import shutil
import subprocess

import pytest

from classroom import bundle, install
from classroom.commands import parse
from tests.classroom.test_install import make_wheel

PROJECT = """
[build-system]
requires = ["tiny-builder"]
[project.optional-dependencies]
kaggle = ["tiny-more"]
"""
LOCK = "tiny==1 \\\n    --hash=sha256:00\n"
LISTS = {"requirements.txt", "requirements-test.txt", "requirements.lock", "pyproject.toml"}
OWN = LISTS | {"course.py", "data/draw/a.py", "data/drawn/b/0.png"}
PACKAGES = dict.fromkeys(("tiny", "tiny_builder", "tiny_more", "tiny_tested"), "1")
PACKAGES["uv"] = "0.9"
MADE = {"build/grades.csv", "data/hotdog/0.png", ".venv/pyvenv.cfg", "notebooks/hand_in_01.csv"}


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course that needs three packages, with what it has made and downloaded."""
    folder = tmp_path / "Kurs für alle"
    for name in OWN | MADE:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    (folder / "requirements.txt").write_text("tiny>=1  # a reason\n\n-e .[kaggle]\n")
    (folder / "requirements-test.txt").write_text("tiny_tested\n")
    (folder / "requirements.lock").write_text(LOCK)
    (folder / "pyproject.toml").write_text(PROJECT)
    for module in (bundle, install):
        monkeypatch.setattr(module, "ROOT", folder)
    monkeypatch.setattr(install, "BUILD", folder / "build")
    return folder


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """The only place where pip finds packages."""
    folder = tmp_path / "shop"
    folder.mkdir()
    for name in PACKAGES:
        make_wheel(folder, name, PACKAGES[name])
    make_wheel(folder, "tiny", "2")  # newer than the locked one
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return folder


def files(folder):
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def make_bundle(*arguments):
    return bundle.main(parse(["bundle", *map(str, arguments)]))


def test_a_bundle_is_the_course_with_a_wheel_of_every_package_it_needs(course, shop, tmp_path):
    stick = tmp_path / "un dossier à copier"
    assert make_bundle(stick) == 0
    wheels = {f"wheels/{name}-{number}-py3-none-any.whl" for name, number in PACKAGES.items()}
    assert files(stick) == OWN | wheels


def test_packages_that_cannot_be_brought_are_told(course, shop, tmp_path):
    shutil.rmtree(shop)
    with pytest.raises(SystemExit, match="run the same command again"):
        make_bundle(tmp_path / "stick")


def test_a_bundle_inside_the_course_can_be_made_again_and_does_not_hold_itself(course):
    for _ in range(2):
        make_bundle(course / "stick", "--no-wheels")
    assert files(course / "stick") == OWN


@pytest.mark.skipif(not shutil.which("git"), reason="git")
def test_with_git_only_what_it_tracks_comes_along(course, tmp_path):
    subprocess.run(["git", "init", "-q"], cwd=course, check=True)
    subprocess.run(["git", "add", "course.py", "pyproject.toml"], cwd=course, check=True)
    (course / "pyproject.toml").unlink()
    make_bundle(tmp_path / "stick", "--no-wheels")
    assert files(tmp_path / "stick") == {"course.py"}


@pytest.mark.parametrize(
    "name, words",
    [
        ("holiday", "holds other things: name an empty"),
        ("holiday/beach.jpg", "cannot be written"),
        ("Kurs für alle", "cannot be copied onto itself"),
    ],
)
def test_a_folder_that_would_be_spoilt_is_refused(course, tmp_path, name, words):
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "beach.jpg").touch()
    with pytest.raises(SystemExit, match=words):
        make_bundle(tmp_path / name)
    assert files(tmp_path / "holiday") == {"beach.jpg"}
