"""The Kubernetes workspace: what it makes of the real files is what a plain count of those files says.

The counts on the right are made here with nothing but a YAML reader and regular expressions; the figures are those of each data set's SOURCE.md.
"""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false
# the files are read as plain YAML, whose values have no types
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings import read_settings
from graph import Entity, Fact, Finding, Relation, load_ontology
from loaders import Source, read

WORKSPACE = Path(__file__).parent.parent / "app" / "examples" / "kubernetes"
DATA = Path(os.environ.get("ORGCONTEXT_DATA") or Path(__file__).parents[2] / "shared" / "data").resolve()
FOLDERS = ("kubernetes-community", "kubernetes-org", "kubernetes-enhancements", "cncf-glossary")
SOURCES = ("community", "org", "enhancements", "owners", "glossary")

pytestmark = pytest.mark.skipif(
    not all((DATA / folder).is_dir() for folder in FOLDERS),
    reason=f"the data sets {', '.join(FOLDERS)} are not in ORGCONTEXT_DATA or ../shared/data",
)


class Plain(yaml.CSafeLoader):
    """YAML whose days are the text that they are: two files hold a day that cannot be."""


Plain.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if not tag.endswith(":timestamp")]
    for first, known in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def raw(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Plain)  # a safe loader


@cache
def loaded(name: str) -> list[Fact | Finding]:
    """All that a source of the workspace says."""
    settings = read_settings(WORKSPACE, environment={"ORGCONTEXT_DATA": str(DATA)})
    source = next(source for source in settings.workspace.sources if source.name == name)
    reading = read(source, settings.root, allow_outside=settings.workspace.allow_outside)
    return [fact for part in reading.parts for fact in part.facts or ()]


def entities(name: str, kind: str, start: str = "") -> set[str]:
    """The distinct ids of a kind that a source names."""
    return {fact.id for fact in loaded(name) if isinstance(fact, Entity) and fact.kind == kind and fact.id.startswith(start)}


def said(name: str, entity: str) -> dict[str, Any]:
    """All properties that a source gives an entity, later statements over earlier ones."""
    properties: dict[str, Any] = {}
    for fact in loaded(name):
        if isinstance(fact, Entity) and fact.id == entity:
            properties |= {"name": fact.name or properties.get("name", "")} | fact.properties
    return properties


def listed(fact: Entity | Relation, name: str) -> list[str]:
    """The values of a property, none where it is not there."""
    value = fact.properties.get(name, [])
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def found(pattern: str, text: str) -> str:
    """The group of a pattern that must be there."""
    match = re.search(pattern, text, re.IGNORECASE | re.MULTILINE)
    assert match, pattern
    return match[1]


def links(name: str, kind: str, *, source: str = "", target: str = "") -> set[tuple[str, str]]:
    """The distinct relations of a kind that a source names."""
    return {
        (fact.source, fact.target)
        for fact in loaded(name)
        if isinstance(fact, Relation) and fact.kind == kind and fact.source.startswith(source) and fact.target.startswith(target)
    }


@pytest.mark.parametrize("name", SOURCES)
def test_nothing_is_an_error_and_every_fact_has_a_place(name: str) -> None:
    """No source has a finding of level error, no file is unread, and every fact says file and line relative to the data's folder."""
    facts = loaded(name)
    findings = [fact for fact in facts if isinstance(fact, Finding)]
    assert [
        found.message
        for found in findings
        if found.level == "error" or found.check in {"records.unread", "records.unused", "records.unlisted"}
    ] == []
    folders = "|".join(FOLDERS)
    wrong = [
        fact for fact in facts if not isinstance(fact, Finding) and not re.fullmatch(rf"({folders})/[^:]+:\d+", fact.origins[0].locator)
    ]
    assert wrong == []


def test_no_two_things_are_taken_for_one() -> None:
    """Every fact fits the ontology, and every identity (login, e-mail, code, address) that the sources give belongs to one id alone."""
    ontology = load_ontology()
    ids: dict[str, set[str]] = defaultdict(set)
    for name in SOURCES:
        for fact in loaded(name):
            if isinstance(fact, Finding):
                continue
            assert ontology.faults(fact) == []
            if isinstance(fact, Entity):
                for identity in ontology.identities(fact):
                    ids[identity].add(fact.id)
    assert {identity: same for identity, same in ids.items() if len(same) > 1} == {}
    assert len(ids) > 2000


# kubernetes/community


