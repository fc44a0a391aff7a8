"""The tables that README.md and benchmarks/README.md show, made from results.json."""

import re


def with_tables(text: str, results: dict) -> str:
    """A page's text with each table between its two marks made from the results."""
    tables = {
        "speed": speed_table,
        "time": time_table,
        "accuracy": accuracy_table,
        "kaggle": kaggle_table,
        "growth": growth_table,
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
        if benchmark == "accuracy":
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


def where(result: dict) -> str:
    return f"Measured on {result['date']}: {result['machine']}; {result['software']}."


SPEED = {  # columns of the table, digits after the point
    "ceiling, pictures/s": 1,
    "fit, pictures/s": 1,
    "fit over ceiling": 2,
    "epoch over d2l": 2,
    "epoch over fastai": 2,
    "epoch over plain PyTorch": 2,
}


def speed_table(result: dict) -> str:
    """Medians with ranges, a row per network and picture size."""
    heads = [name.replace("fit", "`fit`") for name in SPEED]
    lines = ["| network | " + " | ".join(heads) + " |", "|---" * (1 + len(SPEED)) + "|"]
    for name, values in result["results"].items():
        cells = [cell(values.get(column), digits) for column, digits in SPEED.items()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += [
        "",
        f"Median (smallest to largest) of {result['n']} rounds, {result['pictures']} photographs "
        f"to train on and half as many to test; the methods take turns. {where(result)}",
        "",
    ]
    return "\n".join(lines)


TASKS = {"hotdog": "hot dogs, accuracy 0.94", "dogs": "dog breeds, log-loss 0.25"}


def time_table(result: dict) -> str:
    """A row per task and method: seconds to the goal, or how far it came; ours over it."""
    lines = [
        "From JPEG files to a goal, by `python -m benchmarks.time_to`. Everybody starts with the "
        "same EfficientNet-Lite0 and 224 pixels; reading and measuring count, imports do not. Ours "
        "computes features once and fits a linear classifier; the others follow the recipes of the "
        "book's two sections, of fastai's `fine_tune` and of PyTorch's tutorial:",
        "",
        "| goal on the test pictures | method | reached after | epochs | log-loss, accuracy then "
        "| ours over it |",
        "|---" * 6 + "|",
    ]
    for task, methods in result["results"].items():
        best = methods["ours"]["epochs"][-1][0]
        for method, found in methods.items():
            seconds, loss, accuracy = found["epochs"][-1]
            told = f"{seconds:.0f} s" if found["reached"] else f"not within {seconds:.0f} s"
            ratio = f"{'' if found['reached'] else 'under '}{best / seconds:.3f}"
            reached = f"{'' if loss is None else f'{loss:.2f}, '}{accuracy:.3f}"
            threads = found["threads"]
            row = [TASKS[task], method, told, len(found["epochs"]), reached, ratio]
            lines.append("| " + " | ".join(map(str, row)) + " |")
    threads = max(
        found["threads"] for task in result["results"].values() for found in task.values()
    )
    on = f"Each once, with {threads} thread{'s' * (threads > 1)}."
    return "\n".join([*lines, "", f"{on} {where(result)}", ""])


def cell(value: list[float] | None, digits: int) -> str:
    if value is None:
        return ""
    middle, low, high = (f"{v:.{digits}f}" for v in value)
    return f"{middle} ({low} to {high})"


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


def growth_table(result: dict) -> str:
    """A row per number of pictures, then a row per size of the hot dogs."""
    lines = [
        "| pictures | first visit, s | s per 1,000 | next visit, s | memory, MB | decoded, MB | "
        "rounds |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in result["results"].get("pictures", {}).items():
        each = row["first, s"][0] / row["n"] * 1000
        cells = [cell(row["first, s"], 2), f"{each:.2f}", cell(row["next, s"], 2)]
        place = "on disk" if row["on disk"] else "in memory"
        cells += [cell(row["first, MB"], 0), f"{row['decoded']:,.0f} {place}", str(row["rounds"])]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    columns = {
        "ImageFolder, s": 2,
        "threads, s": 2,
        "threads over ImageFolder": 2,
        "kept in memory, s": 2,
        "kept in a file, s": 2,
        "next visit, s": 3,
        "next visit over first": 3,
    }
    lines += ["", f"| pictures | {' | '.join(columns)} | rounds |"]
    lines.append("|---" * (len(columns) + 2) + "|")
    for name, row in result["results"].get("decode", {}).items():
        cells = [cell(row[column], digits) for column, digits in columns.items()]
        cells.append(str(row["rounds"]))
        lines.append(f"| {row['n']:,} {name} | " + " | ".join(cells) + " |")
    told = "Median (smallest to largest) of the rounds, each visit a process of its own."
    return "\n".join([*lines, "", f"{told} {where(result)}", ""])
