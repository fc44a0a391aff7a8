"""How accurate the lessons' methods are on real photographs.

    python -m benchmarks.accuracy [NN ...]

Executes the lessons themselves (by default 01) with the size "full" on the data sets in the folder
that COURSE_DATA names, or in data/, and keeps the numbers of their closing tables: what is measured
is what a student runs. Prints tables and writes results.json.
"""

import sys
from pathlib import Path

from benchmarks.record import accuracy_table, machine, read, write
from course import find_lessons
from helpers.data import find
from tools.run import run_lessons


def main(numbers: list[str]) -> int:
    parts = (find("hotdog", "full") / part for part in ("train", "test"))
    train, test = (sum(1 for file in part.rglob("*.jpg")) for part in parts)
    lessons = find_lessons(numbers or ["01"])
    reports = run_lessons(lessons, Path("build/accuracy"), size="full")
    result = read().get("accuracy", {"results": {}})
    result |= {**machine(), "data": f"{train} photographs to train on, {test} to test"}
    for report in reports:
        if not report.trouble:
            seconds = round(report.seconds)
            result["results"][report.name] = {"seconds": seconds, **report.values}
    write("accuracy", result)
    print(accuracy_table(result))
    return int(any(report.trouble for report in reports))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
