"""A student's visit: JupyterLab in a real browser, lessons opened, every cell run.

Lesson 00 always; all lessons with COURSE_VISIT=all, some with COURSE_VISIT="01 05". Screenshots
are in build/screenshots.
"""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat
import numpy as np
import pytest
from nbconvert.preprocessors import ClearOutputPreprocessor
from PIL import Image

from helpers.collection import DROP
from helpers.sheet import read_corrections
from tests.browser import LOW_CONTRAST, TOO_WIDE, needs_browser
from tests.conftest import ROOT, draw_classes
from tests.lessons.committed import LESSONS

SCROLLER = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-WindowedPanel-outer"
SCREENSHOTS = ROOT / "build" / "screenshots"
VISIT = os.environ.get("COURSE_VISIT", "00")
VISITED = [file.stem for file in LESSONS if VISIT == "all" or file.name[:2] in VISIT.split()]
CLOSING_TABLE = ".jp-OutputArea-output table:has-text('standard deviation')"
TRAINING = "net = fresh.seed=0."  # how the cell begins that the student stops
LAST = {"08": ".jp-OutputArea-output:has-text('features of all pictures')"}  # its table is yours
# `course.py lab` in this Python, with another folder of lessons
LAB = "import sys; from classroom import commands; from classroom.__main__ import main; "
LAB += "commands.NOTEBOOKS = sys.argv[1]; main(['lab', *sys.argv[2:]])"

