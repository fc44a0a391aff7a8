"""The slides of a lesson: offline, whole, a stop at each guess, readable on a projector."""

import re

import nbformat
import pytest

from classroom.commands import find_lessons
from classroom.slides import divide, make_slides
from tests.browser import LOW_CONTRAST, TOO_WIDE, needs_browser

# Slides that cannot be seen to their end, with letters too small, or with text that stands out
SEEN = f"""() => Reveal.getSlides().flatMap(slide => {{
  Reveal.slide(...Object.values(Reveal.getIndices(slide)));
  const hidden = slide.scrollHeight > 721 && getComputedStyle(slide).overflowY !== "auto";
  const long = slide.scrollHeight > 721 && slide.querySelectorAll(":scope > .block").length > 2;
  const small = [...slide.querySelectorAll("p, li, pre, td, th")]
    .filter(e => parseFloat(getComputedStyle(e).fontSize) < 20);
  const wide = ({TOO_WIDE})(slide);
  const bad = hidden || long || small.length || wide.length || !slide.innerText.trim() &&
    !slide.querySelector("img");
  return bad ? [[slide.innerText.slice(0, 80), slide.scrollHeight, small.length, ...wide]] : [];
}})"""


def test_a_guess_ends_its_slide_and_answers_are_left_out():
    new = nbformat.v4
    cells = [
        new.new_markdown_cell("# A lesson\n\nA question?\n\n## First\n\nText"),
        new.new_markdown_cell("What will it be?"),
        new.new_code_cell('check.guess("01 x", ...)', outputs=[new.output_from_msg(NO_GUESS)]),
        new.new_code_cell('check.measured("01 x", 1)'),
        new.new_code_cell("answer = ...", id="01-ex1-stub"),
        new.new_code_cell('check.answer("01.1", answer)'),
        new.new_code_cell("secret", metadata={"tags": ["no-slide"]}),
        new.new_code_cell("last", metadata={"tags": ["slide"]}),
    ]
    notebook = divide(new.new_notebook(cells=cells))
    kinds = [(cell.metadata.slideshow.slide_type, cell.source) for cell in notebook.cells]
    assert kinds == [
        ("slide", "# A lesson\n\nA question?\n\n"),
        ("slide", "## First\n\nText"),
        ("subslide", "What will it be?"),
        ("-", 'check.guess("01 x", ...)'),
        ("subslide", 'check.measured("01 x", 1)'),
        ("slide", "last"),
    ]
    assert notebook.cells[3].outputs == []


NO_GUESS = {
    "header": {"msg_type": "stream"},
    "content": {"name": "stdout", "text": "No guess yet"},
}


@needs_browser
@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=[] if path.stem.startswith("01") else pytest.mark.slow)
        for path in find_lessons([])
    ],
    ids=lambda path: path.stem,
)
def test_slides_need_no_network_and_each_can_be_read_at_1280_by_720(path, browser, tmp_path):
    file = tmp_path / "slides.html"
    file.write_text(make_slides(path), encoding="utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    asked, errors = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(file.as_uri())
    page.locator("body[data-ready]").wait_for(state="attached", timeout=60_000)
    assert errors == [] and [url for url in asked if re.match("http|ws", url)] == []
    assert page.evaluate(SEEN) == []
    guesses = path.read_text(encoding="utf-8").count("check.guess(")
    ends = "all => all.filter(e => !e.nextElementSibling).length"
    assert page.locator(".stop").evaluate_all(ends) == guesses
    assert page.locator("body").evaluate(LOW_CONTRAST) == {}
    page.close()
