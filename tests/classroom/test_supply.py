"""What the course needs from others: packages, their licences, a place to write."""

import json
import os
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import nbformat
import pytest

from classroom import home, licences

ROOT = Path(__file__).parents[2]
NO_HOME = os.path.join(os.devnull, "home")  # not even root can make a folder there


def add_package(folder: Path, name: str, *lines: str, text: str = "") -> None:
    about = folder / f"{name}-1.dist-info"
    about.mkdir()
    metadata = "\n".join(["Metadata-Version: 2.4", f"Name: {name}", "Version: 1", *lines])
    (about / "METADATA").write_text(f"{metadata}\n\n{text}", encoding="utf-8")


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Installed packages that exist nowhere else, and a course that needs some of them."""
    monkeypatch.syspath_prepend(tmp_path)
    needs = ["Requires-Dist: Tiny_B[more]>=1; python_version >= '3'", "Requires-Dist: tiny-gone"]
    add_package(tmp_path, "tiny_a", "License-Expression: MIT", "License: other", *needs)
    needs = ["Requires-Dist: tiny-c; extra == 'more'", "Requires-Dist: tiny-d; extra == 'rare'"]
    add_package(tmp_path, "tiny_b", "License: BSD", *needs, "Requires-Dist: tiny-a")
    osi = "Classifier: License :: OSI Approved :: "
    long = ["License: Copyright somebody", "        who wrote much", f"{osi}ISC", f"{osi}Zlib"]
    add_package(tmp_path, "tiny_c", *long)
    add_package(tmp_path, "tiny_d", "License: MIT")
    add_package(tmp_path, "tiny_e", "License: UNKNOWN", "Classifier: Topic :: Games")
    add_package(tmp_path, "tiny_f", "License: The X License", "        and its text")
    add_package(tmp_path, "tiny_g", "Requires-Dist: tiny-d; python_version < '3'")
    lines = ["# all of it", "tiny-a>=1,<2   # with a reason", "", "tiny.e", "-e .[games]"]
    (tmp_path / "requirements.txt").write_text("\n".join(lines))
    project = '[project]\n[project.optional-dependencies]\ngames = ["tiny-f", "tiny-g"]\n'
    (tmp_path / "pyproject.toml").write_text(project)
    return tmp_path


def test_licences_of_all_that_is_needed_and_of_nothing_else(packages, monkeypatch, capsys):
    monkeypatch.setattr(licences, "ROOT", packages)
    before = sorted(packages.rglob("*"))
    assert licences.main([]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "tiny-a  1  MIT",
        "tiny-b  1  BSD",
        "tiny-c  1  ISC, Zlib",
        "tiny-e  1  unknown",
        "tiny-f  1  The X License",
        "tiny-g  1  unknown",
        "",
        "6 packages; 2 of them do not name their licence: tiny-e, tiny-g "
        "(look into the files that they brought).",
        "Not installed: tiny-gone.",
    ]
    assert sorted(packages.rglob("*")) == before


def test_licences_of_this_installation():
    requirements = licences.read_requirements(ROOT)
    found, missing = licences.closure(requirements)
    assert missing == []
    for name, far in [("torch", "jinja2"), ("jupyterlab", "tornado"), ("kaggle", "requests")]:
        assert found[name].version == distribution(name).version and far in found
    assert {r.name for r in requirements} >= {"torch", "kaggle", "py7zr"}
    assert list(found) == sorted(found)
    named = {name for name in found if licences.licence(found[name]) != licences.UNKNOWN}
    assert len(named) > 0.9 * len(found) > 90


def test_installed_packages_fit_together():
    pip = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True)
    assert pip.returncode == 0, pip.stdout + pip.stderr


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """A home that can be written; its folders are not there yet."""
    for name in (*home.USUAL, *home.KEPT_IN):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    return monkeypatch


def test_a_good_home_is_left_alone(environment, tmp_path):
    assert home.find_homes(tmp_path / "build") == {}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("lost", ["HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"])
def test_a_home_that_cannot_be_written_is_replaced(environment, tmp_path, lost):
    for name in [lost] + ["USERPROFILE"] * (lost == "HOME"):
        environment.setenv(name, NO_HOME)
    environment.setenv("IPYTHONDIR", "the user's own")
    homes = home.find_homes(tmp_path / "build")
    assert set(homes) == {"MPLCONFIGDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"}
    assert all(Path(folder).is_dir() for folder in homes.values())


HAND_OVER = """
import sys, course
from pathlib import Path
course.ROOT, course.PYTHON = Path({root!r}), Path(sys.executable)
course.hand_over("one_figure")
"""
ONE_FIGURE = """
import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from classroom import run

lesson = nbformat.read({lesson!r}, 4)
setup = next(cell for cell in lesson.cells if cell.cell_type == "code")
figure = "plot.image_grid([torch.zeros(3, 8, 8, dtype=torch.uint8)])"
notebook = new_notebook(cells=[setup, new_code_cell(figure)])
nbformat.write(notebook, "00_figure.ipynb")
report, = run.run_lessons([run.Path("00_figure.ipynb").absolute()], run.Path("build"), save=True)
run.sys.exit(report.trouble or 0)
"""


def test_lesson_00_starts_without_warnings_where_the_home_is_a_file(environment, tmp_path):
    for name in ("HOME", "USERPROFILE", "TORCH_HOME", "HF_HOME"):
        environment.setenv(name, NO_HOME)
    (lesson,) = ROOT.glob("notebooks/00_*.ipynb")
    (tmp_path / "one_figure.py").write_text(ONE_FIGURE.format(lesson=str(lesson)))
    environment.setenv("PYTHONPATH", str(ROOT))
    hand_over = HAND_OVER.format(root=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", hand_over], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    cells = nbformat.read(tmp_path / "00_figure.ipynb", 4).cells
    assert cells[0].outputs == []
    (figure,) = cells[1].outputs
    assert "<img" in figure.data["text/html"], json.dumps(figure)
    assert list((tmp_path / "build" / "home" / "mplconfigdir").rglob("fontlist*.json"))