@cache
def sigs() -> Any:
    return raw(DATA / "kubernetes-community" / "sigs.yaml")


def groups() -> list[Any]:
    return [group for sort in ("sigs", "workinggroups", "usergroups", "committees") for group in sigs()[sort]]


def test_groups() -> None:
    """35 groups: 24 SIGs, 8 working groups, 3 committees; 236 subprojects, each part of its group."""
    assert entities("community", "Unit") - entities("community", "Unit", "unit:x") >= {f"unit:{group['dir']}" for group in groups()}
    tops = {source for source, _ in links("community", "part_of", target="organization:")}
    assert tops == {f"unit:{group['dir']}" for group in groups()}
    assert [sum(unit.startswith(f"unit:{sort}-") for unit in tops) for sort in ("sig", "wg", "committee")] == [24, 8, 3]
    projects = [(group["dir"], project["name"]) for group in groups() for project in group.get("subprojects") or []]
    assert len(projects) == len(links("community", "part_of", target="unit:")) == 236


def test_leads_hold_positions_and_emeritus_leads_do_not() -> None:
    """112 chairs and 54 technical leads hold a position that heads the group; 120 emeritus leads have a role; 224 people in all."""
    lead = {
        sort: {(g["dir"], p["github"].lower()) for g in groups() for p in g["leadership"].get(sort) or []}
        for sort in ("chairs", "tech_leads", "emeritus_leads")
    }
    holds = {(target.removeprefix("position:"), source.removeprefix("person:")) for source, target in links("community", "holds")}
    assert {pair for pair in holds if re.fullmatch(r"[a-z0-9-]+\.chair", pair[0])} == {
        (f"{group}.chair", who) for group, who in lead["chairs"]
    }
    assert {pair for pair in holds if re.fullmatch(r"[a-z0-9-]+\.tech-lead", pair[0])} == {
        (f"{group}.tech-lead", who) for group, who in lead["tech_leads"]
    }
    emeritus = {(f"role:{group}.emeritus-lead", f"person:{who}") for group, who in lead["emeritus_leads"]}
    assert {(target, source) for source, target in links("community", "has_role")} == emeritus
    assert [len(lead[sort]) for sort in lead] == [112, 54, 120]
    assert len({who for pairs in lead.values() for _, who in pairs}) == 224
    assert not {target for _, target in links("community", "holds") if "emeritus" in target}


def test_positions_with_another_shape() -> None:
    """34 liaisons, and the governing board's representative, who is one mapping where all others are lists."""
    assert len({target for _, target in links("community", "holds") if target.endswith(".liaison")}) == 34
    assert ("person:" + sigs()["gb_rep"]["github"].lower(), "position:kubernetes.governing-board-representative") in links(
        "community", "holds"
    )


def test_stakeholders_are_found_by_name() -> None:
    """Working groups name 31 stakeholders by title; every one is the SIG of that title."""
    folder = {group["name"]: f"unit:{group['dir']}" for group in sigs()["sigs"]}
    expected = {(f"unit:{group['dir']}", folder[name]) for group in groups() for name in group.get("stakeholder_sigs") or []}
    assert links("community", "depends_on") == expected
    assert len(expected) == 31


def test_owner_addresses_are_written_in_one_way() -> None:
    """518 distinct owner addresses of 526, the branch written in one way; the whole repositories are systems that their subproject owns."""
    pairs = [(group["dir"], url) for group in groups() for project in group.get("subprojects") or [] for url in project["owners"]]
    assert (len(pairs), len({url for _, url in pairs})) == (526, 518)
    given = [url for fact in loaded("community") if isinstance(fact, Entity) for url in listed(fact, "owners_files")]
    assert set(given) == {url.replace("/refs/heads/", "/") for _, url in pairs}
    whole = {
        match[1].lower().replace("/.", "/")
        for _, url in pairs
        if (match := re.match(r"https://[^/]+/([^/]+/[^/]+)/(?:refs/heads/)?[^/]+/OWNERS$", url))
    }
    assert {system.removeprefix("system:") for system in entities("community", "System")} == whole


def test_charters() -> None:
    """Every charter is a policy of its group, with the name that its heading gives."""
    charters = sorted((DATA / "kubernetes-community").glob("*/charter.md"))
    assert entities("community", "Policy", "asset:charter-") == {f"asset:charter-{path.parent.name}" for path in charters}
    assert said("community", "asset:charter-sig-apps")["name"] == "SIG Apps Charter"
    assert said("community", "asset:charter-sig-apps")["description"].startswith("SIG Apps covers developing, deploying")


