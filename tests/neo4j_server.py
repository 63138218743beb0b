"""A real Neo4j for the tests: one that runs (`NEO4J_URI`), else from Maven Central's jars with Java 17, else from Docker, else a reason why not.

It starts in the background, so that only the tests that need it wait for it.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import platformdirs
import pytest
from ports import free_port

VERSION = "5.26.16"
PASSWORD = "context-for-tests"
_ADDRESS, _REASON, _HOME = "ORGCONTEXT_TEST_NEO4J", "ORGCONTEXT_NO_NEO4J", "ORGCONTEXT_TEST_NEO4J_HOME"
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>neo4j-local</artifactId><version>1</version><packaging>pom</packaging><dependencies>
<dependency><groupId>org.neo4j</groupId><artifactId>neo4j</artifactId><version>{version}</version></dependency>
<dependency><groupId>org.neo4j.app</groupId><artifactId>neo4j-server</artifactId><version>{version}</version></dependency>
</dependencies></project>"""
_CONF = """server.default_listen_address=127.0.0.1
server.bolt.listen_address=127.0.0.1:{bolt}
server.bolt.advertised_address=127.0.0.1:{bolt}
server.http.enabled=false
server.https.enabled=false
server.memory.pagecache.size=256m
db.tx_log.preallocate=false
dbms.usage_report.enabled=false
dbms.cypher.min_replan_interval=2h
"""
_OPENS = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in ("java.nio", "java.io", "sun.nio.ch")]
_PATIENCE = 240.0  # seconds for the first start ever, in which the jars are fetched

_stop: list[Callable[[], object]] = []


def start_for_session(config: pytest.Config) -> None:
    """Say in the environment where Neo4j will be (`ORGCONTEXT_TEST_NEO4J`), or in one line why there is none (`ORGCONTEXT_NO_NEO4J`)."""
    if not config.option.collectonly and _ADDRESS not in os.environ and _needed(config.args):
        start()


def _needed(arguments: Sequence[str]) -> bool:
    """Whether a test among these files and folders may ask for a server: its text speaks of stores in general, or of this one."""
    named = [Path(argument.partition("::")[0]) for argument in arguments]
    files = [file for path in named for file in (path.rglob("test_*.py") if path.is_dir() else [path])]
    return any(
        word in file.read_text(encoding="utf-8")
        for file in files
        if file.is_file()
        for word in ("import place", "import Place", "store: Store")
    )


def start(*, brief: bool = True) -> None:
    """Begin to start a server, for as long as this process lives; `brief`: for many small questions soon, not for speed later."""
    if uri := os.environ.get("NEO4J_URI"):
        os.environ.setdefault("NEO4J_USERNAME", "neo4j")
        os.environ[_ADDRESS] = uri
        return
    source = _from_jars if can_start() else _from_docker if shutil.which("docker") else None
    if source is None:
        os.environ[_REASON] = "NEO4J_URI is not set, and there is neither Java 17 with Maven nor Docker to start one"
        return
    memory = Path("/dev/shm")
    roomy = brief and memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2 << 30
    home, bolt = Path(tempfile.mkdtemp(prefix="orgcontext-neo4j-", dir=memory if roomy else None)), free_port()
    address = f"bolt://127.0.0.1:{bolt}"
    os.environ.update({_ADDRESS: address, _HOME: str(home), "NEO4J_USERNAME": "neo4j", "NEO4J_PASSWORD": PASSWORD})
    starting = threading.Thread(target=_try, args=(source, home, bolt), kwargs={"brief": brief}, daemon=True)
    starting.start()
    _stop.extend((lambda: shutil.rmtree(home, ignore_errors=True), starting.join))


def stop_for_session() -> None:
    """End the server that was started, if one was."""
    if _stop:
        _stop.pop()()  # whatever is being started is there then, and has said how to stop it
    while _stop:
        _stop.pop()()


def address() -> str:
    """Where the server is, as soon as it answers; "" for none, with the reason in `ORGCONTEXT_NO_NEO4J`."""
    found, home = os.environ.get(_ADDRESS, ""), os.environ.get(_HOME)
    if not found or not home:
        return found
    failed, until = Path(home) / "failed", time.monotonic() + _PATIENCE
    while time.monotonic() < until and not failed.exists():
        if _answers(int(found.rpartition(":")[2])):
            return found
        time.sleep(0.2)
    os.environ[_REASON] = failed.read_text(encoding="utf-8") if failed.exists() else f"it did not start in {_PATIENCE:.0f} seconds"
    return ""


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as one:
            one.sendall(
                b"\x60\x60\xb0\x17" + b"\x00\x00\x04\x05" + b"\x00" * 12
            )  # Bolt's handshake; Docker's proxy accepts before the server does
            return len(one.recv(4)) == 4
    except OSError:
        return False


