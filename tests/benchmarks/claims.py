"""How many claims a second are judged, and how many bytes of text are checked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from random import Random
from time import perf_counter, process_time

from graph import ContextGraph, RelationRow
from graph.language import Sort, Usage, Vocabulary, check, stemmer
from tests.benchmarks.generator import Organization
from tests.benchmarks.table import READER, Bench, Figure, whole

_CLAIMS = 5_000


def claims(made: Organization, count: int) -> Iterator[str]:
    """True claims, wrong ones, and some about things by their names, each a line of JSON."""
    chance, rows = Random(5), list[RelationRow]()
    for key in made.keys():  # noqa: SIM118  # it is no mapping
        if chance.random() < 2 * count / made.size:
            rows.append(made.relation(key))
        if len(rows) == count:
            break
    for number, row in enumerate(rows):
        target = row.target if number % 3 else rows[(number * 7) % len(rows)].target
        yield f'{{"subject": "{row.source}", "relation": "{row.kind}", "value": "{target}"}}'


def sentences(made: Organization, context: ContextGraph, count: int) -> Iterator[str]:
    """The same said by names in the words of the ontology, of things of which it can be true."""
    ontology = context.ontology
    for line in claims(made, 4 * count):
        said = json.loads(line)
        kind = ontology.relations[said["relation"]]
        one, other = made.entity(said["subject"]), made.entity(said["value"])
        fits = (
            not ends or any(row.kind in ontology.family(end) for end in ends) for row, ends in ((one, kind.domain), (other, kind.range))
        )
        if all(fits) and count:
            count -= 1
            yield f"{one.name} {kind.label} {other.name}."


def judged(bench: Bench) -> Iterator[Figure]:
    """Claims a second, with ids and as sentences, and megabytes of text a second on a glossary of five thousand terms, both of the processor's time."""
    made, context = Organization(bench.size), whole(bench, bench.size)
    for sort, lines in (("claims", claims(made, _CLAIMS)), ("sentences", sentences(made, context, _CLAIMS // 4))):
        said = "\n".join(lines)
        began, worked = perf_counter(), process_time()
        found = context.verify(said, actor=READER)
        took, work = perf_counter() - began, process_time() - worked
        states = ", ".join(f"{sum(one.state == state for one in found):,} {state}" for state in ("supported", "contradicted", "unknown"))
        beside = f"{len(found) / took:,.0f} by the clock; {states}"
        yield Figure(f"{sort} at {bench.size:,}", len(found) / work, 0, "/s", 1000, beside, at_least=True, absolute=True)
    context.close()
    chance = Random(3)
    words = ["".join(chance.choices(_SYLLABLES, k=chance.randint(2, 4))) for _ in range(30_000)]
    vocabulary = glossary(chance, words)
    text = "\n".join(_lines(chance, words, vocabulary))
    check(vocabulary, text[:100_000], "text")
    began, worked = perf_counter(), process_time()
    met = check(vocabulary, text, "text")
    took, work = perf_counter() - began, process_time() - worked
    size = len(text.encode()) / 1e6
    beside = f"{size / took:,.1f} by the clock; {size:,.0f} MB, {len(vocabulary.uses):,} labels, {len(met):,} findings"
    yield Figure("text on a glossary of 5,000 terms", size / work, 0, "MB/s", 5, beside, at_least=True, absolute=True)


def glossary(chance: Random, words: Sequence[str]) -> Vocabulary:
    """Five thousand terms of one to three words, each with another label and one to be avoided; every tenth is defined twice."""
    found = Vocabulary(stemmer("english"))
    for number in range(5_000):
        name, other, avoided = (" ".join(chance.choices(words, k=count)) for count in (chance.choice((1, 2, 2, 3)), 2, 2))
        said: list[tuple[Sort, str]] = [("preferred", name), ("alternative", other), ("avoid", avoided)]
        for sort, label in said:
            found.add(Usage(sort, f"term:{number}", label, name, "what it is" if sort == "preferred" else ""))
        if number % 10 == 0:
            found.add(Usage("preferred", f"term:again-{number}", name, name, "another thing"))
    return found


def _lines(chance: Random, words: Sequence[str], vocabulary: Vocabulary) -> Iterator[str]:
    """Ten megabytes: half small words, half any of those of which the labels are made, and now and then a label."""
    for _ in range(90_000):
        said = " ".join([*chance.choices(words, k=9), *chance.choices(_SMALL, k=9)])
        label = f" {chance.choice(vocabulary.uses).label}" if chance.random() < 0.03 else ""
        yield f"{said.capitalize()}{label}."


_SMALL = ("the", "of", "and", "to", "a", "in", "must", "is", "that")
_SYLLABLES = re.findall(r"\w+", "con tra ris pol mer fin det qua lit ser ven cap gra tor ment ship ing ed al ive ork und ex per")
