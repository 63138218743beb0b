"""Live sources against real servers that the tests start: a web server, a SCIM server of others, an SQLite file, PostgreSQL and OpenLDAP
where they are installed.

PostgreSQL and OpenLDAP are Debian's (`apt-get install postgresql slapd`); under CI they must be there. `ORGCONTEXT_OPENLDAP` names the
folder below which `usr/sbin/slapd` and the rest of the package lie, if it is not `/`.
"""

from __future__ import annotations

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pg8000 has no types
import json
import os
import shutil
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3
from click.testing import CliRunner, Result
from ports import free_port

from app.cli import cli
from graph import Entity, Fact, Finding, InputError, Relation, UnreadableSource
from loaders import Source, read
from loaders.asked import fetched
from loaders.live import Asking, scrubbed, shown

TOKEN = "s3cret-t0ken"  # not a real one
PEOPLE = [{"id": f"e-{n}", "name": f"Ann {n}", "email": f"a{n}@example.org", "manager": "e-1" if n > 1 else ""} for n in range(1, 8)]


# a web server

Answer = tuple[int, Mapping[str, str], bytes]


def body(value: object, status: int = 200, **headers: str) -> Answer:
    """An answer in JSON."""
    return status, {"Content-Type": "application/json", **headers}, json.dumps(value).encode()


