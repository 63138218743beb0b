"""The first load takes most claims as they come, and must come to what looking at each of them comes to."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st
from reference_store import Memory, ReferenceStore

from graph import ContextGraph, Entity, Fact, LoadReport, Origin, Part, Properties, Reading, Relation, SourceTerms, load_ontology
from graph.model import Filter
from graph.stores import open_store
from graph.stores.base import Store

ONTOLOGY = load_ontology([])
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
PEOPLE = ("person:a", "person:b", "person:c", "person:d")
POSTS = ("position:x", "position:y")
IDS = st.sampled_from(PEOPLE + POSTS)


def _entity(id_: str, name: str, mail: str, number: str, line: int) -> Fact:
    kind = "Person" if id_.startswith("person") else "Position"
    keys = {"email": mail, "employee_number": number} if kind == "Person" else {"description": mail}
    properties: Properties = {key: value for key, value in keys.items() if value}
    return Entity(id=id_, kind=kind, name=name, properties=properties, origins=(Origin(locator=f"in.csv:{line}"),))


def _relation(source: str, kind: str, target: str, note: str, line: int) -> Fact:
    return Relation(
        source=source, kind=kind, target=target, properties={"note": note} if note else {}, origins=(Origin(locator=f"in.csv:{line}"),)
    )


LINES = st.integers(1, 9)
ENTITIES = st.builds(
    _entity, IDS, st.sampled_from(("Ann", "Ben", "")), st.sampled_from(("", "a@x", "b@x")), st.sampled_from(("", "1", "2")), LINES
)
KINDS = st.sampled_from(("reports_to", "holds", "knows_of", "depends_on", "owned_by"))
RELATIONS = st.builds(_relation, IDS, KINDS, IDS, st.sampled_from(("", "n", "m")), LINES)
PARTS = st.lists(st.one_of(ENTITIES, RELATIONS), max_size=14)
SOURCES = st.lists(st.lists(PARTS, min_size=1, max_size=2), min_size=1, max_size=3)
ALIASES = st.dictionaries(st.sampled_from(("person:d", "person:ghost")), st.sampled_from(("person:a", "position:x")), max_size=1)


def _load(store: Store, sources: Sequence[Sequence[Sequence[Fact]]], aliases: dict[str, str]) -> tuple[LoadReport, list[object]]:
    context = ContextGraph(store, ontology=ONTOLOGY, aliases=aliases, now=lambda: NOW)
    readings = [
        Reading(
            SourceTerms(name=f"source{number}", precedence=number % 2),
            [Part(f"part{place}.csv", f"sha256:{place}", facts) for place, facts in enumerate(parts)],
        )
        for number, parts in enumerate(sources)
    ]
    report = context.load(readings, actor="person:a", keep_going=True)
    everything = Filter()
    head = store.head()
    return report.model_copy(update={"sources": ()}), [
        head,
        list(store.entities(everything)),
        list(store.relations(everything)),
        list(store.relations(everything, touching=PEOPLE)),
        list(store.claims()),
        store.kinds(),
        list(store.versions()),
    ]


@given(SOURCES, ALIASES)
def test_a_first_load_comes_to_what_merging_comes_to(sources: list[list[list[Fact]]], aliases: dict[str, str]) -> None:
    """Whoever shares an address, is said twice, is contested, points at nobody or goes by another name: the same rows, seal and findings."""
    expected = _load(ReferenceStore(Memory()), sources, aliases)
    with TemporaryDirectory() as folder, closing(open_store(f"sqlite:///{Path(folder) / 'x.db'}")) as store:
        assert _load(store, sources, aliases) == expected


def test_a_second_load_goes_on_from_the_first(tmp_path: Path) -> None:
    """What the first took as it came is withdrawn and changed like everything else."""
    first = [[[_entity("person:a", "Ann", "a@x", "", 1), _relation("person:a", "reports_to", "position:x", "", 2)]]]
    then = [[[_entity("person:a", "Anna", "a@x", "", 1), _relation("person:a", "reports_to", "position:y", "", 2)]]]
    told: list[object] = []
    for name in ("reference", "sqlite"):
        store: Store = ReferenceStore(Memory()) if name == "reference" else open_store(f"sqlite:///{tmp_path / 'x.db'}")
        with closing(store):
            context = ContextGraph(store, ontology=ONTOLOGY, now=lambda: NOW)
            for number, parts in enumerate((first, then)):
                reading = Reading(SourceTerms(name="hr"), [Part("in.csv", f"sha256:{number}", parts[0][0])])
                context.load([reading], actor="person:a")
            told.append((list(store.versions()), list(store.claims()), [one.digest for one in store.revisions()]))
    assert told[0] == told[1]
