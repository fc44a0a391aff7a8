"""Bad inputs by the hundred, made by code: what people hand to the course, and what must follow.

Each file here holds one kind. A case does something with one input in an empty folder. Where the
input is odd but usable, the right result is checked; where it is not, a CourseError is expected
that names what is wrong.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

VERBS = (
    r"\b(accept|add|answer|ask|bring|check|choose|copy|correct|delete|get|give|keep|look|make|mean|name|pass|put|"
    r"remove|rename|replace|save|separate|set|take|try|unpack|unset|write|wait)\b"
)


class Case(NamedTuple):
    """name: of the input; act: uses it, given an empty folder; says: words of the refusal.

    Without `says` the result must be right, and `act` returns whether it is.
    """

    name: str
    act: Callable[[Path], object]
    says: str | None = None


def is_a_sentence(text: str) -> bool:
    """One sentence or two on one line, and what to do."""
    bare = re.sub(r"\([^()]*\)|\"[^\"]*\"|'[^']*'", "", text)  # names and reasons
    sentences = [part for part in re.split(r"[.!?](?:\s+(?=[A-Z])|$)", bare) if part.strip()]
    told = text.endswith((".", "?")) and "\n" not in text and len(sentences) <= 2
    return told and "Traceback" not in text and bool(re.search(VERBS, text, re.I))
