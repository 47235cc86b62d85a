"""Who waits for an answer, and how each of them ends: once, with everything that it held given back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence

from bot.engine.base import EngineBusy, EngineFault, EngineRefused, EngineSlow
from bot.engine.local.answer import Answer, Asked
from bot.engine.local.faults import told
from bot.engine.local.outlet import Failure, Piece
from bot.engine.local.request import Request
from bot.engine.local.runner import Drawn
from bot.engine.local.scheduler import QueueFull, Scheduler, Unfit
from bot.engine.local.stats import Counts

_log = logging.getLogger(__name__)

Deliver = Callable[[Sequence[Piece | Failure]], None]


class Register:
    """The answers that are not over, and what is to be handed to their readers. Used from the engine's thread."""

    def __init__(self, scheduler: Scheduler, counts: Counts, deliver: Deliver) -> None:
        self._scheduler, self._counts, self._deliver = scheduler, counts, deliver
        self._answers: dict[int, Answer] = {}
        self._out: list[Piece | Failure] = []
        self._closed = ""

    def find(self, request: Request) -> Answer | None:
        """The answer to `request`; None when it is over."""
        return self._answers.get(request.id)

    def enter(self, asked: Asked) -> None:
        """Let the scheduler have all requests of `asked`, or none."""
        self._counts.requests += 1
        if self._closed:
            return self.fail(asked, self._closed, "closed")
        try:
            for answer in asked.answers:
                self._scheduler.add(answer.request)
                self._answers[answer.request.id] = answer
        except QueueFull as full:
            self._counts.refused += 1
            self._end(asked, EngineBusy(str(full)))
        except Unfit as unfit:
            self._counts.refused += 1
            self._end(asked, EngineRefused(str(unfit)))
        except Exception as error:  # whatever is wrong with this one, the others go on
            _log.exception("A request could not be queued.")
            self.fail(asked, f"The request could not be queued ({told(error)}).", "internal")
        return None

    def cancel(self, asked: Asked) -> None:
        """Nobody reads any more: give everything back."""
        if not asked.ended:
            self._counts.cancelled += 1
            self._release(asked)

    def grow(self, answer: Answer, token: Drawn, now: float) -> None:
        """The next token of an answer came, which may be its last. What goes wrong with it is its own fault alone."""
        try:
            self._grow(answer, token, now)
        except EngineFault as fault:
            self.fail(answer.asked, str(fault), "grammar")
        except Exception as error:
            _log.exception("An answer's tokens could not be made into text.")
            self.fail(answer.asked, f"The answer's tokens could not be made into text ({told(error)}).", "internal")

    def _grow(self, answer: Answer, token: Drawn, now: float) -> None:
        counts = self._counts
        if answer.written:
            counts.itl.add(now - answer.at)
        else:
            counts.ttft.add(now - answer.request.arrived)
        answer.at = now
        piece = answer.take(token)
        if piece is None:
            return
        self._out.append(piece)
        if piece.finish:
            self._forget(answer)
            if piece.usage is not None:
                answer.asked.ended = True
                counts.finished += 1

    def expire(self, request: Request) -> None:
        """Its time is over: that of all answers to the same question."""
        answer = self.find(request)
        if answer is None:
            return self._scheduler.cancel(request)
        self._counts.expired += 1
        how = "was not finished" if answer.written else "did not begin"
        self._end(answer.asked, EngineSlow(f"The answer {how} within the time that it was given."))
        return None

    def fail(self, asked: Asked, fault: str, reason: str) -> None:
        """End a stream by a fault; `reason` is how it is counted."""
        if not asked.ended:
            self._counts.faults[reason] += 1
            self._end(asked, EngineFault(fault))

    def fail_all(self, requests: Iterable[Request], fault: str, reason: str) -> None:
        for request in requests:
            answer = self.find(request)
            if answer is not None:
                self.fail(answer.asked, fault, reason)

    def fail_everybody(self, fault: str, reason: str) -> None:
        self.fail_all([answer.request for answer in self._answers.values()], fault, reason)

    def close(self, fault: str, reason: str) -> None:
        """End every stream that is left, without asking the scheduler, which may be what broke."""
        self._closed = fault
        for answer in self._answers.values():
            if not answer.asked.ended:
                answer.asked.ended = True
                self._counts.faults[reason] += 1
                self._out.append(Failure(answer.asked.outlet, EngineFault(fault)))
        self._answers.clear()

    def hand_out(self) -> None:
        """Give what came since the last time to those who read, all at once."""
        if self._out:
            out, self._out = self._out, []
            self._deliver(out)

    def _end(self, asked: Asked, fault: EngineFault) -> None:
        if not asked.ended:
            self._release(asked)
            self._out.append(Failure(asked.outlet, fault))

    def _release(self, asked: Asked) -> None:
        asked.ended = True
        for answer in asked.answers:
            self._forget(answer)

    def _forget(self, answer: Answer) -> None:
        if self._answers.pop(answer.request.id, None) is not None:
            self._scheduler.cancel(answer.request)
