"""Decisions from DMN 1.1 to 1.5: tables with their rules, what they need, and who has the authority; what is worked out is in `graph.decide`.

A cell of a table becomes a condition that can be read and worked out (`Age >= 18 and Risk = "Low"`), an expression stays the text that it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from graph import Fact, Finding, InputError, Slot, checked, condition, slug
from loaders.elements import Element, opens_with, root, standing, unread
from loaders.source import File, filled, link, thing

_SPACE = "omg.org/spec/DMN/"
_LOGIC = (
    *("decisionTable", "literalExpression", "invocation", "context", "functionDefinition", "relation", "list", "conditional"),
    *("filter", "for", "some", "every", "iterator"),
)
_DECIDES = ("decision", "businessKnowledgeModel")
_USED = frozenset(
    (
        *(
            "definitions",
            "import",
            *_DECIDES,
            *_LOGIC,
            "inputData",
            "knowledgeSource",
            "itemDefinition",
            "itemComponent",
            "typeRef",
            "text",
        ),
        *("allowedValues", "typeConstraint", "variable", "parameter", "formalParameter", "encapsulatedLogic", "description"),
        *("informationRequirement", "knowledgeRequirement", "authorityRequirement", "requiredDecision", "requiredInput"),
        *("requiredKnowledge", "requiredAuthority", "input", "inputExpression", "inputValues", "output", "outputValues"),
        *("defaultOutputEntry", "rule", "inputEntry", "outputEntry", "annotation", "annotationEntry", "contextEntry", "binding"),
        *("row", "column", "question", "allowedAnswers", "decisionOwner", "decisionMaker", "organizationUnit", "usingProcess"),
        *("usingTask", "decisionMade", "decisionOwned", "owner", "type", "expression"),
    )
)


def matches(file: File) -> bool:
    """Whether its first element is the definitions of DMN, by its namespace."""
    space, name = opens_with(file)
    return name == "definitions" and _SPACE in space


def read(file: File) -> Iterator[Fact | Finding]:
    """The decisions of a model, the rules of their tables, and what each of them needs."""
    model = _Model(file, root(file, skipped=_DRAWING))
    for one in model.root.all("inputData"):
        kind = model.type_of(one.first("variable") or one)
        yield thing("InputData", model.ids[one("id")], model.where(one), name=_words(one("name")), properties=filled(datatype=kind[0]))
    for one in model.root.all("knowledgeSource"):
        yield from _source(model, one)
    for one in model.root.all(*_DECIDES):
        yield from _decision(model, one)
    yield from _rest(model)


_DRAWING = frozenset(
    {
        *(f"https://www.omg.org/spec/DMN/{day}/DMNDI/" for day in ("20191111", "20230324", "20240513")),
        *(f"http://www.omg.org/spec/DMN/{name}" for name in ("20180521/DMNDI/", "20180521/DC/", "20180521/DI/", "20191111/DMNDI/")),
    }
)


@dataclass
class _Model:
    """A file, what its elements are called in the graph, and the names and types that its expressions use."""

    file: File
    root: Element
    ids: dict[str, str] = field(default_factory=dict[str, str])
    types: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])  # type -> base type, allowed values
    units: dict[str, str] = field(default_factory=dict[str, str])
    names: frozenset[str] = frozenset()
    missed: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])

    def __post_init__(self) -> None:
        for one in self.root.all(*_PREFIXES):
            if one.name == "organizationUnit":
                self.units[one("id")] = f"unit:{slug(one('name'))}" if slug(one("name")) else ""
            self.ids[one("id")] = f"{_PREFIXES[one.name]}:{self.standing(one)}"
        for one in self.root.all("itemDefinition"):
            allowed = one.first("allowedValues") or one.first("typeConstraint")
            self.types[one("name")] = _base(one.said("typeRef")), allowed.said("text") if allowed else ""
        named = ("itemComponent", "variable", "formalParameter", "inputData", *_DECIDES, "parameter", "output")
        self.names = frozenset(one("name") for one in self.root.walk() if one.name in named and one("name"))

    def standing(self, one: Element) -> str:
        return standing(self.file, one("id") or one("name") or f"line-{one.line}", space=self.root("namespace"))

    def type_of(self, one: Element) -> tuple[str, str]:
        """The base type of what has a `typeRef`, and the values that the type allows."""
        own = _base(one("typeRef") or one.said("typeRef"))
        return self.types.get(own, (own, ""))

    def at(self, href: str, prefix: str) -> str:
        """The thing that `#id` or `namespace#id` means; of another file, as its own loader would call it."""
        space, _, id_ = href.rpartition("#")
        if id_ in self.ids and space in ("", self.root("namespace")):
            return self.ids[id_]
        return f"{prefix}:{standing(self.file, id_, space=space)}" if slug(id_) else ""

    def miss(self, what: str, line: int) -> None:
        before, first = self.missed.get(what, (0, line))
        self.missed[what] = before + 1, first

    def where(self, one: Element) -> str:
        return self.file.locator(f"{one.line}#{one('id')}" if one("id") else str(one.line))


_PREFIXES = {
    "decision": "table",
    "businessKnowledgeModel": "table",
    "inputData": "input",
    "knowledgeSource": "asset",
    "organizationUnit": "unit",
}


def _base(name: str) -> str:
    return name.rpartition(":")[2].strip().removeprefix("feel.")


def _words(text: str) -> str:
    return " ".join(text.split())


# what a decision needs


def _source(model: _Model, one: Element) -> Iterator[Fact]:
    own, where = model.ids[one("id")], model.where(one)
    more = filled(description=one.said("description"), url=one("locationURI"), sort=one.said("type"))
    yield thing("Document", own, where, name=_words(one("name")) or one("id"), properties=more)
    for owner in one.all("owner"):
        yield from link(own, "owned_by", model.units.get(owner("href").rpartition("#")[2], ""), where)
    yield from _needs(model, one, own)


def _needs(model: _Model, one: Element, own: str) -> Iterator[Fact]:
    for need in one.all("informationRequirement", "knowledgeRequirement", "authorityRequirement"):
        for wanted in need.children:
            if wanted.name in _NEEDS:
                relation, prefix, sort = _NEEDS[wanted.name]
                relation = "depends_on" if own.startswith("asset:") else relation
                more = filled(sort=sort) if relation == "depends_on" else {}
                yield from link(own, relation, model.at(wanted("href"), prefix), model.where(need), properties=more)


_NEEDS = {
    "requiredDecision": ("depends_on", "table", "data"),
    "requiredInput": ("depends_on", "input", "data"),
    "requiredKnowledge": ("depends_on", "table", "knowledge"),
    "requiredAuthority": ("governed_by", "asset", "knowledge"),
}


# decisions


def _decision(model: _Model, one: Element) -> Iterator[Fact | Finding]:
    own, where = model.ids[one("id")], model.where(one)
    holder = one.first("encapsulatedLogic") or one
    logic = next(holder.all(*_LOGIC), None)
    table = logic if logic and logic.name == "decisionTable" else None
    variable = one.first("variable")
    result = _words(variable("name") if variable and variable("name") else one("name"))
    parameters = tuple(dict.fromkeys(f"{p('name')}: {model.type_of(p)[0]}".removesuffix(": ") for p in holder.all("formalParameter")))
    more = filled(
        element=one.name,
        result=result,
        description=one.said("description"),
        question=one.said("question"),
        allowed_answers=one.said("allowedAnswers"),
        inputs=parameters,
        parameters=parameters,
        expression="" if table or not logic else _written(logic),
    )
    shape = _shape(model, table, result) if table else {}
    yield thing("DecisionTable", own, where, name=_words(one("name")) or one("id"), properties=more | shape)
    yield from _needs(model, one, own)
    yield from _people(model, one, own, where)
    if table:
        yield from _rules(model, table, own, result)
    for inner in logic.walk() if logic else ():
        if inner.name == "decisionTable" and inner is not table:
            yield from _inside(model, inner, own, result)


def _inside(model: _Model, table: Element, outer: str, result: str) -> Iterator[Fact | Finding]:
    """A table in a box of a decision: a table of its own that is part of the decision."""
    own, where = f"{outer}.{slug(table('id')) or f'line-{table.line}'}", model.where(table)
    name = _words(table("outputLabel")) or f"{result}: table in line {table.line}"
    yield thing("DecisionTable", own, where, name=name, properties=filled(element=table.name) | _shape(model, table, result))
    yield from link(own, "part_of", outer, where)
    yield from _rules(model, table, own, name)


def _people(model: _Model, one: Element, own: str, where: str) -> Iterator[Fact]:
    for owner in one.all("decisionOwner"):
        yield from link(own, "owned_by", model.units.get(owner("href").rpartition("#")[2], ""), where)
    for sort, prefix in (("usingProcess", "process"), ("usingTask", "activity")):
        for user in one.all(sort):
            if slug(user("href").rpartition("#")[2]):
                yield from link(f"{prefix}:{slug(user('href').rpartition('#')[2])}", "decides_with", own, where)


def _written(logic: Element) -> str:
    """An expression as text: FEEL's own where it is one, else the nearest that FEEL has for its boxes."""
    if logic.name in _BOXES:
        return _BOXES[logic.name](logic)
    return _words_of(logic)


