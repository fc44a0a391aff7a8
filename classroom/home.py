"""Where Jupyter and matplotlib keep their files, on machines whose home cannot be written.

Pools lock the homes of their accounts. Without a place to write, IPython and matplotlib warn in
every lesson. This file, like course.py, needs nothing but the standard library.
"""

import os
from pathlib import Path

USUAL = {
    "XDG_CACHE_HOME": "~/.cache",
    "XDG_CONFIG_HOME": "~/.config",
    "XDG_DATA_HOME": "~/.local/share",
}
KEPT_IN = ("MPLCONFIGDIR", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR")


def find_homes(folder: Path) -> dict[str, str]:
    """Environment variables that name folders in `folder`, made here; none where all is well.

    What the user has set stays, and so do the caches of weights, which may be read all the same.
    """
    places = ["~", *(os.environ.get(name) or usual for name, usual in USUAL.items())]
    if all(map(writable, places)):
        return {}
    homes = {name: folder / name.lower() for name in KEPT_IN if not os.environ.get(name)}
    for home in homes.values():
        home.mkdir(parents=True, exist_ok=True)
    return {name: str(home) for name, home in homes.items()}


def writable(place: str) -> bool:
    """Whether a folder can be made in this one, or in what there is of the way to it."""
    path = Path(os.path.expanduser(place)).absolute()
    try:
        there = next((parent for parent in (path, *path.parents) if parent.exists()), path)
        probe = there / f"course-{os.getpid()}"
        probe.mkdir()
        probe.rmdir()
    except OSError:
        return False
    return True
