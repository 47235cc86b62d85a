"""The one who writes what we say in Slack: makes the calls that `plan` names, and keeps what came of them.

Whatever is refused, cut off or lost on the way, what is final stands there in the end, whole and once: each refusal
changes the state that the next call is planned from.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from adapters.slack import blocks
from adapters.slack.api import Api, Busy, SlackError
from adapters.slack.blocks import Block
from adapters.slack.errors import BAD_BLOCKS, GONE, NOT_STREAMING, TOO_LONG
from adapters.slack.plan import Append, Call, Delete, Ended, Mode, Part, Put, Start, Stop, next_call
from adapters.slack.sends import METADATA, Place, Sends, digest
from bot.metrics import Metrics

LIMIT = 12_000
"""UTF-16 units of text in one message; Slack's own limit is as many characters."""
_LEAST_LIMIT = 1_000
_MOST_CALLS, _MOST_LIVE_CALLS = 60, 4
_REFUSED_SECONDS = 600.0
_HERE_ONLY = ("recipient", "user", "channel", "thread", "archived", "member", "arguments", "text", "blocks")
"""A word in an error by which a stream was refused here, and may be allowed elsewhere in the workspace."""


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

    def part(self, number: int) -> Part:
        while len(self.parts) <= number:
            self.parts.append(Part(len(self.parts)))
        return self.parts[number]


class Writer:
    def __init__(self, api: Api, sends: Sends, metrics: Metrics) -> None:
        self._api, self._sends = api, sends
        self._refused: dict[str, float] = {}
        self._written = metrics.counter("slack_written", "Messages written, by the way that it was done.", "way")

    def streams(self, place: Place) -> bool:
        """Whether `place` may have a stream, as far as is known."""
        return bool(place.thread) and self._refused.get(place.account.team, 0.0) <= time.monotonic()

    async def show(self, showing: Showing, content: Content, *, final: bool) -> None:
        """Make Slack show `content`; when it is not `final`, as much of that as can be done at once.

        Raises `SlackError` when it could not be done; then nothing of `showing` is to be believed any more.
        """
        for _ in range(_MOST_CALLS if final else _MOST_LIVE_CALLS):
            wanted = content.pieces(showing.limit)
            if final:
                _recognise(showing, content, wanted)
            call = next_call(showing.parts, wanted, final=final, mode=showing.mode)
            if call is None:
                return
            await self._make(showing, content, call, live=not final)
            showing.message = content.message
        if final:
            raise SlackError("chat", "no_end_of_refusals")

    async def _make(self, showing: Showing, content: Content, call: Call, *, live: bool) -> None:
        part = showing.part(call.number)
        begun = _Begun(self._sends, showing, part, content)
        try:
            await self._ask(showing, content, call, part, begun, live=live)
        except Busy:
            await begun.take_back()
            raise
        except SlackError as error:
            if error.ambiguous:
                raise
            await begun.take_back()
            if not self._mend(showing, part, call, error):
                raise

    async def _ask(
        self, showing: Showing, content: Content, call: Call, part: Part, begun: _Begun, *, live: bool
    ) -> None:
        match call:
            case Start():
                await self._start(showing, call, part, begun)
            case Append():
                await self._append(showing, call, part, live=live)
            case Stop():
                await self._stop(showing, content, call, part, live=live)
            case Put():
                await self._put(showing, content, call, part, begun, live=live)
            case Delete():
                await self._delete(showing, part)

    # -- the calls ---------------------------------------------------------------------------------------
    async def _start(self, showing: Showing, call: Start, part: Part, begun: _Begun) -> None:
        place = showing.place
        recipient = {"recipient_team_id": place.account.team, "recipient_user_id": place.recipient}
        answer = await self._api.call(
            place.account.team,
            "chat.startStream",
            live=True,
            before=lambda: begun.keep("stream"),
            channel=place.channel,
            thread_ts=place.thread,
            markdown_text=call.text,
            **(recipient if place.recipient else {}),
        )
        part.ts, part.shown, part.streaming, part.ended = str(answer["ts"]), call.text, True, ""
        await begun.placed(stream=True)
        self._written.labels("stream").inc()

    async def _append(self, showing: Showing, call: Append, part: Part, *, live: bool) -> None:
        place = showing.place
        with _unsure(part):
            await self._api.call(
                place.account.team,
                "chat.appendStream",
                live=live,
                channel=place.channel,
                ts=part.ts,
                markdown_text=call.text,
            )
        part.shown = call.whole

    async def _stop(self, showing: Showing, content: Content, call: Stop, part: Part, *, live: bool) -> None:
        place, arguments = showing.place, dict[str, Any]()
        if call.text:
            arguments["markdown_text"] = call.text
        if call.ended:
            arguments["metadata"] = _metadata(showing.key, part.number)
            if call.ended == "last" and content.extras and not showing.plain:
                arguments["blocks"] = list(content.extras)
        with _unsure(part):
            await self._api.call(
                place.account.team, "chat.stopStream", live=live, channel=place.channel, ts=part.ts, **arguments
            )
        part.shown, part.streaming, part.ended = call.whole, False, call.ended
        await self._kept(showing, content, part, final=not live)

    async def _put(
        self, showing: Showing, content: Content, call: Put, part: Part, begun: _Begun, *, live: bool
    ) -> None:
        place = showing.place
        arguments = self._said(showing, content, call) | {"metadata": _metadata(showing.key, part.number)}
        if part.ts:
            await self._api.call(
                place.account.team, "chat.update", live=live, channel=place.channel, ts=part.ts, **arguments
            )
            self._written.labels("update").inc()
        else:
            answer = await self._api.call(
                place.account.team,
                "chat.postMessage",
                live=live,
                before=lambda: begun.keep("post"),
                channel=place.channel,
                unfurl_links=False,
                unfurl_media=False,
                **({"thread_ts": place.thread} if place.thread else {}),
                **arguments,
            )
            part.ts = str(answer["ts"])
            self._written.labels("post").inc()
        part.shown, part.streaming, part.ended = call.text, False, call.ended
        await self._kept(showing, content, part, final=not live)

    async def _delete(self, showing: Showing, part: Part) -> None:
        place = showing.place
        try:
            if part.streaming:
                await self._api.call(place.account.team, "chat.stopStream", channel=place.channel, ts=part.ts)
        except SlackError as error:
            if error.ambiguous:
                raise
        part.streaming = False
        await self._api.call(place.account.team, "chat.delete", channel=place.channel, ts=part.ts)
        await self._gone(showing, part)

    def _said(self, showing: Showing, content: Content, call: Put) -> dict[str, Any]:
        if showing.plain:
            return {"markdown_text": call.text}
        if content.whole:
            return {"blocks": list(content.whole), "text": blocks.notified(call.text)}
        extras = content.extras if call.ended == "last" else ()
        return {"blocks": [blocks.text(call.text), *extras], "text": blocks.notified(call.text)}

    # -- what is kept ------------------------------------------------------------------------------------
    async def _kept(self, showing: Showing, content: Content, part: Part, *, final: bool) -> None:
        done = final and part.ended and part.shown is not None
        detail = dict(content.note) | {"message": content.message}
        if done and part.shown is not None:
            detail["digest"] = content.digest(part.shown, part.ended)
        await self._sends.keep(showing.key, showing.place, part, "done" if done else "placed", **detail)

    async def _gone(self, showing: Showing, part: Part) -> None:
        part.ts, part.shown, part.streaming, part.ended = "", None, False, ""
        await self._sends.keep(showing.key, showing.place, part, "done", message=showing.message, deleted=True)

    # -- refusals ----------------------------------------------------------------------------------------
    def _mend(self, showing: Showing, part: Part, call: Call, error: SlackError) -> bool:
        """Change the state so that something else is tried. False: nothing else can be."""
        if isinstance(call, Start):
            showing.mode = "edit"
            if not any(word in error.error for word in _HERE_ONLY):
                self._refused[showing.place.account.team] = time.monotonic() + _REFUSED_SECONDS
            return True
        if error.permanent:
            return False
        if error.error in BAD_BLOCKS and not showing.plain:
            showing.plain = True
        elif isinstance(call, Append | Stop):
            showing.quiet = showing.quiet or error.error == "stopped_by_user"
            part.streaming = error.error in TOO_LONG and bool(call.text)
            part.shown = None
        elif isinstance(call, Delete) and error.error in GONE:
            part.ts = ""
        elif isinstance(call, Put):
            return _mend_put(showing, part, error.error)
        else:
            return False
        return True


