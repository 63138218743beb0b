"""Lists of agents as platforms export them in CSV, XLSX or JSON: whatever a column is called, by one table of synonyms."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import chain

from graph import Fact, Finding, UnreadableSource, slug
from loaders.documents import Document
from loaders.source import File, link, thing
from loaders.trees import Node, Tally, kept, local, owned_by, said, trees, words

# What a column may be called, folded, by what it is here; the first that is filled counts.
# Amazon Bedrock, Google's reasoning engines and Agentspace, Microsoft's Copilot Studio and admin centre, Salesforce, ServiceNow, OpenAI.
_SYNONYMS: Mapping[str, str] = {
    "id": "agentid botid assistantid gptid agentarn agentresourcename resourcename durableid sysid id",
    "name": "agentname botname assistantname displayname masterlabel agentlabel title label name developername",
    "purpose": "description agentdescription purpose summary shortdescription",
    "owner": "owner agentowner ownername owneremail owneridname primaryowner maker createdby createdbyname author creator",
    "sponsor": "sponsor businessowner accountableowner executivesponsor",
    "status": "agentstatus status state availability publishstatus lifecyclestate statecodename statuscodename isactive active",
    "version": "latestagentversion agentversion version versionnumber",
    "vendor": "publisher vendor provider manufacturer",
    "platform": "platform environment environmentname hostproduct hostproducts supportedproducts source createdin",
    "model": "foundationmodel model modelname basemodel llm",
    "kind": "agenttype bottype botsource type template agenttemplate",
    "language": "language defaultlanguage defaultlanguagecode",
    "url": "url endpoint agenturl link publicurl",
    "unit": "department team businessunit owningbusinessunit unit",
    "created": "createdat createtime createdon created datecreated createddate creationtime",
    "updated": "updatedat updatetime modifiedon lastmodified lastmodifieddate lastupdated updated",
    "tools": "tools actions actiongroups plugins connectors capabilities",
    "knowledge": "knowledge knowledgesources knowledgebases datasources",
    "channels": "channels channel sharedwith",
}
_MEANINGS = {word: (ours, rank) for ours, several in _SYNONYMS.items() for rank, word in enumerate(several.split())}
# A list is one of agents if a column says so by itself, or if it is held under such a key.
_TELLING = words(
    "agentid agentname botid botname agentarn agentstatus latestagentversion agentowner agenttype assistantid agentresourcename bottype"
)
_HOLDING = words("agents agentsummaries reasoningengines bots assistants botdefinitions agentversionsummaries")
_SEVERAL = frozenset(("tools", "knowledge", "channels"))


def matches(file: File) -> bool:
    """Whether a column, or the key above the rows, speaks of agents."""
    if file.suffix in (".yaml", ".yml", ".md", ".toml", ".xml"):
        return False
    try:
        if file.suffix != ".json":
            return bool(file.header() & _TELLING)
        if not re.search(rb"agent|bot|assistant|reasoningEngine", file.content, re.IGNORECASE):
            return False
        key, rows = _rows(next(trees(file)))
        first = next(iter(rows), None)
    except UnreadableSource:
        return False
    return first is not None and bool({_folded(one) for one in first.names()} & _TELLING or (key in _HOLDING and first.is_mapping))


def read(file: File) -> Iterator[Fact | Finding]:
    """An agent for each row. Whether it is registered is not for its platform to say."""
    tally = Tally(file)
    rows = chain.from_iterable(_rows(document)[1] for document in trees(file)) if file.suffix == ".json" else _table(file)
    own_columns = {_folded(theirs): ours for theirs, ours in file.source.columns.items()}
    for row in rows:
        given = _given(row, own_columns, tally)
        own = _id(given)
        if own:
            yield from _agent(own, given, row)
        else:
            yield said(row, "row", "the row has neither id nor name of an agent", level="error")
    yield from tally.findings()


def _table(file: File) -> Iterator[Node]:
    return (Node(dict(record), file, where.removeprefix(f"{file.name}:"), Document(None)) for record, where in file.records())


def _rows(document: Node) -> tuple[str, list[Node]]:
    """The rows, and the folded key above them: a list by itself, or the longest one in a mapping, one level deep or two."""
    if not document.is_mapping:
        return "", list(document.items())
    lists = [
        (key, one)
        for holder in (document, document["result"], document["data"])
        for key, one in holder.pairs()
        if isinstance(one.value, list)
    ]
    if not lists:
        return "", [document]
    key, found = max(lists, key=lambda pair: (_folded(pair[0]) in _HOLDING, len(list(pair[1].items()))))
    return _folded(key), list(found.items())


@lru_cache(1 << 10)
def _folded(name: str) -> str:
    plain = re.sub(r"[^a-z0-9]", "", name.casefold())
    return plain.removesuffix("c") if name.endswith("__c") else plain


def _given(row: Node, own_columns: Mapping[str, str], tally: Tally) -> dict[str, Node]:
    """What the row says, by our names; of two columns that mean the same, the one named first in the table."""
    found: dict[str, tuple[int, Node]] = {}
    for key, one in row.pairs():
        folded = _folded(key)
        if folded == "name" and one.text.startswith("projects/"):
            folded = "resourcename"  # Google's name is the path of the resource, its display name is the name
        meaning, rank = _MEANINGS.get(folded, ("", 0))
        if folded in own_columns:
            meaning, rank = own_columns[folded] or meaning, -1
        if not meaning:
            tally.add(f"the column {key}", one.where, 1 if one else 0)
        elif one and (meaning not in found or rank < found[meaning][0]):
            found[meaning] = rank, one
    return {meaning: one for meaning, (_, one) in found.items()}


def _text(given: Mapping[str, Node], name: str) -> str:
    """A value as text: of a mapping its name or address (Salesforce and ServiceNow nest them)."""
    one = given.get(name)
    if one is None:
        return ""
    return one.first("email", "displayName", "name", "Name", "display_value", "modelId").text if one.is_mapping else one.text


def _id(given: Mapping[str, Node]) -> str:
    """The platform's own id where there is one; of a path the last step."""
    text = _text(given, "id").rpartition("/")[2] or _text(given, "name").rpartition("/")[2]
    return f"agent:{slug(text)}" if slug(text) else ""


