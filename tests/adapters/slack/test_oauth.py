"""Installing the app: only who began may finish, once, soon, in their own browser, and where it is allowed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack import state as module
from adapters.slack.accounts import Accounts, NotInstalled
from adapters.slack.manifest import SCOPES
from adapters.slack.oauth import consent_page
from adapters.slack.state import SECONDS, States
from bot.config import Config
from bot.errors import StorageError
from storage.sqlite import SqliteStore
from tests.adapters.slack.grantor import CLIENT, PUBLIC, SECRET, Grantor, Place, config_for, slack, store

__all__ = ["slack", "store"]


class Browser:
    """Somebody's browser, with cookies of its own. The pages are served where `server.public_url` would lead."""

    def __init__(self, session: aiohttp.ClientSession, address: str) -> None:
        self._session, self._address = session, address
        self.cookie = ""

    async def get(self, path: str, **query: str) -> tuple[int, str, Any]:
        headers = {"Cookie": self.cookie} if self.cookie else {}
        url = self._address + path
        async with self._session.get(url, params=query, headers=headers, allow_redirects=False) as answer:
            for morsel in answer.cookies.values():
                self.cookie = f"{morsel.key}={morsel.value}" if morsel.value else ""
            return answer.status, await answer.text(), answer.headers

    async def begin(self) -> dict[str, str]:
        """What Slack is asked for."""
        status, _, headers = await self.get("/slack/install")
        assert status == 302
        asked = {name: values[0] for name, values in parse_qs(urlsplit(headers["Location"]).query).items()}
        self.attributes = headers["Set-Cookie"]
        return asked | {"page": headers["Location"].partition("?")[0]}

    async def back(self, **query: str) -> tuple[int, str]:
        status, text, headers = await self.get("/slack/oauth_redirect", **query)
        assert headers["Content-Type"] == "text/html; charset=utf-8"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "Location" not in headers
        return status, text


class Side:
    """Accounts, their pages, and as many browsers as one likes."""

    def __init__(self, config: Config, store: Any) -> None:
        self.accounts = Accounts(config, store)
        self.address = ""
        self.session: aiohttp.ClientSession

    def browser(self) -> Browser:
        return Browser(self.session, self.address)


@asynccontextmanager
async def served(config: Config, store: Any) -> AsyncIterator[Side]:
    side = Side(config, store)
    application = web.Application()
    application.router.add_routes(side.accounts.routes())
    runner = web.AppRunner(application, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    side.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as side.session:
        try:
            yield side
        finally:
            await side.accounts.close()
            await runner.cleanup()


@pytest.fixture
async def side(slack: Grantor, store: SqliteStore) -> AsyncIterator[Side]:
    async with served(config_for(slack, many=True), store) as one:
        yield one


async def test_somebody_installs_the_app(side: Side, slack: Grantor, store: SqliteStore) -> None:
    """Sent to Slack with what it wants to know, back with a code, and the workspace is spoken in."""
    browser = side.browser()
    asked = await browser.begin()
    assert asked["page"] == "https://slack.com/oauth/v2/authorize"
    assert asked["client_id"] == CLIENT
    assert asked["scope"] == ",".join(SCOPES)
    assert asked["redirect_uri"] == f"{PUBLIC}/slack/oauth_redirect"
    for attribute in ("HttpOnly", "Secure", "SameSite=Lax", "Path=/slack", f"Max-Age={SECONDS}"):
        assert attribute in browser.attributes
    slack.codes["code-1"] = Place(name="Green <b>Door</b>")
    status, page = await browser.back(code="code-1", state=asked["state"])
    assert status == 200
    assert "Green &lt;b&gt;Door&lt;/b&gt;" in page
    assert browser.cookie == ""
    exchanged = next(form for method, form in slack.calls if method == "oauth.v2.access")
    assert exchanged == {"code": "code-1", "redirect_uri": asked["redirect_uri"]}
    account = await side.accounts.of("T0123")
    assert (account.bot_user, account.bot_id, account.scopes) == ("U0BOT", "B0BOT", {"chat:write", "im:history"})
    told = [(action, detail) async for _, _, action, detail in store.audited()]
    assert told == [("slack.install", {"account": "T0123"})]


async def test_an_organisation_installs_it_as_a_whole(side: Side, slack: Grantor, store: SqliteStore) -> None:
    """Kept under the organisation, with tokens that end."""
    slack.lifetime = 43_200
    slack.codes["code-1"] = Place(team="", enterprise="E0123", org_wide=True)
    browser = side.browser()
    status, page = await browser.back(code="code-1", state=(await browser.begin())["state"])
    assert (status, "Green Group" in page) == (200, True)
    assert [row.account for row in await store.installations("slack")] == ["E0123"]
    assert (await side.accounts.of("T0456", "E0123")).org_wide


async def test_a_state_is_for_its_browser_and_for_once(side: Side, slack: Grantor) -> None:
    """Not without the cookie, not with another's, not twice, and the code is not even looked at."""
    mine, theirs = side.browser(), side.browser()
    state = (await mine.begin())["state"]
    await theirs.begin()
    slack.codes["code-1"] = Place()
    for browser in (theirs, side.browser()):
        assert (await browser.back(code="code-1", state=state))[0] == 400
    assert not slack.calls
    cookie = mine.cookie
    assert (await mine.back(code="code-1", state=state))[0] == 200
    mine.cookie, slack.codes["code-2"] = cookie, Place()
    assert (await mine.back(code="code-2", state=state))[0] == 400
    assert slack.made("oauth.v2.access") == 1


async def test_two_tabs_of_one_browser_both_finish(side: Side, slack: Grantor) -> None:
    """The second beginning does not spoil the first."""
    browser = side.browser()
    states = [(await browser.begin())["state"] for _ in range(2)]
    cookie = browser.cookie
    for number, state in enumerate(states):
        slack.codes[f"code-{number}"] = Place(team=f"T{number}")
        browser.cookie = cookie
        assert (await browser.back(code=f"code-{number}", state=state))[0] == 200


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ({"error": "access_denied"}, 403, "was not allowed"),
        ({}, 400, "no code"),
        ({"code": "unknown"}, 400, "invalid_code"),
    ],
)
async def test_a_refusal_is_a_page(side: Side, query: dict[str, str], status: int, says: str) -> None:
    """With a proper status, and the way to begin again."""
    browser = side.browser()
    told, page = await browser.back(**query, state=(await browser.begin())["state"])
    assert told == status
    assert says in page
    assert 'href="/slack/install"' in page


