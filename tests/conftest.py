"""What all tests share: the stores, the folder of real data, the profiles of hypothesis, and a word on what was really tested."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import neo4j_server
import pytest
from engines import ENGINES, Place, place
from hypothesis import HealthCheck, settings

from graph.stores.base import Store

_RESULTS = ("passed", "failed", "skipped", "error")
ROOT = Path(__file__).resolve().parent.parent

settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, max_examples=50, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") == "true" else "dev"))


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # workers of pytest-xdist use the server of the process that started them
        neo4j_server.start_for_session(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        neo4j_server.stop_for_session()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is slow may be so on a slow machine: it ends after an hour, unless it says when."""
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(3600))


@pytest.fixture(params=list(ENGINES))
def connect(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Place]:
    """A function that opens one more store on one new, empty place: what one of them publishes, all of them read."""
    with place(request.param, tmp_path) as connect:
        yield connect


@pytest.fixture
def store(connect: Place) -> Store:
    """A new, empty store of each engine in turn."""
    return connect()


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data, a folder for each set of it."""
    folder = Path(os.environ.get("ORGCONTEXT_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"the real data is not at {folder}: ORGCONTEXT_DATA names another folder")
    return folder


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests passed on each store: a suite that skipped one must not look like one that tested it."""
    stats: dict[str, list[pytest.TestReport]] = terminalreporter.stats
    told = {name: Counter(result for result in _RESULTS for one in stats.get(result, []) if f"[{name}" in one.nodeid) for name in ENGINES}
    if not any(told.values()):
        return
    lines = [f"{name} {', '.join(f'{count} {result}' for result, count in counts.items()) or 'NOT'}" for name, counts in told.items()]
    terminalreporter.write_line("stores tested: " + "; ".join(lines))
    if reason := os.environ.get("ORGCONTEXT_NO_NEO4J"):
        terminalreporter.write_line(f"no Neo4j: {reason}")
