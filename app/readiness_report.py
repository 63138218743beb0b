"""The readiness of an organization as text, Markdown, HTML, CSV and a badge; every word of the graph is escaped for the form it stands in."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from html import escape
from itertools import groupby

from graph import Scored
from graph import ScorePart as Part
from graph import ScorePoint as Point
from graph import ScoreStanding as Standing

_MARKS = str.maketrans({mark: "\\" + mark for mark in "\\`*_[]|~$"} | {"<": "&lt;", "&": "&amp;", "\n": " ", "\r": " "})
_STANDING = (
    "What",
    "Id",
    "Score",
    *(f"{name[0].upper()}{name[1:]}" for name in ("inventory", "currency", "consistency", "governance", "machine access")),
)
_ROW = ("Function", "Critical context", "Source", "Frequency", "Owner", "State")


def _figure(score: float | None) -> str:
    return "nothing to judge" if score is None else f"{score:.1f}"


def _missed(found: Scored) -> list[Point]:
    return [one for one in found.points if not one.met]


def text(found: Scored) -> str:
    """The score, the five questions, what is missing and what to do first."""
    lines = [f"Readiness of {_line(found.name or found.about)}: {_figure(found.score)} of 100 (revision {found.revision})"]
    lines += [f"  {one.question:<15} {_figure(one.score):>6}  {one.met} of {one.count}" for one in found.parts]
    if found.actions:
        lines += ["What would raise it most:"]
        lines += [f"  +{one.gain:.1f}  {one.question}: {one.demand}: {_line(_some(one.things))}" for one in found.actions]
    if len(found.trend) > 1:
        lines += ["Trend: " + ", ".join(f"revision {one.revision} {_figure(one.score)}" for one in found.trend)]
    return "\n".join(lines) + "\n"


def _line(said: str) -> str:
    return " ".join(said.split())


def _some(ids: Sequence[str], most: int = 5) -> str:
    return ", ".join(ids[:most]) + (f" and {len(ids) - most} more" if len(ids) > most else "")


def markdown(found: Scored) -> str:
    """The whole report in Markdown (CommonMark, with tables of GitHub)."""
    lines = [
        f"# Readiness of {_md(found.name or found.about)}",
        "",
        f"**{_figure(found.score)}** of 100, revision {found.revision}, {found.at}.",
        "",
    ]
    lines += _table(
        ("Question", "Score", "Met", "Of"), [(one.question, _figure(one.score), f"{one.met}", f"{one.count}") for one in found.parts]
    )
    lines += ["## What would raise it most", ""]
    lines += _table(_ACTION, _actions(found))
    if found.standings:
        lines += ["## By function, agent and task", ""]
        lines += _table(_STANDING, [_standing(one) for one in found.standings])
    lines += ["## Missing", ""]
    lines += _table(
        ("Question", "Demand", "Thing", "Id", "Who"), [(one.question, one.demand, one.name, one.id, one.owner) for one in _missed(found)]
    )
    lines += ["## Trend", ""]
    lines += _table(("Revision", "At", "Score"), [(f"{one.revision}", one.at, _figure(one.score)) for one in found.trend])
    lines += ["## Context by function", ""]
    lines += _table(_ROW, _cells(found))
    return "\n".join(lines).rstrip() + "\n"


_ACTION = ("Gain", "Question", "Demand", "Things", "Who")


def _actions(found: Scored) -> list[tuple[str, ...]]:
    """What would raise the score, the things by their names."""
    names = {one.id: one.name or one.id for one in found.points}
    shared = Counter(names.values())
    names = {id_: name if shared[name] == 1 else f"{name} ({id_})" for id_, name in names.items()}
    return [
        (f"+{one.gain:.1f}", one.question, one.demand, _some([names[id_] for id_ in one.things]), _some(one.owners))
        for one in found.actions
    ]


def _standing(one: Standing) -> tuple[str, ...]:
    return (one.name, one.id, *("" if score is None else f"{score:.1f}" for score in (one.score, *one.parts)))


def _cells(found: Scored) -> list[tuple[str, ...]]:
    return [(one.function, one.context, one.source, one.frequency, one.owner, one.state) for one in found.table]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return ["None.", ""]
    lines = [" | ".join(head), " | ".join("---" for _ in head), *(" | ".join(map(_md, row)) for row in rows)]
    return [*(f"| {line} |" for line in lines), ""]


def _md(said: str) -> str:
    return _line(said).translate(_MARKS)


def as_csv(found: Scored) -> str:
    """Every point as a row of CSV (RFC 4180); a cell that a spreadsheet would take for a formula begins with an apostrophe (OWASP)."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("question", "demand", "id", "name", "met", "owner"))
    writer.writerows(
        [_safe(cell) for cell in (one.question, one.demand, one.id, one.name, "yes" if one.met else "no", one.owner)]
        for one in found.points
    )
    return out.getvalue()


