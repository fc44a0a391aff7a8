"""What was attempted, solved and guessed, kept in a file that outlives the kernel.

The variable COURSE_PROGRESS names another file, and none if it is empty: what runs by itself, such
as `course.py run`, neither reads nor changes a student's. Delete the file to start afresh.
"""

import json
import os
from contextlib import suppress
from pathlib import Path

from helpers.files.atomic import alone, atomic

FILE = Path(__file__).parents[1] / "build" / "progress.json"


def place() -> Path | None:
    named = os.environ.get("COURSE_PROGRESS", FILE)
    return Path(named) if named else None


def read() -> dict[str, dict]:
    """Returns {exercise or guess: its columns}; nothing if there is no file to read."""
    file, kept = place(), None
    with suppress(OSError, ValueError):
        kept = json.loads(file.read_text(encoding="utf-8")) if file else None
    items = kept.items() if isinstance(kept, dict) else ()
    return {name: record for name, record in items if isinstance(record, dict)}


def keep(name: str, record: dict) -> None:
    """Puts a record beside what other notebooks have kept, where the folder can be written to."""
    if file := place():
        with suppress(OSError, NotImplementedError), alone(file), atomic(file) as part:
            part.write_text(json.dumps(read() | {name: record}, indent=1), encoding="utf-8")
