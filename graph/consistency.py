"""One truth for every agent: where agents that share a process or a function get different context, and in what it differs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from pydantic import Field, field_validator

from graph.checks import Picture
from graph.errors import InputError
from graph.model import Value
from graph.ontology import review_days
from graph.scope import View
from graph.stores.base import fold

_SHARED = ("Process", "BusinessFunction")
_NEEDED = ("requires", "uses_term", "governed_by")


class Enforced(Value):
    """What agents are held to, so that those who work together get one truth."""

    enforce: bool = Field(default=False, description="Whether agents get context in runs only, each of which pins one revision for all.")
    oldest: str = Field(
        default="", description="With it: how long what an agent asks may have been superseded, such as 7d; default: for ever."
    )

    @field_validator("oldest")
    @classmethod
    def _period(cls, text: str) -> str:
        if text:
            try:
                review_days(text)
            except InputError as error:
                raise ValueError(str(error)) from error
        return text

    def outdated(self, since: datetime, now: datetime) -> bool:
        """Whether what has been superseded since then is older than is allowed."""
        return bool(self.oldest) and now - since > timedelta(days=review_days(self.oldest))

    def words(self) -> str:
        """What is enforced, in a line; nothing where nothing is."""
        late = f", and nothing that was superseded more than {self.oldest} ago" if self.oldest else ""
        return f"Enforced: agents get context in runs only{late}.\n" if self.enforce else ""


class Unlike(Value):
    """A fact that agents who share something get differently: of each agent what it gets."""

    shared: str
    fact: str
    what: Literal["access", "definition", "revision"]
    agents: dict[str, str]


class _Group(NamedTuple):
    """Agents whose tasks touch one process or function, and the things that these tasks need."""

    shared: str
    agents: list[str]
    needed: list[str]


def unlike(picture: Picture, views: Callable[[str], View], served: Mapping[str, int]) -> list[Unlike]:
    """All that differs, by what is shared, sort and fact. `served` is the revision that each agent was last answered from, if it ever asked."""
    found = [one for group in _groups(picture) for one in _differences(picture, group, views, served)]
    return sorted(found, key=lambda one: (one.shared, one.what, one.fact))


def _groups(picture: Picture) -> Iterator[_Group]:
    """Every process and function at whose tasks at least two agents work."""
    tasks: dict[str, set[str]] = {}
    for task in picture.of("AgentTask"):
        for target in {target for kind in picture.links.kinds for target in picture.to(task.id, kind)}:
            if any(picture.is_a(target, kind) for kind in _SHARED):
                tasks.setdefault(target, set()).add(task.id)
    for shared, named in sorted(tasks.items()):
        agents = sorted({agent for task in named for agent in picture.back(task, "performs")})
        if len(agents) > 1:
            yield _Group(shared, agents, sorted({one for task in named for kind in _NEEDED for one in picture.to(task, kind)}))


def _differences(picture: Picture, group: _Group, views: Callable[[str], View], served: Mapping[str, int]) -> Iterator[Unlike]:
    yield from _told(group, "access", _access(group, views))
    yield from _told(group, "definition", _definitions(picture, group))
    revisions = {agent: f"revision {served[agent]}" for agent in group.agents if agent in served}
    yield from _told(group, "revision", [("last answer", revisions)])


def _told(
    group: _Group, what: Literal["access", "definition", "revision"], facts: Sequence[tuple[str, dict[str, str]]]
) -> Iterator[Unlike]:
    return (Unlike(shared=group.shared, fact=fact, what=what, agents=said) for fact, said in facts if len(set(said.values())) > 1)


def _access(group: _Group, views: Callable[[str], View]) -> list[tuple[str, dict[str, str]]]:
    """Of each thing that is needed, whether each agent sees it, and without which properties."""
    held: dict[str, dict[str, str]] = {fact: {} for fact in group.needed}
    for agent in group.agents:
        view = views(agent)
        rows = {row.id: row for row in view.store.entities(view.where, ids=group.needed, at=view.at)}
        for fact in group.needed:
            row = rows.get(fact)
            masked = sorted(view.where.masked.get(row.kind, ())) if row else []
            held[fact][agent] = "not seen" if row is None else f"seen without {', '.join(masked)}" if masked else "seen"
    return list(held.items())


def _definitions(picture: Picture, group: _Group) -> list[tuple[str, dict[str, str]]]:
    """Of each term that is needed, the definition that holds in the unit for which each agent acts."""
    named: dict[str, list[str]] = {}
    for row in picture.of("Term"):
        named.setdefault(fold(row.name), []).append(row.id)
    wanted = sorted({fold(picture.name(one)) for one in group.needed if picture.is_a(one, "Term")})
    return [(picture.name(named[name][0]), {agent: _meant(picture, agent, named[name]) for agent in group.agents}) for name in wanted]


def _meant(picture: Picture, agent: str, terms: Sequence[str]) -> str:
    units = set(picture.to(agent, "acts_for"))
    own = [one for one in terms if units.intersection(picture.to(one, "defined_for"))]
    general = [one for one in terms if not picture.to(one, "defined_for")]
    return ", ".join(own or general or terms)
