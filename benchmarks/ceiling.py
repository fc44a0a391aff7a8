"""Can the network itself go faster on a processor? What was tried, one change at a time.

`speed` measures the network alone, on one batch that stays in memory, 15 minutes on two cores
(`--compile` adds torch.compile, minutes more); `sizes` measures how accurate the hot dogs are with
smaller and with fewer pictures, 5 minutes; that needs COURSE_DATA (or data/hotdog).
"""

import functools
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from benchmarks import training
from benchmarks.record import command, keep, show
from benchmarks.timing import call, clock, median_range, own_process, seconds, take_turns
from benchmarks.training import network, sgd
from helpers import data, models, train

CASES = [("efficientnet_lite0", 160), ("efficientnet_lite0", 224), ("resnet18", 224)]
START = {"batch": 32, "layout": torch.contiguous_format}
LAST = START | {"layout": torch.channels_last}
KEPT = LAST | {"kept": True}
TRIED = {  # for each task, by the words of the table; the last way is the course's
    "training, batch of 32": {
        "default layout": START,
        "channels last": LAST,
        "channels last, denormal numbers taken as 0": LAST | {"flush": True},
        "channels last, batch of 8": LAST | {"batch": 8},
        "channels last, memory kept": KEPT,
    },
    "features": {
        "default layout, batch of 32": START,
        "channels last, batch of 32": LAST,
        "channels last, batch of 16": LAST | {"batch": 16},
        "channels last, batch of 8": LAST | {"batch": 8},
        "channels last, batch of 32, memory kept": KEPT,
        "channels last, batch of 16, memory kept, frozen by torch.jit": KEPT
        | {"batch": 16, "jit": True},
        "channels last, batch of 16, memory kept": KEPT | {"batch": 16},
    },
}
COMPILED = {"channels last, memory kept, torch.compile": KEPT | {"compiled": True}}
SIDES, NUMBERS, DRAWS = (96, 128, 160, 192, 224), (50, 100, 200, 400), 8


@functools.cache
def make_step(
    task: str, name: str, size: int, batch: int, layout, compiled: bool = False, jit: bool = False
) -> Callable[[], object]:
    """Returns a function that trains on one batch, or makes features of it, once."""
    torch.manual_seed(0)
    net = network(name, size).to(memory_format=layout)
    pictures, labels = training.noise(batch, size, layout)
    if task == "features":
        net.eval()
        if jit:
            net = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(net, pictures)))
        return torch.inference_mode()(partial(net, pictures))
    optimizer = sgd(net)
    net = torch.compile(net.train()) if compiled else net.train()
    return partial(training.step, net, optimizer, pictures, labels)


def rate(
    task: str, name: str, size: int, batch: int, layout, kept=False, flush=False, **how
) -> tuple[float, float]:
    """Returns pictures per second of about 64, after a first step, and seconds of that step."""
    warnings.filterwarnings("ignore")  # torch.jit's own
    if kept:
        train.keep_memory()
    torch.set_flush_denormal(flush)
    step, steps = make_step(task, name, size, batch, layout, **how), max(1, 64 // batch)
    first = seconds(step)
    return steps * batch / seconds(lambda: [step() for _ in range(steps)]), first


def speeds(task: str, ways: dict, name: str, size: int, rounds: int) -> dict[str, list[float]]:
    """Returns {way: [median, smallest, largest] of pictures per second}, and first steps."""
    with own_process() as memory_kept, own_process() as as_it_comes:
        methods = {}
        for way, how in ways.items():
            process = memory_kept if how.get("kept") else as_it_comes
            methods[way] = partial(call, process, partial(rate, task, name, size, **how))
        (warm_up,) = take_turns(methods, 1)
        rows = take_turns(methods, rounds)
    rates = {}
    for way, how in ways.items():
        if how.get("compiled"):
            rates[f"{way}: first step, s"] = median_range([warm_up[way][1]])
        rates[way] = median_range([row[way][0] for row in rows])
    return rates


def sizes() -> dict[str, dict]:
    """Returns {side: {"s": of reading and features, number per class: [mean, deviation]}}."""
    rows = {}
    for side in SIDES:
        net = models.load_pretrained(size=side)
        start = clock()
        folders = (data.find("hotdog", "full") / part for part in ("train", "test"))
        parts = [training.features(net, data.read_folder(f, net.preprocess)) for f in folders]
        row = {"s": round(clock() - start, 1)}
        row |= {str(number): mean_accuracy(*parts, number) for number in NUMBERS}
        rows[str(side)] = row
        print(side, row, flush=True)
    return rows


def mean_accuracy(training_set: tuple, test_set: tuple, number: int) -> list[float]:
    """Returns the mean and the standard deviation over draws of so many pictures per class."""
    (x, y), scores = training_set, []
    for draw in range(DRAWS):
        order = torch.randperm(len(y), generator=torch.Generator().manual_seed(draw))
        drawn = torch.cat([order[y[order] == label][:number] for label in (0, 1)])
        scores.append(training.linear(x[drawn], y[drawn]).score(*test_set))
    return [round(float(value), 4) for value in (np.mean(scores), np.std(scores, ddof=1))]


def main(argv: list[str] | None = None) -> None:
    parser = command("ceiling", __doc__, ["speed", "sizes"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--compile", action="store_true", help="also torch.compile, slow at first")
    options = parser.parse_args(argv)
    parts = options.parts or ["speed", "sizes"]
    tried = TRIED if "speed" in parts else {}
    for task, ways in tried.items():
        if options.compile and task != "features":
            ways = COMPILED | ways
        for name, size in CASES:
            rates = speeds(task, ways, name, size, options.rounds)
            print(task, name, size, rates, flush=True)
            keep(options.out, "ceiling", [task, f"{name}, {size} px"], rates, n=options.rounds)
    if "sizes" in parts:
        keep(options.out, "ceiling", ["sizes"], sizes())
    show(options.out, "ceiling")


if __name__ == "__main__":
    main()
