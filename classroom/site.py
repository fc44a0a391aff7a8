"""`course.py site`: the lessons with their outputs as pages to read on a phone, in build/site/.

Nothing is executed: a page shows the outputs that the notebook holds. It needs no network.
"""

import html
import re
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path

from nbconvert import HTMLExporter

from classroom.commands import NOTEBOOKS, ROOT, find_lessons
from classroom.run import write

TITLE = "Fine-tuning, hands on"
CSS = Path(__file__).with_suffix(".css")
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{css}</style>
</head>
<body>
{body}
</body>
</html>
"""


@dataclass
class Page:
    """A notebook as HTML: its path in the site, the text of its h1, the body with that h1."""

    path: Path
    title: str
    body: str


def main(arguments: Namespace) -> int:
    site = ROOT / "build" / "site"
    pages = write_site(find_lessons([]), site)
    print(f"{len(pages)} pages. Open {site / 'index.html'}, or put the folder on a web server.")
    return 0


def write_site(lessons: list[Path], site: Path) -> list[Page]:
    """Writes a page for each lesson and each solution that a lesson links to, and an index."""
    pages = [read_page(path) for path in lessons]
    linked = {link for page in pages for link in re.findall(r'href="(solutions/\w+)\.', page.body)}
    solutions = [read_page(NOTEBOOKS / f"{link}.ipynb") for link in sorted(linked)]
    for before, page, after in zip([None, *pages], pages, [*pages[1:], None], strict=False):
        write_page(page, site, navigation(page, before, after))
    for page in solutions:
        write_page(page, site, navigation(page))
    write_index(pages, site)
    return pages + solutions


def read_page(notebook: Path) -> Page:
    exporter = HTMLExporter(template_name="basic", embed_images=True)
    body, _ = exporter.from_filename(str(notebook))
    body = re.sub(r'href="(?!https?:)([^"#]+)\.ipynb', r'href="\1.html', body)
    body = re.sub(r"<table.*?</table>", r'<div class="wide">\g<0></div>', body, flags=re.DOTALL)
    title = re.search(r"<h1[^>]*>(.*?)<a class", body)[1]
    return Page(notebook.relative_to(NOTEBOOKS).with_suffix(".html"), title, body)


def navigation(page: Page, before: Page | None = None, after: Page | None = None) -> str:
    """Returns the links to the index and to both neighbours, for above and below a lesson."""
    up = "../" * (len(page.path.parts) - 1)
    links = [f'<a href="{up}index.html">All lessons</a>']
    if before:
        links.insert(0, f'<a href="{before.path}" rel="prev">← {before.title}</a>')
    if after:
        links.append(f'<a href="{after.path}" rel="next">{after.title} →</a>')
    return "\n".join(links)


def contents(page: Page) -> str:
    """Returns the headings of a page, folded away."""
    headings = re.findall(r'<h2 id="([^"]+)">(.*?)<a class', page.body)
    items = "\n".join(f'<li><a href="#{place}">{text}</a></li>' for place, text in headings)
    return f"<details>\n<summary>On this page</summary>\n<ul>\n{items}\n</ul>\n</details>"


def write_page(page: Page, site: Path, links: str) -> None:
    above = f'<nav aria-label="lessons">\n{links}\n</nav>'
    below = f'<nav aria-label="lessons, again">\n{links}\n</nav>'
    main = f"<main>\n{page.body}\n</main>"
    write_html(site / page.path, page.title, "\n".join([above, contents(page), main, below]))


def write_index(pages: list[Page], site: Path) -> None:
    """Writes the list of all lessons, each with the question that it begins with."""
    items = []
    for page in pages:
        question = re.search(r"<p><strong>(.*?)</strong></p>", page.body, flags=re.DOTALL)[1]
        link = f'<a href="{page.path.as_posix()}">{page.title}</a>'
        items.append(f"<h2>{link}</h2>\n<p>{question}</p>")
    body = "\n".join(["<main>", f"<h1>{TITLE}</h1>", *items, "</main>"])
    write_html(site / "index.html", TITLE, body)


def write_html(path: Path, title: str, body: str) -> None:
    title = html.escape(html.unescape(re.sub(r"<[^>]+>", "", title)))
    write(path, PAGE.format(title=title, css=CSS.read_text(encoding="utf-8"), body=body))
