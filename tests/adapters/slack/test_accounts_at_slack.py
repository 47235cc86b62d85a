"""Accounts against the strict stand-in for Slack, which refuses what Slack would refuse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from adapters.slack import grants
from adapters.slack.accounts import Accounts, NotInstalled, app_of
from adapters.slack.findings import findings
from adapters.slack.manifest import SCOPES
from bot.config import Config, HandoverConfig, Secrets, Server, SlackConfig
from tests.adapters.slack.grantor import stored
from tests.adapters.slack.test_oauth import served
from tests.bot.test_cli import frontdesk
from tests.fakes.slack.server import FakeSlack, fake_slack

URL = "https://chat.example.org"


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with fake_slack() as one:
        one.team("T0123", bot_token="xoxb-test-1", app_token="xapp-test-1")
        yield one
        assert one.violations == []


def config(slack: FakeSlack, **secrets: str) -> Config:
    return Config(
        server=Server(public_url=URL),
        slack=SlackConfig(enabled=True, base_url=slack.base_url, client_id=slack.oauth.client_id),
        secrets=Secrets(
            slack_client_secret=SecretStr(slack.oauth.client_secret),
            **{name: SecretStr(value) for name, value in secrets.items()},
        ),
    )


async def test_an_installation_from_its_beginning_to_its_end(slack: FakeSlack, tmp_path: Path) -> None:
    """Code, tokens that end, their change, and their loss, as Slack does it."""
    slack.oauth.rotate, slack.oauth.lifetime = True, 60
    async with stored(tmp_path) as store, served(config(slack), store) as side:
        browser = side.browser()
        asked = await browser.begin()
        code = slack.oauth.grant("T0123", scopes=asked["scope"], redirect=asked["redirect_uri"])
        status, _ = await browser.back(code=code, state=asked["state"])
        assert status == 200
        found = await asyncio.gather(*(side.accounts.of("T0123") for _ in range(5)))
        assert len(set(found)) == 1
        who = await grants.whose_token(slack.base_url, found[0].bot_token)
        assert (who.team, who.user, who.bot) == ("T0123", found[0].bot_user, found[0].bot_id)
        assert who.scopes == found[0].scopes == set(SCOPES)
        assert len(slack.calls_of("oauth.v2.access")) == 2
        slack.faults = type(slack.faults)(revoked=frozenset({"T0123"}))
        await side.accounts.revoke("T0123")
        assert await store.installations("slack") == []
        with pytest.raises(NotInstalled):
            await side.accounts.of("T0123")


async def test_a_code_is_for_its_address_and_for_once(slack: FakeSlack) -> None:
    """Slack's own refusals come as refusals, not as outages."""
    app = app_of(config(slack))
    assert app
    code = slack.oauth.grant("T0123", redirect=f"{URL}/slack/oauth_redirect")
    with pytest.raises(grants.Refusal, match="bad_redirect_uri"):
        await grants.exchange(app, code, "https://other.example.org/slack/oauth_redirect")
    code = slack.oauth.grant("T0123")
    given = await grants.exchange(app, code, f"{URL}/slack/oauth_redirect")
    with pytest.raises(grants.Refusal):
        await grants.exchange(app, code, f"{URL}/slack/oauth_redirect")
    await grants.give_up(slack.base_url, given.token)
    with pytest.raises(grants.Refusal, match="token_revoked"):
        await grants.whose_token(slack.base_url, given.token)
    with pytest.raises(grants.Refusal, match="invalid_refresh_token"):
        await grants.refresh(app, "xoxe-1-test-nothing")


async def test_the_doctor_asks_slack(slack: FakeSlack, tmp_path: Path) -> None:
    """With both tokens of a workspace all is well; where the desk is, is looked at too."""
    one = config(slack, slack_bot_token="xoxb-test-1", slack_app_token="xapp-test-1")
    one = one.model_copy(update={"handover": HandoverConfig(channel="slack", conversation="C0999")})
    async with stored(tmp_path) as store:
        told = await findings(one, Accounts(one, store))
    assert [(finding.state, finding.subject) for finding in told[:2]] == [("good", "slack"), ("good", "slack")]
    assert "T0123" in told[1].text


async def test_the_doctor_knows_a_token_that_is_no_bots(slack: FakeSlack, tmp_path: Path) -> None:
    """Slack takes an app's token where a bot's belongs, and says nothing of a bot: what is wrong is the token."""
    one = config(slack, slack_bot_token="xapp-test-1", slack_app_token="xapp-test-1")
    async with stored(tmp_path) as store:
        _, told, *_ = await findings(one, Accounts(one, store))
    assert told.state == "bad" and "xoxb-" in told.text


@pytest.mark.parametrize("url", ["", "https://chat.example.org"])
async def test_the_doctor_says_when_sources_cannot_be_links(slack: FakeSlack, tmp_path: Path, url: str) -> None:
    """Files of knowledge have pages only where this server can be reached."""
    one = config(slack, slack_bot_token="xoxb-test-1", slack_app_token="xapp-test-1")
    alone = one.slack.model_copy(update={"client_id": ""})
    one = one.model_copy(update={"server": Server(public_url=url), "slack": alone})
    async with stored(tmp_path) as store:
        told = await findings(one, Accounts(one, store))
    assert any("server.public_url" in finding.text for finding in told) is not bool(url)


async def test_the_command_line_asks_slack(slack: FakeSlack, tmp_path: Path) -> None:
    """`frontdesk doctor` as an operator runs it: good tokens, a wrong one, and none of them shown."""
    assert frontdesk("init", ".", cwd=tmp_path).returncode == 0
    assert frontdesk("add", "slack", cwd=tmp_path).returncode == 0
    common = {
        "FRONTDESK_SERVER__PORT": "0",
        "FRONTDESK_SLACK__BASE_URL": slack.base_url,
        "SLACK_APP_TOKEN": "xapp-test-1",
    }

    def doctor(token: str) -> tuple[int, str]:
        told = frontdesk("doctor", cwd=tmp_path, SLACK_BOT_TOKEN=token, **common)
        return told.returncode, told.stdout + told.stderr

    status, said = await asyncio.to_thread(doctor, "xoxb-test-1")
    assert "speaks in" in said, said
    assert status == 0, said
    status, wrong = await asyncio.to_thread(doctor, "xoxb-test-wrong")
    assert status == 1
    assert "invalid_auth" in wrong
    assert "xoxb-test" not in said + wrong and "xapp-test" not in said + wrong
