"""`python -m tests.benchmarks.mutants`: spoils what decides who sees what, one place after the other, and tells which spoilings no test notices.

A mutant is a copy of the project in which one comparison, condition, set operation or piece of SQL is another one. The tests of rights run
against it in a process of their own; a mutant that they let live is printed with its line.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
TARGETS: dict[str, tuple[str, ...]] = {  # files, and the classes and functions in them; none: all
    "graph/policy.py": (),
    "graph/stores/sqlite.py": ("_Seen",),
    "graph/stores/base.py": ("masked",),
}
TESTS = (  # in the order in which they are likely to notice; the first that fails ends it
    ["tests/test_policy.py", "-k", "not neo4j and not filter_says"],
    ["tests/test_policy.py", "-k", "filter_says"],
    ["tests/test_no_leak.py", "-k", "scope or show or stats"],
    ["tests/test_store.py", "-k", "sqlite and (filter or mask or hidden or seen)"],
)
_HEAVY = (
    "pytest",
    "hypothesis",
    "rdflib",
    "pydantic",
    "numpy",
    "starlette.testclient",
    "mcp.server",
    "networkx",
    "jsonschema",
    "sqlalchemy",
)
_QUIETLY = ("-x", "-q", "-W", "ignore::pytest.PytestWarning", "-p", "no:randomly", "-p", "no:cacheprovider", "--timeout", "120")
_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.LtE: ast.Lt, ast.Gt: ast.LtE, ast.GtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_JOINED: dict[type[ast.operator], type[ast.operator]] = {ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr, ast.Sub: ast.BitOr}
_CALLED = {"any": "all", "all": "any", "min": "max", "max": "min"}
_SAID = {"NOT IN": "IN", " IN (": " NOT IN (", " AND ": " OR ", " OR ": " AND ", " <= ": " < ", " > ": " >= ", "allowed": "denied"}


class Mutant(NamedTuple):
    """One spoilt place of a file."""

    file: str
    line: int
    what: str
    source: str


def mutants(file: str, within: tuple[str, ...]) -> Iterator[Mutant]:
    """All that can be spoilt in these classes and functions of a file (none: in all of it)."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    parts = [one for one in tree.body if not within or getattr(one, "name", "") in within]
    for number, node in enumerate(node for part in parts for node in ast.walk(part)):
        for what, spoilt in _spoilt(node):
            other = copy.deepcopy(tree)
            chosen = [one for one in other.body if not within or getattr(one, "name", "") in within]
            place = next(one for at, one in enumerate(one for part in chosen for one in ast.walk(part)) if at == number)
            _put(other, place, spoilt)
            yield Mutant(
                file,
                getattr(node.target if isinstance(node, ast.comprehension) else node, "lineno", 0),
                what,
                ast.unparse(ast.fix_missing_locations(other)),
            )


