"""The one who writes what we say in Slack: makes the calls that `plan` names, and keeps what came of them.

Whatever is refused, cut off or lost on the way, what is final stands there in the end, whole and once: each refusal
changes the state that the next call is planned from.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from adapters.slack import blocks
from adapters.slack.api import Api, Busy, SlackError
from adapters.slack.errors import BAD_BLOCKS, GONE, NOT_STREAMING, TOO_LONG
from adapters.slack.plan import Append, Call, Delete, Part, Put, Start, Stop, next_call
from adapters.slack.sends import METADATA, Place, Sends
from adapters.slack.sessions import Sessions
from adapters.slack.showing import Begun, Content, Showing
from bot.metrics import Metrics

_LEAST_LIMIT = 1_000
_MOST_CALLS, _MOST_LIVE_CALLS = 60, 4
_REFUSED_SECONDS = 600.0
_HERE_ONLY = ("recipient", "user", "channel", "thread", "archived", "member", "arguments", "text", "blocks")
"""A word in an error by which a stream was refused here, and may be allowed elsewhere in the workspace."""


class Writer:
    def __init__(self, api: Api, sends: Sends, sessions: Sessions, metrics: Metrics) -> None:
        self._api, self._sends, self._sessions = api, sends, sessions
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
                showing.recognise(content, wanted)
            call = next_call(showing.parts, wanted, final=final, mode=showing.mode)
            if call is None:
                return
            await self._make(showing, content, call, live=not final)
            showing.message = content.message
        if final:
            raise SlackError("chat", "no_end_of_refusals", answered=True)

    async def _make(self, showing: Showing, content: Content, call: Call, *, live: bool) -> None:
        part = showing.part(call.number)
        begun = Begun(self._sends, showing, part, content)
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
        self, showing: Showing, content: Content, call: Call, part: Part, begun: Begun, *, live: bool
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
    async def _start(self, showing: Showing, call: Start, part: Part, begun: Begun) -> None:
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
        closes = call.ended == "last" and showing.key in self._sessions
        if closes:
            arguments["session_status"] = "active"
        with _unsure(part):
            await self._api.call(
                place.account.team, "chat.stopStream", live=live, channel=place.channel, ts=part.ts, **arguments
            )
        if closes:
            self._sessions.ended(showing.key)
        part.shown, part.streaming, part.ended = call.whole, False, call.ended
        await self._kept(showing, content, part, final=not live)

    async def _put(
        self, showing: Showing, content: Content, call: Put, part: Part, begun: Begun, *, live: bool
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


def _metadata(key: str, part: int) -> dict[str, Any]:
    return {"event_type": METADATA, "event_payload": {"key": key, "part": part}}
