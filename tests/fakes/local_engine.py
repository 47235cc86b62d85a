"""A model that costs nothing, for the engine's thread: it keeps the runner's rules, checks the engine's, and can break.

What it "computes" depends on the whole sequence by way of its KV cache, as a real model's answer does: a block that
two requests share wrongly, or that was given away too early, changes the answer. `expected` says what is right.
"""

from __future__ import annotations

import codecs
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.engine.base import ChatMessage, EngineRefused
from bot.engine.local.model import Model, Progress
from bot.engine.local.request import Chunk, Request, Step
from bot.engine.local.runner import Drawn
from bot.engine.local.settings import LocalSettings
from bot.engine.stops import StopWatch

END = 256
VOCABULARY = 258
_MASK = (1 << 61) - 1
_WAIT_SECONDS = 20.0


class OutOfMemoryError(RuntimeError):
    """What torch raises, by name."""


class LostKeys(AssertionError):
    """The engine had something computed from keys that were never written, or wrote over another's."""


def _mixed(state: int, token: int) -> int:
    return ((state ^ (token + 1)) * 0x9E3779B97F4A7C15 + 0x7F4A7C15) & _MASK


def _next(state: int, seed: int, endless: bool) -> int:
    value = _mixed(state, seed & 0xFFFF) >> 20
    if not endless and value % 61 == 0:
        return END
    return 97 + value % 26


def expected(
    prompt: Sequence[int], seed: int, count: int, *, endless: bool = False, through: bool = False
) -> list[int]:
    """The tokens that follow `prompt`, up to `count` or to the end token (included), or `through` that."""
    state = 0
    written: list[int] = []
    for token in prompt:
        state = _mixed(state, token)
    while len(written) < count:
        written.append(_next(state, seed, endless))
        if written[-1] == END and not through:
            break
        state = _mixed(state, written[-1])
    return written


@dataclass(slots=True)
class _Launched:
    runner: FakeRunner
    step: Step
    drawn: list[Drawn]

    def wait(self) -> list[Drawn]:
        self.runner.in_flight -= 1
        if self.runner.on_wait:
            self.runner.on_wait(self.step)
        return self.drawn


