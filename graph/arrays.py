"""Things as numbers and arrows between them as columns: reach, circles, ranks and betweenness over NumPy, knowing no kind and no id."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:

    class _Numpy:
        """NumPy, imported when the first number is asked of it: a fifth of the start of each command that asks for none."""

        def __getattr__(self, name: str) -> Any:
            import numpy as np

            found = getattr(np, name)
            setattr(self, name, found)
            return found

    np = _Numpy()

Ints: TypeAlias = "NDArray[np.int64]"
Floats: TypeAlias = "NDArray[np.float64]"
Truths: TypeAlias = "NDArray[np.bool_]"
DAMPING = 0.85
_SMALL = 1000  # things that the search in plain Python takes as quickly


class Arrows:
    """Arrows among the things 0 … size - 1; they must come each once, in the order of their tails and then heads (see `arrows`)."""

    def __init__(self, size: int, tails: Ints, heads: Ints) -> None:
        self.size, self.tails, self.heads = size, tails, heads
        self.start: Ints = np.concatenate(([0], np.cumsum(np.bincount(tails, minlength=size))))

    @cached_property
    def back(self) -> Arrows:
        """The same arrows, turned round."""
        return arrows(self.size, self.heads, self.tails)

    def out(self, nodes: Ints) -> tuple[Ints, Ints]:
        """The arrows that begin at these things: their tails and their heads, in the order of the things."""
        return np.repeat(nodes, self.start[nodes + 1] - self.start[nodes]), self.onward(nodes)

    def onward(self, nodes: Ints) -> Ints:
        """The heads of the arrows that begin at these things."""
        begins = self.start.take(nodes)  # to take and to compress is quicker than to index
        counts = self.start.take(nodes + 1) - begins
        ends = np.cumsum(counts)
        places = np.repeat(begins - ends + counts, counts)
        return self.heads.take(np.add(places, np.arange(len(places)), out=places))

    def among(self, nodes: Ints) -> Arrows:
        """The arrows between these things (ascending), which are numbered anew by their places."""
        number = np.full(self.size, -1)
        number[nodes] = places = np.arange(len(nodes))
        tails, heads = np.repeat(places, self.start[nodes + 1] - self.start[nodes]), number[self.onward(nodes)]
        kept = heads >= 0
        return Arrows(len(nodes), tails[kept], heads[kept])

    @cached_property
    def lists(self) -> list[list[int]]:
        """The heads of each thing's arrows, as plain lists."""
        heads, start = self.heads.tolist(), self.start.tolist()
        return [heads[start[one] : start[one + 1]] for one in range(self.size)]


