"""Sources: what feeds the graph, when it was last read, what a load would change; and loading, from the screen."""

# pyright: reportUnknownMemberType=false
# Streamlit's functions take values of many libraries, whose types are not all there

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import streamlit as st

from app.explorer.manners import LEVELS, ago, counted, head, many, plain, table, teach
from app.explorer.seat import Seat, sentence
from app.loading import SAMPLE, copy_workspace, run_load
from app.progress import Progress
from app.settings import FILE, Settings, open_context, read_settings
from app.survey import survey, workspace_text
from graph import ContextError, InputError, LoadReport, NotAllowed, open_store

REPORT = "load-report"
SERVERS = ("neo4j", "bolt")  # with which the address of a Neo4j begins


def sources(seat: Seat) -> None:
    """The page."""
    head("Sources", "What feeds the graph, whose it is, when it was last read, and what a load would change.")
    named = seat.settings.workspace.sources
    if not named:
        teach("No source is named in the workspace file.", "Add one to `orgcontext.yaml`, or begin from Home.")
        return
    counts = seat.ask("stats")["sources"]
    owners = seat.names({one.owner for one in named})
    rows = [_row(seat, one, counts, owners) for one in named if seat.sees_all or one.name in counts]
    unread = sum(row["last read"] == "never" for row in rows)
    st.caption(f"{many(len(rows), 'source')}; {f'{unread} of them never read' if unread else 'each of them is read'}.")
    table(rows, "sources")
    if seat.sees_all:
        _loading(seat, [one.name for one in named])
        _upload(seat)
        if report := st.session_state.get(REPORT):
            _report(report)
    else:
        st.caption("Loading is for those who see everything.")


def _row(seat: Seat, source: Any, counts: Mapping[str, Mapping[str, int]], owners: Mapping[str, str]) -> dict[str, Any]:
    """One source; where its files lie is for those who see everything."""
    note = seat.context.store.notes(f"source:{source.name}").get(f"source:{source.name}")
    read_at = json.loads(note).get("read_at", "") if note else ""
    count = counts.get(source.name, {"entities": 0, "relations": 0})
    paths = {"path": str(source.path), "files": len(json.loads(note)["parts"]) if note else 0} if seat.sees_all else {}
    return {
        "source": source.name,
        "last read": ago(read_at) if read_at else "never",
        "at": read_at,
        "things": count["entities"],
        "relations": count["relations"],
        "owner": owners.get(source.owner, source.owner),
        "precedence": source.precedence,
        "loader": source.loader or "found from the content",
        **paths,
    }


class OnScreen(Progress):
    """How far a load has come, on the page."""

    def __init__(self, sources: int) -> None:
        super().__init__(sources)
        self.shown = True
        self.place = st.empty()

    def say(self, text: str) -> None:
        """Put this in place of the line."""
        self.place.text(text)


def _loading(seat: Seat, names: Sequence[str]) -> None:
    st.subheader("Load", anchor=False)
    chosen = st.multiselect("Only these sources", names, key="only-sources", placeholder="all")
    one, two, three = st.columns([1.1, 1, 5], vertical_alignment="bottom")
    dry = one.button("Dry run", key="dry", help="Says what would change, and writes nothing.")
    load = two.button("Load", key="load", type="primary")
    with three:
        confirmed = st.multiselect("Confirm although much is gone", names, key="confirmed", placeholder="none")
    if dry or load:
        _load(seat, tuple(chosen), tuple(confirmed), dry=dry)


