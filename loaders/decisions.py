"""Decisions that were made or asked for: a log in a table, records on pages (ADR, MADR, Y-statements), proposals by their headers (PEP, RFC, KEP)."""

from __future__ import annotations

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# what YAML holds has no types until it is read as text
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby, takewhile
from pathlib import Path, PurePosixPath
from typing import Any

from graph import Fact, Finding, InputError, Properties, slug
from loaders.fields import Somebody, day, is_nothing, meant, order_of, people
from loaders.headings import bare, guess, taking
from loaders.pages import (
    Line,
    Link,
    Page,
    Table,
    found_file,
    headers,
    is_numbered,
    is_page,
    page,
    path_id,
    series,
    subject,
    subject_of,
)
from loaders.source import Day, File, Kept, Many, Text, filled, link, reference, thing


class DecisionRow(Kept):
    """A decision; `process` is what it is a precedent for, `policy` what it rests on."""

    id: Text
    title: Text = ""
    date: Day | None = None
    status: Text = ""
    outcome: Text = ""
    process: Many = ()
    decided_by: Many = ()
    proposed_by: Many = ()
    reviewed_by: Many = ()
    concerns: Many = ()
    policy: Many = ()
    supersedes: Many = ()
    rationale: Text = ""
    function: Text = ""
    number: Text = ""
    tags: Many = ()
    sensitivity: Text = ""


ROW = DecisionRow


_RELATIONS = (
    ("process", "sets_precedent_for", "process"),
    ("decided_by", "decided_by", "position"),
    ("proposed_by", "proposed_by", "position"),
    ("reviewed_by", "reviewed_by", "position"),
    ("concerns", "concerns", "unit"),
    ("policy", "cites", "asset"),
    ("supersedes", "supersedes", "decision"),
)
_HEADED = (".rst", ".txt", ".text", ".mediawiki", ".wiki")


def matches(file: File) -> bool:
    """Whether it is a table of decisions with an outcome, a page that is a decision record, or a proposal with its headers."""
    if is_page(file):
        return subject_of(file) == "decision"
    if file.suffix in _HEADED:
        return _headers(file) is not None
    return {"id", "outcome"} <= file.header() or _is_proposal(file) or _is_log(file)


_HEADINGS: Mapping[str, tuple[str, ...]] = {  # as people head their decision logs, the surest first
    "id": ("decision id", "decision no", "decision number", "decision ref", "id", "ref", "reference", "no", "number", "key"),
    "title": ("title", "decision title", "decision", "decision made", "decision taken", "description", "subject", "summary", "topic"),
    "outcome": ("outcome", "decision outcome", "result", "resolution", "verdict"),
    "date": ("date", "decision date", "date of decision", "decided on", "date decided", "date agreed", "date made", "approval date"),
    "status": ("status", "decision status", "state"),
    "decided_by": (
        *("decided by", "decision maker", "decision makers", "decider", "deciders", "decision owner", "approved by", "approver"),
        *("made by", "agreed by", "authority", "decision by"),
    ),
    "proposed_by": ("proposed by", "raised by", "requested by", "author", "proposer"),
    "reviewed_by": ("reviewed by", "reviewer", "reviewers"),
    "rationale": ("rationale", "context", "background", "reason", "reasons", "justification", "reasoning", "why", "basis"),
    "supersedes": ("supersedes", "replaces", "superseded decision"),
    "process": ("process", "precedent for"),
    "policy": ("policy", "based on"),
    "concerns": ("concerns", "unit", "department", "area affected", "affected area"),
    "tags": ("tags", "category", "area", "type"),
}


def columns(file: File) -> dict[str, str]:
    """What the columns of a log mean, by their headings: theirs -> ours, for those that are called otherwise with us."""
    ours = frozenset(DecisionRow.model_fields)
    theirs = [str(heading) for heading in file.first if str(heading) not in ours and str(heading) not in file.source.columns]
    taken = {str(heading) for heading in file.first} | set(file.source.columns.values())
    left = {name: words for name, words in _HEADINGS.items() if name not in taken}
    return dict(guess(theirs, left).columns)


def _is_log(file: File) -> bool:
    """Whether a table's headings are those of a decision log: what was decided, by whom or with what outcome, and one of them says decision."""
    if file.suffix not in (".csv", ".tsv", ".xlsx"):
        return False
    found = columns(file)
    meant = {*found.values(), *file.first}
    decided = any(re.search(r"\bdeci(?:sion|ded)", bare(str(heading))) for heading in file.first)
    said = meant & {"outcome", "decided_by", "rationale"}
    return decided and {"id", "title", "date"} <= meant and (len(said) >= 2 or (bool(said) and "status" in meant))


