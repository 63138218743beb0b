"""A real Neo4j for the tests: one that runs (`NEO4J_URI`), else from Maven Central's jars with Java 17, else from Docker, else a reason why not."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import platformdirs
import pytest

VERSION = "5.26.16"
PASSWORD = "context-for-tests"
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>neo4j-local</artifactId><version>1</version><packaging>pom</packaging><dependencies>
<dependency><groupId>org.neo4j</groupId><artifactId>neo4j</artifactId><version>{version}</version></dependency>
<dependency><groupId>org.neo4j.app</groupId><artifactId>neo4j-server</artifactId><version>{version}</version></dependency>
</dependencies></project>"""
_CONF = """server.default_listen_address=127.0.0.1
server.bolt.listen_address=127.0.0.1:{bolt}
server.bolt.advertised_address=127.0.0.1:{bolt}
server.http.listen_address=127.0.0.1:{http}
server.https.enabled=false
server.memory.pagecache.size=256m
dbms.usage_report.enabled=false
"""
_OPENS = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in ("java.nio", "java.io", "sun.nio.ch")]

_stop: list[Callable[[], None]] = []


def start_for_session(config: pytest.Config) -> None:
    """Say in the environment where Neo4j is (`ORGCONTEXT_TEST_NEO4J`), or in one line why there is none (`ORGCONTEXT_NO_NEO4J`)."""
    if config.option.collectonly or "ORGCONTEXT_TEST_NEO4J" in os.environ:
        return
    found = _running() or _from_jars() or _from_docker()
    if found:
        os.environ["ORGCONTEXT_TEST_NEO4J"] = found
    else:
        os.environ["ORGCONTEXT_NO_NEO4J"] = "NEO4J_URI is not set, and there is neither Java 17 with Maven nor Docker to start one"


def stop_for_session() -> None:
    while _stop:
        _stop.pop()()


def _running() -> str:
    uri = os.environ.get("NEO4J_URI", "")
    if uri:
        os.environ.setdefault("NEO4J_USERNAME", "neo4j")
    return uri


def _from_jars() -> str:
    if not (shutil.which("java") and shutil.which("mvn")):
        return ""
    jars = Path(os.environ.get("ORGCONTEXT_NEO4J_JARS") or platformdirs.user_cache_dir("orgcontext-tests")) / f"neo4j-{VERSION}"
    if not (jars / ".complete").exists() and not _install(jars):
        return ""
    home = Path(tempfile.mkdtemp(prefix="orgcontext-neo4j-"))
    bolt, http = _free_port(), _free_port()
    for folder in ("conf", "data", "logs", "plugins", "import", "licenses"):
        (home / folder).mkdir()
    (home / "conf/neo4j.conf").write_text(_CONF.format(bolt=bolt, http=http))
    environment = {**os.environ, "NEO4J_HOME": str(home), "NEO4J_CONF": str(home / "conf")}
    java = ["java", "-Xmx1g", *_OPENS, "-cp", f"{jars}/*"]
    log = (home / "console.log").open("w")
    admin = [*java, "org.neo4j.cli.AdminTool", "dbms", "set-initial-password", PASSWORD]
    subprocess.run(admin, env=environment, stdout=log, stderr=log, check=True)
    entry = ["org.neo4j.server.CommunityEntryPoint", f"--home-dir={home}", f"--config-dir={home / 'conf'}"]
    server = subprocess.Popen([*java, *entry], env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    log.close()

    def stop() -> None:
        server.terminate()
        server.wait(60)
        shutil.rmtree(home, ignore_errors=True)

    _stop.append(stop)
    if not _answers(bolt, lambda: server.poll() is None):
        return ""
    return _account(f"bolt://127.0.0.1:{bolt}")


def _install(jars: Path) -> bool:
    """The server's jars from Maven Central, once for a user."""
    jars.mkdir(parents=True, exist_ok=True)
    (jars / "pom.xml").write_text(_POM.format(version=VERSION))
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={jars}", "-DincludeScope=runtime"]
    done = subprocess.run(["mvn", "-q", "-B", "-f", str(jars / "pom.xml"), *goal], capture_output=True, check=False)
    if done.returncode == 0:
        (jars / ".complete").touch()
    return done.returncode == 0


def _from_docker() -> str:
    if not shutil.which("docker") or subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        return ""
    bolt = _free_port()
    options = ["--rm", "-d", "-p", f"127.0.0.1:{bolt}:7687", "-e", f"NEO4J_AUTH=neo4j/{PASSWORD}"]
    started = subprocess.run(["docker", "run", *options, "neo4j:5-community"], capture_output=True, text=True, check=False)
    if started.returncode:
        return ""
    _stop.append(lambda: subprocess.run(["docker", "stop", started.stdout.strip()], capture_output=True, check=False) and None)
    time.sleep(5)
    return _account(f"bolt://127.0.0.1:{bolt}") if _answers(bolt, lambda: True) else ""


def _account(uri: str) -> str:
    os.environ.update(NEO4J_USERNAME="neo4j", NEO4J_PASSWORD=PASSWORD)
    return uri


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _answers(port: int, alive: Callable[[], bool], *, seconds: int = 120) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until and alive():
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.3)
        else:
            return True
    return False
