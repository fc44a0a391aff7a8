"""`python -m classroom COMMAND ...`: what course.py hands over to, in the Python of .venv."""

import importlib
import os
import sys

from classroom import commands, home

ROOT = commands.ROOT
LAB = [  # without the pop-up of news; uploads of photographs
    f"--LabApp.app_settings_dir={ROOT / 'classroom' / 'lab'}",
    "--ServerApp.tornado_settings={'websocket_max_message_size': 400_000_000}",
]
MODULES = {"class": "server", "check-room": "check_room"}  # the others are named like the command


def main(argv: list[str]) -> int:
    """Runs one command and returns its exit status."""
    arguments = commands.parse(argv)
    os.environ.update(home.find_homes(ROOT / "build" / "home"))
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"  # a kernel "python3" in the home is another Python
    if os.environ.get("COURSE_DATA"):  # lessons run in another folder than this one
        os.environ["COURSE_DATA"] = os.path.abspath(os.environ["COURSE_DATA"])
    if arguments.command == "lab":
        return lab([*arguments.options, str(arguments.place)])
    if arguments.command == "test":
        return test(arguments.options)
    module = MODULES.get(arguments.command, arguments.command)
    return importlib.import_module(f"classroom.{module}").main(arguments)


def lab(options: list[str]) -> int:
    from jupyterlab.labapp import LabApp

    return LabApp.launch_instance([*LAB, *options]) or 0


def test(options: list[str]) -> int:
    """Runs pytest: with these options, or over the lessons and all tests but the slow ones."""
    import pytest

    os.chdir(ROOT)
    os.environ.setdefault("COURSE_SIZE", "smoke")  # every cell, in little time
    os.environ["COURSE_PROGRESS"] = ""  # tests neither know nor change what a student has solved
    os.environ["COURSE_CLASS"] = ""  # and nobody else hears of them
    threads = str(max(1, (os.cpu_count() or 1) // 2))  # for each of two processes
    os.environ.setdefault("OMP_NUM_THREADS", threads)
    if not options:
        notebooks = commands.find_lessons([])  # the slow tests run the solutions
        processes = ["--nbval-lax", "--nbval-current-env", "-n", "2", "-m", "not slow"]
        options = [*processes, *map(str, notebooks), "tests"]
    return int(pytest.main(options))


if __name__ == "__main__":
    try:
        status = main(sys.argv[1:])
    except KeyboardInterrupt:
        print(flush=True)
        os._exit(130)  # sys.exit would run clean-ups of kernels that are gone
    except OSError as error:
        if error.filename is None:  # about no file
            raise
        place = str(error.filename).removesuffix(".part")  # on its way to becoming that file
        sys.exit(
            f"{place} cannot be read or written ({error.strerror}): check that you may, and that "
            "the disk is not full."
        )
    sys.exit(status)
