"""A text held against the organization's own language: words to avoid, words that mean two things, names of what is over.

Labels are found by the stems of their words (Snowball), in one pass over the text whose cost does not grow with the number of labels.
Code, addresses and what stands in a text's own brackets as the long form of an acronym are let pass.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain, compress, islice
from typing import Any, Literal, NamedTuple, Self, cast

from graph.errors import InputError, nearest
from graph.model import Finding, Level
from graph.scope import View
from graph.stores.base import EntityRow, RelationRow, fold

_WORD = re.compile(r"\w+")
_PARTS = re.compile(r"(\w+)")
_NEXT = re.compile(r"[ \t\u00a0]*+(?:[-\u2010\u2011/]|\r?\n)?[ \t\u00a0]*+(\w+)")  # the next word of a label, with what may stand before it
_QUOTED = re.compile(r"`[^`\n]+`|https?:\S+|ftp:\S+|file:\S+|urn:\S+|mailto:\S+")  # spelled out, which is looked for twice as fast
_FENCES = (("```", "```"), ("~~~", "~~~"), ("<!--", "-->"))
_ACRONYM = re.compile(r"[A-Z](?<!\w[A-Z])[A-Z0-9&]{1,5}\b")  # a word border first would be asked at every letter
_COMMON = frozenset(
    {
        "A",
        "AM",
        "BCC",
        "CC",
        "CSV",
        "EU",
        "EUR",
        "FAQ",
        "FIXME",
        "GBP",
        "HTML",
        "HTTP",
        "HTTPS",
        "I",
        "ID",
        "NOTE",
        "OK",
        "PDF",
        "PM",
        "PS",
        "TODO",
        "UK",
        "URL",
        "US",
        "USA",
        "USD",
    }
)

LISTED = 5_000  # findings of one check in one text
_DIFFERENT = 4 * LISTED  # acronyms that are kept in mind
_WINDOW = 2_000_000  # characters that are looked at together
_LONG, _REMEMBERED = 200, 200_000  # letters of a word whose inflections are known, and words whose stems are kept at hand

Sort = Literal["preferred", "alternative", "hidden", "avoid", "former", "superseded", "left"]


class Usage(NamedTuple):
    """What a label is used for: whose it is, in which sort, what to say instead, and (of a definition) for which units."""

    sort: Sort
    subject: str
    label: str
    instead: str
    meaning: str = ""
    units: tuple[str, ...] = ()


class Rule(NamedTuple):
    """How a use that is not wanted is reported; `says` is filled with the fields of the use."""

    check: str
    level: Level
    says: str


RULES: Mapping[Sort, Rule] = {
    "avoid": Rule("term_avoided", "warning", "{label!r} is not our word; say {instead!r}."),
    "hidden": Rule("term_misspelt", "warning", "{label!r} is not how we write it; write {instead!r}."),
    "alternative": Rule("term_alternative", "note", "{label!r} is understood; the preferred term is {instead!r}."),
    "former": Rule("name_former", "warning", "{label!r} is a former name; it is {instead!r} now."),
    "superseded": Rule("superseded", "warning", "{label!r} is no longer in force; {instead}."),
    "left": Rule("holder_past", "warning", "{label} {instead}."),
}
_LABELS: Mapping[str, Sort] = {"alternative_labels": "alternative", "hidden_labels": "hidden", "avoid": "avoid", "former_names": "former"}


@dataclass
class Labels:
    """The labels that begin with the same stems: those that end here, and the ways on by the stem of the next word.

    `telling`: a use can be worth a word; not where it is a preferred one alone, with one meaning.
    """

    uses: list[Usage] = field(default_factory=list[Usage])
    longer: dict[str, Labels] = field(default_factory=dict[str, "Labels"])
    telling: bool = False

    def add(self, use: Usage) -> None:
        """One more label that ends here."""
        self.uses.append(use)
        meanings = {fold(one.meaning) for one in self.uses if one.meaning}
        self.telling = self.telling or use.sort != "preferred" or len(meanings) > 1


@dataclass
class Vocabulary:
    """The labels of an organization, ready to be looked for: by the stem of the first word, and on from there by the next."""

    stem: Callable[[str], str]
    labels: Labels = field(default_factory=Labels)
    uses: list[Usage] = field(default_factory=list[Usage])
    acronyms: set[str] = field(default_factory=set[str])
    _stems: dict[str, str] = field(default_factory=dict[str, str])

    def key(self, word: str) -> str:
        """What a word and its inflections have in common."""
        if len(word) > _LONG:
            return word
        found = self._stems.get(word)
        if found is None:
            if len(self._stems) >= _REMEMBERED:
                self._stems.clear()
            found = self._stems[word] = self.stem(fold(word))
        return found

    def add(self, use: Usage) -> None:
        """Look for this label from now on."""
        words = _WORD.findall(use.label)
        self.acronyms.update(word for word in words if word.isupper())
        if words:
            held = self.labels
            for word in words:
                held = held.longer.setdefault(self.key(word), Labels())
            held.add(use)
            self.uses.append(use)


def vocabulary(view: View, *, tongue: str = "english") -> Vocabulary:
    """All labels that this actor may see. `tongue` is a language that the Snowball stemmers know; `InputError` for another."""
    found = Vocabulary(stemmer(tongue))
    ever = view.any_day()
    said = sorted(view.store.relations(view.where, kinds=["defined_for", "supersedes"], at=view.at), key=lambda row: row[:3])
    over = [row for row in said if row.kind == "supersedes"]
    posts = _Posts.of(ever.store.relations(ever.where, kinds=["holds"], at=view.at), view.today.isoformat())
    wanted = {end for one in over for end in (one.source, one.target)} | posts.named
    rows = {row.id: row for row in ever.store.entities(ever.where, ids=sorted(wanted), at=view.at)} if wanted else {}
    for use in (*_labelled(view, said), *_superseded(over, rows), *_left(posts, rows)):
        found.add(use)
    return found


def stemmer(tongue: str) -> Callable[[str], str]:
    """What the inflections of a word have in common, by the Snowball stemmer of a language; `InputError` for one that there is not."""
    import Stemmer  # pyright: ignore[reportMissingTypeStubs]  PyStemmer has no types

    known = cast("list[str]", Stemmer.algorithms())  # pyright: ignore[reportUnknownMemberType]  the same
    if tongue not in known:
        message = f"no stemmer knows the language {tongue!r}{nearest(tongue, known)}"
        raise InputError(message)
    return Stemmer.Stemmer(tongue).stemWord  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  the same


def _labelled(view: View, said: Iterable[RelationRow]) -> Iterator[Usage]:
    """The labels of all kinds whose shapes speak of labels: the preferred one, and what else is or was said for it."""
    kinds = sorted(kind.name for kind in view.ontology.kinds.values() if not _LABELS.keys().isdisjoint(kind.properties))
    units: dict[str, list[str]] = defaultdict(list)
    for one in said:
        if one.kind == "defined_for":
            units[one.source].append(one.target)
    for row in view.store.entities(view.where, kinds=kinds, at=view.at) if kinds else ():
        properties: dict[str, Any] = json.loads(row.properties)
        yield Usage("preferred", row.id, row.name, row.name, str(properties.get("definition", "")), tuple(sorted(units.get(row.id, ()))))
        for name, sort in _LABELS.items():
            yield from (Usage(sort, row.id, label, row.name) for label in properties.get(name, ()) if isinstance(label, str))


def _superseded(over: Iterable[RelationRow], rows: Mapping[str, EntityRow]) -> Iterator[Usage]:
    """What something else has taken the place of; what has no name of its own left is passed over."""
    for one in over:
        old, new = rows[one.target], rows[one.source]
        if fold(old.name) != fold(new.name):
            yield Usage("superseded", old.id, old.name, f"{new.name!r} ({new.id}) holds in its place")


class _Posts(NamedTuple):
    """The last post of each person who held one and holds none today; and by post, who holds it now."""

    over: dict[str, RelationRow]
    holders: dict[str, list[str]]

    @classmethod
    def of(cls, holding: Iterable[RelationRow], day: str) -> Self:
        """What these relations of all days come to on this one."""
        held = sorted(holding, key=lambda row: (row.source, row.valid_to, row.target))
        current = {one.source for one in held if not one.valid_to or one.valid_to >= day}
        holders: dict[str, list[str]] = defaultdict(list)
        for one in held:
            if one.source in current and (not one.valid_to or one.valid_to >= day) and one.valid_from <= day:
                holders[one.target].append(one.source)
        return cls({one.source: one for one in held if one.source not in current}, holders)

    @property
    def named(self) -> set[str]:
        """Whose names are needed to tell of it."""
        return {end for one in self.over.values() for end in (one.source, one.target, *self.holders.get(one.target, ()))}


def _left(posts: _Posts, rows: Mapping[str, EntityRow]) -> Iterator[Usage]:
    """People who held a post and hold none today."""
    for person, one in sorted(posts.over.items()):
        yield Usage("left", person, rows[person].name, _since(one, rows, posts.holders.get(one.target, ())))


def _since(one: RelationRow, rows: Mapping[str, EntityRow], now: Sequence[str]) -> str:
    post = rows[one.target].name if one.target in rows else one.target
    names = ", ".join(rows[id_].name for id_ in now if id_ in rows)
    return f"has not been {post} since {one.valid_to}; {f'{names} is' if names else 'nobody is'} now"


class _Met(NamedTuple):
    """What was met in a text, by the number of characters before it; the rest is as in a Finding."""

    offset: int
    check: str
    level: Level
    message: str
    evidence: tuple[str, ...] = ()
    remedy: str = ""


def check(vocabulary: Vocabulary, text: str, name: str) -> list[Finding]:
    """What in this text goes against the vocabulary, in the order of the text; each Finding's subject is `name:line:column`.

    Of each check so many are listed at most (`LISTED`), and where there are more one says how many, so that a text of any size and
    content is survived. Beside the text and a copy of it memory holds what is listed.
    """
    plain = _QUOTED.sub(lambda met: " " * len(met.group()), _without_fences(text))
    found = _listed(chain(_uses(vocabulary, plain), _acronyms(vocabulary, plain)))
    return list(_placed(sorted(found, key=lambda one: one.offset), text, name))


def _listed(found: Iterable[_Met]) -> Iterator[_Met]:
    """The first ones of each check, and where the next one is how many more there are."""
    counts, next_ = Counter[str](), dict[str, _Met]()
    for one in found:
        counts[one.check] += 1
        if counts[one.check] <= LISTED:
            yield one
        else:
            next_.setdefault(one.check, one)
    for check, one in next_.items():
        yield one._replace(message=f"There are {counts[check] - LISTED:,} more of this sort from here on.", evidence=(), remedy="")


def _placed(found: Iterable[_Met], text: str, name: str) -> Iterator[Finding]:
    """These in the order of the text as Findings."""
    line, began, done = 1, 0, 0
    for offset, check, level, message, evidence, remedy in found:
        if ends := text.count("\n", done, offset):
            line, began = line + ends, text.rfind("\n", done, offset) + 1
        done, where = offset, f"{name}:{line}:{offset - began + 1}"
        yield Finding(id=f"{check}:{where}", check=check, level=level, subject=where, message=message, evidence=evidence, remedy=remedy)


def _without_fences(text: str) -> str:
    """The text with blanks for what stands between fences, in time that grows with its length whatever it holds."""
    for opening, closing in _FENCES:
        parts, done = list[str](), 0
        while (start := text.find(opening, done)) >= 0 and (stop := text.find(closing, start + len(opening))) >= 0:
            stop += len(closing)
            parts += [text[done:start], re.sub(r"[^\n]", " ", text[start:stop])]
            done = stop
        text = "".join([*parts, text[done:]])
    return text


def _uses(vocabulary: Vocabulary, text: str) -> Iterator[_Met]:
    told: set[str] = set()
    end = 0
    for start, stop, labels in _candidates(vocabulary, text):
        if start < end:
            continue
        for after, ones in _matched(vocabulary, text, stop, labels):
            written = text[start:after]
            if fitting := [use for use in ones if _same_case(use.label, written)]:
                end = after
                yield from _judged(fitting, written, start, told)
                break


def _candidates(vocabulary: Vocabulary, text: str) -> Iterator[tuple[int, int, Labels]]:
    """Where the words begin and end with which a label may begin: with it alone, or because the next word goes on with one."""
    first = vocabulary.labels.longer
    for start, stop in _windows(text):
        parts = _PARTS.split(text[start:stop])  # what is no word, a word, what is no word, ...
        words, places = parts[1::2], islice(accumulate(map(len, parts), initial=start), 1, None, 2)
        keys = {word: vocabulary.key(word) for word in set(words)}  # each different word is stemmed once
        starts = {word: first[key] for word, key in keys.items() if key in first}
        ways = {word: labels.longer for word, labels in starts.items()}
        telling = {word for word, labels in starts.items() if labels.telling}
        following = chain(map(keys.__getitem__, islice(words, 1, None)), [""])  # what comes after the last one is looked at again
        begins = [*map(starts.__contains__, words)]
        for word, after, place in zip(*(compress(one, begins) for one in (words, following, places)), strict=True):
            if after in ways[word] or word in telling or not after:
                yield place, place + len(word), starts[word]


def _windows(text: str) -> Iterator[tuple[int, int]]:
    """The text in pieces that are looked at together, none of which ends within a word."""
    start = 0
    while start < len(text):
        stop = min(start + _WINDOW, len(text))
        if (cut := _WORD.match(text, stop)) and _WORD.match(text, stop - 1):
            stop = cut.end()
        yield start, stop
        start = stop


def _matched(vocabulary: Vocabulary, text: str, stop: int, labels: Labels) -> list[tuple[int, list[Usage]]]:
    """Where labels end of which the first word ends here, and what they are used for; the longest first."""
    found = [(stop, labels.uses)] if labels.uses else []
    while labels.longer:
        met = _NEXT.match(text, stop)
        on = labels.longer.get(vocabulary.key(met.group(1))) if met else None
        if met is None or on is None:
            break
        labels, stop = on, met.end()
        if labels.uses:
            found.insert(0, (stop, labels.uses))
    return found


def _same_case(label: str, written: str) -> bool:
    """An acronym is met only by itself: IT is not it."""
    return not (label.isupper() and len(label) <= 6) or written.rstrip("s").isupper()


def _judged(uses: list[Usage], written: str, start: int, told: set[str]) -> Iterator[_Met]:
    """What is wrong with a use: nothing, where the label is somebody's preferred one and means one thing."""
    preferred = [use for use in uses if use.sort == "preferred"]
    meanings = {fold(use.meaning): use for use in preferred if use.meaning}
    if len(meanings) > 1 and (subject := fold(preferred[0].label)) not in told:
        told.add(subject)
        yield _ambiguous(sorted(preferred), written, start)
    if preferred:
        return
    for use in uses[:1]:
        rule = RULES[use.sort]
        others = tuple(dict.fromkeys(one.subject for one in uses))
        yield _Met(start, rule.check, rule.level, rule.says.format(**use._asdict()), others)


