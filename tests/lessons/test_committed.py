"""The notebooks as committed: executed in order, clean, and readable without seeing figures."""

import re
import subprocess
import sys

import nbformat
import pytest

from classroom import origin
from classroom.run import name_of
from tests.lessons.committed import (
    LESSONS,
    NOTEBOOKS,
    SOLUTIONS,
    code_cells,
    outputs,
    prose,
    read,
)

PATH_OF_A_MACHINE = r"[\"' (=](/(home|root|tmp|usr|work|opt|mnt|Users)/|[A-Z]:\\\\\w)"
TEST_SET = {  # what reads the test set in a lesson, the last decision, and the cell that may read
    "03": (r"hotdogs\.test|foods\.test", "03-mixed-run", "03-test-features"),
    "05": (r"find_answers|kaggle\.score", "05-choose-best", "05-test-hand-in"),
}


@pytest.fixture(params=LESSONS + SOLUTIONS, ids=lambda file: f"{file.parent.name}/{file.stem}")
def file(request):
    return request.param


@pytest.fixture
def notebook(file):
    return nbformat.read(file, as_version=4)


def test_a_notebook_is_valid_and_was_executed_from_top_to_bottom(notebook):
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    cells = code_cells(notebook)
    assert [c.execution_count for c in cells] == list(range(1, len(cells) + 1))
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)


def test_the_outputs_come_from_a_run_of_this_very_code_at_class_size(file, notebook):
    assert notebook.metadata.course == {"size": "drawn", "code": origin.digest(notebook)}, (
        f"run it again: python3 course.py run {name_of(file)} --save"
    )


def test_a_notebook_takes_at_most_900_kilobytes(file):
    assert file.stat().st_size <= 900_000


def test_a_code_cell_has_twelve_lines_at_most(notebook):
    assert not [cell.id for cell in code_cells(notebook) if len(cell.source.splitlines()) > 12]


@pytest.mark.trap("progress bars and warnings that fill the output")
def test_a_notebook_holds_no_error_no_warning_and_no_path_of_a_machine(file, notebook):
    assert not re.search(PATH_OF_A_MACHINE, file.read_text(encoding="utf-8"))
    assert set(notebook.metadata) == {"kernelspec", "language_info", "course"}
    assert {key for cell in notebook.cells for key in cell.metadata} <= {"tags", "jupyter"}
    for output in outputs(notebook):
        assert output.output_type != "error"
        assert output.get("name") != "stderr", output.text
        assert not re.search(r"[a-z]Warning\b", str(output)), output


def test_every_figure_has_a_description_of_its_own(notebook):
    descriptions = []
    for output in outputs(notebook):
        data = output.get("data", {})
        assert not [kind for kind in data if kind.startswith("image/")]  # it would have none
        for tag in re.findall(r"<img[^>]*", data.get("text/html", "")):
            descriptions.append(re.search(r'alt="([^"]*)"', tag)[1])
    assert all(len(words) > 15 for words in descriptions)
    assert len(set(descriptions)) == len(descriptions)


def test_headings_are_nested_and_links_lead_somewhere(file, notebook):
    text = prose(notebook)
    headings = re.findall(r"^(#+) (.+)$", text, flags=re.M)
    levels = [len(marks) for marks, _ in headings]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False))
    anchors = {"#" + words.replace(" ", "-") for _, words in headings}
    for target in re.findall(r"\]\(([^)]+)\)", text):
        there = target in anchors or (file.parent / target.partition("#")[0]).is_file()
        assert target.startswith("https://") or there, target


def test_a_notebook_takes_the_size_that_the_variable_names(notebook):
    beginning = "".join(cell.source for cell in code_cells(notebook)[:2])
    assert re.search(r"\nSIZE = (data|own)\.chosen_size\(SIZE\)", beginning)


def test_no_lesson_waits_in_its_first_cells_for_what_it_needs_later():
    """Lessons begin within seconds: the slow imports stand where they are first used."""
    first = [cell.source for file in LESSONS for cell in code_cells(nbformat.read(file, 4))[:2]]
    code = "\n".join([*first, "import sys", "print('loaded:', *sys.modules)"])
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, cwd=NOTEBOOKS, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    loaded = run.stdout.rpartition("loaded:")[2].split()
    assert "torchvision" in loaded
    assert not {"sklearn", "scipy", "timm", "onnx", "onnxruntime"} & set(loaded)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda file: file.stem)
def test_a_lesson_begins_with_its_settings_and_has_a_table_of_its_results(lesson):
    cells = code_cells(nbformat.read(lesson, as_version=4))
    assert cells[0].source.startswith('SIZE = "drawn"')
    assert '\nBACKBONE = "efficientnet_lite0"' in cells[0].source
    assert any("plot.closing_table(" in cell.source for cell in cells)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda file: file.stem)
def test_outputs_after_a_guess_are_folded_until_what_was_measured(lesson):
    cells = code_cells(nbformat.read(lesson, as_version=4))
    for i, cell in enumerate(cells):
        for name in re.findall(r'check\.guess\("([^"]+)"', cell.source):
            wanted = [n for n, c in enumerate(cells) if f'check.measured("{name}"' in c.source]
            for spoiler in cells[i + 1 : max(wanted[:1], default=i) + 1]:
                folded = spoiler.metadata.get("jupyter", {}).get("outputs_hidden")
                assert folded or not spoiler.outputs, (name, spoiler.id)


@pytest.mark.trap("leaks: the test set watched every epoch")
@pytest.mark.parametrize("lesson", TEST_SET)
def test_one_cell_reads_the_test_set_after_the_last_decision(lesson):
    pattern, decision, reader = TEST_SET[lesson]
    cells = code_cells(read(lesson))
    ids = [cell.id for cell in cells]
    assert [cell.id for cell in cells if re.search(pattern, cell.source)] == [reader]
    assert ids.index(decision) < ids.index(reader)
