"""A strict stand-in for Slack: its Web API, Socket Mode and Events API over real HTTP and WebSockets, in one process.

    async with fake_slack(rates=Rates(…), minute=60.0) as slack:
        team = slack.team("T0123", bot_token="xoxb-test-1", app_token="xapp-test-1")
        # slack.base_url is what a client needs. With slack.events_url set, events and interactions are sent there,
        # signed with slack.signing_secret; without it they go over Socket Mode.
        ts = await slack.say(team, "C0123", "U0123", "<@U0BOT0001> hello")      # channels and people make themselves
        await slack.edit("C0123", ts, "hi"); await slack.delete("C0123", ts); unfurl, join, react
        ack = await slack.press(shown, "feedback", "U0123", value="+1 …")        # also slash(…), shortcut(…) -> Ack
        await slack.stop("C0123", ts, "U0123"); open_home("U0123"); open_pane("U0123"); change_context(…)
        shown = slack.thread("C0123", ts)          # list[Shown]: ts, user, bot_id, text, blocks, metadata, streaming, …
        said = await slack.answers("C0123", ts, count=1)     # waits until the bot said so many whole messages there
        await slack.until(lambda: slack.ephemerals)          # waits until something is so
        await slack.settled()                                # waits until every event is acknowledged or given up
        slack.faults = Faults(rate_limit=0.2, seed=7)
        slack.fail_next("chat.startStream", "ratelimited", retry_after=3); slack.drop_next("chat.postMessage")
        gate = slack.hold_next("chat.update"); await gate.reached.wait(); gate.release()
        slack.usage, slack.violations, slack.ephemerals, slack.statuses, slack.calls_of("chat.update")

A violation is what a right client never does: wrong arguments, more calls than the tier allows or before Retry-After
is over, two writers of one message, an acknowledgement of nothing. The call is refused as Slack would, and noted.
`minute` is how many seconds a minute lasts for the rates, the retries and the life of a stream.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.fakes.slack.api import WebApi
from tests.fakes.slack.delivery import Ack, Delivery
from tests.fakes.slack.faults import Fault, Faults, Gate
from tests.fakes.slack.people import People
from tests.fakes.slack.pressing import Pressing
from tests.fakes.slack.rates import UNLIMITED, Key, Meter, Rates, Usage
from tests.fakes.slack.responses import Responses
from tests.fakes.slack.sockets import Sockets
from tests.fakes.slack.state import File, Shown, Team, User
from tests.fakes.slack.tokens import OAuth
from tests.fakes.slack.workspaces import TeamName
from tests.fakes.slack.world import Asked, Ephemeral, World

__all__ = [
    "UNLIMITED", "Ack", "Asked", "Ephemeral", "FakeSlack", "Fault", "Faults", "File", "Gate", "Rates", "Shown", "Team",
    "Usage", "User", "fake_slack",
]  # fmt: skip

STREAM_MINUTES = 5.0
"""How long a stream lives."""
RETRY_MINUTES = (0.0, 1.0, 5.0)
"""When an event that was not acknowledged comes again, after the try before."""


class FakeSlack(People, Pressing):
    """See the module's text for what it can do."""

    def __init__(
        self,
        *,
        rates: Rates = UNLIMITED,
        minute: float = 60.0,
        echo: bool = True,
        deadline: float = 3.0,
        retries: Sequence[float] | None = None,
        stream_seconds: float = 0.0,
    ) -> None:
        self.world = World(echo=echo, stream_seconds=stream_seconds or STREAM_MINUTES * minute)
        self.meter = Meter(rates, minute)
        self.sockets = Sockets(self.world)
        self.oauth = OAuth(self.world)
        self.responses = Responses(self.world)
        waits = [wait * minute for wait in RETRY_MINUTES] if retries is None else retries
        self.delivery = Delivery(self.world, self.sockets, deadline=deadline, retries=waits)
        self.world.emit = self.delivery.emit
        self.http = ""

    async def start(self, port: int = 0) -> web.AppRunner:
        app = web.Application(client_max_size=2_000_000)
        api = WebApi(self.world, self.meter, self.oauth, self.sockets.ticket)
        app.router.add_route("*", "/api/{method}", api.handle)
        app.router.add_get("/link/", self.sockets.handle)
        app.router.add_post("/actions/{team}/{key}", self.responses.handle)
        app.router.add_get("/files-pri/{tail:.*}", self._file)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        self.http = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self.responses.http, self.sockets.url = self.http, self.http.replace("http:", "ws:")
        return runner

    async def _file(self, request: web.Request) -> web.Response:
        """The bytes of a file, or, without a token that may read them, a page to log in: 200, as Slack does."""
        parts = request.match_info["tail"].removeprefix("download/").split("/")
        team, _, ident = parts[0].partition("-")
        token = self.world.tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        held = self.world.teams[team].files.get(ident) if team in self.world.teams else None
        if held is None:
            return web.Response(status=404, text="not found")
        if token is None or token.dead or token.team != team or "files:read" not in token.scopes:
            page = "<!DOCTYPE html><html><head><title>Slack</title></head><body>Sign in to your workspace</body></html>"
            return web.Response(text=page, content_type="text/html")
        return web.Response(body=held.body, content_type=held.media_type)

    # -- what is to go wrong ---------------------------------------------------------------------------
    @property
    def faults(self) -> Faults:
        return self.world.chance.faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self.world.chance.faults = faults

    def fail_next(
        self, method: str, error: str, *, retry_after: int = 1, status: int = 0, after: bool = False, times: int = 1
    ) -> None:
        """Answer the next `times` calls with `error`; `after` doing what was asked for. "ratelimited" is a 429, and
        with a `status` that is the answer's."""
        act: Any = "ratelimited" if error == "ratelimited" else "status" if status else "error"
        for _ in range(times):
            fault = Fault(act=act, error=error, retry_after=retry_after, status=status, after=after)
            self.world.chance.order(method, fault)

    def drop_next(self, method: str, *, after: bool = True) -> None:
        """Do what the next call asks for (or, without `after`, do not), and close the connection without an answer."""
        self.world.chance.order(method, Fault(act="drop", after=after))

    def hold_next(self, method: str) -> Gate:
        """Keep the next call waiting until the gate is released."""
        gate = Gate()
        self.world.chance.order(method, Fault(gate=gate))
        return gate

    # -- what came of it -------------------------------------------------------------------------------
    @property
    def base_url(self) -> str:
        return f"{self.http}/api/"

    @property
    def events_url(self) -> str:
        return self.delivery.url

    @events_url.setter
    def events_url(self, url: str) -> None:
        self.delivery.url = url

    @property
    def signing_secret(self) -> str:
        return self.delivery.secret

    @property
    def usage(self) -> Mapping[Key, Usage]:
        """By (team, method, channel): the most that was asked for in a window, against what the tier allows."""
        return self.meter.usage

    @property
    def violations(self) -> list[str]:
        return self.world.violations

    @property
    def ephemerals(self) -> list[Ephemeral]:
        return self.world.ephemerals

    @property
    def statuses(self) -> list[Mapping[str, Any]]:
        """What assistant.threads.setStatus was called with."""
        return self.world.statuses

    def calls_of(self, method: str) -> list[Asked]:
        return [asked for asked in self.world.calls if asked.method == method]

    def thread(self, channel: str, thread_ts: str, *, team: TeamName = None) -> list[Shown]:
        """The messages of a thread that stand, oldest first, the root among them."""
        found, root = self.message(channel, thread_ts, team=team)
        return [*([] if root.deleted else [root]), *found.replies(channel, root.ts)]

    def said(self, channel: str, thread_ts: str, *, team: TeamName = None) -> list[Shown]:
        """What the bot says in a thread."""
        shown = self.thread(channel, thread_ts, team=team)
        return [one for one in shown if one.bot_id and one.user == self.team_of(one.team).bot_user and not one.subtype]

    async def answers(
        self, channel: str, thread_ts: str, *, count: int = 1, seconds: float = 15.0, team: TeamName = None
    ) -> list[Shown]:
        """Wait until the bot said `count` messages there that are no longer streaming; all that it said."""

        def whole() -> list[Shown]:
            said = self.said(channel, thread_ts, team=team)
            return said if sum(not one.streaming for one in said) >= count else []

        found: list[Shown] = await self.until(whole, seconds=seconds)
        return found

    async def until(self, holds: Callable[[], Any], *, seconds: float = 15.0) -> Any:
        """Wait until `holds()` is true, and return it; it is asked again whenever something changes."""
        return await self.world.until(holds, seconds)

    async def settled(self) -> None:
        await self.delivery.settled()


@asynccontextmanager
async def fake_slack(*, port: int = 0, **settings: Any) -> AsyncIterator[FakeSlack]:
    """A Slack that runs while the context is open; `settings` are `FakeSlack`'s."""
    slack = FakeSlack(**settings)
    runner = await slack.start(port)
    try:
        yield slack
    finally:
        await slack.delivery.close()
        await slack.sockets.close()
        await runner.cleanup()
