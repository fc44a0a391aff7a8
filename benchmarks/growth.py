"""How the reading of pictures grows: seconds and peak memory against their number.

`pictures` reads more and more of them, `decode` compares with torchvision's ImageFolder. Needs
COURSE_DATA with `cifar-10`, `dog-breed-identification` and `hotdog`. Photographs are copied under
as many names as are wanted, into a temporary folder beside the data. Each measurement is a process
of its own. Linux only: other systems do not tell a process's peak memory.
"""

import os
import re
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from torchvision.datasets import ImageFolder
from torchvision.transforms import InterpolationMode, Resize

from benchmarks.record import command, keep, show
from benchmarks.timing import call_apart, clock, median_range, seconds, summary, take_turns
from helpers import data
from helpers.preprocess import Preprocess

SETS = {
    "CIFAR-10, 32 px": ("cifar-10", "*/*.png", 32, (1_000, 10_000, 60_000, 300_000)),
    "dogs, 256 px": ("dog-breed-identification", "*/*.jpg", 256, (1_000, 10_000)),
}
UNLIMITED, NOTHING = "1000000", "0"  # megabytes that may stay in memory


def peak() -> float:
    """Returns the most memory that this process has had so far, in MB."""
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1e3


def files_in(folder: Path) -> list[Path]:
    return sorted((p for p in folder.rglob("*.*g") if p.is_file()), key=data.natural)


def side(short: int) -> Preprocess:
    """Returns what asks for pictures with this short side; mean and std do not matter here."""
    return Preprocess(short, short, (0.5,) * 3, (0.5,) * 3, "bicubic")


def reading(folder: Path, short: int, store: Path, memory: str = "") -> dict:
    """Reads a folder's pictures; memory: the megabytes that may stay in memory.

    store: takes the place of data/, where pictures that memory does not hold are kept decoded.
    """
    data.FOLDER, os.environ["COURSE_MEMORY_MB"] = store, memory
    store.mkdir(exist_ok=True)
    files = files_in(folder)
    Path("/proc/self/clear_refs").write_text("5")  # the peak of the imports does not count
    before, start = peak(), clock()
    pictures = data.read_files(files, [0] * len(files), ["all"], side(short))
    duration, added = clock() - start, peak() - before
    return {
        "s": duration,
        "MB": added,
        "decoded": sum(picture.numel() for picture in pictures.decoded) / 1e6,
        "on disk": any(path.is_file() for path in store.rglob("*")),
    }


def passing(folder: Path, short: int) -> float:
    """Seconds to decode and resize a folder's pictures by several threads, and to keep nothing."""

    def decode(file: Path) -> None:
        data.to_tensor(data.read_picture(file), side(short))

    files = files_in(folder)
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return seconds(lambda: list(threads.map(decode, files)))


def image_folder(root: Path, short: int) -> float:
    """Seconds of a pass over both parts as everybody writes it: decode and resize, one process."""
    resize = Resize(short, InterpolationMode.BICUBIC)
    return seconds(
        lambda: sum(1 for part in ("train", "test") for _ in ImageFolder(root / part, resize))
    )


def fresh(measure: Callable, *arguments):
    """Returns what a new process measures, after everything is on the disk."""
    os.sync()
    return call_apart(measure, *arguments)


def copies(originals: list[Path], n: int, folder: Path) -> Path:
    """Writes n files into a folder: the originals again and again under other names."""
    folder.mkdir()
    for i in range(n):
        original = originals[i % len(originals)]
        (folder / f"{i}{original.suffix}").write_bytes(original.read_bytes())
    return folder


def two_visits(folder: Path, short: int, work: Path, memory: str = "") -> list[dict]:
    """Returns what a first and a next process measured that read the same pictures."""
    with tempfile.TemporaryDirectory(dir=work) as store:
        return [fresh(reading, folder, short, Path(store), memory) for _ in range(2)]


def grow(rounds: int, numbers: list[int], work: Path) -> dict[str, dict]:
    """Returns a row per set and number: seconds and peak of the first visit and of the next."""
    methods, sizes = {}, {}
    for name, (where, pattern, short, possible) in SETS.items():
        originals = sorted(data.find(where, "full").glob(pattern), key=data.natural)
        for n in sorted(set(numbers) & set(possible)):
            folder = copies(originals, n, work / f"{where}-{n}")
            methods[f"{name}, {n:,}"] = partial(two_visits, folder, short, work)
            sizes[f"{name}, {n:,}"] = n
    turns, rows = take_turns(methods, rounds), {}
    for name, n in sizes.items():
        first, again = zip(*(turn[name] for turn in turns), strict=True)
        row = {"n": n} | {key: first[0][key] for key in ("decoded", "on disk")}
        for visit, measured in (("first", first), ("next", again)):
            for unit in ("s", "MB"):
                row[f"{visit}, {unit}"] = median_range([values[unit] for values in measured])
        rows[name] = row | {"rounds": rounds}
    return rows


def compare(short: int, work: Path) -> dict[str, float]:
    """Reads all hot dogs by ImageFolder, by the course, and on the second visit."""
    root = data.find("hotdog", "full")
    theirs, ours = (fresh(method, root, short) for method in (image_folder, passing))
    in_memory = fresh(reading, root, short, work / "memory", UNLIMITED)
    first, again = two_visits(root, short, work, NOTHING)
    return {
        "ImageFolder, s": theirs,
        "threads, s": ours,
        "threads over ImageFolder": ours / theirs,
        "kept in memory, s": in_memory["s"],
        "kept in a file, s": first["s"],
        "next visit, s": again["s"],
        "next visit over first": again["s"] / first["s"],
    }


def decode(rounds: int, work: Path) -> dict[str, dict]:
    """Returns a row per size, those that EfficientNet-Lite0 wants for 160 and 224 pixels."""
    n = len(files_in(data.find("hotdog", "full")))
    sizes = {short: partial(compare, short, work) for short in (183, 256)}
    turns = take_turns(sizes, rounds)
    return {
        f"hot dogs, {short} px": {"n": n, **summary([t[short] for t in turns]), "rounds": rounds}
        for short in sizes
    }


def main(argv: list[str] | None = None) -> None:
    parser = command("growth", __doc__, ["pictures", "decode"])
    parser.add_argument("--numbers", type=int, nargs="+", default=[1_000, 10_000, 60_000])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(argv)
    data.FOLDER.mkdir(exist_ok=True)
    for part in options.parts or ["pictures", "decode"]:
        with tempfile.TemporaryDirectory(dir=data.FOLDER) as place:
            work = Path(place)
            if part == "pictures":
                rows = grow(options.rounds, options.numbers, work)
            else:
                rows = decode(options.rounds, work)
        for name, row in rows.items():
            keep(options.out, "growth", [part, name], row)
    show(options.out, "growth")


if __name__ == "__main__":
    main()
