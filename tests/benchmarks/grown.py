"""Invented files as large as they are in a company of some thousands, one function a form; the same bytes at every call."""

from __future__ import annotations

# pyright: reportUnknownMemberType=false
# openpyxl's sheets are typed loosely
import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence

import openpyxl
import yaml

ROWS = 5_000
SAID = "What is said of {} is some words long, as it is in a company that takes its words seriously."


def _table(headings: str, row: Callable[[int], Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([headings.split(","), *map(row, range(ROWS))])
    return text.getvalue().encode()


def _sheet(headings: str, row: Callable[[int], Sequence[object]]) -> bytes:
    book, packed = openpyxl.Workbook(write_only=True), io.BytesIO()
    sheet = book.create_sheet()
    for cells in (headings.split(","), *map(row, range(ROWS))):
        sheet.append(cells)
    book.save(packed)
    return packed.getvalue()


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1).encode()


def _lines(values: Iterable[object]) -> bytes:
    return "\n".join(map(json.dumps, values)).encode()


def _yaml(*values: object) -> bytes:
    return yaml.dump_all(
        json.loads(json.dumps(values)), Dumper=yaml.CSafeDumper, sort_keys=False
    ).encode()  # with nothing twice, no anchors


def _turtle(size: int, prefixes: Mapping[str, str], one: Callable[[int], str]) -> bytes:
    head = "".join(f"@prefix {name}: <{iri}> .\n" for name, iri in prefixes.items())
    return (head + "\n".join(map(one, range(size)))).encode()


def _day(n: int) -> str:
    return f"20{18 + n % 8}-{1 + n % 12:02}-{1 + n % 28:02}"


# tables


def _person(n: int) -> Sequence[object]:
    manager = f"E{n // 8}" if n else ""
    return f"E{n}", f"First{n}", f"Last{n}", f"p{n}@x.example", f"Engineer {n % 40}", f"Dept {n % 30}", manager, _day(n), "Full-Time"


_PEOPLE = "Employee ID,First Name,Last Name,Work Email,Job Title,Department,Supervisor ID,Hire Date,Employment Status"


def _term(n: int) -> Sequence[object]:
    return f"Term {n}", SAID.format(n), f"unit:u{n % 40}", f"T{n}; Tm {n}"


def _approval(n: int) -> Sequence[object]:
    return f"process-{n // 5}", f"step-{n}", n % 5, f"position:p{n % 300}", "amount > 1000" if n % 5 == 1 else ""


def _dependency(n: int) -> Sequence[object]:
    return f"system:s{n}", f"system:s{n * 7 % ROWS}", "data", "high" if n % 3 else "low", f"unit:u{n % 9}"


def _needed(n: int) -> Sequence[object]:
    return f"Function {n % 30}", f"Context {n}", f"System {n % 60}", "monthly", f"unit:u{n % 9}", f"decision-{n % 200}"


def _decided(n: int) -> Sequence[object]:
    return f"D-{n}", f"Buy thing {n}", _day(n), f"Head of team {n % 40}", "Approved", SAID.format(n), f"D-{n - 9}" if n % 9 == 8 else ""


def _listed(n: int) -> Sequence[object]:
    name = f"Policy {n}.docx"
    return name, f"https://files.x.example/sites/x/{n % 50}/{name}", _day(n), f"Ann {n % 40}", f"unit:u{n % 9}", "Internal"


_LISTING = "Name,Path,Modified,Modified By,Owner,Sensitivity"


def _authority(n: int) -> Sequence[object]:
    return f"Purchase {n % 500}", f"Role {n // 500}", f"{1000 * (1 + n % 7)}", "EUR"


def _event(n: int) -> Sequence[object]:
    return f"case {n // 6}", f"Activity {n % 6}", f"user{n % 50}", f"{_day(n)}T10:{n % 60:02}:00+00:00"


def _bot(n: int) -> Sequence[object]:
    return f"a-{n}", f"Agent {n}", SAID.format(n), f"ann{n % 90}@x.example", "Published", f"model-{n % 5}", f"Dept {n % 30}"


def _tbx() -> bytes:
    entry = (
        '<conceptEntry id="c{0}"><langSec xml:lang="en"><basic:definition>{1}</basic:definition><termSec><term>term {0}</term></termSec>'
        '<termSec><term>word {0}</term></termSec></langSec><langSec xml:lang="de"><termSec><term>Wort {0}</term></termSec></langSec></conceptEntry>'
    )
    head = (
        '<tbx type="TBX-Basic" style="dct" xml:lang="en" xmlns="urn:iso:std:iso:30042:ed-2" xmlns:basic="http://www.tbxinfo.net/ns/basic">'
    )
    body = "\n".join(entry.format(n, SAID.format(n)) for n in range(2000))
    return f"{head}<text><body>\n{body}\n</body></text></tbx>".encode()


# documents


def _openapi() -> bytes:
    answers = {"200": {"description": "Well.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}}

    def operation(n: int, verb: str) -> object:
        where = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
        return {"operationId": f"{verb}{n}", "summary": SAID.format(n), "parameters": [where], "responses": answers}

    paths = {f"/things{n}/{{id}}": {verb: operation(n, verb) for verb in ("get", "put")} for n in range(200)}
    schema = {"type": "object", "properties": {f"field{n}": {"type": "string"} for n in range(20)}}
    info = {"title": "Things", "version": "1.0", "contact": {"email": "ann@x.example"}}
    return _json({"openapi": "3.1.0", "info": info, "paths": paths, "components": {"schemas": {"Thing": schema}}})


def _asyncapi() -> bytes:
    schema = {"type": "object", "properties": {f"field{n}": {"type": "string"} for n in range(8)}}
    channels = {
        f"things/{n}": {"description": SAID.format(n), "publish": {"operationId": f"on{n}", "message": {"payload": schema}}}
        for n in range(100)
    }
    return _yaml({"asyncapi": "2.6.0", "info": {"title": "Things", "version": "1.0"}, "channels": channels})


def _compose() -> bytes:
    def service(n: int) -> object:
        return {
            "image": f"registry.x.example/s{n}:3",
            "depends_on": [f"s{n // 2}"] if n else [],
            "environment": {f"NAME_{one}": "value" for one in range(6)},
            "labels": {"com.x.owner": f"team-{n % 5}"},
            "networks": ["front"],
            "ports": [f"{8000 + n}:80"],
        }

    return _yaml({"name": "shop", "services": {f"s{n}": service(n) for n in range(60)}, "networks": {"front": {}}})


def _kubernetes() -> bytes:
    def deployment(n: int) -> object:
        container = {"name": "main", "image": f"s{n}:4", "env": [{"name": f"NAME_{one}", "value": "x"} for one in range(6)]}
        template = {"metadata": {"labels": {"app": f"s{n}"}}, "spec": {"containers": [container]}}
        about = {"name": f"s{n}", "namespace": "shop", "labels": {"team": f"team-{n % 5}"}}
        return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": about, "spec": {"template": template}}

    return _yaml(*map(deployment, range(200)))


def _dbt() -> bytes:
    def model(n: int) -> object:
        return {
            "name": f"m{n}",
            "resource_type": "model",
            "description": SAID.format(n),
            "relation_name": f'"dwh"."core"."m{n}"',
            "config": {"materialized": "table", "meta": {"owner": f"team:t{n % 5}"}},
            "tags": ["nightly"],
            "columns": {f"c{one}": {"name": f"c{one}", "data_type": "text", "description": "A column."} for one in range(12)},
            "raw_code": "select a, b, c from somewhere\n" * 20,
            "compiled_code": "select a, b, c from somewhere\n" * 20,
            "depends_on": {"macros": [], "nodes": [f"model.x.m{n // 2}"] if n else []},
        }

    about = {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json", "project_name": "x"}
    return _json({"metadata": about, "nodes": {f"model.x.m{n}": model(n) for n in range(500)}, "sources": {}})


def _openlineage() -> bytes:
    def event(n: int) -> object:
        fields = [{"name": f"f{one}", "type": "text"} for one in range(8)]
        data = [{"namespace": "postgres://db", "name": f"t{n * one % 300}", "facets": {"schema": {"fields": fields}}} for one in (1, 7)]
        return {
            "eventType": "COMPLETE",
            "eventTime": f"{_day(n)}T01:00:00Z",
            "producer": "https://etl.x.example",
            "run": {"runId": f"r{n}"},
            "job": {"namespace": "airflow", "name": f"job{n % 200}"},
            "inputs": data[:1],
            "outputs": data[1:],
        }

    return _lines(map(event, range(1000)))


def _cards() -> bytes:
    def card(n: int) -> object:
        skills = [{"id": f"skill{one}", "name": f"Skill {one}", "description": SAID.format(one), "tags": ["loans"]} for one in range(5)]
        about = {"name": f"Agent {n}", "description": SAID.format(n), "version": "1", "url": f"https://a{n}.x.example/a2a"}
        return {**about, "provider": {"organization": "X"}, "capabilities": {"streaming": True}, "skills": skills}

    return _json([card(n) for n in range(300)])


def _servers() -> bytes:
    def server(n: int) -> object:
        variables = [{"name": f"NAME_{one}", "isSecret": True} for one in range(3)]
        package = {"registryType": "npm", "identifier": f"@x/s{n}", "transport": {"type": "stdio"}, "environmentVariables": variables}
        about = {"name": f"example.x/s{n}", "title": f"Server {n}", "description": SAID.format(n), "version": "1.0.1"}
        return {"server": {**about, "repository": {"url": f"https://git.x.example/s{n}"}, "packages": [package]}}

    return _json({"servers": [server(n) for n in range(1000)], "metadata": {"count": 1000}})


def _agents() -> bytes:
    agents = [
        {"id": f"a{n}", "name": f"Agent {n}", "sponsor": f"p{n % 40}", "tools": ["reader", "mail"], "tasks": [f"t{n}"]} for n in range(500)
    ]
    tasks = [{"id": f"t{n}", "function": f"f{n % 20}", "requires": [f"term:t{n}"], "requires_kinds": ["Clause"]} for n in range(500)]
    return _yaml({"agents": agents, "tasks": tasks})


def _scim() -> bytes:
    core, work = "urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

    def user(n: int) -> object:
        name = {"givenName": f"First{n}", "familyName": f"Last{n}"}
        more = {"department": f"Dept {n % 30}", "manager": {"value": f"u{n // 8}"}}
        emails = [{"value": f"p{n}@x.example", "primary": True}]
        return {"schemas": [core, work], "id": f"u{n}", "userName": f"p{n}", "name": name, "title": "Clerk", "emails": emails, work: more}

    return _json({"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "Resources": [user(n) for n in range(2000)]})


# triples and cards


def _dcat() -> bytes:
    one = (
        'ex:d{0} a dcat:Dataset ; dct:title "Data {0}"@en ; dct:description "{1}"@en ; dct:publisher ex:unit{2} ; dcat:keyword "one" , "two" ;'
        ' dct:modified "2026-10-01" ; dcat:distribution [ a dcat:Distribution ; dcat:downloadURL <https://x.example/{0}.csv> ] .'
    )
    names = {"dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/", "ex": "https://x.example/"}
    return _turtle(500, names, lambda n: one.format(n, SAID.format(n), n % 30))


def _org() -> bytes:
    one = (
        'ex:u{0} a org:OrganizationalUnit ; skos:prefLabel "Unit {0}" ; org:unitOf ex:u{2} .\n'
        'ex:j{1} a org:Post ; skos:prefLabel "Post {1}" ; org:postIn ex:u{0} ; org:heldBy ex:p{1} .\n'
        'ex:p{1} a foaf:Person ; foaf:name "First{1} Last{1}" ; foaf:mbox <mailto:p{1}@x.example> .'
    )
    names = {"org": "http://www.w3.org/ns/org#", "foaf": "http://xmlns.com/foaf/0.1/"}
    names |= {"skos": "http://www.w3.org/2004/02/skos/core#", "ex": "https://x.example/"}
    return _turtle(2000, names, lambda n: one.format(n // 10 + 1, n, n // 100))


def _rdf() -> bytes:
    one = (
        '<urn:orgcontext:person:p{0}> a oc:Person ; rdfs:label "First{0} Last{0}" ; oc:email "p{0}@x.example" ;'
        " oc:reports_to <urn:orgcontext:person:p{1}> ; oc:member_of <urn:orgcontext:unit:u{1}> ."
    )
    names = {"oc": "https://orgcontext.dev/ontology#", "rdfs": "http://www.w3.org/2000/01/rdf-schema#"}
    return _turtle(2000, names, lambda n: one.format(n, n // 8))


def _vcards() -> bytes:
    one = (
        "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:urn:uuid:{0}\r\nFN:First{0} Last{0}\r\nEMAIL:p{0}@x.example\r\nORG:X;Dept {2}\r\nTITLE:Clerk\r\n"
        "RELATED;TYPE=manager:urn:uuid:{1}\r\nEND:VCARD\r\n"
    )
    return "".join(one.format(n, n // 8, n % 30) for n in range(2000)).encode()


def _ldif() -> bytes:
    one = (
        "dn: uid=p{0},ou=people,dc=x,dc=example\nobjectClass: inetOrgPerson\nuid: p{0}\ncn: First{0} Last{0}\nsn: Last{0}\n"
        "mail: p{0}@x.example\ntitle: Clerk\ndepartmentNumber: {2}\nmanager: uid=p{1},ou=people,dc=x,dc=example\n"
    )
    return "\n".join(one.format(n, n // 8, n % 30) for n in range(2000)).encode()


def _owned_paths() -> bytes:
    return "".join(f"/src/{n % 40}/part{n}/ @x/team-{n % 30} @ann{n % 90}\n" for n in range(ROWS)).encode()


GROWN: Sequence[tuple[str, str, Callable[[], bytes]]] = (  # the loader, the end of the file's name, the file
    ("people", ".csv", lambda: _table(_PEOPLE, _person)),
    ("people", ".xlsx", lambda: _sheet(_PEOPLE, _person)),
    ("glossary", ".csv", lambda: _table("term,definition,owner,synonyms", _term)),
    ("glossary", ".tbx", _tbx),
    ("approvals", ".csv", lambda: _table("process,step,order,approver,condition", _approval)),
    ("dependencies", ".csv", lambda: _table("source,target,sort,criticality,owner", _dependency)),
    ("inventory", ".csv", lambda: _table("function,context,source,update_frequency,owner,decisions", _needed)),
    ("decisions", ".csv", lambda: _table("Decision ID,Title,Date,Decision Maker,Status,Rationale,Supersedes", _decided)),
    ("agents", ".yaml", _agents),
    ("scim", ".json", _scim),
    ("ldif", ".ldif", _ldif),
    ("org", ".ttl", _org),
    ("vcard", ".vcf", _vcards),
    ("dcat", ".ttl", _dcat),
    ("listing", ".csv", lambda: _table(_LISTING, _listed)),
    ("listing", ".xlsx", lambda: _sheet(_LISTING, _listed)),
    ("openapi", ".json", _openapi),
    ("asyncapi", ".yaml", _asyncapi),
    ("compose", ".yaml", _compose),
    ("kubernetes", ".yaml", _kubernetes),
    ("dbt", ".json", _dbt),
    ("openlineage", ".ndjson", _openlineage),
    ("agentcard", ".json", _cards),
    ("mcp", ".json", _servers),
    ("agentlist", ".csv", lambda: _table("Agent ID,Agent Name,Description,Owner,Status,Model,Department", _bot)),
    ("authority", ".csv", lambda: _table("Decision,Role,Limit,Currency", _authority)),
    ("codeowners", ".CODEOWNERS", _owned_paths),
    ("eventlog", ".csv", lambda: _table("case:concept:name,concept:name,org:resource,time:timestamp", _event)),
    ("rdf", ".ttl", _rdf),
)
