"""What hears and sees: a recording or a picture in, words out. Nothing here knows who sent it or why."""

from __future__ import annotations

from typing import Literal, Protocol, runtime_checkable

from bot.engine.base import EngineFault

SenseFault = Literal["damaged", "large", "long", "silent", "busy", "slow", "failed"]
"""Not what it says it is, or of a kind that is not read; too many bytes; too many seconds; no words in it; too much
waits; it takes too long; whatever else went wrong."""


@runtime_checkable
class Hearing(Protocol):
    """Turns speech into text."""

    async def hear(self, audio: bytes, media_type: str, language: str) -> str:
        """What is said in `audio`, in the language that it is said in.

        `language` is an ISO 639-1 code: what the speaker has used before, "" when nothing is known. It may be wrong.
        Cancelling it ends the work soon. Raises `NotPerceived`.
        """


@runtime_checkable
class Seeing(Protocol):
    """Turns pictures into text."""

    async def see(self, image: bytes, media_type: str, question: str) -> str:
        """What there is to see in `image`, as it matters to `question` ("" when nothing was asked). As `Hearing.hear`.

        What it gives is read as a part of the message, so it should say what is there and not answer the question.
        """


@runtime_checkable
class Lasting(Protocol):
    """A sense that has something to load, and to give back."""

    async def warm(self) -> None:
        """Load what the first message would wait for. Raises `EngineFault`; then it is tried again when needed."""

    async def close(self) -> None:
        """Give everything back."""


class NotPerceived(EngineFault):
    """One recording or picture gave no words. `why` chooses how the person is told.

    `limit` is what was exceeded: bytes for "large", seconds for "long"; 0 when it is not told.
    """

    def __init__(self, message: str, *, why: SenseFault = "failed", limit: float = 0) -> None:
        super().__init__(message)
        self.why: SenseFault = why
        self.limit = limit