def _ambiguous(uses: list[Usage], written: str, start: int) -> _Met:
    meant = "; ".join(f"{', '.join(use.units) or use.subject}: {use.meaning.split('. ')[0].rstrip('.')}" for use in uses)
    message = f"{written!r} means different things here ({meant})."
    return _Met(start, "term_ambiguous", "warning", message, tuple(use.subject for use in uses), "Say which one is meant.")


def _acronyms(vocabulary: Vocabulary, text: str) -> Iterator[_Met]:
    """Acronyms that neither the vocabulary nor the text itself explains, each where it stands first; of very many different ones the first."""
    met, explained = dict[str, int](), set[str]()
    for one in _ACRONYM.finditer(text):
        word = one.group()
        if word not in met and (len(met) >= _DIFFERENT or word in vocabulary.acronyms or word in _COMMON):
            continue
        met.setdefault(word, one.start())
        if text.startswith(" (", one.end()) or _in_brackets(text, one):
            explained.add(word)
    for acronym, start in met.items():
        if acronym not in explained:
            message = f"{acronym!r} is explained neither here nor in the glossary."
            remedy = "Write it out where it stands first, or add it to the glossary."
            yield _Met(start, "acronym", "note", message, remedy=remedy)


def _in_brackets(text: str, met: re.Match[str]) -> bool:
    return text[max(0, met.start() - 1)] == "(" and text[met.end() : met.end() + 1] == ")"


