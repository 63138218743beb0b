"""Documents of any format as plain dicts, lists and texts that remember where each record stood: YAML, JSON, TOML, XML, Markdown, CSV.

Nothing in a document can run, reach out or grow: YAML knows no tags and no dates (a scalar of the form of a day stays the text that it
is, so that an impossible day spoils one value and not the file), XML knows no entities, and anchors that multiply are refused.
"""

from __future__ import annotations

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportMissingTypeStubs=false
# PyYAML is typed loosely; what leaves this module is `object`.
import csv
import io
import json
import re
import tomllib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import Any, TypeAlias
from xml.parsers import expat

import yaml

from graph import UnreadableSource

Place: TypeAlias = str
MAX_NODES = 5_000_000  # of a document after its anchors are expanded
MAX_DEPTH = 200
MAX_COLUMNS = 16_384  # as many as a sheet of Excel has


@dataclass
class Document:
    """A value and where its parts stood: a line (`12`) or a JSONPath (`$.teams[3]`), by the identity of the container and by key or index.

    `names` are what a record can be asked for beside its own fields (`body` of a Markdown file). `faults` are what was met that could
    be read only in part: the sort (`repeated`, `ragged`), the place and the text. `containers` and `items` are told by `at` and `under`.
    """

    value: object
    names: Mapping[str, object] = field(default_factory=dict[str, object])
    start: Place = ""
    containers: dict[int, Place] = field(default_factory=dict[int, Place])
    items: dict[int, dict[str | int, Place]] = field(default_factory=dict[int, dict[str | int, Place]])
    faults: list[tuple[str, Place, str]] = field(default_factory=list[tuple[str, Place, str]])

    def place(self, value: object, parent: object, key: str | int, default: Place) -> Place:
        """Where a value stood that a path has found: itself, or as the item of its parent; `default` when it was made on the way."""
        return (self.at(value) if isinstance(value, dict | list) else self.under(parent, key)) or default

    def at(self, value: object) -> Place:
        """Where a mapping or a list stood; "" for one that was made on the way."""
        return self.containers.get(id(value), "")

    def under(self, parent: object, key: str | int) -> Place:
        """Where the value stood that a mapping or a list has under this key; "" where there is none, or its parent was made on the way."""
        return self.items.get(id(parent), {}).get(key, "")


@dataclass
class _Paths(Document):
    """A document whose places are paths: they are worked out when they are asked for, since most are never spoken of."""

    def __post_init__(self) -> None:
        self.above: dict[int, tuple[Any, str | int]] = {}
        self.open: deque[Any] = deque([self.value] if type(self.value) in _CONTAINERS else [])

    def at(self, value: object) -> Place:
        if value is self.value:
            return self.start
        place = self.containers.get(id(value), "")
        if not place and (above := self._above(value)):
            place = self.containers[id(value)] = f"{self.at(above[0])}{step(above[1])}"
        return place

    def under(self, parent: object, key: str | int) -> Place:
        held = key in parent if isinstance(parent, dict) else isinstance(parent, list) and isinstance(key, int) and key < len(parent)
        place = self.at(parent) if held else ""
        return f"{place}{step(key)}" if place else ""

    def _above(self, value: object) -> tuple[Any, str | int] | None:
        """What holds a mapping or a list, and under which key: the document is gone through by levels, and no farther than to what was asked for."""
        while id(value) not in self.above and self.open:
            parent = self.open.popleft()
            for key, one in parent.items() if type(parent) is dict else enumerate(parent):
                if type(one) in _CONTAINERS:
                    self.above[id(one)] = parent, key
                    self.open.append(one)
        return self.above.get(id(value))


# YAML

_Safe: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C library's where PyYAML was built with it


class _Yaml(_Safe):
    """A safe loader after YAML 1.2's core schema: only true and false are booleans, and no scalar is a date."""


_Yaml.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("tag:yaml.org,2002:bool", re.compile(r"true|True|TRUE|false|False|FALSE"), "tTfF"),
    ("tag:yaml.org,2002:int", re.compile(r"[-+]?(?:0|[1-9]\d*)"), "-+0123456789"),
    ("tag:yaml.org,2002:float", re.compile(r"[-+]?(?:\d+\.\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?\d+[eE][-+]?\d+"), "-+.0123456789"),
    ("tag:yaml.org,2002:null", re.compile(r"~|null|Null|NULL|"), ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:merge", re.compile(r"<<"), "<"),
):
    _Yaml.add_implicit_resolver(_tag, re.compile(rf"^(?:{_pattern.pattern})$"), list(_first))


_OPENERS = 2000  # that many levels no parser dies of
_STAIRS = re.compile(rf"^[ \t?:-]{{{_OPENERS}}}", re.MULTILINE)


