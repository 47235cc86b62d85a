"""What `frontdesk doctor` looks at. Each check returns findings and changes nothing that lasts."""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from adapters.base import Adapter, Checking, Finding
from bot.config import SECRET_VARIABLES, Config
from bot.errors import FrontdeskError

if TYPE_CHECKING:
    from storage.base import Store

_LOW_DISK = 200_000_000
_CHANNEL_SECONDS = 20.0


async def examine(config: Config) -> Sequence[Finding]:
    """Everything, in the order in which it would trip the start. The configuration itself was read already."""
    found = [Finding("good", "configuration", f"read; project folder {config.root}")]
    checks: tuple[Callable[[Config], Awaitable[list[Finding]]], ...] = (
        _secrets, _port, _exposure, _channels, _disk, _storage, _prompts, _engine, _semantic, _voice,
    )  # fmt: skip
    for check in checks:
        found += await check(config)
    return [_without_secrets(config, finding) for finding in found]


async def _secrets(config: Config) -> list[Finding]:
    given = [variable for variable, field in SECRET_VARIABLES.items() if getattr(config.secrets, field)]
    found = [Finding("good", "secrets", "set: " + (", ".join(given) or "none"))]
    if not config.web.anonymous and config.secrets.web_identity_secret is None:
        found = [Finding("bad", "secrets", "web.anonymous is off: set FRONTDESK_WEB__IDENTITY_SECRET to your JWT key.")]
    return found


async def _port(config: Config) -> list[Finding]:
    host, port = config.server.host, config.server.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            remedy = "set server.host" if isinstance(error, socket.gaierror) else "stop what listens there"
            reason = f"{host}:{port} cannot be used ({error.strerror}): {remedy}, or set server.port."
            return [Finding("bad", "port", reason)]
    return [Finding("good", "port", f"{host}:{port} is free")]


async def _exposure(config: Config) -> list[Finding]:
    if config.server.host in ("127.0.0.1", "::1", "localhost"):
        return []
    found = []
    if not config.server.public_url:
        found.append(Finding("note", "public address", "set server.public_url to the address that visitors see."))
    if not config.web.origins:
        found.append(Finding("note", "origins", "web.origins is empty: only this server's pages may embed it."))
    return found


async def _channels(config: Config) -> list[Finding]:
    from bot.desk import adapters_of, engine_of
    from bot.metrics import Metrics

    with tempfile.TemporaryDirectory(prefix="frontdesk-") as folder:  # a channel may put its key into the data folder
        elsewhere = config.model_copy(update={"data": Path(folder)})
        async with _store(config, elsewhere) as store:
            try:
                made = adapters_of(elsewhere, store, Metrics(), engine_of(config))
            except FrontdeskError as error:
                return [Finding("bad", "channels", str(error))]
            names = [adapter.name for adapter in made]
            found = [Finding("good", "channels", ", ".join(names) or "none")]
            for adapter in made:
                found += await _own_findings(adapter)
    if config.handover.channel and config.handover.channel not in names:
        text = f"handover.channel is {config.handover.channel!r}, which is not set up: set it up, or empty it."
        found.append(Finding("bad", "hand-over", text))
    return found


@asynccontextmanager
async def _store(config: Config, elsewhere: Config) -> AsyncIterator[Store]:
    """The store, for channels that keep something there; an empty one where there is none, or none that opens."""
    from bot.desk import store_of

    there = (config.data / "frontdesk.db").exists()
    store = store_of(config if there else elsewhere, shared=there)
    try:
        await store.open()
    except FrontdeskError:  # `_storage` tells of it
        store = store_of(elsewhere)
        await store.open()
    try:
        yield store
    finally:
        await store.close()


async def _own_findings(adapter: Adapter) -> list[Finding]:
    """What a channel says of itself, within a time."""
    try:
        if isinstance(adapter, Checking):
            async with asyncio.timeout(_CHANNEL_SECONDS):
                return list(await adapter.check())
    except TimeoutError:
        text = f"no answer within {_CHANNEL_SECONDS:.0f} seconds: look whether this machine reaches it, and try again."
        return [Finding("bad", adapter.name, text)]
    except FrontdeskError as error:
        return [Finding("bad", adapter.name, str(error))]
    except Exception as error:
        return [Finding("bad", adapter.name, f"its check broke ({type(error).__name__}): its authors have to mend it.")]
    finally:
        with suppress(Exception):
            await adapter.close()
    return []


