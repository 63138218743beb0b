"""Shapes kept as files, so that a question about a large graph need not read all of it again: one file a revision and a filter.

A file holds columns and text, and nothing that is executed when it is read. Who can read the store can read them; they are no part of it,
and whoever takes them away loses time and nothing else.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from graph.arrays import Arrows, Ints, np
from graph.model import Filter, Revision
from graph.ontology import Ontology
from graph.shape import Links, Shape, Steps, Texts, Things

_FORM = 1  # of what is in a file; it goes into the names
_MOST = 4  # files that are kept, the last ones used
WORTH = 5000  # things from which on keeping a shape is worth a file


class Snapshots:
    """The files in a folder, which is made when the first is written. What cannot be read or written is as if it were not there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, revision: Revision, where: Filter, ontology: Ontology) -> Shape | None:
        """The shape of a sealed revision through a filter, if it is kept."""
        file = self._file(revision, where, ontology)
        try:
            with file.open("rb") as opened, np.load(opened, allow_pickle=False) as held:
                made = unpacked({name: held[name] for name in held.files}, ontology)
            os.utime(file)
        except (OSError, ValueError, KeyError, BadZipFile):
            return None
        return made

    def write(self, shape: Shape, revision: Revision, where: Filter) -> None:
        """Keep it, if it is worth it and the revision is sealed; the file appears whole or not at all, for its owner's eyes only."""
        if len(shape.ids) < WORTH or not revision.digest:
            return
        with suppress(OSError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            number, name = tempfile.mkstemp(dir=self.folder, suffix=".part")
            try:
                with os.fdopen(number, "wb") as file:
                    np.savez(file, allow_pickle=False, **packed(shape))
                Path(name).replace(self._file(revision, where, shape.ontology))
            finally:
                Path(name).unlink(missing_ok=True)
            for old in sorted(self.folder.glob("*.npz"), key=lambda one: one.stat().st_mtime)[:-_MOST]:
                old.unlink(missing_ok=True)

    def clear(self) -> None:
        """Take all of them away."""
        with suppress(OSError):
            for file in self.folder.glob("*.npz"):
                file.unlink(missing_ok=True)

    def _file(self, revision: Revision, where: Filter, ontology: Ontology) -> Path:
        said = [_FORM, revision.number, revision.digest, _words(where), ontology.digest]
        return self.folder / f"{sha256(json.dumps(said).encode()).hexdigest()[:40]}.npz"


def _words(where: Filter) -> dict[str, Any]:
    """A filter in an order that does not depend on how it was made."""
    return {
        "facets": None if where.facets is None else sorted(map(list, where.facets)),
        "relations": None if where.relations is None else sorted(where.relations),
        "shown": sorted(where.shown),
        "hidden": sorted(where.hidden),
        "masked": {kind: sorted(names) for kind, names in sorted(where.masked.items())},
        "as_of": str(where.as_of),
    }


def packed(shape: Shape) -> dict[str, np.ndarray[Any, Any]]:
    """All that is in a shape as columns, its effects too."""
    table, effects = shape.table, shape.effects
    ids, links = Texts.of(table.ids), list(shape.links.values())
    words = {"called": table.called, "kinds": shape.kinds, "contested": shape.contested}
    held = {
        "words": _bytes(json.dumps(words)),
        "ids": _bytes(ids.text),
        "id_ends": ids.ends.astype(np.int32),
        "names": _bytes(table.names.text),
        "name_ends": table.names.ends.astype(np.int32),
        "things": table.kinds.astype(np.int32),
        "left": np.array(sorted(table.left), dtype=np.int32),
        "ordered": np.array(list(table.order), dtype=np.int32),
        "order": np.array(list(table.order.values()), dtype=np.float64),
        "cuts": np.cumsum([0, *(len(rows.sources) for rows in links)]),
        "effects": effects.codes,
        "effect_kinds": effects.kinds.astype(np.int32),
        "forward": effects.forward,
    }
    columns = zip(*links, strict=True) if links else [[np.zeros(0)]] * 4
    return held | {name: np.concatenate(list(rows)).astype(np.int32) for name, rows in zip(Links._fields, columns, strict=True)}


def _bytes(text: str) -> np.ndarray[Any, Any]:
    return np.frombuffer(text.encode("utf-8", "surrogatepass"), dtype=np.uint8)


def _text(held: np.ndarray[Any, Any]) -> str:
    return held.tobytes().decode("utf-8", "surrogatepass")


def unpacked(held: Mapping[str, np.ndarray[Any, Any]], ontology: Ontology) -> Shape:
    """The shape of what `packed` gave; `ValueError` or `KeyError` for anything else."""
    words = json.loads(_text(held["words"]))
    wide = {name: column.astype(np.int64) for name, column in held.items() if column.dtype == np.int32}
    ids = list(Texts(_text(held["ids"]), wide["id_ends"]))
    order = dict(zip(wide["ordered"].tolist(), held["order"].tolist(), strict=True))
    names = Texts(_text(held["names"]), wide["name_ends"])
    table = Things(ids, names, words["called"], wide["things"], frozenset(wide["left"].tolist()), order)
    links = dict(zip(words["kinds"], _cut([wide[name] for name in Links._fields], held["cuts"].tolist()), strict=True))
    codes, width = held["effects"], max(len(ids), 1)
    effects = Steps(Arrows(len(ids), codes // width, codes % width), wide["effect_kinds"], held["forward"], codes)
    return Shape(table, links, ontology, effects=effects, contested=[tuple(one) for one in words["contested"]])


def _cut(columns: Sequence[Ints], cuts: Sequence[int]) -> list[Links]:
    return [Links(*(column[begin:end] for column in columns)) for begin, end in pairwise(cuts)]
