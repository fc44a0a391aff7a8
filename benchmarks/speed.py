"""How fast `fit` is: against the network alone, without data work, and against others' code.

Each network is measured at 160 and at 224 pixels; both take more than half an hour on two cores.
Needs COURSE_DATA (or data/hotdog). fastai is compared where it is installed: benchmarks/README.md
says how.
"""

import math
import shutil
import tempfile
from functools import partial
from pathlib import Path

from benchmarks import others, training
from benchmarks.record import command, keep, show
from benchmarks.timing import call, own_process, seconds, summary, take_turns
from benchmarks.training import NETWORKS, SIZES, network, sgd
from helpers import data, train

BATCH = 32
PICTURES = 192  # to train on; half as many to test
RIVALS = ["d2l", "plain PyTorch"] + (["fastai"] if others.HAS_FASTAI else [])


def copy_few(folder: Path, n: int, target: Path) -> Path:
    """Copies the first n training pictures of each class and n // 2 test pictures."""
    for part, count in (("train", n), ("test", n // 2)):
        for kind in (folder / part).iterdir():
            (target / part / kind.name).mkdir(parents=True)
            for file in sorted(kind.iterdir(), key=data.natural)[:count]:
                shutil.copy(file, target / part / kind.name)
    return target


def ours(name: str, size: int, folder: Path) -> tuple[float, float]:
    """Returns the seconds of one epoch of `fit`, and of it with `evaluate`."""
    net, augment = network(name, size), training.crop_and_flip(size)
    parts = (data.read_folder(folder / part, net.preprocess) for part in ("train", "test"))
    training_set, test_set = parts
    batches = data.loader(training_set, BATCH, shuffle=True, augment=augment)
    fit = training.fit_epoch(name, size, batches)
    return fit, fit + seconds(lambda: train.evaluate(net, data.loader(test_set, 16)))


def theirs(rival: str, name: str, size: int, folder: Path) -> float:
    """Returns the seconds of one epoch of another project's code, measuring included."""
    net = network(name, size)
    if rival == "fastai":
        from fastai.vision.all import SGD

        learner = others.fastai_learner(net, folder, lambda *_: None, BATCH, opt_func=SGD)
        return seconds(lambda: learner.fit(1, 1e-3))
    loop = {"d2l": others.d2l_loop, "plain PyTorch": others.plain_loop}[rival]
    return seconds(lambda: loop(net, folder, sgd(net), 1, lambda *_: None, BATCH))


def measure(name: str, size: int, folder: Path, rounds: int) -> dict[str, list[float]]:
    """Returns {quantity: [median, smallest, largest]} over the rounds, after one that warms up.

    The course and the others have a process each: how memory is kept holds for a whole process.
    """
    n = sum(1 for _ in (folder / "train").glob("*/*"))
    steps = math.ceil(n / BATCH)
    with own_process() as course, own_process() as others_process:
        methods = {
            "ceiling": partial(call, course, training.ceiling, name, size, BATCH, steps),
            "ours": partial(call, course, ours, name, size, folder),
        }
        for rival in RIVALS:
            methods[rival] = partial(call, others_process, theirs, rival, name, size, folder)
        turns = take_turns(methods, 1 + rounds)[1:]
    rows = []
    for times in turns:
        at_most, (fit, epoch) = steps * BATCH / times["ceiling"], times["ours"]
        row = {
            "ceiling, pictures/s": at_most,
            "fit, pictures/s": n / fit,
            "fit over ceiling": n / fit / at_most,
            "epoch, s": epoch,
        }
        for rival in RIVALS:
            row[f"{rival}: epoch, s"] = times[rival]
            row[f"epoch over {rival}"] = epoch / times[rival]
        rows.append(row)
    return summary(rows)


def main(argv: list[str] | None = None) -> None:
    options = command("speed", __doc__, NETWORKS, rounds=5).parse_args(argv)
    if not others.HAS_FASTAI:
        print(others.NO_FASTAI)
    facts = {"n": options.rounds, "pictures": PICTURES}
    with tempfile.TemporaryDirectory() as place:
        folder = copy_few(data.find("hotdog", "full"), PICTURES // 2, Path(place))
        for name in options.parts:
            for size in SIZES:
                measured = measure(name, size, folder, options.rounds)
                keep(options.out, "speed", [f"{name}, {size} px"], measured, **facts)
    show(options.out, "speed")


if __name__ == "__main__":
    main()
