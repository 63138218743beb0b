"""Processes from BPMN 2.0 XML: pools, lanes, activities, events, gateways, their flows and data; what else there is, is named in notes.

A pool is a unit, a lane a role; a lane that holds lanes is a unit. A user, manual or plain task whose name says that it approves is an
approval step. Ids are those of the file (`activity:<process>.<element>`), which a modelling tool keeps when a model is moved or renamed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256

from graph import Fact, Finding, Properties, PropertyValue, Relation, slug
from loaders.elements import Element, opens_with, root, standing, unread
from loaders.source import File, filled, link, thing

_SPACE = "http://www.omg.org/spec/BPMN/20100524/MODEL"
_DRAWING = frozenset(
    {
        "http://www.omg.org/spec/BPMN/20100524/DI",
        "http://www.omg.org/spec/DD/20100524/DI",
        "http://www.omg.org/spec/DD/20100524/DC",
    }
)
_TASKS = ("task", "userTask", "manualTask", "serviceTask", "scriptTask", "sendTask", "receiveTask", "businessRuleTask")
_INSIDE = ("subProcess", "adHocSubProcess", "transaction")  # activities that hold nodes
_GLOBAL = ("globalTask", "globalUserTask", "globalManualTask", "globalScriptTask", "globalBusinessRuleTask")
_GATEWAYS = ("exclusiveGateway", "inclusiveGateway", "parallelGateway", "eventBasedGateway", "complexGateway")
_EVENTS = ("startEvent", "endEvent", "boundaryEvent", "intermediateCatchEvent", "intermediateThrowEvent", "implicitThrowEvent")
_PREFIXES = {
    **dict.fromkeys((*_TASKS, *_INSIDE, *_GLOBAL, "callActivity"), "activity"),
    **dict.fromkeys(_GATEWAYS, "gateway"),
    **dict.fromkeys(_EVENTS, "event"),
}
_KINDS = {"activity": "Activity", "step": "ApprovalStep", "gateway": "Gateway", "event": "Event"}
_OWNERS = ("potentialOwner", "humanPerformer", "performer", "resourceRole")
_NAMED = ("message", "signal", "error", "escalation", "resource", "dataStore")  # what others refer to for its name
_DATA = ("dataObject", "dataObjectReference", "dataStoreReference", "dataStore")
_TEXTS = ("script", "condition", "conditionExpression", "timeDate", "timeDuration", "timeCycle")
_USED = frozenset(
    (
        *("definitions", "collaboration", "participant", "process", "laneSet", "childLaneSet", "lane", "flowNodeRef"),
        *("incoming", "outgoing", "dataState", "sequenceFlow", "messageFlow", "association", "textAnnotation", "text", "documentation"),
        *("extensionElements", "sourceRef", "targetRef", "dataInputAssociation", "dataOutputAssociation"),
        *("resourceRef", "resourceAssignmentExpression", "formalExpression", "standardLoopCharacteristics"),
        *("multiInstanceLoopCharacteristics", "ioSpecification", "inputSet", "outputSet", "dataInput", "dataOutput"),
        *("dataInputRefs", "dataOutputRefs", "inputSetRefs", "outputSetRefs"),
        *(*_PREFIXES, *_OWNERS, *_NAMED, *_DATA, *_TEXTS),
    )
)
_READ = frozenset(
    (
        *("id", "name", "default", "processRef", "calledElement", "attachedToRef", "cancelActivity", "isInterrupting", "messageRef"),
        *("operationRef", "signalRef", "errorRef", "escalationRef", "triggeredByEvent", "dataObjectRef", "dataStoreRef"),
        *("itemSubjectRef", "sourceRef", "targetRef"),
    )
)
_DEFAULTS = {
    "startQuantity": "1",
    "completionQuantity": "1",
    "parallelMultiple": "false",
    "instantiate": "false",
    "isForCompensation": "false",
    "isCollection": "false",
    "isClosed": "false",
    "processType": "None",
    "gatewayDirection": "Unspecified",
    "eventGatewayType": "Exclusive",
}
_APPROVES = re.compile(
    r"^(?:[\w.'-]+ ){0,2}(?:approves?|authori[sz]es?|signs? off|genehmigt|approuver|approuve|autoriser|autorise|aprobar|aprueba"
    r"|autorizar|approvare|aprovar|goedkeuren|godkänn|godkend)\b|\b(?:genehmigen|freigeben|approval (?:of|by))\b",
    re.IGNORECASE,
)
_MEMBERS = re.compile(r"\b(user|group)\(([^()]*)\)")
_FORMULA = ("${", "#{", "=", "$")


def matches(file: File) -> bool:
    """Whether its first element is BPMN's, by its namespace."""
    return opens_with(file) == (_SPACE, "definitions")


