"""SCIM 2.0 (RFC 7643, RFC 7644) as files: users with the enterprise extension and groups; one resource, lists, list responses, bulk requests."""

from __future__ import annotations

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# what JSON holds has no types until its form has been looked at
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from graph import Fact, Finding, Properties, slug
from loaders.documents import Document
from loaders.hierarchy import Individual, Unread, fault
from loaders.source import File, filled, link, thing

_URN = b"urn:ietf:params:scim:"
_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user"
_ENTERPRISES = (_ENTERPRISE, "urn:scim:schemas:extension:enterprise:1.0")
_SORTS = {
    "urn:ietf:params:scim:schemas:core:2.0:user": "user",
    "urn:ietf:params:scim:schemas:core:2.0:group": "group",
    "urn:scim:schemas:core:1.0:user": "user",
    "urn:scim:schemas:core:1.0:group": "group",
}
_LIST, _BULK = "urn:ietf:params:scim:api:messages:2.0:listresponse", "urn:ietf:params:scim:api:messages:2.0:bulkrequest"
_DEPTH = 4  # lists of list responses of lists: more is no SCIM
_QUIET = frozenset(("schemas", "id", "meta"))
_USER = frozenset(
    (
        "username",
        "name",
        "displayname",
        "emails",
        "addresses",
        "usertype",
        "title",
        "active",
        "groups",
        "roles",
        "profileurl",
        "externalid",
        *_ENTERPRISES,
    )
)
_EXTENSION = frozenset(("employeenumber", "costcenter", "organization", "division", "department", "manager"))
_GROUP = frozenset(("displayname", "members", "externalid"))


@dataclass(frozen=True)
class Resource:
    """A user or a group: its attributes by their names in small letters (SCIM knows no case there), its place, and its id in this graph."""

    sort: str
    said: Mapping[str, Any]
    where: str
    bulk: str = ""

    @cached_property
    def key(self) -> str:
        """The service provider's id, or what is unique beside it."""
        unique = self.said.get("username") if self.sort == "user" else self.said.get("displayname")
        return _text(self.said.get("id")) or _text(unique)

    @cached_property
    def id(self) -> str:
        """The id in this graph."""
        return _own_id(self.sort, self.key)


def _own_id(sort: str, key: str) -> str:
    local = slug(key)
    return f"{'unit' if sort == 'group' else 'person'}:{local}" if local else ""


def matches(file: File) -> bool:
    """Whether it is JSON that names schemas of SCIM."""
    return file.suffix in (".json", ".jsonl", ".ndjson") and _URN in file.content[:262144] and b'"schemas"' in file.content[:262144]


def read(file: File) -> Iterator[Fact | Finding]:
    """The people, groups, places and managers of all resources in a file."""
    session = _Session(file)
    resources: list[Resource] = []
    for document in file.documents():
        for one in session.resources(document.value, document, document.start):
            if isinstance(one, Finding):
                yield one
            else:
                resources.append(one)
    session.meet(resources)
    for one in resources:
        yield from session.user(one) if one.sort == "user" else session.group(one)
    yield from session.unread.findings()


@lru_cache(1 << 12)
def _small(name: str) -> str:
    return name.casefold()


def _lowered(value: object) -> dict[str, Any]:
    """A complex attribute by names in small letters; nothing for anything else."""
    return {_small(name): one for name, one in value.items()} if isinstance(value, dict) else {}


def _several(value: object) -> list[dict[str, Any]]:
    """The values of a multi-valued attribute, a plain one as its `value`."""
    held = value if isinstance(value, list) else [] if value is None else [value]
    return [_lowered(one) if isinstance(one, dict) else {"value": one} for one in held]


def _text(value: object) -> str:
    """A simple value on one line; half characters, which JSON can hold and UTF-8 cannot, become question marks."""
    if value is None or not isinstance(value, str | int) or isinstance(value, bool):
        return ""
    text = str(value)
    return " ".join((text if text.isascii() else text.encode("utf-8", "replace").decode()).split())


def _schemas(said: Mapping[str, Any]) -> set[str]:
    """The schemas that a message states, in small letters."""
    held = said.get("schemas")
    return {_text(one).casefold() for one in held} if isinstance(held, list) else set()


