#!/usr/bin/env python3
"""The course's one command.

    python3 course.py lab [NN]          open the lessons, or lesson NN, in JupyterLab
    python3 course.py run [NN ...]      execute lessons: a table, HTML pages, build/results.json
                                        (solutions/NN: the solution of lesson NN)
    python3 course.py test [ARGS ...]   run all tests but the slow ones, or pytest with ARGS
    python3 course.py fetch NAME        download a data set or the weights of a network
    python3 course.py grade FOLDER      run handed-in notebooks, write build/grades.csv
    python3 course.py bundle [FOLDER]   copy the course and its packages, to install offline
    python3 course.py site              write the lessons as pages for a phone into build/site/
    python3 course.py class [FILE]      show on the wall what the students of a room guess
    python3 course.py slides [NN ...]   write lessons as slides into build/slides/
    python3 course.py check-room        say whether this computer is ready for a class

The first use installs what the lessons need into .venv, beside this file; the commands themselves
live in classroom/. This file uses only the standard library and the syntax of Python 3.6: an old
Python must get as far as the sentence that asks for a newer one.
"""

import contextlib
import errno
import hashlib
import os
import runpy
import subprocess
import sys
import time
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    import msvcrt

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "installed"  # written last: a .venv without it was interrupted and is rebuilt
LOCK = ROOT / "build" / "install.lock"  # held by the one that installs, until its process ends
WHEELS = ROOT / "wheels"  # made by `bundle`: the packages, for machines without a network

# glibc on Linux asks for memory in pages of 2 MB, not 4 KB, in each process that starts with this:
# an epoch on a processor took about two thirds of the time; other systems ignore it
HUGE_PAGES = "glibc.malloc.hugetlb=1"

DOWNLOAD = "Linux downloads about 3 GB, macOS and Windows about 0.5 GB."
NO_VENV = (
    "This Python cannot make a virtual environment: install its venv module "
    "(on Debian and Ubuntu: sudo apt install python3-venv) and run the same command again."
)
DISK_FULL = (
    "The disk is full: free some space (about 8 GB on Linux, 2 GB on macOS and Windows) "
    "and run the same command again."
)
NO_NETWORK = (
    "The course's packages could not be downloaded: check the network (or the proxy, or "
    "pip's own settings) and run the same command again; what has been downloaded is kept."
)
NO_WHEELS = (
    "The folder wheels lacks packages for this Python ({}.{}) or system: run `course.py bundle` on "
    "a machine like this one to add them, or rename the folder to download the packages."
).format(*sys.version_info)
NOT_INSTALLED = "The installation failed; pip's message above says why."


def main(argv):
    """Runs one command line; the process exits with the command's status."""
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        sys.exit(
            "The course needs Python 3.11, 3.12 or 3.13, and this is Python {}.{}: install one "
            "from python.org and start course.py with it.".format(*sys.version_info)
        )
    try:
        if stamp() != fingerprint():
            # a wrong command ends here, before a long installation
            runpy.run_path(str(ROOT / "classroom" / "commands.py"), run_name="__main__")
            with alone():
                if stamp() != fingerprint():  # unless another one has just installed
                    install()
        hand_over(argv)
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            sys.exit(DISK_FULL)
        sys.exit(f"{VENV} cannot be set up ({error}): make sure that you may write to this folder.")


def fingerprint():
    """Returns a hash of the files that say what .venv holds."""
    digest = hashlib.sha256()
    for name in ("requirements.txt", "pyproject.toml"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def stamp():
    """Returns the fingerprint of what .venv holds, or "" if there is no working .venv."""
    works = STAMP.exists() and PYTHON.exists()  # follows the link to the Python it was made from
    if works and os.name == "nt":  # python.exe there is a copy, which outlives that Python
        works = subprocess.call([str(PYTHON), "-c", ""]) == 0
    return STAMP.read_text(encoding="utf-8") if works else ""


@contextlib.contextmanager
def alone():
    """Inside the block, no other course.py installs; the lock of a process that died holds none."""
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("a") as file:
        told = False
        while not lock(file):
            if not told:
                print("Another course.py is installing into .venv: waiting for it.", flush=True)
            told = True
            time.sleep(0.5)
        yield


def lock(file):
    """Locks an open file until it is closed; returns False if another process has locked it."""
    try:
        if os.name == "nt":
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EACCES, errno.EAGAIN)  # others: no locks on this disk
    return True


def install():
    """Makes .venv, or brings it up to date."""
    print("Installing what the lessons need into .venv: only once, a few minutes.", flush=True)
    if not WHEELS.exists():
        print(DOWNLOAD, flush=True)
    older = stamp()
    if older:
        STAMP.unlink()
    else:
        make_venv()
    trouble = run_pip()
    if trouble in (NO_NETWORK, NO_WHEELS) and older:  # pip changes nothing until it has everything
        print(f"{trouble} Until then the older packages are used.", file=sys.stderr)
        STAMP.write_text(older, encoding="utf-8")
    elif trouble:
        sys.exit(trouble)
    else:
        STAMP.write_text(fingerprint(), encoding="utf-8")


def make_venv():
    try:
        import ensurepip  # noqa: F401  Debian packs venv without it
        import venv
    except ImportError:
        sys.exit(NO_VENV)
    try:
        venv.create(VENV, clear=True, with_pip=True, symlinks=os.name != "nt")
    except subprocess.CalledProcessError as error:
        sys.exit(explain(str(error.output)))


def run_pip():
    """Installs requirements.txt; returns what went wrong, or ""."""
    command = [str(PYTHON), "-m", "pip", "install", "-r", "requirements.txt"]
    if WHEELS.exists():
        command += ["--no-index", "--find-links", str(WHEELS)]
    with subprocess.Popen(
        command, cwd=str(ROOT), stderr=subprocess.PIPE, text=True, errors="replace"
    ) as pip:
        complaints = pip.stderr.read()  # its progress is on stdout
    trouble = explain(complaints) if pip.returncode else ""
    return NO_WHEELS if trouble == NO_NETWORK and WHEELS.exists() else trouble


def explain(complaints):
    """Returns one sentence for the common failures, else what pip said."""
    errors = complaints[max(0, complaints.find("ERROR")) :]  # pip's warnings are harmless
    if any(sign in errors for sign in ("No space left", "Errno 28", "not enough space")):
        return DISK_FULL
    if any(sign in errors for sign in ("(from versions: none)", "Max retries", "timed out")):
        return NO_NETWORK
    return f"{complaints.strip()}\n{NOT_INSTALLED}"


def hand_over(argv):
    """Continues in .venv's Python, which finds the course by PYTHONPATH wherever the folder is."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    os.environ.setdefault("GLIBC_TUNABLES", HUGE_PAGES)
    command = [str(PYTHON), "-P", "-m", "classroom", *argv]  # -P: not the modules of this folder
    sys.stdout.flush()
    if os.name == "nt":  # exec there gives the prompt back before the child has ended
        sys.exit(subprocess.call(command))
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
