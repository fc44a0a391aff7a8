"""`course.py run --profile`: where the time of a lesson goes.

A thread in the lesson's kernel looks every 10 ms at what the main thread is doing; the innermost
function that stands in the table KINDS says what kind of work it is. Nothing of this is in the
notebook: the kernel is told to start the thread before its first cell.
"""

import atexit
import json
import re
import sys
import threading
import time
from pathlib import Path
from types import FrameType

KINDS = {  # what the file and the function of a frame look like, written "path/to/file.py function"
    "import": r"^<frozen importlib",
    "decode": r"helpers/(decoded|data)\.py (in_order|read_|to_tensor)"
    r"|/PIL/\S+ (open|load|convert|resize)$",
    "augment": r"/torchvision/transforms/|/torch/utils/data/|helpers/data\.py (__getitem__|_coll)"
    r"|helpers/sources\.py normalize",
    "forward": r"/torch/nn/functional\.py|/torch/nn/modules/\S+ (forward|_\w+_forward|_call_impl)",
    "backward": r"/torch/(autograd|optim)/|/torch/_tensor\.py backward",
    "draw": r"/matplotlib/|helpers/plot\.py",
}
COLUMNS = (*KINDS, "other", "kernel")
CELL = r"/IPython/core/interactiveshell\.py run_code"  # below it stands the code of a cell
PAUSE = 0.01


def kind_of(frame: FrameType | None) -> str | None:
    """The kind of work that the innermost frame does, "other", or None outside of cells."""
    found, in_cell = None, False
    while frame:
        place = f"{frame.f_code.co_filename} {frame.f_code.co_name}".replace("\\", "/")
        if re.search(KINDS["import"], place):
            found = "import"  # whatever the imported file does while it is read
        found = found or next((k for k, what in KINDS.items() if re.search(what, place)), None)
        in_cell = in_cell or bool(re.search(CELL, place))
        frame = frame.f_back
    return (found or "other") if in_cell else None


def start(file: str) -> None:
    """Look on from a thread of this process; when it ends, write {kind: seconds} to a file."""
    seconds: dict[str, float] = {}
    main = threading.main_thread().ident

    def look_on() -> None:
        last = time.perf_counter()
        while True:
            time.sleep(PAUSE)
            kind, now = kind_of(sys._current_frames()[main]), time.perf_counter()
            if kind:
                seconds[kind] = seconds.get(kind, 0.0) + now - last
            last = now

    threading.Thread(target=look_on, daemon=True).start()
    atexit.register(lambda: Path(file).write_text(json.dumps(dict(seconds)), encoding="utf-8"))


def first_line(file: Path) -> str:
    """An option for a kernel: the line of Python that it executes before the first cell."""
    here = str(Path(__file__).resolve().parents[1])
    load = f"__import__('sys').path.append({here!r}) or __import__('classroom.profile').profile"
    return f"--IPKernelApp.exec_lines={load}.start({str(file)!r})"


def fetch(file: Path, total: float) -> dict[str, float]:
    """Seconds of each kind; "kernel" is what of the total was not in cells: start and end."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        found = {}  # the kernel died
    row = {kind: found.get(kind, 0.0) for kind in COLUMNS}
    return row | {"kernel": max(0.0, total - sum(found.values()))}


def table(profiles: dict[str, dict[str, float]]) -> str:
    """Two lines for each lesson: seconds, and per cent of their sum."""
    width = max(len("where the time goes"), *map(len, profiles))
    heads = "".join(f"{kind:>10}" for kind in (*COLUMNS, "all"))
    lines = [f"\n{'where the time goes':{width}}{heads}"]
    for name, row in profiles.items():
        total = sum(row.values())
        values = [*row.values(), total]
        lines.append(f"{name:{width}}" + "".join(f"{value:8.1f} s" for value in values))
        lines.append(" " * width + "".join(f"{v / (total or 1):8.0%}  " for v in values))
    return "\n".join(lines)
