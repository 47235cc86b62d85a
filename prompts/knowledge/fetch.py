"""Fetching a page without being led anywhere else (server-side request forgery).

A host's name is resolved once, by a resolver that checks every address it gives; the connection is made to those
addresses, and the last gate stands where the socket is made, so a name that answers differently the second time
(DNS rebinding) gains nothing. Redirects are followed by hand and each is checked like the first address. Bodies are
unpacked here, piece by piece, so that a small answer cannot become a large one.
"""

from __future__ import annotations

import asyncio
import socket
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from bot.errors import SourceError
from prompts.knowledge.addresses import Policy, check_url, refusal
from prompts.knowledge.readers import KINDS, MEDIA_TYPES, kind_of

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_HEADERS = {
    "User-Agent": "frontdesk",
    "Accept": "text/html, text/markdown, text/plain, application/pdf, */*;q=0.1",
    "Accept-Encoding": "gzip, deflate",
}
_CHUNK = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A page. `url` is where it was found in the end, `kind` one of the readers', `charset` what the server said."""

    body: bytes
    url: str
    kind: str
    charset: str


class Fetches(Protocol):
    async def fetch(self, url: str) -> Fetched:
        """Raises `SourceError` with a sentence that says why not."""


class Fetcher:
    """Fetches pages. `resolver` is the one whose answers are checked; by default the system's."""

    def __init__(self, policy: Policy | None = None, *, resolver: AbstractResolver | None = None) -> None:
        self._policy = policy or Policy()
        self._resolver = resolver

    async def fetch(self, url: str) -> Fetched:
        """Raises `SourceError`. Nothing of an address that is refused is connected to."""
        try:
            async with asyncio.timeout(self._policy.seconds), self._session() as session:
                return await self._follow(session, check_url(url, self._policy))
        except TimeoutError:
            raise SourceError(f"It did not arrive within {self._policy.seconds:g} seconds.") from None
        except _Forbidden as error:
            raise SourceError(f"It leads to {error.why}, which is not fetched.") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if (forbidden := _cause(error)) is not None:
                raise SourceError(f"It leads to {forbidden.why}, which is not fetched.") from None
            raise SourceError(f"It could not be fetched ({type(error).__name__}): check the address.") from None

    def _session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            resolver=_Checked(self._resolver or aiohttp.ThreadedResolver(), self._policy),
            socket_factory=self._socket,
            use_dns_cache=False,
            force_close=True,
            limit=1,
        )
        return aiohttp.ClientSession(
            connector=connector,
            headers=_HEADERS,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
        )

    def _socket(self, info: Any) -> socket.socket:
        """The last gate: `info` is the very address that is about to be connected to."""
        family, kind, protocol, _, address = info
        _check(str(address[0]), self._policy)
        return socket.socket(family=family, type=kind, proto=protocol)

    async def _follow(self, session: aiohttp.ClientSession, url: str) -> Fetched:
        for _ in range(self._policy.redirects + 1):
            async with session.get(url, allow_redirects=False) as response:
                if response.status not in _REDIRECTS:
                    return await self._take(response, url)
                target = response.headers.get("Location", "")
            if not target:
                raise SourceError("It redirects to nowhere.")
            url = check_url(urljoin(url, target), self._policy)
        raise SourceError(f"It redirects more than {self._policy.redirects} times.")

    async def _take(self, response: aiohttp.ClientResponse, url: str) -> Fetched:
        if response.status != 200:
            raise SourceError(f"The server answered {response.status}: check the address.")
        kind = _kind(response.content_type, url)
        body = bytearray()
        async for piece in _unpacked(response, self._policy.max_bytes):
            body += piece
            if len(body) > self._policy.max_bytes:
                raise SourceError(f"It is larger than {self._policy.max_bytes} bytes (knowledge.max_file_bytes).")
        return Fetched(body=bytes(body), url=url, kind=kind, charset=response.charset or "")


class _Forbidden(OSError):
    """An address that is not connected to. An OSError, because that is what resolving may raise."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class _Checked(AbstractResolver):
    """A resolver that gives no address unless all of the name's addresses may be connected to."""

    def __init__(self, inner: AbstractResolver, policy: Policy) -> None:
        self._inner, self._policy = inner, policy

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        for result in found:
            _check(result["host"], self._policy)
        return found

    async def close(self) -> None:
        await self._inner.close()


def _check(address: str, policy: Policy) -> None:
    if why := refusal(address, loopback=policy.loopback):
        raise _Forbidden(why)


def _cause(error: BaseException | None) -> _Forbidden | None:
    while error is not None:
        if isinstance(error, _Forbidden):
            return error
        error = getattr(error, "os_error", None) or error.__cause__ or error.__context__
    return None


def _kind(media_type: str, url: str) -> str:
    """The reader for what a server sent; the address decides where the server only says "text" or "bytes"."""
    by_name = kind_of(urlsplit(url).path)
    if media_type in ("application/octet-stream", "text/plain") and by_name:
        return by_name
    if kind := MEDIA_TYPES.get(media_type):
        return kind
    raise SourceError(f"It is {media_type}, which is not read; what is read: {', '.join(sorted(set(KINDS.values())))}.")


async def _unpacked(response: aiohttp.ClientResponse, limit: int) -> AsyncIterator[bytes]:
    """The body's pieces after decompression, none much larger than what was asked for."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        async for chunk in response.content.iter_chunked(_CHUNK):
            yield chunk
        return
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise SourceError(f"The server packed it as {encoding[:20]}, which it was not asked for.")
    unpack = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    try:
        async for chunk in response.content.iter_chunked(_CHUNK):
            packed = chunk
            while packed and not unpack.eof:
                yield unpack.decompress(packed, min(_CHUNK * 16, limit + 1))
                packed = unpack.unconsumed_tail
        yield unpack.flush()
    except zlib.error:
        raise SourceError("The server's compression is broken.") from None
    if not unpack.eof:
        raise SourceError("It broke off in the middle.")
