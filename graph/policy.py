"""Who may see what: roles, grants with their reasons, and the Filter that they come to for one actor.

Silence denies. Of the rules that fit a thing the nearest decides: one that singles things out (by function, unit, or their tie to the
actor) before one that names its kind, before one that names a wider kind, before one that names none. At one distance deny beats allow.
Who acts for a person, or for a task that the policy knows, sees what all of them may see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import reduce
from typing import Literal, NamedTuple, TypeVar

from pydantic import Field, model_validator

from graph.errors import nearest
from graph.model import Actor, Facet, Filter, Sensitivity, Value
from graph.ontology import Ontology
from graph.stores.base import EntityRow, Store

_FAR = 1000
T = TypeVar("T")

Tie = Literal["self", "owner", "manager"]


class Reach(Value):
    """What a rule speaks of; a key that is left out stands for any. With `properties` it speaks of these properties only.

    `functions` and `units` single out what belongs to them, `related` what the actor is, owns, or manages.
    """

    kinds: frozenset[str] | None = None
    sensitivity: frozenset[Sensitivity] | None = None
    relations: frozenset[str] | None = None
    properties: frozenset[str] | None = None
    functions: frozenset[str] | None = None
    units: frozenset[str] | None = None
    related: frozenset[Tie] | None = None

    @property
    def singles_out(self) -> bool:
        """Whether it speaks of certain things, and not of all of a kind."""
        return any(one is not None for one in (self.functions, self.units, self.related))

    @model_validator(mode="after")
    def _one_sort(self) -> Reach:
        if self.singles_out and (self.properties is not None or self.relations is not None):
            message = "properties and relations cannot be granted by function, unit or tie: state kinds"
            raise ValueError(message)
        return self


class Grant(Value):
    """One rule: what a role may see, or may not, and why in words; with days, only from the one to the other (both included)."""

    role: str
    allow: Reach | None = None
    deny: Reach | None = None
    because: str = Field(min_length=3)
    valid_from: date | None = None
    valid_to: date | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Grant:
        if (self.allow is None) == (self.deny is None):
            message = f"a grant for {self.role!r} says either 'allow' or 'deny', and not both"
            raise ValueError(message)
        if self.valid_from and self.valid_to and self.valid_from > self.valid_to:
            message = f"a grant for {self.role!r} ends before it begins"
            raise ValueError(message)
        return self

    @property
    def reach(self) -> Reach:
        """What it speaks of, whichever way."""
        return self.allow or self.deny or Reach()

    def holds(self, day: date) -> bool:
        """Whether it holds on this day."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


class Policy(Value):
    """The whole policy of a workspace (`access.yaml`).

    `default` are the roles of a person that `actors` does not name, `agents` those of an agent that it does not name: none, unless stated.
    A task that `actors` names narrows what is seen for it.
    """

    roles: Mapping[str, Mapping[str, str]] = Field(default_factory=dict)
    grants: tuple[Grant, ...] = ()
    actors: Mapping[str, frozenset[str]] = Field(default_factory=dict)
    default: frozenset[str] = frozenset()
    agents: frozenset[str] = frozenset()

    @model_validator(mode="after")
    def _known_roles(self) -> Policy:
        named = dict.fromkeys((grant.role for grant in self.grants), "grants")
        named |= {role: f"actors, {actor}" for actor, roles in self.actors.items() for role in roles}
        named |= dict.fromkeys(self.default, "default") | dict.fromkeys(self.agents, "agents")
        for role, where in named.items():
            if role not in self.roles:
                message = f"{where}: role {role!r} is not among the roles{nearest(role, self.roles)}"
                raise ValueError(message)
        return self

    def known(self, ontology: Ontology) -> Policy:
        """Itself, once every kind and relation that it names is in the ontology; `NotInOntology` otherwise."""
        for grant in self.grants:
            for kind in grant.reach.kinds or ():
                ontology.kind(kind)
            for relation in grant.reach.relations or ():
                ontology.relation(relation)
        return self

    def actor(self, id_: str, *, behalf: str = "") -> Actor:
        """The actor with the roles that this policy gives it."""
        other = self.agents if id_.startswith("agent:") else self.default
        return Actor(id=id_, roles=self.actors.get(id_, other), behalf=behalf)

    def acting(self, actor: Actor, task: str = "") -> list[Actor]:
        """All whose rights must agree: the actor, whom it acts for, and the task, if the policy speaks of it."""
        behalf = [self.actor(actor.behalf)] if actor.behalf else []
        return [actor, *behalf, *([self.actor(task)] if task in self.actors else [])]


