"""Terms from a table, from pages (one page a term, or a page of many in tables, definition lists or headings), from TBX and DataHub's YAML."""

from __future__ import annotations

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# what YAML and JSON hold has no types until a row model has checked it
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any

from graph import Fact, Finding, Properties, UnreadableSource, slug
from loaders.documents import Document, documents
from loaders.fields import people
from loaders.headings import bare, guess, taking
from loaders.pages import (
    MARKDOWN,
    Line,
    Page,
    Row,
    Section,
    Table,
    column,
    is_page,
    is_terms,
    names_term,
    page,
    path_id,
    subject,
    subject_of,
)
from loaders.source import File, Kept, Many, Text, filled, link, reference, thing

_LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")


class TermRow(Kept):
    """A meaning of a term; the same term for another unit is another row."""

    term: Text
    definition: Text = ""
    unit: Text = ""
    glossary: Text = ""
    alternative_labels: Many = ()
    hidden_labels: Many = ()
    avoid: Many = ()
    broader: Many = ()
    related: Many = ()
    tags: Many = ()
    example: Text = ""
    scope_note: Text = ""
    status: Text = ""
    uri: Text = ""
    language: Text = ""
    function: Text = ""
    key: Text = ""


ROW = TermRow

_HEADINGS: Mapping[str, tuple[str, ...]] = {  # as glossaries and data catalogs head their columns, the surest first
    "term": (
        *("term", "term name", "business term", "preferred term", "preferred label", "pref label", "word", "concept", "phrase"),
        *("begriff", "terme", "termino", "name", "title", "acronym", "abbreviation"),
    ),
    "definition": (
        *(
            "definition",
            "meaning",
            "description",
            "explanation",
            "business definition",
            "long description",
            "stands for",
            "short description",
        ),
        *("bedeutung", "beschreibung", "signification", "definicion"),
    ),
    "alternative_labels": (
        *("synonyms", "synonym", "aliases", "alias", "also known as", "aka", "alternative labels", "alt label", "other names", "acronym"),
        *("acronyms", "abbreviation", "abbreviations", "short name", "full form", "synonyme", "sinonimos"),
    ),
    "avoid": ("avoid", "do not use", "instead of", "deprecated", "forbidden terms", "terms to avoid"),
    "broader": ("broader", "parent term", "parent term name", "parent", "broader term", "is a type of", "is a"),
    "related": ("related", "related terms", "related term", "see also", "related to"),
    "example": ("example", "examples", "beispiel", "exemple"),
    "scope_note": ("scope note", "usage", "notes", "note", "comment", "comments", "context", "usage notes", "remarks"),
    "tags": ("tags", "category", "categories", "domain", "subject area", "topic", "kategorie"),
    "status": ("status", "term status", "approval status"),
    "owner": ("owner", "term owner", "data owner", "business owner", "steward", "stewards", "data steward"),
    "unit": ("unit", "department", "team", "business unit", "defined for"),
    "uri": ("uri", "iri"),
    "language": ("language", "lang", "sprache", "locale"),
    "glossary": ("glossary", "glossary name"),
}
_SEVERAL = ("alternative_labels", "avoid", "broader", "related", "tags")
_OTHER_COLUMNS = {
    word: ours for ours, words in _HEADINGS.items() if ours not in ("term", "definition", "uri", "glossary") for word in words
}
_NAMES = frozenset((*_OTHER_COLUMNS, *_HEADINGS["definition"]))  # of what a term has
_SURELY = frozenset(
    ("term", "term name", "business term", "preferred term", "preferred label", "pref label", "begriff", "terme", "termino")
)


def columns(file: File) -> dict[str, str]:
    """What the columns of a table mean, by their headings: theirs -> ours, for those that are called otherwise with us."""
    return _columns(file, _by_name(file))


def _columns(file: File, records: Sequence[tuple[Mapping[str, Any], str]]) -> dict[str, str]:
    ours = frozenset(TermRow.model_fields)
    headings = dict.fromkeys(key for record, _ in records for key in record) or file.first
    folded = {re.sub(r"[\s-]+", "_", str(heading).strip().casefold()) for heading in headings}
    theirs = [
        str(heading)
        for heading in headings
        if re.sub(r"[\s-]+", "_", str(heading).strip().casefold()) not in ours and str(heading) not in file.source.columns
    ]
    taken = (folded & ours) | set(file.source.columns.values())
    return dict(guess(theirs, {name: words for name, words in _HEADINGS.items() if name not in taken}).columns)