def _upload(seat: Seat) -> None:
    """Put a file in the place of one that a source reads; what it would change is shown before it is loaded."""
    st.subheader("Bring a newer file", anchor=False)
    names = {f"{source.name}: {path.relative_to(seat.settings.root.resolve())}": (source.name, path) for source, path in _files(seat)}
    if not names:
        st.caption("No source reads a file below the workspace's folder, so there is none that could be replaced here.")
        return
    left, right = st.columns(2, vertical_alignment="top")
    chosen = left.selectbox("In the place of", list(names), key="upload-place")
    brought = right.file_uploader("The newer file", key="upload-file", max_upload_size=50)
    if not chosen or brought is None:
        return
    source, path = names[chosen]
    if brought.name.rpartition(".")[2].casefold() != path.suffix.lstrip(".").casefold():
        st.warning(plain(f"{brought.name} is no {path.suffix} file, as {path.name} is. Bring one of the same form."))
        return
    one, two, _ = st.columns([1, 1, 3])
    if one.button("Try it", key="upload-dry", help="Says what it would change, and writes nothing."):
        _replaced(seat, source, path, brought.getvalue(), dry=True)
    if two.button("Replace and load", key="upload-load", type="primary"):
        _replaced(seat, source, path, brought.getvalue(), dry=False)


def _files(seat: Seat) -> list[tuple[Any, Path]]:
    """The files below the workspace's folder that sources read, as far as each was read before."""
    found: list[tuple[Any, Path]] = []
    for source in seat.settings.workspace.sources:
        note = seat.context.store.notes(f"source:{source.name}").get(f"source:{source.name}")
        parts = [*json.loads(note)["parts"]] if note else []
        found += [(source, path) for part in sorted(parts) if (path := _inside(seat.settings.root, str(part)))]
    return found


def _inside(root: Path, part: str) -> Path | None:
    path = (root / part).resolve()
    return path if path.is_file() and path.is_relative_to(root.resolve()) else None


def _replaced(seat: Seat, source: str, path: Path, content: bytes, *, dry: bool) -> None:
    """Load the source with this content in the file's place, or only say what that would do; where nothing is written the file is as before."""
    allowed(seat)
    with TemporaryDirectory() as folder:
        if dry:
            _load(seat._replace(settings=_copied(seat, source, path, content, Path(folder))), (source,), (), dry=True)
            return
    before, head_ = path.read_bytes(), seat.context.store.head()
    _put(path, content)
    try:
        _load(seat, (source,), (), dry=False)
    finally:  # what was loaded ends in a rerun, which is an exception, too
        if seat.context.store.head() == head_:
            _put(path, before)


