"""Changes that agents and people ask the owner to make: what they are, who decides, what they come to as claims, and when a source adopts them.

A proposal, who supports it, who voted and how it ended are notes of the store, a key each, so that nobody overwrites another's. What
was accepted lives as claims of a source of its own that stands above all others and that no load withdraws.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from hashlib import sha256
from itertools import count
from typing import Literal

from pydantic import Field, model_validator

from graph.changes import comparable, rank
from graph.errors import InputError, NotFound
from graph.model import Actor, Entity, Fact, Properties, PropertyValue, Relation, SourceTerms, Value, canonical, slug
from graph.ontology import Ontology
from graph.scope import View, freshnesses, known
from graph.stores.base import Claim, Draft, EntityRow, Store

SOURCE, CONFIRMED = "proposals", "confirmations"
TERMS = (
    SourceTerms(name=SOURCE, precedence=1_000_000, supersedes="earlier"),
    SourceTerms(name=CONFIRMED, precedence=2_000_000, supersedes="all"),
)
OPEN = 20  # proposals of one actor that can wait for a decision at a time
_EYES = {"restricted": 2}  # how many reviewers a thing of this sensitivity needs; others one

State = Literal["open", "accepted", "adopted", "rejected", "expired", "withdrawn"]


class Wish(Value):
    """One change: `set` a property (of one that has several values: add one), `add` a thing, `relate`, `unrelate` or `retire` things."""

    do: Literal["set", "add", "relate", "unrelate", "retire"]
    id: str
    property: str = ""
    value: PropertyValue | None = None
    kind: str = ""
    name: str = ""
    properties: Properties = Field(default_factory=dict)
    sensitivity: str = ""
    relation: str = ""
    target: str = ""

    @model_validator(mode="after")
    def _whole(self) -> Wish:
        needed = _NEEDED[self.do]
        given = {name for name in type(self).model_fields if getattr(self, name) not in ("", {}, None)} - {"do", "id"}
        if lacking := [name for name in needed if name not in given]:
            message = f"`{self.do}` of {self.id!r} needs {' and '.join(lacking)}"
            raise ValueError(message)
        if odd := given - {*needed, *_OPTIONAL.get(self.do, ())}:
            message = f"`{self.do}` of {self.id!r} has no {', '.join(sorted(odd))}"
            raise ValueError(message)
        return self


_NEEDED: Mapping[str, tuple[str, ...]] = {
    "set": ("property", "value"),
    "add": ("kind", "name"),
    "relate": ("relation", "target"),
    "unrelate": ("relation", "target"),
    "retire": (),
}
_OPTIONAL: Mapping[str, tuple[str, ...]] = {"add": ("properties", "sensitivity"), "relate": ("properties",)}


class Evidence(Value):
    """What a proposal rests on: a run, a delivery in it, documents (ids, paths, addresses), and the claim that was contradicted."""

    run: str = ""
    delivery: str = ""
    documents: tuple[str, ...] = ()
    claim: str = ""


class Request(Value):
    """What somebody hands in. The same `key` of the same actor is the same request, however often it comes."""

    changes: tuple[Wish, ...] = Field(min_length=1, max_length=50)
    why: str = Field(min_length=3, max_length=4000)
    evidence: Evidence = Evidence()
    key: str = Field(default="", max_length=200)


class Proposal(Value):
    """A request that waits for its reviewers, or waited."""

    id: str
    changes: tuple[Wish, ...]
    why: str
    evidence: Evidence = Evidence()
    proposer: str
    at: str
    amended_by: str = ""

    @property
    def digest(self) -> str:
        """What a vote is given for: an amended proposal needs new votes."""
        return _digest(self.changes)


class Support(Value):
    """Somebody who asked for the same."""

    actor: str
    behalf: str = ""
    at: str
    why: str = ""


class Vote(Value):
    """A reviewer's yes to these very changes, and the things for which the reviewer answers."""

    actor: str
    at: str
    digest: str
    covers: tuple[str, ...]


class Ending(Value):
    """How a proposal ended: when, by whom, why, and by which revision."""

    state: State
    at: str
    by: str = ""
    why: str = ""
    revision: int = 0


class Dossier(Value):
    """A proposal with all that was said to it."""

    proposal: Proposal
    supporters: tuple[Support, ...] = ()
    votes: tuple[Vote, ...] = ()
    ending: Ending | None = None

    @property
    def state(self) -> State:
        """How it stands."""
        return self.ending.state if self.ending else "open"

    @property
    def proposers(self) -> frozenset[str]:
        """All who may not decide on it: who proposed, supported or amended it, and those for whom they acted."""
        people = {id_ for one in self.supporters for id_ in (one.actor, one.behalf)}
        return frozenset({self.proposal.proposer, self.proposal.amended_by, *people} - {""})


