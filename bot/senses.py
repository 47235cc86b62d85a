"""What the house hears and sees with. Which that is, `bot.voice` says."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from bot.engine.base import EngineFault
from bot.engine.senses import Hearing, Lasting, Seeing

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Senses:
    """What there is; None is what there is not."""

    hearing: Hearing | None = None
    seeing: Seeing | None = None

    async def warm(self) -> None:
        """Load what the first message would wait for. What cannot be loaded is tried again when it is needed."""
        for sense in self._lasting():
            try:
                await sense.warm()
            except EngineFault as error:
                log.error("senses.not_ready", reason=str(error))

    async def close(self) -> None:
        for sense in self._lasting():
            await sense.close()

    def _lasting(self) -> list[Lasting]:
        senses: dict[int, object] = {id(sense): sense for sense in (self.hearing, self.seeing)}  # one may be both
        return [sense for sense in senses.values() if isinstance(sense, Lasting)]
