"""How updates reach the bot: asked for by getUpdates, or sent to its webhook, again until they are accepted.

https://core.telegram.org/bots/api#getting-updates
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from telegram import Update
from telegram.constants import UpdateType

from tests.fakes.telegram.arguments import Refused
from tests.fakes.telegram.webhook import Hook
from tests.fakes.telegram.world import Call, World

NOT_BY_DEFAULT = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
"""Kinds of updates that come only when they are asked for by name."""
KINDS = frozenset({*(str(kind.value) for kind in UpdateType), *Update.ALL_TYPES, "stopped_message_generation"})
FAR = 10
"""How far beyond the last update an offset may lie, before it is taken for one from another row of numbers."""
_TERMINATED = "terminated by other getUpdates request; make sure that only one bot instance is running"
_HOOKED = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"


@dataclass(eq=False)
class Waiting:
    """An update that is not confirmed. `left`: so often it is delivered yet; `given`: getUpdates answered with it."""

    id: int
    kind: str
    payload: Mapping[str, Any]
    left: int
    given: bool = False

    @property
    def body(self) -> dict[str, Any]:
        return {"update_id": self.id, self.kind: dict(self.payload)}


class Updates:
    """The row of updates. `emit` puts one into it, getUpdates and the webhook take them out."""

    def __init__(self, world: World, hook: Hook) -> None:
        self._world, self.hook = world, hook
        self._row: dict[Waiting, None] = {}
        self.confirmed: deque[Waiting] = deque(maxlen=100_000)
        self.dropped: list[str] = []
        """Kinds of updates that the bot did not ask for, in order."""
        self.told = self.answered = 0
        """How many updates there were for the bot, and how many getUpdates was answered with, repetitions too."""
        self._next = world.chance.random.randrange(10_000_000, 900_000_000)
        self._last = self._next - 1
        self._allowed: frozenset[str] | None = None
        self._came = asyncio.Condition()
        self._poller: web.Request | None = None
        self._turn = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> list[Waiting]:
        """What is not confirmed, in the order of its coming."""
        return list(self._row)

    def emit(self, kind: str, payload: Mapping[str, Any]) -> None:
        """Tell the bot, if it wants to know."""
        wanted = kind in self._allowed if self._allowed else kind not in NOT_BY_DEFAULT
        if not wanted:
            self.dropped.append(kind)
            return
        self.told += 1
        one = Waiting(self._next, kind, payload, self._world.chance.copies())
        self._last, self._next = self._next, self._next + 1
        self._own(self._put(one, self._world.chance.held()))

    def jump(self) -> None:
        """After a week without updates the numbers go on anywhere."""
        self._next = self._world.chance.random.randrange(1, 2**31 - 1_000_000)

    def repeat(self, last: int) -> None:
        for one in list(self.confirmed)[-last:]:
            self._own(self._put(Waiting(one.id, one.kind, one.payload, 1), 0.0))

    def reorder(self) -> None:
        row = list(self._row)
        self._world.chance.random.shuffle(row)
        self._row = dict.fromkeys(row)

    def _own(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _put(self, one: Waiting, held: float) -> None:
        if held:
            await asyncio.sleep(held)
        self._row[one] = None
        if self.hook.url:
            self.hook.push(one)
        async with self._came:
            self._came.notify_all()
        self._world.changed()

    def accepted(self, one: Waiting) -> None:
        """One delivery of it is confirmed; the next one comes after those that wait."""
        one.left -= 1
        one.given = False
        if one in self._row:
            del self._row[one]
            if one.left > 0:
                self._row[one] = None
            else:
                self.confirmed.append(one)
        self._world.changed()

    @property
    def settled(self) -> bool:
        return not self._row and not any(not task.done() for task in self._tasks)

    # -- polling -------------------------------------------------------------------------------------------
    async def get_updates(self, call: Call) -> list[dict[str, Any]]:
        """Whoever asks ends the polling of whoever asked before."""
        if self.hook.url:
            raise Refused(_HOOKED, code=409)
        limit, timeout = call["limit"] or 100, call["timeout"] or 0
        if not 1 <= limit <= 100 or timeout < 0:
            raise Refused("limit has to be 1-100 and timeout positive", blame=True)
        self._allow(call["allowed_updates"])
        self._interrupt()
        self._turn += 1
        turn, self._poller = self._turn, call.request
        try:
            self._confirm(call["offset"] or 0)
            return await self._poll(turn, limit, min(timeout, 50) * self._world.clock.second)
        finally:
            if self._turn == turn:
                self._poller = None

    def _interrupt(self) -> None:
        before = self._poller
        if before is not None and before.transport is not None and not before.transport.is_closing():
            self._world.violation(f"getUpdates: {_TERMINATED}")

    async def _poll(self, turn: int, limit: int, seconds: float) -> list[dict[str, Any]]:
        def ready() -> bool:
            return bool(self._row) or self._turn != turn or bool(self.hook.url)

        async with self._came:
            self._came.notify_all()
            try:
                async with asyncio.timeout(seconds):
                    await self._came.wait_for(ready)
            except TimeoutError:
                pass
        if self._turn != turn or self.hook.url:
            raise Refused(_HOOKED if self.hook.url else _TERMINATED, code=409)
        batch = list(islice(self._row, limit))
        for one in batch:
            one.given = True
        self.answered += len(batch)
        return [one.body for one in batch]

    def _confirm(self, offset: int) -> None:
        """Who asks from `offset` on has the updates before it. Nothing is confirmed that was never given, and nothing
        by an offset from another row of numbers; a negative one forgets all but the last so many."""
        if offset < 0:
            for one in self.waiting[:offset]:
                one.left = 0
                self.accepted(one)
        elif 0 < offset <= self._last + FAR:
            for one in [one for one in self.waiting if one.given and one.id < offset]:
                self.accepted(one)

    # -- webhook -------------------------------------------------------------------------------------------
    async def set_webhook(self, call: Call) -> bool:
        secret, most = call["secret_token"] or "", call["max_connections"] or 40
        if secret and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", secret):
            raise Refused("secret token contains unallowed characters or is too long", blame=True)
        if not 1 <= most <= 100:
            raise Refused("max_connections has to be 1-100", blame=True)
        self._allow(call["allowed_updates"])
        url = call["url"] or ""
        parts = urlsplit(url)
        if url and parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost"):
            raise Refused("bad webhook: An HTTPS URL must be provided for webhook", blame=True)
        await self._hook(url, secret, most, drop=bool(call["drop_pending_updates"]))
        return True

    async def delete_webhook(self, call: Call) -> bool:
        await self._hook("", "", 40, drop=bool(call["drop_pending_updates"]))
        return True

    async def _hook(self, url: str, secret: str, most: int, *, drop: bool) -> None:
        if drop:
            self._row.clear()
        await self.hook.set(url, secret, most)
        if url:
            for one in self.waiting:
                self.hook.push(one)
        async with self._came:
            self._came.notify_all()

    async def get_webhook_info(self, call: Call) -> dict[str, Any]:
        found: dict[str, Any] = {"url": self.hook.url, "has_custom_certificate": False}
        found["pending_update_count"] = len(self._row)
        if self.hook.url:
            found |= {"max_connections": self.hook.most, "ip_address": "127.0.0.1"} | self.hook.trouble
        return found | ({"allowed_updates": sorted(self._allowed)} if self._allowed else {})

    def _allow(self, names: list[Any] | None) -> None:
        """Without a list everything stays as it was, an empty one means the kinds that come by default. It does not
        touch updates that wait already."""
        if names is None:
            return
        if unknown := [name for name in names if name not in KINDS]:
            raise Refused(f"unknown kinds of updates: {unknown}", blame=True)
        late = {"stopped_message_generation"} if self._world.version < (10, 3) else set()
        self._allowed = (frozenset(names) - late) or None

    def handlers(self) -> dict[str, Any]:
        return {
            "getUpdates": self.get_updates,
            "setWebhook": self.set_webhook,
            "deleteWebhook": self.delete_webhook,
            "getWebhookInfo": self.get_webhook_info,
        }

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.hook.close()
