"""The pages of `course.py site`: complete, described, and read on a phone."""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from bs4 import BeautifulSoup

from classroom.commands import ROOT, find_lessons
from classroom.site import modules, write_site
from tests.browser import LOW_CONTRAST, TOO_WIDE, needs_browser

LESSONS = [path.stem for path in find_lessons([])]
NAMES = ["index", *LESSONS, "solutions/08_your_turn_leaves"]
CODE = [f"code/{name}" for name in modules()]
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    write_site(find_lessons([]), folder)
    return folder


@pytest.fixture(scope="module")
def pages(site) -> dict[str, str]:
    """{name: text}, of all pages."""
    files = sorted(site.rglob("*.html"))
    return {f.relative_to(site).with_suffix("").as_posix(): f.read_text("utf-8") for f in files}


@pytest.fixture(scope="module")
def soups(pages) -> dict[str, BeautifulSoup]:
    return {name: BeautifulSoup(text, "html.parser") for name, text in pages.items()}


def test_every_lesson_has_a_page_below_1500_kb_that_needs_no_network(pages):
    assert sorted(pages) == sorted(NAMES + CODE)
    for name, page in pages.items():
        assert len(page.encode()) < 1_500_000, name
        assert 'name="viewport" content="width=device-width' in page, name
        shown = page.partition("<script>")[0] if name == "index" else page  # its search
        assert not re.search(r"<script|<link|@import|url\(|src=\"(?!data:)", shown), name


def test_every_link_leads_to_a_page_and_a_place_on_it(site, soups):
    places = {
        (site / f"{name}.html").resolve(): {tag["id"] for tag in soup.find_all(id=True)}
        for name, soup in soups.items()
    }
    for name, soup in soups.items():
        for link in (tag["href"] for tag in soup.find_all("a", href=True)):
            if not link.startswith("https://"):
                target, _, place = link.partition("#")
                file = (site / f"{name}.html").parent / (target or f"{Path(name).name}.html")
                there = places[file.resolve()]
                assert not place or there & {place, unquote(place)}, (name, link)


def test_the_index_names_all_lessons_and_each_leads_to_its_neighbours(pages):
    assert re.findall(r'<h2><a href="([^"]+)\.html"', pages["index"]) == LESSONS
    for name, following in zip(LESSONS, LESSONS[1:], strict=False):
        assert f'href="{following}.html" rel="next"' in pages[name]
        assert f'href="{name}.html" rel="prev"' in pages[following]


@pytest.mark.parametrize("name", NAMES)
def test_figures_are_described_each_in_its_own_words_and_headings_are_in_order(soups, name):
    texts = [image.get("alt", "") for image in soups[name].find_all("img")]
    assert all(len(text) > 15 for text in texts) and len(set(texts)) == len(texts)
    levels = [int(heading.name[1]) for heading in soups[name].find_all(re.compile("^h[1-6]$"))]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False))


def test_a_helper_that_a_lesson_calls_leads_to_its_code(soups):
    links = {a.get_text(): a["href"] for a in soups[LESSONS[1]].find_all("a", class_="code")}
    assert links["train.fit"] == "code/train.html#fit"
    assert links["plot.closing_table"] == "code/plot.html#closing_table"
    assert soups["code/train"].find(id="fit").get_text() == "fit"
    assert not [text for text in links if not re.fullmatch(r"\w+\.\w+", text)]


@needs_browser
def test_the_search_finds_the_section_that_explains_a_term_from_any_page(site, browser):
    page = browser.new_page(viewport=PHONE)
    page.goto((site / "code" / "train.html").as_uri())
    page.goto((site / f"{LESSONS[3]}.html").as_uri())
    page.locator("input[type=search]").first.fill("LP-FT walk")
    page.keyboard.press("Enter")
    page.wait_for_url("**/index.html?q=LP-FT+walk")
    found = page.locator("#found a")
    assert found.count() >= 1
    page.locator("input[type=search]").fill("weight AVERAGING")
    found.first.click()
    assert re.search(r"/0\d_\w+\.html#", page.url)
    page.go_back()
    page.locator("input[type=search]").fill("<b>zebra</b> xylophone")
    assert page.locator("#found").inner_text().startswith("Nothing holds all of these words")
    page.close()


@pytest.mark.slow
@needs_browser
def test_on_a_phone_nothing_stands_out_and_text_has_contrast_by_day_and_night(site, browser):
    page = browser.new_page(viewport=PHONE)
    for name in [*NAMES, "code/train", "index"]:
        page.goto((site / f"{name}.html").as_uri() + ("?q=the" if name == "index" else ""))
        body = page.locator("body")
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
