"""What every store promises, sentence by sentence; the words are those of `graph/stores/base.py`, and no test here knows which store it has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise, product

import pytest
from engines import Place
from rows import EVERYTHING, claim, entity, ids, keys, relation, revise, revision

from graph import Conflict, ContextError, Event, Facet, Filter, InputError, Properties, StoreBusy, canonical
from graph.stores.base import Claim, EntityRow, Limit, RelationRow, Rule, Store, Tally, Walked, fold, passes, sources_of, words_of

FAR = Limit(hops=4, entities=99, relations=99)
ANN, BEN, CLEO = entity("person:ann", "Ann Ash"), entity("person:ben", "Ben Birch"), entity("person:cleo", "Cleo Cedar")


# an empty store


def test_an_empty_store_answers_every_question_with_nothing(store: Store) -> None:
    """Before the first revision there is no head, and every read is empty and raises nothing."""
    assert store.head() is None
    assert list(store.revisions()) == list(store.versions()) == list(store.claims()) == list(store.events()) == []
    assert list(store.entities(EVERYTHING)) == list(store.relations(EVERYTHING)) == store.search("ann", EVERYTHING, limit=5) == []
    assert store.walk(["person:ann"], [Rule("knows", outward=True, depth=2)], EVERYTHING, limit=FAR) == Walked([], [], [], cut=False)
    assert store.facets() == frozenset()
    assert store.resolve(["person:ann"], EVERYTHING) == store.notes() == {}
    assert store.tally(EVERYTHING) == Tally({}, {}, {})


# drafts


def test_what_a_draft_does_is_not_seen_before_it_is_published(store: Store, connect: Place) -> None:
    """Reads through a draft see its own writes; the store itself, and any other connection to it, see none of them until `publish`."""
    other = connect()
    with store.draft() as draft:
        draft.stage([claim("person:ann", same_as=["email ann@x.org"])])
        draft.put_entities([ANN, BEN])
        draft.put_relations([relation("person:ann", "knows", "person:ben")])
        draft.note("source:hr", "read")
        assert draft.entity_digests(["person:ann"]) == {"person:ann": ANN.digest}
        for reader in (store, other):
            assert reader.head() is None
            assert (
                list(reader.entities(EVERYTHING))
                == list(reader.relations(EVERYTHING))
                == list(reader.claims())
                == list(reader.versions())
                == []
            )
            assert reader.search("ann", EVERYTHING, limit=5) == []
            assert reader.notes() == {}
            assert reader.facets() == frozenset()
        draft.publish(revision(draft.number))
    for reader in (store, other):
        assert reader.head() == revision(1)
        assert ids(reader.entities(EVERYTHING)) == ["person:ann", "person:ben"]
        assert keys(reader.relations(EVERYTHING)) == [("person:ann", "knows", "person:ben")]
        assert reader.notes() == {"source:hr": "read"}
        assert len(list(reader.claims())) == 1


def test_a_draft_on_a_graph_hides_its_changes_from_readers_until_it_is_published(store: Store) -> None:
    """While a draft changes, closes and withdraws what is published, readers see it as it was."""
    knows = relation("person:ann", "knows", "person:ben")
    revise(store, ANN, BEN, knows, claims=[claim("person:ann"), claim("person:ben")])
    renamed = entity("person:ann", "Ann Oak")
    with store.draft() as draft:
        draft.withdraw("hr")
        draft.put_entities([renamed, CLEO])
        draft.close_entities(["person:ben"])
        draft.close_relations([("person:ann", "knows", "person:ben")])
        assert list(store.entities(EVERYTHING)) == [ANN, BEN]
        assert list(store.relations(EVERYTHING)) == [knows]
        assert len(list(store.claims())) == 2
        assert store.search("oak", EVERYTHING, limit=5) == []
        assert ids(store.search("ash", EVERYTHING, limit=5)) == ["person:ann"]
        draft.publish(revision(draft.number))
    assert list(store.entities(EVERYTHING)) == [renamed, CLEO]
    assert list(store.relations(EVERYTHING)) == list(store.claims()) == []


@pytest.mark.parametrize("dry", [False, True])
def test_leaving_without_publishing_undoes_everything(store: Store, *, dry: bool) -> None:
    """A draft that is left, dry or not, leaves nothing: no row, claim, note, number, facet or version."""
    revise(store, ANN, claims=[claim("person:ann")])
    with store.draft(dry=dry) as draft:
        assert draft.number == 2
        draft.stage([claim("person:ben")])
        draft.withdraw("hr", ["people.csv"])
        draft.put_entities([entity("unit:legal", kind="Unit"), entity("person:ann", "Ann Oak")])
        draft.put_relations([relation("person:ann", "member_of", "unit:legal")])
        draft.close_entities(["person:ann"])
        draft.note("source:hr", "read")
    _is_as_first_published(store)
    revise(store, BEN, entity("unit:legal", kind="Unit"))
    assert ids(store.entities(EVERYTHING)) == ["person:ann", "person:ben", "unit:legal"]


def test_an_error_inside_a_draft_undoes_everything_and_is_passed_on(store: Store) -> None:
    """A draft that fails half way leaves the graph as it was, and the next draft begins with the same number."""
    revise(store, ANN, claims=[claim("person:ann")])

    def fail() -> None:
        with store.draft() as draft:
            draft.stage([claim("person:ben")])
            draft.put_entities([BEN])
            message = "half way"
            raise InputError(message)

    with pytest.raises(InputError, match="half way"):
        fail()
    _is_as_first_published(store)
    assert revise(store, CLEO) == 2


def _is_as_first_published(store: Store) -> None:
    assert store.head() == revision(1)
    assert list(store.entities(EVERYTHING)) == [ANN]
    assert [one.subject for one in store.claims()] == ["person:ann"]
    assert [(one.row, one.since, one.until) for one in store.versions()] == [(ANN, 1, 0)]
    assert store.notes() == {}
    assert store.facets() == {Facet("Person", "internal")}


def test_drafts_are_numbered_from_one_on(store: Store) -> None:
    """The number of a draft is the one after the newest revision's, and the revision carries it."""
    assert [revise(store, row) for row in (ANN, BEN, CLEO)] == [1, 2, 3]
    assert [one.number for one in store.revisions()] == [1, 2, 3]


def test_of_two_drafts_at_once_one_is_refused(store: Store, connect: Place) -> None:
    """A second writer gets `StoreBusy` or, at the latest when it publishes, `Conflict`; what the first one wrote stands alone."""
    refused: list[ContextError] = []

    def second() -> None:
        try:
            revise(connect(), BEN)
        except (StoreBusy, Conflict) as error:
            refused.append(error)

    with store.draft() as draft:
        draft.put_entities([ANN])
        writer = threading.Thread(target=second)
        writer.start()
        writer.join()
        draft.publish(revision(draft.number))
    assert len(refused) == 1
    assert ids(store.entities(EVERYTHING)) == ["person:ann"]
    assert revise(store, CLEO) == 2


def test_what_a_dry_draft_stages_is_not_there_for_the_next_draft(store: Store) -> None:
    """Nothing of a dry draft is known as staged, withdrawn, put or closed afterwards."""
    revise(store, ANN, claims=[claim("person:ann")])
    with store.draft(dry=True) as draft:
        assert draft.stage([claim("person:ben")]) == 1
        assert draft.withdraw("hr") == 1
        draft.put_entities([BEN])
    with store.draft() as draft:
        assert draft.stage([claim("person:ben")]) == 1
        assert draft.withdraw("hr") == 1
        assert draft.entity_digests(["person:ann", "person:ben"]) == {"person:ann": ANN.digest}


def test_a_dry_draft_is_read_like_any_other(store: Store) -> None:
    """Through a dry draft one sees what would be: that is how drift is found."""
    revise(store, ANN, claims=[claim("person:ann", same_as=["login ann"])])
    with store.draft(dry=True) as draft:
        assert draft.stage([claim("person:ben", same_as=["login ann"])]) == 1
        assert draft.alike(["person:ben"]) == [("person:ben", "login ann", "person:ann")]
        draft.put_entities([entity("person:ann", "Ann Oak")])
        assert draft.entity_digests(["person:ann"]) == {"person:ann": entity("person:ann", "Ann Oak").digest}
    assert store.head() == revision(1)


def test_what_was_published_is_there_when_the_store_is_opened_again(connect: Place) -> None:
    """Closing twice does no harm, and a store that is opened later reads and goes on as if it had never been closed."""
    first = connect()
    revise(first, ANN, BEN, relation("person:ann", "knows", "person:ben"), claims=[claim("person:ann")])
    first.remember("source:hr", "read")
    first.close()
    first.close()
    again = connect()
    assert again.head() == revision(1)
    assert ids(again.entities(EVERYTHING)) == ["person:ann", "person:ben"]
    assert ids(again.search("birch", EVERYTHING, limit=2)) == ["person:ben"]
    assert again.notes() == {"source:hr": "read"}
    assert revise(again, CLEO, relation("person:ann", "likes", "person:ben")) == 2
    assert ids(again.entities(EVERYTHING)) == ["person:ann", "person:ben", "person:cleo"]
    assert keys(again.relations(EVERYTHING)) == [("person:ann", "knows", "person:ben"), ("person:ann", "likes", "person:ben")]


KILLED = """
import os, sys
from graph.stores import open_store
from rows import claim, entity, relation
with open_store(sys.argv[1]).draft() as draft:
    draft.stage([claim(f"person:{number}") for number in range(2000)])
    draft.withdraw("wiki")
    draft.put_entities([entity(f"person:{number}") for number in range(2000)])
    draft.put_relations([relation(f"person:{number}", "likes", "person:ann") for number in range(2000)])
    draft.put_entities([entity("person:ann", "Other")])
    draft.close_entities(["person:ben"])
    draft.note("source:hr", "read")
    os._exit(9)
"""


