"""What is told of one chat is taken in one after the other, in the order of its coming; no chat waits for another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any


def lane(update: object) -> tuple[int, int]:
    """(chat, 0), or (0, person) for what belongs to no chat; (0, 0) for what belongs to nobody, or is no update."""
    given = update if isinstance(update, dict) else {}
    told = next((value for name, value in given.items() if name != "update_id" and isinstance(value, dict)), {})
    if chat := _ident(told, "chat") or _ident(_inner(told, "message"), "chat"):
        return chat, 0
    return 0, _ident(told, "from") or _ident(told, "user")


class Lanes:
    """One lock for each chat that something is being taken in of."""

    def __init__(self) -> None:
        self._held: dict[tuple[int, int], tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def hold(self, key: tuple[int, int]) -> AsyncIterator[None]:
        lock, waiting = self._held.get(key, (asyncio.Lock(), 0))
        self._held[key] = (lock, waiting + 1)
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._held.pop(key)
            if waiting > 1:
                self._held[key] = (lock, waiting - 1)


def _inner(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = told.get(name)
    return value if isinstance(value, dict) else {}


def _ident(told: Mapping[str, Any], name: str) -> int:
    ident = _inner(told, name).get("id")
    return ident if isinstance(ident, int) else 0
