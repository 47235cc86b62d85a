"""Tokens as they lie on disk: readable by whoever has the key, and by nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from adapters.slack.accounts import Accounts
from adapters.slack.findings import findings
from adapters.slack.vault import Vault
from bot.errors import ConfigError
from storage.base import Installation
from storage.sqlite import SqliteStore
from tests.adapters.slack.grantor import Grantor, Place, config_for, granted, slack, store, stored

__all__ = ["slack", "store"]

FIRST, SECOND = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def vault(*keys: str) -> Vault:
    return Vault(SecretStr(",".join(keys)) if keys else None)


@given(
    account=st.from_regex(r"[TE][A-Z0-9]{1,10}", fullmatch=True),
    fields=st.dictionaries(st.text(max_size=5).filter(lambda name: name != "account"), st.text(max_size=20)),
    keys=st.sampled_from([(), (FIRST,), (SECOND, FIRST)]),
)
def test_what_was_sealed_opens(account: str, fields: dict[str, str], keys: tuple[str, ...]) -> None:
    """With and without keys, whatever the fields hold; sealed well, and not for another account."""
    one = vault(*keys)
    sealed = one.seal(account, fields)
    assert one.open(account, sealed) == {**fields, "account": account}
    assert one.sealed_well(sealed)
    with pytest.raises(ConfigError, match="damaged"):
        one.open(account + "X", sealed)


def test_keys_are_changed_one_after_the_other() -> None:
    """The first key seals, each opens; what an older one sealed is known to be."""
    plain, old = vault().seal("T0123", {"a": 1}), vault(FIRST).seal("T0123", {"a": 1})
    both = vault(SECOND, FIRST)
    assert both.open("T0123", plain) == both.open("T0123", old) == {"a": 1, "account": "T0123"}
    assert not both.sealed_well(plain)
    assert not both.sealed_well(old)
    assert vault(SECOND).open("T0123", both.seal("T0123", {"a": 1}))
    assert b"T0123" not in old


@pytest.mark.parametrize(
    "key",
    [" ", "short", ",", f"{FIRST},", f"{FIRST},x", "é" * 44, FIRST[:-2]],
    ids=["blank", "short", "two blank ones", "a blank second", "a short second", "not ASCII", "cut off"],
)
def test_a_key_that_is_none_is_named(key: str) -> None:
    """By its variable, without the key itself."""
    with pytest.raises(ConfigError, match="FRONTDESK_ENCRYPTION_KEY") as caught:
        vault(key)
    assert FIRST[:-2] not in str(caught.value)


def test_spaces_around_keys_are_forgiven() -> None:
    """As people write lists."""
    assert vault(f" {SECOND} , {FIRST} ").open("T0123", vault(FIRST).seal("T0123", {}))


@pytest.mark.parametrize("wrong", [b"gAAAA", b"", b"{", b"[]", b"{}", b"\xff"])
def test_a_damaged_row_is_a_sentence(wrong: bytes) -> None:
    """Whatever lies there."""
    for one in (vault(), vault(FIRST)):
        with pytest.raises(ConfigError, match="T0123"):
            one.open("T0123", wrong)


def on_disk(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())


async def test_tokens_are_encrypted_on_disk(slack: Grantor, tmp_path: Path) -> None:
    """With a key, no file of the data folder holds a token; without it, nobody reads it, and is told so."""
    async with stored(tmp_path) as kept:
        await Accounts(config_for(slack, many=True, key=FIRST), kept).keep(granted(slack, value="xoxb-test-hidden"))
        assert b"xoxb-test-hidden" not in on_disk(tmp_path)
        assert (await Accounts(config_for(slack, many=True, key=FIRST), kept).of("T0123")).bot_token
        for key, says in (("", "set FRONTDESK_ENCRYPTION_KEY"), (SECOND, "does not open")):
            with pytest.raises(ConfigError, match=says):
                await Accounts(config_for(slack, many=True, key=key), kept).of("T0123")
    assert b"xoxb-test-hidden" not in on_disk(tmp_path)


async def test_a_new_key_takes_over(slack: Grantor, store: SqliteStore) -> None:
    """Rows of no key and of an older one are encrypted with the first when the next process looks at them."""
    await Accounts(config_for(slack, many=True), store).keep(granted(slack))
    for keys in (FIRST, f"{SECOND},{FIRST}", SECOND):
        accounts = Accounts(config_for(slack, many=True, key=keys), store)
        assert (await accounts.of("T0123")).team == "T0123"
        row = await store.installation("slack", "T0123")
        assert row and Vault(SecretStr(keys.split(",")[0])).sealed_well(row.secret)


async def test_one_unreadable_workspace_keeps_no_other_out(slack: Grantor, store: SqliteStore) -> None:
    """It alone is refused, the doctor names it, and it can be installed anew."""
    accounts = Accounts(config_for(slack, many=True, key=FIRST), store)
    await accounts.keep(granted(slack))
    foreign = vault(SECOND).seal("T0666", {})
    await store.install(Installation(channel="slack", account="T0666", secret=foreign, updated_at=0.0))
    accounts = Accounts(config_for(slack, many=True, key=FIRST), store)
    assert (await accounts.of("T0123")).team == "T0123"
    assert await accounts.teams() == ["T0123"]
    with pytest.raises(ConfigError, match="T0666"):
        await accounts.of("T0666")
    told = await findings(config_for(slack, many=True, key=FIRST), accounts)
    assert any(finding.state == "bad" and "T0666" in finding.text for finding in told)
    await accounts.keep(granted(slack, Place(team="T0666")))
    assert (await accounts.of("T0666")).team == "T0666"