def test_a_writer_that_dies_leaves_nothing(store: Store, connect: Place) -> None:
    """Readers go on seeing the last revision, and the next draft begins as if the dead one had never been, numbers and all."""
    if not connect.address:
        pytest.skip("a store in memory dies with its writer")
    knows = relation("person:ann", "knows", "person:ben")
    revise(store, ANN, BEN, knows, claims=[claim("person:ann", source="wiki")])
    program = [sys.executable, "-c", KILLED, connect.address]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run(program, env=environment, check=False).returncode == 9
    for reader in (store, connect()):
        assert reader.head() == revision(1)
        assert list(reader.entities(EVERYTHING)) == [ANN, BEN]
        assert list(reader.relations(EVERYTHING)) == [knows]
        assert [one.source for one in reader.claims()] == ["wiki"]
        assert reader.notes() == {}
    _once_free(lambda: revise(store, entity("person:7"), CLEO, relation("person:ann", "likes", "person:ben")))
    assert ids(store.entities(EVERYTHING)) == ["person:ann", "person:ben", "person:7", "person:cleo"]
    assert [(one.since, one.until) for one in store.versions()] == [(1, 0), (1, 0), (2, 0), (2, 0), (1, 0), (2, 0)]
    assert [one.source for one in store.claims()] == ["wiki"]


def _once_free(write: Callable[[], int], *, tries: int = 60) -> None:
    """Write as soon as the store lets go of the dead writer's lock."""
    for _ in range(tries):
        try:
            write()
        except StoreBusy:
            time.sleep(2)
        else:
            return
    pytest.fail("the lock of a dead writer is never let go")


# claims


def test_claims_are_a_set(store: Store) -> None:
    """The same statement of the same part twice is one claim, in one batch, in one draft, or in a later one; it keeps its first locator."""
    said = claim("person:ann", locator="people.csv:3")
    moved = said._replace(locator="people.csv:9")
    with store.draft() as draft:
        assert draft.stage([said, moved]) == 1
        assert draft.stage([moved]) == 0
        draft.publish(revision(1))
    with store.draft() as draft:
        assert draft.stage([moved, claim("person:ann", part="other.csv"), claim("person:ann", source="wiki")]) == 2
        draft.publish(revision(2))
    held = list(store.claims())
    assert [(one.source, one.part, one.locator, one.revision) for one in held] == [
        ("hr", "other.csv", "people.csv:1", 2),
        ("hr", "people.csv", "people.csv:3", 1),
        ("wiki", "people.csv", "people.csv:1", 2),
    ]


def test_a_claim_comes_back_as_it_was_staged(store: Store) -> None:
    """Every field of a claim survives, with the revision that staged it."""
    one = Claim(
        "hr",
        "a/b.csv",
        "person:ann",
        "Person",
        "",
        "Ann",
        '{"fte":0.5}',
        "restricted",
        "2026-01-01",
        "2026-02-01",
        ("email a", "uri b"),
        "b:1",
        "sha256:1",
    )
    other = Claim("hr", "a/b.csv", "person:ann", "knows", "person:ben", "", "{}", "", "", "", (), "b:2", "sha256:2")
    revise(store, claims=[other, one])
    assert list(store.claims()) == [one._replace(revision=1), other._replace(revision=1)]


def test_withdrawing_closes_the_live_claims_of_the_parts_that_were_not_staged(store: Store) -> None:
    """Only the named parts lose claims, of them only what this draft has not staged; the number of closed claims comes back."""
    revise(
        store,
        claims=[
            claim("person:ann", part="a.csv"),
            claim("person:ben", part="a.csv"),
            claim("person:cleo", part="b.csv"),
            claim("person:ann", source="wiki", part="a.csv"),
        ],
    )
    with store.draft() as draft:
        assert draft.stage([claim("person:ben", part="a.csv"), claim("person:dan", part="a.csv")]) == 1
        assert draft.withdraw("hr", ["a.csv"]) == 1
        assert draft.withdraw("hr", ["a.csv"]) == 0
        assert draft.withdraw("hr", []) == 0
        assert draft.withdraw("nobody") == 0
        draft.publish(revision(draft.number))
    assert _said(store) == [("hr", "person:ben"), ("hr", "person:cleo"), ("hr", "person:dan"), ("wiki", "person:ann")]
    with store.draft() as draft:
        held = [claim(id_, part="a.csv").digest for id_ in ("person:ben", "person:cleo")]
        assert draft.keep("hr", "a.csv", held) == {held[1]}
        assert draft.keep("hr", "new.csv", held) == draft.keep("nobody", "a.csv", held) == set(held)
        assert draft.stage([claim("person:ben", part="a.csv"), claim("person:cleo", part="a.csv")]) == 1
        assert draft.keep("hr", "a.csv", held) == set()
        assert draft.drop([claim("person:ben", part="a.csv")]) == 0
        assert draft.withdraw("hr", ["a.csv", "b.csv"]) == 2
    assert _said(store) == [("hr", "person:ben"), ("hr", "person:cleo"), ("hr", "person:dan"), ("wiki", "person:ann")]
    with store.draft() as draft:
        draft.stage([claim("person:eve", part="c.csv")])
        assert draft.withdraw("hr") == 3
        draft.publish(revision(draft.number))
    assert _said(store) == [("hr", "person:eve"), ("wiki", "person:ann")]
    assert [one.subject for one in store.claims(source="hr", at=1)] == ["person:ann", "person:ben", "person:cleo"]


def _said(store: Store) -> list[tuple[str, str]]:
    return sorted((one.source, one.subject) for one in store.claims())


def test_a_claim_that_was_withdrawn_can_be_made_again(store: Store) -> None:
    """Between its two lives it is not there; the second is of the revision that staged it again."""
    revise(store, claims=[claim("person:ann")])
    with store.draft() as draft:
        draft.withdraw("hr")
        draft.publish(revision(2))
    revise(store, claims=[claim("person:ann")])
    assert [[one.revision for one in store.claims(at=at)] for at in (1, 2, 3)] == [[1], [], [3]]


def test_only_what_is_new_or_withdrawn_is_touched(store: Store) -> None:
    """Touched are the subjects of claims staged anew or withdrawn in this draft, each once, sorted, in batches of the given size."""
    revise(store, claims=[claim("person:ann"), claim("person:ben"), claim("person:ann", "knows", "person:ben")])
    with store.draft() as draft:
        fresh = [claim("person:dan", name="Dan"), claim("person:dan", name="Daniel"), claim("person:cleo"), claim("person:Zoe")]
        draft.stage([*fresh, claim("person:ann"), claim("person:cleo", "knows", "person:ann"), claim("person:ben", "knows", "person:ann")])
        draft.withdraw("hr", ["people.csv"])
        assert list(draft.touched_entities(2)) == [["person:Zoe", "person:ben"], ["person:cleo", "person:dan"]]
        assert list(draft.touched_relations(9)) == [
            [("person:ann", "knows", "person:ben"), ("person:ben", "knows", "person:ann"), ("person:cleo", "knows", "person:ann")]
        ]
    with store.draft() as draft:
        draft.stage([claim("person:ann")])
        assert list(draft.touched_entities(2)) == list(draft.touched_relations(2)) == []


def test_touch_counts_every_live_claim_as_touched(store: Store) -> None:
    """After `touch` all subjects of live claims are touched, beside those of the withdrawn; a claim that was closed before is not."""
    revise(store, claims=[claim("person:ann"), claim("person:old", part="old.csv"), claim("person:ann", "knows", "person:ben")])
    with store.draft() as draft:
        draft.withdraw("hr", ["old.csv"])
        draft.publish(revision(2))
    with store.draft() as draft:
        draft.stage([claim("person:dan", part="new.csv")])
        draft.touch()
        assert list(draft.touched_entities(9)) == [["person:ann", "person:dan"]]
        assert list(draft.touched_relations(9)) == [[("person:ann", "knows", "person:ben")]]


def test_writing_while_reading_what_was_touched_disturbs_neither(store: Store) -> None:
    """Batches of touched ids may be put and closed as they come: that is how merging works."""
    names = [f"person:{number:02}" for number in range(10)]
    seen: list[str] = []
    with store.draft() as draft:
        draft.stage([claim(name) for name in reversed(names)])
        for batch in draft.touched_entities(3):
            seen += batch
            draft.put_entities([entity(name) for name in batch])
            assert [one.subject for one in draft.entity_claims(batch)] == batch
        draft.publish(revision(1))
    assert seen == ids(store.entities(EVERYTHING)) == names


def test_ids_are_alike_that_share_an_identity_value(store: Store) -> None:
    """Live claims about two ids with one identity value make a link each way; withdrawn claims and relations make none."""
    ann = claim("person:ann", same_as=["email a@x", "login a"])
    old, again = claim("person:old", part="old.csv", same_as=["login a"]), claim("person:ann", source="wiki", same_as=["email a@x"])
    revise(store, claims=[ann, old, again, claim("person:lone", same_as=["login l"])])
    with store.draft() as draft:
        draft.withdraw("hr", ["old.csv"])
        assert draft.alike(["person:ann", "person:lone"]) == []
        draft.stage([claim("person:ben", same_as=["login a", "email a@x"]), claim("person:cleo", same_as=["login a"])])
        assert draft.alike(["person:ann"]) == [
            ("person:ann", "email a@x", "person:ben"),
            ("person:ann", "login a", "person:ben"),
            ("person:ann", "login a", "person:cleo"),
        ]
        assert draft.alike(["person:cleo", "person:ben", "person:none"]) == [
            ("person:ben", "email a@x", "person:ann"),
            ("person:ben", "login a", "person:ann"),
            ("person:ben", "login a", "person:cleo"),
            ("person:cleo", "login a", "person:ann"),
            ("person:cleo", "login a", "person:ben"),
        ]


def test_live_claims_are_read_by_entity_by_relation_and_by_end(store: Store) -> None:
    """Each in its stated order; withdrawn claims are in none, and `claimed_relations` finds a relation by either end, once."""
    wiki, hr = claim("person:ann", source="wiki"), claim("person:ann", name="Ann")
    knows, loop = claim("person:ann", "knows", "person:ben"), claim("person:ben", "knows", "person:ben")
    back = claim("person:ben", "knows", "person:ann", source="wiki")
    gone = claim("person:ann", "knows", "person:gone", part="old.csv")
    revise(store, claims=[gone, loop, back, knows, wiki, hr, claim("person:ben"), claim("person:old", part="old.csv")])
    with store.draft() as draft:
        draft.withdraw("hr", ["old.csv"])
        draft.stage([knows._replace(source="new")])
        assert draft.entity_claims(["person:old", "person:ben", "person:ann"]) == [
            hr._replace(revision=1),
            wiki._replace(revision=1),
            claim("person:ben")._replace(revision=1),
        ]
        assert draft.relation_claims([("person:ben", "knows", "person:ann"), ("person:ann", "knows", "person:ben")]) == [
            knows._replace(revision=1),
            knows._replace(source="new", revision=2),
            back._replace(revision=1),
        ]
        assert draft.claimed_relations(["person:ben", "person:gone"]) == [
            ("person:ann", "knows", "person:ben"),
            ("person:ben", "knows", "person:ann"),
            ("person:ben", "knows", "person:ben"),
        ]
        assert draft.entity_claims([]) == draft.relation_claims([]) == draft.claimed_relations([]) == draft.alike([]) == []


