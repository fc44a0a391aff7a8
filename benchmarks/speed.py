"""How fast `fit` is: against the network alone, without data work, and against others' code.

Without a name and a size it measures both networks at 160 and 224 pixels, 30 minutes on two cores;
results of single ones are put beside those that are there. Needs COURSE_DATA (or data/hotdog).
fastai is compared where it is installed: benchmarks/README.md says how.
"""

import contextlib
import functools
import math
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks import others, training
from benchmarks.record import command, keep, show
from benchmarks.timing import call, own_process, seconds, summary, take_turns
from benchmarks.training import NETWORKS, SIZES, network, sgd
from helpers import data, models, train

BATCH = 32
RIVALS = ["d2l", "plain PyTorch"] + (["fastai"] if others.HAS_FASTAI else [])


@contextlib.contextmanager
def few(folder: Path, n: int) -> Iterator[Path]:
    """A folder with copies of the first n training pictures of each class, and n // 2 test ones."""
    with tempfile.TemporaryDirectory() as place:
        for part, count in (("train", n), ("test", n // 2)):
            for kind in (folder / part).iterdir():
                target = Path(place) / part / kind.name
                target.mkdir(parents=True)
                for file in sorted(kind.iterdir(), key=data.natural)[:count]:
                    shutil.copy(file, target)
        yield Path(place)


def ceiling(name: str, size: int, steps: int) -> float:
    """Returns the seconds of so many steps on one batch; memory as `fit` finds it."""
    train.give_back_memory()
    net = network(name, size).train()
    step = partial(training.step, net, sgd(net), *training.noise(BATCH, size))
    return seconds(lambda: [step() for _ in range(steps)])


@functools.cache
def pictures(folder: Path, name: str, size: int) -> tuple[data.Pictures, data.Pictures]:
    """Returns the training and the test pictures, decoded once in a process."""
    wants = models.load_pretrained(name, size=size, weights=None).preprocess
    return tuple(data.read_folder(folder / part, wants) for part in ("train", "test"))


def ours(name: str, size: int, folder: Path) -> tuple[float, float]:
    """Returns the seconds of one epoch of `fit`, and of it with `evaluate`."""
    pictures_to_train, test = pictures(folder, name, size)
    net = network(name, size)
    augment = training.crop_and_flip(size)
    batches = data.loader(pictures_to_train, BATCH, shuffle=True, augment=augment)
    fit = seconds(lambda: train.fit(net, batches, None, sgd(net), 1, quiet=True))
    return fit, fit + seconds(lambda: train.evaluate(net, data.loader(test, 16)))


def theirs(rival: str, name: str, size: int, folder: Path) -> float:
    """Returns the seconds of one epoch of another project's code, measuring included."""
    net = network(name, size)
    if rival == "fastai":
        from fastai.vision.all import SGD

        learner = others.fastai_learner(net, folder, lambda *_: None, BATCH, opt_func=SGD)
        others.default_layout(learner.model)
        return seconds(lambda: learner.fit(1, 1e-3))
    loop = {"d2l": others.d2l_loop, "plain PyTorch": others.plain_loop}[rival]
    return seconds(lambda: loop(net, folder, sgd(net), 1, lambda *_: None, BATCH))


def compare(times: dict, n: int, steps: int) -> dict[str, float]:
    """Returns the quantities of one round: n pictures to train on, so many steps at the ceiling."""
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
    return row


def measure(name: str, size: int, folder: Path, rounds: int) -> dict[str, list[float]]:
    """Returns {quantity: [median, smallest, largest]} over the rounds, after one that warms up.

    The course and the others have a process each: how memory is kept holds for a whole process.
    """
    n = sum(1 for _ in (folder / "train").glob("*/*"))
    steps = math.ceil(n / BATCH)
    with own_process() as course, own_process() as others_process:

        def methods(folder: Path, steps: int) -> dict:
            work = {
                "ceiling": partial(call, course, ceiling, name, size, steps),
                "ours": partial(call, course, ours, name, size, folder),
            }
            for rival in RIVALS:
                work[rival] = partial(call, others_process, theirs, rival, name, size, folder)
            return work

        with few(folder, BATCH // 2) as smaller:
            take_turns(methods(smaller, 1), 1)
        turns = take_turns(methods(folder, steps), rounds)
    return summary([compare(times, n, steps) for times in turns])


def main(argv: list[str] | None = None) -> None:
    parser = command("speed", __doc__)
    parser.add_argument("--network", choices=NETWORKS)
    parser.add_argument("--size", type=int, choices=SIZES)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pictures", type=int, default=192, help="to train on; half to test")
    options = parser.parse_args(argv)
    if not others.HAS_FASTAI:
        print(others.NO_FASTAI)
    with few(data.find("hotdog", "full"), options.pictures // 2) as folder:
        for name in [options.network] if options.network else NETWORKS:
            for size in [options.size] if options.size else SIZES:
                measured = measure(name, size, folder, options.rounds)
                facts = {"n": options.rounds, "pictures": options.pictures}
                keep(options.out, "speed", [f"{name}, {size} px"], measured, **facts)
    show(options.out, "speed")


if __name__ == "__main__":
    main()
