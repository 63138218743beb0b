"""Pages of Markdown, AsciiDoc or HTML as sections with their lines, tables, definition lists and links, each with the line where it stands."""

from __future__ import annotations

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# lxml's stubs leave the type of a parsed tree open; what leaves this module is typed
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from graph import UnreadableSource, slug
from loaders.documents import Document, documents
from loaders.fields import document_kind, is_nothing, meant
from loaders.source import File

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

MARKDOWN = (".md", ".markdown", ".mdx")
ASCIIDOC = (".adoc", ".asciidoc")
HTML = (".html", ".htm", ".xhtml")
_PAGES = (*MARKDOWN, *ASCIIDOC, *HTML)


class Link(NamedTuple):
    """A link: its text, where it leads as written, and its line."""

    text: str
    target: str
    line: int


class Line(NamedTuple):
    """A piece of running text: a line of a paragraph, an item of a list, a cell, a heading. `bold` is what stands in bold at its beginning."""

    text: str
    line: int
    links: tuple[Link, ...] = ()
    bold: str = ""


class Row(NamedTuple):
    """A row of a table."""

    cells: tuple[Line, ...]
    line: int


class Table(NamedTuple):
    """A table; its first row is the header, as blank as it may be."""

    header: Row
    rows: tuple[Row, ...]


class Entry(NamedTuple):
    """A term of a definition list, what stands under it, and the anchor by which others refer to it."""

    term: Line
    definition: Line
    anchor: str = ""


@dataclass
class Section:
    """What stands under a heading up to the next one; level 0 is what stands before the first."""

    level: int
    title: str
    anchor: str
    line: int
    lines: list[Line] = field(default_factory=list[Line])
    tables: list[Table] = field(default_factory=list[Table])
    entries: list[Entry] = field(default_factory=list[Entry])

    @property
    def text(self) -> str:
        """Its running text, a line for each line and item."""
        return "\n".join(one.text for one in self.lines)

    @property
    def links(self) -> Iterator[Link]:
        """Every link in it."""
        cells = (cell for table in self.tables for row in (table.header, *table.rows) for cell in row.cells)
        for line in (*self.lines, *cells, *(one for entry in self.entries for one in (entry.term, entry.definition))):
            yield from line.links

    @property
    def is_blank(self) -> bool:
        """Whether nothing stands in it."""
        return not (self.lines or self.tables or self.entries)


@dataclass
class Page:
    """A page. `front` is its front matter, the headers in a block at its top, or what its HTML head says, by folded key.

    `document` is a Markdown page as its front matter and the text under it. `faults` are what could not be read: (line, why).
    """

    name: str
    front: Mapping[str, object]
    front_lines: Mapping[str, str]
    sections: list[Section]
    faults: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    heading: str = ""
    document: Document = field(default_factory=lambda: Document(None))

    @cached_property
    def lead(self) -> list[Section]:
        """What stands before the first heading, and under the page's own title."""
        first = [one for one in self.sections[:2] if one.level == 0]
        titled = [one for one in self.sections[len(first) :][:1] if one.level == 1]
        return [*first, *titled]

    @property
    def rest(self) -> list[Section]:
        """The sections after the lead."""
        return self.sections[len(self.lead) :]

    @cached_property
    def title(self) -> str:
        """What the front matter calls it, else its first heading, else the name of its file."""
        given = self.front.get("title")
        heads = (one.title for one in self.sections if one.level and one.title)
        titled = next((one.title for one in self.lead if one.level), "")
        return (str(given) if given else "") or titled or self.heading or next(heads, "") or PurePosixPath(self.name).stem

    @cached_property
    def fields(self) -> Mapping[str, tuple[Line, ...]]:
        """What labelled fields say, by what their labels mean: of front matter, of tables of two columns, and of `Label: value` in the lead."""
        found: dict[str, tuple[Line, ...]] = {}
        for label, line in (*self._front(), *self._tabled(), *self._labelled()):
            if (name := meant(label)) and not is_nothing(line.text):
                found[name] = (*found.get(name, ()), line)
        return found

    @cached_property
    def staged(self) -> tuple[Line, ...]:
        """The stage of a proposal, for one that states no status."""
        return tuple(line for key, line in self._front() if key == "stage")

    def first(self, name: str) -> str:
        """The first text of a field; "" where it is not there."""
        return next((line.text for line in self.fields.get(name, ())), "")

    def every(self, name: str) -> str:
        """All that a field says, separated by semicolons; links of people as they are written in Markdown."""
        return "; ".join(_with_links(line) for line in self.fields.get(name, ()))

    def _front(self) -> Iterator[tuple[str, Line]]:
        for key, value in self.front.items():
            for one in value if isinstance(value, list) else (value,):
                if one is not None and not isinstance(one, dict):
                    yield key, _front_line(str(one), int(self.front_lines.get(key) or 1))

    def _tabled(self) -> Iterator[tuple[str, Line]]:
        """Of tables that hold fields: two columns with labels on the left, or one row under labels."""
        for table in (table for section in self.sections for table in section.tables):
            pairs = [row.cells for row in (table.header, *table.rows) if len(row.cells) == 2]
            if len(pairs) == len(table.rows) + 1 and sum(bool(meant(cells[0].text)) for cells in pairs) >= 2:
                yield from ((cells[0].text, cells[1]) for cells in pairs)
            elif (
                len(table.rows) == 1
                and meant(table.header.cells[0].text) not in ("reviewers", "deciders")
                and sum(bool(meant(cell.text)) for cell in table.header.cells) >= 2
            ):
                yield from ((label.text, cell) for label, cell in zip(table.header.cells, table.rows[0].cells, strict=False))

    def _labelled(self) -> Iterator[tuple[str, Line]]:
        held = [line for section in self.lead for line in section.lines]
        for line in held[:40]:
            label, colon, rest = line.text.partition(":")
            if colon and len(label) <= 40 and rest.strip() and meant(label):
                yield label, Line(rest.strip(), line.line, line.links)


