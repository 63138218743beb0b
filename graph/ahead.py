"""Work that a second process does ahead of the one that waits for its results, where there is a lot of it and the system can fork."""

from __future__ import annotations

import marshal
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from typing import Any, BinaryIO, TypeVar

from graph.errors import ContextError

T = TypeVar("T")
_ITEM, _END, _ERROR = range(3)


def ahead(
    items: Iterable[T], *, after: int, size: Callable[[T], int], pack: Callable[[T], object], unpack: Callable[[object], T]
) -> Iterator[T]:
    """The same items in the same order; those after the first ones (of a `size` of `after` together) come from a second process.

    That process goes on where this one stopped, with a copy of all that it knows, so that what making the items leaves behind in memory
    is not seen here. `pack` turns an item into plain values (tuples, lists, texts, numbers, bytes), `unpack` turns it back. What goes
    wrong there is raised here. Without a second core, where other threads run (a fork would copy their locks) and elsewhere than on
    Linux all items are made here.
    """
    left = iter(items)
    done = 0
    for item in left:
        done += size(item)
        yield item
        if done >= after and _can_fork():
            for packed in _second_process(left, pack):
                yield unpack(packed)
            return


def _can_fork() -> bool:
    return sys.platform == "linux" and threading.active_count() == 1 and len(os.sched_getaffinity(0)) > 1


def _second_process(items: Iterator[T], pack: Callable[[T], object]) -> Generator[object]:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        with suppress(BaseException), os.fdopen(writing, "wb") as pipe:  # nothing may leave this process but through the pipe
            _work(items, pack, pipe)
        os._exit(0)  # without the parent's clean-up: its files, connections and buffers are not this process's business
    os.close(writing)
    try:
        with os.fdopen(reading, "rb") as pipe:
            yield from _received(pipe)
    finally:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _work(items: Iterator[T], pack: Callable[[T], object], pipe: BinaryIO) -> None:
    try:
        for item in items:
            _send(pipe, _ITEM, pack(item))
        _send(pipe, _END, None)
    except BrokenPipeError:  # nobody waits any more
        return
    except BaseException as error:  # noqa: BLE001  # whatever it is, it is raised where the items are awaited
        _send(pipe, _ERROR, pickle.dumps(error))


def _send(pipe: BinaryIO, sort: int, value: Any) -> None:
    pipe.write(marshal.dumps((sort, value)))
    pipe.flush()


def _received(pipe: BinaryIO) -> Iterator[object]:
    while True:
        try:
            sort, value = marshal.load(pipe)  # noqa: S302  # written by this very program
        except EOFError as error:
            message = "the process that reads the sources was ended from outside; nothing was written, try again"
            raise ContextError(message) from error
        if sort == _END:
            return
        if sort == _ERROR:
            raise pickle.loads(value)  # noqa: S301  # written by this very program
        yield value
