"""Promises about the house itself: who may import whom, what has a name, a docstring, a place; see `pyproject.toml` for the import contracts."""

from __future__ import annotations

import ast
import importlib.metadata
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import graph
from app.cli import exit_code
from app.contents import CONTENTS
from graph import Conflict, ContextError, InputError, NotAllowed, NotAuthenticated, NotFound, StoreError
from loaders import LOADERS

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("graph", "loaders", "app")
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py") if "vendor" not in path.parts)
TESTS = sorted((ROOT / "tests").rglob("*.py"))

# Who may import what lives outside: one module per outside world.
OUTSIDE = {
    "neo4j": ("graph/stores/neo4j/*",),
    "sqlite3": ("graph/stores/sqlite/*",),
    "networkx": ("graph/context.py", "graph/shape.py"),
    "streamlit": ("app/explorer/*",),
    "mcp": ("app/server/*",),
    "starlette": ("app/server/*",),
    "uvicorn": ("app/server/*",),
    "jwt": ("app/tokens.py",),
    "rdflib": ("graph/ontology.py", "graph/checks.py", "graph/render.py", "loaders/*"),
    "sqlalchemy": ("loaders/live_sql.py",),
    "urllib3": ("loaders/live_web.py",),
    "ldap3": ("loaders/live_ldap.py",),
    "pyshacl": ("graph/checks.py",),
}


