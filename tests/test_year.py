"""A year of the sample company, loaded every week: drift is found exactly where it was planted, in the week in which it was, and nowhere else."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.year import WEEKS, Look, place, table, year


def test_a_year_of_weekly_loads(tmp_path: Path) -> None:
    """Before each load exactly the sources that were touched, after it exactly what was planted and still stands; then the row that was edited."""
    folder = tmp_path / "acme"
    settings, context = place(folder)
    actor = context.access.actor("person:local-user")
    looks: list[Look] = []
    for look in year(folder, settings, context):
        assert look.found == look.planted, look.when
        looks.append(look)
        if look.when == f"week {WEEKS}, after the load":
            verified = context.verified(actor=actor)
            assert (verified.revisions, verified.findings) == (WEEKS + 1, ())
    assert len(looks) == 2 * WEEKS + 1
    assert {tuple(line.split()[3:]) for line in table(looks).splitlines()[1:]} == {("0", "0")}
    context.close()
