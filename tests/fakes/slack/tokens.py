"""auth.*, oauth.v2.access, apps.*: who may speak, and for how long."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.fakes.slack import shapes
from tests.fakes.slack.arguments import Refused
from tests.fakes.slack.state import ALL_SCOPES, Team, Token
from tests.fakes.slack.world import Call, World

LIFETIME = 43_200
"""Seconds that a token lives where tokens are rotated."""


@dataclass(kw_only=True)
class Grant:
    """What somebody allowed: a code, or a refresh token, for one workspace."""

    team: str
    user: str
    scopes: str
    redirect: str = ""
    used: bool = False


class OAuth:
    """The app's own credentials and what was granted to it. `rotate` gives tokens that end, with refresh tokens."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.client_id, self.client_secret = "1234567890.0123456789", "client-secret-test"
        self.rotate = False
        self.lifetime = LIFETIME
        self._codes: dict[str, Grant] = {}
        self._refresh: dict[str, Grant] = {}

    def grant(self, team: str, *, user: str = "U0123", scopes: str = ALL_SCOPES, redirect: str = "") -> str:
        """Somebody allows the app into their workspace; the code that comes back in the redirect."""
        code = f"{secrets.token_hex(6)}.{secrets.token_hex(12)}"
        self._codes[code] = Grant(team=team, user=user, scopes=scopes, redirect=redirect)
        return code

    def access(self, arguments: dict[str, Any], request: web.Request) -> dict[str, Any]:
        """oauth.v2.access: a code or a refresh token against tokens. Each of them once."""
        self._known(arguments, request)
        if arguments.get("grant_type") == "refresh_token":
            grant = self._take(self._refresh, arguments.get("refresh_token"), "invalid_refresh_token")
        else:
            grant = self._take(self._codes, arguments.get("code"), "invalid_code")
            if grant.redirect and grant.redirect != arguments.get("redirect_uri"):
                raise Refused("bad_redirect_uri")
        return self._tokens(grant)

    def _known(self, arguments: dict[str, Any], request: web.Request) -> None:
        client, secret = arguments.get("client_id", ""), arguments.get("client_secret", "")
        kind, _, basic = request.headers.get("Authorization", "").partition(" ")
        if kind == "Basic":
            client, _, secret = base64.b64decode(basic).decode().partition(":")
        if client != self.client_id:
            raise Refused("invalid_client_id")
        if secret != self.client_secret:
            raise Refused("bad_client_secret")

    def _take(self, kept: dict[str, Grant], value: str | None, error: str) -> Grant:
        grant = kept.get(value or "")
        if grant is None:
            raise Refused(error)
        if grant.used:
            raise Refused("code_already_used" if error == "invalid_code" else error)
        grant.used = True
        return grant

    def _tokens(self, grant: Grant) -> dict[str, Any]:
        team = self._world.teams[grant.team]
        token = Token(f"xoxb-test-{secrets.token_hex(8)}", team.id, scopes=grant.scopes)
        answer: dict[str, Any] = {}
        if self.rotate:
            token.value = "xoxe." + token.value
            token.expires = time.time() + self.lifetime
            refresh = f"xoxe-1-test-{secrets.token_hex(8)}"
            self._refresh[refresh] = Grant(team=grant.team, user=grant.user, scopes=grant.scopes)
            answer = {"expires_in": self.lifetime, "refresh_token": refresh}
        self._world.tokens[token.value] = token
        return answer | {
            "access_token": token.value,
            "token_type": "bot",
            "scope": grant.scopes,
            "bot_user_id": team.bot_user,
            "app_id": shapes.APP_ID,
            "team": {"id": team.id, "name": team.name},
            "enterprise": {"id": team.enterprise, "name": "Enterprise"} if team.enterprise else None,
            "is_enterprise_install": False,
            "authed_user": {"id": grant.user},
        }


async def test(call: Call) -> dict[str, Any]:
    team = call.team
    found = {"url": f"https://{team.domain}.slack.com/", "team": team.name, "team_id": team.id}
    if call.token.kind == "app":
        return found | {"app_id": shapes.APP_ID, "app_name": "frontdesk"}
    enterprise = {"enterprise_id": team.enterprise} if team.enterprise else {}
    person = {"user": "frontdesk", "user_id": team.bot_user, "bot_id": team.bot_id}
    return found | person | enterprise | {"is_enterprise_install": False}


async def revoke(call: Call) -> dict[str, Any]:
    if not call["test"]:
        call.token.dead = "token_revoked"
    return {"revoked": not call["test"]}


async def uninstall(call: Call) -> dict[str, Any]:
    kill(call.world, call.team, "account_inactive")
    return {}


def kill(world: World, team: Team, error: str) -> None:
    """Let every bot token of a workspace be answered with `error`."""
    for token in world.tokens.values():
        if token.team == team.id and token.kind == "bot":
            token.dead = error


def connections_open(ticket: Callable[[], str]) -> Callable[[Call], Any]:
    async def opened(_call: Call) -> dict[str, Any]:
        return {"url": ticket()}

    return opened


TOKENS = {"auth.test": test, "auth.revoke": revoke, "apps.uninstall": uninstall}
