"""course.py in small copies of the course, in a folder with a space and an umlaut."""

import ast
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

import course

PRELUDE = """
import os, runpy, sys, venv
sys.path.insert(0, os.path.dirname({script!r}))  # as Python does for a script
if {fake_pip}:  # what takes time in making .venv is pip
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
FAKE_RUN = "import os, sys; print('ran', sys.argv[1:], os.environ.get('COURSE_DATA'))"


NOWHERE = {
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_FIND_LINKS": "",
    "PIP_INDEX_URL": "http://127.0.0.1:9",
    "PIP_RETRIES": "0",
}


def write_wheel(folder: Path, name: str, tag: str = "py3-none-any") -> None:
    """An empty module as a package that pip can install."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-1-{tag}.whl", "w") as wheel:
        about = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1"
        wheel.writestr(f"{name}.py", "")
        wheel.writestr(f"{name}-1.dist-info/METADATA", about)
        wheel.writestr(f"{name}-1.dist-info/WHEEL", f"Wheel-Version: 1.0\nTag: {tag}")
        wheel.writestr(f"{name}-1.dist-info/RECORD", "")


def restore_interrupt() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Copy:
    """course.py in a folder of its own, where `python -m pip` finds a stand-in for pip."""

    def __init__(self, folder: Path, fake_pip: bool = True):
        self.folder, self.fake_pip = folder, fake_pip
        self.venv, self.log = folder / ".venv", folder / "pip.log"
        for name in ("00_start_here", "01_hotdog", "10_later", "solutions/10_later"):
            self.write(f"notebooks/{name}.ipynb", "")
        self.write("classroom/__main__.py", FAKE_RUN)
        self.write("requirements.txt", "# nothing\n")
        self.write("pyproject.toml", "")
        if fake_pip:
            self.write("pip/__main__.py", FAKE_PIP)
        shutil.copy(course.__file__, folder)
        shutil.copy(Path(course.__file__).parent / "classroom" / "home.py", folder / "classroom")

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def start(self, *arguments: str, setup: str = "", **variables: str) -> subprocess.Popen:
        script = str(self.folder / "course.py")
        code = PRELUDE.format(script=script, setup=setup, fake_pip=self.fake_pip)
        kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "COURSE_DATA")}
        environment = kept | {"PIP_LOG": str(self.log)} | variables
        return subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            env=environment,
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


def test_first_use_installs_and_the_second_starts_at_once(copy):
    status, out, err = copy.run("run", "0", "--size", "tiny")
    assert (status, err, copy.pip_calls()) == (0, "", 1)
    assert "Installing" in out and out.endswith("ran ['run', '0', '--size', 'tiny'] None\n")
    begin = time.perf_counter()
    assert copy.run("run") == (0, "ran ['run'] None\n", "")
    assert time.perf_counter() - begin < 5  # pip and venv would take longer, but machines are busy
    assert copy.pip_calls() == 1