def _is_table(file: File) -> bool:
    """Whether a table's headings are those of a glossary: a term and a definition, or a name, a definition and what only terms have."""
    if {"term", "definition"} <= file.header():
        return True
    if file.suffix not in (".csv", ".tsv", ".xlsx"):
        return False
    found = columns(file)
    named = {ours: bare(theirs) for theirs, ours in found.items()}
    heads = {bare(str(heading)) for heading in file.first}
    if not ({"term"} & (set(named) | heads) and {"definition"} & (set(named) | heads)):
        return False
    sure = bool(heads & _SURELY) or (named.get("term", "") in ("acronym", "abbreviation") and len(file.first) <= 4)
    return sure or ("definition" in heads and bool(set(named) & {"alternative_labels", "broader"}))


def matches(file: File) -> bool:
    """Whether it is a table with terms and definitions, a page of a term or of many, terms by name, TBX, or DataHub's business glossary."""
    if is_page(file):
        return subject_of(file) == "glossary"
    if _is_tbx(file):
        return True
    return _is_table(file) or _is_business(file, file.header()) or bool(_by_name(file))


def read(file: File) -> Iterator[Fact | Finding]:
    """The terms of a table, a page, a file of terms by name, a TBX file or a business glossary."""
    if is_page(file):
        found = page(file)
        yield from _faults(found, file)
        yield from _page(found, file) if _is_one_term(found) and file.suffix in MARKDOWN else _many(found, file)
    elif _is_tbx(file):
        yield from _tbx(file)
    elif _is_business(file, file.header()):
        yield from _business(file)
    else:
        yield from _table(file)


_DEFINING = frozenset(("definition", "meaning", "business definition", "bedeutung", "signification", "definicion"))


def _by_name(file: File) -> list[tuple[Mapping[str, Any], str]]:
    """The terms of a mapping in YAML or JSON from their names to what is said of them, alone or under one key; none where it is no such thing."""
    if file.suffix not in (".yaml", ".yml", ".json"):
        return []
    try:
        document = next(file.documents(), None)
    except UnreadableSource:
        return []
    level: Any = document.value if document else None
    inside = [one for one in level.values() if isinstance(one, dict)] if isinstance(level, dict) else []
    if len(inside) == 1 and not _defines(inside[0]):  # beside a title, a version
        level = inside[0]
        inside = [one for one in level.values() if isinstance(one, dict)]
    if not document or not inside or len(inside) < len(level) or sum(map(_defines, inside)) * 5 < len(inside) * 4:
        return []
    return [({"term": str(name), **said}, file.locator(document.place(said, level, name, document.start))) for name, said in level.items()]


def _defines(said: Mapping[str, Any]) -> bool:
    return any(bare(str(key)) in _DEFINING and isinstance(value, str) for key, value in said.items())


def _table(file: File) -> Iterator[Fact | Finding]:
    by_name = _by_name(file)
    named = _columns(file, by_name)
    yield from taking(file.name, named)
    several = {theirs for theirs, ours in named.items() if ours in _SEVERAL}
    records = (
        ({key: ";".join(_split(value)) if key in several and isinstance(value, str) else value for key, value in record.items()}, where)
        for record, where in by_name or file.records()
    )
    for row in file.rows(TermRow, columns={**named, **file.source.columns}, records=records):
        if isinstance(row, Finding):
            yield row
        else:
            yield from _term(*row)


def _faults(found: Page, file: File) -> Iterator[Finding]:
    for line, why in found.faults:
        where = file.locator(line)
        message = why if why.startswith(file.name) else f"{where}: {why}"
        yield Finding(id=f"page:{where}", check="page", level="error", subject=file.name, message=message)


# pages


def _is_one_term(found: Page) -> bool:
    """Whether a page is about one term: its front matter names it, or it holds nothing that looks like many."""
    if names_term(found):
        return True
    return subject(found) != "glossary" and not any(section.entries or any(map(is_terms, section.tables)) for section in found.sections)


_LABELS = ("alternative labels", "aka", "aliases", "synonyms", "also known as")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_SHORT_CODE = re.compile(r"\{\{[<%][^}]*[>%]\}\}")  # of Hugo; what it shows is its text
_SHOWN = re.compile(r"""\btext\s*=\s*["']([^"']*)["']""")


