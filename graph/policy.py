"""Who may see what: roles, grants with their reasons, and the Filter that they come to for one actor.

Silence denies. Of the rules that fit a thing the nearest decides: one that names its kind before one that names a wider kind, before one
that names none. At one distance deny beats allow. An agent that acts for a person sees what both may see.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from functools import reduce
from typing import Literal, TypeVar

from pydantic import Field, model_validator

from graph.errors import InputError, nearest
from graph.model import Actor, Facet, Filter, Sensitivity, Value
from graph.ontology import Ontology

_FAR = 1000
T = TypeVar("T")


class Reach(Value):
    """What a rule speaks of; a key that is left out stands for any. With `properties` it speaks of these properties only."""

    kinds: frozenset[str] | None = None
    sensitivity: frozenset[Sensitivity] | None = None
    relations: frozenset[str] | None = None
    properties: frozenset[str] | None = None


class Grant(Value):
    """One rule: what a role may see, or may not, and why in words."""

    role: str
    allow: Reach | None = None
    deny: Reach | None = None
    because: str = Field(min_length=3)

    @model_validator(mode="after")
    def _one_of_two(self) -> Grant:
        if (self.allow is None) == (self.deny is None):
            message = f"a grant for {self.role!r} says either 'allow' or 'deny', and not both"
            raise ValueError(message)
        return self

    @property
    def reach(self) -> Reach:
        """What it speaks of, whichever way."""
        return self.allow or self.deny or Reach()


class Policy(Value):
    """The whole policy of a workspace (`access.yaml`).

    `default` are the roles of a person that `actors` does not name, `agents` those of an agent that it does not name: none, unless stated.
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


EVERYTHING = Policy(
    roles={"administrator": {"description": "Sees everything."}},
    grants=(Grant(role="administrator", allow=Reach(), because="The workspace has no access file: its user sees everything."),),
    default=frozenset({"administrator"}),
    agents=frozenset({"administrator"}),
)


class Verdict(Value):
    """What a policy says of one actor and one thing, by which rule, and why."""

    state: Literal["allowed", "denied"]
    reason: str
    role: str = ""
    masked: frozenset[str] = frozenset()


def visible(policy: Policy, actor: Actor, *, facets: Iterable[Facet], ontology: Ontology, as_of: date | None) -> Filter:
    """What this actor may see of a graph with these facets, and, if it acts for somebody, only what that one may see too."""
    actors = [actor, policy.actor(actor.behalf)] if actor.behalf else [actor]
    facets = frozenset(facets)
    return reduce(intersect, (_alone(policy, one, facets, ontology) for one in actors)).model_copy(update={"as_of": as_of})


def _alone(policy: Policy, actor: Actor, facets: frozenset[Facet], ontology: Ontology) -> Filter:
    grants = _grants(policy, actor)
    if all(grant.allow == Reach() for grant in grants) and grants:
        return Filter()
    kinds = {facet.kind for facet in facets}
    masked = {kind: names for kind in kinds if (names := _masked(grants, kind, ontology))}
    allowed = frozenset(facet for facet in facets if explain_facet(grants, facet, ontology).state == "allowed")
    return Filter(facets=allowed, relations=_relations(grants, ontology), masked=masked)


def _grants(policy: Policy, actor: Actor) -> list[Grant]:
    return [grant for grant in policy.grants if grant.role in actor.roles]


def explain(policy: Policy, actor: Actor, facet: Facet, *, ontology: Ontology) -> Verdict:
    """Which rule decides whether this actor sees things of this facet."""
    verdicts = [explain_facet(_grants(policy, one), facet, ontology) for one in _acting(policy, actor)]
    return next((verdict for verdict in verdicts if verdict.state == "denied"), verdicts[0])


def _acting(policy: Policy, actor: Actor) -> list[Actor]:
    return [actor, policy.actor(actor.behalf)] if actor.behalf else [actor]


def explain_facet(grants: list[Grant], facet: Facet, ontology: Ontology) -> Verdict:
    """The verdict of the nearest rule that speaks of this facet as a whole; silence denies."""
    fitting = [
        (distance, grant.deny is None, grant)
        for grant in grants
        if grant.reach.properties is None
        and (grant.reach.relations is None or grant.allow is not None)
        and (grant.reach.sensitivity is None or facet.sensitivity in grant.reach.sensitivity)
        and (distance := _distance(grant.reach, facet.kind, ontology)) is not None
    ]
    if not fitting:
        return Verdict(state="denied", reason="No rule allows it.")
    _, _, grant = min(fitting, key=lambda one: one[:2])
    state = "allowed" if grant.allow is not None else "denied"
    return Verdict(state=state, reason=grant.because, role=grant.role, masked=_masked(grants, facet.kind, ontology))


def _distance(reach: Reach, kind: str, ontology: Ontology) -> int | None:
    if reach.kinds is None:
        return _FAR
    ancestry = (kind, *ontology.kind(kind).parents) if kind in ontology.kinds else (kind,)
    return next((steps for steps, name in enumerate(ancestry) if name in reach.kinds), None)


def _masked(grants: list[Grant], kind: str, ontology: Ontology) -> frozenset[str]:
    named = frozenset(name for grant in grants for name in grant.reach.properties or ())
    return frozenset(name for name in named if _hidden_property(grants, kind, name, ontology))


def _hidden_property(grants: list[Grant], kind: str, name: str, ontology: Ontology) -> bool:
    fitting = [
        (distance, grant.deny is None)
        for grant in grants
        if grant.reach.properties is not None
        and name in grant.reach.properties
        and (distance := _distance(grant.reach, kind, ontology)) is not None
    ]
    return bool(fitting) and not min(fitting)[1]


def _relations(grants: list[Grant], ontology: Ontology) -> frozenset[str] | None:
    denied = frozenset(name for grant in grants if grant.deny for name in grant.deny.relations or ())
    allows = [grant.allow.relations for grant in grants if grant.allow and grant.allow.properties is None]
    named = frozenset(ontology.relations) if None in allows else frozenset(name for names in allows if names for name in names)
    return None if None in allows and not denied else named - denied


def intersect(one: Filter, other: Filter) -> Filter:
    """What passes both."""
    both = _both(one.facets, other.facets)
    return Filter(
        facets=both,
        relations=_both(one.relations, other.relations),
        shown=_shown(one, other),
        hidden=one.hidden | other.hidden,
        masked={kind: one.masked.get(kind, frozenset()) | other.masked.get(kind, frozenset()) for kind in {*one.masked, *other.masked}},
        as_of=one.as_of or other.as_of,
    )


def _both(one: frozenset[T] | None, other: frozenset[T] | None) -> frozenset[T] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _shown(one: Filter, other: Filter) -> frozenset[str]:
    if one.facets is None:
        return other.shown
    return one.shown if other.facets is None else one.shown & other.shown


def check(policy: Policy, ontology: Ontology, *, where: str) -> Policy:
    """The policy, or an InputError that says what in this file does not fit the ontology."""
    try:
        return policy.known(ontology)
    except InputError as error:
        message = f"{where}: {error}"
        raise InputError(message) from error
