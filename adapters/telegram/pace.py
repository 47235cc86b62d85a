"""How often Telegram may be asked to show something: in each chat, in each group, and over all.

https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this: about one message a second in a chat,
where short bursts go through, twenty a minute in a group, thirty a second over all. Changes count like messages;
drafts, of which nothing is said, are taken to count as well. A second's budget is kept over three, so that a message
and its text need not wait for each other.

Calls that someone's answer depends on wait their turn: in a chat first come, first served, and over all one chat after
the other, so that whoever has much to say holds up nobody else. Live ones never wait and leave a part of every budget
alone; where there is no room for all of them, who has asked longest is the next. A chat that Telegram closed is closed
alone.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import takewhile

from adapters.pace import NEVER, Budget, Busy
from bot.config import TelegramRates

__all__ = ["Busy", "Pace"]

_BURST = 3
_MOST_LINES = 4_096
_AGAIN_SECONDS, _LATE_SECONDS, _GONE_SECONDS = 0.5, 0.05, 1.0
"""Who waits for a live call asks again after so long at most, is waited for so long, and then has lost the place."""


@dataclass(slots=True, eq=False)
class _Ticket:
    """Somebody who waits; `woken` when it is worth while to look again."""

    final: bool
    ahead: int
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def rank(self) -> int:
        """What ends something comes before what begins something, so that after an outage answers come whole, one
        after the other, instead of all their beginnings first."""
        return (1 if self.ahead else 0) if self.final else 2


@dataclass(slots=True)
class _Line:
    """A chat's budgets, and who waits there, by rank."""

    budgets: tuple[Budget, ...]
    closed: float = -NEVER
    waiting: deque[_Ticket] = field(default_factory=deque)

    def stand(self, ticket: _Ticket) -> None:
        before = sum(other.rank <= ticket.rank for other in self.waiting)
        self.waiting.insert(before, ticket)
        for other in self.waiting:
            if other is not ticket:
                other.woken.set()  # who was the first may be so no more

    def wait(self, now: float, *, live: bool = False, spare: bool = False, ahead: int = 0) -> float:
        waits = (budget.wait(now, live=live, spare=spare, ahead=ahead) for budget in self.budgets)
        return max(self.closed - now, *waits)

    def idle(self, now: float) -> bool:
        return not self.waiting and self.closed <= now and all(budget.idle(now) for budget in self.budgets)


class _Round:
    """Chats that ask for a live call while there is no room for all, those first that have asked longest. Each is told
    when to ask again; who does not come is passed over, and has soon lost the place."""

    def __init__(self) -> None:
        self._coming: OrderedDict[int, float] = OrderedDict()

    def ahead(self, chat: int, now: float) -> int:
        """How many stand before `chat`, which asks now, and are still to come."""
        while self._coming and self._coming[oldest := next(iter(self._coming))] < now - _GONE_SECONDS:
            del self._coming[oldest]
        before = takewhile(lambda one: one[0] != chat, self._coming.items())
        return sum(coming >= now - _LATE_SECONDS for _, coming in before)

    def come(self, chat: int, at: float) -> None:
        """`chat` is told to ask again then; it keeps its place, or gets the last."""
        self._coming[chat] = at

    def leave(self, chat: int) -> None:
        self._coming.pop(chat, None)