def read(file: File) -> Iterator[Fact | Finding]:
    """The processes of a model with all that takes part in them."""
    model = _Model(file, root(file, skipped=_DRAWING))
    yield from _participants(model)
    for process in model.root.all("process"):
        yield from _process(model, process)
    for task in model.root.all(*_GLOBAL):
        yield from _node(model, task, _Place("", "", ()))
    yield from _flows(model)
    yield from _messages(model)
    yield from _stores(model)
    yield from _rest(model)


@dataclass(frozen=True)
class _Place:
    """Where a node stands: its process, the sub-process that holds it, and who performs what stands there."""

    process: str
    within: str
    performers: tuple[str, ...]


@dataclass
class _Model:
    """A file, and what its elements are called in the graph."""

    file: File
    root: Element
    ids: dict[str, str] = field(default_factory=dict[str, str])  # element -> thing
    units: dict[str, str] = field(default_factory=dict[str, str])  # process, participant or node -> unit
    lanes: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # node -> performers
    names: dict[str, str] = field(default_factory=dict[str, str])  # what others refer to for its name
    notes: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # node -> annotations
    data: dict[str, str] = field(default_factory=dict[str, str])  # data element -> data set
    datums: dict[str, list[Element]] = field(default_factory=lambda: defaultdict(list))  # data set -> its elements
    missed: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    taken: set[str] = field(default_factory=set[str])
    pools: dict[str, str] = field(default_factory=dict[str, str])  # process -> the name of its participant
    elements: list[Element] = field(default_factory=list[Element])  # all of them
    repeated: list[Element] = field(default_factory=list[Element])  # nodes with the id of another one of their process

    def __post_init__(self) -> None:
        self.elements = list(self.root.walk())
        self.repeated = _told_apart(self.root)
        self.names = {one("id"): _words(one("name")) for one in self.root.all(*_NAMED) if one("name")}
        pools = (one for collaboration in self.root.all("collaboration") for one in collaboration.all("participant"))
        self.pools = {_local(one("processRef")): _words(one("name")) for one in pools}
        for process in self.root.all("process"):
            self.ids[process("id")] = f"process:{self.standing(process('id') or process('name'))}"
            self._number(process, self.ids[process("id")].partition(":")[2])
        for task in self.root.all(*_GLOBAL):
            self._name(task, self.standing(task("id")))
        self._number_data()
        self._annotations()

    def standing(self, id_: str) -> str:
        return standing(self.file, id_, space=self.root("targetNamespace"))

    def _number(self, process: Element, own: str) -> None:
        for one in process.walk():
            if one.name in _PREFIXES:
                self._name(one, f"{own}.{slug(one('id')) or f'line-{one.line}'}")

    def _name(self, one: Element, own: str) -> None:
        prefix = "step" if one.name in ("task", "userTask", "manualTask") and _APPROVES.search(_words(one("name"))) else _PREFIXES[one.name]
        wanted = f"{prefix}:{own}"
        if wanted in self.taken:  # ids that differ only in case or in signs
            wanted += f"-{sha256(one('id').encode()).hexdigest()[:6]}"
        self.taken.add(wanted)
        self.ids[one("id")] = wanted

    def _number_data(self) -> None:
        for one in self.root.all("dataStore"):
            self.datums[f"dataset:{self.standing(one('id'))}"].append(one)
            self.data[one("id")] = f"dataset:{self.standing(one('id'))}"
        for process in self.root.all("process"):
            own = self.ids[process("id")].partition(":")[2]
            found = [one for one in process.walk() if one.name in _DATA]
            for one in sorted(found, key=lambda one: one.name != "dataObject"):
                of = self.data.get(_local(one("dataObjectRef") or one("dataStoreRef")))
                self.data[one("id")] = of or f"dataset:{own}.{slug(one('id')) or f'line-{one.line}'}"
                self.datums[self.data[one("id")]].append(one)

    def _annotations(self) -> None:
        texts = {one("id"): _words(one.said("text")) for one in self.elements if one.name == "textAnnotation"}
        for one in (one for one in self.elements if one.name == "association"):
            for note, about in ((one("sourceRef"), one("targetRef")), (one("targetRef"), one("sourceRef"))):
                if texts.get(note) and about in self.ids:
                    self.notes[self.ids[about]].append(texts.pop(note))
        for one in self.root.all("process"):
            inside = {child("id") for child in one.walk() if child.name == "textAnnotation"}
            self.notes[self.ids[one("id")]] += [texts.pop(id_) for id_ in inside & set(texts) if texts[id_]]

    def miss(self, what: str, line: int, count: int = 1) -> None:
        """Remember that this was not used."""
        before, first = self.missed.get(what, (0, line))
        self.missed[what] = before + count, first

    def where(self, one: Element) -> str:
        return self.file.locator(f"{one.line}#{one('id')}" if one("id") else str(one.line))


