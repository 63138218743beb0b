"""FEEL read and worked out: expressions and unary tests of DMN 1.5, its compliance level 2 and what of level 3 needs no loops.

Nothing here runs Python that somebody wrote: a text becomes a tree of small functions, of bounded length and depth, without loops. Numbers
are decimals of 34 digits (IEEE 754-2008 decimal128, as DMN has it). Beyond DMN it takes what people and workflow engines write: `${…}`, `==`,
`&&`, `||`, `!`, a unit behind a number (`50000 EUR`), and a bare word to the right of a comparison (`risk = high`).
"""

from __future__ import annotations

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false
# a value of FEEL has no type until a function has looked at it
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Context, Decimal, DecimalException, InvalidOperation
from functools import lru_cache, wraps
from itertools import islice
from typing import NamedTuple, TypeAlias, TypeVar

from graph.errors import InputError

MAX_LENGTH = 20_000
MAX_DEPTH = 40  # a level takes a dozen of Python's frames
MAX_ITEMS = 10_000
_DECIMALS = Context(prec=34, Emax=6144, Emin=-6143)


class Quantity(NamedTuple):
    """A number with its unit: `50000 EUR`."""

    number: Decimal
    unit: str

    def __str__(self) -> str:
        """As one writes it."""
        return f"{self.number} {self.unit}"


class Months(NamedTuple):
    """A duration of years and months, as months."""

    months: int


class Span(NamedTuple):
    """An interval; None: open to that side. `low_in` and `high_in` say whether the ends belong to it."""

    low: object
    high: object
    low_in: bool
    high_in: bool


@dataclass
class Names:
    """What names mean while an expression is worked out; `units` is what its author counts in, `missing` collects what nobody gave."""

    values: Mapping[str, object]
    units: Mapping[str, str] = field(default_factory=dict[str, str])
    missing: set[str] = field(default_factory=set[str])
    subject: object = None  # `?`


Code: TypeAlias = Callable[[Names], object]
Made = TypeVar("Made")


class Missing(NamedTuple):
    """The value of a name that nobody gave: it compares with nothing."""

    name: str


class Parsed(NamedTuple):
    """An expression ready to be worked out, with the text that it came from and the names that it asks for."""

    code: Code
    text: str
    names: frozenset[str]


# reading: from text to tokens

_TOKEN = re.compile(
    r"""\s+|//[^\n]*|/\*.*?\*/
    |(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<number>\d+(?:\.(?!\.)\d+)?(?:[eE][+-]?\d+)?|\.\d+)
    |(?P<sign>\*\*|\.\.|==|!=|<=|>=|&&|\|\||->|[-+*/=<>()\[\]{},.:?!@])
    |(?P<name>[^\W\d][\w']*)""",
    re.VERBOSE | re.DOTALL,
)
_SAME = {"==": "=", "&&": "and", "||": "or", "!": "not"}
_WORDS = frozenset("and or not in between if then else true false null".split())  # noqa: SIM905  # a sentence of words reads better than a list
_REFUSED = frozenset({"for", "some", "every", "function", "instance"})
_UNIT = re.compile(r"[A-Z]{3}|%")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


class _Token(NamedTuple):
    sort: str  # string, number, sign, name, end
    text: str
    at: int


def _tokens(text: str, known: Sequence[str]) -> list[_Token]:
    """The tokens of a text; a known name counts as one, however many words and signs it has."""
    if len(text) > MAX_LENGTH:
        raise InputError(f"an expression of {len(text)} characters; {MAX_LENGTH} is the most")
    found: list[_Token] = []
    position = 0
    while position < len(text):
        name = _known_at(text, position, known)
        if name:
            found.append(_Token("name", name, position))
            position += len(name)
            continue
        match = _TOKEN.match(text, position)
        if match is None:
            raise InputError(f"{_quoted(text)}: {text[position]!r} at character {position + 1} belongs to no expression")
        if match.lastgroup:
            word = _SAME.get(match.group(), match.group())
            found.append(_Token("name" if word.isalpha() and match.lastgroup == "sign" else match.lastgroup, word, position))
        position = match.end()
    return [*found, _Token("end", "", len(text))]


def _known_at(text: str, position: int, known: Sequence[str]) -> str:
    if position and (text[position - 1].isalnum() or text[position - 1] == "_"):
        return ""
    return next((name for name in known if text.startswith(name, position) and not _goes_on(text, position + len(name))), "")


