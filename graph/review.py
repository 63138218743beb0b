"""The desk at which proposals come in and are decided: who may see one, who may decide on it, and what a decision does to the graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median

from graph import changes, proposals
from graph.errors import InputError, NotAllowed, NotFound
from graph.model import Actor, Entity, Fact, Filter, Origin, Relation, Value, canonical
from graph.ontology import Ontology
from graph.proposals import Difference, Dossier, Ending, Evidence, Proposal, Request, State, Touched, Vote
from graph.runs import Report
from graph.scope import View, known
from graph.stores.base import Draft, Store, any_day

Write = Callable[[Draft], Mapping[str, str]]  # stages and withdraws claims, and gives the notes to be published with them


class Case(Value):
    """A proposal as one reader may see it: what it changes, who decides, how many have and must say yes, and how it ended."""

    id: str
    state: State
    why: str
    proposer: str
    at: str
    supporters: int
    changes: tuple[Difference, ...]
    owners: tuple[str, ...] = ()
    evidence: Evidence = Evidence()
    votes: int = 0
    needs: int = 1
    amended_by: str = ""
    ending: Ending | None = None


class Record(Value):
    """How the proposals of one actor fared: how many, how many of each state, and the median hours until they were decided."""

    proposer: str
    proposals: int
    open: int = 0
    accepted: int = 0
    rejected: int = 0
    expired: int = 0
    withdrawn: int = 0
    hours: float | None = None


@dataclass(frozen=True)
class Desk:
    """All that deciding on proposals needs of the graph."""

    store: Store
    ontology: Ontology
    now: Callable[[], datetime]
    view: Callable[[Actor], View]
    whole: Callable[[], View]
    posts: Callable[[str], frozenset[str]]
    sees_everything: Callable[[Actor], bool]
    may_see: Callable[[Actor, str], bool]
    acting: Callable[[Actor], list[Actor]]
    run: Callable[[str, Actor], Report]
    commit: Callable[[Write, str, str], int]
    tell: Callable[[str, Mapping[str, object]], None]

    # handing in

    def propose(self, request: Request, *, actor: Actor, dry: bool = False) -> Case:
        """Hand a request in, or say what it would change; the same changes that others asked for are one proposal with them."""
        view = self.view(actor)
        differences = proposals.checked(request.changes, view)
        self._check_evidence(request.evidence, actor)
        if dry:
            made = Proposal(id="proposal:dry-run", changes=request.changes, why=request.why, proposer=actor.id, at=self._moment())
            return self._case(Dossier(proposal=made), actor, tuple(differences))
        id_, new = proposals.submitted(self.store, request, actor=actor, at=self._moment())
        return self._told(id_, actor) if new else self.case(id_, actor=actor)

    def _told(self, id_: str, actor: Actor) -> Case:
        """The case, after those who listen were told how it stands."""
        case = self.case(id_, actor=actor)
        self.tell("proposal", {"id": id_, "state": case.state, "proposer": case.proposer, "at": self._moment()})
        return case

    def _check_evidence(self, evidence: Evidence, actor: Actor) -> None:
        if evidence.delivery and not evidence.run:
            message = "evidence: a delivery is part of a run; name the run, too"
            raise InputError(message)
        if evidence.run:
            report = self.run(evidence.run, actor)
            if evidence.delivery and evidence.delivery not in (one.id for one in report.deliveries):
                message = f"there is no delivery {evidence.delivery!r} in {evidence.run}"
                raise NotFound(message)
        if ids := [one for one in evidence.documents if self._is_id(one)]:
            known(self.view(actor), ids)

    def _is_id(self, text: str) -> bool:
        prefix, colon, local = text.partition(":")
        return bool(colon and local) and prefix in self.ontology.prefixes

    # reading

    def cases(self, *, actor: Actor, state: str = "") -> list[Case]:
        """The proposals that this actor made, may decide on, or has the right to see, the oldest first."""
        held = [one for one in proposals.dossiers(self.store).values() if not state or one.state == state]
        return [self._case(one, actor) for one in held if self._sees(one, actor)]

    def case(self, id_: str, *, actor: Actor) -> Case:
        """One of them; `NotFound` for any other."""
        return self._case(self._dossier(id_, actor), actor)

    def _dossier(self, id_: str, actor: Actor) -> Dossier:
        found = proposals.dossiers(self.store).get(id_)
        if found is None or not self._sees(found, actor):
            raise proposals.absent(id_)
        return found

    def _sees(self, dossier: Dossier, actor: Actor) -> bool:
        """Whether it concerns the actor, who also sees all that it speaks of."""
        if self.sees_everything(actor):
            return True
        wishes = dossier.proposal.changes
        added = {one.id for one in wishes if one.do == "add"}
        ids = {id_ for one in wishes for id_ in (one.id, one.target) if id_ and id_ not in added}
        where = any_day(self.view(actor).where)  # what was retired by it is still what it was about
        if ids - self.store.resolve(sorted(ids), where).keys():
            return False
        return all(self._concerns(dossier, one) for one in self.acting(actor))

    def _concerns(self, dossier: Dossier, reader: Actor) -> bool:
        """Whether it is the reader's own, the reader said yes to it, has the right to see proposals, or answers for what it touches."""
        own = {id_ for by in dossier.supporters for id_ in (by.actor, by.behalf)} | {vote.actor for vote in dossier.votes}
        if reader.id in own or self._one(reader.id) in own or self.may_see(reader, "Proposal"):
            return True
        return bool(proposals.covers(self._touched(dossier), self.posts(reader.id), everything=False))

    def _touched(self, dossier: Dossier) -> list[Touched]:
        return proposals.touched(dossier.proposal.changes, self.whole(), asking=dossier.proposers)

    def _case(self, dossier: Dossier, actor: Actor, differences: Sequence[Difference] | None = None) -> Case:
        made, view = dossier.proposal, self.view(actor)
        things = self._touched(dossier)
        owners = sorted({owner for one in things for owner in one.owners})
        seen = self.store.resolve(owners, view.where)
        return Case(
            id=made.id,
            state=dossier.state,
            why=made.why,
            proposer=made.proposer,
            at=made.at,
            supporters=max(1, len(dossier.supporters)),
            changes=tuple(differences if differences is not None else self._differences(dossier, view)),
            owners=tuple(one for one in owners if one in seen),
            evidence=self._shown(made.evidence, actor),
            votes=len(dossier.votes),
            needs=max((one.eyes for one in things), default=1),
            amended_by=made.amended_by,
            ending=dossier.ending,
        )

    def _differences(self, dossier: Dossier, view: View) -> list[Difference]:
        """What it would change now; of one that is decided, or can no longer be done, what it asked for."""
        if dossier.state == "open":
            try:
                return proposals.checked(dossier.proposal.changes, view)
            except (InputError, NotFound):
                pass
        return [proposals.plain(one) for one in dossier.proposal.changes]

    def _shown(self, evidence: Evidence, actor: Actor) -> Evidence:
        """The evidence without what the reader does not see."""
        ids = [one for one in evidence.documents if self._is_id(one)]
        there = self.store.resolve(ids, self.view(actor).where)
        kept = tuple(one for one in evidence.documents if one not in ids or one in there)
        run = {} if not evidence.run or self._sees_run(evidence.run, actor) else {"run": "", "delivery": ""}
        return evidence.model_copy(update={"documents": kept, **run})

    def _sees_run(self, id_: str, actor: Actor) -> bool:
        try:
            self.run(id_, actor)
        except NotFound:
            return False
        return True

    def records(self, *, actor: Actor) -> list[Record]:
        """How the proposals that this actor may see fared, by who made them."""
        held = [one for one in proposals.dossiers(self.store).values() if self._sees(one, actor)]
        makers = sorted({one.proposal.proposer for one in held})
        return [_record(maker, [one for one in held if one.proposal.proposer == maker]) for maker in makers]

    # deciding

    def accept(self, id_: str, *, actor: Actor) -> Case:
        """Say yes; with the last yes that is needed the proposal becomes a revision. `NotAllowed` for who may not decide on it."""
        dossier = self._open(id_, actor)
        vote = self._vote(dossier, actor)
        votes = [*(one for one in dossier.votes if one.actor != vote.actor), vote]
        self.store.remember(proposals.key("vote", id_, vote.actor), proposals.text_of(vote))
        if not proposals.lacking(self._touched(dossier), votes):
            asked = f"accept {id_}, proposed by {dossier.proposal.proposer}: {dossier.proposal.why}"
            self.commit(self._acceptance(dossier, actor), actor.id, asked)
        return self._told(id_, actor)

    def _vote(self, dossier: Dossier, actor: Actor) -> Vote:
        reached = self._may_decide(dossier, actor)
        return Vote(actor=self._one(actor.id), at=self._moment(), digest=dossier.proposal.digest, covers=reached)

    def _may_decide(self, dossier: Dossier, actor: Actor) -> tuple[str, ...]:
        """The things for which this actor may say yes or no; `NotAllowed` where there is none."""
        self.no_agent(actor, "decides on proposals")
        themselves = {self._one(one) for one in (actor.id, actor.behalf) if one}
        if themselves & {self._one(one) for one in dossier.proposers}:
            message = f"{actor.id} asked for {dossier.proposal.id}: somebody else decides on it"
            raise NotAllowed(message, reason="Nobody decides on their own proposal.")
        things = self._touched(dossier)
        reached = proposals.covers(things, self.posts(actor.id), everything=self.sees_everything(actor))
        if not reached:
            owners = self._case(dossier, actor).owners
            message = f"{actor.id} does not answer for what {dossier.proposal.id} changes; {' and '.join(owners) or 'somebody else'} does"
            raise NotAllowed(message, reason="Who owns a thing decides on changes of it.")
        return reached

    def no_agent(self, actor: Actor, verb: str) -> None:
        """`NotAllowed` for an agent, whoever it acts for."""
        if actor.id.partition(":")[0] == self.ontology.kind("Agent").prefix:
            message = f"{actor.id} is an agent, and no agent {verb}: a person does"
            raise NotAllowed(message)

    def _acceptance(self, dossier: Dossier, actor: Actor) -> Write:
        def write(draft: Draft) -> Mapping[str, str]:
            made = self._still_open(dossier).proposal
            view = self.whole()
            wishes = made.changes
            proposals.checked(wishes, view)
            added = {one.id for one in wishes if one.do == "add"}
            ids = known(view, [id_ for one in wishes for id_ in (one.id, one.target) if id_ and id_ not in added])
            draft.stage([self.claim(fact, proposals.SOURCE, made.id) for fact in proposals.facts(wishes, view, ids)])
            ending = Ending(state="accepted", at=self._moment(), by=actor.id, revision=draft.number)
            return {proposals.key("ending", made.id, "accepted"): proposals.text_of(ending)}

        return write

    def claim(self, fact: Fact, source: str, part: str) -> changes.Claim:
        """The statement of this fact by a source of our own."""
        stated = fact.model_copy(update={"origins": (Origin(locator=part),)})
        same = self.ontology.identities(stated) if isinstance(stated, Entity) else ()
        assert isinstance(stated, Entity | Relation)
        return changes.claim(stated, source=source, part=part, same_as=same)

    def _still_open(self, dossier: Dossier) -> Dossier:
        """The same, as it is now that nobody else writes; `InputError` if it was decided or amended meanwhile."""
        now = proposals.dossiers(self.store)[dossier.proposal.id]
        if now.state != "open" or now.proposal.digest != dossier.proposal.digest:
            message = f"{dossier.proposal.id} was {now.state if now.state != 'open' else 'amended'} meanwhile; look at it again"
            raise InputError(message)
        return now

    def _open(self, id_: str, actor: Actor) -> Dossier:
        dossier = self._dossier(id_, actor)
        if dossier.ending:
            by = f" by {dossier.ending.by}" if dossier.ending.by else ""
            message = f"{id_} was {dossier.state}{by} at {dossier.ending.at}"
            raise InputError(message)
        return dossier

    def reject(self, id_: str, *, why: str, actor: Actor) -> Case:
        """Say no, and why."""
        self._may_decide(self._open(id_, actor), actor)
        self._end(id_, "rejected", actor, why)
        return self._told(id_, actor)

    def amend(self, id_: str, request: Request, *, actor: Actor) -> Case:
        """Put other changes in its place, by who made it or may decide on it; who amended it does not decide on it."""
        dossier = self._open(id_, actor)
        if actor.id not in (by.actor for by in dossier.supporters):
            self._may_decide(dossier, actor)
        proposals.checked(request.changes, self.view(actor))
        update = {"changes": request.changes, "why": request.why, "amended_by": actor.id}
        self.store.remember(id_, proposals.text_of(dossier.proposal.model_copy(update=update)))
        return self._told(id_, actor)

    def expire(self, *, days: int, actor: Actor) -> list[Case]:
        """End those that have waited longer than so many days and on which this actor may decide."""
        limit = self._moment(self.now() - timedelta(days=days))
        late = [one for one in self.cases(actor=actor, state="open") if one.at < limit and self._could_decide(one.id, actor)]
        for one in late:
            self._end(one.id, "expired", actor, f"waited longer than {days} days")
        return [self._told(one.id, actor) for one in late]

    def _could_decide(self, id_: str, actor: Actor) -> bool:
        try:
            self._may_decide(self._dossier(id_, actor), actor)
        except NotAllowed:
            return False
        return True

    def withdraw(self, id_: str, *, why: str, actor: Actor) -> Case:
        """Take back an open proposal of one's own; or, by who may decide on it, an accepted one, as a revision."""
        dossier = self._dossier(id_, actor)
        if dossier.state == "open" and actor.id in (by.actor for by in dossier.supporters):
            self._end(id_, "withdrawn", actor, why)
        elif dossier.state == "accepted":
            self._may_decide(dossier, actor)
            self.commit(self._withdrawal(id_, actor, why), actor.id, f"withdraw {id_}: {why}")
        else:
            message = f"{id_} is {dossier.state}; only who made an open proposal, or who decides on an accepted one, withdraws it"
            raise InputError(message)
        return self._told(id_, actor)

    def _withdrawal(self, id_: str, actor: Actor, why: str) -> Write:
        def write(draft: Draft) -> Mapping[str, str]:
            draft.withdraw(proposals.SOURCE, [id_])
            ending = Ending(state="withdrawn", at=self._moment(), by=actor.id, why=why, revision=draft.number)
            return {proposals.key("ending", id_, "withdrawn"): proposals.text_of(ending)}

        return write

    def _end(self, id_: str, state: State, actor: Actor, why: str) -> None:
        proposals.ended(self.store, id_, Ending(state=state, at=self._moment(), by=actor.id, why=why))

    # confirming

    def confirm(self, id_: str, *, note: str = "", actor: Actor) -> int:
        """The owner says that a thing is true today: a revision, whose number comes back. `NotAllowed` for who does not answer for it."""
        self.no_agent(actor, "confirms")
        own = known(self.view(actor), [id_])[id_]
        owner = proposals.touched([proposals.Wish(do="retire", id=own)], self.whole())[0].owners[:1]
        if not self.sees_everything(actor) and self.posts(actor.id).isdisjoint(owner):
            message = f"{actor.id} does not own {own}: who owns a thing confirms it"
            raise NotAllowed(message)
        row = next(self.store.entities(Filter(), ids=[own]))
        day = self.now().date().isoformat()
        fact = Entity(id=own, kind=row.kind, properties={"verified_at": day, "verified_by": self._one(actor.id)})

        def write(draft: Draft) -> Mapping[str, str]:
            draft.stage([self.claim(fact, proposals.CONFIRMED, own)])
            draft.withdraw(proposals.CONFIRMED, [own])
            return {f"{proposals.CONFIRMED}:{own}": canonical({"day": day, "by": actor.id, "note": note})}

        return self.commit(write, actor.id, f"confirm {own}" + (f": {note}" if note else ""))

    def _one(self, id_: str) -> str:
        """The one id of a person or agent that the graph knows by several."""
        return self.store.resolve([id_], Filter()).get(id_, id_)

    def _moment(self, when: datetime | None = None) -> str:
        return (when or self.now()).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _record(proposer: str, held: Iterable[Dossier]) -> Record:
    held = list(held)
    states = [one.state for one in held]
    waited = [_hours(one.proposal.at, one.ending.at) for one in held if one.ending]
    return Record(
        proposer=proposer,
        proposals=len(held),
        open=states.count("open"),
        accepted=states.count("accepted") + states.count("adopted"),
        rejected=states.count("rejected"),
        expired=states.count("expired"),
        withdrawn=states.count("withdrawn"),
        hours=round(median(waited), 1) if waited else None,
    )


def _hours(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() / 3600