class Web:
    """A web server on this machine; `asked` counts what it was asked for."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.asked: Counter[str] = Counter()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        self.base = f"{'https' if tls else 'http'}://{self.host}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                web.asked[parts.path] += 1
                given = {key: values[0] for key, values in parse_qs(parts.query).items()}
                status, headers, content = web.answer(parts.path, given, dict(self.headers))
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    self.wfile.write(content)
                except OSError:
                    web.asked["gone away"] += 1

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class calls it so
                pass

        return Handler

    def answer(self, path: str, given: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """What it says to a path: people, three a page, by every sort of paging; and every sort of trouble."""
        page, offset = int(given.get("page", 1)), int(given.get("offset", 0))
        three = PEOPLE[3 * (page - 1) : 3 * page]
        trouble: dict[str, Callable[[], Answer]] = {
            "/link": lambda: (
                body(three, Link=f'</link?page={page - 1}>; rel="prev", <{self.base}/link?page={page + 1}&k=1>; rel="next"')
                if page < 3
                else body(three)
            ),
            "/cursor": lambda: body({"data": {"people": three}, "meta": {"next": str(page + 1) if page < 3 else None}}),
            "/address": lambda: body({"items": three, "next": f"/address?page={page + 1}" if page < 3 else ""}),
            "/pages": lambda: body(three),
            "/offset": lambda: body({"rows": PEOPLE[offset : offset + int(given.get("limit", 3))]}),
            "/flaky": lambda: (body({}, 429, **{"Retry-After": "1"}), body({}, 500), body(PEOPLE))[min(self.asked["/flaky"], 3) - 1],
            "/down": lambda: body({"reason": TOKEN}, 503),
            "/secure": lambda: (
                body(PEOPLE) if headers.get("Authorization") == f"Bearer {TOKEN}" else body({"token": headers.get("Authorization")}, 401)
            ),
            "/keyed": lambda: body(PEOPLE) if headers.get("X-Api-Key") == TOKEN else body({}, 403),
            "/elsewhere": lambda: body(PEOPLE, Link='<https://elsewhere.example/people?key=1>; rel="next"'),
            "/circle": lambda: body(PEOPLE, Link='</circle>; rel="next"'),
            "/endless": lambda: body(PEOPLE[:1], Link=f'</endless?page={page + 1}>; rel="next"'),
            "/moved": lambda: body({}, 302, Location="https://elsewhere.example/new?key=1"),
            "/no-json": lambda: (200, {}, f"<html>{TOKEN}".encode()),
            "/deep": lambda: (200, {}, b"[" * 200_000),
            "/slow": lambda: (time.sleep(2), body(PEOPLE))[1],
            "/scim/Users": lambda: self.scim([{"id": one["id"], "userName": one["email"], "schemas": []} for one in PEOPLE], given),
            "/scim/Groups": lambda: self.scim([], given),
            "/scim/liar/Users": lambda: body({"totalResults": 9, "Resources": []}),
        }
        return trouble[path]() if path in trouble else body({}, 404)

    def scim(self, resources: list[dict[str, Any]], given: Mapping[str, str]) -> Answer:
        """A ListResponse; this server gives three a page, whatever is asked for."""
        start = int(given["startIndex"])
        found = resources[start - 1 : start + min(int(given["count"]), 3) - 1]
        schemas = ["urn:ietf:params:scim:api:messages:2.0:ListResponse"]
        return body(
            {"schemas": schemas, "totalResults": len(resources), "startIndex": start, "itemsPerPage": len(found), "Resources": found}
        )


@pytest.fixture
def web() -> Generator[Web]:
    """A web server."""
    found = Web()
    yield found
    found.server.shutdown()
    found.server.server_close()


def listening(port: int) -> None:
    """Return once somebody listens there, or after 20 seconds."""
    for _ in range(400):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)


def source(**more: Any) -> Source:
    """A live source."""
    return Source.model_validate({"name": "live", **more})


def facts(made: Source, root: Path) -> list[Fact | Finding]:
    """All that it says."""
    return [fact for part in read(made, root).parts for fact in part.facts or ()]


def ids(found: list[Fact | Finding]) -> list[str]:
    """The ids of the entities."""
    return [one.id for one in found if isinstance(one, Entity)]


ALL = [f"person:e-{n}" for n in range(1, 8)]
PAGING: dict[str, tuple[dict[str, Any], int]] = {
    "link": ({}, 3),
    "cursor": ({"items": "data.people", "next": "meta.next", "cursor": "page"}, 3),
    "address": ({"items": "items", "next": "next"}, 3),
    "pages": ({"page": "page"}, 4),
    "offset": ({"offset": "offset", "limit": "limit", "size": 3, "items": "rows"}, 4),
}


@pytest.mark.parametrize(("path", "more", "requests"), [(path, *said) for path, said in PAGING.items()], ids=PAGING)
def test_every_sort_of_paging_comes_to_its_end(web: Web, tmp_path: Path, path: str, more: dict[str, Any], requests: int) -> None:
    """All people, once, in order, by the loader that the content tells; origins name source, page and record."""
    found = facts(source(http={"url": f"{web.base}/{path}", **more}), tmp_path)
    assert ids(found) == ALL
    assert web.asked == {f"/{path}": requests}
    last = [one for one in found if isinstance(one, Relation)][-1]
    assert last.origins[0].locator.startswith("live/page-3.json:")


def test_a_mapping_reads_what_an_api_says(web: Web, tmp_path: Path) -> None:
    """`records` sees the pages as JSON files."""
    (tmp_path / "map.yaml").write_text(
        "rules:\n  - files: ['*.json']\n    for: data.people\n    entities: [{kind: Person, id: 'person:{id}', name: '{name}', properties: {email: '{email}'}}]\n"
    )
    made = source(http={"url": f"{web.base}/cursor", "next": "meta.next", "cursor": "page"}, mapping="map.yaml")
    assert ids(facts(made, tmp_path)) == ALL


def test_a_server_in_trouble_is_asked_again(web: Web, tmp_path: Path) -> None:
    """429 with its Retry-After, then 500, then an answer: after the pause that was asked for."""
    began = time.monotonic()
    assert ids(facts(source(http={"url": f"{web.base}/flaky"}), tmp_path)) == ALL
    assert web.asked["/flaky"] == 3
    assert time.monotonic() - began >= 1


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "down": ({"retries": 1}, "answers with status 503 after 2 tries"),
    "secure": ({}, r"wants a token \(401\); name its `token_env:`"),
    "elsewhere": ({}, "sends to another host, https://elsewhere.example/people; that is not followed"),
    "circle": ({}, "its paging goes in a circle"),
    "endless": ({"max_pages": 5}, "has more than 5 pages"),
    "moved": ({}, r"has moved to https://elsewhere.example/new \(302\)"),
    "no-json": ({}, "answers with something that is no JSON"),
    "deep": ({}, "answers with something that is no JSON"),
    "slow": ({"timeout": 0.3, "retries": 0}, "does not answer: .*timed out"),
    "nothing": ({}, "answers with status 404"),
    "address": ({"items": "people"}, "has no list at 'people'"),
}


@pytest.mark.parametrize(("path", "more", "words"), [(path, *said) for path, said in WRONG.items()], ids=WRONG)
def test_what_goes_wrong_is_said(web: Web, tmp_path: Path, path: str, more: dict[str, Any], words: str) -> None:
    """With the source and the address without its query, and no word of what the server said."""
    made = source(http={"url": f"{web.base}/{path}?api_key={TOKEN}", **more})
    with pytest.raises(UnreadableSource, match=words) as caught:
        facts(made, tmp_path)
    assert str(caught.value).startswith(f"live: {web.base}/{path} ")
    assert TOKEN not in f"{caught.value!r} {caught.value.__cause__!r} {made!r}"


def test_nobody_at_the_address_is_said(tmp_path: Path) -> None:
    """A port where nothing listens."""
    port = free_port()
    with pytest.raises(UnreadableSource, match=r"does not answer: .*refused"):
        facts(source(http={"url": f"http://127.0.0.1:{port}/", "retries": 1}), tmp_path)


def test_a_token_comes_from_the_environment_or_a_file(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the header that is wanted; a wrong one is refused and not repeated in the error; a missing one is named."""
    monkeypatch.setenv("LIVE_TOKEN", TOKEN)
    (tmp_path / "token").write_text(TOKEN + "\n")
    assert ids(facts(source(http={"url": f"{web.base}/secure", "token_env": "LIVE_TOKEN"}), tmp_path)) == ALL
    keyed = {"url": f"{web.base}/keyed", "token_file": "token", "token_header": "X-Api-Key", "token_scheme": ""}
    assert ids(facts(source(http=keyed), tmp_path)) == ALL
    monkeypatch.setenv("LIVE_TOKEN", "wr0ng-token")
    with pytest.raises(UnreadableSource, match=r"refuses the token \(401\); look at LIVE_TOKEN") as caught:
        facts(source(http={"url": f"{web.base}/secure", "token_env": "LIVE_TOKEN"}), tmp_path)
    assert "wr0ng" not in str(caught.value)
    with pytest.raises(InputError, match="environment variable NOT_SET_ANYWHERE is not set"):
        facts(source(http={"url": web.base, "token_env": "NOT_SET_ANYWHERE"}), tmp_path)
    with pytest.raises(InputError, match="the secret's file nowhere cannot be read"):
        facts(source(http={"url": web.base, "token_file": "nowhere"}), tmp_path)


