"""Whose tokens there are, and what happens when Slack says no, later, or nothing."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import SecretStr

from adapters.slack import accounts as module
from adapters.slack.accounts import Accounts, NotInstalled, Unreachable
from adapters.slack.findings import findings
from adapters.slack.manifest import SCOPES
from bot.config import Config, HandoverConfig, Secrets, Server, SlackConfig
from bot.errors import ConfigError
from storage.sqlite import SqliteStore
from tests.adapters.slack.grantor import CLIENT, SECRET, Grantor, Place, config_for, granted, slack, store

__all__ = ["slack", "store"]


# -- the one of the environment ----------------------------------------------------------------------------
async def test_the_token_is_asked_about_once(slack: Grantor, store: SqliteStore) -> None:
    """However many ask at once and afterwards; whose it is comes from Slack; no repr shows it."""
    accounts = Accounts(config_for(slack, token=slack.token()), store)
    found = await asyncio.gather(*(accounts.of(team) for team in ["T0123", ""] * 20))
    assert set(found) == {found[0]}
    assert (found[0].team, found[0].bot_user, found[0].bot_id) == ("T0123", "U0BOT", "B0BOT")
    assert found[0].scopes == {"chat:write", "im:history"}
    assert slack.made("auth.test") == 1
    assert "xoxb" not in repr(found[0])
    assert await accounts.teams() == ["T0123"]
    with pytest.raises(NotInstalled, match="T0999"):
        await accounts.of("T0999")


async def test_without_a_token_nobody_is_asked(slack: Grantor, store: SqliteStore) -> None:
    """It is said which variable is missing."""
    accounts = Accounts(config_for(slack), store)
    with pytest.raises(NotInstalled, match="SLACK_BOT_TOKEN"):
        await accounts.of("T0123")
    assert not slack.calls


async def test_a_refusal_is_believed_for_a_while(
    slack: Grantor, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bad token does not cost a call a message, and one that is good again is found."""
    accounts = Accounts(config_for(slack, token=slack.token()), store)
    slack.tokens["xoxb-test-1"].dead = "account_inactive"
    for _ in range(5):
        with pytest.raises(NotInstalled, match="account_inactive"):
            await accounts.of("T0123")
    assert slack.made("auth.test") == 1
    slack.tokens["xoxb-test-1"].dead = ""
    later = time.monotonic() + 60
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: later))
    assert (await accounts.of("T0123")).team == "T0123"


async def test_who_waits_at_once_waits_for_one_answer(slack: Grantor, store: SqliteStore) -> None:
    """A Slack that takes its time and then fails is not asked by one after the other: they would queue up."""
    accounts = Accounts(config_for(slack, token=slack.token()), store)
    slack.wrong["auth.test"] = ["drop"]
    failed = await asyncio.gather(*(accounts.of("T0123") for _ in range(20)), return_exceptions=True)
    assert slack.made("auth.test") == 1 and all(isinstance(one, Unreachable) for one in failed)
    impatient = asyncio.create_task(accounts.of("T0123"))
    await asyncio.sleep(0)
    others = asyncio.gather(*(accounts.of("T0123") for _ in range(20)))
    impatient.cancel()
    assert {account.team for account in await others} == {"T0123"} and slack.made("auth.test") == 2
    await accounts.close()