_REFERS = ("sourceRef", "targetRef", "attachedToRef", "default", "dataObjectRef", "dataStoreRef")
_REFERRING = ("flowNodeRef", "sourceRef", "targetRef")


def _told_apart(root: Element) -> list[Element]:
    """Give ids that several processes use a number in all but the first of them, as tools write them that count in each process anew.

    What comes back are the nodes whose id another node of the same process has: nothing tells which of them a flow means.
    """
    used: set[str] = set()
    repeated: list[Element] = []
    for number, process in enumerate(root.all("process"), 1):
        inside = [one for one in process.walk() if one is not process]
        own: dict[str, Element] = {}
        named = (one for one in inside if one("id"))
        repeated += [one for one in named if own.setdefault(one("id"), one) is not one and one.name in _PREFIXES]
        renamed = {id_: f"{id_}.{number}" for id_ in own.keys() & used}
        used |= own.keys()
        for one in inside if renamed else ():
            one.attributes.update({key: renamed[one(key)] for key in ("id", *_REFERS) if one(key) in renamed})
            if one.name in _REFERRING and one.text.strip() in renamed:
                one.text = renamed[one.text.strip()]
    return repeated


# who takes part


def _participants(model: _Model) -> Iterator[Fact]:
    for collaboration in model.root.all("collaboration"):
        for one in collaboration.all("participant"):
            name = _words(one("name"))
            if not slug(name):
                model.miss("a participant without a name", one.line)
                continue
            unit, process = f"unit:{slug(name)}", _local(one("processRef"))
            model.units |= {one("id"): unit, process: unit}
            yield thing("Unit", unit, model.where(one), name=name, properties=filled(unit_type="participant", description=_told(one)))
            yield from link(model.ids.get(process, ""), "performed_by", unit, model.where(one))


def _lanes(model: _Model, holder: Element, above: str) -> Iterator[Fact]:
    """The lanes of a process or lane; `above` is the unit that they are part of."""
    for lane in (lane for lanes in holder.all("laneSet", "childLaneSet") for lane in lanes.all("lane")):
        name = _words(lane("name"))
        inner = any(True for lanes in lane.all("childLaneSet") for _ in lanes.all("lane"))
        own = f"{'unit' if inner else 'role'}:{slug(name)}" if slug(name) else ""
        if own:
            yield thing(_LANES[inner], own, model.where(lane), name=name, properties=filled(description=_told(lane)))
            if own != above:
                yield from link(own, "part_of" if inner else "member_of", above, model.where(lane))
        else:
            model.miss("a lane without a name", lane.line)
        for node in lane.all("flowNodeRef"):
            if own or above:
                model.lanes[_local(node.text)] = [own or above]
        yield from _lanes(model, lane, own or above)


_LANES = {True: "Unit", False: "Role"}


def _process(model: _Model, process: Element) -> Iterator[Fact]:
    own, unit = model.ids[process("id")], model.units.get(process("id"), "")
    starts = [_words(one("name")) for one in process.all("startEvent")]
    name = _words(process("name")) or model.pools.get(process("id")) or process("id") or own
    more = filled(description=_told(process), trigger="; ".join(filter(None, starts)), notes="\n".join(model.notes.get(own, [])))
    yield thing("Process", own, model.where(process), name=name, properties=_kept(model, process) | more)
    yield from _resources(model, process, own)
    yield from _nodes(model, process, _Place(own, "", (unit,) if unit else ()))


def _nodes(model: _Model, holder: Element, place: _Place) -> Iterator[Fact]:
    yield from _lanes(model, holder, next((own for own in place.performers if own.startswith("unit:")), ""))
    for one in holder.children:
        if one.name in _PREFIXES:
            yield from _node(model, one, place)


# what happens


