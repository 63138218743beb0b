"""A delegation-of-authority matrix: one row an authority, or one row a matter, with a column for each role and a limit in each cell, with
columns of approvers one after the other, or with a column for each band of amounts and who approves in it in each cell.

Amounts are read in both habits (`1,000.50` and `1.000,50`); where a text can mean two amounts, the likelier is taken and a Finding says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property, lru_cache
from itertools import islice
from typing import NamedTuple

from graph import Entity, Fact, Finding, UnreadableSource, slug
from loaders.source import File, filled, link, reference, thing

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "holder": ("holder", "position", "role", "title", "jobtitle", "approver", "delegate", "authorityholder", "delegatedto", "approvedby"),
    "limit": (
        *("limit", "approvallimit", "authoritylimit", "signinglimit", "delegatedlimit", "financiallimit", "spendlimit", "spendinglimit"),
        *("upto", "maximum", "max", "maxamount", "threshold", "limitamount", "upperlimit", "maximumamount"),
    ),
    "lower": ("from", "minimum", "min", "above", "over", "minamount", "lowerlimit", "minimumamount"),
    "matter": (
        *("category", "process", "subject", "matter", "transaction", "transactiontype", "type", "decision", "activity", "spendcategory"),
        *("authority", "authoritytype", "item", "delegation", "area", "expenditure", "expenditurecategory", "approval", "approvaltype"),
    ),
    "unit": ("unit", "department", "division", "businessunit", "function", "costcentre", "costcenter", "team", "entity"),
    "currency": ("currency", "ccy"),
    "ref": ("ref", "refno", "reference", "no", "number", "nr", "#", "clause", "section", "itemno", "id"),
    "note": ("condition", "conditions", "note", "notes", "comment", "comments", "remarks", "description"),
}
_AMOUNTS = frozenset(("amount", "amounts", "amountrange", "value", "valuerange", "contractvalue", "transactionvalue", "range", "band"))
_KINDS = {folded: ours for ours, names in _COLUMNS.items() for folded in names}
_SYMBOLS = {"€": "EUR", "£": "GBP", "us$": "USD", "a$": "AUD", "c$": "CAD", "hk$": "HKD", "$": "USD", "¥": "JPY", "₹": "INR", "fr.": "CHF"}
_TIMES: Mapping[str, int] = {
    **dict.fromkeys(("k", "tsd", "tsd.", "thousand", "th"), 1_000),
    **dict.fromkeys(("m", "mm", "mn", "mio", "mio.", "mil", "million", "millions"), 1_000_000),
    **dict.fromkeys(("b", "bn", "billion", "mrd", "mrd.", "mia", "milliard"), 1_000_000_000),
}
_NONE = frozenset({"", "-", "–", "—", "n/a", "na", "none", "nil", "no", "no authority", "0", "keine", "aucun"})  # noqa: RUF001  # dashes of all sorts
_ENDLESS = frozenset({"unlimited", "no limit", "full", "any", "any amount", "all", "without limit", "unbegrenzt", "illimité", "∞"})
_LETTERS = {"r": "responsible", "a": "accountable", "c": "consulted", "i": "informed", "s": "supporting"}
_FLAGS = frozenset({"x", "yes", "y", "✓", "✔", "approve", "approves", "approved", "sign", "signs", "authorise", "authorize"})
_NUMBER = r"\d[\d.,'’\u00a0\u202f ]*\d|\d"  # noqa: RUF001  # the apostrophe and the blanks with which thousands are set apart
_AMOUNT = re.compile(
    rf"(?P<before>[A-Z]{{3}}|US\$|A\$|C\$|HK\$|[€£$¥₹]|[Ff]r\.)?\s*(?P<number>{_NUMBER})\s*"
    r"(?P<times>thousand|millions?|billion|milliard|tsd\.?|mio\.?|mrd\.?|mia|mm|mn|mil|bn|th|[kKmMbB])?(?![a-zA-Z]{4,})\s*"
    r"(?P<after>[A-Z]{3}\b|[€£$¥₹]|%|(?:calendar |working |business )?(?:days?|months?|years?|hours?)\b)?"
)
_UP = re.compile(
    r"\b(?:up to|bis(?: zu)?|jusqu'à|hasta|max(?:imum|\.)?|not exceeding|no more than|under|below|less than)\b|≤|<=?", re.IGNORECASE
)
_ABOVE = re.compile(r"\b(?:over|above|more than|exceeding|from|ab|über|greater than|min(?:imum|\.)?)\b|≥|>=?", re.IGNORECASE)
_FILLER = re.compile(
    r"\b(?:up to|and|to|between|approves?|bis|zu|from|inclusive|incl\.?|per (?:item|year|transaction|contract))\b", re.IGNORECASE
)


class Limit(NamedTuple):
    """What a cell allows: above `lower` (0: from the start), up to `upper` (None: without end), and what it counts."""

    lower: Decimal
    upper: Decimal | None
    currency: str = ""
    unit: str = ""
    doubt: str = ""


def matches(file: File) -> bool:
    """Whether the table has holders, matters and limits, or a matter a row and approvers, limits or RACI letters in most other cells."""
    header = file.header()
    if not header or "step" in header or {"id", "source", "target", "term"} & header:
        return False
    kinds = {ours for name in file.first if (ours := file.source.columns.get(name) or _kind(name))}
    if "matter" in kinds and (_approvers(file.first) or _bands(file)):
        return True
    if {"holder", "limit", "matter"} <= kinds:
        return True
    return bool(kinds & {"matter"}) and not kinds & {"holder", "limit"} and _is_wide(file)


def _sampled(file: File) -> list[Mapping[str, str]]:
    try:
        return [{name: str(value or "").strip() for name, value in record.items()} for record, _ in islice(file.records(), 30)]
    except UnreadableSource:
        return []


_ORDINALS = {
    **{
        word: number
        for number, words in enumerate(("1st first", "2nd second", "3rd third", "4th fourth", "5th fifth"), 1)
        for word in words.split()
    },
    "initial": 1,
    "final": 99,
}
_APPROVES = (
    "approv(?:er|als?|ed by|ing authority)|signator(?:y|ies)|signature|authori[sz](?:er|ed by|ation)|genehmiger|approbateur|aprobador"
)
_PLACE = r"[\s._#-]*(?:level|lvl|stage|no|nr|l)?[\s._#-]*"
_CHAINED = re.compile(
    rf"(?:(?P<word>{'|'.join(_ORDINALS)})\W+)?(?:(?:level|lvl|stage|l){_PLACE}(?P<before>\d)\W*)?(?:level\W+)?(?:{_APPROVES})(?:{_PLACE}(?P<after>\d))?",
    re.IGNORECASE,
)


def _approvers(headings: Iterable[str]) -> dict[str, int]:
    """The columns of approvers and whose turn each is, of a table that has several; a heading without a number is the first's."""
    found = {name: match for name in headings if (match := _CHAINED.fullmatch(name.strip()))}
    turns = {name: int(one["after"] or one["before"] or _ORDINALS.get((one["word"] or "").lower(), 1)) for name, one in found.items()}
    return turns if len(set(turns.values())) >= 2 else {}


