"""Reads invented files by an invented mapping, as a source of a workspace would be read."""

import tempfile
from pathlib import Path

from loaders import records
from loaders.documents import documents


def said(mapping, files, *, folder=None):
    """All facts and findings of these files (name -> text), in the order in which they were said."""
    plan = records.parse(mapping, "mapping.yaml")
    tables = records.tables(plan, [(name, lambda text=text: text) for name, text in sorted(files.items())])
    used, out = set(), []
    for name, text in sorted(files.items()):
        if records.selects(plan.ignore, name): continue
        rules = records.rules_for(plan, name)
        if not rules:
            out.append(records.finding("unread", name, "x", level="note")); continue
        try:
            out += list(records.Reader(plan, name, tables, used).facts(documents(text, name, form=records.form_of(name, rules), lists=plan.lists)))
        except records.UnreadableSource as error:
            out.append(records.finding("unreadable_file", str(error).split(": ")[0], str(error), level="error"))
    return out + list(records.unused(plan, used))
