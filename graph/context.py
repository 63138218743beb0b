"""The one deep class: a graph of context with the verbs that people say. Every question passes the actor's Filter; every load is a revision."""

from __future__ import annotations

import copy
import gc
import json
import time
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from itertools import chain as chained
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from graph import (
    analysis,
    around,
    chain,
    changes,
    checks,
    consistency,
    demand,
    dispositions,
    drift,
    export,
    identity,
    impact,
    language,
    lateness,
    meanings,
    past,
    policy,
    portable,
    precedents,
    proposals,
    readiness,
    registry,
    restore,
    review,
    route,
    runs,
    scope,
    scores,
    shape,
    verify,
    ways,
)
from graph.chain import Chain
from graph.consistency import Enforced, Unlike
from graph.errors import InputError, NotAllowed, NotFound
from graph.model import (
    Actor,
    At,
    Counts,
    Event,
    Filter,
    Finding,
    Lines,
    Moment,
    Reading,
    Revision,
    Scalar,
    Sensitivity,
    SourceTerms,
    Value,
    canonical,
)
from graph.ontology import Ontology
from graph.past import Compared, Difference, Happened, Tag, changed
from graph.policy import EVERYTHING, Policy
from graph.portable import Copied
from graph.render import Item, Stamp, Subgraph, entity_json, relation_json
from graph.restore import Damage
from graph.scope import Hit, Scope, View
from graph.snapshots import Snapshots
from graph.stores import open_store
from graph.stores.base import Claim, Draft, EntityRow, RelationRow, Store, Tally

_FEW = 5  # facts: a source that lost fewer did not shrink, however small it is
_REVERTED = "reverted:"  # the notes on what was undone: the digests of the parts of its sources
_FINDINGS = 1000  # a load that has more wrong than this says how many more there are


class SourceReport(Value):
    """What was read of one source: the things and relations that it describes, and the seconds that it took."""

    name: str
    entities: int
    relations: int
    seconds: float


class LoadReport(Value):
    """What a load did, or would do: `revision` is the newest after it; the one before where nothing changed."""

    revision: int
    sources: tuple[SourceReport, ...] = ()
    added: Counts = Counts()
    changed: Counts = Counts()
    withdrawn: Counts = Counts()
    findings: tuple[Finding, ...] = ()
    dry: bool = False


class Compacted(Value):
    """What a compaction took away: states of things and claims that only revisions before this one saw, but for the kept ones."""

    revision: int
    before: int
    kept: tuple[int, ...]
    facts: int
    claims: int


class Explained(Value):
    """Whether somebody sees a thing, and for each of those whose rights must agree the rule that decides."""

    id: str
    kind: str
    sensitivity: str
    state: Literal["allowed", "denied"]
    masked: tuple[str, ...] = ()
    verdicts: tuple[policy.Verdict, ...]


class Seen(Value):
    """A sensitive thing and who sees it, by which rule."""

    id: str
    name: str
    kind: str
    sensitivity: str
    by: tuple[policy.Verdict, ...]


@dataclass(frozen=True)
class Shown:
    """One entity whole: its relations, what each source claims of it, and the revisions that changed it."""

    item: Item
    relations: tuple[RelationRow, ...]
    claims: tuple[Claim, ...]
    history: tuple[Mapping[str, Any], ...]
    names: Mapping[str, str]
    stamp: Stamp
    written: Mapping[Claim, Lines]  # who wrote the line that a claim was read from