def test_real_pip_and_a_network_that_goes_away(tmp_path):
    copy = Copy(tmp_path / "Kurs für alle", fake_pip=False)
    write_wheel(copy.folder, "tiny")
    copy.write("requirements.txt", "./tiny-1-py3-none-any.whl\n")
    copy.write("classroom/__main__.py", "import tiny; print('tiny is here')")
    status, out, err = copy.run("run", **NOWHERE)
    assert status == 0, err
    assert "Successfully installed tiny-1" in out and out.endswith("tiny is here\n")
    copy.write("requirements.txt", "surely-not-here>=1\n")
    status, out, err = copy.run("run", **NOWHERE)
    assert status == 0 and out.endswith("tiny is here\n")
    assert err == f"{course.NO_NETWORK} Until then the older packages serve.\n"


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("sent, status", [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_interrupted_install_is_made_anew(copy, sent, status):
    process = copy.start("run", PIP_SLEEPS="60")
    while not copy.pip_calls():
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, sent)
    _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (status, "")
    half_done = copy.venv / "half done"
    half_done.touch()
    assert copy.run("run")[0] == 0
    assert copy.pip_calls() == 2 and not half_done.exists()


def test_changed_requirements_are_installed_on_top(copy):
    copy.run("run")
    kept = copy.venv / "kept"
    kept.touch()
    copy.write("requirements.txt", "# more\n")
    assert copy.run("run")[0] == 0
    assert copy.pip_calls() == 2 and kept.exists()


def test_venv_of_a_lost_python_is_made_anew(copy):
    copy.run("run")
    (copy.venv / "old").touch()
    (copy.venv / course.PYTHON.relative_to(course.VENV)).unlink()
    assert copy.run("run")[0] == 0
    assert copy.pip_calls() == 2 and not (copy.venv / "old").exists()


@pytest.mark.parametrize("version", [(3, 8, 18), (3, 10, 1), (3, 14, 0)])
def test_wrong_python(copy, version):
    status, _, err = copy.run("lab", setup=f"sys.version_info = {version}")
    assert status == 1 and is_one_sentence(err)
    assert "needs Python 3.11, 3.12 or 3.13" in err and f"{version[0]}.{version[1]}:" in err
    assert not copy.venv.exists()


def test_old_pythons_can_read_it():
    ast.parse(Path(course.__file__).read_text(encoding="utf-8"), feature_version=(3, 6))


def test_no_venv_module(copy):
    status, _, err = copy.run("run", setup="sys.modules['ensurepip'] = None")
    assert (status, err) == (1, course.NO_VENV + "\n") and is_one_sentence(err)


PASSED = "WARNING: Retrying, Read timed out\nERROR: Invalid requirement"
LOST = "ERROR: Could not find a version that satisfies the requirement torch (from versions: none)"
FULL = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"


@pytest.mark.parametrize("pip_says, told", [(LOST, course.NO_NETWORK), (FULL, course.DISK_FULL)])
def test_pip_fails_with_nothing_installed(copy, pip_says, told):
    status, _, err = copy.run("run", PIP_SAYS=pip_says)
    assert (status, err) == (1, told + "\n") and is_one_sentence(err)
    assert copy.run("run")[0] == 0  # and the next start takes it up again
    assert copy.pip_calls() == 2


def test_pip_fails_for_a_reason_of_its_own(copy):
    status, _, err = copy.run("run", PIP_SAYS=PASSED)
    assert (status, err) == (1, f"{PASSED}\n{course.NOT_INSTALLED}\n")


@pytest.mark.parametrize(
    "error, told",
    [("OSError(28, '')", "The disk is full"), ("PermissionError(13, 'no')", "cannot be set up")],
)
def test_venv_cannot_be_written(copy, error, told):
    setup = f"def fail(*args, **wishes): raise {error}\nvenv.create = fail"
    status, _, err = copy.run("run", setup=setup)
    assert status == 1 and told in err and is_one_sentence(err)


@pytest.mark.parametrize(
    "arguments, status, told",
    [
        (["run", "7"], 1, "no lesson '7'; choose one of 00_start_here, 01_hotdog, 10_later"),
        (["lab", "02_x"], 1, "no lesson '02_x'"),
        (["run", "solutions/0"], 1, "no lesson 'solutions/0'"),
        (["walk"], 2, "'walk'"),
        ([], 2, "COMMAND"),
        (["run", "--size", "huge"], 2, "'huge'"),
        (["run", "--fast"], 2, "--fast"),
        (["fetch"], 2, "NAME"),
        (["grade"], 2, "FOLDER"),
        (["bundle", "--all"], 2, "--all"),
        (["licences", "torch"], 2, "torch"),
        (["serve", "--port", "x"], 2, "'x'"),
    ],
)
def test_wrong_command_line_is_told_before_installing(copy, arguments, status, told):
    found, out, err = copy.run(*arguments)
    assert (found, out) == (status, "") and told in err and is_one_sentence(err)
    assert not copy.venv.exists()


def test_no_lessons(copy):
    shutil.rmtree(copy.folder / "notebooks")
    status, _, err = copy.run("run")
    assert status == 1 and "There are no lessons" in err and is_one_sentence(err)


def test_lessons_by_number_or_name(copy):
    def names(*wanted):
        found = course.find_lessons(list(wanted), copy.folder / "notebooks")
        return [p.relative_to(copy.folder / "notebooks").with_suffix("").as_posix() for p in found]

    everything = ["00_start_here", "01_hotdog", "10_later"]
    assert names() == everything
    assert names("1", "00") == ["01_hotdog", "00_start_here"]
    assert names("01_hot", "notebooks/01_hotdog.ipynb", "10") == ["01_hotdog", "10_later"]
    assert names("solutions/10", "notebooks/solutions/10_later.ipynb") == ["solutions/10_later"]
    assert names("10", "solutions/10_l") == ["10_later", "solutions/10_later"]


def test_relative_data_folder_is_the_callers(copy):
    _, out, _ = copy.run("run", COURSE_DATA="my data")
    assert out.endswith(f"ran ['run'] {copy.folder.parent / 'my data'}\n")


@pytest.fixture
def handed(monkeypatch, copy):
    """What main would have handed over to, in place of doing it."""

    def take(*command):
        raise SystemExit(list(command))

    monkeypatch.setattr(course, "ensure_installed", lambda: None)
    monkeypatch.setattr(course, "hand_over", take)
    monkeypatch.setattr(course, "NOTEBOOKS", copy.folder / "notebooks")
    monkeypatch.setattr(course.find_lessons, "__defaults__", (copy.folder / "notebooks",))
    monkeypatch.setattr(os, "environ", dict(os.environ, COURSE_SIZE="full"))

    def main(*argv):
        with pytest.raises(SystemExit) as caught:
            course.main(list(argv))
        return caught.value.code

    return main


def test_lab_opens_the_lessons(handed, copy):
    notebooks = copy.folder / "notebooks"
    settings = f"--LabApp.app_settings_dir={course.ROOT / 'classroom' / 'lab'}"
    assert handed("lab") == ["jupyterlab", settings, str(notebooks)]
    assert handed("lab", "1", "--no-browser") == [
        "jupyterlab",
        "--no-browser",
        settings,
        str(notebooks / "01_hotdog.ipynb"),
    ]


def test_test_runs_everything_or_what_is_asked(handed, copy):
    copy.write("notebooks/solutions/08_task.ipynb", "")
    names = ("00_start_here", "01_hotdog", "10_later", "solutions/08_task")
    notebooks = [str(copy.folder / "notebooks" / f"{name}.ipynb") for name in names]
    options = ["--nbval-lax", "--nbval-current-env", "-n", "2"]
    assert handed("test") == ["pytest", *options, *notebooks, "tests"]
    assert os.environ.pop("COURSE_SIZE") == "full"
    assert handed("test", "-k", "freeze", "--lf") == ["pytest", "-k", "freeze", "--lf"]
    assert os.environ["COURSE_SIZE"] == "drawn"


def test_the_folder_to_grade_is_the_callers(handed, copy, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    out = str(course.ROOT / "build" / "grades.csv")
    command = ["classroom", "grade", str(tmp_path / "class"), "--minutes", "10.0", "--out", out]
    assert handed("grade", "class") == command


def test_the_folder_of_a_bundle_is_the_callers(handed, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert handed("bundle") == ["classroom", "bundle", str(course.ROOT / "build" / "bundle")]
    there = str(tmp_path / "stick")
    assert handed("bundle", "stick", "--no-wheels") == ["classroom", "bundle", there, "--no-wheels"]


def test_fetch_is_handed_over(handed):
    assert handed("fetch", "hotdog") == ["classroom", "fetch", "hotdog"]


def test_the_folder_to_serve_is_the_callers_or_the_courses(handed, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    data = str(course.ROOT / "data")
    assert handed("serve") == ["classroom", "serve", data, "--port", "8000"]
    wanted = ["classroom", "serve", str(tmp_path / "here"), "--port", "9"]
    assert handed("serve", "here", "--port", "9") == wanted
