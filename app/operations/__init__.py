"""The table of everything that can be asked: for each question a typed input and a function over ContextGraph; every door reads it."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from app.operations.agents import AGENTS
from app.operations.judging import JUDGING
from app.operations.judging import Gaps as Gaps
from app.operations.judging import Ready as Ready
from app.operations.proposals import PROPOSALS
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
from app.operations.runs import RUNS
from graph import Actor, ContextError, ContextGraph, Event, NotAllowed, NotFound, Value, canonical

OPERATIONS: dict[str, Operation] = {one.name: one for one in (*READING, *JUDGING, *RIGHTS, *REVISIONS, *RUNS, *PROPOSALS, *AGENTS)}


def ask(context: ContextGraph, actor: Actor, name: str, question: Value, *, form: str = "json") -> Reply:
    """The reply to a question; it is recorded, also when it is refused or finds nothing."""
    outcome: str = "failed"
    said: dict[str, Any] = {}
    run = str(getattr(question, "run", ""))
    try:
        reply = OPERATIONS[name].answer(context, actor, question, form)
        outcome = "served"
        said |= {"revision": reply.stamp.revision, "served": reply.served, "unmet": reply.unmet}
        if run:
            said["digest"] = "sha256:" + sha256(reply.json().encode()).hexdigest()
    except NotFound as error:
        outcome = "not_found"
        said["unmet"] = (error.wanted,) if error.wanted else ()
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
                    "outcome": outcome,
                    "run": run,
                    **said,
                }
            )
        )


def envelope(reply: Reply, actor: Actor, question: Value, *, form: str = "json") -> str:
    """The reply as every JSON answer looks: revision, time, actor, question, answer; one line."""
    answer = reply.formats[form]() if form in reply.formats else reply.json()
    head = f'{{"revision":{reply.stamp.revision},"at":{json.dumps(reply.stamp.at)},"actor":{json.dumps(actor.id)}'
    return f'{head},"question":{canonical(asked(question))},"answer":{answer}}}\n'
