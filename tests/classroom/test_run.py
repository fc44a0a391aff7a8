"""classroom/run.py on tiny notebooks."""

import json
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from classroom import run
from helpers import NUMBERS


def write_lesson(folder, name, *sources):
    cells = [new_markdown_cell("# A lesson"), *map(new_code_cell, sources)]
    path = folder / f"{name}.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    return path


SHOW = "from IPython.display import display\n"
SHOW += f"def show(x): display({{'{NUMBERS}': x, 'text/plain': 'a table'}}, raw=True)\n"
ACCURACY = SHOW + "show({'accuracy': 0.9})"
EPOCHS = "show({'epochs': 3, 'network': 'é'})"
LIST = "show([1, 2])"


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory):
    """A good lesson and a failing one, beside results of an earlier run, with --save."""
    folder = tmp_path_factory.mktemp("a notebook è")
    where = "import os, sys; print(os.environ['COURSE_SIZE'], os.getcwd(), sys.executable)"
    loud = "for i in range(3):\n    print(i, flush=True)"
    good = write_lesson(folder, "00_good", where, "", ACCURACY, EPOCHS, LIST, loud)
    bad = write_lesson(folder, "01_bad", "x = 1", "# here\n1 / 0", "print('never')")
    build = folder / "build"
    build.mkdir()
    earlier = {"01_bad": {"accuracy": 1}, "02_other": {"loss": 0.1}}
    (build / "results.json").write_text(json.dumps(earlier))
    before = {path.stem: path.read_bytes() for path in (good, bad)}
    stranger = folder / "kernels" / "python3"  # another Python's kernel in the home of the user
    stranger.mkdir(parents=True)
    (stranger / "kernel.json").write_text('{"argv": ["false"], "display_name": "Python 3"}')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(folder))
        reports = run.run_lessons([good, bad], build, size="tiny", save=True)
    return folder, build, before, reports


def test_reports(two_runs):
    good, bad = two_runs[3]
    assert good.trouble == ""
    assert good.seconds > 0 and 20 < good.memory < 1000
    assert bad.trouble == "cell 2: ZeroDivisionError: division by zero  [# here]"


def test_table_names_every_lesson(two_runs):
    lines = run.table(two_runs[3]).strip().splitlines()
    assert lines[0].split() == ["lesson", "seconds", "peak", "memory"]
    assert lines[1].startswith("00_good") and lines[1].endswith("MB  ok")
    assert lines[2].startswith("01_bad") and "ZeroDivisionError" in lines[2]


def test_kernel_runs_here_with_the_size(two_runs):
    folder = two_runs[0]
    first = nbformat.read(folder / "00_good.ipynb", as_version=4).cells[1]
    assert first.outputs[0].text.strip() == f"tiny {folder} {sys.executable}"


def test_results_are_gathered_and_merged(two_runs):
    build = two_runs[1]
    assert json.loads((build / "results.json").read_text(encoding="utf-8")) == {
        "00_good": {"accuracy": 0.9, "epochs": 3, "network": "é"},
        "02_other": {"loss": 0.1},  # an earlier run's; 01_bad failed, so its old numbers went
    }
    assert not list(build.glob("*.part"))


def test_pages(two_runs):
    build = two_runs[1]
    assert "A lesson" in (build / "00_good.html").read_text(encoding="utf-8")
    assert "ZeroDivisionError" in (build / "01_bad.html").read_text(encoding="utf-8")


def test_saved_notebook_is_clean(two_runs):
    folder, _, before, _ = two_runs
    text = (folder / "00_good.ipynb").read_text(encoding="utf-8")
    assert text.endswith("}\n") and not text.endswith("\n\n")
    saved = nbformat.reads(text, as_version=4)
    nbformat.validate(saved)
    assert saved.metadata == {"kernelspec": run.KERNEL, "language_info": {"name": "python"}}
    assert [cell.get("execution_count") for cell in saved.cells] == [None, 1, None, 2, 3, 4, 5]
    assert all(cell.metadata == {} for cell in saved.cells)
    assert [output.text for output in saved.cells[-1].outputs] == ["0\n1\n2\n"]
    old = nbformat.reads(before["00_good"].decode(), as_version=4)
    assert [cell.id for cell in saved.cells] == [cell.id for cell in old.cells]


def test_failing_notebook_is_not_saved(two_runs):
    folder, _, before, _ = two_runs
    assert (folder / "01_bad.ipynb").read_bytes() == before["01_bad"]


def test_widgets_are_not_saved():
    data = {run.WIDGET: {"model_id": "1"}, "text/plain": "a bar"}
    output = nbformat.v4.new_output("display_data", data)
    kept = nbformat.v4.new_output("display_data", {"text/plain": "a table"})
    notebook = new_notebook(cells=[new_code_cell("bar", outputs=[output, kept])])
    notebook.metadata.widgets = {"state": {}}
    tidied = run.tidy(notebook)
    assert "widgets" not in tidied.metadata
    assert tidied.cells[0].outputs == [kept]


def test_without_save_nothing_changes_and_a_dead_kernel_is_told(tmp_path, capsys):
    lesson = write_lesson(tmp_path, "00_dies", "import os\nos._exit(1)")
    before = lesson.read_bytes()
    (report,) = run.run_lessons([lesson], tmp_path / "build")
    assert report.trouble.startswith("cell 1: the kernel died")
    assert lesson.read_bytes() == before
    assert "00_dies: 1 cells" in capsys.readouterr().out


def test_damaged_file_is_told(tmp_path):
    lesson = tmp_path / "00_damaged.ipynb"
    lesson.write_text("<<<<<<< ours\n{}")
    (report,) = run.run_lessons([lesson], tmp_path / "build")
    assert report.trouble == "the file is damaged: get it again"


def test_a_cell_that_hangs_ends_in_time(tmp_path, monkeypatch):
    monkeypatch.setitem(run.CELL_MINUTES, "drawn", 1 / 60)
    lesson = write_lesson(tmp_path, "00_hangs", "import time\ntime.sleep(60)")
    (report,) = run.run_lessons([lesson], tmp_path / "build")
    assert report.trouble.startswith("cell 1: the cell did not end in time")


def test_a_solution_has_its_own_page_and_results_beside_those_of_its_lesson(tmp_path):
    (tmp_path / "solutions").mkdir()
    lesson = write_lesson(tmp_path, "00_same", SHOW + "show({'accuracy': 0.5})")
    solution = write_lesson(tmp_path / "solutions", "00_same", ACCURACY)
    run.run_lessons([lesson, solution], tmp_path / "build", save=True)
    results = json.loads((tmp_path / "build/results.json").read_text(encoding="utf-8"))
    assert results == {"00_same": {"accuracy": 0.5}, "solutions/00_same": {"accuracy": 0.9}}
    assert (tmp_path / "build/00_same.html").exists()
    assert (tmp_path / "build/solutions/00_same.html").exists()
    assert nbformat.read(solution, as_version=4).cells[-1].execution_count == 1


@pytest.mark.parametrize("trouble, status", [("", 0), ("cell 1: no", 1)])
def test_exit_status(monkeypatch, tmp_path, trouble, status):
    monkeypatch.setattr(run, "find_lessons", lambda names: [tmp_path / "00_a.ipynb"])
    monkeypatch.setattr(run, "run_lessons", lambda *args, **kw: [run.Report("00_a", 1, 1, trouble)])
    assert run.main(["0", "--size", "drawn"]) == status
