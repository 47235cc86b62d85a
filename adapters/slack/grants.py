"""What Slack says of tokens: whose they are, and new ones for codes and refresh tokens.

Sources: auth.test, oauth.v2.access and "Using token rotation" in Slack's documentation.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import FrontdeskError

_SECONDS = 10
_SILENT = logging.getLogger("frontdesk.slack.grants")
"""The SDK's debug lines hold what was sent, so codes and refresh tokens too: they go nowhere."""
_SILENT.setLevel(logging.CRITICAL + 1)
_SILENT.propagate = False

_TRANSIENT = frozenset(
    ("fatal_error", "internal_error", "ratelimited", "request_timeout", "service_unavailable", "team_added_to_org")
)
"""Slack's words for "later". Every other one is final."""
_REMEDIES: Mapping[str, str] = {
    "invalid_auth": "copy the Bot User OAuth Token (xoxb-…) from the app's page OAuth & Permissions.",
    "not_authed": "copy the Bot User OAuth Token (xoxb-…) from the app's page OAuth & Permissions.",
    "account_inactive": "the app was removed, or its workspace closed; install it again and copy the new token.",
    "token_revoked": "the app was removed from the workspace; install it again and copy the new token.",
    "token_expired": "the app rotates its tokens; install it by OAuth (slack.client_id), or turn the rotation off.",
    "not_allowed_token_type": "it is another kind of token; the bot's begins with xoxb-.",
    "missing_scope": "the app lacks a scope; give it the manifest's scopes and install it again.",
    "invalid_refresh_token": "the workspace has to install the app again.",
    "invalid_client_id": "slack.client_id is not the app's: copy it from the app's page Basic Information.",
    "bad_client_secret": "SLACK_CLIENT_SECRET is not the app's: copy it from the app's page Basic Information.",
    "invalid_code": "the link was used before, or is too old: begin the installation again.",
    "code_already_used": "the link was used before: begin the installation again.",
    "no_bot_token": "the app asks for no bot scopes: make it from the manifest.",
    "bad_redirect_uri": "add this server's /slack/oauth_redirect to the app's redirect URLs.",
}


class Unreachable(FrontdeskError):
    """Slack did not answer, or asked to wait: try again in `retry_after` seconds. `told`: Slack itself said so."""

    def __init__(self, text: str, retry_after: float = 1.0, *, told: bool = False) -> None:
        super().__init__(text)
        self.retry_after, self.told = retry_after, told


