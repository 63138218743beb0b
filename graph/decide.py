"""Decisions worked out over what the graph holds: tables of DMN with every hit policy, chains of them, and conditions over a request."""

from __future__ import annotations

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false
# what a request holds is any JSON
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from graph.errors import InputError, nearest
from graph.feel import Function, Missing, Names, Parsed, Quantity, known_function, literal, parse
from graph.feel import condition as condition_of
from graph.model import Entity, PropertyValue

MAX_RULES = 100_000
_SAMPLE = 100  # items of a list whose keys are looked at
MAX_CHAIN = 50  # how many tables may wait for one another
_POLICIES = {
    "U": "UNIQUE",
    "F": "FIRST",
    "P": "PRIORITY",
    "A": "ANY",
    "C": "COLLECT",
    "R": "RULE ORDER",
    "O": "OUTPUT ORDER",
    "C+": "COLLECT SUM",
    "C<": "COLLECT MIN",
    "C>": "COLLECT MAX",
    "C#": "COLLECT COUNT",
}


class Slot(NamedTuple):
    """An input (`name` is its expression) or an output of a table, its type, and the values that it may have."""

    name: str
    type: str = ""
    values: str = ""

    def __str__(self) -> str:
        """As the graph keeps it: `Age: number`, `Risk: string in "High", "Low"`."""
        return self.name + (f": {self.type}" if self.type else "") + (f" in {self.values}" if self.values else "")


class Rule(NamedTuple):
    """A row: its id, the condition, and the outcome as an expression."""

    id: str
    when: str
    then: str


@dataclass(frozen=True)
class Table:
    """A decision as the graph keeps it: rules with a hit policy, or one expression; `result` is the name that others use.

    With `parameters` (None: it is no function) it is a business knowledge model, which others call with arguments.
    """

    id: str
    name: str
    result: str = ""
    hit_policy: str = "UNIQUE"
    aggregation: str = ""
    inputs: tuple[Slot, ...] = ()
    outputs: tuple[Slot, ...] = ()
    default: str = ""
    expression: str = ""
    rules: tuple[Rule, ...] = ()
    units: Mapping[str, str] | None = None
    parameters: tuple[Slot, ...] | None = None

    @property
    def names(self) -> frozenset[str]:
        """The names that its texts use and that may have blanks or signs in them."""
        parts = (part for slot in (*self.inputs, *(self.parameters or ())) for part in slot.name.split("."))
        return frozenset(part for part in parts if not re.search(r'[()"<>=,]', part))


class Decided(NamedTuple):
    """What a table gives for a request: the outcome and the ids of the rules that demanded it."""

    outcome: object
    rules: tuple[str, ...]


def condition(subject: str, entry: str, names: Iterable[str] = ()) -> str:
    """A cell of a decision table (FEEL unary tests, DMN 1.5 section 7.3) on this input, as a condition; "" for `-`.

    `InputError` says where the cell is none, or beyond what is worked out here.
    """
    return condition_of(entry, subject, names)


def checked(expression: str, names: Iterable[str] = ()) -> str:
    """The expression as it stands; `InputError` where it is none, or beyond what is worked out here."""
    known = frozenset(names)
    read = parse(expression, known)
    known_function(expression, read.called - known)
    return read.text


def table_of(entity: Entity, rules: Iterable[Entity]) -> Table:
    """A table from the graph: an entity of the kind DecisionTable and its DecisionRules, in any order."""
    said = entity.properties
    ordered = sorted(rules, key=lambda rule: (_number(rule.properties.get("order", 0)), rule.id))
    policy = _text(said, "hit_policy").upper() or "UNIQUE"
    policy, _, aggregation = _POLICIES.get(policy, policy).partition(" ") if policy not in _ORDERS else (policy, "", "")
    inputs = tuple(map(_slot, _texts(said, "inputs")))
    currency = _text(said, "currency")
    return Table(
        id=entity.id,
        name=entity.name or entity.id,
        result=_text(said, "result") or entity.name,
        hit_policy=policy,
        aggregation=_text(said, "aggregation") or aggregation,
        inputs=inputs,
        outputs=tuple(map(_slot, _texts(said, "outputs"))),
        default=_text(said, "default_outcome"),
        expression=_text(said, "expression"),
        rules=tuple(Rule(rule.id, _text(rule.properties, "when"), _text(rule.properties, "then")) for rule in ordered),
        units={slot.name: currency for slot in inputs} if currency else None,
        parameters=_parameters(said),
    )