def _words_of(logic: Element) -> str:
    return logic.said("text")


def _inner(holder: Element) -> str:
    return next((_written(one) for one in holder.all(*_LOGIC)), holder.said("text"))


def _entries(logic: Element) -> str:
    """A boxed context; with an entry that has no name, it gives that one (DMN 1.5, 7.3.5)."""
    parts = [
        (variable("name") if variable else "", _inner(one)) for one in logic.all("contextEntry") for variable in [one.first("variable")]
    ]
    given = next((text for name, text in parts if not name), "")
    entries = ", ".join(f"{name}: {text}" for name, text in (*parts, *[("result", given)] * bool(given)) if name)
    return "{" + entries + ("}.result" if given else "}")


def _invoked(logic: Element) -> str:
    bound = [(one.first("parameter"), _inner(one)) for one in logic.all("binding")]
    given = ", ".join(f"{named('name')}: {text}" if named else text for named, text in bound)
    return f"{_inner(logic)}({given})"


def _defined(logic: Element) -> str:
    return f"function({', '.join(one('name') for one in logic.all('formalParameter'))}) {_inner(logic)}"


_BOXES: Mapping[str, Callable[[Element], str]] = {
    "literalExpression": _words_of,
    "decisionTable": lambda logic: f"decision table {logic('outputLabel') or logic('id')}".strip(),
    "context": _entries,
    "invocation": _invoked,
    "functionDefinition": _defined,
    "list": lambda logic: "[" + ", ".join(_written(one) for one in logic.all(*_LOGIC)) + "]",
    "relation": lambda logic: "[" + ", ".join("[" + ", ".join(map(_written, row.children)) + "]" for row in logic.all("row")) + "]",
    "conditional": lambda logic: " ".join(f"{one.name} {_inner(one)}" for one in logic.all("if", "then", "else")),
}


