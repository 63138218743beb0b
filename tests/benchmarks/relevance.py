"""How good a scope is: the share of the facts that a question needs inside the answer, beside what else could stand in its place.

`python -m tests.benchmarks.relevance` prints the table. No language model judges: a fact is in an answer where its patterns stand together
in one passage of it (an entity of a scope, a row or paragraph of a file), the same patterns for every contestant. Ours is the Markdown that
a prompt gets, fitted by our own estimate of tokens; the others are cut by the real count of a common tokenizer, which favours them.
"""

from __future__ import annotations

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportMissingTypeStubs=false
# bm25s says nothing of its types, and YAML has none
import argparse
import csv
import os
import re
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import bm25s
import bpe_openai
import yaml

from app.loading import SAMPLE, copy_workspace, run_load
from app.settings import actor_of, open_context, read_settings
from graph import Actor, ContextGraph, NotFound, Scope
from graph import scope as scopes
from graph.render import Item, as_markdown, entity_markdown
from graph.stores.base import EntityRow, Limit, RelationRow, Rule
from tests.benchmarks import sourcegraph as handbook
from tests.benchmarks.kubernetes import EARLIER, FOLDERS, derived
from tests.benchmarks.questions import Fact, Question, held_out, written

BUDGETS = (500, 1000, 2000, 4000)
NOW = "2026-11-23T10:00:00Z"
HERE = Path(__file__).parent
ROOT = HERE.parents[1]
_PASSAGE = 1200  # characters of a passage of a file, at most
_tokenizer = bpe_openai.get_encoding("o200k_base")


@dataclass
class World:
    """A graph, who asks, the questions (`fresh` are those that nothing was tuned on), and the raw files that the graph was made of."""

    name: str
    context: ContextGraph
    actor: Actor
    questions: Sequence[Question]
    fresh: Sequence[Question]
    files: Sequence[tuple[str, Path]]
    hidden: frozenset[str] = frozenset()  # the ids of the questions that are held out

    @cached_property
    def passages(self) -> list[str]:
        return [passage for name, path in self.files for passage in _passages(name, path)]

    @cached_property
    def ranked(self) -> bm25s.BM25:
        """BM25 with the library's own settings for English: stop words left out, words as they are."""
        index = bm25s.BM25()
        index.index(bm25s.tokenize(self.passages, stopwords="en", show_progress=False), show_progress=False)
        return index

    @cached_property
    def whole(self) -> list[str]:
        """Everything, in the order of the store."""
        view = self.context.view(self.actor)
        rows = list(self.context.store.entities(view.where))
        return _told(view, rows, list(self.context.store.relations(view.where)))


# the files as passages, each with where it stands, so that full text search has all that a reader of the file would have


