"""The server store: a Neo4j database (5.23 or later, Community too), in which people can use Cypher, Browser and Bloom on the current graph.

The current graph is native: `(:Entity:Person {id, name, …})-[:reports_to]->(:Entity:Position)`. All else stands aside under labels that
begin with `OrgContext`: claims, closed states, relations that wait for an end, revisions, notes, events. Every node of ours carries
`_graph`, the graph's name, so that several graphs and foreign data live in one database; what lacks it is never read or changed.

Neo4j commits no more than its heap holds, and shows a commit to readers piece by piece, even the properties of one node. So the state of a
graph is one number (`_TURN * turn + revision`), and a reader takes an answer only if that number stood still meanwhile. A publish goes in
steps, each committed before the next begins: copies of all that will change; the same marked (`_since` + `_MARK`, which no revision
reaches); an odd turn; the native changes; the new number with an even turn. While the turn is odd, readers read the older revision from the
native facts without a mark and the copies, and wait for nobody. What a dead writer left is undone from the same copies by the next draft.
"""

from __future__ import annotations

# pyright: reportUnknownMemberType=false
# (the driver types its options as unknown)
import json
import os
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Generator, Hashable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from itertools import chain, pairwise, starmap
from typing import Any, Literal, LiteralString, NamedTuple, TypeAlias, TypeVar, cast
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4

from neo4j import READ_ACCESS, GraphDatabase, ManagedTransaction, Query, Session, Transaction
from neo4j.exceptions import (
    AuthError,
    ClientError,
    ConfigurationError,
    ConstraintError,
    DriverError,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
    TransientError,
)

from graph.errors import Conflict, InputError, StoreBusy, StoreError
from graph.model import Event, Facet, Filter, Properties, PropertyValue, Revision, Scalar, canonical
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
    fold,
    grams_of,
    masked,
    sealed,
    sources_of,
    told,
    true_on,
    unsealed,
    words_of,
)

SCHEMA_VERSION = 1
_OLDEST = (5, 23)  # the first server that knows `CALL (variables) {…}`
_TURN = 1 << 31
_MARK = 1 << 40
_PAGE = 5000  # entities in one answer of the server, and ids in one question
_BATCH = 2500  # rows in one statement that writes, and in one transaction of a large publish
_MANY = 500  # rows of one shape from which a statement of their own, which the server must plan, is worth it
_WIDE = 40  # properties that such a statement names
_TEXTS = 200  # that are looked for in one statement
_SOON = 1000  # entities in which a word is looked for before the index is asked for all that have it
_NEAR = 100  # things that a question may name for all that is near them to be read with them
_TIES = 200  # relations that one thing may have for them to be read so
_TIED = 4000  # and all that were named together
_RING = 100  # of their ends, those whose relations are read with them
_ROUND = 40  # if each of these has no more
_RETRIED = 10.0  # seconds for which a small thing is written again that did not get through
_LONGEST = 60.0  # seconds for which a read is tried again while others publish
_LUCENE = 64  # words of one run that the full-text index is asked for; the rest is compared word by word
_LONG_WORD = 100  # characters: Lucene's tokenizer splits words above 255 of its own

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


def _literal(text: str) -> LiteralString:
    """The text of a statement: it is put together in this module from checked names only, all values are parameters."""
    return cast("LiteralString", text)


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


@lru_cache(maxsize=10_000)  # the same few stand behind most relations
def _entity_values(row: EntityRow, since: int, number: int) -> Columns:
    """The values of `_ENTITY`, and what is spread out."""
    return [
        *(row.id, row.name, row.sensitivity, row.valid_from or None, row.valid_to or None, number, since, f"{row.kind} {row.sensitivity}"),
        *(_hashed(fold(row.name)), list(row.aliases) or None, sources_of(row.origins), _unless(row.properties, "{}"), row.origins),
        *(_unless(row.conflicts, "[]"), words_of(row.name, row.id, *row.aliases), row.words, row.grams, row.digest),
        _spread(row.properties),
    ]


def _relation_values(row: RelationRow, since: int) -> Columns:
    """The ends, the values of `_RELATION`, and what is spread out."""
    return [
        *(row.source, row.target, row.valid_from or None, row.valid_to or None, since, sources_of(row.origins)),
        *(_unless(row.properties, "{}"), row.origins, _unless(row.conflicts, "[]"), row.digest, _spread(row.properties)),
    ]


def _unless(text: str, usual: str) -> str | None:
    return None if text == usual else text


def _or(text: str | None, usual: str) -> str:
    return usual if text is None else text


def _map(names: Sequence[str], first: int, *, owned: bool = True) -> str:
    """A Cypher map of the values that row `r` holds from this place on."""
    said = [f"{name}: r[{place}]" for place, name in enumerate(names, first)]
    return "{" + ", ".join(["_graph: $graph", *said] if owned else said) + "}"


def _made(
    names: Sequence[str], first: int, puts: Sequence[T], values: Callable[[T], Columns], *, owned: bool = True
) -> Iterator[tuple[str, str, Sequence[Columns]]]:
    """How to create things of these puts, whose values end with what is spread out: their map, what to `SET` of it after, and the rows.

    Some of the rows at a time, for all of them at once would keep the garbage collector busy. Where there are many, the names that the first
    ones have are written out, which is quicker for the server than maps; those that need quoting never are.
    """
    named: dict[str, None] | None = None
    for some in _evenly(puts):
        rows = [values(put) for put in some]
        if named is None:
            there = {name for row in rows for name in row[-1]} if len(rows) >= _MANY else set[str]()
            named = dict.fromkeys(sorted(name for name in there if _IDENTIFIER.fullmatch(name))[:_WIDE])
        rest = ""
        if not named or not all(row[-1].keys() <= named.keys() for row in rows):
            rest = f" SET {{0}} += r[{first + len(names) + len(named)}]"
        left = [[{name: one for name, one in row[-1].items() if name not in named}] if rest else [] for row in rows]
        wide = [[*row[:-1], *map(row[-1].get, named), *more] for row, more in zip(rows, left, strict=True)]
        yield _map([*names, *(f"`{name}`" for name in named)], first, owned=owned), rest, wide


