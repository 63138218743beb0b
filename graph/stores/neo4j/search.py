"""A search as one statement: its tiers, and what each asks of the full-text index in Lucene's language."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from graph.stores.base import fold, grams_of
from graph.stores.neo4j.cypher import passes, state_of, states_where
from graph.stores.neo4j.rows import ENTITY_READ, as_columns, hashed

_LUCENE = 64  # words of one run that the full-text index is asked for; the rest is compared word by word
_LONG_WORD = 100  # characters: Lucene's tokenizer splits words above 255 of its own


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


class Sought:
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
            "folded": hashed(folded) if folded else "",
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


def search_statement(*, past: bool, masked: bool, exact: bool) -> str:
    """All tiers of a search in one statement, for each text of `$p.asked`; a later one is tried only where the earlier ones found too little.

    `masked`: some kinds are found by name, id and aliases only. `exact`: what the index finds is held against the words themselves.
    """
    version, visible = state_of("id", past=past), passes("n", "a.kinds")
    first = (
        f"WITH n, a WHERE {visible} WITH n._number AS number, collect(n)[0] AS n ORDER BY number LIMIT $p.limit "  # what is ended twice
        "RETURN collect(n) AS ns"
    )
    called = (
        f"CALL (a, at) {{ WITH a, at, a.text AS id {version} RETURN n UNION ALL MATCH (x:OrgContextAlias {{_graph: $graph, alias: a.text}}) "
        f"WITH DISTINCT a, at, x.id AS id {version} WITH n, a WHERE a.text IN n._aliases RETURN n }} {first}"
    )
    named = f"WITH a, at WHERE a.folded <> '' {states_where('n._folded = a.folded', past=past, given='a, at')} {first}"
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
        f"WITH collect([q, n._number]) AS found, collect(DISTINCT n) AS ns RETURN found, {as_columns('n', ENTITY_READ, 'ns')}"
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
