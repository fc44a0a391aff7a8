"""Taking turns: two notebooks that want to write the same thing do it one after the other."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

PATIENCE = 1.0  # seconds before somebody who waits is told why


@contextmanager
def alone(target: Path) -> Iterator[None]:
    """Inside, no other process of this computer works on the file or folder `target`.

    It waits until it can go in. Meanwhile a file, TARGET.lock, lies beside the target; the lock on
    it ends with the process that holds it, however that ends. Raises OSError if the folder cannot
    be written to.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(target.with_name(target.name + ".lock"))
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        print(f"Another notebook or program is at work on {target.name}: waiting for it.")
        lock.acquire()
    try:
        yield
    finally:
        if os.name != "nt":  # there the lock deletes its file itself
            Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()
