"""Keeps the numbers that the lessons show while pytest executes them, in build/results.json."""

import json
from pathlib import Path

FILE = Path(__file__).parent / "build" / "results.json"


def pytest_runtest_teardown(item):
    """After each cell of a lesson: what it displayed as application/json, under the lesson's name.

    The first cell drops what an earlier run left.
    """
    if not hasattr(item, "test_outputs"):  # nbval's cells have them, other tests do not
        return
    results = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    before, lesson = dict(results), item.path.stem
    if item.name.endswith("::Cell 0"):
        results.pop(lesson, None)
    for output in item.test_outputs or []:
        shown = output.get("data", {}).get("application/json")
        if isinstance(shown, dict):
            results.setdefault(lesson, {}).update(shown)
    if results != before:
        FILE.parent.mkdir(exist_ok=True)
        FILE.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
