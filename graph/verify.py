"""What agents claim, held against the graph: each claim is supported, contradicted (with what is right), or unknown, with its evidence.

A claim that the graph does not hold is contradicted only where the graph knows better: the property has another value, or the relation
is one of which the ontology says that what is on file is all there is (`oc:closed`; the partial completeness assumption). Everything
else is unknown: a graph that is silent contradicts nobody.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property
from itertools import chain
from operator import itemgetter
from typing import Any, Literal, NamedTuple, TypeAlias, cast

from graph.errors import InputError, nearest
from graph.meanings import defined_here, units_of
from graph.model import PropertyValue, Scalar, Value, slug
from graph.ontology import Ontology, RelationKind
from graph.scope import Hit, View, finds
from graph.stores.base import EntityRow, RelationRow, day_of, fold, true_on
from graph.wording import stem

State = Literal["supported", "contradicted", "unknown"]
MAX_CLAIMS = 10_000
_ROOM = 8_000_000  # characters of all claims together
_SENTENCE = 1_000  # and of a sentence: a longer one is not understood
_QUOTES = "\"'`\u2018\u2019\u201c\u201d"
_LONG = 60  # a text longer than this can be said in other words
_FORMS = (
    "'A reports to B', 'A must be approved by B', 'B is the owner of A', 'A does not depend on B', 'B is the Controller', 'the limit of A is 5000', "
    "'A approves B over 5000', 'A may approve B up to 5000', 'A means …', 'in Finance, A means …', 'A is in force'"
)
_JSON = '{"subject": …, "relation": …, "value": …}, {"subject": …, "property": …, "value": …}, {"subject": …, "over": …, "property": "limit", "value": …}'


class Claim(Value):
    """One statement: that `subject` stands in `relation` to `value`, or has `value` as its `property`. Ids or names; one of the two is set.

    With `over` it is the `limit` up to which the subject may approve that process or step, or the `threshold` above which it does.
    `within` is the unit in which a term has this definition. `denied`: it is claimed that this is not so.
    """

    subject: str
    over: str = ""
    relation: str = ""
    property: str = ""
    value: Scalar = ""
    within: str = ""
    denied: bool = False
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


def parse(text: str, ontology: Ontology) -> list[Ways]:
    """The claims of a text: a JSON array, JSON lines, or a sentence a line; `InputError` names the claim that is neither.

    A sentence can be read in several ways, the likeliest first: it depends on what its names stand for which one is meant.
    """
    stripped = text.strip()
    if len(stripped) > _ROOM:
        message = f"{len(stripped):,} characters are more than the {_ROOM:,} of the claims of one question; ask in parts"
        raise InputError(message)
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
        grammar = _GRAMMARS[ontology.digest] = Grammar(ontology)
    return [_claim(item, number, grammar) for number, item in enumerate(items, 1)]


def _claim(item: object, number: int, grammar: Grammar) -> Ways:
    if isinstance(item, str) and item.lstrip()[:1] == "{":
        try:
            item = cast("object", json.loads(item))
        except (json.JSONDecodeError, RecursionError) as error:
            message = f"claim {number}: no valid JSON: {error}"
            raise InputError(message) from error
    if isinstance(item, str):
        said = item.strip()
        return grammar.read(said) or (Claim(subject="", said=said if len(said) <= _SENTENCE else f"{said[:_SENTENCE]}…"),)
    try:
        claim = Claim.model_validate(item)
    except ValueError as error:
        message = f"claim {number} is none of {_JSON}, or a sentence such as {_FORMS}"
        raise InputError(message) from error
    if bool(claim.relation) == bool(claim.property):
        message = f"claim {number} needs either 'relation' or 'property': {_JSON}"
        raise InputError(message)
    return (claim,)


Ways = tuple[Claim, ...]
_Make = Callable[[re.Match[str], str], Claim]


class _Form(NamedTuple):
    """A shape of sentence: a folded word that stands in every one of them, the pattern, what it claims, and how it is told to people."""

    word: str
    pattern: re.Pattern[str]
    make: _Make
    told: str


class Grammar:
    """The sentences that are understood: those of the labels of the ontology's relations and properties, and a few more."""

    def __init__(self, ontology: Ontology) -> None:
        ways = [(label, name, back) for name, one in ontology.relations.items() for label, back in one.wordings]
        ways.sort(key=lambda way: (-len(way[0]), way))
        labels = sorted(((one.label, name) for name, one in ontology.properties.items()), key=lambda pair: (-len(pair[0]), pair[1]))
        nouns = [way for way in ways if way[0].startswith(("is the ", "is a ")) and way[0].endswith(" of")]
        self.forms = (
            *_SENTENCES,
            *(_noun(*way) for way in nouns),
            *(form for pair in labels for form in _property(*pair)),
            *(_relation(*way) for way in ways),
            _MEANS,
        )

    def read(self, sentence: str) -> Ways:
        """The claims that a sentence can make, the likeliest first; none where it is not understood."""
        plain = _BULLET.sub("", sentence).rstrip()
        if plain.endswith("?") or len(plain) > _SENTENCE:
            return ()
        plain, words = plain.rstrip(".!").rstrip(), f" {fold(plain)} "
        met = ((form, form.pattern.match(plain)) for form in self.forms if form.word in words)
        return tuple(dict.fromkeys(form.make(one, sentence) for form, one in met if one))[:_READINGS]

    def nearest(self, sentence: str) -> list[str]:
        """Forms that share a word with a sentence that is not understood, the most alike first."""
        words = _stems(sentence)
        shared = [(len(words & _stems(form.told)), form.told) for form in self.forms]
        return list(dict.fromkeys(told for count, told in sorted(shared, key=lambda one: (-one[0], len(one[1]), one[1])) if count))[:3]


