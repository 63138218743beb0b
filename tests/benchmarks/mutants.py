"""`python -m tests.benchmarks.mutants`: spoils what decides who sees what, one place after the other, and tells which spoilings no test notices.

A mutant is a function in which one comparison, condition, set operation, number, statement or piece of SQL is another one. The tests are
collected once, and once it is told how long each takes and which of these functions it calls. For each mutant a fork of that process puts the
spoilt code into the function and runs the tests that call it, the quickest first, until one fails. What they all let live is printed.
"""

from __future__ import annotations

import argparse
import ast
import copy
import gc
import importlib
import io
import os
import pickle
import re
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FunctionType
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
TARGETS: dict[str, tuple[str, ...]] = {  # files, and the functions and classes in them; none: all
    "graph/policy.py": (),
    "graph/stores/sqlite/seen.py": ("Seen",),
    "graph/stores/neo4j/cypher.py": ("Seen", "passes", "_true"),
    "graph/stores/base.py": ("masked",),
    "graph/context.py": (
        "_masked_claim",
        "_shown",
        "ContextGraph._filter",
        "ContextGraph.explain",
        "ContextGraph.sees_everything",
        "ContextGraph.needs_everything",
        "ContextGraph._sees_policy",
        "ContextGraph._told",
        "ContextGraph.admit",
    ),
    "app/tokens.py": ("Key", "Caller", "Gate", "_filled"),
}
TESTS: dict[str, str] = {  # files of tests, and what the names of those contain that may notice something
    "test_policy.py": "",
    "test_tokens.py": "",
    "test_http.py": "key|agent|token|hidden|actor|event",
    "test_store.py": "filter|mask|hidden|shown|passes|as_of|validity|missing|identifiers",
    "test_drift.py": "audit|asked|given_up",
    "test_no_leak.py": r"\[(scope|show|find|audit|history|access explain)\]|doors|export",
}
_QUIETLY = ("-q", "-p", "no:randomly", "-p", "no:cacheprovider", "--timeout", "0")
_NOTICED, _ALIVE, _BROKEN = 1, 0, 3
CALLED: set[tuple[str, str]] = set()  # the functions, by file and name, that were called since this was emptied
_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.LtE: ast.Lt, ast.Gt: ast.LtE, ast.GtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_JOINED: dict[type[ast.operator], type[ast.operator]] = {ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr, ast.Sub: ast.BitOr}
_CALLED = {"any": "all", "all": "any", "min": "max", "max": "min"}
_SAID = {
    "NOT IN": "IN",
    " IN ": " NOT IN ",
    " AND ": " OR ",
    " OR ": " AND ",
    " <= ": " < ",
    " > ": " >= ",
    "NOT ": "",
    "allowed": "denied",
}


class Mutant(NamedTuple):
    """One spoilt place of a function: the file, the function in it, the line, what is other, and the code that the function has then."""

    file: str
    function: str
    line: int
    what: str
    code: CodeType


def mutants(file: str, within: tuple[str, ...]) -> Iterator[Mutant]:
    """All that can be spoilt in these functions and classes of a file (none: in all of it)."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    for name, function in _functions(tree):
        if within and not any(name == one or name.startswith(f"{one}.") for one in within):
            continue
        for number, node in enumerate(_inside(function)):
            for what, spoilt in _spoilt(node):
                other = copy.deepcopy(function)
                _put(other, list(_inside(other))[number], spoilt)
                line: int = getattr(node, "lineno", 0) or getattr(getattr(node, "target", None), "lineno", 0)
                yield Mutant(file, name, line, what, _compiled(file, name, other))


def _compiled(file: str, name: str, function: ast.FunctionDef) -> CodeType:
    """The code of a function, as it stands in the classes that its name tells."""
    held: ast.stmt = function
    for above in reversed(name.split(".")[:-1]):
        held = ast.ClassDef(name=above, bases=[], keywords=[], body=[held], decorator_list=[])
    future = ast.ImportFrom(module="__future__", names=[ast.alias("annotations")], level=0)
    module = ast.fix_missing_locations(ast.Module([future, held], []))
    return next(_code(compile(module, str(ROOT / file), "exec", dont_inherit=True), name))


def _functions(tree: ast.AST, above: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """The functions and methods of a module by their names, without those inside of functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield above + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{above}{node.name}.")


