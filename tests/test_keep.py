"""Keeping a graph: the past told, named, undone and given up; the chain of digests; whole stores carried elsewhere. On every store."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from company import ALL, ANALYST, FLOW, NOW, PEOPLE, company, reading, thing
from engines import Place, place
from rows import EVERYTHING, claim, entity, relation, revise, revision

from graph import ContextGraph, Event, Fact, Filter, InputError, NotAllowed, NotFound, Policy, Revision, StoreError, UnreadableSource
from graph.chain import COMPACTED, compaction, seal, term, verify
from graph.portable import backup, copy, restore
from graph.stores.base import EntityRow, Store, Version

NOBODY = Policy.model_validate({"roles": {}, "actors": {}})
MOVED = [one for one in PEOPLE if getattr(one, "id", "") != "person:cy" and getattr(one, "source", "") != "person:cy"]
PROMOTED: list[Fact] = [thing("Person", "person:ann", "Ann Ashby", title="Finance Chief"), *MOVED[1:]]


def years(store: Store, *more: list[Fact]) -> ContextGraph:
    """A company whose file says something else three times."""
    context = company(store, PEOPLE)
    for number, facts in enumerate(more or (PROMOTED, PROMOTED + FLOW)):
        later = NOW + timedelta(days=7 * (number + 1))
        context.now = lambda later=later: later
        context.load([reading("main", facts, digest=f"sha256:{number}")], actor="person:tester")
    return context


# the verbs of a store


def test_claims_that_began_or_ended_are_told(store: Store) -> None:
    """Each with the revision in which it ended, as far as that is known then."""
    one, other = claim("person:ann"), claim("person:ben")
    revise(store, claims=[one, other])
    with store.draft() as draft:
        assert draft.drop([one, claim("person:nobody")]) == 1
        assert list(draft.touched_entities(10)) == [["person:ann"]]
        draft.stage([claim("person:cy")])
        draft.publish(revision(draft.number))
    told = sorted((made.claim.subject, made.claim.revision, made.until) for made in store.claimed())
    assert told == [("person:ann", 1, 2), ("person:ben", 1, 0), ("person:cy", 2, 0)]
    assert sorted(made.until for made in store.claimed(upto=1)) == [0, 0]
    assert sorted(made.claim.subject for made in store.claimed(after=1)) == ["person:ann", "person:cy"]
    assert [made.subject for made in store.claims()] == ["person:ben", "person:cy"]


def test_a_claim_that_was_staged_is_not_dropped(store: Store) -> None:
    """What a draft says is said."""
    revise(store, claims=[claim("person:ann")])
    with store.draft() as draft:
        draft.stage([claim("person:ann")])
        assert draft.drop([claim("person:ann")]) == 0


def test_the_kinds_of_relations_are_told_by_number(store: Store) -> None:
    """In the order in which they were first put, also where none is left."""
    revise(
        store,
        entity("person:ann"),
        entity("unit:hr"),
        relation("person:ann", "works_in", "unit:hr"),
        relation("person:ann", "heads", "unit:hr"),
    )
    revise(store, relation("person:ann", "advises", "unit:hr"), close=[("person:ann", "works_in", "unit:hr")])
    assert store.kinds() == ["heads", "works_in", "advises"]


def test_only_what_nobody_promised_is_forgotten(store: Store) -> None:
    """What a kept revision or a later one saw stays, word for word, and is found as before."""
    ann = [entity("person:ann", f"Ann {name}") for name in ("Ashby", "Birch", "Cole", "Dale")]
    for row in ann:
        revise(
            store,
            row,
            entity("unit:hr"),
            relation("person:ann", "heads", "unit:hr", properties={"as": row.name}),
            claims=[claim("person:ann", name=row.name)],
        )
    with store.draft() as draft:
        draft.forget(4, [2])
        draft.publish(revision(draft.number))
    assert [one.row.name for one in store.versions("person:ann") if isinstance(one.row, EntityRow)] == ["Ann Birch", "Ann Dale"]
    assert [row.name for row in store.entities(EVERYTHING, ids=["person:ann"], at=2)] == ["Ann Birch"]
    assert [row.id for row in store.search("birch", EVERYTHING, limit=5, at=2)] == ["person:ann"]
    assert [row.properties for row in store.relations(EVERYTHING, at=2)] == ['{"as":"Ann Birch"}']
    assert [row.properties for row in store.relations(EVERYTHING)] == ['{"as":"Ann Dale"}']
    assert sorted(made.claim.name for made in store.claimed()) == ["Ann Ashby", "Ann Birch", "Ann Cole", "Ann Dale"]  # all live still


# the past


def test_the_history_of_one_thing(store: Store) -> None:
    """Every revision that changed it or a relation of it, newest first, with the values before and after."""
    context = years(store)
    found = context.happened("person:ann", actor=ANALYST)
    assert [(one.revision, one.change, one.key, one.values) for one in found] == [
        (2, "changed", "person:ann", {"title": ("Controller", "Finance Chief")}),
        (1, "added", "person:ann", {}),
        (1, "added", "person:ann holds position:cfo", {}),
    ]
    assert [(one.revision, one.change) for one in context.happened("person:cy", actor=ANALYST, at=1) if one.what == "entity"] == [
        (1, "added")
    ]
    gone = context.happened("person:cy", actor=ANALYST)
    assert [(one.revision, one.change) for one in gone if one.what == "entity"] == [(2, "withdrawn"), (1, "added")]
    assert [one.key for one in context.happened("person:ann holds position:cfo", actor=ANALYST)] == ["person:ann holds position:cfo"]


def test_whoever_may_not_see_a_thing_is_told_no_history(store: Store) -> None:
    """A hidden thing and a missing one look the same."""
    context = years(store)
    blind = ContextGraph(store, ontology=context.ontology, access=NOBODY, now=context.now)
    said: list[str] = []
    for id_ in ("person:ann", "person:zed"):
        with pytest.raises(NotFound) as error:
            blind.happened(id_, actor=NOBODY.actor("agent:x"))
        said.append(str(error.value).replace(id_, "it"))
    assert said[0] == said[1]
    assert blind.diff(1, 3, actor=NOBODY.actor("agent:x")) == []


def test_a_diff_of_one_thing_one_source_one_owner(store: Store) -> None:
    """The same differences, and of them only those that were asked for."""
    context = years(store)
    all_of = context.compare(1, 3, actor=ANALYST).differences
    about = context.compare(1, 3, actor=ANALYST, about="person:cy").differences
    assert [one.key for one in about] == [one.key for one in all_of if "person:cy" in one.key]
    assert context.compare(1, 3, actor=ANALYST, source="main").differences == all_of
    assert context.compare(1, 3, actor=ANALYST, source="other").differences == ()
    assert context.compare(1, 3, actor=ANALYST, owner="position:nobody").differences == ()


def test_a_revision_has_a_name_for_ever(store: Store) -> None:
    """A tag is asked for as a number is; it is given once, and by those who see everything."""
    context = years(store)
    assert context.tag("2026-q4-close", 1, actor=ANALYST).revision == 1
    assert context.view(ANALYST, at="2026-q4-close").stamp == context.view(ANALYST, at=1).stamp
    assert [(one.name, one.revision) for one in context.tags()] == [("2026-q4-close", 1)]
    with pytest.raises(InputError, match="names revision 1"):
        context.tag("2026-q4-close", 2, actor=ANALYST)
    for name in ("17", "2026-11-23", "two words", ""):
        with pytest.raises(InputError, match="cannot name a revision"):
            context.tag(name, 1, actor=ANALYST)
    blind = ContextGraph(store, ontology=context.ontology, access=NOBODY, now=context.now)
    with pytest.raises(NotAllowed):
        blind.tag("mine", 1, actor=NOBODY.actor("agent:x"))


def test_a_reverted_revision_is_undone_by_a_new_one(store: Store) -> None:
    """What later ones changed stays; a load of the same files leaves it undone; and it can be undone in turn."""
    context = years(store)
    before = context.stats(actor=ANALYST)
    assert context.revert(2, actor=ANALYST).revision == 4
    assert context.show("person:ann", actor=ANALYST).item.row.properties == '{"title":"Controller"}'
    assert context.show("person:cy", actor=ANALYST).item.row.name == "Cy Cole"
    assert context.show("process:buy", actor=ANALYST).item.row.name == "Purchase of goods"
    assert context.revert(4, actor=ANALYST).revision == 5
    assert context.stats(actor=ANALYST) == before
    assert context.revert(5, actor=ANALYST).revision == 6
    assert verify(store).findings == ()


def test_a_compaction_changes_no_answer_that_is_promised(store: Store) -> None:
    """Kept revisions answer as before, others are refused in words, and the chain still verifies."""
    context = years(store, [thing("Person", "person:ann", "Ann Ashby", title="Interim"), *PROMOTED[1:]], PROMOTED + FLOW)
    context.tag("first", 1, actor=ANALYST)
    asked = ("first", 3, None)
    before = [[*context.store.entities(Filter(), at=context.view(ANALYST, at=at).at)] for at in asked]
    done = context.compact(3, actor=ANALYST)
    assert (done.revision, done.kept, done.before) == (4, (1,), 3)
    assert [[*context.store.entities(Filter(), at=context.view(ANALYST, at=at).at)] for at in asked] == before
    with pytest.raises(NotFound, match="revision 2 was given up"):
        context.view(ANALYST, at=2)
    assert verify(store).findings == ()
    assert context.compact(3, actor=ANALYST).facts == 0
    context.load([reading("main", ALL, digest="sha256:9")], actor="person:tester")
    assert context.compact(5, actor=ANALYST).facts > 0
    assert verify(store).findings == ()
    assert [one.key for one in context.happened("person:ann", actor=ANALYST) if one.what == "entity"]


def test_what_ended_where_a_compaction_begins_is_sealed(store: Store) -> None:
    """Who left in the first revision that is kept: the chain holds, also after the next compaction."""
    context = years(store, [*PEOPLE, thing("Person", "person:dee", "Dee")], MOVED, PROMOTED)
    for before in (3, 4):
        assert context.compact(before, actor=ANALYST).facts > 0
        assert verify(store).findings == ()


def test_what_a_dead_writer_left_of_a_compaction_breaks_nothing(store: Store) -> None:
    """A compaction that is published and whose rows are all there still: the chain holds, and goes on to hold after the next."""
    context = years(store, PROMOTED, PEOPLE)
    with store.draft() as draft:
        note = compaction(store, 2, []).note
        draft.note(f"{COMPACTED}{draft.number}", note)
        last = store.head()
        assert last
        plain = Revision(number=draft.number, at=context.now(), actor="person:tester", message="compact before revision 2")
        draft.publish(seal(plain, term(note), last.digest))
    assert verify(store).findings == ()
    assert context.compact(3, actor=ANALYST).facts > 0
    assert verify(store).findings == ()


# carried elsewhere


@pytest.fixture
def another(connect: Place, tmp_path: Path) -> Iterator[Store]:
    """A second, empty store of the same engine."""
    engine = connect.address.partition(":")[0].replace("bolt", "neo4j") or "reference"
    with place(engine, tmp_path) as second:
        yield second()


def test_a_copy_holds_all_there_is(connect: Place, another: Store, tmp_path: Path) -> None:
    """Into an embedded store, from there into an empty one of the first engine: equal digests, states, claims, notes, events, kinds."""
    store = connect()
    context = years(store)
    context.tag("first", 1, actor=ANALYST)
    context.compact(2, actor=ANALYST)
    context.record(Event(at=NOW, actor="person:ann", operation="find"))
    with place("sqlite", tmp_path) as between:
        copy(store, between())
        copy(between(), another)
        for one in (between(), another):
            _same(store, one)
            assert verify(one).findings == ()


def test_a_copy_goes_on_where_it_was_left(connect: Place, another: Store, tmp_path: Path) -> None:
    """The first revisions are there: only the rest is told; a store of another past is refused."""
    store, context = connect(), years(connect(), PROMOTED)
    assert copy(store, another).revisions == 2
    context.load([reading("main", ALL, digest="sha256:7")], actor="person:tester")
    context.record(Event(at=NOW, actor="person:ann", operation="find"))
    assert copy(store, another).revisions == 1
    assert copy(store, another).revisions == 0
    _same(store, another)
    with place("sqlite", tmp_path) as elsewhere:
        company(elsewhere(), FLOW)
        with pytest.raises(InputError, match="another graph"):
            copy(store, elsewhere())


def test_a_backup_brings_everything_back(connect: Place, another: Store, tmp_path: Path) -> None:
    """Two backups of one state are the same bytes; what is cut off or changed is refused before anything is written."""
    store, context = connect(), years(connect())
    files = [tmp_path / name for name in ("one.gz", "two.gz")]
    for file in files:
        backup(store, file)
    assert files[0].read_bytes() == files[1].read_bytes()
    whole = files[0].read_bytes()
    broken = tmp_path / "broken.gz"
    text = gzip.decompress(whole)
    for wrong in (whole[:-40], gzip.compress(text.replace(b"Ann Ashby", b"Ann Other", 1)), b"nothing", gzip.compress(b'["other",1]\n')):
        broken.write_bytes(wrong)
        with pytest.raises(UnreadableSource, match=r"broken\.gz"):
            restore(broken, another)
        assert another.head() is None
    restore(files[0], another)
    _same(store, another)
    assert restore(files[0], another).revisions == 0
    broken.write_bytes(gzip.compress(b'["orgcontext-backup",99]\n'))
    with pytest.raises(StoreError, match="newer"):
        restore(broken, another)
    context.load([reading("main", ALL, digest="sha256:7")], actor="person:tester")
    with pytest.raises(InputError, match="another graph"):
        restore(files[0], store)


def _same(store: Store, other: Store) -> None:
    assert list(other.revisions()) == list(store.revisions())
    assert list(other.versions()) == list(store.versions())
    assert sorted(other.claimed(), key=repr) == sorted(store.claimed(), key=repr)
    assert (other.notes(), other.kinds()) == (store.notes(), store.kinds())
    assert list(other.events()) == list(store.events())
    for number in (1, 3, None):
        assert list(other.relations(EVERYTHING, at=number)) == list(store.relations(EVERYTHING, at=number))


# changed behind the system's back


def test_what_the_claims_say_is_what_is_stored(store: Store) -> None:
    """Nothing was changed: nothing is found, whatever was merged, closed and put again."""
    context = years(store, [*PEOPLE, thing("Person", "person:ann2", "Ann A.", email="a@x.example")], ALL)
    assert context.damage(actor=ANALYST).findings == ()
    assert context.verified(actor=ANALYST).findings == ()


def test_what_was_changed_is_restored(store: Store) -> None:
    """A row of another content, one that is gone and one too many are named and put right, in the revisions where they began."""
    context = years(store)
    before, sealed = list(store.versions()), context.verified(actor=ANALYST)
    held = {row.id: row for row in store.entities(EVERYTHING)}
    ann = held["person:ann"]._replace(properties='{"title":"Queen"}')
    store.mend(
        [Version(ann, 2, 0), Version(entity("person:evil", "Eve"), 1, 0)], ["unit:sales", ("person:ben", "holds", "position:counsel")]
    )
    assert {one.check for one in context.verified(actor=ANALYST).findings} >= {"row_changed", "revision_changed"}
    found = context.mend(actor=ANALYST)
    assert sorted({one.subject for one in found.findings}) == [
        "person:ann",
        "person:ben holds position:counsel",
        "person:evil",
        "unit:sales",
    ]
    assert sorted(store.versions(), key=repr) == sorted(before, key=repr)
    assert context.verified(actor=ANALYST) == sealed
    assert context.damage(actor=ANALYST).findings == ()
    assert store.search("sales", EVERYTHING, limit=5)[0].id == "unit:sales"
    assert list(store.relations(EVERYTHING, touching=["person:ben"], at=1)) == list(store.relations(EVERYTHING, touching=["person:ben"]))
