"""What a channel has to be. This page is all that the author of an adapter needs to read.

An adapter is a factory `make(context) -> Adapter`, named by an entry point in the group `frontdesk.adapters`.
It is imported only when its channel is configured. Its protocol code (verify, parse, render, split) belongs in
pure functions; what follows is the thin shell around them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from aiohttp.web import AbstractRouteDef

from bot.config import Config
from bot.events import Address, Attachment, Feedback, Message, Outbound, Reply, Stop
from bot.metrics import Metrics
from storage.base import Store

Publish = Callable[[Message | Stop | Feedback], Awaitable[bool]]
"""Hand something over. When it returns, a Message, a Feedback, and that a message was deleted (a Stop) are committed:
only then tell the channel so.

True when it was new, False when that message was known already (acknowledge it all the same). Raises `Refused`
(`Overloaded`: 503 with Retry-After; `TooLarge`: 413) or `StorageError` (503): then it was not stored."""


Quick = Callable[[str, str], Awaitable[Reply]]
"""(text, the sender's language as the channel knows it, or "") -> an answer of no conversation, for a channel that
asks while somebody types. It is quoted from what everybody may know: no model writes it, and nothing of it is stored.
Its `finish_reason` is "declined" when nothing known answers. Raises `Overloaded` when too many ask at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What an adapter is given. `settings` is its own table, `[adapters.NAME]`, for third parties.

    `quick` is there while the desk runs; whoever only looks (`Checking`) has none.
    """

    config: Config
    store: Store
    metrics: Metrics
    settings: Mapping[str, Any]
    quick: Quick | None = None


class Adapter(Protocol):
    name: str
    """The `channel` of every address that it makes."""

    def routes(self) -> Sequence[AbstractRouteDef]:
        """What it serves over HTTP, below the server's root; may be empty."""

    async def run(self, publish: Publish) -> None:
        """Receive until cancelled. Before this is called, requests to its routes are answered with 503."""

    async def send(self, event: Outbound) -> str:
        """Deliver and return the channel's id of it ("" if it has none).

        A Reply that is not final may be skipped for a newer one, since its `text` is everything so far.
        A final one, a Failed or a Post is called again after a crash or an exception: doing it twice must show once.
        """

    async def close(self) -> None:
        """End every stream and give everything back, within a second or two."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: `good`, a `note` worth reading, or `bad`: it will not work so. `text` says what to do."""

    state: Literal["good", "note", "bad"]
    subject: str
    text: str


@runtime_checkable
class Checking(Protocol):
    """An adapter that can look whether its channel would take it, for `frontdesk doctor`. It is not running then."""

    async def check(self) -> Sequence[Finding]:
        """Look, change nothing, and say what to do about what is wrong. Never raises for what the channel says."""


@runtime_checkable
class Fetching(Protocol):
    """An adapter whose messages come with attachments."""

    async def fetch(self, address: Address, attachment: Attachment, limit: int) -> bytes:
        """The bytes of an attachment of a message at `address`, at most `limit`.

        Raises `SourceError`: its `why` ("large", "missing", …) chooses how the person who attached it is told, in their
        language; without one they are shown its sentence.
        """


@runtime_checkable
class Draining(Protocol):
    """An adapter that answers requests of its own, beside the bus: it may finish them before it is closed."""

    async def drain(self, seconds: float) -> None:
        """Take nothing new, and return when all is answered or the time is over."""