class Difference(Value):
    """What one change makes of what is there, as its reader may see it; `None`: nothing."""

    do: str
    id: str
    what: str
    before: PropertyValue | None = None
    after: PropertyValue | None = None


# keeping

_SORTS = ("proposal", "support", "vote", "key", "ending")
_STRONGEST = ("adopted", "withdrawn", "accepted", "rejected", "expired")  # of two endings at once, the one that the graph bears out


def key(sort: str, *parts: str) -> str:
    """The key of a note about proposals."""
    return f"{sort}:{' '.join(parts)}" if sort == "proposal" else f"proposal-{sort}:{' '.join(parts)}"


def dossiers(store: Store) -> dict[str, Dossier]:
    """All proposals by id, the oldest first."""
    told: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name, text in sorted(store.notes("proposal").items()):
        sort, _, rest = name.partition(":")
        id_ = name if sort == "proposal" else rest.partition(" ")[0]
        told[id_][sort.removeprefix("proposal-")].append(text)
    made = [_dossier(notes) for notes in told.values() if notes["proposal"]]
    return {one.proposal.id: one for one in sorted(made, key=lambda one: (one.proposal.at, one.proposal.id))}


def _dossier(notes: Mapping[str, Sequence[str]]) -> Dossier:
    endings = [Ending.model_validate_json(text) for text in notes["ending"]]
    proposal = Proposal.model_validate_json(notes["proposal"][0])
    votes = (Vote.model_validate_json(text) for text in notes["vote"])
    supporters = sorted((Support.model_validate_json(text) for text in notes["support"]), key=lambda one: (one.at, one.actor))
    return Dossier(
        proposal=proposal,
        supporters=tuple(supporters),
        votes=tuple(vote for vote in votes if vote.digest == proposal.digest),
        ending=min(endings, key=lambda one: _STRONGEST.index(one.state), default=None),
    )


def ended(store: Store, id_: str, ending: Ending) -> None:
    """Keep how a proposal ended, where that is no matter of the graph."""
    store.remember(key("ending", id_, ending.state), text_of(ending))


def text_of(value: Value) -> str:
    """A value as a note holds it."""
    return canonical(value.model_dump(mode="json"))


def absent(id_: str) -> NotFound:
    """What is said of a proposal that is not there, and of one that is not for the asker."""
    return NotFound(f"there is no proposal {id_!r} that you may see; `review list` lists yours")


def submitted(store: Store, request: Request, *, actor: Actor, at: str) -> tuple[str, bool]:
    """The id under which a request is kept, and whether it is new: the same changes that others ask for are the same proposal.

    `InputError` for a key that was used for something else, and for an actor who has too many open proposals.
    """
    said = key("key", sha256(canonical([actor.id, actor.behalf, request.key]).encode()).hexdigest()[:16])
    if request.key and (before := store.notes(said).get(said)):
        if before.partition(" ")[2] != _digest(request.changes):
            message = f"the key {request.key!r} was used for another proposal, {before.partition(' ')[0]}"
            raise InputError(message)
        return before.partition(" ")[0], False
    known_ = dossiers(store)
    waiting = [one for one in known_.values() if one.state == "open" and any(by.actor == actor.id for by in one.supporters)]
    id_ = _free(request.changes, known_)
    if len(waiting) >= OPEN and id_ not in (one.proposal.id for one in waiting):
        message = f"{len(waiting)} proposals of {actor.id} wait for a decision; {OPEN} are the most: wait, or withdraw one"
        raise InputError(message)
    if new := id_ not in known_:
        made = Proposal(id=id_, changes=request.changes, why=request.why, evidence=request.evidence, proposer=actor.id, at=at)
        store.remember(id_, text_of(made))
    if new or actor.id not in (one.actor for one in known_[id_].supporters):
        store.remember(key("support", id_, actor.id), text_of(Support(actor=actor.id, behalf=actor.behalf, at=at, why=request.why)))
    if request.key:
        store.remember(said, f"{id_} {_digest(request.changes)}")
    return id_, new


def _free(changes: Sequence[Wish], known_: Mapping[str, Dossier]) -> str:
    """The id of the open proposal of these changes, or a new one."""
    local = slug(changes[0].id.partition(":")[2]) or "change"
    ids = (f"proposal:{local}-{sha256(f'{_digest(changes)} {number}'.encode()).hexdigest()[:8]}" for number in count())
    return next(id_ for id_ in ids if id_ not in known_ or known_[id_].state == "open")


