"""Work that other processes do ahead of the one that waits for its results, where there is a lot of it and the system can fork."""

from __future__ import annotations

import marshal
import os
import pickle
import selectors
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from io import FileIO
from typing import Any, BinaryIO, TypeVar

from graph.errors import ContextError

J = TypeVar("J")
T = TypeVar("T")
_ITEM, _END, _ERROR = range(3)
_LENGTH = 8  # bytes that say how long what follows is
_PIPE = 1 << 20  # bytes that may wait in a pipe: what Linux grants everybody


def ahead(
    jobs: Iterable[J],
    make: Callable[[J], Iterable[T]],
    *,
    after: int,
    others: int,
    size: Callable[[T], int],
    pack: Callable[[T], object],
    unpack: Callable[[object], T],
) -> Iterator[T]:
    """What these jobs make, of each job in its order; what comes after the first items (of a `size` of `after` together) is made by others.

    Those `others` are so many processes, which go on where this one stopped, with a copy of all that it knows, so that what making the
    items leaves behind in memory is not seen here. Each takes its turn at the jobs: with one, all items come in the order of the jobs;
    with more, no job may need what another leaves behind. `pack` turns an item into plain values (tuples, lists, texts, numbers, bytes),
    `unpack` turns it back. What goes wrong there is raised here. Without a second core, where other threads run (a fork would copy their
    locks) and elsewhere than on Linux all items are made here.
    """
    left = iter(jobs)
    done = 0
    for job in left:
        current = iter(make(job))
        for item in current:
            done += size(item)
            yield item
            if done >= after and _can_fork():
                yield from map(unpack, _elsewhere([_share(current, left, make, turn, others) for turn in range(others)], pack))
                return


def _share(current: Iterator[T], left: Iterator[J], make: Callable[[J], Iterable[T]], turn: int, others: int) -> Iterator[T]:
    """What one of the others makes: the first of them goes on with the job that was begun."""
    if not turn:
        yield from current
    for place, job in enumerate(left, 1):
        if place % others == turn:
            yield from make(job)


def _can_fork() -> bool:
    return sys.platform == "linux" and threading.active_count() == 1 and len(os.sched_getaffinity(0)) > 1


def _elsewhere(shares: Sequence[Iterator[T]], pack: Callable[[T], object]) -> Generator[object]:
    """What these make, each in a process of its own, as it comes."""
    children, pipes = list[int](), list[FileIO]()
    try:
        for share in shares:
            child, pipe = _forked(share, pack, pipes)
            children.append(child)
            pipes.append(pipe)
        yield from _received(pipes)
    finally:
        for pipe in pipes:
            pipe.close()
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _forked(items: Iterator[T], pack: Callable[[T], object], held: Iterable[FileIO]) -> tuple[int, FileIO]:
    """A process that makes these items, and the pipe from which they can be read; it lets go of the pipes that are `held` here."""
    from fcntl import F_SETPIPE_SZ, fcntl  # which only Linux has

    reading, writing = os.pipe()
    with suppress(OSError):
        fcntl(writing, F_SETPIPE_SZ, _PIPE)
    child = os.fork()
    if not child:
        os.close(reading)
        for pipe in held:
            pipe.close()
        with suppress(BaseException), os.fdopen(writing, "wb") as pipe:  # nothing may leave this process but through the pipe
            _work(items, pack, pipe)
        os._exit(0)  # without the parent's clean-up: its files, connections and buffers are not this process's business
    os.close(writing)
    return child, FileIO(reading)


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
    """An item, and before it how long it is: read as a whole it costs a tenth of what it costs to read value by value."""
    said = marshal.dumps((sort, value))
    pipe.write(len(said).to_bytes(_LENGTH, "big"))
    pipe.write(said)
    pipe.flush()


def _received(pipes: Sequence[FileIO]) -> Iterator[object]:
    with selectors.DefaultSelector() as waiting:
        for pipe in pipes:
            waiting.register(pipe, selectors.EVENT_READ, pipe)
        while waiting.get_map():
            for ready, _ in waiting.select():
                length = int.from_bytes(_whole(ready.data, _LENGTH), "big")
                sort, value = marshal.loads(_whole(ready.data, length))  # noqa: S302  # written by this very program
                if sort == _END:
                    waiting.unregister(ready.fileobj)
                elif sort == _ERROR:
                    raise pickle.loads(value)  # noqa: S301  # written by this very program
                else:
                    yield value


def _whole(pipe: FileIO, length: int) -> bytearray:
    """So many bytes; `ContextError` where they end before."""
    said = bytearray(length)
    here = memoryview(said)
    while here:
        count = pipe.readinto(here)
        if not count:
            message = "a process that reads the sources was ended from outside; nothing was written, try again"
            raise ContextError(message)
        here = here[count:]
    return said
