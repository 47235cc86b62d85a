"""The part of Slack that knows tokens: whose they are, for how long, and new ones. It can refuse and hang up."""

from __future__ import annotations

import asyncio
import base64
import itertools
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from adapters.slack.installs import Account, Grant
from bot.config import Config, Secrets, Server, SlackConfig
from storage.sqlite import SqliteStore

CLIENT, SECRET, PUBLIC = "1234.5678", "client-secret-test", "https://chat.example.org"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Who a token speaks for."""

    team: str = "T0123"
    name: str = "Green Door"
    enterprise: str = ""
    org_wide: bool = False


@dataclass
class Token:
    place: Place
    ends: float = 0.0
    dead: str = ""


@dataclass
class Grantor:
    """`wrong` holds, by method, what happens to the next calls: a status, "drop", an error's word, or None for nothing.

    While `gates` holds an event for a method, its answers wait for it, after the work was done.
    """

    tokens: dict[str, Token] = field(default_factory=dict)
    codes: dict[str, Place] = field(default_factory=dict)
    refreshes: dict[str, Place] = field(default_factory=dict)
    calls: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    wrong: dict[str, list[int | str | None]] = field(default_factory=dict)
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    lifetime: int = 0
    scopes: str = "chat:write,im:history"
    members: frozenset[str] = frozenset()
    base_url: str = ""
    _numbers: Any = field(default_factory=itertools.count)

    def token(self, place: Place = Place(), value: str = "xoxb-test-1") -> str:
        self.tokens[value] = Token(place)
        return value

    def made(self, method: str) -> int:
        return sum(1 for called, _ in self.calls if called == method)

    async def asked(self, method: str, times: int = 1) -> None:
        """Wait until it was called so often."""
        async with asyncio.timeout(10), self.arrived:
            await self.arrived.wait_for(lambda: self.made(method) >= times)

    async def answer(self, request: web.Request) -> web.Response:
        method, form = request.match_info["method"], {**request.query, **dict(await request.post())}
        self.calls.append((method, {key: str(value) for key, value in form.items()}))
        async with self.arrived:
            self.arrived.notify_all()
        fault = self.wrong[method].pop(0) if self.wrong.get(method) else None
        if isinstance(fault, int):
            return web.Response(status=fault, text="<html>", content_type="text/html", headers={"Retry-After": "7"})
        if fault and fault != "drop":
            return web.json_response({"ok": False, "error": fault})
        answer = self._answer(method, request, self.calls[-1][1])
        if gate := self.gates.get(method):
            await gate.wait()
        if fault == "drop":
            assert request.transport
            request.transport.abort()
        return web.json_response(answer, headers={"X-OAuth-Scopes": self.scopes})

    def _answer(self, method: str, request: web.Request, form: Mapping[str, str]) -> dict[str, Any]:
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        if method == "oauth.v2.access":
            assert (kind, base64.b64decode(given).decode()) == ("Basic", f"{CLIENT}:{SECRET}")
            return self._access(form)
        token = self.tokens.get(given)
        if token is None:
            return {"ok": False, "error": "invalid_auth"}
        if token.dead or (token.ends and token.ends <= time.time()):
            return {"ok": False, "error": token.dead or "token_expired"}
        if method == "auth.revoke":
            token.dead = "token_revoked"
            return {"ok": True, "revoked": True}
        if method == "apps.connections.open":
            return {"ok": True, "url": "wss://example.org/"}
        if method == "conversations.info":
            where = form["channel"]
            return {"ok": True, "channel": {"id": where, "name": "support", "is_member": where in self.members}}
        assert method == "auth.test", method
        place = token.place
        who = {"team_id": place.team, "team": place.name, "user_id": "U0BOT", "bot_id": "B0BOT"}
        above = {"enterprise_id": place.enterprise} if place.enterprise else {}
        return {"ok": True, **who, **above, "is_enterprise_install": place.org_wide}

    def _access(self, form: Mapping[str, str]) -> dict[str, Any]:
        renewing = form.get("grant_type") == "refresh_token"
        kept = self.refreshes if renewing else self.codes
        place = kept.pop(form["refresh_token" if renewing else "code"], None)
        if place is None:
            return {"ok": False, "error": "invalid_refresh_token" if renewing else "invalid_code"}
        number = next(self._numbers)
        value = self.token(place, f"xoxe.xoxb-test-{number}" if self.lifetime else f"xoxb-test-granted-{number}")
        answer: dict[str, Any] = {"ok": True, "access_token": value, "token_type": "bot", "scope": self.scopes}
        if self.lifetime:
            self.tokens[value].ends = time.time() + self.lifetime
            self.refreshes[f"xoxe-1-test-{number}"] = place
            answer |= {"expires_in": self.lifetime, "refresh_token": f"xoxe-1-test-{number}"}
        team = None if place.org_wide else {"id": place.team, "name": place.name}
        above = {"id": place.enterprise, "name": "Green Group"} if place.enterprise else None
        where = {"team": team, "enterprise": above, "is_enterprise_install": place.org_wide}
        return answer | where | {"bot_user_id": "U0BOT"}


@asynccontextmanager
async def grantor() -> AsyncIterator[Grantor]:
    """A grantor on a loopback port."""
    slack = Grantor()
    served = web.Application()
    served.router.add_route("*", "/api/{method}", slack.answer)
    runner = web.AppRunner(served, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/"
    try:
        yield slack
    finally:
        await runner.cleanup()


@asynccontextmanager
async def stored(folder: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(folder)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
async def slack() -> AsyncIterator[Grantor]:
    async with grantor() as one:
        yield one


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with stored(tmp_path) as one:
        yield one


def granted(slack: Grantor, place: Place = Place(), value: str = "xoxb-test-installed") -> Grant:
    """An installation whose token Slack knows."""
    slack.token(place, value)
    account = Account(
        team=place.team, enterprise=place.enterprise, name=place.name, org_wide=place.org_wide,
        bot_token=value, bot_user="U0BOT", bot_id="B0BOT", scopes=frozenset({"chat:write"}),
    )  # fmt: skip
    return Grant(account=account)


def config_for(slack: Grantor, *, key: str = "", token: str = "", many: bool = False, **settings: Any) -> Config:
    """A configuration that asks `slack`; `many` lets workspaces install the app."""
    secrets = {
        "encryption_key": SecretStr(key) if key else None,
        "slack_bot_token": SecretStr(token) if token else None,
        "slack_client_secret": SecretStr(SECRET) if many else None,
    }
    return Config(
        server=Server(public_url=PUBLIC),
        slack=SlackConfig(enabled=True, base_url=slack.base_url, client_id=CLIENT if many else "", **settings),
        secrets=Secrets(**secrets),
    )
