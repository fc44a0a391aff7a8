"""Judges one handed-in answer in a process of its own, which ends with it.

Data (numbers, letters, lists) is judged without any code of the student. A function has to run in
the process that judges it; its source is read first, and code that could reach the judge from
there is not run but named, for somebody to look at.
"""

import ast
import builtins
import functools
import hashlib
import importlib
import json
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from contextlib import redirect_stderr, redirect_stdout, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from types import FunctionType, MethodType, ModuleType, SimpleNamespace

import numpy as np
import pandas.core.computation.expr as pandas_text
import torch
from tqdm import tqdm

from classroom import guard, judge, kinds, notebooks, slices

ROOT = Path(__file__).resolve().parents[1]
HIDDEN = [ROOT / place for place in ("notebooks", "classroom/exercises", "tests")]
for file in sorted((ROOT / "classroom" / "exercises").glob("lesson_*.py")):
    importlib.import_module(f"classroom.exercises.{file.stem}")  # before any notebook is run

# The first optimiser of a kind gives its class another `step`: before an answer could be blamed.
for kind in vars(torch.optim).values():
    if isinstance(kind, type) and torch.optim.Optimizer in kind.__mro__[1:]:
        kind([torch.nn.Parameter(torch.ones(2, 2))])

SECONDS = 60  # of processor time for one function, besides what its exercise allows


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MODULES = words(
    "abc bisect collections contextlib copy dataclasses decimal enum fractions functools heapq "
    "helpers itertools json math matplotlib numbers numpy operator pandas pathlib PIL random re "
    "scipy sklearn statistics string time timm torch torchvision tqdm types typing warnings "
    "__future__"
)
GONE = words("exec eval compile globals locals vars __import__ open breakpoint")
PARTS = words(  # of modules and objects, which lead to the judge or to the machine
    "sys os io gc inspect ctypes builtins importlib subprocess socket signal threading atexit "
    "multiprocessing faulthandler overrides library fx jit hub package compiler ctypeslib f2py "
    "attrgetter methodcaller FunctionType CodeType get_type_hints ForwardRef gi_frame cr_frame "
    "ag_frame tb_frame f_back f_globals f_locals f_builtins read_pickle from_file save "
    "update_wrapper wraps new_class make_dataclass ABCMeta EnumType EnumMeta Formatter "
    "write_file"  # writes to whatever is open, such as the pipe to the grader
)
CHANGING = words("data grad requires_grad")  # of a tensor, besides what it holds
WATCHED = words("builtins classroom copy helpers inspect math numpy statistics torch traceback")
DUNDERS = words(
    "__init__ __name__ __len__ __call__ __iter__ __next__ __getitem__ __doc__ "
    "__future__ __enter__ __exit__ __post_init__ __str__ __repr__"
)
OWN, CHECK = "is it the student's own", "a check that says nothing"  # no names source can spell


class Refused(BaseException):
    """Its text says what an answer uses that no answer should need."""


def work(
    connection: Connection, name: str, source: str, value: object, threads: int, folder: str
) -> None:
    """Sends the state of one answer, as text; source: its code, or "" if `value` is the answer.

    folder: where the judge may keep files for an answer to read.
    """
    sys.dont_write_bytecode = True
    tempfile.tempdir = folder
    seal = hashlib.blake2b(key=connection.recv_bytes())  # the key itself is kept nowhere
    tqdm.set_lock(threading.RLock())  # its own lives on beside a process that is ended
    shutil._use_fd_functions = False  # then it names files by their whole path, as the guard does
    torch.set_num_threads(threads)
    state = ""
    if name:  # not the first call, which brings the judge into memory
        with open(os.devnull, "w") as nothing, redirect_stdout(nothing), redirect_stderr(nothing):
            state = of_code(name, source) if source else of_data(name, value)
    connection.send_bytes(json.dumps([state, sealed(seal, state)]).encode())


def sealed(seal: hashlib.blake2b, state: str) -> str:
    """Returns what only the judge can put beside a state: no answer has the key."""
    seal.update(json.dumps(state).encode())
    return seal.hexdigest()


def of_data(name: str, value: object) -> str:
    """Returns the state of an answer that is data; the course's lesson measures a part again."""
    os.environ["COURSE_SIZE"] = "drawn"
    sys.modules["__main__"] = Lesson(name[:2])
    return judge.outcome_of(name, kinds.from_json(value)).state


