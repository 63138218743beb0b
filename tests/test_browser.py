"""The explorer in a real Chromium: what an analyst finds and sees, with no request to the outside and no error in the page."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Page, Request, expect, sync_playwright

from app.explorer.launch import command

SAMPLE = Path(__file__).resolve().parent.parent / "app" / "sample"
HOSTILE = '![seen](http://tracker.example/x.png) <img src="http://tracker.example/y.png"> <script>alert(1)</script>'


@pytest.fixture(scope="module")
def chromium() -> Generator[Browser]:
    """Debian's Chromium, which can reach nothing but this machine."""
    path = shutil.which("chromium")
    if path is None:
        reason = "there is no chromium on this machine"
        pytest.fail(reason) if os.environ.get("ORGCONTEXT_BROWSER") == "required" else pytest.skip(reason)
    with sync_playwright() as player:
        rules = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"
        browser = player.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage", rules])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def explorer(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """The address of an explorer over the sample company and one term with a hostile name."""
    folder = tmp_path_factory.mktemp("explorer") / "acme"
    shutil.copytree(SAMPLE, folder)
    with (folder / "glossary" / "hostile.csv").open("w", encoding="utf-8") as file:
        file.write(f'term,definition\n"{HOSTILE.replace(chr(34), chr(34) * 2)}","{HOSTILE.replace(chr(34), chr(34) * 2)}"\n')
    settings = folder / "orgcontext.yaml"
    more = "sources:\n  - {name: hostile, loader: glossary, path: glossary/hostile.csv}\n"
    settings.write_text(settings.read_text().replace("sources:\n", more, 1))
    environment = {**os.environ, "ORGCONTEXT_WORKSPACE": str(folder), "ORGCONTEXT_ACTOR": "person:analyst"}
    subprocess.run([command(0)[0], "-m", "app.cli", "-w", str(folder), "load"], env=environment, check=True, capture_output=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder / "explorer.log"
    with log.open("w") as said:
        process = subprocess.Popen(command(port), env=environment, stdout=said, stderr=subprocess.STDOUT)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(address, process, log)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        assert process.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=2).close()
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.1)
        else:
            return
    raise AssertionError(log.read_text())


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, chromium: Browser) -> Generator[Page]:
    """A page that asks nobody but its server, and in which nothing fails."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, color_scheme=request.param, reduced_motion="reduce")
    page = context.new_page()
    wrong: list[str] = []

    def watch(asked: Request) -> None:
        if not asked.url.startswith(("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:")):
            wrong.append(asked.url)

    def refuse(dialog: Dialog) -> None:
        wrong.append(dialog.message)
        dialog.dismiss()

    page.on("request", watch)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", refuse)
    yield page
    context.close()
    assert wrong == []


def _settled(page: Page) -> None:
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=30_000)
    assert page.locator("[data-testid=stException]").count() == 0


def test_who_approves_is_found_by_looking(page: Page, explorer: str) -> None:
    """Type words, choose the step, see its approver in the picture and its source beside it."""
    page.goto(explorer)
    _settled(page)
    page.get_by_placeholder("a name, words, an id").fill("step:procurement.cfo")
    page.keyboard.press("Enter")
    expect(page.get_by_text("step:procurement.cfo", exact=False).first).to_be_visible()
    expect(page.locator("svg g.node").filter(has_text="Chief Financial Officer")).to_be_visible()
    _settled(page)


def test_a_link_restores_what_was_looked_at(page: Page, explorer: str) -> None:
    """The words are in the address."""
    page.goto(f"{explorer}/?find=risk+appetite")
    _settled(page)
    expect(page.locator("h3").filter(has_text="Risk appetite")).to_be_visible()


def test_a_hostile_name_stays_text(page: Page, explorer: str) -> None:
    """It is shown as it is written: nothing is fetched, nothing runs."""
    page.goto(f"{explorer}/?find=seen+tracker")
    _settled(page)
    expect(page.locator("h3").filter(has_text="<script>alert(1)</script>")).to_be_visible()
    expect(page.locator("svg g.node").first).to_be_visible()