def _node(model: _Model, one: Element, place: _Place) -> Iterator[Fact]:
    own, where = model.ids[one("id")], model.where(one)
    prefix = own.partition(":")[0]
    name = _words(one("name")) or _unnamed(one)
    yield thing(_KINDS[prefix], own, where, name=name, properties=_said(model, one, own))
    yield from link(own, "step_of", place.process, where)
    yield from link(own, "part_of", place.within, where)
    performers = tuple(model.lanes.get(one("id"), place.performers))
    owners = list(_resources(model, one, own))
    yield from (fact for performer in performers for fact in link(own, "performed_by", performer, where))
    yield from owners
    if prefix == "step":
        named = [fact.target for fact in owners if isinstance(fact, Relation)] or performers
        yield from (fact for approver in named for fact in link(own, "approved_by", approver, where))
    yield from _beyond(model, one, own)
    if one.name in _INSIDE:
        yield from _nodes(model, one, _Place(place.process, own, performers))
    yield from _associations(model, one, own)


def _unnamed(one: Element) -> str:
    """What a node without a name is called: `Exclusive gateway`, `Timer boundary event`."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", one.name).lower()
    return " ".join([*_triggers(one), words]).capitalize()


def _triggers(one: Element) -> list[str]:
    return [child.name.removesuffix("EventDefinition") for child in one.children if child.name.endswith("EventDefinition")]


def _said(model: _Model, one: Element, own: str) -> Properties:
    definitions = [child for child in one.children if child.name.endswith("EventDefinition")]
    texts = [_words(child.text) for holder in (one, *definitions) for child in holder.all(*_TEXTS)]
    refers = [_local(holder(key)) for holder in (one, *definitions) for key in ("messageRef", "signalRef", "errorRef", "escalationRef")]
    labels = [*(model.names.get(ref, "") for ref in refers), *(_words(child("name")) for child in definitions)]
    return _kept(model, one) | filled(
        element=one.name,
        description=_told(one),
        notes="\n".join(model.notes.get(own, [])),
        triggers=tuple(_triggers(one)),
        expression="; ".join(filter(None, texts)),
        label=tuple(dict.fromkeys(filter(None, labels))),
        loop=_loop(one),
        interrupting=_interrupts(one),
        triggered_by_event=True if one("triggeredByEvent") == "true" else None,
    )


def _loop(one: Element) -> str:
    several = one.first("multiInstanceLoopCharacteristics")
    if several:
        return "sequential" if several("isSequential") == "true" else "parallel"
    return "loop" if one.first("standardLoopCharacteristics") else ""


def _interrupts(one: Element) -> bool | None:
    if one.name == "boundaryEvent":
        return one("cancelActivity") != "false"
    return False if one("isInterrupting") == "false" else None


def _kept(model: _Model, one: Element) -> Properties:
    """The attributes that no rule reads and that say something, under their names; foreign ones are counted."""
    held: Properties = {}
    for key, value in one.attributes.items():
        space, _, name = key.rpartition(" ")
        if space:
            if name not in _VENDORS:
                model.miss(f"the attributes of {space}", one.line)
        elif key not in _READ and value.strip() and _DEFAULTS.get(key) != value and not value.startswith("##"):
            held[re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).lower()] = _typed(value)
    return held


def _typed(value: str) -> PropertyValue:
    return {"true": True, "false": False}.get(value, value)


def _beyond(model: _Model, one: Element, own: str) -> Iterator[Fact]:
    """What a node calls, decides with, or is attached to."""
    where = model.where(one)
    if one.name == "boundaryEvent":
        yield from link(own, "attached_to", model.ids.get(_local(one("attachedToRef")), ""), where)
    elif one("attachedToRef"):
        model.miss(f"attachedToRef on {one.name}", one.line)
    called = _local(one("calledElement")) or next(_foreign(one, "processId"), "")
    if one.name == "callActivity" and called and not called.startswith(_FORMULA):
        yield from link(own, "calls", model.ids.get(called) or f"process:{slug(called)}", where)
    decision = next(_foreign(one, "decisionRef", "decisionId", "decisionTaskRef"), "")
    if decision and slug(decision) and not decision.startswith(_FORMULA):
        yield from link(own, "decides_with", f"table:{slug(decision)}", where)


_VENDORS = frozenset({"assignee", "candidateGroups", "candidateUsers", "decisionRef", "decisionId", "processId"})


def _foreign(one: Element, *names: str) -> Iterator[str]:
    """What a vendor's attribute says: on the element itself, or on one of its extension elements."""
    holders = [one, *(child for extension in one.all("extensionElements") for child in extension.children)]
    for holder in holders:
        for key, value in holder.attributes.items():
            if key.rpartition(" ")[2] in names and (" " in key or holder is not one) and value.strip():
                yield value.strip()


