"""How well a text and a thing fit: scores for what is looked for by name, and what the words of a question ask for. No store is asked here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from math import log
from typing import NamedTuple

from graph.decide import AMOUNT, TIMES, judge
from graph.errors import InputError
from graph.feel import parse
from graph.ontology import Ontology
from graph.stores.base import EntityRow, fold, grams_of

# words that say how something is asked and not what about; folded
_ASKING = frozenset(
    re.findall(
        r"\w+",
        "a aber about all already als am an and any are as at auch auf aus be been before bei bis by call can could das dass "
        "dem den der des did die dies dieser do does done durch earlier ein eine einem einen einer eines er es ever for from "
        "fur get haben had has hat have heute how i ich if ihr im in into is ist it its ja kann kind made make man many may "
        "me mit much muss must my nach need needs nein nicht no noch not now nun ob oder of on or our sein shall should sich "
        "sie sind so soll somebody someone still that the their them there these they this those to today uber um und under "
        "uns unser unter up us von vor wann war warum was we welche welcher welches wem wen wenn wer werden were what when "
        "where which while who whom whose why wie will wir wird with wo would yes yet you your zu zum zur ",
    )
)
_THOUSANDS = re.compile(r"(?<=\d)[,.'\u00a0\u202f](?=\d{3}\b)")  # a number is one word, and its noughts are no word that amounts share
_NUMBER = re.compile(rf"(?<![\w.,-])(?P<number>\d+(?:\.\d+)?)(?:\s*(?P<times>{'|'.join(TIMES)}))?(?![\w-]|[.,]\d)", re.IGNORECASE)
_YEARS = range(1900, 2101)  # a bare number of these is a year and no amount
_ENDINGS = ("ations", "ation", "ies", "ing", "als", "al", "ed", "es", "en", "er", "s", "e")
_CONDITIONS = {
    "condition": "{}",
    "threshold": f"{AMOUNT} >= {{}}",
    "limit": f"{AMOUNT} <= {{}}",
}  # the properties that say when a thing counts, the first there is
_LABELS = tuple(f"http://www.w3.org/2004/02/skos/core#{name}" for name in ("altLabel", "hiddenLabel", "notation"))


class Wanted(NamedTuple):
    """A text that is looked for, taken apart once for all that is compared with it."""

    text: str
    folded: str
    words: list[str]
    grams: frozenset[str]

    @classmethod
    def of(cls, text: str) -> Wanted:
        """The parts of this text."""
        folded = fold(text)
        return cls(text, folded, folded.split(), frozenset(grams_of(text).split()))


def score(wanted: Wanted, row: EntityRow, labels: frozenset[str]) -> float:
    """How well a thing fits a text, from 0 to 1: its id or name (1), another label of it (0.95), then words in its name, words elsewhere, likeness.

    `labels` are the properties that hold other labels.
    """
    name = fold(row.name)
    if wanted.text == row.id or wanted.folded == name or wanted.text in row.aliases:
        return 1.0
    if f" {wanted.folded} " in f" {row.words} " and wanted.folded in map(fold, _labelled(row, labels)):
        return 0.95
    named, held, many = f" {name} ", f" {row.words}", len(wanted.words)
    in_name = sum([f" {word} " in named for word in wanted.words]) / many
    anywhere = sum([f" {word}" in held for word in wanted.words]) / many  # whole, or the beginning of a word
    own = row.grams.split()
    both = len(wanted.grams.intersection(own))
    alike = both / (len(wanted.grams) + len(own) - both) if own or wanted.grams else 0.0
    return round(max(0.5 * in_name + 0.25 * anywhere + 0.2 * alike, 0.9 * alike), 4)


def label_properties(ontology: Ontology) -> frozenset[str]:
    """The properties that hold other labels of a thing (SKOS alternative and hidden labels)."""
    return frozenset(name for name, one in ontology.properties.items() if set(one.aligned).intersection(_LABELS))


def _labelled(row: EntityRow, labels: Iterable[str]) -> list[str]:
    """The other labels of a thing."""
    if not any(f'"{name}' in row.properties for name in labels):
        return []
    held: Mapping[str, object] = json.loads(row.properties)
    found = [value for name, value in held.items() if name.partition("@")[0] in labels]
    return [str(one) for value in found for one in (value if isinstance(value, list) else [value])]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] parsed JSON


def stem(word: str) -> str:
    """The beginning that the forms of a word share: a folded word without one common ending, of three letters or more."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= (3 if ending == "s" else 4):
            return word[: -len(ending)]
    return word


