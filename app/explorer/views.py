"""The screens, a function each; what they show comes from the same graph and filter as every other door's answers."""

# pyright: reportUnknownMemberType=false
# Streamlit's functions take data frames of many libraries, whose types are not all there

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import streamlit as st

from app.explorer.pictures import neighbourhood
from app.settings import actor_of, open_context, read_settings
from graph import Actor, ContextError, ContextGraph, EntityRow, Shown

NEIGHBOURS = 60
_SIGNS = re.compile(r"([\\`*_{}\[\]()#+\-.!|:$<>~&^])")


def plain(text: str) -> str:
    """Text from a source, safe in a label: labels are Markdown, and an image in a name would be fetched."""
    return _SIGNS.sub(r"\\\1", text)


@st.cache_resource
def opened(folder: str) -> tuple[ContextGraph, Actor]:
    """The workspace's graph and who looks at it, once for a server."""
    settings = read_settings(Path(folder))
    context = open_context(settings)
    return context, actor_of(settings, context)


def explore() -> None:
    """Search, the neighbourhood of a thing as a picture, and its details with their origins."""
    try:
        context, actor = opened(os.environ.get("ORGCONTEXT_WORKSPACE", "."))
    except ContextError as error:
        st.error(plain(str(error)))
        return
    st.title(plain(context.organization) or "Context")
    text = st.text_input("Find", key="find", bind="query-params", placeholder="a name, words, an id", type="search")
    if not text:
        _welcome(context, actor)
        return
    hits = context.find(text, actor=actor, limit=20)
    if not hits:
        st.info(f"Nothing that you may see fits {plain(text)}.")
        return
    names = {hit.id: f"{hit.name} ({hit.kind})" for hit in hits}
    chosen = st.selectbox("Found", list(names), format_func=lambda id_: names[id_], key="entity")  # options are text, not Markdown
    if chosen:
        _thing(context, context.show(chosen, actor=actor), actor)


def _welcome(context: ContextGraph, actor: Actor) -> None:
    tally = context.stats(actor=actor)
    if not tally.entities:
        st.info(
            "There is nothing yet. `orgcontext load` reads the sources of this workspace; `orgcontext init --sample` makes one to look at."
        )
        return
    st.caption("Type a name, or some words, or an id.")
    rows = [{"kind": kind, "things": count} for kind, count in sorted(tally.entities.items(), key=lambda pair: -pair[1])]
    st.dataframe(rows, hide_index=True, width="stretch")


def _thing(context: ContextGraph, shown: Shown, actor: Actor) -> None:
    row = shown.item.row
    left, right = st.columns([3, 2])
    near = list(dict.fromkeys(end for one in shown.relations for end in (one.source, one.target) if end != row.id))
    drawn = {row.id, *near[:NEIGHBOURS]}
    view = context.view(actor)
    entities: list[EntityRow] = list(view.store.entities(view.where, ids=sorted(drawn)))
    with left:
        relations = [one for one in shown.relations if one.source in drawn and one.target in drawn]
        ink = "#f0f0f0" if st.context.theme.type == "dark" else "#262626"
        st.graphviz_chart(neighbourhood(row.id, entities, relations, ink=ink), width="stretch")
        if len(near) > NEIGHBOURS:
            st.caption(f"{NEIGHBOURS} of {len(near)} neighbours are drawn; the table holds all relations.")
        table = [{"from": one.source, "relation": one.kind, "to": one.target} for one in shown.relations]
        st.dataframe(table, hide_index=True, width="stretch")
    with right:
        _details(shown)


def _details(shown: Shown) -> None:
    row, fresh = shown.item.row, shown.item.freshness
    st.subheader(plain(row.name))
    st.text(f"{row.id}\n{row.kind}, {row.sensitivity}, {fresh.state}" + (f"\nowner {fresh.owner}" if fresh.owner else ""))
    properties = json.loads(row.properties)
    if properties:
        st.dataframe([{"property": name, "value": str(value)} for name, value in properties.items()], hide_index=True, width="stretch")
    st.text("What each source says")
    said = [{"source": claim.source, "where": claim.locator, "name": claim.name, "revision": claim.revision} for claim in shown.claims]
    st.dataframe(said, hide_index=True, width="stretch")
