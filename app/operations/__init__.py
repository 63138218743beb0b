"""The table of everything that can be asked: for each question a typed input and a function over ContextGraph; every door reads it."""

from __future__ import annotations

import json

from app.operations.around import AROUND
from app.operations.around import AroundOf as AroundOf
from app.operations.judging import JUDGING
from app.operations.judging import Gaps as Gaps
from app.operations.judging import Ready as Ready
from app.operations.question import CONTENT as CONTENT
from app.operations.question import MAX_CONTENT as MAX_CONTENT
from app.operations.question import PLACE as PLACE
from app.operations.question import Operation, Reply, asked
from app.operations.question import columns as columns
from app.operations.question import findings_text as findings_text
from app.operations.reading import READING
from app.operations.reading import ScopeOf as ScopeOf
from app.operations.revisions import REVISIONS
from app.operations.rights import RIGHTS
from graph import Actor, ContextError, ContextGraph, Event, NotAllowed, NotFound, Value, canonical

OPERATIONS: dict[str, Operation] = {one.name: one for one in (*READING, *AROUND, *JUDGING, *RIGHTS, *REVISIONS)}


def ask(context: ContextGraph, actor: Actor, name: str, question: Value, *, form: str = "json") -> Reply:
    """The reply to a question; it is recorded, also when it is refused or finds nothing."""
    outcome, served, revision = "failed", tuple[str, ...](), 0
    try:
        reply = OPERATIONS[name].answer(context, actor, question, form)
        outcome, served, revision = "served", reply.served, reply.stamp.revision
    except NotFound:
        outcome = "not_found"
        raise
    except NotAllowed:
        outcome = "refused"
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
                    "revision": revision,
                    "outcome": outcome,
                    "served": served,
                }
            )
        )


def envelope(reply: Reply, actor: Actor, question: Value, *, form: str = "json") -> str:
    """The reply as every JSON answer looks: revision, time, actor, question, answer; one line."""
    answer = reply.formats[form]() if form in reply.formats else reply.json()
    head = f'{{"revision":{reply.stamp.revision},"at":{json.dumps(reply.stamp.at)},"actor":{json.dumps(actor.id)}'
    return f'{head},"question":{canonical(asked(question))},"answer":{answer}}}\n'
