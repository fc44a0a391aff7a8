"""docs/glossary.md: the lessons' own definitions, each where its term first stands."""

import re

import pytest

from classroom import glossary
from tests.lessons.committed import LESSONS, NOTEBOOKS, read

CELLS = [
    (lesson, cell)
    for lesson in LESSONS
    for cell in read(lesson.name[:2]).cells
    if cell.cell_type == "markdown" and not cell.id.endswith("-title")
]
TERMS = re.split(r",\s+", glossary.TERMS.strip())


def is_label(term: str, text: str) -> bool:
    """Returns whether the bold term only names an item of a list or of a table."""
    return bool(re.search(rf"^(?:- |\d\. |\| ?\d* ?\|? ?)\*\*{term}\*\*", text, re.M | re.I))


def test_the_glossary_is_what_the_lessons_say():
    written = glossary.FILE.read_text(encoding="utf-8")
    assert written == glossary.page(glossary.definitions()), "run python -m classroom.glossary"
    assert all((NOTEBOOKS / name).is_file() for name in re.findall(r"notebooks/(\S+?)\)", written))


@pytest.mark.parametrize("term", TERMS)
def test_a_term_is_explained_once_and_where_it_first_stands(term):
    """What a list names before the text explains it "below" is no use of the term."""
    explained = [cell for _, cell in CELLS if re.search(rf"\*\*{term}\*\*", cell.source, re.I)]
    assert [c.id for c in explained[1:] if not is_label(term, c.source)] == []
    uses = [cell for _, cell in CELLS if re.search(rf"\b{term}\b", cell.source, re.I)]
    used = [c for c in uses if c.id == explained[0].id or "explained below" not in c.source]
    assert used[0].id == explained[0].id
    assert term in {found for found, _ in glossary.bold_terms(explained[0].source)}
