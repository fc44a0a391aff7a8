"""How the reading of pictures grows: seconds and peak memory against their number.

    python -m benchmarks.growth [pictures] [decode] [--numbers 1000 10000 60000] [--rounds 3]

Needs COURSE_DATA with `cifar-10`, `dog-breed-identification` and `hotdog`. Photographs are copied
under as many names as are wanted, into a temporary folder beside the data. Each measurement is a
process of its own, with nothing in it but this; the methods and numbers take turns within one run.
Linux only: elsewhere the system does not tell a process's peak memory. Writes results.json.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from torchvision.datasets import ImageFolder
from torchvision.transforms import InterpolationMode, Resize

from benchmarks.record import machine, median_range, read, write
from helpers import data
from helpers.preprocess import Preprocess

GREY = ((0.5,) * 3, (0.5,) * 3)  # mean and std do not matter here
SETS = {
    "CIFAR-10, 32 px": ("cifar-10", "*/*.png", 32, (1_000, 10_000, 60_000, 300_000)),
    "dogs, 256 px": ("dog-breed-identification", "*/*.jpg", 256, (1_000, 10_000)),
}
UNLIMITED, NOTHING = "1000000", "0"  # megabytes that may stay in memory


def peak() -> float:
    """The most memory that this process has had so far, in MB."""
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1e3


def reading(files: list[Path], short: int, store: Path) -> dict:
    """What a process measures that reads these files, their short side becoming `short` pixels."""
    data.FOLDER = store
    wants = Preprocess(short, short, *GREY, "bicubic")
    Path("/proc/self/clear_refs").write_text("5")  # the peak of the imports does not count
    before, start = peak(), time.perf_counter()
    pictures = data.read_files(files, [0] * len(files), ["all"], wants)
    seconds = time.perf_counter() - start
    added = peak() - before
    on_disk = any(store.glob("decoded/*"))
    size = sum(picture.numel() for picture in pictures.decoded)
    return {"s": seconds, "MB": added, "decoded": size / 1e6, "on disk": on_disk}


def passing(files: list[Path], short: int, store: Path) -> dict:
    """Seconds to decode and resize these files by several threads, and to keep nothing."""
    wants = Preprocess(short, short, *GREY, "bicubic")
    start = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(lambda file: data.to_tensor(data.read_picture(file), wants).sum(), files):
            pass
    return {"s": time.perf_counter() - start}


def image_folder(root: Path, short: int) -> dict:
    """Seconds of a pass over both parts as everybody writes it: decode and resize, one process."""
    resize = Resize(short, InterpolationMode.BICUBIC)
    start = time.perf_counter()
    n = sum(1 for part in ("train", "test") for _ in ImageFolder(root / part, resize))
    return {"s": time.perf_counter() - start, "n": n}


def fresh(what: str, folder: Path, short: int, store: Path, memory: str = "") -> dict:
    """`what` (a function of this file) in a new process, after everything is on the disk."""
    os.sync()
    command = [sys.executable, "-m", "benchmarks.growth", "--child", what, folder, short, store]
    done = subprocess.run(
        [str(part) for part in command],
        env=os.environ | {"COURSE_MEMORY_MB": memory},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def copies(originals: list[Path], n: int, folder: Path) -> Path:
    """n files in a folder: the originals again and again under other names."""
    folder.mkdir()
    for i in range(n):
        original = originals[i % len(originals)]
        (folder / f"{i}{original.suffix}").write_bytes(original.read_bytes())
    return folder


def growth(rounds: int, wanted: list[int], work: Path) -> dict:
    """A row per set and number: seconds and peak of the first visit and of the next one."""
    rows, folders = {}, {}
    for name, (where, pattern, short, numbers) in SETS.items():
        originals = sorted(data.find(where, "full").glob(pattern), key=data.natural)
        for n in sorted(set(numbers) & set(wanted)):
            folder = copies(originals, n, work / f"{where}-{n}")
            folders[f"{name}, {n:,}"] = (folder, short, n)
    for k in range(rounds):
        for name, (folder, short, n) in folders.items():
            store = work / f"store-{k}-{folder.name}"
            first, again = (fresh("reading", folder, short, store) for _ in range(2))
            for file in store.glob("decoded/*"):
                file.unlink()
            row = rows.setdefault(name, {"n": n, "decoded": first["decoded"]})
            row["on disk"] = first["on disk"]
            for visit, found in (("first", first), ("next", again)):
                for unit in ("s", "MB"):
                    row.setdefault(f"{visit}, {unit}", []).append(found[unit])
            print(name, first, again, flush=True)
    return {name: summary(row, rounds) for name, row in rows.items()}


def summary(row: dict, rounds: int) -> dict:
    row = {k: median_range(v) if isinstance(v, list) else v for k, v in row.items()}
    return row | {"rounds": rounds}


def decode(rounds: int, work: Path) -> dict:
    """A row per size: all hot dogs by ImageFolder, by the course, and on the second visit."""
    root, rows = data.find("hotdog", "full"), {}
    for k in range(rounds):
        for short in (183, 256):  # what EfficientNet-Lite0 wants for 160 and 224 pixels
            store = work / f"hotdog-{k}-{short}"
            theirs = fresh("image_folder", root, short, store)
            ours = fresh("passing", root, short, store)
            memory = fresh("reading", root, short, store, UNLIMITED)
            first, again = (fresh("reading", root, short, store, NOTHING) for _ in range(2))
            row = rows.setdefault(f"hot dogs, {short} px", {"n": theirs["n"]})
            told = {
                "ImageFolder, s": theirs["s"],
                "threads, s": ours["s"],
                "threads over ImageFolder": ours["s"] / theirs["s"],
                "kept in memory, s": memory["s"],
                "kept in a file, s": first["s"],
                "next visit, s": again["s"],
                "next visit over first": again["s"] / first["s"],
            }
            for what, value in told.items():
                row.setdefault(what, []).append(value)
            print(short, told, flush=True)
    return {name: summary(row, rounds) for name, row in rows.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", help="pictures, decode; by default both")
    parser.add_argument("--numbers", type=int, nargs="+", default=[1_000, 10_000, 60_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        what, folder, short, store = options.child
        if what == "image_folder":
            return print(json.dumps(image_folder(Path(folder), int(short))))
        files = sorted((p for p in Path(folder).rglob("*.*g") if p.is_file()), key=data.natural)
        measure = {"passing": passing, "reading": reading}[what]
        return print(json.dumps(measure(files, int(short), Path(store))))
    data.FOLDER.mkdir(exist_ok=True)
    for what in options.what or ("pictures", "decode"):
        with tempfile.TemporaryDirectory(dir=data.FOLDER) as work:
            if what == "decode":
                rows = decode(options.rounds, Path(work))
            else:
                rows = growth(options.rounds, options.numbers, Path(work))
            result = read().get("growth", {"results": {}}) | machine()
            result["results"][what] = result["results"].get(what, {}) | rows
            write("growth", result)
    return None


if __name__ == "__main__":
    main()
