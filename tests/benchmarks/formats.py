"""Each file format beside a bare parse of the same real files with the library that reads it underneath."""

from __future__ import annotations

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false
# what is parsed bare is thrown away
import csv
import io
import json
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from time import process_time
from typing import NamedTuple
from xml.parsers import expat

import pyoxigraph
import yaml

from graph import Finding
from loaders import Source, read

DATA = Path(os.environ.get("ORGCONTEXT_DATA") or Path(__file__).parents[3] / "shared" / "data").resolve()
ROUNDS = 3


def _xml(content: bytes) -> object:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = lambda *_: None
    parser.EndElementHandler = lambda *_: None
    parser.CharacterDataHandler = lambda *_: None
    return parser.Parse(content, True)  # expat's own word for the last piece


def _yaml(content: bytes) -> object:
    return list(yaml.compose_all(content, yaml.CSafeLoader))  # nodes: some files have days that are none


def _csv(content: bytes) -> object:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def _turtle(content: bytes) -> object:
    return list(pyoxigraph.parse(content.decode(), format=pyoxigraph.RdfFormat.TURTLE, base_iri="file:///"))


# loader -> where its real files are, and what reads them bare; pages, LDIF and CODEOWNERS are read by no library
FORMATS: dict[str, tuple[str, Callable[[bytes], object]]] = {
    "organogram": ("uk-organograms/**/*.csv", _csv),
    "scim": ("scim2-models-samples/**/*.json", json.loads),
    "bpmn": ("bpmn-miwg/**/*.bpmn", _xml),
    "dmn": ("dmn-tck/**/*.dmn", _xml),
    "archimate": ("eamodelset-archimate/**/*.archimate", _xml),
    "backstage": ("giantswarm-backstage-catalogs/catalogs/**/*.yaml", _yaml),
    "owners": ("kubernetes-community/**/OWNERS", _yaml),
    "decisions": ("kubernetes-enhancements/**/kep.yaml", _yaml),
    "skos": ("gsq-vocabularies/**/*.ttl", _turtle),
}


class Pace(NamedTuple):
    """Files, what they say, and the seconds of one core for it, ours and bare."""

    files: int
    facts: int
    ours: float
    bare: float


def pace(name: str) -> Pace | None:
    """How long a loader and a bare parse take over its real files, best of three; None where they are not there."""
    pattern, parse = FORMATS[name]
    paths = [path for path in sorted(DATA.glob(pattern)) if path.is_file()]
    if not paths:
        return None
    ours = min(_timed(partial(_read, name, pattern)) for _ in range(ROUNDS))
    bare = min(_timed(partial(_bare, paths, parse)) for _ in range(ROUNDS))
    return Pace(len(paths), _read(name, pattern), ours, bare)


def _timed(work: Callable[[], object]) -> float:
    began = process_time()
    work()
    return process_time() - began


def _bare(paths: Sequence[Path], parse: Callable[[bytes], object]) -> None:
    for path in paths:
        parse(path.read_bytes())


def _read(name: str, pattern: str) -> int:
    parts = read(Source(name="pace", path=pattern, loader=name), DATA).parts
    return sum(not isinstance(fact, Finding) for part in parts for fact in part.facts or ())


def paces() -> Iterator[tuple[str, Pace]]:
    """Those formats whose real files are there."""
    for name in FORMATS:
        if found := pace(name):
            yield name, found
