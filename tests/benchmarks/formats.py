"""Each file format beside a bare parse of the same files with the library that reads it underneath.

The files are real ones, where they are at hand, and `grown` ones: invented, and as large as such a file is. The loader's own cases, each
copied many times, are `small`: there the finding, opening and hashing of files counts. A bare parse opens each file and makes values of it
(dicts, trees, triples), and no facts; the floor is that and the making of these facts from values that are known: what anybody pays
who reads the file and makes facts of it.
"""

from __future__ import annotations

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false, reportMissingTypeStubs=false
# what is parsed bare is thrown away
import argparse
import csv
import gc
import io
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from time import process_time
from typing import NamedTuple
from xml.etree import ElementTree as ET

import openpyxl
import pyoxigraph
import yaml
from markdown_it import MarkdownIt

from graph import Entity, Fact, Finding
from loaders import LOADERS, MAPPED, Source, read
from loaders.source import link, thing
from tests.benchmarks.grown import GROWN

DATA = Path(os.environ.get("ORGCONTEXT_DATA") or Path(__file__).parents[3] / "shared" / "data").resolve()
CASES = Path(__file__).parents[1] / "data" / "loaders"
COPIES = 200
ROUNDS = 4
PAGES = MarkdownIt("commonmark").enable("table")

# loader -> where its real files are
REAL: Mapping[str, str] = {
    "organogram": "uk-organograms/**/*.csv",
    "scim": "scim2-models-samples/**/*.json",
    "bpmn": "bpmn-miwg/**/*.bpmn",
    "dmn": "dmn-tck/**/*.dmn",
    "archimate": "eamodelset-archimate/**/*.archimate",
    "backstage": "giantswarm-backstage-catalogs/catalogs/**/*.yaml",
    "owners": "kubernetes-community/**/OWNERS",
    "decisions": "kubernetes-enhancements/**/kep.yaml",
    "skos": "gsq-vocabularies/**/*.ttl",
    "glossary": "cncf-glossary/**/*.md",
    "handbook": "sourcegraph-handbook/**/*.md",
    "ldif": "planet-express-ldif/**/*.ldif",
}


def _csv(content: bytes) -> object:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig", "replace"))))


def _sheet(content: bytes) -> object:
    return [list(sheet.iter_rows(values_only=True)) for sheet in openpyxl.load_workbook(io.BytesIO(content), read_only=True).worksheets]


def _yaml(content: bytes) -> object:
    return list(yaml.load_all(content, yaml.CBaseLoader))  # makes nothing but texts, lists and dicts; some files have days that are none


def _page(content: bytes) -> object:
    return PAGES.parse(content.decode())


def _lines(content: bytes) -> object:
    return [json.loads(line) for line in content.splitlines() if line.strip()]


def _triples(form: pyoxigraph.RdfFormat) -> Callable[[bytes], object]:
    return lambda content: list(pyoxigraph.parse(content, format=form, base_iri="file:///"))


# the end of a file's name -> what reads it bare; LDIF, vCard and CODEOWNERS are read by no library
BARE: Mapping[str, Callable[[bytes], object]] = {
    ".csv": _csv,
    ".xlsx": _sheet,
    ".json": json.loads,
    ".ndjson": _lines,
    ".yaml": _yaml,
    "OWNERS": _yaml,
    ".md": _page,
    ".ttl": _triples(pyoxigraph.RdfFormat.TURTLE),
    ".jsonld": _triples(pyoxigraph.RdfFormat.JSON_LD),
    ".rdf": _triples(pyoxigraph.RdfFormat.RDF_XML),
    **dict.fromkeys((".xml", ".bpmn", ".dmn", ".archimate", ".xes", ".tbx"), ET.fromstring),
}


class Pace(NamedTuple):
    """Files, what they say, and the seconds of one core for it: ours, bare (0 without a library), and for making these facts of known values."""

    sort: str
    files: int
    facts: int
    ours: float
    bare: float
    made: float

    @property
    def floor(self) -> float:
        """The seconds of whoever reads the files bare and makes these facts."""
        return self.bare + self.made