def _not_too_deep(text: str, name: str) -> None:
    """Refuse what is nested so deep that the C library's composer would die of it: it calls itself without end, and its parser does not."""
    if text.count("[") + text.count("{") <= _OPENERS and not _STAIRS.search(text):
        return
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_Safe):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                line = event.start_mark.line + 1 if event.start_mark else 1
                raise UnreadableSource(f"{name}:{line}: more than {MAX_DEPTH} levels deep; write the values out")
    except (yaml.YAMLError, RecursionError):
        return  # said with its line by whoever reads it


def _yaml(text: str, name: str) -> Iterator[Document]:
    _not_too_deep(text, name)
    loader = _Yaml(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is not None:
                yield _Builder(loader, name).document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise UnreadableSource(f"{name}:{mark.line + 1 if mark else 1}: no valid YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise UnreadableSource(f"{name}: no valid YAML: {str(error).splitlines()[0]}") from error
    finally:
        loader.dispose()


_SCALARS: Mapping[str, Callable[[str], object]] = {
    "tag:yaml.org,2002:bool": lambda text: text.lower() == "true",
    "tag:yaml.org,2002:int": int,
    "tag:yaml.org,2002:float": float,
    "tag:yaml.org,2002:null": lambda _: None,
}


def _scalar(tag: str, text: str) -> object:
    try:
        return _SCALARS.get(tag, str)(text)
    except ValueError:  # a tag that its author wrote and that the text does not fit
        return text


_MERGE = "tag:yaml.org,2002:merge"


class _Builder:
    """Makes values of one document's nodes, each node once, and writes down their lines."""

    def __init__(self, loader: Any, name: str) -> None:
        self.loader, self.name = loader, name
        self.done: dict[int, tuple[object, int]] = {}
        self.open: set[int] = set()
        self.made = Document(None)

    def document(self, node: Any) -> Document:
        self.made.start = str(node.start_mark.line + 1)
        self.made.value, _ = self.value(node, node.start_mark.line + 1)
        return self.made

    def value(self, node: Any, line: int) -> tuple[object, int]:
        """The node's value and how many nodes it stands for when its anchors are expanded."""
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node.tag, node.value), 1
        if (known := self.done.get(id(node))) is not None:
            return known
        if id(node) in self.open or len(self.open) >= MAX_DEPTH:
            why = "an anchor contains itself" if id(node) in self.open else f"more than {MAX_DEPTH} levels deep"
            raise UnreadableSource(f"{self.name}:{node.start_mark.line + 1}: {why}; write the values out")
        self.open.add(id(node))
        made, size = (self.mapping if isinstance(node, yaml.MappingNode) else self.sequence)(node)
        self.open.discard(id(node))
        if size > MAX_NODES:
            raise UnreadableSource(f"{self.name}:{line}: its anchors expand to more than {MAX_NODES:,} values; write the values out")
        self.made.containers[id(made)] = str(line)
        self.done[id(node)] = made, size
        return made, size

    def sequence(self, node: Any) -> tuple[object, int]:
        made, size = list[object](), 1
        places = self.made.items[id(made)] = {}
        for index, item in enumerate(node.value):
            line = item.start_mark.line + 1
            value, more = self.value(item, line)
            places[index] = str(line)
            made.append(value)
            size += more
        return made, size

    def flatten(self, node: Any) -> None:
        """Put what a mapping merges (`<<`) in place of the merge, each key once: PyYAML's own way multiplies with every level."""
        merges = [value for key, value in node.value if key.tag == _MERGE]
        if not merges:
            return
        node.value = [pair for pair in node.value if pair[0].tag != _MERGE]
        found: dict[object, Any] = {}
        for value in merges:
            for one in value.value[::-1] if isinstance(value, yaml.SequenceNode) else [value]:
                if not isinstance(one, yaml.MappingNode):
                    raise UnreadableSource(f"{self.name}:{one.start_mark.line + 1}: `<<` merges mappings only")
                self.flatten(one)
                found.update({(key.value if isinstance(key, yaml.ScalarNode) else id(key)): (key, item) for key, item in one.value})
        node.value = [*found.values(), *node.value]

    def mapping(self, node: Any) -> tuple[object, int]:
        made, size = dict[str, object](), 1
        places = self.made.items[id(made)] = {}
        self.flatten(node)
        for key, item in node.value:
            line = key.start_mark.line + 1
            name = key.value if isinstance(key, yaml.ScalarNode) else str(self.value(key, line)[0])
            if name in made and places[name] != str(line):
                self.made.faults.append(("repeated", str(line), name))
            made[name], more = self.value(item, line)
            places[name] = str(line)
            size += more
        return made, size


# JSON and TOML: places are paths


_HALF = re.compile(r"\\u[dD][89a-fA-F]")


def _of_json(text: str) -> object:
    """The value of a JSON text; ValueError for one with half of a sign (a lone surrogate), which no text can hold."""
    value = json.loads(text)
    if _HALF.search(text):
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _json(text: str, name: str) -> Iterator[Document]:
    try:
        value = _of_json(text)
    except json.JSONDecodeError as error:
        raise UnreadableSource(f"{name}:{error.lineno}: no valid JSON: {error.msg} at column {error.colno}") from error
    except ValueError as error:
        raise UnreadableSource(
            f"{name}: no valid JSON: half of a sign (a lone surrogate), or a number of more digits than anybody writes"
        ) from error
    except RecursionError as error:
        raise UnreadableSource(f"{name}: more levels deep than any document that people write") from error
    yield _pathed(value, name)


def _json_lines(text: str, name: str) -> Iterator[Document]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield Document(_of_json(line), start=str(number))
        except (ValueError, RecursionError) as error:
            raise UnreadableSource(f"{name}:{number}: no valid JSON: {error}") from error


def _toml(text: str, name: str) -> Iterator[Document]:
    try:
        value = tomllib.loads(text)
    except RecursionError as error:
        raise UnreadableSource(f"{name}: more levels deep than any document that people write") from error
    except ValueError as error:
        raise UnreadableSource(f"{name}: no valid TOML: {error}") from error
    yield _pathed(json.loads(json.dumps(value, default=str)), name)  # days and times as the text that they are


def _pathed(value: object, name: str) -> Document:
    made = _Paths(value, start="$")
    level = [value] if type(value) in _CONTAINERS else []
    depth = 0
    while level and depth <= MAX_DEPTH:
        depth += 1
        level = [one for held in level for one in _held(held) if type(one) in _CONTAINERS]
    if level:
        raise UnreadableSource(f"{name}:{made.at(level[0])[:80]}: more than {MAX_DEPTH} levels deep")
    return made


_CONTAINERS = (dict, list)


def _held(parent: Any) -> Iterable[Any]:
    return parent.values() if type(parent) is dict else parent


@lru_cache(maxsize=4096)  # the records of a file have the same few keys
def step(key: str | int) -> str:
    """One step of a JSONPath."""
    if isinstance(key, int):
        return f"[{key}]"
    return f".{key}" if key.isidentifier() else f"[{json.dumps(key, ensure_ascii=False)}]"


# XML: attributes as @name, text as #text, names without their namespace; an element of nothing but text is that text


def strict(name: str, *, separator: str | None = None) -> expat.XMLParserType:
    """A parser for the file of this name that refuses entities and what lies outside, as defusedxml does; `separator` ends a namespace."""
    parser = expat.ParserCreate(namespace_separator=separator)

    def refuse(*_: object) -> int:
        raise UnreadableSource(
            f"{name}:{parser.CurrentLineNumber}: declares entities or refers to the outside, which is refused; write their text out"
        )

    parser.buffer_text = True
    parser.EntityDeclHandler = parser.ExternalEntityRefHandler = refuse
    return parser


class _Elements:
    def __init__(self, name: str, lists: frozenset[str]) -> None:
        self.name, self.lists = name, lists
        self.made = Document(None, start="1")
        self.stack: list[tuple[str, dict[str, object], list[str], str]] = []
        self.root: dict[str, object] = {}
        self.parser = strict(name)
        # a document type that lies outside is refused too
        self.parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_UNLESS_STANDALONE)
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.characters

    def start(self, name: str, attributes: dict[str, str]) -> None:
        line = str(self.parser.CurrentLineNumber)
        if len(self.stack) >= MAX_DEPTH:
            raise UnreadableSource(f"{self.name}:{line}: more than {MAX_DEPTH} levels deep")
        made: dict[str, object] = {
            f"@{_local(key)}": value for key, value in attributes.items() if key != "xmlns" and not key.startswith("xmlns:")
        }
        self.stack.append((_local(name), made, [], line))

    def characters(self, text: str) -> None:
        self.stack[-1][2].append(text)

    def end(self, _name: str) -> None:
        own, made, texts, line = self.stack.pop()
        text = "".join(texts).strip()
        if made and text:
            made["#text"] = text
        self.made.containers[id(made)] = line
        self._add(self.stack[-1][1] if self.stack else self.root, own, made or text, line)

    def _add(self, parent: dict[str, object], name: str, value: object, place: Place) -> None:
        places = self.made.items.setdefault(id(parent), {})
        held = parent.get(name)
        if isinstance(held, list):
            self.made.items[id(held)][len(held)] = place
            held.append(value)
        elif name in parent or name in self.lists:
            several = [held, value] if name in parent else [value]
            self.made.items[id(several)] = dict(enumerate((places.get(name, place), place)[-len(several) :]))
            parent[name] = several
        else:
            parent[name] = value
            places[name] = place