class Lesson(ModuleType):
    """Stands for __main__: has the functions of the course's own lesson NN, as they are needed."""

    def __init__(self, number: str):
        super().__init__("__main__")
        self.number = number

    def __getattr__(self, name: str) -> object:
        if not name.startswith("_"):
            for statement in given(self.number, name):
                exec(ast.unparse(statement), vars(self))
        if name in vars(self):
            return vars(self)[name]
        raise AttributeError(name)


def given(lesson: str, name: str) -> Iterator[ast.stmt]:
    """Yields the statements of the course's own lesson that make what a check measures again.

    A lesson hands its pictures to many functions that change nothing of them: those are left out.
    """
    for file in (ROOT / "notebooks").glob(f"{lesson}_*.ipynb"):
        found = slices.statements(notebooks.read(file))
        for place in slices.needed(found, [name], len(found), only_bound=True):
            yield found[place].node


def of_code(name: str, source: str) -> str:
    """Returns the state of an answer that is a function."""
    refused: list[str] = []
    try:
        code = compile(guarded(source), "cell", "exec")
        guard.install([], HIDDEN, strict=True, free=[tempfile.gettempdir()])
        limit(SECONDS + judge.LIMIT_S * judge.EXERCISES[name].patience)
        namespace = {"__name__": "__main__", "__builtins__": restricted(refused)}
        pandas_text.Expr.__init__ = functools.partial(not_run, refused)
        namespace[OWN] = functools.partial(own, refused)
        namespace[CHECK] = SimpleNamespace(solved=lambda name: False)
        before = parts()
        exec(code, namespace)
        outcome = judge.outcome_of(name, taken(namespace[slices.ANSWER]))
        refused += [f"another {part}" for part in changed(before)]
    except Refused as error:
        return f"not judged: the answer uses {error}"
    except BaseException as error:
        return f"not judged: its code stopped with {type(error).__name__[:80]}"
    return f"not judged: the answer uses {refused[0]}" if refused else outcome.state


def parts() -> dict[str, dict]:
    """Returns {module or class: its parts} of what the judge works with."""
    modules = {n: m for n, m in sys.modules.items() if n.split(".")[0] in WATCHED}
    found = {n: dict(vars(m)) for n, m in modules.items() if isinstance(m, ModuleType)}
    classes = [part for each in found.values() for part in each.values() if type(part) is type]
    return found | {f"{c.__module__}.{c.__qualname__}": dict(vars(c)) for c in classes}


def changed(before: dict[str, dict]) -> Iterator[str]:
    """Yields the functions and classes that are others than before."""
    now = parts()
    for place, known in before.items():
        for name, part in known.items():
            if callable(part) and now.get(place, {}).get(name) is not part:
                yield f"{place}.{name}"
    if any(kind.__module__ == "__main__" for kind in torch.Tensor.__subclasses__()):
        yield "class of tensors"


def limit(seconds: float) -> None:
    with suppress(ImportError, ValueError, OSError):
        import resource  # not on Windows

        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds)))