def read(file: File) -> Iterator[Fact | Finding]:
    """The decisions of a table, or the one that a page or a proposal is."""
    if is_page(file):
        yield from _record(file)
    elif file.suffix in _HEADED:
        yield from _headed(file)
    elif _is_proposal(file):
        yield from _proposal(file)
    elif file.suffix in _TABLES and (file.suffix not in _TREES or "id" in file.header()):
        yield from _log(file)
    else:
        yield _left_out(file, "it is neither a table, nor a page, nor a proposal")


_TREES = (".json", ".yaml", ".yml", ".toml", ".xml")
_TABLES = (".csv", ".tsv", ".xlsx", ".json", ".jsonl", ".yaml", ".yml", ".toml", ".xml")


def _left_out(file: File, why: str) -> Finding:
    message = f"{file.name}: no decision is read from it: {why}"
    return Finding(id=f"unread:{file.name}", check="unread", level="note", subject=file.name, message=message)


def _dated(record: Mapping[str, Any], dates: Iterable[str], order: str) -> Mapping[str, Any]:
    """The record with its days as ISO 8601 has them, of `2 Jan 2024` and, where the column tells the order of its numbers, `15/02/2024`."""
    days = {heading: known for heading in dates if (known := day(str(record.get(heading) or ""), order=order))}
    return {**record, **days} if days else record


def _log(file: File) -> Iterator[Fact | Finding]:
    named = columns(file)
    yield from taking(file.name, named)
    rows = list(file.records())
    dates = [heading for heading in (rows[0][0] if rows else ()) if {**named, **file.source.columns}.get(heading, heading) == "date"]
    order = order_of(str(record.get(heading) or "") for record, _ in rows for heading in dates)
    records = ((_dated(record, dates, order), where) for record, where in rows)
    for found in file.rows(DecisionRow, columns={**named, **file.source.columns}, records=records):
        if isinstance(found, Finding):
            yield found
            continue
        row, where = found
        own = reference("decision", row.id)
        decided = row.date.isoformat() if row.date else ""
        properties = filled(
            status=row.status,
            outcome=row.outcome or _state(row.status)[1],
            decided_on=decided,
            rationale=row.rationale,
            number=row.number,
            tags=row.tags,
        )
        properties |= row.kept()
        yield thing(
            "Decision",
            own,
            where,
            name=row.title,
            properties=properties,
            sensitivity=row.sensitivity,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
        )
        for column, relation, prefix in _RELATIONS:
            for other in getattr(row, column):
                yield from link(own, relation, reference(prefix, other), where)
        yield from link(own, "serves", reference("function", row.function), where)


# what all written forms share: the words of a status, and facts as they are gathered

_STATES = (  # the first that is named holds; `superseded` beside another word is stronger than it
    (("superseded", "superceded", "replaced", "obsoleted", "obsolete"), "superseded"),
    (("deprecated", "retired", "removed"), "deprecated"),
    (("rejected", "declined", "refused", "denied"), "rejected"),
    (("withdrawn", "abandoned", "cancelled", "canceled"), "withdrawn"),
    (("deferred", "postponed", "on hold"), "deferred"),
    (("proposed", "proposal", "draft", "review", "in review", "open", "pending", "provisional", "under discussion", "wip", "rfc", "exploring"), ""),
    (("accepted", "approved", "adopted", "agreed", "decided", "implementable", "implemented", "imlpemented", "final", "active", "done", "ratified", "completed", "recommended", "released", "ready for release", "living"), "accepted"),
)  # fmt: skip


@lru_cache(maxsize=1024)
def _state(text: str) -> tuple[str, str]:
    """The word of a status, as written, and the outcome that it stands for; ("", "") where no word of it is known."""
    lowered = text.casefold()
    found = [
        (match.start(), match[0], outcome)
        for words, outcome in _STATES
        for word in words
        if (match := re.search(rf"\b{re.escape(word)}\b", lowered))
    ]
    if not found:
        return "", ""
    strong = [one for one in found if one[2] == "superseded"] or found
    _, word, outcome = min(strong)
    return word, outcome


