"""The senses that are configured: a speech model of ours, and what others have made and somebody installed."""

from __future__ import annotations

import importlib.util
from contextlib import AbstractContextManager
from importlib.metadata import entry_points

from bot.config import Config
from bot.engine.senses import Hearing, Seeing
from bot.engine.speech import SpeechRecognizer
from bot.errors import ConfigError
from bot.local import model_place
from bot.senses import Senses

GROUP = "frontdesk.senses"
"""Entry points of factories `make(config, settings)`, which make a `Hearing`, a `Seeing`, or something that is both."""

NEEDED = ("numpy", "safetensors", "soundfile", "torch", "transformers")
"""What the extra `voice` installs."""


def senses_of(config: Config, *, alone: AbstractContextManager[object] | None = None) -> Senses:
    """The configured ones, nothing loaded yet; models of ours will be loaded inside `alone`. Raises `ConfigError`."""
    hearing: list[Hearing] = [_recognizer(config, alone)] if config.voice.model else []
    seeing: list[Seeing] = []
    for name, made in _installed(config).items():
        if not isinstance(made, Hearing | Seeing):
            raise ConfigError(f"What [senses.{name}] turns on neither hears nor sees: its authors have to mend it.")
        hearing += [made] if isinstance(made, Hearing) else []
        seeing += [made] if isinstance(made, Seeing) else []
    if len(hearing) > 1 or len(seeing) > 1:
        raise ConfigError("Two models would hear, or see: leave one of `voice.model` and the tables of [senses].")
    return Senses(hearing=next(iter(hearing), None), seeing=next(iter(seeing), None))


def missing() -> list[str]:
    """What of the extra `voice` is not installed."""
    return [name for name in NEEDED if importlib.util.find_spec(name) is None]


def _recognizer(config: Config, alone: AbstractContextManager[object] | None) -> SpeechRecognizer:
    if lacking := missing():
        raise ConfigError(
            f"`voice.model` needs what is not installed ({', '.join(lacking)}): pip install 'frontdesk[voice]'"
        )
    settings = config.voice
    place = model_place(settings.model, config.root)
    return SpeechRecognizer(place, settings.device, most_seconds=settings.max_seconds, alone=alone)


def _installed(config: Config) -> dict[str, object]:
    points = {point.name: point for point in (entry_points(group=GROUP) if config.senses else ())}
    made: dict[str, object] = {}
    for name, settings in config.senses.items():
        if name not in points:
            known = ", ".join(points) or "none"
            raise ConfigError(f"There is no sense `{name}` installed (installed: {known}). Remove [senses.{name}].")
        made[name] = points[name].load()(config, settings)
    return made
