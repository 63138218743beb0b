"""The times of the explorer in a real Chromium: `python -m tests.benchmarks.explorer`; it prints what is asked and what is reached.

A graph of `--size` entities, a warm server, no pause between the steps. Seconds are what somebody at the screen waits: from the gesture
until what it asked for is drawn. The browser and the server share this machine with whatever else runs,
so it wants an idle one.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from random import Random
from typing import NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright

from app.explorer.launch import command
from graph import open_store
from tests.benchmarks.generator import Organization
from tests.benchmarks.table import put, put_order

WAIT = 180_000  # milliseconds, for a busy machine
READY = "[data-testid=stApp][data-test-script-state=notRunning]"
FIND = """let found; globalThis.theGraph = () => found?.isConnected ? found
  : found = [...document.querySelectorAll('*')].map((one) => one.shadowRoot?.querySelector('.ctx-graph')).find((one) => one);"""  # it stands in a tree of its own
FRAMES = """() => new Promise((done) => { let count = 0; const began = performance.now();
  const next = () => { count++; const spent = performance.now() - began; if (spent > 2000) done(1000 * count / spent); else requestAnimationFrame(next); };
  requestAnimationFrame(next); })"""


class Row(NamedTuple):
    """One line of the table: what was measured, in which unit, and how much of it is asked at most (at least, for frames)."""

    work: str
    values: list[float]
    unit: str
    asked: float

    def line(self) -> str:
        """The median and the worst beside what is asked."""
        middle = statistics.median(self.values)
        met = middle >= self.asked if self.unit == "frames/s" else middle <= self.asked
        worst = min(self.values) if self.unit == "frames/s" else max(self.values)
        return f"{self.work:<44} {middle:>8.2f} {worst:>8.2f} {self.asked:>8g} {self.unit:<9} {'yes' if met else 'NO'}"


class Server(NamedTuple):
    """A running explorer."""

    address: str
    process: subprocess.Popen[bytes]

    def memory(self, of: str = "VmRSS") -> float:
        """Resident memory of the server in MB; of it `RssAnon` is its own, the rest is files that it reads as memory, such as the store's."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(of))

    def spent(self) -> float:
        """Seconds of processor time that the server took so far."""
        parts = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Make the graph where there is none yet, and measure."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.explorer", description=__doc__)
    parser.add_argument("--size", type=int, default=100_000, help="entities of the graph")
    parser.add_argument(
        "--store", default="", help="where to keep it (sqlite:///PATH, neo4j://HOST:PORT?graph=NAME); kept for the next time"
    )
    parser.add_argument("--times", type=int, default=500, help="interactions over which the memory must stay flat")
    parser.add_argument("--only", nargs="*", default=list(WORKS), choices=list(WORKS), help="which of the works; each has its own warm-up")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as player:
        store = chosen.store or f"sqlite:///{folder}/explorer.db"
        made = Organization(chosen.size)
        _fill(made, store)
        browser = player.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        with _serving(Path(folder), store) as server:
            print(f"{'work':<44} {'median':>8} {'worst':>8} {'asked':>8} unit      met")
            for row in chain.from_iterable(WORKS[one](browser, server, made, chosen.times) for one in chosen.only):
                print(row.line(), flush=True)
        browser.close()


def _fill(made: Organization, address: str) -> None:
    """The organization in this store, unless something is there."""
    store = open_store(address)
    if store.head() is None:
        ids, keys = put_order(made)
        put(store, map(made.entity, ids), map(made.relation, keys))  # pyright: ignore[reportArgumentType]  # it needs no more than a store
    store.close()


@contextmanager
def _serving(folder: Path, store: str) -> Generator[Server]:
    (folder / "orgcontext.yaml").write_text(f"organization: Big\nstore: {store}\nsources: []\n", encoding="utf-8")
    port = 8590 + os.getpid() % 1000
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command(port), env={**os.environ, "ORGCONTEXT_WORKSPACE": str(folder)}, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        server = Server(f"http://127.0.0.1:{port}", process)
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{server.address}/_stcore/health", timeout=2).close()
                break
            except OSError:
                time.sleep(0.1)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=20)


# looking