def _page(found: Page, file: File) -> Iterator[Fact | Finding]:
    """A Markdown page: the text before its first heading is the definition; links to other pages are related terms."""
    document = _document(found)
    front = document.value if isinstance(document.value, dict) else {}
    body = str(document.names.get("body", ""))
    given = {str(key).strip().casefold().replace("-", "_").replace(" ", "_"): value for key, value in front.items()}
    given["term"] = given.get("term") or given.pop("title", "") or PurePosixPath(file.name).stem
    for theirs, ours in guess([key for key in given if key not in TermRow.model_fields], {"alternative_labels": _LABELS}).columns.items():
        given.setdefault(ours, given[theirs])
    body = _COMMENT.sub(" ", _SHORT_CODE.sub(lambda found: "".join(_SHOWN.findall(found[0])), body))
    paragraphs = re.split(r"^#", body, maxsplit=1, flags=re.MULTILINE)[0].strip()
    links = [PurePosixPath(target).stem for _, target in _LINK.findall(paragraphs) if "://" not in target and not target.startswith("#")]
    definition = given.get("definition") or " ".join(_LINK.sub(r"\1", paragraphs).split())
    known = {name: value for name, value in given.items() if name in TermRow.model_fields and value is not None}
    row = TermRow.model_validate(
        {**known, "definition": definition, "key": PurePosixPath(file.name).stem, "related": [*_listed(given.get("related")), *links]}
    )
    yield from _term(row, file.locator(document.start or "1"))


def _document(found: Page) -> Document:
    """The page's front matter and body; of a page whose front matter is broken, the text under it."""
    if not found.faults:
        return found.document
    return Document({}, {"body": "\n".join(section.text for section in found.lead)}, "1")


_PAIRED = re.compile(r"(.{1,80}?)\s*(?::|\s[\u2013\u2014-])\s+(\S.*)", re.DOTALL)


def _many(found: Page, file: File) -> Iterator[Fact | Finding]:
    """A page of many terms: tables with a column of terms, definition lists, lists of `term: definition`, headings with text under them."""
    glossary = path_id("glossary", file.name)
    yield thing("Glossary", glossary, file.locator("1"), name=found.title, properties=filled(url=found.first("url")))
    seen: dict[str, str] = {}
    cased: dict[str, str] = {}
    named = _anchors(found)
    unread: Counter[tuple[str, str]] = Counter()
    for given, line, where in _rows(found, file, unread):
        own = f"term:{slug(given['term'])}"
        if own == "term:":  # a sign, as `>>>`
            given["key"] = sha256(given["term"].encode()).hexdigest()[:12]
            own = f"term:{given['key']}"
        if given["term"].isupper() != cased.setdefault(own, given["term"]).isupper():  # `HEAD` and `head`
            given["key"] = f"{slug(given['term'])}-{sha256(given['term'].encode()).hexdigest()[:6]}"
            own = f"term:{given['key']}"
        if own in seen:
            message = f"{where}: {given['term']!r} is defined before, at {seen[own]}; the first definition is taken"
            remedy = "Keep one, or say for which unit each of them holds."
            yield Finding(id=f"twice:{file.name}:{own}", check="twice", level="warning", subject=own, message=message, remedy=remedy)
            continue
        seen[own] = where
        anchors = (one.target.partition("#")[2] for one in line.links)
        targets = (named.get(anchor) or named.get(slug(anchor), "") for anchor in anchors if anchor)
        related = [target for target in targets if target and target != slug(given["term"])]
        row = TermRow.model_validate(
            {**given, "glossary": glossary, "related": [*filter(None, map(slug, _split(given.get("related", "")))), *related]}
        )
        yield from _term(row, where)
    for (sort, name), count in unread.items():
        message = f"{file.name}: nothing reads the {sort} {name!r} (count: {count})"
        yield Finding(id=f"{sort}:{file.name}:{name}", check=sort, level="note", subject=name, message=message)
    if not seen:
        message = f"{file.name}: no term is read from it: it has no table of terms, no definition list, and no headings with text"
        yield Finding(id=f"unread:{file.name}", check="unread", level="note", subject=file.name, message=message)


def _split(text: str) -> list[str]:
    return [one for piece in re.split(r"[;,]", text) if (one := piece.strip())]


def _anchors(found: Page) -> dict[str, str]:
    """The terms of a page by what links refer to them by: their anchors, and their names."""
    named: dict[str, str] = {}
    for section in found.sections:
        names = [section.title, *(entry.term.text for entry in section.entries)]
        for table in filter(_has_terms, section.tables):
            at = max(column(table, terms=True), 0)
            names += [row.cells[at].text for row in table.rows if len(row.cells) > at]
        named.update({slug(name): slug(name) for name in names})
        named.update({entry.anchor: slug(entry.term.text) for entry in section.entries if entry.anchor})
        if section.anchor:
            named.setdefault(section.anchor, slug(section.title))
    return named