class Asked(NamedTuple):
    """A question in words, taken apart: the words that say what about, and the kinds and relations that it asks for.

    A relation asked for is its name and whether its own label was used (True) or that of the way back.
    """

    content: tuple[str, ...]
    stems: tuple[str, ...]
    kinds: frozenset[str]
    relations: frozenset[tuple[str, bool]]
    runs: tuple[str, ...]
    amounts: tuple[Decimal, ...]

    @classmethod
    def of(cls, text: str, ontology: Ontology) -> Asked:
        """What this text asks, by the labels that the ontology gives its kinds and relations."""
        text = _THOUSANDS.sub("", text)
        words = fold(text).split()
        if not words:
            return cls((), (), frozenset(), frozenset(), (), ())
        content = tuple(dict.fromkeys(word for word in words if word not in _ASKING)) or tuple(dict.fromkeys(words))
        stems = tuple(dict.fromkeys(map(stem, content)))
        kinds = frozenset(kind.name for kind in ontology.kinds.values() if _nouns(kind.label) <= set(stems))
        ways = ((one.name, not back, label) for one in ontology.relations.values() for label, back in one.wordings)
        relations = frozenset((name, way) for name, way, label in ways if _verbs(label) & set(stems))
        return cls(content, stems, kinds, relations, tuple(_runs(words)), tuple(_amounts(text)))

    @property
    def sought(self) -> frozenset[str]:
        """The relations that the question asks for, in whichever direction."""
        return frozenset(name for name, _ in self.relations)

    def searches(self, text: str) -> tuple[str, ...]:
        """The texts to look for, so that what the question is about is among the candidates."""
        own = " ".join(self.content)
        stemmed = " ".join(self.stems)
        return tuple(dict.fromkeys([text, own, stemmed, *self.runs]))


@lru_cache(maxsize=4096)
def _nouns(label: str) -> frozenset[str]:
    return frozenset(map(stem, fold(label).split()))


@lru_cache(maxsize=4096)
def _verbs(label: str) -> frozenset[str]:
    return frozenset(stem(word) for word in fold(label).split() if word not in _ASKING and len(word) > 3)


def _runs(words: Sequence[str]) -> list[str]:
    """The longest runs of words between those that only ask, the longest first, three at most."""
    runs: list[list[str]] = [[]]
    for word in words:
        if word in _ASKING:
            runs.append([])
        else:
            runs[-1].append(word)
    found = sorted((run for run in runs if run), key=len, reverse=True)
    tails = [run[1:] for run in found if len(run) > 1]
    return [" ".join(run) for run in (*found, *tails)][:4]


def _amounts(text: str) -> Iterator[Decimal]:
    """The numbers in a text, with their multiples (`60 k`); years are none."""
    for found in _NUMBER.finditer(text):
        number, times = Decimal(found["number"]), found["times"]
        if times or number not in _YEARS:
            yield number * TIMES[times.casefold()] if times else number


def meets(asked: Asked, row: EntityRow) -> bool | None:
    """Whether one of the amounts in the question meets the condition under which a thing stands: `amount > 50000` of a step, for 60,000.

    None where no amount is asked, where the thing stands under no condition, and where the amount alone does not settle it.
    """
    if not asked.amounts or not any(f'"{name}":' in row.properties for name in _CONDITIONS):
        return None
    held: Mapping[str, object] = json.loads(row.properties)
    text = next((form.format(held[name]) for name, form in _CONDITIONS.items() if name in held), "")
    found = {_holds(text, amount, str(held.get("currency", ""))) for amount in asked.amounts}
    return True if True in found else None if None in found else False


def _holds(text: str, amount: Decimal, currency: str) -> bool | None:
    """Whether a condition holds for this amount; None where that does not settle it, and where it is no condition."""
    try:
        names = parse(text).names
        name = min(names) if len(names) == 1 else AMOUNT
        return judge(text, {name: amount}, units={name: currency} if currency else None).holds
    except InputError:
        return None


