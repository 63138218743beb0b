"""What people write into labelled fields: labels with one meaning, days, cadences, levels of protection, and who is meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from graph import Entity, slug
from graph import cadence as known_cadence
from loaders.source import filled, reference, thing

_LABELS: Mapping[str, str] = {
    "owner": "owner|owners|document owner|policy owner|page owner|process owner|business owner|content owner|owned by|owning team|owner name"
    "|maintainer|maintainers|maintained by|dri|steward|custodian",
    "author": "author|authors|co authors|prepared by|written by|created by|proposer|proposed by|champion",
    "status": "status|state|document status|decision status|approval status",
    "date": "date|decision date|date decided|decided|decided on|date of decision|approval date|approved on|date approved|approved date",
    "created": "created|start date|creation date|date created|created on|proposed on|date proposed",
    "modified": "modified|last updated|last modified|updated|last update|date modified|modified on|lastmod|last edited|revision date",
    "modified_by": "modified by|last modified by|updated by|editor",
    "deciders": "deciders|decider|decision makers|decision maker|decided by|approved by|approver|approvers|sign off|signed off by|delegate",
    "consulted": "consulted|stakeholders consulted",
    "informed": "informed",
    "reviewers": "reviewed by|reviewer|reviewers|review manager|review managers|peer reviewed by|contributors|contributor",
    "supersedes": "supersedes|replaces|obsoletes|supercedes|superseded adr",
    "superseded_by": "superseded by|replaced by|obsoleted by|superceded by",
    "references": "tickets|ticket|issue|issues|jira|other docs|links|discussion|discussions|pr|pull request|resolution|rfc pr|rust issue"
    "|tracking issue|technical story|references|link to discussion",
    "related": "related|related to|relates to|see also|related decisions|related documents|amends|amended by|depends on|refines",
    "version": "version|revision|document version|version number|rev",
    "effective_from": "effective date|effective|effective from|valid from|in force from|in force since|date effective",
    "expires_on": "expires|expiry|expiry date|valid until|valid to|expires on|retention expires",
    "verified_at": "last reviewed|last review|last review date|reviewed|reviewed on|date reviewed|last reviewed on|verified|verified on"
    "|last verified|reviewed at",
    "next_review": "next review|next review date|review date|review due|review by|due for review|date of next review|review on|next review due",
    "review": "review|review cycle|review frequency|review period|review cadence|review interval|reviewed every|review schedule",
    "sensitivity": "classification|confidentiality|sensitivity|sensitivity label|information classification|data classification|label",
    "scope": "scope|applies to|audience",
    "tags": "tags|keywords|categories|category|labels|topics",
    "number": "number|adr|document id|document number|doc id|reference number|policy number|document no|ref|id",
    "language": "language|lang|locale",
    "description": "description|summary|abstract|excerpt|purpose",
    "title": "title|name|feature name|document title|document name|policy name|policy title",
    "kind": "type|kind|document type|content type|doc type",
    "unit": "department|team|unit|business unit|division",
    "function": "function|business function|area",
    "url": "url|source|canonical|permalink|link",
}
_MEANT = {written: meant for meant, several in _LABELS.items() for written in several.split("|")}


def meant(label: str) -> str:
    """The one name of a field that goes by many labels (`Policy Owner:` is `owner`); "" for a label that is none of them."""
    return _MEANT.get(" ".join(re.sub(r"[\W_]+", " ", label.replace("(s)", "s")).casefold().split()), "")


_NOTHING = re.compile(
    r"[\W_]*(?:n/?a|none|tb[ad]|todo|nil|null|unknown|not (?:applicable|yet|available)|insert \w+|date|yyyy-mm-dd.*|\{.*\}|<[^@>]*>)?[\W_]*",
    re.IGNORECASE | re.DOTALL,
)


def is_nothing(text: str) -> bool:
    """Whether a text stands for nothing: blank, `N/A`, `TBD`, `insert date`, a template's `{…}`."""
    return _NOTHING.fullmatch(text) is not None


# days

