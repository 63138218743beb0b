"""Who must approve this? A request through a process's flow, conditions, decision tables and authorities: the approvals in order, and why."""

from __future__ import annotations

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# what a request holds, and a table gives, is any JSON
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from graph.decide import AMOUNT, TIMES, Decided, Table, decide, judge, needs, table_of
from graph.errors import InputError, nearest
from graph.feel import parse
from graph.flow import Edge, Flow, Ruling, either, flow
from graph.model import Entity, Scalar, Value, slug
from graph.scope import View, known
from graph.stores.base import EntityRow, Limit, RelationRow, Rule

_LEVELS = 14  # of a reporting line, counted from the process
_ABOVE = (*(Rule(kind, False, _LEVELS) for kind in ("holds", "has_role", "heads", "deputizes_for")), Rule("reports_to", True, _LEVELS))
_AROUND = (
    Rule("step_of", False, 1),
    *(
        Rule(kind, True, 2)
        for kind in ("precedes", "part_of", "attached_to", "decides_with", "approved_by", "performed_by", "under_authority")
    ),
    Rule("applies_to", False, 1),
    Rule("applies_to", True, 2),  # the units for which an authority is
    Rule("holds_authority", False, 3),
    *_ABOVE,
)
_TABLES = (Rule("rule_of", False, 2), Rule("depends_on", True, 12), Rule("rule_of", False, 12))
_LIMIT = Limit(_LEVELS, 5_000, 20_000)


class Who(Value):
    """Somebody who may act; `through` says as what."""

    id: str
    name: str
    through: str = ""


class Approval(Value):
    """One approval that a request needs. `position` is who must give it, `holders` hold that today, `acting` are those who may in fact.

    Those of one `stage` run side by side (`parallel_with`). `acting` are the holders whom nothing bars, else their `delegates`, else whoever
    holds `escalates_to`, the next one up; empty: nobody may. `rules` are the ids of the rule, table or authority that demanded it.
    """

    step: str
    name: str
    stage: int
    position: str
    position_name: str = ""
    holders: tuple[Who, ...] = ()
    acting: tuple[Who, ...] = ()
    because: str
    rules: tuple[str, ...] = ()
    vacant: bool = False
    parallel_with: tuple[str, ...] = ()
    delegates: tuple[Who, ...] = ()
    escalates_to: Who | None = None
    segregation: str = ""
    origins: tuple[dict[str, str], ...] = ()


class Skipped(Value):
    """A step that this request does not need, and why not."""

    step: str
    name: str
    because: str


class Lacking(Value):
    """What must be given before these steps can be decided; `input` is blank where a rule cannot be worked out at all."""

    input: str
    steps: tuple[str, ...]
    because: str


