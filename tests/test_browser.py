"""A student's visit: JupyterLab in a real browser, lesson 00 opened, every cell run."""

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PORT = 8931
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine")


@pytest.fixture
def lab(tmp_path):
    """JupyterLab over a copy of the lessons, so that a visit changes nothing."""
    lessons = tmp_path / "notebooks"
    lessons.mkdir()
    for file in (ROOT / "notebooks").glob("*.ipynb"):
        shutil.copy(file, lessons)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    options = [f"--port={PORT}", "--IdentityProvider.token=visit", f"--notebook-dir={lessons}"]
    places = {f"JUPYTER_{w}_DIR": str(tmp_path / w) for w in ("CONFIG", "DATA", "RUNTIME")}
    server = subprocess.Popen(
        command + options,
        env={**os.environ, **places, "COURSE_SIZE": "drawn"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{PORT}"
    for _ in range(120):
        try:
            urllib.request.urlopen(f"{address}/api/status?token=visit", timeout=2)
            break
        except OSError:
            time.sleep(0.5)
    yield address
    server.terminate()
    server.wait(20)


def test_a_student_opens_lesson_00_runs_all_cells_and_sees_the_figures(lab):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{lab}/lab/tree/00_start_here.ipynb?token=visit")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        page.get_by_role("menuitem", name="Edit", exact=True).click()
        page.get_by_role("menuitem", name="Clear Outputs of All Cells").click()
        page.wait_for_selector('[data-status="idle"]', timeout=60_000)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        page.wait_for_selector("table:has-text('standard deviation')", timeout=120_000)
        page.wait_for_selector('[data-status="idle"]', timeout=60_000)
        errors = page.locator('[data-mime-type="application/vnd.jupyter.error"]')
        assert errors.count() == 0
        figures = page.locator(".jp-RenderedHTMLCommon img[alt]:not([alt=''])")
        assert figures.count() >= 2
        assert page.get_by_role("button", name="choose a picture").count() == 1
        wide = "e => e.scrollWidth > e.clientWidth + 1"
        prose = page.locator(".jp-MarkdownOutput")
        assert not any(prose.nth(i).evaluate(wide) for i in range(prose.count()))
        (ROOT / "build").mkdir(exist_ok=True)
        page.screenshot(path=ROOT / "build" / "lesson_00.png")
        browser.close()
