"""Slack over HTTP: what a request passes on its way in. Nothing is parsed that Slack did not sign."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.web import AbstractRouteDef

from adapters.body import BodyRefused, body_of
from adapters.slack.dispatch import Answer, Dispatch
from adapters.slack.inbound import installed
from adapters.slack.payload import parse
from adapters.slack.signature import Denied, claim_of, verify_body
from bot.metrics import Metrics

PATH = "/slack/events"
BODY_SECONDS = 10.0
RETRY_SECONDS = 5


class Door:
    """Takes events, interactions and commands at one address. `opened` while the adapter runs."""

    def __init__(
        self,
        secret: str,
        dispatch: Dispatch,
        metrics: Metrics,
        *,
        body_bytes: int,
        allowed: Callable[[str, str], bool],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._secret, self._dispatch, self._clock = secret, dispatch, clock
        self._body_bytes, self._allowed = body_bytes, allowed
        self._answers = metrics.counter("slack_requests", "Requests of Slack, by what they were answered.", "status")
        self.opened = False

    def routes(self) -> list[AbstractRouteDef]:
        return [web.post(PATH, self._counted(self._handle))]

    def _counted(
        self, handle: Callable[[web.Request], Awaitable[web.Response]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def counted(request: web.Request) -> web.Response:
            response = await handle(request)
            self._answers.labels(str(response.status)).inc()
            return response

        return counted

    async def _handle(self, request: web.Request) -> web.Response:
        try:
            claim = claim_of(request.headers, self._clock())
            if not self.opened:
                return _response(Answer(503))
            body = await body_of(request, most=self._body_bytes, seconds=BODY_SECONDS)
            verify_body(body, claim, self._secret)
            payload = parse(body, request.content_type)
        except BodyRefused as refused:
            return web.Response(status=400, text=str(refused))
        except Denied as denied:
            return web.Response(status=denied.status, text=str(denied))
        of = installed(payload)
        if (of.team or of.enterprise) and not self._allowed(of.team, of.enterprise):
            return _response(Answer(403, "This workspace may not use this app."))
        return _response(await self._dispatch(payload))


def _response(answer: Answer) -> web.Response:
    headers = {"Retry-After": str(RETRY_SECONDS)} if answer.status == 503 else {}
    return web.Response(status=answer.status, text=answer.body, content_type=answer.content_type, headers=headers)