EVERYTHING = Policy(
    roles={"administrator": {"description": "Sees everything."}},
    grants=(Grant(role="administrator", allow=Reach(), because="The workspace has no access file: its user sees everything."),),
    default=frozenset({"administrator"}),
    agents=frozenset({"administrator"}),
)


class Verdict(Value):
    """What a policy says of one actor and one thing, by which rule, and why."""

    actor: str = ""
    state: Literal["allowed", "denied"]
    reason: str
    role: str = ""
    masked: frozenset[str] = frozenset()


# which things a rule singles out


_PARTS = ("step_of", "rule_of", "part_of")  # what is part of a thing belongs where the thing belongs
_OF_FUNCTION = ("serves",)
_OF_UNIT = ("member_of", "heads")
_UNDER = ("owned_by", "performed_by", "defined_for", "acts_for")  # what hangs on a post or unit


@dataclass(frozen=True)
class World:
    """The graph as the policy itself reads it: whole, at one revision, on the day of the question."""

    store: Store
    day: date
    at: int | None = None
    _kept: dict[tuple[str, ...], frozenset[str]] = field(default_factory=dict[tuple[str, ...], frozenset[str]])

    def singled(self, reach: Reach, actor: str) -> frozenset[str]:
        """The ids of the things that a rule singles out for this actor."""
        sets = [self._of_functions(reach.functions), self._of_units(reach.units), self._tied(reach.related, actor)]
        return reduce(frozenset[str].__and__, [one for one in sets if one is not None])

    def _of_functions(self, functions: frozenset[str] | None) -> frozenset[str] | None:
        if functions is None:
            return None
        return self._once(("functions", *sorted(functions)), lambda: self._parts(functions | self._back(functions, _OF_FUNCTION)))

    def _of_units(self, units: frozenset[str] | None) -> frozenset[str] | None:
        if units is None:
            return None
        return self._once(("units", *sorted(units)), lambda: self._below(units))

    def _below(self, units: frozenset[str]) -> frozenset[str]:
        inside = self._all_back(units, ("part_of",))
        inside |= self._back(inside, _OF_UNIT)
        return self._parts(inside | self._back(inside, _UNDER))

    def _tied(self, ties: frozenset[Tie] | None, actor: str) -> frozenset[str] | None:
        if ties is None:
            return None
        return frozenset(id_ for tie in ties for id_ in self._once((tie, actor), lambda tie=tie: _TIES[tie](self, actor)))

    def posts(self, actor: str) -> frozenset[str]:
        """The actor and the posts that it holds on the day."""
        there = self.store.resolve([actor], Filter(as_of=self.day), at=self.at)
        own = there.get(actor, actor)
        held = self.store.relations(Filter(as_of=self.day), touching=[own], kinds=["holds"], at=self.at)
        return frozenset({own, *(row.target for row in held if row.source == own)})

    def owned(self, actor: str) -> frozenset[str]:
        """What the actor or its posts own, with its parts."""
        return self._parts(self._back(self.posts(actor), ("owned_by",)))

    def managed(self, actor: str) -> frozenset[str]:
        """The posts and people below the actor in the reporting line."""
        posts = self.posts(actor)
        below = self._all_back(posts, ("reports_to",)) - posts
        return below | self._back(below, ("holds",))

    def _parts(self, ids: frozenset[str]) -> frozenset[str]:
        return self._all_back(ids, _PARTS)

    def _all_back(self, ids: frozenset[str], kinds: Sequence[str]) -> frozenset[str]:
        found = fresh = ids
        while fresh:
            fresh = self._back(fresh, kinds) - found
            found |= fresh
        return found

    def _back(self, ids: frozenset[str], kinds: Sequence[str]) -> frozenset[str]:
        rows = self.store.relations(Filter(as_of=self.day), touching=sorted(ids), kinds=kinds, at=self.at) if ids else ()
        return frozenset(row.source for row in rows if row.target in ids)

    def _once(self, key: tuple[str, ...], make: Callable[[], frozenset[str]]) -> frozenset[str]:
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]


