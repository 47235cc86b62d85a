"""The desk: everything is wired here, from one `Config`, and nowhere else.

It owns what must be owned (store, engine, adapters, background tasks), takes what channels publish, and
sees to it that nothing which was accepted is forgotten: what a dead process left is taken up again at the
start, and a sweeper looks for the rest.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from functools import lru_cache, partial
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

import structlog

from adapters.base import Adapter, Context, Draining, Fetching
from bot.answer.quote import Quoter
from bot.attachments import Attachments
from bot.bus import Bound, Bus
from bot.config import Config
from bot.delivery import Delivery
from bot.engine.base import Engine, EngineFault
from bot.engine.local.engine import LocalEngine
from bot.errors import ConfigError, FrontdeskError, Overloaded, StorageError
from bot.events import Address, Event, Feedback, Message, Reply, Stop
from bot.handover import Handover, return_idle
from bot.language import Languages
from bot.local import EngineFigures, Loading, check_chats, fitted, local_engine, revival
from bot.metrics import Metrics
from bot.perceiving import Perceiving
from bot.privacy import Redactor
from bot.quick import Quick
from bot.quoting import Quotes
from bot.senses import Senses
from bot.summariser import summariser
from bot.turn import Turner
from bot.voice import senses_of
from bot.work import Answering, Work, joins
from prompts.knowledge import Knowledge, find_embedder, find_reranker
from prompts.memory import Memory
from prompts.template import Library
from prompts.tokens import estimate_tokens
from storage.base import Store

if TYPE_CHECKING:
    from bot.engine.openai import OpenAICompatibleEngine

log = structlog.get_logger()

_SWEEP_SECONDS = 10.0
_EXPIRE_SECONDS = 3600.0
_IDLE_SECONDS = 300.0
_BEYOND = 1_000
"""How many waiting messages are looked at beyond those that the house may hold."""
_RESTART_PAUSE = 5.0
_REVIVE_SECONDS = 5.0
_DAY = 86_400
_LOADING = threading.Lock()
"""transformers changes its own classes while it loads a model. Two loads at once, of an engine and of an embedder, can
leave them changed for good: models without tied weights, from then on."""
_COUNTED = 4_096
"""Texts whose number of tokens is kept: a conversation's turns are counted again with every message."""


