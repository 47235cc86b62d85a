"""From the tokens of one request to the text of one answer, and when it is over."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bot.engine.base import EngineFinish, TokenLogprob, Usage
from bot.engine.local.outlet import Outlet, Piece
from bot.engine.local.request import Request
from bot.engine.local.runner import Drawn


class TextStream(Protocol):
    """One answer's tokens on their way to text; see `text.TextStream`."""

    @property
    def stopped(self) -> bool:
        """A stop string has come; what `feed` gave ends before it."""

    def feed(self, tokens: Sequence[int], /) -> str:
        """The text that is safe to show now."""

    def finish(self) -> str:
        """What was held back, now that nothing follows."""


class Vocabulary(Protocol):
    """What single tokens are; see `text.Texts`."""

    def token(self, token_id: int, /) -> tuple[str, bytes]:
        """A token's text and its bytes."""


@dataclass(slots=True, eq=False)
class Asked:
    """One question with its `n` answers: one stream, one usage, one fault for all."""

    outlet: Outlet
    answers: list[Answer] = field(default_factory=list)
    ended: bool = False

    @property
    def requests(self) -> list[Request]:
        return [answer.request for answer in self.answers]

    def usage(self) -> Usage | None:
        """That of all answers; None before the last of them is over."""
        if not all(answer.over for answer in self.answers):
            return None
        first = self.answers[0].request
        return Usage(
            prompt_tokens=first.prompt_length,
            completion_tokens=sum(answer.written for answer in self.answers),
            cached_tokens=min(first.cached, first.prompt_length),
        )


@dataclass(slots=True, eq=False, kw_only=True)
class Answer:
    """One of the answers to a question, while it is generated."""

    request: Request
    asked: Asked
    index: int
    text: TextStream
    vocabulary: Vocabulary
    ends: Collection[int]
    """The tokens that end it: none where it is to write on to `max_tokens`."""
    written: int = 0
    at: float = 0.0
    """When its last token came."""
    over: bool = False
    _silent: int = 0
    _logprobs: list[TokenLogprob] = field(default_factory=list)

    def take(self, drawn: Drawn) -> Piece | None:
        """The next token. None while nothing can be shown: such tokens are told with the next text.

        The end token counts as written; neither its text nor its log-probability is shown. Raises `EngineFault`
        when the answer has left its grammar.
        """
        self.written += 1
        self._silent += 1
        if self.request.grammar is not None:
            self.request.grammar.accept(drawn.token)
        finish: EngineFinish = ""
        if drawn.token in self.ends:
            text, finish = self.text.finish(), "stop"
        else:
            text = self.text.feed((drawn.token,))
            if self.request.sampling.logprobs:
                self._logprobs.append(self._logprob(drawn))
            finish = self._finish()
            if finish and not self.text.stopped:
                text += self.text.finish()
        if not (text or finish):
            return None
        self.over = bool(finish)
        return self._piece(text, finish)

    def _finish(self) -> EngineFinish:
        grammar = self.request.grammar
        if self.text.stopped or (grammar is not None and grammar.done):
            return "stop"
        return "length" if self.written >= self.request.max_tokens else ""

    def _piece(self, text: str, finish: EngineFinish) -> Piece:
        usage = self.asked.usage() if finish else None
        piece = Piece(self.asked.outlet, self.index, text, self._silent, self._logprobs, finish, usage)
        self._silent, self._logprobs = 0, []
        return piece

    def _logprob(self, drawn: Drawn) -> TokenLogprob:
        token, raw = self.vocabulary.token(drawn.token)
        top = tuple(self._likely(token_id, logprob) for token_id, logprob in drawn.top)
        return TokenLogprob(token=token, token_id=drawn.token, logprob=drawn.logprob, raw=raw, top=top)

    def _likely(self, token_id: int, logprob: float) -> TokenLogprob:
        token, raw = self.vocabulary.token(token_id)
        return TokenLogprob(token=token, token_id=token_id, logprob=logprob, raw=raw)