def _front_line(text: str, line: int) -> Line:
    links = tuple(Link(words, target, line) for words, target in re.findall(r"\[([^\]]*)\]\(([^)\s]+)\)", text))
    return Line(re.sub(r"\[([^\]]*)\]\([^)\s]+\)", r"\1", text).strip(), line, links)


def _with_links(line: Line) -> str:
    text = line.text
    for link in line.links:
        if link.text and re.match(r"@|mailto:|https?://(?:www\.)?git(?:hub|lab)\.com/[\w-]+/?$", link.target):
            text = text.replace(link.text, f"[{link.text}]({link.target})", 1)
    return text


def is_page(file: File) -> bool:
    """Whether the file is Markdown, AsciiDoc or HTML by its suffix."""
    return file.suffix in _PAGES


def page(file: File) -> Page:
    """The page of a file; what of it cannot be read is among its faults. `UnreadableSource` for bytes that are no text."""
    if file.suffix in HTML:
        return _html_page(file)
    return (asciidoc_page if file.suffix in ASCIIDOC else markdown_page)(file.text(), file.name)


# ids


@lru_cache(64)  # the facts of a file ask for it again and again
def path_id(prefix: str, name: str) -> str:
    """The id of a page by its path relative to the workspace; `index` and `README` go by their folder."""
    path = PurePosixPath(name)
    steps = [*path.parent.parts, *([path.stem] if path.stem.casefold() not in ("index", "_index", "readme") else [])] or [path.stem]
    return f"{prefix}:" + "/".join(part for step in steps if (part := slug(step)))


def found_file(file: File, target: str) -> tuple[str, str, bool]:
    """Where a link leads: the path of a file relative to the workspace, the anchor in it, and whether it is there.

    The path is "" for an address outside. A path from the root (`/legal/nda`) begins at the nearest folder above that has it; one without
    a suffix leads to a page or to a folder's index. Nothing above the workspace, or the source's folder, is looked at.
    """
    path, _, anchor = unquote(target).partition("#")
    path = path.partition("?")[0]
    if re.match(r"[A-Za-z][\w+.-]*:|//|@|<|[^/]+@[\w.-]+$", target) or "\x00" in path or "{" in path:
        return "", anchor, True
    if not path:
        return file.name, anchor, True
    own = PurePosixPath(file.name)
    base = file.path.parents[len(own.parts) - 1] if len(own.parts) <= len(file.path.parents) else file.path.parent
    tops = [*own.parent.parents, own.parent][::-1] if path.startswith("/") else [own.parent]
    for top in sorted(tops, key=lambda top: -len(top.parts)):
        if (known := _there(base, _joined(top, path.lstrip("/")))) is not None:
            return known, anchor, True
    best = _joined(tops[-1] if not path.startswith("/") else PurePosixPath(own.parts[0] if len(own.parts) > 1 else ""), path.lstrip("/"))
    return ("", anchor, False) if best is None else (best.as_posix(), anchor, False)


def other_file(file: File, target: str) -> File | None:
    """The file of the workspace to which a path in this one leads; None for an address, and for what is not there."""
    name, _, there = found_file(file, target)
    if not (name and there):
        return None
    return File(file.source, file.path.parents[len(PurePosixPath(file.name).parts) - 1] / name, name)


def _joined(top: PurePosixPath, path: str) -> PurePosixPath | None:
    """The path without its dots; None for one that leads above everything."""
    steps: list[str] = []
    for step in (*top.parts, *path.split("/")):
        if step == "..":
            if not steps:
                return None
            steps.pop()
        elif step not in ("", "."):
            steps.append(step)
    return PurePosixPath(*steps)


def _there(base: Path, path: PurePosixPath | None) -> str | None:
    if path is None or len(str(path)) > 1000:
        return None
    exact = base / path
    try:
        if exact.is_file():
            return path.as_posix()
        for index in ("index", "_index", "README"):
            for suffix in _PAGES:
                if exact.is_dir() and (exact / f"{index}{suffix}").is_file():
                    return (path / f"{index}{suffix}").as_posix()
        for suffix in _PAGES:
            for name in (f"{path.name}{suffix}", f"{path.stem}{suffix}"):
                if path.name and exact.with_name(name).is_file():
                    return path.with_name(name).as_posix()
        return path.as_posix() if exact.is_dir() else None
    except (OSError, ValueError):  # a name that no file can have
        return None


# sections as they grow


