"""A walk as one statement, so that it is one round trip however many hops it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graph.stores.base import Rule
from graph.stores.neo4j.cypher import Seen, Way, links_along, passes, state_of
from graph.stores.neo4j.rows import ENTITY_READ, RELATION_READ, as_columns


def walk_statement(seen: Seen, rules: Sequence[Rule], hops: int, *, past: bool) -> tuple[str, list[Any]]:
    """The whole of a walk in one statement, and the ranks of the rules that it looks up (a map for each hop and direction).

    Hop by hop it does what `Store.walk` promises: candidates in order, those taken already left out, each relation once, and a stop
    before the first row that would exceed a limit. Of a relation there are two candidates at most, one from each end.
    """
    ranks = [_ranks(rules, seen, hop) for hop in range(hops)]
    steps = "".join(_HOP.format(links=links_along(_ways(ranks[hop], hop), past=past)) for hop in range(hops))
    anchors = f"UNWIND range(0, size($p.anchors) - 1) AS i WITH i, $p.anchors[i] AS id, at {state_of('id', past=past)} WITH i, n WHERE {passes('n')} "
    keys = "taken" if past else "[e IN taken | [startNode(e)._number, type(e), endNode(e)._number]]"
    result = f"RETURN {as_columns('n', ENTITY_READ, 'known')}, {as_columns('e', RELATION_READ, 'rows')}, {keys} AS keys, levels, cut"
    return _START.format(anchors=anchors) + steps + result, ranks


def _ranks(rules: Sequence[Rule], seen: Seen, hop: int) -> list[dict[str, int]]:
    """For one hop, by relation kind, the place of the first rule that follows it outward, and of the first that follows it back."""
    allowed = seen.relations({rule.relation for rule in rules}) or []
    ranks: list[dict[str, int]] = [{}, {}]
    for place, rule in enumerate(rules):
        if hop < rule.depth and rule.relation in allowed:
            ranks[not rule.outward].setdefault(rule.relation, place)
    return ranks


def _ways(ranks: Sequence[Mapping[str, int]], hop: int) -> list[Way]:
    return [Way(sorted(ranks[way]), not way, f"$p.ranks[{hop}][{way}][{{}}]") for way in (0, 1)]


_START = """
CALL (at) {{ {anchors} ORDER BY i RETURN collect(n) AS starts }}
WITH at, starts[..$p.entities] AS known, size(starts) > $p.entities AS cut
WITH at, known, CASE WHEN cut THEN [] ELSE known END AS frontier, [n IN known | n._number] AS numbers, [] AS taken, [] AS rows,
  [size(known)] AS levels, cut
"""
_HOP = """
CALL (at, frontier, numbers, taken) {{
  UNWIND range(0, size(frontier) - 1) AS i
  WITH at, taken, i, frontier[i] AS f
  {links}
  WITH taken, i * $p.ways + j AS p, e, o, k, o._number AS number WHERE NOT k IN taken
  WITH p, e, o, k, number ORDER BY p, number LIMIT $p.most
  WITH k, collect([k, e, o, number, p])[0] AS row ORDER BY row[4], row[3]
  RETURN collect(row) AS found
}}
CALL (found, numbers) {{
  UNWIND range(0, size(found) - 1) AS q
  WITH q, found[q] AS row, numbers WHERE NOT row[3] IN numbers
  WITH row[3] AS number, min(q) AS q, collect(row[2])[0] AS o ORDER BY q
  RETURN collect([q, o, number]) AS fresh
}}
WITH *, $p.relations - size(taken) AS most, $p.entities - size(known) AS room
WITH *, CASE WHEN size(fresh) > room AND fresh[room][0] < most THEN fresh[room][0] ELSE most END AS stop
WITH at, cut OR size(found) > stop AS cut, stop, [one IN fresh WHERE one[0] < stop] AS fresh, found[..stop] AS found, known, numbers, taken,
  rows, levels, size(found) > stop AS stopped
WITH at, cut, known + [one IN fresh | one[1]] AS known, numbers + [one IN fresh | one[2]] AS numbers, taken + [one IN found | one[0]] AS taken,
  rows + [one IN found | one[1]] AS rows, levels + [size(fresh)] AS levels,
  CASE WHEN stopped THEN [] ELSE [one IN fresh | one[1]] END AS frontier
"""