def _bands(file: File) -> dict[str, Limit]:
    """The columns that are headed by amounts, of a table that has several, in whose cells stand names and no amounts."""
    rows = _sampled(file)
    found = {name: band for name in file.first if _says_amount(name) and isinstance(band := limit(name), Limit) and not band.unit}
    cells = [cell for row in rows for name in found if (cell := row.get(name, "")) and _plain(cell) not in _NONE]
    named = sum(bool(re.search(r"[^\W\d_]{2}", cell)) and not _says_something(cell) for cell in cells)
    return found if len(found) >= 2 and cells and named * 5 >= len(cells) * 4 else {}


def _is_wide(file: File) -> bool:
    rows = _sampled(file)
    columns = [[cell for row in rows if (cell := row.get(name, ""))] for name in (rows[0] if rows else ()) if not _kind(name)]
    roles = [cells for cells in columns if cells and sum(map(_says_something, cells)) >= 0.8 * len(cells)]
    cells = [cell for column in roles for cell in column]
    return len(cells) >= 2 and len(roles) * 3 >= len(columns) * 2 and any(_letters(cell) or _says_amount(cell) for cell in cells)


@lru_cache(1 << 12)
def _says_something(cell: str) -> bool:
    return bool(_letters(cell)) or _plain(cell) in _NONE | _ENDLESS | _FLAGS or _says_amount(cell)


@lru_cache(1 << 12)
def _says_amount(cell: str) -> bool:
    found = limit(cell)
    return isinstance(found, Limit) and bool(re.search(r"\d", cell)) and not re.search(r"\d{4}-\d\d", cell)


