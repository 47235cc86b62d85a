"""The house's side of the local engine: its settings, how its loading is told, its figures, and what fits into it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bot.config import Config
from bot.engine.base import EngineFault, EngineRefused
from bot.engine.local.engine import LocalEngine
from bot.engine.local.model import Model, load_model
from bot.engine.local.settings import LocalSettings
from bot.engine.local.stats import Distribution, Stats
from bot.errors import ConfigError

log = structlog.get_logger()

Loading = Callable[[str, float], None]
"""Told what is being done while a model is loaded, and how much of it is, from 0 to 1."""

_ANSWER_TOKENS = 512
"""What templates ask for at most, where the configuration does not say."""
_LEAST_PROMPT = 448
"""Tokens: what the templates' own words take, and a short question."""
_TOLD_SHARE = 0.25


def local_settings(config: Config) -> LocalSettings:
    """What the engine is made with. Raises `ConfigError` when no model is named."""
    if not config.engine.model:
        raise ConfigError(
            'engine.kind is "local", but engine.model names no model: give a Hugging Face hub id or a folder, '
            "or use --model."
        )
    return LocalSettings(model=model_place(config.engine.model, config.root), **config.engine.local.model_dump())


def local_engine(
    config: Config, loading: Loading | None = None, *, alone: AbstractContextManager[object] | None = None
) -> LocalEngine:
    """The engine behind `engine.kind = "local"`; without `loading`, the log is told how far it is.

    Its model is loaded inside `alone`, which keeps others from loading at the same time.
    """

    def load_alone(settings: LocalSettings, progress: Loading) -> Model:
        with alone or nullcontext():
            return load_model(settings, progress)

    return LocalEngine(local_settings(config), progress=loading or LoadingLog(config.engine.model), loader=load_alone)


def model_place(name: str, root: Path) -> str:
    """A model's folder beside the configuration file by its whole path; else the name as it is."""
    folder = root / Path(name).expanduser()
    return str(folder) if folder.is_dir() else name


def revival(engine: LocalEngine) -> Callable[[], Awaitable[None]]:
    """Work to be done every few seconds: load the model again when the engine broke. Until then answers are quotes."""

    async def revive() -> None:
        if engine.stats().state != "failed":
            return
        log.error("engine.broke", reason=engine.health())
        try:
            await engine.start()
        except EngineFault as error:
            log.error("engine.not_started", reason=str(error))

    return revive


def check_chats(config: Config, engine: LocalEngine) -> None:
    """Raise `ConfigError` when the model cannot be asked as visitors ask: at the start, not to the first of them.

    Where the API is on, which can do without a chat template, it is a warning.
    """
    try:
        engine.model.counting.chat([{"role": "user", "content": "Hello"}])
    except EngineRefused as error:
        if not config.api.enabled:
            raise ConfigError(str(error)) from None
        log.warning("engine.answers_no_visitors", reason=str(error))


class LoadingLog:
    """Tells the log, once for each quarter of each thing that is done."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._told: tuple[str, int] | None = None

    def __call__(self, what: str, fraction: float) -> None:
        now = (what, int(fraction / _TOLD_SHARE))
        if now != self._told:
            self._told = now
            log.info("engine.loading", model=self._model, doing=what, percent=round(100 * fraction))


def fitted(config: Config, context_tokens: int) -> Config:
    """`config` with prompts that leave room for an answer in `context_tokens` of prompt and answer together.

    Raises `ConfigError` where that leaves no prompt worth the name, unless the API is on, which can do with less.
    """
    answer = min(config.prompts.max_tokens or _ANSWER_TOKENS, context_tokens // 4)
    most = context_tokens - answer
    if config.prompts.context_tokens <= most:
        return config
    if most < _LEAST_PROMPT and not config.api.enabled:
        raise ConfigError(
            f"{config.engine.model} holds {context_tokens} tokens of prompt and answer together, which is too few for "
            "a question with its sources: raise engine.local.context_tokens, or take a model that holds more."
        )
    log.warning(
        "engine.prompts_shortened", context_tokens=context_tokens, wanted=config.prompts.context_tokens, prompts=most
    )
    prompts = config.prompts.model_copy(update={"context_tokens": most})
    return config.model_copy(update={"prompts": prompts})


_GAUGES = {
    "waiting": "Requests that wait for a place in the batch.",
    "running": "Requests in the batch.",
    "batch": "Requests in a step, the mean of the last 64.",
    "tokens_per_second": "Tokens generated a second, over the last 10 seconds.",
    "kv_used": "Blocks of the KV cache that requests hold.",
    "kv_total": "Blocks of the KV cache.",
}
_COUNTERS = {
    "requests": "Requests that were submitted.",
    "finished": "Requests that came to their own end.",
    "cancelled": "Requests that nobody read any more.",
    "expired": "Requests whose deadline passed.",
    "refused": "Requests for which there was no room.",
    "steps": "Steps computed.",
    "failed_steps": "Steps that failed.",
    "shrinks": "Times that the batch was made smaller for want of memory.",
    "leaks": "Times that the books of slots and blocks were wrong.",
    "prompt_tokens": "Tokens of prompts computed, those computed again included.",
    "generated_tokens": "Tokens generated.",
    "prefix_hit_tokens": "Tokens of prompts found in the prefix cache.",
    "prefix_query_tokens": "Tokens of prompts looked up in the prefix cache.",
    "preemptions": "Requests that gave their blocks to others and were computed again.",
}
_HISTOGRAMS = {
    "ttft": ("ttft_seconds", "From a request to its first token."),
    "itl": ("itl_seconds", "Between two tokens of an answer."),
    "step": ("step_seconds", "From a step's launch to its tokens."),
}


class EngineFigures(Collector):
    """The engine's figures as Prometheus takes them, read when they are asked for."""

    def __init__(self, stats: Callable[[], Stats]) -> None:
        self._stats = stats

    def describe(self) -> list[Metric]:
        """Nothing is promised before the engine is asked."""
        return []

    def collect(self) -> Iterator[Metric]:
        stats = self._stats()
        up = 1.0 if stats.state == "ready" else 0.0
        yield GaugeMetricFamily("frontdesk_engine_up", "Whether the model is loaded and its steps succeed.", value=up)
        for name, text in _GAUGES.items():
            yield GaugeMetricFamily(f"frontdesk_engine_{name}", text, value=float(getattr(stats, name)))
        for name, text in _COUNTERS.items():
            yield CounterMetricFamily(f"frontdesk_engine_{name}", text, value=float(getattr(stats, name)))
        faults = CounterMetricFamily("frontdesk_engine_faults", "Requests that failed, by why.", labels=["reason"])
        for reason, count in stats.faults.items():
            faults.add_metric([reason], float(count))
        yield faults
        for field, (name, text) in _HISTOGRAMS.items():
            yield _histogram(f"frontdesk_engine_{name}", text, getattr(stats, field))


def _histogram(name: str, text: str, times: Distribution) -> Metric:
    family = HistogramMetricFamily(name, text)
    family.add_metric([], times.buckets(), sum_value=times.total)
    return family
