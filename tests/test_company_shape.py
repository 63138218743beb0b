"""Analyses of the sample company, expected by hand from its files, and of real files, counted again with plain readers."""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import networkx as nx
import pytest

from app.loading import SAMPLE
from graph import Entity, Fact, Finding, InputError, NotFound, Relation, load_ontology
from graph.analysis import analyze, articulation
from graph.impact import Wanted, impact
from graph.shape import Link, Shape, Thing, shape_of
from loaders import Source, read
from tests.test_hierarchy_files import organograms, said, table
from tests.test_kubernetes import DATA, FOLDERS, loaded
from tests.test_sample import Company
from tests.test_sample import company as company  # noqa: PLC0414 - a fixture that is used by its name

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# NetworkX, the yardstick, says little of its types


def rows(name: str) -> list[dict[str, str]]:
    with (SAMPLE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def found(company: Company, name: str) -> dict[tuple[str, str], tuple[float, tuple[str, ...]]]:
    """What an analysis says, by sort and subject."""
    said = company.context.analyze([name], actor=company.actor())[name]
    return {(one.sort, one.subject): (one.amount, one.evidence) for one in said}


def lost(company: Company, id_: str, *, without: Iterable[str] = (), moves: Iterable[tuple[str, str]] = ()) -> Mapping[str, list[str]]:
    """What goes with something, by what it is."""
    said = company.context.impact(id_, actor=company.actor(), without=tuple(without), moves=tuple(moves))
    made: dict[str, list[str]] = defaultdict(list)
    for one in said.losses:
        made[one.sort].append(one.subject)
    return made


def test_an_analysis_answers_with_findings(company: Company) -> None:
    """Each says who answers for it and what would be better, under an id that no other has and that stays."""
    first, again = (company.context.analyze(["circles", "single_points"], actor=company.actor()) for _ in range(2))
    assert first == again
    told = [one for noted in first.values() for one in noted]
    assert len({one.id for one in told}) == len(told)
    circle = next(one for one in first["circles"] if one.sort == "dependencies")
    assert isinstance(circle, Finding)
    assert (circle.check, circle.level, circle.owner) == ("circles", "warning", "position:platform-lead")
    assert circle.remedy == "Take out the link that is named."


def test_the_two_planted_circles_are_found_and_no_other(company: Company) -> None:
    """Each in its shortest form, which begins with its least id."""
    assert found(company, "circles") == {
        ("dependencies", "system:integration"): (3, ("system:integration", "system:mes", "system:planning")),
        ("broader terms", "term:robot-cell"): (2, ("term:robot-cell", "term:work-cell")),
    }


def test_sole_approvers_are_those_of_the_tables(company: Company) -> None:
    """An approver of the matrix whose post nobody deputizes for stands alone; whose somebody does, never."""
    deputized = {row["deputizes_for"] for row in rows("hr/people.csv")}
    alone: dict[str, set[str]] = defaultdict(set)
    for row in rows("approvals/matrix.csv"):
        if row["approver"] and row["approver"] not in deputized:
            alone[f"position:{row['approver']}"].add(f"step:{row['process']}.{row['step']}")
    said = {subject: set(things) for (sort, subject), (_, things) in found(company, "single_points").items() if sort == "sole_approver"}
    assert said == alone


def test_spans_and_layers_are_those_of_the_table(company: Company) -> None:
    """Who reports to whom, counted in the file; a position's layer is one below the position above it."""
    above = {row["position"]: row["reports_to"] for row in rows("hr/people.csv") if row["position"]}
    spans = Counter(f"position:{one}" for one in above.values() if one)
    said = found(company, "hierarchy")
    assert {subject: amount for (sort, subject), (amount, _) in said.items() if sort == "span"} == spans

    def layer(one: str) -> int:
        return 1 + layer(above[one]) if above[one] else 1

    layers = Counter(map(layer, above))
    assert sorted(amount for (sort, _), (amount, _) in said.items() if sort == "layer") == sorted(layers.values())


def test_duties_and_handovers(company: Company) -> None:
    """The General Counsel approves a contract twice; a purchase goes between Procurement and Finance, and at last to the management."""
    assert found(company, "duties") == {
        ("approves_twice", "person:e-1019"): (
            2,
            ("process:contract-review", "step:contract-review.liability", "step:contract-review.sign-counsel"),
        )
    }
    handed = found(company, "handovers")
    assert handed["process", "process:procurement"][0] == 4
    assert handed["process", "process:hiring"] == (1, ("step:hiring.head before step:hiring.budget",))
    assert ("process", "process:sales-discount") not in handed


def test_a_departure_without_a_deputy_stops_what_hangs_on_it(company: Company) -> None:
    """The Contracts Counsel has none: two approvals stall, two processes stop, policies lose their owner, agents their fallback."""
    said = lost(company, "person:e-1020")
    assert said["approval_stalls"] == ["step:campaign-launch.comparison", "step:contract-review.clauses"]
    assert said["process_stops"] == ["process:campaign-launch", "process:contract-review"]
    assert said["post_vacant"] == ["position:contracts-counsel"]
    assert "asset:nda-policy" in said["owner_lost"]
    assert said["fallback_lost"] == ["agent:clause-checker", "agent:terms-comparer"]


def test_a_departure_with_a_deputy_leaves_the_post_alone_empty(company: Company) -> None:
    """The Controller stands in for the CFO: nothing stalls before the Controller is gone too."""
    assert dict(lost(company, "person:e-1007")) == {"post_vacant": ["position:cfo"]}
    approved = {f"step:{row['process']}.{row['step']}" for row in rows("approvals/matrix.csv") if row["approver"] in ("cfo", "controller")}
    assert set(lost(company, "person:e-1007", without=["person:e-1008"])["approval_stalls"]) == approved


def test_a_move_is_asked_of_a_copy(company: Company) -> None:
    """The Contracts Counsel as General Counsel: the old post and its approvals are empty, and the person approves twice in place of another."""
    actor = company.actor()
    before = company.context.stats(actor=actor)
    said = company.context.impact(actor=actor, without=["person:e-1019"], moves=[("person:e-1020", "position:general-counsel")])
    assert {"step:campaign-launch.comparison", "step:contract-review.clauses"} == {
        one.subject for one in said.losses if one.sort == "approval_stalls"
    }
    assert ("duties", "approves_twice", "person:e-1020") in {(one.analysis, one.sort, one.subject) for one in said.appeared}
    assert ("duties", "approves_twice", "person:e-1019") in {(one.analysis, one.sort, one.subject) for one in said.ended}
    gaps = {(one.sort, one.subject) for one in said.appeared if one.analysis == "gaps"}
    assert ("vacant_approver", "position:contracts-counsel") in gaps
    assert company.context.stats(actor=actor) == before
    with pytest.raises(InputError):
        company.context.impact(actor=actor, moves=[("position:cfo", "position:ceo")])
    with pytest.raises(NotFound):
        company.context.impact(actor=actor, without=["person:nobody"])
    with pytest.raises(NotFound):
        company.context.impact("person:e-1019", actor=actor, wanted=Wanted(function="function:none"))


def test_upstream_is_downstream_turned_round(company: Company) -> None:
    """Of any two things, if one's change reaches the other, the other is reached by the one, and from as far."""
    context, actor = company.context, company.actor()
    for id_ in ("system:erp", "position:cfo", "asset:delegation-of-authority"):
        for one in context.impact(id_, actor=actor).reached[::7]:
            above = context.impact(one.id, actor=actor, direction="upstream")
            assert {(up.id, up.distance) for up in above.reached} >= {(id_, one.distance)}


# real files


def shape_from(facts: Iterable[Fact | Finding]) -> Shape:
    facts = list(facts)
    things = {one.id: Thing(one.kind, one.name) for one in facts if isinstance(one, Entity)}
    links: dict[str, dict[tuple[str, str], Link]] = defaultdict(dict)
    for one in facts:
        if isinstance(one, Relation) and one.source in things and one.target in things:
            links[one.kind][one.source, one.target] = Link(one.source, one.target, 1)
    return shape_of(things, {kind: list(rows.values()) for kind, rows in links.items()}, load_ontology())


def test_reporting_lines_of_offices_are_those_of_their_files(data: Path) -> None:
    """Spans are counts of a column; who reports around in a circle is what NetworkX says of the two columns."""
    for path in organograms(data, "senior"):
        rows = [row for row in table(path) if row["Post Unique Reference"] not in ("Deleted", "0")]
        posts = {row["Post Unique Reference"] for row in rows}
        lines = {(row["Post Unique Reference"], row["Reports to Senior Post"]) for row in rows} & {(a, b) for a in posts for b in posts}
        shape = shape_from(said(path))
        spans = Counter(above for one, above in lines if one != above)
        noted = [one for one in analyze(shape, "hierarchy") if one.sort == "span"]
        assert sorted(one.amount for one in noted) == sorted(spans.values()), path.name
        plain = nx.DiGraph(sorted(lines))
        around = [part for part in nx.strongly_connected_components(plain) if len(part) > 1 or plain.has_edge(*([*part] * 2))]
        assert len([one for one in analyze(shape, "circles") if one.sort == "reporting"]) == len(around), path.name
        lines_only = Shape(shape.table, {kind: rows for kind, rows in shape.links.items() if kind == "reports_to"}, shape.ontology)
        reached = (len(impact(one, lines_only).reached) for one in shape.ids if shape.is_a(one, "Position"))
        plain.add_nodes_from(posts)
        assert sorted(reached) == sorted(len(nx.ancestors(plain, one)) for one in plain), path.name


def test_what_a_proposal_rests_on_is_what_the_headers_say(data: Path) -> None:
    """A change of an enhancement proposal reaches every proposal that requires it, directly or not."""
    folder = data / "python-peps"
    if not folder.is_dir():
        pytest.skip(f"the data set python-peps is not in {data}")
    plain: nx.DiGraph[str] = nx.DiGraph()
    for path in sorted(folder.rglob("*.rst")):
        head = re.sub(r"\n[ \t]+", " ", path.read_text(encoding="utf-8").split("\n\n", 1)[0])
        own = int(re.findall(r"^PEP: *(\d+)", head, re.MULTILINE)[0])
        plain.add_node(f"decision:pep-{own}")
        for line in re.findall(r"^Requires:(.*)$", head, re.MULTILINE):
            plain.add_edges_from((f"decision:pep-{other}", f"decision:pep-{own}") for other in map(int, re.findall(r"\d+", line)))
    whole = shape_from(
        fact for part in read(Source(name="peps", loader="decisions", path="python-peps"), data).parts for fact in part.facts or ()
    )
    shape = Shape(whole.table, {"depends_on": whole.links["depends_on"]}, whole.ontology)
    there = plain.subgraph(one for one in plain if one in shape)
    assert there.number_of_edges()
    for one in there:
        assert {other.id for other in impact(one, shape).reached} == nx.descendants(there, one), one


@pytest.mark.skipif(not all((DATA / one).is_dir() for one in FOLDERS), reason="the Kubernetes files are not there")
def test_what_falls_apart_in_kubernetes_is_what_brute_force_says() -> None:
    """Of the lines between groups, teams and repositories, those things are articulations without which there are more parts."""
    shape = shape_from(loaded("org"))
    links = [(row.source, row.target) for row in shape.rows("part_of") if row.source != row.target]
    plain = nx.Graph(links)
    count = nx.number_connected_components(plain)
    found = dict(articulation(links))
    assert set(found) == set(nx.articulation_points(plain))
    assert found
    for one in sorted(found)[:60]:
        rest = plain.copy()
        rest.remove_node(one)
        assert nx.number_connected_components(rest) - count == found[one], one