class Desk:
    """Store, bus, work, delivery and adapters as one running whole."""

    def __init__(
        self,
        config: Config,
        *,
        store: Store,
        answering: Answering,
        adapters: Mapping[str, Adapter],
        metrics: Metrics,
        knowledge: Knowledge,
        engine: Engine | None = None,
    ) -> None:
        self.config, self.store, self.adapters, self.metrics = config, store, adapters, metrics
        self.knowledge, self.answering, self.engine = knowledge, answering, engine
        bounds = config.bus
        ends = Bound(total=2 * bounds.messages, lane=4 * bounds.per_conversation, running=2 * bounds.messages)
        self.bus = Bus(
            {
                Message: Bound(total=bounds.messages, lane=bounds.per_conversation, running=bounds.running),
                Reply: ends,
            },
            on_error=_log_error,
        )
        self.delivery = Delivery(self.bus, store, adapters, metrics)
        self.work = Work(store, answering, config, metrics, emit=self.delivery.partial, deliver=self.delivery.end)
        self.bus.subscribe(Message, self.work.handle)
        self.ready = False
        self._behind: set[Address] = set()
        self._tasks: list[asyncio.Task[None]] = []

    # -- life ----------------------------------------------------------------------------------------
    async def start(self, *, warm: bool = True) -> None:
        """Take up what a former process left, then let the channels in. The store is open already.

        With `warm`, what is loaded lazily is loaded while messages are answered already.
        """
        await self._take_up()
        for adapter in self.adapters.values():
            self._own(self._run(adapter), f"adapter {adapter.name}")
        self._own(self._every(_SWEEP_SECONDS, self._take_up), "sweeper")
        if warm:
            self._own(self.warm(), "warming")
        if isinstance(self.engine, LocalEngine):
            self._own(self._every(_REVIVE_SECONDS, revival(self.engine)), "engine keeper")
        if self.config.handover.channel and self.config.handover.idle_hours:
            self._own(self._every(_IDLE_SECONDS, self._return_idle), "idle cases")
        if self.config.privacy.retention_days:
            self._own(self._every(_EXPIRE_SECONDS, self._expire), "retention")
        self.ready = True

    async def close(self) -> None:
        """Take nothing new, finish what runs within `server.drain_seconds`, give the rest back to the inbox."""
        self.ready = False
        async with AsyncExitStack() as stack:
            for adapter in self.adapters.values():
                stack.push_async_callback(_quietly, adapter.close)
            stack.push_async_callback(self._end_tasks)
            seconds = self.config.server.drain_seconds
            drains = [adapter.drain(seconds) for adapter in self.adapters.values() if isinstance(adapter, Draining)]
            drained, *_ = await asyncio.gather(self.bus.drain(seconds), *drains)
            if not drained:
                await self._tell_what_is_left()

    async def _tell_what_is_left(self) -> None:
        """As the next start will find it: what the bus cut off is back in the inbox and the outbox by now."""
        try:
            unanswered, unsent = await self.store.pending(), await self.store.undelivered()
        except StorageError as error:
            log.warning("desk.drain_incomplete", error=str(error))
        else:
            log.warning("desk.drain_incomplete", unanswered=len(unanswered), unsent=len(unsent))

    async def _end_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _own(self, work: Awaitable[None], name: str) -> None:
        self._tasks.append(asyncio.create_task(_awaited(work), name=name))

    # -- what channels publish -----------------------------------------------------------------------
    async def publish(self, event: Message | Stop | Feedback) -> bool:
        """Take an event from a channel: see `adapters.base.Publish`."""
        if isinstance(event, Stop):
            return await self._stop(event)
        if isinstance(event, Feedback):
            return await self.store.feedback(event)
        try:
            if event.replaces:
                await self._make_known(event)
            return await self._accept(event)
        except FrontdeskError as error:
            self.metrics.refused.labels(event.address.channel, type(error).__name__).inc()
            raise

    async def _stop(self, stop: Stop) -> bool:
        """A deletion is for good: whatever dies now, neither what was deleted nor a later form of it is answered."""
        try:
            if stop.reason == "withdrawn":
                await self.store.withdraw(stop.address.channel, stop.message_id)
        finally:  # afterwards: what is not in the house yet finds it noted
            stopped = self.work.house.stop(stop.address, stop.message_id, stop.reason)
        return stopped

    async def _make_known(self, edited: Message) -> None:
        """Let the first form of a message be known before a later one: it must not be answered when it comes late.

        `edited`, without saying what of, tells it from a message that was deleted.
        """
        if await self.store.exchange(edited.address.channel, edited.replaces):
            return
        nothing = replace(
            edited, id=edited.replaces, text="", attachments=(), edited=True, command="withdrawn", replaces=""
        )
        await self._accept(nothing)

    async def _accept(self, message: Message) -> bool:
        if message.address in self._behind:  # what was said there before waits for room: it comes first
            raise Overloaded("Earlier messages of this conversation are waiting. Please try again in a moment.")
        policy = self.config.bus.busy if joins(message, self.config) else "queue"
        busy = self.bus.waiting(message) > 0 or self.work.house.busy(message)
        claim = self.bus.claim(message)
        taken = False
        try:
            new = await self.store.accept(message)
            if new and busy and policy == "drop" and not message.replaces:
                await self.work.refuse_busy(message)
            elif new and message not in self.work.house:
                self.work.house.admit(message, interrupt=policy == "interrupt")
                claim.publish()
                taken = True
        finally:
            if not taken:
                claim.release()
        count = self.metrics.accepted if new else self.metrics.duplicates
        count.labels(message.address.channel).inc()
        return new

    # -- what a dead process, a full bus or a broken channel left ---------------------------------------
    async def _take_up(self) -> None:
        """What finds no room now is found by the next sweep; one full lane, or one broken channel, hides no other."""
        for channel in self.adapters:
            await self.delivery.take_up(channel)
        waiting = await self.store.pending(limit=self.config.bus.messages + _BEYOND)
        self._behind = {message.address for message in waiting if not self._takes(message)}

    def _takes(self, message: Message) -> bool:
        """Put an accepted message into its lane, unless it is in the house. False when there is no room."""
        if message in self.work.house:
            return True
        try:
            claim = self.bus.claim(message)
        except Overloaded:
            return False
        self.work.house.admit(message)
        claim.publish()
        return True

    async def warm(self) -> None:
        """Load what is loaded lazily; it is told when that fails, and then done when it is needed."""
        try:
            await self.answering.warm()
        except Exception:
            log.exception("desk.warm")

    async def _expire(self) -> None:
        before = time.time() - self.config.privacy.retention_days * _DAY
        erased = await self.store.expire(before)
        if any(erased.rows.values()):
            await self.store.audit("expire", {"rows": dict(erased.rows)})

    async def _return_idle(self) -> None:
        for outgoing in await return_idle(self.store, self.config, time.time()):
            await self.delivery.end(outgoing)

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await work()
            except StorageError as error:
                log.error("desk.background", work=work.__name__, error=str(error))
            except Exception:  # the next round may fare better; without a sweeper messages would be forgotten
                log.exception("desk.background", work=work.__name__)

    async def _run(self, adapter: Adapter) -> None:
        """Keep a channel running; one that breaks is started again and disturbs no other."""
        while True:
            try:
                return await adapter.run(self.publish)
            except Exception:
                log.exception("desk.adapter_broke", channel=adapter.name)
                await asyncio.sleep(_RESTART_PAUSE)


