"""The tables that README.md and benchmarks/README.md show, made from results.json."""

import statistics
from collections.abc import Iterable
from fnmatch import fnmatchcase


def table(rows: list[dict[str, object]]) -> str:
    """Returns a table in Markdown; the keys of its rows are the headings."""
    if not rows:
        return ""

    def line(cells: Iterable[object]) -> str:
        return "| " + " | ".join(map(str, cells)) + " |\n"

    rule = "|---" * len(rows[0]) + "|\n"
    return line(rows[0]) + rule + "".join(line(row.values()) for row in rows)


def median(value: list[float] | None, digits: int) -> str:
    """Returns a median and its range in words."""
    if value is None:  # fastai is not installed everywhere
        return ""
    middle, low, high = (f"{v:.{digits}f}" for v in value[:3])
    return f"{middle} ({low} to {high})"


def medians(values: dict[str, list[float]], columns: dict[str, int]) -> dict[str, str]:
    """Returns the columns of a row; columns: quantities and their digits after the point."""
    return {name: median(values.get(name), digits) for name, digits in columns.items()}


def mean(values: dict[str, float], name: str) -> str:
    """Returns a mean and its standard deviation, if there were several seeds."""
    deviation = values.get(f"{name}, standard deviation")
    return f"{values[name]:.3f}" if deviation is None else f"{values[name]:.3f} ± {deviation:.3f}"


def where(result: dict) -> str:
    return f"Measured on {result['date']}: {result['machine']}; {result['software']}."


QUOTED = {  # of lessons with long closing tables; results.json holds all of them
    "02": ("always *", "from scratch, fair", "*60 epochs", "fine-tuned", "*probe*", "*8 x 8*"),
    "03": ("hotdog, *", "dog breeds, *"),
    "04": ("* frozen", "* pictures per class*", "Lite*"),
    "05": (
        "linear classifier on pixels",
        "linear classifier on features",
        "from scratch, learned from train",
        "from scratch, learned from train_valid",
        "fine-tuned",
        "ensemble of three",
    ),
    "06": ("*accuracy", "*test log-loss"),
    "10": ("*accuracy", "*log-loss"),
}


def accuracy_table(result: dict) -> str:
    """A row per method of each lesson's closing table."""
    rows, remarks = [], []
    for lesson, values in sorted(result["results"].items()):
        number = lesson[:2] if lesson[:2].isdigit() else ""
        place = f"lesson {number}" if number else lesson
        if "seconds" in values:  # measured by itself
            remarks.append(f"{place} {values['seconds'] / 60:.0f} min")
        rows += [
            {
                "lesson": number,
                "method": name,
                "accuracy, or what the method names": mean(values, name),
                "seeds or draws": values.get(f"{name}, seeds", 1),
            }
            for name in values
            if any(fnmatchcase(name, pattern) for pattern in QUOTED.get(number, "*"))
            and name != "seconds"
            and not name.endswith((", standard deviation", ", seeds"))
        ]
    if "note" in result:
        remarks.append(result["note"])
    return f"{table(rows)}\n{result['data']}; {', '.join(remarks)}. {where(result)}\n"


SPEED = {
    "ceiling, pictures/s": 1,
    "fit, pictures/s": 1,
    "fit over ceiling": 2,
    "epoch over d2l": 2,
    "epoch over fastai": 2,
    "epoch over plain PyTorch": 2,
}


def speed_table(result: dict) -> str:
    """A row per network and picture size."""
    rows = [
        {"network": name} | medians(values, SPEED)
        for name, values in sorted(result["results"].items())
    ]
    return (
        f"{table(rows)}\nMedian (smallest to largest) of {result['n']} rounds, "
        f"{result['pictures']} photographs to train on and half as many to test; the methods take "
        f"turns. {where(result)}\n"
    )


GOALS = {"hotdog": "hot dogs, accuracy 0.94", "dogs": "dog breeds, log-loss 0.25"}


def arrival(run: dict) -> str:
    """Returns when a method reached its goal, in words."""
    seconds = run["epochs"][-1][0]
    return f"{seconds:.0f} s" if run["reached"] else f"not within {seconds:.0f} s"


def time_table(result: dict) -> str:
    """A row per task and method."""
    rows, threads = [], set()
    for task, methods in result["results"].items():
        best = methods["ours"]["epochs"][-1][0]
        for method, run in methods.items():
            seconds, loss, accuracy = run["epochs"][-1]
            log_loss = "" if loss is None else f"{loss:.2f}, "
            threads.add(run["threads"])
            rows.append(
                {
                    "goal on the test pictures": GOALS[task],
                    "method": method,
                    "reached after": arrival(run),
                    "epochs, or choices": len(run["epochs"]),
                    "log-loss, accuracy then": f"{log_loss}{accuracy:.3f}",
                    "minutes allowed": f"{run['minutes']:g}",
                    "ours over it": f"{'' if run['reached'] else 'under '}{best / seconds:.3f}",
                }
            )
    return f"{table(rows)}\nEach once; threads: {max(threads)}. {where(result)}\n"


