"""What lies in a folder of unknown files, and the workspace that could be made of it: each file's loader, its columns, and the doubts.

Nothing is read that looks like a secret, and nothing outside the folder; what no loader reads is listed and not dropped.
"""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from glob import escape
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

from app.operations import columns
from graph import ContextError, Entity, Finding, Value, slug
from loaders import LOADERS, SUFFIXES, File, Source, fit

MAX_FILES = 20_000
MAX_LOOK = 64 * 1024 * 1024  # bytes of a file that is read to see what it is
_TRIED = 20_000  # facts of a file that are read to see whether it holds what it seems to
_TOLD = 3  # findings of one file that become doubts

_SECRET_NAME = re.compile(
    r"(?:^|[\W_])(?:secrets?|passwords?|passwd|credentials?|api[\W_]?keys?|private[\W_]?keys?|id_(?:rsa|dsa|ecdsa|ed25519))(?:[\W_]|$)"
    r"|^(?:\.env.*|\.netrc|\.npmrc|\.pypirc|\.pgpass|\.htpasswd|\.git-credentials|kubeconfig)$"
    r"|\.(?:env|pem|key|p12|pfx|jks|keystore|kdbx|ppk|asc|gpg)$",
    re.IGNORECASE,
)
_SKIPPED_FOLDERS = frozenset({"node_modules", "__pycache__", "venv"})

# What columns are also called, by loader and our name; names that differ only in case, blanks and hyphens need no row.
ALSO: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "glossary": {
        "term": ("word", "name", "acronym", "abbreviation", "expression", "entry"),
        "definition": ("meaning", "description", "explanation", "stands for"),
        "alternative_labels": ("synonyms", "also known as", "aliases"),
        "related": ("see also", "related terms"),
    },
    "approvals": {
        "process": ("workflow", "procedure"),
        "step": ("approval step", "stage", "activity"),
        "approver": ("approved by", "approving role", "signatory", "authority holder"),
        "limit": ("up to", "approval limit", "max amount"),
        "order": ("sequence", "step number", "level"),
    },
    "dependencies": {
        "source": ("from", "consumer", "dependent", "component", "caller"),
        "target": ("to", "depends on", "provider", "dependency", "callee"),
        "sort": ("type", "dependency type"),
    },
    "inventory": {
        "function": ("business function", "area"),
        "context": ("asset", "document", "context asset", "knowledge asset"),
        "update_frequency": ("frequency", "update cycle"),
    },
    "decisions": {
        "id": ("decision id", "adr", "ref", "reference"),
        "outcome": ("decision", "result", "resolution"),
        "title": ("subject", "topic"),
        "date": ("decided on", "decision date", "decided at"),
        "decided_by": ("decision maker", "decider", "deciders"),
    },
}


class Seen(Value):
    """What one file seems to be. `columns` are those of it that were guessed (theirs -> ours); `doubts` are for a person to settle."""

    path: str
    state: Literal["read", "unread", "secret", "outside", "skipped"]
    loader: str = ""
    columns: Mapping[str, str] = {}
    encoding: str = ""
    entities: int = 0
    relations: int = 0
    doubts: tuple[str, ...] = ()


class _Guess(NamedTuple):
    loader: str
    columns: dict[str, str]
    doubts: list[str]


def survey(folder: Path) -> tuple[Seen, ...]:
    """What every file below this folder seems to be, by path. `InputError` where there is no such folder."""
    if not folder.is_dir():
        from graph import UnreadableSource

        raise UnreadableSource(f"{folder}: there is no such folder to look through")
    base = folder.resolve()
    found = list(islice(_walk(base), MAX_FILES + 1))
    seen = [_seen(path, base) for path in found[:MAX_FILES]]
    if len(found) > MAX_FILES:
        seen.append(Seen(path=".", state="skipped", doubts=(f"only the first {MAX_FILES} files were looked at",)))
    return tuple(seen)


def _walk(base: Path) -> Iterator[Path]:
    for where, inside, names in os.walk(base):
        here = Path(where)
        inside.sort()
        yield from (here / name for name in inside if (here / name).is_symlink() or _skipped(name))
        inside[:] = [name for name in inside if not (here / name).is_symlink() and not _skipped(name)]
        yield from (here / name for name in sorted(names))


