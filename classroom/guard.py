"""What code that was handed in may not do while it is graded: a hook that Python cannot take off.

It sees what goes through Python: files, addresses, programs. It does not see what compiled code or
another program does by itself.
"""

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
PROGRAMS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "pty.spawn")
CHANGES = (
    *("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate"),
    *("os.chmod", "os.chown", "os.utime", "os.setxattr", "os.removexattr"),
)
HERE = ("127.", "::1", "localhost", "0.0.0.0")
FILE_BYTES = 2_000_000_000  # of one file that a notebook writes


def install(
    fixed: Iterable[str],
    hidden: Iterable[str],
    programs: bool = False,
    strict: bool = False,
    free: Iterable[str] = (),
) -> None:
    """Refuses, from now on, to change what is in `fixed` and to open what is in `hidden`.

    fixed, hidden: folders and files. programs: lets other programs be started. strict: refuses to
    change any file but those in the folders `free`, to load a pickle or what is in these folders
    as code, and to reach any address, this machine's too.
    """
    fixed = tuple(_real(place) for place in ([os.sep] if strict else [*fixed, *hidden]))
    hidden, free = tuple(map(_real, hidden)), tuple(map(_real, free))

    def hook(event: str, given: tuple) -> None:
        if event == "open":
            if _within(given[0], hidden) or (_is_writing(given) and _within(given[0], fixed, free)):
                raise PermissionError(f"While it is graded, a notebook may not open {given[0]}.")
        elif event in CHANGES and any(_within(place, fixed, free) for place in given[:2]):
            raise PermissionError(f"While it is graded, a notebook may not change {given[0]}.")
        elif event in PROGRAMS and not programs:
            raise PermissionError("While it is graded, a notebook may not start programs.")
        elif event.split(".")[0] == "pickle" and strict:
            raise PermissionError("An answer may load no pickle: it can hold any code.")
        elif event == "ctypes.dlopen" and _within(given[0], free):
            raise PermissionError("An answer may load no library of its own.")
        elif event in ("socket.connect", "socket.sendto", "socket.getaddrinfo"):
            address = given[0] if event == "socket.getaddrinfo" else given[1]
            host = address[0] if isinstance(address, tuple) else address
            near = isinstance(address, (str, bytes)) and event != "socket.getaddrinfo"  # AF_UNIX
            if strict or not (near or host is None or str(host).startswith(HERE)):
                raise PermissionError("While it is graded, a notebook has no network.")

    with suppress(ImportError, ValueError, OSError):
        import resource  # not on Windows

        resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.addaudithook(hook)


def _real(place: object) -> str:
    return os.path.realpath(os.fsdecode(place)) if isinstance(place, (str, bytes, Path)) else ""


def _within(place: object, places: tuple[str, ...], but: tuple[str, ...] = ()) -> bool:
    path = _real(place)
    if not path or path == os.devnull or (but and _within(path, but)):
        return False
    return any(path == top or path.startswith(top.rstrip(os.sep) + os.sep) for top in places)


def _is_writing(given: tuple) -> bool:
    _, mode, flags = given
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return isinstance(flags, int) and bool(flags & WRITES)
