"""The socket below a stream: whether it lives, and how much may wait in it."""

from __future__ import annotations

import socket

from aiohttp import web

BUFFER_BYTES = 16_384
SILENCE_MILLISECONDS = 45_000


class Connection:
    """One visitor's connection while it carries events (a `streams.Line`)."""

    __slots__ = ("_request",)

    def __init__(self, request: web.Request) -> None:
        self._request = request

    def tune(self) -> None:
        """Let little wait in memory, and notice soon when the other side has gone without a word."""
        if (transport := self._request.transport) is None:
            return
        transport.set_write_buffer_limits(high=BUFFER_BYTES)
        wire = transport.get_extra_info("socket")
        if wire is not None and wire.family != getattr(socket, "AF_UNIX", None) and hasattr(socket, "TCP_USER_TIMEOUT"):
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE_MILLISECONDS)

    async def room(self) -> None:
        """Return when the reader has taken enough of what was sent."""
        if self._request.protocol.writing_paused:
            await self._request.writer.drain()

    def alive(self) -> bool:
        transport = self._request.transport
        return transport is not None and not transport.is_closing()

    def abort(self) -> None:
        if (transport := self._request.transport) is not None:
            transport.abort()
