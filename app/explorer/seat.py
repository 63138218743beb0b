"""Where an analyst sits: the workspace's graph, whom they look as, at which revision; and questions asked from there, as at every other door."""

# pyright: reportUnknownMemberType=false
# Streamlit's functions take values of many libraries, whose types are not all there

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import wraps
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, ParamSpec

import streamlit as st

from app.explorer import login, work
from app.explorer.manners import plain
from app.explorer.pictures import short
from app.operations import OPERATIONS, ask
from app.settings import FILE, Settings, actor_of, open_context, read_settings
from graph import Actor, ContextError, ContextGraph, EntityRow, Filter, NotFound, RelationRow

LASTING = frozenset(
    (
        "around",
        "find",
        "show",
        "stats",
        "scope",
        "ready",
        "impact",
        "precedents",
        "history",
        "diff",
        "merges",
        "path",
        "analyze",
        "readiness",
    )
)  # questions whose answers hold as long as the revision does; all others are asked anew, and what changes something is never asked twice
HANGS_ON = {"gaps": "gap/"}  # questions whose answers hold as long as these notes beside the graph do, too
SPOKEN = 2000  # texts in which things are called by their names
_ID = re.compile(r"\b[a-z][a-z_-]*:[^\s,;()'\"]*\w")
AT = "at"  # the revision that is looked at, in the address and in the session
AS = "as"  # whom one looks as


class Seat(NamedTuple):
    """What a screen needs to know: the workspace, its graph, who looks, and the revision ("": the newest)."""

    settings: Settings
    context: ContextGraph
    actor: Actor
    at: str = ""

    @property
    def sees_all(self) -> bool:
        """Whether nothing is hidden from whoever looks: the right that writing, and looking into the rights of others, asks for."""
        return sees_all(self.context, self.actor)

    def ask(self, name: str, *, form: str = "json", actor: Actor | None = None, at: str | None = None, **question: Any) -> Any:
        """The answer to a question as every door gives it: parsed JSON, or the text of another form."""
        return self.put(name, question, form=form, actor=actor, at=at)

    def put(self, name: str, question: Mapping[str, Any], *, form: str = "json", actor: Actor | None = None, at: str | None = None) -> Any:
        """The same, for questions whose fields are called like our own."""
        text = work.answer(self._work(name, question, form=form, actor=actor, at=at))
        return json.loads(text) if form == "json" else text

    def watched(self, name: str, question: Mapping[str, Any], doing: str) -> Any:
        """The same for a question that may take long: the page says how far it is, and its button stops it. Then nothing more is drawn."""
        return json.loads(work.watched(self._work(name, question), doing))

    def soon(self, name: str, *, wait: float = 1.5) -> Any:
        """The answer, or None where it takes longer than so many seconds: it is worked out meanwhile, and there when it is asked for again."""
        text = work.soon(self._work(name, {}), wait)
        return None if text is None else json.loads(text)

    def _work(
        self, name: str, question: Mapping[str, Any], *, form: str = "json", actor: Actor | None = None, at: str | None = None
    ) -> work.Asked:
        operation = OPERATIONS[name]
        moment = self.at if at is None else at
        if moment and "at" in operation.question.model_fields:
            question = {"at": moment, **question}
        asked = operation.question.model_validate(question)
        who = actor or self.actor
        state = (*self._state(), *self._noted(name)) if name in LASTING or name in HANGS_ON else ()
        key = (name, form, who.id, who.behalf, *sorted(who.roles), asked.model_dump_json(), *state)

        def text() -> str:
            reply = ask(self.context, who, name, asked, form=form)
            return reply.formats[form]() if form in reply.formats else reply.json() if form == "json" else reply.text()

        return work.Asked(key, text, lasts=bool(state))

    def kinds(self) -> list[str]:
        """The kinds of what may be seen, without counting it."""
        where = self.context.view(self.actor, at=self.at or None).where
        return sorted({one.kind for one in (self.context.store.facets() if where.facets is None else where.facets)})

    def _state(self) -> tuple[str, ...]:
        """What answers depend on besides the question: the same state, the same answer."""
        head = self.context.store.head()
        stand = (str(head.number), head.digest) if head else ("0", "")
        rules = map(str, _changed(self.settings))
        return (str(self.settings.folder), self.settings.store, *stand, str(date.today()), *rules)

    def _noted(self, name: str) -> tuple[str, ...]:
        prefix = HANGS_ON.get(name, "")
        return tuple(f"{key} {text}" for key, text in sorted(self.context.store.notes(prefix).items())) if prefix else ()

    def entities(self, *kinds: str, ids: Iterable[str] | None = None) -> list[EntityRow]:
        """The things of these kinds (with their subkinds) that may be seen."""
        view = self.context.view(self.actor, at=self.at or None)
        known = sorted({one for kind in kinds for one in self.context.ontology.family(kind)}) if kinds else None
        return list(view.store.entities(view.where, kinds=known, ids=None if ids is None else sorted(set(ids)), at=view.at))

    def names(self, ids: Iterable[str | None]) -> dict[str, str]:
        """What these are called, as far as they may be seen and have a name; a long name is cut."""
        wanted = {id_ for id_ in ids if id_ and ":" in id_}
        return {row.id: short(row.name, 200) for row in self.entities(ids=wanted) if row.name} if wanted else {}

    def spoken(self, texts: Iterable[str]) -> dict[str, str]:
        """These texts with the names of things in the place of their ids; as they are where there are more than `SPOKEN` of them."""
        said = dict.fromkeys(texts)
        names = self.names({id_ for text in said for id_ in _ID.findall(text)}) if len(said) <= SPOKEN else {}
        return {text: _ID.sub(lambda found: names.get(found[0], found[0]), text) for text in said}

    def relations(self, *kinds: str, touching: Iterable[str] | None = None, first: int | None = None) -> list[RelationRow]:
        """The relations of these kinds that may be seen, or so many of the first; no more is read than comes back."""
        view = self.context.view(self.actor, at=self.at or None)
        near = None if touching is None else sorted(set(touching))
        return list(islice(view.store.relations(view.where, kinds=list(kinds) or None, touching=near, at=view.at), first))

    def path(self, start: str, end: str) -> Any:
        """The answer about the way between two things, whatever the question calls its two ends."""
        ends = [name for name, info in OPERATIONS["path"].question.model_fields.items() if info.is_required()][:2]
        return self.put("path", dict(zip(ends, (start, end), strict=True)))

    def can(self, *names: str) -> bool:
        """Whether these questions can be asked here."""
        return all(name in OPERATIONS for name in names)


