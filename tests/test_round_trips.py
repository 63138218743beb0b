"""How often a question goes to a server and waits: counted on the wire, in the log of the driver, for every question that only reads."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from engines import place
from test_two_stores import JUDGED, Asked

from app.loading import SAMPLE, copy_workspace, run_load
from app.operations import OPERATIONS, ask, envelope
from app.settings import Settings, actor_of, open_context, read_settings
from graph import ContextGraph, NotFound

FEW = 5  # round trips, with the one in which the question is recorded
MORE = {  # what takes more, and how many at most; all that is not named takes a few
    "access matrix": 6,
    "agents-md": 7,
    "audit": 31,
    "check": 6,
    "diff": 6,
    "digest": 28,
    "drift": 30,
    "gaps": 15,
    "history": 6,
    "meaning": 6,
    "readiness": 8,
    "ready": 8,
    "route": 6,
    "verify": 6,
}
ASKED: tuple[Asked, ...] = (
    *(one for one in JUDGED if one != ("precedents", {})),
    *(("find", {"text": text}) for text in ("contract", "risk appetite", "secruity", "position:cfo")),
    *(("scope", asked) for asked in ({"text": "contract review"}, {"anchor": ["process:procurement"]}, {"function": "function:legal"})),
    *(("show", {"id": id_}) for id_ in ("process:procurement", "person:e-1007")),
    *((name, {}) for name in ("stats", "access matrix", "history", "tags", "audit", "review", "review list", "review stats", "gaps")),
    ("history", {"id": "process:procurement"}),
    ("diff", {"before": "1", "after": "2"}),
    ("audit", {"verify": True}),
    ("access explain", {"actor": "agent:clause-checker", "id": "process:procurement"}),
    ("digest", {"owner": "position:general-counsel"}),
)
_LINE = re.compile(r"\[#\w+]\s+([CS]): ")


class _Wire(logging.Handler):
    """Counts how often what was sent is answered: statements that are sent together are one round trip."""

    def __init__(self) -> None:
        super().__init__()
        self.trips, self._waiting = 0, False

    def emit(self, record: logging.LogRecord) -> None:
        if said := _LINE.match(record.getMessage()):
            self.trips += said[1] == "S" and self._waiting
            self._waiting = said[1] == "C"


@contextmanager
def _wire() -> Generator[_Wire]:
    log, wire = logging.getLogger("neo4j"), _Wire()
    before, spread = log.level, log.propagate
    log.addHandler(wire)
    log.setLevel(logging.DEBUG)
    log.propagate = False
    try:
        yield wire
    finally:
        log.removeHandler(wire)
        log.setLevel(before)
        log.propagate = spread


def _answered(settings: Settings, context: ContextGraph, asked: Asked) -> str:
    name, said = asked
    actor, question = actor_of(settings, context), OPERATIONS[name].question.model_validate(said)
    try:
        return envelope(ask(context, actor, name, question), actor, question)
    except NotFound as error:
        return str(error)


def _loaded(folder: Path, address: str) -> tuple[Settings, ContextGraph]:
    """The sample company in two revisions."""
    copy_workspace(SAMPLE, folder)
    settings = read_settings(folder, environment={"ORGCONTEXT_NOW": "2026-11-23T10:00:00Z", "ORGCONTEXT_STORE": address})
    context = open_context(settings)
    run_load(settings, context, actor="person:tester")
    people = folder / "hr/people.csv"
    lines = people.read_text(encoding="utf-8").splitlines(keepends=True)
    people.write_text("".join([*lines[:5], lines[5].replace("active", "leaving", 1), *lines[7:]]), encoding="utf-8")
    run_load(settings, context, actor="person:tester")
    return settings, context


@pytest.mark.slow
def test_no_question_takes_many_round_trips(tmp_path: Path) -> None:
    """Of every question that reads: to a store that is open, in whose revision somebody asked before."""
    with place("neo4j", tmp_path) as home:
        settings, context = _loaded(tmp_path / "acme", home.address)
        run = json.loads(_answered(settings, context, ("runs start", {"name": "job"})))["answer"]["id"]
        text = json.dumps({"changes": [{"do": "set", "id": "asset:risk-appetite", "property": "note", "value": "new"}], "why": "it is so"})
        case = json.loads(_answered(settings, context, ("propose", {"text": text})))["answer"]["id"]
        own: list[Asked] = [("runs show", {"id": run}), ("runs inbox", {"run": run}), ("review show", {"id": case})]
        _answered(settings, context, ("stats", {}))
        most: dict[str, int] = {}
        with _wire() as wire:
            for asked in (*ASKED, *own):
                before = wire.trips
                _answered(settings, context, asked)
                assert wire.trips > before, f"{asked} did not go over the wire"
                most[asked[0]] = max(most.get(asked[0], 0), wire.trips - before)
        context.close()
    print(dict(sorted(most.items(), key=lambda pair: (pair[1], pair[0]))))
    assert most.keys() == {name for name, one in OPERATIONS.items() if not one.writes}
    assert {name: trips for name, trips in most.items() if trips > MORE.get(name, FEW)} == {}
