"""`course.py doctor`: this machine in ten lines, to paste into a bug report.

No line names a path: it would name its owner.
"""

import os
import platform
import re
import shutil
import socket
import sys
from argparse import Namespace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from classroom.commands import ROOT
from classroom.install import plain, requirements


def main(arguments: Namespace) -> int:
    for name, describe in LINES.items():
        try:
            words = describe()
        except Exception as error:  # the other lines are still worth having
            words = f"not known ({type(error).__name__})"
        print(f"{name:9} {words}", flush=True)
    return 0


def course() -> str:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    number = re.search(r'^version = "(.+?)"', project, re.MULTILINE)[1]
    in_git = ", with its history" if (ROOT / ".git").exists() else ""
    return number + in_git


def system() -> str:
    return f"{platform.system()} {platform.release()} on {platform.machine()}"


def python() -> str:
    apart = Path(sys.prefix).resolve() == (ROOT / ".venv").resolve()
    return f"{platform.python_version()}, {'in' if apart else 'not in'} the course's .venv"


def packages() -> str:
    """Compares the installed packages with the lock; those that only tests need may be missing."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", lock, re.MULTILINE))
    missing, other, same = [], [], 0
    for name in sorted({plain(line) for line in requirements()} - {"setuptools"}):
        try:
            here = version(name)
        except PackageNotFoundError:
            missing.append(f"{name} is missing")
            continue
        if here.partition("+")[0] == locked.get(name):
            same += 1
        else:
            other.append(f"{name} {here} (locked: {locked.get(name, 'not at all')})")
    return "; ".join([f"{same} as locked", *other, *missing])


def torch() -> str:
    import torch

    return f"{torch.__version__}, {torch.get_num_threads()} threads"


def device() -> str:
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        return ", ".join(names)
    if torch.backends.mps.is_available():
        return "Apple's GPU (mps)"
    idle = " (there is an NVIDIA driver)" if shutil.which("nvidia-smi") else ""
    return f"processor, {os.cpu_count()} cores{idle}"


def memory() -> str:
    memory = psutil.virtual_memory()
    return f"{memory.available / 1e9:.1f} of {memory.total / 1e9:.1f} GB free"


def disk() -> str:
    disk = shutil.disk_usage(ROOT)
    return f"{disk.free / 1e9:.0f} of {disk.total / 1e9:.0f} GB free"


def data() -> str:
    """Names the sets of photographs that are there; the drawn ones come with the course."""
    from helpers.data import FOLDER, SETS

    places = [FOLDER, Path(os.environ.get("COURSE_DATA") or FOLDER).expanduser()]
    names = [name for every in SETS for name in (every, f"{every}-tiny")]
    found = [name for name in names if any((place / name).is_dir() for place in places)]
    drawn = sum((FOLDER / "drawn" / name).is_dir() for name in SETS)
    return f"{drawn} of {len(SETS)} drawn sets; photographs: {', '.join(found) or 'none'}"


def network() -> str:
    try:
        socket.create_connection(("pypi.org", 443), timeout=3).close()
    except OSError:
        return "pypi.org is not reached directly"
    return "pypi.org is reached"


LINES = {
    line.__name__: line
    for line in (course, system, python, packages, torch, device, memory, disk, data, network)
}
