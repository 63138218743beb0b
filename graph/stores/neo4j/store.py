"""The store itself: the questions that it is asked, each as pieces of Cypher put together, and the way to a draft."""

from __future__ import annotations

# pyright: reportUnknownMemberType=false
# (the driver types its options as unknown)
import os
import re
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Generator, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import datetime
from itertools import starmap
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from neo4j import READ_ACCESS, GraphDatabase, Query, Session
from neo4j.exceptions import DriverError, Neo4jError, TransientError

from graph.errors import InputError, StoreBusy
from graph.model import Event, Facet, Filter, Revision
from graph.stores.base import (
    SEAL,
    Called,
    Claim,
    EntityRow,
    Limit,
    Made,
    Misplaced,
    RelationKey,
    RelationRow,
    Rule,
    Tally,
    Version,
    Walked,
    any_day,
    day_of,
    sealed,
    told,
)
from graph.stores.neo4j.claims import LIVE, claim_order, claims_about, told_claim
from graph.stores.neo4j.cypher import IN_PAGE, Seen, Way, links_along, passes, state_of, states_where
from graph.stores.neo4j.derived import Derived
from graph.stores.neo4j.draft import Neo4jDraft
from graph.stores.neo4j.reading import Look, Moved, Near, Question, pages_of
from graph.stores.neo4j.rows import ENTITY_READ, PAGE, RELATION_READ, T, as_columns, columns_of, hashed, in_chunks, moment, relation_row
from graph.stores.neo4j.search import Sought, search_statement
from graph.stores.neo4j.server import NOTE, TURN, literal, make_ready, stopped, translated
from graph.stores.neo4j.walk import walk_statement
from graph.stores.neo4j.writer import Writer

_TEXTS = 200  # that are looked for in one statement
_SOON = 1000  # entities in which a word is looked for before the index is asked for all that have it
_NEAR = 100  # things that a question may name for all that is near them to be read with them
_RETRIED = 10.0  # seconds for which a small thing is written again that did not get through
_LONGEST = 60.0  # seconds for which a read is tried again while others publish

_NAME = re.compile(r"[\w.-]{1,100}", re.ASCII)

_SPAN = "WITH *, CASE WHEN {0}._until <= at THEN {0}._until ELSE 0 END AS until WHERE {0}._since > $p.after OR until > $p.after"
_AMONG = (
    "CALL (at, spans, ties) { MATCH (r:OrgContextRevision) WHERE r._graph = $graph AND r.number <= at "
    "AND (any(one IN spans WHERE r.number IN one) OR any(one IN ties WHERE r.number IN one[1..])) "
    "RETURN collect([r.number, r.text]) AS revisions } "
)


def connect(url: str) -> Neo4jStore:
    """The store at `neo4j://host:7687/database?graph=name` (also `bolt`, `+s`, `+ssc`); without them the home database and `orgcontext`.

    User and password come from NEO4J_USERNAME (default: neo4j) and NEO4J_PASSWORD, never from the address: `InputError`.
    """
    parts = urlsplit(url)
    if parts.username or parts.password:
        message = (
            f"{parts.hostname}: an address holds no user and password; set NEO4J_USERNAME and NEO4J_PASSWORD in the environment instead"
        )
        raise InputError(message)
    asked = parse_qs(parts.query)
    if unknown := asked.keys() - {"graph"}:
        message = f"{url!r}: {', '.join(sorted(unknown))} is not known here; write neo4j://host:7687/database?graph=name"
        raise InputError(message)
    return Neo4jStore(
        f"{parts.scheme}://{parts.netloc}",
        user=os.environ.get("NEO4J_USERNAME") or "neo4j",
        password=os.environ.get("NEO4J_PASSWORD", ""),
        database=unquote(parts.path.strip("/")) or None,
        name=asked.get("graph", ["orgcontext"])[0],
    )