def _without_secrets(config: Config, finding: Finding) -> Finding:
    """Whatever a channel was told, or says of itself, no secret is shown."""
    text = finding.text
    for field in SECRET_VARIABLES.values():
        if secret := getattr(config.secrets, field):
            text = text.replace(secret.get_secret_value(), "…")
    return replace(finding, text=text)


async def _disk(config: Config) -> list[Finding]:
    folder = config.data
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        return [Finding("bad", "data folder", f"{folder} cannot be written: give the user rights, or set `data`.")]
    free = shutil.disk_usage(folder).free
    state: Literal["good", "note"] = "good" if free > _LOW_DISK else "note"
    return [Finding(state, "data folder", f"{config.data} is writable, {free / 1e9:.1f} GB free")]


async def _storage(config: Config) -> list[Finding]:
    from bot.desk import knowledge_of, store_of

    if not (config.data / "frontdesk.db").exists():
        return [
            Finding("good", "storage", "no database yet; the first start makes one"),
            Finding("note", "knowledge", "nothing is known yet: frontdesk knowledge add FILE_OR_FOLDER"),
        ]
    store = store_of(config, shared=True)
    try:
        await store.open()
    except FrontdeskError as error:
        return [Finding("bad", "storage", str(error))]
    try:
        knowledge = knowledge_of(config, store)
        documents = await knowledge.documents()
        knowledge.close()
    finally:
        await store.close()
    passages = sum(document.passages for document in documents)
    known = Finding("good", "knowledge", f"documents: {len(documents)}, passages: {passages}")
    if not documents:
        known = Finding("note", "knowledge", "nothing is known yet: frontdesk knowledge add FILE_OR_FOLDER")
    return [Finding("good", "storage", f"{config.data / 'frontdesk.db'} opens"), known]


async def _prompts(config: Config) -> list[Finding]:
    from prompts.template import Library

    library = Library(config.root / "prompts")
    if wrong := library.check():
        return [Finding("bad", "prompts", str(error)) for error in wrong]
    try:
        library.get(config.prompts.answer)
    except FrontdeskError as error:
        return [Finding("bad", "prompts", str(error))]
    return [Finding("good", "prompts", f"{len(library.names())} templates")]


async def _engine(config: Config) -> list[Finding]:
    if config.engine.kind == "local":
        from bot.cli.model import examine_model

        return [Finding(state, "engine", text) for state, text in examine_model(config)]
    if config.engine.kind != "openai":
        return [Finding("good", "engine", f"{config.engine.kind}: works without anything else")]
    from bot.desk import remote_engine
    from bot.engine.base import EngineFault

    engine = remote_engine(config)
    try:
        await engine.start()
        models = await engine.check()
    except (EngineFault, FrontdeskError) as error:
        return [Finding("bad", "engine", str(error))]
    finally:
        await engine.close()
    return [Finding("good", "engine", f"{config.engine.openai.base_url} answers: {models}")]


async def _semantic(config: Config) -> list[Finding]:
    return [_embedder(config)]


async def _voice(config: Config) -> list[Finding]:
    from bot.cli.voice import examine_voice

    return examine_voice(config)


def _embedder(config: Config) -> Finding:
    if config.knowledge.semantic.enabled == "no":
        return Finding("good", "semantic search", "off")
    try:
        version = importlib.metadata.version("sentence-transformers")
    except importlib.metadata.PackageNotFoundError:
        state: Literal["bad", "note"] = "bad" if config.knowledge.semantic.enabled == "yes" else "note"
        return Finding(state, "semantic search", "not installed: pip install 'frontdesk[semantic]'")
    model = config.knowledge.semantic.model
    if model and model.startswith(("/", ".")) and not Path(model).exists():
        return Finding("bad", "semantic search", f"there is no model folder {model}: set knowledge.semantic.model.")
    return Finding("good", "semantic search", f"sentence-transformers {version}")
