"""Trees of YAML and JSON that nobody has checked, asked for one step at a time, and what of them nobody used; loaders of documents share it.

A node that is not there, or of another shape than was asked for, is an empty one: what a stranger wrote never raises here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Literal, TypeAlias, cast

from graph import Fact, Finding, Properties, UnreadableSource, slug
from loaders.documents import Document, step
from loaders.source import File, link, thing

Level: TypeAlias = Literal["error", "warning", "note"]
MAX_VALUES = 2_000  # of one property: a list longer than this is no property but data
SECRET = re.compile(r"pass(word|wd|phrase)?|secret|token|api[-_.]?key|credential|private[-_.]?key|basicauth|bearer", re.IGNORECASE)
_NOTHING: tuple[object, ...] = (None, "", [], {})
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_COMMENT = re.compile(r'("(?:\\.|[^"\\\n])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_TRAILING = re.compile(r'("(?:\\.|[^"\\\n])*")|,(?=\s*[}\]])')
_TOP = re.compile(r"^(?:- )?[\"']?([\w$.-]+)[\"']?[ \t]*:", re.MULTILINE)


class Node:
    """A value in a tree of a file. Its place is worked out when it is asked for: most nodes are read and never spoken of."""

    __slots__ = ("_above", "_key", "_place", "document", "file", "value")

    def __init__(
        self,
        value: object,
        file: File,
        place: str | None = "",
        document: Document | None = None,
        above: Node | None = None,
        key: str | int = "",
    ) -> None:
        self.value, self.file, self.document = value, file, document
        self._place, self._above, self._key = place, above, key

    def __bool__(self) -> bool:
        return bool(self.value) or self.value not in _NOTHING

    def __getitem__(self, key: str) -> Node:
        """The value under a key of a mapping."""
        return Node(self.value.get(key) if type(self.value) is dict else None, self.file, None, self.document, self, key)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]  # a mapping of whatever a stranger wrote

    @property
    def place(self) -> str:
        """The line, or the path where lines are not known."""
        if self._place is None and self._above is not None:
            above = self._above
            if self.document is None:
                self._place = f"{above.place}{step(self._key)}"
            else:
                self._place = self.document.under(above.value, self._key) or above.place
        return self._place or ""

    def first(self, *keys: str) -> Node:
        """The first of these that is there."""
        for key in keys:
            if found := self[key]:
                return found
        return self[keys[-1]]

    def pairs(self) -> Iterator[tuple[str, Node]]:
        """The keys and values of a mapping; nothing for anything else."""
        file, document = self.file, self.document
        for key, value in _mapping(self.value).items():
            yield clean(key if type(key) is str else str(key)), Node(value, file, None, document, self, key)

    def items(self) -> Iterator[Node]:
        """The items of a list; a lone value is a list of itself, an absent one of nothing."""
        if (several := _sequence(self.value)) is not None:
            file, document = self.file, self.document
            for number, value in enumerate(several):
                yield Node(value, file, None, document, self, number)
        elif self:
            yield self

    def names(self) -> list[str]:
        """The keys of a mapping."""
        return [key for key, _ in self.pairs()]

    @property
    def text(self) -> str:
        """The value as text, stripped, without control characters; "" for a mapping or a list."""
        value = self.value
        if type(value) is str:
            return clean(value)
        if isinstance(value, bool):
            return "true" if value else "false"
        return clean(str(value)) if isinstance(value, str | int | float) else ""

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts of a list, or the one text; each once."""
        if self.value is None:
            return ()
        return tuple(dict.fromkeys([text for one in islice(self.items(), MAX_VALUES) if (text := one.text)]))

    @property
    def where(self) -> str:
        """The place as origins carry it."""
        return self.file.locator(self.place)

    @property
    def is_mapping(self) -> bool:
        """Whether there are keys in it."""
        return isinstance(self.value, dict)


