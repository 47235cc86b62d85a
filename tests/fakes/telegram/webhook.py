"""Pushes updates to the bot's webhook: those of one chat one after the other, several chats at once, again on failure.

https://core.telegram.org/bots/api#setwebhook
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import aiohttp

from tests.fakes.telegram.state import Clock

HEADER = "X-Telegram-Bot-Api-Secret-Token"
WAITS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)
"""Telegram's seconds before the next try; the last counts for all that follow."""


class Update(Protocol):
    left: int
    payload: Mapping[str, Any]

    @property
    def body(self) -> dict[str, Any]: ...


class Hook:
    """`deadline`: our seconds for an answer. `accepted` is called for each delivery that was answered with 2xx."""

    def __init__(self, clock: Clock, violation: Callable[[str], None], deadline: float) -> None:
        self._clock, self._violation, self.deadline = clock, violation, deadline
        self.url, self.secret, self.most = "", "", 40
        self.accepted: Callable[[Any], None] = lambda _one: None
        self.trouble: dict[str, Any] = {}
        """last_error_date and last_error_message, as getWebhookInfo tells them."""
        self.attempts = 0
        self.seconds: list[float] = []
        """How long each delivery took to be accepted, in our seconds."""
        self._rows: dict[Any, deque[Update]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(40)
        self._session: aiohttp.ClientSession | None = None

    async def set(self, url: str, secret: str, most: int) -> None:
        await self._stop()
        self.url, self.secret, self.most = url, secret, most
        self._slots, self.trouble = asyncio.Semaphore(most), {}

    def push(self, one: Update) -> None:
        """Send it when those before it in its chat are accepted."""
        key = _row(one.payload)
        if key in self._rows:
            self._rows[key].append(one)
            return
        self._rows[key] = deque([one])
        task = asyncio.get_running_loop().create_task(self._work(key))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, key: Any) -> None:
        row = self._rows[key]
        while row:
            one = row[0]
            tries = 0
            while one.left > 0 and not await self._accepted(one):
                await asyncio.sleep(WAITS[min(tries, len(WAITS) - 1)] * self._clock.second)
                tries += 1
            row.popleft()
            if one.left > 0:
                row.append(one)
        del self._rows[key]

    async def _accepted(self, one: Update) -> bool:
        began = time.monotonic()
        self.attempts += 1
        async with self._slots:
            status, text = await self.post(one.body)
        if 200 <= status < 300:
            if text.strip().startswith("{") and '"method"' in text:
                self._violation("a call was made in the webhook's answer, whose result nobody gets")
            self.seconds.append(time.monotonic() - began)
            self.accepted(one)
            return True
        message = f"Wrong response from the webhook: {status}" if status else "Read timeout expired"
        self.trouble = {"last_error_date": self._clock.date(), "last_error_message": message}
        return False

    async def post(self, body: Mapping[str, Any]) -> tuple[int, str]:
        """One request to the webhook: status and text of the answer, 0 when there was none."""
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100))
        headers = {HEADER: self.secret} if self.secret else {}
        timeout = aiohttp.ClientTimeout(total=self.deadline)
        try:
            async with self._session.post(self.url, json=body, headers=headers, timeout=timeout) as response:
                return response.status, await response.text()
        except (TimeoutError, aiohttp.ClientError, ConnectionError):
            return 0, ""

    async def _stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._rows.clear()

    async def close(self) -> None:
        await self._stop()
        if self._session is not None:
            await self._session.close()


def _row(payload: Mapping[str, Any]) -> Any:
    """The chat that an update is about, or who it is from."""
    message = payload.get("message")
    chat = payload.get("chat") or (message.get("chat") if isinstance(message, Mapping) else None)
    return chat["id"] if chat else payload.get("from", payload.get("user", {"id": 0}))["id"]