class Fit(NamedTuple):
    """How well a thing fits a question in words."""

    id: str
    score: float


def fits(asked: Asked, rows: Sequence[EntityRow], ontology: Ontology) -> dict[str, float]:
    """How well each of these things fits the question, from 0 to 1.

    A word weighs the more the fewer of them hold it; one that none holds weighs nothing. A thing whose whole name, or another label
    of it, stands in the question fits well; words of its name fit better than words elsewhere; things of a kind asked for a little better.
    """
    labels = label_properties(ontology)
    held = [f" {row.words}".replace("_", " ") for row in rows]  # `personal_data` is two words of a question
    counts = {one: sum(f" {one}" in words for words in held) for one in asked.stems}
    weights = {one: log(1 + len(rows) / count) for one, count in counts.items() if count}
    total = sum(weights.values())
    kinds = {name for kind in asked.kinds for name in ontology.family(kind)}
    text = f" {' '.join(asked.content)} "
    stemmed = f" {' '.join(map(stem, asked.content))} "
    return {
        row.id: _fit(row, words, weights, total, (text, stemmed), labels, 1.0 if row.kind in kinds else 0.9)
        for row, words in zip(rows, held, strict=True)
    }


def _fit(
    row: EntityRow,
    words: str,
    weights: Mapping[str, float],
    total: float,
    texts: tuple[str, str],
    labels: frozenset[str],
    favour: float,
) -> float:
    if not total:
        return 0.0
    anywhere = sum(weight for one, weight in weights.items() if f" {one}" in words) / total
    if not anywhere:
        return 0.0
    best = 0.0
    for label in (row.name, *_labelled(row, labels)):
        own = [word for word in fold(label).split() if word not in _ASKING] or fold(label).split()
        inside = sum(weight for one, weight in weights.items() if any(word.startswith(one) for word in own)) / total
        pure = sum(any(word.startswith(one) for one in weights) for word in own) / len(own) if own else 0.0
        whole = (
            0.25
            if own and any(f" {' '.join(form)} " in text for form, text in zip((own, list(map(stem, own))), texts, strict=True))
            else 0.0
        )
        best = max(best, 0.5 * inside + 0.1 * pure * inside + whole * (0.5 + 0.5 * inside))
    return min(1.0, best + 0.15 * anywhere) * favour


_SENTENCE = re.compile(r"(?<=[.!?;])\s+")
_SHORT = 40  # characters of a text that has no gist


def gist(row: EntityRow, asked: Asked, room: int) -> str:
    """Of the longer texts that a thing has, the sentences that say most of what is asked, in about so many characters; else the first ones.

    Words that its name says already do not count. What is left out is marked by three dots.
    """
    held: Mapping[str, object] = json.loads(row.properties)
    texts = [text for text in held.values() if isinstance(text, str) and len(text) > _SHORT and "://" not in text and text != row.name]
    if not texts:
        return ""
    named = set(map(stem, fold(row.name).split()))
    wanted = [one for one in asked.stems if one not in named]
    sentences = [(parts, place) for parts in map(_SENTENCE.split, texts) for place in range(len(parts))]
    parts, place = max(sentences, key=lambda one: _told(one[0][one[1]], wanted))  # of equals the first
    start, stop = _around(parts, place, room)
    said = " ".join(parts[start:stop])
    whole = said if len(said) <= 2 * room else said[: said.rfind(" ", 0, room)]
    return ("… " if start else "") + whole + (" …" if stop < len(parts) or whole != said else "")


def _told(sentence: str, stems: Sequence[str]) -> int:
    """How many of these words a sentence says."""
    words = f" {fold(sentence)}"
    return sum(f" {one}" in words for one in stems)


def _around(parts: Sequence[str], place: int, room: int) -> tuple[int, int]:
    """From which sentence up to which, beginning with this one, as many characters fit: first on, then back."""
    start, stop = place, place + 1
    while stop < len(parts) and len(" ".join(parts[start : stop + 1])) <= room:
        stop += 1
    while start and len(" ".join(parts[start - 1 : stop])) <= room:
        start -= 1
    return start, stop