@dataclass(eq=False)
class FakeRunner:
    """`on_launch` and `on_wait` are called in the engine's thread and may raise or block; `odd` makes NaN of requests.

    `hold` keeps every launch from beginning until `let` allows it.
    """

    blocks: int = 65
    context_tokens: int = 256
    step_tokens: int = 64
    vocabulary: int = VOCABULARY
    overlap: bool = False
    block_tokens: int = 8
    endless: bool = False
    on_launch: Callable[[Step], None] | None = None
    on_wait: Callable[[Step], None] | None = None
    odd: Callable[[Request], bool] = lambda request: False
    launches: int = 0
    in_flight: int = 0
    closings: int = 0
    running: frozenset[int] = frozenset()
    """The requests of the last step, by id."""
    _keys: dict[int, int] = field(default_factory=dict)
    _drawn: deque[dict[int, tuple[int, int]]] = field(default_factory=lambda: deque(maxlen=2))
    """What the last steps drew, by request: the place and the token. Only a step ahead has not been told of it."""
    _gate: threading.Condition = field(default_factory=threading.Condition)
    _allowed: float = float("inf")
    _arrived: int = 0

    def launch(self, step: Step) -> _Launched:
        with self._gate:
            self._arrived += 1
            self._gate.notify_all()
            if not self._gate.wait_for(lambda: self._allowed > 0, _WAIT_SECONDS):
                raise TimeoutError("the test let no step begin")
            self._allowed -= 1
        self._rules(step)
        if self.on_launch:
            self.on_launch(step)
        self.launches += 1
        self.in_flight += 1
        assert self.in_flight <= (2 if self.overlap else 1)
        self._drawn.append({})
        self.running = frozenset(chunk.request.id for chunk in step.chunks)
        return _Launched(self, step, [drawn for chunk in step.chunks if (drawn := self._compute(chunk))])

    def close(self) -> None:
        self.closings += 1

    # -- for tests -------------------------------------------------------------------------------------
    def hold(self) -> None:
        with self._gate:
            self._allowed = 0

    def let(self, steps: float = float("inf")) -> None:
        with self._gate:
            self._allowed += steps
            self._gate.notify_all()

    def wait_for_arrivals(self, steps: int) -> None:
        """Until so many launches were asked for, those that are held included. Not for the event loop."""
        with self._gate:
            if not self._gate.wait_for(lambda: self._arrived >= steps, _WAIT_SECONDS):
                raise TimeoutError(f"{self._arrived} of {steps} steps were asked for")

    @property
    def arrivals(self) -> int:
        return self._arrived

    # -- what a model does -----------------------------------------------------------------------------
    def _rules(self, step: Step) -> None:
        requests = [chunk.request for chunk in step.chunks]
        slots = [request.slot for request in requests]
        assert 0 < step.tokens <= self.step_tokens
        assert all(chunk.count == 1 for chunk in step.chunks[: step.decodes])
        assert len(set(slots)) == len(slots) and min(slots) >= 0, "a slot is held twice"
        assert not any(request.ended for request in requests), "an ended request was scheduled"
        written = [block for chunk in step.chunks for block in self._written(chunk)]
        assert len(set(written)) == len(written), "two requests write into one block"
        assert all(0 < block < self.blocks for block in written)

    def _written(self, chunk: Chunk) -> set[int]:
        size = self.block_tokens
        last = (chunk.start + chunk.count - 1) // size
        return set(chunk.request.blocks[chunk.start // size : last + 1])

    def _compute(self, chunk: Chunk) -> Drawn | None:
        request, size = chunk.request, self.block_tokens
        state = 0
        if chunk.start:
            before = chunk.start - 1
            at = request.blocks[before // size] * size + before % size
            if at not in self._keys:
                raise LostKeys(f"request {request.id} has no key at {before}")
            state = self._keys[at]
        for position in range(chunk.start, chunk.start + chunk.count):
            state = _mixed(state, self._token(request, position))
            self._keys[request.blocks[position // size] * size + position % size] = state
        if not chunk.samples:
            return None
        token = _next(state, request.seed, self.endless)
        self._drawn[-1][request.id] = (chunk.start + chunk.count, token)
        if self.odd(request):
            return Drawn(0, finite=False)
        top = ((token, -0.5), (97, -1.5)) if request.sampling.logprobs else ()
        return Drawn(token, logprob=-0.5, top=top[: request.sampling.top_logprobs])

    def _token(self, request: Request, position: int) -> int:
        if position < len(request.tokens):
            return request.tokens[position]
        assert self.overlap, "a token was computed before it was known"
        drawn = next(step[request.id] for step in reversed(self._drawn) if request.id in step)
        assert drawn[0] == position
        return drawn[1]


class FakeTextStream:
    """Bytes to text, up to the first stop string."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._watch = StopWatch(stops)

    @property
    def stopped(self) -> bool:
        return self._watch.stopped

    def feed(self, tokens: Sequence[int]) -> str:
        return self._watch.feed(self._decoder.decode(bytes(token for token in tokens if token < END)))

    def finish(self) -> str:
        return self._watch.feed(self._decoder.decode(b"", final=True)) + self._watch.flush()


class FakeTexts:
    """A token is a byte."""

    end_tokens = frozenset({END})

    def chat(self, messages: Sequence[ChatMessage], tools: Sequence[Mapping[str, Any]] = ()) -> list[int]:
        return self.encode("".join(f"{message['role']}: {message['content']}\n" for message in messages))

    def encode(self, text: str) -> list[int]:
        if not text:
            raise EngineRefused("The prompt is empty: give at least one character.", field="prompt")
        return list(text.encode())

    def count(self, text: str) -> int:
        return len(text.encode())

    def token(self, token_id: int) -> tuple[str, bytes]:
        raw = bytes([token_id]) if token_id < END else b"</s>"
        return raw.decode(errors="replace"), raw

    def stream(self, stops: Sequence[str], *, prompt: Sequence[int] = ()) -> FakeTextStream:
        return FakeTextStream(stops)


def loader_of(runner: FakeRunner, *, before: Callable[[Progress], None] | None = None) -> Callable[..., Model]:
    """What `LocalEngine` takes as its `loader`; `before` is called in the thread first and may raise."""

    def load(settings: LocalSettings, progress: Progress) -> Model:
        if before:
            before(progress)
        return Model(runner=runner, texts=FakeTexts(), counting=FakeTexts(), grammar=lambda sampling: None)

    return load
