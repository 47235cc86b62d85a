"""What is to be shown, what is shown of it now, and the record of a message that Slack is asked for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from adapters.slack import names
from adapters.slack.blocks import Block
from adapters.slack.plan import Ended, Mode, Part
from adapters.slack.sends import Place, Sends, digest

LIMIT = 12_000
"""UTF-16 units of text in one message; Slack's own limit is as many characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What is to be shown. `pieces` cuts the text for a limit; `extras` stand below the last one; `whole` are blocks
    that stand instead of the text. `message` is what it answers, `note` what is kept with it."""

    message: str
    pieces: Callable[[int], Sequence[str]]
    extras: tuple[Block, ...] = ()
    whole: tuple[Block, ...] = ()
    note: Mapping[str, Any] = field(default_factory=dict)

    def digest(self, text: str, ended: Ended) -> str:
        return digest(text, ended, self.extras if ended == "last" else (), self.whole)


@dataclass(slots=True)
class Showing:
    """What one answer or post shows now. `quiet`: its reader stopped the stream; `plain`: Slack refused its blocks."""

    key: str
    place: Place
    parts: list[Part]
    message: str
    digests: dict[int, str]
    note: Mapping[str, Any] = field(default_factory=dict)
    mode: Mode = "stream"
    limit: int = LIMIT
    plain: bool = False
    quiet: bool = False
    live_at: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def remote(self) -> str:
        """The house's name of the first message, "" while there is none."""
        team, channel = self.place.account.team, self.place.channel
        return next((names.remote(team, channel, part.ts) for part in self.parts if part.ts), "")

    def part(self, number: int) -> Part:
        while len(self.parts) <= number:
            self.parts.append(Part(len(self.parts)))
        return self.parts[number]

    def recognise(self, content: Content, wanted: Sequence[str]) -> None:
        """What a message was left showing is known by its digest: when that is what is wanted, it is in order."""
        for number, text in enumerate(wanted):
            ended: Ended = "last" if number == len(wanted) - 1 else "part"
            if self.digests.pop(number, "") == content.digest(text, ended) and number < len(self.parts):
                part = self.parts[number]
                part.shown, part.ended, part.streaming = text, ended, False


class Begun:
    """The record of a message that Slack is asked for: kept just before, completed or taken back after."""

    def __init__(self, sends: Sends, showing: Showing, part: Part, content: Content) -> None:
        self._sends, self._showing, self._part, self._content = sends, showing, part, content
        self._kept = False

    async def keep(self, how: str) -> None:
        self._kept = True
        await self._write("begun", how=how, at=time.time())

    async def placed(self, *, stream: bool) -> None:
        await self._write("placed", stream=stream)

    async def take_back(self) -> None:
        """Slack said that it did not do it."""
        if self._kept:
            self._kept = False
            await self._write("begun", refused=True)

    async def _write(self, state: Literal["begun", "placed"], **detail: Any) -> None:
        showing, content = self._showing, self._content
        detail = {**content.note, "message": content.message, **detail}
        await self._sends.keep(showing.key, showing.place, self._part, state, **detail)