# tables


def _shape(model: _Model, table: Element, result: str) -> dict[str, str | list[str | int | float | bool]]:
    outputs = list(table.all("output"))
    defaults = [(one.first("defaultOutputEntry"), one("name")) for one in outputs]
    texts = {name: entry.said("text") for entry, name in defaults if entry and entry.said("text")}
    shape: dict[str, str | list[str | int | float | bool]] = {"hit_policy": table("hitPolicy").upper() or "UNIQUE"}
    if table("aggregation"):
        shape["aggregation"] = table("aggregation").upper()
    shape["inputs"] = [str(_input(model, one)) for one in table.all("input")]
    shape["outputs"] = [str(_output(model, one, result)) for one in outputs]
    if texts:
        shape["default_outcome"] = _together(texts, len(outputs))
    return {name: value for name, value in shape.items() if value}


def _input(model: _Model, one: Element) -> Slot:
    expression = one.first("inputExpression")
    kind, allowed = model.type_of(expression) if expression else ("", "")
    values = one.first("inputValues")
    return Slot(_subject(one), kind, (values.said("text") if values else "") or allowed)


def _subject(one: Element) -> str:
    expression = one.first("inputExpression")
    return _words((expression.said("text") if expression else "") or one("label") or "?")


def _output(model: _Model, one: Element, result: str) -> Slot:
    kind, allowed = model.type_of(one)
    values = one.first("outputValues")
    return Slot(_words(one("name") or one("label") or result), kind, (values.said("text") if values else "") or allowed)


