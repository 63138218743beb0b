"""The answers of live sources as files, which the other loaders read unchanged; which module asks whom."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from graph import UnreadableSource
from loaders.live import Asking, Ldap, Live, Page, Sql

MAX_BYTES = 8 * 1024**3  # of all answers of one source together


@contextmanager
def fetched(live: Live, asking: Asking) -> Generator[list[tuple[str, Path]]]:
    """The answers as files in a folder of their own that is gone afterwards: (name for origins, path), in the order of the answers."""
    with TemporaryDirectory(prefix="orgcontext-") as folder:
        found: list[tuple[str, Path]] = []
        total = 0
        for number, page in enumerate(_ask(live, asking)):
            path = Path(folder) / f"{number}-{page.name}"
            with path.open("wb") as file:
                for piece in page.content:
                    total += len(piece)
                    if total > MAX_BYTES:
                        raise UnreadableSource(f"{asking.source}: answers with more than {MAX_BYTES // 2**30} GiB; ask for less at a time")
                    file.write(piece)
            found.append((f"{asking.source}/{page.name}", path))
        yield found


def _ask(live: Live, asking: Asking) -> Iterator[Page]:
    """The one place that knows which module asks whom; each is imported when it is needed."""
    if isinstance(live, Sql):
        from loaders import live_sql

        return live_sql.ask(live, asking)
    if isinstance(live, Ldap):
        from loaders import live_ldap

        return live_ldap.ask(live, asking)
    from loaders import live_web

    return live_web.ask(live, asking)