class _Growing:
    """The sections of a page while it is read."""

    def __init__(self) -> None:
        self.sections = [Section(0, "", "", 1)]
        self.anchors: dict[str, int] = {}

    def heading(self, level: int, line: Line, anchor: str = "") -> None:
        written = re.search(r"\s*\{#([\w.:-]+)[^}]*\}\s*$", line.text)
        title = (line.text[: written.start()] if written else line.text).strip()
        wanted = anchor or (written[1] if written else "") or _anchor(title)
        count = self.anchors.get(wanted, 0)
        self.anchors[wanted] = count + 1
        self.sections.append(Section(level, title, f"{wanted}-{count}" if count else wanted, line.line))
        self.sections[-1].lines += [Line("", line.line, line.links)] if line.links else []

    def add(self, lines: Iterable[Line]) -> None:
        self.sections[-1].lines += [one for one in lines if one.text or one.links]

    def table(self, rows: list[Row]) -> None:
        if rows:
            self.sections[-1].tables.append(Table(rows[0], tuple(rows[1:])))

    def entry(self, terms: list[Line], lines: list[Line], anchors: Mapping[int, str] | None = None) -> None:
        """Terms with what stands under them; `anchors` by the numbers of the terms."""
        for number, term in enumerate(terms):
            anchor = anchors.get(number, "") if anchors else ""
            self.sections[-1].entries.append(Entry(term, _one(lines or [Line("", term.line)]), anchor))

    def done(self) -> list[Section]:
        return self.sections if not self.sections[0].is_blank else self.sections[1:] or self.sections


def _anchor(title: str) -> str:
    """The anchor that GitHub and most generators of sites give a heading."""
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", title.strip().casefold()))


def _one(lines: list[Line]) -> Line:
    return Line(" ".join(one.text for one in lines if one.text), lines[0].line, tuple(link for one in lines for link in one.links))


# Markdown


@cache
def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.deflist import deflist_plugin

    return MarkdownIt("commonmark").enable("table").use(deflist_plugin)


def markdown_page(text: str, name: str) -> Page:
    """The page of a Markdown text; front matter that cannot be read is a fault, and the text under it is still read."""
    faults: list[tuple[str, str]] = []
    front: dict[str, object] = {}
    lines: dict[str, str] = {}
    document = Document(None)
    body, first = text, 1
    try:
        document = next(documents(text, name, form="markdown"))
        body, first = str(document.names.get("body", "")), int(str(document.names.get("body_line", 1)))
        if isinstance(document.value, dict):
            front = {folded_key(str(key)): value for key, value in document.value.items()}
            lines = {folded_key(str(key)): place for key, place in document.items.get(id(document.value), {}).items()}
    except UnreadableSource as error:
        faults.append((_line_in(str(error)), str(error)))
        closed = re.match(r"\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", text, re.DOTALL | re.MULTILINE)
        body, first = (text[closed.end() :], text.count("\n", 0, closed.end()) + 1) if closed else (text, 1)
    growing = _Growing()
    headers = _read_markdown(body.replace("\x00", " "), first, growing)
    if not front:
        front = {folded_key(key): value for key, (value, _) in headers.items()}
        lines = {folded_key(key): str(line) for key, (_, line) in headers.items()}
    return Page(name, front, lines, growing.done(), faults, document=document)


@lru_cache(1 << 10)
def folded_key(key: str) -> str:
    """A key of front matter in the one form in which keys are compared."""
    return re.sub(r"[\s-]+", "_", key.strip()).casefold()


def _line_in(message: str) -> str:
    found = re.search(r":(\d+):", message)
    return found[1] if found else "1"


class _Markdown:
    """Where in the nesting of tokens one is: a row with its cells, a definition list, a heading."""

    def __init__(self, first: int, growing: _Growing) -> None:
        self.first, self.growing = first, growing
        self.level = 0
        self.rows: list[Row] | None = None
        self.cells: list[Line] = []
        self.terms: list[Line] = []
        self.under: list[Line] = []
        self.within = ""

    def token(self, token: Token) -> None:
        line = (token.map[0] if token.map else 0) + self.first
        match token.type:
            case "inline":
                self.inline(_inline(token, line))
            case "heading_open":
                self.level = int(token.tag[1])
            case "table_open":
                self.rows = []
            case "tr_open":
                self.cells = []
            case "tr_close":
                self.rows = [*(self.rows or []), Row(tuple(self.cells), self.cells[0].line if self.cells else 1)]
            case "table_close":
                self.growing.table(self.rows or [])
                self.rows = None
            case "dt_open" | "dl_close":
                self.flush(token.type)
            case "dd_open":
                self.within = "dd"
            case "html_block":
                _read_html(token.content, line, self.growing)
            case _:
                pass

    def flush(self, sort: str) -> None:
        """A term after a definition, or the end of the list, ends the entry before it."""
        if self.under or sort == "dl_close":
            self.growing.entry(self.terms, self.under)
            self.terms, self.under = [], []
        self.within = "dt" if sort == "dt_open" else ""

    def inline(self, lines: list[Line]) -> None:
        if self.rows is not None:
            self.cells.append(_one(lines))
        elif self.level:
            self.growing.heading(self.level, _one(lines))
            self.level = 0
        elif self.within == "dt":
            self.terms.append(_one(lines))
        elif self.within == "dd":
            self.under += lines
        else:
            self.growing.add(lines)


