"""The tables that README.md and benchmarks/README.md show, made from results.json."""

import re

from benchmarks.tables_of_time import (
    ceiling_table,
    cell,
    gpu_table,
    growth_table,
    reached,
    speed_table,
    time_table,
    where,
)


def with_tables(text: str, results: dict) -> str:
    """A page's text with each table between its two marks made from the results."""
    tables = {
        "speed": speed_table,
        "time": time_table,
        "accuracy": accuracy_table,
        "kaggle": kaggle_table,
        "growth": growth_table,
        "ceiling": ceiling_table,
        "gpu": gpu_table,
    }
    made = {name: table(results[name]) for name, table in tables.items() if name in results}
    for name, table in {**made, "headlines": headlines(results)}.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        if begin in text:
            head, rest = text.split(begin)
            text = head + begin + "\n" + table + end + rest.split(end)[1]
    return text


HEADLINES = {  # a line of the README: benchmark, its part, and the value there
    "hot dogs, fine-tuned (lesson 01): accuracy": (
        "accuracy",
        "01_hotdog_fine_tuning",
        "fine-tuned",
    ),
    "hot dogs, the same network from scratch (lesson 02): accuracy": (
        "accuracy",
        "02_scratch_baseline",
        "from scratch, fair",
    ),
    "hot dogs, one old row reused, no training (lesson 03): accuracy": (
        "accuracy",
        "03_classifier_weight_reuse",
        "hotdog, no training: row copied, rival raised",
    ),
    "hot dogs, features of 800 pictures: from JPEG files to accuracy 0.94": ("time", "hotdog"),
    "ten dog breeds, features of 400 pictures: from JPEG files to log-loss 0.25": ("time", "dogs"),
    "ten dog breeds (lesson 06): accuracy": ("kaggle", "dog breeds, test accuracy"),
    "ten dog breeds: seconds from JPEG files to a validated submission": (
        "kaggle",
        "dog breeds, JPEG files to validated submission, s",
    ),
    "ten dog breeds: that time over the book's": ("kaggle", "dog breeds, ours over the book's"),
    "CIFAR-10, fine-tuned on 10,000 pictures (lesson 05): accuracy": (
        "kaggle",
        "CIFAR-10, fine-tuned on 10,000 pictures, test accuracy",
    ),
    "an epoch of EfficientNet-Lite0 at 224 pixels over the book's": (
        "speed",
        "efficientnet_lite0, 224 px",
        "epoch over d2l",
    ),
    "an epoch of ResNet-18 at 224 pixels over the book's": (
        "speed",
        "resnet18, 224 px",
        "epoch over d2l",
    ),
    "an epoch of ResNet-18 at 224 pixels over fastai's": (
        "speed",
        "resnet18, 224 px",
        "epoch over fastai",
    ),
}


def headlines(results: dict) -> str:
    """A few values with their spread, for the README."""
    lines = ["| on photographs | measured |", "|---|---|"]
    for name, (benchmark, *way) in HEADLINES.items():
        part = results[benchmark]["results"]
        if benchmark == "time":
            mine, book = (reached(part[way[0]][method]) for method in ("ours", "d2l"))
            told = f"{mine} (once); the book's recipe: {book}"
        elif benchmark == "accuracy":
            part, name_there = part[way[0]], way[1]
            told = spread(part, name_there)
        else:
            for step in way:
                part = part[step]
            digits = 1 if "seconds" in name else 2 if benchmark == "speed" else 3
            once = part[1] == part[2]
            told = f"{part[0]:.{digits}f} (once)" if once else cell(part[:3], digits)
        lines.append(f"| {name} | {told} |")
    return "\n".join([*lines, ""])


def spread(values: dict, name: str) -> str:
    """The mean of a closing table's row, with its standard deviation and number of seeds."""
    deviation = values.get(f"{name}, standard deviation")
    if deviation is None:
        return f"{values[name]:.3f}"
    return f"{values[name]:.3f} ± {deviation:.3f}, {values[f'{name}, seeds']} seeds"


# what the table quotes of lessons with long closing tables; results.json holds all of it
QUOTED = {
    "03": r"hotdog, |dog breeds, ",
    "04": r".* frozen,|.* (5|400) pictures a class|(digits|radar), .*: features",
    "06": r".*accuracy",
}


def accuracy_table(result: dict) -> str:
    """A row per method of each lesson's closing table: mean, spread, number of seeds."""
    lines = ["| lesson | method | accuracy | seeds or draws |", "|---|---|---|---|"]
    took = []
    for lesson, values in result["results"].items():
        number = lesson[:2] if lesson[:2].isdigit() else ""
        took.append(f"{f'lesson {number}' if number else lesson} {values['seconds'] / 60:.0f} min")
        for name, value in values.items():
            if name == "seconds" or name.endswith((", standard deviation", ", seeds")):
                continue
            if not re.match(QUOTED.get(number, ""), name):
                continue
            spread = values.get(f"{name}, standard deviation")
            text = f"{value:.3f}" + (f" ± {spread:.3f}" if spread is not None else "")
            lines.append(f"| {number} | {name} | {text} | {values.get(f'{name}, seeds', 1)} |")
    remarks = ", ".join([*took, result["note"]] if "note" in result else took)
    lines += ["", f"{result['data']}; {remarks}. {where(result)}", ""]
    return "\n".join(lines)


def kaggle_table(result: dict) -> str:
    """A row per quantity: median and range over the rounds, and how many there were."""
    lines = ["| what | median (smallest to largest) | rounds |", "|---|---|---|"]
    for name, (*value, n) in result["results"].items():
        digits = 3 if "accuracy" in name or "over" in name else 2
        text = cell(value, digits) if n > 1 else f"{value[0]:.{digits}f}"
        lines.append(f"| {name} | {text} | {n} |")
    return "\n".join([*lines, "", where(result), ""])
