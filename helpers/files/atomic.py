"""Files and folders that appear whole or not at all, also when several processes want them."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from helpers.require import CourseError

PATIENCE = 1.0  # seconds before somebody who waits is told why
ANOTHER_FOLDER = "choose a folder that you may write to, and try again"
STAMP = "organized.txt"  # in a folder made from files: their fingerprint


@contextmanager
def atomic(target: Path) -> Iterator[Path]:
    """A path beside `target` for a new file or folder, which takes target's name at the end.

    A file is replaced by a file, a folder by a folder. If the block raises, `target` is as it was;
    if its process is killed, too, but a folder that is being replaced may then be missing.
    Raises OSError if the folder around it cannot be written to.
    """
    part, old = (target.with_name(target.name + ending) for ending in (".part", ".old"))
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove(part)  # of a process that was killed
    try:
        yield part
        if target.is_dir() and part.is_dir():  # one with contents cannot be replaced in one step
            _remove(old)
            os.replace(target, old)
            try:
                os.replace(part, target)
            except OSError:
                os.replace(old, target)
                raise
            _remove(old)
        else:
            os.replace(part, target)
    finally:
        _remove(part)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def alone(target: Path) -> Iterator[None]:
    """Inside the block, no other process of this computer works on the file or folder `target`.

    Waits for its turn. Meanwhile a file, TARGET.lock, lies beside the target; the lock on it
    ends with the process that holds it, however that ends. Raises OSError if the folder cannot be
    written to.
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


def make_once(
    target: Path,
    make: Callable[[Path], object],
    is_done: Callable[[Path], bool] = Path.exists,
    alternative: str = ANOTHER_FOLDER,
) -> Path:
    """Returns `target`; unless it is done, `make(part)` writes it, in one process at a time.

    make: gets a path beside `target`, see `atomic`. Raises CourseError if it cannot be written;
    alternative: what the sentence advises besides freeing some space.
    """
    try:
        if not is_done(target):
            with alone(target):
                if not is_done(target):  # unless another process was quicker
                    with atomic(target) as part:
                        make(part)
    except OSError as error:
        raise unwritable(target, error, alternative) from None
    return target


def make_from(
    files: Iterable[Path], how: str, target: Path, make: Callable[[Path], object]
) -> Path:
    """Returns the folder `target`; `make` writes it again when one of the files has changed.

    how: says what is made from the files. make: as in `make_once`, for a folder.
    """
    state = fingerprint(files, how)

    def is_done(folder: Path) -> bool:
        stamp = folder / STAMP
        return stamp.is_file() and stamp.read_text() == state

    def make_with_stamp(part: Path) -> None:
        make(part)
        (part / STAMP).write_text(state)

    return make_once(target, make_with_stamp, is_done)


def fingerprint(files: Iterable[Path], how: str) -> str:
    """Returns a hash of the pictures' paths, sizes and times and of what is made from them."""
    digest = hashlib.sha256(how.encode(errors="surrogateescape"))
    for file in files:
        path = os.path.abspath(file)
        try:
            status = os.stat(path)
        except OSError:
            raise CourseError(f"There is no picture {file}: check the path.") from None
        line = f"\n{path} {status.st_size} {status.st_mtime_ns}"
        digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()[:32]


def unwritable(target: Path, error: OSError, alternative: str = ANOTHER_FOLDER) -> CourseError:
    """The sentence for a full disk or a folder that may not be written to."""
    return CourseError(
        f"{target} cannot be written ({error.strerror or error}): free some space or {alternative}."
    )
