"""The values of FEEL and what is worked out with them: logic with three values, comparisons, arithmetic, parts and functions of DMN 1.5."""

from __future__ import annotations

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false
# a value of FEEL has no type until a function has looked at it
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Context, Decimal, DecimalException, InvalidOperation
from functools import cmp_to_key
from itertools import islice
from typing import NamedTuple, TypeAlias

from graph.errors import InputError, nearest

MAX_LENGTH = 20_000
MAX_DEPTH = 40  # a level takes a dozen of Python's frames
MAX_ITEMS = 10_000
MAX_STEPS = 50_000  # rounds of loops and calls of functions in one question
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
    steps: list[int] = field(default_factory=lambda: [0])  # those taken, counted in one place however deep

    def within(self, more: Mapping[str, object]) -> Names:
        """The names inside a loop, a context or a function; it costs a step, and `InputError` says when there were too many."""
        self.steps[0] += 1
        if self.steps[0] > MAX_STEPS:
            raise InputError(f"more than {MAX_STEPS} rounds and calls to work this out; ask for less in one expression")
        return Names({**self.values, **more}, self.units, self.missing, self.subject, self.steps)


class Function(NamedTuple):
    """A function that a model defines: the names of what it takes, and what it gives for them."""

    parameters: tuple[str, ...]
    body: Callable[[Mapping[str, object]], object]

    def __call__(self, *given: object) -> object:
        """What it gives for arguments in order; null for too many or too few."""
        return self.body(dict(zip(self.parameters, given, strict=True))) if len(given) == len(self.parameters) else None


Code: TypeAlias = Callable[[Names], object]


class Missing(NamedTuple):
    """The value of a name that nobody gave: it compares with nothing."""

    name: str


# working out: names


def value_of(word: str, names: Names) -> object:
    """What a name means; `Missing` where nobody gave it, and `InputError` where it is given in another unit than its author counts in."""
    if word not in names.values:
        names.missing.add(word)
        return Missing(word)
    value = names.values[word]
    unit = names.units.get(word, "")
    if isinstance(value, Quantity) and unit and unit != value.unit:
        raise InputError(f"{word} is given in {value.unit} ({value}), and what decides counts in {unit}; give it in {unit}")
    return value


def about_subject(names: Names, subject: object) -> Names:
    """The same names with this as `?`."""
    return Names(names.values, names.units, names.missing, subject, names.steps)


def is_of_type(value: object, name: str) -> object:
    """Whether a value is of a type of FEEL; None for a type that is not one of its own."""
    if value is None or isinstance(value, Missing):
        return name == "Any" and value is not None
    wanted = _TYPES.get(name)
    plain = type(value) if isinstance(value, bool | datetime) else None  # both are of a wider type of Python, and not of FEEL's
    return None if wanted is None else (plain in wanted if plain else isinstance(value, wanted))


_TYPES: Mapping[str, tuple[type, ...]] = {
    "number": (Decimal, Quantity),
    "string": (str,),
    "boolean": (bool,),
    "date": (date,),
    "time": (time,),
    "date and time": (datetime,),
    "days and time duration": (timedelta,),
    "years and months duration": (Months,),
    "list": (list,),
    "context": (dict,),
    "function": (Function,),
    "range": (Span,),
    "Any": (bool, datetime, object),
}


_PARTS: Mapping[str, Callable[[object], object]] = {
    part: lambda value, part=part: Decimal(getattr(value, part)) if hasattr(value, part) else None
    for part in ("year", "month", "day", "hour", "minute", "second")
} | {
    "weekday": lambda value: Decimal(value.isoweekday()) if isinstance(value, date) else None,
    "years": lambda value: Decimal(int(value.months / 12)) if isinstance(value, Months) else None,
    "months": lambda value: Decimal(abs(value.months) % 12).copy_sign(value.months) if isinstance(value, Months) else None,
    "days": lambda value: _in_units(value)[0],
    "hours": lambda value: _in_units(value)[1],
    "minutes": lambda value: _in_units(value)[2],
    "seconds": lambda value: _in_units(value)[3],
    "start": lambda value: value.low if isinstance(value, Span) else None,
    "end": lambda value: value.high if isinstance(value, Span) else None,
    "start included": lambda value: value.low_in if isinstance(value, Span) else None,
    "end included": lambda value: value.high_in if isinstance(value, Span) else None,
}


