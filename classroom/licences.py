"""`course.py licences`: every installed package that the course needs, its version, its licence.

It reads what the packages say about themselves, and writes nothing.
"""

import re
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from course import ROOT

UNKNOWN = "unknown"


def main(argv: list[str]) -> int:
    packages, missing = closure(read_requirements(ROOT))
    rows = [(name, package.version, licence(package)) for name, package in packages.items()]
    print("\n".join(table(rows)))
    unknown = [name for name, _, found in rows if found == UNKNOWN]
    print(f"\n{len(rows)} packages; {len(unknown)} of them do not name their licence", end="")
    print(f": {', '.join(unknown)} (look into the files that they brought)." if unknown else ".")
    if missing:
        print(f"Not installed: {', '.join(missing)}.")
    return 0


def read_requirements(folder: Path) -> list[Requirement]:
    """The lines of requirements.txt; `-e .[kaggle]` stands for what pyproject.toml names so."""
    requirements = []
    for line in (folder / "requirements.txt").read_text(encoding="utf-8").splitlines():
        line = re.split(r"(?:^|\s)#", line)[0].strip()
        if here := re.fullmatch(r"-e \.(?:\[(.*)\])?", line):
            project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
            project = project["project"]
            texts = list(project.get("dependencies", []))
            for extra in filter(None, (here[1] or "").split(",")):
                texts += project["optional-dependencies"][extra.strip()]
            requirements += map(Requirement, texts)
        elif line:
            requirements.append(Requirement(line))
    return requirements


def closure(requirements: list[Requirement]) -> tuple[dict[str, Distribution], list[str]]:
    """The packages that these need, and those need, by sorted name; and those that are missing."""
    packages, missing, seen = {}, set(), set()
    waiting = [(requirement, "") for requirement in requirements]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue  # for another system or Python, or for an extra that nobody asked for
        name = canonicalize_name(requirement.name)
        try:
            packages[name] = distribution(name)
        except PackageNotFoundError:
            missing.add(name)
            continue
        for wanted in ("", *requirement.extras):
            if (name, wanted) not in seen:
                seen.add((name, wanted))
                waiting += [(Requirement(text), wanted) for text in packages[name].requires or []]
    return dict(sorted(packages.items())), sorted(missing)


def licence(package: Distribution) -> str:
    """In this order: License-Expression, a License of one line, classifiers, the text's title."""
    about = package.metadata
    if expression := about.get("License-Expression"):
        return expression
    text = (about.get("License") or "").strip()
    if text and "\n" not in text and text != "UNKNOWN":
        return text
    classifiers = [c for c in about.get_all("Classifier", []) if c.startswith("License :: ")]
    if classifiers:
        return ", ".join(c.split(" :: ")[-1] for c in classifiers)
    title = text.splitlines()[0] if text else ""
    return title if "licen" in title.lower() else UNKNOWN


def table(rows: list[tuple[str, ...]]) -> list[str]:
    """One line a package, in columns."""
    widths = [max(len(row[i]) for row in rows) for i in range(2)] if rows else [0, 0]
    return [f"{n:{widths[0]}}  {v:{widths[1]}}  {found}" for n, v, found in rows]
