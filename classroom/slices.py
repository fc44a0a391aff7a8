"""Which statements of a notebook an answer depends on, as its source tells; nothing is run.

The source is read as far as it can be: a statement counts for a name if it binds it, assigns to a
part of it, calls one of its methods for the effect, hands it to a function, or calls a function of
the notebook that does one of these.
"""

import ast
import builtins
import re
import symtable
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

PURE = {*dir(builtins), "plot", "check"}  # what they are given stays as it is
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
FIXED = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
ANSWER = "_answer_to_be_judged"
TIMED = re.compile(r"^\s*%%(time|capture)\b.*\n")  # what stands below it is Python all the same


@dataclass
class Statement:
    """A statement at the top of a cell, and the names that it has to do with."""

    node: ast.stmt
    cell: int
    binds: set[str] = field(default_factory=set)
    needs: set[str] = field(default_factory=set)  # when it is run
    later: set[str] = field(default_factory=set)  # when a function that it makes is called
    changes: set[str] = field(default_factory=set)
    calls: set[str] = field(default_factory=set)

    def __post_init__(self):
        table = symtable.symtable(ast.unparse(self.node), "cell", "exec")
        for symbol in table.get_symbols():
            if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace():
                self.binds.add(symbol.get_name())
            if symbol.is_referenced():
                self.needs.add(symbol.get_name())
        for inner in _inside(table):
            names = [symbol for symbol in inner.get_symbols() if symbol.is_global()]
            self.later |= {symbol.get_name() for symbol in names}
            self.binds |= {symbol.get_name() for symbol in names if symbol.is_assigned()}
        names = self.needs | self.later | self.binds
        self.changes = {name for name in _changed(self.node) if name in names}
        calls = (node.func for node in ast.walk(self.node) if isinstance(node, ast.Call))
        self.calls = {call.id for call in calls if isinstance(call, ast.Name)}


@dataclass
class Answer:
    """A call of check.answer: the exercise, the expression it is given, the statement's place."""

    exercise: str
    value: ast.expr
    place: int


def statements(notebook: NotebookNode) -> list[Statement]:
    """Returns the statements of all cells that Python can read."""
    found = []
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            with suppress(*UNREADABLE):
                source = TransformerManager().transform_cell(TIMED.sub("", cell.source))
                nodes = [part for node in ast.parse(source).body for part in _parts(node)]
                found += [Statement(node, number) for node in nodes]
    return found


def _parts(node: ast.stmt) -> list[ast.stmt]:
    """Returns `import x, y` as two statements: an answer may need one of them."""
    return [ast.Import([name]) for name in node.names] if isinstance(node, ast.Import) else [node]


def answers(found: list[Statement]) -> Iterator[Answer]:
    """Yields all calls of check.answer that name their exercise."""
    for place, statement in enumerate(found):
        for node in ast.walk(statement.node):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "check.answer":
                values = [*node.args, *(word.value for word in node.keywords)]
                name = values[0] if len(values) == 2 else None
                if isinstance(name, ast.Constant) and isinstance(name.value, str):
                    yield Answer(name.value, values[1], place)


def needed(
    found: list[Statement], names: Iterable[str], end: int, only_bound: bool = False
) -> list[int]:
    """Returns the places of the statements before `end` that these names depend on there.

    only_bound: counts none that may change a name's parts, only those that bind it.
    """
    fixed = _fixed(found)
    effects = _effects(found, fixed)
    chosen: set[int] = set()
    seen: set[tuple[str, int]] = set()
    waiting = [(name, end, False) for name in names]
    while waiting:
        name, limit, is_later = waiting.pop()
        if (name, limit) in seen:
            continue
        seen.add((name, limit))
        for place in range(limit - 1, -1, -1):
            statement = found[place]
            binds = name in statement.binds
            if not (binds if only_bound else _counts_for(name, statement, effects, fixed)):
                continue
            if place not in chosen:
                chosen.add(place)
                waiting += [(need, place, False) for need in statement.needs]
                waiting += [(need, end, True) for need in statement.later]
            if not is_later and _surely_binds(statement.node, name):
                break
    return sorted(chosen)


