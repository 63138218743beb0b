"""What fits who asks and what they are about to do: walk from the anchors, rank, fit the budget, and say why each thing is in.

Ranking is the chance that something led to a thing (noisy-or): every relation passes on what its nearer end has, by the ontology's weight,
less with each hop and with the number of its like. So what several paths lead to comes before what one does, a process does not starve its
steps because it has many precedents, and a hub lends nothing to the thousand things around it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from pydantic import Field

from graph.errors import InputError, NotFound
from graph.estimate import tokens
from graph.model import Filter, Value
from graph.ontology import Freshness, Ontology, freshness
from graph.render import Budget, Item, Missing, Stamp, Step, Subgraph, cost, envelope
from graph.stores.base import EntityRow, Limit, RelationRow, Rule, Store, Walked, any_day, fold
from graph.wording import Asked, Wanted, fits, gist, label_properties, meets, score

ENTITIES, RELATIONS = 300, 1500
_ANCHORS, _CLOSE = 6, 0.6  # a text starts from so many things at most, and only from what fits nearly as well as the best
_SURE = 0.8  # the text as a whole is a name, another label or an id, or one of them with a typo
_REQUIRED = 0.6  # how strongly what a task requires leads on, beside the task itself
_SPREAD = 0.25  # of n relations of one sort each carries n ** -0.25 of the weight: more together, less alone
_DECAY = 0.7  # what a hop leaves
_WORDS = 0.4  # how much the words of the question say for a thing that the walk reached
_ANSWERS = 0.3  # how much nearer a thing comes of which a relation is told that the question names
_BARE, _BARE_TEXT = 0.6, 60  # what is left to a thing that says little beyond its name: so many characters of properties at most
_RULED_OUT = 0.5  # what is left to a thing whose condition the amount in the question does not meet
_WANTED = 1.5  # a relation that the question names carries more
_GRACE = 0.25
_LEADS = 0.6  # the weight of a relation to a later thing that is said of what is no anchor
_NEAR, _FAR = 30, 5  # relations to later things that are said of an anchor or of what is required, and of any other thing
_FULLER = 0.65  # in a compact answer a thing is said in full before what is less than so much as relevant
_SOME = 16  # things whose freshness is asked for at a time
_GIST = 240  # characters of longer texts that are said in one line of an anchor or of what is required; of any other thing half of it
_GISTS = 960
_FEW = 4  # relations that are said in one line of any other thing
_LIKE = 30  # things of a name like an unknown id, among which the id most like it is named
_SPELLED, _READ = 0.75, 2000  # how like ids are of which one is the other with a typo; things that are looked through for it
_NAMED = 4  # tokens around an id that is named as over the budget


class Scope(Value):
    """The question: from where (`task`, `function`, `anchors`, or what `text` finds), how far, how much, in which format it is measured.

    `after` goes on with what an earlier answer left out: the last id of that one, as its budget names it.
    """

    text: str = ""
    task: str = ""
    function: str = ""
    anchors: tuple[str, ...] = ()
    hops: int = Field(default=3, ge=0, le=6)
    budget: int = Field(default=4000, ge=1)
    compact: bool = True
    after: str = ""


class Hit(Value):
    """Something that a text found, and how well it fits (1: the very name)."""

    id: str
    kind: str
    name: str
    score: float


class View(NamedTuple):
    """What a question reads: the store through one actor's eyes, at one revision, on one day."""

    store: Store
    where: Filter
    at: int | None
    today: date
    ontology: Ontology
    stamp: Stamp
    owners: Mapping[str, str]  # the owner that the workspace names for a source

    def any_day(self) -> View:
        """The same, for any day: what is over by now is seen, too, and what begins later."""
        return self._replace(where=any_day(self.where))


def find(view: View, text: str, *, limit: int = 10, kinds: Sequence[str] = ()) -> list[Hit]:
    """The things that a text names, best first; tolerates one typo. Equal scores are in the order of ids."""
    return finds(view, [(text, kinds)], limit=limit)[0]