def _rows(found: Page, file: File, unread: Counter[tuple[str, str]]) -> Iterator[tuple[dict[str, str], Line, str]]:
    """Of every term its columns, the line that defines it, and where it stands."""
    groups: list[tuple[int, str]] = []
    labels = _labels(found)
    sections = _sections(found)
    listed = _is_listed(sections, found.lead)
    for section, after in zip(sections, [*sections[1:], None], strict=True):
        groups = [one for one in groups if one[0] < section.level]
        group = {"tags": groups[-1][1]} if groups else {}
        above = {"tags": section.title} if section.level and section not in found.lead and len(section.title) > 1 else {}
        held = False
        for table in filter(_has_terms, section.tables):
            held = True
            for row in table.rows:
                if given := _cells(table, row, unread):
                    yield above | given[0], given[1], file.locator(str(row.line))
        for entry in section.entries:
            held = True
            yield (
                above | {"term": entry.term.text, "definition": entry.definition.text},
                entry.definition,
                file.locator(str(entry.term.line)),
            )
        pairs = _colons(section) or ([] if held else _pairs(section, labels))
        for term, line in pairs:
            yield above | {"term": term, "definition": line.text}, line, file.locator(str(line.line))
        leaf = not (after and after.level > section.level)
        if leaf and not held and not pairs and section.text.strip() and section not in found.lead and section.level:
            if listed:
                unread["heading", section.title] += 1
                continue
            whole = Line(" ".join(section.text.split()), section.line, tuple(section.links))
            yield group | {"term": section.title, "definition": whole.text}, whole, file.locator(str(section.line))
        if not leaf and section not in found.lead and len(section.title) > 1:
            groups.append((section.level, section.title))


def _sections(found: Page) -> list[Section]:
    """Its sections; what stands under a heading that many have (`See also`) belongs to the section above it."""
    titles = Counter(section.title.casefold() for section in found.sections)
    made: list[Section] = []
    for section in found.sections:
        title = section.title.casefold().strip(" :")
        if not made or not section.level or titles[section.title.casefold()] <= (1 if title in _OTHER_COLUMNS else 2):
            made.append(section)
            continue
        links = [Line("", section.line, tuple(section.links))] if _OTHER_COLUMNS.get(title) == "related" else []
        head = "" if title in _HEADINGS["definition"] else f"{section.title}: "
        texts = [one._replace(text=f"{head}{one.text}") for one in section.lines if one.text]
        above = made[-1]
        made[-1] = replace(
            above,
            lines=[*above.lines, *(links or texts)],
            tables=[*above.tables, *section.tables],
            entries=[*above.entries, *section.entries],
        )
    return made


def _is_listed(sections: list[Section], lead: list[Section]) -> bool:
    """Whether nearly all terms stand in lists or tables, so that the few headings with text beside them are none."""
    listed = sum(len(one.entries) + sum(len(table.rows) for table in one.tables if _has_terms(table)) for one in sections)
    others = sum(bool(one.level and one.text.strip() and not one.entries) for one in sections if one not in lead)
    return 0 < others * 10 <= listed


def _has_terms(table: Table) -> bool:
    """Whether a table on a page of terms holds terms: by its headings, or since it has two columns, the first of them not of numbers or days."""
    return is_terms(table) or (
        len(table.header.cells) == 2
        and bool(table.rows)
        and all(re.search(r"[^\W\d]", row.cells[0].text) for row in table.rows if row.cells)
    )


def _pairs(section: Section, labels: frozenset[str]) -> list[tuple[str, Line]]:
    """Terms with what defines them, of lines `term: definition`, or of lines that begin with the term in bold; lines that go on are joined.

    What is bold under several headings is a label (`Example:`), and no term.
    """
    lines = [one for one in section.lines if one.text]
    bold = _joined(lines, lambda line: _bold(line, labels))
    paired = _joined(lines, lambda line: _paired(line, labels))
    count = sum(_paired(one, labels) is not None for one in lines)
    many = (count >= 3 and count * 5 >= len(lines) * 3) or (count == len(lines) == 2)
    if len(bold) >= 2 and lines[0].bold and len(bold) >= len(paired) * many:
        return bold
    return paired if many else []


def _paired(line: Line, labels: frozenset[str]) -> tuple[str, str] | None:
    match = _PAIRED.fullmatch(line.text)
    term = match[1].strip(" *") if match else ""
    own = not line.bold and term.casefold() in _NAMES  # `Context: …` may define a term, where it is not in bold
    return None if match is None or (term.casefold() in labels and not own) else (term, match[2])


def _bold(line: Line, labels: frozenset[str]) -> tuple[str, str] | None:
    term = line.bold.strip(" :.\u2013\u2014-")
    if not slug(term) or term.casefold() in labels or len(term) > 80:
        return None
    return term, line.text[len(line.bold) :].lstrip(" :\u2013\u2014-")


