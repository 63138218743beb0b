"""The explorer in a real Chromium: what an analyst finds and sees, with no request to the outside and no error in the page."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, Dialog, Page, Request, expect, sync_playwright
from ports import free_port

from app.explorer.launch import OPTIONS, command
from app.explorer.views import screens

SAMPLE = Path(__file__).resolve().parent.parent / "app" / "sample"
PROPOSAL = (
    "changes:\n- {do: set, id: 'asset:risk-appetite', property: description, value: Up to a score of 7.}\nwhy: The score was changed.\n"
)
HOSTILE = '![seen](http://tracker.example/x.png) <img src="http://tracker.example/y.png"> <script>alert(1)</script>'


class Explorer(NamedTuple):
    """A running explorer: its address, and the folder that it looks at."""

    address: str
    folder: Path


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
def explorer(tmp_path_factory: pytest.TempPathFactory) -> Generator[Explorer]:
    """An explorer over the sample company and one term with a hostile name."""
    folder = tmp_path_factory.mktemp("explorer") / "acme"
    shutil.copytree(SAMPLE, folder)
    with (folder / "glossary" / "hostile.csv").open("w", encoding="utf-8") as file:
        file.write(f'term,definition\n"{HOSTILE.replace(chr(34), chr(34) * 2)}","{HOSTILE.replace(chr(34), chr(34) * 2)}"\n')
    settings = folder / "orgcontext.yaml"
    more = "sources:\n  - {name: hostile, loader: glossary, path: glossary/hostile.csv}\n"
    settings.write_text(settings.read_text().replace("sources:\n", more, 1))
    environment = {**os.environ, "ORGCONTEXT_WORKSPACE": str(folder), "ORGCONTEXT_VIEWERS": "person:analyst,agent:purchase-assistant"}
    subprocess.run([command(0)[0], "-m", "app.cli", "-w", str(folder), "load"], env=environment, check=True, capture_output=True)
    port = free_port()
    with _running(command(port), f"http://127.0.0.1:{port}", "/_stcore/health", folder, environment) as address:
        yield Explorer(address, folder)


@contextmanager
def _running(line: list[str], address: str, health: str, folder: Path, environment: Mapping[str, str] = os.environ) -> Generator[str]:
    """A server in a process of its own, in this folder, once it answers: its address."""
    log = folder / f"{urllib.parse.urlsplit(address).port}.log"
    with log.open("w") as said:
        process = subprocess.Popen(line, env=environment, stdout=said, stderr=subprocess.STDOUT, cwd=folder)
    try:
        _wait(address + health, process, log)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        assert process.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(address, timeout=2).close()
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.1)
        else:
            return
    raise AssertionError(log.read_text())


@pytest.fixture
def page(chromium: Browser, explorer: Explorer, request: pytest.FixtureRequest) -> Generator[Page]:
    """A page that asks nobody but its server, and in which nothing fails."""
    yield from opened(chromium, explorer, "light", request.node.name)


@pytest.fixture
def dark(chromium: Browser, explorer: Explorer, request: pytest.FixtureRequest) -> Generator[Page]:
    """The same in the dark."""
    yield from opened(chromium, explorer, "dark", request.node.name)


def opened(chromium: Browser, explorer: Explorer, scheme: Any, journey: str) -> Generator[Page]:
    context = chromium.new_context(
        base_url=explorer.address, viewport={"width": 1280, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
    )
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
    began = time.perf_counter()
    yield page
    _told("journeys.csv", journey, f"{time.perf_counter() - began:.1f}")
    context.close()
    assert wrong == []


def _settled(page: Page) -> None:
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=90_000)
    assert page.locator("[data-testid=stException]").count() == 0


def _seen(page: Page, name: str) -> None:
    """Leave a picture of the journey where `ORGCONTEXT_SHOTS` says."""
    if folder := os.environ.get("ORGCONTEXT_SHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def _told(file: str, *cells: object) -> None:
    """Leave a line of a report there."""
    if folder := os.environ.get("ORGCONTEXT_SHOTS"):
        with (Path(folder) / file).open("a", encoding="utf-8") as lines:
            lines.write(",".join(map(str, cells)) + "\n")


def _until(true: Callable[[], bool]) -> None:
    for _ in range(500):
        if true():
            return
        time.sleep(0.02)
    raise AssertionError


def _nodes(page: Page) -> list[str]:
    """What is in the first picture of the page."""
    host = page.locator(".ctx-graph").first
    host.and_(page.locator("[data-ready]")).wait_for(timeout=20_000)
    return host.evaluate("host => host.ctx.nodes().map((node) => node.id())")


def _place(page: Page, id_: str) -> tuple[float, float]:
    """Where a thing stands on the page."""
    script = """(host, id) => { const at = host.ctx.getElementById(id).renderedPosition(), frame = host.getBoundingClientRect();
        return [frame.x + at.x, frame.y + at.y]; }"""
    x, y = page.locator(".ctx-graph").first.evaluate(script, id_)
    return x, y


PLACES = "host => Object.fromEntries(host.ctx.nodes().map((node) => [node.id(), node.position('x')]))"  # on the canvas, however it is moved


def _first_row(page: Page) -> None:
    """Choose the first row of the first table."""
    table = page.locator("[data-testid=stDataFrame]").first
    expect(table).to_be_visible(timeout=20_000)
    box = table.bounding_box()
    assert box
    page.mouse.click(box["x"] + 16, box["y"] + 52)


def _chosen(page: Page, label: str, option: str) -> None:
    """Choose one of a list."""
    page.get_by_role("combobox", name=label, exact=True).click()
    page.get_by_role("option", name=option, exact=True).click()
    _settled(page)


def test_who_approves_is_found_by_looking(page: Page) -> None:
    """Type words, choose the step, see its approver in the picture, and open who holds the post with a double-click; nothing moves."""
    page.goto("/")
    _settled(page)
    page.get_by_placeholder("a name, words, an id").fill("step:procurement.cfo")
    expect(page.locator("[data-testid=stDataFrame]").first).to_be_visible()
    _settled(page)
    _first_row(page)
    page.wait_for_url("**/graph?entity=step*")
    before = _nodes(page)
    assert "position:cfo" in before
    _settled(page)
    places = page.locator(".ctx-graph").first.evaluate(PLACES)
    page.mouse.dblclick(*_place(page, "position:cfo"))
    _until(lambda: "person:e-1007" in _nodes(page))
    now = page.locator(".ctx-graph").first.evaluate(PLACES)
    assert all(abs(now[one] - places[one]) < 1 for one in before)
    expect(page.get_by_role("heading", name="Chief Financial Officer")).to_be_visible()
    _seen(page, "who-approves")
    page.get_by_role("button", name="Undo").click()
    _until(lambda: set(_nodes(page)) == set(before))


def test_the_picture_and_the_table_share_a_selection(page: Page) -> None:
    """Selected in the picture, marked in the table; marked in the table, selected in the picture; what its filter hides stays selected."""
    chosen = "host => host.ctx.$('node:selected').map((node) => node.id()).sort()"
    page.goto("/graph?entity=process:procurement")
    _nodes(page)
    _settled(page)
    host = page.locator(".ctx-graph").first
    host.evaluate("host => host.ctx.getElementById('step:procurement.cfo').select()")
    expect(page.get_by_text(re.compile(r"1 selected$"))).to_be_visible()
    marked = page.locator("[data-testid=stDataFrame]", has=page.get_by_text("CFO approves")).locator("tr[aria-selected=true]")
    expect(marked).to_have_count(1)
    box = page.get_by_placeholder(re.compile(r"^filter \d\d rows$")).first
    box.fill("Head of Procurement approves")
    box.press("Enter")
    expect(marked).to_have_count(0)
    _settled(page)
    things = page.locator("[data-testid=stDataFrame]", has=page.get_by_text("Head of Procurement approves")).last
    things.scroll_into_view_if_needed()
    at = things.bounding_box()
    assert at
    page.mouse.click(at["x"] + 16, at["y"] + 52)
    expect(page.get_by_text(re.compile(r"2 selected$"))).to_be_visible()
    _until(lambda: host.evaluate(chosen) == ["step:procurement.cfo", "step:procurement.head"])
    _settled(page)
    assert host.evaluate(chosen) == ["step:procurement.cfo", "step:procurement.head"]


def test_what_was_dragged_stays_there_in_a_link_and_a_reload(page: Page) -> None:
    """Where a thing was put stands in the address; the others stand as they did, and a pin that is let go leaves the address."""
    where = (
        "host => Object.fromEntries(host.ctx.nodes().map((node) => [node.id(), [node.position('x'), node.position('y')].map(Math.round)]))"
    )
    pinned = "host => host.ctx.$('.pinned').map((node) => node.id())"
    page.goto("/graph?entity=step:procurement.cfo")
    alone = _nodes(page)
    _settled(page)
    host = page.locator(".ctx-graph").first
    before = host.evaluate(where)
    page.goto("/graph?entity=step:procurement.cfo")
    _nodes(page)
    assert host.evaluate(where) == before
    x, y = _place(page, "position:cfo")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y + 25, steps=4)
    page.mouse.up()
    page.wait_for_url("**pin=position*")
    _settled(page)
    put = host.evaluate(where)["position:cfo"]
    assert put != before["position:cfo"]
    page.reload()
    assert _nodes(page) == alone
    assert host.evaluate(pinned) == ["position:cfo"]
    assert host.evaluate(where)["position:cfo"] == put
    _settled(page)
    host.evaluate("host => host.ctx.getElementById('position:cfo').select()")
    page.get_by_role("button", name="Pin", exact=True).click()
    page.wait_for_url(lambda url: "pin=" not in url)
    assert host.evaluate(pinned) == []


def test_what_leaves_with_a_person_is_listed(page: Page) -> None:
    """A departing person, found by name from the first page: the picture and the list of what goes."""
    page.goto("/")
    _settled(page)
    page.get_by_text("New here? Five looks in five minutes").click()
    page.get_by_role("link", name="What leaves with a person?").click()
    page.wait_for_url("**/dependencies*")
    page.get_by_placeholder("a name, words, an id").fill("Weidenbach")
    expect(page.get_by_text("Choose a row.", exact=True)).to_be_visible(timeout=20_000)
    _settled(page)
    _first_row(page)
    page.wait_for_url("**subject=person*e-1022")
    assert "step:procurement.head" in _nodes(page)
    expect(page.get_by_text("25 things in all")).to_be_visible()
    _settled(page)
    _seen(page, "who-leaves")


def test_two_agents_are_compared(dark: Page) -> None:
    """Two verdicts, and what only one of them gets, said under each; in the dark."""
    dark.goto("/")
    _settled(dark)
    dark.get_by_role("link", name="Agent's eyes").click()
    dark.wait_for_url("**/eyes*")
    _chosen(dark, "Agent", "Risk scorer")
    _chosen(dark, "Task", "Score contract risk ✓")
    dark.get_by_role("radio", name="another agent").click()
    _chosen(dark, "The other agent", "Purchase assistant")
    expect(dark.get_by_text("Not ready")).to_be_visible()
    expect(dark.get_by_text("1 thing only here, 0 that differ.")).to_have_count(2)
    dark.get_by_role("tab", name="Picture").first.click()
    assert "asset:risk-appetite" in _nodes(dark)
    _seen(dark, "two-agents")


def test_a_purchase_for_sales_shows_its_route(page: Page) -> None:
    """Type the amount, see four approvals and the steps lit up; the address keeps the request."""
    page.goto("/flows?process=process:procurement&requester=unit:sales")
    _settled(page)
    page.get_by_label("Amount").fill("60000 EUR")
    page.keyboard.press("Enter")
    expect(page.get_by_text("4 approvals needed.")).to_be_visible()
    _until(lambda: page.locator(".ctx-graph").first.evaluate("host => host.ctx.nodes('[lit]').length") == 4)
    assert "given=amount%3D60000" in page.url
    _seen(page, "route")


def test_a_proposal_is_accepted_and_its_revision_seen(page: Page, explorer: Explorer) -> None:
    """What an agent proposed stands in the queue with its reason; a yes makes it a revision that Changes shows."""
    environment = {**os.environ, "ORGCONTEXT_WORKSPACE": str(explorer.folder)}
    asks = [command(0)[0], "-m", "app.cli", "-w", str(explorer.folder), "propose", "-", "--as", "agent:risk-scorer"]
    subprocess.run(asks, input=PROPOSAL, env=environment, check=True, capture_output=True, text=True)
    page.goto("/review")
    _settled(page)
    _first_row(page)
    expect(page.get_by_text("Risk scorer: The score was changed.")).to_be_visible()
    _settled(page)
    _seen(page, "proposal")
    page.get_by_role("button", name="Accept", exact=True).click()
    expect(page.get_by_text("is accepted.")).to_be_visible(timeout=20_000)
    page.goto("/changes")
    _settled(page)
    expect(page.get_by_role("heading", name=re.compile(r"From revision \d to revision \d"))).to_be_visible()
    shown = [command(0)[0], "-m", "app.cli", "-w", str(explorer.folder), "show", "asset:risk-appetite"]
    assert "Up to a score of 7." in subprocess.run(shown, env=environment, check=True, capture_output=True, text=True).stdout


def test_a_newer_file_is_tried_and_loaded_and_the_difference_is_gone(page: Page, explorer: Explorer, tmp_path: Path) -> None:
    """Bring a file, see what it would change with nothing written, load it; then a dry run finds no difference."""
    people = explorer.folder / "hr" / "people.csv"
    newer = tmp_path / "people.csv"
    newer.write_text(people.read_text(encoding="utf-8").replace("Key Account Lead", "Key Account Chief"), encoding="utf-8")
    before = people.read_bytes()
    page.goto("/sources")
    _settled(page)
    choice = page.get_by_text("hris: hr/people.csv")
    for _ in range(5):  # a page that is still being drawn may close the list again
        if choice.is_visible():
            break
        page.get_by_label("In the place of").click()
        page.wait_for_timeout(1000)
    choice.click()
    page.locator("input[type=file]").set_input_files(newer)
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_text("This would be written:")).to_be_visible(timeout=20_000)
    assert people.read_bytes() == before
    page.get_by_role("button", name="Replace and load").click()
    expect(page.get_by_text(re.compile(r"Revision \d is written\."))).to_be_visible(timeout=20_000)
    _seen(page, "loaded")
    page.get_by_role("button", name="Dry run").click()
    expect(page.get_by_text("Nothing differs from what was loaded.")).to_be_visible(timeout=20_000)
    page.goto("/changes")
    expect(page.get_by_role("heading", name=re.compile(r"From revision \d to revision \d"))).to_be_visible()
    _settled(page)
    _seen(page, "changes")


def test_the_picture_is_walked_by_keys(page: Page) -> None:
    """Arrows go along relations, and what one stands on is said; E opens it; the picture can be taken along."""
    page.goto("/graph?entity=asset:risk-appetite&layout=radial")
    before = _nodes(page)
    _settled(page)
    page.locator(".ctx-graph").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".ctx-say").first).to_contain_text("relations shown")
    page.keyboard.press("e")
    _until(lambda: len(_nodes(page)) > len(before))
    with page.expect_download() as taken:
        page.get_by_role("button", name="SVG").click()
    assert "Risk appetite" in Path(taken.value.path()).read_text(encoding="utf-8")


def test_a_hostile_name_does_nothing(page: Page) -> None:
    """It is shown as it is written in the search, the graph and the glossary: nothing is fetched, nothing runs."""
    page.goto("/?find=seen+tracker")
    _settled(page)
    _first_row(page)
    page.wait_for_url("**/graph?entity=*")
    assert len(_nodes(page)) >= 1
    _settled(page)
    expect(page.get_by_role("heading", name="<script>alert(1)</script>")).to_be_visible()
    with page.expect_download() as taken:
        page.get_by_role("button", name="SVG").click()
    assert "<script" not in Path(taken.value.path()).read_text(encoding="utf-8")
    page.goto("/glossary?word=" + urllib.parse.quote(HOSTILE))
    _settled(page)
    expect(page.get_by_role("heading", name="<script>alert(1)</script>")).to_be_visible()


SUBJECTS = {
    "graph": "entity=process:procurement",
    "flows": "process=process:procurement&given=amount%3D60000+EUR&requester=unit:sales",
    "glossary": "word=Customer",
    "decisions": "process=process:procurement",
    "eyes": "agent=agent:risk-scorer&task=task:score-contract-risk",
    "dependencies": "subject=person:e-1022",
    "analyses": "analysis=circles",
    "access": "who=agent:campaign-writer&what=asset:risk-appetite",
}
PAINTED = """hex => getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor
  === `rgb(${[1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)).join(', ')})`"""
FAULTS = """axe.run({exclude: ['[data-testid=stSidebarNav]']}).then((said) => ({passed: said.passes.length,
  slight: said.violations.filter((one) => one.impact === 'minor' || one.impact === 'moderate').map((one) => one.id),
  faults: said.violations.filter((one) => one.impact === 'serious' || one.impact === 'critical')
    .map((one) => [one.id, one.nodes.map((node) => node.target.join(' '))])}))"""


@pytest.fixture(scope="module")
def axe() -> str:
    """axe-core's script; required where CI has npm to install it with."""
    file = Path(os.environ.get("ORGCONTEXT_AXE", "node_modules/axe-core/axe.min.js"))
    if not file.is_file():
        reason = "axe-core is not here: `npm install axe-core`, or ORGCONTEXT_AXE names its axe.min.js"
        pytest.fail(reason) if os.environ.get("CI") == "true" and shutil.which("npm") else pytest.skip(reason)
    return file.read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("path", [one.path for one in screens()])
