"""The declarative loader: a mapping file of rules turns any CSV, JSON, YAML, TOML, XML or Markdown into entities and relations, with no Python.

A mapping is YAML. Each rule selects files and, in them, records, and says which facts a record makes; values are templates
(see `loaders.templates`). What cannot be read, what is a placeholder for nothing and what no rule reads comes back as Findings.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, lru_cache
from hashlib import sha256
from itertools import product
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, TypeAlias, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, ValidationError, field_validator, model_validator

from graph import Entity, Fact, Finding, InputError, Origin, Properties, Relation, UnreadableSource, canonical, nearest
from loaders.documents import SUFFIXES, Document, Place, documents
from loaders.templates import Choice, Path, Setting, Template, Values, compile_choice, compile_template, constant, fold

VERSION = 1  # of what this loader makes of a file: a higher one has every file read again
REMEMBERED = 100_000  # facts of one file by which a repeated one is left out

# the mapping, as its author writes it


def _many(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _template(value: object) -> object:
    if isinstance(value, bool | int | float):
        return constant(value)
    return compile_template(value) if isinstance(value, str) else value


def _property(value: object) -> object:
    """A template, or a list of templates: then the property is a list however many values come out."""
    if isinstance(value, list):
        return _Property(tuple(cast(Template, _template(item)) for item in cast(list[object], value)), listed=True)
    return _Property((cast(Template, _template(value)),), listed=False) if isinstance(value, str | bool | int | float) else value


def _choice(value: object) -> object:
    return compile_choice(value) if isinstance(value, str) else value


@dataclass(frozen=True)
class _Property:
    templates: tuple[Template, ...]
    listed: bool


@dataclass(frozen=True)
class Selector:
    """A path to records: each item of a list is one, a mapping is one; a path that ends in `.*` gives each value of a mapping, with its `$key`."""

    text: str
    path: Path
    spread: bool

    @classmethod
    def of(cls, value: object) -> object:
        """The selector of a text; anything else is left for pydantic to refuse."""
        if not isinstance(value, str):
            return value
        spread = value == "*" or value.endswith(".*")
        return cls(value, Path(value[:-1].rstrip(".") if spread else value), spread)


TemplateText: TypeAlias = Annotated[Template, BeforeValidator(_template)]
PropertyText: TypeAlias = Annotated[_Property, BeforeValidator(_property)]
ChoiceText: TypeAlias = Annotated[Choice, BeforeValidator(_choice)]
SelectorText: TypeAlias = Annotated[Selector, BeforeValidator(Selector.of)]
Location: TypeAlias = tuple[int | str, ...]
Several: TypeAlias = Annotated[tuple[SelectorText, ...], BeforeValidator(_many)]
Format: TypeAlias = Literal["csv", "json", "jsonl", "markdown", "toml", "xml", "yaml"]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, populate_by_name=True, defer_build=True)


class _Conditional(_Strict):
    """Applies to each record that `for` selects (left out: the record at hand), if `when` holds and `unless` does not."""

    records: Several = Field(default=(), alias="for")
    when: ChoiceText | None = None
    unless: ChoiceText | None = None


class _Said(_Conditional):
    """What entities and relations have in common."""

    kind: TemplateText
    properties: dict[str, PropertyText] = Field(default_factory=dict)
    valid_from: TemplateText | None = None
    valid_to: TemplateText | None = None


class EntityRule(_Said):
    """One entity for each value of `id`. The first entity of a block is its `$id`."""

    id: TemplateText
    name: TemplateText | None = None
    sensitivity: TemplateText | None = None


class RelationRule(_Said):
    """One relation for each pair of values of `source` and `target`; either, left out, is the `$id` of the block."""

    source: TemplateText = Field(default_factory=lambda: compile_template("{$id}"))
    target: TemplateText = Field(default_factory=lambda: compile_template("{$id}"))

    @model_validator(mode="after")
    def _two_ends(self) -> RelationRule:
        if not self.model_fields_set & {"source", "target"}:
            raise ValueError("a relation needs a source or a target beside the block's own entity")
        return self


class Block(_Conditional):
    """What the records of one sort make; `each` holds blocks for records inside them, `children` the path to more records of the same sort.

    A record that has nothing under a name of `fill_down` has there what the record before it had, as long as no name further left in the list
    began anew: in tables a cell often stands for those below it.
    """

    fill_down: Annotated[tuple[str, ...], BeforeValidator(_many)] = ()
    let: dict[str, TemplateText] = Field(default_factory=dict)
    entities: tuple[EntityRule, ...] = ()
    relations: tuple[RelationRule, ...] = ()
    each: tuple[Block, ...] = ()
    children: SelectorText | None = None


class Rule(Block):
    """A block for the files that match one of `files` (left out: all); a pattern matches the end of a path, from a folder on."""

    files: Annotated[tuple[str, ...], BeforeValidator(_many)] = ()
    unless_files: Annotated[tuple[str, ...], BeforeValidator(_many)] = ()
    format: Format | None = None
    optional: bool = False


class Lookup(_Strict):
    """A table made from a file of the source: for each record, all values of `key` stand for all values of `value`."""

    file: Annotated[tuple[str, ...], BeforeValidator(_many)]
    format: Format | None = None
    records: Several = Field(default=(), alias="for")
    let: dict[str, TemplateText] = Field(default_factory=dict)
    key: TemplateText
    value: TemplateText


class MappingFile(_Strict):
    """A mapping file. `lists` names the XML elements that are lists even when there is one; files that match `ignore` are no facts."""

    rules: tuple[Rule, ...] = Field(min_length=1)
    values: dict[str, dict[str, Any]] = Field(default_factory=dict)  # Any: a text, a number, a list of them or nothing
    lookups: dict[str, Lookup] = Field(default_factory=dict)
    nothing: tuple[str, ...] = ()
    ignore: Annotated[tuple[str, ...], BeforeValidator(_many)] = ()
    lists: frozenset[str] = frozenset()

    _name: str = PrivateAttr(default="mapping")
    _text: str = PrivateAttr(default="")
    _document: Document = PrivateAttr(default_factory=lambda: Document(None))

    def locator(self, location: Location) -> str:
        """Where in the mapping's own file something stands."""
        return f"{self._name}:{_line(self._document, location)}"

    @property
    def text(self) -> str:
        """The mapping as it is written."""
        return self._text

    @classmethod
    def made(cls, document: Document, name: str, text: str) -> MappingFile:
        """The mapping of a document, which remembers where everything stood. Raises pydantic's ValidationError."""
        mapping = cls.model_validate(document.value)
        mapping._name, mapping._document, mapping._text = name, document, text  # noqa: SLF001  # its own
        return mapping

    @field_validator("nothing", mode="before")
    @classmethod
    def _as_texts(cls, value: object) -> object:
        return tuple(str(item) for item in cast(list[object], value)) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _tables_exist(self) -> MappingFile:
        known = {*self.values, *self.lookups}
        for rule in (*self.rules, *self.lookups.values()):
            for name in _tables_of(rule):
                if name not in known:
                    raise ValueError(f"map({name}): there is no table {name!r} under values or lookups{nearest(name, known)}")
        return self


