"""Invented organizations as files: tables of people, and of systems and what depends on them, of any size, from a seed."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from graph import Part, Reading
from loaders import Source, read
from loaders.source import File

ROWS = 25_000  # to a file
PEOPLE = ("id", "name", "email", "login", "title", "location", "employment", "position", "position_title", "manager", "unit", "verified_at")
LINKS = ("source", "target", "relation", "sort", "source_kind", "source_name", "criticality", "description")
_FIRST = [
    "Ada",
    "Bela",
    "Cora",
    "Dina",
    "Edda",
    "Fara",
    "Gina",
    "Hana",
    "Ines",
    "Jana",
    "Kira",
    "Lena",
    "Mona",
    "Nina",
    "Olga",
    "Pia",
    "Rosa",
    "Sara",
    "Tina",
    "Vera",
]
_LAST = [
    "Abel",
    "Brandt",
    "Castor",
    "Dorn",
    "Engel",
    "Falk",
    "Gruber",
    "Hahn",
    "Iven",
    "Jost",
    "Keller",
    "Lang",
    "Moser",
    "Neuer",
    "Orth",
    "Pohl",
    "Quandt",
    "Reuter",
    "Stark",
    "Voss",
]
_WORDS = [
    "contract",
    "risk",
    "budget",
    "vendor",
    "salary",
    "release",
    "privacy",
    "audit",
    "claim",
    "market",
    "supply",
    "quality",
    "training",
    "travel",
    "energy",
    "pension",
    "ledger",
]
_SORTS = ("data", "service", "approval", "knowledge")


def sources(folder: Path) -> list[Source]:
    """The sources of a written organization."""
    return [Source(name="people", loader="people", path="people/*.csv"), Source(name="links", loader="dependencies", path="links/*.csv")]


def readings(folder: Path, known: dict[str, dict[str, str]] | None = None) -> Iterator[Reading]:
    """What is to be loaded of a written organization."""
    return (read(source, folder, known=(known or {}).get(source.name)) for source in sources(folder))


def write(folder: Path, size: int, *, changed: int = 0) -> None:
    """Write an organization of about `size` entities and five times as many relations; of each file one row in `changed` says another thing."""
    people, systems = size * 2 // 5, size // 5
    _tables(folder / "people", PEOPLE, (_person(number, people, size, changed) for number in range(people)))
    _tables(folder / "links", LINKS, _links(systems, people, 19, changed))


def _tables(folder: Path, header: Sequence[str], rows: Iterator[Sequence[str]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    file, writer = None, None
    for number, row in enumerate(rows):
        if number % ROWS == 0:
            if file:
                file.close()
            file = (folder / f"{number // ROWS:04}.csv").open("w", newline="", encoding="utf-8")
            writer = csv.writer(file)
            writer.writerow(header)
        assert writer
        writer.writerow(row)
    if file:
        file.close()


def _person(number: int, people: int, size: int, changed: int) -> Sequence[str]:
    chance = Random(number)
    name = f"{chance.choice(_FIRST)} {chance.choice(_LAST)} {number}"
    local = name.lower().replace(" ", ".")
    title = f"{chance.choice(_WORDS)} {chance.choice(_WORDS)} lead".capitalize()
    place = "Bern" if changed and number % changed == 0 else chance.choice(("Graz", "Linz", "Lund", "Oulu"))
    manager = f"p{int(people * chance.random() ** 3)}"
    unit = f"unit {int(max(1, size // 100) * chance.random() ** 3)}"
    return (
        f"p{number}",
        name,
        f"{local}@example.org",
        local,
        title,
        place,
        "permanent",
        f"post-{number}",
        title,
        manager,
        unit,
        "2026-05-17",
    )


def _links(systems: int, people: int, fan: int, changed: int) -> Iterator[Sequence[str]]:
    for number in range(systems):
        chance = Random(-1 - number)
        text = " ".join(chance.choices(_WORDS, k=24))
        critical = "high" if chance.random() < 0.1 else "low"
        told = ("System", f"{chance.choice(_WORDS)} {chance.choice(_WORDS)} {number}", critical, text)
        ends = [f"system:s{int(systems * chance.random() ** 3)}" for _ in range(fan - 4)]
        ends += [f"position:post-{int(people * chance.random() ** 3)}" for _ in range(4)]
        for place, end in enumerate(dict.fromkeys(ends)):
            sort = "other" if changed and place == 1 and number * 19 % changed < 19 else _SORTS[place % 4]
            yield (f"s{number}", end, "depends_on", sort, *(told if place == 0 else ("", "", "", "")))


__all__ = ["File", "Part", "readings", "sources", "write"]
