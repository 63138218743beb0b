"""Questions about the real files of the Kubernetes project, and the facts that answer them: read here from the raw files, with no loader of ours."""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownParameterType=false
# the files are read as plain YAML, whose values have no types
from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.benchmarks.questions import Fact, Question

FOLDERS = ("kubernetes-community", "kubernetes-org", "kubernetes-enhancements", "cncf-glossary")
EARLIER = "kubernetes-community-2025-08-20"


class Subject(NamedTuple):
    """What a question is about: the words that fill its text, and the facts that answer it."""

    words: Mapping[str, str]
    needs: tuple[Fact, ...]
    dead: tuple[Fact, ...] = ()


class _Plain(yaml.CSafeLoader):
    """YAML in which days stay text, since two files hold days that cannot be."""


_Plain.yaml_implicit_resolvers = {
    first: [pair for pair in known if not pair[0].endswith(":timestamp")]
    for first, known in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


@cache
def _yaml(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), _Plain)  # a safe loader


@cache
def _names(data: Path) -> dict[str, set[str]]:
    """The names that sigs.yaml has for a login."""
    found: dict[str, set[str]] = {}

    def look(node: Any) -> None:
        if isinstance(node, dict) and node.get("github"):
            found.setdefault(str(node["github"]).lower(), set()).add(str(node.get("name") or ""))
        for one in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            look(one)

    look(_yaml(data / "kubernetes-community" / "sigs.yaml"))
    return found


def _who(data: Path, login: str) -> str:
    """A pattern for a person: the login, or a name that sigs.yaml has for it."""
    plain = login.strip().lstrip("@")
    return "|".join(rf"(?<![\w-]){re.escape(one)}(?![\w-])" for one in (plain, *sorted(_names(data).get(plain.lower(), ()))) if one)


def _logins(values: Any) -> list[str]:
    """The entries of a list of people that are plain logins; anything else is no fact to ask for."""
    return [
        one.lstrip("@") for one in values or () if isinstance(one, str) and re.fullmatch(r"@?[\w-]+", one) and one.lower() not in _NOBODY
    ]


@cache
def _groups_named(data: Path) -> frozenset[str]:
    """The names of groups that stand in lists of people, with and without the mark."""
    names = {str(name) for repo in FOLDERS[:3] for name in (_yaml(data / repo / "OWNERS_ALIASES") or {}).get("aliases", {})}
    return frozenset(names | {f"@{name}" for name in names})


_NOBODY = ("tbd", "todo", "none", "n")
_GROUP = re.compile(r"(sig|wg)-[a-z0-9-]+")


@cache
def _keps(data: Path) -> dict[str, dict[str, Any]]:
    """The proposals whose folder has a number that no other has."""
    found: dict[str, dict[str, Any]] = {}
    twice: set[str] = set()
    for path in sorted((data / "kubernetes-enhancements" / "keps").glob("*/*/kep.yaml")):
        number = re.match(r"0*([1-9]\d*)-", path.parent.name)
        if number and isinstance(kep := _yaml(path), dict) and isinstance(kep.get("title"), str):
            twice |= {number[1]} & found.keys()
            found[number[1]] = kep
    titles = [str(kep["title"]).lower() for kep in found.values()]
    return {number: kep for number, kep in found.items() if number not in twice and titles.count(str(kep["title"]).lower()) == 1}


def _kep(number: str, kep: Mapping[str, Any]) -> tuple[Mapping[str, str], str]:
    """The words that fill a question about a proposal, and the pattern that names it in an answer."""
    title = str(kep["title"])
    return {"title": title, "number": number}, rf"KEP-{number}\b|{re.escape(title)}|keps/[\w-]+/0*{number}-"


def _kep_people(data: Path, role: str, relation: str) -> Iterator[Subject]:
    for number, kep in _keps(data).items():
        words, named = _kep(number, kep)
        people = [] if _groups_named(data) & set(kep.get(role) or ()) else _logins(kep.get(role))
        if 0 < len(people) <= 6:
            yield Subject(words, tuple(Fact(f"decision:kep-{number} {relation} person:{one}", (named, _who(data, one))) for one in people))