class Route(Value):
    """The approvals in order, what is lacking (empty: the route is whole), the steps that are not needed, and what else must be said."""

    process: str
    approvals: tuple[Approval, ...]
    lacking: tuple[Lacking, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()


def route(view: View, process: str, given: Mapping[str, Scalar] | None = None, *, requester: str = "") -> Route:
    """The approvals that a request to this process (or to a decision table) needs.

    Amounts may carry a currency and a multiple (`120000 EUR`, `50k`); nothing is converted. Names are compared without blanks, hyphens and
    capitals. `NotFound` for a process or requester that is not there; `InputError` for what is no process, and for inputs nobody asks for
    that look like ones that are.
    """
    found = known(view, [process, *([requester] if requester else [])])
    facts = _Facts(view)
    facts.walk([found[process], *([found[requester]] if requester else [])], _AROUND)
    own = facts.rows[found[process]]
    if own.kind not in view.ontology.family("Process") | view.ontology.family("DecisionTable"):
        raise InputError(f"{own.id} is a {own.kind}, and only a process or a decision table has a route")
    return _Routing(facts, own.id, _request(given or {}), found.get(requester, "")).route()


# what was given


def _folded(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


_MONEY = re.compile(
    r"(?P<before>[A-Z]{3}|[€£])?\s*(?P<number>[+-]?(?:\d{1,3}(?:[,' ]\d{3})+|\d+)(?:\.\d+)?)"
    rf"\s*(?P<times>{'|'.join(TIMES)})?\s*(?P<after>(?-i:[A-Z]{{3}})|[€£])?",
    re.IGNORECASE,
)
_SIGNS = {"€": "EUR", "£": "GBP"}


def _read(name: str, said: Scalar) -> object:
    """A given value as conditions take it: `50k EUR` is `50000 EUR`; `InputError` for an amount that can mean two."""
    if not isinstance(said, str):
        return said
    text = said.strip()
    if text.casefold() in ("yes", "no", "true", "false"):
        return text.casefold() in ("yes", "true")
    found = _MONEY.fullmatch(text)
    if not found or (found["before"] and found["after"]):
        return text
    unit = found["before"] or found["after"] or ""
    number = re.sub(r"[,' ]", "", found["number"])
    if re.fullmatch(r"[+-]?[1-9]\d{0,2}\.\d{3}", number):
        raise InputError(
            f"{name} is {said!r}, which can mean {Decimal(number).normalize():f} or {number.replace('.', '')}; write it without a point"
        )
    amount = Decimal(number) * TIMES.get((found["times"] or "").casefold(), 1)
    return f"{_plain(amount)} {_SIGNS.get(unit, unit.upper())}".strip()


def _plain(value: object) -> str:
    """A value as people write it: no exponent, no idle zeros."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal | float | int):
        text = f"{Decimal(str(value)):f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return str(value)


@dataclass
class _Request:
    """What was given, by folded names; `said` are its names as they were written, `asked` the names that rules asked for."""

    values: dict[str, object]
    said: dict[str, str]
    asked: set[str] = field(default_factory=set[str])

    def under(self, names: Iterable[str]) -> dict[str, object]:
        """The values by the names that a rule uses for them."""
        wanted = list(names)
        self.asked.update(wanted)
        return {name: self.values[_folded(name)] for name in wanted if _folded(name) in self.values}

    def learn(self, name: str, outcome: object) -> None:
        """Take what a decision gave, unless it was given from outside."""
        parts = outcome if isinstance(outcome, Mapping) else {}
        for key, value in (*parts.items(), (name, outcome)):
            self.values.setdefault(_folded(str(key)), value)

    def unused(self) -> list[str]:
        """The given names that no rule asked for."""
        asked = {_folded(name) for name in self.asked}
        return [name for folded, name in self.said.items() if folded not in asked]


def _request(given: Mapping[str, Scalar]) -> _Request:
    values: dict[str, object] = {}
    currency = str(given.get("currency", "")).upper()
    for name, said in given.items():
        value = _read(name, said)
        if name == AMOUNT and currency and re.fullmatch(r"[+-]?[\d.]+", str(value)):
            value = f"{value} {currency}"
        first, _, rest = name.partition(".")
        values[_folded(name)] = value
        if rest:
            inner = values.setdefault(_folded(first), {})
            if isinstance(inner, dict):
                inner[rest] = value
    said = {_folded(name.partition(".")[0]): name for name in given if name != "currency"}
    return _Request(values, said)


# what the graph holds around a process


class _Facts:
    """Things and relations around a process as two walks and no more round trips read them."""

    def __init__(self, view: View) -> None:
        self.view, self.cut = view, False
        self.rows: dict[str, EntityRow] = {}
        self._out: dict[tuple[str, str], dict[str, RelationRow]] = defaultdict(dict)
        self._into: dict[tuple[str, str], dict[str, RelationRow]] = defaultdict(dict)

    def walk(self, anchors: Sequence[str], rules: Sequence[Rule]) -> None:
        """Read what these rules reach from here."""
        found = self.view.store.walk(anchors, rules, self.view.where, limit=_LIMIT, at=self.view.at) if anchors else None
        if found is None:
            return
        self.cut = self.cut or found.cut
        self.rows |= {row.id: row for row in found.entities}
        for row in found.relations:
            self._out[row.source, row.kind][row.target] = row
            self._into[row.target, row.kind][row.source] = row

    def out(self, id_: str, *kinds: str) -> list[RelationRow]:
        """The relations of these kinds that start here, by kind and then by id."""
        return [one for kind in kinds for _, one in sorted(self._out.get((id_, kind), {}).items())]

    def into(self, id_: str, *kinds: str) -> list[RelationRow]:
        """Those that end here."""
        return [one for kind in kinds for _, one in sorted(self._into.get((id_, kind), {}).items())]

    def said(self, id_: str) -> Mapping[str, object]:
        """The properties of a thing."""
        return json.loads(self.rows[id_].properties) if id_ in self.rows else {}

    def text(self, id_: str, key: str) -> str:
        """A property as text; "" where it is not there."""
        value = self.said(id_).get(key)
        return "" if value is None else str(value)

    def name(self, id_: str) -> str:
        """What a thing is called."""
        return (id_ in self.rows and self.rows[id_].name) or id_

    def is_a(self, id_: str, *kinds: str) -> bool:
        """Whether a thing is of one of these kinds, or of one below."""
        return id_ in self.rows and any(self.rows[id_].kind in self.view.ontology.family(kind) for kind in kinds)

    def origins(self, *ids: str) -> list[dict[str, str]]:
        """Where these things are said."""
        return [one for id_ in ids if id_ in self.rows for one in json.loads(self.rows[id_].origins)]

    def tables(self) -> dict[str, Table]:
        """The decision tables that were read."""
        return {
            id_: table_of(self._entity(id_), map(self._entity, self._rules(id_)))
            for id_ in sorted(self.rows)
            if self.is_a(id_, "DecisionTable")
        }

    def _rules(self, table: str) -> list[str]:
        return [one.source for one in self.into(table, "rule_of") if one.source in self.rows]

    def _entity(self, id_: str) -> Entity:
        row = self.rows[id_]
        return Entity(id=id_, kind=row.kind, name=row.name, properties=json.loads(row.properties))


# the route


class _Post(NamedTuple):
    """Who must approve a step, the rule, table or authority that says so, and the records that say it."""

    id: str
    rules: tuple[str, ...] = ()
    origins: tuple[dict[str, str], ...] = ()
    words: str = ""


class _Step(NamedTuple):
    """Something to approve: a step of the flow, the process itself, a table, or an authority for the process."""

    id: str
    stage: int
    ruling: Ruling
    posts: tuple[_Post, ...]


class _Routing:
    """One request on its way."""

    def __init__(self, facts: _Facts, process: str, request: _Request, requester: str) -> None:
        self.facts, self.process, self.request, self.requester = facts, process, request, requester
        self.notes: list[str] = []
        self.nodes = [one.source for one in facts.into(process, "step_of") if one.source in facts.rows]
        deciding = [one.target for id_ in (process, *self.nodes) for one in facts.out(id_, "decides_with")]
        if facts.is_a(process, "DecisionTable"):
            deciding = [process, *deciding]
        facts.walk(list(dict.fromkeys(deciding)), _TABLES)
        self.tables = facts.tables()
        self.decided: dict[str, Decided] = {}
        self.faults: dict[str, Ruling] = {}
        for table in dict.fromkeys(deciding):
            self._decide(table)
        self.named = self._named()
        self.flow = self._flow()

    def route(self) -> Route:
        steps = sorted(self._steps(), key=lambda step: (step.stage, step.id))
        needed = [step for step in steps if step.ruling.holds is True]
        approvals = self._staffed(self._reaching([one for step in needed for one in self._approvals(step)]))
        skipped = [
            Skipped(step=one.id, name=self.facts.name(one.id), because=one.ruling.because) for one in steps if one.ruling.holds is False
        ]
        lacking = self._lacking([step for step in steps if step.ruling.holds is None])
        self._check_names()
        if self.facts.cut:
            self.notes.append(f"the process has more around it than the {_LIMIT.entities} things that were read")
        return Route(
            process=self.process,
            approvals=tuple(_numbered(approvals)),
            lacking=tuple(lacking),
            skipped=tuple(skipped),
            notes=tuple(dict.fromkeys(self.notes)),
        )

    def _check_names(self) -> None:
        """Say of what nobody asked for that nobody did; refuse it where it looks like something that was."""
        given = set(self.request.values)
        open_ = sorted(name for name in self.request.asked if _folded(name) not in given)
        for name in self.request.unused():
            if near := nearest(name, open_):
                raise InputError(f"nothing on the way of {self.process} asks for {name!r}{near}")
            asked = ", ".join(sorted(self.request.asked)) or "nothing"
            self.notes.append(f"{name} makes no difference: the rules of this process ask for {asked}")

    def _lacking(self, steps: Sequence[_Step]) -> Iterator[Lacking]:
        """What must be given, each with the steps that wait for it and their rules."""
        waiting: dict[tuple[str, str], list[_Step]] = defaultdict(list)
        for step in steps:
            for name in step.ruling.missing or ("",):
                waiting[name, "" if name else step.ruling.because].append(step)
        for (name, words), those in waiting.items():
            rules = words or "; ".join(dict.fromkeys(step.ruling.because for step in those))
            yield Lacking(input=name, steps=tuple(step.id for step in those), because=rules)

    # decisions and conditions

    def _decide(self, table: str) -> None:
        if table not in self.tables:
            self.faults[table] = Ruling(None, f"{table} is not there, or not for you")
            return
        own, others = self.tables[table], list(self.tables.values())
        wanted = needs(own, others=others)
        given = self.request.under([*wanted, *(one.result for one in others if one.id != table)])
        self.request.asked -= {one.result for one in others}
        missing = tuple(name for name in wanted if name not in given)
        try:
            self.decided[table] = decide(own, given, others=others)
        except InputError as error:
            self.faults[table] = Ruling(None, str(error), missing)
        else:
            self.request.learn(own.result or own.name, self.decided[table].outcome)

    def _ruled(self, text: str, currency: str) -> Ruling:
        """A condition on this request, in words."""
        try:
            names = sorted(parse(text, self.request.said.values()).names)
        except InputError as error:
            return Ruling(None, str(error))
        values = self.request.under(names)
        try:
            judged = judge(text, values, units=dict.fromkeys(names, currency) if currency else None)
        except InputError as error:
            return Ruling(None, str(error), tuple(values))
        said = ", ".join(f"{name} is {_plain(value)}" for name, value in values.items())
        if judged.missing:
            return Ruling(None, f"it decides {text}", self._asked_for(judged.missing))
        if judged.holds is None:
            return Ruling(None, f"{text} gives neither yes nor no{f' where {said}' if said else ''}", tuple(values))
        return Ruling(judged.holds, f"{text} {'holds' if judged.holds else 'does not hold'}{f': {said}' if said else ''}")

    def _asked_for(self, names: Iterable[str]) -> tuple[str, ...]:
        """What must be given; where a name is the result of a table, what that lacks."""
        lacks = {self.tables[id_].result: fault.missing for id_, fault in self.faults.items() if id_ in self.tables}
        return tuple(dict.fromkeys(one for name in names for one in lacks.get(name, ()) or (name,)))

    def _conditioned(self, id_: str) -> Ruling:
        """The condition that stands on a step, else its threshold."""
        text, threshold = self.facts.text(id_, "condition"), self.facts.text(id_, "threshold")
        text = text or (f"{AMOUNT} >= {_plain(Decimal(threshold))}" if threshold else "")
        return self._ruled(text, self.facts.text(id_, "currency")) if text else Ruling(True)

    # the flow

    def _flow(self) -> Flow:
        there = set(self.nodes)
        lines = [one for node in self.nodes for one in self.facts.out(node, "precedes") if one.target in there]
        edges = [edge for node in self.nodes for edge in self._ways([one for one in lines if one.source == node])]
        entered = {edge.target for edge in edges}
        within = ((one.target, node) for node in self.nodes if node not in entered for one in self.facts.out(node, "part_of"))
        edges += [Edge(outer, node, Ruling(True)) for outer, node in within if outer in there]
        attached = {node: self.facts.name(node) for node in self.nodes if self.facts.out(node, "attached_to")}
        return flow(self.nodes, edges, {node: f"only if this happens: {name}" for node, name in attached.items()})

    def _ways(self, lines: Sequence[RelationRow]) -> Iterator[Edge]:
        """The ways on from one node: their conditions, their labels where the node asks a question, and the way for all other cases."""
        said = {one.target: json.loads(one.properties) for one in lines}
        rulings = {one.target: self._way(one, said[one.target], several=len(lines) > 1) for one in lines}
        for one in lines:
            if said[one.target].get("default_flow") is True and len(lines) > 1:
                others = [ruling for target, ruling in rulings.items() if target != one.target]
                any_ = either(ruling.holds for ruling in others)
                because = "; ".join(ruling.because for ruling in others if ruling.holds is any_)
                rulings[one.target] = Ruling(None if any_ is None else not any_, because, tuple(n for r in others for n in r.missing))
            yield Edge(one.source, one.target, rulings[one.target])

    def _way(self, line: RelationRow, said: Mapping[str, object], *, several: bool) -> Ruling:
        """What stands on a way; the step's own condition is the step's, and does not keep the request from what comes after."""
        text, labels = str(said.get("condition", "")), said.get("label")
        if text:
            own = text == self.facts.text(line.target, "condition")
            return Ruling(True) if own else self._ruled(text, self.facts.text(line.source, "currency"))
        question = self.facts.name(line.source)
        if not (several and isinstance(labels, list) and labels and question.endswith("?") and self.facts.is_a(line.source, "Gateway")):
            return Ruling(True)
        answer = self.request.under([question]).get(question)
        if answer is None:
            return Ruling(None, f"the way on hangs on it; {labels[0]} is one answer", (question,))
        right = _folded(_plain(answer)) in {_folded(str(label)) for label in labels}
        return Ruling(right, f"{question} is answered with {_plain(answer)}, and this way is for {labels[0]}")

    # steps and who must approve them

    def _steps(self) -> Iterator[_Step]:
        last = max(self.flow.stages.values(), default=0) + 1
        approving = [node for node in self.nodes if self.facts.is_a(node, "ApprovalStep") or self.facts.out(node, "approved_by")]
        for node in approving:
            yield _Step(node, self.flow.stages[node], self._ruling(node), self._posts(node))
        own = self.facts.out(self.process, "approved_by")
        if own:
            yield _Step(self.process, last, Ruling(True, self._always()), self._posts(self.process))
        tables = [one.target for one in self.facts.out(self.process, "decides_with")]
        for table in [self.process] * (self.process in self.tables) + tables:
            if self._tabled(table) or table in self.faults:
                yield _Step(table, last, self.faults.get(table) or Ruling(True, self._decision(table)), self._tabled(table))
        if not approving and not own:
            yield from self._bands(last)

    def _always(self) -> str:
        return f"every request to {self.facts.name(self.process)} needs it"

    def _decision(self, table: str) -> str:
        """In words which rule of a table demanded what."""
        rules = self.decided[table].rules
        said = [f"{self.facts.name(rule)} ({self.facts.text(rule, 'when') or 'in all cases'})" for rule in rules]
        return f"{self.facts.name(table)} says {' and '.join(_texts(self.decided[table].outcome))}{': ' if said else ''}{', '.join(said)}"

    def _ruling(self, step: str) -> Ruling:
        """Whether a request needs this step: it comes to it, its own condition holds, and its table does not say no."""
        found = [self.flow.reached[step], self._conditioned(step)]
        for line in self.facts.out(step, "decides_with"):
            outcome = self.decided[line.target].outcome if line.target in self.decided else None
            if line.target in self.faults:
                found.append(self.faults[line.target])
            elif isinstance(outcome, bool):
                found.append(Ruling(outcome, f"{self.facts.name(line.target)} says {_plain(outcome)}"))
            elif self._tabled(line.target):
                found.append(Ruling(True, self._decision(line.target)))
        against = next((one for one in found if one.holds is False), None)
        unsure = [one for one in found if one.holds is None]
        if against or not unsure:
            words = "; ".join(one.because for one in found if one.because)
            return against or Ruling(True, words or self._always())
        missing = tuple(dict.fromkeys(name for one in unsure for name in one.missing))
        return Ruling(None, "; ".join(dict.fromkeys(one.because for one in unsure)), missing)

    def _named(self) -> dict[str, tuple[str, ...]]:
        """The posts that the outcomes of tables name, by id or by name; those, and positions called like a role, are read with all above them."""
        texts = {table: _texts(decided.outcome) for table, decided in self.decided.items()}
        candidates = {
            text: [text] if ":" in text else [f"{kind}:{slug(text)}" for kind in _POSTS] for those in texts.values() for text in those
        }
        roles = [id_ for id_ in self.facts.rows if id_.startswith("role:") and not self.facts.into(id_, "has_role")]
        alike = {id_: f"position:{id_.partition(':')[2]}" for id_ in roles}
        wanted = sorted({one for those in candidates.values() for one in those if slug(one)} | set(alike.values()))
        found = self.facts.view.store.resolve(wanted, self.facts.view.where, at=self.facts.view.at) if wanted else {}
        self.alike = {role: found[position] for role, position in alike.items() if position in found}
        posts = {text: next((found[one] for one in those if one in found), "") for text, those in candidates.items()}
        self.facts.walk(sorted({*filter(None, posts.values()), *self.alike.values()}), _ABOVE)
        return {
            table: tuple(posts[text] for text in those if self.facts.is_a(posts[text], "Position", "Role", "Person"))
            for table, those in texts.items()
        }

    def _tabled(self, table: str) -> tuple[_Post, ...]:
        """Whom the outcome of a table names."""
        rules = self.decided[table].rules if table in self.decided else ()
        return tuple(_Post(post, rules or (table,), tuple(self.facts.origins(table, *rules))) for post in self.named.get(table, ()))

    def _posts(self, step: str) -> tuple[_Post, ...]:
        """Who must approve a step: whom its table names, else whom the step names, else whoever performs it."""
        tabled = [post for line in self.facts.out(step, "decides_with") for post in self._tabled(line.target)]
        lines = self.facts.out(step, "approved_by") or [one for one in self.facts.out(step, "performed_by") if self._is_post(one.target)]
        return tuple(tabled) or tuple(_Post(one.target, origins=tuple(json.loads(one.origins))) for one in lines)

    def _is_post(self, id_: str) -> bool:
        return self.facts.is_a(id_, "Position", "Role", "Person", "Unit")

    def _bands(self, stage: int) -> Iterator[_Step]:
        """Of a process without steps: the least authority for it that reaches the amount."""
        those = [one.source for one in self.facts.into(self.process, "applies_to") if self.facts.is_a(one.source, "Authority")]
        rulings = {id_: self._band(id_) for id_ in those if self.facts.into(id_, "holds_authority")}
        enough = sorted((self._limit_of(id_), id_) for id_, ruling in rulings.items() if ruling.holds is True)
        for id_, ruling in rulings.items():
            if ruling.holds is True and (self._limit_of(id_), id_) != enough[0]:
                ruling = Ruling(False, f"{self.facts.name(enough[0][1])} is the least authority that reaches it")  # noqa: PLW2901  # the same ruling, said anew
            posts = tuple(_Post(one.source, (id_,), tuple(json.loads(one.origins))) for one in self.facts.into(id_, "holds_authority"))
            yield _Step(id_, stage, ruling, posts)
        if rulings and not enough and all(one.holds is False for one in rulings.values()):
            self.notes.append("no authority reaches this request: " + "; ".join(one.because for one in rulings.values()))

    def _limit_of(self, authority: str) -> Decimal:
        text = self.facts.text(authority, "limit")
        return Decimal(text) if text else Decimal("Infinity")

    def _band(self, authority: str) -> Ruling:
        units = [one.target for one in self.facts.out(authority, "applies_to") if self.facts.is_a(one.target, "Unit")]
        unit = str(self.request.under(["unit"] if units else []).get("unit", ""))
        if units and not unit:
            return Ruling(None, f"it is for {' and '.join(map(self.facts.name, units))} only, and the request names no unit", ("unit",))
        if units and not {_folded(unit), _folded(slug(unit))} & {
            _folded(text) for one in units for text in (one, one[5:], self.facts.name(one))
        }:
            return Ruling(False, f"it is for {' and '.join(map(self.facts.name, units))}, and the request is by {unit}")
        ends = ((">", self.facts.text(authority, "limit_from")), ("<=", self.facts.text(authority, "limit")))
        text = " and ".join(f"{AMOUNT} {sign} {_plain(Decimal(end))}" for sign, end in ends if end)
        return self._ruled(text, self.facts.text(authority, "currency")) if text else Ruling(True, "its authority has no limit")

    # approvals

    def _approvals(self, step: _Step) -> Iterator[_Draft]:
        for post in step.posts or (_Post(""),):
            reach = self._reach(step, post)
            words = [step.ruling.because, *([reach.words] if reach.words else []), *([] if post.id else ["no approver is named"])]
            said = [*self.facts.origins(step.id), *post.origins, *self.facts.origins(*([reach.authority] if reach.authority else []))]
            own = Approval(
                step=step.id,
                name=self.facts.name(step.id),
                stage=step.stage,
                position=post.id,
                position_name=self.facts.name(post.id) if post.id else "",
                holders=self._holders(post.id),
                because="; ".join(words),
                rules=tuple(dict.fromkeys([*post.rules, *([reach.authority] if reach.authority else [])])) or (step.id,),
                origins=tuple({json.dumps(one, sort_keys=True): one for one in said}.values()),
            )
            yield _Draft(own, reach)

    def _reach(self, step: _Step, post: _Post) -> _Reach:
        """The authority under which a post approves a step, and whether it reaches; a step without one reaches as far as its rule."""
        holding = {post.id, *(one.id for one in self._holders(post.id))}
        quantity = self._measured(step.id)
        own = [step.id] if self.facts.is_a(step.id, "Authority") else [one.target for one in self.facts.out(step.id, "under_authority")]
        for id_ in own or [one.source for one in self.facts.into(self.process, "applies_to") if self.facts.is_a(one.source, "Authority")]:
            holders = {one.source for one in self.facts.into(id_, "holds_authority")}
            limit, currency = self.facts.text(id_, "limit"), self.facts.text(id_, "currency")
            if not limit or not holders & holding:
                continue
            ruling = self._ruled(f"{quantity or AMOUNT} <= {limit}", currency)
            enough = ruling.holds is not False
            words = f"under an authority up to {_plain(Decimal(limit))} {currency}".strip()
            return _Reach(id_, words if enough else f"{words}, which does not reach", quantity or AMOUNT, enough)
        return _Reach("", "", quantity)

    def _measured(self, step: str) -> str:
        """The quantity that the rule of a step measures; "" for none."""
        text = self.facts.text(step, "condition") or (AMOUNT if self.facts.text(step, "threshold") else "")
        try:
            names = sorted(parse(text, self.request.said.values()).names) if text else []
        except InputError:
            return ""
        return next((name for name in names if re.match(r"[+-]?\d", str(self.request.values.get(_folded(name), "")))), "")

    def _reaching(self, drafts: Sequence[_Draft]) -> list[_Draft]:
        """Where no authority on the route reaches as far as a quantity, the last that measures it goes on to the next one up."""
        found = list(drafts)
        for quantity in dict.fromkeys(draft.reach.quantity for draft in drafts if draft.reach.quantity):
            those = [place for place, draft in enumerate(drafts) if draft.reach.quantity == quantity]
            if not any(drafts[place].reach.enough for place in those):
                found[those[-1]] = found[those[-1]]._replace(short=True)
                self.notes.append(f"no authority on the route reaches {quantity} {_plain(self.request.under([quantity])[quantity])}")
        return found

    # people

    def _holders(self, post: str) -> tuple[Who, ...]:
        """The people who hold a post today: of a person the person, of a unit whoever heads it, of a role also the position called like it."""
        found: dict[str, Who] = {}
        waiting, seen = [post], {post}
        while waiting:
            one = waiting.pop()
            if self.facts.is_a(one, "Person"):
                found[one] = Who(id=one, name=self.facts.name(one))
                continue
            before = [line.source for line in self.facts.into(one, "holds", "has_role", "heads")] + [
                self.alike[one] for _ in (one,) if one in self.alike
            ]
            waiting += [id_ for id_ in before if id_ not in seen]
            seen.update(before)
        return tuple(found[id_] for id_ in sorted(found))

    def _staffed(self, drafts: Sequence[_Draft]) -> list[Approval]:
        """With who may act: not the requester, and nobody in two posts, save whoever is above a post that cannot act."""
        asking = {self.requester, *(one.id for one in self._holders(self.requester))} - {""} if self.requester else set[str]()
        alone: dict[str, str] = {}
        found: list[Approval] = []
        for draft in drafts:
            own = draft.approval
            elsewhere = {person for person, post in alone.items() if post != own.position}
            rule = self.facts.said(own.step).get("segregation")
            staffed = self._acted(draft, asking if rule is not False else set(), elsewhere)
            found.append(staffed)
            if len(staffed.acting) == 1 and not staffed.escalates_to:
                alone.setdefault(staffed.acting[0].id, own.position)
        return found

    def _acted(self, draft: _Draft, asking: set[str], elsewhere: set[str]) -> Approval:
        """With the holders whom nothing bars, else their delegates, else the next one up."""
        own = draft.approval
        barred = asking | elsewhere
        words = [f"{self.facts.name(id_)} asks for it and may not approve it" for id_ in sorted(asking & {one.id for one in own.holders})]
        words += [
            f"{self.facts.name(id_)} already approves in another post"
            for id_ in sorted(elsewhere & {one.id for one in own.holders} - asking)
        ]
        own = own.model_copy(update={"segregation": "; ".join(words), "vacant": not own.holders, "delegates": self._delegates(own, barred)})
        acting = () if draft.short else tuple(one for one in own.holders if one.id not in barred) or own.delegates
        if acting or not own.position:
            return own.model_copy(update={"acting": acting, "delegates": () if acting == own.holders else own.delegates})
        above, those = self._above(own.position, asking)
        return own.model_copy(update={"escalates_to": above, "acting": those})

    def _delegates(self, own: Approval, barred: set[str]) -> tuple[Who, ...]:
        """Who deputizes for the post or for those who hold it, and is not barred."""
        found: dict[str, Who] = {}
        for post in dict.fromkeys([own.position, *(one.id for one in own.holders)]):
            for line in self.facts.into(post, "deputizes_for"):
                through = f"{self.facts.name(line.source)} deputizes for {self.facts.name(post)}"
                for one in self._holders(line.source):
                    if one.id not in barred:
                        found.setdefault(one.id, one.model_copy(update={"through": through}))
        return tuple(found.values())

    def _above(self, post: str, barred: set[str]) -> tuple[Who | None, tuple[Who, ...]]:
        """The next post up the reporting line that somebody who is not barred holds, with them; else the next one at all. Circles end."""
        level = [self.alike.get(post, post), *(one.id for one in self._holders(post))]
        first: Who | None = None
        seen = set(level)
        while level:
            level = [line.target for one in level for line in self.facts.out(one, "reports_to") if line.target not in seen]
            seen.update(level)
            for one in level:
                those = tuple(who for who in self._holders(one) if who.id not in barred)
                found = Who(id=one, name=self.facts.name(one), through="" if those else "vacant" if not self._holders(one) else "may not")
                first = first or found
                if those:
                    return found, those
        return first, ()


_POSTS = ("position", "role", "person")


class _Reach(NamedTuple):
    """Up to how much an approval reaches: the authority, in words, the quantity that is measured, and whether it is enough."""

    authority: str
    words: str
    quantity: str
    enough: bool = True


class _Draft(NamedTuple):
    """An approval that is not yet staffed; `short`: no authority on the route reaches far enough, so that it goes up."""

    approval: Approval
    reach: _Reach
    short: bool = False


def _numbered(approvals: Sequence[Approval]) -> Iterator[Approval]:
    """With stages from 1 on, and the steps that run beside each."""
    stages = {stage: number for number, stage in enumerate(sorted({one.stage for one in approvals}), start=1)}
    beside: dict[int, list[str]] = defaultdict(list)
    for one in approvals:
        beside[one.stage].append(one.step)
    for one in approvals:
        parallel = tuple(dict.fromkeys(step for step in beside[one.stage] if step != one.step))
        yield one.model_copy(update={"stage": stages[one.stage], "parallel_with": parallel})


def _texts(value: object) -> list[str]:
    """The texts in an outcome, however deep."""
    if isinstance(value, Mapping):
        return [text for one in value.values() for text in _texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    return [value] if isinstance(value, str) else []