@pytest.mark.parametrize("fault", [500, 503, 429, 200, "drop", "internal_error", "ratelimited"])
async def test_an_outage_is_no_refusal(
    slack: Grantor, store: SqliteStore, fault: int | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Slack may answer otherwise in a moment is told as that, asked once, and over when it is over."""
    accounts = Accounts(config_for(slack, token=slack.token()), store)
    slack.wrong["auth.test"] = [fault]
    with pytest.raises(Unreachable) as caught:
        await accounts.of("T0123")
    assert slack.made("auth.test") == 1
    assert caught.value.retry_after == (7.0 if isinstance(fault, int) else 1.0)
    assert "xoxb" not in str(caught.value)
    if isinstance(fault, int):  # Slack said for how long: until then nobody asks, however many want to know
        await asyncio.gather(*(_not_yet(accounts) for _ in range(5)))
        assert slack.made("auth.test") == 1
        later = time.monotonic() + 7
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: later))
    assert (await accounts.of("T0123")).team == "T0123"


async def _not_yet(accounts: Accounts) -> None:
    with pytest.raises(Unreachable) as caught:
        await accounts.of("T0123")
    assert 0 < caught.value.retry_after <= 7


async def test_a_token_that_was_refused_elsewhere_is_asked_about_anew(slack: Grantor, store: SqliteStore) -> None:
    """`forget` is what the caller says who met the refusal."""
    accounts = Accounts(config_for(slack, token=slack.token()), store)
    await accounts.of("T0123")
    slack.tokens["xoxb-test-1"].dead = "token_revoked"
    await accounts.of("T0123")
    await accounts.revoke("T0123")
    with pytest.raises(NotInstalled, match="token_revoked"):
        await accounts.of("T0123")
    assert slack.made("auth.test") == 2


# -- those that installed it -------------------------------------------------------------------------------
async def test_an_installation_outlives_the_process(slack: Grantor, store: SqliteStore) -> None:
    """What was kept is found by the next one, beside the token of the environment."""
    first = Accounts(config_for(slack, many=True), store)
    await first.keep(granted(slack, Place(team="T0456", name="Blue Door")))
    second = Accounts(config_for(slack, many=True, token=slack.token()), store)
    assert (await second.of("T0456")).name == "Blue Door"
    assert (await second.of("T0123")).name == "Green Door"
    assert (await second.of("")).team == "T0123"
    assert sorted(await second.teams()) == ["T0123", "T0456"]
    with pytest.raises(NotInstalled, match="T0999"):
        await second.of("T0999")


async def test_the_only_installation_needs_no_name(slack: Grantor, store: SqliteStore) -> None:
    """One that is not named is the only one; of two, neither."""
    accounts = Accounts(config_for(slack, many=True), store)
    await accounts.keep(granted(slack))
    assert (await accounts.of("")).team == "T0123"
    slack.tokens["xoxb-test-installed"].dead = "token_revoked"
    accounts.forget("T0123")
    with pytest.raises(NotInstalled, match="Green Door"):
        await accounts.of("")
    await accounts.keep(granted(slack))
    await accounts.keep(granted(slack, Place(team="T0456")))
    with pytest.raises(NotInstalled, match="more than one"):
        await accounts.of("")


async def test_an_organisation_speaks_for_its_workspaces(slack: Grantor, store: SqliteStore) -> None:
    """Found by the organisation first, and by the workspace alone ever after; gone all together."""
    organisation = Place(team="", enterprise="E0123", org_wide=True)
    accounts = Accounts(config_for(slack, many=True), store)
    await accounts.keep(granted(slack, organisation))
    with pytest.raises(NotInstalled):
        await accounts.of("T0123")
    found = await accounts.of("T0123", "E0123")
    assert (found.team, found.enterprise, found.org_wide) == ("T0123", "E0123", True)
    again = Accounts(config_for(slack, many=True), store)
    assert await again.of("T0123") == found
    assert await again.teams() == ["T0123"]
    slack.tokens[found.bot_token].dead = "account_inactive"
    await again.revoke("T0999", "E0123")  # of a workspace that was never heard of
    assert await store.installations("slack") == []
    with pytest.raises(NotInstalled):
        await again.of("T0123", "E0123")


async def test_a_workspace_of_its_own_comes_before_its_organisation(slack: Grantor, store: SqliteStore) -> None:
    """Both may have installed the app; the nearer token speaks."""
    accounts = Accounts(config_for(slack, many=True), store)
    await accounts.keep(granted(slack, Place(team="", enterprise="E0123", org_wide=True), "xoxb-test-org"))
    await accounts.keep(granted(slack, Place(enterprise="E0123"), "xoxb-test-own"))
    assert (await accounts.of("T0123", "E0123")).bot_token == "xoxb-test-own"
    assert (await accounts.of("T0456", "E0123")).bot_token == "xoxb-test-org"


async def test_revoked_tokens_go_and_working_ones_stay(slack: Grantor, store: SqliteStore) -> None:
    """Slack tells of a removal again for hours: what was installed anew meanwhile is not taken for the old."""
    accounts = Accounts(config_for(slack, many=True), store)
    await accounts.keep(granted(slack))
    await accounts.of("T0123")
    slack.wrong["auth.test"] = ["drop"]
    with pytest.raises(Unreachable):
        await accounts.revoke("T0123")
    await accounts.revoke("T0123")
    assert (await accounts.of("T0123")).team == "T0123"
    slack.tokens["xoxb-test-installed"].dead = "token_revoked"
    await accounts.revoke("T0123")
    with pytest.raises(NotInstalled):
        await accounts.of("T0123")
    assert await store.installation("slack", "T0123") is None
    told = [(action, detail) async for _, _, action, detail in store.audited()]
    assert told == [("slack.uninstall", {"account": "T0123"})]
    await accounts.revoke("T0123")


@pytest.mark.parametrize(("word", "kept"), [("account_inactive", 0), ("token_revoked", 0), ("invalid_auth", 1)])
async def test_a_dead_installation_is_told_and_comes_back(
    slack: Grantor, store: SqliteStore, word: str, kept: int
) -> None:
    """Refused, forgotten, tried once; what was removed is dropped, what may be our fault is kept; installed again, it
    speaks at once."""
    accounts = Accounts(config_for(slack, many=True), store)
    await accounts.keep(granted(slack))
    await accounts.of("T0123")
    slack.tokens["xoxb-test-installed"].dead = word
    accounts.forget("T0123")
    for number in range(3):
        with pytest.raises(NotInstalled, match="T0123" if number and not kept else "Green Door"):
            await accounts.of("T0123")
    assert slack.made("auth.test") == 1
    assert len(await store.installations("slack")) == kept
    await accounts.keep(granted(slack, value="xoxb-test-new"))
    assert (await accounts.of("T0123")).bot_token == "xoxb-test-new"


# -- the configuration -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("secret", "public_url", "says"),
    [("", "https://chat.example.org", "SLACK_CLIENT_SECRET"), (SECRET, "", "server.public_url"),
     (SECRET, "chat.example.org", "server.public_url")],
)  # fmt: skip
def test_what_installing_needs_is_named(tmp_path: Path, secret: str, public_url: str, says: str) -> None:
    """Before anything starts, by the name of the setting."""
    config = Config(
        slack=SlackConfig(client_id=CLIENT),
        server=Server(public_url=public_url),
        secrets=Secrets(slack_client_secret=SecretStr(secret) if secret else None),
    )
    with pytest.raises(ConfigError, match=says):
        Accounts(config, SqliteStore(tmp_path))


def test_who_may_use_it(slack: Grantor, tmp_path: Path) -> None:
    """An empty list is everybody; a workspace is let in by its own id or its organisation's."""
    everybody = Accounts(config_for(slack), SqliteStore(tmp_path))
    some = Accounts(config_for(slack, teams=("T0123", "E0456")), SqliteStore(tmp_path))
    assert everybody.allowed("T0999")
    assert some.allowed("T0123", "E0999")
    assert some.allowed("T0999", "E0456")
    assert not some.allowed("T0999", "E0999")
    assert not some.allowed("T0999")


# -- what the doctor says ----------------------------------------------------------------------------------
async def test_the_doctor_says_what_is_well(slack: Grantor, store: SqliteStore) -> None:
    """The workspace, the way in, the desk; nothing is written."""
    slack.scopes, slack.members = ",".join(SCOPES), frozenset({"C0123"})
    at_desk = {"handover": HandoverConfig(channel="slack", conversation="C0123")}
    config = config_for(slack, token=slack.token(), many=True).model_copy(update=at_desk)
    config = with_secrets(config, slack_app_token=slack.token(value="xapp-test-1"))
    accounts = Accounts(config, store)
    await accounts.installs.keep(granted(slack, Place(team="T0456")))
    rows = await store.installations("slack")
    found = await findings(config, accounts)
    assert [finding.state for finding in found] == ["good", "good", "good", "note", "good"]
    assert "Green Door" in found[1].text
    assert "#support" in found[2].text
    assert "FRONTDESK_ENCRYPTION_KEY" in found[3].text
    assert await store.installations("slack") == rows
    assert "xoxb" not in str(found) + repr(accounts)


async def test_the_doctor_says_what_is_wrong(slack: Grantor, store: SqliteStore) -> None:
    """Each finding names what to do; none shows a token."""
    config = config_for(slack, token=slack.token(), many=True, teams=("T0999",), mode="socket")
    config = config.model_copy(update={"handover": HandoverConfig(channel="slack", conversation="C0456")})
    config = with_secrets(config, slack_app_token="xapp-test-wrong")
    accounts = Accounts(config, store)
    await accounts.installs.keep(granted(slack, Place(team="T0456", name="Blue Door")))
    slack.tokens["xoxb-test-installed"].dead = "token_revoked"
    said = [finding.text for finding in await findings(config, accounts) if finding.state == "bad"]
    for words in ("SLACK_APP_TOKEN (invalid_auth)", "lacks app_mentions:read", "leaves out T0123", "not in #support",
                  "Blue Door"):  # fmt: skip
        assert any(words in text for text in said), words
    assert not any("test-" in text for text in said)


async def test_the_doctor_says_what_is_missing(slack: Grantor, store: SqliteStore) -> None:
    """Secrets by their names, and an outage as one."""
    config = config_for(slack, token=slack.token())
    slack.wrong["auth.test"] = ["drop"]
    said = [finding.text for finding in await findings(config, Accounts(config, store))]
    assert "SLACK_SIGNING_SECRET" in said[0]
    assert "slack.base_url" in said[1]
    config = config_for(slack, mode="socket")
    assert "SLACK_APP_TOKEN" in (await findings(config, Accounts(config, store)))[0].text


def with_secrets(config: Config, **given: str) -> Config:
    secrets = config.secrets.model_copy(update={name: SecretStr(value) for name, value in given.items()})
    return config.model_copy(update={"secrets": secrets})
