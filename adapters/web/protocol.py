"""What we say to the widget, and the names of things, without sockets.

An address and a message id are made here from the visitor's token and from nothing else, so that no visitor can
name another's: the durable id of a message is `PSEUDONYM:CLIENT_ID`. Only its second half is ever shown, and its
first half, which logs may hold, tells nobody who the visitor is.

Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.commands import typed
from adapters.sources import rendering_url, web_url
from bot.events import Address, Citation, Failed, Post, Reply
from storage.base import Exchange, Outgoing

CHANNEL = "web"

encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


class Problem(Exception):
    """A request that is answered with an error. `retry_after` in seconds, 0 when trying again is of no use."""

    def __init__(self, status: int, code: str, message: str, *, retry_after: float = 0) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = math.ceil(retry_after)

    def body(self) -> dict[str, Any]:
        return {"error": {"code": self.code, "message": self.message}}


# -- names ---------------------------------------------------------------------------------------------
def address(visitor: str, conversation_name: str) -> Address:
    return Address(channel=CHANNEL, conversation=f"{visitor}:{conversation_name}")


def inner_id(pseudonym: str, outer: str) -> str:
    """The durable id of the message that the visitor behind `pseudonym` calls `outer`."""
    return f"{pseudonym}:{outer}"


def outer_id(inner: str) -> str:
    """What the visitor calls the message with the durable id `inner`."""
    return inner.rsplit(":", 1)[-1]


# -- events out ----------------------------------------------------------------------------------------
def frame(event: str, content: Mapping[str, Any], number: int | None = None) -> bytes:
    """One server-sent event. JSON escapes line breaks, so that the data is always a single line."""
    head = f"id: {number}\n" if number is not None else ""
    return f"{head}event: {event}\ndata: {encode(content)}\n\n".encode("utf-8", "replace")


HEARTBEAT = b": still here\n\n"
OPENED = b": open\n\n"
CLOSING = frame("closing", {})


def said_frame(message_id: str, text: str, at: float) -> bytes:
    return frame("said", {"id": outer_id(message_id), "text": text, "at": at})


def progress_frame(reply: Reply, before: Reply | None) -> bytes:
    """What makes a reader who was shown `before` see `reply`; nothing (b"") when that changes nothing."""
    grows = (
        before is not None
        and (before.message_id, before.attempt) == (reply.message_id, reply.attempt)
        and reply.text.startswith(before.text)
    )
    text = reply.text[len(before.text) :] if before is not None and grows else reply.text
    if grows and not text:
        return b""
    content = {"message_id": outer_id(reply.message_id), "attempt": reply.attempt, "seq": reply.seq, "text": text}
    return frame("delta" if grows else "reply", content)


def durable_frame(outgoing: Outgoing, root: str = "") -> bytes:
    """The durable event that ends a message, or that is a post; nothing (b"") when a visitor has no use for it."""
    if isinstance(outgoing.event, Post):
        return frame("post", post(outgoing.event, outgoing.at), outgoing.number) if shows(outgoing.event) else b""
    content = end(outgoing.event, outgoing.at, root)
    return frame(content.pop("kind"), content, outgoing.number)


def shows(event: Post) -> bool:
    """Whether a visitor may see it: the card of a case is for the support desk alone."""
    return event.kind != "case"


def post(event: Post, at: float) -> dict[str, Any]:
    """What a person of the support desk said, or what the house tells of them: no more than a visitor may know.

    Neither the post's id nor its case's leaves the house: they name accounts and threads of the desk. `person` is what
    whoever has the conversation is called ("" when nobody knows), None when the bot has it.
    """
    person = event.case.agent_name if event.case.state == "taken" else None
    return {"kind": event.kind, "text": event.text, "name": event.name, "at": at, "person": person}


def end(event: Reply | Failed, at: float, root: str = "") -> dict[str, Any]:
    """How a message ended, with its `kind`: "final" or "failed". `root` is put before addresses of our own."""
    shared = {"message_id": outer_id(event.message_id), "at": at}
    if isinstance(event, Failed):
        return {"kind": "failed", **shared, "said": event.said}
    return {
        "kind": "final",
        **shared,
        "text": event.text,
        "citations": [cited(citation, root) for citation in event.citations],
        "finish_reason": event.finish_reason,
        "language": event.language,
    }


def cited(citation: Citation, root: str = "") -> dict[str, Any]:
    return {"number": citation.number, "title": citation.title, "url": source_url(citation, root)}


def source_url(citation: Citation, root: str = "") -> str:
    """Where a reader opens a source: the page that it stands for, its own address, else our rendering of it."""
    return web_url(citation, root) or rendering_url(citation, root)


def history(past: Sequence[Exchange], posts: Sequence[Outgoing], *, whole: bool, root: str = "") -> dict[str, Any]:
    """A conversation up to now. `posts` were read after `past`; `whole` says that no older exchange was left out.

    `cursor` is where events go on without a gap, so it is the last end's number: a post with a higher one may have
    come behind an end that was not read, and comes again.
    """
    exchanges = [_exchange(one, root) for one in past]
    start = past[0].message.sent_at if past and not whole else 0.0
    return {
        "exchanges": exchanges,
        "posts": [
            {**post(one.event, one.at), "number": one.number}
            for one in posts
            if isinstance(one.event, Post) and shows(one.event) and one.at >= start
        ],
        "cursor": max((one["end"]["number"] for one in exchanges if one["end"]), default=0),
    }


def _exchange(past: Exchange, root: str) -> dict[str, Any]:
    """One message and its end."""
    ended = past.outgoing
    event = ended.event if ended and not isinstance(ended.event, Post) else None
    return {
        "id": outer_id(past.message.id),
        "text": typed(past.message),
        "at": past.message.sent_at,
        "end": {**end(event, ended.at, root), "number": ended.number} if ended and event else None,
        "feedback": past.feedback,
    }