def test_the_same_mapping_reads_another_year() -> None:
    """The community's file of a year before is read by the mapping that was written for this year's."""
    folder = DATA / "kubernetes-community-2025-08-20"
    if not folder.is_dir():
        pytest.skip(f"{folder.name} is not in ORGCONTEXT_DATA or ../shared/data")
    source = Source(name="before", loader="records", path=str(folder), mapping="mappings/community.yaml")
    facts = [fact for part in read(source, WORKSPACE, allow_outside=True).parts for fact in part.facts or ()]
    assert [fact.message for fact in facts if isinstance(fact, Finding) and fact.level == "error"] == []
    before = raw(folder / "sigs.yaml")
    expected = {group["dir"] for sort in ("sigs", "workinggroups", "usergroups", "committees") for group in before[sort] or []}
    assert {code for fact in facts if isinstance(fact, Entity) for code in listed(fact, "code")} == expected


# kubernetes/org


@cache
def teams() -> list[tuple[str, str, str | None, Any]]:
    """Of every team: organization, name, the team above it, and what is written of it."""
    known: list[tuple[str, str, str | None, Any]] = []

    def walk(org: str, tree: Any, above: str | None) -> None:
        for name, team in (tree or {}).items():
            known.append((org, name, above, team))
            walk(org, team.get("teams"), name)

    for path in sorted((DATA / "kubernetes-org" / "config").glob("*/**/*.yaml")):
        walk(path.relative_to(DATA / "kubernetes-org" / "config").parts[0], raw(path).get("teams"), None)
    return known


def unit(org: str, name: str) -> str:
    return f"unit:{org}." + re.sub(r"[^\w.]+", "-", name.lower()).strip("-_.")


def test_organizations_and_teams() -> None:
    """8 organizations, 766 teams, of which 56 are nested; no two teams have become one."""
    assert len(entities("org", "Organization")) == 8
    expected = {unit(org, name) for org, name, _, _ in teams()}
    assert entities("org", "Unit") == expected
    assert len(expected) == len(teams()) == 766
    nested = {(unit(org, name), unit(org, above)) for org, name, above, _ in teams() if above}
    assert links("org", "part_of", target="unit:") == nested
    assert len(nested) == 56


def test_memberships() -> None:
    """3,482 members and 133 maintainers of teams are 3,615 memberships, whatever the case in which a login is written."""
    members = {(f"person:{who.lower()}", unit(org, name)) for org, name, _, team in teams() for who in team.get("members") or []}
    maintainers = {(f"person:{who.lower()}", unit(org, name)) for org, name, _, team in teams() for who in team.get("maintainers") or []}
    assert (len(members), len(maintainers)) == (3482, 133)
    assert links("org", "member_of", target="unit:") == members | maintainers
    assert len(members | maintainers) == 3615
    marked = {
        (fact.source, fact.target)
        for fact in loaded("org")
        if isinstance(fact, Relation) and fact.properties.get("roles") == ["maintainer"]
    }
    assert marked == maintainers


def test_users() -> None:
    """1,509 people, one each for every login without regard to case; a login of digits stays the text that it is."""
    people = set()
    for path in sorted((DATA / "kubernetes-org" / "config").glob("*/org.yaml")):
        people |= {who.lower() for sort in ("admins", "members") for who in raw(path).get(sort) or []}
    people |= {who.lower() for _, _, _, team in teams() for sort in ("members", "maintainers") for who in team.get(sort) or []}
    assert entities("org", "Person") == {f"person:{who}" for who in people}
    assert len(people) == 1509
    assert said("org", "person:249043822")["login"] == "249043822"


def test_grants_and_former_names() -> None:
    """631 grants on repositories: admin and maintain own the system, the rest depend on it; 44 former names are no teams of their own."""
    grants = {
        (unit(org, name), f"system:{org}/{repo.lower()}", right)
        for org, name, _, team in teams()
        for repo, right in (team.get("repos") or {}).items()
    }
    assert len(grants) == 631
    assert {(team, system) for system, team in links("org", "owned_by", source="system:")} == {
        g[:2] for g in grants if g[2] in {"admin", "maintain"}
    }
    assert links("org", "depends_on") == {g[:2] for g in grants if g[2] not in {"admin", "maintain"}}
    former = [name for fact in loaded("org") if isinstance(fact, Entity) for name in listed(fact, "former_names")]
    assert len(former) == sum(len(team.get("previously") or []) for _, _, _, team in teams()) == 44


