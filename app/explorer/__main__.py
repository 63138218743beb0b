"""The explorer's own process: Streamlit, and beside it what the first visitor would wait for is made ready."""

from __future__ import annotations

import logging
import sys
import threading
from contextlib import suppress
from importlib import import_module

from streamlit.web import cli

from app.explorer.launch import MAIN

OUTSIDE = "streamlit.runtime.scriptrunner_utils.script_run_context"  # it warns of whatever is asked for outside of a page, as here


def ready() -> None:
    """Import what screens are made of, open the graph, and begin to count what is in it. Where that fails, the first page says why."""
    from app.explorer.seat import Seat, opened
    from app.settings import actor_of
    from graph import ContextError

    import_module("app.explorer.views.home")
    with suppress(ContextError):
        settings, context = opened()
        Seat(settings, context, actor_of(settings, context)).soon("stats", wait=0)


if __name__ == "__main__":
    logging.getLogger(OUTSIDE).addFilter(lambda _: False)
    threading.Thread(target=ready, name="ready", daemon=True).start()
    cli.main(["run", str(MAIN), *sys.argv[1:]])