# who does it by name


def _resources(model: _Model, one: Element, own: str) -> Iterator[Fact]:
    where = model.where(one)
    for owner in one.all(*_OWNERS):
        name = model.names.get(_local(owner.said("resourceRef")), "")
        text = next((_words(inner.text) for inner in owner.walk() if inner.name == "formalExpression" and inner.text.strip()), "")
        yield from _doer(own, "Role", name or ("" if _MEMBERS.search(text) or text.startswith(_FORMULA) else text), where)
        for sort, members in _MEMBERS.findall(text):
            yield from (fact for member in members.split(",") for fact in _doer(own, _SORTS[sort], member, where))
        if text.startswith(_FORMULA):
            model.miss(f"the expression {text[:60]!r} that finds a performer", owner.line)
    for sort, names in (("group", ("candidateGroups",)), ("user", ("assignee", "candidateUsers"))):
        for member in (member for value in _foreign(one, *names) for member in value.split(",")):
            if member.strip().startswith(_FORMULA):
                model.miss(f"the expression {member.strip()[:60]!r} that finds a performer", one.line)
            else:
                yield from _doer(own, _SORTS[sort], member, where)


_SORTS = {"user": "Person", "group": "Role"}


def _doer(own: str, kind: str, name: str, where: str) -> Iterator[Fact]:
    name = name.strip()
    if slug(name):
        doer = f"{kind.lower()}:{slug(name)}"
        yield thing(kind, doer, where, name="" if kind == "Person" else name, properties={"login": name} if kind == "Person" else {})
        yield from link(own, "performed_by", doer, where)


# flows


def _flows(model: _Model) -> Iterator[Fact | Finding]:
    """One relation for each pair of nodes; several flows between the same two are said on it together."""
    together: dict[tuple[str, str], list[Element]] = defaultdict(list)
    defaults = {one("default") for one in model.elements if one("default")}
    for one in model.elements:
        if one.name == "sequenceFlow":
            ends = model.ids.get(_local(one("sourceRef")), ""), model.ids.get(_local(one("targetRef")), "")
            if all(ends):
                together[ends].append(one)
            else:
                yield _dangling(model, one)
    for (source, target), flows in together.items():
        conditions = [_words(flow.said("conditionExpression")) for flow in flows]
        properties = filled(
            condition=" or ".join(f"({text})" if len(flows) > 1 else text for text in conditions if text) if all(conditions) else "",
            label=tuple(filter(None, (_words(flow("name")) for flow in flows))),
            default_flow=True if any(flow("id") in defaults for flow in flows) else None,
            flows=tuple(flow("id") for flow in flows if flow("id")),
            description="\n".join(filter(None, map(_told, flows))),
        )
        yield from link(source, "precedes", target, model.where(flows[0]), properties=properties)


def _messages(model: _Model) -> Iterator[Fact | Finding]:
    """What goes from pool to pool: between the nodes that send and receive, and between the units of their pools."""
    owners = _owners(model)
    between: dict[tuple[str, str], list[Element]] = defaultdict(list)
    for one in model.elements:
        if one.name != "messageFlow":
            continue
        ends = [_local(one("sourceRef")), _local(one("targetRef"))]
        things = [model.units.get(end) or model.ids.get(end, "") for end in ends]
        if not all(things):
            yield _dangling(model, one)
            continue
        between[things[0], things[1]].append(one)
        units = [owners.get(end, "") for end in ends]
        if all(units) and units[0] != units[1] and units != things:
            between[units[0], units[1]].append(one)
    for (source, target), flows in between.items():
        names = (_words(flow("name")) or model.names.get(_local(flow("messageRef")), "") for flow in flows)
        properties = filled(label=tuple(dict.fromkeys(filter(None, names))), flows=tuple(flow("id") for flow in flows if flow("id")))
        yield from link(source, "messages", target, model.where(flows[0]), properties=properties)


def _owners(model: _Model) -> Mapping[str, str]:
    """The unit of each participant and of every node of its process."""
    owners = dict(model.units)
    for process in model.root.all("process"):
        if unit := model.units.get(process("id")):
            owners |= {one("id"): unit for one in process.walk() if one.name in _PREFIXES}
    return owners