def _goes_on(text: str, end: int) -> bool:
    return end < len(text) and (text[end].isalnum() or text[end] in "_'")


_PLAIN = re.compile(r"[^\W\d][\w']*")


@lru_cache(maxsize=1024)
def _odd(names: frozenset[str]) -> tuple[str, ...]:
    """The names that are not one plain word, longest first, those of functions among them."""
    return tuple(
        sorted({name for name in (*names, *FUNCTIONS) if name and not _PLAIN.fullmatch(name)}, key=lambda name: (-len(name), name))
    )


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")


# reading: from tokens to code


def parse(text: str, names: Iterable[str] = ()) -> Parsed:
    """An expression; `names` are those that may have blanks or signs in them. `InputError` says where it is none."""
    return _parse(text, _odd(frozenset(names)))


@lru_cache(maxsize=8192)
def _parse(text: str, names: tuple[str, ...]) -> Parsed:
    parser = _Parser(_bare(text), names)
    code = parser.expression()
    parser.end()
    return Parsed(code, text, frozenset(parser.asked))


def _bare(text: str) -> str:
    """The expression without what marks it as one for an engine: `${…}`, `#{…}`, a leading `=`."""
    found = re.fullmatch(r"\s*[$#]\{(.*)\}\s*|\s*=(?!=)(.*)", text, re.DOTALL)
    return text if found is None else found[1] or found[2] or ""


def condition(entry: str, subject: str, names: Iterable[str] = ()) -> str:
    """Unary tests on an expression as one FEEL condition: `>= 18` on `Age` is `Age >= 18`; "" where any value will do.

    `InputError` where the entry is none of what this module can work out.
    """
    known = _odd(frozenset(names) | {subject})
    entry = entry.strip()
    if entry in ("", "-"):
        return ""
    parser = _Parser(entry, known)
    parser.unary_tests()
    parser.end()
    plain = re.fullmatch(r'(?:<=|>=|<|>)\s*[\w."-]+', entry)
    if plain:
        return f"{subject} {entry}"
    if re.fullmatch(r'"[^"]*"|-?[\d.]+|true|false', entry):
        return f"{subject} = {entry}"
    inner = re.fullmatch(r"not\s*\((.*)\)", entry, re.DOTALL)
    return f"not({subject} in ({inner[1]}))" if inner and _one_pair(entry) else f"{subject} in ({entry})"


def _one_pair(entry: str) -> bool:
    """Whether the first parenthesis of the text closes with its end."""
    depth = 0
    for number, token in enumerate(tokens := _tokens(entry, ())):
        depth += {"(": 1, ")": -1}.get(token.text, 0) if token.sort == "sign" else 0
        if not depth and number:
            return number == len(tokens) - 2
    return False


def _nested(method: Callable[[_Parser], Made]) -> Callable[[_Parser], Made]:
    """A part of the grammar that can hold itself: it counts how deep it is."""

    @wraps(method)
    def counted(parser: _Parser) -> Made:
        parser.depth += 1
        if parser.depth > 2 * MAX_DEPTH:  # an expression and the value that it begins with are two
            raise InputError(f"{_quoted(parser.text)}: more than {MAX_DEPTH} levels deep")
        made = method(parser)
        parser.depth -= 1
        return made

    return counted


