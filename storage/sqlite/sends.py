"""Which remote messages show what, so that a channel can go on where it was cut off."""

# ruff: noqa: S608 - only constants of this package are put into SQL; every value is bound

from __future__ import annotations

from collections.abc import Sequence

from sqlite_utils.db import Database

from storage.base import Send
from storage.sqlite.rows import SEND_COLUMNS, dump, send_of

_SENDS = f"SELECT {SEND_COLUMNS} FROM sends s WHERE channel = ? AND key = ? ORDER BY part"
_SENT_AS = "SELECT key FROM sends WHERE channel = ? AND remote = ? AND remote <> '' ORDER BY at DESC LIMIT 1"
_KEEP = """
    INSERT INTO sends(channel, key, part, state, remote, detail, at, about)
    VALUES(?, ?, ?, ?, ?, ?, ?, (SELECT about FROM outbox WHERE channel = ? AND id = ? AND kind = 'case' LIMIT 1))
    ON CONFLICT(channel, key, part) DO UPDATE SET
        state = excluded.state, remote = excluded.remote, detail = excluded.detail, at = excluded.at,
        about = coalesce(excluded.about, about)"""


def sends(db: Database, channel: str, key: str) -> Sequence[Send]:
    rows = db.execute(_SENDS, (channel, key)).fetchall()
    return [send_of(row) for row in rows]


def keep(db: Database, channel: str, key: str, send: Send, now: float) -> None:
    values = (channel, key, send.part, send.state, send.remote, dump(dict(send.detail)), now)
    db.execute(_KEEP, (*values, channel, key))


def sent_as(db: Database, channel: str, remote: str) -> str:
    row = db.execute(_SENT_AS, (channel, remote)).fetchone()
    return str(row[0]) if row else ""
