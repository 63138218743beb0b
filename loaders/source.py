"""A source of the workspace, its files, and their rows: found, opened and read with a place for every error; what all loaders share."""

from __future__ import annotations

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# what YAML and JSON hold has no types until a row model has checked it
import io
import os
import re
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, lru_cache, partial
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Annotated, Any, Generic, Self, TypeVar, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError, model_validator

from graph import (
    Entity,
    Finding,
    InputError,
    Origin,
    Properties,
    PropertyValue,
    Relation,
    SourceTerms,
    UnreadableSource,
    Value,
    nearest,
    review_days,
    slug,
    trusted,
)
from loaders.documents import SUFFIXES, Document, documents, table
from loaders.live import Http, Ldap, Live, Scim, Sql

MAX_BYTES = 512 * 1024 * 1024
MAX_CELLS = 10_000_000
MAX_KEPT = 8 * 1024 * 1024  # bytes of a file whose documents are kept for whoever looks at it next
MAX_UNZIPPED = 1024 * 1024 * 1024

_KEPT = frozenset(("yaml", "json", "toml", "xml"))  # forms of which a file is parsed as a whole anyway

Row = TypeVar("Row", bound="Record")
Made = TypeVar("Made")
_NOTHING = ("", None)


class Source(Value):
    """One entry of the workspace's `sources`."""

    name: str = Field(pattern=r"^[A-Za-z0-9][\w.-]*$", description="The name that origins, precedence and withdrawals go by.")
    loader: str = Field(default="", description="The loader; left out, it is found from the content.")
    path: str = Field(default="", description="A file, a folder or a glob, relative to the workspace.")
    sql: Sql | None = Field(default=None, description="In place of `path`: a query of a database.")
    http: Http | None = Field(default=None, description="In place of `path`: a web API that answers in JSON.")
    scim: Scim | None = Field(default=None, description="In place of `path`: a SCIM 2.0 endpoint.")
    ldap: Ldap | None = Field(default=None, description="In place of `path`: a directory.")
    owner: str = Field(default="", description="Who answers for the source: the id of a position, person or unit.")
    sensitivity: str = Field(
        default="", pattern="^(|public|internal|confidential|restricted)$", description="The least for all that it says."
    )
    review: str = Field(default="", description="How often what it says must be confirmed: 90d, 6m, 1y.")
    precedence: int = Field(default=0, description="Of two sources that disagree the higher wins.")
    shrink: float | None = Field(
        default=None, ge=0, le=1, description="The share of it that may be gone at the next load, unconfirmed; default: the workspace's."
    )
    columns: Mapping[str, str] = Field(default_factory=dict, description="Tabular loaders: their column -> ours.")
    mapping: str = Field(default="", description="The mapping file of the records loader.")
    sheet: str = Field(default="", description="The sheet of an Excel file; default: the first.")
    encoding: str = Field(default="", description="The encoding of text files; default: UTF-8, or what a byte order mark says.")

    @model_validator(mode="after")
    def _one_place(self) -> Source:
        if bool(self.path) + sum(one is not None for one in (self.sql, self.http, self.scim, self.ldap)) != 1:
            message = f"source {self.name!r} needs one of `path`, `sql`, `http`, `scim` and `ldap`"
            raise ValueError(message)
        return self

    @property
    def live(self) -> Live | None:
        """What is asked where it is no file; None for files."""
        return self.sql or self.http or self.scim or self.ldap


def terms_of(source: Source) -> SourceTerms:
    """What the workspace says of this source as a whole."""
    days = review_days(source.review) if source.review else 0
    return SourceTerms(name=source.name, precedence=source.precedence, sensitivity=source.sensitivity, owner=source.owner, review_days=days)


def files(source: Source, root: Path, *, allow_outside: bool = False, suffixes: Collection[str] = ()) -> list[File]:
    """The files of a source, by name; `UnreadableSource` where there is none, `InputError` for one outside the workspace.

    With `suffixes` they are only those that end so. Names are relative to the workspace; of a source outside it, to the folder above the source.
    """
    base = root.resolve()
    stated = Path(source.path)
    anchor = stated if stated.is_absolute() else base / stated
    found = _globbed(anchor) if any(sign in source.path for sign in "*?[") else _listed(anchor)
    if not found:
        raise UnreadableSource(f"{source.name}: {'no file is in' if anchor.is_dir() else 'nothing is at'} {source.path}{_near(anchor)}")
    named = _Names(source, base, _top(anchor) if allow_outside else None)
    whole = Whole()
    wanted = [path for path in found if not suffixes or path.suffix.lower() in suffixes]
    whole.files = [File(source, path, named.of(path), whole) for path in wanted]
    return whole.files


