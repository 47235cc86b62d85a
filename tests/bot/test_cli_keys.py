"""`frontdesk keys`, as an operator meets it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.cli.keys import _NAME, _expiry
from bot.errors import UsageError
from storage.sqlite import SqliteStore
from tests.bot.test_cli import frontdesk


def test_a_key_s_life(tmp_path: Path) -> None:
    """Made, shown once, listed by its beginning, revoked; its name is free again, its history stays."""
    made = frontdesk("keys", "create", "shop", "--tokens-per-day", "1000", "--expires", "90d", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    secret = made.stdout.strip()
    assert re.fullmatch(r"fd_[0-9A-Za-z]{43}", secret)
    assert "once" in made.stderr
    assert "api" in made.stderr  # it is off: say so
    again = frontdesk("keys", "create", "shop", cwd=tmp_path)
    assert (again.returncode, "already" in again.stderr) == (2, True)
    listed = frontdesk("keys", "list", cwd=tmp_path).stdout
    assert secret[:7] in listed
    assert secret[:12] not in listed
    assert "1,000 tokens/day" in listed
    assert "expires" in listed
    assert frontdesk("keys", "revoke", "shop", cwd=tmp_path).returncode == 0
    gone = frontdesk("keys", "revoke", "shop", cwd=tmp_path)
    assert (gone.returncode, "keys list" in gone.stderr) == (2, True)
    assert frontdesk("keys", "create", "shop", cwd=tmp_path).returncode == 0
    assert frontdesk("keys", "list", cwd=tmp_path).stdout.count("shop") == 2
    assert "Nothing was used" in frontdesk("keys", "usage", "shop", cwd=tmp_path).stderr
    for file in (tmp_path / "data").iterdir():
        assert secret.encode() not in file.read_bytes()


async def test_keys_are_on_the_record(tmp_path: Path) -> None:
    """Who made and revoked what stands in the audit, without the secret."""
    secret = frontdesk("keys", "create", "shop", cwd=tmp_path).stdout.strip()
    frontdesk("keys", "revoke", "1", cwd=tmp_path)
    store = SqliteStore(tmp_path / "data")
    await store.open()
    entries = [(action, detail) async for _, _, action, detail in store.audited()]
    await store.close()
    assert entries == [
        ("keys.create", {"number": 1, "name": "shop"}),
        ("keys.revoke", {"number": 1, "name": "shop"}),
    ]
    assert secret not in str(entries)


def test_what_cannot_be_is_said(tmp_path: Path) -> None:
    """Names, days, and folders without a database."""
    for arguments in (("create", "a\nb"), ("create", "x", "--expires", "soon"), ("list",), ("revoke", "x"), ("usage",)):
        told = frontdesk("keys", *arguments, cwd=tmp_path)
        assert (told.returncode, told.stderr.startswith("Error: ")) == (2, True), arguments


def test_expiry() -> None:
    """A span from now, or the whole of a day in UTC."""
    assert _expiry("12h", 1_000.0) == 1_000 + 12 * 3_600
    assert _expiry("2w", 0.0) == 14 * 86_400
    assert _expiry("1970-01-02", 0.0) == 2 * 86_400 - 1
    for wrong in ("", "0d", "2027-02-30", "d", "1970-01-01"):
        with pytest.raises(UsageError):
            _expiry(wrong, 200_000.0)


def test_names_are_told_from_numbers_and_from_each_other() -> None:
    """No name is a number, which `revoke` would take it for; none differs from another by a space at its end."""
    assert all(_NAME.fullmatch(name) for name in ("shop", "a", "7up", "ann@example.org", "Ann B", "+1", "x" * 64))
    assert not any(_NAME.fullmatch(name) for name in ("", "1", "42", "shop ", " shop", "a\nb", "[b]", "x" * 65))
