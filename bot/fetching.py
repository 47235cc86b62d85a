"""How what is attached to a message is fetched: through its channel, within a size and a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from bot.config import Config, SlackLimits
from bot.errors import SourceError
from bot.events import Address, Attachment

log = structlog.get_logger()

Fetch = Callable[[Address, Attachment, int], Awaitable[bytes]]
"""`adapters.base.Fetching.fetch` of one channel."""

_SECONDS = 60.0


class OverBound(SourceError):
    """More than `bound` bytes, which is what is taken of one attachment."""

    def __init__(self, bound: int) -> None:
        super().__init__("It is larger than what is taken.", why="large")
        self.bound = bound


class Fetcher:
    """Fetches by channel: `fetch` holds a function for each channel that has attachments."""

    def __init__(self, config: Config, fetch: Mapping[str, Fetch]) -> None:
        self._config, self._fetch = config, fetch

    def taken(self, channel: str) -> bool:
        """Whether what is attached there is read."""
        return channel in self._fetch and self.most(channel) > 0

    def most(self, channel: str) -> int:
        """How many files of one message are read."""
        return self._limits(channel).files

    def bound(self, channel: str) -> int:
        """How many bytes one of them may have."""
        return min(self._limits(channel).file_bytes, self._config.knowledge.max_file_bytes)

    async def fetched(self, address: Address, attachment: Attachment) -> bytes:
        """Raises `SourceError`, whatever goes wrong."""
        fetch, bound = self._fetch.get(address.channel), self.bound(address.channel)
        if fetch is None:
            raise SourceError("Its channel gives no attachments.", why="missing")
        if attachment.size > bound:
            raise OverBound(bound)
        try:
            async with asyncio.timeout(_SECONDS):
                raw = await fetch(address, attachment, bound)
        except SourceError as error:
            if error.why == "large":
                raise OverBound(bound) from None
            raise
        except Exception as error:  # whatever ails the channel, the message is answered without its file
            log.warning("attachment.fetch", channel=address.channel, error=type(error).__name__)
            raise SourceError("It could not be fetched.", why="missing") from None
        if len(raw) > bound:
            raise OverBound(bound)
        return raw

    def _limits(self, channel: str) -> SlackLimits:
        """A channel's own limits; what it does not limit itself has the usual ones."""
        if channel == "telegram":
            return SlackLimits(file_bytes=self._config.telegram.limits.file_bytes)
        return self._config.slack.limits if channel == "slack" else SlackLimits()
