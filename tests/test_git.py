"""Who wrote the line that a fact was read from, where the files are kept in git."""

from __future__ import annotations

import subprocess
from pathlib import Path
from shutil import which

import pytest

from app.operations.reading import show_text
from graph import Actor, ContextGraph, LoadReport, load_ontology
from graph.stores.base import Store
from loaders import Source, read

pytestmark = pytest.mark.skipif(not which("git"), reason="git is not installed")
SOURCE = Source(name="hr", loader="people", path="hr")
ALL = Actor(id="person:ann", roles=frozenset({"administrator"}))


def commit(folder: Path, author: str, day: int) -> str:
    """Commit all that is in this folder, as this author on this day of 2026-03."""
    when = f"2026-03-{day:02}T10:00:00Z"
    plain = ["git", "-C", str(folder), "-c", f"user.name={author}", "-c", f"user.email={author.lower()}@firm.example"]
    env = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when, "HOME": str(folder), "PATH": "/usr/bin:/bin"}
    for more in (["add", "-A"], ["commit", "-q", "-m", "what is true"]):
        subprocess.run([*plain, *more], check=True, env=env)
    return subprocess.run([*plain, "rev-parse", "HEAD"], check=True, env=env, capture_output=True, text=True).stdout.strip()


def load(context: ContextGraph, root: Path) -> LoadReport:
    """Load the folder as it is now."""
    return context.load([read(SOURCE, root, known=context.known("hr"))], actor="person:ann")


def written(context: ContextGraph, id_: str) -> list[tuple[str, str, str]]:
    """Of each claim about a thing who wrote it, when and in which commit."""
    shown = context.show(id_, actor=ALL)
    return [(by.author, by.at, by.commit) for claim in shown.claims if (by := shown.written.get(claim))]


def test_a_claim_names_the_commit_and_the_author_of_its_line(store: Store, tmp_path: Path) -> None:
    """Of each line its own; what is not committed, and what is kept in no git, names nobody; a file that did not change keeps what was known."""
    table = tmp_path / "hr" / "people.csv"
    table.parent.mkdir()
    subprocess.run(["git", "-C", str(tmp_path), "init", "-q"], check=True)
    table.write_text("id,name\np1,Ann Ashby\np2,Ben Birch\n")
    first = commit(tmp_path, "Ann", 1)
    table.write_text("id,name\np1,Ann Ashby\np2,Ben B. Birch\n")
    second = commit(tmp_path, "Ben", 2)
    table.write_text("id,name\np1,Ann Ashby\np2,Ben B. Birch\np3,Cy Cole\n")
    context = ContextGraph(store, ontology=load_ontology())
    load(context, tmp_path)
    assert written(context, "person:p1") == [("Ann", "2026-03-01T10:00:00Z", first)]
    assert written(context, "person:p2") == [("Ben", "2026-03-02T10:00:00Z", second)]
    assert written(context, "person:p3") == []
    assert f"hr/people.csv:2, written by Ann in {first[:10]} (2026-03-01)" in show_text(context.show("person:p1", actor=ALL))
    assert load(context, tmp_path).revision == 1
    assert written(context, "person:p2") == [("Ben", "2026-03-02T10:00:00Z", second)]
    table.rename(tmp_path / "hr" / "staff.csv")
    load(context, tmp_path)
    assert written(context, "person:p2") == []
