"""How an answer is judged: tried out in a thread of its own, with a limit, on hidden inputs.

`classroom/exercises/lesson_NN.py` describes the exercises of a lesson with `exercise`.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import inspect
import io
import linecache
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import torch

from helpers import CourseError
from helpers.require import quoted as shown
from helpers.require import summary as _told

NOT_ATTEMPTED, NOT_YET, RIGHT = "not attempted", "not yet", "right"
LIMIT_S = 4.0  # seconds for one answer
MOST = 100_000  # things that an iterator in an answer may give
EXERCISES: dict[str, Exercise] = {}


class Outcome(NamedTuple):
    """What a check says: the exercise, one of the three states, a sentence; seconds it took."""

    exercise: str
    state: str
    text: str
    seconds: float = 0.0


@dataclass
class Exercise:
    """One exercise: how an answer is judged, and what is told about it.

    judge: takes the answer; returns None if it is right, else a diagnosis.
    takes: names of the arguments, if the answer is a function; gives: what it returns, in words.
    why: said when it is right. hints: the first, and a stronger one.
    """

    judge: Callable[[Any], str | None]
    takes: tuple[str, ...] | None
    gives: str
    why: str
    hints: tuple[str, str]


class NotYet(Exception):
    """A diagnosis, raised where returning it would be clumsy."""


class NotAttempted(Exception):
    pass


class Stopped(BaseException):
    """Thrown into an answer that does not end."""


def exercise(
    name: str, *, gives: str, why: str, hints: tuple[str, str], takes: str | None = None
) -> Callable:
    """Make the decorated function the judge of exercise `name`, such as "04.1"."""
    arguments = None if takes is None else tuple(takes.split())

    def register(judge: Callable[[Any], str | None]) -> Callable:
        EXERCISES[name] = Exercise(judge, arguments, gives, why, hints)
        return judge

    return register


def find(name: str) -> Exercise:
    """The exercise of that name; its lesson's file is imported when it is first asked for."""
    lesson = str(name)[:2]
    module = f"classroom.exercises.lesson_{lesson}"
    if lesson.isdecimal() and importlib.util.find_spec(module):
        importlib.import_module(module)
    if not isinstance(name, str) or name not in EXERCISES:
        known = ", ".join(k for k in EXERCISES if k.startswith(f"{lesson}."))
        known = f"lesson {lesson} has {known}" if known else 'they are named like "04.1"'
        raise CourseError(f"There is no exercise {shown(name)}: choose one; {known}.")
    return EXERCISES[name]


def judge(name: str, answer: object) -> Outcome:
    """Try an answer out; whatever it does, this returns within a few seconds."""
    found, begin = find(name), time.perf_counter()
    told: list[tuple[str, str]] = []

    def work() -> None:
        with contextlib.suppress(Stopped):
            told.append(_verdict(found, answer))

    thread = threading.Thread(target=work, daemon=True)
    with torch.random.fork_rng(devices=[]), contextlib.redirect_stdout(io.StringIO()):
        torch.manual_seed(0)  # the same answer meets the same inputs
        thread.start()
        try:
            thread.join(LIMIT_S)
        finally:
            for _ in range(20):  # a bare `except:` in a loop may swallow some
                if thread.is_alive():
                    _throw(thread, Stopped)
                    thread.join(0.02)
    if not told:
        told.append((NOT_YET, f"It did not end within {LIMIT_S:.0f} seconds: is there a loop?"))
    return Outcome(name, *told[0], round(time.perf_counter() - begin, 3))


def _throw(thread: threading.Thread, error: type[BaseException]) -> None:
    identity = ctypes.c_ulong(thread.ident)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(identity, ctypes.py_object(error))


def _verdict(found: Exercise, answer: object) -> tuple[str, str]:
    last = answer
    try:
        if _has_dots(answer):
            raise NotAttempted
        last = answer = _listed(answer)
        if found.takes is not None:
            answer = _Called(answer, found.takes)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            diagnosis = found.judge(answer)
    except NotAttempted:
        return NOT_ATTEMPTED, "Write your answer in place of the dots, then run both cells."
    except NotYet as error:
        diagnosis = str(error)
    except Stopped:
        raise
    except BaseException as error:  # the judge could not work with what it was given
        if type(answer) is _Called:
            last = answer.last
            if found.gives.startswith("nothing"):  # what it did to a network stopped
                told = f"{type(error).__name__}: {error}{_line(error, answer.function)}"
                return NOT_YET, f"Your function ran, and using the result stopped with {told}"
        what = "Your function should return" if found.takes is not None else "The answer should be"
        diagnosis = f"{what} {found.gives}, and this is {_told(last)}."
    return (NOT_YET, diagnosis) if diagnosis else (RIGHT, found.why)


class _Called:
    """A student's function, whose mistakes become diagnoses."""

    def __init__(self, function: object, takes: tuple[str, ...]):
        if not callable(function):
            raise NotYet(f"Give the function itself, without brackets; this is {_told(function)}.")
        self.function, self.takes, self.last = function, takes, None

    def __call__(self, *arguments: object) -> Any:
        try:
            inspect.signature(self.function).bind(*arguments)
        except TypeError:
            raise NotYet(f"It is called with ({', '.join(self.takes)}): take these.") from None
        except ValueError:  # some built-in functions do not tell their arguments
            pass
        try:
            self.last = _listed(self.function(*arguments))
        except NotYet:  # from a function of the judge that it called
            raise
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            name, place = type(error).__name__, _line(error, self.function)
            raise NotYet(f"Your code stopped with {name}: {error}{place}") from None
        if _has_dots(self.last):
            raise NotAttempted
        return self.last


def _line(error: BaseException, function: object) -> str:
    """The line of the student's cell where it happened."""
    file = getattr(getattr(function, "__code__", None), "co_filename", None)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    text = linecache.getline(file, frames[-1].lineno).strip() if frames else ""
    return f' (in the line "{text[:80]}")' if text else ""


def _has_dots(answer: object, depth: int = 3) -> bool:
    """Whether dots of a stub are left in it, also in lists and dictionaries."""
    if isinstance(answer, dict):
        answer = list(answer.values())
    if type(answer) in (list, tuple) and depth:
        return any(_has_dots(part, depth - 1) for part in answer)
    return answer is ...


def _listed(value: object, depth: int = 2) -> object:
    """The same with lists in place of iterators, which may have no end."""
    if isinstance(value, (Iterator, range)):
        value = list(islice(value, MOST + 1))
        if len(value) > MOST:
            raise NotYet(f"It gives more than {MOST:,} things: does it ever end?")
    if type(value) in (list, tuple) and depth:
        return type(value)(_listed(part, depth - 1) for part in value)
    return value