_CONTEXT_INSIDE = frozenset(
    (".github", ".gitlab", ".gitea", ".forgejo", ".well-known", ".vscode", ".cursor", ".mcp.json")
)  # hidden, with context in them


def _skipped(name: str) -> bool:
    return (name.startswith(".") and name not in _CONTEXT_INSIDE) or name in _SKIPPED_FOLDERS


def _seen(path: Path, base: Path) -> Seen:
    name = path.relative_to(base).as_posix()
    try:
        name.encode()
    except UnicodeEncodeError:
        return Seen(path=name.encode(errors="replace").decode(), state="unread", doubts=("its name is no UTF-8; rename it",))
    if path.is_symlink():
        return _linked(path, base, name)
    if any(_SECRET_NAME.search(step) for step in path.relative_to(base).parts):
        return Seen(path=name, state="secret", doubts=("its name looks like that of a secret; it was not opened",))
    if _skipped(path.name):
        return Seen(path=name, state="skipped", doubts=("hidden, or made by a tool",))
    if not path.is_file():
        return Seen(path=name, state="skipped", doubts=("neither a file nor a folder",))
    if "${" in name or name.splitlines() != [name]:
        return Seen(path=name, state="unread", doubts=("its name cannot stand in a workspace file; rename it",))
    return _looked_at(File(Source(name="survey", path=name), path, name))


def _linked(path: Path, base: Path, name: str) -> Seen:
    try:
        inside = path.resolve().is_relative_to(base)
    except (OSError, RuntimeError):
        inside = False
    if inside:
        return Seen(path=name, state="skipped", doubts=("a link to another place of the folder",))
    return Seen(path=name, state="outside", doubts=("a link that leads out of the folder, or nowhere; it was not followed",))


def _looked_at(file: File) -> Seen:
    try:
        size = file.path.stat().st_size
        if size > MAX_LOOK:
            return Seen(path=file.name, state="unread", doubts=(f"{size // 2**20} MiB: too large to be looked at; state its loader",))
        if size == 0:
            return Seen(path=file.name, state="unread", doubts=("empty",))
        with file.path.open("rb") as opened:
            if b"PRIVATE KEY" in opened.read(64):
                return Seen(path=file.name, state="secret", doubts=("it begins as a private key does; it was read no further",))
        file = _decodable(file)
        guess = _guess(file)
        return _tried(file, guess) if guess else Seen(path=file.name, state="unread", doubts=_why_not(file))
    except (ContextError, OSError) as error:
        return Seen(path=file.name, state="unread", doubts=(str(error),))


def _decodable(file: File) -> File:
    """A table that is no UTF-8 as cp1252, in which Excel saves CSV in western Europe and America; any other file as it is."""
    if file.suffix not in (".csv", ".tsv"):
        return file
    try:
        file.text()
    except ContextError:
        return File(file.source.model_copy(update={"encoding": _EXCEL}), file.path, file.name)
    return file


_EXCEL = "cp1252"


def _guess(file: File) -> _Guess | None:
    """The loader that recognizes the file as it is, or with some of its columns guessed."""
    if fitting := fit(file):
        others = [f"{' and '.join(fitting)} read it; {fitting[0]} is taken"] if len(fitting) > 1 else []
        name = fitting[0]
        own = LOADERS[name].columns(file)
        guessed = dict(own) if own is not None else _columns(name, _headers(file)) if LOADERS[name].row else {}
        return _Guess(name, guessed, [*others, *_said(guessed)])
    headers = _headers(file) if _is_table(file) else []
    guesses = ((name, _columns(name, headers)) for name, loader in LOADERS.items() if loader.row)
    fits = [(name, guessed) for name, guessed in guesses if guessed and _matches(file, name, guessed)]
    if not fits:
        return None
    name, guessed = max(fits, key=lambda one: len(one[1]))
    others = [f"{one} could read it too" for one, _ in fits if one != name]
    return _Guess(name, guessed, [*others, *_said(guessed)])


def _said(guessed: Mapping[str, str]) -> list[str]:
    return [f"column {theirs!r} is guessed to be {ours!r}" for theirs, ours in guessed.items()]