def _together(texts: Mapping[str, str], outputs: int) -> str:
    """One outcome as it stands; several as a context of FEEL."""
    if outputs == 1:
        return next(iter(texts.values()))
    return "{" + ", ".join(f'"{name}": {text}' for name, text in texts.items()) + "}"


def _rules(model: _Model, table: Element, own: str, result: str) -> Iterator[Fact | Finding]:
    subjects = [_subject(one) for one in table.all("input")]
    outputs = [_words(one("name") or one("label") or result) for one in table.all("output")]
    local, name = own.partition(":")[2], result or local_name(own)
    for number, rule in enumerate(table.all("rule"), 1):
        where = model.where(rule)
        entries = [_words(one.said("text")) for one in rule.all("inputEntry")]
        results = {name: one.said("text") for name, one in zip(outputs, rule.all("outputEntry"), strict=False)}
        if len(entries) != len(subjects) or len(results) != len(outputs):
            yield _uneven(where, len(entries), len(subjects))
        then = _together({name: text or "null" for name, text in results.items()} or {"": "null"}, max(len(outputs), 1))
        conditions = [_condition(model, subject, entry) for subject, entry in zip(subjects, entries, strict=False)]
        for problem in (_problem(model, then), *(problem for _, problem in conditions)):
            if problem:
                yield _beyond(where, problem)
        when = " and ".join(text for text, _ in conditions if text)
        notes = [one.said("text") for one in rule.all("annotationEntry", "annotation")]
        told = "; ".join(filter(None, [rule.said("description"), *notes]))
        id_ = f"rule:{local}.{slug(rule('id')) or f'r{number}'}"
        more = filled(order=number, when=when, then=then, description=told)
        yield thing("DecisionRule", id_, where, name=f"{name}: rule {number}", properties=more)
        yield from link(id_, "rule_of", own, where)


def local_name(own: str) -> str:
    """The part of an id behind its prefix."""
    return own.partition(":")[2]


def _condition(model: _Model, subject: str, entry: str) -> tuple[str, str]:
    try:
        return condition(subject, entry, model.names), ""
    except InputError as error:
        return f"{subject} matches: {entry}", str(error)  # no expression of FEEL, so that nothing can be decided by it


def _problem(model: _Model, text: str) -> str:
    try:
        checked(text, model.names)
    except InputError as error:
        return str(error)
    return ""


def _beyond(where: str, problem: str) -> Finding:
    message = f"{where}: kept as text, since it cannot be worked out: {problem}"
    return Finding(id=f"feel:{where}:{problem[:80]}", check="feel", level="note", subject=where, message=message)


def _uneven(where: str, entries: int, inputs: int) -> Finding:
    message = f"{where}: the rule has {entries} conditions for {inputs} inputs, or not one outcome for each output; give it one for each"
    return Finding(id=f"rule:{where}", check="rule", level="warning", subject=where, message=message)


def _rest(model: _Model) -> Iterator[Finding]:
    for one in model.root.all("import"):
        yield _imported(model, one)
    for one in model.root.walk():
        if _SPACE not in one.space:
            model.miss(f"the extension elements of {one.space or 'no namespace'}", one.line)
        elif one.name not in _USED:
            model.miss(f"the element {one.name}", one.line)
    yield from unread(model.file, ((what, count, line) for what, (count, line) in model.missed.items()))


def _imported(model: _Model, one: Element) -> Finding:
    """What comes of an import: things of another model are known by its namespace, wherever that model is read; its types are not looked up."""
    where, what = model.where(one), one("locationURI") or one("namespace")
    named = f" as {one('name')!r}" if one("name") else ""
    if _SPACE in one("importType"):
        message = f"{where}: imports {what}{named}: what is needed of it is found by that model's namespace where a source reads it, and nothing looks up its types and what expressions name of it"
    else:
        message = f"{where}: imports {what}{named}, which is no model of DMN ({one('importType') or 'of no type'}), and nothing reads it"
    return Finding(id=f"import:{where}", check="import", level="note", subject=one("namespace") or where, message=message)
