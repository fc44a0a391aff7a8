"""What a lesson's outputs came from: its code and the helpers that it imports, nothing else."""

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from classroom import origin

HELPERS = {
    "__init__.py": "",
    "models.py": '"""Networks."""\nfrom helpers.labels import a\n\ndef load(n):\n    return n\n',
    "labels.py": "a = 1\n",
    "kaggle.py": "score = 1\n",
}
LESSON = ["from helpers import models\nmodels.load(1)", "%pip list"]


@pytest.fixture
def course(tmp_path, monkeypatch):
    monkeypatch.setattr(origin, "ROOT", tmp_path)
    (tmp_path / "helpers").mkdir()
    for name, source in HELPERS.items():
        (tmp_path / "helpers" / name).write_text(source)
    return tmp_path / "helpers"


def digest(sources=LESSON, text="Some text."):
    cells = [new_markdown_cell(text), *map(new_code_cell, sources)]
    return origin.digest(new_notebook(cells=cells))


def change(course, name, old, new):
    (course / name).write_text(HELPERS[name].replace(old, new))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [("models.py", "return n", "return -n"), ("labels.py", "1", "2"), ("__init__.py", "", "x = 1")],
)
def test_a_helper_that_is_imported_directly_or_through_another_counts(course, name, old, new):
    before = digest()
    change(course, name, old, new)
    assert digest() != before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("kaggle.py", "1", "2"),  # not imported
        ("models.py", "Networks", "Nets, by name"),
        ("models.py", "\n\n", "\n\n\n# what lessons call\n"),
    ],
)
def test_other_helpers_docstrings_and_comments_do_not_count(course, name, old, new):
    before = digest()
    change(course, name, old, new)
    assert digest() == before


def test_code_cells_count_and_text_does_not(course):
    before = digest()
    assert digest(text="Another text.") == before
    assert digest([LESSON[0].replace("1", "2"), LESSON[1]]) != before
    assert digest([LESSON[0], "%pip check"]) != before
    assert digest(LESSON[::-1]) != before
