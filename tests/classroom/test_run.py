"""`course.py run` on tiny notebooks."""

import _thread
import atexit
import json
import signal
import sys
import threading
import time
from base64 import b64decode
from io import BytesIO

import nbformat
import numpy as np
import psutil
import pytest
from matplotlib.figure import Figure
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from classroom import notebooks, origin, run
from classroom.commands import parse
from helpers import NUMBERS, plot


def write_lesson(folder, name, *sources):
    cells = [new_markdown_cell("# A lesson"), *map(new_code_cell, sources)]
    path = folder / f"{name}.ipynb"
    path.parent.mkdir(exist_ok=True)
    nbformat.write(new_notebook(cells=cells), path)
    return path


def show(numbers):
    """Returns the source of a cell whose output holds these numbers beside a table."""
    data = {NUMBERS: numbers, "text/plain": "a table"}
    return f"from IPython.display import display\ndisplay({data!r}, raw=True)"


WHERE = """
import os, sys
secret = os.environ['COURSE_PROGRESS'] or os.environ['COURSE_CLASS'] or '-'
print(os.environ['COURSE_SIZE'], os.getcwd(), sys.executable, secret)
"""
LOUD = "for i in range(3):\n    print(i, flush=True)"


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory):
    """A good lesson, saved, and a failing one, beside results of an earlier run."""
    folder = tmp_path_factory.mktemp("a notebook è")
    numbers = {"accuracy": 0.9}, {"network": "é"}, [1, 2]
    good = write_lesson(folder, "00_good", WHERE, "", *map(show, numbers), LOUD)
    bad = write_lesson(folder, "01_bad", "x = 1", "# here\n1 / 0", "print('never')")
    solution = write_lesson(folder, "solutions/00_good", show({"accuracy": 0.5}))
    build = folder / "build"
    build.mkdir()
    earlier = {"01_bad": {"numbers": {"accuracy": 1}}, "02_other": {"numbers": {"loss": 0.1}}}
    (build / "results.json").write_text(json.dumps(earlier))
    before = {path.stem: path.read_bytes() for path in (good, bad)}
    stranger = folder / "kernels" / "python3"  # another Python's kernel in the home of the user
    stranger.mkdir(parents=True)
    (stranger / "kernel.json").write_text('{"argv": ["false"], "display_name": "Python 3"}')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(folder))
        patch.setenv("COURSE_PROGRESS", "a student's file")
        patch.setenv("COURSE_CLASS", "a student's class")
        reports = run.run_lessons([good, bad, solution], build, size="tiny", save=True)
    return folder, build, before, reports


def test_the_table_names_every_lesson_and_what_went_wrong_in_which_cell(two_runs):
    header, *lines = run.table(two_runs[3]).strip().splitlines()
    assert header.split() == ["lesson", "seconds"]
    assert lines[0].startswith("00_good") and lines[0].endswith("ok")
    assert lines[1].startswith("01_bad")
    assert lines[1].endswith("cell 2: ZeroDivisionError: division by zero  [# here]")
    assert lines[2].startswith("solutions/00_good")


def test_the_kernel_runs_in_this_python_in_the_lessons_folder_and_knows_nobodys_progress(two_runs):
    folder = two_runs[0]
    first = nbformat.read(folder / "00_good.ipynb", as_version=4).cells[1]
    assert first.outputs[0].text.strip() == f"tiny {folder} {sys.executable} -"


def test_results_of_this_run_replace_those_of_earlier_ones(two_runs):
    folder, build = two_runs[:2]
    results = json.loads((build / "results.json").read_text(encoding="utf-8"))
    assert {name: entry.get("numbers") for name, entry in results.items()} == {
        "00_good": {"accuracy": 0.9, "network": "é"},
        "02_other": {"loss": 0.1},  # 01_bad failed, so its old numbers went
        "solutions/00_good": {"accuracy": 0.5},
    }
    lesson = nbformat.read(folder / "00_good.ipynb", as_version=4)
    assert results["00_good"]["size"] == "tiny"
    assert results["00_good"]["code"] == origin.digest(lesson)


def test_every_lesson_has_a_page_also_if_it_failed(two_runs):
    build = two_runs[1]
    assert "A lesson" in (build / "solutions/00_good.html").read_text(encoding="utf-8")
    assert "ZeroDivisionError" in (build / "01_bad.html").read_text(encoding="utf-8")


def test_a_saved_notebook_holds_nothing_of_this_machine(two_runs):
    folder, _, before, _ = two_runs
    saved = nbformat.read(folder / "00_good.ipynb", as_version=4)
    assert saved.metadata == {
        "kernelspec": run.KERNEL,
        "language_info": {"name": "python"},
        "course": {"size": "tiny", "code": origin.digest(saved)},
    }
    assert [cell.get("execution_count") for cell in saved.cells] == [None, 1, None, 2, 3, 4, 5]
    assert all(cell.metadata == {} for cell in saved.cells)
    assert [output.text for output in saved.cells[-1].outputs] == ["0\n1\n2\n"]
    old = nbformat.reads(before["00_good"].decode(), as_version=4)
    assert [cell.id for cell in saved.cells] == [cell.id for cell in old.cells]


