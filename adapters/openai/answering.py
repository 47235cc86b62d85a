"""One request while it is answered: as a stream, or whole; and how it ends when something goes wrong.

What fails before the first byte is raised, and becomes an answer with a status. What fails afterwards is told as the
stream's last event.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from aiohttp import web

from adapters.openai.chat import Asked
from adapters.openai.endpoints import AskedT, Endpoint
from adapters.openai.gate import problem_of
from adapters.openai.generator import Delta, GenerationRefused, GenerationTooLong, Generator
from adapters.openai.meter import Meter
from adapters.openai.problem import Problem
from adapters.openai.wire import Guest, Streaming, gather
from adapters.openai.words import encoded


async def answer(
    endpoint: Endpoint[AskedT], asked: AskedT, deltas: AsyncGenerator[Delta, None], *, model: str,
    generator: Generator, meter: Meter, request: web.Request, guest: Guest, headers: Mapping[str, str],
) -> web.StreamResponse:  # fmt: skip
    """Raises `Problem`, `GenerationFault`, or `CancelledError` when the client has gone."""
    created = int(time.time())
    try:
        if asked.stream:
            return await _streamed(endpoint, asked, deltas, model, created, generator, meter, request, guest, headers)
        document = endpoint.document(asked, model, created)

        def take(delta: Delta) -> None:
            meter.take(delta)
            document.feed(delta)

        await gather(deltas, take)
        return as_json(document.end(meter.count(generator)), headers)
    except (Exception, asyncio.CancelledError) as error:
        raise explained(error, asked, guest) from None


async def _streamed(
    endpoint: Endpoint[AskedT], asked: AskedT, deltas: AsyncGenerator[Delta, None], model: str, created: int,
    generator: Generator, meter: Meter, request: web.Request, guest: Guest, headers: Mapping[str, str],
) -> web.StreamResponse:  # fmt: skip
    encoder = endpoint.stream(asked, model, created)
    streaming = Streaming(request, guest, headers)

    def encode(delta: Delta) -> bytes:
        meter.take(delta)
        return encoder.feed(delta)

    try:
        await streaming.send(deltas, encode)
        last = encoder.end(meter.count(generator))
    except ConnectionError:
        return streaming.response  # the client has gone
    except (Exception, asyncio.CancelledError) as error:
        known = explained(error, asked, guest)
        if not (streaming.response.prepared and isinstance(known, Exception)):
            raise known from None
        last = encoder.fail(problem_of(known))
    await streaming.finish(last)
    return streaming.response


def explained(error: BaseException, asked: Asked, guest: Guest) -> BaseException:
    """`error` as the client should hear of it."""
    if isinstance(error, GenerationRefused):
        code = "context_length_exceeded" if isinstance(error, GenerationTooLong) else "invalid_value"
        return Problem(400, str(error), param=asked.names.get(error.field, error.field) or None, code=code)
    if isinstance(error, asyncio.CancelledError) and guest.closed:
        if (task := asyncio.current_task()) is not None:
            task.uncancel()
        return Problem(503, "The server is shutting down: try again soon.", code="shutting_down", retry_after=5)
    return error


def as_json(value: Mapping[str, Any], headers: Mapping[str, str]) -> web.Response:
    return web.Response(body=encoded(value), content_type="application/json", headers=headers)
