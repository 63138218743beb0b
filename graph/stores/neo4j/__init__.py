"""The server store: a Neo4j database (5.23 or later, Community too), in which people can use Cypher, Browser and Bloom on the current graph.

The current graph is native: `(:Entity:Person {id, name, …})-[:reports_to]->(:Entity:Position)`. All else stands aside under labels that
begin with `OrgContext`: claims, closed states, relations that wait for an end, revisions, notes, events. Every node of ours carries
`_graph`, the graph's name, so that several graphs and foreign data live in one database; what lacks it is never read or changed.

Neo4j commits no more than its heap holds, and shows a commit to readers piece by piece, even the properties of one node. So the state of a
graph is one number (`TURN * turn + revision`), and a reader takes an answer only if that number stood still meanwhile. A publish goes in
steps, each committed before the next begins: copies of all that will change; the same marked (`_since` + `MARK`, which no revision
reaches); an odd turn; the native changes; the new number with an even turn. While the turn is odd, readers read the older revision from the
native facts without a mark and the copies, and wait for nobody. What a dead writer left is undone from the same copies by the next draft.
"""

from __future__ import annotations

from graph.stores.neo4j.store import Neo4jStore, connect

__all__ = ["Neo4jStore", "connect"]
