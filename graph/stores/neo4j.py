"""The server store: a Neo4j database (5.23 or later, Community too), in which people can use Cypher, Browser and Bloom on the current graph.

The current graph is native: `(:Entity:Person {id, name, …})-[:reports_to]->(:Entity:Position)`. All else stands aside under labels that
begin with `OrgContext`: claims, closed states, relations that wait for an end, revisions, notes, events. Every node of ours carries
`_graph`, the graph's name, so that several graphs and foreign data live in one database; what lacks it is never read or changed.

Neo4j commits no more than its heap holds, and shows a commit to readers piece by piece. So the state of a graph is one number
(`_TURN * turn + revision`), and a reader takes an answer only if that number stood still meanwhile. A publish goes in three steps, each
committed before the next begins: copies of all that will end and an odd turn; the native changes; the new number with an even turn.
While the turn is odd, readers read the older revision from the native facts that are left and the copies, and wait for nobody. What a
dead writer left is undone from the same copies by the next draft.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any, LiteralString, NamedTuple, TypeAlias, TypeVar, cast
from urllib.parse import parse_qs, unquote, urlsplit

from neo4j import Query
from neo4j.exceptions import (
    AuthError,
    ConfigurationError,
    ConstraintError,
    DriverError,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
    TransientError,
)

from graph.errors import InputError, StoreBusy, StoreError
from graph.model import Filter, Properties, PropertyValue, Scalar, canonical
from graph.stores.base import (
    EntityRow,
    RelationRow,
    fold,
    words_of,
)

SCHEMA_VERSION = 1
_OLDEST = (5, 23)  # the first server that knows `CALL (variables) {…}`
_TURN = 1 << 31
_PAGE = 5000  # entities in one answer of the server, and ids in one question
_BATCH = 2500  # rows in one statement that writes, and in one transaction of a large publish
_AT_ONCE = 20_000  # native rows up to which a publish is one transaction also for those who read with Cypher
_LONGEST = 60.0  # seconds for which a read is tried again while others publish
_LUCENE = 64  # words of one run that the full-text index is asked for; the rest is compared word by word
_LONG_WORD = 200  # characters: Lucene's tokenizer splits words above 255

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_NAME = re.compile(r"[\w.-]{1,100}", re.ASCII)
_CONTROL = "\x1f"

Columns: TypeAlias = list[Any]
T = TypeVar("T")

_SCHEMA = {
    "orgcontext_graph": "CONSTRAINT {} IF NOT EXISTS FOR (n:OrgContextGraph) REQUIRE n.name IS UNIQUE",
    "orgcontext_writer": "CONSTRAINT {} IF NOT EXISTS FOR (n:OrgContextWriter) REQUIRE n.name IS UNIQUE",
    "orgcontext_entity": "CONSTRAINT {} IF NOT EXISTS FOR (n:Entity) REQUIRE (n._graph, n.id) IS UNIQUE",
    "orgcontext_note": "CONSTRAINT {} IF NOT EXISTS FOR (n:OrgContextNote) REQUIRE (n._graph, n.key) IS UNIQUE",
    "orgcontext_text": (
        "FULLTEXT INDEX {} IF NOT EXISTS FOR (n:Entity|OrgContextEntity) ON EACH [n._graph, n._label, n._words, n._grams] "
        "OPTIONS {{indexConfig: {{`fulltext.analyzer`: 'whitespace', `fulltext.eventually_consistent`: false}}}}"
    ),
} | {
    f"orgcontext_{name}": f"INDEX {{}} IF NOT EXISTS FOR (n:{label}) ON (n._graph, {', '.join(f'n.{key}' for key in keys)})"
    for name, label, *keys in (
        ("entity_number", "Entity", "_number"),
        ("entity_folded", "Entity", "_folded"),
        ("closed_id", "OrgContextEntity", "id"),
        ("closed_number", "OrgContextEntity", "_number"),
        ("closed_folded", "OrgContextEntity", "_folded"),
        ("closed_source", "OrgContextRelation", "source"),
        ("closed_target", "OrgContextRelation", "target"),
        ("waiting_source", "OrgContextWaiting", "source"),
        ("waiting_target", "OrgContextWaiting", "target"),
        ("number", "OrgContextNumber", "id"),
        ("alias", "OrgContextAlias", "alias"),
        ("claim", "OrgContextClaim", "key"),
        ("claim_entity", "OrgContextClaim", "entity"),
        ("claim_relation", "OrgContextClaim", "subject", "kind", "target"),
        ("claim_target", "OrgContextClaim", "target"),
        ("claim_part", "OrgContextClaim", "source", "part"),
        ("identity", "OrgContextIdentity", "value"),
        ("revision", "OrgContextRevision", "number"),
        ("event", "OrgContextEvent", "at"),
    )
}

# What an entity and a relation carry beside `_graph` and the properties that are spread out for Cypher. Nulls stand for what is usual.
_ENTITY = (
    *("id", "name", "sensitivity", "valid_from", "valid_to", "_number", "_since", "_facet", "_folded", "_aliases", "_sources"),
    *("_properties", "_origins", "_conflicts", "_label", "_words", "_grams", "_digest"),
)
_RELATION = ("valid_from", "valid_to", "_since", "_sources", "_properties", "_origins", "_conflicts", "_digest")
_ENTITY_READ = (
    *("_number", "id", "_facet", "name", "valid_from", "valid_to", "_properties", "_origins", "_aliases", "_conflicts", "_words"),
    *("_grams", "_digest"),
)
_RELATION_READ = ("valid_from", "valid_to", "_properties", "_origins", "_conflicts", "_digest")
_RESERVED = {"id", "name", "sensitivity", "valid_from", "valid_to"}


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


@contextmanager
def _translated(uri: str) -> Generator[None]:
    """The driver's errors in the project's own words."""
    try:
        yield
    except AuthError as error:
        message = f"{uri}: Neo4j does not accept the user and password; NEO4J_USERNAME and NEO4J_PASSWORD in the environment must hold them"
        raise StoreError(message) from error
    except (ServiceUnavailable, SessionExpired) as error:
        message = f"Neo4j is not reachable at {uri}; is it running?"
        raise StoreError(message) from error
    except ConfigurationError as error:
        message = f"{uri} is no address of a Neo4j server ({error}); write neo4j://host:7687"
        raise InputError(message) from error
    except ConstraintError as error:
        message = f"{uri}: other data in the database stands in the way: {error.message}"
        raise StoreError(message) from error
    except Neo4jError as error:
        raise _refused(uri, error) from error
    except DriverError as error:
        message = f"{uri}: {error}"
        raise StoreError(message) from error


def _refused(uri: str, error: Neo4jError) -> StoreError:
    code = error.code or ""
    if "Memory" in code or "OutOfMemory" in (error.message or ""):
        return StoreError(
            f"{uri}: the server has too little memory for this; give it more heap (server.memory.heap.max_size): {error.message}"
        )
    if isinstance(error, TransientError) or _stopped(error):
        return StoreBusy(f"{uri}: another transaction stood in the way for too long; nothing was written, try again ({code})")
    return StoreError(f"{uri}: {error.message} ({code})")


def _stopped(error: Neo4jError) -> bool:
    """True where a statement ran out of the time that it was given."""
    return (error.code or "").endswith(
        ("LockClientStopped", "TransactionTimedOut", "TransactionTimedOutClientConfiguration", ".Terminated")
    )


def _query(text: str, *, timeout: float | None = None) -> Query:
    """A statement: its text is put together in this module from checked names only, all values are parameters."""
    return Query(cast("LiteralString", text), timeout=timeout)


def _check(kinds: Iterable[str]) -> None:
    for kind in kinds:
        if not _IDENTIFIER.fullmatch(kind):
            message = f"{kind!r} cannot name a kind or relation: letters, digits and underscores, a letter first"
            raise InputError(message)


def _types(kinds: Iterable[str]) -> str:
    """Kinds as alternatives in a pattern."""
    return "|".join(f"`{kind}`" for kind in kinds)


def _hashed(*texts: str) -> str:
    """A short key for texts of any length: index entries of the server end at 8 kB."""
    return blake2b(_CONTROL.join(texts).encode(), digest_size=16).hexdigest()


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    held = list(items)
    return (held[start : start + size] for start in range(0, len(held), size))


# rows and what they are in the database


def _spread(properties: str) -> dict[str, Any]:
    """The properties that Cypher shall see as such; names of ours and what the server cannot hold are left to `_properties`."""
    if properties == "{}":
        return {}
    held: Properties = json.loads(properties)
    return {
        key: _native(value)
        for key, value in held.items()
        if key and key not in _RESERVED and not key.startswith("_") and "\x00" not in key and len(key) < 1000
    }


def _native(value: PropertyValue) -> Any:
    if not isinstance(value, list):
        return _scalar(value)
    held = [_scalar(one) for one in value]
    return held if len({type(one) for one in held}) < 2 else [one if isinstance(one, str) else canonical(one) for one in held]


def _scalar(value: Scalar) -> Scalar:
    return str(value) if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63 else value


def _sources(origins: str) -> list[str]:
    return list(dict.fromkeys(origin["source"] for origin in json.loads(origins)))


def _entity_values(row: EntityRow, since: int, number: int) -> Columns:
    """The values of `_ENTITY`, and what is spread out."""
    return [
        *(row.id, row.name, row.sensitivity, row.valid_from or None, row.valid_to or None, number, since, f"{row.kind} {row.sensitivity}"),
        *(_hashed(fold(row.name)), list(row.aliases) or None, _sources(row.origins), _unless(row.properties, "{}"), row.origins),
        *(_unless(row.conflicts, "[]"), words_of(row.name, row.id, *row.aliases), row.words, row.grams, row.digest),
        _spread(row.properties),
    ]


def _relation_values(row: RelationRow, since: int) -> Columns:
    """The ends, the values of `_RELATION`, and what is spread out."""
    return [
        *(row.source, row.target, row.valid_from or None, row.valid_to or None, since, _sources(row.origins)),
        *(_unless(row.properties, "{}"), row.origins, _unless(row.conflicts, "[]"), row.digest, _spread(row.properties)),
    ]


def _unless(text: str, usual: str) -> str | None:
    return None if text == usual else text


def _or(text: str | None, usual: str) -> str:
    return usual if text is None else text


def _map(names: Sequence[str], first: int) -> str:
    """A Cypher map of the values that row `r` holds from this place on."""
    return "{_graph: $graph, " + ", ".join(f"{name}: r[{place}]" for place, name in enumerate(names, first)) + "}"


def _relation_row(source: str, kind: str, target: str, said: Sequence[Any]) -> RelationRow:
    since, until, properties, origins, conflicts, digest = said
    return RelationRow(source, kind, target, since or "", until or "", _or(properties, "{}"), origins, _or(conflicts, "[]"), digest)


def _columns(node: str, names: Iterable[str], source: str) -> str:
    """List comprehensions, one for each property: that is what the wire and the driver are quickest with (nulls stay in their places)."""
    return ", ".join(f"[{node} IN {source} | {node}.{name}] AS {source}{place}" for place, name in enumerate(names))


# what may be seen


class _Seen:
    """A Filter in Cypher, and the way out for rows: masked properties are cut."""

    def __init__(self, where: Filter, kinds: Collection[str] | None = None) -> None:
        self.where, self.kinds = where, kinds
        self.parameters: dict[str, Any] = {}

    def entity(self, node: str) -> str:
        """The condition that this entity passes."""
        where, terms = self.where, list[str]()
        if where.facets is not None:
            allowed = f"{node}._facet IN {self._say('facets', [f'{facet.kind} {facet.sensitivity}' for facet in sorted(where.facets)])}"
            terms.append(f"({allowed} OR {node}.id IN {self._say('shown', sorted(where.shown))})" if where.shown else allowed)
        if where.hidden:
            terms.append(f"NOT {node}.id IN {self._say('hidden', sorted(where.hidden))}")
        if self.kinds is not None:
            terms.append(f"split({node}._facet, ' ')[0] IN {self._say('kinds', sorted(self.kinds))}")
        return " AND ".join(["true", *terms, *self.true(node)])

    def true(self, thing: str) -> list[str]:
        """The conditions that this entity or relation is true on the day that the filter asks for."""
        if not self.where.as_of:
            return []
        day = self._say("day", self.where.as_of.isoformat())
        return [f"coalesce({thing}.valid_from, '') <= {day}", f"coalesce({thing}.valid_to, '~') > {day}"]

    def relations(self, wanted: Collection[str] | None = None) -> list[str] | None:
        """The relation kinds that may be read, among the wanted ones; None: all."""
        allowed = self.where.relations
        if allowed is None or wanted is None:
            both = allowed if wanted is None else wanted
        else:
            both = allowed.intersection(wanted)
        return None if both is None else sorted(kind for kind in set(both) if _IDENTIFIER.fullmatch(kind))

    def _say(self, name: str, value: Any) -> str:
        self.parameters[name] = value
        return f"${name}"

    def rows(self, columns: Sequence[Columns]) -> dict[int, EntityRow]:
        """The entities in these columns (`_ENTITY_READ`) by number, as the asker may see them."""
        return {number: self._row(*said) for number, *said in zip(*columns, strict=True)}

    def _row(
        self,
        id_: str,
        facet: str,
        name: str,
        since: str | None,
        until: str | None,
        properties: str | None,
        origins: str,
        aliases: list[str] | None,
        conflicts: str | None,
        words: str,
        grams: str,
        digest: str,
    ) -> EntityRow:
        kind, _, sensitivity = facet.partition(" ")
        others = tuple(aliases or ())
        properties, conflicts = _or(properties, "{}"), _or(conflicts, "[]")
        if hidden := self.where.masked.get(kind):
            properties = canonical({key: value for key, value in json.loads(properties).items() if key.partition("@")[0] not in hidden})
            conflicts = canonical([one for one in json.loads(conflicts) if one["property"].partition("@")[0] not in hidden])
            words = words_of(name, id_, *others)
        return EntityRow(
            id_, kind, name, sensitivity, since or "", until or "", properties, origins, others, conflicts, words, grams, digest
        )


# pieces of Cypher; `past` ones read any revision `at`, the others the current one, as long as it stands


def _version(id_: str, node: str = "n", *, past: bool) -> str:
    """The state of the entity with this id."""
    if not past:
        return f"MATCH ({node}:Entity {{_graph: $graph, id: {id_}}})"
    variable = id_.partition(".")[0]
    return (
        f"CALL ({variable}, at) {{ CALL ({variable}, at) {{ "
        f"MATCH (v:Entity {{_graph: $graph, id: {id_}}}) WHERE v._since <= at RETURN v UNION ALL "
        f"MATCH (v:OrgContextEntity {{_graph: $graph, id: {id_}}}) WHERE v._since <= at AND v._until > at RETURN v "
        f"}} RETURN v AS {node} LIMIT 1 }}"  # one: what is being ended stands in both
    )


def _all(condition: str, node: str = "n", *, past: bool) -> str:
    """All states for which the condition holds; what is being ended comes twice."""
    if not past:
        return f"MATCH ({node}:Entity) WHERE {node}._graph = $graph AND {condition}"
    return (
        f"CALL (at) {{ MATCH ({node}:Entity) WHERE {node}._graph = $graph AND {node}._since <= at AND {condition} RETURN {node} UNION ALL "
        f"MATCH ({node}:OrgContextEntity) WHERE {node}._graph = $graph AND {node}._since <= at AND {node}._until > at AND {condition} "
        f"RETURN {node} }}"
    )


class _Way(NamedTuple):
    """Relations to follow from an entity: of these kinds (None: all), outward or back; `rank` says which rule that is, in Cypher."""

    kinds: list[str] | None
    outward: bool
    rank: str = "0"


def _links(seen: _Seen, ways: Sequence[_Way], *, past: bool) -> str:
    """From entity `f`: relation `e`, the entity `o` at its other end, the rank `j` of its rule, `k`, what it is the same by, `kind`, `out`."""
    arms = [(_past_arm if past else _arm)(seen, way) for way in ways if way.kinds is None or way.kinds]
    if not arms:
        return "CALL (f, at) { WITH f AS e, f AS o, 0 AS j, '' AS k, '' AS kind, true AS out WHERE false RETURN e, o, j, k, kind, out }"
    return "CALL (f, at) { " + " UNION ALL ".join(arms) + " }"


def _arm(seen: _Seen, way: _Way) -> str:
    types = f":{_types(way.kinds)}" if way.kinds else ""
    pattern = f"MATCH (f)-[e{types}]->(o)" if way.outward else f"MATCH (f)<-[e{types}]-(o)"
    condition = " AND ".join(["e._since > 0", *seen.true("e"), "o._graph = $graph", seen.entity("o")])
    return f"{pattern} WHERE {condition} RETURN e, o, {way.rank.format('type(e)')} AS j, e AS k, type(e) AS kind, {way.outward} AS out"


def _past_arm(seen: _Seen, way: _Way) -> str:
    types = f":{_types(way.kinds)}" if way.kinds else ""
    near, far = ("source", "target") if way.outward else ("target", "source")
    pattern = f"-[e{types}]->" if way.outward else f"<-[e{types}]-"
    true = " AND ".join(["", *seen.true("e")])
    kinds = f" AND e.kind IN {seen._say('kinds_' + near + _hashed(*way.kinds)[:8], way.kinds)}" if way.kinds else ""  # noqa: SLF001  # of this module
    key = "[f.id, kind, other]" if way.outward else "[other, kind, f.id]"
    return (
        "CALL (f, at) { "
        f"MATCH (:Entity {{_graph: $graph, id: f.id}}){pattern}(y:Entity) WHERE y._graph = $graph AND e._since <= at{true} "
        "RETURN e, type(e) AS kind, y.id AS other UNION ALL "
        f"MATCH (e:OrgContextWaiting) WHERE e._graph = $graph AND e.{near} = f.id{kinds} AND e._since <= at{true} "
        f"RETURN e, e.kind AS kind, e.{far} AS other UNION ALL "
        f"MATCH (e:OrgContextRelation) WHERE e._graph = $graph AND e.{near} = f.id{kinds} AND e._since <= at AND e._until > at{true} "
        f"RETURN e, e.kind AS kind, e.{far} AS other }} "
        f"{_version('other', 'o', past=True)} WITH f, e, o, kind, other WHERE {seen.entity('o')} "
        f"RETURN e, o, {way.rank.format('kind')} AS j, {key} AS k, kind, {way.outward} AS out"
    )


def _walk(seen: _Seen, rules: Sequence[Rule], hops: int, *, past: bool) -> tuple[str, list[Any]]:
    """The whole of a walk in one statement, and the ranks of the rules that it looks up (a map for each hop and direction).

    Hop by hop it does what `Store.walk` promises: candidates in order, those taken already left out, each relation once, and a stop
    before the first row that would exceed a limit. Of a relation there are two candidates at most, one from each end.
    """
    ranks = [_ranks(rules, seen, hop) for hop in range(hops)]
    steps = "".join(_HOP.format(links=_links(seen, _ways(ranks[hop], hop), past=past)) for hop in range(hops))
    anchors = f"UNWIND range(0, size($anchors) - 1) AS i WITH i, $anchors[i] AS id, at {_version('id', past=past)} WITH i, n WHERE {seen.entity('n')} "
    keys = "taken" if past else "[e IN taken | [startNode(e)._number, type(e), endNode(e)._number]]"
    result = f"RETURN {_columns('n', _ENTITY_READ, 'known')}, {_columns('e', _RELATION_READ, 'rows')}, {keys} AS keys, levels, cut"
    return _START.format(anchors=anchors) + steps + result, ranks


def _ranks(rules: Sequence[Rule], seen: _Seen, hop: int) -> list[dict[str, int]]:
    """For one hop, by relation kind, the place of the first rule that follows it outward, and of the first that follows it back."""
    allowed = seen.relations({rule.relation for rule in rules}) or []
    ranks: list[dict[str, int]] = [{}, {}]
    for place, rule in enumerate(rules):
        if hop < rule.depth and rule.relation in allowed:
            ranks[not rule.outward].setdefault(rule.relation, place)
    return ranks


def _ways(ranks: Sequence[Mapping[str, int]], hop: int) -> list[_Way]:
    return [_Way(sorted(ranks[way]), not way, f"$ranks[{hop}][{way}][{{}}]") for way in (0, 1)]


_START = """
CALL (at) {{ {anchors} ORDER BY i RETURN collect(n) AS starts }}
WITH at, starts[..$entities] AS known, size(starts) > $entities AS cut
WITH at, known, CASE WHEN cut THEN [] ELSE known END AS frontier, [n IN known | n._number] AS numbers, [] AS taken, [] AS rows,
  [size(known)] AS levels, cut
