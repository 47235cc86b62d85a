"""Tokens that end after hours: changed before, once, and never lost."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from adapters.slack.accounts import Accounts, NotInstalled, Unreachable
from adapters.slack.installs import Grant
from bot.errors import StorageError
from storage.base import Installation
from storage.sqlite import SqliteStore
from tests.adapters.slack.grantor import Grantor, Place, config_for, granted, slack, store

__all__ = ["slack", "store"]

HOURS_12 = 43_200


async def ending(slack: Grantor, accounts: Accounts, seconds: float = 60.0, place: Place = Place()) -> Grant:
    """An installation whose token ends soon."""
    slack.lifetime, slack.refreshes["xoxe-1-test-old"] = HOURS_12, place
    ends = time.time() + seconds
    grant = replace(granted(slack, place), refresh_token="xoxe-1-test-old", expires_at=ends)
    slack.tokens[grant.account.bot_token].ends = ends
    await accounts.keep(grant)
    return grant


async def test_a_token_is_changed_once_before_it_ends(slack: Grantor, store: SqliteStore) -> None:
    """However many want it, Slack is asked once; what they get is on disk already, and lasts."""
    accounts = Accounts(config_for(slack, many=True), store)
    await ending(slack, accounts)
    found = await asyncio.gather(*(accounts.of("T0123") for _ in range(30)))
    assert slack.made("oauth.v2.access") == 1
    assert {account.bot_token for account in found} == {"xoxe.xoxb-test-0"}
    other = Accounts(config_for(slack, many=True), store)
    assert (await other.of("T0123")).bot_token == "xoxe.xoxb-test-0"
    assert slack.made("oauth.v2.access") == 1


async def test_a_token_that_lasts_is_left_alone(slack: Grantor, store: SqliteStore) -> None:
    """Three hours are long enough."""
    accounts = Accounts(config_for(slack, many=True), store)
    await ending(slack, accounts, 3 * 3_600)
    assert (await accounts.of("T0123")).bot_token == "xoxb-test-installed"
    assert not slack.calls


async def test_an_organisation_s_token_is_changed_once_for_all(slack: Grantor, store: SqliteStore) -> None:
    """Its workspaces share it, and what one of them fetched."""
    accounts = Accounts(config_for(slack, many=True), store)
    await ending(slack, accounts, place=Place(team="", enterprise="E0123", org_wide=True))
    found = await asyncio.gather(*(accounts.of(f"T{number}", "E0123") for number in range(5)))
    assert {account.bot_token for account in found} == {"xoxe.xoxb-test-0"}
    assert {account.team for account in found} == {f"T{number}" for number in range(5)}
    assert slack.made("oauth.v2.access") == 1


async def test_who_asked_may_go(slack: Grantor, store: SqliteStore) -> None:
    """The refresh token is spent: what comes for it is kept, though nobody waits any more, and `close` waits for it."""
    accounts = Accounts(config_for(slack, many=True), store)
    await ending(slack, accounts)
    slack.gates["oauth.v2.access"] = asyncio.Event()
    asking = asyncio.create_task(accounts.of("T0123"))
    await slack.asked("oauth.v2.access")
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    closing = asyncio.create_task(accounts.close())
    slack.gates["oauth.v2.access"].set()
    await closing
    assert (await Accounts(config_for(slack, many=True), store).of("T0123")).bot_token == "xoxe.xoxb-test-0"
    assert slack.made("oauth.v2.access") == 1


class Full:
    """A store whose disk is full for a while."""

    def __init__(self, store: SqliteStore) -> None:
        self._store, self.full = store, False

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def install(self, installation: Installation) -> None:
        if self.full:
            raise StorageError("The disk is full.")
        await self._store.install(installation)


async def test_a_full_disk_loses_no_token(slack: Grantor, store: SqliteStore) -> None:
    """What cannot be kept is not used; it waits, and is kept when there is room, without asking Slack again."""
    full = Full(store)
    accounts = Accounts(config_for(slack, many=True), full)  # type: ignore[arg-type]  # it stands for one
    await ending(slack, accounts)
    full.full = True
    for _ in range(3):
        with pytest.raises(StorageError):
            await accounts.of("T0123")
    full.full = False
    assert (await accounts.of("T0123")).bot_token == "xoxe.xoxb-test-0"
    assert slack.made("oauth.v2.access") == 1
    assert (await Accounts(config_for(slack, many=True), store).of("T0123")).bot_token == "xoxe.xoxb-test-0"


@pytest.mark.parametrize("fault", [503, 429, "internal_error", "bad_client_secret"])
async def test_while_a_token_works_it_is_used(slack: Grantor, store: SqliteStore, fault: int | str) -> None:
    """Slack, or our configuration, fails hours before the end: nobody notices, and Slack is not pestered."""
    accounts = Accounts(config_for(slack, many=True), store)
    await ending(slack, accounts)
    slack.wrong["oauth.v2.access"] = [fault]
    for _ in range(5):
        assert (await accounts.of("T0123")).bot_token == "xoxb-test-installed"
    assert slack.made("oauth.v2.access") == 1


async def test_an_ended_token_is_an_outage_or_the_end(slack: Grantor, store: SqliteStore) -> None:
    """Slack's silence is told as silence; its refusal means installing again."""
    accounts = Accounts(config_for(slack, many=True), store)
    await ending(slack, accounts, -1.0)
    slack.wrong["oauth.v2.access"] = [503, "invalid_refresh_token"]
    with pytest.raises(Unreachable):
        await accounts.of("T0123")
    with pytest.raises(NotInstalled, match="install Frontdesk again"):
        await accounts.of("T0123")
    with pytest.raises(NotInstalled):
        await accounts.of("T0123")
    assert slack.made("oauth.v2.access") == 2


