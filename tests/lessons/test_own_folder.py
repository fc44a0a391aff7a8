"""Lesson 01 from its first cell to its last on a folder of one's own, of two other things."""

import re
import shutil

import pytest

from classroom import notebooks
from classroom.run import Report, execute
from helpers import data
from tests.lessons.committed import LESSONS, code_cells, outputs

LESSON = next(file for file in LESSONS if file.name.startswith("01_"))
OF_HOT_DOGS = r"hot.?dog"


@pytest.mark.slow
def test_on_a_folder_of_ones_own_every_cell_runs_and_nothing_speaks_of_hot_dogs(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("COURSE_WORK", str(tmp_path / "work"))
    drawn = data.find("hotdog", "drawn") / "train"
    for like, mine in {"hotdog": "roll", "not-hotdog": "other"}.items():
        (tmp_path / "mine" / mine).mkdir(parents=True)
        for i, file in enumerate(sorted((drawn / like).iterdir())[:12]):
            shutil.copy(file, tmp_path / "mine" / mine / f"IMG_{i}.jpg")
    notebook, report = notebooks.read(LESSON), Report("01")
    execute(notebook, LESSON, str(tmp_path / "mine"), report)
    assert not report.trouble
    told = " ".join(str(output) for output in outputs(notebook))
    assert not re.search(OF_HOT_DOGS, re.sub(r"base64,[\w+/=]+", "", told), flags=re.I)
    assert "on photographs" not in told
    ways = ("linear probe", "fine-tuned", "all layers at once, as many steps")
    assert {f"all pictures: {way}" for way in ways} | set(ways) <= set(report.numbers)


def test_no_line_that_lesson_01_prints_has_a_hot_dog_in_its_text():
    for cell in code_cells(notebooks.read(LESSON)):
        for line in re.findall(r"(?:print\(|results\[|rows\[).*", cell.source):
            assert not re.search(OF_HOT_DOGS, line.replace("hotdogs.", ""), flags=re.I), line
