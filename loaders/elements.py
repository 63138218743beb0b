"""XML as elements that keep namespace, order and line: a whole tree, or one piece after the other of a file too long to be held."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from pathlib import Path, PurePosixPath
from xml.parsers import expat

from graph import Finding, UnreadableSource, slug
from loaders.documents import strict
from loaders.source import File

MAX_DEPTH = 200
MAX_UNPACKED = 8 * 1024 * 1024 * 1024  # of a packed file that is read piece by piece
_CHUNK = 1 << 16
_GENERIC = re.compile(
    r"(?:process|wfp|pool|page|decision|definitions?|diagram|sid|id|table|datastore|datastorereference|inputdata|knowledgesource|businessknowledgemodel)?[-_]?\d{0,3}",
    re.IGNORECASE,
)


_OWN_SPACE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}|\d{9,}|/_[\w-]{12,}", re.IGNORECASE)


@dataclass(slots=True, eq=False)
class Element:
    """An element: its namespace and name, its attributes by their names (a foreign one as `namespace name`), its text, and its line."""

    space: str
    name: str
    line: int
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list["Element"])
    text: str = ""

    def __call__(self, name: str) -> str:
        """An attribute, stripped; "" where it is not there."""
        return self.attributes.get(name, "").strip()

    def all(self, *names: str) -> Iterator[Element]:
        """The children of these names."""
        return (child for child in self.children if child.name in names)

    def first(self, name: str) -> Element | None:
        """The first child of this name."""
        return next(self.all(name), None)

    def said(self, name: str) -> str:
        """The text of the first child of this name; "" where there is none."""
        child = self.first(name)
        return child.text.strip() if child else ""

    def walk(self) -> Iterator[Element]:
        """The element and all below it, in the order of the document."""
        open_: list[Element] = [self]
        while open_:
            one = open_.pop()
            yield one
            if one.children:
                open_ += one.children[::-1]


class _Reader:
    """Makes elements of the parser's calls; whole ones of the wanted names go to `done` and are forgotten by their parents."""

    def __init__(self, name: str, wanted: frozenset[str], skipped: frozenset[str]) -> None:
        self.name, self.wanted, self.skipped = name, wanted, skipped
        self.stack: list[Element] = []
        self.texts: list[str] = []
        self.names: dict[str, tuple[str, str]] = {}  # as the parser has them, in two
        self.root: Element | None = None
        self.done: list[Element] = []
        self.within = 0  # how many wanted elements are open
        self.below = 0  # how deep in what is skipped
        self.parser = strict(name, separator=" ")
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.texts.append

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        names = self.names.get(tag)
        if names is None:
            space, _, name = tag.rpartition(" ")
            names = self.names[tag] = space, name
        space, name = names
        if self.below or space in self.skipped:
            self.below += 1
            return
        if len(self.stack) >= MAX_DEPTH:
            raise UnreadableSource(f"{self.name}:{self.parser.CurrentLineNumber}: more than {MAX_DEPTH} levels deep")
        if self.texts:
            self._settle()
        self.stack.append(Element(space, name, self.parser.CurrentLineNumber, attributes))
        if name in self.wanted:
            self.within += 1

    def end(self, _tag: str) -> None:
        if self.below:
            self.below -= 1
            return
        if self.texts:
            self._settle()
        made = self.stack.pop()
        if made.name in self.wanted:
            self.within -= 1
            if not self.within:
                self.done.append(made)
                return
        if not self.stack:
            self.root = made
        elif self.within or not self.wanted:
            self.stack[-1].children.append(made)

    def _settle(self) -> None:
        """Give the text so far to the element that is open; the blanks between elements are nobody's."""
        if self.stack and not self.below:
            self.stack[-1].text += "".join(self.texts)
        self.texts.clear()

    def feed(self, chunk: bytes, *, last: bool) -> None:
        try:
            self.parser.Parse(chunk, last)
        except expat.ExpatError as error:
            raise UnreadableSource(f"{self.name}:{error.lineno}: no valid XML: {expat.ErrorString(error.code)}") from error
        except (ValueError, LookupError) as error:  # an encoding that is none, or of several bytes
            raise UnreadableSource(f"{self.name}:{self.parser.CurrentLineNumber}: no valid XML: {error}; save it as UTF-8") from error


