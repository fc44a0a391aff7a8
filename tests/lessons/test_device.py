"""The lessons where the network lives on another device than the data."""

import pytest
from nbformat.v4 import new_code_cell

from classroom import notebooks
from tests.lessons.committed import LESSONS, SOLUTIONS

pytestmark = pytest.mark.slow
DEVICE = """
import os
from accelerate import Accelerator
from tests import pretend_device
os.environ.pop("ACCELERATE_USE_CPU", None)  # other tests set it
pretend_device.install()
assert Accelerator().device.type == "pretend"
"""


@pytest.mark.parametrize("lesson", LESSONS + SOLUTIONS, ids=lambda f: f"{f.parent.name}/{f.stem}")
def test_every_cell_of_a_lesson_runs_on_another_device(lesson):
    notebook = notebooks.read(lesson)
    notebook.cells.insert(0, new_code_cell(DEVICE))
    client = notebooks.make_client(notebook, lesson.parent, timeout=300)
    notebooks.execute(client, COURSE_SIZE="smoke")