def _stems(text: str) -> set[str]:
    """What the longer words of a text begin with."""
    return {stem(word) for word in fold(text).split() if len(word) > 3}


_GRAMMARS: dict[str, Grammar] = {}  # by the digest of the ontology: a process knows one or two
_READINGS = 8  # ways in which a sentence is read
_BULLET = re.compile(r"^\s*(?:[-*\u2022]|\d+[.)])\s+")
_NOT = r"(?:\s+(?P<no>not|never|no longer))?"


def _relation(label: str, name: str, back: bool) -> _Form:  # noqa: FBT001  # the three are a way, as in a relation's wordings
    """The sentences of one label of a relation: as it is, in the plural, as a duty, and denied."""
    pattern = re.compile(rf"^(?P<one>.+?)\s+{_verb(label)}\s+(?P<other>.+)$", re.IGNORECASE)

    def make(met: re.Match[str], said: str) -> Claim:
        one, other = _bare(met["one"]), _bare(met["other"])
        return Claim(subject=other if back else one, relation=name, value=one if back else other, denied=_denied(met), said=said)

    return _Form(_telling(label), pattern, make, f"A {label} B")


def _noun(label: str, name: str, back: bool) -> _Form:  # noqa: FBT001  # the same
    """The owner of A is B, where the label is: is the owner of."""
    noun = label.removesuffix(" of").split(maxsplit=2)[2]
    pattern = re.compile(
        rf"^(?:the\s+{_loose(noun)}\s+of\s+(?P<one>.+?)|(?P<own>.+?)['\u2019]s?\s+{_loose(noun)})\s+is{_NOT}\s+(?P<other>.+)$",
        re.IGNORECASE,
    )

    def make(met: re.Match[str], said: str) -> Claim:
        one, other = _bare(met["other"]), _bare(met["one"] or met["own"])
        return Claim(subject=other if back else one, relation=name, value=one if back else other, denied=_denied(met), said=said)

    return _Form(_telling(noun), pattern, make, f"the {noun} of A is B")


def _property(label: str, name: str) -> Iterator[_Form]:
    """The limit of A is 5; A's limit is 5; A has a limit of 5."""
    said = _loose(label)
    shapes = (
        rf"^(?:the\s+)?{said}\s+of\s+(?P<one>.+?)\s+is{_NOT}\s+(?P<other>.+)$",
        rf"^(?P<one>.+?)['\u2019]s?\s+{said}\s+is{_NOT}\s+(?P<other>.+)$",
        rf"^(?P<one>.+?)\s+has\s+(?P<no>no\s+)?(?:an?\s+|the\s+)?{said}\s+(?:of\s+)?(?P<other>.+)$",
    )

    def make(met: re.Match[str], sentence: str) -> Claim:
        return Claim(subject=_bare(met["one"]), property=name, value=_bare(met["other"]), denied=_denied(met), said=sentence)

    for shape in shapes:
        yield _Form(_telling(label), re.compile(shape, re.IGNORECASE), make, f"the {label} of A is …")


def _verb(label: str) -> str:
    """The pattern of a label in all its forms: `is approved by` also as `are`, `must be`, `is not`; `approves` as `must approve`, `does not approve`."""
    first, _, rest = label.partition(" ")
    after = rf"\s+{_loose(rest)}" if rest else ""
    if first in ("is", "was"):
        return rf"(?:(?:is|are|was|were|has\s+been){_NOT}|(?:must|should|can)(?:\s+(?P<nor>not))?\s+be|(?:has|have|needs?)\s+to\s+be|(?P<n_t>isn['\u2019]t|aren['\u2019]t)){after}"
    if first == "has":
        return rf"(?:has|have)(?:\s+(?P<no>no))?(?:\s+(?:an?|the))?{after}"
    bare = re.sub(r"ies$", "y", first) if first.endswith("ies") else first.removesuffix("s")
    forms = rf"{re.escape(first)}|{re.escape(bare)}"
    no = r"(?:(?P<no>does\s+not|do\s+not|doesn['\u2019]t|don['\u2019]t|no\s+longer|must\s+not|cannot|may\s+not|need\s+not)\s+)?"
    return rf"{no}(?:(?:must|has\s+to|have\s+to|needs?\s+to|may|can)\s+)?(?:{forms}){after}"


