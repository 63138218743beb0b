"""Whichever store a workspace is kept in, the same questions have the same answers, byte for byte, revision and time included."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from engines import Place, place
from rows import EVERYTHING, ids

from app.loading import EXAMPLES, SAMPLE, copy_workspace, run_load
from app.operations import OPERATIONS, ask, envelope
from app.settings import FILE, Settings, actor_of, open_context, read_settings
from app.survey import survey, workspace_text
from graph import ANALYSES, ContextError, ContextGraph
from loaders import LOADERS, MAPPED

DATA = Path(os.environ.get("ORGCONTEXT_DATA") or Path(__file__).parents[2] / "shared" / "data").resolve()
CASES = Path(__file__).parent / "data" / "loaders"
FOLDERS = ("kubernetes-community", "kubernetes-org", "kubernetes-enhancements", "cncf-glossary")
Asked = tuple[str, Mapping[str, object]]


@pytest.fixture
def places(tmp_path: Path) -> Iterator[list[Place]]:
    """An empty place of each of the stores that a workspace can be kept in."""
    with place("neo4j", tmp_path) as server, place("sqlite", tmp_path) as embedded:
        yield [embedded, server]


def _opened(folder: Path, where: Place) -> Settings:
    environment = {"ORGCONTEXT_NOW": "2026-11-23T10:00:00Z", "ORGCONTEXT_DATA": str(DATA), "ORGCONTEXT_STORE": where.address}
    return read_settings(folder, environment=environment)


def _load(settings: Settings) -> str:
    """What a load said, but for how long each source took."""
    context = open_context(settings)
    try:
        return run_load(settings, context, actor="person:tester").model_copy(update={"sources": ()}).model_dump_json()
    finally:
        context.close()


def _answer(settings: Settings, context: ContextGraph, who: str, asked: Asked) -> str:
    name, said = asked
    actor, question = actor_of(settings, context, named=who), OPERATIONS[name].question.model_validate(said)
    try:
        return envelope(ask(context, actor, name, question), actor, question)
    except ContextError as error:
        return str(error)


def _answers(settings: Settings, actors: Sequence[str], asked: Iterable[Asked]) -> dict[str, str]:
    context = open_context(settings)
    try:
        return {f"{who} {one}": _answer(settings, context, who, one) for one in asked for who in actors}
    finally:
        context.close()


def _all_ids(where: Place) -> list[str]:
    return ids(where().entities(EVERYTHING))


def _same(
    places: Iterable[Place], folder: Path, change: Callable[[Path], None], actors: Sequence[str], *, step: int, more: Sequence[Asked] = ()
) -> dict[str, str]:
    """The answers of every place after two loads with a change between, made sure to be the same: of every so many things, of all, and `more`."""
    places = list(places)
    loads = [[_load(_opened(folder, where)) for where in places]]
    change(folder)
    settings = [_opened(folder, where) for where in places]
    loads.append([_load(one) for one in settings])
    assert all(one == other for one, other in loads)
    things = [_all_ids(where) for where in places]
    assert things[0] == things[1]
    asked = [*_questions(things[0][::step]), *more]
    answers = [_answers(one, actors, asked) for one in settings]
    assert [question for question, said in answers[0].items() if answers[1][question] != said] == []
    return answers[0]


def _questions(things: Sequence[str]) -> list[Asked]:
    of_all: list[Asked] = [("history", {}), ("diff", {"before": "1", "after": "2"})]
    of_all += [(name, {"at": at}) for name in ("stats", "gaps") for at in ("", "1")]
    words: list[Asked] = [("find", {"text": text, "at": at}) for text in ("contract", "release lead", "secruity") for at in ("", "1")]
    each: list[Asked] = [
        asked for thing in things for at in ("", "1") for asked in (("show", {"id": thing, "at": at}), ("find", {"text": thing, "at": at}))
    ]
    scopes: list[Asked] = [("scope", {"anchor": [thing], "hops": hops, "at": at}) for thing in things for hops, at in ((3, ""), (2, "1"))]
    return [*of_all, *words, *each, *scopes, ("scope", {"text": "contract review"}), ("scope", {"text": "release"})]


CLAIMS = """The CFO must approve procurement over 50,000 EUR
Greta Grauwald is the CFO
the risk score of Liability cap clause is 6
In Finance, customer means a debtor
Price list 2025 is in force
The ERP does not depend on the identity provider
Nobody knows what this says"""
TEXT = "The Client asked the Vendor for a tender. XQZ applies, see Price list 2025.\n"
JUDGED: tuple[Asked, ...] = (
    *(("ready", {"task": task}) for task in ("", "task:score-contract-risk", "task:draft-campaign", "task:none")),
    ("ready", {"task": "task:check-clauses", "agent": "all"}),
    *(
        ("route", {"process": process, "given": given, "requester": who, "explain": True})
        for process, given, who in (
            ("process:procurement", ("amount=60000 EUR",), "unit:sales"),
            ("process:procurement", (), ""),
            ("process:contract-review", ("amount=2m", "liability=300000", "personal_data=true"), "person:e-1007"),
            ("process:sales-discount", ("discount=27",), ""),
            ("process:none", (), ""),
        )
    ),
    *(
        ("precedents", asked)
        for asked in ({}, {"text": "liability"}, {"process": "process:procurement"}, {"policy": "asset:discount-policy"})
    ),
    ("verify", {"claims": CLAIMS}),
    ("check", {"text": TEXT}),
    ("vale", {"rule": "term_avoided"}),
    *(("meaning", {"word": word}) for word in ("customer", "Client", "NDA", "nothing of the kind")),
    ("meaning", {"word": "customer", "unit": "unit:finance"}),
    *(("around", {"id": id_}) for id_ in ("process:procurement", "unit:legal")),
    *(("path", {"start": start, "end": "system:identity", "all": True}) for start in ("process:procurement", "agent:risk-scorer")),
    *(("impact", {"id": "system:identity", "direction": way}) for way in ("downstream", "upstream")),
    ("impact", {"without": ("person:e-1007",)}),
    *(("analyze", {"name": name}) for name in sorted(ANALYSES)),
    *((name, {}) for name in ("readiness", "agents", "consistency", "merges", "runs", "drift")),
    *(("scope", {"task": "task:check-clauses", "budget": budget}) for budget in (100, 500, 2000)),
    ("scope", {"text": "who signs a contract of 300,000 EUR", "budget": 500}),
    ("agents-md", {"task": "task:check-clauses"}),
)


@pytest.mark.slow
def test_the_sample_company_answers_alike(places: list[Place], tmp_path: Path) -> None:
    """Loaded, changed and loaded again: every sort of answer, now and as of then, for one who sees all and for agents who do not."""
    folder = tmp_path / "acme"
    copy_workspace(SAMPLE, folder)

    def change(folder: Path) -> None:
        people = folder / "hr/people.csv"
        lines = people.read_text(encoding="utf-8").splitlines(keepends=True)
        people.write_text("".join([*lines[:5], lines[5].replace("active", "leaving", 1), *lines[7:]]), encoding="utf-8")

    answers = _same(places, folder, change, ["", "agent:clause-checker", "agent:nobody"], step=9, more=JUDGED)
    assert '"revision":2' in answers[" ('stats', {'at': ''})"]
    assert all(f'"state":"{state}"' in answers[f" {('verify', {'claims': CLAIMS})}"] for state in ("supported", "contradicted", "unknown"))
    assert '"entities":[{' in answers[" ('scope', {'text': 'contract review'})"]


@pytest.mark.slow
@pytest.mark.skipif(
    not all((DATA / one).is_dir() for one in FOLDERS), reason=f"{', '.join(FOLDERS)} are not in ORGCONTEXT_DATA or ../shared/data"
)
def test_the_kubernetes_workspace_answers_alike(places: list[Place], tmp_path: Path) -> None:
    """Four real sources; in the second load one of them is no longer there."""
    folder = tmp_path / "kubernetes"
    copy_workspace(EXAMPLES / "kubernetes", folder)

    def change(folder: Path) -> None:
        file = folder / "orgcontext.yaml"
        file.write_text(file.read_text(encoding="utf-8").partition("  - name: glossary")[0], encoding="utf-8")

    answers = _same(places, folder, change, [""], step=401)
    assert '"revision":2' in answers[" ('stats', {'at': ''})"]


@pytest.mark.slow
def test_a_folder_of_all_forms_answers_alike(places: list[Place], tmp_path: Path) -> None:
    """What `init --from` makes of a file of every loader beside the others, and of one that changed."""
    folder = tmp_path / "mixed"
    cases = [one for one in sorted(CASES.glob("*/*")) if one.is_dir() and "bad" not in one.name]
    for case in cases:
        shutil.copytree(case, folder / case.parent.name / case.name, ignore=shutil.ignore_patterns("out.json"))
    shutil.copy(CASES / "agentsmd/folder/in.md", folder / "AGENTS.md")
    shutil.copy(SAMPLE / "agents.yaml", folder / "registry.yaml")
    seen = [one for one in survey(folder) if not any("stops a load" in doubt for doubt in one.doubts)]
    assert {one.loader for one in seen if one.loader} >= set(LOADERS) - {MAPPED, "rdf"}
    (folder / FILE).write_text(workspace_text(seen, folder, folder), encoding="utf-8")

    def change(folder: Path) -> None:
        with (folder / "glossary/table/in.csv").open("a", encoding="utf-8") as file:
            file.write("\n")
        page = folder / "glossary/asciidoc/in.adoc"
        page.write_text(page.read_text(encoding="utf-8").replace("after\n", "before\n"), encoding="utf-8")

    answers = _same(places, folder, change, [""], step=23, more=[("show", {"id": "term:arr", "at": at}) for at in ("", "1")])
    then, now = (answers[f" {('show', {'id': 'term:arr', 'at': at})}"] for at in ("1", ""))
    assert "of Rover, after churn" in then
    assert "of Rover, before churn" in now
