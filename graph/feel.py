"""FEEL read: expressions and unary tests of DMN 1.5, with loops, quantifiers and functions that models define.

Nothing here runs Python that somebody wrote: a text becomes a tree of small functions, of bounded length and depth; a loop or a call costs
a step, and the steps of a question are bounded. What needs a clock (`today`) or patterns (`matches`) is not there. Numbers are decimals of
34 digits (IEEE 754-2008 decimal128, as DMN has it). Beyond DMN it takes what people and workflow engines write: `${…}`, `==`, `&&`, `||`,
`!`, a unit behind a number (`50000 EUR`), and a bare word to the right of a comparison (`risk = high`).
"""

from __future__ import annotations

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false
# a value of FEEL has no type until a function has looked at it
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache, wraps
from typing import NamedTuple, TypeAlias, TypeVar

from graph.errors import InputError, nearest
from graph.feel_values import (
    FUNCTIONS,
    MAX_DEPTH,
    MAX_LENGTH,
    MAX_STEPS,
    PARAMETER_NAMES,
    Code,
    Function,
    Missing,
    Names,
    Quantity,
    Span,
    about_subject,
    all_of,
    any_of,
    calculated,
    called_with,
    comparison_of,
    filtered_by,
    fits_test,
    in_order,
    is_of_type,
    lies_within,
    literal,
    member_of,
    negation_of,
    value_of,
)

Made = TypeVar("Made")


class Parsed(NamedTuple):
    """An expression ready to be worked out, with the text that it came from and the names that it asks for."""

    code: Code
    text: str
    names: frozenset[str]
    called: frozenset[str] = frozenset()  # those of them that must be functions


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
_LOOPS = ("for", "some", "every")
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
    names = _by_initial(tuple(known))
    position = 0
    while position < len(text):
        name = _known_at(text, position, names.get(text[position], ()))
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


@lru_cache(maxsize=1024)
def _by_initial(known: tuple[str, ...]) -> Mapping[str, Sequence[str]]:
    return {first: [name for name in known if name[0] == first] for first in {name[0] for name in known}}


def _goes_on(text: str, end: int) -> bool:
    return end < len(text) and (text[end].isalnum() or text[end] in "_'")


_PLAIN = re.compile(r"[^\W\d][\w']*")


@lru_cache(maxsize=1024)
def _odd(names: frozenset[str]) -> tuple[str, ...]:
    """The names that are not one plain word, longest first, those of functions among them."""
    return tuple(
        sorted(
            {name for name in (*names, *FUNCTIONS, *PARAMETER_NAMES) if name and not _PLAIN.fullmatch(name)},
            key=lambda name: (-len(name), name),
        )
    )


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")


# reading: from tokens to code


def parse(text: str, names: Iterable[str] = ()) -> Parsed:
    """An expression; `names` are those that may have blanks or signs in them. `InputError` says where it is none."""
    return _parse(text, _odd(frozenset(names)))


@lru_cache(maxsize=8192)
def _parse(text: str, names: tuple[str, ...]) -> Parsed:
    bare = _bare(text)
    own = _own(bare) - set(names)
    parser = _Parser(bare, sorted((*names, *own), key=len, reverse=True) if own else names)
    code = parser.expression()
    parser.end()
    return Parsed(_bounded(code, text), text, frozenset(parser.asked), frozenset(parser.called))


_DEFINES = re.compile(
    r"[{,(]\s*([^\W\d]\w*(?: +[^\W\d]\w*)+)\s*(?=:)|\b(?:for|some|every)\s+([^\W\d]\w*(?: +(?!in\b)[^\W\d]\w*)+)\s+in\b"
    r"|\bfunction\s*\(\s*([^\W\d]\w*(?: +[^\W\d]\w*)+)\s*[,):]"
)


def _own(text: str) -> set[str]:
    """The names of several words that an expression gives itself: keys of contexts, variables of loops, parameters."""
    return {name for found in _DEFINES.findall(text[:MAX_LENGTH]) for name in found if name}


