"""The command line of course.py: its commands, their options, and the lessons that a name means.

Only the standard library is used: course.py reads this file before anything is installed.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
SIZES = ("smoke", "drawn", "tiny", "full")
OF_ANY = "With any command: --cpu or --gpu chooses PyTorch's build, --newest the newest packages."
READ_AFTER = {"10": "06", "11": "07", "12": "04"}  # whose number is not their place


def parse(argv: list[str]) -> argparse.Namespace:
    """Returns the command and what it needs; `options` is what JupyterLab or pytest gets.

    Raises SystemExit after a sentence about a wrong command line, and after --help.
    """
    if argv[:1] == ["test"]:  # argparse would read pytest's options as its own
        return argparse.Namespace(command="test", options=argv[1:])
    parser = make_parser()
    arguments, options = parser.parse_known_args(argv)
    jupyterlab = arguments.command == "lab"  # has options of its own
    if options and not (jupyterlab and options[0].startswith("-")):
        parser.error(f"{arguments.command} does not know {' '.join(options)}")
    if arguments.command in ("run", "slides", "kaggle"):
        arguments.lessons = find_lessons(arguments.lessons)
    if arguments.command == "lab":
        named = arguments.lesson is not None
        arguments.place = find_lessons([arguments.lesson])[0] if named else NOTEBOOKS
        arguments.options = options
    return arguments


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:
        self.exit(2, f"{self.prog}: {message}; add --help to see what it can do.\n")


def make_parser() -> Parser:
    parser = Parser(prog="course.py", description="The commands of the course.", epilog=OF_ANY)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    lab = commands.add_parser("lab", help="open the lessons in JupyterLab")
    lab.add_argument("lesson", nargs="?", metavar="NN", help="the number of a lesson")
    run = commands.add_parser("run", help="execute lessons and report on them")
    run.add_argument("lessons", nargs="*", metavar="NN", help="numbers (all), or solutions/NN")
    run.add_argument("--size", choices=SIZES, help="the size of the data (COURSE_SIZE, or drawn)")
    run.add_argument("--save", action="store_true", help="put the outputs into notebooks/ too")
    fetch = commands.add_parser("fetch", help="bring a data set or the weights of a network")
    fetch.add_argument("name", metavar="NAME", help="of the data set or network")
    fetch.add_argument("--size", choices=SIZES[2:], default="full", help="of the data set (full)")
    collect = commands.add_parser("collect", help="a page that brings pictures into a folder")
    collect.add_argument("folder", metavar="FOLDER", type=Path, help="for a folder per class")
    collect.add_argument("--port", type=int, default=8891, help="(8891)")
    collect.add_argument("--share", action="store_true", help="let phones in your network reach it")
    app = commands.add_parser("app", help="a page where a network of yours names pictures")
    app.add_argument("folder", metavar="FOLDER", type=Path, help="that keep.save wrote")
    app.add_argument("--port", type=int, default=8890, help="(8890)")
    app.add_argument("--share", action="store_true", help="let others in your network reach it")
    kaggle = commands.add_parser("kaggle", help="write lessons to upload to Kaggle")
    kaggle.add_argument("lessons", nargs="+", metavar="NN", help="numbers, such as 05")
    kaggle.add_argument("--user", required=True, help="your name on Kaggle")
    kaggle.set_defaults(folder=ROOT / "build" / "kaggle")
    commands.add_parser("site", help="write the lessons as pages to read on a phone")
    commands.add_parser("test", help="run all tests but the slow ones, or pytest as you like")
    commands.add_parser("doctor", help="describe this machine in ten lines, for a bug report")
    commands.add_parser("here", help="install what this Python lacks, and replace nothing")
    add_for_teachers(commands)
    return parser


def add_for_teachers(commands: argparse._SubParsersAction) -> None:
    room = commands.add_parser("class", help="teachers: show live what the students guess")
    room.add_argument("file", nargs="?", metavar="FILE", type=Path, help="build/class.sqlite")
    room.add_argument("--port", type=port, default=8765, help="for the students (8765)")
    room.add_argument("--no-browser", dest="browser", action="store_false", help="open no page")
    room.set_defaults(file=ROOT / "build" / "class.sqlite")
    slides = commands.add_parser("slides", help="teachers: write lessons as slides")
    slides.add_argument("lessons", nargs="*", metavar="NN", help="numbers (all)")
    commands.add_parser("check-room", help="teachers: say whether this computer is ready")
    bundle = commands.add_parser("bundle", help="teachers: copy the course with its packages")
    bundle.add_argument("folder", nargs="?", metavar="FOLDER", type=Path, help="build/bundle")
    bundle.add_argument("--no-wheels", action="store_true", help="the course without its packages")
    bundle.set_defaults(folder=ROOT / "build" / "bundle")
    grade = commands.add_parser("grade", help="teachers: judge handed-in notebooks")
    grade.add_argument("folder", metavar="FOLDER", type=Path, help="of the notebooks")
    grade.add_argument("--minutes", type=minutes, default=10.0, help="for each notebook (10)")
    grade.add_argument("--all", action="store_true", help="run all cells, also programs and pip")
    grade.add_argument("--jobs", type=whole, help="notebooks at once (as many as fit)")
    grade.add_argument("--out", metavar="CSV", type=Path, help="the table (build/grades.csv)")
    grade.set_defaults(out=ROOT / "build" / "grades.csv")


def whole(text: str) -> int:
    """Returns a number from 1."""
    if int(text) < 1:
        raise ValueError(text)
    return int(text)


def minutes(text: str) -> float:
    """Returns a time limit of a day at most."""
    if not 0 < float(text) <= 24 * 60:
        raise ValueError(text)
    return float(text)


def port(text: str) -> int:
    """Returns the number of a port."""
    if not 0 < int(text) < 2**16:
        raise ValueError(text)
    return int(text)


def place(lesson: Path) -> tuple[str, str]:
    """Returns what sorts the lessons as they are read."""
    return READ_AFTER.get(lesson.name[:2], lesson.name[:2]), lesson.name


def find_lessons(names: list[str]) -> list[Path]:
    """Returns the lessons that start with these numbers or names; all of them if there are none.

    A name such as solutions/08 means the solution of a lesson. Raises SystemExit with a sentence.
    """
    lessons = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"), key=place)
    solutions = sorted(NOTEBOOKS.glob("solutions/[0-9][0-9]_*.ipynb"), key=place)
    if not lessons:
        sys.exit(f"There are no lessons in {NOTEBOOKS}: get the whole course again.")
    chosen: list[Path] = []
    for name in names:
        start = Path(name).name
        start = f"{int(start):02}_" if start.isdecimal() else start
        among = solutions if Path(name).parent.name == "solutions" else lessons
        fitting = [path for path in among if start and path.name.startswith(start)]
        if not fitting:
            known = ", ".join(path.stem for path in lessons)
            sys.exit(f"There is no lesson {name!r}; choose one of {known}.")
        chosen += [path for path in fitting if path not in chosen]
    return chosen or lessons


if __name__ == "__main__":
    parse(sys.argv[1:])
