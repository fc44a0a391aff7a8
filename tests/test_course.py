"""course.py in small copies of the course, in a folder with a space and an umlaut."""

import ast
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import course
from tests.conftest import ROOT

# course.py as a script, making a .venv without pip, which takes most of the time
PRELUDE = """
import os, runpy, signal, sys, venv
signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background ignore Ctrl-C
sys.path.insert(0, {folder!r})
make = venv.create
venv.create = lambda folder, **wishes: make(folder, **wishes | dict(with_pip=False))
{setup}
runpy.run_path({folder!r} + "/course.py", run_name="__main__")
"""
PIP = """
import os, sys, time
open("pip.log", "a").write("x")
time.sleep(float(os.environ.get("PIP_SLEEPS", 0)))
sys.exit(os.environ.get("PIP_SAYS", 0))
"""
LOST = "ERROR: Could not find a version that satisfies the requirement torch (from versions: none)"
FULL = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"
OTHER = "WARNING: Retrying, Read timed out\nERROR: Invalid requirement"
RAN = "ran ['run', '0']\n"


class Copy:
    """course.py in a folder of its own, with stand-ins for pip and for the classroom."""

    def __init__(self, folder: Path):
        self.folder, self.venv = folder, folder / ".venv"
        for name in ("notebooks", "classroom", "pip"):
            (folder / name).mkdir(parents=True)
        for name in ("notebooks/00_start_here.ipynb", "requirements.txt", "pyproject.toml"):
            (folder / name).touch()
        for name in ("course.py", "classroom/commands.py"):
            shutil.copy(ROOT / name, folder / name)
        (folder / "pip/__main__.py").write_text(PIP)
        (folder / "classroom/__main__.py").write_text("import sys; print('ran', sys.argv[1:])")

    def start(self, *arguments: str, setup: str = "", **variables: str) -> subprocess.Popen:
        code = PRELUDE.format(folder=str(self.folder), setup=setup)
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            env=inherited | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, **how: str) -> tuple[int, str, str]:
        """Runs a command, by default `run 0`; returns its exit status, stdout, stderr."""
        process = self.start(*arguments or ("run", "0"), **how)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def pip_calls(self) -> int:
        log = self.folder / "pip.log"
        return len(log.read_text()) if log.exists() else 0


@pytest.fixture
def copy(tmp_path):
    return Copy(tmp_path / "Kurs für alle")


def test_the_first_use_installs_and_the_next_hands_over_at_once(copy):
    status, out, err = copy.run()
    assert (status, err) == (0, "")
    assert course.DOWNLOAD in out and out.endswith(RAN)
    assert copy.run() == (0, RAN, "")
    assert copy.pip_calls() == 1


def test_changed_requirements_are_installed_on_top_and_serve_as_they_are_without_network(copy):
    copy.run()
    kept = copy.venv / "kept"
    kept.touch()
    (copy.folder / "requirements.txt").write_text("# more\n")
    status, out, err = copy.run(PIP_SAYS=LOST)
    assert status == 0 and out.endswith(RAN)
    assert err == f"{course.NO_NETWORK} Until then the older packages serve.\n"
    assert copy.run()[0] == 0
    assert copy.pip_calls() == 3 and kept.exists()


def test_packages_come_from_the_wheels_of_a_bundle(copy):
    (copy.folder / "wheels").mkdir()
    status, out, err = copy.run(PIP_SAYS=LOST)
    assert (status, err) == (1, f"{course.NO_WHEELS}\n")
    assert course.DOWNLOAD not in out


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_an_interrupted_installation_is_made_anew(copy):
    process = copy.start("run", "0", PIP_SLEEPS="60")
    while not copy.pip_calls():
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (130, "")
    half_done = copy.venv / "half done"
    half_done.touch()
    assert copy.run()[0] == 0 and not half_done.exists()


def test_the_venv_of_a_lost_python_is_made_anew(copy):
    copy.run()
    (copy.venv / course.PYTHON.relative_to(course.VENV)).unlink()
    assert copy.run()[0] == 0
    assert copy.pip_calls() == 2


@pytest.mark.parametrize(
    "says, message",
    [
        (LOST, course.NO_NETWORK),
        (FULL, course.DISK_FULL),
        (OTHER, f"{OTHER}\n{course.NOT_INSTALLED}"),
    ],
)
def test_a_first_installation_that_fails_says_why_and_the_next_start_takes_it_up(
    copy, says, message
):
    status, _, err = copy.run(PIP_SAYS=says)
    assert (status, err) == (1, f"{message}\n")
    assert copy.run()[0] == 0


@pytest.mark.parametrize(
    "setup, sentence",
    [
        ("sys.version_info = (3, 8)", "needs Python 3.11, 3.12 or 3.13, and this is Python 3.8"),
        ("sys.modules['ensurepip'] = None", course.NO_VENV),
        ("def make(*args, **wishes): raise PermissionError(13, 'no')", "cannot be set up"),
    ],
)
def test_a_machine_that_cannot_hold_the_course_is_told_so_in_a_sentence(copy, setup, sentence):
    status, _, err = copy.run(setup=setup)
    assert status == 1 and sentence in err and err.count("\n") == 1


@pytest.mark.parametrize(
    "command, status, words",
    [("walk", 2, "'walk'"), ("run 7", 1, "no lesson '7'"), ("--help", 0, "open the lessons")],
)
def test_a_wrong_command_and_help_are_answered_before_installing(copy, command, status, words):
    returned, out, err = copy.run(*command.split())
    assert returned == status and words in out + err
    assert not copy.venv.exists()


def test_old_pythons_can_read_it():
    ast.parse(Path(course.__file__).read_text(encoding="utf-8"), feature_version=(3, 6))
