"""The API's keys, and what was used with each of them on each day."""

# ruff: noqa: S608 - only constants of this module are put into SQL; every value is bound

from __future__ import annotations

from collections.abc import Sequence

from sqlite_utils.db import Database

from storage.base import ApiKey, ApiUsage
from storage.sqlite.rows import Row

_KEY = (
    "number, name, digest, hint, created_at, expires_at, revoked_at, last_used_at, "
    "requests_per_minute, tokens_per_minute, tokens_per_day"
)
_USAGE = "key, day, requests, prompt_tokens, completion_tokens, last_used_at"


def create(db: Database, key: ApiKey) -> ApiKey | None:
    kept = (
        f"INSERT INTO api_keys({_KEY}) VALUES(NULL, ?, ?, ?, ?, ?, 0, 0, ?, ?, ?) "
        f"ON CONFLICT(name) WHERE revoked_at = 0 DO NOTHING RETURNING {_KEY}"
    )
    limits = (key.requests_per_minute, key.tokens_per_minute, key.tokens_per_day)
    values = (key.name, key.digest, key.hint, key.created_at, key.expires_at, *limits)
    rows = db.execute(kept, values).fetchall()
    return _key_of(rows[0]) if rows else None


def every(db: Database) -> Sequence[ApiKey]:
    return [_key_of(row) for row in db.execute(f"SELECT {_KEY} FROM api_keys ORDER BY number").fetchall()]


def find(db: Database, digest: bytes) -> ApiKey | None:
    row = db.execute(f"SELECT {_KEY} FROM api_keys WHERE digest = ?", (digest,)).fetchone()
    return _key_of(row) if row else None


def revoke(db: Database, number: int, now: float) -> bool:
    revoked = "UPDATE api_keys SET revoked_at = ? WHERE number = ? AND revoked_at = 0"
    return bool(db.execute(revoked, (now, number)).rowcount)


def add_usage(db: Database, used: Sequence[ApiUsage]) -> None:
    added = f"""
        INSERT INTO api_usage({_USAGE}) VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT(day, key) DO UPDATE SET
        requests = requests + excluded.requests, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
        completion_tokens = completion_tokens + excluded.completion_tokens,
        last_used_at = max(last_used_at, excluded.last_used_at)"""
    seen = "UPDATE api_keys SET last_used_at = max(last_used_at, ?) WHERE number = ?"
    for one in used:
        counts = (one.requests, one.prompt_tokens, one.completion_tokens)
        db.execute(added, (one.key, one.day, *counts, one.last_used_at))
        db.execute(seen, (one.last_used_at, one.key))


def usage(db: Database, since: str, key: int | None) -> Sequence[ApiUsage]:
    found = f"SELECT {_USAGE} FROM api_usage WHERE day >= ? AND (? IS NULL OR key = ?) ORDER BY day, key"
    return [_usage_of(row) for row in db.execute(found, (since, key, key)).fetchall()]


def _key_of(row: Row) -> ApiKey:
    number, name, digest, hint, created_at, expires_at, revoked_at, last_used_at, *limits = row
    requests_per_minute, tokens_per_minute, tokens_per_day = limits
    return ApiKey(
        number=number,
        name=name,
        digest=digest,
        hint=hint,
        created_at=created_at,
        expires_at=expires_at,
        revoked_at=revoked_at,
        last_used_at=last_used_at,
        requests_per_minute=requests_per_minute,
        tokens_per_minute=tokens_per_minute,
        tokens_per_day=tokens_per_day,
    )


def _usage_of(row: Row) -> ApiUsage:
    key, day, requests, prompt_tokens, completion_tokens, last_used_at = row
    return ApiUsage(
        key=key,
        day=day,
        requests=requests,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        last_used_at=last_used_at,
    )
