"""A whole Frontdesk with the API on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from adapters.openai.secret import digest, hint, new_secret
from bot.config import load
from bot.desk import Desk, at_desk
from bot.server import application, serving
from storage.base import ApiKey


@asynccontextmanager
async def frontdesk(folder: Path, **settings: Any) -> AsyncIterator[tuple[str, str, Desk]]:
    """(address, secret, desk) of a whole Frontdesk with the API on."""
    plain: dict[str, Any] = {"server": {"port": 0}, "knowledge": {"semantic": {"enabled": "no"}}}
    overrides = plain | {"data": str(folder), "api": {"enabled": True}} | settings
    config = load(environ={}, overrides=overrides)
    async with at_desk(config) as desk, serving(application(desk), config) as address:
        await desk.start()
        await asyncio.sleep(0)
        secret = new_secret()
        await desk.store.create_key(ApiKey(name="a", digest=digest(secret), hint=hint(secret), created_at=1.0))
        try:
            yield address, secret, desk
        finally:
            await desk.close()
