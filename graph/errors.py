"""The errors that leave this project on purpose, and nothing else.

ContextError
├── InputError             the caller can fix it: a wrong row, an unknown name, a broken file
│   ├── UnreadableSource   a file or folder that cannot be read as what it claims to be
│   └── NotInOntology      a kind, relation or property that no ontology declares
├── NotFound               nothing that the asker may see has this id
├── NotAllowed             a rule says no; carries the rule's reason
├── NotAuthenticated       nobody knows who asks; never says what is wrong with a token
├── Conflict               someone else committed first; nothing was written
└── StoreError             the store is gone, broken or of another schema; nothing was written
    └── StoreBusy          the store is held by another writer for longer than one waits
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class ContextError(Exception):
    """Any failure that this project explains; its text says what, where, and what would be right."""


class InputError(ContextError):
    """What was given cannot be used; `findings` holds all that is wrong with it, when there is more than one thing."""

    def __init__(self, message: str, findings: Iterable[object] = ()) -> None:
        super().__init__(message)
        self.findings = tuple(findings)


class UnreadableSource(InputError):
    """A file, folder or address that cannot be read as what it claims to be."""


class NotInOntology(InputError):
    """A kind, relation or property that no loaded ontology declares."""


class NotFound(ContextError):
    """Nothing that the asker may see has this id: absent and hidden look the same. `wanted` is what was asked for, where it can be named."""

    def __init__(self, message: str, *, wanted: str = "") -> None:
        super().__init__(message)
        self.wanted = wanted


class NotAllowed(ContextError):
    """A rule says no."""

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message


class NotAuthenticated(ContextError):
    """Nobody knows who asks: there is no token, or none that is good. Its words are always the same."""

    def __init__(
        self, message: str = "a good token is needed: `Authorization: Bearer TOKEN`; `orgcontext tokens create` makes one"
    ) -> None:
        super().__init__(message)


class Conflict(ContextError):
    """Someone else committed first; nothing was written, and trying again is safe."""


class StoreError(ContextError):
    """The store is gone, broken or of another schema; nothing was written."""


class StoreBusy(StoreError):
    """Another writer holds the store for longer than one waits; nothing was written."""


def nearest(wrong: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: `; did you mean 'Person'?`, or nothing when no name is near."""
    lowered = {name.lower(): name for name in known}
    found = get_close_matches(wrong.lower(), lowered, n=1, cutoff=0.6)
    return f"; did you mean {lowered[found[0]]!r}?" if found else ""