@pytest.mark.parametrize("fault", ["bad_client_secret", "invalid_client_id"])
async def test_a_wrong_secret_of_ours_loses_nobody(slack: Grantor, store: SqliteStore, fault: str) -> None:
    """It is said as what it is, and when it is put right the workspace is spoken in again."""
    accounts = Accounts(config_for(slack, many=True), store)
    await ending(slack, accounts, -1.0)
    slack.wrong["oauth.v2.access"] = [fault]
    with pytest.raises(Unreachable, match=r"SLACK_CLIENT_SECRET|[Ss]lack\.client_id"):
        await accounts.of("T0123")
    assert (await accounts.of("T0123")).bot_token == "xoxe.xoxb-test-0"


async def test_a_token_that_ended_early_is_changed(slack: Grantor, store: SqliteStore) -> None:
    """Slack says "token_expired" where our clock does not: a new one is fetched when the old one was refused."""
    accounts = Accounts(config_for(slack, many=True), store)
    await ending(slack, accounts, 5 * 3_600)
    await accounts.of("T0123")
    slack.tokens["xoxb-test-installed"].ends = time.time() - 1
    accounts.forget("T0123")
    found = await asyncio.gather(*(accounts.of("T0123") for _ in range(5)))
    assert {account.bot_token for account in found} == {"xoxe.xoxb-test-0"}
    assert slack.made("oauth.v2.access") == 1


async def test_a_removed_workspace_is_not_brought_back(slack: Grantor, store: SqliteStore) -> None:
    """A token that is being changed while the app is removed leaves nothing behind."""
    accounts = Accounts(config_for(slack, many=True), store)
    await ending(slack, accounts)
    slack.gates["oauth.v2.access"] = asyncio.Event()
    asking = asyncio.create_task(accounts.of("T0123"))
    await slack.asked("oauth.v2.access")
    for token in slack.tokens.values():
        token.dead = "account_inactive"
    revoking = asyncio.create_task(accounts.revoke("T0123"))
    await asyncio.wait({revoking}, timeout=0.3)  # it has to wait for the new token; if it did not, it would be done
    slack.gates["oauth.v2.access"].set()
    await asyncio.gather(asking, revoking)
    assert slack.made("auth.test") == 2
    assert await store.installations("slack") == []
    with pytest.raises(NotInstalled):
        await accounts.of("T0123")
