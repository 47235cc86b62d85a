"""What channels need to speak in other people's accounts."""

from __future__ import annotations

from collections.abc import Sequence

from sqlite_utils.db import Database

from storage.base import Installation
from storage.sqlite.rows import Row

_KEEP = "INSERT OR REPLACE INTO installations(channel, account, secret, updated_at) VALUES(?, ?, ?, ?)"
_FIND = "SELECT channel, account, secret, updated_at FROM installations WHERE channel = ? AND account = ?"
_ALL = "SELECT channel, account, secret, updated_at FROM installations WHERE channel = ? ORDER BY account"


def keep(db: Database, installation: Installation) -> None:
    values = (installation.channel, installation.account, installation.secret, installation.updated_at)
    db.execute(_KEEP, values)


def find(db: Database, channel: str, account: str) -> Installation | None:
    row = db.execute(_FIND, (channel, account)).fetchone()
    return _installation_of(row) if row else None


def every(db: Database, channel: str) -> Sequence[Installation]:
    return [_installation_of(row) for row in db.execute(_ALL, (channel,)).fetchall()]


def remove(db: Database, channel: str, account: str) -> bool:
    removed = db.execute("DELETE FROM installations WHERE channel = ? AND account = ?", (channel, account))
    return bool(removed.rowcount)


def _installation_of(row: Row) -> Installation:
    channel, account, secret, updated_at = row
    return Installation(channel=channel, account=account, secret=secret, updated_at=updated_at)