# kubernetes/enhancements


@cache
def keps() -> dict[Path, Any]:
    """Every enhancement by its folder; the template is none."""
    folder = DATA / "kubernetes-enhancements" / "keps"
    return {path.parent: raw(path) for path in sorted(folder.glob("**/kep.yaml")) if path.parent.name != "NNNN-kep-template"}


@cache
def kep_ids() -> dict[Path, str]:
    """The id of each: the folder's number, or the folder's name where there is none or another folder has the same."""
    numbers = {path: (re.match(r"0*([1-9]\d*)-", path.name) or [None, None])[1] for path in keps()}
    shared = [number for number in numbers.values() if list(numbers.values()).count(number) > 1]
    return {path: f"decision:kep-{path.name.lower() if number is None or number in shared else number}" for path, number in numbers.items()}


def test_no_two_enhancements_are_one() -> None:
    """656 files and the template among them: 655 decisions, also those of one number or of none."""
    assert len(keps()) == len(set(kep_ids().values())) == 655
    assert entities("enhancements", "Decision") == set(kep_ids().values())
    assert {"decision:kep-2133-kubelet-credential-providers", "decision:kep-0000-community-forum"} <= entities("enhancements", "Decision")
    assert said("enhancements", "decision:kep-2043")["number"] == 1884


def test_status() -> None:
    """Typing errors are mended by the mapping and kept as written; a status that lists all of them is none."""
    meant = {"imlpemented": "implemented", "implemented (alpha)": "implemented", "superseded": "replaced"}
    expected = defaultdict(int)
    for kep in keps().values():
        expected[meant.get(kep["status"], kep["status"]) if "|" not in kep["status"] else None] += 1
    given = defaultdict(int)
    for id_ in kep_ids().values():
        given[said("enhancements", id_).get("status")] += 1
    assert given == expected
    typed = {text for fact in loaded("enhancements") if isinstance(fact, Entity) for text in listed(fact, "status_as_written")}
    assert typed == {"imlpemented", "implemented (alpha)", "superseded", "removed"}


POSSIBLE = re.compile(r"\d{4}-(0?[1-9]|1[0-2])-(0?[1-9]|[12]\d|3[01])|yyyy-mm-dd")
ALIASES = {
    "sig-arch": "sig-architecture",
    "sig-apimachinery": "sig-api-machinery",
    "sig-machinery": "sig-api-machinery",
    "sig-scheduler": "sig-scheduling",
    "sig-contribex": "sig-contributor-experience",
    "Kubelet garbage collection WG": "sig-node",
}


def test_owning_and_participating_groups() -> None:
    """Every enhancement is owned by its SIG, and its participating ones go by their right names; TBD and the template's examples are none."""
    nothing = {"TBD", "sig-aaa", "sig-bbb"}
    owns = {(id_, f"unit:{keps()[path]['owning-sig'].strip()}") for path, id_ in kep_ids().items()}
    assert {pair for pair in links("enhancements", "owned_by") if pair[0].startswith("decision:")} == owns
    takes_part = {
        (id_, f"unit:{ALIASES.get(sig, sig)}")
        for path, id_ in kep_ids().items()
        for sig in keps()[path].get("participating-sigs") or []
        if sig not in nothing
    }
    assert links("enhancements", "concerns") == takes_part


@pytest.mark.parametrize(
    ("field", "kind", "entries"), [("authors", "proposed_by", 1104), ("reviewers", "reviewed_by", 1879), ("approvers", "approved_by", 1245)]
)
def test_people_of_enhancements(field: str, kind: str, entries: int) -> None:
    """Authors, reviewers and approvers, with and without @, in quotation marks, and from free text; TBD and a team are nobody."""
    written = [(id_, text) for path, id_ in kep_ids().items() for text in keps()[path].get(field) or []]
    template = raw(DATA / "kubernetes-enhancements" / "keps" / "NNNN-kep-template" / "kep.yaml")
    unread = sum(len(kep.get(field) or []) for kep in keps().values() if not POSSIBLE.match(kep.get("creation-date") or "0000-01-01"))
    assert len(written) + len(template[field]) - unread == entries  # which were counted without the two files of an impossible day
    expected = set()
    for id_, text in written:
        handles = (
            []
            if "/" in text.split(" - ")[0] or text in {"TBD", "TODO"}
            else re.findall(r"@([\w-]+)", text) or re.findall(r"^[\w-]+$", text.strip())
        )
        expected |= {(id_, f"person:{handle.lower()}") for handle in handles}
    given = links("enhancements", kind)
    if kind == "approved_by":
        given = {pair for pair in given if any(stage == "enhancement" for stage in stages()[pair])}
    assert given == expected


