"""Where Jupyter and matplotlib keep their files on machines whose home cannot be written to.

Computer pools lock the homes of their accounts, and IPython and matplotlib then warn in every
lesson. Call this before either is imported.
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
    """Returns environment variables that name new folders in `folder`; none if all is well.

    What the user has set stays, and so do the caches of weights, which need only be readable.
    """
    places = ["~", *(os.environ.get(name) or usual for name, usual in USUAL.items())]
    if all(map(writable, places)):
        return {}
    homes = {name: folder / name.lower() for name in KEPT_IN if not os.environ.get(name)}
    for path in homes.values():
        path.mkdir(parents=True, exist_ok=True)
    return {name: str(path) for name, path in homes.items()}


def writable(place: str) -> bool:
    """Returns whether a folder can be made in this one, or where this one would be made."""
    path = Path(os.path.expanduser(place)).absolute()
    try:
        nearest = next((parent for parent in (path, *path.parents) if parent.exists()), path)
        probe = nearest / f"course-{os.getpid()}"
        probe.mkdir()
        probe.rmdir()
    except OSError:
        return False
    return True