@lru_cache(maxsize=4096)  # the elements of a file have the same few names
def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _xml(text: str, name: str, lists: frozenset[str] = frozenset()) -> Iterator[Document]:
    elements = _Elements(name, lists)
    try:
        elements.parser.Parse(re.sub(r"^\s*<\?xml[^>]*\?>", "", text).encode(), True)
    except expat.ExpatError as error:
        raise UnreadableSource(f"{name}:{error.lineno}: no valid XML: {expat.ErrorString(error.code)}") from error
    finally:
        del elements.parser  # it holds its handlers, which hold it
    elements.made.value = elements.root
    yield elements.made


# Markdown: the front matter is the record, the text is its $body

_FRONT = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*\r?(?:\n|\Z)", re.DOTALL | re.MULTILINE)


def _markdown(text: str, name: str) -> Iterator[Document]:
    front = _FRONT.match(text)
    if not front and re.match(r"\ufeff?---[ \t]*\r?\n", text):
        raise UnreadableSource(f"{name}:1: the front matter is not closed; a line with --- must end it")
    made = next(_yaml("\n" + front.group(1), name), Document({})) if front else Document({})
    body = text[front.end() :] if front else text
    line = text.count("\n", 0, front.end()) + 1 if front else 1
    made.names, made.start = {"body": body, "body_line": line}, "1"
    yield made