def _parameters(said: Mapping[str, PropertyValue]) -> tuple[Slot, ...] | None:
    return tuple(map(_slot, _texts(said, "parameters"))) if _text(said, "element") == "businessKnowledgeModel" else None


_ORDERS = frozenset({"RULE ORDER", "OUTPUT ORDER"})
_SLOT = re.compile(r"(?P<name>.+?)(?:: (?P<type>[^\"]+?))??(?: in (?P<values>.+))?", re.DOTALL)


def _slot(text: str) -> Slot:
    found = _SLOT.fullmatch(text)
    return Slot(found["name"], found["type"] or "", found["values"] or "") if found else Slot(text)


def _number(value: PropertyValue) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _text(said: Mapping[str, PropertyValue], name: str) -> str:
    value = said.get(name, "")
    return str(value) if isinstance(value, str | int | float) else ""


def _texts(said: Mapping[str, PropertyValue], name: str) -> list[str]:
    value = said.get(name, [])
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


# conditions


def holds(text: str, given: Mapping[str, object], *, units: Mapping[str, str] | None = None) -> bool:
    """Whether a condition over a request holds: `amount > 50000 and region = "EU"`.

    `given` may be texts (`60000`, `60000 EUR`, `2026-11-23`); `units` is what the condition counts in. `InputError` names every
    input that is missing, a unit that differs, and a value that cannot be compared.
    """
    judged = judge(text, given, units=units)
    if judged.missing:
        raise _missing(text, judged.missing, given)
    return judged.holds is True


class Judged(NamedTuple):
    """Whether a condition holds (None: it cannot be said, or gives nothing), and the names that nobody gave and that would settle it."""

    holds: bool | None
    missing: tuple[str, ...] = ()


def judge(text: str, given: Mapping[str, object], *, units: Mapping[str, str] | None = None) -> Judged:
    """As `holds`, but what is missing is returned and not raised; a condition that is false whatever is missing is false."""
    values = {name: _value(value) for name, value in given.items()}
    names = Names(values, units or {})
    outcome = parse(text, values).code(names)
    if isinstance(outcome, bool):
        return Judged(outcome)
    if names.missing:
        return Judged(None, tuple(sorted(names.missing)))
    if outcome is None:
        return Judged(None)
    raise InputError(f"{text!r} gives {outcome}, which is neither true nor false")


def _missing(what: str, missing: Iterable[str], given: Iterable[str]) -> InputError:
    wanted = sorted(missing)
    near = nearest(wanted[0], given) if len(wanted) == 1 else ""
    return InputError(f"{what}: needs {', '.join(wanted)}, which the request does not give{near}")


AMOUNT = "amount"  # what thresholds and limits are measured against
TIMES = {"k": 10**3, "thousand": 10**3, "m": 10**6, "mn": 10**6, "mio": 10**6, "million": 10**6, "bn": 10**9, "billion": 10**9}
_AMOUNT = re.compile(r"(?P<a>[-+]?\d+(?:\.\d+)?)\s+(?P<u>[^\W\d]\w*|%)|(?P<v>[A-Z]{3})\s+(?P<b>[-+]?\d+(?:\.\d+)?)")