def _telling(label: str) -> str:
    """The longest word of a label, as it begins in all its forms."""
    longest = max(fold(label).split(), key=len, default="")
    return f" {longest[:-3]}" if longest.endswith("ies") else f" {longest.removesuffix('s')}"


def _loose(label: str) -> str:
    return r"\s+".join(re.escape(word) for word in label.split())


def _bare(text: str) -> str:
    """A name without the article before it and the quotation marks around it."""
    return re.sub(r"^(?:the|a|an)\s+", "", text.strip().strip(_QUOTES), flags=re.IGNORECASE)


def _denied(met: re.Match[str]) -> bool:
    return any(met.groupdict().get(name) for name in ("no", "nor", "n_t"))


def _means(met: re.Match[str], said: str) -> Claim:
    return Claim(
        subject=_bare(met["one"]),
        property="definition",
        value=met["other"].strip(_QUOTES),
        within=_bare(met["unit"] or ""),
        denied=_denied(met),
        said=said,
    )


def _stands_for(met: re.Match[str], said: str) -> Claim:
    return Claim(subject=_bare(met["one"]), property="name", value=_bare(met["other"]), denied=_denied(met), said=said)


def _in_force(met: re.Match[str], said: str) -> Claim:
    over = bool(met["over"]) or bool(met["no"])
    return Claim(subject=_bare(met["one"]), property="in_force", value=not over, said=said)


def _may_approve(met: re.Match[str], said: str) -> Claim:
    return Claim(subject=_bare(met["one"]), over=_bare(met["other"]), property="limit", value=_amount_said(met), said=said)


def _approves_above(met: re.Match[str], said: str) -> Claim:
    return Claim(subject=_bare(met["one"]), over=_bare(met["other"]), property="threshold", value=_amount_said(met), said=said)


def _amount_said(met: re.Match[str]) -> str:
    return met["much"].strip(_QUOTES)


_APPROVES = r"(?:approves?|signs?(?:\s+off)?|authori[sz]es?)"
_MAY = rf"(?:(?:may|can|(?:is|are)\s+(?:allowed|authori[sz]ed|entitled)\s+to)\s+)?{_APPROVES}"
_MUST = rf"(?:(?:must|has\s+to|needs\s+to)\s+)?{_APPROVES}"
_BE_APPROVED = r"(?:is|are|must\s+be|can\s+be|has\s+to\s+be|needs\s+to\s+be)\s+(?:approved|signed(?:\s+off)?|authori[sz]ed)\s+by"
_ABOVE = r"(?:over|above|beyond|of\s+more\s+than|from)"
_UP_TO = r"(?:of\s+)?(?:up\s+to|at\s+most)"


def _form(word: str, pattern: str, make: _Make, told: str) -> _Form:
    return _Form(word, re.compile(pattern, re.IGNORECASE), make, told)


_SENTENCES = (
    _form(" to ", rf"^(?P<one>.+?)\s+{_MAY}\s+(?P<other>.+?)\s+{_UP_TO}\s+(?P<much>.+)$", _may_approve, "A may approve B up to 5000"),
    _form(
        " to ",
        rf"^(?P<other>.+?)\s+{_UP_TO}\s+(?P<much>.+?)\s+{_BE_APPROVED}\s+(?P<one>.+)$",
        _may_approve,
        "B up to 5000 is approved by A",
    ),
    _form(" ", rf"^(?P<one>.+?)\s+{_MUST}\s+(?P<other>.+?)\s+{_ABOVE}\s+(?P<much>.*\d.*)$", _approves_above, "A approves B over 5000"),
    _form(
        " ",
        rf"^(?P<other>.+?)\s+{_ABOVE}\s+(?P<much>.*\d.*?)\s+{_BE_APPROVED}\s+(?P<one>.+)$",
        _approves_above,
        "B over 5000 is approved by A",
    ),
    _form(
        " ",
        rf"^(?P<one>.+?)\s+(?:is|are){_NOT}\s+(?:(?:still|currently)\s+)?(?:in\s+force|valid|in\s+effect|current|(?P<over>superseded|outdated|out\s+of\s+date|expired|obsolete))$",
        _in_force,
        "A is in force",
    ),
    _form(" appl", r"^(?P<one>.+?)\s+(?P<no>no\s+longer\s+)?(?:still\s+)?(?:applies|apply)(?P<over>(?!))?$", _in_force, "A still applies"),
    _form(" stand", r"^(?P<one>.+?)\s+(?P<no>does\s+not\s+)?stands?\s+for\s+(?P<other>.+)$", _stands_for, "A stands for …"),
)
_MEANS = _form(
    " ",
    r"^(?:(?:in|for|at|within)\s+(?:the\s+)?(?P<unit>[^,]{1,80}?),\s+)?(?P<one>.+?)\s+(?:(?P<no>does\s+not\s+mean|doesn['\u2019]t\s+mean)|means|is\s+defined\s+as|is\s+understood\s+as)\s+(?:that\s+)?(?P<other>.+)$",
    _means,
    "A means …",
)


