"""The graph: a thing in the middle, its neighbours, and theirs as they are opened; filters, colours, layouts, details and a table beside it.

What is drawn follows from the address alone: `entity` is the middle, each `step` opens (`+id`, `+id relation`) or closes
(`~id`, `~id relation`) a thing, or hides some (`-id id`), each `pin` (`id x y`) keeps one where somebody put it. So a link restores it,
and undo takes the last step back.
"""

# pyright: reportUnknownMemberType=false
# Streamlit's functions take values of many libraries, whose types are not all there

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import streamlit as st

from app.explorer import pictures
from app.explorer.graph_view import Gesture, Pin, graph_view, pins_of
from app.explorer.manners import head, many, marked_table, plain, table, teach, titled, words
from app.explorer.seat import Seat, fragment
from app.explorer.views.parts import details, legend, remembered, search, some

LAYOUTS = ("force", "layered", "tree", "radial")
PICTURE = "picture"
TABLE = "things"
TURN = "picture.turn"  # how often the selection came from the table
DRAWN = "picture.drawn"  # whether there was one in this session
PAUSE = 0.5  # seconds that the first picture is ahead of its table: what draws tables is large, and a browser new here fetches it


def explore(seat: Seat) -> None:
    """The page."""
    head(
        "Graph",
        "Double-click a thing to open what it is tied to. Drag to put it elsewhere, where it stays; Ctrl and click, or Shift and drag, "
        "to select several. Keys: arrows walk, Enter selects, E opens.",
    )
    left, middle, right = st.columns([3.6, 3.2, 3.9], vertical_alignment="top")
    with left:
        search(seat, key="find", then=_focus)
    with middle:
        st.segmented_control("Layout", LAYOUTS, key="layout", default="force", required=True, bind="query-params")
    with right:
        st.segmented_control("Colour by", pictures.COLOURS, key="colour", default="kind", required=True, bind="query-params")
    focus = st.query_params.get("entity", "")
    if focus:
        _canvas(seat)
    else:
        _begin(seat)


def _begin(seat: Seat) -> None:
    """Nothing is in the middle yet."""
    tally: dict[str, dict[str, int]] = seat.soon("stats", wait=0.2) or {}
    counts = tally.get("entities", {})
    kinds = sorted(counts) or seat.kinds()
    told = remembered("kind", kinds)
    kind = st.pills(
        "Kinds",
        kinds,
        key="kind",
        on_change=told,
        format_func=lambda one: f"{titled(one)} {counts[one]:,}" if one in counts else titled(one),
    )
    if not kind:
        teach("Type a name above, or take a kind to see what there is of it.")
        return
    rows = [{"name": row.name, "sensitivity": row.sensitivity, "id": row.id} for row in seat.entities(kind)]
    if chosen := table(rows, "of-kind", pick="Choose a row to put it in the middle."):
        _focus(str(chosen[0]["id"]))
        st.rerun()


def _focus(id_: str) -> None:
    """Another picture."""
    st.query_params.pop("pin", None)
    _centre(id_)


def _centre(id_: str) -> None:
    """Another middle of the same picture, in which what is pinned stays where it is."""
    st.query_params["entity"] = id_
    for name in ("step", "path", "kind"):
        st.query_params.pop(name, None)


def _pin(pins: Sequence[Pin]) -> None:
    st.query_params["pin"] = [f"{id_} {x} {y}" for id_, x, y in pins]


# the steps


def steps() -> list[str]:
    """What was done since the thing came into the middle."""
    return st.query_params.get_all("step")


def _step(step: str) -> None:
    st.query_params["step"] = [*steps(), step]


def _hide(ids: list[str]) -> None:
    """One step, however many they are: one undo brings them back."""
    _step("-" + " ".join(ids))


def _undo() -> None:
    st.query_params["step"] = steps()[:-1]


class Folded(NamedTuple):
    """What is opened, which relations of which things are closed, and what is left out."""

    opened: list[str]
    closed: list[str]
    without: list[str]


def folded(said: Iterable[str]) -> Folded:
    """What holds after these steps."""
    opened: dict[str, None] = {}
    closed: dict[str, None] = {}
    without: dict[str, None] = {}
    for step in said:
        sign, what = step[:1], step[1:]
        id_, _, relation = what.partition(" ")
        if sign == "+":
            opened[what] = None
            closed = {one: None for one in closed if one != what and (relation or one.partition(" ")[0] != id_)}
        elif sign == "~" and relation:
            opened.pop(what, None)
            closed[what] = None
        elif sign == "~":
            opened = {one: None for one in opened if one.partition(" ")[0] != id_}
        elif sign == "-":
            without |= dict.fromkeys(what.split())
    return Folded(list(opened), list(closed), list(without))


