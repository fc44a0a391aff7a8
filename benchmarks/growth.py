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
from benchmarks.timing import call_apart, clock, seconds, summary, take_turns
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


def read(folder: Path, short: int, store: Path, memory: str = "") -> dict:
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


def read_and_drop(folder: Path, short: int) -> float:
    """Returns the seconds to decode and resize a folder's pictures in threads; keeps nothing."""

    def decode(file: Path) -> None:
        data.to_tensor(data.read_picture(file), side(short))

    files = files_in(folder)
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return seconds(lambda: list(threads.map(decode, files)))


def image_folder(root: Path, short: int) -> float:
    """Returns the seconds of a pass as everybody writes it: decode and resize in one process."""
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


def two_visits(folder: Path, short: int, work: Path, memory: str = "") -> dict[str, dict]:
    """Returns what a first and a next process measured that read the same pictures."""
    with tempfile.TemporaryDirectory(dir=work) as store:
        visit = partial(fresh, read, folder, short, Path(store), memory)
        return {"first": visit(), "next": visit()}


def grow(numbers: list[int], rounds: int, work: Path) -> dict[str, dict]:
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
        measured = [
            {
                f"{visit}, {unit}": row[unit]
                for visit, row in turn[name].items()
                for unit in ("s", "MB")
            }
            for turn in turns
        ]
        first = turns[0][name]["first"]
        facts = {"n": n, "decoded": first["decoded"], "on disk": first["on disk"]}
        rows[name] = facts | summary(measured) | {"rounds": rounds}
    return rows


def compare(short: int, work: Path) -> dict[str, float]:
    """Reads all hot dogs by ImageFolder, by the course, and on the second visit."""
    root = data.find("hotdog", "full")
    theirs, ours = (fresh(method, root, short) for method in (image_folder, read_and_drop))
    in_memory = fresh(read, root, short, work / "memory", UNLIMITED)
    first, again = (visit["s"] for visit in two_visits(root, short, work, NOTHING).values())
    return {
        "ImageFolder, s": theirs,
        "threads, s": ours,
        "threads over ImageFolder": ours / theirs,
        "kept in memory, s": in_memory["s"],
        "kept in a file, s": first,
        "next visit, s": again,
        "next visit over first": again / first,
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
    parser = command("growth", __doc__, ["pictures", "decode"], rounds=3)
    parser.add_argument("--numbers", type=int, nargs="+", default=[1_000, 10_000, 60_000])
    options = parser.parse_args(argv)
    measures = {"pictures": partial(grow, options.numbers), "decode": decode}
    data.FOLDER.mkdir(exist_ok=True)
    for part in options.parts:
        with tempfile.TemporaryDirectory(dir=data.FOLDER) as work:
            rows = measures[part](options.rounds, Path(work))
        for name, row in rows.items():
            keep(options.out, "growth", [part, name], row)
    show(options.out, "growth")


if __name__ == "__main__":
    main()