def _globbed(pattern: Path) -> list[Path]:
    steps = pattern.parts
    first = next(number for number, step in enumerate(steps) if any(sign in step for sign in "*?["))
    return sorted(path for path in Path(*steps[:first]).glob(str(Path(*steps[first:]))) if path.is_file())


def _listed(path: Path) -> list[Path]:
    if path.is_dir():
        return [Path(one) for one in sorted(_within(str(path)), key=lambda one: one.split(os.sep))]  # noqa: PTH206  # paths are slow to make, and there may be many
    return [path] if path.is_file() else []


def _within(folder: str) -> Iterator[str]:
    """The files in a folder and in those below it, without what is hidden and what lies behind links to folders."""
    open_ = [folder]
    while open_:
        within = open_.pop()
        try:
            with os.scandir(within) as found:
                entries = [one for one in found if not one.name.startswith(".")]
        except OSError as error:
            raise InputError(f"{within}: the folder cannot be read: {error.strerror}") from error
        for one in entries:
            if one.is_dir(follow_symlinks=False):
                open_.append(one.path)
            elif one.is_file():
                yield one.path


def _top(anchor: Path) -> Path:
    steps = anchor.parts
    first = next((number for number, step in enumerate(steps) if any(sign in step for sign in "*?[")), len(steps))
    return Path(*steps[: max(1, first - 1 if first == len(steps) else first)]).resolve()


def _near(path: Path) -> str:
    if path.is_dir():
        return ""
    return (
        nearest(path.name, [one.name for one in path.parent.iterdir()])
        if path.parent.is_dir()
        else f"; there is no folder {path.parent.name}"
    )


class _Names:
    """What the files of a source are called: by where they really are, which is asked once for each folder and for each link."""

    def __init__(self, source: Source, base: Path, top: Path | None) -> None:
        self.source, self.base, self.top = source, base, top
        self.real: dict[str, str] = {}  # folder -> where it really is
        self.folders: dict[str, str] = {}  # where a folder really is -> what the names of its files begin with

    def of(self, path: Path) -> str:
        """The path relative to the workspace, or to `top` where a source may lie outside of it; `InputError` where it may not."""
        whole = str(path)
        folder, name = os.path.split(os.path.realpath(whole) if os.path.islink(whole) else whole)  # noqa: PTH114  # a path asks the slow way
        real = self._real(folder)
        if real not in self.folders:
            self.folders[real] = self._beginning(Path(real))
        return self.folders[real] + name

    def _real(self, folder: str) -> str:
        if folder not in self.real:
            above, name = os.path.split(folder)
            plain = above and name not in ("", ".", "..") and not os.path.islink(folder)  # noqa: PTH114  # as above
            self.real[folder] = os.path.join(self._real(above), name) if plain else os.path.realpath(folder)  # noqa: PTH118  # as above
        return self.real[folder]

    def _beginning(self, real: Path) -> str:
        if real.is_relative_to(self.base):
            within = real.relative_to(self.base)
        elif self.top is None:
            raise InputError(
                f"{self.source.name}: {self.source.path} leads out of the workspace; copy it in, or say `allow_outside: true` in the workspace file"
            )
        else:
            within = real.relative_to(self.top) if real.is_relative_to(self.top) else Path()
        return f"{within.as_posix()}/" if within.parts else ""


@dataclass
class Whole:
    """All files of a source, for a loader that reads one in the light of the others, and what it found out about all of them."""

    files: list[File] = field(default_factory=list["File"])
    made: dict[object, object] = field(default_factory=dict[object, object])

    def once(self, make: Callable[[Sequence[File]], Made]) -> Made:
        """What this function makes of all files, made at the first call."""
        if make not in self.made:
            self.made[make] = make(self.files)
        return cast("Made", self.made[make])


