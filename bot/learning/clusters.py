"""Which questions ask the same: agglomerative clustering with average linkage, along nearest neighbours.

Each question begins alone; the two clusters whose questions are most alike on average become one, until none are alike
enough (Sokal and Michener, "A statistical method for evaluating systematic relationships", 1958). Average linkage
neither chains (as single linkage does: "return a kettle", "kettle price", "price of shipping") nor splits what is said
in many ways (complete linkage). The mean over all pairs is exact: the sum of two clusters' cosines is the product of
their sums. Only neighbours are compared, so that the work grows with the number of questions: each cluster's nearest by
words that they share, and by meaning. When no neighbours are left that are alike enough, new ones are looked for, until
there are none.

Nothing is left to chance, and ties are decided by the order of the vectors: whoever gives them in an order of their own
gets the same clusters again.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from bot.learning.likeness import Vector

NEIGHBOURS = 24
"""Clusters that one is compared with, at most."""

CANDIDATES = 120
"""Questions with a common word that are looked at for one, rarest words first."""

_CHUNK = 256


def clusters(vectors: Sequence[Vector], threshold: float) -> list[list[int]]:
    """The numbers of `vectors`, parted: each stands in exactly one cluster, both sorted. Their order decides ties."""
    found = [_Cluster((number,), vector) for number, vector in enumerate(vectors)]
    while len(joined := _Linkage(found, threshold).run()) < len(found):
        found = joined
    return [list(cluster.members) for cluster in found]


@dataclass(frozen=True, slots=True, eq=False)
class _Cluster:
    """Some vectors, by number, and their sum."""

    members: tuple[int, ...]
    sum: Vector

    def mean(self, other: _Cluster) -> float:
        """How alike the vectors of two clusters are, on average over all pairs."""
        return round(self.sum.likeness(other.sum) / (len(self.members) * len(other.members)), 9)

    def joined(self, other: _Cluster) -> _Cluster:
        return _Cluster(tuple(sorted(self.members + other.members)), self.sum + other.sum)

    def nearest(self, others: Iterable[tuple[int, _Cluster]]) -> list[int]:
        """The names of the nearest; of equals those that stand near in the order of the vectors."""
        ranked = sorted((-self.mean(other), abs(self.members[0] - other.members[0]), name) for name, other in others)
        return [name for _, _, name in ranked[:NEIGHBOURS]]


class _Linkage:
    """One round: joins neighbours until none of those that were found are alike enough."""

    def __init__(self, found: Sequence[_Cluster], threshold: float) -> None:
        self._threshold = threshold
        self._clusters = dict(enumerate(found))
        self._near: dict[int, set[int]] = {name: set() for name in self._clusters}
        self._heap: list[tuple[float, int, int]] = []
        self._names = count(len(found))

    def run(self) -> list[_Cluster]:
        for name, near in enumerate(_neighbours(list(self._clusters.values()))):
            self._link(name, near)
        while self._heap:
            _, one, other = heapq.heappop(self._heap)
            if one in self._clusters and other in self._clusters:
                self._join(one, other)
        return sorted(self._clusters.values(), key=lambda cluster: cluster.members)

    def _link(self, name: int, others: Iterable[int]) -> None:
        """Remember neighbours, to be joined when nothing is more alike."""
        for other in others:
            if other in self._near[name]:
                continue
            self._near[name].add(other)
            self._near[other].add(name)
            mean = self._clusters[name].mean(self._clusters[other])
            if mean >= self._threshold:
                heapq.heappush(self._heap, (-mean, min(name, other), max(name, other)))

    def _join(self, one: int, other: int) -> None:
        name = next(self._names)
        near = (self._near.pop(one) | self._near.pop(other)) - {one, other}
        self._clusters[name] = self._clusters.pop(one).joined(self._clusters.pop(other))
        self._near[name] = set()
        for each in near:
            self._near[each] -= {one, other}
        self._link(name, self._clusters[name].nearest((each, self._clusters[each]) for each in near))


def _neighbours(found: Sequence[_Cluster]) -> Iterator[list[int]]:
    """For each cluster the nearest others among its candidates, nearest first."""
    by_meaning = _by_meaning(found)
    holders: dict[str, list[int]] = {}
    for name, cluster in enumerate(found):
        for term in cluster.sum.words:
            holders.setdefault(term, []).append(name)
    for name, cluster in enumerate(found):
        candidates = {*_by_words(name, cluster, holders), *by_meaning.get(name, ())} - {name}
        yield cluster.nearest((other, found[other]) for other in candidates)


def _by_words(name: int, cluster: _Cluster, holders: Mapping[str, Sequence[int]]) -> set[int]:
    """Those with the rarest words of a cluster; of a common word those that stand near in the order."""
    found: set[int] = set()
    for term in sorted(cluster.sum.words, key=lambda term: (len(holders[term]), term)):
        if len(found) >= CANDIDATES:
            break
        at = bisect_left(holders[term], name)
        found.update(holders[term][max(0, at - CANDIDATES // 2) : at + CANDIDATES // 2])
    return found


def _by_meaning(found: Sequence[_Cluster]) -> Mapping[int, Sequence[int]]:
    rows = {name: cluster.sum.meaning for name, cluster in enumerate(found) if cluster.sum.meaning is not None}
    if not rows:
        return {}
    import numpy

    names = list(rows)
    sizes = numpy.array([len(found[name].members) for name in names], numpy.float32)
    means = numpy.stack(list(rows.values())) / sizes[:, None]
    nearest: dict[int, list[int]] = {}
    for start in range(0, len(names), _CHUNK):
        order = numpy.argsort(-(means[start : start + _CHUNK] @ means.T), axis=1, kind="stable")
        for at, row in enumerate(order[:, : NEIGHBOURS + 1]):
            nearest[names[start + at]] = [names[other] for other in row]
    return nearest