def arrows(size: int, tails: Sequence[int] | Ints, heads: Sequence[int] | Ints) -> Arrows:
    """The arrows from each of these tails to the head at the same place."""
    width = max(size, 1)
    codes = np.sort(np.asarray(tails, dtype=np.int64) * width + np.asarray(heads, dtype=np.int64))
    codes = codes[np.diff(codes, prepend=-1) > 0]
    return Arrows(size, codes // width, codes % width)


class Reach(NamedTuple):
    """How many steps each thing is from the nearest start (-1: not reached) along these arrows."""

    of: Arrows
    distance: Ints

    def before(self, nodes: Ints) -> Ints:
        """For each of these things the least thing one step before it; -1 for a start, and for what is not reached."""
        tails, heads = self.of.back.out(nodes)
        near = np.flatnonzero(self.distance[heads] == self.distance[tails] - 1)
        near = near[self.distance[heads[near]] >= 0]
        came = np.full(self.of.size, -1)
        came[tails[near[::-1]]] = heads[near[::-1]]  # of several the first is written last, and stays
        return came[nodes]


def reach(of: Arrows, starts: Sequence[int] | Ints) -> Reach:
    """What can be reached from these things, along the arrows."""
    distance = np.full(of.size, -1)
    for level, front in enumerate(_fronts(of, np.asarray(starts, dtype=np.int64))):
        distance[front] = level
    return Reach(of, distance)


def _fronts(of: Arrows, front: Ints) -> Iterator[Ints]:
    """These things, what is one step from them, two steps, and so on: everything in the first front that it is met in."""
    left, first = np.ones(of.size, dtype=bool), np.zeros(of.size, dtype=np.int64)
    while len(front):
        yield front
        left[front] = False
        heads = of.onward(front)
        front = _once(heads.compress(left.take(heads)), first)


def _once(nodes: Ints, first: Ints) -> Ints:
    """Each of these things once; `first` is a place for each of all things, to write on."""
    first[nodes] = places = np.arange(len(nodes))
    return nodes.compress(first.take(nodes) == places)


def _reached(of: Arrows, start: int) -> NDArray[np.bool_]:
    """Which things can be reached from this one, itself too: all that `reach` says, but not how far they are."""
    seen = np.zeros(of.size, dtype=bool)
    for front in _fronts(of, np.array([start])):
        seen[front] = True
    return seen


def nearest_of(of: Arrows, starts: Ints) -> Ints:
    """For each thing the start that is the fewest steps behind it, of as near ones the least (-1: none reaches it)."""
    label, distance = np.full(of.size, of.size), np.full(of.size, -1)
    label[starts], distance[starts] = starts, 0
    front, level = starts, 0
    while len(front):
        level += 1
        tails, heads = of.out(front)
        nearer = (distance[heads] < 0) | (distance[heads] == level)
        tails, heads = tails[nearer], heads[nearer]
        distance[heads] = level
        np.minimum.at(label, heads, label[tails])
        front = np.unique(heads)
    return np.where(distance < 0, -1, label)


# circles


def parts(of: Arrows) -> list[list[int]]:
    """The strongly connected parts that hold a circle, each ascending, by their least."""
    return sorted(part.tolist() for part in _strong(of, np.arange(of.size)))


def _strong(of: Arrows, names: Ints) -> Iterator[Ints]:
    """Take the part of the busiest thing by two searches, peel off what lies on no circle, and search what is left once, and deeply."""
    peeled = False
    while of.size > _SMALL:
        passing = np.diff(of.start) * np.diff(of.back.start)  # 0: no way leads over it
        busiest = int(np.argmax(passing))
        inside = _reached(of, busiest) & _reached(of.back, busiest)
        found = np.flatnonzero(inside)
        few = len(found) * 10 < of.size  # one by one many small parts would take long
        if few and peeled:
            break
        if not few:
            yield names[found]
            rest = np.flatnonzero(~inside & (passing > 0))
            of, names = of.among(rest), names[rest]
        (of, names), peeled = _peeled(of, names), True
    yield from (names[np.array(sorted(part), dtype=np.int64)] for part in _tarjan(of.lists))


def _peeled(of: Arrows, names: Ints) -> tuple[Arrows, Ints]:
    """Without what has no arrow in or none out, again and again, as long as a twentieth goes each time: the rest is left to the searches."""
    while of.size:
        kept = np.flatnonzero((np.diff(of.start) > 0) & (np.bincount(of.heads, minlength=of.size) > 0))
        few = (of.size - len(kept)) * 20 < of.size
        of, names = of.among(kept), names[kept]
        if few:
            break
    return of, names


def _tarjan(near: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Tarjan's strongly connected components (1972), without recursion; only those that hold a circle."""
    index, low = [0] * len(near), [0] * len(near)
    open_, stack, count = [False] * len(near), list[int](), 0
    for root in range(len(near)):
        if index[root]:
            continue
        work = [(root, iter(near[root]))]
        count += 1
        index[root] = low[root] = count
        stack.append(root)
        open_[root] = True
        while work:
            one, others = work[-1]
            for other in others:
                if not index[other]:
                    count += 1
                    index[other] = low[other] = count
                    stack.append(other)
                    open_[other] = True
                    work.append((other, iter(near[other])))
                    break
                if open_[other]:
                    low[one] = min(low[one], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[one])
                if low[one] == index[one]:
                    part = _closed(stack, open_, one)
                    if len(part) > 1 or one in near[one]:
                        yield part


def _closed(stack: list[int], open_: list[bool], until: int) -> list[int]:
    part: list[int] = []
    while not part or part[-1] != until:
        part.append(stack.pop())
        open_[part[-1]] = False
    return part


def circles(of: Arrows) -> list[tuple[tuple[int, ...], list[int]]]:
    """Of each strongly connected part a shortest circle, from its least thing on and of as short ones the least, and the part."""
    found = parts(of)
    loops: set[int] = {*of.tails[of.tails == of.heads].tolist()}
    least = [min(loops.intersection(part), default=-1) for part in found]
    long = _inside(of, [part for part, loop in zip(found, least, strict=True) if loop < 0])  # of the others no arrow is looked at
    return [((loop,) if loop >= 0 else _shortest(next(long), part), part) for loop, part in zip(least, found, strict=True)]


def _inside(of: Arrows, found: Sequence[Sequence[int]]) -> Iterator[Arrows]:
    """The arrows inside each of these parts (of which no two share a thing), numbered by the places in it."""
    label, place = np.full(of.size, -1), np.zeros(of.size, dtype=np.int64)
    for number, part in enumerate(found):
        label[part], place[part] = number, np.arange(len(part))
    tails, heads = of.out(np.array([one for part in found for one in part], dtype=np.int64))  # part by part
    own = label[tails]
    kept = np.flatnonzero(own == label[heads])
    ends = np.searchsorted(own[kept], np.arange(len(found) + 1)).tolist()
    tails, heads = place[tails[kept]], place[heads[kept]]
    for part, (begin, end) in zip(found, pairwise(ends), strict=True):
        yield Arrows(len(part), tails[begin:end], heads[begin:end])


def _shortest(inner: Arrows, part: list[int]) -> tuple[int, ...]:
    short = _shortest_of_two(inner) or _longer(inner.lists)
    return tuple(part[one] for one in short)


def _shortest_of_two(of: Arrows) -> tuple[int, ...]:
    there = of.tails * of.size + of.heads
    both = there[np.isin(there, of.heads * of.size + of.tails, kind="sort")]
    return (int(both[0] // of.size), int(both[0] % of.size)) if len(both) else ()


def _longer(near: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """A shortest circle of at least three things; each is looked for from its least thing, which then goes, with what is on none any more."""
    behind: list[list[int]] = [[] for _ in near]
    for one, others in enumerate(near):
        for other in others:
            behind[other].append(one)
    ways = [[len(row) for row in rows] for rows in (near, behind)]
    gone = bytearray(len(near))
    best: tuple[int, ...] = ()
    for start in range(len(near)):
        if not gone[start]:
            best = _back_to(near, start, gone, most=len(best) - 1 if best else len(near)) or best
            if len(best) == 3:
                break
            _let_go(start, (near, behind), ways, gone)
    return best


def _let_go(one: int, rows: tuple[Sequence[Sequence[int]], ...], ways: list[list[int]], gone: bytearray) -> None:
    """Take this thing away, and all that then leads nowhere or that nothing leads to."""
    going = [one]
    while going:
        one = going.pop()
        if gone[one]:
            continue
        gone[one] = True
        for near, left in zip(rows, reversed(ways), strict=True):
            for other in near[one]:
                left[other] -= 1
                if not left[other]:
                    going.append(other)


def _back_to(near: Sequence[Sequence[int]], start: int, gone: bytearray, *, most: int) -> tuple[int, ...]:
    """The least of the shortest ways from here back to here over things not gone, of at most so many; () for none."""
    came: dict[int, int] = {start: -1}
    level = [start]
    for _ in range(most):
        following: list[int] = []
        for one in level:
            for other in near[one]:
                if other == start:
                    return _trail(came, one)
                if not gone[other] and other not in came:
                    came[other] = one
                    following.append(other)
        level = following
    return ()


def _trail(came: dict[int, int], last: int) -> tuple[int, ...]:
    way = [last]
    while came[way[-1]] >= 0:
        way.append(came[way[-1]])
    return tuple(reversed(way))


# what holds together


def together(size: int, one: Ints, other: Ints) -> Ints:
    """For each thing the least thing that it is joined to, directly or not, by these pairs: of connected things the same."""
    label = np.arange(size)
    while len(one):
        first, second = label[one], label[other]
        least = np.minimum(first, second)
        np.minimum.at(label, first, least)
        np.minimum.at(label, second, least)
        while not np.array_equal(jumped := label[label], label):
            label = jumped
        apart = label[one] != label[other]
        one, other = one[apart], other[apart]
    return label


def cut_points(of: Arrows) -> list[tuple[int, int]]:
    """The things without which a connected part falls apart, whichever way the arrows go, and into how many more; the most first.

    A thing is in so many blocks (biconnected components), less one. They are found as by Tarjan and Vishkin (1985): over a spanning
    tree, here one searched in breadth, each thing but the roots stands for its link to the thing above it, and those links are joined
    that lie on a circle together.
    """
    other = of.tails != of.heads
    one, two = of.tails[other], of.heads[other]
    near = arrows(of.size, np.concatenate([one, two]), np.concatenate([two, one]))
    tree = reach(near, np.flatnonzero(together(of.size, one, two) == np.arange(of.size)))
    above = tree.before(np.arange(of.size))
    below = np.flatnonzero(above >= 0)
    block = together(of.size, *_on_circles(tree.distance, above, one, two))[below]
    held = arrows(of.size, np.concatenate([below, above[below]]), np.concatenate([block, block]))  # things with their blocks
    more = np.diff(held.start) - 1
    order = np.argsort(-more, kind="stable")[: int((more > 0).sum())]
    return list(zip(order.tolist(), more[order].tolist(), strict=True))


def _on_circles(depth: Ints, above: Ints, one: Ints, other: Ints) -> tuple[Ints, Ints]:
    """Pairs of things whose links to the things above them lie on a circle together; `one` and `other` are the ends of all links."""
    below = np.flatnonzero(above >= 0)
    levels = np.split(order := np.lexsort((above, depth)), np.cumsum(np.bincount(depth, minlength=1))[:-1])
    size = np.ones(len(order), dtype=np.int64)  # of the tree below each thing, itself too
    for level in reversed(levels[1:]):
        np.add.at(size, above[level], size[level])
    place = _preorder(levels, above, size)
    across = (above[other] != one) & (above[one] != other)
    one, other = one[across], other[across]
    swap = place[one] > place[other]
    first, last = np.where(swap, other, one), np.where(swap, one, other)
    low, high = place.copy(), place.copy()  # the first and the last place that a link off the tree leads to from below each thing
    np.minimum.at(low, last, place[first])
    np.maximum.at(high, first, place[last])
    for level in reversed(levels[1:]):
        np.minimum.at(low, above[level], low[level])
        np.maximum.at(high, above[level], high[level])
    lower = below[above[above[below]] >= 0]
    upper = above[lower]
    leaves = (low[lower] < place[upper]) | (high[lower] >= place[upper] + size[upper])
    return np.concatenate([first, lower[leaves]]), np.concatenate([last, upper[leaves]])


def _preorder(levels: Sequence[Ints], above: Ints, size: Ints) -> Ints:
    """The place of each thing when the tree is walked in depth, children by their numbers."""
    place = np.zeros(len(size), dtype=np.int64)
    for depth, level in enumerate(levels):
        before = np.cumsum(size[level]) - size[level]
        if depth:
            first = np.diff(above[level], prepend=-1) != 0
            before += 1 + place[above[level]] - before[first][np.cumsum(first) - 1]
        place[level] = before
    return place


# how much passes, and how much rests


def ranks(of: Arrows, *, within: float = 1e-6) -> Floats:
    """PageRank (Brin and Page 1998) along the arrows, which sums to 1; `within`: the error for each thing at which it stops."""
    if not of.size:
        return np.zeros(0)
    out = np.diff(of.start)
    share = np.divide(DAMPING, out, out=np.zeros(of.size), where=out > 0)
    ends, tails = np.flatnonzero(np.diff(of.back.start)), of.back.heads
    begins = of.back.start[ends]
    rank = np.full(of.size, 1 / of.size)
    for _ in range(200):
        lost = DAMPING * rank[out == 0].sum() + 1 - DAMPING
        after = np.full(of.size, lost / of.size)
        if len(tails):
            after[ends] += np.add.reduceat((rank * share)[tails], begins)
        done = np.abs(after - rank).sum() < of.size * within
        rank = after
        if done:
            break
    return rank


class Between(NamedTuple):
    """The share of all shortest ways that lead over each thing, and how far that may be off (95 %; 0: it is exact)."""

    share: Floats
    error: Floats
    starts: int


def betweenness(of: Arrows, *, exact: int, sampled: int, watch: Callable[[int, int], None] = lambda _done, _all: None) -> Between:
    """Brandes' betweenness (2001); above `exact` things estimated from `sampled` starts, the same ones every time.

    `watch` is told how many of how many starts are done.
    """
    pairs = max(1, of.size - 2)
    starts = range(of.size) if of.size <= exact else sorted(Random(0).sample(range(of.size), sampled))  # noqa: S311 - a sample, no secret
    total, squares = np.zeros(of.size), np.zeros(of.size)
    for done, start in enumerate(starts):
        watch(done, len(starts))
        share = _passing(of, start) / pairs
        total += share
        squares += share * share
    count = max(1, len(starts))
    mean = total / count
    spread = np.sqrt(np.maximum(0, squares / count - mean * mean) / max(1, count - 1))
    scale = of.size / max(1, of.size - 1)
    return Between(mean * scale, spread * 1.96 * scale if of.size > exact else np.zeros(of.size), count)


def _passing(of: Arrows, start: int) -> Floats:
    """To how many things the shortest ways from here lead over each other thing, in parts where there are several ways."""
    distance, ways, passing = np.full(of.size, -1), np.zeros(of.size), np.zeros(of.size)
    distance[start], ways[start] = 0, 1
    front, level, steps = np.array([start]), 0, list[tuple[Ints, Ints]]()
    while len(front):
        level += 1
        tails, heads = of.out(front)
        nearer = (distance[heads] < 0) | (distance[heads] == level)
        tails, heads = tails[nearer], heads[nearer]
        distance[heads] = level
        np.add.at(ways, heads, ways[tails])
        steps.append((tails, heads))
        front = np.unique(heads)
    for tails, heads in reversed(steps):
        np.add.at(passing, tails, ways[tails] / ways[heads] * (1 + passing[heads]))
    passing[start] = 0
    return passing
