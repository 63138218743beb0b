"""Which steps of a flow a request comes to, and in which order: conditions of three values over a directed graph that may go round."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple


class Ruling(NamedTuple):
    """Whether something holds (None: cannot be said), in words, and the inputs that are lacking for it."""

    holds: bool | None
    because: str = ""
    missing: tuple[str, ...] = ()


class Edge(NamedTuple):
    """A way from one node to the next, and whether it is taken."""

    source: str
    target: str
    ruling: Ruling


class Flow(NamedTuple):
    """For each node whether the request comes to it, and its stage: how many nodes must come before it on the longest way."""

    reached: Mapping[str, Ruling]
    stages: Mapping[str, int]


def both(values: Iterable[bool | None]) -> bool | None:
    """Conjunction of three values."""
    found = set(values)
    return False if False in found else None if None in found else True


def either(values: Iterable[bool | None]) -> bool | None:
    """Disjunction of three values."""
    found = set(values)
    return True if True in found else None if None in found else False


def flow(nodes: Sequence[str], edges: Iterable[Edge], exceptional: Mapping[str, str]) -> Flow:
    """The flow over these nodes, which begins wherever nothing comes before; `exceptional` nodes begin only if what is said of them happens."""
    into: dict[str, list[Edge]] = defaultdict(list)
    out: dict[str, list[Edge]] = defaultdict(list)
    there = set(nodes)
    for edge in edges:
        if edge.source != edge.target and {edge.source, edge.target} <= there:
            into[edge.target].append(edge)
            out[edge.source].append(edge)
    reached = _reached(nodes, into, out, exceptional)
    return Flow(reached, _stages(nodes, into, out))


def _reached(
    nodes: Sequence[str], into: Mapping[str, list[Edge]], out: Mapping[str, list[Edge]], exceptional: Mapping[str, str]
) -> dict[str, Ruling]:
    """Spread from the beginnings; a node is looked at again only when something before it rose (no, unsure, yes), so that circles end."""
    starts = dict.fromkeys([node for node in nodes if not into.get(node) and node not in exceptional] or nodes)
    state: dict[str, bool | None] = {node: node in starts for node in nodes}
    waiting = list(starts)
    while waiting:
        node = waiting.pop()
        for edge in out.get(node, ()):
            risen = either((state[edge.target], both((state[node], edge.ruling.holds))))
            if risen != state[edge.target]:
                state[edge.target] = risen
                waiting.append(edge.target)
    return {node: _led(node, state, into) if state[node] else _why(node, state, into, exceptional) for node in nodes}


def _led(node: str, state: Mapping[str, bool | None], into: Mapping[str, list[Edge]]) -> Ruling:
    """That a request comes to a node, and the conditions right before it that led there."""
    words = (edge.ruling.because for edge in into.get(node, ()) if state[edge.source] and edge.ruling.holds)
    return Ruling(True, "; ".join(dict.fromkeys(filter(None, words))))


def _why(node: str, state: Mapping[str, bool | None], into: Mapping[str, list[Edge]], exceptional: Mapping[str, str]) -> Ruling:
    """What keeps a request from a node: the nearest conditions before it that do not hold, or cannot be said to."""
    words: dict[str, None] = {}
    missing: dict[str, None] = {}
    waiting, seen = [node], {node}
    while waiting:
        one = waiting.pop()
        if one in exceptional:
            words.setdefault(exceptional[one])
        for edge in into.get(one, ()):
            if edge.ruling.holds is not True:
                words.setdefault(edge.ruling.because)
                missing |= dict.fromkeys(edge.ruling.missing)
            elif edge.source not in seen:
                seen.add(edge.source)
                waiting.append(edge.source)
    return Ruling(state[node], "; ".join(filter(None, words)) or "the flow takes another way", tuple(missing))


def _stages(nodes: Sequence[str], into: Mapping[str, list[Edge]], out: Mapping[str, list[Edge]]) -> dict[str, int]:
    """The longest way to each node over edges that lead forward; one that leads back to a node still open is passed over."""
    order = _forward([node for node in nodes if not into.get(node)] + list(nodes), out)
    place = {node: number for number, node in enumerate(order)}
    stages = dict.fromkeys(nodes, 0)
    for node in order:
        for edge in out.get(node, ()):
            if place[edge.target] > place[node]:
                stages[edge.target] = max(stages[edge.target], stages[node] + 1)
    return stages


def _forward(starts: Iterable[str], out: Mapping[str, list[Edge]]) -> list[str]:
    """The nodes so that each stands before those that follow it, save where work flows back (depth first, without recursion)."""
    done: dict[str, None] = {}
    open_: set[str] = set()
    for start in starts:
        stack = [(start, False)]
        while stack:
            node, left = stack.pop()
            if left:
                done.setdefault(node)
            elif node not in open_:
                open_.add(node)
                stack.append((node, True))
                stack += [(edge.target, False) for edge in out.get(node, ())]
    return list(done)[::-1]
