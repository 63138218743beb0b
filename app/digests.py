"""What one owner has to look after, as a text, Markdown, HTML or an e-mail file: what is due, contested, asked for, and waits for a decision."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from graph import Actor, Case, ContextGraph, Finding, NotFound, Value

_STATES = ("overdue", "due", "unverified")  # of what is to be confirmed, the gravest first


class Due(Value):
    """A thing that its owner must confirm."""

    id: str
    name: str
    state: str
    due_at: str = ""


class Digest(Value):
    """What somebody has to look after today. `people` are those it is for, with their addresses as far as the asker may see them."""

    owner: str
    name: str
    day: date
    organization: str = ""
    revision: int
    people: Mapping[str, str]
    due: tuple[Due, ...] = ()
    contested: tuple[Finding, ...] = ()
    asked_for: tuple[Finding, ...] = ()
    waiting: tuple[Case, ...] = ()

    @property
    def sections(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Each part with its entries: what it is, and what there is to do."""
        return [
            ("To be confirmed", [(f"{one.name} ({one.id}) is {one.state}" + _since(one), f"confirm {one.id}") for one in self.due]),
            ("Contested", [(one.message, one.remedy) for one in self.contested]),
            ("Asked for and not found", [(one.message, one.remedy) for one in self.asked_for]),
            ("Waiting for your decision", [(f"{one.proposer} asks: {one.why}", f"review show {one.id}") for one in self.waiting]),
        ]

    @property
    def title(self) -> str:
        """One line that says how much there is."""
        count = len(self.due) + len(self.contested) + len(self.asked_for) + len(self.waiting)
        return f"{self.name}: {count or 'nothing'} to look after, {self.day}"


def _since(one: Due) -> str:
    return f" since {one.due_at}" if one.state == "overdue" else f" on {one.due_at}" if one.due_at else ""


def digest(context: ContextGraph, owner: str, *, actor: Actor) -> Digest:
    """The digest for an owner, of what the asker and everybody it is for may all see; `NotFound` for an owner that the asker does not see."""
    shown = context.show(owner, actor=actor)
    row, people = shown.item.row, _people(context, owner, actor)
    readers = [_reading(actor, person) for person in people] or [actor]
    parts = [_parts(context, row.id, reader) for reader in readers]
    due, contested, asked_for, waiting = (_in_all([part[place] for part in parts]) for place in range(4))
    return Digest.model_validate(
        {
            "owner": row.id,
            "name": row.name,
            "day": context.now().date(),
            "organization": context.organization,
            "revision": shown.stamp.revision,
            "people": people,
            "due": sorted(due, key=lambda one: (_STATES.index(getattr(one, "state", "due")), one.id)),
            "contested": contested,
            "asked_for": asked_for,
            "waiting": waiting,
        }
    )


def _people(context: ContextGraph, owner: str, actor: Actor) -> dict[str, str]:
    """Those who hold the post, or the person itself, with their e-mail addresses ("": not known, or not for the asker)."""
    shown = context.show(owner, actor=actor)
    row = shown.item.row
    holders = [one.source for one in shown.relations if one.kind == "holds" and one.target == row.id]
    rows = [context.show(one, actor=actor).item.row for one in sorted(holders)] if row.kind != "Person" else [row]
    return {one.id: _first(json.loads(one.properties).get("email")) for one in rows}


def _first(given: object) -> str:
    return str(next(iter(given), "") if isinstance(given, list) else given or "")  # pyright: ignore[reportUnknownArgumentType]  # from JSON


def _reading(actor: Actor, person: str) -> Actor:
    """The asker, who reads for somebody and sees only what both may see."""
    return actor if actor.behalf or actor.id == person else actor.model_copy(update={"behalf": person})


Kept = Due | Finding | Case


def _parts(context: ContextGraph, owner: str, reader: Actor) -> tuple[Sequence[Kept], ...]:
    try:
        posts, held = context.owned(owner, actor=reader)
    except NotFound:
        return (), (), (), ()
    mine = [one for one in context.gaps(actor=reader, names=("conflict", "unmet_demand")) if one.owner in posts]
    due = [
        Due(id=one.row.id, name=one.row.name, state=one.freshness.state, due_at=one.freshness.due_at or "")
        for one in held
        if one.freshness.state in _STATES
    ]
    contested, asked_for = ([one for one in mine if one.check == check] for check in ("conflict", "unmet_demand"))
    waiting = [one for one in context.desk.cases(actor=reader, state="open") if not posts.isdisjoint(one.owners)]
    return due, contested, asked_for, waiting


def _in_all(lists: Sequence[Iterable[Kept]]) -> list[Kept]:
    """What every one of these lists holds, in the order of the first."""
    ids = [{one.id for one in each} for each in lists]
    return [one for one in lists[0] if all(one.id in each for each in ids)]


# as texts


def text(found: Digest) -> str:
    """For a terminal."""
    lines = [found.title]
    for title, entries in found.sections:
        lines += [f"{title}:"] if entries else []
        lines += [line for what, to_do in entries for line in (f"  {_line(what)}", *([f"    {_line(to_do)}"] if to_do else []))]
    return "\n".join(lines) + "\n"


def markdown(found: Digest) -> str:
    """For a page or a message; words from sources cannot become headings, links or marks."""
    lines = [f"# {_plain(found.title)}"]
    for title, entries in found.sections:
        lines += ["", f"## {title}", ""] if entries else []
        lines += [f"- {_plain(what)}" + (f" — `{_line(to_do).replace('`', ' ')}`" if to_do else "") for what, to_do in entries]
    return "\n".join(lines) + "\n"


def page(found: Digest) -> str:
    """HTML that needs nothing else: no script, no picture, no style sheet from elsewhere."""
    parts = [f"<h1>{html.escape(found.title)}</h1>"]
    for title, entries in found.sections:
        items = (f"<li>{html.escape(what)}<br><code>{html.escape(to_do)}</code></li>" for what, to_do in entries)
        parts += [f"<h2>{title}</h2>", "<ul>", *items, "</ul>"] if entries else []
    head = f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(found.title)}</title></head>'
    return head + "<body>" + "\n".join(parts) + "</body></html>\n"


def mail(found: Digest) -> str:
    """An e-mail file with the text and the HTML: a draft that any mail program opens and sends; who has no address is not addressed."""
    message = EmailMessage(policy=SMTP)
    message["Subject"] = _line(f"{found.organization}: {found.title}".removeprefix(": "))
    to = [address for person, given in found.people.items() if (address := _address(person, given))]
    if to:
        message["To"] = to
    message["X-Unsent"] = "1"
    message["X-Orgcontext-Revision"] = str(found.revision)
    message.set_content(text(found))
    message.add_alternative(page(found), subtype="html")
    message.set_boundary(f"orgcontext-{found.day}-{found.revision}")
    return message.as_bytes().decode("ascii")


def _address(person: str, given: str) -> Address | None:
    """The address, where it is one: what stands in a source cannot add headers or other receivers."""
    user, at, domain = given.strip().rpartition("@")
    if not (user and at and domain) or set(given) & set('\r\n<>,;:" '):
        return None
    return Address(display_name=person.partition(":")[2], username=user, domain=domain)


def _line(words: str) -> str:
    return " ".join(words.split())


def _plain(words: str) -> str:
    """Words as Markdown shows them: what could be a mark is escaped."""
    return "".join(f"\\{char}" if char in r"\`*_[]<>#|!" else char for char in _line(words))


FORMS: Mapping[str, Callable[[Digest], str]] = {"markdown": markdown, "html": page, "eml": mail}