def test_claims_are_read_by_subject_by_source_and_by_revision(store: Store) -> None:
    """`about` takes entity claims and relations that start there, in the order of what they say and then of who says it."""
    ann, by_wiki = claim("person:ann"), claim("person:ann", source="wiki")
    knows, back = claim("person:ann", "knows", "person:ben"), claim("person:ben", "knows", "person:ann", source="wiki")
    revise(store, claims=[back, knows, by_wiki, ann])
    revise(store, claims=[claim("person:ann", name="Ann")])
    assert [one._replace(revision=0) for one in store.claims(about=["person:ann"], at=1)] == [ann, by_wiki, knows]
    assert {one.revision for one in store.claims(about={"person:ann"})} == {1, 2}
    assert [one._replace(revision=0) for one in store.claims(source="wiki")] == [by_wiki, back]
    assert [one._replace(revision=0) for one in store.claims(source="wiki", about=["person:ben"])] == [back]
    assert list(store.claims(at=0)) == list(store.claims(about=[])) == list(store.claims(source="nobody")) == []


# the graph in a draft


def test_a_draft_reads_digests_and_aliases_of_what_stands_in_it(store: Store) -> None:
    """Digests and aliases are of the entities and relations that live in the draft; what is absent or closed is left out."""
    ann, ben = entity("person:ann", aliases=["person:e-1", "person:a"]), entity("person:ben")
    knows = relation("person:ann", "knows", "person:ben")
    revise(store, ann, ben, CLEO, knows, relation("person:ann", "knows", "person:cleo"))
    with store.draft() as draft:
        newer = entity("person:ann", "Ann Oak", aliases=["person:a", "person:new"])
        draft.put_entities([newer])
        draft.close_entities(["person:ben", "person:nobody"])
        draft.close_relations([("person:ann", "knows", "person:cleo"), ("person:ann", "knows", "person:nobody")])
        assert draft.entity_digests(["person:ann", "person:ben", "person:a"]) == {"person:ann": newer.digest}
        assert draft.relation_digests([("person:ann", "knows", "person:ben"), ("person:ann", "knows", "person:cleo")]) == {
            ("person:ann", "knows", "person:ben"): knows.digest
        }
        assert draft.merged_as(["person:a", "person:new", "person:e-1", "person:ann"]) == {
            "person:a": "person:ann",
            "person:new": "person:ann",
        }
        assert draft.aliases_of(["person:ann", "person:cleo", "person:a"]) == {"person:ann": ("person:a", "person:new")}
        assert draft.entity_digests([]) == draft.relation_digests([]) == draft.merged_as([]) == draft.aliases_of([]) == {}


def test_thousands_of_ids_go_through_one_call(store: Store) -> None:
    """No call has a hidden limit on how many rows or ids it takes at once."""
    names = [f"person:{number:04}" for number in range(3000)]
    edges = [relation(one, "knows", other) for one, other in pairwise(names)]
    claims = [claim(name, same_as=[f"login {name}"]) for name in names]
    revise(store, *(entity(name) for name in names), *edges, claims=claims)
    with store.draft(dry=True) as draft:
        assert len(draft.entity_digests(names)) == len(draft.entity_claims(names)) == 3000
        assert len(draft.relation_digests(keys(edges))) == 2999
        assert draft.alike(names) == []
        assert draft.withdraw("hr") == 3000
        assert [len(batch) for batch in draft.touched_entities(2000)] == [2000, 1000]
    assert ids(store.entities(EVERYTHING, ids=names)) == names
    assert len(store.resolve(names, EVERYTHING)) == 3000
    assert len(list(store.relations(EVERYTHING, touching=names))) == 2999
    assert len(list(store.entities(Filter(facets=frozenset(), shown=frozenset(names))))) == 3000
    assert list(store.entities(Filter(hidden=frozenset(names)))) == []


# rows, numbers, history


def test_rows_come_back_as_they_were_put(store: Store) -> None:
    """Every field of an entity and a relation survives."""
    row = entity(
        "person:ann",
        "Ann Ash",
        sensitivity="restricted",
        valid=("2026-01-01", "2027-01-01"),
        properties={"title": "Head", "fte": 1, "tags": ["a", 2, 0.5, True]},
        sources=("hr", "wiki"),
        aliases=("person:e-1", "person:a"),
        contested=("title",),
    )
    edge = relation("person:ann", "knows", "person:ann", valid=("2026-01-01", ""), properties={"sort": "data", "_x": 1})
    revise(store, row, edge)
    assert list(store.entities(EVERYTHING)) == [row]
    assert list(store.relations(EVERYTHING)) == [edge]
    assert store.walk(["person:ann"], [Rule("knows", outward=True, depth=1)], EVERYTHING, limit=FAR) == Walked(
        [row], [0], [edge], cut=False
    )
    assert store.search("person:e-1", EVERYTHING, limit=1) == [row]
    assert [one.row for one in store.versions()] == [row, edge]


def test_entities_come_in_the_order_in_which_they_were_first_put(store: Store) -> None:
    """A number survives changes, closing and coming back; a new entity is last."""
    revise(store, CLEO, ANN)
    revise(store, BEN, entity("person:cleo", "Cleo Oak"))
    revise(store, close=["person:cleo"])
    revise(store, entity("person:dan"), CLEO)
    assert ids(store.entities(EVERYTHING)) == ["person:cleo", "person:ann", "person:ben", "person:dan"]
    assert ids(store.entities(EVERYTHING, at=3)) == ["person:ann", "person:ben"]
    assert ids(store.entities(EVERYTHING, ids=["person:dan", "person:ann", "person:dan", "person:none"])) == ["person:ann", "person:dan"]


def test_relations_come_by_the_numbers_of_source_kind_and_target(store: Store) -> None:
    """Entities count in the order of their first put, kinds of relations by the revision of theirs, and in one revision by name."""
    revise(store, CLEO, ANN, BEN, relation("person:ann", "teaches", "person:ben"), relation("person:ann", "knows", "person:ben"))
    revise(
        store,
        *(relation("person:cleo", kind, f"person:{name}") for kind in ("knows", "teaches", "admires") for name in ("ben", "ann", "cleo")),
    )
    assert keys(store.relations(EVERYTHING, touching=["person:cleo"])) == [
        ("person:cleo", kind, f"person:{name}") for kind in ("knows", "teaches", "admires") for name in ("cleo", "ann", "ben")
    ]
    assert keys(store.relations(EVERYTHING, touching=["person:ben"], kinds=["knows", "none"])) == [
        ("person:cleo", "knows", "person:ben"),
        ("person:ann", "knows", "person:ben"),
    ]
    assert list(store.relations(EVERYTHING, touching=[])) == list(store.relations(EVERYTHING, kinds=[])) == []
    assert list(store.relations(EVERYTHING, touching=["person:none"])) == []


def test_abandoned_drafts_use_up_no_numbers(store: Store) -> None:
    """Entities and kinds that a draft put and did not publish come after those that were published since."""
    with store.draft() as draft:
        draft.put_entities([ANN, BEN])
        draft.put_relations([relation("person:ann", "knows", "person:ben")])
    knows, teaches = relation("person:cleo", "knows", "person:ben"), relation("person:cleo", "teaches", "person:ben")
    revise(store, CLEO, BEN, teaches)
    revise(store, ANN, knows)
    assert ids(store.entities(EVERYTHING)) == ["person:cleo", "person:ben", "person:ann"]
    assert list(store.relations(EVERYTHING)) == [teaches, knows]


def test_the_end_of_a_relation_and_an_alias_use_up_no_number(store: Store) -> None:
    """An id that was only named before it was put counts from its put."""
    revise(store, entity("person:ann", aliases=["person:cleo"]), relation("person:ann", "knows", "person:ben"))
    revise(store, entity("person:dan"))
    revise(store, BEN, entity("person:ann"), CLEO)
    assert ids(store.entities(EVERYTHING)) == ["person:ann", "person:dan", "person:ben", "person:cleo"]


def test_of_several_puts_in_one_draft_the_last_holds(store: Store) -> None:
    """What a draft put and then replaced or closed is no state that ever was."""
    first, last = entity("person:ann", "Ann", sensitivity="public"), entity("person:ann", "Ann Oak", kind="Agent")
    knows = relation("person:ben", "knows", "person:ann", properties={"since": 1})
    with store.draft() as draft:
        draft.put_entities([first, BEN, CLEO])
        draft.put_relations([relation("person:ben", "knows", "person:ann"), relation("person:ann", "knows", "person:ben")])
        draft.put_entities([last])
        draft.put_relations([knows])
        draft.close_entities(["person:cleo"])
        draft.close_relations([("person:ann", "knows", "person:ben")])
        draft.publish(revision(1))
    assert list(store.entities(EVERYTHING)) == [last, BEN]
    assert list(store.relations(EVERYTHING)) == [knows]
    assert [(one.row, one.since, one.until) for one in store.versions()] == [(last, 1, 0), (BEN, 1, 0), (knows, 1, 0)]
    assert store.facets() == {Facet("Agent", "internal"), Facet("Person", "internal")}  # Person by BEN alone
    with store.draft() as draft:
        draft.close_entities(["person:ann"])
        draft.close_relations([("person:ben", "knows", "person:ann")])
        draft.put_entities([last])
        draft.put_relations([knows])
        draft.publish(revision(2))
    assert list(store.relations(EVERYTHING)) == [knows]
    assert [(one.since, one.until) for one in store.versions("person:ann")] == [(1, 2), (2, 0), (1, 2), (2, 0)]


