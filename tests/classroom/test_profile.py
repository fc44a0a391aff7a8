"""classroom/profile.py: where the time of a tiny notebook goes."""

import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from classroom import profile, run

SETUP = """
import time
def made_in(file, function, inner="time.sleep(0.5)"):
    space = {"time": time}
    exec(compile(f"def {function}():\\n    {inner}", file, "exec"), space)
    return space[function]
"""
DECODE = "made_in('/x/helpers/data.py', 'read_picture')()"
WINDOWS = "made_in('C:\\\\x\\\\helpers\\\\data.py', 'read_picture')()"
AUGMENT = "made_in('/x/torchvision/transforms/v2/_t.py', 'crop')()"
FORWARD = "made_in('/x/torch/nn/functional.py', 'linear')()"
BACKWARD = "made_in('/x/torch/autograd/graph.py', '_engine_run_backward')()"
DRAW = """
from matplotlib.figure import Figure
begin = time.perf_counter()
while time.perf_counter() < begin + 0.5:
    Figure().subplots().plot([1, 2])
"""
IMPORT = """
import pathlib
pathlib.Path("slow_to_import.py").write_text("import time\\ntime.sleep(0.5)")
import slow_to_import
"""
OTHER = "time.sleep(0.5)"


@pytest.fixture(scope="module")
def profiled(tmp_path_factory):
    """One lesson with half a second of each kind of work, run with --profile and --save."""
    folder = tmp_path_factory.mktemp("a profile")
    sources = [SETUP, DECODE, AUGMENT, FORWARD, BACKWARD, DRAW, IMPORT, OTHER, WINDOWS]
    path = folder / "00_times.ipynb"
    sources.append("print(sorted(name for name in dir() if 'profile' in name))")
    nbformat.write(new_notebook(cells=list(map(new_code_cell, sources))), path)
    (report,) = run.run_lessons([path], folder / "build", save=True, profiled=True)
    assert report.trouble == ""
    return path, report


def test_each_kind_of_work_gets_its_seconds(profiled):
    found = profiled[1].profile
    assert found["decode"] == pytest.approx(1.0, abs=0.3)
    for kind in ("augment", "forward", "backward", "draw", "other"):
        assert found[kind] == pytest.approx(0.5, abs=0.25), kind
    assert 0.5 <= found["import"] < 4  # matplotlib's too


def test_the_parts_sum_to_the_time_of_the_lesson(profiled):
    report = profiled[1]
    assert sum(report.profile.values()) == pytest.approx(report.seconds)
    assert 0 < report.profile["kernel"] < report.seconds - 3.8  # eight times half a second


def test_a_saved_notebook_and_its_variables_hold_nothing_of_the_profile(profiled):
    saved = nbformat.read(profiled[0], as_version=4)
    assert [cell.execution_count for cell in saved.cells] == list(range(1, 11))
    assert saved.cells[-1].outputs[0].text == "[]\n"
    assert all(not cell.outputs for cell in saved.cells[:-1])
    assert "profile" not in json.dumps(saved.metadata)


def test_without_the_option_nothing_looks_on(tmp_path, capsys):
    path = tmp_path / "00_plain.ipynb"
    source = "import sys\nprint('classroom.profile' in sys.modules)"
    nbformat.write(new_notebook(cells=[new_code_cell(source)]), path)
    run.run_lessons([path], tmp_path / "build", save=True)
    assert nbformat.read(path, as_version=4).cells[0].outputs[0].text == "False\n"
    assert "where the time goes" not in capsys.readouterr().out


def test_the_table_has_seconds_and_per_cent():
    row = dict.fromkeys(profile.COLUMNS, 0.0) | {"forward": 3.0, "draw": 1.0}
    head, seconds, per_cent = profile.table({"00_a": row}).strip("\n").splitlines()
    assert head.split()[-9:] == [*profile.COLUMNS, "all"]
    assert seconds.split()[0] == "00_a" and seconds.split()[-2:] == ["4.0", "s"]
    assert per_cent.split() == ["0%", "0%", "0%", "75%", "0%", "25%", "0%", "0%", "100%"]


def test_a_kernel_that_died_leaves_all_of_its_time_unexplained(tmp_path):
    found = profile.fetch(tmp_path / "profile.json", 2.0)
    assert found["kernel"] == 2.0 and sum(found.values()) == 2.0