def test_a_token_travels_safely_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not over plain http to another machine; nor does a password stand in an address."""
    monkeypatch.setenv("LIVE_TOKEN", TOKEN)
    with pytest.raises(InputError, match=r"a token travels over https only, not to http://api\.example\.org/people"):
        facts(source(http={"url": "http://api.example.org/people", "token_env": "LIVE_TOKEN"}), tmp_path)
    with pytest.raises(InputError, match="do not belong in the address") as caught:
        facts(source(http={"url": f"https://ann:{TOKEN}@api.example.org/people"}), tmp_path)
    assert TOKEN not in str(caught.value)
    with pytest.raises(InputError, match="is no address such as"):
        facts(source(http={"url": "file:///etc/passwd"}), tmp_path)


def certify(made: Path, key: Path) -> None:
    """Write a certificate for 127.0.0.1 that no authority knows, and its key."""
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    files = ["-keyout", str(key), "-out", str(made)]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names, *files], check=True, capture_output=True
    )


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that no authority knows, and its key, in one file."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed, so no certificate can be made")
    made, key = tmp_path / "server.pem", tmp_path / "server.key"
    certify(made, key)
    return made


def test_a_certificate_that_nobody_knows_is_refused(certificate: Path, tmp_path: Path) -> None:
    """Unless the workspace names it; there is no switch to look away."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    web = Web(context)
    with pytest.raises(UnreadableSource, match=r"is not trusted: .*self-signed certificate"):
        facts(source(http={"url": f"{web.base}/link", "retries": 0}), tmp_path)
    assert ids(facts(source(http={"url": f"{web.base}/link", "ca_file": "server.pem"}), tmp_path)) == ALL
    web.server.shutdown()
    web.server.server_close()