def test_nothing_is_hard_to_reach(page: Page, axe: str, path: str) -> None:
    """axe-core finds no serious fault, in the light and in the dark, but for Streamlit's own list of pages (its items stand in boxes of their own)."""
    page.goto(f"/{'' if path == 'home' else path}?{SUBJECTS.get(path, '')}")
    _settled(page)
    page.evaluate(axe)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.wait_for_function(PAINTED, arg=OPTIONS[f"theme.{scheme}.backgroundColor"], timeout=20_000)
        expect(page.locator("[data-stale=true]")).to_have_count(0)  # what is drawn anew is pale until then
        _seen(page, f"{path}-{scheme}")
        found = page.evaluate(FAULTS)
        for _ in range(5):  # what is drawn anew just then is pale for a moment; a fault stays
            if found["faults"]:
                page.wait_for_timeout(2_000)
                found = page.evaluate(FAULTS)
        assert found["faults"] == [], scheme
        _told("accessibility.csv", path, scheme, found["passed"], len(found["faults"]), " ".join(found["slight"]))


# a login at a provider

PEOPLE = {"elif": "elif.eschental@velamere.example", "stranger": "who@elsewhere.example"}


@pytest.fixture
def guarded(explorer: Explorer, tmp_path: Path) -> Generator[Explorer]:
    """The same company behind a login: an explorer beside an OpenID provider that knows one of its people, and a stranger."""
    port, provider = free_port(), f"http://127.0.0.1:{free_port()}"
    known = [json.dumps({"sub": name, "email": email, "name": name.title()}) for name, email in PEOPLE.items()]
    asks = [command(0)[0], "-W", "ignore", "-m", "oidc_provider_mock", "-H", "127.0.0.1", "-p", provider.rpartition(":")[2]]
    asks += [part for one in known for part in ("--user-claims", one)]
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "secrets.toml").write_text(
        f'[auth]\nredirect_uri = "http://127.0.0.1:{port}/oauth2callback"\ncookie_secret = "{"c" * 40}"\nclient_id = "explorer"\n'
        f'client_secret = "known to both"\nserver_metadata_url = "{provider}/.well-known/openid-configuration"\n',
        encoding="utf-8",
    )
    environment = {**os.environ, "ORGCONTEXT_WORKSPACE": str(explorer.folder)}
    with (
        _running(asks, provider, "/.well-known/openid-configuration", tmp_path),
        _running(command(port), f"http://127.0.0.1:{port}", "/_stcore/health", tmp_path, environment) as address,
    ):
        yield Explorer(address, explorer.folder)