@dataclass
class _Gathered:
    """A decision as it is put together: its properties, and its relations, each once."""

    id: str
    where: str
    name: str = ""
    properties: Properties = field(default_factory=dict[str, str])  # pyright: ignore[reportAssignmentType]  # a dict of texts is one of values
    relations: dict[tuple[str, str, str], tuple[str, Properties]] = field(
        default_factory=dict[tuple[str, str, str], tuple[str, Properties]]
    )
    things: dict[str, tuple[Somebody, str]] = field(default_factory=dict[str, tuple[Somebody, str]])
    findings: list[Finding] = field(default_factory=list[Finding])

    def relate(self, kind: str, target: str, where: str = "", *, backwards: bool = False, properties: Properties | None = None) -> None:
        """Say this relation once; of roles, all of them."""
        source, end = (target, self.id) if backwards else (self.id, target)
        if not target or source == end:
            return
        place, held = self.relations.get((source, kind, end), (where or self.where, {}))
        more: Properties = dict(properties or {})
        if "role" in held and "role" in more:
            more["role"] = [*sorted({*_texts(held["role"]), *_texts(more["role"])})]
        self.relations[source, kind, end] = place, held | more

    def somebody(self, kind: str, whom: Iterable[Somebody], where: str = "", *, role: str = "", on: str = "") -> None:
        """Relate people, and keep what is said of them; consulted and informed are roles."""
        for one in whom:
            self.things.setdefault(one.id, (one, where or self.where))
            self.relate(kind, one.id, where, properties=filled(role=[role] if role else [], date=on))

    def facts(self) -> Iterator[Fact | Finding]:
        """The decision, whom it names, its relations, and what was wrong with it."""
        yield thing("Decision", self.id, self.where, name=self.name, properties=self.properties)
        for one, where in self.things.values():
            yield from one.entity(where)
        for (source, kind, target), (where, properties) in self.relations.items():
            yield from link(source, kind, target, where, properties=properties)
        yield from self.findings

    def complain(self, check: str, where: str, said: str, remedy: str = "") -> None:
        """A warning about this decision."""
        name = f"{check}:{self.id}:{slug(said)[:60]}"
        self.findings.append(Finding(id=name, check=check, level="warning", subject=self.id, message=f"{where}: {said}", remedy=remedy))


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


_PEOPLE = (  # field -> relation, and the role where it is one
    ("deciders", "decided_by", ""),
    ("author", "proposed_by", ""),
    ("owner", "owned_by", ""),
    ("reviewers", "reviewed_by", ""),
    ("consulted", "involves", "consulted"),
    ("informed", "involves", "informed"),
)


# records on pages

_WHAT = ("decision", "decision outcome", "what", "proposal", "summary", "solution", "resolution")
_WHY = (
    "rationale",
    "justification",
    "why",
    "decision drivers",
    "reasoning",
    "context and problem statement",
    "context",
    "motivation",
    "problem statement",
)
_NUMBERED = re.compile(r"^(?:adr|decision|rfc|dr)?[\s_#-]*0*(\d{1,5})\s*[.:\s_\u2013\u2014-]", re.IGNORECASE)
_IN_NAME = re.compile(r"(?:^|[-_])0*(\d{1,5})(?=[-_.]|$)")
_BY = re.compile(r"\b(?:superseded|superceded|replaced|obsoleted)\s+by\b(.*)", re.IGNORECASE | re.DOTALL)
_INSTEAD = re.compile(r"\b(?:supersedes|supercedes|replaces|obsoletes)\b(.*)", re.IGNORECASE | re.DOTALL)
_BESIDE = re.compile(r"\b(?:amend(?:s|ed by)|clarif(?:ies|ied by)|extend(?:s|ed by)|relate[sd] to|linked to|refine[sd]?(?: by)?|see also|influenced by)\b(.*)", re.IGNORECASE | re.DOTALL)  # fmt: skip
_MENTION = re.compile(r"(?:\badr[\s_-]*|\bdecision\s+|#|^\s*|\brfc[\s_-]*)0*(\d{1,5})\b", re.IGNORECASE)
_Y = re.compile(
    r"(in the context of\b.{3,400}?\bfacing\b.{3,400}?\bwe (?:have )?decided\b.{3,600}?)(?:\bto achieve\b(.{3,400}?))?(?:,?\s*accepting\b.{3,400})?(?:\.\s|\.?$)",
    re.IGNORECASE | re.DOTALL,
)


def _record(file: File) -> Iterator[Fact | Finding]:
    """The decision of a page; a page that is no record (a template, an index) is said and left out."""
    found = page(file)
    for line, why in found.faults:
        where = file.locator(line)
        message = why if why.startswith(file.name) else f"{where}: {why}"
        yield Finding(id=f"page:{where}", check="page", level="error", subject=file.name, message=message)
    if subject(found) != "decision":
        yield _left_out(file, "it has neither a status nor the sections of a decision record")
    elif "template" in PurePosixPath(file.name).stem.casefold():
        yield _left_out(file, "it is a template")
    elif is_numbered(found):
        said = _said(found, ("abstract", "summary", "simple summary"))
        yield from _numbered_proposal(file, _front_headers(found), said)
    else:
        yield from _decided(file, found).facts()


def _decided(file: File, found: Page) -> _Gathered:
    top = next((one for one in found.sections if one.level), found.sections[0])
    made = _Gathered(path_id("decision", file.name), file.locator(str(top.line)), found.title)
    number = _number(found, file.name)
    texts = {"scope": found.first("scope"), "version": found.first("version"), "language": found.first("language")}
    made.properties = filled(
        number=number,
        description=found.first("description") or _said(found, _WHAT),
        rationale=_said(found, _WHY),
        tags=[one.text for one in found.fields.get("tags", ())],
        references=[_shown(one) for one in found.fields.get("references", ())],
        **texts,
    )
    _dates(made, found, file)
    _status(made, found, file)
    _stated(made, found)
    for name, relation, role in _PEOPLE:
        for line in found.fields.get(name, ()):
            made.somebody(relation, people(_marked(line)), file.locator(str(line.line)), role=role)
    _tables(made, found, file)
    _links(made, found, file)
    return made


