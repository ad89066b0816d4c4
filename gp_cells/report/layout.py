"""Place a directed acyclic graph in columns, after Sugiyama, Tagawa and Toda 1981.

https://doi.org/10.1109/TSMC.1981.4308636. Columns by longest path to the sinks, order inside a column
by barycentres and then by swaps of neighbours, heights by least squares under the least distances. An
edge over several columns goes through a bend in each; edges from one node share their bends.
Deterministic: ties are settled by the order of the nodes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

SWEEPS = 24  # of barycentre ordering; more changes nothing on any cell we have
SETTLING = 60  # sweeps of the heights

Bend = tuple[int, int]  # a node passing a column: (node, column); the node itself in its own column


@dataclass(frozen=True)
class Layout:
    """Columns from left to right, each from top to bottom, and the height of every bend.

    `links` are the pairs of bends in neighbouring columns that a line joins.
    """

    columns: Sequence[Sequence[Bend]]
    column: Sequence[int]
    height: Mapping[Bend, float]
    links: Sequence[tuple[Bend, Bend]]

    def is_node(self, bend: Bend) -> bool:
        """Say whether a bend is its node's own place, and not just a line passing."""
        return self.column[bend[0]] == bend[1]


def place(arguments: Sequence[Sequence[int]], heights: Sequence[float], gap: float) -> Layout:
    """Return where the nodes of a graph go; `arguments[i]` are the nodes that node i reads.

    Every node comes after those it reads. `heights` are the nodes' own, `gap` is the least distance
    between two of them.
    """
    column = _columns(arguments)
    links = _links(arguments, column)
    order = _ordered(arguments, column, links)
    drawn = Layout(order, column, {}, links)
    return Layout(order, column, _settled(drawn, heights, gap), links)


def _columns(arguments: Sequence[Sequence[int]]) -> list[int]:
    """Return the column of each node: as far right as those that read it allow."""
    behind = [0] * len(arguments)  # columns to the right of a node
    for node in reversed(range(len(arguments))):
        for argument in arguments[node]:
            behind[argument] = max(behind[argument], behind[node] + 1)
    return [max(behind) - steps for steps in behind]


def _links(arguments: Sequence[Sequence[int]], column: Sequence[int]) -> list[tuple[Bend, Bend]]:
    links: dict[tuple[Bend, Bend], None] = {}
    for node, sources in enumerate(arguments):
        for source in sources:
            bends = [(source, c) for c in range(column[source], column[node])]
            links.update(dict.fromkeys(pairwise([*bends, (node, column[node])])))
    return list(links)


def _ordered(
    arguments: Sequence[Sequence[int]], column: Sequence[int], links: Sequence[tuple[Bend, Bend]]
) -> list[list[Bend]]:
    """Return the columns with few crossings: the best of all sweeps."""
    columns: list[list[Bend]] = [[] for _ in range(max(column) + 1)]
    for bend in _depth_first(arguments, column, links):
        columns[bend[1]].append(bend)
    before, after = _neighbours(links)
    best, fewest = [list(c) for c in columns], _crossings(columns, after)
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        places = range(1, len(columns)) if forward else range(len(columns) - 2, -1, -1)
        for place_ in places:
            known = columns[place_ - 1 if forward else place_ + 1]
            columns[place_] = _by_barycentre(columns[place_], known, before if forward else after)
        _swap_neighbours(columns, before, after)
        crossings = _crossings(columns, after)
        if crossings < fewest:
            best, fewest = [list(c) for c in columns], crossings
    return best


def _depth_first(
    arguments: Sequence[Sequence[int]], column: Sequence[int], links: Sequence[tuple[Bend, Bend]]
) -> Iterator[Bend]:
    """Yield bends in the order in which a walk from the sinks meets them: no crossings in a tree."""
    before, _ = _neighbours(links)
    read = {argument for sources in arguments for argument in sources}
    seen: set[Bend] = set()
    waiting = [(node, column[node]) for node in range(len(arguments)) if node not in read]
    waiting.reverse()
    while waiting:
        bend = waiting.pop()
        if bend not in seen:
            seen.add(bend)
            yield bend
            waiting += reversed(before.get(bend, []))


Neighbours = Mapping[Bend, Sequence[Bend]]