_MONTHS = {
    name: number for number, name in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1)
}
_YEAR_FIRST = re.compile(r"\b(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_NUMBERS = re.compile(r"(?<!\d)(\d{1,2})([-/.])(\d{1,2})\2(\d{4})(?!\d)")
_DAY_MONTH = re.compile(r"(?<!\d)(\d{1,2})(?:st|nd|rd|th)?[\s.-]*(?:of\s+)?([A-Za-z]{3,9})\.?[\s,-]*(\d{4})(?!\d)")
_MONTH_DAY = re.compile(r"\b([A-Za-z]{3,9})\.?[\s-]*(\d{1,2})(?:st|nd|rd|th)?,?[\s-]+(\d{4})(?!\d)")

_FORMS = ((_YEAR_FIRST, "ymd"), (_DAY_MONTH, "dmy"), (_MONTH_DAY, "mdy"), (_NUMBERS, ""))


@lru_cache(1 << 12)
def day(text: str, *, order: str = "") -> str:
    """The first day in a text as ISO 8601, or "" where there is none or it cannot be told.

    3/4/2026 may be two days: `order` says which (`dmy` or `mdy`), where what stands around it tells.
    """
    for pattern, parts in _FORMS if text else ():
        if found := pattern.search(text):
            return _iso(dict(zip(parts, found.groups(), strict=True))) if parts else _numeric(found, order)
    return ""


def order_of(texts: Iterable[str]) -> str:
    """Whether days in numbers begin with the day (`dmy`) or the month (`mdy`), where one of them can only be the one; else ""."""
    found = [match for text in texts if (match := _NUMBERS.search(text))]
    orders = {"dmy" for one in found if int(one[1]) > 12} | {"mdy" for one in found if int(one[3]) > 12}
    return orders.pop() if len(orders) == 1 else ""


def _numeric(found: re.Match[str], order: str) -> str:
    one, sign, other, year = found.groups()
    open_ = int(one) <= 12 and int(other) <= 12 and int(one) != int(other)
    if sign == "/" and open_ and not order:
        return ""
    first = "m" if int(other) > 12 or (open_ and order == "mdy") else "d"
    return _iso({"y": year, first: one, ("d" if first == "m" else "m"): other})


def _iso(parts: Mapping[str, str]) -> str:
    month = _MONTHS.get(parts["m"][:3].casefold(), 0) if parts["m"].isalpha() else int(parts["m"])
    try:
        return date(int(parts["y"]), month, int(parts["d"])).isoformat()
    except ValueError:
        return ""


# cadences and levels


def cadence(text: str) -> str:
    """How often, as `90d`, `6m` or `1y`, from words such as `annually` or `every 6 months`; "" where it says nothing of the kind."""
    return "" if not text or is_nothing(text) else known_cadence(text)


_LEVELS = {
    "public": "public|external|unclassified|open|general public",
    "internal": "internal|internal use only|internal only|general|company internal|private|official|non-business",
    "confidential": "confidential|sensitive|company confidential|official sensitive|highly sensitive|proprietary",
    "restricted": "restricted|highly confidential|strictly confidential|secret|top secret|highly restricted",
}
_LEVEL = {word: level for level, words in _LEVELS.items() for word in words.split("|")}


@lru_cache(1 << 10)
def sensitivity(text: str) -> str:
    r"""The level of protection that a label stands for; of `Confidential \\ HR` the first part; "" for one that is not known."""
    whole = " ".join(text.casefold().split())
    first = re.split(r"\s*[\\/|:(\u2013\u2014]\s*|\s-\s", whole)[0]
    return _LEVEL.get(whole, "") or _LEVEL.get(first, "")


_KINDS = (
    (re.compile(r"\bpolic(?:y|ies)\b|\bcode of conduct\b", re.IGNORECASE), "Policy"),
    (re.compile(r"\bstandards?\b", re.IGNORECASE), "Standard"),
    (re.compile(r"\bguidelines?\b|\bguide\b|\bbest practices\b|\bplaybook\b|\bhow to\b", re.IGNORECASE), "Guideline"),
    (re.compile(r"\bprice ?list\b|\brate card\b", re.IGNORECASE), "PriceList"),
)
_STATED = {name.casefold(): name for name in ("Policy", "Standard", "Guideline", "PriceList", "Clause", "Document")}


def document_kind(title: str, *, said: str = "") -> str:
    """The kind of a document: the one that is said where that is one, else what its title says (`Travel policy`), else Document."""
    words = re.sub(r"[_-]+", " ", title)
    return _STATED.get(said.replace(" ", "").casefold(), "") or next((kind for known, kind in _KINDS if known.search(words)), "Document")


# who


class Somebody(NamedTuple):
    """Whoever is meant by a text: an id, and the thing itself where the text says more than the id."""

    id: str
    kind: str = ""
    name: str = ""
    email: str = ""
    login: str = ""

    def entity(self, where: str) -> Iterator[Entity]:
        """The thing, read at this place; nothing for one that is only referred to."""
        if self.kind:
            yield thing(self.kind, self.id, where, name=self.name, properties=filled(email=self.email, login=self.login))


_TEAM = re.compile(
    r"\b(?:teams?|board|committee|council|groups?|guild|department|dept|division|office|sig|wg|squad|crew|chapter|panel|everyone|staff"
    r"|maintainers|engineering|operations|ops|legal|finance|marketing|sales|security|human resources|hr|it|people|product|design)$"
    r"|^(?:team|sig|wg|department|office)\b",
    re.IGNORECASE,
)
_POST = re.compile(
    r"\b(?:head|chief|director|manager|officer|lead|leader|counsel|president|vp|svp|evp|c[eftiosmp]o|ciso|dpo|engineer|architect|secretary|analyst"
    r"|controller|chair|chairman|chairperson|treasurer|partner|coordinator|administrator|specialist|owner|supervisor|founder)\b",
    re.IGNORECASE,
)
_MAIL = re.compile(r"[<(\[]?\s*(?:mailto:)?([\w.+'-]+@[\w-]+(?:\.[\w-]+)+)\s*[>)\]]?")
_VEILED = re.compile(r"<\s*([\w.+-]+)\s+at\s+([\w.-]+\.\w+)\s*>")
_LOGIN = re.compile(r"(?<![\w.])@([\w][\w-]*(?:/[\w-]+)?)")
_PROFILE = re.compile(r"^https?://(?:www\.)?(?:github|gitlab)\.com/([\w-]+)/?$")
_MARKED = re.compile(r"\[([^\]]*)\]\(([^)\s]*)\)")
_AFTER_COMMA = re.compile(r"(?:jr|sr|ii|iii|iv|ph\.?d|md|esq)\.?(?=$|[\s<(])", re.IGNORECASE)


def people(text: str, *, bare: str = "person") -> Sequence[Somebody]:
    """Everybody whom a field names, separated by commas, semicolons, `and` or `&`.

    `Ada Quill <ada@acme.example>`, `[Ada](@ada)`, `@ada` and `Ada Quill` are people; `Architecture board` is a unit, `Head of Legal` a
    position, `position:cfo` what it says. A single word that is none of these is a `bare`.
    """
    return _people(text, bare) if text else ()


@lru_cache(1 << 12)
def _people(text: str, bare: str) -> Sequence[Somebody]:
    found: dict[str, Somebody] = {}
    for piece in _pieces(text):
        if one := _somebody(piece, bare):
            found.setdefault(one.id, one)
    return tuple(found.values())


def _pieces(text: str) -> Iterator[str]:
    held = ""
    for piece in re.split(r"\s*[;,\n]\s*|\s+(?:and|&)\s+", text):
        if held and _AFTER_COMMA.match(piece):
            held = f"{held}, {piece}"
            continue
        if held:
            yield held
        held = piece
    if held:
        yield held


@lru_cache(1 << 12)
def _somebody(piece: str, bare: str) -> Somebody | None:
    target, piece = _unlinked(piece.strip().strip("*_`"))
    if is_nothing(piece):
        return None
    email, login, name = _contacts(piece, target)
    if "://" in name:
        return None
    if re.fullmatch(r"(?:person|position|unit|role|organization):\S+", name) and not email:
        return Somebody(reference("person", name))
    if login and "/" in login:
        return Somebody(f"unit:{slug(login.partition('/')[2])}", "Unit", name or login.partition("/")[2])
    key = slug(login or name or email.partition("@")[0])
    if not key:
        return None
    if not login and not email and _POST.search(name):
        return Somebody(f"position:{key}", "Position", name)
    if not login and name and _TEAM.search(name):
        return Somebody(f"unit:{key}", "Unit", name, email)
    if bare == "login" and not login and " " not in name:
        login = name
        name = ""
    elif not login and not email and " " not in name and bare != "person":
        return Somebody(f"{bare}:{key}")
    return Somebody(f"person:{key}", "Person", name, email, login)


def _unlinked(piece: str) -> tuple[str, str]:
    """The address behind a Markdown link, and the text without it."""
    found = _MARKED.search(piece)
    return (found[2], _MARKED.sub(r"\1", piece)) if found else ("", piece)


def _contacts(piece: str, target: str) -> tuple[str, str, str]:
    """Of one person the e-mail address, the login and the name."""
    mail = _MAIL.search(piece) or _MAIL.fullmatch(target)
    veiled = _VEILED.search(piece)
    email = mail[1] if mail else f"{veiled[1]}@{veiled[2]}" if veiled else ""
    rest = _VEILED.sub(" ", _MAIL.sub(" ", piece))
    profile = _PROFILE.match(target)
    written = _LOGIN.search(rest)
    login = profile[1] if profile else target[1:] if re.fullmatch(r"@[\w-]+", target) else written[1] if written else ""
    name = " ".join(re.sub(r"[<>]|\([^)]*\)|\[[^\]]*\]", " ", _LOGIN.sub(" ", rest)).split()).strip(" -\u2013\u2014.,*")
    return email, login.strip("/"), name