def _read_markdown(text: str, first: int, growing: _Growing) -> Mapping[str, tuple[str, int]]:
    """Let the sections grow; what comes back are the headers in a block of code above all text, as proposals have them."""
    state = _Markdown(first, growing)
    found: Mapping[str, tuple[str, int]] = {}
    for token in _markdown().parse(text):
        if token.type in ("fence", "code_block") and not found and all(section.is_blank for section in growing.sections):
            line = first + (token.map[0] if token.map else 0) + (token.type == "fence")
            found = headers(enumerate(token.content.splitlines(), line))
            continue
        state.token(token)
    return found


_HEADER = re.compile(r":?([A-Z][A-Za-z -]{1,30}):[ \t]*(.*)")


def headers(lines: Iterable[tuple[int, str]]) -> dict[str, tuple[str, int]]:
    """Headers as in mail, or as a list of fields (`:Status: Final`): names in lower case -> value, line; lines that go on are joined.

    Blank lines at the top are passed over, the next one ends them. Nothing where a line is no header.
    """
    found: dict[str, tuple[str, int]] = {}
    name = margin = ""
    for number, line in lines:
        if not line.strip():
            if found:
                break
            continue
        margin = margin if found else line[: len(line) - len(line.lstrip())]
        said = line.removeprefix(margin)
        if name and said[:1] in (" ", "\t"):
            held, first = found[name]
            found[name] = f"{held}\n{said.strip()}", first
        elif header := _HEADER.match(said):
            name = header[1].strip().replace(" ", "-").casefold()
            found.setdefault(name, (header[2].strip(), number))
        else:
            return {}
    return found


_SERIES = re.compile(r"[a-z]{2,5}")
_NO_SERIES = frozenset(["id", "no", "rev", "num", "pos", "nav", "toc", "page", "rank", "year", "order", "level", "index", "size", "step"])


def series(said: Mapping[str, object]) -> str:
    """The series that numbers a proposal: the header that is a short name and holds a number, as `PEP: 8` or `eip: 721`; else ""."""
    return next((one for one, value in said.items() if _SERIES.fullmatch(one) and one not in _NO_SERIES and str(value).isdigit()), "")


_HREF = re.compile(r"""<a\s[^>]*?href\s*=\s*["']?([^"'\s>]+)""", re.IGNORECASE)


def _inline(token: Token, line: int) -> list[Line]:
    """The lines of a paragraph, heading or cell, as plain text with their links."""
    made, texts, links = list[Line](), list[str](), list[Link]()
    opened: tuple[str, int] | None = None
    bold, strong = "", False
    for one in token.children or ():
        if one.type in ("softbreak", "hardbreak"):
            made.append(Line(_plain(texts), line, tuple(links), bold))
            texts, links, line, bold, strong = [], [], line + 1, "", False
        elif one.type == "strong_open":
            strong = not _plain(texts)
        elif one.type == "strong_close":
            bold, strong = (_plain(texts) if strong else bold), False
        elif one.type == "link_open":
            opened = str(one.attrs.get("href", "")), len(texts)
        elif one.type == "link_close" and opened:
            links.append(Link(_plain(texts[opened[1] :]), opened[0], line))
            opened = None
        elif one.type == "html_inline":
            found = _HREF.match(one.content)
            links += [Link("", found[1], line)] if found else []
            texts += [" "] if one.content[:3].casefold() == "<br" else []
        else:
            texts.append(one.content)
    return [*made, Line(_plain(texts), line, tuple(links), bold)]


def _plain(texts: list[str]) -> str:
    return " ".join("".join(texts).split())


# HTML: read as a browser would, never run, nothing fetched

_SKIPPED = ("script", "style", "template", "noscript", "iframe", "object", "svg", "nav")
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = (
    "address", "article", "aside", "blockquote", "body", "dd", "details", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer",
    "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "html", "li", "main", "ol", "p", "pre", "section", "summary", "table", "tbody",
    "td", "tfoot", "th", "thead", "tr", "ul",
)  # fmt: skip
_BLOCK_SET = frozenset(_BLOCKS)


def _html_page(file: File) -> Page:
    growing = _Growing()
    root, faults = _read_html(_html_text(file), 1, growing)
    front: dict[str, object] = {}
    heading = ""
    if root is not None:
        heading = _plain([str(text) for text in root.xpath("string(//title)")])
        for one in root.iter("meta"):
            name, content = one.get("name") or one.get("property"), one.get("content")
            if name and content:
                front.setdefault(folded_key(name), content)
        if root.get("lang"):
            front.setdefault("language", root.get("lang"))
    return Page(file.name, front, {}, growing.done(), faults, heading)


def _html_text(file: File) -> str:
    """Its text; where it is no UTF-8, in the encoding that the page states."""
    try:
        return file.text()
    except UnreadableSource:
        stated = re.search(rb"""charset\s*=\s*["']?([\w-]+)""", file.content[:2048], re.IGNORECASE)
        if not stated:
            raise
        return _decoded(file.content, stated[1].decode("ascii"), file)


def _decoded(content: bytes, encoding: str, file: File) -> str:
    try:
        return content.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        message = f"{file.name}:1: says that it is {encoding} text, which it is not; save it as UTF-8"
        raise UnreadableSource(message) from error


