"""The organization chart: units and positions as a tree, who holds what, what is vacant, how wide the spans are."""

# pyright: reportUnknownMemberType=false
# Streamlit's functions take values of many libraries, whose types are not all there

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import altair as alt
import streamlit as st

from app.explorer import pictures
from app.explorer.graph_view import graph_view
from app.explorer.manners import chart, head, table, teach
from app.explorer.seat import Seat, fragment, visit
from app.explorer.views.parts import details, legend, pick

MOST = 40  # boxes that are drawn before somebody opens more
DEPTH = 1  # levels below the top that are open at first


class Post(NamedTuple):
    """A position (or, where none are on file, a person) in the chart."""

    id: str
    name: str
    holders: tuple[str, ...]
    above: str  # the first line that it reports to
    beside: tuple[str, ...]  # the others
    units: tuple[str, ...]
    depth: int = 0


def organization(seat: Seat) -> None:
    """The page."""
    head("Organization chart", "Who reports to whom, who holds which position, and where nobody does.")
    chart = posts(seat)
    if not any(post.above for post in chart.values()):
        chart = units(seat) or chart
    if not chart:
        teach("No reporting lines are on file.", "A source of the loader `people`, `organogram`, `ldif`, `scim` or `org` brings them.")
        return
    names = {one.id: one.name for one in chart.values()}
    one, two, three = st.columns([3, 2, 2], vertical_alignment="bottom")
    with one:
        top = pick(seat, "From", key="from", given=names, none="the whole organization")
    with two:
        deep = st.slider("Levels", 1, max(2, *(post.depth + 1 for post in chart.values())), DEPTH + 1, key="levels", bind="query-params")
    with three:
        only = st.toggle("Only branches with a vacancy", key="vacancies", bind="query-params")
    below = _below(chart)
    _figures(chart, below)
    kept = _kept(chart, below, top, deep, st.query_params.get_all("open"))
    if only:
        kept = _to_vacancies(chart, kept)
    _draw(seat, chart, below, kept)


def posts(seat: Seat) -> dict[str, Post]:
    """The positions by id; where there are none, the people who report to each other."""
    rows = {row.id: row for row in seat.entities("Position", "Person")}
    reports: dict[str, list[str]] = defaultdict(list)
    held: dict[str, list[str]] = defaultdict(list)
    units: dict[str, list[str]] = defaultdict(list)
    posts_of: dict[str, list[str]] = defaultdict(list)
    for one in seat.relations("reports_to", "holds", "member_of"):
        if one.kind == "holds":
            held[one.target].append(rows[one.source].name if one.source in rows else one.source)
            posts_of[one.source].append(one.target)
        else:
            (reports if one.kind == "reports_to" else units)[one.source].append(one.target)
    for person, own in posts_of.items():
        for post in own:
            units[post] += [unit for unit in units.get(person, ()) if unit not in units[post]]
    positions = [row for row in rows.values() if row.kind in seat.context.ontology.family("Position")]
    drawn = positions or [row for row in rows.values() if row.id in reports or any(row.id in ends for ends in reports.values())]
    known = {row.id for row in drawn}
    above = {row.id: [end for end in reports[row.id] if end in known and end != row.id] for row in drawn}
    depths = _depths(above)
    return {
        row.id: Post(
            row.id, row.name, tuple(held[row.id]) if positions else (row.name,), (above[row.id] or [""])[0], tuple(above[row.id][1:]),
            tuple(units[row.id]), depths[row.id],
        )
        for row in drawn
    }  # fmt: skip


def units(seat: Seat) -> dict[str, Post]:
    """Where nobody reports to anybody: the units that are part of others, each with whoever heads it."""
    rows = {row.id: row for row in seat.entities("Unit", "Organization", "Position", "Person")}
    family = {kind for one in ("Unit", "Organization") for kind in seat.context.ontology.family(one)}
    drawn = {id_: row for id_, row in rows.items() if row.kind in family}
    above: dict[str, list[str]] = {id_: [] for id_ in drawn}
    heads: dict[str, list[str]] = defaultdict(list)
    held: dict[str, list[str]] = defaultdict(list)
    for one in seat.relations("part_of", "heads", "holds"):
        if one.kind == "part_of" and {one.source, one.target} <= drawn.keys() and one.source != one.target:
            above[one.source].append(one.target)
        elif one.kind != "part_of" and one.source in rows:
            (heads if one.kind == "heads" else held)[one.target].append(one.source)
    if not any(above.values()):
        return {}
    depths = _depths(above)

    def who(unit: str) -> tuple[str, ...]:
        people = [person for head_ in heads[unit] for person in (held.get(head_) or [head_])]
        return tuple(dict.fromkeys(rows[one].name for one in people))

    return {
        id_: Post(id_, row.name, who(id_), (above[id_] or [""])[0], tuple(above[id_][1:]), (), depths[id_]) for id_, row in drawn.items()
    }


def _depths(above: Mapping[str, list[str]]) -> dict[str, int]:
    """How many steps each stands below the top; a circle is cut where it closes."""
    depths: dict[str, int] = {}
    for start in above:
        chain: list[str] = []
        at = start
        while at and at not in depths and at not in chain:
            chain.append(at)
            at = (above.get(at) or [""])[0]
        base = depths.get(at, -1)
        for step, id_ in enumerate(reversed(chain), 1):
            depths[id_] = base + step
    return depths


def _below(chart: Mapping[str, Post]) -> dict[str, list[str]]:
    below: dict[str, list[str]] = defaultdict(list)
    for post in chart.values():
        if post.above:
            below[post.above].append(post.id)
    return below