# judging them


def verify(view: View, claims: Sequence[Ways], *, asker: Sequence[str] = ()) -> list[Verified]:
    """The verdicts, in the order of the claims. Reads the graph a few times for all of them together.

    `asker` are the person or agent who asks, and for whom: a word that several units define means to them what their own unit says.
    """
    for ways in claims:
        if ways[0].relation:
            view.ontology.relation(ways[0].relation)
    return Bench(view, claims, asker).verdicts()


_Name: TypeAlias = tuple[str, tuple[str, ...], bool]  # as a claim has it, the kinds that can be meant (none: any), may it be over by now
_Sought: TypeAlias = tuple[str, tuple[str, ...], bool]  # a text, the kinds that can be meant (none: any), may it be over by now


class Found(NamedTuple):
    """What a name in a claim stands for: one thing and its kind, or none (and then why); `guess` where it is only the beginning of its name."""

    id: str
    kind: str = ""
    why: str = ""
    guess: str = ""


def _guessed(name: str, kinds: Sequence[str], hits: Sequence[Hit], near: Sequence[Hit]) -> Found:
    """The one of the hits whose name begins so, or none, with the nearest there is."""
    begun = [hit for hit in hits if fold(hit.name).startswith(f"{fold(name)} ")] if kinds else []
    if len(begun) == 1:
        return Found(begun[0].id, begun[0].kind, guess=f"with {name!r} taken for {begun[0].id}")
    best = next(iter([*hits, *near]), None)
    return Found("", why=f"nothing that you may see is called {name!r}{f'; did you mean {best.name!r} ({best.id})?' if best else ''}")