def _mapping(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _sequence(value: object) -> list[object] | None:
    return cast("list[object]", value) if isinstance(value, list) else None


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set: tables of names read better so."""
    return frozenset(text.split())


def clean(text: str) -> str:
    """The text without blanks around it and without the control characters that no text has."""
    return text.strip() if text.isprintable() else _CONTROL.sub("", text).strip()


def trees(file: File) -> Iterator[Node]:
    """The documents of a YAML or JSON file as nodes; JSON may have comments. Raises `UnreadableSource` with `file:line`."""
    if file.suffix == ".json":
        yield Node(_json(file), file, "$")
    else:
        yield from (Node(one.value, file, one.start, one) for one in file.documents())


def readable(file: File) -> list[Node]:
    """The documents of a file to which another one refers; none where it cannot be read, which is told where it is."""
    try:
        return list(trees(file))
    except UnreadableSource:
        return []


def _json(file: File) -> object:
    text = file.text()
    try:
        return _loads(text, file.name)
    except UnreadableSource:
        bare = _TRAILING.sub(lambda one: one[1] or "", _COMMENT.sub(lambda one: one[1] or re.sub(r"[^\n]", " ", one[0]), text))
        if bare == text:
            raise
        return _loads(bare, file.name)


def _loads(text: str, name: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UnreadableSource(f"{name}:{error.lineno}: no valid JSON: {error.msg} at column {error.colno}") from error
    except RecursionError as error:
        raise UnreadableSource(f"{name}: more levels deep than any document that people write") from error
    except ValueError as error:  # a number of more digits than Python reads
        raise UnreadableSource(f"{name}: no valid JSON: {error}") from error


def top(file: File, *said_in_it: str) -> frozenset[str]:
    """The keys at the top of a YAML or JSON file, of its list's first item too; none unless all of these texts stand in it, or if it is broken.

    YAML is not parsed for this: a key at the beginning of a line is one at the top.
    """
    if file.suffix not in (".json", ".yaml", ".yml"):
        return frozenset()
    try:
        text = file.text()
        if not all(one in text for one in said_in_it):
            return frozenset()
        if file.suffix != ".json":
            return frozenset(_TOP.findall(text)) or frozenset(next(trees(file), Node({}, file)).names())
        node = next(trees(file))
    except UnreadableSource:
        return frozenset()
    return frozenset(next(node.items(), node).names())


def kept(**values: object) -> Properties:
    """The properties that say something; tuples and lists of texts as lists."""
    made: Properties = {}
    for name, value in values.items():
        if isinstance(value, str):
            if value:
                made[name] = value
        elif isinstance(value, tuple | list):
            if value:
                made[name] = [str(one) for one in cast("Sequence[object]", value)]
        elif isinstance(value, bool | int | float):
            made[name] = value
    return made


@dataclass
class Tally:
    """What was met in a file and not used: said once for each sort, with the count and the first place."""

    file: File
    met: dict[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])

    def add(self, sort: str, where: str, count: int = 1) -> None:
        """Count `count` more of a sort, met at this place."""
        if count:
            before, first = self.met.get(sort, (0, where))
            self.met[sort] = before + count, first

    def rest(self, node: Node, read: frozenset[str], prefix: str = "") -> None:
        """Count the keys of a mapping that are not among those that are read."""
        unread = [key for key in _mapping(node.value) if key not in read]  # most are read: no node is made of them
        for key in unread:
            if (name := clean(str(key))) not in read and (value := node[key]):
                self.add(f"{prefix}{name}", value.where)

    def labels(self, pairs: Sequence[tuple[str, str]], where: str) -> list[str]:
        """`key=value` texts for the property `labels`; a key that sounds like a secret is counted, and its value never read."""
        self.add("a label that sounds like a secret", where, sum(1 for key, _ in pairs if SECRET.search(key)))
        return [f"{key}={value}" for key, value in islice(pairs, MAX_VALUES) if value and not SECRET.search(key)]

    def findings(self) -> Iterator[Finding]:
        """A note for each sort."""
        for sort, (count, first) in self.met.items():
            times = "once" if count == 1 else f"{count} times"
            message = f"{first}: {sort} is met {times} in {self.file.name} and not used"
            yield Finding(id=f"unread:{self.file.name}:{sort}", check="unread", level="note", subject=self.file.name, message=message)


def said(node: Node, check: str, message: str, *, level: Level = "warning") -> Finding:
    """A finding about this node; the message goes without the place."""
    text = f"{node.where}: {message}"
    return Finding(id=f"{check}:{text}", check=check, level=level, subject=node.file.name, message=text)


@lru_cache(maxsize=50_000)
def local(text: str) -> str:
    """The local part of an id from a name that is an identifier in its own format: lower case, blanks and marks as hyphens, `/` kept."""
    return "/".join(part for one in text.split("/") if (part := slug(one)))


_OWNERS = {"user": "person", "person": "person", "group": "unit", "team": "unit", "unit": "unit", "position": "position"}
_EMAIL = re.compile(r"[^@\s:/]+@[^@\s:/]+\.[^@\s:/]+")


def owner(text: str) -> str:
    """The id of an owner: `team:x`, `user:x`, `group:ns/x`; an e-mail address and `@login` are a person's, a bare name is a unit's."""
    given = clean(text).removeprefix("mailto:")
    kind, colon, rest = given.partition(":")
    if colon and kind.casefold() in _OWNERS:
        prefix, given = _OWNERS[kind.casefold()], rest
    else:
        login = given.startswith("@") and "/" not in given
        prefix = "person" if login or _EMAIL.fullmatch(given) else "unit"
    return f"{prefix}:{local(given.lstrip('@'))}" if local(given) else ""


def owned_by(own: str, text: str, where: str, *, relation: str = "owned_by") -> Iterator[Fact]:
    """The relation to the owner that a text names, with the person where an address or a login says who that is."""
    given, found = clean(text).removeprefix("mailto:"), owner(text)
    if found.startswith("person:") and (_EMAIL.fullmatch(given) or given.startswith("@")):
        known = {"email": [given]} if _EMAIL.fullmatch(given) else {"login": [given.lstrip("@")]}
        yield thing("Person", found, where, properties=kept(**known))
    yield from link(own, relation, found, where)


def owned(own: str, said_of: Node, tally: Tally | None = None) -> Iterator[Fact]:
    """The owners that a node names: a text, a list of them, or mappings with a name, team or email."""
    for one in said_of.items():
        named = one.first("id", "team", "group", "email", "name", "contact") if one.is_mapping else one
        if tally and not owner(named.text):
            tally.add("an owner without a name", one.where)
        yield from owned_by(own, named.text, one.where)


def contact(own: str, said_of: Node) -> Iterator[Fact]:
    """A contact with name and e-mail address as an owner: with a name a unit, with an address alone a person."""
    name, emails = said_of["name"].text, said_of["email"].texts
    if name and owner(name).startswith("unit:"):
        yield thing("Unit", owner(name), said_of.where, name=name, properties=kept(email=emails, url=said_of["url"].texts))
        yield from link(own, "owned_by", owner(name), said_of.where)
    else:
        for text in emails or (name,):
            yield from owned_by(own, text, said_of.where)
