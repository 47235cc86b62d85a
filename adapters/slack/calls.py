"""What the receiving side needs of Slack's Web API: a protocol, which `api.Api` fulfils."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Calls(Protocol):
    async def call(self, team: str, method: str, **arguments: Any) -> Mapping[str, Any]:
        """Call `method` with the token of `team`, in its turn. Raises `SlackError`."""

    async def download(self, team: str, url: str, limit: int) -> bytes:
        """At most `limit` bytes of a file of Slack's. Raises `SlackError`."""