def _try(source: Callable[..., None], home: Path, bolt: int, *, brief: bool) -> None:
    """Start a server; where that fails, leave the reason for all who wait."""
    try:
        source(home, bolt, brief=brief)
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", "") or getattr(error, "stdout", "") or str(error)).strip().splitlines()
        os.environ[_REASON] = f"NEO4J_URI is not set, and starting one failed: {said[-1] if said else error}"
        (home / "failed").write_text(os.environ[_REASON], encoding="utf-8")


def _run(command: Sequence[str], environment: dict[str, str] | None = None) -> str:
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def _from_jars(home: Path, bolt: int, *, brief: bool) -> None:
    jars = _jars()
    environment = _prepared(jars, home, bolt)
    server = _served(jars, home, environment)

    def stop() -> None:
        server.kill()  # its data goes with it
        server.wait(60)

    _stop.append(stop)


def _prepared(jars: Path, home: Path, bolt: int) -> dict[str, str]:
    """A folder for a server's data, with its password; returns the environment in which it runs."""
    for folder in ("conf", "data", "logs", "plugins", "import", "licenses"):
        (home / folder).mkdir(parents=True)
    (home / "conf/neo4j.conf").write_text(_CONF.format(bolt=bolt))
    environment = {**os.environ, "NEO4J_HOME": str(home), "NEO4J_CONF": str(home / "conf")}
    _run([*_java(jars), "org.neo4j.cli.AdminTool", "dbms", "set-initial-password", PASSWORD], environment)
    return environment


def _java(jars: Path) -> list[str]:
    return ["java", "-Xmx1g", "-XX:+UseParallelGC", *_OPENS, "-cp", f"{jars}/*"]


def _served(jars: Path, home: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    entry = ["org.neo4j.server.CommunityEntryPoint", f"--home-dir={home}", f"--config-dir={home / 'conf'}"]
    with (home / "console.log").open("a") as log:
        return subprocess.Popen([*_java(jars), *entry], env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)


class Own:
    """A server of its own, for who stops it and starts it again; its data stays in the folder `home`."""

    def __init__(self, home: Path) -> None:
        self._jars, self._home, self._bolt = _jars(), home, free_port()
        self._environment = _prepared(self._jars, home, self._bolt)
        self.address = f"bolt://127.0.0.1:{self._bolt}"
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._server, until = _served(self._jars, self._home, self._environment), time.monotonic() + _PATIENCE
        while not _answers(self._bolt):
            assert time.monotonic() < until, "it does not start"
            time.sleep(0.2)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Stop it in good order, or kill it."""
        self._server.send_signal(how)
        self._server.wait(120)


def can_start() -> bool:
    """Whether a server can be started here from its jars."""
    return bool(shutil.which("java") and shutil.which("mvn"))


def _jars() -> Path:
    jars = Path(os.environ.get("ORGCONTEXT_NEO4J_JARS") or platformdirs.user_cache_dir("orgcontext-tests")) / f"neo4j-{VERSION}"
    if not (jars / ".complete").exists():
        _install(jars)
    return jars


def _install(jars: Path) -> None:
    """The server's jars from Maven Central, once for a user."""
    jars.mkdir(parents=True, exist_ok=True)
    (jars / "pom.xml").write_text(_POM.format(version=VERSION))
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={jars}", "-DincludeScope=runtime"]
    _run(["mvn", "-q", "-B", "-f", str(jars / "pom.xml"), *goal])
    (jars / ".complete").touch()


def _from_docker(_home: Path, bolt: int, *, brief: bool) -> None:
    settings = ["-e", f"NEO4J_AUTH=neo4j/{PASSWORD}"]
    name = _run(["docker", "run", "--rm", "-d", "-p", f"127.0.0.1:{bolt}:7687", *settings, "neo4j:5-community"]).strip()
    _stop.append(lambda: subprocess.run(["docker", "kill", name], capture_output=True, check=False))
