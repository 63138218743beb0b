"""What agents claim, held against the graph: each claim is supported, contradicted (with what is right), or unknown, with its evidence.

A claim that the graph does not hold is contradicted only where the graph knows better: the property has another value, or the relation
is one of which the ontology says that what is on file is all there is (`oc:closed`; the partial completeness assumption). Everything
else is unknown: a graph that is silent contradicts nobody.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, NamedTuple, cast

from graph.errors import InputError, nearest
from graph.model import PropertyValue, Scalar, Value
from graph.ontology import Ontology, RelationKind
from graph.scope import View, find
from graph.stores.base import EntityRow, RelationRow, fold

State = Literal["supported", "contradicted", "unknown"]
MAX_CLAIMS = 10_000
_QUOTES = "\"'`\u2018\u2019\u201c\u201d"
_LONG = 60  # a text longer than this can be said in other words
_FORMS = (
    '{"subject": …, "relation": …, "value": …}, {"subject": …, "property": …, "value": …}, {"subject": …, "over": …, "property": "limit", "value": …}, or a sentence such as '
    "'A reports to B', 'the limit of A is 5000', 'A means …', 'A may approve B up to 5000', 'A is in force'"
)


class Claim(Value):
    """One statement: that `subject` stands in `relation` to `value`, or has `value` as its `property`. Ids or names; one of the two is set.

    With `over` it is the `limit` up to which the subject may approve that process or step.
    """

    subject: str
    over: str = ""
    relation: str = ""
    property: str = ""
    value: Scalar = ""
    said: str = ""  # the sentence that it was read from


class Evidence(Value):
    """A fact of the graph that bears on a claim: a relation (`target`) or a property (`value`), and where it comes from."""

    subject: str
    relation: str = ""
    target: str = ""
    property: str = ""
    value: PropertyValue = ""
    origins: tuple[Mapping[str, str], ...] = ()


class Verified(Value):
    """The verdict on one claim: the state, why, what is right where it is contradicted, and the evidence."""

    claim: Claim
    state: State
    because: str
    right: tuple[PropertyValue, ...] = ()
    evidence: tuple[Evidence, ...] = ()


# reading claims


def parse(text: str, ontology: Ontology) -> list[Claim]:
    """The claims of a text: a JSON array, JSON lines, or a sentence a line; `InputError` names the claim that is neither."""
    stripped = text.strip()
    try:
        given: object = json.loads(stripped) if stripped[:1] in ("[", "{") else None
    except (json.JSONDecodeError, RecursionError):
        given = None
    if isinstance(given, dict):
        given = cast("dict[str, Any]", given).get("claims", [given])
    items = cast("list[object]", given) if isinstance(given, list) else [line for line in stripped.splitlines() if line.strip()]
    if len(items) > MAX_CLAIMS:
        message = f"{len(items):,} claims are more than the {MAX_CLAIMS:,} of one question; ask in parts"
        raise InputError(message)
    if (grammar := _GRAMMARS.get(ontology.digest)) is None:
        grammar = _GRAMMARS[ontology.digest] = Grammar.of(ontology)
    return [_claim(item, number, grammar) for number, item in enumerate(items, 1)]


def _claim(item: object, number: int, grammar: Grammar) -> Claim:
    if isinstance(item, str) and item.lstrip()[:1] == "{":
        try:
            item = cast("object", json.loads(item))
        except (json.JSONDecodeError, RecursionError) as error:
            message = f"claim {number}: no valid JSON: {error}"
            raise InputError(message) from error
    if isinstance(item, str):
        return grammar.read(item.strip()) or Claim(subject="", said=item.strip())
    try:
        claim = Claim.model_validate(item)
    except ValueError as error:
        message = f"claim {number} is none of {_FORMS}"
        raise InputError(message) from error
    if bool(claim.relation) == bool(claim.property):
        message = f"claim {number} needs either 'relation' or 'property': {_FORMS}"
        raise InputError(message)
    return claim


@dataclass(frozen=True)
class Grammar:
    """The sentences that are understood: those of the labels of relations and properties, and four more."""

    relations: tuple[tuple[re.Pattern[str], str, bool], ...]
    properties: tuple[tuple[re.Pattern[str], str], ...]

    @staticmethod
    def of(ontology: Ontology) -> Grammar:
        """The grammar of an ontology's labels, the longest first."""
        ways = [(one.label, name, False) for name, one in ontology.relations.items()]
        ways += [(one.inverse_label, name, True) for name, one in ontology.relations.items() if one.inverse_label]
        ways.sort(key=lambda way: (-len(way[0]), way[1]))
        relations = tuple((re.compile(rf"^(.+?)\s+{_loose(label)}\s+(.+?)[.!]?$", re.IGNORECASE), name, back) for label, name, back in ways)
        labels = sorted(((one.label, name) for name, one in ontology.properties.items()), key=lambda pair: (-len(pair[0]), pair[1]))
        shape = r"^(?:the\s+)?{}\s+of\s+(.+?)\s+is\s+(.+?)[.!]?$"
        return Grammar(relations, tuple((re.compile(shape.format(_loose(label)), re.IGNORECASE), name) for label, name in labels))

    def read(self, sentence: str) -> Claim | None:
        """The claim that a sentence makes; None where it is not understood."""
        for pattern, make in _SENTENCES:
            if met := pattern.match(sentence):
                return make(met, sentence)
        for pattern, name in self.properties:
            if met := pattern.match(sentence):
                return Claim(subject=_bare(met[1]), property=name, value=_bare(met[2]), said=sentence)
        for pattern, name, back in self.relations:
            if met := pattern.match(sentence):
                one, other = _bare(met[1]), _bare(met[2])
                return Claim(subject=other if back else one, relation=name, value=one if back else other, said=sentence)
        return None