@dataclass
class _Loading:
    """What a load has gathered so far."""

    reports: list[SourceReport] = field(default_factory=list[SourceReport])
    findings: list[Finding] = field(default_factory=list[Finding])
    notes: dict[str, str] = field(default_factory=dict[str, str])
    losses: dict[str, _Loss] = field(default_factory=dict[str, "_Loss"])
    more: int = 0

    def keep(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            if len(self.findings) < _FINDINGS:
                self.findings.append(finding)
            else:
                self.more += 1


@dataclass(frozen=True)
class _Loss:
    """How much a source said when it was last loaded and says now, entities and relations each, and which of its parts are gone."""

    before: tuple[int, int]
    after: tuple[int, int]
    gone: tuple[str, ...]

    def beyond(self, share: float) -> bool:
        """Whether more than this share of it is gone; a handful of facts is not, unless it is all."""
        before, after = sum(self.before), sum(self.after)
        return before - after > share * before and (before - after >= _FEW or not after)


if TYPE_CHECKING:
    import networkx as nx

_Row = TypeVar("_Row")


class ContextGraph:
    """A store, the ontology it is read by, and the policy that says who sees what."""

    def __init__(
        self,
        store: Store,
        *,
        ontology: Ontology,
        access: Policy = EVERYTHING,
        terms: Sequence[SourceTerms] = (),
        aliases: Mapping[str, str] | None = None,
        organization: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        tell: Callable[[str, Mapping[str, object]], None] = lambda _event, _said: None,
        snapshots: Snapshots | None = None,
        enforced: Enforced | None = None,
    ) -> None:
        self.store, self.ontology, self.access, self.organization, self.now = store, ontology, access, organization, now
        self.terms = {one.name: one for one in (*terms, *proposals.TERMS)}
        self.aliases, self.tell, self.snapshots, self.enforced = dict(aliases or {}), tell, snapshots, enforced or Enforced()
        self.watch: Callable[[str], None] = lambda _: None  # told in words how far a long answer has come
        self._views: dict[tuple[object, ...], Filter] = {}
        self._vocabularies: dict[tuple[object, ...], language.Vocabulary] = {}
        self._shapes: list[tuple[int, Filter, shape.Shape]] = []
        self._loose: tuple[int, list[checks.Dangling]] = (-1, [])
        self._retention = (0, past.Retention())
        self._pinned: int | None = None

    def close(self) -> None:
        """Let go of the store."""
        self.store.close()

    # who sees what, and when

    def view(self, actor: Actor, *, at: At = None, task: str = "") -> View:
        """The graph through this actor's eyes at a revision (a number or a time; None: the newest) and on a day, for a task if one is named.

        The day is that of a `Moment`, else today, or, of an old revision, the day on which that was made, so that it answers as it did then. The rights are
        those of today. A run's id in place of `at` is the revision and the day that the run is pinned to.
        """
        at, day = at if isinstance(at, Moment) else Moment(at)
        if isinstance(at, str) and at.startswith(runs.PREFIX):
            run = runs.going_on(self.run(at, actor=actor))
            at, day = run.revision, day or date.fromisoformat(run.day)
        head = self.store.head()
        revision = self._revision(self._pinned if at is None else at, head)
        today = day or (revision.at.date() if at is not None and revision else self.now().date())
        number = revision.number if revision and (at, self._pinned) != (None, None) else None
        where = self._filter(actor, head.number if head else 0, number, today, task)
        stamp = Stamp(
            revision=revision.number if revision else 0,
            at=_moment(revision.at) if revision else "",
            digest=revision.digest if revision and where == Filter(as_of=where.as_of) else "",  # it is one of all that is there
            organization=self.organization,
        )
        return View(self.store, where, number, today, self.ontology, stamp, self._owners())

    def _revision(self, at: str | int | None, head: Revision | None) -> Revision | None:
        if at is None:
            return head
        tagged = None if str(at).isdecimal() else past.tags(self.store).get(str(at))
        if tagged is not None or str(at).isdecimal():
            found = next(self.store.revisions([tagged or int(at)]), None)
        else:
            moment = _parse(str(at))
            found = max((one for one in self.store.revisions() if one.at <= moment), key=lambda one: one.number, default=None)
        if found is None:
            first = next((one for one in self.store.revisions() if not str(at).isdecimal()), None)
            message = f"there is no revision {at}; the newest is {head.number if head else 0}"
            message = f"there was no revision yet at {at}; the first is of {_moment(first.at)}" if first else message
            raise NotFound(message)
        if not self._kept(head.number if head else 0).promises(found.number):
            message = f"revision {found.number} was given up by a compaction; kept are all from {self._retention[1].before} on, and what tags name"
            raise NotFound(message)
        return found

    def _kept(self, head: int) -> past.Retention:
        """What can still be asked; it changes only by a revision."""
        if self._retention[0] != head:
            self._retention = (head, past.retention(self.store))
        return self._retention[1]

    def _filter(self, actor: Actor, head: int, at: int | None, today: date, task: str) -> Filter:
        day = self.now().date()
        key = (actor, head, at, today, day, task)
        if key not in self._views:
            if len(self._views) > 256:
                self._views.clear()
            worlds = [policy.World(self.store, today, at), *([policy.World(self.store, day)] if (at, today) != (None, day) else [])]
            self._views[key] = policy.visible(
                self.access, actor, worlds=worlds, ontology=self.ontology, as_of=today, day=day, task=self._named(task)
            )
        return self._views[key]

    def _named(self, task: str) -> str:
        """The id under which the graph knows a task."""
        apart = any(one.startswith("task:") for one in self.access.actors)  # else it is of no account which task it is
        return self.store.resolve([task], Filter()).get(task, task) if task and apart else task

    def explain(self, subject: str, id_: str, *, behalf: str = "", task: str = "", actor: Actor) -> Explained:
        """Which rule decides whether somebody sees a thing; for those who see everything themselves, and for everybody of themselves.

        `NotAllowed` for anybody else. What is not there is not there for anybody: `NotFound`.
        """
        self._sees_policy(actor, of=subject)
        asked = self.access.actor(subject, behalf=behalf)
        view = self.view(actor)
        row = next(self.store.entities(view.where, ids=[scope.known(view, [id_])[id_]]))
        day = self.now().date()
        world = policy.World(self.store, day)
        verdicts = policy.explain(self.access, asked, row, world=world, ontology=self.ontology, day=day, task=self._named(task))
        state = "allowed" if all(one.state == "allowed" for one in verdicts) else "denied"
        masked = frozenset(name for one in verdicts for name in one.masked) if state == "allowed" else frozenset[str]()
        return Explained(
            id=row.id, kind=row.kind, sensitivity=row.sensitivity, state=state, masked=tuple(sorted(masked)), verdicts=tuple(verdicts)
        )

    def sees_everything(self, actor: Actor) -> bool:
        """Whether nothing is hidden from this actor."""
        return self.view(actor).where == Filter(as_of=self.now().date())

    def needs_everything(self, actor: Actor, what: str) -> None:
        if not self.sees_everything(actor):
            message = f"{actor.id} may not {what}: that needs the right to see everything"
            raise NotAllowed(message)

    def _sees_policy(self, actor: Actor, *, of: str = "") -> None:
        if not self.sees_everything(actor) and of != actor.id:
            message = f"{actor.id} may not look into the rights of others: that needs the right to see everything"
            raise NotAllowed(message)

    def may_see(self, actor: Actor, kind: str) -> bool:
        """Whether the policy lets this actor see things of a kind that are kept beside the graph: runs, proposals, findings of others."""
        day = self.now().date()
        return policy.sees_kind(self.access, actor, kind, world=policy.World(self.store, day), ontology=self.ontology, day=day)

    def _acting(self, actor: Actor) -> list[Actor]:
        """The actor and whom it acts for, each for themselves."""
        return [one.model_copy(update={"behalf": ""}) for one in self.access.acting(actor)]

    def sensitive(self, *, least: Sensitivity, actor: Actor) -> list[Seen]:
        """Who sees each thing that is at least this sensitive, and by which rule: of all whom the policy names, and of all registered agents."""
        self._sees_policy(actor)
        view = self.view(actor)
        levels = list(Sensitivity)[list(Sensitivity).index(least) :]
        agents = [row.id for row in self.store.entities(view.where, kinds=sorted(self.ontology.family("Agent")))]
        asked = [self.access.actor(id_) for id_ in sorted({*self.access.actors, *agents}) if not id_.startswith("task:")]
        day = self.now().date()
        world = policy.World(self.store, day)
        judged = policy.Judge(self.access, asked, world=world, ontology=self.ontology, day=day)
        return [
            Seen(id=row.id, name=row.name, kind=row.kind, sensitivity=row.sensitivity, by=tuple(judged.who_sees(row)))
            for row in self.store.entities(view.where)
            if row.sensitivity in levels
        ]

    # writing

    def known(self, source: str) -> dict[str, str]:
        """The digests of the parts of a source as they were last loaded, by path; empty where all must be read again."""
        note = self._note(source)
        if not note or note.get("rules") != self.ontology.digest:
            return {}
        return {path: one[0] for path, one in note["parts"].items()}

    def loaded(self, source: str) -> dict[str, str]:
        """The digests of the parts of a source as they were last loaded, whatever must be read again."""
        return {path: one[0] for path, one in self._note(source).get("parts", {}).items()}

    def held(self, source: str) -> dict[str, int]:
        """How many facts each part of a source held when it was last loaded."""
        return {path: one[1] + one[2] for path, one in self._note(source).get("parts", {}).items()}

    def remembered(self, key: str) -> str:
        """The text remembered beside the graph under this key, or ""."""
        return self.store.notes(key).get(key, "")

    def _note(self, source: str) -> dict[str, Any]:
        text = self.store.notes(f"source:{source}").get(f"source:{source}")
        return json.loads(text) if text else {}

    def undone(self, source: str) -> dict[int, list[str]]:
        """By revert: the things of which the graph holds something else than this source says, since it has said nothing new of them."""
        first, reverts = dict[tuple[str, str], tuple[int, str, bool]](), self.store.notes(_REVERTED)
        read = self.loaded(source)
        for number, text in sorted((int(key.removeprefix(_REVERTED)), text) for key, text in reverts.items()):
            same = {path for path, digest in json.loads(text).get(source, {}).items() if read.get(path) == digest}
            for claim, until in self.store.claimed(after=number - 1, upto=number) if same else ():
                if claim.source == source and claim.part in same:
                    first.setdefault((claim.part, claim.digest), (number, claim.subject, until > 0))
        living = {(claim.part, claim.digest) for claim in self.store.claims(source=source)} if first else set[tuple[str, str]]()
        found = dict[int, set[str]]()
        for key, (number, subject, says) in first.items():
            if says != (key in living):
                found.setdefault(number, set()).add(subject)
        return {number: sorted(subjects) for number, subjects in found.items()}

    def said_before(self, source: str) -> bool:
        """Whether this source said anything when it was last loaded."""
        return _total(self._note(source).get("parts", {})) != (0, 0)

    def load(
        self,
        readings: Iterable[Reading],
        *,
        actor: str,
        message: str = "load",
        dry: bool = False,
        keep_going: bool = False,
        complete: bool = True,
        shrink: Mapping[str, float] | None = None,
        confirmed: Collection[str] = (),
    ) -> LoadReport:
        """Read sources into one revision, whole or not at all; a `dry` load says what it would do.

        With `complete` these are all sources: what others said before is withdrawn. Any finding of level error stops the load, unless
        `keep_going` takes the good facts and leaves the bad. `InputError` carries all findings.

        `shrink` is for each source the share (0 to 1) of its facts that may be gone since it was last loaded. One that lost more, or all,
        stops the load, unless it is among the `confirmed`; a dry load goes on and warns.
        """
        loading = _Loading()
        began = self.now()
        with _rare_collections(), self.store.draft(dry=dry) as draft:
            names: list[str] = []
            rows = self._rows(draft, began)
            for reading in readings:
                names.append(reading.terms.name)
                self._stage(draft, reading, rows, loading)
            if complete:
                self._withdraw_others(draft, names, loading)
            self._let_go(draft, loading)
            self._stop_on_errors(loading, keep_going=keep_going)
            self._stop_on_loss(loading, shrink or {}, confirmed, dry=dry)
            rules = self._rules()
            if self.store.notes("rules").get("rules", rules) != rules:
                draft.touch()
            settled = changes.settle(draft, rows=rows, aliases=self.aliases)
            loading.keep(settled.findings)
            self._stop_on_errors(loading, keep_going=keep_going)
            head = self.store.head()
            revision = self._sealed(draft.number, head, began, actor, message, settled)
            if not dry and not settled.empty:
                for key, text in {**loading.notes, "rules": rules}.items():
                    draft.note(key, text)
                draft.publish(revision)
        if not dry and settled.empty:
            for key, text in {**loading.notes, "rules": rules}.items():
                self.store.remember(key, text)
        number = (head.number if head else 0) if settled.empty or dry else revision.number
        if not dry:
            self._tell([] if settled.empty else [revision], loading.findings)
        return LoadReport(
            revision=number,
            sources=tuple(loading.reports),
            added=settled.added,
            changed=settled.changed,
            withdrawn=settled.withdrawn,
            findings=tuple(loading.findings),
            dry=dry,
        )

    def _rows(self, draft: Draft, began: datetime) -> changes.Rows:
        moments = {one.number: _moment(one.at) for one in self.store.revisions()}
        moments |= dict.fromkeys((draft.number, 0), _moment(_after(self.store.head(), began)))
        return changes.Rows(ontology=self.ontology, terms=self.terms, loaded_at=moments.__getitem__)

    def _commit(self, write: review.Write, actor: str, message: str) -> int:
        """One revision of what is written into a draft, and its number; `InputError` where the graph would stay as it is, or break a rule."""
        began = self.now()
        with self.store.draft() as draft:
            notes = write(draft)
            settled = changes.settle(draft, rows=self._rows(draft, began), aliases=self.aliases)
            if wrong := [one for one in settled.findings if one.level == "error"]:
                raise InputError(f"nothing was changed: {wrong[0].message}", settled.findings)
            if settled.empty:
                text = "nothing was changed: it is so already"
                raise InputError(text)
            for key, text in notes.items():
                draft.note(key, text)
            revision = self._sealed(draft.number, self.store.head(), began, actor, message, settled)
            draft.publish(revision)
        self._tell([revision], [])
        return revision.number

    def _tell(self, revisions: Iterable[Revision], findings: Sequence[Finding]) -> None:
        """Tell who listens, in ids and counts: what they say is for those with the right to it."""
        for one in revisions:
            self.tell("revision", one.model_dump(mode="json", exclude={"message"}))
        if findings:
            said = [one.model_dump(mode="json", include={"id", "check", "level", "subject", "owner"}) for one in findings]
            self.tell("finding", {"findings": said})

    def _let_go(self, draft: Draft, loading: _Loading) -> None:
        """Withdraw what was accepted or confirmed here and the sources now say themselves."""
        sources = proposals.Sources(draft, self.terms, self.ontology, self.now().date().isoformat())
        for id_ in proposals.adopted(sources, self.store):
            draft.withdraw(proposals.SOURCE, [id_])
            ending = proposals.Ending(state="adopted", at=_moment(self.now()), revision=draft.number)
            loading.notes[proposals.key("ending", id_, "adopted")] = proposals.text_of(ending)
            message = f"{id_} is closed: the sources now say it themselves"
            loading.keep([Finding(id=f"adopted:{id_}", check="adopted", level="note", subject=id_, message=message)])
        for id_ in proposals.outdated(sources, self.store):
            draft.withdraw(proposals.CONFIRMED, [id_])
            loading.notes[f"{proposals.CONFIRMED}:{id_}"] = ""

    def _stage(self, draft: Any, reading: Reading, rows: changes.Rows, loading: _Loading) -> None:
        started = time.perf_counter()
        name = reading.terms.name
        if name in (proposals.SOURCE, proposals.CONFIRMED):
            message = f"a source cannot be named {name!r}: that is the name of what was decided here"
            raise InputError(message)
        self.terms.setdefault(name, reading.terms)
        before: dict[str, tuple[str, int, int]] = self._note(name).get("parts", {})
        staged = changes.stage(draft, reading, rows=rows, known={path: one[0] for path, one in before.items()})
        unread = ("", 0, 0)
        parts = {path: (digest, *staged.counts.get(path, before.get(path, unread)[1:])) for path, digest in staged.parts.items()}
        loading.keep(staged.findings)
        loading.losses[name] = _Loss(_total(before), _total(parts), tuple(path for path in before if path not in parts))
        entities, relations = _total(parts)
        report = SourceReport(name=name, entities=entities, relations=relations, seconds=round(time.perf_counter() - started, 3))
        loading.reports.append(report)
        note = {"read_at": _moment(self.now()), "rules": self.ontology.digest, "parts": parts}
        loading.notes[f"source:{name}"] = canonical({**note, "terms": reading.terms.model_dump(mode="json")})
        kept = self.store.notes(_lines_key(name, "")) if before else {}
        current = {_lines_key(name, path) for path in parts}
        loading.notes |= {key: "" for key, text in kept.items() if text and key not in current}
        for path, lines in staged.lines.items():
            if lines or kept.get(_lines_key(name, path)):
                loading.notes[_lines_key(name, path)] = canonical(lines) if lines else ""

    def _withdraw_others(self, draft: Any, names: Sequence[str], loading: _Loading) -> None:
        for key, text in self.store.notes("source:").items():
            name = key.partition(":")[2]
            if name in names or not text:
                continue
            count = draft.withdraw(name)
            loading.notes[key] = ""
            if count:
                message = f"source {name!r} is no longer in the workspace: its {count} claims are withdrawn"
                loading.keep([Finding(id=f"source_gone:{name}", check="source_gone", level="note", subject=name, message=message)])

    def _stop_on_errors(self, loading: _Loading, *, keep_going: bool) -> None:
        wrong = [finding for finding in loading.findings if finding.level == "error"]
        if wrong and not keep_going:
            more = f" and {len(wrong) - 1 + loading.more} more" if len(wrong) + loading.more > 1 else ""
            message = f"nothing was loaded: {wrong[0].message}{more}"
            raise InputError(message, loading.findings)

    def _stop_on_loss(self, loading: _Loading, shrink: Mapping[str, float], confirmed: Collection[str], *, dry: bool) -> None:
        """No accidental mass deletion: a source that lost more than its share stops the load until somebody says that it is right."""
        lost = [(name, loss) for name, loss in loading.losses.items() if name in shrink and loss.beyond(shrink[name])]
        level = "warning" if dry else "error"
        findings = [_shrunk(name, loss, level="note" if name in confirmed else level) for name, loss in lost]
        loading.keep(findings)
        if wrong := [one for one in findings if one.level == "error"]:
            more = f" (and {len(wrong) - 1} more sources)" if len(wrong) > 1 else ""
            names = " ".join(f"--confirm {one.subject}" for one in wrong)
            raise InputError(f"nothing was loaded: {wrong[0].message}{more} If that is right: load {names}", findings)

    def _rules(self) -> str:
        """The digest of all that merging depends on besides the claims."""
        terms = {name: one.model_dump(mode="json") for name, one in sorted(self.terms.items())}
        return sha256(canonical([self.ontology.digest, terms, self.aliases]).encode()).hexdigest()

    def _sealed(self, number: int, head: Revision | None, began: datetime, actor: str, message: str, settled: changes.Settled) -> Revision:
        """The revision with its digest: over its content, its own words, and the digest before it."""
        plain = Revision(
            number=number,
            at=_after(head, began),
            actor=actor,
            message=message,
            added=settled.added,
            changed=settled.changed,
            withdrawn=settled.withdrawn,
        )
        return chain.seal(plain, settled.content, head.digest if head else "")

    def revert(self, at: str | int, *, actor: Actor) -> LoadReport:
        """Undo what one revision changed, as a new revision: what it claimed is withdrawn, what it withdrew is claimed again.

        What later revisions changed stays. A source is not asked: what it said stays undone until it says something new, and `undone` tells.
        """
        self.needs_everything(actor, "revert revisions")
        number, began = self.view(actor, at=at).stamp.revision, self.now()
        made = list(self.store.claimed(after=number - 1, upto=number))
        with self.store.draft() as draft:
            draft.stage([one.claim for one in made if one.until])
            draft.drop([one.claim for one in made if not one.until])
            settled = changes.settle(draft, rows=self._rows(draft, began), aliases=self.aliases)
            head = self.store.head()
            revision = self._sealed(draft.number, head, began, actor.id, f"revert of revision {number}", settled)
            if not settled.empty:
                draft.note(
                    f"{_REVERTED}{draft.number}", canonical({name: self.loaded(name) for name in {one.claim.source for one in made}})
                )
                draft.publish(revision)
        return LoadReport(
            revision=head.number if settled.empty and head else revision.number,
            added=settled.added,
            changed=settled.changed,
            withdrawn=settled.withdrawn,
            findings=tuple(settled.findings),
        )

    def compact(self, before: str | int, *, actor: Actor) -> Compacted:
        """Give up the revisions before this one, but for those that tags name and runs hold: what only they saw is taken away for good.

        Every answer at a revision that is kept stays what it was; one at a revision given up is refused. The chain of digests stays whole.
        """
        self.needs_everything(actor, "compact the past")
        number = self.view(actor, at=before).stamp.revision
        promised = past.retention(self.store)
        kept = tuple(one for one in past.pinned(self.store) if one < number and promised.promises(one))
        with self.store.draft() as draft:
            done = chain.compaction(self.store, number, kept)
            head = self.store.head()
            if head and (done.facts or done.claims):
                draft.forget(number, kept)
                draft.note(*past.retain(past.Retention(number, kept)))
                draft.note(f"{chain.COMPACTED}{draft.number}", done.note)
                plain = Revision(
                    number=draft.number, at=_after(head, self.now()), actor=actor.id, message=f"compact before revision {number}"
                )
                head = chain.seal(plain, chain.term(done.note), head.digest)
                draft.publish(head)
        self._forget_shapes()
        return Compacted(revision=head.number if head else 0, before=number, kept=kept, facts=done.facts, claims=done.claims)

    def verified(self, *, actor: Actor) -> Chain:
        """The chain of digests recomputed from what is stored; needs the right to everything."""
        self.needs_everything(actor, "verify what is stored")
        with _rare_collections():
            return chain.verify(self.store)

    def stored(self, *, actor: Actor) -> list[Finding]:
        """All that was changed behind the system's back: what is not as it was sealed, not what its claims say, or not kept as it was written."""
        found = list(self.verified(actor=actor).findings)
        if any(one.check.startswith("claim_") for one in found):  # nothing can be worked out from such claims
            return [*found, *self.misplaced(actor=actor)]
        return [*found, *self.damage(actor=actor).findings]

    def misplaced(self, *, actor: Actor) -> list[Finding]:
        """What is not kept as it was written: for quick reading, or beside the graph; needs the right to everything."""
        self.needs_everything(actor, "verify what is stored")
        with _rare_collections():
            return list(restore.misplaced(self.store))

    def damage(self, *, actor: Actor) -> Damage:
        """What of the living graph is not what its claims say, and what is not kept as it was written.

        Of the claims nothing can be said where they are not recognized, or while the rules of merging are others than at the last load.
        """
        found = self.misplaced(actor=actor)
        other_rules = self.store.notes("rules").get("rules", "") != self._rules()
        if other_rules or any(one.check == "unrecognized" for one in found):
            return Damage((), (), tuple(found))
        moments = {one.number: _moment(one.at) for one in self.store.revisions()}
        with _rare_collections():
            damage = restore.damage(
                self.store, ontology=self.ontology, terms=self.terms, aliases=self.aliases, loaded_at=lambda number: moments.get(number, "")
            )
        return damage._replace(findings=tuple(sorted([*found, *damage.findings], key=lambda one: (one.subject, one.check))))

    def mend(self, *, actor: Actor) -> Damage:
        """Restore the living graph from its claims, in place, and make anew what helps reading; returns what was mended."""
        before = self.misplaced(actor=actor)
        if any(one.check == "unrecognized" for one in before):
            self.store.mend((), ())  # first: the claims are read by it
        found = self.damage(actor=actor)
        if found.mendable:
            self.store.mend(found.rows, found.gone)
        self._forget_shapes()
        return found._replace(findings=(*before, *(one for one in found.findings if one not in before)))

    def _forget_shapes(self) -> None:
        """What was kept of the graph is not what the store holds any more, or shall not be held."""
        self._shapes.clear()
        self._loose = (-1, [])
        if self.snapshots:
            self.snapshots.clear()

    def backup(self, file: Path, *, actor: Actor) -> Copied:
        """The whole store with its history as one file, while others go on."""
        self.needs_everything(actor, "make a backup")
        return portable.backup(self.store, file)

    def restore(self, file: Path, *, actor: Actor) -> Copied:
        """A backup into this store, which is empty or holds the first revisions of it."""
        self.needs_everything(actor, "restore a backup")
        return portable.restore(file, self.store)

    def copy(self, url: str, *, actor: Actor) -> Copied:
        """The whole store with its history into another, which is empty or holds the first revisions of it."""
        self.needs_everything(actor, "copy the store")
        target = open_store(url)
        try:
            return portable.copy(self.store, target)
        finally:
            target.close()

    # reading

    def find(self, text: str, *, actor: Actor, limit: int = 10, kinds: Sequence[str] = (), at: At = None) -> list[Hit]:
        """What a text names, best first."""
        known = [one for kind in kinds for one in sorted(self.ontology.family(self.ontology.kind(kind).name))]
        return scope.find(self.view(actor, at=at), text, limit=limit, kinds=known)

    def scope(self, question: Scope, *, actor: Actor, at: At = None) -> Subgraph:
        """The part of the graph that fits this actor and this task."""
        return scope.scope(self.view(actor, at=at, task=question.task), question)

    def show(self, id_: str, *, actor: Actor, at: At = None) -> Shown:
        """One entity with all that is known of it; `NotFound` where it is absent or hidden."""
        view = self.view(actor, at=at)
        own = scope.known(view, [id_])[id_]
        row = next(self.store.entities(view.where, ids=[own], at=view.at))
        found = self.store.relations(view.where, touching=[own], at=view.at)
        relations = tuple(
            sorted(found, key=lambda one: (one.kind, one.source, one.target))
        )  # the store's order hangs on what is hidden, too
        others = {end for one in relations for end in (one.source, one.target)}
        names = {one.id: one.name for one in self.store.entities(view.where, ids=sorted(others), at=view.at)} if others else {}
        fresh = scope.freshnesses(view, [row])[own]
        masked = view.where.masked.get(row.kind, frozenset())  # whatever kind a source gives it
        claims = tuple(
            _masked_claim(claim, masked) for claim in self.store.claims(about=[own, *row.aliases], at=view.at) if not claim.target
        )
        item = Item(row=row, why=(), rank=1.0, freshness=fresh)
        lines = self.store.notes(*{_lines_key(one.source, one.part) for one in claims}) if claims else {}
        written = {claim: by for claim in claims if (by := _written(claim, lines))}
        return Shown(item, relations, claims, tuple(self._entity_history(view, row)), names, view.stamp, written)

    def around(
        self,
        id_: str,
        *,
        actor: Actor,
        opened: Sequence[str] = (),
        without: Sequence[str] = (),
        limit: int = 300,
        at: At = None,
    ) -> around.Around:
        """What stands around a thing and around the things opened beside it, as a picture needs it."""
        return around.around(self.view(actor, at=at), id_, opened=opened, without=without, limit=limit)

    def _entity_history(self, view: View, row: EntityRow) -> Iterator[Mapping[str, Any]]:
        versions = [one for one in self.store.versions(row.id, upto=view.at) if isinstance(one.row, EntityRow)]
        numbers = {number for one in versions for number in (one.since, one.until) if number}
        when = {one.number: one for one in self.store.revisions(numbers)}
        previous: EntityRow | None = None
        for version in sorted(versions, key=lambda one: one.since):
            now = version.row
            assert isinstance(now, EntityRow)
            revision = when[version.since]
            change = "changed" if previous else "added"
            different = [] if previous is None else _shown(changed(previous, now), now, view.where)
            yield {
                "revision": version.since,
                "at": _moment(revision.at),
                "actor": revision.actor,
                "change": change,
                "properties": different,
            }
            if version.until and not any(one.since == version.until for one in versions):
                ended = when[version.until]
                yield {"revision": version.until, "at": _moment(ended.at), "actor": ended.actor, "change": "withdrawn", "properties": []}
            previous = now

    def history(self, *, actor: Actor) -> list[Revision]:
        """The revisions, newest first. Their counts and digests are of all that changed, so they are for those who may see everything."""
        revisions = list(self.store.revisions())
        if self.view(actor).where.facets is not None:
            revisions = [
                one.model_copy(update={"digest": "", **dict.fromkeys(("added", "changed", "withdrawn"), Counts())}) for one in revisions
            ]
        return revisions[::-1]

    def happened(self, id_: str, *, actor: Actor, at: At = None) -> list[Happened]:
        """What the revisions did to one thing and the relations that touch it, or to one relation (`source kind target`); newest first."""
        view = self.view(actor, at=at)
        start, *rest = id_.split(" ")
        there = self.store.resolve([start], view.where, at=view.at)
        found = past.history(
            " ".join([there.get(start, start), *rest]),
            view=view,
            view_at=lambda number: self.view(actor, at=number),
            moment=lambda one: _moment(one.at),
            kept=past.retention(self.store),
        )
        return found or [self._nothing(view, start)]

    @staticmethod
    def _nothing(view: View, id_: str) -> Happened:
        scope.known(view, [id_])
        message = f"nothing that you may see has ever been {id_!r}"
        raise NotFound(message)

    def compare(self, before: str | int, after: str | int, *, actor: Actor, about: str = "", source: str = "", owner: str = "") -> Compared:
        """What differs between two revisions, of one thing, one source, one owner where these are named."""
        one, other = self.view(actor, at=before), self.view(actor, at=after)
        return past.compare(one, other, about=about, source=source, owner=owner)

    def diff(self, before: str | int, after: str | int, *, actor: Actor) -> list[Difference]:
        """What differs between two revisions: entities first, then relations, each by key. Later against earlier reads backwards too."""
        return list(self.compare(before, after, actor=actor).differences)

    def tags(self) -> list[Tag]:
        """The named revisions, by number and name."""
        named = sorted((number, name) for name, number in past.tags(self.store).items())
        when = {one.number: _moment(one.at) for one in self.store.revisions({number for number, _ in named})} if named else {}
        return [Tag(name=name, revision=number, at=when[number]) for number, name in named]

    def tag(self, name: str, at: At = None, *, actor: Actor) -> Tag:
        """Give a revision a name by which it can be asked for, for ever; needs the right to everything. A name is given once."""
        self.needs_everything(actor, "name revisions")
        number, held = self.view(actor, at=at).stamp.revision, past.tags(self.store).get(past.check_tag(name))
        if held not in (None, number):
            message = f"{name!r} names revision {held}, and a name is given once; take another"
            raise InputError(message)
        self.store.remember(past.TAG + name, str(number))
        return next(one for one in self.tags() if one.name == name)

    def then(self, event: Event) -> ContextGraph:
        """The graph as it was when a question was asked: its newest revision and its day; with the rights and the ontology of now."""
        made = copy.copy(self)
        made.now, made._pinned, made._views = lambda: event.at, event.revision, {}  # noqa: SLF001  # of its own class
        return made

    def asked(self, *, actor: Actor, by: str = "", entity: str = "", since: str = "") -> list[Event]:
        """Who asked what, newest first: of all for those who see everything, else what the actor asked or had asked.

        An answer of then is told by what of it the actor may see today: what it may not is not among what was served.
        """
        events = self.store.events(_parse(since, end=False) if since else None)
        if not self.sees_everything(actor):
            events = self._told([one for one in events if actor.id in (one.actor, one.behalf)], actor)
        found = [one for one in events if (not by or one.actor == by) and (not entity or entity in one.served)]
        return found[::-1]

    def _told(self, events: Sequence[Event], actor: Actor) -> Iterator[Event]:
        """These events without what this actor may no longer see: ids that were served, and what was missing of a task that is one of them."""
        served: dict[int, set[str]] = {}
        for one in events:
            served.setdefault(one.revision, set()).update(one.served)
        kept = self._kept(head.number if (head := self.store.head()) else 0)
        views = {number: self.view(actor, at=number if kept.promises(number) else None) for number in served if number}
        seen = {number: set(self.store.resolve(sorted(served[number]), view.where, at=view.at)) for number, view in views.items()}
        for one in events:
            left = tuple(id_ for id_ in one.served if id_ in seen.get(one.revision, ()))
            yield one if left == one.served else one.model_copy(update={"served": left, "unmet": (), "digest": ""})

    def consistency(self, *, actor: Actor, at: At = None) -> list[Unlike]:
        """Where agents that share a process or a function get different context; needs the right to everything."""
        self.needs_everything(actor, "compare what others get")
        view = self.view(actor, at=at)
        picture = self._picture(view, dangling=())
        served = {one.actor: one.revision for one in self.store.events() if one.outcome == "served" and one.revision}
        return consistency.unlike(picture, lambda agent: self.view(self.access.actor(agent), at=at), served)

    def hold(self, actor: Actor, *, at: str | None, works: bool) -> None:
        """Hold an agent to what is enforced, before it is answered: `at` is the run, revision or time that it asks, `works` whether for its work.

        `NotAllowed` for context outside of a run, and for what was superseded longer ago than is allowed.
        """
        if not self.enforced.enforce or not actor.id.startswith("agent:"):
            return
        if works and not (at or "").startswith(runs.PREFIX):
            mine = next((run.id for run in runs.runs(self.store) if run.takes_part(actor) and not run.ended_at), "")
            way = f"ask in {mine}" if mine else "`runs start` begins one"
            message = f"agents get context in runs only, so that all who share a job get the same (`consistency` of the workspace): {way}"
            raise NotAllowed(message)
        if at:
            number = self.view(actor, at=at).stamp.revision
            after = next(self.store.revisions([number + 1]), None)
            if after and self.enforced.outdated(after.at, self.now()):
                way = "end the run and start another" if at.startswith(runs.PREFIX) else "ask a newer one"
                message = (
                    f"revision {number} was superseded at {_moment(after.at)}, and agents get nothing that was so more than "
                    f"{self.enforced.oldest} ago (`consistency` of the workspace): {way}"
                )
                raise NotAllowed(message)

    def export(self, form: str, *, actor: Actor, at: At = None) -> Iterator[str]:
        """All that this actor may see, piece by piece, in a form of EXPORTS; what is masked is left out."""
        view = self.view(actor, at=at)
        rows = chained(self.store.entities(view.where, at=view.at), self.store.relations(view.where, at=view.at))
        return export.EXPORTS[form](rows, self.ontology)

    def stats(self, *, actor: Actor, at: At = None) -> Tally:
        """Counts of entities and relations by kind, and of what each source says."""
        view = self.view(actor, at=at)
        return self.store.tally(view.where, at=view.at)

    def gaps(self, *, actor: Actor, at: At = None, names: Sequence[str] = ()) -> list[Finding]:
        """What is missing, overdue, contested or out of shape, by level, check and subject."""
        view = self.view(actor, at=at)
        with _rare_collections():
            found = self._gaps(view, actor, names, now=at is None)
        self._shape(view).settle()
        return found

    def _gaps(self, view: View, actor: Actor, names: Sequence[str], *, now: bool) -> list[Finding]:
        wanted = not names or demand.CHECK in names
        demands = self.demands(actor=actor) if wanted and now else ()
        picture = replace(self._picture(view), demands=demands, stale=self._stale_sources(view) if now else ())
        found = checks.gaps(picture, names, watch=self.watch)
        return found + registry.findings(self._strangers(view)) if not names or "unregistered_agent" in names else found

    def scored(self, about: str = "", *, actor: Actor, at: At = None, revisions: int = 6) -> scores.Scored:
        """How ready the organization is, or a function, agent or task, as this actor sees it, with the trend over the last revisions."""
        view = self.view(actor, at=at)
        own = scope.known(view, [about])[about] if about else ""
        picture = self._picture(view)
        self.watch("readiness: judging")
        found = scores.scored(picture, own, view.stamp)
        self._shape(view).settle()
        numbers = (
            [one.number for one in self.store.revisions() if one.number < view.stamp.revision][-(revisions - 1) :] if revisions > 1 else []
        )
        trend = [self._score_then(own, number, actor) for number in numbers]
        last = scores.Moment(revision=found.revision, at=found.at, score=found.score)
        return found.model_copy(update={"trend": (*trend, last)})

    def _score_then(self, about: str, number: int, actor: Actor) -> scores.Moment:
        view = self.view(actor, at=number)
        self.watch(f"readiness: revision {number}")
        return scores.Moment(revision=number, at=view.stamp.at, score=scores.score(scores.points(self._picture(view), about)))

    def _picture(self, view: View, dangling: Sequence[checks.Dangling] | None = None) -> checks.Picture:
        """What a view shows, as the checks need it; `dangling`: None for those that are."""
        links = self._shape(view)
        rows = [checks.lean(row) for row in self._watched(self.store.entities(view.where, at=view.at), "things")]
        return checks.Picture(rows, links, self._dangling(view) if dangling is None else dangling, self.ontology, view.today)

    def weighed(self, *, actor: Actor, at: At = None, names: Sequence[str] = ()) -> list[dispositions.Gap]:
        """The gaps, each with what was decided about it; the words of the decision only for those who may see findings of others."""
        held = dispositions.kept(self.store)
        if not all(self.may_see(one, "Finding") for one in self._acting(actor)):
            held = {id_: one.model_copy(update={"why": "", "by": "", "to": ""}) for id_, one in held.items()}
        return dispositions.decided(self.gaps(actor=actor, at=at, names=names), held, self.view(actor).today)

    def accept_gap(self, id_: str, why: str, *, until: str = "", actor: Actor) -> dispositions.Disposition:
        """Report a gap no more, for a reason and until a day (for good without one); see `_dispose`."""
        if until and (not _is_day(until) or until < self.now().date().isoformat()):
            message = f"--until {until!r} is no day from today on, such as {self.now().date().isoformat()}"
            raise InputError(message)
        return self._dispose(id_, {"state": "accepted", "why": why, "until": until}, actor=actor)

    def assign_gap(self, id_: str, to: str, *, actor: Actor) -> dispositions.Disposition:
        """Give a gap to a person, position or unit that is there, who mends it; see `_dispose`."""
        gap = self._gap(id_, actor)
        view = self.view(actor)
        return self._dispose(gap.id, {"state": "assigned", "to": scope.known(view, [to])[to]}, actor=actor)

    def reopen_gap(self, id_: str, *, actor: Actor) -> Finding:
        """Report again a gap that was accepted or assigned."""
        gap = self._gap(id_, actor)
        self._may_decide(gap, actor)
        dispositions.forget(self.store, gap.id)
        return gap

    def _dispose(self, id_: str, said: Mapping[str, str], *, actor: Actor) -> dispositions.Disposition:
        """Keep a decision on a gap that is there; for who sees everything, and for the owner of the gap. `NotFound`, `NotAllowed`."""
        gap = self._gap(id_, actor)
        self._may_decide(gap, actor)
        one = dispositions.Disposition.model_validate({"gap": gap.id, "by": actor.id, "at": self.now(), **said})
        dispositions.remember(self.store, one)
        return one

    def _gap(self, id_: str, actor: Actor) -> Finding:
        found = next((one for one in self.gaps(actor=actor) if one.id == id_), None)
        if found is None:
            message = f"there is no gap {id_!r}; `orgcontext gaps --all --format json` tells the ids"
            raise NotFound(message)
        return found

    def _may_decide(self, gap: Finding, actor: Actor) -> None:
        world = policy.World(self.store, self.now().date())
        mine = all(gap.owner in world.posts(one.id) for one in self._acting(actor)) if gap.owner else False
        if not mine:
            self.needs_everything(actor, f"decide about {gap.id}")

    def _stale_sources(self, view: View) -> list[checks.Found]:
        """Sources that say how often they are to be confirmed and were not read for as long; only for who sees everything."""
        if view.where.facets is not None:
            return []
        notes = ((key.removeprefix("source:"), json.loads(text)) for key, text in sorted(self.store.notes("source:").items()) if text)
        read = ((name, note.get("terms", {}), note.get("read_at", "")) for name, note in notes)
        return [
            checks.Found(
                name,
                f"the source {name} was last loaded on {at[:10]}, and is to be every {terms['review_days']} days",
                owner=terms.get("owner", ""),
            )
            for name, terms, at in read
            if at and terms.get("review_days") and (view.today - date.fromisoformat(at[:10])).days > terms["review_days"]
        ]

    def demands(self, *, actor: Actor) -> list[checks.Found]:
        """What was asked and is still not there for those who asked: of all, for who may see findings; else of the asker and of agents it answers for."""
        asked = demand.asked(self.store.events(self.now() - timedelta(days=demand.DAYS), holding=demand.RECORDED))
        view, readers = self.view(actor), self._acting(actor)
        whole = {one.id for one in readers if self.may_see(one, "Finding")}
        posts = {one.id: policy.World(self.store, view.today).posts(one.id) for one in readers if one.id not in whole}
        mine = [one for one in asked if all(demand.concerns(one, id_, held, view) for id_, held in posts.items())]
        open_ = [one for one in mine if not demand.found(one, self.view(self.access.actor(one.actor, behalf=one.behalf)))]
        return demand.merged(open_, view)

    def _dangling(self, view: View) -> list[checks.Dangling]:
        """(start, relation, missing end, locator) of claimed relations whose end no source describes; only for who sees everything."""
        if view.where.facets is not None:
            return []
        if view.stamp.revision != self._loose[0]:
            self._loose = (view.stamp.revision, self._without_end(view))
        return self._loose[1]

    def _without_end(self, view: View) -> list[checks.Dangling]:
        there = {one.id for one in self.store.entities(Filter(), at=view.at)}
        said = self._watched(self.store.claimed(upto=view.stamp.revision), "claims")
        found = [
            (claim.subject, claim.kind, claim.target, claim.locator)
            for claim, until in said
            if claim.target and not until and not (claim.subject in there and claim.target in there) and claim.source in self.terms
        ]
        ends = sorted({end for one in found for end in (one[0], one[2])} - there)
        described = self.store.resolve(ends, Filter(), at=view.at) if ends else {}
        return sorted({one for one in found if any(end not in there and end not in described for end in (one[0], one[2]))})

    def drift(self, *, actor: Actor, since: str | int | None = None, at: At = None) -> list[Finding]:
        """What has come apart in time, meaning, practice and agents; what changed is looked for since a revision (default: the one before).

        Of the stored graph itself it is `damage` that tells, of the sources whoever can read them.
        """
        view = self.view(actor, at=at)
        number = view.stamp.revision
        first = number if since is None else self.view(actor, at=since).stamp.revision
        if since is None and number > 1 and self._kept(number).promises(number - 1):
            first = number - 1
        picture = self._picture(view, dangling=())
        changed = self.compare(first, number, actor=actor) if number else Compared(view.stamp, view.stamp, (), {}, {})
        read = self._last_read() if view.where.facets is None else {}
        agents = self._retooled(picture, view, since, actor)
        going_on = [] if at is not None else [one for one in self.runs(actor=actor) if not one.run.ended_at]
        return drift.drift(drift.Situation(picture, changed, read, view.owners, agents, [(one.run, one.stale) for one in going_on]))

    def _retooled(self, picture: checks.Picture, view: View, since: str | int | None, actor: Actor) -> dict[str, list[Difference]]:
        """What has changed about each agent, its tools and its tasks, since a revision (None: since it was registered or confirmed)."""
        number, found = view.stamp.revision, dict[str, list[Difference]]()
        for agent in (row.id for row in picture.of("Agent")):
            states = self.store.versions(agent, upto=number) if since is None else ()
            first = drift.registered_since(states, view.where) if since is None else self.view(actor, at=since).stamp.revision
            if first and first != number and self._kept(number).promises(first):
                about = (agent, *picture.to(agent, "uses_tool"), *picture.to(agent, "performs"))
                found[agent] = [one for id_ in about for one in self.compare(first, number, actor=actor, about=id_).differences]
        return found

    def _last_read(self) -> dict[str, tuple[date, int]]:
        """When each source was last read, and how often it is to be."""
        notes = ((key.partition(":")[2], json.loads(text)) for key, text in self.store.notes("source:").items() if text)
        cadences = {name: one.review_days for name, one in self.terms.items()}
        return {name: (_parse(note["read_at"]).date(), cadences.get(name, 0)) for name, note in notes}

    def merges(self, *, actor: Actor, at: At = None, score: int = 90) -> identity.Merges:
        """What was taken for one thing and by which values, what was refused, and what only looks alike."""
        view = self.view(actor, at=at)
        rows = list(self.store.entities(view.where, at=view.at))
        ids = sorted(id_ for row in rows if row.aliases for id_ in (row.id, *row.aliases))
        claims = [claim for start in range(0, len(ids), changes.BATCH) for claim in self._said_of(ids[start : start + changes.BATCH], view)]
        return identity.merges(rows, claims, ontology=self.ontology, masked=view.where.masked, score=score)

    def _said_of(self, ids: Sequence[str], view: View) -> list[Claim]:
        return [claim for claim in self.store.claims(about=ids, at=view.at) if not claim.target]

    def places(self, ids: Sequence[str], *, actor: Actor, at: At = None) -> dict[str, str]:
        """Where the sources say these things, as far as the actor may see them: the locator of the first origin of each."""
        view = self.view(actor, at=at)
        rows = self.store.entities(view.where, ids=sorted(set(ids)), at=view.at) if ids else ()
        origins = ((row.id, json.loads(row.origins)) for row in rows)
        return {id_: said[0]["locator"] for id_, said in origins if said}

    def impact(
        self,
        id_: str = "",
        *,
        actor: Actor,
        at: At = None,
        direction: impact.Direction = "downstream",
        without: Sequence[str] = (),
        moves: Sequence[tuple[str, str]] = (),
        wanted: impact.Wanted = impact.EVERYTHING,
        late: int = 0,
    ) -> impact.Impact:
        """What a change or the loss of this thing reaches, or (upstream) what reaches it, with the path to each, and what it leaves alone.

        `without` and `moves` (a person, a position) are a what-if: the same is asked of a copy that is so, and what the analyses and gap
        checks say only of one of the two is said too. Without an id only that. `wanted`: what is listed of all that is reached. `late`: by
        how many days its next delivery comes late, so that of what is listed it is said when it works with what is stale.
        """
        if late and (direction != "downstream" or not id_):
            message = "a delay is of one thing, and goes downstream"
            raise InputError(message)
        view = self.view(actor, at=at)
        asked = [*filter(None, (id_, wanted.function)), *without, *(end for move in moves for end in move)]
        own = scope.known(view, asked)
        wanted = wanted._replace(function=own.get(wanted.function, ""))
        changed = impact.Changed(tuple(own[one] for one in without), tuple((own[one], own[other]) for one, other in moves))
        known = self._shape(view)
        if without or moves:
            found = impact.what_if(own.get(id_, ""), known, changed, direction=direction, wanted=wanted)
            before, after = (self._gaps_if(view, one) for one in (impact.Changed(), changed))
            found = impact.with_gaps(found, before, after)
        else:
            with _rare_collections():
                found = impact.impact(own[id_], known, direction=direction, wanted=wanted)
        return self._delayed(found, late, view) if late else found

    def _delayed(self, found: impact.Impact, late: int, view: View) -> impact.Impact:
        """What a delay does; of what does not say how often it is renewed, its review counts, then its kind's, then how often its source is read."""
        rows = {row.id: row for row in self.store.entities(view.where, ids=impact.on_the_way(found), at=view.at)}
        said = {id_: json.loads(row.properties) for id_, row in rows.items()}
        row = rows[found.subject]
        kind = self.ontology.kinds.get(row.kind)
        read = [self.terms[one["source"]].review_days for one in json.loads(row.origins) if one["source"] in self.terms]
        own = lateness.own_renewal(said[row.id], (kind.review_days if kind else 0, min(filter(None, read), default=0)))
        return impact.delayed(found, late, said, own, view.today)

    def _gaps_if(self, view: View, changed: impact.Changed) -> list[Finding]:
        picture = self._picture(view)
        links = changed.applied(picture.links)
        kept = [row for row in picture.entities if row.id in links]
        return checks.gaps(replace(picture, entities=kept, links=links, dangling=[*picture.dangling, *changed.dangling(picture.links)]))

    def _shape(self, view: View) -> shape.Shape:
        """The shape of what a view shows; the last two are kept, and large ones as files, since a revision never changes."""
        number = view.stamp.revision
        for revision, where, known in self._shapes:
            if revision == number and where == view.where:
                return known
        sealed = next(self.store.revisions([number]), None) if self.snapshots else None
        made = self.snapshots.read(sealed, view.where, self.ontology) if self.snapshots and sealed else None
        if made is None:
            made = self._gathered(view)
            if self.snapshots and sealed:
                self.snapshots.write(made, sealed, view.where)
        self._shapes = [(number, view.where, made), *self._shapes[:1]]
        return made

    def _gathered(self, view: View) -> shape.Shape:
        """The shape of what a view shows, read from the store."""
        at = view.stamp.revision
        things, links = self.store.entities(view.where, at=at), self.store.relations(view.where, at=at)
        with _rare_collections():
            return shape.shape(self._watched(things, "things"), self._watched(links, "relations"), self.ontology)

    def _watched(self, rows: Iterable[_Row], what: str) -> Iterator[_Row]:
        """The same rows, while whoever watches is told how many there were."""
        for count, row in enumerate(rows):
            if not count % 5000:
                self.watch(f"reading: {count} {what}")
            yield row

    def analyze(self, names: Sequence[str], *, actor: Actor, at: At = None) -> dict[str, list[analysis.Analyzed]]:
        """What each of these analyses says of what the actor may see; `InputError` for a name that is none."""
        known = self._shape(self.view(actor, at=at))
        known.watch = self.watch
        found: dict[str, list[analysis.Analyzed]] = {}
        with _rare_collections():
            for name in names:
                self.watch(f"analyze: {name}")
                found[name] = analysis.findings(known, name)
                known.settle()
        return found

    def networkx(self, *, actor: Actor, at: At = None) -> nx.MultiDiGraph[str]:
        """What the actor may see, for any algorithm of NetworkX; see `Shape.networkx`."""
        return self._shape(self.view(actor, at=at)).networkx()

    def path(self, start: str, end: str, *, actor: Actor, every: bool = False, longest: int = 0, at: At = None) -> ways.Ways:
        """The shortest ways between two things, with the relations along them: one, every one, or every way of at most `longest` steps."""
        view = self.view(actor, at=at)
        own = scope.known(view, [start, end])
        known = self._shape(view)
        found = ways.ways(own[start], own[end], known, every=every, longest=longest)
        known.settle()
        return found

    def ready(self, task: str, *, actor: Actor, at: At = None) -> readiness.Readiness:
        """May this agent do this task? The verdict with its four answers."""
        return readiness.ready(self.view(actor, at=at, task=task), task, actor=actor)

    def candidates(
        self, tasks: Collection[str] = (), *, agents: Collection[str] = (), actor: Actor, at: At = None
    ) -> list[readiness.Candidate]:
        """Which of these agents (none: of all on file) can do each of these tasks (none: of all), which could, and which must never.

        Who does not see everything is told of themselves alone, and not why something is unavailable; `NotAllowed` of others.
        """
        if not self.sees_everything(actor):
            for one in agents:
                self._sees_policy(actor, of=one)
            return self._own_verdicts(tasks, actor, at)
        view = self.view(actor, at=at)
        return readiness.candidates(view, tasks, self._seats(view, agents, at))

    def _seats(self, view: View, agents: Collection[str], at: At) -> list[readiness.Seat]:
        ids = sorted(set(scope.known(view, sorted(agents)).values())) if agents else None
        rows = sorted(self.store.entities(view.where, ids=ids, kinds=sorted(self.ontology.family("Agent")), at=view.at))
        apart = ["", *sorted(id_ for id_ in self.access.actors if id_.startswith("task:"))]
        return [
            readiness.Seat(
                row.id,
                registry.because(row.properties, view.today),
                {task: self.view(self.access.actor(row.id), at=at, task=task).where for task in apart},
            )
            for row in rows
        ]

    def _own_verdicts(self, tasks: Collection[str], actor: Actor, at: At) -> list[readiness.Candidate]:
        view = self.view(actor, at=at)
        kinds = sorted(self.ontology.family("AgentTask"))
        wanted = tasks or sorted(row.id for row in view.store.entities(view.where, kinds=kinds, at=view.at))
        performed = view.store.relations(view.where, touching=[actor.id], kinds=["performs"], at=view.at)
        own = {one.target for one in performed if one.source == actor.id}
        verdicts = [self.ready(one, actor=actor, at=at) for one in wanted]
        return [readiness.alone(one, assigned=one.task in own) for one in verdicts]

    def route(
        self, process: str, given: Mapping[str, Scalar] | None = None, *, requester: str = "", actor: Actor, at: At = None
    ) -> route.Route:
        """Who must approve a request to this process, in order, and why."""
        return route.route(self.view(actor, at=at), process, given, requester=requester)

    def precedents(
        self, text: str = "", *, about: Sequence[str] = (), actor: Actor, limit: int = 20, at: At = None
    ) -> precedents.Precedents:
        """How it was decided before, and the pattern."""
        return precedents.precedents(self.view(actor, at=at), text=text, about=about, limit=limit)

    def verify(self, claims: str, *, actor: Actor, at: At = None) -> list[verify.Verified]:
        """Claims (JSON, or a sentence a line) against the graph: supported, contradicted or unknown."""
        view = self.view(actor, at=at)
        return verify.verify(view, verify.parse(claims, self.ontology), asker=[*filter(None, (actor.id, actor.behalf))])

    def meaning(self, word: str, *, actor: Actor, unit: str = "", at: At = None) -> meanings.Meaning:
        """What a word means in this unit, or else in those of who asks."""
        view = self.view(actor, at=at)
        return meanings.meaning(
            view, word, meanings.units_of(view, [scope.known(view, [unit])[unit]] if unit else [actor.id, actor.behalf])
        )

    def vocabulary(self, *, actor: Actor, tongue: str = "english", at: At = None) -> language.Vocabulary:
        """The organization's words as this actor may see them, kept for the next text."""
        view = self.view(actor, at=at)
        key = (view.stamp.revision, actor, view.today, tongue)
        if key not in self._vocabularies:
            if len(self._vocabularies) >= 16:
                self._vocabularies.clear()
            self._vocabularies[key] = language.vocabulary(view, tongue=tongue)
        return self._vocabularies[key]

    def check(self, text: str, name: str, *, actor: Actor, tongue: str = "english", at: At = None) -> list[Finding]:
        """A text against the organization's language, in the order of the text."""
        return language.check(self.vocabulary(actor=actor, tongue=tongue, at=at), text, name)

    def admit(self, actor: Actor) -> None:
        """Nothing, for a person or an agent that the registry holds as one that may ask today; `NotAllowed` for any other, which is recorded."""
        if actor.id.startswith("agent:") and (why := registry.because(self._said_of_agent(actor.id), self.now().date())):
            message = f"{actor.id} may not ask: {why}; an agent needs an entry in the registry of agents, with a sponsor"
            event = {
                "at": self.now(),
                "actor": actor.id,
                "behalf": actor.behalf,
                "operation": "knock",
                "outcome": "refused",
                "because": why,
            }
            self.record(Event.model_validate(event))
            raise NotAllowed(message)

    def _strangers(self, view: View) -> list[registry.Knock]:
        """Who asked and is no agent on file; of now, and for who sees everything."""
        if view.where.facets is not None or view.at is not None:
            return []
        return registry.unsanctioned(self.store, view.today, self._said_of_agent)

    def _said_of_agent(self, agent: str) -> str | None:
        there = self.store.resolve([agent], Filter())
        row = next(self.store.entities(Filter(), ids=[there[agent]]), None) if agent in there else None
        return row.properties if row and self.ontology.is_a(row.kind, "Agent") else None

    def agents(self, *, actor: Actor, at: At = None) -> list[registry.AgentEntry]:
        """The agents on file, and, for who sees everything, their roles and those who only knocked."""
        view = self.view(actor, at=at)
        whole = view.where.facets is None
        return registry.agents(view, self._strangers(view), lambda id_: self.access.actor(id_).roles if whole else ())

    def record(self, event: Event) -> None:
        """Keep who asked what."""
        self.store.record(event)

    # proposals

    @property
    def desk(self) -> review.Desk:
        """Where proposals come in and are decided, and where owners confirm what they own."""
        return review.Desk(
            store=self.store,
            ontology=self.ontology,
            now=self.now,
            view=self.view,
            whole=self._whole,
            posts=self._posts,
            sees_everything=self.sees_everything,
            may_see=self.may_see,
            acting=self._acting,
            run=lambda id_, actor: self.run_report(id_, actor=actor),
            commit=self._commit,
            tell=self.tell,
        )

    def _posts(self, id_: str) -> frozenset[str]:
        """Somebody and the posts that they hold today; of who has left, nothing."""
        posts = policy.World(self.store, self.now().date()).posts(id_)
        rows = self.store.entities(Filter(), ids=sorted(posts))
        return frozenset() if any('"employment":"left"' in row.properties for row in rows) else posts

    def _whole(self) -> View:
        """The whole graph of today, whoever asks: for deciding who decides."""
        today, head = self.now().date(), self.store.head()
        stamp = Stamp(revision=head.number if head else 0, at="", digest="", organization=self.organization)
        return View(self.store, Filter(as_of=today), None, today, self.ontology, stamp, self._owners())

    def _owners(self) -> dict[str, str]:
        return {name: terms.owner for name, terms in sorted(self.terms.items()) if terms.owner}

    def owned(self, owner: str, *, actor: Actor) -> tuple[frozenset[str], list[Item]]:
        """The posts that somebody holds (a post is its own), and what is owned by them, as this actor sees it, by id."""
        view = self.view(actor)
        posts = policy.World(self.store, view.today).posts(scope.known(view, [owner])[owner])
        rows = self.store.relations(view.where, touching=sorted(posts), kinds=["owned_by"])
        ids = sorted({row.source for row in rows if row.target in posts})
        held = sorted(self.store.entities(view.where, ids=ids), key=lambda row: row.id) if ids else []
        fresh = scope.freshnesses(view, held) if held else {}
        return posts, [Item(row=row, why=(), rank=1.0, freshness=fresh[row.id]) for row in held]

    # jobs of several agents

    def start_run(self, name: str = "", *, participants: Sequence[str] = (), actor: Actor, at: At = None) -> runs.Run:
        """Pin a revision (default: the newest) and today for all agents of a job; `InputError` before the first load."""
        view = self.view(actor, at=at)
        if not view.stamp.revision:
            message = "there is no revision to pin yet: `orgcontext load` makes the first"
            raise InputError(message)
        day = (self.now().date() if at is None else view.today).isoformat()
        revision = view.stamp.revision
        return runs.begin(self.store, name=name, revision=revision, day=day, actor=actor, participants=participants, now=self.now())

    def run(self, id_: str, *, actor: Actor) -> runs.Run:
        """A run that this actor takes part in or has the right to see; `NotFound` for any other."""
        run = runs.find(self.store, id_)
        if not (run.takes_part(actor) or self.may_see(actor, "Run")):
            raise runs.absent(id_)
        return run

    def end_run(self, id_: str, *, actor: Actor) -> runs.Run:
        """End a run; only who started it, or who sees everything."""
        run = self.run(id_, actor=actor)
        if run.started_by != actor.id and not self.sees_everything(actor):
            message = f"{id_} was started by {run.started_by}, who ends it"
            raise NotAllowed(message)
        return runs.end(self.store, run, actor=actor, now=self.now())

    def runs(self, *, actor: Actor) -> list[runs.Report]:
        """The runs that this actor takes part in or has the right to see, the newest first."""
        whole = self.may_see(actor, "Run")
        mine = [run for run in runs.runs(self.store) if whole or run.takes_part(actor)]
        told, changed = runs.told(self.store, mine), dict[int, list[runs.Changed]]()
        for revision in {run.revision for run in mine}:
            changed[revision] = self._changed_since(revision, actor)
        return [self._report(run, told[run.id], changed[run.revision], actor) for run in mine]

    def run_report(self, id_: str, *, actor: Actor) -> runs.Report:
        """One run as this actor may see it: deliveries, hand-overs, and which deliveries are stale because of what."""
        run = self.run(id_, actor=actor)
        return self._report(run, runs.told(self.store, [run])[run.id], self._changed_since(run.revision, actor), actor)

    def _changed_since(self, revision: int, actor: Actor) -> list[runs.Changed]:
        head = self.store.head()
        if head is None or head.number == revision:
            return []
        return [runs.Changed(one.key, one.change, one.properties) for one in self.diff(revision, head.number, actor=actor)]

    def _report(self, run: runs.Run, told: Sequence[Event], changed: Sequence[runs.Changed], actor: Actor) -> runs.Report:
        given = runs.deliveries(told)
        notes = [one for one in runs.hand_overs(told) if actor.id in (one.sender, one.to) or self.may_see(actor, "Run")]
        seen = self._seen_in(run, [*(id_ for one in given for id_ in one.ids), *(id_ for one in notes for id_ in one.leans_on)], actor)
        whole = self.sees_everything(actor)
        shown = (runs.for_reader(one, seen, own=whole or (one.actor, one.behalf) == (actor.id, actor.behalf)) for one in given)
        mine = [one for one in shown if one]
        return runs.Report(
            run=run,
            deliveries=tuple(mine),
            hand_overs=tuple(runs.withheld(one, seen) for one in notes),
            stale=tuple(runs.stale(mine, changed)),
        )

    def _seen_in(self, run: runs.Run, ids: Iterable[str], actor: Actor) -> frozenset[str]:
        view = self.view(actor, at=Moment(run.revision, date.fromisoformat(run.day)))
        return frozenset(self.store.resolve(sorted(set(ids)), view.where, at=view.at))

    def hand_over(self, id_: str, *, to: str, leans_on: Sequence[str] = (), actor: Actor) -> tuple[str, ...]:
        """The things that a note to another participant of a run leans on, checked; the recorded question is the note.

        `NotFound` for a thing that the sender does not see in the run, `InputError` for somebody who takes no part in it.
        """
        run = runs.going_on(self.run(id_, actor=actor))
        if to not in run.participants:
            message = f"{to} takes no part in {id_}; those who do are {', '.join(run.participants)}"
            raise InputError(message)
        view = self.view(actor, at=Moment(run.revision, date.fromisoformat(run.day)))
        return tuple(scope.known(view, list(leans_on)).values())

    def inbox(self, id_: str, *, actor: Actor) -> tuple[runs.HandOver, ...]:
        """What was handed over to this actor in a run, without what is not for it."""
        report = self.run_report(id_, actor=actor)
        return tuple(one for one in report.hand_overs if one.to == actor.id)


@contextmanager
def _rare_collections() -> Generator[None]:
    """Look for circles of objects seldom: a load makes millions of objects and none that are circles, and looking takes a fifth of it."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def shown_json(shown: Shown) -> str:
    """The answer of `show` as one line of JSON."""
    relations = ",".join(map(relation_json, shown.relations))
    claims = canonical([claim_data(claim, shown.written.get(claim)) for claim in shown.claims])
    return f'{entity_json(shown.item)[:-1]},"relations":[{relations}],"claims":{claims},"history":{canonical(list(shown.history))}}}'


def claim_data(claim: Claim, written: Lines | None = None) -> dict[str, Any]:
    """What one source says of an entity, for people and programs, and who wrote it where that is known."""
    by = {"written": {"commit": written.commit, "author": written.author, "at": written.at}} if written else {}
    return by | {
        "source": claim.source,
        "locator": claim.locator,
        "id": claim.subject,
        "kind": claim.kind,
        "name": claim.name,
        "properties": json.loads(claim.properties),
        "revision": claim.revision,
    }


def _lines_key(source: str, path: str) -> str:
    return f"lines:{source}:{path}"


def _written(claim: Claim, notes: Mapping[str, str]) -> Lines | None:
    """Who wrote the line of a claim, in which commit, as the file was last read; None where nobody kept it."""
    text, line = notes.get(_lines_key(claim.source, claim.part)), claim.locator.rpartition(":")[2]
    if not text or not line.isdigit():
        return None
    return next((run for values in json.loads(text) if (run := Lines(*values)).first <= int(line) <= run.last), None)


def _total(parts: Mapping[str, Any]) -> tuple[int, int]:
    """The entities and the relations of a source's parts, as its note counts them."""
    return sum(one[1] for one in parts.values()), sum(one[2] for one in parts.values())


def _shrunk(name: str, loss: _Loss, *, level: str) -> Finding:
    gone = f"; gone: {', '.join(loss.gone[:3])}" + (f" and {len(loss.gone) - 3} more" if len(loss.gone) > 3 else "") if loss.gone else ""
    said, says = (f"{entities} entities and {relations} relations" for entities, relations in (loss.before, loss.after))
    return Finding.model_validate(
        {
            "id": f"shrunk:{name}",
            "check": "shrunk",
            "level": level,
            "subject": name,
            "message": f"source {name!r} said {said}, and now says {says}{gone}.",
            "evidence": loss.gone[:20],
            "remedy": f"Bring back what is missing, or `load --confirm {name}` if it is right; `shrink:` of the source sets the share.",
        }
    )


def _masked_claim(claim: Claim, hidden: Collection[str]) -> Claim:
    if not hidden:
        return claim
    kept = {name: value for name, value in json.loads(claim.properties).items() if name.partition("@")[0] not in hidden}
    return claim._replace(properties=canonical(kept))


def _shown(values: Iterable[str], row: EntityRow, where: Filter) -> list[str]:
    """The names of those that the filter does not cut out."""
    hidden = where.masked.get(row.kind, frozenset[str]())
    return [name for name in values if name.partition("@")[0] not in hidden]


def _after(head: Revision | None, now: datetime) -> datetime:
    """The time of the next revision: now, and never before the one that it follows, wherever the clock was moved."""
    return max(now, head.at) if head else now


_moment = chain.moment


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _parse(text: str, *, end: bool = True) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{text!r} is neither a revision's number nor a time such as 2026-11-23 or 2026-11-23T10:00:00Z"
        raise InputError(message) from error
    if len(text) == 10 and end:
        moment = moment.replace(hour=23, minute=59, second=59)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


__all__ = ["Compacted", "ContextGraph", "Explained", "LoadReport", "Seen", "Shown", "SourceReport", "shown_json"]
