"""Tables of seconds: speed, time to a goal, reading, what was tried, GPUs."""


def where(result: dict) -> str:
    return f"Measured on {result['date']}: {result['machine']}; {result['software']}."


def cell(value: list[float] | None, digits: int) -> str:
    if value is None:
        return ""
    middle, low, high = (f"{v:.{digits}f}" for v in value)
    return f"{middle} ({low} to {high})"


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
    for name, values in sorted(result["results"].items()):
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


def reached(found: dict) -> str:
    """When a method reached its goal, in words."""
    seconds = found["epochs"][-1][0]
    return f"{seconds:.0f} s" if found["reached"] else f"not within {seconds:.0f} s"


def time_table(result: dict) -> str:
    """A row per task and method: seconds to the goal, or how far it came; ours over it."""
    lines = [
        "From JPEG files to a goal, by `python -m benchmarks.time_to`. Everybody starts with the "
        "same EfficientNet-Lite0; reading and measuring count, imports do not. Ours computes "
        "features of some pictures once, 400 a class or 40 a breed at 192 pixels, and fits a "
        "linear classifier; the others follow the recipes of the book's two sections, of fastai's "
        "`fine_tune` and of PyTorch's tutorial, with all pictures at 224 pixels. A method that had "
        "not arrived was stopped before the epoch that would have taken it over its minutes, or "
        "its recipe ended:",
        "",
        "| goal on the test pictures | method | reached after | epochs | log-loss, accuracy then "
        "| ours over it |",
        "|---" * 6 + "|",
    ]
    for task, methods in result["results"].items():
        best = methods["ours"]["epochs"][-1][0]
        for method, found in methods.items():
            seconds, loss, accuracy = found["epochs"][-1]
            told = reached(found)
            ratio = f"{'' if found['reached'] else 'under '}{best / seconds:.3f}"
            scores = f"{'' if loss is None else f'{loss:.2f}, '}{accuracy:.3f}"
            threads = found["threads"]
            row = [TASKS[task], method, told, len(found["epochs"]), scores, ratio]
            lines.append("| " + " | ".join(map(str, row)) + " |")
    threads = max(
        found["threads"] for task in result["results"].values() for found in task.values()
    )
    on = f"Each once, with {threads} thread{'s' * (threads > 1)}."
    return "\n".join([*lines, "", f"{on} {where(result)}", ""])


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


def ceiling_table(result: dict) -> str:
    """A row per thing that was tried, a column per network; then accuracy by side and number."""
    tried = {k: v for k, v in result["results"].items() if k != "sizes"}
    lines = []
    for doing, networks in tried.items():
        lines += [f"| {doing}: pictures/s | {' | '.join(networks)} |"]
        lines += ["|---" * (1 + len(networks)) + "|"]
        for way in next(iter(networks.values())):
            once = way.endswith("first step, s")
            cells = [f"{f[way][0]:.0f}" if once else cell(f[way], 1) for f in networks.values()]
            lines.append(f"| {way} | {' | '.join(cells)} |")
        lines.append("")
    if "sizes" in result["results"]:
        rows = result["results"]["sizes"]
        numbers = [key for key in next(iter(rows.values())) if key != "s"]
        heads = " | ".join(f"{number} a class" for number in numbers)
        lines += [f"| side, pixels | reading and features of all 2,800, s | {heads} |"]
        lines += ["|---" * (2 + len(numbers)) + "|"]
        for side, row in rows.items():
            cells = [f"{row[n][0]:.3f} ± {row[n][1]:.3f}" for n in numbers]
            lines.append(f"| {side} | {row['s']:.1f} | {' | '.join(cells)} |")
        lines.append("")
    rounds = f"Median (smallest to largest) of {result['n']} rounds. " if "n" in result else ""
    return "\n".join([*lines, f"{rounds}{where(result)}", ""])


def gpu_table(result: dict) -> str:
    """A row per network and precision; then one per number of epochs of CIFAR-10."""
    parts, lines = result["results"], []
    words = {"no": "full", "bf16": "half"}
    if "fit" in parts:
        heads = list(next(iter(next(iter(parts["fit"].values())).values())))
        lines += [f"| network | precision | {' | '.join(heads)} |", "|---" * (2 + len(heads)) + "|"]
        for kind, networks in parts["fit"].items():
            for name, row in networks.items():
                cells = [cell(row[h], 0 if "pictures/s" in h else 2) for h in heads]
                lines.append(f"| {name} | {words[kind]} | {' | '.join(cells)} |")
        lines.append("")
    if "cifar-10" in parts:
        lines += ["| CIFAR-10 from scratch | precision | s | test accuracy | seeds |"]
        lines += ["|---" * 5 + "|"]
        for kind, runs in parts["cifar-10"].items():
            for name, row in runs.items():
                cells = f"{cell(row['s'], 1)} | {cell(row['accuracy'], 4)} | {row['n']}"
                lines.append(f"| {name} | {words[kind]} | {cells} |")
        lines.append("")
    return "\n".join([*lines, where(result), ""])
