"""`python -m classroom.glossary`: docs/glossary.md, from the sentences that define terms.

A lesson sets a term in bold where it explains it, once; the glossary quotes that sentence.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import nbformat

from classroom.commands import ROOT, find_lessons
from classroom.run import write

FILE = ROOT / "docs" / "glossary.md"
TERMS = """
95% confidence interval, balanced accuracy, BatchNorm, body, bootstrap, bottleneck features,
buffers, calibration, cross-validation, discriminative learning rates, distribution shift,
early stopping, EMA, ensemble, epoch, features, fine-tuning, folds, Grad-CAM, gradual unfreezing,
head, hook, ImageNet, label smoothing, layer-wise learning rates, leaderboard, leak,
learning-rate decay, linear probe, log-loss, logits, loss, LP-FT, mixup, normalise,
out-of-fold, output layer, overfitting, reliability diagram, resize, seed, softmax, source model,
speckle, spread over seeds, standard error over pictures, stem, support vector machine,
surgical fine-tuning, target model, temperature, test-time augmentation, threshold, warm-up,
weight averaging, weight decay, zero-shot
"""
POINTING = r"(This|That|These|Those|Such|The field|The second|Here|Different rates)\b"
HEAD = """# Glossary

Every term in the words of the lesson that explains it. Made by `python -m classroom.glossary`.

"""


@dataclass
class Definition:
    """A term, the lesson and the cell in which it is bold, and the sentence around it."""

    term: str
    lesson: Path
    cell: str
    sentence: str


def main() -> None:
    FILE.parent.mkdir(exist_ok=True)
    write(FILE, page(definitions()))


def page(found: list[Definition]) -> str:
    lines = []
    for each in sorted(found, key=lambda each: each.term.lower()):
        number = each.lesson.name[:2]
        link = f"[lesson {number}](../notebooks/{each.lesson.name})"
        lines.append(f"**{each.term}** ({link}): {each.sentence}\n")
    return HEAD + "\n".join(lines)


def definitions() -> list[Definition]:
    """Returns one for each term that is bold somewhere; the first, if there are more."""
    found: dict[str, Definition] = {}
    for lesson in find_lessons([]):
        for cell in nbformat.read(lesson, as_version=4).cells:
            if cell.cell_type == "markdown":
                for term, sentence in bold_terms(cell.source):
                    found.setdefault(term, Definition(term, lesson, cell.id, sentence))
    return list(found.values())


def bold_terms(text: str) -> list[tuple[str, str]]:
    """Returns a cell's bold terms, in the glossary's spelling, each with its sentence."""
    spelling = {term.lower(): term for term in re.split(r",\s+", TERMS.strip())}
    return [
        (spelling[bold.lower()], sentence_around(bold, line))
        for line in text.splitlines()
        for bold in re.findall(r"\*\*([^*]+)\*\*", line)
        if bold.lower() in spelling
    ]


def sentence_around(bold: str, line: str) -> str:
    """Returns the sentence; one that points back comes with the sentence before it."""
    line = re.sub(r"^(\d+\.|-) ", "", line)
    line = re.sub(r"\]\((?!https?:)", "](../notebooks/", line)
    sentences = re.split(r"(?<=[.!?)])(?<! al\.) (?=[A-Z*`(\"])", line)
    place = next(n for n, sentence in enumerate(sentences) if f"**{bold}**" in sentence)
    first = place - 1 if place and re.match(POINTING, sentences[place]) else place
    return " ".join(sentences[first : place + 1]).replace("**", "").rstrip(";:")


if __name__ == "__main__":
    main()
