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
from classroom import install
from tests.conftest import ROOT

# course.py as a script, making a .venv without pip, which takes most of the time; without a uv to
# be had, the installer is the stand-in for pip
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
if "uv>=0.9,<1" in sys.argv or "config" in sys.argv:
    sys.exit(1)
open("pip.log", "a").write(" ".join(sys.argv[2:]) + "\\n")
says = os.environ.get("PIP_SAYS", 0)
sys.exit(0 if "--upgrade" in sys.argv and "No matching" in str(says) else says)
"""
LOST = "ERROR: Could not find a version that satisfies the requirement torch (from versions: none)"
FULL = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"
OLD = (
    "ERROR: Could not find a version that satisfies the requirement torch==9 (from versions: 2)\n"
    "ERROR: No matching distribution found for torch==9"
)
OTHER = "WARNING: Retrying, Read timed out\nERROR: Invalid requirement"
INTERRUPT = """
def Popen(*arguments, **options): raise KeyboardInterrupt
subprocess.Popen = Popen
"""
SLOW_PIP = """
import os, pathlib, sys, time
if "uv>=0.9,<1" in sys.argv:
    sys.exit(1)
open("pip.log", "a").write("slow\\n")
while not pathlib.Path("go on").exists():
    time.sleep(0.05)
"""
LOCKED = f"-c {Path('build') / 'constraints.txt'}"
RAN = "ran ['run', '0']\n"


class Copy:
    """course.py in a folder of its own, with stand-ins for pip and for the classroom."""

    def __init__(self, folder: Path):
        self.folder, self.venv = folder, folder / ".venv"
        for name in ("notebooks", "classroom", "pip"):
            (folder / name).mkdir(parents=True)
        for name in ("notebooks/00_start_here.ipynb", *course.LISTS):
            (folder / name).touch()
        for name in ("course.py", "classroom/commands.py", "classroom/install.py"):
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

    def pip_calls(self) -> list[str]:
        """Returns what pip was asked to install, each time."""
        return (self.folder / "pip.log").read_text().splitlines()


@pytest.fixture
def copy(tmp_path):
    return Copy(tmp_path / "Kurs für alle")


def test_the_first_use_installs_and_the_next_hands_over_at_once(copy):
    first, second = copy.run(), copy.run()
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.startswith("Installing") and first.stdout.endswith(RAN)
    assert (second.stdout, second.stderr) == (RAN, "")
    assert copy.pip_calls() == [f"-r requirements.txt {LOCKED}"]


def test_what_the_tests_need_is_installed_when_they_are_first_run_and_kept_up_from_then(copy):
    copy.run()
    for _ in range(2):
        assert copy.run("test").stdout.endswith("ran ['test']\n")
    (copy.folder / "requirements.lock").write_text("a==1\n")
    copy.run()
    both = f"-r requirements.txt -r requirements-test.txt {LOCKED}"
    assert copy.pip_calls()[1:] == [both, both]


def test_what_was_wished_for_by_hand_stays_and_another_build_has_another_venv(copy):
    copy.run("--newest", "run", "--cpu", "0")
    kept = copy.venv / "kept"
    kept.touch()
    assert copy.run().stdout == copy.run("run", "0", "--cpu").stdout == RAN and kept.exists()
    assert copy.run("run", "0", "--gpu").stdout.endswith(RAN) and not kept.exists()
    assert copy.pip_calls() == ["-r requirements.txt --upgrade"] * 2


def test_two_builds_at_once_are_refused(copy):
    refused = copy.run("run", "--cpu", "--gpu")
    assert (refused.returncode, refused.stderr) == (1, f"{course.ONE_BUILD}\n")


def test_a_newer_python_than_the_tested_ones_is_told_so_and_gets_the_newest_packages(copy):
    newer = copy.run(setup="sys.version_info = (3, 99, 0)")
    assert newer.stdout.endswith(RAN)
    assert newer.stderr == course.UNTESTED.format(*course.TESTED, 3, 99) + "\n"
    assert copy.pip_calls() == ["-r requirements.txt --upgrade"]


def test_tests_that_cannot_be_installed_are_not_run_and_lessons_still_are(copy):
    copy.run()
    assert copy.run("test", PIP_SAYS=LOST).stderr == f"{install.NO_NETWORK}\n"
    assert copy.run().stdout == RAN


def test_changed_requirements_are_installed_on_top_and_serve_as_they_are_without_network(copy):
    copy.run()
    kept = copy.venv / "kept"
    kept.touch()
    (copy.folder / "requirements.txt").write_text("# more\n")
    offline = copy.run(PIP_SAYS=LOST)
    assert offline.stdout.endswith(RAN)
    assert offline.stderr == f"{install.NO_NETWORK} Until then the older packages are used.\n"
    assert copy.run().returncode == 0
    assert len(copy.pip_calls()) == 3 and kept.exists()


def test_an_index_without_a_locked_version_gives_its_newest_ones(copy):
    newest = copy.run(PIP_SAYS=OLD)
    assert newest.stdout.endswith(RAN) and newest.stderr == f"{install.UNKNOWN_VERSION}\n"
    assert copy.pip_calls() == [f"-r requirements.txt {LOCKED}", "-r requirements.txt --upgrade"]


def test_packages_come_from_the_wheels_of_a_bundle(copy):
    (copy.folder / "wheels").mkdir()
    lacking = copy.run(PIP_SAYS=LOST)
    assert (lacking.returncode, lacking.stderr) == (1, f"{install.NO_WHEELS}\n")
    assert f"--no-index --find-links {copy.folder / 'wheels'}" in copy.pip_calls()[0]


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
    assert len(copy.pip_calls()) == 1


def test_one_that_was_killed_while_it_installed_holds_nobody_up(copy):
    (copy.folder / "pip/__main__.py").write_text(SLOW_PIP)
    killed = copy.start()
    while not (copy.folder / "pip.log").exists():
        time.sleep(0.05)
    killed.kill()
    (copy.folder / "go on").touch()
    killed.communicate()
    assert copy.run().stdout.endswith(RAN) and len(copy.pip_calls()) == 2


def test_the_venv_of_a_lost_python_is_made_anew(copy):
    copy.run()
    (copy.venv / course.PYTHON.relative_to(course.VENV)).unlink()
    assert copy.run().stdout.endswith(RAN)
    assert len(copy.pip_calls()) == 2


@pytest.mark.parametrize(
    "says, message",
    [
        (LOST, install.NO_NETWORK),
        (FULL, install.DISK_FULL),
        (OTHER, f"{OTHER}\n{install.NOT_INSTALLED}"),
    ],
)
def test_a_first_installation_that_fails_says_why_and_is_taken_up_again(copy, says, message):
    failed = copy.run(PIP_SAYS=says)
    assert (failed.returncode, failed.stderr) == (1, f"{message}\n")
    assert copy.run().returncode == 0


@pytest.mark.parametrize(
    "setup, sentence",
    [
        ("sys.version_info = (3, 8)", "needs Python 3.11 or newer, and this is Python 3.8"),
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