def test_scim_is_paged_by_what_comes(web: Web, tmp_path: Path) -> None:
    """By startIndex and count, with a server that gives fewer than asked for; the pages are the server's own bytes; an empty list is one."""
    made = source(scim={"url": f"{web.base}/scim/", "size": 5})
    assert made.live
    with fetched(made.live, Asking("live", tmp_path)) as pages:
        names = [name for name, _ in pages]
        resources = [one["userName"] for _, path in pages for one in json.loads(path.read_bytes())["Resources"]]
    assert names == ["live/Users-1.json", "live/Users-2.json", "live/Users-3.json", "live/Groups-1.json"]
    assert resources == [one["email"] for one in PEOPLE]
    assert not any(path.exists() for _, path in pages)


def test_scim_that_is_none_is_said(web: Web, tmp_path: Path) -> None:
    """Another JSON, and a list that stops before its total."""
    for path, words in (("link", "answers with status 404"), ("scim/liar", "says that there are 9 and stops at 0")):
        made = source(scim={"url": f"{web.base}/{path}", "resources": ["Users"]})
        assert made.live
        with pytest.raises(UnreadableSource, match=words), fetched(made.live, Asking("live", tmp_path)):
            pass


CORE = "urn:ietf:params:scim:schemas:core:2.0:"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


class ScimServer:
    """A SCIM server that others wrote, in a process of its own (RFC 7644)."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}/v2"
        program = Path(sys.executable).with_name("scim2-server")
        self.process = subprocess.Popen(
            [program, "--port", str(port), "--bearer-token", TOKEN], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        listening(port)

    def ask(self, method: str, path: str, value: object = None) -> dict[str, Any]:
        """What it answers."""
        headers = {"Content-Type": "application/scim+json", "Authorization": f"Bearer {TOKEN}"}
        answer = urllib3.request(method, f"{self.base}/{path}", body=json.dumps(value) if value else None, headers=headers, retries=False)
        assert answer.status < 300, answer.data
        return json.loads(answer.data) if answer.data else {}

    def add(self, number: int, above: str) -> str:
        """The id of a new user, who reports to this one."""
        more = {"employeeNumber": f"e-{number}", "department": "Sales"} | ({"manager": {"value": above}} if above else {})
        name = {"givenName": "Ann", "familyName": f"Number {number}"}
        user = {"schemas": [f"{CORE}User", ENTERPRISE], "userName": f"ann{number}", "name": name, ENTERPRISE: more}
        return self.ask("POST", "Users", user)["id"]

    def group(self, name: str, *members: tuple[str, str]) -> str:
        """The id of a new group of these users ("User") and groups ("Group")."""
        said = [{"type": sort, "value": id_} for sort, id_ in members]
        return self.ask("POST", "Groups", {"schemas": [f"{CORE}Group"], "displayName": name, "members": said})["id"]


@pytest.fixture
def scim_server() -> Generator[ScimServer]:
    """One that runs, and is empty."""
    made = ScimServer(free_port())
    yield made
    made.process.kill()
    made.process.wait()


def test_a_scim_server_of_others_is_followed(scim_server: ScimServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Users, their managers, a department and nested groups, over pages; then what changed and who left; and a token that is refused."""
    users = [scim_server.add(1, "")]
    users += [scim_server.add(number, users[0]) for number in range(2, 13)]
    inner = scim_server.group("Inner", *(("User", id_) for id_ in users[:3]))
    scim_server.group("Outer", ("Group", inner), ("User", users[3]))
    monkeypatch.setenv("TOKEN", TOKEN)
    made = source(scim={"url": scim_server.base, "token_env": "TOKEN", "size": 5})
    first = facts(made, tmp_path)
    people = {fact.id for fact in first if isinstance(fact, Entity) and fact.kind == "Person" and fact.name}
    assert people == {f"person:{id_}" for id_ in users}
    lines = Counter(fact.kind for fact in first if isinstance(fact, Relation))
    assert (lines["reports_to"], lines["member_of"], lines["part_of"]) == (11, 12 + 3 + 1, 1)
    replaced = {"op": "replace", "path": "title", "value": "Head"}
    scim_server.ask("PATCH", f"Users/{users[5]}", {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [replaced]})
    scim_server.ask("DELETE", f"Users/{users[11]}")
    then = {fact.id: fact for fact in facts(made, tmp_path) if isinstance(fact, Entity)}
    assert then[f"person:{users[5]}"].properties["title"] == "Head"
    assert f"person:{users[11]}" not in then
    monkeypatch.setenv("TOKEN", "another")
    with pytest.raises(UnreadableSource, match=r"refuses the token \(401\); look at TOKEN"):
        facts(made, tmp_path)