def _value(value: object, declared: str = "") -> object:
    """A given value as what FEEL works with; a text is read by the type that is declared for it, if one is."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return Decimal(str(value))
    if isinstance(value, Mapping):
        return {str(key): _value(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_value(one) for one in value]
    if not isinstance(value, str):
        return value
    found = _AMOUNT.fullmatch(value.strip())
    if found and declared in ("", "number"):
        return Quantity(Decimal(found["a"] or found["b"]), found["u"] or found["v"])
    return _READ[declared](value) if declared in _READ else value


def _boolean(text: str) -> object:
    return {"true": True, "yes": True, "false": False, "no": False}.get(text.strip().casefold(), text)


_READ: Mapping[str, Callable[[str], object]] = {
    "number": lambda text: Decimal(text.strip()),
    "boolean": _boolean,
    "date": lambda text: date.fromisoformat(text.strip()),
    "time": lambda text: time.fromisoformat(text.strip()),
    "date and time": lambda text: datetime.fromisoformat(text.strip()),
    "dateTime": lambda text: datetime.fromisoformat(text.strip()),
    "days and time duration": literal,
    "years and months duration": literal,
}


# tables


def decide(table: Table, given: Mapping[str, object], *, others: Iterable[Table] = ()) -> Decided:
    """What the table says to a request; an input that nobody gives is first sought among the results of `others`.

    `InputError` names the inputs that are missing or of the wrong type, unit or value, and the rules that contradict one another. Numbers
    come back as decimals; the outcome of a table with several outputs is a mapping; None: no rule matches and there is no default.
    """
    run = _Run({other.result: other for other in others if other.result}, given)
    try:
        return _decided(table, given, run, ())
    except RecursionError:
        raise InputError(f"{table.name}: what it calls calls itself too deeply") from None


@dataclass(frozen=True)
class _Run:
    """One question: the tables that there are, what the request gives, what was decided on the way, and the steps taken."""

    known: Mapping[str, Table]
    given: Mapping[str, object]
    outcomes: dict[str, object] = field(default_factory=dict[str, object])
    steps: list[int] = field(default_factory=lambda: [0])

    def outcome(self, other: Table, given: Mapping[str, object], waiting: tuple[str, ...]) -> object:
        """What another decision says to the request (worked out once), or to what a function was called with (each time)."""
        if given is not self.given:
            return _decided(other, given, self, waiting).outcome
        if other.id not in self.outcomes:
            self.outcomes[other.id] = _decided(other, given, self, waiting).outcome
        return self.outcomes[other.id]

    def function(self, model: Table) -> Function:
        """A knowledge model as what expressions call."""
        slots = model.parameters or ()

        def body(given: Mapping[str, object]) -> object:
            Names({}, steps=self.steps).within({})
            return _decided(model, given, self, ()).outcome

        return Function(tuple(slot.name for slot in slots), body)


def _decided(table: Table, given: Mapping[str, object], run: _Run, waiting: tuple[str, ...]) -> Decided:
    if table.id in waiting or len(waiting) > MAX_CHAIN:
        raise InputError(
            f"{table.name}: waits for itself through {' and '.join(waiting[-5:])}; a decision cannot depend on its own outcome"
        )
    if len(table.rules) > MAX_RULES:
        raise InputError(f"{table.name}: {len(table.rules)} rules; {MAX_RULES} is the most")
    names = _names(table, given, run, waiting)
    if not table.rules:
        return Decided(_worked(table, table.expression, names), ()) if table.expression else _undecided(table)
    for slot in table.inputs:
        _allowed(table, slot, names)
    if names.missing:
        raise _missing(table.name, names.missing, given)
    met = [(rule, _worked(table, rule.then, names)) for rule in table.rules if _met(table, rule, names)]
    return _hit(table, met, names)


def needs(table: Table, *, others: Iterable[Table] = ()) -> tuple[str, ...]:
    """The names that a request must give for a table: its inputs, save those that are results of others, whose inputs it needs in their place."""
    known = {other.result: other for other in others if other.result}
    found: dict[str, None] = {}
    waiting, seen = [table], {table.id}
    words = {*known, *(name for other in known.values() for name in other.names)}
    while waiting:
        one = waiting.pop(0)
        texts = [slot.name for slot in one.inputs] or [one.expression] * bool(one.expression)
        for name in sorted({name for text in texts for name in _asks(one, text, words)}):
            other = known.get(name)
            if other is None or other.id == one.id:
                found.setdefault(name)
            elif other.id not in seen and other.parameters is None:
                seen.add(other.id)
                waiting.append(other)
    return tuple(found)


def _asks(table: Table, text: str, others: Iterable[str]) -> frozenset[str]:
    try:
        return parse(text, {*table.names, *others}).names if text else frozenset()
    except InputError:
        found = frozenset(name for name in others if name in text)
        return found or frozenset({text})


def _undecided(table: Table) -> Decided:
    raise InputError(f"{table.name}: has neither rules nor an expression that could decide")


def _names(table: Table, given: Mapping[str, object], run: _Run, waiting: tuple[str, ...]) -> Names:
    """The names that the table can use: what is given, and of the tables that it asks for and nobody gave the outcome or the function."""
    types = {slot.name: slot.type for slot in (*table.inputs, *(table.parameters or ()))}
    values = {name: _declared(name, value, types.get(name, "")) for name, value in given.items()}
    for result in _wanted(table, [result for result, other in run.known.items() if result not in values and other.id != table.id]):
        other = run.known[result]
        values[result] = run.outcome(other, given, (*waiting, table.id)) if other.parameters is None else run.function(other)
    if table.parameters is not None and table.result not in values:
        values[table.result] = run.function(table)
    return Names(values, table.units or {}, steps=run.steps)


def _wanted(table: Table, results: Sequence[str]) -> list[str]:
    """The results of others that the table's texts name, and not only as a part of another word."""
    texts = [slot.name for slot in table.inputs] + [table.expression, table.default]
    texts += [text for rule in table.rules for text in (rule.when, rule.then)]
    asked: set[str] = set()
    for text in texts:
        if any(result in text for result in results):
            asked |= _asks(table, text, results)
    return [result for result in results if result in asked]


