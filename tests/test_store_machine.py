"""Any sequence of drafts, filters, walks, searches and reads at old revisions gives the same answers as the reference, row by row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from itertools import product
from pathlib import Path
from typing import TypeAlias, cast

import pytest
from engines import place
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from reference_store import ReferenceStore
from rows import EVERYTHING, claim, entity, relation, revise, revision

from graph import Facet, Filter
from graph.stores.base import Claim, Draft, EntityRow, Limit, RelationKey, RelationRow, Rule, Store, fold, passes

IDS = [f"e:{number}" for number in range(6)]
ALIASES = [*IDS, "x:0", "x:1"]
KINDS, LEVELS, RELATIONS = ["Person", "Unit"], ["internal", "restricted"], ["knows", "part_of"]
KEYS: list[RelationKey] = list(product(IDS, RELATIONS, IDS))
SOURCES, PARTS = ["hr", "wiki"], ["a.csv", "b.csv"]
WORDS = ["red", "blue", "green", "greens", "re_d", "été"]
DAYS = ["", "2026-01-01", "2026-06-01"]
ASKED_DAYS = [None, date(2025, 12, 31), date(2026, 1, 1), date(2026, 5, 31), date(2026, 6, 1)]
REVISIONS = 8  # as many as one example makes: each is read again after every later one

Step: TypeAlias = Callable[[Draft], object]


def _some(values: Sequence[str], most: int = 3) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), max_size=most, unique=True)


names = st.lists(st.sampled_from(WORDS), max_size=3).map(" ".join)
days = st.tuples(st.sampled_from(DAYS), st.sampled_from(DAYS))
entities = st.builds(
    entity,
    st.sampled_from(IDS),
    names,
    kind=st.sampled_from(KINDS),
    sensitivity=st.sampled_from(LEVELS),
    valid=days,
    properties=st.dictionaries(st.sampled_from(["title", "title@de", "note"]), names, max_size=2),
    sources=_some(SOURCES, 2),
    aliases=_some(ALIASES, 2),
    contested=_some(["title", "note"], 1),
)
relations = st.builds(
    relation,
    st.sampled_from(IDS),
    st.sampled_from(RELATIONS),
    st.sampled_from(IDS),
    valid=days,
    properties=st.dictionaries(st.just("sort"), names, max_size=1),
    sources=_some(SOURCES, 2),
)
where_said = {"source": st.sampled_from(SOURCES), "part": st.sampled_from(PARTS), "locator": st.sampled_from(["1", "2"])}
saying = st.sampled_from(IDS[:3])  # few, so that the same is often said again
entity_claims = st.builds(claim, saying, same_as=_some(["login a", "login b", "email c"], 2), **where_said)
relation_claims = st.builds(claim, saying, st.sampled_from(RELATIONS), saying, **where_said)
filters = st.builds(
    Filter,
    facets=st.none() | st.frozensets(st.sampled_from([Facet(*pair) for pair in product(KINDS, LEVELS)])),
    relations=st.none() | st.frozensets(st.sampled_from(RELATIONS)),
    shown=st.frozensets(st.sampled_from(IDS), max_size=2),
    hidden=st.frozensets(st.sampled_from(IDS), max_size=2),
    masked=st.dictionaries(st.sampled_from(KINDS), st.frozensets(st.sampled_from(["title", "note"]))),
    as_of=st.sampled_from([*ASKED_DAYS]),
)


def _stage(claims: list[Claim]) -> Step:
    return lambda draft: draft.stage(claims)


def _withdraw(source: str, parts: list[str] | None) -> Step:
    return lambda draft: draft.withdraw(source, parts)


def _touch() -> Step:
    return lambda draft: draft.touch()


def _note(key: str, text: str) -> Step:
    return lambda draft: draft.note(key, text)


def _put(rows: list[EntityRow | RelationRow]) -> Step:
    """Put what may be put together: no id is at once an entity and an alias, or an alias of two."""

    def put(draft: Draft) -> None:
        for row in rows:
            if isinstance(row, RelationRow):
                draft.put_relations([row])
            elif row.id not in draft.merged_as([row.id]):
                owners, standing = draft.merged_as(row.aliases), draft.entity_digests(row.aliases)
                free = [alias for alias in row.aliases if alias not in standing and alias != row.id and owners.get(alias, row.id) == row.id]
                draft.put_entities([row._replace(aliases=tuple(free))])

    return put


def _close(ids: list[str], keys: list[RelationKey]) -> Step:
    def close(draft: Draft) -> None:
        draft.close_entities(ids)
        draft.close_relations(keys)

    return close


claiming = st.one_of(
    st.builds(_stage, st.lists(entity_claims | relation_claims, min_size=1, max_size=5)),
    st.builds(_withdraw, st.sampled_from(SOURCES), st.none() | _some(PARTS, 2)),
    st.builds(_touch),
)
writing = st.one_of(
    st.builds(_put, st.lists(entities | relations, min_size=1, max_size=5)),
    st.builds(_close, _some(IDS), st.lists(st.sampled_from(KEYS), max_size=3)),
    st.builds(_note, st.sampled_from(["source:hr", "rules"]), st.sampled_from(WORDS)),
)


@dataclass(frozen=True)
class Question:
    """What is asked of both stores after a step, at every revision so far."""

    where: Filter
    text: str
    limit: int
    kinds: list[str] | None
    touching: list[str] | None
    anchors: list[str]
    rules: list[Rule]
    room: Limit


questions = st.builds(
    Question,
    where=st.just(EVERYTHING) | filters,
    text=st.one_of(names, st.sampled_from([*ALIASES, "gre", "redd", "bleu", "ete", "e", "red blu"])),
    limit=st.integers(1, 4),
    kinds=st.none() | _some(KINDS, 1),
    touching=st.none() | _some(IDS),
    anchors=st.lists(st.sampled_from(IDS), max_size=4),
    rules=st.lists(st.builds(Rule, st.sampled_from(RELATIONS), outward=st.booleans(), depth=st.integers(0, 3)), max_size=4),
    room=st.builds(Limit, st.integers(0, 4), st.integers(0, 7), st.integers(0, 12)) | st.just(Limit(9, 9, 99)),
)


def _read_draft(draft: Draft) -> list[object]:
    return [
        draft.number,
        list(draft.touched_entities(2)),
        list(draft.touched_relations(2)),
        draft.alike(IDS),
        draft.alike(IDS[:1]),
        draft.entity_claims(IDS),
        draft.relation_claims(KEYS),
        draft.claimed_relations(IDS[:2]),
        draft.entity_digests(IDS),
        draft.relation_digests(KEYS),
        draft.merged_as(ALIASES),
        draft.aliases_of(IDS),
    ]


def _read_store(store: Store, numbers: list[int]) -> list[object]:
    """All that is read without a filter or a revision."""
    spans = [(0, number) for number in numbers[-3:-1]] + [(number, None) for number in numbers[-3:]]
    return [
        store.head(),
        list(store.revisions()),
        store.facets(),
        store.notes(),
        [list(store.versions(after=after, upto=upto)) for after, upto in spans],
        list(store.versions()),
        list(store.versions(IDS[0])),
        list(store.claims(source=SOURCES[0])),
    ]


READS: tuple[Callable[[Store, Question, int | None], object], ...] = (
    lambda store, asked, at: list(store.entities(asked.where, at=at)),
    lambda store, asked, at: list(store.entities(asked.where, ids=asked.anchors, kinds=asked.kinds, at=at)),
    lambda store, asked, at: list(store.relations(asked.where, at=at)),
    lambda store, asked, at: list(store.relations(asked.where, touching=asked.touching, kinds=RELATIONS[:1], at=at)),
    lambda store, asked, at: store.walk(asked.anchors, asked.rules, asked.where, limit=asked.room, at=at),
    lambda store, asked, at: store.search(asked.text, asked.where, limit=asked.limit, kinds=asked.kinds, at=at),
    lambda store, asked, at: store.resolve(ALIASES, asked.where, at=at),
    lambda store, asked, at: store.called([fold(asked.text), *WORDS], asked.where, at=at),
    lambda store, asked, at: store.tally(asked.where, at=at),
    lambda store, asked, at: list(store.claims(at=at)),
    lambda store, asked, at: list(store.claims(about=asked.anchors, at=at)),
)


class Twins(RuleBasedStateMachine):
    """A store and the reference, to which the same things happen."""

    def __init__(self, engine: str, folder: Path) -> None:
        super().__init__()
        self._stack = ExitStack()
        self.store = self._stack.enter_context(place(engine, folder))()
        self.reference = ReferenceStore()
        self.numbers: list[int] = []

    def teardown(self) -> None:
        self._stack.close()

    @initialize(order=st.permutations(IDS), people=st.lists(entities, max_size=6), ties=st.lists(relations, max_size=16))
    def begin(self, order: list[str], people: list[EntityRow], ties: list[RelationRow]) -> None:
        """A first revision in which everything is there and much is related, in an order of its own."""
        named = {row.id: row for row in people}
        rows = [named.get(id_, entity(id_, "red blue"))._replace(aliases=()) for id_ in order]
        for one in (self.store, self.reference):
            revise(one, *rows, *ties)
        self.numbers.append(1)

    @precondition(lambda self: len(self.numbers) < REVISIONS)
    @rule(
        steps=st.tuples(st.lists(claiming, max_size=3), st.lists(writing, max_size=4)),
        ending=st.sampled_from(["publish", "publish", "publish", "abandon", "dry"]),
        asked=st.lists(questions, min_size=1, max_size=3),
    )
    def draft(self, steps: tuple[list[Step], list[Step]], ending: str, asked: list[Question]) -> None:
        """One draft, step by step on both sides; then everything is read, at every revision."""
        dry = ending == "dry"
        with self.store.draft(dry=dry) as draft, self.reference.draft(dry=dry) as expected:
            for step in (*steps[0], *steps[1]):
                assert step(draft) == step(expected)
            assert _read_draft(draft) == _read_draft(expected)
            self.compare(asked)
            if ending == "publish":
                for one in (draft, expected):
                    one.publish(revision(expected.number))
                self.numbers.append(expected.number)
        assert _read_store(self.store, self.numbers) == _read_store(self.reference, self.numbers)
        self.compare(asked)

    @precondition(lambda self: self.numbers)
    @rule(asked=st.lists(questions, min_size=1, max_size=5))
    def ask(self, asked: list[Question]) -> None:
        """More questions."""
        self.compare(asked)

    @rule(key=st.sampled_from(["source:hr", "seen"]), text=st.sampled_from(WORDS))
    def remember(self, key: str, text: str) -> None:
        """A text remembered outside any revision."""
        for one in (self.store, self.reference):
            one.remember(key, text)
        assert self.store.notes() == self.reference.notes()

    def compare(self, asked: list[Question]) -> None:
        """Both sides answer alike now, before the first revision, and at every revision so far; also while one question is answered, where
        what was read for one filter, day and revision serves no other.
        """
        for one, at in product(asked, (None, 0, *self.numbers)):
            for read in READS:
                assert read(self.store, one, at) == read(self.reference, one, at), f"at {at}"
            everything, seen = self.store.entities(EVERYTHING, at=at), self.store.entities(one.where, at=at)
            assert [row.id for row in everything if passes(row, one.where)] == [row.id for row in seen], f"at {at}"
        with self.store.question():  # backwards: what reads all comes last
            for at, one, day, read in product((None, *self.numbers[-2:-1]), asked[:1], ASKED_DAYS[:3:2], READS[::-1]):
                there = replace(one, where=one.where.model_copy(update={"as_of": day}))
                assert read(self.store, there, at) == read(self.reference, there, at), f"at {at}, on {day}"


EXAMPLES = {"sqlite": (60, 10), "neo4j": (3, 6)}  # how many, and of how many steps


@pytest.mark.slow
@pytest.mark.timeout(900)  # making a failing example small may take five minutes
@pytest.mark.parametrize("engine", EXAMPLES)
def test_a_store_is_the_reference_whatever_happens_to_it(engine: str, tmp_path: Path) -> None:
    """After every step of any sequence all reads at every revision so far are equal, rows and order."""
    examples, length = EXAMPLES[engine]
    with place(engine, tmp_path):  # says at once, and not from inside an example, that this engine is not there
        pass
    machine = cast("type[RuleBasedStateMachine]", partial(Twins, engine, tmp_path))  # any factory will do, whatever hypothesis declares
    run_state_machine_as_test(machine, settings=settings(max_examples=examples, stateful_step_count=length))
