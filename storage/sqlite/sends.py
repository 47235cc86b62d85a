"""Which remote messages show what, so that a channel can go on where it was cut off."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlite_utils.db import Database

from storage.base import Send
from storage.sqlite.rows import dump

_SENDS = "SELECT part, state, remote, detail FROM sends WHERE channel = ? AND key = ? ORDER BY part"
_SENT_AS = "SELECT key FROM sends WHERE channel = ? AND remote = ? AND remote <> '' ORDER BY at DESC LIMIT 1"
_KEEP = """
    INSERT INTO sends(channel, key, part, state, remote, detail, at, about)
    VALUES(?, ?, ?, ?, ?, ?, ?, (SELECT about FROM outbox WHERE channel = ? AND id = ? AND kind = 'case' LIMIT 1))
    ON CONFLICT(channel, key, part) DO UPDATE SET
        state = excluded.state, remote = excluded.remote, detail = excluded.detail, at = excluded.at,
        about = coalesce(excluded.about, about)"""


def sends(db: Database, channel: str, key: str) -> Sequence[Send]:
    rows = db.execute(_SENDS, (channel, key)).fetchall()
    return [Send(part=part, state=state, remote=remote, detail=json.loads(more)) for part, state, remote, more in rows]


def keep(db: Database, channel: str, key: str, send: Send, now: float) -> None:
    values = (channel, key, send.part, send.state, send.remote, dump(dict(send.detail)), now)
    db.execute(_KEEP, (*values, channel, key))


def sent_as(db: Database, channel: str, remote: str) -> str:
    row = db.execute(_SENT_AS, (channel, remote)).fetchone()
    return str(row[0]) if row else ""
