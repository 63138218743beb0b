"""The one deep class: a graph of context with the verbs that people say. Every question passes the actor's Filter; every load is a revision."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any, Literal

from graph import analysis, around, changes, checks, identity, language, policy, precedents, readiness, scope, verify
from graph.errors import InputError, NotAllowed, NotFound
from graph.model import Actor, Counts, Event, Filter, Finding, Reading, Revision, Sensitivity, SourceTerms, Value, canonical, relation_key
from graph.ontology import Ontology
from graph.policy import EVERYTHING, Policy
from graph.render import Item, Stamp, Subgraph, entity_json, relation_json
from graph.scope import Hit, Scope, View
from graph.stores.base import Claim, EntityRow, RelationRow, Store, Tally, Version

_FEW = 5  # facts: a source that lost fewer did not shrink, however small it is
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


class Difference(Value):
    """One entity or relation that differs between two revisions, with the properties that differ and the sources that said so."""

    key: str
    what: Literal["entity", "relation"]
    change: Literal["added", "changed", "withdrawn"]
    kind: str
    name: str = ""
    properties: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


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
    ) -> None:
        self.store, self.ontology, self.access, self.organization, self.now = store, ontology, access, organization, now
        self.terms = {one.name: one for one in terms}
        self.aliases = dict(aliases or {})
        self._views: dict[tuple[object, ...], Filter] = {}
        self._vocabularies: dict[tuple[object, ...], language.Vocabulary] = {}

    def close(self) -> None:
        """Let go of the store."""
        self.store.close()

    # who sees what, and when

    def view(self, actor: Actor, *, at: str | int | None = None, as_of: date | None = None, task: str = "") -> View:
        """The graph through this actor's eyes at a revision (a number or a time; None: the newest) and on a day, for a task if one is named.

        The day is today, or, of an old revision, the day on which that was made, so that it answers as it did then. The rights are
        those of today.
        """
        head = self.store.head()
        revision = self._revision(at, head)
        today = as_of or (revision.at.date() if at is not None and revision else self.now().date())
        number = revision.number if at is not None and revision else None
        where = self._filter(actor, head.number if head else 0, number, today, task)
        stamp = Stamp(
            revision=revision.number if revision else 0,
            at=_moment(revision.at) if revision else "",
            digest=revision.digest if revision else "",
            organization=self.organization,
        )
        owners = {name: terms.owner for name, terms in sorted(self.terms.items()) if terms.owner}
        return View(self.store, where, number, today, self.ontology, stamp, owners)

    def _revision(self, at: str | int | None, head: Revision | None) -> Revision | None:
        if at is None:
            return head
        if str(at).isdigit():
            found = next(self.store.revisions([int(at)]), None)
        else:
            moment = _parse(str(at))
            found = max((one for one in self.store.revisions() if one.at <= moment), key=lambda one: one.number, default=None)
        if found is None:
            message = f"there is no revision {at}; the newest is {head.number if head else 0}"
            raise NotFound(message)
        return found

    def _filter(self, actor: Actor, head: int, at: int | None, today: date, task: str) -> Filter:
        day = self.now().date()
        key = (actor, head, at, today, day, task)
        if key not in self._views:
            if len(self._views) > 256:
                self._views.clear()
            worlds = [policy.World(self.store, today, at), *([policy.World(self.store, day)] if at is not None else [])]
            self._views[key] = policy.visible(
                self.access, actor, worlds=worlds, ontology=self.ontology, as_of=today, day=day, task=self._named(task)
            )
        return self._views[key]

    def _named(self, task: str) -> str:
        """The id under which the graph knows a task."""
        return self.store.resolve([task], Filter()).get(task, task) if task else ""

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

    def _sees_policy(self, actor: Actor, *, of: str = "") -> None:
        if self.view(actor).where != Filter(as_of=self.now().date()) and of != actor.id:
            message = f"{actor.id} may not look into the rights of others: that needs the right to see everything"
            raise NotAllowed(message)

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

    def _note(self, source: str) -> dict[str, Any]:
        text = self.store.notes(f"source:{source}").get(f"source:{source}")
        return json.loads(text) if text else {}

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
            for reading in readings:
                names.append(reading.terms.name)
                self._stage(draft, reading, loading)
            if complete:
                self._withdraw_others(draft, names, loading)
            self._stop_on_errors(loading, keep_going=keep_going)
            self._stop_on_loss(loading, shrink or {}, confirmed, dry=dry)
            rules = self._rules()
            if self.store.notes("rules").get("rules", rules) != rules:
                draft.touch()
            moments = {one.number: _moment(one.at) for one in self.store.revisions()} | {draft.number: _moment(began), 0: _moment(began)}
            settled = changes.settle(draft, ontology=self.ontology, terms=self.terms, aliases=self.aliases, loaded_at=moments.__getitem__)
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
        return LoadReport(
            revision=number,
            sources=tuple(loading.reports),
            added=settled.added,
            changed=settled.changed,
            withdrawn=settled.withdrawn,
            findings=tuple(loading.findings),
            dry=dry,
        )

    def _stage(self, draft: Any, reading: Reading, loading: _Loading) -> None:
        started = time.perf_counter()
        name = reading.terms.name
        self.terms.setdefault(name, reading.terms)
        before: dict[str, tuple[str, int, int]] = self._note(name).get("parts", {})
        staged = changes.stage(draft, reading, ontology=self.ontology, known={path: one[0] for path, one in before.items()})
        unread = ("", 0, 0)
        parts = {path: (digest, *staged.counts.get(path, before.get(path, unread)[1:])) for path, digest in staged.parts.items()}
        loading.keep(staged.findings)
        loading.losses[name] = _Loss(_total(before), _total(parts), tuple(path for path in before if path not in parts))
        entities, relations = _total(parts)
        report = SourceReport(name=name, entities=entities, relations=relations, seconds=round(time.perf_counter() - started, 3))
        loading.reports.append(report)
        note = {"read_at": _moment(self.now()), "rules": self.ontology.digest, "parts": parts}
        loading.notes[f"source:{name}"] = canonical({**note, "terms": reading.terms.model_dump(mode="json")})

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
            at=began,
            actor=actor,
            message=message,
            added=settled.added,
            changed=settled.changed,
            withdrawn=settled.withdrawn,
        )
        said = canonical({**plain.model_dump(mode="json"), "content": f"{settled.content:064x}", "before": head.digest if head else ""})
        return plain.model_copy(update={"digest": "sha256:" + sha256(said.encode()).hexdigest()})

    # reading

    def find(self, text: str, *, actor: Actor, limit: int = 10, kinds: Sequence[str] = (), at: str | int | None = None) -> list[Hit]:
        """What a text names, best first."""
        known = [one for kind in kinds for one in sorted(self.ontology.family(self.ontology.kind(kind).name))]
        return scope.find(self.view(actor, at=at), text, limit=limit, kinds=known)

    def scope(self, question: Scope, *, actor: Actor, at: str | int | None = None, as_of: date | None = None) -> Subgraph:
        """The part of the graph that fits this actor and this task."""
        return scope.scope(self.view(actor, at=at, as_of=as_of, task=question.task), question)

    def show(self, id_: str, *, actor: Actor, at: str | int | None = None, as_of: date | None = None) -> Shown:
        """One entity with all that is known of it; `NotFound` where it is absent or hidden."""
        view = self.view(actor, at=at, as_of=as_of)
        own = scope.known(view, [id_])[id_]
        row = next(self.store.entities(view.where, ids=[own], at=view.at))
        relations = tuple(self.store.relations(view.where, touching=[own], at=view.at))
        others = {end for one in relations for end in (one.source, one.target)}
        names = {one.id: one.name for one in self.store.entities(view.where, ids=sorted(others), at=view.at)} if others else {}
        fresh = scope.freshnesses(view, [row])[own]
        claims = tuple(
            _masked_claim(claim, view.where) for claim in self.store.claims(about=[own, *row.aliases], at=view.at) if not claim.target
        )
        item = Item(row=row, why=(), rank=1.0, freshness=fresh)
        return Shown(item, relations, claims, tuple(self._entity_history(view, row)), names, view.stamp)

    def around(
        self,
        id_: str,
        *,
        actor: Actor,
        opened: Sequence[str] = (),
        without: Sequence[str] = (),
        limit: int = 300,
        at: str | int | None = None,
    ) -> around.Around:
        """What stands around a thing and around the things opened beside it, as a picture needs it."""
        return around.around(self.view(actor, at=at), id_, opened=opened, without=without, limit=limit)

    def _entity_history(self, view: View, row: EntityRow) -> Iterator[Mapping[str, Any]]:
        versions = [one for one in self.store.versions(row.id, upto=view.at) if isinstance(one.row, EntityRow)]
        when = {one.number: one for one in self.store.revisions()}
        previous: EntityRow | None = None
        for version in sorted(versions, key=lambda one: one.since):
            now = version.row
            assert isinstance(now, EntityRow)
            revision = when[version.since]
            change = "changed" if previous else "added"
            different = [] if previous is None else _different(previous, now, view.where)
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
        """The revisions, newest first. Their counts are of all that changed, whoever may see it, so they need the right to everything."""
        revisions = list(self.store.revisions())
        if self.view(actor).where.facets is not None:
            revisions = [one.model_copy(update=dict.fromkeys(("added", "changed", "withdrawn"), Counts())) for one in revisions]
        return revisions[::-1]

    def diff(self, before: str | int, after: str | int, *, actor: Actor) -> list[Difference]:
        """What differs between two revisions: entities first, then relations, each by key. Later against earlier reads backwards too."""
        one, other = self.view(actor, at=before), self.view(actor, at=after)
        early, late = sorted((one, other), key=lambda view: view.stamp.revision)
        first, last = early.stamp.revision, late.stamp.revision
        old: dict[str, EntityRow | RelationRow] = {}
        new: dict[str, EntityRow | RelationRow] = {}
        for version in self.store.versions(after=first, upto=last):
            if version.since <= first:
                old[_key(version.row)] = version.row
            elif not version.until or version.until > last:
                new[_key(version.row)] = version.row
        if one is late:
            old, new, early, late = new, old, late, early
        old, new = self._seen(old, early), self._seen(new, late)
        found = (self._difference(key, old.get(key), new.get(key), late.where) for key in sorted({*old, *new}))
        return sorted((one for one in found if one), key=lambda one: (one.what, one.key))

    def _seen(self, rows: Mapping[str, EntityRow | RelationRow], view: View) -> dict[str, EntityRow | RelationRow]:
        """Those of these rows that pass the view's filter; relations only with both ends."""
        number = view.stamp.revision
        ids = {row.id for row in rows.values() if isinstance(row, EntityRow)}
        ids |= {end for row in rows.values() if isinstance(row, RelationRow) for end in (row.source, row.target)}
        there = set(self.store.resolve(sorted(ids), view.where, at=number).values()) & ids
        kinds = view.where.relations
        return {
            key: row
            for key, row in rows.items()
            if (
                row.id in there
                if isinstance(row, EntityRow)
                else {row.source, row.target} <= there and (kinds is None or row.kind in kinds)
            )
        }

    def _difference(
        self, key: str, old: EntityRow | RelationRow | None, new: EntityRow | RelationRow | None, where: Filter
    ) -> Difference | None:
        row = new or old
        assert row is not None
        properties = _different(old, new, where) if old and new else []
        if old and new and not properties:
            return None
        return Difference(
            key=key,
            what="entity" if isinstance(row, EntityRow) else "relation",
            change="changed" if old and new else "added" if new else "withdrawn",
            kind=row.kind,
            name=row.name if isinstance(row, EntityRow) else "",
            properties=tuple(properties),
            sources=tuple(sorted({origin["source"] for origin in json.loads(row.origins)})),
        )

    def stats(self, *, actor: Actor, at: str | int | None = None) -> Tally:
        """Counts of entities and relations by kind, and of what each source says."""
        view = self.view(actor, at=at)
        return self.store.tally(view.where, at=view.at)

    def gaps(self, *, actor: Actor, at: str | int | None = None, names: Sequence[str] = ()) -> list[Finding]:
        """What is missing, overdue, contested or out of shape, by level, check and subject."""
        view = self.view(actor, at=at)
        return checks.gaps(
            list(self.store.entities(view.where, at=view.at)),
            list(self.store.relations(view.where, at=view.at)),
            self._dangling(view),
            ontology=self.ontology,
            today=view.today,
            names=names,
        )

    def _dangling(self, view: View) -> list[tuple[str, str, str, str]]:
        """(start, relation, missing end, locator) of claimed relations whose end no source describes; only for who sees everything."""
        if view.where.facets is not None:
            return []
        there = {one.id for one in self.store.entities(Filter(), at=view.at)}
        found: list[tuple[str, str, str, str]] = []
        for name in sorted(self.terms):
            for claim in self.store.claims(source=name, at=view.at):
                if claim.target:
                    found += [
                        (claim.subject, claim.kind, claim.target, claim.locator)
                        for end in (claim.subject, claim.target)
                        if end not in there
                    ]
        ends = sorted({end for one in found for end in (one[0], one[2])} - there)
        described = self.store.resolve(ends, Filter(), at=view.at) if ends else {}
        return sorted({one for one in found if any(end not in there and end not in described for end in (one[0], one[2]))})

    def merges(self, *, actor: Actor, at: str | int | None = None, score: int = 90) -> identity.Merges:
        """What was taken for one thing and by which values, what was refused, and what only looks alike."""
        view = self.view(actor, at=at)
        rows = list(self.store.entities(view.where, at=view.at))
        ids = sorted(id_ for row in rows if row.aliases for id_ in (row.id, *row.aliases))
        claims = [claim for start in range(0, len(ids), changes.BATCH) for claim in self._said_of(ids[start : start + changes.BATCH], view)]
        return identity.merges(rows, claims, ontology=self.ontology, masked=view.where.masked, score=score)

    def _said_of(self, ids: Sequence[str], view: View) -> list[Claim]:
        return [claim for claim in self.store.claims(about=ids, at=view.at) if not claim.target]

    def impact(self, id_: str, *, actor: Actor, at: str | int | None = None) -> analysis.Impact:
        """What a change or the loss of this thing reaches, with the path to each."""
        view = self.view(actor, at=at)
        own = scope.known(view, [id_])[id_]
        return analysis.impact(
            own,
            {row.id: row for row in self.store.entities(view.where, at=view.at)},
            list(self.store.relations(view.where, at=view.at)),
            ontology=self.ontology,
        )

    def ready(self, task: str, *, actor: Actor, at: str | int | None = None) -> readiness.Readiness:
        """May this agent do this task? The verdict with its four answers."""
        return readiness.ready(self.view(actor, at=at, task=task), task, actor=actor)

    def precedents(
        self, text: str = "", *, about: Sequence[str] = (), actor: Actor, limit: int = 20, at: str | int | None = None
    ) -> precedents.Precedents:
        """How it was decided before, and the pattern."""
        return precedents.precedents(self.view(actor, at=at), text=text, about=about, limit=limit)

    def verify(self, claims: str, *, actor: Actor, at: str | int | None = None) -> list[verify.Verified]:
        """Claims (JSON, or a sentence a line) against the graph: supported, contradicted or unknown."""
        return verify.verify(self.view(actor, at=at), verify.parse(claims, self.ontology))

    def vocabulary(self, *, actor: Actor, tongue: str = "english", at: str | int | None = None) -> language.Vocabulary:
        """The organization's words as this actor may see them, kept for the next text."""
        view = self.view(actor, at=at)
        key = (view.stamp.revision, actor, view.today, tongue)
        if key not in self._vocabularies:
            if len(self._vocabularies) >= 16:
                self._vocabularies.clear()
            self._vocabularies[key] = language.vocabulary(view, tongue=tongue)
        return self._vocabularies[key]

    def check(self, text: str, name: str, *, actor: Actor, tongue: str = "english", at: str | int | None = None) -> list[Finding]:
        """A text against the organization's language, in the order of the text."""
        return language.check(self.vocabulary(actor=actor, tongue=tongue, at=at), text, name)

    def record(self, event: Event) -> None:
        """Keep who asked what."""
        self.store.record(event)


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
    claims = canonical([claim_data(claim) for claim in shown.claims])
    return f'{entity_json(shown.item)[:-1]},"relations":[{relations}],"claims":{claims},"history":{canonical(list(shown.history))}}}'


