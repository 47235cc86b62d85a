"""The vectors of all passages as one matrix, and the question's nearest among them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prompts.knowledge.sizes import sentences, tokens
from storage.base import Store

if TYPE_CHECKING:
    import numpy

_UNRELATED, _SAME = 0.3, 0.8


@dataclass(frozen=True, slots=True)
class _Matrix:
    version: int
    model: str
    numbers: numpy.ndarray[Any, numpy.dtype[numpy.int64]]
    scopes: numpy.ndarray[Any, numpy.dtype[numpy.str_]]
    rows: numpy.ndarray[Any, numpy.dtype[numpy.float32]]


class Vectors:
    """Read from the store when its knowledge changed, and kept: 10,000 vectors of 384 numbers are 15 MB."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._matrix: _Matrix | None = None
        self._reading = asyncio.Lock()

    async def nearest(
        self, vector: bytes, *, model: str, version: int, scopes: Sequence[str], limit: int
    ) -> list[tuple[int, float]]:
        """(passage number, cosine) of the nearest passages that are related at all, nearest first."""
        matrix = await self._current(model, version)
        return await asyncio.to_thread(_nearest, matrix, vector, tuple(scopes), limit)

    async def _current(self, model: str, version: int) -> _Matrix:
        async with self._reading:
            if self._matrix is None or (self._matrix.version, self._matrix.model) != (version, model):
                found = await self._store.vectors(model)
                self._matrix = await asyncio.to_thread(_build, version, model, found)
            return self._matrix


def evidence(cosine: float) -> float:
    """How much a similarity says, 0 to 1: unrelated texts have up to 0.3, and from 0.8 on two texts say the same."""
    return min(1.0, max(0.0, (cosine - _UNRELATED) / (_SAME - _UNRELATED)))


def cosines(vector: bytes, others: Sequence[bytes]) -> list[float]:
    """The cosine of a unit vector with each of the others."""
    import numpy

    rows = numpy.frombuffer(b"".join(others), "<f4").reshape(len(others), -1)
    return [float(cosine) for cosine in rows @ numpy.frombuffer(vector, "<f4")]


def windows(title: str, body: str, window: int) -> list[str]:
    """A passage as the texts that a model with room for `window` tokens embeds: its sentences, each with the title."""
    room = max(32, int(window * 0.75) - tokens(title))
    found: list[str] = []
    used = room + 1
    for sentence in sentences(body):
        size = tokens(sentence)
        if used + size > room and (not found or used > 0):
            found.append("")
            used = 0
        found[-1] += sentence
        used += size
    return [f"{title}\n{text}".strip() for text in found] or [title]


def mean(vectors: Sequence[bytes]) -> bytes:
    """The direction between several unit vectors, as a unit vector."""
    if len(vectors) == 1:
        return vectors[0]
    import numpy

    total = numpy.sum([numpy.frombuffer(vector, "<f4") for vector in vectors], axis=0)
    length = float(numpy.linalg.norm(total)) or 1.0
    return bytes((total / length).astype("<f4").tobytes())


def _build(version: int, model: str, found: Sequence[tuple[int, str, bytes]]) -> _Matrix:
    import numpy

    rows = numpy.frombuffer(b"".join(vector for _, _, vector in found), "<f4")
    return _Matrix(
        version,
        model,
        numpy.array([number for number, _, _ in found], numpy.int64),
        numpy.array([scope for _, scope, _ in found], numpy.str_),
        rows.reshape(len(found), -1) if found else rows.reshape(0, 1),
    )


def _nearest(matrix: _Matrix, vector: bytes, scopes: tuple[str, ...], limit: int) -> list[tuple[int, float]]:
    import numpy

    asked = numpy.frombuffer(vector, "<f4")
    if not len(matrix.numbers) or matrix.rows.shape[1] != len(asked):
        return []
    similar = numpy.where(numpy.isin(matrix.scopes, scopes), matrix.rows @ asked, -1.0)
    top = numpy.argsort(-similar, kind="stable")[:limit]
    return [(int(matrix.numbers[at]), float(similar[at])) for at in top if similar[at] > _UNRELATED]