def _kep_approvers(data: Path) -> Iterator[Subject]:
    return _kep_people(data, "approvers", "approved_by")


def _kep_readiness(data: Path) -> Iterator[Subject]:
    for number, kep in _keps(data).items():
        paths = sorted((data / "kubernetes-enhancements" / "keps" / "prod-readiness").glob(f"*/{number}.yaml"))
        stages = _yaml(paths[0]) if len(paths) == 1 else {}
        people = sorted({one for stage in stages.values() if isinstance(stage, dict) for one in _logins([stage.get("approver")])})
        if people:
            words, named = _kep(number, kep)
            named += rf"|prod-readiness/[\w-]+/{number}[.]yaml"
            yield Subject(words, tuple(Fact(f"decision:kep-{number} approved_by person:{one}", (named, _who(data, one))) for one in people))


def _owners_approvers(data: Path) -> Iterator[Subject]:
    for path in sorted((data / "kubernetes-community").glob("sig-*/OWNERS")):
        names = [str(one) for one in (_yaml(path) or {}).get("approvers") or ()]
        folder = path.parent.name
        named = rf"{folder}\b"
        if names:
            facts = (Fact(f"authority:community.{folder}.approve", (named, re.escape(one))) for one in names)
            yield Subject({"folder": folder, "repo": "community"}, tuple(facts))


def _kep_owner(data: Path) -> Iterator[Subject]:
    known = {str(group["dir"]): str(group["name"]) for group in _groups(data)}
    for number, kep in _keps(data).items():
        group = str(kep.get("owning-sig"))
        if group in known:
            words, named = _kep(number, kep)
            yield Subject(words, (Fact(f"decision:kep-{number} owned_by unit:{group}", (named, rf"{group}\b|SIG {known[group]}")),))


def _groups(data: Path, folder: str = "kubernetes-community", sort: str = "sigs") -> list[dict[str, Any]]:
    return _yaml(data / folder / "sigs.yaml")[sort]


def _holders(data: Path, role: str, position: str, title: str) -> Iterator[Subject]:
    """The groups with those who hold this post now, and those who held it a year before and hold it no longer."""
    before = {one["dir"]: one for one in _groups(data, EARLIER)} if (data / EARLIER).is_dir() else {}
    for group in _groups(data):
        now = _in(group, role)
        post = f"position:{group['dir']}.{position}"
        named = rf"{title} of SIG {re.escape(group['name'])}|{group['dir']}.{{0,80}}{role}"
        gone = _in(before.get(group["dir"], {}), role) - now
        if now:
            facts = tuple(Fact(f"person:{one} holds {post}", (named, _who(data, one))) for one in sorted(now))
            over = tuple(
                Fact(f"person:{one} holds {post}", (rf"{title} of SIG {re.escape(group['name'])}", _who(data, one))) for one in sorted(gone)
            )
            yield Subject({"name": str(group["name"])}, facts, over)


def _in(group: Mapping[str, Any], role: str) -> set[str]:
    return {str(one["github"]) for one in (group.get("leadership") or {}).get(role) or ()}


def _chairs(data: Path) -> Iterator[Subject]:
    return _holders(data, "chairs", "chair", "Chair")


def _leads_now(data: Path) -> Iterator[Subject]:
    return _holders(data, "tech_leads", "tech-lead", "Technical lead")


def _repository_owner(data: Path) -> Iterator[Subject]:
    owners: dict[str, list[tuple[str, str]]] = {}
    for group in _groups(data):
        for project in group.get("subprojects") or ():
            for url in project.get("owners") or ():
                if found := re.fullmatch(r"https://raw[.]githubusercontent[.]com/([^/]+/[^/]+)/(?:refs/heads/)?[^/]+/OWNERS", url):
                    owners.setdefault(found[1], []).append((str(group["dir"]), str(project["name"])))
    for repository, held in owners.items():
        if len(held) == 1:
            group, project = held[0]
            fact = Fact(
                f"system:{repository} owned_by unit:{group}.subproject.{project}", (re.escape(repository), rf"{re.escape(project)}\b")
            )
            yield Subject({"repository": repository}, (fact,))


