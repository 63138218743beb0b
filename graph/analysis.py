"""Questions about the shape of the graph, one function each, over NetworkX; what a relation carries is said by the ontology."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# NetworkX's stubs leave most returned values open

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from graph.model import Value
from graph.ontology import Ontology
from graph.stores.base import EntityRow, RelationRow

if TYPE_CHECKING:
    import networkx as nx


class Reached(Value):
    """One thing that a change reaches: how many steps away, and the relations on a shortest way, from the changed thing on."""

    id: str
    kind: str
    name: str
    distance: int
    path: tuple[tuple[str, str, str], ...]


class Impact(Value):
    """What a change or the loss of `subject` reaches, nearest first, and how many of each kind."""

    subject: str
    reached: tuple[Reached, ...]
    kinds: dict[str, int]


def impact(subject: str, entities: Mapping[str, EntityRow], relations: Sequence[RelationRow], *, ontology: Ontology) -> Impact:
    """Everything that a change of this thing reaches: along each relation towards the end that the ontology says it affects."""
    import networkx as nx

    digraph = consequences(entities, relations, ontology)
    found = nx.single_source_shortest_path(digraph, subject)
    reached = [
        Reached(
            id=id_,
            kind=entities[id_].kind,
            name=entities[id_].name,
            distance=len(path) - 1,
            path=tuple(digraph.edges[one, other]["step"] for one, other in pairwise(path)),
        )
        for id_, path in found.items()
        if id_ != subject
    ]
    reached.sort(key=lambda one: (one.distance, one.kind, one.id))
    kinds: dict[str, int] = {}
    for one in reached:
        kinds[one.kind] = kinds.get(one.kind, 0) + 1
    return Impact(subject=subject, reached=tuple(reached), kinds=dict(sorted(kinds.items())))


def consequences(entities: Mapping[str, EntityRow], relations: Sequence[RelationRow], ontology: Ontology) -> nx.DiGraph[str]:
    """The graph of what affects what: an arrow from a thing to each thing that its change reaches at once."""
    import networkx as nx

    digraph: nx.DiGraph[str] = nx.DiGraph()
    digraph.add_nodes_from(sorted(entities))
    for row in sorted(relations, key=lambda one: (one.source, one.kind, one.target)):
        affected = ontology.relations[row.kind].affects
        if affected in ("source", "both"):
            digraph.add_edge(row.target, row.source, step=(row.source, row.kind, row.target))
        if affected in ("target", "both"):
            digraph.add_edge(row.source, row.target, step=(row.source, row.kind, row.target))
    return digraph


ANALYSES = {"impact": impact}