@dataclass(frozen=True)
class File:
    """One file of a source, and the others beside it. `name` is its path as origins carry it."""

    source: Source
    path: Path
    name: str
    whole: Whole = field(default_factory=Whole, compare=False, repr=False)

    @cached_property
    def content(self) -> bytes:
        """Its bytes, read once; `UnreadableSource` for one that is too large or cannot be read."""
        if self.size > MAX_BYTES:
            raise UnreadableSource(f"{self.name}: {self.size // 2**20} MiB; a file may have {MAX_BYTES // 2**20} MiB: split it")
        try:
            with io.FileIO(self.path) as stream:
                return stream.readall()
        except OSError as error:
            raise UnreadableSource(f"{self.name}: cannot be read: {error.strerror}") from error

    @property
    def size(self) -> int:
        """How many bytes it has; `UnreadableSource` for a file that is not there."""
        try:
            return self.path.stat().st_size
        except OSError as error:
            raise UnreadableSource(f"{self.name}: cannot be read: {error.strerror}") from error

    def forget(self) -> None:
        """Let go of its bytes and what they were parsed to, once all of it is read; whoever wants them again reads them again."""
        self.__dict__.pop("content", None)
        self.__dict__.pop("_parsed", None)

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of its bytes, which are kept for it where they are few; `UnreadableSource` for a file that cannot be read."""
        if self.size <= MAX_KEPT:
            return "sha256:" + sha256(self.content).hexdigest()
        try:
            with io.FileIO(self.path) as stream:
                return "sha256:" + file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise UnreadableSource(f"{self.name}: cannot be read: {error.strerror}") from error

    @cached_property
    def suffix(self) -> str:
        """The end of its name, in lower case."""
        return self.path.suffix.lower()

    def text(self) -> str:
        """Its text: UTF-8, what a byte order mark says, or what the source states; `UnreadableSource` names the first line that is neither."""
        encoding = self.source.encoding or ("utf-16" if self.content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
        try:
            return self.content.decode(encoding)
        except (UnicodeDecodeError, LookupError) as error:
            line = self.content[: error.start].count(b"\n") + 1 if isinstance(error, UnicodeDecodeError) else 1
            raise UnreadableSource(
                f"{self.name}:{line}: is not {encoding} text; save it as UTF-8, or state `encoding: cp1252` for the source"
            ) from error

    def documents(self) -> Iterator[Document]:
        """Its documents by its suffix: rows of a table, documents of YAML or JSON, a Markdown page."""
        if self.suffix == ".xlsx":
            return self._sheet()
        form = SUFFIXES.get(self.suffix)
        if form is None:
            raise UnreadableSource(
                f"{self.name}: no format is known for {self.suffix or 'a file without a suffix'}; known are {', '.join(SUFFIXES)}, .xlsx"
            )
        if form not in _KEPT or len(self.content) > MAX_KEPT:
            return documents(self.text(), self.name, form=form)
        return self._again()

    def _again(self) -> Iterator[Document]:
        parsed, fault = self._parsed
        yield from parsed
        if fault:
            raise UnreadableSource(*fault.args) from fault

    @cached_property
    def _parsed(self) -> tuple[list[Document], UnreadableSource | None]:
        """Its documents, parsed once however many look at them, and why there are no more where the rest cannot be read."""
        parsed: list[Document] = []
        try:
            parsed.extend(documents(self.text(), self.name, form=SUFFIXES[self.suffix]))
        except UnreadableSource as error:
            return parsed, error
        return parsed, None

    def _sheet(self) -> Iterator[Document]:
        """The rows of an Excel sheet, cells as text; a sheet that unpacks to more than its limits is refused before it is unpacked."""
        import openpyxl

        try:
            with zipfile.ZipFile(io.BytesIO(self.content)) as packed:
                self._small_enough(packed)
            book = openpyxl.load_workbook(io.BytesIO(self.content), read_only=True, data_only=True)
            sheet = book[self.source.sheet] if self.source.sheet else book.worksheets[0]
            rows = sheet.iter_rows(values_only=True)
            yield from self._cells(sheet.title, rows)
        except UnreadableSource:
            raise
        except Exception as error:  # openpyxl lets through what each library below it throws at a broken file, whichever that is
            raise UnreadableSource(f"{self.name}: cannot be read as an Excel file: {error}") from error

    def _small_enough(self, packed: zipfile.ZipFile) -> None:
        if sum(one.file_size for one in packed.infolist()) > MAX_UNZIPPED:
            raise UnreadableSource(f"{self.name}: unpacks to more than {MAX_UNZIPPED // 2**20} MiB; save the sheet as CSV")

    def _cells(self, title: str, rows: Iterator[tuple[Any, ...]]) -> Iterator[Document]:
        header: list[str] = []
        count = 0
        for number, row in enumerate(rows, 1):
            count += len(row)
            if count > MAX_CELLS:
                raise UnreadableSource(f"{self.name}:{title}:{number}: more than {MAX_CELLS} cells; save the sheet as CSV")
            cells = [_cell(value) for value in row]
            if not any(cells):
                continue
            if header:
                yield Document(dict(zip(header, cells, strict=False)), start=f"{title}:{number}")
            else:
                header = cells

    def records(self) -> Iterator[tuple[Mapping[str, Any], str]]:
        """(record, locator) of a table, or of a list of mappings in YAML or JSON, alone or under one key, beside which only `@` keys may stand."""
        if SUFFIXES.get(self.suffix) == "csv":
            for header, cells, line in table(self.text(), self.name):
                yield {name: cell for name, cell in zip(header, cells, strict=False) if name}, f"{self.name}:{line}"
            return
        for document in self.documents():
            value = document.value
            said = [one for key, one in value.items() if not str(key).startswith("@")] if isinstance(value, dict) else []
            if len(said) == 1 and isinstance(said[0], list):
                value = said[0]
            if isinstance(value, list):
                for number, one in enumerate(value):
                    place = document.place(one, value, number, document.start)
                    if isinstance(one, dict):
                        yield one, self.locator(place)
            elif isinstance(value, dict):
                yield value, self.locator(document.start)

    def locator(self, place: str) -> str:
        """A place in this file as origins carry it."""
        return f"{self.name}:{place}" if place else self.name

    def rows(
        self, model: type[Row], *, columns: Mapping[str, str] | None = None, records: Iterable[tuple[Mapping[str, Any], str]] | None = None
    ) -> Iterator[tuple[Row, str] | Finding]:
        """The records as rows of this model, each with its locator; a bad one is a Finding, and so are columns that nothing reads.

        `columns` maps theirs to ours in place of the source's own mapping ("" for one to leave aside), `records` stand for the file's own.
        """
        own = dict(self.source.columns if columns is None else columns)
        names = _names(model)
        for theirs, ours in own.items():
            if ours and ours not in names.values():
                raise InputError(
                    f"{self.source.name}: columns: {theirs!r} is mapped to {ours!r}, which is no column here{nearest(ours, names.values())}"
                )
        reading = _Reading(model, own)
        if records is None and SUFFIXES.get(self.suffix) == "csv":
            return reading.table(table(self.text(), self.name), self.name)
        return reading.records(self.records() if records is None else records)

    @cached_property
    def first(self) -> Mapping[str, Any]:
        """The first record, read once however many loaders look at it; empty for a file that has none."""
        try:
            return next(iter(self.records()), ({}, ""))[0]
        except UnreadableSource:
            return {}

    def header(self) -> frozenset[str]:
        """The folded names of the first record's fields, as this source maps them; empty for a file that has none."""
        return frozenset(_folded(self.source.columns.get(name, name)) for name in self.first)


