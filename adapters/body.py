"""The body of a request, read within bounds: the same for every channel that is called from outside."""

from __future__ import annotations

import asyncio

from aiohttp import web
from aiohttp.http import HttpProcessingError


class BodyRefused(Exception):
    """It is not read to its end. The message says why, without quoting it."""

    def __init__(self, why: str, *, too_large: bool = False) -> None:
        super().__init__(why)
        self.too_large = too_large


async def body_of(request: web.Request, *, most: int, seconds: float) -> bytes:
    """At most `most` bytes: refused before they are read when they say that they are more, and while they are read when
    they become more, or take longer than `seconds`. Raises `BodyRefused`."""
    if (request.content_length or 0) > most:
        raise _too_large(most)
    read = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.content.iter_any():
                read += chunk
                if len(read) > most:
                    raise _too_large(most)
    except TimeoutError:
        raise BodyRefused("The body took too long to arrive.") from None
    except (web.RequestPayloadError, HttpProcessingError, ConnectionError):
        raise BodyRefused("The body did not arrive whole.") from None
    return bytes(read)


def _too_large(most: int) -> BodyRefused:
    """Made where it is raised: an error in a variable of the reader would keep alive what was read, and itself."""
    return BodyRefused(f"The body is larger than {most} bytes.", too_large=True)
