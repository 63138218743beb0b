"""OpenLineage events in JSON or NDJSON: jobs and the data sets that they read and write, merged over all runs of a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from graph import Fact, Finding, Properties
from loaders.source import File, link, thing
from loaders.trees import MAX_VALUES, Node, Tally, kept, local, owned, said, trees, words

_JOB = words("documentation ownership jobType sourceCodeLocation tags")
_DATA = words("schema documentation ownership dataSource datasetType lifecycleStateChange tags storage version")
_RUN = frozenset(("parent",))


@dataclass
class _Thing:
    """A job or a data set: its place at the first event, and its latest facets with the time at which each was said."""

    first: Node
    facets: dict[str, tuple[str, Node]] = field(default_factory=dict[str, tuple[str, Node]])
    runs: dict[str, str] = field(default_factory=dict[str, str])

    def hear(self, facets: Node, time: str) -> None:
        """Take the facets that are later than those that are there."""
        for name, one in facets.pairs():
            if name not in self.facets or self.facets[name][0] <= time:
                self.facets[name] = time, one

    def facet(self, name: str) -> Node:
        """The latest facet of this name."""
        return self.facets[name][1] if name in self.facets else Node(None, self.first.file)


@dataclass
class _Lineage:
    """What all events of a file say together."""

    jobs: dict[str, _Thing] = field(default_factory=dict[str, _Thing])
    data: dict[str, _Thing] = field(default_factory=dict[str, _Thing])
    links: dict[tuple[str, str, str], Node] = field(default_factory=dict[tuple[str, str, str], Node])


def matches(file: File) -> bool:
    """Whether the first event has a time, a producer, and a job or a data set."""
    if file.suffix not in (".json", ".ndjson", ".jsonl"):
        return False
    start = file.content[:262_144]
    return b'"eventTime"' in start and b'"producer"' in start and (b'"job"' in start or b'"dataset"' in start) and b'"namespace"' in start


def read(file: File) -> Iterator[Fact | Finding]:
    """Jobs as systems that depend on what they read, data sets that depend on the jobs that write them."""
    tally, lineage = Tally(file), _Lineage()
    for document in trees(file):
        for event in document.items():
            if event["eventTime"].text and (event["job"] or event["dataset"]):
                _hear(event, lineage, tally)
            else:
                yield said(event, "row", "an event has an `eventTime`, and a `job` or a `dataset`", level="error")
    for own, one in lineage.jobs.items():
        yield from _job(own, one, tally)
    for own, one in lineage.data.items():
        yield from _dataset(own, one, tally)
    for (source, relation, target), node in lineage.links.items():
        properties = {"sort": "data"} if relation == "depends_on" else {}
        yield from link(source, relation, target, node.where, properties=properties)
    yield from tally.findings()


def _hear(event: Node, lineage: _Lineage, tally: Tally) -> None:
    time = event["eventTime"].text
    job = _met(lineage.jobs, "system", event["job"], time, tally)
    _met(lineage.data, "dataset", event["dataset"], time, tally)
    if job and (run := event["run"]["runId"].text):
        lineage.jobs[job].runs[run] = max(time, lineage.jobs[job].runs.get(run, ""))
    for name, back in (("inputs", False), ("outputs", True)):
        for one in event[name].items():
            other = _met(lineage.data, "dataset", one, time, tally)
            tally.rest(one["inputFacets"], frozenset(), "facet ")
            tally.rest(one["outputFacets"], frozenset(), "facet ")
            if job and other:
                ends = (other, job) if back else (job, other)
                lineage.links.setdefault((ends[0], "depends_on", ends[1]), one)
    above = event["run"]["facets"]["parent"]["job"]
    if job and (parent := _id("system", above)) and parent != job:
        lineage.links.setdefault((job, "part_of", parent), above)
    tally.rest(event["run"]["facets"], _RUN, "facet ")


def _id(prefix: str, node: Node) -> str:
    """The id by namespace and name, which together are unique (OpenLineage, naming conventions)."""
    namespace, name = local(node["namespace"].text), local(node["name"].text)
    return f"{prefix}:{namespace}/{name}" if namespace and name else ""


def _met(known: dict[str, _Thing], prefix: str, node: Node, time: str, tally: Tally) -> str:
    own = _id(prefix, node)
    if own:
        known.setdefault(own, _Thing(node)).hear(node["facets"], time)
    elif node:
        tally.add(f"a {'job' if prefix == 'system' else 'data set'} without namespace or name", node.where)
    return own


def _job(own: str, one: _Thing, tally: Tally) -> Iterator[Fact]:
    kind = one.facet("jobType")
    properties = _common(one, tally) | kept(
        type=" ".join(filter(None, (kind["integration"].text, kind["processingType"].text, kind["jobType"].text))).lower() or "job",
        url=one.facet("sourceCodeLocation").first("url", "repoUrl").text,
        runs=len(one.runs) or "",
        last_run=max(one.runs.values(), default=""),
    )
    yield thing("System", own, one.first.where, name=one.first["name"].text, properties=properties)
    yield from _owners(own, one)
    _rest(one.facets, _JOB, tally)


def _dataset(own: str, one: _Thing, tally: Tally) -> Iterator[Fact]:
    dropped = one.facet("lifecycleStateChange")["lifecycleStateChange"].text.casefold()
    namespace, name = one.first["namespace"].text, one.first["name"].text
    columns = one.facet("schema")["fields"].items()
    properties = _common(one, tally) | kept(
        type=one.facet("datasetType")["datasetType"].text,
        uri=f"{namespace}/{name}",
        columns=tuple(f"{two['name'].text}: {two['type'].text}".removesuffix(": ") for two in islice(columns, MAX_VALUES)),
        lifecycle="dropped" if dropped == "drop" else "",
        version=one.facet("version")["datasetVersion"].text,
        technology=one.facet("storage").first("storageLayer", "fileFormat").texts,
    )
    yield thing("Dataset", own, one.first.where, name=name, properties=properties)
    yield from _owners(own, one)
    _rest(one.facets, _DATA, tally)


def _common(one: _Thing, tally: Tally) -> Properties:
    tags = [(two["key"].text, two["value"].text) for two in one.facet("tags")["tags"].items() if not two["field"]]
    return kept(description=one.facet("documentation")["description"].text, labels=tally.labels(tags, one.first.where))


def _owners(own: str, one: _Thing) -> Iterator[Fact]:
    for two in one.facet("ownership")["owners"].items():
        yield from owned(own, two["name"])


def _rest(facets: Mapping[str, tuple[str, Node]], read_: frozenset[str], tally: Tally) -> None:
    for name, (_, node) in facets.items():
        if name not in read_:
            tally.add(f"facet {name}", node.where)
