"""What depends on the course's public address: badges, and the sentence of a notebook alone.

The address stands in pyproject.toml, in [project.urls]. `python -m classroom.address` writes the
badges into the lessons' heads, or takes them out if there is no address, and the sentence into
their first cells.
"""

import json
import re
import tomllib
from pathlib import Path

from classroom.commands import ROOT, find_lessons
from classroom.run import write

HOSTED = {
    "Colab": "https://colab.research.google.com/github/{where}/blob/main/{lesson}",
    "Kaggle": "https://kaggle.com/kernels/welcome?src={address}/blob/main/{lesson}",
    "Binder": "https://mybinder.org/v2/gh/{where}/main?urlpath=lab/tree/{lesson}",
}
# The last lines of a lesson's first cell, before any import of the course
ALONE = """import importlib.util
if not importlib.util.find_spec("helpers"):
    raise SystemExit({sentence!r})
"""


def read_address() -> str:
    """Returns the course's address on GitHub, or "" while it has none."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project.get("urls", {}).get("Repository", "").rstrip("/")


def badges(lesson: Path, address: str) -> str:
    """Returns a line with a link for each service that opens this lesson; "" without an address."""
    place = {"address": address, "where": address.removeprefix("https://github.com/")}
    place["lesson"] = lesson.relative_to(ROOT).as_posix()
    links = [f"[Open in {name}]({link.format(**place)})" for name, link in HOSTED.items()]
    return " · ".join(links) if address else ""


def sentence_alone(address: str) -> str:
    """Returns what a lesson says that was opened without its folder."""
    if not address:
        bring = "bring the whole folder of the course here, go into it with %cd FOLDER"
    else:
        bring = f"get it with !git clone {address} course, go into it with %cd course"
    return (
        f"This lesson needs the course's folder beside it: in a cell above, {bring}, and run "
        "!python course.py here once."
    )


def set_badges(text: str, line: str) -> str:
    """Returns a notebook's file whose title has this line below it, and no older one."""
    text = re.sub(r'    "\[Open in Colab\].*\\n",\n    "\\n",\n', "", text)
    if not line:
        return text
    return re.sub(
        r'(    "# \d\d · .*\\n",\n    "\\n",\n)',
        lambda title: f'{title[1]}    "{line}\\n",\n    "\\n",\n',
        text,
        count=1,
    )


def set_sentence(text: str, sentence: str) -> str:
    """Returns a notebook's file whose first cell says this where the course is missing."""
    line = json.dumps(f"    raise SystemExit({sentence!r})", ensure_ascii=False)
    return re.sub(r'"    raise SystemExit\(.*"(?=\n)', lambda _: line, text, count=1)


def main() -> None:
    address = read_address()
    for lesson in find_lessons([]):
        text = set_badges(lesson.read_text(encoding="utf-8"), badges(lesson, address))
        write(lesson, set_sentence(text, sentence_alone(address)))


if __name__ == "__main__":
    main()
