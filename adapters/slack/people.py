"""Who people are: names and languages, as Slack knows them.

Slack is asked once an hour about each, never for longer than whoever asks can wait, and a few people at a time: what
people are called makes an answer nicer, and holds none up.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapters.slack.api import SlackError
from adapters.slack.calls import Calls
from adapters.slack.payload import inner, string
from bot.errors import FrontdeskError
from bot.language import normal_code

REMEMBERED = 10_000
AT_ONCE = 4
_KEPT_SECONDS, _AGAIN_SECONDS, _LOOKUP_SECONDS = 3_600.0, 60.0, 5.0


@dataclass(frozen=True, slots=True)
class Person:
    """`language` is an ISO 639-1 code. `member`: of the workspace, and no guest, so that public channels are theirs."""

    name: str = ""
    language: str = ""
    member: bool = False


_UNKNOWN = Person()


class People:
    """A directory that forgets whoever was not needed for longest."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._known: OrderedDict[tuple[str, str], tuple[float, Person]] = OrderedDict()
        self._looking: dict[tuple[str, str], asyncio.Task[Person]] = {}

    def known(self, team: str, user: str) -> Person:
        """What is remembered of them, which may be nothing."""
        kept = self._known.get((team, user))
        return kept[1] if kept else _UNKNOWN

    async def of(self, team: str, user: str, seconds: float) -> Person:
        """Who they are, or what is remembered of them after `seconds`. Never raises for what Slack says."""
        key = (team, user)
        kept = self._known.get(key)
        if kept and time.monotonic() < kept[0]:
            self._known.move_to_end(key)
            return kept[1]
        looking = self._looking.get(key) or self._look(key)
        if looking is not None:
            await asyncio.wait({looking}, timeout=seconds)
        return self.known(team, user)

    async def close(self) -> None:
        for looking in (tasks := list(self._looking.values())):
            looking.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _look(self, key: tuple[str, str]) -> asyncio.Task[Person] | None:
        if len(self._looking) >= AT_ONCE:
            return None
        task = self._looking[key] = asyncio.create_task(self._ask(*key), name="who is who in Slack")
        task.add_done_callback(lambda _: self._looking.pop(key, None))
        return task

    async def _ask(self, team: str, user: str) -> Person:
        person, seconds = self.known(team, user), _AGAIN_SECONDS
        try:
            async with asyncio.timeout(_LOOKUP_SECONDS):
                answer = await self._calls.call(team, "users.info", user=user, include_locale=True)
            person, seconds = person_of(inner(answer, "user"), team), _KEPT_SECONDS
        except (SlackError, FrontdeskError, TimeoutError):
            pass  # a name is no reason for trouble: the next message may find it
        self._known[team, user] = (time.monotonic() + seconds, person)
        self._known.move_to_end((team, user))
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return person


def person_of(user: Mapping[str, Any], team: str) -> Person:
    """What `users.info` says of somebody, seen from workspace `team`."""
    profile = inner(user, "profile")
    names = (
        string(profile, "display_name"),
        string(profile, "real_name"),
        string(user, "real_name"),
        string(user, "name"),
    )
    flags = ("is_restricted", "is_ultra_restricted", "is_stranger", "deleted")
    at_home = string(user, "team_id") in ("", team)
    return Person(
        name=next((name for name in names if name.strip()), ""),
        language=normal_code(string(user, "locale")),
        member=at_home and bool(user) and not any(user.get(flag) for flag in flags),
    )