def _tables_of(value: object) -> Iterator[str]:
    """The tables that templates anywhere inside look things up in."""
    if isinstance(value, Template | Choice):
        yield from value.tables
    elif isinstance(value, _Property):
        yield from _tables_of(value.templates)
    elif isinstance(value, BaseModel):
        yield from _tables_of(list(dict(value).values()))
    elif isinstance(value, Mapping):
        yield from _tables_of(list(cast(Mapping[str, object], value).values()))
    elif isinstance(value, tuple | list):
        for item in cast(Iterable[object], value):
            yield from _tables_of(item)


@lru_cache(maxsize=64)
def parse(text: str, name: str) -> MappingFile:
    """The mapping that a file's text holds. Raises InputError with `name:line` for each thing that is wrong with it."""
    document = next(documents(text, name, form="yaml"), None)
    if document is None or not isinstance(document.value, dict):
        raise InputError(f"{name}:1: a mapping has `rules:`, and this file is no YAML mapping")
    try:
        return MappingFile.made(document, name, text)
    except ValidationError as error:
        faults = [f"{name}:{_line(document, fault['loc'])}: {_where(fault['loc'])}{_reason(fault)}" for fault in error.errors()]
        raise InputError("\n".join(faults)) from error


def _line(document: Document, location: Location) -> Place:
    value: object = document.value
    line = document.start
    for key in location:
        line = document.under(value, key) or line
        value = next((item for name, item in _pairs(value) if name == key), None)
    return line


