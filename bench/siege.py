"""Hostile requests at a channel's door, many at a time, and what has to come back."""

from __future__ import annotations

import asyncio
import io
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from bench.attacks import Headers, Kind, Request
from bench.server import Server

WARM, ROOM = 0.2, 1.10
"""As in `bench.hostile`: when memory is first read, and by which factor it may have grown at the end."""
AT_ONCE = 16
CHUNK = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Withstood:
    """What came back. `wrong` are answers that are none of those that may be given, 5xx among them."""

    requests: int
    statuses: dict[Kind, Counter[int]]
    wrong: Counter[str]
    unanswered: int
    before: int
    after: int
    alive: bool
    blank_refused: bool
    seconds: float

    @property
    def good(self) -> bool:
        return not self.wrong and self.alive and self.blank_refused and self.after <= ROOM * self.before

    def tell(self) -> None:
        print(f"forged or malformed  {self.requests} in {self.seconds:.0f} s")
        for kind, statuses in self.statuses.items():
            answered = ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))
            print(f"{kind:<20} {answered}")
        print(f"otherwise than meant {self.wrong.total()}")
        for text, count in self.wrong.most_common(10):
            print(f"  {count} times {text}")
        print(f"closed unanswered    {self.unanswered}")
        print(f"server still well    {'yes' if self.alive else 'NO'}")
        print(f"blank secret refused {'yes' if self.blank_refused else 'NO'}")
        print(f"memory               {self.before / 1e6:.1f} MB after a fifth, {self.after / 1e6:.1f} MB at the end")


class Siege:
    """`next_one` makes a request, `right` the headers that the channel would send with its body."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        next_one: Callable[[], Request],
        right: Callable[[bytes], Headers],
        may: Mapping[Kind, frozenset[int]],
    ) -> None:
        self._session, self._url, self._next, self._right, self._may = session, url, next_one, right, may
        self.statuses: dict[Kind, Counter[int]] = defaultdict(Counter)
        self.wrong: Counter[str] = Counter()
        self.unanswered = 0

    async def lay(self, server: Server, requests: int) -> tuple[int, int]:
        """Send so many that are forged or malformed, and odd ones between them; bytes of memory that the server held
        after a fifth of them, and at the end."""
        await self._run(int(requests * WARM))
        before = server.resident()
        await self._run(requests - int(requests * WARM))
        return before, server.resident()

    async def _run(self, requests: int) -> None:
        left = iter(range(requests))
        await asyncio.gather(*(self._worker(left) for _ in range(AT_ONCE)))

    async def _worker(self, left: Iterator[int]) -> None:
        for _ in left:
            while await self._one(self._next()) == "odd":
                pass  # these come on top

    async def _one(self, request: Request) -> Kind:
        try:
            status = await self._send(request)
        except (aiohttp.ClientError, ConnectionError):
            self.unanswered += 1
            return request.kind
        self.statuses[request.kind][status] += 1
        if status not in self._may[request.kind]:
            self.wrong[f"{status} for {request.kind} {request.body[:60]!r}"] += 1
        return request.kind

    async def _send(self, request: Request) -> int:
        headers: dict[str, str | None] = {
            **self._right(request.body),
            "Content-Type": request.content_type,
            **(request.headers or {}),
        }
        headers |= {"Content-Encoding": "gzip"} if request.packed else {}
        kept = {name: value for name, value in headers.items() if value is not None}
        given = _chunks(request.body) if request.streamed else io.BytesIO(request.body)
        async with self._session.post(self._url, data=given, headers=kept) as response:
            await response.read()
            return response.status


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), CHUNK):
        yield body[start : start + CHUNK]


@asynccontextmanager
async def besieger() -> AsyncIterator[aiohttp.ClientSession]:
    connector, timeout = aiohttp.TCPConnector(limit=AT_ONCE), aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        yield session
