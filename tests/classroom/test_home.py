"""Homes that cannot be written to, as in computer pools."""

import os
import subprocess
import sys

import pytest

from classroom import home

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


def test_one_folder_that_cannot_be_written_to_is_enough_and_the_users_own_choice_stays(
    environment, tmp_path
):
    environment.setenv("XDG_CACHE_HOME", NO_HOME)
    environment.setenv("IPYTHONDIR", "the user's own")
    homes = home.find_homes(tmp_path / "homes")
    assert set(homes) == {"MPLCONFIGDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"}


def test_a_figure_is_drawn_without_a_warning_where_there_is_no_home(environment, tmp_path):
    for name in ("HOME", "USERPROFILE"):
        environment.setenv(name, NO_HOME)
    code = "import IPython.paths; IPython.paths.get_ipython_dir(); import matplotlib.font_manager"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | home.find_homes(tmp_path / "homes"),
        capture_output=True,
        text=True,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert list((tmp_path / "homes" / "mplconfigdir").rglob("fontlist*.json"))
