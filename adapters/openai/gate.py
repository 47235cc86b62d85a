"""What every request passes on its way in, and every answer on its way out.

In: the page's origin (where a browser sends one), the key, the key's rate, the body's kind and size.
Out: what went wrong in OpenAI's shape, and the page's permission to read the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

import structlog
from aiohttp import web
from aiohttp.http import HttpProcessingError
from aiohttp.web_exceptions import HTTPException

from adapters.openai.account import Account
from adapters.openai.generator import GenerationBusy, GenerationFault, GenerationRefused, GenerationSlow
from adapters.openai.keys import Keys
from adapters.openai.problem import Problem
from adapters.openai.words import encoded, ident
from bot.config import Config
from bot.errors import ConfigError, StorageError
from bot.metrics import Metrics

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

BODY_SECONDS = 30.0
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "*, Authorization",
    "Access-Control-Max-Age": "7200",
}
_EXPOSED = "Retry-After, x-request-id, " + ", ".join(
    f"x-ratelimit-{what}-{kind}" for what in ("limit", "remaining", "reset") for kind in ("requests", "tokens")
)
_SAFE = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


class Gate:
    """Lets requests in. `opened` is set while the adapter runs. Raises `ConfigError` when anybody could come in."""

    def __init__(self, config: Config, keys: Keys, metrics: Metrics) -> None:
        if not config.api.require_key:
            _check_alone(config)
        self.opened = False
        self._keys = keys
        self._require_key = config.api.require_key
        self._body_bytes = config.api.limits.body_bytes
        self._every_origin = "*" in config.api.origins
        self._origins = frozenset(_origin(entry) for entry in config.api.origins if entry != "*")
        self._answered = metrics.counter("api_requests", "Requests to the API, by their status.", "status")

    def wrap(self, handler: Handler) -> Handler:
        """`handler` behind the gate."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            try:
                self._admit(request)
                response = await handler(request)
            except Exception as error:
                response = _answer(problem_of(error))
            if not response.prepared:
                for name, value in self.headers(request).items():
                    response.headers.setdefault(name, value)
            self._answered.labels(str(response.status)).inc()
            return response

        return guarded

    async def preflight(self, request: web.Request) -> web.Response:
        """What a browser asks before a page of another origin may send a key or JSON."""
        if not self._allowed(request):
            return _answer(_foreign())
        return web.Response(status=204, headers=_PREFLIGHT | self.headers(request))

    def headers(self, request: web.Request) -> dict[str, str]:
        """What every answer to `request` carries."""
        headers = _SAFE | {"Vary": "Origin", "x-request-id": ident("req_")}
        if (origin := request.headers.get("Origin")) and self._allowed(request):
            headers |= {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": _EXPOSED}
        return headers

    async def account(self, request: web.Request) -> Account:
        """Who asks. Raises `Problem` (401)."""
        kind, _, secret = request.headers.get("Authorization", "").partition(" ")
        secret = secret.strip()
        if not self._require_key:
            return self._keys.anonymous
        if kind.lower() != "bearer" or not secret:
            message = "An API key is missing: send it as `Authorization: Bearer fd_…`."
            raise Problem(401, message, code="invalid_api_key")
        return await self._keys.account(secret)

    async def body(self, request: web.Request) -> bytes:
        """The body, refused before it is read when its kind or size is wrong, and while it is read when it grows."""
        if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
            raise Problem(415, "Compressed bodies are not taken: send the JSON as it is.")
        if request.content_type != "application/json" or (request.charset or "utf-8").lower() not in ("utf-8", "utf8"):
            raise Problem(415, "Send JSON in UTF-8, with `Content-Type: application/json`.")
        if (request.content_length or 0) > self._body_bytes:
            raise self._too_large()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await self._read(request)
        except TimeoutError:
            raise Problem(408, "The body took too long to arrive.") from None
        except (web.RequestPayloadError, HttpProcessingError, ConnectionError):
            raise Problem(400, "The body did not arrive whole.") from None

    async def _read(self, request: web.Request) -> bytes:
        read = bytearray()
        async for chunk in request.content.iter_any():
            read += chunk
            if len(read) > self._body_bytes:
                raise self._too_large()
        return bytes(read)

    def _admit(self, request: web.Request) -> None:
        if not self._allowed(request):
            raise _foreign()
        if not self._require_key and not _is_local(_name_in(request.host)):
            # A page whose name was pointed at this machine ("DNS rebinding") would be no stranger to the browser.
            raise Problem(403, "Without keys the API answers under localhost or a loopback address alone.")
        if not self.opened:
            raise Problem(503, "The API is starting or closing: try again in a moment.", retry_after=2)

    def _allowed(self, request: web.Request) -> bool:
        origin = request.headers.get("Origin")
        return origin is None or self._every_origin or origin in self._origins

    def _too_large(self) -> Problem:
        return Problem(413, f"The body is larger than {self._body_bytes} bytes.", code="request_too_large")


def problem_of(error: Exception) -> Problem:
    """What the client is told about `error`. Neither a key nor a text ever stands in it."""
    match error:
        case Problem():
            return error
        case GenerationFault():
            return _failed(error)
        case StorageError():
            return Problem(503, "Keys cannot be looked up at the moment: try again soon.", retry_after=5)
        case HTTPException() if error.status < 500:
            return Problem(error.status, error.reason)
    log.error("api.fault", exc_info=error)
    return Problem(500, "Something went wrong here: the server's log says what.", code="internal_error")


def _failed(fault: GenerationFault) -> Problem:
    match fault:
        case GenerationBusy():
            return Problem(503, str(fault), code="overloaded", retry_after=1)
        case GenerationSlow():
            return Problem(504, str(fault), code="timeout")
        case GenerationRefused():
            return Problem(400, str(fault), param=fault.field or None, code="invalid_value")
    return Problem(500, str(fault), code="generation_failed")


def _answer(problem: Problem) -> web.Response:
    response = web.Response(
        body=encoded(problem.body()), status=problem.status, headers=problem.headers, content_type="application/json"
    )
    if problem.status in (408, 413, 415):
        response.force_close()  # what is left of the body is not worth reading: nothing can follow it
    return response


def _foreign() -> Problem:
    return Problem(403, "Pages of this origin may not call the API: list it in `api.origins` of its server.")


def _check_alone(config: Config) -> None:
    server = config.server
    if not _is_local(server.host) or server.public_url or server.trusted_proxies:
        raise ConfigError(
            "`api.require_key` is false, but others than this machine can reach the server: set it to true and make "
            "keys with `frontdesk keys create`, or let `server.host` be 127.0.0.1, without `server.public_url` and "
            "`server.trusted_proxies`."
        )


def _name_in(host: str) -> str:
    """The name or address in a Host header, without the port; "" for what is none."""
    try:
        return (urlsplit(f"//{host}").hostname or "") if not set(host) & set("/?#@\\") else ""
    except ValueError:
        return ""


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _origin(entry: str) -> str:
    try:
        parts = urlsplit(entry)
        right = parts.scheme in ("http", "https") and parts.hostname and entry == f"{parts.scheme}://{parts.netloc}"
    except ValueError:
        right = False
    if not right or "@" in entry or "*" in entry:
        raise ConfigError(f'`api.origins` holds {entry!r}: write "https://example.org", without a path, or "*" alone.')
    return entry.lower()
