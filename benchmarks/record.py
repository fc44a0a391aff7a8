"""What the benchmarks share: the machine in words, medians, results.json and its tables."""

import datetime
import json
import multiprocessing
import os
import platform
import statistics
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
import torchvision

from benchmarks.tables import with_tables

FILE = Path(__file__).parent / "results.json"
PAGES = (Path(__file__).parents[1] / "README.md", Path(__file__).parent / "README.md")


def machine() -> dict:
    """What the figures were measured on, and when."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return {
        "machine": f"{os.cpu_count()} cores of {processor()}, {gpu}",
        "software": f"Python {platform.python_version()}, torch {torch.__version__.split('+')[0]}, "
        f"torchvision {torchvision.__version__.split('+')[0]}",
        "date": datetime.date.today().isoformat(),
    }


def processor() -> str:
    """The processor's name where the system tells it, else its family."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def own_process() -> ProcessPoolExecutor:
    """A process in which no other method has set anything: `submit(function, ...).result()`."""
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))


def median_range(values: list[float]) -> list[float]:
    """[median, smallest, largest]."""
    return [round(v, 4) for v in (statistics.median(values), min(values), max(values))]


def read() -> dict:
    return json.loads(FILE.read_text()) if FILE.exists() else {}


def write(name: str, result: dict) -> None:
    """Keep one benchmark's result, and put its tables where they are read."""
    results = read() | {name: result}
    FILE.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        page.write_text(with_tables(text, results), encoding="utf-8")
