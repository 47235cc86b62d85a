"""`frontdesk` with an echo engine that says when it said it: `python -m bench.stamped run ...`.

Each piece of an answer is the clock's reading at the moment when the engine gives it (CLOCK_MONOTONIC in
nanoseconds, which all processes of a machine share). A reader on the same machine so knows the age of every piece to
the microsecond, with everything in between included. Nothing else of the server is different.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence

import bot.engine.echo
from bot.engine.base import ChatMessage, Delta, SamplingSettings


class StampedEngine(bot.engine.echo.EchoEngine):
    """Gives `repeat` stamps, each after a pause of `delay_ms`."""

    async def stream(
        self, messages: Sequence[ChatMessage], sampling: SamplingSettings, *, owner: str = ""
    ) -> AsyncGenerator[Delta, None]:
        for number in range(self._repeat):
            await self._pause()
            yield Delta(text=f"{' ' if number else ''}{time.monotonic_ns()}", tokens=1)
        yield Delta(text="", finish_reason="stop")


if __name__ == "__main__":
    from bot.cli import main

    bot.engine.echo.EchoEngine = StampedEngine  # type: ignore[misc]  # the one part that is exchanged
    main()
