"""The HTTP server: what the channels serve, whether the process lives and is ready, and its figures."""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from aiohttp.http import HttpProcessingError
from aiohttp.typedefs import Handler

from bot import __version__
from bot.config import Config
from bot.desk import Desk
from bot.engine.local.engine import LocalEngine
from bot.errors import ConfigError, StorageError

_BACKLOG = 4096
_IDLE_SECONDS = 75.0
"""How long a connection may wait, at its start or between requests, before a whole request head has come. Longer than
the minute for which proxies keep theirs, so that it is they who close."""


def application(desk: Desk, *, site: Path | None = None) -> web.Application:
    """The routes of all channels, `/health`, `/ready`, `/metrics`, and (for the demo) a folder of static pages."""
    app = web.Application(client_max_size=desk.config.web.limits.body_bytes)
    for adapter in desk.adapters.values():
        app.router.add_routes(adapter.routes())
    app.router.add_get("/health", _health)
    app.router.add_get("/ready", _ready(desk))
    if desk.config.server.metrics:
        app.router.add_get("/metrics", _metrics(desk))
    if site:
        app.router.add_get("/{path:.*}", _pages(site))
    return app


async def _health(_: web.Request) -> web.Response:
    """The process answers. A supervisor restarts it when this fails."""
    return web.json_response({"status": "ok", "version": __version__})


def _ready(desk: Desk) -> Handler:
    async def ready(_: web.Request) -> web.Response:
        """Whether messages can be taken now. A balancer sends visitors elsewhere when this fails."""
        try:
            await desk.store.knowledge_version()
        except StorageError as error:
            return web.json_response({"status": "storage", "message": str(error)}, status=503)
        if not desk.ready:
            return web.json_response({"status": "draining"}, status=503, headers={"Retry-After": "2"})
        unwell = desk.engine.health() if isinstance(desk.engine, LocalEngine) else ""
        # Without its model the bot answers with quotes: worse, but messages can be taken.
        return web.json_response({"status": "ready", **({"engine": unwell} if unwell else {})})

    return ready


def _metrics(desk: Desk) -> Handler:
    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=desk.metrics.expose(), headers={"Content-Type": "text/plain; version=0.0.4"})

    return metrics


_PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def _pages(folder: Path) -> Handler:
    """Files below `folder` alone, by the names found there at the start: no path of a visitor's reaches the disk."""
    files = {str(file.relative_to(folder)): file for file in folder.rglob("*") if file.is_file()}

    async def page(request: web.Request) -> web.StreamResponse:
        file = files.get(request.match_info["path"] or "index.html")
        if file is None:
            return web.Response(status=404, text="There is no such page.", headers=_PAGE_HEADERS)
        return web.FileResponse(file, headers=_PAGE_HEADERS)

    return page


@asynccontextmanager
async def serving(app: web.Application, config: Config) -> AsyncIterator[str]:
    """Serve until the body ends; gives the address. Raises `ConfigError` when the port cannot be had."""
    # Bodies stay as they were sent: a compressed one is refused before anything unpacks it.
    runner = web.AppRunner(
        app,
        access_log=None,
        logger=_log(),
        keepalive_timeout=_IDLE_SECONDS,
        shutdown_timeout=2.0,
        handle_signals=False,
        auto_decompress=False,
    )
    await runner.setup()
    _collect_less_often()
    host, port = config.server.host, config.server.port
    try:
        try:
            await web.TCPSite(runner, host, port, backlog=_BACKLOG).start()
        except OSError as error:
            raise ConfigError(_explain(error, host, port)) from None
        bound = runner.addresses[0][1]
        yield f"http://{host if ':' not in host else f'[{host}]'}:{bound}"
    finally:
        await runner.cleanup()
        gc.unfreeze()  # what is frozen outlives the modules it needs, and Triton complains of that at length


def _log() -> logging.Logger:
    """What aiohttp writes to, without what it says of requests that are no HTTP.

    It would quote them, with the token in their head, and with them anybody could fill the disk.
    """
    log = logging.getLogger("aiohttp.server")
    log.addFilter(_is_ours)
    return log


def _is_ours(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


def _collect_less_often() -> None:
    """Keep the garbage collector from stopping the loop for everybody.

    With thousands of open streams a full collection walks all of them and takes 0.2 to 0.6 s. What was loaded until
    now never becomes garbage, and reference counts free almost everything else.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 10)


def _explain(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use. Stop what listens there, or choose another with --port."
    if error.errno == errno.EACCES:
        return f"Port {port} needs more rights. Choose one above 1023 with --port, and put a proxy before it."
    return f"Cannot listen on {host}:{port}: {error.strerror}. Check --host and --port."


async def until_told_to_stop() -> None:
    """Wait for Ctrl-C or SIGTERM. A second one ends the process at once: what was accepted is on disk."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()

    def tell(number: int) -> None:
        if told.is_set():
            os._exit(128 + number)
        told.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, tell, number)
    await told.wait()