def guarded(source: str) -> ast.Module:
    """Returns the parsed source, in which what is assigned to is asked about first.

    Raises Refused if it uses what could lead to the judge.
    """
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    bound = {node.arg for node in nodes if isinstance(node, ast.arg)}
    bound |= {n.id for n in nodes if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
    for node in nodes:
        for name, refused in names_of(node, bound):
            is_hidden = name.startswith("__") and name not in DUNDERS
            if is_hidden or name in refused or name.lstrip("_") in PARTS & refused:
                raise Refused(f"`{name}`")
        for module in modules_of(node):
            if module.split(".")[0] not in MODULES:
                raise Refused(f"the module {module}")
    return ast.fix_missing_locations(Asking().visit(tree))


def names_of(node: ast.AST, bound: set[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """Yields names that a node uses, and those that it may not use."""
    if isinstance(node, ast.Name):
        yield node.id, GONE - bound
    elif isinstance(node, ast.Attribute):
        yield node.attr, PARTS
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name, GONE
    elif isinstance(node, ast.alias):
        names = [*node.name.split("."), *filter(None, [node.asname])]
        yield from ((part, PARTS) for part in names)
    elif isinstance(node, (ast.MatchAs, ast.MatchStar)):
        yield node.name or "", GONE


def modules_of(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and not is_check(node):
        yield "." * node.level + (node.module or "")
        yield from (f"*{node.module}" for alias in node.names if alias.name == "*")


def is_check(node: ast.ImportFrom) -> bool:
    return node.module == "classroom" and [alias.name for alias in node.names] == ["check"]


class Asking(ast.NodeTransformer):
    """Turns `x.y = z` into `own(x, "y").y = z`, the course's check into one that says nothing."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.Attribute:
        self.generic_visit(node)
        if not isinstance(node.ctx, ast.Load):
            given = [node.value, ast.Constant(node.attr)]
            node.value = ast.Call(ast.Name(OWN, ast.Load()), given, [])
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt:
        if not is_check(node):
            return node
        name = ast.Name(node.names[0].asname or "check", ast.Store())
        return ast.Assign([name], ast.Name(CHECK, ast.Load()))


def own(refused: list[str], value: object, name: str) -> object:
    """Returns the value, unless it is a part of Python, of a package or of the course."""
    shared = isinstance(value, (ModuleType, type)) or callable(value)
    shared = shared and not isinstance(value, torch.nn.Module)
    shared = shared and getattr(value, "__module__", None) != "__main__"
    if shared or (isinstance(value, torch.Tensor) and name not in CHANGING):
        refused.append(f"an assignment to {getattr(value, '__name__', 'a part')}.{name}")
        raise Refused(refused[0])
    return value


def not_run(refused: list[str], *given: object, **named: object) -> None:
    """Stands in for what reads code in a text, which could reach all that Python can."""
    refused.append("`eval` or `query` of pandas")
    raise Refused(refused[0])


def restricted(refused: list[str]) -> dict:
    """Returns the built-in functions without those that lead elsewhere."""

    def ask(name: object) -> str:
        if type(name) is not str or name in PARTS or name.startswith("__"):
            refused.append("a name that it makes up")
            raise Refused(refused[0])
        return name

    def get(value: object, name: str, *default: object) -> object:
        return getattr(value, ask(name), *default)

    def put(value: object, name: str, new: object) -> None:
        setattr(own(refused, value, name), ask(name), new)

    def remove(value: object, name: str) -> None:
        delattr(own(refused, value, name), ask(name))

    kept = {name: part for name, part in vars(builtins).items() if name not in GONE}
    needed = {"__import__": __import__, "getattr": get, "setattr": put, "delattr": remove}
    return kept | needed


def taken(function: object) -> object:
    """Returns the same function; what passes between it and the judge is of known types only."""
    if not callable(function):
        return plain(function)

    @functools.wraps(function, assigned=("__name__",), updated=())
    def call(*arguments: object) -> object:
        return plain(function(*map(lent, arguments)))

    return call


def lent(value: object) -> object:
    """Returns one of the judge's own functions so that it takes known types only."""
    if not isinstance(value, (FunctionType, MethodType)):
        return value
    return lambda *given, **named: value(
        *map(plain, given), **{name: plain(part) for name, part in named.items()}
    )


def plain(value: object, depth: int = 4) -> object:
    """Returns the value without what a class of the student's own could say in its place."""
    if type(value) is bool:
        return value
    for kind in (int, float, complex, str, bytes):
        if isinstance(value, kind):
            return value if type(value) is kind else _bare(kind, value)
    if isinstance(value, torch.Tensor) and type(value) not in (torch.Tensor, torch.nn.Parameter):
        with torch._C.DisableTorchFunctionSubclass():
            return torch.Tensor.as_subclass(value, torch.Tensor)
    if isinstance(value, (dict, list, tuple, set, frozenset)):
        return _plain_parts(value, depth - 1) if depth else value
    if isinstance(value, (Iterator, KeysView, ValuesView, ItemsView)):
        return map(plain, value)
    if isinstance(value, np.ndarray) and type(value) is not np.ndarray:
        return np.ndarray.view(value, np.ndarray)
    known = isinstance(value, (torch.nn.Module, torch.optim.lr_scheduler.LRScheduler))
    if type(value).__module__ == "__main__" and not known:
        raise TypeError("an object of a class of one's own")
    return value


def _plain_parts(value: object, depth: int) -> object:
    if isinstance(value, dict):
        return {plain(key, depth): plain(part, depth) for key, part in dict.items(value)}
    kind = next(k for k in (list, tuple, set, frozenset) if isinstance(value, k))
    return kind(plain(part, depth) for part in kind.__iter__(value))


def _bare(kind: type, value: object) -> object:
    """Returns what `value` is as one of Python's own types, whatever its class says."""
    if kind is str:
        return str.__str__(value)
    if kind is bytes:
        return bytes.__getitem__(value, slice(None))
    return kind.__add__(value, kind(0))