def _where(location: Location) -> str:
    names = [str(key) for key in location if isinstance(key, str)]
    return f"{names[-1]}: " if names else ""


def _reason(fault: Any) -> str:  # Any: pydantic's own typed dict
    if fault["type"] == "extra_forbidden":
        known = {name for model in (Rule, EntityRule, RelationRule, MappingFile) for name in model.model_fields} | {"for"}
        return f"there is no such field{nearest(str(fault['loc'][-1]), known)}"
    return str(fault["msg"]).removeprefix("Value error, ")


# files and the rules for them


@lru_cache(maxsize=1024)
def _pattern(pattern: str) -> re.Pattern[str]:
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", pattern.removeprefix("./"))
    wild = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile(r"(?:.*/)?" + "".join(wild.get(piece) or re.escape(piece) for piece in pieces))


def selects(patterns: tuple[str, ...], name: str) -> bool:
    """True where a pattern matches the end of the path, from a folder on: `*.md`, `keps/**/kep.yaml`, `OWNERS`."""
    return any(_pattern(pattern).fullmatch(name) for pattern in patterns)


def rules_for(mapping: MappingFile, name: str) -> list[Rule]:
    """The rules that read this file."""
    return [rule for rule in mapping.rules if (not rule.files or selects(rule.files, name)) and not selects(rule.unless_files, name)]


def form_of(name: str, rules: list[Rule]) -> str:
    """The format that a rule states, else that of the suffix; "" for none known."""
    stated = next((rule.format for rule in rules if rule.format), "")
    return stated or SUFFIXES.get(PurePosixPath(name).suffix.lower(), "")


# from records to facts


@dataclass
class _Missed:
    """What was met in one file that made no fact: by sort and text, the places."""

    document: Document = field(default_factory=lambda: Document(None))
    record: object = None
    place: Place = "1"
    met: dict[tuple[str, str], dict[Place, None]] = field(default_factory=dict[tuple[str, str], dict[Place, None]])

    def at(self, document: Document, record: object, place: Place) -> None:
        """From here on, what is missed is missed in this record."""
        self.document, self.record, self.place = document, record, place

    def __call__(self, check: str, text: str) -> None:
        self.met.setdefault((check, text), {})[self._exact(text)] = None

    def _exact(self, text: str) -> Place:
        """The place of the text itself where a field of the record, or an item of one, holds it; else the record's."""
        open_: list[object] = [self.record]
        while open_:
            holder = open_.pop()
            for key, value in _pairs(holder):
                if isinstance(value, list):
                    open_.append(cast(object, value))
                elif str(value).strip() == text:
                    return self.document.place(value, holder, key, self.place)
        return self.place


def _pairs(holder: object) -> Iterator[tuple[str | int, object]]:
    if isinstance(holder, dict):
        yield from cast(dict[str, object], holder).items()
    elif isinstance(holder, list):
        yield from enumerate(cast(list[object], holder))