@cache
def _terms(data: Path) -> dict[str, tuple[str, str, str]]:
    """Each English term: its title, its status and the beginning of its first sentence."""
    found: dict[str, tuple[str, str, str]] = {}
    for path in sorted((data / "cncf-glossary" / "content" / "en").glob("*.md")):
        parts = path.read_text(encoding="utf-8").split("---", 2)
        front = {str(key).lower(): value for key, value in (yaml.safe_load(parts[1]) if len(parts) == 3 else {}).items()}
        words = re.findall(r"\w+", re.sub(r"\]\([^)]*\)", "]", parts[2]))[:8] if len(parts) == 3 else []
        if front.get("category") and not path.name.startswith("_") and len(words) == 8:
            found[path.stem] = (str(front["title"]), str(front.get("status", "")), r"\W+(?:\([^)]*\)\W*)?".join(words))
    return found


def _term(data: Path) -> Iterator[Subject]:
    for stem, (title, _, start) in _terms(data).items():
        yield Subject({"title": title}, (Fact(f"term:{stem} definition", (start,)),))


def _participating(data: Path) -> Iterator[Subject]:
    known = {str(group["dir"]): str(group["name"]) for group in _groups(data)}
    for number, kep in _keps(data).items():
        others = [str(one) for one in kep.get("participating-sigs") or ()]
        if 0 < len(others) <= 5 and all(one in known for one in others):
            words, named = _kep(number, kep)
            yield Subject(
                words, tuple(Fact(f"decision:kep-{number} concerns unit:{one}", (named, rf"{one}\b|SIG {known[one]}")) for one in others)
            )


def _stakeholders(data: Path) -> Iterator[Subject]:
    folders = {str(group["name"]): str(group["dir"]) for group in _groups(data)}
    for group in _groups(data, sort="workinggroups"):
        named = rf"WG {re.escape(group['name'])}|{group['dir']}"
        facts = tuple(
            Fact(f"unit:{group['dir']} depends_on unit:{folders[one]}", (named, rf"{re.escape(one)}|{folders[one]}\b"))
            for one in group.get("stakeholder_sigs") or ()
        )
        if facts:
            yield Subject({"name": str(group["name"])}, facts)


def _status(data: Path) -> Iterator[Subject]:
    for number, kep in _keps(data).items():
        if (status := kep.get("status")) in ("implemented", "implementable", "withdrawn", "rejected", "deferred"):
            words, named = _kep(number, kep)
            yield Subject(words, (Fact(f"decision:kep-{number} status", (named, rf"status: \W*{status}\b")),))


def _superseded(data: Path) -> Iterator[Subject]:
    for number, kep in _keps(data).items():
        if kep.get("status") in ("replaced", "withdrawn", "rejected"):
            words, named = _kep(number, kep)
            yield Subject(words, (Fact(f"decision:kep-{number} status", (named, rf"status: \W*{kep['status']}\b")),))


_SUBJECTS: Mapping[str, Callable[[Path], Iterator[Subject]]] = {
    "chairs": _chairs,
    "kep_approvers": _kep_approvers,
    "kep_owner": _kep_owner,
    "kep_readiness": _kep_readiness,
    "leads_now": _leads_now,
    "owners_approvers": _owners_approvers,
    "participating": _participating,
    "repository_owner": _repository_owner,
    "stakeholders": _stakeholders,
    "status": _status,
    "superseded": _superseded,
    "term": _term,
}


def derived(data: Path, asked: Mapping[str, Any]) -> Iterator[Question]:
    """The questions that one row of questions/kubernetes.yaml stands for."""
    subjects = sorted(_SUBJECTS[asked["of"]](data), key=lambda one: sha256(f"{asked['of']} {sorted(one.words.items())}".encode()).digest())
    first = asked.get("skip", 0)
    for number, subject in enumerate(subjects[first : first + asked["count"]]):
        yield Question(
            id=f"{asked['id']}-{number}",
            kind=asked["kind"],
            text=asked["text"].format(**subject.words),
            needs=subject.needs,
            dead=subject.dead,
        )
