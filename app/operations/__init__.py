"""The table of everything that can be asked: for each question a typed input and a function over ContextGraph; every door reads it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import nullcontext
from hashlib import sha256
from typing import Any, TypeAlias

from app.operations.agents import AGENTS
from app.operations.analyses import ANALYSES_ASKED
from app.operations.around import AROUND
from app.operations.around import AroundOf as AroundOf
from app.operations.gaps import GAPS
from app.operations.gaps import Gaps as Gaps
from app.operations.judging import JUDGING
from app.operations.keeping import KEEPING
from app.operations.proposals import PROPOSALS
from app.operations.question import CONTENT as CONTENT
from app.operations.question import FILE as FILE
from app.operations.question import MAX_CONTENT as MAX_CONTENT
from app.operations.question import PAIR as PAIR
from app.operations.question import PLACE as PLACE
from app.operations.question import TRACE as TRACE
from app.operations.question import Operation, Reply, asked
from app.operations.question import columns as columns
from app.operations.question import findings_text as findings_text
from app.operations.reading import READING
from app.operations.reading import ScopeOf as ScopeOf
from app.operations.revisions import REVISIONS
from app.operations.rights import RIGHTS
from app.operations.routes import ROUTES
from app.operations.routes import Ready as Ready
from app.operations.runs import RUNS
from graph import Actor, ContextError, ContextGraph, Event, InputError, NotAllowed, NotFound, Value, canonical

OPERATIONS: dict[str, Operation] = {
    one.name: one
    for one in (*READING, *AROUND, *ROUTES, *JUDGING, *ANALYSES_ASKED, *RIGHTS, *REVISIONS, *KEEPING, *RUNS, *PROPOSALS, *AGENTS, *GAPS)
}


Answer: TypeAlias = Callable[[ContextGraph, Actor, Any, str], Reply]


def ask(context: ContextGraph, actor: Actor, name: str, question: Value, *, form: str = "json", answer: Answer | None = None) -> Reply:
    """The reply to a question; it is recorded, also when it is refused or finds nothing. `answer` knows it without working it out."""
    outcome: str = "failed"
    said: dict[str, Any] = {}
    run = str(getattr(question, "run", ""))
    began = time.perf_counter()
    try:
        with nullcontext() if OPERATIONS[name].writes else context.store.question():
            context.hold(actor, at=run or str(getattr(question, "at", "")) or None, works=OPERATIONS[name].works)
            reply = (answer or OPERATIONS[name].answer)(context, actor, question, form)
        outcome = "served"
        said |= {"revision": reply.stamp.revision, "served": reply.served, "unmet": reply.unmet}
        if run:
            said["digest"] = "sha256:" + sha256(reply.json().encode()).hexdigest()
    except NotFound as error:
        outcome = "not_found"
        said["unmet"] = (error.wanted,) if error.wanted else ()
        raise
    except NotAllowed as error:
        outcome, said["because"] = "refused", str(error)
        raise
    except ContextError:
        raise
    else:
        return reply
    finally:
        context.record(
            Event.model_validate(
                {
                    "at": context.now(),
                    "actor": actor.id,
                    "behalf": actor.behalf,
                    "operation": name,
                    "question": asked(question),
                    "outcome": outcome,
                    "run": run,
                    "trace": TRACE.get(),
                    **said,
                    "seconds": round(time.perf_counter() - began, 6),
                }
            )
        )


def replay(context: ContextGraph, event: Event, *, form: str = "json") -> str:
    """The JSON answer to a question that was asked before, made anew from its event: of the revision and the day on which it was given.

    The rights are those of today. `InputError` for a question with a text, of which only the digest is kept.
    """
    operation = OPERATIONS[event.operation]
    if any(name in event.question for name, info in operation.question.model_fields.items() if info.json_schema_extra in (CONTENT, FILE)):
        message = f"{event.operation} was asked of a text, and only its digest is kept: it cannot be asked again"
        raise InputError(message)
    question = operation.question.model_validate(event.question)
    then = context.then(event)
    actor = context.access.actor(event.actor, behalf=event.behalf)
    return envelope(operation.answer(then, actor, question, form), actor, question, form=form)


def envelope(reply: Reply, actor: Actor, question: Value, *, form: str = "json") -> str:
    """The reply as every JSON answer looks: revision, time, actor, question, answer; one line."""
    answer = reply.formats[form]() if form in reply.formats else reply.json()
    head = f'{{"revision":{reply.stamp.revision},"at":{json.dumps(reply.stamp.at)},"actor":{json.dumps(actor.id)}'
    return f'{head},"question":{canonical(asked(question))},"answer":{answer}}}\n'
