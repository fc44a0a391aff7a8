#!/usr/bin/env python3
"""The course's one command.

    python3 course.py lab [NN]          open the lessons, or lesson NN, in JupyterLab
    python3 course.py run [NN ...]      execute lessons: a table, HTML pages, build/results.json
                                        (solutions/NN: the solution of lesson NN)
    python3 course.py test [ARGS ...]   run all tests, or pytest with your own arguments
    python3 course.py fetch NAME        bring a data set or the weights of a network
    python3 course.py serve [FOLDER]    give the archives in a folder to a class without network
    python3 course.py grade FOLDER      run handed-in notebooks, write build/grades.csv
    python3 course.py bundle [FOLDER]   copy the course and its packages, to install without network
    python3 course.py licences          list the installed packages and their licences
    python3 course.py site              write the lessons as pages for a phone into build/site/

The first use installs what the lessons need into .venv, beside this file. Only the standard
library is used here, and no newer syntax than Python 3.6 has: an old Python must get as far as
the sentence that asks for a newer one.
"""

import argparse
import errno
import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
NOTEBOOKS = ROOT / "notebooks"
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "installed"  # written last: a .venv without it was interrupted and is made anew
WHEELS = ROOT / "wheels"  # `bundle` makes it: the packages, for machines without network
SIZES = ("drawn", "tiny", "full")

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
    "The packages of the course could not be brought: check the network (or the proxy, or pip's "
    "own settings) and run the same command again; what has been downloaded is kept."
)
NO_WHEELS = (
    "The folder wheels lacks packages for this Python ({}.{}) or system: let `course.py bundle` of "
    "a machine like this one fill it, or rename it to download the packages."
).format(*sys.version_info)
NOT_INSTALLED = "The installation failed; pip's message above says why."


def main(argv):
    """Obey one command line."""
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        sys.exit(
            "The course needs Python 3.11, 3.12 or 3.13, and this is Python {}.{}: install one "
            "from python.org and start course.py with it.".format(*sys.version_info)
        )
    try:
        obey(argv)
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            sys.exit(DISK_FULL)
        sys.exit(f"{VENV} cannot be set up ({error}): see that you may write to this folder.")


def obey(argv):
    if argv[:1] == ["test"]:  # before argparse, which would read pytest's options as its own
        ensure_installed()
        found = [*NOTEBOOKS.glob("*.ipynb"), *NOTEBOOKS.glob("solutions/08_*.ipynb")]
        notebooks = sorted(map(str, found))  # tests/ runs the solutions of single exercises
        everything = ["--nbval-lax", "--nbval-current-env", "-n", "2", *notebooks, "tests"]
        os.environ.setdefault("COURSE_SIZE", "drawn")
        if not argv[1:]:
            os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // 2)))
        hand_over("pytest", *(argv[1:] or everything))
    parser = make_parser()
    arguments, options = parser.parse_known_args(argv)
    if options and arguments.command != "lab":  # JupyterLab has options of its own
        parser.error(f"{arguments.command} does not know {' '.join(options)}")
    if arguments.command in ("lab", "run"):  # a wrong name is told before a long install
        lessons = find_lessons(arguments.lessons)
    ensure_installed()
    if arguments.command == "lab":
        options.append(
            f"--LabApp.app_settings_dir={ROOT / 'classroom' / 'lab'}"
        )  # no pop-up of news
        hand_over("jupyterlab", *options, str(lessons[0] if arguments.lessons else NOTEBOOKS))
    if arguments.command == "grade":  # its paths are the caller's
        wishes = ["--minutes", str(arguments.minutes), "--out", arguments.out]
        argv = ["grade", arguments.folder, *wishes]
    if arguments.command == "bundle":
        argv = ["bundle", arguments.folder, *["--no-wheels"] * arguments.no_wheels]
    if arguments.command == "serve":
        argv = ["serve", arguments.folder, "--port", str(arguments.port)]
    hand_over("classroom", *argv)