def finds(view: View, asked: Sequence[tuple[str, Sequence[str]]], *, limit: int = 10) -> list[list[Hit]]:
    """What `find` says of each of these texts among these kinds (none: all), read together."""
    real = [(text, kinds or None) for text, kinds in asked if fold(text)]
    rows = iter(view.store.searches(real, view.where, limit=max(50, limit), at=view.at))
    return [_scored(view, text, next(rows))[:limit] if fold(text) else [] for text, _ in asked]


def _scored(view: View, text: str, rows: Iterable[EntityRow]) -> list[Hit]:
    wanted, labels = Wanted.of(text), label_properties(view.ontology)
    scored = sorted((-score(wanted, row, labels), len(row.name), row.id, row.kind, row.name) for row in rows)
    return [Hit(id=id_, kind=kind, name=name, score=-score) for score, _, id_, kind, name in scored]


def scope(view: View, question: Scope) -> Subgraph:
    """The subgraph for this question; `NotFound` for an anchor that is not there, or not for this actor."""
    asked = Asked.of(question.text, view.ontology)
    anchors, strengths = _anchors(view, question, asked)
    required, absent, ask = requirements(view, anchors[0]) if question.task else ((), (), "")
    missing = tuple(Missing(requirement=id_, state="unavailable", ask=ask) for id_ in absent)
    starts = {**dict.fromkeys(required, _REQUIRED), **strengths}
    order = list(dict.fromkeys([*anchors, *required]))
    ways = rules(view.ontology, question.hops, asked)
    walked = view.store.walk(order, ways, view.where, limit=Limit(question.hops, ENTITIES, RELATIONS), at=view.at)
    ranks = rank(walked, starts, asked, view.ontology)
    places = _places(walked, ranks, anchors if _named(question) else (), frozenset(required))
    near = related(places, walked.relations)
    about = _About(asked if question.compact else None, len(required), near, told(places, near, asked, view.ontology), _owned(walked, ways))
    return _fit(view, question, anchors, places, about, missing)


def _named(question: Scope) -> list[str]:
    return [id_ for id_ in (question.task, question.function, *question.anchors) if id_]


def _anchors(view: View, question: Scope, asked: Asked) -> tuple[tuple[str, ...], dict[str, float]]:
    """Where to start from, and how strongly: fully from what is named by its id, from what words find as well as it fits."""
    if named := _named(question):
        anchors = tuple(dict.fromkeys(known(view, named).values()))
        return anchors, dict.fromkeys(anchors, 1.0)
    if not question.text:
        message = "a scope needs a text, a task, a function or an anchor to start from"
        raise InputError(message)
    texts = [(text, None) for text in asked.searches(question.text) if fold(text)]
    rows = {row.id: row for found in view.store.searches(texts, view.where, limit=50, at=view.at) for row in found}
    found = fits(asked, list(rows.values()), view.ontology)
    found = {id_: score * (_RULED_OUT if meets(asked, rows[id_]) is False else 1) for id_, score in found.items()}
    exact = {id_: 1.0 if score == 1.0 else max(found[id_], score - 0.1) for id_, score in _exact(view, question.text, rows).items()}
    best = sorted((found | exact).items(), key=lambda pair: (-pair[1], len(rows[pair[0]].name), pair[0]))[:_ANCHORS]
    if not best:
        message = f"nothing that you may see fits {question.text!r}"
        raise NotFound(message, wanted=question.text)
    top = best[0][1]
    chosen = {id_: score / top if top else 1.0 for id_, score in best if score >= _CLOSE * top}
    return tuple(chosen), chosen


def _exact(view: View, text: str, rows: Mapping[str, EntityRow]) -> dict[str, float]:
    """Those of these things that the whole text names, or nearly names with a typo."""
    wanted, labels = Wanted.of(text), label_properties(view.ontology)
    scores = {id_: score(wanted, row, labels) for id_, row in rows.items()}
    return {id_: one for id_, one in scores.items() if one >= _SURE}


def known(view: View, ids: Sequence[str]) -> dict[str, str]:
    """The merged things behind these ids or aliases; `NotFound` names one that is not there and the nearest that is."""
    found = view.store.resolve(ids, view.where, at=view.at)
    for id_ in ids:
        if id_ not in found:
            best = _like(view, id_)
            message = f"nothing that you may see has the id {id_!r}" + (f"; did you mean {best!r}?" if best else "")
            raise NotFound(message, wanted=id_)
    return found