async def _awaited(work: Awaitable[None]) -> None:
    await work


async def _quietly(close: Callable[[], Awaitable[None]]) -> None:
    try:
        await close()
    except Exception:
        log.exception("desk.close")


def _log_error(event: Event, error: Exception) -> None:
    log.error("bus.handler", kind=type(event).__name__, channel=event.address.channel, exc_info=error)


# -- the wiring ------------------------------------------------------------------------------------------
def store_of(config: Config, *, shared: bool = False) -> Store:
    """The configured store. `shared` is for commands that work beside a running server."""
    from storage.sqlite import SqliteStore

    return SqliteStore(config.data, synchronous=config.storage.synchronous, shared=shared)


def knowledge_of(config: Config, store: Store) -> Knowledge:
    """What the bot may answer from, with embeddings and a cross-encoder where they are installed and wanted."""
    embedder = find_embedder(config.knowledge.semantic, alone=_LOADING)
    reranker = find_reranker(config.knowledge.rerank, alone=_LOADING)
    return Knowledge(store, config.knowledge, embedder=embedder, reranker=reranker, root=config.root)


def remote_engine(config: Config) -> OpenAICompatibleEngine:
    """The engine behind `engine.kind = "openai"`."""
    from bot.engine.openai import OpenAICompatibleEngine

    settings, key = config.engine.openai, config.secrets.engine_openai_api_key
    return OpenAICompatibleEngine(
        base_url=settings.base_url,
        model=settings.model,
        api_key=key.get_secret_value() if key else "",
        connect_seconds=settings.connect_seconds,
        first_token_seconds=settings.first_token_seconds,
        between_tokens_seconds=settings.between_tokens_seconds,
        retries=settings.retries,
        max_concurrent=settings.max_concurrent,
    )


def engine_of(config: Config, loading: Loading | None = None) -> Engine | None:
    """The configured engine; None for `quote`, which needs none. `loading` is told how far a local model is."""
    if config.engine.kind == "openai":
        return remote_engine(config)
    if config.engine.kind == "local":
        return local_engine(config, loading, alone=_LOADING)
    if config.engine.kind == "echo":
        from bot.engine.echo import EchoEngine

        return EchoEngine(repeat=config.engine.echo.repeat, delay_ms=config.engine.echo.delay_ms)
    return None


async def _started(engine: Engine) -> None:
    try:
        await engine.start()
    except EngineFault as error:
        raise ConfigError(str(error)) from None