def _number(found: Page, name: str) -> str:
    given = found.first("number")
    heading = _NUMBERED.match(found.title)
    named = _IN_NAME.search(PurePosixPath(name).stem)
    return given if given.isdigit() else heading[1] if heading else named[1] if named else ""


@lru_cache(1 << 10)  # the records of a folder have the same sections
def _titled(title: str) -> str:
    return re.sub(r"^[\d.\s]+", "", title).strip(" :*").casefold()


def _said(found: Page, titles: tuple[str, ...]) -> str:
    """The text of the first section with one of these titles; of what stands in parts under it, the first part."""
    for title in titles:
        for section, after in zip(found.sections, [*found.sections[1:], None], strict=True):
            if _titled(section.title) == title:
                return section.text.strip() or (after.text.strip() if after and after.level > section.level else "")
    return ""


def _marked(line: Line) -> str:
    """A line of people with the addresses behind their names."""
    text = line.text
    for one in line.links:
        if one.text:
            text = text.replace(one.text, f"[{one.text}]({one.target})", 1)
    return text


def _shown(line: Line) -> str:
    return " ".join(one.target for one in line.links) or line.text


def _dates(made: _Gathered, found: Page, file: File) -> None:
    written = found.fields.get("date", ())
    decided = next((known for line in written if (known := day(line.text))), "")
    if written and not decided:
        where = file.locator(str(written[0].line))
        made.complain("no_day", where, f"the date {written[0].text!r} is no day", "Write it as 2026-11-23.")
    made.properties |= filled(decided_on=decided, proposed_on=day(found.first("created")), modified=day(found.first("modified")), title="")


def _status(made: _Gathered, found: Page, file: File) -> None:
    """The status, from its field or its section, and what stands with it: a day, what the decision replaces or is replaced by."""
    lines = [
        *(found.fields.get("status") or found.staged),
        *(line for one in found.sections if _titled(one.title) == "status" for line in one.lines),
    ]
    said = " ".join(line.text for line in lines)
    word, outcome = _state(said)
    if lines and not word:
        where = file.locator(str(lines[0].line))
        made.complain("status", where, f"the status {lines[0].text[:60]!r} is none that is known", "Write proposed, accepted or rejected.")
    dated = day(said) if "decided_on" not in made.properties else ""
    made.properties |= filled(status=word or (lines[0].text[:80] if lines else ""), outcome=outcome, decided_on=dated)
    for line in lines:
        _succession(made, line, file)
    for name, backwards in (("superseded_by", True), ("supersedes", False)):
        for line in found.fields.get(name, ()):
            _replaced(made, line, line.text, file, backwards=backwards)
    for line in found.fields.get("related", ()):
        for target in _others(made, line, line.text, file):
            made.relate("cites", target, file.locator(str(line.line)))


def _succession(made: _Gathered, line: Line, file: File) -> None:
    if found := _BY.search(line.text):
        _replaced(made, line, found[1], file, backwards=True)
    elif found := _INSTEAD.search(line.text):
        _replaced(made, line, found[1], file, backwards=False)
    elif found := _BESIDE.search(line.text):
        for target in _others(made, line, found[1], file):
            made.relate("cites", target, file.locator(str(line.line)))


def _replaced(made: _Gathered, line: Line, text: str, file: File, *, backwards: bool) -> None:
    targets = _others(made, line, text, file)
    for target in targets:
        made.relate("supersedes", target, file.locator(str(line.line)), backwards=backwards)
    if not targets and not is_nothing(text):
        where = file.locator(str(line.line))
        word = "replaced by" if backwards else "replacing"
        made.complain("unresolved", where, f"it is said to be {word} {text.strip()[:80]!r}, which is no record here", "Link the record.")
        held = made.properties.get("references", [])
        made.properties["references"] = [*(held if isinstance(held, list) else []), _shown(line)]


def _others(made: _Gathered, line: Line, text: str, file: File) -> list[str]:
    """The records that a line names: by links to files, else by numbers of files beside this one."""
    found = [known for one in line.links if (known := _target(one, file))]
    if not found:
        for number in _MENTION.findall(text):
            found += _numbered(file, number)
    return [one for one in dict.fromkeys(found) if one != made.id]


def _target(one: Link, file: File) -> str:
    path, _, there = found_file(file, one.target)
    if path and PurePosixPath(path).suffix and (there or PurePosixPath(path).suffix == PurePosixPath(file.name).suffix):
        return path_id("decision", path)
    last = re.search(r"([^/#?]+\.(?:md|html?))(?:[#?].*)?$", one.target)
    if last and "://" in one.target:  # the same file by its address on a web site
        beside, _, known = found_file(file, last[1])
        return path_id("decision", beside) if known and beside else ""
    return ""