"""
_HOP = """
CALL (at, frontier, numbers, taken) {{
  UNWIND range(0, size(frontier) - 1) AS i
  WITH at, taken, i, frontier[i] AS f
  {links}
  WITH taken, i * $ways + j AS p, e, o, k, o._number AS number WHERE NOT k IN taken
  WITH p, e, o, k, number ORDER BY p, number LIMIT $most
  WITH k, collect([k, e, o, number, p])[0] AS row ORDER BY row[4], row[3]
  RETURN collect(row) AS found
}}
CALL (found, numbers) {{
  UNWIND range(0, size(found) - 1) AS q
  WITH q, found[q] AS row, numbers WHERE NOT row[3] IN numbers
  WITH row[3] AS number, min(q) AS q, collect(row[2])[0] AS o ORDER BY q
  RETURN collect([q, o, number]) AS fresh
}}
WITH *, $relations - size(taken) AS most, $entities - size(known) AS room
WITH *, CASE WHEN size(fresh) > room AND fresh[room][0] < most THEN fresh[room][0] ELSE most END AS stop
WITH at, cut OR size(found) > stop AS cut, stop, [one IN fresh WHERE one[0] < stop] AS fresh, found[..stop] AS found, known, numbers, taken,
  rows, levels, size(found) > stop AS stopped
