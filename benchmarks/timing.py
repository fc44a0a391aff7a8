"""A clock that waits for a GPU, rounds in which methods take turns, processes of their own."""

import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor

import torch


def clock() -> float:
    """Returns the time in seconds when all work so far is done, that of a GPU too."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return time.perf_counter()


def seconds(work: Callable[[], object]) -> float:
    start = clock()
    work()
    return clock() - start


def take_turns(methods: dict, rounds: int) -> list[dict]:
    """Returns what each method gave in each round; methods: functions by their names.

    Every round starts with another method, because a machine's speed drifts.
    """
    names, rows = list(methods), []
    for turn in range(rounds):
        first = turn % len(names)
        results = {name: methods[name]() for name in names[first:] + names[:first]}
        rows.append({name: results[name] for name in names})
    return rows


def median_range(values: Sequence[float]) -> list[float]:
    """Returns [median, smallest, largest]."""
    return [round(v, 4) for v in (statistics.median(values), min(values), max(values))]


def summary(rounds: Sequence[dict[str, float]]) -> dict[str, list[float]]:
    """Returns {quantity: [median, smallest, largest]} over the rounds."""
    return {what: median_range([row[what] for row in rounds]) for what in rounds[0]}


def own_process() -> ProcessPoolExecutor:
    """Returns a process in which no other method has set anything."""
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))


def call(process: ProcessPoolExecutor, function: Callable, *arguments):
    """Returns function(*arguments), called in that process."""
    return process.submit(function, *arguments).result()


def call_apart(function: Callable, *arguments):
    """Returns function(*arguments), called in a process of its own."""
    with own_process() as process:
        return call(process, function, *arguments)
