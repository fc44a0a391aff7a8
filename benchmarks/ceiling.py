"""Can the network itself go faster on a processor? What was tried, one change at a time.

    python -m benchmarks.ceiling [speed] [sizes] [--rounds 5] [--compile]

`speed` measures the network alone, on one batch that stays in memory, 15 minutes on two cores
(`--compile` adds torch.compile, minutes more); `sizes` how accurate the hot dogs are with smaller
and with fewer pictures, 5 minutes; that needs COURSE_DATA (or data/hotdog).
"""

import argparse
import functools
import time
import warnings

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch.nn import functional as F

from benchmarks.record import machine, median_range, own_process, read, write
from benchmarks.speed import network, sgd
from benchmarks.tables_of_time import ceiling_table
from helpers import data, models, train

CASES = [("efficientnet_lite0", 160), ("efficientnet_lite0", 224), ("resnet18", 224)]
START = {"batch": 32, "layout": torch.contiguous_format}
LAST = START | {"layout": torch.channels_last}
TRIED = {  # (what is done, with what) by the words of the table; the last ones are the course's
    "training, batch of 32": {
        "default layout": START,
        "channels last": LAST,
        "channels last, denormal numbers taken as 0": LAST | {"flush": True},
        "channels last, batch of 8": LAST | {"batch": 8},
        "channels last, memory kept": LAST | {"kept": True},
    },
    "features": {
        "default layout, batch of 32": START,
        "channels last, batch of 32": LAST,
        "channels last, batch of 16": LAST | {"batch": 16},
        "channels last, batch of 8": LAST | {"batch": 8},
        "channels last, batch of 32, memory kept": LAST | {"kept": True},
        "channels last, batch of 16, memory kept, frozen by torch.jit": LAST
        | {"batch": 16, "kept": True, "jit": True},
        "channels last, batch of 16, memory kept": LAST | {"batch": 16, "kept": True},
    },
}
COMPILED = {"channels last, memory kept, torch.compile": LAST | {"kept": True, "compiled": True}}
SIDES, NUMBERS, DRAWS = (96, 128, 160, 192, 224), (50, 100, 200, 400), 8


@functools.cache
def step(doing: str, name: str, size: int, batch: int, layout, compiled=False, jit=False):
    """A function that trains on one batch, or makes features of it, once."""
    torch.manual_seed(0)
    net = network(name, size).to(memory_format=layout)
    pictures = torch.randn(batch, 3, size, size).contiguous(memory_format=layout)
    labels = torch.randint(0, 2, (batch,))
    if doing == "features":
        net.eval()
        if jit:
            net = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(net, pictures)))
        return torch.inference_mode()(lambda: net(pictures))
    optimizer = sgd(net)
    ran = torch.compile(net.train()) if compiled else net.train()

    def training() -> None:
        optimizer.zero_grad()
        F.cross_entropy(ran(pictures), labels).backward()
        optimizer.step()

    return training


def rate(doing: str, name: str, size: int, batch: int, layout, kept=False, flush=False, **how):
    """Pictures per second of about 64, after one step that warms up, and seconds of that step."""
    warnings.filterwarnings("ignore")  # torch.jit's own
    if kept:
        train.keep_memory()
    torch.set_flush_denormal(flush)
    work, start = step(doing, name, size, batch, layout, **how), time.perf_counter()
    work()
    warm, start = time.perf_counter() - start, time.perf_counter()
    steps = max(1, 64 // batch)
    for _ in range(steps):
        work()
    return steps * batch / (time.perf_counter() - start), warm


def speeds(doing: str, ways: dict, name: str, size: int, rounds: int) -> dict[str, list[float]]:
    """{way: [median, smallest, largest] of pictures per second}; ways take turns, 2 processes."""
    found, first = {way: [] for way in ways}, {}
    with own_process() as kept, own_process() as as_it_comes:
        for turn in range(rounds + 1):  # the first warms up
            for way in np.roll(list(ways), turn).tolist():
                process = kept if ways[way].get("kept") else as_it_comes
                task = process.submit(rate, doing, name, size, **ways[way])
                pictures, warm = task.result()
                first.setdefault(way, warm)
                found[way] += [pictures] if turn else []
    for way in ways:
        middle, low, high = median_range(found[way])
        print(
            f"{name} {size} {doing}: {way:60} {middle:6.1f} ({low:.1f} to {high:.1f})", flush=True
        )
    rows = {}
    for way in ways:
        if "compile" in way:
            rows[f"{way}: first step, s"] = median_range([first[way]])
        rows[way] = median_range(found[way])
    return rows


def sizes() -> dict[str, dict]:
    """{side: {"s": seconds of reading and features, number a class: [mean, deviation]}}."""
    found = {}
    for side in SIDES:
        net = models.load_pretrained(size=side)
        start = time.perf_counter()
        parts = [
            train.extract_features(net, data.loader(data.read_folder(folder, net.preprocess), 16))
            for folder in (data.find("hotdog", "full") / part for part in ("train", "test"))
        ]
        (x, y), test = parts
        row = {"s": round(time.perf_counter() - start, 1)}
        for number in NUMBERS:
            scores = []
            for draw in range(DRAWS):
                order = torch.randperm(len(y), generator=torch.Generator().manual_seed(draw))
                some = torch.cat([order[y[order] == k][:number] for k in (0, 1)])
                linear = LogisticRegression(C=0.01, solver="newton-cg").fit(x[some], y[some])
                scores.append(linear.score(*test))
            row[str(number)] = [
                round(float(v), 4) for v in (np.mean(scores), np.std(scores, ddof=1))
            ]
        found[str(side)] = row
        print(side, row, flush=True)
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("what", nargs="*", help="speed or sizes; both, if there is none")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--compile", action="store_true", help="also torch.compile, slow at first")
    asked = options.parse_args()
    result = read().get("ceiling", {"results": {}})
    if "speed" in asked.what or not asked.what:
        for doing, ways in TRIED.items():
            more = COMPILED if asked.compile and doing != "features" else {}
            for name, size in CASES:
                found = speeds(doing, more | ways, name, size, asked.rounds)
                result["results"].setdefault(doing, {})[f"{name}, {size} px"] = found
                write("ceiling", result | machine() | {"n": asked.rounds})
    result = read().get("ceiling", result)
    if "sizes" in asked.what or not asked.what:
        result["results"]["sizes"] = sizes()
        write("ceiling", result | machine())
    print(ceiling_table(read()["ceiling"]))


if __name__ == "__main__":
    main()
