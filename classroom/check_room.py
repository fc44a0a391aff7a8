"""`course.py check-room`: the day before a class, whether this computer is ready for it.

Nothing is changed: lesson 00 runs at the size `smoke` in a new kernel and is not saved.
"""

import http.client
import os
import platform
import shutil
import sys
import urllib.request
from argparse import Namespace

import psutil

from classroom import notebooks
from classroom.commands import ROOT, find_lessons
from classroom.run import Report, execute
from classroom.server import addresses

DISK_GB, MEMORY_GB = 1, 4  # free, for what the lessons write; in all
SECONDS = 3  # for an answer of the network


def main(arguments: Namespace) -> int:
    troubles = [trouble for trouble in (disk(), memory(), network(), lesson()) if trouble]
    print(f"Not ready: {'; '.join(troubles)}." if troubles else "Ready: a class can begin.")
    return int(bool(troubles))


def disk() -> str:
    free = shutil.disk_usage(ROOT).free / 1e9
    print(f"Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores")
    print(f"disk: {free:.0f} GB free")
    if not os.access(ROOT, os.W_OK):
        return f"you may not write to {ROOT}: copy the course to a folder of your own"
    return f"only {free:.1f} GB of disk are free: make it {DISK_GB}" if free < DISK_GB else ""


def memory() -> str:
    all_of_it = psutil.virtual_memory().total / 1e9
    print(f"memory: {all_of_it:.0f} GB")
    few = all_of_it < MEMORY_GB
    return (
        f"{all_of_it:.1f} GB of memory are too few: take a computer with {MEMORY_GB}" if few else ""
    )


def network() -> str:
    """Lessons need none; the class, if COURSE_CLASS names one, must answer."""
    others = [address for address in addresses() if not address.startswith("127.")]
    print(f"network: {', '.join(others) or 'none, and the lessons need none'}")
    address = os.environ.get("COURSE_CLASS", "").strip()
    if not address:
        return ""
    url = address if "://" in address else f"http://{address}"
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=SECONDS) as response:
            found = b"COURSE_CLASS" in response.read(100_000)
    except (OSError, ValueError, http.client.HTTPException):
        found = False
    print(f"class at {address}: {'answers' if found else 'does not answer'}")
    return "" if found else f"no class answers at {address}: start it, or correct COURSE_CLASS"


def lesson() -> str:
    path = find_lessons([])[0]
    report = Report(path.stem)
    execute(notebooks.read(path), path, "smoke", report)
    sys.stderr.flush()
    print(f"lesson {path.stem[:2]}: {report.trouble or f'ran in {report.seconds:.0f} seconds'}")
    return f"lesson {path.stem[:2]} fails in {report.trouble}" if report.trouble else ""
