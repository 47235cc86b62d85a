"""A strict stand-in for Telegram: its Bot API over real HTTP, in one process.

    async with fake_telegram(budgets=Budgets(…), second=1.0) as telegram:
        bot = telegram.Bot(telegram.token, base_url=telegram.base_url, base_file_url=telegram.base_file_url)
        # Chats and people make themselves: ids above 0 are people and their private chats, ids below -10**12
        # supergroups, ids between groups. group(id, forum=True, bot="administrator"), user(id, language_code="de").
        ident = await telegram.say(7, 7, "hello")                     # also in a group: say(-100…, 7, "@bot hello")
        await telegram.command(7, 7, "ask", "what?"); start(7, "topic"); edit(7, ident, "hi"); delete(7, ident)
        voice(7, 7); photo(7, 7); document(7, 7, "prices.csv", b"…"); react(7, ident, 7, "👍"); stop(7)
        pressed = await telegram.press(shown, "stop", 7); asked = await telegram.inline(7, "opening hours")
        topic(-100…, "name"); join(-100…, 8); migrate(-5); set_bot(-100…, "administrator", by=8)
        connection = await telegram.connect(9); await telegram.write_to(connection, 10, "are you open?")
        standing = telegram.chat(7)               # .messages, .said (the bot's), .texts, .drafts, .deleted
        said = await telegram.answers(7, count=1)        # waits until the bot said so many messages there
        await telegram.until(lambda: telegram.chat(7).drafts)         # waits until something is so
        await telegram.settled()                         # waits until every update is confirmed or accepted
        telegram.faults = Faults(penalty=0.2, copies=5, shuffle=0.1, seed=7)
        telegram.jump(); telegram.repeat(3); telegram.reorder()     # update_id goes on elsewhere; the last 3 again
        telegram.fail_next("sendMessage", status=502); telegram.penalise(7, 3); telegram.drop_next("sendMessage")
        gate = telegram.hold_next("editMessageText"); await gate.reached.wait(); gate.release()
        telegram.usage, telegram.violations, telegram.calls_of("editMessageText")

A violation is what a right client never does: wrong parameters, entities that lie outside their text, more calls than
the budgets allow or before retry_after is over, two writers of one message, two pollers. The call is refused as
Telegram would, and noted. `second` is how many of our seconds one of Telegram's lasts: for budgets, drafts, penalties
(retry_after is told in ours), polling and retries; only the dates in messages are ours. `version` is that of the Bot
API: older servers do not know rich messages (10.1) nor `can_stop` (10.3). `privacy`: the bot hears in groups only what
is meant for it. `latency`: our seconds that every request is on its way. `monotonic`: our clock, for tests that set it.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.fakes.telegram.api import Api
from tests.fakes.telegram.arguments import Version
from tests.fakes.telegram.budgets import UNLIMITED, Budgets, Key, Meter, Usage
from tests.fakes.telegram.business import BusinessPeople
from tests.fakes.telegram.drafts import DRAFTS, visible
from tests.fakes.telegram.faults import Fault, Faults, Gate
from tests.fakes.telegram.messages import MESSAGES
from tests.fakes.telegram.places import PLACES
from tests.fakes.telegram.profile import PROFILE
from tests.fakes.telegram.queries import QUERIES
from tests.fakes.telegram.state import Chat, Clock, Draft, File, Shown, Standing, User
from tests.fakes.telegram.updates import Updates
from tests.fakes.telegram.webhook import Hook
from tests.fakes.telegram.world import Asked, Button, World

__all__ = [
    "UNLIMITED", "Asked", "Budgets", "Button", "Chat", "Draft", "FakeTelegram", "Faults", "File", "Gate", "Shown",
    "Standing", "Usage", "User", "fake_telegram",
]  # fmt: skip

TOKEN = "123456:TEST-token"


class FakeTelegram(BusinessPeople):
    """See the module's text for what it can do."""

    def __init__(
        self,
        *,
        token: str = TOKEN,
        username: str = "frontdesk_bot",
        budgets: Budgets = UNLIMITED,
        second: float = 1.0,
        version: Version = (10, 3),
        privacy: bool = True,
        latency: float = 0.0,
        deadline: float = 10.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        clock = Clock(second, monotonic)
        self.world = World(token=token, username=username, clock=clock, version=version, privacy=privacy)
        self.meter = Meter(budgets, self.world.clock)
        self.hook = Hook(self.world.clock, self.world.violation, deadline)
        self.updates = Updates(self.world, self.hook)
        self.world.emit, self.hook.accepted = self.updates.emit, self.updates.accepted
        handlers = {**MESSAGES, **DRAFTS, **PROFILE, **PLACES, **QUERIES, **self.updates.handlers()}
        self.api = Api(self.world, self.meter, handlers, latency)
        self.http = ""

    async def start_server(self, port: int = 0) -> web.AppRunner:
        app = web.Application(client_max_size=60_000_000)
        app.router.add_route("*", "/bot{token:[^/]+}/{method}", self.api.handle)
        app.router.add_get("/file/bot{token:[^/]+}/{path:.+}", self._file)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        self.http = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return runner

    async def _file(self, request: web.Request) -> web.Response:
        """The bytes of a file, for the path that getFile gave, while it is good."""
        file, until = self.world.paths.get(request.match_info["path"], (None, 0.0))
        if request.match_info["token"] != self.world.token or file is None or self.world.clock.now() > until:
            return web.json_response({"ok": False, "error_code": 404, "description": "Not Found"}, status=404)
        return web.Response(body=file.body, content_type="application/octet-stream")

    # -- what is to go wrong -------------------------------------------------------------------------------
    @property
    def faults(self) -> Faults:
        return self.world.chance.faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self.world.chance.faults = faults

    def fail_next(
        self, method: str, description: str = "Internal Server Error", *, status: int = 500, after: bool = False,
        retry_after: int = 3, times: int = 1,
    ) -> None:  # fmt: skip
        """Answer the next `times` calls with this; `after` doing what was asked for. A 429 closes the chat that is
        named for `retry_after` of Telegram's seconds."""
        for _ in range(times):
            act: Any = "penalty" if status == 429 else "error"
            fault = Fault(act=act, status=status, description=description, after=after, retry_after=retry_after)
            self.world.chance.order(method, fault)

    def penalise(self, chat: int, seconds: float) -> None:
        """Let the bot say nothing in the chat for so many of Telegram's seconds."""
        self.meter.close(chat, seconds)

    def drop_next(self, method: str, *, after: bool = True) -> None:
        """Do what the next call asks for (or, without `after`, do not), and close the connection without an answer."""
        self.world.chance.order(method, Fault(act="drop", after=after))

    def hold_next(self, method: str) -> Gate:
        """Keep the next call waiting until the gate is released."""
        gate = Gate()
        self.world.chance.order(method, Fault(gate=gate))
        return gate

    def jump(self) -> None:
        """Let the ids of updates go on anywhere, as after a week without one."""
        self.updates.jump()

    def repeat(self, last: int) -> None:
        """Deliver the last so many updates again that were confirmed or accepted."""
        self.updates.repeat(last)

    def reorder(self) -> None:
        """Shuffle the updates that wait for getUpdates."""
        self.updates.reorder()

    def revoke(self) -> None:
        """Somebody takes the token back."""
        self.world.revoked = True

    # -- what came of it -----------------------------------------------------------------------------------
    @property
    def token(self) -> str:
        return self.world.token

    @property
    def base_url(self) -> str:
        return f"{self.http}/bot"

    @property
    def base_file_url(self) -> str:
        return f"{self.http}/file/bot"

    @property
    def usage(self) -> Mapping[Key, Usage]:
        """By ("chat" | "group" | "draft" | "all", chat or 0): the most that was asked for in a window, against what is
        allowed."""
        return self.meter.usage

    @property
    def violations(self) -> list[str]:
        return self.world.violations

    def calls_of(self, method: str) -> list[Asked]:
        return [asked for asked in self.world.calls if asked.method == method]

    def chat(self, ident: int, *, thread: int | None = None, business: str = "") -> Standing:
        """What a chat (or one topic of it) shows now."""
        place = self.world.chats.get((business, ident))
        if place is None:
            return Standing([], [], [])
        shown = [one for one in place.messages.values() if thread in (None, one.thread)]
        drafts = [draft for draft in visible(self.world, place) if thread in (None, draft.thread)]
        return Standing([one for one in shown if not one.deleted], [one for one in shown if one.deleted], drafts)

    def message(self, chat: int, ident: int, *, business: str = "") -> Shown:
        return self.world.place(chat, business).messages[ident]

    async def answers(self, ident: int, *, count: int = 1, seconds: float = 15.0, **where: Any) -> list[Shown]:
        """Wait until so many messages of the bot stand there; all of them."""
        found: list[Shown] = await self.until(
            lambda: said if len(said := self.chat(ident, **where).said) >= count else [], seconds=seconds
        )
        return found

    async def until(self, holds: Callable[[], Any], *, seconds: float = 15.0) -> Any:
        """Wait until `holds()` is true, and return it; it is asked again whenever something changes."""
        return await self.world.until(holds, seconds)

    async def settled(self, *, seconds: float = 15.0) -> None:
        await self.world.until(lambda: self.updates.settled, seconds)


@asynccontextmanager
async def fake_telegram(*, port: int = 0, **settings: Any) -> AsyncIterator[FakeTelegram]:
    """A Telegram that runs while the context is open; `settings` are `FakeTelegram`'s."""
    telegram = FakeTelegram(**settings)
    runner = await telegram.start_server(port)
    try:
        yield telegram
    finally:
        await telegram.updates.close()
        await runner.cleanup()