def _digest(changes: Sequence[Wish]) -> str:
    said = sorted(canonical(one.model_dump(mode="json", exclude_defaults=True)) for one in changes)
    return "sha256:" + sha256(canonical(said).encode()).hexdigest()


# what it comes to


def checked(changes: Sequence[Wish], view: View) -> list[Difference]:
    """What these changes make of what this reader sees, in their order.

    `NotFound` for what is not there for the reader, `InputError` for what is so already, or what the ontology forbids.
    """
    added = {one.id for one in changes if one.do == "add"}
    ends = [id_ for one in changes for id_ in (one.id, one.target) if id_ and id_ not in added]
    ids = known(view, list(dict.fromkeys(ends)))
    found = [_CHECKED[one.do](_meant(one, ids), view) for one in changes]
    for fact in facts(changes, view, ids):
        if wrong := [fault for fault in view.ontology.faults(fact) if fault.level == "error"]:
            raise InputError(wrong[0].message, wrong)
    return found


def _meant(wish: Wish, ids: Mapping[str, str]) -> Wish:
    """The wish, of the merged things behind the ids that it names."""
    return wish.model_copy(update={"id": ids.get(wish.id, wish.id), "target": ids.get(wish.target, wish.target)})


def _check_set(wish: Wish, view: View) -> Difference:
    row = _row(wish.id, view)
    held: Properties = {"name": row.name, **json.loads(row.properties)}
    before = held.get(wish.property)
    if before is not None and wish.value is not None and _says(before, wish.value):
        raise _so_already(f"{wish.property} of {wish.id} is {before!r}")
    return Difference(do="set", id=wish.id, what=wish.property, before=before, after=wish.value)


def _check_add(wish: Wish, view: View) -> Difference:
    view.ontology.kind(wish.kind)
    if wish.id in view.store.resolve([wish.id], view.where, at=view.at):
        raise _so_already(f"{wish.id} is there")
    return Difference(do="add", id=wish.id, what=wish.kind, after=wish.name)


def _check_relate(wish: Wish, view: View) -> Difference:
    if _related(wish, view):
        raise _so_already(f"{wish.id} {wish.relation} {wish.target}")
    declared, before = view.ontology.relation(wish.relation), None
    if declared.functional:
        rows = view.store.relations(view.where, touching=[wish.id], kinds=[wish.relation], at=view.at)
        before = next((row.target for row in rows if row.source == wish.id), None)
    return Difference(do="relate", id=wish.id, what=wish.relation, before=before, after=wish.target)


def _check_unrelate(wish: Wish, view: View) -> Difference:
    view.ontology.relation(wish.relation)
    if not _related(wish, view):
        message = f"nothing that you may see says that {wish.id} {wish.relation} {wish.target}"
        raise NotFound(message)
    return Difference(do="unrelate", id=wish.id, what=wish.relation, before=wish.target)


def _check_retire(wish: Wish, view: View) -> Difference:
    row = _row(wish.id, view)
    return Difference(do="retire", id=wish.id, what=row.kind, before=row.name)


_CHECKED = {"set": _check_set, "add": _check_add, "relate": _check_relate, "unrelate": _check_unrelate, "retire": _check_retire}


def plain(wish: Wish) -> Difference:
    """What a change asks for, without what is there."""
    after = wish.value if wish.do == "set" else wish.name if wish.do == "add" else wish.target or None
    return Difference(do=wish.do, id=wish.id, what=wish.property or wish.kind or wish.relation, after=after)


def _so_already(what: str) -> InputError:
    return InputError(f"it is so already: {what}")


def _row(id_: str, view: View) -> EntityRow:
    return next(view.store.entities(view.where, ids=[id_], at=view.at))


def _related(wish: Wish, view: View) -> bool:
    rows = view.store.relations(view.where, touching=[wish.id], kinds=[wish.relation], at=view.at)
    return any(row.source == wish.id and row.target == wish.target for row in rows)


def _says(held: PropertyValue, value: PropertyValue) -> bool:
    """Whether what is held says the value: the same, or among several."""
    several = held if isinstance(held, list) else [held]
    wanted = value if isinstance(value, list) else [value]
    return {comparable(one) for one in wanted} <= {comparable(one) for one in several}


def facts(changes: Sequence[Wish], view: View, ids: Mapping[str, str]) -> list[Fact]:
    """The changes as facts, as a source that makes them would say them: what is taken away is over from the view's day on."""
    kinds = {one.id: one.kind for one in changes if one.do == "add"}
    return [_fact(_meant(one, ids), view, kinds) for one in changes]