def _agent(own: str, given: Mapping[str, Node], row: Node) -> Iterator[Fact]:
    properties = kept(
        purpose=_text(given, "purpose"),
        status=_text(given, "status"),
        version=_text(given, "version"),
        vendor=_text(given, "vendor"),
        language=_text(given, "language"),
        url=[_text(given, "url")] if _text(given, "url") else [],
        technology=[text for text in (_text(given, "platform"), _text(given, "model")) if text],
        type=_text(given, "kind"),
        created=_text(given, "created"),
        updated=_text(given, "updated"),
        **{name: _several(given[name]) for name in _SEVERAL & given.keys()},
    )
    yield thing("Agent", own, row.where, name=_text(given, "name"), properties=properties)
    for name in _split(_text(given, "owner")):
        yield from _answers(own, "owned_by", name, row.where)
    for name in _split(_text(given, "sponsor")):
        yield from _answers(own, "sponsored_by", name, row.where)
    if unit := local(_text(given, "unit")):
        yield from link(own, "acts_for", f"unit:{unit}", row.where)


def _split(text: str) -> list[str]:
    return [one.strip() for one in text.split(";") if one.strip()]


def _answers(own: str, relation: str, text: str, where: str) -> Iterator[Fact]:
    """Whoever answers for the agent: by an address or a login a person with that key; by a bare name a person with that name."""
    known = list(owned_by(own, text if "@" in text else f"user:{text}", where, relation=relation))
    if "@" not in text and known:
        yield thing("Person", f"person:{local(text)}", where, name=text)
    yield from known


def _several(node: Node) -> list[str]:
    """The names of tools or sources: texts, mappings with names, or one text with semicolons."""
    found: list[str] = []
    for one in node.items():
        named = one.first("name", "displayName", "actionGroupName", "id") if one.is_mapping else one
        found += _split(named.text)
    return found
