"""How accurate the lessons' methods are on real photographs.

Executes the lessons themselves with the size "full" on the data sets in the folder that COURSE_DATA
names, or in data/, and keeps the numbers of their closing tables: what is measured is what a
student runs. `transfer` and `recipe` add what takes longer than a lesson may: see
benchmarks/transfer.py and benchmarks/recipe.py.
"""

import sys
from pathlib import Path

import numpy as np

from benchmarks import recipe, transfer
from benchmarks.record import command, keep, lesson_file, show
from benchmarks.timing import clock
from classroom.run import run_lessons
from helpers import data

LESSONS = ("01", "02", "03", "04", "12", "05", "06", "10")
LONGER = {"transfer": transfer.measure, "recipe": recipe.measure}


def closing_numbers(accuracies: dict[str, list[float]]) -> dict[str, float]:
    """Returns means, standard deviations and numbers of seeds, as a lesson's closing table does."""
    numbers = {}
    for method, values in accuracies.items():
        numbers[method] = round(float(np.mean(values)), 4)
        if len(values) > 1:
            numbers[f"{method}, standard deviation"] = round(float(np.std(values, ddof=1)), 4)
            numbers[f"{method}, seeds"] = len(values)
    return numbers


def main(argv: list[str] | None = None) -> int:
    options = command("accuracy", __doc__, [*LESSONS, *LONGER]).parse_args(argv)
    folders = (data.find("hotdog", "full") / part for part in ("train", "test"))
    train, test = (sum(1 for _ in folder.rglob("*.jpg")) for folder in folders)
    facts = {"data": f"{train} photographs to train on, {test} to test"}
    lessons = [lesson_file(part) for part in options.parts if part in LESSONS]
    reports = run_lessons(lessons, Path("build/accuracy"), size="full") if lessons else []
    for report in reports:
        if not report.trouble:
            values = {"seconds": round(report.seconds), **report.numbers}
            keep(options.out, "accuracy", [report.name], values, **facts)
    for part in (part for part in options.parts if part in LONGER):
        start, accuracies = clock(), {}
        for more in LONGER[part]():
            accuracies |= more
            values = {"seconds": round(clock() - start), **closing_numbers(accuracies)}
            keep(options.out, "accuracy", [part], values, **facts)
    show(options.out, "accuracy")
    return int(any(report.trouble for report in reports))


if __name__ == "__main__":
    sys.exit(main())