class Refusal(FrontdeskError):
    """Slack said no, and would again: `error` is its word, `remedy` a sentence on what to do."""

    def __init__(self, method: str, error: str) -> None:
        super().__init__(f"Slack refused {method} ({error}).")
        self.error = error
        self.remedy = _REMEDIES.get(error, "Slack's documentation of the method explains the word.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Whose a token is, as `auth.test` says."""

    team: str
    name: str
    user: str
    bot: str
    enterprise: str
    org_wide: bool
    scopes: frozenset[str]


async def whose_token(base_url: str, token: str) -> Who:
    """Ask Slack whose `token` is. Raises `Refusal` or `Unreachable`."""
    async with _asking("auth.test", base_url, token) as client:
        answer = await client.auth_test()
        body, headers = _fields(answer.data), answer.headers
    granted = next((value for name, value in headers.items() if name.lower() == "x-oauth-scopes"), "")
    return Who(
        team=_text(body, "team_id"),
        name=_text(body, "team"),
        user=_text(body, "user_id"),
        bot=_text(body, "bot_id"),
        enterprise=_text(body, "enterprise_id"),
        org_wide=body.get("is_enterprise_install") is True,
        scopes=_scopes(granted),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """The app as its page Basic Information names it. `secret` is never shown."""

    base_url: str
    client_id: str
    secret: str

    def __repr__(self) -> str:
        return f"App({self.client_id!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What Slack gave for a code or a refresh token. `seconds` is how long the token lives, 0 for ever."""

    token: str
    refresh_token: str
    seconds: float
    scopes: frozenset[str]
    team: str
    team_name: str
    enterprise: str
    enterprise_name: str
    org_wide: bool

    def __repr__(self) -> str:
        return f"Granted(team={self.team!r}, enterprise={self.enterprise!r})"


async def exchange(app: App, code: str, redirect_uri: str) -> Granted:
    """The bot's token for the code that Slack sent somebody's browser back with. Raises `Refusal` or `Unreachable`."""
    return await _grant(app, code=code, redirect_uri=redirect_uri)


async def refresh(app: App, refresh_token: str) -> Granted:
    """A new token for an old one's refresh token, which ends with it. Raises `Refusal` or `Unreachable`."""
    return await _grant(app, grant_type="refresh_token", refresh_token=refresh_token)


async def try_app_token(base_url: str, token: str) -> None:
    """Whether Slack opens Socket Mode for it; no connection is made. Raises `Refusal` or `Unreachable`."""
    async with _asking("apps.connections.open", base_url) as client:
        await client.apps_connections_open(app_token=token)


async def look_at(base_url: str, token: str, conversation: str) -> tuple[str, bool]:
    """A conversation's name, and whether the app is in it. Raises `Refusal` or `Unreachable`."""
    async with _asking("conversations.info", base_url, token) as client:
        answer = await client.conversations_info(channel=conversation)
        shown = _fields(_fields(answer.data).get("channel"))
    return _text(shown, "name"), shown.get("is_member") is True


async def give_up(base_url: str, token: str) -> None:
    """Revoke a token; with its last one Slack removes the app. Raises `Refusal` or `Unreachable`."""
    async with _asking("auth.revoke", base_url, token) as client:
        await client.auth_revoke()


async def _grant(app: App, **arguments: str) -> Granted:
    async with _asking("oauth.v2.access", app.base_url) as client:
        answer = await client.api_call("oauth.v2.access", data=arguments, headers=_basic(app))
        body = _fields(answer.data)
    token, seconds = _text(body, "access_token"), body.get("expires_in")
    if body.get("token_type") != "bot" or not token:
        raise Refusal("oauth.v2.access", "no_bot_token")
    team, enterprise = _fields(body.get("team")), _fields(body.get("enterprise"))
    return Granted(
        token=token,
        refresh_token=_text(body, "refresh_token"),
        seconds=float(seconds) if isinstance(seconds, int | float) else 0.0,
        scopes=_scopes(_text(body, "scope")),
        team=_text(team, "id"),
        team_name=_text(team, "name"),
        enterprise=_text(enterprise, "id"),
        enterprise_name=_text(enterprise, "name"),
        org_wide=body.get("is_enterprise_install") is True,
    )


def _basic(app: App) -> dict[str, str]:
    """The app's credentials, as Slack prefers them. The SDK's own way goes through what aiohttp is about to drop."""
    pair = f"{app.client_id}:{app.secret}".encode()
    return {"Authorization": "Basic " + base64.b64encode(pair).decode()}


@asynccontextmanager
async def _asking(method: str, base_url: str, token: str | None = None) -> AsyncIterator[AsyncWebClient]:
    """A client for one call, and its failures in our words. It repeats nothing: the second try of a code is refused."""
    timeout = aiohttp.ClientTimeout(total=_SECONDS)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session:
            yield AsyncWebClient(
                token=token, base_url=base_url, session=session, retry_handlers=[], logger=_SILENT, timeout=_SECONDS
            )
    except SlackApiError as error:
        raise _translated(method, error) from None
    except (TimeoutError, aiohttp.ClientError, OSError, SlackClientError, ValueError) as error:
        raise Unreachable(f"Slack did not answer {method} ({type(error).__name__}).") from None


def _translated(method: str, error: SlackApiError) -> Refusal | Unreachable:
    response = error.response
    said = _fields(getattr(response, "data", None)).get("error")
    word = said if isinstance(said, str) else ""
    status = getattr(response, "status_code", 0)
    if status == 429 or status >= 500 or not word or word in _TRANSIENT:
        pause = _retry_after(response)
        return Unreachable(f"Slack did not answer {method} ({word or status}).", pause or 1.0, told=pause > 0)
    return Refusal(method, word[:60])


def _retry_after(response: Any) -> float:
    headers: Mapping[str, Any] = getattr(response, "headers", None) or {}
    given = next((str(value) for name, value in headers.items() if name.lower() == "retry-after"), "")
    return min(float(given), 3_600.0) if given.isascii() and given.isdigit() else 0.0


def _scopes(given: str) -> frozenset[str]:
    return frozenset(scope.strip() for scope in given.split(",") if scope.strip())


def _fields(given: Any) -> Mapping[str, Any]:
    return given if isinstance(given, Mapping) else {}


def _text(fields: Mapping[str, Any], key: str) -> str:
    value = fields.get(key)
    return value if isinstance(value, str) else ""
