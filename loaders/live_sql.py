"""Databases, by SQLAlchemy: a query that only reads becomes files of records in JSON. Nothing else in the project knows SQLAlchemy."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from datetime import time as clock
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from graph import InputError, UnreadableSource
from loaders.live import Asking, Page, Sql, scrubbed, secret

if TYPE_CHECKING:
    from sqlalchemy.engine import URL, Connection, CursorResult, Engine

logging.getLogger("sqlalchemy").addHandler(logging.NullHandler())  # what goes wrong is an error, and not lines on the screen

ROWS = 10_000  # of one file
_BATCH = 500
_READS = re.compile(r"\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*\(*\s*(select|with|values|table)\b", re.IGNORECASE | re.DOTALL)

# What each database is told first: to refuse every write, and to stop a query that takes too long (milliseconds).
_BEFORE: dict[str, tuple[str, ...]] = {
    "postgresql": ("SET TRANSACTION READ ONLY", "SET LOCAL statement_timeout = {ms}"),
    "mysql": ("SET SESSION TRANSACTION READ ONLY", "SET SESSION max_execution_time = {ms}"),
    "mariadb": ("SET SESSION TRANSACTION READ ONLY", "SET SESSION max_statement_time = {seconds}"),
    "oracle": ("SET TRANSACTION READ ONLY",),
    "sqlite": ("PRAGMA query_only = ON",),
    "mssql": ("SET LOCK_TIMEOUT {ms}",),
}
# How each driver is told how long to wait for a connection (seconds).
_CONNECT: dict[str, str] = {
    "psycopg": "connect_timeout",
    "psycopg2": "connect_timeout",
    "pg8000": "timeout",
    "pymysql": "connect_timeout",
    "mysqldb": "connect_timeout",
    "mysqlconnector": "connection_timeout",
    "pysqlite": "timeout",
    "pyodbc": "timeout",
    "oracledb": "tcp_connect_timeout",
}


def ask(live: Sql, asking: Asking) -> Iterator[Page]:
    """The rows of the query, ten thousand a file. `InputError` for what is no query, `UnreadableSource` for what the database refuses."""
    if not _READS.match(live.query):
        raise InputError(f"{asking.source}: query: only a SELECT can be a source, not {live.query.split(maxsplit=1)[0]!r}")
    hidden = (live.url.get_secret_value(), secret(asking, variable=live.password_env, file=live.password_file))
    with _explained(asking, hidden):
        engine = _engine(live, asking, hidden[1])
        try:
            yield from _pages(engine, live, asking, hidden)
        finally:
            engine.dispose()


@contextmanager
def _explained(asking: Asking, hidden: tuple[str, ...]) -> Generator[None]:
    """What goes wrong inside, as an error of ours that names no secret."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except SQLAlchemyError as error:
        said = scrubbed(_words(error), *hidden)
        raise UnreadableSource(f"{asking.source}: the database does not answer the query: {said}") from None  # could hold the password
    except OSError as error:  # of a driver that does not wrap what the network says
        raise UnreadableSource(f"{asking.source}: the database does not answer: {scrubbed(error, *hidden)}") from None  # the same
    except ImportError as error:
        raise InputError(f"{asking.source}: the driver of this database is not installed: {error.name}") from None  # it says no more


def _words(error: Exception) -> object:
    """What the driver says, without the dictionary in which pg8000 wraps the server's message."""
    first: object = next(iter((getattr(error, "orig", None) or error).args), error)
    return first["M"] if isinstance(first, dict) and "M" in first else first  # pyright: ignore[reportUnknownVariableType] a driver's own


def _engine(live: Sql, asking: Asking, password: str) -> Engine:
    from sqlalchemy import create_engine
    from sqlalchemy.engine import make_url
    from sqlalchemy.pool import NullPool

    url = make_url(live.url.get_secret_value())
    if password:
        url = url.set(password=password)
    if url.get_backend_name() == "sqlite":
        url = _file(url, asking)
    option = _CONNECT.get(url.get_driver_name())
    told = {option: round(live.timeout) + 5} if option else {}  # some take it for every answer: the server's own limit comes first
    return create_engine(url, connect_args=told, hide_parameters=True, poolclass=NullPool)


