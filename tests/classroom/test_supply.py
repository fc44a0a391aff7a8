"""What the code imports is installed by requirements.txt."""

import ast
import json
import re
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from pathlib import Path

from classroom import bundle

ROOT = Path(__file__).parents[2]
OURS = {"helpers", "classroom", "scale", "benchmarks", "tests", "course"}
OPTIONAL = {"fastai"}  # benchmarks measure it where it is installed


def sources() -> list[str]:
    folders = sorted(OURS - {"course"}) + ["data/draw"]
    files = [ROOT / "course.py", *(f for name in folders for f in (ROOT / name).rglob("*.py"))]
    code = [file.read_text(encoding="utf-8") for file in files]
    for file in (ROOT / "notebooks").rglob("*.ipynb"):
        cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
        code += ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return code


def imported(code: str) -> set[str]:
    """The top-level modules that some code imports."""
    lines = [line for line in code.splitlines() if not line.lstrip().startswith(("%", "!"))]
    nodes = list(ast.walk(ast.parse("\n".join(lines))))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {n.module for n in nodes if isinstance(n, ast.ImportFrom) and n.module}
    return {name.partition(".")[0] for name in names}


def plain(requirement: str) -> str:
    """The name in a requirement such as `Some_Package[extra]>=1; python_version < "4"`."""
    return re.match(r"[\w.-]+", requirement)[0].lower().replace("_", "-")


def with_dependencies(requirements: list[str]) -> set[str]:
    """The names of these packages and of all that pip installs along with them."""
    names, waiting = set(), [plain(requirement) for requirement in requirements]
    while waiting:
        name = waiting.pop()
        if name not in names:
            names.add(name)
            with suppress(PackageNotFoundError):  # of another system
                needs = distribution(name).requires or []
                waiting += [plain(need) for need in needs if "extra ==" not in need]
    return names


def test_every_module_that_is_imported_comes_with_the_requirements():
    installed = with_dependencies(bundle.requirements())
    drawing = {file.stem for file in (ROOT / "data" / "draw").glob("*.py")}  # import each other
    modules = set().union(*map(imported, sources())) - OURS - OPTIONAL - drawing
    owners = packages_distributions()
    brought = {name for name in modules if {*map(plain, owners.get(name, []))} & installed}
    assert modules - brought - sys.stdlib_module_names == set()
