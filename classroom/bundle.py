"""`course.py bundle`: the course and its packages in one folder, for machines without network.

Run it again into the same folder, with another Python or on another system, and the packages of
that one are added.
"""

import shutil
import subprocess
import sys
from argparse import Namespace
from importlib.metadata import version
from pathlib import Path

from classroom import install
from classroom.commands import ROOT
from classroom.install import constraints, requirements

MADE_HERE = {".git", ".venv", "build", "wheels", "__pycache__", ".ipynb_checkpoints"}


def main(arguments: Namespace) -> int:
    target = arguments.folder.absolute()
    try:
        copy_course(target)
    except OSError as error:
        reason = error.strerror
        sys.exit(f"{target} cannot be written ({reason}): free some space or name another.")
    if not arguments.no_wheels:
        bring_wheels(target / "wheels")
    needs = "needs no network" if (target / "wheels").exists() else "downloads the packages"
    print(
        f"{target} is ready. Copy it to each machine and start `python3 course.py lab` there: "
        f"that {needs}."
    )
    return 0


def copy_course(target: Path) -> None:
    """Fills the folder with the course."""
    if target.exists() and any(target.iterdir()) and not (target / "course.py").exists():
        sys.exit(f"{target} holds other things: name an empty or a new folder.")
    if target == ROOT:
        sys.exit("The course cannot be copied onto itself: name another folder.")
    for file in course_files(ROOT):
        copy = target / file.relative_to(ROOT)
        if target not in file.parents:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)  # without permissions, which a USB stick does not keep


def course_files(root: Path) -> list[Path]:
    """Returns what git tracks; without git, all that the course has not made or downloaded."""
    tracked = b""
    if (root / ".git").exists() and shutil.which("git"):
        tracked = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True).stdout
    if tracked:
        files = [root / name for name in tracked.decode().split("\0") if name]
    else:
        files = [file for file in root.rglob("*") if belongs(file.relative_to(root).parts)]
    return [file for file in files if file.is_file()]


def belongs(parts: tuple[str, ...]) -> bool:
    """Returns whether a file is the course's own; `parts` is its path in the course's folder."""
    made = any(part in MADE_HERE or part.endswith(".egg-info") for part in parts)
    downloaded = parts[0] == "data" and len(parts) > 2 and parts[1] not in ("draw", "drawn")
    written = parts[0] == "notebooks" and parts[-1].endswith(".csv")
    return not made and not downloaded and not written


def bring_wheels(folder: Path) -> None:
    """Lets pip download or build a wheel of every package, with the build of PyTorch used here."""
    build = version("torch").partition("+")[2]
    small = build == "cpu" or sys.platform != "linux"
    print(f"Bringing the packages: about {'0.5' if small else '3'} GB.", flush=True)
    command = [sys.executable, "-m", "pip", "wheel", "--wheel-dir", str(folder)]
    if build:
        command += ["--extra-index-url", f"https://download.pytorch.org/whl/{build}"]
        command += [f"{name}=={version(name)}" for name in ("torch", "torchvision")]
    command += [*requirements("requirements-test.txt"), install.UV, *constraints(set(), r"\S+")]
    if subprocess.run(command, cwd=ROOT).returncode != 0:
        sys.exit(
            "The packages could not be brought; pip's message above says why. Check the network "
            "and the free space, and run the same command again: what is there already is kept."
        )