def adapters_of(
    config: Config, store: Store, metrics: Metrics, engine: Engine | None, quick: Quick | None = None
) -> list[Adapter]:
    """The configured channels; one that is not configured is never imported. `engine` stands behind the API."""
    context = partial(Context, config=config, store=store, metrics=metrics, quick=quick)
    made: list[Adapter] = []
    if config.web.enabled:
        from adapters.web import make

        made.append(make(context(settings={})))
    if config.api.enabled:
        from adapters.openai import make as make_api
        from bot.generator import generator_of, model_name

        made.append(make_api(context(settings={}), generator_of(config, engine), model_name(config)))
    if config.slack.enabled:
        made.append(_slack(context(settings={})))
    if config.telegram.enabled:
        made.append(_telegram(context(settings={})))
    installed = entry_points(group="frontdesk.adapters") if config.adapters else ()
    factories = {point.name: point for point in installed}
    for name, settings in config.adapters.items():
        if name not in factories:
            known = ", ".join(factories) or "none"
            raise ConfigError(f"There is no adapter `{name}` installed (installed: {known}). Remove [adapters.{name}].")
        make_other = factories[name].load()
        made.append(make_other(context(settings=settings)))
    return made


def _slack(context: Context) -> Adapter:
    with _sdk("slack", "slack_bolt", "slack_sdk"):
        from adapters.slack import make

        return make(context)


def _telegram(context: Context) -> Adapter:
    with _sdk("telegram", "telegram"):
        from adapters.telegram import make

        return make(context)


@contextmanager
def _sdk(channel: str, *packages: str) -> Iterator[None]:
    """Say what to install when one of `packages` is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in packages:
            raise
        raise ConfigError(f"`{channel}.enabled` needs its SDK: pip install 'frontdesk[{channel}]'") from None


@asynccontextmanager
async def at_desk(
    config: Config,
    adapters: Sequence[Adapter] | None = None,
    *,
    senses: Senses | None = None,
    loading: Loading | None = None,
) -> AsyncIterator[Desk]:
    """Everything wired and opened; the caller calls `start` and `close`.

    `adapters` and `senses` replace the configured ones. `loading` is told how far a local model is loaded, in the place
    of the log.
    """
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        store = store_of(config)
        await store.open()
        stack.push_async_callback(store.close)
        knowledge = knowledge_of(config, store)
        stack.callback(knowledge.close)
        engine = engine_of(config, loading)
        if engine:
            stack.push_async_callback(engine.close)
            await _started(engine)
        if isinstance(engine, LocalEngine):
            check_chats(config, engine)
            config = fitted(config, engine.context_tokens)
            metrics.registry.register(EngineFigures(engine.stats))
        count = lru_cache(_COUNTED)(engine.count_tokens if engine else estimate_tokens)
        library = Library(config.root / "prompts")
        if wrong := library.check():
            raise wrong[0]
        library.get(config.prompts.answer)
        model = engine if config.engine.kind != "echo" else None
        summarise = summariser(model, library, config.memory.summary_tokens) if model else None
        languages = Languages(config.language, known=knowledge.languages)
        quotes = Quotes(knowledge, Quoter(config.site), most=config.knowledge.passages, remembers=False)
        quick = Quick(quotes, languages)
        chosen = adapters_of(config, store, metrics, engine, quick) if adapters is None else adapters
        hands_over = config.handover.channel in {adapter.name for adapter in chosen}
        if config.handover.channel and not hands_over and adapters is None:
            raise ConfigError(f"`handover.channel` is {config.handover.channel!r}, but no such channel is turned on.")
        senses = senses or senses_of(config, alone=_LOADING)
        stack.push_async_callback(senses.close)
        fetch = {adapter.name: adapter.fetch for adapter in chosen if isinstance(adapter, Fetching)}
        attachments = Attachments(config, knowledge, fetch, senses)
        turner = Turner(
            config=config,
            store=store,
            languages=languages,
            redactor=Redactor(config.privacy),
            memory=Memory(store, config.memory, count=count, summarise=summarise),
            knowledge=knowledge,
            library=library,
            quoter=Quoter(config.site, hands_over=hands_over),
            engine=engine,
            count=count,
            attachments=attachments,
        )
        answering = Handover(turner, store, config, languages) if hands_over else turner
        yield Desk(
            config,
            store=store,
            answering=Perceiving(answering, attachments.perception, senses, store, config),
            adapters={adapter.name: adapter for adapter in chosen},
            metrics=metrics,
            knowledge=knowledge,
            engine=engine,
        )
