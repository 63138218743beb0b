"""The ways between two things, over relations of any kind and either way: the shortest, or all that pass nothing twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice, pairwise

from graph.arrays import reach
from graph.model import Value
from graph.shape import Shape, Step

MOST_PATHS = 1000
MOST_TRIES = 200_000  # things that are looked at before the search for long ways gives up, so that it always ends


class Ways(Value):
    """The ways between `start` and `end`, each the relations along it as they are on file; `length` is that of the shortest.

    `more`: there are, or may be, others that are not said.
    """

    start: str
    end: str
    length: int
    paths: tuple[tuple[Step, ...], ...]
    more: bool = False


def ways(start: str, end: str, shape: Shape, *, every: bool = False, longest: int = 0) -> Ways:
    """One shortest way; `every` shortest one; or, up to `longest` steps, every way that passes nothing twice, short ones first.

    At most MOST_PATHS of them; ids decide the order.
    """
    ties = shape.ties
    far: list[int] = reach(ties.arrows, [shape.number[end]]).distance.tolist()
    first = shape.number[start]
    least = far[first]
    if least <= 0:
        return Ways(start=start, end=end, length=0, paths=())
    search = _Search(ties.arrows.lists, far)
    found = chain.from_iterable(search.paths(first, length) for length in range(least, max(least, longest) + 1))
    most = MOST_PATHS if every or longest else 1
    kept = list(islice(found, most + 1))
    paths = tuple(tuple(shape.step(ties, one, other) for one, other in pairwise(path)) for path in kept[:most])
    return Ways(start=start, end=end, length=least, paths=paths, more=len(kept) > most or search.tries <= 0)


class _Search:
    """A search for ways of one length at a time, which never goes where the end is too far away."""

    def __init__(self, near: Sequence[Sequence[int]], far: Sequence[int]) -> None:
        self.near, self.far, self.tries = near, far, MOST_TRIES

    def paths(self, start: int, length: int) -> Iterator[list[int]]:
        """All ways from here that reach the end with exactly so many steps."""
        way, work = [start], [iter(self.near[start])]
        while work and self.tries > 0:
            one = next(work[-1], -1)
            left = length - len(way)  # steps that are left after this one
            if one < 0:
                work.pop()
                way.pop()
                continue
            self.tries -= 1
            if one in way or not (0 < self.far[one] <= left or self.far[one] == left == 0):
                continue
            if not left:
                yield [*way, one]
            else:
                way.append(one)
                work.append(iter(self.near[one]))