class _Parser:
    """Reads one expression by recursive descent; each method returns what works its part out."""

    def __init__(self, text: str, known: Sequence[str]) -> None:
        self.text = text
        self.tokens = _tokens(text, known)
        self.position = 0
        self.depth = 0
        self.asked: set[str] = set()

    # tokens

    @property
    def next(self) -> _Token:
        return self.ahead(0)

    def ahead(self, steps: int) -> _Token:
        """A token further on; behind the last one comes the end, again and again."""
        return self.tokens[min(self.position + steps, len(self.tokens) - 1)]

    def take(self, *texts: str) -> str:
        """The next token if it is one of these signs or words; "" if not."""
        token = self.next
        if token.text in texts and token.sort in ("sign", "name"):
            self.position += 1
            return token.text
        return ""

    def need(self, text: str) -> None:
        if not self.take(text):
            raise self.fault(f"{text!r} is wanted")

    def end(self) -> None:
        if self.next.sort != "end":
            raise self.fault("the expression should end")

    def fault(self, wanted: str) -> InputError:
        token = self.next
        refused = token.text in _REFUSED
        hint = f"; {token.text!r} is beyond what is worked out here" if refused else ""
        return InputError(f"{_quoted(self.text)}: {wanted} at character {token.at + 1}, not {token.text or 'its end'!r}{hint}")

    # expressions

    @_nested
    def expression(self) -> Code:
        return self.conditional() if self.take("if") else self.either()

    def conditional(self) -> Code:
        test = self.expression()
        self.need("then")
        yes = self.expression()
        self.need("else")
        no = self.expression()
        return lambda names: (yes if test(names) is True else no)(names)

    def either(self) -> Code:
        parts = [self.both()]
        while self.take("or"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else lambda names: _any(part(names) for part in parts)

    def both(self) -> Code:
        parts = [self.comparison()]
        while self.take("and"):
            parts.append(self.comparison())
        return parts[0] if len(parts) == 1 else lambda names: _all(part(names) for part in parts)

    def comparison(self) -> Code:
        start = self.position
        left = self.sum()
        said = self.said(start)
        if sign := self.take("=", "!=", "<=", ">=", "<", ">"):
            return _compared(left, sign, self.right(), said)
        if self.take("between"):
            low = self.sum()
            self.need("and")
            high = self.sum()
            return lambda names: _within(left(names), Span(low(names), high(names), low_in=True, high_in=True), said)
        if self.take("in"):
            return self.membership(left, said)
        return left

    def said(self, start: int) -> str:
        return self.text[self.tokens[start].at : self.next.at].strip()

    def right(self) -> Code:
        """The right side of a comparison: a bare word that nobody knows is the text that it is."""
        token, after = self.next, self.ahead(1)
        asked = set(self.asked)
        code = self.sum()
        if token.sort != "name" or token.text in _WORDS or after.text in ("(", ".") or token.text in FUNCTIONS:
            return code
        if self.asked - asked == {token.text}:
            self.asked = asked
        return lambda names: token.text if token.text not in names.values else code(names)

    def membership(self, left: Code, said: str) -> Code:
        if self.next.text == "(" and not self.interval_ahead():
            self.need("(")
            test = self.unary_tests()
            self.need(")")
        else:
            test = self.unary_test()
        return lambda names: test(_about(names, left(names)), said)

    @_nested
    def unary_tests(self) -> Callable[[Names, str], object]:
        if self.next.text == "not" and self.ahead(1).text == "(":
            self.position += 2
            inner = self.unary_tests()
            self.need(")")
            return lambda names, said: _negated(inner(names, said))
        if self.take("-"):
            if self.next.sort == "end" or self.next.text == ")":
                return lambda _names, _said: True
            self.position -= 1
        parts = [self.unary_test()]
        while self.take(","):
            parts.append(self.unary_test())
        return lambda names, said: _any(part(names, said) for part in parts)

    def unary_test(self) -> Callable[[Names, str], object]:
        if sign := self.take("<=", ">=", "<", ">", "=", "!="):
            right = self.sum()
            return lambda names, said: _ordered(names.subject, sign, right(names), said)
        start = self.position
        value = self.expression()
        asks = any(token.text == "?" for token in self.tokens[start : self.position])
        if asks:
            return lambda names, _said: value(names) is True
        return lambda names, said: _fits(names.subject, value(names), said)

    def sum(self) -> Code:
        return self.chain(self.product, ("+", "-"))

    def product(self) -> Code:
        return self.chain(self.power, ("*", "/"))

    def power(self) -> Code:
        return self.chain(self.negative, ("**",))

    def chain(self, part: Callable[[], Code], signs: tuple[str, ...]) -> Code:
        start = self.position
        made = part()
        while sign := self.take(*signs):
            made = _arithmetic(made, sign, part(), self.said(start))
        return made

    def negative(self) -> Code:
        signs = 0
        while self.take("-"):
            signs += 1
        start = self.position
        made = self.postfix()
        return _arithmetic(lambda _: Decimal(0), "-", made, self.said(start)) if signs % 2 else made

    def postfix(self) -> Code:
        start = self.position
        made = self.primary()
        while not self.ends_interval() and (sign := self.take(".", "[")):
            made = self.member(made, start) if sign == "." else self.filtered(made)
        return made

    def ends_interval(self) -> bool:
        """Whether `[` stands here as the open end of an interval, `]1..5[`, and not before a filter."""
        return self.next.text == "[" and (self.ahead(1).sort == "end" or self.ahead(1).text in (",", ")", "and", "or"))

    def member(self, of: Code, start: int) -> Code:
        key = self.next.text
        if self.next.sort != "name":
            raise self.fault("a name is wanted")
        self.position += 1
        said = self.said(start)
        return lambda names: _member(of(names), key, said, names)

    def filtered(self, of: Code) -> Code:
        inside = set(self.asked)
        test = self.expression()
        self.asked = inside  # names inside are those of the items first
        self.need("]")
        return lambda names: _filtered(of(names), test, names)

    @_nested
    def primary(self) -> Code:
        token = self.next
        makers: Mapping[str, Callable[[], Code]] = {"string": self.string, "number": self.number, "name": self.name}
        if token.sort in makers:
            return makers[token.sort]()
        if self.take("?"):
            return lambda names: names.subject
        if self.take("@"):
            if self.next.sort != "string":
                raise self.fault("a text is wanted")
            text = self.next.text[1:-1]
            self.position += 1
            return lambda _: literal(text)
        if token.text in ("(", "[") or (token.text == "]" and self.interval_ahead()):
            return self.interval() if self.interval_ahead() else self.bracket()
        if self.take("{"):
            return self.context()
        raise self.fault("a value is wanted")

    def string(self) -> Code:
        text = self.next.text
        self.position += 1
        value = re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text[1:-1])
        return lambda _: value

    def number(self) -> Code:
        value: object = Decimal(self.next.text)
        self.position += 1
        if self.next.sort == "name" and _UNIT.fullmatch(self.next.text):
            value = Quantity(Decimal(self.tokens[self.position - 1].text), self.next.text)
            self.position += 1
        return lambda _: value

    def name(self) -> Code:
        word = self.next.text
        if word in _REFUSED:
            raise self.fault("a value is wanted")
        self.position += 1
        if word in _CONSTANTS:
            constant = _CONSTANTS[word]
            return lambda _: constant
        if self.next.text == "(" and (word in FUNCTIONS or word == "not"):
            return self.call(word)
        if word == "not":
            inner = self.comparison()
            return lambda names: _negated(inner(names))
        if word in _WORDS:
            self.position -= 1
            raise self.fault("a value is wanted")
        self.asked.add(word)
        return lambda names: _named(word, names)

    def call(self, word: str) -> Code:
        self.need("(")
        parts = [] if self.next.text == ")" else [self.expression()]
        while self.take(","):
            parts.append(self.expression())
        self.need(")")
        function = _negated if word == "not" else FUNCTIONS[word]
        return lambda names: _called(function, word, [part(names) for part in parts])

    # brackets

    def interval_ahead(self) -> bool:
        """Whether the bracket that stands here holds `..` at its own level."""
        depth = 0
        for token in self.tokens[self.position + 1 :]:
            if token.sort != "sign":
                continue
            if token.text == ".." and not depth:
                return True
            if token.text in "([{":
                depth += 1
            elif token.text in ")]}":
                depth -= 1
            if depth < 0:
                return False
        return False

    def interval(self) -> Code:
        opened = self.take("(", "[", "]")
        low = self.sum()
        self.need("..")
        high = self.sum()
        closed = self.take(")", "]", "[")
        if not closed:
            raise self.fault("the end of the interval is wanted")
        return lambda names: Span(low(names), high(names), opened == "[", closed == "]")

    def bracket(self) -> Code:
        if self.take("("):
            made = self.expression()
            self.need(")")
            return made
        self.need("[")
        parts: list[Code] = []
        while not self.take("]"):
            parts.append(self.expression())
            if self.next.text != "]":
                self.need(",")
        return lambda names: [part(names) for part in parts]

    def context(self) -> Code:
        parts: dict[str, Code] = {}
        while not self.take("}"):
            token = self.next
            if token.sort not in ("string", "name"):
                raise self.fault("a key is wanted")
            self.position += 1
            self.need(":")
            parts[token.text[1:-1] if token.sort == "string" else token.text] = self.expression()
            if self.next.text != "}":
                self.need(",")
        return lambda names: {key: part(names) for key, part in parts.items()}


