"""classroom/bundle.py on a small course with small wheels."""

import shutil
import subprocess

import pytest

import course
from classroom import bundle
from tests.test_course import NOWHERE, Copy, write_wheel

TINY = """
[build-system]
requires = ["tiny-builder"]
[project.optional-dependencies]
more = ["tiny-more"]
"""


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A course that needs three packages, which pip finds in a folder and nowhere else."""
    copy = Copy(tmp_path / "Kurs für alle", fake_pip=False)
    copy.write("requirements.txt", "tiny>=1  # a reason\n-e .[more]\n")
    copy.write("pyproject.toml", TINY)
    copy.write("classroom/__main__.py", "import tiny; print('tiny is here')")
    for name in ("tiny", "tiny_builder", "tiny_more"):
        write_wheel(tmp_path / "shop", name)
    for name, value in (NOWHERE | {"PIP_FIND_LINKS": str(tmp_path / "shop")}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(bundle, "ROOT", copy.folder)
    return copy


def names(folder):
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_a_bundle_installs_without_network(copy, tmp_path, capfd):
    target = tmp_path / "un dossier à copier"
    own = names(copy.folder)
    assert bundle.main([str(target)]) == 0
    wheels = {f"wheels/{n}-1-py3-none-any.whl" for n in ("tiny", "tiny_builder", "tiny_more")}
    assert names(target) == own | wheels and names(copy.folder) == own
    out = capfd.readouterr().out
    assert out.index(course.DOWNLOAD) < out.index(f"{target} is ready")

    shutil.rmtree(tmp_path / "shop")
    copy.folder = target
    copy.write("requirements.txt", "tiny>=1\n")  # `-e .` would take a real builder
    status, out, err = copy.run("run", **NOWHERE)
    assert (status, err) == (0, "")
    assert course.DOWNLOAD not in out and out.endswith("tiny is here\n")

    (target / "wheels/tiny_more-1-py3-none-any.whl").unlink()
    write_wheel(target / "wheels", "tiny_more", "cp27-cp27m-any")  # a Python that nobody has
    copy.write("requirements.txt", "tiny>=1\ntiny-more\n")
    status, out, err = copy.run("run", **NOWHERE)
    assert status == 0 and out.endswith("tiny is here\n")
    assert err == f"{course.NO_WHEELS} Until then the older packages serve.\n"


def test_only_the_course_comes_along(copy, tmp_path):
    kept = ["data/draw/a.py", "data/drawn/b/0.png", "helpers/a.py", "tests/building.txt"]
    left = [".git", "build/grades.csv", "data/hotdog/0.png", ".venv/pyvenv.cfg", "wheels/old.whl"]
    left += ["helpers/__pycache__/a.pyc", "a.egg-info/PKG-INFO", "notebooks/hand_in_01.csv"]
    own = names(copy.folder)
    for name in kept + left:
        copy.write(name, "")
    target = copy.folder / "stick"  # inside the course, and not copied into itself
    assert [bundle.main([str(target), "--no-wheels"]) for _ in range(2)] == [0, 0]
    assert names(target) == own | set(kept)


@pytest.mark.skipif(not shutil.which("git"), reason="git")
def test_with_git_only_what_it_tracks_comes_along(copy, tmp_path):
    copy.write("notebooks/my class.csv", "not for everybody")
    subprocess.run(["git", "init", "-q"], cwd=copy.folder, check=True)
    subprocess.run(["git", "add", "course.py", "notebooks/0*"], cwd=copy.folder, check=True)
    (copy.folder / "notebooks/01_hotdog.ipynb").unlink()
    assert bundle.main([str(tmp_path / "stick"), "--no-wheels"]) == 0
    assert names(tmp_path / "stick") == {"course.py", "notebooks/00_start_here.ipynb"}


def test_packages_that_cannot_be_brought(copy, tmp_path, capfd):
    shutil.rmtree(tmp_path / "shop")
    assert bundle.main([str(tmp_path / "stick")]) == 1
    assert capfd.readouterr().err == f"{course.NO_NETWORK}\n"


def test_folders_that_would_be_spoilt(copy, tmp_path, capsys):
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "beach.jpg").touch()
    (tmp_path / "a file").touch()
    for name, told in [
        ("holiday", "holds other things"),
        ("a file", "cannot be written"),
        (copy.folder.name, "onto itself"),
    ]:
        assert bundle.main([str(tmp_path / name)]) == 1
        err = capsys.readouterr().err
        assert told in err and err.count("\n") == 1
    assert names(tmp_path / "holiday") == {"beach.jpg"}