def _dangling(model: _Model, one: Element) -> Finding:
    where = model.where(one)
    ends = f"{one('sourceRef') or 'nothing'} to {one('targetRef') or 'nothing'}"
    message = f"{where}: a {one.name} leads from {ends}, and the file does not have both; join it again in the modelling tool"
    return Finding(id=f"flow:{where}", check="flow", level="warning", subject=one("id") or where, message=message)


# data


def _stores(model: _Model) -> Iterator[Fact]:
    """A data set for each object or store; the states in which its references show it are kept on it."""
    for own, elements in model.datums.items():
        names = [_words(one("name")) for one in elements if one("name")]
        states = [found[1] for name in names if (found := _STATE.search(name))]
        states += [_words(state("name")) for one in elements for state in one.all("dataState") if state("name")]
        name = next((bare for name in names if (bare := _STATE.sub("", name).strip())), "") or elements[0]("id") or own
        properties = filled(
            element=elements[0].name.removesuffix("Reference"),
            states=tuple(dict.fromkeys(states)),
            description="\n".join(filter(None, map(_told, elements))),
        )
        kept = {key: value for one in elements for key, value in _kept(model, one).items()}
        yield thing("Dataset", own, model.where(elements[0]), name=name, properties=kept | properties)


_STATE = re.compile(r"\s*\[([^\[\]]+)\]\s*$")


def _associations(model: _Model, one: Element, own: str) -> Iterator[Fact]:
    where = model.where(one)
    for given in one.all("dataInputAssociation"):
        found = [model.data.get(_local(ref.text), "") for ref in given.all("sourceRef")]
        yield from (fact for datum in found for fact in link(datum, "informs", own, where))
        if not any(found):
            model.miss("a data input that is no data object or store", given.line)
    for made in one.all("dataOutputAssociation"):
        found = [model.data.get(_local(ref.text), "") for ref in made.all("targetRef")]
        yield from (fact for datum in found for fact in link(own, "produces", datum, where))
        if not any(found):
            model.miss("a data output that is no data object or store", made.line)


# the rest


def _rest(model: _Model) -> Iterator[Fact | Finding]:
    """The data drawn with plain associations, and a note for each sort of element that nothing reads."""
    for one in model.elements:
        if one.space != _SPACE:
            if one.name not in _NATIVE:
                model.miss(f"the extension elements of {one.space or 'no namespace'}", one.line)
        elif one.name == "association":
            yield from _drawn(model, one)
        elif one.name not in _USED and not one.name.endswith("EventDefinition"):
            model.miss(f"the element {one.name}", one.line)
    yield from map(partial(_repeated, model), model.repeated)
    yield from _taken_for_approvals(model)
    yield from unread(model.file, ((what, count, line) for what, (count, line) in model.missed.items()))


def _repeated(model: _Model, one: Element) -> Finding:
    where = model.where(one)
    message = f"{where}: another node of the process has this id, too, and both are read as one; give it an id of its own"
    return Finding(id=f"repeated:{where}", check="repeated", level="warning", subject=one("id"), message=message)


def _taken_for_approvals(model: _Model) -> Iterator[Finding]:
    steps = [one for one in model.elements if model.ids.get(one("id"), "").startswith("step:")]
    if steps:
        names = "; ".join(dict.fromkeys(_words(one("name")) for one in steps))
        message = f"{model.where(steps[0])}: read as approval steps because of their names: {names}"
        yield Finding(id=f"approval_step:{model.file.name}", check="approval_step", level="note", subject=model.file.name, message=message)


_NATIVE = frozenset({"assignmentDefinition", "calledElement", "calledDecision"})


def _drawn(model: _Model, one: Element) -> Iterator[Fact]:
    source, target = _local(one("sourceRef")), _local(one("targetRef"))
    where = model.where(one)
    if source in model.data and target in model.ids:
        yield from link(model.data[source], "informs", model.ids[target], where)
    elif source in model.ids and target in model.data:
        yield from link(model.ids[source], "produces", model.data[target], where)
    elif source in model.ids and target in model.ids:
        model.miss("an association between two nodes", one.line)


def _words(text: str) -> str:
    return " ".join(text.split())


def _told(one: Element) -> str:
    texts: Iterable[str] = (child.text.strip() for child in one.all("documentation"))
    return "\n".join(filter(None, texts))


def _local(name: str) -> str:
    """The id that a qualified name refers to."""
    return name.strip().rpartition(":")[2]