def test_every_revision_can_be_read_as_it_was(store: Store) -> None:
    """`at` gives rows, relations, search, walk, aliases, claims and counts as they were after that revision; 0 is the empty graph."""
    ann = [entity("person:ann", f"Ann {name}", aliases=[f"person:{name}"]) for name in ("ash", "oak")]
    knows = [relation("person:ann", "knows", "person:ben", properties={"since": year}) for year in (1, 2)]
    revise(store, ann[0], BEN, knows[0])
    revise(store, ann[1])
    revise(store, knows[1])
    revise(store, close=["person:ben"])
    revise(store, BEN, close=["person:ann"])
    assert [list(store.entities(EVERYTHING, at=at)) for at in range(6)] == [
        [],
        [ann[0], BEN],
        [ann[1], BEN],
        [ann[1], BEN],
        [ann[1]],
        [BEN],
    ]
    assert [list(store.relations(EVERYTHING, at=at)) for at in range(6)] == [[], [knows[0]], [knows[0]], [knows[1]], [], []]
    assert [ids(store.search("oak", EVERYTHING, limit=3, at=at)) for at in range(6)] == [
        [],
        [],
        ["person:ann"],
        ["person:ann"],
        ["person:ann"],
        [],
    ]
    assert [store.resolve(["person:ash", "person:oak"], EVERYTHING, at=at) for at in (0, 1, 2, 5)] == [
        {},
        {"person:ash": "person:ann"},
        {"person:oak": "person:ann"},
        {},
    ]
    rules = [Rule("knows", outward=False, depth=1)]
    assert [len(store.walk(["person:ben"], rules, EVERYTHING, limit=FAR, at=at).entities) for at in range(6)] == [0, 2, 2, 2, 0, 1]
    assert [sum(store.tally(EVERYTHING, at=at).relations.values()) for at in range(6)] == [0, 1, 1, 1, 0, 0]


def test_a_read_sees_one_revision_from_its_first_row_to_its_last(store: Store) -> None:
    """A revision published while rows are being read changes none of them; an abandoned read blocks nobody."""
    rows = [entity(f"person:{number:03}") for number in range(300)]
    edges = [relation(one.id, "knows", "person:000") for one in rows]
    revise(store, *rows, *edges)
    entities, relations, versions, abandoned = (
        store.entities(EVERYTHING),
        store.relations(EVERYTHING),
        store.versions(),
        store.entities(EVERYTHING),
    )
    first = next(entities), next(relations), next(versions), next(abandoned)
    revise(store, *(entity(row.id, "Renamed") for row in rows[100:]), close=[*ids(rows[:100])])
    assert [first[0], *entities] == rows
    assert [first[1], *relations] == edges
    assert [one.row for one in (first[2], *versions)] == [*rows, *edges]
    assert len(list(store.entities(EVERYTHING))) == 200


def test_one_store_serves_several_threads(store: Store) -> None:
    """Readers in other threads see whole revisions only, while a writer publishes."""

    def rows(name: str) -> list[EntityRow]:
        return [entity(f"person:{number}", name) for number in range(20)]

    revise(store, *rows("first"))
    seen: list[set[str]] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.append({row.name for row in store.entities(EVERYTHING)})

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(5):
        revise(store, *rows(f"name {number}"))
    done.set()
    for reader in readers:
        reader.join()
    seen.append({row.name for row in store.entities(EVERYTHING)})
    assert seen[-1] == {"name 4"}
    assert {len(names) for names in seen} == {1}


def test_versions_tell_what_began_and_ended(store: Store) -> None:
    """Versions: entities by number, then relations by key, each by time; `after` and `upto` cut a span, and an end after it is not yet."""
    ann = [entity("person:ann", name) for name in ("Ann", "Anna")]
    knows, loop = relation("person:ann", "knows", "person:ben"), relation("person:ann", "likes", "person:ann")
    unread = relation("person:ann", "knows", "person:absent")
    revise(store, ann[0], BEN, loop, knows)
    revise(store, ann[1], unread)
    revise(store, CLEO, close=["person:ann", ("person:ann", "knows", "person:ben")])
    spans = [(ann[0], 1, 2), (ann[1], 2, 3), (BEN, 1, 0), (CLEO, 3, 0), (unread, 2, 0), (knows, 1, 3), (loop, 1, 0)]
    assert [tuple(one) for one in store.versions()] == spans
    assert [tuple(one) for one in store.versions("person:ann")] == [*spans[:2], *spans[4:]]
    assert [tuple(one) for one in store.versions("person:absent")] == [(unread, 2, 0)]
    assert [tuple(one) for one in store.versions("person:nobody")] == []
    assert [tuple(one) for one in store.versions(upto=2)] == [
        (ann[0], 1, 2),
        (ann[1], 2, 0),
        (BEN, 1, 0),
        (unread, 2, 0),
        (knows, 1, 0),
        (loop, 1, 0),
    ]
    assert [tuple(one) for one in store.versions(after=1, upto=2)] == [(ann[0], 1, 2), (ann[1], 2, 0), (unread, 2, 0)]
    assert [tuple(one) for one in store.versions("person:ann", after=2)] == [(ann[1], 2, 3), (knows, 1, 3)]
    assert [tuple(one) for one in store.versions(after=3)] == []


def test_revisions_and_head(store: Store) -> None:
    """Revisions come oldest first, as they were published; unknown numbers are passed over."""
    for row in (ANN, BEN, CLEO):
        revise(store, row)
    assert store.head() == revision(3)
    assert list(store.revisions()) == [revision(1), revision(2), revision(3)]
    assert list(store.revisions([3, 1, 7])) == [revision(1), revision(3)]
    assert list(store.revisions([])) == []


def test_facets_are_of_all_entities_that_ever_were(store: Store) -> None:
    """A facet stays known when the last entity that had it is gone: reads at an old revision need it."""
    revise(store, ANN, entity("unit:legal", kind="Unit", sensitivity="public"))
    revise(store, entity("person:ann", sensitivity="restricted"), close=["unit:legal"])
    assert store.facets() == {Facet("Person", "internal"), Facet("Person", "restricted"), Facet("Unit", "public")}


def test_resolve_finds_the_visible_entity_behind_ids_and_aliases(store: Store) -> None:
    """An id stands for itself, an alias for its entity; what is absent or hidden is left out, and the two look the same."""
    revise(
        store, entity("person:ann", aliases=["person:a", "person:b"]), entity("person:ben", aliases=["person:c"], sensitivity="restricted")
    )
    asked = ["person:b", "person:ann", "person:c", "person:ben", "person:none"]
    assert store.resolve(asked, EVERYTHING) == {
        "person:b": "person:ann",
        "person:ann": "person:ann",
        "person:c": "person:ben",
        "person:ben": "person:ben",
    }
    assert store.resolve(asked, Filter(facets=frozenset([Facet("Person", "internal")]))) == {
        "person:b": "person:ann",
        "person:ann": "person:ann",
    }
    assert store.resolve(asked, Filter(hidden=frozenset(["person:ann"]))) == {"person:c": "person:ben", "person:ben": "person:ben"}
    assert store.resolve([], EVERYTHING) == {}
    assert list(store.entities(EVERYTHING, ids=["person:a"])) == []


def test_an_alias_can_become_an_entity_and_an_entity_an_alias(store: Store) -> None:
    """Merging and parting move ids between the two; every revision resolves as it did."""
    revise(store, ANN, BEN)
    revise(store, entity("person:ann", aliases=["person:ben"]), close=["person:ben"])
    revise(store, ANN, BEN)
    assert [store.resolve(["person:ben"], EVERYTHING, at=at) for at in (1, 2, 3)] == [
        {"person:ben": "person:ben"},
        {"person:ben": "person:ann"},
        {"person:ben": "person:ben"},
    ]


# relations whose end is missing


def test_a_relation_whose_end_is_missing_is_stored_but_not_read(store: Store) -> None:
    """It is read once the end is put, unread when the end closes, read again when it is back, and its digest is seen all the while."""
    knows = relation("person:ann", "knows", "person:ben")
    key = ("person:ann", "knows", "person:ben")
    rules = [Rule("knows", outward=True, depth=1), Rule("knows", outward=False, depth=1)]
    revise(store, ANN, knows)
    revise(store, BEN)
    revise(store, close=["person:ben"])
    revise(store, entity("person:ben", "Ben again"))
    revise(store, close=["person:ann"])
    read = [[], [knows], [], [knows], []]
    assert [list(store.relations(EVERYTHING, at=at)) for at in range(1, 6)] == read
    assert [store.walk(["person:ann"], rules, EVERYTHING, limit=FAR, at=at).relations for at in range(1, 6)] == read
    assert [store.walk(["person:ben"], rules, EVERYTHING, limit=FAR, at=at).relations for at in range(1, 6)] == read
    assert [store.tally(EVERYTHING, at=at).relations for at in range(1, 6)] == [{"knows": len(rows)} if rows else {} for rows in read]
    assert list(store.relations(EVERYTHING)) == []
    with store.draft(dry=True) as draft:
        assert draft.relation_digests([key]) == {key: knows.digest}
    assert [(one.since, one.until) for one in store.versions() if isinstance(one.row, RelationRow)] == [(1, 0)]
    revise(store, close=[key])
    revise(store, ANN)
    assert list(store.relations(EVERYTHING)) == []


def test_a_relation_without_both_ends_waits_for_the_second(store: Store) -> None:
    """Both ends may come later, one by one, also within the draft that put the relation."""
    knows, loop = relation("person:ann", "knows", "person:ben"), relation("person:cleo", "knows", "person:cleo")
    revise(store, knows, loop)
    revise(store, BEN)
    assert list(store.relations(EVERYTHING)) == []
    with store.draft() as draft:
        draft.put_relations([relation("person:ben", "knows", "person:ann")])
        draft.put_entities([ANN])
        draft.publish(revision(draft.number))
    revise(store, CLEO)
    assert keys(store.relations(EVERYTHING)) == [
        ("person:ben", "knows", "person:ann"),
        ("person:ann", "knows", "person:ben"),
        ("person:cleo", "knows", "person:cleo"),
    ]
    assert len(list(store.relations(EVERYTHING, at=3))) == 2


def test_a_relation_whose_ends_change_stays_itself(store: Store) -> None:
    """A new state of an end, of another kind, name or sensitivity, leaves the relation where it was."""
    knows = relation("person:ann", "knows", "person:ben")
    revise(store, ANN, BEN, knows)
    revise(store, entity("person:ben", "Bot", kind="Agent", sensitivity="restricted"))
    persons = Filter(facets=frozenset([Facet("Person", "internal")]))
    assert list(store.relations(EVERYTHING)) == [knows]
    assert list(store.relations(persons)) == []
    assert list(store.relations(persons, at=1)) == [knows]
    assert [(one.since, one.until) for one in store.versions() if isinstance(one.row, RelationRow)] == [(1, 0)]


# filters