def _numbered(file: File, number: str) -> list[str]:
    """The records beside this one with this number."""
    try:
        names = sorted(one.name for one in file.path.parent.iterdir() if one.suffix == file.path.suffix)
    except OSError:
        return []
    fitting = [name for name in names if (had := _IN_NAME.search(PurePosixPath(name).stem)) and int(had[1]) == int(number)]
    return [path_id("decision", (PurePosixPath(file.name).parent / name).as_posix()) for name in fitting]


def _stated(made: _Gathered, found: Page) -> None:
    """A Y-statement: in the context of …, facing …, we decided for …, to achieve …"""
    if "description" in made.properties and "rationale" in made.properties:
        return
    if stated := _Y.search(" ".join(one.text for one in found.sections)):
        made.properties |= filled(description=" ".join(stated[1].split()).strip(" ,"))
        if stated[2] and "rationale" not in made.properties:
            made.properties |= filled(rationale="to achieve " + " ".join(stated[2].split()).strip(" ,"))


def _tables(made: _Gathered, found: Page, file: File) -> None:
    """Tables of who reviewed or approved, one row a person, and of the groups that it touches."""
    for section in found.sections:
        for table in section.tables:
            heads = [meant(cell.text) for cell in table.header.cells]
            first = heads[0] if heads else ""
            relation = {"reviewers": "reviewed_by", "deciders": "decided_by"}.get(first, "")
            if relation:
                _signed(made, table, heads, relation, file)
            elif table.header.cells and re.match(r"(?:group|stakeholder|team|department)s?\b", table.header.cells[0].text, re.IGNORECASE):
                _touched(made, table, file)


def _signed(made: _Gathered, table: Table, heads: list[str], relation: str, file: File) -> None:
    when = heads.index("date") if "date" in heads else -1
    for row in table.rows:
        if row.cells and row.cells[0].text.casefold() not in ("", "name"):
            on = day(row.cells[when].text) if 0 <= when < len(row.cells) else ""
            made.somebody(relation, people(_marked(row.cells[0])), file.locator(str(row.line)), on=on)


def _touched(made: _Gathered, table: Table, file: File) -> None:
    for row in table.rows:
        name = row.cells[0].text if row.cells else ""
        if name and not is_nothing(name) and name.casefold() not in ("group or team name", "name") and slug(name):
            unit = Somebody(f"unit:{slug(name)}", "Unit", name)
            made.things.setdefault(unit.id, (unit, file.locator(str(row.line))))
            made.relate("concerns", unit.id, file.locator(str(row.line)))


def _links(made: _Gathered, found: Page, file: File) -> None:
    """Links to other pages: records beside this one are cited as decisions, other pages as assets; one that leads nowhere is told."""
    for one in (one for section in found.sections for one in section.links):
        path, _, there = found_file(file, one.target)
        where = file.locator(str(one.line))
        if not there:
            made.complain("broken_link", where, f"the link {one.target!r} leads to nothing", "Mend it, or take it out.")
        if path and path != file.name and PurePosixPath(path).suffix.casefold() in (".md", ".markdown", ".html", ".htm"):
            record = _is_record(path, file)
            target = path_id("decision" if record else "asset", path)
            if not any(kind == "supersedes" and target in (source, end) for source, kind, end in made.relations):
                made.relate("cites", target, where)


def _is_record(path: str, file: File) -> bool:
    """Whether another page is a record as this one is, by its place and its name: records are numbered, or none of them is."""
    beside = PurePosixPath(path).parent == PurePosixPath(file.name).parent or re.search(r"(?:^|[/_-])adrs?\b", path, re.IGNORECASE)
    numbered, own = (_IN_NAME.search(PurePosixPath(one).stem) for one in (path, file.name))
    return bool(beside) and (bool(numbered) or not own) and PurePosixPath(path).stem.casefold() not in ("readme", "index", "_index")


# proposals with headers as in mail (PEP, and others after its fashion)

_MARKS = re.compile(r"</?pre>|`{3,}|~{3,}|::|[\W_]+")


def _headers(file: File) -> Mapping[str, tuple[str, int]] | None:
    """The headers of a proposal with their lines, continuation lines joined; None for a file that does not begin with such.

    They are the first lines, as in a PEP, or stand in a block of their own near the top, as in a BIP, a ZIP or a DEP.
    """
    try:
        text = file.text().removeprefix("\ufeff")
    except InputError:
        return None
    lines = text[:20_000].splitlines()
    empty = next((number for number, line in enumerate(lines) if line.strip()), 0)
    if found := _ietf(lines, empty):
        return found
    inked = ((number, "" if _MARKS.fullmatch(line.strip()) else line) for number, line in enumerate(lines[:_TOP], 1))
    for blank, block in groupby(inked, key=lambda one: not one[1].strip()):
        found = {} if blank else headers(block)
        if "status" in found and _series(found):
            return found if "title" in found else {**found, "title": _heading(lines, _series(found))}
    return None