def _inside(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """What is done in a function: without types and the words that describe it."""
    waiting: list[ast.AST] = [one for one in function.body if not _describes(one)]
    while waiting:
        node = waiting.pop(0)
        yield node
        skipped = getattr(node, "annotation", None)
        waiting += [one for one in ast.iter_child_nodes(node) if one is not skipped and not _describes(one)]


def _describes(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _code(whole: CodeType, name: str) -> Iterator[CodeType]:
    for one in whole.co_consts:
        if isinstance(one, CodeType):
            if one.co_qualname == name:
                yield one
            yield from _code(one, name)


def _spoilt(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """The other things that could stand at this place, each in words."""
    made = copy.deepcopy(node)
    match made:
        case ast.Compare(ops=[operator]) if type(operator) in _COMPARED:
            made.ops = [_COMPARED[type(operator)]()]
        case ast.BoolOp():
            made.op = ast.Or() if isinstance(made.op, ast.And) else ast.And()
        case ast.UnaryOp(op=ast.Not()):
            made = made.operand
        case ast.BinOp() if type(made.op) in _JOINED:
            made.op = _JOINED[type(made.op)]()
        case ast.IfExp():
            made.body, made.orelse = made.orelse, made.body
        case ast.comprehension() if made.ifs:
            yield f"without if {', '.join(map(ast.unparse, made.ifs))}", ast.comprehension(made.target, made.iter, [], made.is_async)
            return
        case ast.If():
            yield f"if not {ast.unparse(made.test)}", ast.If(ast.UnaryOp(ast.Not(), made.test), made.body, made.orelse)
            return
        case ast.Call(func=ast.Name(id=name)) if name in _CALLED:
            made.func = ast.Name(_CALLED[name], ast.Load())
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Raise():
            yield f"without {ast.unparse(made)}", ast.Pass()
            return
        case ast.Constant(value=str(text)) if "\n" not in text:
            yield from ((f"{text!r} -> {new!r}", ast.Constant(new)) for old, new in _replaced(text) if old)
            return
        case ast.Constant(value=int(number)) if not isinstance(number, bool):
            made = ast.Constant(number + 1)
        case _:
            return
    yield f"{ast.unparse(node)} -> {ast.unparse(made)}", made


def _replaced(text: str) -> Iterator[tuple[str, str]]:
    return ((old, text.replace(old, new, 1)) for old, new in _SAID.items() if old in text)


def _put(tree: ast.AST, place: ast.AST, spoilt: ast.AST) -> None:
    class Exchange(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            return spoilt if node is place else self.generic_visit(node)

    Exchange().visit(tree)


class Told(NamedTuple):
    """What was seen of a test: whether it passed, its seconds, and the functions (file and name) that it called."""

    passed: bool
    seconds: float
    called: frozenset[tuple[str, str]]


@dataclass
class Trial:
    """A plugin of pytest that runs the collected tests for each mutant in place of once."""

    made: Sequence[Mutant]
    seconds: int
    neo4j: bool
    out: int
    alive: list[Mutant] = field(default_factory=list[Mutant])
    noticed: int = 0
    failed: bool = False

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Only those that may notice something."""
        items[:] = [one for one in items if re.search(TESTS[one.path.name], one.name) and (self.neo4j or "neo4j" not in one.name)]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember that something failed."""
        self.failed = self.failed or report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """All mutants, one after the other."""
        told = self._told(session.items)
        if broken := [one.nodeid for one in session.items if not told[one.nodeid].passed]:
            message = f"these fail without any mutant: {', '.join(broken)}"
            raise pytest.UsageError(message)
        for number, mutant in enumerate(self.made, start=1):
            place = mutant.file, mutant.function
            tests = sorted((one for one in session.items if place in told[one.nodeid].called), key=lambda one: told[one.nodeid].seconds)
            outcome = self._tried(mutant, tests)
            if outcome == _ALIVE:
                self.alive.append(mutant)
                self._say(f"{mutant.file}:{mutant.line}: {mutant.what}  ({len(tests)} tests)\n")
            self.noticed += outcome != _ALIVE
            if number % 50 == 0:
                self._say(f"  {number} of {len(self.made)}\n")
        return True

    def _told(self, tests: Sequence[pytest.Item]) -> dict[str, Told]:
        """Of each test what was seen of it, in a process of its own: what it leaves behind is in no mutant's way."""
        reading, writing = os.pipe()
        if not (child := os.fork()):
            os.close(reading)
            _tell()
            with os.fdopen(writing, "wb") as out:
                pickle.dump({one.nodeid: self._watched(one) for one in tests}, out)
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as given:
            told: dict[str, Told] = pickle.load(given)
        os.waitpid(child, 0)
        return told

    def _watched(self, test: pytest.Item) -> Told:
        CALLED.clear()
        self.failed, began = False, time.perf_counter()
        self._run(test, None)
        return Told(not self.failed, time.perf_counter() - began, frozenset(CALLED))

    @staticmethod
    def _run(test: pytest.Item, then: pytest.Item | None) -> None:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            test.config.hook.pytest_runtest_protocol(item=test, nextitem=then)

    def _tried(self, mutant: Mutant, tests: Sequence[pytest.Item]) -> int:
        """Whether a test noticed; one that does not come to an end in time is noticed, too, unless the tests before it took that long."""
        if not (child := os.fork()):
            signal.alarm(self.seconds)
            outcome = _BROKEN
            try:
                _spoil(mutant)
                outcome = self._first_failure(tests)
            finally:
                os._exit(outcome)
        if (outcome := abs(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))) == _BROKEN:
            message = f"{mutant.file}:{mutant.line}: {mutant.what} could not be tried"
            raise pytest.UsageError(message)
        return outcome

    def _first_failure(self, tests: Sequence[pytest.Item]) -> int:
        self.failed = False
        for place, test in enumerate(tests, start=1):
            self._run(test, tests[place] if place < len(tests) else None)
            if self.failed:
                return _NOTICED
        return _ALIVE

    def _say(self, text: str) -> None:
        os.write(self.out, text.encode())


def _spoil(mutant: Mutant) -> None:
    """Put the mutant's code into its function, wherever that is held."""
    for one in _held():
        if _place(one) == (mutant.file, mutant.function):
            one.__code__ = mutant.code


def _tell() -> None:
    """Let every function that is spoilt in some mutant say in `CALLED` that it was called."""
    telling = dict[tuple[str, str], CodeType]()
    for file in TARGETS:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        for name, function in _functions(tree):
            function.body[:0] = ast.parse(f"import {__name__} as _mutants; _mutants.CALLED.add(({file!r}, {name!r}))").body
            telling[file, name] = _compiled(file, name, function)
    for one in _held():
        if code := telling.get(_place(one)):
            one.__code__ = code


def _held() -> list[FunctionType]:
    for file in TARGETS:  # a store is imported only where one is opened
        importlib.import_module(file.removesuffix(".py").replace("/", "."))
    files = {str(ROOT / file) for file in TARGETS}
    return [one for one in gc.get_objects() if type(one) is FunctionType and one.__code__.co_filename in files]


def _place(function: FunctionType) -> tuple[str, str]:
    return str(Path(function.__code__.co_filename).relative_to(ROOT)), function.__code__.co_qualname


def main() -> None:
    """Print the mutants that live, and how many there are."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.mutants", description=__doc__)
    parser.add_argument("--file", choices=TARGETS, action="append")
    parser.add_argument("--lines", type=int, nargs=2, default=(0, 10**6), metavar=("FROM", "TO"))
    parser.add_argument("--neo4j", action="store_true", help="start a Neo4j, and run the tests on it too")
    parser.add_argument("--seconds", type=int, default=300, help="that the tests of one mutant may take")
    chosen = parser.parse_args()
    first, last = chosen.lines
    files = chosen.file or [file for file in TARGETS if chosen.neo4j or "neo4j" not in file]
    made = [one for file in files for one in mutants(file, TARGETS[file]) if first <= one.line <= last]
    os.environ["CI"] = "true"  # the same examples each time
    if not chosen.neo4j:
        os.environ["ORGCONTEXT_TEST_NEO4J"] = ""  # none is started
    trial = Trial(made, chosen.seconds, chosen.neo4j, os.dup(1))
    tests = [str(ROOT / "tests" / one) for one in TESTS]
    began = time.perf_counter()
    with redirect_stdout(io.StringIO()) as said:
        code = pytest.main([*_QUIETLY, f"--rootdir={ROOT}", *tests], plugins=[trial])
    if code:
        sys.exit(said.getvalue())
    print(f"{len(made)} mutants, {trial.noticed} noticed, {len(trial.alive)} alive; {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
