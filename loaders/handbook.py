"""Handbooks and folders of policies in Markdown, AsciiDoc or HTML: pages and their sections, links, owners, days of review, and who does what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from pathlib import Path, PurePosixPath

from graph import Entity, Fact, Finding, Properties, Relation, slug
from loaders.fields import Somebody, cadence, day, document_kind, people, sensitivity
from loaders.pages import Line, Link, Page, Row, Table, found_file, is_page, page, path_id, subject_of
from loaders.source import File, Source, filled, link, thing

_TEXT = 600  # characters of a section's text that stand in its description


def matches(file: File) -> bool:
    """Whether it is a page, and neither a decision record nor a glossary nor written for agents."""
    return subject_of(file) == "page"


def read(file: File) -> Iterator[Fact | Finding]:
    """The page, its sections, and what they lead to."""
    if not is_page(file):
        message = f"{file.name}: no page is read from it: it is neither Markdown, AsciiDoc nor HTML"
        yield Finding(id=f"unread:{file.name}", check="unread", level="note", subject=file.name, message=message)
        return
    found = page(file)
    for line, why in found.faults:
        where = file.locator(line)
        message = why if why.startswith(file.name) else f"{where}: {why}"
        yield Finding(id=f"page:{where}", check="page", level="error", subject=file.name, message=message)
    own = path_id("asset", file.name)
    kept = _kept(found)
    yield from _no_days(found, file, own)
    ids = _ids(found, own)
    outside = {section: list[str]() for section in (own, *ids.values())}
    leading = list(_links(found, file, ids, outside))
    yield _page(found, file, own, kept | filled(references=outside[own]))
    yield from _people(found, file, own)
    yield from _sections(found, file, ids, kept, outside)
    yield from leading
    named: set[str] = set()
    for section in found.sections:
        for table in section.tables:
            yield from _duties(table, file, own, named)


# the page


def _page(found: Page, file: File, own: str, kept: Properties) -> Entity:
    top = found.lead[-1] if found.lead else found.sections[0]
    kind = document_kind(found.title, said=found.first("kind"))
    text = "\n".join(section.text for section in found.lead)
    properties = filled(
        description=found.first("description") or _shortened(text),
        tags=[line.text for line in found.fields.get("tags", ())],
        status=found.first("status"),
        version=found.first("version"),
        language=found.first("language"),
        number=found.first("number"),
        scope=found.first("scope"),
        author=found.every("author"),
        url=found.first("url"),
        effective_from=day(found.first("effective_from")) or (day(found.first("date")) if kind == "Policy" else ""),
        modified=day(found.first("modified")),
    )
    level = sensitivity(found.first("sensitivity"))
    return thing(kind, own, file.locator(str(top.line)), name=found.title, properties=properties | kept, sensitivity=level)


def _shortened(text: str) -> str:
    """The text, cut at a word where it is long."""
    return text if len(text) <= _TEXT else text[:_TEXT].rsplit(None, 1)[0] + " …"


def _no_days(found: Page, file: File, own: str) -> Iterator[Finding]:
    """Days that are none."""
    for name in ("verified_at", "next_review", "effective_from"):
        line = next(iter(found.fields.get(name, ())), None)
        if line and not day(line.text) and not cadence(line.text):
            where = file.locator(str(line.line))
            message = f"{where}: {line.text[:60]!r} is no day"
            remedy = "Write it as 2026-11-23."
            yield Finding(id=f"no_day:{own}:{name}", check="no_day", level="warning", subject=own, message=message, remedy=remedy)


def _kept(found: Page) -> Properties:
    """How it is kept true: how often it is reviewed, when it last was, and when it will be next."""
    verified, following = _day(found, "verified_at"), _day(found, "next_review")
    often = cadence(found.first("review")) or cadence(found.first("next_review"))
    if not often and verified and following > verified:
        often = f"{(date.fromisoformat(following) - date.fromisoformat(verified)).days}d"
    return filled(review=often, verified_at=verified, next_review=following)


def _day(found: Page, name: str) -> str:
    return next((known for line in found.fields.get(name, ()) if (known := day(line.text))), "")


_PEOPLE = (("owner", "owned_by"), ("deciders", "reviewed_by"), ("reviewers", "reviewed_by"))


def _people(found: Page, file: File, own: str) -> Iterator[Fact]:
    named: set[str] = set()
    for name, relation in _PEOPLE:
        for line in found.fields.get(name, ()):
            where = file.locator(str(line.line))
            for one in people(_marked(line), bare="position"):
                if one.id not in named:
                    named.add(one.id)
                    yield from one.entity(where)
                yield from link(own, relation, one.id, where)
    for name, relation, prefix in (("unit", "owned_by", "unit"), ("function", "serves", "function")):
        for line in found.fields.get(name, ()):
            if relation != "owned_by" or "owner" not in found.fields:
                yield from link(own, relation, f"{prefix}:{slug(line.text)}" if slug(line.text) else "", file.locator(str(line.line)))


def _marked(line: Line) -> str:
    text = line.text
    for one in line.links:
        if one.text:
            text = text.replace(one.text, f"[{one.text}]({one.target})", 1)
    return text


# sections


def _ids(found: Page, own: str) -> dict[int, str]:
    """The id of every section; what stands in the lead is the page's own."""
    ids = {id(section): own for section in found.lead}
    for number, section in enumerate(found.rest, 1):
        ids[id(section)] = f"{own}#{slug(section.anchor) or f'section-{number}'}"
    return ids