def _posted(chart: Mapping[str, Post]) -> bool:
    """Whether the boxes are posts, and not units."""
    return not next(iter(chart)).startswith(("unit:", "organization:"))


def _figures(chart: Mapping[str, Post], below: Mapping[str, list[str]]) -> None:
    posted = _posted(chart)
    spans = [len(ids) for ids in below.values()]
    vacant = [post for post in chart.values() if not post.holders]
    for column, (label, value) in zip(
        st.columns(4),
        (
            ("Positions" if posted else "Units", f"{len(chart):,}"),
            ("Vacant" if posted else "Without a head", f"{len(vacant):,}"),
            ("Levels", f"{max(post.depth for post in chart.values()) + 1}"),
            ("Widest span", f"{max(spans, default=0)} {'reports' if posted else 'units'}"),
        ),
        strict=True,
    ):
        column.metric(label, value, border=True)


def _kept(chart: Mapping[str, Post], below: Mapping[str, list[str]], top: str, deep: int, opened: Iterable[str]) -> dict[str, None]:
    """The posts that are drawn: so many levels from the top, and below each that was opened."""
    kept: dict[str, None] = {}
    wide = {*opened}
    line = [(id_, 0) for id_ in ([top] if top in chart else [post.id for post in chart.values() if not post.above])]
    while line:
        id_, depth = line.pop(0)
        if id_ in kept:
            continue
        kept[id_] = None
        own = below.get(id_, [])
        if id_ in wide or (depth + 1 < deep and len(kept) + len(line) + len(own) <= MOST):
            line += [(child, depth + 1) for child in own[: 2 * MOST]]
    return kept


def _to_vacancies(chart: Mapping[str, Post], kept: Mapping[str, None]) -> dict[str, None]:
    """The vacant ones of all the chart, and the line above each."""
    found: dict[str, None] = {}
    for post in chart.values():
        at = post if not post.holders else None
        while at and at.id not in found:
            found[at.id] = None
            at = chart.get(at.above)
    return found or dict(kept)


@fragment
def _draw(seat: Seat, chart: Mapping[str, Post], below: Mapping[str, list[str]], kept: Mapping[str, None]) -> None:
    empty, alarm = ("vacant", pictures.FRESH["overdue"]) if _posted(chart) else ("no head on file", pictures.NOTHING)
    colours = {"held": pictures.PALETTE[0], empty: alarm, "several holders": pictures.PALETTE[3]}
    nodes: list[dict[str, Any]] = []
    for id_ in kept:
        post = chart[id_]
        state = empty if not post.holders else "held" if len(post.holders) == 1 else "several holders"
        folded = sum(child not in kept for child in below.get(id_, ()))
        who = ", ".join(post.holders[:2]) + (f" +{len(post.holders) - 2}" if len(post.holders) > 2 else "") if post.holders else empty
        name = post.name if post.holders == (post.name,) else f"{pictures.short(post.name, 30)}\n{pictures.short(who, 30)}"
        nodes.append({"id": id_, "kind": "Position", "name": name, "color": colours[state]} | ({"more": folded} if folded else {}))
    edges = [pictures.edge(chart[id_].above, "leads", id_) for id_ in kept if chart[id_].above in kept]
    edges += [pictures.edge(other, "second line", id_, "second line") for id_ in kept for other in chart[id_].beside if other in kept]
    left, right = st.columns([5, 2])
    with left:
        seen = graph_view(nodes, edges, key="chart", layout="tree", height=560, on_gesture=_opened)
        legend(colours)
        st.caption("A dotted ring: posts below are folded; double-click, or E, opens them.")
    with right:
        if seen.selected and seen.selected[0] in chart:
            details(seat, seen.selected[0])
            if st.button("See it in the graph", key="to-graph"):
                visit("graph", entity=seen.selected[0])
        else:
            _spans(chart, below)
    names = seat.names({unit for post in chart.values() for unit in post.units})
    table([_row(chart, below, id_, names) for id_ in chart], "positions")


def _opened(name: str, id_: str) -> None:
    opened = st.query_params.get_all("open")
    st.query_params["open"] = [*opened, id_] if name == "expand" else [one for one in opened if one != id_]


def _row(chart: Mapping[str, Post], below: Mapping[str, list[str]], id_: str, names: Mapping[str, str]) -> dict[str, Any]:
    post = chart[id_]
    return {
        "position": post.name,
        "held by": ", ".join(post.holders) or ("vacant" if _posted(chart) else ""),
        "reports to": chart[post.above].name if post.above else "",
        "also to": ", ".join(chart[one].name for one in post.beside),
        "reports": len(below.get(id_, ())),
        "unit": ", ".join(names.get(unit, unit) for unit in post.units),
        "level": post.depth + 1,
        "id": id_,
    }


def _spans(posts_: Mapping[str, Post], below: Mapping[str, list[str]]) -> None:
    """How many report to one, over all who lead."""
    spans = Counter(len(ids) for ids in below.values())
    if not spans:
        return
    widest = max(below, key=lambda id_: len(below[id_]))
    rows = [{"reports": size, "leaders": count} for size, count in sorted(spans.items())]
    bars = alt.Chart(alt.Data(values=rows)).mark_bar(color=pictures.PALETTE[0]).encode(  # pyright: ignore[reportUnknownVariableType]  # altair's own
        alt.X("reports:O", title="how many stand below one", axis=alt.Axis(labelAngle=0)), alt.Y("leaders:Q", title="leaders", axis=alt.Axis(tickMinStep=1))
    )  # fmt: skip
    said = f"{sum(spans.values()):,} have others below them; the widest span is {len(below[widest])}: {posts_[widest].name}."
    chart("How wide the spans are", bars, said, rows, height=220)
