"""Installs packages: with uv where it can be had, else with pip; in the locked versions.

Only the standard library is used: course.py runs this file before anything is installed.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
WHEELS = ROOT / "wheels"  # made by `bundle`: the packages, for machines without a network
UV = "uv>=0.9,<1"  # installs three times as fast as pip
TORCH = r"torch(?:vision)?"  # their builds have hashes of their own
PIP_TO_UV = {  # uv does not read pip's settings, where a school names its mirror or its proxy
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "constraint": "UV_CONSTRAINT",
    "trusted-host": "UV_INSECURE_HOST",
    "no-index": "UV_NO_INDEX",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
}
PROGRESS = ("Resolved", "Downloading", "Building", "Prepared", "Installed")  # lines of uv

DISK_FULL = (
    "The disk is full: make room on it (about 8 GB if PyTorch is to use a GPU on Linux, else 2 GB) "
    "and run the same command again."
)
NO_NETWORK = (
    "The course's packages could not be downloaded: check the network (or the proxy, or "
    "pip's own settings) and run the same command again; what has been downloaded is kept."
)
NO_WHEELS = (
    f"The folder wheels lacks packages for this Python ({sys.version_info[0]}."
    f"{sys.version_info[1]}) or system: run `course.py bundle` on a machine like this one to add "
    "them, or rename the folder to download the packages."
)
NO_BUILD = (
    "PyTorch's own index does not deliver its build for this machine ({}): the usual one is taken, "
    "which works too (on Linux it is 3 GB)."
)
TAMPERED = (
    "A package that was downloaded is not the one that requirements.lock names: run the same "
    "command again, and if this comes back, ask whoever runs your package index or proxy."
)
UNKNOWN_VERSION = (
    "The package index lacks a version that requirements.lock names: the newest packages are "
    "installed instead."
)
NOT_INSTALLED = "The installation failed; the message above says why."
NOT_HERE = (
    "What the lessons lack here ({}) does not go with the packages of this Python, which are kept "
    "as they are: take a newer runtime, or another computer."
)


def install(python: str, wishes: set[str]) -> str:
    """Installs what the lessons need where this Python finds it; returns what went wrong, or "".

    wishes: "tests" (what they need too), "newest" (packages, not the locked ones), "cpu" or "gpu".
    """
    packages = ["-r", "requirements.txt"]
    if "tests" in wishes:
        packages += ["-r", "requirements-test.txt"]
    offline = ["--no-index", "--find-links", str(WHEELS)] if WHEELS.exists() else []
    bring_uv = [python, "-m", "pip", "install", "-q", UV, *offline]
    if subprocess.run(bring_uv, cwd=ROOT, capture_output=True).returncode == 0:
        uv = [python, "-m", "uv", "pip", "install", "--python", python, *packages, *offline]
        settings = read_pip_settings(python)
        for build in dict.fromkeys(["" if offline else choose_build(wishes), ""]):
            unchecked = TORCH if build else r"\S+" if offline else None
            command = [*uv, *torch_index(build), *constraints(wishes, unchecked)]
            trouble = run(command, settings)
            if trouble in ("", DISK_FULL, TAMPERED):
                return trouble
            if build:
                print(NO_BUILD.format(build), file=sys.stderr, flush=True)
    pip = [python, "-m", "pip", "install", *packages, *offline]
    trouble = run([*pip, *constraints(wishes, r"\S+")], {})  # with hashes pip takes no `-e .`
    if "No matching distribution" in trouble and "newest" not in wishes:
        print(UNKNOWN_VERSION, file=sys.stderr, flush=True)
        return install(python, wishes | {"newest"})
    return NO_WHEELS if trouble == NO_NETWORK and offline else trouble


def choose_build(wishes: set[str]) -> str:
    """Returns the build of PyTorch, in uv's words; "" is the one on PyPI.

    That one is for GPUs on Linux, for processors on Windows, for both on macOS.
    """
    if sys.platform == "darwin":
        return ""
    driver = shutil.which("nvidia-smi") or os.path.exists("/proc/driver/nvidia/version")
    if "cpu" in wishes or not (driver or "gpu" in wishes):
        return "cpu" if sys.platform == "linux" else ""
    return "auto" if driver else ""  # the build that the driver can run


def torch_index(build: str) -> list[str]:
    """Returns the options that find this build; COURSE_TORCH_INDEX names a mirror that has it."""
    mirror = os.environ.get("COURSE_TORCH_INDEX")
    if build and mirror:
        return ["--extra-index-url", mirror, "--index-strategy", "unsafe-best-match"]
    return ["--torch-backend", build] if build else []


def constraints(wishes: set[str], unchecked: str | None) -> list[str]:
    """Returns the option that keeps to the lock, without the hashes of packages `unchecked`."""
    if "newest" in wishes:
        return ["--upgrade"]
    lock = ROOT / "requirements.lock"
    if unchecked is None:
        return ["-c", lock.name]
    hashes = re.compile(rf"^({unchecked}==.*?)(?: \\\n +--hash=\S+)+", re.MULTILINE)
    partly = BUILD / "constraints.txt"
    partly.parent.mkdir(exist_ok=True)
    partly.write_text(hashes.sub(r"\1", lock.read_text(encoding="utf-8")), encoding="utf-8")
    return ["-c", str(partly.relative_to(ROOT))]


def read_pip_settings(python: str) -> dict[str, str]:
    """Returns pip's settings as the variables that say the same to uv."""
    command = [python, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout
    settings = {"UV_SYSTEM_CERTS": "1"}
    for line in sorted(listed.splitlines()):  # variables come first, and win
        name, _, value = line.partition("=")
        variable = PIP_TO_UV.get(name.rpartition(".")[2])
        if variable:
            between = "," if variable == "UV_FIND_LINKS" else " "
            settings.setdefault(variable, between.join(ast.literal_eval(value).split()))
    if "UV_INDEX" in settings:  # pip takes the newest of all indexes
        settings["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    if not os.access(os.path.expanduser("~"), os.W_OK):
        settings["UV_CACHE_DIR"] = str(BUILD / "uv")
    return settings


def run(command: list[str], settings: dict[str, str]) -> str:
    """Runs an installer, shows how it gets on, and returns what went wrong, or ""."""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**settings, **os.environ},
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as installer:  # pip tells its progress on stdout, uv on stderr
        complaints = ""
        for line in installer.stderr:
            complaints += line
            if line.startswith(PROGRESS):
                print(line, end="", flush=True)
    return explain(complaints) if installer.returncode else ""


def explain(complaints: str) -> str:
    """Returns one sentence for the common failures, else what the installer said."""
    errors = complaints[max(0, complaints.find("ERROR")) :]  # pip's warnings are harmless
    if any(sign in errors for sign in ("No space left", "Errno 28", "not enough space")):
        return DISK_FULL
    if "Hash mismatch" in errors or "DO NOT MATCH THE HASHES" in errors:
        return TAMPERED
    if any(sign in errors for sign in ("(from versions: none)", "Max retries", "timed out")):
        return NO_NETWORK
    return f"{complaints.strip()}\n{NOT_INSTALLED}"


def install_here() -> str:
    """Installs what this Python lacks and replaces nothing; returns a sentence, or exits with one.

    For machines that bring their own PyTorch: Colab, Kaggle, a cluster's modules.
    """
    present = {plain(d.name): d.version for d in distributions() if d.name}
    kept = BUILD / "present.txt"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("\n".join(f"{name}=={version}" for name, version in present.items()))
    notebooks_open = {*present, "jupyterlab"}  # already, in the machine's own way
    missing = [line for line in requirements() if plain(line) not in notebooks_open]
    if missing:
        command = [sys.executable, "-m", "pip", "install", "-q", "-c", str(kept), *missing]
        trouble = run(command, {})
        if trouble:
            names = ", ".join(map(plain, missing))
            known = trouble in (NO_NETWORK, DISK_FULL)
            sys.exit(trouble if known else f"{trouble}\n{NOT_HERE.format(names)}")
    torch = present.get("torch", "installed")
    return f"{len(missing)} packages were missing; nothing was replaced (torch: {torch})."


def plain(requirement: str) -> str:
    """Returns the name of a package, as all spell it alike."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()


def requirements(*more: str) -> list[str]:
    """Returns what requirements.txt, pyproject.toml and `more` lists ask for, one package each."""
    course = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lines = list(course["build-system"]["requires"])
    for extra in course["project"]["optional-dependencies"].values():
        lines += extra
    for name in ("requirements.txt", *more):
        text = (ROOT / name).read_text(encoding="utf-8")
        lines += [line.partition("#")[0].strip() for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith("-")]