def _spoilt(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """The other things that could stand at this place."""
    made = copy.deepcopy(node)
    match made:
        case ast.Compare(ops=[operator]) if type(operator) in _COMPARED:
            made.ops = [_COMPARED[type(operator)]()]
            yield f"{ast.unparse(node)} -> {ast.unparse(made)}", made
        case ast.BoolOp():
            made.op = ast.Or() if isinstance(made.op, ast.And) else ast.And()
            yield f"{ast.unparse(node)} -> {ast.unparse(made)}", made
        case ast.UnaryOp(op=ast.Not()):
            yield f"{ast.unparse(node)} -> {ast.unparse(made.operand)}", made.operand
        case ast.BinOp(right=ast.Constant(value=None)):  # a type, and no union of sets
            return
        case ast.BinOp() | ast.AugAssign() if type(made.op) in _JOINED:
            made.op = _JOINED[type(made.op)]()
            yield f"{ast.unparse(node)} -> {ast.unparse(made)}", made
        case ast.IfExp():
            made.body, made.orelse = made.orelse, made.body
            yield f"{ast.unparse(node)} -> {ast.unparse(made)}", made
        case ast.comprehension() if made.ifs:
            yield f"without if {', '.join(map(ast.unparse, made.ifs))}", ast.comprehension(made.target, made.iter, [], made.is_async)
        case ast.If():
            made.test = ast.UnaryOp(ast.Not(), made.test)
            yield f"if not {ast.unparse(made.test.operand)}", made
        case ast.Call(func=ast.Name(id=name)) if name in _CALLED:
            made.func = ast.Name(_CALLED[name])
            yield f"{ast.unparse(node)} -> {ast.unparse(made)}", made
        case ast.Constant(value=str(text)) if other := next((text.replace(a, b) for a, b in _SAID.items() if a in text), ""):
            if "\n" not in text and len(text) < 40:
                yield f"{text!r} -> {other!r}", ast.Constant(other)
        case _:
            return


def _put(tree: ast.AST, place: ast.AST, spoilt: ast.AST) -> None:
    class Exchange(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            return spoilt if node is place else self.generic_visit(node)

    Exchange().visit(tree)


def run(made: Sequence[Mutant], at_once: int) -> Iterator[tuple[Mutant, int]]:
    """Each mutant with what came of the tests (0: all passed), as they end; so many processes at once."""
    waiting, under_way = list(reversed(made)), dict[int, tuple[Mutant, Path]]()
    while waiting or under_way:
        while waiting and len(under_way) < at_once:
            mutant = waiting.pop()
            folder = _copied(mutant)
            child = os.fork()
            if not child:
                code = 3
                try:
                    code = _tested(folder)
                finally:
                    os._exit(code)
            under_way[child] = mutant, folder
        child, status = os.wait()
        mutant, folder = under_way.pop(child)
        shutil.rmtree(folder)
        yield mutant, os.waitstatus_to_exitcode(status)


def _copied(mutant: Mutant) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="mutant-"))
    for one in ("app", "loaders", "ontologies", "tests", "pyproject.toml", "requirements.lock", "README.md"):
        (folder / one).symlink_to(ROOT / one)
    shutil.copytree(ROOT / "graph", folder / "graph")
    for old in folder.glob(f"graph/**/__pycache__/{Path(mutant.file).stem}.*.pyc"):
        old.unlink()
    (folder / mutant.file).write_text(mutant.source, encoding="utf-8")
    return folder


def _tested(folder: Path) -> int:
    """1 where a test fails; in a process that ends with it."""
    import pytest

    os.chdir(folder)
    sys.dont_write_bytecode = True
    sys.path[:0] = [str(folder), str(folder / "tests")]
    os.environ["CI"] = "true"  # the same examples each time
    for words in TESTS:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            if code := pytest.main([*_QUIETLY, f"--rootdir={folder}", *words]):
                return int(code)
        for loaded in [one for one in sys.modules if one.startswith("test_")]:
            del sys.modules[loaded]
    return 0


def main() -> None:
    """Print the mutants that live, and how many there are."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.mutants", description=__doc__)
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--file", choices=TARGETS, action="append")
    parser.add_argument("--lines", type=int, nargs=2, default=(0, 10**6), metavar=("FROM", "TO"))
    chosen = parser.parse_args()
    for heavy in _HEAVY:
        importlib.import_module(heavy)
    first, last = chosen.lines
    made = [one for file in chosen.file or TARGETS for one in mutants(file, TARGETS[file]) if first <= one.line <= last]
    alive = 0
    for number, (mutant, code) in enumerate(run(made, chosen.at_once), start=1):
        alive += code == 0
        if code not in (1, 4):  # a test failed, or the tests could not even be collected
            print(f"{mutant.file}:{mutant.line}: {mutant.what}{f' (ended with {code})' if code else ''}", flush=True)
        if sys.stderr.isatty():
            print(f"{number} of {len(made)}", end="\r", file=sys.stderr)
    print(f"{len(made)} mutants, {len(made) - alive} noticed, {alive} alive")


if __name__ == "__main__":
    main()