@pytest.mark.parametrize("name", ["state", "code", "error", "other"])
async def test_nothing_of_the_address_is_shown(side: Side, name: str) -> None:
    """What a link holds does not come back in the page, escaped or not."""
    browser = side.browser()
    state = (await browser.begin())["state"]
    _, page = await browser.back(**({"state": state} | {name: "<script>alert(1)</script>marker"}))
    assert "marker" not in page
    assert "script" not in page


async def test_a_workspace_that_is_not_on_the_list_is_turned_away(slack: Grantor, store: SqliteStore) -> None:
    """Nothing is kept, and the token is given back; an organisation counts by its own id."""
    slack.codes |= {
        "out": Place(team="T0666"), "in": Place(team="T0123"),
        "org-out": Place(team="", enterprise="E0666", org_wide=True), "member": Place(team="T0667", enterprise="E0123"),
        "org-in": Place(team="", enterprise="E0123", org_wide=True),
    }  # fmt: skip
    async with served(config_for(slack, many=True, teams=("T0123", "E0123")), store) as side:
        for code, status in (("out", 403), ("in", 200), ("org-out", 403), ("org-in", 200), ("member", 200)):
            browser = side.browser()
            assert (await browser.back(code=code, state=(await browser.begin())["state"]))[0] == status, code
    assert {row.account for row in await store.installations("slack")} == {"E0123", "T0123", "T0667"}
    assert [token.dead for token in slack.tokens.values()] == ["token_revoked", "", "token_revoked", "", ""]


@pytest.mark.parametrize(
    ("fault", "status"),
    [(503, 503), (429, 503), ("drop", 503), ("internal_error", 503), ("bad_client_secret", 502), ("code_expired", 400)],
)
async def test_what_slack_says_becomes_a_status(side: Side, slack: Grantor, fault: int | str, status: int) -> None:
    """An outage is ours to wait for, a wrong secret the server's, an old code the link's; the code is sent once."""
    slack.wrong["oauth.v2.access"], slack.codes["code-1"] = [fault], Place()
    browser = side.browser()
    told, page = await browser.back(code="code-1", state=(await browser.begin())["state"])
    assert told == status
    assert SECRET not in page
    assert slack.made("oauth.v2.access") == 1