def names_in(expression: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}


def source_of(found: list[Statement], answer: Answer) -> str:
    """Returns what has to be run for an answer, which is bound to the name ANSWER at the end."""
    places = needed(found, names_in(answer.value), answer.place)
    last = ast.Assign([ast.Name(ANSWER, ast.Store())], answer.value, lineno=0)
    return "\n".join(map(ast.unparse, [*(found[place].node for place in places), last]))


def literal(found: list[Statement], answer: Answer) -> list:
    """Returns a list with the answer if it stands in the source itself, else an empty one."""
    value = answer.value
    places = needed(found, names_in(value), answer.place)
    if isinstance(value, ast.Name) and len(places) == 1:
        node = found[places[0]].node
        plain = isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        value = node.value if plain and len(node.targets) == 1 else value
    with suppress(*UNREADABLE, TypeError):
        return [ast.literal_eval(value)]
    return []


def cells_for(found: list[Statement], wanted: Iterable[Answer]) -> list[NotebookNode]:
    """Returns cells with these answers' checks and the statements that they depend on."""
    places: set[int] = set()
    for answer in wanted:
        names = names_in(answer.value) | found[answer.place].needs
        places |= {answer.place, *needed(found, names, answer.place)}
    cells: dict[int, list[str]] = {}
    for place in sorted(places):
        cells.setdefault(found[place].cell, []).append(ast.unparse(found[place].node))
    return [new_code_cell("\n".join(lines)) for lines in cells.values()]


def _inside(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _inside(child)


def _root(node: ast.expr) -> str | None:
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def _changed(statement: ast.stmt) -> Iterator[str | None]:
    """Yields the names whose parts a statement, or the body of a function, may change."""
    for node in ast.walk(statement):
        if isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
            yield _root(node)
        is_call = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
        if is_call and getattr(node.value.func, "id", None) not in PURE:  # print(x) changes nothing
            yield _root(node.value)
        if isinstance(node, ast.Call) and _root(node.func) not in PURE:
            is_method = isinstance(node.func, ast.Attribute) and node.args
            settings = () if is_method else (word.value for word in node.keywords)
            for given in (*node.args, *settings):  # fit(net, augment=cut) leaves cut as it was
                if isinstance(given, ast.Name) and not given.id.isupper():  # those are constants
                    yield given.id


def _effects(found: list[Statement], fixed: set[str]) -> dict[str, set[str]]:
    """Returns {function of the notebook: names outside of it that a call may change}."""
    functions = [one for one in found if isinstance(one.node, ast.FunctionDef)]
    effects: dict[str, set[str]] = {one.node.name: set() for one in functions}
    for _ in functions:  # a function's calls change what those functions change
        before = {name: set(names) for name, names in effects.items()}
        for one in functions:
            changed = (one.changes - fixed) | _assigned_parts(one.node) | one.binds
            own = changed & one.later - {one.node.name}
            effects[one.node.name] |= own.union(*(effects.get(call, set()) for call in one.calls))
        if effects == before:
            break
    return effects


def _fixed(found: list[Statement]) -> set[str]:
    """Returns names of modules, functions and classes, whose methods seldom change them."""
    made = [one for one in found if isinstance(one.node, FIXED)]
    return set().union(*(one.binds for one in made))


def _counts_for(name: str, one: Statement, effects: dict, fixed: set[str]) -> bool:
    if name in one.binds:
        return True
    if isinstance(one.node, FIXED):
        return False
    if name in one.changes:
        return name not in fixed or name in _assigned_parts(one.node)
    return any(name in effects.get(call, ()) for call in one.calls)


def _assigned_parts(statement: ast.stmt) -> set[str | None]:
    parts = [n for n in ast.walk(statement) if isinstance(n, (ast.Attribute, ast.Subscript))]
    return {_root(part) for part in parts if not isinstance(part.ctx, ast.Load)}


def _surely_binds(node: ast.stmt, name: str) -> bool:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return node.name == name
    if isinstance(node, ast.Assign):
        return any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
    return isinstance(node, (ast.Import, ast.ImportFrom))