def _sections(found: Page, file: File, ids: dict[int, str], kept: Properties, outside: dict[str, list[str]]) -> Iterator[Fact]:
    """Every section after the lead with its place among the others."""
    above: list[tuple[int, str]] = []
    dated = {name: kept[name] for name in ("review", "verified_at") if name in kept}
    for section in found.rest:
        own = ids[id(section)]
        above = [one for one in above if one[0] < section.level]
        where = file.locator(str(section.line))
        properties = filled(description=_shortened(section.text), references=outside[own]) | dated
        yield thing("Section", own, where, name=section.title or found.title, properties=properties)
        yield from link(own, "section_of", above[-1][1] if above else path_id("asset", file.name), where)
        above.append((section.level, own))


# links


def _links(found: Page, file: File, ids: dict[int, str], outside: dict[str, list[str]]) -> Iterator[Fact | Finding]:
    """Links to pages and their sections are references, addresses outside are kept as such; a link that leads nowhere is told."""
    cited: set[tuple[str, str]] = set()
    anchors = {section.anchor: ids[id(section)] for section in found.sections if section.anchor}
    for section in found.sections:
        own = ids[id(section)]
        for one in section.links:
            target, fault = _target(one, file, anchors)
            where = file.locator(str(one.line))
            if fault:
                name = f"broken_link:{own}:{one.target}"
                remedy = "Mend it, or take it out."
                yield Finding(id=name, check="broken_link", level="warning", subject=own, message=f"{where}: {fault}", remedy=remedy)
            elif not target and one.target not in outside[own]:
                outside[own].append(one.target)
            if target and target != own and (own, target) not in cited and not own.startswith(f"{target}#"):
                cited.add((own, target))
                yield from link(own, "cites", target, where)


def _target(one: Link, file: File, anchors: dict[str, str]) -> tuple[str, str]:
    """The id that a link leads to ("" for an address outside), and what is wrong with it."""
    path, anchor, there = found_file(file, one.target)
    if not path:
        return "", "" if there else f"the link {one.target!r} leads out of the workspace"
    own = path_id("asset", path)
    if path == file.name:
        known = anchors.get(anchor) or anchors.get(anchor.casefold())
        return (known or own), "" if known or not anchor or anchor == "top" else f"the page has no heading #{anchor}"
    if not there:
        return own, f"the link {one.target!r} leads to nothing: there is no {path}"
    if not _is_text(path):
        return ("", "") if PurePosixPath(path).suffix else (own, "")
    if not anchor:
        return own, ""
    known = _anchors(file, path)
    return own + known.get(anchor.casefold(), ""), "" if anchor.casefold() in known else f"{path} has no heading #{anchor}"


def _is_text(path: str) -> bool:
    return is_page(File(Source(name="x", path=path), Path(path), path))


def _anchors(file: File, name: str) -> dict[str, str]:
    """The headings of another page beside this one, as what stands after its id."""
    base = file.path.parents[len(PurePosixPath(file.name).parts) - 1]
    path = base / name
    return _headings(path, name, path.stat().st_mtime_ns)


