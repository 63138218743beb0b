"""CODEOWNERS of GitHub and GitLab: each pattern is an asset, owned by people, teams or addresses; the last pattern that fits decides."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import PurePosixPath
from typing import NamedTuple

from graph import Fact, Finding, UnreadableSource, slug
from loaders.documents import SUFFIXES
from loaders.source import File, filled, link, thing

_SECTION = re.compile(r"(?P<optional>\^)?\[(?P<name>[^\]]+)\](?:\[(?P<count>\d+)\])?(?P<owners>(?:\s.*)?)$")
_WORDS = re.compile(r"(?:\\.|[^\s\\])+")
_LOGIN = re.compile(r"@[\w][\w.-]*")
_TEAM = re.compile(r"@[\w][\w.-]*(?:/[\w.-]+)+")
_ROLE = re.compile(r"@@[\w-]+")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_MERGE = re.compile(r"(?:<{7}|>{7}|\|{7}) .*|={7}")  # what git leaves where two versions were not brought together
_FOLDERS = frozenset({".github", ".gitlab", ".gitea", ".forgejo", "docs"})  # where the file may lie, which says nothing of the repository


class _Section(NamedTuple):
    """A section of GitLab: its name, how many of its owners must approve, and the owners where a line names none."""

    name: str = ""
    approvals: int = 1
    owners: tuple[str, ...] = ()


def matches(file: File) -> bool:
    """Whether it is called CODEOWNERS or CODENOTIFY, or is a text without a known suffix whose lines are patterns with owners."""
    if "CODEOWNERS" in (file.path.name.upper(), file.suffix.lstrip(".").upper()) or _only_tells(file):
        return True
    if file.suffix in SUFFIXES or file.suffix == ".xlsx":
        return False
    try:
        lines = [line.split() for line in file.text()[:4000].splitlines() if line.strip() and line.lstrip()[0] not in "#["]
    except UnreadableSource:
        return False
    owned = [words for words in lines if len(words) > 1 and all(_sort(word) for word in words[1:])]
    return len(owned) >= 2 and len(owned) >= 0.8 * len(lines)


def _only_tells(file: File) -> bool:
    """Whether it is a CODENOTIFY: those whom it names are told of changes, and own nothing by it."""
    return file.path.name.upper() == "CODENOTIFY"


class _Line(NamedTuple):
    """A pattern with its owners."""

    number: int
    pattern: str
    owners: list[str]
    section: _Section


def read(file: File) -> Iterator[Fact | Finding]:
    """The patterns with their owners, in the order of the file; of a pattern that comes again only the last counts."""
    yield from _unmerged(file)
    lines = list(_lines(file))
    last = {(line.section.name, line.pattern): line.number for line in lines}
    writer = _Writer(file, _repository(file), _only_tells(file))
    for order, line in enumerate(lines, 1):
        counts = last[line.section.name, line.pattern]
        if counts == line.number:
            yield from writer.pattern(line, order)
        else:
            where = file.locator(str(line.number))
            yield _said(where, "pattern", f"{line.pattern} stands on line {counts} again; only the last one counts", "warning")


def _unmerged(file: File) -> Iterator[Finding]:
    """The marks of a merge that nobody finished: what stands between them are two versions, and both are read."""
    marks = [number for number, line in enumerate(file.text().splitlines(), 1) if _MERGE.fullmatch(line.strip())]
    if marks:
        where = file.locator(str(marks[0]))
        said = "a merge was left unfinished here (lines " + ", ".join(map(str, marks)) + "); the patterns of both versions are read"
        yield _said(where, "merge", said, "warning")


def _lines(file: File) -> Iterator[_Line]:
    section = _Section()
    for number, line in enumerate(file.text().splitlines(), 1):
        text = line.replace("\0", "").strip()
        if not text or text.startswith("#") or _MERGE.fullmatch(text):
            continue
        if head := _SECTION.fullmatch(text):
            approvals = 0 if head["optional"] else int((head["count"] or "1")[:3])
            section = _Section(head["name"].strip(), approvals, tuple(_words(head["owners"])))
        elif words := _words(text):
            yield _Line(number, words[0], words[1:] or list(section.owners), section)


def _repository(file: File) -> str:
    """The last folder above the file that is not one of those that hosts look into; the source's name where there is none."""
    folders = [step for step in PurePosixPath(file.name).parts[:-1] if step not in _FOLDERS]
    return folders[-1] if folders else file.source.name