# databases


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database of people in one file."""
    file = tmp_path / "hr.db"
    with sqlite3.connect(file) as connection:
        connection.execute("create table staff (no text, full_name text, boss text, pay numeric, photo blob)")
        rows = [(one["id"], one["name"], one["manager"], 12.5, b"\x00") for one in PEOPLE]
        connection.executemany("insert into staff values (?, ?, ?, ?, ?)", rows)
    connection.close()
    return file


def test_a_query_is_a_source(database: Path, tmp_path: Path) -> None:
    """Columns named for the loader, rows in order; read again unchanged, no part is read."""
    del database
    made = source(
        sql={"url": "sqlite:///hr.db", "query": "select no as id, full_name as name, boss as manager from staff order by no"},
        loader="people",
    )
    assert ids(facts(made, tmp_path)) == ALL
    (part,) = read(made, tmp_path).parts
    (again,) = read(made, tmp_path, known={part.path: part.digest}).parts
    assert (part.path, again.facts) == ("live/rows-1.json", None)


def test_many_rows_are_several_files(database: Path, tmp_path: Path) -> None:
    """Ten thousand a file, and none is lost between two; what a database has and JSON has not is left out or text."""
    with sqlite3.connect(database) as connection:
        connection.execute(
            "create table many as with recursive c(n) as (select 1 union all select n + 1 from c where n < 20000) select n from c"
        )
    connection.close()
    live = source(sql={"url": "sqlite:///hr.db", "query": "select n as id, 'x' || n as name from many"}).live
    assert live
    with fetched(live, Asking("live", tmp_path)) as pages:
        counts = [len(json.loads(path.read_bytes())) for _, path in pages]
    assert counts == [10_000, 10_000]
    live = source(sql={"url": "sqlite:///hr.db", "query": "/* odd */ select pay, photo, null as n, 1e400 as inf from staff limit 1"}).live
    assert live
    with fetched(live, Asking("live", tmp_path)) as pages:
        assert json.loads(pages[0][1].read_bytes()) == [{"pay": 12.5}]


SQL_WRONG = {
    "delete from staff": "only a SELECT can be a source, not 'delete'",
    "select * from nowhere": "does not answer the query: no such table: nowhere",
    "select no, no from staff": "two columns are named 'no'",
    "with a as (select 1) delete from staff": "readonly database|query_only|does not answer",
    "with recursive c(n) as (select 1 union all select n + 1 from c) select count(*) as id from c": "does not answer the query: interrupted",
}


@pytest.mark.parametrize(("query", "words"), SQL_WRONG.items(), ids=SQL_WRONG)
def test_a_query_only_reads_and_ends(database: Path, tmp_path: Path, query: str, words: str) -> None:
    """Whatever it is, the rows are still there, and it comes back."""
    made = source(sql={"url": "sqlite:///hr.db", "query": query, "timeout": 1}, loader="people")
    with pytest.raises(InputError, match=words):
        facts(made, tmp_path)
    with sqlite3.connect(database) as connection:
        assert connection.execute("select count(*) from staff").fetchone() == (7,)
    connection.close()


def test_a_database_file_stays_in_the_workspace(tmp_path: Path) -> None:
    """And is never made."""
    (tmp_path / "inside").mkdir()
    for url, words in (
        ("sqlite:///../hr.db", "leads out of the workspace"),
        ("sqlite:///no.db", "nothing is at no.db"),
        ("sqlite://", "an SQLite source is"),
    ):
        with pytest.raises(InputError, match=words):
            facts(source(sql={"url": url, "query": "select 1 as id"}, loader="people"), tmp_path / "inside")
    assert list((tmp_path / "inside").iterdir()) == []


def missing(what: str) -> None:
    """Skip with the reason; under CI fail, since the gates install it."""
    if os.environ.get("CI") and not os.environ.get("ORGCONTEXT_WITHOUT_SERVERS"):
        pytest.fail(f"{what} is not installed, and under CI it must be")
    pytest.skip(f"{what} is not installed: the test needs Debian's package")


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Generator[int]:
    """A PostgreSQL of its own, on a free port, with a password."""
    found = [*sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)]
    if not found:
        missing("PostgreSQL")
    home, bin_ = tmp_path_factory.mktemp("postgres"), found[0].parent
    (home / "password").write_text(TOKEN)
    os.chmod(home, 0o777)  # noqa: PTH101  # the server runs as another user where this one is root
    root = ["setpriv", "--reuid=nobody", "--clear-groups"] if os.geteuid() == 0 else []
    if root:
        for parent in home.parents:
            if parent.owner() == "root" and not parent.stat().st_mode & 0o001:
                parent.chmod(parent.stat().st_mode | 0o011)

    def run(*command: object) -> None:
        subprocess.run([*root, *map(str, command)], check=True, capture_output=True, cwd=home)

    run(
        bin_ / "initdb",
        "-D",
        home / "data",
        "-U",
        "keeper",
        "-A",
        "scram-sha-256",
        f"--pwfile={home / 'password'}",
        "-E",
        "UTF8",
        "--locale=C",
        "-N",
    )
    port = free_port()
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={home} -c fsync=off"
    run(bin_ / "pg_ctl", "-D", home / "data", "-l", home / "log", "-w", "-o", options, "start")
    import pg8000.dbapi

    connection = pg8000.dbapi.connect(user="keeper", password=TOKEN, host="127.0.0.1", port=port, database="postgres")
    cursor = connection.cursor()
    cursor.execute(
        "create table staff (id text, name text, since date, pay numeric(10, 2), key uuid default gen_random_uuid(), tags text[])"
    )
    for one in PEOPLE:
        cursor.execute(
            "insert into staff (id, name, since, pay, tags) values (%s, %s, '2026-01-02', 10.50, '{a,b}')", (one["id"], one["name"])
        )
    cursor.execute("create table many as select n as id, 'Ann ' || n as name from generate_series(1, 25000) n")
    connection.commit()
    connection.close()
    yield port
    run(bin_ / "pg_ctl", "-D", home / "data", "-m", "immediate", "stop")


def asked(port: int, query: str, **more: Any) -> Source:
    """A query of that PostgreSQL."""
    url = f"postgresql+pg8000://keeper@127.0.0.1:{port}/postgres"
    return source(sql={"url": url, "query": query, "password_env": "LIVE_PASSWORD", **more}, loader="people")


def test_postgresql_is_asked(postgres: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Days, exact numbers, ids and arrays come as JSON has them; 25,000 rows as three files."""
    monkeypatch.setenv("LIVE_PASSWORD", TOKEN)
    live = asked(postgres, "select * from staff order by id limit 1").live
    assert live
    with fetched(live, Asking("live", tmp_path)) as pages:
        (row,) = json.loads(pages[0][1].read_bytes())
    assert {key: value for key, value in row.items() if key != "key"} == {
        "id": "e-1",
        "name": "Ann 1",
        "since": "2026-01-02",
        "pay": "10.50",
        "tags": ["a", "b"],
    }
    found = facts(asked(postgres, "select id::text, name from many"), tmp_path)
    assert len(set(ids(found))) == 25_000
    assert {one.origins[0].locator.partition(":")[0] for one in found if isinstance(one, Entity)} == {
        f"live/rows-{n}.json" for n in (1, 2, 3)
    }


