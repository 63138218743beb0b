"""What an actor may not see changes no byte of any answer: every question against a graph that never held it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from company import DECISIONS, FLOW, NOW, PEOPLE, WORDS, link, reading, thing
from httpx2 import Response
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from reference_store import ReferenceStore
from starlette.testclient import TestClient

from app.operations import CONTENT, OPERATIONS, ask, envelope
from app.server import Listening, application
from app.server.openapi import path_of
from app.settings import Settings, Workspace
from app.tokens import create
from graph import ANALYSES, EXPORTS, Actor, ContextError, ContextGraph, Entity, Fact, Policy, Relation, Value, load_ontology
from graph.stores.base import Store

TASKS: list[Fact] = [
    thing("BusinessFunction", "function:law", "Law"),
    thing("Agent", "agent:reader", "Reader", vendor="Ashby"),
    thing("AgentTask", "task:review", "Review a contract"),
    thing("System", "system:ledger", "Ledger"),
    link("agent:reader", "performs", "task:review"),
    link("task:review", "requires", "asset:new"),
    link("task:review", "requires", "asset:old"),
    link("process:buy", "owned_by", "position:cfo"),
    link("asset:new", "owned_by", "position:counsel"),
    link("asset:new", "serves", "function:law"),
    link("process:buy", "depends_on", "system:ledger"),
    link("system:ledger", "depends_on", "asset:new"),
    thing("KnowledgeAsset", "asset:new", "Gift rules", description="What may be given."),  # a wider kind, and another text
]
FACTS = [*PEOPLE, *FLOW, *WORDS, *DECISIONS, *TASKS]
SECRETS: list[Fact] = [
    thing("Dataset", "dataset:payroll", "Payroll of Ann", description="What Ann Ashby earns."),
    thing("Dataset", "dataset:ledger", "Ledger"),
    thing("Dataset", "dataset:customer", "Customer", alternative_labels=["Client"]),
    link("dataset:payroll", "owned_by", "position:cfo"),
    link("dataset:payroll", "serves", "function:law"),
    link("system:ledger", "depends_on", "dataset:payroll"),
    link("dataset:payroll", "depends_on", "asset:new"),
    link("dataset:ledger", "depends_on", "dataset:payroll"),
    link("task:review", "requires", "dataset:ledger"),
    link("decision:1", "cites", "dataset:payroll"),
]
ONTOLOGY = load_ontology()


@dataclass(frozen=True)
class Veil:
    """What a reader may not see: all of these kinds, these relations, and these properties of some kinds."""

    kinds: frozenset[str]
    relations: frozenset[str]
    masked: Mapping[str, frozenset[str]]

    def policy(self) -> Policy:
        """In which an administrator sees everything, and a reader what is not behind the veil."""
        denied: list[dict[str, Any]] = [
            *({"kinds": [kind]} for kind in sorted(self.kinds)),
            *({"relations": [kind]} for kind in sorted(self.relations)),
            *({"kinds": [kind], "properties": sorted(names)} for kind, names in sorted(self.masked.items())),
        ]
        grants: list[dict[str, Any]] = [{"role": role, "allow": {}, "because": "so it is"} for role in ("admin", "reader")]
        grants += [{"role": "reader", "deny": reach, "because": "it is for others"} for reach in denied]
        roles: dict[str, dict[str, str]] = {"admin": {}, "reader": {}}
        return Policy.model_validate({"roles": roles, "grants": grants, "actors": {actor.id: ["reader"] for actor in ACTORS}})

    def without(self, facts: Iterable[Fact]) -> list[Fact]:
        """These facts as if what is hidden had never been; that a task requires a thing is said, whether it is hidden or not there at all."""
        said = list(facts)
        hidden = {one.id for one in said if isinstance(one, Entity) and any(ONTOLOGY.is_a(one.kind, kind) for kind in self.kinds)}
        kinds: dict[str, set[str]] = {}
        for one in said:
            if isinstance(one, Entity):
                kinds.setdefault(one.id, set()).add(one.kind)
        return [
            self._bare(one, kinds[one.id]) if isinstance(one, Entity) else one
            for one in said
            if not (self._hides(one, hidden) if isinstance(one, Relation) else one.id in hidden)
        ]

    def _hides(self, one: Relation, hidden: set[str]) -> bool:
        if one.kind in self.relations or one.source in hidden:
            return True
        return one.target in hidden and one.kind != "requires"

    def _bare(self, one: Entity, kinds: set[str]) -> Entity:
        names = {name for kind, names in self.masked.items() if any(ONTOLOGY.is_a(own, kind) for own in kinds) for name in names}
        return one.model_copy(update={"properties": {key: value for key, value in one.properties.items() if key not in names}})


ACTORS = [Actor(id=id_, roles=frozenset({"reader"})) for id_ in ("agent:reader", "person:ann")]
VEIL = Veil(frozenset({"Dataset"}), frozenset({"cites"}), {"Person": frozenset({"email", "title"}), "Policy": frozenset({"description"})})
IDS = sorted({one.id for one in (*FACTS, *SECRETS) if isinstance(one, Entity)})
HIDDEN = sorted(one.id for one in SECRETS if isinstance(one, Entity))
_SECONDS = re.compile(r'"seconds":[\d.e-]+|\d+ ms *')  # how long it took is never the same, nor how wide a column of it
TEXTS = [
    *IDS,
    "payroll",
    "Payroll of Ann",
    "leger",
    "ledger",
    "customer",
    "Controller",
    "Ann Ashby",
    "purchase",
    "nothing of the kind",
    "1",
    "0",
    "2",
    "",
]
CONTENTS = [
    json.dumps([{"subject": a, "relation": "depends_on", "value": b} for a in ("system:ledger", "process:buy") for b in (*HIDDEN, "asset:new")]),
    json.dumps([{"subject": "person:ann", "property": "title", "value": "Controller"}]),
    "Ledger depends on Payroll of Ann\nAnn Ashby holds Finance Chief\n",
    "The Client sent the Payroll of Ann to the Controller; see Gift rules 2024 and the BOM.",
    "",
]  # fmt: skip


def kept(store: Store, access: Policy, *loads: list[Fact]) -> ContextGraph:
    """The graph after these loads, a day apart."""
    times = iter(NOW + timedelta(days=number) for number in range(100))
    clock = {"now": next(times)}
    context = ContextGraph(store, ontology=ONTOLOGY, access=access, organization="Ashby", now=lambda: clock["now"])
    for number, facts in enumerate(loads):
        clock["now"] = next(times)
        # what follows is in both graphs, so that both make a revision
        mark = thing("System", f"system:mark-{number}", f"Mark {number}")
        context.load([reading("main", [*facts, mark], digest=f"sha256:{number}")], actor="person:tester")
    return context


def answers(context: ContextGraph, actor: Actor, name: str, question: Value) -> dict[str, str]:
    """What every format of an answer says, or how the question is refused."""
    operation = OPERATIONS[name]
    said: dict[str, str] = {}
    for form in operation.formats:
        try:
            reply = ask(context, actor, name, question, form=form)
            said[form] = reply.text() if form == "text" else envelope(reply, actor, question, form=form)
            said["served"] = " ".join(reply.served)
        except ContextError as error:
            said[form] = f"{type(error).__name__}: {error}"
    return {form: _SECONDS.sub("", text) for form, text in said.items()}


def _values(name: str, field: FieldInfo) -> st.SearchStrategy[Any]:
    """What may be given for a field of a question: ids seen and hidden, words, texts."""
    if field.json_schema_extra == CONTENT:
        return st.sampled_from(CONTENTS)
    if name in ("at", "before", "after"):
        return st.sampled_from(["", "1", "2", "2026-11-24T12:00:00Z", "9"]) if name == "at" else st.sampled_from(["0", "1", "2"])
    given: dict[object, st.SearchStrategy[Any]] = {
        str: st.sampled_from(TEXTS),
        tuple[str, ...]: st.lists(st.sampled_from(TEXTS[:-1]), max_size=2).map(tuple),
        int: st.integers(0, 400),
        bool: st.booleans(),
    }
    return given.get(field.annotation, st.nothing())


@st.composite
def questions(draw: st.DrawFn, name: str) -> Value:
    """A question of this operation; a field that takes none of the values keeps its default."""
    kind = OPERATIONS[name].question
    given: dict[str, Any] = {}
    for key, field in kind.model_fields.items():
        values = _values(key, field)
        if not values.is_empty and (field.is_required() or draw(st.booleans())):
            given[key] = draw(values)
    try:
        return kind.model_validate(given)
    except ValidationError:
        reject()


def same(whole: ContextGraph, without: ContextGraph, name: str, question: Value) -> None:
    """Both graphs answer this question with the same bytes, for everybody who may not see the rest."""
    for actor in ACTORS:
        assert answers(whole, actor, name, question) == answers(without, actor, name, question), (name, question)


def pair(veil: Veil, make: Callable[[], Store] = ReferenceStore) -> tuple[ContextGraph, ContextGraph]:
    """A graph with what is hidden and one that never held it, after two loads, of which the second says less."""
    whole = [*FACTS, *SECRETS]
    later = [one for number, one in enumerate(whole) if number % 7]
    access = veil.policy()
    return kept(make(), access, whole, later), kept(make(), access, veil.without(whole), veil.without(later))


PAIR = pair(VEIL)


@pytest.mark.parametrize("name", list(OPERATIONS))
@settings(max_examples=30, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(data=st.data())
def test_what_is_hidden_changes_no_byte(name: str, data: st.DataObject) -> None:
    """Of any answer, in any format, now or at an old revision; nor of an error."""
    same(*PAIR, name, data.draw(questions(name)))


SECRET_KINDS = ["Dataset", "System", "Term", "Decision", "Person", "Policy", "Position", "Unit", "Authority", "ApprovalStep", "Process"]
SECRET_RELATIONS = ["cites", "owned_by", "holds", "depends_on", "defined_for", "approved_by", "supersedes", "serves", "decided_by"]
MASKS = {"Term": ["definition", "avoid"], "Decision": ["outcome", "rationale"], "Policy": ["description"], "Authority": ["limit"]}
VEILS = st.builds(
    Veil,
    st.frozensets(st.sampled_from(SECRET_KINDS), max_size=3),
    st.frozensets(st.sampled_from(SECRET_RELATIONS), max_size=2),
    st.dictionaries(st.sampled_from(sorted(MASKS)), st.none(), max_size=2).map(
        lambda kinds: {kind: frozenset(MASKS[kind]) for kind in kinds}
    ),
)


@pytest.mark.slow
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much])
@given(veil=VEILS, data=st.data())
def test_whatever_is_hidden_changes_no_byte(veil: Veil, data: st.DataObject) -> None:
    """For any policy: two questions of every operation."""
    whole, without = pair(veil)
    for name in OPERATIONS:
        for _ in range(2):
            same(whole, without, name, data.draw(questions(name)))


def test_what_is_hidden_changes_no_byte_through_the_doors(tmp_path: Path) -> None:
    """Over HTTP with its headers, and by MCP: tools, resources, completions, the prompt, also where they refuse."""
    made = [_served(context, tmp_path) for context in pair(VEIL)]
    with made[0] as one, made[1] as other:
        for name, question in ASKED:
            for form in OPERATIONS[name].formats:
                said = [caller.post(path_of(OPERATIONS[name]), json={**question, "format": form}) for caller in (one, other)]
                assert len({_plain(reply) for reply in said}) == 1, (name, question, form)
        for request in CALLS:
            sent = {"jsonrpc": "2.0", "id": 1, **request}
            said = [caller.post("/mcp", json=sent, headers=MCP_HEADERS) for caller in (one, other)]
            assert said[0].status_code == 200, said[0].text
            assert len({_SECONDS.sub("", reply.text) for reply in said}) == 1, request


@pytest.mark.parametrize("form", list(EXPORTS))
def test_what_is_hidden_changes_no_byte_of_an_export(form: str) -> None:
    """Now and at an old revision, in every form."""
    for actor in ACTORS:
        for at in (None, 1):
            whole, without = ("".join(context.export(form, actor=actor, at=at)) for context in PAIR)
            assert whole == without
            assert "payroll" not in whole


def test_what_others_were_given_changes_no_byte_of_a_run() -> None:
    """Deliveries of hidden things to an administrator, in a run with a reader, who asks for all that there is of the run and of the audit.

    (That an administrator asked in vain, as in the second graph, is for those to know who may see the findings of others.)
    """
    told: list[list[str]] = []
    for context in pair(VEIL):
        admin = Actor(id="person:root", roles=frozenset({"admin"}))
        start = OPERATIONS["runs start"].question.model_validate({"name": "job", "at": "1", "participant": [one.id for one in ACTORS]})
        run = json.loads(ask(context, admin, "runs start", start).json())["id"]
        for name, said in (
            ("show", {"id": "dataset:payroll"}),
            ("scope", {"anchor": ["system:ledger"]}),
            ("find", {"text": "payroll"}),
            ("show", {"id": "asset:new"}),
        ):
            answers(context, admin, name, OPERATIONS[name].question.model_validate({**said, "run": run}))
        seen: list[tuple[str, dict[str, Any]]] = [
            *(("show", {"id": id_, "run": run}) for id_ in ("asset:new", "dataset:payroll", "person:ann")),
            ("runs show", {"id": run}),
            *((name, {}) for name in ("runs", "audit", "drift", "consistency")),
            *(("audit", {"entity": id_}) for id_ in ("dataset:payroll", "asset:new")),
            ("runs inbox", {"run": run}),
        ]
        told.append(
            [str(answers(context, actor, name, OPERATIONS[name].question.model_validate(said))) for actor in ACTORS for name, said in seen]
        )
    assert told[0] == told[1]
    assert any("asset:new" in one for one in told[0])


ASKED: list[tuple[str, dict[str, Any]]] = [
    *(("find", {"text": text}) for text in ("payroll", "ledger", "customer", "dataset:payroll", "Controller")),
    *(("show", {"id": id_}) for id_ in ("dataset:payroll", "dataset:nothing", "system:ledger", "person:ann")),
    *(("scope", {"anchor": [id_]}) for id_ in ("system:ledger", "dataset:ledger", "position:cfo")),
    ("scope", {"task": "task:review", "budget": 300}),
    *((name, {}) for name in ("stats", "gaps", "history", "merges", "agents")),
    ("impact", {"id": "system:ledger"}),
    ("impact", {"id": "system:ledger", "direction": "upstream", "kind": ["Person"]}),
    ("impact", {"id": "system:ledger", "without": ["person:ann"]}),
    ("impact", {"without": ["dataset:payroll"]}),
    *(("analyze", {"name": name}) for name in ("", *ANALYSES)),
    ("path", {"start": "system:ledger", "end": "person:ann", "longest": 4}),
    ("ready", {"task": "task:review"}),
    ("diff", {"before": "1", "after": "2"}),
    ("verify", {"claims": CONTENTS[0]}),
    ("check", {"text": CONTENTS[3]}),
]
MCP_HEADERS = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-11-25"}
CALLS: list[dict[str, Any]] = [
    {"method": "tools/list"},
    {"method": "resources/templates/list"},
    *(
        {"method": "tools/call", "params": {"name": name, "arguments": given}}
        for name, given in (
            ("find", {"text": "payroll"}),
            ("show", {"id": "dataset:payroll"}),
            ("scope", {"anchors": ["system:ledger"]}),
            ("ready", {"task": "task:review"}),
            ("trace", {"what": "impact", "id": "system:ledger"}),
            ("analyze", {"what": "gaps"}),
            ("verify", {"text": CONTENTS[3]}),
        )
    ),
    *(
        {"method": "resources/read", "params": {"uri": f"orgcontext://{place}"}}
        for place in ("entity/system:ledger", "entity/dataset:payroll", "term/customer", "task/task:review")
    ),
    {"method": "prompts/get", "params": {"name": "prepare", "arguments": {"task": "task:review"}}},
    *(
        {
            "method": "completion/complete",
            "params": {
                "ref": {"type": "ref/resource", "uri": "orgcontext://entity/{id}"},
                "argument": {"name": "id", "value": typed},
            },
        }
        for typed in ("pay", "ledger", "dataset:")
    ),
]


def _served(context: ContextGraph, folder: Path) -> TestClient:
    token = create(context, "agent:reader")[1]
    found = Settings(folder=folder, workspace=Workspace(organization="Ashby"), store="")
    served = application(found, context, Listening())
    return TestClient(served, base_url="http://127.0.0.1", headers={"authorization": f"Bearer {token}"})


def _plain(reply: Response) -> tuple[int, str, str]:
    """Status, headers and body, but for what is of this request alone."""
    own = {"x-request-id", "traceparent", "date"}
    headers = sorted((name, value) for name, value in reply.headers.items() if name not in own)
    return reply.status_code, str(headers), _SECONDS.sub("", reply.text)