def _joined(lines: Iterable[Line], split: Callable[[Line], tuple[str, str] | None]) -> list[tuple[str, Line]]:
    found: list[tuple[str, Line]] = []
    for line in lines:
        if pair := split(line):
            found.append((pair[0], line._replace(text=pair[1])))
        elif found:
            term, held = found[-1]
            found[-1] = term, held._replace(text=f"{held.text} {line.text}".strip(), links=(*held.links, *line.links))
    return found


def _labels(found: Page) -> frozenset[str]:
    """What begins lines and is no term: what does so under several headings, in bold or before a colon, and the names of what a term has."""
    bold: Counter[str] = Counter()
    before: Counter[str] = Counter()
    for section in found.sections:
        bold.update({one.bold.strip(" :.\u2013\u2014-").casefold() for one in section.lines if one.bold})
        pairs = (_PAIRED.fullmatch(one.text) for one in section.lines)
        before.update({pair[1].strip(" *").casefold() for pair in pairs if pair})
    often = (*(term for term, count in bold.items() if count > 1), *(term for term, count in before.items() if count > 2))
    return _NAMES.union(often)


def _colons(section: Section) -> list[tuple[str, Line]]:
    """Terms of which several share a definition: lines of terms, then lines that begin with a colon."""
    found: list[tuple[str, Line]] = []
    terms: list[str] = []
    under: list[Line] = []
    for line in (*section.lines, Line("", 0)):
        if line.text.startswith(": "):
            under.append(line._replace(text=line.text[2:]))
            continue
        if under:
            whole = under[0]._replace(text=" ".join(one.text for one in under), links=tuple(link for one in under for link in one.links))
            found += [(term, whole) for term in terms]
            terms, under = [], []
        terms.append(line.text)
    return found


def _cells(table: Table, row: Row, unread: Counter[tuple[str, str]]) -> tuple[dict[str, str], Line] | None:
    term, meaning = (column(table, terms=True), column(table, terms=False)) if is_terms(table) else (0, 1)
    if len(row.cells) <= max(term, meaning) or not row.cells[term].text:
        return None
    given = {"term": row.cells[term].text, "definition": row.cells[meaning].text}
    for number, (head, cell) in enumerate(zip(table.header.cells, row.cells, strict=False)):
        name = _OTHER_COLUMNS.get(head.text.casefold().strip(" :*"), "")
        if name and cell.text and number not in (term, meaning):
            given[name] = ";".join(_split(cell.text)) if name in ("alternative_labels", "avoid", "tags") else cell.text
        elif head.text and cell.text and number not in (term, meaning):
            unread["column", head.text] += 1
    return given, row.cells[meaning]


def _listed(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)] if value else []


def _term(row: TermRow, where: str) -> Iterator[Fact]:
    own = f"term:{slug(row.key or row.term)}" + (f".{slug(row.unit.partition(':')[2] or row.unit)}" if row.unit else "")
    properties = filled(
        definition=row.definition,
        alternative_labels=row.alternative_labels,
        hidden_labels=row.hidden_labels,
        avoid=row.avoid,
        tags=tuple(tag for tag in row.tags if tag),
        example=row.example,
        scope_note=row.scope_note,
        status=row.status,
        uri=row.uri,
        language=row.language,
    )
    yield thing("Term", own, where, name=row.term, properties=properties | row.kept(), valid_from=row.valid_from, valid_to=row.valid_to)
    yield from link(own, "defined_for", reference("unit", row.unit), where)
    yield from link(own, "serves", reference("function", row.function), where)
    for whom in people(row.owner) if "@" in row.owner else ():
        yield from whom.entity(where)
        yield from link(own, "owned_by", whom.id, where)
    yield from link(own, "owned_by", "" if "@" in row.owner else reference("position", row.owner), where)
    if row.glossary:
        glossary = reference("glossary", row.glossary)
        if ":" not in row.glossary:
            yield thing("Glossary", glossary, where, name=row.glossary)
        yield from link(own, "in_glossary", glossary, where)
    for relation, others in (("broader", row.broader), ("related_to", row.related)):
        for other in dict.fromkeys(others):
            yield from link(own, relation, reference("term", other), where)


# TBX (ISO 30042): the older style names data categories by attributes (DCA), the newer by elements (DCT)

_LISTS = frozenset(
    (
        "termEntry",
        "conceptEntry",
        "langSet",
        "langSec",
        "tig",
        "ntig",
        "termSec",
        "termNote",
        "descrip",
        "descripGrp",
        "note",
        "xref",
        "ref",
        "admin",
        "adminGrp",
        "transacGrp",
        "subjectField",
        "definition",
        "context",
        "termNoteGrp",
        "administrativeStatus",
        "crossReference",
    )
)
_ENTRIES, _LANGUAGES, _TERMS = ("termEntry", "conceptEntry"), ("langSet", "langSec"), ("tig", "ntig", "termSec")
_STANDINGS = {"preferred": "name", "standardized": "name", "admitted": "alternative_labels", "deprecated": "avoid", "superseded": "avoid"}
_BROADER = re.compile(r"(?:superordinate|broader)Concept", re.IGNORECASE)
_NARROWER = re.compile(r"(?:subordinate|narrower)Concept", re.IGNORECASE)


