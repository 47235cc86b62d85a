"""Where deltas wait for their reader: one at most for each answer, so that slow readers cost nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from bot.engine.base import Delta, EngineFault, EngineFinish, TokenLogprob, Usage


@dataclass(slots=True)
class Piece:
    """What steps brought for the answer `index`. `usage` comes with the last answer's end."""

    outlet: Outlet
    index: int
    text: str
    tokens: int
    logprobs: list[TokenLogprob]
    finish: EngineFinish = ""
    usage: Usage | None = None

    def deliver(self) -> None:
        self.outlet.put(self)


@dataclass(slots=True)
class Failure:
    """The end of a whole stream by a fault."""

    outlet: Outlet
    fault: EngineFault

    def deliver(self) -> None:
        self.outlet.fail(self.fault)


@dataclass(slots=True)
class _Unread:
    """Everything about one answer that its reader has not taken yet."""

    texts: list[str]
    tokens: int
    logprobs: list[TokenLogprob]
    finish: EngineFinish

    def add(self, piece: Piece) -> None:
        self.texts.append(piece.text)
        self.tokens += piece.tokens
        self.logprobs += piece.logprobs
        self.finish = piece.finish


@dataclass(slots=True, eq=False)
class Outlet:
    """One stream's side on the event loop; all of it runs there. `left` answers have not ended yet."""

    left: int
    _unread: dict[int, _Unread] = field(default_factory=dict)
    _usage: Usage | None = None
    _fault: EngineFault | None = None
    _reader: asyncio.Future[None] | None = None

    @property
    def over(self) -> bool:
        """Nothing more will be put in."""
        return self._fault is not None or not self.left

    def put(self, piece: Piece) -> None:
        if self.over:
            return
        unread = self._unread.get(piece.index)
        if unread is None:
            self._unread[piece.index] = _Unread([piece.text], piece.tokens, piece.logprobs, piece.finish)
        else:
            unread.add(piece)
        if piece.finish:
            self.left -= 1
            self._usage = piece.usage
        self._wake()

    def fail(self, fault: EngineFault) -> None:
        """End the stream; what was written before is read first."""
        if not self.over:
            self._fault = fault
            self._wake()

    async def read(self) -> Delta | None:
        """What came since the last time, one answer at a time; None after the end. Raises the stream's fault."""
        while not self._unread:
            if self._fault is not None:
                raise self._fault
            if not self.left:
                return None
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        index = next(iter(self._unread))
        unread = self._unread.pop(index)
        last = not self.left and not self._unread
        return Delta(
            text="".join(unread.texts),
            tokens=unread.tokens,
            finish_reason=unread.finish,
            usage=self._usage if last else None,
            index=index,
            logprobs=tuple(unread.logprobs),
        )

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