def paces(names: Sequence[str] = ()) -> Iterator[tuple[str, Pace]]:
    """How long the loaders (these, or all) and a bare parse take over the same files, the best of some rounds in turns."""
    for name in names or [name for name in LOADERS if name != MAPPED]:
        with tempfile.TemporaryDirectory() as folder:
            for sort, root, pattern in _files(name, Path(folder)):
                if paths := [path for path in sorted(root.glob(pattern)) if path.is_file()]:
                    yield (
                        name,
                        _pace(f"{sort} {paths[0].suffix or paths[0].name}", paths, Source(name="pace", path=pattern, loader=name), root),
                    )


def _files(name: str, folder: Path) -> Iterator[tuple[str, Path, str]]:
    """The sorts of files that there are for a loader: in which folder, by which pattern."""
    if name in REAL:
        yield "real", DATA, REAL[name]
    for suffix, content in ((suffix, content) for loader, suffix, content in GROWN if loader == name):
        (folder / f"grown{suffix}").write_bytes(content())
        yield "grown", folder, f"grown{suffix}"
    (folder / "small").mkdir()
    yield "small", folder, f"small/{_copied(name, folder / 'small')}"


def _pace(sort: str, paths: Sequence[Path], source: Source, root: Path) -> Pace:
    facts = [fact for fact in _facts(source, root) if not isinstance(fact, Finding)]
    parsed = paths if all(_parser(path) for path in paths) else []
    works = (lambda: sum(1 for _ in _facts(source, root)), lambda: _bare(parsed), lambda: _made(facts))
    ours, bare, made = map(min, zip(*([_timed(work) for work in works] for _ in range(ROUNDS)), strict=True))
    return Pace(sort, len(paths), len(facts), ours, bare if parsed else 0.0, made)


def _copied(name: str, folder: Path) -> str:
    """The cases of a loader that are well, of one suffix and as they are, many times; where they are."""
    found = [path for path in sorted((CASES / name).glob("*/in.*")) if not (path.parent / "source.yaml").exists()]
    cases = [path for path in found if "bad" not in path.parent.name and not _commented(path)]
    suffix = cases[0].suffix if cases else ""
    for number in range(COPIES):
        for case in (case for case in cases if case.suffix == suffix):
            shutil.copy(case, folder / f"{case.parent.name}-{number:03}{suffix}")
    return f"*{suffix}"


def _commented(path: Path) -> bool:
    """Whether it is JSON as people write it in settings, which no library reads bare."""
    return path.suffix == ".json" and bool(re.search(r"^\s*//", path.read_text(encoding="utf-8"), re.MULTILINE))


def _timed(work: Callable[[], object]) -> float:
    """Seconds of a core, without collections of garbage: a load lets them be rare, and what is read has no circles."""
    gc.collect()
    gc.disable()
    try:
        began = process_time()
        work()
        return process_time() - began
    finally:
        gc.enable()


def _parser(path: Path) -> Callable[[bytes], object] | None:
    return BARE.get(path.suffix or path.name)


def _bare(paths: Sequence[Path]) -> None:
    for path in paths:
        parse = _parser(path)
        assert parse
        parse(path.read_bytes())


def _facts(source: Source, root: Path) -> Iterator[Fact | Finding]:
    return (fact for part in read(source, root).parts for fact in part.facts or ())


def _made(facts: Sequence[Fact]) -> None:
    for fact in facts:
        where = fact.origins[0].locator
        if isinstance(fact, Entity):
            thing(fact.kind, fact.id, where, name=fact.name, properties=fact.properties)
        else:
            link(fact.source, fact.kind, fact.target, where, properties=fact.properties)


def main(arguments: Sequence[str]) -> None:
    """Print how the loaders that were named, or all, stand beside a bare parse."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.formats", description=__doc__)
    parser.add_argument("loaders", nargs="*", metavar="LOADER", help="only these: " + ", ".join(name for name in LOADERS if name != MAPPED))
    print(f"{'loader':<13} {'files':<18} {'facts':>7} {'ours':>9} {'bare':>9} {'of bare':>8} {'of floor':>8} {'files/s':>8} {'facts/s':>8}")
    for name, found in paces(parser.parse_args(arguments).loaders):
        ratios = f"{found.ours / found.bare:>8.1f} {found.ours / found.floor:>8.1f}" if found.bare else " " * 17
        rates = f"{found.files / found.ours:>8,.0f} {found.facts / found.ours:>8,.0f}"
        times = f"{found.ours * 1e3:>6.1f} ms {found.bare * 1e3:>6.1f} ms"
        print(f"{name:<13} {found.files:>4} {found.sort:<13} {found.facts:>7} {times} {ratios} {rates}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