def _bounded(code: Code, text: str) -> Code:
    def worked(names: Names) -> object:
        try:
            return code(names)
        except RecursionError:
            raise InputError(f"{_quoted(text)}: functions call one another too deeply to work it out") from None

    return worked


def _bare(text: str) -> str:
    """The expression without what marks it as one for an engine: `${…}`, `#{…}`, a leading `=`."""
    found = re.fullmatch(r"\s*[$#]\{(.*)\}\s*|\s*=(?!=)(.*)", text, re.DOTALL)
    return text if found is None else found[1] or found[2] or ""


_LITERAL = re.compile(r'(?:(?:<=|>=|<|>)\s*)?-?\d+(?:\.\d+)?|"[^"\\]*"|true|false')


def condition(entry: str, subject: str, names: Iterable[str] = ()) -> str:
    """Unary tests on an expression as one FEEL condition: `>= 18` on `Age` is `Age >= 18`; "" where any value will do.

    `InputError` where the entry is none of what this module can work out.
    """
    names = frozenset(names)
    entry = entry.strip()
    if entry in ("", "-"):
        return ""
    if not _LITERAL.fullmatch(entry):  # of which nothing can be wrong
        parser = _Parser(entry, _odd(names | {subject}))
        parser.unary_tests()
        parser.end()
        known_function(entry, parser.called - names)
    plain = re.fullmatch(r'(?:<=|>=|<|>)\s*[\w."-]+', entry)
    if plain:
        return f"{subject} {entry}"
    if re.fullmatch(r'"[^"]*"|-?[\d.]+|true|false', entry):
        return f"{subject} = {entry}"
    inner = re.fullmatch(r"not\s*\((.*)\)", entry, re.DOTALL)
    return f"not({subject} in ({inner[1]}))" if inner and _one_pair(entry) else f"{subject} in ({entry})"