def test_postgresql_is_only_read(postgres: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A query that writes is refused by the server, one that lasts is stopped, a wrong password is not repeated."""
    monkeypatch.setenv("LIVE_PASSWORD", TOKEN)
    for query, more, words in (
        ("with gone as (delete from staff returning id) select id from gone", {}, "must not contain data-modifying|read-only transaction"),
        ("select pg_sleep(20)::text as id", {"timeout": 1}, "statement timeout|timed out"),
        ("select id from nowhere", {}, 'relation "nowhere" does not exist'),
    ):
        with pytest.raises(UnreadableSource, match=words):
            facts(asked(postgres, query, **more), tmp_path)
    assert len(ids(facts(asked(postgres, "select id from staff"), tmp_path))) == 7
    monkeypatch.setenv("LIVE_PASSWORD", "wr0ng-password")
    with pytest.raises(UnreadableSource, match="password authentication failed") as caught:
        facts(asked(postgres, "select id from staff"), tmp_path)
    assert "wr0ng" not in str(caught.value)


# a directory

LDIF = """\
dn: dc=example,dc=org
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ou=people,dc=example,dc=org
objectClass: organizationalUnit
ou: people
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[int, Path]]:
    """An OpenLDAP of its own with forty people, plain and with StartTLS; the port, and its certificate."""
    root = Path(os.environ.get("ORGCONTEXT_OPENLDAP", "/"))
    slapd = root / "usr/sbin/slapd"
    if not slapd.is_file():
        missing("OpenLDAP (slapd)")
    pytest.importorskip("ldap3", reason="the optional extra ldap is not installed")
    home = tmp_path_factory.mktemp("openldap")
    (home / "db").mkdir()
    people = "".join(
        f"\ndn: uid=u{n},ou=people,dc=example,dc=org\nobjectClass: inetOrgPerson\nuid: u{n}\ncn: Ann {n}\nsn: Älder\nmail: a{n}@example.org\n"
        f"userPassword: {TOKEN}\nmanager: uid=u1,ou=people,dc=example,dc=org\n"
        for n in range(1, 41)
    )
    (home / "in.ldif").write_text(LDIF + people, encoding="utf-8")
    certify(home / "cert.pem", home / "key.pem")
    schemas = "".join(f"include {root / 'etc/ldap/schema' / name}.schema\n" for name in ("core", "cosine", "inetorgperson"))
    (home / "slapd.conf").write_text(
        f"{schemas}modulepath {root / 'usr/lib/ldap'}\nmoduleload back_mdb\npidfile {home}/pid\nTLSCertificateFile {home}/cert.pem\n"
        f"TLSCertificateKeyFile {home}/key.pem\nsizelimit size.soft=10 size.hard=10 size.prtotal=unlimited\ndatabase mdb\nmaxsize 10485760\n"
        f'suffix "dc=example,dc=org"\nrootdn "cn=keeper,dc=example,dc=org"\nrootpw {TOKEN}\ndirectory {home}/db\n'
        'limits dn.exact="uid=u1,ou=people,dc=example,dc=org" size.soft=10 size.hard=10 size.prtotal=unlimited\naccess to * by users read by anonymous auth\n'
    )
    environment = (
        {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, (root / "usr/lib").glob("*-linux-gnu")))} if root != Path("/") else None
    )
    subprocess.run(
        [slapd, "-T", "add", "-f", home / "slapd.conf", "-l", home / "in.ldif"], check=True, capture_output=True, env=environment
    )
    port = free_port()
    server = subprocess.Popen([slapd, "-d", "0", "-f", home / "slapd.conf", "-h", f"ldap://127.0.0.1:{port}"], env=environment)
    listening(port)
    yield port, home / "cert.pem"
    server.terminate()
    server.wait()