def read(file: File) -> Iterator[Fact | Finding]:
    """The authorities of a table of either shape, with who holds them."""
    shape = _Shape(file)
    rows = [({name: str(value).strip() for name, value in record.items()}, where) for record, where in file.records()]
    yield from shape.learn(rows)
    for row, where in rows:
        if not any(row.values()):
            continue
        yield from _READERS[shape.sort](shape, row, where)
    yield from _mixed(shape)


@dataclass
class _Shape:
    """Which column is what, and by which habits the amounts of the file are written."""

    file: File
    columns: dict[str, str] = field(default_factory=dict[str, str])  # theirs -> ours; "" for a role's column
    habits: dict[str, str] = field(default_factory=dict[str, str])  # habit -> where it was first met
    approvers: dict[str, int] = field(default_factory=dict[str, int])  # column -> whose turn
    bands: dict[str, Limit] = field(default_factory=dict[str, "Limit"])  # column -> the amounts it is for
    sort: str = "long"

    def learn(self, rows: Sequence[tuple[Mapping[str, str], str]]) -> Iterator[Finding]:
        """Take the columns by their headings, and say which of them nothing reads: of a wide table those of texts, which are no role's."""
        if not rows:
            return
        first, where = rows[0]
        taken: set[str] = set()
        for name in first:
            ours = self.file.source.columns.get(name) or _kind(name)
            self.columns[name] = ours if ours not in taken or ours == "matter" else ""
            taken.add(ours)
        self.approvers, self.bands = _approvers(first), _bands(self.file)
        self.columns.update(dict.fromkeys((*self.approvers, *self.bands), "approvers"))
        self.columns.update(
            {name: "limit" for name in first if self.approvers and "limit" not in taken and _folded(_BRACKET.sub("", name)) in _AMOUNTS}
        )
        for name, band in self.bands.items():
            yield from _doubted(self, band, name, f"{where}:{name}")
        self.sort = "chains" if self.approvers or self.bands else "long" if {"holder", "limit"} <= taken else "wide"
        for name in (name for name, ours in self.columns.items() if not ours and name):
            cells = [row[name] for row, _ in rows if row.get(name)]
            if self.sort != "wide" or sum(map(_says_something, cells)) * 2 < len(cells):
                self.columns[name] = "" if self.sort != "wide" else "text"
                message = f"{where}: nothing reads the column {name!r}"
                yield Finding(id=f"column:{where}:{name}", check="column", level="note", subject=name, message=message)

    def value(self, row: Mapping[str, str], ours: str) -> str:
        """The cell of one of our columns; of several that say for what the authority is, all that say something."""
        return ": ".join(dict.fromkeys([cell for name in self.theirs.get(ours, ()) if (cell := row.get(name))]))

    @cached_property
    def theirs(self) -> Mapping[str, Sequence[str]]:
        """The columns that are one of ours, in their order: asked for when all are known."""
        found: dict[str, list[str]] = {}
        for name, kind in self.columns.items():
            found.setdefault(kind, []).append(name)
        return found

    @cached_property
    def currency(self) -> str:
        """The currency that the heading of the limits names, for the amounts that name none."""
        behind = (_BRACKET.search(name) for name, kind in self.columns.items() if kind in ("limit", "lower"))
        said = (found[1].strip() for found in behind if found)
        return next((_SYMBOLS.get(one.lower()) or one for one in said if one.lower() in _SYMBOLS or re.fullmatch("[A-Z]{3}", one)), "")

    def called(self, ours: str) -> str:
        """The heading of one of our columns, folded."""
        return next(map(_folded, self.theirs.get(ours, ())), "")


def _long(shape: _Shape, row: Mapping[str, str], where: str) -> Iterator[Fact | Finding]:
    holder, matter = shape.value(row, "holder"), shape.value(row, "matter")
    if not slug(holder):
        yield _unread(where, "the row names nobody who holds the authority")
        return
    if not shape.value(row, "limit"):
        yield _unread(
            where, "the row states no limit, and no authority is read from it; write 'unlimited' if there is none", level="warning"
        )
        return
    found = limit(shape.value(row, "limit"))
    if isinstance(found, str):
        yield _unread(where, found)
        return
    yield from _doubted(shape, found, shape.value(row, "limit"), where)
    if found is None:
        return
    lower = limit(shape.value(row, "lower"))
    if isinstance(lower, str):
        yield _unread(where, lower)
    elif lower is not None:
        found = found._replace(lower=lower.upper or lower.lower)
    prefix = "role" if shape.called("holder") == "role" else "position"
    yield from _authority(shape, row, where, prefix=prefix, holder=holder, matter=matter, found=found)