KAGGLE = {  # digits after the point
    "organize 10,000 + 2,000 pictures, s": 2,
    "organize 10,000 + 2,000 pictures, MB of disk": 2,
    "dog breeds, JPEG files to validated submission, s": 2,
    "dog breeds, the book's loop with the same network, s": 2,
    "dog breeds, ours over the book's": 3,
    "dog breeds, test accuracy": 3,
    "dog breeds, test log-loss, nats": 2,
    "CIFAR-10, 10,000 labelled pictures, linear, efficientnet_lite0, test accuracy": 3,
    "CIFAR-10, 10,000 labelled pictures, linear, efficientnet_lite1, test accuracy": 3,
    "CIFAR-10, 10,000 labelled pictures, linear, efficientnet_lite2, test accuracy": 3,
    "CIFAR-10, 10,000 labelled pictures, fine-tuned, test accuracy": 3,
    "CIFAR-10, 10,000 labelled pictures, mean of the linear ones, test accuracy": 3,
    "CIFAR-10, 10,000 labelled pictures, mean of all four, test accuracy": 3,
    "CIFAR-10, 10,000 labelled pictures, top of the ladder, test accuracy": 3,
    "CIFAR-10, 10,000 labelled pictures, all of it, min": 1,
}


def kaggle_table(result: dict) -> str:
    """A row per quantity."""
    rows = []
    for name, digits in KAGGLE.items():
        if value := result["results"].get(name):
            rounds = value[3]
            text = median(value, digits) if rounds > 1 else f"{value[0]:.{digits}f}"
            rows.append({"what": name, "median (smallest to largest)": text, "rounds": rounds})
    return f"{table(rows)}\n{where(result)}\n"


def larger_table(result: dict) -> str:
    """A row per quantity; of a gain, with its standard error."""
    values, error = result["results"], ": standard error"
    rows = []
    for name, (value, *_) in values.items():
        if not name.endswith(error):
            error_of = values.get(name + error)
            text = f"{value:.4f}" if error_of is None else f"{value:+.4f} ± {error_of[0]:.4f}"
            rows.append({"what": name, "log-loss (or the temperature)": text})
    return f"{table(rows)}\n{where(result)}\n"


DECODE = {
    "ImageFolder, s": 2,
    "threads, s": 2,
    "threads over ImageFolder": 2,
    "kept in memory, s": 2,
    "kept in a file, s": 2,
    "next visit, s": 3,
    "next visit over first": 3,
}


def growth_table(result: dict) -> str:
    """A row per number of pictures, then a row per size of the hot dogs."""
    numbers = [
        {
            "pictures": name,
            "first visit, s": median(values["first, s"], 2),
            "s per 1,000": f"{values['first, s'][0] / values['n'] * 1000:.2f}",
            "next visit, s": median(values["next, s"], 2),
            "memory, MB": median(values["first, MB"], 0),
            "decoded, MB": f"{values['decoded']:,.0f} "
            + ("on disk" if values["on disk"] else "in memory"),
            "rounds": values["rounds"],
        }
        for name, values in result["results"].get("pictures", {}).items()
    ]
    sizes = [
        {"pictures": f"{values['n']:,} {name}"}
        | medians(values, DECODE)
        | {"rounds": values["rounds"]}
        for name, values in result["results"].get("decode", {}).items()
    ]
    rounds = "Median (smallest to largest) of the rounds, each visit a process of its own."
    return f"{table(numbers)}\n{table(sizes)}\n{rounds} {where(result)}\n"


GPU_FIT = {
    "ceiling, pictures/s": 0,
    "fit over it, batches made by the processor": 2,
    "fit over it, batches made on the GPU": 2,
}
GPU_CIFAR = {"s": 1, "accuracy": 4}
PRECISIONS = {"no": "full", "bf16": "half"}


def gpu_table(result: dict) -> str:
    """A row per network and precision; then one per number of epochs of CIFAR-10."""
    fit, cifar = (result["results"].get(part, {}) for part in ("fit", "cifar-10"))
    rates = [
        {"network": name, "precision": PRECISIONS[kind]} | medians(values, GPU_FIT)
        for kind, networks in fit.items()
        for name, values in networks.items()
    ]
    runs = [
        {"CIFAR-10 from scratch": name, "precision": PRECISIONS[kind]}
        | medians(values, GPU_CIFAR)
        | {"seeds": values["n"]}
        for kind, numbers in cifar.items()
        for name, values in numbers.items()
    ]
    return f"{table(rates)}\n{table(runs)}\n{where(result)}\n"