def _logged_in(chromium: Browser, guarded: Explorer, who: str, path: str) -> Page:
    """The page that this person sees who came to the door, went to the provider and said who they are."""
    page = chromium.new_context(base_url=guarded.address, viewport={"width": 1280, "height": 900}).new_page()
    page.goto(path)
    expect(page.get_by_text("Log in to see what you may see.")).to_be_visible(timeout=60_000)
    assert page.get_by_text("Organization chart").count() == 0
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name=who, exact=True).click()
    page.wait_for_url(f"{guarded.address}/**", timeout=60_000)
    expect(page.get_by_role("button", name="Log out")).to_be_visible(timeout=60_000)
    _settled(page)
    return page


@pytest.mark.slow
def test_a_login_at_a_provider_says_who_looks(chromium: Browser, guarded: Explorer) -> None:
    """Whoever the provider vouches for is the person on file, sees what they may, whatever the address asks for, and can leave again."""
    page = _logged_in(chromium, guarded, "elif", "/")
    expect(page.get_by_text("Looking as person:e-1005")).to_be_visible()
    page.goto("/graph?entity=asset:risk-appetite&as=person:local-user")
    expect(page.get_by_text("What is not there and what you may not see look the same.")).to_be_visible(timeout=60_000)
    _seen(page, "login")
    page.get_by_role("button", name="Log out").click()
    ends = page.get_by_role("button", name="End session")  # the provider's own question, whether there, too
    expect(ends.or_(page.get_by_role("button", name="Log in"))).to_be_visible(timeout=60_000)
    if ends.is_visible():
        ends.click()
    page.goto("/")
    expect(page.get_by_role("button", name="Log in")).to_be_visible(timeout=60_000)
    page.context.close()


@pytest.mark.slow
def test_who_is_not_on_file_is_told_so(chromium: Browser, guarded: Explorer) -> None:
    """Somebody the provider knows and the graph does not sees a sentence with what to do, and nothing else."""
    page = _logged_in(chromium, guarded, "stranger", "/")
    expect(page.get_by_text("Nobody on file has the address who@elsewhere.example: ask whoever keeps the graph.").first).to_be_visible()
    assert page.locator("[data-testid=stMetric]").count() == 0
    _seen(page, "stranger")
    page.context.close()