class _Reading(Generic[Row]):
    """The reading of records as rows of one model: what each column is, and how a text in it becomes a value.

    Cells that are texts become values one by one, as the model says of their field. A row with anything that is not taken so goes to the
    model as a whole, which says what is wrong: there is one truth, and it is asked where it matters.
    """

    def __init__(self, model: type[Row], own: Mapping[str, str]) -> None:
        self.model, self.own, self.known = model, own, _names(model)
        self.blank, self.size = _blank(model), len(self.known)
        self.columns: dict[str, tuple[str, Callable[[str], Any]]] = {"": ("", str)}

    def column(self, header: str, where: str) -> Iterator[Finding]:
        """Settle what a column is; a Finding for one that nothing reads."""
        ours = self.own[header] if header in self.own else self.known.get(_folded(header), "")
        self.columns[header] = ours, _maker(self.model, ours) if ours else str
        if not ours and header.strip():
            yield _unread_column(where, header, self.known)

    def table(self, rows: Iterable[tuple[list[str], list[str], int]], name: str) -> Iterator[tuple[Row, str] | Finding]:
        """The rows of a table of text."""
        blank, model, size = self.blank, self.model, self.size
        columns: list[tuple[str, Callable[[str], Any]]] = []
        for header, cells, line in rows:
            where = f"{name}:{line}"
            for heading in header[len(columns) : len(cells)]:
                if heading:
                    yield from self.column(heading, where)
                columns.append(self.columns[heading])
            fields = blank.copy()
            try:
                for (ours, make), cell in zip(columns, cells, strict=False):
                    if cell:
                        fields[ours] = make(cell)
            except ValueError:
                fields.clear()
            fields.pop("", None)
            if len(fields) == size and not (row := trusted(model, fields)).fault():
                yield row, where
            else:
                yield from self.whole({ours: cell for (ours, _), cell in zip(columns, cells, strict=False) if ours and cell}, where)

    def records(self, records: Iterable[tuple[Mapping[str, Any], str]]) -> Iterator[tuple[Row, str] | Finding]:
        """The rows of records, whatever their cells are."""
        blank, model, size, columns = self.blank, self.model, self.size, self.columns
        for record, where in records:
            for heading in record:
                if heading not in columns:
                    yield from self.column(heading, where)
            fields = blank.copy()
            try:
                for heading, cell in record.items():
                    if cell not in _NOTHING:
                        ours, make = columns[heading]
                        fields[ours] = make(cell)
            except (ValueError, TypeError):
                fields.clear()
            fields.pop("", None)
            if len(fields) == size and not (row := trusted(model, fields)).fault():
                yield row, where
            else:
                said = ((columns[heading][0], cell) for heading, cell in record.items() if cell not in _NOTHING)
                yield from self.whole({ours: cell for ours, cell in said if ours}, where)

    def whole(self, said: Mapping[str, Any], where: str) -> Iterable[tuple[Row, str] | Finding]:
        """The row that the model makes of what was said, or what it says is wrong."""
        try:
            return ((self.model.model_validate(said), where),)
        except ValidationError as error:
            return _bad_row(error, where)