def _mend_put(showing: Showing, part: Part, error: str) -> bool:
    if error in GONE and part.ts:
        part.ts, part.shown, part.streaming = "", None, False
    elif error == "streaming_state_conflict":
        part.streaming, part.shown = True, None
    elif error in TOO_LONG and showing.limit > _LEAST_LIMIT:
        showing.limit //= 2
    elif error in NOT_STREAMING:
        part.streaming = False
    else:
        return False
    return True


@contextmanager
def _unsure(part: Part) -> Iterator[None]:
    """While Slack is asked to add to a message, and when it does not say that it has, nobody knows what that shows."""
    before, part.shown = part.shown, None
    try:
        yield
    except Busy:
        part.shown = before
        raise


class _Begun:
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

    async def _write(self, state: Any, **detail: Any) -> None:
        showing, content = self._showing, self._content
        detail = {**content.note, "message": content.message, **detail}
        await self._sends.keep(showing.key, showing.place, self._part, state, **detail)


def _metadata(key: str, part: int) -> dict[str, Any]:
    return {"event_type": METADATA, "event_payload": {"key": key, "part": part}}


def _recognise(showing: Showing, content: Content, wanted: Sequence[str]) -> None:
    """What a message was left showing is known by its digest: when that is what is wanted, there is nothing to do."""
    for number, text in enumerate(wanted):
        ended: Ended = "last" if number == len(wanted) - 1 else "part"
        if showing.digests.pop(number, "") == content.digest(text, ended) and number < len(showing.parts):
            showing.parts[number].shown, showing.parts[number].ended = text, ended
            showing.parts[number].streaming = False