_GRAMMARS: dict[str, Grammar] = {}  # by the digest of the ontology: a process knows one or two


def _loose(label: str) -> str:
    return r"\s+".join(re.escape(word) for word in label.split())


def _bare(text: str) -> str:
    """A name without the article before it and the quotation marks around it."""
    return re.sub(r"^(?:the|a|an)\s+", "", text.strip().strip(_QUOTES), flags=re.IGNORECASE)


def _means(met: re.Match[str], said: str) -> Claim:
    return Claim(subject=_bare(met[1]), property="definition", value=met[2].strip(_QUOTES), said=said)


def _in_force(met: re.Match[str], said: str) -> Claim:
    return Claim(subject=_bare(met[1]), property="in_force", value=met[2].lower() in ("in force", "valid"), said=said)


def _may_approve(met: re.Match[str], said: str) -> Claim:
    return Claim(subject=_bare(met[1]), over=_bare(met[2]), property="limit", value=met[3], said=said)


_SENTENCES = (
    (re.compile(r"^(.+?)\s+may\s+approve\s+(.+?)\s+up\s+to\s+(.+?)[.!]?$", re.IGNORECASE), _may_approve),
    (re.compile(r"^(.+?)\s+is\s+(in force|valid|superseded|no longer in force)[.!]?$", re.IGNORECASE), _in_force),
    (re.compile(r"^(.+?)\s+means\s+(.+?)$", re.IGNORECASE), _means),
)


# judging them


def verify(view: View, claims: Sequence[Claim]) -> list[Verified]:
    """The verdicts, in the order of the claims. Reads the graph a few times for all of them together."""
    for claim in claims:
        if claim.relation:
            view.ontology.relation(claim.relation)
    return Bench(view, claims).verdicts()


class Found(NamedTuple):
    """What a name in a claim stands for: one thing, or none (and then why)."""

    id: str
    why: str = ""


