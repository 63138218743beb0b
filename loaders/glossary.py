"""Terms from a table, one row a meaning, or from Markdown, one file a term with its facts in the front matter."""

from __future__ import annotations

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# what YAML and JSON hold has no types until a row model has checked it
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from graph import Fact, Finding, slug
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


def matches(file: File) -> bool:
    """Whether it is a table with terms and definitions, or a Markdown file whose front matter names a term."""
    header = file.header()
    if file.suffix in (".md", ".markdown"):
        return "term" in header
    return {"term", "definition"} <= header


def read(file: File) -> Iterator[Fact | Finding]:
    """The terms of a table or of a Markdown file."""
    if file.suffix in (".md", ".markdown"):
        yield from _page(file)
        return
    for row in file.rows(TermRow):
        if isinstance(row, Finding):
            yield row
        else:
            yield from _term(*row)


def _page(file: File) -> Iterator[Fact | Finding]:
    """A Markdown page: the text before its first heading is the definition; links to other pages are related terms."""
    for document in file.documents():
        front = document.value if isinstance(document.value, dict) else {}
        body = str(document.names.get("body", ""))
        given = {str(key).strip().casefold().replace("-", "_").replace(" ", "_"): value for key, value in front.items()}
        given["term"] = given.get("term") or given.pop("title", "") or PurePosixPath(file.name).stem
        paragraphs = re.split(r"^#", body, maxsplit=1, flags=re.MULTILINE)[0].strip()
        links = [
            PurePosixPath(target).stem for _, target in _LINK.findall(paragraphs) if "://" not in target and not target.startswith("#")
        ]
        definition = given.get("definition") or " ".join(_LINK.sub(r"\1", paragraphs).split())
        known = {name: value for name, value in given.items() if name in TermRow.model_fields and value is not None}
        row = TermRow.model_validate(
            {**known, "definition": definition, "key": PurePosixPath(file.name).stem, "related": [*_listed(given.get("related")), *links]}
        )
        yield from _term(row, file.locator(document.start or "1"))


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
    yield from link(own, "owned_by", reference("position", row.owner), where)
    if row.glossary:
        glossary = reference("glossary", row.glossary)
        if ":" not in row.glossary:
            yield thing("Glossary", glossary, where, name=row.glossary)
        yield from link(own, "in_glossary", glossary, where)
    for relation, others in (("broader", row.broader), ("related_to", row.related)):
        for other in dict.fromkeys(others):
            yield from link(own, relation, reference("term", other), where)