def _page(browser: Browser, server: Server) -> Page:
    context = browser.new_context(base_url=server.address, viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.add_init_script(FIND)
    page = context.new_page()
    page.wait_for_timeout(1500)  # the browser builds a window of its own first, with parts that somebody at the screen has long had
    return page


def _took(act: Callable[[], object], page: Page, true: str, argument: object = None) -> float:
    """Seconds from the gesture until this holds in the page."""
    began = time.perf_counter()
    act()
    page.wait_for_function(true, arg=argument, timeout=WAIT, polling=10)
    return time.perf_counter() - began


def _settled(page: Page) -> None:
    page.locator(".ctx-graph[data-ready]").first.wait_for(timeout=WAIT)
    page.wait_for_selector(READY, timeout=WAIT)


DRAWN = "id => { const cy = theGraph()?.ctx; return cy && cy.nodes('.anchor').id() === id; }"
MORE = "count => theGraph().ctx.nodes().length > count"


def _first(browser: Browser, server: Server, made: Organization, _times: int) -> Iterator[Row]:
    """The first screen, and the graph by a link, in a browser that was never here."""
    values: list[float] = []
    for _ in range(6):
        page = _page(browser, server)
        values.append(_took(lambda page=page: page.goto("/"), page, "document.querySelectorAll('[data-testid=stMetricValue]').length >= 3"))
        page.context.close()
    yield Row("first screen", values[1:], "s", 2)
    values = []
    for id_ in _ids(made, 6):
        page = _page(browser, server)
        values.append(_took(lambda page=page, id_=id_: page.goto(f"/graph?entity={id_}"), page, DRAWN, id_))
        page.context.close()
    yield Row("a thing in the graph, by its link", values[1:], "s", 2)


def _ids(made: Organization, count: int, seed: int = 3) -> list[str]:
    """Some processes and systems, none of the most popular."""
    ids = [id_ for id_ in list(made.ids())[made.size // 4 :] if id_.partition(":")[0] in ("process", "system")]
    return Random(seed).sample(ids, min(count, len(ids)))


def _focus(browser: Browser, server: Server, made: Organization, _times: int) -> Iterator[Row]:
    """Choosing a neighbour and putting it in the middle."""
    page = _page(browser, server)
    values: list[float] = []
    spent = 0.0
    for id_ in _ids(made, 12):
        page.goto(f"/graph?entity={id_}")
        _settled(page)
        choose = """() => { const cy = theGraph().ctx, one = cy.nodes().not('.anchor').not('[count]').min((near) => near.data('more') || 0).ele;
            one.select(); return one.id(); }"""
        other = page.evaluate(choose)
        button = page.get_by_role("button", name="Centre")
        page.wait_for_function(
            "() => [...document.querySelectorAll('button')].some((one) => one.innerText.trim() === 'Centre' && !one.disabled)"
        )
        _settled(page)
        before = server.spent()
        values.append(_took(button.click, page, DRAWN, other))
        spent += server.spent() - before
    yield Row("focus on another thing", values[2:], "s", 0.7)
    yield Row("  of it processor time of the server", [spent / len(values)], "s", 0.7)
    page.context.close()


def _expand(browser: Browser, server: Server, made: Organization, _times: int) -> Iterator[Row]:
    """Opening a neighbour with a double-click."""
    values: list[float] = []
    page = _page(browser, server)
    for id_ in _ids(made, 8, seed=5):
        page.goto(f"/graph?entity={id_}")
        _settled(page)
        script = """() => { const cy = theGraph().ctx, node = cy.nodes('[more]').not('.anchor').min((one) => one.data('more')).ele;
            return [node.id(), cy.nodes().length]; }"""
        near, count = page.evaluate(script)
        twice = "id => { theGraph().ctx.getElementById(id).emit('dbltap'); }"  # where the pointer is slow, two clicks are no double-click
        values.append(_took(lambda near=near, twice=twice: page.evaluate(twice, near), page, MORE, count))
    yield Row("open a neighbour", values[1:], "s", 0.5)
    page.context.close()


def _typed(browser: Browser, server: Server, made: Organization, _times: int) -> Iterator[Row]:
    """A word typed letter by letter: from each letter until the list is that of the word so far."""
    page = _page(browser, server)
    page.goto("/graph")
    page.wait_for_selector(READY, timeout=WAIT)
    box = page.get_by_placeholder("a name, words, an id")
    box.click()
    values: list[float] = []
    for word in ("contract", "privacy"):
        box.fill("")
        page.wait_for_selector(READY, timeout=WAIT)
        for letter in word:
            box.press(letter)
            began = time.perf_counter()
            page.wait_for_function(
                "() => new URL(location.href).searchParams.get('find') === document.querySelector('[data-testid=stTextInput] input').value",
                timeout=WAIT,
                polling=10,
            )
            page.wait_for_selector(READY, timeout=WAIT)
            values.append(1000 * (time.perf_counter() - began))
    yield Row("search as you type, a letter", values[2:], "ms", 150)
    page.context.close()


def _dragged(browser: Browser, server: Server, made: Organization, _times: int) -> Iterator[Row]:
    """A thousand things on the canvas, while one of them is dragged."""
    page = _page(browser, server)
    page.goto(f"/graph?entity={_ids(made, 1)[0]}")
    _settled(page)
    page.evaluate("""() => { const cy = theGraph().ctx; const at = () => Math.random() * 1500;
      for (let i = cy.nodes().length; i < 1000; i++) cy.add({ data: { id: `more${i}`, name: `Thing ${i}`, color: '#4C78A8' }, position: { x: at(), y: at() } });
      const ids = cy.nodes().map((one) => one.id());
      for (let i = 0; i < 1600; i++) cy.add({ data: { id: `tie${i}`, source: ids[i % 1000], target: ids[(i * 7 + 3) % 1000], kind: 'tie' } });
      cy.fit(undefined, 20); }""")
    page.evaluate("() => theGraph()[Symbol.for('ctx.graph')].paint()")  # as a picture of so many is drawn
    x, y = page.evaluate("""() => { const host = theGraph(), frame = host.getBoundingClientRect();
      const at = host.ctx.nodes()[500].renderedPosition(); return [frame.x + at.x, frame.y + at.y]; }""")
    page.mouse.move(x, y)
    page.mouse.down()
    waiting = page.evaluate_handle(f"() => {{ globalThis.frames_ = ({FRAMES})(); }}")
    for turn in range(60):
        page.mouse.move(x + 3 * (turn % 20), y + 2 * (turn % 15))
        time.sleep(0.03)
    page.mouse.up()
    waiting.dispose()
    yield Row("1,000 things on the canvas, dragging", [float(page.evaluate("() => globalThis.frames_"))], "frames/s", 30)
    page.context.close()


def _together(browser: Browser, server: Server, made: Organization, _times: int) -> Iterator[Row]:
    """Five people open a thing at once: what the last of them waits, beside one alone."""
    pages = [_page(browser, server) for _ in range(5)]
    ids = _ids(made, 60, seed=11)
    for page, id_ in zip(pages, ids, strict=False):
        page.goto(f"/graph?entity={id_}")
        _settled(page)
    search = "id => { history.pushState({}, '', `/graph?entity=${id}`); dispatchEvent(new PopStateEvent('popstate')); }"
    alone: list[float] = []
    for id_ in ids[5:10]:
        alone.append(_took(lambda id_=id_: pages[0].evaluate(search, id_), pages[0], DRAWN, id_))
    values: list[float] = []
    for turn in range(4):
        mine = ids[10 + 5 * turn : 15 + 5 * turn]
        began = time.perf_counter()
        for page, id_ in zip(pages, mine, strict=True):
            page.evaluate(search, id_)
        for page, id_ in zip(pages, mine, strict=True):
            page.wait_for_function(DRAWN, arg=id_, timeout=WAIT, polling=10)
        values.append(time.perf_counter() - began)
    yield Row("one person goes to a thing by the address", alone[1:], "s", 0.7)
    yield Row("five at once, the last of them", values, "s", 5 * statistics.median(alone))
    for page in pages:
        page.context.close()


def _flat(browser: Browser, server: Server, made: Organization, times: int) -> Iterator[Row]:
    """The memory of the server over many interactions, after a tenth of them as warm-up."""
    page = _page(browser, server)
    ids = _ids(made, times, seed=13)
    page.goto(f"/graph?entity={ids[0]}")
    _settled(page)
    search = "id => { history.pushState({}, '', `/graph?entity=${id}`); dispatchEvent(new PopStateEvent('popstate')); }"
    before = own = 0.0
    for turn, id_ in enumerate(ids):
        if turn == times // 2:
            before, own = server.memory(), server.memory("RssAnon")
        page.evaluate(search, id_)
        page.wait_for_function(DRAWN, arg=id_, timeout=WAIT, polling=10)
    yield Row(f"memory over the second half of {times} steps", [server.memory() - before], "MB more", 30)
    yield Row("  of it the server's own, not the store's file", [server.memory("RssAnon") - own], "MB more", 30)
    page.context.close()


WORKS: dict[str, Callable[[Browser, Server, Organization, int], Iterator[Row]]] = {
    "first": _first,
    "focus": _focus,
    "expand": _expand,
    "typed": _typed,
    "dragged": _dragged,
    "together": _together,
    "flat": _flat,
}


if __name__ == "__main__":
    main()
    sys.exit()
