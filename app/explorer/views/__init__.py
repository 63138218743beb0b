"""The screens: a table of them, and the frame around each. A screen appears where the questions that it asks are there."""

# pyright: reportUnknownMemberType=false
# Streamlit's functions take values of many libraries, whose types are not all there

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

import streamlit as st

from app.explorer import login
from app.explorer.manners import ago, plain
from app.explorer.seat import AS, AT, Seat, show, take_seat, told, viewers
from app.operations import OPERATIONS


class Screen(NamedTuple):
    """One screen: where it stands in the navigation, its function (`module.function`), and the questions that it needs."""

    section: str
    title: str
    path: str
    icon: str
    function: str
    needs: tuple[str, ...] = ()


SCREENS: tuple[Screen, ...] = (
    Screen("", "Home", "home", "home", "home.home"),
    Screen("", "Graph", "graph", "hub", "explore.explore", ("around", "show", "find")),
    Screen("Organization", "Organization chart", "organization", "account_tree", "organization.organization"),
    Screen("Organization", "Approval flows", "flows", "approval", "flows.flows"),
    Screen("Meaning", "Glossary", "glossary", "dictionary", "glossary.glossary"),
    Screen("Meaning", "Decisions", "decisions", "gavel", "decisions.decisions", ("precedents",)),
    Screen("Meaning", "Check a text", "check", "spellcheck", "asked.check", ("check", "verify")),
    Screen("Agents", "Agent's eyes", "eyes", "visibility", "eyes.eyes", ("scope", "ready")),
    Screen("Agents", "Agents and runs", "runs", "smart_toy", "asked.runs", ("runs",)),
    Screen("Health", "Dependencies", "dependencies", "lan", "dependencies.dependencies", ("impact",)),
    Screen("Health", "Analyses", "analyses", "query_stats", "health.analyses", ("analyze",)),
    Screen("Health", "Gaps", "gaps", "rule", "gaps.gaps", ("gaps",)),
    Screen("Health", "Readiness", "readiness", "verified", "health.readiness", ("readiness",)),
    Screen("Health", "Drift", "drift", "difference", "health.drift", ("drift",)),
    Screen("Health", "Merged things", "merged", "merge", "asked.merged", ("merges",)),
    Screen("Record", "Changes", "changes", "history", "changes.changes", ("history", "diff")),
    Screen("Record", "Review queue", "review", "inbox", "review.review", ("review",)),
    Screen("Record", "Sources", "sources", "database", "sources.sources"),
    Screen("Record", "Audit", "audit", "receipt_long", "asked.audit", ("audit",)),
    Screen("Record", "Access", "access", "key", "access.access", ("access explain", "access matrix")),
)


def there(name: str) -> bool:
    """Whether a question, or one of a group of that name (`review list`), can be asked."""
    return name in OPERATIONS or any(one.startswith(f"{name} ") for one in OPERATIONS)


def screens() -> list[Screen]:
    """The screens whose questions are there."""
    return [one for one in SCREENS if all(there(name) for name in one.needs)]


def page_of(screen: Screen) -> Callable[[], None]:
    """The page's function; its module is imported when it is first looked at."""

    def page() -> None:
        show(_function(screen.function))

    page.__name__ = screen.path
    return page


@cache
def _function(named: str) -> Callable[[Seat], None]:
    """A page's function. What is in memory once its module and all that it needs are there stays: the garbage collector, which Streamlit runs
    after every script, need not walk it each time (0.1 s of 0.2 at a graph of 100,000 things).
    """
    module, _, name = named.partition(".")
    function: Callable[[Seat], None] = getattr(import_module(f"app.explorer.views.{module}"), name)
    gc.collect()
    gc.freeze()
    return function


def pages() -> dict[str, list[Any]]:
    """The pages by section, for the navigation; they are remembered for links from one to another."""
    made: dict[str, Any] = {
        one.path: st.Page(page_of(one), title=one.title, icon=f":material/{one.icon}:", url_path=one.path, default=one.path == "home")
        for one in screens()
    }
    st.session_state["pages"] = made
    sections: dict[str, list[Any]] = {}
    for one in screens():
        sections.setdefault(one.section, []).append(made[one.path])
    return sections


STYLE = """<style>
[data-testid=stMainBlockContainer]{padding:2.6rem 2rem 3rem}
[data-testid=stSidebarHeader]{height:1.6rem}
[data-testid=stSidebarNavItems] header,[data-testid=stNavSectionHeader]{padding-block:.3rem 0;margin-block:0}
[data-testid=stSidebarNavLink]{padding-block:0;min-height:1.6rem;margin-block:0}
[data-testid=stCaptionContainer]{color:inherit;opacity:.8}
button[kind^=primary] p{color:light-dark(#FFFFFF,#0B1116)}
</style>"""


def frame() -> None:
    """What stands beside every page: whose graph it is, who looks, and at which revision."""
    st.html(STYLE)  # no option says how much of the screen stays empty, how pale a caption is, nor what stands on a bright button
    with st.sidebar:
        _frame()
        login.leave()


@told
def _frame() -> None:
    seat = take_seat()
    allowed = viewers(seat.settings, seat.context)
    if len(allowed) > 1:
        st.selectbox("Looking as", allowed, key=AS, bind="query-params", help="What this actor may not see is not there.")
    else:
        st.text(f"Looking as {seat.actor.id}")
    revisions = sorted(one.number for one in seat.context.history(actor=seat.actor))
    if len(revisions) > 1:
        moments = [*map(str, revisions), "now"]
        st.select_slider("As of revision", moments, "now", key=AT, bind="query-params", help="Looks at the graph as it was then.")
    stamp = seat.context.view(seat.actor, at=seat.at or None).stamp
    if stamp.revision:
        st.caption(plain(f"revision {stamp.revision}, {ago(stamp.at)}"), help=plain(stamp.at))
    else:
        st.caption("nothing is loaded yet")
