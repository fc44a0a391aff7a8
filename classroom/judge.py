"""How an answer is judged: tried out in a thread of its own, within limits, on hidden inputs.

A judged answer has an Outcome: a state (not attempted, not yet, right) and a sentence. What stands
between an answer and "right" is its diagnosis. The exercises themselves, with their hints, are in
`classroom/exercises/lesson_NN.py`.
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
from collections.abc import Callable, ItemsView, Iterator, KeysView, ValuesView
from dataclasses import dataclass
from itertools import islice
from types import FunctionType
from typing import Any, NamedTuple

import torch

from helpers import CourseError
from helpers.require import quoted, summary

NOT_ATTEMPTED, NOT_YET, RIGHT = "not attempted", "not yet", "right"
LIMIT_S = 4.0  # seconds of processor time for one answer: a busy machine takes none of them away
CLOCK_S = 30.0  # seconds on the clock, for answers that wait
MOST = 100_000  # items that an iterator in an answer may give
EXERCISES: dict[str, Exercise] = {}
Diagnosis = str | None | Callable[[], str | None]


class Outcome(NamedTuple):
    """What a check says: the exercise, one of the three states, a sentence; what was printed."""

    exercise: str
    state: str
    text: str
    printed: str = ""


@dataclass
class Exercise:
    """One exercise.

    diagnose: takes the answer; returns None or a Remark if it is right, else what is wrong with
    it; or a function that measures a part of it again, without a limit, and returns the same.
    wanted: what the answer is, in words; if it is a function, what that returns.
    why: why it matters, said when the answer is right. hints: the first one, and a stronger one.
    takes: the function's arguments, such as "net low high"; None if the answer is no function.
    in_place: the function changes what it is given, and need not return anything.
    patience: how many times as long as usual an answer may take: it trains a network.
    """

    diagnose: Callable[[Any], Diagnosis]
    wanted: str
    why: str
    hints: tuple[str, str]
    takes: str | None = None
    in_place: bool = False
    patience: float = 1


class NotYet(BaseException):
    """A diagnosis, raised where returning it would be clumsy; an answer's `except` lets it pass."""


class NotAttempted(BaseException):
    pass


class Remark(str):
    """What a diagnosis says of a right answer, before why it matters."""


class Stub(str):
    """What is said of an answer that is not there yet."""


class Printed(io.TextIOBase):
    """Keeps the beginning of what is written to it, which may have no end."""

    def __init__(self):
        self.text, self.left = "", 2000

    def write(self, text: str) -> int:
        self.text += text[: self.left]
        if self.left and len(text) > self.left:
            self.text += " … and more"
        self.left = max(0, self.left - len(text))
        return len(text)


class Stopped(BaseException):
    """Thrown into an answer that does not end."""


def exercise(name: str, **fields: Any) -> Callable:
    """Makes the decorated function the one that diagnoses answers; fields: those of Exercise."""

    def register(diagnose: Callable[[Any], Diagnosis]) -> Callable:
        EXERCISES[name] = Exercise(diagnose, **fields)
        return diagnose

    return register


def find(name: str) -> Exercise:
    """Returns the exercise of that name; its lesson's file is imported on first use."""
    lesson = str(name)[:2]
    module = f"classroom.exercises.lesson_{lesson}"
    if lesson.isdecimal() and importlib.util.find_spec(module):
        importlib.import_module(module)
    if not isinstance(name, str) or name not in EXERCISES:
        of_lesson = ", ".join(known for known in EXERCISES if known.startswith(f"{lesson}."))
        known = f"lesson {lesson} has {of_lesson}" if of_lesson else 'they are named like "04.1"'
        raise CourseError(f"There is no exercise {quoted(name)}: choose one; {known}.")
    return EXERCISES[name]


def outcome_of(name: str, answer: object) -> Outcome:
    """Tries an answer out and returns the outcome in a few seconds, whatever the answer does."""
    task, printed = find(name), Printed()
    diagnoses: list[Diagnosis] = []
    clocks: list[Callable[[], float]] = []

    def work() -> None:
        torch.set_num_threads(1)  # several wait for each other on a busy machine
        clocks.append(_processor_clock())
        with contextlib.suppress(Stopped):
            diagnoses.append(_diagnosis(task, answer))

    thread, threads = threading.Thread(target=work, daemon=True), torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # the same answer meets the same inputs
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            thread.start()
            try:
                seconds = _wait(thread, clocks, task.patience)
            finally:
                _stop(thread)
                torch.set_num_threads(threads)
        diagnosis = f"It did not end within {seconds:.0f} seconds: is there a loop?"
        diagnosis = diagnoses[0] if diagnoses else diagnosis
        if callable(diagnosis):  # it measures something again, and may take longer
            diagnosis = diagnosis()
    text = printed.text.encode(errors="replace").decode()
    if diagnosis is None or isinstance(diagnosis, Remark):
        return Outcome(name, RIGHT, f"{diagnosis or ''} {task.why}".lstrip(), text)
    state = NOT_ATTEMPTED if isinstance(diagnosis, Stub) else NOT_YET
    return Outcome(name, state, str(diagnosis), text)