def _read_html(text: str, first: int, growing: _Growing) -> tuple[Any, list[tuple[str, str]]]:
    from lxml import etree

    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(re.sub(r"\A\ufeff?\s*<\?xml[^>]*\?>", "", text).replace("\x00", " ").encode("utf-8", "replace"), parser)
    except (etree.XMLSyntaxError, ValueError, AssertionError):
        root = None
    cut = [str(one.line + first - 1) for one in parser.error_log if "xcessive depth" in one.message]
    faults = [(line, "is nested so deep that the rest is not read; write it flatter") for line in cut[:1]]
    if root is not None:
        etree.strip_elements(root, *_SKIPPED, with_tail=False)
        for one in list(filter(_leads_about, root.iterdescendants())):
            one.tag = "nav"
        etree.strip_elements(root, "nav", with_tail=False)
        _walk(_main(root), first - 1, growing)
    return root, faults


def _leads_about(node: Any) -> bool:
    """Whether an element leads from page to page and says nothing of itself, by its role or its class."""
    return node.get("role") == "navigation" or any(map(_NAVIGATES.fullmatch, (node.get("class") or "").split()))


_NAVIGATES = re.compile(r"nav(?:bar|igation|header|footer|[-_]\w+)?|breadcrumbs?", re.IGNORECASE)


def _main(root: Any) -> Any:
    """What the page says is its main part, without what stands beside it; the whole page where it says nothing of it."""
    found = root.xpath("//main | //*[@role='main']")
    return found[0] if len(found) == 1 and len(_words(found[0])) >= _LEAST else root


_LEAST = 200  # characters of a main part that is one, and not the place where a program puts it later


def _walk(root: Any, offset: int, growing: _Growing) -> None:
    """The elements in their order, by a stack, since pages nest as deep as they like."""
    open_: list[tuple[Any, str, int]] = [(root, "", 1)]
    while open_:
        node, text, line = open_.pop()
        if node is None:
            growing.add([Line(_plain([text]), line)])
            continue
        line = (node.sourceline or 1) + offset
        tag = node.tag
        if tag in ("head", "title"):
            continue
        if tag in _HEADINGS:
            growing.heading(_HEADINGS[tag], _gathered(node, offset), node.get("id") or _named_anchor(node))
        elif tag == "table":
            growing.table([row for row in _rows(node, offset) if row.cells])
        elif tag == "dl":
            _entries(node, offset, growing)
        elif not any(one.tag in _BLOCK_SET for one in node.iterdescendants()):
            growing.add([_gathered(node, offset)])
        else:
            open_ += [
                one for child in reversed(node) for one in ((None, child.tail or "", (child.sourceline or 1) + offset), (child, "", line))
            ]
            growing.add([Line(_plain([node.text or ""]), line)])


def _named_anchor(node: Any) -> str:
    return next((str(one.get("name") or one.get("id")) for one in node.iter("a") if one.get("name") or one.get("id")), "")


def _gathered(node: Any, offset: int) -> Line:
    links = tuple(Link(_words(one), one.get("href").strip(), (one.sourceline or 1) + offset) for one in node.iter("a") if one.get("href"))
    first = next((one for one in node.iter() if one is not node and (one.text or "").strip()), None)
    bold = first is not None and first.tag in ("b", "strong") and not (node.text or "").strip()
    return Line(_words(node), (node.sourceline or 1) + offset, links, _words(first) if bold else "")


def _words(node: Any) -> str:
    """The text of an element; words of two blocks are two words."""
    from lxml import etree

    texts: list[str] = []
    for event, one in etree.iterwalk(node, events=("start", "end")):
        apart = one.tag in _BLOCK_SET or one.tag == "br"
        if event == "start":
            texts += [" " if apart else "", one.text or ""]
        elif one is not node:
            texts += [" " if apart else "", one.tail or ""]
    return _plain(texts)


def _rows(table: Any, offset: int) -> Iterator[Row]:
    for row in table.iter("tr"):
        cells = tuple(_gathered(cell, offset) for cell in row if cell.tag in ("td", "th"))
        yield Row(cells, (row.sourceline or 1) + offset)


def _entries(node: Any, offset: int, growing: _Growing) -> None:
    terms: list[Line] = []
    under: list[Line] = []
    anchors: dict[int, str] = {}
    for one in node.iter("dt", "dd"):
        if one.tag == "dd":
            under.append(_gathered(one, offset))
        elif one.getparent().tag != "dt":  # some tools write a term as a term in a term
            if under:
                growing.entry(terms, under, anchors)
                terms, under, anchors = [], [], {}
            anchors[len(terms)] = one.get("id") or _named_anchor(one)
            terms.append(_gathered(one, offset))
    growing.entry(terms, under, anchors)


# AsciiDoc, line by line: what is included from elsewhere is a link to it, code is passed over

