"""OWNERS and OWNERS_ALIASES as Kubernetes keeps them, and OWNERS as Chromium does: who may approve and who reviews changes below a folder.

An entry is an alias where the nearest OWNERS_ALIASES above the file has it, or else a login. Those of the folder above may approve
too, unless the file says `no_parent_owners`: its authority is then no part of theirs.
"""

from __future__ import annotations

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# what YAML holds has no types until it is looked at
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath

from graph import Fact, Finding, UnreadableSource, slug
from loaders.documents import Document, documents
from loaders.source import File, filled, link, thing

_PARTS = {"approvers": "approve", "required_reviewers": "review", "reviewers": "review"}
_FORMER = ("emeritus_approvers", "emeritus_reviewers")
_KNOWN = frozenset({*_PARTS, *_FORMER, "filters", "options", "labels", "aliases"})
_NAMES = ("OWNERS", "OWNERS_ALIASES")
_HIGH = 40  # how many folders up one looks
_LARGE = 4 * 1024 * 1024


def matches(file: File) -> bool:
    """Whether it is called OWNERS or OWNERS_ALIASES, or a YAML mapping with nothing but their keys."""
    if file.path.name in _NAMES or file.suffix.lstrip(".").upper() in _NAMES:
        return True
    if file.suffix not in (".yaml", ".yml") or len(file.content) > _LARGE:
        return False
    try:
        value = _first(file).value
    except UnreadableSource:
        return False
    return isinstance(value, dict) and bool(value) and value.keys() <= _KNOWN and bool(value.keys() & {*_PARTS, "filters", "aliases"})


def beside(file: File) -> str:
    """What else the reading of a file depends on: the aliases above it, and where the next OWNERS above is."""
    return "\n".join(f"{name}={','.join(members)}" for name, members in sorted(_aliases(file).items())) + f"\n{_above(file)}"


def read(file: File) -> Iterator[Fact | Finding]:
    """The authorities over a folder with their holders, or the aliases with their members."""
    if _is_plain(file):
        yield from _plain(file)
        return
    document = _first(file)
    value = document.value
    if value is None:
        return
    if not isinstance(value, dict):
        yield _said(file.locator("1"), "owners", "is no mapping; it needs `approvers:`, `reviewers:`, `filters:` or `aliases:`", "error")
        return
    owned = _Owners(file, document, frozenset(_aliases(file)), _folder(file))
    yield from owned.aliases(value.get("aliases"))
    yield from owned.part("", value, value)
    filters = value.get("filters")
    for pattern, inner in (filters if isinstance(filters, dict) else {}).items():
        if isinstance(inner, dict):
            yield from owned.part(str(pattern), inner, value)
        else:
            yield _said(owned.where("filters", filters), "owners", f"the filter {str(pattern)[:60]!r} holds no approvers", "warning")
    for name in (str(name) for name in value if name not in _KNOWN):
        yield _said(owned.where(name, value), "unread", f"nothing reads {name!r}", "note")


# the plain lines of Chromium, Android and others: addresses, `per-file GLOB=address`, `set noparent`, and files that are taken in