def _wide(shape: _Shape, row: Mapping[str, str], where: str) -> Iterator[Fact | Finding]:
    matter = shape.value(row, "matter")
    if not slug(matter):
        yield _unread(where, "the row does not say for what the authority is")
        return
    parts: dict[str, list[str]] = {}
    for name, cell in row.items():
        if shape.columns.get(name) or not slug(name):
            continue
        for letter in _letters(cell):
            parts.setdefault(_LETTERS[letter], []).append(name)
    raci = {name: tuple(holders) for name, holders in parts.items() if name != "accountable"}
    for name, cell in row.items():
        if shape.columns.get(name) or not slug(name):
            continue
        letters = _letters(cell)
        found = Limit(Decimal(0), None) if "a" in letters else None if letters else limit(cell)
        place = f"{where}:{name}"
        if isinstance(found, str):
            yield _unread(place, found)
            continue
        yield from _doubted(shape, found, cell, place)
        if found:
            yield from _authority(shape, row, place, prefix="position", holder=name, matter=matter, found=found, raci=raci)
    if parts and "accountable" not in parts:
        yield _unread(where, f"nobody has the A (accountable) for {matter!r}", level="warning")


def _chains(shape: _Shape, row: Mapping[str, str], where: str) -> Iterator[Fact | Finding]:
    """The approvals that a matter needs, one after the other, for each band of amounts: steps of a process, and the authority behind each."""
    matter = shape.value(row, "matter")
    if not slug(matter):
        yield _unread(where, "the row does not say for what the approvals are")
        return
    found = limit(shape.value(row, "limit")) or Limit(Decimal(0), None)
    lower = limit(shape.value(row, "lower"))
    if isinstance(found, str) or isinstance(lower, str):
        yield _unread(where, found if isinstance(found, str) else str(lower))
        return
    yield from _doubted(shape, found, shape.value(row, "limit"), where)
    if lower:
        found = found._replace(lower=lower.upper or lower.lower)
    yield thing("Process", reference("process", matter), where, name=matter)
    if turns := [one for name in sorted(shape.approvers, key=shape.approvers.__getitem__) if (one := _named(row.get(name, "")))]:
        yield from _chain(shape, row, where, matter=matter, found=found, turns=turns)
    elif not shape.bands:
        yield _unread(where, f"nobody is named who approves {matter!r}", level="warning")
    for name, band in shape.bands.items():
        place = f"{where}:{name}"
        if turns := [one for part in re.split(r"\s*(?:\+|&|;|\n|\bthen\b|→|->|>)\s*", row.get(name, "")) if (one := _named(part))]:
            yield from _chain(shape, row, place, matter=matter, found=band, turns=turns)


def _named(cell: str) -> list[str]:
    """Who may approve by a cell, of whom one is enough; nobody where it says so."""
    if _plain(cell) in _NONE:
        return []
    return [one for part in re.split(r"\s*/\s*|\s+or\s+", cell) if slug(one := part.strip(" ,"))]


def _chain(
    shape: _Shape, row: Mapping[str, str], where: str, *, matter: str, found: Limit, turns: Sequence[Sequence[str]]
) -> Iterator[Fact]:
    process, unit = reference("process", matter), shape.value(row, "unit")
    bounds = [f"amount > {_plainly(found.lower)}"] * bool(found.lower) + (
        [f"amount <= {_plainly(found.upper)}"] if found.upper is not None else []
    )
    currency = _money(shape, row, found) if bounds else ""
    before = ""
    for number, holders in enumerate(turns, 1):
        own = "step:" + ".".join([process.partition(":")[2], *filter(None, [slug(unit), _span(found)]), slug(" or ".join(holders))])
        properties = filled(order=number, condition=" and ".join(bounds), currency=currency, description=shape.value(row, "note"))
        yield thing("ApprovalStep", own, where, name=f"Approval of {matter} by {' or '.join(holders)}", properties=properties)
        yield from link(own, "step_of", process, where)
        yield from link(before, "precedes", own, where)
        for holder in holders:
            yield from link(own, "approved_by", reference("position", holder), where)
            for fact in _authority(shape, row, where, prefix="position", holder=holder, matter=matter, found=found):
                yield fact
                if isinstance(fact, Entity) and fact.kind == "Authority":
                    yield from link(own, "under_authority", fact.id, where)
        before = own


def _money(shape: _Shape, row: Mapping[str, str], found: Limit) -> str:
    """The currency of a limit: its own, else its row's, else that of the table."""
    return found.currency or shape.value(row, "currency").upper() or shape.currency


