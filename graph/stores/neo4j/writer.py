"""The one who may write to a graph: small transactions, each sure that nobody else took over, and how all of it is undone.

Apart from the draft, which says what is written: what a dead writer left is undone here before a draft begins.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any
from uuid import uuid4

from neo4j import Session, Transaction

from graph.errors import Conflict
from graph.model import Filter
from graph.stores.base import RelationKey, RelationRow
from graph.stores.neo4j.change import NATIVE, WAITING, Change, Put, Statement, Stood, Tied, by_kind
from graph.stores.neo4j.cypher import Seen
from graph.stores.neo4j.rows import BATCH, ENTITY_READ, MARK, PAGE, RELATION_READ, in_chunks, relation_row
from graph.stores.neo4j.server import TURN, literal

_TRACES = (
    ("OrgContextClaim", "n.since > $p.head", "DELETE n"),
    ("OrgContextIdentity", "n.since > $p.head", "DELETE n"),
    ("OrgContextClaim", "n.until > $p.head", "SET n.until = 0"),
    ("OrgContextRevision", "n.number > $p.head", "DELETE n"),
    ("OrgContextFacet", "n.since > $p.head", "DELETE n"),
    ("OrgContextNumber", "n.since > $p.head", "DELETE n"),
)
_NATIVE_OF = "(a:Entity {_graph: $graph, id: n.source})-[e]->(b:Entity {_graph: $graph, id: n.target}) WHERE type(e) = n.kind"
_COPIES = (
    (
        "OrgContextEntity",
        f"n._until > $p.head AND EXISTS {{ MATCH (m:Entity {{_graph: $graph, id: n.id}}) WHERE m._since >= {MARK} }}",
        f"MATCH (m:Entity {{_graph: $graph, id: n.id}}) SET m._since = m._since - {MARK}",
    ),
    (
        "OrgContextRelation",
        f"EXISTS {{ MATCH {_NATIVE_OF} AND e._since >= {MARK} }}",
        f"MATCH {_NATIVE_OF} AND e._since >= {MARK} SET e._since = e._since - {MARK}",
    ),
    ("OrgContextWaiting", f"n._since >= {MARK}", f"SET n._since = n._since - {MARK}"),
    ("OrgContextEntity", "n._until > $p.head", "DELETE n"),
    ("OrgContextRelation", "n._until > $p.head", "DELETE n"),
    (
        "OrgContextWaiting",
        f"EXISTS {{ MATCH {_NATIVE_OF} AND e._since > 0 }}",
        "DELETE n",
    ),
)
_BACK = (
    "UNWIND $p.rows AS r MATCH (g:OrgContextGraph {name: $graph}) "
    "SET g.entities = g.entities_before, g.kinds = g.kinds[..g.kinds_before], g.state = g.state + $p.turn"
)


class Writer:
    """The one who may write to a graph, and how: in small transactions, each of which makes sure that nobody else took over."""

    def __init__(self, session: Session, name: str, *, at_once: int, inside: Transaction | None) -> None:
        self._session, self.name, self._at_once, self._token = session, name, at_once, uuid4().hex
        self._inside: Transaction | None = None  # undoing what a dead writer left is no part of a dry draft
        self.wrote = False
        self._placed: dict[str, str] = {}  # by id, the server's names of nodes that were created here
        ((state, self.entities, kinds, drafting, forgetting, self.waiting),) = session.run(
            "MATCH (g:OrgContextGraph {name: $graph}) SET g.writer = $token, g.reserved = 0 RETURN g.state, g.entities, g.kinds, "
            "coalesce(g.drafting, false), g.forgetting IS NOT NULL, EXISTS { MATCH (x:OrgContextWaiting) WHERE x._graph = $graph }",
            graph=name,
            token=self._token,
        ).values() or [[0, 0, [], False, False, False]]
        self.kinds: list[str] = kinds
        self.head = state % TURN
        if drafting:
            self.undo()
        if forgetting:
            self.forget()
        self._inside = inside

    def ask(self, text: str, /, **parameters: Any) -> Any:
        """What a statement returns in its only row and column; it sees all that was written so far."""
        run = self._inside.run if self._inside else self._session.run
        ((answer,),) = run(literal(text), graph=self.name, p=parameters).values()
        return answer

    def write(self, *statements: Statement, whole: bool = False) -> None:
        """Commit these one by one, or, if they are few rows or must be `whole`, together; `Conflict` if another writer took over meanwhile."""
        chunks = [chunk for statement in statements if statement.rows for chunk in statement.chunks()]
        if whole or not self.many(sum(len(chunk.rows) for chunk in chunks)):
            self._commit(chunks)
        else:
            for chunk in chunks:
                self._commit([chunk])

    def write_ahead(self, statements: Iterable[Statement]) -> None:
        """Commit these one by one, each while the next is worked out."""
        with ThreadPoolExecutor(1) as beside:
            going = beside.submit(self._commit, [])
            for chunk in chain.from_iterable(statement.chunks() for statement in statements):
                going.result()
                going = beside.submit(self._commit, [chunk])
            going.result()

    def many(self, rows: int) -> bool:
        """Whether so many rows are too many for one transaction."""
        return rows > self._at_once

    def _commit(self, statements: Sequence[Statement]) -> None:
        if not statements:
            return
        if self._inside:
            self._run(self._inside, statements)
            return
        with self._session.begin_transaction() as transaction:
            self._make_sure(transaction)
            self._run(transaction, statements)
            transaction.commit()

    def _run(self, transaction: Transaction, statements: Sequence[Statement]) -> None:
        for text, rows, parameters, places, joins in statements:
            sent = [[self._placed[row[0]], self._placed[row[1]], *row[2:]] for row in rows] if joins else rows
            result = transaction.run(literal(text), graph=self.name, p={**parameters, "rows": sent})
            if places:
                ((pairs,),) = result.values()
                self._placed.update(pairs)
            result.consume()

    def _make_sure(self, transaction: Transaction) -> None:
        """Lock the graph's node for this transaction, and see that this writer is still the one."""
        text = "MATCH (g:OrgContextGraph {name: $graph}) SET g.drafting = true WITH g WHERE g.writer = $token RETURN g.state"
        state = transaction.run(text, graph=self.name, token=self._token).values()
        if not state or state[0][0] % TURN != self.head:
            message = f"another writer took over the graph {self.name!r}; nothing was published, try again"
            raise Conflict(message)
        self.wrote = True

    # what stands on the server

    def stood(self, ids: Iterable[str]) -> dict[str, Stood]:
        """The native entities among these ids."""
        text = (
            "UNWIND $p.ids AS id MATCH (n:Entity {_graph: $graph, id: id}) "
            "RETURN collect([n.id, n._number, n._since, split(n._facet, ' ')[0], n._digest, coalesce(n._aliases, [])])"
        )
        rows = chain.from_iterable(self.ask(text, ids=chunk) for chunk in in_chunks(ids, PAGE))
        return {id_: Stood(number, since, kind, digest, tuple(aliases)) for id_, number, since, kind, digest, aliases in rows}

    def tied(self, keys: Iterable[RelationKey]) -> dict[RelationKey, Tied]:
        """The living relations among these keys; where one is being made native, it counts as native."""
        keys = list(keys)
        found: dict[RelationKey, Tied] = {}
        if self.waiting:
            text = f"UNWIND $p.rows AS r {WAITING} RETURN collect([r, w._since, w._digest])"
            for chunk in in_chunks(keys, PAGE):
                found.update(
                    {
                        (key[0], key[1], key[2]): Tied(since, native=False, digest=digest)
                        for key, since, digest in self.ask(text, rows=chunk)
                    }
                )
        for kind, ends in by_kind((source, kind, target, None) for source, kind, target in keys).items():
            text = f"UNWIND $p.rows AS r {NATIVE.format(kind)} RETURN collect([r[0], r[1], e._since, e._digest])"
            for chunk in in_chunks(ends, PAGE):
                found.update(
                    {
                        (one, kind, other): Tied(since, native=True, digest=digest)
                        for one, other, since, digest in self.ask(text, rows=chunk)
                    }
                )
        return found

    def waiting_at(self, ids: Sequence[str]) -> dict[RelationKey, tuple[RelationRow, int]]:
        """The relations that wait and have one of these ids at an end, each with the revision in which it began."""
        text = (
            "UNWIND $p.ids AS id CALL (id) { MATCH (e:OrgContextWaiting {_graph: $graph, source: id}) RETURN e UNION ALL "
            "MATCH (e:OrgContextWaiting {_graph: $graph, target: id}) RETURN e } "
            f"RETURN collect([[e.source, e.kind, e.target], e._since, {', '.join(f'e.{name}' for name in RELATION_READ)}])"
        )
        found = chain.from_iterable(self.ask(text, ids=chunk) for chunk in in_chunks(ids, PAGE)) if self.waiting else ()
        return {(key[0], key[1], key[2]): (relation_row(key, said), since) for key, since, *said in found}

    # leaving no trace

    def undo(self) -> None:
        """Bring everything back to the newest revision: what a writer began and did not end."""
        with self._session.begin_transaction() as transaction:
            self._make_sure(transaction)
            transaction.commit()
        self._sweep(_TRACES)
        if self.ask("MATCH (g:OrgContextGraph {name: $graph}) RETURN g.state") // TURN % 2:
            change = Change(self, *self._before(), until=None)
            self.write(*change.copies())
            self.write(*change.native())
            self.write(Statement(_BACK, [0], {"turn": TURN}))
        self._sweep(_COPIES)
        ((self.entities, self.kinds, self.waiting),) = self._session.run(
            "MATCH (g:OrgContextGraph {name: $graph}) SET g.drafting = false RETURN g.entities, g.kinds, "
            "EXISTS { MATCH (x:OrgContextWaiting) WHERE x._graph = $graph }",
            graph=self.name,
        ).values()
        self.wrote = False

    def forget(self) -> None:
        """Take away what a compaction gave up; nobody reads it any more, so that what a dying writer leaves of it does no harm."""
        before, *kept = self.ask("MATCH (g:OrgContextGraph {name: $graph}) RETURN g.forgetting")
        over = "{0}.{2} > 0 AND {0}.{2} <= $p.before AND none(one IN $p.kept WHERE {0}.{1} <= one AND {0}.{2} > one)"
        labels = (("Entity", "_since", "_until"), ("Relation", "_since", "_until"), ("Claim", "since", "until"))
        known = (  # the claims that have identity values, each together with those
            "MATCH (s:OrgContextIdentity) WHERE s._graph = $graph MATCH (c:OrgContextClaim {_graph: $graph, key: s.claim}) "
            f"WHERE c.since = s.since AND {over.format('c', 'since', 'until')} WITH c, collect(s) AS values LIMIT {BATCH} "
            "FOREACH (s IN values | DELETE s) DETACH DELETE c RETURN count(*)"
        )
        rest = (
            f"MATCH (n:OrgContext{label}) WHERE n._graph = $graph AND {over.format('n', since, until)} "
            f"WITH n LIMIT {BATCH} DETACH DELETE n RETURN count(*)"
            for label, since, until in labels
        )
        for text in (known, *rest):
            while self.ask(text, before=before, kept=kept):
                pass
        self.ask("MATCH (g:OrgContextGraph {name: $graph}) REMOVE g.forgetting RETURN count(*)")

    def _sweep(self, what: Iterable[tuple[str, str, str]]) -> None:
        """Do something to all that has a label and fulfils a condition, until nothing does any more."""
        for label, condition, action in what:
            text = f"MATCH (n:{label}) WHERE n._graph = $graph AND {condition} WITH n LIMIT {BATCH} {action} RETURN count(*)"
            while self.ask(text, head=self.head):
                pass

    def _before(self) -> tuple[dict[str, Put | None], dict[RelationKey, tuple[RelationRow, int] | None]]:
        """What the facts that a publish had begun to change were before; marked, for they are read from the copies until all is back."""
        seen = Seen(Filter())
        native = "MATCH (n:Entity) WHERE n._graph = $graph AND n._since > $p.head RETURN collect(n.id)"
        entities: dict[str, Put | None] = dict.fromkeys(self.ask(native, head=self.head))
        closed = "MATCH (n:OrgContextEntity) WHERE n._graph = $graph AND n._until > $p.head"
        for since, *said in self.ask(
            f"{closed} RETURN collect([n._since, {', '.join(f'n.{name}' for name in ENTITY_READ)}])", head=self.head
        ):
            ((number, row),) = seen.rows([[value] for value in said]).items()
            entities[row.id] = Put(row, MARK + since, number)
        native = (
            "MATCH (a:Entity)-[e]->(b:Entity) WHERE a._graph = $graph AND b._graph = $graph AND e._since > $p.head AND e._since < $p.mark"
        )
        aside = "MATCH (e:OrgContextWaiting) WHERE e._graph = $graph AND e._since > $p.head AND e._since < $p.mark"
        fresh = (f"{native} RETURN collect([a.id, type(e), b.id])", f"{aside} RETURN collect([e.source, e.kind, e.target])")
        relations: dict[RelationKey, tuple[RelationRow, int] | None] = {
            (key[0], key[1], key[2]): None for text in fresh for key in self.ask(text, head=self.head, mark=MARK)
        }
        ended = "MATCH (e:OrgContextRelation) WHERE e._graph = $graph AND e._until > $p.head"
        read = ", ".join(f"e.{name}" for name in RELATION_READ)
        for key, since, *said in self.ask(f"{ended} RETURN collect([[e.source, e.kind, e.target], e._since, {read}])", head=self.head):
            relations[key[0], key[1], key[2]] = (relation_row(key, said), MARK + since)
        return entities, relations
