"""Agent sessions: what makes Slack show that we work in a thread, and its own Stop button while we do.

A thread's session is "processing" from the first sign of an answer until its end; Slack does not change that by itself,
not even when somebody presses Stop: https://docs.slack.dev/ai/agent-sessions. Where the app is no agent, Slack refuses,
and that is remembered for a while: nothing depends on it.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict

from adapters.slack.api import Api, Busy, SlackError
from adapters.slack.sends import Place

_METHOD = "agents.sessions.setStatus"
_REFUSED_SECONDS = 600.0
_SETTLE_SECONDS = 15.0
_REMEMBERED = 4_096


class Sessions:
    """Those that this process has begun and not ended, by the key of the answer."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._begun: OrderedDict[str, None] = OrderedDict()
        self._refused: dict[str, float] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._begun

    async def begin(self, key: str, place: Place) -> None:
        """Show that the answer `key` is being worked on, if that can be said now."""
        team = place.account.team
        if key in self._begun or not place.thread or self._refused.get(team, 0.0) > time.monotonic():
            return
        try:
            await self._set(place, "processing", live=True)
        except Busy:
            return
        except SlackError as error:
            if not error.ambiguous:
                self._refused[team] = time.monotonic() + _REFUSED_SECONDS
                return
        self._begun[key] = None
        if len(self._begun) > _REMEMBERED:
            self._begun.popitem(last=False)

    def ended(self, key: str) -> None:
        """The end of the answer's stream ended its session too."""
        self._begun.pop(key, None)

    async def settle(self, key: str, place: Place, *, again: bool) -> None:
        """End the session of `key` if it is open; `again`: a process that died may have begun it."""
        refused = self._refused.get(place.account.team, 0.0) > time.monotonic()
        if not place.thread or not (key in self._begun or (again and not refused)):
            return
        self._begun.pop(key, None)
        try:
            async with asyncio.timeout(_SETTLE_SECONDS):
                await self._set(place, "active")
        except (SlackError, TimeoutError):
            return

    async def _set(self, place: Place, status: str, *, live: bool = False) -> None:
        await self._api.call(
            place.account.team, _METHOD, live=live, channel_id=place.channel, thread_ts=place.thread, status=status
        )