Level: TypeAlias = Literal["error", "warning", "note"]
_SAID: Mapping[str, tuple[Level, str, str]] = {
    "placeholder": ("note", "left out, since it stands for nothing", "Nothing, or fill the value in at the source."),
    "unreadable": ("warning", "left out, since it cannot be read as what it should be", "Correct it at the source; a day is YYYY-MM-DD."),
    "unlisted": ("warning", "left out, since the mapping's table does not list it", "List it in the table, or correct it at the source."),
    "repeated": ("warning", "given twice in one mapping, of which the last holds", "Remove one of the two."),
    "ragged": ("warning", "left out, since the row has more cells than the header", "Quote the cell that holds the delimiter."),
    "not_found": ("note", "no record is here for a rule", "Correct the rule's `for`, or mark it `optional: true`."),
    "no_id": ("note", "no entity made, since the id has no value", "Fill the value in at the source, or say `when:` in the rule."),
}


def _findings(name: str, missed: _Missed) -> Iterator[Finding]:
    """One Finding for each sort of fault of a file, whose evidence is every text with its places."""
    for check, (level, message, remedy) in _SAID.items():
        met = {text: places for (sort, text), places in missed.met.items() if sort == check}
        if not met:
            continue
        evidence = tuple(f"{name}:{', '.join(places)}: {text}" for text, places in met.items())
        shown = ", ".join(_counted(text, len(places)) for text, places in list(met.items())[:5]) + (", …" if len(met) > 5 else "")
        place = next(iter(next(iter(met.values()))))
        yield finding(check, f"{name}:{place}", f"{message}: {shown}", level=level, evidence=evidence, remedy=remedy)


def _counted(text: str, times: int) -> str:
    return repr(text) if times == 1 else f"{text!r} ({times} times)"


def finding(check: str, locator: str, message: str, *, level: Level, evidence: tuple[str, ...] = (), remedy: str = "") -> Finding:
    """A Finding about a place in a source, whose id stays the same when the place moves within its file."""
    number = sha256(f"{locator.partition(':')[0]} {message}".encode()).hexdigest()[:12]
    return Finding(
        id=f"records.{check}:{number}",
        check=f"records.{check}",
        level=level,
        subject=locator,
        message=f"{locator}: {message}",
        evidence=evidence,
        remedy=remedy,
    )


Tables: TypeAlias = Mapping[str, Mapping[str, Values]]