def _is_tbx(file: File) -> bool:
    return file.suffix in (".tbx", ".xml", ".tbxm") and bool(re.search(rb"<(?:\w+:)?(?:martif|tbx|TBX)[\s>]", file.content[:8000]))


def _tbx(file: File) -> Iterator[Fact | Finding]:
    text = re.sub(
        r"<!DOCTYPE\s[^\[>]*>", lambda found: "\n" * found[0].count("\n"), file.text(), count=1
    )  # the DTD lies elsewhere, and is not needed
    document = next(documents(text, file.name, form="xml", lists=_LISTS))
    root = _child(document.value, "martif", "tbx", "TBX")
    header = _child(root, "martifHeader", "tbxHeader")
    glossary = path_id("glossary", file.name)
    title = _content(_deep(header, "fileDesc", "titleStmt", "title")) or PurePosixPath(file.name).stem
    own = _language(root, "")
    yield thing("Glossary", glossary, file.locator("1"), name=title, properties=filled(language=own))
    unread: Counter[str] = Counter()
    for entry in _every(_deep(root, "text", "body"), *_ENTRIES):
        yield from _entry(entry, document, file, own, unread)
    for name, count in unread.items():
        message = f"{file.name}: nothing reads the element {name} (count: {count})"
        yield Finding(id=f"unread:{file.name}:{name}", check="unread", level="note", subject=name, message=message)


def _entry(entry: Mapping[str, Any], document: Document, file: File, own: str, unread: Counter[str]) -> Iterator[Fact | Finding]:
    where = file.locator(document.at(entry))
    languages = _every(entry, *_LANGUAGES)
    own = own if any(_language(one, "") == own for one in languages) else _language(languages[0], own) if languages else own
    properties: Properties = {}
    names: dict[str, str] = {}
    for one in languages:
        language = _language(one, own)
        at = "" if language == own else f"@{language}"
        _worded(properties, names, one, language, at, unread)
    _described(properties, entry, "", unread)
    name = names.pop(own, "") or next(iter(names.values()), "")
    key = str(entry.get("@id") or name)
    if not name or not slug(key):
        message = f"{where}: the entry {key!r} has no term; it is left out"
        yield Finding(id=f"no_term:{where}", check="no_term", level="error", subject=where, message=message)
        return
    stem = _stem(file.name)
    own_id = f"term:{stem}.{slug(key)}"
    more = {f"name@{language}": text for language, text in names.items() if language != own}
    yield thing("Term", own_id, where, name=name, properties={**properties, **more})
    yield from link(own_id, "in_glossary", path_id("glossary", file.name), where)
    for sort, target, _ in _categories(entry):
        if not target or not sort:
            continue
        other = f"term:{stem}.{slug(target)}"
        if _NARROWER.search(sort):
            yield from link(other, "broader", own_id, where)
        elif _BROADER.search(sort):
            yield from link(own_id, "broader", other, where)
        elif re.search(r"relatedConcept|crossReference", sort):
            yield from link(own_id, "related_to", other, where)


@lru_cache(64)
def _stem(name: str) -> str:
    return slug(PurePosixPath(name).stem)


def _worded(properties: Properties, names: dict[str, str], one: Mapping[str, Any], language: str, at: str, unread: Counter[str]) -> None:
    """The terms of one language by their standing: the preferred is the name, the others are alternatives or to be avoided."""
    _described(properties, one, at, unread)
    standing: list[tuple[str, str]] = []
    for group in _every(one, *_TERMS):
        held = _child(group, "termGrp") or group
        term = _content(held.get("term")) if isinstance(held, dict) else ""
        if not term:
            continue
        said = next((text for sort, _, text in _categories(held) if sort in ("administrativeStatus", "normativeAuthorization")), "")
        word = next((known for sign, known in _STANDINGS.items() if said.startswith(sign)), "")
        standing.append((word, term))
        _described(properties, held, at, unread)
    first = next((term for word, term in standing if word == "name"), next((term for word, term in standing if word != "avoid"), ""))
    if not first and standing:  # all are to be avoided: the term is known by one of them all the same
        first = standing[0][1]
        properties["status"] = "deprecated"
    if first:
        names.setdefault(language, first)
    for word, term in standing:
        if term != first:
            _append(properties, f"{'avoid' if word == 'avoid' else 'alternative_labels'}{at}", term)


