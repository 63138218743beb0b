"""Who looks, where the explorer is told to ask an identity provider (OIDC): the person on file with the address that the provider vouches for."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# what a provider says of somebody is open

from __future__ import annotations

import json

import streamlit as st

from graph import ContextGraph, Filter, NotAllowed


def asked_for() -> bool:
    """Whether a login is set up: `[auth]` in Streamlit's secrets (`streamlit[auth]` must be installed)."""
    return "is_logged_in" in st.user


def door() -> bool:
    """Whether somebody may come in: always without a login, else once they are logged in; before that it shows how."""
    if not asked_for() or st.user["is_logged_in"]:
        return True
    st.header("Context explorer", anchor=False)
    st.text("Log in to see what you may see.")
    st.button("Log in", type="primary", icon=":material/login:", on_click=st.login)
    return False


def leave() -> None:
    """Who is logged in, and the way out."""
    if asked_for():
        st.text(str(st.user.get("name") or st.user.get("email") or ""))
        st.button("Log out", icon=":material/logout:", on_click=st.logout)


def person(context: ContextGraph) -> str:
    """The id of the one person on file with the address of whoever is logged in; `NotAllowed` where there is none, or more than one."""
    email = str(st.user.get("email") or "").strip().casefold()
    if not email or st.user.get("email_verified") is False:
        message = "the login vouches for no e-mail address, and the explorer knows people by theirs"
        raise NotAllowed(message)
    family = sorted(context.ontology.family("Person"))
    found = [row.id for row in context.store.entities(Filter(), kinds=family) if email in _addresses(row.properties)]
    if len(found) != 1:
        message = f"{'more than one person' if found else 'nobody'} on file has the address {email}: ask whoever keeps the graph"
        raise NotAllowed(message)
    return found[0]


def _addresses(properties: str) -> list[str]:
    said = json.loads(properties).get("email", "")
    return [str(one).casefold() for one in (said if isinstance(said, list) else [said])]