def _company(store: Store) -> None:
    revise(
        store,
        entity(
            "person:ann",
            "Ann Ash",
            properties={"title": "Head of trade", "salary": 9},
            contested=("title", "salary"),
            sources=("hr", "wiki"),
        ),
        entity("person:ben", "Ben Birch", sensitivity="restricted", properties={"title": "Trade clerk"}),
        entity("unit:trade", "Trade", kind="Unit", properties={"title": "The desk", "title@de": "Der Tisch"}),
        entity("unit:law", "Law", kind="Unit", sensitivity="restricted"),
        relation("person:ann", "member_of", "unit:trade"),
        relation("person:ben", "member_of", "unit:trade", sources=("wiki",)),
        relation("person:ann", "knows", "person:ben"),
        relation("unit:law", "part_of", "unit:trade"),
    )


ALL_RULES = [Rule(kind, outward, 3) for kind in ("member_of", "knows", "part_of") for outward in (True, False)]


def _reads(store: Store, where: Filter) -> tuple[list[str], list[str]]:
    """The ids and relations that pass, made sure of through every read that takes a filter."""
    entities, relations = ids(store.entities(where)), [f"{row.source} {row.kind} {row.target}" for row in store.relations(where)]
    everyone = ["person:ann", "person:ben", "unit:trade", "unit:law"]
    assert list(store.resolve(everyone, where)) == entities or set(store.resolve(everyone, where)) == set(entities)
    walked = store.walk(everyone, ALL_RULES, where, limit=FAR)
    assert ids(walked.entities) == entities
    assert {f"{row.source} {row.kind} {row.target}" for row in walked.relations} == set(relations)
    assert {id_ for text in ("ann ash", "ben birch", "trade", "law") for id_ in ids(store.search(text, where, limit=9))} == set(entities)
    tally = store.tally(where)
    assert (sum(tally.entities.values()), sum(tally.relations.values())) == (len(entities), len(relations))
    return entities, relations


def test_a_filter_of_facets_lets_out_only_these(store: Store) -> None:
    """A facet is a pair of kind and sensitivity; a relation passes when both its ends do; no facets at all let nothing out."""
    _company(store)
    facets = frozenset([Facet("Person", "internal"), Facet("Unit", "internal"), Facet("Nobody", "internal")])
    assert _reads(store, Filter(facets=facets)) == (["person:ann", "unit:trade"], ["person:ann member_of unit:trade"])
    assert _reads(store, Filter(facets=frozenset([Facet("Unit", "restricted"), Facet("Person", "restricted")]))) == (
        ["person:ben", "unit:law"],
        [],
    )
    assert _reads(store, Filter(facets=frozenset())) == ([], [])


def test_what_is_kept_for_one_question_serves_no_other_filter_day_or_revision(store: Store) -> None:
    """In whatever order they are asked within one question, answers are those that are given outside of it."""
    first = [
        entity(f"e:{place}", "Red", sensitivity=level, aliases=[f"x:{place}"]) for place, level in enumerate(["internal", "restricted"] * 2)
    ]
    revise(store, *first, relation("e:0", "knows", "e:1"), relation("e:0", "part_of", "e:2"), relation("e:2", "knows", "e:3"))
    late = entity("e:2", "Blue", valid=("2026-01-01", "2026-06-01"), aliases=["x:2"])
    revise(store, late, relation("e:2", "knows", "e:0", valid=("", "2026-03-01")), relation("e:1", "knows", "e:3"))
    open_, named = Filter(facets=frozenset([Facet("Person", "internal")])), ["e:0", "x:1", "x:2", "e:3", "nobody"]
    filters = [EVERYTHING, open_, Filter(hidden=frozenset(["e:0"])), Filter(relations=frozenset(["part_of"]))]
    days = (None, date(2025, 6, 1), date(2026, 2, 1), date(2026, 5, 1))
    reads: list[Callable[[Filter, int | None], object]] = [
        lambda where, at: store.resolve(named, where, at=at),
        lambda where, at: list(store.relations(where, touching=["e:0", "e:2"], at=at)),
        lambda where, at: list(store.entities(where, ids=["e:1", "e:2"], at=at)),
        lambda where, at: list(store.relations(where, kinds=["knows"], at=at)),
        lambda where, at: store.search("red", where, limit=9, at=at),
        lambda where, at: store.called(["red", "blue"], where, at=at),
        lambda where, at: list(store.entities(where, kinds=["Person"], at=at)),
        lambda where, at: list(store.entities(where, at=at)),
    ]
    asked = [(read, where.model_copy(update={"as_of": day}), at) for read, at, where, day in product(reads, (None, 1, 2), filters, days)]
    expected = [read(where, at) for read, where, at in asked]
    for order in (list(range(len(asked))), list(range(len(asked)))[::-1]):
        with store.question():
            for place in order:
                read, where, at = asked[place]
                assert read(where, at) == expected[place], f"{where} at {at}"


def test_a_filter_can_be_asked_about_a_row_that_was_read(store: Store) -> None:
    """`passes` lets through the very entities that the store does, for any facets, shown and hidden ids, and days."""
    spans = [("", ""), ("2026-01-01", ""), ("", "2026-06-01"), ("2026-01-01", "2026-06-01")]
    sorts = product(("Person", "Unit"), ("internal", "restricted"), spans)
    revise(store, *(entity(f"e:{place}", kind=kind, sensitivity=level, valid=span) for place, (kind, level, span) in enumerate(sorts)))
    facets = (None, frozenset[Facet](), frozenset([Facet("Person", "internal"), Facet("Unit", "restricted")]))
    some = (frozenset[str](), frozenset(["e:0", "e:6", "e:11", "nobody"]))
    days = (None, date(2025, 12, 31), date(2026, 1, 1), date(2026, 5, 31), date(2026, 6, 1))
    rows = list(store.entities(EVERYTHING))
    for allowed, shown, hidden, day in product(facets, some, some, days):
        where = Filter(facets=allowed, shown=shown, hidden=hidden, as_of=day)
        assert [row.id for row in rows if passes(row, where)] == ids(store.entities(where)), where


def test_shown_ids_pass_beside_the_facets_and_hidden_ones_never(store: Store) -> None:
    """`shown` adds to the facets, `hidden` takes away from both; without facets everything is shown already."""
    _company(store)
    trade = frozenset([Facet("Unit", "internal")])
    assert _reads(store, Filter(facets=trade, shown=frozenset(["person:ben", "nobody"])))[0] == ["person:ben", "unit:trade"]
    assert _reads(store, Filter(facets=trade, shown=frozenset(["person:ben"]), hidden=frozenset(["person:ben"])))[0] == ["unit:trade"]
    assert _reads(store, Filter(facets=frozenset(), shown=frozenset(["unit:law"]))) == (["unit:law"], [])
    assert _reads(store, Filter(shown=frozenset(["unit:law"]), hidden=frozenset(["unit:trade", "person:ann"])))[0] == [
        "person:ben",
        "unit:law",
    ]


def test_a_filter_of_relations_lets_out_only_these_kinds(store: Store) -> None:
    """Entities stay; of the relations only the named kinds are there to be read, walked and counted."""
    _company(store)
    assert _reads(store, Filter(relations=frozenset(["knows", "none"]))) == (
        ["person:ann", "person:ben", "unit:trade", "unit:law"],
        ["person:ann knows person:ben"],
    )
    assert _reads(store, Filter(relations=frozenset()))[1] == []


def test_masked_properties_are_cut_out_of_entities_of_their_kind(store: Store) -> None:
    """The rest of the row is as it was; the same property of another kind stays, and an empty mask cuts nothing."""
    _company(store)
    where = Filter(masked={"Person": frozenset(["salary", "none"]), "Unit": frozenset(["title"]), "Nobody": frozenset(["title"])})
    clear = {row.id: row for row in store.entities(EVERYTHING)}
    for rows in (
        list(store.entities(where)),
        store.walk(list(clear), ALL_RULES, where, limit=FAR).entities,
        [store.search(id_, where, limit=1)[0] for id_ in clear],
    ):
        ann, ben, trade, law = rows
        assert ann.properties == '{"title":"Head of trade"}'
        assert [one["property"] for one in json.loads(ann.conflicts)] == ["title"]
        assert ann._replace(properties="", conflicts="", words="") == clear["person:ann"]._replace(properties="", conflicts="", words="")
        assert (ben.properties, trade.properties, law.properties) == ('{"title":"Trade clerk"}', "{}", "{}")
        assert ann.words == words_of("Ann Ash", "person:ann")
    assert list(store.entities(Filter(masked={"Person": frozenset()}))) == list(clear.values())


def test_nothing_is_found_by_what_is_masked(store: Store) -> None:
    """An entity of a masked kind is found by its name, id and aliases, and by nothing else, so that the search gives no hint."""
    _company(store)
    masked = Filter(masked={"Person": frozenset(["title"])})
    assert ids(store.search("head", EVERYTHING, limit=5)) == ["person:ann"]
    assert store.search("head", masked, limit=5) == []
    assert ids(store.search("trade", EVERYTHING, limit=5)) == ["unit:trade", "person:ann", "person:ben"]
    assert ids(store.search("trade", masked, limit=5)) == ["unit:trade"]
    assert ids(store.search("clerk ash", masked, limit=5)) == ["person:ann"]
    assert ids(store.search("ash ann", masked, limit=5)) == ["person:ann"]


@pytest.mark.parametrize(
    ("day", "entities", "relations"),
    [
        ("2025-12-31", "open ends", 1),
        ("2026-01-01", "open starts ends both", 5),
        ("2026-06-30", "open starts ends both", 5),
        ("2026-07-01", "open starts", 2),
    ],
)
def test_as_of_a_day_only_what_is_true_on_it_passes(store: Store, day: str, entities: str, relations: int) -> None:
    """`valid_from` is inclusive, `valid_to` exclusive, empty is open; it holds for entities, relations, and both ends of relations."""
    starts, ends = ("2026-01-01", ""), ("", "2026-07-01")
    both = ("2026-01-01", "2026-07-01")
    revise(
        store,
        *(
            entity(f"person:{name}", valid=valid)
            for name, valid in {"open": ("", ""), "starts": starts, "ends": ends, "both": both}.items()
        ),
        *(relation("person:open", kind, "person:open", valid=valid) for kind, valid in {"knows": starts, "likes": both}.items()),
        relation("person:open", "knows", "person:ends"),
        relation("person:starts", "knows", "person:open"),
        relation("person:starts", "knows", "person:ends"),
    )
    where = Filter(as_of=date.fromisoformat(day))
    expected = [f"person:{name}" for name in entities.split()]
    assert ids(store.entities(where)) == expected
    assert len(list(store.relations(where))) == relations
    rules = [Rule(kind, outward, 9) for kind in ("knows", "likes") for outward in (True, False)]
    everyone = ["person:open", "person:starts", "person:ends", "person:both"]
    walked = store.walk(everyone, rules, where, limit=FAR)
    assert (ids(walked.entities), len(walked.relations)) == (expected, relations)
    assert sorted(store.resolve(everyone, where)) == sorted(expected)
    assert [ids(store.search(id_, where, limit=1))[:1] == [id_] for id_ in everyone] == [id_ in expected for id_ in everyone]
    assert sum(store.tally(where).relations.values()) == relations
    assert len(list(store.entities(EVERYTHING))) == 4


