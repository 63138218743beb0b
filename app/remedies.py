"""The safe remedies of drift: the stored graph restored from its claims, changed sources loaded."""

from __future__ import annotations

from collections.abc import Sequence

from app.loading import run_load
from app.settings import Settings
from graph import Actor, ContextGraph, Finding


def remedies(settings: Settings, context: ContextGraph, findings: Sequence[Finding], *, actor: Actor) -> list[str]:
    """Do what is safe: restore the stored graph from its claims, load what changed. Returns what was done, in words."""
    done: list[str] = []
    spoilt = [one.subject for one in findings if one.check.startswith("claim_")]
    if spoilt:
        done.append(f"nothing was restored: what sources said of {', '.join(spoilt[:3])} was changed itself; restore a backup")
    elif any(one.check in _STORED for one in findings):
        mended = context.mend(actor=actor)
        if mended.mendable:
            done.append(
                f"restored from the claims: {len(mended.rows)} rows put back, {len(mended.gone)} taken away, what helps reading made anew"
            )
        if left := [one.subject for one in context.stored(actor=actor)]:
            done.append(
                f"not restored: {', '.join(left[:3])}{f' and {len(left) - 3} more' if len(left) > 3 else ''}: no claim says what it was. The graph as "
                "it is now is what its sources say; what was before is in a backup (`orgcontext restore FILE` into an empty store)"
            )
    stale = [one.subject for one in findings if one.check in ("source_changed", "source_new", "columns_changed")]
    whole = {one.subject for one in findings if one.check in ("source_gone", "source_unreadable")}
    names = tuple(name for name in dict.fromkeys(stale) if name not in whole)
    if names:
        report = run_load(settings, context, names=names, message="drift", actor=actor.id)
        done.append(f"loaded {', '.join(names)}: revision {report.revision}")
    return done


_STORED = frozenset({"edited", "misplaced", "unrecognized", "row_changed", "row_added", "revision_changed"})