async def test_a_full_disk_is_said(slack: Grantor, store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be kept is not called installed."""

    async def full(_installation: object) -> None:
        raise StorageError("The disk is full.")

    slack.codes["code-1"] = Place()
    async with served(config_for(slack, many=True), store) as side:
        monkeypatch.setattr(store, "install", full)
        browser = side.browser()
        assert (await browser.back(code="code-1", state=(await browser.begin())["state"]))[0] == 503
    monkeypatch.undo()
    assert await store.installations("slack") == []


async def test_an_installation_goes_on_when_the_browser_leaves(side: Side, slack: Grantor) -> None:
    """The code is spent: what comes for it is kept, and `close` waits for it."""
    slack.gates["oauth.v2.access"], slack.codes["code-1"] = asyncio.Event(), Place()
    browser = side.browser()
    state = (await browser.begin())["state"]
    going = asyncio.create_task(browser.back(code="code-1", state=state))
    await slack.asked("oauth.v2.access")
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    slack.gates["oauth.v2.access"].set()
    await side.accounts.close()
    assert (await side.accounts.of("T0123")).team == "T0123"


async def test_only_so_many_are_exchanged_at_once(side: Side, slack: Grantor) -> None:
    """Slack's slowness does not pile up here: who comes too many is asked to come again."""
    slack.gates["oauth.v2.access"] = asyncio.Event()
    going = []
    for number in range(12):
        browser, slack.codes[f"code-{number}"] = side.browser(), Place(team=f"T{number}")
        state = (await browser.begin())["state"]
        going.append(asyncio.create_task(browser.back(code=f"code-{number}", state=state)))
        if number < 8:
            await slack.asked("oauth.v2.access", number + 1)
    assert {(await task)[0] for task in going[8:]} == {503}
    slack.gates["oauth.v2.access"].set()
    assert {(await task)[0] for task in going[:8]} == {200}


async def test_links_are_only_followed(side: Side) -> None:
    """A HEAD of something that looks at links spends no state."""
    async with side.session.head(side.address + "/slack/oauth_redirect") as answer:
        assert answer.status == 405


async def test_a_path_of_the_public_address_is_kept(slack: Grantor, store: SqliteStore) -> None:
    """Behind a proxy that serves us below a path, links, cookies and redirects name it."""
    config = config_for(slack, many=True)
    below = config.server.model_copy(update={"public_url": "https://example.org/bot/"})
    async with served(config.model_copy(update={"server": below}), store) as side:
        browser = side.browser()
        asked = await browser.begin()
        assert asked["redirect_uri"] == "https://example.org/bot/slack/oauth_redirect"
        assert "Path=/bot/slack" in browser.attributes
        assert 'href="/bot/slack/install"' in (await browser.back(state="x"))[1]


def test_without_an_app_there_are_no_pages(slack: Grantor, tmp_path: Path) -> None:
    """One workspace needs none."""
    assert list(Accounts(config_for(slack), SqliteStore(tmp_path)).routes()) == []


async def test_nobody_is_installed_before(side: Side) -> None:
    """The pages alone install nothing."""
    with pytest.raises(NotInstalled):
        await side.accounts.of("T0123")


@pytest.mark.parametrize(
    ("base", "host"),
    [("https://slack.com/api/", "slack.com"), ("https://slack-gov.com/api/", "slack-gov.com"),
     ("http://127.0.0.1:9/api/", "slack.com"), ("https://proxy.example.org/", "slack.com")],
)  # fmt: skip
def test_people_say_yes_at_slack(base: str, host: str) -> None:
    """A proxy of the API is not where people are sent."""
    assert consent_page(base) == f"https://{host}/oauth/v2/authorize"


# -- the state ---------------------------------------------------------------------------------------------
@given(tampered=st.text(max_size=80), browser=st.text(max_size=50))
def test_no_state_is_made_up(tampered: str, browser: str) -> None:
    """Whatever comes, it is refused and breaks nothing."""
    assert not States().redeem(tampered, browser)


@given(position=st.integers(0, 200), character=st.sampled_from("0aZ._-é\ud800"))
def test_no_state_is_changed(position: int, character: str) -> None:
    """One character that differs is enough."""
    states = States()
    browser = states.browser()
    state = states.issue(browser)
    position %= len(state)
    changed = state[:position] + character + state[position + 1 :]
    assert states.redeem(changed, browser) == (changed == state)


def test_a_state_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """After ten minutes; what was used is forgotten then, and no sooner."""
    states = States()
    browser, now = states.browser(), module.time.time()
    early, late = states.issue(browser), states.issue(browser)
    assert states.redeem(early, browser)
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: now + SECONDS - 2))
    assert not states.redeem(early, browser)
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: now + SECONDS + 1))
    assert not states.redeem(early, browser)
    assert not states.redeem(late, browser)
    assert states.redeem(states.issue(browser), browser)
    assert len(states._used) == 1


def test_a_browser_keeps_its_cookie() -> None:
    """One of our making; anything else is replaced."""
    states = States()
    cookie = states.browser()
    assert states.browser(cookie) == cookie
    for other in ("", "x", cookie + "x", "é" * 43, cookie[:-1] + "\n"):
        assert re.fullmatch(r"[\w-]{43}", states.browser(other), re.ASCII)
        assert states.browser(other) != other