class Reader:
    """Applies a mapping to the documents of one file: `facts` is its front."""

    def __init__(self, mapping: MappingFile, name: str, tables: Tables, used: set[int] | None = None) -> None:
        self.mapping, self.name, self.tables = mapping, name, tables
        self.used = set[int]() if used is None else used  # the rules, blocks and properties that came to something, by identity
        path = PurePosixPath(name)
        self.around = {"$file": name, "$dir": path.parent.name, "$stem": path.stem}
        self.nothing = frozenset(map(fold, mapping.nothing))
        self.missed = _Missed()
        self.seen: set[str] = set()
        self.filled: dict[
            int, dict[str, object]
        ] = {}  # by the identity of a block: what its last record had under the names of `fill_down`

    def facts(self, documents: Iterable[Document]) -> Iterator[Fact | Finding]:
        """All facts, then what made none."""
        rules, met = rules_for(self.mapping, self.name), set[int]()
        for document in documents:
            for check, place, text in document.faults:
                self.missed.at(document, None, place)
                self.missed(check, text)
            for rule in rules:
                yield from self._rule(rule, document, met)
        self.missed.at(Document(None), None, "1")
        for rule in rules:
            if id(rule) not in met and not rule.optional:
                self.missed("not_found", ", ".join(selector.text for selector in rule.records) or "the whole document")
        yield from _findings(self.name, self.missed)

    def listed(self, lookup: Lookup, documents: Iterable[Document]) -> dict[str, Values]:
        """The table that a lookup makes of one file."""
        table: dict[str, Values] = defaultdict(list)
        for document in documents:
            around = self._around(document)
            for here, _ in self._selected(lookup.records or (_HERE,), around, document, document.start):
                setting = self._named(lookup.let, here)
                for key in lookup.key.values(setting):
                    table[fold(str(key))] += lookup.value.values(setting)
        return table

    def _around(self, document: Document) -> Setting:
        own = {f"${name}": value for name, value in document.names.items()}
        return self._setting(document.value, {**self.around, **own, "$root": document.value, "$item": document.value, "$parent": None})

    def _named(self, let: Mapping[str, Template], setting: Setting) -> Setting:
        """The setting with names of its own, each of which may use those before it."""
        names = dict(setting.names)
        here = self._setting(setting.record, names)
        for name, template in let.items():
            values = template.values(here)
            names[f"${name}"] = values[0] if len(values) == 1 else values or None
        return here

    def _rule(self, rule: Rule, document: Document, met: set[int]) -> Iterator[Fact]:
        setting = self._around(document)
        selectors = rule.records or (_HERE,)
        if any(selector.path.search(document.value, setting.names) is not None for selector in selectors):
            met.add(id(rule))
        for inner, place in self._selected(selectors, setting, document, document.start):
            yield from self._block(rule, inner, document, place)

    def _setting(self, record: object, names: dict[str, object]) -> Setting:
        return Setting(record, names, self.tables, self.nothing, self.missed)

    def _selected(
        self, selectors: Iterable[Selector], setting: Setting, document: Document, place: Place
    ) -> Iterator[tuple[Setting, Place]]:
        """Each selected record with its names and its place."""
        for selector in selectors:
            found = selector.path.search(setting.record, setting.names)
            for key, item in _items(found, spread=selector.spread):
                near = {"$parent": setting.record, "$item": item, "$key": key, "$index": key}
                names = {**setting.names, **near} if key is not None else {**setting.names, "$parent": setting.record, "$item": item}
                yield self._setting(item, names), document.place(item, found, -1 if key is None else key, place)

    def _block(self, block: Block, setting: Setting, document: Document, place: Place) -> Iterator[Fact]:
        self.missed.at(document, setting.record, place)
        if block.fill_down:
            setting = self._filled(block, setting)
        above = {"$above": setting.names.get("$id")}
        here = self._named(block.let, self._setting(setting.record, {**setting.names, **above}))
        if not _applies(block, here):
            return
        self.used.add(id(block))
        yield from self._own(block, here, document, place)
        for inner in block.each:
            self.filled.pop(id(inner), None)
            for each, where in self._selected(inner.records or (_HERE,), here, document, place):
                yield from self._block(inner, each, document, where)
        if block.children:
            for each, where in self._selected((block.children,), here, document, place):
                yield from self._block(block, each, document, where)

    def _filled(self, block: Block, here: Setting) -> Setting:
        """The record with what it takes from the one before it."""
        own, now = cast("dict[str, object]", here.record), dict[str, object]()
        if not isinstance(own, dict):  # pyright: ignore[reportUnnecessaryIsInstance]  # a list or a text, which has nothing to fill
            return here
        before = self.filled.get(id(block), {})
        for name in block.fill_down:
            if (value := own.get(name)) is None or not str(value).strip():
                value = before.get(name)
            else:
                before = {}
            if name in own:
                self.used.add(id(name))
            now[name] = value
        self.filled[id(block)] = now
        record = {**own, **now}
        return self._setting(record, {**here.names, "$item": record})

    def _own(self, block: Block, here: Setting, document: Document, place: Place) -> Iterator[Fact]:
        """The block's entities, the first of which is its `$id`, then its relations."""
        own, names = next((rule for rule in block.entities if not rule.records), None), here.names
        if own:
            names["$id"] = None
        for rule in block.entities:
            made = self._entities(rule, here, document, place)
            if rule is own:
                first = list(made)
                names["$id"] = [fact.id for fact in first] or None
                made = iter(first)
            yield from filter(self._new, made)
        for rule in block.relations:
            yield from filter(self._new, self._relations(rule, here, document, place))

    def _each(self, rule: _Conditional, here: Setting, document: Document, place: Place) -> Iterator[tuple[Setting, Place]]:
        for each, where in self._selected(rule.records, here, document, place) if rule.records else iter(((here, place),)):
            self.missed.at(document, each.record, where)
            if _applies(rule, each):
                self.used.add(id(rule))
                yield each, where

    def _entities(self, rule: EntityRule, here: Setting, document: Document, place: Place) -> Iterator[Entity]:
        for each, where in self._each(rule, here, document, place):
            ids = rule.id.ids(each)
            if not ids:
                self.missed("no_id", rule.id.text)
            for id_ in ids:
                yield Entity(
                    id=id_,
                    kind=_first(rule.kind, each),
                    name=_first(rule.name, each),
                    sensitivity=_first(rule.sensitivity, each),
                    properties=self._properties(rule.properties, each),
                    valid_from=self._day(rule.valid_from, each),
                    valid_to=self._day(rule.valid_to, each),
                    origins=self._origin(where),
                )

    def _relations(self, rule: RelationRule, here: Setting, document: Document, place: Place) -> Iterator[Relation]:
        for each, where in self._each(rule, here, document, place):
            for source, target in product(rule.source.ids(each), rule.target.ids(each)):
                yield Relation(
                    source=source,
                    kind=_first(rule.kind, each),
                    target=target,
                    properties=self._properties(rule.properties, each),
                    valid_from=self._day(rule.valid_from, each),
                    valid_to=self._day(rule.valid_to, each),
                    origins=self._origin(where),
                )

    def _properties(self, rules: Mapping[str, _Property], setting: Setting) -> Properties:
        done: Properties = {}
        for name, rule in rules.items():
            values = [value for template in rule.templates for value in template.values(setting)]
            if values:
                self.used.add(id(rule))
                done[name] = list(dict.fromkeys(values)) if rule.listed or len(values) > 1 else values[0]
        return done

    def _origin(self, place: Place) -> tuple[Origin]:
        return (Origin(locator=f"{self.name}:{place}" if place else self.name),)

    def _day(self, template: Template | None, setting: Setting) -> date | None:
        text = _first(template, setting)
        try:
            return date.fromisoformat(text[:10]) if text else None
        except ValueError:
            self.missed("unreadable", text)
            return None

    def _new(self, fact: Entity | Relation) -> bool:
        """False for a fact that this file has said before, word for word; the file's first said are remembered."""
        key = fact.model_dump_json(exclude={"origins"})
        if key in self.seen:
            return False
        if len(self.seen) < REMEMBERED:
            self.seen.add(key)
        return True