@cache
def stages() -> dict[tuple[str, str], set[str]]:
    """The stages at which each approver approved each enhancement."""
    known: dict[tuple[str, str], set[str]] = defaultdict(set)
    for fact in loaded("enhancements"):
        if isinstance(fact, Relation) and fact.kind == "approved_by":
            known[fact.source, fact.target] |= set(listed(fact, "stages"))
    return known


def test_production_readiness() -> None:
    """Each stage's approval of production readiness is told of its enhancement: alpha 320, beta 282, stable 257 in 451 files."""
    files = sorted((DATA / "kubernetes-enhancements" / "keps" / "prod-readiness").glob("*/*.yaml"))
    assert len(files) == 451
    entries, expected = defaultdict(int), set()
    for path in files:
        for stage, said_ in raw(path).items():
            if not isinstance(said_, dict):
                continue
            entries[stage] += 1
            who = (said_.get("approver") or "").lstrip("@").lower()
            number = "2133-kubelet-credential-providers" if path.stem == "2133" else path.stem.lstrip("0")
            if who:
                expected.add((f"decision:kep-{number}", f"person:{who}", f"production readiness, {stage}"))
    assert (entries["alpha"], entries["beta"], entries["stable"]) == (320, 282, 257)
    given = {(*pair, stage) for pair, told in stages().items() for stage in told if stage != "enhancement"}
    assert given == expected
    unknown = {decision for decision, _, _ in given} - set(kep_ids().values())
    assert unknown == {"decision:kep-2273"}


def test_dates_that_cannot_be_spoil_one_value_and_are_told() -> None:
    """Two files with a thirteenth month and later still load; those days, `v1.22` and `yyyy-mm-dd` are told with file and line."""
    told = [
        text
        for fact in loaded("enhancements")
        if isinstance(fact, Finding)
        for text in fact.evidence
        if re.search(r": (\d{4}-|v1|yyyy)", text)
    ]
    written = [str(kep.get(field)) for kep in keps().values() for field in ("creation-date", "last-updated") if kep.get(field)]
    assert sorted({text.rpartition(": ")[2] for text in told}) == sorted(
        {text for text in written if not POSSIBLE.fullmatch(text) or text == "yyyy-mm-dd"}
    )
    assert all(re.match(r"kubernetes-enhancements/keps/[^:]+/kep.yaml:\d+", text) for text in told)
    assert said("enhancements", "decision:kep-4355")["name"] == "KEP-4355: " + next(
        kep["title"] for path, kep in keps().items() if path.name.startswith("4355-")
    )


def test_what_enhancements_build_on() -> None:
    """Every reference to a folder that is here is a relation to it; every reference, also prose and addresses, is kept as written."""
    by_folder = {f"{path.parent.name}/{path.name}": id_ for path, id_ in kep_ids().items()}
    expected = set()
    for path, id_ in kep_ids().items():
        for text in keps()[path].get("see-also") or []:
            match = re.search(r"([\w-]+/\d+-[^/]+?)/?$", str(text).strip())
            if match and match[1] in by_folder:
                expected.add((id_, by_folder[match[1]]))
    assert len(expected) > 200
    assert expected <= links("enhancements", "cites")
    resolved = {pair for pair in links("enhancements", "cites") if pair[1] in set(kep_ids().values())}
    assert len(resolved) / len(links("enhancements", "cites")) > 0.9
    assert "decision:kep-1602" in {target for _, target in links("enhancements", "cites")}


# OWNERS


def owners(kind: str) -> Iterator[tuple[str, Path, str]]:
    """What each OWNERS file of the three repositories says, at the top or under a filter."""
    for folder in FOLDERS[:3]:
        for path in sorted((DATA / folder).glob("**/OWNERS")):
            said_ = raw(path)
            for entry in [*(said_.get(kind) or []), *(e for rule in (said_.get("filters") or {}).values() for e in rule.get(kind) or [])]:
                yield folder.removeprefix("kubernetes-"), path, entry


