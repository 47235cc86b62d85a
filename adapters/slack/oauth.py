"""Installing the app into a workspace: /slack/install sends a browser to Slack, /slack/oauth_redirect takes it back.

Source: Slack's "Installing with OAuth". What comes back is believed only with a state of ours (`state.py`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import structlog
from aiohttp import web
from aiohttp.web import AbstractRouteDef

from adapters.slack import grants
from adapters.slack.grants import App, Granted, Refusal, Unreachable
from adapters.slack.installs import Account, Grant
from adapters.slack.manifest import SCOPES
from adapters.slack.state import SECONDS, States
from bot.config import Config
from bot.errors import FrontdeskError
from storage.base import Store

if TYPE_CHECKING:
    from adapters.slack.accounts import Accounts

log = structlog.get_logger()

START, BACK = "/slack/install", "/slack/oauth_redirect"
_COOKIE = "frontdesk_slack_install"
_AT_ONCE = 8
"""Codes that are exchanged at once; somebody who comes then is asked to try again."""
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",  # the address holds a code
    "X-Content-Type-Options": "nosniff",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1rem}}
:root{{color-scheme:light dark}}</style></head>
<body><h1>{title}</h1><p>{text}</p></body></html>
"""


class Installing:
    """The two routes."""

    def __init__(self, accounts: Accounts, app: App, config: Config, store: Store) -> None:
        self._accounts, self._app, self._config, self._store = accounts, app, config, store
        self._public = urlsplit(config.server.public_url.rstrip("/"))
        self._states = States()
        self._finishing: set[asyncio.Task[web.Response]] = set()

    def routes(self) -> Sequence[AbstractRouteDef]:
        return [web.get(START, self._start, allow_head=False), web.get(BACK, self._back, allow_head=False)]

    @property
    def redirect_uri(self) -> str:
        return self._public.geturl() + BACK

    async def _start(self, request: web.Request) -> web.Response:
        browser = self._states.browser(request.cookies.get(_COOKIE, ""))
        asked = {
            "client_id": self._app.client_id,
            "scope": ",".join(SCOPES),
            "redirect_uri": self.redirect_uri,
            "state": self._states.issue(browser),
        }
        where = f"{consent_page(self._config.slack.base_url)}?{urlencode(asked)}"
        response = web.Response(status=302, headers={**_HEADERS, "Location": where})
        response.set_cookie(
            _COOKIE,
            browser,
            max_age=SECONDS,
            path=self._public.path + "/slack",
            secure=self._public.scheme == "https",
            httponly=True,
            samesite="Lax",  # Slack's redirect is a navigation from another site
        )
        return response

    async def _back(self, request: web.Request) -> web.Response:
        given = request.query
        if not self._states.redeem(given.get("state", ""), request.cookies.get(_COOKIE, "")):
            return self._page(400, "That link is over", "It was used, is too old, or is another browser's.", again=True)
        if given.get("error"):
            return self._page(403, "Not installed", "Slack says that the installation was not allowed.", again=True)
        if not (code := given.get("code", "")):
            return self._page(400, "Not installed", "Slack sent no code.", again=True)
        if len(self._finishing) >= _AT_ONCE:
            return self._page(503, "One moment", "Many are installing just now.", again=True)
        task = asyncio.create_task(self._finish(code))  # the code is good once: this goes on when the browser leaves
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Wait for what is being installed."""
        await asyncio.gather(*self._finishing, return_exceptions=True)

    async def _finish(self, code: str) -> web.Response:
        try:
            grant = await self._granted(code)
        except Refusal as refusal:
            log.warning("slack.not_installed", error=refusal.error)
            text = f"Slack refused the installation ({refusal.error}): {refusal.remedy}"
            return self._page(400 if "code" in refusal.error else 502, "Not installed", text, again=True)
        except Unreachable:
            return self._page(503, "Not installed", "Slack does not answer.", again=True)
        except FrontdeskError as error:
            log.error("slack.not_installed", error=str(error))
            return self._page(503, "Not installed", "This server could not keep the installation.", again=True)
        if grant is None:
            return self._page(403, "Not installed", "This workspace may not use this server. Ask who runs it.")
        return self._page(
            200, "Installed", f"{grant.account.name or 'Your workspace'} has the app. Write to it in Slack."
        )

    async def _granted(self, code: str) -> Grant | None:
        """Exchange, look whose it is, and keep it. None when the workspace is not on the list; Slack is told so."""
        given = await grants.exchange(self._app, code, self.redirect_uri)
        team = "" if given.org_wide else given.team
        if not self._accounts.allowed(team, given.enterprise):
            await self._decline(given)
            return None
        who = await grants.whose_token(self._config.slack.base_url, given.token)
        account = Account(
            team=given.team or who.team,
            enterprise=given.enterprise or who.enterprise,
            name=(given.enterprise_name if given.org_wide else given.team_name) or who.name,
            bot_token=given.token,
            bot_user=who.user,
            bot_id=who.bot,
            scopes=given.scopes,
            org_wide=given.org_wide,
        )
        ends = time.time() + given.seconds if given.seconds else 0.0
        grant = Grant(account=account, refresh_token=given.refresh_token, expires_at=ends)
        if not grant.key:
            raise Refusal("oauth.v2.access", "no_workspace")
        await self._accounts.keep(grant)
        await self._store.audit("slack.install", {"account": grant.key})
        log.info("slack.installed", account=grant.key)
        return grant

    async def _decline(self, given: Granted) -> None:
        log.warning("slack.not_allowed", account=given.enterprise if given.org_wide else given.team)
        try:
            await grants.give_up(self._config.slack.base_url, given.token)
        except (Refusal, Unreachable) as problem:
            log.warning("slack.token_not_given_up", error=str(problem))

    def _page(self, status: int, title: str, text: str, *, again: bool = False) -> web.Response:
        begin = f' <a href="{escape(self._public.path + START)}">Begin again</a>.' if again else ""
        body = _PAGE.format(title=escape(title), text=escape(text) + begin)
        headers = _HEADERS | ({"Retry-After": "5"} if status == 503 else {})
        response = web.Response(status=status, text=body, content_type="text/html", headers=headers)
        if status == 200:
            response.del_cookie(_COOKIE, path=self._public.path + "/slack")
        return response


def consent_page(base_url: str) -> str:
    """Where people say yes. A proxy of the API is for this server, not for their browsers."""
    host = urlsplit(base_url).hostname or ""
    return f"https://{host if host in ('slack.com', 'slack-gov.com') else 'slack.com'}/oauth/v2/authorize"
