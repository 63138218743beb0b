"""Listings of documents as SharePoint and its like export them: one row a file, with its path, who changed it, its retention and its label."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from graph import Fact, Finding, slug
from loaders.fields import cadence, day, document_kind, order_of, people, sensitivity
from loaders.source import File, Many, Record, Text, filled, link, thing

_HEADERS = {  # what is exported under many names -> the column of a row
    "name": "name|file name|filename|document name|fileleafref|link filename|document"
    "|nom|nombre|naam|nome|dateiname|nom du fichier|nom de fichier|nombre de archivo|bestandsnaam|nome file",
    "title": "title|document title|titel|titre|título|titolo",
    "path": "path|file path|filepath|folder|folder path|url|link|web url|location|fileref|encoded abs url|server relative url|parent|document url"
    "|pfad|chemin|chemin d'accès|ruta|ruta de acceso|pad|percorso",
    "unique_id": "unique id|uniqueid|guid|document id|doc id|document id value|item id",
    "row_id": "id",
    "modified": "modified|last modified|modified date|date modified|last modified date|modified on|last modified on|last updated"
    "|geändert|geändert am|modifié|modifié le|modificado|modificado el|gewijzigd|gewijzigd op|modificato|modificato il",
    "modified_by": "modified by|last modified by|editor|changed by|updated by"
    "|geändert von|modifié par|modificado por|gewijzigd door|modificato da",
    "created": "created|created date|date created|created on"
    "|erstellt|erstellt am|créé|créé le|creado|creado el|gemaakt|gemaakt op|creato|creato il",
    "created_by": "created by|author|authors|erstellt von|créé par|creado por|gemaakt door|creato da",
    "owner": "owner|document owner|content owner|owners|business owner|responsible|site owner",
    "retention": "retention|retention label|retention label applied|retention period|retention policy|compliance tag|record label",
    "sensitivity": "sensitivity|sensitivity label|label|classification|information classification|confidentiality",
    "version": "version|version number|ui version string|current version",
    "content_type": "content type|contenttype|document type|doc type|category"
    "|inhaltstyp|type de contenu|tipo de contenido|inhoudstype|tipo di contenuto",
    "item_type": "item type|itemtype|type|file type|filetype|kind|elementtyp|type d'élément|tipo de elemento|tipo di elemento",
    "size": "size|file size|filesize|size bytes"
    "|dateigröße|taille du fichier|taille de fichier|tamaño de archivo|bestandsgrootte|dimensioni file",
    "status": "status|approval status|moderation status|state",
    "department": "department|business unit|team|unit",
    "review_date": "review date|next review|next review date|review due|review by",
    "reviewed": "last reviewed|reviewed|last review|last review date|reviewed on",
    "review": "review cycle|review frequency|review period|review",
    "expires": "expiry date|expires|expiration date|expiration|valid until",
    "tags": "tags|keywords|enterprise keywords|managed metadata",
    "language": "language",
    "description": "description|comments|summary",
}
_COLUMNS = {re.sub(r"[\W_]+", "", theirs): ours for ours, several in _HEADERS.items() for theirs in several.split("|")}
_DAYS = ("modified", "created", "review_date", "reviewed", "expires")
_PLAIN = re.compile(r"https?://([\w.:-]+)(/[^?#\t\r\n]*)(?:[?#][^\t\r\n]*)?", re.ASCII)  # an address as nearly all are
_FOLDERS = frozenset(("folder", "directory", "sp.data.documentsfolder", "ordner", "dossier", "carpeta", "map", "cartella"))


class DocumentRow(Record):
    """A document in a library."""

    name: Text
    title: Text = ""
    path: Text = ""
    unique_id: Text = ""
    row_id: Text = ""
    modified: Text = ""
    modified_by: Text = ""
    created: Text = ""
    created_by: Text = ""
    owner: Text = ""
    retention: Text = ""
    sensitivity: Text = ""
    version: Text = ""
    content_type: Text = ""
    item_type: Text = ""
    size: Text = ""
    status: Text = ""
    department: Text = ""
    review_date: Text = ""
    reviewed: Text = ""
    review: Text = ""
    expires: Text = ""
    tags: Many = ()
    language: Text = ""
    description: Text = ""


ROW = DocumentRow


def matches(file: File) -> bool:
    """Whether the table has names and paths of files, and who or when changed them or how they are protected."""
    if file.suffix not in (".csv", ".tsv", ".xlsx"):
        return False
    header = {_COLUMNS.get(re.sub(r"[\W_]+", "", one), "") for one in file.header()}
    return {"name", "path"} <= header and bool(header & {"modified", "modified_by", "retention", "sensitivity"})


def read(file: File) -> Iterator[Fact | Finding]:
    """The documents of a listing, and the site where each is kept."""
    rows = list(_renamed(file).rows(DocumentRow))
    documents = [row[0] for row in rows if not isinstance(row, Finding)]
    order = {name: order_of(said for one in documents if (said := getattr(one, name))) for name in _DAYS}
    known: set[str] = set()
    folders = 0
    for row in rows:
        if isinstance(row, Finding):
            yield row
        elif row[0].item_type.casefold() in _FOLDERS:
            folders += 1
        else:
            yield from _document(*row, order, known)
    if folders:
        message = f"{file.name}: {folders} folders are left out: they hold nothing of their own"
        yield Finding(id=f"unread:{file.name}:folders", check="unread", level="note", subject=file.name, message=message)


def _renamed(file: File) -> File:
    """The file with its columns under our names; what the workspace says of them goes first."""
    first = next((list(record) for record, _ in file.records()), list[str]())
    ours = {name: known for name in first if (known := _COLUMNS.get(re.sub(r"[\W_]+", "", name).casefold()))}
    taken: set[str] = set(file.source.columns.values())
    columns = dict(file.source.columns)
    for name, known in ours.items():
        if known not in taken and name not in columns:
            columns[name] = known
            taken.add(known)
    return replace(file, source=file.source.model_copy(update={"columns": columns}))


def _address(row: DocumentRow) -> tuple[str, str]:
    """The site that holds the document ("" where the path does not say) and its whole path there."""
    written = unquote(row.path.replace("\\", "/"))
    site, path = _split(written)
    ended = path.rstrip("/") if site else written.partition("?")[0].rstrip("/")
    whole = ended if _last(ended).casefold() == row.name.casefold() else f"{ended}/{row.name}"
    return site, whole


def _split(written: str) -> tuple[str, str]:
    """The site of an address, and the path there; blanks where it is none."""
    if plain := _PLAIN.fullmatch(written):
        return plain[1].casefold(), plain[2]
    try:
        parts = urlsplit(written)
    except ValueError:  # what looks like an address and is none
        return "", ""
    return parts.netloc.casefold(), parts.path


def _last(path: str) -> str:
    """The last step of a path."""
    last = path.rpartition("/")[2]
    return last if last.strip(".") else PurePosixPath(path).name


def _stem(name: str) -> str:
    """The name of a file without its suffix."""
    last = _last(name)
    dot = last.rfind(".")
    return last[:dot] if 0 < dot < len(last) - 1 else last


def _document(row: DocumentRow, where: str, order: dict[str, str], known: set[str]) -> Iterator[Fact | Finding]:
    site, whole = _address(row)
    steps = [part for step in (site, *whole.split("/")) if (part := slug(step))]
    own = f"asset:{slug(row.unique_id) or '/'.join(steps)}"
    if own == "asset:":
        yield Finding(id=f"row:{where}", check="row", level="error", subject=where, message=f"{where}: name: {row.name!r} holds no letter")
        return
    if own in known:
        message = f"{where}: {row.name!r} is listed before under the same path; the first row is taken"
        yield Finding(id=f"twice:{own}", check="twice", level="warning", subject=own, message=message)
        return
    known.add(own)
    days = {name: day(said, order=order[name]) if (said := getattr(row, name)) else "" for name in _DAYS}
    yield from _bad_days(row, days, own, where)
    level = sensitivity(row.sensitivity)
    title = row.title or _stem(row.name)
    properties = filled(
        description=row.description, file_name=row.name, path=whole, modified=days["modified"], modified_by=row.modified_by,
        created=days["created"], created_by=row.created_by, retention=row.retention, sensitivity_label=row.sensitivity,
        version=row.version, content_type=row.content_type, size=row.size, status=row.status, tags=row.tags, language=row.language,
        next_review=days["review_date"], verified_at=days["reviewed"], review=cadence(row.review), expires=days["expires"],
        uri=row.path.replace(" ", "%20") if site else "",
    )  # fmt: skip
    yield thing(document_kind(title, said=row.content_type), own, where, name=title, properties=properties, sensitivity=level)
    if row.sensitivity and not level:
        message = f"{where}: the label {row.sensitivity!r} is none that is known; the sensitivity of its kind holds"
        remedy = "Say public, internal, confidential or restricted."
        yield Finding(id=f"label:{row.sensitivity}", check="label", level="warning", subject=own, message=message, remedy=remedy)
    yield from _kept_by(row, own, site, where, known)


def _bad_days(row: DocumentRow, days: dict[str, str], own: str, where: str) -> Iterator[Finding]:
    for name, understood in days.items():
        if not understood and (said := getattr(row, name)):
            message = f"{where}: {name}: {said!r} is no day, or may be two"
            remedy = "Write it as 2026-11-23."
            yield Finding(id=f"no_day:{own}:{name}", check="no_day", level="warning", subject=own, message=message, remedy=remedy)


def _kept_by(row: DocumentRow, own: str, site: str, where: str, known: set[str]) -> Iterator[Fact]:
    for one in people(row.owner, bare="position"):
        yield from one.entity(where) if one.id not in known else ()
        known.add(one.id)
        yield from link(own, "owned_by", one.id, where)
    unit = f"unit:{slug(row.department)}"
    if slug(row.department) and not row.owner:
        yield thing("Unit", unit, where, name=row.department)
        yield from link(own, "owned_by", unit, where)
    if slug(site):
        system = f"system:{slug(site)}"
        if system not in known:
            known.add(system)
            yield thing("System", system, where, name=site)
        yield from link(own, "stored_in", system, where)
