"""A student's visit: JupyterLab in a real browser, lessons opened, every cell run.

Lesson 00, a stopped training and one typed exercise always; all lessons, and one in the dark
theme, with COURSE_VISIT=all (or some: COURSE_VISIT="01 05"). Screenshots: build/screenshots.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest

from classroom.run import without_outputs
from course import ROOT, find_lessons
from tests.browser import LOW_CONTRAST, TOO_WIDE, needs_browser

SCREENSHOTS = ROOT / "build" / "screenshots"
LESSONS = [path.stem for path in find_lessons([])]
VISIT = os.environ.get("COURSE_VISIT", "00")
VISITED = [name for name in LESSONS if VISIT == "all" or name[:2] in VISIT.split()]
CLOSING = ".jp-OutputArea-output table:has-text('standard deviation')"
LAST = {"08": ".jp-OutputArea-output:has-text('features of all pictures')"}  # its table is yours
# `course.py lab` in this Python, with another folder of lessons
LAB = "import sys, course; course.ensure_installed = lambda: None; course.PYTHON = sys.executable; "
LAB += "course.NOTEBOOKS = sys.argv[1]; course.main(['lab', *sys.argv[2:]])"

pytestmark = needs_browser


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab over a copy of the lessons, without outputs: what is seen there is new."""
    folder = tmp_path_factory.mktemp("lab")
    lessons = folder / "notebooks"
    lessons.mkdir()
    for file in (ROOT / "notebooks").glob("*.ipynb"):
        nbformat.write(without_outputs(nbformat.read(file, as_version=4)), lessons / file.name)
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


def open_lesson(lab: str, browser, name: str):
    """A page with a lesson whose kernel waits."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{lab}/lab/workspaces/{name}/tree/{name}.ipynb?token=visit")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)  # the status bar
    assert page.locator(".jp-Dialog").count() == 0  # nothing asks, for a kernel for example
    return page


def choose(page, menu: str, item: str) -> None:
    page.get_by_role("menuitem", name=menu, exact=True).click()
    page.get_by_role("menuitem", name=item, exact=True).click()


def wait_until_idle(page, seconds: float = 60) -> None:
    page.wait_for_selector('[data-status="idle"]', timeout=1000 * seconds)


def cell(page, start: str):
    """The code cell whose source starts with these words, a regular expression."""
    return page.locator(
        ".jp-CodeCell", has=page.locator(f".cm-line:text-matches('^{start}')")
    ).first


def run_cell(page, start: str) -> None:
    cell(page, start).locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")


def look_through(page, name: str) -> None:
    """Scroll from top to bottom: all is drawn and can be read, nothing failed or stands out."""
    seen = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-WindowedPanel-outer")
    number = 0
    while 800 * number < seen.evaluate("e => e.scrollHeight"):  # grows while cells are drawn
        seen.evaluate(f"e => e.scrollTop = {800 * number}")
        page.wait_for_timeout(100)  # to draw what comes into view
        page.screenshot(path=SCREENSHOTS / f"{name}_{number:02}.png")
        number += 1
    for trouble in ("error", "stderr"):
        assert page.locator(f'[data-mime-type="application/vnd.jupyter.{trouble}"]').count() == 0
    for part in page.locator(".jp-MarkdownOutput, .jp-OutputArea-output").all():
        assert part.evaluate(TOO_WIDE) == []
        assert part.evaluate(LOW_CONTRAST) == {}
    figures = page.locator(".jp-OutputArea-output img")
    told = figures.evaluate_all("all => all.map(img => img.naturalWidth ? img.alt : '')")
    assert told and all(len(words) > 15 for words in told) and len(set(told)) == len(told)
    assert page.locator(LAST.get(name[:2], CLOSING)).count() >= 1
    assert page.get_by_text("official Jupyter news").count() == 0


def choose_theme(page, theme: str) -> None:
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    page.locator(".lm-Menu-itemLabel", has_text="Theme").first.hover()
    page.locator(".lm-Menu-itemLabel").get_by_text(theme, exact=True).click()
    page.wait_for_selector(f'body[data-jp-theme-name="{theme}"]', state="attached")


@pytest.mark.parametrize("name", VISITED)
def test_a_student_runs_a_lesson_and_sees_all_of_it_in_the_light_and_in_the_dark(
    lab, browser, name
):
    page = open_lesson(lab, browser, name)
    choose(page, "Run", "Run All Cells")
    page.wait_for_selector(LAST.get(name[:2], CLOSING), timeout=600_000)
    wait_until_idle(page)
    assert page.get_by_text("[*]:").count() == 0
    look_through(page, name)
    if name.startswith("00"):
        assert page.locator("button:has-text('your picture')").count() == 1
        choose_theme(page, "JupyterLab Dark")
        look_through(page, f"{name}_dark")
        choose_theme(page, "JupyterLab Light")
    page.close()


def test_a_student_stops_a_training_runs_on_and_types_an_answer(lab, browser):
    page = open_lesson(lab, browser, "01_hotdog_fine_tuning")
    training = cell(page, "net, history = fine_tune")
    training.locator(".cm-content").click()
    choose(page, "Run", "Run All Above Selected Cell")
    run_cell(page, "net, history = fine_tune")
    training.get_by_text("%|").wait_for(timeout=60_000)  # the progress bar
    page.screenshot(path=SCREENSHOTS / "training.png")
    page.locator('[data-command="notebook:interrupt-kernel"]').first.click()
    training.get_by_text("stopped by you in epoch").wait_for(timeout=30_000)
    run_cell(page, "some = hotdogs")
    cell(page, "some = hotdogs").locator("img").wait_for(timeout=60_000)
    for answer, outcome in (("abcde", "not yet"), ("bdaec", "right")):
        cell(page, "my_order").locator(".cm-content").click()
        page.keyboard.press("ControlOrMeta+A")
        page.keyboard.type(f'my_order = "{answer}"')
        page.keyboard.press("Shift+Enter")
        page.keyboard.press("Shift+Enter")  # the cell below checks it
        said = cell(page, "check.answer..01.1").locator(".jp-OutputArea-output")
        said.get_by_text(f"01.1, {outcome}").wait_for(timeout=30_000)
    page.screenshot(path=SCREENSHOTS / "exercise.png")
    page.close()