def _like(view: View, id_: str) -> str:
    """The id most like one that is not there: of a thing of that sort whose id is spelled nearly so, else of one that has a name like it."""
    prefix, _, local = id_.partition(":")

    def likeness(other: str) -> float:
        return SequenceMatcher(None, other.removeprefix(f"{prefix}:"), local, autojunk=False).ratio()

    alike = sorted(view.ontology.prefixes.get(prefix, ()))
    near = find(view, local or id_, limit=_LIKE, kinds=alike)
    best = max((hit.id for hit in near), key=likeness, default="")  # of equals the first
    if alike and (not best or likeness(best) < _SPELLED):
        ids = (row.id for row in islice(view.store.entities(view.where, kinds=alike, at=view.at), _READ))
        spelled = max(sorted(ids), key=likeness, default="")
        best = spelled if spelled and likeness(spelled) >= _SPELLED else best
    return best or next((hit.id for hit in find(view, local or id_, limit=1)), "")


def rules(ontology: Ontology, hops: int, asked: Asked | None = None) -> Sequence[Rule]:
    """The walk's rules: heavier relations first, and the lighter a relation the fewer hops it is followed; one that is asked for to the end."""
    return _rules(ontology.ways, hops, asked.sought if asked else frozenset[str]())


@lru_cache(maxsize=64)
def _rules(ways: tuple[tuple[str, bool, float], ...], hops: int, sought: frozenset[str]) -> Sequence[Rule]:
    return tuple(
        Rule(name, outward, max(1, hops) if name in sought else max(1, int(hops * weight + _GRACE))) for name, outward, weight in ways
    )


def requirements(view: View, task: str) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """What the task requires and this actor may see; what of it is unavailable (absent and hidden look the same); and whom to ask for it.

    What a task requires is part of the task, so it is named to whoever may see the task, even where the thing itself is not for them;
    a kind of which there is nothing by its own name.
    """
    row = next(view.store.entities(view.where, ids=[task], at=view.at))
    wanted = [c.target for c in view.store.claims(about=[task, *row.aliases], at=view.at) if c.kind == "requires" and c.target]
    wanted = sorted(dict.fromkeys(wanted))
    found = view.store.resolve(wanted, view.where, at=view.at)
    there = [found[id_] for id_ in wanted if id_ in found]
    of_kinds, empty = _of_kinds(view, json.loads(row.properties).get("requires_kinds", []))
    of_functions = _served(view, [id_ for id_ in there if id_.startswith("function:")])
    missing = (*(id_ for id_ in wanted if id_ not in found), *empty)
    return tuple(dict.fromkeys([*there, *of_kinds, *of_functions])), missing, _owners(view, [task]).get(task, "")