@dataclass
class _Session:
    """One file being read."""

    file: File
    unread: Unread = field(init=False)
    groups: set[str] = field(default_factory=set[str])
    bulk: dict[str, str] = field(default_factory=dict[str, str])
    named: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        self.unread = Unread(self.file)

    def meet(self, resources: list[Resource]) -> None:
        """Learn which ids are groups, and what the temporary ids of a bulk request stand for."""
        self.groups = {one.key for one in resources if one.sort == "group"}
        self.bulk = {one.bulk: one.id for one in resources if one.bulk}

    def resources(self, value: object, document: Document, where: str, *, depth: int = 0) -> Iterator[Resource | Finding]:
        """The users and groups in a value: it is one, or a list or list response that holds them."""
        if isinstance(value, list) and depth < _DEPTH:
            for number, one in enumerate(value):
                yield from self.resources(one, document, document.place(one, value, number, where), depth=depth + 1)
            return
        said = _lowered(value)
        schemas = _schemas(said)
        if isinstance(said.get("resources"), list) and (_LIST in schemas or not schemas & _SORTS.keys()) and depth < _DEPTH:
            yield from self.resources(said["resources"], document, where, depth=depth + 1)
        elif _BULK in schemas:
            yield from self._operations(said.get("operations"), document, where)
        else:
            yield from self._resource(said, schemas, self.file.locator(where), "")

    def _operations(self, value: object, document: Document, where: str) -> Iterator[Resource | Finding]:
        """The resources that a bulk request makes or replaces; what it changes in part or deletes is not in this file."""
        for number, one in enumerate(value if isinstance(value, list) else ()):
            operation = _lowered(one)
            place = self.file.locator(document.place(one, value, number, where))
            method, data = _text(operation.get("method")).upper(), _lowered(operation.get("data"))
            if method not in ("POST", "PUT") or not data:
                self.unread.add(f"bulk operations with {method or 'no method'}", place)
                continue
            path = _text(operation.get("path"))
            if method == "PUT":
                data.setdefault("id", path.rpartition("/")[2])
            schemas = _schemas(data)
            sort = {"users": "urn:ietf:params:scim:schemas:core:2.0:user", "groups": "urn:ietf:params:scim:schemas:core:2.0:group"}
            schemas |= {urn for name, urn in sort.items() if name in path.casefold().split("/")}
            yield from self._resource(data, schemas, place, _text(operation.get("bulkid")))

    def _resource(self, said: Mapping[str, Any], schemas: set[str], where: str, bulk: str) -> Iterator[Resource | Finding]:
        sort = next((_SORTS[one] for one in sorted(schemas) if one in _SORTS), "")
        if not sort and not any(":api:messages:" in one for one in schemas):
            kind = _text(_lowered(said.get("meta")).get("resourcetype")).casefold()
            sort = kind if kind in ("user", "group") else "user" if "username" in said else "group" if "members" in said else ""
        if not sort:
            about = next(iter(sorted(schemas)), "")
            self.unread.add(f"resources of {about}" if about else "a value that is no resource of SCIM", where)
            return
        one = Resource(sort, said, where, bulk)
        if one.id:
            yield one
        else:
            needed = "an id or a userName" if sort == "user" else "an id or a displayName"
            yield fault("row", where, f"a {sort} has {needed}; this one was left out")

    def user(self, one: Resource) -> Iterator[Fact | Finding]:
        """A person with its keys, place, manager, roles and groups."""
        said, where = one.said, one.where
        more = _lowered(next((said[urn] for urn in _ENTERPRISES if urn in said), None))
        groups = _several(said.get("groups"))
        for name in said:
            if name not in _USER and name not in _QUIET:
                self.unread.add(f"the attribute {name}", where)
        for name in more.keys() - _EXTENSION:
            self.unread.add(f"the attribute {name} of the enterprise extension", where)
        yield from Individual(
            id=one.id,
            where=where,
            name=_name(said),
            emails=self._emails(said, where),
            logins=[_text(said.get("username"))],
            place=[_text(more.get(level)) for level in ("organization", "division", "department")],
            units=[self._group_of(group) for group in groups],
            manager=self._manager(one, more.get("manager")),
            roles=[_text(role.get("display") or role.get("value")) for role in _several(said.get("roles"))],
            properties=_properties(said, more),
            named=self.named,
        ).facts()
        for group in groups:
            unit = self._group_of(group)
            if unit and unit not in self.named and _text(group.get("display")) and _text(group.get("value")) not in self.groups:
                self.named.add(unit)
                yield thing("Unit", unit, where, name=_text(group["display"]), properties={"unit_type": "group"})

    def _emails(self, said: Mapping[str, Any], where: str) -> list[str]:
        """Addresses at work, the first one first; those at home are nobody's business here."""
        found = _several(said.get("emails"))
        at_home = [one for one in found if _text(one.get("type")).casefold() == "home"]
        for _ in at_home:
            self.unread.add("e-mail addresses at home", where)
        used = [one for one in found if one not in at_home]
        return [_text(one.get("value")).casefold() for one in sorted(used, key=lambda one: one.get("primary") is not True)]

    def _group_of(self, group: Mapping[str, Any]) -> str:
        if _text(group.get("type")).casefold() == "indirect":
            return ""  # follows from the groups in groups
        return self._end("group", group)

    def _end(self, sort: str, value: Mapping[str, Any]) -> str:
        """The id of a resource that a value refers to: by its id, a temporary one of a bulk request, or its address."""
        key = _text(value.get("value")) or _text(value.get("$ref")).rpartition("/")[2]
        if key.startswith("bulkId:"):
            return self.bulk.get(key.removeprefix("bulkId:"), "")
        return _own_id(sort, key)

    def _manager(self, one: Resource, value: object) -> str:
        found = [self._end("user", manager) for manager in _several(value)]
        return next((manager for manager in found if manager != one.id), "")

    def group(self, one: Resource) -> Iterator[Fact | Finding]:
        """A group with its members; a group in a group is a part of it."""
        for name in one.said:
            if name not in _GROUP and name not in _QUIET:
                self.unread.add(f"the attribute {name} of groups", one.where)
        properties = {"unit_type": "group"} | filled(
            external_id=_text(one.said.get("externalid")), uri=_text(_lowered(one.said.get("meta")).get("location"))
        )
        yield thing("Unit", one.id, one.where, name=_text(one.said.get("displayname")), properties=properties)
        for member in _several(one.said.get("members")):
            sort = self._sort_of(member)
            end = self._end(sort, member)
            if end == one.id:
                yield fault("group", one.where, "the group is its own member; that was left out", level="warning")
                continue
            yield from link(end, "part_of" if end.startswith("unit:") else "member_of", one.id, one.where)

    def _sort_of(self, member: Mapping[str, Any]) -> str:
        kind, address = _text(member.get("type")).casefold(), _text(member.get("$ref"))
        if kind in ("user", "group"):
            return kind
        key = _text(member.get("value"))
        temporary = self.bulk.get(key.removeprefix("bulkId:"), "")
        return "group" if "/Groups/" in address or key in self.groups or temporary.startswith("unit:") else "user"


def _name(said: Mapping[str, Any]) -> str:
    parts = _lowered(said.get("name"))
    whole = f"{_text(parts.get('givenname'))} {_text(parts.get('familyname'))}".strip()
    return _text(said.get("displayname")) or _text(parts.get("formatted")) or whole


def _properties(said: Mapping[str, Any], more: Mapping[str, Any]) -> Properties:
    work = [one for one in _several(said.get("addresses")) if _text(one.get("type")).casefold() != "home"]
    where = ", ".join(filter(None, (_text(work[0].get(part)) for part in ("locality", "region", "country")))) if work else ""
    return filled(
        employee_number=_text(more.get("employeenumber")),
        title=_text(said.get("title")),
        location=where,
        employee_type=_text(said.get("usertype")),
        cost_center=_text(more.get("costcenter")),
        external_id=_text(said.get("externalid")),
        url=_text(said.get("profileurl")),
        uri=_text(_lowered(said.get("meta")).get("location")),
        status="inactive" if said.get("active") is False else "",
    )