def test_a_failing_notebook_is_not_saved(two_runs):
    folder, _, before, _ = two_runs
    assert (folder / "01_bad.ipynb").read_bytes() == before["01_bad"]


def test_widgets_are_not_saved():
    outputs = [new_output("display_data", {kind: "?"}) for kind in (*run.LIVE, "text/plain")]
    notebook = new_notebook(cells=[new_code_cell("bar", outputs=outputs)])
    notebook.metadata.widgets = {"state": {}}
    tidied = run.tidy(notebook)
    assert "widgets" not in tidied.metadata
    assert tidied.cells[0].outputs == outputs[-1:]


def test_a_progress_bar_that_wiped_itself_out_is_not_saved_a_warning_is():
    texts = ["  \r", "Warning: old\n"]
    outputs = [new_output("stream", name="stderr", text=text) for text in texts]
    notebook = new_notebook(cells=[new_code_cell("load()", outputs=outputs)])
    assert run.tidy(notebook).cells[0].outputs == outputs[1:]


def test_a_saved_drawing_is_half_as_large_at_most_and_looks_the_same():
    figure = Figure()
    for i, color in enumerate(plot.COLORS):
        figure.subplots().plot([0, 1, 2], [i, i + 1, i], color=color, label="line")
    drawn = plot.Drawing(figure, "lines")._repr_html_()
    output = new_output("display_data", {"text/html": drawn})
    notebook = new_notebook(cells=[new_code_cell("plot", outputs=[output])])
    saved = run.tidy(notebook).cells[0].outputs[0].data["text/html"]
    assert len(saved) < len(drawn) / 2
    before, after = (
        np.asarray(Image.open(BytesIO(b64decode(run.DRAWING.search(h)[0]))).convert("RGB"), int)
        for h in (drawn, saved)
    )
    assert abs(before - after).max() <= 24  # of 255, at the edges of letters
    assert run.tidy(notebook).cells[0].outputs[0].data["text/html"] == saved


@pytest.mark.parametrize(
    "source, trouble",
    [
        ("import os\nos._exit(1)", "cell 1: the kernel died"),
        ("import time\ntime.sleep(60)", "cell 1: the cell did not end in time"),
        (None, "the file is damaged: get it again"),
    ],
)
def test_a_kernel_that_dies_or_hangs_and_a_damaged_file_are_told(
    tmp_path, monkeypatch, source, trouble
):
    monkeypatch.setitem(run.CELL_MINUTES, "drawn", 1 / 60)
    lesson = write_lesson(tmp_path, "00_ends", source or "")
    if source is None:
        lesson.write_text("<<<<<<< ours\n{}")
    (report,) = run.run_lessons([lesson], tmp_path / "build")
    assert report.trouble.startswith(trouble)


def test_ctrl_c_ends_the_kernel(tmp_path):
    pid = tmp_path / "pid"
    source = "import os, time\nopen('pid', 'w').write(str(os.getpid()))\ntime.sleep(60)"
    client = notebooks.make_client(new_notebook(cells=[new_code_cell(source)]), tmp_path)

    def interrupt():
        while not (pid.exists() and pid.read_text()):
            time.sleep(0.05)
        _thread.interrupt_main()

    # tests that a shell runs in the background begin with Ctrl+C ignored
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        notebooks.execute(client)
    signal.signal(signal.SIGINT, before)
    assert not psutil.pid_exists(int(pid.read_text()))


def test_a_kernel_that_ends_before_it_is_ready_leaves_nothing_for_pythons_own_end(
    tmp_path, monkeypatch
):
    left = []
    monkeypatch.setattr(atexit, "register", lambda call, *given, **named: left.append(call))
    monkeypatch.setattr(atexit, "unregister", lambda call: call in left and left.remove(call))
    client = notebooks.make_client(new_notebook(cells=[new_code_cell("1")]), tmp_path)

    def stop():
        raise InterruptedError

    with pytest.raises(InterruptedError):
        notebooks.execute(client, watch=stop)
    assert client._cleanup_kernel not in left


@pytest.mark.parametrize("trouble, status", [("", 0), ("cell 1: no", 1)])
def test_the_exit_status_tells_whether_a_lesson_failed(monkeypatch, trouble, status):
    monkeypatch.setattr(run, "run_lessons", lambda *args: [run.Report("00_a", trouble=trouble)])
    assert run.main(parse(["run", "0", "--size", "drawn"])) == status
