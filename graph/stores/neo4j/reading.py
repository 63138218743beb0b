"""Reading while others publish: one look, all of whose answers are of one revision, and what is known already while a question lasts.

Apart from the store, which says what is asked: here it is said when an answer may be trusted, and when nothing need be asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from neo4j import Session

from graph.errors import StoreError
from graph.model import Filter
from graph.stores.base import Claim, EntityRow, RelationRow, any_day, true_on
from graph.stores.neo4j.claims import claims_about, told_claim
from graph.stores.neo4j.cypher import Seen, Way, links_along, passes, state_of
from graph.stores.neo4j.rows import ENTITY_READ, PAGE, RELATION_READ, as_columns, columns_of, relation_row
from graph.stores.neo4j.server import TURN, literal

_TIES = 200  # relations that one thing may have for them to be read so
_TIED = 4000  # and all that were named together
_RING = 100  # of their ends, those whose relations are read with them
_ROUND = 40  # if each of these has no more


class Moved(Exception):
    """Another revision was published, or was being published, while a read went on: what it read may not belong together."""

    def __init__(self, state: int) -> None:
        self.state = state


class Look:
    """One try at a read: all its answers are of one revision."""

    def __init__(self, session: Session, name: str, at: int | None, *, past: bool) -> None:
        self.session, self.name, self.at, self.past = session, name, at, past
        self.state: int | None = None
        self.last = 0  # the highest number of an entity

    def ask(self, body: str, /, *, options: str = "", **parameters: Any) -> Mapping[str, Any]:
        """What this piece of Cypher returns in its only row; in it, `at` is the revision that is read. `Moved` if it cannot be trusted."""
        text = (
            f"{options}MATCH (g:OrgContextGraph {{name: $graph}}) WITH g.state AS state, g.entities AS last, g.state % {TURN} AS head "
            "WITH state, last, CASE WHEN $p.at < head THEN $p.at ELSE head END AS at "
            f"CALL (at) {{ {body} }} "
            "CALL (state) { MATCH (g:OrgContextGraph {name: $graph}) WHERE state IS NOT NULL RETURN g.state AS final } RETURN *"
        )  # the last part speaks of `state`, or the planner would be free to run it first
        record = self.session.run(literal(text), graph=self.name, p={**parameters, "at": self.at}).single()
        if record is None:
            message = f"the graph {self.name!r} is no longer in the database; open the store again to begin anew"
            raise StoreError(message)
        self.last = record["last"]
        self._judge(record["state"], record["final"])
        return record

    def _judge(self, state: int, final: int) -> None:
        turn, head = divmod(final, TURN)
        current = turn % 2 == 0 and (self.at is None or self.at >= head)
        if state != final or self.state not in (None, final) or not (self.past or current):
            raise Moved(final)
        self.state = final


def pages_of(look: Look) -> Iterator[dict[str, Any]]:
    """Spans of entity numbers that cover them all; relations without a numbered source count as of 0."""
    low = -1
    while low < look.last:
        yield {"low": low, "high": low + PAGE}
        low += PAGE


class Near:
    """What is near the things that a question named, read with them, for it asks for that next: their rows, claims and relations, the rows
    of the ends of these, and their relations in turn. Whatever the day that is asked for: each answer is of its own.
    """

    def __init__(self) -> None:
        self.asked: set[str] = set()  # ids and aliases that were read as such
        self.named: dict[str, list[str]] = {}  # by id or alias, the things that it can mean, the likeliest first
        self.rows: dict[str, tuple[int, EntityRow]] = {}
        self.ties: dict[str, dict[tuple[int, int, int], tuple[RelationRow, tuple[str, str]]]] = {}  # of those that have not too many
        self.claims: dict[str, list[Claim]] = {}
        self.whole = False  # whether these are all rows that there are

    def knows(self, id_: str, day: str, *, tied: bool) -> bool:
        """Whether this id or alias needs no reading; `tied`: nor its relations."""
        return id_ in self.asked or (self.whole and not tied) or (self._there(id_, day) and (not tied or id_ in self.ties))

    def _there(self, id_: str, day: str) -> bool:
        return id_ in self.rows and true_on(day, self.rows[id_][1].valid_from, self.rows[id_][1].valid_to)

    def own(self, id_: str, day: str) -> str:
        """The thing that is meant on this day by an id or alias; "" for none."""
        return next((one for one in (id_, *self.named.get(id_, ())) if self._there(one, day)), "")

    def entities(self, ids: Iterable[str], day: str) -> dict[int, EntityRow]:
        """The rows of these ids that are true on this day, by number."""
        return dict(self.rows[id_] for id_ in ids if self._there(id_, day))

    def relations(self, ids: Iterable[str], day: str) -> dict[tuple[int, int, int], RelationRow] | None:
        """The relations of these things on this day; None where one has too many."""
        there = {id_ for id_ in ids if self._there(id_, day)}
        if not there <= self.ties.keys():
            return None
        ties = [tie for id_ in there for tie in self.ties[id_].items()]
        return {key: row for key, (row, end) in ties if true_on(day, row.valid_from, row.valid_to) and true_on(day, *end)}

    def fill(self, rows: Mapping[int, EntityRow]) -> None:
        """Know all rows that there are."""
        self.rows.update({row.id: (number, row) for number, row in rows.items()})
        for row in rows.values():
            for alias in row.aliases:
                self.named.setdefault(alias, []).append(row.id)
        self.whole = True

    def read(self, look: Look, seen: Seen, ids: Sequence[str]) -> None:
        """Read what is near these ids and aliases; of what has very many relations they are left unread, for a question rarely asks for all."""
        kinds = seen.relations()
        links = links_along([Way(kinds, outward=True), Way(kinds, outward=False)], past=look.past)
        ends = "collect([out, kind, f._number, f.id, o._number, o.id, coalesce(o.valid_from, ''), coalesce(o.valid_to, '')])"
        ties = (
            "CALL ({0}, at) {{ UNWIND {0} AS f CALL (f, at) {{ {links} WITH f, e, o, kind, out LIMIT $p.{1} + 1 RETURN e, o, kind, out }} "
        )
        few = "[n IN {0} WHERE {1}COUNT {{ (n)--() }} <= $p.{2}]"  # which the server knows without reading them
        version = state_of("id", past=look.past)
        body = (
            f"CALL (at) {{ UNWIND $p.ids AS asked CALL (asked, at) {{ MATCH (a:OrgContextAlias {{_graph: $graph, alias: asked}}) "
            f"WITH DISTINCT asked, a.id AS id, at {version} WITH asked, n WHERE asked IN n._aliases AND {passes('n')} RETURN n "
            f"UNION WITH asked AS id, at {version} WITH n WHERE {passes('n')} RETURN n }} "
            "RETURN collect([asked, n.id]) AS pairs, collect(DISTINCT n) AS fs } "
            f"WITH *, {few.format('fs', '', 'most')} AS few "
            f"{ties.format('few', 'most', links=links)} RETURN collect(e) AS es, {ends} AS ends, collect(DISTINCT o) AS os }} "
            f"WITH *, {few.format('os', 'NOT n IN fs AND ', 'round')}[..{_RING}] AS ring "
            f"{ties.format('ring', 'round', links=links)} RETURN collect(e) AS far, {ends} AS beyond }} "
            f"CALL (at, fs) {{ UNWIND fs AS f UNWIND [f.id] + coalesce(f._aliases, []) AS id {claims_about('')} "
            "RETURN collect([id, c.row, c.since]) AS said } MATCH (g:OrgContextGraph {name: $graph}) "
            f"RETURN pairs, said, {as_columns('n', ENTITY_READ, 'fs')}, {as_columns('n', ENTITY_READ, 'os')}, {as_columns('e', RELATION_READ, 'es')}, "
            f"{as_columns('e', RELATION_READ, 'far')}, ends, beyond, [n IN few | n.id] AS few, [n IN ring | n.id] AS ring, g.kinds AS kinds"
        )
        most = min(_TIES, _TIED // len(ids))
        answer = look.ask(body, ids=list(ids), most=most, round=_ROUND, **seen.parameters)
        self.asked.update(ids)
        for asked, own in answer["pairs"]:
            self.named.setdefault(asked, []).append(own)
        found, around = (seen.rows(columns_of(answer, some, ENTITY_READ)) for some in ("fs", "os"))
        self.rows.update({row.id: (number, row) for number, row in (found | around).items()})
        self.claims.update({id_: [] for row in found.values() for id_ in (row.id, *row.aliases)})
        for id_, *claim in answer["said"]:
            self.claims[id_].append(told_claim(*claim))
        self._tie(answer, ("few", "es", "ends"), most=most)
        self._tie(answer, ("ring", "far", "beyond"), most=_ROUND)

    def _tie(self, answer: Mapping[str, Any], names: tuple[str, str, str], *, most: int) -> None:
        """Know the relations of those that have no more than `most`, which an earlier revision may have exceeded."""
        those, rows, ends = names
        numbers = {kind: place for place, kind in enumerate(answer["kinds"])}
        held: dict[str, dict[tuple[int, int, int], tuple[RelationRow, tuple[str, str]]]] = {id_: {} for id_ in answer[those]}
        many = Counter[str]()
        for (out, kind, *pair, since, until), *said in zip(answer[ends], *columns_of(answer, rows, RELATION_READ), strict=True):
            (one, source), (other, target) = (pair[:2], pair[2:]) if out else (pair[2:], pair[:2])
            held[pair[1]][one, numbers[kind], other] = relation_row((source, kind, target), said), (since, until)
            many[pair[1]] += 1
        self.ties.update({id_: ties for id_, ties in held.items() if many[id_] <= most})


class Question:
    """What was read while one question is answered: the revision that it is about, and answers that are not asked for again."""

    def __init__(self) -> None:
        self.number: int | None = None
        self.answers: dict[tuple[Hashable, ...], Any] = {}
        self.near: dict[tuple[int, int | None], Near] = {}
        self.revisions: dict[int, str] = {}
        self._filters: list[Filter] = []

    def claims(self, at: int | None) -> dict[str, list[Claim]]:
        """The claims about things that were named, by their ids as claimed."""
        return {id_: said for (_, then), near in self.near.items() if then == at for id_, said in near.claims.items()}

    def around(self, where: Filter, at: int | None) -> Near:
        """What is known of what this filter lets through in this revision, whatever the day."""
        return self.near.setdefault((self.place(any_day(where)), at), Near())

    def keep(self, near: Near, where: Filter, at: int | None) -> None:
        """Know it of this revision, too: of the newest one it is known only when it was read which that is."""
        self.near[self.place(any_day(where)), at] = near

    def place(self, where: Filter) -> int:
        """The number of this filter among those that were used."""
        for place, known in enumerate(self._filters):
            if known is where or known == where:
                return place
        self._filters.append(where)
        return len(self._filters) - 1
