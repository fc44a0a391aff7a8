"""What the benchmarks share around a measurement: command line, machine, results.json, pages."""

import argparse
import datetime
import json
import os
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
import torchvision

from benchmarks.tables import TABLES, with_tables
from helpers.files.atomic import atomic

ROOT = Path(__file__).resolve().parents[1]
FILE, NOTEBOOKS = ROOT / "benchmarks" / "results.json", ROOT / "notebooks"
PAGES = (ROOT / "README.md", ROOT / "benchmarks" / "README.md")


def command(
    name: str, doc: str, parts: Iterable[str] = (), rounds: int | None = None
) -> argparse.ArgumentParser:
    """Returns the parser of one benchmark.

    parts: what it can measure, each on its own; without any in the command, all of them.
    rounds: how often each thing is measured by default; None: once.
    """
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(f"python -m benchmarks.{name}", None, doc, formatter_class=raw)

    def part(word: str) -> str:  # `choices` would refuse an empty list
        if word not in parts:
            raise argparse.ArgumentTypeError(f"{word!r} is none of {', '.join(parts)}")
        return word

    if parts:
        text = f"{', '.join(parts)}; by default all"
        parser.add_argument(
            "parts", nargs="*", type=part, default=list(parts), metavar="PART", help=text
        )
    if rounds:
        parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument(
        "--out", type=Path, default=FILE, help="another file for the results; leaves the pages"
    )
    return parser


def lesson_file(number: str) -> Path:
    return next(NOTEBOOKS.glob(f"{number}_*.ipynb"))


def machine() -> dict[str, str]:
    """Returns what the figures are measured on, and when."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    libraries = (f"{m.__name__} {m.__version__.split('+')[0]}" for m in (torch, torchvision))
    return {
        "machine": f"{os.cpu_count()} cores of {processor()}, {gpu}",
        "software": ", ".join([f"Python {platform.python_version()}", *libraries]),
        "date": datetime.date.today().isoformat(),
    }


def processor() -> str:
    """Returns the processor's name where the system knows it, else its family."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def read(file: Path = FILE) -> dict:
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def keep(file: Path, benchmark: str, place: Sequence[str], value: object, **facts: object) -> None:
    """Puts a value at its place in a benchmark's results, beside those that are there.

    facts: what the table says about all of the results. With results.json, the pages follow.
    """
    results = read(file)
    entry = results.setdefault(benchmark, {"results": {}})
    entry.pop("note", None)  # about figures as they were before
    entry |= machine() | facts
    part = entry["results"]
    for key in place[:-1]:
        part = part.setdefault(key, {})
    part[place[-1]] = value
    write(file, json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    for page in PAGES if file == FILE else ():
        write(page, with_tables(page.read_text(encoding="utf-8"), results))


def write(file: Path, text: str) -> None:
    with atomic(file) as new:
        new.write_text(text, encoding="utf-8")


def show(file: Path, benchmark: str) -> None:
    """Prints a benchmark's tables."""
    print(TABLES[benchmark](read(file)[benchmark]))
