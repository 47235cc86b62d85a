"""The steps that are being computed: scheduled, and not settled or abandoned yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from bot.engine.local.request import Chunk, Request, Step


@dataclass(frozen=True, slots=True, eq=False)
class _Flight:
    step: Step
    void: set[Request] = field(default_factory=set)
    """Those for whom it computes nothing that counts, since an earlier step failed."""


class Flights:
    """Keeps `Request.flights` and `Request.pending`: every token in flight arrives once, or is taken back."""

    def __init__(self) -> None:
        self._flights: deque[_Flight] = deque()

    def __len__(self) -> int:
        return len(self._flights)

    def begin(self, step: Step) -> None:
        self._flights.append(_Flight(step))
        for chunk in step.chunks:
            request = chunk.request
            request.flights += 1
            if chunk.samples:
                request.pending += 1

    def settle(self, step: Step, tokens: Sequence[int]) -> list[Chunk]:
        """Append what the step drew. Returns the chunks that count: of requests alive, and not void.

        Raises `ValueError`, and changes nothing, for a step out of order or another number of tokens.
        """
        if not self._flights or self._flights[0].step is not step:
            raise ValueError("Steps have to be settled once each, in the order in which they were scheduled")
        drawing = sum(chunk.samples for chunk in step.chunks)
        if len(tokens) != drawing:
            raise ValueError(f"{len(tokens)} tokens came from a step that draws {drawing}")
        void = self._flights.popleft().void
        drawn = iter(tokens)
        counting = []
        for chunk in step.chunks:
            request = chunk.request
            request.flights -= 1
            token = next(drawn) if chunk.samples else 0
            if request.ended or request in void:
                continue
            if chunk.samples:
                request.pending -= 1
                request.tokens.append(token)
            counting.append(chunk)
        return counting

    def abandon(self, step: Step) -> set[Request]:
        """Take back what the step was to draw, and what later ones in flight draw after it for the same requests.

        Returns those requests (ended ones among them). Raises `ValueError` for a step that is not in flight.
        """
        place = next((place for place, flight in enumerate(self._flights) if flight.step is step), None)
        if place is None:
            raise ValueError("This step is not in flight: it was settled or abandoned before")
        lost = {chunk.request for chunk in step.chunks} - self._flights[place].void
        for flight in islice(self._flights, place, None):
            self._make_void(flight, lost)
        del self._flights[place]
        for chunk in step.chunks:
            chunk.request.flights -= 1
        return lost

    def _make_void(self, flight: _Flight, lost: set[Request]) -> None:
        for chunk in flight.step.chunks:
            if chunk.request in lost:
                flight.void.add(chunk.request)
                if chunk.samples:
                    chunk.request.pending -= 1
