"""What every request passes on its way in, and every answer on its way out.

In: the page's origin, the sender's address and its rate, the body's kind and size, the visitor's token.
Out: what went wrong as JSON, the security headers, and the page's permission to read the answer.
Whatever happens inside, nothing but 503 ever stands for a fault of ours.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web
from aiohttp.http import HttpProcessingError
from aiohttp.web_exceptions import HTTPException

from adapters.web.limits import Rates, charge
from adapters.web.origins import CORS, Origins, client_address, is_trusted, networks
from adapters.web.protocol import Problem
from adapters.web.tokens import Session, Tokens
from bot.config import Config
from bot.errors import Overloaded, StorageError, TooLarge
from bot.metrics import Metrics

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

BODY_SECONDS = 15.0
SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
PRIVATE = {"Cache-Control": "no-store"}


class Gate:
    """Lets requests in. `clock` gives seconds that never go back; `opened` is set while the channel runs."""

    def __init__(
        self, config: Config, tokens: Tokens, metrics: Metrics, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        limits = config.web.limits
        self.tokens = tokens
        self.opened = False
        self._body_bytes = limits.body_bytes
        self._origins = Origins(config.web.origins, config.server.public_url)
        self._trusted = networks(config.server.trusted_proxies)
        self._by_address = Rates(limits.address_per_minute, clock=clock)
        self._by_visitor = Rates(limits.visitor_per_minute, clock=clock)
        self._by_site = Rates(limits.site_per_minute, clock=clock)
        self._refused = metrics.counter("web_requests_refused", "Requests answered with an error.", "code")

    # -- around every handler ------------------------------------------------------------------------
    def wrap(self, handler: Handler, *, always: bool = False) -> Handler:
        """`handler` behind the gate. With `always` it also serves before the channel runs, and is not counted."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            try:
                self._admit(request, always=always)
                response = await handler(request)
            except Exception as error:
                response = self._answer(_problem(error))
            if not response.prepared:
                for name, value in self.headers(request).items():
                    response.headers.setdefault(name, value)
            return response

        return guarded

    async def preflight(self, request: web.Request) -> web.Response:
        """What a browser asks before a page of another origin may send a body or a token."""
        if not self._allowed(request):
            return self._answer(_foreign())
        return web.Response(status=204, headers=CORS | self.headers(request))

    def headers(self, request: web.Request) -> dict[str, str]:
        """What every answer to `request` carries."""
        headers = SECURITY | {"Vary": "Origin"}
        if (origin := request.headers.get("Origin")) and self._allowed(request):
            headers |= {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "Retry-After"}
        return headers

    def _admit(self, request: web.Request, *, always: bool) -> None:
        if always:
            return
        if not self._allowed(request):
            raise _foreign()
        if not self.opened:
            raise Problem(503, "starting", "The chat is starting or closing: try again in a moment.", retry_after=2)
        charge(self._by_address, self.address(request), "too_many_requests")

    def _allowed(self, request: web.Request) -> bool:
        origin = request.headers.get("Origin")
        return origin is None or self._origins.allow(origin, scheme=self._scheme(request), host=request.host)

    def _scheme(self, request: web.Request) -> str:
        told = request.headers.get("X-Forwarded-Proto", "").rpartition(",")[2].strip().lower()
        return told if told in ("http", "https") and is_trusted(request.remote, self._trusted) else request.scheme

    def _answer(self, problem: Problem) -> web.Response:
        self._refused.labels(problem.code).inc()
        headers = dict(PRIVATE)
        if problem.retry_after:
            headers["Retry-After"] = str(problem.retry_after)
        if problem.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        response = web.json_response(problem.body(), status=problem.status, headers=headers)
        if problem.status in (413, 415):
            response.force_close()  # what is left of the body is not worth reading: nothing can follow it
        return response

    # -- what handlers ask for -----------------------------------------------------------------------
    def address(self, request: web.Request) -> str:
        """Whom the request is counted to."""
        return client_address(request.remote, request.headers.getall("X-Forwarded-For", []), self._trusted)

    def bearer(self, request: web.Request) -> str:
        """The token that came with the request, "" when there is none."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        return token.strip() if kind.lower() == "bearer" else ""

    def visitor(self, request: web.Request) -> Session:
        """Who asks. Raises `Problem` (401)."""
        if token := self.bearer(request):
            return self.tokens.read(token)
        raise Problem(401, "no_token", "A token is missing: ask POST /web/session for one.")

    def charge_visitor(self, visitor: str) -> None:
        charge(self._by_visitor, visitor, "too_many_messages")

    def charge_site(self) -> None:
        charge(self._by_site, "site", "site_busy")

    async def body(self, request: web.Request) -> bytes:
        """The body, refused before it is read when its kind or size is wrong, and while it is read when it grows."""
        if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
            raise Problem(415, "compressed", "Compressed bodies are not taken: send the JSON as it is.")
        if request.content_type != "application/json" or (request.charset or "utf-8").lower() not in ("utf-8", "utf8"):
            raise Problem(415, "not_json", "Send JSON in UTF-8, with Content-Type: application/json.")
        if (request.content_length or 0) > self._body_bytes:
            raise self._too_large()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await self._read(request)
        except TimeoutError:
            raise Problem(400, "too_slow", "The body took too long to arrive.") from None
        except (web.RequestPayloadError, HttpProcessingError, ConnectionError):
            raise Problem(400, "broken_body", "The body did not arrive whole.") from None

    async def _read(self, request: web.Request) -> bytes:
        read = bytearray()
        async for chunk in request.content.iter_any():
            read += chunk
            if len(read) > self._body_bytes:
                raise self._too_large()
        return bytes(read)

    def _too_large(self) -> Problem:
        return Problem(413, "too_large", f"The body is larger than {self._body_bytes} bytes.")


def _foreign() -> Problem:
    return Problem(
        403, "foreign_origin", "Pages of this origin may not use this chat: list it in `web.origins` of its server."
    )


def _problem(error: Exception) -> Problem:
    """What the sender is told about `error`. Neither a secret nor a text ever stands in it."""
    match error:
        case Problem():
            return error
        case Overloaded():
            return Problem(503, "overloaded", "Too much is waiting at the moment: try again soon.", retry_after=5)
        case TooLarge():
            return Problem(413, "too_large", "The message is too large.")
        case StorageError():
            return Problem(503, "storage", "Nothing can be stored at the moment: try again soon.", retry_after=10)
        case HTTPException() if error.status < 500:
            return Problem(error.status, "refused", error.reason)
    log.error("web.fault", exc_info=error)
    return Problem(503, "unavailable", "Something went wrong here: try again soon.", retry_after=5)