def _file(url: URL, asking: Asking) -> URL:
    """An SQLite file of the workspace, opened so that nothing can write it, nor make it."""
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise InputError(f"{asking.source}: url: an SQLite source is sqlite:///PATH")
    path = asking.path(url.database)
    if not path.is_file():
        raise UnreadableSource(f"{asking.source}: nothing is at {url.database}")
    return url.set(database=path.as_uri(), query={"mode": "ro", "uri": "true"})


def _pages(engine: Engine, live: Sql, asking: Asking, hidden: tuple[str, ...]) -> Iterator[Page]:
    with engine.connect() as connection:
        _settle(connection, live)
        streamed = connection.execution_options(stream_results=True, max_row_buffer=_BATCH)
        result = streamed.exec_driver_sql(live.query)
        names = list(result.keys())
        if double := next((name for name in names if names.count(name) > 1), ""):
            raise InputError(f"{asking.source}: query: two columns are named {double!r}; give one another name (AS)")
        batches = _batches(result, asking, hidden, until=time.monotonic() + live.timeout * 10)
        number, more = 0, True
        while more:
            number += 1
            taken = _taken(batches, names)
            first = next(taken, None)
            more = first is not None
            if first is not None or number == 1:
                yield Page(f"rows-{number}.json", _listed(first, taken))
        connection.rollback()


def _settle(connection: Connection, live: Sql) -> None:
    """Tell the database that this transaction only reads, and how long it may take."""
    backend = connection.dialect.name
    for statement in _BEFORE.get(backend, ()):
        connection.exec_driver_sql(statement.format(ms=round(live.timeout * 1000), seconds=live.timeout))
    raw: Any = connection.connection.driver_connection
    if backend == "sqlite":
        until = time.monotonic() + live.timeout
        raw.set_progress_handler(lambda: time.monotonic() > until, 10_000)


def _batches(result: CursorResult[Any], asking: Asking, hidden: tuple[str, ...], *, until: float) -> Iterator[Sequence[Any]]:
    """The rows as the database hands them out. What goes wrong here is met by whoever writes the file, so it is explained here."""
    with _explained(asking, hidden):
        for batch in result.partitions(_BATCH):
            if time.monotonic() > until:
                raise UnreadableSource(f"{asking.source}: the rows take too long; ask for less, or raise `timeout:`")
            yield batch


def _taken(batches: Iterator[Sequence[Any]], names: Sequence[str]) -> Iterator[bytes]:
    """The records of one file, each as JSON; stops between two batches."""
    count = 0
    while count < ROWS and (batch := next(batches, None)) is not None:
        count += len(batch)
        for row in batch:
            record = {name: value for name, one in zip(names, row, strict=True) if (value := _plain(one)) is not None}
            yield json.dumps(record, ensure_ascii=False).encode()


def _listed(first: bytes | None, records: Iterator[bytes]) -> Iterator[bytes]:
    yield b"[" if first is None else b"[\n" + first
    for record in records:
        yield b",\n" + record
    yield b"\n]\n"


def _plain(value: Any) -> object:
    """A value of a database as JSON has it: days and times in ISO 8601, exact numbers as numbers where they are whole, bytes left out."""
    if value is None or isinstance(value, bytes | bytearray | memoryview):
        return None
    if isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None  # noqa: PLR0124  # the test of a NaN
    if isinstance(value, Decimal):
        return int(value) if value.is_finite() and value == value.to_integral_value() else str(value)
    if isinstance(value, datetime | date | clock):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] JSON columns
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]  # pyright: ignore[reportUnknownVariableType] arrays
    return str(value)
