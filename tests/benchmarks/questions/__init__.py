"""What a question of the relevance benchmark is, and how one is read from a file."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import yaml


class Fact(NamedTuple):
    """One fact: what it is in the graph (an id, `id property`, `id relation id`), and the patterns that stand together in a passage that says it."""

    place: str
    patterns: tuple[str, ...]


class Question(NamedTuple):
    """What is asked, by words or by more, the facts that answer it, and facts that are no longer true."""

    id: str
    kind: str
    text: str
    needs: tuple[Fact, ...]
    dead: tuple[Fact, ...] = ()
    task: str = ""
    function: str = ""
    anchors: tuple[str, ...] = ()


def held_out(questions: Sequence[Question]) -> frozenset[str]:
    """The ids of the third that nobody looks at while ranking is being changed: every third by the hash of the id."""
    return frozenset(sorted((one.id for one in questions), key=lambda id_: sha256(id_.encode()).digest())[::3])


def _fact(row: list[Any]) -> Fact:
    return Fact(str(row[0]), tuple(map(str, row[1:])))


def written(path: Path) -> list[Question]:
    """The questions of a file in which each stands with its facts."""
    return [
        Question(
            id=row["id"],
            kind=row["kind"],
            text=row["text"],
            needs=tuple(map(_fact, row["needs"])),
            dead=tuple(map(_fact, row.get("dead", ()))),
            task=row.get("task", ""),
            function=row.get("function", ""),
            anchors=tuple(row.get("anchors", ())),
        )
        for row in yaml.safe_load(path.read_text(encoding="utf-8"))
    ]
