"""The shape of the graph: against brute force on small random graphs, by hand on the sample company, and counted again on real files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from itertools import combinations, pairwise
from pathlib import Path

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph import Filter, Revision, load_ontology
from graph.analysis import ANALYSES, EXACT, SAMPLED, analyze, articulation, bus_factor, circles, findings
from graph.arrays import arrows, betweenness, parts, ranks
from graph.impact import Wanted, able, impact, losses
from graph.shape import Link, Shape, Thing, shape_of
from graph.snapshots import WORTH, Snapshots, packed, unpacked
from graph.ways import ways

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# NetworkX, the yardstick, says little of its types
Pairs = list[tuple[int, int]]
ONTOLOGY = load_ontology()
PAIRS = st.integers(1, 9).flatmap(lambda size: st.lists(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)), max_size=24))
MANY = settings(max_examples=400, deadline=None)


def size_of(pairs: Pairs) -> int:
    return max((end for pair in pairs for end in pair), default=0) + 1


def digraph(pairs: Pairs) -> nx.DiGraph[int]:
    made: nx.DiGraph[int] = nx.DiGraph()
    made.add_nodes_from(range(size_of(pairs)))
    made.add_edges_from(pairs)
    return made


def systems(pairs: Pairs) -> Shape:
    """Systems of which the first of each pair depends on the second."""
    things = {f"system:{one}": Thing("System", f"System {one}") for one in range(size_of(pairs))}
    return shape_of(things, {"depends_on": [Link(f"system:{one}", f"system:{other}", 1) for one, other in set(pairs)]}, ONTOLOGY)


# brute force


@given(PAIRS)
@MANY
def test_each_circular_part_shows_its_least_shortest_circle(pairs: Pairs) -> None:
    """Of every part of which each thing can reach each other there is one circle: the shortest, of these the least by its ids."""
    expected = []
    for part in nx.strongly_connected_components(digraph(pairs)):
        found = nx.simple_cycles(digraph(pairs).subgraph(part))
        turned = [(len(one), *one[one.index(min(one)) :], *one[: one.index(min(one))]) for one in found]
        expected += [tuple(f"n{one}" for one in min(turned)[1:])] if turned else []
    assert sorted(circle for circle, _ in circles((f"n{one}", f"n{other}") for one, other in pairs)) == sorted(expected)


@given(PAIRS)
@settings(max_examples=60, deadline=None)
def test_large_parts_are_found_as_small_ones_are(pairs: Pairs) -> None:
    """What the quick search for large graphs takes away first is the same as what one deep search finds."""
    copies = 400
    size = size_of(pairs)
    table = [(copy * size + one, copy * size + other) for copy in range(copies) for one, other in pairs]
    ring = [(copies * size + one, copies * size + (one + 1) % 700) for one in range(700)]
    found = parts(arrows(copies * size + 700, [one for one, _ in table + ring], [other for _, other in table + ring]))
    small = parts(arrows(size, [one for one, _ in pairs], [other for _, other in pairs]))
    assert found == [[copy * size + one for one in part] for copy in range(copies) for part in small] + [
        list(range(copies * size, copies * size + 700))
    ]


@given(PAIRS)
@MANY
def test_articulation_counts_the_parts_that_fall_off(pairs: Pairs) -> None:
    """A thing is an articulation if taking it away leaves more parts than before, and by so many."""
    undirected = nx.Graph((one, other) for one, other in pairs if one != other)
    expected = {}
    for one in undirected:
        rest = undirected.copy()
        rest.remove_node(one)
        more = nx.number_connected_components(rest) - nx.number_connected_components(undirected)
        if more > 0:
            expected[f"n{one}"] = more
    found = articulation((f"n{one}", f"n{other}") for one, other in pairs)
    assert dict(found) == expected
    assert [more for _, more in found] == sorted(expected.values(), reverse=True)


@given(PAIRS)
@MANY
def test_the_reach_of_a_change_is_by_the_shortest_ways(pairs: Pairs) -> None:
    """Down to what depends on it, up to what it depends on; each path holds from the one to the other, step by step."""
    shape, plain = systems(pairs), digraph(pairs)
    for direction, turned in (("downstream", plain.reverse()), ("upstream", plain)):
        found = impact("system:0", shape, direction=direction)  # pyright: ignore[reportArgumentType] - a literal once it is here
        far = nx.single_source_shortest_path_length(turned, 0)
        assert {one.id: one.distance for one in found.reached} == {f"system:{one}": far[one] for one in far if one}
        for one in found.reached:
            at = "system:0"
            assert len(one.path) == one.distance
            for source, kind, target in one.path:
                assert (kind, at) == ("depends_on", target if direction == "downstream" else source)
                assert (int(source[7:]), int(target[7:])) in pairs
                at = source if direction == "downstream" else target
            assert at == one.id
        for limit in range(1, len(found.reached) + 1):
            some = impact("system:0", shape, direction=direction, wanted=Wanted(limit=limit))  # pyright: ignore[reportArgumentType] - as above
            assert some == found.model_copy(update={"reached": found.reached[:limit]})


@given(PAIRS, st.integers(1, 5))
@MANY
def test_ways_are_all_that_pass_nothing_twice(pairs: Pairs, longest: int) -> None:
    """All simple paths up to a length, short ones first; and of the shortest all, or one."""
    undirected = digraph(pairs).to_undirected()
    start, end = 0, size_of(pairs) - 1
    if start == end or not nx.has_path(undirected, start, end):
        assert ways("system:0", f"system:{end}", systems(pairs), longest=longest).paths == ()
        return
    least = nx.shortest_path_length(undirected, start, end)
    expected = sorted(
        map(tuple, nx.all_simple_paths(undirected, start, end, cutoff=max(int(least), longest))), key=lambda one: (len(one), one)
    )
    found = ways("system:0", f"system:{end}", systems(pairs), longest=longest)
    assert [_nodes(path) for path in found.paths] == expected
    shortest = ways("system:0", f"system:{end}", systems(pairs), every=True)
    assert [_nodes(path) for path in shortest.paths] == [one for one in expected if len(one) == least + 1]
    assert ways("system:0", f"system:{end}", systems(pairs)).paths == shortest.paths[:1]


def _nodes(path: Sequence[tuple[str, str, str]]) -> tuple[int, ...]:
    nodes = [0]
    for source, _, target in path:
        ends = [int(source[7:]), int(target[7:])]
        ends.remove(nodes[-1])
        nodes.append(ends[0])
    return tuple(nodes)


@given(PAIRS)
@MANY
def test_betweenness_and_ranks_are_those_of_networkx(pairs: Pairs) -> None:
    """Exact betweenness is equal; sampling every start but one stays within bounds; PageRank sums to 1 and holds its equation."""
    columns, plain = arrows(size_of(pairs), [one for one, _ in pairs], [other for _, other in pairs]), digraph(pairs)
    found = betweenness(columns, exact=100, sampled=1)
    if len(plain) > 2:
        assert found.share.tolist() == pytest.approx([nx.betweenness_centrality(plain)[one] for one in plain])
    share = ranks(columns, within=1e-12)
    out = {one: list(plain.successors(one)) for one in plain}
    lost = sum(share[one] for one in plain if not out[one])
    for one in plain:
        into = sum(share[other] / len(out[other]) for other in plain.predecessors(one))
        assert share[one] == pytest.approx(0.15 / len(plain) + 0.85 * (into + lost / len(plain)), abs=1e-9)


@given(PAIRS)
@MANY
def test_a_shape_goes_into_a_file_and_to_networkx_whole(pairs: Pairs) -> None:
    """What comes out of the file answers as what went in; NetworkX has the same things and links."""
    shape = systems(pairs)
    again = unpacked(packed(shape), ONTOLOGY)
    assert (again.ids, list(again.table.names), again.table[2:3]) == (shape.ids, list(shape.table.names), shape.table[2:3])
    assert list(again.rows("depends_on")) == list(shape.rows("depends_on"))
    assert impact("system:0", again) == impact("system:0", shape)
    assert sorted(shape.networkx().edges(keys=True)) == sorted((f"system:{a}", f"system:{b}", "depends_on") for a, b in set(pairs))


def test_a_kept_shape_is_that_of_its_revision_and_filter_only(tmp_path: Path) -> None:
    """Another revision, digest, filter or ontology has another file; a broken file is as none; only the last few stay; small ones are not kept."""
    kept, first = Snapshots(tmp_path / "shapes"), Revision(number=1, at=datetime(2026, 1, 1, tzinfo=UTC), actor="a", message="", digest="x")
    large = systems([(one, one + 1) for one in range(WORTH)])
    kept.write(systems([(0, 1)]), first, Filter())
    kept.write(large, first.model_copy(update={"digest": ""}), Filter())
    assert not (tmp_path / "shapes").exists()
    kept.write(large, first, Filter())
    found = kept.read(first, Filter(), ONTOLOGY)
    assert found is not None
    assert found.ids == large.ids
    assert kept.read(first.model_copy(update={"digest": "y"}), Filter(), ONTOLOGY) is None
    assert kept.read(first, Filter(hidden=frozenset({"system:1"})), ONTOLOGY) is None
    file = next((tmp_path / "shapes").iterdir())
    assert file.stat().st_mode & 0o077 == 0
    file.write_bytes(file.read_bytes()[:1000])
    assert kept.read(first, Filter(), ONTOLOGY) is None
    for number in range(2, 9):
        kept.write(large, first.model_copy(update={"number": number}), Filter())
    assert len(list((tmp_path / "shapes").iterdir())) == 4
    kept.clear()
    assert not list((tmp_path / "shapes").iterdir())


GROUPS = st.lists(st.frozensets(st.sampled_from("abcdef"), min_size=1, max_size=3), min_size=1, max_size=8)


@given(GROUPS)
@MANY
def test_the_bus_factor_is_the_least(cover: list[frozenset[str]]) -> None:
    """No smaller group of people empties more than half; the one that is named does."""

    def empties(some: Collection[str]) -> bool:
        return sum(one <= frozenset(some) for one in cover) * 2 > len(cover)

    exact, people = bus_factor(cover)
    assert exact
    assert empties(people)
    assert not any(empties(some) for some in combinations("abcdef", len(people) - 1))


@given(
    st.lists(st.tuples(st.sampled_from("pqrs"), st.sampled_from("xyz")), max_size=6),
    st.lists(st.tuples(st.sampled_from("pqrsxyz"), st.sampled_from("pqrsxyz")), max_size=4),
    st.sets(st.sampled_from("pqrsxyz"), min_size=1, max_size=3),
)
@MANY
def test_an_approval_stalls_when_nobody_can_be_reached(
    holds: list[tuple[str, str]], deputies: list[tuple[str, str]], gone: set[str]
) -> None:
    """A post is able while a person who is there is to be found over holders and deputies, of what has gone over deputies only."""
    post = "xyz"

    def person(one: str) -> str:
        return f"person:{one}" if one in "pqrs" else f"position:{one}"

    things = {person(one): Thing("Person" if one in "pqrs" else "Position", one) for one in "pqrsxyz"}
    things |= {f"step:{one}": Thing("ApprovalStep", one) for one in post}
    links = {
        "holds": [Link(person(one), person(other)) for one, other in set(holds)],
        "deputizes_for": [Link(person(one), person(other)) for one, other in set(deputies)],
        "approved_by": [Link(f"step:{one}", person(one)) for one in post],
    }
    shape = shape_of(things, links, ONTOLOGY)

    def found(one: str, out: set[str], seen: frozenset[str] = frozenset()) -> bool:
        if one in "pqrs" and one not in out:
            return True
        behind = {a for a, b in deputies if b == one} | ({a for a, b in holds if b == one} if one not in out else set())
        return any(found(other, out, seen | {one}) for other in behind - seen - {one})

    for one in "pqrsxyz":
        assert able(shape, {person(x) for x in gone})[shape.number[person(one)]] == found(one, gone), one
    stalled = {one.subject for one in losses(shape, {person(one) for one in gone}) if one.sort == "approval_stalls"}
    assert stalled == {f"step:{one}" for one in post if found(one, set()) and not found(one, gone)}


def said(shape: Shape, name: str, sort: str) -> dict[str, tuple[float, tuple[str, ...]]]:
    """By subject: how much an analysis says of it, and on what evidence."""
    return {one.subject: (one.amount, one.evidence) for one in analyze(shape, name) if one.sort == sort}


def kinds(**named: str) -> dict[str, Thing]:
    """Things by the letters of each kind: `Person="pq"` are person:p and person:q."""
    return {f"{kind.lower()}:{one}": Thing(kind, one) for kind, letters in named.items() for one in letters}


ENDS = st.tuples(st.sampled_from("pqrs"), st.sampled_from("xyz"))


@given(PAIRS)
@MANY
def test_spans_and_layers_are_counted(pairs: Pairs) -> None:
    """A span is who reports to somebody else; a layer is how far somebody is from the nearest of those above whom nobody is."""
    size = size_of(pairs)
    shape = shape_of(
        {f"position:{one}": Thing("Position", "") for one in range(size)},
        {"reports_to": [Link(f"position:{one}", f"position:{other}") for one, other in set(pairs)]},
        ONTOLOGY,
    )
    plain: nx.DiGraph[int] = nx.DiGraph((other, one) for one, other in pairs if one != other)  # downwards
    spans = {f"position:{one}": tuple(f"position:{other}" for other in sorted(plain[one])) for one in plain if plain.out_degree(one)}
    assert said(shape, "hierarchy", "span") == {one: (len(below), below) for one, below in spans.items()}
    tops = [one for one in plain if not plain.in_degree(one) and plain.out_degree(one)]
    far = nx.multi_source_dijkstra_path_length(plain, tops) if tops else {}
    layers = [tuple(f"position:{one}" for one in sorted(far) if far[one] == level) for level in sorted(set(far.values()))]
    assert [one.evidence for one in analyze(shape, "hierarchy") if one.sort == "layer"] == layers


@given(st.sets(ENDS, max_size=8), st.sets(ENDS, max_size=8), st.sets(st.sampled_from("xyz")))
@MANY
def test_duties_that_one_person_has_twice(acts: set[tuple[str, str]], approves: set[tuple[str, str]], others: set[str]) -> None:
    """Whoever approves a step of a process, and acts in one of its steps or approves another."""
    links = {
        "performed_by": [Link(f"approvalstep:{step}", f"person:{one}") for one, step in acts],
        "approved_by": [Link(f"approvalstep:{step}", f"person:{one}") for one, step in approves],
        "step_of": [Link(f"approvalstep:{step}", f"process:{'b' if step in others else 'a'}") for step in "xyz"],
    }
    shape = shape_of(kinds(Person="pqrs", ApprovalStep="xyz", Process="ab"), links, ONTOLOGY)
    expected = set[tuple[str, str, tuple[str, ...]]]()
    for process, steps in (("a", {*"xyz"} - others), ("b", others)):
        for person in "pqrs":
            signs, does = ({step for one, step in some if one == person and step in steps} for some in (approves, acts))
            if signs and (does or len(signs) > 1):
                evidence = (f"process:{process}", *(f"approvalstep:{step}" for step in sorted(signs | does)))
                expected.add(("acts_and_approves" if does else "approves_twice", f"person:{person}", evidence))
    assert {(one.sort, one.subject, one.evidence) for one in analyze(shape, "duties")} == expected


@given(st.sets(ENDS, max_size=8), st.sets(st.tuples(st.sampled_from("pqrsxyz"), st.sampled_from("pqrsxyz")), max_size=4))
@MANY
def test_a_sole_holder_is_alone(holds: set[tuple[str, str]], deputies: set[tuple[str, str]]) -> None:
    """The only one who holds a post, when neither the post nor the person has a deputy."""

    def id_of(one: str) -> str:
        return f"person:{one}" if one in "pqrs" else f"position:{one}"

    links = {
        "holds": [Link(id_of(one), id_of(post)) for one, post in holds],
        "deputizes_for": [Link(id_of(one), id_of(other)) for one, other in deputies],
    }
    shape = shape_of(kinds(Person="pqrs", Position="xyz"), links, ONTOLOGY)
    helped = {other for _, other in deputies}
    expected: dict[str, list[str]] = {}
    for post in "xyz":
        several = [one for one, held in sorted(holds) if held == post]
        if len(several) == 1 and not helped & {post, several[0]}:
            expected.setdefault(f"person:{several[0]}", []).append(f"position:{post}")
    assert said(shape, "single_points", "sole_holder") == {one: (len(posts), tuple(posts)) for one, posts in expected.items()}


@pytest.mark.parametrize("sort", ["sole_approver", "sole_owner"])
@given(
    st.sets(st.tuples(st.sampled_from("abc"), st.sampled_from("pqrxyz")), max_size=8),
    st.sets(ENDS, max_size=6),
    st.sets(st.tuples(st.sampled_from("pqrsxyz"), st.sampled_from("pqrsxyz")), max_size=3),
    st.sets(st.sampled_from("pqrs"), max_size=2),
)
@MANY
def test_who_approves_or_owns_alone(
    sort: str, named: set[tuple[str, str]], holds: set[tuple[str, str]], deputies: set[tuple[str, str]], left: set[str]
) -> None:
    """The only person or post at work for a thing, behind whom stands one person at most, and nobody deputizes for any of them."""

    def id_of(one: str) -> str:
        return f"person:{one}" if one in "pqrs" else f"position:{one}"

    things = kinds(Person="pqrs", Position="xyz", ApprovalStep="abc")
    things |= {f"person:{one}": Thing("Person", one, left=True) for one in left}
    links = {
        "approved_by" if sort == "sole_approver" else "owned_by": [Link(f"approvalstep:{one}", id_of(other)) for one, other in named],
        "holds": [Link(id_of(one), id_of(post)) for one, post in holds],
        "deputizes_for": [Link(id_of(one), id_of(other)) for one, other in deputies],
    }
    expected: dict[str, list[str]] = {}
    for thing in "abc":
        several = [one for where, one in named if where == thing and one not in left]
        behind = {one for one in several if one in "pqrs"} | {who for who, post in holds if post in several and who not in left}
        if len(several) == 1 and len(behind) <= 1 and not {other for _, other in deputies} & {*several, *behind}:
            expected.setdefault(id_of(several[0]), []).append(f"approvalstep:{thing}")
    found = said(shape_of(things, links, ONTOLOGY), "single_points", sort)
    assert found == {one: (len(alone), tuple(alone)) for one, alone in expected.items()}


@given(
    st.sets(st.tuples(st.sampled_from("abc"), st.sampled_from("pqxy")), max_size=8),
    st.sets(ENDS, max_size=6),
    st.dictionaries(st.tuples(st.sampled_from("pqrs"), st.sampled_from("abc")), st.integers(1, 5), max_size=4),
)
@MANY
def test_the_approval_load_is_counted(named: set[tuple[str, str]], holds: set[tuple[str, str]], seen: dict[tuple[str, str], int]) -> None:
    """Of an approver and of whoever holds the post: as many approvals, or as many cases as the logs saw; a post has those of everybody."""

    def id_of(one: str) -> str:
        return f"person:{one}" if one in "pqrs" else f"position:{one}"

    links = {
        "approved_by": [Link(f"approvalstep:{one}", id_of(other)) for one, other in named],
        "holds": [Link(id_of(one), id_of(post)) for one, post in holds],
        "observed_doing": [Link(id_of(one), f"approvalstep:{step}", 1, count) for (one, step), count in seen.items()],
    }
    expected: dict[str, tuple[float, tuple[str, ...]]] = {}
    for one in "pqrsxyz":
        steps = {step for step, other in named if other == one or (one, other) in holds}
        cases = sum(count for (who, step), count in seen.items() if step in steps and (who == one or one in "xyz"))
        if len(steps) > 1 or cases:
            expected[id_of(one)] = (cases or len(steps), tuple(f"approvalstep:{step}" for step in sorted(steps)))
    shape = shape_of(kinds(Person="pqrs", Position="xyz", ApprovalStep="abc"), links, ONTOLOGY)
    assert said(shape, "bottlenecks", "approvals") == expected


def test_a_post_is_in_its_own_unit_where_its_holder_is_in_none() -> None:
    """As in organograms, which say of posts and not of people where they are."""
    links = {
        "holds": [Link("person:p", "position:x"), Link("person:q", "position:y"), Link("person:p", "position:z")],
        "member_of": [Link(f"position:{one}", "unit:u") for one in "xyz"],
    }
    shape = shape_of(kinds(Person="pq", Position="xyz", Unit="u"), links, ONTOLOGY)
    assert said(shape, "single_points", "bus_factor") == {"unit:u": (1, ("person:p",))}


def test_a_long_analysis_says_how_far_it_is() -> None:
    """Of betweenness from some of many starts, at each of them, and what it says gives its error."""
    shape, told = systems([(one, one // 2) for one in range(1, EXACT + 2)]), list[str]()
    shape.watch = told.append
    found = [one for one in findings(shape, "bottlenecks") if one.sort == "betweenness"]
    assert [one for one in told if "starts" in one] == [f"analyze: bottlenecks, {done} of {SAMPLED} starts" for done in range(SAMPLED)]
    assert all("give or take" in one.message for one in found)
    assert len(found) == 20


@given(PAIRS)
@settings(max_examples=40, deadline=None)
def test_a_settled_shape_answers_as_before(pairs: Pairs) -> None:
    """What was worked out on the way to an answer is worked out again."""
    shape = systems(pairs)
    answers = [(findings(shape, name), shape.settle(large=0))[0] for name in (*ANALYSES, *ANALYSES)]
    assert answers[: len(ANALYSES)] == answers[len(ANALYSES) :]
    assert ways("system:0", f"system:{size_of(pairs) - 1}", shape) == ways("system:0", f"system:{size_of(pairs) - 1}", systems(pairs))


@given(st.sets(st.tuples(st.sampled_from("pqrs"), st.sampled_from("xyz")), max_size=8), PAIRS)
@MANY
def test_the_matrix_counts_what_crosses(serving: set[tuple[str, str]], pairs: Pairs) -> None:
    """A cell holds each relation by which one function depends on another; what serves several is at home in the first."""
    letters = "pqrs"
    depends = {(letters[one % 4], letters[other % 4]) for one, other in pairs}
    links = {
        "depends_on": [Link(f"process:{one}", f"process:{other}") for one, other in depends],
        "serves": [Link(f"process:{one}", f"businessfunction:{other}") for one, other in serving],
    }
    shape = shape_of(kinds(Process=letters, BusinessFunction="xyz"), links, ONTOLOGY)
    home = {one: min((function for who, function in serving if who == one), default="") for one in letters}
    cells: dict[tuple[str, str], list[str]] = {}
    for one, other in sorted(depends):
        if home[one] and home[other] and home[one] != home[other]:
            cells.setdefault((home[one], home[other]), []).append(f"process:{one} depends_on process:{other}")
    for one, function in sorted(serving):  # what is done in the first for another
        if function != home[one]:
            cells.setdefault((function, home[one]), []).append(f"process:{one} serves businessfunction:{function}")
    found = {(one.subject[-1], one.sort[-1]): one for one in analyze(shape, "matrix")}
    assert {cell: list(one.evidence) for cell, one in found.items()} == cells
    assert all(one.amount == len(one.evidence) for one in found.values())


@given(st.lists(st.sampled_from(["", "u", "v"]), min_size=1, max_size=6), PAIRS)
@MANY
def test_a_process_passes_from_unit_to_unit(doers: list[str], pairs: Pairs) -> None:
    """Wherever a step follows another, at once or over steps that are nobody's, and another unit does it; undrawn, by the steps' order."""
    steps = [f"approvalstep:{place}" for place in range(len(doers))]
    drawn = {(one, other) for one, other in pairs if max(one, other) < len(doers)}
    things = kinds(Person="uv", Unit="uv", Process="a") | {
        id_: Thing("ApprovalStep", "", order=place + 1) for place, id_ in enumerate(steps)
    }
    links = {
        "step_of": [Link(step, "process:a") for step in steps],
        "performed_by": [Link(step, f"person:{who}") for step, who in zip(steps, doers, strict=True) if who],
        "member_of": [Link(f"person:{who}", f"unit:{who}") for who in "uv"],
        "precedes": [Link(steps[one], steps[other]) for one, other in drawn],
    }
    nobody = {place for place, who in enumerate(doers) if not who}
    whose = [place for place, who in enumerate(doers) if who]
    passes = set[tuple[int, int]]() if drawn else set(pairwise(whose))
    for one in whose if drawn else ():
        over: nx.DiGraph[int] = nx.DiGraph((a, b) for a, b in drawn if a == one or a in nobody)
        passes |= {(one, other) for other in (nx.descendants(over, one) if one in over else ()) if doers[other]}
    expected = tuple(f"{steps[one]} before {steps[other]}" for one, other in sorted(passes) if doers[one] != doers[other])
    assert [one.evidence for one in analyze(shape_of(things, links, ONTOLOGY), "handovers")] == ([expected] if expected else [])
