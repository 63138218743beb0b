"""A year of the sample company, loaded every week, with drift planted in it, and what is found of it: `python -m tests.benchmarks.year` prints a table."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from app.drift import source_drift
from app.loading import SAMPLE, copy_workspace, run_load
from app.settings import Settings, open_context, read_settings
from graph import Actor, ContextGraph

START = datetime(2026, 11, 23, 10, tzinfo=UTC)
WEEKS = 52
Seen = set[tuple[str, str]]
ALWAYS: Seen = {("cadence_missed", "asset:nda-policy")}  # overdue from the beginning: see FAULTS.md
TOOLED = "tools: [document-reader]\n    tasks: [check-clauses]"


def swap(folder: Path, name: str, old: str, new: str) -> None:
    """Edit a file of the workspace as its owner would; what was to be edited is there once at least."""
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")


def append(folder: Path, name: str, line: str) -> None:
    with (folder / name).open("a", encoding="utf-8") as opened:
        opened.write(line + "\n")


def ordinary(folder: Path, week: int) -> set[str]:
    """What happens in any company and is no drift once it is loaded; the sources that it touches."""
    day = (START + timedelta(weeks=week)).date()
    append(
        folder,
        "decisions/log.csv",
        f"Y-{week:02},Order {week},{day},in force,approved,procurement,cfo,buyer,,procurement-policy,As before.,Procurement,",
    )
    if week % 4:
        return {"decisions"}
    mail = f"wanda.{week}@velamere.example"
    row = f"E-2{week:03},Wanda Weide {week},{mail},P-7{week:04},active,Assistant,Seewinkel office,assistant-{week},Assistant {week},sales,head-of-sales,,"
    append(folder, "hr/people.csv", row)
    return {"decisions", "hris"}


def edited(folder: Path) -> None:
    """Somebody at the database."""
    with sqlite3.connect(folder / "context.db") as database:
        database.execute("UPDATE node SET name = 'Evil' WHERE id = 'person:e-1005'")
    database.close()


def approved(folder: Path) -> None:
    """A log of purchases: the CFO was left out of one of the three that are over 50,000."""
    steps = {"Category check": 0, "Controller confirms the budget": 5000, "Head of Procurement approves": 20000, "CFO approves": 50000}
    lines = ["process,case,activity,timestamp,amount"]
    for case, amount in enumerate((900, 7000, 30000, 60000, 70000, 80000)):
        for hour, (step, over) in enumerate(steps.items(), 8):
            if (amount > over) and not (step.startswith("CFO") and amount == 70000):
                lines.append(f"Procurement,c{case},{step},2027-08-{case + 1:02}T{hour:02}:00:00Z,{amount}")
    (folder / "log.csv").write_text("\n".join([*lines, ""]), encoding="utf-8")


# week -> what happens, which sources it touches, what is there to be found after the load of that week, and for how many weeks
Planted = tuple[Callable[[Path], object], set[str], Seen, int]
PLANTED: dict[int, Planted] = {
    5: (
        lambda folder: swap(folder, "inventory/context.csv", "procurement-policy,Intranet", "procurement-policy,Wiki"),
        {"inventory"},
        set(),
        0,
    ),
    6: (
        lambda folder: swap(folder, "glossary/terms.csv", "Cost that has arisen and not", "Cost that is known and not"),
        {"glossary"},
        {("redefined", "term:accrual")},
        1,
    ),
    10: (
        lambda folder: append(folder, "glossary/terms.csv", "Lead,A soft metal.,operations,Company glossary,,,,,,,planner,5y,2027-01-15,"),
        {"glossary"},
        {("meanings_apart", "term:lead.operations")},
        1,
    ),
    15: (
        lambda folder: swap(folder, "agents.yaml", TOOLED, TOOLED.replace("reader]", "reader, erp-connector]")),
        {"agents"},
        {("agent_changed", "agent:clause-checker")},
        3,
    ),
    18: (
        lambda folder: swap(
            folder,
            "agents.yaml",
            "verified_at: 2026-09-01\n    verified_by: position:contracts",
            "verified_at: 2027-03-29\n    verified_by: position:contracts",
        ),
        {"agents"},
        set(),
        0,
    ),
    20: (
        lambda folder: swap(folder, "inventory/context.csv", 'never combined.",5y,2026-09-01', 'never combined.",12w,2027-04-12'),
        {"inventory"},
        set(),
        0,
    ),  # due on 2027-07-05, the Monday of week 32
    31: (lambda _: None, set(), {("due_soon", "asset:discount-policy")}, 2),
    33: (lambda _: None, set(), {("cadence_missed", "asset:discount-policy")}, 1),
    34: (
        lambda folder: swap(folder, "inventory/context.csv", "12w,2027-04-12", "5y,2027-07-19"),
        {"inventory"},
        set(),
        0,
    ),
    40: (approved, {"log"}, {("threshold_missed", "step:procurement.cfo")}, 3),
    43: (
        lambda folder: swap(folder, "log.csv", "Procurement,c5", "Procurement,c4,CFO approves,2027-08-05T12:00:00Z,70000\nProcurement,c5"),
        {"log"},
        set(),
        0,
    ),
}


class Look(NamedTuple):
    """What there was to be found at one moment, and what was."""

    when: str
    planted: Seen
    found: Seen


def place(folder: Path) -> tuple[Settings, ContextGraph]:
    """The sample company with a log of approvals, not yet loaded."""
    copy_workspace(SAMPLE, folder)
    append(folder, "orgcontext.yaml", "  - {name: log, loader: eventlog, path: log.csv, precedence: 1}")
    (folder / "log.csv").write_text("process,case,activity,timestamp,amount\nProcurement,c0,Category check,2026-11-01T08:00:00Z,100\n")
    settings = read_settings(folder)
    context = open_context(settings)
    context.now = lambda: START
    return settings, context


def year(folder: Path, settings: Settings, context: ContextGraph) -> Iterator[Look]:
    """Two looks a week, before its load and after it; at the end one at the stored graph, after somebody edited it."""
    actor = context.access.actor("person:local-user")
    run_load(settings, context, actor=actor.id)
    for week in range(1, WEEKS + 1):
        now = START + timedelta(weeks=week)
        context.now = lambda now=now: now
        touched = ordinary(folder, week)
        if week in PLANTED:
            PLANTED[week][0](folder)
            touched |= PLANTED[week][1]
        changed = {(one.check, one.subject) for one in source_drift(settings, context)}
        yield Look(f"week {week}, before the load", {("source_changed", name) for name in touched}, changed)
        run_load(settings, context, actor=actor.id)
        standing = {one for since, (_, _, seen, weeks) in PLANTED.items() if since <= week < since + weeks for one in seen}
        yield Look(f"week {week}, after the load", ALWAYS | standing, found(settings, context, actor))
    edited(folder)
    seen = {(one.check, one.subject) for one in context.damage(actor=actor).findings if one.check == "edited"}
    yield Look("after the year", {("edited", "person:e-1005")}, seen)


def found(settings: Settings, context: ContextGraph, actor: Actor) -> Seen:
    """All drift but that of the stored graph, which takes a look at every row."""
    return {(one.check, one.subject) for one in (*source_drift(settings, context), *context.drift(actor=actor))}


def table(looks: Iterable[Look]) -> str:
    """For each sort of drift how often it was there to be found, found, missed, and told where there was none."""
    counts = {name: Counter[str]() for name in ("planted", "found", "missed", "false")}
    for one in looks:
        for name, seen in zip(
            counts, (one.planted, one.planted & one.found, one.planted - one.found, one.found - one.planted), strict=True
        ):
            counts[name].update(check for check, _ in seen)
    checks = sorted({check for counted in counts.values() for check in counted})
    rows = [(check, *(counted[check] for counted in counts.values())) for check in checks]
    rows.append(("all", *(counted.total() for counted in counts.values())))
    lines = [f"{'drift':<18} {'planted':>8} {'found':>8} {'missed':>8} {'false':>8}"]
    return "\n".join([*lines, *(f"{check:<18} {one:>8} {two:>8} {three:>8} {four:>8}" for check, one, two, three, four in rows)]) + "\n"


def main() -> None:
    """Print the table."""
    with TemporaryDirectory() as place_:
        folder = Path(place_) / "acme"
        settings, context = place(folder)
        print(f"{WEEKS} weekly loads; each sort of drift as often as it was there in a look before or after a load")
        print(table(year(folder, settings, context)), end="")
        context.close()


if __name__ == "__main__":
    main()
