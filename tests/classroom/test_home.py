"""Homes that cannot be written to, as in computer pools."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from classroom import home

ROOT = Path(__file__).parents[2]
NO_HOME = os.path.join(os.devnull, "home")  # not even root can make a folder there


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """A home that can be written to; its folders are not there yet."""
    for name in (*home.USUAL, *home.KEPT_IN):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    return monkeypatch


def test_a_good_home_is_left_alone(environment, tmp_path):
    assert home.find_homes(tmp_path / "build") == {}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "lost", [("HOME", "USERPROFILE"), *((name,) for name in home.USUAL)], ids=lambda lost: lost[0]
)
def test_a_home_that_cannot_be_written_to_is_replaced(environment, tmp_path, lost):
    for name in lost:
        environment.setenv(name, NO_HOME)
    environment.setenv("IPYTHONDIR", "the user's own")
    homes = home.find_homes(tmp_path / "build")
    assert set(homes) == {"MPLCONFIGDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"}
    assert all(Path(folder).is_dir() for folder in homes.values())


def test_a_figure_is_drawn_without_a_warning_where_there_is_no_home(environment, tmp_path):
    for name in ("HOME", "USERPROFILE"):
        environment.setenv(name, NO_HOME)
    environment.setenv("PYTHONPATH", str(ROOT))
    code = (
        "import os, sys, pathlib; from classroom.home import find_homes; "
        "os.environ.update(find_homes(pathlib.Path(sys.argv[1]))); "
        "import IPython.paths; IPython.paths.get_ipython_dir(); import matplotlib.font_manager"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "homes")]
    run = subprocess.run(command, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
    assert list((tmp_path / "homes" / "mplconfigdir").rglob("fontlist*.json"))