def _passages(name: str, path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".csv":
        for row in csv.DictReader(text.splitlines()):
            yield f"{name}: " + "; ".join(f"{key}: {value}" for key, value in row.items() if value)
    elif path.suffix in (".yaml", ".yml") or path.name.startswith("OWNERS"):
        yield from _branches(name, yaml.load(text, yaml.CBaseLoader))  # it makes texts, lists and mappings only
    else:
        yield from _paragraphs(name, text)


def _branches(name: str, node: Any) -> Iterator[str]:
    """The smallest branches that make a passage, each under the names of those above it."""
    said = yaml.dump(node, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=10_000)
    inner = isinstance(node, dict | list)
    if len(said) <= _PASSAGE or not inner:
        yield f"{name}:\n{said}"
        return
    pairs = cast("Iterable[tuple[object, Any]]", node.items() if isinstance(node, dict) else enumerate(node))
    small: dict[str, Any] = {}
    for key, value in pairs:
        called = next((str(value[field]) for field in ("name", "title", "dir", "id") if isinstance(value, dict) and value.get(field)), key)
        if len(str(value)) < 200 and isinstance(node, dict):
            small[str(key)] = value
        else:
            yield from _branches(f"{name} {called}", value)
    if small:
        yield f"{name}:\n" + yaml.dump(small, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=10_000)


def _paragraphs(name: str, text: str) -> Iterator[str]:
    title = next((line for line in text.splitlines() if re.match(r"#|title:|term:", line, re.IGNORECASE)), "")
    held = ""
    for block in re.split(r"\n\s*\n", text):
        if held and len(held) + len(block) > _PASSAGE:
            yield f"{name} {title}\n{held}"
            held = ""
        held += block + "\n\n"
    yield f"{name} {title}\n{held}"


# the contestants: each gives the passages of its answer


def _ours(world: World, question: Question, budget: int) -> list[str]:
    wanted = Scope(
        text=question.text, task=question.task, function=question.function, anchors=question.anchors, budget=budget, compact=True
    )
    try:
        text = as_markdown(world.context.scope(wanted, actor=world.actor))
    except NotFound:
        return []
    return re.split(r"(?m)^(?=- |## )", text)


def _full_text(world: World, question: Question, budget: int) -> list[str]:
    asked = bm25s.tokenize([question.text], stopwords="en", show_progress=False)
    found: Any = world.ranked.retrieve(asked, k=min(200, len(world.passages)), show_progress=False)[0]
    return _cut((world.passages[int(number)] for number in found[0]), budget)


def _hops(world: World, question: Question, budget: int) -> list[str]:
    """Breadth first for two hops from the same anchors along every relation both ways."""
    view = world.context.view(world.actor)
    named = [id_ for id_ in (question.task, question.function, *question.anchors) if id_]
    anchors = list(scopes.known(view, named).values()) if named else [hit.id for hit in scopes.find(view, question.text, limit=8)]
    rules = [Rule(name, way, 2) for name in sorted(world.context.ontology.relations) for way in (True, False)]
    walked = view.store.walk(anchors, rules, view.where, limit=Limit(2, 300, 1500))
    return _cut(_told(view, walked.entities, walked.relations), budget)


def _told(view: scopes.View, rows: Sequence[EntityRow], relations: Sequence[RelationRow]) -> list[str]:
    """These things in full as Markdown, in their order, each with its relations to what stands before it."""
    fresh, names = scopes.freshnesses(view, rows), {row.id: row.name for row in rows}
    items = [Item(row=row, why=(), rank=0.0, freshness=fresh[row.id]) for row in rows]
    near = scopes.related(items, relations)
    return [entity_markdown(replace(item, relations=tuple(near[item.row.id])), names) for item in items]


def _everything(world: World, question: Question, budget: int) -> list[str]:
    return _cut(world.whole, budget)


def _cut(passages: Iterable[str], budget: int) -> list[str]:
    """The passages that fit whole, from the first on, by the real count of tokens."""
    taken: list[str] = []
    for passage in passages:
        budget -= len(_tokenizer.encode(passage)) + 1
        if budget < 0:
            break
        taken.append(passage)
    return taken


CONTESTANTS: Mapping[str, Callable[[World, Question, int], list[str]]] = {
    "scope": _ours,
    "BM25": _full_text,
    "two hops": _hops,
    "whole graph": _everything,
}


# judging


def _says(passages: Sequence[str], fact: Fact) -> bool:
    return any(all(re.search(pattern, passage, re.IGNORECASE) for pattern in fact.patterns) for passage in passages)


@dataclass(frozen=True)
class Mark:
    """How one contestant did on one question at one budget: which of the needed facts it lacks, and dead facts that it serves."""

    contestant: str
    budget: int
    question: Question
    lacks: tuple[Fact, ...]
    dead: tuple[Fact, ...]

    @property
    def share(self) -> float:
        return 1 - len(self.lacks) / len(self.question.needs)


def judge(world: World, *, contestants: Sequence[str] = tuple(CONTESTANTS), budgets: Sequence[int] = BUDGETS) -> list[Mark]:
    """Every question to every contestant at every budget; what is dead is looked for in the answer to any question."""
    questions = (*world.questions, *world.fresh)
    dead = tuple({fact: None for question in questions for fact in question.dead})
    marks: list[Mark] = []
    for name in contestants:
        for question in questions:
            for budget in budgets:
                passages = CONTESTANTS[name](world, question, budget)
                lacks = tuple(fact for fact in question.needs if not _says(passages, fact))
                marks.append(Mark(name, budget, question, lacks, tuple(fact for fact in dead if _says(passages, fact))))
    return marks


# the worlds


def sample(folder: Path) -> World:
    """The sample company, with the questions that were written by hand."""
    copy_workspace(SAMPLE, folder)
    context, actor = _loaded(folder, {"ORGCONTEXT_NOW": NOW})
    files = [(path.relative_to(SAMPLE).as_posix(), path) for path in sorted(SAMPLE.rglob("*")) if path.suffix in (".csv", ".md", ".yaml")]
    about = [pair for pair in files if pair[0] not in ("README.md", "FAULTS.md", "orgcontext.yaml", "access.yaml", "aliases.yaml")]
    first, second, fresh = (written(HERE / "questions" / f"{name}.yaml") for name in ("sample", "second-sample", "fresh-sample"))
    return World("sample", context, actor, [*first, *second], fresh, about, held_out(first))


def kubernetes(folder: Path, data: Path) -> World:
    """The Kubernetes project, first as it was a year before (so that some facts are dead) and then as it is now."""
    copy_workspace(ROOT / "app" / "examples" / "kubernetes", folder)
    copies = folder / "data"
    for name in FOLDERS[1:]:
        shutil.copytree(data / name, copies / name)
    if (data / EARLIER).is_dir():
        shutil.copytree(data / EARLIER, copies / FOLDERS[0])
        _loaded(folder, {"ORGCONTEXT_NOW": NOW, "ORGCONTEXT_DATA": str(copies)})[0].close()
        shutil.rmtree(copies / FOLDERS[0])
    shutil.copytree(data / FOLDERS[0], copies / FOLDERS[0])
    context, actor = _loaded(folder, {"ORGCONTEXT_NOW": NOW, "ORGCONTEXT_DATA": str(copies)})
    questions, fresh = (_derived(data, name) for name in ("kubernetes", "fresh-kubernetes"))
    paths = [(path.relative_to(data).as_posix(), path) for name in FOLDERS for path in sorted((data / name).rglob("*")) if path.is_file()]
    about = [pair for pair in paths if pair[1].suffix in (".yaml", ".md") or pair[1].name.startswith("OWNERS")]
    return World(
        "kubernetes", context, actor, questions, fresh, [pair for pair in about if pair[1].name != "SOURCE.md"], held_out(questions)
    )


def _derived(data: Path, name: str) -> list[Question]:
    rows: list[Mapping[str, Any]] = yaml.safe_load((HERE / "questions" / f"{name}.yaml").read_text(encoding="utf-8"))
    return [question for row in rows for question in derived(data, row)]


def sourcegraph(folder: Path, data: Path) -> World:
    """The handbook of Sourcegraph, with fresh questions only."""
    copy_workspace(ROOT / "app" / "examples" / "sourcegraph", folder)
    context, actor = _loaded(folder, {"ORGCONTEXT_NOW": NOW, "ORGCONTEXT_DATA": str(data)})
    files = [path for part in ("data", "content") for path in sorted((data / handbook.FOLDER / part).rglob("*"))]
    about = [(path.relative_to(data).as_posix(), path) for path in files if path.suffix in (".yml", ".md")]
    return World("sourcegraph", context, actor, (), list(handbook.derived(data)), about)


def _loaded(folder: Path, environment: Mapping[str, str]) -> tuple[ContextGraph, Actor]:
    settings = read_settings(folder, environment=environment)
    context = open_context(settings)
    run_load(settings, context, keep_going=True, confirmed=tuple(one.name for one in settings.workspace.sources), actor="person:bench")
    return context, actor_of(settings, context)


# the table


def table(marks: Sequence[Mark]) -> str:
    """The share of the needed facts by contestant and budget, and the dead facts that were served."""
    held: dict[tuple[str, int], list[Mark]] = defaultdict(list)
    for mark in marks:
        held[mark.contestant, mark.budget].append(mark)
    names = list(dict.fromkeys(mark.contestant for mark in marks))
    budgets = sorted({mark.budget for mark in marks})
    lines = [f"{'':<14}" + "".join(f"{budget:>8}" for budget in budgets) + f"{'dead':>8}"]
    for name in names:
        shares = (_share(held[name, budget]) for budget in budgets)
        served = len({(mark.question.id, fact) for budget in budgets for mark in held[name, budget] for fact in mark.dead})
        lines.append(f"{name:<14}" + "".join(f"{share:>8.3f}" for share in shares) + f"{served:>8}")
    return "\n".join(lines)


def _share(marks: Sequence[Mark]) -> float:
    return sum(mark.share for mark in marks) / len(marks) if marks else 0.0


def _report(world: World, marks: Sequence[Mark], hidden: frozenset[str], *, everything: bool, lacking: bool) -> Iterator[str]:
    fresh = {question.id for question in world.fresh}
    open_ = [mark for mark in marks if mark.question.id not in hidden | fresh]
    if open_:
        yield f"{world.name}, {len({mark.question.id for mark in open_})} questions that were looked at\n{table(open_)}"
    if fresh:
        yield f"{world.name}, {len(fresh)} fresh questions, which nothing was tuned on\n{table([mark for mark in marks if mark.question.id in fresh])}"
    if everything and hidden:
        yield f"{world.name}, {len(hidden)} questions held out\n{table([mark for mark in marks if mark.question.id in hidden])}"
        for kind in dict.fromkeys(mark.question.kind for mark in marks):
            of_kind = [mark for mark in marks if mark.question.kind == kind]
            yield f"{world.name}, {kind}: {len({mark.question.id for mark in of_kind})} questions\n{table(of_kind)}"
    if lacking:
        for mark in open_:
            if mark.contestant == "scope" and mark.lacks and mark.budget == 2000:
                yield f"{mark.question.id} ({mark.question.text}) lacks " + "; ".join(fact.place for fact in mark.lacks)


def main(arguments: Sequence[str]) -> None:
    """Print the tables of the worlds; of those over public data only where their files are."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.relevance", description=__doc__)
    parser.add_argument("--world", choices=("sample", "kubernetes", "sourcegraph"))
    parser.add_argument("--held-out", action="store_true", help="also the held-out third, and the kinds of question")
    parser.add_argument("--open", action="store_true", help="only the questions that were looked at")
    parser.add_argument("--lacking", action="store_true", help="which facts our own answers lack at 2,000 tokens")
    parser.add_argument("--only", action="append", choices=sorted(CONTESTANTS), help="only this contestant; may be said several times")
    chosen = parser.parse_args(arguments)
    data = Path(os.environ.get("ORGCONTEXT_DATA") or ROOT.parent / "shared" / "data").resolve()
    worlds: dict[str, Callable[[Path], World]] = {"sample": sample}
    if all((data / name).is_dir() for name in FOLDERS):
        worlds["kubernetes"] = lambda folder: kubernetes(folder, data)
    if (data / handbook.FOLDER).is_dir():
        worlds["sourcegraph"] = lambda folder: sourcegraph(folder, data)
    for name in [chosen.world] if chosen.world else worlds:
        with tempfile.TemporaryDirectory() as folder:
            world = worlds[name](Path(folder) / name)
            hidden = world.hidden
            if chosen.open:
                world = replace(world, questions=[one for one in world.questions if one.id not in hidden], fresh=())
            marks = judge(world, contestants=chosen.only or tuple(CONTESTANTS))
            print("\n\n".join(_report(world, marks, hidden, everything=chosen.held_out, lacking=chosen.lacking)), end="\n\n", flush=True)
            world.context.close()


if __name__ == "__main__":
    main(sys.argv[1:])