def _neighbours(links: Sequence[tuple[Bend, Bend]]) -> tuple[Neighbours, Neighbours]:
    before: dict[Bend, list[Bend]] = {}
    after: dict[Bend, list[Bend]] = {}
    for left, right in links:
        before.setdefault(right, []).append(left)
        after.setdefault(left, []).append(right)
    return before, after


def _by_barycentre(
    column: Sequence[Bend], known: Sequence[Bend], neighbours: Neighbours
) -> list[Bend]:
    rank = {bend: i for i, bend in enumerate(known)}

    def barycentre(bend: Bend) -> float:
        places = [rank[n] for n in neighbours.get(bend, [])]
        own = column.index(bend) * len(known) / len(column)
        return sum(places) / len(places) if places else own

    return sorted(column, key=barycentre)


def _swap_neighbours(columns: list[list[Bend]], before: Neighbours, after: Neighbours) -> None:
    """Swap bends next to each other while that removes crossings."""
    for number, column in enumerate(columns):
        ranks = [
            ({bend: i for i, bend in enumerate(columns[other])}, side)
            for other, side in ((number - 1, before), (number + 1, after))
            if 0 <= other < len(columns)
        ]
        improved = True
        while improved:
            improved = False
            for i in range(len(column) - 1):
                upper, lower = column[i], column[i + 1]
                gain = 0
                for rank, side in ranks:
                    above = [rank[n] for n in side.get(upper, [])]
                    below = [rank[n] for n in side.get(lower, [])]
                    gain += sum((a > b) - (a < b) for a in above for b in below)
                if gain > 0:
                    column[i], column[i + 1] = lower, upper
                    improved = True


def _crossings(columns: Sequence[Sequence[Bend]], after: Neighbours) -> int:
    crossings = 0
    for left, right in pairwise(columns):
        rank = {bend: i for i, bend in enumerate(right)}
        ends = [[rank[n] for n in after.get(bend, [])] for bend in left]
        for i, upper in enumerate(ends):
            crossings += sum(a > b for lower in ends[i + 1 :] for a in upper for b in lower)
    return crossings


def _settled(layout: Layout, heights: Sequence[float], gap: float) -> dict[Bend, float]:
    """Return heights that straighten the lines, long ones first, and keep the least distances."""
    pull: dict[Bend, list[tuple[Bend, float]]] = {}
    for left, right in layout.links:
        weight = (1.0, 3.0, 8.0)[2 - layout.is_node(left) - layout.is_node(right)]
        pull.setdefault(left, []).append((right, weight))
        pull.setdefault(right, []).append((left, weight))

    def half(bend: Bend) -> float:
        return heights[bend[0]] / 2 if layout.is_node(bend) else 2.0

    gaps = [[half(a) + half(b) + gap for a, b in pairwise(column)] for column in layout.columns]
    at: dict[Bend, float] = {}
    for column, between in zip(layout.columns, gaps, strict=True):
        positions = spread([0.0] * len(column), between)
        at.update(zip(column, positions, strict=True))
    for sweep in range(SETTLING):
        turn = list(zip(layout.columns, gaps, strict=True))
        for column, between in turn if sweep % 2 else reversed(turn):
            wanted = []
            for bend in column:
                total = sum(weight for _, weight in pull[bend])
                wanted.append(sum(at[other] * weight for other, weight in pull[bend]) / total)
            at.update(zip(column, spread(wanted, between), strict=True))
    top = min(at[bend] - half(bend) for bend in at)
    return {bend: height - top for bend, height in at.items()}


def spread(wanted: Sequence[float], gaps: Sequence[float]) -> list[float]:
    """Return the positions nearest to those wanted, in order, with at least `gaps` between them.

    Nearest by least squares: neighbours that come too close are pooled and share their mean.
    """
    offsets = [0.0]
    for gap in gaps:
        offsets.append(offsets[-1] + gap)
    pools: list[tuple[float, int]] = []  # mean and size
    for place_, offset in zip(wanted, offsets, strict=True):
        mean, size = place_ - offset, 1
        while pools and pools[-1][0] > mean:
            other, count = pools.pop()
            mean, size = (mean * size + other * count) / (size + count), size + count
        pools.append((mean, size))
    means = [mean for mean, size in pools for _ in range(size)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]