_PLAIN = re.compile(r"set noparent|per-file\s|file:|include\s|\*$|[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


def _lines(file: File) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(file.text().splitlines(), 1):
        if said := line.partition("#")[0].strip():
            yield number, said


def _is_plain(file: File) -> bool:
    return bool(_PLAIN.match(next((line for _, line in _lines(file)), "")))


def _plain(file: File) -> Iterator[Fact | Finding]:
    """The owners of a folder, and those of what fits a glob in it."""
    lines = list(_lines(file))
    owned = _Owners(file, Document(None), frozenset(), _folder(file))
    alone = any(line == "set noparent" for _, line in lines)
    holders: dict[str, dict[str, str]] = {}
    for number, line in lines:
        where, pattern, named = file.locator(str(number)), "", line
        if line.startswith("per-file"):
            pattern, _, named = line.removeprefix("per-file").partition("=")
        for one in map(str.strip, named.split(",")):
            if _MAIL.fullmatch(one):
                holders.setdefault(pattern.strip(), {}).setdefault(one.casefold(), where)
            elif one != "set noparent":
                yield _said(where, "unread", f"nothing reads {one[:80]!r}", "note")
            elif pattern:
                yield _said(where, "unread", f"nothing reads {one!r} for a part of a folder", "note")
    for pattern, members in holders.items():
        first = next(iter(members.values()))
        yield from owned.authority("approve", pattern, members, first, {}, alone=alone)


def _first(file: File) -> Document:
    return next(documents(file.text(), file.name, form="yaml"), Document(None))


def _folder(file: File) -> str:
    return PurePosixPath(file.name).parent.as_posix().strip("./") or file.source.name


def _upward(file: File) -> Iterator[str]:
    """The folders from the file's own up to the top of the source, by the steps that its name has: as text, of which paths are slow to make."""
    folder = os.path.abspath(file.path)  # noqa: PTH100  # made once for every file
    for _ in range(min(file.name.strip("/").count("/") + 1, _HIGH)):
        above = os.path.dirname(folder)  # noqa: PTH120  # as above
        if above == folder:
            return
        yield (folder := above)


def _nearest(file: File, name: str, folders: Sequence[str]) -> str:
    """The first of these folders, each above the one before, that has a file of this name; "" for none. It is found once for all files."""
    known: dict[object, object] = file.whole.made
    passed: list[object] = []
    found = ""
    for left, folder in zip(range(len(folders), 0, -1), folders, strict=True):
        asked = name, folder, left
        if asked in known:
            found = str(known[asked])
            break
        passed.append(asked)
        if os.path.isfile(f"{folder}/{name}"):  # noqa: PTH113  # as in _upward
            found = folder
            break
    known.update(dict.fromkeys(passed, found))
    return found


def _aliases(file: File) -> Mapping[str, list[str]]:
    """The aliases of the nearest OWNERS_ALIASES at or above the file; none where it cannot be read (it says so itself)."""
    folder = "" if file.path.name == "OWNERS_ALIASES" else _nearest(file, "OWNERS_ALIASES", list(_upward(file)))
    if not folder:
        return {}
    found = Path(folder, "OWNERS_ALIASES")
    try:
        state = found.stat()
        return {} if state.st_size > _LARGE else _aliases_in(found, (state.st_mtime_ns, state.st_size))
    except (UnreadableSource, OSError, ValueError):
        return {}


@lru_cache(maxsize=8)
def _aliases_in(path: Path, _state: tuple[int, int]) -> Mapping[str, list[str]]:
    """The aliases of a file, read once for all that lie below it and as long as it stays as it is."""
    value = next(documents(path.read_text(encoding="utf-8-sig"), path.name, form="yaml"), Document(None)).value
    held = value.get("aliases") if isinstance(value, dict) else None
    return {str(name): _texts(members) for name, members in held.items()} if isinstance(held, dict) else {}


def _above(file: File) -> str:
    """The folder above this one that has an OWNERS of its own, as it goes in ids; "" for the top."""
    folders = list(_upward(file))
    found = _nearest(file, "OWNERS", folders[1:])
    if not found:
        return ""
    parts, depth = PurePosixPath(file.name).parts[:-1], folders.index(found)
    return "/".join(parts[: max(len(parts) - depth, 0)]) or file.source.name


def _texts(value: object) -> list[str]:
    return [str(one).strip() for one in value if isinstance(one, str | int)] if isinstance(value, list) else []


@dataclass(frozen=True)
class _Owners:
    """One file, its aliases, and the folder for which it speaks."""

    file: File
    document: Document
    known: frozenset[str]
    folder: str

    def where(self, key: str | int, parent: object) -> str:
        return self.file.locator(self.document.under(parent, key) or self.document.start or "1")

    @cached_property
    def above(self) -> str:
        """The folder above that has an OWNERS of its own; "" for none."""
        return _above(self.file)

    @property
    def top(self) -> str:
        """What tells the aliases of one repository from those of another: the first folder of the name."""
        parts = PurePosixPath(self.file.name).parts
        return slug(parts[0]) if len(parts) > 1 else slug(self.file.source.name)

    def aliases(self, held: object) -> Iterator[Fact | Finding]:
        for name, members in (held if isinstance(held, dict) else {}).items():
            where = self.where(name, held)
            if not slug(str(name)):
                continue
            yield thing("Role", self.role(str(name)), where, name=str(name))
            for member in dict.fromkeys(_texts(members)):
                yield from self.person(member, self.where(_index(members, member), members))
                yield from link(f"person:{slug(member)}", "has_role", self.role(str(name)), where)

    def role(self, name: str) -> str:
        return f"role:{self.top}.{slug(name)}"

    def person(self, login: str, where: str) -> Iterator[Fact]:
        if slug(login):
            key = "email" if _MAIL.fullmatch(login) else "login"
            yield thing("Person", f"person:{slug(login)}", where, properties={key: login.lower()})

    def part(self, pattern: str, held: Mapping[str, object], whole: Mapping[str, object]) -> Iterator[Fact | Finding]:
        """The authorities that one set of approvers and reviewers holds: of the folder, or of what fits a filter in it."""
        pattern = "" if pattern == ".*" else pattern
        options = whole.get("options")
        alone = isinstance(options, dict) and options.get("no_parent_owners") is True
        for part in dict.fromkeys(_PARTS.values()):
            keys = [key for key, means in _PARTS.items() if means == part and held.get(key)]
            for key in keys:
                yield from self.authority(part, pattern, _texts(held[key]), self.where(key, held), held, alone=alone)
        for key in (key for key in _FORMER if held.get(key)):
            yield _said(
                self.where(key, held), "unread", f"{len(_texts(held[key]))} former ones under {key!r} hold nothing any more", "note"
            )

    def authority(
        self, part: str, pattern: str, holders: Iterable[str], where: str, held: Mapping[str, object], *, alone: bool
    ) -> Iterator[Fact | Finding]:
        own = f"authority:{_place(self.folder, pattern)}.{part}"
        what = f"{self.folder}, {pattern}" if pattern else self.folder
        name = {"approve": f"Approve changes to {what}", "review": f"Review changes to {what}"}[part]
        more = filled(
            subject=f"Changes to {what}", pattern=pattern, part=part, inherits=not alone, labels=tuple(_texts(held.get("labels")))
        )
        yield thing("Authority", own, where, name=name, properties=more)
        if pattern:
            yield from link(own, "part_of", f"authority:{_place(self.folder, '')}.{part}", where)
        elif self.above and not alone:
            yield from link(own, "part_of", f"authority:{_place(self.above, '')}.{part}", where)
        for holder in dict.fromkeys(holders):
            if holder in self.known:
                yield from link(self.role(holder), "holds_authority", own, where)
            elif slug(holder):
                yield from self.person(holder, where)
                yield from link(f"person:{slug(holder)}", "holds_authority", own, where)


def _place(folder: str, pattern: str) -> str:
    return ".".join(filter(None, [slug(folder.replace("/", ".")), slug(pattern)])) or "top"


def _index(members: object, member: str) -> int:
    return next((number for number, one in enumerate(members) if str(one).strip() == member), 0) if isinstance(members, list) else 0


def _said(where: str, check: str, message: str, level: str) -> Finding:
    known = {"id": f"{check}:{where}:{message[:60]}", "check": check, "level": level, "subject": where, "message": f"{where}: {message}"}
    return Finding.model_validate(known)