class Bench:
    """All that judging these claims needs to have read."""

    def __init__(self, view: View, claims: Sequence[Claim]) -> None:
        self.view, self.claims = view, claims
        self.found = self._resolved()
        ids = sorted({one.id for one in self.found.values() if one.id})
        self.rows = {row.id: row for row in view.store.entities(view.where, ids=ids, at=view.at)}
        kinds = sorted({claim.relation for claim in claims if claim.relation} | set(_BESIDE))
        self.out: dict[tuple[str, str], list[RelationRow]] = defaultdict(list)
        self.back: dict[tuple[str, str], list[RelationRow]] = defaultdict(list)
        for row in view.store.relations(view.where, touching=ids, kinds=kinds, at=view.at) if ids else ():
            self.out[row.source, row.kind].append(row)
            self.back[row.target, row.kind].append(row)
        self.over: dict[str, set[str]] = defaultdict(set)  # an authority and the processes that have a step under it
        if any(claim.over for claim in claims):
            self._read_authorities()

    def _read_authorities(self) -> None:
        view = self.view
        held = sorted({row.target for rows in self.out.values() for row in rows if row.kind == "holds_authority"})
        self.rows |= {row.id: row for row in view.store.entities(view.where, ids=held, at=view.at)} if held else {}
        under = list(view.store.relations(view.where, touching=held, kinds=["under_authority"], at=view.at)) if held else []
        steps = sorted({row.source for row in under})
        flows = list(view.store.relations(view.where, touching=steps, kinds=["step_of"], at=view.at)) if steps else []
        process = {row.source: row.target for row in flows}
        for row in under:
            self.over[row.target] |= {row.source, process.get(row.source, "")}

    def _resolved(self) -> dict[str, Found]:
        wanted = {name for claim in self.claims for name in self._names(claim)}
        there = self.view.store.resolve(sorted(wanted), self.view.where, at=self.view.at)
        return {name: Found(there[name]) if name in there else self._by_name(name) for name in sorted(wanted)}

    def _names(self, claim: Claim) -> Iterator[str]:
        yield from (name for name in (claim.subject, claim.over) if name)
        if claim.relation:
            yield str(claim.value)

    def _by_name(self, name: str) -> Found:
        hits = find(self.view, name, limit=4)
        exact = [hit for hit in hits if hit.score >= 0.95]
        if len(exact) == 1 or (exact and exact[0].score > exact[1].score):
            return Found(exact[0].id)
        if exact:
            return Found("", f"{name!r} can be {' or '.join(hit.id for hit in exact)}: say which")
        near = f"; did you mean {hits[0].name!r} ({hits[0].id})?" if hits else ""
        return Found("", f"nothing that you may see is called {name!r}{near}")

    def verdicts(self) -> list[Verified]:
        """One for each claim."""
        return [self._verdict(claim) for claim in self.claims]

    def _verdict(self, claim: Claim) -> Verified:
        if not claim.subject:
            return _unknown(claim, f"it is not understood; a claim is {_FORMS}")
        lost = next((self.found[name] for name in self._names(claim) if not self.found[name].id), None)
        if lost:
            return _unknown(claim, lost.why)
        if claim.relation:
            return self._relation(claim, self.view.ontology.relation(claim.relation))
        if claim.over:
            return self._limit(claim)
        row = self.rows[self.found[claim.subject].id]
        return self._in_force(claim, row) if claim.property == "in_force" else self._property(claim, row)

    def _relation(self, claim: Claim, kind: RelationKind) -> Verified:
        one, other = self.found[claim.subject].id, self.found[str(claim.value)].id
        out, back = self.out[one, kind.name], self.back[other, kind.name]
        held = [row for row in out if row.target == other] or (
            [row for row in self.out[other, kind.name] if row.target == one] if kind.symmetric else []
        )
        if held:
            return Verified(claim=claim, state="supported", because="The graph holds it.", evidence=_relations(held))
        if out and (kind.functional or kind.closed in ("source", "both")):
            right = tuple(row.target for row in out)
            return self._wrong(claim, f"{one} {kind.label} {self._listed(right)}.", right, out)
        if back and kind.closed in ("target", "both"):
            right = tuple(row.source for row in back)
            return self._wrong(claim, f"It is {self._listed(right)} that {kind.label} {other}.", right, back)
        known = f"; what it knows: {one} {kind.label} {self._listed([row.target for row in out])}" if out else ""
        return _unknown(claim, f"the graph does not say that {one} {kind.label} {other}{known}", _relations(out))

    def _wrong(self, claim: Claim, because: str, right: tuple[PropertyValue, ...], rows: Iterable[RelationRow]) -> Verified:
        return Verified(claim=claim, state="contradicted", because=because, right=right, evidence=_relations(rows))

    def _listed(self, ids: Sequence[str]) -> str:
        return ", ".join(ids[:5]) + (f" and {len(ids) - 5} more" if len(ids) > 5 else "")

    def _property(self, claim: Claim, row: EntityRow) -> Verified:
        name = claim.property
        properties: dict[str, PropertyValue] = {"name": row.name, **json.loads(row.properties)}
        if name not in properties:
            other = nearest(name, properties) if name not in self.view.ontology.properties else ""
            return _unknown(claim, f"the graph does not say the {name} of {row.id}{other}")
        held = properties[name]
        evidence = (_value_evidence(row, name, held),)
        values = held if isinstance(held, list) else [held]
        if any(same(value, claim.value) for value in values):
            return Verified(claim=claim, state="supported", because="The graph holds it.", evidence=evidence)
        declared = self.view.ontology.properties.get(name)
        if isinstance(held, list) and not (declared and declared.functional):
            return _unknown(claim, f"the graph does not say it; what it knows: {name} of {row.id}: {_worded(held)}", evidence)
        if isinstance(held, str) and len(held) > _LONG and not _is_number(claim.value):
            return _unknown(claim, f"it can be the same in other words; the {name} of {row.id} is: {held}", evidence)
        said = _loser(row, name, claim.value)
        because = f"The {name} of {row.id} is {_worded(held)}{said}."
        return Verified(claim=claim, state="contradicted", because=because, right=(held,), evidence=evidence)

    def _in_force(self, claim: Claim, row: EntityRow) -> Verified:
        newer = self.back[row.id, "supersedes"]
        state = not newer
        because = (
            f"{self._listed([one.source for one in newer])} has taken the place of {row.id}."
            if newer
            else f"Nothing has taken the place of {row.id}."
        )
        right = () if state == claim.value else tuple(one.source for one in newer) or (state,)
        evidence = _relations(newer) or (_value_evidence(row, "name", row.name),)
        return Verified(
            claim=claim, state="supported" if state == claim.value else "contradicted", because=because, right=right, evidence=evidence
        )

    def _limit(self, claim: Claim) -> Verified:
        """Up to how much somebody may approve something: by the authorities that they hold, over this process or in general."""
        who, what = self.found[claim.subject].id, self.found[claim.over].id
        held = [row.target for row in self.out[who, "holds_authority"] if row.target in self.rows]
        fitting = [self.rows[id_] for id_ in held if what in self.over[id_]]
        limits = [(json.loads(row.properties).get("limit"), row) for row in fitting]
        known = [(limit, row) for limit, row in limits if isinstance(limit, int | float)]
        if not known:
            return _unknown(claim, f"the graph knows no authority of {who} over {what}")
        most, row = max(known, key=lambda pair: pair[0])
        wanted = number(claim.value)
        state: State = "supported" if wanted is not None and wanted <= most else "contradicted"
        currency = json.loads(row.properties).get("currency")
        because = f"{who} may approve {what} up to {_amount(most)}{f' {currency}' if currency else ''}."
        return Verified(
            claim=claim,
            state=state,
            because=because,
            right=() if state == "supported" else (most,),
            evidence=(_value_evidence(row, "limit", most),),
        )