def _words(text: str) -> list[str]:
    """The words of a line up to a comment; a blank or a sign that is escaped belongs to its word."""
    words: list[str] = []
    for word in _WORDS.findall(text):
        if word.startswith("#"):
            break
        words.append(re.sub(r"\\(.)", r"\1", word))
    return words


def _sort(owner: str) -> str:
    """What an owner is: team, role, login or email; "" for none of them."""
    sorts = (("team", _TEAM), ("role", _ROLE), ("login", _LOGIN), ("email", _EMAIL))
    return next((sort for sort, pattern in sorts if pattern.fullmatch(owner)), "")


_OWNS = "the last pattern of the file that fits a path decides who owns it."
_TELLS = "whoever is informed is told of changes to them."


@dataclass(frozen=True)
class _Writer:
    """What the lines of one file become."""

    file: File
    repository: str
    tells: bool = False

    def pattern(self, line: _Line, order: int) -> Iterator[Fact | Finding]:
        number, pattern, owners, section = line
        where = self.file.locator(str(number))
        mark = sha256(f"{'told of ' * self.tells}{section.name}\n{pattern}".encode()).hexdigest()[
            :6
        ]  # `/docs/` and `docs` are two patterns
        own = f"asset:{slug(self.repository) or 'repository'}." + "-".join(filter(None, [slug(pattern), mark]))
        excluded = pattern.startswith("!")
        properties = filled(
            pattern=pattern,
            order=order,
            section=section.name,
            approvals_required="" if self.tells else section.approvals if owners and not excluded else 0,
            informed=owners if self.tells else (),
            description=f"Paths {pattern} in {self.repository}: " + (_TELLS if self.tells else _OWNS),
        )
        yield thing("KnowledgeAsset", own, where, name=f"{pattern} in {self.repository}", properties=properties)
        if excluded or self.tells:
            return
        if not owners:
            yield _said(where, "unowned", f"{pattern} has no owner: whoever owns it by a line above does so no longer", "note")
        for owner in owners:
            yield from self.owner(own, owner, where)

    def owner(self, own: str, owner: str, where: str) -> Iterator[Fact | Finding]:
        sort, bare = _sort(owner), owner.lstrip("@")
        kinds = {"team": "Unit", "login": "Person", "email": "Person", "role": "Role"}
        if not sort or not slug(bare):
            yield _said(where, "owner", f"{owner[:80]!r} is no owner; one is @login, @group/team or an e-mail address", "warning")
            return
        kind = kinds[sort]
        id_ = f"{kind.lower()}:{slug(bare)}"
        keys = {"team": {"code": bare.lower()}, "login": {"login": bare}, "email": {"email": bare}}.get(sort, {})
        yield thing(kind, id_, where, name="" if kind == "Person" else bare, properties=dict(keys))  # people's names are for others to give
        if kind == "Role":  # whoever has the role in the repository: no owner by name
            yield from link(id_, "holds_authority", f"authority:{own.partition(':')[2]}", where)
            authority = f"authority:{own.partition(':')[2]}"
            yield thing("Authority", authority, where, name=f"Approve changes to {self.repository}", properties={"part": "approve"})
            yield from link(authority, "applies_to", own, where)
        else:
            yield from link(own, "owned_by", id_, where)


def _said(where: str, check: str, message: str, level: str) -> Finding:
    known = {"id": f"{check}:{where}:{message[:60]}", "check": check, "level": level, "subject": where, "message": f"{where}: {message}"}
    return Finding.model_validate(known)
