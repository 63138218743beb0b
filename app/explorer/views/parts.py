"""What several screens show: the search box, the details of a thing, chips of findings."""

# pyright: reportUnknownMemberType=false
# Streamlit's functions take values of many libraries, whose types are not all there

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from app.explorer.manners import STATES, ago, plain, table, titled, words
from app.explorer.pictures import short
from app.explorer.seat import Seat, fragment, told

HINT = "a name, words, an id"


@fragment
def search(seat: Seat, *, key: str, then: Callable[[str], None], label: str = "Find", kinds: Sequence[str] = ()) -> None:
    """A search box that answers as one types, alone; `then` is called with the id of what was chosen, before the page is drawn again."""
    if st.session_state.pop(f"{key}.chosen", False):
        st.rerun()
    text = st.text_input(label, key=key, bind="query-params", placeholder=HINT, type="search", live="20ms")
    if not text:
        return
    hits = seat.ask("find", text=text, limit=20, kind=list(kinds))
    if not hits:
        st.info(f"Nothing that you may see fits {plain(text)}.", icon=":material/search_off:")
        return
    ids = [one["id"] for one in hits]

    def chosen() -> None:
        places: list[int] = st.session_state[f"{key}.hits"]["selection"]["rows"]
        if places and places[0] < len(ids):
            st.session_state[key] = ""
            st.session_state[f"{key}.chosen"] = True
            then(ids[places[0]])

    rows = [{"name": one["name"], "kind": titled(one["kind"]), "id": one["id"]} for one in hits]
    st.dataframe(
        rows, hide_index=True, width="stretch", height=min(38 + 35 * len(rows), 290), key=f"{key}.hits", on_select=chosen,
        selection_mode="single-row", alt="What was found",
    )  # fmt: skip
    st.caption("Choose a row.")


def remembered(key: str, options: Sequence[str], default: str = "") -> Callable[[], None]:
    """Give a choice the value that the address says, and return what writes it there again. Ids stand in the address, not labels."""
    if st.session_state.get(key) not in options:
        said = st.query_params.get(key, "")
        st.session_state[key] = said if said in options else default if default or default in options else None

    def told() -> None:
        st.query_params[key] = st.session_state[key] or ""

    return told


def pick(seat: Seat, label: str, *kinds: str, key: str, given: Mapping[str, str] | None = None, none: str = "") -> str:
    """One thing of these kinds out of a list with its name; "" where there is none."""
    names = dict(given) if given is not None else {row.id: row.name or row.id for row in seat.entities(*kinds)}
    options = sorted(names, key=lambda id_: (names[id_].casefold(), id_))
    if none:
        options = ["", *options]
    if not options:
        return ""
    told = remembered(key, options, options[0])
    chosen = st.selectbox(label, options, key=key, on_change=told, format_func=lambda id_: names.get(id_, none or id_))
    return chosen or ""


def some(label: str, options: Sequence[str], key: str, called: Callable[[str], str]) -> list[str]:
    """Several of these; what stands in the address is what they are, and not what they are called."""
    if key not in st.session_state:
        st.session_state[key] = [one for one in st.query_params.get_all(key) if one in options]

    def told() -> None:
        st.query_params[key] = st.session_state[key]

    return st.multiselect(label, options, key=key, on_change=told, format_func=called, placeholder="all")


def details(seat: Seat, id_: str) -> None:
    """All that is known of one thing: what holds, who says so, what relates, what changed, who disagrees."""
    shown = seat.ask("show", id=id_)
    fresh = shown["freshness"]
    st.subheader(plain(shown["name"] or shown["id"]), anchor=False)
    st.text(shown["id"])
    st.text(_line(shown))
    said = {value for value in shown["properties"].values() if isinstance(value, str)}
    names = seat.names({fresh["owner"], *said, *(one[end] for one in shown["relations"] for end in ("source", "target"))})
    if fresh["owner"]:
        st.text(f"owned by {names.get(fresh['owner'], fresh['owner'])}" + (f", due {fresh['due_at']}" if fresh.get("due_at") else ""))
    for contested in shown["conflicts"]:
        others = "; ".join(f"{other['value']} ({other['source']})" for other in contested["others"])
        st.warning(plain(f"Sources disagree on {contested['property']}: {contested['value']} holds, others say {others}."))
    holds, claims, near, past, why = st.tabs(
        ["Properties", f"Sources {len(shown['claims'])}", f"Relations {len(shown['relations'])}", "History", "Why"],
        key="details", on_change="rerun", bind="query-params",
    )  # fmt: skip
    if holds.open:
        with holds:
            _rows(
                [
                    {"property": words(name), "value": names.get(worded(value), worded(value)), "says": _sayers(shown, name, value)}
                    for name, value in shown["properties"].items()
                ],
                "properties",
                "It has no properties.",
            )
            st.caption(plain("from " + ", ".join(f"{one['source']} {one['locator']}" for one in shown["origins"])))
    elif claims.open:
        with claims:
            _rows([_claim(one) for one in shown["claims"]], "claims", "No source describes it.")
    elif near.open:
        with near:
            _rows([_relation(one, shown["id"], names) for one in shown["relations"]], "near", "It has no relation that you may see.")
    elif past.open:
        with past:
            _rows([_change(one) for one in reversed(shown["history"])], "past", "It has no history.")
    elif why.open:
        with why:
            _why(seat, shown)