def make_parser():
    """The command line; classroom/ reads its arguments with it too."""

    class Parser(argparse.ArgumentParser):
        def error(self, message):
            self.exit(2, f"{self.prog}: {message}; add --help to see what it can do.\n")

    def minutes(text):
        if not 0 < float(text) <= 24 * 60:
            raise ValueError(text)
        return float(text)

    parser = Parser(prog="course.py", description="The commands of the course.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    lab = commands.add_parser("lab", help="open the lessons in JupyterLab")
    lab.add_argument("lessons", nargs="?", metavar="NN", help="the number of a lesson")
    run = commands.add_parser("run", help="execute lessons and report on them")
    run.add_argument("lessons", nargs="*", metavar="NN", help="numbers (all), or solutions/NN")
    run.add_argument("--size", choices=SIZES, help="the size of the data (COURSE_SIZE, or drawn)")
    run.add_argument("--save", action="store_true", help="put the outputs into notebooks/ too")
    run.add_argument("--profile", action="store_true", help="tell where the time goes")
    commands.add_parser("test", help="run all tests, or pytest with your own arguments")
    fetch = commands.add_parser("fetch", help="bring a data set or the weights of a network")
    fetch.add_argument("name", metavar="NAME", help="of the data set or network")
    fetch.add_argument("--size", choices=SIZES[1:], default="full", help="of the data set (full)")
    serve = commands.add_parser("serve", help="give the archives in a folder to a class")
    serve.add_argument("folder", nargs="?", metavar="FOLDER", type=os.path.abspath, help="data/")
    serve.add_argument("--port", type=int, default=8000, help="of this computer (8000)")
    serve.set_defaults(folder=str(ROOT / "data"))
    grade = commands.add_parser("grade", help="run handed-in notebooks and list the outcomes")
    grade.add_argument("folder", metavar="FOLDER", type=os.path.abspath, help="of the notebooks")
    grade.add_argument("--minutes", type=minutes, default=10.0, help="for each notebook (10)")
    grade.add_argument("--out", metavar="CSV", type=os.path.abspath, help="build/grades.csv")
    grade.set_defaults(out=str(ROOT / "build" / "grades.csv"))
    bundle = commands.add_parser("bundle", help="copy the course for machines without network")
    bundle.add_argument("folder", nargs="?", metavar="FOLDER", type=os.path.abspath)
    bundle.add_argument("--no-wheels", action="store_true", help="the course without its packages")
    bundle.set_defaults(folder=str(ROOT / "build" / "bundle"))
    commands.add_parser("licences", help="list the installed packages and their licences")
    commands.add_parser("site", help="write the lessons as pages to read on a phone")
    return parser


def find_lessons(names, folder=NOTEBOOKS):
    """Paths of the lessons that start with these numbers or names; of all, if there are none.

    A name such as solutions/08 means the solution of a lesson.
    """
    lessons = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    solutions = sorted(folder.glob("solutions/[0-9][0-9]_*.ipynb"))
    if not lessons:
        sys.exit(f"There are no lessons in {folder}: get the whole course again.")
    names = [names] if isinstance(names, str) else names or []
    chosen = []
    for name in names:
        among = solutions if Path(name).parent.name == "solutions" else lessons
        start = Path(name).name
        start = f"{int(start):02}_" if start.isdecimal() else start
        found = [path for path in among if start and path.name.startswith(start)]
        if not found:
            known = ", ".join(path.stem for path in lessons)
            sys.exit(f"There is no lesson {name!r}; choose one of {known}.")
        chosen += [path for path in found if path not in chosen]
    return chosen or lessons


def ensure_installed():
    """Make .venv and install requirements.txt, unless the stamp says that this was done."""
    wanted = fingerprint()
    stamp = STAMP.read_text(encoding="utf-8") if STAMP.exists() and starts() else ""
    if stamp == wanted:
        return
    print("Installing what the lessons need into .venv: once, some minutes.", flush=True)
    if not WHEELS.exists():
        print(DOWNLOAD, flush=True)
    if stamp:
        STAMP.unlink()
    else:
        make_venv()
    trouble = install()
    if trouble in (NO_NETWORK, NO_WHEELS) and stamp:  # pip brings all before it changes anything
        print(f"{trouble} Until then the older packages serve.", file=sys.stderr)
        wanted = stamp
    elif trouble:
        sys.exit(trouble)
    STAMP.write_text(wanted, encoding="utf-8")


def fingerprint():
    """A hash of the files that say what .venv holds."""
    digest = hashlib.sha256()
    for name in ("requirements.txt", "pyproject.toml"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def starts():
    """Whether the Python that .venv was made from is still there."""
    if os.name == "nt":  # python.exe there is a copy that outlives its origin
        return PYTHON.exists() and subprocess.call([str(PYTHON), "-c", ""]) == 0
    return PYTHON.exists()  # follows the link


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


def install():
    """Run pip; return what went wrong, if anything did."""
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
    """One sentence for the failures that everybody meets; else what pip said."""
    errors = complaints[max(0, complaints.find("ERROR")) :]  # a warning may have passed by itself
    if any(sign in errors for sign in ("No space left", "Errno 28", "not enough space")):
        return DISK_FULL
    if any(sign in errors for sign in ("(from versions: none)", "Max retries", "timed out")):
        return NO_NETWORK
    return f"{complaints.strip()}\n{NOT_INSTALLED}"


def hand_over(module, *arguments):
    """Go on in .venv's Python, in the course's folder; this process ends with its status."""
    from classroom.home import find_homes

    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"  # a kernel "python3" in the home is another Python
    paths = [str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))  # .venv knows where it was made
    if os.environ.get("COURSE_DATA"):  # lessons run in another folder than this one
        os.environ["COURSE_DATA"] = os.path.abspath(os.environ["COURSE_DATA"])
    os.environ.update(find_homes(ROOT / "build" / "home"))
    os.chdir(str(ROOT))
    command = [str(PYTHON), "-m", module, *arguments]
    sys.stdout.flush()
    if os.name == "nt":  # exec there gives the prompt back before the child has ended
        sys.exit(subprocess.call(command))
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
