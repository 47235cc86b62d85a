"""Long polling: we ask Telegram for updates, and by asking for later ones tell it which we have.

https://core.telegram.org/bots/api#getupdates. An update is behind us when everything of it is durable, and no sooner.
Chats are taken in side by side, so one that has to wait holds up no other; Telegram gives what is not behind us again.
"Later" means further on in what Telegram gave, not a greater number: after a quiet week numbers go on anywhere.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog

from adapters.telegram.api import Api, TelegramRefused
from adapters.telegram.errors import NOT_KNOWN
from adapters.telegram.inbound import ALLOWED
from adapters.telegram.lanes import lane
from adapters.telegram.shape import Malformed, checked
from bot.errors import Overloaded, Refused, StorageError
from bot.metrics import Metrics

log = structlog.get_logger()

Update = Mapping[str, Any]
POLL_SECONDS = 25
BATCH = 100
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 30.0
_AGAIN = 20
"""So often Telegram may give what is behind us without a pause."""
_PATIENCE = 120.0
"""How long a message waits for room in its conversation before its sender is told to write again."""
_TRIES_SECONDS = 10.0
"""How long something is tried again that breaks for a reason nobody thought of."""


class Polling:
    """`receive` takes an update in; `busy` tells somebody that their message was not taken."""

    def __init__(
        self,
        api: Api,
        receive: Callable[[Update], Awaitable[None]],
        busy: Callable[[Update], Awaitable[None]],
        metrics: Metrics,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api, self._receive, self._busy, self._clock = api, receive, busy, clock
        self._offset: int | None = None
        self._behind: set[int] = set()
        self._again = 0
        self._waiting: dict[int, float] = {}
        self._updates = metrics.counter("telegram_updates", "Updates of Telegram, by what became of them.", "outcome")

    async def run(self) -> None:
        """Until cancelled."""
        await self._alone()
        pause = _FIRST_PAUSE
        while True:
            try:
                updates = await self._ask()
            except TelegramRefused as error:
                _explain(error)
                pause = await _rest(pause)
                continue
            if not await self.take(updates):
                pause = await _rest(pause, most=2.0)
            elif self._again > _AGAIN:
                await _rest(_FIRST_PAUSE)
            else:
                pause = _FIRST_PAUSE

    async def take(self, updates: Sequence[Update]) -> bool:
        """Take in what Telegram gave. False when something of it has to come again."""
        numbers = [update["update_id"] for update in updates]
        self._again = self._again + 1 if numbers and self._behind.issuperset(numbers) else 0
        self._behind.intersection_update(numbers)
        self._waiting = {number: since for number, since in self._waiting.items() if number in numbers}
        chats: dict[tuple[int, int], list[Update]] = {}
        for update in updates:
            if update["update_id"] not in self._behind:
                chats.setdefault(lane(update), []).append(update)
        async with asyncio.TaskGroup() as group:
            for row in chats.values():
                group.create_task(self._in_order(row))
        left = [number for number in numbers if number not in self._behind]
        self._move_on(numbers, left)
        return not left

    def _move_on(self, numbers: Sequence[int], left: Sequence[int]) -> None:
        """Ask from after what is behind us. Telegram takes all lower numbers for known, so none may be left there.

        Where it gives everything once more, those numbers are of two rows, as after a quiet week: then the last in
        their order is in the newer one.
        """
        done = [number for number in numbers if number in self._behind and all(number < other for other in left)]
        if done:
            self._offset = (done[-1] if self._again else max(done)) + 1

    async def _in_order(self, row: Sequence[Update]) -> None:
        """What is told of one chat; nothing overtakes what could not be taken."""
        for update in row:
            if not await self._taken(update):
                return
            self._behind.add(update["update_id"])

    async def _taken(self, update: Update) -> bool:
        outcome = "taken"
        try:
            await self._receive(checked(update))
        except Malformed as error:
            outcome = "malformed"
            log.warning("telegram.malformed", error=str(error))
        except Overloaded:
            outcome = "given_up" if self._waited(update, _PATIENCE) else "refused"
            if outcome == "given_up":
                await self._busy(update)
        except (Refused, StorageError, TelegramRefused) as error:
            outcome = "refused"
            log.warning("telegram.refused", error=type(error).__name__)
        except Exception:
            log.exception("telegram.broken")  # at last left out: else everything behind it would wait for ever
            outcome = "broken" if self._waited(update, _TRIES_SECONDS) else "refused"
        self._updates.labels(outcome).inc()
        return outcome != "refused"

    def _waited(self, update: Update, seconds: float) -> bool:
        """Whether it has been tried for so long that others should not wait behind it any more."""
        return self._clock() - self._waiting.setdefault(update["update_id"], self._clock()) >= seconds

    async def _ask(self) -> Sequence[Update]:
        offset: dict[str, Any] = {} if self._offset is None else {"offset": self._offset}
        told = await self._api.call(
            "getUpdates", limit=BATCH, timeout=POLL_SECONDS, allowed_updates=list(ALLOWED), **offset
        )
        return [update for update in told if isinstance(update, dict) and isinstance(update.get("update_id"), int)]

    async def _alone(self) -> None:
        """Telegram sends to a webhook or lets itself be asked, never both. What waits there stays."""
        pause = _FIRST_PAUSE
        while True:
            try:
                told = await self._api.call("getWebhookInfo")
                if told.get("url"):
                    log.warning("telegram.webhook_removed", why="updates are polled for: see telegram.mode")
                    await self._api.call("deleteWebhook", drop_pending_updates=False)
                return
            except TelegramRefused as error:
                _explain(error)
                pause = await _rest(pause)


def _explain(error: TelegramRefused) -> None:
    if error.code == 409 and "webhook" in error.error.lower():
        log.error("telegram.conflict", why="another program has set a webhook for this token: only one can be served")
    elif error.code == 409:
        log.error("telegram.conflict", why="another program polls with this token: stop one of them")
    elif error.code in (401, 404):
        log.error("telegram.token", why=NOT_KNOWN)
    else:
        log.warning("telegram.unreachable", error=str(error))


async def _rest(pause: float, *, most: float = _LONGEST_PAUSE) -> float:
    """Wait, and say how long to wait the next time."""
    await asyncio.sleep(min(pause, most) * random.uniform(0.7, 1.3))
    return min(2 * pause, most)