_ASCII_HEADING = re.compile(r"(={1,6}|#{1,6})\s+(\S.*)")
_UNDERLINES = "=-~^+"  # of titles in the older style, the highest first
_ENTRY = re.compile(r"\s*(?P<anchor>\[\[[^\]]*\]\])?(?P<term>[^\s/:].*?)(?:::{1,3}|;;)(?:\s+(?P<rest>\S.*))?")
_ITEM = re.compile(r"\s*(?:[*-]{1,5}|\.{1,5}|\d+\.)\s+(?=\S)")
_ATTRIBUTE = re.compile(r":([A-Za-z][\w-]*):(?:\s+(.*))?")
_MACRO = re.compile(r"(\w+)::(\S*)\[.*\]")
_FENCES = re.compile(r"(-{4,}|\.{4,}|\+{4,}|/{4,}|`{3,}|={4,}|\*{4,}|_{4,}|--)(?:\w*)")
_AUTHOR = re.compile(r"[^<>:]{1,100}<[^<>\s@]{1,100}@[^<>\s]{1,100}>")
_REVISED = re.compile(r"v?\d[\w.]*,\s*(\d{4}-\d\d-\d\d)\b.*")


def asciidoc_page(text: str, name: str) -> Page:
    """The page of an AsciiDoc text; the attributes of its header are its front matter."""
    state = _AsciiDoc()
    lines = text.replace("\x00", " ").splitlines()
    number = 0
    while number < len(lines):
        number = state.block(lines, number)
    state.flush()
    return Page(name, dict(state.attributes), state.places, state.growing.done())


class _AsciiDoc:
    """How far one is in an AsciiDoc text: the attributes so far, the anchor for what comes next, and a definition list that is open."""

    def __init__(self) -> None:
        self.growing = _Growing()
        self.attributes: dict[str, str] = {}
        self.places: dict[str, str] = {}
        self.anchor, self.columns = "", 0
        self.terms: list[Line] = []
        self.under: list[Line] = []
        self.anchors: dict[int, str] = {}
        self.apart = False  # a blank line stands between the definition and what comes

    def block(self, lines: list[str], number: int) -> int:
        """Read what begins at this line; the number of the line after it."""
        line = lines[number].rstrip()
        if not line:
            self.apart = bool(self.under)
        elif line == "+":
            self.apart = False
        elif heading := self.heading(lines, number, line):
            return heading
        elif line.startswith("|==="):
            return self.table(lines, number)
        elif _FENCES.fullmatch(line):
            return _after_code(lines, number, line) if line[0] in "-.+/`" and line != "--" else number + 1
        elif (line.startswith("//") and not line.startswith("///")) or self.said_of_what_follows(line):
            pass
        elif attribute := _ATTRIBUTE.fullmatch(line):
            self.state(attribute[1], attribute[2] or "", number)
        elif macro := _MACRO.fullmatch(line):
            if macro[1] == "include":
                self.growing.add([Line("", number + 1, (Link("", macro[2], number + 1),))])
        else:
            self.words(line, number)
        return number + 1

    def state(self, name: str, value: str, number: int) -> None:
        self.attributes[folded_key(name)] = self.line(value, number).text
        self.places[folded_key(name)] = str(number + 1)

    def said_of_what_follows(self, line: str) -> bool:
        if not re.fullmatch(r"\[.*\]", line) or re.match(r"\[\[[^\]]*\]\].*\S", line.removesuffix("]]")):
            return False
        found = re.fullmatch(r"\[\[([^\],]*).*\]\]|\[#([\w.:-]+).*\]", line)
        self.anchor = (found[1] or found[2] or "") if found else self.anchor
        if wide := re.search(r"""cols\s*=\s*["']([^"']*)["']""", line):
            self.columns = sum(int(many[1]) if (many := re.match(r"\s*(\d+)\*", one)) else 1 for one in wide[1].split(","))
        return True

    def heading(self, lines: list[str], number: int, line: str) -> int:
        """The number of the line after a heading; 0 where none begins here."""
        found, after = _ASCII_HEADING.fullmatch(line), number + 1
        level, title = (len(found[1]), found[2].removesuffix(f" {found[1]}")) if found else (0, line)
        under = lines[after].rstrip() if after < len(lines) else ""
        old = not found and len(under) > 2 and under[0] in _UNDERLINES and not under.strip(under[0]) and abs(len(under) - len(line)) <= 2
        if old and (number == 0 or not lines[number - 1].strip() or self.anchor) and re.match(r"\w", line):
            level, after = _UNDERLINES.index(under[0]) + 1, after + 1
        if not level:
            return 0
        self.flush()
        first = not any(section.level for section in self.growing.sections)
        self.growing.heading(level, self.line(title, number), self.anchor)
        self.anchor = ""
        return self.authors(lines, after) if level == 1 and first else after

    def authors(self, lines: list[str], number: int) -> int:
        """Read who wrote a document, and when, as the lines under its title say."""
        for name, pattern, part in (("author", _AUTHOR, 0), ("date", _REVISED, 1)):
            if number < len(lines) and (found := pattern.fullmatch(lines[number].strip())):
                self.state(name, found[part], number)
                number += 1
        return number

    def words(self, line: str, number: int) -> None:
        """A line of running text, an item, or a term of a definition list with what stands behind it."""
        if entry := _ENTRY.fullmatch(line):
            if self.under:
                self.flush()
            self.anchors[len(self.terms)] = (entry["anchor"] or "").strip("[]").partition(",")[0] or self.anchor
            self.anchor = ""
            self.terms.append(self.line(entry["term"], number))
            self.under += [self.line(entry["rest"], number)] if entry["rest"] else []
            return
        item = _ITEM.match(line)
        if self.apart and not item:
            self.flush()
        said = self.line(line[item.end() :] if item else line.strip(), number)
        if self.terms:
            self.under.append(said)
            self.apart = False
        else:
            self.growing.add([said])

    def flush(self) -> None:
        """End the definition list that is open."""
        self.growing.entry(self.terms, self.under, self.anchors)
        self.terms, self.under, self.anchors, self.apart = [], [], {}, False

    def table(self, lines: list[str], number: int) -> int:
        self.flush()
        cells: list[Line] = []
        wide, self.columns = self.columns, 0
        for after in range(number + 1, len(lines)):
            line = lines[after].strip()
            if line.startswith("|==="):
                break
            pieces = re.split(r"(?<!\\)(?:(?<=\s)|^)[\w.<>^+*]{0,6}\|", line)
            if pieces[0].strip() and cells:
                more = self.line(pieces[0], after)
                cells[-1] = Line(f"{cells[-1].text} {more.text}".strip(), cells[-1].line, (*cells[-1].links, *more.links), cells[-1].bold)
            made = [self.line(piece.strip(), after) for piece in pieces[1:]]
            wide = wide or len(made)
            cells += made
        else:
            after = len(lines)
        rows = [tuple(cells[at : at + wide]) for at in range(0, len(cells), wide)] if wide else []
        self.growing.table([Row(row, row[0].line) for row in rows])
        return after + 1

    def meant(self, found: re.Match[str]) -> str:
        """What a reference to an attribute stands for; one that is long stays as it is written, so that attributes cannot multiply."""
        value = self.attributes.get(folded_key(found[1]), "")
        return value if 0 < len(value) <= _LONG else found[0]

    def line(self, text: str, number: int) -> Line:
        """Running text without its marks, with its links."""
        text = _REFERRED.sub(self.meant, text)
        bold = _BOLD.match(text)
        links = tuple(
            Link(found["text"] or found["words"] or "", f"#{found['id']}" if found["id"] else found["to"], number + 1)
            for found in _LINKED.finditer(text)
        )
        shown = _LINKED.sub(lambda found: found["text"] or found["words"] or found["id"] or found["to"], text)
        for pattern in _MARKS:
            shown = pattern.sub(r"\1", shown)
        return Line(_plain([shown]), number + 1, links, _plain([bold[1]]) if bold else "")


