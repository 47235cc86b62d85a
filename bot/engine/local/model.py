"""A model that is ready to be asked: what computes it, what reads and writes its text."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Protocol

from bot.engine.base import ChatMessage, SamplingSettings
from bot.engine.local.answer import TextStream, Vocabulary
from bot.engine.local.runner import Runner
from bot.engine.local.settings import LocalSettings

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from bot.engine.local.grammar import Grammar

Progress = Callable[[str, float], None]
"""Told what is being done, and how much of it is (0 to 1)."""


class Texts(Vocabulary, Protocol):
    """Between text and tokens; see `text.Texts`. Used from several threads."""

    @property
    def end_tokens(self) -> frozenset[int]:
        """The tokens that end an answer."""

    def chat(self, messages: Sequence[ChatMessage], tools: Sequence[Mapping[str, Any]] = ()) -> list[int]:
        """The tokens that ask for the answer to `messages`."""

    def encode(self, text: str) -> list[int]:
        """The tokens of a text that is to be continued."""

    def count(self, text: str) -> int:
        """How many tokens a text has by itself."""

    def stream(self, stops: Sequence[str], *, prompt: Sequence[int] = ()) -> TextStream:
        """What turns the tokens of one answer into text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Everything that the engine needs of a loaded model. `grammar` raises `EngineRefused` for a bad one."""

    runner: Runner
    texts: Texts
    counting: Texts
    """The same with a tokenizer of its own, so that a short text never waits while a long one is read."""
    grammar: Callable[[SamplingSettings], Grammar | None]


Loader = Callable[[LocalSettings, Progress], Model]


def load_model(settings: LocalSettings, progress: Progress) -> Model:
    """Load what `settings` name; takes seconds to minutes. Raises `EngineFault` that says what to do."""
    from bot.engine.local.assembly import runner_of
    from bot.engine.local.grammar import grammar_of
    from bot.engine.local.load import load
    from bot.engine.local.text import Texts as ModelTexts

    loaded = load(settings, progress)
    progress("arranging the weights and making the cache", 0.0)
    runner = runner_of(loaded, settings, progress)
    progress("ready", 1.0)
    tokenizer, vocabulary = loaded.tokenizer, runner.vocabulary  # for `grammar`, which is not to keep the weights

    name = PurePath(loaded.name).name  # those who ask need not know where its folder lies

    def texts(own: PreTrainedTokenizerBase) -> ModelTexts:
        return ModelTexts(
            own,
            chat_template=settings.chat_template,
            model=name,
            end_tokens=loaded.end_tokens,
            context_tokens=runner.context_tokens,
        )

    return Model(
        runner=runner,
        texts=texts(tokenizer),
        counting=texts(copy.deepcopy(tokenizer)),
        grammar=lambda sampling: grammar_of(sampling, tokenizer, vocabulary),
    )