_TIES: Mapping[Tie, Callable[[World, str], frozenset[str]]] = {"self": World.posts, "owner": World.owned, "manager": World.managed}


# what an actor may see


class _Rights(NamedTuple):
    """The rights of one actor: its grants on the day, and for those that single things out, which."""

    actor: Actor
    grants: tuple[Grant, ...]
    singled: Mapping[int, frozenset[str]]  # by the place of the grant


def _rights(policy: Policy, actor: Actor, world: World, day: date) -> _Rights:
    grants = tuple(grant for grant in policy.grants if grant.role in actor.roles and grant.holds(day))
    singled = {place: world.singled(grant.reach, actor.id) for place, grant in enumerate(grants) if grant.reach.singles_out}
    return _Rights(actor, grants, singled)


def _verdict(rights: _Rights, facet: Facet, id_: str, ontology: Ontology) -> Verdict:
    """The verdict of the nearest rule that speaks of this thing as a whole; silence denies."""
    fitting = [
        (distance, grant.deny is None, place)
        for place, grant in enumerate(rights.grants)
        if (distance := _distance(rights, place, facet, id_, ontology)) is not None
    ]
    if not fitting:
        return Verdict(actor=rights.actor.id, state="denied", reason="No rule allows it.")
    grant = rights.grants[min(fitting)[2]]
    masked = _masked(rights, facet.kind, ontology)
    state = "denied" if grant.allow is None else "allowed"
    return Verdict(
        actor=rights.actor.id, state=state, reason=grant.because, role=grant.role, masked=masked if state == "allowed" else frozenset()
    )


def _distance(rights: _Rights, place: int, facet: Facet, id_: str, ontology: Ontology) -> tuple[int, int] | None:
    """How far a grant is from a thing: first those that single it out, then by kinds; None where it does not speak of it as a whole."""
    grant = rights.grants[place]
    reach = grant.reach
    if reach.properties is not None or (reach.relations is not None and grant.allow is None):
        return None
    if reach.sensitivity is not None and facet.sensitivity not in reach.sensitivity:
        return None
    if place in rights.singled and id_ not in rights.singled[place]:
        return None
    steps = _steps(reach, facet.kind, ontology)
    return None if steps is None else (place not in rights.singled, steps)


def _steps(reach: Reach, kind: str, ontology: Ontology) -> int | None:
    if reach.kinds is None:
        return _FAR
    ancestry = (kind, *ontology.kind(kind).parents) if kind in ontology.kinds else (kind,)
    return next((steps for steps, name in enumerate(ancestry) if name in reach.kinds), None)


def _masked(rights: _Rights, kind: str, ontology: Ontology) -> frozenset[str]:
    named = frozenset(name for grant in rights.grants for name in grant.reach.properties or ())
    return frozenset(name for name in named if _hidden_property(rights.grants, kind, name, ontology))


def _hidden_property(grants: Iterable[Grant], kind: str, name: str, ontology: Ontology) -> bool:
    fitting = [
        (steps, grant.deny is None)
        for grant in grants
        if name in (grant.reach.properties or ()) and (steps := _steps(grant.reach, kind, ontology)) is not None
    ]
    return bool(fitting) and not min(fitting)[1]


def _relations(grants: Iterable[Grant], ontology: Ontology) -> frozenset[str] | None:
    denied = frozenset(name for grant in grants if grant.deny for name in grant.deny.relations or ())
    allows = [grant.allow.relations for grant in grants if grant.allow and grant.allow.properties is None]
    named = frozenset(ontology.relations) if None in allows else frozenset(name for names in allows if names for name in names)
    return None if None in allows and not denied else named - denied


class _Sight(NamedTuple):
    """A Filter in the making: `shown` and `hidden` with the facets of their things, so that two can be joined exactly."""

    facets: frozenset[Facet] | None
    relations: frozenset[str] | None
    masked: Mapping[str, frozenset[str]]
    shown: Mapping[str, Facet]
    hidden: Mapping[str, Facet]

    def sees(self, id_: str, facet: Facet) -> bool:
        """Whether a thing passes."""
        return id_ not in self.hidden and (id_ in self.shown or self.facets is None or facet in self.facets)