def known_function(text: str, called: Iterable[str]) -> None:
    """`InputError` for a call of what nobody defined."""
    for name in sorted(called):
        raise InputError(f"{_quoted(text)}: there is no function {name!r}{nearest(name, FUNCTIONS)}")


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
        self.called: set[str] = set()

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
        return InputError(f"{_quoted(self.text)}: {wanted} at character {token.at + 1}, not {token.text or 'its end'!r}")

    # expressions

    @_nested
    def expression(self) -> Code:
        if self.take("if"):
            return self.conditional()
        if self.next.text in _LOOPS and self.ahead(1).sort == "name" and self.ahead(2).text == "in":
            return self.loop(self.take(*_LOOPS))
        if self.next.text == "function" and self.ahead(1).text == "(":
            return self.definition()
        return self.either()

    def conditional(self) -> Code:
        branches: list[tuple[Code, Code]] = []
        while True:
            test = self.expression()
            self.need("then")
            branches.append((test, self.expression()))
            self.need("else")
            if not self.take("if"):  # a row of `else if` is no deeper than one
                break
        no = self.expression()
        return lambda names: next((yes for test, yes in branches if test(names) is True), no)(names)

    def loop(self, word: str) -> Code:
        """`for … return`, `some … satisfies`, `every … satisfies`, over as many variables as there are."""
        asked, called = set(self.asked), set(self.called)
        domains: list[tuple[str, Code]] = []
        while not domains or self.take(","):
            name = self.named()
            self.need("in")
            low = self.expression()
            domains.append((name, self.run(low) if self.take("..") else low))
        self.need("return" if word == "for" else "satisfies")
        body = self.expression()
        self.forget(asked, called, {"partial", *(name for name, _ in domains)})
        return lambda names: _LOOP[word](domains, body, names)

    def run(self, low: Code) -> Code:
        high = self.expression()
        return lambda names: Span(low(names), high(names), low_in=True, high_in=True)

    def named(self) -> str:
        if self.next.sort != "name":
            raise self.fault("a name is wanted")
        self.position += 1
        return self.tokens[self.position - 1].text

    def forget(self, asked: set[str], called: set[str], own: Iterable[str]) -> None:
        """Names that a part has given itself are asked of nobody; what was asked for before it stays so."""
        self.asked = asked | (self.asked - set(own))
        self.called = called | (self.called - set(own))

    def definition(self) -> Code:
        self.position += 2
        asked, called = set(self.asked), set(self.called)
        parameters: list[str] = []
        while not self.take(")"):
            parameters.append(self.named())
            if self.take(":"):
                self.type()
            if self.next.text != ")":
                self.need(",")
        body = self.expression()
        self.forget(asked, called, parameters)
        own = tuple(parameters)
        return lambda names: Function(own, lambda given: body(names.within(given)))

    def type(self) -> str:
        """The name of a type, `list<number>` and types of several words among them."""
        words = [self.named()]
        while self.next.sort == "name" and self.next.text not in _WORDS:
            words.append(self.named())
        if self.take("<"):
            while not self.take(">"):
                if self.next.sort == "end":
                    raise self.fault("'>' is wanted")
                self.position += 1
        return " ".join(words)

    def either(self) -> Code:
        parts = [self.both()]
        while self.take("or"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else lambda names: any_of(part(names) for part in parts)

    def both(self) -> Code:
        parts = [self.comparison()]
        while self.take("and"):
            parts.append(self.comparison())
        return parts[0] if len(parts) == 1 else lambda names: all_of(part(names) for part in parts)

    def comparison(self) -> Code:
        start = self.position
        left = self.sum()
        said = self.said(start)
        if sign := self.take("=", "!=", "<=", ">=", "<", ">"):
            return comparison_of(left, sign, self.right(), said)
        if self.take("between"):
            low = self.sum()
            self.need("and")
            high = self.sum()
            return lambda names: lies_within(left(names), Span(low(names), high(names), low_in=True, high_in=True), said)
        if self.take("in"):
            return self.membership(left, said)
        if self.next.text == "instance" and self.ahead(1).text == "of":
            self.position += 2
            type_ = self.type()
            return lambda names: is_of_type(left(names), type_)
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
        return lambda names: test(about_subject(names, left(names)), said)

    @_nested
    def unary_tests(self) -> Callable[[Names, str], object]:
        if self.next.text == "not" and self.ahead(1).text == "(":
            self.position += 2
            inner = self.unary_tests()
            self.need(")")
            return lambda names, said: negation_of(inner(names, said))
        if self.take("-"):
            if self.next.sort == "end" or self.next.text == ")":
                return lambda _names, _said: True
            self.position -= 1
        parts = [self.unary_test()]
        while self.take(","):
            parts.append(self.unary_test())
        return lambda names, said: any_of(part(names, said) for part in parts)

    def unary_test(self) -> Callable[[Names, str], object]:
        if sign := self.take("<=", ">=", "<", ">", "=", "!="):
            right = self.sum()
            return lambda names, said: in_order(names.subject, sign, right(names), said)
        start = self.position
        value = self.expression()
        asks = any(token.text == "?" for token in self.tokens[start : self.position])
        if asks:
            return lambda names, _said: value(names) is True
        return lambda names, said: fits_test(names.subject, value(names), said)

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
            made = calculated(made, sign, part(), self.said(start))
        return made

    def negative(self) -> Code:
        signs = 0
        while self.take("-"):
            signs += 1
        start = self.position
        made = self.postfix()
        return calculated(lambda _: Decimal(0), "-", made, self.said(start)) if signs % 2 else made

    def postfix(self) -> Code:
        start = self.position
        made = self.primary()
        while not self.ends_interval() and (sign := self.take(".", "[", "(")):
            made = self.member(made, start) if sign == "." else self.filtered(made) if sign == "[" else self.call(made, start)
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
        return lambda names: member_of(of(names), key, said, names)

    def filtered(self, of: Code) -> Code:
        inside = set(self.asked)
        test = self.expression()
        self.asked = inside  # names inside are those of the items first
        self.need("]")
        return lambda names: filtered_by(of(names), test, names)

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
        self.position += 1
        if word in _CONSTANTS:
            constant = _CONSTANTS[word]
            return lambda _: constant
        if self.next.text == "(" and word == "not":
            self.position += 1
            inner = self.expression()
            self.need(")")
            return lambda names: negation_of(inner(names))
        if self.next.text == "(" and word in FUNCTIONS:
            return lambda names: names.values[word] if isinstance(names.values.get(word), Function) else FUNCTIONS[word]
        if word == "not":
            inner = self.comparison()
            return lambda names: negation_of(inner(names))
        if word in _WORDS:
            self.position -= 1
            raise self.fault("a value is wanted")
        self.asked.add(word)
        if self.next.text == "(":
            self.called.add(word)
        return lambda names: value_of(word, names)

    def call(self, of: Code, start: int) -> Code:
        word = self.text[self.tokens[start].at : self.tokens[self.position - 1].at].strip()
        keys: list[str] = []
        parts: list[Code] = []
        while not self.take(")"):
            if self.next.sort == "name" and self.ahead(1).text == ":":
                keys.append(self.named())
                self.need(":")
            parts.append(self.expression())
            if self.next.text != ")":
                self.need(",")
        if keys and len(keys) != len(parts):
            raise self.fault(f"a name before every argument of {word}, or before none, is wanted")
        return lambda names: called_with(of(names), word, [part(names) for part in parts], keys)

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
            asked, called = set(self.asked), set(self.called)
            before = tuple(parts)
            parts[token.text[1:-1] if token.sort == "string" else token.text] = self.expression()
            self.forget(asked, called, before)
            if self.next.text != "}":
                self.need(",")
        return lambda names: _entries(parts, names)


_CONSTANTS: Mapping[str, object] = {"true": True, "false": False, "null": None}


def _entries(parts: Mapping[str, Code], names: Names) -> dict[str, object]:
    """A context: each entry knows those before it."""
    found: dict[str, object] = {}
    for key, part in parts.items():
        found[key] = part(names.within(found) if found else names)
    return found


# working out: loops

Domains: TypeAlias = Sequence[tuple[str, Code]]


def _rounds(domains: Domains, names: Names) -> Iterator[Names]:
    """The names of each round, the last variable running fastest."""
    if not domains:
        yield names
        return
    word, domain = domains[0]
    for item in _run_over(domain(names)):
        yield from _rounds(domains[1:], names.within({word: item}))


def _run_over(value: object) -> Iterable[object]:
    if isinstance(value, Span):
        return _stepped(value.low, value.high)
    if isinstance(value, Missing):
        return ()
    return value if isinstance(value, list) else [value]


def _stepped(low: object, high: object) -> Iterator[object]:
    """From one whole number or day to another, upwards or downwards."""
    if isinstance(low, Decimal) and isinstance(high, Decimal) and abs(high - low) <= MAX_STEPS:
        first, last = int(low), int(high)
        yield from map(Decimal, range(first, last + (1 if last >= first else -1), 1 if last >= first else -1))
    elif isinstance(low, date) and isinstance(high, date) and abs((high - low).days) <= MAX_STEPS:
        sign = 1 if high >= low else -1
        yield from (low + timedelta(sign * days) for days in range(abs((high - low).days) + 1))
    else:
        raise InputError(f"{low} to {high}: no row of at most {MAX_STEPS} whole numbers or days")


def _for(domains: Domains, body: Code, names: Names) -> object:
    found: list[object] = []
    inner = Names({**names.values, "partial": found}, names.units, names.missing, names.subject, names.steps)
    found.extend(body(each) for each in _rounds(domains, inner))
    return found


_LOOP: Mapping[str, Callable[[Domains, Code, Names], object]] = {
    "for": _for,
    "some": lambda domains, body, names: any_of(body(each) for each in _rounds(domains, names)),
    "every": lambda domains, body, names: all_of(body(each) for each in _rounds(domains, names)),
}