_CONSTANTS: Mapping[str, object] = {"true": True, "false": False, "null": None}


# working out: names


def _named(word: str, names: Names) -> object:
    if word not in names.values:
        names.missing.add(word)
        return Missing(word)
    value = names.values[word]
    unit = names.units.get(word, "")
    if isinstance(value, Quantity) and unit and unit != value.unit:
        raise InputError(f"{word} is given in {value.unit} ({value}), and what decides counts in {unit}; give it in {unit}")
    return value


def _about(names: Names, subject: object) -> Names:
    return Names(names.values, names.units, names.missing, subject)


_PARTS: Mapping[str, Callable[[object], object]] = {
    part: lambda value, part=part: Decimal(getattr(value, part)) if hasattr(value, part) else None
    for part in ("year", "month", "day", "hour", "minute", "second")
}


def _member(value: object, key: str, said: str, names: Names) -> object:
    if isinstance(value, Missing):
        return value
    if isinstance(value, dict):
        if key not in value:
            names.missing.add(said)
            return Missing(said)
        return value[key]
    if isinstance(value, list):
        return [_member(one, key, said, names) for one in value]
    return _PARTS[key](value) if key in _PARTS else None


def _filtered(value: object, test: Code, names: Names) -> object:
    """The item of this number, or the items of which the test holds."""
    items: list[object] = value if isinstance(value, list) else [value]
    found: list[object] = []
    for item in islice(items, MAX_ITEMS):
        own: Mapping[str, object] = item if isinstance(item, dict) else {}
        met = test(Names({**names.values, **own, "item": item}, names.units, names.missing, item))
        if isinstance(met, Decimal):
            number = int(met)
            return items[number - 1 if number > 0 else number] if number and abs(number) <= len(items) else None
        if met is True:
            found.append(item)
    return found


