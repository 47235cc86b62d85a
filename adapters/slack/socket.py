"""Slack over Socket Mode: envelopes come over a WebSocket that we open, and each is acknowledged when it is durable.

What is not acknowledged, Slack sends again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
import structlog
from aiohttp import ClientWebSocketResponse
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.connections import Connections
from adapters.slack.dispatch import Answer, quiet_logger
from adapters.slack.inbound import installed
from adapters.slack.payload import checked, string
from adapters.slack.signature import Denied
from bot.metrics import Metrics

log = structlog.get_logger()

Handle = Callable[[Mapping[str, Any]], Awaitable[Answer]]


class Socket:
    """Receives until cancelled. `handle` takes a payload and says what to acknowledge it with."""

    def __init__(
        self,
        base_url: str,
        app_token: str,
        handle: Handle,
        allowed: Callable[[str, str], bool],
        metrics: Metrics,
    ) -> None:
        self._base_url, self._app_token, self._handle = base_url, app_token, handle
        self._allowed = allowed
        self._connected = metrics.gauge("slack_connected", "Whether Socket Mode is connected.")
        self._envelopes = metrics.counter("slack_envelopes", "Envelopes, by whether they were acknowledged.", "outcome")

    async def run(self) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            web_client = AsyncWebClient(
                base_url=self._base_url, session=session, logger=quiet_logger(), retry_handlers=[]
            )
            client = Connections(self._app_token, web_client, self._envelope, self._connected.set)
            try:
                await client.connect()
                await asyncio.Event().wait()
            finally:
                self._connected.set(0)
                await client.end()

    async def _envelope(self, session: ClientWebSocketResponse, envelope: Mapping[str, Any]) -> None:
        ident = string(envelope, "envelope_id")
        if not ident:
            return
        try:
            payload = checked(envelope.get("payload"))
            of = installed(payload)
            permitted = not (of.team or of.enterprise) or self._allowed(of.team, of.enterprise)
            answer = await self._handle(payload) if permitted else Answer(403)
        except Denied as denied:
            answer = Answer(denied.status, str(denied))
        if answer.status == 503:
            self._envelopes.labels("left").inc()
            return
        if answer.status != 200:  # what is refused today is refused tomorrow: Slack need not tell again
            log.warning("slack.envelope_refused", kind=string(envelope, "type"), status=answer.status)
        await session.send_str(json.dumps({"envelope_id": ident} | _said(envelope, answer)))
        self._envelopes.labels("acknowledged").inc()


def _said(envelope: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
    if answer.status != 200 or not answer.body or not envelope.get("accepts_response_payload"):
        return {}
    return {"payload": {"text": answer.body}}
