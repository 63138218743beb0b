"""Drift of the sources: what a workspace's files say now beside what was loaded, without loading; and what can safely be done about it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from app.settings import Settings
from graph import ContextError, ContextGraph, Finding, Level, canonical
from loaders import Source, files, read

_TABLES = frozenset({".csv", ".tsv", ".xlsx"})
_COLUMNS = "columns:"


class Moved(NamedTuple):
    """What differs between a source and its last load: paths that are new, changed or gone."""

    source: Source
    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    broken: str = ""

    @property
    def any(self) -> bool:
        """Whether a load would read anything."""
        return bool(self.new or self.changed or self.gone)


def moved(settings: Settings, context: ContextGraph, source: Source) -> Moved:
    """The parts of a source whose digests are others than when it was loaded; nothing is parsed that need not be."""
    before = context.loaded(source.name)
    try:
        reading = read(
            source,
            settings.root,
            known=before,
            allow_outside=settings.workspace.allow_outside,
            mappings=settings.folder,
            may_be_gone=bool(before),
        )
        now = {part.path: part.digest for part in reading.parts}
    except ContextError as error:
        return Moved(source, broken=str(error))
    changed = tuple(path for path, digest in now.items() if path in before and before[path] != digest)
    return Moved(source, tuple(path for path in now if path not in before), changed, tuple(path for path in before if path not in now))


def source_drift(settings: Settings, context: ContextGraph, names: Sequence[str] = ()) -> list[Finding]:
    """What the sources say that the graph does not: changed, new and gone files, changed columns, files that cannot be read."""
    found: list[Finding] = []
    for source in settings.workspace.sources:
        if not names or source.name in names:
            found += _findings(settings, context, moved(settings, context, source))
    return found


def _findings(settings: Settings, context: ContextGraph, seen: Moved) -> Iterator[Finding]:
    name, load = seen.source.name, f"`orgcontext load --source {seen.source.name}` reads it."
    if seen.broken:
        yield _finding(
            seen.source,
            "source_unreadable",
            "error",
            f"source {name!r} cannot be read: {seen.broken}",
            (),
            "Mend the file or the workspace.",
        )
    elif not context.loaded(name):
        yield _finding(seen.source, "source_new", "note", f"source {name!r} was never loaded", (), load)
    else:
        parts = (("changed", seen.changed), ("new", seen.new))
        said = "; ".join(f"{len(paths)} {word} ({_some(paths)})" for word, paths in parts if paths)
        if said:
            yield _finding(
                seen.source,
                "source_changed",
                "warning",
                f"source {name!r} is not what was loaded: {said}",
                (*seen.changed, *seen.new),
                load,
            )
        if seen.gone:
            yield _gone(context, seen)
        yield from _undone(context, seen.source)
        yield from _other_columns(settings, context, seen)


def _gone(context: ContextGraph, seen: Moved) -> Finding:
    """What is gone, and how much of what the source says that was."""
    held, name = context.held(seen.source.name), seen.source.name
    lost, whole = sum(held.get(path, 0) for path in seen.gone), sum(held.values())
    level: Level = "error" if lost == whole else "warning"
    message = f"source {name!r} shrank: {_some(seen.gone)} {'is' if len(seen.gone) == 1 else 'are'} gone, with {lost} of its {whole} facts"
    remedy = f"Bring it back, or `orgcontext load --confirm {name}` if it is right."
    return _finding(seen.source, "source_gone", level, message, seen.gone, remedy)


def _undone(context: ContextGraph, source: Source) -> Iterator[Finding]:
    """What the source says and reverts undid, or brought back though it says it no longer."""
    for number, subjects in sorted(context.undone(source.name).items()):
        message = f"source {source.name!r} says otherwise than the graph of {_some(subjects)}, since revision {number} undid what it said"
        remedy = f"Correct the source, or `orgcontext revert {number}` takes it at its word again."
        yield _finding(source, "source_undone", "warning", message, subjects, remedy, detail=str(number))


def _some(paths: Sequence[str]) -> str:
    return ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")


def _finding(source: Source, check: str, level: Level, message: str, evidence: Sequence[str], remedy: str, detail: str = "") -> Finding:
    return Finding(
        id=f"{check}:{source.name}" + (f":{detail}" if detail else ""),
        check=check,
        level=level,
        subject=source.name,
        message=f"{message.rstrip('.')}.",
        evidence=tuple(evidence[:20]),
        owner=source.owner,
        remedy=remedy,
    )


# columns


def _other_columns(settings: Settings, context: ContextGraph, seen: Moved) -> Iterator[Finding]:
    before: dict[str, list[str]] = json.loads(context.remembered(_COLUMNS + seen.source.name) or "{}")
    now = columns(settings, seen.source, {path for path in seen.changed if path in before})
    for path, names in now.items():
        lost, fresh = [one for one in before[path] if one not in names], [one for one in names if one not in before[path]]
        said = "; ".join(
            text for text in (f"without {', '.join(lost)}" if lost else "", f"with {', '.join(fresh)} new" if fresh else "") if text
        )
        if said:
            message = f"{path} has other columns than when it was loaded: {said}"
            level: Level = "warning" if lost else "note"
            yield _finding(
                seen.source, "columns_changed", level, message, (*lost, *fresh), "See that the columns are read as they are meant."
            )


def columns(settings: Settings, source: Source, paths: set[str] | None = None) -> dict[str, list[str]]:
    """The names of the columns of the tables among a source's files (None: all); what cannot be read is left out."""
    if source.live:
        return {}
    found: dict[str, list[str]] = {}
    try:
        for file in files(source, settings.root, allow_outside=settings.workspace.allow_outside, suffixes=_TABLES):
            if paths is None or file.name in paths:
                found[file.name] = next(([name for name in record if name.strip()] for record, _ in file.records()), list[str]())
                file.forget()
    except ContextError:
        return found
    return found


def remember_columns(settings: Settings, context: ContextGraph, sources: Sequence[Source]) -> None:
    """Keep the columns of these sources as they are at this load, for the next question about drift."""
    for source in sources:
        held = canonical(columns(settings, source))
        if held not in ("{}", context.remembered(_COLUMNS + source.name)):
            context.store.remember(_COLUMNS + source.name, held)