def _change(one: Mapping[str, Any]) -> dict[str, Any]:
    names = {"revision": one["revision"], "when": ago(one["at"]), "at": one["at"], "change": one["change"], "by": one["actor"]}
    return names | {"of": ", ".join(one["properties"])}


def _sayers(shown: Mapping[str, Any], name: str, value: Any) -> str:
    """The sources whose word for it this is."""
    return ", ".join(dict.fromkeys(one["source"] for one in shown["claims"] if one["properties"].get(name) == value))


@told
def _why(seat: Seat, shown: Mapping[str, Any]) -> None:
    """Why the thing is one, why it is as fresh as it is, and by which rule whoever looks sees it."""
    ids = ", ".join(shown.get("aliases") or ())
    sources = ", ".join(dict.fromkeys(one["source"] for one in shown["claims"]))
    st.text(
        f"It is on file because {sources or 'somebody'} {'say' if ',' in sources else 'says'} so"
        + (f", and one with {ids}." if ids else ".")
    )
    fresh = shown["freshness"]
    looked = f"{fresh['verified_at']} by {fresh['verified_by'] or 'somebody'}" if fresh.get("verified_at") else "nobody yet"
    st.text(f"It is {words(fresh['state'])}: last looked at {looked}" + (f", due {fresh['due_at']}." if fresh.get("due_at") else "."))
    rights = seat.put("access explain", {"actor": seat.actor.id, "id": shown["id"]})
    names = seat.names(one["actor"] for one in rights["verdicts"])
    _rows(verdicts(rights, names), "rights", "No rule speaks of it.")


def verdicts(rights: Mapping[str, Any], names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Each verdict on somebody's rights over a thing, by whose and by which rule it is."""
    said = (("verdict", "state"), ("as", "role"), ("because", "reason"), ("id", "actor"))
    return [{"who": names.get(one["actor"], one["actor"])} | {ours: one[theirs] for ours, theirs in said} for one in rights["verdicts"]]


def _line(shown: Mapping[str, Any]) -> str:
    state = shown["freshness"]["state"]
    return f"{titled(shown['kind'])}, {STATES.get(state, state)}" + (
        f", also {', '.join(shown['aliases'])}" if shown.get("aliases") else ""
    )


def _claim(claim: Mapping[str, Any]) -> dict[str, Any]:
    said = "; ".join(f"{words(name)}: {worded(value)}" for name, value in claim["properties"].items())
    return {
        "source": claim["source"],
        "where": claim["locator"],
        "says": f"{claim['name']}; {said}" if said else claim["name"],
        "since": claim["revision"],
    }


def _relation(row: Mapping[str, Any], own: str, names: Mapping[str, str]) -> dict[str, str]:
    out = row["source"] == own
    other = row["target"] if out else row["source"]
    origins = ", ".join(f"{one['source']} {one['locator']}" for one in row["origins"][:2])
    return {
        "relation": words(row["kind"]) if out else f"← {words(row['kind'])}",
        "thing": names.get(other, other),
        "from": origins,
        "id": other,
    }


def _rows(rows: Sequence[Mapping[str, Any]], key: str, empty: str) -> None:
    if rows:
        table(rows, key, narrow=True)
    else:
        st.caption(empty)


def worded(value: Any) -> str:
    """A property's value as text."""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  # parsed JSON


def way(path: Sequence[Sequence[str]], names: Mapping[str, str]) -> str:
    """A way from thing to thing as a sentence; where a step begins at the end of the one before, that is said once."""
    said: list[str] = []
    for place, (source, kind, target) in enumerate(path):
        begins = place == 0 or path[place - 1][2] != source
        step = f"{words(kind)} {short(names.get(target, target), 200)}"
        said.append(f"{short(names.get(source, source), 200)} {step}" if begins else step)
    return " → ".join(said)


def legend(colours: Mapping[str, str]) -> None:
    """What the colours mean. Names stand as text; only colours of our own go into the markup."""
    marks = "".join(
        f'<span style="display:inline-flex;align-items:center;margin-right:14px;font-size:13px">'
        f'<span style="width:11px;height:11px;border-radius:50%;background:{colour};margin-right:5px"></span>{escaped(name)}</span>'
        for name, colour in list(colours.items())[:24]
    )
    st.html(f'<div aria-label="Legend">{marks}</div>')


def escaped(text: str) -> str:
    """Text as HTML shows it."""
    return "".join(f"&#{ord(sign)};" if sign in "&<>\"'" else sign for sign in text)