def _span(found: Limit) -> str:
    """From where a band begins, since two bands of one holder are two authorities; blank for one from nothing on."""
    return slug(_shown(found.lower)) if found.lower else ""


_READERS = {"long": _long, "wide": _wide, "chains": _chains}


def _authority(
    shape: _Shape,
    row: Mapping[str, str],
    where: str,
    *,
    prefix: str,
    holder: str,
    matter: str,
    found: Limit,
    raci: Mapping[str, tuple[str, ...]] | None = None,
) -> Iterator[Fact]:
    who, unit = reference(prefix, holder), shape.value(row, "unit")
    currency = _money(shape, row, found)
    own = "authority:" + ".".join(filter(None, [slug(who.partition(":")[2]), slug(matter), slug(unit), _span(found)]))
    properties = filled(
        subject=matter,
        limit=_plainly(found.upper),
        limit_from=_plainly(found.lower or None),
        currency=currency if not found.unit else "",
        limit_unit=found.unit,
        part="approve",
        notes=shape.value(row, "note"),
        **(raci or {}),
    )
    yield thing("Authority", own, where, name=_name(matter, found, currency), properties=properties)
    if ":" not in holder:
        yield thing("Role" if prefix == "role" else "Position", who, where, name=holder)
    yield from link(who, "holds_authority", own, where)
    if shape.called("matter") == "process":
        yield from link(own, "applies_to", reference("process", matter), where)
    yield from link(own, "applies_to", reference("unit", unit), where)


def _name(matter: str, found: Limit, currency: str) -> str:
    unit = found.unit or currency
    lower = f" above {_shown(found.lower)} {unit}".rstrip() if found.lower else ""
    upper = f" up to {_shown(found.upper)} {unit}".rstrip() if found.upper is not None else ""
    return f"Approve {matter}{lower}{upper}"


def _shown(amount: Decimal) -> str:
    return f"{int(amount):,}" if amount == amount.to_integral_value() else f"{amount.normalize():,f}"


def _plainly(amount: Decimal | None) -> int | float | None:
    return None if amount is None else int(amount) if amount == amount.to_integral_value() else float(amount)


# what a cell says: a matrix says the same few things again and again


@lru_cache(1 << 12)
def limit(cell: str) -> Limit | str | None:
    """The limit that a cell states; None where it gives no authority; a text that says why it cannot be read."""
    plain = _plain(cell)
    if plain in _NONE:
        return None
    if plain in _ENDLESS | _FLAGS:
        return Limit(Decimal(0), None)
    found = list(islice(_AMOUNT.finditer(cell.strip()[:400]), 3))
    rest = _FILLER.sub("", _UP.sub("", _ABOVE.sub("", _AMOUNT.sub("", cell[:400])))).strip(" -–—+.:…,")  # noqa: RUF001  # dashes of all sorts
    if not 1 <= len(found) <= 2 or len(rest) > 1:
        return f"{cell[:80]!r} is no limit; write it as 'up to 50,000 EUR', '50k-250k', '> 1m' or 'unlimited'"
    amounts = [_amount(one) for one in found]
    money = {one.currency for one in amounts if one.currency}
    if len(money) > 1:
        return f"{cell[:80]!r} names two currencies; write a row for each"
    return _spanned(cell, found, amounts, next(iter(money), ""))


def _spanned(cell: str, found: list[re.Match[str]], amounts: list[Limit], currency: str) -> Limit | str:
    unit = next((one.unit for one in amounts if one.unit), "")
    doubt = "; ".join(filter(None, (one.doubt for one in amounts)))
    first = amounts[0].upper or Decimal(0)
    if len(amounts) == 1:
        above = _ABOVE.search(cell) or cell.strip().endswith("+")
        return Limit(first, None, currency, unit, doubt) if above else Limit(Decimal(0), first, currency, unit, doubt)
    last = amounts[1].upper or Decimal(0)
    if found[1]["times"] and not found[0]["times"] and first < last / 1000:
        first *= _TIMES[found[1]["times"].lower()]
        doubt = doubt or f"{cell.strip()!r} is read as from {_shown(first)}, the same thousands or millions on both sides"
    if first > last:
        return f"{cell[:80]!r} begins above its end"
    return Limit(first, last, currency, unit, doubt)


