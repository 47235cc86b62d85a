"""An answer while it is written, and what everybody who writes one needs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar, TypeVarTuple

from bot.answer.stream import pieces
from bot.events import Citation, FinishReason, Message, Reply
from bot.explanation import Explanation
from bot.work import Cancellation

Emit = Callable[[Reply], Awaitable[None]]
Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")

_LONG = 2_000
"""Characters beyond which work on a text is done beside the event loop: 8,000 take 0.1 s and more."""


@dataclass(slots=True)
class Draft:
    """`sources` are the citations that the text may name; `notes` stand below it in the end.

    What is not `remembered` says nothing of the conversation's subject: a list of commands, a question what is meant.
    With `forget` what was said before is forgotten. `how` is how it comes about.
    """

    message: Message
    attempt: int
    language: str
    emit: Emit
    text: str = ""
    seq: int = 0
    sources: tuple[Citation, ...] = ()
    reason: FinishReason = "stop"
    notes: list[str] = field(default_factory=list)
    remembered: bool = True
    forget: bool = False
    how: Explanation = field(default_factory=Explanation)

    async def show(self, text: str) -> None:
        """Tell the channel what the answer is so far."""
        self.text = text
        await self.emit(self.reply())
        self.seq += 1

    async def stream(self, text: str, *, pause: float) -> None:
        """Show a text that is known already word by word, `pause` seconds apart, so that it reads like a model's."""
        shown = ""
        for piece in pieces(text):
            shown += piece
            await self.show(shown)
            await asyncio.sleep(pause)

    async def remark(self, text: str, *, pause: float) -> None:
        """Say something that is no answer, in the place of whatever was written."""
        self.remembered, self.sources, self.reason = False, (), "remark"
        await self.stream(text, pause=pause)

    def reply(self, *, final: bool = False) -> Reply:
        cited = tuple(source for source in self.sources if f"[{source.number}]" in self.text)
        return Reply(
            message_id=self.message.id,
            attempt=self.attempt,
            address=self.message.address,
            text=self.text,
            seq=self.seq,
            final=final,
            citations=cited,
            finish_reason=self.reason if final else "",
            language=self.language,
        )


def owner(message: Message) -> str:
    """Who takes turns with others where answers have to wait: a visitor, whatever the conversation."""
    address = message.address
    return "/".join((address.channel, address.account, message.sender or address.conversation))


async def unless(cancellation: Cancellation, writing: Awaitable[None]) -> None:
    """Await `writing`; when `cancellation` asks first, cancel it, so that the engine's place is free at once."""
    task = asyncio.ensure_future(writing)
    asked = asyncio.create_task(cancellation.wait())
    try:
        await asyncio.wait({task, asked}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        asked.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
    if not task.cancelled():
        task.result()
    elif not cancellation.reason:
        raise RuntimeError("the writing of an answer was cancelled, and nobody had asked for that")


async def aside(length: int, work: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
    """Do `work` on texts of `length` characters altogether; long ones in a thread, so that nobody else waits."""
    return await asyncio.to_thread(work, *arguments) if length > _LONG else work(*arguments)