def test_a_changed_validity_is_followed_by_the_relations(store: Store) -> None:
    """When an end gets another time in the world, or another sensitivity, its relations pass or fail by the new one; `at` by the old."""
    knows = relation("person:ann", "knows", "person:ben")
    revise(store, ANN, BEN, knows)
    revise(store, entity("person:ben", valid=("2027-01-01", "")))
    revise(store, entity("person:ben", sensitivity="restricted"))
    now, internal = Filter(as_of=date(2026, 5, 1)), Filter(facets=frozenset([Facet("Person", "internal")]))
    rules = [Rule("knows", outward=True, depth=1)]
    for where, expected in ((now, [[knows], [], [knows]]), (internal, [[knows], [knows], []])):
        assert [list(store.relations(where, at=at)) for at in (1, 2, 3)] == expected
        assert [store.walk(["person:ann"], rules, where, limit=FAR, at=at).relations for at in (1, 2, 3)] == expected
        assert list(store.relations(where)) == store.walk(["person:ann"], rules, where, limit=FAR).relations == expected[-1]


def test_filters_hold_at_old_revisions(store: Store) -> None:
    """What a thing was then decides whether it passes then."""
    revise(store, ANN, BEN, relation("person:ann", "knows", "person:ben"))
    revise(store, entity("person:ben", kind="Agent"))
    persons = Filter(facets=frozenset([Facet("Person", "internal")]))
    assert [ids(store.entities(persons, at=at)) for at in (1, 2)] == [["person:ann", "person:ben"], ["person:ann"]]
    assert [store.tally(persons, at=at).relations for at in (1, 2)] == [{"knows": 1}, {}]
    assert [ids(store.entities(EVERYTHING, kinds=["Agent"], at=at)) for at in (1, 2)] == [[], ["person:ben"]]
    masked = Filter(masked={"Agent": frozenset(["title"])})
    assert [ids(store.search("birch", masked, limit=2, at=at)) for at in (1, 2)] == [["person:ben"], []]


@pytest.mark.parametrize("names", [[], ["hr"], ["hr", "wiki", "hr"], ['a "quoted" \\ name', "hr"], ['\u00e9"source":"other"']])
def test_the_sources_of_origins_are_read_from_their_text(names: list[str]) -> None:
    """As parsing them would say, whatever stands in a name or a locator."""
    text = canonical([{"locator": 'x"source":"no":1', "source": name} for name in names])
    assert sources_of(text) == list(dict.fromkeys(names))


def test_tally_counts_by_kind_and_by_source(store: Store) -> None:
    """A thing counts once for each source that it comes from; what has nothing visible is not named."""
    _company(store)
    assert store.tally(EVERYTHING) == Tally(
        {"Person": 2, "Unit": 2}, {"member_of": 2, "knows": 1, "part_of": 1}, {"hr": (4, 3), "wiki": (1, 1)}
    )
    units = Filter(facets=frozenset([Facet("Unit", "internal"), Facet("Unit", "restricted")]))
    assert store.tally(units) == Tally({"Unit": 2}, {"part_of": 1}, {"hr": (2, 1)})
    assert store.tally(EVERYTHING, at=0) == Tally({}, {}, {})


# walks


def _town(store: Store) -> None:
    """Numbers: a 1, b 2, c 3, d 4, e 5, f 6; kinds: likes 1, knows 2."""
    revise(
        store,
        *(entity(name) for name in "abcdef"),
        *(relation(one, "likes", other) for one, other in ("ad", "ab", "bc", "ff")),
        *(relation(one, "knows", other) for one, other in ("ab", "ca", "cd", "ed", "be")),
    )


def _walk(store: Store, anchors: str, rules: Sequence[tuple[str, int]], *, hops: int = 4, entities: int = 99, relations: int = 99) -> str:
    """The walk in one line: `a0 b1 | a>b`; rules as `likes>` (outward) and `<likes` (back), each with its depth."""
    made = [Rule(name.strip("<>"), outward=name.endswith(">"), depth=depth) for name, depth in rules]
    walked = store.walk(list(anchors), made, EVERYTHING, limit=Limit(hops, entities, relations))
    reached = " ".join(f"{row.id}{hop}" for row, hop in zip(walked.entities, walked.hops, strict=True))
    taken = " ".join(f"{row.source}{'~' if row.kind == 'likes' else '>'}{row.target}" for row in walked.relations)
    return f"{reached} | {taken}" + (" | cut" if walked.cut else "")


def test_a_walk_worked_out_by_hand(store: Store) -> None:
    """Frontier in the order reached, rules in the order given, neighbours by number; `~` likes, `>` knows.

    From a: likes> gives b, d; knows> gives a>b (b is known); <knows gives c (c>a). From b: b~c; b>e; nothing leads back that is new.
    From d: <knows gives c>d and e>d, both between known entities. Then c and e have nothing left, and f is not connected.
    """
    _town(store)
    rules = [("likes>", 9), ("knows>", 9), ("<knows", 9)]
    assert _walk(store, "a", rules) == "a0 b1 d1 c1 e2 | a~b a~d a>b c>a b~c b>e c>d e>d"
    assert _walk(store, "a", rules[::-1]) == "a0 c1 b1 d1 e2 | c>a a>b a~b a~d c>d b>e b~c e>d"


def test_anchors_come_first_in_the_order_given_and_once(store: Store) -> None:
    """Anchors that are absent or given twice are passed over; relations between anchors are taken like any other."""
    _town(store)
    assert _walk(store, "fdxad", [("likes>", 1)]) == "f0 d0 a0 b1 | f~f a~b a~d"
    assert _walk(store, "ba", []) == "b0 a0 | "
    assert _walk(store, "", [("likes>", 1)]) == _walk(store, "x", [("likes>", 1)]) == " | "


def test_an_alias_is_no_anchor_and_a_hidden_anchor_is_passed_over(store: Store) -> None:
    """A walk starts from merged ids that are visible."""
    revise(store, entity("a", aliases=["x"]), entity("b"), relation("a", "likes", "b"))
    rules = [Rule("likes", outward=True, depth=1)]
    assert ids(store.walk(["x"], rules, EVERYTHING, limit=FAR).entities) == []
    for hidden in ("a", ["a", "nobody"]):  # an id that is not there hides nothing
        assert ids(store.walk(["a", "b"], rules, Filter(hidden=frozenset(hidden)), limit=FAR).entities) == ["b"]


def test_a_rule_is_followed_only_to_its_depth(store: Store) -> None:
    """From entities fewer than `depth` hops from an anchor, however they were reached; depth 0 is never."""
    _town(store)
    assert _walk(store, "a", [("likes>", 1), ("knows>", 2)]) == "a0 b1 d1 e2 | a~b a~d a>b b>e"
    assert _walk(store, "a", [("likes>", 0), ("knows>", 1)]) == "a0 b1 | a>b"
    assert _walk(store, "a", [("likes>", 9), ("knows>", 9)], hops=1) == "a0 b1 d1 | a~b a~d a>b"
    assert _walk(store, "a", [("likes>", 9)], hops=0) == "a0 | "


def test_self_loops_and_parallel_relations_are_taken_once_each(store: Store) -> None:
    """A loop leads to a known entity; parallel relations of two kinds are two; the same rule twice finds nothing new."""
    _town(store)
    assert _walk(store, "f", [("likes>", 2), ("<likes", 2)]) == "f0 | f~f"
    assert _walk(store, "a", [("knows>", 1), ("knows>", 1), ("likes>", 1), ("<likes", 2), ("nothing>", 1)]) == "a0 b1 d1 | a>b a~b a~d"


@pytest.mark.parametrize(
    ("entities", "relations", "expected"),
    [
        (5, 8, "a0 b1 d1 c1 e2 | a~b a~d a>b c>a b~c b>e c>d e>d"),
        (5, 7, "a0 b1 d1 c1 e2 | a~b a~d a>b c>a b~c b>e c>d | cut"),
        (4, 8, "a0 b1 d1 c1 | a~b a~d a>b c>a b~c | cut"),
        (3, 8, "a0 b1 d1 | a~b a~d a>b | cut"),
        (3, 3, "a0 b1 d1 | a~b a~d a>b | cut"),
        (3, 2, "a0 b1 d1 | a~b a~d | cut"),
        (2, 99, "a0 b1 | a~b | cut"),
        (1, 99, "a0 |  | cut"),
        (99, 0, "a0 |  | cut"),
        (0, 99, " |  | cut"),
    ],
)
def test_a_walk_stops_at_once_where_something_would_exceed_a_limit(store: Store, entities: int, relations: int, expected: str) -> None:
    """Not a row after the first one that does not fit, even where a later one would; a walk that just fits is not cut."""
    _town(store)
    rules = [("likes>", 9), ("knows>", 9), ("<knows", 9)]
    assert _walk(store, "a", rules, entities=entities, relations=relations) == expected


def test_too_many_anchors_are_cut(store: Store) -> None:
    """Anchors count as entities: the first ones are taken, and nothing is followed."""
    _town(store)
    assert _walk(store, "cab", [("likes>", 1)], entities=2) == "c0 a0 |  | cut"
    assert _walk(store, "xcca", [("likes>", 1)], entities=2, relations=0) == "c0 a0 |  | cut"
    assert _walk(store, "ca", [], entities=2, relations=0) == "c0 a0 | "


def test_neighbours_are_taken_by_number_and_not_by_name(store: Store) -> None:
    """Forwards and backwards, and whatever the order in which the relations were put."""
    revise(
        store,
        *(entity(name) for name in "hcab"),
        *(relation("h", "likes", name) for name in "abc"),
        *(relation(name, "knows", "h") for name in "bac"),
    )
    assert _walk(store, "h", [("likes>", 1), ("<knows", 1)]) == "h0 c1 a1 b1 | h~c h~a h~b c>h a>h b>h"
    assert _walk(store, "h", [("<knows", 1), ("likes>", 1)], entities=3) == "h0 c1 a1 | c>h a>h | cut"


