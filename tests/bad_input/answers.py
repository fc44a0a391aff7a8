"""Answers to exercises: of the wrong type, hostile, endless, and right ones in odd clothes."""

import fractions
import functools
import itertools
from pathlib import Path

import numpy as np
import torch

from classroom import check
from classroom.judge import NOT_YET, RIGHT
from tests.bad_input import Case


class Hostile:
    """Fails with this error whatever is asked of it."""

    def __init__(self, error: type[BaseException]):
        self.__dict__["error"] = error

    def fail(self, *arguments, **options):
        raise self.__dict__["error"]("on purpose")

    __getattr__ = __repr__ = __str__ = __eq__ = __ne__ = __len__ = __iter__ = __float__ = fail
    __bool__ = __index__ = __call__ = __getitem__ = __lt__ = __array__ = __contains__ = fail
    __hash__ = None


class EqualToAll:
    """Says that it is whatever it is compared with."""

    def __eq__(self, other):
        return True

    def __hash__(self):
        return 0

    def __call__(self, *arguments):
        return self


class Pretender:
    """Does not even tell its class."""

    @property
    def __class__(self):
        raise RuntimeError("no class")


class NoArray:
    def __array__(self, *arguments, **options):
        raise RuntimeError("no array")

    def __len__(self):
        return 3

    def __getitem__(self, i):
        raise RuntimeError("no item")


class Long:
    """Says that it is longer than any memory."""

    def __len__(self):
        return 10**18

    def __iter__(self):
        return iter(())


class EndlessNumber:
    def __float__(self):
        while True:
            pass


def deep(levels: int) -> list:
    value = []
    for _ in range(levels):
        value = [value]
    return value


def itself() -> list:
    value = []
    value.append(value)
    return value


def recursive(*arguments):
    return recursive(*arguments)


def endless_generator(*arguments):
    while True:
        yield 1


def needs_five(a, b, c, d, e):
    return a


def raises_hostile(*arguments):
    class Unspeakable(Exception):
        def __str__(self):
            raise RuntimeError("no words")

    raise Unspeakable


# every exercise that is named gets the answer, and none may call it right
EVERY = ("01.1", "01.2", "01.3", "01.4", "01.5", "01.6", "05.4", "05.5", "06.4", "06.5")
WRONG = {
    "nothing": None,
    "a truth value": True,
    "NaN": float("nan"),
    "infinite": float("inf"),
    "a number of 5,001 digits": 10**5000,
    "a complex number": 1j,
    "an empty text": "",
    "a text of a million letters": "ab" * 500_000,
    "a text of zero bytes": "\0" * 50,
    "half a letter": "\ud800",
    "bytes": b"b",
    "an empty list": [],
    "a list in itself": itself(),
    "a list 5,000 deep": deep(5000),
    "a dictionary in place of all": {"a": {"b": [None]}},
    "keys of all kinds": {None: 1, "a": 2, 3: "c"},
    "a set": {1, 2, 3},
    "an array of text": np.array(["a", "b"]),
    "an array without size": np.empty((0, 3)),
    "an array of NaN": np.full((3, 4), np.nan),
    "a tensor without size": torch.empty(0),
    "a tensor of NaN": torch.full((2, 2), float("nan")),
    "a tensor without values": torch.empty(3, device="meta"),
    "a module": np,
    "a class": Hostile,
    "a network": torch.nn.Linear(2, 2),
    "a function of five arguments": needs_five,
    "a function without end of calls": recursive,
    "an error without words": raises_hostile,
    "a function that returns itself": lambda *a: recursive,
    "all numbers": itertools.count(),
    "two lists without end": (itertools.count(), itertools.repeat(1)),
    "a thousand million numbers": range(10**9),
    "a function that returns all numbers": lambda *a: itertools.count(),
    "a function that yields without end": endless_generator,
    "fails when touched": Hostile(RuntimeError),
    "leaves when touched": Hostile(SystemExit),
    "interrupts when touched": Hostile(KeyboardInterrupt),
    "ends memory when touched": Hostile(MemoryError),
    "a function that returns what fails": lambda *a: Hostile(RuntimeError),
    "a function that returns what leaves": lambda *a: Hostile(SystemExit),
    "equal to all": EqualToAll(),
    "of no class": Pretender(),
    "no array": NoArray(),
    "a function that returns no array": lambda *a: NoArray(),
    "longer than memory": Long(),
}


def normalise(picture, mean, std):
    mean, std = (torch.tensor(v, dtype=torch.float64).view(3, 1, 1) for v in (mean, std))
    return (picture.double() / 255 - mean) / std


class Normaliser:
    def __call__(self, *arguments):
        return normalise(*arguments)


ODD_BUT_RIGHT = {
    "a number of NumPy": ("01.4", np.float32(5.1705)),
    "a tensor for a number": ("01.4", torch.tensor([[5.1705]])),
    "a fraction for a number": ("01.4", fractions.Fraction(51705, 10000)),
    "a letter in capitals with spaces": ("01.6", "  A \n"),
    "letters as a list": ("01.1", ["B", "D", "A", "E", "C"]),
    "letters with arrows": ("01.1", "b -> d -> a -> e -> c"),
    "an object for a function": ("01.2", Normaliser()),
    "a function with a part given": ("01.2", functools.partial(normalise)),
    "a function of any arguments": ("01.2", lambda *a, **k: normalise(*a, **k)),
}


def judged(answer: object, exercises: tuple[str, ...]):
    """Whether each check says "not yet" in words of its own, in time."""

    def act(folder: Path) -> None:
        for name in exercises:
            outcome = check.judge(name, answer)
            assert outcome.state == NOT_YET and outcome.seconds < 5, (name, outcome)
            assert outcome.text.strip() and len(outcome.text) < 500, (name, outcome)

    return act


def right(name: str, answer: object):
    return lambda folder: check.judge(name, answer).state == RIGHT


REFUSED = {name: judged(answer, EVERY) for name, answer in WRONG.items()}
REFUSED["a number without end"] = judged(EndlessNumber(), ("01.4",))
CASES = [Case(name, right(*what)) for name, what in ODD_BUT_RIGHT.items()]
CASES += [Case(name, act, "") for name, act in REFUSED.items()]