_DESCRIBED = {
    "definition": "definition",
    "subjectField": "tags",
    "context": "example",
    "example": "example",
    "note": "notes",
    "explanation": "scope_note",
    "usageNote": "scope_note",
    "source": "references",
    "externalCrossReference": "references",
    "partOfSpeech": "part_of_speech",
    "grammaticalGender": "grammatical_gender",
    "termType": "term_type",
    "geographicalUsage": "geographical_usage",
    "customerSubset": "customer_subset",
    "projectSubset": "project_subset",
    "xGraphic": "references",
}
_SEVERAL_TIMES = frozenset(("tags", "example", "references", "part_of_speech", "grammatical_gender", "term_type", "geographical_usage"))
_PLACED = frozenset(("administrativeStatus", "normativeAuthorization", "crossReference", "relatedConcept"))


def _described(properties: Properties, held: Mapping[str, Any], at: str, unread: Counter[str]) -> None:
    for sort, target, text in _categories(held):
        name = _DESCRIBED.get(sort, "")
        value = text or target
        if name in _SEVERAL_TIMES and value:
            _append(properties, name if name in ("tags", "references") else f"{name}{at}", value)
        elif name and value:
            key = f"{name}{at}"
            properties[key] = f"{properties[key]}\n{value}" if properties.get(key) else value
        elif not name and sort not in _PLACED and not _BROADER.search(sort) and not _NARROWER.search(sort):
            unread[sort] += 1


def _append(properties: Properties, name: str, text: str) -> None:
    held = properties.get(name, [])
    if isinstance(held, list) and text not in held:
        properties[name] = [*held, text]


_STRUCTURE = frozenset((*_ENTRIES, *_LANGUAGES, *_TERMS, "term", "termGrp", "transac", "transacGrp", "date", "transacNote"))
_GROUPS = ("descripGrp", "adminGrp", "termNoteGrp")


def _categories(held: Any) -> Iterator[tuple[str, str, str]]:
    """The data categories of a level in either style: what sort, what it points at, what it says."""
    for name, value in held.items() if isinstance(held, dict) else ():
        if name in _STRUCTURE or name.startswith(("@", "#")):
            continue
        for one in value if isinstance(value, list) else [value]:
            if name in _GROUPS:
                yield from _categories(one)
            elif isinstance(one, dict):
                yield str(one.get("@type") or name), str(one.get("@target") or ""), _content(one)
            else:
                yield name, "", str(one).strip()


def _content(value: Any) -> str:
    """The text of an element, with that of the marks inside it."""
    if isinstance(value, dict):
        pieces = [_content(one) for key, one in value.items() if not key.startswith("@")]
        return " ".join(" ".join(pieces).split())
    if isinstance(value, list):
        return " ".join(" ".join(map(_content, value)).split())
    return " ".join(str(value or "").split())


def _child(value: Any, *names: str) -> Any:
    found = next((value[name] for name in names if name in value), None) if isinstance(value, dict) else None
    return found[0] if isinstance(found, list) and found else found


def _deep(value: Any, *names: str) -> Any:
    for name in names:
        value = _child(value, name)
    return value


def _every(value: Any, *names: str) -> list[Any]:
    found = [one for name in names for one in _several(value.get(name, []))] if isinstance(value, dict) else []
    return [one for one in found if isinstance(one, dict)]


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _language(value: Any, default: str) -> str:
    return str(value.get("@lang") or default) if isinstance(value, dict) else default


# DataHub's business glossary


def _is_business(file: File, header: Iterable[str]) -> bool:
    known = set(header)
    return file.suffix in (".yaml", ".yml") and "version" in known and bool(known & {"nodes", "terms"})


_TERM_KEYS = frozenset(
    (
        "name",
        "id",
        "description",
        "term_source",
        "source_ref",
        "source_url",
        "inherits",
        "contains",
        "values",
        "related_terms",
        "owners",
        "custom_properties",
        "knowledge_links",
        "domain",
    )
)


def _business(file: File) -> Iterator[Fact | Finding]:
    """Nodes are collections, terms are terms under the dotted path of their nodes, as DataHub's own references name them."""
    document = next(file.documents())
    root: dict[str, Any] = document.value if isinstance(document.value, dict) else {}
    reading = _Business(file, document, root.get("owners"))
    glossary = path_id("glossary", file.name)
    name = str(root.get("source") or PurePosixPath(file.name).stem)
    yield thing(
        "Glossary", glossary, file.locator("1"), name=name, properties=filled(url=root.get("url") or "", version=root.get("version"))
    )
    reading.learn(root, "")
    yield from reading.inside(root, "", "")
    for key, count in reading.unread.items():
        message = f"{file.name}: nothing reads the key {key} (count: {count})"
        yield Finding(id=f"unread:{file.name}:{key}", check="unread", level="note", subject=key, message=message)