def vale_rules(vocabulary: Vocabulary) -> dict[str, str]:
    """The vocabulary as a style of the Vale linter: file names and their YAML (https://vale.sh, `substitution` rules)."""
    swaps: dict[Sort, dict[str, str]] = defaultdict(dict)
    preferred = {fold(use.label) for use in vocabulary.uses if use.sort == "preferred"}
    for use in vocabulary.uses:
        if use.sort in ("avoid", "hidden", "alternative", "former") and fold(use.label) not in preferred:
            swaps[use.sort].setdefault(use.label, use.instead)
    levels = {"note": "suggestion", "warning": "warning", "error": "error"}
    return {f"{RULES[sort].check}.yml": _vale(pairs, levels[RULES[sort].level]) for sort, pairs in sorted(swaps.items())}


def _vale(pairs: Mapping[str, str], level: str) -> str:
    head = ["extends: substitution", "message: \"Say '%s' instead of '%s'.\"", f"level: {level}", "ignorecase: true", "swap:"]
    quoted = json.JSONEncoder(ensure_ascii=False).encode
    swaps = ((re.escape(label).replace("\\ ", " "), instead) for label, instead in sorted(pairs.items()))
    return "\n".join([*head, *(f"  {quoted(pattern)}: {quoted(instead)}" for pattern, instead in swaps)]) + "\n"