def claim_data(claim: Claim) -> dict[str, Any]:
    """What one source says of an entity, for people and programs."""
    return {
        "source": claim.source,
        "locator": claim.locator,
        "id": claim.subject,
        "kind": claim.kind,
        "name": claim.name,
        "properties": json.loads(claim.properties),
        "revision": claim.revision,
    }


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


def _masked_claim(claim: Claim, where: Filter) -> Claim:
    hidden = where.masked.get(claim.kind)
    if not hidden:
        return claim
    kept = {name: value for name, value in json.loads(claim.properties).items() if name.partition("@")[0] not in hidden}
    return claim._replace(properties=canonical(kept))


def _different(old: EntityRow | RelationRow, new: EntityRow | RelationRow, where: Filter) -> list[str]:
    """The names of the properties, and of the fields of the row, in which two states differ; masked ones left out."""
    before, after = json.loads(old.properties), json.loads(new.properties)
    names = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    fields = ("kind", "name", "sensitivity", "valid_from", "valid_to", "aliases")
    names |= {name for name in fields if getattr(old, name, None) != getattr(new, name, None)}
    return sorted(names - where.masked.get(new.kind, frozenset()))


def _key(row: EntityRow | RelationRow) -> str:
    return row.id if isinstance(row, EntityRow) else relation_key(row.source, row.kind, row.target)


def _moment(when: datetime) -> str:
    """A time as answers carry it: UTC to the second."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _parse(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{text!r} is neither a revision's number nor a time such as 2026-11-23 or 2026-11-23T10:00:00Z"
        raise InputError(message) from error
    if len(text) == 10:
        moment = moment.replace(hour=23, minute=59, second=59)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


__all__ = ["ContextGraph", "Difference", "Explained", "LoadReport", "Seen", "Shown", "SourceReport", "Version", "shown_json"]
