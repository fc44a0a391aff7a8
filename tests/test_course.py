"""course.py in small copies of the course, in a folder with a space and an umlaut."""

import ast
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import course
from tests.conftest import ROOT

# course.py as a script, making a .venv without pip, which takes most of the time
PRELUDE = """
import runpy, subprocess, sys, venv
sys.path.insert(0, {folder!r})
make = venv.create
venv.create = lambda folder, **wishes: make(folder, **wishes | dict(with_pip=False))
{setup}
runpy.run_path({folder!r} + "/course.py", run_name="__main__")
"""
PIP = """
import os, sys
open("pip.log", "a").write("x")
sys.exit(os.environ.get("PIP_SAYS", 0))
"""
LOST = "ERROR: Could not find a version that satisfies the requirement torch (from versions: none)"
FULL = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"
OTHER = "WARNING: Retrying, Read timed out\nERROR: Invalid requirement"
INTERRUPT = """
def Popen(*arguments, **options): raise KeyboardInterrupt
subprocess.Popen = Popen
"""
SLOW_PIP = """
import os, pathlib, sys, time
open("pip.log", "a").write("x")
while not pathlib.Path("go on").exists():
    time.sleep(0.05)
"""
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
        """Starts a command, by default `run 0`, after `setup` in the same Python."""
        code = PRELUDE.format(folder=str(self.folder), setup=setup)
        command = [sys.executable, "-c", code, *(arguments or ("run", "0"))]
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, env=inherited | variables, **pipes)

    def run(self, *arguments: str, **options: str) -> subprocess.CompletedProcess:
        """Runs a command to its end, see `start`."""
        process = self.start(*arguments, **options)
        output = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, *output)

    def pip_calls(self) -> int:
        return len((self.folder / "pip.log").read_text())


@pytest.fixture
def copy(tmp_path):
    return Copy(tmp_path / "Kurs für alle")


def test_the_first_use_installs_and_the_next_hands_over_at_once(copy):
    first, second = copy.run(), copy.run()
    assert (first.returncode, first.stderr) == (0, "")
    assert course.DOWNLOAD in first.stdout and first.stdout.endswith(RAN)
    assert (second.stdout, second.stderr) == (RAN, "")
    assert copy.pip_calls() == 1


def test_changed_requirements_are_installed_on_top_and_serve_as_they_are_without_network(copy):
    copy.run()
    kept = copy.venv / "kept"
    kept.touch()
    (copy.folder / "requirements.txt").write_text("# more\n")
    offline = copy.run(PIP_SAYS=LOST)
    assert offline.stdout.endswith(RAN)
    assert offline.stderr == f"{course.NO_NETWORK} Until then the older packages are used.\n"
    assert copy.run().returncode == 0
    assert copy.pip_calls() == 3 and kept.exists()


def test_packages_come_from_the_wheels_of_a_bundle(copy):
    (copy.folder / "wheels").mkdir()
    lacking = copy.run(PIP_SAYS=LOST)
    assert (lacking.returncode, lacking.stderr) == (1, f"{course.NO_WHEELS}\n")
    assert course.DOWNLOAD not in lacking.stdout


def test_an_interrupted_installation_is_made_anew(copy):
    interrupted = copy.run(setup=INTERRUPT)
    assert (interrupted.returncode, interrupted.stderr) == (130, "")
    half_done = copy.venv / "half done"
    half_done.touch()
    assert copy.run().returncode == 0 and not half_done.exists()


def test_two_at_the_first_use_install_once_and_the_second_says_that_it_waits(copy):
    (copy.folder / "pip/__main__.py").write_text(SLOW_PIP)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(copy.run)
        while not (copy.folder / "pip.log").exists():
            time.sleep(0.05)
        second = copy.start()
        told = second.stdout.readline()
        (copy.folder / "go on").touch()
        rest = second.communicate(timeout=60)
    assert told == "Another course.py is installing into .venv: waiting for it.\n"
    assert rest == (RAN, "") and first.result().stdout.endswith(RAN)
    assert copy.pip_calls() == 1


def test_one_that_was_killed_while_it_installed_holds_nobody_up(copy):
    (copy.folder / "pip/__main__.py").write_text(SLOW_PIP)
    killed = copy.start()
    while not (copy.folder / "pip.log").exists():
        time.sleep(0.05)
    killed.kill()
    (copy.folder / "go on").touch()
    killed.communicate()
    assert copy.run().stdout.endswith(RAN) and copy.pip_calls() == 2


def test_the_venv_of_a_lost_python_is_made_anew(copy):
    copy.run()
    (copy.venv / course.PYTHON.relative_to(course.VENV)).unlink()
    assert copy.run().stdout.endswith(RAN)
    assert copy.pip_calls() == 2


@pytest.mark.parametrize(
    "says, message",
    [
        (LOST, course.NO_NETWORK),
        (FULL, course.DISK_FULL),
        (OTHER, f"{OTHER}\n{course.NOT_INSTALLED}"),
    ],
)
def test_a_first_installation_that_fails_says_why_and_is_taken_up_again(copy, says, message):
    failed = copy.run(PIP_SAYS=says)
    assert (failed.returncode, failed.stderr) == (1, f"{message}\n")
    assert copy.run().returncode == 0


@pytest.mark.parametrize(
    "setup, sentence",
    [
        ("sys.version_info = (3, 8)", "needs Python 3.11, 3.12 or 3.13, and this is Python 3.8"),
        ("sys.modules['ensurepip'] = None", course.NO_VENV),
        ("def make(*args, **wishes): raise PermissionError(13, 'no')", "cannot be set up"),
    ],
)
def test_a_machine_that_cannot_hold_the_course_is_told_so_in_a_sentence(copy, setup, sentence):
    refused = copy.run(setup=setup)
    assert refused.returncode == 1
    assert sentence in refused.stderr and refused.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "command, status, words",
    [("walk", 2, "'walk'"), ("run 7", 1, "no lesson '7'"), ("--help", 0, "open the lessons")],
)
def test_a_wrong_command_and_help_are_answered_before_installing(copy, command, status, words):
    answered = copy.run(*command.split())
    assert answered.returncode == status and words in answered.stdout + answered.stderr
    assert not copy.venv.exists()


def test_old_pythons_can_read_it():
    ast.parse(Path(course.__file__).read_text(encoding="utf-8"), feature_version=(3, 6))