def sees_all(context: ContextGraph, actor: Actor) -> bool:
    """Whether nothing is hidden from this actor today."""
    return context.view(actor).where == Filter(as_of=context.now().date())


_VARIABLES = ("ORGCONTEXT_WORKSPACE", "ORGCONTEXT_STORE", "ORGCONTEXT_ACTOR", "ORGCONTEXT_BEHALF", "ORGCONTEXT_NOW")
_seen: dict[tuple[str, ...], tuple[float, ...]] = {}


@st.cache_resource(max_entries=8, show_spinner="Opening the graph …", on_release=lambda pair: pair[1].close())
def _opened(environment: tuple[str, ...]) -> tuple[Settings, ContextGraph]:
    settings = read_settings(Path(environment[0] or "."))
    context = open_context(settings)
    context.watch = work.told
    return settings, context


def opened() -> tuple[Settings, ContextGraph]:
    """The workspace and its graph, once for all who look at it; opened anew where the workspace's files changed."""
    environment = tuple(os.environ.get(name, "") for name in _VARIABLES)
    settings, context = _opened(environment)
    changed = _changed(settings)
    if _seen.setdefault(environment, changed) != changed:
        _seen[environment] = changed
        _opened.clear(environment)
        settings, context = _opened(environment)
    return settings, context


def _changed(settings: Settings) -> tuple[float, ...]:
    """When the files that say who sees what, and what is loaded, were last written."""
    files = (FILE, settings.workspace.access, settings.workspace.aliases, *settings.workspace.ontologies)
    paths = [settings.folder / one for one in files if one]
    return tuple(path.stat().st_mtime if path.is_file() else 0.0 for path in paths)


def viewers(settings: Settings, context: ContextGraph) -> list[str]:
    """As whom one may look here, the usual one first.

    `ORGCONTEXT_ACTOR` names the one, `ORGCONTEXT_VIEWERS` more (by commas). Without either it is the local user, who may look as anybody
    whom the policy names, since the command line lets them, too. Where a login is set up, it is whoever is logged in, and nobody else.
    """
    if login.asked_for():
        return [login.person(context)]
    first = actor_of(settings, context).id
    if named := os.environ.get("ORGCONTEXT_VIEWERS", ""):
        more = [one.strip() for one in named.split(",") if one.strip()]
    else:
        more = [] if settings.actor else sorted(one for one in context.access.actors if not one.startswith("task:"))
    return list(dict.fromkeys([first, *more]))


def take_seat() -> Seat:
    """Where this session sits now, from the address; what is not allowed there counts as not said."""
    settings, context = opened()
    allowed = viewers(settings, context)
    wanted = st.session_state.get(AS) or st.query_params.get(AS)
    actor = actor_of(settings, context, named=wanted if wanted in allowed else allowed[0])
    moment = str(st.session_state.get(AT) or st.query_params.get(AT) or "")
    return Seat(settings, context, actor, moment if moment.isdigit() else "")


def visited(context: ContextGraph, actor: str, number: int) -> int:
    """The revision that was the newest when this actor was here last (0: never); from now on it is this one."""
    key = f"visit/{actor}"
    before = context.store.notes(key).get(key, "0")
    if before != str(number):
        context.store.remember(key, str(number))
    return int(before)


P = ParamSpec("P")


def told(function: Callable[P, None]) -> Callable[P, None]:
    """The same, but an error is a sentence with what to do. A fragment needs it for itself: its errors do not reach the page."""

    @wraps(function)
    def tell(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except NotFound as error:
            st.warning(plain(f"{sentence(error)} What is not there and what you may not see look the same."), icon=":material/search_off:")
        except ContextError as error:
            st.error(plain(sentence(error)), icon=":material/error:")

    return tell


def fragment(function: Callable[P, None]) -> Callable[P, None]:
    """A part of a page that is drawn again by itself."""
    return st.fragment(told(function))


@told
def show(screen: Callable[[Seat], None]) -> None:
    """The screen, as whoever sits here sees it."""
    screen(take_seat())


def sentence(error: ContextError) -> str:
    """The error's message as a sentence."""
    text = str(error).strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?', '!')) else '.'}"


def visit(page: str, **parameters: str | list[str]) -> NoReturn:
    """Go to another page, with what it is to show, looking as the same actor at the same revision."""
    kept = {name: st.query_params[name] for name in (AS, AT) if name in st.query_params}
    pages: dict[str, Any] = st.session_state["pages"]
    st.switch_page(pages[page], query_params=kept | parameters)