def _fact(wish: Wish, view: View, kinds: Mapping[str, str]) -> Fact:
    until = view.today if wish.do in ("unrelate", "retire") else None
    if wish.relation:
        rows = view.store.relations(view.where, touching=[wish.id], kinds=[wish.relation])
        held = next((row.valid_from for row in rows if row.source == wish.id and row.target == wish.target), "")
        since = _day(held) if until else None
        ends = Relation(source=wish.id, kind=wish.relation, target=wish.target, properties=wish.properties)
        return ends.model_copy(update={"valid_from": since, "valid_to": until})
    if wish.do == "add":
        return Entity(id=wish.id, kind=wish.kind, name=wish.name, properties=wish.properties, sensitivity=wish.sensitivity)
    there = kinds.get(wish.id) or _row(wish.id, view).kind
    if wish.do == "retire":
        return Entity(id=wish.id, kind=there, valid_from=_day(_row(wish.id, view).valid_from), valid_to=until)
    if wish.property == "name":
        return Entity(id=wish.id, kind=there, name=str(wish.value))
    assert wish.value is not None
    return Entity(id=wish.id, kind=there, properties={wish.property: wish.value})


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


# who decides


class Touched(Value):
    """A thing that a proposal changes, who may decide on that, the one who answers for it first (none: nobody), and how many must agree."""

    id: str
    owners: tuple[str, ...] = ()
    eyes: int = 1


def touched(changes: Sequence[Wish], view: View, *, asking: Collection[str] = ()) -> list[Touched]:
    """The things that these changes touch, in the view of the whole graph; of a relation its start, and its end where that is affected.

    `asking`: the people who may not decide, since they ask for it.
    """
    ids = dict.fromkeys(id_ for one in changes for id_ in _reaches(one, view.ontology))
    there = view.store.resolve([*ids, *asking], view.where, at=view.at)
    own = sorted({there[id_] for id_ in ids if id_ in there})
    rows = {row.id: row for row in view.store.entities(view.where, ids=own, at=view.at)}
    owners = freshnesses(view, list(rows.values()))
    new = {one.id: one.sensitivity or view.ontology.default_sensitivity(one.kind) for one in changes if one.do == "add"}
    barred = frozenset(there.get(id_, id_) for id_ in asking)
    found: dict[str, Touched] = {}
    for id_ in ids:
        one = there.get(id_, id_)
        owner = (owners[one].owner or _unit_head(one, view)) if one in rows else ""
        eyes = _EYES.get(rows[one].sensitivity if one in rows else new.get(id_, ""), 1)
        found[one] = Touched(id=one, owners=_line(owner, eyes, view, barred) if owner else (), eyes=eyes)
    return list(found.values())


def _line(owner: str, eyes: int, view: View, barred: frozenset[str]) -> tuple[str, ...]:
    """An owner, and where too few people stand behind it who may decide (a vacant post, the owner's own wish), who stands above, and so on."""
    line, level, people = list[str](), [owner], set[str]()
    while level and len(people - barred) < eyes:
        line += level
        near = list(view.store.relations(view.where, touching=level, kinds=["holds", "heads", "reports_to"], at=view.at))
        people |= _people({*level, *(row.source for row in near if row.kind == "holds" and row.target in level)}, view)
        posts = {row.target for row in near if row.kind == "holds" and row.source in level}
        heads = {row.source for row in near if row.kind == "heads" and row.target in level}
        above = {row.target for row in near if row.kind == "reports_to" and row.source in level} | set(
            _ends(view, sorted(posts), ["reports_to"])
        )
        level = sorted((heads or above) - set(line))
    return tuple(line)


def _people(ids: Collection[str], view: View) -> set[str]:
    """Those of these that are people of today: no posts, no units, nobody who has left."""
    rows = view.store.entities(view.where, ids=sorted(ids), at=view.at)
    return {row.id for row in rows if view.ontology.is_a(row.kind, "Person") and '"employment":"left"' not in row.properties}


def _reaches(wish: Wish, ontology: Ontology) -> tuple[str, ...]:
    declared = ontology.relations.get(wish.relation)
    return (wish.id, wish.target) if declared and declared.affects in ("target", "both") else (wish.id,)


_OF_UNIT = ("defined_for", "member_of", "part_of", "performed_by", "acts_for")


def _unit_head(id_: str, view: View) -> str:
    """Who heads the unit that a thing is or belongs to, or the next one above that has a head; else the post to which it reports, or ""."""
    level, seen = [id_], set[str]()
    while level:
        if heads := _ends(view, level, ["heads"], inward=True):
            return heads[0]
        seen.update(level)
        level = [one for one in _ends(view, level, _OF_UNIT) if one not in seen]
    return next(iter(_ends(view, [id_], ["reports_to"])), "")


