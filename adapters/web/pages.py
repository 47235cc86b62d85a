"""What is public: the widget, its settings, and the sources that answers cite."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

from adapters.web import source
from adapters.web.bodies import primary_language
from adapters.web.gate import PRIVATE
from adapters.web.protocol import Problem
from bot.config import Config
from storage.base import Store

SCRIPT = Path(__file__).parent / "static" / "frontdesk.js"
LOCATION_CHARACTERS = 4_000

Chosen = TypeVar("Chosen")


class Script:
    """The built widget, read once. `etag` names its bytes."""

    def __init__(self, file: Path = SCRIPT) -> None:
        self.plain = file.read_bytes() if file.is_file() else b""
        self.packed = gzip.compress(self.plain, 9, mtime=0)
        self.etag = f'"{hashlib.sha256(self.plain).hexdigest()[:32]}"'

    async def serve(self, request: web.Request) -> web.Response:
        if not self.plain:
            raise Problem(404, "not_built", "The widget is not built here: run `make widget`.")
        headers = {
            "Content-Type": "text/javascript; charset=utf-8",
            "Cache-Control": "public, max-age=300",
            "Access-Control-Allow-Origin": "*",
            "Vary": "Accept-Encoding",
            "ETag": self.etag,
        }
        if _names(request.headers.get("If-None-Match", ""), self.etag):
            return web.Response(status=304, headers=headers)
        if _takes_gzip(request.headers.get("Accept-Encoding", "")):
            return web.Response(body=self.packed, headers=headers | {"Content-Encoding": "gzip"})
        return web.Response(body=self.plain, headers=headers)


def _names(header: str, etag: str) -> bool:
    """Whether If-None-Match names `etag`, compared weakly (RFC 9110, 13.1.2)."""
    given = {entry.strip().removeprefix("W/") for entry in header.split(",")}
    return bool(given & {etag, "*"})


def _takes_gzip(header: str) -> bool:
    for entry in header.lower().split(","):
        coding, *parameters = (part.strip() for part in entry.split(";"))
        if coding in ("gzip", "*"):
            return not any(
                parameter.replace(" ", "") in ("q=0", "q=0.0", "q=0.00", "q=0.000") for parameter in parameters
            )
    return False


class Pages:
    """The settings that a widget starts with, and the page of a source."""

    def __init__(self, config: Config, store: Store) -> None:
        self._config, self._store = config, store
        self._rendering = asyncio.Lock()

    async def settings(self, request: web.Request) -> web.Response:
        """GET /web/config"""
        web_config = self._config.web
        language = primary_language(request.query.get("lang", ""))
        fallback = self._config.language.default
        answer = {
            "title": web_config.title or self._config.site.name,
            "greeting": _chosen(web_config.greeting, language, fallback, ""),
            "suggestions": _chosen(web_config.suggestions, language, fallback, ()),
            "anonymous": web_config.anonymous,
            "message_characters": web_config.limits.message_characters,
            "link_hosts": web_config.link_hosts,
            "heartbeat_seconds": web_config.heartbeat_seconds,
        }
        return web.json_response(answer, headers={"Cache-Control": "no-cache"})

    async def source(self, request: web.Request) -> web.Response:
        """GET /web/source: only what everybody may know is looked up (scope "")."""
        location = request.query.get("location", "")
        if (
            location
            and len(location) <= LOCATION_CHARACTERS
            and _is_text(location)
            and (page := await self._page(location))
        ):
            return _html(page)
        if "text/html" in request.headers.get("Accept", ""):
            return _html(source.absent(), status=404)
        raise Problem(404, "no_source", "There is no such source.")

    async def _page(self, location: str) -> str:
        """One at a time and beside the loop: a manual of a thousand pages takes seconds, and anybody may ask for it."""
        async with self._rendering:
            found = [stored.passage for stored in await self._store.passages_of(location)]
            return await asyncio.to_thread(source.page, found) if found else ""


def _chosen(texts: Mapping[str, Chosen], language: str, fallback: str, nothing: Chosen) -> Chosen:
    return texts.get(language) or texts.get(fallback) or nothing


def _is_text(location: str) -> bool:
    return "\0" not in location and location.isprintable()


def _html(page: str, *, status: int = 200) -> web.Response:
    headers: dict[str, Any] = PRIVATE | {"Content-Security-Policy": source.SOURCE_POLICY, "Cache-Control": "no-cache"}
    body = page.encode("utf-8", "replace")
    return web.Response(body=body, status=status, content_type="text/html", charset="utf-8", headers=headers)