def _left_out(seat: Seat, now: Folded) -> list[str]:
    """What is hidden, and what closed relations tie to their things; what was opened itself stays, and so does the middle."""
    stays = {st.query_params["entity"], *(one.partition(" ")[0] for one in (*now.opened, *now.closed))}
    tied: dict[str, None] = {}
    for one in now.closed:
        id_, _, kind = one.partition(" ")
        ends = [row.target if row.source == id_ else row.source for row in seat.relations(kind, touching=[id_])]
        tied |= dict.fromkeys(end for end in sorted(ends) if end not in stays)
    return [*dict.fromkeys([*now.without, *tied])]


def gesture(name: str, id_: str) -> None:
    """What a gesture in the picture means. A group is opened at its hub, for its relation and unit."""
    if id_.startswith("group "):
        if name == "expand":
            _step("+" + " ".join(pictures.group_of(id_)).rstrip())
    else:
        _step({"expand": "+", "collapse": "~", "hide": "-"}[name] + id_)


# the picture


@fragment
def _canvas(seat: Seat) -> None:
    now = folded(steps())
    answer = seat.ask("around", id=st.query_params["entity"], opened=now.opened, without=_left_out(seat, now))
    wanted = _filters(answer)
    colour = st.session_state.get("colour") or "kind"
    picture = pictures.drawn(answer, colour=colour, kinds=seat.kinds(), wanted=wanted)
    left, right = st.columns([5, 3])
    with left:
        path = _path(seat)
        seen = graph_view(
            picture.nodes, picture.edges, key=PICTURE, layout=st.session_state.get("layout") or "force", anchor=answer["focus"],
            lit=path, on_gesture=gesture, on_selected=_selected, height=580, turn=st.session_state.get(TURN, 0),
            pins=pins_of(one.split(" ") for one in st.query_params.get_all("pin")), on_pins=_pin,
        )  # fmt: skip
        if DRAWN not in st.session_state:
            st.session_state[DRAWN] = True
            time.sleep(PAUSE)
        legend(picture.legend)
        chosen = _actions(seat, answer, now, seen)
    with right:
        if chosen.startswith("group "):
            st.info("A group: expand it to take the first 50 out of it, or use the search.", icon=":material/workspaces:")
        else:
            details(seat, chosen or answer["focus"])
    _beside(answer, picture, seen)


def _filters(answer: Mapping[str, Any]) -> pictures.Wanted:
    """The filters over what is here, each with its counts."""
    entities, names, ties = answer["entities"], answer["names"], answer["ties"]
    counts = {
        "kinds": Counter(one["kind"] for one in entities),
        "functions": Counter(end for one in entities for end in ties.get(one["id"], {}).get("functions", ())),
        "owners": Counter(one["freshness"]["owner"] for one in entities if one["freshness"]["owner"]),
        "states": Counter(one["freshness"]["state"] for one in entities),
        "levels": Counter(one["sensitivity"] for one in entities),
    }
    labels = {"kinds": "Kind", "functions": "Function", "owners": "Owner", "states": "Freshness", "levels": "Sensitivity"}
    chosen: dict[str, frozenset[str]] = {}
    with st.popover("Filters", icon=":material/filter_alt:"):
        for name, label in labels.items():
            here = counts[name]
            key = f"only-{name}"
            options = sorted({*here, *st.session_state.get(key, st.query_params.get_all(key))})
            picked = some(label, options, key, lambda one, here=here: f"{names.get(one, one)} ({here[one]})")
            chosen[name] = frozenset(picked)
    return pictures.Wanted(**chosen)


def _actions(seat: Seat, answer: Mapping[str, Any], now: Folded, seen: Gesture) -> str:
    """The gestures as buttons, for what is selected; returns the first of it."""
    known = {one["id"]: one for one in answer["entities"]}
    here = [id_ for id_ in seen.selected if id_ in known or id_.startswith("group ")]
    chosen = here[0] if here else answer["focus"]
    some = [id_ for id_ in here if id_ in known and id_ != answer["focus"]]
    rest = [id_ for id_ in known if id_ != answer["focus"] and id_ not in some]
    more: Mapping[str, int] = answer["more"].get(chosen, {})
    row = st.container(horizontal=True, gap="small")
    with row.popover(f"Expand +{sum(more.values())}" if more else "Expand", disabled=not more and not chosen.startswith("group ")):
        st.button("All relations", key="expand-all", on_click=gesture, args=("expand", chosen))
        for kind, count in sorted(more.items()):
            st.button(f"{words(kind)} +{count}", key=f"expand-{kind}", on_click=_step, args=(f"+{chosen} {kind}",))
    _collapse(row, chosen, answer, now)
    row.button("Hide", key="hide", on_click=_hide, args=(some,), disabled=not some, help="What is selected (Delete)")
    row.button("Only these", key="only", on_click=_hide, args=(rest,), disabled=not some or not rest, help="Hide all that is not selected")
    row.button("Centre", key="centre", on_click=_centre, args=(chosen,), disabled=chosen not in known or chosen == answer["focus"])
    row.button("Undo", key="undo", on_click=_undo, disabled=not steps())
    pair = [id_ for id_ in here if id_ in known]
    if seat.can("path"):
        row.button("Path", key="path-button", on_click=_lit, args=(pair,), disabled=len(pair) != 2, help="Between two selected things")
    return chosen