_HERE = cast(Selector, Selector.of("@"))


def _items(found: object, *, spread: bool) -> Iterator[tuple[str | int | None, object]]:
    if isinstance(found, dict) and spread:
        yield from cast(dict[str, object], found).items()
    elif isinstance(found, list):
        yield from ((index, item) for index, item in enumerate(cast(list[object], found)) if item is not None)
    elif found is not None:
        yield None, found


def _applies(rule: _Conditional, setting: Setting) -> bool:
    return (rule.when is None or rule.when.holds(setting)) and not (rule.unless is not None and rule.unless.holds(setting))


def _first(template: Template | None, setting: Setting) -> str:
    values = template.values(setting) if template else []
    return str(values[0]) if values else ""


class Session:
    """One reading of a source by its mapping: tables are made once, and what the mapping never came to is known at the end.

    `files` are all files of the source, as names relative to the workspace with what gives their text.
    """

    def __init__(self, mapping: MappingFile, files: Mapping[str, Callable[[], str]]) -> None:
        self.mapping, self.files = mapping, files
        self.used = set[int]()

    def read(self, name: str) -> Iterator[Fact | Finding]:
        """What one file says; a file that cannot be read, and one that no rule reads, is a Finding."""
        rules = rules_for(self.mapping, name)
        if selects(self.mapping.ignore, name):
            return
        form = form_of(name, rules)
        if not rules or not form:
            what = "no rule of the mapping reads this file" if form else "no format is known for this suffix; state `format:` in the rule"
            remedy = "Write a rule for it, or list it under `ignore:`."
            yield finding("unread", name, what, level="warning" if rules else "note", remedy=remedy)
            return
        try:
            yield from self._facts(name, form)
        except UnreadableSource as error:
            locator, _, message = str(error).partition(": ")
            yield finding("unreadable_file", locator, message, level="error", remedy="Mend the file, or list it under `ignore:`.")

    def _facts(self, name: str, form: str) -> Iterator[Fact | Finding]:
        found = documents(self.files[name](), name, form=form, lists=self.mapping.lists)
        return Reader(self.mapping, name, self.tables, self.used).facts(found)

    @cached_property
    def tables(self) -> Tables:
        """The mapping's own `values`, and its `lookups` made from the files that they name."""
        made: dict[str, dict[str, Values]] = {
            name: {fold(key): _listed(value) for key, value in table.items()} for name, table in self.mapping.values.items()
        }
        for name, lookup in self.mapping.lookups.items():
            made[name] = defaultdict(list)
            for path in self.looked_up(lookup):
                found = documents(self.files[path](), path, form=lookup.format or form_of(path, []), lists=self.mapping.lists)
                for key, values in Reader(self.mapping, path, made).listed(lookup, found).items():
                    made[name][key] += values
        return {name: dict(table) for name, table in made.items()}

    def looked_up(self, lookup: Lookup) -> list[str]:
        """The files that a lookup reads, in the order of their names."""
        return [path for path in sorted(self.files) if selects(lookup.file, path)]

    @cached_property
    def digest(self) -> str:
        """Over all but a file itself that decides what the file says: the mapping, the files that are looked up in, and this loader."""
        texts = [path + self.files[path]() for lookup in self.mapping.lookups.values() for path in self.looked_up(lookup)]
        return "sha256:" + sha256(canonical([VERSION, self.mapping.text, texts]).encode()).hexdigest()

    def unused(self) -> Iterator[Finding]:
        """What the mapping says and no record came to, once every file has been read: a misspelt path, or a field that is no more."""
        return unused(self.mapping, self.used)