def root(file: File, *, skipped: frozenset[str] = frozenset()) -> Element:
    """The whole document, without what is in the skipped namespaces; `UnreadableSource` with `file:line` where it is no XML."""
    reader = _Reader(file.name, frozenset(), skipped)
    reader.feed(file.content, last=True)
    assert reader.root  # expat refuses a document without a root
    return reader.root


def pieces(file: File, wanted: frozenset[str]) -> Iterator[Element]:
    """The outermost elements of these names, one after the other, without holding the file; a packed one (`.gz`) is unpacked on the way."""
    reader = _Reader(file.name, wanted, frozenset())
    for chunk in chunks(file):
        reader.feed(chunk, last=False)
        yield from reader.done
        reader.done.clear()
    reader.feed(b"", last=True)
    yield from reader.done


def chunks(file: File) -> Iterator[bytes]:
    """The bytes of a file, unpacked where it is packed; `UnreadableSource` where it cannot be read or unpacks to too much."""
    total = 0
    try:
        with gzip.open(file.path) if packed(file.path) else file.path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                total += len(chunk)
                if total > MAX_UNPACKED:
                    raise UnreadableSource(f"{file.name}: unpacks to more than {MAX_UNPACKED // 2**30} GiB; split it")
                yield chunk
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableSource(f"{file.name}: cannot be read: {error}") from error


def packed(path: Path) -> bool:
    """Whether a file begins as gzip does."""
    with path.open("rb") as stream:
        return stream.read(2) == b"\x1f\x8b"


def opens_with(file: File) -> tuple[str, str]:
    """The namespace and the name of the first element, seen without reading on; blank for what is no XML."""
    found: list[str] = []
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = lambda tag, _: found.append(tag)
    try:
        head = b"".join(islice(chunks(file), 1))
        if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"<", b"\xff", b"\xfe"):
            parser.Parse(head, False)
    except (expat.ExpatError, UnreadableSource, ValueError, LookupError):
        pass
    space, _, name = found[0].rpartition(" ") if found else ("", "", "")
    return space, name


def opening(file: File, size: int = 4096) -> str:
    """The first characters of a file, whatever they are; "" for one that cannot be read."""
    try:
        head = b"".join(islice(chunks(file), 1))[:size]
    except UnreadableSource:
        return ""
    return head.replace(b"\0", b"").decode("utf-8", "replace")


def standing(file: File, id_: str, *, space: str = "") -> str:
    """The local part of an id for something that its standard calls `id_` in the target namespace `space`.

    A namespace of the model's own gets into it, since copies of a model keep the ids. An id that a modeller gives to every first thing
    (`Process_1`) says nothing outside its file, and gets the file's name before it.
    """
    own = slug(id_) or sha256(id_.encode()).hexdigest()[:12]
    if _OWN_SPACE.search(space) and not space.startswith("http://www.omg.org/spec"):
        return f"{own}.{sha256(space.encode()).hexdigest()[:6]}"
    return f"{slug(PurePosixPath(file.name).stem)}.{own}" if _GENERIC.fullmatch(id_) else own


def unread(file: File, counts: Iterable[tuple[str, int, int]]) -> Iterator[Finding]:
    """A note for each sort of thing that was met and not used: (what, how often, the line of the first)."""
    for what, count, line in counts:
        where = file.locator(str(line))
        message = f"{where}: nothing reads {what} ({count} of them here)"
        yield Finding(id=f"unread:{file.name}:{what}", check="unread", level="note", subject=file.name, message=message)