def _where(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _bound(path: Path) -> Iterator[tuple[str, int]]:
    """Every name that this module binds to a value of its own, and its line: variables, arguments, functions, renamed imports."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.ExceptHandler):
            yield node.name or "", node.lineno
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((alias.asname, node.lineno) for alias in node.names if alias.asname)


def test_the_front_of_graph_names_exactly_what_it_gives() -> None:
    """`graph.__all__` is sorted, and holds every public name of the module that is not a submodule, and no other."""
    given = {name for name, value in vars(graph).items() if not name.startswith("_") and not isinstance(value, ModuleType)}
    assert set(graph.__all__) == given
    assert list(graph.__all__) == sorted(set(graph.__all__), key=lambda name: (not name.isupper(), name[0].islower(), name))


@pytest.mark.parametrize("name", graph.__all__)
def test_what_the_front_of_graph_gives_is_described(name: str) -> None:
    """Every public class and function has a docstring of its own."""
    value = getattr(graph, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert vars(value).get("__doc__") if inspect.isclass(value) else value.__doc__, f"{name} has no docstring"


@pytest.mark.parametrize("path", [*MODULES, *TESTS], ids=_where)
def test_every_module_says_what_lives_in_it(path: Path) -> None:
    """The first thing in a module is a docstring."""
    assert ast.get_docstring(_tree(path)), f"{_where(path)} has no docstring"


@pytest.mark.parametrize("path", [*MODULES, *TESTS], ids=_where)
def test_no_name_hides_a_package(path: Path) -> None:
    """No variable, argument or function is called `graph`, `app` or `loaders`."""
    assert [(name, line) for name, line in _bound(path) if name in ROOMS] == []


@pytest.mark.parametrize("path", [*MODULES, *TESTS], ids=_where)
def test_every_ignore_has_its_reason_on_its_line(path: Path) -> None:
    """After `noqa`, `type: ignore` and `pyright: ignore` come words."""
    ignores = re.compile(r"#\s*(?:noqa\b(?::\s*[A-Z0-9, ]+)?|(?:type|pyright):\s*ignore\b(?:\[[\w, -]+\])?)(?P<reason>.*)")
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
    silent = [number for number, line in lines if (found := ignores.search(line)) and not re.search(r"\w{2}", found["reason"])]
    assert silent == []


@pytest.mark.parametrize("path", MODULES, ids=_where)
def test_an_outside_world_has_one_module(path: Path) -> None:
    """What a database, a screen or a protocol brings is imported in the one module that owns it."""
    here = _where(path)
    roots = {name.partition(".")[0] for name in _imports(path)}
    assert [name for name, owners in OUTSIDE.items() if name in roots and not any(fnmatch(here, owner) for owner in owners)] == []


@pytest.mark.parametrize("name", LOADERS)
def test_no_loader_imports_another(name: str) -> None:
    """What loaders share is in modules that are no loaders."""
    path = ROOT / "loaders" / f"{name}.py"
    if not path.exists():
        pytest.skip(f"{name} is not a module of its own")
    others = {f"loaders.{other}" for other in LOADERS} - {f"loaders.{name}"}
    found = {".".join(imported.split(".")[:2]) for imported in _imports(path)}
    assert found & others == set()


def test_the_import_contracts_hold() -> None:
    """The rooms and floors of `pyproject.toml`, as import-linter sees them."""
    program = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    done = subprocess.run([*program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


HEAVY = {"streamlit", "pandas", "neo4j", "mcp", "starlette", "uvicorn", "networkx", "numpy", "rdflib"}


@pytest.mark.parametrize(("module", "heavy"), [("app.cli", HEAVY | {"pydantic", "graph", "loaders"}), ("app.asking", HEAVY)])
def test_the_command_line_starts_light(module: str, heavy: set[str]) -> None:
    """Nothing heavy is imported before it is needed: the page of help needs nothing of ours, a question neither numbers nor doors."""
    script = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert heavy & set(done.stdout.split()) == set()


def test_the_table_of_contents_is_what_the_commands_say() -> None:
    """Every command stands in the table from which the page of help is made, with the module that has it and its own words."""
    modules = [import_module(f"app.{name}") for name in ("asking", "doors", "keeping", "workspaces")]
    said = {name: (one.__name__, made.get_short_help_str(1000)) for one in modules for name, made in one.COMMANDS.items()}
    assert said == CONTENTS


def test_no_other_distribution_owns_our_names() -> None:
    """`graph`, `loaders` and `app` are ours in this environment, or imports would be a matter of luck."""
    owners = importlib.metadata.packages_distributions()
    assert {name: owners.get(name, []) for name in ROOMS if set(owners.get(name, [])) - {"orgcontext"}} == {}


def _errors(kind: type[ContextError] = ContextError) -> Iterator[type[ContextError]]:
    yield kind
    for one in kind.__subclasses__():
        yield from _errors(one)


OURS = [kind for kind in _errors() if kind.__module__ == "graph.errors"]


def test_errors_live_in_one_tree() -> None:
    """No other module has an error of its own below `ContextError`, and the drawing of the tree names every one."""
    assert [kind for kind in _errors() if kind.__module__.partition(".")[0] in ROOMS and kind not in OURS] == []
    drawing = sys.modules["graph.errors"].__doc__ or ""
    assert [kind.__name__ for kind in OURS if not re.search(rf"\b{kind.__name__}\b", drawing)] == []


@pytest.mark.parametrize("kind", OURS)
def test_every_error_is_described_and_has_its_exit_code(kind: type[ContextError]) -> None:
    """The documented codes: 2 wrong use or bad input, 3 not found, 4 not allowed, 5 store unavailable, busy, or changed meanwhile."""
    codes = {NotFound: 3, NotAllowed: 4, NotAuthenticated: 4, StoreError: 5, Conflict: 5, InputError: 2, ContextError: 2}
    assert vars(kind).get("__doc__")
    assert exit_code(kind("what, where, and what would be right")) == next(
        code for family, code in codes.items() if issubclass(kind, family)
    )


@pytest.mark.parametrize("name", LOADERS)
def test_every_loader_has_a_case(name: str) -> None:
    """A folder of inputs (`in.*`) and what they give (`out.json`); the summary says what the form is."""
    cases = ROOT / "tests/data/loaders" / name
    assert list(cases.rglob("in.*")), f"no in.* under {cases.relative_to(ROOT)}"
    assert list(cases.rglob("out.json")), f"no out.json under {cases.relative_to(ROOT)}"
    assert LOADERS[name].summary.endswith(".")