def _listed(value: object) -> Values:
    if value is None:
        return []
    return list(cast(list[object], value)) if isinstance(value, list) else [value]


def unused(mapping: MappingFile, used: set[int]) -> Iterator[Finding]:
    """What the mapping says and no record of any file ever came to: a misspelt path, or a field that the source gave up."""
    open_: list[tuple[Location, object]] = [(("rules", number), rule) for number, rule in enumerate(mapping.rules)]
    while open_:
        location, part = open_.pop(0)
        if id(part) in used:
            open_ = [*_inside(location, part), *open_]
        elif not (isinstance(part, Rule) and part.optional):
            text = f"{_path_of(location)} found nothing in any file of the source"
            level: Level = "note" if isinstance(part, _Property) else "warning"
            yield finding("unused", mapping.locator(location), text, level=level, remedy="Correct the path, or remove it from the mapping.")


def _inside(location: Location, part: object) -> Iterator[tuple[Location, object]]:
    """The blocks, entities, relations and properties that stand directly inside a part of a mapping."""
    for name in ("entities", "relations", "each", "fill_down"):
        yield from (((*location, name, number), inner) for number, inner in enumerate(getattr(part, name, ())))
    if isinstance(part, _Said):
        yield from (((*location, "properties", name), value) for name, value in part.properties.items())


def _path_of(location: Location) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in location).removeprefix(".")
