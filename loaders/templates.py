"""The language of a mapping's values: JMESPath paths, filters and tables turn a record into text; files and facts are none of its business.

A template is text with placeholders, `{path | filter | filter('argument') ?? other path}`:

- the path is JMESPath (jmespath.org) over the record; a name with a hyphen, `$name`, `@attribute` and `#text` need no quotes of their own;
- `$name` reaches what stands around the record: `$parent`, `$root`, `$key`, `$index`, `$file`, `$dir`, `$stem`, `$body`, `$id`, or a `let`;
- filters follow after `|` and work on every value of a list; `??` gives the next alternative where nothing came out;
- a template that is one placeholder keeps the values' types and may have many values; text around placeholders makes text, one for each
  combination of their values; a placeholder with no value leaves the whole template without one.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import product
from typing import NamedTuple, TypeAlias, cast

import jmespath
from jmespath.exceptions import JMESPathError

from graph import nearest, slug

Scalar: TypeAlias = str | int | float | bool
Values: TypeAlias = list[object]
_OTHERWISE = ("keep", "drop", "finding")


@dataclass(slots=True)
class Setting:
    """What a template is filled from: the record, the names around it, the tables; and who is told what could not be read.

    `missed` is called with the sort of fault (`placeholder`, `unreadable`, `unlisted`) and the text that was met.
    """

    record: object
    names: dict[str, object]
    tables: Mapping[str, Mapping[str, Values]]
    nothing: frozenset[str]
    missed: Callable[[str, str], None]


# paths

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`[^`]*`|([$@#]?[^\W\d][\w-]*)')
_SIMPLE = re.compile(r"[$@#]?[^\W\d][\w-]*(?:\.[@#]?[^\W\d][\w-]*)*")
_PLAIN = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def _quoted(token: re.Match[str]) -> str:
    name = token.group(1)
    return token.group() if name is None or _PLAIN.fullmatch(name) else f'"{name}"'


class Path:
    """A compiled JMESPath with names from around the record. Raises ValueError for text that is none."""

    def __init__(self, text: str) -> None:
        self.text = text.strip() or "@"
        self._keys = tuple(self.text.split(".")) if _SIMPLE.fullmatch(self.text) else ()
        self._around = "$" in self.text
        if self._keys or self.text == "@":
            return
        try:
            with warnings.catch_warnings(action="ignore", category=PendingDeprecationWarning):  # `text` for `"text"`: JMESPath's older form
                self._compiled = jmespath.compile(_TOKEN.sub(_quoted, self.text))
        except JMESPathError as error:
            reason = str(error).splitlines()[0]
            raise ValueError(f"{text!r} is no JMESPath: {reason}; names with blanks need double quotes") from error

    def search(self, record: object, names: Mapping[str, object]) -> object:
        """What the path finds, None where nothing."""
        if self.text == "@":
            return record
        if self._keys:
            return self._walk(names if self._around else record)
        try:
            return self._compiled.search(_merged(record, names) if self._around else record)
        except JMESPathError:  # a function met a type that it does not take: this record has no such value
            return None

    def _walk(self, found: object) -> object:
        for key in self._keys:
            if not isinstance(found, dict):
                return None
            found = cast(dict[str, object], found).get(key)
        return found


def _merged(record: object, names: Mapping[str, object]) -> dict[str, object]:
    return {**cast(dict[str, object], record), **names} if isinstance(record, dict) else dict(names)


# filters: each takes all values that came so far with its arguments, and gives all that go on

Arguments: TypeAlias = tuple[str, ...]
Filter: TypeAlias = Callable[[Values, Setting, Arguments], Values]
_FLAGS = re.IGNORECASE | re.MULTILINE  # of every pattern: `^` and `$` are those of a line


def _texts(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        yield str(value).lower() if isinstance(value, bool) else str(value)


def _each(change: Callable[[str, Arguments], str]) -> Filter:
    return lambda values, _, arguments: [change(text, arguments) for text in _texts(values)]


def _strip(text: str, arguments: Arguments) -> str:
    return text.strip(*arguments[:1])


def _found(text: str, arguments: Arguments) -> str:
    match = re.search(arguments[0], text, _FLAGS)
    if not match:
        return ""
    return next((group for group in match.groups() if group), "") if match.re.groups else match.group()


def _findall(values: Values, _: Setting, arguments: Arguments) -> Values:
    matches = (match for text in _texts(values) for match in re.finditer(arguments[0], text, _FLAGS))
    return [match.group(1 if match.re.groups else 0) for match in matches]


def _only(values: Values, _: Setting, arguments: Arguments) -> Values:
    return [text for text in _texts(values) if re.search(arguments[0], text, _FLAGS)]


def _without(values: Values, _: Setting, arguments: Arguments) -> Values:
    return [text for text in _texts(values) if not re.search(arguments[0], text, _FLAGS)]


def _expect(values: Values, setting: Setting, arguments: Arguments) -> Values:
    for text in _without(values, setting, arguments):
        setting.missed("unreadable", str(text))
    return _only(values, setting, arguments)


def _split(values: Values, _: Setting, arguments: Arguments) -> Values:
    mark = arguments[0] if arguments else ","
    return [piece.strip() for text in _texts(values) for piece in text.split(mark)]


def _join(values: Values, _: Setting, arguments: Arguments) -> Values:
    return [(arguments[0] if arguments else ", ").join(_texts(values))] if values else []


_DAY = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ].*)?", re.DOTALL)


def _day(text: str, forms: Arguments) -> str:
    if not forms and (match := _DAY.fullmatch(text)):
        return date(*map(int, match.groups())).isoformat()
    for form in forms:
        try:
            return datetime.strptime(text, form).date().isoformat()  # noqa: DTZ007  # a day has no time zone
        except ValueError:
            continue
    raise ValueError(text)


def _number(text: str, _: Arguments) -> Scalar:
    try:
        return int(text)
    except ValueError:
        return float(text)


_TRUTH: Mapping[str, bool] = {
    **dict.fromkeys(["true", "yes", "y", "1", "x", "on"], True),
    **dict.fromkeys(["false", "no", "n", "0", "off"], False),
}


def _boolean(text: str, _: Arguments) -> bool:
    if (truth := _TRUTH.get(text.lower())) is None:
        raise ValueError(text)
    return truth


def _read(convert: Callable[[str, Arguments], Scalar]) -> Filter:
    """A filter of texts that may be unreadable: such a one is told and left out."""

    def read(values: Values, setting: Setting, arguments: Arguments) -> Values:
        done: Values = []
        for text in map(str.strip, _texts(values)):
            try:
                done.append(convert(text, arguments))
            except ValueError:
                setting.missed("unreadable", text)
        return done

    return read


def _map(values: Values, setting: Setting, arguments: Arguments) -> Values:
    known, otherwise = setting.tables[arguments[0]], arguments[1] if arguments[1:] else "keep"
    done: Values = []
    for value, text in zip(values, _texts(values), strict=True):
        if (listed := known.get(fold(text))) is not None:
            done += listed
        elif otherwise == "keep":
            done.append(value)
        elif otherwise == "finding":
            setting.missed("unlisted", text)
    return done


_HEADING = re.compile(r"^#{1,6}\s", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(\s*<?([^)\s>]+)>?[^)]*\)")
_MARKDOWN: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"<!--.*?-->", re.DOTALL), ""),
    (re.compile(r"!\[[^\]]*\]\([^)]*\)"), ""),
    (_LINK, r"\1"),
    (re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1"), r"\2"),
    (re.compile(r"[ \t]+$", re.MULTILINE), ""),
    (re.compile(r"(?<=\S)[ \t]*\n(?=[^\s#>*+|-])"), " "),
    (re.compile(r"\n{3,}"), "\n\n"),
)


def _plain(text: str) -> str:
    for pattern, instead in _MARKDOWN:
        text = pattern.sub(instead, text)
    return text.strip()


def _lead(text: str) -> str:
    heading = _HEADING.search(text)
    return _plain(text[: heading.start()] if heading else text)


def _links(values: Values, _: Setting, __: Arguments) -> Values:
    return [match.group(2) for text in _texts(values) for match in _LINK.finditer(text)]


def _keys_of(values: Values, _: Setting, __: Arguments) -> Values:
    return [key for value in values if isinstance(value, Mapping) for key in cast(Mapping[str, object], value)]


def _default(values: Values, _: Setting, arguments: Arguments) -> Values:
    return values or list(arguments)


def _first(values: Values, _: Setting, __: Arguments) -> Values:
    return values[:1]


def _last(values: Values, _: Setting, __: Arguments) -> Values:
    return values[-1:]


def _unique(values: Values, _: Setting, __: Arguments) -> Values:
    return list(dict.fromkeys(_texts(values)))


def _last_of(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


class _Known(NamedTuple):
    apply: Filter
    least: int = 0
    most: int = 0


FILTERS: Mapping[str, _Known] = {
    "basename": _Known(_each(lambda text, _: _last_of(text))),
    "boolean": _Known(_read(_boolean)),
    "day": _Known(_read(_day), 0, 9),
    "default": _Known(_default, 1, 1),
    "dirname": _Known(_each(lambda text, _: text.rstrip("/").rpartition("/")[0])),
    "expect": _Known(_expect, 1, 1),
    "findall": _Known(_findall, 1, 1),
    "first": _Known(_first),
    "join": _Known(_join, 0, 1),
    "keys": _Known(_keys_of),
    "last": _Known(_last),
    "lead": _Known(_each(lambda text, _: _lead(text))),
    "links": _Known(_links),
    "lower": _Known(_each(lambda text, _: text.lower())),
    "map": _Known(_map, 1, 2),
    "number": _Known(_read(_number)),
    "only": _Known(_only, 1, 1),
    "regex": _Known(_each(_found), 1, 1),
    "replace": _Known(_each(lambda text, arguments: text.replace(arguments[0], arguments[1])), 2, 2),
    "slug": _Known(_each(lambda text, _: slug(text))),
    "split": _Known(_split, 0, 1),
    "stem": _Known(_each(lambda text, _: _last_of(text).partition(".")[0])),
    "strip": _Known(_each(_strip), 0, 1),
    "text": _Known(_each(lambda text, _: _plain(text))),
    "unique": _Known(_unique),
    "upper": _Known(_each(lambda text, _: text.upper())),
    "without": _Known(_without, 1, 1),
}
_PATTERNS = frozenset({"expect", "findall", "only", "regex", "without"})


@dataclass(frozen=True)
class _Step:
    """One filter with its arguments, checked."""

    apply: Filter
    arguments: tuple[str, ...]


_CALL = re.compile(r"(\w+)\s*(?:\((.*)\))?", re.DOTALL)


def _step(text: str, tables: set[str]) -> _Step:
    call = _CALL.fullmatch(text.strip())
    if not call or call[1] not in FILTERS:
        name = call[1] if call else text.strip()
        raise ValueError(f"{name!r} is no filter{nearest(name, FILTERS)}; there are {', '.join(FILTERS)}")
    name, arguments = call[1], tuple(_argument(piece) for piece in _pieces(call[2] or "", ",") if piece.strip())
    known = FILTERS[name]
    if not known.least <= len(arguments) <= known.most:
        raise ValueError(f"{text.strip()}: {name} takes {known.least} to {known.most} arguments, not {len(arguments)}")
    if name in _PATTERNS:
        _checked(arguments[0])
    if name == "map":
        tables.add(arguments[0])
        if arguments[1:] and arguments[1] not in _OTHERWISE:
            raise ValueError(f"{text.strip()}: what is not in the table is to {', '.join(_OTHERWISE)}, not {arguments[1]!r}")
    return _Step(known.apply, arguments)


def _checked(pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from error


def _argument(piece: str) -> str:
    piece = piece.strip()
    return piece[1:-1] if len(piece) > 1 and piece[0] == piece[-1] and piece[0] in "'\"" else piece


# templates


@dataclass(frozen=True)
class _Alternative:
    path: Path
    steps: tuple[_Step, ...]

    def values(self, setting: Setting) -> list[Scalar]:
        values = _said(_flat(self.path.search(setting.record, setting.names)), setting)
        if self.steps:
            for step in self.steps:
                values = step.apply(values, setting, step.arguments)
            values = _said(values, setting)
        return [value for value in values if isinstance(value, str | int | float)]


def _flat(found: object) -> Values:
    if found is None:
        return []
    if not isinstance(found, list):
        return [found]
    return [value for item in cast(list[object], found) for value in _flat(item)]


def _said(values: Values, setting: Setting) -> Values:
    """The values without blanks and without the placeholders for nothing, of which the reader is told."""
    done: Values = []
    for value in values:
        if not isinstance(value, str):
            done.append(value)
        elif not (text := value.strip()):
            continue
        elif setting.nothing and fold(text) in setting.nothing:
            setting.missed("placeholder", text)
        else:
            done.append(text)
    return done


@dataclass(frozen=True)
class Choice:
    """What stands between the braces: alternatives, of which the first that has a value holds."""

    alternatives: tuple[_Alternative, ...]
    tables: frozenset[str]

    def values(self, setting: Setting) -> list[Scalar]:
        """All values of the first alternative that has any."""
        for alternative in self.alternatives:
            if values := alternative.values(setting):
                return values
        return []

    def holds(self, setting: Setting) -> bool:
        """True where something comes out that is neither empty nor false: what `when` asks."""
        return any(self.truth(alternative, setting) for alternative in self.alternatives)

    @staticmethod
    def truth(alternative: _Alternative, setting: Setting) -> bool:
        """JMESPath's own truth for a bare path; after filters, any value but false."""
        if alternative.steps:
            return any(value is not False for value in alternative.values(setting))
        found = alternative.path.search(setting.record, setting.names)
        return bool(found) or (found == 0 and found is not False)  # in JMESPath, zero is true


