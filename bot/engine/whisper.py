"""Models of the Whisper family, as transformers has them: speech in, text out."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers import (
    AutoTokenizer,
    StoppingCriteria,
    StoppingCriteriaList,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)

from bot.engine.base import EngineFault, EngineRefused
from bot.engine.local.checkpoint import brief, find
from bot.engine.local.device import device_of
from bot.engine.local.quiet import quiet
from bot.engine.local.settings import Device, LocalSettings
from bot.engine.sound import RATE, Samples, silent

Stopped = Callable[[], bool]

_PLAUSIBLE = 0.1
"""The language that somebody has used before is taken from this probability on: a short "ja" has many."""


class Whisper:
    """A model with what makes its input and reads its output. Used from one thread."""

    def __init__(self, model: Any, features: Any, tokenizer: Any) -> None:
        self._model, self._features, self._tokenizer = model, features, tokenizer

    @torch.inference_mode()
    def transcribe(self, windows: Iterable[Samples], language: str, stopped: Stopped) -> str:
        """What is said in `windows`, of at most 30 seconds each; in silent ones nothing is. "" when `stopped`.

        `language` is taken where it may be the one that is spoken, and found out where it is not.
        """
        words: list[str] = []
        chosen: dict[str, str] = {}
        for window in windows:
            if stopped():
                return ""
            if silent(window):
                continue
            features = self._features(window, sampling_rate=RATE, return_tensors="pt").input_features
            features = features.to(self._model.device, self._model.dtype)
            encoded = self._model.get_encoder()(features)
            chosen = chosen or self._spoken(encoded, language)
            until = StoppingCriteriaList([_Until(stopped)])
            with _hushed():
                tokens = self._model.generate(features, encoder_outputs=encoded, stopping_criteria=until, **chosen)
            words.append(self._tokenizer.decode(tokens[0], skip_special_tokens=True))
        return "" if stopped() else " ".join("".join(words).split())

    def _spoken(self, encoded: Any, language: str) -> dict[str, str]:
        """What `generate` is told of the language; nothing where the model knows only one."""
        settings = self._model.generation_config
        known: dict[str, int] = getattr(settings, "lang_to_id", None) or {}
        if not (known and getattr(settings, "is_multilingual", False)):
            return {}
        start = torch.tensor([[settings.decoder_start_token_id]], device=self._model.device)
        logits = self._model(encoder_outputs=encoded, decoder_input_ids=start).logits[0, -1]
        likely = dict(zip(known, logits[list(known.values())].float().softmax(0).tolist(), strict=True))
        given = f"<|{language}|>"
        token = given if likely.get(given, 0) >= _PLAUSIBLE else max(likely, key=likely.__getitem__)
        return {"language": token, "task": "transcribe"}


class _Until(StoppingCriteria):
    """Ends generation within one token."""

    def __init__(self, stopped: Stopped) -> None:
        self._stopped = stopped

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:  # noqa: ARG002 - transformers' call
        return torch.full((len(input_ids),), self._stopped(), dtype=torch.bool, device=input_ids.device)


@contextmanager
def _hushed() -> Iterator[None]:
    """Keep from the log what transformers tells this thread of how it calls itself."""
    here, logger = threading.get_ident(), logging.getLogger("transformers.generation.utils")

    def told(record: logging.LogRecord) -> bool:
        return record.thread != here or record.levelno >= logging.ERROR

    logger.addFilter(told)
    try:
        yield
    finally:
        logger.removeFilter(told)


def load_whisper(model: str, device: Device) -> Whisper:
    """Load a folder or a model of the Hugging Face hub. Raises `EngineFault` that says what to do."""
    settings = LocalSettings(model=model, device=device)
    where = device_of(settings)
    with quiet():
        checkpoint = find(settings, _silently)
        kind = checkpoint.config().get("model_type")
        if kind != "whisper":
            raise EngineRefused(
                f"{checkpoint.name} is a {kind} model. Speech is recognised with models of the Whisper family, such as "
                '"openai/whisper-small": name one of them.',
                field="model",
            )
        checkpoint.complete(_silently)
        try:
            features = WhisperFeatureExtractor.from_pretrained(checkpoint.folder, local_files_only=True)
            tokenizer = AutoTokenizer.from_pretrained(checkpoint.folder, local_files_only=True)
            whisper: Any = WhisperForConditionalGeneration.from_pretrained(
                checkpoint.folder,
                dtype=torch.float16 if where.type == "cuda" else torch.float32,
                use_safetensors=True,
                local_files_only=True,
            )
            return Whisper(whisper.to(where).eval(), features, tokenizer)
        except Exception as fault:
            raise EngineFault(
                f"The speech model {checkpoint.name} cannot be loaded ({brief(fault)}). Get it again, with "
                "preprocessor_config.json, tokenizer.json and generation_config.json."
            ) from None


def _silently(_what: str, _fraction: float) -> None: ...