def _processor_clock() -> Callable[[], float]:
    """Returns what tells the processor time of this thread, or of the process, to all threads."""
    if not hasattr(time, "pthread_getcpuclockid"):  # Windows, macOS
        start = time.process_time()
        return lambda: time.process_time() - start
    clock = time.pthread_getcpuclockid(threading.get_ident())
    return lambda: time.clock_gettime(clock)


def _wait(thread: threading.Thread, clocks: list[Callable[[], float]], patience: float) -> float:
    """Waits until the thread ends or meets a limit; returns that limit."""
    limit, clock = LIMIT_S * patience, CLOCK_S * patience
    end = time.monotonic() + clock
    while thread.is_alive() and time.monotonic() < end:
        thread.join(0.05)
        with contextlib.suppress(OSError):  # a thread that has just ended has no clock
            if clocks and clocks[0]() > limit:
                return limit
    return clock


def _stop(thread: threading.Thread) -> None:
    for _ in range(20):  # a bare `except:` in a loop may swallow some
        if thread.is_alive():
            identity = ctypes.c_ulong(thread.ident)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(identity, ctypes.py_object(Stopped))
            thread.join(0.02)


def _diagnosis(task: Exercise, answer: object) -> Diagnosis:
    """Returns what `diagnose` finds, whatever the answer does."""
    function = None
    try:
        if _has_dots(answer):
            raise NotAttempted
        answer = _without_iterators(answer)
        if task.takes is not None:
            function = _Function(answer, task)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return task.diagnose(answer if function is None else function)
    except Stopped:
        raise
    except BaseException as error:
        if isinstance(error, NotAttempted) and _is_ours(error):
            return Stub(_where_to_write(answer))
        ours = isinstance(error, NotYet) and _is_ours(error)
        return str(error) if ours else _useless(task, answer, function, error)


def _is_ours(error: BaseException) -> bool:
    """Returns whether the judge or an exercise has raised this, and not the answer itself."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return frame.f_globals.get("__name__", "").startswith("classroom.")


def _where_to_write(answer: object) -> str:
    advice = "Write your answer in place of the dots, then run both cells."
    if type(answer) is FunctionType:
        advice += f" Have you? Then see that your function is still called {answer.__name__}."
    return advice


def _useless(
    task: Exercise, answer: object, function: _Function | None, error: BaseException
) -> str:
    """Returns the diagnosis of an answer that `diagnose` cannot work with."""
    if function is None:
        return f"The answer should be {task.wanted}, and this is {summary(answer)}."
    if task.in_place:
        reason = _reason(error, function.code)
        return f"Your function ran, and using the result stopped with {reason}"
    return f"Your function should return {task.wanted}, and this is {summary(function.result)}."


class _Function:
    """A student's function, whose mistakes become diagnoses; `result`: of its last call."""

    def __init__(self, code: object, task: Exercise):
        if not callable(code):
            raise NotYet(f"Give the function itself, without brackets; this is {summary(code)}.")
        self.code, self.task, self.result = code, task, None

    def __call__(self, *arguments: object) -> Any:
        try:
            inspect.signature(self.code).bind(*arguments)
        except TypeError:
            names = ", ".join(self.task.takes.split())
            raise NotYet(f"It is called with ({names}): take these.") from None
        except ValueError:  # some built-in functions have no signature
            pass
        try:
            self.result = _without_iterators(self.code(*arguments))
        except BaseException as error:
            if isinstance(error, Stopped) or (isinstance(error, NotYet) and _is_ours(error)):
                raise  # a diagnosis comes from a function that `diagnose` gave it to call
            raise NotYet(f"Your code stopped with {_reason(error, self.code)}") from None
        if not torch.is_grad_enabled():
            raise NotYet("It leaves gradients switched off: use `with torch.no_grad():`.")
        if self.result is None and not self.task.in_place:
            wanted = self.task.wanted
            raise NotYet(f"It returns nothing: end it with `return` and {wanted}.")
        if _has_dots(self.result):
            raise NotAttempted
        return self.result


def _reason(error: BaseException, code: object) -> str:
    """Returns the error in words, with the line of the student's cell where it happened."""
    name = type(error).__name__
    try:
        words = f"{name}: {error}"
    except Exception:  # an error of the student's own class
        words = name
    if type(code) is not FunctionType:
        return words
    file = code.__code__.co_filename
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    line = linecache.getline(file, frames[-1].lineno).strip() if frames else ""
    return f'{words} (in the line "{line[:80]}")' if line else words


def _has_dots(answer: object, depth: int = 3) -> bool:
    """Returns whether dots of a stub are left in it, also in lists and dictionaries."""
    if isinstance(answer, dict):
        answer = list(answer.values())
    if type(answer) in (list, tuple) and depth:
        return any(_has_dots(part, depth - 1) for part in answer)
    return answer is ...


def _without_iterators(value: object, depth: int = 2) -> object:
    """Returns the same with lists in place of iterators, which may have no end."""
    if isinstance(value, (Iterator, range, KeysView, ValuesView, ItemsView)):
        value = list(islice(value, MOST + 1))
        if len(value) > MOST:
            raise NotYet(f"It gives more than {MOST:,} items: does it ever end?")
    if type(value) in (list, tuple) and depth:
        return type(value)(_without_iterators(part, depth - 1) for part in value)
    return value