def _headers(file: File) -> list[str]:
    """The columns of a table, or the fields of the first record."""
    if file.suffix not in (".csv", ".tsv", ".xlsx", ".json", ".jsonl"):
        return []
    return next(([name for name in record if name.strip()] for record, _ in file.records()), list[str]())


def _is_table(file: File) -> bool:
    """Whether its records are many of one form: one object of JSON alone is a document, whatever its fields are called."""
    return file.suffix != ".json" or all(where != file.locator("$") for _, where in islice(file.records(), 1))


def _with(file: File, loader: str, guessed: Mapping[str, str]) -> File:
    return File(file.source.model_copy(update={"loader": loader, "columns": dict(guessed)}), file.path, file.name)


def _matches(file: File, loader: str, guessed: Mapping[str, str]) -> bool:
    return LOADERS[loader].matches(_with(file, loader, guessed))


def _columns(loader: str, headers: Sequence[str]) -> dict[str, str]:
    """Their column -> ours, for those that are not called ours already: by the table of other names, else by likeness; each of ours once."""
    from rapidfuzz import fuzz, process

    row = LOADERS[loader].row
    assert row
    ours = {_plain(name): name for name in row.model_fields}
    taken = {ours[_plain(header)] for header in headers if _plain(header) in ours}
    names = ours | {_plain(also): name for name, many in ALSO.get(loader, {}).items() for also in many}
    found: dict[str, str] = {}
    for header in headers:
        plain = _plain(header)
        if not plain or plain in ours:
            continue
        near = plain if plain in names else (best := process.extractOne(plain, list(names), scorer=fuzz.ratio, score_cutoff=88)) and best[0]
        if near and names[near] not in taken:
            found[header] = names[near]
            taken.add(names[near])
    return found


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _tried(file: File, guess: _Guess) -> Seen:
    """What reading it gives; what is wrong with it becomes doubts."""
    read = LOADERS[guess.loader].read
    entities, relations, findings = set[str](), 0, list[Finding]()
    for fact in islice(read(_with(file, guess.loader, guess.columns)), _TRIED):
        if isinstance(fact, Finding):
            findings.append(fact)
        elif isinstance(fact, Entity):
            entities.add(fact.id)
        else:
            relations += 1
    more = [f"and {len(findings) - _TOLD} more findings"] if len(findings) > _TOLD else []
    encoded = [f"it is no UTF-8 text; it was read as {file.source.encoding}"] if file.source.encoding else []
    doubts = [*encoded, *guess.doubts, *(one.message for one in findings[:_TOLD]), *more]
    wrong = any(one.level == "error" for one in findings)
    if not entities and not relations:
        doubts = ["nothing in it became a fact", *doubts]
        if wrong:
            return Seen(path=file.name, state="unread", doubts=tuple(doubts))
    elif wrong:
        doubts = ["what is wrong in it stops a load, unless `--keep-going` leaves it out", *doubts]
    return Seen(
        path=file.name,
        state="read",
        loader=guess.loader,
        columns=guess.columns,
        encoding=file.source.encoding,
        entities=len(entities),
        relations=relations,
        doubts=tuple(doubts),
    )


def _why_not(file: File) -> tuple[str, ...]:
    headers = _headers(file)
    known = f"; its columns are {', '.join(headers[:8])}{' …' if len(headers) > 8 else ''}" if headers else ""
    mapped = "; a mapping for `records` could read it" if file.suffix in SUFFIXES else ""
    return (f"no loader recognizes it{known}{mapped}",)


# the workspace


def workspace_text(seen: Sequence[Seen], folder: Path, workspace: Path) -> str:
    """The workspace file: one source for each file, or for files of one folder and form; doubts as comments above it, the rest at the end."""
    base, home = folder.resolve(), workspace.resolve()
    inside = base.is_relative_to(home)
    before = "" if base == home else f"{base.relative_to(home).as_posix()}/" if inside else ""
    lines = [
        "# Written by `orgcontext init --from`; every guess has its doubt above it. `orgcontext load --dry-run` says what comes of it.",
        f"organization: {_quoted(base.name)}",
        "store: sqlite:///context.db",
        *([] if inside else [f"root: {_quoted(os.path.relpath(base, home))}"]),
    ]
    sources = list(_sources(seen, base))
    lines += ["sources:", *(line for one in _named(sources) for line in _source_lines(*one, before=before))] if sources else ["sources: []"]
    rest = [one for one in seen if one.state != "read"]
    if rest:
        lines += ["", "# Not loaded:"]
        lines += [f"#   {_said_in_a_comment(one.path)} ({one.state}): {_said_in_a_comment('; '.join(one.doubts))}" for one in rest]
    return "\n".join(lines) + "\n"