class Bench:
    """All that judging these claims needs to have read."""

    def __init__(self, view: View, claims: Sequence[Ways], asker: Sequence[str] = ()) -> None:
        self.view, self.asker = view, asker
        self.names: dict[_Name, Found] = {}
        self.hits: dict[_Sought, list[Hit]] = {}
        self.ids = self._resolved(claims)
        self.claims = self._meant(claims)
        self.out: dict[tuple[str, str], list[RelationRow]] = defaultdict(list)
        self.back: dict[tuple[str, str], list[RelationRow]] = defaultdict(list)
        ids = {one.id for one in self.names.values() if one.id}.union(*(self._terms(claim) for claim in self.claims if _of_a_unit(claim)))
        self._read(ids, _BESIDE)
        self._read(ids, ("supersedes",), view=self.view.any_day())
        self._read_claimed()
        said = {one.id for claim in self.claims if claim.property for one in self._all_found(claim)}
        rows = sorted(said.union(*(self._steps(id_) for id_ in said)))
        self.rows = {row.id: row for row in view.store.entities(view.where, ids=rows, at=view.at)} if rows else {}
        self.over: dict[str, set[str]] = defaultdict(set)  # an authority and the processes that have a step under it
        if any(claim.over for claim in self.claims):
            self._read_authorities()

    def _read_claimed(self) -> None:
        """What is claimed: the relations from those that are claimed to have them, and where the ontology says that these are all there are, to the others.

        Nothing else is read, or the thousands of relations that end at a hub would be, for each sort that is claimed of anything.
        """
        starts, ends, kinds, closed = set[str](), set[str](), set[str](), set[str]()
        for claim in self.claims:
            name, found = claim.relation or ("approved_by" if claim.over else ""), self._all_found(claim)
            kind = self.view.ontology.relations.get(name)
            if kind is None or name in (*_BESIDE, "supersedes"):
                continue
            kinds.update({name, *_AMOUNTS} if claim.over else {name})
            around = [
                {end for one in some for end in (*self._alike(one.id, name), *self._steps(one.id))} for some in (found[:1], found[1:])
            ]
            starts.update(*(around if claim.over or kind.symmetric else around[:1]))
            if kind.closed in ("target", "both"):
                closed.add(name)
                ends.update(*(around if claim.over else around[1:]))
        self._read(starts, kinds, back=False)
        self._read(ends, closed, out=False)

    def _all_found(self, claim: Claim) -> list[Found]:
        """What the names in a claim stand for, as far as they stand for anything."""
        return [found for name in self._names(claim) if (found := self._found(*name)).id]

    def _steps(self, id_: str) -> list[str]:
        return [row.source for row in self.back.get((id_, "step_of"), ())]

    def _read(self, ids: Collection[str], kinds: Collection[str], *, out: bool = True, back: bool = True, view: View | None = None) -> None:
        """Read the relations of these kinds from and to these, in the order of their ends, whatever else is claimed beside."""
        store, where, at = (view or self.view)[:3]
        rows = store.relations(where, touching=sorted(ids), kinds=sorted(kinds), at=at) if ids and kinds else ()
        for row in sorted(rows, key=itemgetter(0, 2)):
            if out and row.source in ids:
                self.out[row.source, row.kind].append(row)
            if back and row.target in ids:
                self.back[row.target, row.kind].append(row)

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

    # what the names stand for

    def _resolved(self, claims: Sequence[Ways]) -> dict[str, Found]:
        """What is named by its id or an alias, read at once."""
        wanted = sorted({name for ways in claims for claim in ways for name, _, _ in self._names(claim) if ":" in name})
        there = self.view.store.resolve(wanted, self.view.where, at=self.view.at) if wanted else {}
        ids = sorted(set(there.values()))
        kinds = {row.id: row.kind for row in self.view.store.entities(self.view.where, ids=ids, at=self.view.at)} if ids else {}
        return {name: Found(id_, kinds[id_]) for name, id_ in there.items()}

    def _names(self, claim: Claim) -> Iterator[_Name]:
        """The names in a claim."""
        relations = self.view.ontology.relations
        kind, over = relations.get(claim.relation), claim.property == "in_force" or claim.relation == "supersedes"
        approves = relations["approved_by"].range if claim.over else ()
        if claim.subject:
            yield claim.subject, kind.domain if kind else ("Term",) if claim.property == "definition" else approves, over
        if claim.over:
            yield claim.over, ("Process", "Activity", "Authority"), over
        if claim.relation:
            yield str(claim.value), kind.range if kind else (), over

    def _meant(self, claims: Sequence[Ways]) -> list[Claim]:
        """Of each claim the reading that names most of what is called just so; where there is none, the first of which all names are known, else the first.

        What is named must be able to stand in such a claim.
        """
        self._know({name for ways in claims for claim in ways for name in self._names(claim)})
        found: dict[int, Claim] = {}
        for place, ways in enumerate(claims):
            sure = [(len(names), claim) for claim in ways if (names := [*self._names(claim)]) and all(self._is_known(one) for one in names)]
            if sure:
                found[place] = max(sure, key=itemgetter(0))[1]  # of equals the first
        senses = [one for ways in claims for claim in ways if _of_a_unit(claim) for one in self._senses(claim)]
        for turn in range(max(map(len, claims), default=0)):
            left = [(place, ways[turn]) for place, ways in enumerate(claims) if place not in found and turn < len(ways)]
            self._find({name for _, claim in left for name in self._names(claim)}, beside=senses)
            found.update({place: claim for place, claim in left if all(self._found(*name).id for name in self._names(claim))})
        return [found.get(place, ways[0]) for place, ways in enumerate(claims)]

    def _is_known(self, name: _Name) -> bool:
        return name in self.names and bool(self.names[name].id)

    def _found(self, *name: *_Name) -> Found:
        self._find([name])
        return self.names[name]

    def _know(self, names: Collection[_Name]) -> None:
        """Know what is meant by an id or an alias, and by the very name that one thing of these kinds has."""
        self.names |= {name: known for name in names if (known := self.ids.get(name[0]))}
        long = Found("", why=f"no name has more than {_SENTENCE:,} characters")
        self.names |= {name: long for name in names if name not in self.names and len(name[0]) > _SENTENCE}
        asked = {name: folded for name in names if name not in self.names and (folded := fold(name[0]))}
        ever, day = self.view.any_day(), day_of(self.view.where)
        there = ever.store.called(set(asked.values()), ever.where, at=ever.at) if asked else {}
        for name, folded in asked.items():
            kinds, on = self._kinds(name), "" if name[2] else day
            some = [one for one in there.get(folded, ()) if (not kinds or one.kind in kinds) and true_on(on, one.valid_from, one.valid_to)]
            if len(some) == 1 and ":" not in name[0]:  # an alias has a colon
                self.names[name] = Found(some[0].id, some[0].kind)

    def _find(self, names: Iterable[_Name], *, beside: Iterable[_Sought] = ()) -> None:
        """Know what these names stand for; those that are not known yet are looked for together, as people look for them.

        What must be looked for `beside` is looked for in the same read.
        """
        lost = sorted({name for name in names if name not in self.names})
        for over in (True, False):
            if wanted := [name for name in lost if name[2] == over]:
                asked = {name: (name[0], tuple(self._kinds(name)), over) for name in wanted}
                self._look([*asked.values(), *(() if over else beside)])
                self.names |= self._by_name(asked, self.view.any_day() if over else self.view)

    def _look(self, sought: Iterable[_Sought]) -> None:
        """Look for these texts, but for those that were looked for before."""
        new = [one for one in dict.fromkeys(sought) if one not in self.hits]
        for over in (True, False):
            some = [one for one in new if one[2] == over]
            found = finds(self.view.any_day() if over else self.view, [one[:2] for one in some], limit=10) if some else ()
            self.hits.update(zip(some, found, strict=True))

    def _kinds(self, name: _Name) -> list[str]:
        """The kinds that can be meant by a name, with those under them; none: any."""
        return sorted({one for kind in name[1] for one in self.view.ontology.family(kind)})

    def _by_name(self, asked: Mapping[_Name, _Sought], view: View) -> dict[_Name, Found]:
        """What each of these names stands for, by what was found."""
        hits = {name: self.hits[sought][:6] for name, sought in asked.items()}
        exact = {name: some for name, all_ in hits.items() if (some := [hit for hit in all_ if hit.score >= _NAMED])}
        found = self._by_local_ids({name: one[:2] for name, one in asked.items() if name not in exact}, view)
        found |= {name: self._named(name[0], some) for name, some in exact.items()}
        nothing = [name for name, some in hits.items() if not some and name not in found]
        near = dict(zip(nothing, finds(view, [(name[0], ()) for name in nothing], limit=1), strict=True))
        return {name: found.get(name) or _guessed(*one[:2], hits[name], near.get(name, ())) for name, one in asked.items()}

    def _named(self, name: str, exact: Sequence[Hit]) -> Found:
        """The one of these that are all called so, or that there are several."""
        if len(exact) == 1 or exact[0].score > exact[1].score:
            return Found(exact[0].id, exact[0].kind)
        if own := self._here([hit.id for hit in exact]):
            return Found(own, exact[0].kind)
        return Found("", why=f"{name!r} can be {' or '.join(hit.id for hit in exact)}: say which")

    def _by_local_ids(self, asked: Mapping[_Name, tuple[str, Sequence[str]]], view: View) -> dict[_Name, Found]:
        """Of these the one thing of these kinds whose id, but for its prefix, is the name: cfo for position:cfo."""
        declared = self.view.ontology.kinds
        ids = {name: sorted({f"{declared[kind].prefix}:{slug(text)}" for kind in kinds}) for name, (text, kinds) in asked.items()}
        every = sorted(set(chain.from_iterable(ids.values())))
        asked_for = [*every, *self.asker] if every else []  # with the asker, whose units may be asked for next
        there = view.store.resolve(asked_for, view.where, at=view.at) if asked_for else {}
        rows = {row.id: row for row in view.store.entities(view.where, ids=sorted(set(there.values())), at=view.at)} if there else {}
        found: dict[_Name, Found] = {}
        for name, own in ids.items():
            held = sorted({there[id_] for id_ in own if id_ in there})
            fit = [rows[id_] for id_ in held if id_ in rows and rows[id_].kind in asked[name][1]]
            if len(fit) == 1:
                found[name] = Found(fit[0].id, fit[0].kind)
        return found

    @cached_property
    def units(self) -> Sequence[str]:
        """The units of who asks."""
        return units_of(self.view, self.asker)

    def _here(self, ids: Sequence[str]) -> str:
        """Which of these words is the one of the asker's own units; blank where that is none, or more than one."""
        own = defined_here(self.view, ids, self.units) if self.units else ()
        return own[0] if len(own) == 1 else ""

    # judging

    def verdicts(self) -> list[Verified]:
        """One for each claim."""
        return [self._denial(self._verdict(claim)) for claim in self.claims]

    def _denial(self, found: Verified) -> Verified:
        """The verdict on the denial, where the claim is one."""
        if not found.claim.denied or found.state == "unknown":
            return found
        held = found.state == "supported"
        right = tuple(dict.fromkeys(one.target or one.value for one in found.evidence)) if held else ()
        return found.model_copy(update={"state": "contradicted" if held else "supported", "right": right})

    def _verdict(self, claim: Claim) -> Verified:
        if not claim.subject:
            return _unknown(claim, self._not_understood(claim.said))
        found = [self._found(*name) for name in self._names(claim)]
        if claim.property == "definition" and (claim.within or not found[0].id):
            found = [self._word(claim, found[0])]
        if lost := next((one for one in found if not one.id), None):
            return _unknown(claim, lost.why)
        verdict = self._held(claim, found)
        guesses = "; ".join(one.guess for one in found if one.guess)
        return verdict.model_copy(update={"because": f"{verdict.because.removesuffix('.')}, {guesses}."}) if guesses else verdict

    def _not_understood(self, said: str) -> str:
        grammar = _GRAMMARS.get(self.view.ontology.digest)
        near = ", ".join(f"{form!r}" for form in grammar.nearest(said)) if grammar else ""
        if len(said) > _SENTENCE:
            return f"it is longer than the {_SENTENCE:,} characters of a sentence that is read; a claim says one thing"
        why = "it is a question and no claim" if said.endswith("?") else "it is not understood"
        return f"{why}{f'; near it: {near}' if near else ''}; a claim is JSON ({_JSON}), or a sentence such as {_FORMS}"

    def _held(self, claim: Claim, found: Sequence[Found]) -> Verified:
        if claim.relation:
            return self._relation(claim, self.view.ontology.relation(claim.relation), found[0].id, found[1].id)
        if claim.over:
            judge = self._threshold if claim.property == "threshold" else self._limit
            return judge(claim, found[0].id, found[1].id)
        row = self._row(found[0].id)
        return self._in_force(claim, row) if claim.property == "in_force" else self._property(claim, row)

    def _row(self, id_: str) -> EntityRow:
        """A thing, even one that is over."""
        if id_ not in self.rows:
            view = self.view.any_day()
            self.rows |= {row.id: row for row in view.store.entities(view.where, ids=[id_], at=view.at)}
        return self.rows[id_]

    def _word(self, claim: Claim, known: Found) -> Found:
        """The term of this name in the unit that the claim names; what is known where it names none."""
        if not claim.within:
            return known
        unit = self._found(claim.within, _UNITS, False)
        self._look(self._senses(claim))
        units = [unit.id] if unit.id else [hit.id for hit in self.hits[self._senses(claim)[1]][:4] if hit.score >= _NAMED]
        own = defined_here(self.view, self._terms(claim), units)
        if len(own) == 1:
            return Found(own[0], "Term")
        return Found(
            "", why=f"the graph knows {'several definitions' if own else 'no definition'} of {claim.subject!r} for {claim.within!r}"
        )

    def _senses(self, claim: Claim) -> list[_Sought]:
        """What must be looked for to know what a word means in a unit: the unit, whatever else is called so, and the terms."""
        units = tuple(self._kinds((claim.within, _UNITS, False)))
        return [(claim.within, units, False), (claim.within, (), False), (claim.subject, self._term_kinds, False)]

    def _terms(self, claim: Claim) -> list[str]:
        """The terms that are called as the subject of this claim, as far as they were looked for."""
        return [hit.id for hit in self.hits.get((claim.subject, self._term_kinds, False), ()) if hit.score >= _NAMED]

    @cached_property
    def _term_kinds(self) -> tuple[str, ...]:
        return tuple(sorted(self.view.ontology.family("Term")))

    def _alike(self, id_: str, relation: str) -> list[str]:
        """The thing, the posts that it holds, and those who hold it; but for the question who holds a post."""
        if relation == "holds":
            return [id_]
        held, holders = self.out.get((id_, "holds"), ()), self.back.get((id_, "holds"), ())
        return [id_, *(row.target for row in held), *(row.source for row in holders)]

    def _told(self, ids: Sequence[str], relation: str) -> list[RelationRow]:
        """The relations of this sort from these; of a process without one those of its steps."""
        found = [row for id_ in ids for row in self.out.get((id_, relation), ())]
        if found or relation == "step_of":
            return found
        return [row for id_ in ids for step in self.back.get((id_, "step_of"), ()) for row in self.out.get((step.source, relation), ())]

    def _relation(self, claim: Claim, kind: RelationKind, one: str, other: str) -> Verified:
        ones, others = self._alike(one, kind.name), self._alike(other, kind.name)
        out, back = self._told(ones, kind.name), [row for id_ in others for row in self.back.get((id_, kind.name), ())]
        held = [row for row in out if row.target in others]
        if kind.symmetric and not held:
            held = [row for row in self._told(others, kind.name) if row.target in ones]
        if held:
            through = " and ".join(end for end in (held[0].source, held[0].target) if end not in (one, other))
            because = f"The graph holds it{f' by {through}' if through else ''}."
            return Verified(claim=claim, state="supported", because=because, evidence=_relations(held))
        if out and (kind.functional or kind.closed in ("source", "both")):
            right = tuple(dict.fromkeys(row.target for row in out))
            return self._wrong(claim, f"{one} {kind.label} {self._listed(right)}.", right, out)
        if back and kind.closed in ("target", "both"):
            right = tuple(dict.fromkeys(row.source for row in back))
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
        if isinstance(held, str) and _sentence_of(held, claim.value):
            return Verified(claim=claim, state="supported", because="The graph says it in these words.", evidence=evidence)
        if isinstance(held, str) and len(held) > _LONG and not _is_number(claim.value):
            return _unknown(claim, f"it can be the same in other words; the {name} of {row.id} is: {held}", evidence)
        said = _loser(row, name, claim.value)
        because = f"The {name} of {row.id} is {_worded(held)}{said}."
        return Verified(claim=claim, state="contradicted", because=because, right=(held,), evidence=evidence)

    def _in_force(self, claim: Claim, row: EntityRow) -> Verified:
        newer, day = self.back[row.id, "supersedes"], self.view.today.isoformat()
        status = str(json.loads(row.properties).get("status", ""))
        reasons = {
            f"{self._listed([one.source for one in newer])} has taken the place of {row.id}": bool(newer),
            f"{row.id} was valid before {row.valid_to}": bool(row.valid_to) and row.valid_to <= day,
            f"{row.id} is valid from {row.valid_from} on": row.valid_from > day,
            f"the status of {row.id} is {status}": fold(status) in _OVER,
        }
        over = [reason for reason, so in reasons.items() if so]
        right = () if claim.value == (not over) else tuple(one.source for one in newer) or (not over,)
        evidence = _relations(newer) or (_value_evidence(row, "name", row.name),)
        because = f"{over[0][0].upper()}{over[0][1:]}." if over else f"Nothing has taken the place of {row.id}."
        state: State = "supported" if claim.value == (not over) else "contradicted"
        return Verified(claim=claim, state=state, because=because, right=right, evidence=evidence)

    def _limit(self, claim: Claim, who: str, what: str) -> Verified:
        """Up to how much somebody may approve something: by the authorities that they hold, over this process or in general."""
        held = [row.target for one in self._alike(who, "") for row in self.out[one, "holds_authority"] if row.target in self.rows]
        amounts = [(json.loads(self.rows[id_].properties).get("limit"), self.rows[id_]) for id_ in held if what in self.over[id_]]
        known = [(limit, row) for limit, row in amounts if isinstance(limit, int | float)]
        if not known:
            return _unknown(claim, f"the graph knows no authority of {who} over {what}")
        most, row = max(known, key=lambda pair: pair[0])
        said = number(claim.value)
        because = f"{who} may approve {what} up to {_money(most, row)}."
        return _amounted(claim, because, most, _value_evidence(row, "limit", most), fits=said is not None and said <= most)

    def _threshold(self, claim: Claim, who: str, what: str) -> Verified:
        """From which amount on somebody approves something: by the steps of the process that they approve."""
        others = self._alike(who, "approved_by")
        steps = {row.source: row for row in self._told([what], "approved_by")}
        own = [self._row(step) for step, row in steps.items() if row.target in others]
        amounts = [(json.loads(row.properties).get("threshold", 0), row) for row in own]
        known = [(amount, row) for amount, row in amounts if isinstance(amount, int | float)]
        if not known:
            return self._relation(claim, self.view.ontology.relation("approved_by"), what, who)
        least, row = min(known, key=lambda pair: pair[0])
        said = number(claim.value)
        because = f"{who} approves {what}{f' above {_money(least, row)}' if least else ', whatever the amount'}."
        return _amounted(claim, because, least, _value_evidence(row, "threshold", least), fits=said is not None and said >= least)