_TOP = 80  # lines in which the headers of a proposal begin


def _heading(lines: Sequence[str], name: str) -> tuple[str, int]:
    """The first line with words, without the number of the proposal."""
    line, number = next(((line, number) for number, line in enumerate(lines, 1) if re.match(r"\w", line)), ("", 1))
    return re.sub(rf"^{name}[\s-]*\d+\s*[:.-]?\s*", "", line.strip(), flags=re.IGNORECASE), number


_COLUMNS = re.compile(r"(\S.*?)(?:\s{3,}(\S.*))?$|\s+(\S.*)$")
_LEFT = re.compile(r"(Request for Comments|BCP|STD|FYI|Obsoletes|Updates|Category|ISSN):\s*(.*)", re.IGNORECASE)
_INITIALS = re.compile(r"(?:[A-Z]\.[ -]?)+\s*[A-Z][\w' -]+(?:, Ed(?:itor|\.)?)?$")
_MONTH = re.compile(r"(?:\d{1,2} )?(?:January|February|March|April|May|June|July|August|September|October|November|December) \d{4}$")
_SUBSERIES = ("bcp", "std", "fyi")
_IETF = {"request for comments": "rfc", "category": "type"}


def _ietf(lines: Sequence[str], empty: int) -> dict[str, tuple[str, int]]:
    """The headers of an RFC in text (RFC 7322, section 4.1): terms at the left, authors and date at the right, and the title below."""
    if not any(line.startswith("Request for Comments:") for line in lines[empty : empty + 12]):
        return {}
    found, name, end = {"status": ("final", empty + 1)}, "", len(lines)
    for number, line in enumerate(lines[empty:], empty + 1):
        if not line.strip():
            end = number
            break
        left, middle, right = _COLUMNS.match(line).groups("")  # pyright: ignore[reportOptionalMemberAccess]  # it fits any line with ink
        if header := _LEFT.match(left):
            name = header[1].casefold()
            said = f"{header[1]} {header[2]}" if name in _SUBSERIES else header[2]
            found["also" if name in _SUBSERIES else _IETF.get(name, name)] = said.strip().rstrip(","), number
        elif left and name in ("obsoletes", "updates") and left[0].isdigit():
            held, first = found[name]
            found[name] = f"{held}, {left}", first
        at_right = middle or right
        if _INITIALS.match(at_right):
            held, first = found.get("author", ("", number))
            found["author"] = ", ".join(filter(None, [held, at_right.partition(",")[0]])), first
        elif _MONTH.match(at_right):
            found["created"] = at_right, number
    first = next((number for number, line in enumerate(lines[end:], end) if line.strip()), end)
    title = list(takewhile(str.strip, lines[first:]))
    found["title"] = " ".join(" ".join(title).split()), first + 1
    return found if _series(found) and found["title"][0] else {}


def _series(found: Mapping[str, tuple[str, int]]) -> str:
    return series({name: value for name, (value, _) in found.items()})


_HEADER_PEOPLE = {
    "author": "proposed_by",
    "authors": "proposed_by",
    "owner": "proposed_by",
    "owners": "proposed_by",
    "co-authors": "proposed_by",
    "editor": "reviewed_by",
    "editors": "reviewed_by",
    "sponsor": "reviewed_by",
    "shepherd": "reviewed_by",
    "pep-delegate": "decided_by",
    "bdfl-delegate": "decided_by",
    "delegate": "decided_by",
    "decider": "decided_by",
}
_HEADER_OTHERS = {
    "replaces": ("supersedes", False),
    "superseded-by": ("supersedes", True),
    "obsoletes": ("supersedes", False),
    "requires": ("depends_on", False),
    "updates": ("cites", False),
}
_HEADER_TEXTS = {
    "type": "type",
    "topic": "tags",
    "category": "category",
    "layer": "layer",
    "license": "license",
    "resolution": "url",
    "discussions-to": "discussion",
    "post-history": "post_history",
    "python-version": "applies_from",
    "version": "version",
    "content-type": "",
    "last-modified": "",
    "issn": "",
    "also": "alternative_labels",
}


def _headed(file: File) -> Iterator[Fact | Finding]:
    found = _headers(file)
    if found is None:
        yield _left_out(file, "it does not begin with the headers of a proposal, among them Title and Status")
        return
    yield from _numbered_proposal(file, found, "")


