"""A graph on a page: cytoscape.js as an element of Streamlit's, offline, with selection and gestures back to Python.

Two elements, because Streamlit sends inline JavaScript inside the same message as the data: the library (700 kB) sits in an element of
its own whose message never changes, so the browser gets it once; the view travels with each change of data.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportAttributeAccessIssue=false
# Streamlit makes `components.v2` when it runs, and its results are open

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

HERE = Path(__file__).parent
HTML = """<div class="ctx-graph" tabindex="0" role="application"></div>
<div class="ctx-tools" role="toolbar" aria-label="The picture">
<button data-do="fit" title="Show all of it (F)">Fit</button><button data-do="again" title="Lay it out anew">Arrange</button>
<button data-do="pin" title="Keep the selected things where they are, or let them go (P)">Pin</button>
<button data-do="svg" title="Save the picture as SVG">SVG</button><button data-do="png" title="Save the picture as PNG">PNG</button></div>
<div class="ctx-say" role="status" aria-live="polite"></div>"""
CSS = """
:host { display: block; position: relative; }
.ctx-graph { position: relative; box-sizing: border-box; width: 100%; background: var(--st-background-color);
  border: 1px solid var(--st-border-color); border-radius: var(--st-base-radius); }
.ctx-graph:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 1px; }
.ctx-tools { position: absolute; right: 8px; top: 8px; display: flex; gap: 4px; z-index: 2; }
.ctx-tools button { font: 12px var(--st-font); padding: 2px 8px; cursor: pointer; color: var(--st-text-color);
  background: var(--st-secondary-background-color); border: 1px solid var(--st-border-color); border-radius: 6px; }
.ctx-tools button:hover, .ctx-tools button:focus-visible { border-color: var(--st-primary-color); }
.ctx-say { position: absolute; left: 8px; bottom: 8px; padding: 1px 8px; font: 12px var(--st-font); pointer-events: none;
  color: var(--st-text-color); background: var(--st-background-color); }
"""


Pin = tuple[str, int, int]  # a thing that is kept where somebody put it: its id, and where it stands on the canvas
PINS = 60  # that one picture keeps: they stand in an address, which may not be too long


class Gesture(NamedTuple):
    """What was done in the picture: `selected` lasts over reruns, the others are there for one."""

    selected: tuple[str, ...]
    expand: str = ""
    collapse: str = ""
    hide: str = ""


_library = st.components.v2.component(
    "ctx_library", js=(HERE / "vendor/cytoscape.js").read_text(encoding="utf-8") + "\nexport default function () {}\n"
)
_view = st.components.v2.component("ctx_graph", html=HTML, css=CSS, js=(HERE / "graph_view.js").read_text(encoding="utf-8"))


def load_library(place: DeltaGenerator) -> None:
    """Once in the entry script, in a place of its own, so that a change of page keeps it."""
    with place:
        _library(key="ctx_library")


def graph_view(
    nodes: Sequence[Mapping[str, Any]],
    edges: Sequence[Mapping[str, Any]],
    *,
    key: str,
    layout: str = "force",
    anchor: str = "",
    lit: Sequence[str] = (),
    height: int = 560,
    turn: int = 0,
    pins: Sequence[Pin] | None = None,
    on_pins: Callable[[Sequence[Pin]], None] = lambda _: None,
    on_gesture: Callable[[str, str], None] | None = None,
    on_selected: Callable[[], None] = lambda: None,
) -> Gesture:
    """The picture of these; `lit` are the ids of nodes and edges that stand out. `on_gesture(name, id)` runs before the page does.

    Who writes `{"selected": ids}` into the session under `key` selects these in the picture, with a new `turn`: otherwise the picture
    knows better, and is only heard. `on_selected` runs when something was selected in it. Where the caller keeps the `pins`, `on_pins` gets
    those that hold after somebody pinned a thing or let it go; otherwise the picture keeps them itself.

    Ids come back from a browser: whoever uses them asks the store again, with the actor's filter.
    """
    label = (
        f"Picture of {len(nodes)} things and {len(edges)} relations. Arrow keys walk along relations, Enter selects, Space adds to the selection, E expands, "
        "X collapses, Delete hides, P pins, F fits, Escape clears. The table on this page holds the same things."
    )
    data: dict[str, Any] = {
        "nodes": list(nodes),
        "edges": list(edges),
        "layout": layout,
        "anchor": anchor,
        "lit": list(lit),
        "height": height,
    }
    if pins is not None:
        data["pins"] = [list(one) for one in pins]
    if turn:
        data |= {"turn": turn, "selected": list((st.session_state.get(key) or {}).get("selected") or [])}

    def told(name: str) -> Callable[[], None]:
        def tell() -> None:
            said = st.session_state[key]
            if on_gesture and said.get(name):
                on_gesture(name, str(said[name]))

        return tell

    def pinned() -> None:
        on_pins(pins_of(st.session_state[key].get("pins") or []))

    watched = {f"on_{name}_change": told(name) for name in ("expand", "collapse", "hide")}
    result: Any = _view(
        key=key, data={**data, "label": label, "key": key}, on_selected_change=on_selected, on_pins_change=pinned, **watched
    )
    chosen = getattr(result, "selected", None) or []
    return Gesture(tuple(str(one) for one in chosen), *(str(getattr(result, name, None) or "") for name in ("expand", "collapse", "hide")))


def pins_of(said: Iterable[Sequence[Any]]) -> list[Pin]:
    """The pins that are said in an address or by a browser, as far as they are any; no more than `PINS`."""
    found: dict[str, Pin] = {}
    for one in said:
        try:
            id_, x, y = one
            found[str(id_)] = (str(id_), int(x), int(y))
        except (TypeError, ValueError):
            continue
    return list(found.values())[:PINS]