def searched(port: int, **more: Any) -> Source:
    """A search of that directory, as one of its people."""
    user = {"user": "uid=u1,ou=people,dc=example,dc=org", "password_env": "LIVE_PASSWORD"}
    return source(ldap={"url": f"ldap://127.0.0.1:{port}", "base": "dc=example,dc=org", "size": 10, **user, **more})


def ldif(made: Source, root: Path) -> str:
    """The LDIF of what is found."""
    assert made.live
    with fetched(made.live, Asking("live", root)) as pages:
        assert [name for name, _ in pages] == ["live/entries.ldif"]
        return pages[0][1].read_text(encoding="ascii")


def test_a_directory_is_searched_page_by_page(directory: tuple[int, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All entries over a server's limit of ten, over StartTLS with its certificate checked, as LDIF; no password is among them."""
    port, certificate = directory
    monkeypatch.setenv("LIVE_PASSWORD", TOKEN)
    shutil.copy(certificate, tmp_path / "ca.pem")
    text = ldif(searched(port, starttls=True, ca_file="ca.pem", filter="(objectClass=inetOrgPerson)"), tmp_path)
    assert text.count("\ndn: ") == 40
    assert text.startswith("version: 1\n\ndn: uid=u1,ou=people,dc=example,dc=org\nobjectClass: inetOrgPerson\ncn: Ann 1\n")
    assert "sn:: w4RsZGVy\n" in text
    assert "userPassword" not in text
    assert ldif(searched(port, attributes=["uid", "userPassword"]), tmp_path).count("\nuid: ") == 40


def test_a_directory_that_refuses_is_said(directory: tuple[int, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong password is not repeated, a certificate that nobody knows ends it, and a password never travels in the open."""
    port, _ = directory
    monkeypatch.setenv("LIVE_PASSWORD", "wr0ng-password")
    for more, words in (
        ({}, "invalidCredentials"),
        ({"starttls": True}, "certificate verify failed|startTLS"),
        ({"url": "ldap://directory.example.org"}, "a password travels over ldaps://"),
        ({"url": "http://127.0.0.1"}, "is no address such as ldaps://"),
        ({"password_env": ""}, "needs a password"),
    ):
        with pytest.raises(InputError, match=words) as caught:
            ldif(searched(port, **more), tmp_path)
        assert "wr0ng" not in str(caught.value)


# the whole way


def test_a_live_source_is_loaded_and_guarded_as_any_other(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the workspace file into the graph, by ${NAME} and token; unchanged, it makes no revision; nothing that is kept holds a secret."""
    monkeypatch.setenv("LIVE_TOKEN", TOKEN)
    monkeypatch.setenv("LIVE_HOST", web.base)
    (tmp_path / "orgcontext.yaml").write_text(
        f"organization: Live\nsources:\n  - {{name: hris, http: {{url: '${{LIVE_HOST}}/secure?api_key={TOKEN}', token_env: LIVE_TOKEN}}}}\n"
    )

    def load(*arguments: str) -> Result:
        return CliRunner().invoke(cli, ["-w", str(tmp_path), "load", *arguments])

    done = load("--format", "json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["answer"]["sources"][0]["entities"] == 7
    assert json.loads(load("--format", "json").stdout)["answer"]["revision"] == 1
    monkeypatch.setenv("LIVE_TOKEN", "wr0ng")
    stopped = load()
    assert (stopped.exit_code, TOKEN in stopped.output, "wr0ng" in stopped.output) == (2, False, False)
    assert all(TOKEN.encode() not in path.read_bytes() for path in tmp_path.glob("context.db*"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{name: a}", "needs one of `path`, `sql`, `http`, `scim` and `ldap`"),
        ("{name: a, path: x.csv, http: {url: 'https://x'}}", "needs one of `path`"),
        ("{name: a, http: {url: 'https://x', tokn_env: X}}", "tokn_env"),
        ("{name: a, http: {url: 'https://x', token: X}}", "token"),
    ],
)
def test_a_workspace_says_one_place_for_each_source(tmp_path: Path, text: str, words: str) -> None:
    """With the line; a token cannot stand in the file."""
    (tmp_path / "orgcontext.yaml").write_text(f"organization: X\nsources:\n  - {text}\n")
    done = CliRunner().invoke(cli, ["-w", str(tmp_path), "stats"])
    assert done.exit_code == 2
    assert words.casefold() in done.stderr.casefold()


def test_addresses_are_shown_without_their_secrets() -> None:
    """User, password, query and fragment are left out, of whatever is no address too."""
    assert shown("https://ann:pw@host.example:8443/a/b?key=1#x") == "https://host.example:8443/a/b"
    assert shown("postgresql+pg8000://ann:pw@host/db") == "postgresql+pg8000://host/db"
    assert shown("http://[broken") == "an address that cannot be read"
    assert scrubbed("cannot use pw%21 nor pw!\nat all", "db://ann:pw%21@host/db") == "cannot use *** nor *** at all"