# working out: logic with three values, comparisons


def _any(values: Iterable[object]) -> object:
    unknown = False
    for value in values:
        if value is True:
            return True
        unknown = unknown or value is not False
    return None if unknown else False


def _all(values: Iterable[object]) -> object:
    unknown = False
    for value in values:
        if value is False:
            return False
        unknown = unknown or value is not True
    return None if unknown else True


def _negated(value: object) -> object:
    return not value if isinstance(value, bool) else None


def _compared(left: Code, sign: str, right: Code, said: str) -> Code:
    return lambda names: _ordered(left(names), sign, right(names), said)


_ORDERS: Mapping[str, Callable[[int], bool]] = {
    "=": lambda order: order == 0,
    "!=": lambda order: order != 0,
    "<": lambda order: order < 0,
    "<=": lambda order: order <= 0,
    ">": lambda order: order > 0,
    ">=": lambda order: order >= 0,
}


def _ordered(left: object, sign: str, right: object, said: str) -> object:
    """The comparison; None where the two cannot be compared. `InputError` where a number is wanted and a text is there, or units differ."""
    if isinstance(left, Missing) or isinstance(right, Missing):
        return None
    if left is None or right is None:
        same = left is right
        return same if sign == "=" else not same if sign == "!=" else None
    left, right = _alike(left, right, said)
    if sign in ("=", "!="):
        return None if type(left) is not type(right) else (left == right) == (sign == "=")
    order = _order(left, right)
    return None if order is None else _ORDERS[sign](order)


def _alike(left: object, right: object, said: str) -> tuple[object, object]:
    """Both as values that compare: a text beside a number must be one, and a quantity beside a number is in its unit."""
    if isinstance(left, Quantity) and isinstance(right, Quantity) and left.unit != right.unit:
        raise InputError(f"{said} is given in {left.unit} ({left}), and what decides counts in {right.unit}; give it in {right.unit}")
    left, right = (one.number if isinstance(one, Quantity) else one for one in (left, right))
    if isinstance(left, str) and isinstance(right, Decimal):
        return _number_in(left, said), right
    if isinstance(right, str) and isinstance(left, Decimal):
        return left, _number_in(right, said)
    if isinstance(left, str) and isinstance(right, date | timedelta | time | Months):
        return literal(left), right
    if isinstance(right, str) and isinstance(left, date | timedelta | time | Months):
        return left, literal(right)
    if isinstance(left, str) and isinstance(right, bool):
        return {"true": True, "yes": True, "false": False, "no": False}.get(left.casefold(), left), right
    return left, right


def _number_in(text: str, said: str) -> Decimal:
    try:
        return Decimal(text.strip())
    except InvalidOperation:
        raise InputError(f"{said} is {text!r}, and a number is needed") from None


