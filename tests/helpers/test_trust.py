"""What the code may not do: run what a file brings along, depend on the clock on the wall."""

import ast
import pickle
from pathlib import Path

import nbformat
import pytest
import torch

from helpers import CourseError
from helpers.data import loader
from helpers.train import fit

ROOT = Path(__file__).parents[2]
FOLDERS = (
    "helpers",
    "helpers/files",
    "classroom",
    "classroom/exercises",
    "scale",
    "benchmarks",
    "data/draw",
)
CODE = [ROOT / "course.py", *(file for name in FOLDERS for file in (ROOT / name).glob("*.py"))]
LESSONS = sorted((ROOT / "notebooks").rglob("*.ipynb"))


def sources() -> dict[str, str]:
    """Every piece of code of the course: files, and the cells of the lessons."""
    found = {file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8") for file in CODE}
    for file in LESSONS:
        cells = nbformat.read(file, as_version=4).cells
        lines = [line for c in cells if c.cell_type == "code" for line in c.source.split("\n")]
        found[file.stem] = "\n".join(lines)
    return found


def calls(text: str) -> list[tuple[str, dict[str, object]]]:
    """(name with its dots, constant arguments given by name) of each call in a piece of code."""
    lines = [line for line in text.split("\n") if not line.strip().startswith(("%", "!"))]
    found = []
    for node in ast.walk(ast.parse("\n".join(lines))):
        if isinstance(node, ast.Call):
            given = {k.arg: getattr(k.value, "value", None) for k in node.keywords}
            found.append((ast.unparse(node.func), given))
    return found


def unsafe(name: str, given: dict) -> bool:
    """Whether such a call may run code that a file brings along."""
    last = name.rsplit(".", 1)[-1]
    if name == "torch.load" or last in ("load_state_dict_from_url", "load_state_dict_from_hf"):
        return given.get("weights_only") is not True
    if name == "timm.models.load_state_dict":
        return given.get("weights_only") is not True
    unpickles = name.split(".")[0] in ("pickle", "joblib", "dill", "shelve", "marshal")
    return given.get("allow_pickle") is True or (unpickles and last in ("load", "loads", "open"))


def wall_clock(name: str) -> bool:
    """Whether such a call asks what time it is; a laptop that slept gets another answer."""
    return name in ("time.time", "time.time_ns", "time.localtime", "time.gmtime", "time.ctime") or (
        name.rsplit(".", 1)[-1] in ("now", "utcnow", "today")
    )


def test_weights_are_only_loaded_as_weights():
    found = {place: calls(text) for place, text in sources().items()}
    assert not [(p, c) for p, called in found.items() for c in called if unsafe(*c)]
    loads = [c for called in found.values() for c in called if c[1].get("weights_only") is True]
    assert len(loads) >= 2  # a checkpoint, a file of weights


TIDYING = (
    "helpers/files/decoded.py"  # removes what is older than a day; nothing is trusted for its age
)


def test_nothing_depends_on_the_clock_on_the_wall():
    for place, text in sources().items():
        if place != TIDYING and not place.startswith("benchmarks"):  # they say when they measured
            assert not [name for name, _ in calls(text) if wall_clock(name)], place


@pytest.mark.parametrize(
    "line",
    [
        "torch.load(file)",
        "x = torch.load(file, weights_only=False)",
        "pickle.loads(text)",
        "np.load(file, allow_pickle=True)",
        "timm.models.load_state_dict(str(file), device='cpu')",
        "def f():\n    return time.time()",
        "datetime.datetime.now()",
    ],
)
def test_the_search_would_find_it(line):
    ((name, given),) = [c for c in calls(line) if c[0] != "str"]
    assert unsafe(name, given) or wall_clock(name)


class Malice:
    def __reduce__(self):
        return Path.touch, (Path("was_run"),)


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_a_checkpoint_that_brings_code_is_refused_and_not_run(
    pictures, net, tmp_path, monkeypatch, how
):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "run.pt"
    if how == "torch":
        torch.save({"net": net.state_dict(), "history": Malice()}, file)
    else:
        file.write_bytes(pickle.dumps(Malice(), protocol=2))
    sgd = torch.optim.SGD(net.parameters(), 0.1)
    with pytest.raises(CourseError, match="run.pt does not fit this run: delete it"):
        fit(net, loader(pictures, 4), None, sgd, 1, checkpoint=file, quiet=True)
    assert not (tmp_path / "was_run").exists()
    with open(file, "rb") as stream:  # it would do it
        torch.load(stream, weights_only=False) if how == "torch" else pickle.load(stream)
    assert (tmp_path / "was_run").exists()