_BESIDE = ("holds_authority", "supersedes")


def _unknown(claim: Claim, because: str, evidence: tuple[Evidence, ...] = ()) -> Verified:
    return Verified(
        claim=claim, state="unknown", because=f"{because[0].upper()}{because[1:]}.".replace("?.", "?").replace("..", "."), evidence=evidence
    )


def _relations(rows: Iterable[RelationRow]) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(subject=row.source, relation=row.kind, target=row.target, origins=json.loads(row.origins)) for row in list(rows)[:20]
    )


def _value_evidence(row: EntityRow, name: str, value: PropertyValue) -> Evidence:
    return Evidence(subject=row.id, property=name, value=value, origins=json.loads(row.origins))


def _loser(row: EntityRow, name: str, claimed: Scalar) -> str:
    """Which source says what was claimed, where another one has precedence."""
    for contested in json.loads(row.conflicts):
        for other in contested["others"]:
            if contested["property"] == name and same(other["value"], claimed):
                return f"; {other['source']} says so, and another source has precedence"
    return ""


def _worded(value: object) -> str:
    return ", ".join(map(str, cast("list[object]", value))) if isinstance(value, list) else str(value)


_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:[ ,'\u00a0\u202f]\d{3})+|\d+)(?:\.\d+)?")
_SCALE = {"k": 1e3, "m": 1e6, "bn": 1e9, "thousand": 1e3, "million": 1e6, "billion": 1e9, "%": 1, "": 1}


def _amount(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def number(value: object) -> float | None:
    """The number that a value is or writes, with thousands separators, a scale (k, m, million) and a currency around it; None: no number."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    met = re.fullmatch(
        rf"(?:[A-Z]{{3}}|[€$£¥])?\s*({_NUMBER.pattern})\s*(k|m|bn|thousand|million|billion|%|)\s*(?:[A-Z]{{3}}|[€$£¥])?",
        str(value).strip(),
        re.IGNORECASE,
    )
    return float(re.sub(r"[ ,'\u00a0\u202f]", "", met[1])) * _SCALE[met[2].lower()] if met else None


def _is_number(value: object) -> bool:
    return number(value) is not None


def same(held: Scalar, claimed: Scalar) -> bool:
    """Whether two values say the same: numbers by value, days by day, yes and no by meaning, texts without case, accents, punctuation."""
    one, other = number(held), number(claimed)
    if one is not None and other is not None:
        return abs(one - other) <= 1e-9 * max(abs(one), abs(other))
    if isinstance(held, bool):
        return fold(str(claimed)) in (("true", "yes") if held else ("false", "no"))
    first, second = _day(held), _day(claimed)
    if first and second:
        return first == second
    return fold(str(held)) == fold(str(claimed))


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(str(value).strip())
    except ValueError:
        return None
