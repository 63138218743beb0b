"""Questions on their way: threads that answer them, answers that are kept, and the page of who waits for one."""

# pyright: reportUnknownMemberType=false
# Streamlit's functions take values of many libraries, whose types are not all there

from __future__ import annotations

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from hashlib import sha256
from typing import NamedTuple

import streamlit as st

from app.explorer.manners import words

KEPT = 16_000_000  # characters of answers that are kept
PATIENCE = 1.0  # seconds before a page says what it waits for
_PAUSE = 0.25  # seconds between two looks at how far it is
STOPPED = "stopped"
_NUMBER = re.compile(r"\d{4,}")

Key = tuple[str, ...]


class Asked(NamedTuple):
    """A question with all that its answer depends on, what answers it, and whether the answer may be given again."""

    key: Key
    answer: Callable[[], str]
    lasts: bool


class Abandoned(Exception):
    """Ends work whose answer nobody waits for."""


class _Work:
    """One question at work: what it is at, and how many wait for it."""

    def __init__(self, asked: Asked) -> None:
        self.said, self.waiting, self.began = "", 1, time.monotonic()
        self.future = _threads.submit(self._run, asked)

    def _run(self, asked: Asked) -> str:
        _own.work = self
        try:
            text = asked.answer()
        finally:
            del _own.work
        if asked.lasts:
            _keep(asked.key, text)
        return text


# Streamlit makes a thread for each run of a page, and a store a connection for each thread that leaves an event in it: so questions
# are answered by threads that stay.
_threads = ThreadPoolExecutor(8, thread_name_prefix="explorer")
_own = threading.local()
_guard = threading.Lock()
_kept: OrderedDict[Key, str] = OrderedDict()  # the one last asked for at the end
_working: dict[Key, _Work] = {}


def told(text: str) -> None:
    """What a graph is at, said by the thread that answers (`ContextGraph.watch`); where nobody waits for the answer, it ends there."""
    work: _Work | None = getattr(_own, "work", None)
    if work is not None:
        work.said = text
        if not work.waiting:
            raise Abandoned


def _keep(key: Key, text: str) -> None:
    with _guard:
        _kept[key] = text
        while len(_kept) > 1 and sum(map(len, _kept.values())) > KEPT:
            _kept.popitem(last=False)


def _known(key: Key) -> str | None:
    with _guard:
        if key in _kept:
            _kept.move_to_end(key)
        return _kept.get(key)


def _begun(asked: Asked) -> _Work:
    """The work on this question, begun where nobody asked it; whoever asks the same meanwhile waits for the same answer."""
    with _guard:
        work = _working.get(asked.key) if asked.lasts else None
        if work is None or not work.waiting:
            work = _Work(asked)
            if asked.lasts:
                _working[asked.key] = work
                work.future.add_done_callback(lambda _: _ended(asked.key, work))
        else:
            work.waiting += 1
        return work


def _ended(key: Key, work: _Work) -> None:
    if _working.get(key) is work:
        del _working[key]


@contextmanager
def waiting(asked: Asked) -> Generator[_Work]:
    """Wait for the answer: the work on it, begun where there is none, which ends when nobody waits any more."""
    work = _begun(asked)
    try:
        yield work
    finally:
        with _guard:
            work.waiting -= 1


def answer(asked: Asked) -> str:
    """The answer, kept or new."""
    text = _known(asked.key) if asked.lasts else None
    if text is not None:
        return text
    with waiting(asked) as work:
        return work.future.result()


def soon(asked: Asked, wait: float) -> str | None:
    """The answer, or None where it is not there in so many seconds; then it is worked out all the same."""
    text = _known(asked.key)
    if text is not None:
        return text
    with suppress(TimeoutError):
        return _begun(asked).future.result(timeout=wait)
    return None


def watched(asked: Asked, doing: str) -> str:
    """The answer; while it is worked out, the page says how far it is, with a button that stops it. Who goes elsewhere stops it, too."""
    text = _known(asked.key) if asked.lasts else None
    place = st.empty()
    if text is not None:
        return text
    name = sha256("\n".join(asked.key).encode()).hexdigest()[:12]  # it reaches the browser, in which the address of a store has no place
    if st.session_state.get(STOPPED) == name:
        with place.container(horizontal=True, vertical_alignment="center"):
            st.text("Stopped.")
            st.button("Go on", key=f"go on {name}", on_click=st.session_state.pop, args=(STOPPED, None))
        st.stop()
    with waiting(asked) as work:
        with suppress(TimeoutError):
            return work.future.result(timeout=PATIENCE)
        with place.container(horizontal=True, vertical_alignment="center"):
            line = st.empty()
            st.button("Stop", key=f"stop {name}", on_click=st.session_state.__setitem__, args=(STOPPED, name))
        while not work.future.done():
            said = _NUMBER.sub(lambda found: f"{int(found[0]):,}", words(work.said))
            line.text(f"{doing} … {said} ({time.monotonic() - work.began:.0f} s)")  # here ends who goes elsewhere
            with suppress(TimeoutError):
                work.future.result(timeout=_PAUSE)
        place.empty()
        return work.future.result()