def _declared(name: str, value: object, declared: str) -> object:
    try:
        return _value(value, declared)
    except (ValueError, InvalidOperation):
        raise InputError(f"{name} is {value!r}, and a {declared} is needed") from None


def _parsed(table: Table, text: str, names: Names) -> Parsed:
    return parse(text, {*table.names, *names.values, *(key for value in names.values.values() for key in _keys(value))})


def _keys(value: object) -> Iterable[str]:
    """The names inside a value: the keys of contexts, of those in a list too, and the parameters of functions."""
    if isinstance(value, Function):
        yield from value.parameters
    for one in value[:_SAMPLE] if isinstance(value, list) else [value]:
        if isinstance(one, dict):
            yield from one
            yield from (key for inner in one.values() for key in _keys(inner))


def _worked(table: Table, text: str, names: Names) -> object:
    try:
        outcome = _parsed(table, text, names).code(names)
    except InputError as error:
        raise InputError(f"{table.name}: {error}") from error
    if names.missing:
        raise _missing(table.name, names.missing, names.values)
    return None if isinstance(outcome, Missing) else outcome


def _met(table: Table, rule: Rule, names: Names) -> bool:
    return not rule.when or _worked(table, rule.when, names) is True


def _allowed(table: Table, slot: Slot, names: Names) -> None:
    value = _parsed(table, slot.name, names).code(names)
    if not slot.values or value is None or isinstance(value, Missing):
        return
    if parse(f"it in ({slot.values})", names.values).code(Names({**names.values, "it": value})) is False:
        raise InputError(f"{table.name}: {slot.name} is {value!s}, which is none of {slot.values}")


# hit policies (DMN 1.5, 8.2.8)


def _hit(table: Table, met: list[tuple[Rule, object]], names: Names) -> Decided:
    ids = tuple(rule.id for rule, _ in met)
    outcomes = [outcome for _, outcome in met]
    if not met and table.default:
        return Decided(_worked(table, table.default, names), ())
    match table.hit_policy:
        case "COLLECT" if table.aggregation:
            return Decided(_aggregated(table, outcomes), ids)
        case "COLLECT" | "RULE ORDER":
            return Decided(outcomes, ids)
        case "OUTPUT ORDER":
            return Decided([outcome for _, outcome in _best_first(table, met)], ids)
        case _ if not met:
            return Decided(None, ())
        case "FIRST":
            return Decided(outcomes[0], ids[:1])
        case "PRIORITY":
            rule, outcome = _best_first(table, met)[0]
            return Decided(outcome, (rule.id,))
        case "ANY" if all(outcome == outcomes[0] for outcome in outcomes):
            return Decided(outcomes[0], ids)
        case "UNIQUE" if len(met) == 1:
            return Decided(outcomes[0], ids)
        case "ANY" | "UNIQUE":
            raise InputError(f"{table.name}: {' and '.join(ids)} contradict one another under the hit policy {table.hit_policy}")
        case other:
            raise InputError(f"{table.name}: the hit policy {other!r} is none of DMN{nearest(other, _POLICIES.values())}")


_AGGREGATIONS = {"SUM": "sum", "MIN": "min", "MAX": "max", "COUNT": "count"}


def _aggregated(table: Table, outcomes: list[object]) -> object:
    if table.aggregation not in _AGGREGATIONS:
        raise InputError(f"{table.name}: the aggregation {table.aggregation!r} is none of {', '.join(_AGGREGATIONS)}")
    return parse(f"{_AGGREGATIONS[table.aggregation]}(outcomes)").code(Names({"outcomes": outcomes}))


def _best_first(table: Table, met: list[tuple[Rule, object]]) -> list[tuple[Rule, object]]:
    """The rules that matched by the order of their outputs' allowed values; the order of the rules where that says nothing."""
    orders = [(slot.name, parse(f"[{slot.values}]").code(Names({}))) for slot in table.outputs]

    def rank(hit: tuple[Rule, object]) -> list[int]:
        _, outcome = hit
        values: list[object] = [outcome.get(name) for name, _ in orders] if isinstance(outcome, dict) else [outcome]
        return [
            order.index(value) if isinstance(order, list) and value in order else MAX_RULES
            for value, (_, order) in zip(values, orders, strict=False)
        ]

    return sorted(met, key=rank)