def _order(left: object, right: object) -> int | None:
    for sort in (Decimal, str, datetime, date, time, timedelta, Months):
        if isinstance(left, sort) and isinstance(right, sort):
            try:
                return (left > right) - (left < right)  # pyright: ignore[reportOperatorIssue, reportUnknownVariableType]  # both are of one ordered type
            except TypeError:  # a time with a zone and one without
                return None
    return None


def _within(value: object, span: Span, said: str) -> object:
    return _all(
        _ordered(value, sign, end, said)
        for end, sign in ((span.low, ">=" if span.low_in else ">"), (span.high, "<=" if span.high_in else "<"))
        if end is not None
    )


def _fits(value: object, test: object, said: str) -> object:
    """Whether a value passes a positive unary test that is a value itself: equal to it, in its interval, or in its list."""
    if isinstance(test, Span):
        return _within(value, test, said)
    if isinstance(test, list) and not isinstance(value, list):
        return _any(_fits(value, one, said) for one in test)
    return _ordered(value, "=", test, said)


# working out: arithmetic


def _arithmetic(left: Code, sign: str, right: Code, said: str) -> Code:
    def code(names: Names) -> object:
        one, other = left(names), right(names)
        if isinstance(one, Missing) or isinstance(other, Missing) or one is None or other is None:
            return None
        unit = next((value.unit for value in (one, other) if isinstance(value, Quantity)), "")
        one, other = _alike(one, other, said)
        try:
            made = _ARITHMETIC[sign](one, other)
        except (DecimalException, ArithmeticError, TypeError, ValueError, OverflowError):
            return None
        return Quantity(made, unit) if unit and isinstance(made, Decimal) else made

    return code


def _add(one: object, other: object) -> object:
    if isinstance(one, Decimal) and isinstance(other, Decimal):
        return _DECIMALS.add(one, other)
    if isinstance(one, str) and isinstance(other, str):
        return one + other if len(one) + len(other) <= MAX_LENGTH else None
    return _shifted(one, other, 1)


def _subtract(one: object, other: object) -> object:
    if isinstance(one, Decimal) and isinstance(other, Decimal):
        return _DECIMALS.subtract(one, other)
    if isinstance(one, date) and isinstance(other, date) and type(one) is type(other):
        return one - other
    return _shifted(one, other, -1)


def _shifted(one: object, other: object, sign: int) -> object:
    """A day or a duration, and a duration later (1) or earlier (-1)."""
    if isinstance(one, Months) and isinstance(other, Months):
        return Months(one.months + sign * other.months)
    if isinstance(one, date | timedelta) and isinstance(other, timedelta):
        return one + sign * other
    if isinstance(one, date) and isinstance(other, Months):
        years, month = divmod(one.year * 12 + one.month - 1 + sign * other.months, 12)
        last = (date(years + (month == 11), (month + 1) % 12 + 1, 1) - timedelta(1)).day
        return one.replace(year=years, month=month + 1, day=min(one.day, last))
    return None


def _of_decimals(function: Callable[[Decimal, Decimal], Decimal]) -> Callable[[object, object], object]:
    return lambda one, other: function(one, other) if isinstance(one, Decimal) and isinstance(other, Decimal) else None


_ARITHMETIC: Mapping[str, Callable[[object, object], object]] = {
    "+": _add,
    "-": _subtract,
    "*": _of_decimals(_DECIMALS.multiply),
    "/": _of_decimals(_DECIMALS.divide),
    "**": _of_decimals(_DECIMALS.power),
}


# working out: functions


def _called(function: Callable[..., object], word: str, given: list[object]) -> object:
    if any(isinstance(one, Missing) for one in given):
        return None
    try:
        return function(*given)
    except (DecimalException, ArithmeticError, ValueError, AttributeError, IndexError):
        return None
    except TypeError:
        return None if None in given else _misused(word, given)


def _misused(word: str, given: list[object]) -> object:
    raise InputError(f"{word}({', '.join(map(str, given))[:80]}): not what this function works on")


def _flat(given: tuple[object, ...]) -> list[object]:
    return given[0] if len(given) == 1 and isinstance(given[0], list) else list(given)


def _leaves(items: object, depth: int = 0) -> list[object]:
    if not isinstance(items, list) or depth > MAX_DEPTH:
        return [items]
    return [leaf for one in items for leaf in _leaves(one, depth + 1)]


