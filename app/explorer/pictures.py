"""A subgraph as a picture: pure functions from rows to the DOT language, tested without a screen."""

from __future__ import annotations

from collections.abc import Sequence

from graph import EntityRow, RelationRow

PALETTE = ("#4C78A8", "#72B7B2", "#54A24B", "#E0AC2B", "#F58518", "#9D755D", "#B279A2", "#2E86AB", "#E45756", "#8C8C8C")


def colour(kind: str, kinds: Sequence[str]) -> str:
    """The colour of a kind among these, the same on every picture of them."""
    return PALETTE[sorted(kinds).index(kind) % len(PALETTE)]


def quoted(text: str) -> str:
    """A DOT string: whatever a source says stays text."""
    plain = " ".join(text.replace("\\", "\\\\").replace('"', '\\"').split())
    return f'"{plain[:60]}{"…" if len(plain) > 60 else ""}"'


def neighbourhood(focus: str, entities: Sequence[EntityRow], relations: Sequence[RelationRow], *, ink: str) -> str:
    """The picture of a thing and what stands around it, in DOT; `ink` is the colour of its writing."""
    kinds = sorted({row.kind for row in entities})
    lines = [
        "digraph {",
        'rankdir=LR; bgcolor="transparent"; node [shape=box, style="rounded,filled", fontname="sans-serif", fontsize=11];',
    ]
    for row in entities:
        width = 3 if row.id == focus else 1
        lines.append(
            f'{quoted(row.id)} [label={quoted(row.name)}, tooltip={quoted(row.kind)}, fillcolor="{colour(row.kind, kinds)}33", '
            f'color="{colour(row.kind, kinds)}", penwidth={width}, fontcolor="{ink}"];'
        )
    for row in relations:
        label = quoted(row.kind.replace("_", " "))
        lines.append(f'{quoted(row.source)} -> {quoted(row.target)} [label={label}, fontsize=9, color="#808080", fontcolor="{ink}"];')
    return "\n".join([*lines, "}"])
