"""Answers as pictures: pure functions from the JSON of an answer to nodes and edges with their colours, tested without a screen."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from app.explorer.manners import STATES, titled, words

Node = dict[str, Any]
PALETTE = (
    "#4C78A8", "#F58518", "#54A24B", "#B279A2", "#E0AC2B", "#2FA3A0", "#E45756", "#9D755D", "#7A5CC2", "#8C8C8C",
    "#3C8D5A", "#D67195", "#6B8E23", "#C26A2D", "#5B8FD6", "#A0792C", "#AF4F4F", "#4F7F7A", "#8E6FA8", "#6F7C8A",
    "#1F6F8B", "#00897B", "#2E7D32", "#8E44AD", "#C9A227", "#B8336A", "#556B2F", "#34699A", "#A44A3F", "#5D5D8A",
)  # fmt: skip
FRESH = {"current": "#3C8D5A", "due": "#E0AC2B", "overdue": "#D64545", "unverified": "#8C8C8C"}
SENSITIVE = {"public": "#8FB8DE", "internal": "#4C78A8", "confidential": "#C26A2D", "restricted": "#B03A48"}
NOTHING = "#8C8C8C"
COLOURS = ("kind", "freshness", "function", "sensitivity")


class Picture(NamedTuple):
    """What is drawn, with the meaning of its colours."""

    nodes: list[Node]
    edges: list[dict[str, Any]]
    legend: dict[str, str]


class Wanted(NamedTuple):
    """Which things are to be drawn; an empty set stands for all."""

    kinds: frozenset[str] = frozenset()
    functions: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()
    states: frozenset[str] = frozenset()
    levels: frozenset[str] = frozenset()

    def fits(self, entity: Mapping[str, Any], ties: Mapping[str, Sequence[str]]) -> bool:
        """Whether a thing passes all of them."""
        return (
            (not self.kinds or entity["kind"] in self.kinds)
            and (not self.functions or bool(self.functions & {*ties.get("functions", ())}))
            and (not self.owners or entity["freshness"]["owner"] in self.owners)
            and (not self.states or entity["freshness"]["state"] in self.states)
            and (not self.levels or entity.get("sensitivity", "") in self.levels)
        )


def palette(names: Iterable[str]) -> dict[str, str]:
    """A colour for each of these, the same wherever the same names are."""
    return {name: PALETTE[place % len(PALETTE)] for place, name in enumerate(sorted(set(names)))}


ALL = Wanted()


def drawn(answer: Mapping[str, Any], *, colour: str = "kind", kinds: Collection[str] = (), wanted: Wanted = ALL) -> Picture:
    """The picture of what stands around a thing (`around`), the focus always in it; `kinds` are all that there are, for steady colours."""
    ties = answer["ties"]
    entities = [one for one in answer["entities"] if one["id"] == answer["focus"] or wanted.fits(one, ties.get(one["id"], {}))]
    there = {one["id"] for one in entities}
    value, colours = _coloured(colour, answer, kinds or {one["kind"] for one in entities})
    near = _beside(answer["relations"], [one["id"] for one in answer["entities"]])
    nodes = [_node(one, colours.get(value(one), NOTHING), answer["more"].get(one["id"], {}), near.get(one["id"], "")) for one in entities]
    edges = [edge(one["source"], one["kind"], one["target"]) for one in answer["relations"] if {one["source"], one["target"]} <= there]
    grouped = [one for one in answer["groups"] if one["hub"] in there and (not wanted.kinds or one["kind"] in wanted.kinds)]
    names = answer["names"]
    nodes += [_group(one, names, colours.get(one["kind"], NOTHING)) for one in grouped]
    edges += [edge(one["hub"], one["relation"], _group_id(one)) for one in grouped]
    used = dict.fromkeys(sorted({value(one) for one in entities} | ({one["kind"] for one in grouped} if colour == "kind" else set())))
    called = {name: titled(name) if colour == "kind" else str(names.get(name, name)) for name in used}
    legend = {called[name] or "none": colours.get(name, NOTHING) for name in used}
    return Picture(nodes, edges, legend)


def _coloured(colour: str, answer: Mapping[str, Any], kinds: Collection[str]) -> tuple[Callable[[Mapping[str, Any]], str], dict[str, str]]:
    """By what a thing gets its colour, and the colours."""
    if colour == "freshness":
        return lambda one: one["freshness"]["state"], FRESH
    if colour == "sensitivity":
        return lambda one: one.get("sensitivity", ""), SENSITIVE
    if colour == "function":
        ties = answer["ties"]
        own = {one["id"]: (ties.get(one["id"], {}).get("functions") or [""])[0] for one in answer["entities"]}
        return lambda one: own[one["id"]], palette(name for name in own.values() if name)
    return lambda one: one["kind"], palette(kinds)


def _node(entity: Mapping[str, Any], colour: str, more: Mapping[str, int], near: str) -> Node:
    node: Node = {"id": entity["id"], "kind": entity["kind"], "name": short(entity["name"] or entity["id"]), "color": colour}
    node["state"] = entity["freshness"]["state"]
    if more:
        node["more"] = sum(more.values())
    return node | ({"near": near} if near else {})


def _group_id(group: Mapping[str, Any]) -> str:
    return f"group {group['hub']} {group['relation']} {group['kind']} {group['unit']}"


def group_of(id_: str) -> tuple[str, str, str]:
    """The hub, the relation and the unit of a group in a picture."""
    _, hub, relation, _, unit = id_.split(" ", 4)
    return hub, relation, unit


def _group(group: Mapping[str, Any], names: Mapping[str, str], colour: str) -> Node:
    unit = group["unit"]
    name = f"{group['count']:,} {titled(group['kind'])}" + (f"\n{short(names.get(unit, unit), 40)}" if unit else "")
    return {"id": _group_id(group), "kind": "Group", "name": name, "color": colour, "count": group["count"], "near": group["hub"]}


def _beside(relations: Iterable[Mapping[str, Any]], order: Sequence[str]) -> dict[str, str]:
    """For each thing one that was there before it: where it appears in the picture when it is new."""
    place = {id_: number for number, id_ in enumerate(order)}
    near: dict[str, str] = {}
    for one in relations:
        early, late = sorted((one["source"], one["target"]), key=lambda id_: place.get(id_, -1))
        near.setdefault(late, early)
    return near


def edge(source: str, kind: str, target: str, label: str = "") -> dict[str, Any]:
    """A relation as an edge; its key is its id."""
    return {"id": edge_id(source, kind, target), "source": source, "target": target, "kind": words(kind)} | (
        {"label": short(label)} if label else {}
    )


def edge_id(source: str, kind: str, target: str) -> str:
    """The id of the edge of a relation."""
    return f"{source} {kind} {target}"


def short(text: str, size: int = 60) -> str:
    """Text on one line, cut where it is too long for a picture."""
    line = " ".join(text.split())
    return line if len(line) <= size else f"{line[: size - 1]}…"


def rows(answer: Mapping[str, Any], ids: Collection[str]) -> list[dict[str, Any]]:
    """The same things as a table."""
    names, ties = answer["names"], answer["ties"]
    return [
        {
            "name": one["name"],
            "kind": titled(one["kind"]),
            "freshness": STATES.get(one["freshness"]["state"], one["freshness"]["state"]),
            "owner": names.get(one["freshness"]["owner"], one["freshness"]["owner"]) or "",
            "function": ", ".join(names.get(end, end) for end in ties.get(one["id"], {}).get("functions", ())),
            "sensitivity": one.get("sensitivity", ""),
            "more": sum(answer["more"].get(one["id"], {}).values()),
            "id": one["id"],
        }
        for one in answer["entities"]
        if one["id"] in ids
    ]


def chains(value: Any) -> list[tuple[str, str, str]]:
    """Every (source, relation, target) that stands anywhere in an answer: how a path or a route is lit up in a picture."""
    if isinstance(value, Mapping):
        parts: Mapping[str, Any] = value  # pyright: ignore[reportUnknownVariableType]  # parsed JSON
        if all(isinstance(parts.get(name), str) for name in ("source", "kind", "target")):
            return [(parts["source"], parts["kind"], parts["target"])]
        return [step for part in parts.values() for step in chains(part)]
    if isinstance(value, list):
        items: list[Any] = value  # pyright: ignore[reportUnknownVariableType]  # parsed JSON
        if len(items) == 3 and all(isinstance(one, str) for one in items) and ":" in items[0] and ":" in items[2]:
            return [(items[0], items[1], items[2])]
        return [step for part in items for step in chains(part)]
    return []
