"""What all forms of a hierarchy share: a person with place and line as facts, names that find one of several, what is left unread."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from graph import Fact, Finding, Properties, PropertyValue, slug
from loaders.source import File, filled, link, thing

VACANT = frozenset(("vacant", "vacancy", "vacant post", "to be hired", "tbh", "tbc", "unbesetzt", "vakant", "vacante", "vacature"))
_LONGEST = 300  # letters of a name that are compared
_UNFIT = re.compile(r"[\s%\x00-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069\ufeff]")


def exact(prefix: str, identifier: str) -> str:
    """The id of what a standard's identifier names: nothing is folded, so that no two are one; what an id cannot hold is quoted as in a URI."""
    return f"{prefix}:" + _UNFIT.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), identifier)


def one_or_all(values: Iterable[str]) -> PropertyValue:
    """The distinct values that are not blank: one by itself, several as a list."""
    found = [text for value in dict.fromkeys(values) if (text := value.strip())]
    return found[0] if len(found) == 1 else list[str | int | float | bool](found) or ""


@dataclass(frozen=True, kw_only=True)
class Individual:
    """A person as one form says it. `place` holds names of organization, division, department and team, from the widest; blanks are left out.

    `units` are ids of units that the person is a member of, `manager` is the id of the person above, `roles` are names. `named` holds the
    parts of the organization that the file has told already, so that each is told once.
    """

    id: str
    where: str
    name: str = ""
    emails: Sequence[str] = ()
    logins: Sequence[str] = ()
    place: Sequence[str] = ()
    units: Sequence[str] = ()
    manager: str = ""
    roles: Sequence[str] = ()
    properties: Properties = field(default_factory=dict[str, PropertyValue])
    named: set[str] = field(default_factory=set[str])

    def facts(self) -> Iterator[Fact]:
        """The person, where it works, to whom it reports, and its roles."""
        keys = filled(email=one_or_all(self.emails), login=one_or_all(self.logins))
        yield thing("Person", self.id, self.where, name=self.name, properties=keys | self.properties)
        yield from self.memberships()
        yield from link(self.id, "reports_to", self.manager, self.where)
        for role in dict.fromkeys(self.roles):
            yield from acting(self.id, role, self.where)

    def memberships(self) -> Iterator[Fact]:
        """Where the person works: the place by its names, and the units."""
        yield from placed(self.place, self.where, self.named)
        for unit in dict.fromkeys((innermost(self.place), *self.units)):
            yield from link(self.id, "member_of", unit, self.where)


def acting(one: str, role: str, where: str) -> Iterator[Fact]:
    """A role by its name, and that this one acts in it."""
    if slug(role):
        yield thing("Role", f"role:{slug(role)}", where, name=role)
        yield from link(one, "has_role", f"role:{slug(role)}", where)


def steps(place: Sequence[str]) -> tuple[tuple[str, str, str], ...]:
    """(kind, id, name) of an organization and the units below it that a person's record names, from the widest; blanks are left out."""
    return _steps(tuple(place))


@lru_cache(4096)
def _steps(place: tuple[str, ...]) -> tuple[tuple[str, str, str], ...]:
    kinds = ("Organization", *("Unit" for _ in place[1:]))
    found = [(kind, slug(name), name.strip()) for kind, name in zip(kinds, place, strict=False)]
    return tuple((kind, f"{kind.lower()}:{local}", name) for kind, local, name in found if local)


def innermost(place: Sequence[str]) -> str:
    """The id of the narrowest part that is named."""
    found = steps(place)
    return found[-1][1] if found else ""


def placed(place: Sequence[str], where: str, named: set[str]) -> Iterator[Fact]:
    """The organization and the units that a person's record names, each a part of the one above it; what is `named` already is not told again."""
    above = ""
    for kind, id_, name in steps(place):
        if id_ not in named:
            named.add(id_)
            yield thing(kind, id_, where, name=name)
        if above and id_ != above and f"{id_} {above}" not in named:
            named.add(f"{id_} {above}")
            yield from link(id_, "part_of", above, where)
        above = id_


@lru_cache(1 << 14)
def folded(name: str) -> str:
    """A name for comparing: no case, accents or marks; `Example, Ada (Contractor)` is `ada example`."""
    plain = re.sub(r"[(\[][^()\[\]]*[)\]]", "", name[:_LONGEST])
    last, comma, first = plain.partition(",")
    plain = unicodedata.normalize("NFKD", (f"{first} {last}" if comma else plain).casefold())
    return " ".join(re.sub(r"[^\w\s]|_", " ", "".join(one for one in plain if not unicodedata.combining(one))).split())


class Names:
    """Who bears a name in one file."""

    def __init__(self) -> None:
        self.bearers: dict[str, dict[str, None]] = defaultdict(dict)

    def add(self, name: str, id_: str) -> None:
        """One more bearer."""
        if key := folded(name):
            self.bearers[key][id_] = None

    def find(self, name: str) -> list[str]:
        """All that bear the name, in the order of the file."""
        return list(self.bearers.get(folded(name), ()))

    def one(self, name: str, where: str, *, role: str) -> str | Finding:
        """The id of the only one who bears the name; otherwise a Finding that says who might be meant."""
        found = self.find(name)
        if len(found) == 1:
            return found[0]
        said = f"{len(found)} people here are called that: {', '.join(found)}" if found else "nobody here is called that"
        return Finding(
            id=f"name:{where}:{role}",
            check="name",
            level="warning",
            subject=where,
            message=f"{where}: the {role} is {name!r}, but {said}",
            evidence=tuple(found),
            remedy=f"State the {role} by id or e-mail address; a name alone does not tell people apart.",
        )


@dataclass
class Unread:
    """What a loader does not use of one file: each sort of element is told once, with its count and the first place."""

    file: File
    counts: Counter[str] = field(default_factory=Counter[str])
    first: dict[str, str] = field(default_factory=dict[str, str])

    def add(self, sort: str, where: str) -> None:
        """One more of this sort."""
        self.counts[sort] += 1
        self.first.setdefault(sort, where)

    def findings(self) -> Iterator[Finding]:
        """One note for each sort."""
        for sort, count in self.counts.items():
            message = f"{self.first[sort]}: nothing reads {sort} (count: {count})"
            yield Finding(id=f"unread:{self.file.name}:{sort}", check="unread", level="note", subject=sort, message=message)


def fault(check: str, where: str, message: str, *, level: Literal["error", "warning", "note"] = "error", remedy: str = "") -> Finding:
    """What is wrong at a place."""
    return Finding(id=f"{check}:{where}", check=check, level=level, subject=where, message=f"{where}: {message}", remedy=remedy)