def _amount(found: re.Match[str]) -> Limit:
    """An amount as the upper end of a limit, with its currency or unit, and what is in doubt about it."""
    sign = (found["before"] or found["after"] or "").strip()
    times = (found["times"] or "").lower()
    number, doubt = number_in(found["number"], scaled=bool(times))
    money = _SYMBOLS.get(sign.lower()) or (sign if re.fullmatch(r"[A-Z]{3}", sign) else "")
    if sign in ("$", "¥"):
        doubt = doubt or f"{sign} is taken for {money}; write the code of the currency"
    return Limit(Decimal(0), number * _TIMES.get(times, 1), money, "" if money else sign, doubt)


def number_in(text: str, *, scaled: bool = False) -> tuple[Decimal, str]:
    """A number with thousands and decimals set apart in either habit, and what is in doubt about it ("" if nothing is).

    `scaled`: a word for thousands or millions follows, so that three decimals are as likely as a group of thousands.
    """
    digits = re.sub(r"[\s'’\u00a0\u202f]", "", text).rstrip(".,")  # noqa: RUF001  # what sets thousands apart and never decimals
    marks = re.sub(r"\d", "", digits)
    last = marks[-1:]
    head, _, tail = digits.rpartition(last) if last else (digits, "", "")
    if not marks:
        return Decimal(digits), ""
    if len(set(marks)) == 2:  # the last one is the decimal mark, unless it comes again
        doubt = "" if marks.count(last) == 1 and _grouped(head, marks[0]) else f"{text!r} has its thousands set apart in an odd way"
        return Decimal(re.sub(r"[.,]", "", head) + "." + tail) if marks.count(last) == 1 else Decimal(re.sub(r"[.,]", "", digits)), doubt
    if len(marks) > 1:
        return Decimal(re.sub(r"[.,]", "", digits)), "" if _grouped(digits, last) else f"{text!r} has its thousands set apart in an odd way"
    if len(tail) == 3 and head != "0":
        whole = Decimal(head + tail)
        doubt = f"{text!r} may be {head}.{tail} or {head}{tail}, and a word for thousands or millions follows" if scaled else ""
        return (Decimal(f"{head}.{tail}"), doubt) if scaled else (whole, "")
    return Decimal(f"{head or '0'}.{tail}"), ""


def _grouped(digits: str, mark: str) -> bool:
    first, *groups = digits.split(mark)
    return 1 <= len(first) <= 3 and all(len(group) == 3 for group in groups)


@lru_cache(1 << 12)
def _letters(cell: str) -> tuple[str, ...]:
    """The RACI letters of a cell; none where it is anything else."""
    parts = tuple(part.strip().casefold() for part in re.split(r"[/,;&+ ]+", cell) if part.strip())
    return parts if all(part in _LETTERS for part in parts) else ()


@lru_cache(1 << 12)
def _plain(cell: str) -> str:
    return " ".join(cell.casefold().split())


@lru_cache(1 << 12)
def _folded(name: str) -> str:
    return re.sub(r"[\s_\-./()]+", "", name).casefold()


_BRACKET = re.compile(r"\s*[(\[]([^)\]]*)[)\]]\s*$")  # what stands behind a heading: `Limit (EUR)`


@lru_cache(1 << 12)
def _kind(heading: str) -> str:
    """Which of our columns a heading names, with or without what stands behind it in brackets; "" for none."""
    return _KINDS.get(_folded(heading)) or _KINDS.get(_folded(_BRACKET.sub("", heading)), "")


# findings


def _doubted(shape: _Shape, found: Limit | None, cell: str, where: str) -> Iterator[Finding]:
    if found is None:
        return
    for habit, pattern in (("1.000", r"\d\.\d{3}(?!\d)"), ("1,000", r"\d,\d{3}(?!\d)")):
        if re.search(pattern, cell):
            shape.habits.setdefault(habit, where)
    if found.doubt:
        message = f"{where}: {found.doubt}; read as {_shown(found.upper if found.upper is not None else found.lower)}"
        yield Finding(
            id=f"amount:{where}", check="amount", level="warning", subject=where, message=message, remedy="Write the amount out: 1500000."
        )


def _mixed(shape: _Shape) -> Iterable[Finding]:
    if len(shape.habits) == 2:
        places = " and ".join(f"{habit!r} at {where}" for habit, where in shape.habits.items())
        message = f"{shape.file.name}: thousands are set apart in two habits, {places}; all are read as thousands"
        yield Finding(id=f"amount:{shape.file.name}", check="amount", level="warning", subject=shape.file.name, message=message)


def _unread(where: str, why: str, *, level: str = "error") -> Finding:
    return Finding.model_validate({"id": f"row:{where}", "check": "row", "level": level, "subject": where, "message": f"{where}: {why}"})
