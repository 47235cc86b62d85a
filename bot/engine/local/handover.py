"""From the engine's thread to the event loop: all pieces of a step with one call."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

from bot.engine.local.outlet import Failure, Piece


class Handover:
    """Delivers pieces on `loop`. While the loop is busy they gather, so that it is woken once for all of them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._gate = threading.Lock()
        self._pieces: list[Piece | Failure] = []

    def __call__(self, pieces: Sequence[Piece | Failure]) -> None:
        """From any thread. Raises `RuntimeError` when the loop is closed: nobody will ever read."""
        with self._gate:
            woken = bool(self._pieces)
            self._pieces += pieces
        if not woken:
            self._loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        with self._gate:
            pieces, self._pieces = self._pieces, []
        for piece in pieces:
            piece.deliver()