class Neo4jStore:
    """A `Store` in a Neo4j database; its constraints and indexes are made at first use.

    `name` is the graph's name in the database, `patience` how many seconds a writer waits for another, `at_once` up to how many rows a publish
    is one transaction also for those who read with Cypher (the server's heap must hold it, some 5 kB a row). `StoreError` for a server that is
    not reachable, too old, or does not know the account, and for a graph that a newer program wrote.
    """

    def __init__(
        self,
        uri: str,
        *,
        user: str,
        password: str,
        database: str | None = None,
        name: str = "orgcontext",
        patience: float = 5.0,
        at_once: int = 20_000,
    ) -> None:
        if not _NAME.fullmatch(name):
            message = f"{name!r} cannot name a graph: up to 100 letters, digits, dots, hyphens and underscores"
            raise InputError(message)
        self._uri, self._name, self._patience, self._at_once = uri, name, patience, at_once
        self._head = 0
        self._told = 0
        with translated(uri):
            self._driver = GraphDatabase.driver(uri, auth=(user, password), notifications_min_severity="OFF", user_agent="orgcontext")
        self._bookmarks = GraphDatabase.bookmark_manager()
        self._database = database
        self._question: ContextVar[Question | None] = ContextVar("question", default=None)
        try:
            with translated(uri), self._session() as session:
                make_ready(session, uri, name, agent=self._driver.get_server_info().agent)
        except BaseException:
            self._driver.close()
            raise

    def _session(self, **options: Any) -> Session:
        return self._driver.session(database=self._database, bookmark_manager=self._bookmarks, **options)

    def close(self) -> None:
        with suppress(DriverError, Neo4jError):
            self._driver.close()

    @contextmanager
    def question(self) -> Generator[None]:
        token = self._question.set(Question())
        try:
            yield
        finally:
            self._question.reset(token)

    def _pinned(self, at: int | None) -> int | None:
        """The revision that is read: within a question the newest one is that of its first read."""
        asked = self._question.get()
        return asked.number if asked and at is None else at

    def _once(self, at: int | None, key: tuple[Hashable, ...], question: Callable[[Look], T]) -> T:
        """The same as `_read`; within a question it is asked once."""
        asked = self._question.get()
        if asked is None:
            return self._read(at, question)
        if (self._pinned(at), key) not in asked.answers:
            answer = self._read(at, question)
            asked.answers[self._pinned(at), key] = answer
        return asked.answers[self._pinned(at), key]

    def _read(self, at: int | None, question: Callable[[Look], T]) -> T:
        """The answer of one revision: asked again while a publish goes on between its first statement and its last."""
        at, asked = self._pinned(at), self._question.get()
        until = time.monotonic() + _LONGEST
        past = at is not None and at < self._head
        while time.monotonic() < until:
            try:
                with translated(self._uri), self._session(default_access_mode=READ_ACCESS) as session:
                    look = Look(session, self._name, at, past=past)
                    answer = question(look)
            except Moved as moved:
                turn, self._head = divmod(moved.state, TURN)
                past = turn % 2 == 1 or (at is not None and at < self._head)
            else:
                self._head = (look.state or 0) % TURN or self._head
                if asked and asked.number is None and at is None:
                    asked.number = (look.state or 0) % TURN
                return answer
        message = f"{self._uri}: others have been publishing for {_LONGEST:.0f} seconds; try again"
        raise StoreBusy(message)

    # what there is

    def head(self) -> Revision | None:
        return self._newest()[0]

    def facets(self) -> frozenset[Facet]:
        return self._newest()[1]

    def _newest(self) -> tuple[Revision | None, frozenset[Facet]]:
        """The newest revision, and the facets that there are: whoever asks for the one soon asks for the other."""
        body = (
            "OPTIONAL MATCH (r:OrgContextRevision {_graph: $graph, number: at}) WITH at, [r.number, r.text] AS said "
            "CALL (at) { MATCH (f:OrgContextFacet) WHERE f._graph = $graph AND f.since <= at RETURN collect([f.kind, f.sensitivity]) AS facets } "
            "RETURN said, facets"
        )
        answer = self._once(None, ("newest",), lambda look: dict(look.ask(body)))
        number, text = answer["said"]
        if text and (asked := self._question.get()):
            asked.revisions[number] = text
        return told(number, text) if text else None, frozenset(Facet(*pair) for pair in answer["facets"])

    def revisions(self, numbers: Collection[int] | None = None) -> Iterator[Revision]:
        wanted = None if numbers is None else sorted(numbers)
        asked = self._question.get()
        if asked and wanted is not None and asked.revisions.keys() >= set(wanted):
            return starmap(told, [(number, asked.revisions[number]) for number in wanted])
        body = (
            "MATCH (r:OrgContextRevision) WHERE r._graph = $graph AND r.number <= at AND ($p.numbers IS NULL OR r.number IN $p.numbers) "
            "WITH r ORDER BY r.number RETURN collect([r.number, r.text]) AS said"
        )
        key = ("revisions", None if wanted is None else tuple(wanted))
        return starmap(told, self._once(None, key, lambda look: look.ask(body, numbers=wanted)["said"]))

    def resolve(self, ids: Collection[str], where: Filter, *, at: int | None = None) -> dict[str, str]:
        def question(look: Look) -> dict[str, str]:
            seen = Seen(where)
            direct = f"WITH asked AS id, at {state_of('id', past=look.past)}"
            aliased = f"MATCH (a:OrgContextAlias {{_graph: $graph, alias: asked}}) WITH DISTINCT asked, a.id AS id, at {state_of('id', past=look.past)}"
            body = (
                f"UNWIND $p.ids AS asked CALL (asked, at) {{ {aliased} WITH asked, n WHERE asked IN n._aliases AND {passes('n')} "
                f"RETURN n.id AS own, 0 AS rank UNION ALL {direct} WITH n WHERE {passes('n')} RETURN n.id AS own, 1 AS rank }} "
                "WITH asked, own ORDER BY rank RETURN collect([asked, own]) AS pairs"
            )
            found: dict[str, str] = {}
            for chunk in in_chunks(ids, PAGE):
                found.update(look.ask(body, ids=chunk, **seen.parameters)["pairs"])
            return found

        if near := self._near(ids, where, at):
            return {id_: own for id_ in ids if (own := near.own(id_, day_of(where)))}
        found = self._once(at, ("resolve", tuple(ids), self._place(where)), question) if ids else {}
        return {id_: found[id_] for id_ in ids if id_ in found}

    # within a question

    def _place(self, where: Filter) -> int:
        """The number of a filter among those of the question."""
        asked = self._question.get()
        return asked.place(where) if asked else 0

    def _meet(self, rows: Mapping[int, EntityRow], where: Filter, at: int | None) -> None:
        """Know these rows in the rest of the question."""
        if asked := self._question.get():
            asked.around(where, self._pinned(at)).rows.update({row.id: (number, row) for number, row in rows.items()})

    def _near(self, ids: Collection[str], where: Filter, at: int | None, *, tied: bool = False) -> Near | None:
        """What is known of all these things in this question, read if they are few; None where it is not. `tied`: their relations too."""
        asked = self._question.get()
        if asked is None:
            return None
        near, day = asked.around(where, self._pinned(at)), day_of(where)
        unknown = [id_ for id_ in dict.fromkeys(ids) if not near.knows(id_, day, tied=tied)]
        if len(unknown) > _NEAR:
            return None
        if unknown:
            self._read(at, lambda look: near.read(look, Seen(any_day(where)), unknown))
            asked.keep(near, where, self._pinned(at))
        return near

    def entities(
        self, where: Filter, *, ids: Collection[str] | None = None, kinds: Collection[str] | None = None, at: int | None = None
    ) -> Iterator[EntityRow]:
        near = self._near(ids, where, at) if ids is not None else self._every(where, at, read=kinds is None)
        if near:
            known = near.entities(near.rows if ids is None else ids, day_of(where))
            found = {number: row for number, row in known.items() if kinds is None or row.kind in kinds}
            return iter([found[number] for number in sorted(found)])
        found = self._read(at, lambda look: self._entities(look, Seen(where, kinds), ids))
        self._meet(found, where, at)
        return iter([found[number] for number in sorted(found)])

    def _every(self, where: Filter, at: int | None, *, read: bool) -> Near | None:
        """All rows there are, whatever the day, known for the rest of the question; None outside of one, or where they are not to be `read` yet."""
        asked = self._question.get()
        if asked is None:
            return None
        near = asked.around(where, self._pinned(at))
        if read and not near.whole:
            near.fill(self._read(at, lambda look: self._entities(look, Seen(any_day(where)), None)))
            asked.keep(near, where, self._pinned(at))
        return near if near.whole else None

    def _entities(self, look: Look, seen: Seen, ids: Collection[str] | None) -> dict[int, EntityRow]:
        """The visible entities, among these ids or of all, by number."""
        found: dict[int, EntityRow] = {}
        if ids is not None:
            chosen = f"UNWIND $p.ids AS id {state_of('id', past=look.past)} WITH n WHERE {passes('n')}"
            pages: Iterable[dict[str, Any]] = ({"ids": chunk} for chunk in in_chunks(dict.fromkeys(ids), PAGE))
        else:
            chosen = states_where(f"{IN_PAGE.format('n')} AND {passes('n')}", past=look.past)
            pages = pages_of(look)
        body = f"{chosen} WITH collect(n) AS ns RETURN {as_columns('n', ENTITY_READ, 'ns')}"
        for page in pages:
            found.update(seen.rows(columns_of(look.ask(body, **page, **seen.parameters), "ns", ENTITY_READ)))
        return found

    def relations(
        self,
        where: Filter,
        *,
        touching: Collection[str] | None = None,
        kinds: Collection[str] | None = None,
        at: int | None = None,
    ) -> Iterator[RelationRow]:
        near = self._near(touching, where, at, tied=True) if touching is not None else None
        known = near.relations(touching, day_of(where)) if near and touching is not None else None
        if known is not None:
            found = {key: row for key, row in known.items() if kinds is None or row.kind in kinds}
        else:
            whole = None if kinds is None else tuple(sorted(kinds))
            places = None if touching is None else tuple(sorted(touching))
            found = self._once(
                at, ("relations", places, whole, self._place(where)), lambda look: self._relations(look, Seen(where), touching, kinds)
            )
        return iter([found[key] for key in sorted(found)])

    @staticmethod
    def _relations(
        look: Look, seen: Seen, touching: Collection[str] | None, wanted: Collection[str] | None
    ) -> dict[tuple[int, int, int], RelationRow]:
        """The visible relations, at these ids or all, by the numbers of source, kind and target."""
        kinds = seen.relations(wanted)
        if touching is not None:
            links = links_along([Way(kinds, outward=True), Way(kinds, outward=False)], past=look.past)
            chosen = f"UNWIND $p.ids AS id {state_of('id', 'f', past=look.past)} WITH f, at WHERE {passes('f')}"
            pages: Iterable[dict[str, Any]] = ({"ids": chunk} for chunk in in_chunks(dict.fromkeys(touching), PAGE // 10))
        else:
            links = links_along([Way(kinds, outward=True)], past=look.past)
            chosen = states_where(f"{IN_PAGE.format('f')} AND {passes('f')}", "f", past=look.past)
            pages = pages_of(look)
        body = (
            f"{chosen} {links} WITH collect(e) AS es, collect([out, kind, f._number, f.id, o._number, o.id]) AS ends "
            "MATCH (g:OrgContextGraph {name: $graph}) "
            f"RETURN {as_columns('e', RELATION_READ, 'es')}, ends, g.kinds AS kinds"
        )
        found: dict[tuple[int, int, int], RelationRow] = {}
        for page in pages:
            answer = look.ask(body, **page, **seen.parameters)
            numbers = {kind: place for place, kind in enumerate(answer["kinds"])}
            for (out, kind, *ends), *said in zip(answer["ends"], *columns_of(answer, "es", RELATION_READ), strict=True):
                (one, source), (other, target) = (ends[:2], ends[2:]) if out else (ends[2:], ends[:2])
                found[one, numbers[kind], other] = relation_row((source, kind, target), said)
        return found

    def walk(self, anchors: Sequence[str], rules: Sequence[Rule], where: Filter, *, limit: Limit, at: int | None = None) -> Walked:
        def question(look: Look) -> Walked:
            seen = Seen(where)
            hops = min(limit.hops, max((rule.depth for rule in rules), default=0))
            body, ranks = walk_statement(seen, rules, hops, past=look.past)
            answer = look.ask(
                body,
                options="" if look.past else "CYPHER replan=skip ",  # the plan cannot be another, and takes a second to make
                anchors=list(dict.fromkeys(anchors)),
                ranks=ranks,
                ways=len(rules) + 1,
                entities=limit.entities,
                relations=limit.relations,
                most=2 * limit.relations + 2,
                **seen.parameters,
            )
            entities = seen.rows(columns_of(answer, "known", ENTITY_READ))
            ids: dict[Any, Any] = {number: row.id for number, row in entities.items()}
            said = zip(answer["keys"], *columns_of(answer, "rows", RELATION_READ), strict=True)
            relations = [  # the keys of an old revision name the ends already
                relation_row((ids.get(one, one), kind, ids.get(other, other)), rest) for (one, kind, other), *rest in said
            ]
            self._meet(entities, where, at)
            reached = [hop for hop, size in enumerate(answer["levels"]) for _ in range(size)]
            return Walked(list(entities.values()), reached, relations, answer["cut"])

        return self._read(at, question)

    # searching

    def search(
        self, text: str, where: Filter, *, limit: int, kinds: Collection[str] | None = None, at: int | None = None
    ) -> list[EntityRow]:
        return self.searches([(text, kinds)], where, limit=limit, at=at)[0]

    def searches(
        self, asked: Sequence[tuple[str, Collection[str] | None]], where: Filter, *, limit: int, at: int | None = None
    ) -> list[list[EntityRow]]:
        def question(look: Look) -> list[list[EntityRow]]:
            seen = Seen(where)
            said = [Sought(text, kinds, self._name) for text, kinds in asked]
            masked = sorted(kind for kind, names in where.masked.items() if names)
            body = search_statement(past=look.past, masked=bool(masked), exact=any(one.inexact for one in said))
            found: list[list[EntityRow]] = []
            for chunk in in_chunks((one.parameters for one in said), _TEXTS):
                answer = look.ask(body, asked=chunk, masked=masked, limit=limit, soon=_SOON, **seen.parameters)
                rows, some = seen.rows(columns_of(answer, "ns", ENTITY_READ)), [list[EntityRow]() for _ in chunk]
                for place, number in answer["found"]:
                    some[place].append(rows[number])
                self._meet(rows, where, at)
                found += some
            return found

        key = ("search", *((text, None if kinds is None else tuple(kinds)) for text, kinds in asked), limit, self._place(where))
        return self._once(at, key, question) if asked else []

    def called(self, names: Collection[str], where: Filter, *, at: int | None = None) -> dict[str, list[Called]]:
        def question(look: Look) -> dict[str, list[Called]]:
            seen, found = Seen(where), defaultdict[str, list[Called]](list)
            body = (
                f"UNWIND $p.names AS a {states_where('n._folded = a[1]', past=look.past, given='a, at')} WITH DISTINCT a, n WHERE {passes('n')} "
                "WITH a, n ORDER BY n._number "
                "RETURN collect([a[0], n.id, split(n._facet, ' ')[0], coalesce(n.valid_from, ''), coalesce(n.valid_to, '')]) AS named"
            )
            for chunk in in_chunks(sorted({*names} - {""}), PAGE):
                for name, *said in look.ask(body, names=[[name, hashed(name)] for name in chunk], **seen.parameters)["named"]:
                    found[name].append(Called(*said))
            return dict(found)

        return self._once(at, ("called", tuple(sorted(names)), self._place(where)), question) if names else {}

    # history, claims, counts

    def versions(self, about: str | None = None, *, after: int = 0, upto: int | None = None) -> Iterator[Version]:
        return iter(self._once(upto, ("versions", about, after), lambda look: self._versions(look, about, after)))

    def _versions(self, look: Look, about: str | None, after: int) -> list[Version]:
        """They; and, of one thing, within a question, the revisions in which they began and ended."""
        seen = Seen(Filter())
        entities, relations = _version_spans(one=about is not None)
        body = (
            f"CALL (at) {{ {entities} }} CALL (at) {{ {relations} }} {_AMONG if about is not None else 'WITH *, [] AS revisions '}"
            f"RETURN revisions, {as_columns('n', ENTITY_READ, 'ns')}, spans, {as_columns('e', RELATION_READ, 'es')}, ties"
        )
        things, related = dict[tuple[int, int], Version](), dict[tuple[str, ...], Version]()
        for page in [{"about": about}] if about is not None else pages_of(look):
            answer = look.ask(body, after=after, **page)
            for (since, until), *said in zip(answer["spans"], *columns_of(answer, "ns", ENTITY_READ), strict=True):
                ((number, row),) = seen.rows([[value] for value in said]).items()
                things[number, since] = Version(row, since, until)
            for (key, since, until), *said in zip(answer["ties"], *columns_of(answer, "es", RELATION_READ), strict=True):
                related[(*key, f"{since:09}")] = Version(relation_row(key, said), since, until)
            if asked := self._question.get():
                asked.revisions.update(answer["revisions"])
        return [*(things[key] for key in sorted(things)), *(related[key] for key in sorted(related))]

    def claims(self, *, about: Collection[str] | None = None, source: str | None = None, at: int | None = None) -> Iterator[Claim]:
        own = " AND c.source = $p.source" if source is not None else ""
        if about is None:
            chosen = f"MATCH (c:OrgContextClaim) WHERE c._graph = $graph AND {LIVE}{own}"
        else:
            chosen = f"UNWIND $p.ids AS id {claims_about(own)}"
        body = f"{chosen} WITH collect(c) AS cs RETURN {as_columns('c', ('row', 'since'), 'cs')}"
        chunks = [[""]] if about is None else list(in_chunks(dict.fromkeys(about), PAGE))

        asked = self._question.get()
        said = asked.claims(self._pinned(at)) if asked else {}
        if source is None and about is not None and said.keys() >= set(about):
            return iter(sorted((claim for id_ in dict.fromkeys(about) for claim in said[id_]), key=claim_order))

        def question(look: Look) -> list[Claim]:
            answers = (look.ask(body, ids=chunk, source=source) for chunk in chunks)
            return [told_claim(*said) for answer in answers for said in zip(answer["cs0"], answer["cs1"], strict=True)]

        return iter(sorted(self._read(at, question), key=claim_order))

    def claimed(self, *, after: int = 0, upto: int | None = None) -> Iterator[Made]:
        body = (
            "MATCH (c:OrgContextClaim) WHERE c._graph = $graph AND c.since <= at AND (c.since > $p.after OR (c.until > $p.after AND c.until <= at)) "
            "RETURN collect([c.row, c.since, CASE WHEN c.until <= at THEN c.until ELSE 0 END]) AS made"
        )
        rows = self._read(upto, lambda look: look.ask(body, after=after)["made"])
        return (Made(told_claim(row, since), until) for row, since, until in rows)

    def kinds(self) -> list[str]:
        body = "MATCH (g:OrgContextGraph {name: $graph}) RETURN g.kinds AS kinds"
        return list(self._read(None, lambda look: look.ask(body)["kinds"]))

    def tally(self, where: Filter, *, at: int | None = None) -> Tally:
        def question(look: Look) -> Tally:
            seen = Seen(where)
            chosen, links = (
                states_where(passes("f"), "f", past=look.past),
                links_along([Way(seen.relations(), outward=True)], past=look.past),
            )
            related = "WITH kind, e._sources AS sources"
            if look.past:  # what is ended twice counts once
                chosen += " WITH f._number AS number, collect(f)[0] AS f, at"
                related = "WITH f._number AS one, kind, o._number AS other, collect(e._sources)[0] AS sources WITH kind, sources"
            entities = look.ask(
                f"{chosen} WITH f._facet AS kind, f._sources AS sources, count(*) AS number RETURN collect([kind, sources, number]) AS counts",
                **seen.parameters,
            )["counts"]
            relations = look.ask(
                f"{chosen} {links} {related}, count(*) AS number RETURN collect([kind, sources, number]) AS counts",
                **seen.parameters,
            )["counts"]
            return _tally([(facet.partition(" ")[0], sources, number) for facet, sources, number in entities], relations)

        return self._read(at, question)

    # beside the graph

    def notes(self, *prefixes: str) -> dict[str, str]:
        body = (
            "UNWIND $p.prefixes AS prefix MATCH (n:OrgContextNote) WHERE n._graph = $graph AND n.key STARTS WITH prefix "
            "RETURN collect([n.key, n.text]) AS pairs"
        )
        wanted = prefixes or ("",)
        found: dict[str, str] = self._once(None, ("notes", *wanted), lambda look: dict(look.ask(body, prefixes=list(wanted))["pairs"]))
        return {key: text for key, text in sorted(found.items()) if not key.startswith(SEAL)}

    def remember(self, key: str, text: str) -> None:
        self._say(NOTE, rows=[list(one) for one in sealed(key, text)])

    def record(self, event: Event) -> None:
        self._told = max(self._told + 1, time.time_ns())
        self._say(
            "MERGE (e:OrgContextEvent {_graph: $graph, at: $p.at, told: $p.told, text: $p.text})",
            at=moment(event.at),
            told=self._told,
            text=event.model_dump_json(),
        )

    def events(self, since: datetime | None = None, *, holding: str = "") -> Iterator[Event]:
        where = "e._graph = $graph AND e.at >= $p.since AND e.text CONTAINS $p.holding"
        body = f"MATCH (e:OrgContextEvent) WHERE {where} WITH e ORDER BY e.at, e.told RETURN collect(e.text) AS texts"
        texts = self._read(None, lambda look: look.ask(body, since=moment(since) if since else "", holding=holding)["texts"])
        return map(Event.model_validate_json, texts)

    def _say(self, text: str, /, **parameters: Any) -> None:
        """Write one small thing, in one round trip; it must be one that may be written twice, for who is cut off does not know if it was."""
        until = time.monotonic() + _RETRIED
        with translated(self._uri):
            while True:
                try:
                    with self._session() as session:
                        session.run(literal(text), graph=self._name, p=parameters).consume()
                except (DriverError, Neo4jError) as error:
                    if not error.is_retryable() or time.monotonic() > until:
                        raise
                    time.sleep(0.1)
                else:
                    break
        if asked := self._question.get():
            asked.answers.clear()

    # writing

    @contextmanager
    def draft(self, *, dry: bool = False) -> Generator[Neo4jDraft]:
        with translated(self._uri), self._session() as holding, self._session() as session:
            self._reserve(session)
            with holding.begin_transaction() as lock:
                lock.run("MATCH (w:OrgContextWriter {name: $graph}) SET w.touched = timestamp()", graph=self._name).consume()
                writer = Writer(session, self._name, at_once=self._at_once, inside=lock if dry else None)
                draft = Neo4jDraft(writer, dry=dry)
                try:
                    yield draft
                finally:
                    draft.leave()
                    lock.close()  # nothing in it is to stay; left to itself it would be committed

    def misplaced(self) -> Iterator[Misplaced]:
        with self.draft(dry=True), self._session() as session:  # while nobody writes, and after what a dead writer left was undone
            return iter(list(Derived(session, self._name).misplaced()))

    def mend(self, rows: Sequence[Version], gone: Collection[str | RelationKey]) -> None:
        with self.draft() as draft:
            draft.mend([one for one in rows if not one.until], gone)
        with self.draft(), self._session() as session:
            Derived(session, self._name).mend([one for one in rows if one.until])

    def _reserve(self, session: Session) -> None:
        """Wait until no other writer holds the graph's lock, and keep it free for a moment: whoever takes it then does not wait long."""
        until = time.monotonic() + self._patience
        text = (
            "MATCH (w:OrgContextWriter {name: $graph}) SET w.touched = timestamp() WITH w MATCH (g:OrgContextGraph {name: $graph}) "
            "WHERE coalesce(g.reserved, 0) < timestamp() SET g.reserved = timestamp() + 2000 RETURN g.name"
        )
        while (left := until - time.monotonic()) > 0:
            try:
                if session.run(Query(literal(text), timeout=left), graph=self._name).values():
                    return
            except Neo4jError as error:
                if not (isinstance(error, TransientError) or stopped(error)):
                    raise
            time.sleep(0.02)
        message = (
            f"{self._uri}: another writer has held the graph {self._name!r} for more than {self._patience:.0f} seconds; nothing was written"
        )
        raise StoreBusy(message)


def _version_spans(*, one: bool) -> tuple[str, str]:
    """The states of entities, and of relations, that began or ended after `$p.after`, with their spans: of one thing, or of a page of all."""
    mine = "n.id = $p.about" if one else IN_PAGE.format("n")
    states = " UNION ALL ".join(
        f"MATCH (n:{label}) WHERE n._graph = $graph AND {mine} AND n._since <= at RETURN n" for label in ("Entity", "OrgContextEntity")
    )
    entities = f"CALL (at) {{ {states} }} {_SPAN.format('n')} RETURN collect(n) AS ns, collect([n._since, until]) AS spans"
    native = "MATCH (a:Entity {_graph: $graph, id: $p.about})-[e]-(b:Entity)" if one else "MATCH (a:Entity)-[e]->(b:Entity)"
    page_of = "true" if one else IN_PAGE.format("a")
    aside = "$p.about IN [e.source, e.target]" if one else IN_PAGE.format("e")
    states = (
        f"{native} WHERE a._graph = $graph AND b._graph = $graph AND {page_of} AND e._since <= at "
        "RETURN e, startNode(e).id AS source, type(e) AS kind, endNode(e).id AS target UNION ALL "
        f"MATCH (e:OrgContextRelation) WHERE e._graph = $graph AND {aside} AND e._since <= at "
        "RETURN e, e.source AS source, e.kind AS kind, e.target AS target"
    )
    relations = (
        f"CALL (at) {{ {states} }} {_SPAN.format('e')} RETURN collect(e) AS es, collect([[source, kind, target], e._since, until]) AS ties"
    )
    return entities, relations


def _tally(entities: Iterable[Sequence[Any]], relations: Iterable[Sequence[Any]]) -> Tally:
    """Counts by kind and source, from (kind, sources, number)."""
    kinds: tuple[dict[str, int], dict[str, int]] = ({}, {})
    sources: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for which, counts in enumerate((entities, relations)):
        for kind, named, number in counts:
            kinds[which][kind] = kinds[which].get(kind, 0) + number
            for name in named:
                sources[name][which] += number
    return Tally(*kinds, {name: (pair[0], pair[1]) for name, pair in sources.items()})