_BESIDE = ("holds", "step_of")  # what is read beside what is claimed: who is meant by a post, what by a process
_AMOUNTS = ("approved_by", "holds_authority")  # and where an amount is claimed
_UNITS = ("Unit", "BusinessFunction")
_NAMED = 0.95  # how well a thing fits its own name
_OVER = frozenset(
    {"superseded", "replaced", "withdrawn", "rejected", "deprecated", "expired", "retired", "obsolete"}
)  # what a status says of what is over


def _of_a_unit(claim: Claim) -> bool:
    """Whether it is claimed what a word means in some unit."""
    return claim.property == "definition" and bool(claim.within)


def _amounted(claim: Claim, because: str, right: float, evidence: Evidence, *, fits: bool) -> Verified:
    state: State = "supported" if fits else "contradicted"
    return Verified(claim=claim, state=state, because=because, right=() if fits else (right,), evidence=(evidence,))


def _money(amount: float, row: EntityRow) -> str:
    currency = json.loads(row.properties).get("currency")
    return f"{_amount(amount)}{f' {currency}' if currency else ''}"


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


def _sentence_of(held: str, claimed: Scalar) -> bool:
    """Whether what is claimed is one of the sentences of a text, or some that follow each other; an article before it does not count."""
    said = fold(re.sub(r"^(?:the|an?)\s+", "", str(claimed), flags=re.IGNORECASE))
    parts = [fold(re.sub(r"^(?:the|an?)\s+", "", one, flags=re.IGNORECASE)) for one in re.split(r"(?<=[.!?;])\s+", held)]
    return bool(said) and any(
        " ".join(parts[start:stop]) == said for start in range(len(parts)) for stop in range(start + 1, len(parts) + 1)
    )


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(str(value).strip())
    except ValueError:
        return None
