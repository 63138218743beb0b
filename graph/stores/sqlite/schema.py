"""The tables of the file, how an older file becomes a newer one, and how a connection is set up."""

from __future__ import annotations

from collections.abc import Iterator

from graph.stores.sqlite import derived

SCHEMA_VERSION = 4
_PAGE = 8192  # bytes of a page of a new file: rows are mostly of some hundred
KEPT = 8192  # KiB that a first load keeps of the file, and sorts at a time: what is more is sorted by other threads meanwhile
MAPPED = 8_000_000_000  # bytes of the file that are read as memory
CONNECTED = (
    f"page_size={_PAGE}",
    "journal_mode=WAL",
    "synchronous=NORMAL",
    f"mmap_size={MAPPED}",
    "cache_size=-65536",
    "temp_store=MEMORY",
)
WRITING = ("mmap_size=0", "temp_store=FILE", "threads=2")  # so that memory does not grow with the graph

SCHEMA = """
CREATE TABLE revision (number INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE note (key TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE name (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, number INTEGER);
CREATE TABLE part (id INTEGER PRIMARY KEY, source TEXT NOT NULL, path TEXT NOT NULL, UNIQUE (source, path));
CREATE TABLE claim (
  id INTEGER PRIMARY KEY, part INTEGER, subject INTEGER, kind INTEGER, target INTEGER, name TEXT, properties TEXT, sensitivity TEXT,
  valid_from TEXT, valid_to TEXT, same_as TEXT, locator TEXT, short INTEGER, digest TEXT, since INTEGER, until INTEGER NOT NULL DEFAULT 0);
CREATE TABLE same (value TEXT, subject INTEGER, claim INTEGER, PRIMARY KEY (value, subject, claim)) WITHOUT ROWID;
CREATE INDEX same_subject ON same (subject);
CREATE TABLE facet (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, sensitivity TEXT NOT NULL, UNIQUE (kind, sensitivity));
CREATE TABLE kind (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, number INTEGER);
CREATE TABLE node (
  number INTEGER PRIMARY KEY, facet INTEGER, day_from INTEGER, day_to INTEGER, since INTEGER, id TEXT, name TEXT, valid_from TEXT,
  valid_to TEXT, properties TEXT, origins TEXT, aliases TEXT, conflicts TEXT, words TEXT, grams TEXT, digest TEXT, folded TEXT);
CREATE INDEX node_folded ON node (folded);
CREATE TABLE node_past (
  version INTEGER PRIMARY KEY, number INTEGER, facet INTEGER, day_from INTEGER, day_to INTEGER, since INTEGER, id TEXT, name TEXT,
  valid_from TEXT, valid_to TEXT, properties TEXT, origins TEXT, aliases TEXT, conflicts TEXT, words TEXT, grams TEXT, digest TEXT,
  folded TEXT, until INTEGER);
CREATE INDEX node_past_number ON node_past (number, since);
CREATE INDEX node_past_folded ON node_past (folded);
CREATE TABLE alias (alias TEXT, number INTEGER, since INTEGER, until INTEGER, PRIMARY KEY (alias, number, since)) WITHOUT ROWID;
CREATE INDEX alias_number ON alias (number) WHERE until = 0;
CREATE TABLE edge (
  id INTEGER PRIMARY KEY, source INTEGER, kind INTEGER, target INTEGER, since INTEGER, valid_from TEXT, valid_to TEXT, properties TEXT,
  origins TEXT, conflicts TEXT, digest TEXT);
CREATE TABLE edge_past (
  id INTEGER PRIMARY KEY, source INTEGER, kind INTEGER, target INTEGER, since INTEGER, valid_from TEXT, valid_to TEXT, properties TEXT,
  origins TEXT, conflicts TEXT, digest TEXT, until INTEGER);
CREATE INDEX edge_past_source ON edge_past (source);
CREATE INDEX edge_past_target ON edge_past (target);
CREATE TABLE adj (
  node INTEGER, slot INTEGER, other INTEGER, edge INTEGER, since INTEGER, until INTEGER, day_from INTEGER, day_to INTEGER,
  facet INTEGER, other_from INTEGER, other_to INTEGER, PRIMARY KEY (node, slot, other, edge)) WITHOUT ROWID;
CREATE TABLE dangling (source INTEGER, kind INTEGER, target INTEGER, edge INTEGER, PRIMARY KEY (source, kind, target)) WITHOUT ROWID;
CREATE INDEX dangling_target ON dangling (target);
CREATE VIRTUAL TABLE text USING fts5 (label, words, grams, content='', detail=column, tokenize="ascii tokenchars '_'");
CREATE VIRTUAL TABLE text_past USING fts5 (label, words, grams, content='', detail=column, tokenize="ascii tokenchars '_'");
"""  # text_past by number and then since (`derived.place`): it is read in the order of `text`, and no further than need be
SINCE = """
CREATE INDEX node_since ON node (since) WHERE since > 1;
CREATE INDEX node_past_until ON node_past (until);
CREATE INDEX edge_since ON edge (since) WHERE since > 1;
CREATE INDEX edge_past_until ON edge_past (until);
CREATE INDEX claim_since ON claim (since) WHERE since > 1;
CREATE INDEX claim_until ON claim (until) WHERE until > 0;
"""  # what changed after the first revision is found without looking at what did not; a first load pays nothing for it
_NUMBERED = """
ALTER TABLE kind ADD COLUMN number INTEGER;
UPDATE kind SET number = id;
"""
_BY_NUMBER = f"""
DROP INDEX node_past_number;
CREATE INDEX node_past_number ON node_past (number, since);
INSERT INTO text_past (text_past) VALUES ('delete-all');
INSERT INTO text_past (rowid, label, words, grams) {derived.texts("node_past")};
"""
MIGRATIONS = {1: SINCE, 2: _NUMBERED, 3: _BY_NUMBER}  # from each older schema, the statements that make it the next one
ASIDE = """
CREATE TEMP TABLE kept (id INTEGER PRIMARY KEY);
CREATE TEMP TABLE gone (id INTEGER PRIMARY KEY);
CREATE TEMP TABLE thing (
  name INTEGER PRIMARY KEY, id TEXT, kind TEXT, valid_from TEXT, valid_to TEXT, origins TEXT, digest TEXT, called TEXT,
  sensitivity TEXT, properties TEXT, words TEXT, grams TEXT, folded TEXT, label TEXT);
CREATE TEMP TABLE numbered (number INTEGER PRIMARY KEY, name INTEGER);
CREATE TEMP TABLE head (name INTEGER PRIMARY KEY, number INTEGER, facet INTEGER, day_from INTEGER, day_to INTEGER);
CREATE TEMP TABLE apart (id INTEGER PRIMARY KEY);
"""
EVENTS = "CREATE TABLE IF NOT EXISTS event (id INTEGER PRIMARY KEY, at TEXT NOT NULL, text TEXT NOT NULL); CREATE INDEX IF NOT EXISTS event_at ON event (at)"
LIVE = "CREATE INDEX IF NOT EXISTS claim_live ON claim (part, short) WHERE until = 0"  # by which what was said before is found: a first load does without
CLAIM_INDEXES = (
    "CREATE INDEX IF NOT EXISTS claim_subject ON claim (subject, kind, target)",
    "CREATE INDEX IF NOT EXISTS claim_target ON claim (target) WHERE target > 0",
)


def statements(script: str) -> Iterator[str]:
    return (statement for statement in script.split(";\n") if statement.strip())