class _Business:
    """A business glossary as it is read: where its terms stand by path, and what was not read."""

    def __init__(self, file: File, document: Document, owners: Any) -> None:
        self.file, self.document, self.owners = file, document, owners
        self.ids: dict[str, str] = {}
        self.unread: Counter[str] = Counter()
        self.named: set[str] = set()

    def learn(self, level: Mapping[str, Any], path: str) -> None:
        """The ids of all terms by path, before any is referred to."""
        for term in _every(level, "terms"):
            own = f"{path}{term.get('name', '')}"
            self.ids[own] = self.ids[str(term.get("id") or own)] = f"term:{slug(str(term.get('id') or own))}"
        for node in _every(level, "nodes"):
            self.learn(node, f"{path}{node.get('name', '')}.")

    def where(self, value: Any) -> str:
        return self.file.locator(self.document.at(value) or self.document.start)

    def inside(self, level: Mapping[str, Any], path: str, above: str) -> Iterator[Fact | Finding]:
        for node in _every(level, "nodes"):
            yield from self.node(node, path, above)
        for number, term in enumerate(_every(level, "terms")):
            if term.get("name"):
                yield from self.term(term, path, above)
            else:
                where = self.where(term)
                message = f"{where}: term {number + 1} of {path or 'the top'} has no name; it is left out"
                yield Finding(id=f"row:{where}", check="row", level="error", subject=where, message=message)

    def node(self, node: Mapping[str, Any], path: str, above: str) -> Iterator[Fact | Finding]:
        where, name = self.where(node), str(node.get("name") or "")
        if not slug(name):
            yield Finding(
                id=f"row:{where}", check="row", level="error", subject=where, message=f"{where}: a node has no name; it is left out"
            )
            return
        own = f"collection:{slug(str(node.get('id') or path + name))}"
        yield thing("TermCollection", own, where, name=name, properties=filled(description=str(node.get("description") or "").strip()))
        yield from link(own, "in_collection", above, where)
        yield from self.owned(own, node.get("owners"), where)
        self.unread.update(set(node) - _TERM_KEYS - {"nodes", "terms"})
        yield from self.inside(node, f"{path}{name}.", own)

    def term(self, term: Mapping[str, Any], path: str, above: str) -> Iterator[Fact | Finding]:
        where = self.where(term)
        own = self.ids[f"{path}{term['name']}"]
        links = [str(one.get("url") or "") for one in _every(term, "knowledge_links")]
        properties = filled(
            definition=" ".join(str(term.get("description") or "").split()),
            references=[one for one in (str(term.get("source_ref") or ""), str(term.get("source_url") or ""), *links) if one],
            term_source=str(term.get("term_source") or ""),
            domain=str(term.get("domain") or ""),
        )
        for key, value in (term.get("custom_properties") or {}).items() if isinstance(term.get("custom_properties"), dict) else ():
            properties.setdefault(slug(str(key)).replace("-", "_") or "custom", str(value))
        yield thing("Term", own, where, name=str(term["name"]), properties=properties)
        yield from link(own, "in_glossary", path_id("glossary", self.file.name), where)
        yield from link(own, "in_collection", above, where)
        yield from self.owned(own, term.get("owners") or self.owners, where)
        for key, relation in (
            ("inherits", "broader"),
            ("contains", "related_to"),
            ("values", "related_to"),
            ("related_terms", "related_to"),
        ):
            for other in term.get(key) or ():
                target = self.ids.get(str(other)) or f"term:{slug(str(other).rpartition('glossaryTerm:')[2])}"
                more = {"as": key} if key in ("contains", "values") else {}
                yield from link(own, relation, target, where, properties=more)
        self.unread.update(set(term) - _TERM_KEYS)

    def owned(self, own: str, owners: Any, where: str) -> Iterator[Fact]:
        for one in _several(owners or []):
            if not isinstance(one, dict):
                continue
            for user in one.get("users") or ():
                for whom in people(str(user).rpartition("corpuser:")[2].strip("()"), bare="login"):
                    yield from whom.entity(where) if whom.id not in self.named else ()
                    self.named.add(whom.id)
                    yield from link(own, "owned_by", whom.id, where)
            for unit in one.get("groups") or ():
                name = str(unit).rpartition("corpGroup:")[2].strip("()")
                yield thing("Unit", f"unit:{slug(name)}", where, name=name)
                yield from link(own, "owned_by", f"unit:{slug(name)}", where)