def _front_headers(found: Page) -> dict[str, tuple[str, int]]:
    """The front matter of a proposal as headers."""
    said: dict[str, tuple[str, int]] = {}
    for key, value in found.front.items():
        texts = [str(one) for one in (value if isinstance(value, list) else [value]) if one not in (None, "") and not isinstance(one, dict)]
        if texts:
            said[key.replace("_", "-")] = "\n".join(texts), int(found.front_lines.get(key) or 1)
    return {"title": (found.title, 1), **said}


def _numbered_proposal(file: File, found: Mapping[str, tuple[str, int]], abstract: str) -> Iterator[Fact | Finding]:
    """A proposal of a series by its headers; `abstract` where its text is known."""
    name = _series(found)
    number = str(int(found[name][0]))
    made = _Gathered(f"decision:{name}-{number}", file.locator(str(found[name][1])), "")
    made.name = f"{name.upper()} {number}: {' '.join(found['title'][0].split())}"
    word, outcome = _state(found["status"][0])
    made.properties = filled(
        number=number, status=word or found["status"][0].casefold(), outcome=outcome, proposed_on=day(found.get("created", ("", 0))[0])
    )
    resolved = day(found.get("resolution", ("", 0))[0])
    made.properties |= filled(decided_on=resolved, description=abstract)
    _abstract(made, file)
    unknown: list[str] = []
    for one, (value, line) in found.items():
        if not _header(made, one, value, file.locator(str(line)), name):
            unknown.append(one)
    yield from made.facts()
    for one in unknown:
        message = f"{file.locator(str(found[one][1]))}: nothing reads the header {one}"
        yield Finding(id=f"unread:{file.name}:{one}", check="unread", level="note", subject=one, message=message)


_ABSTRACT = re.compile(r"^(?:Abstract|Summary)\n[=\-~]{4,}\n+(.+?)(?:\n\s*\n|\Z)", re.DOTALL | re.MULTILINE)
_ROLE = re.compile(r":[\w:+-]+:`([^`<]*?)(?:\s*<[^`>]*>)?`|`{1,2}([^`<]+?)(?:\s*<[^`>]*>)?`{1,2}_{0,2}")


def _abstract(made: _Gathered, file: File) -> None:
    """The first paragraph of the abstract, and the proposals that the text refers to."""
    text = file.text()
    if found := _ABSTRACT.search(text):
        made.properties |= filled(description=" ".join(_ROLE.sub(lambda match: match[1] or match[2], found[1]).split()))
    name, _, number = made.id.partition(":")[2].partition("-")
    line = last = 0
    for one in re.finditer(rf":{name}:`(?:[^`<]*<)?0*(\d+)[#>`]|\b{name}-0*(\d+)\.(?:md|mediawiki|rst)\b", text):
        line, last = line + text.count("\n", last, one.start()), one.start()
        other = one[1] or one[2]
        if other != number:
            made.relate("cites", f"decision:{name}-{other}", file.locator(str(line + 1)))


def _header(made: _Gathered, name: str, value: str, where: str, numbered: str) -> bool:
    """Take up one header; False for one that nothing reads."""
    if name in _HEADER_PEOPLE:
        made.somebody(_HEADER_PEOPLE[name], people(value), where)
    elif name in _HEADER_OTHERS:
        relation, backwards = _HEADER_OTHERS[name]
        for number in re.findall(r"\d+", value):
            more = filled(sort="knowledge" if relation == "depends_on" else "")
            made.relate(relation, f"decision:{numbered}-{int(number)}", where, backwards=backwards, properties=more)
    elif as_ := _HEADER_TEXTS.get(name):
        texts = (
            re.findall(r"https?://[^\s<>`]+", value) if as_ == "url" else [one.strip() for one in re.split(r"[,\n]", value) if one.strip()]
        )
        made.properties |= filled(
            **{as_: texts if as_ in ("tags", "url", "post_history", "alternative_labels") else " ".join(value.split())}
        )
    return name in _HEADER_TEXTS or name in _HEADER_PEOPLE or name in _HEADER_OTHERS or name in ("title", "status", "created", numbered)


# proposals in YAML: a KEP's kep.yaml and others after its fashion

_PROPOSAL_PEOPLE = (
    ("authors", "proposed_by"),
    ("author", "proposed_by"),
    ("reviewers", "reviewed_by"),
    ("approvers", "approved_by"),
    ("prr-approvers", "approved_by"),
)
_PROPOSAL_READ = frozenset(
    (
        "title",
        "kep-number",
        "number",
        "status",
        "creation-date",
        "last-updated",
        "owning-sig",
        "participating-sigs",
        "see-also",
        "replaces",
        "superseded-by",
        "stage",
        "latest-milestone",
        "feature-gates",
        "milestone",
        *(name for name, _ in _PROPOSAL_PEOPLE),
    )
)


def _is_proposal(file: File) -> bool:
    if file.suffix not in (".yaml", ".yml"):
        return False
    return {"title", "status"} <= file.header() and bool(file.header() & {"kepnumber", "owningsig", "approvers", "authors"})