_LONG = 200  # characters of an attribute that is written for another text
_REFERRED = re.compile(r"\{([A-Za-z][\w-]*)\}")
_BOLD = re.compile(r"\*{1,2}([^*\s][^*]*)\*{1,2}(?!\w)")
_LINKED = re.compile(
    r"<<(?P<id>[^>,]{1,200})(?:,\s?(?P<text>[^>]{0,200}))?>>"
    r"|(?:link:|xref:)?(?P<to>(?:(?<=link:)|(?<=xref:))[^\s\[\]]+|(?:https?://|mailto:)[^\s\[\]<>]+[^\s\[\]<>.,;:)])(?:\[(?P<words>[^\]^]{0,300})\^?\])?"
)
_MARKS = (
    re.compile(r"\[\[[^\]]{0,200}\]\]()"),
    re.compile(r"\(\(\(?([^()]{0,200})\)?\)\)"),
    re.compile(r"(?<!\w)\[[.#][^\]]{0,100}\]#([^#]{1,300})#"),
    *(re.compile(rf"(?<![\w\\]){mark}(?=\S)(.{{1,300}}?)(?<=\S){mark}(?!\w)") for mark in (r"\*\*", r"\*", "__", "_", "``", "`", r"\+")),
)


def _after_code(lines: list[str], number: int, fence: str) -> int:
    """The number of the line after a block of code or a comment, which ends as it begins."""
    end = fence if fence[0] != "`" else "```"
    return next((at + 1 for at in range(number + 1, len(lines)) if lines[at].rstrip() == end), len(lines))


# what a page is

_DECIDING = frozenset(
    (
        "status",
        "context",
        "decision",
        "consequences",
        "decision outcome",
        "considered options",
        "context and problem statement",
        "decision drivers",
        "pros and cons of the options",
        "alternatives considered",
        "options considered",
        "problem statement",
    )
)
_GLOSSARY = re.compile(
    r"\b(?:glossary|terminology|vocabulary|definitions|terms (?:and|&) (?:definitions|acronyms)|acronyms|abbreviations|ubiquitous language"
    r"|glossar|glossaire|glosario|glossario)\b",
    re.IGNORECASE,
)
_TERMS = frozenset(("term", "terms", "word", "acronym", "abbreviation", "concept", "phrase", "expression"))
_MEANINGS = frozenset(
    ("definition", "meaning", "description", "explanation", "what it means", "expansion", "stands for", "means", "definitions")
)
_PROPOSED = re.compile(r"(?:(?i:rfc|rfd|adr|kep|pep|dep|mep|sep|tep|proposal|decision record)|[A-Z]{1,4}[EI]P)(?![A-Za-z])[\s:#-]*\d")
_NUMBERED = re.compile(r"(?i:proposal)\s*:\s*[A-Z]{2,5}-\d")
_STATEMENT = re.compile(r"\bin the context of\b.{3,400}?\bfacing\b.{3,400}?\bwe (?:have )?decided\b", re.IGNORECASE | re.DOTALL)
_FOR_AGENTS = frozenset(("agents.md", "claude.md", "gemini.md", "skill.md", "copilot-instructions.md"))


