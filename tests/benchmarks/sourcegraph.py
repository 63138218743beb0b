"""Questions about the handbook that Sourcegraph published, and the facts that answer them: read here from its YAML, with no loader of ours.

Nothing is ever tuned on these. The subjects are drawn by the hash of their names, so nobody chose them; no question is about a person.
"""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# the files are read as plain YAML, whose values have no types
from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from tests.benchmarks.questions import Fact, Question

FOLDER = "sourcegraph-handbook"
_EACH = 6  # questions of each sort


def _data(data: Path, name: str) -> dict[str, Any]:
    return yaml.safe_load((data / FOLDER / "data" / f"{name}.yml").read_text(encoding="utf-8"))


def _words(data: Path) -> Iterator[tuple[str, str, Fact]]:
    """What each word of the glossary means: by the first words of its definition."""
    for terms in _data(data, "glossary").values():
        for one in terms:
            start = re.findall(r"\w+", str(one["definition"]))[:5]
            if len(start) == 5:
                yield "what does this word mean", f"what is {one['term']}", Fact(f"{one['term']} definition", (r"\W+".join(start),))


def _teams(data: Path) -> Iterator[tuple[str, str, Fact]]:
    """Which team owns a feature."""
    teams = _data(data, "product_teams")
    for key, feature in _data(data, "features").items():
        if team := teams.get(feature.get("product_team")):
            names = "|".join(re.escape(name) for name in (str(team["title"]), str(feature["product_team"])))
            fact = Fact(f"system:{key} owned_by {feature['product_team']}", (re.escape(str(feature["title"])), names))
            yield "who owns", f"which team is responsible for {feature['title']}", fact


def _hosts(data: Path) -> Iterator[tuple[str, str, Fact]]:
    """On which code hosts a feature depends: one of them, the first."""
    hosts = _data(data, "code_hosts")
    for key, feature in _data(data, "features").items():
        named = [host for host, works in (feature.get("compatibility") or {}).items() if works and host in hosts]
        if named:
            name = rf"{re.escape(str(hosts[named[0]]['title']))}|{re.escape(named[0])}: true"
            fact = Fact(f"system:{key} depends_on {named[0]}", (re.escape(str(feature["title"])), name))
            yield "what depends", f"with which code hosts does {feature['title']} work", fact


def _maturity(data: Path) -> Iterator[tuple[str, str, Fact]]:
    """How mature a feature is today."""
    levels = _data(data, "maturity_levels")
    for key, feature in _data(data, "features").items():
        if level := levels.get(feature.get("maturity")):
            said = rf"{re.escape(str(level['title']))}|(?:maturity|lifecycle): {re.escape(str(feature['maturity']))}\b"
            fact = Fact(f"system:{key} lifecycle", (re.escape(str(feature["title"])), said))
            yield "what is in force", f"how mature is {feature['title']}", fact


def derived(data: Path) -> Iterator[Question]:
    """The questions, a few of each sort."""
    for sort in (_words, _teams, _hosts, _maturity):
        drawn = sorted(sort(data), key=lambda one: sha256(one[1].encode()).digest())[:_EACH]
        yield from (
            Question(f"sourcegraph{sort.__name__}-{number}", kind, text, (fact,)) for number, (kind, text, fact) in enumerate(drawn)
        )
