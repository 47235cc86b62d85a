"""One payload through Bolt, and what Slack is answered. The same for both ways in.

Bolt by itself acknowledges an event at once and works afterwards in a task that nobody owns, answers what it has no
listener for with 404 (so that Slack tells again), reads bodies before it verifies them, and knows no duplicates. Here
one middleware hears everything and returns when it is durable; requests were verified before they came here; and
what was told twice is known by its id. Bolt's own client calls nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.accounts import Accounts, NotInstalled
from bot.errors import FrontdeskError

log = structlog.get_logger()

Receive = Callable[[Mapping[str, Any]], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` 200: it is durable, or no concern of ours; 400 and 403: do not tell again; 503: do. `body` is JSON or
    text for Slack."""

    status: int
    body: str = ""
    content_type: str = "text/plain"


def quiet_logger() -> logging.Logger:
    """What Bolt and the SDK log to: their lines hold what people wrote, and addresses that are as good as tokens."""
    logger = logging.getLogger("frontdesk.slack")
    logger.setLevel(logging.ERROR)
    logger.addFilter(_without_words)
    return logger


def _without_words(record: logging.LogRecord) -> bool:
    """Say that something failed and of which kind it was, and leave the rest out."""
    kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else "error"
    record.msg, record.args, record.exc_info = f"Slack's SDK: {kind} in {record.funcName}", (), None
    return True


class Dispatch:
    """Hands payloads to `receive` and maps what it raises to what Slack understands."""

    def __init__(self, base_url: str, accounts: Accounts, receive: Receive) -> None:
        logger = quiet_logger()
        self._app = AsyncApp(
            name="frontdesk",
            logger=logger,
            process_before_response=True,
            signing_secret="",  # verified on the raw bytes, before the body was parsed
            request_verification_enabled=False,
            client=AsyncWebClient(base_url=base_url, logger=logger, retry_handlers=[]),
            authorize=_Authorize(accounts),
            ignoring_self_events_enabled=False,  # which messages are our own, `rules` knows
            attaching_function_token_enabled=False,
            attaching_conversation_kwargs_enabled=False,
        )
        self._app.use(_Everything(receive))

    async def __call__(self, payload: Mapping[str, Any]) -> Answer:
        """Take a payload that `payload.checked` let through. Never raises but for a cancellation."""
        try:
            request = AsyncBoltRequest(body=dict(payload), mode="socket_mode")
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            return Answer(400, "The payload is not of Slack's shape.")
        response = await self._app.async_dispatch(request)
        if response.status == 500:  # Bolt's own fault, of which its log tells
            return Answer(503)
        kind = next(iter(response.headers.get("content-type", ())), "text/plain")
        return Answer(response.status, response.body or "", kind.partition(";")[0])


class _Authorize(AsyncAuthorize):
    """Whose token is used in a workspace: `Accounts` knows. What it raises is kept for `_Everything`."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def __call__(
        self, *, context: AsyncBoltContext, enterprise_id: str | None, team_id: str | None, **_: object
    ) -> AuthorizeResult:
        found = AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id)
        try:
            account = await self._accounts.of(team_id or "", enterprise_id or "")
        except Exception as error:
            context[_FAULT] = error
            return found
        return AuthorizeResult(
            enterprise_id=account.enterprise or None,
            team_id=account.team,
            bot_id=account.bot_id,
            bot_user_id=account.bot_user,
            bot_token=account.bot_token,
        )


class _Everything(AsyncMiddleware):
    """Listens to whatever comes. A listener of Bolt's usual kind is given arguments that Bolt finds in the payload,
    and cannot be called when a payload has none: it would be answered with 500, without anybody of ours being asked."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive

    async def async_process(self, *, req: AsyncBoltRequest, **_: object) -> BoltResponse:
        if fault := req.context.get(_FAULT):
            return _failed(fault)
        try:
            return BoltResponse(status=200, body=await self._receive(req.body))
        except Exception as error:
            return _failed(error)


_FAULT = "frontdesk_fault"


def _failed(error: Exception) -> BoltResponse:
    if isinstance(error, NotInstalled):
        return BoltResponse(status=403, body="Frontdesk is not installed in this workspace.")
    if isinstance(error, FrontdeskError):
        log.warning("slack.refused", error=type(error).__name__)
    else:
        log.error("slack.fault", exc_info=error)
    return BoltResponse(status=503, body="")