def _of_kinds(view: View, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """The things of these kinds that this actor may see, and the names of the kinds of which there is none."""
    families = {name: frozenset(view.ontology.family(name)) for name in names}
    every = sorted(frozenset[str]().union(*families.values()))
    rows = list(view.store.entities(view.where, kinds=every, at=view.at)) if every else []
    there = {row.kind for row in rows}
    return sorted(row.id for row in rows), sorted(name for name, family in families.items() if not family & there)


def _served(view: View, functions: Sequence[str]) -> list[str]:
    if not functions:
        return []
    serving = view.store.relations(view.where, touching=functions, kinds=["serves"], at=view.at)
    return sorted({row.source for row in serving if row.target in functions})


def _owners(view: View, ids: Sequence[str]) -> dict[str, str]:
    owned = view.store.relations(view.where, touching=ids, kinds=["owned_by"], at=view.at)
    wanted = set(ids)
    found: dict[str, str] = {}
    for row in sorted(owned, key=lambda row: (row.source, row.target)):
        if row.source in wanted:
            found.setdefault(row.source, row.target)
    return found


class _Place(NamedTuple):
    """A walked entity in its place in the answer: what is known of it before the store is asked how fresh it is."""

    row: EntityRow
    why: tuple[Step, ...]
    rank: float
    required: bool


class _About(NamedTuple):
    """By id: the relations to what stands before it, those that are said of it, and (where it is known, "": nobody) the owner; what is asked.

    `asked` is None where nothing is said in one line.
    """

    asked: Asked | None
    required: int
    near: Mapping[str, Sequence[RelationRow]]
    said: Mapping[str, Sequence[RelationRow]]
    owners: Mapping[str, str]


def _places(walked: Walked, ranks: Mapping[str, float], anchors: Sequence[str], required: frozenset[str]) -> list[_Place]:
    """The walked entities, named anchors first, then what is required and then by rank, each with its path."""
    paths = _paths(walked)
    first = {id_: number for number, id_ in enumerate(anchors)}
    places = [_Place(row, paths[row.id], ranks[row.id], row.id in required) for row in walked.entities]
    return sorted(places, key=lambda place: (first.get(place.row.id, len(first)), not place.required, -place.rank))


def _owned(walked: Walked, ways: Sequence[Rule]) -> dict[str, str]:
    """The owners ("": nobody) of those walked entities of which the walk followed every `owned_by`."""
    depth = next((rule.depth for rule in ways if rule[:2] == ("owned_by", True)), 0)
    near = min(depth, max(walked.hops, default=0))  # what is farthest may be where the walk ended
    settled = {row.id for row, hops in zip(walked.entities, walked.hops, strict=True) if hops < near and not walked.cut}
    found = dict.fromkeys(settled, "")
    for row in walked.relations:
        if row.kind == "owned_by" and row.source in settled:
            found[row.source] = min(found[row.source] or row.target, row.target)
    return found


def _dressed(view: View, places: Sequence[_Place], about: _About) -> Iterator[Item]:
    """The items in these places, with their freshness; the store is asked for some at a time, as far as the budget reaches."""
    for start in range(0, len(places), _SOME):
        some = places[start : start + _SOME]
        fresh = freshnesses(view, [place.row for place in some], owners=about.owners)
        for row, why, chance, required in some:
            near, said = tuple(about.near[row.id]), tuple(about.said[row.id])
            much = required or not why
            room = max(_GIST // 2, _GISTS // about.required) if required else _GIST if much else _GIST // 2
            said_first = gist(row, about.asked, room) if about.asked else ""
            yield Item(row, why, chance, fresh[row.id], near, required, said=said, gist=said_first, few=None if much else _FEW)


def freshnesses(view: View, rows: Sequence[EntityRow], *, owners: Mapping[str, str] | None = None) -> dict[str, Freshness]:
    """The freshness of each of these, on the view's day; `owners` are those that are known already, an empty text where there is none."""
    known = owners or {}
    unknown = [row.id for row in rows if row.id not in known]
    owners = {**known, **_owners(view, unknown)} if unknown else known
    found: dict[str, Freshness] = {}
    parsed = json.loads("[" + ",".join(row.properties for row in rows) + "]")
    for row, properties in zip(rows, parsed, strict=True):
        owner = owners.get(row.id) or _source_owner(view, row.origins)
        found[row.id] = freshness(row.kind, properties, owner=owner, ontology=view.ontology, today=view.today)
    return found


def _source_owner(view: View, origins: str) -> str:
    """Who owns the source that has the first word on a thing: the first of its origins, of those whose owner the workspace names."""
    places = ((origins.find(f'"source":"{source}"'), name) for source, name in view.owners.items())
    return min(((place, name) for place, name in places if place >= 0), default=(0, ""))[1]


def rank(walked: Walked, starts: Mapping[str, float], asked: Asked, ontology: Ontology) -> dict[str, float]:
    """How much each walked entity has to do with the starts (each with its strength) and the words of the question: 0 to 1, four places."""
    sought = asked.sought
    place = {row.id: number for number, row in enumerate(walked.entities)}
    ends = [(place[row.source], ontology.relations[row.kind], place[row.target]) for row in walked.relations]
    ways = [(one, other, (way.name, True), way.walk) for one, way, other in ends]
    ways += [(other, one, (way.name, False), way.walk_back) for one, way, other in ends]
    fan = Counter((one, way) for one, _, way, _ in ways)
    doubt = [1.0] * len(place)  # the chance that nothing leads here
    for id_, strength in starts.items():
        if id_ in place:
            doubt[place[id_]] = 1 - strength
    if asked.stems:
        for id_, fit in fits(asked, walked.entities, ontology).items():
            doubt[place[id_]] *= 1 - _WORDS * fit
    levels: list[list[tuple[int, int, float]]] = [[] for _ in range(2 * (max(walked.hops, default=0) + 1))]
    for one, other, way, weight in ways:
        if weight and walked.hops[one] <= walked.hops[other]:
            level = 2 * walked.hops[one] + (walked.hops[one] < walked.hops[other])
            wanted = _WANTED if way[0] in sought else 1.0
            levels[level].append((one, other, min(1.0, _DECAY * wanted * weight) / fan[one, way] ** _SPREAD))
    for level in levels:
        held = [(other, 1 - (1 - doubt[one]) * share) for one, other, share in level]
        for other, left in held:
            doubt[other] *= left
    asked_for = [(one, other) for one, way, other in ends if way.name in sought]
    for number in {one for one, _ in asked_for}:
        doubt[number] *= 1 - _ANSWERS
    about = {end for pair in asked_for if 0 in (walked.hops[pair[0]], walked.hops[pair[1]]) for end in pair}  # an anchor is asked
    for number, row in enumerate(walked.entities):
        if row.id not in starts and number not in about and len(row.properties) <= _BARE_TEXT:
            doubt[number] = 1 - _BARE * (1 - doubt[number])
        met = meets(asked, row)
        if met:
            doubt[number] *= 1 - _ANSWERS
        elif met is False:
            doubt[number] = 1 - _RULED_OUT * (1 - doubt[number])
    return {id_: round(1 - doubt[number], 4) for id_, number in place.items()}


def _paths(walked: Walked) -> dict[str, tuple[Step, ...]]:
    """For each entity the relations that led to it: those by which the walk first took it."""
    paths: dict[str, tuple[Step, ...]] = {row.id: () for row, hops in zip(walked.entities, walked.hops, strict=True) if hops == 0}
    for row in walked.relations:
        for one, other in ((row.source, row.target), (row.target, row.source)):
            if one in paths and other not in paths:
                paths[other] = (*paths[one], (row.source, row.kind, row.target))
    return paths


def _fit(
    view: View,
    question: Scope,
    anchors: tuple[str, ...],
    places: list[_Place],
    about: _About,
    missing: tuple[Missing, ...],
) -> Subgraph:
    """As many items as the budget holds: a smaller budget gives a prefix of what a larger one gives, and says no more of any of them.

    Room is kept to name what is required and does not fit.
    """
    names = {place.row.id: place.row.name for place in places}
    places = _after(places, question.after)
    kinds = sorted({place.row.kind for place in places})
    cuts = any(place.required for place in places)
    around = envelope(view.stamp, missing, kinds=kinds, cuts=cuts, compact=question.compact)
    used, needed, taken = around + sum(map(_named_only, places)), 0, list[Item]()
    last = max((number for number, place in enumerate(places) if place.required), default=0)
    steps = _steps(_dressed(view, places, about), names, question)
    for number, item, price in steps:
        if used + price > question.budget:
            needed = 0 if len(taken) > last else _needed(used + price, number, steps, last)
            break
        used += price
        taken[number:] = [item, *taken[number + 1 :]]
    left = places[len(taken) :]
    cut = tuple(Missing(requirement=place.row.id, state="over_budget") for place in left if place.required)
    budget = Budget(
        tokens=question.budget,
        used=used,
        left_out=len(left),
        left_out_by_kind=dict(sorted(Counter(place.row.kind for place in left).items())),
        next=(taken[-1].row.id if taken else question.after) if left else "",
        needed=needed,
    )
    return Subgraph(anchors, tuple(taken), (*missing, *cut), budget, view.stamp, names)


def _after(places: list[_Place], cursor: str) -> list[_Place]:
    """The places behind the one that an earlier answer ended with; `InputError` where that is not in this answer."""
    if not cursor:
        return places
    found = [number for number, place in enumerate(places) if place.row.id == cursor or cursor in place.row.aliases]
    if not found:
        message = f"{cursor!r} is not in this answer; 'after' is the id that the budget of the answer before names as 'next', at the same revision"
        raise InputError(message)
    return places[found[0] + 1 :]


def _named_only(one: _Place | Item) -> int:
    """What it takes to say that a required thing is there and does not fit."""
    return tokens(one.row.id) + _NAMED if one.required else 0


def _needed(used: int, reached: int, rest: Iterator[tuple[int, Item, int]], last: int) -> int:
    """The least budget that names all up to the last place: what is used up to the place reached, and what comes after that."""
    while reached != last:
        reached, _, price = next(rest)
        used += price
    return used


def _steps(items: Iterator[Item], names: Mapping[str, str], question: Scope) -> Iterator[tuple[int, Item, int]]:
    """What is said one after the other while the budget lasts: the place, the item as it is said then, and the tokens that it adds.

    In a compact answer a thing is said in one line first, and in full before the first thing that is less than `_FULLER` times as
    relevant, so that many things are named before all is said of one. The order hangs on the items alone and never on the budget.
    """
    if not question.compact:
        yield from ((number, item, cost(item, names, compact=False) - _named_only(item)) for number, item in enumerate(items))
        return
    said, fuller = list[tuple[Item, int]](), 0  # each with what it takes in a line
    for number, item in enumerate(items):
        while fuller < number and _behind(item, said[fuller][0]):
            yield fuller, said[fuller][0], _more(*said[fuller], names)
            fuller += 1
        brief = _brief(item)
        said.append((item, cost(brief, names, compact=True)))
        yield number, brief, said[number][1] - _named_only(item)
    yield from ((number, said[number][0], _more(*said[number], names)) for number in range(fuller, len(said)))


def _behind(item: Item, other: Item) -> bool:
    """Whether a thing matters so much less than another one that all is said of that one first."""
    return item.required < other.required or (item.required == other.required and item.rank < _FULLER * other.rank)


def _more(item: Item, line: int, names: Mapping[str, str]) -> int:
    """What saying it in full takes beside saying it in a line."""
    return max(0, cost(item, names, compact=True) - line)


def _brief(item: Item) -> Item:
    return replace(item, brief=True)


def related(places: Sequence[_Place | Item], relations: Sequence[RelationRow]) -> dict[str, list[RelationRow]]:
    """By id the relations to what stands before it."""
    near: dict[str, list[RelationRow]] = {place.row.id: [] for place in places}
    order = {place.row.id: number for number, place in enumerate(places)}
    for row in relations:
        near[row.source if order[row.source] >= order[row.target] else row.target].append(row)
    return near


def told(
    places: Sequence[_Place], near: Mapping[str, Sequence[RelationRow]], asked: Asked, ontology: Ontology
) -> dict[str, list[RelationRow]]:
    """By id the relations that are said of it: some to things after it, those first that the question asks for.

    So what is near the anchors is named there, though a budget may cut it off; what does not fit there is said of the later thing.
    """
    ahead: dict[str, list[RelationRow]] = {id_: [] for id_ in near}
    for id_, rows in near.items():
        for row in rows:
            ahead[row.target if row.source == id_ else row.source].append(row)
    sought, before = asked.sought, set[int]()  # the relations that are said of the earlier of their ends
    for place in places:
        id_ = place.row.id
        much = place.required or not place.why
        wanted = [row for row in ahead[id_] if much or _weight(ontology, row, id_) >= _LEADS]
        if sought:
            wanted.sort(key=lambda row: row.kind not in sought)
        ahead[id_] = wanted[: _NEAR if much else _FAR]
        before.update(map(id, ahead[id_]))
    return {id_: [*ahead[id_], *(row for row in rows if id(row) not in before)] for id_, rows in near.items()}


def _weight(ontology: Ontology, row: RelationRow, start: str) -> float:
    """How strongly a relation leads on from this end."""
    kind = ontology.relation(row.kind)
    return kind.walk if row.source == start else kind.walk_back
