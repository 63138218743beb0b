"""Event logs (XES, OCEL 1.0 and 2.0, CSV) mined into what really happens: how often, by whom, how long, with what outcome, and what comes next.

No event becomes a thing of the graph. A log is read piece by piece; what is held is a counter for each activity, actor and pair of
activities, and of CSV and OCEL, whose events need not be in order, 28 bytes an event. Times without a zone are taken as UTC. Medians are
those of values rounded to three digits.
"""

from __future__ import annotations

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# what JSON holds has no types until it is looked at
import codecs
import csv
import gzip
import io
import json
import re
import zlib
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import ROUND_DOWN, Decimal
from functools import lru_cache
from itertools import chain, groupby, pairwise
from math import floor, isfinite, log10
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from graph import Fact, Finding, Properties, UnreadableSource, slug
from loaders.elements import Element, chunks, opening, opens_with, packed, pieces
from loaders.source import File, filled, link, thing

MAX_EVENTS = 20_000_000
MAX_NAMES = 200_000  # distinct activities, actors, pairs or outcomes
MAX_TOLD = 20  # findings of one sort; the rest is a number
MAX_AMOUNTS = 400  # distinct amounts told of one thing
MAX_ITEM = 16 * 1024 * 1024  # characters of one event of JSON
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "case": (
        "case",
        "caseid",
        "caseconceptname",
        "caseidconceptname",
        "request",
        "requestid",
        "instance",
        "instanceid",
        "traceid",
        "ticket",
    ),
    "activity": ("activity", "conceptname", "activityname", "task", "taskname", "step", "event", "eventname", "action"),
    "actor": ("actor", "resource", "orgresource", "user", "username", "performer", "approver", "person", "by", "completedby", "decidedby"),
    "role": ("orgrole", "role"),
    "position": ("position", "jobtitle"),
    "group": ("orggroup", "group", "department", "unit", "team"),
    "at": ("timestamp", "timetimestamp", "time", "completetimestamp", "completetime", "endtime", "completed", "completedat", "date", "at"),
    "start": ("starttimestamp", "starttime", "started", "startedat", "start"),
    "outcome": ("outcome", "result", "decision", "verdict", "approved", "status"),
    "process": ("process", "processname", "workflow"),
    "lifecycle": ("lifecycletransition", "transition", "lifecycle"),
    "amount": (
        *(f"{case}{name}" for case in ("", "case") for name in ("amount", "amountreq", "requestedamount", "totalamount")),
        *(f"amount{currency}" for currency in ("eur", "usd", "gbp", "chf")),
        *(f"{sort}amount" for sort in ("invoice", "order", "net", "gross", "loan", "contract", "purchase")),
        "costtotal",
    ),
}
_KINDS = {folded: ours for ours, names in _COLUMNS.items() for folded in names}
_ACTORS = {"actor": "Person", "position": "Position", "role": "Role", "group": "Unit"}  # the nearer to a person, the sooner
_PEOPLE = re.compile(r"resource|person|people|employee|user|staff|worker|approver|actor", re.IGNORECASE)  # types of objects that act
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_FORMS = ("%Y/%m/%d %H:%M:%S.%f", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y")


class Event(NamedTuple):
    """Something that happened: when (seconds since 1970), what, by whom (`kind name`), with what outcome, and since when it was under way.

    `amount` is what its case is about, where it says so.
    """

    at: float
    activity: str
    actor: str = ""
    outcome: str = ""
    start: float | None = None
    amount: float | None = None


def matches(file: File) -> bool:
    """Whether it is a log of XES or OCEL, or a table with cases, activities and times."""
    if _form(file):
        return True
    if file.suffix not in (".csv", ".tsv"):
        return False
    line = opening(file).partition("\n")[0]
    kinds = {_KINDS.get(_folded(name)) for name in re.split(r"[,;\t|]", line)}
    return {"case", "activity", "at"} <= kinds


def _form(file: File) -> str:
    head = opening(file, 65536)
    if opens_with(file)[1] == "log":
        if re.search(
            r"""<(?:list\s+key=["']object-types|string\s+key=["']object-type|events>\s*<event>\s*<string\s+key=["']id)["']""", head
        ):
            return "ocel1-xml"
        return "ocel-xml" if re.search(r"<(?:\w+:)?(?:object-types|event-types|objects|events)\b", head) else "xes" if "xes" in head else ""
    if head.lstrip("\ufeff \t\r\n").startswith("{") and re.search(r'"ocel:(?:global-\w+|events|objects)"\s*:', head):
        return "ocel1-json"
    if head.lstrip("\ufeff \t\r\n").startswith("{") and re.search(r'"(?:objectTypes|eventTypes)"\s*:|^\s*\{\s*"events"\s*:', head):
        return "ocel-json" if '"relationships"' in head or '"objectTypes"' in head else ""
    return ""


def read(file: File) -> Iterator[Fact | Finding]:
    """The processes that the log shows, their activities, who was seen doing them, and what was seen before what."""
    form = _form(file) or "csv"
    log = _Log(file)
    for process, events in _READERS[form](log):
        log.case(process, events)
    if not log.processes:
        yield log.said("events", "holds no events that can be read; each needs a case, an activity and a time", "warning")
    for process, mined in sorted(log.processes.items()):
        yield from _facts(log, process, mined)
    yield from log.findings


# what is counted


@dataclass
class _Tally:
    """How often something was seen, in how many cases, from when to when, how long it took, with what outcomes."""

    count: int = 0
    cases: int = 0
    first: float = float("inf")
    last: float = float("-inf")
    seconds: Counter[float] = field(default_factory=Counter[float])
    outcomes: Counter[str] = field(default_factory=Counter[str])
    amounts: Counter[float] = field(default_factory=Counter[float])

    def see(self, at: float, seconds: float | None = None, outcome: str = "") -> None:
        self.count += 1
        self.first = min(self.first, at)
        self.last = max(self.last, at)
        if seconds is not None and seconds >= 0:
            self.seconds[_rounded(seconds)] += 1
        if outcome:
            self.outcomes[outcome] += 1

    def said(self) -> Properties:
        return filled(
            observed_count=self.count,
            observed_cases=self.cases or None,
            observed_from=_day(self.first),
            observed_to=_day(self.last),
            median_hours=_median(self.seconds),
            observed_outcomes=tuple(f"{name}: {count}" for name, count in sorted(self.outcomes.items(), key=lambda one: (-one[1], one[0]))),
            observed_amounts="; ".join(f"{amount:.15g}: {self.amounts[amount]}" for amount in sorted(self.amounts)),
        )


@lru_cache(maxsize=65536)
def _rounded(seconds: float) -> float:
    return round(seconds, 2 - floor(log10(seconds))) if seconds > 0 else 0.0


def _median(values: Counter[float]) -> float | None:
    """The lower median, in hours."""
    half, seen = (values.total() + 1) // 2, 0
    for value in sorted(values):
        seen += values[value]
        if seen >= half:
            return round(value / 3600, 4)
    return None


def _coarser(found: Counter[float], digits: int) -> Counter[float]:
    cut: Counter[float] = Counter()
    for amount, count in found.items():
        cut[_cut(amount, digits)] += count
    return cut


def _cut(amount: float, digits: int) -> float:
    """Towards zero, so that no amount comes to lie above a threshold that it does not reach."""
    if not amount:
        return 0.0
    unit = Decimal(10) ** (floor(log10(abs(amount))) - digits + 1)
    return float((Decimal(str(amount)) / unit).to_integral_value(ROUND_DOWN) * unit)


def _amount(text: str) -> float | None:
    """A plain number, or None: what groups thousands or names a currency can mean two things."""
    if not text:
        return None
    try:
        found = float(text)
    except ValueError:
        return None
    return found if isfinite(found) else None


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


@dataclass
class _Mined:
    """What the cases of one process show."""

    whole: _Tally = field(default_factory=_Tally)
    activities: dict[str, _Tally] = field(default_factory=lambda: defaultdict(_Tally))
    actors: dict[tuple[str, str], _Tally] = field(default_factory=lambda: defaultdict(_Tally))
    pairs: dict[tuple[str, str], _Tally] = field(default_factory=lambda: defaultdict(_Tally))

    def coarsen(self) -> None:
        """Cut all amounts alike, to as many digits as leaves not too many of them."""
        digits = next((one for one in (4, 3) if len(_coarser(self.whole.amounts, one)) <= MAX_AMOUNTS), 2)
        for tally in (self.whole, *self.activities.values()):
            tally.amounts = _coarser(tally.amounts, digits)


@dataclass
class _Log:
    """A file, what was mined of it so far, and what could not be read."""

    file: File
    name: str = ""
    processes: dict[str, _Mined] = field(default_factory=lambda: defaultdict(_Mined))
    told: Counter[str] = field(default_factory=Counter[str])
    notes: list[Finding] = field(default_factory=list[Finding])
    events: int = 0

    def case(self, process: str, events: list[Event]) -> None:
        """Count one case, its events in the order of their times."""
        if not events:
            return
        events.sort(key=lambda event: event.at)
        mined = self.processes[process]
        mined.whole.see(events[0].at, events[-1].at - events[0].at)
        mined.whole.last = max(mined.whole.last, events[-1].at)
        for number, event in enumerate(events):
            since = event.start if event.start is not None else events[number - 1].at if number else None
            seconds = None if since is None else event.at - since
            mined.activities[event.activity].see(event.at, seconds, event.outcome)
            if event.actor:
                mined.actors[event.actor, event.activity].see(event.at, None, event.outcome)
        for one, other in pairwise(events):
            mined.pairs[one.activity, other.activity].see(other.at, other.at - one.at)
        amount = max((event.amount for event in events if event.amount is not None), default=None)
        for activity in {event.activity for event in events}:
            mined.activities[activity].cases += 1
            if amount is not None:
                mined.activities[activity].amounts[_cut(amount, 4)] += 1
        if amount is not None:
            mined.whole.amounts[_cut(amount, 4)] += 1
        self._bounded(mined)

    def _bounded(self, mined: _Mined) -> None:
        if max(len(mined.activities), len(mined.actors), len(mined.pairs), len(self.processes)) > MAX_NAMES:
            raise UnreadableSource(
                f"{self.file.name}: more than {MAX_NAMES:,} activities, actors or pairs; is a column mapped to the wrong one?"
            )

    def count(self, where: str | int = "") -> None:
        self.events += 1
        if self.events > MAX_EVENTS:
            raise UnreadableSource(f"{self.file.name}:{where}: more than {MAX_EVENTS:,} events; split the log")

    def bad(self, where: str, why: str, sort: str = "row") -> None:
        """Remember what could not be read: the first ones each, the rest as a number."""
        self.told[sort] += 1
        if self.told[sort] <= MAX_TOLD:
            level = "note" if sort == "unread" else "error"
            place = f"{self.file.name}:{where}" if where else self.file.name
            known = {"id": f"{sort}:{place}", "check": sort, "level": level, "subject": place, "message": f"{place}: {why}"}
            self.notes.append(Finding.model_validate(known))

    def said(self, check: str, why: str, level: str) -> Finding:
        known = {
            "id": f"{check}:{self.file.name}",
            "check": check,
            "level": level,
            "subject": self.file.name,
            "message": f"{self.file.name}: {why}",
        }
        return Finding.model_validate(known)

    @property
    def findings(self) -> Iterator[Finding]:
        yield from self.notes
        for sort, count in self.told.items():
            if count > MAX_TOLD:
                yield self.said(f"{sort}s", f"{count - MAX_TOLD} more that cannot be read", "error" if sort == "row" else "note")

    @property
    def process(self) -> str:
        """What a log that does not name its process calls it: its own name, or that of its file."""
        return self.name or PurePosixPath(self.file.name).name.partition(".")[0]


def _facts(log: _Log, process: str, mined: _Mined) -> Iterator[Fact]:
    where, own = log.file.name, f"process:{slug(process) or 'log'}"
    local = own.partition(":")[2]
    mined.coarsen()
    whole = mined.whole.said() | {"observed_cases": mined.whole.count}
    yield thing("Process", own, where, name=process, properties={name: value for name, value in whole.items() if name != "observed_count"})
    ids = _distinct(sorted(mined.activities), f"activity:{local}.")
    for activity, tally in sorted(mined.activities.items()):
        yield thing("Activity", ids[activity], where, name=activity, properties=tally.said())
        yield from link(ids[activity], "step_of", own, where)
    for (actor, activity), tally in sorted(mined.actors.items()):
        kind, _, name = actor.partition(" ")
        id_ = f"{kind.lower()}:{slug(name)}"
        yield from _actor(kind, id_, name, where)
        yield from link(id_, "observed_doing", ids[activity], where, properties=tally.said())
    for (one, other), tally in sorted(mined.pairs.items()):
        yield from link(ids[one], "observed_before", ids[other], where, properties=tally.said())


def _distinct(names: Iterable[str], prefix: str) -> dict[str, str]:
    """An id for each name; of names that make one slug the later ones get a number."""
    ids: dict[str, str] = {}
    taken: Counter[str] = Counter()
    for name in names:
        own = slug(name) or "unnamed"
        taken[own] += 1
        ids[name] = f"{prefix}{own}" + (f"-{taken[own]}" if taken[own] > 1 else "")
    return ids


def _actor(kind: str, id_: str, name: str, where: str) -> Iterator[Fact]:
    email = {"email": name} if _EMAIL.fullmatch(name) else {}
    yield thing(kind, id_, where, name="" if email else name, properties=dict(email))


@lru_cache(maxsize=4096)
def _moment(text: str) -> float | None:
    """Seconds since 1970 of an ISO 8601 time or one of the forms that cannot be mistaken; None for any other."""
    text = text.strip()
    for form in ("", *_FORMS):
        try:
            found = datetime.strptime(text, form) if form else datetime.fromisoformat(text)  # noqa: DTZ007  # the zone is added below
        except ValueError:
            continue
        aware = found if found.tzinfo else found.replace(tzinfo=UTC)
        try:
            return aware.timestamp() if date.min.year < aware.year < date.max.year else None
        except (OverflowError, ValueError):
            return None
    return None


def _folded(name: str) -> str:
    return re.sub(r"[\s_\-.:()\"\ufeff]+", "", name).casefold()


def _by(values: Mapping[str, str]) -> str:
    """Who acted, as `kind name`: a person where one is named, else a position, role or unit; "" for nobody."""
    for ours, kind in _ACTORS.items():
        if (given := values.get(ours)) and (name := _named(given)):
            return f"{kind} {name}"
    return ""


@lru_cache(maxsize=65536)
def _named(text: str) -> str:
    """A name without blanks around it or in a row; "" where nothing of it could go into an id."""
    return " ".join(text.split()) if slug(text) else ""


# XES (IEEE 1849)


def _xes(log: _Log) -> Iterator[tuple[str, list[Event]]]:
    for piece in pieces(log.file, frozenset({"trace", "string", "event", "global"})):
        if piece.name == "global":
            continue
        if piece.name == "string":
            log.name = log.name or (piece("value") if piece("key") == "concept:name" else "")
        elif piece.name == "event":
            log.bad(str(piece.line), "an event outside of a trace belongs to no case", "unread")
        else:
            yield log.process, _trace(log, piece)


def _trace(log: _Log, trace: Element) -> list[Event]:
    """The events that were completed; those that only began give the time since when."""
    found: list[Event] = []
    whole = next((child("value") for child in trace.children if _KINDS.get(_folded(child("key") or "")) == "amount"), "")
    began: dict[str, list[float]] = defaultdict(list)
    for one in trace.all("event"):
        log.count(str(one.line))
        values = {_KINDS.get(_folded(child("key")), ""): child("value") for child in one.children if child("key")}
        event = _event(log, {"amount": whole, **values}, str(one.line))
        change = values.get("lifecycle", "complete").casefold()
        if event is None:
            continue
        if change == "start":
            began[event.activity].append(event.at)
        elif change in ("complete", "", "unknown", "ate_abort", "pi_abort"):
            since = began[event.activity].pop(0) if began[event.activity] else event.start
            found.append(event._replace(start=since))
        else:
            log.bad(str(one.line), f"events that are neither begun nor completed ({change})", "unread")
    return found


def _event(log: _Log, values: Mapping[str, str], where: str | int) -> Event | None:
    activity, at = " ".join(values.get("activity", "").split()), _moment(values.get("at", ""))
    if not activity or at is None:
        given = values.get("at", "")[:40]
        why = f"no time that can be read: {given!r}; write it as 2026-11-23T10:00:00Z" if activity else "no activity"
        log.bad(str(where), f"an event has {why}")
        return None
    outcome, start = values.get("outcome"), values.get("start")
    said = " ".join(outcome.split())[:200] if outcome else ""
    return Event(at, activity, _by(values), said, _moment(start) if start else None, _amount(values.get("amount", "")))


# tables


def _csv(log: _Log) -> Iterator[tuple[str, list[Event]]]:
    columns: list[tuple[int, str]] = []
    held, unnamed = _Held(log), log.process
    for line, cells in _rows(log.file):
        if not columns:
            columns = list(_heading(log, cells, line).items())
            continue
        log.count(line)
        width = len(cells)
        values = {ours: cells[number] for number, ours in columns if number < width and cells[number]}
        case = values.get("case", "").strip()
        if not case:
            log.bad(str(line), "an event has no case")
        elif values.get("lifecycle", "complete").casefold() not in ("complete", "unknown"):
            log.bad(str(line), "events that are not completed", "unread")
        elif event := _event(log, values, line):
            held.add(values.get("process") or unnamed, case, event)
    yield from held.cases()


def _heading(log: _Log, cells: list[str], line: int) -> dict[int, str]:
    columns: dict[int, str] = {}
    for number, name in enumerate(cells):
        ours = log.file.source.columns.get(name.strip()) or _KINDS.get(_folded(name), "")
        if ours and ours not in columns.values():
            columns[number] = ours
        elif name.strip():
            log.bad(str(line), f"nothing reads the column {name.strip()[:60]!r}", "unread")
    missing = {"case", "activity", "at"} - set(columns.values())
    if missing:
        raise UnreadableSource(f"{log.file.name}:{line}: no column for {', '.join(sorted(missing))}; map it under `columns:`")
    return columns


def _rows(file: File) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table with their lines, read as they come."""
    encoding = file.source.encoding or (
        "utf-16" if next(chunks(file), b"")[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
    )
    number = 0
    try:
        with (
            gzip.open(file.path) if packed(file.path) else file.path.open("rb") as raw,
            io.TextIOWrapper(raw, encoding, newline="") as stream,
        ):
            first = stream.readline(MAX_ITEM)
            reader = csv.reader(chain((first,), stream), delimiter=max(",;\t|", key=first.count))
            for cells in reader:
                number = reader.line_num
                if any(map(str.strip, cells)):
                    yield number, cells
    except (csv.Error, UnicodeDecodeError, LookupError, OSError, EOFError, zlib.error) as error:
        raise UnreadableSource(f"{file.name}:{number + 1}: cannot be read as {encoding} CSV: {error}") from error


class _Held:
    """Events that are in no order yet, packed: names as numbers, 28 bytes an event."""

    def __init__(self, log: _Log) -> None:
        self.log = log
        self.names: dict[str, int] = {}
        self.times, self.starts = array("d"), array("d")
        self.parts = tuple(array("i") for _ in range(5))  # process, case, activity, actor, outcome
        self.amounts: dict[int, float] = {}  # the largest of each case

    def add(self, process: str, case: str, event: Event) -> None:
        self.times.append(event.at)
        self.starts.append(event.at + 1 if event.start is None else event.start)
        names = self.names
        processes, cases, activities, actors, outcomes = self.parts
        processes.append(names.setdefault(process, len(names)))
        cases.append(names.setdefault(f"{process}\n{case}", len(names)))
        activities.append(names.setdefault(event.activity, len(names)))
        actors.append(names.setdefault(event.actor, len(names)))
        outcomes.append(names.setdefault(event.outcome, len(names)))
        if event.amount is not None:
            self.amounts[cases[-1]] = max(event.amount, self.amounts.get(cases[-1], event.amount))

    def cases(self) -> Iterator[tuple[str, list[Event]]]:
        """The cases, by their names, each with its events."""
        names = list(self.names)
        _, cases, activities, actors, outcomes = self.parts
        order = sorted(range(len(self.times)), key=lambda row: (names[cases[row]], self.times[row]))
        for case, rows in groupby(order, key=lambda row: cases[row]):
            events = [
                Event(
                    self.times[row],
                    names[activities[row]],
                    names[actors[row]],
                    names[outcomes[row]],
                    self.starts[row] if self.starts[row] <= self.times[row] else None,
                    self.amounts.get(case),
                )
                for row in rows
            ]
            yield names[case].partition("\n")[0], events


# OCEL 2.0: an event belongs to several objects; each object is a case of the process of its type


def _ocel_json(log: _Log) -> Iterator[tuple[str, list[Event]]]:
    """Read twice: which objects act is known only when all are."""
    held = _Held(log)
    types = {str(item.get("id")): str(item.get("type")) for key, item in _items(log.file) if key == "objects" and isinstance(item, dict)}
    for key, item in _items(log.file):
        if key == "events" and isinstance(item, dict):
            log.count(str(item.get("id")))
            given = {str(one.get("name")): str(one.get("value")) for one in _dicts(item.get("attributes"))}
            objects = [(str(one.get("objectId")), str(one.get("qualifier") or "")) for one in _dicts(item.get("relationships"))]
            _hold(log, held, types, (str(item.get("id")), str(item.get("type")), str(item.get("time")), given, objects))
    yield from held.cases()


def _ocel_one(log: _Log) -> Iterator[tuple[str, list[Event]]]:
    """OCEL 1.0: events and objects are entries by their ids, and nothing says in what part an object is in an event."""
    held = _Held(log)
    types = {id_: str(one.get("ocel:type")) for id_, one in _entries(log.file, "ocel:objects")}
    for id_, one in _entries(log.file, "ocel:events"):
        log.count(id_)
        said, touched = one.get("ocel:vmap"), one.get("ocel:omap")
        given = {str(name): str(value) for name, value in said.items()} if isinstance(said, dict) else {}
        objects = [(str(other), "") for other in touched] if isinstance(touched, list) else []
        _hold(log, held, types, (id_, str(one.get("ocel:activity")), str(one.get("ocel:timestamp")), given, objects))
    yield from held.cases()


def _ocel_one_xml(log: _Log) -> Iterator[tuple[str, list[Event]]]:
    """OCEL 1.0 in XML: what an event or object has are elements with a key and a value, the objects of an event a list of them."""
    held, wanted = _Held(log), frozenset({"object", "event", "global"})
    types = {
        said["id"]: said.get("type", "") for piece in pieces(log.file, wanted) if piece.name == "object" and "id" in (said := _keyed(piece))
    }
    for piece in pieces(log.file, wanted):
        if piece.name == "event":
            log.count(str(piece.line))
            said, lists = _keyed(piece), {one("key"): one for one in piece.all("list")}
            given = _keyed(lists["vmap"]) if "vmap" in lists else {}
            objects = [(one("value"), "") for one in (lists["omap"].children if "omap" in lists else ())]
            _hold(log, held, types, (said.get("id", ""), said.get("activity", ""), said.get("timestamp", ""), given, objects))
    yield from held.cases()


def _keyed(piece: Element) -> dict[str, str]:
    return {one("key"): one("value") for one in piece.children if one("key") and one.name != "list"}


def _entries(file: File, wanted: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The entries of one object right below the top of a JSON object, without holding the file."""
    text = _Text(file)
    text.expect("{")
    while (key := text.value(ends="}")) is not text:
        text.expect(":")
        if key != wanted or text.peek() != "{":
            text.value()
            continue
        text.expect("{")
        while (id_ := text.value(ends="}")) is not text:
            text.expect(":")
            if isinstance(one := text.value(), dict):
                yield str(id_), one


def _dicts(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _ocel_xml(log: _Log) -> Iterator[tuple[str, list[Event]]]:
    """Read twice, as the JSON is; inside an event an `object` is a relationship."""
    held, wanted = _Held(log), frozenset({"object", "event"})
    types = {piece("id"): piece("type") for piece in pieces(log.file, wanted) if piece.name == "object"}
    for piece in pieces(log.file, wanted):
        if piece.name == "event":
            log.count(str(piece.line))
            given = {one("name"): one.text.strip() for one in piece.walk() if one.name == "attribute"}
            objects = [(one("object-id"), one("qualifier")) for one in piece.walk() if one("object-id")]
            _hold(log, held, types, (piece("id"), piece("type"), piece("time"), given, objects))
    yield from held.cases()


def _hold(log: _Log, held: _Held, types: Mapping[str, str], found: tuple[str, str, str, Mapping[str, str], list[tuple[str, str]]]) -> None:
    """Give an event to each object that is worked on; objects that act, and attributes that name one, say by whom."""
    id_, activity, time, given, objects = found
    values = {_KINDS[_folded(name)]: value for name, value in given.items() if _folded(name) in _KINDS}
    acting = [one for one, qualifier in objects if _PEOPLE.search(types.get(one, "")) or _PEOPLE.search(qualifier)]
    if acting and "actor" not in values:
        values["actor"] = acting[0]
    event = _event(log, {**values, "activity": activity, "at": time}, id_)
    if event is None:
        return
    cases = [(types.get(one, "object"), one) for one, _ in objects if one not in acting]
    for kind, one in cases:
        held.add(f"{log.process}: {kind}", one, event)
    if not cases:
        log.bad(id_, "events that no object is worked on by", "unread")


_DECODER = json.JSONDecoder()
_BLANKS = re.compile(r"[\s,]*")


def _items(file: File) -> Iterator[tuple[str, object]]:
    """The items of the lists right below the top of a JSON object, with the key of their list, without holding the file."""
    text = _Text(file)
    text.expect("{")
    while (key := text.value(ends="}")) is not text:
        text.expect(":")
        if text.peek() != "[":
            text.value()
            continue
        text.expect("[")
        while (item := text.value(ends="]")) is not text:
            yield str(key), item


class _Text:
    """Text that comes in pieces, of which JSON values are taken one after the other."""

    def __init__(self, file: File) -> None:
        self.file = file
        self.decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self.chunks = chunks(file)
        self.held, self.at, self.line, self.over = "", 0, 1, False

    def more(self) -> bool:
        """Take the next pieces, as much again as is held; False at the end of the file."""
        self.line += self.held.count("\n", 0, self.at)
        kept = [self.held[self.at :]]
        wanted = max(len(kept[0]), 1)
        while wanted > 0 and not self.over:
            chunk = next(self.chunks, b"")
            self.over = not chunk
            try:
                kept.append(self.decode(chunk, self.over))
            except UnicodeDecodeError as error:
                raise self.fault("is not UTF-8 text") from error
            wanted -= len(kept[-1])
        grown = len(kept) > 1 and any(kept[1:])
        self.held, self.at = "".join(kept), 0
        return grown

    def fault(self, why: str) -> UnreadableSource:
        return UnreadableSource(f"{self.file.name}:{self.line + self.held.count(chr(10), 0, self.at)}: no valid JSON: {why}")

    def peek(self) -> str:
        while True:
            found = _BLANKS.match(self.held, self.at)
            self.at = found.end() if found else self.at
            if self.at < len(self.held):
                return self.held[self.at]
            if not self.more():
                raise self.fault("it ends too soon")

    def expect(self, sign: str) -> None:
        if self.peek() != sign:
            raise self.fault(f"{sign!r} is wanted, not {self.peek()!r}")
        self.at += 1

    def value(self, ends: str = "") -> object:
        """The next value; this text itself where the closing sign comes instead."""
        if self.peek() == ends:
            self.at += 1
            return self
        while True:
            try:
                value, end = _DECODER.raw_decode(self.held, self.at)
            except RecursionError as error:
                raise self.fault("more levels deep than any document that people write") from error
            except json.JSONDecodeError as error:
                if len(self.held) - self.at > MAX_ITEM or not self.more():
                    raise self.fault(error.msg) from error
                continue
            if end < len(self.held) or self.over or not self.more():  # a number may go on in the next piece
                self.at = end
                return value


_READERS = {"xes": _xes, "csv": _csv, "ocel-json": _ocel_json, "ocel1-json": _ocel_one, "ocel1-xml": _ocel_one_xml, "ocel-xml": _ocel_xml}
