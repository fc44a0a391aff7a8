"""How accurate the lessons' methods are on real photographs.

    python -m benchmarks.accuracy [NN ...] [transfer]

Executes the lessons themselves (by default 01 to 06) with the size "full" on the data sets in the
folder that COURSE_DATA names, or in data/, and keeps the numbers of their closing tables: what is
measured is what a student runs. `transfer` adds what takes longer than a lesson may
(benchmarks/transfer.py). Prints tables and writes results.json.
"""

import sys
import time
from pathlib import Path

from benchmarks import transfer
from benchmarks.record import machine, read, write
from benchmarks.tables import accuracy_table
from classroom.run import run_lessons
from course import find_lessons
from helpers.data import find
from helpers.plot import table_numbers

LESSONS = ["01", "02", "03", "04", "05", "06"]
BEYOND = (transfer.forty_photographs, transfer.all_photographs, transfer.another_look)


def main(names: list[str]) -> int:
    parts = (find("hotdog", "full") / part for part in ("train", "test"))
    train, test = (sum(1 for file in part.rglob("*.jpg")) for part in parts)
    names = names or [*LESSONS, "transfer"]
    numbers = [name for name in names if name != "transfer"]
    reports = []
    if numbers:
        reports = run_lessons(find_lessons(numbers), Path("build/accuracy"), size="full")
    result = read().get("accuracy", {"results": {}})
    result |= {**machine(), "data": f"{train} photographs to train on, {test} to test"}
    result.pop("note", None)  # it told of an earlier run
    for report in reports:
        if not report.trouble:
            seconds = round(report.seconds)
            result["results"][report.name] = {"seconds": seconds, **report.values}
    if "transfer" in names:
        start, rows = time.perf_counter(), {}
        for measure in BEYOND:
            rows |= measure()
        seconds = round(time.perf_counter() - start)
        result["results"]["transfer"] = {"seconds": seconds, **table_numbers(rows)}
    result["results"] = dict(sorted(result["results"].items()))
    write("accuracy", result)
    print(accuracy_table(result))
    return int(any(report.trouble for report in reports))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