def test_what_does_not_pass_the_filter_takes_no_room_in_a_walk(store: Store) -> None:
    """Limits count visible things only, and a hidden thing is no bridge."""
    revise(
        store,
        entity("hub"),
        *(entity(f"secret:{number}", sensitivity="restricted") for number in range(20)),
        entity("open"),
        entity("behind"),
        *(relation("hub", "knows", f"secret:{number}") for number in range(20)),
        relation("hub", "knows", "open"),
        relation("secret:0", "knows", "behind"),
    )
    where = Filter(facets=frozenset([Facet("Person", "internal")]))
    rules = [Rule("knows", outward=True, depth=5), Rule("knows", outward=False, depth=5)]
    walked = store.walk(["hub"], rules, where, limit=Limit(hops=5, entities=2, relations=1))
    assert (ids(walked.entities), walked.hops, keys(walked.relations), walked.cut) == (
        ["hub", "open"],
        [0, 1],
        [("hub", "knows", "open")],
        False,
    )


def test_a_walk_at_an_old_revision_is_the_walk_of_then(store: Store) -> None:
    """Closed and living relations are walked together, in the order of their neighbours' numbers."""
    _town(store)
    rules = [Rule("likes", outward=True, depth=9), Rule("knows", outward=True, depth=9), Rule("knows", outward=False, depth=9)]
    then = store.walk(["a"], rules, EVERYTHING, limit=FAR)
    revise(
        store,
        entity("c", "Renamed"),
        relation("a", "likes", "c"),
        relation("a", "likes", "b", properties={"x": 1}),
        close=[("a", "likes", "d")],
    )
    revise(store, close=["b", ("c", "knows", "a"), ("c", "knows", "d")])
    assert store.walk(["a"], rules, EVERYTHING, limit=FAR, at=1) == then
    for entities, relations in ((1, 9), (3, 9), (9, 3), (4, 5)):
        cut = store.walk(["a"], rules, EVERYTHING, limit=Limit(9, entities, relations), at=1)
        assert cut.cut
        assert cut.entities == then.entities[: len(cut.entities)]
        assert cut.relations == then.relations[: len(cut.relations)]
    assert _walk(store, "a", [("likes>", 9), ("knows>", 9), ("<knows", 9)]) == "a0 c1 | a~c"
    middle = store.walk(["a"], rules, EVERYTHING, limit=FAR, at=2)
    assert ids(middle.entities) == ["a", "b", "c", "e", "d"]


# search


def _library(store: Store) -> None:
    revise(
        store,
        entity("asset:clause-library", "Clause Library", kind="Clause", properties={"description": "All approved wording for contracts"}),
        entity(
            "asset:playbook", "Negotiation playbook", kind="Guideline", properties={"description": "Fallback wording, clause by clause"}
        ),
        entity("term:wording", "Wording", kind="Term", aliases=["term:phrase"]),
        entity("person:jose", "José Müller-Lüdenscheidt", properties={"title": "Contracts counsel"}),
        entity("term:contract", "Contract", kind="Term", properties={"definition": "An agreement in approved wording"}),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("term:phrase", "term:wording term:contract"),  # 1: an alias; 4: `term` is a word of both ids
        ("asset:playbook", "asset:playbook asset:clause-library"),  # 1: an id; 4 by `asset`
        ("wording", "term:wording asset:clause-library asset:playbook term:contract"),  # 2 before 3
        ("WORDING", "term:wording asset:clause-library asset:playbook term:contract"),
        ("jose muller ludenscheidt", "person:jose"),  # 2, folded
        ("José  MÜLLER", "person:jose"),
        ("contr", "asset:clause-library person:jose term:contract"),  # 3: a prefix of a last word
        ("contr wording", "asset:clause-library asset:playbook term:wording term:contract"),  # 4: a prefix only counts as the last word
        ("approved wording cont", "asset:clause-library term:contract asset:playbook term:wording"),  # 3, then 4
        ("cla", "asset:clause-library asset:playbook"),
        ("fallback agreement", "asset:playbook term:contract"),  # 4: each word for itself
        ("counsel zebra wording", "person:jose asset:clause-library asset:playbook term:wording term:contract"),  # 4: the rarest word first
        ("wording counsel", "person:jose asset:clause-library asset:playbook term:wording term:contract"),
        ("in by zebra", ""),  # 4 passes over words of fewer than three letters
        ("clause librarx", "asset:clause-library asset:playbook"),  # 4 by `clause`
        ("negotation playbok", "asset:playbook"),  # 5: typos
        ("contrast", "term:contract"),
        ("x", ""),
        ("", ""),
        ("?!", ""),
    ],
)
def test_a_search_goes_through_its_tiers(store: Store, text: str, expected: str) -> None:
    """The id or an alias; the name; all words, the last as a prefix; the rarest words one by one; a typo in the name."""
    _library(store)
    assert ids(store.search(text, EVERYTHING, limit=9)) == expected.split()


def test_things_are_known_by_their_very_names(store: Store) -> None:
    """Those with this folded name and no others, by number, each name once, with their days; now, then, and by what may be seen."""
    _library(store)
    revise(store, entity("term:other", "WORDING", kind="Term"), entity("person:jose", "Jose", valid=("", "2026-06-01")))
    names = ["wording", "jose", "jose muller ludenscheidt", "term:wording", "clause", "nothing", ""]
    assert store.called(names, EVERYTHING) == {
        "wording": [("term:wording", "Term", "", ""), ("term:other", "Term", "", "")],
        "jose": [("person:jose", "Person", "", "2026-06-01")],
    }
    then = {"wording": [("term:wording", "Term", "", "")], "jose muller ludenscheidt": [("person:jose", "Person", "", "")]}
    assert store.called(names, EVERYTHING, at=1) == then
    assert store.called(names, Filter(hidden=frozenset(["term:wording"])), at=1) == {
        "jose muller ludenscheidt": [("person:jose", "Person", "", "")]
    }
    assert store.called([], EVERYTHING) == {}


def test_a_typo_is_forgiven_by_thirds_of_the_trigrams(store: Store) -> None:
    """Of `abcd` (_ab abc bcd cd_) the runs are `_ab abc`, `bcd` and `cd_`; of `abcde` they are `_ab abc`, `bcd cde` and `de_`."""
    revise(store, *(entity(str(number), name) for number, name in enumerate(["abx", "abcx", "xbcdx", "cd", "xbcdex", "xde", "bc"])))
    assert ids(store.search("abcd", EVERYTHING, limit=9)) == ["1", "2", "3", "4"]
    assert ids(store.search("abcde", EVERYTHING, limit=9)) == ["1", "4", "5"]
    assert ids(store.search("abcd", EVERYTHING, limit=3)) == ["1", "2", "3"]


def test_a_text_without_words_finds_no_name_without_words(store: Store) -> None:
    """Signs alone are no text; only an id or alias that is the text is found by them."""
    revise(store, entity("e", "!!!", aliases=["?"]))
    assert ids(store.search("?", EVERYTHING, limit=9)) == ["e"]
    assert store.search("!!!", EVERYTHING, limit=9) == store.search("", EVERYTHING, limit=9) == store.search(" ", EVERYTHING, limit=9) == []


def test_a_later_tier_is_asked_only_while_the_earlier_ones_found_too_little(store: Store) -> None:
    """Every tier yields at most `limit`, counting what an earlier one found already; the whole may be more than `limit`."""
    _library(store)
    assert ids(store.search("wording", EVERYTHING, limit=1)) == ["term:wording"]
    assert ids(store.search("wording", EVERYTHING, limit=2)) == ["term:wording", "asset:clause-library", "asset:playbook"]
    assert ids(store.search("clause", EVERYTHING, limit=1)) == ["asset:clause-library"]
    assert ids(store.search("counsel wording", EVERYTHING, limit=2)) == ["person:jose", "asset:clause-library"]
    assert store.search("wording", EVERYTHING, limit=0) == []


def test_the_rarest_word_is_the_rarest_among_what_passes(store: Store) -> None:
    """What may not be seen changes nothing in the order, and neither do counts beyond `limit`."""
    revise(
        store,
        entity("a", "north gate"),
        entity("b", "south gate"),
        entity("c", "south door"),
        *(entity(f"secret:{number}", "north", sensitivity="restricted") for number in range(9)),
    )
    internal = Filter(facets=frozenset([Facet("Person", "internal")]))
    assert ids(store.search("south north", internal, limit=9)) == ["a", "b", "c"]
    assert ids(store.search("south north", EVERYTHING, limit=20))[:2] == ["b", "c"]
    assert ids(store.search("gate south north", internal, limit=9)) == ["a", "b", "c"]
    assert ids(store.search("south gate north", internal, limit=1)) == ["b"]


def test_a_search_can_ask_for_kinds_only(store: Store) -> None:
    """Kinds cut before the tiers are filled; no kinds at all find nothing."""
    _library(store)
    assert ids(store.search("wording", EVERYTHING, limit=1, kinds=["Guideline", "Clause"])) == ["asset:clause-library"]
    assert ids(store.search("term:phrase", EVERYTHING, limit=1, kinds=["Clause"])) == []
    assert store.search("wording", EVERYTHING, limit=1, kinds=[]) == []
    assert ids(store.entities(EVERYTHING, kinds=["Term"])) == ["term:wording", "term:contract"]
    assert list(store.entities(EVERYTHING, kinds=[])) == []


def test_a_search_finds_what_was_there_at_a_revision(store: Store) -> None:
    """Old words find old states at their revision, and only there."""
    revise(store, entity("a", "Old name", properties={"description": "ancient"}))
    revise(store, entity("a", "New name", properties={"description": "modern"}))
    revise(store, close=["a"])
    for text, at in (("old", 1), ("ancient", 1), ("anci", 1), ("new", 2), ("modern", 2)):
        assert [ids(store.search(text, EVERYTHING, limit=5, at=one)) for one in range(4)] == [
            ["a"] if one == at else [] for one in range(4)
        ]
        assert store.search(text, EVERYTHING, limit=5) == []
    assert [row.name for at in (1, 2, 3) for row in store.search("some name", EVERYTHING, limit=5, at=at)] == ["Old name", "New name"]


# hostile text