def compile_choice(text: str) -> Choice:
    """The compiled inside of a placeholder. Raises ValueError with what is wrong and what would be right."""
    tables: set[str] = set()
    alternatives: list[_Alternative] = []
    for piece in _pieces(text, "??"):
        path, *steps = _pieces(piece, "|")
        alternatives.append(_Alternative(Path(path), tuple(_step(step, tables) for step in steps)))
    return Choice(tuple(alternatives), frozenset(tables))


@dataclass(frozen=True)
class Template:
    """Compiled text with placeholders."""

    text: str
    parts: tuple[Scalar | Choice, ...]

    @property
    def tables(self) -> frozenset[str]:
        """The names of the tables that its filters look things up in."""
        return frozenset(name for part in self.parts if isinstance(part, Choice) for name in part.tables)

    def values(self, setting: Setting) -> list[Scalar]:
        """All values, typed where the template is one placeholder; none where a placeholder has none."""
        if len(self.parts) == 1:
            part = self.parts[0]
            return part.values(setting) if isinstance(part, Choice) else [part]
        return ["".join(pieces) for pieces in self._combined(setting, str)]

    def ids(self, setting: Setting) -> list[str]:
        """All ids: what placeholders put beside other text is made fit for an id by `graph.slug`."""
        if len(self.parts) == 1:
            return [text for value in self.values(setting) if (text := "-".join(str(value).split()))]
        return ["".join(pieces) for pieces in self._combined(setting, slug)]

    def _combined(self, setting: Setting, change: Callable[[str], str]) -> Iterable[tuple[str, ...]]:
        return product(*(self._column(part, setting, change) for part in self.parts))

    @staticmethod
    def _column(part: Scalar | Choice, setting: Setting, change: Callable[[str], str]) -> list[str]:
        if not isinstance(part, Choice):
            return [str(part)]
        return [text for text in map(change, _texts(part.values(setting))) if text]


