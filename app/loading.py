"""Loading a workspace: its sources into one revision with a progress line, and what that came to in words; the shipped workspaces."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from app.drift import remember_columns
from app.operations.question import columns, findings_text
from graph import ContextGraph, Counts, InputError, LoadReport, Reading

if TYPE_CHECKING:
    from app.progress import Progress
    from app.settings import Settings

SAMPLE = Path(__file__).parent / "sample"
EXAMPLES = Path(__file__).parent / "examples"


def run_load(
    settings: Settings,
    context: ContextGraph,
    *,
    names: tuple[str, ...] = (),
    dry: bool = False,
    keep_going: bool = False,
    confirmed: tuple[str, ...] = (),
    message: str = "load",
    actor: str,
    shown: Callable[[int], Progress] | None = None,
) -> LoadReport:
    """Load the workspace's sources, or those named, with a progress line on a terminal, or where `shown` puts it."""
    from app.progress import Progress as Line
    from loaders import read

    known = {source.name: source for source in settings.workspace.sources}
    for name in (*names, *confirmed):
        if name not in known:
            text = f"no source is named {name!r}; there are {', '.join(sorted(known))}"
            raise InputError(text)
    chosen = [known[name] for name in names] if names else list(known.values())

    progress = (shown or Line)(len(chosen))

    def readings() -> Iterator[Reading]:
        for number, source in enumerate(chosen, 1):
            progress.say(f"{number}/{len(chosen)} {source.name}")
            reading = read(
                source,
                settings.root,
                known=context.known(source.name),
                allow_outside=settings.workspace.allow_outside,
                mappings=settings.folder,
                may_be_gone=context.said_before(source.name),
            )
            yield progress.over(reading, number=number)
        progress.say("merging")

    try:
        report = context.load(
            readings(),
            actor=actor,
            message=message,
            dry=dry,
            keep_going=keep_going,
            complete=not names,
            shrink={one.name: settings.workspace.shrink if one.shrink is None else one.shrink for one in chosen},
            confirmed=confirmed,
        )
        if not dry:
            remember_columns(settings, context, chosen)
    finally:
        progress.say("")
    return report


def load_text(report: LoadReport) -> str:
    """What a load did, for people."""
    rows = [(one.name, f"{one.entities} entities", f"{one.relations} relations", f"{one.seconds:.2f} s") for one in report.sources]
    counts = ", ".join(
        f"{word} {_counts(what)}" for word, what in (("added", report.added), ("changed", report.changed), ("withdrawn", report.withdrawn))
    )
    nothing = not any((*_both(report.added), *_both(report.changed), *_both(report.withdrawn)))
    head = counts if not nothing else "nothing changed" if report.sources else "the workspace names no source"
    state = "would be written" if report.dry else f"revision {report.revision}"
    return (
        columns(rows)
        + findings_text(report.findings)
        + (f"{head}; revision {report.revision} stands\n" if nothing else f"{head}; {state}\n")
    )


def _both(counts: Counts) -> tuple[int, int]:
    return counts.entities, counts.relations


def _counts(counts: Counts) -> str:
    return f"{counts.entities} entities and {counts.relations} relations"


def copy_workspace(source: Path, folder: Path) -> None:
    """Copy the files of a shipped workspace into a folder."""
    shutil.copytree(source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "*.py", "*.db*"))