def _numbers(given: tuple[object, ...]) -> list[Decimal]:
    numbers = [one.number if isinstance(one, Quantity) else one for one in _flat(given)]
    if not all(isinstance(one, Decimal) for one in numbers):
        raise TypeError
    return [one for one in numbers if isinstance(one, Decimal)]


def _sum(*given: object) -> object:
    numbers = _numbers(given)
    total = Decimal(0)
    for number in numbers:
        total = _DECIMALS.add(total, number)
    return total if numbers else None


def _extreme(choose: Callable[..., object]) -> Callable[..., object]:
    def extreme(*given: object) -> object:
        items = _flat(given)
        return choose(items) if items else None

    return extreme


def _mean(*given: object) -> object:
    total = _sum(*given)
    return _DECIMALS.divide(total, Decimal(len(_flat(given)))) if isinstance(total, Decimal) else None


_DURATION = re.compile(r"(-)?P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?)?")


def _duration(text: str) -> object:
    """A duration of ISO 8601: months where it counts years or months, else days and time."""
    found = _DURATION.fullmatch(text)
    if not found or not any(found.groups()[1:]):
        raise ValueError
    sign = -1 if found[1] else 1
    years, months, days, hours, minutes, seconds = (int(one or 0) for one in found.groups()[1:])
    if found[2] or found[3]:
        return Months(sign * (12 * years + months))
    return sign * timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _date(*given: object) -> date:
    if len(given) == 3:
        return date(*(int(str(one)) for one in given))
    one = given[0]
    if isinstance(one, datetime):
        return one.date()
    return one if isinstance(one, date) else date.fromisoformat(str(one))


def _moment(*given: object) -> datetime:
    if len(given) == 2 and isinstance(given[0], date) and isinstance(given[1], time):
        return datetime.combine(given[0], given[1])
    return datetime.fromisoformat(str(given[0]).partition("@")[0])


def literal(text: str) -> object:
    """What an ISO 8601 text says: a duration, a moment, a day or a time; the text itself where it is none."""
    for function in (_duration, _day, _moment_in, time.fromisoformat):
        try:
            return function(text)
        except (ValueError, OverflowError):
            continue
    return text


def _day(text: str) -> date:
    return date.fromisoformat(text)


def _moment_in(text: str) -> datetime:
    if "T" not in text:
        raise ValueError
    return datetime.fromisoformat(text)


def _round(rounding: str) -> Callable[..., Decimal]:
    def rounded(value: Decimal, scale: Decimal = Decimal(0)) -> Decimal:
        return value.quantize(Decimal(1).scaleb(-int(scale)), rounding=rounding)

    return rounded


def _substring(text: str, start: Decimal, length: Decimal | None = None) -> str:
    first = int(start) - 1 if start > 0 else len(text) + int(start)
    return text[first:] if length is None else text[first : first + int(length)]


def _words(value: object) -> str:
    return {True: "true", False: "false", None: "null"}[value] if value is None or isinstance(value, bool) else str(value)


FUNCTIONS: Mapping[str, Callable[..., object]] = {  # what they are given is known when they are called
    "abs": abs,
    "append": lambda items, *more: [*items, *more],
    "ceiling": _round("ROUND_CEILING"),
    "concatenate": lambda *lists: [one for items in lists for one in items],
    "contains": lambda text, part: part in text,
    "count": lambda items: Decimal(len(items)),
    "date": _date,
    "date and time": _moment,
    "duration": _duration,
    "ends with": lambda text, part: text.endswith(part),
    "flatten": _leaves,
    "floor": _round("ROUND_FLOOR"),
    "list contains": lambda items, one: one in items,
    "lower case": lambda text: text.lower(),
    "max": _extreme(max),
    "mean": _mean,
    "min": _extreme(min),
    "modulo": lambda one, other: one - other * (one / other).to_integral_value("ROUND_FLOOR"),
    "number": lambda text, *_: Decimal(str(text)),
    "round half even": _round("ROUND_HALF_EVEN"),
    "round half up": _round("ROUND_HALF_UP"),
    "starts with": lambda text, part: text.startswith(part),
    "string": _words,
    "string length": lambda text: Decimal(len(text)),
    "substring": _substring,
    "sum": _sum,
    "time": lambda text: text.time() if isinstance(text, datetime) else time.fromisoformat(text),
    "upper case": lambda text: text.upper(),
}