def constant(value: Scalar) -> Template:
    """A template that always has this one value."""
    return Template(str(value), (value,))


def compile_template(text: str) -> Template:
    """The compiled template. Raises ValueError with what is wrong and what would be right."""
    parts: list[Scalar | Choice] = []
    for piece, inside in _braced(text):
        if inside:
            parts.append(compile_choice(piece))
        elif piece:
            parts.append(piece)
    return Template(text, tuple(parts) or ("",))


def fold(text: str) -> str:
    """How tables and placeholders are compared: without case and without blanks around."""
    return text.strip().casefold()


# cutting text at marks outside of quotes and brackets

_OPEN, _CLOSE, _QUOTES = "([{", ")]}", "'\"`"


def _depths(text: str) -> Iterator[tuple[int, str, int]]:
    """Each character outside of quotes with its place and how deep in brackets it stands (a bracket itself counts as outside)."""
    depth, quote, skip = 0, "", False
    for at, letter in enumerate(text):
        if skip:
            skip = False
        elif quote:
            quote, skip = ("" if letter == quote else quote), letter == "\\"
        elif letter in _QUOTES:
            quote = letter
        else:
            depth -= letter in _CLOSE
            yield at, letter, depth
            depth += letter in _OPEN


def _pieces(text: str, mark: str) -> list[str]:
    cuts = [at for at, letter, depth in _depths(text) if depth == 0 and letter == mark[0] and text.startswith(mark, at)]
    if mark == "|":  # JMESPath's own `||` is no filter
        cuts = [at for at in cuts if text[at + 1 : at + 2] != "|" and text[at - 1 : at] != "|"]
    elif mark == "??":
        cuts = [at for at in cuts if at - 1 not in cuts]
    ends = [*cuts, len(text)]
    starts = [0, *(at + len(mark) for at in cuts)]
    return [text[start:end] for start, end in zip(starts, ends, strict=True)]


def _braced(text: str) -> Iterator[tuple[str, bool]]:
    """The text cut into what stands outside (False) and inside (True) of braces; `{{` is a brace itself."""
    at, outside = 0, ""
    while at < len(text):
        if text.startswith(("{{", "}}"), at):
            outside += text[at]
            at += 2
        elif text[at] == "{":
            end = _closing(text, at)
            yield outside, False
            yield text[at + 1 : end], True
            at, outside = end + 1, ""
        elif text[at] == "}":
            raise ValueError(f"{text!r}: a closing brace without an opening one at character {at + 1}; write }}}} for a brace")
        else:
            outside += text[at]
            at += 1
    yield outside, False


def _closing(text: str, start: int) -> int:
    for at, letter, depth in _depths(text[start:]):
        if letter == "}" and depth == 0:
            return start + at
    raise ValueError(f"{text!r}: the brace at character {start + 1} is not closed, or a quote in it is not")
