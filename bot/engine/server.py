"""The HTTP side of a model server: its address, its key, and what its refusals mean."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

import aiohttp
from yarl import URL

from bot.engine.base import EngineBusy, EngineFault, EngineSlow
from bot.engine.completions import model_names
from bot.engine.refusal import Refusal, may_pass

_KEY = "FRONTDESK_ENGINE__OPENAI__API_KEY"
_REFUSAL_BYTES = 64_000
_MODELS_BYTES = 4_000_000


class Again(Exception):
    """A request failed in a way that may pass: `fault` is what to raise when it does not.

    `pause` is how long the server asks to be left alone, in seconds.
    """

    def __init__(self, fault: EngineFault, *, pause: float = 0) -> None:
        super().__init__(str(fault))
        self.fault = fault
        self.pause = pause


class Refused(Exception):
    """The server answered with an error status."""

    def __init__(self, refusal: Refusal, *, pause: float) -> None:
        super().__init__(str(refusal.status))
        self.refusal = refusal
        self.pause = pause


class ModelServer:
    """Requests to one server. The key goes into their headers and nowhere else."""

    def __init__(self, base_url: str, *, key: str, connect_seconds: float) -> None:
        self._base = base_url.strip()
        self._key = key.strip()
        self._connect_seconds = connect_seconds
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"ModelServer({self.shown!r})"

    @property
    def shown(self) -> str:
        """The address without what might be a secret in it."""
        try:
            return str(URL(self._base).with_user(None).with_query(None))
        except ValueError:
            return "(not an address)"

    def open(self) -> None:
        """Raises `EngineFault` when the address or the key cannot be right."""
        self._check_settings()
        # Proxies of the environment are for hosts far away; a server beside us is reached directly.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None, connect=self._connect_seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=not _is_local(URL(self._base).host or ""),
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def complete(self, body: Mapping[str, Any]) -> aiohttp.ClientResponse:
        """Ask for an answer. Raises `Refused`, `Again` when the connection fails, or `EngineFault`."""
        return await self._request("POST", "chat/completions", json=body)

    async def models(self) -> tuple[str, ...]:
        """The names of the models that the server offers. Raises as `complete` does."""
        response = await self._request("GET", "models")
        try:
            return model_names(await _read(response, _MODELS_BYTES))
        except aiohttp.ClientError:
            raise Again(EngineBusy(f"The model server at {self.shown} broke the connection.")) from None
        finally:
            response.close()

    def fault(self, refusal: Refusal, *, model: str, repeatable: Callable[[str], str]) -> EngineFault:
        """What a refusal means and what to do about it; the server's own words only as far as they are `repeatable`."""
        status, said = refusal.status, repeatable(refusal.message)
        named = f" and engine.openai.model ({model})" if model else " and engine.openai.model"
        if status == 401:
            does = "does not accept the key" if self._key else "wants a key"
            return EngineFault(f"The model server {does} (status 401): check the secret {_KEY}.")
        if status == 403:
            return EngineFault(f"The model server does not allow this (status 403): check the secret {_KEY}{named}.")
        if status in (404, 405):
            where = f"The model server at {self.shown} does not have what was asked for (status {status})"
            return EngineFault(f"{where}: check engine.openai.base_url{named}.{_quoted(said)}")
        if 300 <= status < 400:
            return EngineFault(f"The address {self.shown} has moved (status {status}): check engine.openai.base_url.")
        if may_pass(status):
            return EngineBusy(f"The model server cannot answer now (status {status}).{_quoted(said)}")
        return EngineFault(f"The model server refused the request (status {status}).{_quoted(said)}")

    async def _request(self, method: str, path: str, **content: Any) -> aiohttp.ClientResponse:
        if self._session is None:
            raise EngineFault("The engine has not been started.")
        base = URL(self._base)
        headers = {"Accept": "text/event-stream, application/json", "User-Agent": "frontdesk"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        try:
            response = await self._session.request(
                method,
                base.joinpath(path).with_query(base.query),
                headers=headers,
                allow_redirects=False,
                **content,
            )
        except aiohttp.ClientError as error:
            failure = self._connection_failure(error)
        else:
            if response.status == 200:
                return response
            refused = await _refused(response)
            raise refused
        raise failure

    def _connection_failure(self, error: aiohttp.ClientError) -> Again | EngineFault:
        if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
            return EngineFault(f"The certificate of {self.shown} is not valid: check engine.openai.base_url.")
        if isinstance(error, TimeoutError):
            took = f"does not take a connection within {self._connect_seconds:g} s"
            return Again(EngineSlow(f"The model server at {self.shown} {took}."))
        if isinstance(error, aiohttp.ClientConnectorError):
            hint = "check that it runs, and engine.openai.base_url"
            return Again(EngineBusy(f"The model server at {self.shown} cannot be reached: {hint}."))
        return Again(EngineBusy(f"The model server at {self.shown} broke the connection before it answered."))

    def _check_settings(self) -> None:
        try:
            base = URL(self._base)
            valid = base.scheme in ("http", "https") and bool(base.host)
        except ValueError:
            valid = False
        if not valid:
            raise EngineFault(
                "engine.openai.base_url is not an http or https address: it looks like http://127.0.0.1:8000/v1."
            )
        if base.user or base.password:
            raise EngineFault(f"engine.openai.base_url holds a user name or password: put the key in {_KEY} instead.")
        if base.path.rstrip("/").endswith(("/chat/completions", "/completions", "/models")):
            raise EngineFault(
                "engine.openai.base_url goes too far: leave out what follows the version, as in http://127.0.0.1:8000/v1."
            )
        if not (self._key.isascii() and self._key.isprintable()):
            raise EngineFault(f"{_KEY} holds characters that no key has: copy it once more.")


async def _refused(response: aiohttp.ClientResponse) -> Refused:
    try:
        body = await _read(response, _REFUSAL_BYTES)
    except aiohttp.ClientError:
        body = b""
    finally:
        response.close()
    return Refused(Refusal.read(response.status, body), pause=retry_after(response.headers, now=time()))


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    body = bytearray()
    while len(body) < limit and (part := await response.content.readany()):
        body += part
    return bytes(body)


def retry_after(headers: Mapping[str, str], *, now: float) -> float:
    """The seconds that a server asks to be left alone (RFC 9110, 10.2.3: seconds or a date); 0 when it does not."""
    value = headers.get("Retry-After", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - now
        except ValueError:
            return 0
    return seconds if 0 < seconds < float("inf") else 0


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _quoted(said: str) -> str:
    return f" It said: {said}" if said else ""