HOSTILE = {
    "quotes": "O'Brien \"the\" `boss` \\ \\' -- ; DROP TABLE entity",
    "sql wildcards": "100%_sure a%b _",
    "full text": 'a AND b OR NOT c NEAR(d e) "open ^f* g:h {i} [j TO k] +l -m ~n ? !o && || / (p',
    "cypher": "`}) DETACH DELETE n //",
    "right to left": "שלום \u202eمرحبا\u202c עולם",  # noqa: RUF001  # Arabic and Hebrew are meant
    "emoji": "👩\u200d👩\u200d👧 🏴\U000e0067\U000e0062\U000e007f rocket🚀ship",
    "accents": "Ångström naïve Straße İstanbul ﬁne ①",
    "cjk": "東京都 株式会社 データ",
    "long": "word " * 2000 + "end",
    "one long word": "x" * 10_000,
    "blanks": " \t lead\u00a0and trail \n\r\n",
    "nul": "before\x00after \x01\x1f\x7f",
    "underscores": "snake_case __dunder__ _",
    "empty json": "{} [] null",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_survives_everywhere(store: Store, text: str) -> None:
    """Whatever a source says is data: it comes back as it went in, is found by itself, and disturbs nothing."""
    id_, alias = f"person:{text[:400]}", f"alias:{text[:400]}"
    row = entity(id_, text, properties={"note": text, "list": [text]}, aliases=[alias], sources=[text[:50]])
    edge = relation(id_, "knows", "person:ann", properties={"note": text}, sources=[text[:50]])
    said = claim(id_, source=text[:50], part=text[:50], name=text, same_as=[text], locator=text[:50])
    number = revise(store, ANN, row, edge, claims=[said, claim("person:ann", same_as=[text])], message=text)
    assert list(store.entities(EVERYTHING, ids=[id_])) == [row]
    assert list(store.relations(EVERYTHING, touching=[id_])) == [edge]
    assert store.walk(["person:ann"], [Rule("knows", outward=False, depth=1)], EVERYTHING, limit=FAR).entities == [ANN, row]
    assert [one.row for one in store.versions(id_)] == [row, edge]
    assert store.resolve([alias, id_], EVERYTHING) == {alias: id_, id_: id_}
    assert list(store.claims(about=[id_])) == list(store.claims(source=text[:50])) == [said._replace(revision=number)]
    assert store.head() == revision(1, text)
    assert store.tally(EVERYTHING).sources[text[:50]] == (1, 1)
    with store.draft(dry=True) as draft:
        assert draft.alike(["person:ann"]) == [("person:ann", text, id_)]
        assert draft.merged_as([alias]) == {alias: id_}
    found = ids(store.search(text, EVERYTHING, limit=5))
    assert found == ([id_] if fold(text) else [])
    assert ids(store.search(alias, EVERYTHING, limit=1)) == ids(store.search(id_, EVERYTHING, limit=1)) == [id_]
    assert list(store.entities(Filter(facets=frozenset(), shown=frozenset([id_])))) == [row]
    assert list(store.entities(Filter(hidden=frozenset([id_])))) == [ANN]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_search_text_is_a_query(store: Store, text: str) -> None:
    """Signs that a full-text engine would read as its language are blanks between words, in every part of the text."""
    _library(store)
    assert ids(store.search(f"contract {text}", EVERYTHING, limit=9))[:1] == ["term:contract"]
    for start in range(min(len(text), 60)):
        store.search(text[start : start + 7], EVERYTHING, limit=2)
    assert ids(store.search(f'"{text[:20]}" fallback*', EVERYTHING, limit=9))[:1] == ["asset:playbook"]


def test_words_are_searched_as_fold_makes_them(store: Store) -> None:
    """No engine's own idea of a word comes in: underscores stay inside words, accents and forms are folded, any script is searched."""
    revise(
        store,
        entity("1", "snake_case naming"),
        entity("2", "Ångström"),
        entity("3", "東京都 データ"),
        entity("4", "Straße"),
        entity("5", "rocket🚀ship"),
        entity("6", "مرحبا بالعالم"),
        entity("7", "the or and not near"),
        entity("8", "zzz", properties={"description": "snake_case"}),
    )
    found = {
        text: ids(store.search(text, EVERYTHING, limit=1))
        for text in ("snake_case", "naming snake_c", "angstrom", "東京都", "データ", "strasse", "ship", "مرحبا", "near or", "not", "the")
    }
    assert [one for (one,) in found.values()] == list("11233456777")
    assert ids(store.search("case", EVERYTHING, limit=9)) == ["1", "4"]  # by likeness of the name alone


@pytest.mark.parametrize(
    "kind", ["", "Per son", "Person`) DETACH DELETE n //", "Person'; DROP TABLE x; --", "1st", "_x", "Größe", "a-b", "Person\n", "a.b"]
)
def test_names_of_kinds_that_are_no_identifiers_are_refused(store: Store, kind: str) -> None:
    """A kind or a relation is letters, digits and underscores, a letter first; reads with any other name find nothing and harm nothing."""
    revise(store, ANN, BEN, relation("person:ann", "knows", "person:ben"))
    with pytest.raises(InputError):
        revise(store, CLEO._replace(kind=kind))
    with pytest.raises(InputError):
        revise(store, relation("person:ben", kind, "person:ann"))
    assert list(store.entities(EVERYTHING, kinds=[kind])) == list(store.relations(EVERYTHING, kinds=[kind])) == []
    assert store.search("ann", EVERYTHING, limit=3, kinds=[kind]) == []
    assert list(store.entities(Filter(facets=frozenset([Facet(kind, kind)])))) == []
    assert list(store.relations(Filter(relations=frozenset([kind])))) == []
    rules = [Rule(kind, outward=True, depth=3), Rule("knows", outward=True, depth=3)]
    masked = Filter(masked={kind: frozenset(["title"]), "Person": frozenset([kind, "`"])})
    assert ids(store.walk(["person:ann"], rules, masked, limit=FAR).entities) == ["person:ann", "person:ben"]
    assert (store.head(), list(store.entities(EVERYTHING))) == (revision(1), [ANN, BEN])


def test_properties_may_have_any_name(store: Store) -> None:
    """Names of properties are data too, also those that a store might use for itself."""
    names = [
        "id",
        "kind",
        "name",
        "_number",
        "_graph",
        "sensitivity",
        "a b",
        "`x`",
        "$x",
        "definition@de",
        "",
        "données",
        "x" * 300,
        "valid_from",
    ]
    row = entity("person:ann", properties=dict.fromkeys(names, "odd"))
    edge = relation("person:ann", "knows", "person:ann", properties=dict.fromkeys(names, "odd"))
    revise(store, row, edge)
    assert list(store.entities(EVERYTHING)) == [row]
    assert list(store.relations(EVERYTHING)) == [edge]
    masked = next(store.entities(Filter(masked={"Person": frozenset(["a b", "`x`", "id"])})))
    assert set(json.loads(masked.properties)) == {*names} - {"a b", "`x`", "id"}


def test_values_of_every_sort_survive(store: Store) -> None:
    """Numbers of any size, truth values, empty and mixed lists."""
    properties: Properties = {
        "big": 10**30,
        "small": -(2**63),
        "half": 0.5,
        "tiny": 5e-324,
        "yes": True,
        "empty": "",
        "none": [],
        "mixed": ["a", 1, 0.5, False],
    }
    row = entity("person:ann", properties=properties)
    edge = relation("person:ann", "knows", "person:ann", properties=properties)
    revise(store, row, edge)
    assert (list(store.entities(EVERYTHING)), list(store.relations(EVERYTHING))) == ([row], [edge])


# beside the graph


def test_notes_are_remembered_beside_the_graph(store: Store, connect: Place) -> None:
    """With a revision or outside any; the last text of a key stands; a prefix is a prefix and no pattern."""
    with store.draft() as draft:
        draft.note("source:hr", "one")
        draft.note("source:hr", "two")
        draft.note("rules", "r")
        draft.put_entities([ANN])
        draft.publish(revision(1))
    store.remember("source:wiki", "w")
    store.remember("source:hr", "three")
    for key in ("a%b", "a_b", "my source:x", "axb", "aXb", "A%B"):
        store.remember(key, key)
    assert store.notes("source:") == {"source:hr": "three", "source:wiki": "w"}
    assert store.notes("a%") == {"a%b": "a%b"}
    assert store.notes("a_") == {"a_b": "a_b"}
    assert set(store.notes()) == {"source:hr", "source:wiki", "rules", "my source:x", "a%b", "a_b", "axb", "aXb", "A%B"}
    assert store.notes("none") == {}
    assert connect().notes("rules") == {"rules": "r"}
    assert store.head() == revision(1)


def test_events_are_kept_oldest_first(store: Store) -> None:
    """Every field survives; `since` is inclusive and compares times, not their texts; equal times are in the order of recording."""
    noon = datetime(2026, 5, 1, 12, tzinfo=UTC)
    later = Event(at=noon + timedelta(microseconds=1), actor="person:ann", operation="find", outcome="refused")
    abroad = noon.astimezone(timezone(timedelta(hours=5, minutes=30)))
    full = Event(
        at=abroad,
        actor="agent:x",
        behalf="person:ann",
        operation="scope",
        question={"text": "née", "hops": 2, "deep": {"a": [1]}},
        revision=4,
        served=("a", "b"),
    )
    second = Event(at=noon, actor="person:ben", operation="show")
    earlier = Event(at=noon - timedelta(hours=1), actor="person:ben", operation="stats")
    for event in (later, full, second, earlier):
        store.record(event)
    assert list(store.events()) == [earlier, full, second, later]
    assert list(store.events(noon)) == [full, second, later]
    assert list(store.events(abroad + timedelta(microseconds=1))) == [later]
    assert list(store.events(noon + timedelta(days=1))) == []
    assert list(store.events(holding='"text":"née"')) == list(store.events(noon, holding='"deep":{"a":[1]')) == [full]
    assert list(store.events(noon + timedelta(days=1), holding="née")) == list(store.events(holding="%")) == []


def test_recording_and_remembering_make_no_revision(store: Store) -> None:
    """They are seen at once, also by other connections' reads, and leave the graph alone."""
    store.record(Event(at=datetime(2026, 5, 1, tzinfo=UTC), actor="person:ann", operation="find"))
    store.remember("x", "y")
    assert store.head() is None
    assert list(store.versions()) == []
    assert revise(store, ANN) == 1
    assert len(list(store.events())) == 1
