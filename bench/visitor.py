"""A visitor of the web channel as a program: says things, listens with replay, and keeps what it was shown."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

_PAUSE = 0.05
_FAULTS = (aiohttp.ClientError, ConnectionError, asyncio.IncompleteReadError, TimeoutError)


class Visitor:
    """`shown` is the text of each answer as a widget would show it, `ends` every end that arrived, by message."""

    def __init__(self, session: aiohttp.ClientSession, server: str, events: str = "") -> None:
        self._session, self._server, self._events = session, server, events or server
        self._token = ""
        self._last = ""
        self.shown: dict[str, str] = {}
        self.ends: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        self.acknowledged: dict[str, str] = {}
        self.connections = 0
        self._changed = asyncio.Event()

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    async def enter(self) -> None:
        """Get a token."""
        async with self._session.post(f"{self._server}/web/session", json={}) as response:
            response.raise_for_status()
            self._token = (await response.json())["token"]

    async def say(self, text: str) -> str:
        """Send a message until it is acknowledged, with the same id each time, as the widget does."""
        ident = uuid.uuid4().hex
        while True:
            try:
                body = {"id": ident, "text": text}
                async with self._session.post(
                    f"{self._server}/web/messages", json=body, headers=self.headers
                ) as response:
                    if response.status == 202:
                        self.acknowledged[ident] = text
                        return ident
                    if response.status not in (429, 503):
                        raise RuntimeError(f"{response.status}: {await response.text()}")
            except _FAULTS:
                pass
            await asyncio.sleep(_PAUSE)

    async def listen(self) -> None:
        """Follow the conversation until cancelled, coming back after every break."""
        while True:
            try:
                async for kind, ident, told in self._stream():
                    self._take(kind, ident, told)
            except _FAULTS:
                pass
            await asyncio.sleep(_PAUSE)

    async def ended(self, ident: str) -> None:
        """Wait for the end of the answer to a message."""
        while not self.ends[ident]:
            self._changed.clear()
            await self._changed.wait()

    async def history(self) -> dict[str, Any]:
        async with self._session.get(f"{self._server}/web/history", headers=self.headers) as response:
            response.raise_for_status()
            told: dict[str, Any] = await response.json()
            return told

    async def _stream(self) -> AsyncIterator[tuple[str, str, dict[str, Any]]]:
        headers = self.headers | ({"Last-Event-ID": self._last} if self._last else {})
        async with self._session.get(
            f"{self._events}/web/events", headers=headers, timeout=aiohttp.ClientTimeout(total=None, sock_read=60)
        ) as response:
            response.raise_for_status()
            self.connections += 1
            kind, ident, told = "", "", ""
            async for raw in response.content:
                line = raw.decode().rstrip("\n")
                field, _, value = line.partition(": ")
                if field == "event":
                    kind = value
                elif field == "id":
                    ident = value
                elif field == "data":
                    told += value
                elif not line and kind:
                    yield kind, ident, json.loads(told)
                    kind, ident, told = "", "", ""

    def _take(self, kind: str, ident: str, told: dict[str, Any]) -> None:
        if ident:
            self._last = ident
        name = told.get("message_id", "")
        if kind == "delta":
            self.shown[name] = self.shown.get(name, "") + told["text"]
        elif kind == "reply":
            self.shown[name] = told["text"]
        elif kind in ("final", "failed"):
            self.shown[name] = told["text"] if kind == "final" else told["said"]
            self.ends[name].append((ident, self.shown[name]))
            self._changed.set()