def _proposal(file: File) -> Iterator[Fact | Finding]:
    for record, where in file.records():
        known = {str(key): value for key, value in record.items()}
        folder = PurePosixPath(file.name).parent.name
        made = _Gathered(_proposal_id(file, folder, known), where, "")
        number = _IN_FOLDER.match(folder)
        said = number[1] if number else str(known.get("kep-number") or known.get("number") or "")
        made.name = f"KEP-{said}: {known.get('title', '')}" if said.strip("0") else str(known.get("title", ""))
        status = str(known.get("status") or "")
        word, outcome = _state(status)
        made.properties = filled(
            number=said,
            status=word or status.casefold(),
            outcome=outcome,
            stage=_plain(known.get("stage")),
            latest_milestone=_plain(known.get("latest-milestone")),
            proposed_on=_day(made, known, "creation-date"),
            tags=[str(one.get("name", "")) if isinstance(one, dict) else str(one) for one in _listed(known.get("feature-gates"))],
        )
        made.properties |= filled(decided_on=_day(made, known, "last-updated") or made.properties.get("proposed_on"))
        _proposal_relations(made, known)
        _keep(made, known, file.name)
        yield from made.facts()


def _keep(made: _Gathered, known: Mapping[str, object], name_of_file: str) -> None:
    """Keys of the proposal's own fashion: texts and lists of texts are kept under their names, anything deeper is told."""
    for name in sorted(set(known) - _PROPOSAL_READ):
        values = [one for one in _listed(known[name]) if isinstance(one, dict) or not is_nothing(str(one))]
        if any(isinstance(one, dict | list) for one in values):
            message = f"{made.where}: nothing reads what is under {name}"
            made.findings.append(Finding(id=f"unread:{name_of_file}:{name}", check="unread", level="note", subject=name, message=message))
        elif values:
            texts = [one if isinstance(one, bool | int) else str(one) for one in values]
            made.properties[slug(name).replace("-", "_")] = [*texts] if isinstance(known[name], list) else texts[0]


_IN_FOLDER = re.compile(r"0*([1-9]\d*)-")


def _proposal_id(file: File, folder: str, known: Mapping[str, object]) -> str:
    """By the number of its folder; by the folder's whole name where another one beside it has the same number, or it has none."""
    number = _IN_FOLDER.match(folder)
    if not number:
        given = str(known.get("kep-number") or known.get("number") or "")
        return (
            f"decision:kep-{given if given.isdigit() and int(given) and not folder else slug(folder) or slug(str(known.get('title', '')))}"
        )
    folders = file.path.parents[2] if len(file.path.parents) > 2 and len(PurePosixPath(file.name).parts) > 3 else file.path.parents[1]
    shared = _numbers(folders, folders.stat().st_mtime_ns)[number[1]] > 1
    return f"decision:kep-{slug(folder) if shared else number[1]}"


@lru_cache(maxsize=64)
def _numbers(folders: Path, _changed: int) -> Counter[str]:
    """How many folders below these, or below the folders in them, have each number."""
    names = {path.parent for path in (*folders.glob("*/kep.yaml"), *folders.glob("*/*/kep.yaml"))}
    return Counter(had[1] for path in names if (had := _IN_FOLDER.match(path.name)))


def _plain(value: object) -> str:
    text = "" if value is None else str(value)
    return "" if is_nothing(text) else text


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else [] if value in (None, "") else [value]


def _day(made: _Gathered, known: Mapping[str, object], name: str) -> str:
    text = _plain(known.get(name))
    found = day(text)
    if text and not found:
        made.complain("no_day", made.where, f"{name} is {text!r}, which is no day", "Write it as 2026-11-23.")
    return found


def _proposal_relations(made: _Gathered, known: Mapping[str, object]) -> None:
    for name, relation in _PROPOSAL_PEOPLE:
        for one in _listed(known.get(name)):
            made.somebody(relation, people(str(one), bare="login"))
    for name, relation in (("owning-sig", "owned_by"), ("participating-sigs", "concerns")):
        for one in _listed(known.get(name)):
            if not is_nothing(str(one)):
                made.relate(relation, f"unit:{slug(str(one))}" if slug(str(one)) else "")
    for name, relation, backwards in (
        ("see-also", "cites", False),
        ("replaces", "supersedes", False),
        ("superseded-by", "supersedes", True),
    ):
        for one in _listed(known.get(name)):
            text = str(one)
            found = re.search(r"(?:^|/|kep-|#|issues/)0*([1-9]\d{0,4})(?=-|/|$)", text, re.IGNORECASE)
            if found:
                made.relate(relation, f"decision:kep-{found[1]}", backwards=backwards)
            elif not is_nothing(text):
                held = made.properties.get("references", [])
                made.properties["references"] = [*(held if isinstance(held, list) else []), text]