@pytest.mark.parametrize(("kind", "end"), [("approvers", ".approve"), ("reviewers", ".review")])
def test_owners_are_groups_or_people(kind: str, end: str) -> None:
    """An entry that the repository's OWNERS_ALIASES names is a role, any other a person; entries under `filters:` count as well."""
    groups_of = {repo: set(raw(DATA / f"kubernetes-{repo}" / "OWNERS_ALIASES")["aliases"]) for repo in ("community", "org", "enhancements")}
    holders = {f"role:{repo}.{entry}" if entry in groups_of[repo] else f"person:{entry.lower()}" for repo, _, entry in owners(kind)}
    given = {source for source, target in links("owners", "holds_authority") if target.endswith(end)}
    assert given == holders
    assert len({target for _, target in links("owners", "holds_authority") if target.endswith(end)}) == len(
        {path for _, path, _ in owners(kind)}
    )


def test_aliases() -> None:
    """44 aliases of kubernetes/community with 182 memberships, and those of the two other repositories beside them."""
    aliases = raw(DATA / "kubernetes-community" / "OWNERS_ALIASES")["aliases"]
    expected = {(f"person:{who.lower()}", f"role:community.{alias}") for alias, people in aliases.items() for who in people or []}
    assert (len(aliases), len(expected)) == (44, 182)
    assert links("owners", "has_role", target="role:community.") == expected


# cncf/glossary


@cache
def terms() -> list[Path]:
    """The English term files: all but the template, the index and the search page."""
    return [
        path
        for path in sorted((DATA / "cncf-glossary" / "content" / "en").glob("*.md"))
        if path.name not in {"_TEMPLATE.md", "_index.md", "search.md"}
    ]


def test_terms() -> None:
    """89 English terms, each defined and with the name that its file gives, in whichever case the keys are written."""
    assert entities("glossary", "Term") == {f"term:{path.stem}" for path in terms()}
    assert len(terms()) == 89
    for path in terms():
        text = path.read_text(encoding="utf-8")
        given = said("glossary", f"term:{path.stem}")
        assert given["name"] == found(r"^ ?title: *(.*?) *$", text).strip("\"'")
        assert given["definition"]
        assert "](" not in given["definition"]
    assert len(links("glossary", "in_glossary", target="glossary:cncf")) == 89


def test_status_category_and_tags() -> None:
    """Status and category without regard to case, the category also where it is a list; an empty tag is none."""
    states = {path.stem: found(r"^ ?status: *(.*?) *$", path.read_text(encoding="utf-8")).lower() for path in terms()}
    assert {stem: said("glossary", f"term:{stem}").get("status") for stem in states} == states
    assert sorted(set(states.values())) == ["completed", "deprecated", "feedback appreciated"]
    categories = {"concept", "property", "technology", "methodology", "platform"}
    without = [path.stem for path in terms() if not categories & set(said("glossary", f"term:{path.stem}").get("tags", []))]
    assert without == ["microservices-architecture"]
    assert not any("" in listed(fact, "tags") for fact in loaded("glossary") if isinstance(fact, Entity))


def test_links_between_terms() -> None:
    """Every internal link of a term's page is a relation to that term, and all of them resolve."""
    expected = set()
    for path in terms():
        for link in re.findall(r"\]\((?:https://glossary\.cncf\.io)?/(?:en/)?([a-z0-9_-]+)/?\)", path.read_text(encoding="utf-8")):
            expected.add((f"term:{path.stem}", f"term:{link.replace('_', '-')}"))
    assert links("glossary", "related_to") == expected
    assert {target for _, target in expected} <= entities("glossary", "Term")


def test_german() -> None:
    """The German pages give name and definition in German to the English terms, also the two whose files have other names."""
    pages = [
        path
        for path in sorted((DATA / "cncf-glossary" / "content" / "de").glob("*.md"))
        if path.name not in {"_TEMPLATE.md", "_index.md", "search.md"}
    ]
    translated = {fact.id for fact in loaded("glossary") if isinstance(fact, Entity) and "name@de" in fact.properties}
    renamed = {"autoscaling": "auto-scaling", "containers": "container"}
    assert translated == {f"term:{renamed.get(path.stem, path.stem)}" for path in pages}
    assert said("glossary", "term:auto-scaling")["name@de"] == "Autoskalierung"
    assert said("glossary", "term:auto-scaling")["definition@de"].startswith("Autoskalierung ist die Fähigkeit")
