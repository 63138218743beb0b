"""The answers that were given last, at hand for whoever asks the same with the same rights while nothing has changed."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from functools import cache
from hashlib import sha256
from threading import Lock

from anyio import CapacityLimiter

from app.operations import OPERATIONS, Operation, Reply, ask
from graph import Actor, ContextGraph, Value, canonical

KEPT = frozenset({"find", "ready", "route", "scope", "show"})  # what agents ask while they work, of a size that is bounded
MANY = 256
_SLOW = 2  # threads for all other questions


class Answers:
    """Answers of one graph. Kept is what hangs on nothing but the question, the asker's rights, the revision and the day."""

    def __init__(self, context: ContextGraph, *, at_once: int = 1) -> None:
        self.context, self.at_once = context, at_once
        self._terms = sha256(canonical([context.access.model_dump(mode="json"), context.ontology.digest]).encode()).hexdigest()
        self._kept: OrderedDict[str, Reply] = OrderedDict()
        self._lock = Lock()
        self._threads: dict[bool, CapacityLimiter] = {}

    def threads(self, name: str = "") -> CapacityLimiter:
        """How many threads may work at once, whatever the door; asked for inside the event loop.

        `at_once` for what agents ask while they work: more than one takes the interpreter from the others, unless the store is a server
        that is waited for. Whatever may take long has threads of its own, so that it does not stand in the way.
        """
        quick = name in KEPT
        if quick not in self._threads:
            self._threads[quick] = CapacityLimiter(self.at_once if quick else _SLOW)
        return self._threads[quick]

    def tag(self, operation: Operation, actor: Actor, question: Value, form: str) -> str:
        """What is the same for two answers only if they are the same: of an operation whose answers hang on the revision and the day."""
        head = self.context.store.head()
        said = [
            operation.name,
            actor.id,
            sorted(actor.roles),
            actor.behalf,
            str(self.context.now().date()),
            form,
            head.number if head else 0,
            str(head.at) if head else "",
            self._terms,
            question.model_dump(mode="json"),
        ]
        return sha256(canonical(said).encode()).hexdigest()[:32]

    def ask(self, actor: Actor, name: str, question: Value, *, form: str = "json", tag: str = "") -> Reply:
        """The reply, as `ask` has it: recorded each time, worked out where it is not at hand. `tag` is its tag, where that is known."""
        operation = OPERATIONS[name]
        if name not in KEPT or any(getattr(question, one, None) for one in ("run", "at")):  # a run may end, a tag may be set anew
            return ask(self.context, actor, name, question, form=form)
        tag = tag or self.tag(operation, actor, question, form)

        def answer(context: ContextGraph, actor: Actor, question: Value, form: str) -> Reply:
            return self._known(tag) or self._keep(tag, operation.answer(context, actor, question, form))

        return ask(self.context, actor, name, question, form=form, answer=answer)

    def _known(self, tag: str) -> Reply | None:
        with self._lock:
            if tag in self._kept:
                self._kept.move_to_end(tag)
            return self._kept.get(tag)

    def _keep(self, tag: str, reply: Reply) -> Reply:
        formats = {name: cache(made) for name, made in reply.formats.items()}
        kept = replace(reply, json=cache(reply.json), text=cache(reply.text), formats=formats)
        with self._lock:
            self._kept[tag] = kept
            while len(self._kept) > MANY:
                self._kept.popitem(last=False)
        return kept
