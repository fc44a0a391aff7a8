"""Memory that a batch leaves behind is kept for the next one, not fetched from the system anew."""

import ctypes
import functools
import sys

MMAP_MAX, TRIM_THRESHOLD = -4, -1  # numbers of mallopt's settings in glibc's malloc.h


@functools.cache
def _libc() -> ctypes.CDLL | None:
    """The C library, if it is the one whose settings these are: glibc, on Linux."""
    try:
        return ctypes.CDLL("libc.so.6") if sys.platform == "linux" else None
    except OSError:
        return None


@functools.cache
def keep() -> bool:
    """Keep what is freed from now on within the process; whether that could be set.

    As it comes, glibc gives each large tensor back to the system as soon as it is freed. The next
    step asks for it again, and the system clears it page by page: with EfficientNet-Lite0 that took
    up to half of the time of a step on a processor. Elsewhere than on Linux nothing changes.
    """
    libc = _libc()
    return bool(libc and libc.mallopt(MMAP_MAX, 0) and libc.mallopt(TRIM_THRESHOLD, -1))


def give_back() -> None:
    """Return what is free now to the system: for a process that goes on to do little."""
    if keep():
        _libc().malloc_trim(0)