def _evenly(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """The items in parts of equal length, none longer than a batch: a short one at the end would be a statement of its own."""
    parts = -(-len(items) // _BATCH)
    return (items[len(items) * part // parts : len(items) * (part + 1) // parts] for part in range(parts))


def _relation_row(key: Sequence[str], said: Sequence[Any]) -> RelationRow:
    since, until, properties, origins, conflicts, digest = said
    return RelationRow(key[0], key[1], key[2], since or "", until or "", _or(properties, "{}"), origins, _or(conflicts, "[]"), digest)


def _columns(node: str, names: Iterable[str], source: str) -> str:
    """List comprehensions, one for each property: that is what the wire and the driver are quickest with (nulls stay in their places)."""
    return ", ".join(f"[{node} IN {source} | {node}.{name}] AS {source}{place}" for place, name in enumerate(names))


# what may be seen


def _passes(node: str, kinds: str = "$p.kinds") -> str:
    """The condition that an entity passes the filter (see `_Seen`)."""
    return (
        f"($p.open OR {node}._facet IN $p.facets OR {node}.id IN $p.shown) AND NOT {node}.id IN $p.hidden "
        f"AND ({kinds} IS NULL OR split({node}._facet, ' ')[0] IN {kinds}) AND {_true(node)}"
    )


def _true(thing: str) -> str:
    """The condition that an entity or relation is true on the day that the filter asks for."""
    return f"($p.day IS NULL OR coalesce({thing}.valid_from, '') <= $p.day AND coalesce({thing}.valid_to, '~') > $p.day)"


class _Seen:
    """A Filter in Cypher, and the way out for rows: masked properties are cut.

    Its conditions are the same text for every filter: the server needs up to a second to plan a text that is new to it.
    """

    def __init__(self, where: Filter, kinds: Collection[str] | None = None) -> None:
        self.where = where
        self.parameters: dict[str, Any] = {
            "open": where.facets is None,
            "facets": [f"{facet.kind} {facet.sensitivity}" for facet in sorted(where.facets or ())],
            "shown": sorted(where.shown),
            "hidden": sorted(where.hidden),
            "kinds": None if kinds is None else sorted(kinds),
            "day": day_of(where) or None,
        }

    def relations(self, wanted: Collection[str] | None = None) -> list[str] | None:
        """The relation kinds that may be read, among the wanted ones; None: all."""
        allowed = self.where.relations
        if allowed is None and wanted is None:
            return None
        both = set(allowed or wanted or ()) if allowed is None or wanted is None else allowed.intersection(wanted)
        return sorted(kind for kind in both if _IDENTIFIER.fullmatch(kind))

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
        made = EntityRow(
            id_, kind, name, sensitivity, since or "", until or "", properties, origins, others, conflicts, words, grams, digest
        )
        return masked(made, hidden) if (hidden := self.where.masked.get(kind)) else made


# Pieces of Cypher. Parameters come in one map, `$p`: the server plans a text anew for each type and order of size that a parameter of its
# own has, a list of one and a list of ten apart, and for long lists it plans joins over everything. `past` ones read any revision `at`, the others the current one, as long as it stands


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


def _all(condition: str, node: str = "n", *, past: bool, given: str = "at") -> str:
    """All states for which the condition, which may speak of what is `given`, holds; what is being ended comes twice."""
    if not past:
        return f"MATCH ({node}:Entity) WHERE {node}._graph = $graph AND {condition}"
    return (
        f"CALL ({given}) {{ MATCH ({node}:Entity) WHERE {node}._graph = $graph AND {node}._since <= at AND {condition} RETURN {node} UNION ALL "
        f"MATCH ({node}:OrgContextEntity) WHERE {node}._graph = $graph AND {node}._since <= at AND {node}._until > at AND {condition} "
        f"RETURN {node} }}"
    )


class _Way(NamedTuple):
    """Relations to follow from an entity: of these kinds (None: all), outward or back; `rank` says which rule that is, in Cypher."""

    kinds: list[str] | None
    outward: bool
    rank: str = "0"

    @property
    def pattern(self) -> str:
        """The relation `e` between two nodes in a Cypher pattern."""
        types = f":{_types(self.kinds)}" if self.kinds else ""
        return f"-[e{types}]->" if self.outward else f"<-[e{types}]-"

    @property
    def out(self) -> str:
        return str(self.outward).lower()


def _links(ways: Iterable[_Way], *, past: bool) -> str:
    """From entity `f`: relation `e`, its `kind` and whether it goes `out`, the entity `o` at its other end, the rank `j` of its rule, and
    `k`, by which it is told from others.
    """
    ways = [way for way in ways if way.kinds is None or way.kinds]
    if not ways:
        return "CALL (f, at) { WITH f AS e, f AS o, 0 AS j, '' AS k, '' AS kind, true AS out WHERE false RETURN e, o, j, k, kind, out }"
    if not past:
        return "CALL (f, at) { " + " UNION ALL ".join(_arm(way) for way in ways) + " }"
    return (
        f"CALL (f, at) {{ CALL (f, at) {{ {' UNION ALL '.join(_past_arm(way) for way in ways)} }} {_version('other', 'o', past=True)} "
        f"WITH f, e, o, j, kind, out, other WHERE {_passes('o')} "
        "RETURN e, o, j, CASE WHEN out THEN [f.id, kind, other] ELSE [other, kind, f.id] END AS k, kind, out }"
    )


def _arm(way: _Way) -> str:
    condition = f"e._since > 0 AND {_true('e')} AND o._graph = $graph AND {_passes('o')}"
    rank = way.rank.format("type(e)")
    return f"MATCH (f){way.pattern}(o) WHERE {condition} RETURN e, o, {rank} AS j, e AS k, type(e) AS kind, {way.out} AS out"


def _past_arm(way: _Way) -> str:
    """Native relations that were there already, and those that stand aside: ended since, or waiting for an end."""
    near, far = ("source", "target") if way.outward else ("target", "source")
    true = f"e._since <= at AND {_true('e')}"
    kinds = f" AND e.kind IN {way.kinds}" if way.kinds else ""
    return (
        f"MATCH (:Entity {{_graph: $graph, id: f.id}}){way.pattern}(y:Entity) WHERE y._graph = $graph AND {true} "
        f"RETURN e, type(e) AS kind, y.id AS other, {way.rank.format('type(e)')} AS j, {way.out} AS out UNION ALL "
        f"MATCH (e:OrgContextRelation) WHERE e._graph = $graph AND e.{near} = f.id{kinds} AND {true} AND coalesce(e._until, at + 1) > at "
        f"RETURN e, e.kind AS kind, e.{far} AS other, {way.rank.format('e.kind')} AS j, {way.out} AS out"
    )


def _walk(seen: _Seen, rules: Sequence[Rule], hops: int, *, past: bool) -> tuple[str, list[Any]]:
    """The whole of a walk in one statement, and the ranks of the rules that it looks up (a map for each hop and direction).

    Hop by hop it does what `Store.walk` promises: candidates in order, those taken already left out, each relation once, and a stop
    before the first row that would exceed a limit. Of a relation there are two candidates at most, one from each end.
    """
    ranks = [_ranks(rules, seen, hop) for hop in range(hops)]
    steps = "".join(_HOP.format(links=_links(_ways(ranks[hop], hop), past=past)) for hop in range(hops))
    anchors = f"UNWIND range(0, size($p.anchors) - 1) AS i WITH i, $p.anchors[i] AS id, at {_version('id', past=past)} WITH i, n WHERE {_passes('n')} "
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
    return [_Way(sorted(ranks[way]), not way, f"$p.ranks[{hop}][{way}][{{}}]") for way in (0, 1)]


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


class _Moved(Exception):
    """Another revision was published, or was being published, while a read went on: what it read may not belong together."""

    def __init__(self, state: int) -> None:
        self.state = state


class _Look:
    """One try at a read: all its answers are of one revision."""

    def __init__(self, session: Session, name: str, at: int | None, *, past: bool) -> None:
        self.session, self.name, self.at, self.past = session, name, at, past
        self.state: int | None = None
        self.last = 0  # the highest number of an entity

    def ask(self, body: str, /, *, options: str = "", **parameters: Any) -> Mapping[str, Any]:
        """What this piece of Cypher returns in its only row; in it, `at` is the revision that is read. `_Moved` if it cannot be trusted."""
        text = (
            f"{options}MATCH (g:OrgContextGraph {{name: $graph}}) WITH g.state AS state, g.entities AS last, g.state % {_TURN} AS head "
            "WITH state, last, CASE WHEN $p.at < head THEN $p.at ELSE head END AS at "
            f"CALL (at) {{ {body} }} "
            "CALL (state) { MATCH (g:OrgContextGraph {name: $graph}) WHERE state IS NOT NULL RETURN g.state AS final } RETURN *"
        )  # the last part speaks of `state`, or the planner would be free to run it first
        record = self.session.run(_literal(text), graph=self.name, p={**parameters, "at": self.at}).single()
        if record is None:
            message = f"the graph {self.name!r} is no longer in the database; open the store again to begin anew"
            raise StoreError(message)
        self.last = record["last"]
        self._judge(record["state"], record["final"])
        return record

    def _judge(self, state: int, final: int) -> None:
        turn, head = divmod(final, _TURN)
        current = turn % 2 == 0 and (self.at is None or self.at >= head)
        if state != final or self.state not in (None, final) or not (self.past or current):
            raise _Moved(final)
        self.state = final


_LIVE = "c.since <= at AND (c.until = 0 OR c.until > at)"


def _claimed(condition: str) -> str:
    """The live claims `c` about `id`: of the entity, and of relations that start there."""
    return (
        f"CALL (id, at) {{ MATCH (c:OrgContextClaim {{_graph: $graph, entity: id}}) WHERE {_LIVE}{condition} RETURN c UNION ALL "
        "MATCH (c:OrgContextClaim {_graph: $graph, subject: id}) WHERE c.kind IS NOT NULL AND c.target IS NOT NULL "
        f"AND {_LIVE}{condition} RETURN c }}"
    )


class _Near:
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

    def read(self, look: _Look, seen: _Seen, ids: Sequence[str]) -> None:
        """Read what is near these ids and aliases; of what has very many relations they are left unread, for a question rarely asks for all."""
        kinds = seen.relations()
        links = _links([_Way(kinds, outward=True), _Way(kinds, outward=False)], past=look.past)
        ends = "collect([out, kind, f._number, f.id, o._number, o.id, coalesce(o.valid_from, ''), coalesce(o.valid_to, '')])"
        ties = (
            "CALL ({0}, at) {{ UNWIND {0} AS f CALL (f, at) {{ {links} WITH f, e, o, kind, out LIMIT $p.{1} + 1 RETURN e, o, kind, out }} "
        )
        few = "[n IN {0} WHERE {1}COUNT {{ (n)--() }} <= $p.{2}]"  # which the server knows without reading them
        version = _version("id", past=look.past)
        body = (
            f"CALL (at) {{ UNWIND $p.ids AS asked CALL (asked, at) {{ MATCH (a:OrgContextAlias {{_graph: $graph, alias: asked}}) "
            f"WITH DISTINCT asked, a.id AS id, at {version} WITH asked, n WHERE asked IN n._aliases AND {_passes('n')} RETURN n "
            f"UNION WITH asked AS id, at {version} WITH n WHERE {_passes('n')} RETURN n }} "
            "RETURN collect([asked, n.id]) AS pairs, collect(DISTINCT n) AS fs } "
            f"WITH *, {few.format('fs', '', 'most')} AS few "
            f"{ties.format('few', 'most', links=links)} RETURN collect(e) AS es, {ends} AS ends, collect(DISTINCT o) AS os }} "
            f"WITH *, {few.format('os', 'NOT n IN fs AND ', 'round')}[..{_RING}] AS ring "
            f"{ties.format('ring', 'round', links=links)} RETURN collect(e) AS far, {ends} AS beyond }} "
            f"CALL (at, fs) {{ UNWIND fs AS f UNWIND [f.id] + coalesce(f._aliases, []) AS id {_claimed('')} "
            "RETURN collect([id, c.row, c.since]) AS said } MATCH (g:OrgContextGraph {name: $graph}) "
            f"RETURN pairs, said, {_columns('n', _ENTITY_READ, 'fs')}, {_columns('n', _ENTITY_READ, 'os')}, {_columns('e', _RELATION_READ, 'es')}, "
            f"{_columns('e', _RELATION_READ, 'far')}, ends, beyond, [n IN few | n.id] AS few, [n IN ring | n.id] AS ring, g.kinds AS kinds"
        )
        most = min(_TIES, _TIED // len(ids))
        answer = look.ask(body, ids=list(ids), most=most, round=_ROUND, **seen.parameters)
        self.asked.update(ids)
        for asked, own in answer["pairs"]:
            self.named.setdefault(asked, []).append(own)
        found, around = (seen.rows(_taken(answer, some, _ENTITY_READ)) for some in ("fs", "os"))
        self.rows.update({row.id: (number, row) for number, row in (found | around).items()})
        self.claims.update({id_: [] for row in found.values() for id_ in (row.id, *row.aliases)})
        for id_, *claim in answer["said"]:
            self.claims[id_].append(_told_claim(*claim))
        self._tie(answer, ("few", "es", "ends"), most=most)
        self._tie(answer, ("ring", "far", "beyond"), most=_ROUND)

    def _tie(self, answer: Mapping[str, Any], names: tuple[str, str, str], *, most: int) -> None:
        """Know the relations of those that have no more than `most`, which an earlier revision may have exceeded."""
        those, rows, ends = names
        numbers = {kind: place for place, kind in enumerate(answer["kinds"])}
        held: dict[str, dict[tuple[int, int, int], tuple[RelationRow, tuple[str, str]]]] = {id_: {} for id_ in answer[those]}
        many = Counter[str]()
        for (out, kind, *pair, since, until), *said in zip(answer[ends], *_taken(answer, rows, _RELATION_READ), strict=True):
            (one, source), (other, target) = (pair[:2], pair[2:]) if out else (pair[2:], pair[:2])
            held[pair[1]][one, numbers[kind], other] = _relation_row((source, kind, target), said), (since, until)
            many[pair[1]] += 1
        self.ties.update({id_: ties for id_, ties in held.items() if many[id_] <= most})


class _Question:
    """What was read while one question is answered: the revision that it is about, and answers that are not asked for again."""

    def __init__(self) -> None:
        self.number: int | None = None
        self.answers: dict[tuple[Hashable, ...], Any] = {}
        self.near: dict[tuple[int, int | None], _Near] = {}
        self.revisions: dict[int, str] = {}
        self._filters: list[Filter] = []

    def claims(self, at: int | None) -> dict[str, list[Claim]]:
        """The claims about things that were named, by their ids as claimed."""
        return {id_: said for (_, then), near in self.near.items() if then == at for id_, said in near.claims.items()}

    def around(self, where: Filter, at: int | None) -> _Near:
        """What is known of what this filter lets through in this revision, whatever the day."""
        return self.near.setdefault((self.place(any_day(where)), at), _Near())

    def keep(self, near: _Near, where: Filter, at: int | None) -> None:
        """Know it of this revision, too: of the newest one it is known only when it was read which that is."""
        self.near[self.place(any_day(where)), at] = near

    def place(self, where: Filter) -> int:
        """The number of this filter among those that were used."""
        for place, known in enumerate(self._filters):
            if known is where or known == where:
                return place
        self._filters.append(where)
        return len(self._filters) - 1


_IN_PAGE = "{0}._number > $p.low AND {0}._number <= $p.high"
_SPAN = "WITH *, CASE WHEN {0}._until <= at THEN {0}._until ELSE 0 END AS until WHERE {0}._since > $p.after OR until > $p.after"


_AMONG = (
    "CALL (at, spans, ties) { MATCH (r:OrgContextRevision) WHERE r._graph = $graph AND r.number <= at "
    "AND (any(one IN spans WHERE r.number IN one) OR any(one IN ties WHERE r.number IN one[1..])) "
    "RETURN collect([r.number, r.text]) AS revisions } "
)


def _version_spans(*, one: bool) -> tuple[str, str]:
    """The states of entities, and of relations, that began or ended after `$p.after`, with their spans: of one thing, or of a page of all."""
    mine = "n.id = $p.about" if one else _IN_PAGE.format("n")
    states = " UNION ALL ".join(
        f"MATCH (n:{label}) WHERE n._graph = $graph AND {mine} AND n._since <= at RETURN n" for label in ("Entity", "OrgContextEntity")
    )
    entities = f"CALL (at) {{ {states} }} {_SPAN.format('n')} RETURN collect(n) AS ns, collect([n._since, until]) AS spans"
    native = "MATCH (a:Entity {_graph: $graph, id: $p.about})-[e]-(b:Entity)" if one else "MATCH (a:Entity)-[e]->(b:Entity)"
    page_of = "true" if one else _IN_PAGE.format("a")
    aside = "$p.about IN [e.source, e.target]" if one else _IN_PAGE.format("e")
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
    return Claim._make([*said, tuple(same_as), locator, digest, since])


def _told_claim(row: str, since: int) -> Claim:
    """A claim as it is stored; where somebody made something else of its text, as far as it can be read, with a digest that does not hold."""
    try:
        return _claim(row, since)
    except (ValueError, TypeError):
        with suppress(ValueError, TypeError):
            *said, same_as, locator, _ = json.JSONDecoder().raw_decode(row)[0]
            return Claim._make([*said, tuple(same_as), locator, "", since])
        return Claim("?", "?", "?", "?", "", "?", "{}", "", "", "", (), "?", "", since)


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


def _make_schema(session: Session, statement: str) -> None:
    """Make an index or constraint, also where other stores make the same one at this moment: it is there, or they stand in each other's way."""
    for _ in range(20):
        try:
            session.run(_literal(statement)).consume()
        except TransientError:
            time.sleep(0.1)
        except ClientError as error:
            if error.code != "Neo.ClientError.Schema.EquivalentSchemaRuleAlreadyExists":
                raise
            return
        else:
            return
    session.run(_literal(statement)).consume()


def _make(transaction: ManagedTransaction, name: str) -> int:
    """Make the graph's own nodes where they are not there; returns the schema that the graph was written with."""
    record = transaction.run(
        "MERGE (g:OrgContextGraph {name: $name}) ON CREATE SET g._graph = $name, g.state = 0, g.entities = 0, g.kinds = [], g.schema = $schema "
        "MERGE (w:OrgContextWriter {name: $name}) ON CREATE SET w._graph = $name RETURN g.schema AS schema",
        name=name,
        schema=SCHEMA_VERSION,
    ).single(strict=True)
    _seal_notes(transaction, name)
    return record["schema"]


def _seal_notes(transaction: ManagedTransaction, name: str) -> None:
    """Seal the notes of a graph from before notes were sealed, once."""
    notes = "MATCH (n:OrgContextNote) WHERE n._graph = $graph RETURN n.key, n.text"
    if transaction.run(f"{notes} ORDER BY n.key = $seal DESC LIMIT 1", graph=name, seal=SEAL).values() != [[SEAL, "1"]]:
        seals = [list(one) for key, text in transaction.run(notes, graph=name).values() for one in sealed(key, text)]
        transaction.run(_NOTE, graph=name, p={"rows": [*seals, [SEAL, "1"]]}).consume()


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
        with _translated(uri):
            self._driver = GraphDatabase.driver(uri, auth=(user, password), notifications_min_severity="OFF", user_agent="orgcontext")
        self._bookmarks = GraphDatabase.bookmark_manager()
        self._database = database
        self._question: ContextVar[_Question | None] = ContextVar("question", default=None)
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
                    _make_schema(session, f"CREATE {statement.format(name)}")
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

    @contextmanager
    def question(self) -> Generator[None]:
        token = self._question.set(_Question())
        try:
            yield
        finally:
            self._question.reset(token)

    def _pinned(self, at: int | None) -> int | None:
        """The revision that is read: within a question the newest one is that of its first read."""
        asked = self._question.get()
        return asked.number if asked and at is None else at

    def _once(self, at: int | None, key: tuple[Hashable, ...], question: Callable[[_Look], T]) -> T:
        """The same as `_read`; within a question it is asked once."""
        asked = self._question.get()
        if asked is None:
            return self._read(at, question)
        if (self._pinned(at), key) not in asked.answers:
            answer = self._read(at, question)
            asked.answers[self._pinned(at), key] = answer
        return asked.answers[self._pinned(at), key]

    def _read(self, at: int | None, question: Callable[[_Look], T]) -> T:
        """The answer of one revision: asked again while a publish goes on between its first statement and its last."""
        at, asked = self._pinned(at), self._question.get()
        until = time.monotonic() + _LONGEST
        past = at is not None and at < self._head
        while time.monotonic() < until:
            try:
                with _translated(self._uri), self._session(default_access_mode=READ_ACCESS) as session:
                    look = _Look(session, self._name, at, past=past)
                    answer = question(look)
            except _Moved as moved:
                turn, self._head = divmod(moved.state, _TURN)
                past = turn % 2 == 1 or (at is not None and at < self._head)
            else:
                self._head = (look.state or 0) % _TURN or self._head
                if asked and asked.number is None and at is None:
                    asked.number = (look.state or 0) % _TURN
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
        def question(look: _Look) -> dict[str, str]:
            seen = _Seen(where)
            direct = f"WITH asked AS id, at {_version('id', past=look.past)}"
            aliased = f"MATCH (a:OrgContextAlias {{_graph: $graph, alias: asked}}) WITH DISTINCT asked, a.id AS id, at {_version('id', past=look.past)}"
            body = (
                f"UNWIND $p.ids AS asked CALL (asked, at) {{ {aliased} WITH asked, n WHERE asked IN n._aliases AND {_passes('n')} "
                f"RETURN n.id AS own, 0 AS rank UNION ALL {direct} WITH n WHERE {_passes('n')} RETURN n.id AS own, 1 AS rank }} "
                "WITH asked, own ORDER BY rank RETURN collect([asked, own]) AS pairs"
            )
            found: dict[str, str] = {}
            for chunk in _chunks(ids, _PAGE):
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

    def _near(self, ids: Collection[str], where: Filter, at: int | None, *, tied: bool = False) -> _Near | None:
        """What is known of all these things in this question, read if they are few; None where it is not. `tied`: their relations too."""
        asked = self._question.get()
        if asked is None:
            return None
        near, day = asked.around(where, self._pinned(at)), day_of(where)
        unknown = [id_ for id_ in dict.fromkeys(ids) if not near.knows(id_, day, tied=tied)]
        if len(unknown) > _NEAR:
            return None
        if unknown:
            self._read(at, lambda look: near.read(look, _Seen(any_day(where)), unknown))
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
        found = self._read(at, lambda look: self._entities(look, _Seen(where, kinds), ids))
        self._meet(found, where, at)
        return iter([found[number] for number in sorted(found)])

    def _every(self, where: Filter, at: int | None, *, read: bool) -> _Near | None:
        """All rows there are, whatever the day, known for the rest of the question; None outside of one, or where they are not to be `read` yet."""
        asked = self._question.get()
        if asked is None:
            return None
        near = asked.around(where, self._pinned(at))
        if read and not near.whole:
            near.fill(self._read(at, lambda look: self._entities(look, _Seen(any_day(where)), None)))
            asked.keep(near, where, self._pinned(at))
        return near if near.whole else None

    def _entities(self, look: _Look, seen: _Seen, ids: Collection[str] | None) -> dict[int, EntityRow]:
        """The visible entities, among these ids or of all, by number."""
        found: dict[int, EntityRow] = {}
        if ids is not None:
            chosen = f"UNWIND $p.ids AS id {_version('id', past=look.past)} WITH n WHERE {_passes('n')}"
            pages: Iterable[dict[str, Any]] = ({"ids": chunk} for chunk in _chunks(dict.fromkeys(ids), _PAGE))
        else:
            chosen = _all(f"{_IN_PAGE.format('n')} AND {_passes('n')}", past=look.past)
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
        near = self._near(touching, where, at, tied=True) if touching is not None else None
        known = near.relations(touching, day_of(where)) if near and touching is not None else None
        if known is not None:
            found = {key: row for key, row in known.items() if kinds is None or row.kind in kinds}
        else:
            whole = None if kinds is None else tuple(sorted(kinds))
            places = None if touching is None else tuple(sorted(touching))
            found = self._once(
                at, ("relations", places, whole, self._place(where)), lambda look: self._relations(look, _Seen(where), touching, kinds)
            )
        return iter([found[key] for key in sorted(found)])

    @staticmethod
    def _relations(
        look: _Look, seen: _Seen, touching: Collection[str] | None, wanted: Collection[str] | None
    ) -> dict[tuple[int, int, int], RelationRow]:
        """The visible relations, at these ids or all, by the numbers of source, kind and target."""
        kinds = seen.relations(wanted)
        if touching is not None:
            links = _links([_Way(kinds, outward=True), _Way(kinds, outward=False)], past=look.past)
            chosen = f"UNWIND $p.ids AS id {_version('id', 'f', past=look.past)} WITH f, at WHERE {_passes('f')}"
            pages: Iterable[dict[str, Any]] = ({"ids": chunk} for chunk in _chunks(dict.fromkeys(touching), _PAGE // 10))
        else:
            links = _links([_Way(kinds, outward=True)], past=look.past)
            chosen = _all(f"{_IN_PAGE.format('f')} AND {_passes('f')}", "f", past=look.past)
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
                found[one, numbers[kind], other] = _relation_row((source, kind, target), said)
        return found

    def walk(self, anchors: Sequence[str], rules: Sequence[Rule], where: Filter, *, limit: Limit, at: int | None = None) -> Walked:
        def question(look: _Look) -> Walked:
            seen = _Seen(where)
            hops = min(limit.hops, max((rule.depth for rule in rules), default=0))
            body, ranks = _walk(seen, rules, hops, past=look.past)
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
            entities = seen.rows(_taken(answer, "known", _ENTITY_READ))
            ids: dict[Any, Any] = {number: row.id for number, row in entities.items()}
            said = zip(answer["keys"], *_taken(answer, "rows", _RELATION_READ), strict=True)
            relations = [  # the keys of an old revision name the ends already
                _relation_row((ids.get(one, one), kind, ids.get(other, other)), rest) for (one, kind, other), *rest in said
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
        def question(look: _Look) -> list[list[EntityRow]]:
            seen = _Seen(where)
            said = [_Sought(text, kinds, self._name) for text, kinds in asked]
            masked = sorted(kind for kind, names in where.masked.items() if names)
            body = _search(past=look.past, masked=bool(masked), exact=any(one.inexact for one in said))
            found: list[list[EntityRow]] = []
            for chunk in _chunks((one.parameters for one in said), _TEXTS):
                answer = look.ask(body, asked=chunk, masked=masked, limit=limit, soon=_SOON, **seen.parameters)
                rows, some = seen.rows(_taken(answer, "ns", _ENTITY_READ)), [list[EntityRow]() for _ in chunk]
                for place, number in answer["found"]:
                    some[place].append(rows[number])
                self._meet(rows, where, at)
                found += some
            return found

        key = ("search", *((text, None if kinds is None else tuple(kinds)) for text, kinds in asked), limit, self._place(where))
        return self._once(at, key, question) if asked else []

    def called(self, names: Collection[str], where: Filter, *, at: int | None = None) -> dict[str, list[Called]]:
        def question(look: _Look) -> dict[str, list[Called]]:
            seen, found = _Seen(where), defaultdict[str, list[Called]](list)
            body = (
                f"UNWIND $p.names AS a {_all('n._folded = a[1]', past=look.past, given='a, at')} WITH DISTINCT a, n WHERE {_passes('n')} "
                "WITH a, n ORDER BY n._number "
                "RETURN collect([a[0], n.id, split(n._facet, ' ')[0], coalesce(n.valid_from, ''), coalesce(n.valid_to, '')]) AS named"
            )
            for chunk in _chunks(sorted({*names} - {""}), _PAGE):
                for name, *said in look.ask(body, names=[[name, _hashed(name)] for name in chunk], **seen.parameters)["named"]:
                    found[name].append(Called(*said))
            return dict(found)

        return self._once(at, ("called", tuple(sorted(names)), self._place(where)), question) if names else {}

    # history, claims, counts

    def versions(self, about: str | None = None, *, after: int = 0, upto: int | None = None) -> Iterator[Version]:
        return iter(self._once(upto, ("versions", about, after), lambda look: self._versions(look, about, after)))

    def _versions(self, look: _Look, about: str | None, after: int) -> list[Version]:
        """They; and, of one thing, within a question, the revisions in which they began and ended."""
        seen = _Seen(Filter())
        entities, relations = _version_spans(one=about is not None)
        body = (
            f"CALL (at) {{ {entities} }} CALL (at) {{ {relations} }} {_AMONG if about is not None else 'WITH *, [] AS revisions '}"
            f"RETURN revisions, {_columns('n', _ENTITY_READ, 'ns')}, spans, {_columns('e', _RELATION_READ, 'es')}, ties"
        )
        things, related = dict[tuple[int, int], Version](), dict[tuple[str, ...], Version]()
        for page in [{"about": about}] if about is not None else _pages(look):
            answer = look.ask(body, after=after, **page)
            for (since, until), *said in zip(answer["spans"], *_taken(answer, "ns", _ENTITY_READ), strict=True):
                ((number, row),) = seen.rows([[value] for value in said]).items()
                things[number, since] = Version(row, since, until)
            for (key, since, until), *said in zip(answer["ties"], *_taken(answer, "es", _RELATION_READ), strict=True):
                related[(*key, f"{since:09}")] = Version(_relation_row(key, said), since, until)
            if asked := self._question.get():
                asked.revisions.update(answer["revisions"])
        return [*(things[key] for key in sorted(things)), *(related[key] for key in sorted(related))]

    def claims(self, *, about: Collection[str] | None = None, source: str | None = None, at: int | None = None) -> Iterator[Claim]:
        own = " AND c.source = $p.source" if source is not None else ""
        if about is None:
            chosen = f"MATCH (c:OrgContextClaim) WHERE c._graph = $graph AND {_LIVE}{own}"
        else:
            chosen = f"UNWIND $p.ids AS id {_claimed(own)}"
        body = f"{chosen} WITH collect(c) AS cs RETURN {_columns('c', ('row', 'since'), 'cs')}"
        chunks = [[""]] if about is None else list(_chunks(dict.fromkeys(about), _PAGE))

        asked = self._question.get()
        said = asked.claims(self._pinned(at)) if asked else {}
        if source is None and about is not None and said.keys() >= set(about):
            return iter(sorted((claim for id_ in dict.fromkeys(about) for claim in said[id_]), key=_claim_order))

        def question(look: _Look) -> list[Claim]:
            answers = (look.ask(body, ids=chunk, source=source) for chunk in chunks)
            return [_told_claim(*said) for answer in answers for said in zip(answer["cs0"], answer["cs1"], strict=True)]

        return iter(sorted(self._read(at, question), key=_claim_order))

    def claimed(self, *, after: int = 0, upto: int | None = None) -> Iterator[Made]:
        body = (
            "MATCH (c:OrgContextClaim) WHERE c._graph = $graph AND c.since <= at AND (c.since > $p.after OR (c.until > $p.after AND c.until <= at)) "
            "RETURN collect([c.row, c.since, CASE WHEN c.until <= at THEN c.until ELSE 0 END]) AS made"
        )
        rows = self._read(upto, lambda look: look.ask(body, after=after)["made"])
        return (Made(_told_claim(row, since), until) for row, since, until in rows)

    def kinds(self) -> list[str]:
        body = "MATCH (g:OrgContextGraph {name: $graph}) RETURN g.kinds AS kinds"
        return list(self._read(None, lambda look: look.ask(body)["kinds"]))

    def tally(self, where: Filter, *, at: int | None = None) -> Tally:
        def question(look: _Look) -> Tally:
            seen = _Seen(where)
            chosen, links = _all(_passes("f"), "f", past=look.past), _links([_Way(seen.relations(), outward=True)], past=look.past)
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
        self._say(_NOTE, rows=[list(one) for one in sealed(key, text)])

    def record(self, event: Event) -> None:
        self._told = max(self._told + 1, time.time_ns())
        self._say(
            "MERGE (e:OrgContextEvent {_graph: $graph, at: $p.at, told: $p.told, text: $p.text})",
            at=_moment(event.at),
            told=self._told,
            text=event.model_dump_json(),
        )

    def events(self, since: datetime | None = None, *, holding: str = "") -> Iterator[Event]:
        where = "e._graph = $graph AND e.at >= $p.since AND e.text CONTAINS $p.holding"
        body = f"MATCH (e:OrgContextEvent) WHERE {where} WITH e ORDER BY e.at, e.told RETURN collect(e.text) AS texts"
        texts = self._read(None, lambda look: look.ask(body, since=_moment(since) if since else "", holding=holding)["texts"])
        return map(Event.model_validate_json, texts)

    def _say(self, text: str, /, **parameters: Any) -> None:
        """Write one small thing, in one round trip; it must be one that may be written twice, for who is cut off does not know if it was."""
        until = time.monotonic() + _RETRIED
        with _translated(self._uri):
            while True:
                try:
                    with self._session() as session:
                        session.run(_literal(text), graph=self._name, p=parameters).consume()
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
        with _translated(self._uri), self._session() as holding, self._session() as session:
            self._reserve(session)
            with holding.begin_transaction() as lock:
                lock.run("MATCH (w:OrgContextWriter {name: $graph}) SET w.touched = timestamp()", graph=self._name).consume()
                writer = _Writer(session, self._name, at_once=self._at_once, inside=lock if dry else None)
                draft = Neo4jDraft(writer, dry=dry)
                try:
                    yield draft
                finally:
                    draft.leave()
                    lock.close()  # nothing in it is to stay; left to itself it would be committed

    def misplaced(self) -> Iterator[Misplaced]:
        with self.draft(dry=True), self._session() as session:  # while nobody writes, and after what a dead writer left was undone
            return iter(list(_Derived(session, self._name).misplaced()))

    def mend(self, rows: Sequence[Version], gone: Collection[str | RelationKey]) -> None:
        with self.draft() as draft:
            draft.mend([one for one in rows if not one.until], gone)
        with self.draft(), self._session() as session:
            _Derived(session, self._name).mend([one for one in rows if one.until])

    def _reserve(self, session: Session) -> None:
        """Wait until no other writer holds the graph's lock, and keep it free for a moment: whoever takes it then does not wait long."""
        until = time.monotonic() + self._patience
        text = (
            "MATCH (w:OrgContextWriter {name: $graph}) SET w.touched = timestamp() WITH w MATCH (g:OrgContextGraph {name: $graph}) "
            "WHERE coalesce(g.reserved, 0) < timestamp() SET g.reserved = timestamp() + 2000 RETURN g.name"
        )
        while (left := until - time.monotonic()) > 0:
            try:
                if session.run(Query(_literal(text), timeout=left), graph=self._name).values():
                    return
            except Neo4jError as error:
                if not (isinstance(error, TransientError) or _stopped(error)):
                    raise
            time.sleep(0.02)
        message = (
            f"{self._uri}: another writer has held the graph {self._name!r} for more than {self._patience:.0f} seconds; nothing was written"
        )
        raise StoreBusy(message)


class _Term(NamedTuple):
    """Words that must all be there, and the beginning of one more ("": none)."""

    words: Sequence[str]
    beginning: str = ""

    def query(self, field: str, name: str) -> str:
        """It in Lucene's language; words hold letters, digits and underscores only, so that nothing in them needs an escape."""
        whole = [f'+{field}:"{word}"' if len(word) <= _LONG_WORD else f"+{field}:{word[:_LONG_WORD]}*" for word in self.words[:_LUCENE]]
        begun = [f"+{field}:{self.beginning[:_LONG_WORD]}*"] if self.beginning else []
        return " ".join([f'+_graph:"{name}"', *whole, *begun])

    @property
    def inexact(self) -> bool:
        """Whether Lucene is asked for less than is meant."""
        return len(self.words) > _LUCENE or any(len(word) > _LONG_WORD for word in (*self.words, self.beginning))

    def parameters(self, name: str) -> dict[str, Any]:
        """It as the statement of a search takes it."""
        return {
            "_words": self.query("_words", name),
            "_label": self.query("_label", name),
            "whole": [f" {word} " for word in self.words],
            "beginning": f" {self.beginning}" if self.beginning else "",
        }


class _Sought:
    """A text that is looked for, tier by tier (see `Store.search`)."""

    def __init__(self, text: str, kinds: Collection[str] | None, name: str) -> None:
        folded = fold(text)
        words = list(dict.fromkeys(folded.split()))
        *first, last = folded.split() or [""]
        worded = [_Term(list(dict.fromkeys(first)), last)] if last else []
        partly = [_Term([word]) for word in words if len(word) >= 3 and len(words) > 1]
        runs = _runs(grams_of(text).split()) if folded else []
        query = " ".join("(" + " ".join(f'+_grams:"{gram}"' for gram in run[:_LUCENE]) + ")" for run in runs)
        self.inexact = any(term.inexact for term in (*worded, *partly)) or any(len(run) > _LUCENE for run in runs)
        self.parameters: dict[str, Any] = {
            "text": text,
            "kinds": None if kinds is None else sorted(kinds),
            "folded": _hashed(folded) if folded else "",
            "worded": [term.parameters(name) for term in worded],
            "partly": [term.parameters(name) for term in partly],
            "misspelt": [f'+_graph:"{name}" +({query})'] if runs else [],
            "runs": [[f" {gram} " for gram in run] for run in runs],
        }


def _runs(grams: Sequence[str]) -> list[Sequence[str]]:
    """The trigrams of a text in three runs of equal length, those that are not empty."""
    short, longer = divmod(len(grams), 3)
    ends = [0, *(short * (run + 1) + min(run + 1, longer) for run in range(3))]
    return [grams[start:end] for start, end in pairwise(ends) if end > start]


def _search(*, past: bool, masked: bool, exact: bool) -> str:
    """All tiers of a search in one statement, for each text of `$p.asked`; a later one is tried only where the earlier ones found too little.

    `masked`: some kinds are found by name, id and aliases only. `exact`: what the index finds is held against the words themselves.
    """
    version, passes = _version("id", past=past), _passes("n", "a.kinds")
    first = (
        f"WITH n, a WHERE {passes} WITH n._number AS number, collect(n)[0] AS n ORDER BY number LIMIT $p.limit "  # what is ended twice
        "RETURN collect(n) AS ns"
    )
    called = (
        f"CALL (a, at) {{ WITH a, at, a.text AS id {version} RETURN n UNION ALL MATCH (x:OrgContextAlias {{_graph: $graph, alias: a.text}}) "
        f"WITH DISTINCT a, at, x.id AS id {version} WITH n, a WHERE a.text IN n._aliases RETURN n }} {first}"
    )
    named = f"WITH a, at WHERE a.folded <> '' {_all('n._folded = a.folded', past=past, given='a, at')} {first}"
    hits = [_hits("_words", exact=exact, past=past) + (" AND NOT split(n._facet, ' ')[0] IN $p.masked" if masked else "")]
    hits += [_hits("_label", exact=exact, past=past) + " AND split(n._facet, ' ')[0] IN $p.masked"] if masked else []
    listed = f"CALL (term, at) {{ {' UNION ALL '.join(f'{one} RETURN n' for one in hits)} }} {first}"
    holders = listed if past else _soon(first, masked=masked, listed=listed)
    worded = f"UNWIND a.worded AS term {holders}"
    partly = (
        f"UNWIND range(0, size(a.partly) - 1) AS i WITH a, at, i, a.partly[i] AS term CALL (a, term, at) {{ {holders} }} "
        "WITH i, ns ORDER BY size(ns), i RETURN reduce(kept = [], some IN collect(ns) | "
        "CASE WHEN size(kept) < $p.limit THEN kept + [n IN some WHERE NOT n IN kept] ELSE kept END)[..$p.limit] AS ns"
    )
    held = " AND any(run IN a.runs WHERE all(gram IN run WHERE (' ' + n._grams + ' ') CONTAINS gram))" if exact else ""
    misspelt = f"UNWIND a.misspelt AS query {_fulltext('query', past=past)}{held} {first}"
    tiers = "".join(
        f"CALL (a, at, known) {{ WITH a, at, known WHERE size(known) < $p.limit {tier} }} WITH q, a, at, known + [n IN ns WHERE NOT n IN known] AS known "
        for tier in (called, named, worded, partly, misspelt)
    )
    return (
        f"UNWIND range(0, size($p.asked) - 1) AS q WITH q, $p.asked[q] AS a, at, [] AS known {tiers}"
        "UNWIND range(0, size(known) - 1) AS i WITH q, i, known[i] AS n ORDER BY q, i "
        f"WITH collect([q, n._number]) AS found, collect(DISTINCT n) AS ns RETURN found, {_columns('n', _ENTITY_READ, 'ns')}"
    )


def _soon(first: str, *, masked: bool, listed: str) -> str:
    """What holds `term` among the entities of the lowest numbers; where that is too little, what the index lists of it.

    What comes first of a word that half of the graph has is there, and the index lists them all before any can be left out.
    """
    texts = "CASE WHEN split(n._facet, ' ')[0] IN $p.masked THEN n._label ELSE n._words END" if masked else "n._words"
    return (
        f"CALL (a, term) {{ MATCH (n:Entity) WHERE n._graph = $graph AND n._number > 0 AND n._number <= $p.soon "
        f"AND {_held(texts)} {first} }} WITH a, term, at, ns AS soon "
        f"CALL (a, term, at, soon) {{ WITH * WHERE size(soon) < $p.limit {listed} }} "
        "WITH collect(CASE WHEN size(soon) < $p.limit THEN ns ELSE soon END) AS found RETURN coalesce(found[0], []) AS ns"
    )


def _held(texts: str) -> str:
    """The condition that all that `term` asks for stands in these words."""
    text = f"(' ' + {texts} + ' ')"
    return f"all(word IN term.whole WHERE {text} CONTAINS word) AND {text} CONTAINS term.beginning"


def _hits(field: str, *, exact: bool, past: bool) -> str:
    """What the full-text index finds for `term` in this field."""
    return _fulltext(f"term.{field}", past=past) + (f" AND {_held(f'n.{field}')}" if exact else "")


def _fulltext(query: str, *, past: bool) -> str:
    """The states that the full-text index finds."""
    alive = "n._since <= at AND (n:Entity OR n._until > at)" if past else "n:Entity"
    return f"CALL db.index.fulltext.queryNodes('orgcontext_text', {query}) YIELD node AS n WITH * WHERE n._graph = $graph AND {alive}"


# writing


class _Statement(NamedTuple):
    """A statement and the rows (`$p.rows`) that it is run for, so many at once; and its other parameters.

    One that `places` returns pairs of an entity's id and the server's own name for its node; in one that `joins`, the ids with which the rows
    begin are given as those names: by them a node is found several times as quickly as through an index.
    """

    text: str
    rows: Sequence[Any]
    parameters: Mapping[str, Any] = {}
    places: bool = False
    joins: bool = False

    def chunks(self) -> Iterator[_Statement]:
        return (self._replace(rows=chunk) for chunk in _chunks(self.rows, _BATCH))


class _Stood(NamedTuple):
    """A native entity as it stands on the server."""

    number: int
    since: int
    kind: str
    digest: str
    aliases: tuple[str, ...]


class _Tied(NamedTuple):
    """A living relation as it stands on the server: native, or waiting for an end."""

    since: int
    native: bool
    digest: str


class _Writer:
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
        self.head = state % _TURN
        if drafting:
            self.undo()
        if forgetting:
            self.forget()
        self._inside = inside

    def ask(self, text: str, /, **parameters: Any) -> Any:
        """What a statement returns in its only row and column; it sees all that was written so far."""
        run = self._inside.run if self._inside else self._session.run
        ((answer,),) = run(_literal(text), graph=self.name, p=parameters).values()
        return answer

    def write(self, *statements: _Statement, whole: bool = False) -> None:
        """Commit these one by one, or, if they are few rows or must be `whole`, together; `Conflict` if another writer took over meanwhile."""
        chunks = [chunk for statement in statements if statement.rows for chunk in statement.chunks()]
        if whole or not self.many(sum(len(chunk.rows) for chunk in chunks)):
            self._commit(chunks)
        else:
            for chunk in chunks:
                self._commit([chunk])

    def write_ahead(self, statements: Iterable[_Statement]) -> None:
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

    def _commit(self, statements: Sequence[_Statement]) -> None:
        if not statements:
            return
        if self._inside:
            self._run(self._inside, statements)
            return
        with self._session.begin_transaction() as transaction:
            self._make_sure(transaction)
            self._run(transaction, statements)
            transaction.commit()

    def _run(self, transaction: Transaction, statements: Sequence[_Statement]) -> None:
        for text, rows, parameters, places, joins in statements:
            sent = [[self._placed[row[0]], self._placed[row[1]], *row[2:]] for row in rows] if joins else rows
            result = transaction.run(_literal(text), graph=self.name, p={**parameters, "rows": sent})
            if places:
                ((pairs,),) = result.values()
                self._placed.update(pairs)
            result.consume()

    def _make_sure(self, transaction: Transaction) -> None:
        """Lock the graph's node for this transaction, and see that this writer is still the one."""
        text = "MATCH (g:OrgContextGraph {name: $graph}) SET g.drafting = true WITH g WHERE g.writer = $token RETURN g.state"
        state = transaction.run(text, graph=self.name, token=self._token).values()
        if not state or state[0][0] % _TURN != self.head:
            message = f"another writer took over the graph {self.name!r}; nothing was published, try again"
            raise Conflict(message)
        self.wrote = True

    # what stands on the server

    def stood(self, ids: Iterable[str]) -> dict[str, _Stood]:
        """The native entities among these ids."""
        text = (
            "UNWIND $p.ids AS id MATCH (n:Entity {_graph: $graph, id: id}) "
            "RETURN collect([n.id, n._number, n._since, split(n._facet, ' ')[0], n._digest, coalesce(n._aliases, [])])"
        )
        rows = chain.from_iterable(self.ask(text, ids=chunk) for chunk in _chunks(ids, _PAGE))
        return {id_: _Stood(number, since, kind, digest, tuple(aliases)) for id_, number, since, kind, digest, aliases in rows}

    def tied(self, keys: Iterable[RelationKey]) -> dict[RelationKey, _Tied]:
        """The living relations among these keys; where one is being made native, it counts as native."""
        keys = list(keys)
        found: dict[RelationKey, _Tied] = {}
        if self.waiting:
            text = f"UNWIND $p.rows AS r {_WAITING} RETURN collect([r, w._since, w._digest])"
            for chunk in _chunks(keys, _PAGE):
                found.update(
                    {
                        (key[0], key[1], key[2]): _Tied(since, native=False, digest=digest)
                        for key, since, digest in self.ask(text, rows=chunk)
                    }
                )
        for kind, ends in _by_kind((source, kind, target, None) for source, kind, target in keys).items():
            text = f"UNWIND $p.rows AS r {_NATIVE.format(kind)} RETURN collect([r[0], r[1], e._since, e._digest])"
            for chunk in _chunks(ends, _PAGE):
                found.update(
                    {
                        (one, kind, other): _Tied(since, native=True, digest=digest)
                        for one, other, since, digest in self.ask(text, rows=chunk)
                    }
                )
        return found

    def waiting_at(self, ids: Sequence[str]) -> dict[RelationKey, tuple[RelationRow, int]]:
        """The relations that wait and have one of these ids at an end, each with the revision in which it began."""
        text = (
            "UNWIND $p.ids AS id CALL (id) { MATCH (e:OrgContextWaiting {_graph: $graph, source: id}) RETURN e UNION ALL "
            "MATCH (e:OrgContextWaiting {_graph: $graph, target: id}) RETURN e } "
            f"RETURN collect([[e.source, e.kind, e.target], e._since, {', '.join(f'e.{name}' for name in _RELATION_READ)}])"
        )
        found = chain.from_iterable(self.ask(text, ids=chunk) for chunk in _chunks(ids, _PAGE)) if self.waiting else ()
        return {(key[0], key[1], key[2]): (_relation_row(key, said), since) for key, since, *said in found}

    # leaving no trace

    def undo(self) -> None:
        """Bring everything back to the newest revision: what a writer began and did not end."""
        with self._session.begin_transaction() as transaction:
            self._make_sure(transaction)
            transaction.commit()
        self._sweep(_TRACES)
        if self.ask("MATCH (g:OrgContextGraph {name: $graph}) RETURN g.state") // _TURN % 2:
            change = _Change(self, *self._before(), until=None)
            self.write(*change.copies())
            self.write(*change.native())
            self.write(_Statement(_BACK, [0], {"turn": _TURN}))
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
            f"WHERE c.since = s.since AND {over.format('c', 'since', 'until')} WITH c, collect(s) AS values LIMIT {_BATCH} "
            "FOREACH (s IN values | DELETE s) DETACH DELETE c RETURN count(*)"
        )
        rest = (
            f"MATCH (n:OrgContext{label}) WHERE n._graph = $graph AND {over.format('n', since, until)} "
            f"WITH n LIMIT {_BATCH} DETACH DELETE n RETURN count(*)"
            for label, since, until in labels
        )
        for text in (known, *rest):
            while self.ask(text, before=before, kept=kept):
                pass
        self.ask("MATCH (g:OrgContextGraph {name: $graph}) REMOVE g.forgetting RETURN count(*)")

    def _sweep(self, what: Iterable[tuple[str, str, str]]) -> None:
        """Do something to all that has a label and fulfils a condition, until nothing does any more."""
        for label, condition, action in what:
            text = f"MATCH (n:{label}) WHERE n._graph = $graph AND {condition} WITH n LIMIT {_BATCH} {action} RETURN count(*)"
            while self.ask(text, head=self.head):
                pass

    def _before(self) -> tuple[dict[str, _Put | None], dict[RelationKey, tuple[RelationRow, int] | None]]:
        """What the facts that a publish had begun to change were before; marked, for they are read from the copies until all is back."""
        seen = _Seen(Filter())
        native = "MATCH (n:Entity) WHERE n._graph = $graph AND n._since > $p.head RETURN collect(n.id)"
        entities: dict[str, _Put | None] = dict.fromkeys(self.ask(native, head=self.head))
        closed = "MATCH (n:OrgContextEntity) WHERE n._graph = $graph AND n._until > $p.head"
        for since, *said in self.ask(
            f"{closed} RETURN collect([n._since, {', '.join(f'n.{name}' for name in _ENTITY_READ)}])", head=self.head
        ):
            ((number, row),) = seen.rows([[value] for value in said]).items()
            entities[row.id] = _Put(row, _MARK + since, number)
        native = (
            "MATCH (a:Entity)-[e]->(b:Entity) WHERE a._graph = $graph AND b._graph = $graph AND e._since > $p.head AND e._since < $p.mark"
        )
        aside = "MATCH (e:OrgContextWaiting) WHERE e._graph = $graph AND e._since > $p.head AND e._since < $p.mark"
        fresh = (f"{native} RETURN collect([a.id, type(e), b.id])", f"{aside} RETURN collect([e.source, e.kind, e.target])")
        relations: dict[RelationKey, tuple[RelationRow, int] | None] = {
            (key[0], key[1], key[2]): None for text in fresh for key in self.ask(text, head=self.head, mark=_MARK)
        }
        ended = "MATCH (e:OrgContextRelation) WHERE e._graph = $graph AND e._until > $p.head"
        read = ", ".join(f"e.{name}" for name in _RELATION_READ)
        for key, since, *said in self.ask(f"{ended} RETURN collect([[e.source, e.kind, e.target], e._since, {read}])", head=self.head):
            relations[key[0], key[1], key[2]] = (_relation_row(key, said), _MARK + since)
        return entities, relations


class _Put(NamedTuple):
    """An entity to be native, with the revision in which this state began and its number."""

    row: EntityRow
    since: int
    number: int


_NATIVE = "MATCH (a:Entity {{_graph: $graph, id: r[0]}}) MATCH (b:Entity {{_graph: $graph, id: r[1]}}) MATCH (a)-[e:`{0}`]->(b) WHERE e._since > 0"
_ENDS = "MATCH (a:Entity {_graph: $graph, id: r[0]}) MATCH (b:Entity {_graph: $graph, id: r[1]})"
_PLACED = "MATCH (a) WHERE elementId(a) = r[0] MATCH (b) WHERE elementId(b) = r[1]"
_WAITING = "MATCH (w:OrgContextWaiting {_graph: $graph, source: r[0]}) WHERE w.kind = r[1] AND w.target = r[2]"
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
        f"n._until > $p.head AND EXISTS {{ MATCH (m:Entity {{_graph: $graph, id: n.id}}) WHERE m._since >= {_MARK} }}",
        f"MATCH (m:Entity {{_graph: $graph, id: n.id}}) SET m._since = m._since - {_MARK}",
    ),
    (
        "OrgContextRelation",
        f"EXISTS {{ MATCH {_NATIVE_OF} AND e._since >= {_MARK} }}",
        f"MATCH {_NATIVE_OF} AND e._since >= {_MARK} SET e._since = e._since - {_MARK}",
    ),
    ("OrgContextWaiting", f"n._since >= {_MARK}", f"SET n._since = n._since - {_MARK}"),
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


def _by_kind(rows: Iterable[tuple[str, str, str, T]]) -> dict[str, list[Any]]:
    """Of (source, kind, target, values): for each kind (source, target, values)."""
    grouped: dict[str, list[Any]] = defaultdict(list)
    for source, kind, target, values in rows:
        grouped[kind].append(values or [source, target])
    return grouped


class _Change:
    """How the native graph becomes another: entities and relations to be put (None: to be gone), as statements in the three steps of a publish.

    `until` is the revision in which what is replaced or gone ends; None: copies of it stand already.
    """

    def __init__(
        self,
        writer: _Writer,
        entities: Mapping[str, _Put | None],
        relations: Mapping[RelationKey, tuple[RelationRow, int] | None],
        *,
        until: int | None,
        stood: Mapping[str, _Stood | None] | None = None,
        tied: Mapping[RelationKey, _Tied | None] | None = None,
    ) -> None:
        self.until, self.entities = until, entities
        self.stood = writer.stood(entities) if stood is None else {id_: known for id_ in entities if (known := stood.get(id_))}
        self.tied = writer.tied(relations) if tied is None else {key: known for key in relations if (known := tied.get(key))}
        self.removed = [id_ for id_, put in entities.items() if put is None and id_ in self.stood]
        self.created = [put for id_, put in entities.items() if put and id_ not in self.stood]
        self.changed = [put for id_, put in entities.items() if put and id_ in self.stood]
        waiting = writer.waiting_at([put.row.id for put in self.created])
        joined = {key: value for key, value in waiting.items() if key not in relations}
        ends = {end for key in (*relations, *joined) for end in (key[0], key[2])} - entities.keys()
        known = {id_ for id_ in ends if stood.get(id_)} if stood is not None else set[str]()
        self.there = known | writer.stood(ends - known if stood is None else ends - stood.keys()).keys()
        self.joined = {key: value for key, value in joined.items() if self._reaches(key)}
        self._sort(relations)
        self.placed = {put.row.id for put in self.created} if len(self.tying) >= _MANY else set[str]()

    def _reaches(self, key: RelationKey) -> bool:
        """Whether both ends of a relation are native afterwards."""
        return all(self.entities[end] is not None if end in self.entities else end in self.there for end in (key[0], key[2]))

    def _sort(self, relations: Mapping[RelationKey, tuple[RelationRow, int] | None]) -> None:
        """What is overwritten in its place, what goes, and what comes where."""
        gone = set(self.removed)
        self.overwritten: list[tuple[RelationRow, int]] = []
        self.tying = [(row, since % _MARK + _MARK) for row, since in self.joined.values()]
        self.hanging: list[tuple[RelationRow, int]] = []
        self.untied: list[RelationKey] = []
        self.dropped: list[RelationKey] = []
        for key, put in relations.items():
            was, reaches = self.tied.get(key), self._reaches(key)
            if put and was and was.native and reaches:
                self.overwritten.append(put)
                continue
            if was:
                (self.untied if was.native else self.dropped).append(key)
                self.dropped += [key] if was.native and not gone.isdisjoint(key) else []
            if put:
                (self.tying if reaches else self.hanging).append(put)

    def copies(self) -> Iterator[_Statement]:
        """What will not be native any more, aside."""
        if self.until is not None:
            until = {"until": self.until}
            ending = [id_ for id_ in (*self.removed, *(put.row.id for put in self.changed)) if self.stood[id_].since < self.until]
            read = ", ".join(f".{name}" for name in ("_graph", *_ENTITY))
            yield _Statement(
                f"UNWIND $p.rows AS r MATCH (n:Entity {{_graph: $graph, id: r}}) CREATE (c:OrgContextEntity) SET c = n {{{read}}}, c._until = $p.until",
                ending,
                until,
            )
            yield from self._ended(until)
        copied = ", ".join(f"{name}: e.{name}" for name in _RELATION)
        yield _Statement(
            "UNWIND $p.rows AS r MATCH (n:Entity {_graph: $graph, id: r})-[e]-(o:Entity) WHERE e._since > 0 AND o._graph = $graph WITH DISTINCT e "
            "WITH e, startNode(e) AS a, endNode(e) AS b, type(e) AS kind "
            "WHERE NOT EXISTS { MATCH (w:OrgContextWaiting {_graph: $graph, source: a.id}) WHERE w.kind = kind AND w.target = b.id } "
            f"CREATE (w:OrgContextRelation:OrgContextWaiting {{_graph: $graph, source: a.id, kind: kind, target: b.id, _number: a._number, {copied}}})",
            self.removed,
        )

    def _ended(self, until: Mapping[str, Any]) -> Iterator[_Statement]:
        ending = [key for key, was in self.tied.items() if was.since < (self.until or 0)]
        copied = ", ".join(f"{name}: e.{name}" for name in _RELATION)
        native = ((*key, None) for key in ending if self.tied[key].native)
        for kind, ends in _by_kind(native).items():
            yield _Statement(
                f"UNWIND $p.rows AS r {_NATIVE.format(kind)} CREATE (:OrgContextRelation {{_graph: $graph, source: a.id, kind: '{kind}', target: b.id, "
                f"_number: a._number, _until: $p.until, {copied}}})",
                ends,
                until,
            )
        yield _Statement(
            f"UNWIND $p.rows AS r {_WAITING} CREATE (x:OrgContextRelation) SET x = properties(w), x._until = $p.until",
            [key for key in ending if not self.tied[key].native],
            until,
        )

    def marks(self) -> Iterator[_Statement]:
        """Say of all that has a copy now that the copy is to be read, before anything of it changes."""
        mark = f"._since = {{0}}._since + {_MARK}"
        nodes = [*self.removed, *(put.row.id for put in self.changed)]
        yield _Statement(f"UNWIND $p.rows AS r MATCH (n:Entity {{_graph: $graph, id: r}}) SET n{mark.format('n')}", nodes)
        for kind, ends in _by_kind((*key, None) for key, was in self.tied.items() if was.native).items():
            yield _Statement(f"UNWIND $p.rows AS r {_NATIVE.format(kind)} SET e{mark.format('e')}", ends)
        yield _Statement(
            f"UNWIND $p.rows AS r {_WAITING} AND w._since < {_MARK} SET w{mark.format('w')}",
            [key for key, was in self.tied.items() if not was.native],
        )
        yield _Statement(
            "UNWIND $p.rows AS r MATCH (n:Entity {_graph: $graph, id: r})-[e]-(o:Entity) "
            f"WHERE o._graph = $graph AND e._since > 0 AND e._since < {_MARK} WITH DISTINCT e SET e{mark.format('e')}",
            self.removed,
        )

    def native(self) -> Iterator[_Statement]:
        """The native changes."""
        for kind, ends in _by_kind((*key, None) for key in self.untied).items():
            yield _Statement(f"UNWIND $p.rows AS r {_NATIVE.format(kind)} DELETE e", ends)
        yield _Statement(f"UNWIND $p.rows AS r {_WAITING} DELETE w", self.dropped)
        yield _Statement("UNWIND $p.rows AS r MATCH (n:Entity {_graph: $graph, id: r}) DETACH DELETE n", self.removed)
        yield from self._put_entities()
        values, spread = _map(_RELATION, 2, owned=False), f"r[{2 + len(_RELATION)}]"
        for kind, rows in _by_kind(_keyed(self.overwritten)).items():
            yield _Statement(f"UNWIND $p.rows AS r {_NATIVE.format(kind)} SET e = {values} SET e += {spread}", rows)
        for ends, joins in ((_PLACED, True), (_ENDS, False)):
            for kind, puts in self._tied_by_kind(placed=joins).items():
                for fresh, rest, made in _made(_RELATION, 2, puts, lambda put: _relation_values(*put), owned=False):
                    text = f"UNWIND $p.rows AS r {ends} CREATE (a)-[e:`{kind}` {fresh}]->(b){rest.format('e')}"
                    yield _Statement(text, made, joins=joins)
        aside = _map(("source", "target", *_RELATION), 0)
        yield _Statement(
            f"UNWIND $p.rows AS r CREATE (w:OrgContextRelation:OrgContextWaiting {aside}) SET w.kind = r[{3 + len(_RELATION)}], w._number = 0",
            [[*_relation_values(row, since), row.kind] for row, since in self.hanging],
        )

    def _tied_by_kind(self, *, placed: bool) -> dict[str, list[tuple[RelationRow, int]]]:
        """The new native relations, those both of whose ends are created with them apart from the others."""
        found: dict[str, list[tuple[RelationRow, int]]] = defaultdict(list)
        for put in self.tying:
            if placed == (put[0].source in self.placed and put[0].target in self.placed):
                found[put[0].kind].append(put)
        return found

    def _put_entities(self) -> Iterator[_Statement]:
        values, spread = _map(_ENTITY, 0), f"r[{len(_ENTITY)}]"
        created: dict[str, list[_Put]] = defaultdict(list)
        for put in self.created:
            created[put.row.kind].append(put)
        placing = " RETURN collect([n.id, elementId(n)])" if self.placed else ""
        for kind, puts in created.items():
            for fresh, rest, made in _made(_ENTITY, 0, puts, lambda put: _entity_values(*put)):
                text = f"UNWIND $p.rows AS r CREATE (n:Entity:`{kind}` {fresh}){rest.format('n')}"
                yield _Statement(text + placing, made, places=bool(self.placed))
        changed: dict[tuple[str, str], list[Any]] = defaultdict(list)
        for row, since, number in self.changed:
            changed[self.stood[row.id].kind, row.kind].append(_entity_values(row, since, number))
        for (old, new), rows in changed.items():
            label = f" REMOVE n:`{old}` SET n:Entity:`{new}`" if old != new else ""
            yield _Statement(
                f"UNWIND $p.rows AS r MATCH (n:Entity {{_graph: $graph, id: r[0]}}) SET n = {values} SET n += {spread}{label}", rows
            )

    def unmarked(self) -> Iterator[_Statement]:
        """What waited and is native now is read as such."""
        for kind, ends in _by_kind((*key, None) for key in self.joined).items():
            yield _Statement(f"UNWIND $p.rows AS r {_NATIVE.format(kind)} AND e._since >= {_MARK} SET e._since = e._since - {_MARK}", ends)

    def rest(self) -> _Statement:
        """It waits no longer: taken away only when nobody can miss it any more."""
        return _Statement(f"UNWIND $p.rows AS r {_WAITING} DELETE w", list(self.joined))


def _keyed(puts: Iterable[tuple[RelationRow, int]]) -> Iterator[tuple[str, str, str, Columns]]:
    return ((row.source, row.kind, row.target, _relation_values(row, since)) for row, since in puts)


_CLAIM = "UNWIND $p.rows AS r CREATE (:OrgContextClaim {_graph: $graph, key: r[0], source: r[1], part: r[2], row: r[3], since: $p.number, until: 0"
_SAYING = (
    f"{_CLAIM}, entity: r[4], same: r[5]}})",
    f"{_CLAIM}, subject: r[4], kind: r[5], target: r[6]}})",
    "UNWIND $p.rows AS r CREATE (:OrgContextIdentity {_graph: $graph, value: r[0], subject: r[1], claim: r[2], since: $p.number})",
)


class _Said:
    """What a draft with nothing before it was told: all the claims there are, so that the server need not be asked for them."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._entities: dict[str, list[Claim]] = defaultdict(list)
        self._relations: dict[RelationKey, list[Claim]] = defaultdict(list)
        self._ends: dict[str, dict[RelationKey, None]] = defaultdict(dict)
        self._holders: dict[str, set[str]] = defaultdict(set)  # by identity value

    def add(self, claims: Iterable[Claim]) -> None:
        for claim in claims:
            made = claim._replace(revision=self._number)
            if claim.target:
                key = (claim.subject, claim.kind, claim.target)
                self._relations[key].append(made)
                for end in (claim.subject, claim.target):
                    self._ends[end][key] = None
            else:
                self._entities[claim.subject].append(made)
                for value in claim.same_as:
                    self._holders[value].add(claim.subject)

    def about(self, ids: Iterable[str]) -> list[Claim]:
        return [claim for id_ in ids for claim in self._entities.get(id_, ())]

    def of(self, keys: Iterable[RelationKey]) -> list[Claim]:
        return [claim for key in keys for claim in self._relations.get(key, ())]

    def at(self, ids: Iterable[str]) -> set[RelationKey]:
        return {key for id_ in ids for key in self._ends.get(id_, ())}

    def alike(self, ids: Iterable[str]) -> set[tuple[str, str, str]]:
        held = ((claim.subject, value) for claim in self.about(ids) for value in claim.same_as)
        return {(id_, value, other) for id_, value in held for other in self._holders[value] if other != id_}


class Neo4jDraft:
    """A `Draft`: claims are committed in batches that nobody reads before the publish; rows, and the claims of a first load, are held here
    until then.
    """

    taker = None

    def __init__(self, writer: _Writer, *, dry: bool) -> None:
        self._writer, self._dry = writer, dry
        self.number = writer.head + 1
        self._fresh = not writer.head  # nothing of the graph can be on the server
        self._said = _Said(self.number) if self._fresh else None
        self._published = False
        self._staged: set[str] = set()
        self._absent: set[str] = set()  # that `keep` found to be made by nobody
        self._unsaid: tuple[list[Columns], list[Columns], list[Columns]] = ([], [], [])  # rows for `_SAYING`
        self._touched_entities: set[str] = set()
        self._touched_relations: set[RelationKey] = set()
        self._entities: dict[str, EntityRow | None] = {}
        self._relations: dict[RelationKey, RelationRow | None] = {}
        self._aliases: dict[str, str] = {}
        self._order: dict[str, None] = {}
        self._kinds = dict.fromkeys(writer.kinds)
        self._stood: dict[str, _Stood | None] = {}
        self._tied: dict[RelationKey, _Tied | None] = {}
        self._notes: dict[str, str] = {}
        self._forgotten: list[int] | None = None  # before which revision, and which of those are kept

    def leave(self) -> None:
        """Undo what was committed, unless it was published."""
        if not self._published and self._writer.wrote:
            with suppress(Neo4jError, DriverError, Conflict):  # the next draft does it
                self._writer.undo()

    # claims

    def stage(self, claims: Sequence[Claim]) -> int:
        said: dict[str, Claim] = {}
        for claim in claims:
            said.setdefault(_hashed(claim.source, claim.part, claim.digest), claim)
        known = self._staged | self._live([key for key in said if key not in self._staged and key not in self._absent])
        fresh = {key: claim for key, claim in said.items() if key not in known}
        self._staged.update(said)
        self._touch(fresh.values())
        if self._said:
            self._said.add(fresh.values())
        for key, claim in fresh.items():
            if claim.target:
                self._unsaid[1].append([*_claim_values(key, claim), claim.subject, claim.kind, claim.target])
            else:
                self._unsaid[0].append([*_claim_values(key, claim), claim.subject, list(claim.same_as) or None])
                self._unsaid[2].extend([_short(value), claim.subject, key] for value in claim.same_as)
        if sum(map(len, self._unsaid)) >= _BATCH:  # files may be many and small, and each commit costs a write to the server's disk
            self._say()
        return len(fresh)

    def keep(self, source: str, part: str, digests: Sequence[str]) -> set[str]:
        keys = {_hashed(source, part, digest): digest for digest in digests}
        known = self._live([key for key in keys if key not in self._staged])
        self._staged |= known
        absent = {key: digest for key, digest in keys.items() if key not in self._staged}
        self._absent.update(absent)
        return set(absent.values())

    def _say(self) -> None:
        """Commit the claims that were staged."""
        rows, self._unsaid = self._unsaid, ([], [], [])
        self._writer.write(*(_Statement(text, some, {"number": self.number}) for text, some in zip(_SAYING, rows, strict=True)))

    def _live(self, keys: Sequence[str]) -> set[str]:
        text = "UNWIND $p.keys AS key MATCH (c:OrgContextClaim {_graph: $graph, key: key}) WHERE c.until = 0 RETURN collect(key)"
        return set(chain.from_iterable(self._writer.ask(text, keys=chunk) for chunk in _chunks(keys, _PAGE))) if not self._fresh else set()

    def _ask(self, text: str, /, **parameters: Any) -> Any:
        self._say()
        return self._writer.ask(text, **parameters)

    def _touch(self, claims: Iterable[Claim]) -> None:
        for claim in claims:
            if claim.target:
                self._touched_relations.add((claim.subject, claim.kind, claim.target))
            else:
                self._touched_entities.add(claim.subject)

    def withdraw(self, source: str, parts: Collection[str] | None = None) -> int:
        if self._fresh:
            return 0
        place = "c.part IS NOT NULL" if parts is None else "c.part IN $p.parts"
        text = (
            f"MATCH (c:OrgContextClaim) WHERE c._graph = $graph AND c.source = $p.source AND {place} AND c.until = 0 "
            "RETURN collect([c.key, c.entity, c.subject, c.kind, c.target])"
        )
        gone = 0
        for chunk in [[]] if parts is None else _chunks(parts, _PAGE):
            gone += self._end(self._ask(text, source=source, parts=chunk))
        return gone

    def _end(self, live: Iterable[Any]) -> int:
        """Close those of these live claims that this draft has not staged."""
        ending = [row for row in live if row[0] not in self._staged]
        self._touched_entities.update(row[1] for row in ending if row[1] is not None)
        self._touched_relations.update((row[2], row[3], row[4]) for row in ending if row[1] is None)
        self._writer.write(
            _Statement(
                "UNWIND $p.rows AS r MATCH (c:OrgContextClaim {_graph: $graph, key: r}) WHERE c.until = 0 SET c.until = $p.number",
                [row[0] for row in ending],
                {"number": self.number},
            )
        )
        return len(ending)

    def drop(self, claims: Sequence[Claim]) -> int:
        text = (
            "UNWIND $p.keys AS key MATCH (c:OrgContextClaim {_graph: $graph, key: key}) WHERE c.until = 0 "
            "RETURN collect([c.key, c.entity, c.subject, c.kind, c.target])"
        )
        keys = dict.fromkeys(_hashed(claim.source, claim.part, claim.digest) for claim in claims)
        return sum(self._end(self._ask(text, keys=chunk)) for chunk in _chunks(keys, _PAGE)) if not self._fresh else 0

    def touch(self) -> None:
        if self._said:
            return  # all there is was staged here
        text = (
            "MATCH (c:OrgContextClaim) WHERE c._graph = $graph AND c.until = 0 "
            "RETURN collect(DISTINCT [c.entity, c.subject, c.kind, c.target])"
        )
        for entity, subject, kind, target in self._ask(text):
            if entity is None:
                self._touched_relations.add((subject, kind, target))
            else:
                self._touched_entities.add(entity)

    # what the claims say now

    def touched_entities(self, size: int) -> Iterator[list[str]]:
        return _chunks(sorted(self._touched_entities), size)

    def touched_relations(self, size: int) -> Iterator[list[RelationKey]]:
        return _chunks(sorted(self._touched_relations), size)

    def alike(self, ids: Sequence[str]) -> list[tuple[str, str, str]]:
        if self._said:
            return sorted(self._said.alike(dict.fromkeys(ids)))
        said = (
            "UNWIND $p.ids AS id MATCH (c:OrgContextClaim {_graph: $graph, entity: id}) WHERE c.until = 0 AND c.same IS NOT NULL "
            "UNWIND c.same AS value RETURN collect(DISTINCT [id, value])"
        )
        pairs = list(chain.from_iterable(self._ask(said, ids=chunk) for chunk in _chunks(dict.fromkeys(ids), _PAGE)))
        held: dict[str, set[str]] = defaultdict(set)
        others = (
            "UNWIND $p.values AS value MATCH (s:OrgContextIdentity {_graph: $graph, value: value}) "
            "MATCH (c:OrgContextClaim {_graph: $graph, key: s.claim}) WHERE c.until = 0 RETURN collect(DISTINCT [value, s.subject])"
        )
        for chunk in _chunks({_short(value) for _, value in pairs}, _PAGE):
            for value, subject in self._ask(others, values=chunk):
                held[value].add(subject)
        return sorted({(id_, value, other) for id_, value in pairs for other in held[_short(value)] if other != id_})

    def _claims(self, text: str, rows: Iterable[Any]) -> list[Claim]:
        found = chain.from_iterable(
            self._ask(f"UNWIND $p.rows AS r {text} RETURN collect([c.row, c.since])", rows=chunk) for chunk in _chunks(rows, _PAGE)
        )
        return sorted((_claim(*said) for said in found), key=_claim_order)

    def entity_claims(self, ids: Sequence[str]) -> list[Claim]:
        wanted = dict.fromkeys(ids)
        text = "MATCH (c:OrgContextClaim {_graph: $graph, entity: r}) WHERE c.until = 0"
        claims = self._said.about(wanted) if self._said else self._claims(text, wanted)
        return sorted(claims, key=lambda claim: (claim.subject, claim.source, claim.part, claim.digest))

    def relation_claims(self, keys: Sequence[RelationKey]) -> list[Claim]:
        text = "MATCH (c:OrgContextClaim {_graph: $graph, subject: r[0], kind: r[1], target: r[2]}) WHERE c.until = 0"
        wanted = dict.fromkeys(keys)
        return sorted(self._said.of(wanted), key=_claim_order) if self._said else self._claims(text, wanted)

    def claimed_relations(self, ids: Sequence[str]) -> list[RelationKey]:
        if self._said:
            return sorted(self._said.at(ids))
        text = (
            "UNWIND $p.ids AS id CALL (id) { MATCH (c:OrgContextClaim) WHERE c._graph = $graph AND c.subject = id AND c.kind IS NOT NULL "
            "AND c.target IS NOT NULL AND c.until = 0 RETURN c UNION ALL "
            "MATCH (c:OrgContextClaim {_graph: $graph, target: id}) WHERE c.until = 0 RETURN c } "
            "RETURN collect(DISTINCT [c.subject, c.kind, c.target])"
        )
        found = chain.from_iterable(self._ask(text, ids=chunk) for chunk in _chunks(dict.fromkeys(ids), _PAGE))
        return sorted({(key[0], key[1], key[2]) for key in found})

    # the graph as it stands in this draft

    def _look(self, ids: Iterable[str]) -> None:
        """Know how these entities stand on the server."""
        wanted = [id_ for id_ in ids if id_ not in self._stood]
        self._stood.update(dict.fromkeys(wanted))
        if wanted and not self._fresh:
            self._stood.update(self._writer.stood(wanted))

    def _look_at(self, keys: Iterable[RelationKey]) -> None:
        """Know how these relations stand on the server."""
        wanted = [key for key in keys if key not in self._tied]
        self._tied.update(dict.fromkeys(wanted))
        if wanted and not self._fresh:
            self._tied.update(self._writer.tied(wanted))

    def entity_digests(self, ids: Sequence[str]) -> dict[str, str]:
        self._look(id_ for id_ in ids if id_ not in self._entities)
        held = {id_: self._entities[id_] if id_ in self._entities else self._stood[id_] for id_ in ids}
        return {id_: one.digest for id_, one in held.items() if one}

    def relation_digests(self, keys: Sequence[RelationKey]) -> dict[RelationKey, str]:
        self._look_at(key for key in keys if key not in self._relations)
        held = {key: self._relations[key] if key in self._relations else self._tied[key] for key in keys}
        return {key: one.digest for key, one in held.items() if one}

    def merged_as(self, ids: Sequence[str]) -> dict[str, str]:
        text = (
            "UNWIND $p.ids AS alias MATCH (a:OrgContextAlias {_graph: $graph, alias: alias}) MATCH (n:Entity {_graph: $graph, id: a.id}) "
            "WHERE alias IN n._aliases RETURN collect(DISTINCT [alias, n.id])"
        )
        found = chain.from_iterable(self._ask(text, ids=chunk) for chunk in _chunks(dict.fromkeys(ids), _PAGE)) if not self._fresh else ()
        standing = {alias: id_ for alias, id_ in found if id_ not in self._entities}
        return standing | {alias: self._aliases[alias] for alias in ids if alias in self._aliases}

    def aliases_of(self, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        self._look(id_ for id_ in ids if id_ not in self._entities)
        held = {id_: self._entities[id_] if id_ in self._entities else self._stood[id_] for id_ in ids}
        return {id_: one.aliases for id_, one in held.items() if one and one.aliases}

    def put_entities(self, rows: Sequence[EntityRow]) -> None:
        _check(row.kind for row in rows)
        for row in rows:
            self._forget(row.id)
            self._order.setdefault(row.id)
            self._entities[row.id] = row
            self._aliases.update(dict.fromkeys(row.aliases, row.id))

    def _forget(self, id_: str) -> None:
        held = self._entities.get(id_)
        for alias in held.aliases if held else ():
            if self._aliases.get(alias) == id_:
                del self._aliases[alias]

    def put_relations(self, rows: Sequence[RelationRow]) -> None:
        _check(row.kind for row in rows)
        for row in rows:
            self._kinds.setdefault(row.kind)
            self._relations[row.source, row.kind, row.target] = row

    def close_entities(self, ids: Sequence[str]) -> None:
        for id_ in ids:
            self._forget(id_)
            self._entities[id_] = None

    def close_relations(self, keys: Sequence[RelationKey]) -> None:
        self._relations.update(dict.fromkeys(keys))

    # beside the graph

    def forget(self, before: int, kept: Collection[int]) -> None:
        self._forgotten = [before, *sorted(kept)]

    def note(self, key: str, text: str) -> None:
        self._notes[key] = text

    def publish(self, revision: Revision) -> None:
        if self._dry:
            message = "a dry draft is never published"
            raise StoreError(message)
        if revision.number != self.number:
            message = f"revision {revision.number} is not the {self.number} that this draft makes"
            raise Conflict(message)
        self._say()
        self._look(self._entities)
        self._look_at(self._relations)
        numbers = self._numbers()
        entities = {id_: _Put(row, self.number, numbers[id_]) if row else None for id_, row in self._entities.items()}
        relations = {key: (row, self.number) if row else None for key, row in self._relations.items()}
        change = _Change(self._writer, entities, relations, until=self.number, stood=self._stood, tied=self._tied)
        rest = change.rest()
        node = "UNWIND $p.rows AS r MATCH (g:OrgContextGraph {name: $graph})"
        odd = f"{node} SET g.entities_before = g.entities, g.kinds_before = size(g.kinds), g.state = g.state + $p.turn"
        fresh = sorted(self._kinds.keys() - set(self._writer.kinds))
        counts = {"entities": max(self._writer.entities, *numbers.values(), 0), "kinds": [*self._writer.kinds, *fresh]}
        self._writer.write(*self._asides(), *change.copies())
        self._writer.write(*change.marks())
        self._writer.write(_Statement(odd, [0], {"turn": _TURN}))
        counted = _Statement(f"{node} SET g.entities = $p.entities, g.kinds = $p.kinds", [0], counts)
        if self._writer.many(len(entities) + len(relations)):
            self._writer.write(counted)
            self._writer.write_ahead(change.native())
            self._writer.write(*self._beside(revision, numbers))
        else:
            self._writer.write(counted, *change.native(), *self._beside(revision, numbers))
        self._writer.write(
            _Statement(_NOTE, [list(one) for key, text in self._notes.items() for one in sealed(key, text)]),
            _Statement(
                f"{node} SET g.state = g.state + $p.turn, g.drafting = $p.drafting, g.forgetting = $p.forgetting",
                [0],
                {"turn": _TURN + 1, "drafting": bool(rest.rows), "forgetting": self._forgotten},
            ),
            whole=True,
        )
        self._published = True
        self._writer.head = self.number
        if rest.rows:
            self._writer.write(*change.unmarked())
            self._writer.write(rest, _Statement(f"{node} SET g.drafting = false", [0]))
        if self._forgotten:
            self._writer.forget()

    def mend(self, rows: Sequence[Version], gone: Collection[str | RelationKey]) -> None:
        """Write living states over what stands, committed statement by statement."""
        entities = {row.id: (row, since) for row, since, _ in rows if isinstance(row, EntityRow)}
        lost = sorted(entities, key=lambda id_: (entities[id_][1], id_))
        numbers = self._lost_numbers({id_: entities[id_][0].digest for id_ in lost}, [key for key in gone if isinstance(key, str)])
        puts: dict[str, _Put | None] = dict.fromkeys(key for key in gone if isinstance(key, str))
        puts |= {id_: _Put(row, since, numbers[id_]) for id_, (row, since) in entities.items()}
        ties: dict[RelationKey, tuple[RelationRow, int] | None] = dict.fromkeys(key for key in gone if not isinstance(key, str))
        ties |= {(row.source, row.kind, row.target): (row, since) for row, since, _ in rows if isinstance(row, RelationRow)}
        change = _Change(self._writer, puts, ties, until=None)
        rest = change.rest()
        self._writer.write(*change.copies())
        self._writer.write(*change.native())
        self._writer.write(*change.unmarked())
        self._writer.write(rest)
        self._writer.write(_Statement("UNWIND $p.rows AS r MATCH (g:OrgContextGraph {name: $graph}) SET g.drafting = false", [0]))
        self._published = True

    def _lost_numbers(self, digests: Mapping[str, str], gone: Sequence[str]) -> dict[str, int]:
        """The numbers of these entities; of those that are not there what tells of it: their ended states, a node of those that are gone
        and says the same, else the numbers that nothing has, in this order.
        """
        known = {id_: one.number for id_, one in self._writer.stood(digests).items()}
        moved = {one.digest: one.number for one in self._writer.stood(gone).values()}
        past = "UNWIND $p.ids AS id MATCH (n:OrgContextEntity {_graph: $graph, id: id}) RETURN collect([n.id, n._number])"
        ended = dict(self._writer.ask(past, ids=[id_ for id_ in digests if id_ not in known]))
        known = {id_: number for id_, digest in digests.items() if (number := known.get(id_) or ended.get(id_) or moved.get(digest))}
        text = "MATCH (n:Entity) WHERE n._graph = $graph AND NOT n.id IN $p.gone RETURN collect(n._number)"
        taken = {*self._writer.ask(text, gone=list(gone)), *known.values()}
        taken.update(self._writer.ask("MATCH (n:OrgContextNumber) WHERE n._graph = $graph RETURN collect(n.number)"))
        free = (number for number in range(1, self._writer.entities + len(digests) + 1) if number not in taken)
        return {id_: known.get(id_) or next(free) for id_ in digests}

    def _numbers(self) -> dict[str, int]:
        """The numbers of all entities that this draft put: those that they had, and for new ones the next, in the order of the puts."""
        known = {id_: stood.number for id_ in self._order if (stood := self._stood.get(id_))}
        text = "UNWIND $p.ids AS id MATCH (n:OrgContextNumber {_graph: $graph, id: id}) RETURN collect([id, n.number])"
        if not self._fresh:
            for chunk in _chunks((id_ for id_ in self._order if id_ not in known), _PAGE):
                known.update(self._ask(text, ids=chunk))
        last = self._writer.entities
        for id_ in self._order:
            if id_ not in known:
                last += 1
                known[id_] = last
        return known

    def _asides(self) -> Iterator[_Statement]:
        """What may stand there before the publish: aliases, which count only where the entity has them too."""
        pairs = [[alias, row.id] for row in self._entities.values() if row for alias in row.aliases]
        yield _Statement("UNWIND $p.rows AS r MERGE (:OrgContextAlias {_graph: $graph, alias: r[0], id: r[1]})", pairs)

    def _beside(self, revision: Revision, numbers: Mapping[str, int]) -> Iterator[_Statement]:
        """The revision, and what is remembered of its entities for ever: facets, and numbers of those that are not native any more."""
        number = {"number": self.number}
        text = "UNWIND $p.rows AS r CREATE (:OrgContextRevision {_graph: $graph, number: $p.number, text: r})"
        yield _Statement(text, [revision.model_dump_json()], number)
        known = {
            tuple(pair) for pair in self._ask("MATCH (f:OrgContextFacet) WHERE f._graph = $graph RETURN collect([f.kind, f.sensitivity])")
        }
        facets = {(row.kind, row.sensitivity) for row in self._entities.values() if row} - known
        text = "UNWIND $p.rows AS r CREATE (:OrgContextFacet {_graph: $graph, kind: r[0], sensitivity: r[1], since: $p.number})"
        yield _Statement(text, sorted(facets), number)
        gone = [id_ for id_, row in self._entities.items() if row is None]
        rows = [[id_, stood.number if (stood := self._stood.get(id_)) else numbers.get(id_, 0)] for id_ in gone]
        text = (
            "UNWIND $p.rows AS r MERGE (n:OrgContextNumber {_graph: $graph, id: r[0]}) ON CREATE SET n.number = r[1], n.since = $p.number"
        )
        yield _Statement(text, [row for row in rows if row[1]], number)


_NOTE = "UNWIND $p.rows AS r MERGE (n:OrgContextNote {_graph: $graph, key: r[0]}) SET n.text = r[1]"


def _claim_values(key: str, claim: Claim) -> list[Any]:
    return [key, claim.source, claim.part, canonical(claim[:-1])]


def _short(value: str) -> str:
    """An identity value as the index holds it."""
    return value if len(value) <= 200 else f"{_CONTROL}{_hashed(value)}"


# what is not sealed, held against what it is made from

_SAYS = "it is not in the database as it says"


class _Wrong(NamedTuple):
    """A node or relationship, the properties that it is to have, and whose it is."""

    subject: str
    message: str
    place: str
    properties: Mapping[str, Any]
    relation: bool = False
    where: Literal["graph", "claims"] = "graph"
    labels: tuple[str, ...] = ()


@dataclass
class _Derived:
    """All that one graph holds, read while nobody writes."""

    session: Session
    name: str
    numbers: dict[str, set[int]] = field(default_factory=lambda: defaultdict[str, set[int]](set))  # of entities, by id
    head: int = 0
    compacted: bool = False
    gone: set[str] = field(default_factory=set[str])  # entities of which no state lives
    states: list[tuple[EntityRow, int]] = field(default_factory=list[tuple[EntityRow, int]])
    kinds: set[str] = field(default_factory=set[str])
    claimed: Counter[tuple[str, str, str, int]] = field(default_factory=Counter[tuple[str, str, str, int]])  # identity values as indexed

    def _ask(self, text: str, /, **parameters: Any) -> list[list[Any]]:
        return self.session.run(_literal(text), graph=self.name, p=parameters).values()

    def _nodes(self, label: str) -> list[list[Any]]:
        return self._ask(f"MATCH (n:{label}) WHERE n._graph = $graph RETURN elementId(n), properties(n), labels(n)")

    # what is not as it should be

    def misplaced(self) -> Iterator[Misplaced]:
        """All of it, in words."""
        self._read_numbers()
        yield from (Misplaced(one.subject, one.message, one.where) for one in self._wrong())
        yield from self._lost()
        yield from unsealed({properties["key"]: properties.get("text", "") for _, properties, _ in self._nodes("OrgContextNote")})

    def _read_numbers(self) -> None:
        """The numbers that entities have, wherever they are told."""
        self.numbers.clear()
        states = self._ask("MATCH (n:Entity|OrgContextEntity) WHERE n._graph = $graph RETURN n.id, n._number, n:Entity")
        aside = self._ask("MATCH (n:OrgContextNumber) WHERE n._graph = $graph RETURN n.id, n.number")
        ((self.head,),) = self._ask("MATCH (r:OrgContextRevision) WHERE r._graph = $graph RETURN coalesce(max(r.number), 0)")
        self.compacted = bool(
            self._ask("MATCH (n:OrgContextNote) WHERE n._graph = $graph AND n.key STARTS WITH 'compacted:' RETURN n.key LIMIT 1")
        )
        known: set[str] = {id_ for id_, _, _ in states} | ({id_ for id_, _ in aside} if self.compacted else set())
        for id_, number in chain(((id_, number) for id_, number, _ in states), aside):
            if id_ in known:
                self.numbers[str(id_)].add(number if isinstance(number, int) else -1)
        self.gone = known - {id_ for id_, _, living in states if living}

    @property
    def _numbering(self) -> dict[str, int]:
        """The right number of each entity: its own, or, where there are several or it is another's too, one that nothing has."""
        holders: dict[int, list[str]] = defaultdict(list)
        for id_, numbers in self.numbers.items():
            for number in numbers:
                holders[number].append(id_)
        last = len(self.numbers)
        sure = {id_: min(numbers) for id_, numbers in self.numbers.items() if len(numbers) == 1 and len(holders[min(numbers)]) == 1}
        sure = {id_: number for id_, number in sure.items() if 0 < number <= last}
        free = [number for number in range(1, last + 1) if number not in set(sure.values())]
        unsure = sorted(self.numbers.keys() - sure.keys())
        for id_ in [one for one in unsure if len(self.numbers[one] & set(free)) == 1]:
            number = next(iter(self.numbers[id_] & set(free)), 0)
            if number and sum(number in self.numbers[other] for other in unsure) == 1:
                sure[id_] = number
                free.remove(number)
        by_number = {number: id_ for id_, number in sure.items()}
        for number in free:  # numbers were given in the order of ids, one revision after the other
            left = [id_ for id_ in unsure if id_ not in sure]
            before, after = by_number.get(number - 1, ""), by_number.get(number + 1, "\U0010ffff")
            fits = [id_ for id_ in left if before < id_ < after] or left
            sure[fits[0]], by_number[number] = number, fits[0]
        return sure

    def _wrong(self) -> Iterator[_Wrong]:
        numbers = self._numbering
        yield from self._entities(numbers)
        yield from self._relations()
        yield from self._closed_relations(numbers)
        yield from self._claims()
        yield from self._others()

    def _entities(self, numbers: Mapping[str, int]) -> Iterator[_Wrong]:
        """Living and ended states: each property, and the label of the kind."""
        seen = _Seen(Filter())
        kinds = {facet.partition(" ")[0] for (facet,) in self._ask("MATCH (n:Entity) WHERE n._graph = $graph RETURN DISTINCT n._facet")}
        for label in ("Entity", "OrgContextEntity"):
            for place, held, labels in self._nodes(label):
                read = [[held.get(name, "")] if name in _SPOKEN else [held.get(name)] for name in _ENTITY_READ]
                ((_, row),) = seen.rows(read).items()
                since = held.get("_since", 0)
                self.states.append((row, since))
                try:
                    values = _entity_values(row, since, numbers.get(row.id, 0))
                except ValueError:  # no JSON any more: its digest tells
                    continue
                made = dict(zip(_ENTITY, values, strict=False)) | {"_graph": self.name}
                made = values[-1] | made if label == "Entity" else made | {"_until": held.get("_until")}
                wanted = {"Entity", row.kind} if label == "Entity" else {"OrgContextEntity"}
                if _present(made) != held or (label == "Entity" and not wanted <= set(labels) <= wanted | (set(labels) - kinds)):
                    yield _Wrong(row.id, _SAYS, place, made, labels=tuple(sorted(wanted)))

    def _relations(self) -> Iterator[_Wrong]:
        text = "MATCH (a:Entity)-[e]->(b:Entity) WHERE a._graph = $graph AND b._graph = $graph AND e._digest IS NOT NULL RETURN elementId(e), properties(e), a.id, type(e), b.id"
        for place, held, source, kind, target in self._ask(text):
            self.kinds.add(kind)
            row = _relation_row((source, kind, target), [held.get(name) for name in _RELATION_READ])
            try:
                values = _relation_values(row, held.get("_since", 0))[2:]
            except ValueError:
                continue
            made = values[-1] | dict(zip(_RELATION, values, strict=False))
            if _present(made) != held:
                yield _Wrong(f"{source} {kind} {target}", _SAYS, place, made, relation=True)

    def _closed_relations(self, numbers: Mapping[str, int]) -> Iterator[_Wrong]:
        for place, held, labels in self._nodes("OrgContextRelation"):
            key = [str(held.get(name, "?")) for name in ("source", "kind", "target")]
            self.kinds.add(key[1])
            row = _relation_row(key, [held.get(name) for name in _RELATION_READ])
            try:
                values = _relation_values(row, held.get("_since", 0))[:-1]
            except ValueError:
                continue
            made = dict(zip(("source", "target", *_RELATION), values, strict=True)) | {"_graph": self.name, "kind": row.kind}
            number = held.get("_number") if held.get("_number") in (0, numbers.get(row.source)) else numbers.get(row.source, 0)
            made |= {"_number": number, "_until": held.get("_until")}
            wanted = {"OrgContextRelation"} if held.get("_until") else {"OrgContextRelation", "OrgContextWaiting"}
            if _present(made) != held or set(labels) != wanted:
                yield _Wrong(" ".join(key), _SAYS, place, made, labels=tuple(sorted(wanted)))

    def _claims(self) -> Iterator[_Wrong]:
        for place, held, _ in self._nodes("OrgContextClaim"):
            try:
                claim = _claim(held["row"], held["since"])
            except (ValueError, TypeError, KeyError):  # the chain tells
                continue
            key = _hashed(claim.source, claim.part, claim.digest)
            made = {"_graph": self.name, "key": key, "source": claim.source, "part": claim.part}
            made |= {name: held.get(name) for name in ("row", "since", "until")}
            if claim.target:
                made |= {"subject": claim.subject, "kind": claim.kind, "target": claim.target}
            else:
                made |= {"entity": claim.subject, "same": list(claim.same_as) or None}
                self.claimed.update((_short(value), claim.subject, key, claim.revision) for value in claim.same_as)
            if _present(made) != held:
                yield _Wrong(claim.subject, "what is said of it is not found as it should be", place, made, where="claims")

    def _others(self) -> Iterator[_Wrong]:
        """Revisions and events under other numbers and times than they say."""
        for place, held, _ in self._nodes("OrgContextRevision"):
            try:
                number = json.loads(held["text"])["number"]
            except (ValueError, KeyError):  # no seal holds then
                continue
            if held.get("number") != number:
                yield _Wrong(f"revision:{number}", "it is not under its number", place, {**held, "number": number})
        for place, held, _ in self._nodes("OrgContextEvent"):
            try:
                at = _moment(Event.model_validate_json(held["text"]).at)
            except (ValueError, KeyError):
                continue
            if held.get("at") != at:
                yield _Wrong(f"event:{at}", "it is not under its time", place, {**held, "at": at})

    def _lost(self) -> Iterator[Misplaced]:
        """What is not there, or is there and nothing makes it: of what is kept about all states."""
        sides = self._sides()
        for label, (made, held, subject) in sides.items():
            for one in made - held if label == "OrgContextAlias" else (made - held) + (held - made):
                where = "claims" if label == "OrgContextIdentity" else "graph"
                yield Misplaced(subject(one), f"what is kept of it as {label} is not as it should be", where)
        yield from (Misplaced(f"graph:{self.name}", message) for message, _ in self._own())

    def _sides(self) -> dict[str, tuple[Counter[Any], Counter[Any], Any]]:
        """By label: what the states and claims make, what is held, and whose it is."""
        aliases = Counter({(alias, row.id): 1 for row, _ in self.states for alias in row.aliases})
        began: dict[tuple[str, str], int] = {}
        for row, since in self.states:
            facet = (row.kind, row.sensitivity)
            began[facet] = min(began.get(facet, since), since % _MARK)
        there = {  # one of a later revision than there is would be swept away
            held.get("id"): held.get("number") if held.get("since", 0) <= self.head else -1
            for _, held, _ in self._nodes("OrgContextNumber")
        }
        right = self._numbering
        facets = self._held("OrgContextFacet", "kind", "sensitivity", "since")
        made = Counter((*facet, since) for facet, since in began.items())
        if self.compacted:  # there were more, and earlier ones, that nothing tells of any more
            early = {one[:2] for one in facets if one[2] is not None and one[2] <= began.get(one[:2], 0)}
            made = Counter(one for one in made if one[:2] not in early)
            facets = Counter(one for one in facets if one[:2] in began and one[:2] not in early)
        return {
            "OrgContextAlias": (aliases, self._held("OrgContextAlias", "alias", "id"), _second),
            "OrgContextFacet": (made, facets, _facet),
            "OrgContextNumber": (
                Counter((id_, right[id_]) for id_ in {*self.gone, *there} & self.numbers.keys()),
                Counter(there.items()),
                _first,
            ),
            "OrgContextIdentity": (
                self.claimed,
                self._held("OrgContextIdentity", "value", "subject", "claim", "since"),
                _second,
            ),
        }

    def _held(self, label: str, *names: str) -> Counter[Any]:
        return Counter(tuple(held.get(name) for name in names) for _, held, _ in self._nodes(label))

    def _own(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """What the graph's own node should hold, and does not."""
        ((held,),) = self._ask("MATCH (g:OrgContextGraph {name: $graph}) RETURN properties(g)")
        if held.get("state", 0) % _TURN != self.head:
            yield "its newest revision is not the one that it shows", {"state": held.get("state", 0) // _TURN * _TURN + self.head}
        if held.get("entities") != len(self.numbers):
            yield "it counts other entities than it has", {"entities": len(self.numbers)}
        kinds = list(held.get("kinds") or [])
        if not self.kinds <= set(kinds) or len(set(kinds)) != len(kinds):
            yield "it knows other relations than it has", {"kinds": [*dict.fromkeys(kinds), *sorted(self.kinds - set(kinds))]}

    # made anew

    def mend(self, ended: Sequence[Version]) -> None:
        """Make anew all that is derived; of these ended states first what they are found by."""
        rows = [[one.row.id, one.since, one.row.words, one.row.grams] for one in ended if isinstance(one.row, EntityRow)]
        self._write(
            "MATCH (n:OrgContextEntity {_graph: $graph, id: r[0]}) WHERE n._since = r[1] SET n._words = r[2], n._grams = r[3]", rows
        )
        self._read_numbers()
        wrong = list(self._wrong())
        self._write(
            "MATCH (n) WHERE elementId(n) = r[0] SET n = r[1]", [[one.place, _present(one.properties)] for one in wrong if not one.relation]
        )
        self._write(
            "MATCH ()-[e]->() WHERE elementId(e) = r[0] SET e = r[1]",
            [[one.place, _present(one.properties)] for one in wrong if one.relation],
        )
        for one in wrong:
            if one.labels:
                self._relabel(one)
        for label, (made, held, _) in self._sides().items():
            self._bring_back(label, made, held)
        for _, properties in self._own():
            self._write("MATCH (g:OrgContextGraph {name: $graph}) SET g += r", [properties])

    def _write(self, text: str, rows: Iterable[Any]) -> None:
        held = list(rows)
        for start in range(0, len(held), 1000):
            self._ask(f"UNWIND $p.rows AS r {text}", rows=held[start : start + 1000])

    def _relabel(self, one: _Wrong) -> None:
        kinds = {facet.partition(" ")[0] for (facet,) in self._ask("MATCH (n:Entity) WHERE n._graph = $graph RETURN DISTINCT n._facet")}
        others = "".join(f" REMOVE n:`{kind}`" for kind in sorted({*kinds, "OrgContextWaiting"} - set(one.labels)))
        own = "".join(f":`{label}`" for label in one.labels)
        self._write(f"MATCH (n) WHERE elementId(n) = r[0]{others} SET n{own}", [[one.place]])

    def _bring_back(self, label: str, made: Counter[Any], held: Counter[Any]) -> None:
        """Make what is missing, take away what is over; of numbers, write the right one."""
        missing, over = [list(one) for one in (made - held).elements()], [list(one) for one in (held - made).elements()]
        if label == "OrgContextIdentity":
            where = "n.value = r[0] AND n.subject = r[1] AND n.claim = r[2] AND n.since = r[3]"
            self._write(f"MATCH (n:OrgContextIdentity) WHERE n._graph = $graph AND {where} DELETE n", over)
            self._write("CREATE (:OrgContextIdentity {_graph: $graph, value: r[0], subject: r[1], claim: r[2], since: r[3]})", missing)
        elif label == "OrgContextAlias":
            self._write("MERGE (:OrgContextAlias {_graph: $graph, alias: r[0], id: r[1]})", missing)
        elif label == "OrgContextFacet":
            where = "n._graph = $graph AND n.kind = r[0] AND n.sensitivity = r[1] AND n.since = r[2]"
            self._write(f"MATCH (n:OrgContextFacet) WHERE {where} DELETE n", over)
            self._write("CREATE (:OrgContextFacet {_graph: $graph, kind: r[0], sensitivity: r[1], since: r[2]})", missing)
        else:
            self._write("MATCH (n:OrgContextNumber {_graph: $graph, id: r[0]}) DELETE n", over)
            self._write("MERGE (n:OrgContextNumber {_graph: $graph, id: r[0]}) SET n.number = r[1], n.since = 1", missing)


def _facet(row: Sequence[Any]) -> str:
    return f"{row[0]} {row[1]}"


def _first(row: Sequence[Any]) -> str:
    return str(row[0])


def _second(row: Sequence[Any]) -> str:
    return str(row[1])


_SPOKEN = frozenset({"id", "_facet", "name", "_origins", "_words", "_grams", "_digest"})


def _present(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties that are there: the server keeps no null."""
    return {name: value for name, value in properties.items() if value is not None}
