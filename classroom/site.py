"""`course.py site`: the lessons with their outputs as pages to read on a phone, in build/site/.

Nothing is executed: a page shows the outputs that the notebook holds. It needs no network.
"""

import html
import os
import re
from dataclasses import dataclass
from pathlib import Path

from nbconvert import HTMLExporter

from classroom.run import write_whole
from course import NOTEBOOKS, ROOT, find_lessons, make_parser

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
    """A notebook as HTML: its path in the site, the text of its h1, what stands in the body."""

    path: Path
    title: str
    body: str


def main(argv: list[str]) -> int:
    make_parser().parse_args(["site", *argv])
    site = ROOT / "build" / "site"
    pages = write_site(find_lessons([]), site)
    print(f"{len(pages)} pages. Open {site / 'index.html'}, or put the folder on a web server.")
    return 0


def write_site(lessons: list[Path], site: Path) -> list[Page]:
    """A page for each lesson and for each notebook that a lesson links to, and an index."""
    pages = [read_page(path) for path in lessons]
    linked = {
        target for page in pages for target in re.findall(r'href="(solutions/\w+)\.', page.body)
    }
    others = [read_page(NOTEBOOKS / f"{target}.ipynb") for target in sorted(linked)]
    for i, page in enumerate(pages):
        before = pages[i - 1] if i else None
        after = pages[i + 1] if i + 1 < len(pages) else None
        write_page(page, site, ways(page, before, after))
    for page in others:
        write_page(page, site, ways(page, None, None))
    write_index(pages, site)
    return pages + others


def read_page(notebook: Path) -> Page:
    exporter = HTMLExporter(template_name="basic", embed_images=True)
    body, _ = exporter.from_filename(str(notebook))
    body = re.sub(r'href="(?!https?:)([^"#]+)\.ipynb', r'href="\1.html', body)
    body = re.sub(r"<table.*?</table>", r'<div class="wide">\g<0></div>', body, flags=re.DOTALL)
    title = re.search(r"<h1[^>]*>(.*?)<a class", body)[1]
    return Page(notebook.relative_to(NOTEBOOKS).with_suffix(".html"), title, body)


def ways(page: Page, before: Page | None, after: Page | None) -> str:
    """Links to the index and the neighbours, as they stand above and below a lesson."""
    links = [f'<a href="{link(page, before)}" rel="prev">← {before.title}</a>'] if before else []
    links.append(f'<a href="{"../" * (len(page.path.parts) - 1)}index.html">All lessons</a>')
    if after:
        links.append(f'<a href="{link(page, after)}" rel="next">{after.title} →</a>')
    return "\n".join(links)


def link(page: Page, other: Page) -> str:
    return Path(os.path.relpath(other.path, page.path.parent)).as_posix()


def contents(page: Page) -> str:
    """The headings of a page, folded away."""
    found = re.findall(r'<h2 id="([^"]+)">(.*?)<a class', page.body)
    items = "\n".join(f'<li><a href="#{target}">{text}</a></li>' for target, text in found)
    return f"<details>\n<summary>On this page</summary>\n<ul>\n{items}\n</ul>\n</details>"


def write_page(page: Page, site: Path, links: str) -> None:
    nav = f'<nav aria-label="{{}}">\n{links}\n</nav>'
    parts = [nav.format("lessons"), contents(page), f"<main>\n{page.body}\n</main>"]
    body = "\n".join([*parts, nav.format("lessons, again")])
    write_html(site / page.path, page.title, body)


def write_index(pages: list[Page], site: Path) -> None:
    """All lessons, each with the question that it begins with."""
    items = []
    for page in pages:
        question = re.search(r"<p><strong>(.*?)</strong></p>", page.body, flags=re.DOTALL)[1]
        target = page.path.as_posix()
        items.append(f'<h2><a href="{target}">{page.title}</a></h2>\n<p>{question}</p>')
    body = "\n".join(["<main>", "<h1>Fine-tuning, hands on</h1>", *items, "</main>"])
    write_html(site / "index.html", "Fine-tuning, hands on", body)


def write_html(path: Path, title: str, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    title = html.escape(html.unescape(re.sub(r"<[^>]+>", "", title)))
    css = CSS.read_text(encoding="utf-8")
    write_whole(path, PAGE.format(title=title, css=css, body=body))