def _safe(cell: str) -> str:
    return "'" + cell if cell.lstrip()[:1] in tuple("=+-@|%") or cell[:1] in ("\t", "\r", "\n") else cell


def badge(found: Scored) -> str:
    """The score as a small SVG image."""
    said = "none" if found.score is None else f"{found.score:.0f} %"
    colour = "#57606a" if found.score is None else next(shade for least, shade in _SHADES if found.score >= least)
    label = f"readiness: {said}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="130" height="20" role="img" aria-label="{label}"><title>{label}</title>'
        f'<rect width="130" height="20" rx="3" fill="#24292f"/><path fill="{colour}" d="M76 0h51a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3H76z"/>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">'
        f'<text x="38" y="14">readiness</text><text x="103" y="14">{said}</text></g></svg>\n'
    )


_SHADES = ((90.0, "#116329"), (70.0, "#7d4e00"), (0.0, "#a40e26"))
_STYLE = """
:root{color-scheme:light dark;--ink:#1f2328;--dim:#59636e;--paper:#fff;--line:#d1d9e0;--bar:#0969da;--track:#eaeef2}
@media(prefers-color-scheme:dark){:root{--ink:#f0f6fc;--dim:#9198a1;--paper:#0d1117;--line:#3d444d;--bar:#4493f8;--track:#262c36}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:62rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem}h2{font-size:1.15rem;margin-top:2rem}.dim{color:var(--dim)}.big{font-size:2.6rem;font-weight:600}
table{border-collapse:collapse;width:100%;font-size:.9rem}th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid var(--line);overflow-wrap:anywhere}th,.w{overflow-wrap:normal;white-space:nowrap}
summary{cursor:pointer;padding:.25rem 0}.inside{padding:0 0 .6rem 1.1rem}.lacks{margin:.2rem 0;font-size:.9rem;font-weight:600}
.wide{overflow-x:auto}.wide svg{min-width:34rem}@media(max-width:50rem){.wide table{min-width:34rem}th,.w{white-space:normal}}
svg text{fill:var(--ink);font:14px system-ui,sans-serif}svg .of{fill:var(--dim)}td,th{font-variant-numeric:tabular-nums}
@page{margin:14mm}@media print{:root{--ink:#000;--dim:#444;--paper:#fff;--line:#bbb;--bar:#0969da;--track:#eee}body{margin:0;max-width:none}.wide{overflow:visible}.wide svg,.wide table{min-width:0}table{font-size:.7rem}th,td{padding:.25rem .4rem}th,.w{white-space:normal}tr{break-inside:avoid}h2{break-after:avoid}}
"""


def html(found: Scored) -> str:
    """The whole report as one page that loads nothing: charts in SVG, light and dark as the reader's system is."""
    name = escape(found.name or found.about)
    unasked = sum(one.score is None for one in found.parts)
    body = [
        (
            f"<h1>Readiness of {name}</h1><p><span class=big>{_figure(found.score)}</span> of 100 "
            f"<span class=dim>revision {found.revision}, {escape(found.at)}; the mean of {5 - unasked} questions</span></p>"
        ),
        _bars(found.parts),
        "<h2>What would raise it most</h2>",
        _rows(_ACTION, _actions(found)),
        "<h2>Trend</h2>",
        _trend(found),
        *(
            ["<h2>By function, agent and task</h2>", _rows(_STANDING, [_standing(one) for one in found.standings])]
            if found.standings
            else []
        ),
        "<h2>What counts</h2>",
        *_evidence(found.points),
        "<h2>Context by function</h2>",
        _rows(_ROW, _cells(found)),
    ]
    policy = "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    head = f"<meta charset=utf-8>{policy}<meta name=viewport content='width=device-width'><title>Readiness of {name}</title><style>{_STYLE}</style>"
    return f"<!doctype html><html lang=en><head>{head}</head><body>{''.join(body)}</body></html>\n"