pytestmark = needs_browser


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of JupyterLab over a copy of the lessons without their outputs."""
    folder = tmp_path_factory.mktemp("lab")
    lessons = folder / "notebooks"
    lessons.mkdir()
    for file in LESSONS:
        empty, _ = ClearOutputPreprocessor().preprocess(nbformat.read(file, as_version=4), {})
        nbformat.write(empty, lessons / file.name)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--no-browser", "--allow-root", f"--port={port}", "--IdentityProvider.token=visit"]
    places = {f"JUPYTER_{w}_DIR": str(folder / w) for w in ("CONFIG", "DATA", "RUNTIME")}
    server = subprocess.Popen(
        [sys.executable, "-c", LAB, str(lessons), *options],
        env={**os.environ, **places, "COURSE_SIZE": "drawn"},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    for _ in range(120):
        try:
            urllib.request.urlopen(f"{address}/api/status?token=visit", timeout=2)
            break
        except OSError:
            time.sleep(0.5)
    yield address
    server.terminate()
    server.wait(20)


@pytest.fixture
def page(lab, browser):
    with browser.new_page(viewport={"width": 1280, "height": 900}) as page:
        yield page


def open_lesson(page, lab: str, name: str) -> None:
    """Opens a lesson and waits for its kernel."""
    page.goto(f"{lab}/lab/workspaces/{name}/tree/{name}.ipynb?token=visit")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)  # the status bar
    assert page.locator(".jp-Dialog").count() == 0  # nothing asks, for a kernel for example


def choose(page, menu: str, item: str) -> None:
    page.get_by_role("menuitem", name=menu, exact=True).click()
    page.get_by_role("menuitem", name=item, exact=True).click()


def choose_theme(page, theme: str) -> None:
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    page.locator(".lm-Menu-itemLabel", has_text="Theme").first.hover()
    page.locator(".lm-Menu-itemLabel").get_by_text(theme, exact=True).click()
    page.wait_for_selector(f'body[data-jp-theme-name="{theme}"]', state="attached")


def code_cell(page, start: str):
    """Returns the code cell in which a line starts with this, a regular expression.

    JupyterLab builds only the cells near the one in view: the page is scrolled until it is there.
    """
    line = page.locator(f".cm-line:text-matches('^{start}')")
    cell, scroller = page.locator(".jp-CodeCell", has=line).first, page.locator(SCROLLER)
    place = 0
    while not cell.count() and place < scroller.evaluate("e => e.scrollHeight"):
        scroller.evaluate(f"e => e.scrollTop = {place}")
        page.wait_for_timeout(200)
        place += 500
    return cell


def look_through(page, name: str) -> None:
    """Scrolls from top to bottom: all is drawn and can be read, nothing failed or stands out."""
    scroller = page.locator(SCROLLER)
    number = 0
    while 800 * number < scroller.evaluate("e => e.scrollHeight"):  # grows while cells are drawn
        scroller.evaluate(f"e => e.scrollTop = {800 * number}")
        page.wait_for_timeout(100)  # to draw what comes into view
        page.screenshot(path=SCREENSHOTS / f"{name}_{number:02}.png")
        number += 1
    for trouble in ("error", "stderr"):
        assert page.locator(f'[data-mime-type="application/vnd.jupyter.{trouble}"]').count() == 0
    for part in page.locator(".jp-MarkdownOutput, .jp-OutputArea-output").all():
        assert part.evaluate(TOO_WIDE) == []
        assert part.evaluate(LOW_CONTRAST) == {}
    figures = page.locator(".jp-OutputArea-output img")
    words = figures.evaluate_all("all => all.map(img => img.naturalWidth ? img.alt : '')")
    assert words and all(len(alt) > 15 for alt in words)


@pytest.mark.parametrize("name", VISITED)
def test_a_student_runs_a_lesson_and_can_read_all_of_it(page, lab, name):
    """Lesson 00 in the dark theme too."""
    open_lesson(page, lab, name)
    choose(page, "Run", "Run All Cells")
    page.wait_for_selector(LAST.get(name[:2], CLOSING_TABLE), timeout=600_000)
    page.wait_for_selector('[data-status="idle"]', timeout=60_000)
    assert page.get_by_text("[*]:").count() == 0
    assert page.get_by_text("official Jupyter news").count() == 0
    look_through(page, name)
    if name.startswith("00"):
        assert page.locator("button:has-text('your picture')").count() == 1
        choose_theme(page, "JupyterLab Dark")
        look_through(page, f"{name}_dark")
        choose_theme(page, "JupyterLab Light")


@pytest.mark.slow
def test_a_student_stops_a_training_runs_on_and_types_an_answer(page, lab):
    open_lesson(page, lab, "01_hotdog_fine_tuning")
    code_cell(page, TRAINING).locator(".cm-content").click()
    choose(page, "Run", "Run All Above Selected Cell")
    page.wait_for_selector('[data-status="busy"]', state="attached", timeout=60_000)
    page.wait_for_selector('[data-status="idle"]', state="attached", timeout=300_000)
    training = code_cell(page, TRAINING)  # the outputs above moved it, out of view perhaps
    training.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    training.get_by_text("%|").wait_for(timeout=60_000)  # the progress bar
    page.screenshot(path=SCREENSHOTS / "training.png")
    page.locator('[data-command="notebook:interrupt-kernel"]').first.click()
    training.get_by_text("stopped by you in epoch").wait_for(timeout=30_000)
    page.wait_for_selector('[data-status="idle"]', state="attached", timeout=60_000)
    figure = code_cell(page, "some = hotdogs")
    figure.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    figure.locator("img").wait_for(timeout=60_000)
    numbers = "torch.tensor({}).view(3, 1, 1)".format
    right = f"(picture / 255 - {numbers('mean')}) / {numbers('std')}"
    for answer, outcome in (("picture / 255", "not yet"), (right, "right")):
        code_cell(page, "(def normalise.|normalise = )").locator(".cm-content").click()
        page.keyboard.press("ControlOrMeta+A")
        page.keyboard.type(f"normalise = lambda picture, mean, std: {answer}")
        page.keyboard.press("Shift+Enter")
        page.keyboard.press("Shift+Enter")  # the cell below checks it
        judged = code_cell(page, "check.answer..01.2").locator(".jp-OutputArea-output")
        judged.get_by_text(f"01.2, {outcome}").wait_for(timeout=30_000)
    page.screenshot(path=SCREENSHOTS / "exercise.png")


def put_notebook(lab: str, name: str, *cells: str) -> None:
    """Puts a notebook of code cells beside the lessons."""
    new = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    new.metadata.kernelspec = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    body = json.dumps({"type": "notebook", "content": new}).encode()
    place = f"{lab}/api/contents/{name}.ipynb?token=visit"
    urllib.request.urlopen(urllib.request.Request(place, body, method="PUT"), timeout=60)


def becomes(read, wanted: object) -> bool:
    """Returns whether read() returns what is wanted within a minute."""
    for _ in range(120):
        if read() == wanted:
            return True
        time.sleep(0.5)
    return False


@pytest.mark.slow
def test_two_keys_relabel_and_drop_on_the_contact_sheet_and_only_the_table_changes(
    page, lab, tmp_path
):
    folder = draw_classes(tmp_path / "set", {"cup": 3, "fork": 3})
    before = {file: file.read_bytes() for file in folder.rglob("*.png")}
    table = tmp_path / "table.csv"
    put_notebook(
        lab,
        "contact_sheet",
        "from helpers import data, preprocess, sheet\n"
        "side = preprocess.Preprocess(64, 64, (0.5,) * 3, (0.5,) * 3, 'bilinear')\n"
        f"pictures = data.read_folder({str(folder)!r}, side)\n"
        f"sheet.sheet(pictures, range(6), {str(table)!r})",
    )
    open_lesson(page, lab, "contact_sheet")
    choose(page, "Run", "Run All Cells")
    lists = page.locator(".jp-OutputArea-output select")
    lists.nth(5).wait_for(timeout=600_000)
    lists.first.focus()
    for key in ("ArrowDown", "Tab", "Tab", "ArrowDown", "ArrowDown", "Tab", "ArrowUp"):
        page.keyboard.press(key)
    noted = {"cup/1.png": "fork", "cup/3.png": DROP, "fork/1.png": "cup"}
    assert becomes(lambda: read_corrections(table), noted)
    page.screenshot(path=SCREENSHOTS / "contact_sheet.png")
    page.keyboard.press("ArrowDown")  # on second thoughts
    assert becomes(lambda: read_corrections(table), noted | {"fork/1.png": "fork"})
    lists.last.click()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")
    assert becomes(lambda: read_corrections(table).get("fork/3.png"), "cup")
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before


@pytest.mark.slow
def test_the_upload_button_keeps_a_photograph_larger_than_a_server_takes_by_default(
    page, lab, tmp_path
):
    photograph, own = tmp_path / "IMG_1.png", tmp_path / "own"
    pixels = np.random.default_rng(0).integers(0, 256, (2000, 2000, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(photograph)
    assert photograph.stat().st_size > 11_000_000
    code = f"from helpers import upload\nupload.button({str(own)!r})"
    put_notebook(lab, "upload", code)
    open_lesson(page, lab, "upload")
    choose(page, "Run", "Run All Cells")
    page.get_by_placeholder("cup").fill("mug", timeout=600_000)
    with page.expect_file_chooser(timeout=60_000) as chooser:
        page.get_by_role("button", name="pictures, or a zip file").click()
    chooser.value.set_files(photograph)
    page.get_by_text("There are now 1 mug.").wait_for(timeout=300_000)
    assert (own / "mug" / "IMG_1.png").read_bytes() == photograph.read_bytes()
