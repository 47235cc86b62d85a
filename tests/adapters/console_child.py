"""A process that talks through the console adapter, for tests that need a real terminal or real pipes.

Its desk answers "Re: …" with a source. "wait" is answered only when it is stopped; "deaf" not even then.
"""

from __future__ import annotations

import asyncio
import os

from rich.console import Console

from adapters.console import ConsoleAdapter
from bot.events import Citation, Feedback, Message, Reply, Stop

_SOURCE = Citation(number=1, title="Shipping", location="shipping.md")


async def main() -> None:
    adapter = ConsoleAdapter(Console(width=60))
    waiting: list[Message] = []
    tasks: set[asyncio.Task[None]] = set()

    async def publish(event: Message | Stop | Feedback) -> bool:
        if isinstance(event, Message):
            tasks.add(asyncio.create_task(answer(event)))
        elif isinstance(event, Stop):
            for message in waiting:
                await adapter.send(reply(message, "Half", final=True, reason="cancelled"))
        else:
            os.write(2, f"feedback {event.value} {event.comment}\n".encode())
        return True

    async def answer(message: Message) -> None:
        if message.text in ("wait", "deaf"):
            await adapter.send(reply(message, "Half"))
            waiting.extend([message] * (message.text == "wait"))
            os.write(2, b"waiting\n")
            return
        text = f"Re: **{message.text}** [1]"
        for end in range(4, len(text), 5):
            await adapter.send(reply(message, text[:end]))
        await adapter.send(reply(message, text, final=True))

    def reply(message: Message, text: str, *, final: bool = False, reason: str = "stop") -> Reply:
        return Reply(
            message_id=message.id,
            attempt=1,
            address=message.address,
            text=text,
            seq=len(text),
            final=final,
            citations=(_SOURCE,) if final and reason == "stop" else (),
            finish_reason=reason if final else "",  # type: ignore[arg-type]  # a test's own words
        )

    running = asyncio.create_task(adapter.run(publish))
    await adapter.left()
    await running
    await adapter.close()
    os.write(2, b"left\n")


asyncio.run(main())
