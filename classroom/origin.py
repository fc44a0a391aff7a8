"""Where a lesson's outputs come from: a digest of its cells and of the helpers that they import."""

import ast
import hashlib
from pathlib import Path

from nbformat import NotebookNode

from classroom.commands import ROOT

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)


def digest(notebook: NotebookNode) -> str:
    """Returns a text that changes whenever the code behind a lesson's outputs changes.

    That is its code cells, the modules of helpers/ that they import, the ones that those import,
    and so on; comments and docstrings aside.
    """
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    files = sorted(_imported(cells), key=str)
    sources = [*cells, *(file.read_text(encoding="utf-8") for file in files)]
    code = "\n".join(line for source in sources for line in _code(source))
    return hashlib.sha256(code.encode()).hexdigest()[:16]


def _parse(source: str) -> ast.Module:
    """Returns the syntax tree; an empty one for a cell that holds magics."""
    try:
        return ast.parse(source)
    except SyntaxError:
        return ast.Module([], [])


def _code(source: str) -> list[str]:
    """Returns the lines that are neither blank nor comment nor docstring."""
    left_out = set()
    for node in ast.walk(_parse(source)):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node) is not None:
            left_out.update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    lines = enumerate((line.strip() for line in source.splitlines()), 1)
    return [line for n, line in lines if line and line[0] != "#" and n not in left_out]


def _imported(sources: list[str]) -> set[Path]:
    """Returns the files of helpers/ that these sources import, directly or through one another."""
    files, waiting = set(), list(sources)
    while waiting:
        for node in ast.walk(_parse(waiting.pop())):
            module = getattr(node, "module", None) or ""
            names = [alias.name for alias in getattr(node, "names", []) if hasattr(alias, "name")]
            for name in (module, *names, *(f"{module}.{name}" for name in names)):
                path = ROOT.joinpath(*name.split("."))
                for file in {path.with_suffix(".py"), path / "__init__.py"} - files:
                    if name.split(".")[0] == "helpers" and file.is_file():
                        files.add(file)
                        waiting.append(file.read_text(encoding="utf-8"))
    return files
