"""`course.py site`: the lessons with their outputs as pages to read on a phone, in build/site/.

Nothing is executed: a page shows the outputs that the notebook holds. It needs no network, the
search neither: the index page holds all headings and texts. A helper that a lesson calls leads to
its code.
"""

import ast
import html
import json
import re
from argparse import Namespace
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from nbconvert import HTMLExporter
from nbconvert.filters.highlight import Highlight2HTML

from classroom.commands import NOTEBOOKS, ROOT, find_lessons
from classroom.run import write

TITLE = "Fine-tuning, hands on"
CSS = Path(__file__).with_suffix(".css")
SEARCH = Path(__file__).with_name("search.js")
HELPERS = ROOT / "helpers"
CALL = r'<span class="n">(\w+)</span><span class="o">\.</span><span class="n">(\w+)</span>'
BOX = """<form role="search" action="{up}index.html">
<input type="search" name="q" aria-label="search the lessons" placeholder="Search">
</form>"""
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
    for name in modules():
        write_code(name, site)
    write_index(pages, solutions, site)
    return pages + solutions


def read_page(notebook: Path) -> Page:
    exporter = HTMLExporter(template_name="basic", embed_images=True)
    body, _ = exporter.from_filename(str(notebook))
    body = re.sub(r'href="(?!https?:)([^"#]+)\.ipynb', r'href="\1.html', body)
    body = re.sub(r"<table.*?</table>", r'<div class="wide">\g<0></div>', body, flags=re.DOTALL)
    title = re.search(r"<h1[^>]*>(.*?)<a class", body)[1]
    up = "../" * (len(notebook.relative_to(NOTEBOOKS).parts) - 1)
    body = re.sub(CALL, lambda call: link_to_code(call, up), body)
    return Page(notebook.relative_to(NOTEBOOKS).with_suffix(".html"), title, body)


def navigation(page: Page, before: Page | None = None, after: Page | None = None) -> str:
    """Returns the links to the index and to both neighbours, for above and below a lesson."""
    up = "../" * (len(page.path.parts) - 1)
    links = [f'<a href="{up}index.html">All lessons</a>', BOX.format(up=up)]
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


@cache
def modules() -> dict[str, set[str]]:
    """Returns what each module of helpers defines."""
    found = {}
    for file in sorted(HELPERS.glob("[a-z]*.py")):
        nodes = ast.parse(file.read_text(encoding="utf-8")).body
        found[file.stem] = {node.name for node in nodes if hasattr(node, "name")}
    return found


def link_to_code(call: re.Match, up: str) -> str:
    """Returns a highlighted `module.name` as a link, if a helper is meant."""
    module, name = call.groups()
    if name not in modules().get(module, ()):
        return call[0]
    return f'<a class="code" href="{up}code/{module}.html#{name}">{call[0]}</a>'


def write_code(module: str, site: Path) -> None:
    """Writes a page with the code of a helper; each of its functions is a place on it."""
    source = (HELPERS / f"{module}.py").read_text(encoding="utf-8")
    code = Highlight2HTML(pygments_lexer="python3")(source)
    mark = (
        r'(<span class="k">(?:def|class)</span><span class="w"> </span>)<span class="n[fc]">(\w+)'
    )
    code = re.sub(rf"^{mark}", r'\1<span class="nf" id="\2">\2', code, flags=re.MULTILINE)
    name = f"helpers/{module}.py"
    head = f'<nav>\n<a href="../index.html">All lessons</a>\n</nav>\n<main>\n<h1>{name}</h1>'
    write_html(site / "code" / f"{module}.html", name, f"{head}\n{code}\n</main>")


def sections(page: Page) -> list[list[str]]:
    """Returns the parts of a page to search in: address, title, heading, text without outputs."""
    body = re.sub(r'<div class="output_wrapper">.*?(?=<div class="cell)', "", page.body, flags=re.S)
    parts = re.split(r'<h[1-3] id="([^"]+)">(.*?)<a class.*?</h[1-3]>', body)
    return [
        [f"{page.path.as_posix()}#{place}", plain(page.title), plain(heading), plain(text)]
        for place, heading, text in zip(parts[1::3], parts[2::3], parts[3::3], strict=True)
    ]


def plain(markup: str) -> str:
    """Returns the words of a piece of HTML."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", markup)).split())


def write_index(pages: list[Page], solutions: list[Page], site: Path) -> None:
    """Writes the search, and the list of all lessons, each with its question."""
    items = []
    for page in pages:
        question = re.search(r"<p><strong>(.*?)</strong></p>", page.body, flags=re.DOTALL)[1]
        link = f'<a href="{page.path.as_posix()}">{page.title}</a>'
        items.append(f"<h2>{link}</h2>\n<p>{question}</p>")
    texts = [part for page in [*pages, *solutions] for part in sections(page)]
    data = json.dumps(texts, ensure_ascii=False).replace("<", "\\u003c")
    script = f"<script>\nconst SECTIONS = {data};\n{SEARCH.read_text(encoding='utf-8')}</script>"
    found = '<ol id="found" aria-live="polite"></ol>'
    body = ["<main>", f"<h1>{TITLE}</h1>", BOX.format(up=""), found, *items, "</main>", script]
    write_html(site / "index.html", TITLE, "\n".join(body))


def write_html(path: Path, title: str, body: str) -> None:
    title = html.escape(html.unescape(re.sub(r"<[^>]+>", "", title)))
    write(path, PAGE.format(title=title, css=CSS.read_text(encoding="utf-8"), body=body))