_WHOLE = 25  # letters of a cell below which it stays on a line


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return "<p class=dim>None.</p>"
    lines = "".join(
        "<tr>" + "".join(f"<td{' class=w' if len(cell) < _WHOLE else ''}>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    named = "".join(f"<th>{cell}</th>" for cell in head)
    return f"<div class=wide><table><thead><tr>{named}</tr></thead><tbody>{lines}</tbody></table></div>"


def _bars(parts: Sequence[Part]) -> str:
    lines: list[str] = []
    for number, one in enumerate(parts):
        y = 6 + 28 * number
        width = 0.0 if one.score is None else 5.2 * one.score
        said = "nothing to judge" if one.score is None else f"{_figure(one.score)} <tspan class=of>{one.met} of {one.count}</tspan>"
        lines.append(
            f'<text x="0" y="{y + 13}">{one.question}</text><rect x="130" y="{y}" width="520" height="16" rx="3" fill="var(--track)"/>'
            f'<rect x="130" y="{y}" width="{width:.1f}" height="16" rx="3" fill="var(--bar)"/><text x="664" y="{y + 13}">{said}</text>'
        )
    return (
        f'<div class=wide><svg viewBox="0 0 930 150" width="100%" role="img" aria-label="The five questions">{"".join(lines)}</svg></div>'
    )


def _trend(found: Scored) -> str:
    """The last revisions with a score, from the left to the right; nothing is drawn of only one."""
    known = [one for one in found.trend if one.score is not None]
    if len(known) < 2:
        return "<p class=dim>There is one revision to judge so far.</p>"
    step = 800 / (len(known) - 1)
    spots = [(65 + step * number, 140 - 1.1 * (one.score or 0.0), one) for number, one in enumerate(known)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in spots)
    said = _written(len(known))
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="var(--bar)"><title>revision {one.revision}, {escape(one.at)}: {_figure(one.score)}</title></circle>'
        + (
            f'<text x="{x:.1f}" y="{y - 10:.1f}" text-anchor="middle">{_figure(one.score)}</text>'
            f'<text x="{x:.1f}" y="160" text-anchor="middle" class=of>{one.revision}</text>'
            if place in said
            else ""
        )
        for place, (x, y, one) in enumerate(spots)
    )
    rules = "".join(
        f'<path d="M40 {140 - 1.1 * at}H890" stroke="var(--line)"/><text x="30" y="{144 - 1.1 * at}" text-anchor="end" class=of>{at}</text>'
        for at in (0, 50, 100)
    )
    return (
        f'<div class=wide><svg viewBox="0 0 930 168" width="100%" role="img" aria-label="The score over the revisions">{rules}'
        f'<polyline points="{line}" fill="none" stroke="var(--bar)" stroke-width="2"/>{dots}</svg></div>'
    )


def _written(count: int, most: int = 12) -> frozenset[int]:
    """Which of so many dots have their figures beside them, so that they do not run into each other."""
    every = -(-count // most)
    return frozenset(range(count - 1, -1, -every))


def _evidence(points: Sequence[Point]) -> list[str]:
    """Every demand, to be opened: what does not meet it, and, to be opened again, what does."""
    made: list[str] = []
    for (question, demand), group in groupby(points, key=lambda one: (one.question, one.demand)):
        own = list(group)
        missing, met = ([(one.name, one.id, one.owner) for one in own if one.met is state] for state in (False, True))
        head = f"{question}: {demand} <span class=dim>{len(met)} of {len(own)}</span>"
        short = " open" if 0 < len(missing) <= _OPEN else ""
        lacking = f"<p class=lacks>Missing:</p>{_rows(_THING, missing)}" if missing else ""
        held = f"<details><summary class=dim>{len(met)} that meet it</summary>{_rows(_THING, met)}</details>" if met else ""
        made.append(f"<details{short}><summary>{head}</summary><div class=inside>{lacking}{held}</div></details>")
    return made


_THING = ("Thing", "Id", "Who")
_OPEN = 12  # things that miss a demand, up to which they are shown at once


TEXT = text
FORMS: Mapping[str, Callable[[Scored], str]] = {"markdown": markdown, "html": html, "csv": as_csv, "badge": badge}
