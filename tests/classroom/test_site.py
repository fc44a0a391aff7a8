"""The pages of `course.py site`: complete, described, and read on a phone."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from classroom.commands import ROOT, find_lessons
from classroom.site import write_site
from tests.browser import LOW_CONTRAST, TOO_WIDE, needs_browser

LESSONS = [path.stem for path in find_lessons([])]
NAMES = ["index", *LESSONS, "solutions/08_your_turn_leaves"]
PHONE = {"width": 390, "height": 844}
KEYS = 60  # presses of Tab: enough to go once around lesson 00


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    write_site(find_lessons([]), folder)
    return folder


class Tags(HTMLParser):
    """Every tag of a page with its attributes: [("img", {"alt": ...}), ...]."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str, attribute: str) -> list:
        """The values of an attribute, None where a tag lacks it."""
        return [attributes.get(attribute) for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def pages(site) -> dict[str, str]:
    """{name: text}, of all pages."""
    files = sorted(site.rglob("*.html"))
    return {f.relative_to(site).with_suffix("").as_posix(): f.read_text("utf-8") for f in files}


@pytest.fixture(scope="module")
def tags(pages) -> dict[str, Tags]:
    return {name: Tags(text) for name, text in pages.items()}


def test_every_lesson_has_a_page_below_1500_kb_that_needs_no_network(site, pages):
    assert sorted(pages) == sorted(NAMES)
    for name, page in pages.items():
        assert (site / f"{name}.html").stat().st_size < 1_500_000
        assert 'name="viewport" content="width=device-width' in page
        assert not re.search(r"<script|<link|@import|url\(|src=\"(?!data:)", page), name


def test_every_link_leads_to_a_page_and_a_place_on_it(site, tags):
    places = {
        name: {unquote(attributes["id"]) for _, attributes in page.tags if "id" in attributes}
        for name, page in tags.items()
    }
    links = [(name, link) for name, page in tags.items() for link in page.all("a", "href")]
    for name, link in links:
        if link.startswith("https://"):
            continue
        target, _, place = unquote(link).partition("#")
        file = (site / name).parent / target if target else site / f"{name}.html"
        assert file.suffix == ".html" and file.exists(), (name, link)
        there = file.resolve().relative_to(site.resolve()).with_suffix("").as_posix()
        assert not place or place in places[there], (name, link)


def test_the_index_names_all_lessons_and_each_leads_to_its_neighbours(pages):
    assert re.findall(r'<h2><a href="([^"]+)\.html"', pages["index"]) == LESSONS
    for name, following in zip(LESSONS, LESSONS[1:], strict=False):
        assert pages[name].count(f'href="{following}.html" rel="next"') == 2
        assert pages[following].count(f'href="{name}.html" rel="prev"') == 2


@pytest.mark.parametrize("name", NAMES)
def test_figures_are_described_each_in_its_own_words_and_headings_are_in_order(tags, name):
    texts = tags[name].all("img", "alt")
    assert all(text and len(text) > 15 for text in texts) and len(set(texts)) == len(texts)
    assert texts or name == "index"
    levels = [int(tag[1]) for tag, _ in tags[name].tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False))


@pytest.mark.slow
@needs_browser
def test_on_a_phone_nothing_stands_out_and_text_has_contrast_by_day_and_night(site, browser):
    page = browser.new_page(viewport=PHONE)
    for name in NAMES:
        page.goto((site / f"{name}.html").as_uri())
        body = page.locator("body")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], name
        assert body.evaluate(TOO_WIDE) == [], name
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            assert body.evaluate(LOW_CONTRAST) == {}, (name, theme)
        page.screenshot(path=ROOT / "build" / "screenshots" / f"phone_{Path(name).stem}.png")
    page.close()


@needs_browser
def test_the_measures_of_the_browser_find_what_they_look_for(browser):
    page = browser.new_page(viewport=PHONE)
    page.set_content(
        "<p style='color: #888'>grey on white</p><p style='width: 500px'>wide</p>"
        "<div style='overflow-x: auto'><p style='width: 500px'>scrolled</p></div>"
        "<p style='color: #767676; background: #fff8'>just enough</p>"
    )
    body = page.locator("body")
    assert body.evaluate(TOO_WIDE) == ["P: wide"]
    assert list(body.evaluate(LOW_CONTRAST).values()) == ["grey on white"]
    page.close()


@needs_browser
def test_with_the_keyboard_alone_every_link_is_reached_and_seen(site, browser):
    page = browser.new_page(viewport=PHONE)
    page.goto((site / "00_start_here.html").as_uri())
    page.locator("summary").focus()
    page.keyboard.press("Enter")  # unfolds the table of contents
    assert page.locator("details[open]").count() == 1
    reached = []
    for _ in range(KEYS):
        page.keyboard.press("Tab")
        seen = "e => [e.getAttribute('href'), parseFloat(getComputedStyle(e).outlineWidth)]"
        link, outline = page.evaluate(f"({seen})(document.activeElement)")
        assert link is None or outline >= 2
        reached += [link] if link else []
    links = "es => es.filter(e => e.checkVisibility()).map(e => e.getAttribute('href'))"
    assert set(page.locator("a[href]").evaluate_all(links)) <= set(reached)
    page.close()