@lru_cache(maxsize=4096)
def _headings(path: Path, name: str, _changed: int) -> dict[str, str]:
    found = page(File(Source(name="x", path=name), path, name))
    inner = {section.anchor: f"#{slug(section.anchor)}" for section in found.rest if slug(section.anchor)}
    return {**{section.anchor: "" for section in found.lead if section.anchor}, **inner}


# who does what (RACI)

_DUTIES = {
    "responsible": "R", "r": "R", "accountable": "A", "a": "A", "approver": "A", "consulted": "C", "c": "C", "informed": "I", "i": "I",
    "responsible (r)": "R", "accountable (a)": "A", "consulted (c)": "C", "informed (i)": "I",
}  # fmt: skip
_LETTERS = re.compile(r"[RACISVP]?(?:\s*[/,&+ ]\s*[RACISVP])*\*?|[RA]{2}|-|\u2014|\u2013")
_DONE = {"R": "performed_by", "A": "owned_by", "C": "involves", "I": "involves"}
_ROLES = {"C": "consulted", "I": "informed"}


def _duties(table: Table, file: File, own: str, named: set[str]) -> Iterator[Fact | Finding]:
    """The activities of a RACI table: with a column for each duty, or a column for each role and letters in the cells.

    Among letters, a row without any is a heading over those below it, such as a phase, and no activity.
    """
    heads = [_DUTIES.get(cell.text.casefold().strip(" *"), "") for cell in table.header.cells]
    by_duty = len({*heads} - {""}) >= 2 and bool({"R", "A"} & {*heads})
    if not by_duty and not _has_letters(table):
        return
    label = next((number for number, head in enumerate(heads) if not head), 0) if by_duty else 0
    for row in table.rows:
        if len(row.cells) <= label or not slug(row.cells[label].text):
            continue
        where = file.locator(str(row.line))
        if not by_duty and not any(cell.text.strip() for cell in row.cells[1:]):
            yield _no_duties(row, where)
            continue
        activity = f"activity:{own.partition(':')[2]}.{slug(row.cells[label].text)}"
        yield thing("Activity", activity, where, name=row.cells[label].text)
        yield from link(own, "applies_to", activity, where)
        yield from _who(_by_duty(row, heads) if by_duty else _by_letter(row, table), activity, where, named)


def _no_duties(row: Row, where: str) -> Finding:
    message = f"{where}: {row.cells[0].text[:60]!r} names nobody in a table of duties, and is read as a heading, not as an activity"
    return Finding(id=f"no_duties:{where}", check="no_duties", level="note", subject=where, message=message)


def _has_letters(table: Table) -> bool:
    cells = [cell.text.strip().upper() for row in table.rows for cell in row.cells[1:]]
    said = [text for text in cells if text]
    letters = {letter for text in said for letter in text if letter in "RACI"}
    return (
        len(table.header.cells) >= 3
        and len(said) >= 2
        and all(_LETTERS.fullmatch(text) for text in said)
        and "A" in letters
        and "R" in letters
    )


def _by_duty(row: Row, heads: list[str]) -> Iterator[tuple[str, Somebody]]:
    for head, cell in zip(heads, row.cells, strict=False):
        if head:
            yield from ((head, one) for one in people(_marked(cell), bare="position"))


def _by_letter(row: Row, table: Table) -> Iterator[tuple[str, Somebody]]:
    for head, cell in zip(table.header.cells[1:], row.cells[1:], strict=False):
        for letter in re.findall(r"[RACI]", cell.text.upper()):
            yield from ((letter, one) for one in people(_marked(head), bare="position"))


def _who(found: Iterator[tuple[str, Somebody]], activity: str, where: str, named: set[str]) -> Iterator[Fact]:
    """The relations of an activity, each once, with the roles of those who are involved."""
    made: dict[tuple[str, str], list[str]] = {}
    for letter, one in found:
        yield from one.entity(where) if one.id not in named else ()
        named.add(one.id)
        roles = made.setdefault((_DONE[letter], one.id), [])
        roles += [_ROLES[letter]] if letter in _ROLES else []
    for (relation, whom), roles in made.items():
        yield from _related(activity, relation, whom, where, roles)


def _related(activity: str, relation: str, whom: str, where: str, roles: list[str]) -> Iterator[Relation]:
    yield from link(activity, relation, whom, where, properties=filled(role=roles))
