#!/usr/bin/env python3
"""The course's one command.

    python3 course.py lab [NN]          open the lessons, or lesson NN, in JupyterLab
    python3 course.py run [NN ...]      execute lessons: a table, HTML pages, build/results.json
                                        (solutions/NN: the solution of lesson NN)
    python3 course.py fetch NAME        download a data set or the weights of a network
    python3 course.py collect FOLDER    a page that brings pictures into a folder
    python3 course.py app FOLDER        a page where a network that you kept names pictures
    python3 course.py kaggle NN         write lesson NN to upload to Kaggle, into build/kaggle/
    python3 course.py site              write the lessons as pages for a phone into build/site/
    python3 course.py test [ARGS ...]   run all tests but the slow ones, or pytest with ARGS
    python3 course.py doctor            describe this machine in ten lines, for a bug report
    python3 course.py here              install what this Python lacks, replace nothing (Colab)

For teachers:

    python3 course.py class [FILE]      show live what the students of a room guess
    python3 course.py slides [NN ...]   write lessons as slides into build/slides/
    python3 course.py check-room        say whether this computer is ready for a class
    python3 course.py bundle [FOLDER]   copy the course and its packages, to install offline
    python3 course.py grade FOLDER      judge handed-in notebooks, write build/grades.csv

The first use installs what the lessons need into .venv, beside this file, in the versions of
requirements.lock; `test` adds what the tests need. With any command, --cpu or --gpu chooses the
build of PyTorch (else the machine does), and --newest takes the newest packages, not the locked
ones. The commands themselves live in classroom/. This file uses only the standard library and the
syntax of Python 3.6: an old Python must get as far as the sentence that asks for a newer one.
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
LISTS = ("requirements.txt", "requirements-test.txt", "requirements.lock", "pyproject.toml")
FLAGS = {"--cpu", "--gpu", "--newest"}
OLDEST, TESTED = (3, 11), (3, 14)  # Pythons; every locked package has a build for each of them

# glibc on Linux asks for memory in pages of 2 MB, not 4 KB, in each process that starts with this:
# an epoch on a processor took about two thirds of the time; other systems ignore it
HUGE_PAGES = "glibc.malloc.hugetlb=1"

TOO_OLD = (
    "The course needs Python {}.{} or newer, and this is Python {}.{}: install a newer one from "
    "python.org and start course.py with it."
)
UNTESTED = (
    "The course was tested up to Python {}.{}, and this is Python {}.{}: its newest packages are "
    "installed; if they do not work, start course.py with an older Python."
)
ONE_BUILD = "--cpu and --gpu choose different builds of PyTorch: give one of them."
NO_VENV = (
    "This Python cannot make a virtual environment: install its venv module "
    "(on Debian and Ubuntu: sudo apt install python3-venv) and run the same command again."
)
DISK_FULL = "The disk is full: free some space and run the same command again."


def main(argv):
    """Runs one command line; the process exits with the command's status."""
    if sys.version_info[:2] < OLDEST:
        sys.exit(TOO_OLD.format(*OLDEST, *sys.version_info))
    wishes = {word[2:] for word in FLAGS.intersection(argv)}
    if wishes >= {"cpu", "gpu"}:
        sys.exit(ONE_BUILD)
    argv = [word for word in argv if word not in FLAGS]
    if argv[:1] == ["test"]:
        wishes.add("tests")
    try:
        if argv == ["here"]:
            print(load("install")["install_here"]())
            return
        if not stamp() >= {fingerprint(), *wishes}:
            # a wrong command ends here, before a long installation
            load("commands")["parse"](argv)
            with alone():
                if not stamp() >= {fingerprint(), *wishes}:  # unless another one has just installed
                    install(wishes)
        hand_over(argv)
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            sys.exit(DISK_FULL)
        sys.exit(f"{VENV} cannot be set up ({error}): make sure that you may write to this folder.")


def load(name):
    """Returns what a file of classroom/ that needs only the standard library defines."""
    return runpy.run_path(str(ROOT / "classroom" / (name + ".py")))


def fingerprint():
    """Returns a hash of the files that say what .venv holds."""
    digest = hashlib.sha256()
    for name in LISTS:
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def stamp():
    """Returns the fingerprint of what .venv holds and what was wished for; nothing if it is broken.

    The wishes: "tests" (what they need too), "newest" packages, "cpu" or "gpu".
    """
    works = STAMP.exists() and PYTHON.exists()  # follows the link to the Python it was made from
    if works and os.name == "nt":  # python.exe there is a copy, which outlives that Python
        works = subprocess.call([str(PYTHON), "-c", ""]) == 0
    return set(STAMP.read_text(encoding="utf-8").split()) if works else set()


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


def install(wishes):
    """Makes .venv, or brings it up to date; what was wished for before still holds."""
    print("Installing packages into .venv: only once, a minute or a few.", flush=True)
    older = stamp()
    wanted = wishes | older & {"tests", "newest"}
    if not wishes & {"cpu", "gpu"} - older:
        wanted |= older & {"cpu", "gpu"}
    else:  # an installer would keep the other build
        older = set()
    if older:
        STAMP.unlink()
    else:
        make_venv()
    if sys.version_info[:2] > TESTED and "newest" not in wanted:
        print(UNTESTED.format(*TESTED, *sys.version_info), file=sys.stderr)
        wanted.add("newest")
    tools = load("install")
    trouble = tools["install"](str(PYTHON), wanted)
    if not trouble:
        STAMP.write_text(" ".join({fingerprint(), *wanted}), encoding="utf-8")
        return
    if trouble in (tools["NO_NETWORK"], tools["NO_WHEELS"]) and older:
        STAMP.write_text(" ".join(older), encoding="utf-8")  # nothing has been changed
        if wishes <= older:
            print(trouble, "Until then the older packages are used.", file=sys.stderr)
            return
    sys.exit(trouble)


def make_venv():
    try:
        import ensurepip  # noqa: F401  Debian packs venv without it
        import venv
    except ImportError:
        sys.exit(NO_VENV)
    try:
        venv.create(VENV, clear=True, with_pip=True, symlinks=os.name != "nt")
    except subprocess.CalledProcessError as error:
        sys.exit(load("install")["explain"](str(error.output)))


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