class _Wanted(NamedTuple):
    path: str
    files: tuple[Seen, ...]


def _sources(seen: Sequence[Seen], base: Path) -> Iterator[_Wanted]:
    """Files of one folder, ending and reading are one source, where a pattern selects just them."""
    groups: dict[tuple[str, str, str, str, str], list[Seen]] = defaultdict(list)
    for one in seen:
        if one.state == "read":
            path = Path(one.path)
            columns = json.dumps(dict(one.columns), sort_keys=True)
            groups[path.parent.as_posix(), path.suffix, one.loader, one.encoding, columns].append(one)
    for (parent, suffix, *_), files in sorted(groups.items(), key=lambda group: group[1][0].path):
        pattern = f"{escape(parent)}/*{escape(suffix)}".removeprefix("./")
        alone = {path.relative_to(base).as_posix() for path in base.glob(pattern)} == {one.path for one in files}
        if len(files) > 1 and alone:
            yield _Wanted(pattern, tuple(files))
        else:
            yield from (_Wanted(escape(one.path), (one,)) for one in files)


def _named(sources: Iterable[_Wanted]) -> Iterator[tuple[str, _Wanted]]:
    """Each source with a name of its own, from its path."""
    used: dict[str, int] = defaultdict(int)
    for one in sources:
        path = Path(one.files[0].path)
        words = path.parent.as_posix() if len(one.files) > 1 else path.with_suffix("").as_posix()
        name = re.sub(r"[^A-Za-z0-9.-]+", "-", slug(words.replace("/", "-"))).strip("-.") or "source"
        used[name] += 1
        yield (name if used[name] == 1 else f"{name}-{used[name]}"), one


def _source_lines(name: str, wanted: _Wanted, *, before: str) -> Iterator[str]:
    first = wanted.files[0]
    doubts = dict.fromkeys(doubt for one in wanted.files for doubt in one.doubts)
    yield from (f"  # doubt: {_said_in_a_comment(doubt)}" for doubt in islice(doubts, 20))
    if len(doubts) > 20:
        yield f"  # and {len(doubts) - 20} more doubts"
    yield f"  - name: {_quoted(name)}  # {len(wanted.files)} file{'s' * (len(wanted.files) > 1)}, {_counted(wanted.files)}"
    yield f"    loader: {first.loader}"
    yield f"    path: {_quoted(escape(before) + wanted.path)}"
    if first.encoding:
        yield f"    encoding: {first.encoding}"
    if first.columns:
        pairs = ", ".join(f"{_quoted(theirs)}: {ours}" for theirs, ours in first.columns.items())
        yield f"    columns: {{{pairs}}}"


def _counted(files: Sequence[Seen]) -> str:
    return f"{sum(one.entities for one in files)} entities and {sum(one.relations for one in files)} relations"


def _quoted(text: str) -> str:
    """A YAML scalar; JSON's strings are YAML's."""
    return text if re.fullmatch(r"[A-Za-z][\w./-]*", text) and text.lower() not in _WORDS else json.dumps(text, ensure_ascii=False)


_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def _said_in_a_comment(text: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def survey_text(seen: Sequence[Seen]) -> str:
    """What was seen, for people: a line a file, its doubts below."""
    rows = ((one.path, one.loader or one.state, _counted([one]) if one.state == "read" else "; ".join(one.doubts)) for one in seen)
    doubts = [f"{one.path}: {doubt}" for one in seen if one.state == "read" for doubt in one.doubts]
    said = "".join(f"doubt: {_said_in_a_comment(doubt)}\n" for doubt in doubts)
    read = sum(one.state == "read" for one in seen)
    return f"{columns(rows)}{said}{read} of {len(seen)} files have a loader\n"