@lru_cache(64)
def _names(model: type[Record]) -> Mapping[str, str]:
    """The fields of a row by their folded names."""
    return {_folded(name): name for name in model.model_fields}


@lru_cache(64)
def _blank(model: type[Record]) -> dict[str, Any]:
    """What a row says where its cells say nothing."""
    return {name: one.default for name, one in model.model_fields.items() if not one.is_required() and one.default_factory is None}


@lru_cache(1 << 10)
def _maker(model: type[Record], name: str) -> Callable[[str], Any]:
    """What makes a value of this field of a text; ValueError or TypeError where that is for the model to say."""
    field = model.model_fields[name]
    if (known := _PLAINLY.get(repr(field.metadata))) and field.annotation == known[0]:
        return known[1]
    return lru_cache(1 << 10)(partial(_only_text, TypeAdapter[Any](field.rebuild_annotation()).validate_python))


def _only_text(validate: Callable[[str], Any], cell: str) -> Any:
    if type(cell) is not str:
        raise TypeError
    return validate(cell)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, date):
        return value.isoformat()[:10]
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


@lru_cache(1 << 12)
def _folded(name: str) -> str:
    return re.sub(r"[\s_\-]+", "", name).casefold()


def _unread_column(where: str, header: str, known: Mapping[str, str]) -> Finding:
    message = f"{where}: nothing reads the column {header!r}{_near_column(_folded(header), tuple(known))}"
    remedy = "Map it under `columns:` in the workspace file, or leave it."
    return Finding(id=f"column:{where}:{header}", check="column", level="note", subject=header, message=message, remedy=remedy)


@lru_cache(1 << 8)  # the files of a folder have the same columns
def _near_column(header: str, known: tuple[str, ...]) -> str:
    return nearest(header, known)


def _bad_row(error: ValidationError, where: str) -> Iterator[Finding]:
    for fault in error.errors():
        field = ".".join(map(str, fault["loc"])) or "row"
        message = f"{where}: {field}: {fault['msg'].removeprefix('Value error, ')}"
        if fault["type"] not in ("missing", "value_error"):
            message += f", not {fault['input']!r}"
        yield Finding(id=f"row:{where}:{field}", check="row", level="error", subject=where, message=message)


# cells


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(text for one in value.split(";") if (text := one.strip()))
    return tuple(map(str, value)) if isinstance(value, list) else value


def _flag(value: object) -> object:
    if isinstance(value, str) and (text := value.strip().casefold()) in _FLAGS:
        return _FLAGS[text]
    return value


_FLAGS = {"yes": True, "true": True, "1": True, "x": True, "no": False, "false": False, "0": False}


