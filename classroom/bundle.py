"""`course.py bundle`: the course and its packages in one folder, for machines without network.

Run it again into the same folder, with another Python or on another system, and its packages
come along too.
"""

import errno
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from classroom.licences import read_requirements
from course import DISK_FULL, DOWNLOAD, ROOT, explain, make_parser

MADE_HERE = {".git", ".venv", "build", "wheels", "__pycache__", ".ipynb_checkpoints"}


def main(argv: list[str]) -> int:
    arguments = make_parser().parse_args(["bundle", *argv])
    target = Path(arguments.folder)
    try:
        trouble = make_bundle(target, wheels=not arguments.no_wheels)
    except OSError as error:
        trouble = (
            DISK_FULL if error.errno == errno.ENOSPC else f"{target} cannot be written ({error})."
        )
    print(trouble or closing(target), file=sys.stderr if trouble else sys.stdout)
    return int(bool(trouble))


def make_bundle(target: Path, wheels: bool = True) -> str:
    """Fill the folder; return what went wrong, if anything did."""
    if target.exists() and any(target.iterdir()) and not (target / "course.py").exists():
        return f"{target} holds other things: name an empty folder, or one that does not exist yet."
    if target == ROOT:
        return "The course cannot be copied onto itself: name another folder."
    for file in course_files(ROOT, target):
        copy = target / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)  # without the rights, which a USB stick does not know
    return bring_wheels(target / "wheels") if wheels else ""


def course_files(root: Path, target: Path) -> list[Path]:
    """What git tracks; where there is no git, all but what the course has made or downloaded."""
    listed = b""
    if (root / ".git").exists() and shutil.which("git"):
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True).stdout
    if listed:
        files = [root / name for name in listed.decode().split("\0") if name]
    else:
        files = [file for file in root.rglob("*") if belongs(file.relative_to(root).parts)]
    return sorted(f for f in files if f.is_file() and target not in f.parents)


def belongs(parts: tuple[str, ...]) -> bool:
    """Whether a file is the course's; `parts` is its path in the course's folder."""
    made = any(part in MADE_HERE or part.endswith(".egg-info") for part in parts)
    downloaded = parts[0] == "data" and len(parts) > 2 and parts[1] not in ("draw", "drawn")
    return not made and not downloaded and not parts[-1].startswith("hand_in_")


def bring_wheels(folder: Path) -> str:
    """Let pip bring or build a wheel of every package; return what went wrong."""
    print(f"Bringing the packages. {DOWNLOAD}", flush=True)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*map(str, read_requirements(ROOT)), *project["build-system"]["requires"]]
    command = [sys.executable, "-m", "pip", "wheel", "--wheel-dir", str(folder), *wanted]
    pip = subprocess.run(command, stderr=subprocess.PIPE, text=True, errors="replace")
    return explain(pip.stderr) if pip.returncode else ""


def closing(target: Path) -> str:
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    needs = "needs no network" if (target / "wheels").exists() else "downloads the packages"
    return (
        f"{target} is ready, {size / 1e6:,.0f} MB. Copy it to each machine and start "
        f"`python3 course.py lab` there: that {needs}."
    )