def _collapse(place: Any, chosen: str, answer: Mapping[str, Any], now: Folded) -> None:
    """Take away what was opened at a thing, or what one of its relations ties to it."""
    whole = any(one.partition(" ")[0] == chosen for one in now.opened)
    stays = {answer["focus"], *(one.partition(" ")[0] for one in now.opened)}
    near = [
        (one["kind"], one["target"] if one["source"] == chosen else one["source"])
        for one in answer["relations"]
        if chosen in (one["source"], one["target"])
    ]
    counts = Counter(kind for kind, end in near if end not in stays)
    with place.popover("Collapse", disabled=not whole and not counts, help="Take its neighbours away (X)"):
        st.button("All that was opened", key="collapse", on_click=gesture, args=("collapse", chosen), disabled=not whole)
        for kind, count in sorted(counts.items()):
            st.button(f"{words(kind)} -{count}", key=f"collapse-{kind}", on_click=_step, args=(f"~{chosen} {kind}",))


def _lit(pair: list[str]) -> None:
    st.query_params["path"] = pair


def _path(seat: Seat) -> list[str]:
    """The things and edges of the path that is asked for, brought in where they are not here yet."""
    pair = st.query_params.get_all("path")
    if len(pair) != 2 or not seat.can("path"):
        return []
    answer = seat.path(*pair)
    chain = pictures.chains(answer)
    missing = [f"+{step[0]}" for step in chain]
    if any(one not in steps() for one in missing):
        st.query_params["step"] = list(dict.fromkeys([*steps(), *missing]))
        st.rerun()
    if not chain:
        st.info(f"There is no path between {plain(pair[0])} and {plain(pair[1])} that you may see.")
    return [*{end for step in chain for end in (step[0], step[2])}, *(pictures.edge_id(*step) for step in chain)]


def _select(ids: list[str]) -> None:
    """Select these in the picture."""
    st.session_state[PICTURE] = {"selected": ids}
    st.session_state[TURN] = st.session_state.get(TURN, 0) + 1
    st.session_state[f"{TABLE}.from"] = "table"
    st.session_state[f"{TABLE}.told"] = sorted(ids)


def _selected() -> None:
    """Something was selected in the picture, unless it only says what the table told it."""
    if sorted(st.session_state[PICTURE].get("selected") or []) != st.session_state.get(f"{TABLE}.told"):
        st.session_state[f"{TABLE}.from"] = "picture"


def _beside(answer: Mapping[str, Any], picture: pictures.Picture, seen: Gesture) -> None:
    """The same things as a table, those selected first, with the ways to take them along."""
    ids = {node["id"] for node in picture.nodes}
    rows = pictures.rows(answer, ids)
    if st.session_state.get(f"{TABLE}.from") != "table":  # what is selected in the picture comes first; rows do not move under the pointer
        st.session_state[f"{TABLE}.first"] = seen.selected
    first = st.session_state.get(f"{TABLE}.first", ())
    rows.sort(key=lambda row: row["id"] not in first)
    hidden = len(answer["entities"]) - len(rows)
    grouped = sum(one["count"] for one in answer["groups"])
    said = [many(len(rows), "thing"), many(len(picture.edges), "relation")]
    said += [f"{hidden} filtered out"] if hidden else []
    said += [f"{grouped:,} in {many(len(answer['groups']), 'group')}"] if grouped else []
    st.caption(", ".join(said) + (f", {len(seen.selected)} selected" if seen.selected else ""))
    marked_table(rows, TABLE, seen.selected, _select, height=260)
    st.caption("What is marked here is selected in the picture, and the other way round; Centre puts it in the middle.")
    more = st.expander("The relations of the picture", key="picture.relations", on_change="rerun")
    if more.open:
        with more:
            table([{"from": one["source"], "relation": one["kind"], "to": one["target"]} for one in picture.edges], "relations", height=240)