Text = Annotated[str, StringConstraints(strip_whitespace=True), Field(coerce_numbers_to_str=True)]
Many = Annotated[tuple[str, ...], BeforeValidator(_split)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Day = date


class Record(BaseModel):
    """A row: fields are columns; what is not among them was said to be unread before."""

    model_config = ConfigDict(extra="ignore", defer_build=True)

    def fault(self) -> str:
        """Why this is no row although each of its fields is well; blank for one that is."""
        return ""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if said := self.fault():
            raise ValueError(said)
        return self


def _many(cell: str) -> tuple[str, ...]:
    if type(cell) is not str:
        raise TypeError
    return cast("tuple[str, ...]", _split(cell))


class _Known(BaseModel):
    text: Text
    many: Many


# what pydantic makes of Text and of Many, to know them again: what makes them of a text without it
_PLAINLY: Mapping[str, tuple[object, Callable[[str], Any]]] = {
    repr(field.metadata): (field.annotation, make) for field, make in zip(_Known.model_fields.values(), (str.strip, _many), strict=True)
}


class Kept(Record):
    """The columns of whatever must be kept true."""

    owner: Text = ""
    review: Text = ""
    verified_at: Day | None = None
    verified_by: Text = ""
    valid_from: Day | None = None
    valid_to: Day | None = None

    def kept(self) -> Properties:
        """How fresh it is, as properties."""
        if not (self.review or self.verified_at or self.verified_by):
            return {}
        verified = self.verified_at.isoformat() if self.verified_at else ""
        return filled(review=self.review, verified_at=verified, verified_by=reference("person", self.verified_by))


def filled(**values: Any) -> Properties:
    """The properties that say something."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items() if value or type(value) in _NUMBERS}


_NUMBERS = frozenset((int, float, bool))  # nought and no say something, too


def reference(prefix: str, text: str) -> str:
    """The id that a cell names: as it stands if it has a prefix, else a slug with this one; "" for a blank."""
    if ":" in text:
        head, _, rest = text.partition(":")
        if rest and " " not in text and _prefix(head):
            return text
    return _slugged(prefix, text) if text else ""


@lru_cache(1 << 10)
def _prefix(head: str) -> bool:
    return head.isidentifier() and head.islower()


@lru_cache(1 << 14)
def _slugged(prefix: str, text: str) -> str:
    return f"{prefix}:{slug(text)}"


@lru_cache(64)
def at(where: str) -> tuple[Origin, ...]:
    """The origin of a fact at this place."""
    return (trusted(Origin, {"source": "", "locator": where, "loaded_at": None, "digest": ""}),)


def thing(
    kind: str,
    id_: str,
    where: str,
    *,
    name: str = "",
    properties: Mapping[str, PropertyValue] | None = None,
    sensitivity: str = "",
    valid_from: Day | None = None,
    valid_to: Day | None = None,
) -> Entity:
    """An entity read at this place."""
    fields: dict[str, Any] = {
        "id": id_,
        "kind": kind,
        "name": name,
        "properties": dict(properties) if properties else {},
        "sensitivity": sensitivity,
        "valid_from": valid_from,
        "valid_to": valid_to,
        "origins": at(where),
        "aliases": (),
        "conflicts": (),
    }
    sure = type(id_) is type(kind) is type(name) is type(sensitivity) is str and (
        valid_from is valid_to is None or _days(valid_from, valid_to)
    )
    return trusted(Entity, fields) if sure and (not properties or _plain(fields["properties"])) else Entity(**fields)


def link(
    source: str,
    kind: str,
    target: str,
    where: str,
    *,
    properties: Mapping[str, PropertyValue] | None = None,
    valid_from: Day | None = None,
    valid_to: Day | None = None,
) -> tuple[Relation, ...]:
    """A relation read at this place; nothing where an end is blank."""
    if not source or not target:
        return ()
    fields: dict[str, Any] = {
        "source": source,
        "kind": kind,
        "target": target,
        "properties": dict(properties) if properties else {},
        "valid_from": valid_from,
        "valid_to": valid_to,
        "origins": at(where),
        "conflicts": (),
    }
    sure = type(source) is type(kind) is type(target) is str and (valid_from is valid_to is None or _days(valid_from, valid_to))
    return (trusted(Relation, fields) if sure and (not properties or _plain(fields["properties"])) else Relation(**fields),)


_SCALARS = frozenset((str, int, float, bool))
_DAYS = frozenset((date, type(None)))


def _days(*values: object) -> bool:
    return all(type(value) in _DAYS for value in values)


def _plain(properties: Properties) -> bool:
    """Whether these are properties beyond doubt, as those of rows are that were checked when they were read."""
    for value in properties.values():
        if type(value) not in _SCALARS and not (type(value) is list and all(type(one) in _SCALARS for one in value)):
            return False
    return True