# tables of text: each row is a document of its own, so that a long file is never held as a whole

_DELIMITERS = ",;\t|"


def _csv(text: str, name: str) -> Iterator[Document]:
    return (_row(header, row, str(line)) for header, row, line in table(text, name))


def table(text: str, name: str) -> Iterator[tuple[list[str], list[str], int]]:
    """(header, cells, line) of each row of a text table that is not blank; the header is one list for all. Raises UnreadableSource."""
    delimiter = max(_DELIMITERS, key=next((line for line in _lines(text) if line.strip()), "").count)
    rows = csv.reader(_lines(text), delimiter=delimiter, strict=True)
    header: list[str] = []
    start = 1
    try:
        for row in rows:
            start, line = rows.line_num + 1, start
            if not (row and row[0].strip()) and not any(map(str.strip, row)):
                continue
            if header:
                yield header, row, line
            else:
                header = _header(row, f"{name}:{line}")
    except csv.Error as error:
        raise UnreadableSource(f"{name}:{start}: no valid CSV: {error}") from error


_STRETCH = 1 << 16  # characters


def _lines(text: str) -> Iterator[str]:
    """The lines of a text with their ends, stretch by stretch: a stream over all of it would hold it a second time, at four bytes a character."""
    return chain.from_iterable(io.StringIO(stretch, newline="") for stretch in _stretches(text))


def _stretches(text: str) -> Iterator[str]:
    """A text in pieces of some size, each up to the end of a line."""
    start = 0
    while start < len(text):
        end = text.find("\n", start + _STRETCH) + 1 or len(text)
        yield text[start:end]
        start = end


def _header(row: list[str], locator: str) -> list[str]:
    names = [cell.strip() for cell in row]
    if len(names) > MAX_COLUMNS:
        raise UnreadableSource(f"{locator}: {len(names)} columns; a table may have {MAX_COLUMNS}")
    double = next((cell for cell, count in Counter(names).items() if cell and count > 1), "")
    if double:
        raise UnreadableSource(f"{locator}: two columns are named {double!r}; each needs a name of its own")
    return names


def _row(header: list[str], row: list[str], line: Place) -> Document:
    made = Document({name: cell for name, cell in zip(header, row, strict=False) if name}, start=line)
    if len(row) > len(header) and any(cell.strip() for cell in row[len(header) :]):
        made.faults.append(("ragged", line, "; ".join(row[len(header) :])))
    return made


FORMATS: Mapping[str, Callable[[str, str], Iterator[Document]]] = {
    "csv": _csv,
    "yaml": _yaml,
    "json": _json,
    "jsonl": _json_lines,
    "toml": _toml,
    "xml": _xml,
    "markdown": _markdown,
}
SUFFIXES: Mapping[str, str] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".toml": "toml",
    ".xml": "xml",
    ".md": "markdown",
    ".markdown": "markdown",
}


def documents(text: str, name: str, *, form: str, lists: frozenset[str] = frozenset()) -> Iterator[Document]:
    """The documents of a text of one of FORMATS; XML elements named in `lists` are always lists. Raises UnreadableSource with `name:line`."""
    if form == "xml":
        return _xml(text, name, lists)
    return FORMATS[form](text, name)