def subject_of(file: File) -> str:
    """What the page of a file is, as `subject` says, in the light of its folder; "" for a file that is no page, or cannot be read."""
    try:
        said = subject(page(file)) if is_page(file) else ""
    except UnreadableSource:
        return ""
    return "glossary" if said == "page" and _is_among_terms(file) else said


_INDEXES = ("_index", "index", "readme")


def _is_among_terms(file: File) -> bool:
    """Whether the folder's own page calls the folder a glossary, so that each page beside it is a term."""
    if file.path.stem.casefold() in _INDEXES:
        return False
    try:
        indexes = [one for one in (file.path.with_name(f"{name}.md") for name in ("_index", "index", "README")) if one.is_file()]
        return any(_is_titled_glossary(one, (state := one.stat()).st_mtime_ns, state.st_size) for one in indexes)
    except OSError:
        return False


@lru_cache(maxsize=256)
def _is_titled_glossary(path: Path, _changed: int, size: int) -> bool:
    if size > _LARGE_INDEX:
        return False
    try:
        return bool(_GLOSSARY.search(markdown_page(path.read_text(encoding="utf-8-sig"), path.name).title))
    except (UnicodeDecodeError, UnreadableSource):
        return False


_LARGE_INDEX = 1024 * 1024


def subject(one: Page) -> str:
    """What a page is: `decision`, `glossary`, `page`; "" for one that says nothing, or that is written for agents."""
    if PurePosixPath(one.name).name.casefold() in _FOR_AGENTS:
        return ""
    if _is_decision(one):
        return "decision"
    if names_term(one) or _is_glossary(one):
        return "glossary"
    return "page" if one.sections and (one.front or any(section.level for section in one.sections)) else ""


def _is_decision(one: Page) -> bool:
    titles = {re.sub(r"^[\d.\s]+", "", section.title).strip().casefold() for section in one.sections}
    if len(titles & _DECIDING) >= 2 and titles & {"decision", "decision outcome", "considered options", "consequences"}:
        return True
    fields = one.fields
    if "status" in fields and (
        ({"supersedes", "superseded_by", "deciders"} & set(fields) and not _is_kept(one))
        or re.search(r"\badrs?\b", one.name, re.IGNORECASE)
    ):
        return True
    headings = (one.title, *(section.title for section in one.lead))
    if any(map(_PROPOSED.match, headings)) and ("status" in fields or {"author", "created"} <= set(fields)):
        return True
    if "status" in fields and any(_NUMBERED.match(line.text) for section in one.lead for line in section.lines):
        return True
    if is_numbered(one) or ("start_date" in one.front and {"feature", "rfc_pr", "prs", "stage"} & set(one.front)):
        return True
    if any(meant(row.cells[0].text) in ("supersedes", "superseded_by") for table in _tables(one) for row in table.rows if row.cells):
        return True
    if any(re.match(r"rfc(?: pr)?\s*:", line.text, re.IGNORECASE) for section in one.lead for line in section.lines):
        return True
    return any(_STATEMENT.search(section.text) for section in one.sections)


def _is_kept(one: Page) -> bool:
    """Whether it is a policy with an owner: such a page has a status, an approver and what it replaces as well, and decides no single thing."""
    return document_kind(one.title) != "Document" and bool({"owner", "review", "next_review"} & set(one.fields))


def is_numbered(one: Page) -> bool:
    """Whether a page is a proposal of a series, by its headers: a number, a status, and by whom or since when it is."""
    return bool(series(one.front)) and "status" in one.front and bool({"author", "authors", "owners", "created"} & set(one.front))


def _tables(one: Page) -> Iterator[Table]:
    for section in one.sections:
        yield from section.tables


def names_term(one: Page) -> bool:
    """Whether the front matter says that the page is about one term: it has a `term`, or a short description with other names or a link."""
    return "term" in one.front or ("short_description" in one.front and bool({"aka", "full_link"} & set(one.front)))


def _is_glossary(one: Page) -> bool:
    tables = sum(is_terms(table) for table in _tables(one))
    entries = sum(len(section.entries) for section in one.sections)
    lines = sum(len(section.lines) for section in one.sections)
    stem = re.sub(r"[\W\d_]+", " ", PurePosixPath(one.name).stem).strip()
    return bool(
        _GLOSSARY.search(one.title)
        or _GLOSSARY.fullmatch(stem)
        or (tables and tables * 2 >= sum(1 for _ in _tables(one)))
        or entries > lines
    )


def is_terms(table: Table) -> bool:
    """Whether a table has a column of terms and one of their meanings."""
    heads = {cell.text.casefold().strip(" :*") for cell in table.header.cells}
    return bool(heads & _TERMS and heads & _MEANINGS)


def column(table: Table, *, terms: bool) -> int:
    """The number of the column of terms, or of their meanings; -1 where there is none."""
    wanted = _TERMS if terms else _MEANINGS
    return next((number for number, cell in enumerate(table.header.cells) if cell.text.casefold().strip(" :*") in wanted), -1)