def _put(path: Path, content: bytes) -> None:
    """The whole file or nothing of it."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_bytes(content)
    fresh.replace(path)


def _copied(seat: Seat, source: str, path: Path, content: bytes, folder: Path) -> Settings:
    """The workspace with its data in this folder, in which stand the files of the source, one of them with this content."""
    root = seat.settings.root
    for one, file in _files(seat):
        if one.name == source:
            to = folder / file.relative_to(root.resolve())
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(content if file == path else file.read_bytes())
    workspace = seat.settings.workspace.model_copy(update={"root": str(folder)})
    return seat.settings.model_copy(update={"workspace": workspace})


def _load(seat: Seat, names: tuple[str, ...], confirmed: tuple[str, ...], *, dry: bool) -> None:
    """Load, or say what a load would do. Going elsewhere meanwhile stops it, and nothing is written."""
    st.session_state.pop(REPORT, None)
    allowed(seat)
    with st.status("Reading …", expanded=True) as status:
        st.button("Stop", key="stop", help="Nothing is written.")
        try:
            report = run_load(
                seat.settings,
                seat.context,
                names=names,
                confirmed=confirmed,
                dry=dry,
                actor=seat.actor.id,
                message="load from the explorer",
                shown=OnScreen,
            )
        except ContextError as error:
            status.update(label="Nothing was written.", state="error")
            st.text(sentence(error))
            for one in getattr(error, "findings", ())[:20]:
                st.text(f"{one.level} {one.check}: {one.message}")
            return
        status.update(label="Done.", state="complete", expanded=False)
    st.session_state[REPORT] = report
    if not dry:
        st.rerun()


def allowed(seat: Seat) -> None:
    """`NotAllowed` unless whoever looks may write: that needs the right to see everything."""
    if not seat.sees_all:
        message = f"{seat.actor.id} may not load: that needs the right to see everything"
        raise NotAllowed(message)


def _report(report: LoadReport) -> None:
    counts = {name: getattr(report, name) for name in ("added", "changed", "withdrawn")}
    nothing = not any(one.entities or one.relations for one in counts.values())
    said = (
        "Nothing differs from what was loaded."
        if nothing
        else "This would be written:"
        if report.dry
        else f"Revision {report.revision} is written."
    )
    (st.info if report.dry or nothing else st.success)(said)
    for column, (name, one) in zip(st.columns(3), counts.items(), strict=True):
        with column:
            counted(name, one.entities, one.relations)
    if report.findings:
        rows = [{"level": LEVELS[one.level], "check": one.check, "what": one.message, "remedy": one.remedy} for one in report.findings]
        table(rows, "load-findings")
    rows = [{"source": one.name, "things": one.entities, "relations": one.relations, "seconds": one.seconds} for one in report.sources]
    with st.expander("What was read"):
        table(rows, "load-sources")
    if not report.dry and not nothing:
        st.page_link(st.session_state["pages"]["changes"], label="See what changed", icon=":material/history:")


# the ways to begin


def begin_with_sample(seat: Seat) -> None:
    """Put the sample company into this empty workspace, and load it."""
    _empty(seat)
    copy_workspace(SAMPLE, seat.settings.folder)
    _begin(seat, (seat.settings.folder / FILE).read_text(encoding="utf-8"))


def begin_with_folder(seat: Seat, folder: Path) -> None:
    """Find out what the files of a folder are, write the workspace file from it, and load them."""
    _empty(seat)
    if not folder.is_dir():
        message = f"{folder} is no folder on this machine"
        raise InputError(message)
    _begin(seat, workspace_text(survey(folder), folder, seat.settings.folder))


def begin_with_server(seat: Seat, address: str) -> None:
    """Keep the graph of this workspace in a Neo4j from now on; what is there already is looked at. `StoreError` where it does not answer."""
    _empty(seat)
    if not address.startswith(SERVERS):
        message = f"{address} is no address of a Neo4j: it begins with {' or '.join(SERVERS)}"
        raise InputError(message)
    if "ORGCONTEXT_STORE" in os.environ:
        message = "ORGCONTEXT_STORE names the store of this process, whatever the workspace says: unset it first"
        raise InputError(message)
    with st.spinner("Connecting …"):
        store = open_store(address)
        try:
            head = store.head()
        finally:
            store.close()
    _store(seat, (seat.settings.folder / FILE).read_text(encoding="utf-8"), address)
    st.toast(plain(f"{address} holds revision {head.number}." if head else f"{address} answers, and holds no graph yet."))
    st.rerun()


def _store(seat: Seat, text: str, address: str) -> None:
    """Write the workspace file from this text, with this store."""
    line = f"store: {json.dumps(address)}"
    there = re.search(r"(?m)^store:.*$", text)
    text = text.replace(there.group(), line, 1) if there else f"{text.rstrip()}\n{line}\n"
    (seat.settings.folder / FILE).write_text(text, encoding="utf-8")


def _empty(seat: Seat) -> None:
    """`NotAllowed` or `InputError` where a workspace cannot begin: it would be written over."""
    allowed(seat)
    if seat.settings.workspace.sources:
        message = f"{FILE} names sources already; load them from Sources"
        raise InputError(message)


def _begin(seat: Seat, text: str) -> None:
    """Write the workspace file, keeping the store that was named before; then load all of it."""
    _store(seat, text, seat.settings.workspace.store)
    settings = read_settings(seat.settings.folder)
    context = open_context(settings)
    try:
        with st.status("Loading …", expanded=True):
            report = run_load(settings, context, actor=seat.actor.id, keep_going=True, message="begin", shown=OnScreen)
    finally:
        context.close()
    st.session_state[REPORT] = report
    st.toast(plain(f"Revision {report.revision} is written."))
    st.rerun()