class Pace:
    """Everybody's turns. `second` is how long Telegram's second lasts, in seconds."""

    def __init__(
        self, rates: TelegramRates, *, second: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rates, self._second, self._clock = rates, second, clock
        self._lines: dict[int, _Line] = {}
        self._all = _Line((_budget(rates.all_per_second, second, 1),))
        """Here stands the first of each chat's line, once nothing but this holds it up."""
        self._round = _Round()

    @asynccontextmanager
    async def turn(self, chat: int, *, final: bool = False, live: bool = False, ahead: int = 0) -> AsyncIterator[None]:
        """Make one call in it. Raises `Busy` when it is `live` and its turn is not now.

        `final`: it may use what is kept for such calls. `ahead`: so many more will follow at once in this chat, and
        there is to be room for them.
        """
        line = self._line(chat)
        if live and not self.free(chat):
            raise Busy
        if not live:
            await self._stand_in(line, _Ticket(final, ahead))
        budgets = (*line.budgets, *self._all.budgets)
        if live:
            self._round.leave(chat)
            for budget in budgets:
                budget.begin(self._clock(), live=True)
        try:
            yield
        finally:
            for budget in budgets:
                budget.end(self._clock())
            self._wake(line)

    def free(self, chat: int) -> bool:
        """Whether a live call could begin now."""
        return self.live_wait(chat) <= 0

    def live_wait(self, chat: int) -> float:
        """Seconds until it is worth while to ask again for a live call; 0: it could begin now.

        Whoever asks gets a place among the chats that do, and keeps it by asking again when told to.
        """
        line, now = self._line(chat), self._clock()
        own = _AGAIN_SECONDS if line.waiting else line.wait(now, live=True)
        if own > 0:
            self._round.leave(chat)
            return min(own, _AGAIN_SECONDS)
        rhythm = self._second / self._rates.all_per_second
        room = self._all.wait(now, live=True)
        wait = rhythm if self._all.waiting or room == NEVER else room
        wait = min(_AGAIN_SECONDS, wait + self._round.ahead(chat, now) * rhythm)
        self._round.come(chat, now + wait if wait > 0 else now - 2 * _LATE_SECONDS)  # nobody waits for who may go
        return wait

    def close(self, chat: int | None, seconds: float) -> None:
        """Telegram said so: nothing is shown in `chat` (None: anywhere) for so long."""
        line = self._all if chat is None else self._line(chat)
        line.closed = max(line.closed, self._clock() + seconds)

    # -- waiting -------------------------------------------------------------------------------------------
    async def _stand_in(self, line: _Line, ticket: _Ticket) -> None:
        line.stand(ticket)
        try:
            while (wait := self._look(line, ticket)) > 0:
                ticket.woken.clear()
                try:
                    async with asyncio.timeout(wait if wait < NEVER else None):
                        await ticket.woken.wait()
                except TimeoutError:
                    pass  # it is time
            for budget in (*line.budgets, *self._all.budgets):
                budget.begin(self._clock())
        finally:
            line.waiting.remove(ticket)
            self._leave(ticket)
            self._wake(line)

    def _look(self, line: _Line, ticket: _Ticket) -> float:
        """Seconds until it is worth while to look again; 0: the turn has come."""
        if line.waiting[0] is not ticket:
            self._leave(ticket)
            return NEVER
        now, spare = self._clock(), not ticket.final
        if (wait := line.wait(now, spare=spare, ahead=ticket.ahead)) > 0:
            self._leave(ticket)
            return wait
        if ticket not in self._all.waiting:
            self._all.stand(ticket)
        return self._all.wait(now, spare=spare) if self._all.waiting[0] is ticket else NEVER

    def _leave(self, ticket: _Ticket) -> None:
        """What is held up in its own chat stands in nobody's way."""
        if ticket in self._all.waiting:
            self._all.waiting.remove(ticket)
            self._wake(self._all)

    def _wake(self, line: _Line) -> None:
        for waiting in (line.waiting, self._all.waiting):
            if waiting:
                waiting[0].woken.set()

    # -- budgets -------------------------------------------------------------------------------------------
    def _line(self, chat: int) -> _Line:
        if chat not in self._lines:
            if len(self._lines) >= _MOST_LINES:
                self._forget()
            self._lines[chat] = _Line(self._budgets(chat))
        return self._lines[chat]

    def _budgets(self, chat: int) -> tuple[Budget, ...]:
        one = _budget(self._rates.chat_per_second, self._second, _BURST)
        if chat > 0:
            return (one,)
        return one, _budget(self._rates.group_per_minute / 60, self._second, 60)

    def _forget(self) -> None:
        """Chats in which nothing was shown lately need no budget."""
        now = self._clock()
        for chat in [chat for chat, line in self._lines.items() if line.idle(now)]:
            del self._lines[chat]


def _budget(rate: float, second: float, seconds: int) -> Budget:
    """Of `rate` calls a second, kept over so many seconds; of less than one call in that time, one in a longer one."""
    most = max(1, int(rate * seconds))
    return Budget(most, most / rate * second, reserve=max(1, most // 4) if most > 1 else 0)