def _in_units(value: object) -> list[Decimal | None]:
    """A duration's days, hours, minutes and seconds, each with its sign."""
    if not isinstance(value, timedelta):
        return [None] * 4
    whole = abs(value)
    sign = Decimal(1 if value == whole else -1)
    return [sign * part for part in map(Decimal, (whole.days, whole.seconds // 3600, whole.seconds // 60 % 60, whole.seconds % 60))]


def member_of(value: object, key: str, said: str, names: Names) -> object:
    """A part of a value: the entry of a context, or the year of a day; of a list, that of each."""
    if isinstance(value, Missing):
        return value
    if isinstance(value, dict):
        if key not in value:
            names.missing.add(said)
            return Missing(said)
        return value[key]
    if isinstance(value, list):
        return [member_of(one, key, said, names) for one in value]
    return _PARTS[key](value) if key in _PARTS else None


def filtered_by(value: object, test: Code, names: Names) -> object:
    """The item of this number, or the items of which the test holds."""
    items: list[object] = value if isinstance(value, list) else [value]
    found: list[object] = []
    for item in islice(items, MAX_ITEMS):
        own: Mapping[str, object] = item if isinstance(item, dict) else {}
        met = test(about_subject(names.within({**own, "item": item}), item))
        if isinstance(met, Decimal):
            number = int(met)
            return items[number - 1 if number > 0 else number] if number and abs(number) <= len(items) else None
        if met is True:
            found.append(item)
    return found


# working out: logic with three values, comparisons


def any_of(values: Iterable[object]) -> object:
    """Or, with three values."""
    unknown = False
    for value in values:
        if value is True:
            return True
        unknown = unknown or value is not False
    return None if unknown else False


def all_of(values: Iterable[object]) -> object:
    """And, with three values."""
    unknown = False
    for value in values:
        if value is False:
            return False
        unknown = unknown or value is not True
    return None if unknown else True


def negation_of(value: object) -> object:
    """Not, with three values."""
    return not value if isinstance(value, bool) else None


def comparison_of(left: Code, sign: str, right: Code, said: str) -> Code:
    """Code that compares two values."""
    return lambda names: in_order(left(names), sign, right(names), said)


_ORDERS: Mapping[str, Callable[[int], bool]] = {
    "=": lambda order: order == 0,
    "!=": lambda order: order != 0,
    "<": lambda order: order < 0,
    "<=": lambda order: order <= 0,
    ">": lambda order: order > 0,
    ">=": lambda order: order >= 0,
}


def in_order(left: object, sign: str, right: object, said: str) -> object:
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


def lies_within(value: object, span: Span, said: str) -> object:
    """Whether a value lies in an interval."""
    return all_of(
        in_order(value, sign, end, said)
        for end, sign in ((span.low, ">=" if span.low_in else ">"), (span.high, "<=" if span.high_in else "<"))
        if end is not None
    )


def fits_test(value: object, test: object, said: str) -> object:
    """Whether a value passes a positive unary test that is a value itself: equal to it, in its interval, or in its list."""
    if isinstance(test, Span):
        return lies_within(value, test, said)
    if isinstance(test, list) and not isinstance(value, list):
        return any_of(fits_test(value, one, said) for one in test)
    return in_order(value, "=", test, said)


# working out: arithmetic


def calculated(left: Code, sign: str, right: Code, said: str) -> Code:
    """Code that works out an operation of arithmetic."""

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


def _scaled(one: object, times: object) -> object:
    """A duration this many times; None where it is none."""
    if not isinstance(times, Decimal):
        return None
    if isinstance(one, Months):
        return Months(int(one.months * times))
    return timedelta(seconds=float(Decimal(one.total_seconds()) * times)) if isinstance(one, timedelta) else None


def _multiply(one: object, other: object) -> object:
    if isinstance(one, Decimal) and isinstance(other, Decimal):
        return _DECIMALS.multiply(one, other)
    return _scaled(other, one) if isinstance(one, Decimal) else _scaled(one, other)


def _divide(one: object, other: object) -> object:
    if isinstance(one, Decimal) and isinstance(other, Decimal):
        return _DECIMALS.divide(one, other)
    if isinstance(one, timedelta) and isinstance(other, timedelta):
        return _DECIMALS.divide(Decimal(one.total_seconds()), Decimal(other.total_seconds()))
    if isinstance(one, Months) and isinstance(other, Months):
        return _DECIMALS.divide(Decimal(one.months), Decimal(other.months))
    return _scaled(one, _DECIMALS.divide(Decimal(1), other)) if isinstance(other, Decimal) else None


_ARITHMETIC: Mapping[str, Callable[[object, object], object]] = {
    "+": _add,
    "-": _subtract,
    "*": _multiply,
    "/": _divide,
    "**": _of_decimals(_DECIMALS.power),
}


# working out: functions


def called_with(function: object, word: str, given: list[object], keys: Sequence[str] = ()) -> object:
    """What a function gives; `keys` are the names before its arguments, if it is called by name."""
    if isinstance(function, Missing):
        raise InputError(f"{word}: no function of this name is known here{nearest(word, FUNCTIONS)}")
    if not callable(function):
        return None
    if any(isinstance(one, Missing) for one in given) and function is not _is_defined:
        return None
    if keys:
        order = function.parameters if isinstance(function, Function) else _ordered_names(word, keys)
        if set(keys) - set(order):
            return None
        named = dict(zip(keys, given, strict=True))
        given = [named.get(key) for key in (order if isinstance(function, Function) else order[: len(keys)])]
    try:
        return function(*given)
    except (DecimalException, ArithmeticError, ValueError, AttributeError, IndexError, KeyError):
        return None
    except TypeError:
        return None if None in given else _misused(word, given)


def _misused(word: str, given: list[object]) -> object:
    raise InputError(f"{word}({', '.join(map(str, given))[:80]}): not what this function works on")


def _ordered_names(word: str, keys: Sequence[str]) -> Sequence[str]:
    """The parameters of a function of FEEL that its standard names so, the form that takes the given ones."""
    return next((order for order in _PARAMETERS.get(word, ()) if set(keys) == set(order[: len(keys)])), ())


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


def _read_number(text: object, grouping: str | None = None, point: str | None = None) -> Decimal:
    plain = str(text).replace(grouping, "") if grouping else str(text)
    return Decimal(plain.replace(point, ".") if point else plain)


def _placed(items: list[object], number: Decimal) -> int:
    """The index of Python for a place of FEEL, which counts from 1, or from the end where it is negative."""
    if not number or abs(number) > len(items):
        raise IndexError
    return int(number) - 1 if number > 0 else len(items) + int(number)


def _sublist(items: list[object], start: Decimal, length: Decimal | None = None) -> list[object]:
    first = _placed(items, start)
    return items[first:] if length is None else items[first : first + int(length)]


def _without(items: list[object], number: Decimal) -> list[object]:
    place = _placed(items, number)
    return items[:place] + items[place + 1 :]


def _inserted(items: list[object], number: Decimal, one: object) -> list[object]:
    place = _placed(items, number)
    return [*items[:place], one, *items[place:]]


def _replaced(items: list[object], where: object, one: object) -> list[object]:
    if isinstance(where, Function):
        return [one if where(item, one) is True else item for item in items]
    place = _placed(items, where) if isinstance(where, Decimal) else len(items)
    return [one if number == place else item for number, item in enumerate(items)]


def _distinct(*lists: list[object]) -> list[object]:
    found: list[object] = []
    for item in islice((one for items in lists for one in items), MAX_ITEMS):
        if item not in found:
            found.append(item)
    return found


def _sorted(items: list[object], first: Function | None = None) -> list[object]:
    """The list in order, or in the order that a function says of any two."""
    if first is None:
        return sorted(items)  # type: ignore[type-var]  # what has no order is a TypeError, and that is said
    return sorted(items, key=cmp_to_key(lambda one, other: -1 if first(one, other) is True else int(first(other, one) is True)))


def _median(*given: object) -> object:
    numbers = sorted(_numbers(given))
    middle = numbers[(len(numbers) - 1) // 2 : len(numbers) // 2 + 1]
    return _mean(*middle) if middle else None


def _mode(*given: object) -> object:
    counted = Counter(_numbers(given))
    return sorted(number for number, times in counted.items() if times == max(counted.values()))


def _deviation(*given: object) -> object:
    """The standard deviation of a sample."""
    numbers = _numbers(given)
    mean = _mean(*numbers)
    if len(numbers) < 2 or not isinstance(mean, Decimal):
        return None
    squares = _sum(*(_DECIMALS.power(number - mean, Decimal(2)) for number in numbers))
    return _DECIMALS.sqrt(_DECIMALS.divide(squares, Decimal(len(numbers) - 1))) if isinstance(squares, Decimal) else None


def _product(*given: object) -> object:
    made = Decimal(1)
    for number in (numbers := _numbers(given)):
        made = _DECIMALS.multiply(made, number)
    return made if numbers else None


def _split(text: str, by: str) -> list[str]:
    """The parts of a text; only between what stands there literally, since a pattern of FEEL can take for ever."""
    plain = re.sub(r"\\(\W)", r"\1", by)
    if not by or re.search(r"(?<!\\)[.*+?()\[\]{}|^$]", by):
        raise InputError(f"split by {by!r}: only by a text, patterns are not worked out here")
    return text.split(plain)


def _put(into: dict[str, object], key: object, value: object) -> dict[str, object]:
    """The context with one more entry; a list of keys goes into the contexts inside."""
    first, *rest = map(str, key if isinstance(key, list) else [key])
    inner = into.get(first, {})
    return {**into, first: _put(inner if isinstance(inner, dict) else {}, rest, value) if rest else value}


def _merged(contexts: list[dict[str, object]]) -> dict[str, object]:
    return {key: value for one in contexts for key, value in one.items()}


def _between(start: date, end: date) -> Months:
    """The whole months from one day to another."""
    months = (end.year - start.year) * 12 + end.month - start.month
    if months > 0 and end.day < start.day:
        return Months(months - 1)
    return Months(months + 1 if months < 0 and end.day > start.day else months)


def _is_defined(value: object) -> bool:
    return not isinstance(value, Missing)


def _ends(value: object) -> Span:
    return value if isinstance(value, Span) else Span(value, value, low_in=True, high_in=True)


def _before(one: object, other: object) -> object:
    """Whether a point or an interval ends before another begins."""
    first, second = _ends(one), _ends(other)
    order = _order(first.high, second.low)
    return None if order is None else order < 0 or (not order and not (first.high_in and second.low_in))


def _includes(one: Span, other: object) -> object:
    inner = _ends(other)
    low, high = _order(one.low, inner.low), _order(one.high, inner.high)
    if low is None or high is None:
        return None
    return (low < 0 or (not low and (one.low_in or not inner.low_in))) and (high > 0 or (not high and (one.high_in or not inner.high_in)))


_PARAMETERS: Mapping[str, tuple[tuple[str, ...], ...]] = {  # as the standard names them, for calls by name
    "string": (("from",),),
    "number": (("from", "grouping separator", "decimal separator"),),
    "date": (("from",), ("year", "month", "day")),
    "time": (("from",), ("hour", "minute", "second", "offset")),
    "date and time": (("from",), ("date", "time")),
    "duration": (("from",),),
    "years and months duration": (("from", "to"),),
    "substring": (("string", "start position", "length"),),
    "string length": (("string",),),
    "upper case": (("string",),),
    "lower case": (("string",),),
    "substring before": (("string", "match"),),
    "substring after": (("string", "match"),),
    "contains": (("string", "match"),),
    "starts with": (("string", "match"),),
    "ends with": (("string", "match"),),
    "split": (("string", "delimiter"),),
    "string join": (("list", "delimiter"),),
    "list contains": (("list", "element"),),
    "index of": (("list", "match"),),
    "sublist": (("list", "start position", "length"),),
    "remove": (("list", "position"),),
    "insert before": (("list", "position", "newItem"),),
    "sort": (("list", "precedes"),),
    "decimal": (("n", "scale"),),
    "modulo": (("dividend", "divisor"),),
    "get value": (("m", "key"),),
    "get entries": (("m",),),
    "not": (("negand",),),
    **dict.fromkeys(("count", "min", "max", "sum", "mean", "product", "median", "mode", "stddev", "all", "any"), (("list",),)),
    **dict.fromkeys(("reverse", "distinct values", "flatten"), (("list",),)),
    **dict.fromkeys(("floor", "ceiling", "round up", "round down", "round half up", "round half down"), (("n", "scale"),)),
    **dict.fromkeys(("abs", "sqrt", "exp", "log", "odd", "even"), (("number",),)),
}
PARAMETER_NAMES = frozenset(name for orders in _PARAMETERS.values() for order in orders for name in order)

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = tuple("January February March April May June July August September October November December".split())  # noqa: SIM905  # reads better than a tuple

FUNCTIONS: Mapping[str, Callable[..., object]] = {  # what they are given is known when they are called
    "abs": abs,
    "after": lambda one, other: _before(other, one),
    "all": lambda *given: all_of(_flat(given)),
    "any": lambda *given: any_of(_flat(given)),
    "append": lambda items, *more: [*items, *more],
    "before": _before,
    "ceiling": _round("ROUND_CEILING"),
    "concatenate": lambda *lists: [one for items in lists for one in items],
    "contains": lambda text, part: part in text,
    "context": lambda entries: {one["key"]: one["value"] for one in entries},
    "context merge": _merged,
    "context put": _put,
    "count": lambda *given: Decimal(len(_flat(given))),
    "date": _date,
    "date and time": _moment,
    "day of week": lambda day: _DAYS[day.weekday()],
    "day of year": lambda day: Decimal(day.timetuple().tm_yday),
    "decimal": _round("ROUND_HALF_EVEN"),
    "distinct values": _distinct,
    "duration": _duration,
    "during": lambda one, other: _includes(other, one),
    "ends with": lambda text, part: text.endswith(part),
    "even": lambda number: number % 2 == 0,
    "exp": lambda number: number.exp(_DECIMALS),
    "flatten": _leaves,
    "floor": _round("ROUND_FLOOR"),
    "get entries": lambda of: [{"key": key, "value": value} for key, value in of.items()],
    "get value": lambda of, key: of.get(key),
    "includes": _includes,
    "index of": lambda items, one: [Decimal(number) for number, item in enumerate(items, 1) if item == one],
    "insert before": _inserted,
    "is": lambda one, other: type(one) is type(other) and one == other,
    "is defined": _is_defined,
    "list contains": lambda items, one: one in items,
    "list replace": _replaced,
    "log": lambda number: number.ln(_DECIMALS),
    "lower case": lambda text: text.lower(),
    "max": _extreme(max),
    "mean": _mean,
    "median": _median,
    "min": _extreme(min),
    "mode": _mode,
    "modulo": lambda one, other: one - other * (one / other).to_integral_value("ROUND_FLOOR"),
    "month of year": lambda day: _MONTHS[day.month - 1],
    "number": _read_number,
    "odd": lambda number: number % 2 == 1,
    "product": _product,
    "remove": _without,
    "reverse": lambda items: items[::-1],
    "round down": _round("ROUND_DOWN"),
    "round half down": _round("ROUND_HALF_DOWN"),
    "round half even": _round("ROUND_HALF_EVEN"),
    "round half up": _round("ROUND_HALF_UP"),
    "round up": _round("ROUND_UP"),
    "sort": _sorted,
    "split": _split,
    "sqrt": lambda number: number.sqrt(_DECIMALS),
    "starts with": lambda text, part: text.startswith(part),
    "stddev": _deviation,
    "string": _words,
    "string join": lambda items, by="": (by or "").join(item for item in items if item is not None),
    "string length": lambda text: Decimal(len(text)),
    "sublist": _sublist,
    "substring": _substring,
    "substring after": lambda text, part: text.partition(part)[2] if part else text,
    "substring before": lambda text, part: text.partition(part)[0] if part and part in text else "",
    "sum": _sum,
    "time": lambda text: text.time() if isinstance(text, datetime) else time.fromisoformat(text),
    "union": _distinct,
    "upper case": lambda text: text.upper(),
    "week of year": lambda day: Decimal(day.isocalendar().week),
    "years and months duration": _between,
}