def _ends(view: View, ids: Sequence[str], kinds: Sequence[str], *, inward: bool = False) -> list[str]:
    """What stands at the other end of the relations of these kinds that begin (`inward`: end) at these things, sorted."""
    rows = view.store.relations(view.where, touching=ids, kinds=kinds, at=view.at)
    ends = ((row.target, row.source) if inward else (row.source, row.target) for row in rows)
    return sorted({other for one, other in ends if one in ids})


def covers(things: Sequence[Touched], posts: frozenset[str], *, everything: bool) -> tuple[str, ...]:
    """The things for which somebody who holds these posts, or may decide on everything, can say yes."""
    return tuple(one.id for one in things if everything or not posts.isdisjoint(one.owners))


def lacking(things: Sequence[Touched], votes: Sequence[Vote]) -> tuple[str, ...]:
    """The things to which not enough reviewers have said yes, each another person."""
    return tuple(one.id for one in things if len({vote.actor for vote in votes if one.id in vote.covers}) < one.eyes)


# when a source says it itself


def adopted(sources: Sources, store: Store) -> list[str]:
    """The accepted proposals of which the sources now say every change themselves, so that they would stand without them."""
    accepted = [one.proposal for one in dossiers(store).values() if one.state == "accepted"]
    return [one.id for one in accepted if all(sources.say(wish) for wish in one.changes)]


def outdated(sources: Sources, store: Store) -> list[str]:
    """The things confirmed here of which a source names a confirmation that is as late or later."""
    confirmed = {name.partition(":")[2]: said for name, said in store.notes(f"{CONFIRMED}:").items() if said}
    return [id_ for id_, said in confirmed.items() if str(sources.property_of(id_, "verified_at") or "") >= json.loads(said)["day"]]


class Sources:
    """What the sources say in a draft, without what was accepted or confirmed here."""

    def __init__(self, draft: Draft, terms: Mapping[str, SourceTerms], ontology: Ontology, today: str) -> None:
        self.draft, self.terms, self.ontology, self.today = draft, terms, ontology, today

    def say(self, wish: Wish) -> bool:
        """Whether they say what a change asks for."""
        if wish.do in ("relate", "unrelate"):
            return self._relation(wish) == (wish.do == "relate")
        there = self._claims(wish.id)
        if wish.do == "retire":
            return not any(self._holds(made) for made in there)
        if wish.do == "add":
            return bool(there)
        held = (
            next((made.name for made in there if made.name), None) if wish.property == "name" else self.property_of(wish.id, wish.property)
        )
        return held is not None and wish.value is not None and _says(held, wish.value)

    def property_of(self, id_: str, name: str) -> PropertyValue | None:
        """The value that would hold: that of the first source that gives one, or, of a property with several values, all of them."""
        given: list[PropertyValue] = [held[name] for made in self._claims(id_) if name in (held := json.loads(made.properties))]
        declared = self.ontology.properties.get(name)
        if given and (isinstance(given[0], list) or (declared and not declared.functional)):
            return [one for value in given for one in (value if isinstance(value, list) else [value])]
        return given[0] if given else None

    def _claims(self, id_: str) -> list[Claim]:
        return self._ranked(self.draft.entity_claims(self._group(id_)))

    def _ranked(self, claims: Sequence[Claim]) -> list[Claim]:
        return sorted((made for made in claims if made.source not in (SOURCE, CONFIRMED)), key=lambda made: rank(made, self.terms))

    def _group(self, id_: str) -> list[str]:
        """The id and all that are the same thing."""
        one = self.draft.merged_as([id_]).get(id_, id_)
        return sorted({id_, one, *self.draft.aliases_of([one]).get(one, ())})

    def _relation(self, wish: Wish) -> bool:
        """Whether the relation holds: that it is said, and, if it is functional, by the source that has the word on it."""
        ends, targets = self._group(wish.id), self._group(wish.target)
        keys = [key_ for key_ in self.draft.claimed_relations(ends) if key_[1] == wish.relation and key_[0] in ends]
        made = [one for one in self._ranked(self.draft.relation_claims(keys)) if self._holds(one)]
        declared = self.ontology.relations.get(wish.relation)
        if declared and declared.functional and made:
            made = [one for one in made if one.source == made[0].source]
        return any(one.target in targets for one in made)

    def _holds(self, made: Claim) -> bool:
        return not made.valid_to or made.valid_to > self.today
