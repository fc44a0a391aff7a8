"""The command line of course.py, and what the classroom starts for it."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from classroom import commands
from classroom.__main__ import LAB, main


@pytest.fixture
def lessons(tmp_path, monkeypatch):
    """A few empty lessons in place of the real ones."""
    for name in ("00_start_here", "01_hotdog", "10_later", "solutions/08_task"):
        path = tmp_path / f"{name}.ipynb"
        path.parent.mkdir(exist_ok=True)
        path.touch()
    monkeypatch.setattr(commands, "NOTEBOOKS", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "names, stems",
    [
        ([], ["00_start_here", "01_hotdog", "10_later"]),
        (["1", "00", "01_h"], ["01_hotdog", "00_start_here"]),
        (["notebooks/01_hotdog.ipynb"], ["01_hotdog"]),
        (["10", "solutions/8"], ["10_later", "solutions/08_task"]),
    ],
)
def test_lessons_are_found_by_number_or_name(lessons, names, stems):
    assert commands.find_lessons(names) == [lessons / f"{stem}.ipynb" for stem in stems]


@pytest.mark.parametrize(
    "line, words",
    [
        ("", "required: COMMAND"),
        ("jump", "'jump'"),
        ("run 99", "no lesson '99'; choose one of 00_start_here, 01_hotdog, 10_later"),
        ("run ../../etc", "no lesson '../../etc'"),
        ("run --size huge", "'huge'"),
        ("lab 00 01", "lab does not know 01"),
        ("fetch hotdog --size drawn", "'drawn'"),
        ("grade", "FOLDER"),
        ("grade x --minutes nan", "'nan'"),
        ("bundle --all", "bundle does not know --all"),
        ("class --port 70000", "'70000'"),
        ("slides 99", "no lesson '99'"),
        ("check-room 01", "check-room does not know 01"),
    ],
)
def test_a_wrong_command_line_is_told_in_a_line(lessons, capsys, line, words):
    with pytest.raises(SystemExit) as caught:
        commands.parse(line.split())
    message = capsys.readouterr().err or f"{caught.value.code}\n"
    assert words in message and message.count("\n") == 1


@pytest.fixture
def started(lessons, monkeypatch, tmp_path):
    """started(...): what one command line hands to JupyterLab or pytest."""
    from jupyterlab.labapp import LabApp

    calls = []
    monkeypatch.setattr(LabApp, "launch_instance", calls.append)
    monkeypatch.setattr(pytest, "main", lambda options: calls.append(options) or 0)
    monkeypatch.setattr(os, "environ", dict(os.environ, COURSE_DATA="my data"))
    monkeypatch.chdir(tmp_path)  # and back to where it was, after a command has changed it

    def start(*argv: str) -> list[str]:
        assert main(list(argv)) == 0
        return calls.pop()

    return start


def test_lab_opens_the_lessons_or_one_of_them_with_options_of_jupyterlab(started, lessons):
    assert (commands.ROOT / "classroom" / "lab" / "overrides.json").is_file()
    assert started("lab") == [*LAB, str(lessons)]
    lesson = str(lessons / "01_hotdog.ipynb")
    assert started("lab", "1", "--no-browser") == [*LAB, "--no-browser", lesson]


def test_commands_run_in_this_python_on_the_data_that_the_caller_named(started, tmp_path):
    started("lab")
    assert os.environ["JUPYTER_PREFER_ENV_PATH"] == "1"
    assert os.environ["COURSE_DATA"] == str(tmp_path / "my data")


def test_test_runs_the_lessons_and_all_tests_but_the_slow_ones_or_pytest_as_told(started, lessons):
    options = ["--nbval-lax", "--nbval-current-env", "-n", "2", "-m", "not slow"]
    names = ("00_start_here", "01_hotdog", "10_later")
    assert started("test") == [*options, *(str(lessons / f"{n}.ipynb") for n in names), "tests"]
    assert (Path.cwd(), os.environ["COURSE_SIZE"]) == (commands.ROOT, "smoke")
    assert started("test", "-k", "freeze", "--help") == ["-k", "freeze", "--help"]


@pytest.mark.slow
def test_lessons_among_the_tests_run_at_the_size_smoke(tmp_path):
    source = "import os; assert os.environ['COURSE_SIZE'] == 'smoke'"
    lesson = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    lesson.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(lesson, tmp_path / "11_size.ipynb")
    options = ["--nbval-lax", "--nbval-current-env", "-n", "0", "-p", "no:cacheprovider"]
    here = str(Path(__file__).parents[1] / "helpers" / "test_stages.py")  # brings tests/conftest.py
    command = [sys.executable, "-m", "classroom", "test", *options]
    environment = {k: v for k, v in os.environ.items() if k != "COURSE_SIZE"}
    run = subprocess.run(
        [*command, str(tmp_path / "11_size.ipynb"), here, "-k", "11_size or Cell"],
        cwd=commands.ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout
    assert "1 passed" in run.stdout


def test_commands_are_read_with_the_standard_library_alone():
    """course.py reads them before anything is installed."""
    code = "import sys, classroom.commands; print(*{n.partition('.')[0] for n in sys.modules})"
    run = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True)
    modules = set(run.stdout.split())
    assert "classroom" in modules
    assert modules <= set(sys.stdlib_module_names) | {"__main__", "classroom"}
