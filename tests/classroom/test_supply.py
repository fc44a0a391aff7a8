"""What the code imports is installed by requirements.txt."""

import json
import re
import sys
from importlib.metadata import packages_distributions

from classroom.install import requirements
from tests.conftest import ROOT

OURS = {"helpers", "classroom", "scale", "benchmarks", "tests", "course"}
ITSELF = {"pretend_device"}  # the file in tests/, which may be run as a program
OPTIONAL = {"fastai"}  # benchmarks measure it where it is installed
BROUGHT = {  # by the packages in requirements.txt, which cannot do without
    *(
        "packaging",
        "IPython",
        "bs4",
        "jupyter_client",
        "nbclient",
        "nbconvert",
        "nbformat",
        "traitlets",
        "zmq",
    ),  # JupyterLab
    *(
        "PIL",
        "numpy",
        "scipy",
        "kagglesdk",
        "safetensors",
    ),  # torchvision, scikit-learn, kaggle, timm
}


def sources() -> list[str]:
    folders = [*(ROOT / name for name in OURS - {"course"}), ROOT / "data" / "draw"]
    files = [ROOT / "course.py", *(file for folder in folders for file in folder.rglob("*.py"))]
    code = [file.read_text(encoding="utf-8") for file in files]
    for file in (ROOT / "notebooks").rglob("*.ipynb"):
        cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
        code += ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return code


def plain(name: str) -> str:
    return re.match(r"[\w.-]+", name)[0].lower().replace("_", "-")


def test_every_module_that_is_imported_comes_with_the_requirements():
    drawing = {file.stem for file in (ROOT / "data" / "draw").glob("*.py")}  # import each other
    modules = set(re.findall(r"^ *(?:import|from) (\w+)", "\n".join(sources()), re.MULTILINE))
    modules -= OURS | ITSELF | OPTIONAL | BROUGHT | drawing | sys.stdlib_module_names
    required = {plain(requirement) for requirement in requirements("requirements-test.txt")}
    owners = packages_distributions()
    missing = {m for m in modules if not required & {plain(name) for name in owners.get(m, [])}}
    assert missing == set()
