"""What we say to the widget, and the names of things, without sockets.

An address and a message id are made here from the visitor's token and from nothing else, so that no visitor can
name another's: the durable id of a message is `PSEUDONYM:CLIENT_ID`. Only its second half is ever shown, and its
first half, which logs may hold, tells nobody who the visitor is.

Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from bot.events import Address, Citation, Failed, Reply
from storage.base import Exchange, Outgoing

CHANNEL = "web"
_WEB = re.compile(r"https?://[^\s\\\x00-\x1f\x7f]+")
_ROOTED = re.compile(r"/(?![/\\])[^\s\\\x00-\x1f\x7f]*")

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


def end_frame(outgoing: Outgoing, root: str = "") -> bytes:
    """The durable event that ends a message."""
    content = end(outgoing, root)
    return frame(content.pop("kind"), content, outgoing.number)


def end(outgoing: Outgoing, root: str = "") -> dict[str, Any]:
    """How a message ended, with its `kind`: "final" or "failed". `root` is put before addresses of our own."""
    event = outgoing.event
    shared = {"message_id": outer_id(event.message_id), "at": outgoing.at}
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
    for url in (citation.url, citation.location):
        if _is_web_address(url):
            return url
    if _ROOTED.fullmatch(citation.url):
        return root + citation.url
    return f"{root}/web/source?location={quote(citation.location, safe='', errors='replace')}"


def _is_web_address(url: str) -> bool:
    if not _WEB.fullmatch(url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.hostname) and "@" not in parts.netloc


def exchange(past: Exchange, root: str = "") -> dict[str, Any]:
    """One message and its end, as the history shows it."""
    ended = past.outgoing
    return {
        "id": outer_id(past.message.id),
        "text": past.message.text,
        "at": past.message.sent_at,
        "end": {**end(ended, root), "number": ended.number} if ended else None,
        "feedback": past.feedback,
    }