def visible(
    policy: Policy, actor: Actor, *, worlds: Sequence[World], ontology: Ontology, as_of: date | None, day: date, task: str = ""
) -> Filter:
    """What this actor may see on `day`, and, if it acts for somebody or for a task, only what all of them may see.

    `worlds` are the graph at the revision that is asked, and as it is now where that is another: what somebody has lost the right to,
    they have lost for the past too, and what is gone they see there only by what holds for all of its kind.
    """
    store = worlds[0].store
    facets = store.facets()
    sights = [_sight(_rights(policy, one, world, day), world, facets, ontology) for one in policy.acting(actor, task) for world in worlds]
    joined = reduce(_joined, sights)
    return Filter(
        facets=joined.facets,
        relations=joined.relations,
        masked=joined.masked,
        shown=frozenset(joined.shown),
        hidden=frozenset(joined.hidden),
        as_of=as_of,
    )


def sees_kind(policy: Policy, actor: Actor, kind: str, *, world: World, ontology: Ontology, day: date) -> bool:
    """Whether an actor, and whoever it acts for, sees things of a kind at the kind's own sensitivity: the right to what has no row of its own."""
    facet = Facet(kind, ontology.default_sensitivity(kind))
    rights = (_rights(policy, one, world, day) for one in policy.acting(actor))
    return all(_verdict(one, facet, "", ontology).state == "allowed" for one in rights)


def _sight(rights: _Rights, world: World, facets: frozenset[Facet], ontology: Ontology) -> _Sight:
    if rights.grants and all(grant.allow == Reach() for grant in rights.grants):
        return _Sight(None, None, {}, {}, {})
    kinds = {facet.kind for facet in facets}
    masked = {kind: names for kind in kinds if (names := _masked(rights, kind, ontology))}
    general = frozenset(facet for facet in facets if _verdict(rights, facet, "", ontology).state == "allowed")
    shown: dict[str, Facet] = {}
    hidden: dict[str, Facet] = {}
    for row in _rows(world, rights):
        facet = Facet(row.kind, row.sensitivity)
        allowed = _verdict(rights, facet, row.id, ontology).state == "allowed"
        if allowed != (facet in general):
            (shown if allowed else hidden)[row.id] = facet
    return _Sight(general, _relations(rights.grants, ontology), masked, shown, hidden)


def _rows(world: World, rights: _Rights) -> Iterator[EntityRow]:
    ids = sorted(frozenset(id_ for ids in rights.singled.values() for id_ in ids))
    return iter(world.store.entities(Filter(), ids=ids, at=world.at)) if ids else iter(())


def _joined(one: _Sight, other: _Sight) -> _Sight:
    """What passes both, exactly."""
    ids = {**one.shown, **other.shown}
    kinds = {*one.masked, *other.masked}
    return _Sight(
        facets=_both(one.facets, other.facets),
        relations=_both(one.relations, other.relations),
        masked={kind: one.masked.get(kind, frozenset()) | other.masked.get(kind, frozenset()) for kind in kinds},
        shown={id_: facet for id_, facet in ids.items() if one.sees(id_, facet) and other.sees(id_, facet)},
        hidden={**one.hidden, **other.hidden},
    )


def _both(one: frozenset[T] | None, other: frozenset[T] | None) -> frozenset[T] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other


# saying why


def explain(policy: Policy, actor: Actor, row: EntityRow, *, world: World, ontology: Ontology, day: date, task: str = "") -> list[Verdict]:
    """For the actor, and whoever and whatever it acts for, which rule decides whether it sees this thing."""
    facet = Facet(row.kind, row.sensitivity)
    return [_verdict(_rights(policy, one, world, day), facet, row.id, ontology) for one in policy.acting(actor, task)]


class Judge:
    """The rights of several actors, worked out once, to be held against many things."""

    def __init__(self, policy: Policy, actors: Iterable[Actor], *, world: World, ontology: Ontology, day: date) -> None:
        self.ontology = ontology
        self.rights = [_rights(policy, one, world, day) for one in actors]

    def who_sees(self, row: EntityRow) -> Iterator[Verdict]:
        """The verdicts of those who see this thing, in the order of the actors."""
        facet = Facet(row.kind, row.sensitivity)
        verdicts = (_verdict(one, facet, row.id, self.ontology) for one in self.rights)
        return (verdict for verdict in verdicts if verdict.state == "allowed")