WITH at, cut, known + [one IN fresh | one[1]] AS known, numbers + [one IN fresh | one[2]] AS numbers, taken + [one IN found | one[0]] AS taken,
  rows + [one IN found | one[1]] AS rows, levels + [size(fresh)] AS levels,
  CASE WHEN stopped THEN [] ELSE [one IN fresh | one[1]] END AS frontier
"""


class _Look:
    """One try at a read: all its answers are of one revision if `stood` says so, else the read begins again."""

    def __init__(self, session: Session, name: str, at: int | None, *, past: bool) -> None:
        self.session, self.name, self.at, self.past = session, name, at, past
        self.states: set[int] = set()
        self.last = 0  # the highest number of an entity

    def ask(self, body: str, **parameters: Any) -> Mapping[str, Any]:
        """What this piece of Cypher returns in its only row; in it, `at` is the revision that is read."""
        text = (
            f"MATCH (g:OrgContextGraph {{name: $graph}}) WITH g.state AS state, g.entities AS last, g.state % {_TURN} AS head "
            "WITH state, last, CASE WHEN $at < head THEN $at ELSE head END AS at "
            f"CALL (at) {{ {body} }} CALL () {{ MATCH (g:OrgContextGraph {{name: $graph}}) RETURN g.state AS final }} RETURN *"
        )
        record = self.session.run(_query(text), {**parameters, "graph": self.name, "at": self.at}).single()
        if record is None:
            message = f"the graph {self.name!r} is no longer in the database; open the store again to begin anew"
            raise StoreError(message)
        self.states |= {record["state"], record["final"]}
        self.last = record["last"]
        return record

    @property
    def state(self) -> int:
        """The newest state that was met."""
        return max(self.states, default=0)

    @property
    def stood(self) -> bool:
        """Whether all that was read belongs together."""
        head = self.state % _TURN
        return len(self.states) == 1 and (self.past or (self.state // _TURN % 2 == 0 and (self.at is None or self.at >= head)))


_IN_PAGE = "{0}._number > $low AND {0}._number <= $high"
_SPAN = "WITH {0}, source, kind, target, CASE WHEN {0}._until <= at THEN {0}._until ELSE 0 END AS until WHERE {0}._since > $after OR until > $after"


def _pages(look: _Look) -> Iterator[dict[str, Any]]:
    """Spans of entity numbers that cover them all; relations without a numbered source count as of 0."""
    low = -1
    while low < look.last:
        yield {"low": low, "high": low + _PAGE}
        low += _PAGE


def _taken(answer: Mapping[str, Any], source: str, names: Sequence[str]) -> list[Columns]:
    """The columns that `_columns` asked for."""
    return [answer[f"{source}{place}"] for place in range(len(names))]


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _claim(row: str, since: int) -> Claim:
    *said, same_as, locator, digest = json.loads(row)
    return Claim(*said, tuple(same_as), locator, digest, since)


def _claim_order(claim: Claim) -> tuple[str, ...]:
    return (claim.subject, claim.kind, claim.target, claim.source, claim.part, claim.digest)


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


def _make(transaction: ManagedTransaction, name: str) -> int:
    """Make the graph's own nodes where they are not there; returns the schema that the graph was written with."""
    record = transaction.run(
        "MERGE (g:OrgContextGraph {name: $name}) ON CREATE SET g._graph = $name, g.state = 0, g.entities = 0, g.kinds = [], g.schema = $schema "
        "MERGE (w:OrgContextWriter {name: $name}) ON CREATE SET w._graph = $name RETURN g.schema AS schema",
        name=name,
        schema=SCHEMA_VERSION,
    ).single(strict=True)
    return record["schema"]


