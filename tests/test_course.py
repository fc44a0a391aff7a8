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

# course.py as a script, making a .venv without pip, which takes most of the time
PRELUDE = """
import os, runpy, sys, venv
sys.path.insert(0, os.path.dirname({script!r}))
make = venv.create
venv.create = lambda folder, **wishes: make(folder, **wishes | dict(with_pip=False))
{setup}
runpy.run_path({script!r}, run_name="__main__")
"""
FAKE_PIP = """
import os, sys, time
open(os.environ["PIP_LOG"], "a").write("x")
time.sleep(float(os.environ.get("PIP_SLEEPS", 0)))
sys.exit(os.environ.get("PIP_SAYS", 0))
"""
FAIL = "def fail(*args, **wishes): raise {}\nvenv.create = fail"
FAKE_CLASSROOM = "import os, sys; print('ran', sys.argv[1:], os.getcwd())"
LOST = "ERROR: Could not find a version that satisfies the requirement torch (from versions: none)"
FULL = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"
OTHER = "WARNING: Retrying, Read timed out\nERROR: Invalid requirement"


def restore_interrupt() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Copy:
    """course.py in a folder of its own, with stand-ins for pip and for the classroom."""

    def __init__(self, folder: Path):
        self.folder, self.venv, self.log = folder, folder / ".venv", folder / "pip.log"
        for name in ("notebooks/00_start_here.ipynb", "requirements.txt", "pyproject.toml"):
            self.write(name, "")
        self.write("pip/__main__.py", FAKE_PIP)
        self.write("classroom/__main__.py", FAKE_CLASSROOM)
        real = Path(course.__file__).parent
        shutil.copy(real / "course.py", folder)
        shutil.copy(real / "classroom" / "commands.py", folder / "classroom")

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def start(self, *arguments: str, setup: str = "", **variables: str) -> subprocess.Popen:
        code = PRELUDE.format(script=str(self.folder / "course.py"), setup=setup)
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            env=inherited | {"PIP_LOG": str(self.log)} | variables,
            cwd=self.folder.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # a job in the background ignores Ctrl-C, and its children would inherit that
            preexec_fn=None if os.name == "nt" else restore_interrupt,
        )

    def run(self, *arguments: str, **how: str) -> tuple[int, str, str]:
        """Exit status, stdout, stderr."""
        process = self.start(*arguments, **how)
        out, err = process.communicate(timeout=60)
        assert "Traceback" not in err
        return process.returncode, out, err

    def pip_calls(self) -> int:
        return len(self.log.read_text()) if self.log.exists() else 0


@pytest.fixture
def copy(tmp_path):
    return Copy(tmp_path / "Kurs für alle")


def is_one_sentence(text: str) -> bool:
    return text.endswith(".\n") and text.count("\n") == 1


def test_the_first_use_installs_and_the_next_hands_over_at_once(copy):
    handed_over = f"ran ['run', '0', '--size', 'tiny'] {copy.folder.parent}\n"
    status, out, err = copy.run("run", "0", "--size", "tiny")
    assert (status, err, copy.pip_calls()) == (0, "", 1)
    assert "Installing" in out and course.DOWNLOAD in out and out.endswith(handed_over)
    assert copy.run("run", "0", "--size", "tiny") == (0, handed_over, "")
    assert copy.pip_calls() == 1


def test_changed_requirements_are_installed_on_top_and_serve_as_they_are_without_network(copy):
    copy.run("site")
    kept = copy.venv / "kept"
    kept.touch()
    copy.write("requirements.txt", "# more\n")
    status, out, err = copy.run("site", PIP_SAYS=LOST)
    assert status == 0 and "ran ['site']" in out
    assert err == f"{course.NO_NETWORK} Until then the older packages are used.\n"
    assert copy.run("site")[0] == 0
    assert copy.pip_calls() == 3 and kept.exists()


def test_packages_come_from_the_wheels_of_a_bundle(copy):
    (copy.folder / "wheels").mkdir()
    status, out, err = copy.run("site", PIP_SAYS=LOST)
    assert (status, err) == (1, f"{course.NO_WHEELS}\n") and is_one_sentence(err)
    assert course.DOWNLOAD not in out


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("sent, status", [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_an_interrupted_installation_is_made_anew(copy, sent, status):
    process = copy.start("site", PIP_SLEEPS="60")
    while not copy.pip_calls():
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, sent)
    _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (status, "")
    half_done = copy.venv / "half done"
    half_done.touch()
    assert copy.run("site")[0] == 0
    assert copy.pip_calls() == 2 and not half_done.exists()


def test_the_venv_of_a_lost_python_is_made_anew(copy):
    copy.run("site")
    (copy.venv / "old").touch()
    (copy.venv / course.PYTHON.relative_to(course.VENV)).unlink()
    assert copy.run("site")[0] == 0
    assert copy.pip_calls() == 2 and not (copy.venv / "old").exists()


@pytest.mark.parametrize("says, sentence", [(LOST, course.NO_NETWORK), (FULL, course.DISK_FULL)])
def test_a_first_installation_that_fails_is_one_sentence(copy, says, sentence):
    status, _, err = copy.run("site", PIP_SAYS=says)
    assert (status, err) == (1, f"{sentence}\n") and is_one_sentence(err)
    assert copy.run("site")[0] == 0  # and the next start takes it up again


def test_what_else_pip_says_is_shown(copy):
    status, _, err = copy.run("site", PIP_SAYS=OTHER)
    assert (status, err) == (1, f"{OTHER}\n{course.NOT_INSTALLED}\n")


@pytest.mark.parametrize(
    "setup, sentence",
    [
        (
            "sys.version_info = (3, 8, 18)",
            "needs Python 3.11, 3.12 or 3.13, and this is Python 3.8",
        ),
        ("sys.version_info = (3, 14, 0)", "needs Python 3.11, 3.12 or 3.13, and this is"),
        ("sys.modules['ensurepip'] = None", course.NO_VENV),
        (FAIL.format("OSError(28, '')"), "The disk is full"),
        (FAIL.format("PermissionError(13, 'no')"), "cannot be set up"),
    ],
)
def test_a_machine_that_cannot_hold_the_course_is_told_so_in_a_sentence(copy, setup, sentence):
    status, _, err = copy.run("site", setup=setup)
    assert status == 1 and sentence in err and is_one_sentence(err)


def test_old_pythons_can_read_it():
    ast.parse(Path(course.__file__).read_text(encoding="utf-8"), feature_version=(3, 6))


@pytest.mark.parametrize(
    "arguments, status, words", [(["walk"], 2, "'walk'"), (["run", "7"], 1, "no lesson '7'")]
)
def test_a_wrong_command_line_is_told_before_installing(copy, arguments, status, words):
    returned, out, err = copy.run(*arguments)
    assert (returned, out) == (status, "") and words in err and is_one_sentence(err)
    assert not copy.venv.exists()


def test_help_needs_no_installation(copy):
    status, out, err = copy.run("--help")
    assert (status, err) == (0, "") and "open the lessons in JupyterLab" in out
    assert not copy.venv.exists()
