"""The code stays clean and short enough for a student to read."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(
    p
    for d in (
        "helpers",
        "helpers/files",
        "classroom",
        "classroom/exercises",
        "scale",
        "benchmarks",
        "data/draw",
    )
    for p in ROOT.glob(f"{d}/*.py")
)


def test_ruff_finds_nothing():
    for command in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        subprocess.run([sys.executable, "-m", "ruff", *command, "."], cwd=ROOT, check=True)


@pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.parent.name}/{f.name}")
def test_files_and_functions_are_short(file):
    text = file.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 500
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            described = isinstance(node.body[0], ast.Expr)
            first = node.body[1 if described and len(node.body) > 1 else 0].lineno
            assert node.end_lineno - first < 45, node.name