class Neo4jStore:
    """A `Store` in a Neo4j database; its constraints and indexes are made at first use.

    `name` is the graph's name in the database, `patience` how many seconds a writer waits for another. `StoreError` for a server that is
    not reachable, too old, or does not know the account, and for a graph that a newer program wrote.
    """

    def __init__(
        self, uri: str, *, user: str, password: str, database: str | None = None, name: str = "orgcontext", patience: float = 5.0
    ) -> None:
        if not _NAME.fullmatch(name):
            message = f"{name!r} cannot name a graph: up to 100 letters, digits, dots, hyphens and underscores"
            raise InputError(message)
        self._uri, self._name, self._patience = uri, name, patience
        self._head = 0
        self._told = 0
        with _translated(uri):
            self._driver = GraphDatabase.driver(uri, auth=(user, password), notifications_min_severity="OFF", user_agent="orgcontext")
        self._bookmarks = GraphDatabase.bookmark_manager()
        self._database = database
        try:
            with _translated(uri):
                self._begin()
        except BaseException:
            self._driver.close()
            raise

    def _begin(self) -> None:
        """Make sure of the server, its indexes and the graph's own nodes."""
        version = re.match(r"Neo4j/(\d+)\.(\d+)", self._driver.get_server_info().agent)
        if version and (int(version[1]), int(version[2])) < _OLDEST:
            message = f"{self._uri}: is Neo4j {version[1]}.{version[2]}; needed is {_OLDEST[0]}.{_OLDEST[1]} or later"
            raise StoreError(message)
        with self._session() as session:
            there = {name for (name,) in session.run("SHOW INDEXES YIELD name, state WHERE state = 'ONLINE' RETURN name").values()}
            for name, statement in _SCHEMA.items():
                if name not in there:
                    session.run(_query(f"CREATE {statement.format(name)}")).consume()
            if _SCHEMA.keys() - there:
                session.run("CALL db.awaitIndexes(300)").consume()
            known = session.execute_write(_make, self._name)
        if known > SCHEMA_VERSION:
            message = f"{self._uri}: the graph {self._name!r} has schema {known}, this program knows {SCHEMA_VERSION}; use a newer program"
            raise StoreError(message)

    def _session(self, **options: Any) -> Session:
        return self._driver.session(database=self._database, bookmark_manager=self._bookmarks, **options)

    def close(self) -> None:
        with suppress(DriverError, Neo4jError):
            self._driver.close()

    def _read(self, at: int | None, question: Callable[[_Look], T]) -> T:
        """The answer of one revision: asked again while a publish goes on between its first statement and its last."""
        until = time.monotonic() + _LONGEST
        past = at is not None and at < self._head
        while True:
            with _translated(self._uri), self._session(default_access_mode=READ_ACCESS) as session:
                look = _Look(session, self._name, at, past=past)
                answer = question(look)
            self._head = look.state % _TURN
            if look.stood:
                return answer
            if time.monotonic() > until:
                message = f"{self._uri}: others have been publishing for {_LONGEST:.0f} seconds; try again"
                raise StoreBusy(message)
            past = bool(look.state // _TURN % 2) or (at is not None and at < self._head)

    # what there is

    def head(self) -> Revision | None:
        body = "OPTIONAL MATCH (r:OrgContextRevision {_graph: $graph, number: at}) RETURN r.text AS text"
        text = self._read(None, lambda look: look.ask(body)["text"])
        return Revision.model_validate_json(text) if text else None

    def revisions(self, numbers: Collection[int] | None = None) -> Iterator[Revision]:
        body = (
            "MATCH (r:OrgContextRevision) WHERE r._graph = $graph AND r.number <= at AND ($numbers IS NULL OR r.number IN $numbers) "
            "WITH r ORDER BY r.number RETURN collect(r.text) AS texts"
        )
        wanted = None if numbers is None else list(numbers)
        return map(Revision.model_validate_json, self._read(None, lambda look: look.ask(body, numbers=wanted)["texts"]))

    def facets(self) -> frozenset[Facet]:
        body = "MATCH (f:OrgContextFacet) WHERE f._graph = $graph AND f.since <= at RETURN collect([f.kind, f.sensitivity]) AS facets"
        return frozenset(Facet(*pair) for pair in self._read(None, lambda look: look.ask(body)["facets"]))

    def resolve(self, ids: Collection[str], where: Filter, *, at: int | None = None) -> dict[str, str]:
        def question(look: _Look) -> dict[str, str]:
            seen = _Seen(where)
            direct = f"WITH asked AS id, at {_version('id', past=look.past)}"
            aliased = f"MATCH (a:OrgContextAlias {{_graph: $graph, alias: asked}}) WITH DISTINCT asked, a.id AS id, at {_version('id', past=look.past)}"
            body = (
                f"UNWIND $ids AS asked CALL (asked, at) {{ {aliased} WITH asked, n WHERE asked IN n._aliases AND {seen.entity('n')} "
                f"RETURN n.id AS own, 0 AS rank UNION ALL {direct} WITH n WHERE {seen.entity('n')} RETURN n.id AS own, 1 AS rank }} "
                "WITH asked, own ORDER BY rank RETURN collect([asked, own]) AS pairs"
            )
            found: dict[str, str] = {}
            for chunk in _chunks(ids, _PAGE):
                found.update(look.ask(body, ids=chunk, **seen.parameters)["pairs"])
            return found

        found = self._read(at, question) if ids else {}
        return {id_: found[id_] for id_ in ids if id_ in found}

    def entities(
        self, where: Filter, *, ids: Collection[str] | None = None, kinds: Collection[str] | None = None, at: int | None = None
    ) -> Iterator[EntityRow]:
        def question(look: _Look) -> dict[int, EntityRow]:
            return self._entities(look, _Seen(where, kinds), ids)

        found = self._read(at, question)
        return iter([found[number] for number in sorted(found)])

    def _entities(self, look: _Look, seen: _Seen, ids: Collection[str] | None) -> dict[int, EntityRow]:
        """The visible entities, among these ids or of all, by number."""
        found: dict[int, EntityRow] = {}
        if ids is not None:
            chosen = f"UNWIND $ids AS id {_version('id', past=look.past)} WITH n WHERE {seen.entity('n')}"
            pages: Iterable[dict[str, Any]] = ({"ids": chunk} for chunk in _chunks(dict.fromkeys(ids), _PAGE))
        else:
            chosen = _all(f"{_IN_PAGE.format('n')} AND {seen.entity('n')}", past=look.past)
            pages = _pages(look)
        body = f"{chosen} WITH collect(n) AS ns RETURN {_columns('n', _ENTITY_READ, 'ns')}"
        for page in pages:
            found.update(seen.rows(_taken(look.ask(body, **page, **seen.parameters), "ns", _ENTITY_READ)))
        return found

    def relations(
        self,
        where: Filter,
        *,
        touching: Collection[str] | None = None,
        kinds: Collection[str] | None = None,
        at: int | None = None,
    ) -> Iterator[RelationRow]:
        found = self._read(at, lambda look: self._relations(look, _Seen(where), touching, kinds))
        return iter([found[key] for key in sorted(found)])

    @staticmethod
    def _relations(
        look: _Look, seen: _Seen, touching: Collection[str] | None, wanted: Collection[str] | None
    ) -> dict[tuple[int, int, int], RelationRow]:
        """The visible relations, at these ids or all, by the numbers of source, kind and target."""
        kinds = seen.relations(wanted)
        if touching is not None:
            links = _links(seen, [_Way(kinds, outward=True), _Way(kinds, outward=False)], past=look.past)
            chosen = f"UNWIND $ids AS id {_version('id', 'f', past=look.past)} WITH f, at WHERE {seen.entity('f')}"
            pages: Iterable[dict[str, Any]] = ({"ids": chunk} for chunk in _chunks(dict.fromkeys(touching), _PAGE // 10))
        else:
            links = _links(seen, [_Way(kinds, outward=True)], past=look.past)
            chosen = _all(f"{_IN_PAGE.format('f')} AND {seen.entity('f')}", "f", past=look.past)
            pages = _pages(look)
        body = (
            f"{chosen} {links} WITH collect(e) AS es, collect([out, kind, f._number, f.id, o._number, o.id]) AS ends "
            "MATCH (g:OrgContextGraph {name: $graph}) "
            f"RETURN {_columns('e', _RELATION_READ, 'es')}, ends, g.kinds AS kinds"
        )
        found: dict[tuple[int, int, int], RelationRow] = {}
        for page in pages:
            answer = look.ask(body, **page, **seen.parameters)
            numbers = {kind: place for place, kind in enumerate(answer["kinds"])}
            for (out, kind, *ends), *said in zip(answer["ends"], *_taken(answer, "es", _RELATION_READ), strict=True):
                (one, source), (other, target) = (ends[:2], ends[2:]) if out else (ends[2:], ends[:2])
                found[one, numbers[kind], other] = _relation_row(source, kind, target, said)
        return found

    def walk(self, anchors: Sequence[str], rules: Sequence[Rule], where: Filter, *, limit: Limit, at: int | None = None) -> Walked:
        def question(look: _Look) -> Walked:
            seen = _Seen(where)
            hops = min(limit.hops, max((rule.depth for rule in rules), default=0))
            body, ranks = _walk(seen, rules, hops, past=look.past)
            answer = look.ask(
                body,
                anchors=list(dict.fromkeys(anchors)),
                ranks=ranks,
                ways=len(rules) + 1,
                entities=limit.entities,
                relations=limit.relations,
                most=2 * limit.relations + 2,
                **seen.parameters,
            )
            entities = seen.rows(_taken(answer, "known", _ENTITY_READ))
            ids = {number: row.id for number, row in entities.items()}
            said = zip(answer["keys"], *_taken(answer, "rows", _RELATION_READ), strict=True)
            relations = [_relation_row(ids.get(one, one), kind, ids.get(other, other), rest) for (one, kind, other), *rest in said]
            reached = [hop for hop, size in enumerate(answer["levels"]) for _ in range(size)]
            return Walked(list(entities.values()), reached, relations, answer["cut"])

        return self._read(at, question)

    # searching

    def search(
        self, text: str, where: Filter, *, limit: int, kinds: Collection[str] | None = None, at: int | None = None
    ) -> list[EntityRow]:
        def question(look: _Look) -> list[EntityRow]:
            tiers = _Tiers(look, _Seen(where, kinds), limit)
            found: dict[str, None] = {}
            for tier in (tiers.called, tiers.named, tiers.worded, tiers.partly, tiers.misspelt):
                if len(found) < limit:
                    found.update(dict.fromkeys(tier(text)[:limit]))
            rows = {row.id: row for row in self._entities(look, _Seen(where), list(found)).values()} if found else {}
            return [rows[id_] for id_ in found if id_ in rows]

        return self._read(at, question)

    # history, claims, counts

    def versions(self, about: str | None = None, *, after: int = 0, upto: int | None = None) -> Iterator[Version]:
        def question(look: _Look) -> list[Version]:
            entities = self._entity_versions(look, about, after)
            return [*entities, *self._relation_versions(look, about, after)]

        return iter(self._read(upto, question))

    @staticmethod
    def _entity_versions(look: _Look, about: str | None, after: int) -> list[Version]:
        mine = "n.id = $about" if about is not None else _IN_PAGE.format("n")
        states = " UNION ALL ".join(
            f"MATCH (n:{label}) WHERE n._graph = $graph AND {mine} AND n._since <= at RETURN n" for label in ("Entity", "OrgContextEntity")
        )
        body = (
            f"CALL (at) {{ {states} }} {_SPAN.format('n')} WITH collect(n) AS ns, collect([n._since, until]) AS spans "
            f"RETURN {_columns('n', _ENTITY_READ, 'ns')}, spans"
        )
        seen, found = _Seen(Filter()), dict[tuple[int, int], Version]()
        for page in [{"about": about}] if about is not None else _pages(look):
            answer = look.ask(body, after=after, **page)
            for (since, until), *said in zip(answer["spans"], *_taken(answer, "ns", _ENTITY_READ), strict=True):
                ((number, row),) = seen.rows([[value] for value in said]).items()
                found[number, since] = Version(row, since, until)
        return [found[key] for key in sorted(found)]

    @staticmethod
    def _relation_versions(look: _Look, about: str | None, after: int) -> list[Version]:
        native = "MATCH (a:Entity {_graph: $graph, id: $about})-[e]-(b:Entity)" if about is not None else "MATCH (a:Entity)-[e]->(b:Entity)"
        page_of = "true" if about is not None else _IN_PAGE.format("a")
        aside = "$about IN [e.source, e.target]" if about is not None else _IN_PAGE.format("e")
        states = [
            f"{native} WHERE a._graph = $graph AND b._graph = $graph AND {page_of} AND e._since <= at "
            "RETURN e, startNode(e).id AS source, type(e) AS kind, endNode(e).id AS target"
        ] + [
            f"MATCH (e:{label}) WHERE e._graph = $graph AND {aside} AND e._since <= at "
            "RETURN e, e.source AS source, e.kind AS kind, e.target AS target"
            for label in ("OrgContextWaiting", "OrgContextRelation")
        ]
        body = (
            f"CALL (at) {{ {' UNION ALL '.join(states)} }} {_SPAN.format('e')} WITH collect(e) AS es, "
            f"collect([[source, kind, target], e._since, until]) AS spans RETURN {_columns('e', _RELATION_READ, 'es')}, spans"
        )
        found: dict[tuple[str, ...], Version] = {}
        for page in [{"about": about}] if about is not None else _pages(look):
            answer = look.ask(body, after=after, **page)
            for (key, since, until), *said in zip(answer["spans"], *_taken(answer, "es", _RELATION_READ), strict=True):
                found[(*key, f"{since:09}")] = Version(_relation_row(*key, said), since, until)
        return [found[key] for key in sorted(found)]

    def claims(self, *, about: Collection[str] | None = None, source: str | None = None, at: int | None = None) -> Iterator[Claim]:
        live = "c.since <= at AND (c.until = 0 OR c.until > at)"
        if source is not None:
            live += " AND c.source = $source"
        if about is None:
            chosen = f"MATCH (c:OrgContextClaim) WHERE c._graph = $graph AND {live}"
        else:
            chosen = (
                f"UNWIND $ids AS id CALL (id, at) {{ MATCH (c:OrgContextClaim {{_graph: $graph, entity: id}}) WHERE {live} RETURN c UNION ALL "
                f"MATCH (c:OrgContextClaim {{_graph: $graph, subject: id}}) WHERE c.kind IS NOT NULL AND c.target IS NOT NULL AND {live} RETURN c }}"
            )
        body = f"{chosen} WITH collect(c) AS cs RETURN {_columns('c', ('row', 'since'), 'cs')}"
        chunks = [[""]] if about is None else list(_chunks(dict.fromkeys(about), _PAGE))

        def question(look: _Look) -> list[Claim]:
            answers = (look.ask(body, ids=chunk, source=source) for chunk in chunks)
            return [_claim(*said) for answer in answers for said in zip(answer["cs0"], answer["cs1"], strict=True)]

        found = self._read(None if chunks and at is None else at, question) if chunks else []
        return iter(sorted(found, key=_claim_order))

    def tally(self, where: Filter, *, at: int | None = None) -> Tally:
        def question(look: _Look) -> Tally:
            seen = _Seen(where)
            chosen = _all(seen.entity("f"), "f", past=look.past) + " WITH f._number AS number, collect(f)[0] AS f, at"
            links = _links(seen, [_Way(seen.relations(), outward=True)], past=look.past)
            related = "WITH f._number AS one, kind, o._number AS other, collect(e._sources)[0] AS sources"
            entities = look.ask(
                f"{chosen} WITH f._facet AS kind, f._sources AS sources, count(*) AS number RETURN collect([kind, sources, number]) AS counts",
                **seen.parameters,
            )["counts"]
            relations = look.ask(
                f"{chosen} {links} {related} WITH kind, sources, count(*) AS number RETURN collect([kind, sources, number]) AS counts",
                **seen.parameters,
            )["counts"]
            return _tally([(facet.partition(" ")[0], sources, number) for facet, sources, number in entities], relations)

        return self._read(at, question)

    # beside the graph

    def notes(self, prefix: str = "") -> dict[str, str]:
        body = "MATCH (n:OrgContextNote) WHERE n._graph = $graph AND n.key STARTS WITH $prefix RETURN collect([n.key, n.text]) AS pairs"
        return dict(sorted(self._read(None, lambda look: look.ask(body, prefix=prefix)["pairs"])))

    def remember(self, key: str, text: str) -> None:
        self._say("MERGE (n:OrgContextNote {_graph: $graph, key: $key}) SET n.text = $text", key=key, text=text)

    def record(self, event: Event) -> None:
        self._told = max(self._told + 1, time.time_ns())
        self._say(
            "CREATE (e:OrgContextEvent {_graph: $graph, at: $at, told: $told, text: $text})",
            at=_moment(event.at),
            told=self._told,
            text=event.model_dump_json(),
        )

    def events(self, since: datetime | None = None) -> Iterator[Event]:
        body = "MATCH (e:OrgContextEvent) WHERE e._graph = $graph AND e.at >= $since WITH e ORDER BY e.at, e.told RETURN collect(e.text) AS texts"
        texts = self._read(None, lambda look: look.ask(body, since=_moment(since) if since else "")["texts"])
        return map(Event.model_validate_json, texts)

    def _say(self, text: str, **parameters: Any) -> None:
        """Write one small thing at once."""

        def write(transaction: ManagedTransaction) -> None:
            transaction.run(_query(text).text, {**parameters, "graph": self._name}).consume()

        with _translated(self._uri), self._session() as session:
            session.execute_write(write)