def phone_table(result: dict) -> str:
    """A row per folder of photographs."""
    rows = []
    for name, values in result["results"].items():
        score = {
            what: f"{statistics.mean(values[what]):.3f} ± {statistics.stdev(values[what]):.3f}"
            if what in values
            else ""
            for what in ("linear probe", "recipe", "kept")
        }
        found = {
            f"{what} found": f"{sum(values[part])} of {sum(values[what])}"
            for what, part in (
                ("copies", "of them found"),
                ("wrong labels", "of them among the first twenty"),
            )
        }
        rest = {
            "other pairs": sum(values["other pairs"]),
            "seconds of one core": f"{statistics.median(values['seconds']):.0f}",
            "draws": len(values["recipe"]),
        }
        rows.append({"photographs": name} | score | found | rest)
    return (
        f"{table(rows)}\nAccuracy: mean ± standard deviation; counts: of all draws together. "
        f"{where(result)}\n"
    )


TABLES = {
    "accuracy": accuracy_table,
    "speed": speed_table,
    "time": time_table,
    "kaggle": kaggle_table,
    "cifar": kaggle_table,
    "larger": larger_table,
    "growth": growth_table,
    "gpu": gpu_table,
    "phone": phone_table,
}


def headlines(results: dict) -> str:
    """A few values with their spread, for the README."""
    lessons, goals, kaggle, speed = (
        results[name]["results"] for name in ("accuracy", "time", "kaggle", "speed")
    )

    def seeds(lesson: str, name: str) -> str:
        return f"{mean(lessons[lesson], name)}, {lessons[lesson][f'{name}, seeds']} seeds"

    def times(task: str) -> str:
        ours, book = (goals[task][method] for method in ("ours", "d2l"))
        epochs = f"epochs: {len(book['epochs'])}"
        return f"{arrival(ours)} (once); the book's recipe: {arrival(book)} ({epochs})"

    def rounds(value: list[float], digits: int) -> str:
        once = min(value[:3]) == max(value[:3])
        return f"{value[0]:.{digits}f} (once)" if once else median(value, digits)

    reused = seeds("03_classifier_weight_reuse", "hotdog, no training: row copied, rival raised")
    recipe = lessons["recipe"]
    few, many = (
        f"{seeds('recipe', f'{n} per class: LP-FT averaged with the probe')}; a linear probe: "
        + mean(recipe, f"{n} per class: linear probe")
        for n in (20, 1000)
    )
    top = "CIFAR-10, 10,000 labelled pictures, top of the ladder, test accuracy"
    cifar = rounds(results["cifar"]["results"][top], 3)
    last = lessons["10_kaggle_last_points"]
    dogs_last = ", ".join(
        f"{last[f'last submission, test {w}']:.3f}" for w in ("log-loss", "accuracy")
    )
    submission = rounds(kaggle["dog breeds, JPEG files to validated submission, s"], 1)
    over_book_dogs = rounds(kaggle["dog breeds, ours over the book's"], 3)
    lite0, resnet = speed["efficientnet_lite0, 224 px"], speed["resnet18, 224 px"]
    over_book, over_fastai = "epoch over d2l", "epoch over fastai"
    measured = {
        "hot dogs, fine-tuned (lesson 01): accuracy": seeds("01_hotdog_fine_tuning", "fine-tuned"),
        "hot dogs, 20 photographs per class, the course's recipe: accuracy": few,
        "hot dogs, 1,000 photographs per class, the course's recipe: accuracy": many,
        "hot dogs, one old row reused, no training (lesson 03): accuracy": reused,
        "hot dogs, linear classifier: from JPEG files to accuracy 0.94": times("hotdog"),
        "ten dog breeds, linear classifier: from JPEG files to log-loss 0.25": times("dogs"),
        "ten dog breeds, last submission (lesson 10): log-loss, accuracy": dogs_last,
        "ten dog breeds: seconds from JPEG files to a validated submission": submission,
        "ten dog breeds: that time over the book's": over_book_dogs,
        "CIFAR-10, 10,000 labelled pictures (lesson 05): accuracy of the best": cifar,
        "an epoch of EfficientNet-Lite0 at 224 pixels over the book's": rounds(lite0[over_book], 2),
        "an epoch of ResNet-18 at 224 pixels over the book's": rounds(resnet[over_book], 2),
        "an epoch of ResNet-18 at 224 pixels over fastai's": rounds(resnet[over_fastai], 2),
    }
    rows = [{"on photographs": name, "measured": text} for name, text in measured.items()]
    return table(rows)


def with_tables(page: str, results: dict) -> str:
    """Returns a page's text with the table between each pair of marks made from the results."""
    tables = {name: make(results[name]) for name, make in TABLES.items() if name in results}
    for name, text in {**tables, "headlines": headlines(results)}.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        if begin in page:
            head, _, rest = page.partition(begin)
            page = head + begin + text + end + rest.partition(end)[2]
    return page
