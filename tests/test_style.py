"""The code is clean, its rooms import downwards only, and it runs nothing that a file brings."""

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("helpers", "classroom", "scale", "benchmarks", "data/draw")
FILES = [
    ROOT / "course.py",
    *sorted(file for room in ROOMS for file in (ROOT / room).rglob("*.py")),
]
MODULES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
    for file in FILES
}
LESSONS = sorted((ROOT / "notebooks").rglob("*.ipynb"))


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=" ".join)
def test_ruff_finds_nothing(command):
    ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", "."]
    result = subprocess.run(ruff, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def imports(file: Path) -> set[str]:
    """Returns the course's modules that a file imports, at its top or within a function."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names & MODULES.keys()


def test_imports_form_no_circle():
    TopologicalSorter({name: imports(file) for name, file in MODULES.items()}).prepare()


@pytest.mark.parametrize(
    "room, below",
    [
        ("helpers.files", r"helpers|helpers\.(files|require)\b.*"),
        ("helpers", r"helpers\b.*"),
        ("classroom", r"(helpers|classroom)\b.*"),
        ("scale", r"(helpers|scale)\b.*"),
        ("data.draw", r"data\.draw\b.*"),
        ("course", "nothing"),
    ],
)
def test_a_room_imports_only_from_itself_and_from_those_below(room, below):
    inside = {name: file for name, file in MODULES.items() if f"{name}.".startswith(f"{room}.")}
    assert inside
    for name, file in inside.items():
        assert not [other for other in imports(file) if not re.fullmatch(below, other)], name


def test_no_code_runs_what_a_downloaded_file_brings():
    unsafe = r"weights_only\s*=\s*False|allow_pickle\s*=\s*True|\bpickle\.|load_state_dict_from_"
    for file in [*FILES, *LESSONS]:
        assert not re.search(unsafe, file.read_text(encoding="utf-8")), file


def test_the_changes_begin_with_the_version_that_pyproject_names_and_no_other_file_has_one():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    version = re.search(r'^version = "(.+?)"', project, re.MULTILINE)[1]
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## (.+)$", changes, re.MULTILINE)[1] == version
    assert not re.search(r"^version:", (ROOT / "CITATION.cff").read_text("utf-8"), re.MULTILINE)
